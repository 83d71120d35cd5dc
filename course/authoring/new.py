"""A new lesson that builds, validates and keeps every rule; what is in it is there to be replaced."""

import re
from pathlib import Path

from course.authoring.stamp import lesson_sources, number_of
from course.errors import CourseError

_TEMPLATES = Path(__file__).parent / "template"


def places(root: Path, number: str, name: str) -> dict[str, Path]:
    """Return where each part of a lesson goes, by the name of its template."""
    room = root / "course" / "lessons" / f"lesson_{number}"
    parts = ("exercises", "mistakes", "reference", "figures", "quiz")
    return {
        "solution": root / "solutions" / f"{number}_{name}.py",
        "room": room / "__init__.py",
        **{part: room / f"{part}.py" for part in parts},
        "test": root / "tests" / "lessons" / f"test_lesson_{number}.py",
    }


def new_lesson(root: Path, number: str, name: str) -> list[Path]:
    """Write the source, the room and the tests of a new lesson, and return their paths.

    Args:
        root: the repository's folder.
        number: "04" or "4".
        name: the subject as in a file's name, "multi_head_attention".

    Raises:
        CourseError: if number or name cannot be one, or the lesson or any of its files is there already.
    """
    number = number.zfill(2)
    _require_sound(root, number, name)
    subject = name.replace("_", " ")
    words = {"@NN@": number, "@N@": str(int(number)), "@TITLE@": subject.capitalize(), "@SUBJECT@": subject}
    made = places(root, number, name)
    for template, path in made.items():
        text = (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        for mark, word in words.items():
            text = text.replace(mark, word)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(made.values())


def _require_sound(root: Path, number: str, name: str) -> None:
    if not re.fullmatch(r"\d\d", number):
        raise CourseError(f"A lesson's number has one or two digits, and this is {number!r}: try 04.")
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
        raise CourseError(
            f"A lesson's name is of small letters and digits, words joined by _, and this is {name!r}: "
            f"try multi_head_attention."
        )
    there = [source for source in lesson_sources(root) if number_of(source) == number]
    there += [path for path in places(root, number, name).values() if path.exists()]
    if there:
        raise CourseError(
            f"Lesson {number} has {there[0].relative_to(root)} already, and nothing is overwritten: take another "
            f"number, or work on what is there."
        )
