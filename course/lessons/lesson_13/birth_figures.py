"""Drawing functions for the kept training of lesson 13: a map, the alignment errors and the sentences of a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY_TEXT,
    PALE,
    QUERY,
    VALUE_TEXT,
    WEIGHTS_TEXT,
    Markup,
    begin,
    plain,
    rows_table,
    shades,
    write,
)
from course.lessons.lesson_13.birth import Birth, Mapped, Moment, read_birth
from course.scoring import proportion_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]

LAYERS = (QUERY, KEY_TEXT)  # the colors of the two layers
TOLD = 118  # letters of a translation that are shown


def draw_birth(
    fig: Figure, *, checkpoint: int, sentence: int = 0, layer: int | None = None, head: int | None = None
) -> str:
    """Draw one moment of the kept training: a map with the gold links framed, all alignment errors, four sentences.

    checkpoint: which moment, from 0. sentence: which of the four has its map drawn. layer, head: whose map; by default
    the head that ends with the smallest alignment error.
    """
    birth = read_birth()
    moment, mapped = birth.moments[checkpoint], birth.sentences[sentence]
    best = birth.best_head()
    layer, head = (best[0] if layer is None else layer), (best[1] if head is None else head)
    begin(fig, 11.5, 6.8)
    left, right = fig.add_axes((0.12, 0.37, 0.36, 0.47)), fig.add_axes((0.56, 0.37, 0.42, 0.54))
    _map(left, moment.maps[sentence][layer, head], mapped)
    left.set_xlabel(f"where layer {layer + 1}, head {head + 1} looks; frames: gold links", fontsize=12, color=INK)
    _curves(right, birth, checkpoint, layer, head)
    lines = [f"After {moment.step:,} updates the model writes:"]
    lines += [_shortened(f"{each.text} → {said}") for each, said in zip(birth.sentences, moment.said, strict=True)]
    at = [(0.02, 0.225 - 0.05 * i) for i in range(len(lines))]
    write(right, lines, at, fontsize=12, color=INK, transform=fig.transFigure)
    return _told(birth, moment, mapped, moment.maps[sentence][layer, head], layer, head)


def _shortened(line: str) -> str:
    return line if len(line) <= TOLD else f"{line[:TOLD]} …"


def _map(ax: Axes, weights: Array, mapped: Mapped) -> None:
    """Target words down, source words across; the last column is the end of the source."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ax.imshow(weights, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, aspect="auto")
    frames = [Rectangle((i - 0.5, j - 0.5), 1, 1) for i, j in mapped.gold]
    ax.add_collection(PatchCollection(frames, facecolor="none", edgecolor=INK, linewidth=1.8))
    ax.set_xticks(range(len(mapped.source) + 1), [*mapped.source, "end"], rotation=90, fontsize=11)
    ax.set_yticks([])
    at = [(-0.7, j) for j in range(len(mapped.target))]
    write(ax, mapped.target, at, ha="right", va="center", fontsize=11, color=INK)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for side in ax.spines.values():
        side.set_color(PALE)


def _curves(ax: Axes, birth: Birth, checkpoint: int, layer: int, head: int) -> None:
    """Alignment errors of all heads, and the share of sentences translated exactly, over the updates."""
    steps = [moment.step for moment in birth.moments]
    errors = np.array([moment.errors[:, :-1, 0] for moment in birth.moments])  # (moments, L, H)
    for i in range(errors.shape[1]):
        for h in range(errors.shape[2]):
            chosen = (i, h) == (layer, head)
            ax.plot(steps, errors[:, i, h], color=LAYERS[i % 2], linewidth=3 if chosen else 1.1)
    exact = [moment.exact[0] / moment.exact[1] for moment in birth.moments]
    ax.plot(steps, exact, color=VALUE_TEXT, linewidth=2, linestyle="--")
    here = birth.moments[checkpoint].step
    ax.axvline(here, color=GRAY, linewidth=1.2)
    ax.plot(
        [here],
        [errors[checkpoint, layer, head]],
        "o",
        color=LAYERS[layer % 2],
        markeredgecolor=INK,
        markersize=10,
        clip_on=False,
    )
    ax.axhline(birth.diagonal, color=GRAY, linewidth=1.2, linestyle=":")
    ax.set(xlim=(-0.01 * steps[-1], 1.01 * steps[-1]), ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1])
    ax.set_xlabel("updates", fontsize=11)
    ax.set_title(
        f"update {here:,}: alignment error of this head {errors[checkpoint, layer, head]:.2f}", fontsize=12, color=INK
    )
    plain(ax)
    named = (("errors of layer 1", (0.5, 0.9), LAYERS[0]), ("errors of layer 2", (0.5, 0.08), LAYERS[1]),
             ("sentences exact", (0.27, 0.62), VALUE_TEXT), ("error of the diagonal", (0.68, 0.49), GRAY))  # fmt: skip
    for name, place, color in named:
        write(ax, [name], [place], color=color, fontsize=11, transform=ax.transAxes)


def _told(birth: Birth, moment: Moment, mapped: Mapped, weights: Array, layer: int, head: int) -> str:
    looked = [(*mapped.source, "the end")[int(row.argmax())] for row in weights]
    looks = ", ".join(f"{word} at {at} {row.max():.2f}" for word, at, row in zip(mapped.target, looked, weights,
                                                                                 strict=True))  # fmt: skip
    rate, low, high = moment.errors[layer, head]
    best = moment.errors[:, :-1, 0].min()
    said = " ".join(f'"{each.text}" becomes "{text}".' for each, text in zip(birth.sentences, moment.said, strict=True))
    return (
        f"After {moment.step} updates: validation loss {moment.loss:.2f}, with another pair's source "
        f"{moment.other_loss:.2f}; {moment.exact[0]} of {moment.exact[1]} sentences exact. Alignment error of layer "
        f"{layer + 1}, head {head + 1}: {rate:.2f} ({low:.2f} to {high:.2f}); the best head's {best:.2f}, the "
        f"diagonal's {birth.diagonal:.2f}. This head looks: {looks}. {said}"
    )


def birth_table(moments: tuple[int, ...] = (0, 3, 6, 8, 10, 13, 15, 17, 21, 25, 29)) -> Markup:
    """Losses, exact sentences and the best head's alignment error at some moments, with 95 % intervals."""
    birth, rows = read_birth(), []
    for at in moments:
        moment = birth.moments[at]
        layer, head = birth.best_head(at)
        rate, low, high = moment.errors[layer, head]
        exact, of = moment.exact
        ends = proportion_interval(exact, of)
        rows.append((
            f"{moment.step:,}", f"{moment.loss:.2f}", f"{moment.other_loss:.2f}",
            f"{100 * exact / of:.1f} ({ends[0]:.1f} to {ends[1]:.1f})", f"{rate:.3f} ({low:.3f} to {high:.3f})",
            f"{layer + 1}, {head + 1}",
        ))  # fmt: skip
    head_words = ("updates", "loss", "loss, another's source", "% exact", "alignment error, best head", "layer, head")
    return rows_table(head_words, rows, f"{birth.about['pairs']} pairs of dev; 95 % intervals in brackets")
