#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: --dist loadgroup accepts the mark xdist_group and keeps nothing together.
#
# One would expect tests of one group to run on one worker, as the documentation says, and as they do with pytest 8.4.2.
# xdist writes the group into item._nodeid (xdist/remote.py, pytest_collection_modifyitems), and its scheduler reads it
# from the node's id. Since pytest 9.2, Node.nodeid is computed from another attribute (_pytest/nodes.py), so the group
# never arrives. Nothing is said: every test is a group of its own. Whoever marks tests because they share a file, a port
# or all cores gets them at the same time.
#
# Two workers, four tests of one group that sleep: prints how many workers ran them, and fails if that changes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/test_group.py" <<'PY'
import time

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(4))
def test_it(number):
    time.sleep(0.5)
PY

workers() {  # version of pytest -> how many workers ran the group
  python3 -m venv "$work/$1"
  "$work/$1/bin/python" -m pip install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0 \
    2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }
  (cd "$work" && "$1/bin/python" -m pytest -n 2 --dist loadgroup -v -p no:cacheprovider test_group.py) |
    grep -oE '^\[gw[0-9]\]' | sort -u | wc -l
}

old=$(workers 8.4.2) new=$(workers 9.2.0)
echo "workers that share one group: $old with pytest 8.4.2, $new with pytest 9.2.0"
[ "$old" -eq 1 ] && [ "$new" -eq 2 ]
