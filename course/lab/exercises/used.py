"""Which names of its notebook a function or a class uses, and how."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import CodeType

from course.lab.exercises.same import global_names


@dataclass(frozen=True)
class Used:
    """What source uses of what stands around it.

    Attributes:
        names: what is needed to define it and to run it.
        annotations: what annotations name.
        attributes: of a name, those that are asked for.
        whole: names that are used in another way than for an attribute.
    """

    names: frozenset[str]
    annotations: frozenset[str]
    attributes: dict[str, set[str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()


def used_in(source: str, codes: Iterable[CodeType]) -> Used:
    """Return the names that are needed to define source and to run the code of it."""
    tree = ast.parse(source)
    running = set().union(*map(global_names, codes))
    header, annotations = _header(tree.body[0])
    attributes: dict[str, set[str]] = {}
    owners = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.setdefault(node.value.id, set()).add(node.attr)
            owners.add(node.value)
    loose = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in owners}
    return Used(frozenset(running | _names(header)), frozenset(_names(annotations)), attributes, frozenset(loose))


def _names(parts: Iterable[ast.AST]) -> set[str]:
    """The names that are read: not those that an assignment gives."""
    found = (node for part in parts for node in ast.walk(part) if isinstance(node, ast.Name))
    return {node.id for node in found if isinstance(node.ctx, ast.Load)}


def _header(statement: ast.stmt) -> tuple[list[ast.AST], list[ast.AST]]:
    """The parts that run when a function or a class is defined: those that must, and the annotations.

    Of a function they are its decorators and default values. Of a class they are also its parents and whatever its body
    computes outside of its methods.
    """
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = statement.args
        all_of_them = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        defaults = [each for each in (*arguments.defaults, *arguments.kw_defaults) if each is not None]
        said = [each.annotation for each in all_of_them if each is not None and each.annotation is not None]
        return [*statement.decorator_list, *defaults], [*said, *([statement.returns] if statement.returns else [])]
    if isinstance(statement, ast.ClassDef):
        inside = [_header(each) for each in statement.body]
        runs = [*statement.decorator_list, *statement.bases, *statement.keywords]
        return (
            [*runs, *(part for needed, _ in inside for part in needed)],
            [part for _, said in inside for part in said],
        )
    if isinstance(statement, ast.AnnAssign):
        return [statement.value] if statement.value else [], [statement.annotation]
    return [statement], []
