"""Known wrong versions of additive_attention, and the question that leads out of each.

Ids K01 to K07 are those of the project's catalog of mistakes; the others are ours. A wrong version is the right one
with a step replaced: see :func:`_made`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_02 import reference
from course.lessons.lesson_02.mistakes.shares import (
    ALL_BUT_FIRST,
    ALL_BUT_LAST,
    ONLY_FIRST,
    ONLY_LAST,
    Normalize,
    added,
    descending,
    filled_with,
    first_mask,
    inverted,
    kept,
    masked_after,
    masked_and_shared_again,
    multiplied,
    naive,
    naive_times,
    naive_with_rule,
    over,
    sigmoid,
    taken_off,
    undivided,
    undivided_stable,
    unmasked,
    whole_numbers,
    winner,
    with_nan,
    without_powers,
)
from course.lessons.lesson_02.reference import softmax

Array = NDArray[Any]
Score = Callable[[Array, Array, Array, Array, Array], Array]  # s, h, Wq, Wk, v -> scores (B, T)


def _score(s: Array, h: Array, Wq: Array, Wk: Array, v: Array) -> Array:
    return np.tanh((s @ Wq)[:, None] + h @ Wk) @ v


def _mix(weights: Array, h: Array) -> Array:
    return np.einsum("bt,btd->bd", weights, h)


def _mix_upright(weights: Array, h: Array) -> Array:
    return (weights[:, :, None] * h).sum(axis=1)


def _mix_at_the_end(weights: Array, h: Array) -> Array:
    return (weights[..., None] * h).sum(axis=1)


def _softmax_of_units(scores: Array, mask: Array) -> Array:
    """Shares of scores (B, T, da), under a mask that got an axis to fit them."""
    return softmax(scores, mask[:, :, None])


def _made(score: Score = _score, normalize: Normalize = softmax, mix: Callable[[Array, Array], Any] = _mix) -> Function:
    """Return an attention made of these steps; with the steps as given it is the reference."""

    def additive_attention(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> Any:  # noqa: ANN401
        weights = normalize(score(s, h, Wq, Wk, v), mask)
        return mix(weights, h), weights

    return additive_attention


def _scored(score: Score) -> tuple[Function, ...]:
    """Return versions with another score, with zeros and with NaN for an empty row."""
    return _made(score), _made(score, with_nan), _made(score, filled_with(-1e9))


def _bent(bend: Callable[[Array], Array]) -> tuple[Function, ...]:
    return _scored(lambda s, h, Wq, Wk, v: bend((s @ Wq)[:, None] + h @ Wk) @ v)


def _summed(sums: Callable[[Array, Array], Array]) -> tuple[Function, ...]:
    return _scored(lambda s, h, Wq, Wk, v: np.tanh(sums((s @ Wq)[:, None], h @ Wk)) @ v)


def _reduced(reduce: Callable[[Array], Array]) -> tuple[Function, ...]:
    return _scored(lambda s, h, Wq, Wk, v: reduce(np.tanh((s @ Wq)[:, None] + h @ Wk)))


def _to_first_word(question: Array, keys: Array) -> Array:
    return np.concatenate([question + keys[:, :1], keys[:, 1:]], axis=1)


def _to_last_word(question: Array, keys: Array) -> Array:
    return np.concatenate([keys[:, :-1], question + keys[:, -1:]], axis=1)


def _divided(by: Callable[[Array, Array, Array], float]) -> tuple[Function, ...]:
    return _scored(lambda s, h, Wq, Wk, v: _score(s, h, Wq, Wk, v) / by(s, h, v))


def _after(change: Callable[[Array, Array, Array], Any]) -> Function:
    """Return a version that hands (context, weights, h) of the right one to ``change``."""

    def additive_attention(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> Any:  # noqa: ANN401
        return change(*reference.additive_attention(s, h, mask, Wq, Wk, v), h)

    return additive_attention


def _context_of_keys(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    weights = softmax(_score(s, h, Wq, Wk, v), mask)
    return _mix(weights, h @ Wk), weights


def _only_weights_masked(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    scores = _score(s, h, Wq, Wk, v)
    return _mix(unmasked(scores, mask), h), softmax(scores, mask)


def _only_context_masked(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    weights = unmasked(_score(s, h, Wq, Wk, v), mask)
    return _mix(weights * mask, h), weights


def _states_masked(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    """Pads become zeros, and zeros are words like any other."""
    h = h * mask[:, :, None]
    weights = plain_weights(s, h, Wq, Wk, v)
    return _mix(weights, h), weights


def plain_weights(s: Array, h: Array, Wq: Array, Wk: Array, v: Array) -> Array:
    """Weights as if there were no mask."""
    return unmasked(_score(s, h, Wq, Wk, v), np.ones(h.shape[:2], dtype=bool))


def _scores_returned(masked: bool) -> Function:
    def additive_attention(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
        scores = _score(s, h, Wq, Wk, v)
        context = _mix(softmax(scores, mask), h)
        return context, np.where(mask, scores, -np.inf) if masked else scores

    return additive_attention


def _of_sentence(which: str) -> Function:
    """Return a version that takes the first sentence's s or h for all."""

    def additive_attention(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
        if which == "s":
            return reference.additive_attention(np.broadcast_to(s[:1], s.shape), h, mask, Wq, Wk, v)
        return reference.additive_attention(s, np.broadcast_to(h[:1], h.shape), mask, Wq, Wk, v)

    return additive_attention


def _reached(axis: int, where: slice) -> tuple[Function, ...]:
    """Return versions whose loop over the sentences (axis 0) or the words (1) reaches only some of them."""
    if axis == 0:
        return (_after(lambda c, w, h: (kept(c, 0, where), kept(w, 0, where))),)
    return (
        _after(lambda c, w, h: (_mix(kept(w, 1, where), h), w)),
        _made(lambda s, h, Wq, Wk, v: kept(_score(s, h, Wq, Wk, v), 1, where)),
        _made(lambda s, h, Wq, Wk, v: kept(_score(s, h, Wq, Wk, v), 1, where), with_nan),
        _after(lambda c, w, h: (_mix(kept(w, 1, where), h), kept(w, 1, where))),
    )


def _rounded(digits: int) -> tuple[Function, ...]:
    return (
        _after(lambda c, w, h: (c.round(digits), w.round(digits))),
        _after(lambda c, w, h: (_mix(w.round(digits), h), w.round(digits))),
    )


def _h_in_place(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    context, weights = reference.additive_attention(s, h, mask, Wq, Wk, v)
    h *= weights[:, :, None]
    return context, weights


def _mask_in_place(s: Array, h: Array, mask: Array, Wq: Array, Wk: Array, v: Array) -> tuple[Array, Array]:
    result = reference.additive_attention(s, h, mask, Wq, Wk, v)
    np.logical_not(mask, out=mask)
    return result


ADDITIVE_ATTENTION = (
    Mistake(
        "K01",
        "tanh left out",
        "Change the decoder's state: do your weights change? Without a bend the state adds the same number to every "
        "score. What does softmax make of that, and what is missing around the sum?",
        (*_bent(lambda x: x), *_scored(lambda s, h, Wq, Wk, v: (np.tanh(s @ Wq)[:, None] + h @ Wk) @ v)),
    ),
    Mistake(
        "add_other_bend",
        "another function instead of tanh",
        "Your curve is not tanh. Which function of numpy is flat at both ends, and 0 at 0?",
        tuple(
            version
            for bend in (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.maximum(x, 0), np.exp, np.sin, np.tan, np.arctan)
            for version in _bent(bend)
        ),
    ),
    Mistake(
        "add_state_without_effect",
        "the question does not meet the words before the bend",
        "Change the decoder's state: your weights stay as they are. Does the question come in at all, and does it meet "
        "the words before tanh or behind it?",
        (
            *_scored(lambda s, h, Wq, Wk, v: np.tanh(h @ Wk) @ v),
            *_scored(lambda s, h, Wq, Wk, v: (np.tanh(s @ Wq)[:, None] + np.tanh(h @ Wk)) @ v),
            *_scored(lambda s, h, Wq, Wk, v: ((s @ Wq)[:, None] + np.tanh(h @ Wk)) @ v),
        ),
    ),
    Mistake(
        "add_tanh_last",
        "v before tanh",
        "All your scores lie between -1 and 1. Which comes first, the bend of each unit or the sum with v?",
        _scored(lambda s, h, Wq, Wk, v: np.tanh(((s @ Wq)[:, None] + h @ Wk) @ v)),
    ),
    Mistake(
        "add_v_inside",
        "v inside tanh",
        "v stretches what goes into tanh. Should it not rather say how much each unit counts once it is bent?",
        _scored(lambda s, h, Wq, Wk, v: np.tanh(((s @ Wq)[:, None] + h @ Wk) * v).sum(axis=-1)),
    ),
    Mistake(
        "add_tanh_twice",
        "tanh a second time",
        "Your scores went through tanh once more than they should. How large can a score get with v = (5, 5)?",
        (
            *_scored(lambda s, h, Wq, Wk, v: np.tanh(_score(s, h, Wq, Wk, v))),
            *_bent(lambda x: np.tanh(np.tanh(x))),
        ),
    ),
    Mistake(
        "K05",
        "the question reaches one word only",
        "Change s: which scores move? It should be those of all words. Along which axis does the question have to "
        "repeat itself?",
        (*_summed(_to_first_word), *_summed(_to_last_word)),
    ),
    Mistake(
        "add_axis_missing",
        "an axis of length 1 missing",
        "With a single sentence your axes fit by luck. Write (B, da) below (B, T, da), from the right: which axis of "
        "the question would have to stand for the words?",
        (
            *_scored(lambda s, h, Wq, Wk, v: np.tanh(s @ Wq + h @ Wk) @ v),
            _made(mix=lambda w, h: (w * h).sum(axis=1)),
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, :, None] + h @ Wk) @ v),
        ),
    ),
    Mistake(
        "add_no_words",
        "the encoder's states are not used in the score",
        "All words of a sentence get the same score from you. Which of your terms knows which word is meant?",
        _scored(lambda s, h, Wq, Wk, v: np.repeat(np.tanh(s @ Wq) @ v, h.shape[1]).reshape(h.shape[:2])),
    ),
    Mistake(
        "add_minus",
        "the difference instead of the sum",
        "You take one from the other. Which sign stands between question and word in the formula?",
        (*_summed(lambda q, k: q - k), *_summed(lambda q, k: k - q)),
    ),
    Mistake(
        "add_product",
        "the product instead of the sum",
        "You multiply question and word. How does the score get its name, additive?",
        _summed(lambda q, k: q * k),
    ),
    Mistake(
        "add_sum_halved",
        "the mean of question and word",
        "Your sum goes into tanh divided by something. What stands between the sum and tanh in the formula?",
        _summed(lambda q, k: (q + k) / 2),
    ),
    Mistake(
        "add_swapped",
        "Wq and Wk exchanged",
        "Wq is (dq, da), and s is (B, dq). Which matrix belongs to whom?",
        _scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wk)[:, None] + h @ Wq) @ v),
    ),
    Mistake(
        "add_one_matrix",
        "one matrix for both",
        "You use one matrix for state and words. How many are there, and of which widths?",
        (
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wq) @ v),
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wk)[:, None] + h @ Wk) @ v),
        ),
    ),
    Mistake(
        "add_transposed",
        "a matrix transposed",
        "In this course matrices stand on the right and are used as x @ W. Which of yours is turned around?",
        (
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq.T)[:, None] + h @ Wk.T) @ v),
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq.T)[:, None] + h @ Wk) @ v),
            *_scored(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk.T) @ v),
        ),
    ),
    Mistake(
        "add_no_v",
        "v left out",
        "All units count alike in your score. Which argument says how much each of them counts?",
        (
            *_reduced(lambda x: x.sum(axis=-1)),
            *_reduced(lambda x: x.mean(axis=-1)),
            *_reduced(lambda x: x.max(axis=-1)),
        ),
    ),
    Mistake(
        "add_units_kept",
        "a score for each unit",
        "Your scores still have an axis of da units. What has to happen to the units once v has multiplied them, so "
        "that one number is left for each word?",
        tuple(
            _made(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk) * v, normalize, mix)
            for normalize in (softmax, _softmax_of_units)
            for mix in (_mix_upright, _mix_at_the_end, lambda w, h: (w * h).sum(axis=1))
        ),
        whole=True,  # some versions raise in most cases, as many another answer does
    ),
    Mistake(
        "add_scaled",
        "scores divided by a root or a number of words",
        "Your scores are divided by something. Which number of the formula do you divide by?",
        tuple(
            version
            for by in (
                lambda s, h, v: np.sqrt(len(v)),
                lambda s, h, v: np.sqrt(h.shape[2]),
                lambda s, h, v: np.sqrt(s.shape[1]),
                lambda s, h, v: np.sqrt(h.shape[1]),
                lambda s, h, v: h.shape[1],
                lambda s, h, v: len(v),
            )
            for version in _divided(by)
        ),
    ),
    Mistake(
        "K03",
        "softmax over the batch",
        "Sum your weights over the words of one sentence: is it 1? Along which axis do the words of a sentence stand?",
        tuple(_made(normalize=normalize) for normalize in over(0)),
    ),
    Mistake(
        "add_softmax_over_all",
        "softmax over the whole batch at once",
        "All your weights together sum to 1. How much has one sentence to give away?",
        tuple(_made(normalize=normalize) for normalize in over(None)),
    ),
    Mistake(
        "K07",
        "weights sorted",
        "Turn the words of a sentence around: do your weights turn around with them? To which word does a weight "
        "belong once it is sorted?",
        (_made(normalize=descending), _made(normalize=lambda x, m: np.sort(softmax(x, m), axis=-1))),
    ),
    Mistake(
        "add_winner",
        "all to the best word",
        "The word with the largest score gets everything from you. How do you share out so that a small change of a "
        "score makes a small change of the weights?",
        (_made(normalize=winner),),
    ),
    Mistake(
        "add_no_powers",
        "scores divided by their sum",
        "A score may be negative, and then your share is. What makes a positive number of every score first?",
        (_made(normalize=without_powers),),
    ),
    Mistake(
        "add_undivided",
        "powers that are not divided by their sum",
        "Sum the weights of a sentence. What must each power be divided by so that it is 1?",
        (_made(normalize=undivided), _made(normalize=undivided_stable)),
    ),
    Mistake(
        "add_sigmoid",
        "each score by itself between 0 and 1",
        "With you each word gets its weight without regard to the others. What do the weights of a sentence sum to?",
        (_made(normalize=sigmoid),),
    ),
    Mistake(
        "add_mask_forgotten",
        "no mask",
        "Put 1000 into the states of a pad: does your context change? Where does the mask come in?",
        (_made(normalize=unmasked),),
    ),
    Mistake(
        "add_mask_inverted",
        "the mask read the wrong way round",
        "With you exactly the pads are looked at. Does True mean may attend, or blocked?",
        (_made(normalize=inverted), _made(normalize=lambda x, m: with_nan(x, ~m))),
    ),
    Mistake(
        "add_mask_after",
        "masked after softmax",
        "Sum the weights of a sentence that has pads: it is less than 1. Who had got a share already when you removed "
        "the pads?",
        (_made(normalize=masked_after), _only_context_masked),
    ),
    Mistake(
        "add_context_unmasked",
        "the mask reaches the weights and not the context",
        "Your weights are right, and your context still knows the pads. Which weights did you mix with?",
        (_only_weights_masked,),
    ),
    Mistake(
        "add_states_masked",
        "pads turned into zeros",
        "You set the states of pads to 0, and they still get weight. A score of which size has the power 0?",
        (_states_masked,),
    ),
    Mistake(
        "add_mask_weak",
        "scores of pads made small, not impossible",
        "A pad still gets a share from you. What must its score be so that its power is 0?",
        (
            *(_made(normalize=filled_with(fill)) for fill in (0.0, -1.0, -10.0, -1e-9, 1e-9)),
            _made(normalize=multiplied),
        ),
    ),
    Mistake(
        "add_mask_added",
        "the mask added as numbers",
        "You add 1 to the scores of words and 0 to those of pads. Which number, added to a score, makes its share "
        "vanish?",
        (_made(normalize=added), _made(normalize=lambda x, m: added(x, ~m)), _made(normalize=taken_off(1.0))),
    ),
    Mistake(
        "add_mask_of_first",
        "the first sentence's mask for all",
        "Each sentence is masked as the first one is. Which axis of the mask is the sentences'?",
        (_made(normalize=first_mask),),
    ),
    Mistake(
        "add_empty_nan",
        "a sentence without a word gives NaN",
        "Where the mask allows nothing your result is nan: 0 divided by 0. Which weights does such a sentence get in "
        "this course?",
        (_made(normalize=with_nan), _made(normalize=masked_and_shared_again), _made(normalize=naive)),
    ),
    Mistake(
        "add_empty_equal",
        "a sentence without a word looks at its pads",
        "Where the mask allows nothing you hand out weights all the same. Which weights does such a sentence get in "
        "this course?",
        tuple(
            _made(normalize=normalize)
            for fill in (1e4, 1e9, 1e30, float(np.finfo(np.float64).max))
            for normalize in (filled_with(-fill), taken_off(fill))
        ),
    ),
    Mistake(
        "add_overflow",
        "powers too large to store",
        "With scores around a thousand your result is nan. Softmax sees differences only: what could you take off all "
        "scores of a row first?",
        (_made(normalize=naive_with_rule), *(_made(normalize=normalize) for normalize in naive_times)),
    ),
    Mistake(
        "add_context_averaged",
        "the mean instead of the sum",
        "The weights sum to 1, so they have divided already. By what do you divide once more?",
        (
            _made(mix=lambda w, h: (w[:, :, None] * h).mean(axis=1)),
            _after(lambda c, w, h: (c / np.maximum((w > 0).sum(axis=1), 1)[:, None], w)),
            _after(lambda c, w, h: (c / (w > 0).sum(axis=1)[:, None], w)),
        ),
    ),
    Mistake(
        "add_context_plain",
        "all words mixed alike",
        "Your context does not depend on your weights. What is each state multiplied by before they are added up?",
        (
            _made(mix=lambda w, h: h.sum(axis=1)),
            _made(mix=lambda w, h: h.mean(axis=1)),
            _made(mix=lambda w, h: h[:, -1]),
        ),
    ),
    Mistake(
        "add_context_best",
        "the best word's state instead of the mixture",
        "Your context is the state of a single word. What happens to the weights of the others?",
        (_made(mix=lambda w, h: np.take_along_axis(h, w.argmax(axis=1)[:, None, None], axis=1)[:, 0]),),
    ),
    Mistake(
        "add_context_of_keys",
        "projected states mixed",
        "You mix h @ Wk. What is handed over: the state of a word, or what it is recognized by?",
        (_context_of_keys,),
    ),
    Mistake(
        "add_context_axis",
        "summed along another axis",
        "Your context has an axis of words left, or of sentences too many or too few. Which axis do you sum along?",
        (
            _made(mix=lambda w, h: (w[:, :, None] * h).sum(axis=2)),
            _made(mix=lambda w, h: (w[:, :, None] * h).sum(axis=0)),
            _made(mix=lambda w, h: (w[:, :, None] * h).sum(axis=-1)),
            _made(mix=lambda w, h: w @ h),
        ),
    ),
    Mistake(
        "add_context_not_summed",
        "not added up",
        "You have a state for each word, weighted, and nobody has added them up. Along which axis?",
        (_made(mix=lambda w, h: w[:, :, None] * h),),
    ),
    Mistake(
        "add_axis_kept",
        "an axis of length 1 too many",
        "One of your results has an axis of length 1 that nobody asked for. Which index, or which axis in sum(), "
        "takes it away?",
        (
            _after(lambda c, w, h: (c[:, None], w)),
            _after(lambda c, w, h: (c, w[:, :, None])),
            _after(lambda c, w, h: (c, w[:, None])),
            _after(lambda c, w, h: (c[:, None], w[:, :, None])),
            _after(lambda c, w, h: (c[:, None], w[:, None])),
        ),
    ),
    Mistake(
        "add_order",
        "weights first",
        "You return both, in the other order. Which comes first in the signature?",
        (_after(lambda c, w, h: (w, c)),),
    ),
    Mistake(
        "add_one_result",
        "one of two results",
        "Two results are asked for, context and weights. What stands behind your return?",
        (_after(lambda c, w, h: c), _after(lambda c, w, h: w)),
    ),
    Mistake(
        "add_scores_returned",
        "scores instead of weights",
        "What you return as weights does not sum to 1: it is what they were made of. Which name stands behind return?",
        (_scores_returned(False), _scores_returned(True)),
    ),
    Mistake(
        "add_of_first_sentence",
        "the first sentence for all",
        "Every sentence of your batch asks with the state of the first one, or asks its words. Where do you index?",
        (_of_sentence("s"), _of_sentence("h")),
    ),
    Mistake(
        "add_misses_one",
        "a loop that misses a word or a sentence",
        "The first or the last word, or sentence, has no part in your result. What are the first and the last number "
        "that range() gives you?",
        (
            *_reached(0, ALL_BUT_LAST),
            *_reached(1, ALL_BUT_LAST),
            *_reached(1, ALL_BUT_FIRST),
            *_reached(0, ALL_BUT_FIRST),
        ),
    ),
    Mistake(
        "add_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *_reached(0, ONLY_FIRST),
            *_reached(0, ONLY_LAST),
            *_reached(1, ONLY_FIRST),
            *_reached(1, ONLY_LAST),
            _after(lambda c, w, h: (c[0], w[0])),
        ),
    ),
    Mistake(
        "add_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (
            _after(lambda c, w, h: (whole_numbers(c), whole_numbers(w))),
            _after(lambda c, w, h: (whole_numbers(c), w)),
            _after(lambda c, w, h: (_mix(whole_numbers(w), h), whole_numbers(w))),
        ),
    ),
    Mistake(
        "add_rounded",
        "rounded",
        "The first digits are right and the others are gone. Which line rounds?",
        tuple(version for digits in (2, 3, 4, 5, 6) for version in _rounded(digits)),
    ),
    Mistake(
        "add_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (
            _after(lambda c, w, h: (c.astype(np.float32), w.astype(np.float32))),
            _after(lambda c, w, h: (_mix(w.astype(np.float32), h), w.astype(np.float32))),
        ),
    ),
    Mistake(
        "add_changes_arguments",
        "writes into its arguments",
        "Print h and mask before and after the call: one of the caller's arrays is another one now. Which line writes "
        "into it?",
        (_h_in_place, _mask_in_place),
    ),
)
