"""The pictures about heads: what each is worth, how well it aligns, weights beside norms, and counterexamples.

Layers and heads are counted from 1 here, as in the lesson's demos. All but the maps of one sentence are drawn from
`head_experiments.read_heads()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY_TEXT,
    QUERY,
    VALUE_TEXT,
    WEIGHTS_TEXT,
    Markup,
    begin,
    beside,
    heat_table,
    largest,
    plain,
    rows_table,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course.lessons.lesson_13.counterexample_search import Case
    from course.lessons.lesson_13.head_alignment import ValueNorms

Log = Mapping[str, Any]
KINDS = {"encoder": "encoder", "decoder": "decoder, itself", "cross": "decoder, source"}
COLORS = {"encoder": KEY_TEXT, "decoder": VALUE_TEXT, "cross": QUERY}
MARKS = {"encoder": "s", "decoder": "D", "cross": "o"}


def name_of(head: Mapping[str, Any]) -> str:
    """A head of a log in words, counted from 1."""
    return f"{KINDS[head['kind']]}, layer {head['layer'] + 1}, head {head['head'] + 1}"


def group_name(group: Sequence[Sequence[int]]) -> str:
    """What is replaced together, in words, counted from 1."""
    layers = sorted({layer for layer, _ in group})
    if len(group) == 1:
        return f"layer {group[0][0] + 1}, head {group[0][1] + 1}"
    return "all heads of both layers" if len(layers) > 1 else f"layer {layers[0] + 1}, all {len(group)} heads"


def span(figure: Sequence[float], form: str = ".3f") -> str:
    """A figure with its interval, such as "0.061 (0.049 to 0.073)"."""
    middle, low, high = figure
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


# ---- What a head is worth --------------------------------------------------------------------------------------------


def draw_ranking(fig: Figure, *, log: Log, doing: str = "off") -> str:
    """Draw by how much the loss rises without each head, with intervals, the dearest on top.

    doing: "off", or "even" for heads that stay but look everywhere alike.
    """
    found = log["ablations"][doing]
    rows = sorted(found["heads"], key=lambda each: -each["rise"][0])
    high = 1.2 + 0.24 * len(rows)
    begin(fig, 11, high)
    ax = fig.add_axes((0.24, 0.62 / high, 0.46, 0.24 * len(rows) / high))
    ax.set(ylim=(len(rows) - 0.4, -0.6), yticks=[])
    for row, each in enumerate(rows):
        _rise(ax, row, each)
    ax.axvline(0, color=GRAY, linewidth=1)
    ax.grid(visible=True, axis="x", color="0.9")
    ax.set_axisbelow(True)
    plain(ax)
    what = "off" if doing == "off" else "with equal weights"
    ax.set_xlabel("rise of the loss, nats a token", fontsize=11)
    fig.text(0.98, 1 - 0.3 / high, "change of percent exactly right", ha="right", va="center", fontsize=10, color=GRAY)
    fig.text(0.02, 1 - 0.3 / high, f"one head {what}", va="center", fontsize=12, color=INK)
    told = "; ".join(f"{name_of(e['heads'][0])} {span(e['rise'])}, {span(e['change'], '+.1f')}" for e in rows)
    return (
        f"Rise of the loss in nats a token when one head is {what}, and change of percent exactly right, with 95 % "
        f"intervals over {found['sentences']} sentences; untouched {found['loss']:.3f} and {found['exact']:.1f} %. "
        f"{told}."
    )


def _rise(ax: Axes, row: int, each: Mapping[str, Any]) -> None:
    middle, low, high = each["rise"]
    head = each["heads"][0]
    color = COLORS[head["kind"]]
    ax.hlines(row, low, high, color=color, linewidth=2.5)
    ax.plot([middle], [row], MARKS[head["kind"]], color=color, markeredgecolor="white", markersize=8)
    beside_row(ax, row, 0, -10, name_of(head), color)
    beside_row(ax, row, 1, 48, f"{middle:+.3f}", INK)
    beside_row(ax, row, 1, 215, span(each["change"], "+.1f"), "0.3")


def beside_row(ax: Axes, row: int, edge: float, points: float, text: str, color: str) -> None:
    """Write a text that ends so many points to the right of the left (0) or right (1) edge of the axes."""
    ax.annotate(text, (edge, row), (points, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", va="center", fontsize=10, color=color)  # fmt: skip


def layers_table(log: Log) -> Markup:
    """Show what becomes of the model without all heads of each layer, beside heads that look everywhere alike."""
    off, even = (log["ablations"][doing]["layers"] for doing in ("off", "even"))
    rows = [
        (
            f"{KINDS[a['heads'][0]['kind']]}, layer {a['heads'][0]['layer'] + 1}",
            *(text for each in (a, b) for text in (span(each["rise"]), f"{each['exact']:.1f}")),
        )
        for a, b in zip(off, even, strict=True)
    ]
    head = ("all heads of", "off: rise of the loss", "% right", "equal weights: rise of the loss", "% right")
    untouched = log["ablations"]["off"]
    caption = f"nats a token with 95 % intervals; untouched {untouched['loss']:.3f}, {untouched['exact']:.1f} % right"
    return rows_table(head, rows, caption)


def costs_table(log: Log) -> Markup:
    """Show the words that cost most without some heads."""
    rows = []
    for each in log["costs"]["words"]:
        words = ", ".join(f"{w['word']} {100 * w['share']:.0f} %" for w in each["words"])
        rows.append((name_of(each["head"]), words))
    caption = f"shares of all that the loss of {log['costs']['sentences']} sentences rises by"
    return rows_table(("without", "what it costs, word by word"), rows, caption)


# ---- One after the other ---------------------------------------------------------------------------------------------


def draw_removal(fig: Figure, *, log: Log) -> str:
    """Draw percent exactly right against the number of heads removed: asked again each time, or in a fixed order."""
    from matplotlib.ticker import MaxNLocator

    begin(fig, 9.5, 3.9)
    ax = fig.add_axes((0.08, 0.16, 0.88, 0.76))
    found, told = log["removal"], []
    ways = (("asked again", "cheapest again after each", "o-", QUERY), ("in order", "by what each costs alone", "s--",
            KEY_TEXT))  # fmt: skip
    for way, said, sign, color in ways:
        exact = [found["exact"], *(step["exact"] for step in found[way])]
        ax.plot(range(len(exact)), exact, sign, color=color, markersize=6, label=said)
        told.append(f"{said}: {', '.join(f'{x:.1f}' for x in exact)}")
    ax.legend(loc="lower left", frameon=False, fontsize=11)
    ax.set_xlabel("heads removed", fontsize=11)
    ax.set_ylabel("percent exactly right", fontsize=11)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(ax)
    return (
        f"Percent of {found['sentences']} sentences exactly right with 0, 1, 2, ... heads removed. {'. '.join(told)}."
    )


# ---- Who aligns ------------------------------------------------------------------------------------------------------


def errors_table(log: Log) -> Markup:
    """Show the alignment error of every head that looks at the source and of its layer, from weights and norms.

    Beside them stands what the head is worth: how much the loss rises without it.
    """
    found = log["alignment"]
    errors = {(e["view"], e["when"], e["layer"], e["head"]): e["error"] for e in found["errors"]}
    gains = {(g["layer"], g["head"]): g["difference"] for g in found["gains"] if g["when"] == "written"}
    rises = {(h["layer"], h["head"]): each["rise"] for each in log["ablations"]["off"]["heads"]
             for h in each["heads"] if h["kind"] == "cross"}  # fmt: skip
    layers = {each["heads"][0]["layer"]: each["rise"] for each in log["ablations"]["off"]["layers"]
              if each["heads"][0]["kind"] == "cross"}  # fmt: skip
    rows = [
        (
            f"layer {layer + 1}, " + ("all heads" if head < 0 else f"head {head + 1}"),
            span(errors["weights", "written", layer, head]),
            span(errors["norms", "written", layer, head]),
            span(gain),
            span(layers[layer] if head < 0 else rises[layer, head]),
        )
        for (layer, head), gain in gains.items()
    ]
    head = ("attention to the source", "error of weights", "error of norms", "norms minus weights", "loss without it")
    return rows_table(head, rows, f"alignment error rate, 0 is perfect; 95 % intervals, {found['sentences']} sentences")


# Points from a mark to its name, where the usual place is taken.
NAMES_AT = {(1, 3): (-8, 6), (1, 1): (8, -8), (0, 0): (-8, -10), (0, 3): (-8, 12)}


def draw_alignment(fig: Figure, *, log: Log) -> str:
    """Draw alignment error against what a head is worth: one does not say the other."""
    begin(fig, 8.5, 4.2)
    ax = fig.add_axes((0.10, 0.14, 0.86, 0.80))
    errors = {(e["layer"], e["head"]): e["error"] for e in log["alignment"]["errors"]
              if (e["view"], e["when"]) == ("weights", "written")}  # fmt: skip
    told = []
    for each in log["ablations"]["off"]["heads"]:
        head = each["heads"][0]
        if head["kind"] != "cross":
            continue
        (x, *x_ends), (y, *y_ends) = errors[head["layer"], head["head"]], each["rise"]
        color = QUERY if head["layer"] else WEIGHTS_TEXT
        ax.hlines(y, *x_ends, color=color, linewidth=2)
        ax.vlines(x, *y_ends, color=color, linewidth=2)
        ax.plot([x], [y], "o" if head["layer"] else "s", color=color, markersize=8)
        name = f"layer {head['layer'] + 1}, head {head['head'] + 1}"
        right, up = NAMES_AT.get((head["layer"], head["head"]), (8, 6))
        ax.annotate(name, (x, y), (right, up), textcoords="offset points", fontsize=10, color=color, va="center",
                    ha="left" if right > 0 else "right")  # fmt: skip
        told.append(f"{name}: error {span(errors[head['layer'], head['head']])}, rise {span(each['rise'])}")
    ax.set(xlim=(0, 0.85), xlabel="alignment error of its weights", ylabel="rise of the loss without it, nats a token")
    plain(ax)
    return f"Heads that look at the source, alignment error and rise of the loss without the head: {'; '.join(told)}."


def norms_beside(*, found: ValueNorms, layer: int = -1, head: int = -1) -> Markup:
    """Show weights beside norms of one sentence: one head, or for -1 all heads of the layer together.

    The norms are divided by their largest, so that both maps have one scale.
    """
    source = (*found.weights.source, "<eos>")
    target, parts, told = found.weights.target, [], []
    for said, maps in (("weights", found.weights), ("norms, the largest 1.00", found.norms)):
        shown = maps.weights[layer, head]
        if maps is found.norms:
            shown = shown / max(float(shown.max()), 1e-12)
        parts.append(heat_table(shown, target, source, caption=said))
        best = ", ".join(f"{target[j]} → {largest(source, row)}" for j, row in enumerate(np.asarray(shown)))
        told.append(f"{said}: {best}")
    which = "all heads" if head < 0 else f"head {head + 1}"
    number = layer % len(found.weights.weights) + 1
    return Markup(beside(*parts), f"Layer {number}, {which}; the largest of each row. {'. '.join(told)}.")


# ---- When it explains nothing ----------------------------------------------------------------------------------------


def unmoved_table(log: Log) -> Markup:
    """Show how often far weights leave the next word alone, in one head, a layer, and everywhere."""
    found = log["unmoved"]
    rows = [
        (
            group_name(each["group"]), _percent(each["found"]),
            "too few" if each["needed"] is None else _percent(each["needed"]), _of(each["even"]), _of(each["permuted"]),
        )
        for each in found["rows"]
    ]  # fmt: skip
    head = ("weights replaced in", "some other place does", "... of pieces that need the source", "equal", "permuted")
    caption = (
        f"% of {found['pieces']:,} pieces ({found['needing']:,} need the source) of {found['sentences']} sentences: "
        "weights at least .8 away, the next piece's probabilities at most .02"
    )
    return rows_table(head, rows, caption)


def flips_table(log: Log) -> Markup:
    """Show how often near weights make another word, on sentences as in training and on nested ones."""
    tests = log["flips"][:2]
    rows = [
        (group_name(several[0]["group"]), *(_percent(each["flipped"], ".2f") for each in several))
        for several in zip(*(each["rows"] for each in tests), strict=True)
    ]
    head = ("weights pushed in", *(f"{each['split']}, {each['pieces']:,} pieces" for each in tests))
    return rows_table(head, rows, "% of pieces that become another when a tenth of the weight moves")


def cases_table(cases: Sequence[Case]) -> Markup:
    """Show counterexamples, one a row: where weights change, by how much, and what is written then."""
    rows = [
        (
            case.sentence, group_name(case.group), f"{_word(case.looked[0])} → {_word(case.looked[1])}",
            f"{case.moved:.2f}", f"{case.next:.3f}", " → ".join(map(_word, case.pieces)),
            case.texts[0], case.texts[1] if case.texts[0] != case.texts[1] else "the same",
        )
        for case in cases
    ]  # fmt: skip
    head = ("sentence", "weights of", "looks at → set at", "moved", "next word moved", "piece", "untouched", "then")
    return rows_table(head, rows, "distances from 0 to 1")


def _word(piece: str) -> str:
    """A piece without the mark of a word's beginning; one that continues a word begins with a hyphen."""
    return piece[1:] if piece.startswith("▁") else f"-{piece}" if piece.isalpha() else piece


def _percent(figure: Sequence[float], form: str = ".1f") -> str:
    return span([100 * each for each in figure], form)


def _of(counted: Sequence[Any]) -> str:
    n, figure = counted
    return f"only {n} are far" if figure is None else f"{_percent(figure)} of {n}"
