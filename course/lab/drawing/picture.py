"""From a drawing function to a picture with its alternative text.

A drawing function has the form `draw(fig, **values) -> str`: it draws on the matplotlib Figure that it is given and
returns the alternative text of what it drew. `show` displays a still picture; `render` draws one frame of many, or says
which error stands in its place.

matplotlib is imported when something is drawn, not when this module is imported.
"""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[..., str]

DPI = 72  # one point of type is one pixel of the page
SIZE = (8.0, 4.0)  # inches; a drawing function may set another size


@dataclass(frozen=True)
class Frame:
    """One picture: PNG bytes, its alternative text, and the error in its place ("" where there is none)."""

    png: bytes
    alt: str
    error: str = ""


def show(draw: Draw, **values: object) -> None:
    """Draw a still picture and display it with its text alternative.

    The text is the output's plain-text form (what a terminal or a reader without pictures gets), the `alt`
    of the exported page, and unfolds below the picture.
    """
    from IPython.display import display

    png, alt = still(draw, **values)
    display({"image/png": png, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})
    folded = f"<details><summary>The picture in words</summary>{alt}</details>"
    display({"text/markdown": folded, "text/plain": ""}, raw=True)


def still(draw: Draw, **values: object) -> tuple[bytes, str]:
    """Run a drawing function on a fresh figure; return the PNG (72 dpi, white) and the alternative text."""
    from matplotlib.figure import Figure

    fig = Figure(dpi=DPI, facecolor="white")
    alt = draw(fig, **values)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue(), alt


def new_figure() -> Figure:
    """Return the empty figure that one panel draws on again and again; pyplot knows nothing of it."""
    from matplotlib.figure import Figure

    from course.lab.drawing.canvas import StampingCanvas

    figure = Figure(figsize=SIZE, dpi=DPI)
    StampingCanvas(figure)
    return figure


def render(figure: Figure, draw: Draw, values: dict[str, Any]) -> Frame:
    """Draw once on a cleared figure and return the picture, or the error where the picture would be."""
    for axes in list(figure.axes):
        figure.delaxes(axes)  # clearing would first rebuild every tick of axes that nobody sees again
    figure.clear()
    figure.set_size_inches(*SIZE)
    try:
        alt = draw(figure, **values)
        if not isinstance(alt, str):
            raise CourseError(f"{_name(draw)} returned {alt!r}; it must return its alternative text.")
        return Frame(as_png(figure), alt)
    except Exception as error:
        return Frame(b"", f"No picture: {type(error).__name__}: {error}", describe_error(error))


def as_png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes: the same bytes for the same drawing (no date, no version inside)."""
    import numpy as np
    from PIL import Image

    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    stream = io.BytesIO()
    pixels.convert("RGB").save(stream, "png", compress_level=1)  # speed matters more than size
    return stream.getvalue()


def describe_error(error: BaseException) -> str:
    """Return the kind and message of an error, and the learner's own line that raised it if there is one."""
    lines = [f"{type(error).__name__}: {error}"]
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    if own and own[-1].line:
        lines.append(f"in {own[-1].name}, line {own[-1].lineno}: {own[-1].line}")
    return "\n".join(lines)


def _is_own(filename: str) -> bool:
    package = Path(__file__).parents[2]
    path = Path(filename)
    return not (path.is_relative_to(package) or "site-packages" in path.parts or filename.startswith("<frozen"))


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
