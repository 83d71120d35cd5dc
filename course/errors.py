"""The one exception that this package raises on purpose, and the advice that many of its messages end with."""

import difflib
from collections.abc import Sequence


class CourseError(ValueError):
    """What was wrong, with the value, and what to do: one clear sentence for a person.

    The command line prints the message and leaves with exit code 2; in a notebook it ends the traceback.
    """


def nearest(word: str, choices: Sequence[str]) -> str:
    """Return ' Did you mean "..."?' for the closest choice, or "" when none is close."""
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.5)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""
