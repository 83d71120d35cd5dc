"""Turns what went wrong into a few plain sentences: the same words for the same mistake, no addresses or paths."""

import dis
import re
import sysconfig
import traceback
from pathlib import Path
from types import CoroutineType, GeneratorType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course.lab.exercises.exercise import Case, Exercise, Function
from course.lab.exercises.plain import Plain, difference, written
from course.lab.exercises.run import NoTensor, Observed, Outcome, close, is_narrow, is_subclassed, parts

_COURSE = Path(__file__).resolve().parents[2]
_OF_PYTHON = Path(sysconfig.get_path("stdlib"))


def is_foreign(filename: str) -> bool:
    """Whether a frame belongs to the course, an installed package or Python's own library, not to the learner."""
    if filename.startswith("<frozen"):
        return True
    path = Path(filename)
    packages = {"site-packages", "dist-packages"} & set(path.parts)
    return bool(packages) or path.is_relative_to(_COURSE) or path.is_relative_to(_OF_PYTHON)


def learner_frames(error: BaseException) -> list[str]:
    """Return the learner's own lines that led to ``error``, outermost first, at most five."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_foreign(frame.filename)]
    return [f"line {frame.lineno}, in {frame.name}:  {frame.line}".rstrip(": ") for frame in frames[-5:]]


def plain(text: object) -> str:
    """Return text without addresses in memory, at most 300 characters."""
    try:
        said = str(text)
    except Exception:  # its __str__ raises
        said = f"something of type {type(text).__name__} that cannot be shown"
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", said)[:300]


def _dims(names: str | None, ndim: int) -> str:
    words = (names or "").split()
    if len(words) == 4 and ndim == 3:
        del words[1]  # three axes are a batch without heads
    return f" = ({', '.join(words[-ndim:])})" if words and 0 < ndim <= len(words) else ""


def describe_arguments(exercise: Exercise, arguments: tuple[object, ...]) -> str:
    """Return the arguments' shapes and types: "q (2, 3, 4, 6) = (B, H, Tq, d_k) float64, mask None"."""
    said = []
    for name, argument in zip(exercise.argument_names, arguments, strict=False):
        if isinstance(argument, np.ndarray):
            dims = _dims(exercise.argument_dims.get(name), argument.ndim)
            said.append(f"{name} {argument.shape}{dims} {argument.dtype}")
        elif isinstance(argument, np.random.Generator):
            said.append(f"{name} a random generator")
        else:
            said.append(f"{name} = {written(argument)}")
    return ", ".join(said)


def say_error(exercise: Exercise, case: Case, error: BaseException) -> str:
    """Return the exception, the learner's own lines and the arguments that caused it."""
    lines = [f"On {case.name} it raised {type(error).__name__}: {plain(error)}"]
    lines += [f"    {frame}" for frame in learner_frames(error)]
    lines.append(f"  It was called with {describe_arguments(exercise, case.make())}.")
    return "\n".join(lines)


def say_unreadable(error: BaseException) -> str:
    """Return what to tell where looking at an answer, or at what it handed back, raised an exception."""
    lines = [f"The check could not look at what came back: that raised {type(error).__name__}: {plain(error)}"]
    lines += [f"    {frame}" for frame in learner_frames(error)]
    return "\n".join([*lines, "  Could the function hand back something plainer: an array, a number, a list?"])


def show(value: object) -> str:
    """Return numbers in a few characters, three decimals, and plain values as Python writes them."""
    if isinstance(value, (Plain, list, dict, str)):
        return written(value)
    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.round(array.astype(float), 3) + 0.0  # no "-0."
    return " ".join(np.array2string(array, precision=3, threshold=60, suppress_small=True).split())


def _wrong_type(exercise: Exercise, name: str, part: ArrayLike) -> str | None:
    kind = exercise.result_kind
    if isinstance(part, NoTensor):
        return f"{name} should be a torch tensor, and it is of type {type(part.value).__name__}."
    if kind == "number":
        fine = np.ndim(part) == 0 and np.asarray(part).dtype.kind in "fiu"
        return None if fine else f"{name} should be a number, and it is of type {type(part).__name__}."
    if not isinstance(part, np.ndarray) or is_subclassed(part):
        wanted = "torch tensor" if exercise.tensors or exercise.module is not None else "numpy array"
        return f"{name} should be a {wanted}, and it is of type {type(part).__name__}."
    if kind == "bool array" and part.dtype != bool:
        return f"{name} should hold booleans (dtype bool), and its dtype is {part.dtype}."
    if kind == "float array" and part.dtype.kind not in "fiu":
        return f"{name} should hold real numbers, and its dtype is {part.dtype}."
    return None


def _wrong_shape(exercise: Exercise, name: str, expected: ArrayLike, part: ArrayLike) -> str | None:
    wanted, got = np.shape(expected), np.shape(part)
    if wanted == got:
        return None
    dims = _dims(exercise.result_dims.get(name), len(wanted))
    return f"{name} should have shape {wanted}{dims}, and yours has {got}."


def _wrong_numbers(name: str, expected: object, part: object, tolerance: float) -> str | None:
    if close(expected, part, tolerance):
        return None
    right, yours = np.asarray(expected, dtype=float), np.asarray(part, dtype=float)
    bad = np.isnan(yours) & ~np.isnan(right)
    if bad.any():
        return f"{name} is nan in {int(bad.sum())} of {bad.size} places."
    bad = ~np.isclose(yours, right, rtol=tolerance, atol=min(tolerance, 0.01))
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    place = f"{name}[{', '.join(map(str, where))}]" if where else name
    if np.asarray(expected).dtype == bool:
        return f"{place} should be {bool(right[where])}, and yours is {bool(yours[where])}."
    digits = 4 if abs(float(right[where]) - float(yours[where])) > 1e-3 else 12
    return f"{place} should be {right[where]:.{digits}g}, and yours is {yours[where]:.{digits}g}."


def _wrong_array(exercise: Exercise, name: str, expected: Any, part: Any) -> str | None:  # noqa: ANN401
    """Say where an array that should be of the reference's type is of another; floats may be narrower, with a word."""
    if exercise.result_kind != "array" or expected.dtype == part.dtype:
        return None
    if expected.dtype.kind == part.dtype.kind == "f":
        return None
    return f"{name} should be {expected.dtype}, and yours is {part.dtype}."


def _wrong_words(name: str, expected: object, part: object) -> str | None:
    if isinstance(expected, str) and expected != part:
        return f"{name} should be {expected}, and with yours it is {part}."
    return None


def _wrong_count(exercise: Exercise, expected: Outcome, got: Outcome) -> str | None:
    names = _result_names(exercise, expected.value)
    n, several = len(parts(got.value)), isinstance(got.value, (tuple, list))
    if len(names) == n and isinstance(expected.value, tuple) == several:
        return None
    if len(names) == 1:
        one = "number" if exercise.result_kind == "number" else "tensor" if exercise.tensors else "array"
        return f"{names[0]} should be one {one}, and yours is a {type(got.value).__name__} of {n}."
    came = f"{n} things" if several else "one thing"
    return f"The function should return ({', '.join(names)}), and yours returns {came}."


def _result_names(exercise: Exercise, value: object) -> tuple[str, ...]:
    """What the parts of a result are called: observations have names of their own."""
    return tuple(value) if isinstance(value, Observed) else exercise.result_names


class _Problem(NamedTuple):
    """What is wrong with the results of a case, and of which kind it is: the kind decides what to ask."""

    kind: Literal[
        "returned",
        "yields",
        "waits",
        "not called",
        "words",
        "plain",
        "shape",
        "numbers",
        "last digits",
        "precision",
        "arguments",
    ]
    said: str


def _problem(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> _Problem | None:
    """Return the first thing that is wrong with the results of a case, from general to specific, or None."""
    if (unfinished := _unfinished(got.value)) is not None:
        return unfinished
    if said := _wrong_count(exercise, expected, got):
        return _Problem("returned", said)
    names = _result_names(exercise, expected.value)
    triples = list(zip(names, parts(expected.value), parts(got.value), strict=True))
    for name, wanted, part in triples:
        if said := _wrong_words(name, wanted, part):
            return _Problem("words", said)
        if isinstance(wanted, Plain) and (said := difference(name, wanted.value, getattr(part, "value", part))):
            return _Problem("plain", said)
    triples = [triple for triple in triples if not isinstance(triple[1], (str, Plain))]
    for name, wanted, part in triples:
        if callable(part):
            return _Problem(
                "not called", f"{name} is a function, {getattr(part, '__name__', 'which')}, not its result."
            )
        if said := _wrong_type(exercise, name, part) or _wrong_array(exercise, name, wanted, part):
            return _Problem("returned", said)
    for name, wanted, part in triples:
        if said := _wrong_shape(exercise, name, wanted, part):
            return _Problem("shape", said)
    for triple in triples:
        if problem := _number_problem(*triple, case.tolerance):
            return problem
    if got.changed:
        changed = ", ".join(exercise.argument_names[i] for i in got.changed)
        thing = _thing(exercise, case.make()[got.changed[0]])
        said = f"The function changed its own argument {changed}: the caller's {thing} is different afterwards."
        return _Problem("arguments", said)
    return None


def _unfinished(value: object) -> _Problem | None:
    """Say that a call has only prepared something that would have to be asked for its results."""
    value = getattr(value, "value", value) if isinstance(value, (Plain, NoTensor)) else value
    if isinstance(value, GeneratorType):
        return _Problem("yields", "The function has not run yet: it uses yield, and so a call hands back a generator.")
    if isinstance(value, CoroutineType):
        value.close()  # or Python would warn that nobody waited for it
        return _Problem("waits", "The function has not run yet: it begins with async, and so a call hands back a plan.")
    return None


def _thing(exercise: Exercise, argument: object) -> str:
    if isinstance(argument, (list, dict)):
        return "list" if isinstance(argument, list) else "dictionary"
    return "tensor" if exercise.tensors else "array"


def _number_problem(name: str, wanted: object, part: Any, tolerance: float) -> _Problem | None:  # noqa: ANN401
    said = _wrong_numbers(name, wanted, part, tolerance)
    if said is not None:
        digits = 1e-2 if is_narrow(part) and part.dtype.itemsize == 2 else 1e-5  # those of float16, and others
        return _Problem("last digits" if tolerance < 1e-6 and close(wanted, part, digits) else "numbers", said)
    if tolerance < 1e-6 and is_narrow(part):
        return _Problem("precision", f"{name} is {part.dtype} although the arguments are float64.")
    return None


_QUESTIONS = {
    "returned": "What exactly stands behind your return?",
    "yields": "Which word hands the whole result back at once?",
    "waits": "Is there anything to wait for, or would def alone do?",
    "not called": "Which parentheses are missing there?",
    "shape": "Which of your steps makes its axes, and what does that step start from?",
    "last digits": "The first digits are right. Which of your lines rounds, asks for float32 or adds something small?",
    "precision": "Which of your lines asks for fewer digits?",
    "arguments": "Which of your lines writes into the array that was handed in?",
}


_AXES_RIGHT = "Shape and axes are right. Take one entry and compute it by hand: at which step do you and yours part?"


def _ask(exercise: Exercise, case: Case, problem: _Problem, function: Function | None) -> str:
    """Return the question that leads on: that of the case is about its numbers, and about its axes where it says so.

    Nobody is asked about axes who has the right ones.
    """
    if problem.kind == "shape" and case.about_axes:
        return case.question
    asks_about_axes = case.about_axes or re.search(r"\bax[ei]s\b", case.question) is not None
    if problem.kind == "numbers" and asks_about_axes and function is not None and _axes_hold(exercise, function):
        return _AXES_RIGHT
    asked = _QUESTIONS.get(problem.kind, case.question)
    return asked.replace("the array that", "the tensor that") if exercise.tensors else asked


def _axes_hold(exercise: Exercise, function: Function) -> bool:
    try:
        return exercise.axes_hold is not None and exercise.axes_hold(function)
    except Exception:  # a function that cannot be called with other sizes may well have wrong axes
        return False


_TYPES_OF_FUNCTIONS = ("'function'", "'method'", "'builtin_function_or_method'", "'method_descriptor'")


def _about_a_name(error: BaseException) -> str | None:
    """Return the question for an exception about what stands under a name: nothing, or a thing of another type."""
    said = str(error)
    if isinstance(error, NameError):
        return "Under which name did you make it, or is it an argument?"
    if isinstance(error, (AttributeError, TypeError)) and any(kind in said for kind in _TYPES_OF_FUNCTIONS):
        return "Something in that line is a function that was never called. Which parentheses are missing?"
    if isinstance(error, AttributeError) and said.endswith("before Module.__init__() call"):
        return "torch has not laid out its lists yet when that line sets self. Which line must come first in __init__?"
    if isinstance(error, AttributeError) and said.startswith(("'float' object", "'int' object")):
        return "A plain number stands before the dot there, and an array was meant. Which line made a number of it?"
    if isinstance(error, AttributeError):
        return "What stands before the dot there, and which names does it offer?"
    if isinstance(error, TypeError) and said.endswith("object is not callable"):
        return (
            "What stands before the parentheses there is no function. Was its name given to something else, or is a * "
            "or a square bracket meant?"
        )
    if isinstance(error, TypeError) and "converted to Python scalar" in said:
        return "Something in that line takes a single number and gets an array. Which library does it to all entries?"
    return None


def ask_about_error(case: Case, error: BaseException) -> str:
    """Return the question that leads on from an exception on a case."""
    if (asked := _about_a_name(error)) is not None:
        return asked
    if isinstance(error, (SystemExit, KeyboardInterrupt, GeneratorExit)):
        return "That ends more than your function: the program around it. Which word only ends a function?"
    if isinstance(error, EOFError):
        return "Which of the arguments already brings what your function asks for?"
    if isinstance(error, RecursionError):
        return "Your function calls itself, maybe through another one. When would it stop?"
    if wanted_yes_or_no(error):
        return (
            "That line wants one yes or no and gets a whole array. What do you want to know of it: whether it is None, "
            "or something about its entries?"
        )
    if "setting an array element with a sequence" in str(error):
        return "That line puts several numbers where one has room. How many are there on the right, and which is meant?"
    if case.about_axes:
        return case.question
    if isinstance(error, (ValueError, IndexError)):
        return "Write the shapes beside what stands in that line. Which axes should meet there?"
    return "What does that line need, and what does it get?"


def wanted_yes_or_no(error: BaseException) -> bool:
    """Whether ``error`` arose where Python itself asks for a truth value: in if, while, and, or, not.

    It is read from the instruction that failed, as numpy and torch word it differently.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return False
    failed = [each for each in dis.get_instructions(at.tb_frame.f_code) if each.offset == at.tb_lasti]
    # Each version of Python has its own: a jump if false, a step of its own, or a part of the comparison.
    return any(
        each.opname.startswith(("POP_JUMP", "JUMP_IF", "TO_BOOL", "UNARY_NOT")) or each.argrepr.startswith("bool(")
        for each in failed
    )


def say_problem(
    exercise: Exercise, case: Case, expected: Outcome, got: Outcome, function: Function | None = None
) -> str | None:
    """Return what is wrong on a case, the numbers where they are few, and a question; None if all is well.

    With ``function``, which gave the outcome, the question is not about axes where they are right.
    """
    if got.error is not None:
        return f"{say_error(exercise, case, got.error)}\n  {ask_about_error(case, got.error)}"
    problem = _problem(exercise, case, expected, got)
    if problem is None:
        return None
    lines = [f"On {case.name}: {problem.said}"]
    if case.by_hand and problem.kind not in ("precision", "arguments"):
        given = zip(exercise.argument_names, case.make(), strict=False)
        lines.append("  " + ", ".join(f"{name} = {show(value)}" for name, value in given if value is not None))
        wanted = zip(_result_names(exercise, expected.value), parts(expected.value), strict=True)
        lines.append("  must give " + ", ".join(f"{name} = {show(value)}" for name, value in wanted) + ".")
    else:
        lines.append(f"  The arguments: {describe_arguments(exercise, case.make())}.")
    return "\n".join([*lines, f"  {_ask(exercise, case, problem, function)}"])
