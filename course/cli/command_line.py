"""One command from its words to its exit code: read it, run it, and say in one sentence what went wrong."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from course import __version__
from course.cli.failures import exit_code, one_sentence
from course.cli.options import Parser, unknown_option
from course.errors import CourseError

COMMANDS = {  # each is a module of this package, which has `add_options`
    "data": "fetch a corpus, or list what is there",
    "train": "train a translation model",
    "evaluate": "score a trained model, or compare two",
    "translate": "translate sentences",
    "exercises": "list the exercises and what is solved",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when it was interrupted."""
    _speak_utf8()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace()
    try:
        _read(given, options)
        options.action(options)
        sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's exit
    except BrokenPipeError:  # the reader has enough: `course translate ... | head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - must outlive this function
        return 1
    except (CourseError, KeyboardInterrupt, OSError, MemoryError, RuntimeError) as error:
        if not (said := one_sentence(error, options)):
            raise
        print(f"course: {' '.join(said.split())}", file=sys.stderr)
        return exit_code(error)
    return 0


def _speak_utf8() -> None:
    """Standard streams in UTF-8 on every system: Windows would fail at the first word that its code page lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


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
