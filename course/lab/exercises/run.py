"""Runs a function on a case, and compares what came out."""

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from course.lab.exercises.exercise import Case, Exercise, Function
from course.lab.exercises.plain import Plain, as_plain, difference
from course.lab.exercises.watch import passes


@dataclass(frozen=True)
class Outcome:
    """What a function did on a case: a value or an exception, and which arguments (by position) it changed.

    ``raised_in`` is the library's function from which the exception came, if it is one written in Python.
    """

    value: Any = None
    error: BaseException | None = None
    changed: tuple[int, ...] = ()
    raised_in: str | None = None


class Observed(dict[str, Any]):
    """What an exercise's ``observe`` saw, by name. A class of its own: a learner's dict is no observation."""


@dataclass(frozen=True)
class NoTensor:
    """What came back from a function that should have returned a torch tensor: a value of another type."""

    value: Any


def on_tensors(function: Function, *arguments: Any) -> Any:  # noqa: ANN401
    """Call a function of torch tensors with arrays, which it sees as tensors, and return its tensors as arrays.

    The memory is shared, so that an argument that the function changes is seen to be changed.
    """
    import torch

    def as_tensor(each: Any) -> Any:  # noqa: ANN401
        if isinstance(each, dict):  # matrices by name
            return {name: as_tensor(part) for name, part in each.items()}
        return torch.from_numpy(each) if isinstance(each, np.ndarray) else each

    value = function(*map(as_tensor, arguments))
    return type(value)(map(_as_array, value)) if type(value) in (tuple, list) else _as_array(value)


def _as_array(value: Any) -> Any:  # noqa: ANN401
    if type(value).__name__ in ("Tensor", "Parameter"):
        return value.detach().cpu().numpy().copy()  # a view of an argument must not change with it
    numbers = isinstance(value, (np.ndarray, np.generic, bool, int, float))
    return NoTensor(value) if numbers else value


def manner(exercise: Exercise) -> Callable[..., Any] | None:
    """How the functions of an exercise are called: as they are (None), on tensors, or while something observes.

    One plain value is taken as a whole.
    """
    if exercise.result_kind == "plain":
        return as_plain
    return on_tensors if exercise.tensors else exercise.observe


@functools.lru_cache(maxsize=512)
def _made(case: Case) -> tuple[Any, ...]:
    return case.make()


def run(function: Function, case: Case, observe: Callable[..., Any] | None = None) -> Outcome:
    """Call ``function`` with fresh arguments of ``case``; what it raises is caught, SystemExit too.

    Not so the learner's Interrupt button, and the watch's own exception.

    With ``observe`` (see :class:`~course.lab.exercises.exercise.Exercise`) the value is what it observed, and with
    :func:`on_tensors` the arrays are tensors on the way.
    """
    untouched = _made(case)  # made once: the bank runs hundreds of functions on the same data
    arguments = copy.deepcopy(untouched)
    try:
        value = function(*arguments) if observe is None else observe(function, *arguments)
    except BaseException as error:  # a learner's function may raise anything
        if passes(error):
            raise
        return Outcome(error=_speaking(error), raised_in=_raised_in(error))
    if inspect.iscoroutine(value):
        value.close()  # nobody will wait for it, and Python would warn of that in the cell
    pairs = enumerate(zip(arguments, untouched, strict=True))
    changed = tuple(i for i, (now, before) in pairs if not _untouched(now, before))
    if observe not in (None, on_tensors, as_plain) and value is not None:
        value = Observed({name: value[name] for name in case.compare or value})
    return Outcome(value=value, changed=changed)


def _speaking(error: BaseException) -> BaseException:
    """Return an exception, or, where its own message cannot be read, another one that says so."""
    try:
        str(error)
    except Exception:  # its __str__ raises
        silent = RuntimeError(f"an exception of type {type(error).__name__}, whose message cannot be read")
        return silent.with_traceback(error.__traceback__)
    return error


def _raised_in(error: BaseException) -> str | None:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or not {"site-packages", "dist-packages"} & set(Path(at.tb_frame.f_code.co_filename).parts):
        return None
    return at.tb_frame.f_code.co_name


def _untouched(now: object, before: object) -> bool:
    if isinstance(now, np.ndarray) and isinstance(before, np.ndarray):
        return now.shape == before.shape and bool(np.array_equal(now, before))
    if isinstance(before, (list, dict)):
        with contextlib.suppress(ValueError):  # arrays in a list have no single truth value
            return bool(now == before)
    return True  # numbers cannot change; a generator is meant to


def parts(value: object) -> tuple[Any, ...]:
    """Results as a tuple: a tuple or list gives its items, observations their values, anything else stands alone."""
    if isinstance(value, Observed):
        return tuple(value.values())
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def close(a: object, b: object, tolerance: float) -> bool:
    """Whether two arrays hold the same numbers, NaN and infinities in the same places."""
    left, right = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if np.isfinite(left).all() and np.isfinite(right).all():  # np.allclose, but three times as fast
        return bool((np.abs(left - right) <= min(tolerance, 0.01) + tolerance * np.abs(right)).all())
    return np.allclose(left, right, rtol=tolerance, atol=min(tolerance, 0.01), equal_nan=True)


def is_subclassed(part: object) -> bool:
    """Whether a result is an array of a class of its own: a matrix, a masked array, or one that is made up."""
    return isinstance(part, np.ndarray) and type(part) is not np.ndarray


def is_narrow(part: object) -> bool:
    """Whether an array holds floats of less than 64 bits."""
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and part.dtype.itemsize < 8


def _same_part(a: ArrayLike, b: ArrayLike, tolerance: float) -> bool:
    if isinstance(a, Plain) or isinstance(b, Plain):
        return isinstance(a, Plain) and isinstance(b, Plain) and difference("", a.value, b.value) is None
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    if (is_subclassed(a) or is_subclassed(b)) and type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray) != isinstance(b, np.ndarray) or np.shape(a) != np.shape(b):
        return False
    kinds = {np.asarray(a).dtype.kind, np.asarray(b).dtype.kind}
    if len(kinds) > 1 and not kinds <= {"i", "f", "u"} or not kinds <= set("biuf"):
        return False
    if tolerance < 1e-6 and is_narrow(a) != is_narrow(b):
        return False
    return close(a, b, max(tolerance, 1e-4) if is_narrow(a) and is_narrow(b) else tolerance)


_SHAPE_ERRORS = (ValueError, IndexError, RuntimeError)  # what libraries raise when sizes or axes do not fit
# RuntimeErrors of torch that have nothing to do with shapes: related only to their own kind
_GRAPH_ERRORS = ("second time", "does not require grad", "inplace operation", "in-place operation")


def _about_graph(error: BaseException) -> str | None:
    return next((words for words in _GRAPH_ERRORS if words in str(error)), None)


def _related(one: Outcome, other: Outcome) -> bool:
    a, b = one.error, other.error
    if isinstance(a, _SHAPE_ERRORS) and isinstance(b, _SHAPE_ERRORS):
        same_kind = isinstance(a, NotImplementedError) == isinstance(b, NotImplementedError)
        return same_kind and _about_graph(a) == _about_graph(b)
    if isinstance(a, (AttributeError, TypeError)) and isinstance(b, (AttributeError, TypeError)):
        # which attribute is missing and from what, or what does not work with which type, and for whom
        return str(a) == str(b) and (None in (one.raised_in, other.raised_in) or one.raised_in == other.raised_in)
    return a is not None and b is not None and (isinstance(a, type(b)) or isinstance(b, type(a)))


def _names(value: object) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, Observed) else None


def alike(a: Outcome, b: Outcome, tolerance: float) -> bool:
    """Whether two functions did the same: same numbers, NaN pattern, changed arguments, or related exceptions."""
    if a.error is not None or b.error is not None:
        return _related(a, b)
    if a.changed != b.changed or isinstance(a.value, (tuple, list)) != isinstance(b.value, (tuple, list)):
        return False
    if _names(a.value) != _names(b.value):
        return False
    left, right = parts(a.value), parts(b.value)
    try:
        return len(left) == len(right) and all(_same_part(x, y, tolerance) for x, y in zip(left, right, strict=True))
    except Exception:  # ragged lists, objects without numbers or that raise: like nothing that is known
        return False


class Eased:
    """A learner's function with results of the right type where it is clear what was meant.

    Attributes:
        changed: whether any result so far had another type.
        unclear: whether any result so far had another type, and nobody knows what was meant.
    """

    def __init__(self, function: Function, exercise: Exercise) -> None:
        self._function, self._exercise = function, exercise
        self.changed = self.unclear = False

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401
        """Call the function and forgive its type."""
        return self.forgive(self._function(*arguments))

    def forgive(self, value: Any) -> Any:  # noqa: ANN401
        """Return the value in the right type, or as it is."""
        try:
            right = self._right_type(value)
        except Exception:  # nobody knows what was meant
            return value
        self.changed = self.changed or right is not value
        self.unclear = self.unclear or self._is_unclear(right)
        return right

    def _is_unclear(self, value: Any) -> bool:  # noqa: ANN401
        """Whether numbers are still there where booleans were asked for, or one array where several were."""
        if self._exercise.forgive is not None or value is None:
            return False
        if len(self._exercise.result_names) > 1:
            return not isinstance(value, (tuple, list))
        return self._exercise.result_kind == "bool array" and isinstance(value, np.ndarray) and value.dtype != bool

    def _right_type(self, value: Any) -> Any:  # noqa: ANN401
        if self._exercise.forgive is not None or value is None:
            return value if self._exercise.forgive is None else self._exercise.forgive(value)
        names, kind = self._exercise.result_names, self._exercise.result_kind
        if len(names) == 1:
            return _as_kind(value, kind)
        if isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == len(names):
            return tuple(_as_kind(part, kind) for part in value)
        if not isinstance(value, (tuple, list)):
            return value
        eased = [_as_kind(part, kind) for part in value]
        return value if all(a is b for a, b in zip(eased, value, strict=True)) else tuple(eased)


def _as_kind(value: Any, kind: str) -> Any:  # noqa: ANN401
    """Return a list, a tensor or a matrix as an array, an array of one number as a number, and 0 and 1 as booleans."""
    if type(value).__name__ == "Tensor":
        value = value.detach().cpu().numpy()
    if isinstance(value, NoTensor):
        value = np.asarray(value.value)
    if kind == "number":
        return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    array = np.asarray(value) if isinstance(value, list) or is_subclassed(value) else value
    if isinstance(array, np.ndarray) and kind == "bool array" and array.dtype.kind in "iuf":
        return array.astype(bool) if np.isin(array, (0, 1)).all() else array
    return array
