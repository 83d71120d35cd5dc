"""The treebank: trees as lines of JSON and back."""

import gzip
import json

import pytest
from grammar_triples import TRIPLES

from course.data.grammar import treebank
from course.data.grammar.meaning import Clause, Node, Pronoun, Word, numbered, walk, word
from course.data.grammar.treebank import from_line, read_trees, to_line, write_trees

TREES = [triple.meaning for triple in TRIPLES]


def test_every_tree_written_by_hand_comes_back_the_same():
    assert [from_line(to_line(tree)) for tree in TREES] == TREES


def test_every_kind_of_node_is_among_them():
    assert {type(node) for tree in TREES for node in walk(tree)} == set(Node.__subclasses__())


def test_a_line_says_only_what_differs_from_the_defaults():
    tree = Clause(word("sleep"), Pronoun("I"), adverbs=(word("today"),), fronted="adverb")
    assert json.loads(to_line(tree)) == {
        "is": "Clause",
        "verb": "sleep",
        "subject": {"is": "Pronoun", "person": "I"},
        "adverbs": ["today"],
        "fronted": "adverb",
    }


def test_ids_are_not_kept():
    tree = numbered(TREES[0])
    assert to_line(tree) == to_line(TREES[0])
    assert {node.id for node in walk(from_line(to_line(tree)))} == {0}


def test_equal_words_are_one_object_again():
    """The linearisers' tables are keyed by words, and 24,000 sentences have the same few hundred."""
    first, second = (from_line(to_line(TREES[0])) for _ in range(2))
    words = [[node for node in walk(tree) if isinstance(node, Word)] for tree in (first, second)]
    assert all(a is b for a, b in zip(*words, strict=True))


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(treebank, "FOLDER", tmp_path / "new")
    write_trees("dev", TREES)
    assert read_trees("dev") == TREES
    once = (tmp_path / "new" / "dev.jsonl.gz").read_bytes()
    assert len(gzip.decompress(once).decode("utf-8").splitlines()) == len(TREES)
    write_trees("dev", TREES)
    assert (tmp_path / "new" / "dev.jsonl.gz").read_bytes() == once


def test_an_unknown_kind_or_field_is_no_tree():
    with pytest.raises(KeyError, match="Sentence"):
        from_line('{"is":"Sentence","verb":"sleep"}')
    with pytest.raises(TypeError, match="color"):
        from_line('{"is":"Pronoun","person":"I","color":"red"}')
