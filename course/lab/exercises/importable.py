"""From which module a value can be imported in every folder: not from the notebook's own, nor from the notebook."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = {"site-packages", "dist-packages"}
_HERE = __name__.partition(".")[0]
PIECE_MODULE = "workbook_piece"  # what the functions of a loaded piece give as their module


def is_everywhere(module: object) -> bool:
    """Whether a module is Python's own, installed or the course's, so that every notebook can import it."""
    if not isinstance(module, ModuleType) or module.__name__ in ("__main__", PIECE_MODULE):
        return False
    file = getattr(module, "__file__", None)
    if file is None or module.__name__.partition(".")[0] in {*sys.stdlib_module_names, _HERE}:
        return True
    return bool(_PACKAGES & set(Path(file).parts))


def is_installed(name: str) -> bool:
    """Whether a package is one of the installed libraries, or the course's; nothing is imported to know it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and (name == _HERE or bool(_PACKAGES & set(Path(spec.origin or "").parts)))


def place_of(value: Any, name: str) -> tuple[str, str] | None:  # noqa: ANN401
    """Return the module and the name there under which a value can be imported everywhere, or None.

    name: what the notebook calls it: some values, such as ``numpy.typing.NDArray``, do not know their own.
    """
    home = getattr(value, "__module__", None)
    own = getattr(value, "__name__", None)
    if isinstance(home, str) and isinstance(own, str) and _has(sys.modules.get(home), own, value):
        return home, own
    root = (home if isinstance(home, str) else type(value).__module__).partition(".")[0]
    for called in dict.fromkeys(each for each in (name, own) if isinstance(each, str)):
        names = [each for each, module in list(sys.modules.items()) if _has(module, called, value)]
        public = [each for each in names if "._" not in f".{each}"]
        if public:
            return min(public, key=lambda each: (each.partition(".")[0] != root, each.count("."), each)), called
    return None


def _has(module: object, name: str, value: object) -> bool:
    return is_everywhere(module) and vars(module).get(name) is value
