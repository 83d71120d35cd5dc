"""What an answer writes, shows and asks for while it is checked: kept from the page, and told once.

Nothing of it may reach the page or nbgrader, which takes the points of a cell for any line on stderr. So every way out
is held: the streams of Python, whoever holds them (handlers of `logging` do), the file descriptors below them, which C
writes to, and what IPython displays. Whoever waits for somebody to type is told that nobody will.
"""

import builtins
import contextlib
import ctypes
import io
import os
import pdb  # noqa: T100
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import IO, Any

MOST_KEPT = 4000  # characters of what one call writes: a loop may write for ten seconds
MOST_LINES = 6  # of what it wrote are shown
_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # for a terminal, which a card is not
_WIDEST = 100  # characters of a line that is shown


@dataclass(frozen=True)
class Heard:
    """What was heard in one stretch: text, and how many figures, displays and breakpoints."""

    text: str = ""
    figures: int = 0
    displays: int = 0
    breakpoints: int = 0


class _Page(io.StringIO):
    """Takes what is written instead of the page, as much of it as is ever shown."""

    def write(self, text: str) -> int:
        """Keep the text while there is room."""
        room = MOST_KEPT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


class Listener:
    """A context in which nothing reaches the page; :meth:`take` says what was heard since it was asked last."""

    def __init__(self) -> None:
        self._page = _Page()
        self._below: IO[bytes] | None = None
        self._publisher: Any = None
        self._breakpoints = 0
        self._figures: set[int] = set()
        self._left = contextlib.ExitStack()

    def __enter__(self) -> "Listener":
        """Begin to listen."""
        self._figures = _open_figures()
        with contextlib.ExitStack() as stack:
            self._below = stack.enter_context(_descriptors())
            for name in ("stdout", "stderr"):
                stack.enter_context(_taken_by(self._page, name))
            stack.enter_context(contextlib.redirect_stdout(self._page))
            stack.enter_context(contextlib.redirect_stderr(self._page))
            stack.enter_context(_instead(sys, "stdin", io.StringIO()))
            stack.enter_context(_instead(builtins, "input", _nobody_types))
            stack.enter_context(_instead(sys, "breakpointhook", self._passed_over))
            for debugger in (pdb, sys.modules.get("IPython.core.debugger")):
                if debugger is not None:
                    stack.enter_context(_instead(debugger, "set_trace", self._passed_over))
            if (pyplot := _pyplot()) is not None:
                stack.enter_context(_instead(pyplot, "show", _shows_nothing))
            self._publisher = stack.enter_context(_displays())
            self._left = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Put everything back."""
        self.take()  # closes its figures
        self._left.close()

    def take(self) -> Heard:
        """Return what was heard since the last call. Figures that were opened since are closed."""
        text = self._page.getvalue()
        self._page.seek(0)
        self._page.truncate()
        heard = Heard(text + self._written_below(), self._closed(), self._displayed(), self._breakpoints)
        self._breakpoints = 0
        return heard

    def _passed_over(self, *_: object, **__: object) -> None:
        self._breakpoints += 1

    def _written_below(self) -> str:
        if self._below is None:
            return ""
        try:
            if not self._below.seek(0, os.SEEK_END):
                return ""
            self._below.seek(0)
            text = self._below.read(MOST_KEPT)
            self._below.truncate(0)
        except OSError:
            return ""
        return text.decode(errors="replace")

    def _closed(self) -> int:
        new = _open_figures() - self._figures
        for number in new:
            sys.modules["matplotlib.pyplot"].close(number)
        return len(new)

    def _displayed(self) -> int:
        if self._publisher is None:
            return 0
        shown = sum(not each["update"] for each in self._publisher.outputs)
        self._publisher.outputs.clear()
        return shown


def _nobody_types(prompt: object = "", /) -> str:
    raise EOFError("input() waits for somebody who types, and nobody does while a check runs")


def _shows_nothing(*_: object, **__: object) -> None:
    """Stand for pyplot's show: some of its back ends wait until a window is closed."""


def _pyplot() -> ModuleType | None:
    return sys.modules.get("matplotlib.pyplot")


def _open_figures() -> set[int]:
    pyplot = _pyplot()
    return set() if pyplot is None else set(getattr(pyplot, "get_fignums", list)())


@contextlib.contextmanager
def _instead(where: Any, name: str, value: object) -> Iterator[None]:  # noqa: ANN401
    before = getattr(where, name, None)
    setattr(where, name, value)
    try:
        yield
    finally:
        setattr(where, name, before)


@contextlib.contextmanager
def _taken_by(page: _Page, name: str) -> Iterator[None]:
    """Let whoever holds one of Python's streams, as handlers of logging do, write to the page instead."""
    with contextlib.ExitStack() as stack:
        for stream in {id(each): each for each in (getattr(sys, name), getattr(sys, f"__{name}__"))}.values():
            with contextlib.suppress(AttributeError, TypeError):  # there is no stream, or it is made of C alone
                with contextlib.suppress(OSError, ValueError):  # closed
                    stream.flush()
                had = "write" in vars(stream)
                stack.callback(_given_back, stream, vars(stream).get("write"), had)
                stream.write = page.write
        yield


def _given_back(stream: Any, write: Callable[[str], int] | None, had: bool) -> None:  # noqa: ANN401
    with contextlib.suppress(AttributeError):
        if had:
            stream.write = write
        else:
            del stream.write


@contextlib.contextmanager
def _descriptors() -> Iterator[IO[bytes] | None]:
    """Send what C writes to stdout and stderr into a file, where there are such; None where nothing can be sent."""
    with contextlib.ExitStack() as stack:
        try:
            below = stack.enter_context(tempfile.TemporaryFile("a+b", buffering=0))
        except OSError:  # no room, or no folder that can be written
            yield None
            return
        if below.fileno() <= 2:  # one of the three is closed: the file has taken its number
            yield None
            return
        _flush_c()
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):  # closed
                copy = os.dup(descriptor)
                stack.callback(os.close, copy)
                os.dup2(below.fileno(), descriptor)
                stack.callback(os.dup2, copy, descriptor)
        stack.callback(_flush_c)
        yield below


def _flush_c() -> None:
    """Write what C has collected for its streams: it belongs to whoever was listening when it came."""
    if os.name == "posix":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def _displays() -> Iterator[Any]:
    """Take what IPython displays, and a wish to end the kernel, which would come true. None without IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        yield None
        return
    from IPython.core.displaypub import CapturingDisplayPublisher

    publisher = CapturingDisplayPublisher()
    with _instead(shell, "display_pub", publisher), _instead(shell, "ask_exit", _exits):
        yield publisher


def _exits(*_: object) -> None:
    raise SystemExit


def say_heard(heard: Heard, on: str, threads: int = 0) -> str:
    """Return what an answer wrote and showed on a case, in lines for people; "" where it was silent.

    Args:
        heard: what was heard.
        on: the name of the case.
        threads: how many that it started still run.
    """
    said = []
    text = _COLORS.sub("", heard.text)
    lines = text.removesuffix("\n").split("\n") if text.strip() else []
    if lines := [line.strip("\r").rsplit("\r", 1)[-1].rstrip() for line in lines]:  # a bar that fills is one line
        said.append(f"  On {on} it printed:")
        said += [f"    {line if len(line) <= _WIDEST else line[: _WIDEST - 4] + ' ...'}" for line in lines[:MOST_LINES]]
        if (more := len(lines) - MOST_LINES) > 0:
            many = "many" if len(heard.text) >= MOST_KEPT else more  # what came after those was not kept
            said.append(f"  and {many} more line{'s' * (more > 1)}.")
    shown = heard.figures + heard.displays
    if shown:
        things = "something" if shown == 1 else f"{shown} things"
        said.append(f"  It drew or displayed {things} on the way: call it in a cell of its own to see that.")
    if heard.breakpoints:
        said.append("  A breakpoint in it was passed over: call it in a cell of its own to stop there.")
    if threads:
        said.append(f"  {'A thread' if threads == 1 else f'{threads} threads'} that it started did not end with it.")
    return "\n".join(said)
