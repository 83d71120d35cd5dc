"""Known wrong versions of local_weights, and the question that leads out of each."""

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
    filled_with,
    inverted,
    kept,
    masked_and_shared_again,
    multiplied,
    naive,
    naive_times,
    naive_with_rule,
    over,
    plain,
    taken_off,
    whole_numbers,
    with_nan,
)
from course.lessons.lesson_02.reference import softmax

Array = NDArray[Any]
Places = Callable[[Array, Array], Array]  # scores, center -> distance (B, T)
Window = Callable[[Array, int], Array]  # distance, D -> booleans
Bell = Callable[[Array, int], Array]  # distance, D -> factors
Combine = Callable[[Array, Array, Array, Array, Normalize], Array]  # scores, mask, window, bell, normalize -> weights


def _distance(scores: Array, center: Array) -> Array:
    return np.arange(scores.shape[1]) - center[:, None]


def _window(distance: Array, D: int) -> Array:
    return np.abs(distance) <= D


def _bell(distance: Array, D: int) -> Array:
    return np.exp(-(distance**2) / (2 * (D / 2) ** 2))


def _combined(scores: Array, mask: Array, window: Array, bell: Array, normalize: Normalize) -> Array:
    return normalize(scores, mask & window) * bell


def _made(
    distance: Places = _distance,
    window: Window = _window,
    bell: Bell = _bell,
    combine: Combine = _combined,
    normalize: Normalize = softmax,
) -> Function:
    """Return local weights made of these steps; with the steps as given it is the reference."""

    def local_weights(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
        away = distance(scores, center)
        factors = bell(away, D) if gaussian else np.ones(scores.shape)
        return combine(scores, mask, window(away, D), factors, normalize)

    return local_weights


def _all_empty(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    """Return the version with zeros, with NaN and with equal shares for an empty window."""
    return tuple(_made(**changed, normalize=normalize) for normalize in (softmax, with_nan, filled_with(-1e9)))


def _spread(sigma: Callable[[int], float]) -> tuple[Function, ...]:
    return _all_empty(bell=lambda away, D: np.exp(-(away**2) / (2 * sigma(D) ** 2)))


def _shared_again(scores: Array, mask: Array, window: Array, bell: Array, normalize: Normalize) -> Array:
    weights = normalize(scores, mask & window) * bell
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total > 0, total, 1)


def _nan_shared(weights: Array) -> Array:
    return weights / weights.sum(axis=-1, keepdims=True)


def _bell_on_scores(scores: Array, mask: Array, window: Array, bell: Array, normalize: Normalize) -> Array:
    return normalize(scores * bell, mask & window)


def _window_after(scores: Array, mask: Array, window: Array, bell: Array, normalize: Normalize) -> Array:
    return normalize(scores, mask) * window * bell


def _window_after_shared_again(scores: Array, mask: Array, window: Array, bell: Array, normalize: Normalize) -> Array:
    """Right, but for an empty window."""
    weights = normalize(scores, mask) * window
    return weights / weights.sum(axis=-1, keepdims=True) * bell


def _always(gaussian: bool) -> Function:
    return lambda scores, mask, center, D, given=False: reference.local_weights(scores, mask, center, D, gaussian)


def _turned_switch(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
    return reference.local_weights(scores, mask, center, D, not gaussian)


def _other_center(change: Callable[[Array, Array], Array]) -> Function:
    """Return a version that looks around a center made of the right one and the mask."""

    def local_weights(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
        return reference.local_weights(scores, mask, change(center, mask), D, gaussian)

    return local_weights


def _center_by(change: Callable[[Array], Array]) -> Function:
    return _other_center(lambda p, m: change(p))


def _window_around(change: Callable[[Array], Array]) -> Function:
    """Return a version whose window, and not its bell curve, stands around another center."""

    def local_weights(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
        weights = reference.local_weights(scores, mask, change(center), D)
        return weights * _bell(_distance(scores, center), D) if gaussian else weights

    return local_weights


def _after(change: Callable[[Array], Any]) -> Function:
    def local_weights(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Any:  # noqa: ANN401
        return change(reference.local_weights(scores, mask, center, D, gaussian))

    return local_weights


def _reached(axis: int, where: slice) -> Function:
    return _after(lambda x: kept(x, axis, where))


def _rounded(digits: int) -> Function:
    return _after(lambda x: x.round(digits))


def _in_place(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
    weights = reference.local_weights(scores, mask, center, D, gaussian)
    mask &= _window(_distance(scores, center), D)
    return weights


def _scores_in_place(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
    weights = reference.local_weights(scores, mask, center, D, gaussian)
    scores[~(mask & _window(_distance(scores, center), D))] = -np.inf
    return weights


def _cut_out(scores: Array, mask: Array, center: Array, D: int, gaussian: bool = False) -> Array:
    """Cut the window out with a slice whose first place may be negative, and then counts from the end."""
    result = np.zeros(scores.shape)
    for b, p in enumerate(center):
        places = np.arange(int(np.ceil(p - D)), int(np.floor(p + D)) + 1)
        weights = softmax(scores[b, places][None], mask[b, places][None])[0]
        result[b, places] = weights * _bell(places - p, D) if gaussian else weights
    return result


LOCAL_WEIGHTS = (
    Mistake(
        "local_no_window",
        "no window",
        "Words far from the center get weight from you. Where does D come in?",
        (*_all_empty(window=lambda away, D: np.ones(away.shape, dtype=bool)),),
    ),
    Mistake(
        "local_window_open",
        "the words at distance D left out",
        "With D = 1 and the center on a word you see that word alone. Does a distance of exactly D belong to the "
        "window?",
        _all_empty(window=lambda away, D: np.abs(away) < D),
    ),
    Mistake(
        "local_window_half_open",
        "one edge of the window left out",
        "Your window holds 2 D words where it should hold 2 D + 1. What does the upper end of a slice, or one of your "
        "two comparisons, leave out?",
        (
            *_all_empty(window=lambda away, D: (away >= -D) & (away < D)),
            *_all_empty(window=lambda away, D: (away > -D) & (away <= D)),
        ),
    ),
    Mistake(
        "local_window_one_sided",
        "a window on one side",
        "You look at one side of the center only. What of the words at the same distance on the other side?",
        (
            *_all_empty(window=lambda away, D: away <= D),
            *_all_empty(window=lambda away, D: away >= -D),
            *_all_empty(window=lambda away, D: (away >= 0) & (away <= D)),
            *_all_empty(window=lambda away, D: (away <= 0) & (away >= -D)),
        ),
    ),
    Mistake(
        "local_window_width",
        "another width of the window",
        "With D = 2, how far from the center may a word stand? How far may it with you?",
        tuple(
            version
            for width in (
                lambda D: D / 2,
                lambda D: D // 2,
                lambda D: 2 * D,
                lambda D: D + 1,
                lambda D: D - 1,
                lambda D: 2 * D + 1,
            )
            for version in _all_empty(window=lambda away, D, width=width: np.abs(away) <= width(D))
        ),
    ),
    Mistake(
        "local_fixed_width",
        "a fixed width",
        "Your window is as wide whatever D is. Where do you read D?",
        tuple(
            version
            for width in (1, 2, 3)
            for version in _all_empty(window=lambda away, D, width=width: np.abs(away) <= width)
        ),
    ),
    Mistake(
        "local_window_outside",
        "everything but the window",
        "You see what lies outside the window. Which way round is your comparison?",
        _all_empty(window=lambda away, D: np.abs(away) > D),
    ),
    Mistake(
        "local_window_after",
        "the window after softmax",
        "Without a bell curve each row should sum to 1, and yours does not. Had the words outside got their share "
        "already when you cut them off?",
        (_made(combine=_window_after), _made(combine=_window_after, normalize=with_nan)),
    ),
    Mistake(
        "local_center_rounded",
        "the center rounded",
        "A center may lie between two words, and you move it to one of them. Why should it have to be a whole number?",
        (
            *(_center_by(change) for change in (np.floor, np.round, np.ceil, np.trunc)),
            *(_window_around(f) for f in (np.floor, np.round, np.ceil)),
        ),
    ),
    Mistake(
        "local_counts_from_one",
        "places counted from 1",
        "Your window stands one word too far to the left or right. Which place has the first word?",
        (
            _made(distance=lambda x, p: np.arange(1, x.shape[1] + 1) - p[:, None]),
            _other_center(lambda p, m: p + 1),
        ),
    ),
    Mistake(
        "local_first_center",
        "the first sentence's center for all",
        "All your windows stand where that of the first sentence does. Where do you index?",
        (_other_center(lambda p, m: np.full(p.shape, p[0])), _other_center(lambda p, m: np.full(p.shape, p.mean()))),
    ),
    Mistake(
        "local_center_across",
        "the centers laid along the words",
        "center is (B,), and the places are (T,). Along which axis do the sentences stand, and so the centers?",
        (
            _made(distance=lambda x, p: np.arange(x.shape[1]) - p),
            _made(distance=lambda x, p: np.arange(x.shape[1])[:, None] - p),
        ),
    ),
    Mistake(
        "local_center_clipped",
        "the center pushed into the sentence",
        "A center beyond the last word is moved to it by you. What should a window hold that has left the sentence?",
        (
            _other_center(lambda p, m: np.clip(p, 0, m.sum(axis=1) - 1)),
            _other_center(lambda p, m: np.clip(p, 0, m.shape[1] - 1)),
            _other_center(lambda p, m: np.minimum(p, m.sum(axis=1))),
        ),
    ),
    Mistake(
        "local_slice_wraps",
        "a slice that begins before the sentence",
        "With the center near the first word your window begins at a negative place. From where does numpy count such "
        "a place?",
        (_cut_out,),
    ),
    Mistake(
        "local_bell_before",
        "the bell curve on the scores",
        "You bend the scores and then take softmax. To what does the formula apply the bell curve?",
        (
            *_all_empty(combine=_bell_on_scores),
            *_all_empty(combine=lambda x, m, w, b, norm: norm(x + b, m & w)),
        ),
    ),
    Mistake(
        "local_shared_again",
        "divided by their sum again",
        "Behind the bell curve your rows sum to 1 again. Does the formula say so? What would a word at the edge of the "
        "window get if it were the only one in it?",
        (
            _made(combine=_shared_again),
            _made(combine=lambda x, m, w, b, norm: _nan_shared(norm(x, m & w) * b)),
            *_all_empty(combine=lambda x, m, w, b, norm: norm(x + np.log(b), m & w)),
        ),
    ),
    Mistake(
        "local_sigma",
        "another width of the bell curve",
        "At a distance of D the factor should be exp(-2) = 0.135. What is yours there, and what do you take for sigma?",
        (
            *(v for sigma in (lambda D: D, lambda D: 2 * D, lambda D: D / 4, lambda D: 1.0) for v in _spread(sigma)),
            *_spread(lambda D: D // 2 or 1),
            *_spread(lambda D: float(np.sqrt(D / 2))),
            *_spread(lambda D: float(np.sqrt(D))),
            *_all_empty(bell=lambda away, D: np.exp(-(away**2) / (D / 2) ** 2)),
            *_all_empty(bell=lambda away, D: np.exp(-(away**2) / 2 * (D / 2) ** 2)),
            *_all_empty(bell=lambda away, D: np.exp(-((away / (2 * (D / 2))) ** 2))),
            *_all_empty(bell=lambda away, D: np.exp(-(away**2) / (2 * D / 2**2))),
            *_all_empty(bell=lambda away, D: np.exp(-(away**2) / 2 * D / 2**2)),
        ),
    ),
    Mistake(
        "local_bell_not_squared",
        "the distance not squared",
        "Your curve has a corner at the center, or grows on one side. What of the distance stands in the exponent?",
        (
            *_all_empty(bell=lambda away, D: np.exp(-np.abs(away) / (2 * (D / 2) ** 2))),
            *_all_empty(bell=lambda away, D: np.exp(-away / (2 * (D / 2) ** 2))),
        ),
    ),
    Mistake(
        "local_bell_sign",
        "the sign in the exponent",
        "Far words get more from your curve than near ones. Which sign has the exponent?",
        _all_empty(bell=lambda away, D: np.exp(away**2 / (2 * (D / 2) ** 2))),
    ),
    Mistake(
        "local_bell_density",
        "the bell curve of statistics, with its factor",
        "At the center your factor is not 1. What does a density of statistics have in front that a weight does not "
        "need?",
        _all_empty(bell=lambda away, D: _bell(away, D) / (D / 2 * np.sqrt(2 * np.pi))),
    ),
    Mistake(
        "local_bell_by_the_sum",
        "the bell curve divided by its own sum",
        "Your factors sum to 1 over the words. What is the factor of a word that stands exactly at the center?",
        _all_empty(bell=lambda away, D: _bell(away, D) / _bell(away, D).sum(axis=-1, keepdims=True)),
    ),
    Mistake(
        "local_bell_always",
        "the bell curve always or never",
        "With and without `gaussian` you return the same. Where do you read it?",
        (_always(True), _always(False)),
    ),
    Mistake(
        "local_bell_turned",
        "gaussian the wrong way round",
        "Your bell curve is there when nobody asks for it, and gone when somebody does. Which way round is your if?",
        (_turned_switch,),
    ),
    Mistake(
        "local_bell_alone",
        "the bell curve instead of the scores",
        "Change the scores: your weights stay. What is the bell curve multiplied with?",
        (
            *_all_empty(combine=lambda x, m, w, b, norm: norm(np.zeros(x.shape), m & w) * b),
            _made(combine=lambda x, m, w, b, norm: b * (m & w)),
        ),
    ),
    Mistake(
        "local_mask_forgotten",
        "no mask",
        "The window reaches over the end of a short sentence, and pads get weight. Which two conditions must a word "
        "meet?",
        _all_empty(combine=lambda x, m, w, b, norm: norm(x, w) * b),
    ),
    Mistake(
        "local_mask_or",
        "or instead of and",
        "Words outside the window and pads inside it get weight. Must a word meet one of the two conditions, or both?",
        _all_empty(combine=lambda x, m, w, b, norm: norm(x, m | w) * b),
    ),
    Mistake(
        "local_mask_inverted",
        "the mask read the wrong way round",
        "With you exactly the pads are looked at. Does True mean may attend, or blocked?",
        (
            *_all_empty(combine=lambda x, m, w, b, norm: norm(x, ~m & w) * b),
            _made(normalize=inverted),
        ),
    ),
    Mistake(
        "local_mask_after",
        "pads removed after softmax",
        "Without a bell curve a row should sum to 1 even where the sentence ends inside the window. Had the pads got a "
        "share already?",
        (
            *(
                _made(combine=lambda x, m, w, b, norm: norm(x, w) * m * b, normalize=normalize)
                for normalize in (softmax, with_nan)
            ),
            _made(normalize=lambda x, m: plain(x) * m),
        ),
    ),
    Mistake(
        "local_weak_fill",
        "scores made small, not impossible",
        "A word outside the window still gets a share. What must its score be so that its power is 0?",
        (
            *(_made(normalize=filled_with(fill)) for fill in (0.0, -1.0, -10.0)),
            _made(normalize=multiplied),
        ),
    ),
    Mistake(
        "local_empty_nan",
        "an empty window gives NaN",
        "Where the window holds no word your result is nan. What is left to share out there?",
        (
            _made(normalize=with_nan),
            _made(normalize=masked_and_shared_again),
            _made(normalize=naive),
            _made(combine=_window_after_shared_again),
        ),
    ),
    Mistake(
        "local_empty_equal",
        "an empty window looks at everything",
        "Where the window holds no word you hand out weights all the same. What is left to share out there?",
        tuple(
            _made(normalize=normalize)
            for fill in (1e4, 1e9, 1e30, float(np.finfo(np.float64).max))
            for normalize in (filled_with(-fill), taken_off(fill))
        ),
    ),
    Mistake(
        "local_overflow",
        "powers too large to store",
        "With scores around a thousand your result is nan. The `softmax` above takes something off first: do you use "
        "it?",
        (_made(normalize=naive_with_rule), *(_made(normalize=normalize) for normalize in naive_times)),
    ),
    Mistake(
        "local_over_batch",
        "softmax over the batch",
        "Sum your weights over the words of one sentence. Along which axis do the words of a sentence stand?",
        tuple(_made(normalize=normalize) for axis in (0, None) for normalize in over(axis)),
    ),
    Mistake(
        "local_misses_one",
        "a loop that misses a word or a sentence",
        "The first or the last word, or sentence, gets nothing from you. What are the first and the last number that "
        "range() gives you?",
        tuple(_reached(a, w) for a in (0, 1) for w in (ALL_BUT_LAST, ALL_BUT_FIRST)),
    ),
    Mistake(
        "local_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *(_reached(a, w) for a in (0, 1) for w in (ONLY_FIRST, ONLY_LAST)),
            _after(lambda x: x[0]),
        ),
    ),
    Mistake(
        "local_whole_numbers",
        "an array of integers",
        "Your weights are cut off behind the point. Which type has the array that you write into?",
        (_after(whole_numbers), _after(lambda x: whole_numbers(x).astype(float))),
    ),
    Mistake(
        "local_rounded",
        "rounded",
        "The first digits are right and the others are gone. Which line rounds?",
        tuple(map(_rounded, (2, 3, 4, 5, 6))),
    ),
    Mistake(
        "local_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda x: x.astype(np.float32)),),
    ),
    Mistake(
        "local_changes_arguments",
        "writes into its arguments",
        "Print scores and mask before and after the call: one of them is another array now. Which line writes into it?",
        (_in_place, _scores_in_place),
    ),
)
