"""Dropout in an attention that was not asked for: it is random, so it is recognized by what it does, not by numbers."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function
from course.lessons.lesson_03 import reference
from course.lessons.lesson_03.mistakes.steps import dot_products

Array = NDArray[Any]


_DROP_RATES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)


def dropped_scores(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Set half of the scores to 0 at random."""
    scores = dot_products(q, k) / math.sqrt(q.shape[-1])
    scores = scores * (np.random.random(scores.shape) >= 0.5) / 0.5  # noqa: NPY002
    weights = reference.softmax(scores, mask)
    return weights @ v, weights


def dropped_weights(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Set half of the weights to 0 at random."""
    weights = reference.attention(q, k, v, mask)[1]
    weights = weights * (np.random.random(weights.shape) >= 0.5) / 0.5  # noqa: NPY002
    return weights @ v, weights


def _row_of_weights(function: Function) -> tuple[Array, Array] | None:
    """Return known scaled scores of 24 keys and the weights that ``function`` gives them, or None if it cannot."""
    scores = np.linspace(-1.2, 1.1, 24)
    try:
        weights = np.asarray(function(np.ones((1, 1)), scores[:, None], np.eye(24))[1], dtype=float).ravel()
    except Exception:  # whatever the learner's function may raise
        return None
    return (scores, weights) if weights.shape == scores.shape else None


def _is_random(function: Function) -> bool:
    """Whether the same arguments give other weights at another time. Four times: dropout may leave all as they were."""
    found = [_row_of_weights(function) for _ in range(4)]
    rows = [each[1] for each in found if each is not None]
    return any(not np.array_equal(rows[0], row) for row in rows[1:])


def drops_scores(function: Function) -> bool:
    """Whether some scores are set to 0 at random before the softmax, and the others are kept (or scaled up).

    With s' = 0 or s/(1-p), log weight = s' - c for one c: tried for every key as the dropped one that shows c.
    """
    found = _row_of_weights(function)
    if found is None or not (found[1] > 0).all() or not math.isclose(found[1].sum(), 1, rel_tol=1e-6):
        return False
    if not _is_random(function):
        return False
    scores, logs = found[0], np.log(found[1])
    for rate in _DROP_RATES:
        kept = scores / (1 - rate)
        for guess in logs:
            shifted = logs - guess  # if that key was dropped, this is s' for every key
            is_zero = np.isclose(shifted, 0, atol=1e-7)
            if (is_zero | np.isclose(shifted, kept, atol=1e-7)).all() and 1 < is_zero.sum() < len(scores):
                return True
    return False


def drops_weights(function: Function) -> bool:
    """Whether some weights are 0 at random, though nothing is masked, and the others right (or scaled up)."""
    found = _row_of_weights(function)
    if found is None:
        return False
    scores, weights = found
    right = np.exp(scores) / np.exp(scores).sum()
    gone = weights == 0
    if not 0 < gone.sum() < len(scores) or not _is_random(function):
        return False
    return any(np.allclose(weights[~gone], right[~gone] / (1 - rate), rtol=1e-6) for rate in _DROP_RATES)
