"""PNG pictures in notebooks: what to store of them, and when two of them show the same."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

TOLERANCE = 2.0
"""Largest root mean square difference within any tile, on the scale 0..255, of pictures that count as equal."""

TILE = 32
"""Side of a tile in pixels. Over a whole picture, a small label's turn would drown in the background."""

_VISIBLE = 32  # a pixel that differs by more than this, in any channel, is reported as "seen"


@dataclass(frozen=True)
class Difference:
    """How far two pictures are apart.

    Attributes:
        rms: root mean square over the pixels and channels of the worst tile, 0..255; infinite when the sizes
            differ.
        sizes: (width, height) in pixels of the first and of the second picture.
        box: left, top, right, bottom of the pixels that visibly differ, or None.
    """

    rms: float
    sizes: tuple[tuple[int, int], tuple[int, int]]
    box: tuple[int, int, int, int] | None

    @property
    def is_same(self) -> bool:
        """True if the difference is no more than what another machine's rendering does."""
        return self.rms <= TOLERANCE

    def __str__(self) -> str:
        """One sentence for the report of a failed comparison."""
        if self.sizes[0] != self.sizes[1]:
            (w0, h0), (w1, h1) = self.sizes
            return f"the stored picture is {w0} x {h0} pixels, the new one {w1} x {h1}"
        where = f"; they differ within left, top, right, bottom = {self.box}" if self.box else ""
        return f"pictures differ by RMS {self.rms:.2f} of 255 in one tile, allowed are {TOLERANCE}{where}"


def size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, read from the PNG's first chunk."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def compact(png: bytes) -> bytes:
    """Return a PNG with exactly the same pixels in fewer bytes, and without text, time and resolution.

    What goes is what the file says of the software and the day, and an alpha channel that hides nothing.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    if pixels[..., 3].min() == 255:
        pixels = pixels[..., :3]
    stream = io.BytesIO()
    _as_picture(pixels).save(stream, "png", optimize=True)
    return stream.getvalue()


def _as_picture(pixels: np.ndarray) -> Picture:
    """Return pixels (height, width, 3 or 4) as a picture; of up to 256 colors with a palette, a third of the bytes."""
    from PIL import Image

    if pixels.shape[-1] == 3:
        numbered = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
        found, places = np.unique(numbered, return_inverse=True)
        if len(found) <= 256:
            picture = Image.fromarray(places.reshape(numbered.shape).astype(np.uint8))
            picture.putpalette(
                np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1).astype(np.uint8).tobytes()
            )
            return picture
    return Image.fromarray(np.ascontiguousarray(pixels))


def _pixels(png: bytes) -> np.ndarray:
    """Decode to float (height, width, 3), laid on white as a notebook page lays it."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.float64)
    alpha = rgba[..., 3:] / 255.0
    return rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)


def difference(stored: bytes, new: bytes) -> Difference:
    """Compare two PNG files pixel by pixel."""
    a, b = _pixels(stored), _pixels(new)
    sizes = ((a.shape[1], a.shape[0]), (b.shape[1], b.shape[0]))
    if sizes[0] != sizes[1]:
        return Difference(float("inf"), sizes, None)
    gap = np.abs(a - b)
    rows, columns = np.nonzero(gap.max(axis=-1) > _VISIBLE)
    box = None
    if rows.size:
        box = (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))
    return Difference(_worst_tile(gap**2), sizes, box)


def _worst_tile(squares: np.ndarray) -> float:
    """Return the largest root mean square within a tile; tiles overlap by half, so no border hides it."""
    half = TILE // 2
    height, width, channels = squares.shape
    rows, columns = (max(2, -(-length // half)) for length in (height, width))
    room = np.zeros((2, rows * half, columns * half))
    room[0, :height, :width] = squares.sum(axis=-1)
    room[1, :height, :width] = channels
    blocks = room.reshape(2, rows, half, columns, half).sum(axis=(2, 4))
    tiles = blocks[:, :-1, :-1] + blocks[:, 1:, :-1] + blocks[:, :-1, 1:] + blocks[:, 1:, 1:]
    return float(np.sqrt((tiles[0] / tiles[1]).max()))
