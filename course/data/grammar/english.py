"""From a meaning to English words: little agreement, but do-support, "cannot" and a strict word order.

A clause is said in this order: what is fronted, the subject, the verb group, objects, manner, phrases, place, time
(but what ends in a relative clause comes after these), content, infinitive, reason. Each piece is one small method;
`linearize` is the way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import NamedTuple, TypeVar

from course.data.grammar.lexicon import Lexicon, NounRow, VerbRow
from course.data.grammar.meaning import (
    FRONTED,
    Clause,
    Meaning,
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
    ends_in_relative,
)
from course.data.grammar.tokens import Token, capitalized, mark, token
from course.errors import CourseError

OBJECT_FORMS = {"I": "me", "you": "you", "he": "him", "she": "her", "it": "it", "we": "us", "they": "them"}
POSSESSIVES = {"I": "my", "you": "your", "he": "his", "she": "her", "it": "its", "we": "our", "they": "their"}
# A letter is not a sound: "a university", "an hour".
CONSONANT_SOUND = ("uni", "use", "eu", "one")
SILENT_H = ("hour", "honest", "honor", "heir")

Row = TypeVar("Row")


class Subject(NamedTuple):
    """What the verb and "own" need to know of the subject. pronoun: the one that would stand for it, or "-"."""

    pronoun: str
    plural: bool = False

    @property
    def takes_s(self) -> bool:
        """Third person singular: opens, does, has."""
        return not self.plural and self.pronoun not in ("I", "you", "we", "they")


YOU = Subject("you")
IT = Subject("it")


def linearize(meaning: Meaning, lexicon: Lexicon) -> list[Token]:
    """The English sentence with its capital and final mark; every token carries the ids that it realizes.

    meaning: as `numbered` returns it; without ids where only the text is wanted. Raises `CourseError` where the
    tree cannot be said.
    """
    english = _English(lexicon)
    if isinstance(meaning, TwoClauses):
        words, first = english.two_clauses(meaning), meaning.first
    else:
        words, first = english.clause(meaning), meaning
    return capitalized([*words, mark(_final_mark(first))])


def _final_mark(clause: Clause) -> str:
    if clause.mood == "question":
        return "?"
    return "!" if clause.mood == "imperative" and clause.please is None else "."


def indefinite_article(following: str) -> str:
    """The article "a" or "an", by the sound with which the following word starts."""
    word = following.lower()
    vowel = word.startswith(("a", "e", "i", "o", "u")) and not word.startswith(CONSONANT_SOUND)
    return "an" if vowel or word.startswith(SILENT_H) else "a"


def _row(table: dict[str, Row], key: str, kind: str) -> Row:
    if key not in table:
        raise CourseError(f"There is no {kind} {key!r} in the tables: add its row, or take another word.")
    return table[key]


@cache
def _tokens(text: str, node_id: int) -> tuple[Token, ...]:
    """One token for each word of a form: "more beautiful", "next to"."""
    return tuple(token(word, node_id) for word in text.split())


def _impersonal(clause: Clause) -> bool:
    return clause.subject is None and clause.infinitive is not None


def _is_plural(phrase: NounPhrase, row: NounRow) -> bool:
    return phrase.number == "pl" or phrase.numeral is not None or row.count == "plural"


def _check_number(phrase: NounPhrase, row: NounRow) -> None:
    """Raise for what no language says: two milks, every boys, a bare singular."""
    plural = _is_plural(phrase, row)
    determiner = phrase.determiner.lemma if phrase.determiner else None
    if row.count == "mass" and (plural or determiner in ("a", "every")):
        raise CourseError(f"{row.noun!r} is not counted: leave out the numeral, the plural, 'a' and 'every'.")
    if plural and determiner in ("a", "every"):
        raise CourseError(f"{determiner!r} needs a singular, but {row.noun!r} is plural here.")
    if row.count == "count" and not plural and determiner is None:
        raise CourseError(f"{row.noun!r} in the singular needs a determiner.")


class _Piece(NamedTuple):
    """Words that stay together. heavy: whether they end in a relative clause."""

    words: Sequence[Token]
    heavy: bool = False


@dataclass(frozen=True)
class _English:
    """The grammar, with the tables at hand. `owner` is always the subject that "own" belongs to, if there is one."""

    lexicon: Lexicon

    # Sentences

    def two_clauses(self, pair: TwoClauses) -> list[Token]:
        """Two clauses; the second may do without its subject: "Anna buys the book and reads it"."""
        first, second = pair.first, pair.second
        shares = second.subject is None and not _impersonal(second)
        if shares and first.mood != second.mood:
            raise CourseError(f"A {first.mood} and a {second.mood} cannot share one subject: give the second its own.")
        comma = [] if shares and pair.conjunction.lemma == "and" else [mark(",")]
        if shares and first.mood == "question":
            return [*self.clause(first), *comma, *self.joint(pair), *self.shared_question(first, second)]
        said = self.clause(second, self.subject(first) if shares else None)
        return [*self.clause(first), *comma, *self.joint(pair), *said]

    def joint(self, pair: TwoClauses | Together) -> list[Token]:
        """The word "and" or "but"."""
        return [token(pair.conjunction.lemma, pair.conjunction.id)]

    def shared_question(self, first: Clause, second: Clause) -> list[Token]:
        """What follows "Does Anna buy the book and": both clauses share "does", so the verb is a bare form."""
        if not (self.needs_do(first) and self.needs_do(second)) or first.tense != second.tense or second.negation:
            raise CourseError("The two clauses of one question must share 'do': give the second its own subject.")
        return [*self.often(second), *self.base(second), *self.after_verb(second, self.subject(first))]

    def clause(self, clause: Clause, shared: Subject | None = None) -> list[Token]:
        """A clause with a finite verb. shared: the subject said elsewhere (relatives, the second of two clauses)."""
        self.check(clause)
        owner = shared or self.subject(clause)
        if clause.mood == "imperative":
            return self.imperative(clause)
        said = [] if shared else self.subject_words(clause)
        return [*self.front(clause, owner), *self.verb_group(clause, owner, said), *self.after_verb(clause, owner)]

    def check(self, clause: Clause) -> None:
        """Raise for combinations that the tables and the other languages do not carry."""
        if clause.tense == "past" and (clause.modal or clause.verb.lemma == "be"):
            raise CourseError("'be' and the modals are used in the present only.")
        if clause.modal and clause.modal.lemma == "must" and clause.negation:
            raise CourseError("'must not' forbids, but German 'muss nicht' allows: take another modal.")
        if clause.modal and clause.mood == "imperative":
            raise CourseError("An imperative takes no modal.")
        if clause.please and clause.mood != "imperative":
            raise CourseError("'please' goes with an imperative only.")
        if clause.fronted is not None:
            self.check_front(clause)

    def check_front(self, clause: Clause) -> None:
        """Raise where there is nothing to put first, or where English would have to turn the verb around."""
        there = {"adverb": clause.adverbs, "phrase": clause.phrases, "reason": clause.reason}
        if clause.fronted not in FRONTED or not there[clause.fronted]:
            raise CourseError(f"The clause has no {clause.fronted!r} to put first; known are: {', '.join(FRONTED)}.")
        if clause.mood != "statement":
            raise CourseError(f"Only a statement puts something else first, not the mood {clause.mood!r}.")
        if clause.fronted == "adverb" and clause.adverbs[0].lemma in ("never", "already"):
            raise CourseError(f"English does not start with {clause.adverbs[0].lemma!r}: put another part first.")

    def front(self, clause: Clause, owner: Subject) -> Sequence[Token]:
        """What stands before the subject. Only the reason is set off by a comma."""
        if clause.fronted == "adverb":
            return self.adverb(clause.adverbs[0])
        if clause.fronted == "phrase":
            return self.phrase(clause.phrases[0], owner)
        if clause.fronted == "reason" and clause.reason is not None:
            return [*self.reason(clause.reason), mark(",")]
        return []

    # The subject

    def subject(self, clause: Clause) -> Subject:
        """What the subject of a clause is like; an imperative speaks to "you"."""
        if clause.subject is not None:
            return self.features(clause.subject)
        if clause.mood == "imperative":
            return YOU
        if _impersonal(clause):
            return IT
        raise CourseError(f"The clause of {clause.verb.lemma!r} has no subject.")

    def features(self, nominal: Nominal) -> Subject:
        """Number, and the pronoun that would stand for it."""
        match nominal:
            case Pronoun():
                if nominal.person == "third":
                    return self.referent(nominal)
                return Subject(nominal.person, plural=nominal.person in ("we", "they"))
            case Together():
                either = {self.features(nominal.first).pronoun, self.features(nominal.second).pronoun}
                return Subject("we" if "I" in either or "we" in either else "they", plural=True)
            case Name():
                return Subject(_row(self.lexicon.names, nominal.lemma, "name").pronoun)
            case NounPhrase():
                row = self.noun(nominal.noun)
                return Subject("they", plural=True) if _is_plural(nominal, row) else Subject(row.pronoun)
        raise CourseError(f"{type(nominal).__name__} cannot be a subject.")

    def referent(self, pronoun: Pronoun) -> Subject:
        """Who or what a third person stands for."""
        key = pronoun.antecedent
        if key is None:
            raise CourseError("A pronoun of the third person needs its antecedent: the key of a noun or name.")
        if pronoun.number == "pl":
            return Subject("they", plural=True)
        if key in self.lexicon.names:
            return Subject(self.lexicon.names[key].pronoun)
        row = _row(self.lexicon.nouns, key, "noun or name")
        return Subject(row.pronoun, plural=row.count == "plural")

    def subject_words(self, clause: Clause) -> Sequence[Token]:
        """The subject as it is said; the empty "It" stands for the whole impersonal clause."""
        if clause.subject is None:
            return [token("it", clause.id)]
        return self.nominal(clause.subject, None, subject=True)

    # The verb group

    def verb(self, clause: Clause) -> VerbRow:
        """The row of the clause's verb."""
        return _row(self.lexicon.verbs, clause.verb.lemma, "verb")

    def needs_do(self, clause: Clause) -> bool:
        """Whether a question or "not" takes do: every verb but "be", a helping "have" and the modals without "to"."""
        if clause.modal:
            return _row(self.lexicon.modals, clause.modal.lemma, "modal").en_to != ""
        return clause.verb.lemma != "be" and not self.is_perfect(clause)

    def is_perfect(self, clause: Clause) -> bool:
        """Whether "already" makes it "has already opened": the one perfect that the corpus uses."""
        return clause.tense == "past" and any(adverb.lemma == "already" for adverb in clause.adverbs)

    def verb_group(self, clause: Clause, owner: Subject, said: Sequence[Token]) -> list[Token]:
        """Subject and verbs with "not" and the adverbs of frequency between them.

        said: the words of the subject, which a question puts behind the first verb.
        """
        helper, rest = self.helper_and_rest(clause, owner)
        often = self.often(clause)
        if not helper:
            return [*said, *often, *rest]
        if clause.mood == "question":
            return [*helper, *said, *self.negation(clause), *often, *rest]
        if clause.negation and helper[0].text == "can":
            return [*said, Token("cannot", helper[0].ids | {clause.negation.id}), *often, *rest]
        return [*said, *helper, *self.negation(clause), *often, *rest]

    def helper_and_rest(self, clause: Clause, owner: Subject) -> tuple[list[Token], list[Token]]:
        """The helping verb, if there is one, and the other verbs: (does, open), (can, open), (has, opened), (, opens).

        "be" is its own helper: it turns around in questions and stands before "not" as helpers do.
        """
        verb, row = clause.verb, self.verb(clause)
        if self.needs_do(clause) and (clause.mood == "question" or clause.negation):
            do = "did" if clause.tense == "past" else "does" if owner.takes_s else "do"
            return [token(do, (clause.modal or verb).id)], self.base(clause)
        if clause.modal:
            modal = _row(self.lexicon.modals, clause.modal.lemma, "modal")
            finite = [token(modal.en_s if owner.takes_s else modal.en, clause.modal.id)]
            infinitive = [*_tokens(modal.en_to, clause.modal.id), token(row.en, verb.id)]
            return ([], finite + infinitive) if modal.en_to else (finite, infinitive)
        if verb.lemma == "be":
            form = "is" if owner.takes_s else "am" if owner.pronoun == "I" else "are"
            return [token(form, verb.id)], []
        if self.is_perfect(clause):
            return [token("has" if owner.takes_s else "have", verb.id)], [token(row.en_participle, verb.id)]
        form = row.en_past if clause.tense == "past" else row.en_s if owner.takes_s else row.en
        return [], [token(form, verb.id)]

    def base(self, clause: Clause) -> list[Token]:
        """The verbs without endings: "open", "want to open"."""
        words = [token(self.verb(clause).en, clause.verb.id)]
        if clause.modal is None:
            return words
        modal = _row(self.lexicon.modals, clause.modal.lemma, "modal")
        return [token(modal.en, clause.modal.id), *_tokens(modal.en_to, clause.modal.id), *words]

    def negation(self, clause: Clause) -> list[Token]:
        """The word "not", if the clause is negated."""
        return [token("not", clause.negation.id)] if clause.negation else []

    def imperative(self, clause: Clause) -> list[Token]:
        """An order or a request: "Please do not always open the door"."""
        if clause.tense == "past":
            raise CourseError("An imperative is in the present.")
        please = [token("please", clause.please.id)] if clause.please else []
        do = [token("do", clause.verb.id), *self.negation(clause)] if clause.negation else []
        often = self.often(clause)
        return [*please, *do, *often, *self.base(clause), *self.after_verb(clause, YOU)]

    def infinitive(self, clause: Clause) -> list[Token]:
        """What is polite, as in "not to wait": nobody in particular does it, so nothing here can be "own"."""
        self.check(clause)
        if clause.modal or clause.subject or clause.tense == "past":
            raise CourseError("An infinitive has no subject, no modal and no past.")
        before = [*self.negation(clause), *self.often(clause)]
        return [*before, token("to", clause.verb.id), *self.base(clause), *self.after_verb(clause, None)]

    # After the verb

    def after_verb(self, clause: Clause, owner: Subject | None) -> list[Token]:
        """Everything behind the verbs, without what is fronted.

        What ends in a relative clause comes last, or the words after it would seem to be part of that clause: "visits
        today the city that Anna loves".
        """
        phrases = clause.phrases[1:] if clause.fronted == "phrase" else clause.phrases
        pieces = self.objects(clause, owner)
        if clause.quality:
            pieces.append(_Piece(self.quality(clause.quality, owner), ends_in_relative(clause.quality.than)))
        adverbs = self.adverbs(clause)
        pieces.append(_Piece(adverbs.get("manner", ())))
        pieces += [_Piece(self.phrase(phrase, owner), ends_in_relative(phrase.nominal)) for phrase in phrases]
        pieces += [_Piece(adverbs.get("place", ())), _Piece(adverbs.get("time", ()))]
        # Sorting is stable: pieces of the same weight stay in order.
        words = [word for piece in sorted(pieces, key=attrgetter("heavy")) for word in piece.words]
        return [*words, *self.clauses_within(clause)]

    def clauses_within(self, clause: Clause) -> list[Token]:
        """What ends a clause: content, infinitive, reason."""
        words = self.content(clause.content) if clause.content else []
        if clause.infinitive:
            words += self.infinitive(clause.infinitive)
        if clause.reason and clause.fronted != "reason":
            words += self.reason(clause.reason)
        return words

    def objects(self, clause: Clause, owner: Subject | None) -> list[_Piece]:
        """Recipient, object, and the verb's own little words: "turns on the lamp", "turns it on", "waits for it"."""
        row = self.verb(clause)
        particle = _Piece(_tokens(row.en_particle, clause.verb.id))
        preposition = _tokens(row.en_preposition, clause.verb.id)
        recipient = self.nominal(clause.recipient, owner) if clause.recipient else []
        thing = [*preposition, *self.nominal(clause.object, owner)] if clause.object else preposition
        heavy, heavy_recipient = ends_in_relative(clause.object), ends_in_relative(clause.recipient)
        if isinstance(clause.object, Pronoun) or (clause.object and heavy_recipient and not heavy):
            to = [token("to", clause.verb.id)] if clause.recipient else []
            return [_Piece(thing), particle, _Piece([*to, *recipient], heavy_recipient)]
        return [particle, _Piece(recipient, heavy_recipient), _Piece(thing, heavy)]

    def quality(self, quality: Quality, owner: Subject | None) -> list[Token]:
        """What "be" says: "small", "smaller than the dog", "more expensive than the lamp"."""
        row = _row(self.lexicon.adjectives, quality.adjective.lemma, "adjective")
        if quality.than is None:
            return [token(row.en, quality.adjective.id)]
        if not row.en_comparative:
            raise CourseError(f"{row.adjective!r} has no comparative: one thing cannot be more so than another.")
        than = [token("than", quality.id), *self.nominal(quality.than, owner)]
        return [*_tokens(row.en_comparative, quality.adjective.id), *than]

    def content(self, content: ThatClause) -> list[Token]:
        """What is said or thought: "that the dog sleeps"."""
        return [token("that", content.that.id), *self.clause(content.clause)]

    def reason(self, reason: Reason) -> list[Token]:
        """Why: "because it is expensive"."""
        return [token("because", reason.because.id), *self.clause(reason.clause)]

    def phrase(self, phrase: PrepositionPhrase, owner: Subject | None) -> list[Token]:
        """Where or with whom: "in the garden", "next to it"."""
        row = _row(self.lexicon.prepositions, phrase.preposition.lemma, "preposition")
        return [*_tokens(row.en, phrase.preposition.id), *self.nominal(phrase.nominal, owner)]

    def adverbs(self, clause: Clause) -> Mapping[str, Sequence[Token]]:
        """The adverbs by kind, without a fronted one."""
        found: dict[str, list[Token]] = {}
        for word in clause.adverbs[1:] if clause.fronted == "adverb" else clause.adverbs:
            row = _row(self.lexicon.adverbs, word.lemma, "adverb")
            found.setdefault(row.kind, []).extend(self.adverb(word))
        return found

    def often(self, clause: Clause) -> Sequence[Token]:
        """The adverbs of frequency, which stand between the verbs."""
        return self.adverbs(clause).get("frequency", ())

    def adverb(self, word: Word) -> Sequence[Token]:
        """One adverb."""
        return _tokens(_row(self.lexicon.adverbs, word.lemma, "adverb").en, word.id)

    # Nominals

    def nominal(self, nominal: Nominal, owner: Subject | None, *, subject: bool = False) -> Sequence[Token]:
        """A noun phrase, name or pronoun. subject: whether a pronoun is said as he or as him."""
        match nominal:
            case NounPhrase():
                return self.noun_phrase(nominal, owner)
            case Name():
                return _tokens(_row(self.lexicon.names, nominal.lemma, "name").en, nominal.id)
            case Pronoun():
                return [token(self.pronoun(nominal, subject=subject), nominal.id)]
            case Together():
                first = self.nominal(nominal.first, owner, subject=subject)
                return [*first, *self.joint(nominal), *self.nominal(nominal.second, owner, subject=subject)]
        raise CourseError(f"{type(nominal).__name__} is not something that stands for a person or thing.")

    def pronoun(self, pronoun: Pronoun, *, subject: bool) -> str:
        """I or me, she or her ..."""
        key = self.features(pronoun).pronoun
        if key not in OBJECT_FORMS:
            raise CourseError(f"{pronoun.antecedent!r} does not tell he from she: say the noun again.")
        return key if subject else OBJECT_FORMS[key]

    def noun(self, word: Word) -> NounRow:
        """The noun's row."""
        return _row(self.lexicon.nouns, word.lemma, "noun")

    def noun_phrase(self, phrase: NounPhrase, owner: Subject | None) -> list[Token]:
        """Everything about one noun: "the two small boxes of my neighbor on the table that she opens"."""
        row = self.noun(phrase.noun)
        _check_number(phrase, row)
        plural = _is_plural(phrase, row)
        words: list[Token] = []
        if phrase.numeral:
            words.append(token(_row(self.lexicon.numerals, phrase.numeral.lemma, "numeral").en, phrase.numeral.id))
        for word in phrase.adjectives:
            words += _tokens(_row(self.lexicon.adjectives, word.lemma, "adjective").en, word.id)
        words += _tokens(row.en_plural if plural else row.en, phrase.noun.id)
        words = [*self.determiner(phrase, owner, words[0].text, plural=plural), *words]
        if phrase.of and not self.says_whose(phrase):
            words += [token("of", phrase.id), *self.nominal(phrase.of, owner)]
        if phrase.phrase:
            words += self.phrase(phrase.phrase, owner)
        if phrase.relative:
            words += self.relative(phrase.relative, row, Subject("they" if plural else row.pronoun, plural=plural))
        return words

    def says_whose(self, phrase: NounPhrase) -> bool:
        """Whether the owner stands first: "Anna's book", but "the book of my neighbor", "the president of France"."""
        named = isinstance(phrase.of, Name) and _row(self.lexicon.names, phrase.of.lemma, "name").kind == "person"
        return named and phrase.determiner is not None and phrase.determiner.lemma == "the"

    def determiner(self, phrase: NounPhrase, owner: Subject | None, following: str, *, plural: bool) -> list[Token]:
        """The article or its like; "Anna's" stands for "the ... of Anna" and carries the ids of both."""
        word = phrase.determiner
        if isinstance(phrase.of, Name) and self.says_whose(phrase) and word is not None:
            name = _row(self.lexicon.names, phrase.of.lemma, "name").en
            return [token(f"{name}'s", word.id, phrase.of.id)]
        if word is None:
            return []
        match word.lemma:
            case "a":
                return [token(indefinite_article(following), word.id)]
            case "that":
                return [token("those" if plural else "that", word.id)]
            case "own":
                return [token(self.possessive(owner), word.id)]
            case "the" | "every" | "my" | "your" | "our":
                return [token(word.lemma, word.id)]
        raise CourseError(f"{word.lemma!r} is not a determiner.")

    def possessive(self, owner: Subject | None) -> str:
        """His, her, its or their, by the subject of the clause."""
        if owner is None:
            raise CourseError("'own' belongs to the subject of its clause, and there is none here.")
        if owner.pronoun in ("I", "you", "we"):
            raise CourseError(f"'own' is for third persons; {owner.pronoun!r} takes {POSSESSIVES[owner.pronoun]!r}.")
        if owner.pronoun not in POSSESSIVES:
            raise CourseError("'own' needs a subject that tells he from she.")
        return POSSESSIVES[owner.pronoun]

    def relative(self, relative: RelativeClause, row: NounRow, head: Subject) -> list[Token]:
        """A clause about the noun: "who sleeps", "that she reads"; a preposition stays behind: "that she waits for"."""
        gap = relative.clause.subject if relative.role == "subject" else relative.clause.object
        if gap is not None:
            raise CourseError(f"The noun is itself the {relative.role} of its relative clause: leave that place empty.")
        is_subject = relative.role == "subject"
        word = "who" if is_subject and "person" in row.types else "that"
        return [token(word, relative.pronoun.id), *self.clause(relative.clause, head if is_subject else None)]
