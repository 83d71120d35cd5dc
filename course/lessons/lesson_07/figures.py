"""Drawing functions of lesson 07: what layer norm does, gradients by depth, the kept runs, and the whole.

They have the form ``draw_xxx(fig, **values) -> str`` of `course.lab.drawing.picture`, and their text states the numbers
that the picture shows.
"""

from __future__ import annotations

import functools
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
)
from course.lab.widgets.controls import Slider
from course.lessons.lesson_07.experiments import LABELS, LAYERS, LOOKED_AT, Run, gradients, named, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]
    Norm = Callable[..., Any]  # (x, gain, bias, eps) of tensors -> a tensor

SHAPE = np.array([0.9, -1.3, 0.2, 1.4, -0.4, -0.8])  # six numbers with mean 0; their spread is made 1
SHAPE = SHAPE / SHAPE.std()
_STEPS = tuple(float(f"{10.0**k:.3g}") for k in np.arange(-4, 2.01, 0.25))
SIZES = Slider(_STEPS, _STEPS.index(1.0))
EPSILONS = Slider((1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0), 3)


# ---- Layer norm --------------------------------------------------------------------------------------------------


@takes_arrays
def draw_layer_norm(fig: Figure, *, layer_norm: Norm, size: float, level: float, eps: float, gain: float) -> str:
    """Draw a vector of six numbers, what layer norm makes of it, and how large the result is for every size."""
    x = level + size * SHAPE
    y = _normed(layer_norm, x, eps, gain)
    mean = round(float(y.mean()), 2) + 0.0  # no "-0.00"
    begin(fig, 11.5, 3.6)
    left, middle, right = (
        fig.add_axes((at, 0.16, wide, 0.66)) for at, wide in ((0.06, 0.25), (0.38, 0.25), (0.71, 0.27))
    )
    _bars(left, x, KEY)
    far = max(abs(x).max() * 1.15, 1e-12)
    left.set(ylim=(-far, far))
    left.set_title(f"x: mean {x.mean():.3g}, spread {x.std():.3g}", fontsize=12, color=INK, y=1.02)
    _bars(middle, y, VALUE)
    middle.set(ylim=(-4.2, 4.2), yticks=[-4, -2, 0, 2, 4])
    middle.set_title(f"result: mean {mean:.2f}, spread {y.std():.2f}", fontsize=12, color=INK, y=1.02)
    _spreads(right, layer_norm, size, level, eps, gain, float(y.std()))
    return (
        f"A vector of six numbers with mean {x.mean():.3g} and spread {x.std():.3g}. Layer norm with eps {eps:g} and "
        f"gain {gain:g} makes its mean {mean:.2f} and its spread {y.std():.2f}; the spread is half of the gain where "
        f"that of x is about {np.sqrt(eps / 3):.2g}."
    )


def _normed(layer_norm: Norm, x: Array, eps: float, gain: float) -> Array:
    """Run layer norm of tensors on an array, with one gain for all columns and no bias."""
    import torch

    d = x.shape[-1]
    y = layer_norm(torch.from_numpy(x), torch.full((d,), gain).double(), torch.zeros(d).double(), eps)
    return np.asarray(y.detach().numpy())


def _bars(ax: Axes, numbers: Array, color: str) -> None:
    ax.bar(range(len(numbers)), numbers, width=0.7, color=color)
    ax.axhline(0, color=GRAY, linewidth=1)
    ax.set(xlim=(-0.6, len(numbers) - 0.4), xticks=[])
    ax.locator_params(axis="y", nbins=5)
    plain(ax)


def _spreads(ax: Axes, layer_norm: Norm, size: float, level: float, eps: float, gain: float, spread: float) -> None:
    sizes = np.array(SIZES.stops)
    found = _normed(layer_norm, level + sizes[:, None] * SHAPE, eps, gain).std(axis=-1)
    ax.semilogx(sizes, found, color=VALUE_TEXT, linewidth=2)
    ax.semilogx([size], [spread], "o", color=VALUE, markeredgecolor=INK, markersize=11, zorder=3)
    ax.set(ylim=(-0.1, 2.2), yticks=[0, 1, 2], xticks=[1e-4, 1e-2, 1, 100])
    ax.minorticks_off()
    ax.set_xlabel("size of x", fontsize=11, color=INK)
    ax.set_title("spread of the result, for every size", fontsize=12, color=INK, y=1.02)
    plain(ax)


# ---- Gradients by depth ------------------------------------------------------------------------------------------

FLOOR, CEILING = 1e-30, 1e6  # of the axis; what is smaller is drawn at its bottom


@takes_arrays
def draw_depth(
    fig: Figure, *, stack: Callable[..., Any], make: Callable[[str], Any], width: int, placement: str, depth: int,
    size_of_weights: float, others: Sequence[str] = ("post-norm", "pre-norm"),
) -> str:  # fmt: skip
    """Draw how large the gradient of each layer of a fresh stack is, for one placement and, in gray, for others."""
    begin(fig, 11.0, 4.2)
    ax = fig.add_axes((0.085, 0.14, 0.7, 0.74))
    layers = np.arange(1, depth + 1)
    ends = {}
    for each in [*(other for other in others if other != placement), placement]:
        sizes = np.array(_gradients(stack, make, width, each, depth, size_of_weights))
        mine = each == placement
        ax.semilogy(
            layers, np.clip(sizes, FLOOR, CEILING), "o-", color=QUERY if mine else PALE, markersize=6 if mine else 3,
            linewidth=2 if mine else 1.2, zorder=3 if mine else 2,
        )  # fmt: skip
        ends[each] = sizes
    low = min(0.1, *(float(sizes.min()) for sizes in ends.values()))
    high = max(10.0, *(float(sizes.max()) for sizes in ends.values()))
    ax.set(xlim=(0.5, max(depth, 2) + 0.5), ylim=(max(FLOOR, low) / 2, min(CEILING, high) * 2))
    ax.minorticks_off()
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("layer, from the bottom to the top", fontsize=11, color=INK)
    ax.set_ylabel("size of its gradient", fontsize=11, color=INK)
    plain(ax)
    sizes = ends[placement]
    said = f"{placement}: layer 1 gets {short(sizes[0])}, layer {depth} gets {short(sizes[-1])}"
    ax.set_title(said, fontsize=13, color=QUERY, y=1.02)
    _legend(fig, ends, placement)
    rest = "; ".join(
        f"{each} {short(found[0])} and {short(found[-1])}" for each, found in ends.items() if each != placement
    )
    return f"{depth} layers, weights times {size_of_weights:g}. {said}. The others, bottom and top: {rest}."


def _legend(fig: Figure, ends: Mapping[str, Array], placement: str) -> None:
    fig.text(0.81, 0.83, "layer 1", fontsize=11, color=INK, weight="bold")
    for i, (each, sizes) in enumerate(sorted(ends.items(), key=lambda item: -item[1][0])):
        color = QUERY if each == placement else GRAY
        fig.text(0.81, 0.75 - 0.09 * i, f"{each}  {short(sizes[0])}", fontsize=11, color=color)


@functools.lru_cache(maxsize=2048)
def _gradients(
    stack: Callable[..., Any], make: Callable[[str], Any], width: int, placement: str, depth: int, weights: float
) -> tuple[float, ...]:
    return tuple(gradients(stack, lambda: make(placement), width, depth=depth, weights=weights))


# ---- What was measured -------------------------------------------------------------------------------------------

STYLES = {"post_warm": KEY_TEXT, "post_cold": "#000000", "pre_cold": QUERY}

SHADES = ("#C4C4C4", "#8F8F8F", "#5A5A5A", "#000000")  # of the updates, earliest first


@takes_arrays
def draw_losses(fig: Figure, *, runs: Sequence[Run]) -> str:
    """Draw the training loss of every kept run against its updates."""
    begin(fig, 10.5, 3.9)
    ax = fig.add_axes((0.07, 0.15, 0.6, 0.78))
    parts = []
    for name, label in LABELS.items():
        for n, run in enumerate(named(runs, name)):
            steps, losses = np.array(run.losses).T
            ax.plot(steps, losses, color=STYLES[name], linewidth=1.8, linestyle="-" if n == 0 else "--")
            parts.append(f"{label}, seed {run.seed}: from {losses[0]:.1f} to {losses[-1]:.2f}")
        ax.plot([], [], color=STYLES[name], linewidth=1.8, label=label)
    ax.set(xlim=(0, max(run.steps for run in runs)), ylim=(0, 8))
    ax.set_xlabel("update", fontsize=11, color=INK)
    ax.set_ylabel("training loss, nats a piece", fontsize=11, color=INK)
    ax.legend(frameon=False, fontsize=12, loc="center left", bbox_to_anchor=(1.02, 0.5))
    plain(ax)
    return f"Training loss by update. {'; '.join(parts)}."


@takes_arrays
def draw_first_updates(fig: Figure, *, runs: Sequence[Run], seed: int = 1) -> str:
    """Draw the gradient of each of the 12 layers at some updates, a panel for each run of a seed."""
    begin(fig, 12.0, 3.9)
    chosen = [run for run in runs if run.seed == seed]
    parts = []
    for i, run in enumerate(chosen):
        ax = fig.add_axes((0.07 + 0.315 * i, 0.2, 0.28, 0.64))
        for j, update in enumerate(LOOKED_AT):
            sizes = np.array(run.gradients[str(update)])
            ax.semilogy(
                range(1, 2 * LAYERS + 1), np.maximum(sizes, 1e-7), "o-", color=SHADES[j], markersize=4, label=update
            )
            a, b, c, d = (two_digits(sizes[at]) for at in (0, LAYERS - 1, LAYERS, -1))
            parts.append(f"{LABELS[run.name]}, update {update}: encoder {a} and {b}, decoder {c} and {d}")
        ax.axvline(LAYERS + 0.5, color=PALE, linewidth=1)
        ax.set(ylim=(1e-7, 30), xticks=[1, 6, 7, 12])
        ax.set_xticklabels(["1", "6", "1", "6"])
        ax.set_title(LABELS[run.name], fontsize=12, color=STYLES[run.name])
        ax.set_xlabel("encoder        decoder", fontsize=10, color=INK)
        ax.minorticks_off()
        plain(ax)
        if i:
            ax.set_yticklabels([])
        else:
            ax.set_ylabel("size of the layer's gradient", fontsize=11, color=INK)
            ax.legend(frameon=False, fontsize=9, loc="lower left", title="update", title_fontsize=9, ncols=2)
    return f"Gradient of the lowest and of the highest layer of encoder and decoder. {'; '.join(parts)}."


def two_digits(size: float) -> str:
    """Return a size with two digits, without a power of ten: 0.000012."""
    return np.format_float_positional(float(f"{size:.1e}"), trim="-")


# ---- The whole of it ---------------------------------------------------------------------------------------------

BOXES = {  # from the bottom to the top: boxes on the path, boxes beside it
    "pre-norm": (("", "norm", "attention"), ("", "norm", "feed-forward")),
    "post-norm": (("norm", "", "attention"), ("norm", "", "feed-forward")),
}
SAID = {
    "pre-norm": ("nothing on the path", "the stream grows; one last norm on top"),
    "post-norm": ("every sum is normed", "the stream has one size all the way"),
}


@takes_arrays
def draw_summary(fig: Figure, *, gradients: Mapping[str, Sequence[float]]) -> str:
    """Draw a layer in both forms, and what arrives at the layers of a deep stack.

    gradients: by placement the size of each layer's gradient, from the bottom to the top.
    """
    begin(fig, 12, 5.2)
    for i, (form, sublayers) in enumerate(BOXES.items()):
        ax = fig.add_axes((0.01 + 0.3 * i, 0.02, 0.29, 0.9))
        ax.set(xlim=(0, 10), ylim=(0, 14.5), xticks=[], yticks=[])
        ax.axis("off")
        ax.set_title(form, fontsize=15, color=INK, weight="bold")
        _draw_layer(ax, sublayers)
        for j, line in enumerate(SAID[form]):
            ax.text(5, 0.75 - 0.8 * j + 0.3, line, ha="center", va="center", fontsize=10.5, color=GRAY)
    parts = []
    upper, lower = fig.add_axes((0.67, 0.6, 0.31, 0.29)), fig.add_axes((0.67, 0.13, 0.31, 0.3))
    for (placement, sizes), color in zip(gradients.items(), (GRAY, WEIGHTS_TEXT, KEY_TEXT, QUERY), strict=False):
        layers = range(1, len(sizes) + 1)
        upper.semilogy(layers, sizes, color=color, linewidth=2, label=placement)
        if placement != "nothing":
            lower.plot(layers, sizes, color=color, linewidth=2)
        parts.append(f"{placement} {short(sizes[0])} at the bottom and {short(sizes[-1])} at the top")
    upper.set_title("the gradient of each layer", fontsize=13, color=INK, weight="bold")
    upper.legend(frameon=False, fontsize=10, loc="lower right", ncols=2)
    upper.minorticks_off()
    lower.set(ylim=(0, None))
    lower.set_title("the same, without the first", fontsize=11, color=INK)
    lower.set_xlabel("layer, from the bottom to the top", fontsize=11, color=INK)
    for ax in (upper, lower):
        ax.set(xlim=(0.5, len(layers) + 0.5))
        plain(ax)
    return (
        "One layer in both forms. Pre-norm: norm, attention, added to the stream; norm, feed-forward, added; nothing "
        "on the path. Post-norm: attention, added, the sum normed; feed-forward, added, the sum normed. Gradients of "
        f"{len(next(iter(gradients.values())))} layers: {'; '.join(parts)}."
    )


def _draw_layer(ax: Axes, sublayers: Sequence[tuple[str, str, str]]) -> None:
    """Two sublayers, one above the other: the stream on the left, what is added on the right."""
    x, beside = 2.6, 6.9
    ax.plot([x, x], [1.7, 14.3], color=QUERY, linewidth=5, solid_capstyle="butt", zorder=1)
    for i, (on_path, first, sublayer) in enumerate(sublayers):
        low = 2.2 + 6.1 * i
        ax.plot([x, beside, beside, x], [low, low, low + 4.1, low + 4.1], color=INK, linewidth=1.5, zorder=1)
        if first:
            _box(ax, beside, low + 1.1, first, PALE)
        _box(ax, beside, low + (2.8 if first else 2.0), sublayer, KEY if sublayer == "attention" else VALUE)
        ax.plot([x], [low + 4.1], "o", color="white", markeredgecolor=INK, markersize=17, zorder=3)
        ax.text(x, low + 4.05, "+", ha="center", va="center", fontsize=15, color=INK, zorder=4)
        if on_path:
            _box(ax, x, low + 5.2, on_path, PALE)


def _box(ax: Axes, x: float, y: float, word: str, color: str) -> None:
    style: dict[str, Any] = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": INK, "linewidth": 1}
    ink = "white" if color == VALUE else INK
    ax.text(x, y, word, ha="center", va="center", fontsize=11.5, color=ink, bbox=style, zorder=5)
