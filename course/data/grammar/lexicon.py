"""The words: plain tables in `tables/`, one row a word, and nothing about them in code.

Every column is a form as it is written; a person who knows the languages adds a noun by adding a row. The columns are
explained in `tables/README.md`.
"""

from dataclasses import dataclass
from functools import lru_cache

from course.data.grammar.rows import read_table


@dataclass(frozen=True, eq=False)
class NounRow:
    """nouns.csv; a row equals only itself.

    de_oblique: German accusative and dative singular (weak nouns: des Jungen, den Jungen).
    """

    noun: str
    types: frozenset[str]
    count: str  # count, mass (never plural, never "a") or plural (never singular)
    pronoun: str  # English: he, she, it, they; "-" where the noun does not tell he from she
    en: str
    en_plural: str
    de: str
    de_gender: str  # m, f, n
    de_plural: str
    de_genitive: str
    de_oblique: str
    fr: str
    fr_gender: str  # m, f
    fr_plural: str


@dataclass(frozen=True)
class AdjectiveRow:
    """adjectives.csv. de_inflected: the stem before an ending (teuer: ein teures Auto)."""

    adjective: str
    types: frozenset[str]
    en: str
    en_comparative: str  # "" where it has none
    de: str
    de_inflected: str
    de_comparative: str
    fr_masculine: str
    fr_feminine: str
    fr_masculine_plural: str
    fr_feminine_plural: str
    fr_before_vowel: str  # masculine singular before a vowel, where it differs: un bel arbre
    fr_place: str  # before or after the noun


@dataclass(frozen=True)
class VerbRow:
    """verbs.csv. de: infinitive, "|" after a separable prefix; the other German forms are without the prefix."""

    verb: str
    frame: str  # copula, intransitive, place and goal (need such a phrase), transitive, ditransitive, clause
    subjects: frozenset[str]
    objects: frozenset[str]
    en: str
    en_s: str
    en_past: str
    en_participle: str
    en_preposition: str  # before the object: look *for*
    en_particle: str  # turn *on*: before the object, after a pronoun
    de: str
    de_ich: str
    de_du: str
    de_er: str
    de_imperative: str
    de_participle: str  # whole: zugemacht
    de_auxiliary: str  # haben, sein
    de_case: str  # of the object: acc, dat
    de_preposition: str  # before the object: auf (with de_case)
    fr: str
    fr_je: str
    fr_tu: str
    fr_il: str
    fr_nous: str
    fr_ils: str
    fr_imperative: str
    fr_participle: str  # masculine singular; feminine and plural are formed by rule
    fr_auxiliary: str  # avoir, être
    fr_preposition: str
    fr_after: str  # words after the object: montrer quelqu'un *du doigt*

    @property
    def de_prefix(self) -> str:
        """The separable prefix, or ""."""
        return self.de.partition("|")[0] if "|" in self.de else ""

    @property
    def de_infinitive(self) -> str:
        """The infinitive as written: "zumachen"."""
        return self.de.replace("|", "")


@dataclass(frozen=True)
class ModalRow:
    """modals.csv. en_to: "to" for want to."""

    modal: str
    en: str
    en_s: str
    en_to: str
    de_ich: str
    de_du: str
    de_er: str
    de_wir: str
    fr_je: str
    fr_tu: str
    fr_il: str
    fr_nous: str
    fr_ils: str


@dataclass(frozen=True)
class AdverbRow:
    """adverbs.csv. kind: frequency, time, place or manner, which decides where it stands."""

    adverb: str
    kind: str
    tense: str  # any, present or past: the tense that it goes with
    en: str
    de: str
    fr: str


@dataclass(frozen=True)
class PrepositionRow:
    """prepositions.csv. governs: the types of nouns that it takes. The same word in another sense is another row."""

    preposition: str
    use: str  # place, goal, origin, company, benefit
    governs: frozenset[str]
    en: str
    de: str
    de_case: str
    fr: str


@dataclass(frozen=True)
class NameRow:
    """names.csv. kind: person, city or country (French countries take the article)."""

    name: str
    kind: str
    pronoun: str
    en: str
    de: str
    fr: str
    fr_gender: str


@dataclass(frozen=True)
class NumeralRow:
    """numerals.csv: numbers from two on, the same in every gender and case."""

    numeral: str
    en: str
    de: str
    fr: str


@dataclass(frozen=True)
class Lexicon:
    """All tables, each by the key in its first column."""

    nouns: dict[str, NounRow]
    adjectives: dict[str, AdjectiveRow]
    verbs: dict[str, VerbRow]
    modals: dict[str, ModalRow]
    adverbs: dict[str, AdverbRow]
    prepositions: dict[str, PrepositionRow]
    names: dict[str, NameRow]
    numerals: dict[str, NumeralRow]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The course's own words, read once."""
    return Lexicon(
        nouns=read_table("nouns", NounRow),
        adjectives=read_table("adjectives", AdjectiveRow),
        verbs=read_table("verbs", VerbRow),
        modals=read_table("modals", ModalRow),
        adverbs=read_table("adverbs", AdverbRow),
        prepositions=read_table("prepositions", PrepositionRow),
        names=read_table("names", NameRow),
        numerals=read_table("numerals", NumeralRow),
    )
