"""The notebooks in the repository: up to date, whole, and as the rules want them. Nothing is executed here."""

import re
from pathlib import Path

import pytest

from course.authoring.minutes import count, stated
from course.authoring.rules import pair_problems, problems
from course.authoring.stamp import TREES, lesson_sources, read_notebook, stale
from course.authoring.tidy import PREDICT
from course.lab.registry import part

ROOT = Path(__file__).resolve().parent.parent
LESSONS = lesson_sources(ROOT)


def built(source, tree):
    path = ROOT / tree / f"{source.stem}.ipynb"
    if not path.exists():
        pytest.fail(f"{tree}/{path.name} is not built; run: python -m course.authoring build {source.stem[:2]}")
    return read_notebook(path)


def test_there_is_a_lesson():
    assert LESSONS


def test_no_notebook_is_stale():
    assert [str(item) for item in stale(ROOT)] == []


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("source", LESSONS, ids=lambda source: source.stem)
def test_the_notebook_keeps_every_rule(source, tree):
    assert problems(built(source, tree)) == []


@pytest.mark.parametrize("source", LESSONS, ids=lambda source: source.stem)
def test_the_two_notebooks_differ_in_the_solutions_alone(source):
    assert pair_problems(*(built(source, tree) for tree in TREES)) == []


@pytest.mark.parametrize("source", LESSONS, ids=lambda source: source.stem)
def test_the_cells_are_those_of_the_source(source):
    """A stamp can be copied, or survive a merge; the text itself cannot."""
    pytest.importorskip("jupytext", reason="reading a lesson's text needs the extra 'author'")
    pytest.importorskip("nbgrader", reason="clearing solutions needs the extra 'author'")
    from course.authoring.build import both_versions

    for tree, expected in both_versions(source).items():
        cells = built(source, tree)["cells"]
        found = [(cell["id"], "".join(cell["source"]), cell["metadata"].get("tags", [])) for cell in cells]
        assert found == [(cell.id, cell.source, cell.metadata.get("tags", [])) for cell in expected.cells]
        folded = [cell["id"] for cell in cells if cell["metadata"].get("jupyter") == {"outputs_hidden": True}]
        assert folded == [cell.id for cell in expected.cells if PREDICT in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("source", LESSONS, ids=lambda source: source.stem)
def test_the_minutes_are_honest(source):
    """What a lesson states is within a sixth of what is counted (python -m course.authoring minutes)."""
    notebook, quiz = built(source, "notebooks"), part(source.stem[:2], "quiz")
    counted = count(notebook, len(quiz.QUIZ)).total
    assert abs(stated(notebook) - counted) <= counted / 6


def test_beside_the_notebooks_lies_nothing_else():
    names = [path.name for path in (ROOT / "notebooks").iterdir() if not path.name.startswith(".")]
    assert [name for name in names if not name.endswith(".ipynb")] == []


def test_make_opens_a_lesson_that_exists():
    """Plain `make` opens this page of JupyterLab; its root is notebooks/."""
    (first,) = re.findall(r"--LabApp\.default_url=/lab/tree/(\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert first == f"{LESSONS[0].stem}.ipynb"
    assert (ROOT / "notebooks" / first).is_file()


def test_the_pictures_of_the_readme_are_there():
    shown = re.findall(r"\]\((docs/[^)]+\.(?:png|gif))\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []
