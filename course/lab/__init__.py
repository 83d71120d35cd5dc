"""Everything that a notebook touches: checks, hints, demos, quizzes and figures.

Nothing is loaded until it is asked for, so that the first cell of a lesson stays quick: `from course.lab import check`
imports what `check` needs, and neither matplotlib nor the widgets.
"""

import importlib
from typing import Any

_ROOM_OF = {
    "check": "exercises",
    "hint": "exercises",
    "solution": "exercises",
    "workbook": "exercises",
    "explore": "widgets.controls",
    "slider": "widgets.controls",
    "quiz": "widgets.questions",
    "Question": "widgets.questions",
    "live": "widgets.live",
    "dashboard": "widgets.dashboard",
    "show": "drawing.picture",
    "show_table": "drawing.tables",
    "holds": "drawing.claims",
}
_MODULES = ("drawing", "exercises", "widgets")

__all__ = [*_ROOM_OF, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what `name` needs the first time that it is used."""
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
