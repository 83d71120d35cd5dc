"""From a lesson's text to a notebook whose cells have names that last."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError

if TYPE_CHECKING:
    from nbformat import NotebookNode

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")
"""The lines around what learners write themselves."""

_CHECK = re.compile(r"""\bcheck\(\s*["']([\w-]+)["']""")
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)
_LONGEST = 60  # the format allows 64 characters; a counter may follow


def read_lesson(source: Path) -> NotebookNode:
    """Read a py:percent file into a notebook without outputs.

    Every cell gets an id that depends on the cell itself and not on its place: its own name, else the
    exercise that it checks, else its heading, else a hash of its text. So a cell that is put in between
    renames none of the others.

    Args:
        source: ``solutions/NN_name.py``.

    Returns:
        A ``nbformat.NotebookNode`` of format 4.5.

    Raises:
        CourseError: if the text is not valid, an exercise has no name, or two cells have the same name.
    """
    import jupytext

    text = source.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata.clear()
    names = [cell.metadata.pop("name", None) for cell in notebook.cells]
    taken = _names_given(names, source.name)
    for place, (cell, name) in enumerate(zip(notebook.cells, names, strict=True), start=1):
        _require_sound_exercise(cell, name, f"{source.name}, cell {place}")
        cell.id = _slug(name) if name else _unused(_own_id(cell), taken)
        cell.metadata = _metadata(cell)
    return notebook


def has_solution(text: str) -> bool:
    """Return True if a cell's text contains something that learners write themselves."""
    return MARKS[0] in text


def exercise_checked_in(text: str) -> str | None:
    """Return the id of the exercise that a cell checks, or None."""
    found = _CHECK.search(text)
    return found.group(1) if found else None


def _names_given(names: list[str | None], where: str) -> set[str]:
    """Return the ids that the author chose; what is derived from headings gives way to them."""
    taken: set[str] = set()
    for name in filter(None, names):
        if _slug(name) in taken:
            raise CourseError(f"{where}: two cells are named {name!r}; give one of them another name.")
        taken.add(_slug(name))
    return taken


def _require_sound_exercise(cell: NotebookNode, name: str | None, where: str) -> None:
    begins, ends = (cell.source.count(mark) for mark in MARKS)
    if begins != ends:
        raise CourseError(f"{where}: {begins} times {MARKS[0]!r} but {ends} times {MARKS[1]!r}; pair them.")
    if begins and not name:
        raise CourseError(f'{where} holds a solution but has no name; begin it with: # %% name="..."')


def _metadata(cell: NotebookNode) -> dict[str, Any]:
    """Keep the author's tags, and tag exercises and their checks, so that a grader can find and lock them."""
    tags = list(cell.metadata.get("tags", []))
    if has_solution(cell.source):
        tags.append("exercise")
    if cell.cell_type == "code" and exercise_checked_in(cell.source):
        tags.append("check")
    return {"tags": list(dict.fromkeys(tags))} if tags else {}


def _own_id(cell: NotebookNode) -> str:
    """Derive an id from what the cell says."""
    if cell.cell_type == "markdown" and (heading := _HEADING.search(cell.source)):
        return _slug(heading.group(1))
    if cell.cell_type == "code" and (exercise := exercise_checked_in(cell.source)):
        return _slug(f"check-{exercise}")
    kind = "text" if cell.cell_type == "markdown" else "code"
    return f"{kind}-{hashlib.sha256(cell.source.encode('utf-8')).hexdigest()[:10]}"


def _slug(text: str) -> str:
    letters = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].rstrip("-")
    return letters or "cell-" + hashlib.sha256(text.encode("utf-8")).hexdigest()[:10]


def _unused(name: str, taken: set[str]) -> str:
    """Return the name, with a counter when an earlier cell has it, and note it as taken."""
    count, candidate = 1, name
    while candidate in taken:
        count += 1
        candidate = f"{name}-{count}"
    taken.add(candidate)
    return candidate
