"""Known wrong versions of attention, and the question that leads out of each.

Ids A01 to A35 are those of the project's catalog of mistakes; the others are ours. The exercise that repairs a version
asks the same questions.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03 import reference
from course.lessons.lesson_03.mistakes.dropout import dropped_scores, dropped_weights, drops_scores, drops_weights
from course.lessons.lesson_03.mistakes.steps import (
    along,
    dot_products,
    filled_with,
    leave_rows,
    naive,
    naive_plus,
    naive_with_rule,
    nan_to_zero,
    one_sum,
    over_matrix,
    root_d_k,
    stable,
    steps,
    zero_rows,
)
from course.lessons.lesson_03.mistakes.wrong_steps import (
    BASES,
    DIVISIONS,
    DIVISORS,
    HUGE,
    RAISED,
    TINY,
    added,
    all_to_the_largest,
    base_2,
    divided_by,
    empty_at,
    indexed,
    infinity_times_mask,
    log_of_shares,
    lowered_by_minimum,
    lowest,
    mask_times,
    naively_divided_by,
    no_exponential,
    no_sum,
    no_sum_stable,
    one_maximum,
    reference_softmax,
    rounded_base,
    shifted,
    sigmoid,
    split_sigmoid,
    sum_without,
    truncates_integers,
    twice,
    with_epsilon,
    zeros_blocked,
)

Array = NDArray[Any]


def _all_rows(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    """Return the wrong version with each way to treat an empty row: zeros, NaN, NaN made zero."""
    return tuple(steps(empty=empty, **changed) for empty in (zero_rows, leave_rows, nan_to_zero))


def _after(change: Callable[[Array, Array, Array, Array, Array, Array | None], Any]) -> Function:
    """Return an attention that hands (output, weights, q, k, v, mask) to ``change`` and returns what that returns."""

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> Any:  # noqa: ANN401
        output, weights = reference.attention(q, k, v, mask)
        return change(output, weights, q, k, v, mask)

    return attention


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
    return dot_products(q / np.linalg.norm(q, axis=-1, keepdims=True), k / np.linalg.norm(k, axis=-1, keepdims=True))


def _distance(q: Array, k: Array) -> Array:
    return -((q[..., :, None, :] - k[..., None, :, :]) ** 2).sum(axis=-1)


def _keys_first(q: Array, k: Array) -> Array:
    return k @ np.swapaxes(q, -1, -2)


def _fill_in_same_type(value: float) -> Callable[[Array, Array], Array]:
    return lambda scores, mask: np.where(mask, scores, scores.dtype.type(value))


def _masked_after(renormalize: Function | None) -> Function:
    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        weights = stable(dot_products(q, k) / math.sqrt(q.shape[-1]))
        if mask is not None:
            weights = weights * mask
            if renormalize is not None:
                weights = renormalize(weights)
        return weights @ v, weights

    return attention


def _only_weights_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return reference.attention(q, k, v)[0], reference.attention(q, k, v, mask)[1]


def _only_output_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return reference.attention(q, k, v, mask)[0], reference.attention(q, k, v)[1]


def _values_masked(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.attention(q, k, v)[1]
    return (weights if mask is None else weights * mask) @ v, weights


def _identity(scores: Array) -> Array:
    return scores


def _maximum_of_columns(scores: Array) -> Array:
    e = np.exp(scores - scores.max(axis=-2, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


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
    weights = reference.softmax(dot_products(q, k) / np.sqrt(q.shape[-1]), mask)
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
    return reference.attention(q, k, v, mask)[0], dot_products(q, k) / math.sqrt(q.shape[-1])


def _masked_scores_returned(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, scores = _scores_returned(q, k, v, mask)
    return output, scores if mask is None else np.where(mask, scores, -np.inf)


def _scaled_after(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.softmax(dot_products(q, k), mask) / math.sqrt(q.shape[-1])
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


def _scaled_where(masked: bool, empty: Callable[[Array, Array | None], Array]) -> Function:
    """Return an attention that scales only with a mask, or only without one."""
    with_scale, without = steps(empty=empty), steps(scale=lambda q, k, v: 1.0, empty=empty)

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        result: tuple[Array, Array] = (with_scale if (mask is not None) == masked else without)(q, k, v, mask)
        return result

    return attention


def _as_many_keys_as_queries(q: Array, k: Array) -> Array:
    scores = dot_products(q, k)
    if q.shape[-2] > k.shape[-2]:
        raise IndexError
    scores[..., q.shape[-2] :] = 0
    return scores


def _always_causal(empty: Callable[[Array, Array | None], Array]) -> Function:
    right = steps(empty=empty)

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        causal = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
        result: tuple[Array, Array] = right(q, k, v, causal if mask is None else causal & mask)
        return result

    return attention


def _infinite_weights(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = reference.attention(q, k, v)[1]
    weights = weights if mask is None else np.where(mask, weights, -np.inf)
    return weights @ v, weights


def _blocks_all_without_mask(empty: Callable[[Array, Array | None], Array]) -> Function:
    right = steps(empty=empty)

    def attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        nothing = np.zeros((q.shape[-2], k.shape[-2]), dtype=bool)
        result: tuple[Array, Array] = right(q, k, v, nothing if mask is None else mask)
        return result

    return attention


def _scaled_scores(q: Array, k: Array) -> Array:
    return dot_products(q, k) / math.sqrt(q.shape[-1])


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


def _filled_up_to(kept: slice) -> tuple[Function, ...]:
    """Return attentions whose loop over the queries, or the keys, reaches only some of them."""
    return (
        _after(lambda o, w, q, k, v, m: (empty_at(o, -2, kept), w)),
        _after(lambda o, w, q, k, v, m: (empty_at(o, -2, kept), empty_at(w, -2, kept))),
        _after(lambda o, w, q, k, v, m: (empty_at(w, -1, kept) @ v, w)),
        _after(lambda o, w, q, k, v, m: (empty_at(w, -1, kept) @ v, empty_at(w, -1, kept))),
        _after(lambda o, w, q, k, v, m: (empty_at(o, -1, kept), w)),
    )


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
        "scale_only_with_mask",
        "scales in one branch of if only",
        "You scale the scores with a mask and not without one, or the other way round. How far in does the line that "
        "scales stand?",
        tuple(_scaled_where(masked, empty) for masked in (True, False) for empty in (zero_rows, leave_rows)),
        whole=True,
    ),
    Mistake(
        "scale_of_output",
        "scales the output instead of the scores",
        "With one key only, the output should be its value, and yours is shorter by the root of d_k. Which of your "
        "numbers must the root make smaller before softmax sees them?",
        (
            lambda q, k, v, mask=None: (
                (w := reference.softmax(dot_products(q, k), mask)) @ v / math.sqrt(q.shape[-1]),
                w,
            ),
            _after(lambda o, w, q, k, v, m: (o / math.sqrt(q.shape[-1]), w)),
        ),
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
        _all_rows(normalize=along(-2)),
    ),
    Mistake(
        "A09",
        "softmax over all scores of the matrix at once",
        "Your whole matrix of weights sums to 1. How many probability distributions should there be: "
        "one, or one per query?",
        (
            *_all_rows(normalize=over_matrix),
            *_all_rows(normalize=along(None)),
            *_all_rows(normalize=one_sum),
        ),
    ),
    Mistake(
        "softmax_over_first_axis",
        "softmax over the first axis",
        "Your weights sum to 1 along the first axis, which counts sentences when there is a batch. How "
        "do you name the last "
        "axis, however many there are?",
        _all_rows(normalize=along(0)),
    ),
    Mistake(
        "softmax_over_axis_1",
        "softmax over axis 1",
        "Axis 1 counts keys only while there are two axes. What does it count in (B, H, Tq, Tk), and "
        "which index always "
        "means the last?",
        _all_rows(normalize=along(1)),
    ),
    Mistake(
        "A11",
        "sigmoid instead of softmax",
        "Sum each row of your weights. Do the keys compete for one unit of attention, or does each get its own?",
        (*_all_rows(normalize=sigmoid), *_all_rows(normalize=split_sigmoid)),
    ),
    Mistake(
        "no_softmax",
        "scores used as weights",
        "Some of your weights are negative. Which function turns any scores into positive shares that sum to 1?",
        (*_all_rows(normalize=_identity), *_all_rows(normalize=_identity, block=filled_with(0.0))),
    ),
    Mistake(
        "no_exponential",
        "divides scores by their sum",
        "Your rows sum to 1, and yet some shares are negative. What makes every score positive before it "
        "is divided by the sum?",
        _all_rows(normalize=no_exponential),
    ),
    Mistake(
        "no_sum",
        "exponentials never divided by their sum",
        "Sum each row of your weights: what must every exponential be divided by to make it 1?",
        (*_all_rows(normalize=no_sum), *_all_rows(normalize=no_sum_stable)),
    ),
    Mistake(
        "hard_maximum",
        "all attention to the best key",
        "Your weights are only 0 and 1. If the second-best key nearly ties, what share should it get?",
        _all_rows(normalize=all_to_the_largest),
    ),
    Mistake(
        "softmax_twice",
        "softmax applied twice",
        "Your weights are nearly all the same. How often did the scores go through softmax?",
        (*_all_rows(normalize=twice), steps(normalize=lambda s: stable(np.nan_to_num(stable(s))))),
    ),
    Mistake(
        "log_softmax",
        "logarithms of the weights",
        "Your weights are negative: they are logarithms. Which shares would sum to 1 in a row?",
        _all_rows(normalize=log_of_shares),
    ),
    Mistake(
        "base_rounded",
        "e with a few digits",
        "One more point of score multiplies your weight by a number near e, and not by e. How many digits of it do you "
        "have, and which function of numpy has them all?",
        tuple(version for base in BASES for version in _all_rows(normalize=rounded_base(base))),
    ),
    Mistake(
        "minimum",
        "subtracts the minimum of each row",
        "You subtract the smallest score of a row, and -inf is a score too. Which score must be subtracted so that no "
        "exponent is above 0?",
        tuple(
            version
            for normalize in shifted(lowered_by_minimum)
            for scale in (root_d_k, lambda q, k, v: np.sqrt(q.shape[-1]))  # which makes float64 of float32
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
            for version in _all_rows(normalize=sum_without(left_out, guarded))
        ),
    ),
    Mistake(
        "divided_by_number",
        "exponentials divided by a number of keys",
        "You divide every exponential by the same number, whatever the scores are. What must it be so that the row "
        "sums to 1?",
        tuple(
            version
            for number in DIVISORS
            for divide in (divided_by, naively_divided_by)
            for version in _all_rows(normalize=divide(number))
        ),
    ),
    Mistake(
        "base_2",
        "powers of 2 instead of e",
        "One more point of score doubles your weight. By which factor does softmax raise it?",
        _all_rows(normalize=base_2),
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
        _all_rows(match=lambda q, k: -dot_products(q, k)),
    ),
    Mistake(
        "a_feature_left_out",
        "one number of each vector is left out",
        "A key that differs from another in a single number gets the same score as that. Does your sum take in the "
        "first and the last number of each vector?",
        (
            *_all_rows(match=lambda q, k: dot_products(q[..., :-1], k[..., :-1])),
            *_all_rows(match=lambda q, k: dot_products(q[..., 1:], k[..., 1:])),
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
        (*_all_rows(match=lambda q, k: dot_products(q, q)), *_all_rows(match=lambda q, k: dot_products(k, k))),
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
                filled_with(0.0)(s := _scaled_scores(q, k), np.array(True) if mask is None else mask) @ v,
                reference.softmax(s, mask),
            ),
            lambda q, k, v, mask=None: (dot_products(q, k) @ v, reference.attention(q, k, v, mask)[1]),
        ),
    ),
    Mistake(
        "loop_of_another_length",
        "a loop over the keys that is as long as the queries",
        "Your scores are still 0 for the last keys where there are more keys than queries. Which lengths have the two "
        "loops?",
        _all_rows(match=_as_many_keys_as_queries),
    ),
    Mistake(
        "overwritten_in_the_loop",
        "each turn of a loop overwrites the last one",
        "Your output holds the share of the last key alone. Which sign adds to what is there, = or +=?",
        (_after(lambda o, w, q, k, v, m: (w[..., -1:] * v[..., -1:, :], w)),),
    ),
    Mistake(
        "always_causal",
        "hides later keys without being asked",
        "No mask was given, and query 0 sees key 0 alone. Who says that a query may not look at later keys?",
        tuple(_always_causal(empty) for empty in (zero_rows, leave_rows)),
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
        _all_rows(block=filled_with(0.0)),
    ),
    Mistake(
        "A19",
        "mask read the wrong way round",
        "Your function attends exactly to what is blocked. Does True mean may-look or must-not-look in this "
        "course, and which sign lowers a score?",
        (
            *_all_rows(block=lambda s, m: np.where(m, -np.inf, s)),
            *(version for block in RAISED for version in _all_rows(block=block)),
            steps(block=lambda s, m: np.where(m, -1e9, s), empty=leave_rows),
            lambda q, k, v, mask=None: reference.attention(q, k, v, None if mask is None else ~mask),
        ),
    ),
    Mistake(
        "tiny_fill",
        "blocked scores set to nearly 0, as -1e-9 is",
        "Print -1e-9 with ten decimals. Is it far below your scores, and what does a minus in the exponent do?",
        tuple(version for tiny in TINY for block in (filled_with, added) for version in _all_rows(block=block(tiny))),
    ),
    Mistake(
        "huge_fill",
        "blocked scores set to a large positive number",
        "Your blocked keys get all the attention. Should a blocked score lie above all others, or below?",
        tuple(version for huge in HUGE for version in _all_rows(block=filled_with(huge))),
    ),
    Mistake(
        "zeros_blocked",
        "scores times mask, and then zeros blocked",
        "You block every score that is 0 after multiplying. What if an allowed score is 0 by itself?",
        (
            *_all_rows(block=zeros_blocked),
            *_all_rows(match=lambda q, k: np.where((s := dot_products(q, k)) == 0, -np.inf, s), block=zeros_blocked),
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
        _all_rows(block=filled_with(np.inf)),
    ),
    Mistake(
        "zero_times_infinity",
        "the mask is multiplied by infinity",
        "Print 0 * -np.inf. Which scores did you add that to: only the blocked ones?",
        (
            *_all_rows(block=infinity_times_mask),
            *_all_rows(block=infinity_times_mask, normalize=reference_softmax),
            *_all_rows(block=mask_times(-np.inf)),
            *_all_rows(block=mask_times(-np.inf), normalize=reference_softmax),
        ),
    ),
    Mistake(
        "A25",
        "the mask is ignored",
        "Change only the mask: does your output change?",
        (steps(block=lambda s, m: s, empty=leave_rows), steps(block=lambda s, m: s)),
    ),
    Mistake(
        "A27",
        "a row with nothing allowed gives NaN",
        "A row in which everything is blocked is softmax of only -inf, which is 0/0. What should a query "
        "that may look at "
        "nothing get?",
        (steps(empty=leave_rows),),
    ),
    Mistake(
        "uniform_empty_row",
        "a row with nothing allowed gets equal weights",
        "Where every score of a row is the same lowest number, softmax shares evenly: the blocked keys "
        "get everything. Which "
        "weights should a query have that may look at nothing?",
        (
            steps(block=lowest, empty=leave_rows),
            steps(block=filled_with(-1e30), empty=leave_rows),
            steps(block=filled_with(-1e300), empty=leave_rows),
            steps(block=_fill_in_same_type(-np.finfo(np.float64).max), empty=leave_rows),
        ),
    ),
    Mistake(
        "A29",
        "dropout on the scores",
        "The same question gets different answers, since some scores become 0 at random, and exp(0) is "
        "not 0. Nobody asked for "
        "dropout here; and where would dropping an edge make its weight 0?",
        (dropped_scores,),
        recognize=drops_scores,
    ),
    Mistake(
        "dropout",
        "dropout on the weights",
        "Some weights are 0 although nothing is blocked. Should attention be random when nobody asked for dropout?",
        (dropped_weights,),
        recognize=drops_weights,
    ),
    Mistake(
        "A31",
        "softmax without subtracting the maximum",
        "exp() of a large score is inf, and inf/inf is nan. What can you subtract from every score of a "
        "row, without changing "
        "its softmax, so that the largest exponent is 0?",
        (
            *_all_rows(normalize=naive),
            *_all_rows(normalize=naive, scale=lambda q, k, v: np.sqrt(q.shape[-1])),
            *_all_rows(normalize=naive, block=filled_with(-1e9)),
            *_all_rows(normalize=naive, block=lowest),
            *(
                # numpy's root makes float64 of float32, the root of math does not: they overflow in other places
                steps(scale=scale, normalize=normalize)
                for scale in (root_d_k, lambda q, k, v: np.sqrt(q.shape[-1]))
                for normalize in (naive_with_rule, naive_plus(1e-9), naive_plus(1e-12))
            ),
        ),
    ),
    Mistake(
        "one_maximum",
        "one maximum for all rows",
        "You subtract the largest score of the whole array. What is left of a row whose own scores lie 1000 below it?",
        _all_rows(normalize=one_maximum),
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
            for block in (filled_with(value), *((added(value),) if value != -1.0 else ()))  # adding -1 is A21
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
            for block in (filled_with(value), _fill_in_same_type(value), added(value))
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
        tuple(_masked_after(again) for again in DIVISIONS),
    ),
    Mistake(
        "infinity_after",
        "blocked weights set to -inf",
        "Your blocked weights are -inf. On which side of exp() does -inf belong, so that 0 comes out?",
        (_infinite_weights,),
    ),
    Mistake(
        "without_mask_blocked",
        "without a mask everything is blocked",
        "Without a mask your results have nothing but zeros or nan. np.where takes None for False: which keys may be "
        "seen when the mask is None?",
        tuple(_blocks_all_without_mask(empty) for empty in (zero_rows, leave_rows)),
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
            *(version for value in (-np.inf, -1e9) for version in _all_rows(block=indexed(value))),
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
            for version in (steps(normalize=with_epsilon(e)), steps(normalize=with_epsilon(e), empty=leave_rows))
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
