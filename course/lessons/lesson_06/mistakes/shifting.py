"""Known wrong versions of shift_rotation, and the question that leads out of each."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_06 import reference
from course.lessons.lesson_06.mistakes.angles import WRONG_SPEEDS, Speeds, pairs, truncated, with_base

Array = NDArray[Any]
Block = Callable[[float], Sequence[Sequence[float]]]


def _right(angle: float) -> list[list[float]]:
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return [[c, -s], [s, c]]


def _shift(
    block: Block = _right,
    speeds: Speeds = reference.speeds,
    steps: Callable[[int], float] = float,
) -> Function:
    """Return shift_rotation with a step of another kind."""

    def shift_rotation(k: int, d: int) -> Array:
        M = np.zeros((d, d))
        for i, angle in enumerate(steps(k) * speeds(d)):
            M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block(float(angle))
        return M

    return shift_rotation


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda k, d: change(reference.shift_rotation(k, d))


def _halves(k: int, d: int) -> Array:
    """Return the matrix for a table of all sines and then all cosines."""
    angles = k * reference.speeds(d)
    c, s = np.diag(np.cos(angles)), np.diag(np.sin(angles))
    return np.block([[c, -s], [s, c]])


def _blocks_reversed(k: int, d: int) -> Array:
    return _shift(speeds=lambda d: reference.speeds(d)[::-1])(k, d)


def _kept_pairs(kept: slice, other: Callable[[int], Array]) -> Function:
    """Return a version whose loop fills the blocks of some pairs only, in a matrix that began as `other`."""

    def shift_rotation(k: int, d: int) -> Array:
        M, reached = other(d), np.zeros(d // 2, dtype=bool)
        reached[kept] = True
        both = np.repeat(reached, 2)
        return np.where(both[:, None] & both, reference.shift_rotation(k, d), M)

    return shift_rotation


def _empty(d: int) -> Array:
    return np.zeros((d, d))


def _overlapping(k: int, d: int) -> Array:
    """Write the blocks one row and column apart, each over the last."""
    M = np.zeros((d, d))
    for i, angle in enumerate(k * reference.speeds(d)):
        M[i : i + 2, i : i + 2] = _right(float(angle))
    return M


def _blocks(k: int, d: int) -> Array:
    return np.array([_right(float(angle)) for angle in k * reference.speeds(d)])


def _of_one_position(p: int) -> Function:
    """Return a matrix that is right for position p and no other: an outer product."""

    def shift_rotation(k: int, d: int) -> Array:
        table = reference.positional_encoding(60, d)
        return np.outer(table[p], table[(p + k) % 60]) / (table[p] @ table[p])

    return shift_rotation


def _fixed_shift(k: int) -> Function:
    return lambda _, d: reference.shift_rotation(k, d)


def _fixed_width(n: int) -> Function:
    return lambda k, _: reference.shift_rotation(k, n)


SHIFT_ROTATION = (
    Mistake(
        "shift_backward",
        "turns the other way round",
        "Your matrix moves positions to the left: PE(5) becomes PE(5 - k). Vectors are rows here and the matrix stands "
        "on the right: which of the two sines has the minus then?",
        (_after(lambda M: M.T), _after(lambda M: M.T.copy())),
    ),
    Mistake(
        "shift_no_minus",
        "no minus, or two of them",
        "Your two sines have the same sign, so a hand would be stretched instead of turned. cos(a + b) = cos a cos b "
        "and then which sign?",
        (
            _shift(lambda a: [[np.cos(a), np.sin(a)], [np.sin(a), np.cos(a)]]),
            _shift(lambda a: [[np.cos(a), -np.sin(a)], [-np.sin(a), np.cos(a)]]),
        ),
    ),
    Mistake(
        "shift_sine_for_cosine",
        "sine and cosine exchanged",
        "With k = 0 your matrix moves something. Which of cos(0) and sin(0) belongs on the diagonal?",
        (
            _shift(lambda a: [[np.sin(a), -np.cos(a)], [np.cos(a), np.sin(a)]]),
            _shift(lambda a: [[np.sin(a), np.cos(a)], [-np.cos(a), np.sin(a)]]),
            _shift(lambda a: [[np.sin(a), np.cos(a)], [np.cos(a), np.sin(a)]]),
            _shift(lambda a: [[np.sin(a), np.cos(a)], [np.cos(a), -np.sin(a)]]),
        ),
    ),
    Mistake(
        "shift_mirrored",
        "a mirror instead of a rotation",
        "With k = 0 your matrix turns signs around. A minus belongs to one of the sines: does one of your cosines have "
        "it?",
        (
            _shift(lambda a: [[-np.cos(a), np.sin(a)], [np.sin(a), np.cos(a)]]),
            _shift(lambda a: [[np.cos(a), np.sin(a)], [np.sin(a), -np.cos(a)]]),
        ),
    ),
    Mistake(
        "shift_cosines_only",
        "the cosines alone",
        "Your matrix has a diagonal and nothing beside it, so the sine never hears of its cosine. sin(a + b) = sin a "
        "cos b plus what?",
        (_shift(lambda a: [[np.cos(a), 0.0], [0.0, np.cos(a)]]),),
    ),
    Mistake(
        "shift_halves",
        "blocks for sines first, then cosines",
        "Your sines stand in one corner of the matrix, for a table of all sines and then all cosines. In this one a "
        "sine and its cosine are neighbors: which four entries belong to pair 0?",
        (_halves,),
    ),
    Mistake(
        "shift_of_columns",
        "numbers pushed to the side",
        "Your matrix holds ones and zeros: it moves numbers to other columns. What does it do to positions?",
        (
            lambda k, d: np.eye(d, k=k),
            lambda k, d: np.eye(d, k=-k),
            lambda k, d: np.roll(np.eye(d), k, axis=1),
            lambda k, d: np.roll(np.eye(d), k, axis=0),
        ),
    ),
    Mistake(
        "shift_identity",
        "nothing is turned",
        "Your matrix is the identity. Where does k come into it?",
        (lambda k, d: np.eye(d),),
    ),
    Mistake(
        "shift_k_ignored",
        "always the same shift",
        "Your matrix is the same for every k. Where does k come into the angle?",
        tuple(map(_fixed_shift, (1, 3, 2, -1))),
    ),
    Mistake(
        "shift_size_of_k",
        "the sign of k is lost",
        "Shifts to the right are right, and shifts to the left go to the right. What becomes of a negative k?",
        (_shift(steps=lambda k: float(abs(k))),),
    ),
    Mistake(
        "shift_another_k",
        "one step too many or too few",
        "Your matrix shifts by one more or one less than it should. What does k = 0 have to do?",
        (_shift(steps=lambda k: k + 1.0), _shift(steps=lambda k: k - 1.0)),
    ),
    Mistake(
        "shift_two_i_twice",
        "the two of 2i counted twice",
        "Your second pair turns as the third should. speeds(d) knows of the 2 already: do you apply it again?",
        tuple(_shift(speeds=each) for each in WRONG_SPEEDS["two_i_twice"]),
    ),
    Mistake(
        "shift_i_without_two",
        "i instead of 2i, or 100 instead of 10000",
        "Your hands slow down too gently: 2i became i, or 10000 became 100, which comes to the same. Which is it?",
        tuple(_shift(speeds=each) for each in WRONG_SPEEDS["i_without_two"]),
    ),
    Mistake(
        "shift_one_speed",
        "all pairs turn alike",
        "All blocks of your matrix are the same. Which pair turns by k radians, and which by much less?",
        tuple(_shift(speeds=each) for each in WRONG_SPEEDS["one_for_all"]),
    ),
    Mistake(
        "shift_speeds_reversed",
        "the slowest pair first",
        "Your first block turns least. Which columns of the table hold the fastest hand?",
        (_blocks_reversed, _shift(speeds=WRONG_SPEEDS["growing"][0])),
    ),
    Mistake(
        "shift_other_speeds",
        "other speeds than those of the table",
        "Your blocks turn at other speeds than the pairs of the table. What does speeds(d) give?",
        tuple(
            _shift(speeds=each)
            for each in (
                *map(with_base, (1000.0, 100000.0)),
                *WRONG_SPEEDS["fixed_width"],
                *WRONG_SPEEDS["to_the_end"],
                *WRONG_SPEEDS["without_parentheses"],
                lambda d: np.deg2rad(reference.speeds(d)),
                lambda d: 2 * np.pi * reference.speeds(d),
                lambda d: np.rad2deg(reference.speeds(d)),
                lambda d: 1.0 / (pairs(d) + 1),
            )
        ),
    ),
    Mistake(
        "shift_first_pair_only",
        "returns at the first turn of a loop",
        "Only one pair is turned. How far in does the line with return stand, or does every turn begin with a new "
        "matrix?",
        (
            _kept_pairs(slice(None, 1), _empty),
            _kept_pairs(slice(None, 1), np.eye),
            _kept_pairs(slice(-1, None), _empty),
            _kept_pairs(slice(-1, None), np.eye),
        ),
    ),
    Mistake(
        "shift_misses_one",
        "a loop that misses a pair",
        "The first or the last pair is not turned. What are the first and the last number that range() gives you?",
        (
            _kept_pairs(slice(None, -1), _empty),
            _kept_pairs(slice(1, None), _empty),
            _kept_pairs(slice(None, -1), np.eye),
            _kept_pairs(slice(1, None), np.eye),
        ),
    ),
    Mistake(
        "shift_overlapping",
        "blocks that lie upon each other",
        "Your blocks stand one row apart, and each is two rows high. In which row does the block of pair 1 begin?",
        (_overlapping,),
    ),
    Mistake(
        "shift_blocks",
        "blocks in a list",
        "Your blocks come back as a stack. PE(p) has d numbers: which shape must stand on the right of it?",
        (_blocks, lambda k, d: _blocks(k, d)[..., None], lambda k, d: _blocks(k, d).reshape(d, 2)),
    ),
    Mistake(
        "shift_of_one_position",
        "right for one position alone",
        "Your matrix is made from one row of the table and moves this one only. Is there a p in the angle by which a "
        "hand turns in k steps?",
        tuple(map(_of_one_position, (0, 1, 5, 10))),
    ),
    Mistake(
        "shift_fixed_width",
        "a fixed width",
        "Your matrix has the same size whatever d is. Which argument is not used?",
        tuple(map(_fixed_width, (2, 4, 8, 64))),
    ),
    Mistake(
        "shift_transposed_blocks",
        "rows and columns of the whole in another order",
        "The right blocks stand in the wrong places. Along which line of the matrix do they belong?",
        (_after(lambda M: M[::-1]), _after(lambda M: M[:, ::-1])),
    ),
    Mistake(
        "shift_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (_after(truncated), _after(np.trunc)),
    ),
    Mistake(
        "shift_rounded",
        "rounds the matrix",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(_after(lambda M, n=n: np.round(M, n)) for n in range(1, 7)),  # type: ignore[misc]
    ),
    Mistake(
        "shift_single_precision",
        "float32",
        "Half of the digits are gone. Which of your lines asks for float32?",
        (_after(lambda M: M.astype(np.float32)),),
    ),
)
