"""The command as a whole process: its standard streams, Ctrl-C at any moment, and errors that nobody foresaw.

It imports little, so that it is ready before the rest is loaded: torch takes seconds, in which people press Ctrl-C.
"""

from __future__ import annotations

import os
import sys

from course.cli.interrupts import Interrupts, say

TYPE_CHECKING = False  # as typing has it, which takes long to import
if TYPE_CHECKING:
    from typing import IO

BUG = 1  # the exit code of an error of the course itself


def run_program() -> int:
    """Run the command that the process was started with. Returns its exit code."""
    interrupts = Interrupts()
    interrupts.listen()
    sys.unraisablehook = interrupts.unraisable
    printable = _open_streams()
    try:
        code = _run(interrupts, printable)
    except SystemExit as left:  # help has been shown
        code = left.code if isinstance(left.code, int) else 0
    except BaseException as error:
        if interrupts.number:
            interrupts.leave()
        if os.environ.get("COURSE_DEBUG") or not isinstance(error, Exception):
            raise
        code = BUG
        say(_as_a_bug(error))
    if interrupts.number:
        interrupts.leave()
    interrupts.ignore()
    return _flushed(code)


def _run(interrupts: Interrupts, printable: bool) -> int:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not needed yet
    except OSError:
        say("the folder that you are in is gone or closed to you: change to another one, then try again.")
        return 2
    from course.cli.command_line import run

    return run(sys.argv[1:], interrupts=interrupts, printable=printable)


def _open_streams() -> bool:
    """Open those standard streams that were closed on nothing; return whether there is a standard output.

    Otherwise the next file that is opened would take the place of the closed one and get what is printed there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    printable = sys.stdout is not None
    sys.stdin = sys.stdin or _nothing("r")
    sys.stdout = sys.stdout or _nothing("w")
    sys.stderr = sys.stderr or _nothing("w")
    return printable


def _nothing(mode: str) -> IO[str]:
    return open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - open until the process ends


def _flushed(code: int) -> int:
    """Write out what is still to be printed: a full disk is said here, and not by the interpreter at its exit."""
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = _nothing("w")
        if code == 0 and not isinstance(error, BrokenPipeError):
            say(f"the output could not be written: {error.strerror}; check the free space.")
            return 2
    return code


def _as_a_bug(error: Exception) -> str:
    """Say that the course is at fault, where, and how to report it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {os.path.basename(trace.tb_frame.f_code.co_filename)}, line {trace.tb_lineno}" if trace else ""  # noqa: PTH119
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is an error of the course itself ({what}{place}): please report it, with what COURSE_DEBUG=1 shows."
