"""Small pieces of drawings on a matplotlib figure, for the figures of all lessons.

matplotlib is imported when something is drawn, not when this module is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from course.lab.drawing.colors import GRAY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

TITLE_AT = 1.02  # a fixed height of titles spares a moving slider the search for a free one


def begin(fig: Figure, width: float, height: float) -> None:
    """Clear the figure and set its size in inches."""
    fig.clear()
    fig.set_size_inches(width, height)


def plain(ax: Axes) -> None:
    """Keep only the left and bottom edge of the axes, in gray."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GRAY)
    ax.tick_params(colors=INK, labelsize=10, length=3)


def write(ax: Axes, words: Sequence[str], places: Sequence[tuple[float, float]], **style: Any) -> None:  # noqa: ANN401
    """Write words at their places (x, y), in the style of one `ax.text` and in a fraction of the time of many."""
    from course.lab.drawing.canvas import Words

    ax.add_artist(Words(words, places, **style))


def shades(color: str) -> Colormap:
    """Return a color map from white to the color."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(color, ["#FFFFFF", color])
