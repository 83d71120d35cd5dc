"""The embedded corpus: splits that differ as they say, texts that never repeat, and a manifest of all of them."""

import hashlib
import json
import unicodedata
from pathlib import Path

import pytest

import course.data.embedded as embedded
from course.data import load_corpus, split_names
from course.data.embedded import (
    EMBEDDED_NAMES,
    Pair,
    embedded_pairs,
    embedded_text,
    entries,
    gold,
    sample,
)
from course.data.grammar.constructions import (
    CONSTRUCTIONS,
    combinations_of,
    constructions_of,
    depth_of,
    distances_of,
    keys_outside_subjects,
)
from course.data.grammar.english import linearize
from course.data.grammar.languages import LANGUAGES
from course.data.grammar.lexicon import lexicon
from course.data.grammar.meaning import Clause, Name, NounPhrase, Word, walk, without_words
from course.data.grammar.splits import ROLE_NOUNS, SPLITS, TRAIN_DEPTH, TRAIN_WORDS, draw, held_out
from course.data.grammar.tokens import detokenized, word_count
from course.data.grammar.treebank import read_trees
from course.errors import CourseError

MANIFEST = Path(embedded.__file__).parent / "grammar" / "manifest.json"
AS_TRAINED = ("train", "dev", "test_iid", "senses", "anaphora")
MADE = [split for split in SPLITS if split != "probes"]


# Texts


def test_the_manifest_records_every_text():
    recorded = json.loads(MANIFEST.read_text(encoding="utf-8"))
    assert list(recorded) == list(SPLITS)
    for split, row in recorded.items():
        assert row["sentences"] == len(entries(split)), split
        for language in LANGUAGES:
            text = "".join(entry.texts[language] + "\n" for entry in entries(split))
            assert row[language] == hashlib.sha256(text.encode("utf-8")).hexdigest(), (split, language)


@pytest.mark.parametrize("split", MADE)
def test_splits_have_the_size_that_they_say(split):
    assert len(entries(split)) == SPLITS[split]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_comes_twice_in_any_language(language):
    texts = [entry.texts[language] for split in SPLITS for entry in entries(split)]
    assert len(set(texts)) == len(texts) > 30_000


def test_texts_are_composed_and_stand_on_one_line():
    for split in SPLITS:
        for entry in entries(split):
            for text in entry.texts.values():
                assert text == unicodedata.normalize("NFC", text)
                assert text == " ".join(text.split())
                assert text[0].isupper()
                assert text[-1] in ".!?"


@pytest.mark.slow
def test_the_treebank_is_what_the_seed_draws():
    """All of it, drawn again: a change of words or habits that would draw other meanings asks for a new treebank."""
    with embedded.collector_paused():
        drawn = draw()
    assert list(drawn) == list(reversed(MADE))
    for split, trees in drawn.items():
        assert trees == read_trees(split), f"{split}: run python -m course.data.make_treebank if the change is meant"


def test_only_the_languages_that_are_asked_for_are_said(monkeypatch):
    fresh = entries.__wrapped__("role")
    monkeypatch.setattr(embedded, "entries", lambda split: fresh)
    embedded_pairs.__wrapped__("embedded-en-de", "role")
    assert {tuple(entry.said) for entry in fresh} == {("en", "de")}
    assert all(list(entry.texts) == ["en", "de", "fr"] for entry in fresh)


# What sets the splits apart


@pytest.mark.parametrize("split", AS_TRAINED)
def test_what_is_like_training_keeps_its_limits(split):
    for entry in entries(split):
        assert word_count(entry.texts["en"]) <= TRAIN_WORDS
        assert depth_of(without_words(entry.tree)) <= TRAIN_DEPTH
        assert held_out().isdisjoint(combinations_of(without_words(entry.tree)))
        assert keys_outside_subjects(without_words(entry.tree)).isdisjoint(ROLE_NOUNS)


def test_combo_has_pairs_that_training_lacks_and_whose_words_it_knows_well():
    counts = {}
    for entry in entries("train"):
        for node in walk(entry.tree):
            if isinstance(node, Word):
                counts[node.lemma] = counts.get(node.lemma, 0) + 1
    for entry in entries("combo"):
        new = held_out() & combinations_of(without_words(entry.tree))
        assert new
        for _, word, noun in new:
            assert counts[word] >= 40
            assert counts[noun] >= 40


def test_role_nouns_are_subjects_in_training_and_more_in_their_split():
    subjects = [
        node.noun.lemma
        for entry in entries("train")
        for node in walk(entry.tree)
        if isinstance(node, NounPhrase) and node.noun.lemma in ROLE_NOUNS
    ]
    assert len(set(ROLE_NOUNS)) == 10
    assert all(subjects.count(noun) >= 40 for noun in ROLE_NOUNS)
    found = [keys_outside_subjects(without_words(entry.tree)) & set(ROLE_NOUNS) for entry in entries("role")]
    assert all(found)
    assert set().union(*found) == set(ROLE_NOUNS)


@pytest.mark.parametrize(("split", "least", "most"), [("longer", 15, 18), ("much_longer", 20, 30)])
def test_longer_sentences_are_as_long_as_said_and_not_deeper(split, least, most):
    for entry in entries(split):
        assert least <= word_count(entry.texts["en"]) <= most
        assert depth_of(without_words(entry.tree)) <= TRAIN_DEPTH


def test_deeper_sentences_are_deeper():
    assert all(depth_of(without_words(entry.tree)) > TRAIN_DEPTH for entry in entries("deeper"))


def test_anaphora_is_three_to_twelve_words_away():
    words = lexicon()
    for entry in entries("anaphora"):
        assert any(3 <= distance <= 12 for distance in distances_of(entry.meaning, linearize(entry.meaning, words)))


def test_senses_are_balanced_and_both_known_from_training():
    senses = ("point", "point_at", "watch", "light", "fly", "bank_money", "bank_river")

    def counts(split):
        found = [{node.lemma for node in walk(entry.tree) if isinstance(node, Word)} for entry in entries(split)]
        return {sense: sum(sense in lemmas for lemmas in found) for sense in senses}

    test, train = counts("senses"), counts("train")
    assert all(train[sense] >= 40 for sense in senses)
    assert all(test[sense] >= 55 for sense in senses)
    assert 0.6 < test["point"] / test["point_at"] < 1.6
    assert test["bank_money"] == test["bank_river"]


def test_every_construction_is_well_represented():
    found = [constructions_of(entry.tree, lexicon()) for entry in entries("train")]
    assert {name: n for name in CONSTRUCTIONS if (n := sum(name in names for names in found)) < 300} == {}


def test_the_sentences_that_started_it_are_among_the_probes():
    texts = [entry.texts["en"] for entry in entries("probes")]
    assert "The needle has a sharp point." in texts
    assert "It is not polite to point at people." in texts


# The public face


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_every_direction_loads_by_name(name):
    text = load_corpus(name, "test_iid")
    assert f"embedded-{text.source_language}-{text.target_language}" == name
    assert (text.name, text.split, len(text)) == (name, "test_iid", SPLITS["test_iid"])
    assert text == embedded_text(name, "test_iid")


def test_directions_are_each_other_backwards():
    there, back = embedded_text("embedded-en-fr", "dev"), embedded_text("embedded-fr-en", "dev")
    assert (there.source, there.target) == (back.target, back.source)
    assert there.source == embedded_text("embedded-en-de", "dev").source


def test_splits_are_known_by_corpus():
    assert split_names("embedded-de-en") == tuple(SPLITS)
    assert "val" in split_names("multi30k-en-de")
    assert set(split_names()) == {*split_names("embedded-de-en"), *split_names("multi30k-en-de")}


def test_unknown_names_and_splits_get_the_nearest():
    with pytest.raises(CourseError, match='no embedded corpus "embeded-en-de".*"embedded-en-de"'):
        embedded_pairs("embeded-en-de", "dev")
    with pytest.raises(CourseError, match='no split "test_idd".*"test_iid"'):
        entries("test_idd")
    with pytest.raises(CourseError, match='embedded-en-de has no split "deper".*"deeper"'):
        load_corpus("embedded-en-de", "deper")
    with pytest.raises(CourseError, match='no construction "negatoin".*"negation"'):
        sample(1, split="dev", constructions=["negatoin"])


def test_pairs_know_their_tokens():
    for pair in embedded_pairs("embedded-fr-en", "test_iid")[:200]:
        assert detokenized(pair.source_tokens) == pair.source
        assert detokenized(pair.target_tokens) == pair.target
        assert pair.length == word_count(pair.source)
        assert pair.constructions <= set(CONSTRUCTIONS)


def test_a_sample_has_what_was_asked_for():
    pairs = sample(20, split="dev", constructions=("negation", "transitive"), length=(6, 10))
    assert len({pair.source for pair in pairs}) == 20
    for pair in pairs:
        assert {"negation", "transitive"} <= pair.constructions
        assert 6 <= pair.length <= 10
    assert pairs == sample(20, split="dev", constructions=("negation", "transitive"), length=(6, 10))
    assert pairs != sample(20, split="dev", constructions=("negation", "transitive"), length=(6, 10), seed=2)
    assert sample(3, split="dev", constructions="question")


def test_more_than_there_are_cannot_be_sampled():
    with pytest.raises(CourseError, match="fewer than the 5000 that were asked for"):
        sample(5000, split="dev")


@pytest.mark.parametrize("name", EMBEDDED_NAMES[:2])
def test_gold_links_every_content_word(name):
    for pair in embedded_pairs(name, "test_iid"):
        linked = gold(pair)
        sides = (pair.source_tokens, {i for i, _ in linked}), (pair.target_tokens, {j for _, j in linked})
        nodes = list(walk(pair.meaning))
        content = {node.noun.id for node in nodes if isinstance(node, NounPhrase)}
        content |= {node.verb.id for node in nodes if isinstance(node, Clause)}
        content |= {node.id for node in nodes if isinstance(node, Name)}
        for tokens, reached in sides:
            meant = [i for i, token in enumerate(tokens) if token.ids & content]
            assert meant
            assert set(meant) <= reached, pair.source


def test_gold_is_about_the_tokens_of_the_pair():
    pair = next(pair for pair in embedded_pairs("embedded-en-de", "dev") if "separable" in pair.constructions)
    for i, j in gold(pair):
        assert pair.source_tokens[i].ids & pair.target_tokens[j].ids


def test_probes_have_texts_but_no_links():
    pair = embedded_pairs("embedded-en-de", "probes")[0]
    assert isinstance(pair, Pair)
    assert gold(pair) == []
    assert pair.constructions == frozenset()
    assert pair.depth == 0


def test_french_marks_that_stand_alone_are_no_words():
    assert word_count("Est-ce que tu dors ?") == 4
    assert word_count("L'arbre est beau.") == 3
