"""How French words are written: agreement, elision, contraction, pronouns. No tree and no word order here.

Words themselves stand in `tables/`; this file holds what the table of no single word can say.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from course.data.grammar.lexicon import AdjectiveRow, ModalRow, VerbRow
from course.data.grammar.tokens import Token
from course.errors import CourseError


class Agreement(NamedTuple):
    """What other words copy from a nominal. person: 1, 2, 3; gender: "m", "f"; number: "sg", "pl"."""

    person: int
    gender: str
    number: str


# Words that take neither elision nor liaison although they begin with a vowel or an h. None is in the tables today; a
# noun that someone adds must not become "l'héros".
WITHOUT_ELISION = (
    *("hache", "haie", "hamster", "hareng", "haricot", "harpe", "hasard", "haut", "hérisson", "héron"),
    *("héros", "hibou", "hockey", "homard", "honte", "huit", "onze", "oui"),
)
VOWELS = frozenset("aàâæeéèêëiîïoôœuùûüh")  # h is silent: l'homme

ELIDED = MappingProxyType({word: f"{word[:-1]}'" for word in ("je", "me", "te", "le", "la", "ne", "de", "que")})
CONTRACTED = MappingProxyType({("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"})

# The only adjective here with a comparative of its own; "pire" for "plus mauvais" is possible, but rarer.
COMPARATIVES = MappingProxyType({"bon": ("meilleur", "meilleure", "meilleurs", "meilleures")})

# "gens" is masculine, but an adjective before it is feminine: "les vieilles gens sont fatigués".
FEMININE_BEFORE = frozenset({"gens"})

# Loving is general: who loves dogs loves "les chiens", where a buyer buys "des chiens".
GENERAL_OBJECT = frozenset({"aimer"})


# --- sounds: elision and contraction -----------------------------------------------------------------------------


@cache
def starts_with_vowel(word: str) -> bool:
    """Whether the word before it is elided or takes its liaison form: "homme" yes, "héros" no."""
    lower = word.lower()
    return lower[:1] in VOWELS and not lower.startswith(WITHOUT_ELISION)


def elided(tokens: Sequence[Token]) -> list[Token]:
    """The same tokens with "l'", "d'", "qu'", ... where the next word begins with a vowel."""
    written = list(tokens)
    for place, (item, after) in enumerate(pairwise(tokens)):
        if item.text in ELIDED and starts_with_vowel(after.text):
            written[place] = item._replace(text=ELIDED[item.text], right=True)
    return written


def contracted(preposition: Token, phrase: Sequence[Token]) -> list[Token]:
    """Preposition and phrase, "à le" as "au" and so on. Pronouns never contract ("de le lire"): not for infinitives."""
    article = phrase[0]
    together = CONTRACTED.get((preposition.text, article.text))
    if together is None:
        return [preposition, *phrase]
    return [Token(together, preposition.ids | article.ids), *phrase[1:]]


# --- what stands before a noun -----------------------------------------------------------------------------------


def definite(gender: str, number: str) -> str:
    """The article le, la, les."""
    if number == "pl":
        return "les"
    return "la" if gender == "f" else "le"


def indefinite(gender: str) -> str:
    """The article un, une."""
    return "une" if gender == "f" else "un"


def demonstrative(gender: str, number: str, next_word: str) -> str:
    """The word ce, cet, cette or ces."""
    if number == "pl":
        return "ces"
    if gender == "f":
        return "cette"
    return "cet" if starts_with_vowel(next_word) else "ce"


def possessive(owner: Agreement, gender: str, number: str, next_word: str) -> str:
    """The word for my, your, ... : who owns decides on the first letter, what is owned on the rest: "mon assiette"."""
    if owner.number == "pl":
        singular, plural = ("notre", "nos") if owner.person == 1 else ("leur", "leurs")
        return plural if number == "pl" else singular
    start = {1: "m", 2: "t", 3: "s"}[owner.person]
    if number == "pl":
        return f"{start}es"
    return f"{start}a" if gender == "f" and not starts_with_vowel(next_word) else f"{start}on"


# --- agreement ---------------------------------------------------------------------------------------------------


def agreeing_form(forms: Sequence[str], gender: str, number: str) -> str:
    """One of four forms: masculine, feminine, masculine plural, feminine plural."""
    return forms[(gender == "f") + 2 * (number == "pl")]


def adjective_form(row: AdjectiveRow, gender: str, number: str, next_word: str = "") -> str:
    """The adjective as it agrees. next_word: what follows it inside the noun phrase: "un vieil arbre"."""
    if row.fr_before_vowel and (gender, number) == ("m", "sg") and starts_with_vowel(next_word):
        return row.fr_before_vowel
    return agreeing_form(_four_forms(row), gender, number)


def comparative_form(row: AdjectiveRow, gender: str, number: str) -> list[str]:
    """The words of the comparative: ["plus", "petite"], but ["meilleure"]."""
    if row.fr_masculine in COMPARATIVES:
        return [agreeing_form(COMPARATIVES[row.fr_masculine], gender, number)]
    return ["plus", agreeing_form(_four_forms(row), gender, number)]


def _four_forms(row: AdjectiveRow) -> tuple[str, str, str, str]:
    return row.fr_masculine, row.fr_feminine, row.fr_masculine_plural, row.fr_feminine_plural


def participle_form(participle: str, gender: str, number: str) -> str:
    """The past participle as it agrees: ouvert, ouverte, ouverts, ouvertes; mis, mise, mis, mises."""
    form = participle + ("e" if gender == "f" else "")
    return form + ("s" if number == "pl" and not form.endswith("s") else "")


def finite_form(row: VerbRow | ModalRow, subject: Agreement) -> str:
    """The present form for the subject. Raises `CourseError` for "vous", which the tables do not hold."""
    if subject.number == "sg":
        return (row.fr_je, row.fr_tu, row.fr_il)[subject.person - 1]
    if subject.person == 2:
        raise CourseError('The tables hold no French form for "you" in the plural: say "we", or "you" alone.')
    return row.fr_nous if subject.person == 1 else row.fr_ils


# --- pronouns ----------------------------------------------------------------------------------------------------


def subject_pronoun(who: Agreement) -> str:
    """The word je, tu, il, elle, nous, ils or elles."""
    if who.person == 3:
        return ("elle" if who.gender == "f" else "il") + ("s" if who.number == "pl" else "")
    return _of_speaker(who, "je", "tu")


def direct_pronoun(who: Agreement) -> str:
    """The direct object before its verb: me, te, le, la, nous, les."""
    return definite(who.gender, who.number) if who.person == 3 else _of_speaker(who, "me", "te")


def indirect_pronoun(who: Agreement) -> str:
    """The recipient before the verb: me, te, lui, nous, leur."""
    if who.person == 3:
        return "leur" if who.number == "pl" else "lui"
    return _of_speaker(who, "me", "te")


def stressed_pronoun(who: Agreement) -> str:
    """The pronoun that stands alone, after a preposition or "que": moi, toi, lui, elle, nous, eux, elles."""
    if who.person == 3 and who.gender == "m":
        return "eux" if who.number == "pl" else "lui"
    return subject_pronoun(who) if who.person == 3 else _of_speaker(who, "moi", "toi")


def _of_speaker(who: Agreement, first: str, second: str) -> str:
    if who.number == "pl":
        return "nous"
    return first if who.person == 1 else second
