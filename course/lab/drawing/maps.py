"""Maps of attention weights: queries down, keys across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing.colors import GRAY, INK, KEY_TEXT, PALE, QUERY, WEIGHTS
from course.lab.drawing.primitives import begin, shades, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]


def heat(ax: Axes, weights: Array, rows: Sequence[str], columns: Sequence[str], smallest: float = 0.095) -> None:
    """Draw weights (Tq, Tk) as a heat map; numbers stand in the cells of at least `smallest`.

    Words are plain text and lines are two collections: axis ticks would take most of a moving slider's time.
    Raises CourseError when the words do not fit the map.
    """
    if weights.shape != (len(rows), len(columns)):
        raise CourseError(
            f"The map has shape {weights.shape}, but there are {len(rows)} row words and {len(columns)} "
            "column words: give one word for each row and column."
        )
    height, width = weights.shape
    ax.imshow(weights, cmap=shades(WEIGHTS), vmin=0, vmax=1, aspect="auto")
    ax.hlines(np.arange(height + 1) - 0.5, -0.5, width - 0.5, color=PALE, linewidth=1)
    ax.vlines(np.arange(width + 1) - 0.5, -0.5, height - 0.5, color=PALE, linewidth=1)
    write(ax, columns, [(j, -0.72) for j in range(width)], ha="center", va="bottom", fontsize=11, color=KEY_TEXT)
    write(ax, rows, [(-0.62, i) for i in range(height)], ha="right", va="center", fontsize=11, color=QUERY)
    cells = np.argwhere(weights >= smallest)
    numbers = [f"{weights[i, j]:.2f}" for i, j in cells]
    write(ax, numbers, [(j, i) for i, j in cells], ha="center", va="center", fontsize=10, color=INK)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.axis("off")


def draw_map(fig: Figure, *, weights: Array, rows: Sequence[str], columns: Sequence[str], sums: str = "none") -> str:
    """Draw an attention map (Tq, Tk), queries down and keys across, with row sums, column sums or no sums.

    Raises CourseError when the words do not fit the map.
    """
    begin(fig, 1.9 + 0.75 * len(columns), 1.1 + 0.4 * len(rows))
    width, height = (float(x) for x in fig.get_size_inches())
    ax = fig.add_axes((0.95 / width, 0.35 / height, 0.75 * len(columns) / width, 0.4 * len(rows) / height))
    heat(ax, weights, rows, columns)
    total_rows, total_columns = weights.sum(axis=1), weights.sum(axis=0)
    if sums == "rows":
        beside = [(len(columns) - 0.4, i) for i in range(len(rows))]
        write(ax, [f"{x:.2f}" for x in total_rows], beside, ha="left", va="center", fontsize=10, color=GRAY)
        ax.text(len(columns) - 0.4, -0.72, "row sum", ha="left", va="bottom", fontsize=10, color=GRAY)
    best = [f"{rows[i]} → {largest(columns, row)}" for i, row in enumerate(weights)]
    words = f"Attention map, queries down and keys across; the largest weight of each row: {', '.join(best)}."
    return words + _sums_in_words(sums, total_rows, total_columns)


def largest(words: Sequence[str], row: Array) -> str:
    """Return the word with the largest weight of a row, and the weight; or that all weights are equal."""
    if np.allclose(row, row[0]):
        return f"all equal {row[0]:.2f}"
    return f"{words[int(np.argmax(row))]} {row.max():.2f}"


def _sums_in_words(sums: str, rows: Array, columns: Array) -> str:
    """Return the row sums (or nothing) as a sentence."""
    if sums != "rows":
        return ""
    return f" Row sums: {', '.join(f'{x:.2f}' for x in rows)}."
