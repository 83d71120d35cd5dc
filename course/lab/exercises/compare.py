"""A wrong map beside the right one, as HTML: the cells that differ are framed."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from course.lab.drawing.tables import heat_table, table
from course.lab.exercises.card import paragraph
from course.lab.exercises.example import WrongMap, say_given
from course.lab.exercises.exercise import Exercise

_CELL = "padding: 3px 7px; text-align: center; min-width: 26px"
_HEAD = "padding: 3px 7px; text-align: center; font-weight: bold"
_DIGITS = (2, 3, 4, 6, 9)  # decimals: as few as tell yours from the right one
_BESIDE = "display: inline-block; vertical-align: top; margin: 0 28px 0 0"


def compare(exercise: Exercise, wrong: WrongMap) -> str:
    """Return yours and the right one side by side, what they were made from, and which cells differ."""
    n, size = int(wrong.differs.sum()), wrong.differs.size
    given = say_given(exercise, wrong.example.case)
    counted = (
        f"{n} of {size} cells differ; they are framed." if n > 1 else f"One of {size} cells differs; it is framed."
    )
    where = _axes(wrong.axes)
    maps = "".join(
        f'<div style="{_BESIDE}">{_map(numbers, wrong, caption)}</div>'
        for numbers, caption in ((wrong.yours, f"your {wrong.name}"), (wrong.right, f"the right {wrong.name}"))
    )
    return paragraph(f"A small example, {given}:") + f"<div>{maps}</div>" + paragraph(f"{counted}{where}")


def _axes(axes: tuple[str, str]) -> str:
    told = [f"{name} runs {way}" for name, way in zip(axes, ("down", "across"), strict=True) if name]
    return f" {', '.join(told)}." if told else ""


def _map(numbers: np.ndarray[Any, Any], wrong: WrongMap, caption: str) -> str:
    rows, columns = ([str(i) for i in range(n)] for n in numbers.shape)
    framed = {(int(i), int(j)) for i, j in np.argwhere(wrong.differs)}
    if wrong.right.dtype == bool:
        return _plain([["✓" if cell else "·" for cell in row] for row in numbers.astype(bool)], framed, caption)
    digits = _digits(wrong)
    if digits == _DIGITS[0] and all(_are_shares(each) for each in (wrong.right, wrong.yours)):
        return heat_table(numbers.astype(float), rows, columns, caption=caption, smallest=0.0, framed=framed)
    return _plain([[_number(cell, digits) for cell in row] for row in numbers.astype(float)], framed, caption)


def _are_shares(numbers: np.ndarray[Any, Any]) -> bool:
    return numbers.dtype.kind == "f" and bool(((numbers >= 0) & (numbers <= 1)).all())


def _digits(wrong: WrongMap) -> int:
    pairs = list(zip(wrong.yours[wrong.differs], wrong.right[wrong.differs], strict=True))
    enough = (d for d in _DIGITS if all(_number(a, d) != _number(b, d) for a, b in pairs))
    return next(enough, _DIGITS[-1])


def _number(value: float, digits: int) -> str:
    value = float(value)
    if not np.isfinite(value) or value == int(value) and abs(value) < 1e6:
        return f"{value:g}"
    return f"{value:.{digits}f}" if abs(value) < 1e5 else f"{value:.{digits}e}"


def _plain(cells: Sequence[Sequence[str]], framed: set[tuple[int, int]], caption: str) -> str:
    head = "".join(f'<th scope="col" style="{_HEAD}">{j}</th>' for j in ("", *range(len(cells[0]))))
    body = []
    for i, row in enumerate(cells):
        shown = "".join(_cell(text, (i, j) in framed) for j, text in enumerate(row))
        body.append(f'<tr style="background-color: transparent"><th scope="row" style="{_HEAD}">{i}</th>{shown}</tr>')
    return table(head, body, caption)


def _cell(text: str, framed: bool) -> str:
    border = "2px solid" if framed else "1px solid rgba(128, 128, 128, 0.35)"
    return f'<td style="{_CELL}; border: {border}">{html.escape(text)}</td>'
