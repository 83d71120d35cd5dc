"""Known wrong versions of predicted_center, which the lesson hands out to be repaired, and a question for each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_02 import reference
from course.lessons.lesson_02.mistakes.shares import ALL_BUT_FIRST, ALL_BUT_LAST, ONLY_FIRST, kept, whole_numbers

Array = NDArray[Any]


def _share(s: Array, W: Array, v: Array) -> Array:
    return 1 / (1 + np.exp(-np.tanh(s @ W) @ v))


def _words(mask: Array) -> Array:
    return mask.sum(axis=1)


def _made(share: Callable[[Array, Array, Array], Any] = _share, length: Callable[[Array], Any] = _words) -> Function:
    """Return a center made of these two factors; with the factors as given it is the reference."""
    return lambda s, mask, W, v: length(mask) * share(s, W, v)


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda s, mask, W, v: change(reference.predicted_center(s, mask, W, v))


def colleagues_center(s: Array, mask: Array, W: Array, v: Array) -> Array:
    """The version with one planted bug that the notebook hands out: all sentences are as long as the array."""
    share = 1 / (1 + np.exp(-np.tanh(s @ W) @ v))
    return mask.shape[1] * share


def _turned(s: Array, W: Array, v: Array) -> Array:
    return _share(s, W.T, v)


REPAIR_CENTER = (
    Mistake(
        "center_mean_length",
        "one length for all sentences",
        "Each sentence of a batch has a length of its own, and you have one number for all. Along which axis do you "
        "count?",
        (
            _made(length=lambda m: m.sum(axis=1).mean()),
            _made(length=lambda m: m[0].sum()),
            _made(length=lambda m: m.sum()),
            _made(length=lambda m: m.sum(axis=1).min()),
        ),
    ),
    Mistake(
        "center_padded_length",
        "the length of the longest sentence",
        "Put a longer sentence into the batch: does the center of the short one move? Which of your numbers knows how "
        "many words a sentence has itself?",
        (_made(length=lambda m: m.sum(axis=1).max()),),
    ),
    Mistake(
        "center_counts_sentences",
        "counted along the sentences",
        "You count how many sentences have a word at each place. Along which axis do the words of a sentence stand?",
        (_made(length=lambda m: m.sum(axis=0)),),
    ),
    Mistake(
        "center_batch_size",
        "the number of sentences as the length",
        "You multiply by the number of sentences. Which number says how many words a sentence has?",
        (_made(length=lambda m: m.shape[0]),),
    ),
    Mistake(
        "center_counts_pads",
        "the pads counted",
        "Your center lies the farther right the more pads there are. What does True stand for in the mask?",
        (_made(length=lambda m: (~m).sum(axis=1)),),
    ),
    Mistake(
        "center_one_less",
        "one word less or more",
        "You multiply by a number next to that of the words. With a share of 1, where does the formula put the center?",
        (_made(length=lambda m: m.sum(axis=1) - 1), _made(length=lambda m: m.sum(axis=1) + 1)),
    ),
    Mistake(
        "center_no_length",
        "a share without the length",
        "All your centers lie between 0 and 1. What is the share a share of?",
        (lambda s, mask, W, v: _share(s, W, v),),
    ),
    Mistake(
        "center_no_sigmoid",
        "no sigmoid",
        "Your center may lie before the sentence or behind it. What keeps a share between 0 and 1?",
        (
            _made(lambda s, W, v: np.tanh(s @ W) @ v),
            _made(lambda s, W, v: np.exp(-np.tanh(s @ W) @ v)),
            _made(lambda s, W, v: np.tanh(np.tanh(s @ W) @ v)),
        ),
    ),
    Mistake(
        "center_sigmoid_sign",
        "the sign in the sigmoid",
        "Where the right center lies near the end, yours lies near the beginning. Which sign has the exponent of a "
        "sigmoid?",
        (_made(lambda s, W, v: 1 / (1 + np.exp(np.tanh(s @ W) @ v))),),
    ),
    Mistake(
        "center_no_tanh",
        "no tanh",
        "The formula has two bends, and you have one. What stands between W and v?",
        (
            _made(lambda s, W, v: 1 / (1 + np.exp(-(s @ W) @ v))),
            _made(lambda s, W, v: 1 / (1 + np.exp(-np.tanh(s @ W @ v)))),
        ),
    ),
    Mistake(
        "center_no_v",
        "v left out",
        "All units count alike in your center. Which argument says how much each of them counts?",
        (
            _made(lambda s, W, v: 1 / (1 + np.exp(-np.tanh(s @ W).sum(axis=-1)))),
            _made(lambda s, W, v: 1 / (1 + np.exp(-np.tanh(s @ W).mean(axis=-1)))),
        ),
    ),
    Mistake(
        "center_transposed",
        "W transposed",
        "In this course matrices stand on the right and are used as x @ W. Is yours turned around?",
        (_made(_turned),),
    ),
    Mistake(
        "center_rounded",
        "rounded to a word",
        "You move the center to a word. Why should it have to be a whole number?",
        (
            _after(np.round),
            _after(np.floor),
            _after(np.ceil),
            _after(whole_numbers),
            _after(lambda x: np.round(x).astype(int)),
        ),
    ),
    Mistake(
        "center_clipped",
        "kept on the last word",
        "A center may lie a little behind the last word, and you hold it there. What does the formula say?",
        (lambda s, m, W, v: np.minimum(reference.predicted_center(s, m, W, v), m.sum(axis=1) - 1),),
    ),
    Mistake(
        "center_axis_kept",
        "an axis of length 1 too many",
        "Your numbers are right, and there is an axis of length 1 that nobody asked for. Which option of sum(), or "
        "which index, makes it?",
        (_after(lambda x: x[:, None]), _after(lambda x: x[None])),
    ),
    Mistake(
        "center_table",
        "each length with each share",
        "You have a table of all sentences' lengths by all sentences' shares. Which axis should both have in common?",
        (lambda s, m, W, v: m.sum(axis=1, keepdims=True) * _share(s, W, v),),
    ),
    Mistake(
        "center_misses_one",
        "a loop that misses a sentence",
        "The first or the last sentence has its center at 0. What are the first and the last number that range() gives "
        "you?",
        (
            _after(lambda x: kept(x, 0, ALL_BUT_LAST)),
            _after(lambda x: kept(x, 0, ALL_BUT_FIRST)),
            _after(lambda x: x[:-1]),
            _after(lambda x: x[1:]),
        ),
    ),
    Mistake(
        "center_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one sentence has a center with you. How far in does the line with return stand?",
        (_after(lambda x: kept(x, 0, ONLY_FIRST)), _after(lambda x: float(x[0]))),
    ),
    Mistake(
        "center_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda x: x.astype(np.float32)),),
    ),
)
