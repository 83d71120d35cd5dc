"""For all tests: no user's cache or workbook is touched, where the Multi30k files lie, and which files come first."""

import gc
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from course.authoring.limits import cell_limit

SLOW = 10  # seconds that a test marked as slow counts for

# Busy machines must not fail a test, and the same code must give the same answer twice.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

# Workers share the cores: with as many threads each as there are cores, all would wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a thread that waits leaves its core to others

# A pytest that a shell starts in the background ignores Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Read before any test changes the environment.
_MULTI30K_PLACES = [
    Path(place)
    for place in (
        os.environ.get("COURSE_MULTI30K"),
        Path(__file__).parents[1].parent / "shared/data/multi30k",
    )
    if place
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Where workers share the run, let them begin with the longest files, so that all end at about the same time."""
    if hasattr(config, "workerinput"):
        seconds: dict[str, float] = {}
        for item in items:
            seconds[group(item)] = seconds.get(group(item), 0) + expected_seconds(item)
        items.sort(key=lambda item: -seconds[group(item)])  # equals stay in their order


@pytest.fixture
def no_collector():
    """Without garbage collection: a worker of a whole run holds millions of objects of other tests to look through."""
    gc.disable()
    yield
    gc.enable()


def group(item: pytest.Item) -> str:
    """Name what one worker does in one go: a file of tests; the two notebooks of a lesson (see the nbval plugin)."""
    return item.path.name if item.path.suffix == ".ipynb" else str(item.path)


def expected_seconds(item: pytest.Item) -> float:
    """What a test is known to take: a notebook's cell its own limit, a slow test `SLOW`, any other one nothing."""
    cell = getattr(item, "cell", None)  # of nbval
    if cell is not None:
        return cell_limit(cell.metadata.get("tags", [])) or 0
    return SLOW if item.get_closest_marker("slow") else 0


@pytest.fixture(scope="session")
def _places(tmp_path_factory) -> Iterator[Path]:
    """Names of new folders. (pytest looks at all that are there to number one more: over 8,000 tests, for a minute.)"""
    root = tmp_path_factory.mktemp("own")
    return (root / str(number) for number in itertools.count())


def _set_folders(place: Path, patch: pytest.MonkeyPatch) -> None:
    """Let an empty data folder and workbook be the course's, and no other place hold a corpus."""
    for name, folder in (("COURSE_DATA", place / "course_data"), ("COURSE_WORKBOOK", place / "course_workbook")):
        folder.mkdir(parents=True)
        patch.setenv(name, str(folder))
    patch.delenv("COURSE_MULTI30K", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _nobodys_folders(_places):
    """Keep the user's own out of reach of fixtures of a module too, which are made before those of a test."""
    with pytest.MonkeyPatch.context() as patch:
        _set_folders(next(_places), patch)
        yield


@pytest.fixture(autouse=True)
def _own_folders(_places, monkeypatch):
    """Give every test folders of its own."""
    _set_folders(next(_places), monkeypatch)


@pytest.fixture(scope="session")
def multi30k_folder():
    """A folder with the Multi30k .gz files; a test that loads the corpus sets COURSE_MULTI30K to it."""
    for place in _MULTI30K_PLACES:
        if (place / "train.en.gz").is_file():
            return place.resolve()
    pytest.skip("Multi30k is not here: set COURSE_MULTI30K to a folder with its .gz files to run this test")
    return None
