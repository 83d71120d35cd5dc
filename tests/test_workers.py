"""`make test` lets several workers share the run: every test once, a file on one worker, the longest first."""

import collections
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_validation import PLUGIN, code, write

pytest.importorskip("xdist", reason="pytest-xdist is not installed (pip install -e .[test])")

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKERS = re.search(r"^WORKERS := (.*)$", MAKEFILE, re.MULTILINE)[1]
EVERYTHING = "--nbval tests notebooks solutions"
RAN = re.compile(r"^\[(gw\d)\] \[ *\d+%\] (PASSED|FAILED) (\w+/\w+)(?:\.py|::ipynb)::(.+?) *$", re.MULTILINE)

QUICK = """
import os
import pytest

@pytest.mark.parametrize("i", range(4))
def test_quick(i):
    assert os.environ["OMP_NUM_THREADS"] == "1"
"""
SLOW = """
import pytest

@pytest.mark.slow
def test_slow():
    pass
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Exit status of a small run that two workers share, and its (worker, outcome, file, test), in order."""
    root = tmp_path_factory.mktemp("shared")
    (root / "tests").mkdir()
    (root / "notebooks").mkdir()
    (root / "solutions").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    (root / "tests" / "test_a.py").write_text(QUICK, encoding="utf-8")
    (root / "tests" / "test_b.py").write_text(SLOW, encoding="utf-8")
    write(root / "notebooks" / "c.ipynb", code("x = 1"), code("print(x)", "1\n"), code("print(x + 1)", "2\n"))
    write(root / "notebooks" / "d.ipynb", code("print(1)", "2\n"), code("print(3)", "3\n"))
    write(root / "notebooks" / "e.ipynb", code("x = 1"), code("print(x)", "1\n", tags=["limit-90"]))
    write(root / "solutions" / "e.ipynb", code("x = 2"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *WORKERS.split(), "-n", "2", *EVERYTHING.split(), "-v"]
        + ["-p", PLUGIN, "-p", "no:cacheprovider", "--color=no"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    return run.returncode, RAN.findall(run.stdout)


def test_every_test_and_cell_runs_once_and_one_that_fails_fails_the_run(shared):
    status, ran = shared
    assert status == 1
    sizes = collections.Counter(file for _, _, file, _ in ran)
    assert sizes == {
        "tests/test_a": 4,
        "tests/test_b": 1,
        "notebooks/c": 3,
        "notebooks/d": 2,
        "notebooks/e": 2,
        "solutions/e": 1,
    }
    assert len({(file, test) for _, _, file, test in ran}) == len(ran)
    assert [(file, test) for _, outcome, file, test in ran if outcome == "FAILED"] == [("notebooks/d", "Cell 0")]


def test_a_file_stays_on_one_worker(shared):
    """A notebook has one kernel, and a module's fixtures are made once."""
    _, ran = shared
    assert len({(worker, file) for worker, _, file, _ in ran}) == 6
    assert {worker for worker, *_ in ran} == {"gw0", "gw1"}


def test_both_notebooks_of_a_lesson_stay_on_one_worker(shared):
    """Two trainings at the same time would want the same cores, and take many times as long."""
    _, ran = shared
    assert len({worker for worker, _, file, _ in ran if file.endswith("/e")}) == 1


def test_the_longest_files_come_first(shared):
    """Here the notebook with a cell that may take 90 seconds, and the file with a test marked as slow."""
    _, ran = shared
    first = {worker: file for worker, _, file, _ in reversed(ran)}
    assert set(first.values()) == {"notebooks/e", "tests/test_b"}


def test_a_worker_that_crashes_ends_the_run_with_the_name_of_the_test(tmp_path):
    """Else xdist gives the file to one new worker after the other, and may wait for ever."""
    (tmp_path / "test_crash.py").write_text("import os\n\ndef test_it():\n    os._exit(3)\n", encoding="utf-8")
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *WORKERS.split(), "-n", "2", "-p", "no:cacheprovider", "--color=no"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 1
    assert "crashed while running 'test_crash.py::test_it'" in run.stdout


def test_make_test_runs_everything_in_one_run_of_pytest():
    recipe = re.search(r"^test: lint  ##.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)[1]
    assert recipe == f"\t$(PYTEST) {EVERYTHING}\n"
    assert "\nPYTEST := $(BIN)/python -m pytest $(WORKERS)\n" in MAKEFILE


def test_systems_without_make_run_the_same():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.findall(r"python -m pytest (.*)", workflow) == [f"{WORKERS} {EVERYTHING}"]


def test_no_test_and_no_notebook_lies_elsewhere():
    elsewhere = [
        path
        for folder in ("course", "docs", "findings")
        for pattern in ("test_*.py", "*_test.py", "*.ipynb")
        for path in (ROOT / folder).rglob(pattern)
    ]
    assert elsewhere == []
