"""The source of an answer as a learner can paste it: without annotations, whose names no notebook has."""

import ast
import inspect
import sys
from collections.abc import Iterable
from types import ModuleType

from course.lab.exercises.exercise import Exercise, Function


def answer(exercise: Exercise) -> str:
    """Return the source of the right answer, without annotations, which defines a function called as the exercise.

    The lessons import numpy as np, and torch where it is needed; modules of Python, such as math, the text imports.
    """
    shown = exercise.shown or (exercise.reference,)
    name = exercise.reference.__name__
    renamed = [] if name == exercise.id else [f"{exercise.id} = {name}"]
    return "\n\n".join([*_imports(shown), *map(_plain, shown), *renamed])


def _imports(functions: Iterable[Function]) -> list[str]:
    used = {f.__globals__.get(name) for f in functions for name in f.__code__.co_names}
    modules = sorted(m.__name__ for m in used if isinstance(m, ModuleType) and m.__name__ in sys.stdlib_module_names)
    return ["\n".join(f"import {name}" for name in modules)] if modules else []


def _plain(function: Function) -> str:
    lines = inspect.getsource(function).rstrip().splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    assert isinstance(node, ast.FunctionDef)
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        argument.annotation = None
    return "\n".join([f"def {node.name}({ast.unparse(node.args)}):", *lines[node.body[0].lineno - 1 :]])
