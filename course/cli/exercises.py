"""`course exercises`: list the exercises and what is solved."""

import argparse
from contextlib import suppress
from pathlib import Path

from course.cli.options import Parser
from course.lab.exercises import all_exercises, workbook


def add_options(parser: Parser) -> None:
    """One: whether everything that is kept is checked again."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="load and check every kept piece again, and not only those whose file was edited since it passed",
    )
    parser.set_defaults(action=_list, parser=parser)


def _list(options: argparse.Namespace) -> None:
    _require_readable(workbook.folder())
    exercises = all_exercises()
    states = {state.id: state for state in workbook.states(again=options.check)}
    width = max((len(exercise.id) for exercise in exercises), default=0)
    for exercise in exercises:
        word = "solved" if states[exercise.id].solved else "open"
        print(f"{exercise.lesson:02}  {exercise.id:<{width}}  {word:<6}  {exercise.minutes:>3} min  {exercise.title}")
    solved = sum(state.solved for state in states.values())
    print(f"\n{solved} of {len(exercises)} solved; your workbook is {workbook.folder()}.")
    for state in states.values():
        if state.why:
            print(f"{state.id} counts as open: {state.why}.")
    if others := workbook.strangers():
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        print(f"Of no exercise in this version of the course: {', '.join(others[:3])}{more}.")


def _require_readable(folder: Path) -> None:
    """Raise `OSError` where a workbook is there and cannot be looked into: nothing would seem to be solved."""
    with suppress(FileNotFoundError):  # nothing has been kept yet
        next(folder.iterdir(), None)
