"""The source of what a learner wrote, functions and classes alike.

Python finds the source of a class through the file of its module, and what a notebook or a workbook's piece defines has
none. Its methods know the cell that they come from, so the class is looked up there.
"""

import ast
import inspect
import linecache
import textwrap
from types import FunctionType


def source_of(thing: object) -> str:
    """Return the source of a function or a class, without the indentation around it.

    Raises:
        OSError: if nobody knows it.
        TypeError: if a thing of this kind has none.
    """
    if not isinstance(thing, type):
        return textwrap.dedent(inspect.getsource(thing))  # type: ignore[arg-type]
    methods = own_functions(thing)
    if not methods:
        return textwrap.dedent(inspect.getsource(thing))
    code = methods[0].__code__
    lines = linecache.getlines(code.co_filename)
    for node in ast.walk(ast.parse("".join(lines))) if lines else ():
        if _is_class(node, thing.__name__) and node.lineno <= code.co_firstlineno <= node.end_lineno:  # type: ignore[attr-defined]
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])  # type: ignore[attr-defined]
            return textwrap.dedent("".join(lines[first - 1 : node.end_lineno]))  # type: ignore[attr-defined]
    raise OSError(f"the source of {thing.__name__} cannot be found")


def own_functions(thing: type) -> list[FunctionType]:
    """Return the functions that a class itself defines, in their order."""
    return [each for each in vars(thing).values() if isinstance(each, FunctionType)]


def _is_class(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == name
