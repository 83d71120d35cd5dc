"""The languages in which a meaning can be said."""

from collections.abc import Callable

from course.data.grammar import english, french, german
from course.data.grammar.lexicon import Lexicon, lexicon
from course.data.grammar.meaning import Meaning
from course.data.grammar.tokens import Token, detokenized

LANGUAGES: dict[str, Callable[[Meaning, Lexicon], list[Token]]] = {
    "en": english.linearize,
    "de": german.linearize,
    "fr": french.linearize,
}


def tokens_of(meaning: Meaning, language: str) -> list[Token]:
    """The token view of the sentence. language: a key of `LANGUAGES`. Links need the ids that `numbered` gives."""
    return LANGUAGES[language](meaning, lexicon())


def text_of(meaning: Meaning, language: str) -> str:
    """The sentence as people write it. language: a key of `LANGUAGES`."""
    return detokenized(tokens_of(meaning, language))
