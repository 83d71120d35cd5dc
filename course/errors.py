"""The one exception that this package raises on purpose, and the advice that many of its messages end with."""

import difflib
import textwrap
from collections.abc import Sequence

_WIDTH = 72  # JupyterLab breaks longer lines of an error in the middle of words


class CourseError(ValueError):
    """What was wrong, with the value, and what to do: one clear sentence for a person.

    The command line prints the message and leaves with exit code 2; a notebook shows the message alone.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: the frames are ours, and the message says it all."""
        words = "\n".join(
            textwrap.fill(line, _WIDTH, break_long_words=False, break_on_hyphens=False)
            for line in str(self).splitlines()
        )
        return [f"✗ {words}"]


def nearest(word: str, choices: Sequence[str]) -> str:
    """Return ' Did you mean "..."?' for the closest choice, or "" when none is close."""
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.5)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""
