"""The exercises of lesson 05: causal_mask, padding_mask, decoder_mask, influence, repair_decoder_mask.

In masks True = may attend. Ids M01 to M17 are those of the project's catalog of mistakes; the others are ours. A
mistake in one of the two rules shows in the decoder mask as well, under the same id.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Mistake, Property
from course.lab.exercises.words import wanted_yes_or_no
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_05 import mistakes as bank
from course.lessons.lesson_05 import reference

Array = NDArray[Any]

# --- wrong rules ------------------------------------------------------------------------------------------------


def _ones(T: int) -> Array:
    return np.ones((T, T), dtype=bool)


_WRONG_CAUSAL: dict[str, Callable[[int], Any]] = {
    "M01": lambda T: np.triu(_ones(T)),
    "M03": lambda T: np.tril(_ones(T), k=1),
    "M05": _ones,
    "M07": lambda T: np.tril(_ones(T))[::-1],
    "causal_strict": lambda T: np.tril(_ones(T), k=-1),
    "causal_inverted": lambda T: np.triu(_ones(T), k=1),
    "causal_diagonal": lambda T: np.eye(T, dtype=bool),
    "causal_mirrored": lambda T: np.tril(_ones(T))[:, ::-1],
    "causal_loop_ends_early": lambda T: np.tril(_ones(T)) & (np.arange(T) < T - 1)[:, None],
    "causal_loop_begins_late": lambda T: np.tril(_ones(T)) & (np.arange(T) > 0)[:, None],
    "causal_return_in_the_loop": lambda T: np.tril(_ones(T)) & (np.arange(T) < 1)[:, None],
    "causal_band": lambda T: np.tril(_ones(T)) & np.triu(_ones(T), k=-1),
    "causal_first_token": lambda T: np.broadcast_to(np.arange(T) == 0, (T, T)).copy(),
}

_WRONG_PADDING: dict[str, Callable[[Array, int], Any]] = {
    "M09": lambda tokens, pad: (tokens != pad)[:, None, :, None],
    "M11": lambda tokens, pad: (tokens != 0)[:, None, None, :],
    "M13": lambda tokens, pad: _from_the_left(tokens, pad, 1),
    "padding_inverted": lambda tokens, pad: (tokens == pad)[:, None, None, :],
    "padding_on_the_right_only": lambda tokens, pad: _from_the_left(tokens, pad, 0),
    "padding_too_short": lambda tokens, pad: _from_the_left(tokens, pad, -1),
    "padding_everywhere": lambda tokens, pad: np.ones_like(tokens, dtype=bool)[:, None, None, :],
    "padding_above": lambda tokens, pad: (tokens > pad)[:, None, None, :],
    "padding_until_first": lambda tokens, pad: np.cumprod(tokens != pad, axis=1).astype(bool)[:, None, None, :],
    "padding_first_pad_only": lambda tokens, pad: ((tokens != pad) | (np.cumsum(tokens == pad, axis=1) > 1))[
        :, None, None, :
    ],
    "padding_argmax": lambda tokens, pad: _before_first(tokens, pad),
    "padding_loop_ends_early": lambda tokens, pad: _filled(tokens, pad, slice(None, -1), False),
    "padding_return_in_the_loop": lambda tokens, pad: _filled(tokens, pad, slice(None, 1), False),
}


def _from_the_left(tokens: Array, pad: int, more: int) -> Array:
    """Count the real tokens and allow that many positions, plus ``more``, from the left."""
    n = (tokens != pad).sum(axis=1)
    return (np.arange(tokens.shape[1])[None] < n[:, None] + more)[:, None, None, :]


def _before_first(tokens: Array, pad: int) -> Array:
    """Allow what stands before the first pad, and nothing where argmax finds none."""
    first = np.argmax(tokens == pad, axis=1)
    return (np.arange(tokens.shape[1])[None] < first[:, None])[:, None, None, :]


def _filled(tokens: Array, pad: int, kept: slice, value: bool) -> Array:
    """Return a mask in which only some sentences are filled in: those that a loop reaches."""
    mask = np.full((len(tokens), 1, 1, tokens.shape[1]), value)
    mask[kept, 0, 0] = (tokens != pad)[kept]
    return mask


def _filled_tokens(tokens: Array, pad: int, kept: slice, value: bool) -> Array:
    mask = np.full((len(tokens), 1, 1, tokens.shape[1]), value)
    mask[..., kept] = (tokens != pad)[:, None, None, kept]
    return mask


def _pairs(are: Array) -> Array:
    """True where both the query and the key are: (B, 1, T, T)."""
    return (are[:, :, None] & are[:, None, :])[:, None]


def _outer(tokens: Array, pad: int) -> Array:
    """True where both the query and the key are real: (B, 1, T, T)."""
    return _pairs(tokens != pad)


def has_fixed_length(function: Function) -> bool:
    """Whether a function makes the right mask for one certain length and for no other."""
    return sum(_right_for(function, T) for T in range(2, 41)) == 1


def _right_for(function: Function, T: int) -> bool:
    try:
        return np.array_equal(function(T), reference.causal_mask(T))
    except Exception:  # whatever the learner's function may raise
        return False


_MORE_PADDING: dict[str, tuple[Callable[[Array, int], Any], ...]] = {
    "M11": (
        lambda tokens, pad: (tokens != 2)[:, None, None, :],
        lambda tokens, pad: (tokens != 3)[:, None, None, :],
        lambda tokens, pad: (tokens != 9)[:, None, None, :],
    ),
    "padding_above": (lambda tokens, pad: (tokens >= pad)[:, None, None, :],),
    "padding_loop_ends_early": (
        lambda tokens, pad: _filled(tokens, pad, slice(None, -1), True),
        lambda tokens, pad: _filled_tokens(tokens, pad, slice(None, -1), False),
        lambda tokens, pad: _filled_tokens(tokens, pad, slice(None, -1), True),
    ),
    "padding_return_in_the_loop": (
        lambda tokens, pad: _filled(tokens, pad, slice(None, 1), True),
        lambda tokens, pad: _filled_tokens(tokens, pad, slice(None, 1), False),
    ),
}


def _both(
    causal: Callable[[int], Any] = reference.causal_mask,
    padding: Callable[[Array, int], Any] = reference.padding_mask,
) -> Function:
    return lambda tokens, pad: padding(tokens, pad) & causal(tokens.shape[1])


_TITLES_AND_HINTS = {
    "M01": (
        "triu instead of tril",
        "Print your mask for T = 4. Row 0 may look at which columns, and does yours see the future?",
    ),
    "M03": ("one step of the future is visible", "Change token t+1: may the output at t change?"),
    "M05": (
        "nothing is blocked",
        "Your mask is all True. If the last token of a sentence changes, which earlier outputs may change?",
    ),
    "M07": (
        "rows in the wrong order",
        "Your mask is a triangle in another corner. Row i has i+1 times True: is that so in your row 0?",
    ),
    "causal_strict": ("a position cannot see itself", "Your row 0 is empty. May a position look at itself?"),
    "causal_inverted": (
        "True where it should be False",
        "In your mask True marks the future. Does True mean may attend or blocked in this course?",
    ),
    "causal_diagonal": (
        "each position sees only itself",
        "Your position 3 sees only position 3. What about 0, 1 and 2, which are past?",
    ),
    "causal_mirrored": (
        "columns in the wrong order",
        "Row 0 of your mask allows the last position. Which one is the first token's past and present?",
    ),
    "causal_loop_ends_early": (
        "the last row is still empty",
        "The last row of your mask allows nothing. What is the last number that range() gives you?",
    ),
    "causal_return_in_the_loop": (
        "only the first row is filled",
        "Only the first row of your mask is filled. How far in does the line with return stand?",
    ),
    "causal_loop_begins_late": (
        "the first row is still empty",
        "The first row of your mask allows nothing. What is the first number that range() gives you?",
    ),
    "causal_band": (
        "only the position itself and the one before",
        "Your row 3 allows the columns 2 and 3. Have the tokens 0 and 1 been written when token 3 asks?",
    ),
    "causal_first_token": (
        "every position sees only the first",
        "All of your rows allow column 0 alone. Which other tokens have been written when token 3 asks?",
    ),
    "padding_until_first": (
        "blocks all that follows the first pad",
        "You allow tokens up to the first pad. What if the pads stand on the left?",
    ),
    "padding_first_pad_only": (
        "only the first pad of a sentence is blocked",
        "You block the first pad of a sentence and allow those behind it. What ends your search?",
    ),
    "padding_argmax": (
        "a sentence without pads is blocked as a whole",
        "You look for the first pad. What does your search give in a sentence that has none, and in one that begins "
        "with pads?",
    ),
    "padding_loop_ends_early": (
        "the last sentence or token is not looked at",
        "The last sentence, or the last token of each, still has the value that you began with. What is the last "
        "number that range() gives you?",
    ),
    "padding_return_in_the_loop": (
        "only the first sentence is looked at",
        "Only the first sentence, or the first token of each, is filled in. How far in does the line with return "
        "stand?",
    ),
    "M09": (
        "pads blocked as queries",
        "Which axis of (B, H, Tq, Tk) must a pad disappear from, if nobody is to look at it?",
    ),
    "M11": (
        "a pad id that is written into the code",
        "Call it with pad=9, and then with pad=3. Which argument do you not use?",
    ),
    "M13": (
        "the first pad is allowed",
        "A sentence of 3 real tokens allows positions 0, 1 and 2. Do you compare with < or with <=?",
    ),
    "padding_inverted": (
        "True where it should be False",
        "Your mask allows exactly the pads. Which of == and != makes True mean a real token?",
    ),
    "padding_on_the_right_only": (
        "counts tokens instead of looking at them",
        "You count the real tokens and allow that many from the left. What if the pads stand on the left?",
    ),
    "padding_too_short": (
        "the last real token is blocked",
        "A sentence of 3 real tokens should allow 3 positions. How many does yours allow?",
    ),
    "padding_everywhere": (
        "no pad is blocked",
        "Your mask allows the pads as well. What does the argument pad tell you about each token?",
    ),
    "padding_above": (
        "ids below pad count as pads",
        "You compare sizes of ids. Is a token with an id below the pad's less real?",
    ),
}


def _mistake(id: str, *versions: Function, prefix: str = "") -> Mistake:
    title, hint = _TITLES_AND_HINTS[id]
    return Mistake(id, title, prefix + hint, versions)


def _as_type(function: Function, dtype: type) -> Function:
    return lambda *arguments: function(*arguments).astype(dtype)


def _additive(function: Function, low: float) -> Function:
    return lambda *arguments: np.where(function(*arguments), 0.0, low)


_LOW = (-np.inf, -1e9, -1e4, -1e10, float(np.finfo(np.float32).min), float(np.finfo(np.float64).min))


def _not_boolean(prefix: str, what: str, function: Function) -> tuple[Mistake, ...]:
    """Return the mistakes of type that any mask builder can make."""
    return (
        Mistake(
            f"{prefix}_numbers",
            "numbers instead of booleans",
            f"Your {what} holds 0 and 1. With numbers ~mask and np.where do something else: which dtype says "
            f"yes or no?",
            (_as_type(function, float), _as_type(function, int)),
        ),
        Mistake(
            f"{prefix}_additive",
            "0 and -inf instead of booleans",
            f"Your {what} is made to be added to scores, with 0 for what is allowed. Which two "
            f"values does a mask have in this course?",
            tuple(_additive(function, low) for low in _LOW),
        ),
    )


# --- causal_mask ------------------------------------------------------------------------------------------------


def _future_seen(function: Function) -> str | None:
    mask = function(6)
    q = np.random.default_rng(1).standard_normal((6, 4))
    changed = q.copy()
    changed[4:] += 5.0
    before = attention(q, q, q, mask)[0]
    after = attention(changed, changed, changed, mask)[0]
    if np.allclose(before[:4], after[:4]):
        return None
    return "Tokens 4 and 5 changed, and so did an output before them. Which columns may row 3 allow?"


CAUSAL_MASK = Exercise(
    id="causal_mask",
    lesson=5,
    title="The causal mask",
    signature="(T) -> (T, T) booleans",
    reference=reference.causal_mask,
    cases=(
        Case("T = 1", lambda: (1,), "May a single token look at itself?", by_hand=True),
        Case("T = 2", lambda: (2,), "Who may see whom: does token 0 see token 1?", by_hand=True),
        Case("T = 4", lambda: (4,), "How many columns may row i see?", by_hand=True),
        Case("T = 7", lambda: (7,), "Does your mask hold for any length?", tier=2, about_axes=True),
        Case("T = 40", lambda: (40,), "Does your mask hold for any length?", tier=2, about_axes=True),
    ),
    properties=(Property("changing the future changes nothing before it", _future_seen),),
    mistakes=(
        *(_mistake(id, wrong) for id, wrong in _WRONG_CAUSAL.items()),
        Mistake(
            "causal_fixed_length",
            "a fixed length",
            "Your mask is right for one certain length, and for no other. Which argument says how "
            "long the sentence is?",
            (lambda T: reference.causal_mask(4), lambda T: reference.causal_mask(7)),
            recognize=has_fixed_length,
        ),
        Mistake(
            "causal_axes",
            "additional axes",
            "One (T, T) mask serves all sentences and heads. What does broadcasting do with missing leading axes?",
            (lambda T: reference.causal_mask(T)[None], lambda T: reference.causal_mask(T)[None, None]),
        ),
        *_not_boolean("causal", "causal mask", reference.causal_mask),
    ),
    hints=(
        "Row i is the query at position i. Which positions exist already when position i is written?",
        "A lower triangle, the diagonal included: np.tril of an array of True, or one comparison of row "
        "and column numbers.",
        "    positions = np.arange(T)\n    return positions[:, None] >= ...",
    ),
    argument_names=("T",),
    result_names=("mask",),
    result_dims={"mask": "Tq Tk"},
    result_kind="bool array",
    difficulty=1,
    importance=5,
    minutes=5,
)


# --- padding_mask -----------------------------------------------------------------------------------------------


def _right() -> tuple[Array, int]:
    return np.array([[4, 7, 9, 9], [5, 3, 8, 9], [6, 2, 4, 3]]), 9


def _left() -> tuple[Array, int]:
    return np.array([[9, 9, 4, 0, 7], [3, 0, 5, 6, 12]]), 9


def _usual() -> tuple[Array, int]:
    return np.array([[5, 6, 0], [7, 8, 4]]), 0


def _only_pads() -> tuple[Array, int]:
    return np.array([[3, 3, 3], [3, 4, 5]]), 3


def _arguments_kept(function: Function) -> str | None:
    tokens, pad = _right()
    if np.array_equal(function(tokens, pad), function(tokens, pad)):
        return None
    return "The same tokens give another mask the second time. What in your function remembers something?"


def _token_cases(square: bool) -> tuple[Case, ...]:
    who = "Which keys may each query see?" if square else "Which positions hold a real token?"
    return (
        Case("pads (id 0) on the right", _usual, who, by_hand=True),
        Case("pads with the id 9 on the right", _right, f"The pad id is 9 here. {who}", tier=2, by_hand=True),
        Case(
            "pads with the id 9 on the left",
            _left,
            f"The pads stand on the left, and 0 is a word. {who}",
            tier=2,
            by_hand=True,
        ),
        Case("a sentence of nothing but pads", _only_pads, f"One sentence is empty. {who}", tier=3, by_hand=True),
    )


def _decoder_token_cases() -> tuple[Case, ...]:
    return tuple(Case(c.name, c.make, c.question, c.tier) for c in _token_cases(square=True))


PADDING_MASK = Exercise(
    id="padding_mask",
    lesson=5,
    title="The padding mask",
    signature="(tokens, pad) -> (B, 1, 1, T) booleans",
    reference=reference.padding_mask,
    cases=_token_cases(square=False),
    properties=(Property("the same tokens give the same mask", _arguments_kept),),
    mistakes=(
        *(_mistake(id, wrong, *_MORE_PADDING.get(id, ())) for id, wrong in _WRONG_PADDING.items()),
        Mistake(
            "padding_outer",
            "pads blocked as queries as well",
            "You compare every token with every other, and the rows of pads become empty. Nobody is to look AT a pad: "
            "is a pad then a query or a key, and how many axes of length 1 does the mask keep?",
            (
                _outer,
                lambda tokens, pad: _outer(tokens, pad)[:, 0],
                lambda tokens, pad: _outer(tokens, pad)[:, 0].astype(int),
            ),
        ),
        Mistake(
            "padding_outer_of_pads",
            "pairs of pads",
            "Your mask looks at pairs of tokens, and treats a pair as it should only if both of them are pads. Does it "
            "matter who asks, or only at whom he looks?",
            (
                lambda tokens, pad: _pairs(tokens == pad),
                lambda tokens, pad: _pairs(tokens == pad)[:, 0],
                lambda tokens, pad: ~_pairs(tokens == pad),
                lambda tokens, pad: ~_pairs(tokens == pad)[:, 0],
            ),
        ),
        Mistake(
            "padding_full",
            "repeated for every query",
            "Your mask has a row for each query, and all of them are the same. What does broadcasting do with an axis "
            "of length 1?",
            (lambda tokens, pad: np.repeat(reference.padding_mask(tokens, pad), tokens.shape[1], axis=2),),
        ),
        Mistake(
            "padding_axes_elsewhere",
            "the axes of length 1 in other places",
            "Your two axes of length 1 stand before the sentences or after the tokens. Between which two of (B, H, Tq, "
            "Tk) do they belong?",
            (
                lambda tokens, pad: (tokens != pad)[:, :, None, None],
                lambda tokens, pad: (tokens != pad)[None, None],
                lambda tokens, pad: (tokens != pad)[None, :, None, :],
                lambda tokens, pad: (tokens != pad)[:, None, :, None].swapaxes(1, 2),
            ),
        ),
        Mistake(
            "padding_no_axes",
            "no axes for heads and queries",
            "A mask (B, T) lines up with (B, H, Tq, Tk) from the right. Which axes of length 1 must stand in between?",
            (lambda tokens, pad: tokens != pad, lambda tokens, pad: tokens == pad),
        ),
        Mistake(
            "padding_one_axis",
            "one axis too few",
            "A mask (B, 1, T) lines its B up with the heads. How many axes of length 1 does (B, H, Tq, Tk) "
            "need after B?",
            (lambda tokens, pad: (tokens != pad)[:, None, :], lambda tokens, pad: (tokens == pad)[:, None, :]),
        ),
        Mistake(
            "padding_one_for_all",
            "one mask for all sentences",
            "Your mask has lost the axis of the sentences. Are they all padded in the same places?",
            (
                lambda tokens, pad: (tokens != pad).all(axis=0)[None, None, None, :],
                lambda tokens, pad: np.repeat((tokens != pad)[:1], len(tokens), axis=0)[:, None, None, :],
            ),
        ),
        *_not_boolean("padding", "padding mask", reference.padding_mask),
    ),
    hints=(
        "Nobody should look *at* a pad. Is a pad then to be blocked as a query or as a key, and which axis is that?",
        "Compare tokens with pad; then put two axes of length 1 between B and T with None (np.newaxis), "
        "so that the mask "
        "broadcasts over heads and queries.",
        "    return (tokens != pad)[:, ..., ..., :]      # what stands for the two dots?",
    ),
    argument_names=("tokens", "pad"),
    argument_dims={"tokens": "B T"},
    result_names=("mask",),
    result_dims={"mask": "B 1 1 Tk"},
    result_kind="bool array",
    difficulty=1,
    importance=5,
    minutes=7,
)


# --- decoder_mask -----------------------------------------------------------------------------------------------


def _leaks(function: Function) -> str | None:
    tokens = np.array([[4, 5, 6, 9, 9]])
    other = np.array([[4, 5, 6, 7, 8]])
    if np.array_equal(function(tokens, 9)[..., :3, :3], function(other, 9)[..., :3, :3]):
        return None
    return "What follows token 2 changes what the tokens 0 to 2 may see of each other. Should it?"


def _full(padding: Callable[[Array, int], Array]) -> Function:
    return lambda tokens, pad: np.repeat(padding(tokens, pad), tokens.shape[1], axis=2)


def _causal_only(tokens: Array, pad: int) -> Array:
    T = tokens.shape[1]
    return np.repeat(reference.causal_mask(T)[None, None], len(tokens), axis=0)


def _blank_pad_rows(tokens: Array, pad: int) -> Array:
    return reference.decoder_mask(tokens, pad) & (tokens != pad)[:, None, :, None]


def _half(id: str, name: str) -> str:
    """Return the half of the mask that a mistake is about; a loop makes both halves at once."""
    return "" if "_loop" in id else f"The {name} half. "


def _empty_rows_filled(tokens: Array, pad: int) -> Array:
    mask = reference.decoder_mask(tokens, pad)
    return mask | ~mask.any(axis=-1, keepdims=True)


def _self_always(tokens: Array, pad: int) -> Array:
    return reference.decoder_mask(tokens, pad) | np.eye(tokens.shape[1], dtype=bool)


def _has_wrong_precedence(function: Function) -> bool:
    """Whether a function that raises on other sizes does & before != or == on as many sentences as tokens."""
    tokens = np.array([[4, 8, 1, 9], [9, 5, 0, 6], [7, 9, 9, 4], [1, 2, 9, 12]])
    may = reference.causal_mask(4)
    try:
        found = np.asarray(function(tokens.copy(), 9)).reshape(4, 4)
    except Exception:  # whatever the learner's function may raise
        return False
    wrong = (tokens != (9 & may), tokens == (9 & may), (tokens & may) != 9, (tokens & may) == 9)
    return any(np.array_equal(found, each) for each in wrong)


def _wants_one_yes_or_no(function: Function) -> bool:
    """Whether a function raises where Python asks for a single truth value, as `and` does."""
    try:
        function(*_right())
    except Exception as error:  # whatever the learner's function may raise
        return wanted_yes_or_no(error)
    return False


DECODER_MASK = Exercise(
    id="decoder_mask",
    lesson=5,
    title="The decoder's mask",
    signature="(tokens, pad) -> (B, 1, T, T) booleans",
    reference=reference.decoder_mask,
    cases=_decoder_token_cases(),
    properties=(Property("what follows does not matter", _leaks),),
    mistakes=(
        *(
            _mistake(id, _both(causal=rule), prefix=_half(id, "causal"))
            for id, rule in _WRONG_CAUSAL.items()
            if id != "M05"
        ),
        *(
            _mistake(id, _both(padding=rule), prefix=_half(id, "padding"))
            for id, rule in _WRONG_PADDING.items()
            if id != "padding_everywhere"
        ),
        Mistake(
            "M15",
            "or instead of and",
            "Your mask allows a key if either rule does. A key is allowed if BOTH rules allow it: is that | or &?",
            (
                lambda tokens, pad: reference.padding_mask(tokens, pad) | reference.causal_mask(tokens.shape[1]),
                lambda tokens, pad: (
                    reference.padding_mask(tokens, pad) + reference.causal_mask(tokens.shape[1])
                ).astype(bool),
                lambda tokens, pad: (
                    reference.padding_mask(tokens, pad).astype(int) + reference.causal_mask(tokens.shape[1])
                ),
            ),
        ),
        Mistake(
            "M17",  # padding alone; also what M05 gives here
            "causality forgotten",
            "Your first row sees all real tokens. Change the last one: may the first output change?",
            (_full(reference.padding_mask), reference.padding_mask),
        ),
        Mistake(
            "decoder_outer",
            "causality forgotten, and pads blocked as queries",
            "In your mask every real token sees all others, later ones included. Which of the two rules keeps it from "
            "looking ahead?",
            (_outer,),
        ),
        Mistake(
            "decoder_returns_both",
            "returns two masks",
            "Two masks come back, and attention takes one. Which operator is True where both of them are?",
            (lambda tokens, pad: (reference.padding_mask(tokens, pad), reference.causal_mask(tokens.shape[1])),),
        ),
        Mistake(
            "decoder_padding_forgotten",
            "padding forgotten",
            "Your mask is the same for every sentence. Which tokens should nobody look at?",
            (_causal_only, lambda tokens, pad: reference.causal_mask(tokens.shape[1])),
        ),
        Mistake(
            "decoder_xor",
            "exclusive or instead of and",
            "Your mask allows a key if exactly one rule does. What if both do?",
            (lambda tokens, pad: reference.padding_mask(tokens, pad) ^ reference.causal_mask(tokens.shape[1]),),
        ),
        Mistake(
            "decoder_pad_rows",
            "the rows of pads are emptied as well",
            "You close the rows of pads as well. That harms nobody, and nobody gains by it, for their outputs are "
            "never used. What do the rules close at a pad: its row, or its column?",
            (_blank_pad_rows,),
        ),
        Mistake(
            "decoder_self_always",
            "a pad may see itself",
            "In your mask a pad sees itself. Which of the two rules does that break?",
            (_self_always,),
        ),
        Mistake(
            "decoder_inverted",
            "True where it should be False",
            "Your mask is True exactly where a key is to be hidden. Does True mean may attend or blocked in this "
            "course?",
            (lambda tokens, pad: ~reference.decoder_mask(tokens, pad),),
        ),
        Mistake(
            "decoder_empty_rows_filled",
            "a row with nothing allowed becomes one with everything",
            "Where nothing may be seen you allow everything, pads and future alike. What does attention do with an "
            "empty row in this course, and is there anything to repair?",
            (_empty_rows_filled,),
        ),
        Mistake(
            "decoder_precedence",
            "& comes before !=",
            "Print 9 & True. Which of != and & does Python do first, and where do parentheses belong?",
            (
                lambda tokens, pad: tokens[:, None, None, :] != (pad & reference.causal_mask(tokens.shape[1])),
                lambda tokens, pad: (reference.causal_mask(tokens.shape[1]) & tokens[:, None, None, :]) != pad,
            ),
            whole=True,
        ),
        Mistake(
            "decoder_precedence_in_rows",
            "& comes before !=, on tokens (B, T)",
            "Print 9 & True. Python does & before != and ==, so that here it joins other things than you mean: where "
            "do parentheses belong?",
            (
                lambda tokens, pad: tokens != (pad & reference.causal_mask(tokens.shape[1])),
                lambda tokens, pad: (tokens & reference.causal_mask(tokens.shape[1])) != pad,
                lambda tokens, pad: tokens == (pad & reference.causal_mask(tokens.shape[1])),
            ),
            recognize=_has_wrong_precedence,
        ),
        Mistake(
            "decoder_python_and",
            "and instead of &",
            "`and`, `or`, `not` and `if` want one yes or no, and here they get a whole table of them. Which sign asks "
            "for each entry by itself whether both are True?",
            (
                lambda tokens, pad: reference.padding_mask(tokens, pad) and reference.causal_mask(tokens.shape[1]),
                lambda tokens, pad: reference.causal_mask(tokens.shape[1]) and reference.padding_mask(tokens, pad),
                lambda tokens, pad: reference.padding_mask(tokens, pad) or reference.causal_mask(tokens.shape[1]),
            ),
            recognize=_wants_one_yes_or_no,
        ),
        Mistake(
            "decoder_matrix_product",
            "a matrix product of the two masks",
            "A matrix product asks whether there is any key that both masks allow, and loses which. Which operator "
            "compares them key by key?",
            (lambda tokens, pad: reference.padding_mask(tokens, pad) @ reference.causal_mask(tokens.shape[1]),),
            whole=True,
        ),
        Mistake(
            "decoder_no_head_axis",
            "no axis for the heads",
            "A mask (B, T, T) lines its B up with the heads of (B, H, Tq, Tk). Where is an axis of length 1 missing?",
            (lambda tokens, pad: reference.decoder_mask(tokens, pad)[:, 0],),
        ),
        *_not_boolean("decoder", "decoder mask", reference.decoder_mask),
    ),
    hints=(
        "Two rules block a key: it lies in the future, or it is a pad. When may a query look, if each "
        "rule can forbid it?",
        "Combine padding_mask (B, 1, 1, T) and causal_mask (T, T) with the operator for booleans that "
        "needs both to be True; "
        "broadcasting makes (B, 1, T, T).",
        "    return padding_mask(tokens, pad) ... causal_mask(tokens.shape[1])      # which operator?",
    ),
    shown=(reference.causal_mask, reference.padding_mask, reference.decoder_mask),
    argument_names=("tokens", "pad"),
    argument_dims={"tokens": "B T"},
    result_names=("mask",),
    result_dims={"mask": "B 1 Tq Tk"},
    result_kind="bool array",
    difficulty=2,
    importance=5,
    minutes=5,
)


# --- influence --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Named:
    """A function from tokens (T, d) to outputs (T, d_v) with a name that messages show."""

    name: str
    function: Callable[[Array], Array]

    def __call__(self, x: Array) -> Array:
        """Return the outputs."""
        return self.function(x)

    def __repr__(self) -> str:
        return self.name


DOUBLED = Named("each token doubled", lambda x: 2.0 * x)
SUMS_SO_FAR = Named("sums of the tokens so far", lambda x: np.cumsum(x, axis=-2))
SUMS_TO_COME = Named("sums of the tokens from here on", lambda x: np.cumsum(x[..., ::-1, :], axis=-2)[..., ::-1, :])


def _reader(name: str, mask: Array | None, d: int, d_v: int, seed: int) -> Named:
    """Self-attention with random projections, from tokens of width d to outputs of width d_v."""
    w_q, w_k, w_v = np.split(np.random.default_rng(seed).standard_normal((d, 2 * d + d_v)) / np.sqrt(d), [d, 2 * d], 1)
    return Named(name, lambda x: attention(x @ w_q, x @ w_k, x @ w_v, mask)[0])


def _sentences(T: int, d: int, seed: int) -> tuple[Array, Array]:
    x, other = np.random.default_rng(seed).standard_normal((2, T, d))
    return x, other


def _three_numbers() -> tuple[Array, Array]:
    return np.array([[1.0], [2.0], [4.0]]), np.array([[4.0], [1.0], [9.0]])


def _left_padded() -> Array:
    return reference.decoder_mask(np.array([[0, 0, 1, 5, 6, 7]]), 0)[0, 0]


INFLUENCE = Exercise(
    id="influence",
    lesson=5,
    title="Who sees whom, measured",
    signature="(f, x, other) -> (T, T): how far output i moves when token j is exchanged",
    reference=reference.influence,
    cases=(
        Case(
            "a function that doubles each token",
            lambda: (DOUBLED, *_three_numbers()),
            "No token meets another here. Which entries may differ from 0?",
            by_hand=True,
        ),
        Case(
            "sums of the tokens so far",
            lambda: (SUMS_SO_FAR, *_three_numbers()),
            "Output i is the sum of the tokens 0 to i. Which outputs does token 1 move, and by how much?",
            by_hand=True,
        ),
        Case(
            "sums of the tokens from here on",
            lambda: (SUMS_TO_COME, *_three_numbers()),
            "Output i is the sum of the tokens from i on. Which outputs does token 1 move, and by how much?",
            by_hand=True,
        ),
        Case(
            "two tokens of two numbers each",
            lambda: (SUMS_SO_FAR, np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[2.0, 7.0], [9.0, 1.0]])),
            "The two numbers of an output move by different amounts. Which one is asked for?",
            by_hand=True,
        ),
        Case(
            "three tokens of two numbers, some of which fall",
            lambda: (
                SUMS_SO_FAR,
                np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 4.0]]),
                np.array([[-4.0, 3.0], [3.0, -1.0], [2.0, 2.0]]),
            ),
            "Some numbers rise and some fall. Which change of an output is the largest?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "attention under a causal mask, outputs wider than tokens",
            lambda: (_reader("causal attention", reference.causal_mask(5), 3, 4, seed=31), *_sentences(5, 3, seed=32)),
            "Which of your steps uses the width of the tokens, and which that of the outputs?",
            tier=3,
            about_axes=True,
        ),
        Case(
            "attention without a mask, where all sizes are 4",
            lambda: (_reader("attention without a mask", None, 4, 4, seed=33), *_sentences(4, 4, seed=34)),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
            tier=3,
        ),
        Case(
            "a decoder's attention with two pads on the left",
            lambda: (_reader("a decoder's attention", _left_padded(), 3, 5, seed=35), *_sentences(6, 3, seed=36)),
            "Some outputs depend on nothing at all. What does your meter say of them?",
            tier=4,
        ),
    ),
    mistakes=bank.INFLUENCE,
    hints=(
        "You want to know whether output 3 depends on token 5. What do you change, what do you leave as it is, and "
        "which two things do you compare?",
        "Run f on x once, and keep what it gives. Then, for each j: copy x, put other[j] into row j of the copy, run f "
        "on the copy. np.abs of the difference, and its maximum over the last axis, is column j.",
        "    before = f(x)\n    moved = np.zeros((len(x), len(x)))\n    for j in range(len(x)):\n"
        "        changed = x.copy()\n        changed[j] = ...\n"
        "        moved[:, j] = np.abs(f(...) - before).max(axis=...)\n    return moved",
    ),
    argument_names=("f", "x", "other"),
    argument_dims={"x": "T d", "other": "T d"},
    result_names=("moved",),
    result_dims={"moved": "T T"},
    difficulty=2,
    importance=5,
    minutes=18,
)


# --- the version to repair --------------------------------------------------------------------------------------


def buggy_decoder_mask(tokens: Array, pad: int) -> Array:
    """The decoder's mask with one planted bug, as the notebook hands it out.

    Pads are hidden as queries. With pads on the right nothing shows: a real word stands before all of them, and the
    causal half hides them from it. With pads on the left every real word looks at them.
    """
    T = tokens.shape[1]
    real = tokens != pad
    return real[:, None, :, None] & np.tril(np.ones((T, T), dtype=bool))


REPAIR_DECODER_MASK = dataclasses.replace(
    DECODER_MASK,
    id="repair_decoder_mask",
    title="Find the bug",
    hints=(
        "All her batches were padded on the right. Is there a real word in them with a pad *before* it, so that the "
        "causal rule alone would let it look?",
        "Pad on the left, and print her mask of one sentence as 0 and 1. In which column does the first pad stand, and "
        "which rows may look at it?",
        "    real[:, None, :, None]     # (B, 1, T, 1): T stands where the queries do\n"
        "    real[:, ..., ..., ...]     # where do the keys stand?",
    ),
    handed_out=buggy_decoder_mask,
    difficulty=2,
    importance=4,
    minutes=15,
)

EXERCISES = (CAUSAL_MASK, PADDING_MASK, DECODER_MASK, INFLUENCE, REPAIR_DECODER_MASK)
