"""What a sentence is: one definition for training, validation, evaluation, translation and the notebooks.

A line of a file, an argument of a command and what was typed into a panel all become a sentence here, so that the same
text always has the same ids and is the same reference.
"""

import unicodedata

from course.errors import CourseError

BYTE_ORDER_MARK = "\ufeff"
# Letters and symbols by category that are drawn as nothing: fillers of Hangul, and the empty pattern of Braille.
_DRAWN_AS_NOTHING = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def as_sentence(text: str) -> str:
    """Return the sentence that a line of text holds, or "" where nothing in it can be seen.

    The text is composed (NFC, Unicode Standard Annex 15), and blanks at both ends are dropped: all that `str.strip`
    drops (U+00A0 and U+3000 too), which is what sacreBLEU drops before it scores, and the byte order mark U+FEFF.
    Inside a sentence nothing else changes: blanks, control characters, soft hyphens, joiners and marks of direction
    are characters of the text, and a reference without them could be compared with nobody's score.

    A line of nothing but blanks, control and format characters (zero-width spaces, soft hyphens, joiners, marks of
    direction, a U+001A at the end of an old file), half surrogate pairs or combining marks without a letter is empty.

    Raises:
        CourseError: for what is no text, such as the NaN that stands for an empty cell in a table.
    """
    if not isinstance(text, str):
        raise CourseError(f"A sentence is text, but one is {text!r} ({type(text).__name__}): give a str.")
    text = unicodedata.normalize("NFC", text).strip()
    while text[:1] == BYTE_ORDER_MARK or text[-1:] == BYTE_ORDER_MARK:
        text = text.strip(BYTE_ORDER_MARK).strip()
    return text if any(map(_shows, text)) else ""


def _shows(character: str) -> bool:
    """Whether a character leaves ink by itself: letters, numbers, punctuation, symbols, and what is not yet known."""
    category = unicodedata.category(character)
    if category in ("Co", "Cn"):  # private signs, and those of a Unicode that is newer than this Python's
        return True
    return category[0] in "LNPS" and character not in _DRAWN_AS_NOTHING
