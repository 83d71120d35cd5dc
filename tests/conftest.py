"""Fixtures for all tests: no test touches a user's cache or workbook, and where the Multi30k files lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Busy machines must not fail a test, and the same code must give the same answer twice.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

# Read before any test changes the environment.
_MULTI30K_PLACES = [
    Path(place)
    for place in (
        os.environ.get("COURSE_MULTI30K"),
        Path(__file__).parents[1].parent / "shared/data/multi30k",
    )
    if place
]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory, monkeypatch):
    """Give every test an empty data folder and workbook of its own, and no other place to find a corpus."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("course_data")))
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path_factory.mktemp("course_workbook")))
    monkeypatch.delenv("COURSE_MULTI30K", raising=False)


@pytest.fixture(scope="session")
def multi30k_folder():
    """A folder with the Multi30k .gz files; a test that loads the corpus sets COURSE_MULTI30K to it."""
    for place in _MULTI30K_PLACES:
        if (place / "train.en.gz").is_file():
            return place.resolve()
    pytest.skip("Multi30k is not here: set COURSE_MULTI30K to a folder with its .gz files to run this test")
    return None
