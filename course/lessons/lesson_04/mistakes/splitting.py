"""Known wrong versions of split_heads, and the question that leads out of each. C01 is of the catalog of mistakes."""

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
    split_by_reshape,
    split_interleaved,
    split_reversed,
    whole_numbers,
)

Array = NDArray[Any]


def _cut(x: Array, h: int) -> Array:
    B, T, d = x.shape
    return x.reshape(B, T, h, d // h)


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda x, h: change(reference.split_heads(x, h))


def _reached(axis: int, where: slice) -> Function:
    return _after(lambda y: kept(y, axis, where))


def _sizes_exchanged(x: Array, h: int) -> Array:
    B, T, d = x.shape
    return x.reshape(B, T, d // h, h).swapaxes(1, 2)


def _words_cut(x: Array, h: int) -> Array:
    return np.stack(np.split(x, h, axis=1), axis=1)


def _first_columns_for_all(x: Array, h: int) -> Array:
    d_head = x.shape[-1] // h
    return np.stack([x[:, :, :d_head]] * h, axis=1)


def _next_column_for_each(x: Array, h: int) -> Array:
    d_head = x.shape[-1] // h
    return np.stack([x[:, :, i : i + d_head] for i in range(h)], axis=1)


def _float_width(x: Array, h: int) -> Array:
    B, T, d = x.shape
    return x.reshape(B, T, h, d / h)


def _fixed(h: int) -> Function:
    return lambda x, _: reference.split_heads(x, h)


def has_fixed_heads(function: Function) -> bool:
    """Whether a function splits into one certain number of heads, whatever it is asked for."""
    x = np.random.default_rng(41).standard_normal((2, 3, 840))
    return sum(_is_right(function, x, h) for h in range(2, 9)) == 1


def _is_right(function: Function, x: Array, h: int) -> bool:
    try:
        return np.array_equal(function(x.copy(), h), reference.split_heads(x, h))
    except Exception:  # whatever the learner's function may raise
        return False


def _fixed_width(d_head: int) -> Function:
    def split_heads(x: Array, h: int) -> Array:
        B, T, _ = x.shape
        return x.reshape(B, T, h, d_head).swapaxes(1, 2)

    return split_heads


def has_fixed_width(function: Function) -> bool:
    """Whether a function is right for heads of one certain width, and for no other."""
    rng = np.random.default_rng(42)
    return (
        sum(_is_right(function, rng.standard_normal((2, 3, 5 * n)), 5) for n in (2, 3, 4, 5, 6, 7, 8, 16, 32, 64)) == 1
    )


def _shape_assigned(x: Array, h: int) -> Array:
    x.shape = (*x.shape[:2], h, x.shape[2] // h)
    return x.swapaxes(1, 2)


def _first_sentence_only(x: Array, h: int) -> Array:
    return reference.split_heads(x[:1], h)[0]


SPLIT_HEADS = (
    Mistake(
        "C01",
        "reshape without swapping axes",
        "Put 100 into every number of word 0 and print head 0: do you find only a part of word 0 in it, and the same "
        "part of every other word? `reshape` reads the numbers in the order in which they lie: which shape cuts each "
        "word by itself, and which axes must change places after that?",
        (split_by_reshape,),
    ),
    Mistake(
        "split_not_swapped",
        "cut and not swapped",
        "Your pieces are right, and their axes are (B, T, h, d_head). Which two of them must change places, so that a "
        "head holds all words?",
        (_cut,),
    ),
    Mistake(
        "split_wrong_swap",
        "other axes swapped",
        "Each of your pieces is right, and the axes come in another order than (B, h, T, d_head). Write the order of "
        "yours beside it: which two did you swap?",
        (
            lambda x, h: _cut(x, h).swapaxes(2, 3),
            lambda x, h: _cut(x, h).swapaxes(1, 3),
            lambda x, h: _cut(x, h).swapaxes(-1, -2),
            lambda x, h: _cut(x, h).transpose(0, 2, 3, 1),
            lambda x, h: _cut(x, h).transpose(0, 3, 1, 2),
        ),
    ),
    Mistake(
        "split_heads_first",
        "heads before sentences",
        "Your heads come first, before the sentences. Which axis is the first one everywhere in this course?",
        (
            lambda x, h: reference.split_heads(x, h).swapaxes(0, 1),
            lambda x, h: np.array(np.split(x, h, axis=-1)),
        ),
    ),
    Mistake(
        "split_into_the_batch",
        "heads as more sentences",
        "You have B times h sentences and no axis of heads. Where would a mask (B, 1, 1, Tk) find its sentence again?",
        (
            lambda x, h: reference.split_heads(x, h).reshape(-1, x.shape[1], x.shape[2] // h),
            lambda x, h: np.concatenate(np.split(x, h, axis=-1)),
        ),
    ),
    Mistake(
        "split_interleaved",
        "every h-th column",
        "Your head 0 takes the columns 0, h, 2h and so on. That would be a fair way to share them out too, if "
        "everybody did; which columns does the text give to head 0?",
        (split_interleaved,),
    ),
    Mistake(
        "split_sizes_exchanged",
        "h and d_head exchanged",
        "You make d_head heads of width h. In which of the two places of the new shape does the number of heads stand?",
        (_sizes_exchanged,),
    ),
    Mistake(
        "split_words",
        "splits the sentence instead of the width",
        "Your head 0 gets the first words of the sentence, whole. Which axis is to be shared out, T or d?",
        (_words_cut, lambda x, h: np.array(np.split(x, h, axis=1))),
    ),
    Mistake(
        "split_first_for_all",
        "every head gets the first columns",
        "All of your heads hold the same columns. Where does the number of the head come into the slice?",
        (_first_columns_for_all,),
    ),
    Mistake(
        "split_overlapping",
        "the heads overlap",
        "Your head 1 begins at column 1. How many columns has head 0 taken by then?",
        (_next_column_for_each,),
    ),
    Mistake(
        "split_reversed",
        "the heads in reverse",
        "Your head 0 has the last columns. Which ones does the text give to it?",
        (split_reversed,),
    ),
    Mistake(
        "split_misses_one",
        "a loop that misses a head, a word or a sentence",
        "The first or the last head, word or sentence is still 0. What are the first and the last number that range() "
        "gives you?",
        tuple(_reached(axis, where) for axis in (1, 0, 2) for where in (ALL_BUT_LAST, ALL_BUT_FIRST)),
    ),
    Mistake(
        "split_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *(_reached(axis, where) for where in (ONLY_FIRST, ONLY_LAST) for axis in (1, 0, 2)),
            _after(lambda y: y[:, 0]),
            _after(lambda y: y[:, :1]),
            _first_sentence_only,
        ),
    ),
    Mistake(
        "split_list",
        "a list of heads",
        "You hand back a list with an array for each head. Which function makes one array of it, with the heads on "
        "axis 1?",
        (
            lambda x, h: np.split(x, h, axis=-1),
            lambda x, h: tuple(np.split(x, h, axis=-1)),
            _after(lambda y: [y[:, i] for i in range(y.shape[1])]),
        ),
    ),
    Mistake(
        "split_float_width",
        "a width that is no integer",
        "In Python 12 / 3 is 4.0, and no array has 4.0 columns. Which division gives an int?",
        (_float_width,),
    ),
    Mistake(
        "split_fixed_heads",
        "a fixed number of heads",
        "You split into the same number of heads whatever h is. Which argument do you not use?",
        tuple(map(_fixed, (2, 3, 4, 8))),
        recognize=has_fixed_heads,
    ),
    Mistake(
        "split_fixed_width",
        "a fixed width of a head",
        "Your heads have one certain width. From which two sizes does it follow?",
        tuple(map(_fixed_width, (2, 4, 3, 8, 64))),
        recognize=has_fixed_width,
    ),
    Mistake(
        "split_fortran",
        "numbers read column by column",
        "You read the numbers column by column, so that neighbors in a head come from different sentences. In which "
        "order does `reshape` read if you do not ask for another?",
        (lambda x, h: x.reshape(x.shape[0], h, x.shape[1], -1, order="F"),),
    ),
    Mistake(
        "split_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (_after(whole_numbers), _after(lambda y: whole_numbers(y).astype(float))),
    ),
    Mistake(
        "split_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda y: y.astype(np.float32)),),
    ),
    Mistake(
        "split_changes_arguments",
        "changes the shape of its argument",
        "Print x.shape before and after the call: the caller's array has another shape now. Which method makes a new "
        "array instead?",
        (_shape_assigned,),
    ),
)
