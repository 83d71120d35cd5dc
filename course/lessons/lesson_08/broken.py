"""Transformers with one mistake each: all of them run, none of them raises, and most of them train well.

    model = make("off by one", vocab_size=20, d_model=16, n_heads=2, d_ff=32, n_layers=2)

Each is the reference with a few lines changed, so that what stands below is a list of mistakes. `BROKEN` says of every
one which of the four properties it violates; `SOUND` violates none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course.lessons.lesson_07.reference import residual_block
from course.lessons.lesson_08 import reference
from course.lessons.lesson_08.reference import DecoderLayer, Norm, embed

PROPERTIES = ("causality", "padding", "memory", "batch")


def _causal(n: int) -> Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril()


# ---- The mask of the future ------------------------------------------------------------------------------------


class _OwnMask(reference.Transformer):
    """A Transformer that makes another mask than the causal one, where none is handed in."""

    def mask(self, n: int) -> Tensor | None:
        """(n, n) booleans or None."""
        raise NotImplementedError

    def decode(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, src_mask: Tensor | None = None
    ) -> Tensor:
        """As the reference, under another mask."""
        mask = self.mask(tgt.shape[1]) if tgt_mask is None else tgt_mask
        open_all = torch.ones(tgt.shape[1], tgt.shape[1], dtype=torch.bool)
        return super().decode(tgt, memory, open_all if mask is None else mask, src_mask)


class NoMask(_OwnMask):
    """Nobody closes the future."""

    def mask(self, n: int) -> Tensor | None:
        """None at all."""
        return None


class OffByOne(_OwnMask):
    """Each word sees the next one too."""

    def mask(self, n: int) -> Tensor | None:
        """The diagonal above is open."""
        return torch.ones(n, n, dtype=torch.bool).tril(1)


class OnlyInTraining(_OwnMask):
    """The mask is left away in evaluation mode, "because there is no future when one translates"."""

    def mask(self, n: int) -> Tensor | None:
        """Causal in training."""
        return _causal(n) if self.training else None


class InBlocks(_OwnMask):
    """The mask is causal between blocks of three words, and open inside of each."""

    def mask(self, n: int) -> Tensor | None:
        """A staircase with steps of three."""
        block = torch.arange(n) // 3
        return block[:, None] >= block[None, :]


class OpenEdge(_OwnMask):
    """A causal mask with one hole: the place before one word sees it. k: which word, counted around."""

    k = 0

    def mask(self, n: int) -> Tensor | None:
        """The hole is beside the diagonal."""
        mask = _causal(n)
        if n > 1:
            at = self.k % (n - 1)
            mask[at, at + 1] = True
        return mask


class _SoftAttention(nn.Module):
    """Attention whose closed scores are made smaller by 8 instead of minus infinity."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, x_q: Tensor, x_kv: Tensor, mask: Tensor | None = None) -> Tensor:
        """As `MultiHeadAttention`."""
        m: Any = self.inner
        q, k, v = m.split(m.q(x_q)), m.split(m.k(x_kv)), m.split(m.v(x_kv))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if mask is not None:
            scores = torch.where(mask, scores, scores - 8.0)
        y: Tensor = m.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
        return y


class SoftMask(reference.Transformer):
    """What is closed keeps a weight of about e to the power of -8."""

    def __init__(self, *sizes: Any, **more: Any):  # noqa: ANN401
        super().__init__(*sizes, **more)
        layers: Any = self.decoder
        for layer in layers:
            layer.self_attention = _SoftAttention(layer.self_attention)


class _NormOverWords(Norm):
    """A norm whose mean and variance are taken over the words of a sentence as well."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        mean = x.mean(dim=(-2, -1), keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=(-2, -1), keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * self.gain + self.bias


class NormOverWords(reference.Transformer):
    """The last norm of the decoder averages over the words, those of the future among them."""

    def __init__(self, vocab_size: int, d_model: int, *sizes: Any, **more: Any):  # noqa: ANN401
        super().__init__(vocab_size, d_model, *sizes, **more)
        self.norm_output = _NormOverWords(d_model)


# ---- Padding ---------------------------------------------------------------------------------------------------


class EncoderSeesPads(reference.Transformer):
    """The source's mask is forgotten in the encoder."""

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As the reference without a mask."""
        return super().encode(src, None)


class DecoderSeesPads(reference.Transformer):
    """The source's mask is forgotten in cross-attention."""

    def decode(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, src_mask: Tensor | None = None
    ) -> Tensor:
        """As the reference without that mask."""
        return super().decode(tgt, memory, tgt_mask, None)


class PadsAsQueries(EncoderSeesPads):
    """The mask closes the rows of pads in the encoder, and not their columns."""

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As the reference with the mask on its side."""
        turned = None if src_mask is None else src_mask.transpose(-2, -1)
        return reference.Transformer.encode(self, src, turned)


# ---- The memory ------------------------------------------------------------------------------------------------


class _AsksItself(DecoderLayer):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        x = residual_block(x, self.norm_self, lambda y: self.self_attention(y, y, mask), self.drop)
        x = residual_block(x, self.norm_cross, lambda y: self.cross_attention(y, y, mask), self.drop)
        return residual_block(x, self.norm_feed_forward, self.feed_forward, self.drop)


class _AsksItselfOpenly(DecoderLayer):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        x = residual_block(x, self.norm_self, lambda y: self.self_attention(y, y, mask), self.drop)
        x = residual_block(x, self.norm_cross, lambda y: self.cross_attention(y, y), self.drop)
        return residual_block(x, self.norm_feed_forward, self.feed_forward, self.drop)


class _SkipsTheSource(DecoderLayer):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        x = residual_block(x, self.norm_self, lambda y: self.self_attention(y, y, mask), self.drop)
        return residual_block(x, self.norm_feed_forward, self.feed_forward, self.drop)


def _with_layers(kind: type[DecoderLayer]) -> type[reference.Transformer]:
    class WithLayers(reference.Transformer):
        """The reference with other decoder layers."""

        def __init__(
            self,
            vocab_size: int,
            d_model: int,
            n_heads: int,
            d_ff: int,
            n_layers: int,
            dropout: float = 0.0,
            max_len: int = 256,
        ):
            super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
            self.decoder = nn.ModuleList(kind(d_model, n_heads, d_ff, dropout) for _ in range(n_layers))

    return WithLayers


class DeafEncoder(reference.Transformer):
    """The encoder gets places without words."""

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As if all words were the same."""
        return super().encode(torch.zeros_like(src), src_mask)


# ---- The batch -------------------------------------------------------------------------------------------------


class PlacesOfSentences(reference.Transformer):
    """The rows of places are chosen by the number of the sentence."""

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As the reference, placed along the wrong axis."""
        x = embed(src, self.table, torch.zeros_like(self.positions)) + self.positions[: len(src), None]
        for layer in self.encoder:
            x = layer(x, src_mask)
        memory: Tensor = self.norm_memory(x)
        return memory


class AcrossTheBatch(reference.Transformer):
    """The encoder attends along the wrong axis: to the words at the same place of the other sentences."""

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As a library does that expects (T, B, d) and gets (B, T, d)."""
        x = self.drop(embed(src, self.table, self.positions)).transpose(0, 1)
        for layer in self.encoder:
            x = layer(x)
        memory: Tensor = self.norm_memory(x.transpose(0, 1))
        return memory


class MeanOfTheBatch(reference.Transformer):
    """Each state is compared with the mean over all sentences of the batch."""

    def decode(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, src_mask: Tensor | None = None
    ) -> Tensor:
        """As the reference, with a mean over the wrong axis."""
        logits = super().decode(tgt, memory, tgt_mask, src_mask)
        return logits - 0.5 * logits.mean(dim=0, keepdim=True)


# ---- All of them -----------------------------------------------------------------------------------------------

Maker = Callable[..., nn.Module]


@dataclass(frozen=True)
class Suspect:
    """A Transformer that may be broken.

    kind: its class. violates: the properties that it does not have. may: properties of which a fair test can say
    either.
    """

    kind: Maker
    violates: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


BROKEN: Mapping[str, Suspect] = {
    "no mask": Suspect(NoMask, ("causality",)),
    "mask off by one": Suspect(OffByOne, ("causality",)),
    "mask in training only": Suspect(OnlyInTraining, ("causality",)),
    "mask in blocks of three": Suspect(InBlocks, ("causality",)),
    "mask of minus 8": Suspect(SoftMask, ("causality",)),
    "norm over words": Suspect(NormOverWords, ("causality",)),
    "encoder sees pads": Suspect(EncoderSeesPads, ("padding",)),
    "cross-attention sees pads": Suspect(DecoderSeesPads, ("padding",)),
    "pads closed as queries": Suspect(PadsAsQueries, ("padding",)),
    "cross-attention asks the decoder": Suspect(_with_layers(_AsksItself), ("memory",)),
    "cross-attention never used": Suspect(_with_layers(_SkipsTheSource), ("memory",)),
    "encoder deaf to words": Suspect(DeafEncoder, ("memory",)),
    # Whose source has no order: the memory does not notice the same words in another one.
    "places chosen by sentence": Suspect(PlacesOfSentences, ("batch",), may=("memory",)),
    "attention across the batch": Suspect(AcrossTheBatch, ("batch",)),
    "mean over the batch": Suspect(MeanOfTheBatch, ("batch",)),
    "asks the decoder, future open": Suspect(_with_layers(_AsksItselfOpenly), ("causality", "memory")),
}
SOUND = Suspect(reference.Transformer)


def make(name: str, *sizes: int, seed: int = 0, **more: Any) -> nn.Module:  # noqa: ANN401
    """Return a Transformer by its name in `BROKEN`, or a sound one ("sound"); same seed, same weights.

    sizes and more: those of the lesson's Transformer.
    """
    suspect = SOUND if name == "sound" else BROKEN[name]
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return suspect.kind(*sizes, **more)
    finally:
        torch.set_rng_state(state)
