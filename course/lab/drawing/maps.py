"""Maps of attention weights: queries down, keys across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing.arrays import numbers, words_of
from course.lab.drawing.picture import Markup
from course.lab.drawing.tables import heat_table

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


def draw_map(*, weights: Array, rows: Sequence[str], columns: Sequence[str], sums: str = "none") -> Markup:
    """Draw an attention map (Tq, Tk), queries down and keys across; sums: "rows" for a column of their sums.

    The weights may be an array, lists or a tensor. Raises CourseError when the words do not fit the map, and for what
    cannot be drawn.
    """
    if sums not in ("none", "rows"):
        raise CourseError(f'sums is {sums!r}; it must be "rows" for a column of sums, or "none".')
    weights = numbers(weights, "weights", axes=2)
    totals = weights.sum(axis=-1) if sums == "rows" else None
    shown = heat_table(weights, rows, columns, sums=totals)
    asking, asked = words_of(rows, "rows", len(rows)), words_of(columns, "columns", len(columns))
    best = [f"{asking[i]} → {largest(asked, row)}" for i, row in enumerate(weights)]
    words = f"Attention map, queries down and keys across; the largest weight of each row: {', '.join(best)}."
    if totals is not None:
        words += f" Row sums: {', '.join(f'{x:.2f}' for x in totals)}."
    return Markup(shown, words)


def largest(words: Sequence[str], row: Array) -> str:
    """Return the word with the largest weight of a row, and the weight; or that all weights are equal."""
    if np.allclose(row, row[0]):
        return f"all equal {row[0]:.2f}"
    return f"{words[int(np.argmax(row))]} {row.max():.2f}"
