"""Finds what belongs to a lesson by the name of its room, ``course/lessons/lesson_NN``.

This is the only place from which the lab looks upward, and it does so by name: no module of the lab imports a lesson.
"""

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType

from course.errors import CourseError

ROOMS = "course.lessons"


@cache
def lessons() -> tuple[str, ...]:
    """Return the numbers of the lessons that have a room, as two digits, in their order."""
    found = importlib.util.find_spec(ROOMS)
    folders = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    names = (path.name for folder in folders for path in folder.iterdir() if path.is_dir())
    return tuple(sorted(match[1] for name in names if (match := re.fullmatch(r"lesson_(\d\d)", name))))


def part(lesson: str, name: str) -> ModuleType | None:
    """Return the module ``name`` ("exercises", "quiz", ...) of a lesson's room, or None if the lesson has none.

    Args:
        lesson: two digits, such as "03".
        name: of the module.

    Raises:
        CourseError: if no such lesson has a room.
    """
    if lesson not in lessons():
        raise CourseError(f"There is no lesson {lesson!r}; there are {', '.join(lessons())}, written with two digits.")
    module = f"{ROOMS}.lesson_{lesson}.{name}"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None
