"""What every built notebook must be: the rules that the tests, and an author's `check`, ask for."""

import base64
import re
from collections.abc import Iterator
from typing import Any

from course.authoring.pictures import size
from course.authoring.source import MARKS, has_solution
from course.authoring.tidy import WIDGET_VIEW

MOST_CODE_CELLS = 30
WIDEST_FIGURE = 12 * 72  # pixels: twelve inches at the course's 72 dpi
LARGEST_FIGURE = 100_000  # bytes
LARGEST_NOTEBOOK = 1_500_000  # bytes of outputs

_ALWAYS_NEW = {
    "an object's address": re.compile(r"\b0x[0-9a-fA-F]{6,}\b"),
    "a temporary path": re.compile(r"/tmp/|/var/folders/|AppData.Local.Temp|ipykernel_\d+"),
    "somebody's folder": re.compile(r"/home/\w|/Users/\w|/root/|[A-Z]:\\+Users\\+|/site-packages/"),
}
_OPENING = {
    "goals": re.compile(r"\bgoals?\b", re.IGNORECASE),
    "prerequisites": re.compile(r"\bprerequisites?\b", re.IGNORECASE),
    "minutes": re.compile(r"\d+\s*min(utes?)?\b|\bminutes\W+\d+", re.IGNORECASE),
}
_METADATA = {"course", "kernelspec", "language_info"}


def problems(notebook: dict[str, Any]) -> list[str]:
    """Return one sentence for each rule that a built notebook breaks; empty if it is as it should be.

    Args:
        notebook: the notebook's JSON.
    """
    return [
        *_structure(notebook),
        *_opening(notebook["cells"]),
        *(line for cell in notebook["cells"] if cell["cell_type"] == "code" for line in _code_cell(cell)),
        *_weight(notebook["cells"]),
    ]


def pair_problems(solved: dict[str, Any], blank: dict[str, Any]) -> list[str]:
    """Return one sentence for each way in which a lesson's two notebooks differ beside the solutions."""
    ids = [[(cell["id"], cell["cell_type"]) for cell in notebook["cells"]] for notebook in (solved, blank)]
    if ids[0] != ids[1]:
        return ["the two notebooks do not have the same cells in the same order"]
    found = []
    for left, right in zip(solved["cells"], blank["cells"], strict=True):
        texts = _joined(left["source"]), _joined(right["source"])
        if any(mark in texts[1] for mark in MARKS):
            found.append(f"cell {right['id']!r}: the learner's notebook shows where a solution stood")
        if has_solution(texts[0]) == (texts[0] == texts[1]):
            found.append(f"cell {left['id']!r}: the two differ where no solution is, or are equal where one is")
    return found


def _joined(text: str | list[str]) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def _structure(notebook: dict[str, Any]) -> Iterator[str]:
    cells = notebook["cells"]
    count = sum(cell["cell_type"] == "code" for cell in cells)
    if count > MOST_CODE_CELLS:
        yield f"{count} code cells; at most {MOST_CODE_CELLS} (join some, or move code into the package)"
    if len({cell["id"] for cell in cells}) != len(cells):
        yield "two cells have the same id"
    if unknown := set(notebook["metadata"]) - _METADATA:
        yield f"metadata that belongs to no committed notebook: {', '.join(sorted(unknown))}"
    if set(notebook["metadata"].get("language_info", {})) - {"name"}:
        yield "language_info names more than the language"


def _opening(cells: list[Any]) -> Iterator[str]:
    text = "\n".join(_joined(cell["source"]) for cell in cells[:2] if cell["cell_type"] == "markdown")
    if not text.startswith("# "):
        yield "the first cell must be text that begins with the lesson's title, '# ...'"
    for what, pattern in _OPENING.items():
        if not pattern.search(text):
            yield f"the opening must name the {what}"


def _code_cell(cell: dict[str, Any]) -> Iterator[str]:
    where = f"cell {cell['id']!r}"
    if not _joined(cell["source"]).strip():
        yield f"{where} is empty"
    if cell["execution_count"] is None:
        # nbval would run such a cell and compare nothing.
        yield f"{where} was not executed"
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            yield f"{where} stores an error ({output.get('ename')})"
        if output.get("name") == "stderr":
            yield f"{where} writes to stderr: {_joined(output['text']).strip()[:100]!r}"
        for line in _shown(output):
            yield f"{where} {line}"


def _shown(output: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with what an output shows."""
    data = output.get("data", {})
    texts = [output["text"]] if "text" in output else [data[kind] for kind in data if kind.startswith("text/")]
    for text in map(_joined, texts):
        for what, pattern in _ALWAYS_NEW.items():
            if hit := pattern.search(text):
                line = text[max(0, hit.start() - 40) : hit.end() + 20]
                yield f"shows {what}, which is another one each time: {line!r}"
    if WIDGET_VIEW in data:
        yield "stores a live widget's view; give the widget a static text/plain or image/png"
    if kinds := [kind for kind in data if kind in ("image/svg+xml", "image/jpeg")]:
        yield f"stores {kinds[0]}; figures are PNG, which is compared with a tolerance"
    if "image/png" in data:
        png = base64.b64decode(_joined(data["image/png"]))
        width, height = size(png)
        if width > WIDEST_FIGURE or len(png) > LARGEST_FIGURE:
            yield (
                f"stores a figure of {width} x {height} pixels and {len(png)} bytes; at most {WIDEST_FIGURE} "
                f"pixels wide and {LARGEST_FIGURE} bytes (72 dpi, smaller or simpler)"
            )


def _weight(cells: list[Any]) -> Iterator[str]:
    total = sum(len(str(cell.get("outputs", ""))) for cell in cells)
    if total > LARGEST_NOTEBOOK:
        yield f"the outputs take {total} bytes; at most {LARGEST_NOTEBOOK}"
