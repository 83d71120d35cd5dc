"""The one exception that this package raises on purpose."""

import textwrap

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
