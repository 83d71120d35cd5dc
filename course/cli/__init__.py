"""The command line: data, train, evaluate, translate, exercises; one file for each.

A command is read first and its modules are imported after, so that help and `course exercises` never wait for torch.
Whatever is wrong with the input ends as one sentence on standard error and exit code 2. Results and the lines of a
training go to standard output, bars and warnings to standard error. This file imports next to nothing: Ctrl-C is looked
after before anything that takes time.
"""

import os
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when it was interrupted.

    arguments: None for those of the process, which is then the command's own: see `course.cli.program`.
    """
    if arguments is None:
        try:
            from course.cli.program import run_program
        except KeyboardInterrupt:  # so early that nobody listens yet
            os.write(2, b"course: interrupted.\n")
            os._exit(130)
        return run_program()
    from course.cli.command_line import run

    return run(arguments)
