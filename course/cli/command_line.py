"""One command from its words to its exit code: read it, run it, and say in one sentence what went wrong."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from course import __version__
from course.cli.failures import exit_code, one_line
from course.cli.interrupts import Interrupts, say
from course.cli.options import Parser, unknown_option
from course.errors import CourseError

COMMANDS = {  # each is a module of this package, which has `add_options`
    "data": "fetch a corpus, or list what is there",
    "train": "train a translation model",
    "evaluate": "score a trained model, or compare two",
    "translate": "translate sentences",
    "exercises": "list the exercises and what is solved",
}


def run(arguments: Sequence[str], *, interrupts: Interrupts | None = None, printable: bool = True) -> int:
    """Run one command and return its exit code: 0, 1 where nobody reads on, 2 for bad input, 130 when interrupted.

    interrupts: of the process that runs this command alone. printable: whether there is a standard output.
    Raises errors of the package itself.
    """
    _speak_utf8()
    options = argparse.Namespace()
    try:
        if not printable and arguments[:1] != ["train"]:  # whose result is a folder
            raise CourseError("standard output is closed, so nothing could be printed: open it, or send it to a file.")
        _read(arguments, options)
        if interrupts is not None:
            interrupts.say = lambda: one_line(KeyboardInterrupt(), options)
            interrupts.has_files_open = options.command == "train"
        options.action(options)
        sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's exit
    except BrokenPipeError:  # the reader has enough: `course translate ... | head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - must outlive this function
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if interrupts is not None and interrupts.number:  # an interrupt may come out as another error
            interrupts.leave()
        if not (said := one_line(error, options)):
            raise
        say(said)
        return exit_code(error)
    return 0


def _speak_utf8() -> None:
    """Standard streams in UTF-8 on every system: Windows would fail at the first word that its code page lacks."""
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "replace"), (sys.stderr, "replace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _read(given: Sequence[str], options: argparse.Namespace) -> None:
    """Fill `options`; an option that no parser knows is named with its nearest."""
    parser = Parser(prog="course", description="Train, score and use the course's translation Transformer.")
    parser.add_argument("--version", action="version", version=f"course {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, about in COMMANDS.items():
        sub = subparsers.add_parser(name, help=about, description=about.capitalize() + ".")
        if name in given[:1]:  # only this one is needed, and the options of `train` cost the import of torch
            importlib.import_module(f"course.cli.{name}").add_options(sub)
    _, rest = parser.parse_known_args(given, options)
    if rest:
        raise unknown_option(options.parser, rest)
