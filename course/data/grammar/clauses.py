"""Random clauses: a verb with what it takes, what may come along, and relative clauses."""

from course.data.grammar.constructions import key_of
from course.data.grammar.habits import Usage
from course.data.grammar.lexicon import VerbRow
from course.data.grammar.meaning import (
    Clause,
    Mood,
    Name,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    RelativeClause,
    Tense,
    changed,
    word,
)
from course.data.grammar.nominals import (
    FRIENDS,
    Writer,
    determiner_of,
    own_word,
    phrase_of,
    place,
    short_subject,
)

# Verbs by how often a plain sentence is built on them.
FRAMES = ((3.2, "intransitive"), (6.0, "transitive"), (2.2, "ditransitive"), (0.7, "place"), (0.6, "goal"))
LASTING_PLACES = ("in", "in_town", "in_country", "on", "on_street", "on_shore", "under", "behind", "next_to", "by")
USED_UP = ("eat", "drink", "break", "have")  # no relative clause about what is gone: "the apple that she ate"
NOT_OWN = ("buy", "build", "see", "find")  # whose it is goes without saying, or is not settled yet
BIG = frozenset(
    {"building", "vehicle", "shady", "nature", "waters", "town", "furniture", "sought"}
)  # not found indoors
# What does not bear saying of a thing that is already so.
CLASHES = {("open", "open"), ("break", "broken"), ("turn_on", "broken"), ("turn_off", "broken"), ("wash", "clean"),
           ("clean_up", "clean"), ("eat", "bad"), ("drink", "bad"), ("build", "old")}  # fmt: skip


# Verbs and what they take


def verb_row(writer: Writer, key: str) -> VerbRow:
    """The verb's row."""
    return writer.habits.lexicon.verbs[key]


def usage(writer: Writer, key: str) -> Usage:
    """How the verb is used."""
    return writer.habits.usage[key]


def some_verb(writer: Writer) -> str:
    """A verb to build a plain sentence on."""
    return writer.draws.one(writer.habits.verbs_of[writer.draws.weighted(FRAMES)])


def object_of(
    writer: Writer, verb: str, doer: Nominal | None, *, told: bool = False, new: bool = True
) -> Nominal | None:
    """What the verb is done to. told: in a clause inside another one, where less is said."""
    row, draws = verb_row(writer, verb), writer.draws
    if "person" in row.objects and row.frame == "transitive" and draws.chance(0.12):
        choices = [who for who in ("I", "you", "we") if not same_person(who, doer)]
        return Pronoun(draws.one(choices))
    key = writer.choose(row.objects, names=0.3)
    if key is None:
        return None
    how_new = usage(writer, verb).indefinite if new else "no"
    own = None if verb in NOT_OWN else own_word(writer, doer, imperative=doer is None)
    phrase = phrase_of(writer.plain() if told else writer, key, "object", own=own, new=how_new)
    if isinstance(phrase, NounPhrase) and (row.frame == "ditransitive" or verb in ("write", "build", "buy")):
        phrase = changed(phrase, phrase=None)
    if isinstance(phrase, NounPhrase) and any((verb, item.lemma) in CLASHES for item in phrase.adjectives):
        phrase = changed(phrase, adjectives=())
    return phrase


def same_person(pronoun: str, doer: Nominal | None) -> bool:
    """Whether both are the speaker or both the listener: "I see us" is not said."""
    told = doer.person if isinstance(doer, Pronoun) else "you" if doer is None else ""
    return {pronoun, told} in ({"I"}, {"you"}, {"we"}, {"I", "we"})


def recipient_of(writer: Writer, doer: Nominal | None) -> Nominal | None:
    """Who gets it: a person or a pronoun."""
    if writer.draws.chance(0.25):
        choices = [who for who in ("I", "you", "we") if not same_person(who, doer)]
        return Pronoun(writer.draws.one(choices))
    key = writer.choose({"person"}, names=0.35)
    own = own_word(writer, doer, imperative=doer is None)
    return phrase_of(writer.plain(), key, "object", own=own) if key else None


# Plain clauses


def event(
    writer: Writer,
    verb: str,
    doer: Nominal | None,
    *,
    tense: Tense | None = None,
    mood: Mood = "statement",
    told: bool = False,
    thing: Nominal | None = None,
) -> Clause | None:
    """A clause with this verb and subject, its objects, and perhaps something more.

    doer: the subject; for a relative clause or an imperative, it is removed by the caller. told: in a clause inside
    another one. thing: the object, where it is already known.
    """
    row, how = verb_row(writer, verb), usage(writer, verb)
    tense = tense or _some_tense(writer, how, mood)
    if (tense not in how.tenses and mood != "imperative") or not tense_is_seen(row, tense, doer, mood):
        return None
    clause = Clause(word(verb), doer, tense=tense, mood=mood)
    if row.frame in ("transitive", "ditransitive"):
        thing = thing or object_of(writer, verb, doer, told=told)
        recipient = recipient_of(writer, doer) if row.frame == "ditransitive" else None
        if thing is None or (row.frame == "ditransitive" and recipient is None):
            return None
        clause = changed(clause, object=thing, recipient=recipient)
    if row.frame in ("place", "goal"):
        where = place(writer, _goals(how) if row.frame == "goal" else how.places, own=own_word(writer, doer))
        if where is None:
            return None
        clause = changed(clause, phrases=(where,))
    return with_extras(writer, clause, told=told)


def _goals(how: Usage) -> list[str]:
    return [entry for entry in how.places if entry.startswith(("into:", "to:"))]


def _some_tense(writer: Writer, how: Usage, mood: Mood) -> Tense:
    if mood == "imperative" or "past" not in how.tenses:
        return "present"
    if "present" not in how.tenses:
        return "past"
    return "past" if writer.draws.chance(0.65 if how.tenses[0] == "past" else 0.32) else "present"


def tense_is_seen(row: VerbRow, tense: Tense, doer: Nominal | None, mood: Mood) -> bool:
    """Whether English shows the tense: "they read" is taken as present, so it is never past here."""
    if row.en_past != row.en or tense == "present" or mood == "question":
        return True
    if isinstance(doer, Name) or (isinstance(doer, Pronoun) and doer.person == "third" and doer.number == "sg"):
        return True
    return isinstance(doer, NounPhrase) and doer.number == "sg" and doer.numeral is None


def with_extras(writer: Writer, clause: Clause, *, told: bool = False) -> Clause:
    """Perhaps a modal or a negation, and perhaps an adverb or a phrase; then perhaps something goes to the front."""
    draws, how = writer.draws, usage(writer, clause.verb.lemma)
    may_want = clause.mood != "imperative" and clause.tense == "present" and how.modals
    if may_want and draws.chance(0.17) and _can_choose(clause):
        clause = changed(clause, modal=word(draws.one(how.modals)))
    if _may_negate(clause, how) and draws.chance(0.05 if told else 0.16):
        clause = changed(clause, negation=word("not"))
    richness = writer.style.extra * (0.5 if told else 1)
    if draws.chance(richness * 0.8):
        clause = with_adverb(writer, clause, how)
    if draws.chance(richness * 0.7) and not (clause.negation and clause.adverbs) and not clause.phrases:
        clause = with_phrase(writer, clause, how)
    return clause if told else with_front(writer, clause)


def _can_choose(clause: Clause) -> bool:
    return not (isinstance(clause.subject, NounPhrase) and "every" in determiner_of(clause.subject))


def _may_negate(clause: Clause, how: Usage) -> bool:
    """Not with what German would have to say in another way, or what nobody denies: "not two books", "not every"."""
    if clause.mood == "imperative":
        return False
    if how.negated == "no" or (clause.modal and clause.modal.lemma == "must"):
        return False
    things = (clause.subject, clause.object, clause.recipient)
    for thing in things:
        if isinstance(thing, NounPhrase) and (thing.numeral or determiner_of(thing) == "every" or thing.phrase):
            return False
    if determiner_of(clause.subject) == "a" or determiner_of(clause.recipient) == "a":
        return False
    return not (isinstance(clause.object, NounPhrase) and determiner_of(clause.object) == "a" and clause.object.of)


def with_adverb(writer: Writer, clause: Clause, how: Usage) -> Clause:
    """An adverb that the verb takes and that goes with tense, modal and negation."""
    fitting = [key for key in how.adverbs if adverb_fits(writer, clause, key)]
    return changed(clause, adverbs=(word(writer.draws.one(fitting)),)) if fitting else clause


def adverb_fits(writer: Writer, clause: Clause, key: str) -> bool:
    """Whether the adverb goes with tense, mood, modal and negation of the clause, and makes sense there."""
    row = writer.habits.lexicon.adverbs[key]
    if row.tense not in ("any", clause.tense):
        return False
    if clause.negation:
        return row.kind == "time"
    if clause.modal:
        return row.kind in ("time", "manner") or (key == "always" and clause.modal.lemma in ("must", "should"))
    if clause.mood == "imperative":
        return row.kind in ("manner", "place") or key == "today"
    if row.kind == "manner" and isinstance(clause.object, NounPhrase) and clause.object.phrase:
        return False
    if row.kind == "frequency":
        return _may_repeat(writer, clause, key)
    return True


def _may_repeat(writer: Writer, clause: Clause, key: str) -> bool:
    """Whether often, always, never or already make sense: nobody always buys the same bed."""
    subject_word, object_word = determiner_of(clause.subject), determiner_of(clause.object)
    if key in ("never", "already"):
        if isinstance(clause.object, NounPhrase) and clause.object.numeral:
            return False
        fresh = clause.tense == "past" or usage(writer, clause.verb.lemma).again == "yes" or object_word in ("a", "")
        return fresh and subject_word not in ("every", "a") and object_word != "every"
    if key == "always" and (clause.tense == "past" or object_word == "a"):
        return False
    if object_word == "every" or subject_word == "a":
        return False
    if usage(writer, clause.verb.lemma).again == "yes" or isinstance(clause.object, Name):
        return object_word != "a" or clause.verb.lemma != "turn_on"
    return isinstance(clause.object, NounPhrase) and object_word in ("a", "") and not clause.object.numeral


def with_phrase(writer: Writer, clause: Clause, how: Usage) -> Clause:
    """A place or a companion, where the verb has room for one."""
    if clause.phrases or any(writer.habits.lexicon.adverbs[item.lemma].kind == "place" for item in clause.adverbs):
        return clause
    key = key_of(clause.subject)
    animal = key if key and writer.habits.types(key).isdisjoint({"person"}) else ""
    places = how.places
    if clause.negation:
        places = tuple(entry for entry in places if not entry.startswith("without"))
    if isinstance(clause.object, NounPhrase) and (clause.object.phrase or clause.object.of):
        return clause
    thing = key_of(clause.object)
    if thing and not writer.habits.types(thing).isdisjoint({"waters", "nature", "town"}):
        return clause
    if thing and not writer.habits.types(thing).isdisjoint(BIG):
        wide = ("town", "city_name", "village", "city", "person")
        places = tuple(entry for entry in places if entry.split(":")[1] in wide)
    own = own_word(writer, clause.subject, imperative=clause.mood == "imperative")
    doer = None if clause.mood == "imperative" else clause.subject
    company = [who for who in ("I", "you", "we") if not same_person(who, doer)] if key != "" else []
    where = place(writer, places, own=own, animal=animal, company=company)
    return changed(clause, phrases=(where,)) if where else clause


def with_front(writer: Writer, clause: Clause) -> Clause:
    """Perhaps the adverb or the place goes to the front of a statement."""
    if clause.mood != "statement" or clause.verb.lemma in ("live", "go"):
        return clause
    if clause.adverbs:
        row = writer.habits.lexicon.adverbs[clause.adverbs[0].lemma]
        share = {"time": 0.55, "place": 0.15}.get(row.kind, 0.15 if row.adverb == "often" else 0)
        return changed(clause, fronted="adverb") if writer.draws.chance(share) else clause
    first = clause.phrases[0].preposition.lemma if clause.phrases else ""
    if first in LASTING_PLACES and not _holds_own(clause.phrases[0]) and writer.draws.chance(0.35):
        return changed(clause, fronted="phrase")
    return clause


def _holds_own(phrase: PrepositionPhrase) -> bool:
    """Whether it says his, her or their, which should come after the one whose it is."""
    return determiner_of(phrase.nominal) == "own"


# Relative clauses


def with_relative(writer: Writer, clause: Clause) -> Clause:
    """Perhaps a relative clause after the object or the subject."""
    chance = writer.style.relative
    free = is_free_behind(writer, clause)
    if isinstance(clause.object, NounPhrase) and free and writer.draws.chance(chance * 1.8):
        return changed(clause, object=relative_about(writer, clause.object, clause, "object"))
    if isinstance(clause.subject, NounPhrase) and writer.draws.chance(chance):
        return changed(clause, subject=relative_about(writer, clause.subject, clause, "subject"))
    return clause


def is_free_behind(writer: Writer, clause: Clause) -> bool:
    """Whether nothing follows the object: behind a relative clause it would seem to belong to that."""
    behind = clause.phrases[1:] if clause.fronted == "phrase" else clause.phrases
    adverbs = clause.adverbs[1:] if clause.fronted == "adverb" else clause.adverbs
    kinds = [writer.habits.lexicon.adverbs[item.lemma].kind for item in adverbs]
    return not behind and all(kind == "frequency" for kind in kinds)


def unfronted(clause: Clause) -> Clause:
    """The same with its subject first. What stood there instead is left out where it would follow a relative clause."""
    front, heavy = clause.fronted, isinstance(clause.object, NounPhrase) and clause.object.relative is not None
    clause = changed(clause, fronted=None)
    if heavy and front == "adverb":
        return changed(clause, adverbs=clause.adverbs[1:])
    return changed(clause, phrases=clause.phrases[1:]) if heavy and front == "phrase" else clause


def relative_about(writer: Writer, head: NounPhrase, clause: Clause, place_in_clause: str) -> NounPhrase:
    """The same noun phrase with a relative clause, or as it was where none fits."""
    if not _takes_relative(writer, head):
        return head
    person = not writer.habits.types(head.noun.lemma).isdisjoint({"person", "animal"})
    objects_first = not person or writer.draws.chance(0.35)
    if head.noun.lemma in writer.style.only_subjects:
        objects_first = False
    build = relative_object if objects_first else relative_subject
    relative = build(writer, head, clause, place_in_clause)
    return changed(head, relative=relative) if relative else head


def _takes_relative(writer: Writer, head: NounPhrase) -> bool:
    if head.relative or head.of or head.phrase or determiner_of(head) in ("own", "every", "that", *FRIENDS):
        return False
    return head.determiner is not None or head.numeral is not None or head.number == "pl"


OPPOSITES = {"turn_on": ("turn_off",), "turn_off": ("turn_on",), "open": ("close",), "close": ("open",),
             "look_for": ("find",), "buy": ("forget", "put_on", "wash"), "find": ("take_along",)}  # fmt: skip


def person_like(types: frozenset[str]) -> bool:
    """Whether it is a person or an animal."""
    return not types.isdisjoint({"person", "animal"})


def relative_subject(writer: Writer, head: NounPhrase, clause: Clause, place_in_clause: str) -> RelativeClause | None:
    """Who it is by what they do: "the man who works here", "the woman who bought the car"."""
    main = clause.verb.lemma
    seen = place_in_clause == "object" and main in ("see", "watch", "point_at", "listen_to", "follow")
    verbs = [key for key in writer.habits.deeds_of[head.noun.lemma] if key not in (main, "sleep", "go")]
    tense: Tense = "past" if clause.tense == "past" or writer.draws.chance(0.4) else "present"
    if tense == "present" and not seen:
        verbs = [key for key in verbs if usage(writer, key).aside == "yes"]
    if not verbs:
        return None
    inside = event(writer.plain(), writer.draws.one(verbs), head, tense=tense, told=True)
    if inside is None or isinstance(inside.object, Pronoun):
        return None
    return RelativeClause(word("which"), "subject", changed(inside, subject=None, fronted=None))


def relative_object(writer: Writer, head: NounPhrase, clause: Clause, place_in_clause: str) -> RelativeClause | None:
    """What it is by what is done to it: "the book that Anna reads"."""
    types = writer.habits.types(head.noun.lemma)
    main = clause.verb.lemma
    taken = {main, *USED_UP, *OPPOSITES.get(main, ()), *(() if person_like(types) else ("point_at", "see")),
             *(() if main in ("find", "see") else ("look_for",))}  # fmt: skip
    verbs = [key for key in writer.habits.fates_of[head.noun.lemma] if key not in taken]
    if not verbs:
        return None
    verb = writer.draws.one(verbs)
    doer = short_subject(writer, verb_row(writer, verb).subjects)
    if doer is None or "every" in determiner_of(doer):
        return None
    lasting = verb in ("love", "look_for", "understand", "wait_for", "sell", "read", "help")
    tense: Tense = "past" if clause.tense == "past" or not lasting or writer.draws.chance(0.4) else "present"
    if tense == "past" and "past" not in usage(writer, verb).tenses:
        return None
    inside = event(writer.plain(), verb, doer, tense=tense, told=True, thing=head)
    if inside is None or inside.phrases:
        return None
    return RelativeClause(word("which"), "object", changed(inside, object=None, fronted=None))
