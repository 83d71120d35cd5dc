"""Maps and tables as HTML: sharp at any size, in the colors of the page's own theme, with words that can be selected.

JupyterLab takes scripts, style sheets and SVG out of the outputs of a notebook that has not been run yet, and leaves
tables with styles of their own. So each cell carries its style. Its ground is translucent, so that a map looks right on
a light page and on a dark one without knowing which it is on; words and digits keep a contrast of 4.5 to 1 on both.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing.arrays import MOST_CELLS, arrays_in, numbers, words_of
from course.lab.drawing.picture import Markup, show

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

FULL = (165, 60, 135)  # the ground of a weight of 1, WEIGHTS_TEXT: digits on it are white
WHITE_FROM = 0.78  # the share from which digits are white: the page's own dark ink would be too near the ground
DARKEST_UNDER_INK, LIGHTEST_UNDER_WHITE = 0.74, 0.87  # opacities between which neither could be read on a light page
CURVE = 1.2  # above 1: shares near 1, such as 0.75 and 0.99, are farther apart
ASKING = ("rgba(0, 114, 178, 0.22)", "#0072B2")  # tint and edge of the words of those who ask ...
ASKED = ("rgba(230, 159, 0, 0.25)", "#E69F00")  # ... and of those who are asked
PADDING = "rgba(128, 128, 128, 0.35)"
_LINE = "1px solid rgba(128, 128, 128, 0.35)"
_CELL = "padding: 3px 6px; text-align: center; min-width: 34px"
_ROW = '<tr style="background-color: transparent">'  # not striped: the stripes would mix with the grounds
_NUMBER = re.compile(r"[-+\u2212]?[\d,]*\.?\d+(e[-+]?\d+)?( ?%)?")


def opacity(share: float) -> float:
    """Return how opaque the ground of a cell is that holds a share from 0 to 1, in steps of a hundredth.

    The steps keep the last digits of a number from changing a stored page.
    """
    share = min(max(float(share), 0.0), 1.0)
    if share < WHITE_FROM:
        return round(min(share**CURVE, DARKEST_UNDER_INK), 2)
    return round(LIGHTEST_UNDER_WHITE + (1 - LIGHTEST_UNDER_WHITE) * (share - WHITE_FROM) / (1 - WHITE_FROM), 2)


def shade(share: float) -> str:
    """Return the ground of a cell that holds a share from 0 to 1, as a style; "" for none."""
    alpha = opacity(share)
    return f"background-color: rgba({FULL[0]}, {FULL[1]}, {FULL[2]}, {alpha:g})" if alpha else ""


def heat_table(
    weights: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    caption: str = "",
    smallest: float = 0.095,
    framed: Collection[tuple[int, int]] = (),
    sums: Sequence[float] | None = None,
) -> str:
    """Return a map of weights (Tq, Tk) as an HTML table: those who ask down, those who are asked across.

    Args:
        weights: (Tq, Tk) numbers from 0 to 1, as array, lists or tensor; a larger one is shown as 1 would be.
        rows: Tq words.
        columns: Tk words.
        caption: stands above the table.
        smallest: cells below it show their ground alone.
        framed: cells (row, column) with a frame around them.
        sums: Tq numbers for a last column, or None.

    Raises:
        CourseError: if the words do not fit the map, or it holds what cannot be drawn, or too much.
    """
    weights = numbers(weights, "weights", axes=2)
    for given, name, count in ((rows, "rows", weights.shape[0]), (columns, "columns", weights.shape[1])):
        if isinstance(given, str):  # one word is no list of letters
            words_of(given, name, count)
    if weights.shape != (len(rows), len(columns)):
        raise CourseError(
            f"The map has shape {weights.shape}, but there are {len(rows)} row words and {len(columns)} "
            "column words: give one word for each row and column."
        )
    require_room(weights.size, "weights[:50, :50]")
    rows, columns = words_of(rows, "rows", len(rows)), words_of(columns, "columns", len(columns))
    if sums is not None:
        sums = numbers(sums, "sums", axes=1).tolist()
        if len(sums) != len(rows):
            raise CourseError(f"There are {len(sums)} sums for {len(rows)} rows: give one for each.")
    framed = {tuple(cell) for cell in np.asarray(list(framed), dtype=int).reshape(-1, 2).tolist()}
    head = "<td></td>" + "".join(_header(word, "col", ASKED) for word in columns)
    if sums is not None:
        head += _header("sum", "col")
    body = []
    for i, word in enumerate(rows):
        cells = [_weight(float(weights[i, j]), smallest, (i, j) in framed) for j in range(len(columns))]
        last = [f'<td style="{_CELL}">{sums[i]:.2f}</td>'] if sums is not None else []
        body.append(f"{_ROW}{_header(word, 'row', ASKING)}{''.join([*cells, *last])}</tr>")
    return table(head, body, caption)


def bar_table(words: Sequence[str], shares: Sequence[float], *, caption: str = "") -> str:
    """Return shares from 0 to 1 as an HTML table of bars, a row for each word of those who are asked.

    Raises:
        CourseError: if there is not one word for each share, or a share cannot be drawn.
    """
    shares = numbers(shares, "shares", axes=1).tolist()
    words = words_of(words, "words", len(shares))
    require_room(len(shares), "shares[:50]")
    body = []
    for word, share in zip(words, shares, strict=True):
        long = round(100 * min(max(float(share), 0.0), 1.0))
        bar = f'<div style="width: {long}%; height: 14px; background-color: rgb{FULL}"></div>' if long else ""
        cells = (
            f'<td style="padding: 3px 0; width: 180px; min-width: 180px; border-left: {_LINE}; border-right: {_LINE}">'
            f'{bar}</td><td style="{_CELL}; text-align: right">{share:.2f}</td>'
        )
        body.append(f"{_ROW}{_header(word, 'row', ASKED)}{cells}</tr>")
    return table("", body, caption)


def rows_table(head: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> Markup:
    """Return rows as a table; last in a cell, it is shown. Columns of numbers stand at the right of their column.

    Its text, for terminals and readers of plain text, has the same columns. Write numbers as they should be read
    (`f"{x:.2f}"`), or as int.

    Raises:
        CourseError: if a row has not one cell for each name in `head`, or there are too many.
    """
    head = words_of(head, "head", len(head))
    require_room(len(rows) * len(head), "rows[:50]")
    cells = [[str(arrays_in(cell)) for cell in arrays_in(row)] for row in arrays_in(rows)]
    for given, row in zip(rows, cells, strict=True):
        if isinstance(given, str | Mapping):
            raise CourseError(f"A row is a list of cells, but one is {given!r}: write [ ] around its values.")
        if len(row) != len(head):
            raise CourseError(f"A row has {len(row)} cells, the head {len(head)}: {row}.")
    right = [
        any(filled) and all(map(_NUMBER.fullmatch, filled))
        for filled in ([row[at] for row in cells if row[at]] for at in range(len(head)))
    ]
    aligns = ["right" if each else "left" for each in right]
    top = "".join(_header(name, "col", align=align) for name, align in zip(head, aligns, strict=True))
    body = [
        f"{_ROW}{''.join(_plain_cell(cell, align) for cell, align in zip(row, aligns, strict=True))}</tr>"
        for row in cells
    ]
    return Markup(table(top, body, caption), _as_text(head, cells, right, caption))


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> None:
    """Display `rows_table(head, rows, caption)`, anywhere in a cell."""
    show(rows_table(head, rows, caption))


def require_room(cells: int, part: str) -> None:
    """Raise CourseError where a table would have more cells than a page can take; part: what to show instead."""
    if cells > MOST_CELLS:
        raise CourseError(
            f"A table of {cells:,} cells is too large for a page: show at most {MOST_CELLS:,}, as {part}."
        )


def _plain_cell(cell: str, align: str) -> str:
    return f'<td style="padding: 3px 10px; text-align: {align}; border-top: {_LINE}">{html.escape(cell)}</td>'


def _as_text(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], caption: str) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(wide) if number else cell.ljust(wide)
            for cell, wide, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([caption, *lines] if caption else lines)


def table(head: str, body: Sequence[str], caption: str = "") -> str:
    """Return an HTML table from the cells of its head ("": none) and its rows; it scrolls where it is too wide."""
    told = (
        f'<caption style="text-align: left; padding: 2px 6px; white-space: nowrap">{html.escape(caption)}</caption>'
        if caption
        else ""
    )
    top = f"<thead>{_ROW}{head}</tr></thead>" if head else ""
    return (
        '<div style="overflow-x: auto; margin: 4px 0"><table style="border-collapse: collapse; margin: 0; font-size: '
        f'14px; table-layout: auto">{told}{top}<tbody>{"".join(body)}</tbody></table></div>'
    )


def beside(*parts: str) -> str:
    """Return pieces of HTML side by side, or one below the other where the page is too narrow for both."""
    place = "display: inline-block; vertical-align: top; max-width: 100%; margin-right: 28px"
    return "".join(f'<div style="{place}">{part}</div>' for part in parts)


def _header(word: str, scope: str, colors: tuple[str, str] | None = None, align: str = "") -> str:
    align = align or ("right" if scope == "row" else "center")
    style = f"padding: 3px 8px; text-align: {align}; font-weight: bold; white-space: nowrap"
    if colors:
        side = "border-right" if scope == "row" else "border-bottom"
        style += f"; background-color: {colors[0]}; {side}: 3px solid {colors[1]}"
    return f'<th scope="{scope}" style="{style}">{html.escape(word)}</th>'


def _weight(weight: float, smallest: float, framed: bool) -> str:
    frame = "2px solid" if framed else _LINE
    ground = f"; {shade(weight)}" if shade(weight) else ""
    shown = f"{weight:.2f}" if weight >= smallest else ""
    if shown and weight >= WHITE_FROM:  # in a span, so that a frame keeps the color of the page's text
        shown = f'<span style="color: #ffffff">{shown}</span>'
    return f'<td style="{_CELL}; border: {frame}{ground}">{shown}</td>'
