"""`course exercises`: list the exercises and what is solved."""

import argparse
from contextlib import suppress
from pathlib import Path

from course.cli.options import Parser
from course.lab.exercises import all_exercises, workbook


def add_options(parser: Parser) -> None:
    """None: the command only lists."""
    parser.set_defaults(action=_list, parser=parser)


def _list(options: argparse.Namespace) -> None:
    _require_readable(workbook.folder())
    exercises, solved = all_exercises(), set(workbook.solved_ids())
    width = max((len(exercise.id) for exercise in exercises), default=0)
    for exercise in exercises:
        state = "solved" if exercise.id in solved else "open"
        print(f"{exercise.lesson:02}  {exercise.id:<{width}}  {state:<6}  {exercise.minutes:>3} min  {exercise.title}")
    print(f"\n{len(solved)} of {len(exercises)} solved; your workbook is {workbook.folder()}.")


def _require_readable(folder: Path) -> None:
    """Raise `OSError` where a workbook is there and cannot be looked into: nothing would seem to be solved."""
    with suppress(FileNotFoundError):  # nothing has been kept yet
        next(folder.iterdir(), None)
