"""From attention between pieces to alignment between words, and how far that is from the gold alignment.

The embedded corpus knows which word translates which (`course.data.embedded.gold`). A model never sees that; where its
cross-attention looked is all that it says about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course.data.embedded import Pair, gold
from course.data.grammar.tokens import Token
from course.errors import CourseError
from course.scoring import alignment_error_rate

if TYPE_CHECKING:
    from torch import Tensor

    from course.data.tokenizer import Tokenizer
    from course.translator import Translator

Links = set[tuple[int, int]]


@dataclass(frozen=True)
class WordAttention:
    """Cross-attention between the words of a sentence pair.

    weights: (L, H, target words, source words + 1); the last column is the end token, where a model looks for words
    that have no counterpart. A source word's weight is the sum over its pieces, a target word's the mean over its own.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: np.ndarray

    @property
    def n_layers(self) -> int:
        """Decoder layers."""
        return self.weights.shape[0]

    def links(self, layer: int = -1, head: int | None = None) -> Links:
        """Pairs (i, j): target word j looked most at source word i, in one head or the mean of a layer's heads.

        A word that looked most at the end token, or nowhere at all, is linked to nothing.
        """
        chosen = self.weights[layer].mean(0) if head is None else self.weights[layer, head]
        best = chosen.argmax(-1)
        return {(int(i), j) for j, i in enumerate(best) if i < len(self.source) and chosen[j, i] > 0}


def owners(piece_bytes: Sequence[int], words: Sequence[Token]) -> list[int]:
    """For each piece, by its length in bytes, the word that it ends in; the number of words for the end token (0).

    Pieces and words are two ways to cut the same text. A piece begins with the space before its word, so its last byte
    says where it belongs.
    """
    ends: list[int] = []
    place, joined = 0, True
    for word in words:
        place += (not (joined or word.left)) + len(word.text.encode())
        ends.append(place)
        joined = word.right
    if sum(piece_bytes) != place:
        raise CourseError(f"the pieces cover {sum(piece_bytes)} bytes, but the words {place}: they are two texts.")
    found, place = [], 0
    for size in piece_bytes:
        place += size
        found.append(int(np.searchsorted(ends, place)) if size else len(words))
    return found


def ownership(tokenizer: Tokenizer, words: Sequence[Token]) -> np.ndarray:
    """Which piece of a sentence belongs to which word: (pieces + 1, words + 1) of 0 and 1, the end token last."""
    from course.data.grammar.tokens import detokenized

    pieces = tokenizer.byte_lengths(tokenizer.encode(detokenized(words)))
    return np.eye(len(words) + 1)[owners([*pieces, 0], words)]


def word_attention(translator: Translator, source: Sequence[Token], target: Sequence[Token]) -> WordAttention:
    """Where the model looks while it is made to say `target` word by word.

    Raises `CourseError` as `Translator.attention`.
    """
    every = every_word_attention(translator, source, target)
    if every.cross is None:
        from course.translator import NO_ATTENTION

        raise CourseError(NO_ATTENTION)
    return WordAttention(every.source, every.target, every.cross[:, :, :-1])


@dataclass(frozen=True)
class EveryWordAttention:
    """Every attention between the words of a sentence pair, each (L, H, words that look, words that are looked at).

    Weights are summed and averaged over pieces as in `WordAttention`. encoder: source words and the end token, on both
    sides. decoder: target words and the end token look at the begin token and the target words. cross: target words and
    the end token look at source words and the end token. None where the model has no such attention.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    encoder: np.ndarray | None
    decoder: np.ndarray | None
    cross: np.ndarray | None


def every_word_attention(
    translator: Translator, source: Sequence[Token], target: Sequence[Token]
) -> EveryWordAttention:
    """All that a model looks at while it is made to say `target`. Raises `CourseError` as `Translator.attention`."""
    from course.data.grammar.tokens import detokenized

    texts = [detokenized(side) for side in (source, target)]
    every = translator.every_attention(*texts)
    of_source, of_target = (
        ownership(translator.tokenizer, side) for side in (source, target)
    )  # (S, source words + 1), (T, target words + 1)
    of_given = np.roll(np.roll(of_target, 1, axis=0), 1, axis=1)  # the begin token first, then the same pieces

    def words(weights: Tensor | None, rows: np.ndarray, columns: np.ndarray) -> np.ndarray | None:
        mean = rows / rows.sum(0)
        return None if weights is None else np.einsum("lhts,tj,si->lhji", weights.numpy(), mean, columns)

    return EveryWordAttention(
        tuple(t.text for t in source),
        tuple(t.text for t in target),
        words(every.encoder, of_source, of_source),
        words(every.decoder, of_target, of_given),
        words(every.cross, of_target, of_source),
    )


def error_rates(translator: Translator, pairs: Iterable[Pair]) -> list[float]:
    """Alignment error rate of each decoder layer's mean head, first layer first, over all pairs together.

    Och and Ney 2003, section 5, with every gold link sure; 0 is perfect. Raises `CourseError` for a model without
    attention to the source.
    """
    guesses: list[list[Links]] = []
    golds: list[Links] = []
    for pair in pairs:
        attention = word_attention(translator, pair.source_tokens, pair.target_tokens)
        guesses.append([attention.links(layer) for layer in range(attention.n_layers)])
        golds.append(set(gold(pair)))
    return [alignment_error_rate(list(layer), golds) for layer in zip(*guesses, strict=True)]
