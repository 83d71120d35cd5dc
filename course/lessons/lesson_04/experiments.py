"""The measurements of lesson 04: one layer of attention, its gradient by hand, small enough to train in a second.

    words + positions -> q, k, v -> split -> attend -> merge -> W_o -> [feed-forward] -> a guess for each question

Several layers are trained side by side, each from another start: arrays begin with an axis R for these runs. Splitting
and merging only move numbers, so the layer asks the functions under study once where each number goes, and follows the
same ways backward with the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.drawing import Markup, rows_table
from course.lessons.lesson_03.reference import softmax

Array = NDArray[Any]
Split = Callable[[Array, int], Array]
Merge = Callable[[Array], Array]
Task = Callable[[Array], Array]  # ids (R, B, T) -> right answers (R, B, T, n)

WORDS, LENGTH, WIDTH = 8, 8, 16  # different words, words of a sentence, numbers of a word (d)
RUNS, UPDATES, BATCH = 3, 400, 16
RATE, WARM_UP, DECAY = 1e-2, 50, 0.5  # highest learning rate; updates until then; share of the updates on the way to 0
TESTED = 500  # sentences behind an accuracy, for each run
HIDDEN = 64  # units of the feed-forward layer, where there is one


# --- tasks ------------------------------------------------------------------------------------------------------


def neighbors(*offsets: int) -> Task:
    """Return the task to name the words at these distances, for every word; sentences are circles here."""
    return lambda ids: np.stack([np.roll(ids, -offset, axis=-1) for offset in offsets], axis=-1)


def copying(ids: Array) -> Array:
    """Name every word itself: (R, B, T) -> (R, B, T, 1)."""
    return ids[..., None]


def reversing(ids: Array) -> Array:
    """Name the word that stands as far from the other end: (R, B, T) -> (R, B, T, 1)."""
    return ids[..., ::-1, None]


# --- the layer --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wiring:
    """How a width is split into h heads and merged again."""

    h: int
    split: Split
    merge: Merge

    def orders(self, T: int) -> tuple[Array, Array]:
        """Return for each number inside the heads, and for each merged one, which number of the array before it is."""
        numbers = np.arange(float(T * WIDTH))
        into = self.split(numbers.reshape(1, T, WIDTH), self.h)
        back = self.merge(numbers.reshape(1, self.h, T, WIDTH // self.h))
        return np.asarray(into).ravel().astype(int), np.asarray(back).ravel().astype(int)


Numbers = dict[str, Array]


def start(n_answers: int, rng: np.random.Generator, *, hidden: int = 0, runs: int = RUNS) -> Numbers:
    """Return the numbers to be trained, for `runs` layers; a layer gives `n_answers` for each word."""

    def normal(*shape: int, spread: float) -> Array:
        return (spread * rng.standard_normal((runs, *shape))).astype(np.float32)

    p = {"words": normal(WORDS, WIDTH, spread=0.5), "positions": normal(LENGTH, WIDTH, spread=0.5)}
    p |= {name: normal(WIDTH, WIDTH, spread=WIDTH**-0.5) for name in ("q", "k", "v", "o")}
    if hidden:
        p |= {"in": normal(WIDTH, hidden, spread=(2 / WIDTH) ** 0.5), "bias": np.zeros((runs, 1, hidden), np.float32)}
    wide = hidden or WIDTH
    return p | {"scores": normal(wide, n_answers * WORDS, spread=wide**-0.5)}


def forward(p: Numbers, wiring: Wiring, ids: Array, pads: int = 0) -> tuple[Array, Numbers]:
    """Return scores (R, B * T, n * WORDS) for ids (R, B, T), and what the way back needs.

    pads: as many masked places behind every sentence.
    """
    (R, B, T), n = ids.shape, ids.shape[-1] + pads
    x = p["words"][np.arange(R)[:, None, None], ids] + p["positions"][:, None]
    x = np.concatenate([x, np.zeros((R, B, pads, WIDTH), x.dtype)], axis=2).reshape(R, B * n, WIDTH)
    into, back = wiring.orders(n)
    heads = (R, B, wiring.h, n, WIDTH // wiring.h)
    q, k, v = ((x @ p[name]).reshape(R, B, -1)[..., into].reshape(heads) for name in ("q", "k", "v"))
    scale = x.dtype.type(heads[-1] ** -0.5)
    weights = softmax(q @ _turned(k) * scale, np.arange(n) < T if pads else None)
    merged = (weights @ v).reshape(R, B, -1)[..., back].reshape(R, B, n, WIDTH)[:, :, :T].reshape(R, B * T, WIDTH)
    y = merged @ p["o"]
    tape = {"x": x, "q": q, "k": k, "v": v, "weights": weights, "merged": merged, "y": y}
    if "in" in p:
        y = tape["hidden"] = np.maximum(y @ p["in"] + p["bias"], 0)
    return y @ p["scores"], tape


def backward(p: Numbers, wiring: Wiring, ids: Array, tape: Numbers, d_scores: Array) -> Numbers:
    """Return the gradient of every number, from that of the scores (R, B * T, n * WORDS), by the chain rule."""
    (R, B, T), g = ids.shape, {}
    into, back = (np.argsort(order) for order in wiring.orders(T))  # the same ways, walked backward
    last = tape.get("hidden", tape["y"])
    g["scores"], d_y = _turned(last) @ d_scores, d_scores @ _turned(p["scores"])
    if "in" in p:
        d_y = d_y * (tape["hidden"] > 0)
        g["in"], g["bias"] = _turned(tape["y"]) @ d_y, d_y.sum(axis=1, keepdims=True)
        d_y = d_y @ _turned(p["in"])
    g["o"], d_merged = _turned(tape["merged"]) @ d_y, d_y @ _turned(p["o"])
    weights, q, k, v = (tape[name] for name in ("weights", "q", "k", "v"))
    d_heads = d_merged.reshape(R, B, -1)[..., back].reshape(q.shape)
    d_weights = d_heads @ _turned(v)
    d_match = (
        weights * (d_weights - (weights * d_weights).sum(axis=-1, keepdims=True)) * q.dtype.type(q.shape[-1] ** -0.5)
    )
    d_x = np.zeros_like(tape["x"])
    for name, d in (("q", d_match @ k), ("k", _turned(d_match) @ q), ("v", _turned(weights) @ d_heads)):
        flat = d.reshape(R, B, -1)[..., into].reshape(R, B * T, WIDTH)
        g[name], d_x = _turned(tape["x"]) @ flat, d_x + flat @ _turned(p[name])
    g["positions"] = d_x.reshape(R, B, T, WIDTH).sum(axis=1)
    g["words"] = _turned(np.eye(WORDS, dtype=d_x.dtype)[ids].reshape(R, B * T, WORDS)) @ d_x
    return g


def _turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def loss_gradient(scores: Array, answers: Array) -> tuple[float, Array]:
    """Return the cross-entropy, its mean over words and questions summed over runs, and its gradient by the scores."""
    shares = softmax(scores.reshape(*answers.shape, WORDS))
    right = np.eye(WORDS, dtype=scores.dtype)[answers]
    n = answers[0].size
    loss = -np.log((shares * right).sum(axis=-1)).sum() / n
    return float(loss), ((shares - right) / n).reshape(scores.shape).astype(scores.dtype)


def train(p: Numbers, wiring: Wiring, task: Task, rng: np.random.Generator, updates: int = UPDATES) -> Numbers:
    """Return the numbers after training on random sentences with Adam (Kingma and Ba 2015)."""
    mean, square = ({name: np.zeros_like(x) for name, x in p.items()} for _ in range(2))
    for step in range(1, updates + 1):
        ids = rng.integers(0, WORDS, (len(p["words"]), BATCH, LENGTH))
        scores, tape = forward(p, wiring, ids)
        g = backward(p, wiring, ids, tape, loss_gradient(scores, task(ids))[1])
        rate = np.float32(RATE * min(step / WARM_UP, (updates - step + 1) / (updates * DECAY), 1))
        for name, slope in g.items():
            mean[name] = 0.9 * mean[name] + 0.1 * slope
            square[name] = 0.99 * square[name] + 0.01 * slope**2
            size = np.sqrt(square[name] / (1 - 0.99**step)) + 1e-8
            p = {**p, name: (p[name] - rate * mean[name] / (1 - 0.9**step) / size).astype(slope.dtype)}
    return p


def choices(p: Numbers, wiring: Wiring, task: Task, rng: np.random.Generator, pads: int = 0) -> tuple[Array, Array]:
    """Return how often the right answer is the layer's first choice, and how often one of its first two: (R, n) each.

    On new sentences; pads: as in `forward`.
    """
    ids = rng.integers(0, WORDS, (len(p["words"]), TESTED, LENGTH))
    answers = task(ids)
    scores = forward(p, wiring, ids, pads)[0].reshape(*answers.shape, WORDS)
    best = np.argsort(scores, axis=-1)[..., :-3:-1] == answers[..., None]
    return best[..., 0].mean(axis=(1, 2)), best.any(axis=-1).mean(axis=(1, 2))


# --- one head against many --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What came out of RUNS trainings of one kind; n questions, h heads.

    first, two: how often the right word is the first choice, and one of the first two, (RUNS, n). looks: the weight
    that a head gives to the word of each question, (RUNS, h, n).
    """

    first: Array
    two: Array
    looks: Array


def measure_heads(
    heads: Sequence[int], *, split_heads: Split, merge_heads: Merge, offsets: Sequence[int] = (-1, 1), hidden: int = 0
) -> dict[str, Measured]:
    """Train a layer with each number of heads to name the words at several distances at once.

    Args:
        heads: numbers of heads, divisors of WIDTH.
        split_heads: from (B, T, d) to (B, h, T, d_head).
        merge_heads: and back.
        offsets: -1 is the word before, 1 the word behind.
        hidden: units of a feed-forward layer behind the attention; 0 for none.

    Returns:
        What was measured, by a name for the row of a table.
    """
    found = {}
    for h in heads:
        name = f"{h} of width {WIDTH // h}" + (" and a feed-forward layer" if hidden else "")
        wiring, task, rng = Wiring(h, split_heads, merge_heads), neighbors(*offsets), np.random.default_rng(4)
        p = train(start(len(offsets), rng, hidden=hidden), wiring, task, rng)
        found[name] = Measured(*choices(p, wiring, task, rng), _looks(p, wiring, offsets, rng))
    return found


def _looks(p: Numbers, wiring: Wiring, offsets: Sequence[int], rng: np.random.Generator) -> Array:
    """Return the mean weight of each head at each distance, (R, h, n)."""
    weights = forward(p, wiring, rng.integers(0, WORDS, (len(p["words"]), TESTED, LENGTH)))[1]["weights"].mean(axis=1)
    here = np.arange(LENGTH)
    return np.stack([weights[:, :, here, (here + offset) % LENGTH].mean(axis=-1) for offset in offsets], axis=-1)


def heads_table(measured: Mapping[str, Measured], names: Sequence[str]) -> Markup:
    """Show how often each question was answered right, in percent, for every run; names: of the questions."""
    head = ("heads", *names, "all, among the first two choices")
    rows = [(name, *map(_percentages, m.first.T), _percentages(m.two.mean(axis=1))) for name, m in measured.items()]
    return rows_table(head, rows, f"% right in {RUNS} trainings; guessing gives {100 / WORDS:.1f}")


def looks_table(measured: Mapping[str, Measured], names: Sequence[str], run: int = 0) -> Markup:
    """Show how much weight each head of one run gives to the word of each question."""
    rows = [
        (name if i == 0 else "", i, *(f"{x:.2f}" for x in row))
        for name, m in measured.items()
        for i, row in enumerate(m.looks[run])
    ]
    return rows_table(("heads", "head", *names), rows, "weight on the word, mean over all words of the first training")


# --- four ways to wire ------------------------------------------------------------------------------------------


def measure_wirings(wirings: Mapping[str, Wiring], *, pads: int) -> dict[str, tuple[Array, Array, Array]]:
    """Train a layer with each wiring to copy and to reverse; return the shares of right answers of every run.

    Returns:
        By the name of a wiring: copying, reversing, and reversing with `pads` masked places behind: (RUNS,) each.
    """
    found = {}
    for name, wiring in wirings.items():
        copied, plain, padded = (
            each[:, 0]
            for task, numbers_of_pads in ((copying, (0,)), (reversing, (0, pads)))
            for each in _trained_choices(wiring, task, numbers_of_pads)
        )
        found[name] = copied, plain, padded
    return found


def _trained_choices(wiring: Wiring, task: Task, numbers_of_pads: Sequence[int]) -> list[Array]:
    rng = np.random.default_rng(4)
    p = train(start(1, rng), wiring, task, rng)
    return [choices(p, wiring, task, rng, pads)[0] for pads in numbers_of_pads]


def wirings_table(measured: Mapping[str, tuple[Array, Array, Array]]) -> Markup:
    """Show what `measure_wirings` found: the percentages of every run."""
    head = ("axes are swapped", "copying", "reversing", "reversing, pads behind")
    rows = [(name, *map(_percentages, shares)) for name, shares in measured.items()]
    return rows_table(head, rows, f"% right in {RUNS} trainings; guessing gives {100 / WORDS:.1f}")


def _percentages(shares: Array) -> str:
    return ", ".join(f"{100 * share:.0f}" for share in shares)
