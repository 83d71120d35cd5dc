"""Exercises: check, hint, solution, and the same without printing.

One declarative file per lesson, ``exercises.py`` in its room, defines a tuple EXERCISES of :class:`Exercise`; it is
found by its name.
"""

from course.lab.exercises.desk import check, hint, solution
from course.lab.exercises.exercise import Case, Diagnosis, Exercise, Function, Mistake, Property
from course.lab.exercises.ladder import climb
from course.lab.exercises.registry import all_exercises, get

__all__ = [
    "Case",
    "Diagnosis",
    "Exercise",
    "Mistake",
    "Property",
    "all_exercises",
    "check",
    "diagnose",
    "get",
    "hint",
    "reference",
    "solution",
]


def diagnose(id: str, candidate: object) -> Diagnosis:
    """Say what :func:`check` would say, without printing, counting, keeping or raising.

    Args:
        id: the exercise.
        candidate: anything; a learner's function.

    Returns:
        The status ("passed", "failed", "not attempted"), the id of the known mistake or None, and the message.

    Raises:
        CourseError: if there is no such exercise.
    """
    return climb(get(id), candidate)


def reference(id: str) -> Function:
    """Return the reference answer to an exercise.

    Raises:
        CourseError: if there is no such exercise.
    """
    return get(id).reference
