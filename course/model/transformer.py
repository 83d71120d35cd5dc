"""The whole Transformer: embeddings, encoder, decoder, output layer; and one step of it with a cache."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.errors import CourseError
from course.model.config import TransformerConfig
from course.model.dropout import Dropout
from course.model.footprint import FIRST_ROOM, require_room
from course.model.ids import require_ids
from course.model.layers import Decoder, DecoderLayer, Encoder, Rotate
from course.model.masks import require_mask
from course.model.positions import apply_rotary, rotary_angles, sinusoidal_positions

Adding = Callable[[Tensor, Tensor], Tensor]  # words (B, T, d), rows of a table (T, d) -> (B, T, d)


class Turning(Protocol):
    """Anything that turns as `apply_rotary` does, and computes the angles itself."""

    def __call__(self, x: Tensor, *, start: int) -> Tensor:
        """x (B, H, T, d_head), the first of T at position `start`."""
        ...


@dataclass(frozen=True)
class AttentionWeights:
    """The weights of every layer, first layer first; each tensor is (B, H, queries, keys)."""

    encoder: list[Tensor]
    decoder: list[Tensor]
    cross: list[Tensor]


@dataclass
class LayerCache:
    """Keys and values of one decoder layer: own (B * beam, H, room, d_head), cross (B, H, S, d_head)."""

    own_k: Tensor
    own_v: Tensor
    cross_k: Tensor
    cross_v: Tensor


@dataclass
class DecoderCache:
    """What decoding one more token needs and would otherwise compute again.

    `beam_size` hypotheses share one sentence's memory; row = sentence * beam_size + beam.
    """

    layers: list[LayerCache]
    src_mask: Tensor | None  # (B, 1, 1, S)
    beam_size: int = 1
    length: int = 0  # positions held so far
    room: int = field(default=FIRST_ROOM)  # positions that fit before the buffers must grow

    def select(self, rows: Tensor) -> "DecoderCache":
        """A new cache whose row i continues old row rows[i]. rows: (M,) ids; whole groups of `beam_size`.

        All beams of a group must come from one sentence. Memory keys and values are copied only when the
        sentences themselves change.
        """
        sentences = rows[:: self.beam_size] // self.beam_size
        n_sentences = self.layers[0].cross_k.shape[0] if self.layers else 0
        same = len(sentences) == n_sentences and bool(
            (sentences == torch.arange(n_sentences, device=rows.device)).all()
        )
        layers = []
        for layer in self.layers:
            own = [t.index_select(0, rows) for t in (layer.own_k, layer.own_v)]
            cross = [layer.cross_k, layer.cross_v]
            if not same:
                cross = [t.index_select(0, sentences) for t in cross]
            layers.append(LayerCache(*own, *cross))
        mask = self.src_mask if same or self.src_mask is None else self.src_mask.index_select(0, sentences)
        return DecoderCache(layers, mask, self.beam_size, self.length, self.room)

    def make_room(self) -> None:
        """Double the buffers where the next position would not fit."""
        if self.length < self.room:
            return
        for layer in self.layers:
            layer.own_k = F.pad(layer.own_k, (0, 0, 0, self.room))
            layer.own_v = F.pad(layer.own_v, (0, 0, 0, self.room))
        self.room *= 2


class Transformer(nn.Module):
    """The encoder-decoder of Vaswani et al. 2017, figure 1, in all the variants of `TransformerConfig`."""

    position_table: Tensor  # (max_len, d)
    rotary_cos: Tensor  # (max_len, d_head / 2), as rotary_sin
    rotary_sin: Tensor

    def __init__(self, config: TransformerConfig):
        require_room(config)
        super().__init__()
        self.config = config
        d = config.d_model
        self.tgt_embedding = nn.Embedding(config.tgt_vocab_size, d)
        self.src_embedding = self.tgt_embedding if config.tie == "all" else nn.Embedding(config.src_vocab_size, d)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.output = nn.Linear(d, config.tgt_vocab_size, bias=config.output_bias)
        if config.tie != "none":
            self.output.weight = self.tgt_embedding.weight
        self.dropout = Dropout(config.dropout)
        self.turning: Turning | None = None  # another rotation to run on, and another sum: a learner's own
        self.adding: Adding | None = None
        self._make_positions()
        self._initialize()

    def _make_positions(self) -> None:
        kind, d, length = self.config.positions, self.config.d_model, self.config.max_len
        if kind in ("sinusoidal", "sinusoidal_halves"):
            layout = "halves" if kind == "sinusoidal_halves" else "interleaved"
            table = sinusoidal_positions(length, d, layout=layout).to(torch.get_default_dtype())
            self.register_buffer("position_table", table, persistent=False)
        if kind == "rotary":
            angles = rotary_angles(length, self.config.d_head)
            cos, sin = (t.to(torch.get_default_dtype()) for t in (angles.cos(), angles.sin()))
            self.register_buffer("rotary_cos", cos, persistent=False)
            self.register_buffer("rotary_sin", sin, persistent=False)
        if kind == "learned":
            self.src_positions = nn.Parameter(torch.randn(length, d) * 0.02)
            self.tgt_positions = nn.Parameter(torch.randn(length, d) * 0.02)

    def _initialize(self) -> None:
        # With the factor sqrt(d_model) a row of the embedding has entries of about 1, as positions have;
        # tied to the output layer, logits of a normed state then start with about unit variance.
        std = self.config.d_model**-0.5 if self.config.scale_embeddings else 1.0
        if self.config.tie != "none":
            std = self.config.d_model**-0.5
        for table in (self.src_embedding, self.tgt_embedding):
            nn.init.normal_(table.weight, std=std)
        if self.config.tie == "none":
            nn.init.xavier_uniform_(self.output.weight)
        if self.config.output_bias:
            nn.init.zeros_(self.output.bias)

    # --- the whole sentence at once -------------------------------------------------------------------

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        *,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        return_weights: bool = False,
    ) -> Tensor | tuple[Tensor, AttentionWeights]:
        """Logits of the next token at each target position, with teacher forcing.

        src (B, S) and tgt (B, T): ids. src_mask: (B, 1, 1, S), True = real token. tgt_mask: broadcastable to
        (B, H, T, T), in addition to the causal mask. Returns (B, T, V), and all the weights if asked.
        Raises `CourseError` for a sentence longer than `max_len`, and for a mask that is not boolean or does not fit.
        """
        memory, encoder = self._encode(src, src_mask, return_weights)
        states, own, cross = self._decode(tgt, memory, src_mask, tgt_mask, return_weights)
        logits = self.output(states)
        return (logits, AttentionWeights(encoder, own, cross)) if return_weights else logits

    def encode(self, src: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """src (B, S) ids -> memory (B, S, d)."""
        return self._encode(src, src_mask, False)[0]

    def decoder_states(
        self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None
    ) -> Tensor:
        """What the output layer reads: tgt (B, T) ids and memory (B, S, d) -> (B, T, d).

        `self.output` turns any of its rows into logits, so a loss need not pay for padding.
        """
        return self._decode(tgt, memory, src_mask, tgt_mask, False)[0]

    def decode(
        self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None
    ) -> Tensor:
        """tgt (B, T) ids and memory (B, S, d) -> logits (B, T, V)."""
        return self.output(self.decoder_states(tgt, memory, src_mask=src_mask, tgt_mask=tgt_mask))

    def _encode(self, src: Tensor, src_mask: Tensor | None, return_weights: bool) -> tuple[Tensor, list[Tensor]]:
        require_ids(src)
        _require_source_mask(src_mask, src)
        x = self.embedded(src, self.src_embedding, "src")
        return self.encoder(x, rotate=self.rotation(0, src.shape[1]), mask=src_mask, return_weights=return_weights)

    def _decode(
        self,
        tgt: Tensor,
        memory: Tensor,
        src_mask: Tensor | None,
        tgt_mask: Tensor | None,
        return_weights: bool,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        require_ids(tgt)
        _require_source_mask(src_mask, memory)
        x = self.embedded(tgt, self.tgt_embedding, "tgt")
        return self.decoder(
            x,
            memory,
            rotate=self.rotation(0, tgt.shape[1]),
            mask=tgt_mask,
            memory_mask=src_mask,
            return_weights=return_weights,
        )

    def embedded(self, tokens: Tensor, table: nn.Embedding, side: str, start: int = 0) -> Tensor:
        """ids (B, T), the first at position start -> (B, T, d), scaled and placed (sections 3.4, 3.5)."""
        end = start + tokens.shape[1]
        if end > self.config.max_len:
            raise CourseError(
                f"a sentence has {end} tokens, but this model has positions for {self.config.max_len}: "
                "shorten it, or train with a larger max_len."
            )
        x = table(tokens)
        if self.config.scale_embeddings:
            x = x * math.sqrt(self.config.d_model)
        if self.config.positions == "learned":
            x = x + (self.src_positions if side == "src" else self.tgt_positions)[start:end]
        elif self.config.positions.startswith("sinusoidal"):
            x = (self.adding or torch.add)(x, self.position_table[start:end])
        return self.dropout(x)

    def rotation(self, start: int, length: int) -> Rotate:
        """What turns the queries and keys of `length` tokens, the first at position start; nothing, but for rotary."""
        if self.config.positions != "rotary":
            return _unchanged
        if self.turning is not None:
            return partial(self.turning, start=start)
        end = start + length
        return partial(apply_rotary, cos=self.rotary_cos[start:end], sin=self.rotary_sin[start:end])

    # --- one token at a time ----------------------------------------------------------------------------

    def start_cache(self, memory: Tensor, *, src_mask: Tensor | None = None, beam_size: int = 1) -> DecoderCache:
        """An empty cache for decoding from memory (B, S, d) with beam_size rows a sentence.

        Keys and values of the memory are projected here, once per layer. A mask that hides nothing is dropped.
        """
        _require_source_mask(src_mask, memory)
        if src_mask is not None and src_mask.all():
            src_mask = None
        cache = DecoderCache([], src_mask, beam_size)
        n_rows = memory.shape[0] * beam_size
        for layer in self.decoder:
            cross_k, cross_v = layer.cross_attention.project_memory(memory)
            own = memory.new_zeros(2, n_rows, self.config.n_heads, cache.room, self.config.d_head)
            cache.layers.append(LayerCache(own[0], own[1], cross_k.contiguous(), cross_v.contiguous()))
        return cache

    def step(self, tokens: Tensor, cache: DecoderCache) -> Tensor:
        """The next token's logits (N, V) after one more token a row; tokens (N,) ids, N = B * beam_size.

        Appends one position to the cache, in place. Equal to the last row of `decode` on the whole prefix.
        """
        cache.make_room()
        x = self.embedded(tokens[:, None], self.tgt_embedding, "tgt", start=cache.length)
        rotate = self.rotation(cache.length, 1)
        for layer, kept in zip(self.decoder, cache.layers, strict=True):
            x = _step_layer(layer, x, kept, cache, rotate)
        cache.length += 1
        return self.output(self.decoder.norm(x))[:, 0]


def _step_layer(layer: DecoderLayer, x: Tensor, kept: LayerCache, cache: DecoderCache, rotate: Rotate) -> Tensor:
    """One decoder layer at one position. x: (N, 1, d)."""
    t = cache.length
    q, k, v = layer.self_attention.project_self(layer.around_self.enter(x))
    kept.own_k[:, :, t], kept.own_v[:, :, t] = rotate(k)[:, :, 0], v[:, :, 0]
    y, _ = layer.self_attention.attend(rotate(q), kept.own_k[:, :, : t + 1], kept.own_v[:, :, : t + 1])
    x = layer.around_self.leave(x, y)
    # The beams of a sentence read the same memory: they stand as beam_size queries of one attention.
    grouped = layer.around_cross.enter(x).unflatten(0, (-1, cache.beam_size)).squeeze(2)
    q = layer.cross_attention.project_queries(grouped)
    y, _ = layer.cross_attention.attend(q, kept.cross_k, kept.cross_v, mask=cache.src_mask)
    x = layer.around_cross.leave(x, y.flatten(0, 1).unsqueeze(1))
    y = layer.feed_forward(layer.around_feed_forward.enter(x))
    return layer.around_feed_forward.leave(x, y)


def _require_source_mask(mask: Tensor | None, source: Tensor) -> None:
    """The mask of a source, ids (B, S) or memory (B, S, d), serves all heads and queries: (B, 1, 1, S).

    Another shape might broadcast by chance, such as (B, S) where B = S, and hide the wrong words.
    """
    if mask is not None:
        require_mask(mask, source, (source.shape[0], 1, 1, source.shape[1]))


def _unchanged(x: Tensor) -> Tensor:
    return x
