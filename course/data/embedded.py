"""The embedded corpus: sentences from the course's own grammar in English, German and French, with gold alignments.

Nothing is fetched: a seeded sampler writes meanings, and each language's lineariser says them. A split is either like
the training text (dev, test_iid) or differs from it in one way that a learner can name; see `SPLITS`. No sentence of
any split occurs in another one, in any of the three languages.
"""

import csv
import gc
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from course.data.corpora import ParallelText, nearest
from course.data.grammar import english, french, german
from course.data.grammar.constructions import (
    CONSTRUCTIONS,
    Combination,
    combinations_of,
    constructions_of,
    depth_of,
    distances_of,
    keys_outside_subjects,
)
from course.data.grammar.draws import Draws
from course.data.grammar.habits import habits
from course.data.grammar.lexicon import Lexicon, lexicon
from course.data.grammar.meaning import Meaning, Name, Node, NounPhrase, Pronoun, Word, numbered, walk, without_words
from course.data.grammar.nominals import Style, Writer
from course.data.grammar.sampling import (
    RECIPES,
    Recipe,
    anaphoric,
    embedding,
    extended,
    reason,
    reported,
    sentence,
    two_clauses,
)
from course.data.grammar.senses import senses_pair
from course.data.grammar.tokens import Token, detokenized, links
from course.errors import CourseError

SEED = "attention course 1"
LANGUAGES: dict[str, Callable[[Meaning, Lexicon], list[Token]]] = {
    "en": english.linearize,
    "de": german.linearize,
    "fr": french.linearize,
}
_DIRECTIONS = {
    "embedded-en-de": ("en", "de"),
    "embedded-en-fr": ("en", "fr"),
    "embedded-de-en": ("de", "en"),
    "embedded-fr-en": ("fr", "en"),
}
EMBEDDED_NAMES = tuple(_DIRECTIONS)
# Pairs in each split, and what sets it apart. Lengths count English words without punctuation.
SPLITS = {
    "train": 24_000,  # up to 14 words, nested at most twice
    "dev": 1_000,  # as train
    "test_iid": 1_000,  # as train
    "combo": 600,  # verb and object, or adjective and noun, that never meet in training
    "role": 600,  # nouns that are only subjects in training, as objects, recipients, companions ...
    "longer": 600,  # 15 to 18 words
    "much_longer": 500,  # 20 words and more
    "deeper": 600,  # nested three times and more
    "senses": 600,  # words with two senses, in pairs of sentences that differ in the sense
    "anaphora": 800,  # a pronoun 3 to 12 words after what it refers to
    "probes": 0,  # written by hand; as many as tables/probes.csv has
}
TRAIN_WORDS, TRAIN_DEPTH = 14, 2
ROLE_NOUNS = ("king", "queen", "uncle", "sister", "actress", "bird", "horse", "cow", "mouse", "mother")
SENSES = ("point", "watch", "light", "fly", "bank")
_HELD_OUT_SHARE = 0.1
_RARE = (
    "point",
    "bank_river",
    "bank_money",
    "question",
    "answer",
    "train",
    "name",
)  # training needs all it has of them
_LEAST_PARTNERS = 6  # nothing is held out of a word that has fewer partners: each must be well known from training


@dataclass(frozen=True)
class Entry:
    """A sentence of the corpus in all languages. texts: by language code. tree: without ids; None for probes."""

    tree: Meaning | None
    texts: dict[str, str]

    @cached_property
    def meaning(self) -> Meaning | None:
        """The numbered tree; None for probes, which people wrote. Texts need no ids, so most trees never get any."""
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

    def _tokens(self, side: int, text: str) -> tuple[Token, ...]:
        if self.meaning is None:
            return tuple(Token(word) for word in text.split())
        return tuple(LANGUAGES[_DIRECTIONS[self.name][side]](self.meaning, lexicon()))

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


def word_count(text: str) -> int:
    """Words between spaces, without marks that stand alone, such as the French question mark."""
    return sum([any(map(str.isalnum, word)) for word in text.split()])


# Making the splits

Test = Callable[[Meaning, str], bool]


@dataclass(frozen=True)
class Plan:
    """How one split is drawn. fits: whether a meaning belongs to it, before anything else; lengths: least and most."""

    style: Style
    recipes: tuple[tuple[float, Recipe], ...] = RECIPES
    lengths: tuple[int, int] = (1, TRAIN_WORDS)
    depths: tuple[int, int] = (0, TRAIN_DEPTH)
    held_out: bool = False  # whether it has a pair of words that training lacks
    distances: tuple[int, int] | None = None  # least and most words between a pronoun and what it refers to
    new_role: bool = False  # whether one of `ROLE_NOUNS` is more than a subject
    sense_pairs: int = 0  # how many of its sentences, the last ones, are pairs that differ in the sense of a word


_AS_TRAINED = Style(only_subjects=frozenset(ROLE_NOUNS))
_RICH = replace(_AS_TRAINED, adjective=0.35, whereabouts=0.3, possessor=0.2, relative=0.45, extra=0.8)
_LONG = ((3, two_clauses), (2, extended), (2, reported), (2, reason))
_VERY_LONG = ((4, extended), (1, two_clauses), (1, reason))
_PLANS = {
    "combo": Plan(_AS_TRAINED, held_out=True),
    "role": Plan(Style(favored=ROLE_NOUNS), new_role=True),
    "longer": Plan(_RICH, _LONG, lengths=(15, 18)),
    "much_longer": Plan(replace(_RICH, relative=0.8), _VERY_LONG, lengths=(20, 30)),
    "deeper": Plan(replace(_AS_TRAINED, nested=0.3, relative=0.2), ((1, embedding),), lengths=(1, 18), depths=(3, 6)),
    "senses": Plan(_AS_TRAINED, sense_pairs=600),
    "anaphora": Plan(replace(_AS_TRAINED, relative=0.25, whereabouts=0.2), ((1, anaphoric),), distances=(3, 12)),
    "test_iid": Plan(_AS_TRAINED),
    "dev": Plan(_AS_TRAINED),
    "train": Plan(_AS_TRAINED, sense_pairs=200),  # else the rarer senses would hardly be met
}


@cache
def held_out() -> frozenset[Combination]:
    """The verb-object and adjective-noun pairs that only the split "combo" has."""
    words, draws = habits(), Draws(f"{SEED} pairs")
    found: set[Combination] = set()
    for verb in words.lexicon.verbs.values():
        found |= _some(draws, "verb", verb.verb, words.nouns(verb.objects))
    for adjective in words.lexicon.adjectives.values():
        nouns = tuple(key for key in words.lexicon.nouns if words.describes(adjective, key))
        found |= _some(draws, "adjective", adjective.adjective, nouns)
    return frozenset(found)


def _some(draws: Draws, kind: str, word: str, nouns: tuple[str, ...]) -> set[Combination]:
    if len(nouns) < _LEAST_PARTNERS:
        return set()
    drawn = [noun for noun in nouns if draws.chance(_HELD_OUT_SHARE)]
    return {(kind, word, noun) for noun in drawn if noun not in (*ROLE_NOUNS, *_RARE)}


class _Maker:
    """Draws splits one after the other, and never a text twice in any language."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}
        self.clashes: dict[str, int] = dict.fromkeys(LANGUAGES, 0)

    def split(self, name: str) -> tuple[Entry, ...]:
        """All sentences of one split."""
        if name == "probes":
            return tuple(self.kept(_probes()))
        plan = _PLANS[name]
        writer = Writer(Draws(f"{SEED} {name}"), habits(), plan.style)
        entries: list[Entry] = []
        while len(entries) < SPLITS[name]:
            in_pairs = len(entries) >= SPLITS[name] - plan.sense_pairs
            drawn = senses_pair(writer, len(entries) // 2) if in_pairs else (sentence(writer, plan.recipes),)
            found = [self.entry(meaning, plan) for meaning in drawn if _suits(meaning, plan)]
            new = [entry for entry in found if entry is not None]
            if len(new) == len(drawn):  # of two senses both or none
                entries += self.kept(new)
        return tuple(entries)

    def entry(self, meaning: Meaning, plan: Plan) -> Entry | None:
        """The sentence in all languages, or None for a wrong length or a text that was there before."""
        if plan.lengths[0] > 1 and not _may_have_length(meaning, plan.lengths):
            return None
        words = lexicon()
        text = detokenized(english.linearize(meaning, words))
        if not plan.lengths[0] <= word_count(text) <= plan.lengths[1] or text in self.seen["en"]:
            return None
        if plan.distances and not _has_distance(numbered(meaning), plan.distances):
            return None
        texts = {"en": text}
        for language in ("de", "fr"):
            texts[language] = detokenized(LANGUAGES[language](meaning, words))
        return Entry(meaning, texts)

    def is_new(self, texts: dict[str, str]) -> bool:
        """Whether no language had its text before."""
        old = [language for language, text in texts.items() if text in self.seen[language]]
        for language in old:
            self.clashes[language] += 1
        return not old

    def kept(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those whose texts are new, which are then remembered."""
        new: list[Entry] = []
        for entry in entries:
            if self.is_new(entry.texts):
                new.append(entry)
                for language, text in entry.texts.items():
                    self.seen[language].add(text)
        return new


def _may_have_length(meaning: Meaning, lengths: tuple[int, int]) -> bool:
    """Whether it is worth saying: a sentence has as many words as its tree has leaves, or a few more."""
    leaves = sum([isinstance(node, Word | Name | Pronoun) for node in walk(meaning)])
    return lengths[0] - 2 <= leaves <= lengths[1]


def _has_distance(tree: Meaning, limits: tuple[int, int]) -> bool:
    tokens = english.linearize(tree, lexicon())
    return any(limits[0] <= distance <= limits[1] for distance in distances_of(tree, tokens))


def _suits(meaning: Meaning, plan: Plan) -> bool:
    """Whether depth, word pairs and roles are those of the plan."""
    nodes = without_words(meaning)
    if not plan.depths[0] <= depth_of(nodes) <= plan.depths[1]:
        return False
    if held_out().isdisjoint(combinations_of(nodes)) == plan.held_out:
        return False
    if plan.new_role and _has_new_form(nodes):
        return False
    return keys_outside_subjects(nodes).isdisjoint(ROLE_NOUNS) != plan.new_role


def _has_new_form(nodes: Iterable[Node]) -> bool:
    """Whether a role noun stands in a form that no subject has: German genitive (Onkels) and dative plural (Vögeln)."""
    phrases = [node for node in nodes if isinstance(node, NounPhrase)]
    owners = [node.of for node in phrases if isinstance(node.of, NounPhrase)]
    plural = [node for node in phrases if node.number == "pl"]
    return any(node.noun.lemma in ROLE_NOUNS for node in (*owners, *plural))


def _probes() -> Iterator[Entry]:
    """The sentences that people wrote, in the order of the table."""
    table = files("course.data.grammar").joinpath("tables/probes.csv")
    if not table.is_file():
        return
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
        yield Entry(None, {language: unicodedata.normalize("NFC", row[language].strip()) for language in LANGUAGES})


@cache
def _small_splits() -> tuple[_Maker, dict[str, tuple[Entry, ...]]]:
    """Everything but the training text, which comes last so that nothing of it is in a test."""
    maker = _Maker()
    names = [name for name in SPLITS if name != "train"]
    with _collector_paused():
        return maker, {name: maker.split(name) for name in reversed(names)}


@contextmanager
def _collector_paused() -> Iterator[None]:
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
    """The sentences of a split in all languages. Made when first asked for, then kept.

    Raises `CourseError` for an unknown split, with the nearest known one.
    """
    if split not in SPLITS:
        known = ", ".join(SPLITS)
        raise CourseError(f'The embedded corpus has no split "{split}".{nearest(split, list(SPLITS))} Known: {known}.')
    maker, small = _small_splits()
    if split != "train":
        return small[split]
    with _collector_paused():
        return maker.split(split)


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
    return tuple(Pair(entry, entry.texts[source], entry.texts[target], name) for entry in entries(split))


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
        | {language: _sha256(entry.texts[language] for entry in entries(split)) for language in LANGUAGES}
        for split in SPLITS
    }


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode("utf-8")).hexdigest()


def split_sizes() -> dict[str, int]:
    """How many sentences each split has, as the manifest says: nothing is made for it."""
    said = json.loads(files("course.data.grammar").joinpath(MANIFEST).read_text(encoding="utf-8"))
    return {split: said[split]["sentences"] for split in SPLITS}


def write_manifest() -> Path:
    """Write the manifest beside the grammar: after a change of words or grammar that is meant."""
    path = Path(__file__).parent / "grammar" / MANIFEST
    path.write_text(json.dumps(manifest(), indent=2) + "\n", encoding="utf-8", newline="\n")
    return path
