"""Finds the smallest counter-example to a wrong answer, and says it with numbers."""

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.lab.exercises.bank import known
from course.lab.exercises.exercise import Case, Exercise, Function
from course.lab.exercises.plain import Plain, difference, written
from course.lab.exercises.run import Observed, Outcome, alike, close, manner, parts, run
from course.lab.exercises.undisturbed import undisturbed
from course.lab.exercises.watch import TookTooLongError, Watch
from course.lab.exercises.words import describe_arguments, show

SECONDS = 1.0  # for the search: an answer without an example is better than one that makes people wait
FEW = 24  # numbers that a person can follow
LARGEST_MAP = 8  # rows or columns of a map that is shown


@dataclass(frozen=True)
class Example:
    """A case on which an answer is wrong, with what is right and what it gives."""

    case: Case
    expected: Outcome
    got: Outcome


@dataclass(frozen=True)
class WrongMap:
    """A rectangle of numbers beside the right one.

    Attributes:
        example: where it comes from.
        name: of the result, with the place in its leading axes where there are several.
        axes: names of what runs down and across, "" where the exercise names none.
        right: (n, m). yours: (n, m). differs: (n, m) booleans.
    """

    example: Example
    name: str
    axes: tuple[str, str]
    right: np.ndarray[Any, np.dtype[Any]]
    yours: np.ndarray[Any, np.dtype[Any]]
    differs: np.ndarray[Any, np.dtype[np.bool_]]


def counter_examples(exercise: Exercise, function: Function) -> list[Example]:
    """Return cases on which `function` hands back something wrong, from the fewest numbers to the most.

    There are none where it raised an exception before that: then the exception is what matters.
    """
    try:
        with undisturbed(), Watch(SECONDS):
            return sorted(_failing(exercise, function), key=_numbers)
    except TookTooLongError:
        return []


def smallest(exercise: Exercise, function: Function, example: Example) -> Example:
    """Return the example with its sentences and heads reduced to one, as far as `function` stays wrong."""
    try:
        with undisturbed(), Watch(SECONDS):
            for axis in _leading(exercise):
                example = _with_one(exercise, function, example, axis)
    except TookTooLongError:
        pass
    return example


def _failing(exercise: Exercise, function: Function) -> Iterator[Example]:
    for case in exercise.cases:
        how = manner(exercise)
        example = Example(case, known(exercise.reference, case, how), run(function, case, how))
        if example.got.error is not None:
            return
        if _is_wrong(example):
            yield example


def _is_wrong(example: Example) -> bool:
    fine = example.got.error is None and example.expected.error is None
    right, yours = Outcome(example.expected.value), Outcome(example.got.value)  # changed arguments are another matter
    return fine and not alike(right, yours, example.case.tolerance)


def _numbers(example: Example) -> int:
    given = (value for value in example.case.make() if value is not None)
    return sum(map(_size, (*given, *parts(example.expected.value))))


def _size(value: object) -> int:
    """How many numbers, words or entries a value holds, those in lists of lists included."""
    if isinstance(value, Plain):
        return _size(value.value)
    if isinstance(value, dict):
        return len(value)
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else int(np.size(value))  # type: ignore[arg-type]


def _leading(exercise: Exercise) -> list[str]:
    """Return the names of the axes along which a function repeats itself: sentences and heads."""
    return [axis for dims in exercise.result_dims.values() for axis in dims.split()[:-2] if axis.isalpha()][:2]


def _with_one(exercise: Exercise, function: Function, example: Example, axis: str) -> Example:
    """Return the example with a single entry along an axis, the first one on which `function` is still wrong."""
    arguments = example.case.make()
    places = [_place(exercise, i, argument, axis) for i, argument in enumerate(arguments)]
    lengths = [np.shape(argument)[at] for argument, at in zip(arguments, places, strict=True) if at is not None]
    for i in range(max(lengths, default=1) if max(lengths, default=1) > 1 else 0):
        chosen = tuple(_only(argument, at, i) for argument, at in zip(arguments, places, strict=True))
        case = dataclasses.replace(example.case, make=functools.partial(_copies, chosen))
        try:
            one = Example(case, *(run(each, case, manner(exercise)) for each in (exercise.reference, function)))
        except ValueError:
            continue
        if _is_wrong(one):
            return one
    return example


def _place(exercise: Exercise, i: int, argument: object, axis: str) -> int | None:
    """Return where in an argument an axis stands, from the end; None if it has no such axis."""
    words = exercise.argument_dims.get(exercise.argument_names[i], "").split()
    if not isinstance(argument, np.ndarray):
        return None
    if len(words) == 4 and argument.ndim == 3:
        del words[1]  # three axes are a batch without heads
    words = words[-argument.ndim :]
    return words.index(axis) - len(words) if axis in words else None


def _only(argument: Any, at: int | None, i: int) -> Any:  # noqa: ANN401
    if at is None or argument.shape[at] == 1:
        return argument
    return np.take(argument, [i], axis=at)


def _copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.copy() if isinstance(each, np.ndarray) else each for each in arguments)


def wrong_map(exercise: Exercise, example: Example) -> WrongMap | None:
    """Return the part of an example that can be drawn as a small map, those of queries and keys first, or None."""
    names = exercise.result_names
    if isinstance(example.expected.value, Observed) or len(names) != len(parts(example.got.value)):
        return None
    triples = list(zip(names, parts(example.expected.value), parts(example.got.value), strict=True))
    triples.sort(key=lambda triple: not exercise.result_dims.get(triple[0], "").endswith("Tq Tk"))
    found = (_as_map(exercise, example, *triple) for triple in triples)
    return next((each for each in found if each is not None), None)


def _as_map(exercise: Exercise, example: Example, name: str, right: object, yours: object) -> WrongMap | None:
    if not isinstance(right, np.ndarray) or not isinstance(yours, np.ndarray) or right.shape != yours.shape:
        return None
    if right.ndim == 0 or yours.dtype.kind not in "biuf" or close(right, yours, example.case.tolerance):
        return None
    a, b = np.atleast_2d(right), np.atleast_2d(yours)
    rows, columns = a.shape[-2:]
    differs = ~np.isclose(
        a.astype(float), b.astype(float), rtol=example.case.tolerance, atol=example.case.tolerance, equal_nan=True
    )
    if not differs.any() or rows * columns < 2 or max(rows, columns) > LARGEST_MAP:
        return None
    at = tuple(int(i) for i in np.argwhere(differs)[0][:-2])
    if max(a.shape[:-2], default=1) > 1:
        name += f"[{', '.join(map(str, at))}]"
    return WrongMap(example, name, _axes(exercise, name, right.ndim), a[at], b[at], differs[at])


def _axes(exercise: Exercise, name: str, ndim: int) -> tuple[str, str]:
    words = exercise.result_dims.get(name.partition("[")[0], "").split()
    words = [word if word.isidentifier() else "" for word in words]
    if ndim == 1:
        return "", words[-1] if words else ""
    return (words[-2], words[-1]) if len(words) > 1 else ("", "")


def say_given(exercise: Exercise, case: Case) -> str:
    """Return the arguments of a case: with their numbers where they are few, else with their shapes."""
    given = [pair for pair in zip(exercise.argument_names, case.make(), strict=False) if pair[1] is not None]
    plain = all(isinstance(value, (np.ndarray, int, float)) for _, value in given)
    if plain and sum(np.size(value) for _, value in given) <= FEW:
        return ", ".join(f"{name} = {show(value)}" for name, value in given)
    if exercise.observe is not None:
        return case.name
    return f"{case.name}, {describe_arguments(exercise, case.make())}"


def say_example(exercise: Exercise, example: Example) -> str:
    """Return an example as a sentence with numbers; "" where it cannot be told apart from what is right."""
    right, yours = parts(example.expected.value), parts(example.got.value)
    value = example.expected.value
    names = tuple(value) if isinstance(value, Observed) else exercise.result_names
    given = say_given(exercise, example.case)
    if not len(names) == len(right) == len(yours):
        wanted = ", ".join(f"{name} = {show(part)}" for name, part in zip(names, right, strict=False))
        few = sum(np.size(part) for part in right) <= FEW
        return f"On {given} it must give {wanted}, and yours gives {_said(example.got.value)}." if few else ""
    for name, a, b in zip(names, right, yours, strict=True):
        pair = _pair(name, a, b, example.case.tolerance)
        if pair is not None:
            return f"On {given} it must give {pair[0]}, and yours gives {pair[1]}."
    return ""


def _pair(name: str, right: Any, yours: Any, tolerance: float) -> tuple[str, str] | None:  # noqa: ANN401
    """Return what is right and what came, in words: whole where they are small, else the first cell that differs.

    None where they are the same, as far as digits can tell.
    """
    if isinstance(right, Plain):
        came = yours.value if isinstance(yours, Plain) else yours  # nothing at all, where it returned nothing
        return None if difference(name, right.value, came) is None else (f"{name} = {show(right)}", written(came))
    if isinstance(right, str) and right == yours:
        return None
    if isinstance(right, str) or isinstance(yours, str) or np.shape(right) != np.shape(yours):
        return f"{name} = {_said(right)}", f"{name} = {_said(yours)}"
    if close(right, yours, tolerance):
        return None
    if np.size(right) <= FEW and show(right) != show(yours):
        return f"{name} = {show(right)}", show(yours)
    a, b = np.asarray(right, dtype=float), np.asarray(yours, dtype=float)
    at = tuple(int(i) for i in np.argwhere(~np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))[0])
    place = f"{name}[{', '.join(map(str, at))}]" if at else name
    digits = next((d for d in (4, 8, 12) if f"{a[at]:.{d}g}" != f"{b[at]:.{d}g}"), None)
    return None if digits is None else (f"{place} = {a[at]:.{digits}g}", f"{b[at]:.{digits}g}")


def _said(value: Any) -> str:  # noqa: ANN401
    if value is None or isinstance(value, str):
        return str(value)
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if np.ndim(value) and np.size(value) > FEW:
        return f"an array of shape {np.shape(value)}"
    return show(value)
