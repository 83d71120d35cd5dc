"""Drawing: the colors, small pieces and maps that the figures of all lessons are made of, and `show`."""

from course.lab.drawing.arrays import arrays_in, as_array, booleans, numbers, takes_arrays, words_of
from course.lab.drawing.claims import holds
from course.lab.drawing.colors import GRAY, INK, KEY, KEY_TEXT, PALE, QUERY, VALUE, VALUE_TEXT, WEIGHTS, WEIGHTS_TEXT
from course.lab.drawing.maps import draw_map, largest
from course.lab.drawing.picture import Markup, show
from course.lab.drawing.primitives import TITLE_AT, begin, plain, shades, write
from course.lab.drawing.tables import bar_table, beside, heat_table, rows_table, show_table

__all__ = [
    "GRAY",
    "INK",
    "KEY",
    "KEY_TEXT",
    "PALE",
    "QUERY",
    "TITLE_AT",
    "VALUE",
    "VALUE_TEXT",
    "WEIGHTS",
    "WEIGHTS_TEXT",
    "Markup",
    "arrays_in",
    "as_array",
    "bar_table",
    "begin",
    "beside",
    "booleans",
    "draw_map",
    "heat_table",
    "holds",
    "largest",
    "numbers",
    "plain",
    "rows_table",
    "shades",
    "show",
    "show_table",
    "takes_arrays",
    "words_of",
    "write",
]
