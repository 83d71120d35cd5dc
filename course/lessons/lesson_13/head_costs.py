"""What a head is for: the words that cost most without it, and where it looks for the sake of some words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course.alignment import every_word_attention, ownership
from course.data.embedded import Pair
from course.lessons.lesson_13.editing import Head
from course.lessons.lesson_13.heads import token_losses, without

if TYPE_CHECKING:
    from course.translator import Translator


@dataclass(frozen=True)
class WordCost:
    """One target word: how often it occurs, how many nats all its occurrences cost more, and that as a share.

    share: of all that the missing head costs, from 0 to 1; above 1 or below 0 where other words cost less without it.
    """

    word: str
    times: int
    nats: float
    share: float


def word_costs(translator: Translator, pairs: Sequence[Pair], heads: Sequence[Head]) -> list[WordCost]:
    """Teacher-forced nats that each target word costs more without some heads, the dearest word first.

    Words are counted in lower case, the end token not at all. A word's nats are the sum over its pieces.
    """
    before = token_losses(translator, pairs)
    with without(translator, heads):
        after = token_losses(translator, pairs)
    total, found = 0.0, defaultdict[str, list[float]](list)
    for pair, had, has in zip(pairs, before, after, strict=True):
        of_words = (has - had) @ ownership(translator.tokenizer, pair.target_tokens)
        total += float(of_words.sum())
        for token, nats in zip(pair.target_tokens, of_words[:-1].tolist(), strict=True):
            found[token.text.lower()].append(nats)
    costs = [WordCost(word, len(each), sum(each), sum(each) / total) for word, each in found.items()]
    return sorted(costs, key=lambda cost: (-cost.nats, cost.word))


def offsets(
    translator: Translator, pairs: Sequence[Pair], head: Head, words: Collection[str], *, most: int = 3
) -> dict[int, float]:
    """How far from some words a head of the encoder looks: the mean weight by distance in words, to the right above 0.

    words: in lower case. Only distances from -most to most.
    """
    sums, n = dict.fromkeys(range(-most, most + 1), 0.0), 0
    for pair in pairs:
        maps = every_word_attention(translator, pair.source_tokens, pair.target_tokens).encoder
        assert maps is not None
        own = maps[head.layer, head.head]
        for i in (i for i, token in enumerate(pair.source_tokens) if token.text.lower() in words):
            n += 1
            for d in sums:
                if 0 <= i + d < own.shape[-1]:
                    sums[d] += float(own[i, i + d])
    return {d: total / max(n, 1) for d, total in sums.items()} if n else dict.fromkeys(sums, float(np.nan))
