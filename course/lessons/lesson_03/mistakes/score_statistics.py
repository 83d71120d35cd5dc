"""Known wrong versions of score_statistics, and the question that leads out of each."""

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake

Array = NDArray[Any]


def _statistics(
    of: Callable[[Array, float], tuple[Any, Any]],
    draw: Callable[[np.random.Generator, tuple[int, int]], Array] = lambda rng, shape: rng.standard_normal(shape),
) -> Function:
    def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        scores = (draw(rng, (n, d_k)) * draw(rng, (n, d_k))).sum(axis=-1)
        return of(scores, math.sqrt(d_k))

    return score_statistics


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


_TRIED = ((3, 7, 31), (5, 4, 32))  # d_k, n and the seed


def does_as(function: Function, versions: Iterable[Function]) -> bool:
    """Whether a function does exactly what one of the versions does with the same generators. It is called twice."""
    try:
        mine = [np.asarray(function(d_k, n, np.random.default_rng(seed)), dtype=float) for d_k, n, seed in _TRIED]
    except Exception:  # whatever the learner's function may raise
        return False
    return any(_agree(mine, version) for version in versions)


def _agree(mine: list[Array], version: Function) -> bool:
    try:
        for numbers, right in zip(mine, _numbers_of(version), strict=True):
            if not np.allclose(numbers, right, rtol=1e-9, atol=1e-12):
                return False
    except Exception:  # other shapes, or a version that needs more pairs
        return False
    return True


@functools.lru_cache(maxsize=4096)
def _numbers_of(version: Function) -> tuple[Any, ...]:
    return tuple(version(d_k, n, np.random.default_rng(seed)) for d_k, n, seed in _TRIED)


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


def _unit(x: Array) -> Array:
    rows: Array = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return rows


def _variances_of(scores: Callable[[int, int, np.random.Generator], Array]) -> tuple[Function, ...]:
    """Return the statistics of scores that are drawn as they are."""

    def taking(ddof: int) -> Function:
        def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
            s = scores(d_k, n, rng)
            return s.var(ddof=ddof), (s / math.sqrt(d_k)).var(ddof=ddof)

        return score_statistics

    return taking(0), taking(1)


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
    """Return how many different variances come out for 2 pairs of width 1, of 20 times: few if the entries are few."""
    rng = np.random.default_rng(33)
    return len({round(float(function(1, 2, rng)[0]), 9) for _ in range(20)})


def draws_signs(function: Function) -> bool:
    """Whether the vectors hold only two numbers, of equal size: then 2 scores are equal or opposite."""
    try:
        return _levels(function) == 2
    except Exception:  # whatever the learner's function may raise
        return False


def normals_drawn(function: Function, d_k: int, n: int) -> int | None:
    """Return how many standard normal numbers a function draws, read from the state of the generator; None if others.

    That is the same whatever shape they are drawn in. A generator that has not moved, or in another way, gives None.
    Other numbers move it too, and now and then a normal number takes two moves: only who draws normal numbers draws as
    many of them with every seed.
    """
    counts = {_normals_drawn(function, d_k, n, seed) for seed in range(35, 65)}
    return counts.pop() if len(counts) == 1 else None


def _normals_drawn(function: Function, d_k: int, n: int, seed: int) -> int | None:
    used, other = np.random.default_rng(seed), np.random.default_rng(seed)
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
    _exactly(
        "statistics_same_vector",
        "the query is its own key",
        "Your variance is twice as large as it should be. Is each q compared with a k of its own, or with itself?",
        (
            *_in_any_order(lambda q, k: _dots(q, q)),
            *_in_any_order(lambda q, k: _dots(k, k)),
            *_variances_of(lambda d_k, n, rng: (rng.standard_normal((n, d_k)) ** 2).sum(axis=-1)),
            *_variances_of(lambda d_k, n, rng: (rng.standard_normal((d_k, n)) ** 2).sum(axis=0)),
        ),
    ),
    _exactly(
        "statistics_no_sum",
        "products that are not summed",
        "Your first number stays near 1 for every d_k. How many numbers does one dot product give?",
        _in_any_order(lambda q, k: (q * k).ravel()),
    ),
    _exactly(
        "statistics_mean_of_products",
        "means of the products instead of sums",
        "Your first number shrinks as d_k grows: you take the mean of the products. What does a dot product do with "
        "them?",
        _in_any_order(lambda q, k: (q * k).mean(axis=-1)),
    ),
    _exactly(
        "statistics_added",
        "query and key are added",
        "Your scores are sums of q and k. How do the two meet in a dot product before anything is summed?",
        (*_in_any_order(lambda q, k: (q + k).sum(axis=-1)), *_in_any_order(lambda q, k: (q - k).sum(axis=-1))),
    ),
    _exactly(
        "statistics_unit_vectors",
        "vectors of length 1",
        "You divide vectors by their length. Which length has a vector of d_k standard normal numbers, and was another "
        "one asked for?",
        (
            *_in_any_order(lambda q, k: _dots(_unit(q), k)),
            *_in_any_order(lambda q, k: _dots(q, _unit(k))),
            *_in_any_order(lambda q, k: _dots(_unit(q), _unit(k))),
        ),
    ),
    _exactly(
        "statistics_all_pairs",
        "every query with every key",
        "You take n times n scores: each query meets every key. How many scores do n pairs give?",
        _in_any_order(lambda q, k: (q @ k.T).ravel()),
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
        "variance, does a sum know its axis, and is the line with return outside the loop?",
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
