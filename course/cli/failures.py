"""What a person reads where a command fails: one sentence, with what to do."""

import argparse
import math
from pathlib import Path

from course.errors import CourseError, command

BAD_INPUT, INTERRUPTED = 2, 130


def exit_code(error: BaseException) -> int:
    """What the shell is told: 130 where somebody pressed Ctrl-C, else 2."""
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else BAD_INPUT


def one_line(error: BaseException, options: argparse.Namespace) -> str:
    """`one_sentence`, without line breaks and control characters, which names of files may hold; blanks stay."""
    lines = one_sentence(error, options).splitlines()
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(line.strip() for line in lines))


def one_sentence(error: BaseException, options: argparse.Namespace) -> str:
    """What to tell the person who gave the command; "" where the error is one of the package itself.

    options: what the command was told, as far as it was read.
    """
    if isinstance(error, CourseError):
        return error.on_command_line
    if isinstance(error, KeyboardInterrupt):
        return _how_to_go_on(options)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; check the name, the rights and the free space."
    if isinstance(error, ImportError) and not (error.name or "").startswith("course"):
        return f"a library cannot be loaded ({error}): set the course's environment up again."
    if _is_out_of_memory(error):
        return "not enough memory; choose smaller sizes or a smaller --batch-tokens or --batch-size."
    return ""


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    signs = ("allocate memory", "out of memory", "storage size calculation overflowed")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _how_to_go_on(options: argparse.Namespace) -> str:
    if getattr(options, "command", "") != "train" or getattr(options, "out", None) is None:
        return "interrupted."
    state = options.out / "last.safetensors"
    started = getattr(options, "started", math.inf)
    if getattr(options, "overwrite", False) and state.exists() and state.stat().st_mtime < started:
        return f"interrupted before anything was changed; {options.out} still holds the run that was there."
    if state.exists():
        go_on = command("course", "train", "--out", options.out, "--resume")
        return f"interrupted; `{go_on}` goes on from the last saved state{_what_waits(options.out)}."
    if not options.out.exists():
        return f"interrupted before anything was written to {options.out}."
    return (
        f"interrupted before the first state was saved; start again with `{command('--out', options.out)} --overwrite`."
    )


def _what_waits(run: Path) -> str:
    """Where the run is that was to be replaced, if there is one."""
    from course.training.run_file import PREVIOUS  # here, because it loads torch, which a training has loaded

    waits = (run / PREVIOUS).is_dir()
    return f", and the run that was there before is in {run / PREVIOUS} until this one is first scored" if waits else ""
