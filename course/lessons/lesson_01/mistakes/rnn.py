"""Known wrong versions of `rnn_step`, and the question that leads out of each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_01.reference import rnn_step, sigmoid

Array = NDArray[Any]


def _sum(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    """What tanh is taken of."""
    return np.asarray(x @ W + h @ U + b)


def _after(change: Function) -> Function:
    """Return a version that changes the new state."""
    return lambda x, h, W, U, b: change(rnn_step(x, h, W, U, b))


def _of_sum(squash: Function) -> Function:
    """Return a version with something else than tanh."""
    return lambda x, h, W, U, b: squash(_sum(x, h, W, U, b))


def _into_h(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    h[:] = rnn_step(x, h, W, U, b)
    return h


def _joined(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    return np.asarray(np.tanh(np.concatenate([h, x], axis=1) @ np.concatenate([W, U]) + b))


def _kept(where: slice) -> Function:
    """Return a version that fills in only some of the sentences."""

    def filled(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
        new = np.zeros(h.shape)
        new[where] = rnn_step(x, h, W, U, b)[where]
        return new

    return filled


RNN_STEP = (
    Mistake(
        "rnn_no_tanh",
        "tanh forgotten",
        "Your new state is the sum itself. What keeps it from growing without end, word after word?",
        (_sum,),
    ),
    Mistake(
        "rnn_sigmoid",
        "sigmoid instead of tanh",
        "Your new state lies between 0 and 1 only. Which function of the text goes from -1 to 1?",
        (_of_sum(sigmoid),),
    ),
    Mistake(
        "rnn_relu",
        "another function than tanh",
        "Negative sums come out as 0, or large ones larger than 1. Which function stands in the formula?",
        (_of_sum(lambda s: np.maximum(s, 0)), _of_sum(lambda s: np.clip(s, -1, 1)), _of_sum(np.arctan)),
    ),
    Mistake(
        "rnn_tanh_of_input_only",
        "the state added behind tanh",
        "You take tanh of the word's part and add the state's part behind it. What stands inside the parentheses of "
        "tanh in the formula?",
        (
            lambda x, h, W, U, b: np.tanh(x @ W + b) + h @ U,
            lambda x, h, W, U, b: np.tanh(x @ W) + h @ U + b,
            lambda x, h, W, U, b: np.tanh(x @ W + h) @ U + b,
        ),
    ),
    Mistake(
        "rnn_tanh_of_state_only",
        "the word added behind tanh",
        "You take tanh of the state's part and add the word's part outside. What stands inside the parentheses of "
        "tanh in the formula?",
        (
            lambda x, h, W, U, b: x @ W + np.tanh(h @ U + b),
            lambda x, h, W, U, b: x @ W + np.tanh(h @ U) + b,
        ),
    ),
    Mistake(
        "rnn_tanh_of_each",
        "tanh of each part",
        "You take tanh of each part and add them up, so two that agree give more than 1. Is it the sum of tanh or the "
        "tanh of the sum?",
        (
            lambda x, h, W, U, b: np.tanh(x @ W) + np.tanh(h @ U) + b,
            lambda x, h, W, U, b: np.tanh(x @ W) + np.tanh(h @ U) + np.tanh(b),
            lambda x, h, W, U, b: np.tanh(x @ W + b) + np.tanh(h @ U),
            lambda x, h, W, U, b: np.tanh(x @ W) + np.tanh(h @ U + b),
        ),
    ),
    Mistake(
        "rnn_bias_outside",
        "the bias behind tanh",
        "Your bias is added after tanh. Where does the closing parenthesis belong?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U) + b,),
    ),
    Mistake(
        "rnn_no_bias",
        "the bias forgotten",
        "With b = 0 you are right. Which of your five arguments is never used?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U),),
    ),
    Mistake(
        "rnn_bias_twice",
        "the bias added twice",
        "Your bias counts double. Once for the word and once for the state makes how many?",
        (lambda x, h, W, U, b: np.tanh((x @ W + b) + (h @ U + b)),),
    ),
    Mistake(
        "rnn_bias_subtracted",
        "the bias subtracted",
        "Your bias works the wrong way. Which sign does it have in the formula?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U - b),),
    ),
    Mistake(
        "rnn_no_state",
        "the state forgotten",
        "Another state before the word makes no difference in your function. What is to remember the words before?",
        (lambda x, h, W, U, b: np.tanh(x @ W + b), lambda x, h, W, U, b: np.tanh(x @ W)),
    ),
    Mistake(
        "rnn_state_not_multiplied",
        "the state without its matrix",
        "You add h as it is. Which matrix does the state go through?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h + b), lambda x, h, W, U, b: np.tanh(x @ W + b) + h),
    ),
    Mistake(
        "rnn_no_word",
        "the word forgotten",
        "Another word makes no difference in your function. Where does x come in?",
        (lambda x, h, W, U, b: np.tanh(h @ U + b), lambda x, h, W, U, b: np.tanh(h @ U)),
    ),
    Mistake(
        "rnn_kept_and_added",
        "the old state is added to the new one",
        "The old state comes back unchanged on top of the new one. Is it written anew at every word, or added to?",
        (
            lambda x, h, W, U, b: h + rnn_step(x, h, W, U, b),
            lambda x, h, W, U, b: np.tanh(x @ W + h @ U + b + h),
            lambda x, h, W, U, b: (h + rnn_step(x, h, W, U, b)) / 2,
        ),
    ),
    Mistake(
        "rnn_U_turned",
        "U transposed",
        "Your state goes through U with rows and columns exchanged. Which axis of U meets the numbers of h in h @ U?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U.T + b), lambda x, h, W, U, b: np.tanh(x @ W + (U @ h.T).T + b)),
    ),
    Mistake(
        "rnn_W_turned",
        "W transposed",
        "Your word goes through W with rows and columns exchanged. Which axis of W meets the numbers of x in x @ W?",
        (lambda x, h, W, U, b: np.tanh(x @ W.T + h @ U + b), lambda x, h, W, U, b: np.tanh(x @ W.T + h @ U.T + b)),
    ),
    Mistake(
        "rnn_matrices_exchanged",
        "W and U exchanged",
        "The word goes through U and the state through W. Which of the two matrices has d_in rows?",
        (lambda x, h, W, U, b: np.tanh(x @ U + h @ W + b), _joined),
    ),
    Mistake(
        "rnn_number_by_number",
        "products number by number",
        "You multiply number by number, and no number of the state meets another. What does @ do that * does not?",
        (
            lambda x, h, W, U, b: np.tanh(x * W + h * U + b),
            lambda x, h, W, U, b: np.tanh(x @ W + h * U + b),
            lambda x, h, W, U, b: np.tanh(x @ W + h * np.diag(U) + b),
        ),
    ),
    Mistake(
        "rnn_one_for_all",
        "one state for all sentences",
        "All sentences of the batch get the same state. Which of your steps sums or picks along the axis B?",
        (
            lambda x, h, W, U, b: np.tanh(_sum(x, h, W, U, b)[:1].repeat(len(h), axis=0)),
            lambda x, h, W, U, b: np.tanh(np.broadcast_to(_sum(x, h, W, U, b).mean(axis=0), h.shape)),
            lambda x, h, W, U, b: np.tanh(np.broadcast_to(_sum(x, h, W, U, b).sum(axis=0), h.shape)),
        ),
    ),
    Mistake(
        "rnn_first_state_for_all",
        "the first sentence's state for all",
        "Every sentence reads its own word and remembers what the first sentence remembers. Where do you write h[0]?",
        (lambda x, h, W, U, b: np.tanh(x @ W + h[0] @ U + b),),
    ),
    Mistake(
        "rnn_axes_exchanged",
        "(d_h, B) instead of (B, d_h)",
        "Your axes come out exchanged: numbers of the state first, sentences second. Which of the two stands first in "
        "this course?",
        (_after(lambda new: new.T),),
    ),
    Mistake(
        "rnn_returns_two",
        "returns more than the state",
        "You return two things. Output and state of a plain network are the same: which of them is asked for?",
        (_after(lambda new: (new, new)), lambda x, h, W, U, b: (rnn_step(x, h, W, U, b), h)),
    ),
    Mistake(
        "rnn_loop_ends_early",
        "the last sentence is left out",
        "The last sentence of the batch still has zeros. What is the last number that range() gives you?",
        (_kept(slice(None, -1)),),
    ),
    Mistake(
        "rnn_return_in_the_loop",
        "only the first sentence is filled in",
        "Only the first sentence is filled in. How far in does the line with return stand?",
        (_kept(slice(1)),),
    ),
    Mistake(
        "rnn_tanh_twice",
        "tanh taken twice",
        "Your numbers are too close to 0. How often do you take tanh?",
        (_after(np.tanh),),
    ),
    Mistake(
        "rnn_writes_into_h",
        "writes into h",
        "Your function changes the h of its caller, who may still need it. Does h[:] = ... make a new array?",
        (_into_h,),
    ),
    Mistake(
        "rnn_whole_numbers",
        "cut off behind the point",
        "Your numbers are whole ones. Of which dtype is the array that you write into?",
        (_after(lambda new: new.astype(int)), _after(np.round)),
    ),
)
