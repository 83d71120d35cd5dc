"""Hand-made encoder and decoder states of section 5 of lesson 02: a decoder that says what it is looking for."""

import numpy as np

from course.lessons.lesson_02.figures import Looks

KINDS = ("noun", "verb", "adjective", "link", "first half", "second half")  # what a decoder can ask for
AXES = (*KINDS, "gender")  # of a source word; gender of the German noun: 1 feminine, -1 neuter
PUSH, OPEN = 2.0, 4.0  # what a word sends to its units, and what the state takes off a unit that it does not ask for


def two_sentences() -> dict[str, Looks]:
    """Return "needle" and "knife": the same sentence, with a feminine and with a neuter noun in German."""
    return {
        "needle": _sentence("needle", "Die Nadel ist neu, aber sie bricht", 1.0),
        "knife": _sentence("knife", "Das Messer ist neu, aber es bricht", -1.0),
    }


def _sentence(noun: str, german: str, gender: float) -> Looks:
    kinds = ["first half", "noun first half", "verb first half", "adjective first half", "link", "second half"]
    kinds.append("verb second half")
    h = np.array([[float(axis in kind) for axis in KINDS] + [gender * ("noun" in kind)] for kind in kinds])
    asks = ["noun first half", "noun first half", "verb first half", "adjective", "link", "noun", "verb second half"]
    s = np.array([[float(axis in ask) for axis in KINDS] + [1.0] for ask in asks])  # the last number is always 1
    Wq = np.vstack([OPEN * np.eye(len(KINDS)), np.full(len(KINDS), -OPEN)])
    Wk = np.vstack([PUSH * np.eye(len(KINDS)), np.zeros(len(KINDS))])
    return Looks(f"The {noun} is new, but it breaks".split(), german.split(), s, h, Wq, Wk, AXES)
