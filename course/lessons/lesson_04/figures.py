"""Drawing functions of lesson 04: one number's way through the heads, one word's heads, and the whole layer.

They have the forms of `course.lab.drawing.picture`, and their text states the numbers that the picture shows.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY,
    PALE,
    QUERY,
    VALUE,
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
from course.lab.drawing.svg import line, room_of, svg_image, words_at
from course.lab.widgets.controls import Slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]
    Split = Callable[[Array, int], Array]
    Merge = Callable[[Array], Array]

HEADS_OF_ONE = Slider((1, 2, 4), 0)  # the numbers of heads that a width of 4 can be split into; begins with one head
HEADS_OF_TWO = Slider((1, 2, 4), 1)  # ... begins with two


# ---- One number's way through the heads ----------------------------------------------------------------

SWAPS = {  # what a reader chooses: whether the axes change places when splitting, and when merging
    "in the split and in the merge": (True, True),
    "nowhere": (False, False),
    "in the split alone": (True, False),
    "in the merge alone": (False, True),
}
LAST_STEP = 5
CELL, GUTTER, BETWEEN, GROUP_GAP, HEADER, HEAD_ROOM = 22, 38, 4, 4, 50, 20  # pixels
TINTS = ("#CBE5F6", "#E6E6E6", "#F8E9B0")  # of the words; each cell says its word in letters too
MARK = "#A83800"


@dataclass(frozen=True)
class Stage:
    """The numbers at one step. blocks: (head or None, names of the rows, groups of columns (rows, n)) from above."""

    title: str
    shape: str
    blocks: tuple[tuple[int | None, tuple[str, ...], tuple[Array, ...]], ...]


def stages(
    words: Sequence[str], d: int, h: int, swapped: tuple[bool, bool], *, split_heads: Split, merge_heads: Merge
) -> list[Stage]:
    """Follow the numbers 0, 1, 2, ... of T words (T, d) through split, attention and merge: six stages.

    In every head a row fetches from the row below it, the last row from the first: weights of 1 there, 0 elsewhere.
    """
    T, n = len(words), d // h
    start = np.arange(float(T * d)).reshape(T, d)
    cut = start.reshape(T, h, n)
    inside = as_array(split_heads(start[None], h))[0] if swapped[0] else start.reshape(h, T, n)
    fetched = np.roll(inside, -1, axis=1)
    merged = as_array(merge_heads(fetched[None]))[0] if swapped[1] else fetched.reshape(T, d)
    rows = tuple(words) if swapped[0] else tuple(f"row {i}" for i in range(T))
    apart = ("1 reshape", _by_word(cut, words)) if swapped[0] else ("1 reshape", _by_head(inside, rows))
    together = _by_word(np.swapaxes(fetched, 0, 1), words) if swapped[1] else _by_head(fetched, rows)
    of_heads, of_words = f"({h}, {T}, {n})", f"({T}, {h}, {n})"
    return [
        Stage("0 values", f"({T}, {d})", _whole(start, words)),
        Stage(apart[0], of_words if swapped[0] else of_heads, apart[1]),
        Stage("2 swap axes" if swapped[0] else "2 (no swap)", of_heads, _by_head(inside, rows)),
        Stage("3 attend", of_heads, _by_head(fetched, rows)),
        Stage("4 swap axes" if swapped[1] else "4 (no swap)", of_words if swapped[1] else of_heads, together),
        Stage("5 reshape", f"({T}, {d})", _whole(merged, words)),
    ]


def _whole(x: Array, rows: Sequence[str]) -> tuple[tuple[None, tuple[str, ...], tuple[Array, ...]], ...]:
    return ((None, tuple(rows), (x,)),)


def _by_word(x: Array, rows: Sequence[str]) -> tuple[tuple[None, tuple[str, ...], tuple[Array, ...]], ...]:
    return ((None, tuple(rows), tuple(np.swapaxes(x, 0, 1))),)


def _by_head(x: Array, rows: tuple[str, ...]) -> tuple[tuple[int, tuple[str, ...], tuple[Array, ...]], ...]:
    return tuple((i, rows, (each,)) for i, each in enumerate(x))


@takes_arrays
def draw_way(
    *,
    split_heads: Split,
    merge_heads: Merge,
    words: Sequence[str],
    d: int,
    step: int,
    heads: int,
    swap: str,
    word: str,
    column: int,
) -> Markup:
    """Draw the way of one number, `column` of `word`, through split, attention and merge, as far as `step` (0 to 5).

    swap: a name of `SWAPS`. The functions under study work where axes are swapped; elsewhere `reshape` alone does.
    """
    all_stages = stages(words, d, heads, SWAPS[swap], split_heads=split_heads, merge_heads=merge_heads)
    marked = list(words).index(word) * d + column
    wide = GUTTER + d * CELL + (d - 1) * GROUP_GAP + BETWEEN
    tall = HEADER + max(1, heads) * (len(words) * CELL + HEAD_ROOM) + 8
    body, spots = [], []
    for i, stage in enumerate(all_stages[: step + 1]):
        drawn, spot = _draw_stage(stage, i * wide + GUTTER, words, d, marked)
        body += drawn
        spots.append(spot)
    ways = [
        line((a[0] + CELL / 2, a[1]), (b[0] - CELL / 2, b[1]), MARK, 2, faint=0.8)
        for a, b in zip(spots, spots[1:], strict=False)
    ]
    alt = _way_in_words(all_stages[: step + 1], words, d, marked, SWAPS[swap])
    picture = svg_image(len(all_stages) * wide, tall, "".join([*ways, *body]), title="the way of one number", alt=alt)
    where = html.escape(_landed(all_stages, step, words, d, marked))
    return Markup(f'<div>{picture}</div><div style="padding: 6px 2px">{where}</div>', alt)


def _draw_stage(
    stage: Stage, x: float, words: Sequence[str], d: int, marked: int
) -> tuple[list[str], tuple[float, float]]:
    """Return the pieces of one stage whose cells begin at x, and the middle of the marked cell."""
    middle = x + d * CELL / 2
    body = [
        words_at(stage.title, middle, 16, 13, bold=True),
        words_at(stage.shape, middle, 34, 12, color=GRAY),
    ]
    y, spot = float(HEADER), (0.0, 0.0)
    for head, rows, groups in stage.blocks:
        if head is not None:
            body.append(words_at(f"head {head}", x, y + 13, 12, anchor="start", bold=True))
        y += HEAD_ROOM
        for i, name in enumerate(rows):
            body.append(_name_of_row(name, x - 4, y + i * CELL))
        left = x
        for group in groups:
            for (i, j), number in np.ndenumerate(group):
                at = left + j * CELL, y + i * CELL
                body.append(_cell(*at, int(number), words, d, marked))
                if int(number) == marked:
                    spot = at[0] + CELL / 2, at[1] + CELL / 2
            left += group.shape[1] * CELL + GROUP_GAP
        y += len(rows) * CELL
    return body, spot


def _name_of_row(name: str, right: float, y: float) -> str:
    """Write the name of a row, ending at `right`, on white: ways of numbers pass behind it."""
    wide = room_of(name, 12) + 4
    white = f'<rect x="{right - wide:.0f}" y="{y + 3:g}" width="{wide + 4:.0f}" height="{CELL - 5}" fill="#FFFFFF"/>'
    return white + words_at(name, right, y + 0.7 * CELL, 12, anchor="end")


def _cell(x: float, y: float, number: int, words: Sequence[str], d: int, marked: int) -> str:
    word, column = divmod(number, d)
    fill, ink = (MARK, "#FFFFFF") if number == marked else (TINTS[word % len(TINTS)], INK)
    name = f"{words[word][0]}{column}"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{CELL}" height="{CELL}" fill="{fill}" stroke="{GRAY}" stroke-width="0.7"/>'
        f"{words_at(name, x + CELL / 2, y + 0.7 * CELL, 11, color=ink, bold=number == marked)}"
    )


def _place(stage: Stage, marked: int) -> tuple[int | None, int, int]:
    """Return the head, the row and the column (counted over the groups of a row) of a number."""
    for head, _, groups in stage.blocks:
        row = np.concatenate(groups, axis=1)
        found = np.argwhere(row == marked)
        if len(found):
            return head, int(found[0, 0]), int(found[0, 1])
    raise ValueError(f"the number {marked} is lost")


def _landed(all_stages: Sequence[Stage], step: int, words: Sequence[str], d: int, marked: int) -> str:
    """Return where the number is now, as a sentence; at the end, whether it is where it should be."""
    word, column = divmod(marked, d)
    head, row, at = _place(all_stages[step], marked)
    what = f"Number {column} of {words[word]}"
    if step < LAST_STEP:
        where = f"head {head}, " if head is not None else ""
        return f"{what} is in {where}row {row}, column {at}."
    wanted = (word - 1) % len(words)
    if (row, at) == (wanted, column):
        return f"{what} is in the row of {words[row]}, column {at}, where it should be: {words[row]} has fetched it."
    return (
        f"{what} is in the row of {words[row]}, column {at}. It should be in the row of {words[wanted]}, column "
        f"{column}: {words[wanted]} was to fetch it."
    )


def _way_in_words(done: Sequence[Stage], words: Sequence[str], d: int, marked: int, swapped: tuple[bool, bool]) -> str:
    """Return the alternative text of `draw_way`."""
    word, column = divmod(marked, d)
    said = []
    for stage in done:
        head, row, at = _place(stage, marked)
        said.append(f"{stage.title} {stage.shape}: {'' if head is None else f'head {head}, '}row {row}, column {at}")
    axes = {(True, True): "both times", (False, False): "never", (True, False): "in the split alone"}
    how = axes.get(swapped, "in the merge alone")
    end = _landed(done, len(done) - 1, words, d, marked)
    return f"The way of number {column} of {words[word]}, axes swapped {how}. {'; '.join(said)}. {end}"


# ---- One word's heads -----------------------------------------------------------------------------------


@takes_arrays
def draw_heads(
    *,
    attention: Callable[..., tuple[Array, Array]],
    split_heads: Split,
    examples: Mapping[str, tuple[Sequence[str], Array, Array, Array]],
    axes: Sequence[str],
    sentence: str,
    heads: int,
    focus: str = "point",
) -> Markup:
    """Draw where one word looks in each of its heads, and what it brings home, for a width split into `heads`.

    examples: by sentence the words, q (T, d), k (T, d) and v (T, d). axes: d names.
    """
    words, *qkv = examples[sentence]
    q, k, v = (as_array(split_heads(x[None], heads)) for x in qkv)
    output, weights = attention(q, k, v)
    at = list(words).index(focus)
    rows, home = as_array(weights)[0, :, at], as_array(output)[0, :, at]
    asked = [f"({', '.join(f'{x:g}' for x in q[0, i, at])})" for i in range(heads)]
    many = f"{heads} head{'s' if heads > 1 else ''} of width {len(axes) // heads}"
    maps = heat_table(
        rows,
        [f"head {i} asks {each}" for i, each in enumerate(asked)],
        words,
        caption=f"{many}: where “{focus}” looks",
    )
    numbers = [f"{x:.2f}" for x in home.ravel()]
    brought = rows_table(axes, [numbers], f"what “{focus}” brings home, heads side by side")
    looks = "; ".join(f"head {i} asks {asked[i]}: {largest(words, row)}" for i, row in enumerate(rows))
    told = ", ".join(f"{name} {x}" for name, x in zip(axes, numbers, strict=True))
    return Markup(
        beside(maps, brought.html),
        f"“{focus}” in “{' '.join(words)}”, {many}. Where each head looks most: {looks}. Brought home: {told}.",
    )


# ---- The whole of it ------------------------------------------------------------------------------------


@takes_arrays
def draw_summary(
    fig: Figure, *, x: Array, W: Mapping[str, Array], h: int, split_heads: Split, attention: Callable[..., Any]
) -> str:
    """Draw multi-head attention of x (T, d) on itself as matrices: project, split, attend, merge, combine."""
    parts = [as_array(split_heads((x @ W[name])[None], h))[0] for name in ("q", "k", "v")]
    output, weights = (as_array(each) for each in attention(*parts))
    rise = len(x) + 2.6  # from the middle of a matrix to that of the one below
    begin(fig, 12, 4.4)
    ax = fig.add_axes((0.005, 0.0, 0.99, 1.0))
    end = _matrix(ax, 0, 0, x, GRAY, "x", "(T, d)")
    steps: tuple[tuple[str, Callable[[float], float]], ...] = (
        ("1 project", lambda start: _draw_projections(ax, start, rise, x, W, x.shape[1] // h)),
        ("2 split", lambda start: _draw_split(ax, start, rise, parts)),
        ("3 attend", lambda start: _draw_attention(ax, start, rise, weights, output)),
        ("4 merge", lambda start: _draw_merged(ax, start, output)),
        ("5 combine", lambda start: _draw_combined(ax, start, output, W["o"])),
    )
    bottom = -rise - len(x) / 2 - 2.4
    for name, draw in steps:
        start = _sign(ax, end, "·" if name == "5 combine" else "→")
        end = draw(start)
        words: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 14, "weight": "bold", "color": INK}
        ax.text((start + end) / 2, bottom, name, **words)
    ax.set(xlim=(-0.5, end + 0.5), ylim=(bottom - 0.3, rise + len(x) / 2 + 1.6), aspect="equal")
    ax.axis("off")
    return _summary_in_words(x, h, weights, _side_by_side(output) @ W["o"])


def _middles(rise: float, n: int) -> list[float]:
    return [rise * (n - 1) / 2 - rise * i for i in range(n)]


def _side_by_side(output: Array) -> Array:
    return np.concatenate(list(output), axis=-1)


def _draw_projections(ax: Axes, start: float, rise: float, x: Array, W: Mapping[str, Array], d_head: int) -> float:
    end = start
    for middle, name, color in zip(_middles(rise, 3), "qkv", (QUERY, KEY, VALUE), strict=True):
        end = _matrix(ax, start, middle, x @ W[name], color, f"x $W_{name.upper()}$", "", cuts=d_head)
    return end


def _draw_split(ax: Axes, start: float, rise: float, parts: Sequence[Array]) -> float:
    end = start
    for i, middle in enumerate(_middles(rise, len(parts[0]))):
        ax.text(start - 0.3, middle, f"head {i}", ha="right", va="center", fontsize=11, color=INK, rotation=90)
        end = start - 0.6
        for part, name, color in zip(parts, "qkv", (QUERY, KEY, VALUE), strict=True):
            end = _matrix(ax, end + 0.6, middle, part[i], color, f"{name}{_low(i)}", "")
    return end


def _draw_attention(ax: Axes, start: float, rise: float, weights: Array, output: Array) -> float:
    end = start
    for i, middle in enumerate(_middles(rise, len(weights))):
        end = _matrix(ax, start, middle, weights[i], WEIGHTS_TEXT, "weights", "(T, T)")
        end = _matrix(ax, end + 1.4, middle, output[i], VALUE, "output", "(T, d_head)")
    return end


def _draw_merged(ax: Axes, start: float, output: Array) -> float:
    return _matrix(ax, start, 0, _side_by_side(output), VALUE, "merged", "(T, d)", cuts=output.shape[-1])


def _draw_combined(ax: Axes, start: float, output: Array, W_O: Array) -> float:
    end = _sign(ax, _matrix(ax, start, 0, W_O, GRAY, "$W_O$", "(d, d)"), "=")
    return _matrix(ax, end, 0, _side_by_side(output) @ W_O, VALUE, "output", "(T, d)")


def _low(i: int) -> str:
    return "₀₁₂₃₄₅₆₇₈₉"[i]


def _sign(ax: Axes, x: float, sign: str) -> float:
    """Write a sign between two matrices; return where the next one begins."""
    ax.text(x + 1.1, 0, sign, ha="center", va="center", fontsize=17, color=INK)
    return x + 2.4


def _matrix(ax: Axes, x: float, y: float, matrix: Array, color: str, title: str, shape: str, cuts: int = 0) -> float:
    """Draw a matrix as unit cells from x rightward, its middle at height y; return where it ends.

    The darker a cell, the farther its number is from 0; a minus marks what lies below. cuts: a line after every so
    many columns, where heads meet.
    """
    rows, columns = matrix.shape
    bottom, top, end = y - rows / 2, y + rows / 2, x + columns
    size = np.abs(matrix)
    most = max(float(size.max()), 1e-9)
    ax.imshow(size, cmap=shades(color), vmin=0, vmax=1.15 * most, extent=(x, end, bottom, top), zorder=1)
    ax.hlines(bottom + np.arange(rows + 1), x, end, color=PALE, linewidth=0.8, zorder=2)
    ax.vlines(x + np.arange(columns + 1), bottom, top, color=PALE, linewidth=0.8, zorder=2)
    for i, j in np.argwhere(matrix < -0.05 * most):
        ax.text(x + j + 0.5, top - i - 0.5, "−", ha="center", va="center", fontsize=12, color="#FFFFFF", weight="bold")
    if cuts:
        ax.vlines(x + np.arange(cuts, columns, cuts), bottom - 0.25, top + 0.25, color=INK, linewidth=1.6, zorder=3)
    words: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 12, "color": INK, "parse_math": True}
    ax.text((x + end) / 2, top + 0.35, title, **words)
    if shape:
        ax.text((x + end) / 2, bottom - 0.35, shape, ha="center", va="top", fontsize=10, color=INK)
    return end


def _summary_in_words(x: Array, h: int, weights: Array, output: Array) -> str:
    """Return the alternative text of `draw_summary`."""
    T, d = x.shape
    return (
        f"Multi-head attention as a row of matrices, {T} words of {d} numbers and {h} heads. 1 project: x becomes "
        f"queries, keys and values {(T, d)}. 2 split: each head gets {d // h} columns of all three. 3 attend: each "
        f"head has weights {(T, T)} of its own, the largest {weights.max():.2f}, and an output {(T, d // h)}. "
        f"4 merge: the outputs side by side, {(T, d)}. 5 combine: times W_O, {(d, d)}, which gives {output.shape}."
    )
