"""The exercises of lesson 06: positional_encoding, add_positions, shift_rotation, rotary, repair_rotary."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lessons.lesson_06 import mistakes as bank
from course.lessons.lesson_06 import reference

Array = NDArray[Any]


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


# --- positional_encoding ----------------------------------------------------------------------------------------


def _other_sizes(function: Function) -> str | None:
    for T, d in ((1, 8), (13, 2), (3, 9), (50, 30)):
        table = np.asarray(function(T, d))
        right = reference.positional_encoding(T, d)
        if table.shape != right.shape or not np.allclose(table, right):
            return f"With T = {T} and d = {d} your table is another one. Which size do you take for granted?"
    return None


POSITIONAL_ENCODING = Exercise(
    id="positional_encoding",
    lesson=6,
    title="Sinusoids",
    signature="(T, d) -> (T, d)",
    reference=reference.positional_encoding,
    cases=(
        Case(
            "two positions of width 2",
            lambda: (2, 2),
            "One hand, and it turns by 1 radian a word. What are the sine and the cosine of 0 and of 1?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "three positions of width 4",
            lambda: (3, 4),
            "The second pair turns by 1/100 a word. Which exponent does 10000 have there?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "five positions of width 8",
            lambda: (5, 8),
            "Four pairs. Is each of them ten times slower than the one before?",
        ),
        Case(
            "six positions of width 6",
            lambda: (6, 6),
            "T and d are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
        Case(
            "40 positions of width 16",
            lambda: (40, 16),
            "Take the last row. By which angle has each hand turned there?",
        ),
        Case(
            "three positions of width 5",
            lambda: (3, 5),
            "A width of 5 has two whole pairs and a sine alone. How many cosines are there?",
            tier=2,
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "four positions of width 1",
            lambda: (4, 1),
            "Half a pair is all there is. Which of the two is left?",
            tier=2,
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "six positions of width 7",
            lambda: (6, 7),
            "Four sines and three cosines. By which number is 2i divided?",
            tier=2,
            about_axes=True,
        ),
    ),
    properties=(Property("any sizes will do", _other_sizes),),
    mistakes=bank.POSITIONAL_ENCODING,
    hints=(
        "Take row 3 of a table of width 4, as in the text: which two angles are there, and into which columns do their "
        "sines and cosines go? What changes from row to row, and what from pair to pair?",
        "positions stand upright, np.arange(T)[:, None]; np.arange(0, d, 2) lists the 2i of all pairs. Their angles "
        "(T, pairs) come from broadcasting. table[:, 0::2] are the even columns. For an odd d leave out the last "
        "cosine.",
        "    angles = np.arange(T)[:, None] / 10000 ** (... / d)      # (T, pairs)\n    table = np.zeros((T, d))\n"
        "    table[:, 0::2] = np.sin(angles)\n    table[:, 1::2] = np.cos(angles)[:, : ...]\n    return table",
    ),
    argument_names=("T", "d"),
    result_names=("table",),
    result_dims={"table": "T d"},
    difficulty=2,
    importance=5,
    minutes=15,
)


# --- add_positions ----------------------------------------------------------------------------------------------


def _another_place_in_the_batch(function: Function) -> str | None:
    x, table = _normal(3, 4, 5, seed=71), _normal(9, 5, seed=72)
    together = np.asarray(function(x.copy(), table.copy()))
    if np.allclose(together[2:], function(x[2:].copy(), table.copy())):
        return None
    return "The third sentence comes out in one way alone and in another way in a batch. What should it know of others?"


def _longer_sentence(function: Function) -> str | None:
    x, table = _normal(2, 6, 5, seed=73), _normal(9, 5, seed=74)
    if np.allclose(np.asarray(function(x.copy(), table.copy()))[:, :4], function(x[:, :4].copy(), table.copy())):
        return None
    return "The first four words come out in another way when two more follow. Which row belongs to the first word?"


ADD_POSITIONS = Exercise(
    id="add_positions",
    lesson=6,
    title="Add the positions",
    signature="(x, table) -> (B, T, d)",
    reference=reference.add_positions,
    cases=(
        Case(
            "one sentence of three words and a table of three rows",
            lambda: (np.full((1, 3, 2), 10.0), np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])),
            "Word 0 gets the row 0, 1. What does word 2 get?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "two sentences of two words and a longer table",
            lambda: (
                np.array([[[10.0, 10.0], [20.0, 20.0]], [[30.0, 30.0], [40.0, 40.0]]]),
                np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]),
            ),
            "Both sentences have a word 0. Which row do both get?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "zeros, four sentences of three words",
            lambda: (np.zeros((4, 3, 5)), _normal(7, 5, seed=75)),
            "The words are zeros, so the rows themselves come out. Do they change from word to word?",
            about_axes=True,
        ),
        Case(
            "sentences of a single word",
            lambda: (_normal(3, 1, 4, seed=76), _normal(6, 4, seed=77)),
            "There is one word a sentence. Which row does it get?",
            about_axes=True,
        ),
        Case(
            "two sentences of five words",
            lambda: (_normal(2, 5, 6, seed=78), _normal(8, 6, seed=79)),
            "All sizes differ. Which of them says how many rows are needed?",
            about_axes=True,
        ),
        Case(
            "three sentences of three words of three numbers",
            lambda: (_normal(3, 3, 3, seed=80), _normal(10, 3, seed=81)),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
    ),
    properties=(
        Property("a sentence does not know the others of its batch", _another_place_in_the_batch),
        Property("a word does not know how many follow", _longer_sentence),
    ),
    mistakes=bank.ADD_POSITIONS,
    hints=(
        "The table may have a thousand rows, and the sentence has T words. Which rows do you need, and is there a "
        "reason to look at B?",
        "x.shape is (B, T, d), and table[:n] are the first n rows. (T, d) lines up with (B, T, d) from the right, so "
        "broadcasting does the rest.",
        "    return x + table[: ...]",
    ),
    argument_names=("x", "table"),
    argument_dims={"x": "B T d", "table": "longest d"},
    result_names=("placed",),
    result_dims={"placed": "B T d"},
    difficulty=1,
    importance=5,
    minutes=3,
)


# --- shift_rotation ---------------------------------------------------------------------------------------------


def _does_not_shift(function: Function) -> str | None:
    table = reference.positional_encoding(60, 12)
    for k in (1, 7, 20):
        if not np.allclose(table[:-k] @ function(k, 12), table[k:]):
            return f"PE(p) @ M is not PE(p + {k}) for every p. At which p does it fail?"
    return None


def _shifts_do_not_add_up(function: Function) -> str | None:
    if np.allclose(function(3, 6) @ function(4, 6), function(7, 6)):
        return None
    return "Three steps and then four are not seven steps with your matrices. What should happen to the angles?"


SHIFT_ROTATION = Exercise(
    id="shift_rotation",
    lesson=6,
    title="The shift as a rotation",
    signature="(k, d) -> (d, d)",
    reference=reference.shift_rotation,
    cases=(
        Case(
            "a step of 1 and width 2",
            lambda: (1, 2),
            "One hand, turned by 1 radian. Which two entries are cosines, and which sine has the minus?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "no step at all and width 4",
            lambda: (0, 4),
            "Nothing is to move. Which matrix leaves every row as it is?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "a step of 3 and width 4",
            lambda: (3, 4),
            "Pair 0 turns by 3 radians and pair 1 by 0.03. In which rows and columns does pair 1 stand?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "a step of 2 to the left and width 4",
            lambda: (-2, 4),
            "To the left, hands turn back. What does a negative angle do to cosine and sine?",
            by_hand=True,
        ),
        Case(
            "a step of 5 and width 6",
            lambda: (5, 6),
            "Three pairs, three angles. By how much does each of them turn in five steps?",
            about_axes=True,
        ),
        Case(
            "a step of 17 and width 16",
            lambda: (17, 16),
            "Take the last pair. By which angle does it turn in 17 steps?",
        ),
    ),
    properties=(
        Property("every position moves by k", _does_not_shift),
        Property("shifts add up", _shifts_do_not_add_up),
    ),
    mistakes=bank.SHIFT_ROTATION,
    hints=(
        "Look at one pair alone, a row of two numbers (sin a, cos a), and a matrix of two rows and two columns on its "
        "right. Which column makes the new sine, and of what?",
        "k * speeds(d) has the angle of each pair. Begin with np.zeros((d, d)), and write a block of two rows and two "
        "columns for pair i, from row 2 * i and column 2 * i on.",
        "    M = np.zeros((d, d))\n    for i, angle in enumerate(k * speeds(d)):\n"
        "        c, s = np.cos(angle), np.sin(angle)\n        M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = "
        "[[..., ...], [..., ...]]\n    return M",
    ),
    shown=(reference.speeds, reference.shift_rotation),
    argument_names=("k", "d"),
    result_names=("M",),
    result_dims={"M": "d d"},
    difficulty=3,
    importance=4,
    minutes=10,
)


# --- rotary -----------------------------------------------------------------------------------------------------


def _lengths_change(function: Function) -> str | None:
    x = _normal(2, 3, 5, 8, seed=82)
    turned = np.asarray(function(x.copy(), 4))
    if np.allclose((turned**2).sum(axis=-1), (x**2).sum(axis=-1)):
        return None
    return "Your vectors get longer or shorter. What does a rotation leave as it is?"


def _scores(function: Function, q: Array, k: Array, start: int = 0) -> Array:
    return np.asarray(function(q.copy(), start)) @ np.swapaxes(np.asarray(function(k.copy(), start)), -1, -2)


def _place_matters(function: Function) -> str | None:
    q, k = _normal(2, 1, 2, 6, 8, seed=83)
    if np.allclose(_scores(function, q, k), _scores(function, q, k, start=30)):
        return None
    return "Moved by 30 places, the same words get other scores. By which angle are query and key turned apart?"


def _order_does_not_matter(function: Function) -> str | None:
    q, k = _normal(2, 1, 2, 6, 8, seed=83)
    order = [0, 4, 2, 3, 1, 5]
    exchanged = _scores(function, q[:, :, order], k[:, :, order])
    if not np.allclose(exchanged, _scores(function, q, k)[:, :, order][..., order]):
        return None
    return "Two words exchange their places, and no score moves. What do you turn by?"


def _rotary_cases() -> tuple[Case, ...]:
    return (
        Case(
            "two words of two numbers",
            lambda: (np.array([[1.0, 0.0], [1.0, 0.0]]),),
            "Word 0 stays as it is, and word 1 turns by 1 radian. Where does (1, 0) go?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "one word at position 2",
            lambda: (np.array([[1.0, 2.0]]), 2),
            "The only row has position 2. By which angle does it turn?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "two words of four numbers",
            lambda: (np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]),),
            "1 and 2 are a pair, and so are 3 and 4. By which angle does each pair of word 1 turn?",
            by_hand=True,
            about_axes=True,
        ),
        *_four_axes(),
    )


def _four_axes() -> tuple[Case, ...]:
    return (
        Case(
            "x of B = 2, H = 3, T = 5 and d_head = 4",
            lambda: (_normal(2, 3, 5, 4, seed=84),),
            "All sizes differ. Along which of your axes do the positions run?",
            about_axes=True,
        ),
        Case(
            "x of B = 3, H = 2, T = 4 and d_head = 6, from position 7 on",
            lambda: (_normal(3, 2, 4, 6, seed=85), 7),
            "The first of the four words has position 7. Which one has the last?",
            about_axes=True,
        ),
        Case(
            "one new word at position 9",
            lambda: (_normal(2, 3, 1, 4, seed=86), 9),
            "A single word comes, and nine have come before. By which angle does its fastest pair turn?",
            about_axes=True,
        ),
        Case(
            "x of B, H, T and d_head all 4",
            lambda: (_normal(4, 4, 4, 4, seed=87),),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
    )


ROTARY = Exercise(
    id="rotary",
    lesson=6,
    title="Turn queries and keys",
    signature="(x, start=0) -> turned, (..., T, d)",
    reference=reference.rotary,
    cases=_rotary_cases(),
    properties=(
        Property("lengths stay", _lengths_change),
        Property("only distances count", _place_matters),
        Property("the order counts", _order_does_not_matter),
    ),
    mistakes=bank.ROTARY,
    hints=(
        "Take the pair (1, 0) as the tip of a hand. After a turn by the angle a its first number is cos a: which "
        "number is its second? And where does (0, 1) go?",
        "angles = (start + np.arange(T))[:, None] * speeds(d) has shape (T, d / 2). x[..., 0::2] are the first numbers "
        "of all pairs and x[..., 1::2] the second ones, whatever axes stand before. Write into np.zeros(x.shape).",
        "    even, odd = x[..., 0::2], x[..., 1::2]\n    turned = np.zeros(x.shape)\n"
        "    turned[..., 0::2] = even * np.cos(angles) - ...\n    turned[..., 1::2] = even * ... + odd * ...\n"
        "    return turned",
    ),
    shown=(reference.speeds, reference.rotary),
    argument_names=("x", "start"),
    argument_dims={"x": "B H T d_head"},
    result_names=("turned",),
    result_dims={"turned": "B H T d_head"},
    keyword="start",
    difficulty=3,
    importance=5,
    minutes=15,
)


# --- the version to repair --------------------------------------------------------------------------------------


def buggy_rotary(x: Array, start: int = 0) -> Array:
    """Turn queries or keys (B, H, T, d_head), with the planted bug that the notebook hands out.

    The positions run along axis 1. That is where the words stand in (B, T, H, d_head), before the axes are swapped;
    behind the swap the heads stand there. So all words of a head are turned by one angle, and no score moves at all.
    """
    places = start + np.arange(x.shape[1])
    angles = places[:, None, None] * reference.speeds(x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return turned


REPAIR_ROTARY = dataclasses.replace(
    ROTARY,
    id="repair_rotary",
    title="Find the bug",
    signature="(x, start=0) -> turned, (B, H, T, d_head)",
    cases=_four_axes(),
    # Its x has four axes always: who wants them is right here.
    mistakes=tuple(mistake for mistake in bank.ROTARY if mistake.id != "rotary_four_axes_only"),
    hints=(
        "All of the colleague's tests would be passed by a function that does nothing at all. What should positions "
        "change, and which of the tests asks for that?",
        "Print x.shape, places.shape and the angles for x of 2 sentences, 3 heads and 5 words. How many different "
        "angles of the first pair are there, and how many words?",
        "    T = x.shape[...]                       # (B, H, T, d_head)\n"
        "    places = start + np.arange(T)\n    angles = places[:, None] * speeds(...)      # (T, d_head / 2)",
    ),
    handed_out=buggy_rotary,
    difficulty=2,
    importance=4,
    minutes=13,
)

EXERCISES = (POSITIONAL_ENCODING, SHIFT_ROTATION, ADD_POSITIONS, ROTARY, REPAIR_ROTARY)
