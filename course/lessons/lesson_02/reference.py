"""The numpy reference functions of lesson 02: what checks compare with, drawings fall back to and solutions show.

Written to be read. One step of a decoder for a batch of sentences: s (B, dq) are the decoder's states, h (B, T, dk) the
encoder's, one for each source word; masks (B, T) are boolean, True = may attend, and pads stand behind the words.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]


def softmax(scores: Array, mask: Mask) -> Array:
    """Turn each row of scores into shares of one whole, dealt out among the words that the mask allows.

    Args:
        scores: (B, T) real numbers.
        mask: (B, T) booleans, True = may attend.

    Returns:
        (B, T) numbers in [0, 1]; each row sums to 1, or to 0 where the mask allows nothing.
    """
    scores = np.where(mask, scores, -np.inf)  # e to the power of minus infinity is 0
    top = scores.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # an empty row has no largest score
    powers = np.exp(scores - top)  # the same shares, and no power above 1
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1)


def additive_attention(s: Array, h: Array, mask: Mask, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    """One look back with an additive score (Bahdanau et al., 2015, section 3.1 and appendix A.1.2).

    Args:
        s: the decoder's states (B, dq), which ask.
        h: the encoder's states (B, T, dk), which are asked and mixed.
        mask: (B, T) booleans, True = may attend.
        Wq: (dq, da), makes a question of a state.
        Wk: (dk, da), makes of a word's state what the question meets.
        v: (da,), how much each of the da units counts.

    Returns:
        context (B, dk) and weights (B, T); a sentence whose mask allows nothing gets zeros in both.
    """
    question = (s @ Wq)[:, None]  # (B, 1, da): the same for all words of a sentence
    scores = np.tanh(question + h @ Wk) @ v  # 1 score:   (B, T)
    weights = softmax(scores, mask)  # 2 softmax: each row sums to 1
    context = (weights[:, :, None] * h).sum(axis=1)  # 3 mix:     (B, dk)
    return context, weights


def luong_scores(s: Array, h: Array, kind: str, W: Array | None = None, v: Array | None = None) -> Array:
    """Scores of three kinds (Luong et al., 2015, section 3.1).

    Args:
        s: the decoder's states (B, dq).
        h: the encoder's states (B, T, dk).
        kind: "dot" (dq = dk), "general" or "concat".
        W: (dq, dk) for "general", (dq + dk, da) for "concat".
        v: (da,) for "concat".

    Returns:
        scores (B, T).
    """
    if kind == "dot":
        return (h @ s[:, :, None])[:, :, 0]
    if kind == "general":
        return (h @ (s @ W)[:, :, None])[:, :, 0]
    B, T, dk = h.shape
    asking = np.broadcast_to(s[:, None], (B, T, s.shape[1]))  # beside each word the state that asks
    return np.tanh(np.concatenate([asking, h], axis=-1) @ W) @ v


def local_weights(scores: Array, mask: Mask, center: Array, D: int, gaussian: bool = False) -> Array:
    """Weights inside a window around a center (Luong et al., 2015, section 3.2, equation 10).

    Args:
        scores: (B, T).
        mask: (B, T) booleans, True = may attend.
        center: (B,) places, which may lie between two words; the first word has place 0.
        D: words at a distance of at most D are seen.
        gaussian: multiply the weights by a bell curve around the center, of standard deviation D / 2. Rows then sum to
            less than 1.

    Returns:
        weights (B, T); zeros where the window holds no word.
    """
    distance = np.arange(scores.shape[1]) - center[:, None]  # (B, T)
    weights = softmax(scores, mask & (np.abs(distance) <= D))
    if gaussian:
        weights = weights * np.exp(-(distance**2) / (2 * (D / 2) ** 2))
    return weights


def alignment_error(weights: Array, gold: Mask) -> float:
    """How far the links that weights suggest are from the gold links: 0 is perfect, 1 nothing right.

    Och and Ney (2003, section 5), with every gold link sure. A target word is linked to the source word with its
    largest weight.

    Args:
        weights: (T, S + 1), a row for each target word; the last column is the end token, and a word that looks most
            there is linked to nothing.
        gold: (T, S) booleans, True where the target word translates the source word.

    Returns:
        1 - 2 |links and gold| / (|links| + |gold|).
    """
    best = weights.argmax(axis=1)  # (T,)
    links = best[:, None] == np.arange(gold.shape[1])  # (T, S); none where the best is the last column
    return float(1 - 2 * (links & gold).sum() / (links.sum() + gold.sum()))


def predicted_center(s: Array, mask: Mask, W: Array, v: Array) -> Array:
    """Where to look, guessed from the decoder's state alone (Luong et al., 2015, section 3.2, equation 9).

    Args:
        s: (B, dq).
        mask: (B, T) booleans, True at the words of a sentence.
        W: (dq, da).
        v: (da,), how much each of the da units counts.

    Returns:
        center (B,): a place between 0 and the number of the sentence's own words.
    """
    share = 1 / (1 + np.exp(-np.tanh(s @ W) @ v))  # between 0 and 1
    return mask.sum(axis=1) * share
