"""The steps of attention, each replaceable, and the ways to take softmax that both banks of lesson 03 build on.

A wrong attention is the right one with a step replaced: see :func:`steps`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function

Array = NDArray[Any]


def dot_products(q: Array, k: Array) -> Array:
    """Return each query's dot product with each key."""
    return q @ np.swapaxes(k, -1, -2)


def root_d_k(q: Array, k: Array, v: Array) -> float:
    """Return what scores are divided by."""
    return math.sqrt(q.shape[-1])


def filled_with(value: float) -> Callable[[Array, Array], Array]:
    """Return a way to block: blocked scores become a value."""
    return lambda scores, mask: np.where(mask, scores, value)


blocked = filled_with(-np.inf)


def stable(scores: Array) -> Array:
    """Softmax that gives NaN for a row of -inf, as the formula does."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def naive(scores: Array) -> Array:
    """Softmax that subtracts nothing."""
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def naive_with_rule(scores: Array) -> Array:
    """Softmax that subtracts nothing and leaves an empty row zero."""
    return by_row_sums_where(np.exp(scores))


def naive_plus(epsilon: float) -> Callable[[Array], Array]:
    """Return a softmax that subtracts nothing and adds a small number to the sum."""
    return lambda scores: np.exp(scores) / (np.exp(scores).sum(axis=-1, keepdims=True) + epsilon)


def along(axis: int | tuple[int, ...] | None) -> Callable[[Array], Array]:
    """Return a softmax along another axis, or several."""

    def softmax(scores: Array) -> Array:
        e = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return softmax


def over_matrix(scores: Array) -> Array:
    """Softmax over all scores of a matrix."""
    return along((-2, -1))(scores)


def one_sum(scores: Array) -> Array:
    """A maximum for each row, and one sum for all."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum()


def zero_rows(weights: Array, mask: Array | None) -> Array:
    """Set rows to 0 in which nothing is allowed."""
    return weights if mask is None else np.where(mask.any(axis=-1, keepdims=True), weights, 0)


def nan_to_zero(weights: Array, mask: Array | None) -> Array:
    """Set nan to 0."""
    return np.where(np.isnan(weights), 0, weights)


def leave_rows(weights: Array, mask: Array | None) -> Array:
    """Leave empty rows as they are."""
    return weights


def steps(
    match: Callable[[Array, Array], Array] = dot_products,
    scale: Callable[[Array, Array, Array], float] = root_d_k,
    block: Callable[[Array, Array], Array] = blocked,
    normalize: Callable[[Array], Array] = stable,
    empty: Callable[[Array, Array | None], Array] = zero_rows,
    mix: Callable[[Array, Array], Array] = np.matmul,
) -> Function:
    """Return an attention made of these steps; with the steps as given it is the reference."""

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        scores = match(q, k) / scale(q, k, v)
        if mask is not None:
            scores = block(scores, mask)
        weights = empty(normalize(scores), mask)
        return mix(weights, v), weights

    return attention


def by_row_sums(weights: Array) -> Array:
    """Divide each row by its sum."""
    return weights / weights.sum(axis=-1, keepdims=True)


def by_row_sums_where(weights: Array) -> Array:
    """Divide each row by its sum, where that is above 0."""
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
