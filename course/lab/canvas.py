"""A matplotlib canvas that draws the same words twice only once.

Most of the time that a labelled heat map takes goes into laying out and rasterizing its labels, and most labels of
the next picture stood in the last one too. This canvas keeps a small picture of every piece of text that it has drawn
and stamps it again, at whole pixels; it uses public methods of the Agg renderer only.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from numpy.typing import NDArray

MARGIN = 4  # pixels around a piece of text, for what leans out of its box
MOST_STAMPS = 2_000


class StampingRenderer(RendererAgg):
    """An Agg renderer that remembers the pieces of level text that it has drawn."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)
        self._stamps: dict[Any, tuple[NDArray[np.uint8], int]] = {}

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
        stamp, below = self._stamps[key]
        self.draw_image(gc, round(x) - MARGIN, self.height - round(y) - below, stamp)

    def _stamp(
        self, gc: GraphicsContextBase, s: str, prop: FontProperties, ismath: Literal["TeX"] | bool, mtext: Text | None
    ) -> tuple[NDArray[np.uint8], int]:
        """Return the text as RGBA rows from bottom to top, and the pixels below its baseline."""
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        below = int(descent) + MARGIN
        paper = RendererAgg(int(width) + 2 * MARGIN + 1, int(height) + 2 * MARGIN + 1, self.dpi)
        ink = paper.new_gc()
        ink.copy_properties(gc)
        ink.set_clip_rectangle(None)
        ink.set_clip_path(None)
        paper.draw_text(ink, MARGIN, paper.height - below, s, prop, 0, ismath, mtext)
        return np.asarray(paper.buffer_rgba())[::-1].copy(), below


class StampingCanvas(FigureCanvasAgg):
    """An Agg canvas whose renderer, and so its stamps, lives as long as the figure keeps its size."""

    _size: tuple[float, float, float] | None = None

    def get_renderer(self) -> RendererAgg:
        """Return the renderer of the figure's present size."""
        size = (*self.get_width_height(physical=True), self.figure.dpi)
        if size != self._size:
            self.renderer = StampingRenderer(*size)
            self._size = size
        return self.renderer
