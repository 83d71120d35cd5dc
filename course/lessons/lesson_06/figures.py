"""Drawing functions of lesson 06: hands of clocks, the table and its dot products, the kept runs, and the whole.

They have the form ``draw_xxx(fig, **values) -> str`` of `course.lab.drawing.picture`, and their text states the numbers
that the picture shows.
"""

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
    WEIGHTS,
    WEIGHTS_TEXT,
    as_array,
    begin,
    plain,
    shades,
    takes_arrays,
    write,
)
from course.lab.widgets.controls import Slider
from course.lessons.lesson_06.experiments import KINDS, SPLITS, Run, of_kind
from course.lessons.lesson_06.reference import rotary, speeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]
    Encode = Callable[[int, int], Array]  # (T, d) -> a table (T, d)

PLACES = 64  # positions that the table shows
WIDTHS = Slider((2, 4, 8, 16, 32, 64, 128, 256), 6)  # of the table; begins with 128
HANDS = Slider((2, 4, 6, 8), 3)  # widths for which every hand has room
BASES = Slider((10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000), 6)


def _diverging() -> Colormap:
    """Return a color map from orange over white to blue: minus 1, 0 and 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("positions", [KEY_TEXT, "#FFFFFF", QUERY])


# ---- The hands of the clocks -----------------------------------------------------------------------------------


@takes_arrays
def draw_hands(fig: Figure, *, positional_encoding: Encode, position: int, offset: int, width: int) -> str:
    """Draw each pair of columns as the hand of a clock, at a position and `offset` positions farther on.

    A hand points to (sine, cosine), so it stands upright at position 0 and turns as clocks do. Below each clock stands
    how far it has turned between the two, which is its speed times the offset, whatever the position is.
    """
    table = as_array(positional_encoding(position + offset + 1, width))
    now, then = table[position].reshape(-1, 2), table[position + offset].reshape(-1, 2)
    n = width // 2
    begin(fig, 11.5, 3.4)
    ax = fig.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set(xlim=(-1.55, 2.9 * 4 - 1.35), ylim=(-2.05, 1.55), aspect="equal")
    ax.axis("off")
    turns = offset * speeds(width)
    for i in range(n):
        _draw_clock(ax, 2.9 * i, now[i], then[i])
    names = [f"columns {2 * i}, {2 * i + 1}" for i in range(n)]
    write(ax, names, [(2.9 * i, 1.22) for i in range(n)], ha="center", va="bottom", fontsize=11, color=INK)
    pairs_of_now = [f"p: ({a:.2f}, {b:.2f})" for a, b in now]
    write(ax, pairs_of_now, [(2.9 * i, -1.2) for i in range(n)], ha="center", va="top", fontsize=11, color=QUERY)
    told = [f"p + k: ({a:.2f}, {b:.2f})" for a, b in then]
    write(ax, told, [(2.9 * i, -1.48) for i in range(n)], ha="center", va="top", fontsize=11, color=KEY_TEXT)
    angles = [f"turned by {angle:.3g}" for angle in turns]
    write(ax, angles, [(2.9 * i, -1.76) for i in range(n)], ha="center", va="top", fontsize=11, color=INK)
    return _hands_in_words(position, offset, now, then, turns)


def _draw_clock(ax: Axes, x: float, now: Array, then: Array) -> None:
    around = np.linspace(0, 2 * np.pi, 73)
    rim = np.append(np.exp(1j * around), np.nan)  # complex: across and up in one
    ticks = np.outer(rim[0:72:6], (0.92, 1.0, np.nan)).ravel()  # inner end, outer end, a gap
    dial = np.concatenate([rim, ticks])
    ax.plot(x + dial.real, dial.imag, color=GRAY, linewidth=1)
    ax.plot([x, x + then[0]], [0, then[1]], color=KEY, linewidth=5, solid_capstyle="round")
    ax.plot([x, x + now[0]], [0, now[1]], color=QUERY, linewidth=2.2, solid_capstyle="round")
    ax.plot([x], [0], "o", color=INK, markersize=5)


def _hands_in_words(position: int, offset: int, now: Array, then: Array, turns: Array) -> str:
    parts = [
        f"columns {2 * i} and {2 * i + 1} from ({a[0]:.2f}, {a[1]:.2f}) to ({b[0]:.2f}, {b[1]:.2f}), "
        f"turned by {turn:.3g}"
        for i, (a, b, turn) in enumerate(zip(now, then, turns, strict=True))
    ]
    return f"{len(now)} hands at position {position} and {offset} farther on: {'; '.join(parts)}."


# ---- The table and its dot products ----------------------------------------------------------------------------


def sinusoids(T: int, d: int, base: float) -> Array:
    """Return the table (T, d) of an even width for any base: that of the lesson where the base is 10000."""
    angles = np.arange(T)[:, None] * speeds(d, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, -1)


def first_rise(dots: Array) -> int | None:
    """Return the first distance at which a dot product is larger than at the distance before; None if it never is."""
    rises = np.flatnonzero(np.diff(dots) > 0)
    return int(rises[0]) + 1 if len(rises) else None


@takes_arrays
def draw_table(fig: Figure, *, position: int, offset: int, width: int, base: float) -> str:
    """Draw the table of 64 positions, and the dot product of one of them with those that follow.

    position and the one `offset` farther on are marked in both. At most 64 columns of the table are shown.
    """
    table = sinusoids(2 * PLACES, width, base)
    dots = table[position : position + PLACES] @ table[position]
    rise = first_rise(dots)
    begin(fig, 11.5, 4.0)
    left, right = fig.add_axes((0.055, 0.14, 0.42, 0.72)), fig.add_axes((0.56, 0.14, 0.42, 0.72))
    _draw_rows(left, table[:PLACES, :PLACES], position, offset)
    left.set_title(f"the table, width {width}, base {base:g}", fontsize=12, color=INK, y=1.02)
    right.plot(range(PLACES), dots, color=WEIGHTS_TEXT, linewidth=2)
    right.axhline(0, color=PALE, linewidth=1, zorder=0)
    right.plot([0], [dots[0]], "s", color=QUERY, markersize=9, zorder=3)
    right.plot([offset], [dots[offset]], "o", color=KEY, markersize=11, markeredgecolor=INK, zorder=4)
    right.set(xlim=(-1.5, PLACES), ylim=(-_depth(width) * width / 2, 1.15 * width / 2))
    right.set_xticks([0, 20, 40, 60])
    right.locator_params(axis="y", nbins=4)
    right.set_xlabel("k", fontsize=11)
    plain(right)
    never = "it falls all the way" if rise is None else f"it falls up to k = {rise - 1}, and rises at {rise}"
    right.set_title(f"PE({position}) · PE({position} + {offset}) = {dots[offset]:.2f}\n{never}", fontsize=12, color=INK)
    return (
        f"Table of sinusoids, width {width}, base {base:g}. The dot product of PE({position}) with itself is "
        f"{dots[0]:.2f}, and with PE({position + offset}) {dots[offset]:.2f}; along k {never}."
    )


def _depth(width: int) -> float:
    """Return how far below 0 the axis of the dot products goes, as a share of its height: few hands can all be down."""
    return 1.1 if width <= 8 else 0.65 if width <= 32 else 0.4


def _draw_rows(ax: Axes, table: Array, position: int, offset: int) -> None:
    n = table.shape[1]
    box = (-0.5, n - 0.5, len(table) - 0.5, -0.5)
    ax.imshow(table, cmap=_diverging(), vmin=-1, vmax=1, aspect="auto", interpolation="nearest", extent=box)
    for row, color, size in ((position + offset, KEY, 15), (position, QUERY, 10)):
        if row < len(table):
            mark: dict[str, Any] = {"color": color, "markersize": size, "markeredgecolor": INK, "clip_on": False}
            ax.plot([1.022], [row], "<", transform=ax.get_yaxis_transform(), **mark)  # right of the table
    ax.set(xlim=(-0.5, n - 0.5), ylim=(len(table) - 0.5, -0.5), xticks=[0, n - 1], yticks=[0, 20, 40, 60])
    ax.set_xlabel("column", fontsize=11)
    ax.set_ylabel("position", fontsize=11)
    plain(ax)


# ---- What was measured -----------------------------------------------------------------------------------------

STYLES = {"none": ("o", GRAY), "learned": ("s", KEY_TEXT), "sinusoidal": ("^", WEIGHTS_TEXT), "rotary": ("D", QUERY)}


@takes_arrays
def draw_kinds(fig: Figure, *, runs: Sequence[Run]) -> str:
    """Draw percent exactly right with 95 % intervals for each kind of positions, a group for each lot of sentences.

    On the right BLEU of the longest, of which hardly one is right as a whole.
    """
    begin(fig, 11.0, 3.9)
    left, right = fig.add_axes((0.065, 0.15, 0.55, 0.77)), fig.add_axes((0.685, 0.15, 0.16, 0.77))
    last, parts = list(SPLITS)[-1], []
    for i, kind in enumerate(KINDS):
        sign, color = STYLES[kind]
        for run in of_kind(runs, kind):
            at, shares = np.arange(len(SPLITS)) + 0.16 * (i - 1.5), np.array([run.percent(split) for split in SPLITS])
            ends = np.array([run.interval(split) for split in SPLITS]).T
            left.errorbar(at, shares, abs(ends - shares), fmt=sign, color=color, markersize=8, capsize=3, linewidth=1.6)
            right.plot([0.16 * (i - 1.5)], [run.bleu(last)], sign, color=color, markersize=8)
            parts.append(f"{kind} {', '.join(f'{share:.1f}' for share in shares)}, BLEU {run.bleu(last):.1f}")
        right.plot([], [], sign, color=color, markersize=8, label=kind)
    left.axvline(0.5, color=INK, linewidth=1)
    left.text(0.47, 106, "trained on", ha="right", va="center", fontsize=11, color=INK)
    left.text(0.53, 106, "longer", ha="left", va="center", fontsize=11, color=INK)
    left.set(xlim=(-0.5, 2.5), ylim=(-4, 113), yticks=[0, 25, 50, 75, 100])
    left.set_xticks(range(len(SPLITS)), SPLITS.values())
    left.set_ylabel("% exactly right", fontsize=11)
    right.set(xlim=(-0.5, 0.5), ylim=(0, 60))
    right.set_xticks([0], [SPLITS[last]])
    right.set_ylabel("BLEU", fontsize=11)
    right.legend(frameon=False, fontsize=12, loc="center left", bbox_to_anchor=(1.02, 0.5))
    plain(left)
    plain(right)
    words = ", ".join(SPLITS.values())
    return f"Percent exactly right by words of the sentence ({words}), and BLEU with the last: {'; '.join(parts)}."


# ---- The whole of it -------------------------------------------------------------------------------------------

ASKED = ("what is done", "what a score sees", "beyond the trained length")
LINES = {
    "none": ("nothing", "a bag of words", "the same as ever: none"),
    "learned": ("a row of a trained table, added", "word and place mixed", "no trained row"),
    "sinusoidal": ("a row of sines and cosines, added", "word and place mixed", "rows, but new ones"),
    "rotary": ("queries and keys turned", "distance alone", "distances, the large ones new"),
}


@takes_arrays
def draw_summary(fig: Figure, *, maps: Mapping[str, Array]) -> str:
    """Draw the scores of one word that stands at every place, for each kind of positions, and what is said of it.

    maps: by kind the scores (T, T), query down and key across; each is shown on a scale of its own.
    """
    begin(fig, 12, 4.9)
    for i, (kind, scores) in enumerate(maps.items()):
        ax = fig.add_axes((0.035 + 0.245 * i, 0.4, 0.205, 0.5))
        spread = float(np.ptp(scores))
        low = float(scores.min()) if spread > 1e-9 else float(scores.min()) - 1
        ax.imshow(scores, cmap=shades(WEIGHTS), vmin=low, vmax=low + max(spread, 2.0), interpolation="nearest")
        ax.set_title(kind, fontsize=14, color=INK, weight="bold", pad=6)
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel("place of the key", fontsize=10, color=KEY_TEXT, labelpad=3)
        ax.set_ylabel("place of the query", fontsize=10, color=QUERY, labelpad=3)
        for edge in ax.spines.values():
            edge.set_color(GRAY)
        middle = 0.035 + 0.245 * i + 0.1025
        for y, name, said in zip((0.27, 0.155, 0.04), ASKED, LINES[kind], strict=True):
            fig.text(middle, y + 0.045, name, ha="center", va="bottom", fontsize=10, color=GRAY)
            fig.text(middle, y, said, ha="center", va="bottom", fontsize=10.5, color=INK)
    return _summary_in_words(maps)


def _summary_in_words(maps: Mapping[str, Array]) -> str:
    parts = []
    for kind, scores in maps.items():
        done, sees, beyond = LINES[kind]
        steady = np.allclose(np.diag(scores), scores[0, 0]) and np.allclose(np.diag(scores, 1), scores[0, 1])
        told = "all equal" if np.allclose(scores, scores[0, 0]) else "the same along diagonals" if steady else "uneven"
        parts.append(f"{kind}: {done}; scores of one word at all places are {told} ({sees}); beyond: {beyond}")
    return f"Four kinds of positions. {'. '.join(parts)}."


def score_maps(*, table: Array, word: Array, places: int) -> dict[str, Array]:
    """Return the scores (places, places) of one word with itself at every pair of places, for each kind of positions.

    Args:
        table: (places or more, d) sinusoids.
        word: (d,) the vector of the word, which is query and key.
        places: how many.
    """
    d = len(word)
    same = np.repeat(word[None], places, axis=0)
    learned = np.random.default_rng(3).standard_normal((places, d)) * float(table.std())
    turned = rotary(same)
    made = {"none": same, "learned": same + learned, "sinusoidal": same + table[:places], "rotary": turned}
    return {kind: x @ x.T / np.sqrt(d) for kind, x in made.items()}
