"""Is a built notebook up to date? Answered from hashes alone, without running anything."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.errors import CourseError

TREES = ("solutions", "notebooks")
"""The two folders of built notebooks: solved, and blank as learners get it."""

# The modules whose text decides what a built notebook contains.
_BUILDING = ("source.py", "clear.py", "run.py", "tidy.py", "pictures.py", "html_pictures.py", "build.py")


@dataclass(frozen=True)
class Stale:
    """A built notebook that must be built again, and why."""

    notebook: Path
    lesson: str
    reason: str

    def __str__(self) -> str:
        """One line that ends with the command to run."""
        name = f"{self.notebook.parent.name}/{self.notebook.name}"
        return f"{name}: {self.reason}; run: python -m course.authoring build {self.lesson}"


def text_hash(*texts: str) -> str:
    """Return the sha256 of the texts; line endings do not count, since a checkout may change them."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update("\n".join(text.splitlines()).encode("utf-8") + b"\0")
    return digest.hexdigest()


def building_hash() -> str:
    """Return the sha256 of the code that builds notebooks."""
    here = Path(__file__).parent
    return text_hash(*((here / name).read_text(encoding="utf-8") for name in _BUILDING))


def cells_hash(cells: list[Any]) -> str:
    """Return the sha256 of what a built notebook's cells and their tags say, outputs aside: a change by hand shows."""
    return text_hash(*map(_said, cells))


def _said(cell: Any) -> str:  # noqa: ANN401
    tags = ",".join(cell["metadata"].get("tags", []))
    return f"{cell['id']}\n{cell['cell_type']}\n{tags}\n{_joined(cell['source'])}"


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def number_of(source: Path) -> str:
    """Return the lesson's number as written in its file name: "03" for ``03_dot_product_attention.py``."""
    return source.stem.split("_", 1)[0]


def lesson_sources(root: Path, numbers: list[str] | None = None) -> list[Path]:
    """Return the lessons' source files in ``root/solutions``, in order.

    Args:
        root: the repository's folder.
        numbers: lesson numbers ("03" or "3"); None or empty for all.

    Raises:
        CourseError: if a number has no lesson.
    """
    sources = sorted((root / "solutions").glob("[0-9][0-9]_*.py"))
    if not numbers:
        return sources
    by_number = {number_of(source): source for source in sources}
    missing = [number for number in numbers if number.zfill(2) not in by_number]
    if missing:
        known = ", ".join(by_number) or "none"
        raise CourseError(
            f"There is no lesson {missing[0]!r} in {root / 'solutions'}: name one of those there ({known})."
        )
    return [by_number[number] for number in dict.fromkeys(number.zfill(2) for number in numbers)]


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook as plain JSON.

    Raises:
        CourseError: if the file is not JSON with cells, as after a merge with conflicts.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"], notebook["metadata"]  # noqa: B018
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CourseError(f"{path} is not a readable notebook ({error}): build it again.") from error
    return dict(notebook)


def _why_stale(notebook: Path, source_hash: str, code_hash: str) -> str | None:
    if not notebook.exists():
        return "not built yet"
    try:
        content = read_notebook(notebook)
        stamp = content["metadata"].get("course", {})
        changed = stamp.get("cells_sha256") != cells_hash(content["cells"])
    except (CourseError, KeyError):
        return "not a readable notebook"
    if stamp.get("source_sha256") != source_hash:
        return "its source has changed since it was built"
    if stamp.get("builder_sha256") != code_hash:
        return "course/authoring has changed since it was built"
    return "it was changed by hand (change the source instead)" if changed else None


def stale(root: Path, numbers: list[str] | None = None) -> Iterator[Stale]:
    """Yield every built notebook below ``root`` that does not belong to its source any more.

    A notebook without a source is reported too, unless only some lessons are asked for.
    """
    code_hash = building_hash()
    sources = lesson_sources(root, numbers)
    for source in sources:
        source_hash = text_hash(source.read_text(encoding="utf-8"))
        for tree in TREES:
            notebook = root / tree / f"{source.stem}.ipynb"
            if reason := _why_stale(notebook, source_hash, code_hash):
                yield Stale(notebook, number_of(source), reason)
    if not numbers:
        names = {source.stem for source in sources}
        for tree in TREES:
            for notebook in sorted((root / tree).glob("*.ipynb")):
                if notebook.stem not in names:
                    reason = f"it has no source solutions/{notebook.stem}.py (write one or delete the notebook)"
                    yield Stale(notebook, "", reason)
