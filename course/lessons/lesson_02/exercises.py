"""The exercises of lesson 02: additive_attention, luong_scores, local_weights, alignment_error, repair_center."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lessons.lesson_02 import mistakes as bank
from course.lessons.lesson_02 import reference

Array = NDArray[Any]


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


# --- additive attention -----------------------------------------------------------------------------------------


def _look(B: int, T: int, dq: int, dk: int, da: int, seed: int, mask: Array | None = None) -> tuple[Array, ...]:
    """Return s, h, mask, Wq, Wk, v of these sizes; without a mask all may be attended."""
    s, h = _normal(B, dq, seed=seed), _normal(B, T, dk, seed=seed + 1)
    Wq, Wk, v = _normal(dq, da, seed=seed + 2), _normal(dk, da, seed=seed + 3), 2 * _normal(da, seed=seed + 4)
    return s, h, np.ones((B, T), dtype=bool) if mask is None else mask.copy(), Wq, Wk, v


def _one_word() -> tuple[Array, ...]:
    """One word has all the weight, so only the context can be wrong."""
    return np.array([[1.0]]), np.array([[[3.0, 7.0]]]), np.array([[True]]), np.eye(1), np.ones((2, 1)), np.ones(1)


def _two_words() -> tuple[Array, ...]:
    """Sums 1 and -1 in front of tanh, for a state of 1 and words of 0 and -2; scores 2 tanh(1) and 2 tanh(-1)."""
    h = np.array([[[0.0], [-2.0]]])
    return np.array([[1.0]]), h, np.array([[True, True]]), np.eye(1), np.eye(1), np.array([2.0])


def _flat_end() -> tuple[Array, ...]:
    """The state pushes the second unit to the flat end of tanh, where a word makes hardly a difference."""
    h = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    Wq, Wk = np.array([[0.0, -4.0]]), 2 * np.eye(2)
    return np.array([[1.0]]), h, np.array([[True, True]]), Wq, Wk, np.array([3.0, 3.0])


_BEHIND = np.array([[True, True, True, False, False], [True, True, True, True, True], [True] + [False] * 4])
_BEFORE = _BEHIND[:, ::-1]
_HOLES = np.array(
    [[True, False, True, True, False], [False, True, False, True, True], [True, True, False, False, True]]
)
_EMPTY = np.array([[True, True, True, False, False], [False] * 5, [True, False, True, True, True]])


def _large() -> tuple[Array, ...]:
    *rest, v = _look(3, 5, 2, 4, 6, seed=31, mask=_BEHIND)
    return *rest, 700 * v


_ADDITIVE_CASES = (
    Case(
        "one word",
        _one_word,
        "One word gets all the weight. What is the context then?",
        by_hand=True,
    ),
    Case(
        "two words and one unit",
        _two_words,
        "The state adds 1 to both words, so 1 and -1 go into tanh. Which scores follow, with v = 2?",
        by_hand=True,
    ),
    Case(
        "two words and two units, one of which the state closes",
        _flat_end,
        "In front of tanh stand 2 and -4 for the first word, 0 and -2 for the second. Which scores follow?",
        by_hand=True,
    ),
    Case(
        "B = 2, T = 5, dq = 3, dk = 4 and da = 6",
        lambda: _look(2, 5, 3, 4, 6, seed=11),
        "All sizes differ. The question of a sentence is (B, da), its words are (B, T, da): which axis is missing?",
        about_axes=True,
    ),
    Case(
        "one unit",
        lambda: _look(2, 4, 3, 5, 1, seed=16),
        "Here da is 1. Does the product with v take the axis of the units away?",
        about_axes=True,
    ),
    Case(
        "all sizes 3",
        lambda: _look(3, 3, 3, 3, 3, seed=21),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
    ),
    Case(
        "sentences of three words, five and one, pads behind",
        lambda: _look(3, 5, 2, 4, 6, seed=26, mask=_BEHIND),
        "Pads must have no weight, and the words share the whole. At which step do you leave the pads out?",
        tier=2,
    ),
    Case(
        "pads in front",
        lambda: _look(3, 5, 2, 4, 6, seed=26, mask=_BEFORE),
        "The mask says where the words are. Do you take their number from it, or their places?",
        tier=2,
    ),
    Case(
        "a mask with holes",
        lambda: _look(3, 5, 2, 4, 6, seed=26, mask=_HOLES),
        "Each sentence has a mask of its own. Whose does yours use?",
        tier=2,
    ),
    Case(
        "scores in the thousands",
        _large,
        "A power of 1000 is too large to store. What can be taken off all scores of a sentence without changing a "
        "weight?",
        tier=2,
    ),
    Case(
        "a sentence in which the mask allows nothing",
        lambda: _look(3, 5, 2, 4, 6, seed=36, mask=_EMPTY),
        "In the second sentence there is nothing to look at. Which weights and which context should it get?",
        tier=3,
    ),
)


def _state_does_not_matter(function: Function) -> str | None:
    s, *rest = _look(2, 4, 3, 5, 6, seed=41)
    if not np.allclose(function(s, *rest)[1], function(-s, *rest)[1]):
        return None
    return "Another state of the decoder gets the same weights. What is a question good for that changes nothing?"


def _sentences_meet(function: Function) -> str | None:
    s, h, mask, *rest = _look(3, 5, 2, 4, 6, seed=42, mask=_BEHIND)
    whole = function(s.copy(), h.copy(), mask.copy(), *rest)
    alone = function(s[:1].copy(), h[:1, :3].copy(), mask[:1, :3].copy(), *rest)
    if np.allclose(whole[0][:1], alone[0]) and np.allclose(whole[1][:1, :3], alone[1]):
        return None
    return "A sentence of three words gets another answer alone than in company, behind two pads. What leaks?"


def _pads_matter(function: Function) -> str | None:
    s, h, mask, *rest = _look(3, 5, 2, 4, 6, seed=43, mask=_BEHIND)
    before = function(s, h.copy(), mask, *rest)[0]
    h[~mask] = 50.0
    if np.allclose(before, function(s, h, mask, *rest)[0]):
        return None
    return "What stands in the states of pads changes your context. Through which step does it leak?"


def _order_matters(function: Function) -> str | None:
    s, h, mask, *rest = _look(2, 4, 3, 5, 6, seed=44)
    order = np.array([2, 0, 3, 1])
    (context, weights), (moved, moved_weights) = function(s, h, mask, *rest), function(s, h[:, order], mask, *rest)
    if np.allclose(context, moved) and np.allclose(weights[:, order], moved_weights):
        return None
    return "Words in another order do not take their weights along. Does a score know where its word stands?"


def _wrong_slope(function: Function) -> str | None:
    """Compare central differences with those of the reference: it must be smooth, and bend in the same way."""
    s, *rest = _look(2, 4, 3, 5, 6, seed=45)
    step = 1e-5 * _normal(2, 3, seed=46)
    yours, right = (
        (f(s + step, *rest)[0] - f(s - step, *rest)[0]) / 2e-5 for f in (function, reference.additive_attention)
    )
    if np.allclose(yours, right, atol=1e-6):
        return None
    return "When the state moves a little, your context moves at another rate. Which of your steps is not smooth?"


def _impure(function: Function) -> str | None:
    arguments = _look(2, 4, 3, 5, 6, seed=47)
    first = [np.array(part) for part in function(*arguments)]
    if all(np.array_equal(a, b) for a, b in zip(first, function(*arguments), strict=True)):
        return None
    return "The same arguments give another answer the second time. What in your function remembers or draws lots?"


def _integers_cut_off(function: Function) -> str | None:
    whole = (np.array([[1]]), np.array([[[0], [1], [2]]]), np.array([[True] * 3]), np.eye(1, dtype=int))
    arguments = (*whole, np.eye(1, dtype=int), np.array([2]))
    try:
        found = function(*arguments)
    except Exception:  # it may refuse integers
        return None
    right = reference.additive_attention(*arguments)
    if all(np.allclose(a, b) for a, b in zip(found, right, strict=True)):
        return None
    return (
        "With states and matrices of integers your numbers are cut off behind the point. Which array takes its type "
        "from an argument?"
    )


def _sentences_apart(function: Function) -> bool:
    """Whether each sentence has an answer of its own, and words take their weights along."""
    return _sentences_meet(function) is None and _order_matters(function) is None


ADDITIVE_ATTENTION = Exercise(
    id="additive_attention",
    lesson=2,
    title="Additive attention",
    signature="(s, h, mask, Wq, Wk, v) -> (context, weights)",
    reference=reference.additive_attention,
    shown=(reference.softmax, reference.additive_attention),
    cases=_ADDITIVE_CASES,
    properties=(
        Property("the decoder's state matters", _state_does_not_matter),
        Property("company does not matter", _sentences_meet),
        Property("pads do not matter", _pads_matter),
        Property("words take their weights along", _order_matters),
        Property("the gradient is right", _wrong_slope),
        Property("the same arguments give the same answer", _impure),
        Property("integers are not cut off", _integers_cut_off),
    ),
    axes_hold=_sentences_apart,
    mistakes=bank.ADDITIVE_ATTENTION,
    hints=(
        "Say the three steps: score, softmax, mix. Which of them is the only one in which state and word meet? And of "
        "which of the arrays is the context a mixture?",
        "The question s @ Wq is (B, da), and the words h @ Wk are (B, T, da): [:, None] gives the question an axis of "
        "length 1 for the words. Then tanh, @ v, the softmax above with the mask, and the sum over the words of "
        "weight times state, for which the weights need an axis as well.",
        "    question = (s @ Wq)[:, None]\n    scores = np.tanh(question + ...) @ ...\n"
        "    weights = softmax(scores, ...)\n    context = (weights[:, :, None] * ...).sum(axis=...)\n"
        "    return context, weights",
    ),
    argument_names=("s", "h", "mask", "Wq", "Wk", "v"),
    argument_dims={"s": "B dq", "h": "B T dk", "mask": "B T", "Wq": "dq da", "Wk": "dk da", "v": "da"},
    result_names=("context", "weights"),
    result_dims={"context": "B dk", "weights": "B T"},
    difficulty=2,
    importance=5,
    minutes=22,
)


# --- multiplicative scores ----------------------------------------------------------------------------------------


def _scored(kind: str, B: int, T: int, dq: int, dk: int, da: int, seed: int) -> tuple[Any, ...]:
    s, h = _normal(B, dq, seed=seed), _normal(B, T, dk, seed=seed + 1)
    if kind == "dot":
        return s, h, kind
    if kind == "general":
        return s, h, kind, _normal(dq, dk, seed=seed + 2)
    return s, h, kind, _normal(dq + dk, da, seed=seed + 3), _normal(da, seed=seed + 4)


def _pairs_meet(function: Function) -> str | None:
    for kind in ("dot", "general", "concat"):
        s, h, *rest = _scored(kind, 3, 4, 5, 5, 6, seed=61)
        if not np.allclose(function(s, h, *rest)[1:2, 2:3], function(s[1:2], h[1:2, 2:3], *rest)):
            return f"With {kind!r} a word gets another score when it is asked alone. Does a score need its neighbors?"
    return None


def _concat_is_not_additive(function: Function) -> str | None:
    s, h, _, Wq, Wk, v = _look(2, 4, 3, 5, 6, seed=62)
    additive = np.tanh((s @ Wq)[:, None] + h @ Wk) @ v
    if np.allclose(function(s, h, "concat", np.concatenate([Wq, Wk]), v), additive):
        return None
    return (
        "With Wq above and Wk below in one W, concat should be the additive score, and yours is another. Which rows of "
        "W meet the state?"
    )


def _luong_impure(function: Function) -> str | None:
    arguments = _scored("general", 2, 4, 3, 5, 6, seed=63)
    if np.array_equal(np.array(function(*arguments)), function(*arguments)):
        return None
    return "The same arguments give another answer the second time. What in your function remembers or draws lots?"


LUONG_SCORES = Exercise(
    id="luong_scores",
    lesson=2,
    title="Dot, general, concat",
    signature='(s, h, kind, W=None, v=None) -> scores (B, T); kind: "dot", "general" or "concat"',
    reference=reference.luong_scores,
    cases=(
        Case(
            "dot, two words",
            lambda: (np.array([[1.0, 2.0]]), np.array([[[3.0, 4.0], [-1.0, 1.0]]]), "dot"),
            "Multiply number by number and add up. What is (1, 2) with (3, 4)?",
            by_hand=True,
        ),
        Case(
            "dot, B = 2, T = 5 and a width of 4",
            lambda: _scored("dot", 2, 5, 4, 4, 0, seed=51),
            "Each sentence's state meets the words of that sentence alone. Which axes do your numbers have?",
            about_axes=True,
        ),
        Case(
            "dot, all sizes 3",
            lambda: _scored("dot", 3, 3, 3, 3, 0, seed=52),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
        Case(
            "general, two words",
            lambda: (
                np.array([[1.0, 2.0]]),
                np.array([[[3.0, 4.0], [-1.0, 1.0]]]),
                "general",
                np.array([[0.0, 1.0], [1.0, 0.0]]),
            ),
            "This W exchanges the two numbers of the state. What is (2, 1) with (3, 4)?",
            by_hand=True,
            tier=2,
        ),
        Case(
            "general, B = 2, T = 5, dq = 3 and dk = 4",
            lambda: _scored("general", 2, 5, 3, 4, 0, seed=53),
            "W is (dq, dk). Which product makes something of the state that can meet a word?",
            about_axes=True,
            tier=2,
        ),
        Case(
            "general, all sizes 3",
            lambda: _scored("general", 3, 3, 3, 3, 0, seed=54),
            "All sizes are equal, so that wrong axes raise no error. Do rows of W belong to the state?",
            tier=2,
        ),
        Case(
            "concat, one word",
            lambda: (
                np.array([[1.0]]),
                np.array([[[2.0]]]),
                "concat",
                np.array([[1.0, 0.0], [0.0, 1.0]]),
                np.array([1.0, 10.0]),
            ),
            "State 1 and word 2 side by side are (1, 2). What do tanh and v make of them?",
            by_hand=True,
            tier=3,
        ),
        Case(
            "concat, B = 2, T = 5, dq = 3, dk = 4 and da = 6",
            lambda: _scored("concat", 2, 5, 3, 4, 6, seed=55),
            "Beside each word stands the state that asks. Which shape have both together?",
            about_axes=True,
            tier=3,
        ),
        Case(
            "concat, all sizes 3",
            lambda: _scored("concat", 3, 3, 3, 3, 3, seed=56),
            "The upper rows of W belong to the state. Which do you lay on the left?",
            tier=3,
        ),
    ),
    properties=(
        Property("each pair has a score of its own", _pairs_meet),
        Property("concat is the additive score", _concat_is_not_additive),
        Property("the same arguments give the same answer", _luong_impure),
    ),
    mistakes=bank.LUONG_SCORES,
    hints=(
        "In dot and general a state of width d meets a word of width d and gives one number. Which product of a table "
        "(T, d) with a column (d, 1) does that for all words at once?",
        "h @ s[:, :, None] is (B, T, 1), and [:, :, 0] takes the last axis away; in general s @ W stands where s "
        "stood. For concat, np.broadcast_to(s[:, None], (B, T, dq)) puts the state beside each word, and "
        "np.concatenate(..., axis=-1) joins both.",
        '    if kind == "dot":\n        return (h @ s[:, :, None])[:, :, 0]\n    if kind == "general":\n'
        "        return ...   # with s @ W\n    B, T, dk = h.shape\n    asking = np.broadcast_to(s[:, None], ...)\n"
        "    return np.tanh(np.concatenate([asking, h], axis=-1) @ ...) @ ...",
    ),
    argument_names=("s", "h", "kind", "W", "v"),
    argument_dims={"s": "B dq", "h": "B T dk"},
    result_names=("scores",),
    result_dims={"scores": "B T"},
    difficulty=2,
    importance=4,
    minutes=14,
)


# --- local attention ----------------------------------------------------------------------------------------------


def _powers(*rows: tuple[float, ...]) -> Array:
    """Return scores whose powers are these numbers."""
    return np.log(np.array(rows))


_FIVE = ((1.0, 2.0, 4.0, 2.0, 1.0),)


def _local(
    B: int, T: int, center: tuple[float, ...], D: int, seed: int, mask: Array | None = None, gaussian: bool = False
) -> tuple[Any, ...]:
    given = np.ones((B, T), dtype=bool) if mask is None else mask.copy()
    arguments = (2 * _normal(B, T, seed=seed), given, np.array(center), D)
    return (*arguments, True) if gaussian else arguments


def _by_hand(center: float, D: int, gaussian: bool = False) -> Callable[[], tuple[Any, ...]]:
    def make() -> tuple[Any, ...]:
        arguments = (_powers(*_FIVE), np.ones((1, 5), dtype=bool), np.array([center]), D)
        return (*arguments, True) if gaussian else arguments

    return make


_PADS = np.arange(7) < np.array([[4], [7], [2]])

_LOCAL_CASES = (
    Case(
        "powers 1, 2, 4, 2, 1 and a window of D = 1 around word 1",
        _by_hand(1.0, 1),
        "Words 0, 1 and 2 are seen, with the powers 1, 2 and 4. What are they divided by?",
        by_hand=True,
    ),
    Case(
        "the window at the first word",
        _by_hand(0.0, 2),
        "The window would begin at place -2. Which words does it hold?",
        by_hand=True,
    ),
    Case(
        "a center between two words",
        _by_hand(2.5, 1),
        "Words 2 and 3 are at a distance of 0.5, and words 1 and 4 at 1.5. Which of them are seen?",
        by_hand=True,
    ),
    Case(
        "three sentences of seven words, D = 2",
        lambda: _local(3, 7, (1.0, 3.4, 6.0), 2, 71),
        "Each sentence has a center of its own. Around which one does yours look?",
        about_axes=True,
    ),
    Case(
        "as many sentences as words, D = 1",
        lambda: _local(4, 4, (0.0, 3.0, 1.5, 2.2), 1, 72),
        "Sentences and words are equally many here, so that wrong axes raise no error. Along which axis do the centers "
        "lie?",
    ),
    Case(
        "D = 3",
        lambda: _local(2, 9, (4.0, 2.7), 3, 73),
        "How many words has a window around word 4?",
    ),
    Case(
        "a bell curve around word 2, D = 2",
        _by_hand(2.0, 2, gaussian=True),
        "All five words are seen: the weights are 0.1, 0.2, 0.4, 0.2 and 0.1. With sigma = 1, what are the factors "
        "at a distance of 1 and of 2?",
        by_hand=True,
        tier=2,
    ),
    Case(
        "a bell curve between two words, D = 1",
        _by_hand(2.5, 1, gaussian=True),
        "Two words at a distance of 0.5 are seen, and sigma is 0.5. Which factor do they get?",
        by_hand=True,
        tier=2,
    ),
    Case(
        "bell curves in three sentences, D = 3",
        lambda: _local(3, 7, (1.0, 3.4, 6.0), 3, 74, None, True),
        "Take one word and compute its weight in the window, and then its factor. At which of the two do you part?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "sentences of four, seven and two words, D = 2",
        lambda: _local(3, 7, (3.0, 3.4, 1.0), 2, 75, _PADS),
        "The window reaches over the end of a sentence. Who shares the whole there?",
        tier=3,
    ),
    Case(
        "the same with a bell curve",
        lambda: _local(3, 7, (3.0, 3.4, 1.0), 2, 75, _PADS, True),
        "The window reaches over the end of a sentence. Who shares the whole there, before the bell curve?",
        tier=3,
    ),
    Case(
        "windows that have left their sentence, D = 1",
        lambda: _local(3, 7, (5.5, 7.5, 4.0), 1, 76, _PADS),
        "Behind the end of a sentence the window holds no word. Which weights are left?",
        tier=4,
    ),
    Case(
        "scores in the thousands",
        lambda: (1500 * _normal(3, 7, seed=77), _PADS.copy(), np.array([2.0, 4.0, 0.5]), 2),
        "A power of 1000 is too large to store. Do you use the `softmax` from above?",
        tier=4,
    ),
)


def _wide_is_not_global(function: Function) -> str | None:
    scores, mask = 2 * _normal(3, 7, seed=81), _PADS
    if np.allclose(function(scores, mask.copy(), np.array([2.0, 3.0, 0.0]), 50), reference.softmax(scores, mask)):
        return None
    return "A window of D = 50 holds the whole sentence, and your weights are not those of softmax. What else decides?"


def _outside_matters(function: Function) -> str | None:
    scores, center = 2 * _normal(2, 9, seed=82), np.array([3.0, 4.5])
    before = function(scores.copy(), np.ones((2, 9), dtype=bool), center, 1, True)
    outside = np.abs(np.arange(9) - center[:, None]) > 1
    scores[outside] += 5.0
    if np.allclose(before, function(scores, np.ones((2, 9), dtype=bool), center, 1, True)):
        return None
    return "Scores outside the window change your weights. Do those words still take part in the softmax?"


def _local_impure(function: Function) -> str | None:
    arguments = _local(2, 7, (2.0, 4.4), 2, 83, None, True)
    if np.array_equal(np.array(function(*arguments)), function(*arguments)):
        return None
    return "The same arguments give another answer the second time. What in your function remembers or draws lots?"


LOCAL_WEIGHTS = Exercise(
    id="local_weights",
    lesson=2,
    title="A window that moves along",
    signature="(scores, mask, center, D, gaussian=False) -> weights (B, T)",
    reference=reference.local_weights,
    shown=(reference.softmax, reference.local_weights),
    cases=_LOCAL_CASES,
    properties=(
        Property("a wide window is none", _wide_is_not_global),
        Property("words outside do not matter", _outside_matters),
        Property("the same arguments give the same answer", _local_impure),
    ),
    mistakes=bank.LOCAL_WEIGHTS,
    hints=(
        "Which two conditions must a word meet to be seen: one that the mask knows, and one about its distance from "
        "the center? And what does softmax do with a word that does not meet them?",
        "np.arange(T) are the places; take center[:, None] from them and you have distances (B, T). Words with "
        "np.abs(distance) <= D are in the window; & joins that with the mask. After softmax, with gaussian, multiply "
        "by np.exp(-distance**2 / (2 * sigma**2)), sigma = D / 2, and divide by nothing.",
        "    distance = np.arange(scores.shape[1]) - center[:, None]\n"
        "    weights = softmax(scores, mask & (...))\n    if gaussian:\n        weights = weights * np.exp(...)\n"
        "    return weights",
    ),
    argument_names=("scores", "mask", "center", "D", "gaussian"),
    argument_dims={"scores": "B T", "mask": "B T", "center": "B"},
    result_names=("weights",),
    result_dims={"weights": "B T"},
    difficulty=3,
    importance=3,
    minutes=13,
)


# --- alignment error ----------------------------------------------------------------------------------------------


def _table(*rows: str) -> Array:
    """Return a table of booleans from rows of "x" and "."."""
    return np.array([[sign == "x" for sign in row] for row in rows])


def _weights(T: int, S: int, seed: int) -> Array:
    return reference.softmax(3 * _normal(T, S + 1, seed=seed), np.ones((T, S + 1), dtype=bool))


def _random_gold(T: int, S: int, seed: int) -> Array:
    gold = np.random.default_rng(seed).random((T, S)) < 0.25
    gold[np.arange(T), np.arange(T) % S] |= np.arange(T) % 3 != 1
    return gold


def _no_end(weights: Array) -> Array:
    """Return rows that sum to 1 and give nothing to the end token."""
    return np.concatenate([weights / weights.sum(axis=1, keepdims=True), np.zeros((len(weights), 1))], axis=1)


def _scale_matters(function: Function) -> str | None:
    weights, gold = _weights(5, 4, seed=95), _random_gold(5, 4, seed=96)
    if np.isclose(function(weights, gold), function(weights**2, gold)):
        return None
    return (
        "Weights that are sharpened, with the same largest in each row, change your number. Do you read more of them?"
    )


def _order_of_words_matters(function: Function) -> str | None:
    weights, gold = _weights(5, 4, seed=97), _random_gold(5, 4, seed=98)
    order = np.array([3, 1, 4, 0, 2])
    if np.isclose(function(weights, gold), function(weights[order], gold[order])):
        return None
    return "The target words in another order, with their rows, change your number. Which row do you treat otherwise?"


ALIGNMENT_ERROR = Exercise(
    id="alignment_error",
    lesson=2,
    title="From weights to links, and how wrong they are",
    signature="(weights, gold) -> float; weights (T, S + 1), gold (T, S) booleans",
    reference=reference.alignment_error,
    cases=(
        Case(
            "two words, both right",
            lambda: (_no_end(np.array([[3.0, 1.0], [1.0, 3.0]])), _table("x.", ".x")),
            "All links are right. Which error is that?",
            by_hand=True,
        ),
        Case(
            "three words, one wrong",
            lambda: (
                _no_end(np.array([[6.0, 2.0, 2.0], [5.0, 4.0, 1.0], [2.0, 2.0, 6.0]])),
                _table("x..", ".x.", "..x"),
            ),
            "Two of three guessed links are gold, and two of three gold links are guessed. What does the formula give?",
            by_hand=True,
        ),
        Case(
            "a word with two gold links",
            lambda: (_no_end(np.array([[6.0, 3.0, 1.0], [1.0, 2.0, 7.0]])), _table("xx.", "..x")),
            "There are two guessed links and three gold ones, with two in common. What does the formula give?",
            by_hand=True,
        ),
        Case(
            "five target words and four source words",
            lambda: (_no_end(_weights(5, 3, seed=91)), _random_gold(5, 4, seed=92)),
            "Which words are linked, which of these links are gold, and how many gold links are there?",
            about_axes=True,
        ),
        Case(
            "four target words and six source words",
            lambda: (_no_end(_weights(4, 5, seed=99)), _random_gold(4, 6, seed=100)),
            "Which words are linked, which of these links are gold, and how many gold links are there?",
            about_axes=True,
        ),
        Case(
            "a word that looks at the end token",
            lambda: (np.array([[0.7, 0.2, 0.1], [0.3, 0.1, 0.6]]), _table("x.", "..")),
            "The second word looks most at the last column, the end token. How many links are there then?",
            by_hand=True,
            tier=2,
        ),
        Case(
            "seven target words, some of which look at the end token",
            lambda: (_weights(7, 3, seed=93), _random_gold(7, 3, seed=94)),
            "Some words are linked to nothing. How many links do you count?",
            tier=2,
        ),
    ),
    properties=(
        Property("only the largest weight counts", _scale_matters),
        Property("all words count alike", _order_of_words_matters),
    ),
    mistakes=bank.ALIGNMENT_ERROR,
    hints=(
        "First decide: to which source word is each target word linked? Then count three things: links, gold links, "
        "and those that are both. In which of them must a look at the end token not appear?",
        "weights.argmax(axis=1) gives a column for each row. Compare it, upright, with np.arange(S): that is a table "
        "of links like gold, and the column S of the end token is in none. & and .sum() do the counting.",
        "    best = weights.argmax(axis=1)\n    links = best[:, None] == np.arange(gold.shape[1])\n"
        "    return 1 - 2 * (...).sum() / (... + ...)",
    ),
    argument_names=("weights", "gold"),
    argument_dims={"weights": "T S+1", "gold": "T S"},
    result_names=("error",),
    result_kind="number",
    difficulty=2,
    importance=3,
    minutes=10,
)


# --- the predicted center, to be repaired -------------------------------------------------------------------------


def _center(B: int, T: int, dq: int, da: int, seed: int, mask: Array | None = None) -> tuple[Array, ...]:
    given = np.ones((B, T), dtype=bool) if mask is None else mask.copy()
    return _normal(B, dq, seed=seed), given, _normal(dq, da, seed=seed + 1), 2 * _normal(da, seed=seed + 2)


def _company_matters(function: Function) -> str | None:
    s, mask, W, v = _center(3, 7, 4, 5, seed=111, mask=_PADS)
    if np.allclose(function(s, mask, W, v)[:1], function(s[:1], mask[:1, :4], W, v)):
        return None
    return "A sentence of four words gets another center alone than in company. Which of your numbers knows its length?"


def _beyond_the_sentence(function: Function) -> str | None:
    s, mask, W, v = _center(3, 7, 4, 5, seed=112, mask=_PADS)
    found = np.concatenate([function(30 * s, mask, W, 5 * v), function(-30 * s, mask, W, 5 * v)])
    if (found >= 0).all() and (found <= np.tile(mask.sum(axis=1), 2)).all():
        return None
    return "A center of yours lies outside its sentence. Between which two numbers does a share lie?"


REPAIR_CENTER = Exercise(
    id="repair_center",
    lesson=2,
    title="Find the bug",
    signature="(s, mask, W, v) -> center (B,)",
    reference=reference.predicted_center,
    cases=(
        Case(
            "one sentence of four words, nothing to say",
            lambda: (np.zeros((1, 2)), np.ones((1, 4), dtype=bool), np.ones((2, 3)), np.ones(3)),
            "A state of zeros makes a share of one half. Of how many words?",
            by_hand=True,
        ),
        Case(
            "three sentences of five words",
            lambda: _center(3, 5, 4, 6, seed=101),
            "All sentences are equally long here. Which of your factors is another one?",
            about_axes=True,
        ),
        Case(
            "all sizes 3",
            lambda: _center(3, 3, 3, 3, seed=104),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
        Case(
            "sentences of four, seven and two words",
            lambda: _center(3, 7, 4, 5, seed=107, mask=_PADS),
            "The sentences of this batch have different lengths. Where does your function find the length of each?",
            tier=2,
        ),
        Case(
            "sentences of four and two words in an array of seven",
            lambda: _center(2, 7, 4, 5, seed=109, mask=_PADS[[0, 2]]),
            "No sentence is as long as the array. Where does your function find the length of each?",
            tier=2,
        ),
    ),
    properties=(
        Property("company does not matter", _company_matters),
        Property("the center lies in the sentence", _beyond_the_sentence),
    ),
    mistakes=bank.REPAIR_CENTER,
    hints=(
        "He is right where all sentences of a batch are equally long. So the share is sound. Which factor is left?",
        "mask.shape[1] is the length of the array. Which of the booleans in a row of the mask are words, and how do "
        "you count them for each sentence?",
        "    length = mask.sum(...)      # (B,): the words of each sentence\n    return length * share",
    ),
    argument_names=("s", "mask", "W", "v"),
    argument_dims={"s": "B dq", "mask": "B T", "W": "dq da", "v": "da"},
    result_names=("center",),
    result_dims={"center": "B"},
    handed_out=bank.colleagues_center,
    difficulty=2,
    importance=4,
    minutes=6,
)

EXERCISES = (ADDITIVE_ATTENTION, LUONG_SCORES, LOCAL_WEIGHTS, ALIGNMENT_ERROR, REPAIR_CENTER)
