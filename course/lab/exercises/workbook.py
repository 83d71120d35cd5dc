"""The learner's workbook: the source of every piece that passed its check, for later lessons and the translator.

One file per exercise, ``attention.py``, plain Python that can be read and copied. The folder is that of the
environment variable COURSE_WORKBOOK, else one per user. Loading a piece *executes the learner's own source*, as
running the notebook did; nothing else is ever loaded from there, and every piece is checked again before it is used.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from course.errors import CourseError
from course.folders import user_folder
from course.lab.exercises import watch
from course.lab.exercises.exercise import Exercise
from course.lab.exercises.kept_file import PIECE, execute, is_sealed, read, sealed, write
from course.lab.exercises.ladder import agrees, climb
from course.lab.exercises.registry import all_exercises, get
from course.lab.exercises.same import difference
from course.lab.exercises.standalone import standalone
from course.lab.exercises.watch import TookTooLongError, Watch


def folder() -> Path:
    """Return the folder of the workbook, which need not exist yet.

    COURSE_WORKBOOK if set; else ``attention-course/workbook`` in the place where the system keeps a user's data.

    Raises:
        CourseError: where neither is known.
    """
    return user_folder("COURSE_WORKBOOK", "data", "attention-course/workbook")


def keep(id: str, function: object, report: Callable[[str], object] = lambda reason: None) -> bool:
    """Keep the source of a passed piece, with the imports and helpers that it uses. Never raises for want of luck.

    Args:
        id: the exercise.
        function: the learner's.
        report: takes the sentence that says why it was not kept.

    Returns:
        Whether it was kept. It was not if its source cannot be found, does not stand alone or does something else when
        it does, or if the folder cannot be written. Then what was kept before stays as it is.

    Raises:
        CourseError: if there is no such exercise.
    """
    exercise = get(id)
    try:
        write(folder() / f"{id}.py", _checked(exercise, function))
    except CourseError as error:
        report(str(error))
    except Exception as error:  # keeping is a courtesy: no failure of it may spoil a check
        report(f"saving it raised {type(error).__name__} ({error}).")
    else:
        return True
    return False


def load(id: str, report: Callable[[str], object] = print) -> Any:  # noqa: ANN401
    """Return the learner's own piece if one is kept and still passes, else the reference, and say which.

    This executes the learner's own source from the workbook.

    Args:
        id: the exercise.
        report: takes the one line that says whose piece it is.

    Raises:
        CourseError: if there is no such exercise, or if several were asked for.
    """
    reference = get(id).reference
    if not callable(report):
        raise CourseError(f'workbook.load takes one exercise, in quotes: {id} = workbook.load("{id}").')
    piece = _piece(id)
    report(f"{id}: {piece.whose}")
    return reference if piece.function is None else piece.function


def solved_ids() -> tuple[str, ...]:
    """Return the ids of the kept pieces that load and pass, in the order of the lessons; see :func:`states`."""
    return tuple(state.id for state in states() if state.solved)


@dataclass(frozen=True)
class State:
    """Whether the learner's piece is in use. why: if one is kept and is not, the reason, as a phrase; else ""."""

    id: str
    solved: bool
    why: str = ""


def states(again: bool = False) -> Iterator[State]:
    """Yield the state of each exercise, in the order of the lessons.

    A file that has not changed since its piece passed is not executed, unless ``again`` asks for it; so nothing waits
    for torch. Any other is loaded and checked.
    """
    for exercise in all_exercises():
        if not again and _is_unchanged(exercise.id):
            yield State(exercise.id, True)
        else:
            found = _piece(exercise.id)
            yield State(exercise.id, found.function is not None, found.why)


def strangers() -> tuple[str, ...]:
    """Return the names of the files in the workbook that belong to no exercise of this version of the course."""
    known = {exercise.id for exercise in all_exercises()}
    with contextlib.suppress(OSError, RuntimeError, CourseError):
        return tuple(sorted(path.name for path in folder().glob("*.py") if path.stem not in known))
    return ()


def table() -> str:
    """Return a table of all exercises that says whose piece is in use; kept pieces are executed and checked again."""
    rows = [("lesson", "exercise", "whose")]
    rows += [(f"{exercise.lesson:02d}", exercise.id, _piece(exercise.id).whose) for exercise in all_exercises()]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows)


@dataclass(frozen=True)
class _Piece:
    """function: the learner's, or None. why: the reason, as a phrase, if one is kept and cannot be used."""

    function: Any = None
    why: str = ""

    @property
    def whose(self) -> str:
        if self.function is not None:
            return "yours"
        return f"the reference ({self.why or 'none of yours is kept'})"


def _path(id: str) -> Path | None:
    """The file of a piece, or what stands in its place; None where nothing does."""
    try:
        path = folder() / f"{id}.py"
        return path if os.path.lexists(path) else None
    except (OSError, CourseError):  # no home, no permission: then nothing is kept
        return None


def _is_unchanged(id: str) -> bool:
    path = _path(id)
    try:
        return path is not None and is_sealed(read(path), id)
    except CourseError:
        return False


def _piece(id: str) -> _Piece:
    """Return the learner's piece, if one is kept, loads and passes."""
    path = _path(id)
    if path is None:
        return _Piece()
    try:
        function = execute(read(path), str(path), id)
    except CourseError as error:
        return _Piece(why=f"yours could not be loaded: {error}; correct the file, or pass its check again")
    if climb(get(id), function).status != "passed":
        return _Piece(why="yours does not pass its check any more")
    return _Piece(function)


def _checked(exercise: Exercise, function: object) -> str:
    """Return the standalone source of a piece, after a look at what it does when it stands alone."""
    id = exercise.id
    name = getattr(function, "__name__", id)
    name = name if str(name).isidentifier() and isinstance(function, (FunctionType, type)) else id
    head = f"# Your {id}, kept when it passed its check. Loaded again, and checked again, by later lessons.\n"
    text = f"{head}{standalone(function, name)}\n\n{PIECE} = {name}\n"
    try:
        alone = execute(text, f"<{id}>", id)
    except CourseError as error:
        raise CourseError(f"its source does not run by itself: {error}.".replace(f"<{id}>", "it")) from error
    if (part := difference(function, alone)) is not None:
        raise CourseError(
            f"its source would now make another {part} than the one checked. Could you run the cells again, in order?"
        )
    if not _agrees_in_time(exercise, alone):
        raise CourseError("its source gives something else by itself. Does it depend on what ran before it?")
    return sealed(text, id)


def _agrees_in_time(exercise: Exercise, function: Any) -> bool:  # noqa: ANN401
    try:
        with Watch(watch.LONGEST):
            return agrees(exercise, function)
    except (TookTooLongError, SystemExit):
        return False
