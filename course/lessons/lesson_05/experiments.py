"""The measurements of lesson 05: what each classic mistake lets through, and what a row gives that may see nothing.

A *reader* here is a function from the vectors of a sentence (T, d) to its outputs (T, d_v): a decoder's self-attention,
right or with one mistake. The leak meter (`influence`, the learner's own) looks at it from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table, show_table
from course.lessons.lesson_03.reference import softmax
from course.lessons.lesson_05.reference import causal_mask, decoder_mask

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]
    Attention = Callable[..., tuple[Array, Array]]
    Influence = Callable[[Callable[[Array], Array], Array, Array], Array]
    Reader = Callable[[Array], tuple[Array, Array]]  # x (T, d) -> outputs (T, d_v), weights (T, T)
    MakeReader = Callable[[Array, int], Reader]  # tokens (T,), pad -> a reader of that sentence

MOVES = 1e-9  # a smaller change is the noise of floating point
RIGHT = "as it should be"


# --- readers with one mistake -----------------------------------------------------------------------------------


def _after_the_softmax(scores: Array, mask: Array) -> Array:
    return softmax(scores) * mask


def _zero_for_minus_infinity(scores: Array, mask: Array) -> Array:
    return softmax(np.where(mask, scores, 0.0))


def _real(tokens: Array, pad: int) -> Array:
    return np.asarray(tokens) != pad


def _all(tokens: Array) -> Array:
    return np.ones((len(tokens), len(tokens)), dtype=bool)


_WRONG_MASKS: dict[str, Callable[[Array, int], Array]] = {
    "no mask at all": lambda tokens, pad: _all(tokens),
    "the other triangle": lambda tokens, pad: np.triu(_all(tokens)) & _real(tokens, pad),
    "one step too far": lambda tokens, pad: np.tril(_all(tokens), k=1) & _real(tokens, pad),
    "one step too few": lambda tokens, pad: np.tril(_all(tokens), k=-1) & _real(tokens, pad),
    "True and False exchanged": lambda tokens, pad: ~_rule(tokens, pad),
    "the future not hidden": lambda tokens, pad: _all(tokens) & _real(tokens, pad),
    "pads not hidden": lambda tokens, pad: causal_mask(len(tokens)),
    "pads hidden as queries": lambda tokens, pad: causal_mask(len(tokens)) & _real(tokens, pad)[:, None],
    "or instead of and": lambda tokens, pad: causal_mask(len(tokens)) | _real(tokens, pad),
}
_WRONG_SOFTMAXES: dict[str, Callable[[Array, Array], Array]] = {
    "mask after the softmax": _after_the_softmax,
    "0 instead of minus infinity": _zero_for_minus_infinity,
}
MISTAKES = (*_WRONG_MASKS, *_WRONG_SOFTMAXES)


def _rule(tokens: Array, pad: int) -> Array:
    """Return who may see whom (T, T) in one sentence (T,): what a decoder's mask has to say."""
    return decoder_mask(np.asarray(tokens)[None], pad)[0, 0]


def readers(
    *,
    attention: Attention,
    decoder_mask: Callable[[Array, int], Array],
    projections: Sequence[Array],
) -> dict[str, MakeReader]:
    """Return makers of readers by name: first that of the given functions, then each with one classic mistake.

    Args:
        attention: (q, k, v, mask) -> (output, weights); what is wrong is never in it.
        decoder_mask: (tokens (B, T), pad) -> (B, 1, T, T), for the first reader.
        projections: W_Q, W_K (d, d_k) and W_V (d, d_v), the same in all readers.

    Returns:
        For each name a function that takes tokens (T,) and the pad id, and returns the reader of that sentence.
    """

    def masked(mask_of: Callable[[Array, int], Array]) -> MakeReader:
        return lambda tokens, pad: _reader(attention, mask_of(tokens, pad), projections)

    def weighted(weigh: Callable[[Array, Array], Array]) -> MakeReader:
        return lambda tokens, pad: _reader(_attention_with(weigh), _rule(tokens, pad), projections)

    return {
        RIGHT: masked(lambda tokens, pad: decoder_mask(np.asarray(tokens)[None], pad)[0, 0]),
        **{name: masked(mask_of) for name, mask_of in _WRONG_MASKS.items()},
        **{name: weighted(weigh) for name, weigh in _WRONG_SOFTMAXES.items()},
    }


def _reader(attention: Attention, mask: Array, projections: Sequence[Array]) -> Reader:
    w_q, w_k, w_v = projections
    return lambda x: attention(x @ w_q, x @ w_k, x @ w_v, mask)


def _attention_with(weigh: Callable[[Array, Array], Array]) -> Attention:
    def attention(q: Array, k: Array, v: Array, mask: Array) -> tuple[Array, Array]:
        weights = weigh(q @ k.T / np.sqrt(q.shape[-1]), mask)
        return weights @ v, weights

    return attention


# --- what the meter reads ---------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Reading:
    """What the meter reads of one reader on one sentence; outputs at pads are left out, since nobody uses them.

    Printed, it is a line of its findings.

    Attributes:
        moved: (T, T) how far output i moves when token j is exchanged.
        rule: (T, T) who may see whom.
        real: (T,) which tokens are no pads.
        sums: the sums of the weights of each real row.
    """

    moved: Array
    rule: Array
    real: Array
    sums: Array

    @property
    def leaks(self) -> Array:
        """(T, T) which outputs move although they must not."""
        return (self.moved > MOVES) & ~self.rule & self.real[:, None]

    @property
    def blind(self) -> Array:
        """(T, T) which outputs do not move although they should."""
        return (self.moved <= MOVES) & self.rule & self.real[:, None]

    @property
    def future(self) -> float:
        """The largest move of an output by a word that stands after it."""
        later = ~causal_mask(len(self.real)) & self.real & self.real[:, None]
        return float(self.moved[later].max(initial=0.0))

    @property
    def pads(self) -> float:
        """The largest move of a real token's output by a pad."""
        return float(self.moved[self.real][:, ~self.real].max(initial=0.0))

    def __repr__(self) -> str:
        sums = f"{self.sums.min():.2f} to {self.sums.max():.2f}" if len(self.sums) else "none"
        return (
            f"from the future {self.future:.2f}, from pads {self.pads:.2f}, not seen {int(self.blind.sum())}, "
            f"row sums of words {sums}"
        )


def read(make: MakeReader, tokens: Array, pad: int, *, x: Array, other: Array, influence: Influence) -> Reading:
    """Measure one reader on one sentence.

    Args:
        make: one of `readers`.
        tokens: (T,) ids.
        pad: the id of padding.
        x: (T, d) vectors of the tokens.
        other: (T, d) vectors to exchange them for.
        influence: the meter.

    Raises:
        CourseError: other than one id for each vector.
    """
    if np.shape(tokens) != (len(x),):
        raise CourseError(
            f"The meter reads one sentence with an id for each of its {len(x)} vectors, so tokens have the shape "
            f"({len(x)},); these have {np.shape(tokens)}."
        )
    reader = make(tokens, pad)
    moved = np.asarray(influence(lambda vectors: reader(vectors)[0], x, other))
    real = _real(tokens, pad)
    return Reading(moved, _rule(tokens, pad), real, reader(x)[1].sum(axis=-1)[real])


def read_mask(
    mask: Callable[[Array, int], Array],
    tokens: Array,
    pad: int,
    *,
    attention: Attention,
    projections: Sequence[Array],
    x: Array,
    other: Array,
    influence: Influence,
) -> Reading:
    """Measure a mask, (tokens (B, T), pad) -> (B, 1, T, T), in an attention that is right; the rest as in `read`."""
    made = readers(attention=attention, decoder_mask=mask, projections=projections)
    return read(made[RIGHT], tokens, pad, x=x, other=other, influence=influence)


def padded(words: int, pads: int, side: str, *, pad: int) -> Array:
    """Return ids (words + pads,) of a sentence with padding on a side; the ids of its words are 4, 5, and so on."""
    real, empty = np.arange(4, 4 + words), np.full(pads, pad)
    return np.concatenate([empty, real] if side == "left" else [real, empty])


def measure_mistakes(
    made: Mapping[str, MakeReader], *, pad: int, x: Array, other: Array, influence: Influence, pads: int = 2
) -> dict[str, dict[str, Reading]]:
    """Measure every reader on a sentence padded on the right, and on one padded on the left.

    Args:
        made: `readers`.
        pad: the id of padding.
        x: (T, d) vectors of the tokens.
        other: (T, d) vectors to exchange them for.
        influence: the meter.
        pads: how many of the T tokens are padding.

    Returns:
        By name of the reader and by side ("right", "left") what the meter read.
    """
    tokens = {side: padded(len(x) - pads, pads, side, pad=pad) for side in ("right", "left")}
    return {
        name: {
            side: read(make, ids, pad, x=x, other=other, influence=influence) for side, ids in tokens.items()
        }
        for name, make in made.items()
    }  # fmt: skip


def show_mistakes(measured: Mapping[str, Mapping[str, Reading]]) -> None:
    """Display what `measure_mistakes` found, a row for each reader."""
    rows = []
    for name, by_side in measured.items():
        both = by_side.values()
        sums = np.concatenate([reading.sums for reading in both])
        rows.append(
            (
                name,
                f"{max(reading.future for reading in both):.2f}",
                f"{by_side['right'].pads:.2f}",
                f"{by_side['left'].pads:.2f}",
                int(by_side["right"].blind.sum()),
                f"{sums.min():.2f} to {sums.max():.2f}",
            )
        )
    head = ("reader", "from the future", "from pads, right", "from pads, left", "not seen", "row sums of words")
    show_table(head, rows)


# --- rows that may see nothing ----------------------------------------------------------------------------------


def _added(scores: Array, mask: Array) -> Array:
    low = np.array(-1e9, dtype=scores.dtype)
    return softmax(scores + np.where(mask, np.zeros_like(low), low))


def _put(scores: Array, mask: Array) -> Array:
    return softmax(np.where(mask, scores, np.array(-1e9, dtype=scores.dtype)))


def _naive(scores: Array, mask: Array) -> Array:
    """Softmax of minus infinities without a rule for an empty row: 0 / 0."""
    blocked = np.where(mask, scores, -np.inf)
    with np.errstate(invalid="ignore"):
        powers = np.exp(blocked - blocked.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


HABITS: dict[str, Callable[[Array, Array], Array]] = {
    "minus infinity, and no rule": _naive,
    "-1e9 put in place": _put,
    "-1e9 added": _added,
}
"""How code found in the wild blocks a score, by name: (scores, mask) -> weights."""


def show_empty_row(scores: Array, *, softmax: Callable[[Array, Array], Array]) -> Markup:
    """Return what a row of scores (n,) gives when nothing in it is allowed, by habit and by precision, as a table."""
    nothing = np.zeros(len(scores), dtype=bool)
    rows = [("this course", "float64", *_numbers(softmax(scores, nothing)))]
    for name, habit in HABITS.items():
        for kind in (np.float64, np.float32):
            rows.append((name, kind.__name__, *_numbers(habit(scores.astype(kind), nothing))))
    rows.append(("no mask at all", "float64", *_numbers(softmax(scores, ~nothing))))
    head = ("a forbidden score becomes", "numbers", *(f"weight {i}" for i in range(len(scores))))
    return rows_table(head, rows, "weights of a row in which everything is forbidden")


def _numbers(weights: Array) -> list[str]:
    return [f"{weight:.4f}" for weight in weights]


def naive_attention(q: Array, k: Array, v: Array, mask: Array) -> tuple[Array, Array]:
    """Attention that is right but for one thing: a row that may see nothing becomes 0 / 0."""
    weights = _naive(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), mask)
    return weights @ v, weights
