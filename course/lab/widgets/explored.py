"""A sentence pair of the corpus and a translator in; what the attention explorer shows of it out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from course.alignment import every_word_attention
from course.data.embedded import Pair, gold
from course.lab.widgets.attention_explorer import Array, AttentionExplorer, Explored, View

if TYPE_CHECKING:
    from course.translator import Translator

BEGIN, END = "<bos>", "<eos>"
Words = tuple[str, ...]
Two = tuple[str, str]
Links = tuple[tuple[int, int], ...]


def explore_attention(
    translator: Translator, pairs: Iterable[Pair], *, layer: int = -1, head: int = -1
) -> AttentionExplorer:
    """Return an explorer of how a translator looks while it is made to say the pairs' targets.

    layer, head: what is shown at first; head -1 is the mean of all heads. Raises `CourseError` as `explored`.
    """
    return AttentionExplorer([explored(translator, pair) for pair in pairs], layer=layer, head=head)


def explored(translator: Translator, pair: Pair) -> Explored:
    """Return every attention of a translator between the words of one pair, with the gold links between them.

    Raises `CourseError` where the model has no attention, or no position for each token.
    """
    every = every_word_attention(translator, pair.source_tokens, pair.target_tokens)
    (a, b), source, target = pair.languages, (*every.source, END), (*every.target, END)
    links = tuple((j, i) for i, j in gold(pair))
    given, written = (BEGIN, *every.target), "being written"
    views = (
        _view("cross-attention", every.cross, target, source, ("source", written), (a, b), links),
        _view("encoder self-attention", every.encoder, source, source, ("source", "source"), (a, a)),
        _view("decoder self-attention", every.decoder, target, given, ("written so far", written), (b, b)),
    )
    return Explored(pair.source, pair.target, tuple(view for view in views if view is not None), (a, b))


def _view(
    name: str, weights: Array | None, asking: Words, asked: Words, titles: Two, languages: Two, gold: Links = ()
) -> View | None:
    """One view, or None where the model has no such attention."""
    return None if weights is None else View(name, asking, asked, weights, titles, gold, languages)
