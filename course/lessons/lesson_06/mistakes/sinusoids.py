"""Known wrong versions of positional_encoding, and the question that leads out of each.

Ids D01 to D15 are those of the project's catalog of mistakes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_06 import reference
from course.lessons.lesson_06.mistakes.angles import WRONG_SPEEDS, Speeds, only, pairs, truncated, with_base

Array = NDArray[Any]


def _interleaved(even: Array, odd: Array, d: int) -> Array:
    table = np.zeros((len(even), d))
    table[:, 0::2] = even
    table[:, 1::2] = odd[:, : d // 2]
    return table


def _table(
    speeds: Speeds = reference.speeds,
    positions: Callable[[int], Array] = np.arange,
    even: Callable[[Array], Array] = np.sin,
    odd: Callable[[Array], Array] = np.cos,
) -> Function:
    """Return positional_encoding with a step of another kind."""

    def positional_encoding(T: int, d: int) -> Array:
        angles = np.asarray(positions(T), dtype=float)[:, None] * speeds(d)
        return _interleaved(even(angles), odd(angles), d)

    return positional_encoding


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda T, d: change(reference.positional_encoding(T, d))


def _sides(cosine_first: bool) -> Function:
    def positional_encoding(T: int, d: int) -> Array:
        angles = np.arange(T)[:, None] * reference.speeds(d)
        sine, cosine = np.sin(angles), np.cos(angles)
        both = [cosine, sine] if cosine_first else [sine, cosine]
        return np.concatenate([both[0], both[1][:, : d // 2]], axis=1)

    return positional_encoding


def _cosine_of_another_speed(more: float) -> Function:
    """Let a cosine turn as column 2i + more would, instead of as its sine."""

    def positional_encoding(T: int, d: int) -> Array:
        positions = np.arange(T)[:, None]
        sine = np.sin(positions * 10000.0 ** (-2 * pairs(d) / d))
        return _interleaved(sine, np.cos(positions * 10000.0 ** (-(2 * pairs(d) + more) / d)), d)

    return positional_encoding


def _axes_mixed(T: int, d: int) -> Array:
    angles = np.arange(0, d, 2)[:, None] * 10000.0 ** (-np.arange(T) / T)
    return _interleaved(np.sin(angles.T), np.cos(angles.T), d)


def _exponent_by_length(T: int, d: int) -> Array:
    return _table(speeds=lambda d: 10000.0 ** (-2 * pairs(d) / T))(T, d)


def _raises_for_odd(error: type[Exception]) -> Function:
    def positional_encoding(T: int, d: int) -> Array:
        if d % 2:
            raise error("odd width")
        return reference.positional_encoding(T, d)

    return positional_encoding


def _odd_as_even(change: Callable[[Array, int], Array]) -> Function:
    """Return a version that is right for even widths and makes something else of the table of an odd one."""

    def positional_encoding(T: int, d: int) -> Array:
        right = reference.positional_encoding(T, d)
        return change(right, d) if d % 2 else right

    return positional_encoding


def _one_column_more(table: Array, d: int) -> Array:
    angles = np.arange(len(table))[:, None] * reference.speeds(d)
    return _interleaved(np.sin(angles), np.cos(angles), d + 1)


def _width_rounded(by: int) -> Callable[[Array, int], Array]:
    return lambda table, d: _table(speeds=lambda d: 10000.0 ** (-2 * pairs(d) / (d + by)))(len(table), d)


def _rows_in_turn(T: int, d: int) -> Array:
    """Give even rows sines and odd rows cosines; the columns turn as pairs do."""
    angles = np.arange(T)[:, None] * 10000.0 ** (-2 * (np.arange(d) // 2) / d)
    table = np.zeros((T, d))
    table[0::2], table[1::2] = np.sin(angles)[0::2], np.cos(angles)[1::2]
    return table


def _each_column_its_own(T: int, d: int) -> Array:
    angles = np.arange(T)[:, None] * 10000.0 ** (-2 * np.arange(d) / d)
    return np.where(np.arange(d) % 2 == 0, np.sin(angles), np.cos(angles))


def _not_a_function_of_angles(T: int, d: int) -> Array:
    angles = np.arange(T)[:, None] * reference.speeds(d)
    return _interleaved(angles, angles, d)


def _fixed_rows(n: int) -> Function:
    return lambda T, d: reference.positional_encoding(n, d)


def _fixed_columns(n: int) -> Function:
    return lambda T, d: reference.positional_encoding(T, n)


def has_another_base(function: Function) -> bool:
    """Whether a function is right but for one thing: a base that is not 10000."""
    try:
        angle = float(np.arcsin(function(2, 4)[1, 2]))
        base = angle**-2 if angle > 0 else 0.0
        if not 1.0 < base < 1e12 or abs(base - 10000) < 1e-3:
            return False
        return all(np.allclose(function(T, d), _table(with_base(base))(T, d), atol=1e-6) for T, d in ((5, 4), (7, 6)))
    except Exception:  # whatever the learner's function may raise
        return False


def has_fixed_size(function: Function) -> bool:
    """Whether a function gives the right table for one certain number of rows or columns, whatever is asked for."""
    try:
        shapes = {np.shape(function(T, d)) for T, d in ((5, 4), (9, 4), (5, 8), (9, 8))}
        rows, columns = {each[0] for each in shapes}, {each[1] for each in shapes}
    except Exception:  # whatever the learner's function may raise
        return False
    return len(rows) == 1 or len(columns) == 1


POSITIONAL_ENCODING = (
    Mistake(
        "D01",
        "sines first, then cosines",
        "Your columns hold all sines first and then all cosines (or the other way round). Some programs do, and it is "
        "no error (section 7); here a sine and its cosine are neighbors. In which column must cos(0) = 1 of the first "
        "pair stand?",
        (_sides(cosine_first=False), _sides(cosine_first=True)),
    ),
    Mistake(
        "D03",
        "the two of 2i counted twice",
        "Your second pair turns as the third should. Your steps of 2 are the 2i already: what does another factor of 2 "
        "make of them?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["two_i_twice"]),
    ),
    Mistake(
        "pe_i_without_two",
        "i instead of 2i, or 100 instead of 10000",
        "Your hands slow down too gently: 2i became i, or 10000 became 100, which comes to the same. Which of the two "
        "is it?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["i_without_two"]),
    ),
    Mistake(
        "D05",
        "a sine in every column",
        "Both columns of a pair hold the same sine. At position 0, column 1 should be cos(0): what do you have there?",
        (_table(odd=np.sin),),
    ),
    Mistake(
        "pe_cosines_only",
        "a cosine in every column",
        "Both columns of a pair hold the same cosine. At position 0, column 0 should be sin(0): what have you there?",
        (_table(even=np.cos),),
    ),
    Mistake(
        "pe_cosine_first",
        "sine and cosine exchanged",
        "Your row 0 is 1, 0, 1, 0. Which of the two stands in the even columns?",
        (_table(even=np.cos, odd=np.sin),),
    ),
    Mistake(
        "pe_cosine_off",
        "the cosine turns at another speed than its sine",
        "Your sines are right, and your cosines turn at another speed. A pair is one hand of a clock: do both of its "
        "columns have the same exponent?",
        tuple(map(_cosine_of_another_speed, (1, 2, -1, -2))),
    ),
    Mistake(
        "pe_each_column",
        "every column has a speed of its own",
        "Column 1 of yours turns at another speed than column 0. How many columns belong to one pair, and which number "
        "i do they share?",
        (_each_column_its_own,),
    ),
    Mistake(
        "D07",
        "positions start at 1",
        "Your row 0 is not 0, 1, 0, 1. Which number does the first position have?",
        (_table(positions=lambda T: np.arange(1, T + 1)),),
    ),
    Mistake(
        "pe_positions_backward",
        "positions counted from the end",
        "Your last row is 0, 1, 0, 1. From which end do you count?",
        (_table(positions=lambda T: np.arange(T)[::-1]), _table(positions=lambda T: -np.arange(T))),
    ),
    Mistake(
        "pe_share_of_length",
        "the share of the sentence instead of the position",
        "You divide the positions by the length of the table. Would place 3 then look the same in every sentence?",
        (
            _table(positions=lambda T: np.arange(T) / T),
            _table(positions=lambda T: np.arange(T) / max(T - 1, 1)),
            _table(positions=lambda T: np.linspace(0, 1, T)),
        ),
    ),
    Mistake(
        "D09",
        "an odd width raises",
        "Even widths work, and a width of 5 raises. It has three even columns and how many odd ones?",
        tuple(map(_raises_for_odd, (ValueError, AssertionError, TypeError, NotImplementedError))),
    ),
    Mistake(
        "pe_odd_width_changed",
        "one column more or fewer for an odd width",
        "For an odd width your table has one column too many or too few. The last pair has a sine alone: where do you "
        "cut?",
        (_odd_as_even(_one_column_more), _odd_as_even(lambda table, d: table[:, :-1])),
    ),
    Mistake(
        "pe_odd_last_empty",
        "the last column of an odd width stays 0",
        "For an odd width your last column is 0. How many sines does a width of 5 have?",
        (_odd_as_even(lambda table, d: only(table, 1, slice(None, -1))),),
    ),
    Mistake(
        "pe_odd_width_rounded",
        "the exponent of an odd width has an even one below",
        "For an odd width your speeds are a little off. By which number do you divide 2i, d or one next to it?",
        (_odd_as_even(_width_rounded(1)), _odd_as_even(_width_rounded(-1))),
    ),
    Mistake(
        "D11",
        "another base than 10000",
        "Your hands turn with another base. Which number stands in the formula, and how many zeros has it?",
        tuple(_table(with_base(base)) for base in (1000.0, 100000.0, 2 * np.pi, 2.0)),
        recognize=has_another_base,
    ),
    Mistake(
        "D13",
        "the table lies on its side",
        "Your table is (d, T). Which axis should the positions run along?",
        (_after(lambda table: table.T), _after(lambda table: table.T.copy())),
    ),
    Mistake(
        "D15",
        "positions and columns exchanged in the angle",
        "Your exponent depends on the position. Column 0 alone: which of its rows should turn faster than others?",
        (_axes_mixed, _exponent_by_length),
    ),
    Mistake(
        "pe_growing",
        "hands that turn faster and faster",
        "Your second pair turns faster than the first. Is the position divided by 10000 to a power, or multiplied?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["growing"]),
    ),
    Mistake(
        "pe_one_speed",
        "all pairs turn alike",
        "All your pairs hold the same numbers. Does 2i / d come out as 0 somewhere, by // perhaps?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["one_for_all"]),
    ),
    Mistake(
        "pe_no_parentheses",
        "a power before a division",
        "Print 10000 ** 2 / 4 and 10000 ** (2 / 4). Which of the two does your exponent do?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["without_parentheses"]),
    ),
    Mistake(
        "pe_fixed_divisor",
        "2i divided by a fixed number",
        "Your speeds are right for one width at most. Which number stands where d should?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["fixed_width"]),
    ),
    Mistake(
        "pe_to_the_end",
        "the last pair reaches the base itself",
        "Your speeds run from 1 to exactly 1/10000. In the formula 2i stays below d: does 2i / d ever reach 1?",
        tuple(_table(speeds=each) for each in WRONG_SPEEDS["to_the_end"]),
    ),
    Mistake(
        "pe_degrees",
        "degrees or whole turns for radians",
        "Your hands turn by another unit. np.sin takes radians, and so does the formula: which of your lines converts?",
        (
            _table(speeds=lambda d: np.deg2rad(reference.speeds(d))),
            _table(speeds=lambda d: 2 * np.pi * reference.speeds(d)),
            _table(speeds=lambda d: np.rad2deg(reference.speeds(d))),
        ),
    ),
    Mistake(
        "pe_angles",
        "the angles themselves",
        "Your numbers grow with the position. What is still to be done with the angles?",
        (_not_a_function_of_angles,),
    ),
    Mistake(
        "pe_rows_in_turn",
        "rows instead of columns in turn",
        "Your even rows hold sines and your odd rows cosines. What does the first index of table[0::2] run over?",
        (_rows_in_turn,),
    ),
    Mistake(
        "pe_loop_misses_one",
        "a loop that misses a position or a pair",
        "The first or the last row or pair of yours is still 0. What are the first and the last number that range() "
        "gives you?",
        (
            _after(lambda table: only(table, 0, slice(None, -1))),
            _after(lambda table: only(table, 0, slice(1, None))),
            _after(lambda table: only(table, 1, slice(None, -2))),
            _after(lambda table: only(table, 1, slice(2, None))),
        ),
    ),
    Mistake(
        "pe_first_row_only",
        "nothing below row 0",
        "Below row 0 all of your numbers are 0. An array of integers does that, since it cuts off behind the point, "
        "and so does a return inside the loop. Which of them is yours?",
        (
            _after(lambda table: only(table, 0, slice(None, 1))),
            _after(truncated),
            _after(np.trunc),
        ),
    ),
    Mistake(
        "pe_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one pair or one entry of your table is filled. How far in does the line with return stand?",
        (
            _after(lambda table: only(table, 1, slice(None, 2))),
            _after(lambda table: only(only(table, 0, slice(None, 1)), 1, slice(None, 2))),
        ),
    ),
    Mistake(
        "pe_no_cosines",
        "the odd columns stay empty",
        "Your odd columns are still 0. Which line should fill them?",
        (_table(odd=np.zeros_like),),
    ),
    Mistake(
        "pe_scaled",
        "larger or smaller by a factor",
        "All your numbers are too large or too small by one factor. Is there anything in the formula beside a sine or "
        "a cosine?",
        (
            lambda T, d: reference.positional_encoding(T, d) * d**0.5,
            lambda T, d: reference.positional_encoding(T, d) / d**0.5,
            lambda T, d: reference.positional_encoding(T, d) / (d / 2) ** 0.5,
            lambda T, d: reference.positional_encoding(T, d) * 0.1,
            lambda T, d: reference.positional_encoding(T, d) * 0.02,
        ),
    ),
    Mistake(
        "pe_fixed_size",
        "a fixed number of rows or columns",
        "Your table has the same number of rows, or of columns, whatever is asked for. Which argument is not used?",
        (*map(_fixed_rows, (10, 50, 100, 512)), *map(_fixed_columns, (4, 8, 512))),
        recognize=has_fixed_size,
    ),
    Mistake(
        "pe_another_axis",
        "an axis too many",
        "Your table has three axes. One table serves all sentences: which axis of length 1 can go?",
        (
            _after(lambda table: table[None]),
            _after(lambda table: table[:, None]),
            _after(lambda table: table[..., None]),
        ),
    ),
    Mistake(
        "pe_rounded",
        "rounds the numbers",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(_after(lambda table, n=n: np.round(table, n)) for n in range(1, 7)),  # type: ignore[misc]
    ),
    Mistake(
        "pe_single_precision",
        "float32",
        "Half of the digits are gone. Which of your lines asks for float32?",
        (
            _after(lambda table: table.astype(np.float32)),
            _table(speeds=lambda d: reference.speeds(d).astype(np.float32).astype(float)),
        ),
    ),
)
