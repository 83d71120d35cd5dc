"""Line drawings as SVG, for pictures whose words no table holds: sharp at any size and small.

JupyterLab takes SVG out of the page of a notebook that has not been run yet, but shows it as an `<img>`; so it has no
colors of the page, and stands on a white card as every drawn picture does. The font is whatever the reader's machine
takes for sans-serif, so words get the room that they take in a wide one.
"""

from __future__ import annotations

import base64
import html
import re

from course.lab.drawing.colors import INK
from course.lab.drawing.picture import as_card

_WIDE, _NARROW = frozenset("mwMWÆŒæœ@%…—"), frozenset("iljtfrI.,:;!'’|()[] -")

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # also where it is escaped


def room_of(word: str, size: float) -> float:
    """Return the pixels that a word of a font size (pixels) takes at most in a common sans-serif font."""
    ems = (1.03 if c in _WIDE else 0.47 if c in _NARROW else 0.79 if c.isupper() else 0.66 for c in word)
    return size * sum(ems)


def line(
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    width: float,
    *,
    dashes: str = "",
    faint: float = 1,
) -> str:
    """Return a straight line; dashes: lengths of dash and gap, such as "9 5"; faint: its opacity."""
    (x1, y1), (x2, y2) = start, end
    more = (f' stroke-dasharray="{dashes}"' if dashes else "") + (f' opacity="{faint:g}"' if faint < 1 else "")
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
        f'stroke-width="{width:g}"{more}/>'
    )


def words_at(
    text: str, x: float, y: float, size: float, *, color: str = INK, anchor: str = "middle", bold: bool = False
) -> str:
    """Return text with its baseline at y; anchor: which part of it stands at x ("start", "middle" or "end")."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color}" text-anchor="{anchor}"{weight}>'
        f"{html.escape(text)}</text>"
    )


def svg_image(width: float, height: float, body: str, *, title: str, alt: str) -> str:
    """Return a drawing of a size in pixels as an `<img>` on a white card, with title and description inside.

    On a page that is narrower it shrinks a little, so that its words can be read; a very narrow page scrolls it.
    """
    size = f"{round(width)} {round(height)}"
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{round(width)}" height="{round(height)}" viewBox="0 0 {size}" '
        f'role="img" font-family="sans-serif"><title>{html.escape(title)}</title><desc>{html.escape(alt)}</desc>'
        f"{body}</svg>"
    )
    data = base64.b64encode(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", drawing).encode("utf-8")).decode("ascii")
    return as_card(f"data:image/svg+xml;base64,{data}", round(width), alt, least=0.7)
