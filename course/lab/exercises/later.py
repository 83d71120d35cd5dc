"""Modules that are imported when they are first used, so that exercises can be listed without waiting for torch.

A lesson's file names such a module as any other; a type checker sees the real one:

    if TYPE_CHECKING:
        from torch import nn
    else:
        nn = Later("torch.nn")
"""

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
