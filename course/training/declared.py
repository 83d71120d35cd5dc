"""Values that were read from a file, held against the types that a dataclass declares for them."""

import dataclasses
import math
import types
import typing
from typing import Any, Literal

from course.errors import shortened

LARGEST = 2**62  # of a whole number: torch counts in 64 bits


def first_misfit(kind: type, values: dict[str, Any]) -> str:
    """Say which value the dataclass `kind` does not take, and why; "" where all are right. Absent fields are right.

    A number must be finite, and a whole number is no true or false.
    """
    hints = typing.get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    for name, value in values.items():
        if name not in known:
            return f"there is no {name!r}"
        if not fits(value, hints[name]):
            return f"{name} is {shortened(value)}"
    return ""


def fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    """Whether a JSON value is of a type: bool, int, float, str, a Literal of strings, or one of these or None."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(fits(value, choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    if hint in (int, float) and isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= LARGEST
    if hint is float:
        return isinstance(value, float) and math.isfinite(value)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def is_count(value: object) -> bool:
    """Whether a JSON value is a whole number of at least 0."""
    return fits(value, int) and isinstance(value, int) and value >= 0
