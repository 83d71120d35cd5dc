"""Known wrong versions of alignment_error, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_02 import reference

Array = NDArray[Any]


def _links(weights: Array, gold: Array) -> Array:
    return weights.argmax(axis=1)[:, None] == np.arange(gold.shape[1])


def _error(links: Array, gold: Array) -> float:
    return 1 - 2 * (links & gold).sum() / (links.sum() + gold.sum())


def _made(links: Callable[[Array, Array], Array] = _links, error: Callable[[Array, Array], Any] = _error) -> Function:
    """Return an alignment error made of these two steps; with the steps as given it is the reference."""
    return lambda weights, gold: error(links(weights, gold), gold)


def _after(change: Callable[[float], Any]) -> Function:
    return lambda weights, gold: change(reference.alignment_error(weights, gold))


def _rounded(digits: int) -> Function:
    return _after(lambda x: round(x, digits))


def _end_as_word(weights: Array, gold: Array) -> float:
    """The end token counts as a word that translates nothing: a wrong link."""
    links = weights.argmax(axis=1)[:, None] == np.arange(weights.shape[1])
    padded = np.concatenate([gold, np.zeros((len(gold), 1), dtype=bool)], axis=1)
    return _error(links, padded)


def _without_end(weights: Array, gold: Array) -> Array:
    return _links(weights[:, : gold.shape[1]], gold)


def _each_source_word(weights: Array, gold: Array) -> Array:
    best = weights[:, : gold.shape[1]].argmax(axis=0)
    return np.arange(len(gold))[:, None] == best


def _each_column(weights: Array, gold: Array) -> Array:
    return weights.argmax(axis=0)[:, None] == np.arange(gold.shape[1])


def _rows(keep: slice) -> Function:
    """Return a version whose loop reaches only some of the target words."""

    def links(weights: Array, gold: Array) -> Array:
        found = np.zeros(gold.shape, dtype=bool)
        found[keep] = _links(weights, gold)[keep]
        return found

    return _made(links)


def _mean_of_words(weights: Array, gold: Array) -> float:
    links = _links(weights, gold)
    both, sizes = (links & gold).sum(axis=1), links.sum(axis=1) + gold.sum(axis=1)
    return float(np.mean(1 - 2 * both / np.where(sizes > 0, sizes, 1)))


def _joins_links_with_gold(function: Function) -> bool:
    """Whether it raises where links (T, S + 1) meet gold (T, S)."""
    try:
        function(np.full((3, 5), 0.2), np.ones((3, 4), dtype=bool))
    except ValueError as error:
        return "shapes (3,5) (3,4)" in str(error) or "shapes (3,4) (3,5)" in str(error)
    except Exception:  # it is another mistake
        return False
    return False


def _changes(weights: Array, gold: Array) -> float:
    error = reference.alignment_error(weights, gold)
    weights[...] = 0
    return error


def _over(bar: float) -> Function:
    return _made(lambda w, g: w[:, : g.shape[1]] > bar)


ALIGNMENT_ERROR = (
    Mistake(
        "align_end_counts",
        "a look at the end token counts as a link",
        "A word that looks most at the end token is linked to nothing. How many links has your sentence, and how many "
        "target words look elsewhere?",
        (_end_as_word, lambda w, g: 1 - 2 * (_links(w, g) & g).sum() / (len(w) + g.sum())),
    ),
    Mistake(
        "align_end_cut",
        "the end token's column cut off first",
        "You take the last column away and then look for the largest weight. Where do words look now that looked "
        "there?",
        (_made(_without_end),),
    ),
    Mistake(
        "align_by_source",
        "each source word looks for its target",
        "You take the largest weight of each column. Who shares out its attention here, a target word or a source "
        "word?",
        (_made(_each_source_word), _made(_each_column)),
    ),
    Mistake(
        "align_end_column",
        "a column for the end token among the links",
        "Your table of links has a column for the end token, and gold has none. How many source words are there?",
        (_made(lambda w, g: w.argmax(axis=1)[:, None] == np.arange(w.shape[1])),),
        recognize=_joins_links_with_gold,
    ),
    Mistake(
        "align_precision",
        "only the guessed links are counted",
        "You divide by the number of guessed links. What of the gold links that nobody has found?",
        (
            _made(error=lambda a, g: 1 - (a & g).sum() / a.sum()),
            _made(error=lambda a, g: 1 - (a & g).sum() / len(g)),
        ),
    ),
    Mistake(
        "align_recall",
        "only the gold links are counted",
        "You divide by the number of gold links. What of guessed links that are wrong?",
        (_made(error=lambda a, g: 1 - (a & g).sum() / g.sum()),),
    ),
    Mistake(
        "align_no_two",
        "the 2 left out",
        "A perfect alignment gets 0.5 from you. How often does a common link stand in |links| + |gold|?",
        (_made(error=lambda a, g: 1 - (a & g).sum() / (a.sum() + g.sum())),),
    ),
    Mistake(
        "align_union",
        "divided by all links together",
        "You divide by the links that are in one or the other. What does the formula divide by, where a common link "
        "counts twice?",
        (
            _made(error=lambda a, g: 1 - (a & g).sum() / (a | g).sum()),
            _made(error=lambda a, g: 1 - 2 * (a & g).sum() / (a | g).sum()),
        ),
    ),
    Mistake(
        "align_right",
        "how much is right instead of wrong",
        "A perfect alignment gets 1 from you. Is that an error rate?",
        (_after(lambda x: 1 - x), _made(error=lambda a, g: (a & g).sum() / g.sum())),
    ),
    Mistake(
        "align_percent",
        "in percent",
        "Your number runs to 100. Which number stands before the minus in the formula?",
        (_after(lambda x: 100 * x),),
    ),
    Mistake(
        "align_cells",
        "cells that differ",
        "You count the cells in which links and gold differ, among all cells. Most cells are empty in both: are they "
        "right guesses?",
        (_made(error=lambda a, g: (a != g).mean()), _made(error=lambda a, g: (a != g).sum())),
    ),
    Mistake(
        "align_threshold",
        "all weights above a bar",
        "You link a word to every source word above a certain weight. How many links does each target word have at "
        "most?",
        tuple(map(_over, (0.5, 0.3, 0.25, 0.2, 0.1, 0.0))),
    ),
    Mistake(
        "align_soft",
        "weights instead of links",
        "Your number changes when a weight changes a little, and the largest stays the largest. Where do you decide "
        "which word is linked?",
        (
            lambda w, g: 1 - 2 * w[:, : g.shape[1]][g].sum() / (len(w) + g.sum()),
            lambda w, g: 1 - 2 * w[:, : g.shape[1]][g].sum() / (w[:, : g.shape[1]].sum() + g.sum()),
            lambda w, g: 1 - w[:, : g.shape[1]][g].sum() / g.sum(),
        ),
    ),
    Mistake(
        "align_smallest",
        "the smallest weight",
        "You link each word to the one that it looks at least. Which function of numpy finds the place of the largest?",
        (_made(lambda w, g: w.argmin(axis=1)[:, None] == np.arange(g.shape[1])),),
    ),
    Mistake(
        "align_word_by_word",
        "the mean over words",
        "You compute an error for each target word and take the mean. What do you count first, and when do you divide?",
        (_mean_of_words,),
    ),
    Mistake(
        "align_misses_one",
        "a loop that misses a word",
        "The first or the last target word has no link with you. What are the first and the last number that range() "
        "gives you?",
        (_rows(slice(None, -1)), _rows(slice(1, None)), lambda w, g: reference.alignment_error(w[:-1], g[:-1])),
    ),
    Mistake(
        "align_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one target word has a link with you. How far in does the line with return stand?",
        (_rows(slice(None, 1)), _rows(slice(-1, None))),
    ),
    Mistake(
        "align_parentheses",
        "parentheses left out",
        "Python divides before it adds. What exactly stands below the line in the formula?",
        (
            _made(error=lambda a, g: 1 - 2 * (a & g).sum() / a.sum() + g.sum()),
            _made(error=lambda a, g: (1 - 2 * (a & g).sum()) / (a.sum() + g.sum())),
        ),
    ),
    Mistake(
        "align_whole_number",
        "an integer",
        "Your number has nothing behind the point. Which of your signs or functions makes integers?",
        (
            _made(error=lambda a, g: 1 - 2 * int((a & g).sum()) // int(a.sum() + g.sum())),
            _after(round),
            _after(int),
        ),
    ),
    Mistake(
        "align_rounded",
        "rounded",
        "The first digits are right and the others are gone. Which line rounds?",
        tuple(map(_rounded, (2, 3, 4, 5))),
    ),
    Mistake(
        "align_links_returned",
        "an array instead of a number",
        "You return a table, or a number for each word. How is it made into one number?",
        (_links, lambda w, g: _links(w, g) & g, lambda w, g: w.argmax(axis=1)),
    ),
    Mistake(
        "align_changes_arguments",
        "writes into its arguments",
        "Print weights before and after the call: it is another array now. Which line writes into it?",
        (_changes,),
    ),
)
