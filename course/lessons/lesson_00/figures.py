"""Drawing functions about translation: attention between words, over layers and heads, and the axes of the arrays.

They have the form of those in `course.lab.drawing`: clear the figure, set its size, draw, return the alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import GRAY, INK, KEY_TEXT, PALE, QUERY, WEIGHTS, begin, heat, largest, shades, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course.alignment import WordAttention

    Array = np.ndarray[Any, np.dtype[Any]]

END = "(end)"
WIDTH = 11.6  # inches; 835 pixels at 72 dpi, which a page of 1280 pixels shows without shrinking them
LETTER = 0.092  # inches: a letter of 11 points, with room to spare
ROW = 0.31
LEVEL = 0.25  # inches that level words on top of a map take
WIDEST_CELL, NARROWEST_NUMBER = 0.66, 0.43
MOST_SHOWN = 30  # rows and columns of one map
BESIDE = 10  # columns up to which two maps stand side by side


@dataclass(frozen=True)
class _Map:
    """One map to draw: a title, words down and across, and weights (rows, columns)."""

    title: str
    rows: list[str]
    columns: list[str]
    weights: Array

    @property
    def label(self) -> float:
        """Inches that the words at the left take."""
        return 0.25 + LETTER * max(map(len, self.rows))

    def cell(self, room: float) -> float:
        """The width of a cell, in inches, where the map with its labels has `room`; the last slanted word leans out."""
        leaning = 0.6 * LETTER * len(self.columns[-1])
        return min(WIDEST_CELL, (room - self.label - leaning) / len(self.columns))

    def header(self, cell: float) -> float:
        """Inches that the words on top take: level where they fit, else slanted."""
        longest = LETTER * max(map(len, self.columns))
        return LEVEL if longest < cell + 0.04 else 0.2 + 0.8 * longest


def draw_word_attention(
    fig: Figure, *, attention: Mapping[str, WordAttention], layer: int = -1, head: int | None = None
) -> str:
    """Draw where each word of a translation looked, one map for each language: written words down, read words across.

    One decoder layer (-1: the last), one head or the mean of all. The cell with the largest weight of a row is framed.
    Two maps stand side by side where the sentence is short, else one below the other. Of a very long sentence the first
    30 words are drawn.

    Raises CourseError for a layer or head that the model does not have.
    """
    maps = [_as_map(name, found, layer, head) for name, found in attention.items()]
    beside = len(maps) > 1 and max(len(each.columns) for each in maps) <= BESIDE
    room = WIDTH / len(maps) - 0.1 if beside else WIDTH
    cell = min(each.cell(room) for each in maps)
    header = max(each.header(cell) for each in maps)
    heights = [0.46 + header + ROW * len(each.rows) for each in maps]
    widths = [each.label + cell * len(each.columns) + 0.5 for each in maps]
    begin(
        fig,
        WIDTH if beside else min(WIDTH, max(4.5, *widths)),
        max(heights) + 0.08 if beside else sum(heights) + 0.2 * len(maps),
    )
    left, top = 0.0, float(fig.get_size_inches()[1])
    for each, height in zip(maps, heights, strict=True):
        _draw_map(fig, each, left, top, cell, header)
        left, top = (left + WIDTH / len(maps), top) if beside else (left, top - height - 0.2)
    return " ".join(_in_words(each, found) for each, found in zip(maps, attention.values(), strict=True))


def _as_map(name: str, attention: WordAttention, layer: int, head: int | None) -> _Map:
    n_layers, n_heads = attention.weights.shape[:2]
    if not -n_layers <= layer < n_layers:
        raise CourseError(f"There is no layer {layer}: the model has layers 0 to {n_layers - 1}.")
    if head is not None and not 0 <= head < n_heads:
        raise CourseError(f"There is no head {head}: each layer has heads 0 to {n_heads - 1}.")
    of_layer = np.asarray(attention.weights[layer])
    weights = of_layer.mean(0) if head is None else of_layer[head]
    which = f"mean of {n_heads} heads" if head is None else f"head {head + 1} of {n_heads}"
    rows, columns = list(attention.target)[:MOST_SHOWN], [*attention.source, END]
    if len(columns) > MOST_SHOWN + 1:
        columns, weights = columns[:MOST_SHOWN], weights[:, :MOST_SHOWN]
    title = f"{name}: decoder layer {layer % n_layers + 1} of {n_layers}, {which}"
    return _Map(title, rows, columns, weights[: len(rows)])


def _draw_map(fig: Figure, shown: _Map, left: float, top: float, cell: float, header: float) -> None:
    """Draw one map with its title and words; all lengths in inches, left and top from the lower left corner."""
    width, height = (float(x) for x in fig.get_size_inches())
    across, down = cell * len(shown.columns), ROW * len(shown.rows)
    fig.text((left + 0.06) / width, (top - 0.1) / height, shown.title, ha="left", va="top", fontsize=12, color=INK)
    low = top - 0.34 - header - down
    ax = fig.add_axes(((left + shown.label) / width, low / height, across / width, down / height))
    smallest = 0.095 if cell >= NARROWEST_NUMBER else 2.0
    heat(ax, shown.weights, shown.rows, [""] * len(shown.columns), smallest=smallest)
    _frame_largest(ax, shown.weights)
    slanted = header > LEVEL
    at: dict[str, Any] = {"ha": "left", "rotation": 55, "rotation_mode": "anchor"} if slanted else {"ha": "center"}
    for color, ends in ((KEY_TEXT, False), (GRAY, True)):
        words = {j: word for j, word in enumerate(shown.columns) if (word == END) == ends}
        places = [(j - 0.12 * slanted, -0.72) for j in words]
        write(ax, list(words.values()), places, va="bottom", fontsize=11, color=color, parse_math=False, **at)


def _frame_largest(ax: Axes, weights: Array) -> None:
    """Draw a frame around the largest weight of each row."""
    for i, j in enumerate(weights.argmax(axis=-1)):
        ax.plot(
            j + np.array([-0.5, 0.5, 0.5, -0.5, -0.5]), i + np.array([-0.5, -0.5, 0.5, 0.5, -0.5]), color=INK, lw=1.4
        )


def _in_words(shown: _Map, attention: WordAttention) -> str:
    """The alternative text of one map."""
    best = ", ".join(
        f"{word} → {largest(shown.columns, row)}" for word, row in zip(shown.rows, shown.weights, strict=True)
    )
    hidden = len(attention.target) + len(attention.source) + 1 - len(shown.rows) - len(shown.columns)
    more = f" {hidden} more rows and columns are not drawn." if hidden > 0 else ""
    return f"{shown.title}. Each written word and the read word with its largest weight: {best}.{more}"


# ---- Layers and heads under a slider ----------------------------------------------------------------------------

MEAN = "mean of all"


def draw_layer_and_head(
    fig: Figure, *, sentences: Mapping[str, WordAttention], sentence: str, layer: int, head: str
) -> str:
    """Draw the attention of one decoder layer (from 1) and one head ("1", "2", ... or "mean of all") for a sentence."""
    chosen = None if head == MEAN else int(head) - 1
    return draw_word_attention(fig, attention={"German": sentences[sentence]}, layer=layer - 1, head=chosen)


# ---- The axes of the weights ------------------------------------------------------------------------------------


def draw_axes_of_weights(fig: Figure, *, weights: Array, words: Sequence[Sequence[str]]) -> str:
    """Draw weights (B, H, Tq, Tk) as a table of maps: sentences down, heads across.

    `words` holds B lists of up to Tk words; what is missing is padding, whose columns are hatched.
    """
    n_sentences, n_heads, n_queries, n_keys = weights.shape
    height = 1.15 + 2.35 * n_sentences
    begin(fig, WIDTH, height)
    edges = {"left": 0.12, "right": 0.995, "top": 1 - 0.62 / height, "bottom": 0.45 / height}
    grid = fig.add_gridspec(n_sentences, n_heads, **edges, wspace=0.06, hspace=0.1)
    for b, h in np.ndindex(n_sentences, n_heads):
        ax = fig.add_subplot(grid[b, h])
        _draw_small_map(ax, weights[b, h], len(words[b]))
        if b == 0:
            ax.set_title(f"h = {h}", fontsize=12, color=INK)
        if h == 0:
            for i in range(n_queries):
                word, color = (words[b][i], QUERY) if i < len(words[b]) else ("<pad>", GRAY)
                ax.text(-0.8, i, word, ha="right", va="center", fontsize=10, color=color, parse_math=False)
            ax.text(-0.12, 1.0, f"b = {b}", ha="right", va="bottom", fontsize=12, color=INK, transform=ax.transAxes)
    fig.text(0.56, 0.995, f"H = {n_heads} heads across →", ha="center", va="top", fontsize=12, color=INK)
    fig.text(0.004, 0.995, f"B = {n_sentences} sentences down ↓", ha="left", va="top", fontsize=12, color=INK)
    inside = f"in each map: Tq = {n_queries} rows that ask, Tk = {n_keys} columns that are asked"
    fig.text(0.56, 0.02, inside, ha="center", va="bottom", fontsize=12, color=INK)
    return _axes_in_words(weights, words)


def _draw_small_map(ax: Axes, weights: Array, n_words: int) -> None:
    n_queries, n_keys = weights.shape
    ax.imshow(weights, cmap=shades(WEIGHTS), vmin=0, vmax=1, aspect="auto")
    ax.hlines(np.arange(n_queries + 1) - 0.5, -0.5, n_keys - 0.5, color=PALE, linewidth=1)
    ax.vlines(np.arange(n_keys + 1) - 0.5, -0.5, n_queries - 0.5, color=PALE, linewidth=1)
    if n_words < n_keys:
        ax.axvspan(n_words - 0.5, n_keys - 0.5, facecolor="none", edgecolor=GRAY, hatch="///", linewidth=0)
    ax.set(xlim=(-0.5, n_keys - 0.5), ylim=(n_queries - 0.5, -0.5), xticks=[], yticks=[])
    ax.axis("off")


def _axes_in_words(weights: Array, words: Sequence[Sequence[str]]) -> str:
    n_sentences, n_heads, n_queries, n_keys = weights.shape
    padding = ", ".join(
        f"sentence {b}: {n_keys - len(row)} columns of padding" for b, row in enumerate(words) if len(row) < n_keys
    )
    return (
        f"A table of maps: B = {n_sentences} sentences down, H = {n_heads} heads across; each map has Tq = {n_queries} "
        f"rows that ask and Tk = {n_keys} columns that are asked. Largest weight {weights.max():.2f}."
        + (f" Hatched, with weight 0: {padding}." if padding else "")
    )


# ---- The way of one sentence ------------------------------------------------------------------------------------


def draw_journey(fig: Figure, *, steps: Sequence[tuple[str, str, str]]) -> str:
    """Draw the way of a sentence through the model as boxes: (name, shape in letters, shape in numbers) each."""
    begin(fig, WIDTH, 1.75)
    ax = fig.add_axes((0.0, 0.0, 1.0, 1.0))
    gap, width = 0.32, (WIDTH - 0.1 - 0.32 * (len(steps) - 1)) / len(steps)
    for i, (name, letters, numbers) in enumerate(steps):
        x = 0.05 + i * (width + gap)
        color = WEIGHTS if "weights" in name else QUERY if "quer" in name else PALE
        ax.add_patch(_box(x, 0.42, width, 0.9, color))
        middle = x + width / 2
        ax.text(middle, 1.46, name, ha="center", va="center", fontsize=12, weight="bold", color=INK)
        ax.text(middle, 1.06, letters, ha="center", va="center", fontsize=12, color=INK)
        ax.text(middle, 0.70, numbers, ha="center", va="center", fontsize=11, color=INK)
        if i:
            arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.5}
            ax.annotate("", (x - 0.03, 0.87), (x - gap + 0.03, 0.87), arrowprops=arrow)
    ax.set(xlim=(0, WIDTH), ylim=(0.25, 1.7))
    ax.axis("off")
    told = ", then ".join(f"{name} {letters} = {numbers}" for name, letters, numbers in steps)
    return f"The way of the sentences through the model: {told}."


def _box(x: float, y: float, width: float, height: float, color: str) -> Any:  # noqa: ANN401
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.08"
    return FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=shades(color)(0.35), edgecolor=GRAY)
