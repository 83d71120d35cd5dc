"""What every built notebook must be: the rules that the tests, and an author's `check`, ask for."""

import ast
import base64
import re
from collections.abc import Iterator
from typing import Any

from course.authoring.html_pictures import KINDS, Embedded, embedded, without_pngs
from course.authoring.limits import tag_problem
from course.authoring.pictures import size
from course.authoring.source import MARKS, has_solution
from course.authoring.tidy import WIDGET_VIEW

MOST_CODE_CELLS = 30
LONGEST_LINE = 100  # characters of code that a cell shows beside the file browser on a page of 1280 pixels
WIDEST_FIGURE = 12 * 72  # pixels: twelve inches at the course's 72 dpi
LARGEST_FIGURE = 100_000  # bytes
DENSITY = 2  # pixels for each of the page's, at most, in a picture embedded in HTML
LARGEST_EMBEDDED = 150_000  # bytes, of such a picture
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
_TO_NBVAL = re.compile(r"^\s*#[#\s]*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)
_PICTURE_DATA = re.compile(r"data:image/(?!(?:png|svg\+xml);base64,)[\w.+-]+")


def problems(notebook: dict[str, Any]) -> list[str]:
    """Return one sentence for each rule that a built notebook breaks; empty if it is as it should be.

    Args:
        notebook: the notebook's JSON.
    """
    return [
        *_structure(notebook),
        *_opening(notebook["cells"]),
        *_of_the_cards(notebook["cells"]),
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


def _of_the_cards(cells: list[Any]) -> Iterator[str]:
    """Yield what the card of a check tells learners to call, where the lesson does not import it."""
    code = [_joined(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    imported = {name for text in code for name in _imported(text)}
    if "check" in imported:
        for name in sorted({"hint", "solution"} - imported):
            yield f"the cards of its checks tell learners to call {name}(...): import it from course.lab"


def _imported(text: str) -> set[str]:
    """The names that a cell imports from the lab."""
    try:
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    except SyntaxError:  # it has magics
        return set()
    return {each.name for node in nodes if node.module == "course.lab" for each in node.names}


def _code_cell(cell: dict[str, Any]) -> Iterator[str]:
    where = f"cell {cell['id']!r}"
    if not _joined(cell["source"]).strip():
        yield f"{where} is empty"
    if long := max((line for line in _joined(cell["source"]).splitlines()), key=len, default="")[LONGEST_LINE:]:
        yield f"{where} has a line that is {len(long)} characters longer than the {LONGEST_LINE} that a cell shows"
    if cell["execution_count"] is None:
        # nbval would run such a cell and compare nothing.
        yield f"{where} was not executed"
    for line in _told_to_nbval(cell):
        yield f"{where} {line}"
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            yield f"{where} stores an error ({output.get('ename')})"
        if output.get("name") == "stderr":
            yield f"{where} writes to stderr: {_joined(output['text']).strip()[:100]!r}"
        for line in _shown(output):
            yield f"{where} {line}"


def _told_to_nbval(cell: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with how a cell speaks to the validation."""
    tags = cell["metadata"].get("tags", [])
    if found := _TO_NBVAL.search(_joined(cell["source"])):
        tag = found.group(1).lower().replace("_", "-")
        yield f'speaks to nbval in a comment, which learners read too; write a tag instead: # %% tags=["{tag}"]'
    if "nbval-skip" in tags:
        yield "has the tag 'nbval-skip', so nobody would notice when it breaks; let it run"
    yield from filter(None, map(tag_problem, tags))


def _shown(output: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with what an output shows."""
    data = output.get("data", {})
    texts = [output["text"]] if "text" in output else [data[kind] for kind in data if kind.startswith("text/")]
    for text in map(_joined, texts):
        text = without_pngs(text)[0]
        for what, pattern in _ALWAYS_NEW.items():
            if hit := pattern.search(text):
                line = text[max(0, hit.start() - 40) : hit.end() + 20]
                yield f"shows {what}, which is another one each time: {line!r}"
    if WIDGET_VIEW in data:
        yield "stores a live widget's view; give the widget a static text/plain or image/png"
    if kinds := [kind for kind in data if kind in ("image/svg+xml", "image/jpeg")]:
        yield f"stores {kinds[0]}; figures are PNG, which is compared with a tolerance, or <svg> in text/html"
    for html in (_joined(data[kind]) for kind in KINDS if kind in data):
        yield from _pictures_in(html)
    if "image/png" in data:
        png = base64.b64decode(_joined(data["image/png"]))
        width, height = size(png)
        if width > WIDEST_FIGURE or len(png) > LARGEST_FIGURE:
            yield (
                f"stores a figure of {width} x {height} pixels and {len(png)} bytes; at most {WIDEST_FIGURE} "
                f"pixels wide and {LARGEST_FIGURE} bytes (72 dpi, smaller or simpler)"
            )


def _pictures_in(html: str) -> Iterator[str]:
    """Yield what is wrong with the pictures in a piece of HTML."""
    if other := _PICTURE_DATA.search(html):
        yield f"embeds {other.group()}; embed PNG or SVG (data:image/png;base64,...)"
    for picture in embedded(html):
        if not picture.alternative and not picture.is_decoration:
            say = "<svg> without a <title>" if picture.tag == "svg" else "<img> without an alt text"
            yield f"shows an {say}: say in words what there is to see"
        if picture.tag == "img":
            yield from _embedded_png(picture)


def _embedded_png(picture: Embedded) -> Iterator[str]:
    if (png := picture.png) is None:
        if not picture.attributes.get("src", "").startswith("data:"):
            yield f"shows the picture {picture.attributes.get('src')!r}, which is not in the notebook; embed it as PNG"
        return
    width, told = size(png)[0], picture.attributes.get("width", "")
    if not told.isdigit() or int(told) > WIDEST_FIGURE:
        yield f"embeds a picture with width={told!r}; give the pixels on the page, a number of at most {WIDEST_FIGURE}"
    elif width > DENSITY * int(told):
        yield f"embeds a picture of {width} pixels shown on {told}; at most {DENSITY} for each of the page's"
    if len(png) > LARGEST_EMBEDDED:
        yield f"embeds a picture of {len(png)} bytes; at most {LARGEST_EMBEDDED} (smaller or simpler)"


def _weight(cells: list[Any]) -> Iterator[str]:
    total = sum(len(str(cell.get("outputs", ""))) for cell in cells)
    if total > LARGEST_NOTEBOOK:
        yield f"the outputs take {total} bytes; at most {LARGEST_NOTEBOOK}"
