"""Known wrong versions of softmax, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03 import reference
from course.lessons.lesson_03.mistakes.steps import (
    along,
    blocked,
    by_row_sums,
    by_row_sums_where,
    filled_with,
    leave_rows,
    naive,
    naive_with_rule,
    nan_to_zero,
    one_sum,
    stable,
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


def _row_softmax(
    normalize: Callable[[Array], Array] = stable,
    block: Callable[[Array, Array], Array] = blocked,
    empty: Callable[[Array, Array | None], Array] = zero_rows,
) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        if mask is not None:
            x = block(x, mask)
        return empty(normalize(x), mask)

    return softmax


def _rows(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    return tuple(_row_softmax(empty=empty, **changed) for empty in (zero_rows, leave_rows, nan_to_zero))


def _softmax_masked_after(renormalize: Function | None) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        weights = stable(x)
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
        *(version for each in shifted(shift) for version in _rows(normalize=each)),
        *(before(divide, empty) for divide in (by_row_sums, by_row_sums_where) for empty in (zero_rows, nan_to_zero)),
        before(by_row_sums, leave_rows),
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
        return empty(stable(x), mask)

    return softmax


def _softmax_shaped_with(value: float) -> tuple[Function, ...]:
    """Return softmaxes that fill with an infinite value and take 0 for the maximum where that is infinite."""

    def normalize(x: Array) -> Array:
        top = x.max(axis=-1, keepdims=True)
        e = np.exp(x - np.where(np.isfinite(top), top, 0))
        total = e.sum(axis=-1, keepdims=True)
        return e / np.where(total > 0, total, 1)

    return _rows(block=filled_with(value), normalize=normalize)


def _blocks_all_without_mask(empty: Callable[[Array, Array | None], Array]) -> Function:
    def softmax(x: Array, mask: Array | None = None) -> Array:
        mask = np.zeros(x.shape, dtype=bool) if mask is None else mask
        return empty(stable(blocked(x, mask)), mask)

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
        (*_rows(normalize=along(None)), *_rows(normalize=one_sum)),
    ),
    Mistake(
        "softmax_first_axis",
        "along the first axis",
        "Your columns sum to 1. Which axis runs along a row?",
        _rows(normalize=along(0)),
    ),
    Mistake(
        "softmax_next_to_last",
        "along the next-to-last axis",
        "With three axes, your numbers sum to 1 along the middle one. Which index means the last axis?",
        _rows(normalize=along(-2)),
    ),
    Mistake(
        "softmax_axis_1",
        "along axis 1",
        "Axis 1 is the last one only when there are two. Which index is always the last?",
        _rows(normalize=along(1)),
    ),
    Mistake(
        "softmax_overflows",
        "does not subtract the maximum",
        "exp(1000) is inf, and inf/inf is nan. What may you subtract from every entry of a row without "
        "changing the result?",
        (
            *_rows(normalize=naive),
            *_rows(normalize=naive_with_rule),
            *_rows(normalize=naive, block=filled_with(-1e9)),
        ),
    ),
    Mistake(
        "softmax_one_maximum",
        "one maximum for all rows",
        "You subtract the largest entry of the whole array. What becomes of a row that lies 1000 below it?",
        _rows(normalize=one_maximum),
    ),
    Mistake(
        "softmax_no_exponential",
        "divides by the sum without exp",
        "Your rows sum to 1, but with a negative entry a share is negative. Which function is always positive?",
        _rows(normalize=no_exponential),
    ),
    Mistake(
        "softmax_no_sum",
        "never divides",
        "Your entries are positive; what does a row of them sum to?",
        (*_rows(normalize=no_sum), *_rows(normalize=no_sum_stable)),
    ),
    Mistake(
        "softmax_hard",
        "only the largest entry",
        "Two entries that nearly tie should get nearly the same. What do yours get?",
        _rows(normalize=all_to_the_largest),
    ),
    Mistake(
        "softmax_minimum",
        "subtracts the minimum of each row",
        "You subtract the smallest entry of a row. How large is the largest exponent then, in a row that goes from "
        "-1000 to 1000 or in one that holds -inf?",
        _softmax_shifted(lowered_by_minimum),
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
            *_rows(normalize=lambda x: by_row_sums(np.exp(x / _top(x)))),
            *_rows(normalize=lambda x: by_row_sums_where(np.exp(x / np.where(np.isfinite(top := _top(x)), top, 0)))),
        ),
    ),
    Mistake(
        "softmax_subtracts_once",
        "subtracts the maximum above or below the line only",
        "The exponentials that you divide are others than those that you sum. What must be subtracted in both?",
        (
            *_softmax_shaped(lambda x, e: np.exp(x) / no_sum_stable(x).sum(axis=-1, keepdims=True)),
            *_softmax_shaped(lambda x, e: no_sum_stable(x) / np.exp(x).sum(axis=-1, keepdims=True)),
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
            for version in _rows(normalize=sum_without(left_out, guarded))
        ),
    ),
    Mistake(
        "softmax_divided_by_number",
        "divides by a number of entries",
        "You divide every exponential by the same number, whatever x is. What must it be so that the row sums to 1?",
        tuple(
            version
            for number in DIVISORS
            for divide in (divided_by, naively_divided_by)
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
            *_rows(normalize=lambda x: by_row_sums(_without_keepdims(x)[0])),
            *_rows(normalize=lambda x: (e := no_sum_stable(x)) / e.sum(axis=-1)),
            *_rows(normalize=lambda x: (e := np.exp(x)) / e.sum(axis=-1)),
        ),
    ),
    Mistake(
        "softmax_loop_ends_early",
        "a loop that misses the last one",
        "The last row or the last entry of each row is still 0. What is the last number that range() gives you?",
        (
            _softmax_then(lambda w, x: empty_at(w, -1, slice(None, -1))),
            _softmax_then(lambda w, x: _row_empty_at(w, slice(None, -1))),
        ),
    ),
    Mistake(
        "softmax_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only the first turn of your loop shows in the result. How far in does the line with return stand?",
        (
            _softmax_then(lambda w, x: _row_empty_at(w, slice(None, 1))),
            _softmax_then(lambda w, x: empty_at(w, -1, slice(None, 1))),
        ),
    ),
    Mistake(
        "softmax_base_rounded",
        "e with a few digits",
        "An entry that is larger by 1 gets a share that is larger by a number near e, and not by e. How many digits of "
        "it do you have, and which function of numpy has them all?",
        tuple(version for base in BASES for version in _rows(normalize=rounded_base(base))),
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
            *_rows(normalize=twice),
            lambda x, mask=None: reference.softmax(reference.softmax(x, mask), mask),
            lambda x, mask=None: reference.softmax(reference.softmax(x, mask)),
        ),
    ),
    Mistake(
        "softmax_negative",
        "the sign of the exponent",
        "Your smallest entry gets the largest share. Which sign has the exponent?",
        (*_rows(normalize=lambda x: stable(-x)), lambda x, mask=None: reference.softmax(-x, mask)),
    ),
    Mistake(
        "softmax_epsilon",
        "adds a visible number to the divisor",
        "Your rows sum to a little less than 1. What did you add to the sum, and which rows need it?",
        tuple(
            version
            for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1.0)
            for version in (
                _row_softmax(normalize=with_epsilon(e)),
                _row_softmax(normalize=with_epsilon(e), empty=leave_rows),
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
        _rows(normalize=log_of_shares),
    ),
    Mistake(
        "softmax_base_2",
        "powers of 2",
        "An entry that is larger by 1 gets twice the share. Which factor did the formula promise?",
        _rows(normalize=base_2),
    ),
    Mistake(
        "softmax_sigmoid",
        "sigmoid of each entry",
        "Each of your entries ignores the others of its row. What does the row sum to?",
        (*_rows(normalize=sigmoid), *_rows(normalize=split_sigmoid)),
    ),
    Mistake(
        "softmax_mask_ignored",
        "the mask is ignored",
        "Call it twice, with and without a mask: does anything change?",
        (_row_softmax(block=lambda x, m: x, empty=leave_rows), _row_softmax(block=lambda x, m: x)),
    ),
    Mistake(
        "softmax_mask_zero",
        "blocked entries set to 0",
        "You replace a blocked entry by 0. What is exp(0)?",
        _rows(block=filled_with(0.0)),
    ),
    Mistake(
        "softmax_without_mask_blocked",
        "without a mask everything is blocked",
        "Without a mask your result has nothing but zeros or nan. np.where takes None for False: which entries take "
        "part when the mask is None?",
        tuple(_blocks_all_without_mask(empty) for empty in (zero_rows, leave_rows)),
    ),
    Mistake(
        "softmax_mask_added",
        "the booleans are added to x",
        "Adding True is adding 1: a blocked entry keeps its share, or nearly so. What must become of an entry so that "
        "its exp() is 0?",
        (
            *_rows(block=lambda x, m: x + m),
            *_rows(block=lambda x, m: x + ~m),
            *_rows(block=lambda x, m: x - ~m),
        ),
    ),
    Mistake(
        "softmax_infinity_after",
        "blocked shares set to -inf",
        "Your blocked shares are -inf. On which side of exp() does -inf belong, so that 0 comes out?",
        (lambda x, mask=None: stable(x) if mask is None else np.where(mask, stable(x), -np.inf),),
    ),
    Mistake(
        "softmax_plus_infinity",
        "blocked entries set to plus infinity or nan",
        "Your shares are nan where something is blocked. Is your fill a number whose exp() is 0, or is it +inf or nan?",
        (
            *_rows(block=filled_with(np.inf)),
            *_softmax_shaped_with(np.inf),
        ),
    ),
    Mistake(
        "softmax_mask_inverted",
        "mask read the wrong way round",
        "Look at where your zeros are. Does True mean that an entry takes part, or that it is left out, and which sign "
        "lowers an entry?",
        (
            *_rows(block=lambda x, m: np.where(m, -np.inf, x)),
            *(version for block in RAISED for version in _rows(block=block)),
            lambda x, mask=None: reference.softmax(x, None if mask is None else ~mask),
        ),
    ),
    Mistake(
        "softmax_zero_times_infinity",
        "the mask is multiplied by infinity",
        "Print 0 * -np.inf. Which entries did you add that to: only the blocked ones?",
        tuple(
            version
            for block in (infinity_times_mask, mask_times(-np.inf))
            for normalize in (stable, reference_softmax)
            for version in _rows(block=block, normalize=normalize)
        ),
    ),
    Mistake(
        "softmax_tiny_fill",
        "blocked entries set to nearly 0, as -1e-9 is",
        "Print -1e-9 with ten decimals. Is it far below the entries of x, and what does a minus in the exponent do?",
        tuple(version for tiny in TINY for block in (filled_with, added) for version in _rows(block=block(tiny))),
    ),
    Mistake(
        "softmax_huge_fill",
        "blocked entries set to a large positive number",
        "Your blocked entries get everything. Should a blocked entry lie above all others, or below?",
        tuple(version for huge in HUGE for version in _rows(block=filled_with(huge))),
    ),
    Mistake(
        "softmax_zeros_blocked",
        "x times mask, and then zeros blocked",
        "You block every entry that is 0 after multiplying. What if an allowed entry is 0 by itself?",
        _rows(block=zeros_blocked),
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
        tuple(_softmax_masked_after(again) for again in DIVISIONS),
    ),
    Mistake(
        "softmax_empty_nan",
        "an empty row gives NaN",
        "A row with nothing allowed gives you nan: its maximum is -inf, and -inf - (-inf) is no number, as 0/0 is "
        "none. Which result does the text promise for it?",
        (_row_softmax(empty=leave_rows),),
    ),
    Mistake(
        "softmax_empty_uniform",
        "an empty row gives equal shares",
        "In a row with nothing allowed your blocked entries share 1 among them. What should they get?",
        (_row_softmax(block=lowest, empty=leave_rows), _row_softmax(block=filled_with(-1e30), empty=leave_rows)),
    ),
    Mistake(
        "softmax_small_fill",
        "a fixed number as fill",
        "Is there a row whose allowed entries all lie below your fill, and who gets the share then?",
        tuple(
            version
            for value in (-1.0, -10.0, -100.0, -1e3, -1e4, -1e5, -1e6, -1e8, -1e9, -1e10)
            for block in (filled_with(value), *((added(value),) if value != -1.0 else ()))  # see softmax_mask_added
            for version in _rows(block=block)
        ),
    ),
    Mistake(
        "softmax_mask_of_full_shape",
        "needs a mask of x's own shape",
        "A mask may be smaller than x, one row for all. Which numpy function chooses between two arrays "
        "and broadcasts?",
        _rows(block=indexed(-np.inf)),
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
                for empty in (zero_rows, leave_rows, nan_to_zero)
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
