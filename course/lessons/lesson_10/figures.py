"""Drawing functions of lesson 10: smoothed targets, the schedule, the kept runs, and the whole in one picture.

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
    VALUE,
    VALUE_TEXT,
    WEIGHTS_TEXT,
    begin,
    plain,
    takes_arrays,
)
from course.lab.widgets.controls import Slider
from course.lessons.lesson_10.experiments import CALIBRATED, WHO, Run, best_of
from course.scoring import proportion_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]

EPSILONS = Slider((0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7), 4)
VOCABULARIES = Slider((5, 8, 12, 100, 1000, 10000, 37000), 1)
SHOWN = 12  # words of a vocabulary that are drawn
RIGHT = 3  # the word that should be said
WIDTHS = Slider((64, 128, 256, 512, 1024, 2048), 3)
WARMUPS = Slider((1, 100, 400, 1000, 2000, 4000, 8000, 16000), 3)
UPDATES = Slider((1, 10, 100, 500, 1000, 2000, 4000, 8000, 16000, 40000), 4)
LAST = 40000  # the last update that is drawn


# ---- Targets and the loss that they allow ----------------------------------------------------------------------


def entropy(shares: Array) -> float:
    """Return the entropy in nats of shares that add up to 1: the lowest cross-entropy that they allow."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum()) + 0.0


def smoothed_loss(shares: Array, right: int, p: Array) -> Array:
    """Return the cross-entropy of targets if the right word gets the probability p and the others share the rest.

    shares (V,): the targets. p (n,): between 0 and 1. The rest goes evenly to the words that have a share, or evenly to
    all others where no other has one.
    """
    others = np.flatnonzero(shares > 0)
    others = others[others != right]
    n = len(others) or len(shares) - 2
    rest = float(shares.sum() - shares[right])
    return -shares[right] * np.log(p) - rest * np.log((1 - p) / n)


@takes_arrays
def draw_targets(fig: Figure, *, smooth_labels: Callable[..., Any], epsilon: float, words: int) -> str:
    """Draw the targets of one place, and the loss against the probability that the model gives the right word.

    smooth_labels: (target (N,), V, pad, eps) -> (N, V), the function under study. words: V; padding is word 0.
    """
    import torch

    shares = np.asarray(smooth_labels(torch.tensor([RIGHT]), words, 0, epsilon).detach(), dtype=float)[0]
    floor, best = entropy(shares), float(shares[RIGHT])
    begin(fig, 11.5, 4.0)
    left, right = fig.add_axes((0.06, 0.15, 0.38, 0.7)), fig.add_axes((0.53, 0.15, 0.45, 0.7))
    _draw_shares(left, shares)
    curve = np.concatenate([np.linspace(0.01, 0.9, 90), 1 - np.geomspace(0.1, 1e-5, 60)[1:]])
    right.plot(curve, -np.log(curve), "--", color=GRAY, linewidth=1.5, label="without smoothing")
    right.plot(curve, smoothed_loss(shares, RIGHT, curve), color=WEIGHTS_TEXT, linewidth=2.2, label="with eps")
    right.axhline(floor, color=VALUE_TEXT, linewidth=1, linestyle=":")
    right.plot([min(best, curve[-1])], [floor], "o", color=VALUE, markeredgecolor=INK, markersize=11, zorder=4)
    right.set(xlim=(0, 1.03), ylim=(0, 6), xticks=[0, 0.25, 0.5, 0.75, 1])
    right.set_xlabel("probability that the model gives the right word", fontsize=11)
    right.set_ylabel("loss of this place, nats", fontsize=11)
    right.set_title(f"lowest at {best:.2f}, and there it is {floor:.2f}", fontsize=12, color=INK)
    right.legend(frameon=False, fontsize=11, loc="upper center")
    plain(right)
    each = float(np.median(np.delete(shares, [0, RIGHT])))
    return (
        f"Targets of {words} words with eps {epsilon:g}: the right word {best:.3f}, each other word {each:.2g}, "
        f"padding {shares[0]:.2g}. The loss is lowest, {floor:.2f} nats, where the model gives it {best:.2f}."
    )


def _draw_shares(ax: Axes, shares: Array) -> None:
    shown = shares[:SHOWN]
    colors = [GRAY, *[QUERY] * (len(shown) - 1)]
    colors[RIGHT] = VALUE
    ax.bar(range(len(shown)), shown, color=colors, width=0.8)
    ax.set(ylim=(0, 1.08), yticks=[0, 0.5, 1], xticks=range(len(shown)))
    names = ["pad", *map(str, range(1, len(shown)))]
    ax.set_xticks(range(len(shown)), names)
    more = f"the first {SHOWN} of {len(shares):,} words" if len(shares) > SHOWN else f"{len(shares)} words"
    ax.set_title(f"the target: word {RIGHT} is right ({more})", fontsize=12, color=INK)
    ax.set_ylabel("share", fontsize=11)
    plain(ax)


# ---- The schedule ----------------------------------------------------------------------------------------------


@takes_arrays
def draw_schedule(fig: Figure, *, noam: Callable[[int, int, int], float], width: int, warmup: int, step: int) -> str:
    """Draw the rate over 40,000 updates, as it is and with both axes logarithmic, and mark one update.

    noam: (step, d, warmup) -> rate, the function under study. The gray curve is that of the paper's sizes.
    """
    steps = np.unique(np.geomspace(1, LAST, 140).astype(int))
    rates, paper = (np.array([noam(int(n), d, w) for n in steps]) for d, w in ((width, warmup), (512, 4000)))
    here, peak, of_paper = (
        float(noam(*of)) for of in ((step, width, warmup), (warmup, width, warmup), (4000, 512, 4000))
    )
    begin(fig, 11.5, 4.0)
    left, right = fig.add_axes((0.06, 0.15, 0.42, 0.72)), fig.add_axes((0.57, 0.15, 0.4, 0.72))
    for ax, x, y in ((left, lambda n: n, lambda rate: 1000 * rate), (right, np.log10, np.log10)):
        ax.plot(x(steps), y(paper), color=GRAY, linewidth=1.5, label="paper: 512, 4000")
        ax.plot(x(steps), y(rates), color=WEIGHTS_TEXT, linewidth=2.4, label=f"{width}, {warmup}")
        ax.plot([x(step)], [y(here)], "o", color=KEY, markeredgecolor=INK, markersize=11, zorder=4)
        ax.set_xlabel("update", fontsize=11)
        plain(ax)
    left.set(xlim=(0, LAST), ylim=(0, 1120 * max(peak, of_paper)), xticks=[0, 10000, 20000, 30000, 40000])
    left.set_ylabel("rate, thousandths", fontsize=11)
    left.locator_params(axis="y", nbins=5)
    left.set_title(f"update {step:,}: rate {here:.2e}", fontsize=12, color=INK)
    right.set(xlim=(-0.1, 4.7), ylim=(-8, -0.5))
    right.set_xticks(range(5), ["1", "10", "100", "1,000", "10,000"])
    right.set_yticks(range(-8, 0, 2), ["1e-8", "1e-6", "1e-4", "0.01"])
    right.set_title(f"peak {peak:.2e} at update {warmup:,}", fontsize=12, color=INK)
    right.legend(frameon=False, fontsize=11, loc="lower right")
    return (
        f"Width {width} and warm-up {warmup}: the rate of update {step} is {here:.2e}, and the peak is {peak:.2e}, at "
        f"update {warmup}. With the paper's sizes the peak is {of_paper:.2e}, at update 4000."
    )


# ---- What was measured -----------------------------------------------------------------------------------------

STYLES = {"sgd": ("s", GRAY), "adamw": ("o", KEY_TEXT), "muon": ("D", QUERY)}
NAMES = {"sgd": "SGD", "adamw": "AdamW", "muon": "Muon"}


@takes_arrays
def draw_race(fig: Figure, *, runs: Mapping[str, Run]) -> str:
    """Draw the validation losses of the three optimizers, each with its best rate in front and the others pale."""
    begin(fig, 10.5, 3.9)
    ax = fig.add_axes((0.075, 0.15, 0.6, 0.8))
    parts = []
    for optimizer, (sign, color) in STYLES.items():
        best = best_of(runs, optimizer)
        others = [run for run in runs.values() if run.name.startswith(f"{optimizer}-") and run is not best]
        for run in others:
            ax.plot(*np.array(run.curve).T, color=color, linewidth=1, alpha=0.35)
        name = f"{NAMES[optimizer]}, rate {best.setting['lr']:g}"
        ax.plot(*np.array(best.curve).T, sign + "-", color=color, linewidth=2, markersize=5, label=name)
        parts.append(f"{name}: {best.curve[-1][1]:.2f}")
    ax.set(ylim=(0, 6.5), xlim=(0, None))
    ax.set_xlabel("updates", fontsize=11)
    ax.set_ylabel("validation loss, nats a word", fontsize=11)
    ax.legend(frameon=False, fontsize=12, loc="center left", bbox_to_anchor=(1.02, 0.5), title="best of its rates",
              title_fontsize=11, alignment="left")  # fmt: skip
    plain(ax)
    return f"Validation loss at the end, with the best of each optimizer's rates: {'; '.join(parts)}."


@takes_arrays
def draw_warmups(fig: Figure, *, runs: Mapping[str, Run]) -> str:
    """Draw validation losses with warm-up and without, at two rates."""
    begin(fig, 11.0, 3.6)
    parts = []
    for i, rate in enumerate((0.004, 0.016)):
        ax = fig.add_axes((0.075 + 0.48 * i, 0.16, 0.41, 0.72))
        for name, label, style, color in (
            (f"adamw-{rate:g}", "warm-up of 100", "o-", KEY_TEXT),
            (f"cold-{rate:g}", "none", "s--", QUERY),
        ):
            ax.plot(*np.array(runs[name].curve).T, style, color=color, linewidth=2, markersize=5, label=label)
            parts.append(f"rate {rate:g}, {label}: {runs[name].curve[-1][1]:.2f}")
        ax.set(ylim=(0, 6.5), xlim=(0, None))
        ax.set_title(f"AdamW, peak {rate:g}", fontsize=12, color=INK)
        ax.set_xlabel("updates", fontsize=11)
        ax.legend(frameon=False, fontsize=11)
        plain(ax)
    fig.axes[0].set_ylabel("validation loss, nats a word", fontsize=11)
    return f"Validation loss at the end: {'; '.join(parts)}."


@takes_arrays
def draw_reliability(fig: Figure, *, runs: Mapping[str, Run]) -> str:
    """Draw, for trainings on many and on few sentences, without smoothing and with it, how often guesses are right.

    A dot is a tenth of the probabilities, the larger the more guesses it holds; on the diagonal a model is as sure as
    it is right.
    """
    begin(fig, 12.0, 3.9)
    parts = []
    for i, (title, name) in enumerate(CALIBRATED.items()):
        run, ax = runs[name], fig.add_axes((0.06 + 0.24 * i, 0.15, 0.2, 0.62))
        n, sure, right = np.array([each for each in run.bins if each[0]]).T
        ax.plot([0, 1], [0, 1], color=PALE, linewidth=2, zorder=0)
        ax.vlines(sure, np.minimum(sure, right), np.maximum(sure, right), color=WEIGHTS_TEXT, linewidth=2)
        ax.scatter(sure, right, s=20 + 400 * n / n.sum(), color=VALUE, edgecolor=INK, zorder=3)
        ax.set(xlim=(0, 1.06), ylim=(0, 1.1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        ax.set_xlabel("how sure", fontsize=11)
        off = abs(run.overconfidence)
        said = "too sure" if run.overconfidence > 0 else "not sure enough"
        ax.set_title(f"{title}\nerror {run.calibration_error:.1f}: {off:.1f} {said}", fontsize=11, color=INK)
        plain(ax)
        parts.append(f"{title}: calibration error {run.calibration_error:.1f} points, {off:.1f} points {said}")
    fig.axes[0].set_ylabel("share that is right", fontsize=11)
    return f"How often guesses are right against how sure the model is. {'; '.join(parts)}."


@takes_arrays
def draw_exposure(fig: Figure, *, found: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw percent of words right by position, led by the reference and left alone, with 95 % intervals."""
    begin(fig, 11.0, 3.9)
    parts = []
    for i, (who, title) in enumerate(WHO.items()):
        ax = fig.add_axes((0.075 + 0.48 * i, 0.15, 0.41, 0.74))
        rows = np.array(found[who]["by position"])
        for column, label, color, sign in ((1, "led", VALUE_TEXT, "o-"), (2, "left alone", KEY_TEXT, "s-")):
            ends = np.array([proportion_interval(int(row[column]), int(row[0])) for row in rows])
            at = np.arange(1, len(rows) + 1)
            ax.fill_between(at, *ends.T, color=color, alpha=0.18, linewidth=0)
            ax.plot(at, 100 * rows[:, column] / rows[:, 0], sign, color=color, markersize=5, linewidth=1.8, label=label)
        ax.set(ylim=(0, 104), xlim=(0.5, len(rows) + 0.5), yticks=[0, 25, 50, 75, 100])
        ax.set_xlabel("position of the word", fontsize=11)
        ax.set_title(title, fontsize=12, color=INK)
        ax.legend(frameon=False, fontsize=11, loc="lower left")
        plain(ax)
        led, alone = 100 * rows[-1, 1:] / rows[-1, 0]
        parts.append(f"{title}: at position {len(rows)} {led:.0f} % led and {alone:.0f} % alone")
    fig.axes[0].set_ylabel("% of words right", fontsize=11)
    return f"Percent of words right by position. {'; '.join(parts)}."


# ---- The whole of it -------------------------------------------------------------------------------------------

STEPS = (
    ("shift", "given: all but the last\nasked: all but the first", "no shift: it copies"),
    ("one pass", "all places at once,\nled by the right words", "it never hears\nits own mistakes"),
    ("loss", "minus the logarithm of\nthe right word's share", "padding counts:\na fine loss for nothing"),
    ("smoothing", "the others share eps", "losses of two customs\ncompared"),
    ("backward", "gradients add up\nuntil they are cleared", "never cleared: yesterday's\ngradient in today's step"),
    ("divide", "by the words\nof the whole update", "a mean of means"),
    ("clip", "the length of all\ngradients together", "after the step:\ntoo late"),
    ("step", "AdamW or Muon, at the\nrate of the schedule", "no way up: fatal for\ndeep post-norm"),
)


@takes_arrays
def draw_summary(fig: Figure) -> str:
    """Draw an update as a ring of eight moves, with what goes wrong at each."""
    begin(fig, 12, 5.6)
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 12), ylim=(0, 5.6))
    ax.axis("off")
    places = [(1.55 + 2.97 * i, 4.2) for i in range(4)] + [(10.46 - 2.97 * i, 1.5) for i in range(4)]
    for (x, y), (name, does, fails) in zip(places, STEPS, strict=True):
        ax.text(x, y + 0.72, name, ha="center", va="center", fontsize=15, color=INK, weight="bold")
        ax.text(x, y + 0.18, does, ha="center", va="center", fontsize=10.5, color=INK)
        ax.text(x, y - 0.58, fails, ha="center", va="center", fontsize=10, color=KEY_TEXT, style="italic")
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": GRAY, "linewidth": 1.6, "mutation_scale": 15}
    for a, b in _arrows(places):
        ax.annotate("", b, a, arrowprops=arrow)
    parts = "; ".join(f"{name}: {does} (else {fails})".replace("\n", " ") for name, does, fails in STEPS)
    return f"An update as a ring of eight moves. {parts}."


def _arrows(places: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return from where to where the arrows go: along both rows, and down on the right and up on the left."""
    found = []
    for (x, y), (u, v) in zip(places, [*places[1:], places[0]], strict=True):
        if y == v:
            side = 0.62 if u > x else -0.62
            found.append(((x + side + side / 3, y + 0.72), (u - side - side / 3, v + 0.72)))
        elif y > v:
            found.append(((x, y - 1.05), (u, v + 1.05)))
        else:
            found.append(((x, y + 1.05), (u, v - 1.05)))
    return found
