"""Which head says what translates what: weights of the cross-attention, and norms of what they let through.

A weight says how much of a value vector is taken, not how long the vector is. Kobayashi et al. 2020 (section 3) look at
the length of what is taken, ||weight x value vector behind the output matrix||, beside the weight. Chen et al. 2020
("Accurate Word Alignment Induction from Neural Machine Translation") ask in which row to look for a word: where it is
written, or one later, where it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from course.alignment import Links, WordAttention, ownership
from course.data.embedded import Pair, gold
from course.lessons.lesson_13.editing import attention_of, transformer_of
from course.lessons.lesson_13.heads import Measured, measured
from course.model import Transformer, padding_mask
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    from course.translator import Translator

When = Literal["written", "read"]
View = Literal["weights", "norms"]
WHENS: tuple[When, ...] = ("written", "read")
VIEWS: tuple[View, ...] = ("weights", "norms")
LAYER = -1  # in the place of a head: all heads of a layer together


@dataclass(frozen=True)
class Contributions:
    """What each piece of the source adds to the output of each cross-attention, for one sentence.

    weights: (L, H, T, S). vectors: (L, H, T, S, d), weight times value vector, behind the head's part of the output
    matrix; their sum over heads and source pieces is what the attention adds to the stream (there are no biases).
    """

    weights: Tensor
    vectors: Tensor

    @property
    def norms(self) -> Tensor:
        """(L, H, T, S): the length of each vector."""
        return self.vectors.norm(dim=-1)

    @property
    def together(self) -> Tensor:
        """(L, T, S): the length of the sum over heads, in which vectors of opposite directions cancel."""
        return self.vectors.sum(1).norm(dim=-1)


@torch.inference_mode()
def contributions(model: Transformer, src: Tensor, tgt_in: Tensor) -> Contributions:
    """What the pieces of one source add where the model is made to say one target; src (1, S), tgt_in (1, T): ids."""
    mask = padding_mask(src, pad=PAD)
    _, every = model(src, tgt_in, src_mask=mask, return_weights=True)
    memory = model.encode(src, src_mask=mask)
    weights = torch.cat(every.cross)  # (L, H, T, S)
    vectors = [_vectors(model, layer, memory, weights[layer]) for layer in range(len(weights))]
    return Contributions(weights, torch.stack(vectors))


def _vectors(model: Transformer, layer: int, memory: Tensor, weights: Tensor) -> Tensor:
    """(H, T, S, d) of one layer; memory (1, S, d), weights (H, T, S)."""
    part = attention_of(model, "cross", layer)
    _, values = part.project_memory(memory)  # (1, H, S, d_head)
    output = part.out_proj.weight.unflatten(1, (part.n_heads, -1))  # (d, H, d_head): the columns of each head
    transformed = torch.einsum("hsk,dhk->hsd", values[0], output)
    return weights[..., None] * transformed[:, None]


@dataclass(frozen=True)
class ValueNorms:
    """Weights and norms between the words of one pair, as `WordAttention`; its last head stands for the whole layer.

    The whole layer's weights are the mean of its heads', its norms the lengths of the sum over heads. Both are summed
    over the pieces of a source word and averaged over those of a target word.
    """

    weights: WordAttention
    norms: WordAttention

    def links(self, view: View, layer: int, head: int) -> Links:
        """Each target word's largest source word; head `LAYER` for all heads of the layer together."""
        maps = self.weights if view == "weights" else self.norms
        return maps.links(layer, head % maps.weights.shape[1])


def value_norms(translator: Translator, pair: Pair, *, when: When = "written") -> ValueNorms:
    """Weights and norms while a model is made to say the pair's target.

    when: "written" takes for a word the rows in which its pieces are chosen, "read" those in which they are the
    decoder's input, one later. Raises `CourseError` as `write`.
    """
    model, tokenizer = transformer_of(translator), translator.tokenizer
    (source,) = translator.source_ids([pair.source])
    labels = [*tokenizer.encode(pair.target), EOS]
    found = contributions(model, torch.tensor([source]), torch.tensor([[BOS, *labels[:-1]]]))
    columns, rows = (ownership(tokenizer, words) for words in (pair.source_tokens, pair.target_tokens))
    if when == "read":
        rows = np.roll(rows, 1, axis=0)
    weights = torch.cat([found.weights, found.weights.mean(1, keepdim=True)], dim=1)
    norms = torch.cat([found.norms, found.together[:, None]], dim=1)
    words = tuple(t.text for t in pair.source_tokens), tuple(t.text for t in pair.target_tokens)
    return ValueNorms(*(WordAttention(*words, _between_words(maps, rows, columns)) for maps in (weights, norms)))


def _between_words(maps: Tensor, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(L, H, T, S) between pieces -> (L, H, target words, source words + 1), the end token last."""
    mean = rows / rows.sum(0)
    return np.einsum("lhts,tj,si->lhji", maps.double().numpy(), mean, columns)[:, :, :-1]


@dataclass(frozen=True)
class HeadError:
    """The alignment error of one head (`LAYER`: of all heads of a layer together), read in one way."""

    view: View
    when: When
    layer: int
    head: int
    error: Measured


@dataclass(frozen=True)
class Gain:
    """What reading norms instead of weights adds to an alignment error; below 0, norms are better."""

    when: When
    layer: int
    head: int
    difference: Measured


@dataclass(frozen=True)
class HeadErrors:
    """Alignment errors of every head, read in four ways, over so many sentences."""

    sentences: int
    errors: tuple[HeadError, ...]
    gains: tuple[Gain, ...]

    def of(self, view: View, when: When) -> dict[tuple[int, int], Measured]:
        """By layer and head, read in one way."""
        return {(e.layer, e.head): e.error for e in self.errors if (e.view, e.when) == (view, when)}


def head_errors(translator: Translator, pairs: Sequence[Pair]) -> HeadErrors:
    """The alignment error of each cross-attention head and layer, from weights and from norms, against gold links.

    Och and Ney 2003, section 5, with every gold link sure. Intervals and differences by a bootstrap over sentences.
    """
    config = transformer_of(translator).config
    places = [(layer, head) for layer in range(config.n_decoder_layers) for head in (*range(config.n_heads), LAYER)]
    errors, gains = [], []
    for when in WHENS:
        counts = _counts(translator, pairs, places, when)
        for at, (layer, head) in enumerate(places):
            here = counts[:, at]  # (N, 2 views, 2)
            errors += [HeadError(v, when, layer, head, measured(error_of, here[:, i])) for i, v in enumerate(VIEWS)]
            both = here[:, ::-1].reshape(len(here), 4)  # the norms' first
            gains.append(Gain(when, layer, head, measured(lambda c: error_of(c[..., :2]) - error_of(c[..., 2:]), both)))
    return HeadErrors(len(pairs), tuple(errors), tuple(gains))


def error_of(counts: np.ndarray) -> np.ndarray:
    """The alignment error rate from sums (..., 2) of links in common, and of links in both: `alignment_error_rate`."""
    return 1 - 2 * counts[..., 0] / np.maximum(counts[..., 1], 1)


def _counts(translator: Translator, pairs: Sequence[Pair], places: Sequence[tuple[int, int]], when: When) -> np.ndarray:
    """(N, places, views, 2): links in common with gold, and links of both together."""
    rows = []
    for pair in pairs:
        maps, golden = value_norms(translator, pair, when=when), set(gold(pair))
        links = [[maps.links(view, layer, head) for view in VIEWS] for layer, head in places]
        rows.append([[(len(guess & golden), len(guess) + len(golden)) for guess in views] for views in links])
    return np.array(rows, dtype=float)


@dataclass(frozen=True)
class Lengths:
    """How long a head's value vectors are behind the output matrix, over the pieces of the source.

    spread: standard deviation divided by mean, within a sentence, averaged over sentences. end: length for the end
    token divided by the mean length of the other pieces. Where all lengths are alike, norms and weights say the same.
    """

    layer: int
    head: int
    spread: float
    end: float


def value_lengths(translator: Translator, pairs: Sequence[Pair]) -> list[Lengths]:
    """The lengths of what each head of the cross-attention has to give, over the sources of some pairs."""
    model, found = transformer_of(translator), []
    for pair in pairs:
        (source,) = translator.source_ids([pair.source])
        one = contributions(model, torch.tensor([source]), torch.tensor([[BOS]]))
        lengths = (one.norms / one.weights.clamp_min(1e-30))[:, :, 0].double().numpy()  # (L, H, S)
        spread = lengths.std(-1) / lengths.mean(-1)
        found.append(np.stack([spread, lengths[..., -1] / lengths[..., :-1].mean(-1)], axis=-1))
    mean = np.mean(found, axis=0)  # (L, H, 2)
    return [Lengths(i, h, *map(float, mean[i, h])) for i in range(mean.shape[0]) for h in range(mean.shape[1])]
