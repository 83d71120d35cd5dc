"""All exercises by name: the module ``exercises`` of every lesson's room defines a tuple EXERCISES."""

import difflib
import functools

from course.errors import CourseError
from course.lab.exercises.exercise import Exercise
from course.lab.exercises.later import LaterExercise
from course.lab.registry import lessons, part


@functools.cache
def _by_id() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for lesson in lessons():
        module = part(lesson, "exercises")
        for exercise in module.EXERCISES if module is not None else ():
            if exercise.id in found:
                raise CourseError(f"two exercises are called {exercise.id!r}; rename the one of lesson {lesson}")
            found[exercise.id] = exercise
    return found


def all_exercises() -> tuple[Exercise, ...]:
    """Return every exercise, in the order of the lessons. One on classes imports torch when its bank is asked for."""
    return tuple(_by_id().values())


def get(id: str) -> Exercise:
    """Return the exercise called ``id``.

    Raises:
        CourseError: if there is none, with the nearest one; if ``id`` is no name at all, with the order of arguments.
    """
    if not isinstance(id, str):
        raise CourseError(
            f"An exercise is called by its name, and this is of type {type(id).__name__}; the name comes first, in "
            'quotes: check("attention", attention).'
        )
    found = _by_id()
    if id in found:
        exercise = found[id]
        return exercise.loaded if isinstance(exercise, LaterExercise) else exercise
    near = difflib.get_close_matches(id, found, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(found)}."
    raise CourseError(f"There is no exercise called {id!r}: {advice}")
