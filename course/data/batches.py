"""From sentence pairs to padded batches of about equal work.

A batch is a rectangle, so every sentence is padded to the longest in its batch. Sentences of like length
therefore go together, and a batch is filled up to a budget of target tokens instead of a number of sentences
(Vaswani et al. 2017, section 5.1).
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from course.data.parallel_text import ParallelText
from course.data.tokenizer import Tokenizer
from course.errors import CourseError
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch

Examples = list[tuple[list[int], list[int]]]
"""Pairs of (source ids, target ids), without BOS and EOS."""

_SOURCE_BUDGET = 2  # times max_tokens: bounds memory where sources are much longer than targets


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Batch:
    """B sentence pairs as padded tensors, all int64 and contiguous.

    Attributes:
        src: (B, S), rows `[ids.. EOS PAD..]`.
        tgt_in: (B, T), rows `[BOS ids.. PAD..]`, what the decoder sees.
        labels: (B, T), rows `[ids.. EOS PAD..]`, what it shall predict: `tgt_in` shifted by one.
        indices: for each row, its place in the list of examples; empty when not known.
    """

    src: "torch.Tensor"
    tgt_in: "torch.Tensor"
    labels: "torch.Tensor"
    indices: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.src.shape[0]

    @property
    def n_source_tokens(self) -> int:
        """Source tokens, EOS included and PAD not."""
        return int((self.src != PAD).sum())

    @property
    def n_target_tokens(self) -> int:
        """Tokens to predict, EOS included and PAD not: what a mean loss is divided by."""
        return int((self.labels != PAD).sum())

    @property
    def padding_waste(self) -> float:
        """Fraction (0 to 1) of the positions of both sides that are padding."""
        return padding_report([self]).both

    def to(self, device: "torch.device | str") -> "Batch":
        """Return the same batch on another device."""
        return Batch(
            self.src.to(device, non_blocking=True),
            self.tgt_in.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.indices,
        )


@dataclass(frozen=True)
class PaddingReport:
    """Fractions (0 to 1) of the positions that are padding, on each side and on both together."""

    source: float
    target: float
    both: float


def padding_report(batches: Iterable[Batch]) -> PaddingReport:
    """Count the padding of some batches: the work that is computed and thrown away."""
    source = source_pad = target = target_pad = 0
    for batch in batches:
        source += batch.src.numel()
        target += batch.labels.numel()
        source_pad += batch.src.numel() - batch.n_source_tokens
        target_pad += batch.labels.numel() - batch.n_target_tokens
    return PaddingReport(
        source_pad / max(source, 1),
        target_pad / max(target, 1),
        (source_pad + target_pad) / max(source + target, 1),
    )


def encode_pairs(text: ParallelText, tokenizer: Tokenizer) -> Examples:
    """Return (source ids, target ids) for each pair, in order, without BOS and EOS.

    Raises:
        CourseError: as `Tokenizer.encode`.
    """
    sources = tokenizer.encode_all(text.source)
    return list(zip(sources, tokenizer.encode_all(text.target), strict=True))


def _padded(rows: Sequence[list[int]]) -> "torch.Tensor":
    """Return (B, longest row) int64, filled with PAD on the right."""
    import numpy as np
    import torch

    width = max(map(len, rows))
    padded = chain.from_iterable(row + [PAD] * (width - len(row)) for row in rows)
    # One flat pass is several times faster than torch.tensor on nested lists.
    flat = np.fromiter(padded, dtype=np.int64, count=len(rows) * width)
    return torch.from_numpy(flat).view(len(rows), width)


def make_batch(examples: Examples, indices: Sequence[int] | None = None) -> Batch:
    """Pad some examples (all, or those at `indices`) into one batch, in the given order.

    Raises:
        CourseError: when there is no example.
    """
    chosen = tuple(range(len(examples)) if indices is None else indices)
    if not chosen:
        raise CourseError("A batch needs at least one sentence pair, but there is none.")
    return Batch(
        src=_padded([[*examples[i][0], EOS] for i in chosen]),
        tgt_in=_padded([[BOS, *examples[i][1]] for i in chosen]),
        labels=_padded([[*examples[i][1], EOS] for i in chosen]),
        indices=chosen,
    )


def _snake_key(source: int, target: int) -> tuple[int, int]:
    """Return the sorting key of a pair of lengths: near keys mean near lengths on both sides.

    Sorted by the longer side first. Among pairs with the same longer side, `target - source` runs from one
    extreme to the other, upward for even lengths and downward for odd ones, so that it does not jump where
    the length steps.
    """
    longer = max(source, target)
    difference = target - source
    return longer, difference if longer % 2 == 0 else -difference


def _cut(order: Iterable[int], lengths: Sequence[tuple[int, int]], max_tokens: int, first: int) -> list[list[int]]:
    """Cut an order of sentences into groups within the budget; `first` is the first group's budget."""
    groups: list[list[int]] = []
    group: list[int] = []
    budget, widest_source, widest_target = first, 0, 0
    for i in order:
        source, target = lengths[i]
        widest_source, widest_target = max(widest_source, source), max(widest_target, target)
        rows = len(group) + 1
        if group and (rows * widest_target > budget or rows * widest_source > _SOURCE_BUDGET * budget):
            groups.append(group)
            group, budget, widest_source, widest_target = [], max_tokens, source, target
        group.append(i)
    groups.append(group)
    return groups


def length_bucketed_batches(
    examples: Examples, *, max_tokens: int, seed: int, epoch: int, shuffle: bool = True
) -> list[Batch]:
    """Pack all examples, each exactly once, into batches of like lengths, in random order.

    The same (seed, epoch) gives the same batches on every system. Another epoch mixes the sentences of equal
    lengths anew, moves the limits between batches, and changes their order.

    Args:
        examples: (source ids, target ids), without BOS and EOS.
        max_tokens: the most target positions in a batch, EOS and padding included (the source may have twice
            as many). A longer sentence gets a batch of its own.
        seed: any whole number; one run of training keeps one.
        epoch: counts the passes over the examples.
        shuffle: False gives one fixed order by length, whatever seed and epoch are.

    Raises:
        CourseError: when there is no example or max_tokens is not positive.
    """
    if not examples:
        raise CourseError("There are no sentence pairs to make batches of; check the corpus.")
    if max_tokens < 1:
        raise CourseError(f"max_tokens must be at least 1 target token per batch, but it is {max_tokens}.")
    # Python's own generator, seeded by text: its stream is the same on every system, numpy's may change with
    # releases.
    generator = random.Random(f"batches {seed} {epoch}")
    order, first = list(range(len(examples))), max_tokens
    if shuffle:
        generator.shuffle(order)  # the sort below is stable, so equal lengths stay shuffled
        first = generator.randint((max_tokens + 1) // 2, max_tokens)
    lengths = [(len(source) + 1, len(target) + 1) for source, target in examples]
    order.sort(key=lambda i: _snake_key(*lengths[i]))
    groups = _cut(order, lengths, max_tokens, first)
    if shuffle:
        generator.shuffle(groups)
    return [make_batch(examples, group) for group in groups]


def shard(batch: Batch, rank: int, world: int) -> Batch:
    """Return one process's share of a global batch: rows rank, rank + world, ...

    Columns that hold nothing but PAD are cut off. The shares of all ranks together hold every row once. With
    fewer sentences than processes a share has no rows (B = 0, one column): its process must still take part in
    the step, with a loss of zero.

    Raises:
        CourseError: unless 0 <= rank < world.
    """
    if not 0 <= rank < world:
        raise CourseError(f"rank must lie in 0..world-1, but rank is {rank} and world is {world}.")
    src, tgt_in, labels = batch.src[rank::world], batch.tgt_in[rank::world], batch.labels[rank::world]
    return Batch(_trimmed(src, src), _trimmed(tgt_in, labels), _trimmed(labels, labels), batch.indices[rank::world])


def _trimmed(rows: "torch.Tensor", like: "torch.Tensor") -> "torch.Tensor":
    """Cut the columns on the right where every row of `like` is PAD."""
    width = int((like != PAD).sum(dim=1).max()) if len(like) else 1
    return rows[:, :width].contiguous()
