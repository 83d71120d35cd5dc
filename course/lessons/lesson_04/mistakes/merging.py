"""Known wrong versions of merge_heads, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_04 import reference
from course.lessons.lesson_04.mistakes.wirings import (
    ALL_BUT_FIRST,
    ALL_BUT_LAST,
    ONLY_FIRST,
    ONLY_LAST,
    kept,
    merge_by_reshape,
    merge_interleaved,
    merge_reversed,
    whole_numbers,
)

Array = NDArray[Any]


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda x: change(reference.merge_heads(x))


def _reached(axis: int, where: slice) -> Function:
    return lambda x: reference.merge_heads(kept(x, axis, where))


def _tiled(reduce: Callable[[Array], Array]) -> Function:
    return lambda x: np.tile(reduce(x), x.shape[1])


def _repeated(reduce: Callable[[Array], Array]) -> Function:
    return lambda x: np.repeat(reduce(x), x.shape[1], axis=-1)


def _words_below(x: Array) -> Array:
    return np.concatenate([x[:, i] for i in range(x.shape[1])], axis=1)


def _batch_before_heads(x: Array) -> Array:
    """Read (B, h) as if it were (h, B)."""
    B, h, T, d_head = x.shape
    return x.reshape(h, B, T, d_head).transpose(1, 2, 0, 3).reshape(B, T, h * d_head)


def _wrong_swap(*order: int) -> Function:
    def merge_heads(x: Array) -> Array:
        B, h, T, d_head = x.shape
        return x.transpose(order).reshape(B, T, h * d_head)

    return merge_heads


def _fixed(h: int) -> Function:
    def merge_heads(x: Array) -> Array:
        B, _, T, d_head = x.shape
        return np.swapaxes(x, 1, 2).reshape(B, T, h * d_head)

    return merge_heads


def _first_heads(h: int) -> Function:
    return lambda x: np.concatenate([x[:, i] for i in range(h)], axis=-1)


def has_fixed_heads(function: Function) -> bool:
    """Whether a function merges one certain number of heads rightly, and no other."""
    rng = np.random.default_rng(43)
    return sum(_is_right(function, rng.standard_normal((2, h, 4, 3))) for h in range(2, 13)) == 1


def _is_right(function: Function, x: Array) -> bool:
    try:
        return np.array_equal(function(x.copy()), reference.merge_heads(x))
    except Exception:  # whatever the learner's function may raise
        return False


def _writes_over_x(x: Array) -> Array:
    y = reference.merge_heads(x).copy()
    x[...] = 0
    return y


def _shape_assigned(x: Array) -> Array:
    y = reference.merge_heads(x)
    x.shape = y.shape
    x[...] = y
    return x


MERGE_HEADS = (
    Mistake(
        "merge_without_swap",
        "reshape without swapping axes",
        "Put 100 into the row of word 0 in every head, and merge. Do you find all of them in the row of word 0? "
        "`reshape` reads the numbers in the order in which they lie: which axes must change places first?",
        (merge_by_reshape,),
    ),
    Mistake(
        "merge_not_joined",
        "swapped and not joined",
        "Your axes are (B, T, h, d_head), in the right order. Which two of them become one?",
        (lambda x: np.swapaxes(x, 1, 2),),
    ),
    Mistake(
        "merge_wrong_swap",
        "other axes swapped",
        "A row of your result mixes numbers of several words. Before `reshape` the axes must stand as (B, T, h, "
        "d_head): which two did you swap?",
        (_wrong_swap(0, 1, 3, 2), _wrong_swap(0, 3, 1, 2), _wrong_swap(0, 3, 2, 1)),
    ),
    Mistake(
        "merge_interleaved",
        "columns of the heads in turn",
        "You lay the first column of every head side by side, then the second ones. Which columns did head 0 get when "
        "the width was split?",
        (merge_interleaved,),
    ),
    Mistake(
        "C13",
        "heads averaged, then repeated",
        "In your result every head has the same numbers. The heads found different things: what does an average of "
        "them forget, and what does laying them side by side keep?",
        (
            _tiled(lambda x: x.mean(axis=1)),
            _repeated(lambda x: x.mean(axis=1)),
            _tiled(lambda x: x.sum(axis=1)),
            _repeated(lambda x: x.sum(axis=1)),
        ),
    ),
    Mistake(
        "merge_averaged",
        "heads averaged or added up",
        "The width is d_head and should be d. Are the heads to be added up, or laid side by side?",
        (lambda x: x.mean(axis=1), lambda x: x.sum(axis=1), lambda x: x.max(axis=1)),
    ),
    Mistake(
        "merge_below",
        "heads one below the other",
        "You have h times as many words as before, each d_head wide. Along which axis are the heads to be joined?",
        (_words_below, lambda x: x.reshape(x.shape[0], -1, x.shape[3])),
    ),
    Mistake(
        "merge_batch_before_heads",
        "reads (B, h) as (h, B)",
        "A head of one sentence ends up in another sentence. Which of your first two axes is the sentences, and which "
        "one do you take for them?",
        (_batch_before_heads, lambda x: np.concatenate(list(x), axis=-1)[None], lambda x: np.concatenate(x, axis=-1)),
    ),
    Mistake(
        "merge_first_head",
        "one head for all",
        "Your result holds a single head, again and again. Where does the number of the head come in?",
        (
            _tiled(lambda x: x[:, 0]),
            _tiled(lambda x: x[:, -1]),
            lambda x: x[:, 0],
            lambda x: x[:, -1],
        ),
    ),
    Mistake(
        "merge_reversed",
        "the heads in reverse",
        "Your last head stands leftmost. Which head had the first columns when the width was split?",
        (merge_reversed,),
    ),
    Mistake(
        "merge_misses_one",
        "a loop that misses a head, a word or a sentence",
        "The first or the last head, word or sentence is still 0, or missing. What are the first and the last number "
        "that range() gives you?",
        (
            *(_reached(axis, where) for axis in (1, 0, 2) for where in (ALL_BUT_LAST, ALL_BUT_FIRST)),
            lambda x: reference.merge_heads(x[:, :-1]),
            lambda x: reference.merge_heads(x[:, 1:]),
            lambda x: np.concatenate([x[:, i] for i in range(x.shape[1] - 1)], axis=-1),
            lambda x: np.concatenate([x[:, i] for i in range(1, x.shape[1])], axis=-1),
        ),
    ),
    Mistake(
        "merge_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *(_reached(axis, ONLY_FIRST) for axis in (1, 0, 2)),
            *(_reached(axis, ONLY_LAST) for axis in (1, 0, 2)),
            _after(lambda y: y[0]),
        ),
    ),
    Mistake(
        "merge_columns_first",
        "(B, d, T)",
        "Your numbers are right, and words stand in columns. Which axis comes last in (B, T, d)?",
        (_after(lambda y: y.swapaxes(1, 2)),),
    ),
    Mistake(
        "merge_fixed_heads",
        "a fixed number of heads",
        "Your function is right for one certain number of heads. Where in the shape of x can it read how many there "
        "are?",
        (*map(_first_heads, (2, 3, 4)), *map(_fixed, (2, 3, 4, 8))),
        recognize=has_fixed_heads,
    ),
    Mistake(
        "merge_list",
        "a list of sentences",
        "You hand back a list with an array for each sentence or head. Which function makes one array of it?",
        (
            _after(lambda y: list(y)),
            _after(lambda y: y.tolist()),
            lambda x: [x[:, i] for i in range(x.shape[1])],
        ),
    ),
    Mistake(
        "merge_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (_after(whole_numbers), _after(lambda y: whole_numbers(y).astype(float))),
    ),
    Mistake(
        "merge_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda y: y.astype(np.float32)),),
    ),
    Mistake(
        "merge_changes_arguments",
        "writes into its argument",
        "Print x before and after the call: the caller's array is another one now. Which line writes into it?",
        (_writes_over_x, _shape_assigned),
    ),
)
