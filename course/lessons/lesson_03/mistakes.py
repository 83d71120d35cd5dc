"""Known wrong versions of softmax, attention and score_statistics, and the question that leads out of each.

A wrong attention is the right one with a step replaced: see :func:`steps`. Ids A01 to A35 are those of the project's
catalog of mistakes; the others are ours.
"""

import math
from collections.abc import Callable
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
        (*_all_rows(normalize=_over_matrix), *_all_rows(normalize=_along(None))),
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
        "Your function attends exactly to what is blocked. Does True mean may-look or must-not-look in this course?",
        (
            *_all_rows(block=lambda s, m: np.where(m, -np.inf, s)),
            steps(block=lambda s, m: np.where(m, -1e9, s), empty=_leave_rows),
            lambda q, k, v, mask=None: reference.attention(q, k, v, None if mask is None else ~mask),
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
        "mask_after_softmax_divided",
        "blocks after the softmax and divides again",
        "On paper that is the same. But if a blocked score lies 1000 above the allowed ones, what do the "
        "allowed weights "
        "round to before you divide again?",
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
        _rows(normalize=_along(None)),
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
        "Look at where your zeros are. Does True mean that an entry takes part, or that it is left out?",
        (
            *_rows(block=lambda x, m: np.where(m, -np.inf, x)),
            lambda x, mask=None: reference.softmax(x, None if mask is None else ~mask),
        ),
    ),
    Mistake(
        "softmax_zero_times_infinity",
        "the mask is multiplied by infinity",
        "Print 0 * -np.inf. Which entries did you add that to: only the blocked ones?",
        (*_rows(block=_infinity_times_mask), *_rows(block=_infinity_times_mask, normalize=_reference_softmax)),
    ),
    Mistake(
        "softmax_mask_after",
        "blocks after dividing",
        "Sum a masked row: it is less than 1. Had the blocked entries already got a share when you removed them?",
        (_softmax_masked_after(None),),
    ),
    Mistake(
        "softmax_mask_after_divided",
        "blocks after dividing and divides again",
        "If the blocked entry is 1000 larger than the others, what are the others rounded to before your "
        "second division?",
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


def _down_the_columns(d_k: int, n: int, rng: np.random.Generator) -> tuple[float, float]:
    scores = (rng.standard_normal((n, d_k)) * rng.standard_normal((n, d_k))).sum(axis=0)
    return scores.var(), (scores / math.sqrt(d_k)).var()


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
    Mistake(
        "statistics_columns",
        "sums over the pairs",
        "Your first number grows with n. Over which axis does a dot product sum?",
        (_down_the_columns,),
    ),
)
