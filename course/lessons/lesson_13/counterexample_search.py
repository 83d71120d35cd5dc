"""How often weights do not explain, over many sentences, and the plainest cases, which anybody can repeat.

`write(translator, case.sentence, Edits(cells=case.cells))` does, for a case of `head_experiments.kept_cases`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from course.data.embedded import Pair
from course.lessons.lesson_13.counterexamples import (
    FAR,
    SAME,
    Moment,
    distance,
    even,
    moments,
    moved,
    one_hot,
    permuted,
    pushed,
    replaced,
)
from course.lessons.lesson_13.editing import Cell, Edits, transformer_of, write
from course.lessons.lesson_13.heads import Measured, measured, share
from course.model import Transformer

if TYPE_CHECKING:
    from course.translator import Translator

UNSURE = 0.97  # pieces that the model is surer of are not asked whether a push changes them
FEWEST = 10  # pieces that a share is taken of
Group = tuple[tuple[int, int], ...]  # (layer, head) of the cross-attention that are replaced together, both from 0


def groups_of(model: Transformer) -> list[Group]:
    """What is replaced: each head by itself, all heads of each layer, and all heads of all layers."""
    layers = [
        tuple((layer, head) for head in range(model.config.n_heads)) for layer in range(model.config.n_decoder_layers)
    ]
    everything = tuple(place for layer in layers for place in layer)
    return [*((place,) for place in everything), *layers, everything]


# ---- Much other weights, the same next word --------------------------------------------------------------------------


@dataclass(frozen=True)
class Unmoved:
    """How often one group's weights can be far from the model's own (`FAR`) while the next word stays (`SAME`).

    Shares of pieces, from 0 to 1, with intervals over sentences. found: where some row with all weight in one place
    does it, and is far. needed: the same, of the pieces that need the source: without any cross-attention another one
    would be chosen. even, permuted: of the pieces where equal weights, or the model's own in another order, are far;
    their number first, and no share of fewer than `FEWEST`.
    """

    group: Group
    found: Measured
    needed: Measured | None
    even: tuple[int, Measured | None]
    permuted: tuple[int, Measured | None]


@dataclass(frozen=True)
class UnmovedCounts:
    """The counts over so many sentences: pieces, those that need the source, and a row for each group."""

    sentences: int
    pieces: int
    needing: int
    rows: tuple[Unmoved, ...]


def unmoved(translator: Translator, pairs: Sequence[Pair], *, seed: int = 13) -> UnmovedCounts:
    """Replace the weights of each group at each piece of each pair's greedy translation."""
    groups = groups_of(transformer_of(translator))
    generator = torch.Generator().manual_seed(seed)
    counts = np.zeros((len(pairs), len(groups), 8))
    for at, pair in enumerate(pairs):
        for moment in moments(translator, pair.source):
            needs = needs_the_source(moment)
            for g, group in enumerate(groups):
                counts[at, g] += _stays(moment, group, needs, generator)
    rows = tuple(_unmoved(group, counts[:, g]) for g, group in enumerate(groups))
    return UnmovedCounts(len(pairs), int(counts[:, 0, 0].sum()), int(counts[:, 0, 2].sum()), rows)


def needs_the_source(moment: Moment) -> bool:
    """Whether another piece would be chosen if the cross-attention added nothing at this step."""
    nothing = torch.zeros(1, *moment.weights.shape)
    return int(moment.under(nothing)[0].argmax()) != moment.chosen


def _stays(moment: Moment, group: Group, needs: bool, generator: torch.Generator) -> tuple[float, ...]:
    """Pieces, found; those that need the source, found; even far, same; permuted far, same: 0 or 1."""
    hot, flat, mixed = one_hot(moment), even(moment), permuted(moment, group, generator)
    rows = torch.cat([row if row.ndim == 3 else row[:, None].expand(-1, len(group), -1) for row in (hot, flat, mixed)])
    far = moved(moment, group, rows) >= FAR
    same = far & (distance(moment.under(replaced(moment, group, rows)), moment.probabilities) <= SAME)
    found = bool(same[: len(hot)].any())
    return (
        1.0, found, needs, found and needs,
        *(float(x) for pair in zip(far[len(hot) :].tolist(), same[len(hot) :].tolist(), strict=True) for x in pair),
    )  # fmt: skip


def _unmoved(group: Group, counts: np.ndarray) -> Unmoved:
    """Shares from counts (N, 8) of `_stays`."""

    def of(whole: int) -> Measured | None:
        enough = counts[:, whole].sum() >= FEWEST
        return measured(_safe_share, counts[:, [whole + 1, whole]]) if enough else None

    return Unmoved(
        group, measured(share, counts[:, [1, 0]]), of(2),
        (int(counts[:, 4].sum()), of(4)), (int(counts[:, 6].sum()), of(6)),
    )  # fmt: skip


def _safe_share(counts: np.ndarray) -> np.ndarray:
    """`share`, and 0 where a resample holds nothing to take a share of."""
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


# ---- Hardly other weights, another word ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flips:
    """How often a push of at most `NEAR` of one group's weights makes the model choose another piece: a share."""

    group: Group
    pieces: int
    flipped: Measured


@dataclass(frozen=True)
class FlipCounts:
    """The counts over so many sentences of a split: pieces, those that were asked, and a row for each group."""

    split: str
    sentences: int
    pieces: int
    asked: int
    rows: tuple[Flips, ...]


def flips(translator: Translator, split: str, pairs: Sequence[Pair], *, unsure: float = UNSURE) -> FlipCounts:
    """Push the weights of each group at each piece that the model is not surer of than `unsure`.

    The shares are of all pieces.
    """
    groups = groups_of(transformer_of(translator))
    counts = np.zeros((len(pairs), len(groups), 2))
    asked = 0
    for at, pair in enumerate(pairs):
        for moment in moments(translator, pair.source):
            counts[at, :, 1] += 1
            if float(moment.probabilities.max()) <= unsure:
                asked += 1
                counts[at, :, 0] += [len(_flipping(moment, group)[0]) > 0 for group in groups]
    rows = [Flips(g, int(counts[:, i, 0].sum()), measured(share, counts[:, i])) for i, g in enumerate(groups)]
    return FlipCounts(split, len(pairs), int(counts[:, 0, 1].sum()), asked, tuple(rows))


def _flipping(moment: Moment, group: Group) -> tuple[Tensor, Tensor]:
    """The pushed rows (M, places, S) that make another piece the best, and how far the next word is then (M,)."""
    rows = pushed(moment, group)
    if not len(rows):
        return rows, rows.new_empty(0)
    p = moment.under(replaced(moment, group, rows))
    flipped = p.argmax(-1) != moment.chosen
    return rows[flipped], distance(p[flipped], moment.probabilities)


# ---- Cases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One counterexample, as it is found again with `write(translator, sentence, Edits(cells=cells))`.

    kind: "same word" under far weights, or "another word" under near ones. row: the piece (from 0) at which weights are
    set, column: the piece of the source that gets them or loses them. pieces and texts: untouched and changed.
    moved: distance of the weights, of the head where it is nearest ("same word") or farthest. next: distance of the
    next piece's distributions. probabilities: of the untouched piece, before and after.
    """

    kind: Literal["same word", "another word"]
    split: str
    sentence: str
    target: str
    group: Group
    row: int
    column: int
    cells: tuple[Cell, ...]
    moved: float
    next: float
    looked: tuple[str, str]
    pieces: tuple[str, str]
    probabilities: tuple[float, float]
    texts: tuple[str, str]


def case_of(
    translator: Translator, kind: Literal["same word", "another word"], split: str, pair: Pair, cells: Sequence[Cell]
) -> Case:
    """Measure a case as anybody would: by `write`, untouched and under the cells, which are all of one row."""
    cells = tuple(cells)
    row, column = cells[0].row, cells[0].column
    before, after = write(translator, pair.source), write(translator, pair.source, Edits(cells=cells))
    group = tuple((cell.layer, cell.head) for cell in cells)
    ways = [float(distance(after.cross[place][row], before.cross[place][row])) for place in group]
    layer = group[-1][0]
    chosen = before.best(row, 1)[0][0]
    return Case(
        kind, split, pair.source, pair.target, group, row, column, cells,
        min(ways) if kind == "same word" else max(ways),
        float(distance(after.probabilities[row], before.probabilities[row])),
        (before.source[int(before.cross[layer, [h for _, h in group], row].mean(0).argmax())], before.source[column]),
        (before.pieces[row], after.pieces[row]),
        (float(before.probabilities[row, chosen]), float(after.probabilities[row, chosen])),
        (before.text, after.text),
    )  # fmt: skip


def same_word_cases(translator: Translator, split: str, pairs: Iterable[Pair], group: Group, n: int) -> list[Case]:
    """The n cases in which the next word moves least while all of a group's weight goes to one other place.

    Only pieces that begin a word and need the source, where the whole translation stays as it was, and the other place
    is another word.
    """
    found = []
    for pair in pairs:
        for moment in moments(translator, pair.source):
            hot = one_hot(moment)
            far = moved(moment, group, hot) >= FAR
            away = distance(moment.under(replaced(moment, group, hot)), moment.probabilities).where(far, torch.inf)
            if float(away.min()) <= SAME and needs_the_source(moment):
                found.append((float(away.min()), pair, moment.row, int(away.argmin())))
    cases = []
    for _, pair, row, column in sorted(found, key=lambda each: each[0]):
        cells = [Cell(layer, head, row, column, 1.0) for layer, head in group]
        case = case_of(translator, "same word", split, pair, cells)
        begins = case.pieces[0].startswith("▁")
        if begins and case.texts[0] == case.texts[1] and case.looked[0] != case.looked[1]:
            cases.append(case)
        if len(cases) == n:
            break
    return cases


def another_word_cases(
    translator: Translator, split: str, pairs: Iterable[Pair], group: Group, *, unsure: float = UNSURE
) -> list[Case]:
    """All cases in which a push of a group's weights makes another translation, the farthest next word first."""
    cases = []
    for pair in pairs:
        for moment in moments(translator, pair.source):
            if float(moment.probabilities.max()) > unsure:
                continue
            rows, away = _flipping(moment, group)
            if len(rows):
                cells = _as_cells(moment, group, rows[int(away.argmax())])
                cases.append(case_of(translator, "another word", split, pair, cells))
    return sorted(cases, key=lambda case: -case.next)


def _as_cells(moment: Moment, group: Group, row: Tensor) -> list[Cell]:
    """A pushed row (places, S) as one cell for each head, its weight in four digits and not beyond the push."""
    own = torch.stack([moment.weights[place] for place in group])
    column = int((row - own).abs().sum(0).argmax())
    cells = []
    for (layer, head), had, gets in zip(group, own[:, column].tolist(), row[:, column].tolist(), strict=True):
        weight = float(np.floor(1e4 * gets) if gets > had else np.ceil(1e4 * gets)) / 1e4
        cells.append(Cell(layer, head, moment.row, column, weight))
    return cells


def repairs(case: Case) -> bool:
    """Whether the changed weights make a wrong translation right."""
    return case.texts[0] != case.target == case.texts[1]
