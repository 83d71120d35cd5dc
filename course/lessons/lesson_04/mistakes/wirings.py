"""Wrong ways to split a width into heads and to merge heads again, for the banks of lesson 04."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lessons.lesson_04 import reference

Array = NDArray[Any]
Split = Callable[[Array, int], Array]
Merge = Callable[[Array], Array]


def split_by_reshape(x: Array, h: int) -> Array:
    """Cut the row of all numbers into h runs, whatever word they belong to."""
    B, T, d = x.shape
    return x.reshape(B, h, T, d // h)


def merge_by_reshape(x: Array) -> Array:
    """Read the numbers in the order in which they lie, head after head."""
    B, h, T, d_head = x.shape
    return x.reshape(B, T, h * d_head)


def split_interleaved(x: Array, h: int) -> Array:
    """Give head i every h-th column: i, i + h, i + 2h."""
    B, T, d = x.shape
    return x.reshape(B, T, d // h, h).transpose(0, 3, 1, 2)


def merge_interleaved(x: Array) -> Array:
    """Lay the first columns of all heads side by side, then the second ones."""
    B, h, T, d_head = x.shape
    return x.transpose(0, 2, 3, 1).reshape(B, T, h * d_head)


def split_reversed(x: Array, h: int) -> Array:
    """Give the last columns to head 0."""
    return reference.split_heads(x, h)[:, ::-1]


def merge_reversed(x: Array) -> Array:
    """Lay the last head leftmost."""
    return reference.merge_heads(x[:, ::-1])


def kept(x: Array, axis: int, where: slice) -> Array:
    """Return zeros that hold the array's numbers only at some places of an axis: those that a loop reaches."""
    at = tuple(where if i == axis else slice(None) for i in range(x.ndim))
    result = np.zeros_like(x)
    result[at] = x[at]
    return result


ALL_BUT_LAST, ALL_BUT_FIRST, ONLY_FIRST, ONLY_LAST = slice(None, -1), slice(1, None), slice(None, 1), slice(-1, None)


def whole_numbers(x: Array) -> Array:
    """Cut off what stands behind the point, as an array of integers does when it is written into."""
    return np.asarray(np.trunc(x)).astype(int)
