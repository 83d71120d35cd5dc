"""A translator whose attention is changed by hand: heads that are switched off, single weights that are set.

    untouched = write(translator, "The dog sleeps.")
    changed = write(translator, "The dog sleeps.", Edits(off={Head("cross", 1, 0)}))

The model is the same before and after. Its attentions run on a function that computes what `attention` does and then
changes the weights, in the whole forward pass as in single steps with a cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from course.decoding import greedy
from course.errors import CourseError
from course.model import MultiHeadAttention, Transformer, attention, padding_mask
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    from course.translator import Translator

Kind = Literal["encoder", "decoder", "cross"]
KINDS: tuple[Kind, ...] = ("encoder", "decoder", "cross")


@dataclass(frozen=True)
class Head:
    """One head of a model: which attention, which layer of it, which head, both from 0."""

    kind: Kind
    layer: int
    head: int


@dataclass(frozen=True)
class Cell:
    """A weight of the cross-attention that is set by hand; the others of its row share what is left, in proportion.

    layer, head: from 0; head -1 sets it in all heads of the layer. row: the piece that is being written, from 0.
    column: the piece of the source. weight: from 0 to 1.
    """

    layer: int
    head: int
    row: int
    column: int
    weight: float


@dataclass(frozen=True)
class Edits:
    """What is changed: heads whose output is zero, and single weights. Of two weights of one row, the later counts."""

    off: frozenset[Head] = frozenset()
    cells: tuple[Cell, ...] = ()


NOTHING = Edits()


def transformer_of(translator: Translator) -> Transformer:
    """The model of a translator. Raises `CourseError` where it is no Transformer."""
    if not isinstance(translator.model, Transformer):
        raise CourseError(
            "This is a recurrent model: only the heads of a Transformer can be switched or its weights set."
        )
    return translator.model


def heads_of(model: Transformer) -> list[Head]:
    """Every head of a model: the encoder's first, then the decoder's own, then those that look at the source."""
    layers = {"encoder": len(model.encoder.layers), "decoder": len(model.decoder.layers)}
    layers["cross"] = layers["decoder"]
    return [Head(kind, i, h) for kind in KINDS for i in range(layers[kind]) for h in range(model.config.n_heads)]


def attention_of(model: Transformer, kind: Kind, layer: int) -> MultiHeadAttention:
    """The attention that a head belongs to."""
    layers = model.encoder.layers if kind == "encoder" else model.decoder.layers
    part = getattr(layers[layer], "cross_attention" if kind == "cross" else "self_attention")
    assert isinstance(part, MultiHeadAttention)
    return part


@contextmanager
def edited(model: Transformer, edits: Edits, *, stepwise: bool = False) -> Iterator[None]:
    """Inside, the model's attentions are changed.

    stepwise: the model writes piece by piece with a cache, so that the rows of the cross-attention come one after the
    other. Raises `CourseError` for a head or a weight that there is not.
    """
    _check(model, edits)
    kinds_and_layers = sorted({(h.kind, h.layer) for h in edits.off} | {("cross", c.layer) for c in edits.cells})
    before = {}
    try:
        for kind, layer in kinds_and_layers:
            part = attention_of(model, kind, layer)
            before[part] = part.function
            off = sorted(h.head for h in edits.off if (h.kind, h.layer) == (kind, layer))
            cells = [c for c in edits.cells if kind == "cross" and c.layer == layer]
            part.function = _Edited(off, cells, stepwise)
        yield
    finally:
        for part, function in before.items():
            part.function = function


class _Edited:
    """An attention that changes its weights; `row` is the piece that is being written, where pieces come one by one."""

    def __init__(self, off: Sequence[int], cells: Sequence[Cell], stepwise: bool) -> None:
        self.off, self.cells, self.stepwise = list(off), cells, stepwise
        self.row = 0

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q, k, v: (B, H, T, d_head). Returns the output (B, H, Tq, d_head) and the weights as they were used."""
        weights = attention(q, k, v, mask=mask)[1].clone()
        for cell in self.cells:
            _set(weights, cell, self._rows(cell))
        weights[:, self.off] = 0.0
        self.row += 1
        return weights @ v, weights

    def _rows(self, cell: Cell) -> slice:
        """Which rows of the weights at hand are the row that a cell means: where they come one by one, all or none."""
        if not self.stepwise:
            return slice(cell.row, cell.row + 1)
        return slice(None) if cell.row == self.row else slice(0)


def _set(weights: Tensor, cell: Cell, rows: slice) -> None:
    """Set one weight in place, and let the others of its row share the rest in proportion (evenly where all are 0)."""
    heads = slice(None) if cell.head < 0 else slice(cell.head, cell.head + 1)
    part = weights[:, heads, rows]  # a view
    others = part.clone()
    others[..., cell.column] = 0.0
    total = others.sum(-1, keepdim=True)
    even = torch.ones_like(others)
    even[..., cell.column] = 0.0
    shares = torch.where(total > 0, others / total.clamp_min(1e-30), even / max(1, even.shape[-1] - 1))
    part.copy_((1 - cell.weight) * shares)
    part[..., cell.column] = cell.weight if part.shape[-1] > 1 else 1.0


def _check(model: Transformer, edits: Edits) -> None:
    known = set(heads_of(model))
    for head in sorted(edits.off - known, key=str):
        raise CourseError(f"There is no {head}: this model has {_sizes(model)}.")
    for cell in edits.cells:
        inside = cell.head == -1 or Head("cross", cell.layer, cell.head) in known
        if not inside or Head("cross", cell.layer, 0) not in known:
            raise CourseError(f"There is no layer {cell.layer} with head {cell.head}: this model has {_sizes(model)}.")
        if not (0 <= cell.weight <= 1 and cell.row >= 0 and cell.column >= 0):
            raise CourseError(f"{cell} cannot be set: a weight is 0 to 1, its row and its column count from 0.")


def _sizes(model: Transformer) -> str:
    config = model.config
    return (
        f"{config.n_encoder_layers} layers in the encoder and {config.n_decoder_layers} in the decoder, "
        f"of {config.n_heads} heads each, all counted from 0"
    )


# ---- Writing under edits ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """What a translator wrote, greedily, and what it saw and thought of at each piece.

    Attributes:
        text: the translation.
        source, pieces: the source's pieces (S), and the pieces written (T), end tokens included.
        finished: whether the translation ended by itself.
        cross: (L, H, T, S) weights of the cross-attention, as they were used.
        probabilities: (T, V) of the next piece, at each place.
    """

    text: str
    source: tuple[str, ...]
    pieces: tuple[str, ...]
    finished: bool
    cross: Tensor
    probabilities: Tensor

    def best(self, row: int, n: int = 5) -> list[tuple[int, float]]:
        """The n most probable pieces at a place: ids with their probabilities."""
        found = self.probabilities[row].topk(n)
        return list(zip(found.indices.tolist(), found.values.tolist(), strict=True))


def write(translator: Translator, sentence: str, edits: Edits = NOTHING) -> Written:
    """Translate one sentence greedily while the attention is changed.

    Raises `CourseError` as `Translator.translate` and `edited`, and for a model that is no Transformer.
    """
    model, tokenizer = transformer_of(translator), translator.tokenizer
    source = translator.source_ids([sentence])[0]
    src = torch.tensor([source])
    limit = min(len(source) * 3 // 2 + 10, model.config.max_len)
    with edited(model, edits, stepwise=True):
        (found,) = greedy(model, src, max_len=limit)
    labels = [*found.ids, EOS] if found.finished else list(found.ids)
    with edited(model, edits), torch.inference_mode():
        logits, weights = model(
            src, torch.tensor([[BOS, *labels[:-1]]]), src_mask=padding_mask(src, pad=PAD), return_weights=True
        )
    return Written(
        text=tokenizer.decode(labels),
        source=tuple(tokenizer.tokens(source)),
        pieces=tuple(tokenizer.tokens(labels)),
        finished=found.finished,
        cross=torch.cat(weights.cross),
        probabilities=logits[0].softmax(-1),
    )
