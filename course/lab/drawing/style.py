"""The settings of matplotlib under which the figures of the course are drawn."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's own defaults, with words as text; what the reader has set comes back afterwards.

    So a style sheet, a larger font or LaTeX leaves the figures of the course as they are, and `$` in a word is a
    dollar. A label that is a formula says so: `parse_math=True`.
    """
    import matplotlib.style

    with matplotlib.style.context(["default", {"text.parse_math": False}]):
        yield


def style_of(draw: Callable[..., object]) -> AbstractContextManager[None]:
    """Return the settings for a drawing function: of the house for the course's, of the reader for any other."""
    while isinstance(draw, functools.partial):
        draw = draw.func
    room = getattr(inspect.unwrap(draw), "__module__", None) or ""
    return house_style() if room.partition(".")[0] == "course" else nullcontext()


def powers_as_formulas(figure: Figure) -> None:
    """Let logarithmic axes write their powers of ten as formulas, as they do where words are no formulas."""
    from matplotlib.ticker import LogFormatter

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                for label in (*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)):
                    label.set_parse_math(True)
