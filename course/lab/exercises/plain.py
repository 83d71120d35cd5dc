"""Plain Python values as results: lists, tuples, dictionaries, strings and numbers, compared as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

SHORT = 60  # characters of a value that is shown as a whole
LONG = 240  # characters of one that is shown at all
_KINDS = {list: "a list", tuple: "a tuple", dict: "a dictionary", str: "a string", bool: "True or False"}


@dataclass(frozen=True)
class Plain:
    """A result that is compared as a whole: a list is one thing, not as many as it has entries."""

    value: Any


def as_plain(function: Callable[..., Any], *arguments: Any) -> Plain | None:  # noqa: ANN401
    """Call a function of plain values, and return what it returns as one thing; None where it returns nothing."""
    value = function(*arguments)
    return None if value is None else Plain(value)


def written(value: object, most: int = LONG) -> str:
    """Return a value as Python writes it, cut off where it is long."""
    text = repr(value.value if isinstance(value, Plain) else value)
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def difference(name: str, right: object, yours: object) -> str | None:
    """Return the first difference of two plain values, as a sentence; None where they are equal.

    Types count, but for whole numbers, which may be numpy's. An entry that is short is shown as a whole.
    """
    if (said := _of_kinds(name, right, yours)) is not None:
        return said
    if isinstance(right, (list, tuple, dict)):
        return _of_entries(name, right, yours)
    same = abs(right - yours) <= 1e-9 * max(1, abs(right)) if _is_fraction(right) else right == yours  # type: ignore[operator, arg-type]
    return None if same else _should_be(name, right, yours)


def _should_be(name: str, right: object, yours: object) -> str:
    return f"{name} should be {written(right)}, and yours is {written(yours)}."


def _is_fraction(value: object) -> bool:
    return isinstance(value, float)


def _of_kinds(name: str, right: object, yours: object) -> str | None:
    if isinstance(right, Real) and not isinstance(right, bool):
        fine = isinstance(yours, Integral if isinstance(right, Integral) else Real) and not isinstance(yours, bool)
        kind = "a whole number" if isinstance(right, Integral) else "a number"
    else:
        fine = isinstance(yours, type(right))
        kind = _KINDS.get(type(right), f"of type {type(right).__name__}")
    if fine:
        return None
    if callable(yours):
        return f"{name} is a function, {getattr(yours, '__name__', 'which')}, not its result."
    return f"{name} should be {kind}, and yours is of type {type(yours).__name__}."


def _of_entries(name: str, right: Any, yours: Any) -> str | None:  # noqa: ANN401
    for key, wanted, came in _together(right, yours):
        place = f"{name}[{key!r}]"
        said = difference(place, wanted, came)
        if said is None:
            continue
        both_short = max(len(repr(wanted)), len(repr(came))) <= SHORT
        return _should_be(place, wanted, came) if both_short else said
    if len(right) == len(yours):
        return None
    entries = "1 entry" if len(right) == 1 else f"{len(right)} entries"
    return f"{name} should have {entries}, and yours has {len(yours)}."


def _together(right: Any, yours: Any) -> Iterator[tuple[Any, Any, Any]]:  # noqa: ANN401
    if isinstance(right, dict):
        return ((key, right[key], yours[key]) for key in right if key in yours)
    return ((i, *both) for i, both in enumerate(zip(right, yours, strict=False)))
