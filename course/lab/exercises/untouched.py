"""What a notebook shares with every answer: the functions of libraries and their settings. Put back after a call.

An answer that replaces ``numpy.exp`` would change what is right with it. So expected results are computed first, and
after each call it is looked, by identity, whether a library still holds its own functions.
"""

import builtins
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

# Looked at after each call: what checks compute with. They are known from the first time that somebody met them.
_COMPUTING = ("numpy", "numpy.linalg", "numpy.random", "math", "random", "torch", "torch.nn.functional")
# Functions that are looked at once, at the end of a check.
_OF_PYTHON = ("itertools", "functools", "copy", "time", "os", "json", "inspect", "warnings")
_OTHERS = (*_OF_PYTHON, "torch.nn", "torch.nn.init", "torch.nn.utils", "torch.linalg", "torch.special", "torch.optim")
_RESOLVED = ("backend", "backend_fallback", "interactive")  # matplotlib sets them itself when it is first used
_FOLLOWS_A_SETTING = "torch.Storage"  # torch.set_default_dtype exchanges it

_KNOWN: dict[str, dict[str, Any]] = {}  # what the modules of _COMPUTING held when they were first seen
_SIZES: dict[str, int] = {}  # how many names they had then


@dataclass(frozen=True)
class Setting:
    """Something that holds for a whole notebook: what it is called, how it is read, and how it is set."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


@dataclass(frozen=True)
class _Space:
    """The names of a module or a class, as they were when so many modules were loaded.

    Functions and classes count, and in some modules numbers too.
    """

    name: str
    owner: Any
    before: dict[str, Any]
    functions_only: bool = True
    modules: int = field(default_factory=lambda: len(sys.modules))

    def changed(self) -> list[str]:
        now = vars(self.owner)
        try:
            if self.before.items() <= now.items() and len(now) == len(self.before):  # by identity first, and in C
                return []
        except Exception:  # values that were put there may refuse to be compared  # noqa: S110
            pass
        names = [name for name, value in self.before.items() if now.get(name, _GONE) is not value]
        names = [name for name in names if f"{self.name}.{name}" != _FOLLOWS_A_SETTING]
        counted = (name for name in names if callable(self.before[name]) or not self.functions_only)
        own = (name for name in counted if not self._exchanged_by_a_library(name, now.get(name)))
        return [*own, *self._hidden()]

    def _exchanged_by_a_library(self, name: str, value: object) -> bool:
        """Whether no answer did it: torch wraps functions of its own, and of `inspect` while it is imported."""
        if not isinstance(value, FunctionType):
            return False
        library = Path(value.__code__.co_filename).parts
        if "torch" in library and value.__name__ == name:
            return True
        elsewhere = (value.__module__ or "").partition(".")[0] != self.name.partition(".")[0]
        return elsewhere and "site-packages" in library and len(sys.modules) > self.modules

    def _hidden(self) -> list[str]:
        """Names of a class that now hide those of its parents."""
        if not isinstance(self.owner, type):
            return []
        new = vars(self.owner).keys() - self.before.keys()
        return sorted(name for name in new if any(name in vars(parent) for parent in self.owner.__mro__[1:]))

    def put_back(self) -> list[str]:
        """Put the names back that have changed, and return them."""
        changed = self.changed()
        for name in changed:
            with contextlib.suppress(AttributeError, TypeError):
                if name in self.before:
                    setattr(self.owner, name, self.before[name])
                else:
                    delattr(self.owner, name)
        return [f"{self.name}.{name}" for name in changed]


_GONE = object()


class Shared:
    """What an answer could change for everybody, as it was at a moment."""

    def __init__(self) -> None:
        known = [_known(name) for name in _COMPUTING if sys.modules.get(name) is not None]
        self.replaced_before = [name for space in known for name in space.put_back()]
        own = {name: value for name, value in vars(builtins).items() if name != "input"}  # the check has its own
        self._computing = [*known, _Space("builtins", builtins, own)]
        self._others = [*_libraries(), *_torch_classes(), *_course()]
        self._settings = [(setting, setting.read()) for setting in _settings()]
        self._first = [(setting, setting.read()) for setting in _settings_of_torch(sys.modules.get("torch"))]
        self._threads = set(threading.enumerate())
        self.replaced: list[str] = []
        self.changed: list[str] = []

    def put_back(self, everything: bool = False) -> None:
        """Put back what has changed, and note it: names in ``replaced``, settings in ``changed``.

        everything: look at all of it, and not only at what a check computes with.
        """
        for space in (*self._computing, *(self._others if everything else ())):
            self.replaced += [name for name in space.put_back() if name not in self.replaced]
        for setting, before in (*self._first, *(self._settings if everything else ())):
            with contextlib.suppress(Exception):  # a folder may be gone, a library half unloaded
                if setting.read() != before:
                    setting.write(before)
                    self.changed += [setting.name] * (setting.name not in self.changed)

    def threads(self) -> int:
        """Return how many threads run that did not, and that keep a program from ending."""
        return sum(not each.daemon for each in set(threading.enumerate()) - self._threads)


def _public(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if not name.startswith("_")}


def _known(name: str) -> _Space:
    """Return what a module held when it was first seen, and what it has been given since."""
    module = sys.modules[name]
    size = len(vars(module))
    if _SIZES.get(name) != size:
        _KNOWN[name] = {**_public(vars(module)), **_KNOWN.get(name, {})}
        _SIZES[name] = size
    return _Space(name, module, _KNOWN[name], functions_only=False)


def _libraries() -> Iterator[_Space]:
    for name in _OTHERS:
        if sys.modules.get(name) is not None:  # None: somebody has forbidden to import it
            yield _Space(name, sys.modules[name], _public(vars(sys.modules[name])))


def _torch_classes() -> Iterator[_Space]:
    torch, nn = sys.modules.get("torch"), sys.modules.get("torch.nn")
    if torch is None or nn is None:
        return
    yield _Space("torch.Tensor", torch.Tensor, dict(vars(torch.Tensor)))
    for name, each in list(vars(nn).items()):
        if isinstance(each, type):
            yield _Space(f"torch.nn.{name}", each, dict(vars(each)))


def _course() -> Iterator[_Space]:
    """The course's own modules: the references, their helpers and the checks."""
    for name, module in list(sys.modules.items()):
        if name.startswith("course.") and module is not None:
            yield _Space(name, module, dict(vars(module)))


def _settings() -> Iterator[Setting]:
    yield Setting("numpy's error settings", np.geterr, lambda value: np.seterr(**value))
    yield Setting("numpy's print options", np.get_printoptions, lambda value: np.set_printoptions(**value))
    yield Setting("the environment variables", _Environment(), _set_environment)
    yield Setting("the list of folders that Python imports from", lambda: list(sys.path), _set_path)
    yield Setting("the current folder", _folder, os.chdir)
    yield Setting("Python's limit of recursion", sys.getrecursionlimit, sys.setrecursionlimit)
    if threading.current_thread() is threading.main_thread():
        yield Setting("the handlers of signals", _handlers, _set_handlers)
    if (matplotlib := sys.modules.get("matplotlib")) is not None and hasattr(matplotlib, "rcParams"):
        rc = matplotlib.rcParams
        yield Setting("matplotlib's settings", lambda: _drawn(rc), lambda value: dict.update(rc, value))


def _settings_of_torch(torch: Any) -> Iterator[Setting]:  # noqa: ANN401
    if not hasattr(torch, "get_default_dtype"):  # nobody has imported it, or not to its end
        return
    yield Setting("torch's default type", torch.get_default_dtype, torch.set_default_dtype)
    yield Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads)
    yield Setting(
        "torch's wish for deterministic algorithms",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    )


class _Environment:
    """Reads the environment variables. Those that a library adds while it is imported are left out and left alone."""

    def __init__(self) -> None:
        self._names, self._modules = set(os.environ), len(sys.modules)

    def __call__(self) -> dict[str, str]:
        added = len(sys.modules) == self._modules
        return {name: value for name, value in os.environ.items() if added or name in self._names}


def _set_environment(before: dict[str, str]) -> None:
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def _set_path(before: list[str]) -> None:
    sys.path[:] = before


def _folder() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:  # it has been removed
        return None


_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGALRM", "SIGTERM", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _set_handlers(before: dict[int, Any]) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)  # with the handler that was before, the alarm would end the process
    for number, handler in before.items():
        if handler is not None:
            signal.signal(number, handler)


def _drawn(rc: Any) -> dict[str, Any]:  # noqa: ANN401
    found: dict[str, Any] = dict.copy(rc)
    return {name: value for name, value in found.items() if name not in _RESOLVED}


def say_replaced(names: list[str]) -> str:
    """Return what to tell somebody whose answer replaced functions of libraries, with a question."""
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    it = "it has been put back" if len(names) == 1 else "they have been put back"
    return (
        f"Your answer replaces {listed}, for every cell of this notebook and for the check itself; {it}.\n"
        "  Could what you need be a function of your own, under a name of its own?"
    )


def say_changed(settings: list[str]) -> str:
    """Return what to tell somebody whose answer changed settings."""
    listed = " and ".join(filter(None, (", ".join(settings[:-1]), settings[-1])))
    return f"It changed {listed} for the whole notebook; the check has put that back."


def say_replaced_before(names: list[str]) -> str:
    """Return what to tell where a library held somebody else's functions before the check began."""
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"Something in this notebook had replaced {listed}; the check has put that back."
