"""Known wrong versions of `gru_step`, and the question that leads out of each.

Most of them are the right one with a step replaced: `_gru` takes the gates, the new content and the mixture.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_01.reference import gru_step, sigmoid

Array = NDArray[Any]
Gates = Mapping[str, Array]
Gate = Callable[[Array, Array, Gates, Gates, Gates, str], Array]


def _linear(x: Array, h: Array, W: Gates, U: Gates, b: Gates, name: str) -> Array:
    return np.asarray(x @ W[name] + h @ U[name] + b[name])


def _gate(x: Array, h: Array, W: Gates, U: Gates, b: Gates, name: str) -> Array:
    return sigmoid(_linear(x, h, W, U, b, name))


def _content(x: Array, h: Array, r: Array, W: Gates, U: Gates, b: Gates) -> Array:
    return np.asarray(np.tanh(x @ W["n"] + (r * h) @ U["n"] + b["n"]))


def _mixture(z: Array, h: Array, n: Array, r: Array) -> Array:
    return z * h + (1 - z) * n


def _gru(
    content: Callable[[Array, Array, Array, Gates, Gates, Gates], Array] = _content,
    mix: Callable[[Array, Array, Array, Array], Any] = _mixture,
    gate: Gate = _gate,
    names: str = "zr",
) -> Function:
    """Return `gru_step` with a step of another kind.

    Args:
        content: x, h, r, W, U, b -> n.
        mix: z, h, n, r -> the new state.
        gate: x, h, W, U, b, name -> z or r.
        names: whose matrices z and r use.
    """

    def step(x: Array, h: Array, W: Gates, U: Gates, b: Gates) -> Any:  # noqa: ANN401
        z, r = (gate(x, h, W, U, b, name) for name in names)
        return mix(z, h, content(x, h, r, W, U, b), r)

    return step


def _after(change: Function) -> Function:
    return lambda x, h, W, U, b: change(gru_step(x, h, W, U, b))


def _without_bias(*without: str) -> Function:
    """Return a version that leaves out the bias of some of z, r, n."""

    def step(x: Array, h: Array, W: Gates, U: Gates, b: Gates) -> Array:
        return gru_step(x, h, W, U, {name: each * (name not in without) for name, each in b.items()})

    return step


def _into_h(x: Array, h: Array, W: Gates, U: Gates, b: Gates) -> Array:
    h *= _gate(x, h, W, U, b, "z")
    return h


def _updated_in_place(x: Array, h: Array, W: Gates, U: Gates, b: Gates) -> Array:
    h[:] = gru_step(x, h, W, U, b)
    return h


def _turned(names: str) -> Function:
    return lambda x, h, W, U, b: gru_step(x, h, W, {n: u.T if n in names else u for n, u in U.items()}, b)


def _kept(where: slice) -> Function:
    def filled(x: Array, h: Array, W: Gates, U: Gates, b: Gates) -> Array:
        new = np.zeros(h.shape)
        new[where] = gru_step(x, h, W, U, b)[where]
        return new

    return filled


GRU_STEP = (
    Mistake(
        "gru_other_way_round",
        "z and 1 - z exchanged",
        "Your z says how much is new. In this lesson's formula, and in Cho's paper, which of the two states is "
        "multiplied by z?",
        (_gru(mix=lambda z, h, n, r: (1 - z) * h + z * n),),
    ),
    Mistake(
        "gru_reset_after_the_product",
        "the reset gate behind the matrix product, as in PyTorch",
        "You multiply by r behind the product with U, as PyTorch's GRU does. In the paper's formula, is it h that r "
        "is multiplied with, or what U has made of it?",
        (
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + r * (h @ U["n"]) + b["n"])),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + r * (h @ U["n"] + b["n"]))),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + b["n"] + r * (h @ U["n"] + b["n"]))),
        ),
    ),
    Mistake(
        "gru_no_reset",
        "the reset gate is not used",
        "The matrices of r make no difference in your function. Where does r come in?",
        (
            _gru(lambda x, h, r, W, U, b: _content(x, h, np.ones_like(r), W, U, b)),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + b["n"])),
        ),
    ),
    Mistake(
        "gru_reset_of_everything",
        "the reset gate on the word too",
        "Your r shuts out the word as well. Of the word and the old state, which one is to be forgotten?",
        (
            _gru(lambda x, h, r, W, U, b: np.tanh(r * (x @ W["n"] + h @ U["n"] + b["n"]))),
            _gru(lambda x, h, r, W, U, b: np.tanh(r * (x @ W["n"] + h @ U["n"]) + b["n"])),
            _gru(lambda x, h, r, W, U, b: r * np.tanh(x @ W["n"] + h @ U["n"] + b["n"])),
        ),
    ),
    Mistake(
        "gru_reset_of_the_word",
        "the reset gate on the word instead of the state",
        "Your r is multiplied with the word's part. Of the word and the old state, which one is to be forgotten?",
        (_gru(lambda x, h, r, W, U, b: np.tanh(r * (x @ W["n"]) + h @ U["n"] + b["n"])),),
    ),
    Mistake(
        "gru_reset_as_matrices",
        "r and h multiplied as matrices",
        "You multiply r and h as matrices. What does ⊙ do in the formula, and which sign of Python does that?",
        (_gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + (r @ h) @ U["n"] + b["n"])),),
    ),
    Mistake(
        "gru_mixture_as_matrices",
        "the mixture made with matrix products",
        "You multiply z with a state as matrices. What does ⊙ do in the formula, and which sign of Python does that?",
        (
            _gru(mix=lambda z, h, n, r: z @ h + (1 - z) @ n),
            _gru(mix=lambda z, h, n, r: z @ h + (1 - z) * n),
            _gru(mix=lambda z, h, n, r: z * h + (1 - z) @ n),
        ),
    ),
    Mistake(
        "gru_reset_inverted",
        "1 - r instead of r",
        "Where r is 1 the old state should be seen as it is. What does your new content see there?",
        (_gru(lambda x, h, r, W, U, b: _content(x, h, 1 - r, W, U, b)),),
    ),
    Mistake(
        "gru_reset_of_what_is_kept",
        "the reset state is kept",
        "You mix with r * h in place of h. The new content sees the reset state: which state is it that stays?",
        (
            _gru(mix=lambda z, h, n, r: z * (r * h) + (1 - z) * n),
            _gru(
                lambda x, h, r, W, U, b: _content(x, h, np.ones_like(r), W, U, b),
                lambda z, h, n, r: z * r * h + (1 - z) * n,
            ),
        ),
    ),
    Mistake(
        "gru_gates_exchanged",
        "z and r exchanged",
        "Your two gates have each other's matrices. Which of them is multiplied with h before the product?",
        (_gru(names="rz"),),
    ),
    Mistake(
        "gru_one_gate_for_both",
        "one gate for both jobs",
        "Your r and z are the same numbers. Whose matrices does each of the two lines use?",
        (_gru(names="zz"), _gru(names="rr"), _gru(names="zn"), _gru(names="nr"), _gru(names="nn")),
    ),
    Mistake(
        "gru_content_with_a_gates_matrices",
        "the new content with a gate's matrices",
        "Your new content uses the matrices of a gate. Under which name do its own stand?",
        (
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["z"] + (r * h) @ U["z"] + b["z"])),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["r"] + (r * h) @ U["r"] + b["r"])),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + (r * h) @ U["r"] + b["n"])),
            _gru(lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + (r * h) @ U["z"] + b["n"])),
        ),
    ),
    Mistake(
        "gru_tanh_gates",
        "gates that are no sigmoids",
        "Your gates can be negative, or larger than 1. Between which two numbers is a share, and which function stays "
        "between them?",
        (
            _gru(gate=lambda *given: np.tanh(_linear(*given))),
            _gru(gate=_linear),
            _gru(gate=lambda *given: np.maximum(_linear(*given), 0)),
        ),
    ),
    Mistake(
        "gru_sigmoid_turned_round",
        "the sign in the sigmoid",
        "Your gates are open where they should be shut. Which sign has x in the exponent of the sigmoid?",
        (_gru(gate=lambda *given: sigmoid(-_linear(*given))),),
    ),
    Mistake(
        "gru_hard_gates",
        "gates of 0 and 1",
        "Your gates are open or shut and nothing between. Does the formula round them?",
        (
            _gru(gate=lambda *given: np.round(_gate(*given))),
            _gru(gate=lambda *given: (_linear(*given) > 0).astype(float)),
        ),
    ),
    Mistake(
        "gru_content_sigmoid",
        "the new content through sigmoid",
        "Your new content is never negative. Which function does it go through in the formula?",
        (_gru(lambda x, h, r, W, U, b: sigmoid(x @ W["n"] + (r * h) @ U["n"] + b["n"])),),
    ),
    Mistake(
        "gru_content_plain",
        "the new content without tanh",
        "Your new content can be of any size. Which function keeps it between -1 and 1?",
        (
            _gru(lambda x, h, r, W, U, b: x @ W["n"] + (r * h) @ U["n"] + b["n"]),
            _gru(
                lambda x, h, r, W, U, b: x @ W["n"] + (r * h) @ U["n"] + b["n"],
                lambda z, h, n, r: np.tanh(z * h + (1 - z) * n),
            ),
        ),
    ),
    Mistake(
        "gru_tanh_of_the_mixture",
        "tanh of the mixture as well",
        "Your state shrinks at every word even where z is 1. What is done to the mixture in the formula?",
        (_gru(mix=lambda z, h, n, r: np.tanh(_mixture(z, h, n, r))),),
    ),
    Mistake(
        "gru_all_new",
        "the old state is never kept",
        "Your new state is the new content alone. What is z for?",
        (_gru(mix=lambda z, h, n, r: n), _gru(mix=lambda z, h, n, r: (1 - z) * n), _gru(mix=lambda z, h, n, r: z * n)),
    ),
    Mistake(
        "gru_all_old",
        "nothing new comes in",
        "Your new state is a part of the old one. Where does the new content come in?",
        (_gru(mix=lambda z, h, n, r: z * h), _gru(mix=lambda z, h, n, r: (1 - z) * h), _gru(mix=lambda z, h, n, r: h)),
    ),
    Mistake(
        "gru_shares_of_more_than_one",
        "shares that do not add up to 1",
        "What you keep and what you take in are not two shares of one whole. If z of the old state stays, how much "
        "room is left?",
        (
            _gru(mix=lambda z, h, n, r: z * h + n),
            _gru(mix=lambda z, h, n, r: h + (1 - z) * n),
            _gru(mix=lambda z, h, n, r: z * h + z * n),
            _gru(mix=lambda z, h, n, r: h + n),
            _gru(mix=lambda z, h, n, r: h + z * n),
            _gru(mix=lambda z, h, n, r: z * h + r * n),
            _gru(mix=lambda z, h, n, r: z * h + (1 - r) * n),
        ),
    ),
    Mistake(
        "gru_parentheses",
        "parentheses missing in 1 - z",
        "Python multiplies before it subtracts. What does 1 - z * n compute?",
        (
            _gru(mix=lambda z, h, n, r: z * h + 1 - z * n),
            _gru(mix=lambda z, h, n, r: 1 - z * h + z * n),
            _gru(
                lambda x, h, r, W, U, b: np.tanh(x @ W["n"] + r * h @ U["n"] + b["n"] - 0),
                lambda z, h, n, r: 1 - z * n + z * h,
            ),
        ),
    ),
    Mistake(
        "gru_gates_without_state",
        "gates that see the word alone",
        "Your gates do not depend on the state. Which product is missing in their lines?",
        (
            _gru(gate=lambda x, h, W, U, b, name: sigmoid(x @ W[name] + b[name])),
            _gru(gate=lambda x, h, W, U, b, name: sigmoid(x @ W[name])),
        ),
    ),
    Mistake(
        "gru_gates_without_word",
        "gates that see the state alone",
        "Your gates do not depend on the word. Which product is missing in their lines?",
        (_gru(gate=lambda x, h, W, U, b, name: sigmoid(h @ U[name] + b[name])),),
    ),
    Mistake(
        "gru_no_bias",
        "a bias forgotten",
        "With biases of 0 you are right. Which of the three is missing?",
        (
            _without_bias("z", "r", "n"),
            _without_bias("z", "r"),
            _without_bias("z"),
            _without_bias("r"),
            _without_bias("n"),
        ),
    ),
    Mistake(
        "gru_U_turned",
        "U transposed",
        "Your state goes through a U with rows and columns exchanged. Which axis of U meets the numbers of h in h @ U?",
        (_turned("zrn"), _turned("n"), _turned("zr")),
    ),
    Mistake(
        "gru_matrices_exchanged",
        "W and U exchanged",
        "The word goes through U and the state through W. Which of the two has d_in rows?",
        (lambda x, h, W, U, b: gru_step(x, h, U, W, b),),
    ),
    Mistake(
        "gru_one_for_all",
        "one state for all sentences",
        "All sentences of the batch get the same state, or the same gates. Which of your steps sums or picks along "
        "the axis B?",
        (
            _after(lambda new: np.broadcast_to(new[:1], new.shape).copy()),
            _after(lambda new: np.broadcast_to(new.mean(axis=0), new.shape).copy()),
            _gru(gate=lambda *given: _gate(*given).mean(axis=0, keepdims=True)),
            _gru(gate=lambda *given: _gate(*given)[:1]),
        ),
    ),
    Mistake(
        "gru_one_gate_for_all_numbers",
        "one gate for the whole state",
        "Your gates are the same for all numbers of a state. How many gates does a state of d_h numbers have?",
        (
            _gru(gate=lambda *given: _gate(*given).mean(axis=1, keepdims=True)),
            _gru(gate=lambda *given: _gate(*given)[:, :1]),
        ),
    ),
    Mistake(
        "gru_returns_more",
        "returns more than the state",
        "You return several things. Which of them does the next step need?",
        (
            _after(lambda new: (new, new)),
            _gru(mix=lambda z, h, n, r: (_mixture(z, h, n, r), z)),
            _gru(mix=lambda z, h, n, r: (_mixture(z, h, n, r), z, r)),
        ),
    ),
    Mistake(
        "gru_axes_exchanged",
        "(d_h, B) instead of (B, d_h)",
        "Your axes come out exchanged: numbers of the state first, sentences second. Which of the two stands first in "
        "this course?",
        (_after(lambda new: new.T),),
    ),
    Mistake(
        "gru_loop_ends_early",
        "the last sentence is left out",
        "The last sentence of the batch still has zeros. What is the last number that range() gives you?",
        (_kept(slice(None, -1)),),
    ),
    Mistake(
        "gru_return_in_the_loop",
        "only the first sentence is filled in",
        "Only the first sentence is filled in. How far in does the line with return stand?",
        (_kept(slice(1)),),
    ),
    Mistake(
        "gru_writes_into_h",
        "writes into h",
        "Your function changes the h of its caller, who may still need it. Which of your lines writes into an array "
        "that was handed in?",
        (_updated_in_place, _into_h),
    ),
    Mistake(
        "gru_whole_numbers",
        "cut off behind the point",
        "Your numbers are whole ones. Of which dtype is the array that you write into?",
        (_after(lambda new: new.astype(int)),),
    ),
)
