"""`python -m course.authoring new` makes a lesson that builds, validates, keeps every rule and passes its own tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="building notebooks needs the extra 'author'")
pytest.importorskip("nbgrader", reason="building notebooks needs the extra 'author'")

from course.authoring.__main__ import main
from course.authoring.new import new_lesson, places
from course.errors import CourseError

ROOT = Path(__file__).resolve().parent.parent
NUMBER, NAME = "98", "rows_and_means"  # no lesson of the course


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the course with one more lesson."""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "course", root / "course", ignore=shutil.ignore_patterns("__pycache__", "en-de", "en-fr"))
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    assert main(["new", NUMBER, NAME, "--root", str(root)]) == 0
    return root


def run(house, *arguments):
    """Run Python in the copy, so that it, and no installed course, is imported; return status and words."""
    environment = os.environ | {"PYTHONPATH": str(house)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=house, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_new_lesson_builds_validates_and_keeps_every_rule(house):
    status, told = run(house, "course.authoring", "build", NUMBER)
    assert status == 0, told
    assert run(house, "course.authoring", "check") == (0, "")
    for tree in ("solutions", "notebooks"):
        assert (house / tree / f"{NUMBER}_{NAME}.ipynb").is_file()
    status, told = run(
        house, "pytest", "-q", "--nbval", "notebooks", "solutions", "-p", "course.authoring.pytest_plugin"
    )
    assert status == 0, told
    assert "14 passed" in told


@pytest.mark.slow
def test_its_own_tests_and_those_of_every_exercise_pass(house):
    shutil.copy(ROOT / "tests" / "test_half_solved.py", house / "tests")
    status, told = run(
        house, "pytest", "-q", "tests/lessons", "tests/test_half_solved.py", "-k", f"{NUMBER} or figure or questions"
    )
    assert status == 0, told
    assert "6 passed" in told, told


def test_its_style_and_types_are_those_of_the_course(house):
    made = [str(path) for path in places(house, NUMBER, NAME).values()]
    assert run(house, "ruff", "check", "--no-cache", *made)[0] == 0
    assert run(house, "ruff", "format", "--no-cache", "--check", *made)[0] == 0
    for path in made:
        assert not re.search(r"@[A-Z]+@", Path(path).read_text(encoding="utf-8"))


def test_every_template_has_a_place():
    templates = {path.stem for path in (ROOT / "course" / "authoring" / "template").iterdir()}
    assert templates == set(places(ROOT, "04", "x"))


@pytest.mark.parametrize(
    ("number", "name", "message"),
    [
        ("x4", "masking", "has one or two digits"),
        ("104", "masking", "has one or two digits"),
        ("04", "Multi-head", "is of small letters"),
        ("04", "../masking", "is of small letters"),
    ],
)
def test_what_can_be_no_lesson_is_refused(tmp_path, number, name, message):
    with pytest.raises(CourseError, match=message):
        new_lesson(tmp_path, number, name)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capsys):
    first = new_lesson(tmp_path, "4", "heads")
    before = [path.read_bytes() for path in first]
    assert main(["new", "04", "other_heads", "--root", str(tmp_path)]) == 2
    assert "Lesson 04 has solutions" in capsys.readouterr().err.replace("\\", "/")
    first[0].unlink()
    with pytest.raises(CourseError, match="nothing is overwritten"):
        new_lesson(tmp_path, "04", "heads")  # its room is still there
    assert [path.read_bytes() for path in first[1:]] == before[1:]
