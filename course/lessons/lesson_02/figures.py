"""Drawing functions of lesson 02: the bend of tanh, a decoder that looks back, a window, the curve by length.

They have the forms of `course.lab.drawing.picture`, and their text states the numbers that the picture shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY,
    KEY_TEXT,
    PALE,
    QUERY,
    VALUE,
    VALUE_TEXT,
    WEIGHTS,
    WEIGHTS_TEXT,
    Markup,
    as_array,
    begin,
    beside,
    heat_table,
    largest,
    plain,
    rows_table,
    takes_arrays,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]


# ---- The bend ------------------------------------------------------------------------------------------


@takes_arrays
def draw_bend(fig: Figure, *, question: Sequence[float], push: float, names: Sequence[str]) -> str:
    """Draw tanh with two units on it: what a word that pushes by `push` makes of each, and a word that does not.

    question: what the decoder's state sends to each of the units of these names.
    """
    begin(fig, 9, 3.4)
    ax = fig.add_axes((0.08, 0.16, 0.9, 0.8))
    x = np.linspace(-5.5, 3.2, 300)
    ax.plot(x, np.tanh(x), color=GRAY, linewidth=2)
    ax.axhline(0, color=PALE, linewidth=1, zorder=0)
    told = []
    for sent, name, mark in zip(question, names, "os", strict=True):
        low, high = np.tanh([sent, sent + push])
        for place, filled in ((sent, "white"), (sent + push, KEY)):
            ax.plot([place], [np.tanh(place)], mark, color=KEY_TEXT, markerfacecolor=filled, markersize=11, zorder=4)
        at, y = (sent + push / 2, high + 0.16) if sent < 0 else (sent + push, high - 0.42)
        ax.text(at, y, f"{name}: {high - low:+.3f}", fontsize=12, ha="center", color=INK)
        told.append(f"the {name}, to which the state sends {sent:g}, rises from {low:.3f} to {high:.3f}")
    ax.plot([], [], "o", color=KEY_TEXT, markerfacecolor=KEY, markersize=9, label="a word of this kind")
    ax.plot([], [], "o", color=KEY_TEXT, markerfacecolor="white", markersize=9, label="any other word")
    ax.legend(frameon=False, fontsize=11, loc="lower right")
    ax.set(xlim=(-5.5, 3.2), ylim=(-1.35, 1.25))
    ax.set_xlabel("what goes into the unit: question + word", fontsize=11)
    ax.set_ylabel("tanh", fontsize=11)
    plain(ax)
    return f"The curve of tanh. A word of the kind pushes by {push:g}: {'; '.join(told)}."


# ---- A decoder that looks back, step by step -----------------------------------------------------------


@dataclass(frozen=True)
class Looks:
    """A sentence for the demo: words read (T) and written (N), states s (N, dq) and h (T, dk), and the matrices."""

    source: Sequence[str]
    target: Sequence[str]
    s: Array
    h: Array
    Wq: Array
    Wk: Array
    axes: Sequence[str]  # dk names


@takes_arrays
def draw_steps(
    *, additive_attention: Callable[..., tuple[Array, Array]], examples: Mapping[str, Looks], sentence: str, step: int,
    v: float,
) -> Markup:  # fmt: skip
    """Draw the weights of all steps up to `step` (from 1), and the context vector of that step.

    v: what every unit counts in the score.
    """
    told = examples[sentence]
    n, T = step, len(told.source)
    contexts, weights = additive_attention(
        told.s[:n],
        np.broadcast_to(told.h, (n, *told.h.shape)).copy(),
        np.ones((n, T), dtype=bool),
        told.Wq,
        told.Wk,
        np.full(told.Wq.shape[1], v),
    )
    contexts, weights = as_array(contexts), as_array(weights)
    now, word = n - 1, told.target[n - 1]
    written = " ".join(told.target[:now]) or "nothing yet"
    caption = f"written: {written}; next: {word}"
    whole = heat_table(
        weights, told.target[:n], told.source, caption=caption, framed=[(now, j) for j in range(T)]
    )  # fmt: skip
    numbers = [f"{x:.2f}" for x in contexts[now] + 0.0]
    context = rows_table(told.axes, [numbers], f"the context vector for “{word}”")
    named = ", ".join(f"{name} {x}" for name, x in zip(told.axes, numbers, strict=True))
    return Markup(
        beside(whole, context.html),
        f"Step {n}, written: {written}; next: {word}. The largest weight: {largest(told.source, weights[now])}. "
        f"Context: {named}.",
    )


# ---- A window --------------------------------------------------------------------------------------------


@takes_arrays
def draw_window(
    fig: Figure, *, local_weights: Callable[..., Array], words: Sequence[str], scores: Array, center: float, D: int,
    gaussian: bool,
) -> str:  # fmt: skip
    """Draw the weights of one row of scores (T,) inside a window, beside those over all words."""
    T = len(words)
    everything = np.ones((1, T), dtype=bool)
    local = as_array(local_weights(scores[None], everything, np.array([center]), D, gaussian))[0]
    whole = np.exp(scores - scores.max())
    whole = whole / whole.sum()
    begin(fig, 10, 3.6)
    ax = fig.add_axes((0.06, 0.12, 0.75, 0.84))
    ax.axvspan(center - D, center + D, color=QUERY, alpha=0.10, zorder=0)
    ax.axvline(center, color=QUERY, linewidth=2, zorder=1)
    places = np.arange(T)
    ax.bar(places, whole, 0.62, color="white", edgecolor=GRAY, linewidth=1.5, label="all words", zorder=2)
    ax.bar(places, local, 0.34, color=WEIGHTS_TEXT, label="in the window", zorder=3)
    if gaussian:
        x = np.linspace(center - D, center + D, 80)
        bell = np.exp(-((x - center) ** 2) / (2 * (D / 2) ** 2))
        ax.plot(x, bell, "--", color=QUERY, linewidth=1.5, label="bell curve", zorder=4)
    ax.set_xticks(places, words, fontsize=11)
    ax.set(xlim=(-0.7, T - 0.3), ylim=(0, 1.05))
    ax.set_ylabel("weight", fontsize=11)
    ax.legend(frameon=False, fontsize=11, loc="upper left", bbox_to_anchor=(1.01, 1))
    plain(ax)
    return _window_in_words(words, whole, local, center, D, gaussian)


def _window_in_words(words: Sequence[str], whole: Array, local: Array, center: float, D: int, gaussian: bool) -> str:
    seen = [f"{word} {x:.2f}" for word, x in zip(words, local, strict=True) if x > 0] or ["nothing"]
    bell = "with" if gaussian else "without"
    return (
        f"A window of D = {D} around place {center:g}, {bell} a bell curve. Seen: {', '.join(seen)}; sum "
        f"{local.sum():.2f}. Over all words the largest weight is {largest(words, whole)}."
    )


# ---- Where a trained model looks -------------------------------------------------------------------------


@takes_arrays
def draw_kept(*, maps: Mapping[str, Mapping[str, Mapping[str, Any]]], sentence: str, kind: str) -> Markup:
    """Draw where a trained model of one kind looked in a sentence; gold links have a frame."""
    kept = maps.get(sentence, {}).get(kind)
    if kept is None:
        return Markup("<div>Of this model no map is kept.</div>", "Of this model no map is kept.")
    weights = as_array(kept["weights"])
    framed = [(j, i) for j, i in kept["gold"]]
    columns = [*kept["source"], "end"]
    itself = f"By itself it says: {kept['said']}"
    shown = heat_table(weights, kept["target"], columns, framed=framed, caption=itself)
    best = ", ".join(f"{word} → {largest(columns, row)}" for word, row in zip(kept["target"], weights, strict=True))
    return Markup(shown, f"Where {kind} looks in “{sentence}”: {best}. {itself}")


# ---- The curve by length -----------------------------------------------------------------------------------

_STYLES = {  # by kind: color, line, mark
    "none": (GRAY, ":", "o"),
    "additive": (WEIGHTS_TEXT, "-", "s"),
    "general": (QUERY, "-", "^"),
    "local-m": (VALUE_TEXT, "--", "v"),
    "transformer": (KEY_TEXT, "-.", "D"),
}


@takes_arrays
def draw_lengths(
    fig: Figure, *, curves: Mapping[str, tuple[Array, Array]], names: Mapping[str, str], trained: float
) -> str:
    """Draw percent exactly right against length, a line a kind.

    curves: by kind lengths and percentages, (n,) each. trained: the longest sentence of the training has so many words.
    """
    begin(fig, 10, 4.2)
    ax = fig.add_axes((0.07, 0.14, 0.64, 0.8))
    ax.axvspan(trained + 0.5, 31, color=PALE, alpha=0.45, zorder=0)
    ax.text(trained + 0.9, 103, "longer than any in training", fontsize=11, color=INK, va="bottom")
    told = []
    for kind, (lengths, percent) in curves.items():
        color, style, mark = _STYLES.get(kind, (INK, "-", "."))
        ax.plot(lengths, percent, style, color=color, marker=mark, linewidth=2, markersize=6, label=names[kind])
        pairs = ", ".join(f"{x:g} words {y:.0f} %" for x, y in zip(lengths, percent, strict=True))
        told.append(f"{names[kind]}: {pairs}")
    ax.set(xlim=(2, 28), ylim=(-2, 112))
    ax.set_yticks([0, 25, 50, 75, 100])
    ax.set_xlabel("words of the English sentence", fontsize=11)
    ax.set_ylabel("% exactly right", fontsize=11)
    if curves:
        ax.legend(frameon=False, fontsize=11, loc="center left", bbox_to_anchor=(1.01, 0.5))
    plain(ax)
    return f"Percent exactly right against the length of the sentence. {'; '.join(told) or 'Nothing was measured'}."


# ---- The whole of it ------------------------------------------------------------------------------------


@takes_arrays
def draw_summary(
    fig: Figure, *, words: Sequence[str], states: Array, asks: str, scores: Array, weights: Array, context: Array
) -> str:
    """Draw one look back: states (T, dk) and scores (T,), weights (T,), context (dk,), and the state that asks."""
    begin(fig, 11, 4.6)
    ax = fig.add_axes((0.005, 0.01, 0.99, 0.98))
    T = len(words)
    for j, word in enumerate(words):
        _box(ax, j, 0, 0.8, 0.62, KEY, f"$h_{j}$")
        ax.text(j + 0.4, -0.2, word, ha="center", va="top", fontsize=12, color=INK)
        ax.text(j + 0.4, 0.98, f"{scores[j]:.2f}".replace("-", "−"), ha="center", va="center", fontsize=11, color=INK)
        ax.bar([j + 0.4], [1.15 * weights[j]], 0.5, bottom=1.3, color=WEIGHTS_TEXT)
        high = 1.36 + 1.15 * weights[j]
        ax.text(j + 0.4, high, f"{weights[j]:.2f}", ha="center", va="bottom", fontsize=11, color=INK)
        ax.plot([j + 0.4, T / 2 - 0.1], [high + 0.24, 3.3], color=WEIGHTS, linewidth=0.4 + 9 * weights[j], alpha=0.75)
    _box(ax, T / 2 - 0.6, 3.3, 1.0, 0.6, VALUE, "context")
    _box(ax, T + 0.55, 0.7, 1.05, 0.6, QUERY, "s", "white")
    ax.text(T + 1.08, 0.52, f"asks for\n{asks}", ha="center", va="top", fontsize=11, color=INK)
    ax.annotate("", (T + 0.0, 0.98), (T + 0.5, 0.98), arrowprops={"arrowstyle": "->", "color": QUERY, "linewidth": 2})
    bent = {"arrowstyle": "->", "color": VALUE_TEXT, "linewidth": 2, "connectionstyle": "angle3,angleA=0,angleB=90"}
    ax.annotate("", (T + 1.08, 1.36), (T / 2 + 0.45, 3.6), arrowprops=bent)
    ax.text(T + 1.2, 2.5, "to the step\nof the decoder", ha="left", va="center", fontsize=11, color=INK)
    names = ((0.98, "1 score"), (1.5, "2 softmax"), (3.6, "3 mix"), (0.31, "encoder"))
    for y, name in names:
        ax.text(-0.25, y, name, ha="right", va="center", fontsize=13, weight="bold", color=INK)
    ax.set(xlim=(-1.75, T + 2.6), ylim=(-0.65, 4.05))
    ax.axis("off")
    looked = ", ".join(f"{word} {x:.2f}" for word, x in zip(words, weights, strict=True))
    mixed = ", ".join(f"{x:.2f}" for x in context + 0.0)
    return (
        f"One look back of a decoder that asks for {asks}. Its state and the encoder's state of each word make a "
        f"score; softmax makes weights: {looked}; they mix the states into the context vector ({mixed}), which goes to "
        "the step of the decoder."
    )


def _box(ax: Axes, x: float, y: float, wide: float, high: float, color: str, text: str, ink: str = INK) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), wide, high, facecolor=color, edgecolor=INK, linewidth=0.8))
    ax.text(x + wide / 2, y + high / 2, text, ha="center", va="center", fontsize=12, color=ink, parse_math=True)
