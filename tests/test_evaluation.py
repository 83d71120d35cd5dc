"""Scores by split and by construction, on translations that are made up so that they can be counted."""

import pytest

from course.data.embedded import embedded_pairs
from course.evaluation import TEST_SPLITS, by_construction, constructions_table, score_split, score_splits, table
from course.translator import Translation


class Parrot:
    """Knows the right translations, and spoils every tenth."""

    attention_layers = 2

    def __init__(self, name):
        self.answers = {p.source: p.target for split in TEST_SPLITS for p in embedded_pairs(name, split)}

    def translate(self, texts, **options):
        spoiled = [text if i % 10 == 0 else self.answers[text] for i, text in enumerate(texts)]
        return [Translation(text, 0.0, finished=True, n_best=((text, 0.0),)) for text in spoiled]


@pytest.fixture
def parrot(monkeypatch):
    monkeypatch.setattr("course.evaluation.error_rates", lambda translator, pairs: [0.5, 0.25])
    return Parrot("embedded-en-de")


def test_a_split_counts_what_is_exactly_right(parrot):
    found = score_split(parrot, "embedded-en-de", "test_iid", limit=100)
    assert (found.sentences, found.exact_match) == (100, 90)
    low, high = found.interval
    assert 82 < low < 90 < high < 95
    assert found.alignment_error == (0.5, 0.25)


def test_probes_have_no_gold_alignment(parrot):
    assert score_split(parrot, "embedded-en-de", "probes", limit=20).alignment_error == ()


def test_without_attention_there_is_no_alignment_error(parrot):
    parrot.attention_layers = 0
    assert score_split(parrot, "embedded-en-de", "test_iid", limit=10).alignment_error == ()


def test_every_test_split_gets_a_line(parrot):
    lines = table(score_splits(parrot, "embedded-en-de", limit=10)).splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(TEST_SPLITS)
    assert all("90.0%" in line for line in lines[1:])
    assert len({len(line.split("0.500")[0]) for line in lines[1:] if "0.500" in line}) == 1  # columns stand in line


def test_a_sentence_counts_for_each_of_its_constructions():
    pairs = embedded_pairs("embedded-en-de", "test_iid")[:50]
    lines = [pair.target if i != 3 else "falsch" for i, pair in enumerate(pairs)]
    counts = by_construction(pairs, lines)
    for name, (hits, n) in counts.items():
        assert n == sum(name in pair.constructions for pair in pairs)
        assert n - hits == (name in pairs[3].constructions)
    assert list(counts.values()) == sorted(counts.values(), key=lambda value: -value[1])
    assert len(constructions_table(counts).splitlines()) == len(counts) + 1
