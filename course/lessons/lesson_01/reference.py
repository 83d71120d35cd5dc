"""The numpy reference functions of lesson 01: what checks compare with, drawings fall back to and solutions show.

Written to be read. Batch first: a word is x (B, d_in), a state h (B, d_h), and matrices stand on the right, x @ W.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Step = Callable[[Array, Array], Array]  # x (B, d_in), h (B, d_h) -> the next h
WriteStep = Callable[[Array, Array], tuple[Array, Array]]  # tokens (B,), h (B, d_h) -> scores (B, V), the next h


def sigmoid(x: Array) -> Array:
    """Turn any numbers into numbers between 0 and 1: a gate that is shut, half open, open."""
    return 1 / (1 + np.exp(-x))


def rnn_step(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    """One step of a plain recurrent network (Elman 1990).

    Args:
        x: (B, d_in) the words that are read now.
        h: (B, d_h) the states so far.
        W: (d_in, d_h) what a word does to the state.
        U: (d_h, d_h) what the state does to itself.
        b: (d_h,) bias.

    Returns:
        (B, d_h) the new states.
    """
    return np.tanh(x @ W + h @ U + b)


def bptt(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> tuple[Array, Array, Array, Array]:
    """Back-propagation through time (Werbos 1990), for a loss that looks at the last state alone.

    Args:
        x: (B, T, d_in) words.
        h0: (B, d_h) states before the first word.
        W: (d_in, d_h), as U (d_h, d_h) and b (d_h,) as in `rnn_step`.
        U: see W.
        b: see W.
        g: (B, d_h) how the loss changes with the last states.

    Returns:
        How the loss changes with W (d_in, d_h), U (d_h, d_h), b (d_h,) and h0 (B, d_h).
    """
    T = x.shape[1]
    states = [h0]
    for t in range(T):  # forward: keep every state
        states.append(rnn_step(x[:, t], states[t], W, U, b))

    dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)
    for t in reversed(range(T)):  # backward
        d = g * (1 - states[t + 1] ** 2)  # through tanh
        dW += x[:, t].T @ d  # every step used the same W, U and b, so what they get adds up
        dU += states[t].T @ d
        db += d.sum(axis=0)
        g = d @ U.T  # on to the state before
    return dW, dU, db, g


def gru_step(x: Array, h: Array, W: Mapping[str, Array], U: Mapping[str, Array], b: Mapping[str, Array]) -> Array:
    """One step of a gated recurrent unit, as in Cho et al. 2014, equations 5 to 8.

    Args:
        x: (B, d_in) the words that are read now.
        h: (B, d_h) the states so far.
        W: (d_in, d_h) for each of "z", "r" and "n".
        U: (d_h, d_h) for each.
        b: (d_h,) for each; the paper leaves biases out.

    Returns:
        (B, d_h) the new states.
    """
    z = sigmoid(x @ W["z"] + h @ U["z"] + b["z"])  # how much of the old state stays
    r = sigmoid(x @ W["r"] + h @ U["r"] + b["r"])  # how much of it the new content may see
    n = np.tanh(x @ W["n"] + (r * h) @ U["n"] + b["n"])  # the new content
    return z * h + (1 - z) * n


def lstm_step(
    x: Array, h: Array, c: Array, W: Mapping[str, Array], U: Mapping[str, Array], b: Mapping[str, Array]
) -> tuple[Array, Array]:
    """One step of a long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    Args:
        x: (B, d_in) the words that are read now.
        h: (B, d_h) what the cell shows.
        c: (B, d_h) what the cell keeps.
        W: (d_in, d_h) for each of "i", "f", "g" and "o".
        U: (d_h, d_h) for each.
        b: (d_h,) for each.

    Returns:
        The new h and c.
    """
    i, f, o = (sigmoid(x @ W[gate] + h @ U[gate] + b[gate]) for gate in ("i", "f", "o"))
    g = np.tanh(x @ W["g"] + h @ U["g"] + b["g"])
    c = f * c + i * g  # forget some, take in some
    return o * np.tanh(c), c


def encode(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    """Read a padded batch word by word; at a pad, the state of that sentence stays as it is.

    Args:
        step: from words (B, d_in) and states (B, d_h) to the next states.
        x: (B, T, d_in) words.
        real: (B, T) booleans, True = a word, False = a pad, on either side.
        h0: (B, d_h) the states before the first word.

    Returns:
        states (B, T, d_h): the state after each position; last (B, d_h): the state after a sentence's last word.
    """
    h, states = h0, []
    for t in range(x.shape[1]):
        h = np.where(real[:, t, None], step(x[:, t], h), h)
        states.append(h)
    return np.stack(states, axis=1), h


def decode(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Write greedily, all sentences of a batch at once, each until its end.

    Args:
        step: from the last tokens (B,) and states (B, d_h) to scores (B, V) of the next tokens and the next states.
        h: (B, d_h) what the encoder hands over: all that the decoder knows of the source.
        bos: the id that stands before every sentence; it is fed, and not returned.
        eos: the id that ends a sentence; it is returned.
        pad: the id that fills a sentence up behind its end.
        max_len: the most tokens of a sentence, its end counted.

    Returns:
        (B, L) ids; L is the length of the longest sentence.
    """
    tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool)
    written = []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = np.where(done, pad, scores.argmax(axis=-1))
        written.append(tokens)
        done = done | (tokens == eos)
        if done.all():
            break
    return np.stack(written, axis=1)


def colleagues_decode(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Greedy decoding with one planted bug, as the notebook hands it out: right for every sentence alone."""
    tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool)
    written = []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = np.where(done, pad, scores.argmax(axis=-1))
        written.append(tokens)
        done = tokens == eos
        if done.all():
            break
    return np.stack(written, axis=1)
