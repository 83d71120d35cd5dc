"""The command line: data, train, evaluate, translate, exercises; one file for each.

A command is read first and its modules are imported after, so that help and `course exercises` never wait for torch.
Whatever is wrong with the input ends as one sentence on standard error and exit code 2. Results and the lines of a
training go to standard output, bars and warnings to standard error.
"""

from course.cli.command_line import main

__all__ = ["main"]
