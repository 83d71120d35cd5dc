"""Known wrong versions of rotary, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_06 import reference
from course.lessons.lesson_06.mistakes.angles import WRONG_SPEEDS, Speeds, only, pairs, truncated, with_base

Array = NDArray[Any]
Turn = Callable[[Array, Array, Array], Array]  # even, odd, angles -> new numbers of one kind


def _even(even: Array, odd: Array, angles: Array) -> Array:
    return even * np.cos(angles) - odd * np.sin(angles)


def _odd(even: Array, odd: Array, angles: Array) -> Array:
    return even * np.sin(angles) + odd * np.cos(angles)


def _turned(
    new_even: Turn = _even,
    new_odd: Turn = _odd,
    speeds: Speeds = reference.speeds,
    positions: Callable[[int, int], Array] = lambda T, start: start + np.arange(T),
) -> Function:
    """Return rotary with a step of another kind."""

    def rotary(x: Array, start: int = 0) -> Array:
        T, d = x.shape[-2:]
        angles = np.asarray(positions(T, start), dtype=float)[:, None] * speeds(d)
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.zeros(x.shape)
        turned[..., 0::2], turned[..., 1::2] = new_even(even, odd, angles), new_odd(even, odd, angles)
        return turned

    return rotary


def _after(change: Callable[[Array], Any]) -> Function:
    return lambda x, start=0: change(reference.rotary(x, start))


def _halves(x: Array, start: int = 0) -> Array:
    """Turn number i with number i + d / 2, as some libraries do."""
    T, d = x.shape[-2:]
    angles = (start + np.arange(T))[:, None] * reference.speeds(d)
    first, second = x[..., : d // 2], x[..., d // 2 :]
    return np.concatenate([_even(first, second, angles), _odd(first, second, angles)], axis=-1)


def _laid_apart(x: Array, start: int = 0) -> Array:
    turned = reference.rotary(x, start)
    return np.concatenate([turned[..., 0::2], turned[..., 1::2]], axis=-1)


def _overwritten(x: Array, start: int = 0) -> Array:
    """Use the new even number for the odd one."""
    T, d = x.shape[-2:]
    angles = (start + np.arange(T))[:, None] * reference.speeds(d)
    turned = x.astype(float)
    turned[..., 0::2] = _even(turned[..., 0::2], turned[..., 1::2], angles)
    turned[..., 1::2] = _odd(turned[..., 0::2], turned[..., 1::2], angles)
    return turned


def _overwritten_in_place(x: Array, start: int = 0) -> Array:
    T, d = x.shape[-2:]
    angles = (start + np.arange(T))[:, None] * reference.speeds(d)
    x[..., 0::2] = _even(x[..., 0::2], x[..., 1::2], angles)
    x[..., 1::2] = _odd(x[..., 0::2], x[..., 1::2], angles)
    return x


def _in_place(x: Array, start: int = 0) -> Array:
    x[...] = reference.rotary(x, start)
    return x


def by_axis_one(x: Array, start: int = 0) -> Array:
    """Turn by the index along axis 1: the heads of (B, H, T, d_head) instead of its words."""
    speeds = reference.speeds(x.shape[-1])
    places = start + np.arange(x.shape[1])
    angles = places[:, None, None] * speeds if x.ndim == 4 else places[:, None] * speeds
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2], turned[..., 1::2] = _even(even, odd, angles), _odd(even, odd, angles)
    return turned


def _turn_by(x: Array, angles: Array) -> Array:
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2], turned[..., 1::2] = _even(even, odd, angles), _odd(even, odd, angles)
    return turned


def _by_length_of(axis: int) -> Function:
    """Return a version that counts its places along another axis and lays them along that of the words."""
    return lambda x, start=0: _turn_by(x, (start + np.arange(x.shape[axis]))[:, None] * reference.speeds(x.shape[-1]))


def _flat_places(x: Array, start: int = 0) -> Array:
    T, d = x.shape[-2:]
    return _turn_by(x, (start + np.arange(T)) * reference.speeds(d))


def _four_axes_only(x: Array, start: int = 0) -> Array:
    _, _, T, d = x.shape
    return _turn_by(x, (start + np.arange(T))[:, None] * reference.speeds(d))


def _heads_by_words(x: Array, start: int = 0) -> Array:
    T, d = x.shape[-2:]
    return _turn_by(x, (start + np.arange(T))[:, None, None] * reference.speeds(d))


def by_sentence(x: Array, start: int = 0) -> Array:
    """Turn by the index along axis 0: the sentences of (B, H, T, d_head)."""
    angles = (start + np.arange(len(x))).reshape(-1, *[1] * (x.ndim - 1)) * reference.speeds(x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2], turned[..., 1::2] = _even(even, odd, angles), _odd(even, odd, angles)
    return turned


def _adds(x: Array, start: int = 0) -> Array:
    T, d = x.shape[-2:]
    return x + reference.positional_encoding(start + T, d)[start:]


def _multiplies(x: Array, start: int = 0) -> Array:
    T, d = x.shape[-2:]
    return x * reference.positional_encoding(start + T, d)[start:]


def _kept_pairs(kept: slice, *, others: bool) -> Function:
    """Return a version whose loop turns some pairs only; the others stay as they were, or are 0."""

    def rotary(x: Array, start: int = 0) -> Array:
        reached = np.zeros(x.shape[-1] // 2, dtype=bool)
        reached[kept] = True
        return np.where(np.repeat(reached, 2), reference.rotary(x, start), x if others else 0.0)

    return rotary


def _kept_words(kept: slice, *, others: bool) -> Function:
    return lambda x, start=0: only(reference.rotary(x, start), x.ndim - 2, kept, x if others else 0.0)


def _fixed_length(n: int) -> Function:
    def rotary(x: Array, start: int = 0) -> Array:
        angles = (start + np.arange(n))[:, None] * reference.speeds(x.shape[-1])
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.zeros(x.shape)
        turned[..., 0::2], turned[..., 1::2] = _even(even, odd, angles), _odd(even, odd, angles)
        return turned

    return rotary


def has_fixed_length(function: Function) -> bool:
    """Whether a function turns one certain number of words, above 1, rightly, and no other."""
    few, many = (_right_lengths(function, B, H) for B, H in _BATCHES)
    return len(few) == 1 and few == many


def counts_another_axis(function: Function) -> bool:
    """Whether a function is right only for as many words as there are heads, or only for as many as sentences."""
    right = [_right_lengths(function, B, H) for B, H in _BATCHES]
    return right in ([[B] for B, _ in _BATCHES], [[H] for _, H in _BATCHES])


def wants_four_axes(function: Function) -> bool:
    """Whether a function is right for (B, H, T, d_head) and raises for (T, d)."""
    four = all(_does(function, reference.rotary, _numbers(2, 3, T, 4)) for T in (1, 3, 5))
    return four and all(_raises(function, _numbers(*shape)) for shape in ((5, 4), (2, 2)))


def has_flat_places(function: Function) -> bool:
    """Whether places and speeds meet number by number: it raises unless there are as many words as pairs."""
    raised = all(_raises(function, _numbers(*shape)) for shape in ((2, 3, 5, 4), (2, 3, 4, 6)))
    return raised and all(_does(function, _flat_places, _numbers(*shape)) for shape in ((2, 3, 4, 8), (3, 2, 3, 6)))


def turns_heads_by_words(function: Function) -> bool:
    """Whether the places of the words meet the axis of the heads: it raises unless there are as many of both."""
    raised = all(_raises(function, _numbers(*shape)) for shape in ((2, 3, 5, 4), (3, 2, 4, 6)))
    return raised and all(_does(function, by_axis_one, _numbers(*shape)) for shape in ((2, 4, 4, 6), (3, 5, 5, 4)))


_BATCHES = ((2, 3), (5, 6))  # B and H


def _numbers(*shape: int) -> Array:
    return np.random.default_rng(7).standard_normal(shape)


def _right_lengths(function: Function, B: int, H: int) -> list[int]:
    return [T for T in range(2, 25) if _does(function, reference.rotary, _numbers(B, H, T, 4))]


def _does(function: Function, other: Function, x: Array) -> bool:
    try:
        return bool(np.allclose(function(x.copy()), other(x)))
    except Exception:  # whatever the learner's function may raise
        return False


def _raises(function: Function, x: Array) -> bool:
    try:
        function(x.copy())
    except Exception:  # whatever the learner's function may raise
        return True
    return False


ROTARY = (
    Mistake(
        "rotary_backward",
        "turns the other way round",
        "You turn by minus the angle. Scores would still depend on the distance alone, but with matrices that somebody "
        "else trained it is another function. Which of the two sines has the minus in the text?",
        (
            _turned(lambda e, o, a: e * np.cos(a) + o * np.sin(a), lambda e, o, a: o * np.cos(a) - e * np.sin(a)),
            _turned(positions=lambda T, start: -(start + np.arange(T))),
        ),
    ),
    Mistake(
        "rotary_halves",
        "number i paired with number i + d/2",
        "You pair the first half of the numbers with the second. Some libraries do, and it is no error in itself; here "
        "neighbors are a pair. Which two numbers are pair 0?",
        (_halves,),
    ),
    Mistake(
        "rotary_overwritten",
        "the odd number made from the new even one",
        "When you compute the odd numbers, the even ones are turned already. From which of the two should they be "
        "made, the new or the old?",
        (_overwritten, _overwritten_in_place),
    ),
    Mistake(
        "rotary_no_minus",
        "no minus, or two of them",
        "Both of your sines have the same sign, so vectors get longer or shorter. What does a rotation leave as it is?",
        (
            _turned(lambda e, o, a: e * np.cos(a) + o * np.sin(a)),
            _turned(new_odd=lambda e, o, a: o * np.cos(a) - e * np.sin(a)),
        ),
    ),
    Mistake(
        "rotary_sine_for_cosine",
        "sine and cosine exchanged",
        "At position 0 your vectors change. What is left of the formula if the angle is 0?",
        (
            _turned(lambda e, o, a: e * np.sin(a) - o * np.cos(a), lambda e, o, a: e * np.cos(a) + o * np.sin(a)),
            _turned(lambda e, o, a: e * np.sin(a) + o * np.cos(a), lambda e, o, a: o * np.sin(a) - e * np.cos(a)),
        ),
    ),
    Mistake(
        "rotary_cosines_only",
        "the cosines alone",
        "You shorten every number by a cosine, and the two numbers of a pair never meet. Which second term does each "
        "of them need?",
        (_turned(lambda e, o, a: e * np.cos(a), lambda e, o, a: o * np.cos(a)),),
    ),
    Mistake(
        "rotary_pair_exchanged",
        "even and odd exchanged",
        "You put the new even numbers into the odd columns, or read the old ones from there. Which columns does 0::2 "
        "mean?",
        (_turned(_odd, _even), _turned(lambda e, o, a: _even(o, e, a), lambda e, o, a: _odd(o, e, a))),
    ),
    Mistake(
        "rotary_laid_apart",
        "turned rightly, laid down in halves",
        "Your numbers are turned as they should be, and lie in other columns: first all even ones, then all odd ones. "
        "Where did the even ones come from?",
        (_laid_apart,),
    ),
    Mistake(
        "rotary_by_head",
        "the angle follows another axis than that of the words",
        "You turn by the number of the head or of the sentence, so all words of a sentence are turned alike. Which "
        "axis of (B, H, T, d_head) counts the words?",
        (by_axis_one, by_sentence),
    ),
    Mistake(
        "rotary_start_ignored",
        "start is not used",
        "Your first row has position 0, whatever start says. Where does start come into the positions?",
        (lambda x, start=0: reference.rotary(x),),
    ),
    Mistake(
        "rotary_start_for_all",
        "all words at position start",
        "All words are turned by the same angle. How does the second word know that it is one farther?",
        (_turned(positions=lambda T, start: np.full(T, start)),),
    ),
    Mistake(
        "rotary_start_misused",
        "start used in another way",
        "With start = 0 you are right. For x of T rows, which positions go from start on, and how many are there?",
        (
            _turned(positions=lambda T, start: np.arange(T) * max(start, 1)),
            _turned(positions=lambda T, start: np.arange(T) - start),
            lambda x, start=0: reference.rotary(x, start)[..., start:, :],
            _turned(positions=lambda T, start: np.arange(start, T)),
        ),
    ),
    Mistake(
        "rotary_from_one",
        "the first word at position 1",
        "Your first row is turned although start is 0. Which number does the first position have?",
        (_turned(positions=lambda T, start: start + 1 + np.arange(T)),),
    ),
    Mistake(
        "rotary_from_the_end",
        "positions counted from the end",
        "Your last word is the one that is not turned. From which end do you count?",
        (_turned(positions=lambda T, start: start + np.arange(T)[::-1]),),
    ),
    Mistake(
        "rotary_adds",
        "positions added instead of turned",
        "You add a table. What does the text do with queries and keys instead?",
        (_adds,),
    ),
    Mistake(
        "rotary_multiplies",
        "multiplied with the table",
        "You multiply each number by one of the table. Two numbers are turned together: which other one does the even "
        "number of a pair need?",
        (_multiplies,),
    ),
    Mistake(
        "rotary_two_i_twice",
        "the two of 2i counted twice",
        "Your second pair turns as the third should. speeds(d) knows of the 2 already: do you apply it again?",
        tuple(_turned(speeds=each) for each in WRONG_SPEEDS["two_i_twice"]),
    ),
    Mistake(
        "rotary_one_speed",
        "all pairs turn alike",
        "All your pairs turn by the same angle. Which of them should turn by 1 radian a word, and which by much less?",
        tuple(_turned(speeds=each) for each in WRONG_SPEEDS["one_for_all"]),
    ),
    Mistake(
        "rotary_other_speeds",
        "other speeds",
        "Your pairs turn at other speeds than they should. What does speeds(d) give for the width of x?",
        tuple(
            _turned(speeds=each)
            for each in (
                *map(with_base, (1000.0, 100000.0)),
                *WRONG_SPEEDS["i_without_two"],
                *WRONG_SPEEDS["growing"],
                *WRONG_SPEEDS["fixed_width"],
                *WRONG_SPEEDS["to_the_end"],
                *WRONG_SPEEDS["without_parentheses"],
                lambda d: reference.speeds(d)[::-1],
                lambda d: np.deg2rad(reference.speeds(d)),
                lambda d: 2 * np.pi * reference.speeds(d),
                lambda d: np.rad2deg(reference.speeds(d)),
                lambda d: 1.0 / (pairs(d) + 1),
            )
        ),
    ),
    Mistake(
        "rotary_not_turned",
        "nothing is turned",
        "Your vectors come back as they were. What becomes of the turned ones?",
        (lambda x, start=0: x.copy(), lambda x, start=0: x),
    ),
    Mistake(
        "rotary_first_pair_only",
        "only one pair, or one word, is turned",
        "Only one pair or one word is turned. How far in does the line with return stand?",
        (
            *(_kept_pairs(slice(None, 1), others=others) for others in (True, False)),
            *(_kept_pairs(slice(-1, None), others=others) for others in (True, False)),
            _kept_words(slice(None, 1), others=False),
            *(_kept_words(slice(-1, None), others=others) for others in (True, False)),
        ),
    ),
    Mistake(
        "rotary_misses_one",
        "a loop that misses a pair or a word",
        "The first or the last pair or word is left out. What are the first and the last number of your range()?",
        (
            *(_kept_pairs(slice(None, -1), others=others) for others in (True, False)),
            *(_kept_pairs(slice(1, None), others=others) for others in (True, False)),
            *(_kept_words(slice(None, -1), others=others) for others in (True, False)),
            _kept_words(slice(1, None), others=False),
        ),
    ),
    Mistake(
        "rotary_half_filled",
        "the odd or the even columns stay empty",
        "Every second column of yours is 0. Which line should fill it?",
        (
            _turned(new_odd=lambda e, o, a: np.zeros_like(e)),
            _turned(new_even=lambda e, o, a: np.zeros_like(e)),
        ),
    ),
    Mistake(
        "rotary_odd_left",
        "one number of each pair stays as it was",
        "One number of each pair comes back unchanged. A hand that turns changes both: which line is missing?",
        (_turned(new_odd=lambda e, o, a: o), _turned(new_even=lambda e, o, a: e)),
    ),
    Mistake(
        "rotary_counts_another_axis",
        "as many places as there are heads, or sentences",
        "Your function takes the number of words from another axis of x, and is right only when both are of one size. "
        "Which axis, counted from the end, holds the words?",
        (_by_length_of(1), _by_length_of(0)),
        recognize=counts_another_axis,
    ),
    Mistake(
        "rotary_four_axes_only",
        "no x without the axes B and H",
        "You are right for (B, H, T, d_head), but x may have any number of axes before (T, d), or none. Which two "
        "sizes do you need, and where in x.shape do they stand whatever comes before?",
        (_four_axes_only,),
        recognize=wants_four_axes,
    ),
    Mistake(
        "rotary_flat_places",
        "places and speeds meet number by number",
        "Your places and your speeds meet number by number. Which shape has your table of angles, and which should it "
        "have?",
        (_flat_places,),
        recognize=has_flat_places,
    ),
    Mistake(
        "rotary_heads_by_words",
        "the places of the words laid along the axis of the heads",
        "Your angles have an axis too many, (T, 1, d_head / 2). Counted from the end, which axis of x do your T places "
        "meet, and which should they?",
        (_heads_by_words,),
        recognize=turns_heads_by_words,
    ),
    Mistake(
        "rotary_fixed_length",
        "a fixed number of words",
        "Your function is right for one certain length. Which axis of x says how many words there are?",
        tuple(map(_fixed_length, (2, 3, 4, 5, 6))),
        recognize=has_fixed_length,
    ),
    Mistake(
        "rotary_changes_arguments",
        "writes into the vectors that it was given",
        "Print x before and after the call: it is another one now. Which of your lines writes into it?",
        (_in_place,),
    ),
    Mistake(
        "rotary_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (_after(np.trunc), _after(truncated)),
    ),
    Mistake(
        "rotary_rounded",
        "rounds the numbers",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(_after(lambda x, n=n: np.round(x, n)) for n in range(1, 7)),  # type: ignore[misc]
    ),
    Mistake(
        "rotary_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda x: x.astype(np.float32)),),
    ),
)
