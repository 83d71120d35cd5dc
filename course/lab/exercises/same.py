"""Compares functions and classes by what they are made of: a copy must run the same code on the same values."""

import __future__

import bisect
import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from course.lab.exercises.source import own_functions

_FUTURE_ANNOTATIONS = __future__.annotations.compiler_flag
_SILENT = ("CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL")
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def global_names(code: CodeType) -> set[str]:
    """Return the global names that a function and the functions inside it may use."""
    loads = (each for part in codes_in(code) for each in dis.get_instructions(part) if each.opname in _LOADS)
    return {each.argval for each in loads}  # of attributes, self.dropout, there may be a namesake outside


def closure_of(function: FunctionType) -> dict[str, Any]:
    """Return what a function uses of the function around it, by name, without its own class."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    found.pop("__class__", None)  # what super() without arguments needs, and finds again
    return found


def same_code(a: CodeType, b: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    if (a.co_flags ^ b.co_flags) & _FUTURE_ANNOTATIONS:  # functions inside make their annotations in another way
        return a.co_name == b.co_name and a.co_varnames == b.co_varnames
    names = ("co_name", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_varnames")
    if (a.co_flags ^ b.co_flags) & ~inspect.CO_NESTED:  # that it stands in a function of its own changes nothing
        return False
    if any(getattr(a, name) != getattr(b, name) for name in (*names, "co_freevars", "co_cellvars")):
        return False
    if a.co_code == b.co_code and a.co_names == b.co_names and a.co_exceptiontable == b.co_exceptiontable:
        return len(a.co_consts) == len(b.co_consts) and all(map(_same_constant, a.co_consts, b.co_consts))
    one, other = _steps(a), _steps(b)
    return len(one) == len(other) and all(
        x[0] == y[0] and _same_constant(x[1], y[1]) for x, y in zip(one, other, strict=True)
    )


def _steps(code: CodeType) -> list[tuple[str, object]]:
    """Instructions in a form that does not depend on what stands around a function.

    Python 3.11 and 3.12 compile ``np.exp(x)`` in one way where the same text imports ``np`` and in another where it
    does not, as in a cell below: a call of an attribute, or of a method. Both do the same.
    """
    found = [each for each in dis.get_instructions(code) if each.opname not in _SILENT]
    offsets = [each.offset for each in found]

    def index(offset: int) -> int:
        return bisect.bisect_left(offsets, offset)

    jumps = {*dis.hasjrel, *dis.hasjabs}
    steps: list[tuple[str, object]] = [
        (
            "LOAD_ATTR" if each.opname == "LOAD_METHOD" else each.opname,
            index(each.argval) if each.opcode in jumps else each.argval,
        )
        for each in found
    ]
    entries = getattr(dis.Bytecode(code), "exception_entries", ())
    return steps + [("except", tuple(map(index, (each.start, each.end, each.target)))) for each in entries]


def _same_constant(a: object, b: object) -> bool:
    if isinstance(a, CodeType) and isinstance(b, CodeType):
        return same_code(a, b)
    if isinstance(a, str) and isinstance(b, str) and "<locals>" in a:
        return True  # the qualified name of a function inside, where 3.11 and its successors differ
    if isinstance(a, frozenset) and isinstance(b, frozenset):
        return a == b
    return type(a) is type(b) and repr(a) == repr(b)  # 0.0 is not -0.0, and 1 is not True


def difference(one: object, other: object) -> str | None:
    """Say in which part a copy differs from what was copied, in a few words; None where no part does.

    Functions are compared with the values that they find outside of them. Of objects of other libraries only the type
    is.
    """
    return _Comparison().find(getattr(one, "__name__", "it"), one, other)


class _Comparison:
    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def find(self, name: str, a: object, b: object) -> str | None:
        if a is b or (id(a), id(b)) in self._seen or isinstance(a, ModuleType):
            return None
        self._seen.add((id(a), id(b)))
        if isinstance(a, FunctionType) and isinstance(b, FunctionType):
            return self._functions(name, a, b)
        if type(a).__qualname__ != type(b).__qualname__:
            return name
        if isinstance(a, type) and isinstance(b, type):
            return self._all(name, _parts(a), _parts(b))
        if hasattr(a, "__wrapped__") and hasattr(b, "__wrapped__"):
            return self.find(name, a.__wrapped__, b.__wrapped__)
        return self._values(name, a, b)

    def _functions(self, name: str, a: FunctionType, b: FunctionType) -> str | None:
        if not same_code(a.__code__, b.__code__):
            return name
        found = self._all(name, _defaults(a), _defaults(b))
        return found or self._all(name, _outside(a), _outside(b))

    def _all(self, name: str, a: dict[str, Any], b: dict[str, Any]) -> str | None:
        if missing := a.keys() - b.keys():
            return min(missing)
        return next((said for key in a if (said := self.find(key, a[key], b[key]))), None)

    def _values(self, name: str, a: Any, b: Any) -> str | None:  # noqa: ANN401
        if isinstance(a, np.ndarray):
            same = a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
            return None if same else name
        if isinstance(a, (int, float, complex, str, bytes, np.generic, np.dtype, range, slice)):
            return None if repr(a) == repr(b) else name
        if isinstance(a, (tuple, list)):
            return self._all(name, *({f"{name}[{i}]": part for i, part in enumerate(each)} for each in (a, b)))
        if isinstance(a, dict):
            named = ({f"{name}[{key!r}]": part for key, part in each.items()} for each in (a, b))
            return self._all(name, *named)
        if isinstance(a, (set, frozenset)):
            return None if sorted(map(repr, a)) == sorted(map(repr, b)) else name
        if isinstance(a, functools.partial):
            return self._all(name, *({"f": each.func, "a": each.args, "k": each.keywords} for each in (a, b)))
        if type(a).__name__ == "Tensor" and type(a).__module__ == "torch":
            return None if a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all()) else name
        return None


def _defaults(function: FunctionType) -> dict[str, Any]:
    """Default values, by the name of their argument."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = function.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(given) :], given, strict=True)), **(function.__kwdefaults__ or {})}


def _outside(function: FunctionType) -> dict[str, Any]:
    """What a function finds outside of itself, in its notebook and in the functions around it, by name."""
    known = {
        name: function.__globals__[name] for name in global_names(function.__code__) if name in function.__globals__
    }
    return known | closure_of(function)


def _parts(cls: type) -> dict[str, Any]:
    """Functions and values of a class, by name; those that Python itself adds are left out."""
    functions = {f"{cls.__name__}.{each.__name__}": each for each in own_functions(cls)}
    plain = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset, np.ndarray, np.generic)
    values = {name: value for name, value in vars(cls).items() if name[:2] != "__" and isinstance(value, plain)}
    return functions | values
