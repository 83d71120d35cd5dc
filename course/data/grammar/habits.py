"""What people do with what: the tables that keep sentences sensible, and who fits where.

The lexicon says how words look; these tables say which of them go together ("the child washes the dog", "because it is
expensive"). A noun fits a verb when one of its types is named by the verb; a noun's own key counts as a type of it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

from course.data.grammar.lexicon import AdjectiveRow, Lexicon, NounRow, lexicon
from course.data.grammar.rows import read_rows

FRAMES = ("copula", "intransitive", "place", "goal", "transitive", "ditransitive", "clause")
NAME_TYPES = {
    "person": frozenset({"person", "adult"}),
    "city": frozenset({"city_name"}),
    "country": frozenset({"country_name"}),
}


@dataclass(frozen=True)
class Usage:
    """usage.csv: how a verb is used."""

    verb: str
    tenses: tuple[str, ...]  # the usual one first
    modals: tuple[str, ...]
    adverbs: tuple[str, ...]
    negated: str  # yes or no
    imperative: tuple[str, ...]  # do, not, both or neither: "Open the door!", "Do not open the door!"
    places: tuple[str, ...]  # "preposition:type of noun", after the verb
    indefinite: str  # whether the object may be new ("a book"): yes, no, mostly
    aside: str  # yes: good for a relative clause that tells who someone is ("the man who works here")
    again: str  # yes: the same may be done often ("often reads the book"); otherwise only to something new


@dataclass(frozen=True)
class ReasonHabit:
    """reasons.csv: "(does not) buy ... because it is (not) expensive". about: subject or object."""

    verb: str
    negated: str
    about: str
    adjective: str
    is_so: str


@dataclass(frozen=True)
class Sequence:
    """sequences.csv: "buys the book and reads it". about: what "it" is in the first clause, object or subject."""

    first: str
    conjunction: str
    second: str
    negated: str
    about: str


@dataclass(frozen=True)
class Contrast:
    """contrasts.csv: "old, but beautiful"."""

    first: str
    but: str


@dataclass(frozen=True)
class Purpose:
    """purposes.csv: "goes to Paris because she wants to visit the museum"."""

    verb: str
    purpose: str


@dataclass(frozen=True)
class Advice:
    """advice.csv: "It is (not) polite (not) to ...", with an object of these types or in such a place."""

    adjective: str
    negated: str
    verb: str
    infinitive_negated: str
    objects: str
    place: str


@dataclass(frozen=True)
class Part:
    """parts.csv: what belongs to what: "the door of the house". one: yes where there is only one."""

    whole: str
    part: str
    one: str


@dataclass(frozen=True)
class Whereabouts:
    """whereabouts.csv: where nouns of a type are found: "the book on the table"."""

    type: str
    places: str


@dataclass(frozen=True)
class Comparison:
    """comparisons.csv: an adjective, and the type of nouns of which one can be more so than another."""

    adjective: str
    type: str


@dataclass(frozen=True)
class Size:
    """sizes.csv: who is bigger, who is heavier; only these nouns are compared so, and only truly."""

    noun: str
    size: str
    weight: str


def fits(types: frozenset[str], wanted: Collection[str]) -> bool:
    """Whether something of these types may stand where `wanted` is asked for; a crowd only where a crowd is."""
    if "crowd" in types and "crowd" not in wanted:
        return False
    return not types.isdisjoint(wanted)


class Habits:
    """The tables at hand, with the questions that a sampler asks of them. Every answer is in table order."""

    def __init__(self, words: Lexicon):
        self.lexicon = words
        self.usage = {row.verb: row for row in read_rows("usage", Usage)}
        self.reasons = read_rows("reasons", ReasonHabit)
        self.sequences = read_rows("sequences", Sequence)
        self.contrasts = read_rows("contrasts", Contrast)
        self.purposes = read_rows("purposes", Purpose)
        self.advice = read_rows("advice", Advice)
        self.parts = read_rows("parts", Part)
        self.whereabouts = read_rows("whereabouts", Whereabouts)
        self.comparisons = read_rows("comparisons", Comparison)
        self.sizes = read_rows("sizes", Size)
        self._types = {key: row.types | {key} for key, row in words.nouns.items()}
        self._types |= {key: NAME_TYPES[row.kind] for key, row in words.names.items()}
        self._nouns: dict[frozenset[str], tuple[str, ...]] = {}
        self._names: dict[frozenset[str], tuple[str, ...]] = {}
        self._adjectives: dict[str, tuple[str, ...]] = {}

    def types(self, key: str) -> frozenset[str]:
        """The types of a noun or name."""
        return self._types[key]

    def nouns(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """The nouns that have one of these types."""
        if wanted not in self._nouns:
            self._nouns[wanted] = tuple(key for key in self.lexicon.nouns if fits(self._types[key], wanted))
        return self._nouns[wanted]

    def names(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """The names that have one of these types."""
        if wanted not in self._names:
            self._names[wanted] = tuple(key for key in self.lexicon.names if fits(self._types[key], wanted))
        return self._names[wanted]

    def adjectives(self, key: str) -> tuple[str, ...]:
        """The adjectives that fit a noun or name."""
        if key not in self._adjectives:
            rows = self.lexicon.adjectives.values()
            self._adjectives[key] = tuple(row.adjective for row in rows if self.describes(row, key))
        return self._adjectives[key]

    def describes(self, row: AdjectiveRow, key: str) -> bool:
        """Whether an adjective fits a noun or name."""
        return fits(self._types[key], row.types)

    def noun(self, key: str) -> NounRow:
        """The noun's row."""
        return self.lexicon.nouns[key]

    @cached_property
    def verbs_of(self) -> dict[str, tuple[str, ...]]:
        """Frame to its verbs."""
        rows = self.lexicon.verbs.values()
        return {frame: tuple(row.verb for row in rows if row.frame == frame) for frame in FRAMES}

    @cached_property
    def every_noun(self) -> frozenset[str]:
        """The keys of all nouns, each of which is a type of itself."""
        return frozenset(self.lexicon.nouns)

    @cached_property
    def deeds_of(self) -> dict[str, tuple[str, ...]]:
        """Noun to the verbs of which it can be the subject, without "be" and what takes a that-clause."""
        rows = [row for row in self.lexicon.verbs.values() if row.frame not in ("copula", "clause")]
        return {
            key: tuple(row.verb for row in rows if fits(self._types[key], row.subjects)) for key in self.lexicon.nouns
        }

    @cached_property
    def fates_of(self) -> dict[str, tuple[str, ...]]:
        """Noun to the transitive verbs of which it can be the object."""
        rows = [row for row in self.lexicon.verbs.values() if row.frame == "transitive"]
        return {
            key: tuple(row.verb for row in rows if fits(self._types[key], row.objects)) for key in self.lexicon.nouns
        }

    @cached_property
    def places_of(self) -> dict[str, tuple[str, ...]]:
        """Noun to its whereabouts: "preposition:type" entries."""
        found: dict[str, list[str]] = {key: [] for key in self.lexicon.nouns}
        for key, places in found.items():
            for row in self.whereabouts:
                if row.type in self._types[key]:
                    places.extend(place for place in row.places.split() if place not in places)
        return {key: tuple(places) for key, places in found.items()}


@lru_cache(maxsize=1)
def habits() -> Habits:
    """The habits of the course's own words, read once."""
    return Habits(lexicon())
