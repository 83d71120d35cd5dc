"""Known wrong versions of softmax, attention and score_statistics, and the question that leads out of each.

A wrong attention is the right one with a step replaced: see :func:`steps`. Ids A01 to A35 are those of the project's
catalog of mistakes; the others are ours.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03 import reference

Array = NDArray[Any]


# --- the steps of attention, each replaceable -------------------------------------------------------------------


def _match(q: Array, k: Array) -> Array:
    return q @ np.swapaxes(k, -1, -2)


def _root_d_k(q: Array, k: Array, v: Array) -> float:
    return math.sqrt(q.shape[-1])


def _fill(value: float) -> Callable[[Array, Array], Array]:
    return lambda scores, mask: np.where(mask, scores, value)


_block = _fill(-np.inf)


def _stable(scores: Array) -> Array:
    """Softmax that gives NaN for a row of -inf, as the formula does."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _naive(scores: Array) -> Array:
    e = np.exp(scores)
    return e / e.sum(axis=-1, keepdims=True)


def _naive_with_rule(scores: Array) -> Array:
    return _divide_where(np.exp(scores))


def _naive_plus(epsilon: float) -> Callable[[Array], Array]:
    return lambda scores: np.exp(scores) / (np.exp(scores).sum(axis=-1, keepdims=True) + epsilon)


def _along(axis: int | tuple[int, ...] | None) -> Callable[[Array], Array]:
    def softmax(scores: Array) -> Array:
        e = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    return softmax


def _over_matrix(scores: Array) -> Array:
    return _along((-2, -1))(scores)


def _one_sum(scores: Array) -> Array:
    """A maximum for each row, and one sum for all."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum()


def _zero_rows(weights: Array, mask: Array | None) -> Array:
    return weights if mask is None else np.where(mask.any(axis=-1, keepdims=True), weights, 0)


def _nan_to_zero(weights: Array, mask: Array | None) -> Array:
    return np.where(np.isnan(weights), 0, weights)


def _leave_rows(weights: Array, mask: Array | None) -> Array:
    return weights


def steps(
    match: Callable[[Array, Array], Array] = _match,
    scale: Callable[[Array, Array, Array], float] = _root_d_k,
    block: Callable[[Array, Array], Array] = _block,
    normalize: Callable[[Array], Array] = _stable,
    empty: Callable[[Array, Array | None], Array] = _zero_rows,
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


def _all_rows(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    """Return the wrong version with each way to treat an empty row: zeros, NaN, NaN made zero."""
    return tuple(steps(empty=empty, **changed) for empty in (_zero_rows, _leave_rows, _nan_to_zero))


def _after(change: Callable[[Array, Array, Array, Array, Array, Array | None], Any]) -> Function:
    """Return an attention that hands (output, weights, q, k, v, mask) to ``change`` and returns what that returns."""

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> Any:  # noqa: ANN401
        output, weights = reference.attention(q, k, v, mask)
        return change(output, weights, q, k, v, mask)

    return attention


# --- wrong matches ----------------------------------------------------------------------------------------------


def _reverse_all_axes(q: Array, k: Array) -> Array:
    return q @ k.T


def _axes_of_3d(q: Array, k: Array) -> Array:
    return q @ k.transpose(0, 2, 1)


def _axes_1_and_2(q: Array, k: Array) -> Array:
    return q @ k.swapaxes(1, 2)


def _axes_of_4d(q: Array, k: Array) -> Array:
    return q @ k.transpose(0, 1, 3, 2)


def _einsum_of_3d(q: Array, k: Array) -> Array:
    return np.einsum("bqd,bkd->bqk", q, k)


def _einsum_of_4d(q: Array, k: Array) -> Array:
    return np.einsum("bhqd,bhkd->bhqk", q, k)


def _reshaped(q: Array, k: Array) -> Array:
    return q @ k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2])


def _dotted(q: Array, k: Array) -> Array:
    return np.dot(q, np.swapaxes(k, -1, -2))


def _cosine(q: Array, k: Array) -> Array:
    return _match(q / np.linalg.norm(q, axis=-1, keepdims=True), k / np.linalg.norm(k, axis=-1, keepdims=True))


def _distance(q: Array, k: Array) -> Array:
    return -((q[..., :, None, :] - k[..., None, :, :]) ** 2).sum(axis=-1)


def _keys_first(q: Array, k: Array) -> Array:
    return k @ np.swapaxes(q, -1, -2)


# --- wrong masks ------------------------------------------------------------------------------------------------


def _indexed(value: float) -> Callable[[Array, Array], Array]:
    def block(scores: Array, mask: Array) -> Array:
        scores = scores.copy()
        scores[~mask] = value
        return scores

    return block


def _added(value: float) -> Callable[[Array, Array], Array]:
    return lambda scores, mask: scores + np.where(mask, 0.0, value)


def _fill_in_same_type(value: float) -> Callable[[Array, Array], Array]:
    return lambda scores, mask: np.where(mask, scores, scores.dtype.type(value))


def _infinity_times_mask(scores: Array, mask: Array) -> Array:
    return scores + (~mask) * -np.inf


def _reference_softmax(scores: Array) -> Array:
    """The softmax of the exercise before, which the lesson says to call: it takes a row of nan for an empty one."""
    return reference.softmax(scores)


def _lowest(scores: Array, mask: Array) -> Array:
    return np.where(mask, scores, np.finfo(scores.dtype).min)


def _masked_after(renormalize: Function | None) -> Function:
    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        weights = _stable(_match(q, k) / math.sqrt(q.shape[-1]))
        if mask is not None:
            weights = weights * mask
            if renormalize is not None:
                weights = renormalize(weights)
        return weights @ v, weights

    return attention


def _divide(weights: Array) -> Array:
    return weights / weights.sum(axis=-1, keepdims=True)


def _divide_where(weights: Array) -> Array:
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def _divide_eps(weights: Array) -> Array:
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-9)


def _nan_divide(weights: Array) -> Array:
    return np.nan_to_num(_divide(weights))


def _only_weights_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return reference.attention(q, k, v)[0], reference.attention(q, k, v, mask)[1]


def _only_output_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return reference.attention(q, k, v, mask)[0], reference.attention(q, k, v)[1]


def _values_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.attention(q, k, v)[1]
    return (weights if mask is None else weights * mask) @ v, weights


# --- wrong softmaxes --------------------------------------------------------------------------------------------


def _sigmoid(scores: Array) -> Array:
    return 1 / (1 + np.exp(-scores))


def _split_sigmoid(scores: Array) -> Array:
    e = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1 / (1 + e), e / (1 + e))


def _no_exponential(scores: Array) -> Array:
    return scores / scores.sum(axis=-1, keepdims=True)


def _no_sum(scores: Array) -> Array:
    return np.exp(scores)


def _no_sum_stable(scores: Array) -> Array:
    return np.exp(scores - scores.max(axis=-1, keepdims=True))


def _identity(scores: Array) -> Array:
    return scores


def _hard(scores: Array) -> Array:
    return (np.arange(scores.shape[-1]) == scores.argmax(axis=-1)[..., None]).astype(scores.dtype)


def _twice(scores: Array) -> Array:
    return _stable(_stable(scores))


def _log(scores: Array) -> Array:
    return np.log(_stable(scores))


def _base_2(scores: Array) -> Array:
    e = np.exp2(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _one_maximum(scores: Array) -> Array:
    e = np.exp(scores - scores.max())
    return e / e.sum(axis=-1, keepdims=True)


def _maximum_of_columns(scores: Array) -> Array:
    e = np.exp(scores - scores.max(axis=-2, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _rounded_base(base: float) -> Callable[[Array], Array]:
    def normalize(scores: Array) -> Array:
        e = base ** (scores - scores.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    return normalize


def _shifted(shift: Callable[[Array], Array]) -> tuple[Callable[[Array], Array], ...]:
    """Return the softmaxes that add ``shift`` to each row: as it is or 0 where it is infinite, and 0/0 nan or 0."""

    def finite(scores: Array) -> Array:
        by = shift(scores)
        return np.where(np.isfinite(by), by, 0)

    return tuple(
        lambda scores, by=by, divide=divide: divide(np.exp(scores + by(scores)))
        for by in (shift, finite)
        for divide in (_divide, _divide_where)
    )


def _lowered_by_minimum(scores: Array) -> Array:
    return -scores.min(axis=-1, keepdims=True)


def _sum_without(left_out: slice, guarded: bool) -> Callable[[Array], Array]:
    """Divide by a sum that only takes in the entries of a slice, or by 1 where it is 0."""

    def normalize(scores: Array) -> Array:
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        total = e[..., left_out].sum(axis=-1, keepdims=True)
        return e / (np.where(total > 0, total, 1) if guarded else total)

    return normalize


def _divided_by(number: int | None) -> Callable[[Array], Array]:
    """Divide by a fixed number, or by the number of entries, instead of the sum."""
    return lambda scores: _no_sum_stable(scores) / (number or scores.shape[-1])


def _naively_divided_by(number: int | None) -> Callable[[Array], Array]:
    return lambda scores: np.exp(scores) / (number or scores.shape[-1])


_BASES = (2.7, 2.71, 2.72, 2.718, 2.7182, 2.7183, 2.71828, 2.718281, 2.718282, 2.7182818, 3.0)
_DIVISORS = (None, 2, 3, 4, 5, 6, 8, 10)
_TINY = (-1e-6, -1e-8, -1e-9, -1e-10, 1e-9)
_HUGE = (1e3, 1e4, 1e6, 1e9, 1e10)


def _zeros_blocked(scores: Array, mask: Array) -> Array:
    product = scores * mask
    return np.where(product == 0, -np.inf, product)


def _mask_times(value: float) -> Callable[[Array, Array], Array]:
    return lambda scores, mask: scores + mask * value


# Lowering what is allowed and raising what is blocked are the same to softmax.
_RAISED = (*(_mask_times(-huge) for huge in _HUGE), *(_added(huge) for huge in _HUGE))


def _with_epsilon(epsilon: float) -> Callable[[Array], Array]:
    def normalize(scores: Array) -> Array:
        top = scores.max(axis=-1, keepdims=True)
        e = np.exp(scores - np.where(np.isfinite(top), top, 0))
        return e / (e.sum(axis=-1, keepdims=True) + epsilon)

    return normalize


# --- randomness -------------------------------------------------------------------------------------------------

_DROP_RATES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)


def _dropped_scores(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    scores = _match(q, k) / math.sqrt(q.shape[-1])
    scores = scores * (np.random.random(scores.shape) >= 0.5) / 0.5  # noqa: NPY002
    weights = reference.softmax(scores, mask)
    return weights @ v, weights


def _dropped_weights(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
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


def drops_scores(function: Function) -> bool:
    """Whether some scores are set to 0 before the softmax and the others are kept (or scaled up): dropout on scores.

    With s' = 0 or s/(1-p), log weight = s' - c for one c: tried for every key as the dropped one that shows c.
    """
    found = _row_of_weights(function)
    if found is None or not (found[1] > 0).all() or not math.isclose(found[1].sum(), 1, rel_tol=1e-6):
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
    """Whether some weights are 0 and the others right (or scaled up) although nothing is masked: dropout on weights."""
    found = _row_of_weights(function)
    if found is None:
        return False
    scores, weights = found
    right = np.exp(scores) / np.exp(scores).sum()
    gone = weights == 0
    if not 0 < gone.sum() < len(scores):
        return False
    return any(np.allclose(weights[~gone], right[~gone] / (1 - rate), rtol=1e-6) for rate in _DROP_RATES)


# --- functions that spoil more than numbers ---------------------------------------------------------------------


def _scales_in_place(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    q /= math.sqrt(q.shape[-1])
    return reference.attention(q * math.sqrt(q.shape[-1]), k, v, mask)


def _scales_keys_in_place(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    k /= math.sqrt(q.shape[-1])
    return reference.attention(q, k * math.sqrt(q.shape[-1]), v, mask)


def _flips_mask_in_place(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    result = reference.attention(q, k, v, mask)
    if mask is not None:
        np.logical_not(mask, out=mask)
    return result


def _single(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    q, k, v = (a.astype(np.float32) for a in (q, k, v))
    output, weights = reference.attention(q, k, v, mask)
    return output.astype(np.float32), weights.astype(np.float32)


def _single_inside(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    q, k, v = (a.astype(np.float32) for a in (q, k, v))
    # numpy's root is a float64 and makes the scores so again; the digits have gone already
    weights = reference.softmax(_match(q, k) / np.sqrt(q.shape[-1]), mask)
    return weights @ v, weights


def _single_scores(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = _single_inside(q, k, v, mask)[1]
    return weights @ v, weights


def _single_weights(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.attention(q, k, v, mask)[1].astype(np.float32)
    return weights @ v, weights


def _single_and_back(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, weights = _single(q, k, v, mask)
    return output.astype(float), weights.astype(float)


def _matrix(q: Array, k: Array, v: Array, mask: Array | None = None) -> Any:  # noqa: ANN401
    output, weights = reference.attention(q, k, v, mask)
    return np.matrix(output), np.matrix(weights)


def _rounded(digits: int) -> Function:
    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        weights = np.round(reference.attention(q, k, v, mask)[1], digits)
        return weights @ v, weights

    return attention


def _rounded_both(digits: int) -> Function:
    return _after(lambda o, w, q, k, v, m: (np.round(o, digits), np.round(w, digits)))


def _unit_rows(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _heads_averaged(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, weights = reference.attention(q, k, v, mask)
    return output, weights.mean(axis=-3) if weights.ndim == 4 else weights


def _outputs_averaged(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, weights = reference.attention(q, k, v, mask)
    return output.mean(axis=-3) if output.ndim == 4 else output, weights


def _scores_returned(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return reference.attention(q, k, v, mask)[0], _match(q, k) / math.sqrt(q.shape[-1])


def _masked_scores_returned(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, scores = _scores_returned(q, k, v, mask)
    return output, scores if mask is None else np.where(mask, scores, -np.inf)


def _scaled_after(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.softmax(_match(q, k), mask) / math.sqrt(q.shape[-1])
    return weights @ v, weights


def _first_sentence_mask(scores: Array, mask: Array) -> Array:
    return np.where(mask[:1] if mask.ndim > 2 else mask, scores, -np.inf)


def _transposed_mask(scores: Array, mask: Array) -> Array:
    return np.where(np.swapaxes(mask, -1, -2), scores, -np.inf)


def _reshaped_mask(scores: Array, mask: Array) -> Array:
    return np.where(mask.reshape(scores.shape), scores, -np.inf)


def _mask_with_heads(scores: Array, mask: Array) -> Array:
    return np.where(mask[:, None], scores, -np.inf)


def _mask_with_batch_and_heads(scores: Array, mask: Array) -> Array:
    return np.where(mask[None, None], scores, -np.inf)


def _scaled_scores(q: Array, k: Array) -> Array:
    return _match(q, k) / math.sqrt(q.shape[-1])


def _heads_of(q: Array) -> int:
    return int(q.shape[-3]) if q.ndim > 2 else 1


def _heads_of_four(q: Array) -> int:
    return int(q.shape[1]) if q.ndim == 4 else 1


_ROOTS_OF_HEADS: tuple[Callable[[Array, Array, Array], float], ...] = (
    lambda q, k, v: math.sqrt(_heads_of(q)),
    lambda q, k, v: math.sqrt(_heads_of_four(q)),
    lambda q, k, v: math.sqrt(q.shape[-3]),
    lambda q, k, v: math.sqrt(q.shape[-1] // _heads_of(q)),
    lambda q, k, v: math.sqrt(q.shape[-1] // _heads_of_four(q)),
    lambda q, k, v: math.sqrt(q.shape[-1] / _heads_of(q)),
    lambda q, k, v: math.sqrt(q.shape[-1] / _heads_of_four(q)),
)


def _empty_at(array: Array, axis: int, kept: slice) -> Array:
    """Return zeros that hold the array's numbers only at some places of an axis."""
    at: tuple[Any, ...] = (..., kept, *(slice(None),) * (-axis - 1))
    result = np.zeros_like(array)
    result[at] = array[at]
    return result


def _filled_up_to(kept: slice) -> tuple[Function, ...]:
    """Return attentions whose loop over the queries, or the keys, reaches only some of them."""
    return (
        _after(lambda o, w, q, k, v, m: (_empty_at(o, -2, kept), w)),
        _after(lambda o, w, q, k, v, m: (_empty_at(o, -2, kept), _empty_at(w, -2, kept))),
        _after(lambda o, w, q, k, v, m: (_empty_at(w, -1, kept) @ v, w)),
        _after(lambda o, w, q, k, v, m: (_empty_at(w, -1, kept) @ v, _empty_at(w, -1, kept))),
        _after(lambda o, w, q, k, v, m: (_empty_at(o, -1, kept), w)),
    )


_INTEGERS = (np.array([[1, 0], [2, -1], [0, 0]]), np.array([[1, 2], [0, 1]]), np.array([[1, 2, 4], [3, 0, 5]]))


def truncates_integers(function: Function, arguments: tuple[Array, ...] = _INTEGERS) -> bool:
    """Whether a function returns other numbers for integers than for the same numbers as floats; it may refuse them."""
    try:
        whole, broken, again = (function(*(a.astype(kind) for a in arguments)) for kind in (int, float, float))
        if not all(np.array_equal(a, b) for a, b in zip(broken, again, strict=True)):
            return False  # draws lots
        return not all(np.allclose(a, b) for a, b in zip(whole, broken, strict=True))
    except Exception:  # whatever the learner's function may raise
        return False


def _typed_as(which: int) -> Function:
    return _after(lambda o, w, q, k, v, m: (o.astype((q, k, v)[which].dtype), w.astype((q, k, v)[which].dtype)))


ATTENTION = (
    Mistake(
        "A01",
        "no scaling",
        "Print scores.var() for d_k = 4, 64 and 256: it grows with d_k. What would make it constant?",
        _all_rows(scale=lambda q, k, v: 1.0),
    ),
    Mistake(
        "scale_by_d_k",
        "divides by d_k, not by its root",
        "The variance of the scores is d_k. By what must a number be divided if its *variance* is to shrink d_k times?",
        _all_rows(scale=lambda q, k, v: q.shape[-1]),
    ),
    Mistake(
        "A03",
        "scale by the width of the values",
        "Which two vectors are dotted with each other? Is it their width that you take, or that of a third?",
        _all_rows(scale=lambda q, k, v: math.sqrt(v.shape[-1])),
    ),
    Mistake(
        "scale_by_root_of_keys",
        "scale by the square root of the number of keys",
        "A dot product is a sum over the numbers in one vector. Does its size depend on how many keys "
        "there are? "
        "Which axis of k did you measure?",
        _all_rows(scale=lambda q, k, v: math.sqrt(k.shape[-2])),
    ),
    Mistake(
        "scale_by_root_of_queries",
        "scale by the square root of the number of queries",
        "Would the same query need other weights if more queries were asked beside it? Which axis of q "
        "did you measure?",
        _all_rows(scale=lambda q, k, v: math.sqrt(q.shape[-2])),
    ),
    Mistake(
        "scale_by_root_of_model",
        "scale by the root of all heads' widths together",
        "Each head takes dot products of its own narrow vectors. How wide is one head's query?",
        _all_rows(scale=lambda q, k, v: math.sqrt(q.shape[-1] * (q.shape[-3] if q.ndim > 3 else 1))),
    ),
    Mistake(
        "scale_by_root_of_heads",
        "the number of heads in the scale",
        "A head's scores are sums over the numbers of one vector. Does such a sum have more terms when other heads "
        "work beside it, or does q come with the width of a single head?",
        tuple(version for scale in _ROOTS_OF_HEADS for version in _all_rows(scale=scale)),
    ),
    Mistake(
        "scale_off_by_one",
        "the root of d_k + 1 or d_k - 1",
        "You divide by the root of a number next to d_k. How many products does one dot product sum?",
        tuple(
            version
            for more in (1, -1)
            for version in _all_rows(scale=lambda q, k, v, more=more: math.sqrt(q.shape[-1] + more))
        ),
    ),
    Mistake(
        "scale_by_square",
        "divides by the square of d_k",
        "Your scores are far too small: you divide by d_k squared. Which operation undoes a square?",
        _all_rows(scale=lambda q, k, v: q.shape[-1] ** 2),
    ),
    Mistake(
        "scale_half",
        "scales only one of q and k by the fourth root",
        "If the root is split into two fourth roots, how many of q and k must get one?",
        _all_rows(scale=lambda q, k, v: q.shape[-1] ** 0.25),
    ),
    Mistake(
        "scale_fixed",
        "a fixed number as scale",
        "Your scale does not change when d_k does. Where in the arguments can you read the width of a query?",
        tuple(
            version
            for d in (2, 4, 8, 16, 32, 64, 512)
            for version in _all_rows(scale=lambda q, k, v, d=d: math.sqrt(d))
        ),
    ),
    Mistake(
        "scale_whole_number",
        "the root is rounded to a whole number",
        "With d_k = 4 you divide by a whole number, which is right, and with d_k = 6 too. What became of the decimals "
        "of the root?",
        tuple(
            version
            for whole in (int, round, math.ceil)
            for version in _all_rows(scale=lambda q, k, v, whole=whole: whole(math.sqrt(q.shape[-1])))
        ),
    ),
    Mistake(
        "scale_axis_from_front",
        "width read from an axis counted from the front",
        "Print the number that you divide by for q of shape (4, 6), and then for (2, 3, 4, 6). Which index is the last "
        "axis in both?",
        tuple(
            version
            for axis in (0, 1)
            for which in (0, 1)
            for version in _all_rows(scale=lambda q, k, v, axis=axis, which=which: math.sqrt((q, k)[which].shape[axis]))
        ),
    ),
    Mistake(
        "scale_half_of_d_k",
        "d_k ** 1/2 is half of d_k",
        "Print 16 ** 1/2. Which of ** and / does Python do first?",
        _all_rows(scale=lambda q, k, v: q.shape[-1] / 2),
    ),
    Mistake(
        "A05",
        "multiplies by sqrt(d_k)",
        "The scores of wide vectors are too large already. Should scaling raise them or lower them?",
        _all_rows(scale=lambda q, k, v: 1 / math.sqrt(q.shape[-1])),
    ),
    Mistake(
        "scale_after_softmax",
        "scales the weights instead of the scores",
        "Your rows sum to 1/sqrt(d_k). Is the scaling meant for the scores or for what softmax made of them?",
        (_scaled_after,),
    ),
    Mistake(
        "A07",
        "softmax over the queries",
        "Each query hands out 1 unit of attention over the keys. Which axis of the scores counts the keys?",
        _all_rows(normalize=_along(-2)),
    ),
    Mistake(
        "A09",
        "softmax over all scores of the matrix at once",
        "Your whole matrix of weights sums to 1. How many probability distributions should there be: "
        "one, or one per query?",
        (
            *_all_rows(normalize=_over_matrix),
            *_all_rows(normalize=_along(None)),
            *_all_rows(normalize=_one_sum),
        ),
    ),
    Mistake(
        "softmax_over_first_axis",
        "softmax over the first axis",
        "Your weights sum to 1 along the first axis, which counts sentences when there is a batch. How "
        "do you name the last "
        "axis, however many there are?",
        _all_rows(normalize=_along(0)),
    ),
    Mistake(
        "softmax_over_axis_1",
        "softmax over axis 1",
        "Axis 1 counts keys only while there are two axes. What does it count in (B, H, Tq, Tk), and "
        "which index always "
        "means the last?",
        _all_rows(normalize=_along(1)),
    ),
    Mistake(
        "A11",
        "sigmoid instead of softmax",
        "Sum each row of your weights. Do the keys compete for one unit of attention, or does each get its own?",
        (*_all_rows(normalize=_sigmoid), *_all_rows(normalize=_split_sigmoid)),
    ),
    Mistake(
        "no_softmax",
        "scores used as weights",
        "Some of your weights are negative. Which function turns any scores into positive shares that sum to 1?",
        (*_all_rows(normalize=_identity), *_all_rows(normalize=_identity, block=_fill(0.0))),
    ),
    Mistake(
        "no_exponential",
        "divides scores by their sum",
        "Your rows sum to 1, and yet some shares are negative. What makes every score positive before it "
        "is divided by the sum?",
        _all_rows(normalize=_no_exponential),
    ),
    Mistake(
        "no_sum",
        "exponentials never divided by their sum",
        "Sum each row of your weights: what must every exponential be divided by to make it 1?",
        (*_all_rows(normalize=_no_sum), *_all_rows(normalize=_no_sum_stable)),
    ),
    Mistake(
        "hard_maximum",
        "all attention to the best key",
        "Your weights are only 0 and 1. If the second-best key nearly ties, what share should it get?",
        _all_rows(normalize=_hard),
    ),
    Mistake(
        "softmax_twice",
        "softmax applied twice",
        "Your weights are nearly all the same. How often did the scores go through softmax?",
        (*_all_rows(normalize=_twice), steps(normalize=lambda s: _stable(np.nan_to_num(_stable(s))))),
    ),
    Mistake(
        "log_softmax",
        "logarithms of the weights",
        "Your weights are negative: they are logarithms. Which shares would sum to 1 in a row?",
        _all_rows(normalize=_log),
    ),
    Mistake(
        "base_rounded",
        "e with a few digits",
        "One more point of score multiplies your weight by a number near e, and not by e. How many digits of it do you "
        "have, and which function of numpy has them all?",
        tuple(version for base in _BASES for version in _all_rows(normalize=_rounded_base(base))),
    ),
    Mistake(
        "minimum",
        "subtracts the minimum of each row",
        "You subtract the smallest score of a row, and -inf is a score too. Which score must be subtracted so that no "
        "exponent is above 0?",
        tuple(
            version
            for normalize in _shifted(_lowered_by_minimum)
            for scale in (_root_d_k, lambda q, k, v: np.sqrt(q.shape[-1]))  # which makes float64 of float32
            for version in _all_rows(normalize=normalize, scale=scale)
        ),
    ),
    Mistake(
        "sum_misses_one",
        "the sum misses the first or last key",
        "Sum a row of your weights: it is more than 1. Does the sum that you divide by take in every key?",
        tuple(
            version
            for left_out in (slice(None, -1), slice(1, None))
            for guarded in (False, True)
            for version in _all_rows(normalize=_sum_without(left_out, guarded))
        ),
    ),
    Mistake(
        "divided_by_number",
        "exponentials divided by a number of keys",
        "You divide every exponential by the same number, whatever the scores are. What must it be so that the row "
        "sums to 1?",
        tuple(
            version
            for number in _DIVISORS
            for divide in (_divided_by, _naively_divided_by)
            for version in _all_rows(normalize=divide(number))
        ),
    ),
    Mistake(
        "base_2",
        "powers of 2 instead of e",
        "One more point of score doubles your weight. By which factor does softmax raise it?",
        _all_rows(normalize=_base_2),
    ),
    Mistake(
        "A13",
        "axes named for three dimensions",
        "You say which axes to swap by numbers that fit (B, T, d) only. How do you name the last two "
        "axes whatever stands "
        "before them?",
        tuple(version for match in (_axes_of_3d, _axes_1_and_2, _einsum_of_3d) for version in _all_rows(match=match)),
    ),
    Mistake(
        "four_axes_only",
        "axes named for four dimensions",
        "Your function needs exactly four axes. How would you write the step so that a plain (T, d) "
        "matrix works as well?",
        tuple(version for match in (_axes_of_4d, _einsum_of_4d) for version in _all_rows(match=match)),
    ),
    Mistake(
        "reverse_all_axes",
        "k.T",
        "For a matrix .T swaps the two axes. What does it do to the axes of an array (B, H, T, d)?",
        _all_rows(match=_reverse_all_axes),
    ),
    Mistake(
        "dot_for_matmul",
        "np.dot on more than two axes",
        "Print the shape of your scores for a batch. np.dot pairs every matrix with every other one: "
        "which operator pairs "
        "them one to one?",
        _all_rows(match=_dotted),
    ),
    Mistake(
        "reshape_for_transpose",
        "reshape instead of transpose",
        "Reshaping [[1, 2, 3], [4, 5, 6]] to 3 rows of 2 gives [[1, 2], [3, 4], [5, 6]]. Are those the "
        "columns of the matrix?",
        _all_rows(match=_reshaped),
    ),
    Mistake(
        "keys_ask_queries",
        "k @ q^T",
        "Row i of the scores should belong to query i. Which of q and k must stand on the left?",
        _all_rows(match=_keys_first),
    ),
    Mistake(
        "negative_scores",
        "the negative dot product",
        "The key that fits worst gets most of your attention. Which sign do your scores have?",
        _all_rows(match=lambda q, k: -_match(q, k)),
    ),
    Mistake(
        "a_feature_left_out",
        "one number of each vector is left out",
        "A key that differs from another in a single number gets the same score as that. Does your sum take in the "
        "first and the last number of each vector?",
        (
            *_all_rows(match=lambda q, k: _match(q[..., :-1], k[..., :-1])),
            *_all_rows(match=lambda q, k: _match(q[..., 1:], k[..., 1:])),
        ),
    ),
    Mistake(
        "cosine",
        "cosine of the angle instead of the dot product",
        "Double a key: your weights stay as they are. Should the length of a key count in a dot product?",
        _all_rows(match=_cosine),
    ),
    Mistake(
        "distance",
        "negative squared distance instead of the dot product",
        "Your scores are never positive. What is the dot product of a vector with itself?",
        _all_rows(match=_distance),
    ),
    Mistake(
        "queries_only",
        "the keys are not used",
        "Change only k: your weights stay the same. What is each query compared with?",
        (*_all_rows(match=lambda q, k: _match(q, q)), *_all_rows(match=lambda q, k: _match(k, k))),
    ),
    Mistake(
        "A15",
        "weights transposed before the values are mixed",
        "Use other lengths for queries and keys. Do the shapes of your last product still agree?",
        _all_rows(mix=lambda w, v: np.swapaxes(w, -1, -2) @ v),
    ),
    Mistake(
        "keys_mixed",
        "mixes keys instead of values",
        "Your output is as wide as the keys. What does a query carry home once it knows where to look?",
        (_after(lambda o, w, q, k, v, m: (w @ k, w)),),
    ),
    Mistake(
        "queries_mixed",
        "mixes queries instead of values",
        "Your last product takes the weights and q. Which of the three arguments has not been used yet?",
        (_after(lambda o, w, q, k, v, m: (w @ q, w)),),
    ),
    Mistake(
        "scores_mixed",
        "mixes with the scores instead of the weights",
        "Your weights are right, and something else mixes the values. Do the numbers that you "
        "multiply v with sum to 1?",
        (
            lambda q, k, v, mask=None: ((s := _scaled_scores(q, k)) @ v, reference.softmax(s, mask)),
            lambda q, k, v, mask=None: (
                _fill(0.0)(s := _scaled_scores(q, k), np.array(True) if mask is None else mask) @ v,
                reference.softmax(s, mask),
            ),
            lambda q, k, v, mask=None: (_match(q, k) @ v, reference.attention(q, k, v, mask)[1]),
        ),
    ),
    Mistake(
        "loop_ends_early",
        "a loop that misses the last one",
        "The last query, key or number of the output has been left out. What is the last number "
        "that range() gives you?",
        _filled_up_to(slice(None, -1)),
    ),
    Mistake(
        "return_in_the_loop",
        "returns at the first turn of a loop",
        "Only the first turn of your loop shows in the result. How far in does the line with return stand?",
        _filled_up_to(slice(None, 1)),
    ),
    Mistake(
        "type_of_arguments",
        "results of the arguments' type",
        "With q, k and v of integers your numbers are cut off behind the point. Which array do you write into, and "
        "which type has it?",
        (_typed_as(0), _typed_as(2)),
        recognize=truncates_integers,
    ),
    Mistake(
        "mean_for_sum",
        "mixture divided by the number of keys",
        "The weights of a row already sum to 1. Does their sum of values need another division?",
        (_after(lambda o, w, q, k, v, m: (o / k.shape[-2], w)),),
    ),
    Mistake(
        "A17",
        "blocked scores set to 0",
        "A score of 0 is not a weight of 0. What does softmax give to a score of 0?",
        _all_rows(block=_fill(0.0)),
    ),
    Mistake(
        "A19",
        "mask read the wrong way round",
        "Your function attends exactly to what is blocked. Does True mean may-look or must-not-look in this "
        "course, and which sign lowers a score?",
        (
            *_all_rows(block=lambda s, m: np.where(m, -np.inf, s)),
            *(version for block in _RAISED for version in _all_rows(block=block)),
            steps(block=lambda s, m: np.where(m, -1e9, s), empty=_leave_rows),
            lambda q, k, v, mask=None: reference.attention(q, k, v, None if mask is None else ~mask),
        ),
    ),
    Mistake(
        "tiny_fill",
        "blocked scores set to nearly 0, as -1e-9 is",
        "Print -1e-9 with ten decimals. Is it far below your scores, and what does a minus in the exponent do?",
        tuple(version for tiny in _TINY for block in (_fill, _added) for version in _all_rows(block=block(tiny))),
    ),
    Mistake(
        "huge_fill",
        "blocked scores set to a large positive number",
        "Your blocked keys get all the attention. Should a blocked score lie above all others, or below?",
        tuple(version for huge in _HUGE for version in _all_rows(block=_fill(huge))),
    ),
    Mistake(
        "zeros_blocked",
        "scores times mask, and then zeros blocked",
        "You block every score that is 0 after multiplying. What if an allowed score is 0 by itself?",
        (
            *_all_rows(block=_zeros_blocked),
            *_all_rows(match=lambda q, k: np.where((s := _match(q, k)) == 0, -np.inf, s), block=_zeros_blocked),
        ),
    ),
    Mistake(
        "A21",
        "the booleans are added to the scores",
        "Adding True is adding 1: blocked keys keep their score. What must be added to a score so that its exp() is 0?",
        (
            *_all_rows(block=lambda s, m: s + m),
            *_all_rows(block=lambda s, m: s + ~m),
            *_all_rows(block=lambda s, m: s - ~m),
        ),
    ),
    Mistake(
        "A23",
        "blocked scores set to plus infinity or nan",
        "Your weights are nan where something is blocked. Is your fill a number whose exp() is 0, or is it +inf or "
        "nan?",
        _all_rows(block=_fill(np.inf)),
    ),
    Mistake(
        "zero_times_infinity",
        "the mask is multiplied by infinity",
        "Print 0 * -np.inf. Which scores did you add that to: only the blocked ones?",
        (
            *_all_rows(block=_infinity_times_mask),
            *_all_rows(block=_infinity_times_mask, normalize=_reference_softmax),
            *_all_rows(block=_mask_times(-np.inf)),
            *_all_rows(block=_mask_times(-np.inf), normalize=_reference_softmax),
        ),
    ),
    Mistake(
        "A25",
        "the mask is ignored",
        "Change only the mask: does your output change?",
        (steps(block=lambda s, m: s, empty=_leave_rows), steps(block=lambda s, m: s)),
    ),
    Mistake(
        "A27",
        "a row with nothing allowed gives NaN",
        "A row in which everything is blocked is softmax of only -inf, which is 0/0. What should a query "
        "that may look at "
        "nothing get?",
        (steps(empty=_leave_rows),),
    ),
    Mistake(
        "uniform_empty_row",
        "a row with nothing allowed gets equal weights",
        "Where every score of a row is the same lowest number, softmax shares evenly: the blocked keys "
        "get everything. Which "
        "weights should a query have that may look at nothing?",
        (
            steps(block=_lowest, empty=_leave_rows),
            steps(block=_fill(-1e30), empty=_leave_rows),
            steps(block=_fill(-1e300), empty=_leave_rows),
            steps(block=_fill_in_same_type(-np.finfo(np.float64).max), empty=_leave_rows),
        ),
    ),
    Mistake(
        "A29",
        "dropout on the scores",
        "The same question gets different answers, since some scores become 0 at random, and exp(0) is "
        "not 0. Nobody asked for "
        "dropout here; and where would dropping an edge make its weight 0?",
        (_dropped_scores,),
        recognize=drops_scores,
    ),
    Mistake(
        "dropout",
        "dropout on the weights",
        "Some weights are 0 although nothing is blocked. Should attention be random when nobody asked for dropout?",
        (_dropped_weights,),
        recognize=drops_weights,
    ),
    Mistake(
        "A31",
        "softmax without subtracting the maximum",
        "exp() of a large score is inf, and inf/inf is nan. What can you subtract from every score of a "
        "row, without changing "
        "its softmax, so that the largest exponent is 0?",
        (
            *_all_rows(normalize=_naive),
            *_all_rows(normalize=_naive, scale=lambda q, k, v: np.sqrt(q.shape[-1])),
            *_all_rows(normalize=_naive, block=_fill(-1e9)),
            *_all_rows(normalize=_naive, block=_lowest),
            *(
                # numpy's root makes float64 of float32, the root of math does not: they overflow in other places
                steps(scale=scale, normalize=normalize)
                for scale in (_root_d_k, lambda q, k, v: np.sqrt(q.shape[-1]))
                for normalize in (_naive_with_rule, _naive_plus(1e-9), _naive_plus(1e-12))
            ),
        ),
    ),
    Mistake(
        "one_maximum",
        "one maximum for all rows",
        "You subtract the largest score of the whole array. What is left of a row whose own scores lie 1000 below it?",
        _all_rows(normalize=_one_maximum),
    ),
    Mistake(
        "maximum_of_columns",
        "subtracts the maximum of each column",
        "Softmax forgives only what is subtracted from a whole row alike. Do all scores of one query "
        "lose the same number?",
        _all_rows(normalize=_maximum_of_columns),
    ),
    Mistake(
        "A33",
        "blocked scores set to a small negative number",
        "Multiply q by 50 and look at the blocked keys again. Is your fill still below every real score?",
        tuple(
            version
            for value in (-1.0, -5.0, -9.0, -10.0, -20.0, -30.0, -50.0, -99.0, -100.0)
            for block in (_fill(value), *((_added(value),) if value != -1.0 else ()))  # adding -1 is A21
            for version in _all_rows(block=block)
        ),
    ),
    Mistake(
        "A35",
        "blocked scores set to a fixed large number such as -1e9",
        "A fixed number like -1e9 does not exist in float16, is not below every score, and makes an "
        "empty row look at "
        "everything. Which fill is the lowest that the type of the scores has, and which rule makes "
        "empty rows zero?",
        tuple(
            version
            for value in (-1e3, -1e4, -1e5, -1e6, -1e7, -1e8, -1e9, -1e10, -1e12)
            for block in (_fill(value), _fill_in_same_type(value), _added(value))
            for version in _all_rows(block=block)
        ),
    ),
    Mistake(
        "mask_after_softmax",
        "blocks weights after the softmax",
        "Sum the rows of a masked example: the blocked keys have taken their share of the softmax before "
        "they were removed. "
        "Where must a score be blocked so that the rest shares the whole unit?",
        (_masked_after(None),),
    ),
    Mistake(
        "maximum_of_blocked",
        "blocked scores count for the maximum: blocked after it is subtracted, or after the softmax",
        "On paper that is the same. But if a blocked score lies 1000 above the allowed ones, which score is your "
        "maximum, and what is left of exp() of the others once it has been subtracted?",
        tuple(_masked_after(again) for again in (_divide, _divide_where, _divide_eps, _nan_divide)),
    ),
    Mistake(
        "weights_masked_only",
        "masked weights are returned but not used",
        "The weights that you return are masked. Are they the ones that mix the values?",
        (_only_weights_masked,),
    ),
    Mistake(
        "output_masked_only",
        "masked weights are used but not returned",
        "Your output is right, and your weights show attention on blocked keys. Which weights do you return?",
        (_only_output_masked,),
    ),
    Mistake(
        "values_masked",
        "masks the values instead of the scores",
        "A blocked value counts as 0 in your sum, yet its key still takes attention. What do the other "
        "weights of the row sum to?",
        (_values_masked,),
    ),
    Mistake(
        "mask_of_full_shape",
        "needs a mask of the scores' own shape",
        "A mask may be smaller than the scores, say (B, 1, 1, Tk). Which numpy function chooses between "
        "two arrays and broadcasts?",
        (
            *(version for value in (-np.inf, -1e9) for version in _all_rows(block=_indexed(value))),
            *_all_rows(block=_reshaped_mask),
        ),
    ),
    Mistake(
        "mask_gets_axes",
        "adds axes to a mask that broadcasts already",
        "You add axes to the mask. What does broadcasting do to missing leading axes by itself?",
        (*_all_rows(block=_mask_with_heads), *_all_rows(block=_mask_with_batch_and_heads)),
    ),
    Mistake(
        "mask_transposed",
        "mask with queries and keys exchanged",
        "Mask and scores are both (..., Tq, Tk). Did the two axes of one of them change places?",
        _all_rows(block=_transposed_mask),
    ),
    Mistake(
        "mask_of_first_sentence",
        "the first sentence's mask for all",
        "The second sentence is padded elsewhere than the first. Whose mask do you apply to it?",
        _all_rows(block=_first_sentence_mask),
    ),
    Mistake(
        "epsilon",
        "adds a visible number to the divisor",
        "Your rows sum to a little less than 1. What did you add to the sum, and which rows need it?",
        tuple(
            version
            for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1.0)
            for version in (steps(normalize=_with_epsilon(e)), steps(normalize=_with_epsilon(e), empty=_leave_rows))
        ),
    ),
    Mistake(
        "output_only",
        "returns the output alone",
        "The demos below draw the weights as well. Which two things, in which order, should come back?",
        (_after(lambda o, w, q, k, v, m: o),),
    ),
    Mistake(
        "weights_only",
        "returns the weights alone",
        "Your function stops before the last step. What are the weights for?",
        (_after(lambda o, w, q, k, v, m: w),),
    ),
    Mistake(
        "weights_first",
        "returns the weights first",
        "Both results are right. In which order does the text ask for them?",
        (_after(lambda o, w, q, k, v, m: (w, o)),),
    ),
    Mistake(
        "scores_returned",
        "returns scores in place of weights",
        "Your output is right; the second result does not sum to 1 in a row. Is it the weights, or what "
        "they were before softmax?",
        (_scores_returned, _masked_scores_returned),
    ),
    Mistake(
        "weights_averaged",
        "returns weights averaged over the heads",
        "Each head looks somewhere else, and you return one matrix for all heads. How many should there be?",
        (_heads_averaged,),
    ),
    Mistake(
        "outputs_averaged",
        "averages the outputs of the heads",
        "Each head brings home something of its own. Who is to combine them: attention, or the layer around it?",
        (_outputs_averaged,),
    ),
    Mistake(
        "output_normalized",
        "makes each output a unit vector",
        "Every row of your output has length 1. With one key only, what should the output be?",
        (
            _after(lambda o, w, q, k, v, m: (_unit_rows(o), w)),
            _after(lambda o, w, q, k, v, m: (np.nan_to_num(_unit_rows(o)), w)),
        ),
    ),
    Mistake(
        "residual",
        "adds the query to the output",
        "With one key only, the output should be its value. What else did you add?",
        (_after(lambda o, w, q, k, v, m: (o + q, w)),),
    ),
    Mistake(
        "rounded",
        "rounds the results",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(make(digits) for digits in range(1, 8) for make in (_rounded, _rounded_both)),
    ),
    Mistake(
        "single_precision",
        "computes in float32",
        "The arguments are float64, and your numbers have the digits of float32. Where do the others get lost?",
        (_single, _single_inside, _single_scores, _single_weights, _single_and_back),
    ),
    Mistake(
        "matrix",
        "returns np.matrix",
        "np.matrix cannot have more than two axes, and its * is a matrix product. Which type do q, k and v have?",
        (_matrix,),
    ),
    Mistake(
        "changes_arguments",
        "changes its own arguments",
        "Print an argument before and after the call: your function has changed the caller's array. "
        "Which operator makes a "
        "new array instead of writing into the old one?",
        (_scales_in_place, _scales_keys_in_place, _flips_mask_in_place),
    ),
)


# --- softmax ----------------------------------------------------------------------------------------------------


def _row_softmax(
    normalize: Callable[[Array], Array] = _stable,
    block: Callable[[Array, Array], Array] = _block,
    empty: Callable[[Array, Array | None], Array] = _zero_rows,
) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        if mask is not None:
            x = block(x, mask)
        return empty(normalize(x), mask)

    return softmax


def _rows(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    return tuple(_row_softmax(empty=empty, **changed) for empty in (_zero_rows, _leave_rows, _nan_to_zero))


def _softmax_masked_after(renormalize: Function | None) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        weights = _stable(x)
        if mask is None:
            return weights
        return weights * mask if renormalize is None else renormalize(weights * mask)

    return softmax


def _softmax_shifted(shift: Callable[[Array], Array]) -> tuple[Function, ...]:
    """Return softmaxes that add ``shift`` to the row before or after the mask acts, with each way for empty rows."""

    def before(divide: Callable[[Array], Array], empty: Callable[[Array, Array | None], Array]) -> Function:
        def softmax(x: Array, mask: Array | None = None) -> Array:
            x = x + shift(x)
            return empty(divide(np.exp(x if mask is None else np.where(mask, x, -np.inf))), mask)

        return softmax

    return (
        *(version for each in _shifted(shift) for version in _rows(normalize=each)),
        *(before(divide, empty) for divide in (_divide, _divide_where) for empty in (_zero_rows, _nan_to_zero)),
        before(_divide, _leave_rows),
    )


def softmax_truncates_integers(function: Function) -> bool:
    """Whether a softmax returns other shares for integers than for the same numbers as floats."""
    return truncates_integers(function, (np.array([[0, 1, 3], [2, 2, 2]]),))


def _softmax_shaped(shape: Callable[[Array, Array], Array]) -> tuple[Function, ...]:
    """Return softmaxes whose last step is ``shape(x, exponentials)``, with and without the maximum subtracted."""
    return (
        *_rows(normalize=lambda x: shape(x, np.exp(x - np.where(np.isfinite(top := _top(x)), top, 0)))),
        *_rows(normalize=lambda x: shape(x, np.exp(x))),
    )


def _top(x: Array) -> Array:
    top: Array = x.max(axis=-1, keepdims=True)
    return top


def _without_keepdims(x: Array) -> tuple[Array, Array]:
    """Return the exponentials with a maximum, and the sum, whose axis has gone."""
    e = np.exp(x - x.max(axis=-1))
    return e, e.sum(axis=-1)


def _softmax_then(change: Callable[[Array, Array], Array]) -> Function:
    return lambda x, mask=None: change(reference.softmax(x, mask), x)


def _softmax_rounded(digits: int) -> Function:
    return _softmax_then(lambda w, x: np.asarray(np.round(w, digits)))


def _row_empty_at(array: Array, kept: slice) -> Array:
    result = np.zeros_like(array)
    result[kept] = array[kept]
    return result


def _softmax_in_place(x: Array, mask: Array | None = None) -> Array:
    result = reference.softmax(x, mask)
    x -= x.max(axis=-1, keepdims=True)
    return result


def _softmax_fills_in_place(
    fill: Callable[[Array, Array], None], empty: Callable[[Array, Array | None], Array]
) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        if mask is not None:
            fill(x, mask)
        return empty(_stable(x), mask)

    return softmax


def _fill_by_index(x: Array, mask: Array) -> None:
    x[~mask] = -np.inf


def _fill_by_slice(x: Array, mask: Array) -> None:
    x[...] = np.where(mask, x, -np.inf)


SOFTMAX = (
    Mistake(
        "softmax_all",
        "over all entries",
        "All your numbers together sum to 1. How many rows are there, and what should each of them sum to?",
        (*_rows(normalize=_along(None)), *_rows(normalize=_one_sum)),
    ),
    Mistake(
        "softmax_first_axis",
        "along the first axis",
        "Your columns sum to 1. Which axis runs along a row?",
        _rows(normalize=_along(0)),
    ),
    Mistake(
        "softmax_next_to_last",
        "along the next-to-last axis",
        "With three axes, your numbers sum to 1 along the middle one. Which index means the last axis?",
        _rows(normalize=_along(-2)),
    ),
    Mistake(
        "softmax_axis_1",
        "along axis 1",
        "Axis 1 is the last one only when there are two. Which index is always the last?",
        _rows(normalize=_along(1)),
    ),
    Mistake(
        "softmax_overflows",
        "does not subtract the maximum",
        "exp(1000) is inf, and inf/inf is nan. What may you subtract from every entry of a row without "
        "changing the result?",
        (*_rows(normalize=_naive), *_rows(normalize=_naive, block=_fill(-1e9))),
    ),
    Mistake(
        "softmax_one_maximum",
        "one maximum for all rows",
        "You subtract the largest entry of the whole array. What becomes of a row that lies 1000 below it?",
        _rows(normalize=_one_maximum),
    ),
    Mistake(
        "softmax_no_exponential",
        "divides by the sum without exp",
        "Your rows sum to 1, but with a negative entry a share is negative. Which function is always positive?",
        _rows(normalize=_no_exponential),
    ),
    Mistake(
        "softmax_no_sum",
        "never divides",
        "Your entries are positive; what does a row of them sum to?",
        (*_rows(normalize=_no_sum), *_rows(normalize=_no_sum_stable)),
    ),
    Mistake(
        "softmax_hard",
        "only the largest entry",
        "Two entries that nearly tie should get nearly the same. What do yours get?",
        _rows(normalize=_hard),
    ),
    Mistake(
        "softmax_minimum",
        "subtracts the minimum of each row",
        "You subtract the smallest entry of a row. How large is the largest exponent then, in a row that goes from "
        "-1000 to 1000 or in one that holds -inf?",
        _softmax_shifted(_lowered_by_minimum),
    ),
    Mistake(
        "softmax_mean_subtracted",
        "subtracts the mean of each row",
        "You subtract the mean of a row, so some exponents are above 0. What may be the largest exponent if nothing is "
        "to overflow?",
        _softmax_shifted(lambda x: -x.mean(axis=-1, keepdims=True)),
    ),
    Mistake(
        "softmax_maximum_added",
        "adds the maximum",
        "You add the largest entry of a row, and exponents become larger still. Which sign brings "
        "the largest one to 0?",
        _softmax_shifted(_top),
    ),
    Mistake(
        "softmax_maximum_divides",
        "divides x by the maximum",
        "You divide each entry by the largest one, which changes the differences between entries. Which operation "
        "leaves all differences as they are?",
        (
            *_rows(normalize=lambda x: _divide(np.exp(x / _top(x)))),
            *_rows(normalize=lambda x: _divide_where(np.exp(x / np.where(np.isfinite(top := _top(x)), top, 0)))),
        ),
    ),
    Mistake(
        "softmax_subtracts_once",
        "subtracts the maximum above or below the line only",
        "The exponentials that you divide are others than those that you sum. What must be subtracted in both?",
        (
            *_softmax_shaped(lambda x, e: np.exp(x) / _no_sum_stable(x).sum(axis=-1, keepdims=True)),
            *_softmax_shaped(lambda x, e: _no_sum_stable(x) / np.exp(x).sum(axis=-1, keepdims=True)),
        ),
    ),
    Mistake(
        "softmax_sum_of_x",
        "the sum of x instead of that of the exponentials",
        "You divide by the sum of the entries of x. Which numbers are to sum to 1 in the end: those of x, or their "
        "exponentials?",
        (
            *_softmax_shaped(lambda x, e: e / x.sum(axis=-1, keepdims=True)),
            *_softmax_shaped(lambda x, e: np.exp(x / x.sum(axis=-1, keepdims=True))),
        ),
    ),
    Mistake(
        "softmax_sum_misses_one",
        "the sum misses the first or last entry",
        "Sum a row of your shares: it is more than 1. Does the sum that you divide by take in every entry?",
        tuple(
            version
            for left_out in (slice(None, -1), slice(1, None))
            for guarded in (False, True)
            for version in _rows(normalize=_sum_without(left_out, guarded))
        ),
    ),
    Mistake(
        "softmax_divided_by_number",
        "divides by a number of entries",
        "You divide every exponential by the same number, whatever x is. What must it be so that the row sums to 1?",
        tuple(
            version
            for number in _DIVISORS
            for divide in (_divided_by, _naively_divided_by)
            for version in _rows(normalize=divide(number))
        ),
    ),
    Mistake(
        "softmax_no_keepdims",
        "the axis of the maximum or of the sum is gone",
        "Print the shapes of x and of its row maxima and sums. Which axis must stay, with length 1, so that each row "
        "meets its own number?",
        (
            *_rows(normalize=lambda x: _without_keepdims(x)[0] / _without_keepdims(x)[1]),
            *_rows(normalize=lambda x: _divide(_without_keepdims(x)[0])),
            *_rows(normalize=lambda x: (e := _no_sum_stable(x)) / e.sum(axis=-1)),
            *_rows(normalize=lambda x: (e := np.exp(x)) / e.sum(axis=-1)),
        ),
    ),
    Mistake(
        "softmax_loop_ends_early",
        "a loop that misses the last one",
        "The last row or the last entry of each row is still 0. What is the last number that range() gives you?",
        (
            _softmax_then(lambda w, x: _empty_at(w, -1, slice(None, -1))),
            _softmax_then(lambda w, x: _row_empty_at(w, slice(None, -1))),
        ),
    ),
    Mistake(
        "softmax_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only the first turn of your loop shows in the result. How far in does the line with return stand?",
        (
            _softmax_then(lambda w, x: _row_empty_at(w, slice(None, 1))),
            _softmax_then(lambda w, x: _empty_at(w, -1, slice(None, 1))),
        ),
    ),
    Mistake(
        "softmax_base_rounded",
        "e with a few digits",
        "An entry that is larger by 1 gets a share that is larger by a number near e, and not by e. How many digits of "
        "it do you have, and which function of numpy has them all?",
        tuple(version for base in _BASES for version in _rows(normalize=_rounded_base(base))),
    ),
    Mistake(
        "softmax_rounded",
        "rounds the shares",
        "Your shares end after a few digits. Is rounding for printing, or for computing?",
        tuple(_softmax_rounded(digits) for digits in range(1, 8)),
    ),
    Mistake(
        "softmax_twice",
        "softmax of softmax",
        "Your shares are nearly all the same. How often did x go through softmax?",
        (
            *_rows(normalize=_twice),
            lambda x, mask=None: reference.softmax(reference.softmax(x, mask), mask),
            lambda x, mask=None: reference.softmax(reference.softmax(x, mask)),
        ),
    ),
    Mistake(
        "softmax_negative",
        "the sign of the exponent",
        "Your smallest entry gets the largest share. Which sign has the exponent?",
        (*_rows(normalize=lambda x: _stable(-x)), lambda x, mask=None: reference.softmax(-x, mask)),
    ),
    Mistake(
        "softmax_epsilon",
        "adds a visible number to the divisor",
        "Your rows sum to a little less than 1. What did you add to the sum, and which rows need it?",
        tuple(
            version
            for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1.0)
            for version in (
                _row_softmax(normalize=_with_epsilon(e)),
                _row_softmax(normalize=_with_epsilon(e), empty=_leave_rows),
            )
        ),
    ),
    Mistake(
        "softmax_type_of_x",
        "a result of x's type",
        "With an x of integers your shares are cut off behind the point. Which array do you write into, and which "
        "type has it?",
        (_softmax_then(lambda w, x: w.astype(x.dtype)),),
        recognize=softmax_truncates_integers,
    ),
    Mistake(
        "softmax_log",
        "the logarithm of softmax",
        "Your results are negative. Which function undoes a logarithm?",
        _rows(normalize=_log),
    ),
    Mistake(
        "softmax_base_2",
        "powers of 2",
        "An entry that is larger by 1 gets twice the share. Which factor did the formula promise?",
        _rows(normalize=_base_2),
    ),
    Mistake(
        "softmax_sigmoid",
        "sigmoid of each entry",
        "Each of your entries ignores the others of its row. What does the row sum to?",
        (*_rows(normalize=_sigmoid), *_rows(normalize=_split_sigmoid)),
    ),
    Mistake(
        "softmax_mask_ignored",
        "the mask is ignored",
        "Call it twice, with and without a mask: does anything change?",
        (_row_softmax(block=lambda x, m: x, empty=_leave_rows), _row_softmax(block=lambda x, m: x)),
    ),
    Mistake(
        "softmax_mask_zero",
        "blocked entries set to 0",
        "You replace a blocked entry by 0. What is exp(0)?",
        _rows(block=_fill(0.0)),
    ),
    Mistake(
        "softmax_mask_inverted",
        "mask read the wrong way round",
        "Look at where your zeros are. Does True mean that an entry takes part, or that it is left out, and which sign "
        "lowers an entry?",
        (
            *_rows(block=lambda x, m: np.where(m, -np.inf, x)),
            *(version for block in _RAISED for version in _rows(block=block)),
            lambda x, mask=None: reference.softmax(x, None if mask is None else ~mask),
        ),
    ),
    Mistake(
        "softmax_zero_times_infinity",
        "the mask is multiplied by infinity",
        "Print 0 * -np.inf. Which entries did you add that to: only the blocked ones?",
        tuple(
            version
            for block in (_infinity_times_mask, _mask_times(-np.inf))
            for normalize in (_stable, _reference_softmax)
            for version in _rows(block=block, normalize=normalize)
        ),
    ),
    Mistake(
        "softmax_tiny_fill",
        "blocked entries set to nearly 0, as -1e-9 is",
        "Print -1e-9 with ten decimals. Is it far below the entries of x, and what does a minus in the exponent do?",
        tuple(version for tiny in _TINY for block in (_fill, _added) for version in _rows(block=block(tiny))),
    ),
    Mistake(
        "softmax_huge_fill",
        "blocked entries set to a large positive number",
        "Your blocked entries get everything. Should a blocked entry lie above all others, or below?",
        tuple(version for huge in _HUGE for version in _rows(block=_fill(huge))),
    ),
    Mistake(
        "softmax_zeros_blocked",
        "x times mask, and then zeros blocked",
        "You block every entry that is 0 after multiplying. What if an allowed entry is 0 by itself?",
        _rows(block=_zeros_blocked),
    ),
    Mistake(
        "softmax_mask_after",
        "blocks after dividing",
        "Sum a masked row: it is less than 1. Had the blocked entries already got a share when you removed them?",
        (_softmax_masked_after(None),),
    ),
    Mistake(
        "softmax_maximum_of_blocked",
        "blocked entries count for the maximum: blocked after it is subtracted, or after dividing",
        "If a blocked entry is 1000 larger than the others, which entry is your maximum, and what is left of exp() of "
        "the others once it has been subtracted?",
        tuple(_softmax_masked_after(again) for again in (_divide, _divide_where, _divide_eps, _nan_divide)),
    ),
    Mistake(
        "softmax_empty_nan",
        "an empty row gives NaN",
        "In a row with nothing allowed you compute 0/0. Which result does the text promise for it?",
        (_row_softmax(empty=_leave_rows),),
    ),
    Mistake(
        "softmax_empty_uniform",
        "an empty row gives equal shares",
        "In a row with nothing allowed your blocked entries share 1 among them. What should they get?",
        (_row_softmax(block=_lowest, empty=_leave_rows), _row_softmax(block=_fill(-1e30), empty=_leave_rows)),
    ),
    Mistake(
        "softmax_small_fill",
        "a fixed number as fill",
        "Is there a row whose allowed entries all lie below your fill, and who gets the share then?",
        tuple(
            version
            for value in (-1.0, -10.0, -100.0, -1e3, -1e4, -1e5, -1e6, -1e8, -1e9, -1e10)
            for version in _rows(block=_fill(value))
        ),
    ),
    Mistake(
        "softmax_mask_of_full_shape",
        "needs a mask of x's own shape",
        "A mask may be smaller than x, one row for all. Which numpy function chooses between two arrays "
        "and broadcasts?",
        _rows(block=_indexed(-np.inf)),
    ),
    Mistake(
        "softmax_changes_arguments",
        "changes x",
        "Print x before and after the call. Which line writes into the caller's array?",
        (
            _softmax_in_place,
            *(
                _softmax_fills_in_place(fill, empty)
                for fill in (_fill_by_index, _fill_by_slice)
                for empty in (_zero_rows, _leave_rows, _nan_to_zero)
            ),
        ),
    ),
    Mistake(
        "softmax_single_precision",
        "computes in float32",
        "x is float64 and your result is float32: who asked for fewer digits?",
        (lambda x, mask=None: reference.softmax(x.astype(np.float32), mask).astype(np.float32),),
    ),
)


# --- score statistics -------------------------------------------------------------------------------------------


def _statistics(
    of: Callable[[Array, float], tuple[Any, Any]],
    draw: Callable[[np.random.Generator, tuple[int, int]], Array] = lambda rng, shape: rng.standard_normal(shape),
) -> Function:
    def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        scores = (draw(rng, (n, d_k)) * draw(rng, (n, d_k))).sum(axis=-1)
        return of(scores, math.sqrt(d_k))

    return score_statistics


def _with_themselves(d_k: int, n: int, rng: np.random.Generator) -> tuple[float, float]:
    scores = (rng.standard_normal((n, d_k)) ** 2).sum(axis=-1)
    return scores.var(), (scores / math.sqrt(d_k)).var()


def _products(d_k: int, n: int, rng: np.random.Generator) -> tuple[float, float]:
    products = rng.standard_normal((n, d_k)) * rng.standard_normal((n, d_k))
    return products.var(), (products / math.sqrt(d_k)).var()


Pairs = Callable[[int, int, np.random.Generator], tuple[Array, Array]]
Scores = Callable[[Array, Array], Array]

# What is drawn may stand in any order of the three axes: which vector of the pair, which pair, which number of it.
_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def _normals(rng: np.random.Generator, shape: list[int]) -> Array:
    return rng.standard_normal(shape)


def _evenly_up_to(end: float) -> Callable[[np.random.Generator, list[int]], Array]:
    return lambda rng, shape: rng.uniform(-end, end, shape)


def _pairs_in(
    order: tuple[int, ...],
    lengths: Callable[[int, int], tuple[int, int]] = lambda d_k, n: (n, d_k),
    numbers: Callable[[np.random.Generator, list[int]], Array] = _normals,
) -> Pairs:
    """Return a way to draw: 2 vectors for each of n pairs, of d_k numbers, whose axes lie in memory as ``order`` says.

    ``lengths`` takes d_k and n and says how many pairs there are, and how many numbers in each vector.
    """

    def draw(d_k: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        shape = (2, *lengths(d_k, n))
        drawn = numbers(rng, [shape[axis] for axis in order])
        q, k = np.transpose(drawn, np.argsort(order))
        return q, k

    return draw


def _variances(draw: Pairs, scores: Scores, ddof: int = 0) -> Function:
    def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        s = scores(*draw(d_k, n, rng))
        return s.var(ddof=ddof), (s / math.sqrt(d_k)).var(ddof=ddof)

    return score_statistics


def _dots(q: Array, k: Array) -> Array:
    products: Array = (q * k).sum(axis=-1)
    return products


def _in_any_order(
    scores: Scores = _dots,
    lengths: Callable[[int, int], tuple[int, int]] = lambda d_k, n: (n, d_k),
    numbers: Callable[[np.random.Generator, list[int]], Array] = _normals,
) -> tuple[Function, ...]:
    """Return the statistics of these scores for every order in which the numbers may be drawn."""
    return tuple(_variances(_pairs_in(order, lengths, numbers), scores, ddof) for order in _ORDERS for ddof in (0, 1))


def does_as(function: Function, versions: Iterable[Function]) -> bool:
    """Whether a function does exactly what one of the versions does with the same generators."""
    return any(_agree(function, version) for version in versions)


def _agree(function: Function, version: Function) -> bool:
    try:
        for d_k, n, seed in ((3, 7, 31), (5, 4, 32)):
            mine = np.asarray(function(d_k, n, np.random.default_rng(seed)), dtype=float)
            if not np.allclose(mine, version(d_k, n, np.random.default_rng(seed)), rtol=1e-9, atol=1e-12):
                return False
    except Exception:  # whatever the learner's function may raise
        return False
    return True


RIGHT_STATISTICS = _in_any_order()


def _exactly(id: str, title: str, hint: str, versions: tuple[Function, ...]) -> Mistake:
    """Return a mistake that is recognized by the very numbers that its versions make."""
    return Mistake(id, title, hint, versions, recognize=lambda function: does_as(function, versions))


def _one_for_all(q_first: bool, left: bool) -> Function:
    """One query for all keys, or one key for all queries; it is drawn before them or after."""

    def draw(d_k: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        one, all_others = (1, d_k), (n, d_k)
        first, second = (rng.standard_normal(shape) for shape in ((one, all_others) if q_first else (all_others, one)))
        return first, second

    return _variances(draw, _dots if left else lambda q, k: _dots(q, k))


def _first_for_all(q: Array, k: Array) -> Array:
    return _dots(q[:1], k)


def _last_left_zero(q: Array, k: Array) -> Array:
    s = _dots(q, k)
    s[-1] = 0
    return s


def _rounded_variances(digits: int) -> tuple[Function, ...]:
    def rounding(version: Function) -> Function:
        return lambda d_k, n, rng: tuple(np.round(np.array(version(d_k, n, rng)), digits))

    return tuple(rounding(version) for version in RIGHT_STATISTICS)


def _scaled_by(root: Callable[[int, int], float]) -> tuple[Function, ...]:
    def scaling(order: tuple[int, ...]) -> Function:
        def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
            s = _dots(*_pairs_in(order)(d_k, n, rng))
            return s.var(), (s / root(d_k, n)).var()

        return score_statistics

    return tuple(scaling(order) for order in _ORDERS)


def _levels(function: Function) -> int:
    """Return how many different variances come out for 2 pairs of width 1, of 60 times: few if the entries are few."""
    rng = np.random.default_rng(33)
    return len({round(float(function(1, 2, rng)[0]), 9) for _ in range(60)})


def draws_signs(function: Function) -> bool:
    """Whether the vectors hold only two numbers, of equal size: then 2 scores are equal or opposite."""
    try:
        return _levels(function) == 2
    except Exception:  # whatever the learner's function may raise
        return False


def normals_drawn(function: Function, d_k: int, n: int) -> int | None:
    """Return how many standard normal numbers a function draws, read from the state of the generator; None if others.

    That is the same whatever shape they are drawn in. A generator that has not moved, or in another way, gives None.
    """
    used, other = np.random.default_rng(35), np.random.default_rng(35)
    function(d_k, n, used)
    for count in range(1, 4 * n * d_k + 100):
        other.standard_normal()
        if used.bit_generator.state == other.bit_generator.state:
            return count
    return None


SCORE_STATISTICS = (
    Mistake(
        "statistics_std",
        "standard deviations instead of variances",
        "Your first number grows like the root of d_k. Which is the square of the other, variance or "
        "standard deviation?",
        (_statistics(lambda s, r: (s.std(), (s / r).std())),),
    ),
    Mistake(
        "statistics_by_d_k",
        "divided by d_k",
        "Your second number shrinks as d_k grows. By what were the scores to be divided: d_k, or its root?",
        (_statistics(lambda s, r: (s.var(), (s / r**2).var())),),
    ),
    Mistake(
        "statistics_variance_divided",
        "divides the variance by sqrt(d_k)",
        "You divide the variance where the scores should be divided. If every score is halved, what "
        "happens to the variance?",
        (_statistics(lambda s, r: (s.var(), s.var() / r)),),
    ),
    Mistake(
        "statistics_multiplied",
        "multiplied by sqrt(d_k)",
        "Your second number is larger than the first. Was the scale to shrink the scores or to stretch them?",
        (_statistics(lambda s, r: (s.var(), (s * r).var())),),
    ),
    Mistake(
        "statistics_not_scaled",
        "the second number is not scaled",
        "Both of your numbers are the same. What was to happen to the scores before the second variance?",
        (_statistics(lambda s, r: (s.var(), s.var())),),
    ),
    Mistake(
        "statistics_swapped",
        "the two numbers in the other order",
        "Your first number stays near 1. Which of the two should come first?",
        (_statistics(lambda s, r: ((s / r).var(), s.var())),),
    ),
    Mistake(
        "statistics_mean",
        "means instead of variances",
        "Both of your numbers are near 0. Is the mean of the scores asked for, or how far they spread around it?",
        (_statistics(lambda s, r: (s.mean(), (s / r).mean())),),
    ),
    Mistake(
        "statistics_uniform",
        "uniform numbers instead of normal ones",
        "Your vectors hold no negative number. What are the mean and the variance of a standard normal number?",
        (_statistics(lambda s, r: (s.var(), (s / r).var()), lambda rng, shape: rng.random(shape)),),
    ),
    Mistake(
        "statistics_same_vector",
        "the query is its own key",
        "Your variance is twice as large as it should be. Is each q compared with a k of its own, or with itself?",
        (_with_themselves,),
    ),
    Mistake(
        "statistics_no_sum",
        "products that are not summed",
        "Your first number stays near 1 for every d_k. How many numbers does one dot product give?",
        (_products,),
    ),
    _exactly(
        "statistics_columns",
        "sums over the pairs",
        "Your first number grows with n. Over which axis does a dot product sum?",
        (
            *_in_any_order(lambda q, k: (q * k).sum(axis=0)),
            *_in_any_order(lengths=lambda d_k, n: (d_k, n)),
        ),
    ),
    _exactly(
        "statistics_pair_missing",
        "one pair too few",
        "You take the variance of n - 1 scores. Where does your loop, slice or shape begin, and where does it end?",
        (
            *_in_any_order(lengths=lambda d_k, n: (n - 1, d_k)),
            *_in_any_order(lambda q, k: _dots(q, k)[:-1]),
            *_in_any_order(lambda q, k: _dots(q, k)[1:]),
        ),
    ),
    _exactly(
        "statistics_pair_more",
        "one pair too many",
        "You take the variance of n + 1 scores. Where does your loop or shape begin, and where does it end?",
        _in_any_order(lengths=lambda d_k, n: (n + 1, d_k)),
    ),
    _exactly(
        "statistics_score_left_zero",
        "the last score is still 0",
        "One of your n scores is 0, as it was made. What is the last number that range() gives you?",
        _in_any_order(_last_left_zero),
    ),
    _exactly(
        "statistics_one_query",
        "one query for all keys",
        "All of your scores share one vector. How many queries does the text want, and how many keys?",
        (
            _one_for_all(q_first=True, left=True),
            _one_for_all(q_first=False, left=True),
            *_in_any_order(_first_for_all),
            *_in_any_order(lambda q, k: _dots(q, k[:1])),
        ),
    ),
    _exactly(
        "statistics_width_missing",
        "one number of each vector is left out",
        "Your dot products sum one number too few. How many products has a dot product of width d_k?",
        (
            *_in_any_order(lambda q, k: _dots(q, k)[:] - q[:, -1] * k[:, -1]),
            *_in_any_order(lambda q, k: _dots(q, k)[:] - q[:, 0] * k[:, 0]),
            *_in_any_order(lengths=lambda d_k, n: (n, d_k - 1)),
        ),
    ),
    _exactly(
        "statistics_scaled_by_n",
        "divided by the root of n",
        "You divide by the root of the number of pairs. A dot product sums over something else: over how many numbers?",
        _scaled_by(lambda d_k, n: math.sqrt(n)),
    ),
    _exactly(
        "statistics_rounded",
        "rounds the variances",
        "Your variances end after a few digits. Is rounding for printing, or for computing?",
        tuple(version for digits in range(1, 5) for version in _rounded_variances(digits)),
    ),
    Mistake(
        "statistics_single_score",
        "the variance of a single score",
        "Both of your numbers are 0: a single score does not spread. Do you keep the n scores before you take their "
        "variance, and is the line with return outside the loop?",
        (_statistics(lambda s, r: (s[-1:].var(), s[-1:].var())),),
    ),
    Mistake(
        "statistics_signs",
        "random signs instead of normal numbers",
        "Your vectors hold only two different numbers, so that mean and variance are right and nothing else. Which "
        "method of the generator draws standard normal numbers?",
        (
            _statistics(lambda s, r: (s.var(), (s / r).var()), lambda rng, shape: rng.choice([-1.0, 1.0], shape)),
            _statistics(lambda s, r: (s.var(), (s / r).var()), lambda rng, shape: np.sign(rng.standard_normal(shape))),
        ),
        recognize=draws_signs,
    ),
    _exactly(
        "statistics_uniform_around_zero",
        "evenly spread numbers around 0 instead of normal ones",
        "Your vectors hold numbers that are spread evenly up to a limit. Which method of the generator draws standard "
        "normal numbers, which have none?",
        tuple(version for end in (math.sqrt(3), 1.0, 0.5) for version in _in_any_order(numbers=_evenly_up_to(end))),
    ),
)
