"""The way of a sentence through a Transformer, with all the numbers on it: streams, queries, keys, values, weights.

`record` makes the same steps as `course.model.Transformer` and keeps what each gives; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course.lessons.lesson_13.editing import transformer_of
from course.model import MultiHeadAttention, Residual, Transformer
from course.model.layers import DecoderLayer, EncoderLayer
from course.special import BOS, EOS

if TYPE_CHECKING:
    from course.translator import Translator


@dataclass(frozen=True)
class Attended:
    """One attention of one layer, all heads. T positions ask and S are asked, d_head numbers a vector.

    q (H, T, d_head), k and v (H, S, d_head), turned by their positions where the model does that. scores, weights
    (H, T, S): scores are scaled, and -inf where a position may not look. mixed (H, T, d_head): what each head hands on.
    before, after (T, d): the stream of numbers that the attention joins.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    scores: Tensor
    weights: Tensor
    mixed: Tensor
    before: Tensor
    after: Tensor


@dataclass(frozen=True)
class Fed:
    """A feed-forward sublayer. before, after: (T, d), the stream. hidden: (T, d_ff) after the nonlinearity."""

    before: Tensor
    hidden: Tensor
    after: Tensor


@dataclass(frozen=True)
class Journey:
    """One sentence and its translation on their way.

    Attributes:
        source, given, written: pieces of the source (S), those that the decoder was given (T), and those it should
            write next (T).
        source_stream, target_stream: (S, d) and (T, d), what enters the first layers.
        encoder: for each layer its attention and its feed-forward.
        decoder: for each layer its self-attention, its attention to the source, and its feed-forward.
        memory: (S, d) what the encoder hands over.
        states: (T, d) what the output layer reads. probabilities: (T, V) of the next piece.
        text: the translation.
    """

    source: tuple[str, ...]
    given: tuple[str, ...]
    written: tuple[str, ...]
    source_stream: Tensor
    target_stream: Tensor
    encoder: tuple[tuple[Attended, Fed], ...]
    decoder: tuple[tuple[Attended, Attended, Fed], ...]
    memory: Tensor
    states: Tensor
    probabilities: Tensor
    text: str


@torch.inference_mode()
def record(translator: Translator, sentence: str) -> Journey:
    """Translate one sentence (greedily) and keep everything on the way.

    Raises `CourseError` as `Translator.translate`, and for a model that is no Transformer.
    """
    model, tokenizer = transformer_of(translator), translator.tokenizer
    source = translator.source_ids([sentence])[0]
    (best,) = translator.translate([sentence], beam=1)
    labels = [*tokenizer.encode(best.text), EOS]
    given = [BOS, *labels[:-1]]
    source_stream, encoder, memory = _encoder(model, source)
    target_stream, decoder, states = _decoder(model, given, memory)
    return Journey(
        source=tuple(tokenizer.tokens(source)),
        given=tuple(tokenizer.tokens(given)),
        written=tuple(tokenizer.tokens(labels)),
        source_stream=source_stream,
        target_stream=target_stream,
        encoder=encoder,
        decoder=decoder,
        memory=memory,
        states=states,
        probabilities=model.output(states).softmax(-1),
        text=best.text,
    )


def _encoder(model: Transformer, ids: list[int]) -> tuple[Tensor, tuple[tuple[Attended, Fed], ...], Tensor]:
    """What enters, the layers, and the memory."""
    x = start = model.embedded(torch.tensor([ids]), model.src_embedding, "src")
    rotate, layers = model.rotation(0, len(ids)), []
    for layer in model.encoder.layers:
        assert isinstance(layer, EncoderLayer)
        own = _itself(layer.self_attention, layer.around_self, x, rotate, causal=False)
        fed = _feed_forward(layer, own.after)
        layers.append((own, fed))
        x = fed.after[None]
    return start[0], tuple(layers), model.encoder.norm(x)[0]


def _decoder(
    model: Transformer, ids: list[int], memory: Tensor
) -> tuple[Tensor, tuple[tuple[Attended, Attended, Fed], ...], Tensor]:
    """What enters, the layers, and the states that the output layer reads."""
    x = start = model.embedded(torch.tensor([ids]), model.tgt_embedding, "tgt")
    rotate, layers = model.rotation(0, len(ids)), []
    for layer in model.decoder.layers:
        assert isinstance(layer, DecoderLayer)
        own = _itself(layer.self_attention, layer.around_self, x, rotate, causal=True)
        cross = _source(layer.cross_attention, layer.around_cross, own.after[None], memory[None])
        fed = _feed_forward(layer, cross.after)
        layers.append((own, cross, fed))
        x = fed.after[None]
    return start[0], tuple(layers), model.decoder.norm(x)[0]


def _itself(
    part: MultiHeadAttention, around: Residual, x: Tensor, rotate: Callable[[Tensor], Tensor], *, causal: bool
) -> Attended:
    q, k, v = part.project_self(around.enter(x))
    return _attended(part, around, x, (rotate(q), rotate(k), v), causal=causal)


def _source(part: MultiHeadAttention, around: Residual, x: Tensor, memory: Tensor) -> Attended:
    q, (k, v) = part.project_queries(around.enter(x)), part.project_memory(memory)
    return _attended(part, around, x, (q, k, v), causal=False)


def _attended(
    part: MultiHeadAttention, around: Residual, x: Tensor, qkv: tuple[Tensor, Tensor, Tensor], *, causal: bool
) -> Attended:
    q, k, v = (each[0] for each in qkv)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, -torch.inf)
    weights = scores.softmax(-1)
    mixed = weights @ v
    joined = part.out_proj(mixed.transpose(0, 1).flatten(-2))
    return Attended(q, k, v, scores, weights, mixed, x[0], around.leave(x, joined[None])[0])


def _feed_forward(layer: EncoderLayer | DecoderLayer, before: Tensor) -> Fed:
    part, around = layer.feed_forward, layer.around_feed_forward
    x = before[None]
    hidden = part.activation(part.widen(around.enter(x)))
    return Fed(before, hidden[0], around.leave(x, part.narrow(hidden))[0])
