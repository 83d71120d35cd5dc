"""Names a mistake by running the known wrong versions on the same data. An exact match or nothing: never a guess."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from course.lab.exercises.exercise import Case, Exercise, Function, Mistake
from course.lab.exercises.run import Outcome, alike, manner, run
from course.lab.exercises.watch import passes


@functools.lru_cache(maxsize=65536)
def known(version: Function, case: Case, observe: Callable[..., Any] | None) -> Outcome:
    """Run a version of the bank, or the reference, on a case, once: later checks only compare."""
    outcome = run(version, case, observe)
    if outcome.error is not None:
        outcome.error.__traceback__ = None  # it would keep the frames and their arrays alive
    return outcome


def _reach(exercise: Exercise, version: Function, outcomes: Sequence[Outcome], pivot: int) -> int:
    """Return the last tier up to which ``version`` does on every case what the learner's function did; 0 if none.

    The case at ``pivot``, the first one that the learner's function got wrong, is tried first: most versions end there.
    A version that is right there explains nothing: what is wrong is then something that values do not show, a type.
    """
    if not _behaves(exercise, version, exercise.cases[pivot], outcomes[pivot]):
        return 0
    if _behaves(exercise, exercise.reference, exercise.cases[pivot], _on(exercise, version, pivot)):
        return 0
    reached, tier = 0, exercise.cases[0].tier
    for case, outcome in zip(exercise.cases, outcomes, strict=True):
        if case.tier != tier:
            reached, tier = tier, case.tier
        if not _behaves(exercise, version, case, outcome):
            return reached
    return tier


def _on(exercise: Exercise, version: Function, at: int) -> Outcome:
    return known(version, exercise.cases[at], manner(exercise))


def _behaves(exercise: Exercise, version: Function, case: Case, outcome: Outcome) -> bool:
    return alike(known(version, case, manner(exercise)), outcome, case.naming or case.tolerance)


def name_mistake(
    exercise: Exercise, function: Function, outcomes: Sequence[Outcome], pivot: int | None
) -> Mistake | None:
    """Return the one known mistake that explains what ``function`` did, or None.

    A mistake explains a function if one of its versions does exactly the same (numbers, NaN, exceptions, changed
    arguments) on every case of every tier up to and including the one where the function is first wrong. Among
    several, the one that agrees for longest is meant; if that is still not one, none is named. So a function with
    two mistakes gets the question for the simpler one first. Mistakes of random outcomes are recognized after that.

    Args:
        exercise: whose bank to search.
        function: the learner's.
        outcomes: what it did, case by case.
        pivot: the index of the first case that it got wrong; None if only a property failed.
    """
    return _exact(exercise, outcomes, pivot) or _recognized(exercise, function)


def _exact(exercise: Exercise, outcomes: Sequence[Outcome], pivot: int | None) -> Mistake | None:
    if pivot is None:
        return None
    reach = {
        mistake.id: max(_reach(exercise, version, outcomes, pivot) for version in mistake.versions)
        for mistake in exercise.mistakes
        if mistake.recognize is None
    }
    last = exercise.cases[-1].tier
    reach |= {mistake.id: 0 for mistake in exercise.mistakes if mistake.whole and reach.get(mistake.id) != last}
    longest = max(reach.values(), default=0)
    best = [mistake for mistake in exercise.mistakes if reach.get(mistake.id) == longest]
    return best[0] if longest >= exercise.cases[pivot].tier and len(best) == 1 else None


def _recognized(exercise: Exercise, function: Function) -> Mistake | None:
    found = (m for m in exercise.mistakes if m.recognize is not None and _is_recognized(m.recognize, function))
    return next(found, None)


def _is_recognized(recognize: Callable[[Function], bool], function: Function) -> bool:
    try:
        return recognize(function)
    except BaseException as error:  # whatever the learner's function may raise on other data
        if passes(error):
            raise
        return False
