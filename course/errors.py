"""The one exception that this package raises on purpose."""


class CourseError(ValueError):
    """What was wrong, with the value, and what to do: one clear sentence for a person.

    The command line prints the message and leaves with exit code 2; in a notebook it ends the traceback.
    """
