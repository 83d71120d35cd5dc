"""The Transformer, piece by piece: whose part is whose, and a translator that runs on the learner's own numpy pieces.

    pieces = own_pieces()                      # what the workbook holds, and the reference for the rest
    rows_of_pieces(pieces)                     # whose part is whose
    slow = assembled(translator, pieces)       # the same weights; attention, masks and positions are the pieces

numpy knows no gradients, so nothing trains on these pieces. Training runs on torch, whose attention is the same
function in a form that has a gradient; what `assembled` gives back shows that it is the same function.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from course.lab.exercises import all_exercises, workbook
from course.model.attention import MultiHeadAttention
from course.special import PAD

if TYPE_CHECKING:
    from course.model import Transformer
    from course.model.attention import AttentionFunction
    from course.translator import Translator

Function = Callable[..., Any]


@dataclass(frozen=True)
class Piece:
    """A part of the translator. exercise: the id of the one that writes it, in `lesson`; used: where it works."""

    name: str
    exercise: str
    lesson: int
    used: str


# In the order in which a sentence meets them. "numpy": the translator that is assembled by hand runs on it; "training":
# what is trained runs on it; "writing": what is written is found by it; "scores": the analysis runs on it; "": its own
# lesson shows it at work.
PIECES = (
    Piece("cutting text into pieces", "bpe_train", 9, ""),
    Piece("padded batches", "make_batch", 9, ""),
    Piece("table of positions", "positional_encoding", 6, "numpy, training"),
    Piece("positions added", "add_positions", 6, "numpy"),
    Piece("positions by turning", "rotary", 6, "numpy"),
    Piece("embeddings and positions", "embed", 8, "training"),
    Piece("mask of the padding", "padding_mask", 5, "numpy, training"),
    Piece("softmax", "softmax", 3, ""),
    Piece("attention", "attention", 3, "numpy"),
    Piece("attention in torch", "torch_attention", 7, "training"),
    Piece("several heads", "multi_head_attention", 4, "numpy"),
    Piece("several heads in torch", "MultiHeadAttention", 7, "training"),
    Piece("norm", "layer_norm", 7, "training"),
    Piece("feed-forward", "FeedForward", 7, "training"),
    Piece("residual path", "residual_block", 7, "training"),
    Piece("layer of the encoder", "EncoderLayer", 8, "training"),
    Piece("stack of layers", "stack", 7, "training"),
    Piece("mask of the future", "causal_mask", 5, "numpy"),
    Piece("mask of the decoder", "decoder_mask", 5, "numpy, training"),
    Piece("layer of the decoder", "DecoderLayer", 8, "training"),
    Piece("the whole Transformer", "Transformer", 8, "training"),
    Piece("shifted targets", "shift", 10, "training"),
    Piece("loss", "loss", 10, "training"),
    Piece("label smoothing", "smooth_labels", 10, "training"),
    Piece("learning rate", "noam", 10, "training"),
    Piece("training step", "training_step", 12, "training"),
    Piece("greedy search", "greedy", 11, "writing"),
    Piece("beam search", "beam", 11, "writing"),
    Piece("decoding with a cache", "incremental", 11, ""),
    Piece("errors by phenomenon", "accuracy_by_phenomenon", 12, "scores"),
)
IN_THE_MODEL = tuple(piece.exercise for piece in PIECES if piece.used.startswith("numpy"))


@dataclass(frozen=True)
class OwnPieces:
    """The functions in use, by exercise, and for each in words whose it is.

    Only exercises that exist are in it; pieces of lessons still to be written are the reference's.
    """

    functions: Mapping[str, Function]
    owners: Mapping[str, str]

    def __getitem__(self, exercise: str) -> Function:
        return self.functions[exercise]


def own_pieces() -> OwnPieces:
    """Take each piece from the workbook if it is kept there and still passes its check, and the reference otherwise.

    This executes the learner's own source from the workbook.
    """
    known = {exercise.id for exercise in all_exercises()}
    functions: dict[str, Function] = {}
    owners: dict[str, str] = {}
    for piece in PIECES:
        if piece.exercise in known:
            said: list[str] = []
            functions[piece.exercise] = workbook.load(piece.exercise, report=said.append)
            owners[piece.exercise] = said[0].partition(": ")[2]
    return OwnPieces(functions, owners)


def rows_of_pieces(pieces: OwnPieces) -> list[tuple[str, ...]]:
    """Say whose part is whose, in the order in which a sentence meets the pieces: rows, names of the columns first."""
    rows: list[tuple[str, ...]] = [("piece", "exercise", "lesson", "at work in", "whose")]
    return rows + [
        (
            piece.name,
            piece.exercise,
            f"{piece.lesson:02d}",
            piece.used or f"lesson {piece.lesson:02d}",
            _owner(piece, pieces),
        )
        for piece in PIECES
    ]


def _owner(piece: Piece, pieces: OwnPieces) -> str:
    return pieces.owners.get(piece.exercise, f"the reference (lesson {piece.lesson:02d} will write it)")


# A translator on numpy pieces


def assembled(translator: Translator, pieces: OwnPieces | Mapping[str, Function]) -> Translator:
    """Return a translator with the same weights that attends with `pieces`; the given one stays as it is.

    pieces: functions on numpy arrays, by exercise: those of `IN_THE_MODEL`. Where the decoder looks at the source,
    `multi_head_attention` does it whole, but for a model with biases, which that piece has no place for; elsewhere,
    `attention` does in each head. Of the positions, `rotary` works where the model has rotary ones, and
    `positional_encoding` with `add_positions` where it has sinusoids. It is slow, for each piece leaves torch and comes
    back, and it cannot be trained.
    """
    from course.translator import Translator

    model = copy.deepcopy(translator.model)
    return Translator(AssembledTransformer(model, pieces), translator.tokenizer, translator.info)  # type: ignore[arg-type]


class AssembledTransformer(nn.Module):
    """A trained Transformer in which pieces of numpy work; decodes and explains as `Transformer` does.

    model: is changed: its layers attend with the pieces from now on, and its words get their positions from them.
    """

    def __init__(self, model: Transformer, pieces: OwnPieces | Mapping[str, Function]):
        super().__init__()
        self.model = model
        self.config = model.config
        self.pieces = pieces
        attend = from_numpy(pieces["attention"])
        for part in model.modules():
            if isinstance(part, MultiHeadAttention):
                part.function = attend
        for layer in model.decoder:
            layer.self_attention.function = self._causal(attend)
            if not model.config.bias:
                layer.cross_attention = WholeAttention(layer.cross_attention, pieces["multi_head_attention"])  # type: ignore[assignment]
        self._place_words()

    def _place_words(self) -> None:
        """Positions by the pieces."""
        model, d = self.model, self.config.d_model
        if self.config.positions == "sinusoidal":
            table = np.array(self.pieces["positional_encoding"](self.config.max_len, d))
            model.position_table = torch.from_numpy(table).to(model.position_table)
            model.adding = on_tensors(self.pieces["add_positions"])
        if self.config.positions == "rotary":
            model.turning = on_tensors(self.pieces["rotary"])

    def _causal(self, attend: AttentionFunction) -> AttentionFunction:
        """Attention of the decoder to itself.

        The model hides the future by itself, and hands over a mask (Tq, Tk) that says no more than that: the piece
        takes its place. A mask with an axis for sentences comes from `decoder_mask` below.
        """

        def attend_to_the_past(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
            if mask is None or mask.dim() == 2:
                n_queries, n_keys = q.shape[-2], k.shape[-2]
                mask = torch.from_numpy(np.array(self.pieces["causal_mask"](n_keys)))[n_keys - n_queries :]
            return attend(q, k, v, mask=mask)

        return attend_to_the_past

    def _padding(self, tokens: Tensor) -> Tensor:
        """(B, T) ids -> (B, 1, 1, T), by the piece."""
        return torch.from_numpy(np.array(self.pieces["padding_mask"](tokens.numpy(), PAD)))

    def _same_padding(self, mask: Tensor | None) -> Tensor | None:
        """A mask that somebody else made, made again by the piece: from tokens of which only the pads are known."""
        if mask is None:
            return None
        return self._padding(torch.where(mask[:, 0, 0], PAD + 1, PAD))

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        *,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        return_weights: bool = False,
    ) -> Any:  # noqa: ANN401
        """As `Transformer.forward`; both masks are made by the pieces, whatever was given."""
        own = torch.from_numpy(np.array(self.pieces["decoder_mask"](tgt.numpy(), PAD)))
        return self.model(src, tgt, src_mask=self._padding(src), tgt_mask=own, return_weights=return_weights)

    def encode(self, src: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """As `Transformer.encode`, under the piece's padding mask."""
        return self.model.encode(src, src_mask=self._padding(src))

    def decode(self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """As `Transformer.decode`."""
        return self.model.decode(tgt, memory, src_mask=self._same_padding(src_mask))

    def start_cache(self, memory: Tensor, *, src_mask: Tensor | None = None, beam_size: int = 1) -> Any:  # noqa: ANN401
        """As `Transformer.start_cache`."""
        return self.model.start_cache(memory, src_mask=self._same_padding(src_mask), beam_size=beam_size)

    def step(self, tokens: Tensor, cache: Any) -> Tensor:  # noqa: ANN401
        """As `Transformer.step`."""
        return self.model.step(tokens, cache)


class WholeAttention(nn.Module):
    """The decoder's look at the source, whole: projections, heads and all are numpy's `multi_head_attention`.

    attention: the one whose place it takes. The piece projects by itself, so what is handed from step to step as keys
    and values is the memory as it is, (B, 1, S, d). It returns no weights: where they are asked for, `attention` does.
    """

    def __init__(self, attention: MultiHeadAttention, piece: Function):
        super().__init__()
        self.attention, self.piece = attention, piece
        stacked = attention.in_proj.weight.detach().numpy()
        self.W = dict(zip("qkv", np.split(stacked.T, 3, axis=1), strict=True))
        self.W["o"] = attention.out_proj.weight.detach().numpy().T

    def project_queries(self, x: Tensor) -> Tensor:
        """(B, Tq, d) -> (B, 1, Tq, d), as it is."""
        return x[:, None]

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, d) -> two of (B, 1, S, d), as it is."""
        return memory[:, None], memory[:, None]

    def attend(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, None]:
        """q (B, 1, Tq, d), k (B, 1, S, d) -> (B, Tq, d), by the piece, and no weights."""
        arrays = (q[:, 0].numpy(), k[:, 0].numpy(), self.W, self.attention.n_heads)
        output = self.piece(*arrays, None if mask is None else mask.numpy())
        return torch.from_numpy(np.array(output)).to(q), None

    def forward(
        self, x_q: Tensor, x_kv: Tensor, *, mask: Tensor | None = None, return_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """x_q (B, Tq, d) looks at x_kv (B, Tk, d), as in `MultiHeadAttention`."""
        output, _ = self.attend(self.project_queries(x_q), *self.project_memory(x_kv), mask=mask)
        return output, self.attention(x_q, x_kv, mask=mask, return_weights=True)[1] if return_weights else None


def on_tensors(function: Function) -> Function:
    """Let a function from numpy arrays to an array work on torch tensors, in the precision of the first."""

    def work(first: Tensor, *others: Tensor, **how: Any) -> Tensor:  # noqa: ANN401
        found = function(first.numpy(), *(each.numpy() for each in others), **how)
        return torch.from_numpy(np.array(found)).to(first)

    return work


def from_numpy(attention: Function) -> AttentionFunction:
    """Let a numpy attention (q, k, v, mask) -> (output, weights) work on torch tensors, in their own precision."""

    def attend(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        arrays = (part.detach().cpu().numpy() for part in (q, k, v))
        found = attention(*arrays, None if mask is None else mask.cpu().numpy())
        output, weights = (torch.from_numpy(np.array(part)).to(q) for part in found)
        return output, weights

    return attend


@torch.inference_mode()
def logits_apart(one: Translator, other: Translator, pairs: Mapping[str, str]) -> float:
    """Largest difference between two translators' logits while they are made to say given translations.

    pairs: source -> translation. All sentences go through in one padded batch, as in training.
    """
    from course.data.batches import make_batch
    from course.model import padding_mask

    tokenizer = one.tokenizer
    batch = make_batch([(tokenizer.encode(source), tokenizer.encode(target)) for source, target in pairs.items()])
    real = batch.labels != PAD
    src_mask = padding_mask(batch.src, pad=PAD)
    a, b = (each.model(batch.src, batch.tgt_in, src_mask=src_mask)[real] for each in (one, other))
    return float((a - b).abs().max())
