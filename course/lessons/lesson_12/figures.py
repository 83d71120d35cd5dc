"""Drawing functions for scores: accuracy by split and by phenomenon, alignments, ablations.

They have the forms of `course.lab.drawing.picture`: ``draw_xxx(fig, **values) -> str`` clears the figure, sets its
size, draws, and returns the alternative text with the numbers that the picture shows; ``draw_xxx(**values) -> Markup``
returns a drawing of lines and words as SVG, with such a text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from course.errors import CourseError
from course.lab.drawing import (
    GRAY,
    INK,
    KEY_TEXT,
    PALE,
    QUERY,
    VALUE,
    WEIGHTS,
    Markup,
    begin,
    plain,
    takes_arrays,
    write,
)
from course.lab.drawing.svg import line, room_of, svg_image, words_at
from course.scoring import proportion_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course.alignment import WordAttention

Links = Collection[tuple[int, int]]
Records = Sequence[Mapping[str, Any]]

CONTRASTS = (QUERY, KEY_TEXT, VALUE, WEIGHTS, "#56B4E9", "#B8860B", "#000000", GRAY)  # curves, in this order
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))


class SplitFigures(Protocol):
    """What `draw_accuracy_by_split` reads of `course.evaluation.SplitScore`."""

    @property
    def split(self) -> str:
        """The name of the split."""

    @property
    def sentences(self) -> int:
        """How many were translated."""

    @property
    def exact_match(self) -> float:
        """Percent exactly right."""

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""


# ---- Accuracy with intervals ---------------------------------------------------------------------------


def _percent_axis(ax: Axes, rows: int) -> None:
    """Prepare horizontal rows over 0 to 100 percent, the first row on top."""
    ax.set(xlim=(-1, 101), ylim=(rows - 0.4, -0.6), xticks=range(0, 101, 20), yticks=[])
    ax.set_xlabel("percent exactly right", fontsize=11)
    ax.grid(visible=True, axis="x", color="0.9")
    ax.set_axisbelow(True)
    plain(ax)
    ax.spines["left"].set_visible(False)


def _interval_row(ax: Axes, row: int, value: float, interval: tuple[float, float], color: str) -> None:
    """Draw a value as a dot and its interval as a line with ends."""
    low, high = interval
    ax.hlines(row, low, high, color=color, linewidth=2.5)
    ax.vlines([low, high], row - 0.16, row + 0.16, color=color, linewidth=2.5)
    ax.plot([value], [row], "o", color=color, markeredgecolor="white", markersize=9)


def _row_labels(ax: Axes, row: int, left: str, right: str) -> None:
    ax.annotate(left, (0, row), (-10, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", va="center", fontsize=11, color=INK)  # fmt: skip
    ax.annotate(right, (1, row), (10, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="left", va="center", fontsize=10, color="0.3")  # fmt: skip


@takes_arrays
def draw_accuracy_by_split(fig: Figure, *, scores: Sequence[SplitFigures]) -> str:
    """Draw percent exactly right on each split with its 95 % interval, in the order given.

    Raises CourseError where there is no score.
    """
    if not scores:
        raise CourseError("There is no score to draw; give at least one split.")
    high = 0.9 + 0.36 * len(scores)
    begin(fig, 10, high)
    ax = fig.add_axes((0.13, 0.56 / high, 0.60, 0.36 * len(scores) / high))
    _percent_axis(ax, len(scores))
    parts = []
    for row, s in enumerate(scores):
        _interval_row(ax, row, s.exact_match, s.interval, QUERY)
        span = f"{s.interval[0]:.1f} to {s.interval[1]:.1f}"
        _row_labels(ax, row, s.split, f"{s.exact_match:.1f} % ({span}), n = {s.sentences:,}")
        parts.append(f"{s.split} {s.exact_match:.1f} % ({span}, {s.sentences:,} sentences)")
    return f"Percent exactly right on each split, with 95 % intervals: {'; '.join(parts)}."


@takes_arrays
def draw_errors_by_phenomenon(fig: Figure, *, names: Sequence[str], accuracy: np.ndarray, counts: np.ndarray) -> str:
    """Draw for each construction how many of its sentences were exactly right, the worst on top, with 95 % intervals.

    accuracy: (C,) shares, nan where a construction does not occur (such a one is left out); counts: (C,) sentences.
    Raises CourseError where the sizes differ, or no construction occurs.
    """
    if not len(names) == len(accuracy) == len(counts):
        raise CourseError(
            f"There are {len(names)} names, {len(accuracy)} shares and {len(counts)} counts; give equally many."
        )
    rows = sorted((i for i in range(len(names)) if counts[i]), key=lambda i: (accuracy[i], names[i]))
    if not rows:
        raise CourseError("None of the constructions occurs, so there is nothing to draw.")
    high = 0.9 + 0.29 * len(rows)
    begin(fig, 10, high)
    ax = fig.add_axes((0.17, 0.56 / high, 0.60, 0.29 * len(rows) / high))
    _percent_axis(ax, len(rows))
    parts = []
    for row, i in enumerate(rows):
        percent, n = 100 * float(accuracy[i]), int(counts[i])
        _interval_row(ax, row, percent, proportion_interval(round(accuracy[i] * n), n), KEY_TEXT)
        _row_labels(ax, row, names[i].replace("_", " "), f"{percent:.1f} % of {n:,}")
        parts.append(f"{names[i].replace('_', ' ')} {percent:.1f} % of {n:,}")
    return f"Percent of sentences exactly right by construction, the worst first: {'; '.join(parts)}."


# ---- Alignments ----------------------------------------------------------------------------------------

LETTERS, GAP, EDGE = 15.0, 13.0, 12.0  # pixels: the size of letters, the gap between words, the margin
UPPER, LOWER, HEADER = 24.0, 106.0, 34.0  # baselines of the two rows, and what a title takes above them


def _places(words: Sequence[str]) -> tuple[list[float], float]:
    """Middles of words set side by side, in pixels from the left, and the width of the row."""
    middles, x = [], 0.0
    for word in words:
        wide = max(room_of(word, LETTERS), 12)
        middles.append(x + wide / 2)
        x += wide + GAP
    return middles, x - GAP


@takes_arrays
def draw_alignment(
    *,
    source: Sequence[str],
    target: Sequence[str],
    gold: Links,
    links: Links | None = None,
    title: str = "",
) -> Markup:
    """Draw which words translate each other: thin gray lines for gold, and thick ones for a model's links.

    gold, links: pairs (i, j) of source word i and target word j. A link that is gold is a full blue line, one that is
    not is an orange dashed line with a cross, so that the two differ without their colors. None draws gold alone.
    Raises CourseError for a link that leaves the sentence.
    """
    _check_links(source, target, gold, links or ())
    (above, wide_above), (below, wide_below) = _places(source), _places(target)
    legend = _link_legend() if links is not None else []
    widest = max(wide_above, wide_below, room_of(title, LETTERS) * 1.1 + sum(wide for wide, _ in legend))
    headed = HEADER if title or legend else 0.0
    tops = [EDGE + (widest - wide_above) / 2 + x for x in above]
    bottoms = [EDGE + (widest - wide_below) / 2 + x for x in below]
    body = _header(title, legend, EDGE + widest) if headed else []
    start, end = headed + UPPER + 6, headed + LOWER - LETTERS - 1
    for i, j in sorted(links or ()):
        body += _link((tops[i], start), (bottoms[j], end), right=(i, j) in set(gold))
    body += [line((tops[i], start), (bottoms[j], end), GRAY, 1.3) for i, j in sorted(gold)]
    for words, places, y, color in ((source, tops, UPPER, KEY_TEXT), (target, bottoms, LOWER, QUERY)):
        body += [words_at(word, x, headed + y, LETTERS, color=color) for word, x in zip(words, places, strict=True)]
    alt = _alignment_in_words(source, target, gold, links, title)
    name = title or "Which words translate each other"
    return Markup(svg_image(widest + 2 * EDGE, headed + LOWER + 10, "".join(body), title=name, alt=alt), alt)


def _check_links(source: Sequence[str], target: Sequence[str], *all_links: Links) -> None:
    for links in all_links:
        for i, j in links:
            if not (0 <= i < len(source) and 0 <= j < len(target)):
                raise CourseError(
                    f"The link ({i}, {j}) leaves the sentences of {len(source)} and {len(target)} words; count from 0."
                )


def _link(start: tuple[float, float], end: tuple[float, float], *, right: bool) -> list[str]:
    """A link of the model's: a full blue line, or an orange dashed one with a cross."""
    if right:
        return [line(start, end, QUERY, 5, faint=0.65)]
    x, y = ((a + b) / 2 for a, b in zip(start, end, strict=True))
    cross = [line((x - 5, y - 5 * up), (x + 5, y + 5 * up), KEY_TEXT, 3) for up in (1, -1)]
    return [line(start, end, KEY_TEXT, 5, dashes="12 6", faint=0.65), *cross]


def _link_legend() -> list[tuple[float, str]]:
    """What each kind of line is: the room that its entry takes, and its name; the first is gold."""
    return [(72 + room_of(name, 13), name) for name in ("gold", "model, right", "model, wrong")]


def _header(title: str, legend: Sequence[tuple[float, str]], right: float) -> list[str]:
    """The title at the left, the legend at the right end of a line above the words."""
    body = [words_at(title, EDGE, UPPER - 3, LETTERS, anchor="start", bold=True)]
    x, y = right - sum(wide for wide, _ in legend), UPPER - 8
    for wide, name in legend:
        start, end = (x + 24, y), (x + 58, y)
        body += [line(start, end, GRAY, 1.3)] if name == "gold" else _link(start, end, right=name.endswith("right"))
        body.append(words_at(name, x + 64, y + 5, 13, anchor="start"))
        x += wide
    return body


def _alignment_in_words(
    source: Sequence[str], target: Sequence[str], gold: Links, links: Links | None, title: str
) -> str:
    def named(some: Links) -> str:
        return ", ".join(f"{source[i]} – {target[j]}" for i, j in sorted(some)) or "none"

    start = f"{title}. " if title else ""
    pair = f"{start}“{' '.join(source)}” above “{' '.join(target)}”."
    if links is None:
        return f"{pair} Gold links: {named(gold)}."
    good, bad, missed = set(links) & set(gold), set(links) - set(gold), set(gold) - set(links)
    return (
        f"{pair} {len(good)} of {len(links)} of the model's links are gold; wrong: {named(bad)}; "
        f"gold links that it lacks: {named(missed)}."
    )


@takes_arrays
def draw_links_of_a_head(
    *,
    examples: Mapping[str, tuple[WordAttention, Links]],
    sentence: str,
    layer: int,
    head: str,
) -> Markup:
    """Draw where one decoder layer looks, as links against gold; `layer` counts from 1.

    examples: by sentence the attention between its words, and its gold links. head: "mean" or a number from 1, as text.
    Raises CourseError for a layer or head that there is not.
    """
    attention, gold = examples[sentence]
    n_layers, n_heads = attention.weights.shape[:2]
    if not 1 <= layer <= n_layers or not (head == "mean" or 1 <= int(head) <= n_heads):
        raise CourseError(
            f"There is no layer {layer} with head {head}: the model has {n_layers} layers of {n_heads} heads."
        )
    links = attention.links(layer - 1, None if head == "mean" else int(head) - 1)
    right = len(set(links) & set(gold))
    error = 1 - 2 * right / max(1, len(links) + len(gold))
    which = "mean of the heads" if head == "mean" else f"head {head}"
    title = f"layer {layer}, {which}: alignment error {error:.2f}"
    return draw_alignment(source=attention.source, target=attention.target, gold=gold, links=links, title=title)


# ---- Ablations -----------------------------------------------------------------------------------------


@takes_arrays
def draw_ablations(
    fig: Figure, *, labels: Sequence[str], scores: Mapping[str, Sequence[tuple[float, tuple[float, float]]]]
) -> str:
    """Draw percent exactly right with 95 % intervals: a row for each ablation, a column of axes for each split.

    scores: by split, for each label its percentage and interval. The first row's value is drawn through all rows.
    Raises CourseError where a split has not one score for each label.
    """
    for split, column in scores.items():
        if len(column) != len(labels):
            raise CourseError(f"{split} has {len(column)} scores for {len(labels)} rows; give one for each.")
    high = 1.2 + 0.32 * len(labels)
    begin(fig, 12, high)
    parts = []
    left, room = 0.215, 0.775 / len(scores)
    for place, (split, column) in enumerate(scores.items()):
        ax = fig.add_axes((left + place * room, 0.6 / high, room - 0.02, 0.32 * len(labels) / high))
        _percent_axis(ax, len(labels))
        ax.set_xlabel("")
        ax.set_xticks([0, 50, 100])
        ax.axvline(column[0][0], color=PALE, linewidth=5, zorder=0)
        for row, (value, interval) in enumerate(column):
            _interval_row(ax, row, value, interval, QUERY if row == 0 else KEY_TEXT)
            if not place:
                ax.annotate(labels[row], (0, row), (-10, 0), xycoords=("axes fraction", "data"), ha="right",
                            textcoords="offset points", va="center", fontsize=11, color=INK)  # fmt: skip
        ax.set_title(split, fontsize=11, color=INK)
        told = ", ".join(f"{label} {value:.1f}" for label, (value, _) in zip(labels, column, strict=True))
        parts.append(f"{split}: {told}")
    fig.text(left + 0.385, 0.1 / high, "percent exactly right", ha="center", fontsize=11, color=INK)
    return f"Percent exactly right after one change at a time. {'; '.join(parts)}."


@takes_arrays
def draw_ablation_race(
    fig: Figure, *, runs: Mapping[str, Records], scored: Mapping[str, float], part: int, show: str = "all"
) -> str:
    """Draw the training losses of several runs, up to `part` percent of each, beside what they score at their end.

    runs: by label the records of a log; scored: by label the percentage exactly right at the end, which is shown when
    `part` is 100. show: "all", or one label whose curve stands out.
    Raises CourseError where a run has no loss.
    """
    begin(fig, 11.5, 4.2)
    ax, bars = fig.add_axes((0.065, 0.13, 0.475, 0.82)), fig.add_axes((0.83, 0.13, 0.13, 0.82))
    curves = {label: _losses(label, records) for label, records in runs.items()}
    losses_now = []
    for number, (label, (steps, losses)) in enumerate(curves.items()):
        upto = max(1, int(np.searchsorted(steps, steps[-1] * part / 100, side="right")))
        style: dict[str, Any] = {
            "color": CONTRASTS[number % len(CONTRASTS)],
            "linestyle": DASHES[(number + number // len(CONTRASTS)) % len(DASHES)],
            "linewidth": 2.4 if show in ("all", label) else 0.8,
        }
        ax.plot(100 * steps[:upto] / steps[-1], losses[:upto], **style)
        bars.plot([-2.02, -1.82], [number] * 2, transform=bars.get_yaxis_transform(), clip_on=False, **style)
        losses_now.append(float(losses[upto - 1]))
    scores = [scored[label] for label in curves] if part >= 100 else None
    _race_table(bars, list(curves), losses_now, scores)
    ax.set(xlim=(0, 101), ylim=(0, 1.05 * max(losses[0] for _, losses in curves.values())))
    ax.set_xlabel("percent of the run", fontsize=11)
    ax.set_ylabel("training loss, nats a token", fontsize=11)
    plain(ax)
    told = [f"{label} {loss:.2f}" for label, loss in zip(curves, losses_now, strict=True)]
    if scores is not None:
        told = [f"{start}, {score:.1f} % exactly right" for start, score in zip(told, scores, strict=True)]
    return f"After {part} percent of each run, the training loss is: {'; '.join(told)}."


def _race_table(bars: Axes, labels: Sequence[str], losses: Sequence[float], scores: Sequence[float] | None) -> None:
    """Write each run's name, its loss, and what it scores where that is known, a row for each beside its bar."""
    rows = range(len(labels))
    bars.set(xlim=(0, 100), ylim=(len(labels) - 0.4, -1.0), yticks=[], xticks=[0, 50, 100])
    bars.set_xlabel("percent exactly right", fontsize=11)
    plain(bars)
    in_row = {"transform": bars.get_yaxis_transform(), "va": "center"}
    write(bars, labels, [(-1.77, row) for row in rows], ha="left", fontsize=9.5, color=INK, **in_row)
    numbers = [f"{loss:.2f}" for loss in losses]
    write(bars, numbers, [(-0.08, row) for row in rows], ha="right", fontsize=10, color="0.3", **in_row)
    bars.text(-0.08, -0.85, "loss now", transform=in_row["transform"], ha="right", fontsize=10, color="0.3")
    if scores is not None:
        bars.hlines(rows, 0, scores, color=VALUE, linewidth=11)
    results = ["?"] * len(labels) if scores is None else [f"{score:.0f}" for score in scores]
    write(bars, results, [(1.03, row) for row in rows], ha="left", fontsize=10, color=INK, **in_row)


def _losses(label: str, records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Steps and losses of a log, each loss the mean of itself and the two beside it."""
    found = np.array([(r["step"], r["loss"]) for r in records if "loss" in r], dtype=float).reshape(-1, 2)
    if not len(found):
        raise CourseError(
            f"The log of {label} holds no loss; train it again with python -m course.lessons.lesson_12.ablations."
        )
    padded = np.pad(found[:, 1], 1, mode="edge")
    return found[:, 0], (padded[:-2] + padded[1:-1] + padded[2:]) / 3


# ---- The whole lesson ----------------------------------------------------------------------------------


@takes_arrays
def draw_the_way_of_a_sentence(fig: Figure, *, stages: Sequence[tuple[str, str, str]]) -> str:
    """Draw the stages that a sentence passes, top to bottom: name, what it looks like there, and who wrote it."""
    row = 0.62
    high = 0.2 + row * len(stages)
    begin(fig, 11.5, high)
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 11.5), ylim=(high, 0))
    ax.axis("off")
    for number, (name, content, owner) in enumerate(stages):
        y = 0.1 + row * number + row / 2
        mine = owner.startswith("yours")
        ax.fill_between([0.15, 2.55], y - 0.21, y + 0.21, color="#E8F1F8", edgecolor=QUERY, linewidth=2 if mine else 1)
        ax.text(1.35, y, name, ha="center", va="center", fontsize=11, color=INK, weight="bold")
        ax.text(2.8, y, content, ha="left", va="center", fontsize=10.5, color=INK, parse_math=False)
        ax.text(11.35, y, owner, ha="right", va="center", fontsize=10, color=QUERY if mine else "0.35")
        if number:
            ax.annotate("", (1.35, y - 0.22), (1.35, y - row + 0.22), arrowprops={"arrowstyle": "->", "color": GRAY})
    return (
        "The way of a sentence: " + "; ".join(f"{name}: {content} ({owner})" for name, content, owner in stages) + "."
    )
