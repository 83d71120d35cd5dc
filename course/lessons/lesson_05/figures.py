"""Drawing functions of lesson 05: masks as tables, the leak meter, and the whole lesson in one picture.

They have the forms of `course.lab.drawing.picture`: ``draw_xxx(fig, **values) -> str`` draws on the figure that it is
given and returns the alternative text; ``draw_xxx(**values) -> Markup`` returns HTML with it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY,
    KEY_TEXT,
    PALE,
    QUERY,
    WEIGHTS_TEXT,
    Markup,
    begin,
    beside,
    booleans,
    heat_table,
    shades,
    takes_arrays,
    write,
)
from course.lab.drawing.tables import ASKED, ASKING, table
from course.lessons.lesson_05.experiments import Reading, padded, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course.lessons.lesson_05.experiments import Influence, MakeReader

    Array = np.ndarray[Any, np.dtype[Any]]

_LINE = "1px solid rgba(128, 128, 128, 0.35)"
_OPEN = "background-color: rgba(165, 60, 135, 0.22)"  # the color of weights: where one may flow


# ---- Masks as tables of permissions ------------------------------------------------------------------------


@takes_arrays
def draw_masks(*, masks: Sequence[tuple[str, Array]], words: Sequence[Sequence[str]]) -> Markup:
    """Draw masks (Tq, Tk) side by side, ✓ where a query may attend to a key: who asks down, who is asked across.

    Args:
        masks: pairs of a caption and a mask; a mask with a single row is drawn as one, for all who ask.
        words: for each mask the words of its keys; those of its queries are the same.
    """
    shown, told = [], []
    for (caption, mask), row in zip(masks, words, strict=True):
        mask = np.atleast_2d(booleans(mask, f"“{caption}”"))
        asking = list(row) if len(mask) == len(row) else ["everybody"]
        shown.append(_permissions(mask, asking, row, caption))
        told.append(f"{caption[0].upper()}{caption[1:]}. May attend: {_seen(mask, asking, row)}.")
    return Markup(beside(*shown), " ".join(told))


def _seen(mask: Array, asking: Sequence[str], asked: Sequence[str]) -> str:
    """Return in words to whom each of those who ask may attend."""
    allowed = [[word for word, may in zip(asked, row, strict=True) if may] for row in mask]
    return "; ".join(f"{word} to {', '.join(row) or 'nothing'}" for word, row in zip(asking, allowed, strict=True))


def _permissions(mask: Array, asking: Sequence[str], asked: Sequence[str], caption: str) -> str:
    head = "<td></td>" + "".join(_name(word, "col", ASKED) for word in asked)
    body = [
        f'<tr style="background-color: transparent">{_name(word, "row", ASKING)}{"".join(map(_permission, row))}</tr>'
        for word, row in zip(asking, mask, strict=True)
    ]
    return table(head, body, caption)


def _name(word: str, scope: str, colors: tuple[str, str]) -> str:
    side, align = ("border-right", "right") if scope == "row" else ("border-bottom", "center")
    style = (
        f"padding: 3px 4px; text-align: {align}; font-weight: bold; white-space: nowrap; "
        f"background-color: {colors[0]}; {side}: 3px solid {colors[1]}"
    )
    return f'<th scope="{scope}" style="{style}">{html.escape(word)}</th>'


def _permission(may: bool) -> str:
    ground = f"; {_OPEN}" if may else ""
    return (
        f'<td style="padding: 3px 6px; text-align: center; min-width: 26px; border: {_LINE}{ground}">'
        f"{'✓' if may else ''}</td>"
    )


# ---- The leak meter ------------------------------------------------------------------------------------------

WORDS = ("<bos>", "Die", "Nadel", "hat", "eine", "scharfe", "Spitze")


def words_of(reading: Reading) -> list[str]:
    """Return the words of a sentence that was measured: as many of WORDS as there are real tokens, and pads."""
    words = iter(WORDS)
    return [next(words) if real else "<pad>" for real in reading.real]


@takes_arrays
def draw_leak_meter(
    *,
    influence: Influence,
    made: Mapping[str, MakeReader],
    reader: str,
    pads: int,
    side: str,
    x: Array,
    other: Array,
    pad: int = 0,
) -> Markup:
    """Draw how far each output of one reader moves when each token is exchanged; what breaks the rule is framed.

    Args:
        influence: the meter.
        made: `readers`.
        reader: the name of one of them.
        pads: how many of the tokens are padding.
        side: where they stand, "left" or "right".
        x: (T, d) vectors of the tokens.
        other: (T, d) vectors to exchange them for.
        pad: the id of padding.
    """
    reading = read(made[reader], padded(len(x) - pads, pads, side, pad=pad), pad, x=x, other=other, influence=influence)
    words, wrong = words_of(reading), reading.leaks | reading.blind
    framed = {(int(i), int(j)) for i, j in np.argwhere(wrong)}
    rows = [word if real else "(not used)" for word, real in zip(words, reading.real, strict=True)]
    shown = np.where(reading.real[:, None], reading.moved, 0.0)
    caption = f"{reader}: how far each output (rows) moves when a token (columns) is exchanged"
    found = (
        f"from the future {reading.future:.2f}, from pads {reading.pads:.2f}; "
        f"not seen though allowed: {int(reading.blind.sum())}"
    )
    markup = heat_table(shown, rows, words, caption=caption, smallest=0.005, framed=framed)
    line = f'<p style="margin: 6px 0">{html.escape(found[0].upper() + found[1:])}. Framed: against the rule.</p>'
    where = f"{pads} pads on the {side}" if pads else "no pads"
    return Markup(f"{markup}{line}", f"{caption}, with {where}: {found}. {_pairs(reading, words)}")


def _pairs(reading: Reading, words: Sequence[str]) -> str:
    """Return in words which pairs break the rule."""
    if not (reading.leaks | reading.blind).any():
        return "Every pair is as the rule wants it."
    said = []
    for wrong, verb in ((reading.leaks, "moves with"), (reading.blind, "does not move with")):
        said += [f"{words[i]} {verb} {words[j]}" for i, j in np.argwhere(wrong)]
    return f"Against the rule: {'; '.join(said)}."


@takes_arrays
def draw_measured_masks(fig: Figure, *, measured: Mapping[str, Reading]) -> str:
    """Draw what the meter read of each reader as a small map: a move is filled; leaks and blind spots are marked.

    A leak has a cross on orange, a blind spot a ring; rows of pads, which nobody uses, are left out.
    """
    across = 4
    down = -(-len(measured) // across)
    begin(fig, 11.6, 2.3 * down + 0.6)
    grid = fig.add_gridspec(down, across, left=0.06, right=0.995, top=0.96, bottom=0.085, wspace=0.16, hspace=0.3)
    for n, (name, reading) in enumerate(measured.items()):
        ax = fig.add_subplot(grid[n // across, n % across])
        _draw_reading(ax, reading, words_at_left=n % across == 0)
        ax.set_title(name, fontsize=11, color=INK, pad=4)
    legend = [
        (0.06, "filled: the output moves", WEIGHTS_TEXT),
        (0.31, "× on orange: it moves and must not", KEY_TEXT),
        (0.66, "○: it should move and does not", QUERY),
    ]
    for x, text, color in legend:
        fig.text(x, 0.012, text, fontsize=11, color=color, weight="bold")
    return _measured_in_words(measured)


def _draw_reading(ax: Axes, reading: Reading, *, words_at_left: bool) -> None:
    words, kept = words_of(reading), np.flatnonzero(reading.real)
    moved, leaks, blind = reading.moved[kept], reading.leaks[kept], reading.blind[kept]
    n_rows, n_columns = moved.shape
    box = (-0.5, n_columns - 0.5, n_rows - 0.5, -0.5)
    fair = np.where(leaks, 0.0, (moved > 0.005) * (0.25 + 0.4 * np.clip(moved, 0, 1)))
    ax.imshow(fair, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, extent=box)
    ax.imshow(np.where(leaks, 1.0, np.nan), cmap=shades(KEY), vmin=0, vmax=1, extent=box)
    ax.hlines(np.arange(n_rows + 1) - 0.5, -0.5, n_columns - 0.5, color=PALE, linewidth=0.8)
    ax.vlines(np.arange(n_columns + 1) - 0.5, -0.5, n_rows - 0.5, color=PALE, linewidth=0.8)
    for marks, sign, color in ((leaks, "×", INK), (blind, "○", QUERY)):
        places = [(float(j), float(i)) for i, j in np.argwhere(marks)]
        write(ax, [sign] * len(places), places, ha="center", va="center", fontsize=12, color=color, weight="bold")
    ax.set_xticks(range(n_columns), list(map(_bare, words)), fontsize=8, color=INK)
    ax.set_yticks(range(n_rows), [words[i] for i in kept] if words_at_left else [""] * n_rows, fontsize=9, color=INK)
    ax.tick_params(length=0, pad=2)
    for edge in ax.spines.values():
        edge.set_color(GRAY)


def _bare(word: str) -> str:
    """Return a word for a narrow column: special tokens without their brackets."""
    return word.strip("<>")


def _measured_in_words(measured: Mapping[str, Reading]) -> str:
    told = []
    for name, reading in measured.items():
        leaks, blind = int(reading.leaks.sum()), int(reading.blind.sum())
        told.append(f"{name}: {leaks} leaks, {blind} blind spots")
    return f"Small maps of which outputs move with which tokens, one for each reader. {'; '.join(told)}."


# ---- The whole of it -------------------------------------------------------------------------------------------


@takes_arrays
def draw_summary(fig: Figure, *, words: Sequence[str], causal: Array, padding: Array, weights: Array) -> str:
    """Draw causal and padding mask, both together, and the weights under them, of one sentence.

    Shapes: causal (T, T), padding (T,), weights (T, T).
    """
    begin(fig, 12, 3.2)
    T = len(words)
    both = causal & padding
    ax = fig.add_axes((0.005, 0.0, 0.99, 1.0))
    start, step = 2.6, T + 1.7
    places = [start, start + step, start + 2 * step, start + 3 * step]
    _permission_map(ax, places[0], causal, "causal (T, T)", words)
    _permission_map(ax, places[1], np.repeat(padding[None], T, axis=0), "padding (1, T)", words, one_row=True)
    _permission_map(ax, places[2], both, "both: &", words)
    _weight_map(ax, places[3], weights, both, "weights", words)
    for place, sign in zip(places[1:], ("&", "=", "→"), strict=True):
        ax.text(place - 0.85, 0, sign, ha="center", va="center", fontsize=17, color=INK)
    end = places[3] + T
    for i, total in enumerate(weights.sum(axis=-1)):
        ax.text(end + 0.3, T / 2 - i - 0.5, f"sum {total:.0f}", ha="left", va="center", fontsize=10, color=INK)
    ax.text(end - T / 2, -T / 2 - 0.3, "closed: −∞, then softmax", ha="center", va="top", fontsize=10, color=INK)
    ax.set(xlim=(0, end + 2.2), ylim=(-T / 2 - 1.0, T / 2 + 1.7), aspect="equal")
    ax.axis("off")
    sums = ", ".join(f"{total:.0f}" for total in weights.sum(axis=-1))
    return (
        f"The masks of a decoder for {' '.join(words)}. The causal mask is a lower triangle, the padding mask closes "
        f"the columns of pads, and both together say who may attend: {_seen(both, words, words)}. Scores of closed "
        f"cells become minus infinity; the rows of weights sum to {sums}."
    )


def _frame(ax: Axes, x: float, n: int, title: str, words: Sequence[str], *, rows: bool) -> None:
    """Draw the lines of a square map from x rightward, its title above, and its words."""
    top = n / 2
    ax.hlines(top - np.arange(n + 1), x, x + n, color=PALE, linewidth=0.8, zorder=2)
    ax.vlines(x + np.arange(n + 1), -top, top, color=PALE, linewidth=0.8, zorder=2)
    ax.text(x + n / 2, top + 0.85, title, ha="center", va="bottom", fontsize=12, color=INK, weight="bold")
    for j, word in enumerate(words):
        ax.text(x + j + 0.5, top + 0.2, _bare(word), ha="center", va="bottom", fontsize=9, color=KEY_TEXT)
        if rows:
            ax.text(x - 0.2, top - j - 0.5, word, ha="right", va="center", fontsize=9, color=QUERY)


def _permission_map(
    ax: Axes, x: float, mask: Array, title: str, words: Sequence[str], *, one_row: bool = False
) -> None:
    n = len(words)
    ax.imshow(mask * 0.35, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, extent=(x, x + n, -n / 2, n / 2), zorder=1)
    _frame(ax, x, n, title, words, rows=x < 3)
    for i, row in enumerate(mask):
        for j in np.flatnonzero(row):
            faint = GRAY if one_row and i else INK
            ax.text(x + j + 0.5, n / 2 - i - 0.5, "✓", ha="center", va="center", fontsize=11, color=faint)


def _weight_map(ax: Axes, x: float, weights: Array, mask: Array, title: str, words: Sequence[str]) -> None:
    n = len(words)
    ax.imshow(weights, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, extent=(x, x + n, -n / 2, n / 2), zorder=1)
    _frame(ax, x, n, title, words, rows=False)
    for i, j in np.argwhere(mask):
        light = "white" if weights[i, j] > 0.55 else INK
        place = (x + j + 0.5, n / 2 - i - 0.5)
        ax.text(*place, f"{weights[i, j]:.2f}", ha="center", va="center", fontsize=8, color=light)
