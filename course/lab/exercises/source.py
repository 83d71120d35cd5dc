"""The source of what a learner wrote, functions and classes alike.

Python finds source by counting lines in a file, and fails where that is none: for the classes of a notebook, in a
``%%time`` cell, behind a comment at the margin. Here the text is parsed, and the statement is looked up in it.
"""

import ast
import inspect
import linecache
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from types import FunctionType, MethodType

from course.lab.exercises.cells import newest_texts

Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def source_of(thing: object) -> str:
    """Return the source of a function or a class, without the indentation around it.

    Raises:
        OSError: if nobody knows it.
        TypeError: if a thing of this kind has none.
    """
    thing = thing if isinstance(thing, type) else inspect.unwrap(thing)  # type: ignore[arg-type]
    for source, exact in sources_of(thing):
        if exact or isinstance(thing, type) and not own_functions(thing):
            return source
    if not isinstance(thing, (type, FunctionType)):
        raise TypeError(f"a thing of type {type(thing).__name__} has no source")
    raise OSError(f"the source of {thing.__name__} cannot be found")


def sources_of(thing: object) -> Iterator[tuple[str, bool]]:
    """Yield texts that may be the source of a function or a class, the likeliest first, and whether its file has it.

    The file may have changed since it was imported, and two cells may define the same name: the caller compares.
    """
    if isinstance(thing, FunctionType):
        code = thing.__code__
        text = _text(code.co_filename, thing.__globals__)
        for source in _at(text, code.co_name, code.co_firstlineno):
            yield source, True
        for source in _anywhere([text], code.co_name):
            yield source, True  # IPython's autoreload counts the lines of each function from 1
        for source in _anywhere(_others(code.co_name), code.co_name):
            yield source, False
    elif isinstance(thing, type):
        for function in own_functions(thing):
            code = function.__code__
            text = _text(code.co_filename, function.__globals__)
            for source in _at(text, thing.__name__, code.co_firstlineno, True):
                yield source, True
        file = getattr(sys.modules.get(thing.__module__), "__file__", None)
        for source in _anywhere([_text(file, {}) if file else "", *_others(thing.__name__)], thing.__name__, True):
            yield source, False


def own_functions(thing: type) -> list[FunctionType]:
    """Return the functions that a class itself defines, in their order, without what decorators put around them."""
    found: list[FunctionType] = []
    for value in vars(thing).values():
        for each in _functions_in(value):
            inner = inspect.unwrap(each)
            if isinstance(inner, FunctionType):
                found.append(inner)
    return found


def _functions_in(value: object) -> Iterable[FunctionType]:
    if isinstance(value, property):
        parts: tuple[object, ...] = (value.fget, value.fset, value.fdel)
    elif isinstance(value, (staticmethod, classmethod)):
        parts = (value.__func__,)
    else:
        parts = (value.func if isinstance(value, cached_property) else value,)
    return [each for each in parts if isinstance(each, FunctionType)]


def functions_of(piece: object) -> list[FunctionType]:
    """Return what a kept piece runs: the methods of a class, or a function without what was put around it."""
    if isinstance(piece, type):
        return own_functions(piece)
    while isinstance(piece, partial):
        piece = piece.func
    inner = inspect.unwrap(piece.__func__ if isinstance(piece, MethodType) else piece)  # type: ignore[arg-type]
    return [inner] if isinstance(inner, FunctionType) else []


def is_decorated(source: str) -> bool:
    """Whether a function's source begins with a decorator."""
    return source.startswith("@")


def indented(source: str) -> str:
    """Return source in a block of its own: each line four blanks to the right, but not what stands inside a string."""
    inside = _in_strings(ast.parse(source))
    lines = source.split("\n")
    return "\n".join(line if i in inside or not line else f"    {line}" for i, line in enumerate(lines, 1))


def _text(filename: str, around: dict[str, object]) -> str:
    linecache.checkcache(filename)
    return "".join(linecache.getlines(filename, around))


def _others(name: str) -> Iterator[str]:
    return (text for text in newest_texts() if name == "<lambda>" or name in text)


def _at(text: str, name: str, line: int, inside: bool = False) -> Iterator[str]:
    """Yield the statement of that name which begins on a line, or, with ``inside``, around it."""
    for node in _nodes(text, name, inside):
        if _first(node) == line or inside and node.lineno <= line <= (node.end_lineno or 0):
            yield _cut(text, node)


def _anywhere(texts: Iterable[str], name: str, a_class: bool = False) -> Iterator[str]:
    for text in texts:
        for node in reversed(_nodes(text, name, a_class)):
            yield _cut(text, node)


def _nodes(text: str, name: str, a_class: bool) -> list[Node]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # a cell with magics, or no Python at all
        return []
    kinds = ast.ClassDef if a_class else (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return [
        node for node in ast.walk(tree) if isinstance(node, kinds) and getattr(node, "name", "<lambda>") == name
    ]  # fmt: skip


def _first(node: Node) -> int:
    """The line on which a statement begins, with its decorators."""
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])


def _cut(text: str, node: Node) -> str:
    """Return the lines of a statement moved to the margin. Strings and comments that stand further left keep theirs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment(text, node) or ""
    lines = text.split("\n")
    margin = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    inside = _in_strings(node)
    first, last = _first(node), node.end_lineno or node.lineno
    return "".join(f"{lines[i - 1] if i in inside else _moved(lines[i - 1], margin)}\n" for i in range(first, last + 1))


def _moved(line: str, margin: str) -> str:
    common = next((i for i, (a, b) in enumerate(zip(line, margin, strict=False)) if a != b), len(margin))
    return line[common:]


def _in_strings(tree: ast.AST) -> set[int]:
    """The lines that begin inside a string: their blanks are part of it."""
    strings = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) or isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )
    return {i for node in strings for i in range(node.lineno + 1, (node.end_lineno or 0) + 1)}
