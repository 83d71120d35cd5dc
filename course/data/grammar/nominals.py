"""Random noun phrases, names and pronouns that make sense where they stand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from course.data.grammar.draws import Draws
from course.data.grammar.habits import Habits
from course.data.grammar.lexicon import NounRow
from course.data.grammar.meaning import (
    Name,
    Nominal,
    NounPhrase,
    Number,
    PrepositionPhrase,
    Pronoun,
    Together,
    changed,
    word,
)

GROUP_PRONOUNS = {"I": "my", "you": "your", "we": "our"}
FRIENDS = ("my", "your", "our")
# "Those two", "every": what a reader would stumble over with some nouns is left out here.
MANY = ((5, "two"), (3, "three"), (1, "four"), (1, "five"), (0.5, "ten"))
# Places of which one says "a" or the plural without a reason given: "lives in a village", "sleeps under the trees".
PLACES_WITH_A = frozenset({"hotel", "village", "island", "tree", "museum", "bridge"})
PLACES_IN_PLURAL = frozenset({"tree", "forest", "mountain"})


@dataclass(frozen=True)
class Style:
    """How rich sentences get. Probabilities of the parts that a sentence can do without."""

    adjective: float = 0.22
    whereabouts: float = 0.1
    possessor: float = 0.1
    relative: float = 0.08
    extra: float = 0.5  # an adverb, a place or a companion
    nested: float = 0.1  # a that-clause inside a that-clause
    only_subjects: frozenset[str] = frozenset()  # nouns never drawn as anything but a subject
    favored: tuple[str, ...] = ()  # nouns drawn more often than others as anything but a subject

    @cached_property
    def calm(self) -> "Style":
        """The same, saying no more than it must."""
        return replace(self, adjective=self.adjective / 2, whereabouts=0, possessor=0, relative=0, extra=0.15)

    @cached_property
    def with_relatives(self) -> "Style":
        """The same with a relative clause wherever there is room for one."""
        return replace(self, relative=1.0)


@dataclass
class Writer:
    """What all the functions that write a sentence share. used: the nouns and names it has so far."""

    draws: Draws
    habits: Habits
    style: Style = field(default_factory=Style)
    used: set[str] = field(default_factory=set)

    def plain(self) -> "Writer":
        """The same writer, saying no more than it must."""
        return Writer(self.draws, self.habits, self.style.calm, self.used)

    def choose(self, wanted: Collection[str], *, subject: bool = False, names: float = 0.3) -> str | None:
        """A noun or name of these types that the sentence does not have yet, or None."""
        types = frozenset(wanted)
        named = self.habits.names(types)
        pool = named if named and self.draws.chance(names) else self.habits.nouns(types) or named
        if self.style.favored and not subject and self.draws.chance(0.4):
            pool = tuple(key for key in pool if key in self.style.favored) or pool
        for _ in range(4 if pool else 0):
            key = self.draws.one(pool)
            if key not in self.used and (subject or key not in self.style.only_subjects):
                self.used.add(key)
                return key
        return None


def determiner_of(nominal: Nominal | None) -> str:
    """The determiner's lemma, or "" where there is none."""
    return nominal.determiner.lemma if isinstance(nominal, NounPhrase) and nominal.determiner else ""


def pronoun_of(writer: Writer, nominal: Nominal | None) -> str:
    """The English pronoun that would stand for it, "-" where the noun does not tell he from she."""
    if isinstance(nominal, NounPhrase):
        many = nominal.number == "pl" or writer.habits.noun(nominal.noun.lemma).count == "plural"
        return "they" if many else _pronoun_of_key(writer, nominal.noun.lemma)
    if isinstance(nominal, Name):
        return _pronoun_of_key(writer, nominal.lemma)
    if isinstance(nominal, Together):
        return "they"
    if nominal is None:
        return "-"
    if nominal.person != "third" or nominal.antecedent is None:
        return nominal.person
    return "they" if nominal.number == "pl" else _pronoun_of_key(writer, nominal.antecedent)


def _pronoun_of_key(writer: Writer, key: str) -> str:
    words = writer.habits.lexicon
    return words.names[key].pronoun if key in words.names else words.nouns[key].pronoun


def refer(writer: Writer, nominal: Nominal) -> Pronoun | None:
    """A pronoun that stands for the nominal, or None where English could not tell which."""
    if isinstance(nominal, Pronoun):
        return Pronoun(nominal.person, nominal.antecedent, nominal.number)
    told = pronoun_of(writer, nominal)
    if told == "-":
        return None
    number: Number = "pl" if told == "they" else "sg"
    match nominal:
        case Name(lemma=key):
            return Pronoun("third", key, number)
        case NounPhrase():
            return Pronoun("third", nominal.noun.lemma, number)
        case Together():
            return _refer_to_both(writer, nominal)
    return None


def _refer_to_both(writer: Writer, both: Together) -> Pronoun | None:
    """They: French says ils as soon as one of the two is masculine, so that one is named as the antecedent."""
    keys = [item.lemma if isinstance(item, Name) else item.noun.lemma for item in (both.first, both.second)
            if isinstance(item, Name | NounPhrase)]  # fmt: skip
    if len(keys) < 2:
        return None
    words = writer.habits.lexicon
    genders = {key: words.names[key].fr_gender if key in words.names else words.nouns[key].fr_gender for key in keys}
    return Pronoun("third", next((key for key in keys if genders[key] == "m"), keys[0]), "pl")


def own_word(writer: Writer, subject: Nominal | None, *, imperative: bool = False) -> str | None:
    """The possessive that belongs to the subject: my, your, our, "own"; None where English could not say it."""
    if imperative:
        return "your"
    told = pronoun_of(writer, subject)
    if told in GROUP_PRONOUNS:
        return GROUP_PRONOUNS[told]
    return "own" if told in ("he", "she", "they") else None


# Noun phrases


def subject(writer: Writer, wanted: Collection[str]) -> Nominal | None:
    """Who does it: a noun of these types, a name, a pronoun, or two together."""
    draws = writer.draws
    if "person" in wanted and draws.chance(0.2):
        return Pronoun(draws.weighted(((4, "I"), (4, "you"), (3, "we"), (2, "they"))))
    if "person" in wanted and draws.chance(0.05):
        return together(writer, wanted)
    key = writer.choose(wanted, subject=True)
    return phrase_of(writer, key, "subject") if key else None


def short_subject(writer: Writer, wanted: Collection[str]) -> Nominal | None:
    """A subject of few words, for clauses inside others."""
    if "person" in wanted and writer.draws.chance(0.3):
        return Pronoun(writer.draws.weighted(((4, "I"), (4, "you"), (3, "we"))))
    key = writer.choose(wanted, subject=True, names=0.45)
    return phrase_of(writer.plain(), key, "subject") if key else None


def together(writer: Writer, wanted: Collection[str]) -> Together | None:
    """Two persons: "Anna and Max", "the boy and the girl", "my mother and my father"."""
    names = writer.draws.chance(0.6)
    keys = [writer.choose(wanted, subject=True, names=float(names)) for _ in range(2)]
    if None in keys or len({key in writer.habits.lexicon.names for key in keys}) > 1:
        return None
    first, second = (simple(writer, key) for key in keys if key)
    return Together(first, word("and"), second)


def simple(writer: Writer, key: str) -> Nominal:
    """A name, or a noun with "the", or with "my" for family."""
    if key in writer.habits.lexicon.names:
        return Name(key)
    determiner = "my" if "family" in writer.habits.types(key) else "the"
    return NounPhrase(word(key), word(determiner))


def phrase_of(writer: Writer, key: str, role: str, *, own: str | None = None, new: str = "no") -> Nominal:
    """A noun phrase or name for this key.

    role: subject, object, place or owner. own: the possessive that belongs to the clause's subject. new: whether "a"
    and bare plurals are natural here (yes, no, mostly).
    """
    if key in writer.habits.lexicon.names:
        return Name(key)
    row = writer.habits.noun(key)
    if "part" in row.types:
        return with_possessor(writer, NounPhrase(word(key), word("the")))
    phrase = determined(writer, row, role, own, new)
    phrase = with_adjectives(writer, phrase)
    if role in ("subject", "object"):
        phrase = with_more(writer, phrase)
    return phrase


def determined(writer: Writer, row: NounRow, role: str, own: str | None, new: str) -> NounPhrase:
    """The noun with its determiner and number."""
    noun, draws = word(row.noun), writer.draws
    if row.count == "plural":
        return NounPhrase(noun, None, "pl")
    choice = draws.weighted(_determiners(row, role, own, new))
    if choice == "numeral":
        return NounPhrase(noun, None, "pl", word(draws.weighted(MANY)))
    if choice == "bare":
        return NounPhrase(noun, None, "sg" if row.count == "mass" else "pl")
    number: Number = "sg"
    many = _goes_plural(row) and (role != "place" or row.noun in PLACES_IN_PLURAL)
    if choice in ("the", "that", *FRIENDS, "own") and many and draws.chance(0.14):
        number = "pl"
    return NounPhrase(noun, word(choice), number)


def _goes_plural(row: NounRow) -> bool:
    """Whether the plural is natural with "the": there is one sea and one president; "fish" would not show it."""
    if row.count != "count" or row.en == row.en_plural:
        return False
    return row.types.isdisjoint({"family", "head", "part", "shore", "office", "home", "label", "land"})


@cache
def _determiners(row: NounRow, role: str, own: str | None, new: str) -> Sequence[tuple[float, str]]:
    """Weighted determiners. The new object ("a book", "books", "three books") only where the verb likes it."""
    counts = row.count == "count"
    weights: list[tuple[float, str]] = [(6, "the")]
    if "family" in row.types:
        weights = [(0.05, "the"), (3, "my"), (1.2, "your"), (1.2, "our")]
        return [*weights, (5, own)] if own else weights
    if "land" in row.types:
        return [(5, "that"), (1, "our")]
    if "head" in row.types or row.noun == "sea":
        return [(8, "the"), (0.5, "that")] if "head" in row.types else [(1, "the")]
    weights.append((0.5, "that"))
    if "own" in row.types:
        weights += [(0.4, mine) for mine in FRIENDS]
        if own:
            weights.append((2.5 if "garment" in row.types else 1.3, own))
    if role == "subject" and counts and row.types & {"person", "animal"}:
        weights += [(0.5, "a"), (0.3, "every"), (0.5 if _goes_plural(row) else 0, "numeral")]
    if role == "place" and row.noun in PLACES_WITH_A:
        weights.append((0.8, "a"))
    if new == "only" and row.count == "count":
        return _new_object(row, new) + ([(4, own)] if own and "own" in row.types else [])
    if role == "object" and new != "no":
        weights += _new_object(row, new)
    elif role == "object" and counts and "label" not in row.types:
        weights += [(0.3, "a"), (0.25, "every")]
    return weights


def _new_object(row: NounRow, new: str) -> list[tuple[float, str]]:
    factor = 8 if new == "mostly" else 1
    if row.count == "mass":
        return [(4, "bare")]
    one_only = not row.types.isdisjoint({"part", "label", "shore", "office", "land"})
    if one_only:
        return [(1, "a")]
    plural = 0.0 if row.en == row.en_plural else 1.0
    alive = not row.types.isdisjoint({"person"})
    return [(3 * factor, "a"), (0.9 * factor, "numeral"), (0.0 if alive else 0.8 * plural * factor, "bare")]


def with_adjectives(writer: Writer, phrase: NounPhrase) -> NounPhrase:
    """Perhaps one adjective, rarely two: a size and a color."""
    row = writer.habits.noun(phrase.noun.lemma)
    if row.count == "plural" or not writer.draws.chance(writer.style.adjective):
        return phrase
    fitting = [key for key in writer.habits.adjectives(row.noun) if not _is_odd(phrase, row, key)]
    if not fitting:
        return phrase
    first = writer.draws.weighted([(0.4 if key in STATES else 1.0, key) for key in fitting])
    adjectives = [word(first)]
    colors = [key for key in ("red", "green", "black", "white") if key in fitting]
    if first in ("big", "small", "old", "new") and colors and writer.draws.chance(0.2):
        adjectives.append(word(writer.draws.one(colors)))
    return changed(phrase, adjectives=tuple(adjectives))


def _is_odd(phrase: NounPhrase, row: NounRow, adjective: str) -> bool:
    """What types do not tell: "every sick man", "sick birds"; and French "forte" before or after a woman says fat."""
    if phrase.determiner is None and phrase.numeral is None and adjective in STATES:
        return True
    if phrase.determiner is not None and phrase.determiner.lemma == "every":
        return True
    return adjective == "strong" and row.pronoun == "she"


STATES = ("tired", "sick", "sad", "happy", "open", "clean", "empty", "broken", "dark")


def with_more(writer: Writer, phrase: NounPhrase) -> NounPhrase:
    """Perhaps whose it is, or where it is; relative clauses are added by the clause that the phrase stands in."""
    if phrase.determiner is None or phrase.determiner.lemma not in ("the", "a"):
        return phrase
    if phrase.determiner.lemma == "the" and writer.draws.chance(writer.style.possessor):
        return with_possessor(writer, phrase)
    if writer.draws.chance(writer.style.whereabouts):
        return with_whereabouts(writer, phrase)
    return phrase


def with_possessor(writer: Writer, phrase: NounPhrase) -> NounPhrase:
    """The door of the house, the house of my neighbor, Anna's book."""
    key = phrase.noun.lemma
    wholes = [row for row in writer.habits.parts if row.part == key and (row.one == "no" or phrase.number == "sg")]
    types = writer.habits.types(key)
    if wholes and ("own" not in types or writer.draws.chance(0.6)):
        whole = writer.draws.one(wholes).whole
        if whole in writer.used | writer.style.only_subjects:
            return phrase
        writer.used.add(whole)
        determiner = "that" if whole == "country" or writer.draws.chance(0.15) else "the"
        return changed(phrase, of=NounPhrase(word(whole), word(determiner)))
    if "own" in types and "family" not in types:
        owner = writer.choose({"person"}, names=0.6)
        if owner:
            return changed(phrase, of=owner_phrase(writer, owner))
    return phrase


def owner_phrase(writer: Writer, key: str) -> Nominal:
    """Whose: a name, my neighbor, the king."""
    if key in writer.habits.lexicon.names:
        return Name(key)
    own = "own" in writer.habits.types(key)
    return NounPhrase(word(key), word(writer.draws.one(FRIENDS) if own else "the"))


def with_whereabouts(writer: Writer, phrase: NounPhrase) -> NounPhrase:
    """The book on the table, the woman from Paris."""
    places = writer.habits.places_of[phrase.noun.lemma]
    where = place(writer, places) if places else None
    return changed(phrase, phrase=where) if where else phrase


# Places


def place(
    writer: Writer, places: Collection[str], *, own: str | None = None, animal: str = "", company: Sequence[str] = ()
) -> PrepositionPhrase | None:
    """A phrase from "preposition:type" entries. animal: a noun that lives outdoors, if the subject is one.

    company: the pronouns that may stand for a companion ("with me").
    """
    entries = tuple(places)
    if animal:
        entries = tuple(entry for entry in entries if _is_for_animals(writer, entry, animal))
    if not entries:
        return None
    preposition, wanted = writer.draws.one(entries).split(":")
    if wanted == "person" and company and writer.draws.chance(0.3):
        return PrepositionPhrase(word(preposition), Pronoun(writer.draws.one(company)))
    key = writer.choose({wanted}, names=0.5)
    if key is None:
        return None
    where = phrase_of(writer.plain(), key, "place", own=own)
    if isinstance(where, NounPhrase) and "shore" in writer.habits.types(key) and writer.draws.chance(0.6):
        where = with_possessor(writer, where)
    return PrepositionPhrase(word(preposition), where)


def _is_for_animals(writer: Writer, entry: str, animal: str) -> bool:
    preposition, wanted = entry.split(":")
    if preposition in ("with", "without", "for"):
        return False
    if preposition in ("under", "next_to", "behind", "by", "on_shore", "on_street"):
        return True
    at_home = "pet" in writer.habits.types(animal)
    keys = writer.habits.nouns(frozenset({wanted}))
    return bool(keys) and all(
        "outdoors" in writer.habits.types(key) or (at_home and writer.habits.types(key) & {"home", "seat"})
        for key in keys
    )
