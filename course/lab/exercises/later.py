"""Modules that are imported when they are first used, so that exercises can be listed without waiting for torch.

A lesson's file names such a module as any other; a type checker sees the real one:

    if TYPE_CHECKING:
        from torch import nn
    else:
        nn = Later("torch.nn")
"""

import functools
import importlib
from typing import Any


class Later:
    """Stands for a module and imports it when the first of its names is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return what the module calls ``name``. Names like ``__wrapped__``, asked by inspection, import nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self._module), name)


class LaterExercise:
    """Stands for an exercise on classes, whose reference and bank are torch modules, until somebody works on it.

    What a list of exercises shows is here; everything else is imported, and torch with it, when it is first asked for.
    """

    def __init__(
        self,
        at: str,
        *,
        id: str,
        lesson: int,
        title: str,
        signature: str,
        difficulty: int,
        importance: int,
        minutes: int,
    ) -> None:
        """at: the module that holds it in its tuple EXERCISES, in the room of its lesson."""
        self.at, self.id, self.lesson, self.title, self.signature = at, id, lesson, title, signature
        self.difficulty, self.importance, self.minutes = difficulty, importance, minutes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return what only the exercise itself has."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.loaded, name)

    @property
    def is_loaded(self) -> bool:
        """Whether somebody has worked on it in this process."""
        return "loaded" in vars(self)

    @functools.cached_property
    def loaded(self) -> Any:  # noqa: ANN401
        """The exercise itself."""
        found = importlib.import_module(self.at).EXERCISES
        return next(exercise for exercise in found if exercise.id == self.id)
