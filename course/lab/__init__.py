"""Everything that a notebook touches: checks, hints, demos, quizzes and figures.

Nothing is loaded until it is asked for, so that the first cell of a lesson stays quick. ``explore`` and ``quiz`` name
functions and the modules that hold them: seen from this package, the function wins.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

# name -> (module, whether the name is a thing inside that module or the module itself)
_THINGS = {
    "check": "exercises",
    "hint": "exercises",
    "solution": "exercises",
    "explore": "explore",
    "slider": "explore",
    "quiz": "quiz",
}
_MODULES = ("exercises", "figures", "reference", "widgets", "workbook")

__all__ = [*_THINGS, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what ``name`` needs the first time that it is used."""
    if name in _THINGS:
        value = getattr(importlib.import_module(f"{__name__}.{_THINGS[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)


class _Lab(ModuleType):
    """The package itself: keeps ``explore`` and ``quiz`` functions when Python binds the modules of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        """Bind ``name``; a submodule that holds a function of its own name gives way to that function."""
        if isinstance(value, ModuleType) and _THINGS.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Lab
