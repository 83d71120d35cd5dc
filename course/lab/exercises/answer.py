"""The source of an answer as a learner can paste it: without annotations, whose names no notebook has."""

import ast
import sys
from collections.abc import Iterable
from types import ModuleType

from course.lab.exercises.exercise import Exercise, Function
from course.lab.exercises.source import own_functions, source_of


def answer(exercise: Exercise) -> str:
    """Return the source of the right answer, without annotations, which defines a function called as the exercise.

    The lessons import numpy as np, and torch where it is needed; modules of Python, such as math, the text imports.
    """
    shown = exercise.shown or (exercise.reference,)
    name = exercise.reference.__name__
    renamed = [] if name == exercise.id else [f"{exercise.id} = {name}"]
    return "\n\n".join([*_imports(shown), *map(_plain, shown), *renamed])


def _imports(shown: Iterable[Function]) -> list[str]:
    functions = [f for each in shown for f in (own_functions(each) if isinstance(each, type) else [each])]
    used = {f.__globals__.get(name) for f in functions for name in f.__code__.co_names}
    modules = sorted(m.__name__ for m in used if isinstance(m, ModuleType) and m.__name__ in sys.stdlib_module_names)
    return ["\n".join(f"import {name}" for name in modules)] if modules else []


def _plain(shown: Function) -> str:
    lines = source_of(shown).rstrip().splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    assert isinstance(node, (ast.FunctionDef, ast.ClassDef))
    methods = (
        [each for each in node.body if isinstance(each, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else []
    )
    for function in [*reversed(methods), *([node] if isinstance(node, ast.FunctionDef) else [])]:
        lines[function.lineno - 1 : function.body[0].lineno - 1] = [_header(function)]
    return "\n".join(lines)


def _header(function: ast.FunctionDef) -> str:
    for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        argument.annotation = None
    return f"{' ' * function.col_offset}def {function.name}({ast.unparse(function.args)}):"
