"""Exposure bias: the same model led by the reference and left to its own words, position by position. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from course.data import Examples, make_batch
from course.decoding import greedy
from course.model import TranslationModel, padding_mask
from course.special import BOS, EOS, PAD

Array = NDArray[Any]

GROUP = 50  # sentences at once
DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True)
class Answers:
    """One sentence: what should be said, what is said behind the right words, and what is said behind one's own.

    Each ends in the end sign; own may be shorter or longer than the others.
    """

    labels: tuple[int, ...]
    led: tuple[int, ...]
    own: tuple[int, ...]

    @property
    def first_error(self) -> int | None:
        """Where the first wrong word stands, led or not (it is the same place); None if there is none."""
        wrong = [t for t, (a, b) in enumerate(zip(self.labels, self.led, strict=True)) if a != b]
        return wrong[0] if wrong else None

    def own_right(self, t: int) -> bool:
        """Whether the word at place t is right when the model hears its own words."""
        return t < len(self.own) and self.own[t] == self.labels[t]


@torch.inference_mode()
def answers(model: TranslationModel, examples: Examples) -> list[Answers]:
    """Ask a model for every sentence twice."""
    model.eval()
    found = []
    for start in range(0, len(examples), GROUP):
        group = examples[start : start + GROUP]
        batch = make_batch(group)
        mask = padding_mask(batch.src, pad=PAD)
        memory = model.encode(batch.src, src_mask=mask)
        logits = model.output(model.decoder_states(batch.tgt_in, memory, src_mask=mask))
        logits[..., [PAD, BOS]] = -torch.inf  # as in the search: neither is ever said
        led = logits.argmax(dim=-1)
        longest = batch.labels.shape[1] + 5
        own = [(*hypothesis.ids, EOS) for hypothesis in greedy(model, batch.src, max_len=longest)]
        for row, (_, target) in enumerate(group):
            labels = (*target, EOS)
            found.append(Answers(labels, tuple(led[row, : len(labels)].tolist()), own[row]))
    return found


def by_position(found: Sequence[Answers], positions: int) -> list[tuple[int, int, int]]:
    """For each position: sentences that reach it, right when led, right when left alone."""
    rows = []
    for t in range(positions):
        here = [each for each in found if len(each.labels) > t]
        rows.append((len(here), sum(each.led[t] == each.labels[t] for each in here), sum(e.own_right(t) for e in here)))
    return rows


def after_an_error(found: Sequence[Answers], *, seed: int = 0) -> dict[str, Any]:
    """What becomes of the words behind the first wrong one: percent right, with 95 % intervals over sentences.

    "led": behind the reference's words; "own": behind the model's, place by place; "own, in order": the same, but a
    word that is said one place too early or late counts too (the longest common subsequence).
    """
    tails = [(each, each.first_error + 1) for each in found if each.first_error is not None]
    tails = [(each, t) for each, t in tails if t < len(each.labels)]
    counts = np.array([
        (
            len(each.labels) - t,
            sum(each.led[u] == each.labels[u] for u in range(t, len(each.labels))),
            sum(each.own_right(u) for u in range(t, len(each.labels))),
            in_order(each.own[t:], each.labels[t:]),
        )
        for each, t in tails
    ])  # fmt: skip
    words = int(counts[:, 0].sum())
    shares = {name: _share(counts, i + 1, seed) for i, name in enumerate(("led", "own", "own, in order"))}
    return {"sentences": len(tails), "words": words, **shares}


def _share(counts: Array, column: int, seed: int) -> list[float]:
    """Percent, and the ends of its 95 % interval, by drawing sentences anew."""
    rows = np.random.default_rng(seed).integers(len(counts), size=(DRAWS, len(counts)))
    drawn = counts[rows]
    ends = np.quantile(drawn[..., column].sum(1) / drawn[..., 0].sum(1), (0.025, 0.975))
    return [round(100 * float(x), 1) for x in (counts[:, column].sum() / counts[:, 0].sum(), *ends)]


def in_order(said: Sequence[int], wanted: Sequence[int]) -> int:
    """How many words two sentences share in the same order, at most: the length of their longest common subsequence."""
    best = [0] * (len(wanted) + 1)
    for word in said:
        before = best[:]
        for i, other in enumerate(wanted):
            best[i + 1] = before[i] + 1 if word == other else max(best[i], before[i + 1])
    return best[-1]
