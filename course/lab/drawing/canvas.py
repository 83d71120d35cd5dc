"""A matplotlib canvas that draws the same words twice only once.

Most of the time that a labelled heat map takes goes into laying out and rasterizing its labels, and most labels of
the next picture stood in the last one too. This canvas keeps a small picture of every piece of text that it has drawn
and stamps it again, at whole pixels; it uses public methods of the Agg renderer only. `Words` spares the layout too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.transforms import Transform
from numpy.typing import NDArray

from course.errors import CourseError
from course.lab.drawing.arrays import as_array, words_of

MARGIN = 4  # pixels around a piece of text, for what leans out of its box
MOST_STAMPS = 2_000


@dataclass(frozen=True)
class Stamp:
    """A piece of text as RGBA rows from bottom to top, with `below` pixels of them below its baseline."""

    rows: NDArray[np.uint8]
    below: int


@dataclass(frozen=True)
class Placed:
    """A stamp, and how far its baseline begins to the right of and above the point that the text is aligned to."""

    stamp: Stamp
    right: float
    up: float


class StampingRenderer(RendererAgg):
    """An Agg renderer that remembers the pieces of level text that it has drawn.

    before: a renderer of the same resolution and perhaps another size, whose pieces it knows from the start.
    """

    def __init__(self, width: float, height: float, dpi: float, before: StampingRenderer | None = None) -> None:
        super().__init__(width, height, dpi)
        self._stamps: dict[Any, Stamp] = before._stamps if before else {}
        self._placed: dict[Any, dict[str, Placed]] = before._placed if before else {}
        self._last: tuple[Stamp, float, float] | None = None  # the stamp drawn last, and where its baseline began

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Literal["TeX"] | bool = False,
        mtext: Text | None = None,
    ) -> None:
        """Draw level text from its stamp, and turned text as ever; x and y are in pixels from the upper left."""
        if angle:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        key = (s, prop.copy(), gc.get_rgb(), gc.get_alpha(), gc.get_antialiased(), ismath)
        if key not in self._stamps:
            if len(self._stamps) >= MOST_STAMPS:
                self._stamps.clear()
            self._stamps[key] = self._stamp(gc, s, prop, ismath, mtext)
        self._last = self._stamps[key], x, self.height - y
        self._press(gc, *self._last)

    def draw_words(self, words: Sequence[str], points: NDArray[np.float64], pen: Text, style: str) -> None:
        """Draw words as the pen would, each aligned to its point (x, y) in pixels from the lower left.

        Where a word begins is remembered with its stamp, so only a new one is laid out. style: all that the pen was
        told; with what matplotlib's settings add to it, font and color, it says which words are alike.
        """
        if sum(map(len, self._placed.values())) >= MOST_STAMPS:
            self._placed.clear()
        known = self._placed.setdefault((style, pen.get_fontproperties().copy(), pen.get_color()), {})
        gc = self.new_gc()
        for word, (x, y) in zip(words, points, strict=True):
            if placed := known.get(word):
                self._press(gc, placed.stamp, x + placed.right, y + placed.up)
                continue
            self._last = None
            pen.set_text(word)
            pen.set_position((x, y))
            pen.draw(self)
            if self._last is not None and "\n" not in word:  # turned text has no stamp, two lines have two
                stamp, left, baseline = self._last
                known[word] = Placed(stamp, left - x, baseline - y)
        gc.restore()

    def _press(self, gc: GraphicsContextBase, stamp: Stamp, x: float, y: float) -> None:
        """Stamp a text whose baseline begins at (x, y), in pixels from the lower left."""
        row = self.height - round(self.height - y)  # rounded from above, as matplotlib does
        self.draw_image(gc, round(x) - MARGIN, row - stamp.below, stamp.rows)

    def _stamp(
        self, gc: GraphicsContextBase, s: str, prop: FontProperties, ismath: Literal["TeX"] | bool, mtext: Text | None
    ) -> Stamp:
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        below = int(descent) + MARGIN
        paper = RendererAgg(int(width) + 2 * MARGIN + 1, int(height) + 2 * MARGIN + 1, self.dpi)
        ink = paper.new_gc()
        ink.copy_properties(gc)
        ink.set_clip_rectangle(None)
        ink.set_clip_path(None)
        paper.draw_text(ink, MARGIN, paper.height - below, s, prop, 0, ismath, mtext)
        return Stamp(np.asarray(paper.buffer_rgba())[::-1].copy(), below)


class Words(Artist):
    """Many pieces of level text in one style, as one artist; a picture of them is that of as many `ax.text`.

    matplotlib takes half a millisecond to make one Text and lay it out, and a map has a hundred. These share one.
    """

    zorder = Text.zorder

    def __init__(
        self,
        words: Sequence[str],
        places: Sequence[tuple[float, float]],
        *,
        transform: Transform | None = None,
        **style: Any,  # noqa: ANN401
    ) -> None:
        """words: each at its place (x, y), in data coordinates or those of `transform`; style: as for `ax.text`.

        Raises CourseError unless there is a place for each word.
        """
        super().__init__()
        points = as_array(places).astype(float).reshape(-1, 2)
        if len(words) != len(points):
            raise CourseError(f"There are {len(words)} words and {len(points)} places: give each word one place.")
        if transform is not None:
            self.set_transform(transform)
        told = words_of(words, "words", len(points))
        written = [i for i, word in enumerate(told) if word]
        self.words = [told[i] for i in written]
        self._places = points[written]
        self._style = style
        self.set_in_layout(False)

    def texts(self) -> list[Text]:
        """Return what is drawn: a Text for each word, at its place in pixels."""
        points = self.get_transform().transform(self._places)
        return [self._text(x, y, word) for word, (x, y) in zip(self.words, points, strict=True)]

    def _text(self, x: float = 0, y: float = 0, word: str = "") -> Text:
        text = Text(x, y, word, **self._style)
        if (figure := self.get_figure()) is not None:  # it knows the resolution
            text.set_figure(figure)
        return text

    def draw(self, renderer: RendererBase) -> None:
        """Draw all words."""
        if not self.get_visible():
            return
        if isinstance(renderer, StampingRenderer):
            points = self.get_transform().transform(self._places)
            renderer.draw_words(self.words, points, self._text(), repr(sorted(self._style.items())))
        else:
            for text in self.texts():
                text.draw(renderer)
        self.stale = False


class StampingCanvas(FigureCanvasAgg):
    """An Agg canvas whose renderer lives as long as the figure keeps its size, and its stamps as long as its dpi."""

    _size: tuple[float, float, float] | None = None
    renderer: StampingRenderer

    def get_renderer(self) -> RendererAgg:
        """Return the renderer of the figure's present size."""
        size = (*self.get_width_height(physical=True), self.figure.dpi)
        if size != self._size:
            same = self._size is not None and self._size[-1] == size[-1]
            self.renderer = StampingRenderer(*size, before=self.renderer if same else None)
            self._size = size
        return self.renderer
