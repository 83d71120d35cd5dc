"""The numpy reference functions of lesson 05: what checks compare with, drawings fall back to and solutions show.

Written to be read. Masks are boolean, True = may attend, and broadcast to (B, H, Tq, Tk).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]


def causal_mask(T: int) -> Mask:
    """Which positions a position may see when the future is hidden.

    Args:
        T: length of the sequence.

    Returns:
        (T, T) booleans: row i (the query) is True for columns (keys) 0 to i.
    """
    return np.tril(np.ones((T, T), dtype=bool))


def padding_mask(tokens: Array, pad: int) -> Mask:
    """Which keys are real tokens.

    Args:
        tokens: (B, T) integer ids.
        pad: the id that fills up short rows, on either side.

    Returns:
        (B, 1, 1, T) booleans, True = a real token; broadcasts over heads and queries.
    """
    return (tokens != pad)[:, None, None, :]


def decoder_mask(tokens: Array, pad: int) -> Mask:
    """Causal and padding mask at once: a key is allowed if both rules allow it.

    Args:
        tokens: (B, T) integer ids.
        pad: the id that fills up short rows, on either side.

    Returns:
        (B, 1, T, T) booleans. With padding on the left the first rows are empty.
    """
    return padding_mask(tokens, pad) & causal_mask(tokens.shape[1])


def influence(f: Callable[[Array], Array], x: Array, other: Array) -> Array:
    """How far each output moves when one token is exchanged, for every pair of output and token.

    Args:
        f: from tokens (T, d) to outputs (T, d_v); what is inside it does not matter.
        x: (T, d) tokens.
        other: (T, d) tokens to exchange them for, one at a time.

    Returns:
        (T, T): entry [i, j] is the largest absolute change of output i when token j, and no other, is that of other.
    """
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x.copy()  # all tokens but j stay as they were
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=-1)
    return moved
