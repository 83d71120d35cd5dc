"""Known wrong versions of add_positions, and the question that leads out of each.

Ids D17 to D23 are those of the project's catalog of mistakes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_06.reference import add_positions

Array = NDArray[Any]


def _rows(choose: Callable[[int, Array], Array]) -> Function:
    """Return a version that adds other rows: choose(T, table) -> what is added to every sentence."""
    return lambda x, table: x + choose(x.shape[1], table)


def _some_sentences(kept: slice) -> Function:
    def add(x: Array, table: Array) -> Array:
        added = x.copy()
        added[kept] = add_positions(x, table)[kept]
        return added

    return add


def _some_words(kept: slice) -> Function:
    def add(x: Array, table: Array) -> Array:
        added = x.copy()
        added[:, kept] = add_positions(x, table)[:, kept]
        return added

    return add


def _others_empty(axis: int, kept: slice) -> Function:
    """Write into zeros, and only into a part of them."""

    def add(x: Array, table: Array) -> Array:
        whole, added = add_positions(x, table), np.zeros(x.shape)
        at = (slice(None),) * axis + (kept,)
        added[at] = whole[at]
        return added

    return add


def _on_and_on(x: Array, table: Array) -> Array:
    """Let the positions run on from one sentence of the batch into the next."""
    B, T, d = x.shape
    return x + table[np.arange(B * T) % len(table)].reshape(B, T, d)


def _in_place(x: Array, table: Array) -> Array:
    x += table[: x.shape[1]]
    return x


def _with(change: Callable[[Array, Array], Array]) -> Function:
    return lambda x, table: change(x, table[: x.shape[1]])


def _beside(x: Array, rows: Array) -> Array:
    return np.concatenate([x, np.broadcast_to(rows, x.shape)], axis=-1)


def _fixed(n: int) -> Function:
    return lambda x, table: x + table[:n]


def has_fixed_length(function: Function) -> bool:
    """Whether a function is right for sentences of one certain length, above 1, and for no others in any batch."""
    few, many = (_right_lengths(function, B) for B in (2, 3))
    return len(few) == 1 and few == many


def takes_as_many_as_sentences(function: Function) -> bool:
    """Whether a function is right only for as many words as there are sentences."""
    return all(_right_lengths(function, B) == [B] for B in (2, 3))


def _right_lengths(function: Function, B: int) -> list[int]:
    table = np.random.default_rng(61).standard_normal((40, 4))
    return [T for T in range(2, 31) if _is_right(function, np.ones((B, T, 4)), table)]


def _is_right(function: Function, x: Array, table: Array) -> bool:
    try:
        return bool(np.allclose(function(x.copy(), table), add_positions(x, table)))
    except Exception:  # whatever the learner's function may raise
        return False


ADD_POSITIONS = (
    Mistake(
        "D17",
        "rows chosen by the sentence instead of the word",
        "All words of a sentence get the same row, and each sentence of the batch gets another one. Which axis of "
        "(B, T, d) counts the words?",
        (
            lambda x, table: x + table[: x.shape[0]][:, None],
            lambda x, table: x + table[: len(x), None, :],
        ),
    ),
    Mistake(
        "add_first_row",
        "every word gets position 0",
        "All words get the first row of the table. How does the seventh word know that it is the seventh?",
        (_rows(lambda T, table: table[0]), _rows(lambda T, table: table[:1])),
    ),
    Mistake(
        "add_last_row",
        "every word gets the position of the last one",
        "All words get the same row, that of the last word or the one behind it. Which index or slice takes a row for "
        "each word?",
        (_rows(lambda T, table: table[T - 1]), _rows(lambda T, table: table[min(T, len(table) - 1)])),
    ),
    Mistake(
        "D19",
        "multiplied instead of added",
        "Your words are multiplied by the table, and where it is 0 the word is gone. Which sign joins the two?",
        (_with(lambda x, rows: x * rows),),
    ),
    Mistake(
        "D23",
        "rows from the end of the table",
        "The first word gets a row from the far end of the table. Same beginning, longer sentence: does the first word "
        "still get the same row?",
        (_rows(lambda T, table: table[-T:]),),
    ),
    Mistake(
        "add_from_one",
        "the first word gets row 1",
        "Your first word gets the row of position 1. With which row does the table begin?",
        (
            _rows(lambda T, table: table[(np.arange(T) + 1) % len(table)]),
            _rows(lambda T, table: table[1 : T + 1]),
        ),
    ),
    Mistake(
        "add_one_row_short",
        "one row too few",
        "One row of the table is missing. How many rows does table[:n] give?",
        (_rows(lambda T, table: table[: T - 1]), _rows(lambda T, table: table[1:T])),
    ),
    Mistake(
        "add_backward",
        "rows in reverse",
        "Your last word gets position 0. In which order do the rows go?",
        (_rows(lambda T, table: table[:T][::-1]),),
    ),
    Mistake(
        "add_whole_table",
        "the whole table",
        "The table has more rows than the sentence has words. How many of them do you need, and which?",
        (
            lambda x, table: x + table,
            lambda x, table: x + table[None],
            lambda x, table: x + table[: x.shape[2]],
            lambda x, table: x + table[: len(table)],
        ),
    ),
    Mistake(
        "add_on_and_on",
        "positions run on through the batch",
        "Your second sentence goes on counting where the first one ended. With which position does every sentence "
        "begin?",
        (_on_and_on,),
    ),
    Mistake(
        "add_not_added",
        "the words as they came",
        "Nothing has been added. What becomes of the sum that you compute?",
        (lambda x, table: x.copy(), lambda x, table: x),
    ),
    Mistake(
        "add_table_only",
        "the table without the words",
        "Your result does not depend on the words. What was to be added to what?",
        (
            lambda x, table: np.broadcast_to(table[: x.shape[1]], x.shape).copy(),
            lambda x, table: table[: x.shape[1]],
            lambda x, table: table[None, : x.shape[1]],
        ),
    ),
    Mistake(
        "add_subtracted",
        "subtracted",
        "You take one from the other. Which sign joins the two?",
        (_with(lambda x, rows: x - rows), _with(lambda x, rows: rows - x)),
    ),
    Mistake(
        "add_beside",
        "laid beside the words",
        "Your vectors are twice as wide. That keeps both apart, and costs a width: what does the text do instead?",
        (
            _with(_beside),
            _with(lambda x, rows: np.concatenate([np.broadcast_to(rows, x.shape), x], axis=-1)),
        ),
    ),
    Mistake(
        "add_averaged",
        "the mean of both",
        "Your result is half as large as it should be. Is a sum asked for, or a mean?",
        (_with(lambda x, rows: (x + rows) / 2),),
    ),
    Mistake(
        "add_scaled",
        "one of the two made larger or smaller",
        "You make the words or the rows larger or smaller before you add. What does the text ask of this function?",
        (
            _with(lambda x, rows: x * x.shape[-1] ** 0.5 + rows),
            _with(lambda x, rows: x + rows / x.shape[-1] ** 0.5),
            _with(lambda x, rows: x + rows * x.shape[-1] ** 0.5),
            _with(lambda x, rows: x / x.shape[-1] ** 0.5 + rows),
        ),
    ),
    Mistake(
        "add_twice",
        "added twice",
        "The table is added more than once. Does the loop over the sentences add to all of them at every turn?",
        (_with(lambda x, rows: x + 2 * rows), _with(lambda x, rows: x + len(x) * rows)),
    ),
    Mistake(
        "add_rows_summed",
        "all rows at once",
        "You add one vector, a sum or a mean of many rows, to all words. Which row belongs to word 2 alone?",
        (
            _with(lambda x, rows: x + rows.sum(axis=0)),
            _with(lambda x, rows: x + rows.mean(axis=0)),
        ),
    ),
    Mistake(
        "add_one_sentence",
        "a loop that does not reach every sentence",
        "Not all sentences of the batch got their positions. Does your loop reach each of them, and how far in does "
        "the line with return stand?",
        (
            _some_sentences(slice(None, 1)),
            _some_sentences(slice(None, -1)),
            _some_sentences(slice(1, None)),
            _others_empty(0, slice(None, 1)),
            _others_empty(0, slice(None, -1)),
        ),
    ),
    Mistake(
        "add_one_word",
        "a loop that does not reach every word",
        "Not all words got their positions. Does your loop reach the first and the last of them, and how far in does "
        "the line with return stand?",
        (
            _some_words(slice(None, 1)),
            _some_words(slice(None, -1)),
            _some_words(slice(1, None)),
            _others_empty(1, slice(None, 1)),
            _others_empty(1, slice(None, -1)),
            _others_empty(1, slice(1, None)),
        ),
    ),
    Mistake(
        "add_one_sentence_only",
        "one sentence comes back",
        "One sentence went out of a batch. Which index has taken the axis B away?",
        (lambda x, table: add_positions(x, table)[0], lambda x, table: add_positions(x, table)[-1]),
    ),
    Mistake(
        "add_changes_arguments",
        "writes into the words that it was given",
        "Print x before and after the call: it is another one now. What does += do with the caller's array?",
        (_in_place,),
    ),
    Mistake(
        "add_rows_for_the_batch",
        "as many rows as there are sentences",
        "Your function is right only when there are as many words as sentences. Which axis of x counts the words?",
        (lambda x, table: x + table[: x.shape[0]], lambda x, table: x + table[None, : len(x)]),
        recognize=takes_as_many_as_sentences,
    ),
    Mistake(
        "add_fixed_length",
        "a fixed number of words",
        "Your function is right for one certain length. Which size says how many words there are?",
        tuple(map(_fixed, (3, 4, 5))),
        recognize=has_fixed_length,
    ),
    Mistake(
        "add_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (
            _with(lambda x, rows: np.trunc(x + rows)),
            _with(lambda x, rows: np.trunc(x + rows).astype(int)),
            _with(lambda x, rows: x + np.trunc(rows)),
        ),
    ),
    Mistake(
        "add_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_with(lambda x, rows: (x + rows).astype(np.float32)), _with(lambda x, rows: x + rows.astype(np.float32))),
    ),
)
