"""Wrong steps that a softmax and an attention share: masks, shifts, exponentials and divisions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function
from course.lessons.lesson_03 import reference
from course.lessons.lesson_03.mistakes.steps import by_row_sums, by_row_sums_where, stable

Array = NDArray[Any]


def indexed(value: float) -> Callable[[Array, Array], Array]:
    """Return a way to block that indexes the scores by the mask."""

    def block(scores: Array, mask: Array) -> Array:
        scores = scores.copy()
        scores[~mask] = value
        return scores

    return block


def added(value: float) -> Callable[[Array, Array], Array]:
    """Return a way to block that adds a value where the mask is False."""
    return lambda scores, mask: scores + np.where(mask, 0.0, value)


def infinity_times_mask(scores: Array, mask: Array) -> Array:
    """Add -inf times 0 or 1."""
    return scores + (~mask) * -np.inf


def reference_softmax(scores: Array) -> Array:
    """The softmax of the exercise before, which the lesson says to call: it takes a row of nan for an empty one."""
    return reference.softmax(scores)


def lowest(scores: Array, mask: Array) -> Array:
    """Fill with the lowest number of the type."""
    return np.where(mask, scores, np.finfo(scores.dtype).min)


def by_row_sums_plus(weights: Array) -> Array:
    """Divide each row by its sum and a very small number."""
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-9)


def by_row_sums_without_nan(weights: Array) -> Array:
    """Divide each row by its sum, and set nan to 0."""
    return np.nan_to_num(by_row_sums(weights))


def sigmoid(scores: Array) -> Array:
    """Squeeze each score by itself."""
    return 1 / (1 + np.exp(-scores))


def split_sigmoid(scores: Array) -> Array:
    """Squeeze each score by itself, without an overflow."""
    e = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1 / (1 + e), e / (1 + e))


def no_exponential(scores: Array) -> Array:
    """Divide the scores by their sum."""
    return scores / scores.sum(axis=-1, keepdims=True)


def no_sum(scores: Array) -> Array:
    """Return exponentials alone."""
    return np.exp(scores)


def no_sum_stable(scores: Array) -> Array:
    """Return exponentials alone, the maximum subtracted."""
    return np.exp(scores - scores.max(axis=-1, keepdims=True))


def all_to_the_largest(scores: Array) -> Array:
    """Give everything to the largest score."""
    return (np.arange(scores.shape[-1]) == scores.argmax(axis=-1)[..., None]).astype(scores.dtype)


def twice(scores: Array) -> Array:
    """Take softmax of softmax."""
    return stable(stable(scores))


def log_of_shares(scores: Array) -> Array:
    """Return logarithms of the shares."""
    return np.log(stable(scores))


def base_2(scores: Array) -> Array:
    """Softmax with powers of 2."""
    e = np.exp2(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_maximum(scores: Array) -> Array:
    """Subtract one maximum from all rows."""
    e = np.exp(scores - scores.max())
    return e / e.sum(axis=-1, keepdims=True)


def rounded_base(base: float) -> Callable[[Array], Array]:
    """Return a softmax with powers of another number than e."""

    def normalize(scores: Array) -> Array:
        e = base ** (scores - scores.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    return normalize


def shifted(shift: Callable[[Array], Array]) -> tuple[Callable[[Array], Array], ...]:
    """Return the softmaxes that add ``shift`` to each row: as it is or 0 where it is infinite, and 0/0 nan or 0."""

    def finite(scores: Array) -> Array:
        by = shift(scores)
        return np.where(np.isfinite(by), by, 0)

    return tuple(
        lambda scores, by=by, divide=divide: divide(np.exp(scores + by(scores)))
        for by in (shift, finite)
        for divide in (by_row_sums, by_row_sums_where)
    )


def lowered_by_minimum(scores: Array) -> Array:
    """Return what subtracts the smallest score of a row."""
    return -scores.min(axis=-1, keepdims=True)


def sum_without(left_out: slice, guarded: bool) -> Callable[[Array], Array]:
    """Divide by a sum that only takes in the entries of a slice, or by 1 where it is 0."""

    def normalize(scores: Array) -> Array:
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        total = e[..., left_out].sum(axis=-1, keepdims=True)
        return e / (np.where(total > 0, total, 1) if guarded else total)

    return normalize


def divided_by(number: int | None) -> Callable[[Array], Array]:
    """Divide by a fixed number, or by the number of entries, instead of the sum."""
    return lambda scores: no_sum_stable(scores) / (number or scores.shape[-1])


def naively_divided_by(number: int | None) -> Callable[[Array], Array]:
    """Do the same without a maximum subtracted."""
    return lambda scores: np.exp(scores) / (number or scores.shape[-1])


BASES = (2.7, 2.71, 2.72, 2.718, 2.7182, 2.7183, 2.71828, 2.718281, 2.718282, 2.7182818, 3.0)


DIVISORS = (None, 2, 3, 4, 5, 6, 8, 10)


TINY = (-1e-6, -1e-8, -1e-9, -1e-10, 1e-9)


HUGE = (1e3, 1e4, 1e6, 1e9, 1e10)


def zeros_blocked(scores: Array, mask: Array) -> Array:
    """Multiply by the mask and block what is 0."""
    product = scores * mask
    return np.where(product == 0, -np.inf, product)


def mask_times(value: float) -> Callable[[Array, Array], Array]:
    """Return a way to block that adds the mask times a value."""
    return lambda scores, mask: scores + mask * value


# Lowering what is allowed and raising what is blocked are the same to softmax.
RAISED = (*(mask_times(-huge) for huge in HUGE), *(added(huge) for huge in HUGE))


def with_epsilon(epsilon: float) -> Callable[[Array], Array]:
    """Return a softmax that adds a number to the sum."""

    def normalize(scores: Array) -> Array:
        top = scores.max(axis=-1, keepdims=True)
        e = np.exp(scores - np.where(np.isfinite(top), top, 0))
        return e / (e.sum(axis=-1, keepdims=True) + epsilon)

    return normalize


def empty_at(array: Array, axis: int, kept: slice) -> Array:
    """Return zeros that hold the array's numbers only at some places of an axis."""
    at: tuple[Any, ...] = (..., kept, *(slice(None),) * (-axis - 1))
    result = np.zeros_like(array)
    result[at] = array[at]
    return result


_INTEGERS = (np.array([[1, 0], [2, -1], [0, 0]]), np.array([[1, 2], [0, 1]]), np.array([[1, 2, 4], [3, 0, 5]]))


def truncates_integers(function: Function, arguments: tuple[Array, ...] = _INTEGERS) -> bool:
    """Whether a function returns other numbers for integers than for the same numbers as floats; it may refuse them."""
    try:
        whole, broken, *again = (function(*(a.astype(kind) for a in arguments)) for kind in (int, *[float] * 9))
        if not all(np.array_equal(a, b) for each in again for a, b in zip(broken, each, strict=True)):
            return False  # draws lots
        return not all(np.allclose(a, b) for a, b in zip(whole, broken, strict=True))
    except Exception:  # whatever the learner's function may raise
        return False


DIVISIONS = (by_row_sums, by_row_sums_where, by_row_sums_plus, by_row_sums_without_nan)
