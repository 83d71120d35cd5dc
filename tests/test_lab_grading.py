"""Under nbgrader, points depend on the answer alone; what is not an answer, and a check that is not ours, is told."""

import functools
import os
import time

import pytest

import course.lab
from course.lab.exercises import desk, get, graded, watch
from course.lessons.lesson_03 import reference

nbformat = pytest.importorskip("nbformat")


def written(q, k, v, mask=None):
    w = reference.softmax(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, mask)
    return w @ v, w


@pytest.fixture
def _graded(monkeypatch):
    monkeypatch.setenv(graded.GRADING, "autograde")
    monkeypatch.setattr(desk, "_DESK", desk.Desk())


NOISY = """\
import ctypes, logging, os, sys, warnings
logging.basicConfig()
held = sys.stderr

def causal_mask(T):
    logging.warning("a handler holds the stream of an earlier cell")
    print("so does a name", file=held)
    warnings.warn("careful")
    os.write(2, b"below Python\\n")
    os.system("echo from another program >&2")
    return np.tri(T, dtype=bool)
"""
CELLS = (
    ("import numpy as np\nfrom course.lab import check", None),
    (NOISY, None),
    ('causal_mask = check("causal_mask", causal_mask)', 1),
    ("def causal_mask(T):\n    return np.ones((T, T), dtype=bool)", None),
    ('causal_mask = check("causal_mask", causal_mask)', 0),
    ("from course.lab.exercises import get\ncausal_mask = get('causal_mask').reference", None),
    ('causal_mask = check("causal_mask", causal_mask)', 0),
    ("def check(id, answer):\n    return answer", None),
    ('causal_mask = check("causal_mask", causal_mask)', 0),
)


@pytest.mark.slow
def test_nbgrader_gives_the_points_that_the_answer_is_worth(monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    utils = pytest.importorskip("nbgrader.utils")
    monkeypatch.setenv(graded.GRADING, "autograde")
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)  # with it, a kernel does not watch what C writes
    cells = [nbformat.v4.new_code_cell(source) for source, _ in CELLS]
    for number, (cell, (_, points)) in enumerate(zip(cells, CELLS, strict=True)):
        if points is not None:
            cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 1, "grade_id": str(number)}
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
    outputs = [str(cell.outputs) for cell in cells]
    for cell, (_, points), said in zip(cells, CELLS, outputs, strict=True):
        if points is not None:
            assert utils.determine_grade(cell)[0] == points, said
    assert "own reference" in outputs[6]
    assert "`check` is not the course's own here" in outputs[8]


class Wrapping:
    def answer(self, q, k, v, mask=None):
        return reference.attention(q, k, v, mask)


def renamed(q, k, v, mask=None):
    return get("attention").reference(q, k, v, mask=mask)


@functools.wraps(reference.attention)
def dressed(*arguments, **named):
    return reference.attention(*arguments, **named)


BORROWED = [reference.attention, functools.partial(reference.attention), dressed, renamed, Wrapping().answer]


@pytest.mark.usefixtures("_graded")
@pytest.mark.parametrize("answer", BORROWED, ids=["itself", "partial", "wrapper", "call", "method"])
def test_the_reference_is_no_answer(answer):
    with pytest.raises(AssertionError, match=r"attention: not graded\. .*the course's own reference"):
        course.lab.check("attention", answer)


@pytest.mark.usefixtures("_graded")
def test_what_check_gave_for_another_try_is_no_answer(monkeypatch):
    with monkeypatch.context() as ungraded:
        ungraded.delenv(graded.GRADING)
        given = course.lab.check("attention", lambda q, k, v, mask=None: (v, q))
    with pytest.raises(AssertionError, match="not graded"):
        course.lab.check("attention", given)


@pytest.mark.usefixtures("_graded")
def test_an_endless_answer_is_looked_at_for_a_second_before_its_check(monkeypatch):
    def causal_mask(T):
        while True:
            pass

    monkeypatch.setattr(watch, "LONGEST", 0.3)
    start = time.process_time()
    with pytest.raises(AssertionError, match="still running"):
        course.lab.check("causal_mask", causal_mask)
    assert time.process_time() - start < 5


@pytest.mark.usefixtures("_graded")
def test_a_class_made_of_the_reference_is_no_answer():
    pytest.importorskip("torch")
    parent = get("FeedForward").reference

    class FeedForward(parent):
        pass

    with pytest.raises(AssertionError, match="the course's own reference"):
        course.lab.check("FeedForward", FeedForward)


@pytest.mark.usefixtures("_graded")
def test_an_answer_of_one_s_own_is_graded_and_a_pasted_solution_is_one(capsys):
    assert course.lab.check("attention", written) is written
    capsys.readouterr()
    course.lab.solution("causal_mask", now=True)
    import numpy as np

    space = {"np": np, "__name__": "__main__"}
    exec(capsys.readouterr().out, space)
    assert course.lab.check("causal_mask", space["causal_mask"]) is space["causal_mask"]


@pytest.mark.usefixtures("_graded")
@pytest.mark.parametrize("name", ["climb", "Desk.check"])
def test_a_check_that_was_exchanged_is_told(name, monkeypatch):
    seal = graded.sealed()
    assert graded.exchanged(seal) == []
    owner, _, method = name.partition(".")
    where = getattr(desk, owner) if method else desk
    monkeypatch.setattr(where, method or owner, lambda *arguments: None)
    assert f"course.lab.exercises.desk.{name}" in graded.exchanged(seal)
    monkeypatch.setattr(desk, "_SEAL", seal)
    if name == "climb":
        with pytest.raises(AssertionError, match="has replaced course.lab.exercises.desk.climb"):
            course.lab.check("attention", written)


def test_only_cells_that_call_another_check_are_told():
    def other(*arguments):
        return arguments

    assert graded.not_ours('x = check("x", x)', desk.check, desk.check) is None
    assert graded.not_ours("x = 1", desk.check, other) is None
    assert "Not graded" in graded.not_ours('x = check("x", x)', desk.check, other)
    assert not os.environ.get(graded.GRADING)
