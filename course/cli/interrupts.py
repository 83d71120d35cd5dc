"""What Ctrl-C does at any moment, and the line that is said at the end. It imports little, to be ready early."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

TYPE_CHECKING = False  # as typing has it, which takes long to import
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

SAME_WISH = 1.0  # seconds: a second Ctrl-C that follows sooner asks for nothing new


class Interrupts:
    """What Ctrl-C does, and SIGTERM, by which `docker stop`, Slurm and others end a program.

    Most commands have nothing to lose and leave at once, wherever they are. One that `has_files_open` is told by a
    KeyboardInterrupt and leaves when it has closed them; if it does not, a later Ctrl-C ends it.
    """

    def __init__(self) -> None:
        self.say: Callable[[], str] = lambda: "interrupted."
        self.has_files_open = False
        self.number = 0  # of the signal that was heard
        self._heard_at = 0.0

    def listen(self) -> None:
        """Take the signals over, but for those that whoever started the process switched off."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                _handle(number, self._hear)

    def ignore(self) -> None:
        """Hear no more: the last line is being said, or the work is done."""
        for number in (signal.SIGINT, signal.SIGTERM):
            _handle(number, signal.SIG_IGN)

    def leave(self) -> NoReturn:
        """Say one line and end the process, whatever it is in the middle of."""
        self.ignore()
        with suppress(Exception):  # it was just being written to, or takes no more
            sys.stdout.flush()
        below = "\n" if os.isatty(2) else ""  # the terminal shows ^C, or a bar, in this line
        with suppress(OSError):  # straight to the file: sys.stderr may have been interrupted while it was written to
            os.write(2, f"{below}course: {self.say()}\n".encode("utf-8", "replace"))
        os._exit(128 + self.number)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        first = not self.number
        if first:
            self.number, self._heard_at = number, time.monotonic()
        if not self.has_files_open:
            self.leave()
        if first:
            raise KeyboardInterrupt
        if time.monotonic() - self._heard_at > SAME_WISH:
            self.leave()

    def unraisable(self, caught: sys.UnraisableHookArgs) -> None:
        """Stand in for `sys.unraisablehook`: an interrupt that came where Python can raise nothing is not lost."""
        if caught.exc_type is KeyboardInterrupt:
            self.leave()
        sys.__unraisablehook__(caught)


def say(sentence: str) -> None:
    """Write one line to standard error, if it takes any."""
    with suppress(OSError, ValueError):  # full or closed
        print(f"course: {sentence}", file=sys.stderr, flush=True)


def _handle(number: int, handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    with suppress(ValueError):  # not the main thread: then signals are somebody else's
        signal.signal(number, handler)
