"""Slips with torch modules that no output tells apart: what a class keeps, hands back, or raises. For `recognize`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Recognize = Callable[[Any], bool]


def _made(cls: Any, sizes: tuple[int, ...]) -> tuple[nn.Module | None, Exception | None]:  # noqa: ANN401
    try:
        return cls(*sizes).double(), None
    except Exception as error:  # a learner's class may raise anything
        return None, error


def without_super(*sizes: int) -> Recognize:
    """Whether a class assigns to self before torch has laid out its lists."""

    def recognize(cls: Any) -> bool:  # noqa: ANN401
        error = _made(cls, sizes)[1]
        return isinstance(error, AttributeError) and "Module.__init__() call" in str(error)

    return recognize


def in_a_plain_container(*sizes: int) -> Recognize:
    """Whether a class without any parameter keeps its modules in a list, tuple or dict of Python."""
    return lambda cls: _owns_nothing(cls, sizes) and _contains_modules(_made(cls, sizes)[0])


def keeps_nothing(*sizes: int) -> Recognize:
    """Whether a class without any parameter keeps no module anywhere."""
    return lambda cls: _owns_nothing(cls, sizes) and not _contains_modules(_made(cls, sizes)[0])


def _owns_nothing(cls: Any, sizes: tuple[int, ...]) -> bool:  # noqa: ANN401
    module = _made(cls, sizes)[0]
    return isinstance(module, nn.Module) and not list(module.parameters())


def _contains_modules(module: Any) -> bool:  # noqa: ANN401
    kept = [each for name, each in vars(module).items() if not name.startswith("_")]
    several = [list(each.values()) if isinstance(each, dict) else each for each in kept]
    return any(isinstance(each, (list, tuple)) and any(isinstance(one, nn.Module) for one in each) for each in several)


def called(cls: Any, sizes: tuple[int, ...], *shapes: tuple[int, ...]) -> Any:  # noqa: ANN401
    """Return what a class gives for some words, or the exception that it raises."""
    module, error = _made(cls, sizes)
    if module is None:
        return error
    try:
        return module(*(torch.ones(shape, dtype=torch.float64) for shape in shapes))
    except Exception as raised:  # a learner's class may raise anything
        return raised


def returns_nothing(sizes: tuple[int, ...], *shapes: tuple[int, ...]) -> Recognize:
    """Whether forward comes to its end without a result."""
    return lambda cls: called(cls, sizes, *shapes) is None


def raises(words: tuple[str, ...], sizes: tuple[int, ...], *shapes: tuple[int, ...]) -> Recognize:
    """Whether forward raises an exception that says one of the words."""

    def recognize(cls: Any) -> bool:  # noqa: ANN401
        answer = called(cls, sizes, *shapes)
        return isinstance(answer, Exception) and any(each in str(answer) for each in words)

    return recognize


def leaves_torch(gradients_of: Callable[[Any], Any]) -> Recognize:
    """Whether a function hands a tensor that wants a gradient to numpy."""

    def recognize(function: Any) -> bool:  # noqa: ANN401
        try:
            gradients_of(function)
        except Exception as error:  # a learner's function may raise anything
            return TO_NUMPY in str(error)
        return False

    return recognize


TO_NUMPY = "Can't call numpy() on Tensor"
TWO_THINGS = ("'tuple' object has no attribute", "not tuple")


def nothing(module: Any, *given: Tensor) -> None:  # noqa: ANN401
    """A forward whose return is forgotten."""
