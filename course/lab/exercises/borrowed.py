"""Tells an answer from the course's own: what is the reference under another name, or calls it.

This is looked at under grading alone, and notices the ordinary ways. A pasted solution is an answer like any other.
"""

import functools
import sys
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from course.lab.exercises.exercise import Exercise, Function
from course.lab.exercises.run import manner, run
from course.lab.exercises.source import own_functions
from course.lab.exercises.undisturbed import undisturbed
from course.lab.exercises.watch import TookTooLongError, Watch
from course.lab.exercises.words import is_foreign

_SECONDS = 1.0  # for the first case; what takes longer is examined by the check itself, which has longer


def borrowed(exercise: Exercise, candidate: object) -> str | None:
    """Return what to tell the instructor about an answer that is, or calls, the reference; None if it is neither."""
    codes = _codes(exercise.reference)
    inherits = isinstance(exercise.reference, type) and exercise.reference in getattr(candidate, "__mro__", ())
    if inherits or codes & _codes(_unwrapped(candidate)):
        return "This is the course's own reference, and not an answer"
    if callable(candidate) and _calls(exercise, candidate, codes):
        return "The answer calls the course's own reference"
    return None


def _unwrapped(candidate: object) -> object:
    """Take a function out of what stands around it: a partial call, a method, a wrapper that names what it wraps."""
    for _ in range(20):
        if isinstance(candidate, functools.partial):
            candidate = candidate.func
        elif isinstance(candidate, MethodType):
            candidate = candidate.__func__
        elif isinstance(candidate, FunctionType) and "__wrapped__" in vars(candidate):
            candidate = vars(candidate)["__wrapped__"]
        else:
            break
    return candidate


def _codes(thing: Any) -> set[CodeType]:  # noqa: ANN401
    """The code of a function, or of the functions that a class itself defines."""
    functions = own_functions(thing) if isinstance(thing, type) else [thing]
    return {each.__code__ for each in functions if isinstance(each, FunctionType)}


def _calls(exercise: Exercise, candidate: Function, codes: set[CodeType]) -> bool:
    """Whether the reference runs below a line of the learner's on the first case: a check may run it itself."""
    found = False

    def watch(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        found = found or (event == "call" and frame.f_code in codes and _below_a_learner(frame))

    with undisturbed():
        before = sys.getprofile()
        try:
            with Watch(_SECONDS):
                sys.setprofile(watch)
                run(candidate, exercise.cases[0], manner(exercise))
        except TookTooLongError:
            pass
        finally:
            sys.setprofile(before)
    return found


def _below_a_learner(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not run.__code__:
        if not is_foreign(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False
