"""Drawing functions of lesson 01, in the forms of `course.lab.drawing.picture`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    WEIGHTS_TEXT,
    begin,
    plain,
    takes_arrays,
    write,
)
from course.lessons.lesson_01.gradients import KEEPING, measure_reach, power
from course.lessons.lesson_01.reference import lstm_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]
    Forward = Callable[[Array, Array], Array]

LINES = {"RNN": ("-", QUERY), "LSTM": ("--", KEY_TEXT), "GRU": ("-.", VALUE_TEXT)}

# ---- What is left of one word -----------------------------------------------------------------------------------

LOUD, OPEN = 2.0, 4.0  # what the word that matters does to the new content; a gate at sigmoid(4) is nearly open
_BETWEEN = ["and", "I", "would", "like", "to", "know", "where", "the", "president", "of", "that"]
MOST_NAMED = 14  # words whose names fit


def _column(number: float) -> Array:
    return np.array([[number]])


def _gate(**numbers: tuple[float, float]) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Return W, U and b of scalar gates from (W, b); no gate looks at the state."""
    W, U = ({name: _column(w[0] * keep) for name, w in numbers.items()} for keep in (1.0, 0.0))
    return W, U, {name: np.array([b]) for name, (_, b) in numbers.items()}


def forward_of(cell: str, keep: float, *, rnn_step: Callable[..., Array], gru_step: Callable[..., Array]) -> Forward:
    """Return a cell of one number that takes in a word of 1 and keeps the share `keep` at a word of 0.

    In the RNN `keep` is U. In the others it is a gate at words of 0, at most 1. The state of the LSTM is (B, 2): h, c.
    """
    if cell == "RNN":
        return lambda x, h: rnn_step(x, h, _column(LOUD), _column(keep), np.zeros(1))
    share = min(keep, 1 - 1e-9)
    held = float(np.log(share / (1 - share)))
    if cell == "GRU":
        W, U, b = _gate(z=(-OPEN - held, held), r=(0.0, 0.0), n=(LOUD, 0.0))
        return lambda x, h: gru_step(x, h, W, U, b)
    W, U, b = _gate(i=(2 * OPEN, -OPEN), f=(-OPEN - held, held), g=(LOUD, 0.0), o=(0.0, OPEN))
    return lambda x, h: np.concatenate(lstm_step(x, h[:, :1], h[:, 1:], W, U, b), axis=1)


def remember(forward: Forward, x: Array, width: int = 1) -> tuple[Array, Array]:
    """Follow a state of one number through words x (T,); return what it is, and how far the end moves with it.

    Args:
        forward: from words (B, 1) and states (B, width) to states; the last of the width numbers is what is kept.
        x: (T,) words.
        width: numbers of a state; what is looked at is the last one, and at the end the first.

    Returns:
        states (T,) after each word, and slopes (T,): the change of the last state for a small change of each.
    """
    T, tiny = len(x), 1e-4
    moved = np.zeros((2 * T, width))  # row t: a run in which state t is raised; row T + t: lowered
    for t in range(T):
        moved = forward(np.full((2 * T, 1), x[t]), moved)
        moved[t, -1] += tiny
        moved[T + t, -1] -= tiny
    plainly, states = np.zeros((1, width)), []
    for t in range(T):
        plainly = forward(np.full((1, 1), x[t]), plainly)
        states.append(plainly[0, -1])
    return np.array(states), (moved[:T, -1] - moved[T:, -1]) / (2 * tiny)


@takes_arrays
def draw_memory(
    fig: Figure,
    *,
    rnn_step: Callable[..., Array],
    gru_step: Callable[..., Array],
    cell: str,
    between: int,
    keep: float,
) -> str:
    """Draw a state of one number after each word of a sentence, and how far the last state would move with it.

    Args:
        fig: to draw on.
        rnn_step: as in the exercise; used for the RNN.
        gru_step: used for the GRU.
        cell: "RNN", "GRU" or "LSTM".
        between: words between the one that matters and the last.
        keep: U in the RNN, in the others the gate that keeps.
    """
    words = ["France", *(_BETWEEN[i % len(_BETWEEN)] for i in range(between)), "country"]
    x = np.array([1.0] + [0.0] * (between + 1))
    forward = forward_of(cell, keep, rnn_step=rnn_step, gru_step=gru_step)
    states, slopes = remember(forward, x, 2 if cell == "LSTM" else 1)
    begin(fig, 10.5, 4.4)
    for i, (title, numbers, color) in enumerate(
        (("the state after each word", states, QUERY), ("how far the end moves with it", slopes, KEY))
    ):
        ax = fig.add_axes((0.06, 0.58 - 0.46 * i, 0.92, 0.34))
        _draw_bars(ax, words, numbers, color, title, named=i == 1)
    said = f"{states[0]:.2f} after France, {_small(states[-1])} at the end"
    return (
        f"What is left of France after {between} words in a cell of one number: {cell}, keep {keep:g}. "
        f"The state is {said}. If the state after France moved by 1, the end would move by {_small(slopes[0])}."
    )


def _small(x: float) -> str:
    return f"{x:.2f}" if abs(x) >= 0.005 or x == 0 else power(abs(x))


def _draw_bars(ax: Axes, words: Sequence[str], numbers: Array, color: str, title: str, *, named: bool) -> None:
    places = np.arange(len(words))
    ax.bar(places, numbers, 0.7, color=color)
    top = max(1.0, float(numbers.max()))
    ends = (0, len(words) - 1) if len(words) > MOST_NAMED else range(len(words))
    told = [(float(i), max(float(numbers[i]), 0.0) + 0.03 * top) for i in ends]
    write(ax, [_small(numbers[i]) for i in ends], told, ha="center", va="bottom", fontsize=10, color=INK)
    ax.set(xlim=(-0.9, len(words) - 0.1), ylim=(min(0.0, 1.1 * float(numbers.min())), 1.25 * top))
    names = [word if len(words) <= MOST_NAMED or i in ends else "" for i, word in enumerate(words)]
    ax.set_xticks(places, names if named else [""] * len(words), fontsize=10, color=INK)
    ax.set_title(title, fontsize=11, color=INK, loc="left", pad=4)
    plain(ax)


# ---- How far a gradient reaches ----------------------------------------------------------------------------------

UNDERFLOW = -23  # power of ten below which squares of 32 bits are 0


@takes_arrays
def draw_reach(fig: Figure, *, cell: str, d: int, words: int, bias: float, scale: float) -> str:
    """Draw how the gradient of a word falls with its distance from the end, in networks that nobody has trained.

    Args:
        fig: to draw on.
        cell: "RNN", "LSTM" or "GRU".
        d: numbers of a state.
        words: of a sentence.
        bias: added to the bias of the gate that keeps.
        scale: U is multiplied by it.
    """
    reach = measure_reach(cell, d=d, T=words, bias=bias, scale=scale)
    begin(fig, 9, 4.0)
    ax = fig.add_axes((0.1, 0.14, 0.87, 0.72))
    style, color = LINES[cell]
    distances = np.arange(words)
    exponents = np.log10(np.maximum(reach.share, 1e-300))
    least, most = (np.log10(np.maximum(each, 1e-300)) for each in (reach.all.min(axis=0), reach.all.max(axis=0)))
    ax.fill_between(distances, least, most, color=color, alpha=0.15, linewidth=0)
    ax.plot(distances, exponents, style, color=color, linewidth=2.5)
    low = min(-2.0, float(least.min()))
    if low < UNDERFLOW:
        ax.axhline(UNDERFLOW, color=GRAY, linewidth=1, linestyle=":")
        told = "from here on, a norm of 32 bits is exactly 0"
        ax.text(words - 1, UNDERFLOW + 0.01 * (2 - low), told, ha="right", va="bottom", fontsize=10, color=GRAY)
    ax.set(xlim=(0, words - 1), ylim=(1.08 * low, max(1.5, 1.1 * float(most.max()))))
    ax.set_xlabel("words back from the end", fontsize=11)
    ax.set_ylabel("gradient, power of 10", fontsize=11)
    gate = f", {'forget' if cell == 'LSTM' else 'update'} bias + {bias:g}" if cell in KEEPING else ""
    name = f"{cell} of width {d}{gate}, U times {scale:g}"
    ends = [power(float(each)) for each in (reach.share[-1], reach.runs.min(), reach.runs.max())]
    said = f"first word: {ends[0]}, in single networks from {ends[1]} to {ends[2]}"
    ax.set_title(f"{name}\n{said}", fontsize=11, color=INK, loc="left")
    plain(ax)
    return (
        f"{name}: the gradient of the first of {words} words is {ends[0]} of the last word's, the median of "
        f"{len(reach.runs)} networks; in single ones from {ends[1]} to {ends[2]}."
    )


# ---- Exactly right by length -------------------------------------------------------------------------------------


@takes_arrays
def draw_lengths(fig: Figure, *, rows: Sequence[tuple[str, Sequence[float]]], what: str, unit: str) -> str:
    """Draw percent exactly right by length: a bar for the mean of all trainings, a dot for each.

    Args:
        fig: to draw on.
        rows: for each length its name and a percentage for each training.
        what: what is exactly right, for the title.
        unit: what a length counts.
    """
    begin(fig, 9, 3.4)
    ax = fig.add_axes((0.08, 0.17, 0.9, 0.7))
    means = [float(np.mean(numbers)) for _, numbers in rows]
    places = np.arange(len(rows))
    ax.bar(places, means, 0.66, color=VALUE, alpha=0.55)
    for place, (_, numbers) in zip(places, rows, strict=True):
        if len(numbers) > 1:
            shifts = np.linspace(-0.14, 0.14, len(numbers))
            ax.plot(place + shifts, numbers, "o", color=INK, markersize=4, zorder=3)
    tops = [max(max(numbers), mean) for (_, numbers), mean in zip(rows, means, strict=True)]
    told = [(float(place), top + 2) for place, top in zip(places, tops, strict=True)]
    write(ax, [f"{mean:.0f}" for mean in means], told, ha="center", va="bottom", fontsize=11, color=INK)
    ax.set_xticks(places, [name for name, _ in rows], fontsize=11, color=INK)
    ax.set(ylim=(0, 112), xlabel=unit)
    ax.set_title(f"{what}: % exactly right", fontsize=12, color=INK, loc="left")
    plain(ax)
    told_rows = "; ".join(f"{name}: {mean:.0f}" for (name, _), mean in zip(rows, means, strict=True))
    return f"{what}, percent exactly right by {unit}. {told_rows}."


# ---- The clock ---------------------------------------------------------------------------------------------------


@takes_arrays
def draw_clock(fig: Figure, *, found: Mapping[int, tuple[float, float]]) -> str:
    """Draw the milliseconds of reading word by word and of looking at all at once, by length; both axes by powers."""
    begin(fig, 8, 3.6)
    ax = fig.add_axes((0.1, 0.16, 0.86, 0.76))
    lengths = list(found)
    for i, (name, (style, color)) in enumerate(
        {"word by word (GRU)": ("-o", QUERY), "all at once": ("--s", KEY_TEXT)}.items()
    ):
        ax.plot(lengths, [times[i] for times in found.values()], style, color=color, linewidth=2.2, label=name)
    ax.set_xscale("log", base=4)
    ax.set_yscale("log")
    ax.set_xticks(lengths, [f"{T:,}" for T in lengths])
    ax.set_xlabel("words", fontsize=11)
    ax.set_ylabel("milliseconds", fontsize=11)
    ax.legend(frameon=False, fontsize=11, loc="upper left")
    plain(ax)
    told = "; ".join(f"{T:,} words: {a:.2g} and {b:.2g}" for T, (a, b) in found.items())
    return f"Milliseconds of reading word by word with a GRU, and of looking at all words at once. {told}."


# ---- The whole of it ---------------------------------------------------------------------------------------------


@takes_arrays
def draw_summary(fig: Figure, *, source: Sequence[str], target: Sequence[str]) -> str:
    """Draw an encoder-decoder with a fixed vector: it reads the source, hands over one state, writes the target."""
    begin(fig, 11.5, 3.1)
    ax = fig.add_axes((0.005, 0.0, 0.99, 1.0))
    step, n = 1.35, len(source)
    _draw_side(ax, 0.0, source, ["" for _ in source], KEY, KEY_TEXT, step)
    middle = n * step + 0.25
    _box(ax, middle, 0, 0.95, 1.5, WEIGHTS_TEXT)
    ax.text(middle, 0, "all that\nis handed\nover", ha="center", va="center", fontsize=10, color="white")
    begins = middle + step + 0.15
    _draw_side(ax, begins, ["<bos>", *target], [*target, "<eos>"], QUERY, QUERY, step)
    _arrow(ax, (n - 1) * step + 0.4, 0, middle - 0.55, 0, INK)
    _arrow(ax, middle + 0.55, 0, begins - 0.45, 0, INK)
    end = begins + len(target) * step
    sides = (((n - 1) * step / 2, "encoder: reads", KEY_TEXT), ((begins + end) / 2, "decoder: writes", QUERY))
    for x, name, color in sides:
        ax.text(x, 2.25, name, ha="center", va="center", fontsize=13, weight="bold", color=color)
    back = {"arrowstyle": "->", "color": GRAY, "linestyle": ":", "linewidth": 1.6}
    ax.annotate("", (-0.3, -2.05), (end + 0.3, -2.05), arrowprops=back)
    said = "the gradient goes back the same way, through every state"
    ax.text((end + 0.0) / 2, -2.12, said, ha="center", va="top", fontsize=11, color=GRAY)
    ax.set(xlim=(-0.8, end + 0.8), ylim=(-2.7, 2.6))
    ax.axis("off")
    return (
        f"An encoder-decoder with a fixed vector. The encoder reads {' '.join(source)}, one word at a step; its last "
        f"state is all that is handed over. The decoder is fed <bos> and then what it wrote, and writes "
        f"{' '.join(target)} <eos>. The gradient goes back the same way, through every state."
    )


def _draw_side(
    ax: Axes, start: float, below: Sequence[str], above: Sequence[str], color: str, ink: str, step: float
) -> None:
    for i, (read, written) in enumerate(zip(below, above, strict=True)):
        x = start + i * step
        _box(ax, x, 0, 0.72, 0.72, color)
        ax.text(x, -1.5, read, ha="center", va="center", fontsize=11, color=INK)
        _arrow(ax, x, -1.25, x, -0.45, GRAY)
        if written:
            ax.text(x, 1.5, written, ha="center", va="center", fontsize=11, color=ink)
            _arrow(ax, x, 0.45, x, 1.22, GRAY)
        if i:
            _arrow(ax, x - step + 0.4, 0, x - 0.42, 0, INK)


def _box(ax: Axes, x: float, y: float, wide: float, tall: float, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    box = FancyBboxPatch((x - wide / 2, y - tall / 2), wide, tall, boxstyle="round,pad=0,rounding_size=0.1")
    box.set(facecolor=color, edgecolor=PALE, linewidth=1)
    ax.add_patch(box)


def _arrow(ax: Axes, x0: float, y0: float, x1: float, y1: float, color: str) -> None:
    ax.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.4})
