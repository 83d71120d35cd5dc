"""The numpy reference functions of lesson 04: what checks compare with, drawings fall back to and solutions show.

Written to be read. Batch first, as (B, T, d), heads as (B, H, T, d_head); masks are boolean, True = may attend.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lessons.lesson_03.reference import attention

Array = NDArray[Any]
Mask = NDArray[np.bool_]


def split_heads(x: Array, h: int) -> Array:
    """Give each head its own run of neighboring columns: head i gets columns i * d_head to (i + 1) * d_head.

    Args:
        x: (B, T, d), with d a multiple of h.
        h: number of heads.

    Returns:
        (B, h, T, d / h).
    """
    B, T, d = x.shape
    x = x.reshape(B, T, h, d // h)  # cut each row into h pieces; no number moves
    return np.swapaxes(x, 1, 2)  # heads before words, so that `@` works inside a head


def merge_heads(x: Array) -> Array:
    """Lay the heads side by side again: the inverse of `split_heads`.

    Args:
        x: (B, h, T, d_head).

    Returns:
        (B, T, h * d_head).
    """
    B, h, T, d_head = x.shape
    x = np.swapaxes(x, 1, 2)  # words before heads: a word's pieces lie together again
    return x.reshape(B, T, h * d_head)


def multi_head_attention(x_q: Array, x_kv: Array, W: Mapping[str, Array], h: int, mask: Mask | None = None) -> Array:
    """Multi-head attention (Vaswani et al., 2017, section 3.2.2), without biases.

    Args:
        x_q: (B, Tq, d), those who ask.
        x_kv: (B, Tk, d), those who are asked; x_q itself in self-attention.
        W: matrices "q", "k", "v" and "o", each (d, d), used as x @ W.
        h: number of heads; d is a multiple of it.
        mask: booleans that broadcast to (B, h, Tq, Tk), True = may attend.

    Returns:
        (B, Tq, d).
    """
    q = split_heads(x_q @ W["q"], h)  # 1 project, 2 split
    k = split_heads(x_kv @ W["k"], h)
    v = split_heads(x_kv @ W["v"], h)
    output, _ = attention(q, k, v, mask)  # 3 attend, in all heads at once
    return merge_heads(output) @ W["o"]  # 4 merge, 5 combine the heads


def pack_heads(heads: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Put the matrices of separate heads into the four matrices of one product.

    Args:
        heads: for each head a dict of "q", "k" and "v" (d, d_head) and "o" (d_head, d), with h * d_head = d.

    Returns:
        A dict of "q", "k", "v" and "o", each (d, d): what `multi_head_attention` takes as W.
    """
    W = {name: np.concatenate([head[name] for head in heads], axis=1) for name in ("q", "k", "v")}
    W["o"] = np.concatenate([head["o"] for head in heads], axis=0)  # a row of o for each column of a head's output
    return W
