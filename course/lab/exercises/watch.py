"""Ends a learner's function that never comes back, and leaves the kernel as it was."""

import _thread
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal

LONGEST = 10.0
"""Seconds for a whole check. A check takes about a hundredth of a second and the slowest less than one: what has not
come back after ten will not, even on a computer that is ten times slower. Other programs may leave this one a small
part of a processor: so long as it computes, its own seconds count (see :func:`is_over`)."""

MOST = 2.5  # times as long by the clock on the wall, whatever it does: nbgrader gives a cell 30 seconds
_LOOKS = 5  # as many in the time that passes before the first, and no more where it computes alone
_WAITS = 0.02  # of a processor: what uses less sleeps, or waits for something that does not come

_COURSE = str(Path(__file__).resolve().parents[2])  # its own lines are not interrupted: they put things back
_AGAIN = 0.2  # seconds between two attempts: a learner's `except:` may swallow the first ones


class TookTooLongError(BaseException):
    """Raised in the learner's function. No Exception: a learner's ``except Exception`` must not swallow it."""


_BUTTON = "The check was interrupted."


def passes(error: BaseException) -> bool:
    """Whether an exception is none of the answer's own: the watch's, or that of the learner's Interrupt button.

    A KeyboardInterrupt that comes while a watch is on, and without a signal, was raised by the answer itself.
    """
    if isinstance(error, KeyboardInterrupt):
        watched = isinstance(getattr(signal.getsignal(signal.SIGINT), "__self__", None), Watch)
        return _BUTTON in getattr(error, "__notes__", ()) or not watched
    return isinstance(error, TookTooLongError)


def is_over(seconds: float, elapsed: float, computed: float, share: float) -> bool:
    """Whether a function has had its time: has computed for so long, is doing nothing, or goes on for ever.

    Args:
        seconds: what it may take.
        elapsed: seconds since it began, by the clock on the wall.
        computed: seconds of a processor that the program has used since then, in all its threads.
        share: how much of a processor it used lately; 1 is one whole processor.
    """
    return elapsed >= seconds and (computed >= seconds or share < _WAITS or elapsed >= MOST * seconds)


class Watch:
    """A context in which the main thread may stay for some seconds; then TookTooLongError is raised in it.

    On a busy computer it may stay longer, as it gets less done in a second (see :func:`is_over`).

    A thread asks the main thread to interrupt itself, as the interrupt button does, which works on Linux, macOS and
    Windows. While the watch is on, the handler of that signal is its own, so the learner's button is told apart: it
    does what it did before. Outside the main thread nothing is watched, as no signal arrives there. Work inside one
    call of a C function, such as a long matrix product, is interrupted when that call returns.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._on = False
        self._ended = threading.Event()
        self._sending = threading.Lock()
        self._due = 0
        self._before: Any = None
        self._tracing: Any = None

    def __enter__(self) -> None:
        """Start the clock."""
        self._on = threading.current_thread() is threading.main_thread()
        if not self._on:
            return
        self._tracing = sys.gettrace()
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        threading.Thread(target=self._wait, daemon=True).start()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> Literal[False]:
        """Stop the clock and put back what was before."""
        self._ended.set()
        if self._on:
            with self._sending:  # whatever is being sent arrives while the handler is still ours, which ignores it
                pass
            signal.signal(signal.SIGINT, signal.default_int_handler if self._before is None else self._before)
            sys.settrace(self._tracing)
        return False

    def _wait(self) -> None:
        if self._comes_back():
            return
        while True:
            with self._sending:
                if not self._ended.is_set():
                    self._due += 1
                    _interrupt_main_thread()
            if self._ended.wait(_AGAIN):
                return

    def _comes_back(self) -> bool:
        """Wait until the main thread has left, or its time is over."""
        begun = before = _clocks()
        pause = self._seconds
        while not self._ended.wait(pause):
            now = _clocks()
            share = (now[1] - before[1]) / max(now[0] - before[0], 1e-9)
            if is_over(self._seconds, now[0] - begun[0], now[1] - begun[1], share):
                return False
            left = self._seconds - (now[1] - begun[1])
            before, pause = now, min(max(left, self._seconds / 100), self._seconds / _LOOKS)
        return True

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal: ours or the learner's own."""
        if not self._due:
            handler = self._before if callable(self._before) else signal.default_int_handler
            try:
                handler(number, frame)
            except KeyboardInterrupt as error:
                error.add_note(_BUTTON)
                raise
            return
        if self._ended.is_set() or _is_leaving(frame):
            return
        if self._due > 1:
            self._raise_at_every_line(frame)
        raise TookTooLongError

    def _raise_at_every_line(self, frame: FrameType | None) -> None:
        """Raise once more at the next line: that is where an `except:` swallows what is raised inside its `try`."""
        while frame is not None:
            if not _is_ours(frame):
                frame.f_trace = self._trace
            frame = frame.f_back
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ANN401
        if _is_ours(frame) or self._ended.is_set():
            return None
        if event == "line":
            raise TookTooLongError
        return self._trace


def _clocks() -> tuple[float, float]:
    """Return seconds by the clock on the wall, and those of a processor that this program has used."""
    return time.monotonic(), time.process_time()


def _is_leaving(frame: FrameType | None) -> bool:
    """Whether the watch is being ended at this moment: an error there would leave its handler behind."""
    while frame is not None:
        if frame.f_code is Watch.__exit__.__code__:
            return True
        frame = frame.f_back
    return False


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_COURSE)


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):  # also wakes a sleep
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
