"""The one exception that this package raises on purpose, and the advice that many of its messages end with."""

import difflib
import os
import re
import shlex
import textwrap
from collections.abc import Sequence

_WIDTH = 72  # JupyterLab breaks longer lines of an error in the middle of words


class CourseError(ValueError):
    """What was wrong, with the value, and what to do: one clear sentence for a person.

    The command line prints the message and leaves with exit code 2; a notebook shows the message alone. What helps
    has another name in each of them (`overwrite=True`, `--overwrite`): `message` is in the words of a notebook, and
    `on_command_line` says the same in those of the command line, where they differ.
    """

    def __init__(self, message: str = "", *, on_command_line: str | None = None):
        super().__init__(message)
        self.on_command_line = message if on_command_line is None else on_command_line

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: the frames are ours, and the message says it all."""
        words = "\n".join(
            textwrap.fill(line, _WIDTH, break_long_words=False, break_on_hyphens=False)
            for line in str(self).splitlines()
        )
        return [f"✗ {words}"]


def command(*words: object) -> str:
    """Return a command as it can be copied into a terminal: a word with a blank or another special sign is quoted.

    In the way of POSIX shells; on Windows in a way that PowerShell and cmd both read.
    """
    given = [str(word) for word in words]
    return shlex.join(given) if os.name == "posix" else " ".join(map(quoted_on_windows, given))


def quoted_on_windows(word: str) -> str:
    """Return a word as PowerShell and cmd both read it: in double quotes, where it needs any.

    In double quotes PowerShell would still replace what follows a $ or a `, so such a word stands in single ones.
    """
    if word and not re.search(r"[^\w.:/\\=+-]", word):
        return word
    if "$" in word or "`" in word:
        return "'" + word.replace("'", "''") + "'"
    return f'"{word}"'


def shortened(value: object) -> str:
    """Return a value as it reads in a sentence: on one line, and cut where it is long."""
    try:
        said = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # a number of thousands of digits
        said = f"a {type(value).__name__} too large to show"
    return said if len(said) <= 60 else said[:57] + "..."


def nearest(word: str, choices: Sequence[str]) -> str:
    """Return ' Did you mean "..."?' for the closest choice, or "" when none is close."""
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.5)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""
