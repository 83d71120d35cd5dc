"""What may be drawn: arrays, lists and torch tensors alike, wherever they lie; and words, whatever is in them.

torch is not imported here, since lessons in numpy do without it: a tensor is known by what it can do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numpy as np

from course.errors import CourseError, shortened

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

P = ParamSpec("P")
T = TypeVar("T")

MOST_CELLS = 10_000  # of a table: more would take a page of megabytes


def as_array(value: object) -> Array:
    """Return a torch tensor, with or without gradient and on whatever device, or anything else, as an array."""
    if not _is_tensor(value):
        return np.asarray(arrays_in(value))
    tensor = cast(Any, value)
    if tensor.is_meta:
        raise CourseError("A tensor on the device meta has a shape and no numbers: compute it on another.")
    dense = tensor.to_dense() if getattr(tensor, "is_sparse", False) else tensor
    try:
        return np.asarray(dense.numpy(force=True))
    except TypeError:  # numpy has no bfloat16
        return np.asarray(dense.float().numpy(force=True))


def numbers(value: object, name: str, *, axes: int | None = None, finite: bool = True) -> Array:
    """Return what is to be drawn as an array of real numbers, or say what is wrong with it.

    Args:
        value: an array, a list of lists, a tensor.
        name: what the message calls it.
        axes: how many axes it must have, or None for any.
        finite: whether nan and infinity are refused.

    Raises:
        CourseError: it is ragged, empty, not of numbers, not finite or of other axes.
    """
    try:
        array = as_array(value)
    except CourseError:
        raise
    except ValueError as error:
        raise CourseError(f"The rows of {name} are not equally long: give each as many numbers.") from error
    if array.dtype.kind not in "biuf":
        raise CourseError(f"Not all of {name} is numbers, {shortened(value)}: give it real numbers alone.")
    if axes is not None and array.ndim != axes:
        more = f", such as {name}[0]" if array.ndim > axes else ""
        raise CourseError(f"A picture of {name} needs {axes} {'axis' if axes == 1 else 'axes'}, and its shape is "
                          f"{array.shape}: choose which part to show{more}.")  # fmt: skip
    if array.size == 0:
        raise CourseError(f"There is nothing to draw in {name}: its shape is {array.shape}.")
    if finite and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        first = array[tuple(bad[0])]
        raise CourseError(
            f"{len(bad)} of the {array.size} numbers in {name} {'is' if len(bad) == 1 else 'are'} not finite, the "
            f"first of them {first} at {name}{[int(i) for i in bad[0]]}: find out where it comes from, or leave it out."
        )
    return array


def booleans(value: object, name: str) -> Array:
    """Return a mask as an array of booleans, True = may attend.

    Raises:
        CourseError: it holds numbers. Of 0 and -inf, which are added to scores, the wrong one would count as True.
    """
    array = as_array(value)
    if array.dtype != bool:
        raise CourseError(
            f"A mask is boolean, True = may attend, and {name} is {array.dtype}: write `mask != 0` if 1 marks what may "
            "be seen, or `mask == 0` if 1, -inf or another number marks what is hidden."
        )
    return array


def words_of(value: object, name: str, count: int) -> list[str]:
    """Return labels as text, one for each of `count` rows, columns or bars.

    Raises:
        CourseError: there are more or fewer.
    """
    if _is_tensor(value):
        value = as_array(value).tolist()
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        words = [str(word) for word in value]
        if len(words) == count:
            return words
        raise CourseError(f"There are {len(words)} words in {name} for {count} places: give each place one word.")
    raise CourseError(f"For {name} a list of words is needed, one for each of {count} places, and this is {value!r}.")


def arrays_in(value: object, *, lists: bool = False) -> Any:  # noqa: ANN401
    """Return a value with every tensor in it as an array, in lists, tuples and dictionaries too.

    lists: make arrays of lists of numbers as well. What needs no change is handed on as it is.
    """
    if _is_tensor(value):
        return as_array(value)
    if isinstance(value, Mapping):
        return _unless_same(value, {key: arrays_in(each, lists=lists) for key, each in value.items()})
    if isinstance(value, list) and not lists and value and arrays_in(value[0]) is value[0]:
        return value  # a list holds things of one kind, and there may be many
    if type(value) in (list, tuple):
        items = cast(Sequence[object], value)
        if lists and (array := _of_numbers(items)) is not None:
            return array
        inside = [arrays_in(each, lists=lists) for each in items]
        same = all(new is old for new, old in zip(inside, items, strict=True))
        return value if same else (tuple(inside) if isinstance(value, tuple) else inside)
    return value


def takes_arrays(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a drawing function take arrays, lists and tensors alike.

    It gets arrays instead of tensors, and for a parameter that is annotated with arrays instead of lists of numbers
    too. For a parameter that is an `Array` and nothing else, what cannot be drawn is refused as by `numbers`; one that
    is a `Tensor`, which a function under study in torch is to get, stays one.
    """
    signature = inspect.signature(draw)

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        given = signature.bind(*args, **kwargs)
        for name, value in given.arguments.items():
            kind = str(signature.parameters[name].annotation)
            if kind == "Array":
                given.arguments[name] = numbers(value, name)
            elif name != "fig" and not kind.startswith(("Callable", "Tensor")):
                given.arguments[name] = arrays_in(value, lists="rray" in kind)
        return draw(*given.args, **given.kwargs)

    return drawn


def _is_tensor(value: object) -> bool:
    return hasattr(value, "detach") and hasattr(value, "numpy")


def _of_numbers(items: Sequence[object]) -> Array | None:
    """Return a list of numbers, or of equally long lists of numbers, as an array; None for anything else."""
    first: object = items
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if not isinstance(first, (bool, int, float, np.number, np.bool_)):
        return None
    try:
        array = np.asarray(items)
    except (ValueError, TypeError, RuntimeError):
        return None
    return array if array.dtype.kind in "biuf" else None


def _unless_same(old: Mapping[Any, Any], new: dict[Any, Any]) -> Mapping[Any, Any]:
    return old if all(new[key] is old[key] for key in new) else new
