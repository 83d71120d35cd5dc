"""The embedded corpus: sentences from the course's own grammar in English, German and French, with gold alignments.

Nothing is fetched: the treebank beside the grammar has the meanings, and each language's lineariser says them when they
are asked for. How the meanings were drawn, and what sets the splits apart, is in `grammar.splits`.
"""

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from course.data.grammar.constructions import CONSTRUCTIONS, constructions_of, depth_of
from course.data.grammar.draws import Draws
from course.data.grammar.languages import LANGUAGES, text_of, tokens_of
from course.data.grammar.lexicon import lexicon
from course.data.grammar.meaning import Meaning, numbered, without_words
from course.data.grammar.splits import SPLITS, draw, probes
from course.data.grammar.tokens import Token, links, word_count
from course.data.grammar.treebank import read_trees, write_trees
from course.data.parallel_text import ParallelText
from course.errors import CourseError, nearest

_DIRECTIONS = {
    "embedded-en-de": ("en", "de"),
    "embedded-en-fr": ("en", "fr"),
    "embedded-de-en": ("de", "en"),
    "embedded-fr-en": ("fr", "en"),
}
EMBEDDED_NAMES = tuple(_DIRECTIONS)


@dataclass(frozen=True)
class Entry:
    """A sentence of the corpus in all languages. tree: what it says, without ids; None for probes, which people wrote.

    said: its texts by language code as far as somebody has asked for them; those of probes all from the start.
    """

    tree: Meaning | None
    said: dict[str, str] = field(default_factory=dict, repr=False)

    def text(self, language: str) -> str:
        """The sentence in a language: a key of `LANGUAGES`. Said when first asked for, then kept."""
        if language not in self.said:
            assert self.tree is not None, "probes have all their texts"
            self.said[language] = text_of(self.tree, language)
        return self.said[language]

    @property
    def texts(self) -> dict[str, str]:
        """The sentence in all languages, by language code."""
        return {language: self.text(language) for language in LANGUAGES}

    @cached_property
    def meaning(self) -> Meaning | None:
        """The numbered tree; None for probes. Texts need no ids, so most trees never get any."""
        return numbered(self.tree) if self.tree else None


@dataclass(frozen=True)
class Pair:
    """One sentence in two languages, said from one meaning. name: the corpus, which tells the languages."""

    entry: Entry = field(repr=False, compare=False)
    source: str
    target: str
    name: str = EMBEDDED_NAMES[0]

    @property
    def meaning(self) -> Meaning | None:
        """The numbered tree; None for probes, which people wrote."""
        return self.entry.meaning

    @property
    def languages(self) -> tuple[str, str]:
        """The codes of source and target language, such as "en" and "de"."""
        return _DIRECTIONS[self.name]

    def _tokens(self, side: int, text: str) -> tuple[Token, ...]:
        if self.meaning is None:
            return tuple(Token(word) for word in text.split())
        return tuple(tokens_of(self.meaning, self.languages[side]))

    @cached_property
    def source_tokens(self) -> tuple[Token, ...]:
        """The token view of the source: words and punctuation marks, with the ids of what they mean."""
        return self._tokens(0, self.source)

    @cached_property
    def target_tokens(self) -> tuple[Token, ...]:
        """The token view of the target."""
        return self._tokens(1, self.target)

    @cached_property
    def constructions(self) -> frozenset[str]:
        """The names from `CONSTRUCTIONS` of what the sentence contains; empty for probes."""
        return constructions_of(self.entry.tree, lexicon()) if self.entry.tree else frozenset()

    @property
    def depth(self) -> int:
        """How deep clauses are nested; 0 for a plain sentence."""
        return depth_of(without_words(self.entry.tree)) if self.entry.tree else 0

    @property
    def length(self) -> int:
        """Words of the source, punctuation not counted."""
        return word_count(self.source)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without garbage collection: a hundred thousand trees that all stay would be looked through again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def entries(split: str) -> tuple[Entry, ...]:
    """The sentences of a split in all languages. Read when first asked for, then kept.

    Raises `CourseError` for an unknown split, with the nearest known one.
    """
    if split not in SPLITS:
        known = ", ".join(SPLITS)
        raise CourseError(f'The embedded corpus has no split "{split}".{nearest(split, list(SPLITS))} Known: {known}.')
    if split == "probes":
        return tuple(Entry(None, texts) for texts in probes())
    with collector_paused():
        return tuple(Entry(tree) for tree in read_trees(split))


# The public face


def _languages(name: str) -> tuple[str, str]:
    if name not in _DIRECTIONS:
        known = ", ".join(EMBEDDED_NAMES)
        raise CourseError(f'There is no embedded corpus "{name}".{nearest(name, EMBEDDED_NAMES)} Known: {known}.')
    return _DIRECTIONS[name]


@cache
def embedded_pairs(name: str, split: str) -> tuple[Pair, ...]:
    """The pairs of one split, in a fixed order.

    Args:
        name: one of `EMBEDDED_NAMES`.
        split: one of `SPLITS`.

    Raises:
        CourseError: for an unknown name or split, with the nearest known one.
    """
    source, target = _languages(name)
    with collector_paused():
        return tuple(Pair(entry, entry.text(source), entry.text(target), name) for entry in entries(split))


def embedded_text(name: str, split: str) -> ParallelText:
    """The same as parallel text, ready for training and scoring. Raises as `embedded_pairs`."""
    pairs = embedded_pairs(name, split)
    languages = _languages(name)
    sources, targets = tuple(pair.source for pair in pairs), tuple(pair.target for pair in pairs)
    return ParallelText(sources, targets, *languages, name=name, split=split)


def sample(
    n: int,
    *,
    name: str = "embedded-en-de",
    split: str = "train",
    constructions: Iterable[str] = (),
    length: tuple[int, int] | None = None,
    seed: int = 1,
) -> list[Pair]:
    """Draw n different pairs of a split that contain all these constructions; the same ones for the same seed.

    Args:
        n: how many.
        name: as for `embedded_pairs`.
        split: as for `embedded_pairs`.
        constructions: names from `CONSTRUCTIONS`, all of which a pair must contain.
        length: the least and most source words.
        seed: another seed, other pairs.

    Raises:
        CourseError: for an unknown construction, or where there are fewer than n such pairs.
    """
    wanted = frozenset([constructions] if isinstance(constructions, str) else constructions)
    for construction in sorted(wanted - set(CONSTRUCTIONS)):
        known = ", ".join(CONSTRUCTIONS)
        close = nearest(construction, CONSTRUCTIONS)
        raise CourseError(f'There is no construction "{construction}".{close} Known: {known}.')
    least, most = length or (0, 1_000)
    pool = [pair for pair in embedded_pairs(name, split) if least <= pair.length <= most]
    pool = [pair for pair in pool if wanted <= pair.constructions] if wanted else pool
    if len(pool) < n:
        raise CourseError(f"{name} has {len(pool)} such pairs in {split}, fewer than the {n} that were asked for.")
    draws = Draws(f"sample {seed}")
    return [pool.pop(int(draws.one(range(len(pool))))) for _ in range(n)]


def gold(pair: Pair) -> list[tuple[int, int]]:
    """Which tokens translate each other: pairs (i, j) of `source_tokens[i]` and `target_tokens[j]`.

    Empty for probes, whose words nobody linked.
    """
    return links(pair.source_tokens, pair.target_tokens)


# The manifest

MANIFEST = "manifest.json"


def manifest() -> dict[str, dict[str, str | int]]:
    """For each split the number of sentences and the SHA-256 of its text in every language, one sentence a line."""
    return {
        split: {"sentences": len(entries(split))}
        | {language: _sha256(entry.text(language) for entry in entries(split)) for language in LANGUAGES}
        for split in SPLITS
    }


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8")).hexdigest()


def split_sizes() -> dict[str, int]:
    """How many sentences each split has, as the manifest says: nothing is made for it."""
    said = json.loads(files("course.data.grammar").joinpath(MANIFEST).read_text(encoding="utf-8"))
    return {split: said[split]["sentences"] for split in SPLITS}


def make_anew() -> None:
    """Draw all meanings from the seed, keep them, and write the manifest: after changes of words or grammar."""
    with collector_paused():
        for split, trees in draw().items():
            write_trees(split, trees)
    entries.cache_clear()
    embedded_pairs.cache_clear()
    path = Path(__file__).parent / "grammar" / MANIFEST
    path.write_text(json.dumps(manifest(), indent=2) + "\n", encoding="utf-8", newline="\n")
