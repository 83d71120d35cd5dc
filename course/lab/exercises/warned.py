"""Finds what a right answer does on the way that numpy will warn of in the learner's next cells."""

import copy
import re
import warnings
from collections.abc import Callable

import numpy as np

from course.lab.exercises.exercise import Case, Exercise, Function
from course.lab.exercises.run import manner

# What numpy says, and what a person would. "in divide" is "in true_divide" where a Python operator was used.
_MEANING = (
    (r"invalid value encountered in (true_)?divide", "it divides 0 by 0 (or infinity by infinity)"),
    (r"divide by zero encountered in (true_)?divide", "it divides by 0"),
    (r"divide by zero encountered in log\w*", "it takes the logarithm of 0"),
    (r"invalid value encountered in log\w*", "it takes the logarithm of a negative number"),
    (r"invalid value encountered in subtract", "it takes infinity from infinity"),
    (r"invalid value encountered in multiply", "it multiplies 0 by infinity"),
    (r"Mean of empty slice\.?", "it takes the mean of no numbers"),
    (r"All-NaN (slice|axis) encountered", "it looks for the largest or smallest number where all are nan"),
    (r"overflow encountered in exp\w*", "it computes a power that is too large to store"),
)


def say_warnings(exercise: Exercise, function: Function, after: Callable[[], object]) -> str:
    """Return a sentence about the first case on which `function` makes numpy warn and the reference does not, or "".

    It is for a function that passed: its numbers are right, and yet a warning in a later cell looks like an error.
    ``after`` is called after each call of it.
    """
    for case in exercise.cases:
        found = _warning(exercise, function, case)
        after()
        if found is not None and _warning(exercise, exercise.reference, case) is None:
            return f" On {case.name} {_meaning(found)} on the way; numpy will warn of that in the cells below."
    return ""


def _meaning(message: str) -> str:
    told = (words for pattern, words in _MEANING if re.fullmatch(pattern, message))
    return next(told, f'something happens ("{message}")')


def _warning(exercise: Exercise, function: Function, case: Case) -> str | None:
    """Return the first RuntimeWarning that a function causes on a case, with numpy's usual settings, or None."""
    arguments = copy.deepcopy(case.make())
    usual = np.errstate(divide="warn", over="warn", invalid="warn", under="ignore")
    with warnings.catch_warnings(record=True) as caught, usual:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            _ = function(*arguments) if (how := manner(exercise)) is None else how(function, *arguments)
        except Exception:  # a function with a memory of its own: it has passed, and this is not about that
            return None
    return next((str(each.message) for each in caught if issubclass(each.category, RuntimeWarning)), None)
