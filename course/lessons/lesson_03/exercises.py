"""The exercises of lesson 03, scaled dot-product attention: softmax, attention, score_statistics, repair_attention."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lessons.lesson_03 import mistakes as bank
from course.lessons.lesson_03 import reference

Array = NDArray[Any]


# --- data -------------------------------------------------------------------------------------------------------


def _normal(*shapes: tuple[int, ...], seed: int, spread: float = 1.0) -> tuple[Array, ...]:
    rng = np.random.default_rng(seed)
    return tuple(spread * rng.standard_normal(shape) for shape in shapes)


def _qkv(
    lead: tuple[int, ...], Tq: int, Tk: int, d_k: int, d_v: int, seed: int = 3, spread: float = 1.0
) -> tuple[Array, ...]:
    return _normal((*lead, Tq, d_k), (*lead, Tk, d_k), (*lead, Tk, d_v), seed=seed, spread=spread)


def _powers_of_two() -> tuple[Array, Array, Array]:
    """Scores 0, 2 ln 2, 2 ln 4; scaled by sqrt(4): 0, ln 2, ln 4; weights 1/7, 2/7, 4/7."""
    q = np.array([[2.0, 0.0, 0.0, 0.0]])
    k = np.zeros((3, 4))
    k[:, 0] = np.log([1.0, 2.0, 4.0])
    return q, k, np.array([[7.0], [14.0], [28.0]])


def _padded_on_the_left() -> tuple[Array, Array, Array, Array]:
    """Self-attention, causal and padding mask at once; the first sentence begins with two pads: two empty rows."""
    tokens = np.array([[9, 9, 4, 0, 7], [3, 0, 5, 6, 9]])  # the pad id is 9; 0 is an ordinary word
    q, k, v = _qkv((2, 3), 5, 5, 6, 7, seed=5)
    return q, k, v, (tokens != 9)[:, None, None, :] & np.tri(5, dtype=bool)


def _integers(high: int, seed: int, dtype: type) -> tuple[Array, Array, Array]:
    """q, k, v of integers with d_k 16, so that scores and their quarter are exact in every float type."""
    rng = np.random.default_rng(seed)
    q = np.zeros((2, 3, 16))
    q[..., :2] = rng.integers(-high, high + 1, size=(2, 3, 2))
    k = rng.integers(-8, 9, size=(2, 5, 16))
    return q.astype(dtype), k.astype(dtype), rng.integers(-4, 5, size=(2, 5, 6)).astype(dtype)


def _below(level: float) -> tuple[Array, Array, Array, Array]:
    """Allowed scores near ``level`` (far below 0), blocked ones at 0 and above; exact in any order of scaling."""
    q = np.zeros((2, 16))
    q[:, 0] = [4.0, 2.0]
    k = np.zeros((4, 16))
    k[:, 0] = [level, level - 1000.0, 0.0, 50.0]
    v = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]])
    return q, k, v, np.array([[True, True, False, False], [False, True, False, False]])


def _half_precision() -> tuple[Array, Array, Array, Array]:
    mask = np.ones((2, 3, 5), dtype=bool)
    mask[0, :, 3:] = False
    mask[1, 1] = False
    return *_integers(6, 8, np.float16), mask


def _mask_of(seed: int, *shape: int) -> Array:
    """Random booleans with True in every row."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[..., 0] |= ~mask.any(axis=-1)
    return mask


_KEYS = np.array([[True, True, True, False, False], [False, True, True, True, True]])[:, None, None, :]

_ATTENTION_CASES = (
    Case(
        "one query and one key",
        lambda: (np.array([[2.0, 0.0]]), np.array([[1.0, 3.0]]), np.array([[3.0, 5.0, 7.0]])),
        "Whatever the score is: how much attention does the only key get?",
        by_hand=True,
    ),
    Case(
        "a query of zeros, which likes no key better than another",
        lambda: (np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 4.0], [2.0, 1.0]]), np.array([[3.0], [6.0], [9.0]])),
        "All scores are equal: how should one unit of attention be shared?",
        by_hand=True,
    ),
    Case(
        "a query whose scaled scores are 0, ln 2 and ln 4",
        _powers_of_two,
        "The exponentials are 1, 2 and 4: which shares do they make, and which step of yours gives something else?",
        by_hand=True,
    ),
    Case(
        "four queries and five keys of width 6, values of width 7",
        lambda: _qkv((), 4, 5, 6, 7),
        "All lengths and widths differ here. Which of your steps mixes two of them up?",
        about_axes=True,
    ),
    Case(
        "a batch of sentences, (B, T, d)",
        lambda: _qkv((2,), 4, 5, 6, 7, seed=4),
        "Which of your steps counts axes from the front?",
        about_axes=True,
    ),
    Case(
        "a batch with heads, (B, H, T, d)",
        lambda: _qkv((2, 3), 4, 5, 6, 7, seed=5),
        "Which of your steps counts axes from the front?",
        about_axes=True,
    ),
    Case(
        "arrays in which B, H, Tq, Tk and d are all 4",
        lambda: _qkv((4, 4), 4, 4, 4, 4, seed=6),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
    ),
    Case(
        "the same query with the last key blocked",
        lambda: (*_powers_of_two(), np.array([[True, True, False]])),
        "The exponentials that may take part are 1 and 2: which shares do they make?",
        tier=2,
        naming=1e-12,  # tells a fill of -1e-9 from none
        by_hand=True,
    ),
    Case(
        "a mask that allows everything",
        lambda: (*_qkv((), 4, 5, 6, 7), np.ones((4, 5), dtype=bool)),
        "True means may attend: should such a mask change anything?",
        tier=2,
    ),
    Case(
        "a mask (Tq, Tk)",
        lambda: (*_qkv((), 4, 5, 6, 7), _mask_of(1, 4, 5)),
        "Are the blocked weights exactly 0, and do the others sum to 1?",
        tier=2,
    ),
    Case(
        "a padding mask (B, 1, 1, Tk)",
        lambda: (*_qkv((2, 3), 4, 5, 6, 7, seed=5), _KEYS.copy()),
        "The mask is smaller than the scores. Does every head and every query of a sentence use it?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "one mask (Tq, Tk) for all sentences and heads",
        lambda: (*_qkv((2, 3), 4, 5, 6, 7, seed=5), _mask_of(1, 4, 5)),
        "The mask has fewer axes than the scores. Does it broadcast?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "a mask of its own for each sentence and head",
        lambda: (*_qkv((2, 3), 4, 5, 6, 7, seed=5), _mask_of(2, 2, 3, 4, 5)),
        "Does each sentence and each head use its own part of the mask?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "a query that may attend to nothing",
        lambda: (*_powers_of_two(), np.zeros((1, 3), dtype=bool)),
        "No key is allowed: what can the sum of the weights be, and what is left to mix?",
        tier=3,
        by_hand=True,
    ),
    Case(
        "causal and padding mask together, padded on the left",
        _padded_on_the_left,
        "Some rows are empty here and others are not. What does each kind get?",
        tier=3,
    ),
    Case(
        "scores in the thousands",
        lambda: _qkv((2,), 4, 5, 6, 7, seed=7, spread=40.0),
        "exp(710) is more than a float64 can hold. Which number can be subtracted from a whole row "
        "without changing its shares?",
        tier=4,
    ),
    Case(
        "allowed scores below -400",
        lambda: _below(-400.0),
        "The allowed scores lie below the blocked ones. Does your way of blocking hold for any score?",
        tier=4,
    ),
    Case(
        "allowed scores below -10000",
        lambda: _below(-12000.0),
        "Every allowed score lies far below the blocked ones. Does your way of blocking hold for any score?",
        tier=4,
    ),
    Case(
        "allowed scores below minus forty trillion",
        lambda: _below(-4.0e13),
        "Is your fill below every possible score?",
        tier=4,
    ),
    Case(
        "float32 with scores in the hundreds",
        lambda: _integers(60, 9, np.float32),
        "exp(89) is more than a float32 can hold. Is the largest exponent of each row 0?",
        tier=4,
        tolerance=1e-4,
    ),
    Case(
        "float16 with a mask and an empty row",
        _half_precision,
        "A float16 ends at 65504, and exp() of 12 is beyond it. Which constant or exponent of yours does not fit?",
        tier=5,
        tolerance=2e-2,
    ),
)


# --- properties -------------------------------------------------------------------------------------------------


def _blocked_content_matters(function: Function) -> str | None:
    q, k, v = _qkv((2,), 3, 4, 5, 6, seed=11)
    mask = np.array([True, False, True, True])[None, None, :]
    before = function(q, k, v, mask)[0]
    k[:, 1], v[:, 1] = 50.0, -1e6
    if np.allclose(before, function(q, k, v, mask)[0], atol=1e-8):
        return None
    return "Key 1 is blocked, and changing its key and value changes your output. Through which step does it leak?"


def _padding_matters(function: Function) -> str | None:
    q, k, v = _qkv((), 3, 4, 5, 6, seed=12)
    more_k, more_v = _normal((7, 5), (7, 6), seed=13)
    mask = np.arange(11) < 4
    longer = function(q, np.concatenate([k, more_k]), np.concatenate([v, more_v]), mask[None])[0]
    if np.allclose(function(q, k, v)[0], longer, atol=1e-8):
        return None
    return (
        "7 blocked keys appended to 4 real ones change your output. Does anything of yours depend on the "
        "number of keys?"
    )


def _order_matters(function: Function) -> str | None:
    q, k, v = _qkv((), 3, 5, 4, 6, seed=14)
    order = np.array([3, 0, 4, 1, 2])
    (output, weights), (moved, moved_weights) = function(q, k, v), function(q, k[order], v[order])
    if np.allclose(output, moved, atol=1e-8) and np.allclose(weights[:, order], moved_weights, atol=1e-8):
        return None
    return "Keys and values in another order change your output. Does a dot product know where its key stands?"


def _queries_meet(function: Function) -> str | None:
    q, k, v = _qkv((), 4, 5, 6, 3, seed=15)
    if np.allclose(function(q, k, v)[0][1:2], function(q[1:2], k, v)[0], atol=1e-8):
        return None
    return "Query 1 gets another answer when it is asked alone. Do your queries influence each other?"


def _not_linear_in_v(function: Function) -> str | None:
    q, k, v = _qkv((), 3, 4, 5, 6, seed=16)
    more = _normal(v.shape, seed=17)[0]
    if np.allclose(function(q, k, v + 3 * more)[0], function(q, k, v)[0] + 3 * function(q, k, more)[0], atol=1e-7):
        return None
    return "The output is not a weighted sum of the values. What happens to them besides being mixed?"


def _wrong_slope(function: Function) -> str | None:
    """Compare a central difference along one direction with the derivative of softmax: dw = w (ds - sum w ds)."""
    q, k, v = _qkv((), 3, 4, 5, 6, seed=18)
    step = _normal(q.shape, seed=19)[0]
    h = 1e-5
    slope = (function(q + h * step, k, v)[0] - function(q - h * step, k, v)[0]) / (2 * h)
    weights = reference.attention(q, k, v)[1]
    d_scores = step @ k.T / math.sqrt(5)
    right = (weights * (d_scores - (weights * d_scores).sum(axis=-1, keepdims=True))) @ v
    if np.allclose(slope, right, atol=1e-6):
        return None
    return (
        f"Moving q a little changes output[0, 0] at the rate {slope[0, 0]:.4f}, and it should be "
        f"{right[0, 0]:.4f}. "
        "Which step of yours is not smooth?"
    )


def _random_state() -> tuple[Any, ...]:
    return tuple(np.random.get_state())[1:]  # noqa: NPY002


def _impure(function: Function) -> str | None:
    arguments = _qkv((), 3, 4, 5, 6, seed=20)
    before = _random_state()
    first, second = function(*arguments), function(*arguments)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)):
        return "The same arguments give another answer the second time. What in your function remembers or draws lots?"
    after = _random_state()
    if not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        return "Your function draws random numbers. What for?"
    return None


def _integers_truncated(function: Function) -> str | None:
    if not bank.truncates_integers(function):
        return None
    return (
        "With q, k and v of integers your numbers are cut off behind the point. Which of your steps takes its type "
        "from an argument?"
    )


def _queries_apart(function: Function) -> bool:
    """Whether each sentence, each head and each query has a result of its own, as it must along the right axes."""
    q, k, v = _qkv((3, 3), 3, 3, 3, 3, seed=28)
    whole = function(q, k, v)
    for axis in (0, 1, 2):
        for i in range(3):
            alone = [np.take(a, [i], axis) if axis < 2 or a is q else a for a in (q, k, v)]
            if not all(np.allclose(np.take(a, [i], axis), b) for a, b in zip(whole, function(*alone), strict=True)):
                return False
    return True


_ATTENTION_PROPERTIES = (
    Property("the content of blocked keys does not matter", _blocked_content_matters),
    Property("padding does not matter", _padding_matters),
    Property("the order of the keys does not matter", _order_matters),
    Property("queries do not meet", _queries_meet),
    Property("the output is linear in the values", _not_linear_in_v),
    Property("the gradient is that of softmax", _wrong_slope),
    Property("the same arguments give the same answer", _impure),
    Property("integers are not cut off", _integers_truncated),
)


# --- attention and the version to repair ------------------------------------------------------------------------

ATTENTION = Exercise(
    id="attention",
    lesson=3,
    title="Scaled dot-product attention",
    signature="(q, k, v, mask=None) -> (output, weights)",
    reference=reference.attention,
    shown=(reference.softmax, reference.attention),
    cases=_ATTENTION_CASES,
    properties=_ATTENTION_PROPERTIES,
    axes_hold=_queries_apart,
    mistakes=bank.ATTENTION,
    hints=(
        "Say the four steps in your own words: match, scale, softmax, mix. Which of them is the only one "
        "in which a query "
        "sees the keys, and which is the only one that needs the values?",
        "match: a matrix product of q with k whose last two axes are swapped (np.swapaxes). scale: the "
        "root of the last axis "
        "of q. mask: np.where with -inf *before* the softmax. softmax: along the last axis, the row's "
        "maximum subtracted, "
        "rows without an allowed key zero. mix: a matrix product with v.",
        "    scores = q @ np.swapaxes(k, -1, -2) / ...\n"
        "    weights = softmax(scores, mask)     # your own softmax knows what to do with the mask\n"
        "    return ... @ v, weights",
    ),
    argument_names=("q", "k", "v", "mask"),
    argument_dims={"q": "B H Tq d_k", "k": "B H Tk d_k", "v": "B H Tk d_v", "mask": "B H Tq Tk"},
    result_names=("output", "weights"),
    result_dims={"output": "B H Tq d_v", "weights": "B H Tq Tk"},
    keyword="mask",
    difficulty=2,
    importance=5,
    minutes=10,
)


def buggy_attention(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Attention with one planted bug, as the notebook hands it out.

    The scale is measured on the wrong axis of k. Rows still sum to 1, masks hold, the maps look reasonable, and with as
    many keys as dimensions it is even right; the weights are too flat or too peaked as soon as they differ.
    """
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-2])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    weights = e / np.where(total > 0, total, 1)
    return weights @ v, weights


REPAIR_ATTENTION = dataclasses.replace(
    ATTENTION,
    id="repair_attention",
    title="Find the bug",
    hints=(
        "The rows sum to 1 and masks hold, so softmax, mask and mixture are sound. Which step is left, "
        "and how could you "
        "measure it?",
        "Feed it standard-normal q and k with d_k = 64 and first 4, then 400 keys, and print the "
        "variance of the scores "
        "after scaling. It should be 1 both times.",
        "A dot product sums over d_k numbers. Look at the divisor in the first line: k.shape[...] of "
        "which axis is d_k?",
    ),
    handed_out=buggy_attention,
    difficulty=2,
    importance=4,
    minutes=10,
)


# --- softmax ----------------------------------------------------------------------------------------------------


def _logs(*rows: tuple[float, ...]) -> Array:
    return np.log(np.array(rows))


def _softmax_impure(function: Function) -> str | None:
    x = _normal((3, 4), seed=21)[0]
    if np.array_equal(function(x), function(x)):
        return None
    return "The same x gives another answer the second time. What in your function remembers or draws lots?"


def _shift_matters(function: Function) -> str | None:
    x = _normal((3, 4), seed=22)[0]
    if np.allclose(function(x), function(x + 500.0), atol=1e-8) and np.allclose(
        function(x), function(x - 5000.0), atol=1e-8
    ):
        return None
    return "Adding the same number to all entries of a row changes your result. Which quotient should not notice it?"


def _softmax_integers_truncated(function: Function) -> str | None:
    if not bank.softmax_truncates_integers(function):
        return None
    return "With an x of integers your shares are cut off behind the point. Which of your steps takes its type from x?"


def _rows_apart(function: Function) -> bool:
    """Whether each row has a result of its own, as it must along the last axis."""
    x = _normal((3, 3, 3), seed=29)[0]
    whole = function(x.copy())
    return all(
        np.allclose(np.take(whole, [i], axis), function(np.take(x, [i], axis))) for axis in (0, 1) for i in range(3)
    )


SOFTMAX = Exercise(
    id="softmax",
    lesson=3,
    title="Softmax with a mask",
    signature="(x, mask=None) -> shares, along the last axis",
    reference=reference.softmax,
    cases=(
        Case(
            "one row, x = ln 1, ln 2, ln 4",
            lambda: (_logs((1.0, 2.0, 4.0)),),
            "The exponentials are 1, 2 and 4: what must each be divided by?",
            by_hand=True,
        ),
        Case(
            "two rows",
            lambda: (_logs((1.0, 1.0, 2.0), (3.0, 3.0, 6.0)),),
            "Both rows have exponentials in the ratio 1 : 1 : 2. What do you divide each row by?",
            by_hand=True,
        ),
        Case(
            "an array (2, 3, 4, 5)",
            lambda: _normal((2, 3, 4, 5), seed=23),
            "Along which axis do your numbers sum to 1?",
        ),
        Case(
            "a square array (3, 3, 3)",
            lambda: _normal((3, 3, 3), seed=24),
            "Along which axis do your numbers sum to 1?",
        ),
        Case(
            "a plain row of numbers, x (3,)",
            lambda: (_logs((1.0, 2.0, 4.0))[0],),
            "x has a single axis here. Which of your steps needs two?",
            about_axes=True,
            by_hand=True,
        ),
        Case(
            "the first row with its last entry blocked",
            lambda: (_logs((1.0, 2.0, 4.0)), np.array([[True, True, False]])),
            "The exponentials that take part are 1 and 2: which shares do they make?",
            tier=2,
            naming=1e-12,  # tells a fill of -1e-9 from none
            by_hand=True,
        ),
        Case(
            "a plain row of numbers with its last entry blocked",
            lambda: (_logs((1.0, 2.0, 4.0))[0], np.array([True, True, False])),
            "x and the mask have a single axis here. Which of your steps needs two?",
            about_axes=True,
            tier=2,
            by_hand=True,
        ),
        Case(
            "a mask that allows everything",
            lambda: (*_normal((4, 5), seed=25), np.ones((4, 5), dtype=bool)),
            "Should a mask of only True change anything?",
            tier=2,
        ),
        Case(
            "a mask of x's own shape",
            lambda: (*_normal((2, 3, 4, 5), seed=23), _mask_of(26, 2, 3, 4, 5)),
            "Do the allowed entries of each row sum to 1, and are the blocked ones exactly 0?",
            tier=2,
        ),
        Case(
            "a mask (2, 1, 1, 5) for x (2, 3, 4, 5)",
            lambda: (*_normal((2, 3, 4, 5), seed=23), _KEYS.copy()),
            "The mask is smaller than x. Does it broadcast?",
            about_axes=True,
            tier=2,
        ),
        Case(
            "a row with nothing allowed",
            lambda: (_logs((1.0, 2.0, 4.0), (1.0, 2.0, 4.0)), np.array([[False] * 3, [True] * 3])),
            "What can the first row sum to if every entry is blocked?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "a large array with empty rows",
            lambda: (*_normal((2, 3, 5, 5), seed=27), _padded_on_the_left()[3]),
            "Some rows are empty here and others are not. What does each kind get?",
            tier=3,
        ),
        Case(
            "entries in the thousands",
            lambda: (np.array([[1000.0, 999.0, 998.0], [-1000.0, -1001.0, -1002.0]]),),
            "exp(1000) is more than a float64 can hold. What can be subtracted from a whole row?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "rows from very large to very small",
            lambda: (np.array([[1000.0, 0.0, -1000.0], [600.0, 599.0, -200.0], [400.0, 399.0, 398.0]]),),
            "exp(710) is more than a float64 can hold. Which entry of each row becomes the largest exponent, and which "
            "number should that be?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "allowed entries far below the blocked ones",
            lambda: (np.array([[-20000.0, -20001.0, 0.0, 30.0]]), np.array([[True, True, False, False]])),
            "Do the blocked entries leave a trace?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "allowed entries below minus ten billion",
            lambda: (np.array([[-2e11, -1e11, 0.0, 5.0]]), np.array([[True, True, False, False]])),
            "Is your fill below every possible entry?",
            tier=4,
        ),
    ),
    properties=(
        Property("a shift does not matter", _shift_matters),
        Property("the same x gives the same answer", _softmax_impure),
        Property("integers are not cut off", _softmax_integers_truncated),
    ),
    axes_hold=_rows_apart,
    mistakes=bank.SOFTMAX,
    hints=(
        "Every entry becomes exp(entry), divided by something. What is that something, so that a row "
        "sums to 1, and what must "
        "a blocked entry become so that its exp is 0?",
        "Block with np.where(mask, x, -np.inf). Subtract the row's maximum (axis=-1, keepdims=True) "
        "before np.exp. A row with "
        "nothing allowed has the maximum -inf and the sum 0: both need a rule.",
        "    if mask is not None:\n        x = np.where(mask, x, -np.inf)\n"
        "    top = ...            # per row; 0 where it is not finite\n    powers = np.exp(x - top)\n"
        "    total = ...          # per row\n    return powers / np.where(total > 0, total, 1)",
    ),
    argument_names=("x", "mask"),
    argument_dims={"x": "B H Tq Tk", "mask": "B H Tq Tk"},
    result_names=("shares",),
    result_dims={"shares": "B H Tq Tk"},
    keyword="mask",
    difficulty=2,
    importance=5,
    minutes=15,
)


# --- score statistics -------------------------------------------------------------------------------------------


def _unscaled_pairs(function: Function) -> str | None:
    for seed in (1, 2, 3):  # rounded numbers may agree by chance
        raw, scaled = function(16, 300, np.random.default_rng(seed))
        if not math.isclose(raw, 16 * scaled, rel_tol=1e-6):
            break
    else:
        return None
    return (
        f"Your two numbers are {float(raw):.4g} and {float(scaled):.4g}; for the same pairs the first variance is "
        "exactly d_k = 16 times the second. Are both of them variances, of the same vectors, and not rounded?"
    )


def _generator_ignored(function: Function) -> str | None:
    first, again, other = (function(8, 300, np.random.default_rng(seed)) for seed in (1, 1, 2))
    if tuple(first) == tuple(again) and tuple(first) != tuple(other):
        return None
    return "The answer should depend on the generator rng and on nothing else. Where do your random numbers come from?"


def _n_ignored(function: Function) -> str | None:
    few, many = (function(8, n, np.random.default_rng(3)) for n in (200, 300))
    if tuple(few) != tuple(many):
        return None
    return "200 pairs and 300 pairs give the very same answer. Where do you use n?"


def _a_pair_missing(function: Function) -> str | None:
    try:
        raw = float(function(8, 2, np.random.default_rng(4))[0])
    except Exception:  # some ways to take a variance refuse a single number
        raw = 0.0
    if raw > 1e-9:
        return None
    return (
        "With 2 pairs your first number is no variance of two scores. How many scores do you take it of when n is 2, "
        "and how many with any n?"
    )


def _not_around_the_mean(function: Function) -> str | None:
    try:
        raw = float(function(4, 1, np.random.default_rng(4))[0])
    except Exception:  # some ways to take a variance refuse a single number, and rightly so
        return None
    if not raw > 1e-9:  # nan, where the sum is divided by n - 1
        return None
    return (
        f"With a single pair your first number is {raw:.4g}. How far does one score lie from the mean of all scores, "
        "if it is the only one?"
    )


def _share_of_mean(function: Function, d_k: int, times: int) -> float:
    """Return E[sd]^2 / E[variance] of 2 pairs: it depends on how the scores were made and not on their size."""
    rng = np.random.default_rng(5)
    raw = np.array([function(d_k, 2, rng)[0] for _ in range(times)], dtype=float)
    return float(np.sqrt(raw).mean() ** 2 / raw.mean())


def _every_key_met(function: Function) -> str | None:
    if bank.does_as(function, bank.RIGHT_STATISTICS):  # then nobody needs to draw some hundred times
        return None
    # Wide vectors have nearly normal scores. For two of them the share is 2/pi = 0.64; for the four of every query
    # with every key 0.85. The limit lies five standard errors from both.
    if not _share_of_mean(function, 64, 300) > 0.74:
        return None
    return (
        "With 2 pairs your variances spread as those of more than 2 scores do. How many dot products do you take "
        "when n is 2?"
    )


def _no_key_met(function: Function) -> str | None:
    if bank.does_as(function, bank.RIGHT_STATISTICS):
        return None
    # The difference of two products of normal numbers has a Laplace distribution, with a share of 1/2; that of two
    # normal numbers has 2/pi = 0.64. The limit lies five standard errors from both.
    if not _share_of_mean(function, 1, 1000) > 0.58:
        return None
    return (
        "With d_k = 1 your scores spread as single normal numbers do, and not as products of two. Where does a query "
        "meet its key?"
    )


def _distance_from_pairs(function: Function) -> float:
    """Return how far apart the distributions are of the standard deviations of 2 pairs of width 1, yours and the right.

    The difference of two products of normal numbers has a Laplace distribution, its size an exponential one. This is
    the largest distance of the two distribution functions. With 3000 it is below 0.04 but in one of a million times.
    """
    rng = np.random.default_rng(6)
    sizes = np.sort(np.sqrt([float(function(1, 2, rng)[0]) for _ in range(3000)]))
    if not sizes.mean() > 0:
        return 1.0
    right = 1 - np.exp(-sizes / sizes.mean())
    return float(np.abs(right - (np.arange(3000) + 0.5) / 3000).max())


def _other_numbers(function: Function) -> str | None:
    """Ask for the right numbers in any order of drawing, or, drawn by another method, for their distribution."""
    if bank.does_as(function, bank.RIGHT_STATISTICS):
        return None
    drawn = bank.normals_drawn(function, 3, 4)
    if drawn not in (None, 24):
        return (
            f"With d_k = 3 and n = 4 you draw {drawn} normal numbers. How many numbers do 4 queries and 4 keys hold "
            "together?"
        )
    if _distance_from_pairs(function) < 0.05:
        return None
    return (
        "With d_k = 1 and n = 2 your variances are spread as those of other numbers than two products of normal ones. "
        "Are all entries of your vectors standard normal numbers, and do all of them take part?"
    )


SCORE_STATISTICS = Exercise(
    id="score_statistics",
    lesson=3,
    title="Why the square root of d_k",
    signature="(d_k, n, rng) -> (variance of q.k, variance of q.k / sqrt(d_k))",
    reference=reference.score_statistics,
    cases=tuple(
        # Learners may draw in any order, so the numbers are not the reference's. With 2000 pairs a variance has a
        # standard error of sqrt((2 + 6/d_k) / 2000), at most 4.2 %; two of them differ by a quarter never by chance.
        Case(
            f"d_k = {d_k} and 2000 pairs",
            lambda d_k=d_k: (d_k, 2000, np.random.default_rng(100 + d_k)),  # type: ignore[misc]
            "A sum of d_k independent numbers of variance 1: what is its variance, and what becomes of it "
            "when the sum is "
            "divided by sqrt(d_k)?",
            tolerance=0.25,
        )
        for d_k in (4, 16, 64)
    ),
    properties=(
        Property("both numbers come from the same pairs", _unscaled_pairs),
        Property("the numbers come from rng", _generator_ignored),
        Property("n is the number of pairs", _n_ignored),
        Property("two pairs make two scores", _a_pair_missing),
        Property("a variance is taken around the mean", _not_around_the_mean),
        Property("each query meets one key", _every_key_met),
        Property("each query meets a key", _no_key_met),
        Property("the vectors hold n times d_k standard normal numbers", _other_numbers),
    ),
    mistakes=bank.SCORE_STATISTICS,
    hints=(
        "One pair gives one number. How do you get n of them without a loop, and over which axis is the sum?",
        "Draw q and k as (n, d_k) arrays with rng.standard_normal; multiply entry by entry and sum along "
        "the last axis; take "
        ".var() of the n scores, and of the n scores divided by the root.",
        "    q = rng.standard_normal((n, d_k))\n    k = ...\n    scores = (q * k).sum(axis=...)\n"
        "    return scores.var(), (scores / ...).var()",
    ),
    argument_names=("d_k", "n", "rng"),
    result_names=("raw", "scaled"),
    result_kind="number",
    difficulty=2,
    importance=4,
    minutes=10,
)

EXERCISES = (SOFTMAX, ATTENTION, SCORE_STATISTICS, REPAIR_ATTENTION)
