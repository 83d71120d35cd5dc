"""What the course adds to nbval. Nothing is to be asked for: ``pytest --nbval notebooks solutions`` finds it.

nbval compares the text of outputs exactly, skips pictures and takes a cell that handles an interrupt for a good one.
With this plugin

- PNG pictures are compared too, also those embedded in HTML: same number, same size, and in no tile a root mean square
  difference above ``pictures.TOLERANCE``, which is more than rendering on another machine changes;
- a cell that runs into its limit (see ``limits.py``) fails, whatever it does about it, and no cell below it counts;
- where outputs differ, the report names the versions that are not those of the stored ones (``constraints.txt``);
- no cell is "expected to fail": what pytest would call xfailed or xpassed fails;
- every notebook runs in the environment in which it was built, each with an empty workbook of its own;
- where workers share the run (pytest-xdist, ``--dist loadfile``), both notebooks of a lesson stay on one of them;
- the kernel is the Python that runs pytest.

A widget's live view is not compared: its ids are random (nbval skips it); its static frame is. Only notebooks that the
course has built are treated so; they say ``course`` in their metadata.
"""

import contextlib
import copy
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from course.authoring.html_pictures import KINDS, pngs_of, without_pngs
from course.authoring.limits import CELL, OUTPUT, cell_limit
from course.authoring.pictures import difference
from course.authoring.run import build_font_cache, kernel_environment
from course.authoring.versions import other_versions

Outputs = list[dict[str, Any]]

_NBVALS_OWN_LIMIT = 2000.0  # seconds; the default of --nbval-cell-timeout


@dataclass
class Visit:
    """What is known of a notebook while it is validated.

    Attributes:
        folder: what its kernel writes lies here; None before it has started.
        stopped: why no further cell is run, or None.
    """

    folder: tempfile.TemporaryDirectory[str] | None = None
    stopped: str | None = None


_VISIT = pytest.StashKey[Visit]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:  # noqa: ANN401
    """Keep a lesson as it is handed out and as it is solved on one worker, one after the other.

    Side by side their trainings would have twice as many threads as there are cores, and take many times as long.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LessonScheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return file.rpartition("/")[2] if file.endswith(".ipynb") else file

    return LessonScheduling(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Wrap the run and the comparison of a cell, and once per notebook the start and end of its kernel."""
    if not isinstance(item, IPyNbCell) or "course" not in item.parent.nb.metadata:
        return
    notebook = item.parent
    if _VISIT not in notebook.stash:
        visit = notebook.stash[_VISIT] = Visit()
        notebook.setup = _in_own_environment(notebook, visit, notebook.setup)
        notebook.teardown = _then_removed(visit, notebook.teardown)
    item.output_timeout = OUTPUT
    item.compare_outputs = _with_pictures(item, item.compare_outputs)
    item.runtest = _within_its_limit(item, notebook.stash[_VISIT], item.runtest)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn "expected to fail" into a failure, whether the cell then failed or passed."""
    report = yield
    if isinstance(item, IPyNbCell) and _VISIT in item.parent.stash and hasattr(report, "wasxfail"):
        happened = "passed" if report.outcome == "passed" else "failed"
        report.outcome = "failed"
        report.longrepr = (
            f"{_name(item)} was marked as expected to fail ({report.wasxfail}); it {happened}. No cell may be."
        )
        del report.wasxfail
    return report


def _name(cell: IPyNbCell) -> str:
    return f"{cell.parent.path.parent.name}/{cell.parent.path.name}, cell {cell.cell_num} ({cell.cell.get('id')})"


def _within_its_limit(cell: IPyNbCell, visit: Visit, runtest: Callable[[], None]) -> Callable[[], None]:
    """Return a run that gives the cell its own limit and fails if it was reached.

    nbval then interrupts the cell; if the cell handles that, nbval goes on as if nothing had been.
    """

    def run() -> None:
        if visit.stopped:
            pytest.skip(visit.stopped)
        limit, error = _limit(cell), None
        try:
            with _option(cell.config, "nbval_cell_timeout", limit):
                runtest()
        except Exception as raised:
            error = raised
        if cell.parent.timed_out:
            cell.parent.timed_out = False  # nbval would mark all cells below as expected to fail
            visit.stopped = f"{_name(cell)} ran into its limit of {limit:g} s"
            told = f" nbval says: {error}" if error else " The cell handled the interrupt."
            cell.raise_cell_error(f"{visit.stopped}.{told}", getattr(error, "inner_traceback", None))
        if error:
            raise error

    return run


def _limit(cell: IPyNbCell) -> float:
    """Return the cell's own limit in seconds; else the one given on the command line, else the course's."""
    given = float(cell.config.option.nbval_cell_timeout)
    usual = CELL if given == _NBVALS_OWN_LIMIT else given
    return cell_limit(cell.cell.metadata.get("tags", [])) or usual


@contextlib.contextmanager
def _option(config: pytest.Config, name: str, value: object) -> Iterator[None]:
    """Set an option of nbval for a while: it reads them when it needs them."""
    before = getattr(config.option, name)
    setattr(config.option, name, value)
    try:
        yield
    finally:
        setattr(config.option, name, before)


@contextlib.contextmanager
def _environment(new: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while: a kernel that is started meanwhile inherits them."""
    old = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _in_own_environment(notebook: IPyNbFile, visit: Visit, setup: Callable[[], None]) -> Callable[[], None]:
    """Return a setup that starts a kernel of this Python, unless another is asked for, with the course's variables."""

    def start() -> None:
        visit.folder = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
        build_font_cache()
        this_python = not notebook.config.option.nbval_kernel_name
        with (
            _environment(kernel_environment(Path(visit.folder.name))),
            _option(notebook.config, "nbval_current_env", this_python),
        ):
            setup()

    return start


def _then_removed(visit: Visit, teardown: Callable[[], None]) -> Callable[[], None]:
    """Return a teardown that also removes the notebook's folder."""

    def stop() -> None:
        teardown()
        if visit.folder is not None:
            visit.folder.cleanup()

    return stop


def _with_pictures(cell: IPyNbCell, compare: Callable[..., bool]) -> Callable[..., bool]:
    """Return a comparison of text first, as nbval does it, then of pictures."""

    def compare_outputs(test: Outputs, ref: Outputs, skip_compare: tuple[str, ...] | None = None) -> bool:
        same, complaint = compare(_text_alone(test), _text_alone(ref), skip_compare), None
        if same:
            complaint = compare_pictures(_pictures(ref), _pictures(test))
        if same and complaint is None:
            return True
        told = [complaint, other_versions()]
        cell.comparison_traceback.extend(each for each in told if each)
        return False

    return compare_outputs


def _text_alone(outputs: Outputs) -> Outputs:
    """Return the outputs without the pictures that are embedded in their HTML; everything around them stays."""
    outputs = copy.deepcopy(outputs)
    for output in outputs:
        data = output.get("data", {})
        data.update({kind: without_pngs(data[kind])[0] for kind in KINDS if kind in data})
    return outputs


def _pictures(outputs: Outputs) -> list[bytes]:
    return [png for output in outputs for png in pngs_of(output.get("data", {}))]


def compare_pictures(stored: list[bytes], new: list[bytes]) -> str | None:
    """Return what differs between a cell's stored and new PNG pictures, or None.

    Args:
        stored: the PNG files in the notebook, in order.
        new: the PNG files that the cell has just drawn, in order.
    """
    if len(stored) != len(new):
        return f"{len(stored)} pictures are stored, {len(new)} were drawn"
    for number, pair in enumerate(zip(stored, new, strict=True), start=1):
        found = difference(*pair)
        if not found.is_same:
            return f"picture {number} of {len(stored)}: {found}"
    return None
