"""A solution that is shown uses only names that its lesson has used or named before."""

import ast
import builtins
import re
from pathlib import Path

import pytest

from course.lab.exercises import all_exercises, get
from course.lab.exercises.answer import answer

SOURCES = {int(path.name[:2]): path for path in (Path(__file__).parents[1] / "solutions").glob("[0-9][0-9]_*.py")}
SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.S | re.M)


def text_before(id, source):
    """Return the lesson up to the check of an exercise, without the exercise's own solution."""
    until = re.search(rf'^\w+ = check\((?:id=)?"{id}"', source, re.M)
    before = source[: until.start()]
    own = list(SOLUTION.finditer(before))
    return before[: own[-1].start()] + before[own[-1].end() :] if own else before


def names_in(code):
    """Return what a piece of code needs from elsewhere: globals, attributes and named arguments."""
    tree = ast.parse(code)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    own = {argument.arg for f in functions for argument in (*f.args.args, *f.args.kwonlyargs)}
    own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {f.name for f in functions} | set(dir(builtins))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - own
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return used | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def new_names(code, before):
    return sorted(name for name in names_in(code) if not re.search(rf"\b{re.escape(name)}\b", before))


@pytest.mark.parametrize("id", [e.id for e in all_exercises() if e.lesson in SOURCES])
def test_a_shown_solution_uses_what_the_lesson_has_introduced(id):
    source = SOURCES[get(id).lesson].read_text(encoding="utf-8")
    assert new_names(answer(get(id)), text_before(id, source)) == []


def test_a_name_that_was_never_introduced_is_found():
    before = "Use `np.where`, please.\n"
    code = "def f(x):\n    y = np.where(x, 1, 0)\n    return np.divide(y, x, out=y)\n"
    assert new_names(code, before) == ["divide", "out"]
    assert new_names("import math\ndef f(x):\n    return x", before) == ["math"]
