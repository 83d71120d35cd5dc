"""Drawing functions of lesson 09: words in pieces, padded batches, what was measured, and the whole way.

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
    VALUE_TEXT,
    WEIGHTS_TEXT,
    begin,
    plain,
    takes_arrays,
    write,
)
from course.lab.widgets.controls import Slider
from course.lessons.lesson_09 import experiments
from course.lessons.lesson_09.reference import Merge, Pair
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from course.data import ParallelText, Tokenizer

    Array = np.ndarray[Any, np.dtype[Any]]
    Lengths = Sequence[tuple[int, int]]

SOURCE_TINT, TARGET_TINT, NEW_TINT = "#F9E3B4", "#BBDDF0", "#EBC9DC"  # pale enough for words in INK
END_SIGN = "·"  # stands for "</w>" in pictures

# ---- Words in pieces -------------------------------------------------------------------------------------------

MERGES = Slider((0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 250, 300, 400, 500, 600), 14)
COLUMNS = 34  # letters that a line of boxes has room for


@takes_arrays
def draw_pieces(
    fig: Figure,
    *,
    bpe_encode: Callable[[str, Sequence[Merge]], Sequence[str]],
    merges: Sequence[Merge],
    means: Sequence[float],
    sentence: str,
    number_of_merges: int,
) -> str:
    """Draw a sentence with a box around each piece, after some merges, and how long texts get with more and more.

    means: how many pieces a word has on average, after 0, 1, 2, ... merges. A letter has the same room everywhere; a
    dot stands for the end of a word. What the last merge has made is purple.
    """
    begin(fig, 11.5, 3.9)
    used = list(merges[:number_of_merges])
    cut = [list(bpe_encode(word, used)) for word in sentence.split()]
    newest = "".join(used[-1]) if used else None
    boxes = fig.add_axes((0.01, 0.02, 0.62, 0.82))
    _draw_boxes(boxes, cut, newest)
    total = sum(map(len, cut))
    boxes.set_title(f"{len(cut)} words, {total} pieces", fontsize=13, color=INK, loc="left", x=0.01)
    curve = fig.add_axes((0.715, 0.17, 0.27, 0.64))
    curve.plot(range(len(means)), means, color=WEIGHTS_TEXT, linewidth=2)
    at = min(number_of_merges, len(means) - 1)
    curve.plot([at], [means[at]], "o", color=INK, markersize=8)
    curve.set(xlim=(-10, len(means) + 8), ylim=(0, 1.08 * means[0]))
    curve.set_xlabel("merges", fontsize=11)
    curve.set_ylabel("pieces a word, in the whole text", fontsize=11)
    plain(curve)
    last = "no merge yet" if newest is None else f"last merge: {_shown(used[-1][0])} + {_shown(used[-1][1])}"
    curve.set_title(f"{last}\n{means[at]:.2f} pieces a word", fontsize=12, color=INK)
    told = " ".join("|".join(map(_shown, pieces)) for pieces in cut)
    return f"After {len(used)} merges ({last}): {told}. {total} pieces; in the whole text {means[at]:.2f} a word."


def _shown(piece: str) -> str:
    return piece.replace("</w>", END_SIGN)


def _draw_boxes(ax: Axes, cut: Sequence[Sequence[str]], newest: str | None) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    letters: list[str] = []
    places: list[tuple[float, float]] = []
    kinds: dict[bool, list[Any]] = {True: [], False: []}
    column, row = 0, 0
    for pieces in cut:
        if column and column + sum(len(_shown(piece)) for piece in pieces) > COLUMNS:
            column, row = 0, row + 1
        for piece in pieces:
            shown = _shown(piece)
            box = Rectangle((column + 0.07, -row - 0.36), len(shown) - 0.14, 0.72)
            kinds[piece == newest].append(box)
            letters.extend(shown)
            places.extend((column + i + 0.5, -row) for i in range(len(shown)))
            column += len(shown)
        column += 1
    for is_new, boxes in kinds.items():
        ground, edge = (NEW_TINT, WEIGHTS_TEXT) if is_new else ("#F4F4F4", GRAY)
        ax.add_collection(PatchCollection(boxes, facecolor=ground, edgecolor=edge, linewidth=1.3))
    write(ax, letters, places, ha="center", va="center", fontsize=15, color=INK, family="monospace")
    ax.set(xlim=(0, COLUMNS), ylim=(-max(row, 3) - 0.6, 0.6))
    ax.set(xticks=[], yticks=[])
    ax.axis("off")


# ---- A batch, id by id -----------------------------------------------------------------------------------------


@takes_arrays
def draw_batch(fig: Figure, *, rows: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Draw rectangles of a batch, a cell for each id, with its piece in words; padding is gray.

    rows: by the name of a tensor its rows of pieces, equally long; "<pad>" is padding. What goes into the encoder is
    orange, what has to do with the decoder is blue.
    """
    begin(fig, 11.8, 0.42 * sum(len(each) + 1.35 for each in rows.values()) + 0.1)
    width = max(len(row) for each in rows.values() for row in each)
    size = _size_for([piece for each in rows.values() for row in each for piece in row], max(width, 10))
    ax = fig.add_axes((0.0, 0.0, 1.0, 1.0))
    y, told = 0.0, []
    for name, each in rows.items():
        ax.text(0.06, y, f"{name}  ({len(each)}, {len(each[0])})", fontsize=12.5, color=INK, weight="bold", va="center")
        _draw_cells(ax, each, y - 1, SOURCE_TINT if name == "src" else TARGET_TINT, size)
        y -= len(each) + 1.35
        told.append(f"{name}: {' / '.join(' '.join(row) for row in each)}")
    ax.set(xlim=(0, max(width, 10)), ylim=(y + 0.8, 0.55))
    ax.set(xticks=[], yticks=[])
    ax.axis("off")
    return f"A batch. {'; '.join(told)}."


def _draw_cells(ax: Axes, rows: Sequence[Sequence[str]], top: float, tint: str, size: float) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    kinds: dict[str, list[Any]] = {tint: [], PALE: []}
    for i, row in enumerate(rows):
        for j, piece in enumerate(row):
            kinds[PALE if piece == "<pad>" else tint].append(Rectangle((j + 0.03, top - i - 0.44), 0.94, 0.88))
    for color, boxes in kinds.items():
        ax.add_collection(PatchCollection(boxes, facecolor=color, edgecolor="none"))
    words = [piece for row in rows for piece in row]
    places = [(j + 0.5, top - i) for i, row in enumerate(rows) for j in range(len(row))]
    write(ax, words, places, ha="center", va="center", fontsize=size, color=INK)


def _size_for(words: Sequence[str], cells: float, *, inches: float = 11.8) -> float:
    """The font size at which the longest of some words fits into a cell, where so many cells share some inches."""
    return min(12.5, 72 * inches / cells / (0.64 * max(map(len, words)) + 0.4))


# ---- Padding ---------------------------------------------------------------------------------------------------

WIDTHS = Slider((1, 2, 3, 4, 6, 8, 16, 24), 7)  # to which lengths are rounded; at 24 all are alike
BUDGETS = Slider((40, 60, 80, 100, 150, 200, 250, 300, 400, 500, 600, 800), 7)
SHOWN = 4  # batches of which there is a picture


@takes_arrays
def draw_padding(
    fig: Figure,
    *,
    buckets: Callable[[list[tuple[int, int]], int], Sequence[Sequence[int]]],
    lengths: Lengths,
    width: int,
    max_tokens: int,
) -> str:
    """Draw four of the batches that `buckets` makes of lengths rounded up to a width: source, target, and padding.

    The four lie evenly in the order in which the batches come. A row is a sentence, a column a position; the source is
    orange, the target blue, and what is computed for nothing gray.
    """
    groups = [list(group) for group in buckets(experiments.rounded_up(lengths, width), max_tokens)]
    n_shown = min(SHOWN, len(groups))
    chosen = [groups[int((k + 0.5) / n_shown * len(groups))] for k in range(n_shown)]
    begin(fig, 11.5, 4.3)
    ax = fig.add_axes((0.01, 0.03, 0.98, 0.82))
    parts = _draw_blocks(ax, [[lengths[i] for i in group] for group in chosen])
    waste = experiments.padding(lengths, groups)
    n = sum(map(len, groups)) / len(groups)
    said = f"{len(groups)} batches, {n:.0f} pairs in each on average; padding {waste:.1f} %"
    ax.set_title(said, fontsize=14, color=INK, pad=8)
    return f"Width {width}, at most {max_tokens} positions a side: {said}. Four of them: {'; '.join(parts)}."


def _draw_blocks(ax: Axes, batches: Sequence[Lengths]) -> list[str]:
    """Draw batches side by side, all to one scale; return what each one is in words."""
    from matplotlib.colors import ListedColormap

    sizes = [[max(pair[side] for pair in batch) for side in (0, 1)] for batch in batches]
    tall, gap = max(len(batch) for batch in batches), 3
    canvas = np.zeros((tall, sum(map(sum, sizes)) + (len(batches) - 1) * gap + len(batches)))
    left, told, labels, places = 0, [], [], []
    for batch, (source, target) in zip(batches, sizes, strict=True):
        for side, wide in ((0, source), (1, target)):
            real = np.arange(wide) < np.array([pair[side] for pair in batch])[:, None]
            canvas[: len(batch), left : left + wide] = np.where(real, 2 + side, 1)
            left += wide + (side == 0)
        shape = f"{len(batch)} rows of {source} and {target}"
        labels.append(f"{len(batch)} × {source}, {target}")
        places.append((left - (source + target + 1) / 2 - 0.5, -0.03 * tall - 0.5))
        told.append(f"{shape}, padding {experiments.padding(batch, [range(len(batch))]):.1f} %")
        left += gap
    colors = ListedColormap(["#FFFFFF", "#C8C8C8", KEY, QUERY])
    ax.imshow(canvas, cmap=colors, vmin=0, vmax=3, aspect="auto", interpolation="nearest")
    write(ax, labels, places, ha="center", va="bottom", fontsize=11.5, color=INK)
    ax.set(xlim=(-1, max(canvas.shape[1], 60)), ylim=(max(tall, 12) - 0.5, -0.12 * max(tall, 12)))
    ax.set(xticks=[], yticks=[])
    ax.axis("off")
    return told


# ---- What was measured -----------------------------------------------------------------------------------------

STYLES = {
    "as they come": ("o", GRAY),
    "width 8": ("s", KEY_TEXT),
    "width 4": ("^", VALUE_TEXT),
    "width 1": ("D", QUERY),
}


@takes_arrays
def draw_throughput(fig: Figure, *, rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw padding and real target tokens a second against the budget, a line for each arrangement of the pairs.

    Speeds are shown as multiples of the slowest: how fast a computer is does not matter here.
    """
    begin(fig, 11.5, 3.9)
    left, right = fig.add_axes((0.065, 0.16, 0.39, 0.76)), fig.add_axes((0.535, 0.16, 0.39, 0.76))
    slowest, told = min(row["tokens_per_second"] for row in rows), []
    for name, (sign, color) in STYLES.items():
        mine = [row for row in rows if row["arrangement"] == name]
        budgets, waste = [row["max_tokens"] for row in mine], [row["padding"] for row in mine]
        speed = [row["tokens_per_second"] / slowest for row in mine]
        left.plot(budgets, waste, f"{sign}-", color=color, label=name, markersize=7)
        right.plot(budgets, speed, f"{sign}-", color=color, label=name, markersize=7)
        pairs = ", ".join(f"{b}: {w:.1f} % and {s:.2f}" for b, w, s in zip(budgets, waste, speed, strict=True))
        told.append(f"{name} {pairs}")
    for ax, label in ((left, "padding, %"), (right, "real tokens a second, slowest = 1")):
        ax.set_xscale("log")
        ax.set_xticks(experiments.BUDGETS, map(str, experiments.BUDGETS))
        ax.minorticks_off()
        ax.set_xlabel("most positions a side (max_tokens)", fontsize=11)
        ax.set_ylabel(label, fontsize=11)
        ax.set_ylim(0, 1.06 * ax.dataLim.y1)
        plain(ax)
    right.legend(frameon=False, fontsize=12, loc="lower center", ncols=2)
    return f"Padding, and speed as a multiple of the slowest, by budget: {'; '.join(told)}."


MISALIGNED_STYLES = {"right pairs": QUERY, "one line lost": KEY_TEXT, "sides apart": WEIGHTS_TEXT}


@takes_arrays
def draw_misaligned(fig: Figure, *, runs: Sequence[Mapping[str, Any]]) -> str:
    """Draw the training losses on three texts, and on the right what is left of it on new, right pairs."""
    begin(fig, 11.5, 3.7)
    left, right = fig.add_axes((0.065, 0.165, 0.5, 0.75)), fig.add_axes((0.66, 0.165, 0.32, 0.75))
    told = []
    for at, run in enumerate(runs):
        color = MISALIGNED_STYLES[run["kind"]]
        steps, losses = zip(*((each["step"], each["loss"]) for each in run["losses"]), strict=True)
        left.plot(steps, losses, color=color, linewidth=2, label=run["kind"])
        right.bar([at], [run["val_loss"]], color=color, width=0.6)
        right.text(
            at, run["val_loss"] + 0.1, f"{run['val_loss']:.2f}", ha="center", va="bottom", fontsize=11, color=INK
        )
        told.append(f"{run['kind']} {losses[0]:.1f} to {losses[-1]:.2f}, on new pairs {run['val_loss']:.2f}")
    left.set(xlim=(0, runs[0]["steps"]), ylim=(0, 8))
    left.set_xlabel("updates", fontsize=11)
    left.set_ylabel("loss on its own text", fontsize=11)
    left.legend(frameon=False, fontsize=12)
    right.set(ylim=(0, 1.15 * max(run["val_loss"] for run in runs)), xlim=(-0.6, len(runs) - 0.4))
    right.set_xticks(range(len(runs)), [run["kind"] for run in runs], fontsize=11)
    right.set_ylabel("loss on new, right pairs", fontsize=11)
    plain(left)
    plain(right)
    return f"Loss in nats a token over training: {'; '.join(told)}."


# ---- The whole of it -------------------------------------------------------------------------------------------


def whole_way(
    text: ParallelText,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    *,
    buckets: Callable[[list[tuple[int, int]], int], Sequence[Sequence[int]]],
    make_batch: Callable[..., Sequence[Tensor]],
    number: int,
) -> dict[str, Any]:
    """What `draw_summary` draws: the way of one pair of a text, and three of the buckets of all of them."""
    lengths = experiments.lengths_of(pairs)
    groups = [group for group in buckets(lengths, 200) if len(group) > 5]
    own = next(group for group in buckets(lengths, 200) if number in group)
    src, tgt_in, labels, *_ = make_batch([pairs[i] for i in own], PAD, BOS, EOS)
    at = list(own).index(number)
    rows = {"source, src": src, "target, tgt_in": tgt_in, "target, labels": labels}
    stages: list[tuple[str, list[str]]] = [
        ("source, text", [text.source[number]]),
        ("source, pieces", tokenizer.tokens(pairs[number][0])),
        ("source, ids", [str(i) for i in pairs[number][0]]),
    ]
    stages += [(name, tokenizer.tokens(each[at].tolist())) for name, each in rows.items()]
    chosen = (groups[0], groups[len(groups) // 2], groups[-1])
    return {"stages": stages, "groups": [[lengths[i] for i in group] for group in chosen]}


@takes_arrays
def draw_summary(fig: Figure, *, stages: Sequence[tuple[str, Sequence[str]]], groups: Sequence[Lengths]) -> str:
    """Draw the way of one pair from text to a row of a batch, and three batches of like lengths.

    stages: by name what becomes of the pair, as cells; "<pad>" is padding. groups: lengths of the pairs of three
    batches, to be drawn below.
    """
    begin(fig, 11.8, 6.4)
    ax, below = fig.add_axes((0.0, 0.4, 1.0, 0.58)), fig.add_axes((0.13, 0.01, 0.86, 0.35))
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    width, told = max(len(cells) for _, cells in stages), []
    size = _size_for([cell for _, cells in stages for cell in cells if len(cells) > 1], width * 1.15)
    for i, (name, cells) in enumerate(stages):
        tint = SOURCE_TINT if name.startswith("source") else TARGET_TINT
        wide = width / len(cells) if len(cells) == 1 else 1.0
        for kind in (tint, PALE):
            boxes = [
                Rectangle((j * wide + 0.03, -i - 0.38), wide - 0.06, 0.76)
                for j, cell in enumerate(cells)
                if (cell == "<pad>") == (kind == PALE)
            ]
            ax.add_collection(PatchCollection(boxes, facecolor=kind, edgecolor="none"))
        places = [(j * wide + wide / 2, -i) for j in range(len(cells))]
        write(ax, list(cells), places, ha="center", va="center", fontsize=12.5 if len(cells) == 1 else size, color=INK)
        told.append(f"{name}: {' '.join(cells)}")
    names = [name for name, _ in stages]
    write(ax, names, [(-0.12, -i) for i in range(len(names))], ha="right", va="center", fontsize=11.5, color=INK)
    ax.set(xlim=(-0.15 * width, width), ylim=(-len(stages) + 0.4, 0.6))
    ax.set(xticks=[], yticks=[])
    ax.axis("off")
    shapes = _draw_blocks(below, groups)
    fig.text(0.115, 0.19, "buckets", ha="right", va="center", fontsize=11.5, color=INK)
    return f"From text to batches. {'; '.join(told)}. Buckets: {'; '.join(shapes)}."
