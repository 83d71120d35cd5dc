"""How the splits are drawn: a seeded sampler writes meanings, and each split keeps those that it is for.

A split is either like the training text (dev, test_iid) or differs from it in one way that a learner can name; see
`SPLITS`. No sentence of any split occurs in another one, in any of the three languages. Drawing takes a while, since
of two meanings one is a repetition or belongs elsewhere; so it is done once, and `treebank` keeps what was drawn.
"""

import csv
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from course.data.grammar.constructions import (
    Combination,
    combinations_of,
    depth_of,
    distances_of,
    keys_outside_subjects,
)
from course.data.grammar.draws import Draws
from course.data.grammar.habits import habits
from course.data.grammar.languages import LANGUAGES, text_of, tokens_of
from course.data.grammar.meaning import Meaning, Name, Node, NounPhrase, Pronoun, Word, numbered, walk, without_words
from course.data.grammar.nominals import Style, Writer
from course.data.grammar.sampling import (
    RECIPES,
    Recipe,
    anaphoric,
    embedding,
    extended,
    reason,
    reported,
    sentence,
    two_clauses,
)
from course.data.grammar.senses import senses_pair
from course.data.grammar.tokens import word_count

SEED = "attention course 1"
# Pairs in each split, and what sets it apart. Lengths count English words without punctuation.
SPLITS = {
    "train": 24_000,  # up to 14 words, nested at most twice
    "dev": 1_000,  # as train
    "test_iid": 1_000,  # as train
    "combo": 600,  # verb and object, or adjective and noun, that never meet in training
    "role": 600,  # nouns that are only subjects in training, as objects, recipients, companions ...
    "longer": 600,  # 15 to 18 words
    "much_longer": 500,  # 20 words and more
    "deeper": 600,  # nested three times and more
    "senses": 600,  # words with two senses, in pairs of sentences that differ in the sense
    "anaphora": 800,  # a pronoun 3 to 12 words after what it refers to
    "probes": 0,  # written by hand; as many as tables/probes.csv has
}
TRAIN_WORDS, TRAIN_DEPTH = 14, 2
ROLE_NOUNS = ("king", "queen", "uncle", "sister", "actress", "bird", "horse", "cow", "mouse", "mother")
_HELD_OUT_SHARE = 0.1
_RARE = ("point", "bank_river", "bank_money", "question", "answer", "train", "name")  # training needs all it has
_LEAST_PARTNERS = 6  # nothing is held out of a word that has fewer partners: each must be well known from training


@dataclass(frozen=True)
class Plan:
    """How one split is drawn. lengths, depths: the least and the most."""

    style: Style
    recipes: tuple[tuple[float, Recipe], ...] = RECIPES
    lengths: tuple[int, int] = (1, TRAIN_WORDS)
    depths: tuple[int, int] = (0, TRAIN_DEPTH)
    held_out: bool = False  # whether it has a pair of words that training lacks
    distances: tuple[int, int] | None = None  # least and most words between a pronoun and what it refers to
    new_role: bool = False  # whether one of `ROLE_NOUNS` is more than a subject
    sense_pairs: int = 0  # how many of its sentences, the last ones, are pairs that differ in the sense of a word


_AS_TRAINED = Style(only_subjects=frozenset(ROLE_NOUNS))
_RICH = replace(_AS_TRAINED, adjective=0.35, whereabouts=0.3, possessor=0.2, relative=0.45, extra=0.8)
_LONG = ((3, two_clauses), (2, extended), (2, reported), (2, reason))
_VERY_LONG = ((4, extended), (1, two_clauses), (1, reason))
_PLANS = {
    "combo": Plan(_AS_TRAINED, held_out=True),
    "role": Plan(Style(favored=ROLE_NOUNS), new_role=True),
    "longer": Plan(_RICH, _LONG, lengths=(15, 18)),
    "much_longer": Plan(replace(_RICH, relative=0.8), _VERY_LONG, lengths=(20, 30)),
    "deeper": Plan(replace(_AS_TRAINED, nested=0.3, relative=0.2), ((1, embedding),), lengths=(1, 18), depths=(3, 6)),
    "senses": Plan(_AS_TRAINED, sense_pairs=600),
    "anaphora": Plan(replace(_AS_TRAINED, relative=0.25, whereabouts=0.2), ((1, anaphoric),), distances=(3, 12)),
    "test_iid": Plan(_AS_TRAINED),
    "dev": Plan(_AS_TRAINED),
    "train": Plan(_AS_TRAINED, sense_pairs=200),  # else the rarer senses would hardly be met
}


@cache
def held_out() -> frozenset[Combination]:
    """The verb-object and adjective-noun pairs that only the split "combo" has."""
    words, draws = habits(), Draws(f"{SEED} pairs")
    found: set[Combination] = set()
    for verb in words.lexicon.verbs.values():
        found |= _some(draws, "verb", verb.verb, words.nouns(verb.objects))
    for adjective in words.lexicon.adjectives.values():
        nouns = tuple(key for key in words.lexicon.nouns if words.describes(adjective, key))
        found |= _some(draws, "adjective", adjective.adjective, nouns)
    return frozenset(found)


def _some(draws: Draws, kind: str, word: str, nouns: tuple[str, ...]) -> set[Combination]:
    if len(nouns) < _LEAST_PARTNERS:
        return set()
    drawn = [noun for noun in nouns if draws.chance(_HELD_OUT_SHARE)]
    return {(kind, word, noun) for noun in drawn if noun not in (*ROLE_NOUNS, *_RARE)}


class Drawer:
    """Draws splits one after the other, and never a text twice in any language."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}
        for texts in probes():
            self.remember(texts)

    def split(self, name: str) -> list[Meaning]:
        """All meanings of one split; the probes, which people wrote, are none."""
        plan = _PLANS[name]
        writer = Writer(Draws(f"{SEED} {name}"), habits(), plan.style)
        trees: list[Meaning] = []
        while len(trees) < SPLITS[name]:
            in_pairs = len(trees) >= SPLITS[name] - plan.sense_pairs
            drawn = senses_pair(writer, len(trees) // 2) if in_pairs else (sentence(writer, plan.recipes),)
            said = [self.texts(meaning, plan) for meaning in drawn if _suits(meaning, plan)]
            if len(said) == len(drawn) and None not in said:  # of two senses both or none
                trees += [meaning for meaning, texts in zip(drawn, said, strict=True) if texts and self.remember(texts)]
        return trees

    def texts(self, meaning: Meaning, plan: Plan) -> dict[str, str] | None:
        """The sentence in all languages, or None for a wrong length or a text that was there before."""
        if plan.lengths[0] > 1 and not _may_have_length(meaning, plan.lengths):
            return None
        text = text_of(meaning, "en")
        if not plan.lengths[0] <= word_count(text) <= plan.lengths[1] or text in self.seen["en"]:
            return None
        if plan.distances and not _has_distance(numbered(meaning), plan.distances):
            return None
        return {"en": text} | {language: text_of(meaning, language) for language in ("de", "fr")}

    def remember(self, texts: Mapping[str, str]) -> bool:
        """Keep a new sentence in mind. False, and nothing is kept, where some language had its text before."""
        if any(text in self.seen[language] for language, text in texts.items()):
            return False
        for language, text in texts.items():
            self.seen[language].add(text)
        return True


def draw() -> dict[str, list[Meaning]]:
    """The meanings of all splits, from the seed. Training comes last, so that nothing of it is in a test."""
    drawer = Drawer()
    return {name: drawer.split(name) for name in reversed(SPLITS) if name in _PLANS}


@cache
def probes() -> tuple[dict[str, str], ...]:
    """The sentences that people wrote, by language, in the order of the table."""
    table = files("course.data.grammar").joinpath("tables/probes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines())
    return tuple(
        {language: unicodedata.normalize("NFC", row[language].strip()) for language in LANGUAGES} for row in rows
    )


def _may_have_length(meaning: Meaning, lengths: tuple[int, int]) -> bool:
    """Whether it is worth saying: a sentence has as many words as its tree has leaves, or a few more."""
    leaves = sum([isinstance(node, Word | Name | Pronoun) for node in walk(meaning)])
    return lengths[0] - 2 <= leaves <= lengths[1]


def _has_distance(tree: Meaning, limits: tuple[int, int]) -> bool:
    tokens = tokens_of(tree, "en")
    return any(limits[0] <= distance <= limits[1] for distance in distances_of(tree, tokens))


def _suits(meaning: Meaning, plan: Plan) -> bool:
    """Whether depth, word pairs and roles are those of the plan."""
    nodes = without_words(meaning)
    if not plan.depths[0] <= depth_of(nodes) <= plan.depths[1]:
        return False
    if held_out().isdisjoint(combinations_of(nodes)) == plan.held_out:
        return False
    if plan.new_role and _has_new_form(nodes):
        return False
    return keys_outside_subjects(nodes).isdisjoint(ROLE_NOUNS) != plan.new_role


def _has_new_form(nodes: Iterable[Node]) -> bool:
    """Whether a role noun stands in a form that no subject has: German genitive (Onkels) and dative plural (Vögeln)."""
    phrases = [node for node in nodes if isinstance(node, NounPhrase)]
    owners = [node.of for node in phrases if isinstance(node.of, NounPhrase)]
    plural = [node for node in phrases if node.number == "pl"]
    return any(node.noun.lemma in ROLE_NOUNS for node in (*owners, *plural))
