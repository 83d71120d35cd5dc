"""Under grading: whether nbgrader runs the notebook, and whether its checks are the course's.

What is noticed are the ordinary ways: a notebook that defines its own ``check``, or puts something else into the
checks' modules. Who controls a kernel can always do more; so look at the points that seem too good.
"""

import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

# nbgrader sets this to "autograde" or "validate" while it runs a notebook.
GRADING = "NBGRADER_EXECUTION"
_MACHINERY = "course.lab.exercises."

Seal = Mapping[str, Mapping[str, Any]]


def is_graded() -> bool:
    """Whether nbgrader is running this notebook."""
    return bool(os.environ.get(GRADING))


def sealed() -> Seal:
    """Return the functions, classes and methods of the checks' modules, as they are now."""
    modules = {name: module for name, module in list(sys.modules.items()) if name.startswith(_MACHINERY)}
    return {name: _functions(name, module) for name, module in modules.items() if module is not None}


def _functions(name: str, module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in list(vars(module).items()):
        if callable(value):
            found[key] = value
        if isinstance(value, type) and value.__module__ == name:
            found |= {f"{key}.{method}": each for method, each in vars(value).items() if callable(each)}
    return found


def exchanged(seal: Seal) -> list[str]:
    """Return the names in the checks' modules that hold something else than when they were sealed."""
    found = []
    for name, before in seal.items():
        now = _functions(name, sys.modules[name]) if name in sys.modules else {}
        found += [f"{name}.{key}" for key, value in before.items() if now.get(key) is not value]
    return found


def not_ours(source: str, check: object, here: object) -> str | None:
    """Return what to tell the instructor about a cell that calls another ``check`` than the course's, or None.

    Args:
        source: of the cell.
        check: the course's own.
        here: what stands under the name in the notebook; None where nothing does.
    """
    if "check(" not in source or here is None or here is check:
        return None
    return (
        "Not graded: `check` is not the course's own here, since a cell of this notebook has given the name to "
        "something else."
    )


def watch_notebook(check: object) -> bool:
    """Let a line on stderr, for which nbgrader gives no points, stand below each cell that calls another ``check``.

    Returns:
        Whether there is a notebook to watch.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return False

    def look(info: Any) -> None:  # noqa: ANN401
        said = not_ours(str(info.raw_cell), check, shell.user_ns.get("check"))
        if said is not None:
            print(said, file=sys.stderr)

    shell.events.register("pre_run_cell", look)
    return True
