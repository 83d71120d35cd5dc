"""German word forms: articles, adjective endings, nouns, pronouns, verbs and contractions, as grammars list them.

Every table here is a paradigm with one line a case (nominative, accusative, dative, genitive) and four columns
(masculine, feminine, neuter, plural: no German ending tells the genders apart in the plural). The words themselves
come from the lexicon's rows.
"""

from typing import Literal, NamedTuple

from course.data.grammar.lexicon import AdjectiveRow, ModalRow, NounRow, VerbRow
from course.data.grammar.meaning import Number
from course.errors import CourseError

Case = Literal["nom", "acc", "dat", "gen"]
Declension = Literal["strong", "weak", "mixed"]
Paradigm = dict[str, dict[str, str]]


class Features(NamedTuple):
    """What agrees: person 1 to 3, number, and grammatical gender (m, f, n; "" for I, you and the impersonal es)."""

    person: int
    number: Number
    gender: str = ""

    @property
    def column(self) -> str:
        """The column of a paradigm: the gender, or "pl"."""
        return "pl" if self.number == "pl" else self.gender


def _paradigm(table: str) -> Paradigm:
    """Four lines of four forms, by case and column; "-" stands for no ending."""
    lines = [["" if form == "-" else form for form in line.split()] for line in table.split("\n") if line.strip()]
    return {
        case: dict(zip(("m", "f", "n", "pl"), forms, strict=True))
        for case, forms in zip(("nom", "acc", "dat", "gen"), lines, strict=True)
    }


DEFINITE = _paradigm("""
    der die das die
    den die das die
    dem der dem den
    des der des der
""")
# The relative pronoun is the article but for its genitive and the dative plural.
RELATIVE = _paradigm("""
    der    die   das    die
    den    die   das    die
    dem    der   dem    denen
    dessen deren dessen deren
""")
# dieser and jeder end like the definite article,
DER_WORD = _paradigm("""
    er e  es e
    en e  es e
    em er em en
    es er es er
""")
# ein, kein and the possessives too, but for three places without an ending.
EIN_WORD = _paradigm("""
    -  e  -  e
    en e  -  e
    em er em en
    es er es er
""")
ADJECTIVE: dict[Declension, Paradigm] = {
    # After no determiner the adjective shows the case itself.
    "strong": _paradigm("""
        er e  es e
        en e  es e
        em er em en
        en er en er
    """),
    # After der, dieser, jeder the determiner has shown it.
    "weak": _paradigm("""
        e  e  e  en
        en e  e  en
        en en en en
        en en en en
    """),
    # After ein, kein, mein: strong exactly where the determiner has no ending, weak elsewhere.
    "mixed": _paradigm("""
        er e  es en
        en e  es en
        en en en en
        en en en en
    """),
}
DER_WORDS = {"that": "dies", "every": "jed"}
EIN_WORDS = {"a": "ein", "no": "kein", "my": "mein", "your": "dein", "our": "unser"}


def determiner(lemma: str, features: Features, case: Case, owner: Features | None = None) -> str:
    """The determiner as written: dem, dieses, einer, keinen, meine. "no" is kein.

    features: the noun's. owner: whose it is, for "own" (sein, ihr). Raises `CourseError` where "own" has no third
    person to refer to.
    """
    if lemma == "the":
        return DEFINITE[case][features.column]
    if lemma in DER_WORDS:
        return DER_WORDS[lemma] + DER_WORD[case][features.column]
    return _ein_stem(lemma, owner) + EIN_WORD[case][features.column]


def _ein_stem(lemma: str, owner: Features | None) -> str:
    if lemma in EIN_WORDS:
        return EIN_WORDS[lemma]
    if lemma != "own":
        raise CourseError(f'There is no determiner "{lemma}"; choose one of meaning.DETERMINERS.')
    if owner is None or owner.person != 3 or not owner.column:
        raise CourseError('"own" (his, her, its, their) needs a subject in the third person to which it belongs.')
    return "sein" if owner.column in ("m", "n") else "ihr"


def declension(determiner_lemma: str | None) -> Declension:
    """How adjectives are declined after this determiner; None: after none, or after a numeral or genitive alone."""
    if determiner_lemma is None:
        return "strong"
    return "weak" if determiner_lemma in ("the", *DER_WORDS) else "mixed"


def adjective(row: AdjectiveRow, kind: Declension, features: Features, case: Case) -> str:
    """The adjective before its noun: alten, teures, dunkle."""
    return row.de_inflected + ADJECTIVE[kind][case][features.column]


def noun(row: NounRow, case: Case, number: Number) -> str:
    """The noun in its case. Raises `CourseError` for a number that the noun does not have."""
    form = row.de_plural if number == "pl" else {"nom": row.de, "gen": row.de_genitive}.get(case, row.de_oblique)
    if not form:
        raise CourseError(f'"{row.noun}" has no German form in the {"plural" if number == "pl" else "singular"}.')
    if number == "pl" and case == "dat" and form[-1] not in "ns":
        return form + "n"  # The dative plural ends in -n wherever the plural lets it: den Kindern, but den Autos.
    return form


# Each personal pronoun in the nominative, accusative and dative, by person and column.
PRONOUNS = {
    "1sg": ("ich", "mich", "mir"),
    "2sg": ("du", "dich", "dir"),
    "3m": ("er", "ihn", "ihm"),
    "3f": ("sie", "sie", "ihr"),
    "3n": ("es", "es", "ihm"),
    "1pl": ("wir", "uns", "uns"),
    "3pl": ("sie", "sie", "ihnen"),
}


def pronoun(features: Features, case: Case) -> str:
    """The personal pronoun: er, ihn, ihm. Raises `CourseError` for the genitive (a possessive says that)."""
    if case == "gen":
        raise CourseError("A pronoun has no genitive here; a possessive determiner says whose something is.")
    key = features.column if features.person == 3 else features.number
    return PRONOUNS[f"{features.person}{key}"][("nom", "acc", "dat").index(case)]


def relative_pronoun(features: Features, case: Case) -> str:
    """The relative pronoun for a noun with these features: dem, deren, denen."""
    return RELATIVE[case][features.column]


def genitive_of_name(name: str) -> str:
    """Annas, Max': names take -s, after an s sound only an apostrophe."""
    return name + ("'" if ends_in_s(name) else "s")


def ends_in_s(name: str) -> bool:
    """Whether the name ends in an s sound, which swallows the -s of the genitive."""
    return name[-1] in "sßxz"


def finite(row: VerbRow, features: Features) -> str:
    """The present tense, without the separable prefix: "ruft" of anrufen."""
    if features.number == "pl":
        return "sind" if row.de == "sein" else row.de.rpartition("|")[2]
    return (row.de_ich, row.de_du, row.de_er)[features.person - 1]


def modal(row: ModalRow, features: Features) -> str:
    """The present tense of a modal: kann, müssen."""
    return row.de_wir if features.number == "pl" else (row.de_ich, row.de_du, row.de_er)[features.person - 1]


def zu_infinitive(row: VerbRow) -> tuple[str, ...]:
    """The words of the infinitive with zu, which stands inside a separable verb: zu zeigen, but aufzuräumen."""
    base = row.de.rpartition("|")[2]
    return (f"{row.de_prefix}zu{base}",) if row.de_prefix else ("zu", base)


CONTRACTIONS = {
    ("an", "dem"): "am",
    ("an", "das"): "ans",
    ("bei", "dem"): "beim",
    ("in", "dem"): "im",
    ("in", "das"): "ins",
    ("von", "dem"): "vom",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
}


def contraction(preposition: str, article: str) -> str | None:
    """Preposition and definite article in one word: im, zur; None where they stay apart."""
    return CONTRACTIONS.get((preposition, article))


# No personal pronoun that means a thing follows a preposition; one word says both. ohne has no such word.
PRONOMINAL_ADVERBS = {
    ("an", "dat"): "daran",
    ("auf", "acc"): "darauf",
    ("auf", "dat"): "darauf",
    ("aus", "dat"): "daraus",
    ("für", "acc"): "dafür",
    ("hinter", "dat"): "dahinter",
    ("in", "acc"): "hinein",
    ("in", "dat"): "darin",
    ("mit", "dat"): "damit",
    ("neben", "dat"): "daneben",
    ("unter", "dat"): "darunter",
    ("zu", "dat"): "dazu",
}


def pronominal_adverb(preposition: str, case: Case) -> str | None:
    """Preposition and "it" in one word: darauf, daneben; None where there is no such word."""
    return PRONOMINAL_ADVERBS.get((preposition, case))
