"""Weights that do not explain: much other weights and the same next word, hardly other weights and another word.

Jain and Wallace 2019 (section 4.2) permute the weights of an attention, or search for those that are farthest from the
model's own and leave its answer alone. Here a row of the cross-attention is replaced while one piece of a translation
is chosen; everything before it is as it was. Distances between distributions are total variation distances: half the
sum of the absolute differences, from 0 to 1.

A row that was searched for is no row that the model would produce: Wiegreffe and Pinter 2019 (section 4) object that
such rows, one for each instance, are not yet another model with another explanation. So `heads.evened` asks the other
question, for a rule that holds in every sentence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course.lessons.lesson_13.editing import Cell, transformer_of, write
from course.lessons.lesson_13.heads import running_on
from course.model import Transformer, attention
from course.model.transformer import DecoderCache, LayerCache
from course.special import BOS

if TYPE_CHECKING:
    from course.translator import Translator

FAR, NEAR = 0.8, 0.1  # distances of weights: at least, at most
SAME = 0.02  # distance of next words, at most
GROUP = 256  # replacements at once

Places = Sequence[tuple[int, int]]  # (layer, head) of the cross-attention, both from 0


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Total variation distance of distributions (..., n), broadcast: (...) from 0 to 1."""
    return (a - b).abs().sum(-1) / 2


# ---- One row replaced ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """One step of a greedy translation: a piece is about to be chosen.

    row: how many pieces there are already. weights: (L, H, S) of the cross-attention. probabilities: (V,) of the next
    piece. model, given, cache: what is needed to choose again under other weights; given is the last piece's id.
    """

    row: int
    weights: Tensor
    probabilities: Tensor
    model: Transformer
    given: int
    cache: DecoderCache

    @property
    def chosen(self) -> int:
        """The id of the piece that is chosen."""
        return int(self.probabilities.argmax())

    @torch.inference_mode()
    def under(self, rows: Tensor) -> Tensor:
        """The next piece's probabilities (N, V) under N replacements.

        rows: (N, L, H, S), nan where nothing is replaced.
        """
        return torch.cat([_next(self.model, self.given, self.cache, group).softmax(-1) for group in rows.split(GROUP)])


@torch.inference_mode()
def moments(translator: Translator, sentence: str) -> Iterator[Moment]:
    """Every step of the greedy translation of a sentence, the choice of the end token included."""
    model = transformer_of(translator)
    untouched = write(translator, sentence)
    memory = model.encode(torch.tensor(translator.source_ids([sentence])))
    cache, given = model.start_cache(memory), BOS
    for row in range(len(untouched.pieces)):
        before = copy.copy(cache)  # `step` writes behind `length`, which stays what it was in the copy
        p = model.step(torch.tensor([given]), cache)[0].softmax(-1)
        yield Moment(row, untouched.cross[:, :, row], p, model, given, before)
        given = int(p.argmax())


def _next(model: Transformer, given: int, cache: DecoderCache, rows: Tensor) -> Tensor:
    """Logits (N, V) of the next piece after `given`: N hypotheses that share one source and one past."""
    n = len(rows)
    layers = [
        LayerCache(_copies(each.own_k, n), _copies(each.own_v, n), each.cross_k, each.cross_v) for each in cache.layers
    ]
    many = DecoderCache(layers, None, beam_size=n, length=cache.length, room=layers[0].own_k.shape[2])
    functions = {("cross", layer): _Rows(rows[:, layer]) for layer in range(rows.shape[1])}
    with running_on(model, functions):  # type: ignore[arg-type]
        return model.step(torch.full((n,), given), many)


def _copies(own: Tensor, n: int) -> Tensor:
    """(1, H, room, d_head) -> (n, H, room, d_head), each to be written in."""
    return own.expand(n, -1, -1, -1).clone()


class _Rows:
    """An attention in which query n has the weights rows[n] (N, H, S) where they are not nan."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows.transpose(0, 1)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q (1, H, N, d_head), k, v (1, H, S, d_head). Returns the output (1, H, N, d_head), and the weights."""
        weights = attention(q, k, v, mask=mask)[1]
        weights = torch.where(self.rows.isnan(), weights, self.rows)
        return weights @ v, weights


def replaced(moment: Moment, places: Places, rows: Tensor) -> Tensor:
    """N replacements for `Moment.under`, in some heads at once; rows (N, S), or (N, places, S) for one row a head."""
    found = moment.weights.new_full((len(rows), *moment.weights.shape), torch.nan)
    for at, (layer, head) in enumerate(places):
        found[:, layer, head] = rows if rows.ndim == 2 else rows[:, at]
    return found


def moved(moment: Moment, places: Places, rows: Tensor) -> Tensor:
    """How far N replacements are from the model's own weights (N,): in the head where they are nearest."""
    own = torch.stack([moment.weights[place] for place in places])
    return distance(rows if rows.ndim == 3 else rows[:, None], own).amin(-1)


# ---- Which rows are tried --------------------------------------------------------------------------------------------


def one_hot(moment: Moment) -> Tensor:
    """All weight on one piece of the source, for each of them: (S, S)."""
    return torch.eye(moment.weights.shape[-1])


def even(moment: Moment) -> Tensor:
    """The same weight everywhere: (1, S)."""
    n = moment.weights.shape[-1]
    return torch.full((1, n), 1 / n)


def permuted(moment: Moment, places: Places, generator: torch.Generator) -> Tensor:
    """The model's own weights in another order, the same in all heads: (1, places, S)."""
    order = torch.randperm(moment.weights.shape[-1], generator=generator)
    return torch.stack([moment.weights[place][order] for place in places])[None]


def pushed(moment: Moment, places: Places, by: float = NEAR) -> Tensor:
    """Weights of which a part `by` is moved to a piece of the source or away from it, for each: (M, places, S).

    The others give or take in proportion, as in `Cell`. Where a piece has less to give, or to take, there is no such
    row.
    """
    own = torch.stack([moment.weights[place] for place in places])  # (places, S)
    found = []
    for column in range(own.shape[-1]):
        for part in (by, -by):
            target = own[:, column] + part
            if bool(((target >= 0) & (target <= 1)).all()):
                found.append(_with(own, column, target))
    return torch.stack(found) if found else own.new_empty(0, *own.shape)


def _with(own: Tensor, column: int, weight: Tensor) -> Tensor:
    """Rows (places, S) with one weight (places,) set and the others in proportion."""
    others = own.clone()
    others[:, column] = 0
    total = others.sum(-1, keepdim=True)
    row = others / total.clamp_min(1e-30) * (1 - weight)[:, None]
    row[:, column] = weight
    return row


def as_cells(layer: int, head: int, row: int, weights: Sequence[float]) -> tuple[Cell, ...]:
    """The cells that give a row of the cross-attention exactly these weights, one after the other.

    Each sets its weight as the share it has of those so far. weights: of all pieces of the source, sum 1; head -1 for
    all heads of the layer.
    """
    cells, so_far = [], 0.0
    for column, weight in enumerate(weights):
        if weight > 0:
            so_far += weight
            cells.append(Cell(layer, head, row, column, min(1.0, weight / so_far)))
    return tuple(cells)
