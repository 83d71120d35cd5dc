"""The pictures of lesson 11: places of a beam, hypotheses under a penalty, who may be drawn, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    as_array,
    begin,
    plain,
    takes_arrays,
    write,
)
from course.lab.exercises.later import Later
from course.lab.widgets.controls import Slider
from course.lessons.lesson_11.experiments import PENALTIES, SPLITS, Cost, Width, of
from course.lessons.lesson_11.toys import NEEDLE, WordChain
from course.special import BOS, EOS

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    torch = Later("torch")

Function = Callable[..., Any]


# ---- The places of a beam ---------------------------------------------------------------------------------------

ROUNDS = 6  # words that a hypothesis may have
PLACES = (1, 8)
DROPPED = 3  # of those that were dropped, so many are shown
SMALLEST = 0.004  # and none that is less likely


@dataclass
class Node:
    """One hypothesis in one round: where it stands, where it came from, and how likely it is."""

    ids: tuple[int, ...]
    log_p: float
    place: int
    parent: Node | None
    kept: bool = True

    @property
    def ended(self) -> bool:
        """Whether its last word is the end token."""
        return self.ids[-1] == EOS


@dataclass
class Search:
    """A beam search, round by round: the hypotheses that got a place in it, and the best of those that did not."""

    rounds: list[list[Node]] = field(default_factory=list)
    dropped: list[list[Node]] = field(default_factory=list)

    def path(self, ids: Sequence[int]) -> list[Node]:
        """Return the nodes of a sentence from the begin token on, as far as the search knows it."""
        known = {node.ids: node for nodes in (*self.rounds, *self.dropped) for node in nodes}
        steps = [known.get(tuple(ids[: n + 1])) for n in range(len(ids))]
        return [node for node in steps if node is not None]


def search(step: Function, k: int, rounds: int = ROUNDS) -> Search:
    """Do what `beam` does, and remember everything; hypotheses take free places in the order of their probability."""
    first = Node((BOS,), 0.0, 0, None)
    seen, alive, taken = Search([[first]], [[]]), [first], set[int]()
    for _ in range(rounds):
        ids = torch.tensor([node.ids for node in alive])
        log_p = step(ids)[:, -1].log_softmax(dim=-1).numpy()
        made = [
            Node((*node.ids, word), node.log_p + float(log_p[row, word]), -1, node)
            for row, node in enumerate(alive)
            for word in range(log_p.shape[1])
            if np.isfinite(log_p[row, word])
        ]
        made.sort(key=lambda node: -node.log_p)
        free = [place for place in range(k) if place not in taken]
        for node, place in zip(made, free, strict=False):
            node.place = place
        now = made[: len(free)]
        out = made[len(free) : len(free) + DROPPED]
        for node in out:
            node.kept = False
        seen.rounds.append(now)
        seen.dropped.append([node for node in out if np.exp(node.log_p) >= SMALLEST])
        taken |= {node.place for node in now if node.ended}
        alive = [node for node in now if not node.ended]
        if not alive:
            break
    return seen


@takes_arrays
def draw_search(
    fig: Figure, *, beam: Function, greedy: Function, places: int, alpha: float, model: WordChain = NEEDLE
) -> str:
    """Draw the places of a beam search in a toy, a column for each round; what was dropped stands below.

    The green path is the sentence that `beam` returns, the blue one that of `greedy`.
    """
    begin(fig, 11.5, 1.35 + 0.4 * (places + DROPPED))
    ax = fig.add_axes((0.01, 0.01, 0.98, 0.98))
    made = search(model, places)
    score, best = beam(model, places, ROUNDS, alpha)
    best, plainly = [int(i) for i in best], greedy(model, torch.tensor([[BOS]]), ROUNDS)[0].tolist()
    won = made.path(best)
    own = made.path(plainly)
    _lines(ax, made, won, own)
    _cells(ax, made, model, places, won)
    _places(ax, places, len(made.rounds))
    _scores(ax, made, alpha, won)
    ax.set(xlim=(-0.62, ROUNDS + 0.2), ylim=(places + DROPPED + 0.75, -1.55))
    ax.axis("off")
    said, greedily = model.spell(best), model.spell(plainly)
    ax.text(-0.55, -1.25, f"beam: {said}", color=VALUE_TEXT, fontsize=13, weight="bold", va="center")
    ax.text(2.7, -1.25, f"greedy: {greedily}", color=QUERY, fontsize=13, weight="bold", va="center")
    return _search_in_words(made, model, places, alpha, f"{said}, score {score:.3f}", greedily)


def _at(node: Node, places: int) -> tuple[float, float]:
    return len(node.ids) - 1.0, float(node.place if node.kept else places + 0.55 + node.place)


def _lines(ax: Axes, made: Search, won: Sequence[Node], own: Sequence[Node]) -> None:
    from matplotlib.collections import LineCollection

    places = max((node.place for nodes in made.rounds for node in nodes), default=0) + 1
    for nodes in made.dropped:
        for i, node in enumerate(nodes):
            node.place = i
    all_nodes = [node for nodes in (*made.rounds, *made.dropped) for node in nodes if node.parent is not None]
    ax.add_collection(
        LineCollection([_edge(node, places) for node in all_nodes], colors=PALE, linewidths=1.2, zorder=1)
    )
    for path, color, wide in ((own, QUERY, 6.5), (won, VALUE, 3.0)):
        ax.add_collection(
            LineCollection([_edge(node, places) for node in path[1:]], colors=color, linewidths=wide, zorder=2)
        )
    held = [node for nodes in made.rounds for node in nodes if node.ended]
    bars = [[(len(node.ids) - 0.62, node.place), (len(made.rounds) - 0.56, node.place)] for node in held]
    ax.add_collection(LineCollection(bars, colors=PALE, linewidths=9, zorder=0.5))


def _edge(node: Node, places: int) -> list[tuple[float, float]]:
    assert node.parent is not None
    (x0, y0), (x1, y1) = _at(node.parent, places), _at(node, places)
    return [(x0 + 0.38, y0), (x1 - 0.38, y1)]


def _cells(ax: Axes, made: Search, model: WordChain, places: int, won: Sequence[Node]) -> None:
    from matplotlib.collections import PolyCollection

    shown = [node for nodes in (*made.rounds, *made.dropped) for node in nodes]
    places = max((node.place for nodes in made.rounds for node in nodes), default=0) + 1
    boxes, grounds, edges = [], [], []
    for node in shown:
        x, y = _at(node, places)
        boxes.append([(x - 0.38, y - 0.36), (x + 0.38, y - 0.36), (x + 0.38, y + 0.36), (x - 0.38, y + 0.36)])
        grounds.append("#FFFFFF" if not node.ended else "#F6E7F0")
        edges.append(VALUE if node in won else GRAY if node.kept else PALE)
    ax.add_collection(PolyCollection(boxes, facecolors=grounds, edgecolors=edges, linewidths=1.5, zorder=3))
    for kept, color in ((True, INK), (False, GRAY)):
        some = [node for node in shown if node.kept == kept]
        at = [_at(node, places) for node in some]
        names = [model.words[node.ids[-1]] for node in some]
        chances = ["" if node.parent is None else _chance(node.log_p) for node in some]
        style = {"color": color, "fontsize": 10, "va": "center", "zorder": 4}
        write(ax, names, [(x - 0.35, y) for x, y in at], ha="left", **style)
        write(ax, chances, [(x + 0.35, y) for x, y in at], ha="right", **style)


def _chance(log_p: float) -> str:
    return f"{np.exp(log_p):.3f}"


def _places(ax: Axes, places: int, rounds: int) -> None:
    names = ["begin", *(f"{n}. word" for n in range(1, rounds))]
    write(ax, names, [(x, -0.72) for x in range(rounds)], ha="center", va="center", color=GRAY, fontsize=10)
    write(ax, [f"place {n + 1}" for n in range(1, places)], [(0.0, n) for n in range(1, places)], ha="center",
          va="center", color=GRAY, fontsize=9)  # fmt: skip
    write(ax, ["dropped:"], [(0.0, places + 0.55)], ha="center", va="center", color=GRAY, fontsize=10)


def _scores(ax: Axes, made: Search, alpha: float, won: Sequence[Node]) -> None:
    """Write behind each hypothesis that has ended, or was cut off, what `beam` would score it with."""
    last = made.rounds[-1]
    final = [node for nodes in made.rounds for node in nodes if node.ended or nodes is last]
    x = len(made.rounds) - 0.5
    for best, color, weight in ((False, INK, "normal"), (True, VALUE_TEXT, "bold")):
        some = [node for node in final if (node in won) == best]
        said = [f"{node.log_p / (len(node.ids) - 1) ** alpha:.3f}" for node in some]
        write(ax, said, [(x, node.place) for node in some], ha="left", va="center", color=color, fontsize=10.5,
              weight=weight)  # fmt: skip
    ax.text(x, -0.72, "score", ha="left", va="center", color=GRAY, fontsize=10)


def _search_in_words(made: Search, model: WordChain, places: int, alpha: float, best: str, greedily: str) -> str:
    parts = []
    for nodes, dropped in zip(made.rounds[1:], made.dropped[1:], strict=True):
        kept = ", ".join(f"{model.spell(node.ids, ends=True)} {_chance(node.log_p)}" for node in nodes)
        out = ", ".join(model.spell(node.ids, ends=True) for node in dropped)
        parts.append(kept + (f" (dropped: {out})" if out else ""))
    return (
        f"Beam search with {places} {'place' if places == 1 else 'places'}, alpha {alpha:g}. Round by round: "
        f"{'; '.join(parts)}. Beam: {best}. Greedy: {greedily}."
    )


# ---- Hypotheses under a length penalty --------------------------------------------------------------------------

RULES = ["sum / length^alpha", "sum / ((5 + length) / 6)^alpha", "the sum alone"]
ALPHAS = Slider(tuple(round(0.1 * n, 1) for n in range(16)), 0)


@dataclass(frozen=True)
class Candidate:
    """A finished hypothesis: its words, its log-probability, and its length, the end token included."""

    text: str
    log_p: float
    length: int


def divisor(rule: str, length: int, alpha: float) -> float:
    """Return what a rule of `RULES` divides by."""
    return {RULES[0]: length**alpha, RULES[1]: ((5 + length) / 6) ** alpha, RULES[2]: 1.0}[rule]


@takes_arrays
def draw_candidates(fig: Figure, *, candidates: Sequence[Candidate], rule: str, alpha: float) -> str:
    """Draw hypotheses by length and score; the best one is green, and its words stand above."""
    begin(fig, 11.0, 4.4)
    ax = fig.add_axes((0.075, 0.14, 0.90, 0.66))
    scores = np.array([each.log_p / divisor(rule, each.length, alpha) for each in candidates])
    lengths = np.array([each.length for each in candidates])
    best = int(scores.argmax())
    ax.plot(lengths, scores, "o", color=KEY, markersize=7, alpha=0.75, markeredgewidth=0)
    ax.plot([lengths[best]], [scores[best]], "o", color=VALUE, markersize=14, markeredgecolor=INK)
    spread = max(float(np.ptp(scores)), 1e-3)
    ax.set(
        xlim=(lengths.min() - 1.5, lengths.max() + 1.5),
        ylim=(scores.min() - 0.12 * spread, scores.max() + 0.12 * spread),
    )
    ax.set_xlabel("length in tokens, the end token included", fontsize=11)
    ax.set_ylabel("score", fontsize=11)
    plain(ax)
    won = candidates[best]
    fig.text(0.075, 0.93, _short(won.text), color=VALUE_TEXT, fontsize=12.5, weight="bold", va="center")
    fig.text(0.075, 0.85, f"{won.length} tokens, sum {won.log_p:.2f}, score {scores[best]:.3f}", color=INK, fontsize=11,
             va="center")  # fmt: skip
    return (
        f"{len(candidates)} hypotheses of {lengths.min()} to {lengths.max()} tokens, {rule}, alpha {alpha:g}. Best: "
        f"{won.text} ({won.length} tokens, sum {won.log_p:.2f}, score {scores[best]:.3f})."
    )


def _short(text: str, most: int = 104) -> str:
    return text if len(text) <= most else f"{text[: most - 4].rsplit(' ', 1)[0]} ..."


# ---- Who may be drawn -------------------------------------------------------------------------------------------

BARS = 14
TEMPERATURES = Slider((0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 3.0, 5.0), 5)
TOP_K = Slider((1, 2, 3, 4, 5, 7, 10, 14, 50, 200, 2000), 10)
TOP_P = Slider((0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0), 8)


@takes_arrays
def draw_lots(
    fig: Figure, *, sample: Function, logits: Tensor, words: Sequence[str], temperature: float, top_k: int, top_p: float
) -> str:
    """Draw the probabilities of the likeliest words: the model's own as outlines, and those they are drawn with."""
    import torch

    begin(fig, 11.0, 3.9)
    ax = fig.add_axes((0.07, 0.24, 0.91, 0.66))
    logits = torch.as_tensor(logits).detach()
    p = as_array(sample(logits.clone(), temperature, top_k, top_p))
    own = as_array(logits.softmax(dim=-1))
    order = np.argsort(-own, kind="stable")[:BARS]
    at = np.arange(len(order))
    ax.bar(at, p[order], width=0.72, color=WEIGHTS)
    ax.bar(at, own[order], width=0.72, facecolor="none", edgecolor=GRAY, linewidth=1.2)
    ax.set(xlim=(-0.7, len(order) - 0.3), ylim=(0, 1.08), yticks=[0.5, 1])
    ax.set_xticks(at, [_piece(words[i]) for i in order], rotation=25, ha="right")
    plain(ax)
    ax.tick_params(axis="x", labelsize=10.5, length=0)
    heights = np.maximum(p[order], own[order])
    shown = [f"{x:.2f}" if x >= 0.005 else "" for x in p[order]]
    write(ax, shown, list(zip(at.tolist(), (heights + 0.04).tolist(), strict=True)), ha="center", va="center",
          color=WEIGHTS_TEXT, fontsize=10.5)  # fmt: skip
    left = int((p > 0).sum())
    word = "word" if left == 1 else "words"
    ax.set_title(f"{left} {word} can be drawn", fontsize=12.5, color=INK, loc="left")
    told = ", ".join(f"{_piece(words[i])} {p[i]:.2f}" for i in order if p[i] >= 0.005)
    return f"Temperature {temperature:g}, top_k {top_k}, top_p {top_p:g}: {left} {word} can be drawn: {told}."


def _piece(token: str) -> str:
    """A piece without the mark of a word's beginning; one that continues a word begins with a hyphen."""
    return token[1:] if token.startswith("▁") else f"-{token}" if token.isalpha() else token


# ---- What was measured ------------------------------------------------------------------------------------------

SIGNS = {"none": ("o-", KEY_TEXT, "no length penalty"), "gnmt": ("s--", QUERY, "(5 + length) / 6, alpha 1")}


@takes_arrays
def draw_widths(fig: Figure, *, rows: Sequence[Width]) -> str:
    """Draw BLEU and length by beam width, a panel for each lot of sentences."""
    begin(fig, 11.5, 5.4)
    parts = []
    for i, (split, name) in enumerate(SPLITS.items()):
        top = fig.add_axes((0.08 + 0.315 * i, 0.49, 0.26, 0.42))
        low = fig.add_axes((0.08 + 0.315 * i, 0.11, 0.26, 0.27))
        for penalty in PENALTIES:
            sign, color, said = SIGNS[penalty]
            some = of(rows, split, penalty)
            at = np.arange(len(some))
            top.plot(at, [row.bleu for row in some], sign, color=color, markersize=6, label=said)
            low.plot(at, [row.words for row in some], sign, color=color, markersize=6)
            parts.append(
                f"{name}, {said}: BLEU {some[0].bleu:.1f} with one place, {some[-1].bleu:.1f} with {some[-1].beam}"
            )
        top.set_title(name if i == 0 else f"{name} words", fontsize=12, color=INK)
        middle = sum(top.get_ylim()) / 2
        top.set_ylim(min(middle - 7, 87), min(middle + 7, 101))  # the same scale in all three
        low.set_ylim(0.5, 1.06)
        for ax in (top, low):
            ax.set_xticks(at, [str(row.beam) for row in some])
            plain(ax)
        low.axhline(1, color=PALE, linewidth=1, zorder=0)
        low.set_xlabel("places", fontsize=11)
        if i == 0:
            top.set_ylabel("BLEU", fontsize=11)
            low.set_ylabel("words per\nword wanted", fontsize=11)
            top.legend(frameon=False, fontsize=10.5, loc="lower left")
    return f"BLEU by number of places: {'; '.join(parts)}."


@takes_arrays
def draw_costs(fig: Figure, *, rows: Sequence[Cost]) -> str:
    """Draw time, multiplications and what is kept by length, with and without a cache, on logarithmic axes."""
    begin(fig, 11.5, 3.8)
    panels: dict[str, Callable[[Cost], float]] = {
        "milliseconds": lambda row: 1000 * row.seconds,
        "million multiplications": lambda row: row.multiplications / 1e6,
        "kilobytes kept from word to word": lambda row: row.kept / 1000,
    }
    for i, (title, value) in enumerate(panels.items()):
        ax = fig.add_axes((0.055 + 0.325 * i, 0.15, 0.27, 0.72))
        for cached, sign, color in ((False, "o-", KEY_TEXT), (True, "s--", QUERY)):
            some = sorted((row for row in rows if row.cached == cached), key=lambda row: row.length)
            ax.loglog([row.length for row in some], [value(row) for row in some], sign, color=color, markersize=6,
                      label="with a cache" if cached else "without")  # fmt: skip
        lengths = [row.length for row in some]
        ax.set_xticks(lengths, [str(n) for n in lengths])
        ax.minorticks_off()
        ax.set_title(title, fontsize=12, color=INK)
        ax.set_xlabel("words written", fontsize=11)
        plain(ax)
        if i == 0:
            ax.legend(frameon=False, fontsize=11, loc="upper left")
    last = {row.cached: row for row in rows if row.length == max(each.length for each in rows)}
    return (
        f"Time, multiplications and memory by words written, with and without a cache. For {last[True].length} words: "
        f"{last[False].multiplications / last[True].multiplications:.0f} times as many multiplications without."
    )


# ---- The whole of it --------------------------------------------------------------------------------------------


COLUMNS = (  # where, what, in which color, and what stands in the box
    (
        3,
        "the model",
        QUERY,
        ("logits of the next word", "one new word a round;", "keys and values of the old", "ones are in the cache"),
    ),
    (
        32,
        "the choice",
        KEY_TEXT,
        ("greedy: the likeliest", "beam: k places", "sample: by lot,", "temperature, top_k, top_p"),
    ),
    (
        61,
        "the winner",
        VALUE_TEXT,
        ("sum of logarithms", "divided by a penalty", "of the length;", "say which one"),
    ),
    (
        90,
        "the score",
        WEIGHTS_TEXT,
        ("n-grams of 1 to 4, clipped", "added up over the corpus", "brevity penalty", "with a signature"),
    ),
)


@takes_arrays
def draw_summary(fig: Figure, *, found: Mapping[str, int], of_all: int) -> str:
    """Draw the way from logits to a score: four ways to choose, one cache, one measure.

    found: in how many of `of_all` random toys a search found the best sentence, by its name.
    """
    begin(fig, 11.5, 4.3)
    ax = fig.add_axes((0.01, 0.02, 0.98, 0.96))
    ax.set(xlim=(0, 115), ylim=(43, 0))
    ax.axis("off")
    for x, title, color, lines in COLUMNS:
        _box(ax, x, 3, 22, 20, color)
        ax.text(x + 11, 6.4, title, ha="center", va="center", fontsize=13, weight="bold", color=color)
        write(ax, lines, [(x + 11, 10.4 + 3.2 * n) for n in range(len(lines))], ha="center", va="center", color=INK,
              fontsize=10.5)  # fmt: skip
        if x < 90:
            arrow = {"arrowstyle": "->", "color": GRAY, "lw": 1.5}
            ax.annotate("", (x + 28.5, 13), (x + 22.5, 13), arrowprops=arrow)
    told = f"Of {of_all} random toys, in so many the search finds the best of all sentences:"
    ax.text(3, 27.5, told, fontsize=11, color=INK)
    for n, (name, hits) in enumerate(found.items()):
        y, long = 30.6 + 3.0 * n, 78 * hits / of_all
        ax.barh([y], [long], left=18, height=2.0, color=VALUE)
        ax.text(17, y, name, ha="right", va="center", fontsize=10.5, color=INK)
        ax.text(18.8 + long, y, str(hits), ha="left", va="center", fontsize=10.5, color=INK)
    searches = ", ".join(f"{name} {hits}" for name, hits in found.items())
    said = "; ".join(f"{title}: {', '.join(lines)}" for _, title, _, lines in COLUMNS)
    return f"From logits to a score. {said}. Best sentence found, of {of_all} random toys: {searches}."


def _box(ax: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.4", facecolor="#FFFFFF", edgecolor=color,
                                linewidth=1.8))  # fmt: skip
