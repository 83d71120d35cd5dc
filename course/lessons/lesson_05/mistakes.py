"""Known wrong versions of `influence`, and the question that leads out of each.

Most of them differ from the right one in one step: how a token is exchanged, what the outputs are compared with, how a
difference becomes one number, or where that number is put. `_meter` is the right one with one step replaced.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_05.reference import influence

Array = NDArray[Any]
Exchange = Callable[[Array, Array, int], Array]  # x, other, j -> tokens to run f on


def _exchange(x: Array, other: Array, j: int) -> Array:
    changed = x.copy()
    changed[j] = other[j]
    return changed


def _largest(change: Array) -> Array:
    return np.asarray(np.abs(change).max(axis=-1))


def _all(x: Array) -> Iterable[int]:
    return range(len(x))


def _meter(
    exchange: Exchange = _exchange,
    size: Callable[[Array], Array] = _largest,
    before: Callable[[Function, Array, Array], Array] = lambda f, x, other: f(x),
    tokens: Callable[[Array], Iterable[int]] = _all,
) -> Function:
    """Return `influence` with a step of another kind.

    Args:
        exchange: makes the tokens that f is run on.
        size: from the change of the outputs (T, d_v) to what becomes a column.
        before: the outputs that are compared with.
        tokens: which j are tried.
    """

    def meter(f: Function, x: Array, other: Array) -> Array:
        compared = before(f, x, other)
        moved = np.zeros((len(x), len(x)))
        for j in tokens(x):
            moved[:, j] = size(f(exchange(x, other, j)) - compared)
        return moved

    return meter


# --- how a token is exchanged -----------------------------------------------------------------------------------


def _with(x: Array, other: Array, chosen: Any) -> Array:  # noqa: ANN401
    changed = x.copy()
    changed[chosen] = other[chosen]
    return changed


def _without(x: Array, other: Array, j: int) -> Array:
    changed = other.copy()
    changed[j] = x[j]
    return changed


def _zeroed(x: Array, other: Array, j: int) -> Array:
    changed = x.copy()
    changed[j] = 0
    return changed


def _added(x: Array, other: Array, j: int) -> Array:
    changed = x.copy()
    changed[j] += other[j]
    return changed


def _taken_out(x: Array, other: Array, j: int) -> Array:
    """Leave token j out of the sentence, which is then too short to compare."""
    return np.delete(x, j, axis=0)


def _in_place(f: Function, x: Array, other: Array) -> Array:
    """Write into x itself, since ``changed = x`` makes no copy."""
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x
        changed[j] = other[j]
        moved[:, j] = _largest(f(changed) - before)
    return moved


def _two_names(f: Function, x: Array, other: Array) -> Array:
    """Run f twice on one array under two names."""
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x
        changed[j] = other[j]
        moved[:, j] = _largest(f(changed) - f(x))
    return moved


def _features(f: Function, x: Array, other: Array) -> Array:
    """Exchange number j of every token instead of token j."""
    before = f(x)
    moved = np.zeros((len(x), x.shape[1]))
    for j in range(x.shape[1]):
        moved[:, j] = _largest(f(_with(x, other, (slice(None), j))) - before)
    return moved


# --- where the numbers are put ----------------------------------------------------------------------------------


def _own_output_only(f: Function, x: Array, other: Array) -> Array:
    return np.diag(np.diag(influence(f, x, other)))


def _last_column(f: Function, x: Array, other: Array) -> Array:
    return influence(f, x, other)[:, -1]


def _all_columns_the_last(f: Function, x: Array, other: Array) -> Array:
    return np.repeat(influence(f, x, other)[:, -1:], len(x), axis=1)


def _kept_first(f: Function, x: Array, other: Array) -> Array:
    """Return from inside the loop."""
    moved = np.zeros((len(x), len(x)))
    moved[:, 0] = influence(f, x, other)[:, 0]
    return moved


def _as_type(kind: Any) -> Function:  # noqa: ANN401
    return lambda f, x, other: influence(f, x, other).astype(kind)


def _yes_or_no(least: float, kind: Any) -> Function:  # noqa: ANN401
    return lambda f, x, other: (influence(f, x, other) > least).astype(kind)


def _relative(f: Function, x: Array, other: Array) -> Array:
    before = f(x)
    return np.stack([_largest((f(_exchange(x, other, j)) - before) / before) for j in range(len(x))], axis=1)


INFLUENCE = (
    Mistake(
        "influence_transposed",
        "rows and columns exchanged",
        "Your row j holds what token j moves. In entry [i, j] the output comes first: which index is the row?",
        (lambda f, x, other: influence(f, x, other).T,),
    ),
    Mistake(
        "influence_not_reset",
        "tokens stay exchanged",
        "When you exchange token 2, the tokens 0 and 1 are exchanged already. From what does each turn of the loop "
        "have to start?",
        (_meter(exchange=lambda x, other, j: _with(x, other, slice(j + 1))),),
    ),
    Mistake(
        "influence_no_copy",
        "writes into x",
        "Your function changes the x of its caller, so tokens stay exchanged. Does `changed = x` make a second array, "
        "or a second name?",
        (_in_place,),
    ),
    Mistake(
        "influence_two_names",
        "compares an array with itself",
        "All your numbers are 0, and x is another array after the call: `changed = x` makes a second name and no "
        "second array. When f runs on the one and on the other, what do you compare with what?",
        (_two_names,),
    ),
    Mistake(
        "influence_nothing_exchanged",
        "nothing is exchanged, or nothing written down",
        "All your numbers are 0. Does a token of other stand in what f gets the second time, and which line writes "
        "into the table what it finds?",
        (lambda f, x, other: np.zeros((len(x), len(x))),),
    ),
    Mistake(
        "influence_all_that_follow",
        "exchanges all tokens from j on",
        "You exchange all tokens from one place on. Which colon makes a single row a slice of many?",
        (
            _meter(exchange=lambda x, other, j: _with(x, other, slice(j, None))),
            _meter(exchange=lambda x, other, j: _with(x, other, slice(j + 1, None))),
        ),
    ),
    Mistake(
        "influence_all_but_one",
        "exchanges all tokens but j",
        "You keep token j and exchange all others. Which of the two arrays has to be copied?",
        (_meter(exchange=_without), _meter(exchange=lambda x, other, j: other)),
    ),
    Mistake(
        "influence_other_way_round",
        "starts from other",
        "You begin with other and put tokens of x into it. Which sentence is to be measured?",
        (
            lambda f, x, other: influence(f, other, x),
            _meter(before=lambda f, x, other: f(other)),
        ),
    ),
    Mistake(
        "influence_zeroed",
        "sets the token to zero",
        "You put zeros where the tokens of other should stand. Which of your three arguments is never used?",
        (_meter(exchange=_zeroed),),
    ),
    Mistake(
        "influence_added",
        "adds instead of exchanging",
        "You add other[j] to the token. Should anything of the old token be left when it has been exchanged?",
        (_meter(exchange=_added), _meter(exchange=lambda x, other, j: _with(x, x - other, j))),
    ),
    Mistake(
        "influence_taken_out",
        "takes the token out",
        "You take token j out, and the sentence becomes shorter. With which output would output 2 then be compared?",
        (_meter(exchange=_taken_out),),
    ),
    Mistake(
        "influence_features",
        "exchanges numbers of all tokens",
        "Your changed[:, j] is number j of every token. Which of the two axes counts the tokens?",
        (_features, _meter(exchange=lambda x, other, j: _with(x, other, (slice(None), j)))),
    ),
    Mistake(
        "influence_signed",
        "without the absolute value",
        "Where an output falls, you report a number that is too small. What does max() make of -5 and 1?",
        (_meter(size=lambda c: c.max(axis=-1)), _meter(size=lambda c: (-c).max(axis=-1))),
    ),
    Mistake(
        "influence_absolute_too_late",
        "the absolute value after the maximum",
        "You take the largest change and then its absolute value. Which of the two has to come first, for -5 and 1?",
        (_meter(size=lambda c: np.abs(c.max(axis=-1))),),
    ),
    Mistake(
        "influence_not_the_largest",
        "another size than the largest change",
        "With one number a token you are right, and with two you are not. The largest of the changes is asked for: "
        "what do you make of several?",
        (
            _meter(size=lambda c: np.abs(c).sum(axis=-1)),
            _meter(size=lambda c: np.abs(c).mean(axis=-1)),
            _meter(size=lambda c: np.sqrt((c**2).sum(axis=-1))),
            _meter(size=lambda c: np.abs(c).min(axis=-1)),
            _meter(size=lambda c: np.abs(c[:, 0])),
            _meter(size=lambda c: np.abs(c[:, -1])),
            _meter(size=lambda c: np.abs(c.sum(axis=-1))),
        ),
    ),
    Mistake(
        "influence_squared",
        "the square of the change",
        "You square the change and leave it squared. How do you get rid of a sign otherwise?",
        (_meter(size=lambda c: (c**2).max(axis=-1)), _meter(size=lambda c: (c**2).sum(axis=-1))),
    ),
    Mistake(
        "influence_wrong_axis",
        "the maximum over the outputs",
        "You take the largest change along the axis of the outputs, so that they cannot be told apart any more. Which "
        "axis of (T, d_v) has to go?",
        (_meter(size=lambda c: np.abs(c).max(axis=0)),),
    ),
    Mistake(
        "influence_one_number",
        "one number for all outputs",
        "All outputs get the same number in each of your columns. Over how many axes does max() go if you name none?",
        (
            _meter(size=lambda c: np.abs(c).max()),
            lambda f, x, other: influence(f, x, other).max(axis=0),
        ),
    ),
    Mistake(
        "influence_compared_with_x",
        "compares outputs with tokens",
        "You take x away from the outputs. What did f give before anything was exchanged?",
        (_meter(before=lambda f, x, other: x),),
    ),
    Mistake(
        "influence_not_compared",
        "the outputs themselves",
        "You report how large the new outputs are. How do you see whether they are other ones than before?",
        (
            _meter(before=lambda f, x, other: np.zeros_like(f(x))),
            lambda f, x, other: np.stack([np.abs(f(x)).max(axis=-1)] * len(x), axis=1),
        ),
    ),
    Mistake(
        "influence_relative",
        "divided by the output",
        "You divide the change by what was there before. What if an output was 0?",
        (_relative,),
    ),
    Mistake(
        "influence_own_output",
        "only the token's own output",
        "Off the diagonal you have zeros only. When token 0 is exchanged, may output 2 move, and where do you note it?",
        (_own_output_only,),
    ),
    Mistake(
        "influence_one_side",
        "only the future or only the past",
        "Half of your table is left out. The meter does not know what is allowed: should it not look at every pair?",
        (
            lambda f, x, other: np.triu(influence(f, x, other), k=1),
            lambda f, x, other: np.triu(influence(f, x, other)),
            lambda f, x, other: np.tril(influence(f, x, other)),
            lambda f, x, other: np.tril(influence(f, x, other), k=-1),
        ),
    ),
    Mistake(
        "influence_overwritten",
        "only the last token is left",
        "Only what the last token moves comes out. Which line writes over what the turn before it has found?",
        (_last_column, _all_columns_the_last),
    ),
    Mistake(
        "influence_return_in_the_loop",
        "only the first token is tried",
        "Only your column 0 is filled. How far in does the line with return stand?",
        (_kept_first, _meter(tokens=lambda x: range(1))),
    ),
    Mistake(
        "influence_loop_ends_early",
        "the last token is not tried",
        "Your last column is still empty. What is the last number that range() gives you?",
        (_meter(tokens=lambda x: range(len(x) - 1)),),
    ),
    Mistake(
        "influence_loop_begins_late",
        "the first token is not tried",
        "Your column 0 is still empty. What is the first number that range() gives you?",
        (_meter(tokens=lambda x: range(1, len(x))),),
    ),
    Mistake(
        "influence_fixed_length",
        "a fixed number of tokens",
        "You try three tokens, and a longer sentence has more. Which argument says how many there are?",
        (_meter(tokens=lambda x: range(3)),),
    ),
    Mistake(
        "influence_width_for_length",
        "as many tokens as a token has numbers",
        "You try as many tokens as a token has numbers. Which axis of (T, d) counts the tokens?",
        (_meter(tokens=lambda x: range(x.shape[1])),),
    ),
    Mistake(
        "influence_mirrored",
        "tokens counted from the end",
        "Your column 0 says what the last token moves. From which end do you count when you exchange?",
        (_meter(exchange=lambda x, other, j: _exchange(x, other, -1 - j)),),
    ),
    Mistake(
        "influence_yes_or_no",
        "yes and no instead of how far",
        "You say whether an output moves. How far is asked for: which comparison can be left out?",
        tuple(_yes_or_no(least, kind) for least in (0.0, 1e-9) for kind in (bool, int, float)),
    ),
    Mistake(
        "influence_cut_off",
        "cut off behind the point",
        "Your numbers are whole ones. Of which dtype is the array that you write them into?",
        (_as_type(int),),
    ),
)
