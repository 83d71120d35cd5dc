"""Wrong ways to turn scores (B, T) into weights under a mask (B, T), for the banks of lesson 02."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lessons.lesson_02.reference import softmax

Array = NDArray[Any]
Normalize = Callable[[Array, Array], Array]

ALL_BUT_LAST, ALL_BUT_FIRST, ONLY_FIRST, ONLY_LAST = slice(None, -1), slice(1, None), slice(None, 1), slice(-1, None)


def plain(scores: Array, axis: int | None = -1) -> Array:
    """Softmax along an axis, or over all, that gives NaN where every score is minus infinity."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def naive(scores: Array, mask: Array) -> Array:
    """Powers of the scores as they are."""
    powers = np.exp(np.where(mask, scores, -np.inf))
    return powers / powers.sum(axis=-1, keepdims=True)


def naive_with_rule(scores: Array, mask: Array) -> Array:
    """Powers of the scores as they are, and zeros for a row without a word."""
    powers = np.where(mask, np.exp(scores), 0)
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1)


def _times(scores: Array, mask: Array) -> tuple[Array, Array]:
    powers = np.exp(scores) * mask
    return powers, powers.sum(axis=-1, keepdims=True)


def _times_where(scores: Array, mask: Array) -> Array:
    powers, total = _times(scores, mask)
    return powers / np.where(total > 0, total, 1)


def _times_zero(scores: Array, mask: Array) -> Array:
    powers, total = _times(scores, mask)
    return powers / np.where(total == 0, 1, total)


# Powers as they are, times the mask: too large a power of a pad becomes nan as well.
naive_times: tuple[Normalize, ...] = (_times_where, _times_zero)


def unmasked(scores: Array, mask: Array) -> Array:
    """Shares for all, pads too."""
    return plain(scores)


def inverted(scores: Array, mask: Array) -> Array:
    """Shares for what the mask forbids."""
    return softmax(scores, ~mask)


def masked_after(scores: Array, mask: Array) -> Array:
    """Zeros where it is forbidden, after all have got their shares."""
    return plain(scores) * mask


def masked_and_shared_again(scores: Array, mask: Array) -> Array:
    """The same, divided by what is left: right, but for an empty row."""
    left = plain(scores) * mask
    return left / left.sum(axis=-1, keepdims=True)


def filled_with(value: float) -> Normalize:
    """Forbidden scores become a number."""
    return lambda scores, mask: plain(np.where(mask, scores, value))


def multiplied(scores: Array, mask: Array) -> Array:
    """Scores times the mask: forbidden ones become 0."""
    return plain(scores * mask)


def added(scores: Array, mask: Array) -> Array:
    """Scores plus the mask: allowed ones become larger by 1."""
    return plain(scores + mask)


def taken_off(value: float) -> Normalize:
    """A large number is taken off forbidden scores."""
    return lambda scores, mask: plain(scores - value * ~mask)


def with_nan(scores: Array, mask: Array) -> Array:
    """Right, but for an empty row, which is 0 / 0."""
    return plain(np.where(mask, scores, -np.inf))


def over(axis: int | None) -> tuple[Normalize, ...]:
    """Shares along another axis, with NaN, or with zeros, where nothing is allowed."""

    def nan(scores: Array, mask: Array) -> Array:
        return plain(np.where(mask, scores, -np.inf), axis)

    def zeros(scores: Array, mask: Array) -> Array:
        shares = nan(scores, mask)
        return np.where(np.isnan(shares), 0, shares)

    return nan, zeros


def undivided(scores: Array, mask: Array) -> Array:
    """Powers without their sum."""
    return np.where(mask, np.exp(scores), 0)


def undivided_stable(scores: Array, mask: Array) -> Array:
    """Powers without their sum, the largest score taken off."""
    return np.where(mask, np.exp(scores - scores.max(axis=-1, keepdims=True)), 0)


def without_powers(scores: Array, mask: Array) -> Array:
    """Scores divided by their sum."""
    kept = np.where(mask, scores, 0)
    total = kept.sum(axis=-1, keepdims=True)
    return kept / np.where(total != 0, total, 1)


def sigmoid(scores: Array, mask: Array) -> Array:
    """Each score by itself between 0 and 1."""
    return np.where(mask, 1 / (1 + np.exp(-scores)), 0)


def winner(scores: Array, mask: Array) -> Array:
    """All to the largest score."""
    best = np.where(mask, scores, -np.inf).argmax(axis=-1)
    return (np.arange(scores.shape[1]) == best[:, None]) * mask.any(axis=-1, keepdims=True) * 1.0


def descending(scores: Array, mask: Array) -> Array:
    """The right shares, the largest first."""
    return -np.sort(-softmax(scores, mask), axis=-1)


def first_mask(scores: Array, mask: Array) -> Array:
    """The first sentence's mask for all."""
    return softmax(scores, np.broadcast_to(mask[:1], scores.shape))


def divided_by(root: Callable[[Array], float]) -> Normalize:
    """Scores divided by a number first, which is read from them."""
    return lambda scores, mask: softmax(scores / root(scores), mask)


def kept(x: Array, axis: int, where: slice) -> Array:
    """Return zeros that hold the array's numbers only at some places of an axis: those that a loop reaches."""
    at = tuple(where if i == axis else slice(None) for i in range(x.ndim))
    result = np.zeros_like(x)
    result[at] = x[at]
    return result


def whole_numbers(x: Array) -> Array:
    """Cut off what stands behind the point, as an array of integers does."""
    return np.trunc(np.nan_to_num(x)).astype(int)
