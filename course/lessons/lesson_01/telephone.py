"""Telephone numbers: an encoder-decoder with a fixed vector hears a number digit by digit, and then says it.

The task needs nothing but memory. Training is numpy, the gradient by hand; what comes out runs in the learner's own
`gru_step`, `encode` and `decode`. The encoder's last state is handed over as in Sutskever et al. 2014: it is the state
that the decoder begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    from course.lessons.lesson_01.reference import Step, WriteStep

Array = NDArray[Any]
Packed = dict[str, Array]
FIRST = 4  # the id of the digit 0; the special tokens stand before it
TOKENS = FIRST + 10
LONGEST = 8  # digits
BATCH, RATE, WARM_UP = 64, 5e-3, 20
GATES = ("z", "r", "n")


@dataclass(frozen=True)
class Numbers:
    """A trained GRU by the names of its gates, as `gru_step` takes it: W (TOKENS, d), U (d, d), b (d,) each."""

    W: dict[str, Array]
    U: dict[str, Array]
    b: dict[str, Array]


@dataclass(frozen=True)
class Trained:
    """An encoder, a decoder, and what makes scores of a state: (d, TOKENS) and (TOKENS,). loss: by update."""

    encoder: Numbers
    decoder: Numbers
    to_scores: Array
    score_bias: Array
    loss: tuple[float, ...] = ()

    @property
    def d(self) -> int:
        """How many numbers the fixed vector has."""
        return len(self.to_scores)


def draw(n: int, lengths: Sequence[int], rng: np.random.Generator) -> Array:
    """Return n telephone numbers as padded ids (n, T), each of one of the lengths."""
    chosen = rng.choice(np.asarray(lengths), n)
    ids = rng.integers(FIRST, TOKENS, (n, int(chosen.max())))
    return np.where(np.arange(ids.shape[1]) < chosen[:, None], ids, PAD)


def vectors(ids: Array) -> Array:
    """Return a vector for each token: a 1 at the place of its id, and 0 elsewhere, (..., TOKENS)."""
    return np.eye(TOKENS)[ids]


def with_end(ids: Array) -> Array:
    """Return ids (n, T + 1) with the end token behind each sentence."""
    longer = np.concatenate([ids, np.full((len(ids), 1), PAD)], axis=1)
    longer[np.arange(len(ids)), (ids != PAD).sum(axis=1)] = EOS
    return longer


def train(
    d: int = 64, updates: int = 1000, *, seed: int = 1, lengths: Sequence[int] = range(1, LONGEST + 1)
) -> Trained:
    """Train an encoder-decoder with a fixed vector of d numbers to say the telephone number that it has heard.

    With Adam (Kingma and Ba 2015), on a new batch at every update; gradients longer than 1 are cut to 1.

    Args:
        d: numbers of a state.
        updates: how many batches it sees.
        seed: of the start and of the telephone numbers.
        lengths: of the telephone numbers, drawn with equal chance.
    """
    rng = np.random.default_rng(seed)
    p = start(d, rng)
    mean, square = ({name: np.zeros_like(x) for name, x in p.items()} for _ in range(2))
    losses = []
    for step in range(1, updates + 1):
        loss, slopes = loss_and_gradient(p, draw(BATCH, lengths, rng))
        losses.append(loss)
        cut = min(1.0, 1.0 / np.sqrt(sum(float((x**2).sum()) for x in slopes.values())))
        rate = RATE * min(step / WARM_UP, 2 * (updates - step + 1) / updates, 1.0)
        for name, slope in slopes.items():
            mean[name] = 0.9 * mean[name] + np.float32(0.1 * cut) * slope
            square[name] = 0.99 * square[name] + np.float32(0.01 * cut**2) * slope**2
            size = np.sqrt(square[name] / np.float32(1 - 0.99**step)) + np.float32(1e-8)
            p[name] = p[name] - np.float32(rate / (1 - 0.9**step)) * mean[name] / size
    return _by_gate(p, tuple(losses))


def start(d: int, rng: np.random.Generator) -> Packed:
    """Return the numbers to be trained; the matrices of the gates stand side by side, in the order z, r, n."""

    def uniform(*shape: int) -> Array:
        return rng.uniform(-(d**-0.5), d**-0.5, shape).astype(np.float32)

    p = {"to_scores": uniform(d, TOKENS), "score_bias": uniform(TOKENS)}
    for side in ("encoder", "decoder"):
        p |= {f"{side}_W": uniform(TOKENS, 3 * d), f"{side}_U": uniform(d, 3 * d), f"{side}_b": uniform(3 * d)}
    return p


def loss_and_gradient(p: Packed, ids: Array) -> tuple[float, Packed]:
    """Return the mean cross-entropy of saying ids (B, T) after having heard them, and its gradient.

    The decoder is fed the right token at each step, whatever it would have said (teacher forcing, lesson 10).
    """
    labels, real = with_end(ids), ids != PAD
    fed = np.concatenate([np.full((len(ids), 1), BOS), labels[:, :-1]], axis=1)
    h0 = np.zeros((len(ids), len(p["to_scores"])), p["to_scores"].dtype)
    heard = _forward(p, "encoder", ids, real, h0)
    said = _forward(p, "decoder", fed, np.ones(fed.shape, dtype=bool), heard[-1].h)
    states = np.stack([step.h for step in said[1:]], axis=1)
    scores = states @ p["to_scores"] + p["score_bias"]
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    counted, right = (labels != PAD)[..., None], np.eye(TOKENS, dtype=scores.dtype)[labels]
    n = counted.sum()
    loss = float(-(np.log((shares * right).sum(axis=-1, keepdims=True)) * counted).sum() / n)
    d_scores = (shares - right) * counted / scores.dtype.type(n)
    slopes = {
        "to_scores": np.tensordot(states, d_scores, axes=([0, 1], [0, 1])),
        "score_bias": d_scores.sum(axis=(0, 1)),
    }
    g = _backward(p, "decoder", said, d_scores @ p["to_scores"].T, slopes)
    zeros = np.zeros((*ids.shape, len(h0[0])), h0.dtype)
    zeros[:, -1] = g  # all that the encoder is told comes through the fixed vector
    _backward(p, "encoder", heard, zeros, slopes)
    return loss, slopes


@dataclass(frozen=True)
class _Tape:
    """A step of the way forward: the state after it, and what the way back needs of it."""

    h: Array
    tokens: Array | None = None
    real: Array | None = None
    gates: tuple[Array, Array, Array] | None = None


def _forward(p: Packed, side: str, ids: Array, real: Array, h: Array) -> list[_Tape]:
    """Return the steps through ids (B, T); the first entry is the state before them."""
    W, U, b, d = p[f"{side}_W"], p[f"{side}_U"], p[f"{side}_b"], h.shape[1]
    tape = [_Tape(h)]
    for t in range(ids.shape[1]):
        word = W[ids[:, t]] + b  # a vector with a single 1 picks a row
        z, r = np.split(1 / (1 + np.exp(-(word[:, : 2 * d] + h @ U[:, : 2 * d]))), 2, axis=1)
        n = np.tanh(word[:, 2 * d :] + (r * h) @ U[:, 2 * d :])
        h = np.where(real[:, t, None], z * h + (1 - z) * n, h)
        tape.append(_Tape(h, ids[:, t], real[:, t, None], (z, r, n)))
    return tape


def _backward(p: Packed, side: str, tape: list[_Tape], g_states: Array, slopes: Packed) -> Array:
    """Go back through the steps, put the gradients of W, U and b into slopes, return that of the first state.

    g_states: (B, T, d) what the loss asks of each state directly.
    """
    U, d = p[f"{side}_U"], g_states.shape[-1]
    g, sums, seen = np.zeros_like(g_states[:, 0]), [], []
    for t in reversed(range(g_states.shape[1])):
        h, step = tape[t].h, tape[t + 1]
        assert step.gates is not None
        z, r, n = step.gates
        g = g + g_states[:, t]
        passed, g = g * ~step.real, g * step.real  # type: ignore[operator]
        d_n = g * (1 - z) * (1 - n**2)
        g_seen = d_n @ U[:, 2 * d :].T  # of r * h
        d_zr = np.concatenate([g * (h - n) * z * (1 - z), g_seen * h * r * (1 - r)], axis=1)
        sums.append(np.concatenate([d_zr, d_n], axis=1))
        seen.append((h, r * h))
        g = passed + g * z + g_seen * r + d_zr @ U[:, : 2 * d].T
    all_sums = np.concatenate(sums)
    h, reset = (np.concatenate(each) for each in zip(*seen, strict=True))
    tokens = np.concatenate([step.tokens for step in tape[:0:-1]])
    slopes[f"{side}_U"] = np.concatenate([h.T @ all_sums[:, : 2 * d], reset.T @ all_sums[:, 2 * d :]], axis=1)
    slopes[f"{side}_W"] = np.eye(TOKENS, dtype=g.dtype)[tokens].T @ all_sums
    slopes[f"{side}_b"] = all_sums.sum(axis=0)
    return np.asarray(g)


def _by_gate(p: Packed, losses: tuple[float, ...] = ()) -> Trained:
    """Return the trained numbers by the names of the gates, in float64."""

    def side(name: str) -> Numbers:
        parts = (np.split(p[f"{name}_{each}"].astype(float), 3, axis=-1) for each in "WUb")
        return Numbers(*(dict(zip(GATES, part, strict=True)) for part in parts))

    to_scores, score_bias = p["to_scores"].astype(float), p["score_bias"].astype(float)
    return Trained(side("encoder"), side("decoder"), to_scores, score_bias, losses)


# --- with the learner's own functions ---------------------------------------------------------------------------


def reader(trained: Trained, gru_step: Callable[..., Array]) -> Step:
    """Return the encoder as a step, from vectors (B, TOKENS) and states (B, d) to the next states."""
    p = trained.encoder
    return lambda x, h: gru_step(x, h, p.W, p.U, p.b)


def writer(trained: Trained, gru_step: Callable[..., Array]) -> WriteStep:
    """Return the decoder as a step, from tokens (B,) and states (B, d) to scores (B, TOKENS) and the next states."""
    p = trained.decoder

    def step(tokens: Array, h: Array) -> tuple[Array, Array]:
        h = gru_step(vectors(tokens), h, p.W, p.U, p.b)
        return h @ trained.to_scores + trained.score_bias, h

    return step


def say_again(
    ids: Array,
    trained: Trained,
    *,
    gru_step: Callable[..., Array],
    encode: Callable[..., Any],
    decode: Callable[..., Any],
) -> Array:
    """Return what comes out when ids (B, T) are heard: ids (B, L), with their ends."""
    h0 = np.zeros((len(ids), trained.d))
    _, last = encode(reader(trained, gru_step), vectors(ids), ids != PAD, h0)
    return np.asarray(decode(writer(trained, gru_step), last, BOS, EOS, PAD, LONGEST + 2))


def right_by_length(
    trained: Trained, lengths: Sequence[int], *, n: int = 200, seed: int = 2, **functions: Callable[..., Any]
) -> dict[int, float]:
    """Return for each length the share of n new telephone numbers that come out exactly right."""
    rng = np.random.default_rng(seed)
    shares = {}
    for length in lengths:
        ids = draw(n, [length], rng)
        said, wanted = say_again(ids, trained, **functions), with_end(ids)
        wide = max(said.shape[1], wanted.shape[1])
        said, wanted = (np.pad(each, ((0, 0), (0, wide - each.shape[1]))) for each in (said, wanted))
        shares[length] = float((said == wanted).all(axis=1).mean())
    return shares


def how_wrong(
    trained: Trained, length: int, *, n: int = 400, seed: int = 2, **functions: Callable[..., Any]
) -> dict[str, float]:
    """Return of the numbers of one length that come out wrong, which share has the right length, and the right digits.

    "length": as many digits as were heard; "digits": the same digits, in another order.
    """
    ids = draw(n, [length], np.random.default_rng(seed))
    both = zip(ids, say_again(ids, trained, **functions), strict=True)
    texts = [(as_text(heard), as_text(said)) for heard, said in both]
    wrong = [(heard, said) for heard, said in texts if heard != said]
    return {
        "length": float(np.mean([len(heard) == len(said) for heard, said in wrong])) if wrong else 1.0,
        "digits": float(np.mean([sorted(heard) == sorted(said) for heard, said in wrong])) if wrong else 1.0,
    }


def as_text(ids: Array) -> str:
    """Return one row of ids as its digits; the end and what stands behind it are left out."""
    digits = []
    for token in ids:
        if token in (EOS, PAD):
            break
        digits.append(str(int(token) - FIRST) if token >= FIRST else "?")
    return "".join(digits)
