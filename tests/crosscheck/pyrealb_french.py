"""Compare the French of the embedded corpus with pyrealb, a realizer by other people with a lexicon of its own.

For developers only; neither the course nor its tests need pyrealb. From the repository's root:

    python -m venv .venv-pyrealb
    .venv-pyrealb/bin/pip install pyrealb
    PYTHONPATH=. .venv-pyrealb/bin/python tests/crosscheck/pyrealb_french.py

Every verb, modal, adjective and noun of the tables is compared in all its forms, and every noun with each determiner,
some adjectives and the contracting prepositions. It prints the disagreements by their known reasons, and exits with 1
if one has no known reason. pyrealb also prints its own warnings about words that it does not know.
"""

import sys
from collections.abc import Callable, Iterator

import pyrealb

from course.data.grammar import french_forms as forms
from course.data.grammar.french import linearize
from course.data.grammar.french_forms import Agreement
from course.data.grammar.lexicon import AdjectiveRow, NounRow, VerbRow, lexicon
from course.data.grammar.meaning import Clause, Name, NounPhrase, Word, numbered
from course.data.grammar.tokens import detokenized

# what was compared, our form, pyrealb's form
Comparison = tuple[str, str, str]

# Why the two differ, and who is right.
KNOWN: dict[str, Callable[[str, str, str], bool]] = {
    "Spelling: ours keeps the letter œ, which dictionaries have and pyrealb writes oe": (
        lambda what, ours, theirs: ours.replace("œ", "oe") == theirs
    ),
    "Ours is the written norm: “de” for “des” before an adjective": (
        lambda what, ours, theirs: (
            ours.startswith("de ") and ours.replace("de ", "des ", 1).replace("œ", "oe") == theirs
        )
    ),
    "Not in pyrealb's lexicon": lambda what, ours, theirs: "[[actrice]]" in theirs,
    "Both are right: no feminine or plural exists, and no sentence of ours needs one": (
        lambda what, ours, theirs: theirs in ("[[rire]]", "[[être]]")
    ),
    "Both are right: “plus mauvais” and “pire”": lambda what, ours, theirs: theirs in ("pire", "pires"),
    "Ours is right: an adjective before “gens” is feminine": (
        lambda what, ours, theirs: ours.endswith(" gens") and theirs.endswith(" gens")
    ),
    "Ours is right: the plural of “parti”": lambda what, ours, theirs: (ours, theirs) == ("partis", "partie"),
}

NUMBERS = {"sg": "s", "pl": "p"}
SUBJECTS = [(1, "sg"), (2, "sg"), (3, "sg"), (1, "pl"), (3, "pl")]
ADJECTIVES = ("old", "beautiful", "new", "small", "good", "black", "happy", "expensive")


def main() -> int:
    """Print the disagreements, an example for each reason; 1 if one has no known reason."""
    pyrealb.loadFr()
    compared = list(comparisons())
    different = [item for item in compared if item[1] != item[2]]
    reasons: dict[str, list[Comparison]] = {}
    for item in different:
        reason = next((text for text, fits in KNOWN.items() if fits(*item)), "UNKNOWN")
        reasons.setdefault(reason, []).append(item)
    print(f"{len(compared)} forms compared, {len(different)} differ.")
    for reason, items in reasons.items():
        print(f"{len(items):5}  {reason}")
        for what, ours, theirs in items if reason == "UNKNOWN" else items[:1]:
            print(f"         {what}: ours “{ours}”, pyrealb “{theirs}”")
    return int("UNKNOWN" in reasons)


def comparisons() -> Iterator[Comparison]:
    """All of them, table by table."""
    words = lexicon()
    for verb in words.verbs.values():
        yield from verb_forms(verb)
    for modal, (infinitive, tense) in MODALS.items():
        for person, number in SUBJECTS:
            ours = forms.finite_form(words.modals[modal], Agreement(person, "m", number))
            yield f"modal {modal} {person} {number}", ours, finite(infinitive, tense, person, number)
    for adjective in words.adjectives.values():
        yield from adjective_forms(adjective)
    for noun in words.nouns.values():
        yield from noun_phrases(noun)


# --- verbs -------------------------------------------------------------------------------------------------------

# The tables do not hold the infinitives of modals; "should" is a conditional.
MODALS = {"can": ("pouvoir", "p"), "must": ("devoir", "p"), "want": ("vouloir", "p"), "should": ("devoir", "c")}


def finite(infinitive: str, tense: str, person: int, number: str) -> str:
    """pyrealb's form: tense "p" present, "c" conditional, "ip" imperative."""
    return pyrealb.V(infinitive).t(tense).pe(person).n(NUMBERS[number]).realize().strip()


def verb_forms(row: VerbRow) -> Iterator[Comparison]:
    """Present, imperative, participles and the perfect with a pronoun as subject."""
    for person, number in SUBJECTS:
        ours = forms.finite_form(row, Agreement(person, "m", number))
        yield f"verb {row.verb} {person} {number}", ours, finite(row.fr, "p", person, number)
    yield f"imperative of {row.verb}", row.fr_imperative, finite(row.fr, "ip", 2, "sg")
    for gender in "mf":
        for number, letter in NUMBERS.items():
            ours = forms.participle_form(row.fr_participle, gender, number)
            theirs = pyrealb.V(row.fr).t("pp").g(gender).n(letter).realize().strip()
            yield f"participle of {row.verb} {gender} {number}", ours, theirs
    if row.verb != "be":
        theirs = pyrealb.S(
            pyrealb.NP(pyrealb.D("le"), pyrealb.N("reine")), pyrealb.VP(pyrealb.V(row.fr).t("pc"))
        ).realize()
        reine = NounPhrase(Word("queen"), Word("the"))
        bare = Clause(Word(row.verb), reine, tense="past")
        ours = say(bare).removesuffix(f" {row.fr_after}.").removesuffix(".") if row.fr_after else say(bare)[:-1]
        yield f"perfect of {row.verb}", ours, theirs.strip().rstrip(".").strip()


# --- adjectives --------------------------------------------------------------------------------------------------


def adjective_forms(row: AdjectiveRow) -> Iterator[Comparison]:
    """Four forms, and the comparative of the feminine."""
    for gender in "mf":
        for number, letter in NUMBERS.items():
            theirs = pyrealb.A(row.fr_masculine).g(gender).n(letter)
            what = f"adjective {row.adjective} {gender} {number}"
            yield what, forms.adjective_form(row, gender, number), theirs.realize().strip()
            compared = pyrealb.A(row.fr_masculine).g(gender).n(letter).f("co").realize().strip()
            yield f"comparative {what}", " ".join(forms.comparative_form(row, gender, number)), compared


# --- noun phrases ------------------------------------------------------------------------------------------------


def say(meaning: Clause) -> str:
    """The sentence in French."""
    return detokenized(linearize(numbered(meaning), lexicon()))


def heard(phrase: NounPhrase) -> str:
    """A noun phrase, heard as the object of "Paul voit ..."."""
    return say(Clause(Word("see"), Name("Paul"), phrase)).removeprefix("Paul voit ").removesuffix(".")


DETERMINERS = {"the": ("le", None), "a": ("un", None), "that": ("ce", None), "my": ("mon", 1), "your": ("mon", 2)}


def theirs_of(row: NounRow, determiner: str, number: str, adjective: str | None) -> "pyrealb.NP":
    """The same phrase in pyrealb's hands. It decides itself where the adjective stands."""
    word, person = DETERMINERS[determiner]
    article = pyrealb.D(word).pe(person) if person else pyrealb.D(word)
    described = [pyrealb.A(lexicon().adjectives[adjective].fr_masculine)] if adjective else []
    return pyrealb.NP(article, *described, pyrealb.N(row.fr or row.fr_plural)).n(NUMBERS[number])


def noun_phrases(row: NounRow) -> Iterator[Comparison]:
    """Determiners, adjectives and contractions with one noun."""
    numbers = {"count": ("sg", "pl"), "mass": ("sg",), "plural": ("pl",)}[row.count]
    for number in numbers:
        for determiner in DETERMINERS:
            if determiner == "a" and row.count != "count":
                continue
            for adjective in (None, *ADJECTIVES):
                given = None if (determiner, number) == ("a", "pl") else Word(determiner)
                described = (Word(adjective),) if adjective else ()
                ours = NounPhrase(Word(row.noun), given, number, adjectives=described)
                theirs = theirs_of(row, determiner, number, adjective).realize().strip()
                yield f"phrase {determiner} {adjective or '-'} {row.noun} {number}", heard(ours), theirs
        yield from contractions(row, number)


def contractions(row: NounRow, number: str) -> Iterator[Comparison]:
    """The noun after "à" and "de"."""
    phrase = NounPhrase(Word(row.noun), Word("the"), number)
    given = say(Clause(Word("give"), Name("Paul"), recipient=phrase)).removeprefix("Paul donne ").removesuffix(".")
    owned = heard(NounPhrase(Word("name"), Word("the"), of=phrase)).removeprefix("le nom ")
    for preposition, ours in (("à", given), ("de", owned)):
        theirs = pyrealb.PP(pyrealb.P(preposition), theirs_of(row, "the", number, None)).realize().strip()
        yield f"{preposition} with {row.noun} {number}", ours, theirs


if __name__ == "__main__":
    sys.exit(main())
