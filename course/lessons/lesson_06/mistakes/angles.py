"""What the banks of lesson 06 have in common: wrong speeds, and results that a loop filled only in part."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Speeds = Callable[[int], Array]  # width -> angle of each pair for one position


def pairs(d: int) -> Array:
    """Return the number i of each pair: 0, 1, 2, ..."""
    return np.arange((d + 1) // 2)


def with_base(base: float) -> Speeds:
    """Return speeds of another base."""
    return lambda d: base ** (-2 * pairs(d) / d)


def with_exponents(exponents: Callable[[int], Array]) -> Speeds:
    """Return the speeds 10000 to the minus these exponents."""
    return lambda d: np.asarray(10000.0 ** -np.asarray(exponents(d), dtype=float))


WRONG_SPEEDS: dict[str, tuple[Speeds, ...]] = {
    "two_i_twice": (with_exponents(lambda d: 4 * pairs(d) / d),),
    "i_without_two": (with_exponents(lambda d: pairs(d) / d),),
    "one_for_all": (lambda d: np.ones(len(pairs(d))),),
    "growing": (lambda d: 10000.0 ** (2 * pairs(d) / d),),
    "without_parentheses": (
        lambda d: d / 10000.0 ** (2 * pairs(d)),
        lambda d: 10000.0 ** (-2 * pairs(d)) / d,
        lambda d: pairs(d) / d / 10000.0**2,
    ),
    "fixed_width": tuple(
        with_exponents(lambda d, n=n: 2 * pairs(d) / n)  # type: ignore[misc]
        for n in (2, 4, 6, 8, 10, 12, 16, 32, 64, 100, 128, 256, 512)
    ),
    "to_the_end": (
        with_exponents(lambda d: pairs(d) / max(len(pairs(d)) - 1, 1)),
        with_exponents(lambda d: np.linspace(0, 1, len(pairs(d)))),
    ),
}
"""Speeds as they go wrong, by a name that the banks share."""


def truncated(result: Array) -> Array:
    """Return what is left of numbers that are written into an array of integers."""
    return np.trunc(result).astype(int)


def only(result: Array, axis: int, kept: slice, other: float | Array = 0.0) -> Array:
    """Return a result of which a loop filled only a part along an axis; `other` stands everywhere else."""
    filled = np.broadcast_to(np.asarray(other, dtype=float), result.shape).copy()
    at: list[Any] = [slice(None)] * result.ndim
    at[axis] = kept
    filled[tuple(at)] = result[tuple(at)]
    return filled
