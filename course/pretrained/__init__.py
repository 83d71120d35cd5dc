"""The two small translators that ship with the course: English to German and English to French.

Each is a run folder like any other (run.json, tokenizer.json, log.jsonl, best.safetensors), trained on the embedded
corpus by `python -m course.pretrained`, with the weights rounded to half precision. CARD.md beside them says how they
were made and what they score. `words.txt` holds the English words that they know.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError, nearest

if TYPE_CHECKING:
    from course.translator import Translator

PAIRS = ("en-de", "en-fr")
WORDS_FILE = "words.txt"
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")


@dataclass(frozen=True)
class UnknownWord:
    """A word that the translators never saw, and known words that are spelled alike."""

    word: str
    near: tuple[str, ...]

    def __str__(self) -> str:
        """As a person would say it: '"elefant" (do you mean "elephant"?)'."""
        if not self.near:
            return f'"{self.word}"'
        return f'"{self.word}" (do you mean {" or ".join(f"{chr(34)}{word}{chr(34)}" for word in self.near)}?)'


def run_folder(pair: str) -> Path:
    """The run folder of a language pair of `PAIRS`. Raises `CourseError` for another, with the nearest."""
    if pair not in PAIRS:
        raise CourseError(f'No translator for "{pair}" ships with the course.{nearest(pair, PAIRS)} There are {PAIRS}.')
    folder = Path(__file__).parent / pair
    if not (folder / "best.safetensors").is_file():
        raise CourseError(
            f"{folder} holds no checkpoint: install the course again, or run `python -m course.pretrained`."
        )
    return folder


def pretrained_translator(pair: str = "en-de") -> Translator:
    """A translator that ships with the course: "en-de" or "en-fr". Raises `CourseError` for another pair."""
    from course.translator import Translator  # here, because it needs torch, and the words and folders do not

    return Translator.load(run_folder(pair))


@functools.cache
def known_words() -> frozenset[str]:
    """Every English word of the training sentences, in lower case."""
    text = (Path(__file__).parent / WORDS_FILE).read_text(encoding="utf-8")
    return frozenset(text.split())


def words_of(sentence: str) -> list[str]:
    """The words of an English sentence as they stand there; punctuation is left out."""
    return _WORD.findall(sentence)


def unknown_words(sentence: str, *, most: int = 3) -> list[UnknownWord]:
    """The words of a sentence that the translators do not know, each once, with up to `most` that look alike."""
    return [with_near_words(word, most=most) for word in strange_words(sentence)]


def strange_words(sentence: str) -> list[str]:
    """The words of a sentence that the translators do not know, each once, without a look for near ones."""
    known = known_words()
    return [*dict.fromkeys(word for word in words_of(sentence) if word.lower() not in known)]


def with_near_words(word: str, *, most: int = 3) -> UnknownWord:
    """An unknown word with up to `most` known ones that look alike."""
    near = difflib.get_close_matches(word.lower(), sorted(known_words()), n=most, cutoff=0.7)
    return UnknownWord(word, tuple(near))
