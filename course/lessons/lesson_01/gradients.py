"""How far a gradient reaches back in the three cells, in numpy: the way forward, and the way back by hand.

Several networks are run side by side, each from another start: arrays begin with an axis R for these runs. What is
measured is how much the last state would change with each word, and so how much a word can be learned about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table
from course.lessons.lesson_01.reference import sigmoid

Array = NDArray[Any]
Numbers = dict[str, Array]

GATES = {"RNN": ("n",), "LSTM": ("i", "f", "g", "o"), "GRU": ("z", "r", "n")}
KEEPING = {"LSTM": "f", "GRU": "z"}  # the gate that says how much of the old stays
RUNS = 9


def start(cell: str, d: int, rng: np.random.Generator, *, bias: float = 0.0, scale: float = 1.0) -> Numbers:
    """Return R networks as PyTorch would begin them: all numbers uniform between -1/sqrt(d) and 1/sqrt(d).

    Args:
        cell: "RNN", "LSTM" or "GRU".
        d: how many numbers a word and a state have.
        rng: draws the numbers.
        bias: added to the bias of the gate that keeps; without effect in the RNN, which has none.
        scale: U is multiplied by it.

    Returns:
        "W_n", "U_n" (R, d, d) and "b_n" (R, 1, d) and so on, for each gate.

    Raises:
        CourseError: for an unknown cell.
    """
    if cell not in GATES:
        raise CourseError(f"There is no cell {cell!r}; there are {', '.join(GATES)}.")

    def uniform(*shape: int) -> Array:
        return np.asarray(rng.uniform(-(d**-0.5), d**-0.5, (RUNS, *shape)))

    p = {}
    for gate in GATES[cell]:
        p[f"W_{gate}"], p[f"U_{gate}"] = uniform(d, d), scale * uniform(d, d)
        p[f"b_{gate}"] = uniform(1, d) + uniform(1, d)  # PyTorch has two, one for the word and one for the state
        if gate == KEEPING.get(cell):
            p[f"b_{gate}"] = p[f"b_{gate}"] + bias
    return p


def _sum(p: Numbers, gate: str, x: Array, h: Array) -> Array:
    return np.asarray(x @ p[f"W_{gate}"] + h @ p[f"U_{gate}"] + p[f"b_{gate}"])


def _back(p: Numbers, d: dict[str, Array]) -> tuple[Array, Array]:
    """Return what the gradients of the sums of all gates make of the word and of the state."""
    to_x = sum(each @ np.swapaxes(p[f"W_{gate}"], 1, 2) for gate, each in d.items())
    to_h = sum(each @ np.swapaxes(p[f"U_{gate}"], 1, 2) for gate, each in d.items())
    return np.asarray(to_x), np.asarray(to_h)


def _rnn(p: Numbers, x: Array, g: Array) -> list[Array]:
    """Return the gradients of the words (R, 1, d), first word first, from that of the last state."""
    h, states = np.zeros_like(g), []
    for t in range(x.shape[1]):
        h = np.tanh(_sum(p, "n", x[:, t, None], h))
        states.append(h)
    found = []
    for h in reversed(states):
        to_x, g = _back(p, {"n": g * (1 - h**2)})
        found.append(to_x)
    return found[::-1]


def _gru(p: Numbers, x: Array, g: Array) -> list[Array]:
    h, steps = np.zeros_like(g), []
    for t in range(x.shape[1]):
        word = x[:, t, None]
        z, r = sigmoid(_sum(p, "z", word, h)), sigmoid(_sum(p, "r", word, h))
        n = np.tanh(_sum(p, "n", word, r * h))
        steps.append((h, z, r, n))
        h = z * h + (1 - z) * n
    found = []
    for h, z, r, n in reversed(steps):
        content_x, seen = _back(p, {"n": g * (1 - z) * (1 - n**2)})  # seen: the gradient of r * h
        to_x, to_h = _back(p, {"z": g * (h - n) * z * (1 - z), "r": seen * h * r * (1 - r)})
        found.append(content_x + to_x)
        g = g * z + seen * r + to_h
    return found[::-1]


def _lstm(p: Numbers, x: Array, g: Array) -> list[Array]:
    h, c, steps = np.zeros_like(g), np.zeros_like(g), []
    for t in range(x.shape[1]):
        word = x[:, t, None]
        i, f, o = (sigmoid(_sum(p, gate, word, h)) for gate in ("i", "f", "o"))
        content, before = np.tanh(_sum(p, "g", word, h)), c
        c = f * c + i * content
        h = o * np.tanh(c)
        steps.append((i, f, o, content, before, np.tanh(c)))
    found, g_c = [], np.zeros_like(g)
    for i, f, o, content, before, shown in reversed(steps):
        g_c = g_c + g * o * (1 - shown**2)
        sums = {
            "i": g_c * content * i * (1 - i),
            "f": g_c * before * f * (1 - f),
            "g": g_c * i * (1 - content**2),
            "o": g * shown * o * (1 - o),
        }
        to_x, g = _back(p, sums)
        found.append(to_x)
        g_c = g_c * f
    return found[::-1]


_CELLS: dict[str, Callable[[Numbers, Array, Array], list[Array]]] = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}


def word_gradients(cell: str, p: Numbers, x: Array, g: Array) -> Array:
    """Return the gradients of the words, (R, T, d).

    Args:
        cell: "RNN", "LSTM" or "GRU".
        p: its numbers, as `start` makes them.
        x: (R, T, d) words.
        g: (R, 1, d) the gradient of the last state.
    """
    return np.concatenate(_CELLS[cell](p, x, g), axis=1)


@dataclass(frozen=True)
class Reach:
    """How the gradient of a word falls with its distance from the end, as medians over runs.

    Attributes:
        cell: which cell.
        label: cell and start, in words.
        share: (T,) norm of the gradient of the word k steps before the last one, in parts of the last word's.
        all: (R, T) the same for each run.
    """

    cell: str
    label: str
    share: Array
    all: Array

    @property
    def runs(self) -> Array:
        """(R,) the share of the first word in each run."""
        return np.asarray(self.all[:, -1])


def measure_reach(
    cell: str, *, d: int = 32, T: int = 100, bias: float = 0.0, scale: float = 1.0, seed: int = 1, label: str = ""
) -> Reach:
    """Measure how the gradient falls with distance in R networks that nobody has trained, on random words.

    Args:
        cell: "RNN", "LSTM" or "GRU".
        d: numbers of a word and of a state.
        T: words of a sentence.
        bias: as scale in `start`.
        scale: see bias.
        seed: of the random numbers.
        label: a name for the row of a table.
    """
    rng = np.random.default_rng(seed)
    p = start(cell, d, rng, bias=bias, scale=scale)
    x = rng.standard_normal((RUNS, T, d))
    norms = np.linalg.norm(word_gradients(cell, p, x, np.ones((RUNS, 1, d))), axis=-1)
    shares = norms[:, ::-1] / norms[:, -1:]
    return Reach(cell, label or cell, np.median(shares, axis=0), shares)


STARTS: dict[str, dict[str, Any]] = {
    "RNN, as PyTorch begins": {"cell": "RNN"},
    "LSTM, as PyTorch begins": {"cell": "LSTM"},
    "GRU, as PyTorch begins": {"cell": "GRU"},
    "RNN, U times 1.7": {"cell": "RNN", "scale": 1.7},
    "RNN, U times 3": {"cell": "RNN", "scale": 3.0},
    "LSTM, forget bias + 1": {"cell": "LSTM", "bias": 1.0},
    "LSTM, forget bias + 4": {"cell": "LSTM", "bias": 4.0},
    "GRU, update bias + 1": {"cell": "GRU", "bias": 1.0},
    "GRU, update bias + 4": {"cell": "GRU", "bias": 4.0},
}
"""What the lesson's table compares, by the name of a row: arguments of `measure_reach`."""


def measure_starts() -> dict[str, Reach]:
    """Measure every one of `STARTS`."""
    return {label: measure_reach(label=label, **how) for label, how in STARTS.items()}


def power(x: float) -> str:
    """Return a number in powers of ten, "2e-21", or as it is where it is not small."""
    return f"{x:.0e}".replace("e-0", "e-").replace("e+0", "e+") if x < 0.01 or x >= 100 else f"{x:.2f}"


def starts_table(found: dict[str, Reach], distances: tuple[int, ...] = (1, 10, 30, 99)) -> Markup:
    """Show how much is left of the gradient at some distances, for every start."""
    rows = [(label, *(power(reach.share[k]) for k in distances)) for label, reach in found.items()]
    head = ("cell and start", *(f"{k} steps back" if k > 1 else "1 step back" for k in distances))
    return rows_table(head, rows, "gradient of a word, in parts of the last word's; medians of 9 networks")
