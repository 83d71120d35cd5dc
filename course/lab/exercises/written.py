"""Writes values as Python expressions that make them anew: the constants of a notebook that an answer uses."""

import collections
import dataclasses
import enum
import functools
import math
import re
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

MOST = 1000  # numbers or entries of a value: more would make the file unreadable
_CONTAINERS = (tuple, list, set, frozenset, dict)


class NotWritableError(Exception):
    """Raised where a value has no expression. str: which, as a phrase ("of type Generator")."""


def written(value: Any, refer: Callable[[Any], str]) -> str:  # noqa: ANN401
    """Return an expression that makes a value anew.

    Args:
        value: a number, a word, an array or tensor of up to `MOST` numbers, a container of such, a member of an Enum,
            an object of a dataclass or a named tuple, or ``functools.partial``.
        refer: takes a module, a class or a function, and returns a name for it.

    Raises:
        NotWritableError: if it is none of these.
    """
    if isinstance(value, (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, np.ufunc)):
        return refer(value)
    if isinstance(value, enum.Enum):
        return f"{refer(type(value))}.{value.name}"
    if (found := _plain(value)) is not None:
        return found
    if type(value) in _CONTAINERS:
        return _container(value, lambda each: written(each, refer))
    if isinstance(value, (np.ndarray, np.generic, np.dtype, np.finfo, np.iinfo)):
        return _numpy(value, refer)
    if type(value).__module__ == "torch":
        return _torch(value, refer)
    if isinstance(value, functools.partial):
        return _call(refer(functools) + ".partial", (value.func, *value.args), value.keywords, refer)
    if isinstance(value, re.Pattern):
        return f"{refer(re)}.compile({value.pattern!r}, {value.flags})"
    return _record(value, refer)


def _plain(value: object) -> str | None:
    if value is None or value is ... or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if type(value) is complex:
        return f"complex({_plain(value.real)}, {_plain(value.imag)})"
    if type(value) is range:
        return repr(value)
    if type(value) is slice:
        return f"slice({', '.join(str(_plain(each)) for each in (value.start, value.stop, value.step))})"
    return None


def _container(value: Any, each: Callable[[Any], str]) -> str:  # noqa: ANN401
    if len(value) > MOST:
        raise NotWritableError(f"a {type(value).__name__} of {len(value):,}")
    try:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{each(key)}: {each(part)}" for key, part in value.items()) + "}"
        inside = ", ".join(map(each, value))
    except RecursionError:
        raise NotWritableError(f"a {type(value).__name__} that holds itself") from None
    if isinstance(value, tuple):
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{inside}]"
    opening = "frozenset(" if isinstance(value, frozenset) else "set("
    return f"{opening}[{inside}])"


def _numpy(value: Any, refer: Callable[[Any], str]) -> str:  # noqa: ANN401
    np_ = refer(np)
    if isinstance(value, np.dtype) and value.kind in "biufcU":
        return f"{np_}.dtype({value.str!r})"
    if isinstance(value, (np.finfo, np.iinfo)):
        return f"{np_}.{type(value).__name__}({np.dtype(value.dtype).name!r})"
    if type(value) is np.ndarray and value.dtype.kind in "biufcU":
        return f"{np_}.array({_numbers(value)}, dtype={value.dtype.str!r}){_shape(value)}"
    if isinstance(value, np.generic) and (item := _plain(value.item())) is not None and value.dtype.kind in "biufcU":
        return f"{np_}.{type(value).__name__}({item})"
    raise NotWritableError(f"of type {type(value).__name__}")


def _torch(value: Any, refer: Callable[[Any], str]) -> str:  # noqa: ANN401
    import torch

    torch_ = refer(torch)
    if isinstance(value, torch.dtype):
        return f"{torch_}.{str(value).removeprefix('torch.')}"
    if isinstance(value, torch.device):
        return f"{torch_}.device({str(value)!r})"
    usual = type(value) is torch.Tensor and not value.requires_grad and value.layout == torch.strided
    if usual and value.device.type == "cpu" and not value.is_quantized:
        return f"{torch_}.tensor({_numbers(value)}, dtype={torch_}.{str(value.dtype)[6:]}){_shape(value)}"
    raise NotWritableError(f"of type {type(value).__name__}")


def _numbers(value: Any) -> str:  # noqa: ANN401
    count = math.prod(value.shape)
    if count > MOST:
        kind = "an array" if isinstance(value, np.ndarray) else "a tensor"
        raise NotWritableError(f"{kind} of {count:,} numbers")
    return _container(value.reshape(-1).tolist(), lambda each: str(_plain(each)))


def _shape(value: Any) -> str:  # noqa: ANN401
    return "" if len(value.shape) == 1 else f".reshape({tuple(value.shape)})"


def _record(value: Any, refer: Callable[[Any], str]) -> str:  # noqa: ANN401
    """An object of a dataclass, a named tuple or a namespace, by its fields."""
    cls = type(value)
    if cls in (collections.Counter, collections.OrderedDict):
        return f"{refer(cls)}({written(dict(value), refer)})"
    if isinstance(value, typing.TypeVar):
        return f"{refer(typing)}.TypeVar({value.__name__!r})"
    if isinstance(value, tuple) and hasattr(cls, "_fields"):
        return _call(refer(cls), tuple(value), {}, refer)
    if isinstance(value, types.SimpleNamespace):
        return _call(refer(types) + ".SimpleNamespace", (), vars(value), refer)
    if dataclasses.is_dataclass(value) and all(each.init for each in dataclasses.fields(value)):
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return _call(refer(cls), (), fields, refer)
    raise NotWritableError(f"of type {cls.__name__}")


def _call(name: str, values: tuple[Any, ...], named: dict[str, Any], refer: Callable[[Any], str]) -> str:
    given = [written(each, refer) for each in values]
    return f"{name}({', '.join([*given, *(f'{key}={written(part, refer)}' for key, part in named.items())])})"
