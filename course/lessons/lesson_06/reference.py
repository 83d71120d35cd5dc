"""The numpy reference functions of lesson 06: what checks compare with, drawings fall back to and solutions show.

Written to be read. Vectors are rows, so a matrix stands on the right: x @ M.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def positional_encoding(T: int, d: int) -> Array:
    """Sinusoids in pairs of neighboring columns (Vaswani et al., 2017, section 3.5).

    Args:
        T: number of positions; the first one is 0.
        d: width. If it is odd, the last pair has a sine only.

    Returns:
        (T, d): column 2i holds the sine and column 2i + 1 the cosine of position / 10000^(2i / d).
    """
    positions = np.arange(T)[:, None]  # (T, 1): down
    speeds = 10000.0 ** (-np.arange(0, d, 2) / d)  # one for each pair: across; the steps of 2 are the 2i
    angles = positions * speeds  # (T, pairs)
    table = np.zeros((T, d))
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles)[:, : d // 2]  # an odd width has one cosine fewer
    return table


def add_positions(x: Array, table: Array) -> Array:
    """Add to every word the row of its place (Vaswani et al., 2017, section 3.5).

    Args:
        x: (B, T, d) vectors of words.
        table: (longest, d), a row for each position; T is at most longest.

    Returns:
        (B, T, d).
    """
    return x + table[: x.shape[1]]  # (T, d) serves every sentence of the batch


def speeds(d: int, base: float = 10000.0) -> Array:
    """How far each pair of columns turns from one position to the next.

    Args:
        d: width.
        base: the slowest pair turns by nearly 1 / base.

    Returns:
        (pairs,) angles in radians; pairs is d / 2, rounded up.
    """
    return base ** (-np.arange(0, d, 2) / d)


def shift_rotation(k: int, d: int) -> Array:
    """The matrix that moves every position by k: PE(p) @ M = PE(p + k), whatever p is.

    Args:
        k: how many positions, to the right; negative ones to the left.
        d: width, even.

    Returns:
        (d, d): a rotation of two columns for each pair, along the diagonal, and zeros elsewhere.
    """
    M = np.zeros((d, d))
    for i, angle in enumerate(k * speeds(d)):
        c, s = np.cos(angle), np.sin(angle)
        M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
    return M


def rotary(x: Array, start: int = 0) -> Array:
    """Turn each neighboring pair of numbers by the angle of its position (Su et al., 2021, section 3.2.2).

    Args:
        x: (..., T, d) queries or keys; d is even.
        start: the position of the first row.

    Returns:
        (..., T, d). The dot product of two turned rows depends on how far apart they stand, and not on where.
    """
    T, d = x.shape[-2:]
    angles = (start + np.arange(T))[:, None] * speeds(d)  # (T, d / 2)
    cos, sin = np.cos(angles), np.sin(angles)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2] = even * cos - odd * sin
    turned[..., 1::2] = even * sin + odd * cos
    return turned
