"""Maps and tables as HTML: sharp at any size, in the colors of the page's own theme, with words that can be selected.

JupyterLab takes scripts, style sheets and SVG out of the outputs of a notebook that has not been run yet, and leaves
tables with styles of their own. So each cell carries its style. Its ground is a translucent purple, so that a map looks
right on a light page and on a dark one without knowing which it is on, and its digits keep a contrast of 4.5 to 1 on both.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

ASKING, ASKED = "#2B8CC9", "#DD6B16"  # blue and orange of queries and keys, legible on white and on black
FULL = (150, 44, 120)  # the ground of a weight of 1
WHITE_FROM = 0.62  # the share of that ground from which digits are white: the page's own would be too near it
_CELL = "padding: 3px 6px; text-align: center; min-width: 34px"
_ROW = '<tr style="background-color: transparent">'  # not striped: the stripes would mix with the grounds
_SCROLL = "overflow-x: auto; margin: 4px 0"


def shade(share: float) -> str:
    """Return the ground of a cell that holds a share from 0 to 1, as a style.

    It grows in steps of a hundredth, so that the last digits of a number do not change a stored page.
    """
    alpha = round(min(max(float(share), 0.0), 1.0), 2)
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
        weights: (Tq, Tk) numbers from 0 to 1; a larger one is shown as 1 would be.
        rows: Tq words. columns: Tk words.
        caption: stands above the table.
        smallest: cells below it show their ground alone.
        framed: cells (row, column) with a frame around them.
        sums: Tq numbers for a last column, or None.

    Raises:
        CourseError: if the words do not fit the map.
    """
    if weights.shape != (len(rows), len(columns)):
        raise CourseError(
            f"The map has shape {weights.shape}, but there are {len(rows)} row words and {len(columns)} "
            "column words: give one word for each row and column."
        )
    head = "".join(_header(word, ASKED, "col") for word in ("", *columns))
    if sums is not None:
        head += _header("sum", "", "col")
    body = []
    for i, word in enumerate(rows):
        cells = [_weight(float(weights[i, j]), smallest, (i, j) in framed) for j in range(len(columns))]
        last = [f'<td style="{_CELL}">{sums[i]:.2f}</td>'] if sums is not None else []
        body.append(f"{_ROW}{_header(word, ASKING, 'row')}{''.join([*cells, *last])}</tr>")
    return table(head, body, caption)


def table(head: str, body: Sequence[str], caption: str = "") -> str:
    """Return an HTML table from the cells of its head and the rows of its body; it scrolls where it is too wide."""
    told = f'<caption style="text-align: left; padding: 2px 6px">{html.escape(caption)}</caption>' if caption else ""
    return (
        f'<div style="{_SCROLL}"><table class="course-table" style="border-collapse: collapse; margin: 0">{told}'
        f"<thead>{_ROW}{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _header(word: str, color: str, scope: str) -> str:
    align = "right" if scope == "row" else "center"
    colored = f"; color: {color}" if color else ""
    style = f"padding: 3px 6px; text-align: {align}; font-weight: bold; white-space: nowrap{colored}"
    return f'<th scope="{scope}" style="{style}">{html.escape(word)}</th>'


def _weight(weight: float, smallest: float, framed: bool) -> str:
    frame = "2px solid" if framed else "1px solid rgba(128, 128, 128, 0.35)"
    ground = f"; {shade(weight)}" if shade(weight) else ""
    shown = f"{weight:.2f}" if weight >= smallest else ""
    if shown and weight >= WHITE_FROM:  # in a span, so that a frame keeps the color of the page's text
        shown = f'<span style="color: #ffffff">{shown}</span>'
    return f'<td style="{_CELL}; border: {frame}{ground}">{shown}</td>'
