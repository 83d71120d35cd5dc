"""Random sentences that make sense: one small function for each way of building one.

Every function takes a `Writer` and returns a meaning, or None where its choices did not fit together; `sentence` tries
again. Which words go together is said in the tables, not here.
"""

from collections.abc import Callable, Iterable

from course.data.grammar.clauses import (
    adverb_fits,
    event,
    is_free_behind,
    object_of,
    recipient_of,
    relative_about,
    some_verb,
    tense_is_seen,
    unfronted,
    usage,
    verb_row,
    with_phrase,
    with_relative,
)
from course.data.grammar.constructions import key_of
from course.data.grammar.habits import Advice, ReasonHabit, Sequence
from course.data.grammar.meaning import (
    Clause,
    Meaning,
    Mood,
    Name,
    Node,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    Quality,
    Reason,
    Tense,
    ThatClause,
    Together,
    TwoClauses,
    changed,
    without_words,
    word,
)
from course.data.grammar.nominals import (
    FRIENDS,
    STATES,
    Writer,
    determiner_of,
    own_word,
    phrase_of,
    place,
    pronoun_of,
    refer,
    short_subject,
    subject,
)

ACTIVITIES = ("read", "write", "sleep", "sing", "work", "swim", "laugh", "wash", "eat", "paint", "wait_for", "clean_up")
REAL_CAPITALS = {"France": "Paris", "Germany": "Berlin"}

# Sentences, one function for each kind


def plain(writer: Writer, mood: Mood = "statement") -> Clause | None:
    """Somebody does something: transitive, intransitive and ditransitive verbs, with whatever comes along."""
    verb = some_verb(writer)
    return statement(writer, verb, mood)


def statement(writer: Writer, verb: str, mood: Mood = "statement") -> Clause | None:
    """A plain sentence with this verb."""
    if verb == "have" and mood == "statement" and writer.draws.chance(0.35):
        return having_part(writer)
    doer = subject(writer, verb_row(writer, verb).subjects)
    if doer is None:
        return None
    clause = event(writer, verb, doer, mood=mood)
    return with_relative(writer, clause) if clause and is_sensible(writer, clause) else None


def is_sensible(writer: Writer, clause: Clause) -> bool:
    """Pairs of subject and object that the types let through and a reader would not."""
    verb, thing, doer = clause.verb.lemma, key_of(clause.object), key_of(clause.subject)
    if thing == "dress" and verb == "put_on":
        return pronoun_of(writer, clause.subject) == "she" or doer in ("girl",)
    if verb == "drink" and doer and "person" not in writer.habits.types(doer):
        return thing in ("milk", "water")
    return not (verb == "follow" and doer in ("dog", "cat") and thing == "car")


def having_part(writer: Writer) -> Clause | None:
    """Wholes and their parts: "The needle has a sharp point", "The house has three windows"."""
    rows = [row for row in writer.habits.parts if row.part != "name" and row.part not in writer.style.only_subjects]
    row = writer.draws.weighted([(12 if "sharp" in writer.habits.types(row.whole) else 1, row) for row in rows])
    if row.part in ("president", "king", "queen"):
        return None
    whole = NounPhrase(word(row.whole), word(writer.draws.weighted(((6, "the"), (1, "that"), (0.5, "every")))))
    if "own" in writer.habits.types(row.whole) and writer.draws.chance(0.2):
        whole = changed(whole, determiner=word(writer.draws.one(FRIENDS)))
    new = "no" if row.one == "yes" else "mostly"
    part = phrase_of(writer, row.part, "object", new=new)
    if row.one == "yes" or not isinstance(part, NounPhrase):
        part = NounPhrase(word(row.part), word("a"))
        fitting = [key for key in writer.habits.adjectives(row.part) if key not in STATES]
        if fitting and writer.draws.chance(0.7):
            part = changed(part, adjectives=(word(writer.draws.one(fitting)),))
    if determiner_of(part) not in ("a", "") or part.phrase:
        return None
    writer.used.update((row.whole, row.part))
    return Clause(word("have"), whole, object=part)


def quality(writer: Writer) -> Clause | None:
    """How something is: "The old lamp is broken", "Today Anna is tired"."""
    key = writer.choose(writer.habits.every_noun, subject=True, names=0)
    if writer.draws.chance(0.2):
        key = writer.choose({"person"}, subject=True, names=1)
    adjective = writer.draws.one(writer.habits.adjectives(key)) if key and writer.habits.adjectives(key) else None
    if key is None or adjective is None:
        return None
    if writer.draws.chance(0.15) and "person" in writer.habits.lexicon.adjectives[adjective].types:
        who: Nominal = Pronoun(writer.draws.one(("I", "you", "we", "they")))
    else:
        who = phrase_of(writer, key, "subject")
    if isinstance(who, NounPhrase) and (who.adjectives or determiner_of(who) in ("a", "every")):
        who = changed(who, adjectives=(), determiner=word("the"))
    clause = Clause(word("be"), who, quality=Quality(word(adjective)))
    clause = with_state(writer, clause)
    return with_relative(writer, clause)


def with_state(writer: Writer, clause: Clause) -> Clause:
    """Perhaps a negation, or for passing states an adverb of time."""
    draws = writer.draws
    adjective = clause.quality.adjective.lemma if clause.quality else ""
    if draws.chance(0.2):
        return changed(clause, negation=word("not"))
    if adjective in STATES and adjective != "broken" and draws.chance(0.45 * writer.style.extra * 2):
        person = "person" in writer.habits.lexicon.adjectives[adjective].types
        times = ("today", "now", "often", "always", "never") if person else ("today", "now")
        clause = changed(clause, adverbs=(word(draws.one(times)),))
        timed = clause.adverbs[0].lemma in ("today", "now")
        return changed(clause, fronted="adverb") if timed and draws.chance(0.4) else clause
    return clause


RANKED = {"big": "size", "small": "size", "heavy": "weight", "light": "weight", "strong": "size"}


def comparison(writer: Writer) -> Clause | None:
    """One is more so than the other: "Anna is older than Max", "My bag is heavier than this box"."""
    row = writer.draws.one(writer.habits.comparisons)
    adjective = row.adjective
    if adjective in RANKED and row.type != "adult":
        pair = _ranked_pair(writer, adjective)
    else:
        pair = (writer.choose({row.type}, subject=True), writer.choose({row.type}))
    first, second = pair
    if first is None or second is None or not _both_have(writer, adjective, first, second):
        return None
    calm = writer.plain()
    left, right = phrase_of(calm, first, "place"), phrase_of(calm, second, "place")
    if writer.draws.chance(0.15) and "adult" in writer.habits.types(first):
        left = Pronoun(writer.draws.one(("I", "you", "we")))
    left, right = _bare(left), _bare(right)
    clause = Clause(word("be"), left, quality=Quality(word(adjective), right))
    return changed(clause, negation=word("not")) if writer.draws.chance(0.15) else clause


def _both_have(writer: Writer, adjective: str, first: str, second: str) -> bool:
    fitting = writer.habits.lexicon.adjectives[adjective]
    return all(writer.habits.describes(fitting, key) for key in (first, second)) and bool(fitting.en_comparative)


def _ranked_pair(writer: Writer, adjective: str) -> tuple[str | None, str | None]:
    """Two nouns of the table of sizes, in the order that is true."""
    rows = writer.habits.sizes
    column = RANKED[adjective]
    first = writer.draws.one(rows)
    near = [row for row in rows if row.noun != first.noun and 0 < abs(int(row.size) - int(first.size)) < 4]
    near = [
        row
        for row in near
        if ("animal" in writer.habits.types(row.noun)) == ("animal" in writer.habits.types(first.noun))
    ]
    if not near:
        return None, None
    second = writer.draws.one(near)
    more = int(getattr(first, column)) > int(getattr(second, column))
    if more == (adjective in ("small", "light")):
        first, second = second, first
    if {first.noun, second.noun} & writer.used or second.noun in writer.style.only_subjects:
        return None, None
    writer.used.update((first.noun, second.noun))
    return first.noun, second.noun


def _bare(nominal: Nominal) -> Nominal:
    """The same without adjectives: what is compared is named plainly."""
    if isinstance(nominal, NounPhrase):
        determiner = word("the") if determiner_of(nominal) == "a" else nominal.determiner
        return changed(nominal, adjectives=(), determiner=determiner)
    return nominal


def question(writer: Writer) -> Clause | None:
    """Yes or no: "Do you read the book?", "Is the door open?"."""
    if writer.draws.chance(0.18):
        clause = quality(writer)
        return changed(unfronted(clause), mood="question", negation=None) if clause else None
    if writer.draws.chance(0.4):
        verb = some_verb(writer)
        if "person" not in verb_row(writer, verb).subjects:
            return None
        clause = event(
            writer, verb, Pronoun(writer.draws.weighted(((4, "you"), (1, "they"), (1, "we")))), mood="question"
        )
        clause = with_relative(writer, clause) if clause and is_sensible(writer, clause) else None
    else:
        clause = plain(writer, "question")
    if clause is None or clause.mood != "question" or "every" in determiner_of(clause.subject):
        return None
    if clause.modal and clause.modal.lemma == "want" and pronoun_of(writer, clause.subject) in ("I", "we"):
        return None
    return changed(clause, negation=None)


def imperative(writer: Writer) -> Clause | None:
    """An order or a request: "Open the door!", "Please give me the key.", "Do not wake ..."."""
    rows = [row for row in writer.habits.usage.values() if row.imperative]
    how = writer.draws.one(rows)
    kinds = how.imperative
    negated = "not" in kinds and ("do" not in kinds or writer.draws.chance(0.3))
    clause = event(writer, how.verb, None, mood="imperative")
    if clause is None or determiner_of(clause.object) == "every":
        return None
    if (
        negated
        and isinstance(clause.object, NounPhrase)
        and (clause.object.numeral or determiner_of(clause.object) in ("a", ""))
    ):
        return None
    if writer.draws.chance(0.4):
        clause = with_relative(writer, clause)
    if negated:
        clause = changed(clause, negation=word("not"), adverbs=(), phrases=() if how.verb != "go" else clause.phrases)
    please = word("please") if writer.draws.chance(0.35) else None
    return changed(clause, please=please, fronted=None)


def reported(writer: Writer, *, inside: bool = False) -> Clause | None:
    """What somebody says, thinks or knows: "I think that the book is interesting"."""
    verb = writer.draws.one(writer.habits.verbs_of["clause"])
    doer = short_subject(writer, verb_row(writer, verb).subjects)
    if doer is None or determiner_of(doer) == "every":
        return None
    tense: Tense = "past" if "past" in usage(writer, verb).tenses and writer.draws.chance(0.3) else "present"
    content = what_is_said(writer, doer, tense, verb)
    if content is None:
        return None
    clause = Clause(word(verb), doer, content=ThatClause(word("that_clause"), content), tense=tense)
    if doer == Pronoun("you") and verb != "explain" and not inside and writer.draws.chance(0.8):
        return changed(clause, mood="question")
    return with_little(writer, clause)


def with_little(writer: Writer, clause: Clause) -> Clause:
    """Perhaps an adverb of frequency, or a negation where the verb takes one."""
    how = usage(writer, clause.verb.lemma)
    if how.negated == "yes" and not isinstance(clause.subject, Pronoun) and writer.draws.chance(0.25):
        return changed(clause, negation=word("not"))
    fitting = [key for key in how.adverbs if adverb_fits(writer, clause, key) and key != "never"]
    if fitting and writer.draws.chance(0.12):
        return changed(clause, adverbs=(word(writer.draws.one(fitting)),))
    return clause


def what_is_said(writer: Writer, doer: Nominal, tense: Tense, verb: str) -> Clause | None:
    """The content: an event or a quality, of somebody else or, by a pronoun, of the one who says it."""
    if verb == "hope":
        return what_is_hoped(writer, doer)
    if tense == "present" and writer.draws.chance(writer.style.nested):
        inner = reported(writer, inside=True)
        good = inner and inner.verb.lemma != verb and inner.tense == "present" and inner.mood == "statement"
        return inner if good else None
    if writer.draws.chance(0.25):
        about = refer(writer, doer)
        if about is None or isinstance(doer, Pronoun):
            return None
        return _event_of(writer, about, tense)
    if tense == "present" and writer.draws.chance(0.35):
        clause = quality(writer) if writer.draws.chance(0.75) else comparison(writer)
        return changed(clause, fronted=None) if clause else None
    clause = plain(writer)
    if clause is None or clause.tense != tense or isinstance(clause.subject, Pronoun) and clause.subject == doer:
        return None
    return unfronted(clause)


HOPED = ("come_back", "arrive", "help", "call", "find", "visit", "invite", "understand", "bring", "sing", "write")
HOPED_QUALITIES = ("good", "beautiful", "new", "happy", "clean", "open", "interesting", "polite", "rich")


def what_is_hoped(writer: Writer, doer: Nominal) -> Clause | None:
    """Something good, of somebody else: "that Max comes back", "that the cake is good"."""
    if writer.draws.chance(0.35):
        clause = quality(writer)
        good = clause and clause.quality and clause.quality.adjective.lemma in HOPED_QUALITIES
        return changed(clause, fronted=None, adverbs=(), negation=None) if clause and good else None
    verb = writer.draws.one(HOPED)
    other = short_subject(writer, verb_row(writer, verb).subjects)
    if other is None or other == doer or determiner_of(other) in ("every", "a"):
        return None
    clause = event(writer, verb, other, tense="present", told=True)
    if clause is None or clause.negation or any(item.lemma == "never" for item in clause.adverbs):
        return None
    modal = word("can") if writer.draws.chance(0.3) and "can" in usage(writer, verb).modals else None
    return changed(clause, modal=modal)


def _event_of(writer: Writer, about: Pronoun, tense: Tense) -> Clause | None:
    """Something that a pronoun does: "that she has a new car"."""
    rows = [row for row in writer.habits.lexicon.verbs.values() if row.frame in ("transitive", "intransitive", "goal")]
    fitting = [row.verb for row in rows if "person" in row.subjects]
    if tense == "present" and writer.draws.chance(0.3):
        state = writer.draws.one(("tired", "sick", "happy", "sad"))
        return Clause(word("be"), about, quality=Quality(word(state)))
    clause = event(writer, writer.draws.one(fitting), about, tense=tense, told=True)
    return clause if clause and is_sensible(writer, clause) else None


# Reasons


def reason(writer: Writer) -> Clause | None:
    """Why somebody does something, or does not: "does not buy the lamp because it is expensive"."""
    if writer.draws.chance(0.25):
        return purpose(writer)
    row = writer.draws.one(writer.habits.reasons)
    doer = _reason_subject(writer, row)
    if doer is None:
        return None
    thing = _reason_object(writer, row, doer)
    if thing is None and verb_row(writer, row.verb).frame in ("transitive", "ditransitive"):
        return None
    clause = Clause(word(row.verb), doer, object=thing, negation=word("not") if row.negated == "yes" else None)
    if verb_row(writer, row.verb).frame == "ditransitive":
        clause = changed(clause, recipient=recipient_of(writer, doer))
        if clause.recipient is None or isinstance(clause.recipient, Pronoun) and row.about == "subject":
            return None
    about = doer if row.about == "subject" else thing
    if row.about == "object" and isinstance(thing, NounPhrase) and writer.draws.chance(writer.style.relative * 2):
        clause = changed(clause, object=relative_about(writer, thing, clause, "object"))
    else:
        clause = _with_time(writer, clause)
    return because_it_is(writer, clause, row, about) if about else None


def _reason_subject(writer: Writer, row: ReasonHabit) -> Nominal | None:
    doer = subject(writer.plain(), verb_row(writer, row.verb).subjects)
    if doer is None or determiner_of(doer) in ("a", "every"):
        return None
    adjective = writer.habits.lexicon.adjectives[row.adjective]
    key = key_of(doer)
    if row.about == "subject" and key and not writer.habits.describes(adjective, key):
        return None
    return changed(doer, adjectives=()) if isinstance(doer, NounPhrase) else doer


def _reason_object(writer: Writer, row: ReasonHabit, doer: Nominal) -> Nominal | None:
    """The object; where the reason is about it, one that the adjective fits, and neither "a" nor described already."""
    verb = verb_row(writer, row.verb)
    if verb.frame not in ("transitive", "ditransitive"):
        return None
    if row.about == "subject":
        return object_of(writer, row.verb, doer, told=True, new=row.negated == "no")
    adjective = writer.habits.lexicon.adjectives[row.adjective]
    keys = set(writer.habits.nouns(verb.objects)) | set(writer.habits.names(verb.objects))
    fitting = [key for key in (*writer.habits.lexicon.nouns, *writer.habits.lexicon.names)
               if key in keys and writer.habits.describes(adjective, key)]  # fmt: skip
    key = writer.draws.one(fitting)
    if key in writer.used or key in writer.style.only_subjects:
        return None
    writer.used.add(key)
    thing = phrase_of(writer.plain(), key, "object", own=own_word(writer, doer))
    if determiner_of(thing) in ("a", "every"):
        return None
    return changed(thing, adjectives=()) if isinstance(thing, NounPhrase) else thing


def _with_time(writer: Writer, clause: Clause) -> Clause:
    """Perhaps "today" or "now", perhaps a place."""
    how = usage(writer, clause.verb.lemma)
    if writer.draws.chance(0.15 * 2 * writer.style.extra):
        times = [key for key in how.adverbs if key in ("today", "now")]
        return changed(clause, adverbs=(word(writer.draws.one(times)),)) if times else clause
    if not clause.negation and writer.draws.chance(0.15 * 2 * writer.style.extra):
        return with_phrase(writer, clause, how)
    return clause


def because_it_is(writer: Writer, clause: Clause, row: ReasonHabit, about: Nominal) -> Clause | None:
    """Add the reason. Where it stands first it names the thing, and the main clause has the pronoun."""
    pronoun = refer(writer, about)
    if pronoun is None:
        return None
    negation = word("not") if row.is_so == "no" else None
    why = Clause(word("be"), pronoun, quality=Quality(word(row.adjective)), negation=negation)
    if not writer.draws.chance(0.35):
        return changed(clause, reason=Reason(word("because"), why))
    said_first = about
    if row.about == "object" and isinstance(clause.object, NounPhrase):
        said_first = clause.object
    if _holds_any_own(said_first) or (clause.recipient and row.about == "object" and not _can_follow(clause)):
        return None
    why = changed(why, subject=said_first)
    swapped = changed(clause, subject=pronoun) if row.about == "subject" else changed(clause, object=pronoun)
    return changed(swapped, reason=Reason(word("because"), why), fronted="reason")


def _can_follow(clause: Clause) -> bool:
    return not isinstance(clause.recipient, Pronoun) or clause.recipient.person in ("I", "you", "we")


def _holds_any_own(nominal: Nominal) -> bool:
    return determiner_of(nominal) == "own"


def purpose(writer: Writer) -> Clause | None:
    """Why, by what somebody wants: "Anna goes to the doctor because she wants to help him"."""
    row = writer.draws.one(writer.habits.purposes)
    doer = subject(writer.plain(), ("person",) if row.purpose != "build" else ("adult",))
    again = refer(writer, doer) if doer and determiner_of(doer) not in ("a", "every") else None
    if doer is None or again is None:
        return None
    clause = event(writer.plain(), row.verb, doer, tense="present", told=True)
    if clause is None or clause.modal or clause.negation or isinstance(clause.object, Pronoun):
        return None
    why = event(writer.plain(), row.purpose, again, tense="present", told=True)
    if why is None or why.negation:
        return None
    why = changed(why, modal=word("want"), adverbs=())
    clause = changed(clause, adverbs=tuple(item for item in clause.adverbs if item.lemma in ("today", "now")))
    if writer.draws.chance(0.25) and not _holds_any_own(doer):
        why, clause = changed(why, subject=doer), changed(clause, subject=again)
        return changed(clause, reason=Reason(word("because"), why), fronted="reason")
    return changed(clause, reason=Reason(word("because"), why))


# Two clauses


def two_clauses(writer: Writer) -> TwoClauses | None:
    """Sequences, contrasts, and two things that happen side by side."""
    kinds = ((4, sequence), (2, contrast), (2.5, side_by_side), (1, both_verbs))
    return writer.draws.weighted(kinds)(writer)


def sequence(writer: Writer) -> TwoClauses | None:
    """One thing after the other, with a pronoun: "Anna buys the book and reads it", "Max sings, but ..."."""
    row = writer.draws.one(writer.habits.sequences)
    doer = subject(writer, verb_row(writer, row.first).subjects)
    if doer is None or determiner_of(doer) == "every":
        return None
    tense: Tense = "past" if "love" not in (row.first, row.second) and writer.draws.chance(0.35) else "present"
    if row.about == "subject":
        return _sequence_about_subject(writer, row, doer, tense)
    return _sequence_about_object(writer, row, doer, tense)


def _sequence_about_object(writer: Writer, row: Sequence, doer: Nominal, tense: Tense) -> TwoClauses | None:
    thing = _shared_thing(writer, row, doer)
    it = refer(writer, thing) if thing else None
    if thing is None or it is None or determiner_of(thing) in ("every", "") and not isinstance(thing, Name):
        return None
    first = event(writer, row.first, doer, tense=tense, thing=thing)
    if first is None or not _may_go_on(first) or first.modal:
        return None
    if isinstance(thing, NounPhrase) and is_free_behind(writer, first) and writer.draws.chance(writer.style.relative):
        first = changed(first, object=relative_about(writer, thing, first, "object"))
    second = _and_then(writer, row, doer, it, tense)
    return TwoClauses(first, word(row.conjunction), changed(second, subject=None)) if second else None


def _shared_thing(writer: Writer, row: Sequence, doer: Nominal) -> Nominal | None:
    """What both verbs are about: an object of the first that is also one of the second, or that is given something."""
    second = verb_row(writer, row.second)
    after = {"person"} if _gives_to(writer, row) else second.objects
    both = set(writer.habits.nouns(frozenset(after))) | set(writer.habits.names(frozenset(after)))
    first = verb_row(writer, row.first).objects
    banned = writer.used | writer.style.only_subjects
    fitting = [key for key in (*writer.habits.nouns(first), *writer.habits.names(first)) if key in both - banned]
    if not fitting:
        return None
    key = writer.draws.one(fitting)
    writer.used.add(key)
    phrase = phrase_of(writer, key, "object", own=own_word(writer, doer), new=usage(writer, row.first).indefinite)
    placed = isinstance(phrase, NounPhrase) and row.first in ("buy", "write", "build")
    return changed(phrase, phrase=None) if placed else phrase


def _gives_to(writer: Writer, row: Sequence) -> bool:
    """Whether the second verb gives something to whom the first one is about: "calls Max and tells him a story"."""
    second = verb_row(writer, row.second)
    if second.frame != "ditransitive":
        return False
    return row.about == "subject" or "person" in verb_row(writer, row.first).objects


def _may_go_on(first: Clause) -> bool:
    """Whether something can follow from it: not from what never happens."""
    return first.negation is None and all(adverb.lemma != "never" for adverb in first.adverbs)


def _and_then(writer: Writer, row: Sequence, doer: Nominal, who: Pronoun, tense: Tense) -> Clause | None:
    """The second clause, with the pronoun as its object or as the one who is given something."""
    verb = verb_row(writer, row.second)
    if not tense_is_seen(verb, tense, doer, "statement"):
        return None
    second = Clause(word(row.second), doer, object=who, tense=tense)
    if _gives_to(writer, row):
        thing = object_of(writer, row.second, doer, told=True)
        second = changed(second, object=thing, recipient=who)
    elif verb.frame == "ditransitive":
        second = changed(second, recipient=recipient_of(writer, doer))
    if second.object is None or (verb.frame == "ditransitive" and second.recipient is None):
        return None
    return changed(second, negation=word("not")) if row.negated == "yes" and _may_deny(second) else second


def _may_deny(clause: Clause) -> bool:
    return not (isinstance(clause.object, NounPhrase) and clause.object.numeral)


def _sequence_about_subject(writer: Writer, row: Sequence, doer: Nominal, tense: Tense) -> TwoClauses | None:
    him = refer(writer, doer)
    other = short_subject(writer, verb_row(writer, row.second).subjects)
    if him is None or other is None or isinstance(doer, Pronoun) or determiner_of(other) == "every":
        return None
    first = event(writer, row.first, doer, tense=tense)
    if first is None or not _may_go_on(first):
        return None
    if _gives_to(writer, row) and not writer.habits.types(him.antecedent or "") >= {"person"}:
        return None
    second = _and_then(writer, row, other, him, tense)
    return TwoClauses(first, word(row.conjunction), second) if second else None


def contrast(writer: Writer) -> TwoClauses | None:
    """Two qualities that one does not expect together: "The house is old, but it is beautiful"."""
    row = writer.draws.one(writer.habits.contrasts)
    nouns = [key for key in (*writer.habits.lexicon.nouns, *writer.habits.names(frozenset({"person"})))
             if row.first in writer.habits.adjectives(key) and row.but in writer.habits.adjectives(key)]  # fmt: skip
    if not nouns:
        return None
    key = writer.draws.one(nouns)
    if key in writer.used:
        return None
    writer.used.add(key)
    who = _bare(phrase_of(writer, key, "subject"))
    if determiner_of(who) == "every":
        return None
    it = refer(writer, who)
    if it is None:
        return None
    if isinstance(who, NounPhrase) and writer.draws.chance(writer.style.relative * 2):
        who = relative_about(writer, who, Clause(word("be"), who), "subject")
    first = Clause(word("be"), who, quality=Quality(word(row.first)))
    return TwoClauses(first, word("but"), Clause(word("be"), it, quality=Quality(word(row.but))))


def side_by_side(writer: Writer) -> TwoClauses | None:
    """Two persons, each with something to do: "The man reads, and the woman works in the garden"."""
    verbs = [writer.draws.one(ACTIVITIES), writer.draws.one(ACTIVITIES)]
    if verbs[0] == verbs[1]:
        return None
    tense: Tense = "past" if writer.draws.chance(0.3) else "present"
    clauses: list[Clause] = []
    for verb in verbs:
        doer = subject(writer, verb_row(writer, verb).subjects)
        clause = event(writer, verb, doer, tense=tense) if doer and determiner_of(doer) not in ("every", "a") else None
        if clause is None or clause.modal or (isinstance(doer, Pronoun) and clauses and clauses[0].subject == doer):
            return None
        clauses.append(clause)
    first, second = clauses
    conjunction = "but" if bool(first.negation) != bool(second.negation) else "and"
    if first.negation and not second.negation:
        first, second = second, first
    return TwoClauses(first, word(conjunction), unfronted(second))


def both_verbs(writer: Writer) -> TwoClauses | None:
    """One person, two activities: "Anna sings and laughs", "We eat in the garden and read the newspaper"."""
    verbs = [
        writer.draws.one(("sing", "laugh", "swim", "run", "work", "eat", "read", "cry")),
        writer.draws.one(ACTIVITIES),
    ]
    doer = subject(writer, ("person",))
    if verbs[0] == verbs[1] or doer is None or determiner_of(doer) == "every":
        return None
    tense: Tense = "past" if writer.draws.chance(0.3) else "present"
    clauses = [event(writer.plain(), verb, doer, tense=tense) for verb in verbs]
    first, second = clauses
    if first is None or second is None or first.modal or second.modal or first.negation or second.negation:
        return None
    if {verbs[0], verbs[1]} & {"sleep", "cry"} or any(
        item.lemma == "never" for item in (*first.adverbs, *second.adverbs)
    ):
        return None
    return TwoClauses(first, word("and"), changed(second, subject=None, fronted=None))


# What is good to do, and countries


def impersonal(writer: Writer) -> Clause | None:
    """What is polite, dangerous, important: "It is not polite to point at people"."""
    row = writer.draws.one(writer.habits.advice)
    inside = _advised(writer, row)
    if inside is None:
        return None
    negation = word("not") if row.negated == "yes" else None
    return Clause(word("be"), None, quality=Quality(word(row.adjective)), infinitive=inside, negation=negation)


def _advised(writer: Writer, row: Advice) -> Clause | None:
    clause = Clause(word(row.verb), negation=word("not") if row.infinitive_negated == "yes" else None)
    if row.objects:
        key = writer.choose(row.objects.split(), names=0.1)
        if key is None:
            return None
        thing = phrase_of(writer.plain(), key, "object")
        if determiner_of(thing) in ("a", "that") and row.infinitive_negated == "yes":
            return None
        if isinstance(thing, NounPhrase) and writer.draws.chance(writer.style.relative):
            thing = relative_about(writer, thing, clause, "object")
        clause = changed(clause, object=thing)
    if row.place:
        where = place(writer, (row.place,))
        if where is None:
            return None
        clause = changed(clause, phrases=(where,))
    return clause


def country(writer: Writer) -> TwoClauses | None:
    """A country, and then its president or king: "I love France, and the president of that country lives in Paris"."""
    draws = writer.draws
    name = draws.one(writer.habits.names(frozenset({"country_name"})))
    doer = short_subject(writer, ("person",))
    if doer is None or determiner_of(doer) == "every":
        return None
    verb = draws.one(("love", "visit"))
    first = event(writer.plain(), verb, doer, thing=Name(name), tense="present", told=True)
    if first is None:
        return None
    head = draws.one(("president", "king", "queen"))
    if head in writer.used:
        return None
    writer.used.add(head)
    ruler = NounPhrase(word(head), word("the"), of=NounPhrase(word("country"), word("that")))
    second = _about_ruler(writer, ruler, name)
    return TwoClauses(first, word("and"), second) if second else None


def _about_ruler(writer: Writer, ruler: NounPhrase, name: str) -> Clause | None:
    draws = writer.draws
    capital = REAL_CAPITALS.get(name)
    if capital and draws.chance(0.4):
        return Clause(word("live"), ruler, phrases=(PrepositionPhrase(word("in_town"), Name(capital)),))
    if draws.chance(0.5):
        adjective = draws.one(("old", "young", "rich", "happy", "sick", "sad", "strong", "tired"))
        return Clause(word("be"), ruler, quality=Quality(word(adjective)))
    clause = event(writer.plain(), draws.one(("work", "call", "visit", "invite", "sing", "buy")), ruler, told=True)
    return clause if clause and clause.tense == "present" else None


def relative(writer: Writer) -> Clause | None:
    """A plain sentence that has a relative clause for certain."""
    sure = Writer(writer.draws, writer.habits, writer.style.with_relatives, writer.used)
    clause = plain(sure) if writer.draws.chance(0.75) else quality(sure)
    heads = (clause.subject, clause.object) if clause else ()
    return clause if any(isinstance(head, NounPhrase) and head.relative for head in heads) else None


Recipe = Callable[[Writer], Meaning | None]
RECIPES: tuple[tuple[float, Recipe], ...] = (
    (30, plain),
    (9, relative),
    (8, quality),
    (1.5, having_part),
    (5, comparison),
    (9, question),
    (8, imperative),
    (10, reported),
    (10, reason),
    (15, two_clauses),
    (5, impersonal),
    (1.2, country),
)


def sentence(writer: Writer, recipes: tuple[tuple[float, Recipe], ...] = RECIPES) -> Meaning:
    """A random meaning, not yet numbered: recipes are drawn by weight until one succeeds."""
    while True:
        recipe = writer.draws.weighted(recipes)
        for _ in range(20):
            writer.used.clear()
            meaning = recipe(writer)
            if meaning is not None and is_clear(writer, meaning):
                return meaning


# Clarity


def is_clear(writer: Writer, meaning: Meaning) -> bool:
    """Whether every pronoun can mean one thing only: no two candidates for he, she, it or they in the sentence."""
    nodes = without_words(meaning)
    referring = [node for node in nodes if isinstance(node, Pronoun) and node.antecedent]
    if not referring:
        return True
    candidates = arguments(nodes)
    return all(_is_only_one(writer, pronoun, candidates) for pronoun in referring)


def _is_only_one(writer: Writer, pronoun: Pronoun, candidates: list[Nominal]) -> bool:
    told = pronoun_of(writer, pronoun)
    for other in candidates:
        said = pronoun_of(writer, other)
        if said == told or (said == "-" and told in ("he", "she")):
            same = other.antecedent if isinstance(other, Pronoun) else key_of(other)
            if isinstance(other, Together):
                continue
            if same != pronoun.antecedent:
                return False
    return True


def arguments(nodes: Iterable[Node]) -> list[Nominal]:
    """The subjects, objects and recipients of all clauses; what stands in a phrase is not taken for a referent."""
    places = [(node.subject, node.object, node.recipient) for node in nodes if isinstance(node, Clause)]
    return [nominal for place in places for nominal in place if nominal is not None]


# Sentences for the test splits


def embedding(writer: Writer) -> Clause | None:
    """Clauses inside clauses: "Anna says that Max thinks that the boy who broke the glass is sad"."""
    kinds = ((5, relative), (2, reason), (3, reported))
    clause = writer.draws.weighted(kinds)(writer)
    for _ in range(2):
        clause = wrapped(writer, clause) if clause else None
    asked = clause is not None and clause.subject == Pronoun("you")
    return changed(clause, mood="question") if clause and asked else clause


def wrapped(writer: Writer, inner: Clause) -> Clause | None:
    """The same as something that somebody says or thinks."""
    verb = writer.draws.one(("say", "think", "know", "believe"))
    doer = short_subject(writer, ("person",))
    known = doer is None or doer == inner.subject or determiner_of(doer) in ("a", "every")
    known = known or {pronoun_of(writer, doer), pronoun_of(writer, inner.subject)} == {"I", "we"}
    if known or inner.mood != "statement" or inner.fronted == "reason" or inner.verb.lemma == verb:
        return None
    content = ThatClause(word("that_clause"), unfronted(inner))
    return Clause(word(verb), doer, content=content)


def extended(writer: Writer) -> TwoClauses | None:
    """Two full clauses, each with a relative clause or a reason of its own where it has room."""
    first, build = relative(writer), relative if writer.draws.chance(0.7) else plain
    tries = (build(writer) for _ in range(4)) if first else ()
    second = next((item for item in tries if item and first and item.tense == first.tense), None)
    if first is None or second is None or first.subject == second.subject:
        return None
    if determiner_of(first.subject) in ("a", "every") or first.negation and not second.negation:
        return None
    conjunction = "but" if second.negation and not first.negation else "and"
    return TwoClauses(first, word(conjunction), unfronted(second))


def anaphoric(writer: Writer) -> Meaning | None:
    """A sentence whose pronoun stands some words after what it refers to."""
    kinds = ((4, sequence), (3, reason), (2, contrast), (2, reported))
    return writer.draws.weighted(kinds)(writer)
