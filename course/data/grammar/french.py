"""A meaning as a French sentence: word order and clauses. How words are written stands in `french_forms.py`.

A clause is built from left to right, and one function stands for each stretch of it::

    Aujourd'hui, | est-ce que | Anna | ne le lui a pas donné | dans le jardin | parce qu'il dort | ?
    _front         _asking      subject  _verb_group           _complements     _reason

Elision comes last, since it looks at neighbors: "que il" is written "qu'il".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

from course.data.grammar import french_forms as forms
from course.data.grammar.french_forms import Agreement, contracted, elided
from course.data.grammar.lexicon import AdverbRow, Lexicon, NounRow, VerbRow
from course.data.grammar.meaning import (
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
    changed,
    ends_in_relative,
)
from course.data.grammar.tokens import Token, capitalized, mark, token
from course.errors import CourseError

CONJUNCTIONS = {"and": "et", "but": "mais"}
REPEATED = ("à", "de", "en")  # said before each of two: "à Anna et à Paul", but "avec Anna et Paul"
COUNTRY_WORDS = {"dans": "en", "de": "de"}  # in and from a country: "en France", "de France"
NEVER = "never"  # the adverb that is a negation in French
FRIEND = Agreement(2, "m", "sg")  # whom an imperative addresses
ANYONE = Agreement(3, "m", "sg")  # the subject of "il est poli", and of an infinitive
PERSONS = {"I": (1, "sg"), "you": (2, "sg"), "we": (1, "pl"), "they": (3, "pl"), "third": (3, "sg")}
OWNERS = {"my": Agreement(1, "m", "sg"), "your": FRIEND, "our": Agreement(1, "m", "pl")}

# What becomes of the articles un, une, des, du, de la:
#   full: they stand; general: "les" and "le" for "des" and "du" (she loves dogs: les chiens);
#   negated: "de" for all (pas de chien); after de: only un, une stand (d'un chien, de chiens); after sans: none stands.
Indefinites = Literal["full", "general", "negated", "after de", "after sans"]
AFTER: dict[str, Indefinites] = {"de": "after de", "sans": "after sans"}

Ids = frozenset[int]
Item = TypeVar("Item")


class Setting(NamedTuple):
    """What a phrase must know of its surroundings. owner: the subject to which "own" refers, if there is one."""

    lexicon: Lexicon
    owner: Agreement | None = None


class Subject(NamedTuple):
    """What a clause's verb agrees with, and how it is written there: not at all in imperatives and infinitives.

    moved: the object of which a relative clause speaks; it precedes the verb, so that a participle agrees with it.
    """

    agreement: Agreement
    tokens: tuple[Token, ...] = ()
    form: Literal["finite", "imperative", "infinitive"] = "finite"
    moved: Agreement | None = None


class Clitics(NamedTuple):
    """The pronouns that lean on the verb, and what they stand for."""

    direct: Pronoun | None
    indirect: Pronoun | None


# Words that stay together behind the verb, and the nominal that they end in, if there is one.
Part = tuple[Nominal | None, Sequence[Token]]


def linearize(meaning: Meaning, lexicon: Lexicon) -> list[Token]:
    """The French sentence for a meaning, with capital letter, final mark and the ids on each token.

    meaning: as `numbered` returns it; without ids where only the text is wanted. Raises `CourseError` for a tree that
    makes no sense: an unknown word, a statement without subject, "a milk".
    """
    here = Setting(lexicon)
    clauses = (meaning,) if isinstance(meaning, Clause) else (meaning.first, meaning.second)
    tokens = _main_clause(meaning, here) if isinstance(meaning, Clause) else _two_clauses(meaning, here)
    please = next((clause.please for clause in clauses if clause.please), None)
    if please and clauses[0].mood != "imperative":
        raise CourseError(f'"please" goes with an imperative only, but the mood is "{clauses[0].mood}".')
    return capitalized(elided([*tokens, *_please(please), _final_mark(clauses[0], please)]))


def _please(please: Word | None) -> list[Token]:
    if please is None:
        return []
    return [mark(","), token("s'", please.id, right=True), *(token(text, please.id) for text in ("il", "te", "plaît"))]


def _final_mark(clause: Clause, please: Word | None) -> Token:
    if clause.mood == "question":
        return Token("?")
    return Token("!") if clause.mood == "imperative" and please is None else mark(".")


# --- clauses -----------------------------------------------------------------------------------------------------


def _main_clause(clause: Clause, here: Setting) -> list[Token]:
    return _clause(clause, _subject(clause, here), here)


def _two_clauses(both: TwoClauses, here: Setting) -> list[Token]:
    first = _subject(both.first, here)
    shared = both.second.subject is None and both.second.infinitive is None
    if not shared and both.first.mood != both.second.mood:
        raise CourseError(f'"{both.first.mood}" and "{both.second.mood}" cannot be joined: give both the same mood.')
    if shared and both.second.fronted:
        raise CourseError("A clause that shares the subject of the one before it starts with its verb: front nothing.")
    after = Setting(here.lexicon, first.agreement)
    second = first._replace(tokens=()) if shared else _subject(both.second, after)
    following = changed(both.second, mood="statement") if shared else both.second
    comma = [] if shared and both.conjunction.lemma == "and" else [mark(",")]
    return [
        *_clause(both.first, first, here),
        *comma,
        _conjunction(both.conjunction),
        *_clause(following, second, after),
    ]


def _conjunction(word: Word) -> Token:
    return token(_row(CONJUNCTIONS, word.lemma, "conjunction"), word.id)


def _subject(clause: Clause, here: Setting) -> Subject:
    """What the verb agrees with. An "own" in here belongs to the clause outside: "Anna dit que sa sœur dort"."""
    if clause.mood == "imperative":
        return Subject(FRIEND, form="imperative")
    if clause.infinitive is not None:
        return Subject(ANYONE, (token("il", clause.id),))
    nominal = clause.subject
    if nominal is None:
        raise CourseError(f'The clause with the verb "{clause.verb.lemma}" needs a subject: give it one.')
    agreement = _agreement(nominal, here)
    if isinstance(nominal, Pronoun):
        return Subject(agreement, (token(forms.subject_pronoun(agreement), nominal.id),))
    return Subject(agreement, tuple(_nominal(nominal, here, "general" if _is_general(clause, here) else "full")))


def _is_general(clause: Clause, here: Setting) -> bool:
    """Whether a bare subject means all of its kind: "les lions sont dangereux", but "des lions dorment ici"."""
    often = any(_adverb_row(word, here).kind == "frequency" and word.lemma != "already" for word in clause.adverbs)
    return often or any((clause.quality, clause.modal, clause.negation))


def _clause(clause: Clause, subject: Subject, outside: Setting) -> list[Token]:
    """A clause from its first to its last word; what joins it to another stands before it."""
    here = Setting(outside.lexicon, None if subject.form == "infinitive" else subject.agreement)
    return [
        *_front(clause, here),
        *_asking(clause),
        *subject.tokens,
        *_verb_group(clause, subject, here),
        *_complements(clause, subject, here),
        *_content(clause.content, here),
        *_infinitive(clause.infinitive, here),
        *(_reason(clause.reason, here) if clause.fronted != "reason" else ()),
    ]


def _front(clause: Clause, here: Setting) -> list[Token]:
    """What stands before the subject, with its comma: "Aujourd'hui, ..."."""
    if clause.fronted is None:
        return []
    if clause.fronted == "adverb" and clause.adverbs and clause.adverbs[0].lemma != NEVER:
        front = [token(_adverb_row(clause.adverbs[0], here).fr, clause.adverbs[0].id)]
    elif clause.fronted == "phrase" and clause.phrases:
        front = _preposition_phrase(clause.phrases[0], here)
    elif clause.fronted == "reason" and clause.reason:
        front = _reason(clause.reason, here)
    else:
        raise CourseError(f"This clause has no {clause.fronted} that can stand first: leave `fronted` at None.")
    return [*front, mark(",")]


def _asking(clause: Clause) -> list[Token]:
    return [Token("est-ce"), Token("que")] if clause.mood == "question" else []


def _content(content: ThatClause | None, here: Setting) -> list[Token]:
    return [token("que", content.that.id), *_main_clause(content.clause, here)] if content else []


def _reason(reason: Reason | None, here: Setting) -> list[Token]:
    if reason is None:
        return []
    because = reason.because.id
    return [token("parce", because), token("que", because), *_main_clause(reason.clause, here)]


def _infinitive(clause: Clause | None, here: Setting) -> list[Token]:
    """What is polite or easy: "de ne pas montrer les gens du doigt"."""
    if clause is None:
        return []
    return [token("de", clause.verb.id), *_clause(clause, Subject(ANYONE, form="infinitive"), here)]


def _relative_clause(relative: RelativeClause, head: Agreement, here: Setting) -> list[Token]:
    """The clause about a noun: "qui dort", "que l'homme a ouverte"."""
    clause = relative.clause
    if (clause.subject if relative.role == "subject" else clause.object) is not None:
        raise CourseError(f"The noun itself is the {relative.role} of its relative clause: leave that place empty.")
    if relative.role == "subject":
        return [token("qui", relative.pronoun.id), *_clause(clause, Subject(head), here)]
    if _row(here.lexicon.verbs, clause.verb.lemma, "verb").fr_preposition:
        raise CourseError(f'"{clause.verb.lemma}" has no direct object in French: no relative clause can be about it.')
    return [token("que", relative.pronoun.id), *_clause(clause, _subject(clause, here)._replace(moved=head), here)]


# --- the verb and what leans on it -------------------------------------------------------------------------------


def _verb_group(clause: Clause, subject: Subject, here: Setting) -> list[Token]:
    """From "ne" to the last verb: "ne le lit pas souvent", "ne l'a jamais vue", "ne veut pas le lire"."""
    row = _row(here.lexicon.verbs, clause.verb.lemma, "verb")
    clitics = _clitics(clause, row, here)
    ne, pas = _negation(clause)
    often = _adverbs(clause, here).get("frequency", ())
    if subject.form != "finite" and (clause.modal or clause.tense == "past"):
        raise CourseError(f'"{clause.verb.lemma}" is {subject.form}: it can have neither a modal nor the past tense.')
    if subject.form == "infinitive":
        return [*ne, *pas, *_before_verb(clitics, here), token(row.fr, clause.verb.id), *often]
    if subject.form == "imperative":
        verb = token(row.fr_imperative, clause.verb.id)
        if not ne:
            return [verb, *_after_verb(clitics, here), *often]
        return [*ne, *_before_verb(clitics, here), verb, *pas, *often]
    if clause.modal:
        infinitive = [*_before_verb(clitics, here), token(row.fr, clause.verb.id)]
        return [*ne, _modal(clause, subject, here), *pas, *often, *infinitive]
    finite, closing = _tensed(clause, row, subject, clitics, here)
    return [*ne, *_before_verb(clitics, here), finite, *pas, *often, *closing]


def _tensed(
    clause: Clause, row: VerbRow, subject: Subject, clitics: Clitics, here: Setting
) -> tuple[Token, list[Token]]:
    """The finite verb, and the participle if there is one."""
    verb = clause.verb.id
    if clause.tense == "past" and clause.verb.lemma == "be":
        raise CourseError(
            '"be" goes with the present only: its past would be the imparfait, which is not in the tables.'
        )
    if clause.tense == "present":
        return token(forms.finite_form(row, subject.agreement), verb), []
    auxiliary = here.lexicon.verbs["be" if row.fr_auxiliary == "être" else "have"]
    agreement = _participle_agreement(row, subject, clitics, here)
    participle = forms.participle_form(row.fr_participle, agreement.gender, agreement.number)
    return token(forms.finite_form(auxiliary, subject.agreement), verb), [token(participle, verb)]


def _participle_agreement(row: VerbRow, subject: Subject, clitics: Clitics, here: Setting) -> Agreement:
    """With être the subject decides; with avoir an object that precedes, if any: "la porte qu'il a ouverte"."""
    if row.fr_auxiliary == "être":
        return subject.agreement
    if subject.moved:
        return subject.moved
    return _agreement(clitics.direct, here) if clitics.direct else ANYONE


def _modal(clause: Clause, subject: Subject, here: Setting) -> Token:
    if clause.modal is None or clause.tense == "past":
        raise CourseError(f'"{clause.verb.lemma}" has a modal in the past tense: modals go with the present only.')
    row = _row(here.lexicon.modals, clause.modal.lemma, "modal")
    return token(forms.finite_form(row, subject.agreement), clause.modal.id)


def _negation(clause: Clause) -> tuple[list[Token], list[Token]]:
    """The two parts, "ne" and "pas" or "jamais"; both empty in a clause without negation."""
    never = next((word for word in clause.adverbs if word.lemma == NEVER), None)
    if never and clause.negation:
        raise CourseError('A clause has either "not" or "never": leave one of them out.')
    if never:
        return [token("ne", never.id)], [token("jamais", never.id)]
    if clause.negation:
        return [token("ne", clause.negation.id)], [token("pas", clause.negation.id)]
    return [], []


def _clitics(clause: Clause, row: VerbRow, here: Setting) -> Clitics:
    """The pronouns among the objects. French has no "me lui": there the recipient stays behind, "me montre à lui"."""
    thing = clause.object if isinstance(clause.object, Pronoun) else None
    recipient = clause.recipient if isinstance(clause.recipient, Pronoun) else None
    if thing and row.fr_preposition:
        return Clitics(None, thing if row.fr_preposition == "à" else None)
    if thing and recipient and _agreement(thing, here).person != 3:
        return Clitics(thing, None)
    return Clitics(thing, recipient)


def _before_verb(clitics: Clitics, here: Setting) -> list[Token]:
    """The usual place and order: "me le", "te les", but "le lui", "les leur"."""
    direct = _clitic(clitics.direct, forms.direct_pronoun, here)
    indirect = _clitic(clitics.indirect, forms.indirect_pronoun, here)
    third = clitics.indirect is not None and _agreement(clitics.indirect, here).person == 3
    return [*direct, *indirect] if third else [*indirect, *direct]


def _after_verb(clitics: Clitics, here: Setting) -> list[Token]:
    """After an imperative that is not negated, with hyphens, the thing first: "-le-moi", "-les-leur"."""
    spoken = [
        *_clitic(clitics.direct, forms.direct_pronoun, here),
        *_clitic(clitics.indirect, forms.indirect_pronoun, here),
    ]
    stressed = {"me": "moi", "te": "toi"}
    return [item._replace(text=f"-{stressed.get(item.text, item.text)}", left=True) for item in spoken]


def _clitic(pronoun: Pronoun | None, form: Callable[[Agreement], str], here: Setting) -> list[Token]:
    return [token(form(_agreement(pronoun, here)), pronoun.id)] if pronoun else []


# --- after the verb ----------------------------------------------------------------------------------------------


def _complements(clause: Clause, subject: Subject, here: Setting) -> list[Token]:
    """Quality, objects, manner, phrases, place and time; but what ends in a relative clause comes last.

    "Elle donne au garçon le livre qui est ici": else "au garçon" would be taken for a part of the relative clause.
    """
    phrases = clause.phrases[1:] if clause.fronted == "phrase" else clause.phrases
    adverbs = _adverbs(clause, here)
    parts: list[Part] = [
        *_quality(clause.quality, subject.agreement, here),
        *_objects(clause, here),
        (None, adverbs.get("manner", ())),
        *[(phrase.nominal, _preposition_phrase(phrase, here)) for phrase in phrases],
        (None, adverbs.get("place", ())),
        (None, adverbs.get("time", ())),
    ]
    return [item for _, part in sorted(parts, key=_ends_in_relative) for item in part]


def _ends_in_relative(part: Part) -> bool:
    return part[0] is not None and ends_in_relative(part[0])


def _quality(quality: Quality | None, subject: Agreement, here: Setting) -> Iterator[Part]:
    """An adjective or a comparison: "heureuse", "plus petite que le chien"."""
    if quality is None:
        return
    row = _row(here.lexicon.adjectives, quality.adjective.lemma, "adjective")
    said = quality.adjective.id
    if quality.than is None:
        yield None, [token(forms.adjective_form(row, subject.gender, subject.number), said)]
        return
    comparative = [token(text, said) for text in forms.comparative_form(row, subject.gender, subject.number)]
    yield quality.than, [*comparative, token("que", quality.id), *_nominal(quality.than, here, "general")]


def _objects(clause: Clause, here: Setting) -> list[Part]:
    """The object, the words that follow it ("du doigt") and the recipient, as far as they are not clitics.

    The recipient goes first where the object ends in a phrase: "il montre à Julia une robe dans le sac", for in "une
    robe dans le sac à Julia" the bag would be hers.
    """
    row = _row(here.lexicon.verbs, clause.verb.lemma, "verb")
    clitics = _clitics(clause, row, here)
    parts: list[Part] = []
    if clause.object and clause.object is not clitics.direct and clause.object is not clitics.indirect:
        parts.append((clause.object, _object(clause, clause.object, row, here)))
    if row.fr_after:
        parts.append((None, [token(text, clause.verb.id) for text in row.fr_after.split()]))
    if clause.recipient and clause.recipient is not clitics.indirect:
        place = 0 if isinstance(clause.object, NounPhrase) and clause.object.phrase else len(parts)
        parts.insert(place, (clause.recipient, _governed("à", frozenset({clause.verb.id}), clause.recipient, here)))
    return parts


def _object(clause: Clause, nominal: Nominal, row: VerbRow, here: Setting) -> list[Token]:
    if row.fr_preposition:
        return _governed(row.fr_preposition, frozenset({clause.verb.id}), nominal, here)
    if row.fr in forms.GENERAL_OBJECT:
        return _nominal(nominal, here, "general")
    ne, _ = _negation(clause)
    return _nominal(nominal, here, "negated" if ne else "full")


def _adverbs(clause: Clause, here: Setting) -> Mapping[str, Sequence[Token]]:
    """The adverbs by kind; without one that stands first, and without "never", which the verb group says."""
    found: dict[str, list[Token]] = {}
    for word in clause.adverbs[1:] if clause.fronted == "adverb" else clause.adverbs:
        if word.lemma != NEVER:
            row = _adverb_row(word, here)
            found.setdefault(row.kind, []).append(token(row.fr, word.id))
    return found


def _adverb_row(word: Word, here: Setting) -> AdverbRow:
    return _row(here.lexicon.adverbs, word.lemma, "adverb")


# --- prepositions ------------------------------------------------------------------------------------------------


def _preposition_phrase(phrase: PrepositionPhrase, here: Setting) -> list[Token]:
    row = _row(here.lexicon.prepositions, phrase.preposition.lemma, "preposition")
    where = row.use in ("place", "goal", "origin")
    return _governed(row.fr, frozenset({phrase.preposition.id}), phrase.nominal, here, where=where)


def _governed(words: str, said: Ids, nominal: Nominal, here: Setting, *, where: bool = False) -> list[Token]:
    """Preposition and nominal: "à côté du lit". said: what the preposition realizes; where: in or from a place."""
    *opening, last = words.split()
    country = where and words in COUNTRY_WORDS and _is_country(nominal, here)
    if isinstance(nominal, Together) and (last in REPEATED or country):
        first = _governed(words, said, nominal.first, here, where=where)
        second = _governed(last, said, nominal.second, here, where=where)
        return [*first, _conjunction(nominal.conjunction), *second]
    if isinstance(nominal, Name) and country:
        return _country_phrase(words, said, nominal, here)
    phrase = _nominal(nominal, here, AFTER.get(last, "full"))
    return [*(Token(text, said) for text in opening), *contracted(Token(last, said), phrase)]


def _is_country(nominal: Nominal, here: Setting) -> bool:
    if isinstance(nominal, Together):
        return _is_country(nominal.first, here) and _is_country(nominal.second, here)
    return isinstance(nominal, Name) and _row(here.lexicon.names, nominal.lemma, "name").kind == "country"


def _country_phrase(words: str, said: Ids, name: Name, here: Setting) -> list[Token]:
    """Without article: "en France", "d'Italie"; but masculine before a consonant: "au Japon", "du Japon"."""
    row = here.lexicon.names[name.lemma]
    if row.fr_gender == "f" or forms.starts_with_vowel(row.fr):
        return elided([Token(COUNTRY_WORDS[words], said), token(row.fr, name.id)])
    return contracted(Token("à" if words == "dans" else "de", said), _nominal(name, here))


# --- nominals ----------------------------------------------------------------------------------------------------


def _nominal(nominal: Nominal, here: Setting, indefinites: Indefinites = "full") -> list[Token]:
    """Anything that can be subject or object, elided within: "l'homme", so that "de" does not contract with it."""
    if isinstance(nominal, NounPhrase):
        return elided(_noun_phrase(nominal, here, indefinites))
    if isinstance(nominal, Name):
        return _name(nominal, here)
    if isinstance(nominal, Pronoun):
        return [token(forms.stressed_pronoun(_agreement(nominal, here)), nominal.id)]
    joint = _conjunction(nominal.conjunction)
    if indefinites == "negated":
        joint = joint._replace(text="ni")  # "n'achète pas de chapeau ni de lampe"
    own = here if here.owner else Setting(here.lexicon, _agreement(nominal.first, here))  # "Anna et sa sœur dorment"
    return [*_nominal(nominal.first, here, indefinites), joint, *_nominal(nominal.second, own, indefinites)]


def _name(name: Name, here: Setting) -> list[Token]:
    row = _row(here.lexicon.names, name.lemma, "name")
    article = [token(forms.definite(row.fr_gender, "sg"), name.id)] if row.kind == "country" else []
    return elided([*article, token(row.fr, name.id)])


def _agreement(nominal: Nominal, here: Setting) -> Agreement:
    """What a verb, adjective or pronoun copies from it."""
    if isinstance(nominal, NounPhrase):
        row = _row(here.lexicon.nouns, nominal.noun.lemma, "noun")
        return Agreement(3, row.fr_gender, _number(nominal, row))
    if isinstance(nominal, Name):
        return Agreement(3, _row(here.lexicon.names, nominal.lemma, "name").fr_gender, "sg")
    if isinstance(nominal, Pronoun):
        return _pronoun_agreement(nominal, here)
    first, second = _agreement(nominal.first, here), _agreement(nominal.second, here)
    gender = "f" if first.gender == second.gender == "f" else "m"
    return Agreement(min(first.person, second.person), gender, "pl")


def _pronoun_agreement(pronoun: Pronoun, here: Setting) -> Agreement:
    """Masculine where nobody says whom it means: I, you, we, and they without an antecedent."""
    person, number = _row(PERSONS, pronoun.person, "pronoun")
    if pronoun.antecedent is None:
        if pronoun.person == "third":
            raise CourseError("A pronoun of the third person needs an antecedent: name the noun that it refers to.")
        return Agreement(person, "m", number)
    if pronoun.person == "third":
        number = pronoun.number
    if pronoun.antecedent in here.lexicon.names:
        return Agreement(person, here.lexicon.names[pronoun.antecedent].fr_gender, number)
    row = _row(here.lexicon.nouns, pronoun.antecedent, "noun or name")
    return Agreement(person, row.fr_gender, "pl" if row.count == "plural" else number)


def _number(phrase: NounPhrase, row: NounRow) -> str:
    plural = phrase.number == "pl" or phrase.numeral is not None
    if row.count == "mass" and plural:
        raise CourseError(f'"{row.noun}" has no plural: leave the number at "sg", without a numeral.')
    return "pl" if plural or row.count == "plural" else "sg"


def _noun_phrase(phrase: NounPhrase, here: Setting, indefinites: Indefinites) -> list[Token]:
    """From the determiner to the relative clause: "mes deux vieilles boîtes vides sur la table"."""
    row = _row(here.lexicon.nouns, phrase.noun.lemma, "noun")
    core = _core(phrase, row, here)
    agreement = _agreement(phrase, here)
    return [
        *_determiner(phrase, row, core[0].text, here, indefinites),
        *core,
        *(_possessor(phrase, phrase.of, here) if phrase.of else ()),
        *(_preposition_phrase(phrase.phrase, here) if phrase.phrase else ()),
        *(_relative_clause(phrase.relative, agreement, here) if phrase.relative else ()),
    ]


def _possessor(phrase: NounPhrase, whose: Nominal, here: Setting) -> list[Token]:
    """Whose it is: "du voisin". Before a person's name "de" carries its id too, as "Anna's" is one word in English."""
    person = isinstance(whose, Name) and _row(here.lexicon.names, whose.lemma, "name").kind == "person"
    return _governed("de", frozenset({phrase.id, whose.id} if person else {phrase.id}), whose, here)


def _core(phrase: NounPhrase, row: NounRow, here: Setting) -> list[Token]:
    """Numeral, adjectives and noun: "deux petites boîtes noires et lourdes"."""
    number = _number(phrase, row)
    adjectives = [(word, _row(here.lexicon.adjectives, word.lemma, "adjective")) for word in phrase.adjectives]
    tokens = [token(row.fr_plural if number == "pl" else row.fr, phrase.noun.id)]
    gender = "f" if row.fr_plural in forms.FEMININE_BEFORE else row.fr_gender
    for word, adjective in reversed(adjectives):
        if adjective.fr_place == "before":
            tokens.insert(0, token(forms.adjective_form(adjective, gender, number, tokens[0].text), word.id))
    if phrase.numeral:
        numeral = _row(here.lexicon.numerals, phrase.numeral.lemma, "numeral")
        tokens.insert(0, token(numeral.fr, phrase.numeral.id))
    after = [
        token(forms.adjective_form(adjective, row.fr_gender, number), word.id)
        for word, adjective in reversed(adjectives)  # the nearest to the noun first, as in the mirror
        if adjective.fr_place == "after"
    ]
    return [*tokens, *_listed(after)]


def _listed(adjectives: Sequence[Token]) -> list[Token]:
    """Adjectives after their noun, with "et" before the last: "une lampe noire et chère"."""
    if len(adjectives) < 2:
        return list(adjectives)
    *most, last = adjectives
    return [*(item for word in most[:-1] for item in (word, mark(","))), most[-1], Token("et"), last]


def _determiner(
    phrase: NounPhrase, row: NounRow, next_word: str, here: Setting, indefinites: Indefinites
) -> list[Token]:
    """The article, possessive or demonstrative. next_word: what follows, for "mon assiette" and "cet arbre"."""
    determiner, number = phrase.determiner, _number(phrase, row)
    if determiner is None or determiner.lemma == "a":
        return _indefinite(phrase, row, next_word, here, indefinites)
    if determiner.lemma == "the":
        text = forms.definite(row.fr_gender, number)
    elif determiner.lemma == "that":
        text = forms.demonstrative(row.fr_gender, number, next_word)
    elif determiner.lemma == "every":
        if number == "pl" or row.count == "mass":
            raise CourseError(f'"every {row.noun}" needs a noun that counts, in the singular: choose "the" instead.')
        text = "chaque"
    else:
        text = forms.possessive(_owner(determiner, here), row.fr_gender, number, next_word)
    return [token(text, determiner.id)]


def _owner(determiner: Word, here: Setting) -> Agreement:
    if determiner.lemma != "own":
        return _row(OWNERS, determiner.lemma, "determiner")
    if here.owner is None or here.owner.person != 3:
        raise CourseError(
            '"own" belongs to a subject of the third person, and there is none: use "my", "your" or "the".'
        )
    return here.owner


def _indefinite(
    phrase: NounPhrase, row: NounRow, next_word: str, here: Setting, indefinites: Indefinites
) -> list[Token]:
    """The articles un, une, des, du, de la; or what stands in their place, see `Indefinites`."""
    said = (phrase.determiner.id,) if phrase.determiner else ()
    if phrase.numeral and phrase.determiner is None:
        return []
    number = _number(phrase, row)
    one = number == "sg" and row.count == "count"
    if one and phrase.determiner is None:
        raise CourseError(f'"{row.noun}" in the singular needs a determiner: give it "a" or "the".')
    if phrase.determiner and not one:
        raise CourseError(f'"a" needs one that is counted, but "{row.noun}" is not, or not one: choose "the" instead.')
    if row.count == "plural" or (indefinites == "general" and not one):
        return [token(forms.definite(row.fr_gender, number), *said)]
    if indefinites == "negated":
        return [token("de", *said)]
    if indefinites == "after sans" or (indefinites == "after de" and not one):
        return []
    if one:
        return [token(forms.indefinite(row.fr_gender), *said)]
    if number == "pl":
        return [token("de" if _adjective_before(phrase, here) else "des")]
    return _partitive(row, next_word)


def _adjective_before(phrase: NounPhrase, here: Setting) -> bool:
    return any(here.lexicon.adjectives[word.lemma].fr_place == "before" for word in phrase.adjectives)


def _partitive(row: NounRow, next_word: str) -> list[Token]:
    """The article of milk and water: du, de la, de l'."""
    article = Token(forms.definite(row.fr_gender, "sg"))
    if forms.starts_with_vowel(next_word):
        return [Token("de"), article]
    return contracted(Token("de"), [article])


def _row(table: Mapping[str, Item], key: str, kind: str) -> Item:
    if key not in table:
        raise CourseError(f'"{key}" is not a {kind} of the lexicon: choose one of its rows.')
    return table[key]
