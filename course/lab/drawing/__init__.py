"""Drawing: the colors, small pieces and maps that the figures of all lessons are made of, and `show`."""

from course.lab.drawing.colors import GRAY, INK, KEY, KEY_TEXT, PALE, QUERY, VALUE, WEIGHTS
from course.lab.drawing.maps import draw_map, heat, largest
from course.lab.drawing.picture import show
from course.lab.drawing.primitives import TITLE_AT, begin, plain, shades, write

__all__ = [
    "GRAY",
    "INK",
    "KEY",
    "KEY_TEXT",
    "PALE",
    "QUERY",
    "TITLE_AT",
    "VALUE",
    "WEIGHTS",
    "begin",
    "draw_map",
    "heat",
    "largest",
    "plain",
    "shades",
    "show",
    "write",
]
