"""Tells a function that nobody has filled in from one that was filled in and hands nothing back."""

import ast
import inspect
from types import CodeType

from course.lab.exercises.exercise import Function
from course.lab.exercises.source import own_functions, source_of

_STUB = "NotImplementedError"


def is_empty(function: Function) -> bool:
    """Whether a body does nothing: a docstring, pass, ..., a return of nothing or the stub that lessons hand out.

    Read in the source, since a compiler drops what stands below a ``raise``; where there is none (for a lambda, say),
    a body counts as empty if it uses no names. Of functions written in C nothing is known: they are not empty.
    A class is empty if each of its methods is, where a constructor may call that of its parent.
    """
    if isinstance(function, type):
        return all(map(is_empty, own_functions(function)))
    body = _body(function)
    if body is not None:
        return all(map(_does_nothing, body))
    code = _code(function)
    return code is not None and not set(code.co_names) - {_STUB}


def raised_by_stub(function: Function, error: BaseException) -> bool:
    """Whether the function itself, and none that it called, raised a NotImplementedError."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    own = [_code(each) for each in (own_functions(function) if isinstance(function, type) else [function])]
    return isinstance(error, NotImplementedError) and at is not None and at.tb_frame.f_code in own


def _code(function: Function) -> CodeType | None:
    inner = inspect.unwrap(function)
    return getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)


def _body(function: Function) -> list[ast.stmt] | None:
    inner = inspect.unwrap(function)
    try:
        node = ast.parse(source_of(inner)).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # no source, or a piece of an expression
        return None
    return node.body if isinstance(node, ast.FunctionDef) and node.name == inner.__name__ else None


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Return(value):
            return value is None or _is_nothing(value)
        case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"))):
            return True
        case ast.Raise(ast.Name(id=name)) | ast.Raise(ast.Call(func=ast.Name(id=name))):
            return name == _STUB
    return False


def _is_nothing(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return all(map(_is_nothing, value.elts))
    return isinstance(value, ast.Constant) and value.value in (None, ...)
