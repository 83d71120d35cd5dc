"""The tree and its numbers, tokens and their text, and the tables: what they hold and how bad ones are refused."""

import dataclasses
from dataclasses import dataclass

import pytest
from grammar_words import asked, at, clause, is_, it, name, np, two, who

from course.data.grammar import rows as tables
from course.data.grammar.lexicon import AdverbRow, NumeralRow, lexicon
from course.data.grammar.meaning import Clause, Name, NounPhrase, Word, children, numbered, walk
from course.data.grammar.rows import read_table
from course.data.grammar.tokens import Token, capitalized, detokenized, links, mark, token
from course.errors import CourseError

SENTENCE = clause(
    "see",
    name("Anna"),
    np("dog", "the", "small", "black", relative=who("sleep", phrases=at("under", np("table")))),
    adverbs=("often", "today"),
)


# Trees


def test_children_come_in_the_order_of_the_fields():
    phrase = np("dog", "the", "small", "black", of=name("Anna"))
    assert list(children(phrase)) == [Word("dog"), Word("the"), Word("small"), Word("black"), name("Anna")]


def test_walk_meets_the_node_itself_and_every_leaf_once():
    nodes = list(walk(SENTENCE))
    assert nodes[0] is SENTENCE
    leaves = [node.lemma for node in nodes if isinstance(node, Word | Name)]
    assert leaves == ["see", "Anna", "dog", "the", "small", "black", "which", "sleep", "under", "table", "the",
                      "often", "today"]  # fmt: skip


def test_numbers_run_from_one_depth_first_without_a_gap():
    assert [node.id for node in walk(numbered(SENTENCE))] == list(range(1, len(list(walk(SENTENCE))) + 1))


def test_numbering_gives_a_new_tree_that_says_the_same():
    result = numbered(SENTENCE)
    assert result == SENTENCE
    assert SENTENCE.id == 0
    assert numbered(result) == result
    assert [node.id for node in walk(numbered(result))] == [node.id for node in walk(result)]


def test_one_object_in_two_places_gets_two_numbers():
    man = np("man")
    tree = numbered(clause("see", man, man))
    assert isinstance(tree.subject, NounPhrase)
    assert isinstance(tree.object, NounPhrase)
    assert tree.subject.noun.id != tree.object.noun.id


def test_nodes_that_differ_are_unequal_and_hashable():
    sad, happy = is_(name("Anna"), "sad"), is_(name("Anna"), "happy")
    assert sad != happy
    assert len({sad, happy, numbered(sad)}) == 2
    assert two(sad, "and", happy) != two(sad, "but", happy)
    assert it("lamp") != it("lamp", "pl")
    assert asked("sleep", name("Anna")) != clause("sleep", name("Anna"))


def test_nodes_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SENTENCE.verb = Word("find")  # type: ignore[misc]


# Tokens


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([], ""),
        ([token("Ja"), mark(".")], "Ja."),
        ([token("L'", right=True), token("arbre"), token("tombe"), mark(".")], "L'arbre tombe."),
        ([token("Dort"), mark("-"), Token("il", left=True), token("?")], "Dort-il ?"),
        ([token("Heute"), mark(","), token("sagt"), token("er")], "Heute, sagt er"),
        ([token("s'", right=True), token("il"), token("t'", right=True), token("aime")], "s'il t'aime"),
    ],
)
def test_text_joins_where_a_token_says_so(tokens, text):
    assert detokenized(tokens) == text


def test_capital_goes_to_the_first_letter_only_and_keeps_the_ids():
    assert capitalized([token("l'", 4, right=True), token("USA", 5)]) == [
        token("L'", 4, right=True), token("USA", 5)]  # fmt: skip
    assert capitalized([token("œuf")])[0].text == "Œuf"
    assert capitalized([token("über")])[0].text == "Über"


def test_links_are_the_pairs_that_share_an_id():
    # not open / n' ouvre pas: "not" is said twice in French; the full stops mean nothing.
    english = [token("does", 2), token("not", 1), token("open", 2), mark(".")]
    french = [token("n'", 1, right=True), token("ouvre", 2), token("pas", 1), mark(".")]
    assert links(english, french) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert sorted((j, i) for i, j in links(english, french)) == links(french, english)


def test_one_word_for_two_ids_links_to_both():
    assert links([token("in", 1), token("the", 2)], [token("im", 1, 2)]) == [(0, 0), (1, 0)]


# Tables


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose tables/ are read instead of the course's own."""
    (tmp_path / "tables").mkdir()
    monkeypatch.setattr(tables, "files", lambda package: tmp_path)
    return tmp_path / "tables"


def test_table_is_read_by_its_first_column_with_cells_stripped(folder):
    (folder / "numerals.csv").write_text("numeral,en,de,fr\nsix,six, sechs ,six\n", encoding="utf-8")
    assert read_table("numerals", NumeralRow) == {"six": NumeralRow("six", "six", "sechs", "six")}


@dataclass(frozen=True)
class TypedRow:
    thing: str
    types: frozenset[str]


def test_sets_are_words_between_spaces(folder):
    (folder / "things.csv").write_text("thing,types\ncup,vessel  small\nidea,\n", encoding="utf-8")
    rows = read_table("things", TypedRow)
    assert rows["cup"].types == {"vessel", "small"}
    assert rows["idea"].types == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("numeral,en,fr,de\nsix,six,six,sechs\n", r"numerals\.csv must have the columns numeral, en, de, fr, but has"),
        ("numeral,en,de\nsix,six,sechs\n", r"must have the columns .* but has numeral, en, de\."),
        ("numeral,en,de,fr\nsix,six,sechs\n", r"numerals\.csv, line 2, has 3 cells, but 4 columns"),
        ("numeral,en,de,fr\none,one,eins,un\nsix,six,sechs,six,6\n", r"line 3, has 5 cells"),
        ("numeral,en,de,fr\nsix,six,sechs,six\nten,ten,zehn,dix\nsix,6,6,6\n", r"line 4: six stands there twice"),
    ],
)
def test_bad_tables_are_refused_with_the_place(folder, text, message):
    (folder / "numerals.csv").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=message):
        read_table("numerals", NumeralRow)


def test_lexicon_is_read_once_and_has_the_two_senses_of_each_ambiguous_word():
    words = lexicon()
    assert words is lexicon()
    for english, nouns, verbs in [
        ("point", {"Spitze"}, {"zeigen"}),
        ("watch", {"Uhr"}, {"beobachten"}),
        ("fly", {"Fliege"}, {"fliegen"}),
        ("bank", {"Bank", "Ufer"}, set()),
    ]:
        assert {row.de for row in words.nouns.values() if row.en == english} == nouns
        assert {row.de for row in words.verbs.values() if row.en == english} == verbs
    assert words.nouns["light"].fr == "lumière"
    assert words.adjectives["light"].fr_masculine == "léger"


def test_every_row_is_filed_under_its_own_key():
    for table in dataclasses.fields(lexicon()):
        rows = getattr(lexicon(), table.name)
        assert rows
        for key, row in rows.items():
            assert getattr(row, dataclasses.fields(row)[0].name) == key


def test_separable_verbs_know_prefix_and_infinitive():
    verbs = lexicon().verbs
    assert (verbs["close"].de_prefix, verbs["close"].de_infinitive) == ("zu", "zumachen")
    assert (verbs["sell"].de_prefix, verbs["sell"].de_infinitive) == ("", "verkaufen")
    assert verbs["come_back"].de_prefix == "zurück"


def test_each_adverb_has_a_known_kind_and_tense():
    for row in read_table("adverbs", AdverbRow).values():
        assert row.kind in {"frequency", "time", "place", "manner"}
        assert row.tense in {"any", "present", "past"}


def test_every_closed_choice_of_the_tables_is_one_of_its_values():
    words = lexicon()
    assert {row.count for row in words.nouns.values()} == {"count", "mass", "plural"}
    assert {row.pronoun for row in words.nouns.values()} <= {"he", "she", "it", "they", "-"}
    assert {row.de_gender for row in words.nouns.values() if row.count != "plural"} == {"m", "f", "n"}
    assert {row.fr_gender for row in words.nouns.values()} == {"m", "f"}
    assert {row.de_auxiliary for row in words.verbs.values()} == {"haben", "sein"}
    assert {row.fr_auxiliary for row in words.verbs.values()} == {"avoir", "être"}
    assert {row.fr_place for row in words.adjectives.values()} == {"before", "after"}


def test_a_subject_is_empty_by_default():
    assert Clause(Word("sleep")) == clause("sleep")
