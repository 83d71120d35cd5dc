"""Known wrong versions of luong_scores, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_02 import reference
from course.lessons.lesson_02.mistakes.shares import (
    ALL_BUT_FIRST,
    ALL_BUT_LAST,
    ONLY_FIRST,
    ONLY_LAST,
    kept,
    plain,
    whole_numbers,
)

Array = NDArray[Any]


def _dot(s: Array, h: Array) -> Array:
    return np.einsum("bd,btd->bt", s, h)


def _general(s: Array, h: Array, W: Array) -> Array:
    return _dot(s @ W, h)


def _beside(s: Array, h: Array) -> Array:
    return np.concatenate([np.broadcast_to(s[:, None], (*h.shape[:2], s.shape[1])), h], axis=-1)


def _concat(s: Array, h: Array, W: Array, v: Array) -> Array:
    return np.tanh(_beside(s, h) @ W) @ v


def _made(
    dot: Callable[[Array, Array], Any] = _dot,
    general: Callable[[Array, Array, Array], Any] = _general,
    concat: Callable[[Array, Array, Array, Array], Any] = _concat,
) -> Function:
    """Return scores of these three kinds; with the kinds as given it is the reference."""

    def luong_scores(s: Array, h: Array, kind: str, W: Any = None, v: Any = None) -> Any:  # noqa: ANN401
        if kind == "dot":
            return dot(s, h)
        return general(s, h, W) if kind == "general" else concat(s, h, W, v)

    return luong_scores


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda s, h, kind, W=None, v=None: change(reference.luong_scores(s, h, kind, W, v))


def _reached(axis: int, where: slice) -> Function:
    return _after(lambda x: kept(x, axis, where))


def _rounded(digits: int) -> Function:
    return _after(lambda x: x.round(digits))


def _first_state(s: Array, h: Array, kind: str, W: Any = None, v: Any = None) -> Array:  # noqa: ANN401
    return reference.luong_scores(np.broadcast_to(s[:1], s.shape), h, kind, W, v)


def _added(s: Array, h: Array, W: Array, v: Array) -> Array:
    return np.tanh((s[:, None] + h) @ W) @ v


def adds_in_concat(function: Function) -> bool:
    """Whether a function adds state and word for "concat": then it works with a W of too few rows."""
    rng = np.random.default_rng(44)
    s, h, W, v = (rng.standard_normal(shape) for shape in ((2, 3), (2, 4, 3), (3, 5), (5,)))
    try:
        found = np.asarray(function(s.copy(), h.copy(), "concat", W, v))
    except Exception:  # whatever the learner's function may raise
        return False
    right = _added(s, h, W, v)
    return found.shape == right.shape and np.allclose(found, right)


def _every_pair(s: Array, h: Array) -> Array:
    return h @ s.T


def _h_in_place(s: Array, h: Array, kind: str, W: Any = None, v: Any = None) -> Array:  # noqa: ANN401
    scores = reference.luong_scores(s, h, kind, W, v)
    h *= 2
    return scores


def _multiplied(product: Callable[[Array, Array], Array]) -> tuple[Function, ...]:
    """Return versions of dot, general and both that multiply state and words in this way."""
    return (
        _made(dot=product),
        _made(general=lambda s, h, W: product(s @ W, h)),
        _made(product, lambda s, h, W: product(s @ W, h)),
    )


def _products(s: Array, h: Array) -> Array:
    return s[:, None] * h


LUONG_SCORES = (
    Mistake(
        "luong_dot_for_all",
        "the dot product whatever the kind",
        "For every kind you compute the dot product. Where do you look at `kind`?",
        (
            lambda s, h, kind, W=None, v=None: _dot(s, h),
            _made(general=lambda s, h, W: _dot(s, h)),
            _made(general=lambda s, h, W: _dot(s, h), concat=lambda s, h, W, v: _dot(s, h)),
        ),
    ),
    Mistake(
        "luong_dot_not_summed",
        "products that are not added up",
        "You have a number for each word and each axis. What makes one score of the products of two vectors?",
        (
            _made(dot=_products),
            _made(general=lambda s, h, W: _products(s @ W, h)),
            _made(_products, lambda s, h, W: _products(s @ W, h)),
        ),
    ),
    Mistake(
        "luong_dot_mean",
        "the mean of the products",
        "Your dot product is divided by the number of its terms. Are the products averaged or added up?",
        (
            _made(dot=lambda s, h: _products(s, h).mean(axis=-1)),
            _made(lambda s, h: _products(s, h).mean(axis=-1), lambda s, h, W: _products(s @ W, h).mean(axis=-1)),
        ),
    ),
    Mistake(
        "luong_scaled",
        "divided by the root of the width",
        "Your scores are divided by a root. That is lesson 03's: what do Luong and his colleagues divide by?",
        (
            _made(dot=lambda s, h: _dot(s, h) / np.sqrt(s.shape[1])),
            _made(
                lambda s, h: _dot(s, h) / np.sqrt(s.shape[1]),
                lambda s, h, W: _general(s, h, W) / np.sqrt(h.shape[2]),
            ),
            _made(
                lambda s, h: _dot(s, h) / np.sqrt(s.shape[1]),
                lambda s, h, W: _general(s, h, W) / np.sqrt(s.shape[1]),
            ),
        ),
    ),
    Mistake(
        "luong_cosine",
        "divided by the lengths of the vectors",
        "Twice as long a state gets the same score from you. Does the dot product divide by the lengths?",
        (_made(dot=lambda s, h: _dot(s, h) / (np.linalg.norm(s, axis=-1)[:, None] * np.linalg.norm(h, axis=-1))),),
    ),
    Mistake(
        "luong_distance",
        "the distance instead of the product",
        "Your score grows or falls with the distance. Multiply number by number: what do you do with the products?",
        (
            _made(dot=lambda s, h: -((s[:, None] - h) ** 2).sum(axis=-1)),
            _made(dot=lambda s, h: np.linalg.norm(s[:, None] - h, axis=-1)),
            _made(dot=lambda s, h: (s[:, None] + h).sum(axis=-1)),
        ),
    ),
    Mistake(
        "luong_axis_missing",
        "an axis of length 1 missing",
        "Write the axes of s, (B, d), below those of h, (B, T, d), from the right: B stands below T. Where would s "
        "need an axis of length 1?",
        (
            _made(dot=lambda s, h: (s * h).sum(axis=-1)),
            _made(lambda s, h: (s * h).sum(axis=-1), lambda s, h, W: ((s @ W) * h).sum(axis=-1)),
            _made(dot=lambda s, h: h @ s),
            _made(lambda s, h: h @ s, lambda s, h, W: h @ (s @ W)),
        ),
    ),
    Mistake(
        "luong_every_pair",
        "each state with the words of every sentence",
        "Your scores have an axis too many: every sentence's state meets the words of every sentence. Which axis of s "
        "and h belongs together?",
        (
            _made(dot=_every_pair),
            _made(_every_pair, lambda s, h, W: _every_pair(s @ W, h)),
            _made(lambda s, h: s @ np.swapaxes(h, 1, 2), lambda s, h, W: s @ W @ np.swapaxes(h, 1, 2)),
            _made(lambda s, h: s @ np.swapaxes(h, 1, 2)),
            _made(lambda s, h: np.einsum("bd,atd->abt", s, h)),
        ),
    ),
    Mistake(
        "luong_state_in_a_row",
        "the table of states times the tables of words",
        "s @ h pairs every state with every sentence, and adds up along the words. Which axis must s get, and along "
        "which axis should a score add up?",
        (
            *_multiplied(lambda s, h: s @ h),
            *_multiplied(np.dot),
            *_multiplied(lambda s, h: s @ h.T),
        ),
    ),
    Mistake(
        "luong_general_turned",
        "W turned around",
        "W is (dq, dk): its rows belong to the state. In which order do s, W and h stand in the formula?",
        (
            _made(general=lambda s, h, W: _general(s, h, W.T)),
            _made(general=lambda s, h, W: _dot(s, h @ W)),
        ),
    ),
    Mistake(
        "luong_general_bent",
        "tanh in a score that has none",
        "There is a tanh in your product. Which of the three kinds has one?",
        (
            _made(general=lambda s, h, W: np.tanh(_general(s, h, W))),
            _made(general=lambda s, h, W: _dot(np.tanh(s @ W), h)),
            _made(dot=lambda s, h: np.tanh(_dot(s, h))),
            _made(lambda s, h: np.tanh(_dot(s, h)), lambda s, h, W: np.tanh(_general(s, h, W))),
        ),
    ),
    Mistake(
        "luong_concat_turned",
        "the word first, then the state",
        "The upper rows of W belong to the state, the lower ones to the word. What do you lay on the left?",
        (
            _made(
                concat=lambda s, h, W, v: (
                    np.tanh(np.concatenate([h, np.broadcast_to(s[:, None], (*h.shape[:2], s.shape[1]))], axis=-1) @ W)
                    @ v
                )
            ),
        ),
    ),
    Mistake(
        "luong_concat_linear",
        "concat without tanh",
        "Change the state: do differences between your scores change? What is missing before v?",
        (_made(concat=lambda s, h, W, v: _beside(s, h) @ W @ v),),
    ),
    Mistake(
        "luong_concat_late",
        "tanh after v",
        "All your scores of the kind concat lie between -1 and 1. Which comes first, tanh or the product with v?",
        (
            _made(concat=lambda s, h, W, v: np.tanh(_beside(s, h) @ W @ v)),
            _made(concat=lambda s, h, W, v: np.tanh(_concat(s, h, W, v))),
        ),
    ),
    Mistake(
        "luong_concat_no_v",
        "concat without v",
        "All units count alike in your concat. Which argument says how much each of them counts?",
        (
            _made(concat=lambda s, h, W, v: np.tanh(_beside(s, h) @ W).sum(axis=-1)),
            _made(concat=lambda s, h, W, v: np.tanh(_beside(s, h) @ W).mean(axis=-1)),
        ),
    ),
    Mistake(
        "luong_concat_units",
        "a score for each unit",
        "Your scores of the kind concat have an axis of da left. Which product makes one number of da units?",
        (
            _made(concat=lambda s, h, W, v: np.tanh(_beside(s, h) @ W)),
            _made(concat=lambda s, h, W, v: np.tanh(_beside(s, h) @ W) * v),
        ),
    ),
    Mistake(
        "luong_concat_added",
        "added instead of laid side by side",
        "You add state and word before W, and the widths do not fit. What does [s; h] mean?",
        (_made(concat=_added),),
        recognize=adds_in_concat,
    ),
    Mistake(
        "luong_softmax",
        "weights instead of scores",
        "Your rows sum to 1. Were weights asked for, or what they are made of?",
        (_after(plain),),
    ),
    Mistake(
        "luong_first_state",
        "the first sentence's state for all",
        "Every sentence is asked by the state of the first one. Where do you index?",
        (_first_state,),
    ),
    Mistake(
        "luong_axis_kept",
        "an axis of length 1 too many",
        "Your numbers are right, and there is an axis of length 1 that nobody asked for. Which index takes it away?",
        (
            _after(lambda x: x[:, :, None]),
            _after(lambda x: x[:, None]),
            _made(lambda s, h: _dot(s, h)[:, :, None], lambda s, h, W: _general(s, h, W)[:, :, None]),
            _made(lambda s, h: _dot(s, h)[:, None], lambda s, h, W: _general(s, h, W)[:, None]),
        ),
    ),
    Mistake(
        "luong_words_first",
        "(T, B)",
        "Your numbers are right, and the sentences stand in columns. Which axis comes first in (B, T)?",
        (_after(lambda x: x.T), _made(dot=lambda s, h: _dot(s, h).T)),
    ),
    Mistake(
        "luong_negative",
        "the sign turned around",
        "Where the score should be largest yours is smallest. Which sign do you add?",
        (_after(lambda x: -x), _made(dot=lambda s, h: -_dot(s, h))),
    ),
    Mistake(
        "luong_misses_one",
        "a loop that misses a word or a sentence",
        "The first or the last word, or sentence, has a score of 0, or none. What are the first and the last number "
        "that range() gives you?",
        (
            *(_reached(a, w) for a in (1, 0) for w in (ALL_BUT_LAST, ALL_BUT_FIRST)),
            _after(lambda x: x[:, :-1]),
            _after(lambda x: x[:, 1:]),
            _after(lambda x: x[:-1]),
        ),
    ),
    Mistake(
        "luong_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *(_reached(a, w) for a in (1, 0) for w in (ONLY_FIRST, ONLY_LAST)),
            _after(lambda x: x[0]),
            _after(lambda x: x[:, 0]),
        ),
    ),
    Mistake(
        "luong_list",
        "a list",
        "You hand back a list. Which function makes an array of it?",
        (_after(lambda x: x.tolist()), _after(lambda x: list(x))),
    ),
    Mistake(
        "luong_whole_numbers",
        "an array of integers",
        "Your scores are cut off behind the point. Which type has the array that you write into?",
        (_after(whole_numbers), _after(lambda x: whole_numbers(x).astype(float))),
    ),
    Mistake(
        "luong_rounded",
        "rounded",
        "The first digits are right and the others are gone. Which line rounds?",
        tuple(map(_rounded, (2, 3, 4, 5, 6))),
    ),
    Mistake(
        "luong_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda x: x.astype(np.float32)),),
    ),
    Mistake(
        "luong_changes_arguments",
        "writes into its arguments",
        "Print h before and after the call: it is another array now. Which line writes into it?",
        (_h_in_place,),
    ),
)
