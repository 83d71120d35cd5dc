"""The numpy reference functions of lesson 03: what checks compare with, drawings fall back to and solutions show.

Written to be read. Arrays carry any leading axes, as (B, H, T, d); masks are boolean, True = may attend, and broadcast.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]


def softmax(x: Array, mask: Mask | None = None) -> Array:
    """Softmax along the last axis; blocked entries get 0, and a row with nothing allowed gets only zeros.

    Args:
        x: (..., n) real numbers.
        mask: booleans that broadcast to x, True = takes part. None lets everything take part.

    Returns:
        (..., n) numbers in [0, 1]; each row sums to 1, or to 0 where the mask allows nothing.
    """
    if mask is not None:
        x = np.where(mask, x, -np.inf)  # exp(-inf) = 0: blocked entries get no share
    top = x.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # an empty row has no largest entry
    powers = np.exp(x - top)  # the largest exponent is 0, so nothing overflows
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1)  # an empty row stays zeros, and 0 is not divided by 0


def attention(q: Array, k: Array, v: Array, mask: Mask | None = None) -> tuple[Array, Array]:
    """Scaled dot-product attention (Vaswani et al., 2017, section 3.2.1, equation 1).

    Args:
        q: queries (..., Tq, d_k).
        k: keys (..., Tk, d_k).
        v: values (..., Tk, d_v).
        mask: booleans that broadcast to (..., Tq, Tk), True = may attend.

    Returns:
        output (..., Tq, d_v) and weights (..., Tq, Tk); a query that may attend to nothing gets zeros in both.
    """
    scores = q @ np.swapaxes(k, -1, -2)  # 1. match:   (..., Tq, Tk)
    scores = scores / np.sqrt(q.shape[-1])  # 2. scale:   variance back to about 1
    weights = softmax(scores, mask)  # 3. softmax: each row of allowed keys sums to 1
    return weights @ v, weights  # 4. mix:     (..., Tq, d_v)


def score_statistics(d_k: int, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """Variance of the dot product of random vectors, as it is and after division by sqrt(d_k).

    Args:
        d_k: width of the vectors.
        n: number of pairs (q, k); all numbers are independent and standard normal, drawn from ``rng``.
        rng: where the numbers come from; the same generator state gives the same answer.

    Returns:
        The variance over the n pairs of q.k (about d_k), and of q.k / sqrt(d_k) for the same pairs (about 1).
    """
    q = rng.standard_normal((n, d_k))
    k = rng.standard_normal((n, d_k))
    scores = (q * k).sum(axis=-1)  # (n,): row i of q with row i of k
    return float(scores.var()), float((scores / np.sqrt(d_k)).var())
