"""Words with the ids of what they mean; and from words to text as people write it."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple


class Token(NamedTuple):
    """A word or punctuation mark as written, and the ids of the tree's nodes that it realizes.

    An empty set of ids marks a word without a counterpart elsewhere (English "do", German "Sie" ...). `left` and
    `right`: no space on that side; "l'" joins its right neighbor, a comma its left one.
    """

    text: str
    ids: frozenset[int] = frozenset()
    left: bool = False
    right: bool = False


@cache
def token(text: str, *ids: int, left: bool = False, right: bool = False) -> Token:
    """A token that realizes the nodes with these ids; the same object for the same word at the same place."""
    return Token(text, frozenset(ids), left, right)


@cache
def mark(text: str) -> Token:
    """Punctuation that joins the word before it."""
    return Token(text, left=True)


def capitalized(tokens: Sequence[Token]) -> list[Token]:
    """The same tokens, the first letter of the first one a capital."""
    text, ids, left, right = tokens[0]
    return [Token(text[:1].upper() + text[1:], ids, left, right), *tokens[1:]]


def detokenized(tokens: Iterable[Token]) -> str:
    """The sentence as people write it: one space between words, none beside joining marks."""
    pieces: list[str] = []
    joined = True
    for text, _, left, right in tokens:
        pieces.append(text if joined or left else f" {text}")
        joined = right
    return "".join(pieces)


def word_count(text: str) -> int:
    """Words between spaces, without marks that stand alone, such as the French question mark."""
    return sum([any(map(str.isalnum, word)) for word in text.split()])


def links(source: Sequence[Token], target: Sequence[Token]) -> list[tuple[int, int]]:
    """Gold alignment: the pairs (i, j) where source token i and target token j share an id, in order."""
    return [(i, j) for i, a in enumerate(source) for j, b in enumerate(target) if a.ids & b.ids]
