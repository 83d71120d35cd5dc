#!/usr/bin/env bash
# nbval 0.11.0 with pytest 9.2.0: a notebook in which a cell ran into --nbval-cell-timeout can end green.
#
# One would expect a run in which a cell took longer than its limit to fail. nbval interrupts the cell (plugin.py, the
# handler of the timeout in IPyNbCell.runtest: kernel.interrupt(), parent.timed_out = True) and then looks only for an
# output of the kind KeyboardInterrupt. A cell that handles the interrupt, as one that waits for a training and keeps its
# state does, has none, so it is compared as ever and passes. All cells below it are marked as expected to fail, whether
# they fail or not: a wrong output becomes "xfailed", a right one "xpassed", and the exit code is 0. Here the last cell's
# stored output is wrong on purpose.
#
# Prints what pytest says, and fails if that is no longer so.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 nbformat==5.11.1 jupyter_client==8.10.0 2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/write.py" <<'PY'
import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

WAIT = """import time
try:
    time.sleep(60)
except KeyboardInterrupt:
    pass
print("kept")"""


def cell(name, source, printed):
    return new_code_cell(source, id=name, execution_count=1, outputs=[new_output("stream", name="stdout", text=printed)])


kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
cells = [cell("wait", WAIT, "kept\n"), cell("right", "print(1)", "1\n"), cell("wrong", "print(2)", "3\n")]
nbformat.write(new_notebook(cells=cells, metadata=kernel), "waits.ipynb")
PY

cd "$work"
venv/bin/python write.py
code=0
venv/bin/python -m pytest --nbval --nbval-current-env --nbval-cell-timeout 2 -q -p no:cacheprovider waits.ipynb >said.txt 2>&1 || code=$?
said=$(grep -oE '[0-9]+ (passed|failed|xfailed|xpassed)' said.txt | sort | tr '\n' ' ')
echo "pytest says: $said"
echo "exit code:   $code"
[ "$said" = "1 passed 1 xfailed 1 xpassed " ] && [ "$code" = 0 ]
