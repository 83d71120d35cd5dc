"""Drawing functions about translation: attention between words, over layers and heads, and the axes of the arrays.

They have the forms of `course.lab.drawing.picture`: maps of words are markup, the rest is drawn on a figure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import (
    GRAY,
    INK,
    PALE,
    QUERY,
    WEIGHTS,
    WEIGHTS_TEXT,
    Markup,
    as_array,
    begin,
    beside,
    heat_table,
    largest,
    rows_table,
    shades,
    takes_arrays,
)
from course.pretrained import PAIRS, run_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course.alignment import WordAttention

    Array = np.ndarray[Any, np.dtype[Any]]

END = "(end)"
NAMES = {"en-de": "German", "en-fr": "French"}
WIDTH = 11.6  # inches; 835 pixels at 72 dpi, which a page of 1280 pixels shows without shrinking them
MOST_SHOWN = 30  # rows and columns of one map


@dataclass(frozen=True)
class _Map:
    """One map to draw: a title, words down and across, and weights (rows, columns)."""

    title: str
    rows: list[str]
    columns: list[str]
    weights: Array


@takes_arrays
def draw_word_attention(*, attention: Mapping[str, WordAttention], layer: int = -1, head: int | None = None) -> Markup:
    """Draw where each word of a translation looked, one map for each language: written words down, read words across.

    One decoder layer (-1: the last), one head or the mean of all. The cell with the largest weight of a row is framed.
    Maps stand side by side where the page is wide enough. Of a very long sentence the first 30 words are drawn.

    Raises CourseError for a layer or head that the model does not have.
    """
    maps = [_as_map(name, found, layer, head) for name, found in attention.items()]
    told = " ".join(_in_words(each, found) for each, found in zip(maps, attention.values(), strict=True))
    return Markup(beside(*map(_as_table, maps)), told)


def _as_map(name: str, attention: WordAttention, layer: int, head: int | None) -> _Map:
    n_layers, n_heads = attention.weights.shape[:2]
    if not -n_layers <= layer < n_layers:
        raise CourseError(f"There is no layer {layer}: the model has layers 0 to {n_layers - 1}.")
    if head is not None and not 0 <= head < n_heads:
        raise CourseError(f"There is no head {head}: each layer has heads 0 to {n_heads - 1}.")
    of_layer = as_array(attention.weights[layer])
    weights = of_layer.mean(0) if head is None else of_layer[head]
    which = f"mean of {n_heads} heads" if head is None else f"head {head + 1} of {n_heads}"
    rows, columns = list(attention.target)[:MOST_SHOWN], [*attention.source, END]
    if len(columns) > MOST_SHOWN + 1:
        columns, weights = columns[:MOST_SHOWN], weights[:, :MOST_SHOWN]
    title = f"{name}: decoder layer {layer % n_layers + 1} of {n_layers}, {which}"
    return _Map(title, rows, columns, weights[: len(rows)])


def _as_table(shown: _Map) -> str:
    best = [(i, int(j)) for i, j in enumerate(shown.weights.argmax(axis=-1))]
    return heat_table(shown.weights, shown.rows, shown.columns, caption=shown.title, framed=best)


def _in_words(shown: _Map, attention: WordAttention) -> str:
    """The alternative text of one map."""
    best = ", ".join(
        f"{word} → {largest(shown.columns, row)}" for word, row in zip(shown.rows, shown.weights, strict=True)
    )
    hidden = len(attention.target) + len(attention.source) + 1 - len(shown.rows) - len(shown.columns)
    more = f" {hidden} more rows and columns are not drawn." if hidden > 0 else ""
    return f"{shown.title}. Each written word and the read word with its largest weight: {best}.{more}"


# ---- Where one word looked --------------------------------------------------------------------------------------


def looks_table(maps: Mapping[str, WordAttention], chosen: Mapping[str, str], at: str) -> Markup:
    """Return for one written word a sentence where each decoder layer looked, the mean of its heads, as a table.

    Args:
        maps: the attention between the words of each sentence.
        chosen: the written word of each sentence.
        at: a read word of all sentences; the head that looked at it most is named for each layer.
    """
    rows = []
    for sentence, found in maps.items():
        columns, row = [*found.source, END], list(found.target).index(chosen[sentence])
        for layer in range(found.weights.shape[0]):
            heads = as_array(found.weights[layer])[:, row]  # (H, Tk)
            shares, at_word = heads.mean(axis=0), heads[:, columns.index(at)]
            most = ", ".join(f"{columns[j]} {shares[j]:.2f}" for j in np.argsort(-shares, kind="stable")[:3])
            best = int(at_word.argmax())
            rows.append((chosen[sentence], layer + 1, most, f"head {best + 1}, with {at_word[best]:.2f}"))
    return rows_table(("word", "layer", "looked most at", f"head that looked most at “{at}”"), rows)


# ---- What the translators that ship get right -------------------------------------------------------------------


def exactly_right(about: Mapping[str, str]) -> Markup:
    """Return how many percent of each split the translators that ship have exactly right, with 95 % intervals.

    about: what is new in each split, by its name; splits that it does not name are left out.
    """
    figures = [_kept_scores(pair) for pair in PAIRS]
    rows = [(text, *(of_pair[split] for of_pair in figures)) for split, text in about.items()]
    return rows_table(("exactly right of", *(f"English to {NAMES[pair]}" for pair in PAIRS)), rows)


def _kept_scores(pair: str) -> dict[str, str]:
    rows = json.loads((run_folder(pair) / "scores.json").read_text(encoding="utf-8"))
    told = "{:.1f} % ({:.1f} to {:.1f})"
    return {row["split"]: told.format(row["exact_match"], *row["interval_95"]) for row in rows}


# ---- Layers and heads under a slider ----------------------------------------------------------------------------

MEAN = "mean of all"


@takes_arrays
def draw_layer_and_head(*, sentences: Mapping[str, WordAttention], sentence: str, layer: int, head: str) -> Markup:
    """Draw the attention of one decoder layer (from 1) and one head ("1", "2", ... or "mean of all") for a sentence."""
    chosen = None if head == MEAN else int(head) - 1
    return draw_word_attention(attention={"German": sentences[sentence]}, layer=layer - 1, head=chosen)


# ---- The axes of the weights ------------------------------------------------------------------------------------


@takes_arrays
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
    ax.imshow(weights, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, aspect="auto")
    ax.hlines(np.arange(n_queries + 1) - 0.5, -0.5, n_keys - 0.5, color=PALE, linewidth=1, clip_on=False)
    ax.vlines(np.arange(n_keys + 1) - 0.5, -0.5, n_queries - 0.5, color=PALE, linewidth=1, clip_on=False)
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


@takes_arrays
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
