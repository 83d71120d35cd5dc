"""How long a cell and a lesson may take, and why: the one place where these numbers stand.

Building, validation and the rules use them alike. A cell that needs longer says so by a tag, ``limit-480`` for 480
seconds, which both notebooks keep.
"""

import re
from collections.abc import Iterable

CELL = 60
"""Seconds that a cell without a tag may take. A whole lesson is planned for half of it on two cores: a cell that takes
as long alone hangs, or belongs to a training and says so by its tag. Machines twice as slow as planned still pass."""

LONGEST = 600
"""Seconds that a tag may ask for. Longer work is done before by a documented command; the lesson reads its logs."""

OUTPUT = 60
"""Seconds to wait for an output of a cell that has ended; nbval's own 5 are too few on a busy machine."""

LESSON = 60
"""Seconds for a lesson as a whole. Building says when one takes longer, and refuses nothing: machines differ."""

TRAINING_LESSON = 240
"""The same for a lesson that trains, that is, one with a cell that has a tag."""

_TAG = re.compile(r"limit-(\d+)")


def cell_limit(tags: Iterable[str]) -> int | None:
    """Return the seconds that a cell's tags ask for, or None if there is no such tag."""
    found = (_TAG.fullmatch(tag) for tag in tags)
    return next((int(match.group(1)) for match in found if match), None)


def tag_problem(tag: str) -> str | None:
    """Return what is wrong with a tag that is meant as a limit, or None."""
    if not tag.startswith("limit"):
        return None
    match = _TAG.fullmatch(tag)
    if match and 0 < int(match.group(1)) <= LONGEST:
        return None
    return f"has the tag {tag!r}; a limit is written limit-SECONDS, with at most {LONGEST} seconds"
