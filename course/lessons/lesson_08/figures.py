"""Drawing functions of lesson 08: what a step may see, the bill, the reversal, what each test catches, and the whole.

They have the forms of `course.lab.drawing.picture`: ``draw_xxx(fig, **values) -> str`` draws on the figure that it is
given and returns the alternative text; ``draw_xxx(**values) -> Markup`` returns HTML with it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping, Sequence
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
    begin,
    beside,
    booleans,
    plain,
    takes_arrays,
    write,
)
from course.lab.drawing.tables import ASKED, ASKING, table
from course.lab.widgets.controls import Slider
from course.lessons.lesson_08.costs import flops_by_part, parameters_by_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]

# ---- What a step of the decoder may see ------------------------------------------------------------------------

SOURCE = ("The", "needle", "has", "a", "sharp", "point")
TARGET = ("<bos>", "Die", "Nadel", "hat", "eine", "scharfe", "Spitze")
NEXT = (*TARGET[1:], "<eos>")

_LINE = "1px solid rgba(128, 128, 128, 0.35)"
_OPEN = "background-color: rgba(165, 60, 135, 0.22)"  # the color of weights: where one may flow
_NOW = "background-color: rgba(165, 60, 135, 0.62)"
_LATER = "background-color: rgba(165, 60, 135, 0.07)"


@takes_arrays
def draw_step(
    *,
    decoder_mask: Callable[[Array, int], Array],
    padding_mask: Callable[[Array, int], Array],
    step: int,
    source_pads: int,
    target_pads: int,
    pad: int,
) -> Markup:
    """Draw the masks of the decoder's two attentions as tables, the row of one step framed.

    Args:
        decoder_mask: (tokens (B, T), pad) -> (B, 1, T, T) booleans.
        padding_mask: (tokens (B, T), pad) -> (B, 1, 1, T) booleans.
        step: which row is written just now; the rows below it are those of a training, where all words are known.
        source_pads: how many pads follow the source.
        target_pads: how many pads follow the target.
        pad: the id of padding.
    """
    source, target = (*SOURCE, *("<pad>",) * source_pads), (*TARGET, *("<pad>",) * target_pads)
    own = booleans(decoder_mask(_ids(target, pad), pad), "that of decoder_mask")[0, 0]
    across = booleans(padding_mask(_ids(source, pad), pad), "that of padding_mask")[0, 0]
    across = np.broadcast_to(across, (len(target), len(source)))
    shown = beside(
        _permissions(own, target, target, step, "self-attention: who asks down, who is asked across"),
        _permissions(across, target, source, step, "cross-attention: the source is asked"),
    )
    said = _step_in_words(own[step], across[step], target, source, step)
    return Markup(f'{shown}<p style="margin: 6px 0">{html.escape(said)}</p>', f"{_counted(own, across)} {said}")


def _ids(words: Sequence[str], pad: int) -> Array:
    """Return (1, T) ids: pads have theirs, all others have one that is not."""
    return np.array([[pad if word == "<pad>" else pad + 1 for word in words]])


def _permissions(mask: Array, asking: Sequence[str], asked: Sequence[str], step: int, caption: str) -> str:
    head = "<td></td>" + "".join(_name(word, "col", ASKED) for word in asked)
    body = []
    for i, (word, row) in enumerate(zip(asking, mask, strict=True)):
        cells = "".join(_permission(bool(may), i - step) for may in row)
        body.append(f'<tr style="background-color: transparent">{_name(word, "row", ASKING)}{cells}</tr>')
    return table(head, body, caption)


def _name(word: str, scope: str, colors: tuple[str, str]) -> str:
    side, align = ("border-right", "right") if scope == "row" else ("border-bottom", "center")
    style = (
        f"padding: 3px 4px; text-align: {align}; font-weight: bold; white-space: nowrap; font-size: 13px; "
        f"background-color: {colors[0]}; {side}: 3px solid {colors[1]}"
    )
    return f'<th scope="{scope}" style="{style}">{html.escape(word)}</th>'


def _permission(may: bool, from_now: int) -> str:
    """Return a cell. from_now: how many rows below that of the step; those below are not there while one writes."""
    ground = f"; {_NOW if from_now == 0 else _OPEN if from_now < 0 else _LATER}" if may else ""
    frame = "; border-top: 2px solid; border-bottom: 2px solid" if from_now == 0 else ""
    return (
        f'<td style="padding: 2px 5px; text-align: center; min-width: 22px; border: {_LINE}{frame}{ground}">'
        f"{'✓' if may else ''}</td>"
    )


def _step_in_words(own: Array, across: Array, target: Sequence[str], source: Sequence[str], step: int) -> str:
    heard = [word for word, may in zip(target, own, strict=True) if may]
    read = [word for word, may in zip(source, across, strict=True) if may]
    asked = f"Asked for now: {NEXT[step]}" if step < len(NEXT) else "A pad: nobody uses this row"
    return f"Step {step}. Written so far: {' '.join(heard)}. Read of the source: {' '.join(read)}. {asked}."


def _counted(own: Array, across: Array) -> str:
    return (
        f"Two masks. Self-attention {own.shape[0]} by {own.shape[1]}, {int(own.sum())} cells open; cross-attention "
        f"{across.shape[0]} by {across.shape[1]}, {int(across.sum())} open."
    )


# ---- The bill --------------------------------------------------------------------------------------------------

WIDTHS = Slider((32, 64, 128, 192, 256, 384, 512, 768, 1024), 6)  # of d_model; begins with 512
INNER = Slider((64, 128, 256, 512, 1024, 2048, 4096), 5)  # of d_ff; begins with 2048
VOCABULARIES = Slider((1000, 2000, 4000, 8000, 16000, 37000, 64000), 5)
LENGTHS = Slider((5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000), 2)
HEADS = 8

_COLORS = {
    "table of words": VALUE,
    "self-attention": QUERY,
    "cross-attention": KEY,
    "feed-forward": WEIGHTS,
    "norms": GRAY,
    "output layer": VALUE,
    "projections": QUERY,
    "scores and mixing": KEY,
}


@takes_arrays
def draw_bill(
    fig: Figure,
    *,
    count_parameters: Callable[[int, int, int, int, int], float],
    layers: int,
    d_model: int,
    d_ff: int,
    words: int,
    length: int,
) -> str:
    """Draw what each part of a Transformer costs: numbers to train at the left, operations at the right.

    count_parameters: the learner's; its total stands above the bars. layers: of each stack. words: the size of the
    vocabulary. length: words of the source, and as many of the target.
    """
    sizes = (words, d_model, HEADS, d_ff, layers)
    numbers, flops = parameters_by_part(*sizes), flops_by_part(*sizes, length, length)
    total = count_parameters(*sizes)
    begin(fig, 11.5, 3.6)
    left, right = fig.add_axes((0.125, 0.12, 0.34, 0.72)), fig.add_axes((0.635, 0.12, 0.34, 0.72))
    _draw_bars(left, numbers, f"{_short(total)} numbers to train")
    _draw_bars(right, flops, f"{_short(sum(flops.values()))} operations for {length} + {length} words")
    return (
        f"{layers} + {layers} layers, d_model {d_model}, d_ff {d_ff}, {words} words: {_short(total)} numbers to train "
        f"({_listed(numbers)}). A sentence of {length} words and its translation of {length} take "
        f"{_short(sum(flops.values()))} operations ({_listed(flops)}), that is "
        f"{sum(flops.values()) / (2 * length) / total:.2f} for each word and each trained number."
    )


def _draw_bars(ax: Axes, costs: Mapping[str, int], title: str) -> None:
    whole = sum(costs.values())
    shares = [100 * cost / whole for cost in costs.values()]
    places = range(len(costs) - 1, -1, -1)
    ax.barh(places, shares, color=[_COLORS[name] for name in costs], height=0.66)
    said = [f"{_short(cost)}   {share:.0f} %" for cost, share in zip(costs.values(), shares, strict=True)]
    write(ax, said, [(share + 1.5, y) for share, y in zip(shares, places, strict=True)], ha="left", va="center",
          fontsize=11, color=INK)  # fmt: skip
    write(ax, list(costs), [(-2.0, y) for y in places], ha="right", va="center", fontsize=11, color=INK)
    ax.set(xlim=(0, 135), ylim=(-0.6, len(costs) - 0.4), yticks=[], xticks=[0, 50, 100])
    ax.set_xlabel("% of the whole", fontsize=10, labelpad=1)
    ax.set_title(title, fontsize=13, color=INK, y=1.02)
    plain(ax)


def _short(number: float) -> str:
    """Return a number in three digits: 63.1 M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}" if number / size < 999.5 else f"{number / size:.0f} {letter}"
    return f"{number:.0f}"


def _listed(costs: Mapping[str, int]) -> str:
    whole = sum(costs.values())
    return ", ".join(f"{name} {_short(cost)}, {100 * cost / whole:.0f} %" for name, cost in costs.items())


# ---- The reversal ----------------------------------------------------------------------------------------------


@takes_arrays
def draw_reversal(fig: Figure, *, maps: Array, source: Sequence[str], asked: Sequence[str]) -> str:
    """Draw the cross-attention of each head (H, T, S) while a word is reversed: who is asked for down, source across.

    asked: the T letters that are to be written next. The largest weight of every row has a frame.
    """
    n = len(maps)
    begin(fig, 3.1 * n + 0.5, 3.5)
    for h, weights in enumerate(maps):
        ax = fig.add_axes((0.06 + h * 0.94 / n, 0.04, 0.86 / n, 0.78))
        ax.imshow(weights, cmap=_purple(), vmin=0, vmax=1)
        best = weights.argmax(axis=1)
        write(ax, ["□"] * len(best), [(float(j), float(i)) for i, j in enumerate(best)], ha="center", va="center",
              fontsize=15, color=INK)  # fmt: skip
        ax.set_xticks(range(len(source)), source, fontsize=11, color=KEY_TEXT)
        ax.set_yticks(range(len(asked)), asked, fontsize=11, color=QUERY)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_title("mean of the heads" if n == 1 else f"head {h}", fontsize=12, color=INK, pad=8)
        for edge in ax.spines.values():
            edge.set_color(PALE)
    told = [" ".join(source[j] for j in weights.argmax(axis=1)) for weights in maps]
    return (
        f"Cross-attention while {' '.join(source)} is reversed. Asked for {' '.join(asked)}, the heads look most at: "
        f"{'; '.join(told)}."
    )


def _purple() -> Any:  # noqa: ANN401
    from course.lab.drawing import shades

    return shades(WEIGHTS_TEXT)


# ---- The whole of it -------------------------------------------------------------------------------------------


@takes_arrays
def draw_summary(fig: Figure) -> str:
    """Draw the whole Transformer of this lesson: two stacks, what flows between them, and which pieces are one."""
    begin(fig, 12, 6.4)
    ax = fig.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set(xlim=(0, 120), ylim=(0, 64))
    ax.axis("off")
    _stack(ax, 12, "the encoder reads", "The needle has ...", ("self-attention", "feed-forward"), (QUERY, WEIGHTS))
    _stack(ax, 66, "the decoder writes", "<bos> Die Nadel ...",
           ("masked self-attention", "cross-attention", "feed-forward"), (QUERY, KEY, WEIGHTS))  # fmt: skip
    _box(ax, 66, 55.2, "output: state · row of each word", VALUE)
    _arrow(ax, (81, 53.2), (81, 55.2))
    ax.text(98, 57.6, "softmax → hat", fontsize=12, color=INK, va="center")
    _arrow(ax, (96, 57.6), (97.6, 57.6))
    ax.plot([27, 27, 58, 58], [53.2, 56.5, 56.5, 28.1], color=KEY_TEXT, linewidth=2)
    _arrow(ax, (58, 28.1), (66, 28.1), KEY_TEXT)
    ax.text(43, 57.3, "memory: keys and values", fontsize=12, color=KEY_TEXT, ha="center", va="bottom")
    dotted: dict[str, Any] = {"color": VALUE_TEXT, "linewidth": 2, "linestyle": ":"}
    ax.plot([42, 66], [8.5, 8.5], **dotted)
    ax.plot([96, 107, 107, 93, 93], [8.5, 8.5, 54.2, 54.2, 55.2], **dotted)
    ax.text(54, 9.0, "one table", fontsize=12, color=VALUE_TEXT, ha="center", va="bottom")
    ax.text(109, 30, "the same table", fontsize=12, color=VALUE_TEXT, rotation=90, ha="center", va="center")
    ax.text(8.5, 30, "n times", fontsize=12, color=GRAY, rotation=90, ha="center", va="center")
    ax.text(101, 30, "n times", fontsize=12, color=GRAY, rotation=90, ha="center", va="center")
    return (
        "The whole Transformer. The encoder reads the source: embedding times the root of d_model plus positions, then "
        "n layers of self-attention and feed-forward, each behind a norm and with a residual path around it, then a "
        "norm; the result is the memory. The decoder reads what has been written: the same table and positions, then n "
        "layers of masked self-attention, cross-attention whose keys and values come from the memory, and "
        "feed-forward, then a norm. The output layer compares the state with the row of each word in the same table; "
        "softmax gives the next word."
    )


def _stack(ax: Axes, x: float, title: str, words: str, parts: Sequence[str], colors: Sequence[str]) -> None:
    """Draw one stack from below: words, embedding, its layers in a frame, a norm."""
    ax.text(x + 15, 1.0, words, fontsize=12, color=INK, ha="center", va="bottom")
    ax.text(x + 15, 61.6, title, fontsize=14, color=INK, ha="center", va="bottom", weight="bold")
    _box(ax, x, 6.4, "table × √d + positions", VALUE)
    height = 10.4
    frame = (x - 1.6, 13.4, 33.2, 33.0)
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle(frame[:2], *frame[2:], fill=False, edgecolor=GRAY, linewidth=1.4, linestyle="--"))
    for i, (part, color) in enumerate(zip(parts, colors, strict=True)):
        y = 15.6 + i * height
        _box(ax, x, y, f"norm, {part}", color)
        ax.plot([x + 15, x - 0.7, x - 0.7, x + 13.4], [y - 1.0, y - 1.0, y + 5.6, y + 5.6], color=INK, linewidth=1)
        ax.text(x + 15, y + 5.7, "+", fontsize=15, color=INK, ha="center", va="center", weight="bold")
        _arrow(ax, (x + 15, y - 2.4), (x + 15, y))
    _box(ax, x, 49.0, "norm", GRAY)
    _arrow(ax, (x + 15, 15.6 + len(parts) * height - 4.4), (x + 15, 49.0))
    _arrow(ax, (x + 15, 3.8), (x + 15, 6.4))


def _box(ax: Axes, x: float, y: float, words: str, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=1"
    ax.add_patch(FancyBboxPatch((x, y), 30, 4.2, boxstyle=style, facecolor=color, alpha=0.25, linewidth=0))
    ax.add_patch(FancyBboxPatch((x, y), 30, 4.2, boxstyle=style, fill=False, edgecolor=color, linewidth=1.6))
    ax.text(x + 15, y + 2.05, words, fontsize=12, color=INK, ha="center", va="center")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str = INK) -> None:
    ax.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.4})


# ---- What each test catches ------------------------------------------------------------------------------------


@takes_arrays
def draw_catches(*, found: Mapping[str, Collection[str]], names: Sequence[str], trained: Mapping[str, str]) -> Markup:
    """Draw a table of models and tests: a cross where the test says that its property is violated.

    Args:
        found: for each model the properties that it violates.
        names: all the properties.
        trained: for each model what a training with it came to, or nothing.
    """
    head = "<td></td>" + "".join(_name(name, "col", ASKED) for name in names)
    if trained:
        head += _name("trained", "col", ("transparent", "rgba(128, 128, 128, 0.6)"))
    body = []
    for model, violated in found.items():
        cells = "".join(_catch(name in violated) for name in names)
        if trained:
            cells += f'<td style="padding: 2px 8px; border: {_LINE}">{html.escape(trained.get(model, ""))}</td>'
        body.append(f'<tr style="background-color: transparent">{_name(model, "row", ASKING)}{cells}</tr>')
    told = [
        f"{model}: {', '.join(n for n in names if n in violated) or 'nothing'}" for model, violated in found.items()
    ]
    return Markup(table(head, body, ""), "\n".join(told))


def _catch(caught: bool) -> str:
    ground = f"; {_NOW}" if caught else ""
    return (
        f'<td style="padding: 2px 5px; text-align: center; min-width: 60px; border: {_LINE}{ground}">'
        f"{'✗' if caught else '·'}</td>"
    )
