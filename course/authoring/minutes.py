"""How long a lesson takes: counted from its notebook as handed out, at rates that are the same for every lesson.

The rates were set by reading lessons as a newcomer does: slowly, running each cell and looking at what it gives. An
exercise takes what it states. What a lesson states as a whole may be off by a sixth of what is counted here, and a test
holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from course.authoring.limits import cell_limit

WORDS = 120.0  # of prose a minute
FORMULA = 1.5  # minutes for a displayed formula
LINE = 0.15  # for a line of code
PICTURE = 1.0  # for a figure or a table
MOVING = 2.0  # for a question that is answered by moving something
QUESTION = 1.0  # for a question of the quiz
PATIENCE = 3  # a cell with a limit of its own takes a third of it

_FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_DEMO = re.compile(r"^\s*(explore|DraggedQuery|MaskBuilder)\(", re.MULTILINE)
_STATED = re.compile(r"(\d+) minutes\b")
_EXERCISE = re.compile(r"^\*difficulty .*?(\d+) minutes\*$", re.MULTILINE)


@dataclass(frozen=True)
class Minutes:
    """Minutes of a lesson, or of a part of it, by what they go into."""

    prose: float = 0.0
    formulas: float = 0.0
    code: float = 0.0
    pictures: float = 0.0
    demos: float = 0.0
    quiz: float = 0.0
    exercises: float = 0.0
    waiting: float = 0.0

    @property
    def total(self) -> float:
        """All together."""
        return sum(asdict(self).values())

    def __add__(self, other: Minutes) -> Minutes:
        """Add part by part."""
        return Minutes(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count(notebook: dict[str, Any], questions: int) -> Minutes:
    """Return how long a lesson takes.

    Args:
        notebook: the JSON of the notebook that learners open.
        questions: how many its quiz has.
    """
    whole = Minutes(quiz=QUESTION * questions)
    before = ""
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            whole, before = whole + _of_text(text), text
        else:
            whole += _of_code(cell, text, before)
    return whole


def stated(notebook: dict[str, Any]) -> int:
    """Return the minutes that the first cell of a lesson names."""
    found = _STATED.search("".join(notebook["cells"][0]["source"]))
    return int(found.group(1)) if found else 0


def _of_text(text: str) -> Minutes:
    lines = _FORMULA.sub(" ", text).splitlines()
    prose = "\n".join(line for line in lines if not line.lstrip().startswith("|"))
    tables = sum(line.lstrip().startswith("|--") for line in lines)
    words = sum(bool(re.search(r"\w", word)) for word in re.sub(r"<[^>]+>|\]\(http[^)]*\)", " ", prose).split())
    exercises = float(sum(map(int, _EXERCISE.findall(text))))
    return Minutes(words / WORDS, FORMULA * len(_FORMULA.findall(text)), pictures=PICTURE * tables, exercises=exercises)


def _of_code(cell: dict[str, Any], text: str, before: str) -> Minutes:
    lines = sum(bool(line.strip()) for line in text.splitlines())
    shown = sum(len(re.findall(r"<img |<table", html)) for html in _htmls(cell))
    demo = MOVING * _questions(before) if _DEMO.search(text) else 0.0
    limit = cell_limit(cell["metadata"].get("tags", [])) or 0
    return Minutes(code=LINE * lines, pictures=PICTURE * shown, demos=demo, waiting=limit / 60 / PATIENCE)


def _htmls(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell["outputs"]:
        html = output.get("data", {}).get("text/html", "")
        yield html if isinstance(html, str) else "".join(html)


def _questions(text: str) -> int:
    """Return how many numbered questions stand at the end of a text, folded answers aside."""
    open_text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", open_text, flags=re.MULTILINE)]
    return numbers[-1] if numbers else 0
