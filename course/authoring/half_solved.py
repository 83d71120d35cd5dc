"""A third state of a lesson: half solved. Some answers are right, some are wrong, one raises.

The two stored notebooks are all right and all blank; most learners are somewhere in between. This state is made for a
test and never stored.
"""

from __future__ import annotations

import ast
import copy
import functools
import re
from typing import TYPE_CHECKING, Any, Literal

from course.authoring.clear import without_solutions
from course.authoring.source import MARKS, exercise_checked_in, has_solution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbformat import NotebookNode

State = Literal["right", "wrong", "raises"]
STATES: tuple[State, ...] = ("right", "wrong", "raises")
"""What becomes of a lesson's exercises, in turn."""

_SOLUTION = re.compile(rf"^([ \t]*){re.escape(MARKS[0])}\n.*?^[ \t]*{re.escape(MARKS[1])}$", re.MULTILINE | re.DOTALL)


def half_solved(solved: NotebookNode) -> tuple[NotebookNode, dict[str, State]]:
    """Return a copy of a solved notebook in which the answers are right, wrong and raising in turn.

    An exercise that stands alone in its lesson is wrong. What no check looks at stays as it is handed out.

    Args:
        solved: a ``nbformat.NotebookNode`` with the solutions, as ``read_lesson`` returns it; it is not changed.

    Returns:
        The notebook, and the state of every exercise by its id, in order.
    """
    made = without_solutions(solved)
    checks = [(cell, exercise) for cell in solved.cells if (exercise := _checked_in(cell))]
    states = {id: STATES[i % len(STATES)] for i, (_, id) in enumerate(checks)} if len(checks) > 1 else {}
    states = states or {id: "wrong" for _, id in checks}
    for cell, id in checks:
        name = checked_name(cell.source)
        at, answer = _answer_to(solved.cells, name, before=cell)
        made.cells[at].source = _in_state(answer.source, id, name, states[id])
    return made, states


def with_constants(notebook: NotebookNode, values: dict[str, int]) -> NotebookNode:
    """Return a copy in which ``NAME = number`` at a margin has another number: a training of a few updates, say.

    Raises:
        ValueError: if a name is not set in exactly one place.
    """
    changed = copy.deepcopy(notebook)
    for name, value in values.items():
        setting = re.compile(rf"^{name} = [\d_]+", re.MULTILINE)
        places = [cell for cell in changed.cells if cell.cell_type == "code" and setting.search(cell.source)]
        if len(places) != 1:
            raise ValueError(f"{name} = ... stands in {len(places)} cells of the lesson; one was expected")
        places[0].source = setting.sub(f"{name} = {value}", places[0].source)
    return changed


def wrong_answer(id: str, right: Callable[..., Any]) -> Callable[..., Any]:
    """Return the first known mistake of an exercise; where none is known yet, an answer that is no answer."""
    from course.lab.exercises import get

    mistakes = get(id).mistakes
    if mistakes:
        return mistakes[0].versions[0]

    @functools.wraps(right)
    def no_answer(*arguments: object, **named: object) -> str:
        return "no answer"

    return no_answer


def checked_name(text: str) -> str:
    """Return the name that a cell with a check hands to it: "softmax" in ``softmax = check("softmax", softmax)``."""
    return next(_names_checked(text))


def _names_checked(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check":
            yield ast.unparse(node.args[1])


def _checked_in(cell: NotebookNode) -> str | None:
    return exercise_checked_in(cell.source) if cell.cell_type == "code" else None


def _answer_to(cells: list[NotebookNode], name: str, before: NotebookNode) -> tuple[int, NotebookNode]:
    """Return the last cell with a solution, above a check, that gives the checked name its value, and its place."""
    gives = re.compile(rf"^(def {name}\b|class {name}\b|{name} *=)", re.MULTILINE)
    above = enumerate(cells[: cells.index(before)])
    found = [(at, cell) for at, cell in above if has_solution(cell.source) and gives.search(cell.source)]
    return found[-1]


def _in_state(source: str, id: str, name: str, state: State) -> str:
    if state == "wrong":
        planted = "from course.authoring.half_solved import wrong_answer\n\n"
        return f'{source}\n\n\n{planted}{name} = wrong_answer("{id}", {name})'
    if state == "raises":
        return _SOLUTION.sub(r'\1raise ValueError("planted: this answer raises")', source)
    return source
