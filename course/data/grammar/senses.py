"""Pairs of sentences for the words with two senses: point, watch, light, fly, bank."""

from collections.abc import Iterator

from course.data.grammar.clauses import (
    event,
    object_of,
    tense_is_seen,
    unfronted,
    usage,
    verb_row,
)
from course.data.grammar.constructions import key_of
from course.data.grammar.meaning import (
    Clause,
    Meaning,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    Tense,
    ThatClause,
    changed,
    word,
)
from course.data.grammar.nominals import (
    Writer,
    determiner_of,
    own_word,
    phrase_of,
    short_subject,
)
from course.data.grammar.sampling import is_clear


def senses_pair(writer: Writer, turn: int) -> tuple[Meaning, ...]:
    """Two sentences, one for each sense of a word, as alike as they can be. turn: goes round the five words."""
    while True:
        writer.used.clear()
        pair = PAIRS[turn % len(PAIRS)](writer)
        if pair is not None and all(is_clear(writer, meaning) for meaning in pair):
            return tuple(_wrapped(writer, pair))


def _wrapped(writer: Writer, pair: tuple[Clause, Clause]) -> Iterator[Meaning]:
    """Both as they are, or both inside the same that-clause."""
    if writer.draws.chance(0.6):
        yield from pair
        return
    doer = short_subject(writer, ("person",))
    verb = writer.draws.one(("say", "think", "know", "believe", "hope"))
    for clause in pair:
        if doer is None or isinstance(doer, Pronoun) and doer == clause.subject or determiner_of(doer) == "every":
            yield clause
        else:
            yield Clause(word(verb), doer, content=ThatClause(word("that_clause"), unfronted(clause)))


def _two(first: Clause | None, second: Clause | None) -> tuple[Clause, Clause] | None:
    return (first, second) if first and second else None


def _person(writer: Writer) -> Nominal | None:
    doer = short_subject(writer, ("person",))
    return None if "every" in determiner_of(doer) else doer


def _point(writer: Writer) -> tuple[Clause, Clause] | None:
    """Points at the needle; sees the point of the needle."""
    doer = _person(writer)
    whole = NounPhrase(word(writer.draws.one(("needle", "knife"))), word(writer.draws.one(("the", "that"))))
    verb = writer.draws.one(("see", "point_at"))
    about = event(writer.plain(), "point_at", doer, told=True) if doer else None
    part = NounPhrase(word("point"), word("the"), of=whole)
    if writer.draws.chance(0.15):
        new = NounPhrase(word("point"), word("a"), adjectives=(word("sharp"),))
        return _two(about, Clause(word("have"), whole, object=new))
    return _two(about, event(writer.plain(), verb, doer, told=True, thing=part) if doer else None)


def _watch(writer: Writer) -> tuple[Clause, Clause] | None:
    """Watches the bird; buys the watch."""
    doer = _person(writer)
    if doer is None:
        return None
    verb = writer.draws.one(("buy", "sell", "find", "forget", "look_for", "show", "lend", "take_along"))
    thing = phrase_of(writer.plain(), "watch", "object", own=own_word(writer, doer), new=usage(writer, verb).indefinite)
    key = key_of(doer)
    if key and writer.habits.types(key).isdisjoint(verb_row(writer, verb).subjects):
        return None
    return _two(event(writer, "watch", doer), event(writer, verb, doer, thing=thing))


def _light(writer: Writer) -> tuple[Clause, Clause] | None:
    """Turns on the light; carries the light bag."""
    doer = _person(writer)
    if doer is None:
        return None
    lamp = phrase_of(writer.plain(), "light", "object")
    on = event(writer, writer.draws.one(("turn_on", "turn_off")), doer, thing=lamp)
    verb = writer.draws.one(("carry", "take_along", "buy", "find", "bring"))
    nouns = [key for key in writer.habits.nouns(verb_row(writer, verb).objects)
             if "light" in writer.habits.adjectives(key)]  # fmt: skip
    thing = NounPhrase(word(writer.draws.one(nouns)), word(writer.draws.one(("the", "a", "that"))),
                       adjectives=(word("light"),))  # fmt: skip
    return _two(on, event(writer, verb, doer, thing=thing))


def _fly(writer: Writer) -> tuple[Clause, Clause] | None:
    """The bird flies; sees the fly."""
    bird = phrase_of(writer, "bird", "subject")
    insect = phrase_of(writer, "fly", "object", new="yes")
    doer = _person(writer)
    verb = writer.draws.one(("see", "watch"))
    if doer is None:
        return None
    return _two(event(writer, "fly", bird), event(writer, verb, doer, thing=insect))


def _bank(writer: Writer) -> tuple[Clause, Clause] | None:
    """Works in the bank; sleeps on the bank."""
    doer = _person(writer)
    if doer is None:
        return None
    tense: Tense = "past" if writer.draws.chance(0.3) else "present"
    office = PrepositionPhrase(word("in"), NounPhrase(word("bank_money"), word(writer.draws.one(("the", "a", "that")))))
    shore = PrepositionPhrase(word("on_shore"), _bank_of_river(writer))
    first = Clause(word(writer.draws.one(("work", "wait_for", "sing", "read"))), doer, tense=tense)
    second = Clause(word(writer.draws.one(("sleep", "sing", "read", "wait_for"))), doer, tense=tense)
    clauses = []
    for clause, where in ((first, office), (second, shore)):
        row = verb_row(writer, clause.verb.lemma)
        thing = object_of(writer, row.verb, doer, told=True) if row.frame == "transitive" else None
        if (row.frame == "transitive" and thing is None) or not tense_is_seen(row, tense, doer, "statement"):
            return None
        clauses.append(changed(clause, object=thing, phrases=(where,)))
    return _two(*clauses)


def _bank_of_river(writer: Writer) -> NounPhrase:
    bank = NounPhrase(word("bank_river"), word("the"))
    if writer.draws.chance(0.6):
        return changed(bank, of=NounPhrase(word("river"), word(writer.draws.one(("the", "the", "that")))))
    return bank


PAIRS = (_point, _watch, _light, _fly, _bank)
