"""Short names with which tests write meanings down: `clause("read", subject=np("girl"), object=np("book", "a"))`."""

from typing import Any

from course.data.grammar.meaning import (
    Clause,
    Name,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    Quality,
    Reason,
    RelativeClause,
    ThatClause,
    Together,
    TwoClauses,
    Word,
)

WORDS = ("modal", "negation", "please")


def np(noun: str, determiner: str | None = "the", *adjectives: str, **parts: Any) -> NounPhrase:
    """A noun phrase. numeral: its key; number becomes "pl" with it."""
    numeral = parts.pop("numeral", None)
    if numeral:
        parts |= {"numeral": Word(numeral), "number": "pl"}
    word = Word(determiner) if determiner else None
    return NounPhrase(noun=Word(noun), determiner=word, adjectives=tuple(map(Word, adjectives)), **parts)


def nps(noun: str, determiner: str | None = "the", *adjectives: str, **parts: Any) -> NounPhrase:
    """A noun phrase in the plural."""
    return np(noun, determiner, *adjectives, number="pl", **parts)


def name(key: str) -> Name:
    return Name(key)


I = Pronoun("I")  # noqa: E741  (the pronoun)
YOU = Pronoun("you")
WE = Pronoun("we")
THEY = Pronoun("they")


def it(antecedent: str, number: str = "sg") -> Pronoun:
    """The pronoun for a noun or name: he, she, it, they."""
    return Pronoun("third", antecedent, "pl" if number == "pl" else "sg")


def both(first: Nominal, second: Nominal) -> Together:
    return Together(first, Word("and"), second)


def at(preposition: str, nominal: Nominal) -> PrepositionPhrase:
    return PrepositionPhrase(Word(preposition), nominal)


def who(verb: str, **parts: Any) -> RelativeClause:
    """A subject relative: the man who sleeps."""
    return RelativeClause(Word("which"), "subject", clause(verb, **parts))


def whom(verb: str, subject: Nominal, **parts: Any) -> RelativeClause:
    """An object relative: the book that she reads."""
    return RelativeClause(Word("which"), "object", clause(verb, subject, **parts))


def quality(adjective: str, than: Nominal | None = None) -> Quality:
    return Quality(Word(adjective), than)


def clause(verb: str, subject: Nominal | None = None, object: Nominal | None = None, **parts: Any) -> Clause:
    """A clause; words may be given by their keys, adverbs and phrases as one or a tuple."""
    for key in WORDS:
        if isinstance(parts.get(key), str):
            parts[key] = Word(parts[key])
    if "adverbs" in parts:
        given = parts["adverbs"]
        parts["adverbs"] = tuple(map(Word, (given,) if isinstance(given, str) else given))
    if isinstance(parts.get("phrases"), PrepositionPhrase):
        parts["phrases"] = (parts["phrases"],)
    if isinstance(parts.get("quality"), str):
        parts["quality"] = quality(parts["quality"])
    if isinstance(parts.get("content"), Clause):
        parts["content"] = ThatClause(Word("that_clause"), parts["content"])
    if isinstance(parts.get("reason"), Clause):
        parts["reason"] = Reason(Word("because"), parts["reason"])
    return Clause(verb=Word(verb), subject=subject, object=object, **parts)


def asked(verb: str, subject: Nominal | None = None, object: Nominal | None = None, **parts: Any) -> Clause:
    """A yes/no question."""
    return clause(verb, subject, object, mood="question", **parts)


def order(verb: str, object: Nominal | None = None, **parts: Any) -> Clause:
    """An imperative."""
    return clause(verb, None, object, mood="imperative", **parts)


def past(verb: str, subject: Nominal | None = None, object: Nominal | None = None, **parts: Any) -> Clause:
    """A clause about the past."""
    return clause(verb, subject, object, tense="past", **parts)


def is_(subject: Nominal, what: str, than: Nominal | None = None, **parts: Any) -> Clause:
    """ "The lamp is expensive", "the dog is smaller than the horse"."""
    return clause("be", subject, quality=quality(what, than), **parts)


def two(first: Clause, conjunction: str, second: Clause) -> TwoClauses:
    return TwoClauses(first, Word(conjunction), second)
