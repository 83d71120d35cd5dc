"""From a drawing function to a picture with its alternative text.

A drawing function has one of two forms:

    draw(fig, **values) -> str       draws on the matplotlib Figure that it is given, returns the alternative text
    draw(**values) -> Markup         returns HTML, such as a map as a table, with the alternative text

Which of them it is says its first parameter. `show` displays a still picture; `render` draws one frame of many, or says
which error stands in its place.

matplotlib is imported when something is drawn on a figure, not when this module is imported.
"""

from __future__ import annotations

import base64
import html
import inspect
import io
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError
from course.lab.drawing.style import house_style, powers_as_formulas, style_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Markup:
    """HTML with its alternative text. Last in a cell, it is shown.

    JupyterLab shows it before the notebook has been run, where it is made of plain tags whose styles stand in them, and
    pictures are `<img src="data:image/...">`. Every word in it has gone through `html.escape`.
    """

    html: str
    alt: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}


Draw = Callable[..., str] | Callable[..., Markup]

DPI = 72  # one point of type is one pixel of the page
STILL_DENSITY = 2  # stored pictures have twice as many pixels each way, for screens that show them
SIZE = (8.0, 4.0)  # inches; a drawing function may set another size
_CARD = (  # a picture on white is a card, on a dark page too
    "display: inline-block; max-width: 100%; box-sizing: border-box; padding: 8px; background-color: #ffffff; "
    "border: 1px solid rgba(128, 128, 128, 0.35); border-radius: 8px; overflow-x: auto"
)


@dataclass(frozen=True)
class Frame:
    """One picture: PNG bytes or markup, its alternative text, and the error in its place ("" where there is none)."""

    png: bytes
    alt: str
    error: str = ""
    markup: str = ""


def show(draw: Draw | Markup, **values: object) -> None:
    """Draw a still picture, or take one that has been made, and display it with its text alternative.

    The text is the output's plain-text form (what a terminal or a reader without pictures gets), the `alt`
    of the picture, and unfolds below it.
    """
    from IPython.display import display

    if isinstance(draw, Markup):
        display(draw._repr_mimebundle_(), raw=True)
        return
    made = still(draw, **values)
    display({"text/html": with_words(made), "text/plain": made.alt}, raw=True)


def wants_figure(draw: Draw) -> bool:
    """Return whether a drawing function draws on a figure (its first parameter is `fig`) or returns Markup.

    Raises:
        CourseError: it is no function.
    """
    if not callable(draw):
        raise CourseError(
            f"A {type(draw).__name__} is no drawing function: give one, and its values, as show(draw_map, weights=...) "
            "does."
        )
    return next(iter(inspect.signature(draw).parameters), "") == "fig"


def still(draw: Draw, **values: object) -> Markup:
    """Run a drawing function once; return what it drew, as HTML, and the alternative text.

    Raises:
        CourseError: it returned neither.
    """
    if wants_figure(draw):
        png, alt = still_png(draw, **values)
        return Markup(as_image(png, alt), alt)
    return _checked(draw(**values), draw)


def still_png(draw: Draw, **values: object) -> tuple[bytes, str]:
    """Run a drawing function on a fresh figure; return the PNG (white, of double density) and its text."""
    from matplotlib.figure import Figure

    dpi, buffer = DPI * STILL_DENSITY, io.BytesIO()
    with style_of(draw):
        fig = Figure(figsize=SIZE, dpi=dpi)
        alt = draw(fig, **values)
        if not isinstance(alt, str):
            raise CourseError(f"{_name(draw)} returned {alt!r}; it must return its alternative text.")
        powers_as_formulas(fig)
        fig.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return _compact(buffer.getvalue()), alt


def _compact(png: bytes) -> bytes:
    """Return the same picture in a third of the bytes: its 256 most useful colors, which nobody tells from all."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(stream, "png", optimize=True, dpi=(DPI * STILL_DENSITY,) * 2)
    return stream.getvalue()


def as_image(png: bytes, alt: str) -> str:
    """Return a PNG as an `<img>` on a white card; its width is that at 72 dpi, whatever its density.

    The density is what the file says, 72 dpi where it says nothing.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        wide, dpi = picture.width, picture.info.get("dpi", (DPI, DPI))[0]
    data = base64.b64encode(png).decode("ascii")
    return as_card(f"data:image/png;base64,{data}", round(wide * DPI / dpi), alt)


def as_card(source: str, width: int, alt: str, *, least: float = 0.0) -> str:
    """Return an `<img>` of a data address on a white card; width in pixels of the page.

    On a narrower page it shrinks, to the share `least` of its width; what is wider then is scrolled.
    """
    told = html.escape(" ".join(alt.split()))
    narrowest = f"; min-width: {round(least * width)}px" if least else ""
    style = f"display: block; max-width: 100%; height: auto{narrowest}"
    image = f'<img alt="{told}" width="{width}" style="{style}" src="{source}">'
    return f'<div style="{_CARD}">{image}</div>'


def with_words(made: Markup) -> str:
    """Return the HTML of a picture with its text folded below."""
    words = html.escape(made.alt).replace("\n", "<br>")
    return f"<div>{made.html}</div><details><summary>The picture in words</summary>{words}</details>"


def new_figure(draw: Draw | None = None) -> Figure:
    """Return the empty figure that one panel draws on again and again; pyplot knows nothing of it.

    draw: whose style it has, the house's or the reader's; the house's where None.
    """
    from matplotlib.figure import Figure

    from course.lab.drawing.canvas import StampingCanvas

    with style_of(draw) if draw else house_style():
        figure = Figure(figsize=SIZE, dpi=DPI)
        StampingCanvas(figure)
    return figure


def render(figure: Figure | None, draw: Draw, values: dict[str, Any], density: int = 1) -> Frame:
    """Draw once, on the cleared figure where it wants one; return the picture, or the error where it would be.

    density: pixels of the picture for one of the page, each way.
    """
    try:
        if not wants_figure(draw):
            made = _checked(draw(**values), draw)
            return Frame(b"", made.alt, markup=made.html)
        assert figure is not None, "a drawing function with `fig` needs a figure"
        with style_of(draw):
            _clear(figure, density)
            alt = draw(figure, **values)
            if not isinstance(alt, str):
                raise CourseError(f"{_name(draw)} returned {alt!r}; it must return its alternative text.")
            powers_as_formulas(figure)
            return Frame(as_png(figure), alt)
    except Exception as error:
        return Frame(b"", f"No picture: {type(error).__name__}: {error}", describe_error(error))


def _clear(figure: Figure, density: int) -> None:
    for axes in list(figure.axes):
        figure.delaxes(axes)  # clearing would first rebuild every tick of axes that nobody sees again
    figure.clear()
    if figure.dpi != DPI * density:
        figure.set_dpi(DPI * density)
    figure.set_size_inches(*SIZE)


def _checked(made: object, draw: Draw) -> Markup:
    if not isinstance(made, Markup):
        raise CourseError(
            f"{_name(draw)} returned {made!r}; without a parameter `fig`, it must return Markup(html, alt)."
        )
    return made


def as_png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes: the same bytes for the same drawing (no date, no version inside)."""
    import numpy as np
    from PIL import Image

    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    stream = io.BytesIO()  # speed matters more than size
    pixels.convert("RGB").save(stream, "png", compress_level=1, dpi=(figure.dpi, figure.dpi))
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
