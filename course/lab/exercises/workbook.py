"""The learner's workbook: the source of every piece that passed its check, for later lessons and the translator.

One file per exercise, ``attention.py``, plain Python that can be read and copied. The folder is that of the
environment variable COURSE_WORKBOOK, else one per user. Loading a piece *executes the learner's own source*, as
running the notebook did; nothing else is ever loaded from there, and every piece is checked again before it is used.
"""

import ast
import dis
import linecache
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from course.errors import CourseError
from course.folders import user_folder
from course.lab.exercises.exercise import Exercise
from course.lab.exercises.ladder import agrees, climb
from course.lab.exercises.registry import all_exercises, get
from course.lab.exercises.source import own_functions, source_of

_PIECE = "_kept_piece_"  # the name under which a file offers its function: learners may call a helper anything else
_OLDER_PIECE = "piece"  # in files that were written when it was called so


def folder() -> Path:
    """Return the folder of the workbook, which need not exist yet.

    COURSE_WORKBOOK if set; else ``attention-course/workbook`` in the place where the system keeps a user's data.

    Raises:
        CourseError: where neither is known.
    """
    return user_folder("COURSE_WORKBOOK", "data", "attention-course/workbook")


def keep(id: str, function: object, report: Callable[[str], object] = lambda reason: None) -> bool:
    """Keep the source of a passed piece, with the imports and helpers that it uses. Never raises for want of luck.

    Args:
        id: the exercise.
        function: the learner's.
        report: takes the sentence that says why it was not kept.

    Returns:
        Whether it was kept. It was not if its source cannot be found, does not stand alone or does something else when
        it does, or if the folder cannot be written. Then what was kept before stays as it is.

    Raises:
        CourseError: if there is no such exercise.
    """
    exercise = get(id)
    try:
        _write(folder() / f"{id}.py", _checked(exercise, function))
    except Exception as error:  # keeping is a courtesy: no failure of it may spoil a check
        report(str(error) if isinstance(error, CourseError) else "the folder of the workbook cannot be written.")
        return False
    return True


def load(id: str, report: Callable[[str], object] = print) -> Any:  # noqa: ANN401
    """Return the learner's own piece if one is kept and still passes, else the reference, and say which.

    This executes the learner's own source from the workbook.

    Args:
        id: the exercise.
        report: takes the one line that says whose piece it is.

    Raises:
        CourseError: if there is no such exercise.
    """
    piece, whose = _piece(id)
    report(f"{id}: {whose}")
    return get(id).reference if piece is None else piece


def solved_ids() -> tuple[str, ...]:
    """Return the ids of the kept pieces, in the order of the lessons, without executing any of them."""
    return tuple(exercise.id for exercise in all_exercises() if _path(exercise.id) is not None)


def table() -> str:
    """Return a table of all exercises that says whose piece is in use; kept pieces are executed and checked again."""
    rows = [("lesson", "exercise", "whose")]
    rows += [(f"{exercise.lesson:02d}", exercise.id, _piece(exercise.id)[1]) for exercise in all_exercises()]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows)


def _path(id: str) -> Path | None:
    try:
        path = folder() / f"{id}.py"
        return path if path.is_file() else None
    except (OSError, CourseError):  # no home, no permission: then nothing is kept
        return None


def _piece(id: str) -> tuple[Any, str]:
    """Return the learner's piece or None, and whose piece is used, in words."""
    get(id)
    path = _path(id)
    if path is None:
        return None, "the reference (none of yours is kept)"
    try:
        piece = _execute(path.read_text(encoding="utf-8"), str(path))
    except Exception:  # the file is the learner's and may have been edited into anything
        return None, "the reference (yours could not be loaded)"
    if climb(get(id), piece).status != "passed":
        return None, "the reference (yours does not pass its check any more)"
    return piece, "yours"


def _execute(text: str, filename: str) -> Any:  # noqa: ANN401
    """Run the text of a kept piece in a namespace of its own and return its function."""
    namespace: dict[str, Any] = {"__name__": "workbook_piece"}
    exec(compile(text, filename, "exec"), namespace)
    # So that tracebacks and inspect show the lines, although the piece is no module.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return namespace[_PIECE] if _PIECE in namespace else namespace[_OLDER_PIECE]


def _write(path: Path, text: str) -> None:
    """Write atomically: another kernel sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _checked(exercise: Exercise, function: object) -> str:
    """Return the standalone source of a piece, after a look at what it does when it stands alone."""
    text = _standalone(exercise.id, function)
    try:
        alone = _execute(text, f"<{exercise.id}>")
    except Exception as error:  # whatever the learner's source may raise
        raise CourseError(f"its source does not run by itself; it raised {type(error).__name__}.") from error
    if not agrees(exercise, alone):
        raise CourseError("its source gives something else by itself. Does a helper share its name with another?")
    return text


def _standalone(id: str, function: object) -> str:
    """Return source that defines ``function`` without the notebook around it."""
    if not isinstance(function, (FunctionType, type)):
        kind = type(function).__name__
        raise CourseError(f"only a function made with def or a class can be, and this is of type {kind}.")
    imports: set[str] = {"import numpy as np"}
    definitions: list[str] = []
    _collect(function, imports, definitions, {function.__name__})
    header = f"# Your {id}, kept when it passed its check. Loaded again, and checked again, by later lessons.\n"
    body = "\n\n".join(definitions)
    return f"{header}{chr(10).join(sorted(imports))}\n\n{body}\n\n{_PIECE} = {function.__name__}\n"


def _collect(thing: FunctionType | type, imports: set[str], definitions: list[str], seen: set[str]) -> None:
    """Add the source of a function or a class to ``definitions``, what it needs before it."""
    source = _source(thing)
    functions = own_functions(thing) if isinstance(thing, type) else [thing]
    names = set().union(*(_names(function.__code__) for function in functions)) | _header_names(source)
    around = functions[0].__globals__ if functions else {}
    for name in sorted(names):
        if name in around and name not in seen:
            seen.add(name)
            _need(name, around[name], imports, definitions, seen)
    definitions.append(source)


def _source(function: FunctionType | type) -> str:
    if function.__name__ == "<lambda>":
        raise CourseError("it is or uses a lambda. Could that be written with def?")
    for each in own_functions(function) if isinstance(function, type) else [function]:
        # super() without arguments makes a method close over its own class, which is there again
        if names := ", ".join(name for name in each.__code__.co_freevars if name != "__class__"):
            raise CourseError(f"{function.__name__} uses {names} of the function around it. Could that be an argument?")
    try:
        return source_of(function)
    except (OSError, TypeError) as error:
        raise CourseError(f"the source of {function.__name__} cannot be found.") from error


def _need(name: str, value: object, imports: set[str], definitions: list[str], seen: set[str]) -> None:
    """Make ``name`` available: by an import, by its source, or as a plain constant."""
    if isinstance(value, ModuleType):
        imports.add(f"import {value.__name__} as {name}")
    elif isinstance(value, (FunctionType, type)) and not _is_importable(value):
        _collect(value, imports, definitions, seen)
        if value.__name__ != name:
            definitions.append(f"{name} = {value.__name__}")
    elif value is None or isinstance(value, (bool, int, float, str)):
        definitions.append(f"{name} = float({str(value)!r})" if isinstance(value, float) else f"{name} = {value!r}")
    elif _is_importable(value):
        imports.add(f"from {value.__module__} import {value.__name__} as {name}")  # type: ignore[attr-defined]
    else:
        kind = type(value).__name__
        raise CourseError(f"it uses {name}, of type {kind}, from outside. Could {name} be made inside the function?")


def _is_importable(value: object) -> bool:
    """Whether ``from module import name`` gives this object: not for what a notebook or a workbook file defines."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return False
    return getattr(module, getattr(value, "__name__", ""), None) is value


def _header_names(source: str) -> set[str]:
    """Return the names that run when a function is defined: in decorators, annotations and default values.

    Of a class they are also its parents and whatever its body computes outside of its methods.
    """
    parts = _header(ast.parse(source).body[0])
    return {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}


def _header(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a statement that run when a function or a class is defined."""
    if isinstance(statement, ast.FunctionDef):
        returns = [statement.returns] if statement.returns else []
        return [statement.args, *statement.decorator_list, *returns]
    if isinstance(statement, ast.ClassDef):
        own = [*statement.decorator_list, *statement.bases, *statement.keywords]
        return [*own, *(part for each in statement.body for part in _header(each))]
    return [statement]


def _names(code: CodeType) -> set[str]:
    """Return the global names that a function and the functions inside it may use."""
    loads = (each for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    found = {each.argval for each in loads}  # of attributes, self.dropout, there may be a namesake outside
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found
