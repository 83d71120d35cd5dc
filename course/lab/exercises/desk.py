"""Where learners come: check, hint and solution. Keeps count of tries, prints, and raises when graded."""

import os

from course.errors import CourseError
from course.lab.exercises import workbook
from course.lab.exercises.answer import answer
from course.lab.exercises.exercise import Diagnosis, Exercise
from course.lab.exercises.ladder import climb
from course.lab.exercises.registry import get

# nbgrader sets this to "autograde" or "validate" while it runs a notebook.
GRADING = "NBGRADER_EXECUTION"


class Desk:
    """Counts failed tries and hints already given, by exercise, for as long as the kernel lives."""

    def __init__(self) -> None:
        self.failed: dict[str, int] = {}
        self.hinted: dict[str, int] = {}

    def check(self, exercise: Exercise, candidate: object) -> object:
        """Print what was found; return the learner's object if it passed, else the reference."""
        if candidate is exercise.reference and not is_graded():
            print(f"{exercise.id}: this is the reference. Run the cell with your own function again to check yours.")
            return candidate
        found = climb(exercise, candidate)
        if found.status == "failed":
            self.failed[exercise.id] = self.failed.get(exercise.id, 0) + 1
        if found.status != "passed" and is_graded():
            raise AssertionError(f"{exercise.id}: {found.status}. {found.message}")
        print(self._report(exercise, found))
        if found.status != "passed":
            return exercise.reference
        if not is_graded():
            _keep(exercise.id, candidate)
        return candidate

    def _report(self, exercise: Exercise, found: Diagnosis) -> str:
        name = exercise.id
        if found.status == "passed":
            return f"{name}: passed. {found.message}"
        ask = f'hint("{name}") asks a question that helps'
        if self.failed.get(name, 0) >= 2:
            ask += f', solution("{name}") shows an answer'
        head = "not attempted yet" if found.status == "not attempted" else "not yet right"
        return f"{name}: {head}. {found.message}\n  Until it passes, the cells below use the reference. {ask}."

    def hint(self, exercise: Exercise, level: int | None) -> None:
        """Print a hint: the next one, or that of the level."""
        if level is not None and (type(level) is not int or level not in (1, 2, 3)):  # True == 1 == 1.0
            raise CourseError(
                f"There are hints of level 1, 2 and 3, and not {level!r}: leave the level out for the next one."
            )
        given = min(self.hinted.get(exercise.id, 0) + 1, 3) if level is None else level
        self.hinted[exercise.id] = max(self.hinted.get(exercise.id, 0), given)
        kind = ("a question", "a pointer", "nearly the code")[given - 1]
        print(f"{exercise.id}, hint {given} of 3 ({kind}):\n{exercise.hints[given - 1]}")

    def solution(self, exercise: Exercise, now: bool) -> None:
        """Print the source of the reference after two failed tries, or at once if asked."""
        tries = self.failed.get(exercise.id, 0)
        if tries < 2 and not now:
            left = "two tries" if tries == 0 else "one more try"
            print(
                f"{exercise.id}: the solution shows after {left} that the check has seen fail. "
                f'hint("{exercise.id}") may be '
                f'enough; solution("{exercise.id}", now=True) shows it at once.'
            )
            return
        print(answer(exercise))


def is_graded() -> bool:
    """Whether nbgrader is running this notebook."""
    return bool(os.environ.get(GRADING))


def _keep(id: str, candidate: object) -> None:
    """Keep a passed piece. Where that cannot be, say why: later lessons will not find it."""
    workbook.keep(id, candidate, report=lambda why: print(f"  It was not saved for later lessons: {why}"))


_DESK = Desk()  # one per kernel: learners call functions, not methods


def check(id: str, candidate: object) -> object:
    """Check an answer and print what was found.

    Used as ``attention = check("attention", attention)``. A
    passed piece is kept in the workbook (see :mod:`course.lab.exercises.workbook`).

    Args:
        id: the exercise, as in the text above the cell.
        candidate: the learner's function.

    Returns:
        The same function if it passed, and the reference if not, so that the cells below always run.

    Raises:
        AssertionError: under nbgrader, if the answer did not pass; the message is what would have been printed.
        CourseError: if there is no such exercise.
    """
    return _DESK.check(get(id), candidate)


def hint(id: str, level: int | None = None) -> None:
    """Give a hint for an exercise: first a question, then a pointer, then nearly the code.

    Args:
        id: the exercise.
        level: 1, 2 or 3; None gives the next one at each call.

    Raises:
        CourseError: if there is no such exercise or level.
    """
    _DESK.hint(get(id), level)


def solution(id: str, now: bool = False) -> None:
    """Print the source of the reference answer, after two failed tries or on request.

    Args:
        id: the exercise.
        now: do not wait for two tries.

    Raises:
        CourseError: if there is no such exercise.
    """
    _DESK.solution(get(id), now)
