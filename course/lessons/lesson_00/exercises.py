"""The exercise of lesson 00, welcome: mean_over_heads. It is failed on purpose first, to meet the axes and the check.

The notebook hands out :func:`mean_over_sentences`. It is no ``handed_out`` version, which would count as not attempted:
here the check shall fail and say what happened.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Mistake, Property

Array = NDArray[Any]


def mean_over_heads(weights: Array) -> Array:
    """Return one attention map for each sentence: the mean of its heads' maps.

    Args:
        weights: (B, H, Tq, Tk), as MultiHeadAttention returns them.

    Returns:
        (B, Tq, Tk).
    """
    return weights.mean(axis=1)


def mean_over_sentences(weights: Array) -> Array:
    """What the notebook hands out: right but for the axis, which is that of the sentences."""
    return weights.mean(axis=0)


# --- data -------------------------------------------------------------------------------------------------------


def _weights(B: int, H: int, Tq: int, Tk: int, seed: int = 1) -> Array:
    """Return attention weights: positive, and each row sums to 1."""
    e = np.exp(2 * np.random.default_rng(seed).standard_normal((B, H, Tq, Tk)))
    return e / e.sum(axis=-1, keepdims=True)


def _with_empty_rows() -> tuple[Array]:
    """A query that may attend to nothing has weights of zero, in every head."""
    weights = _weights(2, 3, 4, 4, seed=4)
    weights[1, :, :2] = 0
    return (weights,)


_BY_HAND = np.array([[[[1.0, 0.0]], [[0.5, 0.5]], [[0.0, 1.0]], [[0.5, 0.5]]]])

_CASES = (
    Case(
        "two sentences, three heads, four queries, five keys",
        lambda: (_weights(2, 3, 4, 5),),
        "(B, H, Tq, Tk) becomes (B, Tq, Tk): which axis has to go, counted from 0?",
        about_axes=True,
    ),
    Case(
        "one sentence with one query, two keys and four heads",
        lambda: (_BY_HAND.copy(),),
        "Write the four heads' weights for the first key below each other: what is their mean?",
        by_hand=True,
    ),
    Case(
        "arrays in which B, H, Tq and Tk are all 3",
        lambda: (_weights(3, 3, 3, 3, seed=2),),
        "All sizes are equal, so that a wrong axis raises no error. Which axis counts the heads?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "a layer with a single head",
        lambda: (_weights(2, 1, 4, 3, seed=3),),
        "With one head there is nothing to average. What should come out, and in which shape?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "rows of zeros: queries that may attend to nothing",
        _with_empty_rows,
        "What is the mean of zeros?",
        tier=3,
    ),
)


# --- wrong versions ---------------------------------------------------------------------------------------------


def _mean(axis: int | tuple[int, ...] | None) -> Function:
    return lambda weights: weights.mean(axis=axis)


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda weights: change(weights.mean(axis=1))


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _in_place(weights: Array) -> Array:
    for head in range(1, weights.shape[1]):
        weights[:, 0] += weights[:, head]
    return weights[:, 0] / weights.shape[1]


def _rounded(digits: int) -> Function:
    return _after(lambda mean: mean.round(digits))


def _geometric(weights: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.exp(np.log(weights).mean(axis=1))


def _reshaped(weights: Array) -> Array:
    B, H, Tq, Tk = weights.shape
    return weights.reshape(B, Tq, Tk, H).mean(axis=-1)


def _summed(heads: slice, count: Callable[[int], int]) -> Function:
    """Return the sum over some heads, divided by a number that is made of the number of heads."""
    return lambda weights: weights[:, heads].sum(axis=1) / count(weights.shape[1])


def _filled(axis: int, kept: slice) -> Function:
    """Return a mean of which only some places along an axis are filled: those that a loop reaches."""

    def mean(weights: Array) -> Array:
        whole = weights.mean(axis=1)
        result = np.zeros_like(whole)
        at = (slice(None),) * axis + (kept,)
        result[at] = whole[at]
        return result

    return mean


def _divided_in_the_loop(weights: Array) -> Array:
    total = np.zeros_like(weights[:, 0])
    for head in range(weights.shape[1]):
        total = (total + weights[:, head]) / weights.shape[1]
    return total


def _mean_with_the_next(weights: Array) -> Array:
    mean = weights[:, 0]
    for head in range(1, weights.shape[1]):
        mean = (mean + weights[:, head]) / 2
    return mean


def has_fixed_number_of_heads(function: Function) -> bool:
    """Whether a function is right for one certain number of heads and for no other."""
    return sum(_right_for(function, H) for H in range(2, 17)) == 1


def _right_for(function: Function, H: int) -> bool:
    weights = _weights(2, H, 3, 5, seed=8)
    try:
        mean = np.asarray(function(weights.copy()), dtype=float)
    except Exception:  # whatever the learner's function may raise
        return False
    return mean.shape == (2, 3, 5) and np.allclose(mean, weights.mean(axis=1))


_MISTAKES = (
    Mistake(
        "mean_over_sentences",
        "mean over the batch axis",
        "Your result has a map for each head and none for each sentence: axis 0 has gone, and you averaged different "
        "sentences with each other. Count the axes of (B, H, Tq, Tk) from 0: which number has H?",
        (mean_over_sentences,),
    ),
    Mistake(
        "mean_over_queries",
        "mean over the queries",
        "You averaged the words that ask: axis 2 has gone and the heads are still there. Which axis counts the heads?",
        (_mean(2),),
    ),
    Mistake(
        "mean_over_keys",
        "mean over the keys",
        "Each row sums to 1, so its mean over the keys is 1 divided by their number, whatever the weights are. Which "
        "axis did you average, and which one counts the heads?",
        (_mean(3),),
    ),
    Mistake(
        "mean_over_everything",
        "mean over all axes",
        "A single number has come out. What do you tell mean() so that only one of the four axes goes?",
        (
            _mean(None),
            lambda weights: float(weights.mean()),
            lambda weights: weights.sum() / weights.shape[1],
        ),
    ),
    Mistake(
        "mean_over_sentences_and_heads",
        "mean over two axes, the sentences as well",
        "One map has come out for all sentences together. Should one sentence's map depend on another sentence?",
        (
            _mean((0, 1)),
            lambda weights: np.repeat(weights.mean(axis=(0, 1))[None], len(weights), axis=0),
        ),
    ),
    Mistake(
        "mean_over_heads_and_words",
        "mean over two axes, the queries or keys as well",
        "Two axes have gone. The shape wanted is (B, Tq, Tk): how many axes of (B, H, Tq, Tk) are missing there?",
        (_mean((1, 2)), _mean((1, 3)), _mean((2, 3)), _mean((1, 2, 3))),
    ),
    Mistake(
        "sum_of_heads",
        "sum instead of mean",
        "Sum one row of your result: it is the number of heads, where each head's own row has 1. What is missing?",
        (lambda weights: weights.sum(axis=1),),
    ),
    Mistake(
        "divided_by_another_count",
        "sum over the heads, divided by the length of another axis",
        "Your numbers are the sum over the heads divided by something else than the number of heads. Which entry of "
        "weights.shape did you take, and what does len() of an array count?",
        (
            *(lambda weights, axis=axis: weights.sum(axis=1) / weights.shape[axis] for axis in (0, 2, 3)),
            *(lambda w, axis=axis: w.sum(axis=1) / (w.shape[1] * w.shape[axis]) for axis in (0, 2, 3)),
            lambda weights: weights.sum(axis=1) / weights.size,
        ),
    ),
    Mistake(
        "fixed_number_of_heads",
        "a fixed number of heads",
        "Your function is right for one certain number of heads, and for no other. Where in the shape of weights can "
        "it read how many there are?",
        (lambda weights: weights.sum(axis=1) / 4, lambda weights: weights.sum(axis=1) / 8),
        recognize=has_fixed_number_of_heads,
    ),
    Mistake(
        "a_head_left_out",
        "the first or last head left out",
        "One of the heads has no say in your result. Does your loop or slice reach the first one as well as the last?",
        tuple(
            version
            for heads in (slice(None, -1), slice(1, None))
            for version in (_summed(heads, lambda H: H), _summed(heads, lambda H: H - 1))
        ),
    ),
    Mistake(
        "one_off_count",
        "divided by one head too few or too many",
        "Sum one row of your result: it is not 1, and comes nearer to it with more heads. How many heads do you add, "
        "and by how many do you divide?",
        (_summed(slice(None), lambda H: H - 1), _summed(slice(None), lambda H: H + 1)),
    ),
    Mistake(
        "divided_in_the_loop",
        "divided at every turn of a loop",
        "You divide at every turn of your loop, so that the first heads shrink again and again. How often must a sum "
        "be divided to become a mean?",
        (_divided_in_the_loop, _mean_with_the_next),
    ),
    Mistake(
        "return_in_the_loop",
        "returns at the first turn of a loop",
        "Only the first turn of your loop shows in the result. How far in does the line with return stand?",
        (
            lambda weights: weights[:, 0] / weights.shape[1],
            *(_filled(axis, slice(None, 1)) for axis in (0, 1, 2)),
        ),
    ),
    Mistake(
        "loop_ends_early",
        "a loop that misses the last one",
        "Your last sentence, query or key still has only zeros. What is the last number that range() gives you?",
        tuple(_filled(axis, slice(None, -1)) for axis in (0, 1, 2)),
    ),
    Mistake(
        "overwritten_in_the_loop",
        "each turn of a loop overwrites the last one",
        "Your result is the last head's map divided by the number of heads. Which sign adds to what is there, = or +=?",
        (lambda weights: weights[:, -1] / weights.shape[1],),
    ),
    Mistake(
        "whole_numbers",
        "whole numbers instead of shares",
        "What stands behind the point is gone from your weights. Which step of yours makes whole numbers of them?",
        (_after(np.floor), lambda weights: weights.sum(axis=1) // weights.shape[1]),
    ),
    Mistake(
        "first_head",
        "the first head alone",
        "Your map is that of head 0. What do the other heads contribute?",
        (lambda weights: weights[:, 0],),
    ),
    Mistake(
        "last_head",
        "the last head alone",
        "Your map is that of the last head. If you loop over the heads, what happens to the earlier ones?",
        (lambda weights: weights[:, -1],),
    ),
    Mistake(
        "first_sentence",
        "the first sentence alone",
        "What has come out is the first sentence's map. What about the rest of the batch?",
        (
            lambda weights: weights[0].mean(axis=0),
            lambda weights: np.repeat(weights[:1].mean(axis=1), len(weights), axis=0),
        ),
    ),
    Mistake(
        "maximum_of_heads",
        "the largest weight instead of the mean",
        "Your rows sum to more than 1: you kept the strongest head's weight for each key. Have the others no say?",
        (lambda weights: weights.max(axis=1),),
    ),
    Mistake(
        "minimum_of_heads",
        "the smallest weight instead of the mean",
        "Your rows sum to less than 1: you kept the weakest head's weight for each key. What would all heads together "
        "say?",
        (lambda weights: weights.min(axis=1),),
    ),
    Mistake(
        "median_of_heads",
        "the median instead of the mean",
        "Your rows no longer sum to 1. With three heads you take the middle weight of each key: is that their mean?",
        (lambda weights: np.median(weights, axis=1),),
    ),
    Mistake(
        "geometric_mean",
        "the geometric mean",
        "One head with a weight of 0 makes your result 0. In which mean does it only lower it?",
        (_geometric, lambda weights: weights.prod(axis=1) ** (1 / weights.shape[1])),
    ),
    Mistake(
        "heads_multiplied",
        "the product of the heads",
        "Your numbers shrink with every head: you multiply them. With which operation does a mean begin?",
        (lambda weights: weights.prod(axis=1),),
    ),
    Mistake(
        "axis_of_one_left",
        "an axis of length 1 is left in",
        "Your numbers are right, and an axis of length 1 still stands where one used to count the heads. Which "
        "argument of mean() keeps it, or which index?",
        (
            lambda weights: weights.mean(axis=1, keepdims=True),
            lambda weights: weights.mean(axis=1)[..., None],
            lambda weights: weights.mean(axis=1)[None],
        ),
    ),
    Mistake(
        "axes_squeezed",
        "axes of length 1 are taken away",
        "With one sentence and one query, their axes of length 1 are gone from your result. Which of your steps takes "
        "away every such axis, and does the text ask for it?",
        (lambda weights: weights.mean(axis=1).squeeze(), lambda weights: weights.squeeze().mean(axis=-3)),
    ),
    Mistake(
        "softmax_again",
        "softmax of the mean",
        "Your weights are flatter than the mean: they went through softmax again. What does a row of a mean of "
        "weights sum to already?",
        (
            _after(_softmax),
            lambda weights: _softmax(weights).mean(axis=1),
            lambda weights: _softmax(weights.sum(axis=1)),
        ),
    ),
    Mistake(
        "divided_by_row_sums",
        "rows divided by their sum",
        "A query that may attend to nothing has a row of zeros, and dividing it by its sum gives nan. By which number, "
        "that is never 0, can the sum over the heads be divided instead?",
        (
            lambda weights: weights.sum(axis=1) / weights.sum(axis=(1, 3))[..., None],
            _after(lambda mean: mean / mean.sum(axis=-1, keepdims=True)),
        ),
    ),
    Mistake(
        "queries_and_keys_swapped",
        "rows and columns swapped",
        "Your maps are transposed: a query has a column now. In (B, Tq, Tk), does it have a row or a column?",
        (_after(lambda mean: np.swapaxes(mean, -1, -2)),),
    ),
    Mistake(
        "sentences_last",
        "axes in another order",
        "The numbers are there, but the sentences no longer come first. Does mean() move the axes that stay, "
        "or did another step?",
        (_after(lambda mean: mean.T), _after(lambda mean: np.moveaxis(mean, 0, -1))),
    ),
    Mistake(
        "reshaped",
        "axes moved by reshape",
        "reshape reads the numbers in their old order and only breaks the lines elsewhere. Did you need another order "
        "of axes at all to average over one of them?",
        (_reshaped,),
    ),
    Mistake(
        "not_averaged",
        "the heads are still there",
        "All heads' maps have come back as they went in. What should have become of the axis H?",
        (lambda weights: weights, lambda weights: weights.copy()),
    ),
    Mistake(
        "spread",
        "standard deviation or variance",
        "Your numbers are 0 where the heads agree: you measure how much they differ. Which number says what they have "
        "in common?",
        (lambda weights: weights.std(axis=1), lambda weights: weights.var(axis=1)),
    ),
    Mistake(
        "a_list",
        "a list of maps",
        "A list of arrays has come out. Can numpy average over one axis of the whole array at once, or join the list "
        "to one array?",
        (lambda weights: [each.mean(axis=0) for each in weights], lambda weights: weights.mean(axis=1).tolist()),
    ),
    Mistake(
        "weights_overwritten",
        "changes its argument",
        "Your numbers are right, but the weights that were handed in are different afterwards. Which line writes into "
        "them?",
        (_in_place,),
    ),
    Mistake(
        "rounded",
        "rounded numbers",
        "Your numbers are those of the mean with fewer decimals. Which step rounds them?",
        tuple(_rounded(digits) for digits in (1, 2, 3, 4)),
    ),
)


# --- properties -------------------------------------------------------------------------------------------------


def _sentences_meet(function: Function) -> str | None:
    weights = _weights(3, 2, 4, 5, seed=5)
    if np.allclose(function(weights)[1:2], function(weights[1:2])):
        return None
    return "A sentence's map is another when the sentence comes alone. Does your mean mix sentences?"


def _order_matters(function: Function) -> str | None:
    weights = _weights(2, 4, 3, 5, seed=6)
    if np.allclose(function(weights), function(weights[:, [2, 0, 3, 1]])):
        return None
    return "The heads in another order give another result. Does a mean care about the order?"


def _words_apart(function: Function) -> bool:
    """Whether each sentence, each query and each key has a result of its own: then the heads' axis is what went."""
    weights = _weights(2, 3, 4, 5, seed=7)
    whole = function(weights.copy())
    return all(
        np.allclose(np.take(whole, [i], axis - (axis > 1)), function(np.take(weights, [i], axis)))
        for axis in (0, 2, 3)
        for i in range(weights.shape[axis])
    )


MEAN_OVER_HEADS = Exercise(
    id="mean_over_heads",
    lesson=0,
    title="One map from many heads",
    signature="(weights) -> mean, (B, H, Tq, Tk) -> (B, Tq, Tk)",
    reference=mean_over_heads,
    cases=_CASES,
    properties=(
        Property("sentences do not meet", _sentences_meet),
        Property("the order of the heads does not matter", _order_matters),
    ),
    mistakes=_MISTAKES,
    hints=(
        "weights has the axes (B, H, Tq, Tk), and the result (B, Tq, Tk). Which axis has to go, and which number "
        "has it if the first one is 0?",
        "weights.mean(axis=n) averages over axis n and leaves the others in their order. The function that was handed "
        "out says 0, which counts the sentences.",
        "    return weights.mean(axis=...)      # 0 is B; H is the next one",
    ),
    axes_hold=_words_apart,
    argument_names=("weights",),
    argument_dims={"weights": "B H Tq Tk"},
    result_names=("mean",),
    result_dims={"mean": "B Tq Tk"},
    difficulty=1,
    importance=3,
    minutes=5,
)

EXERCISES = (MEAN_OVER_HEADS,)
