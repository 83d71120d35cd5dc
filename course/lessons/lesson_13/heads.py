"""What a head is worth: what becomes of translations without it, and how many can go before it shows.

    ablation(pretrained_translator("en-de"), embedded_pairs("embedded-en-de", "test_iid")[:100])

A figure comes with the ends of its 95 % interval, by a bootstrap over sentences; a difference to the untouched model is
taken on the same sentences, so the bootstrap is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course.data import Batch, make_batch
from course.data.embedded import Pair
from course.evaluation import right
from course.lessons.lesson_13.editing import Edits, Head, Kind, attention_of, edited, heads_of, transformer_of
from course.model import Transformer, attention, padding_mask
from course.model.attention import AttentionFunction
from course.scoring import bootstrap_interval
from course.special import PAD

if TYPE_CHECKING:
    from course.translator import Translator

Measured = tuple[float, float, float]  # a figure, and the lower and upper end of its 95 % interval
GROUP = 100  # sentences at once
FALLEN = 10.0  # percentage points of exact match after which the removal of heads ends


def measured(statistic: Callable[[np.ndarray], np.ndarray], counts: np.ndarray) -> Measured:
    """A figure made of sums over sentences, with its interval: arguments as in `bootstrap_interval`."""
    return (float(statistic(counts.sum(0))), *bootstrap_interval(statistic, counts))


def share(counts: np.ndarray) -> np.ndarray:
    """The first of two columns divided by the second: a mean or a share of sums (..., 2)."""
    return counts[..., 0] / counts[..., 1]


# ---- One run over sentences ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """How a model does on N sentences, one by one.

    nats: (N,) teacher-forced cross-entropy of the reference, summed over its tokens. tokens: (N,) of the reference, the
    end token included. hits: (N,) whether the greedy translation is exactly the reference; None where not asked for.
    """

    nats: np.ndarray
    tokens: np.ndarray
    hits: np.ndarray | None = None

    @property
    def loss(self) -> float:
        """Nats a token, over all sentences together."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def exact(self) -> float:
        """Percent of the sentences that were translated exactly as the reference."""
        assert self.hits is not None, "this outcome holds no translations"
        return 100 * float(self.hits.mean())


def outcome(translator: Translator, pairs: Sequence[Pair], *, translate: bool = True) -> Outcome:
    """How the model does as it is now on each pair: its loss, and its greedy translation where `translate`."""
    nats, tokens = losses(translator, pairs)
    if not translate:
        return Outcome(nats, tokens)
    found = translator.translate([pair.source for pair in pairs], beam=1)
    hits = np.array([right(each.text, pair) for each, pair in zip(found, pairs, strict=True)], dtype=float)
    return Outcome(nats, tokens, hits)


def losses(translator: Translator, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Nats (N,) and tokens (N,) of each pair's reference, with teacher forcing."""
    each = token_losses(translator, pairs)
    return np.array([nats.sum() for nats in each]), np.array([len(nats) for nats in each], dtype=float)


def token_losses(translator: Translator, pairs: Sequence[Pair]) -> list[np.ndarray]:
    """Nats of each token of each pair's reference, the end token included, with teacher forcing: N arrays (T,)."""
    tokenizer, model = translator.tokenizer, transformer_of(translator)
    sources = tokenizer.encode_all([pair.source for pair in pairs])
    examples = list(zip(sources, tokenizer.encode_all([pair.target for pair in pairs]), strict=True))
    order = sorted(range(len(examples)), key=lambda i: len(examples[i][1]))
    found: dict[int, np.ndarray] = {}
    for start in range(0, len(order), GROUP):
        chosen = order[start : start + GROUP]
        nats = _nats(model, make_batch(examples, chosen))
        found |= {i: row[: len(examples[i][1]) + 1] for i, row in zip(chosen, nats, strict=True)}
    return [found[i] for i in range(len(examples))]


@torch.inference_mode()
def _nats(model: Transformer, batch: Batch) -> np.ndarray:
    """Nats of each token (B, T)."""
    logits = model(batch.src, batch.tgt_in, src_mask=padding_mask(batch.src, pad=PAD))
    return F.cross_entropy(logits.transpose(1, 2), batch.labels, reduction="none").double().numpy()


# ---- Heads off, and heads that look everywhere alike -----------------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """What becomes of a model when something is done to some of its heads.

    loss: nats a token. rise: what is added to it. exact: percent exactly right, greedily. change: percentage points of
    it gained (negative: lost).
    """

    heads: tuple[Head, ...]
    loss: float
    rise: Measured
    exact: float
    change: Measured


def effect(heads: Sequence[Head], before: Outcome, after: Outcome) -> Effect:
    """Two outcomes on the same sentences as an effect."""
    assert before.hits is not None
    assert after.hits is not None
    return Effect(
        tuple(heads),
        after.loss,
        measured(share, np.stack([after.nats - before.nats, before.tokens], axis=1)),
        after.exact,
        measured(share, np.stack([100 * (after.hits - before.hits), np.ones(len(before.hits))], axis=1)),
    )


def without(translator: Translator, heads: Sequence[Head]) -> AbstractContextManager[None]:
    """Inside, these heads are off."""
    return edited(transformer_of(translator), Edits(off=frozenset(heads)), stepwise=True)


@contextmanager
def running_on(model: Transformer, functions: Mapping[tuple[Kind, int], AttentionFunction]) -> Iterator[None]:
    """Inside, the attentions of some layers run on other functions; afterwards on those that they had."""
    parts = {attention_of(model, kind, layer): function for (kind, layer), function in functions.items()}
    before = {part: part.function for part in parts}
    try:
        for part, function in parts.items():
            part.function = function
        yield
    finally:
        for part, had in before.items():
            part.function = had


def evened(translator: Translator, heads: Sequence[Head]) -> AbstractContextManager[None]:
    """Inside, these heads look at everything they may see with equal weights, in every sentence and at every word."""
    layers: dict[tuple[Kind, int], list[int]] = {}
    for head in heads:
        layers.setdefault((head.kind, head.layer), []).append(head.head)
    return running_on(transformer_of(translator), {place: _Even(which) for place, which in layers.items()})


class _Even:
    """An attention some of whose heads have equal weights wherever they may look."""

    def __init__(self, heads: Sequence[int]) -> None:
        self.heads = list(heads)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q, k, v: (B, H, T, d_head). Returns the output (B, H, Tq, d_head) and the weights as they were used."""
        weights = attention(q, k, v, mask=mask)[1].clone()
        may = torch.ones_like(weights) if mask is None else mask.expand_as(weights).to(weights.dtype)
        weights[:, self.heads] = (may / may.sum(-1, keepdim=True).clamp_min(1))[:, self.heads]
        return weights @ v, weights


Doing = Callable[["Translator", Sequence[Head]], AbstractContextManager[None]]


def effects(
    translator: Translator, pairs: Sequence[Pair], groups: Sequence[Sequence[Head]], doing: Doing = without
) -> list[Effect]:
    """The effect of `doing` something to each group of heads, by itself: `without` or `evened`."""
    before = outcome(translator, pairs)
    found = []
    for heads in groups:
        with doing(translator, heads):
            after = outcome(translator, pairs)
        found.append(effect(heads, before, after))
    return found


def layers_of(model: Transformer) -> list[tuple[Head, ...]]:
    """The heads of every attention of every layer, together, in the order of `heads_of`."""
    found: dict[tuple[Kind, int], list[Head]] = {}
    for head in heads_of(model):
        found.setdefault((head.kind, head.layer), []).append(head)
    return [tuple(heads) for heads in found.values()]


@dataclass(frozen=True)
class Ablation:
    """The untouched model, and what becomes of it without each head, and without all heads of each layer."""

    sentences: int
    loss: float
    exact: float
    heads: tuple[Effect, ...]
    layers: tuple[Effect, ...]


def ablation(translator: Translator, pairs: Sequence[Pair], doing: Doing = without) -> Ablation:
    """Do without each head by itself, and without each layer's heads together (Michel et al. 2019, section 3.2).

    doing: `without`, or `evened` for heads that stay but look everywhere alike. Raises `CourseError` for a model that
    is no Transformer.
    """
    model = transformer_of(translator)
    before = outcome(translator, pairs)
    one_by_one = effects(translator, pairs, [(head,) for head in heads_of(model)], doing)
    together = effects(translator, pairs, layers_of(model), doing)
    return Ablation(len(pairs), before.loss, before.exact, tuple(one_by_one), tuple(together))


# ---- One after the other ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Removal:
    """One step of removing heads: the head that went, and how the model does without it and all that went before.

    loss (nats a token) and exact (percent) are of the sentences that chose.
    """

    head: Head
    loss: float
    exact: float


def removal(translator: Translator, pairs: Sequence[Pair], *, fallen: float = FALLEN) -> list[Removal]:
    """Remove one head after the other, each time the one whose going costs least loss, until exact match has fallen.

    After each removal every head that is left is tried again: heads that can stand in for one another do not both go.
    (Michel et al. 2019, section 4, remove by an estimate from gradients; with so few heads the loss itself can be had.)
    fallen: percentage points; the last step is the first that has lost so many.
    """
    left, gone, steps = heads_of(transformer_of(translator)), list[Head](), list[Removal]()
    untouched = outcome(translator, pairs).exact
    while left and (not steps or untouched - steps[-1].exact < fallen):
        cheapest = min(left, key=lambda head: loss_without(translator, pairs, [*gone, head]))
        left.remove(cheapest)
        gone.append(cheapest)
        steps.append(_step(translator, pairs, gone))
    return steps


def removal_in_order(
    translator: Translator, pairs: Sequence[Pair], order: Sequence[Head], *, fallen: float = FALLEN
) -> list[Removal]:
    """Remove heads in an order that is not asked again on the way, until exact match has fallen by so many points."""
    untouched, steps = outcome(translator, pairs).exact, list[Removal]()
    for n in range(1, len(order) + 1):
        steps.append(_step(translator, pairs, order[:n]))
        if untouched - steps[-1].exact >= fallen:
            break
    return steps


def _step(translator: Translator, pairs: Sequence[Pair], gone: Sequence[Head]) -> Removal:
    with without(translator, gone):
        now = outcome(translator, pairs)
    return Removal(gone[-1], now.loss, now.exact)


def loss_without(translator: Translator, pairs: Sequence[Pair], heads: Sequence[Head]) -> float:
    """Nats a token without some heads."""
    with without(translator, heads):
        return outcome(translator, pairs, translate=False).loss


@dataclass(frozen=True)
class Together:
    """Two heads that go together: nats a token that each costs by itself, and that both cost."""

    heads: tuple[Head, Head]
    alone: tuple[float, float]
    both: float

    @property
    def surplus(self) -> float:
        """What both cost beyond the sum of each: above 0 where one stands in for the other."""
        return self.both - sum(self.alone)


def pairs_of_heads(translator: Translator, pairs: Sequence[Pair]) -> list[Together]:
    """Every two heads off together, those first that stand in for one another most."""
    heads = heads_of(transformer_of(translator))
    untouched = loss_without(translator, pairs, ())
    alone = {head: loss_without(translator, pairs, [head]) - untouched for head in heads}
    found = [
        Together((a, b), (alone[a], alone[b]), loss_without(translator, pairs, [a, b]) - untouched)
        for i, a in enumerate(heads)
        for b in heads[i + 1 :]
    ]
    return sorted(found, key=lambda each: -each.surplus)
