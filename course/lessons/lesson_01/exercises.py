"""The exercises of lesson 01: rnn_step, bptt, gru_step, encode, repair_decode.

Batch first; a state is (B, d_h). In `real`, True = a word, as in the masks of later lessons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.words import show
from course.lessons.lesson_01 import mistakes as bank
from course.lessons.lesson_01 import reference

Array = NDArray[Any]
FEW = 4  # numbers of a matrix that a message prints; of a larger one it tells the shape


class Gates(dict[str, Array]):
    """The matrices or biases of several gates by name, with a `repr` for people."""

    def __repr__(self) -> str:
        if all(each.size <= FEW for each in self.values()):
            return f"{{{', '.join(f'{name}: {show(each)}' for name, each in self.items())}}}"
        shapes = {each.shape for each in self.values()}
        return f"a dict of {', '.join(self)}, each {shapes.pop()}"


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _column(*numbers: float) -> Array:
    """Return numbers as a batch of vectors of one number each: (B, 1)."""
    return np.array(numbers, dtype=float)[:, None]


# --- rnn_step ---------------------------------------------------------------------------------------------------


def _plain(x: float, h: float, W: float = 1.0, U: float = 0.8, b: float = 0.0) -> tuple[Array, ...]:
    """One sentence, one number in its word and one in its state."""
    return _column(x), _column(h), _column(W), _column(U), np.array([b])


def _step_of(B: int, d_in: int, d_h: int, seed: int) -> tuple[Array, ...]:
    shapes = ((B, d_in), (B, d_h), (d_in, d_h), (d_h, d_h), (d_h,))
    return tuple(_normal(*shape, seed=seed + i) / np.sqrt(2) for i, shape in enumerate(shapes))


def _sentences_meet(function: Function, make: Callable[[int, int, int, int], tuple[Any, ...]]) -> str | None:
    x, h, *rest = make(4, 3, 5, 41)
    together = np.asarray(function(x.copy(), h.copy(), *rest))
    alone = [np.asarray(function(x[i : i + 1].copy(), h[i : i + 1].copy(), *rest)) for i in range(4)]
    if np.allclose(together, np.concatenate(alone)):
        return None
    return "A sentence gets another state in a batch than alone. What do the sentences of a batch share?"


def _whole_words_cut(function: Function, make: Callable[[int, int, int, int], tuple[Any, ...]]) -> str | None:
    x, h, *rest = make(2, 3, 4, 42)
    x, h = np.rint(x), np.rint(h)
    try:
        whole = np.asarray(function(x.astype(int), h.astype(int), *rest))
    except Exception:  # it may refuse integers
        return None
    if np.allclose(whole, np.asarray(function(x, h, *rest))):
        return None
    return "With words and states of integers your numbers are cut off. Which array takes its type from an argument?"


def _too_large(function: Function) -> str | None:
    new = np.asarray(function(*(50 * each for each in _step_of(3, 4, 2, 43))))
    if np.all(np.abs(new) <= 1):
        return None
    return "With large numbers your state leaves the range from -1 to 1. What should tanh be taken of?"


RNN_STEP = Exercise(
    id="rnn_step",
    lesson=1,
    title="One step of a recurrent network",
    signature="(x, h, W, U, b) -> (B, d_h): the new states",
    reference=reference.rnn_step,
    cases=(
        Case(
            "the word France, nothing remembered",
            lambda: _plain(1.0, 0.0),
            "tanh(1) is 0.762. What do you take tanh of?",
            by_hand=True,
        ),
        Case(
            "another word, France remembered",
            lambda: _plain(0.0, 0.762),
            "The word brings nothing, and the state is 0.762. What becomes of it on its way through U?",
            by_hand=True,
        ),
        Case(
            "a bias alone",
            lambda: _plain(0.0, 0.0, b=-0.5),
            "Word and state are 0 here. What is left?",
            by_hand=True,
        ),
        Case(
            "all of it, and a sum of more than 1",
            lambda: _plain(2.0, -0.5, b=0.3),
            "The sum is 1.9. What is tanh of it, and is anything added behind?",
            by_hand=True,
        ),
        Case(
            "two sentences, words of 3 numbers, states of 2",
            lambda: _step_of(2, 3, 2, 11),
            "W is (3, 2) and U is (2, 2). Which of them stands on the right of what?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "five sentences, words of 2 numbers, states of 4",
            lambda: _step_of(5, 2, 4, 21),
            "Write the shapes under the formula. Which axis goes in each product?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "B, d_in and d_h all 3",
            lambda: _step_of(3, 3, 3, 31),
            "All sizes are equal, so that wrong axes raise no error. Which matrix is used the other way round?",
            tier=3,
        ),
    ),
    properties=(
        Property("sentences of a batch do not meet", lambda f: _sentences_meet(f, _step_of)),
        Property("a state stays between -1 and 1", _too_large),
        Property("integers are not cut off", lambda f: _whole_words_cut(f, _step_of)),
    ),
    mistakes=bank.RNN_STEP,
    hints=(
        "What does the new state depend on? Which of the two goes through W and which through U, and what is done "
        "with their sum?",
        "x (B, d_in) times W (d_in, d_h) is (B, d_h), and so is h times U. Add both and b, and take np.tanh of all.",
        "    return np.tanh(x @ ... + ... @ U + ...)",
    ),
    argument_names=("x", "h", "W", "U", "b"),
    argument_dims={"x": "B d_in", "h": "B d_h", "W": "d_in d_h", "U": "d_h d_h", "b": "d_h"},
    result_names=("h",),
    result_dims={"h": "B d_h"},
    difficulty=1,
    importance=5,
    minutes=5,
)


# --- bptt -------------------------------------------------------------------------------------------------------


def _five_words(x: tuple[float, ...], h0: float = 0.0, b: float = 0.0, g: float = 1.0) -> tuple[Array, ...]:
    """One sentence; one number in each word and in the state; W = 1 and U = 0.8."""
    return np.array(x)[None, :, None], _column(h0), _column(1.0), _column(0.8), np.array([b]), _column(g)


def _sentences(B: int, T: int, d_in: int, d_h: int, seed: int) -> tuple[Array, ...]:
    shapes = ((B, T, d_in), (B, d_h), (d_in, d_h), (d_h, d_h), (d_h,), (B, d_h))
    return tuple(_normal(*shape, seed=seed + i) / np.sqrt(2) for i, shape in enumerate(shapes))


def _not_the_slope(function: Function) -> str | None:
    """Compare every result with what moving one number by a little does to the last state."""
    x, h0, W, U, b, g = _sentences(2, 4, 2, 3, 91)

    def loss(h0: Array, W: Array, U: Array, b: Array) -> float:
        h = h0
        for t in range(x.shape[1]):
            h = reference.rnn_step(x[:, t], h, W, U, b)
        return float((g * h).sum())

    found = function(x, h0, W, U, b, g)
    for name, at, result in (("W", 1, found[0]), ("U", 2, found[1]), ("b", 3, found[2]), ("h0", 0, found[3])):
        for place in np.ndindex(np.shape(result)):
            up, down = [h0, W, U, b], [h0, W, U, b]
            up[at], down[at] = up[at].copy(), down[at].copy()
            up[at][place] += 1e-5
            down[at][place] -= 1e-5
            slope = (loss(*up) - loss(*down)) / 2e-5
            if abs(slope - float(np.asarray(result)[place])) > 1e-6:
                return (
                    f"Moving {name}{list(place)} by a little changes the loss {slope:.4g} times as much, and your "
                    f"gradient says {float(np.asarray(result)[place]):.4g}. At which of the words do they part?"
                )
    return None


def _whole_matrices_cut(function: Function) -> str | None:
    x, h0, W, U, b, g = _sentences(2, 3, 2, 3, 92)
    W, U, b = np.rint(W), np.rint(U), np.rint(b)
    try:
        whole = function(x, h0, W.astype(int), U.astype(int), b.astype(int), g)
    except Exception:  # it may refuse integers
        return None
    right = function(x, h0, W, U, b, g)
    if all(np.allclose(a, each) for a, each in zip(whole, right, strict=True)):
        return None
    return "With matrices of integers your gradients are cut off. Which array takes its type from an argument?"


BPTT = Exercise(
    id="bptt",
    lesson=1,
    title="Back through time",
    signature="(x, h0, W, U, b, g) -> (dW, dU, db, dh0)",
    reference=reference.bptt,
    shown=(reference.rnn_step, reference.bptt),
    cases=(
        Case(
            "one word",
            lambda: _five_words((1.0,), h0=0.5, b=0.1),
            "With one word there is one tanh and one U on the way back. Which number does each result take from them?",
            by_hand=True,
        ),
        Case(
            "one word, two sentences, words of 3 numbers, states of 2",
            lambda: _sentences(2, 1, 3, 2, 51),
            "dW is (d_in, d_h) and dU (d_h, d_h). Which two arrays, with which axis B gone, make them?",
            about_axes=True,
        ),
        Case(
            "two words",
            lambda: _five_words((1.0, 0.5), h0=0.5, b=0.1),
            "What the second step hands to the first is one number. Which is it?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "the five words of the text",
            lambda: _five_words((1.0, 0.0, 0.0, 0.0, 0.0)),
            "Compare with the table of the text, row by row. Which is the first that differs?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "seven words, none of them 0",
            lambda: _five_words((1.0, -0.5, 0.3, 2.0, -1.0, 0.4, 0.1), h0=-0.6, b=0.2, g=-2.0),
            "All of the words change the last state. Do all of them get their part?",
            tier=2,
        ),
        Case(
            "three sentences of four words of 4 numbers, states of 2",
            lambda: _sentences(3, 4, 4, 2, 61),
            "Compare with one sentence alone, then with one word alone. Which result is the first to differ?",
            tier=3,
            about_axes=True,
        ),
        Case(
            "five words of 2 numbers, states of 3",
            lambda: _sentences(2, 5, 2, 3, 71),
            "How does the gradient get from number j of the sum back to number i of the state before?",
            tier=3,
            about_axes=True,
        ),
        Case(
            "B, T, d_in and d_h all 3",
            lambda: _sentences(3, 3, 3, 3, 81),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
            tier=4,
        ),
    ),
    properties=(
        Property("the gradient is what finite differences measure", _not_the_slope),
        Property("integers are not cut off", _whole_matrices_cut),
    ),
    mistakes=bank.BPTT,
    hints=(
        "Write the five steps of the way forward below each other, and the way back beside them from the bottom. Which "
        "states do you need again on the way back, and so have to keep?",
        "At step t: d = g times the slope of tanh, which is 1 - (the new state)². Then dW, dU and db each get their "
        "part of d, with what W, U and b were multiplied with, and g for the state before is d through U turned round.",
        "    for t in reversed(range(T)):\n        d = g * (1 - states[t + 1] ** 2)\n        dW += x[:, t].T @ ...\n"
        "        dU += ...\n        db += ...\n        g = d @ ...",
    ),
    argument_names=("x", "h0", "W", "U", "b", "g"),
    argument_dims={
        "x": "B T d_in",
        "h0": "B d_h",
        "W": "d_in d_h",
        "U": "d_h d_h",
        "b": "d_h",
        "g": "B d_h",
    },  # fmt: skip
    result_names=("dW", "dU", "db", "dh0"),
    result_dims={"dW": "d_in d_h", "dU": "d_h d_h", "db": "d_h", "dh0": "B d_h"},
    difficulty=4,
    importance=4,
    minutes=35,
)


# --- gru_step ---------------------------------------------------------------------------------------------------

_THREE = ("z", "r", "n")


def _gated(x: float, h: float, **changes: tuple[float, float, float]) -> tuple[Any, ...]:
    """One sentence and numbers alone; changes: by the name of a gate its W, U and b. All others are 0."""
    three = [changes.get(name, (0.0, 0.0, 0.0)) for name in _THREE]
    W, U, b = (
        Gates(
            {
                name: np.array([numbers[i]]) if i == 2 else _column(numbers[i])
                for name, numbers in zip(_THREE, three, strict=True)
            }
        )
        for i in range(3)
    )
    return _column(x), _column(h), W, U, b


def _gru_of(B: int, d_in: int, d_h: int, seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    x, h = rng.standard_normal((B, d_in)), rng.standard_normal((B, d_h))
    W, U, b = (
        Gates({name: rng.standard_normal(shape) for name in _THREE}) for shape in ((d_in, d_h), (d_h, d_h), (d_h,))
    )
    return x, h, W, U, b


def _matrices_changed(function: Function) -> str | None:
    x, h, W, U, b = _gru_of(2, 3, 4, 44)
    before = {id(each): each.copy() for part in (W, U, b) for each in part.values()}
    first = np.array(function(x, h, W, U, b))
    if any(not np.array_equal(each, before[id(each)]) for part in (W, U, b) for each in part.values()):
        return "A matrix or a bias is another one after the call. Which of your lines writes into it?"
    if not np.array_equal(first, function(x, h, W, U, b)):
        return "The same arguments give another answer the second time. What in your function remembers something?"
    return None


GRU_STEP = Exercise(
    id="gru_step",
    lesson=1,
    title="One step of a gated recurrent unit",
    signature="(x, h, W, U, b) -> (B, d_h); W, U, b: dicts of z, r, n",
    reference=reference.gru_step,
    shown=(reference.sigmoid, reference.gru_step),
    cases=(
        Case(
            "all matrices and biases 0",
            lambda: _gated(1.0, 0.8),
            "Both gates are half open here, and the new content is 0. How much of 0.8 is left?",
            by_hand=True,
        ),
        Case(
            "the update gate at 3/4",
            lambda: _gated(1.0, 0.8, z=(0.0, 0.0, np.log(3)), n=(1.0, 0.0, 0.0)),
            "z is 0.75, and the new content is tanh(1) = 0.762. Three quarters of which of the two?",
            by_hand=True,
        ),
        Case(
            "the reset gate at 3/4",
            lambda: _gated(1.0, 0.8, r=(0.0, 0.0, np.log(3)), n=(1.0, 0.5, 0.3)),
            "r is 0.75. What does the new content see of a state of 0.8?",
            by_hand=True,
        ),
        Case(
            "gates that look at the word",
            lambda: _gated(1.0, -0.8, z=(1.0, 0.0, 0.0), r=(-1.0, 0.0, 0.0), n=(0.5, 1.0, 0.0)),
            "Here z is 0.731 and r is 0.269. Whose W makes them?",
            by_hand=True,
        ),
        Case(
            "gates that look at the state",
            lambda: _gated(1.0, -0.8, z=(0.0, 1.0, 0.0), r=(0.0, -1.0, 0.0), n=(0.5, 1.0, 0.0)),
            "Here z is 0.310 and r is 0.690. Whose U makes them?",
            by_hand=True,
        ),
        Case(
            "two sentences, words of 3 numbers, states of 2",
            lambda: _gru_of(2, 3, 2, 12),
            "Compute z, r and n of the first sentence one after the other. Which is the first to differ?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "four sentences, words of 2 numbers, states of 5",
            lambda: _gru_of(4, 2, 5, 22),
            "Write the shapes under the formulas. Which axis goes in each product?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "B, d_in and d_h all 3",
            lambda: _gru_of(3, 3, 3, 32),
            "All sizes are equal, so that wrong axes raise no error. Which matrix is used the other way round?",
            tier=3,
        ),
    ),
    properties=(
        Property("the matrices stay as they were", _matrices_changed),
        Property("sentences of a batch do not meet", lambda f: _sentences_meet(f, _gru_of)),
        Property("integers are not cut off", lambda f: _whole_words_cut(f, _gru_of)),
    ),
    mistakes=bank.GRU_STEP,
    hints=(
        "Four lines, in the order of the text. What does each gate look at, and between which two numbers does it lie? "
        "Which of the four lines uses r, and which z?",
        "Each gate is sigmoid(x @ W[name] + h @ U[name] + b[name]). The new content is the same with tanh, its own "
        "matrices, and r * h in place of h. Then mix the old state and the new content by z.",
        '    z = sigmoid(x @ W["z"] + h @ U["z"] + b["z"])\n    r = ...\n'
        '    n = np.tanh(x @ W["n"] + (...) @ U["n"] + b["n"])\n    return z * ... + (1 - z) * ...',
    ),
    argument_names=("x", "h", "W", "U", "b"),
    argument_dims={"x": "B d_in", "h": "B d_h"},
    result_names=("h",),
    result_dims={"h": "B d_h"},
    difficulty=2,
    importance=4,
    minutes=12,
)


# --- encode -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A step of a cell, (words, states) -> states, with a name that messages show."""

    name: str
    function: Callable[[Array, Array], Array]

    def __call__(self, x: Array, h: Array) -> Array:
        """Return the next states."""
        return self.function(x, h)

    def __repr__(self) -> str:
        return self.name


DOUBLING = Named("a cell that doubles its state and adds the word", lambda x, h: 2.0 * h + x)


def _network(d_in: int, d_h: int, seed: int) -> Named:
    W, U, b = _normal(d_in, d_h, seed=seed), _normal(d_h, d_h, seed=seed + 1), _normal(d_h, seed=seed + 2)
    return Named("a recurrent network", lambda x, h: reference.rnn_step(x, h, W, U, b))


def _doubled(words: list[list[float]], real: list[list[int]], h0: list[float]) -> tuple[Any, ...]:
    return DOUBLING, np.array(words)[..., None], np.array(real, dtype=bool), _column(*h0)


def _read(B: int, d_in: int, d_h: int, real: list[list[int]], seed: int) -> tuple[Any, ...]:
    mask = np.array(real, dtype=bool)
    return (
        _network(d_in, d_h, seed),
        _normal(B, mask.shape[1], d_in, seed=seed + 3),
        mask,
        _normal(B, d_h, seed=seed + 4) / 2,
    )


def _company_matters(function: Function) -> str | None:
    step, x, real, h0 = _read(3, 3, 4, [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], 95)
    _, together = function(step, x, real, h0)
    for i, n in enumerate(real.sum(axis=1)):
        own = slice(i, i + 1)
        _, alone = function(step, x[own, :n].copy(), real[own, :n].copy(), h0[own].copy())
        if not np.allclose(np.asarray(together)[i], np.asarray(alone)[0]):
            return (
                f"A sentence of {n} words has another last state in a batch of longer ones than alone. What do the "
                "pads behind it do?"
            )
    return None


def _garbage_matters(function: Function) -> str | None:
    step, x, real, h0 = _read(2, 3, 4, [[0, 1, 1, 0], [1, 1, 0, 0]], 96)
    before = function(step, x.copy(), real, h0)
    x[~real] = 1e6
    after = function(step, x, real, h0)
    if all(np.allclose(a, b) for a, b in zip(before, after, strict=True)):
        return None
    return "Other numbers in the pads change your result. Where does a pad get in?"


ENCODE = Exercise(
    id="encode",
    lesson=1,
    title="Read a padded batch",
    signature="(step, x, real, h0) -> (states, last); states (B, T, d_h), last (B, d_h)",
    reference=reference.encode,
    cases=(
        Case(
            "one sentence of three words",
            lambda: _doubled([[1, 2, 3]], [[1, 1, 1]], [0]),
            "After the words 1, 2 and 3 the state is 1, then 2 · 1 + 2 = 4, then 2 · 4 + 3 = 11. What is yours?",
            by_hand=True,
        ),
        Case(
            "two sentences, and states that begin at 1 and 2",
            lambda: _doubled([[1, 2, 3], [0, 1, 0]], [[1, 1, 1], [1, 1, 1]], [1, 2]),
            "The first states are 2 · 1 + 1 and 2 · 2 + 0. What do yours begin with?",
            by_hand=True,
        ),
        Case(
            "two sentences, one of them shorter",
            lambda: _doubled([[1, 2, 3, 4], [5, 9, 9, 9]], [[1, 1, 1, 1], [1, 0, 0, 0]], [0, 1]),
            "The second sentence is one word, 5, and its pads are 9. What is its state after the word, and at the end?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "three sentences, the first of them the shortest",
            lambda: _doubled(
                [[1, 9, 9, 9, 9], [1, 2, 9, 9, 9], [1, 0, 0, 2, 1]],
                [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]],
                [0, 1, -1],
            ),
            "Each sentence has a length of its own. Where does each of yours stop?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "pads on the left",
            lambda: _doubled([[9, 9, 1, 2], [3, 1, 2, 4]], [[0, 0, 1, 1], [1, 1, 1, 1]], [1, 0]),
            "The first sentence begins at position 2. What is its state before it has begun?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "a network, three sentences, words of 4 numbers, states of 2",
            lambda: _read(3, 4, 2, [[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]], 13),
            "Words and states have different widths. Which of your arrays has which?",
            tier=3,
            about_axes=True,
        ),
        Case(
            "a sentence of nothing but pads",
            lambda: _read(2, 3, 3, [[0, 0, 0, 0], [1, 1, 1, 0]], 23),
            "One sentence has no word. What is its last state?",
            tier=4,
        ),
        Case(
            "B, T, d_in and d_h all 3",
            lambda: _read(3, 3, 3, [[1, 1, 0], [1, 0, 0], [1, 1, 1]], 33),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
            tier=4,
        ),
    ),
    properties=(
        Property("a sentence is read alike alone and in a batch", _company_matters),
        Property("what stands in the pads does not matter", _garbage_matters),
    ),
    mistakes=bank.ENCODE,
    hints=(
        "Go through the positions, not through the sentences. At one position, some sentences of the batch have a word "
        "and some a pad. What becomes of the state of each?",
        "Let the step run for all, and then choose by sentence: np.where(condition, new, old). The condition is a "
        "column of real, and needs a second axis to line up with (B, d_h). Collect the states in a list, and stack it.",
        "    h, states = h0, []\n    for t in range(x.shape[1]):\n        h = np.where(real[:, t, None], ..., ...)\n"
        "        states.append(h)\n    return np.stack(states, axis=...), ...",
    ),
    argument_names=("step", "x", "real", "h0"),
    argument_dims={"x": "B T d_in", "real": "B T", "h0": "B d_h"},
    result_names=("states", "last"),
    result_dims={"states": "B T d_h", "last": "B d_h"},
    difficulty=3,
    importance=5,
    minutes=15,
)


# --- repair_decode ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recital:
    """A decoder that recites what its state holds, as long as it is fed what it wrote: a step for `decode`.

    Its state is (B, 1 + L): a position, and the tokens to recite. Where it is fed another token than the one before, or
    than `bos` at the start, what it writes is off by as much.

    Attributes:
        bos: the id that it wants to begin with.
        V: how many tokens there are.
    """

    bos: int
    V: int = 12

    def __call__(self, tokens: Array, h: Array) -> tuple[Array, Array]:
        """Return scores (B, V) and the next states."""
        scores = -0.1 * ((np.arange(self.V) * 5 + np.arange(len(h))[:, None]) % self.V)
        for i, (token, row) in enumerate(zip(np.asarray(tokens), h, strict=True)):
            script = [self.bos, *(int(each) for each in row[1:])]
            at = min(int(row[0]), len(script) - 2)
            scores[i, (script[at + 1] + int(token) - script[at]) % self.V] = 1.0 + 0.1 * i
        after = np.array(h, dtype=float)
        after[:, 0] += 1
        return scores, after

    def __repr__(self) -> str:
        return "a decoder that recites its state"


def _recited(*rows: list[int], bos: int = 1, eos: int = 2, pad: int = 0, max_len: int = 8) -> tuple[Any, ...]:
    wide = max(map(len, rows))
    h = np.array([[0, *row, *([4] * (wide - len(row)))] for row in rows], dtype=float)
    return Recital(bos), h, bos, eos, pad, max_len


def _steps_wasted(function: Function) -> str | None:
    step, h, bos, eos, pad, _ = _recited([5, 2], [6, 7, 2])
    called = []

    def counting(tokens: Array, h: Array) -> tuple[Array, Array]:
        called.append(len(tokens))
        return step(tokens, h)

    function(counting, h, bos, eos, pad, 50)
    if len(called) <= 3 * len(h):  # one sentence after the other is fine as well
        return None
    return (
        f"All sentences have ended after 3 steps, and yours goes on for {len(called)}. How does it know that all "
        "have ended?"
    )


REPAIR_DECODE = Exercise(
    id="repair_decode",
    lesson=1,
    title="Find the bug",
    signature="(step, h, bos, eos, pad, max_len) -> ids (B, L)",
    reference=reference.decode,
    cases=(
        Case(
            "one sentence of two words",
            lambda: _recited([5, 6, 2, 7, 8]),
            "The decoder recites 5, 6 and the end, 2. Which token is it fed first, and what then?",
            by_hand=True,
        ),
        Case(
            "two sentences of equal length",
            lambda: _recited([5, 6, 2, 7, 8], [8, 5, 2, 6, 6]),
            "Both sentences end at the same step. What does each write?",
            by_hand=True,
        ),
        Case(
            "a short sentence and a long one",
            lambda: _recited([5, 2, 6, 7, 8, 9, 2, 5, 5], [6, 7, 8, 9, 2, 5, 6, 7, 8]),
            "The first sentence ends after one word, the second after four. What stands behind the end of the first?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a long sentence and two short ones",
            lambda: _recited([6, 7, 8, 9, 2, 5, 6, 7], [5, 2, 6, 2, 8, 9, 5, 2], [9, 9, 2, 8, 7, 2, 6, 5]),
            "When is the whole batch done?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "other ids: start 7, end 5, padding 10",
            lambda: _recited([4, 2, 5, 1, 0, 6], [1, 0, 9, 2, 5, 6], bos=7, eos=5, pad=10),
            "Start, end and padding have other ids here. Which of your lines knows them?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "a sentence that does not end in time",
            lambda: _recited([6, 7, 8, 9, 6, 7, 8, 9, 2], [5, 2, 6, 6, 6, 6, 6, 6, 6], max_len=4),
            "One sentence has not ended after four tokens, which is all it may have. What comes back?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "an empty sentence in company",
            lambda: _recited([2, 6, 7, 8, 9, 4], [6, 7, 8, 9, 6, 2], [8, 2, 2, 2, 9, 9], max_len=12),
            "One sentence ends at once. What is its row?",
            tier=4,
        ),
    ),
    properties=(Property("the loop ends when all have ended", _steps_wasted),),
    mistakes=bank.REPAIR_DECODE,
    hints=(
        "Every sentence alone is right, and so are sentences of one length. What do two sentences have that one has "
        "not, and which array of hers knows about it?",
        "Write done down after each step, for a sentence that ends at the first step and one that ends at the fourth. "
        "What is done[0] after the second step, and what should it be?",
        "        done = ... (tokens == eos)      # who had ended before, or ends now",
    ),
    handed_out=reference.colleagues_decode,
    argument_names=("step", "h", "bos", "eos", "pad", "max_len"),
    argument_dims={"h": "B d_h"},
    result_names=("ids",),
    result_dims={"ids": "B L"},
    difficulty=2,
    importance=4,
    minutes=10,
)

EXERCISES = (RNN_STEP, BPTT, GRU_STEP, ENCODE, REPAIR_DECODE)
