"""The hand-written triples: all three linearisers say them, and content words are linked between all languages."""

from collections.abc import Iterator

import pytest
from grammar_triples import TRIPLES, Triple

from course.data.grammar.constructions import CONSTRUCTIONS, constructions_of
from course.data.grammar.languages import LANGUAGES, tokens_of
from course.data.grammar.lexicon import lexicon
from course.data.grammar.meaning import Clause, Meaning, Name, Node, NounPhrase, Quality, Word, numbered, walk
from course.data.grammar.tokens import Token, detokenized, links

EACH_TRIPLE = pytest.mark.parametrize("triple", TRIPLES, ids=[triple.en for triple in TRIPLES])
EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


def said(meaning: Meaning, language: str) -> list[Token]:
    return tokens_of(numbered(meaning), language)


@EACH_LANGUAGE
@EACH_TRIPLE
def test_lineariser_says_what_was_written_by_hand(triple: Triple, language: str):
    assert detokenized(said(triple.meaning, language)) == getattr(triple, language)


def test_there_are_enough_and_none_twice():
    assert len(TRIPLES) >= 160
    assert len({triple.en for triple in TRIPLES}) == len(TRIPLES)


@pytest.mark.parametrize("construction", [*CONSTRUCTIONS, "adjective"])
def test_each_construction_stands_alone_and_with_another(construction: str):
    sets = [triple.constructions for triple in TRIPLES if construction in triple.constructions]
    assert (construction,) in sets
    assert any(len(names) > 1 for names in sets)


@EACH_TRIPLE
def test_constructions_named_by_hand_are_found_in_the_tree(triple: Triple):
    assert set(triple.constructions) - {"adjective"} <= constructions_of(triple.meaning, lexicon())


def content_words(tree: Node) -> Iterator[Word | Name]:
    """Nouns, adjectives, numerals, names, verbs, modals and adverbs: the words that every language has to say."""
    for node in walk(tree):
        match node:
            case Name():
                yield node
            case NounPhrase():
                yield from (node.noun, *node.adjectives, *([node.numeral] if node.numeral else []))
            case Quality():
                yield node.adjective
            case Clause():
                yield from (node.verb, *node.adverbs, *([node.modal] if node.modal else []))


@EACH_TRIPLE
def test_each_content_word_is_linked_in_all_pairs(triple: Triple):
    tree = numbered(triple.meaning)
    tokens = {language: said(triple.meaning, language) for language in LANGUAGES}
    for source, target in [("en", "de"), ("en", "fr"), ("de", "fr")]:
        linked = [tokens[source][i].ids & tokens[target][j].ids for i, j in links(tokens[source], tokens[target])]
        missing = [word.lemma for word in content_words(tree) if not any(word.id in ids for ids in linked)]
        assert not missing, f"{source}-{target}: no link for {', '.join(missing)}"


@EACH_LANGUAGE
@EACH_TRIPLE
def test_ids_are_nodes_of_the_tree(triple: Triple, language: str):
    known = {node.id for node in walk(numbered(triple.meaning))}
    assert all(item.ids <= known for item in said(triple.meaning, language))
