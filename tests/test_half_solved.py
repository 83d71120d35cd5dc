"""Every lesson half solved: some answers right, some wrong, one raising, and everything below runs all the same."""

from pathlib import Path

import nbformat
import pytest

pytest.importorskip("jupytext", reason="building notebooks needs the extra 'author'")
pytest.importorskip("nbgrader", reason="building notebooks needs the extra 'author'")

from course.authoring.half_solved import checked_name, half_solved, with_constants, wrong_answer
from course.authoring.limits import cell_limit
from course.authoring.run import executed, kernel_environment
from course.authoring.source import exercise_checked_in, read_lesson
from course.authoring.stamp import lesson_sources, number_of
from course.errors import CourseError
from course.lab import workbook
from course.lab.exercises import all_exercises, diagnose, get

ROOT = Path(__file__).resolve().parent.parent

# Lessons that train do so for as many updates as their cells need to have something to show.
FEW = {"12": {"STEPS": 100, "SHORT": 100, "SENTENCES": 20}}

SAID = {"right": "passed", "wrong": "not yet right", "raises": "not yet right"}


def lesson(source):
    """A lesson as a parameter of a test, marked as slow if it trains."""
    trains = any(cell_limit(cell.metadata.get("tags", [])) for cell in read_lesson(source).cells)
    return pytest.param(source, id=source.stem, marks=[pytest.mark.slow] if trains else [])


def words_of(cell):
    """All that a cell says, printed or as the plain form of what it shows."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(texts)


@pytest.mark.parametrize("source", [lesson(source) for source in lesson_sources(ROOT)])
def test_a_half_solved_lesson_runs_to_its_end(source, tmp_path, monkeypatch):
    made, states = half_solved(read_lesson(source))
    made = with_constants(made, FEW.get(number_of(source), {}))
    done = executed(made, beside=ROOT / "notebooks", scratch=tmp_path)  # raises where a cell fails or takes too long
    for cell in done.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", (cell.id, output.text)
        if cell.cell_type == "code" and (id := exercise_checked_in(cell.source)):
            assert f"{id}: {SAID[states[id]]}" in words_of(cell), (states[id], words_of(cell))
    monkeypatch.setenv("COURSE_WORKBOOK", kernel_environment(tmp_path)["COURSE_WORKBOOK"])
    assert set(workbook.solved_ids()) == {id for id, state in states.items() if state == "right"}


def cells(*texts):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in texts])


def exercise(name, shape="def {}(x):"):
    head = shape.format(name)
    return (
        f"{head}\n    ### BEGIN SOLUTION\n    y = x\n    return y\n    ### END SOLUTION\n\n\n",
        f'{name} = check("{name}", {name})',
    )


def states_of(n):
    return list(half_solved(cells(*(text for i in range(n) for text in exercise(f"piece{i}"))))[1].values())


def test_the_states_take_turns_and_an_exercise_alone_is_wrong():
    assert states_of(0) == []
    assert states_of(1) == ["wrong"]
    assert states_of(2) == ["right", "wrong"]
    assert states_of(5) == ["right", "wrong", "raises", "right", "wrong"]


def test_each_state_is_what_it_says():
    solved = cells(
        *(text for name in "abc" for text in exercise(name)), "z = 1\n### BEGIN SOLUTION\nz = 2\n### END SOLUTION"
    )
    made, _ = half_solved(solved)
    right, wrong, raises, unchecked = (made.cells[i].source for i in (0, 2, 4, 6))
    assert right == solved.cells[0].source
    assert wrong.endswith('b = wrong_answer("b", b)')
    assert 'def c(x):\n    raise ValueError("planted' in raises
    assert "y = x" not in raises
    assert unchecked == "z = 1\n# your code here"
    assert solved.cells[4].source == exercise("c")[0]  # not changed


def test_a_repaired_function_is_the_one_whose_name_is_checked():
    solved = cells(exercise("mine")[0], exercise("other")[0], 'mine = check("causal_mask", mine)')
    made, states = half_solved(solved)
    assert states == {"causal_mask": "wrong"}
    assert made.cells[0].source.endswith('mine = wrong_answer("causal_mask", mine)')
    assert "raise NotImplementedError" in made.cells[1].source
    assert checked_name('x = 1\nMask = check("a", Mask)\nprint(2)') == "Mask"


@pytest.mark.parametrize("id", [exercise.id for exercise in all_exercises()])
def test_the_wrong_answer_is_refused(id):
    assert diagnose(id, wrong_answer(id, get(id).reference)).status == "failed"


def test_an_exercise_without_a_bank_has_a_wrong_answer_too(monkeypatch):
    from dataclasses import replace

    bare = replace(get("softmax"), mistakes=())
    monkeypatch.setattr("course.lab.exercises.get", lambda id: bare)
    assert diagnose("softmax", wrong_answer("softmax", bare.reference)).status == "failed"


def test_constants_are_changed_in_one_place_or_not_at_all():
    solved = cells("STEPS = 1_500  # updates\nx = STEPS", "print(STEPS)")
    assert with_constants(solved, {"STEPS": 9}).cells[0].source == "STEPS = 9  # updates\nx = STEPS"
    with pytest.raises(ValueError, match="SHORT = ... stands in 0 cells"):
        with_constants(solved, {"SHORT": 9})


def test_a_lesson_that_goes_on_with_an_unchecked_answer_is_found(tmp_path):
    """Here the cells below use what the learner wrote, and not what the check hands back."""
    ids = ("softmax", "causal_mask", "attention")
    texts = [text for id in ids for text in exercise(id)]
    texts[-1] = texts[-1].replace("attention =", "_ =", 1)
    made, states = half_solved(cells("from course.lab import check", *texts, "attention(1)"))
    assert states["attention"] == "raises"
    with pytest.raises(CourseError, match="planted: this answer raises"):
        executed(made, beside=tmp_path, scratch=tmp_path)
