"""The hand-written probes: sentences that people wrote, inside the words and the conventions of the grammar."""

import csv
import re
import unicodedata
from pathlib import Path

import pytest

from course.data import load_corpus

TABLES = Path(__file__).parents[1] / "course" / "data" / "grammar" / "tables"
LANGUAGES = ("en", "de", "fr")

# Every word that stands in no table, written by hand: articles, pronouns, conjunctions, contractions, "do" and "to".
GRAMMATICAL = {
    "en": """
        a an the that those every my your our his her its their of to who not do does did cannot am are and but because
        than please I you he she it we they me him us them
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines denen zu
        dieser diese dieses diesen diesem jeder jede jedes jeden jedem
        mein meine meinen meinem meiner meines dein deine deinen deinem deiner deines
        unser unsere unseren unserem unserer unseres sein seine seinen seinem seiner seines
        ihr ihre ihren ihrem ihrer ihres nicht und aber weil dass als bitte von
        ich du er sie es wir mich dich ihn uns mir dir ihm ihnen am im ins ans zum zur vom
    """,
    "fr": """
        le la les l' un une des du de d' au aux à en ce cet cette ces chaque mon ma mes ton ta tes son sa ses leur leurs
        notre nos ne n' pas et mais parce que qu' qui plus est-ce s' te plaît je j' tu il elle nous ils elles me m' t'
        lui moi toi eux meilleur meilleure meilleurs meilleures
    """,
}
ADJECTIVE_ENDINGS = ("", "e", "en", "em", "er", "es")
WORD = {
    "en": re.compile(r"\w+(?:'s)?"),
    "de": re.compile(r"\w+"),
    "fr": re.compile(r"aujourd'hui|est-ce|\w+'?", re.IGNORECASE),
}


def table(name):
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(name, *columns):
    """All words in these columns of a table, phrases such as "next to" taken apart."""
    return {word for row in table(name) for key in columns for word in row[key].split()}


def english_words():
    return (
        column("nouns", "en", "en_plural")
        | column("adjectives", "en", "en_comparative")
        | column("verbs", "en", "en_s", "en_past", "en_participle", "en_preposition", "en_particle")
        | column("modals", "en", "en_s", "en_to")
        | {word for name in ("adverbs", "prepositions", "numerals", "names") for word in column(name, "en")}
        | {f"{row['en']}'s" for row in table("names") if row["kind"] == "person"}
    )


def german_words():
    nouns = column("nouns", "de", "de_plural", "de_genitive", "de_oblique")
    dative_plurals = {f"{plural}n" for plural in column("nouns", "de_plural") if plural[-1] not in "ns"}
    stems = column("adjectives", "de_inflected")
    return (
        nouns
        | dative_plurals
        | column("adjectives", "de", "de_comparative")
        | {stem + ending for stem in stems for ending in ADJECTIVE_ENDINGS if ending}
        | {word for row in table("verbs") for word in german_verb_forms(row)}
        | column("modals", "de_ich", "de_du", "de_er", "de_wir")
        | {word for name in ("adverbs", "prepositions", "numerals", "names") for word in column(name, "de")}
        | {f"{name}s" for name in column("names", "de")}
    )


def german_verb_forms(row):
    """The prefix apart (ruft ... an) and in one word (anruft, anzurufen)."""
    prefix, _, base = row["de"].rpartition("|")
    finite = {row["de_ich"], row["de_du"], row["de_er"], base}
    plural_of_be = {"sind"} if row["verb"] == "be" else set()
    together = {prefix + form for form in finite} | ({f"{prefix}zu{base}"} if prefix else set())
    return {
        *finite,
        *together,
        *plural_of_be,
        prefix,
        row["de_imperative"],
        row["de_participle"],
        row["de_preposition"],
    }


def french_words():
    adjectives = ("fr_masculine", "fr_feminine", "fr_masculine_plural", "fr_feminine_plural", "fr_before_vowel")
    finite = ("fr_je", "fr_tu", "fr_il", "fr_nous", "fr_ils")
    participles = column("verbs", "fr_participle")
    return (
        column("nouns", "fr", "fr_plural")
        | column("adjectives", *adjectives)
        | column("verbs", "fr", *finite, "fr_imperative", "fr_preposition", "fr_after")
        | {participle + ending for participle in participles for ending in ("", "e", "s", "es")}
        | column("modals", *finite)
        | {word for name in ("adverbs", "prepositions", "numerals", "names") for word in column(name, "fr")}
    )


VOCABULARY = {
    language: words | set(GRAMMATICAL[language].split())
    for language, words in zip(LANGUAGES, (english_words(), german_words(), french_words()), strict=True)
}
PROBES = table("probes")


def words(sentence, language):
    return WORD[language].findall(sentence)


def unknown(sentence, language):
    """The words outside the vocabulary. The first one may owe its capital to its place."""
    first, *rest = words(sentence, language)
    known = VOCABULARY[language]
    outside = [word for word in rest if word not in known]
    return outside if {first, first[0].lower() + first[1:]} & known else [first, *outside]


def column_of_probes(language):
    return [probe[language] for probe in PROBES]


def test_file_is_plain():
    text = (TABLES / "probes.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.startswith("en,de,fr\n")
    assert text.endswith("\n")


def test_there_are_300_different_rows():
    assert len(PROBES) == 300
    for language in LANGUAGES:
        assert len(set(column_of_probes(language))) == 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_written_as_people_write(language):
    for sentence in column_of_probes(language):
        assert sentence == unicodedata.normalize("NFC", sentence)
        assert sentence == " ".join(sentence.split()), f"blanks: {sentence!r}"
        assert sentence[-1] in ".?!"
        assert sentence[0] == sentence[0].upper()
        assert not re.search(r"[.?!]", sentence[:-1]), f"more than one sentence: {sentence}"
        assert not re.search("[’‘“”«»\u00a0\u202f]", sentence), f"typographic marks: {sentence}"


def test_only_french_has_a_space_before_its_mark():
    for probe in PROBES:
        assert (probe["fr"][-2] == " ") == (probe["fr"][-1] in "?!"), probe["fr"]
        assert probe["en"][-2] != " "
        assert probe["de"][-2] != " "


def test_the_three_languages_end_alike():
    for probe in PROBES:
        assert probe["en"][-1] == probe["de"][-1] == probe["fr"][-1], probe


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_in_the_vocabulary(language):
    assert {sentence: unknown(sentence, language) for sentence in column_of_probes(language)} == {
        sentence: [] for sentence in column_of_probes(language)
    }


@pytest.mark.parametrize(
    ("sentence", "language", "outside"),
    [
        ("The mouses sleep.", "en", ["mouses"]),
        ("Elephants sleep in anna's house.", "en", ["Elephants", "anna's"]),
        ("Der hund schläft im Wald.", "de", ["hund"]),
        ("Sie aufräumt den Garten, weil er klein ist.", "de", []),  # word order is not looked at, words are
        ("Die Kinder aufzugeräumen.", "de", ["aufzugeräumen"]),
        ("Le cheval a vu les chevals.", "fr", ["chevals"]),
        ("J'ai vu l'arbre aujourd'hui, qu'est-ce.", "fr", []),
        ("Jusqu'ici c'est moi.", "fr", ["Jusqu'", "c'"]),
    ],
)
def test_words_outside_are_found(sentence, language, outside):
    assert unknown(sentence, language) == outside


def test_french_elides_and_contracts():
    unelided = re.compile(r"\b(je|me|te|se|le|la|ne|de|que) [aàâeéèêiîoôœuh]", re.IGNORECASE)
    apart = re.compile(r"\b(à|de) les?\b(?! \w+er\b)", re.IGNORECASE)
    for sentence in column_of_probes("fr"):
        assert not unelided.search(sentence), sentence
        assert not apart.search(sentence), sentence


def test_german_sets_its_commas():
    for sentence in column_of_probes("de"):
        assert not re.search(r"[^,] (weil|dass|aber)\b", sentence), sentence


def test_lengths():
    lengths = [len(words(sentence, "en")) for sentence in column_of_probes("en")]
    assert min(lengths) == 3
    assert max(lengths) == 20
    assert sum(5 <= length <= 12 for length in lengths) > len(lengths) / 2
    assert sum(length > 14 for length in lengths) >= 10


@pytest.mark.parametrize(
    "sentence",
    [
        "The needle has a sharp point.",
        "It is not polite to point at people.",
        "I love France, and the president of that country lives in Paris.",
    ],
)
def test_the_sentences_of_the_lessons_are_here(sentence):
    assert sentence in column_of_probes("en")


def test_a_country_is_referred_to_from_afar():
    reference = "the president of that country"
    before = [sentence.partition(reference)[0] for sentence in column_of_probes("en") if reference in sentence]
    distances = [
        len(words(text, "en")) - min(words(text, "en").index(name) for name in ("France", "Italy") if name in text)
        for text in before
    ]
    assert max(distances) >= 8


@pytest.mark.parametrize(
    ("english", "language", "first", "second"),
    [
        ("points?", "de", "Spitzen?", "([Zz]eigs?t|zeig|zeigen|gezeigt)"),
        ("watch(es)?", "de", "Uhr(en)?", "(beobachten?|beobachtes?t)"),
        ("(light|lights|lighter)", "de", "Licht(er)?", "leicht(er|es|e)?"),
        ("(fly|flies)", "de", "Fliegen?", "(fliegen|fliegt)"),
        ("banks?", "de", "Bank(en)?", "Ufers?"),
        ("points?", "fr", "pointes?", "du doigt"),
        ("watch(es)?", "fr", "montres?", "observ(e|es|er|ent)"),
        ("(light|lights|lighter)", "fr", "lumières?", "lég(er|ère)"),
        ("(fly|flies)", "fr", "mouches?", "vol(e|er|ent)"),
        ("banks?", "fr", "banques?", "rives?"),
    ],
)
def test_words_with_two_senses_have_both(english, language, first, second):
    chosen = [probe for probe in PROBES if re.search(rf"\b{english}\b", probe["en"])]
    for sense in (first, second):
        assert sum(bool(re.search(rf"\b{sense}\b", probe[language])) for probe in chosen) >= 4
    assert all(re.search(rf"\b({first}|{second})\b", probe[language]) for probe in chosen)


@pytest.mark.parametrize("name", ["embedded-en-de", "embedded-en-fr"])
def test_probes_are_new_sentences_of_known_words(name):
    """No probe is in the training split; each of its English words is.

    A few German and French forms of known words are not (des Vogels, données): the model has to build them.
    """
    text = load_corpus(name, "train")
    seen = {word.lower() for line in text.source for word in words(line, "en")}
    for sentence in column_of_probes("en"):
        assert [word for word in words(sentence, "en") if word.lower() not in seen] == [], sentence
    built = {word.lower() for line in text.target for word in words(line, text.target_language)}
    sentences = column_of_probes(text.target_language)
    new = [line for line in sentences if any(word.lower() not in built for word in words(line, text.target_language))]
    assert len(new) <= 12
    trained = set(text.source)
    assert [sentence for sentence in column_of_probes("en") if sentence in trained] == []
