"""How often a check calls an answer: a learner's function may be slow, print, or draw."""

import functools

import numpy as np
import pytest

from course.lab.exercises import all_exercises, diagnose, get

MOST = 100
"""Calls of a right answer, and of a wrong one that is told by its numbers. A class is made about as often."""

IDS = tuple(exercise.id for exercise in all_exercises())


def counted(function):
    """Return the function, and a list that grows with each call; of a class, with each instance."""
    calls = []
    if isinstance(function, type):
        made = function.__init__

        def begins(self, *arguments, **named):
            calls.append(None)
            made(self, *arguments, **named)

        return type(function.__name__, (function,), {"__init__": begins}), calls

    @functools.wraps(function)
    def wrapped(*arguments, **named):
        calls.append(None)
        return function(*arguments, **named)

    return wrapped, calls


@pytest.mark.parametrize("id", IDS)
def test_a_right_answer_is_called_a_few_dozen_times(id):
    answer, calls = counted(get(id).reference)
    assert diagnose(id, answer).status == "passed"
    assert 0 < len(calls) <= MOST, len(calls)


@pytest.mark.parametrize("id", IDS)
def test_a_wrong_answer_is_not_called_more_often(id):
    answer, calls = counted(get(id).mistakes[0].versions[0])
    assert diagnose(id, answer).status == "failed"
    assert 0 < len(calls) <= 2 * MOST, len(calls)  # twice, as recognizers of the bank may ask on data of their own


def test_an_answer_that_draws_in_a_way_of_its_own_is_asked_for_its_distribution():
    """No number of it is known, so its distribution is measured: that takes thousands of calls, on two pairs each."""

    def by_inversion(d_k, n, rng):
        def normal():
            u, v = rng.random((2, n, d_k))
            return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)

        scores = (normal() * normal()).sum(axis=-1)
        return scores.var(), (scores / np.sqrt(d_k)).var()

    answer, calls = counted(by_inversion)
    assert diagnose("score_statistics", answer).status == "passed"
    assert len(calls) < 4500
