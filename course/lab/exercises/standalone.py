"""Makes source stand alone: a function or a class with the imports, helpers and constants of its notebook.

What is written down is what runs: each source is compiled and compared with the code that the learner's function has,
for a file may have changed since it was imported, and a cell since it was run.
"""

import __future__

import builtins
import inspect
import keyword
import sys
import types
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from course.errors import CourseError
from course.lab.exercises.importable import is_everywhere, place_of
from course.lab.exercises.same import closure_of, codes_in, same_code
from course.lab.exercises.source import indented, is_decorated, own_functions, sources_of
from course.lab.exercises.used import Used, used_in
from course.lab.exercises.written import NotWritableError, written

_FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_ANNOTATIONS = "from __future__ import annotations"
_CONSTANTS = (str, int, float, complex, bytes, tuple, list, dict, set, frozenset)
_MAGIC = "get_ipython"
_OF_IPYTHON = {"display": "from IPython.display import display"}  # what a notebook finds without importing it


def standalone(thing: object, name: str) -> str:
    """Return source that gives ``thing`` the name ``name``, without the notebook around it.

    Raises:
        CourseError: if it cannot stand alone, with the reason and what to do.
    """
    file = _File(thing)
    file.define(name, thing)
    head = [_ANNOTATIONS] if file.future else []
    return "\n".join([*head, *sorted(file.imports), "", "\n\n".join(file.definitions)])


class _File:
    """What is written so far: imports, definitions in their order, and which name stands for which value."""

    def __init__(self, piece: object) -> None:
        self.imports = {"import numpy as np"}
        self.definitions: list[str] = []
        self.future = False
        self._piece = piece
        self._names: dict[str, Any] = {"np": np}
        self._copied: set[str] = set()  # of modules beside the notebook
        self._around: dict[str, Any] = {}  # the notebook's names, while something of it is written

    def define(self, name: str, value: Any) -> None:  # noqa: ANN401
        """Make ``name`` stand for a value. The same value twice is written once, and the same name twice is refused."""
        if name in self._names:
            if self._names[name] is not value and not _equal(self._names[name], value):
                raise CourseError(f"two different things that it uses are called {name}. Could one be renamed?")
            return
        self._names[name] = value
        if name == _MAGIC:
            raise CourseError("one of its lines begins with % or !, and only a notebook knows those. Can it go?")
        if isinstance(value, ModuleType):
            self._module(name, value)
        elif isinstance(value, _CONSTANTS) or not self._imported(name, value):
            self._definition(name, value)

    def _imported(self, name: str, value: object) -> bool:
        place = place_of(value, name)
        if place is not None:
            module, own = place
            self.imports.add(f"from {module} import {own}" + ("" if own == name else f" as {name}"))
            self._names[name] = value
        return place is not None

    def _module(self, name: str, module: ModuleType) -> None:
        own = module.__name__
        if is_everywhere(module):
            self.imports.add(f"import {own}" if own == name else f"import {own} as {name}")
            self._names[name] = module
        else:  # a file beside the notebook: what is used of it is copied
            self.definitions.append(f"{name} = {self._refer(types)}.SimpleNamespace()")

    def _definition(self, name: str, value: Any) -> None:  # noqa: ANN401
        if isinstance(value, MethodType) and isinstance(value.__self__, type):
            self.definitions.append(f"{name} = {self._refer(value.__self__)}.{value.__name__}")
            return
        found = _origin(value)
        if found is None:
            self._constant(name, value)
        else:
            before, self._around = self._around, _around(found[0], self._around)
            self._code(name, value, *found)
            self._around = before

    def _constant(self, name: str, value: Any) -> None:  # noqa: ANN401
        try:
            self.definitions.append(f"{name} = {self._written(value)}")
        except NotWritableError as error:
            if value is self._piece:
                said = f"only a function made with def or a class can be, and this is {error}."
            else:
                said = f"it uses {name}, {error}, from outside. Could {name} be made inside the function?"
            raise CourseError(said) from error

    def _written(self, value: Any) -> str:  # noqa: ANN401
        def refer(part: Any) -> str:  # noqa: ANN401
            if part is value and not isinstance(part, (FunctionType, type, ModuleType)):
                raise NotWritableError(f"of type {type(part).__name__}")
            return self._refer(part)

        return written(value, refer)

    def _refer(self, value: Any) -> str:  # noqa: ANN401
        """Return a name that stands for a value, which is defined if it is not yet."""
        for name, known in self._names.items():
            if known is value:
                return name
        name = self._free(getattr(value, "__name__", "").rpartition(".")[2], value)
        self.define(name, value)
        return name

    def _free(self, wanted: str, value: object) -> str:
        base = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else "made"
        return next(name for name in (base, *(f"{base}_{i}" for i in range(2, 1000))) if self._is_free(name, value))

    def _is_free(self, name: str, value: object) -> bool:
        return name not in self._names and self._around.get(name, value) is value and not hasattr(builtins, name)

    def _code(self, name: str, value: Any, inner: FunctionType | type, source: str) -> None:  # noqa: ANN401
        """Write the source of a function or a class after what it needs. inner: what the source defines, undecorated.

        In a function of its own, where it uses something of the function around it or where its name is another's.
        """
        own = _called(inner)
        closure = {} if inner is not value else _closure(inner)
        if own == "<lambda>":
            own, source = name, f"{name} = ({source})\n" if "\n" in source else f"{name} = {source}\n"
        apart = bool(closure) or own != name and not self._may_be_called(own, value)
        if not apart:
            self._names[own] = value
        known = {*closure, own} if self._around.get(own, value) is value else {*closure}
        self._need(used_in(source, _codes(inner)), known)
        if apart:
            source = self._apart(name, own, source, closure)
        elif own != name:
            source = f"{source}\n{name} = {own}\n"
        self.definitions.append(source)
        if inner is value and isinstance(value, FunctionType):
            for key, part in vars(value).items():
                if key[:2] != "__":  # such as the count of its calls
                    self.definitions.append(f"{name}.{key} = {self._argument(f'{name}.{key}', part)}")

    def _apart(self, name: str, own: str, source: str, closure: Mapping[str, object]) -> str:
        given = ", ".join(self._argument(key, each) for key, each in closure.items())
        made = self._free(f"make_{own}", None)
        self._names[made] = None
        body = indented(source).rstrip()
        return f"def {made}({', '.join(closure)}):\n{body}\n    return {own}\n\n\n{name} = {made}({given})\n"

    def _may_be_called(self, own: str, value: object) -> bool:
        """Whether a name that is written besides is nobody else's."""
        return self._names.get(own, value) is value and self._around.get(own, value) is value

    def _argument(self, name: str, value: Any) -> str:  # noqa: ANN401
        try:
            return self._written(value)
        except NotWritableError as error:
            raise CourseError(f"it uses {name}, {error}, from around it. Could that be an argument?") from error

    def _need(self, used: Used, known: set[str]) -> None:
        for name in sorted(used.names - known):
            if name in self._around:
                self.define(name, self._around[name])
                self._copy(name, self._around[name], used)
            elif name == _MAGIC:
                self.define(name, None)
            elif name in _OF_IPYTHON:
                self.imports.add(_OF_IPYTHON[name])
        for name in sorted(used.annotations - used.names - known - self._names.keys()):
            self._annotation(name)

    def _copy(self, name: str, value: object, used: Used) -> None:
        """Copy what is used of a module that stands beside the notebook."""
        if not isinstance(value, ModuleType) or is_everywhere(value):
            return
        if name in used.whole:
            raise CourseError(f"it uses {name}, a file of yours, as a whole. Could you import from it what it needs?")
        for attribute in sorted(used.attributes.get(name, ())):
            if f"{name}.{attribute}" not in self._copied and hasattr(value, attribute):
                self._copied.add(f"{name}.{attribute}")
                part = getattr(value, attribute)
                self.definitions.append(f"{name}.{attribute} = {self._argument(f'{name}.{attribute}', part)}")

    def _annotation(self, name: str) -> None:
        """Import what only annotations name, where that can be; else none of them is looked at."""
        if name not in self._around and hasattr(builtins, name):
            return
        value = self._around.get(name)
        if isinstance(value, ModuleType) and is_everywhere(value):
            self._module(name, value)
        elif value is None or isinstance(value, _CONSTANTS) or not self._imported(name, value):
            self.future = True


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and isinstance(one, (str, int, float)) and repr(one) == repr(other)


def _own(thing: FunctionType | type) -> list[FunctionType]:
    """A function itself, or those that the source of a class defines: not those that a dataclass or decorators make."""
    if isinstance(thing, FunctionType):
        return [thing]
    found = [inner for each in own_functions(thing) for inner in (each, *_inside(each, set()))]
    return [
        each
        for each in found
        if each.__code__.co_qualname.startswith(f"{thing.__qualname__}.")
        and not each.__code__.co_filename.startswith("<string")
    ]


def _codes(thing: FunctionType | type) -> list[CodeType]:
    return [each.__code__ for each in _own(thing)]


def _closure(thing: FunctionType | type) -> dict[str, Any]:
    """What it uses of the function around it, by name, but for itself."""
    return {
        name: value
        for function in _own(thing)
        for name, value in closure_of(function).items()
        if not (value is thing and name == _called(thing))
    }


def _around(thing: FunctionType | type, now: dict[str, Any]) -> dict[str, Any]:
    """The names of the notebook or file in which something was defined. now: those of what uses it."""
    if own := _own(thing):
        return own[0].__globals__
    module = sys.modules.get(thing.__module__)
    return now if now.get("__name__") == thing.__module__ or module is None else vars(module)


def _origin(value: Any) -> tuple[FunctionType | type, str] | None:  # noqa: ANN401
    """Return what was defined, and its source; for something with decorators, what stands below them, and all of it."""
    for inner in _inside(value, set()):
        below = inner.__globals__.get(_called(inner)) is value or inspect.unwrap(value) is inner
        if below and place_of(inner, inner.__name__) is None and is_decorated(source := _source(inner, decorated=True)):
            return inner, source
    return (value, _source(value)) if isinstance(value, (FunctionType, type)) else None


def _called(thing: FunctionType | type) -> str:
    """The name that the source gives it: a decorator may have given it another."""
    return thing.__name__ if isinstance(thing, type) else thing.__code__.co_name


def _inside(value: Any, seen: set[int]) -> Iterator[FunctionType]:  # noqa: ANN401
    """Yield the functions that something was wrapped around."""
    around = closure_of(value).values() if isinstance(value, FunctionType) else ()
    for each in (getattr(value, "__wrapped__", None), *around):
        if id(each) not in seen and not isinstance(each, type):
            seen.add(id(each))
            if isinstance(each, FunctionType):
                yield each
            if callable(each):
                yield from _inside(each, seen)


def _source(thing: FunctionType | type, decorated: bool = False) -> str:
    """Return the source of what runs; where several texts fit, one with decorators, or one without.

    Raises:
        CourseError: if nobody knows it.
    """
    changed, found = False, ""
    for text, exact in sources_of(thing):
        source = text.removeprefix("@staticmethod\n")
        if not _runs(thing, source):
            changed = changed or exact
        elif exact or is_decorated(source) == decorated or isinstance(thing, type):
            return source
        else:
            found = found or source
    name = "its lambda" if _called(thing) == "<lambda>" else thing.__name__
    if found:
        return found
    if changed:
        raise CourseError(f"the source of {name} has changed since it ran. Could you run it, or import it, again?")
    raise CourseError(f"the source of {name} cannot be found. Could you run it in a plain cell?")


def _runs(thing: FunctionType | type, source: str) -> bool:
    """Whether source compiles to the very code that a function, or the methods of a class, have."""
    codes, outer = _codes(thing), _closure(thing)
    flags = 0
    for code in codes:
        flags |= code.co_flags & _FUTURES
    text = f"_ = ({source}\n)" if _called(thing) == "<lambda>" else source
    try:
        text = f"def _({', '.join(outer)}):\n{indented(text)}" if outer else text
        found = list(codes_in(compile(text, "<source>", "exec", flags, dont_inherit=True)))
    except (SyntaxError, ValueError):
        return False
    return all(any(same_code(code, each) for each in found) for code in codes)
