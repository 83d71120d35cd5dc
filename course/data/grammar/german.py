"""German sentences from meaning trees, by the topological model of the German clause.

German linguistics divides a clause into five fields (after Erich Drach, 1937; the Duden grammar describes them):

    Vorfeld | left bracket | Mittelfeld                | right bracket | Nachfeld
    Heute   | hat          | der Mann die Lampe nicht  | gekauft       | , weil sie teuer ist
            | weil         | sie den Mann              | anruft        | , der im Garten arbeitet

Main clauses have the finite verb in the left bracket; subordinate ones have dass or weil there (a relative pronoun is
in the Vorfeld) and all verbs in the right bracket. The functions below follow the model from the sentence down to the
word: sentence, clauses, one group of functions per field, nominals. Forms come from `german_forms`.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeVar

from course.data.grammar import german_forms as forms
from course.data.grammar.german_forms import Case, Features
from course.data.grammar.lexicon import Lexicon, NounRow, VerbRow
from course.data.grammar.meaning import (
    Clause,
    Meaning,
    Name,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    RelativeClause,
    Together,
    TwoClauses,
    Word,
    changed,
)
from course.data.grammar.tokens import Token, capitalized, mark, token
from course.errors import CourseError

Row = TypeVar("Row")
IMPERSONAL = Features(3, "sg")
ADDRESSED = Features(2, "sg")
# Adverbs that say whether something happens at all stand where nicht does, behind definite objects.
LIKE_NICHT = ("never", "already")
ANIMATE = frozenset({"person", "animal", "insect", "fish"})
COMMA = mark(",")


class Fields(NamedTuple):
    """The five topological fields of one clause, each with its tokens; any may be empty."""

    vorfeld: Sequence[Token] = ()
    left_bracket: Sequence[Token] = ()
    mittelfeld: Sequence[Token] = ()
    right_bracket: Sequence[Token] = ()
    nachfeld: Sequence[Token] = ()

    def tokens(self) -> list[Token]:
        """The clause as it is read."""
        return [*self.vorfeld, *self.left_bracket, *self.mittelfeld, *self.right_bracket, *self.nachfeld]


class Part(NamedTuple):
    """One constituent. relative: the relative clause at its end, which can be extraposed to the Nachfeld.

    light: an adverb, particle or pronoun. Extraposed relative clauses may cross such parts, but no noun, which they
    would seem to belong to.
    """

    tokens: Sequence[Token]
    relative: Sequence[Token] = ()
    light: bool = False

    @property
    def whole(self) -> list[Token]:
        """The constituent with its relative clause in place."""
        return [*self.tokens, *self.relative]


class Scene(NamedTuple):
    """What a clause knows of itself and what is around it.

    subject: the features of what stands for its subject: the verb agrees with it, "own" belongs to it. outer: the
    subject of the clause around or before, to which "own" inside the subject belongs: "Anna sagt, dass ihr Hund ...".
    """

    lexicon: Lexicon
    subject: Features | None = None
    outer: Features | None = None


# The sentence


def linearize(meaning: Meaning, lexicon: Lexicon) -> list[Token]:
    """The whole German sentence, from its capital letter to its final mark.

    meaning: a tree with ids (`meaning.numbered`), which the tokens carry, or without, where only the text is wanted.
    Raises `CourseError` for a tree that makes no sense, such as a past modal or a word that the lexicon does not have.
    """
    clause = meaning.first if isinstance(meaning, TwoClauses) else meaning
    tokens = _two_clauses(meaning, lexicon) if isinstance(meaning, TwoClauses) else _main_clause(clause, Scene(lexicon))
    return capitalized([*_single_commas(tokens), mark(_final_mark(clause))])


def _two_clauses(meaning: TwoClauses, lexicon: Lexicon) -> list[Token]:
    """Coordination. The second clause may lack the Vorfeld, where both share the first one's subject."""
    first, second = meaning.first, meaning.second
    if first.mood != second.mood:
        raise CourseError(f"Two clauses are joined in one mood, not a {first.mood} and a {second.mood}.")
    subject = _subject_features(first, Scene(lexicon))
    shares = second.subject is None and second.infinitive is None
    if shares and second.fronted:
        raise CourseError("A clause that shares the subject of the one before it cannot have something fronted.")
    comma = [] if shares and meaning.conjunction.lemma == "and" else [COMMA]
    scene = Scene(lexicon, subject=subject if shares else None, outer=subject)
    conjunction = _conjunction(meaning.conjunction)
    return [*_main_clause(first, Scene(lexicon)), *comma, conjunction, *_main_clause(second, scene)]


def _conjunction(word: Word) -> Token:
    return token({"and": "und", "but": "aber"}[word.lemma], word.id)


def _final_mark(clause: Clause) -> str:
    """An imperative is softened by please: it then ends like a statement."""
    if clause.mood == "imperative" and clause.please is None:
        return "!"
    return "?" if clause.mood == "question" else "."


def _single_commas(tokens: Iterable[Token]) -> list[Token]:
    """Subordinate clauses bring a comma on both sides: keep one where two meet, and none at the sentence's end."""
    kept: list[Token] = []
    for item in tokens:
        if item.text != "," or (kept and kept[-1].text != ","):
            kept.append(item)
    return kept[:-1] if kept[-1].text == "," else kept


# Clauses


def _main_clause(clause: Clause, scene: Scene) -> list[Token]:
    """Verb second: one constituent in the Vorfeld, then the finite verb. Questions and imperatives: verb first."""
    _check(clause)
    subject = _subject_features(clause, scene)
    scene = Scene(scene.lexicon, subject, scene.outer)
    inside = _subject(clause, scene) if clause.mood == "question" or clause.fronted else []
    rest = _behind_vorfeld(clause)
    mittelfeld, extraposed = _extrapose(_mittelfeld(rest, scene, inside))
    finite, closing = _brackets(clause, subject, scene.lexicon)
    return Fields(
        vorfeld=_vorfeld(clause, scene),
        left_bracket=[finite],
        mittelfeld=mittelfeld,
        right_bracket=closing,
        nachfeld=[*extraposed, *_nachfeld(rest, scene)],
    ).tokens()


def _verb_last_clause(clause: Clause, scene: Scene, fields: Fields) -> list[Token]:
    """A subordinate clause: `fields` has its opening (dass, weil, a relative pronoun); all verbs close it.

    What is fronted in a main clause has its usual place here. The subject keeps its relative clause, which would seem
    an afterthought behind the verbs.
    """
    _check(clause)
    subject = _subject_features(clause, scene)
    scene = Scene(scene.lexicon, subject, scene.outer)
    inside = [Part(part.whole, light=part.light) for part in _subject(clause, scene)]
    mittelfeld, extraposed = _extrapose(_mittelfeld(clause, scene, inside))
    return fields._replace(
        mittelfeld=mittelfeld,
        right_bracket=_verbs_at_the_end(clause, subject, scene.lexicon),
        nachfeld=[*extraposed, *_nachfeld(clause, scene)],
    ).tokens()


def _subordinate(opening: Token, clause: Clause, scene: Scene) -> list[Token]:
    """A clause with dass or weil, without commas around it."""
    inner = Scene(scene.lexicon, outer=scene.subject)
    return _verb_last_clause(clause, inner, Fields(left_bracket=[opening]))


def _relative_clause(relative: RelativeClause, head: Features, scene: Scene) -> list[Token]:
    """A relative clause with its commas; its pronoun takes gender and number from the head, case from its own verb."""
    clause, verb = relative.clause, _verb(relative.clause, scene.lexicon)
    if (clause.subject if relative.role == "subject" else clause.object) is not None:
        raise CourseError(f"The {relative.role} of a relative clause is its pronoun; leave the clause's own one empty.")
    case: Case = "nom" if relative.role == "subject" else _object_case(verb)
    pronoun = token(forms.relative_pronoun(head, case), relative.pronoun.id)
    governed = relative.role == "object" and verb.de_preposition
    opening = [token(verb.de_preposition, clause.verb.id), pronoun] if governed else [pronoun]
    inner = Scene(scene.lexicon, head if relative.role == "subject" else None, outer=scene.subject)
    return [COMMA, *_verb_last_clause(clause, inner, Fields(vorfeld=opening)), COMMA]


def _infinitive_clause(clause: Clause, scene: Scene) -> list[Token]:
    """A clause without subject and finite verb: ", auf Leute zu zeigen"."""
    if clause.subject or clause.modal or clause.tense != "present" or clause.mood != "statement":
        raise CourseError("An infinitive clause has no subject and no modal, and is a statement in the present.")
    _check(clause)
    inner = Scene(scene.lexicon)
    mittelfeld, extraposed = _extrapose(_mittelfeld(clause, inner, []))
    verbs = [token(word, clause.verb.id) for word in forms.zu_infinitive(_verb(clause, scene.lexicon))]
    return [COMMA, *mittelfeld, *verbs, *extraposed, *_nachfeld(clause, inner), COMMA]


def _check(clause: Clause) -> None:
    """Raise `CourseError` for combinations that say nothing in any language."""
    if clause.tense == "past" and (clause.modal or clause.verb.lemma in ("be", "have")):
        raise CourseError('"be", "have" and modals stand in the present tense only.')
    if clause.mood == "imperative" and (clause.subject or clause.modal or clause.fronted or clause.tense == "past"):
        raise CourseError("An imperative has no subject, tense or modal, and nothing is fronted in it.")
    if clause.please and clause.mood != "imperative":
        raise CourseError('"please" goes with an imperative only.')
    if clause.quality and clause.verb.lemma != "be":
        raise CourseError('A quality goes with "be" only.')
    if clause.infinitive and (clause.subject or not clause.quality):
        raise CourseError('An infinitive clause goes with "be" and a quality; its subject is None.')
    if clause.fronted:
        _check_front(clause)


def _check_front(clause: Clause) -> None:
    """Raise `CourseError` where nothing can stand first, or there is nothing to put there."""
    if clause.mood == "question":
        raise CourseError("Nothing is fronted in a question.")
    if not {"adverb": clause.adverbs, "phrase": clause.phrases, "reason": clause.reason}.get(clause.fronted or ""):
        raise CourseError(f'Nothing can be fronted as "{clause.fronted}" here.')


def _subject_features(clause: Clause, scene: Scene) -> Features:
    """What the finite verb agrees with."""
    if clause.subject is not None:
        return _features(clause.subject, scene.lexicon)
    if clause.infinitive is not None:
        return IMPERSONAL
    if clause.mood == "imperative":
        return ADDRESSED
    if scene.subject is None:
        raise CourseError(f'The clause with the verb "{clause.verb.lemma}" needs a subject.')
    return scene.subject


# Vorfeld


def _vorfeld(clause: Clause, scene: Scene) -> list[Token]:
    """The one constituent before the finite verb; none in verb-first clauses, or where the subject is shared."""
    if clause.mood != "statement":
        return [token("bitte", clause.please.id)] if clause.please else []
    if clause.fronted == "adverb":
        return list(_adverb(clause.adverbs[0], scene.lexicon).tokens)
    if clause.fronted == "phrase":
        return _prepositional(clause.phrases[0], scene).whole
    if clause.fronted == "reason" and clause.reason:
        weil = token("weil", clause.reason.because.id)
        return [*_subordinate(weil, clause.reason.clause, scene), COMMA]
    return [item for part in _subject(clause, scene) for item in part.whole]


def _behind_vorfeld(clause: Clause) -> Clause:
    """What is left of the clause for the other fields when something is fronted."""
    if clause.fronted == "adverb":
        return changed(clause, adverbs=clause.adverbs[1:])
    if clause.fronted == "phrase":
        return changed(clause, phrases=clause.phrases[1:])
    return changed(clause, reason=None) if clause.fronted == "reason" else clause


def _subject(clause: Clause, scene: Scene) -> list[Part]:
    """The subject, impersonal es, or nothing."""
    if clause.subject is None:
        return [Part([token("es", clause.id)], light=True)] if clause.infinitive else []
    return [_nominal(clause.subject, "nom", Scene(scene.lexicon, scene.outer, scene.outer))]


# Left and right bracket


def _brackets(clause: Clause, subject: Features, lexicon: Lexicon) -> tuple[Token, list[Token]]:
    """The finite verb, and what closes the clause: infinitive, participle or separable prefix."""
    row, verb_id = _verb(clause, lexicon), clause.verb.id
    if clause.modal:
        modal = _row(lexicon.modals, clause.modal.lemma, "modals")
        return token(forms.modal(modal, subject), clause.modal.id), [token(row.de_infinitive, verb_id)]
    if clause.tense == "past":
        auxiliary = lexicon.verbs["be" if row.de_auxiliary == "sein" else "have"]
        return token(forms.finite(auxiliary, subject), verb_id), [token(row.de_participle, verb_id)]
    finite = row.de_imperative if clause.mood == "imperative" else forms.finite(row, subject)
    return token(finite, verb_id), [token(row.de_prefix, verb_id)] if row.de_prefix else []


def _verbs_at_the_end(clause: Clause, subject: Features, lexicon: Lexicon) -> list[Token]:
    """The right bracket of a verb-last clause: the finite verb comes last, after its prefix in one word."""
    finite, closing = _brackets(clause, subject, lexicon)
    if clause.modal or clause.tense == "past":
        return [*closing, finite]
    return [finite._replace(text="".join([part.text for part in (*closing, finite)]))]


# Mittelfeld


def _mittelfeld(clause: Clause, scene: Scene, subject: list[Part]) -> list[Part]:
    """The middle of the clause, from what is known to what is new. subject: empty where it stands elsewhere.

    Pronouns lead; definite nouns stand before nicht, indefinite ones behind it; what belongs closely to the verb
    (its preposition, its goal, a predicate adjective) comes last. With nicht, often and always fall in its scope and
    follow it: "nicht oft".
    """
    thing, whom, adverbs = _object(clause, scene), _recipient(clause, scene), _adverbs(clause, scene)
    often = adverbs.get("frequency", ())
    return [
        *subject,
        *thing.get("pronoun", ()),
        *whom.get("pronoun", ()),
        *adverbs.get("time", ()),
        *whom.get("definite", ()),
        *(() if clause.negation else often),
        *thing.get("definite", ()),
        *adverbs.get("like nicht", ()),
        *_nicht(clause, scene),
        *(often if clause.negation else ()),
        *adverbs.get("place", ()),
        *adverbs.get("manner", ()),
        *whom.get("indefinite", ()),
        *thing.get("indefinite", ()),
        *_quality(clause, scene),
        *[_prepositional(phrase, scene) for phrase in clause.phrases],
        *thing.get("prepositional", ()),
    ]


Place = Literal["pronoun", "definite", "indefinite", "prepositional"]
Placed = Mapping[Place, Sequence[Part]]
NOTHING: Placed = MappingProxyType({})


def _place(nominal: Nominal) -> Place:
    """Where in the Mittelfeld an object belongs: known things come first. "Every" follows nicht: "nicht jedes Kind"."""
    if isinstance(nominal, Pronoun):
        return "pronoun"
    if isinstance(nominal, Together):
        both = {_place(nominal.first), _place(nominal.second)}
        return "indefinite" if both == {"indefinite"} else "definite"
    return "indefinite" if isinstance(nominal, NounPhrase) and _article(nominal) in (None, "a", "every") else "definite"


def _object(clause: Clause, scene: Scene) -> Placed:
    """The object, at its place."""
    if clause.object is None:
        return NOTHING
    verb = _verb(clause, scene.lexicon)
    case = _object_case(verb)
    if verb.de_preposition:
        return {"prepositional": [_governed(verb.de_preposition, case, clause.object, clause.verb.id, scene)]}
    negation = clause.negation if _has_kein(clause, scene) else None
    return {_place(clause.object): [_nominal(clause.object, case, scene, negation)]}


def _object_case(verb: VerbRow) -> Case:
    cases: dict[str, Case] = {"acc": "acc", "dat": "dat"}
    if verb.de_case not in cases:
        raise CourseError(f'The verb "{verb.verb}" takes no object.')
    return cases[verb.de_case]


def _recipient(clause: Clause, scene: Scene) -> Placed:
    """The recipient, at its place: before the object, so a definite object draws it forward."""
    if clause.recipient is None:
        return NOTHING
    if _verb(clause, scene.lexicon).frame != "ditransitive":
        raise CourseError(f'The verb "{clause.verb.lemma}" has no recipient.')
    own = _place(clause.recipient)
    drawn = own == "indefinite" and clause.object is not None and _place(clause.object) == "definite"
    return {"definite" if drawn else own: [_nominal(clause.recipient, "dat", scene)]}


def _adverbs(clause: Clause, scene: Scene) -> Mapping[str, Sequence[Part]]:
    """The adverbs by their kinds of adverbs.csv, or by the kind "like nicht"."""
    found: dict[str, list[Part]] = {}
    for word in clause.adverbs:
        found.setdefault(_adverb_kind(word, scene.lexicon), []).append(_adverb(word, scene.lexicon))
    return found


def _adverb_kind(word: Word, lexicon: Lexicon) -> str:
    return "like nicht" if word.lemma in LIKE_NICHT else _row(lexicon.adverbs, word.lemma, "adverbs").kind


def _adverb(word: Word, lexicon: Lexicon) -> Part:
    return Part([token(_row(lexicon.adverbs, word.lemma, "adverbs").de, word.id)], light=True)


def _nicht(clause: Clause, scene: Scene) -> list[Part]:
    """Negation of the clause, unless kein says it."""
    if clause.negation is None or _has_kein(clause, scene):
        return []
    return [Part([token("nicht", clause.negation.id)], light=True)]


def _has_kein(clause: Clause, scene: Scene) -> bool:
    """Whether the negation melts into an indefinite object: keinen Apfel, keine Milch.

    Not into a numeral or every (nicht zwei Äpfel, nicht jeden Apfel), not after a preposition, and not where it
    negates often or always.
    """
    if clause.negation is None or clause.object is None or _verb(clause, scene.lexicon).de_preposition:
        return False
    if "frequency" in _adverbs(clause, scene) or _place(clause.object) != "indefinite":
        return False
    return not any(phrase.numeral or _article(phrase) == "every" for phrase in _noun_phrases(clause.object))


def _quality(clause: Clause, scene: Scene) -> list[Part]:
    """The predicate adjective, without ending: "müde", "kleiner als der Hund"."""
    if clause.quality is None:
        return []
    quality = clause.quality
    row = _row(scene.lexicon.adjectives, quality.adjective.lemma, "adjectives")
    if quality.than is None:
        return [Part([token(row.de, quality.adjective.id)])]
    if not row.de_comparative:
        raise CourseError(f'The adjective "{row.adjective}" has no comparative.')
    than = _nominal(quality.than, "nom", scene)
    return [
        Part([token(row.de_comparative, quality.adjective.id), token("als", quality.id), *than.tokens], than.relative)
    ]


# Nachfeld


def _extrapose(parts: Sequence[Part]) -> tuple[list[Token], list[Token]]:
    """The Mittelfeld's tokens and the relative clause that moves behind the right bracket.

    "Sie ruft den Mann an, der im Garten arbeitet": the last noun's relative clause would keep the brackets apart too
    long. Those of earlier nouns stay.
    """
    heavy = [place for place, part in enumerate(parts) if not part.light]
    last = heavy[-1] if heavy else -1
    tokens = [item for place, part in enumerate(parts) for item in (part.tokens if place == last else part.whole)]
    return tokens, list(parts[last].relative) if heavy else []


def _nachfeld(clause: Clause, scene: Scene) -> list[Token]:
    """Clauses that follow the right bracket: content, infinitive clause, reason."""
    tokens: list[Token] = []
    if clause.content:
        dass = token("dass", clause.content.that.id)
        tokens += [COMMA, *_subordinate(dass, clause.content.clause, scene), COMMA]
    if clause.infinitive:
        tokens += _infinitive_clause(clause.infinitive, scene)
    if clause.reason:
        weil = token("weil", clause.reason.because.id)
        tokens += [COMMA, *_subordinate(weil, clause.reason.clause, scene), COMMA]
    return tokens


# Nominals and prepositions


def _nominal(nominal: Nominal, case: Case, scene: Scene, negation: Word | None = None) -> Part:
    """Anything that stands where a noun can stand. negation: what makes kein of its determiner."""
    if isinstance(nominal, Pronoun):
        return Part([token(forms.pronoun(_features(nominal, scene.lexicon), case), nominal.id)], light=True)
    if isinstance(nominal, Name):
        name = _row(scene.lexicon.names, nominal.lemma, "names").de
        return Part([token(forms.genitive_of_name(name) if case == "gen" else name, nominal.id)])
    if isinstance(nominal, Together):
        first = _nominal(nominal.first, case, scene, negation)
        second = _nominal(nominal.second, case, scene, negation)
        return Part([*first.whole, _conjunction(nominal.conjunction), *second.tokens], second.relative)
    return _noun_phrase(nominal, case, scene, negation)


def _noun_phrase(phrase: NounPhrase, case: Case, scene: Scene, negation: Word | None) -> Part:
    """Determiner, numeral, adjectives, noun; behind it whose it is, a place, a relative clause."""
    row, features = _noun(phrase, scene.lexicon), _features_of(phrase.noun.lemma, phrase.number, scene.lexicon)
    tokens, article = _determiner(phrase, features, case, scene, negation)
    if phrase.numeral:
        tokens.append(token(_row(scene.lexicon.numerals, phrase.numeral.lemma, "numerals").de, phrase.numeral.id))
    for word in phrase.adjectives:
        adjective = _row(scene.lexicon.adjectives, word.lemma, "adjectives")
        tokens.append(token(forms.adjective(adjective, forms.declension(article), features, case), word.id))
    part = Part([*tokens, token(forms.noun(row, case, features.number), phrase.noun.id)])
    if phrase.of and not _precedes(phrase, scene.lexicon):
        part = _behind(part, _of(phrase.of, scene))
    if phrase.phrase:
        part = _behind(part, _prepositional(phrase.phrase, scene))
    if phrase.relative:
        part = _behind(part, Part([], _relative_clause(phrase.relative, features, scene)))
    return part


def _behind(part: Part, addition: Part) -> Part:
    return Part([*part.whole, *addition.tokens], addition.relative)


def _determiner(
    phrase: NounPhrase, features: Features, case: Case, scene: Scene, negation: Word | None
) -> tuple[list[Token], str | None]:
    """The determiner's token, if it has one, and the lemma that decides the declension of the adjectives."""
    lemma = _article(phrase)
    ids = [word.id for word in (phrase.determiner, negation) if word]
    if isinstance(phrase.of, Name) and _precedes(phrase, scene.lexicon):
        owner = _row(scene.lexicon.names, phrase.of.lemma, "names").de
        return [token(forms.genitive_of_name(owner), phrase.of.id, *ids)], None
    if negation:
        lemma = "no"
    if lemma is None:
        return [], None
    return [token(forms.determiner(lemma, features, case, scene.subject), *ids)], lemma


def _article(phrase: NounPhrase) -> str | None:
    """The determiner that German says: an indefinite plural has none."""
    if phrase.determiner is None or (phrase.determiner.lemma == "a" and phrase.number == "pl"):
        return None
    return phrase.determiner.lemma


def _precedes(phrase: NounPhrase, lexicon: Lexicon) -> bool:
    """Whether a person's name stands before the noun, in place of its article: "Annas alter Hund"."""
    of = phrase.of
    return (
        isinstance(of, Name) and _article(phrase) == "the" and _row(lexicon.names, of.lemma, "names").kind == "person"
    )


def _of(owner: Nominal, scene: Scene) -> Part:
    """Whose it is, behind the noun: in the genitive, or with von where nothing would show the genitive."""
    if _shows_genitive(owner, scene.lexicon):
        return _nominal(owner, "gen", scene)
    return _governed("von", "dat", owner, _head_id(owner), scene)


def _shows_genitive(owner: Nominal, lexicon: Lexicon) -> bool:
    """A determiner shows the genitive, and so does the name of a place that does not end in s; a person's precedes."""
    if isinstance(owner, Together):
        return _shows_genitive(owner.first, lexicon) and _shows_genitive(owner.second, lexicon)
    if isinstance(owner, Name):
        name = _row(lexicon.names, owner.lemma, "names")
        return name.kind != "person" and not forms.ends_in_s(name.de)
    return isinstance(owner, Pronoun) or _article(owner) is not None


def _prepositional(phrase: PrepositionPhrase, scene: Scene) -> Part:
    """A preposition of prepositions.csv with what it governs."""
    row = _row(scene.lexicon.prepositions, phrase.preposition.lemma, "prepositions")
    case: Case = "acc" if row.de_case == "acc" else "dat"
    return _governed(row.de, case, phrase.nominal, phrase.preposition.id, scene)


def _governed(preposition: str, case: Case, nominal: Nominal, preposition_id: int, scene: Scene) -> Part:
    """A preposition and its nominal, in one word where German does that: im, zur, darauf.

    The article stays apart before a relative clause, for which it prepares: "in dem Haus, das er kauft".
    """
    part = _nominal(nominal, case, scene)
    first, *rest = part.tokens
    word = None
    if isinstance(nominal, NounPhrase) and not nominal.relative:
        word = forms.contraction(preposition, first.text)
    elif isinstance(nominal, Pronoun) and _is_thing(nominal, scene.lexicon):
        word = forms.pronominal_adverb(preposition, case)
    if word:
        return Part([Token(word, first.ids | {preposition_id}), *rest], part.relative)
    return Part([token(preposition, preposition_id), *part.tokens], part.relative)


def _is_thing(pronoun: Pronoun, lexicon: Lexicon) -> bool:
    """Whether the pronoun is known to mean no person and no animal."""
    if pronoun.antecedent in lexicon.nouns:
        return not lexicon.nouns[pronoun.antecedent].types & ANIMATE
    return pronoun.antecedent in lexicon.names and lexicon.names[pronoun.antecedent].kind != "person"


def _noun_phrases(nominal: Nominal) -> list[NounPhrase]:
    """The noun phrases joined in a nominal."""
    if isinstance(nominal, Together):
        return [*_noun_phrases(nominal.first), *_noun_phrases(nominal.second)]
    return [nominal] if isinstance(nominal, NounPhrase) else []


def _head_id(nominal: Nominal) -> int:
    if isinstance(nominal, Together):
        return _head_id(nominal.first)
    return nominal.noun.id if isinstance(nominal, NounPhrase) else nominal.id


# Agreement and rows


def _features(nominal: Nominal, lexicon: Lexicon) -> Features:
    """Person, number and grammatical gender of a nominal."""
    if isinstance(nominal, Together):
        return _features_together(nominal, lexicon)
    if isinstance(nominal, Name):
        return _features_of(nominal.lemma, "sg", lexicon)
    if isinstance(nominal, NounPhrase):
        row = _noun(nominal, lexicon)
        return Features(3, "pl" if row.count == "plural" else nominal.number, row.de_gender)
    if nominal.person == "third":
        return _features_of(nominal.antecedent, nominal.number, lexicon)
    persons = {"I": Features(1, "sg"), "you": ADDRESSED, "we": Features(1, "pl"), "they": Features(3, "pl")}
    return _row(persons, nominal.person, "meaning.PERSONS")


def _features_together(nominal: Together, lexicon: Lexicon) -> Features:
    """The plural; "du und ich" are wir. "Du und der Mann" would need ihr, which the tables do not have."""
    persons = {_features(nominal.first, lexicon).person, _features(nominal.second, lexicon).person}
    if 2 in persons and 1 not in persons:
        raise CourseError('"You and ..." needs the second person plural, which this grammar does not have.')
    return Features(1 if 1 in persons else 3, "pl")


def _features_of(lemma: str | None, number: Literal["sg", "pl"], lexicon: Lexicon) -> Features:
    """The features of a noun or name by its key; a name's gender is what the English pronoun says."""
    if lemma in lexicon.nouns:
        row = lexicon.nouns[lemma]
        return Features(3, "pl" if row.count == "plural" else number, row.de_gender)
    if lemma in lexicon.names:
        return Features(3, number, {"he": "m", "she": "f", "it": "n"}[lexicon.names[lemma].pronoun])
    raise CourseError(f"A third person needs an antecedent from nouns.csv or names.csv, not {lemma!r}.")


def _noun(phrase: NounPhrase, lexicon: Lexicon) -> NounRow:
    """The noun's row, once number, determiner and numeral are known to go with it."""
    row, lemma = _row(lexicon.nouns, phrase.noun.lemma, "nouns"), phrase.determiner and phrase.determiner.lemma
    if row.count == "mass" and (phrase.number == "pl" or lemma in ("a", "every")):
        raise CourseError(f'"{row.noun}" is a mass noun: it has no plural and no "a" or "every".')
    if row.count == "count" and phrase.number == "sg" and lemma is None:
        raise CourseError(f'"{row.noun}" needs a determiner in the singular.')
    if (lemma == "every" and phrase.number == "pl") or (lemma in ("a", "every") and row.count == "plural"):
        raise CourseError(f'"{lemma}" needs a singular, but "{row.noun}" is a plural here.')
    if phrase.numeral and phrase.number != "pl":
        raise CourseError(f'The numeral "{phrase.numeral.lemma}" needs the plural of "{row.noun}".')
    return row


def _verb(clause: Clause, lexicon: Lexicon) -> VerbRow:
    return _row(lexicon.verbs, clause.verb.lemma, "verbs")


def _row(rows: dict[str, Row], key: str, name: str) -> Row:
    if key not in rows:
        raise CourseError(f'There is no "{key}" in {name}; add it there or choose another word.')
    return rows[key]
