"""Scores: against sacreBLEU's own published constants, its own resampling, and counts done by hand."""

import math
import random
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from course.errors import CourseError
from course.scoring import (
    bleu_of_counts,
    confidence_interval,
    exact_match,
    paired_bootstrap,
    proportion_interval,
    score,
)

WORDS = [
    "a",
    "man",
    "is",
    "riding",
    "his",
    "red",
    "bicycle",
    "down",
    "the",
    "old",
    "street",
    "while",
    "two",
    "dogs",
    ",",
    ".",
]


def noisy(seed, rate, references):
    rng = random.Random(seed)
    return [
        " ".join(rng.choice(WORDS) if rng.random() < rate else word for word in line.split()) for line in references
    ]


@pytest.fixture(scope="module")
def references():
    rng = random.Random(0)
    return [" ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 14))) for _ in range(200)]


# Constants from sacreBLEU's own tests (test/test_bleu.py: n-gram statistics; smoothed with "floor" there, so
# only the cases that smoothing does not touch are taken).
def test_sacrebleu_constant_from_statistics():
    counts = np.array([9, 7, 5, 3, 10, 8, 6, 4, 11, 11], dtype=float)
    assert bleu_of_counts(counts) == pytest.approx(83.75922397, abs=1e-6)


@pytest.mark.parametrize(
    "counts",
    [
        [0, 0, 0, 0, 4, 4, 2, 1, 0, 1],
        [0, 0, 0, 0, 10, 11, 12, 0, 14, 10],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 5],
    ],
)
def test_sacrebleu_constants_degenerate(counts):
    with np.errstate(all="raise"):
        assert bleu_of_counts(np.array(counts, dtype=float)) == 0.0


def test_sacrebleu_constants_sentences():
    assert score(["this is a test"], ["this is a test"]).bleu == pytest.approx(100)
    # test/test_chrf.py of sacreBLEU gives beta 3; beta does not matter where precision and recall agree.
    assert score(["a", "b"], ["a", "c"]).chrf == pytest.approx(50.0, abs=1e-4)
    assert score(["a b c"], ["abc"]).chrf == pytest.approx(100.0)
    assert score(["aa"], ["ab"]).chrf == pytest.approx(25.0, abs=1e-4)
    assert score([""], ["reference"]).chrf == 0


def test_bleu_by_hand():
    # 1-grams: the cat sat on mat (5 of 6); 2: 3 of 5; 3: 2 of 4; 4: 1 of 3; and one token short of seven.
    precisions = [Fraction(5, 6), Fraction(3, 5), Fraction(2, 4), Fraction(1, 3)]
    expected = 100 * math.exp(1 - 7 / 6) * math.prod(float(p) for p in precisions) ** 0.25
    assert score(["the cat sat on the mat"], ["the cat sat on a mat today"]).bleu == pytest.approx(expected, abs=1e-9)


def test_bleu_is_of_the_corpus_not_a_mean_of_sentences():
    hyps, refs = ["a b c d e", "x y z w v"], ["a b c d e", "x y q w v"]
    mean = np.mean([score([h], [r]).bleu for h, r in zip(hyps, refs, strict=True)])
    pooled = 100 * (9 / 10 * 6 / 8 * 3 / 6 * 2 / 4) ** 0.25
    assert score(hyps, refs).bleu == pytest.approx(pooled, abs=1e-9)
    assert abs(pooled - mean) > 1


def test_lowercase_and_signature():
    cased, folded = (
        score(["A MAN rides ."], ["a man rides ."]),
        score(["A MAN rides ."], ["a man rides ."], lowercase=True),
    )
    assert cased.bleu < 40
    assert folded.bleu == pytest.approx(100)
    assert (cased.exact_match, folded.exact_match) == (0, 100)
    assert cased.chrf < folded.chrf == pytest.approx(100)
    assert "case:mixed" in cased.signature
    assert "case:lc" in folded.signature
    assert "tok:13a" in cased.signature
    assert "version:" in cased.signature
    assert "case:lc" in folded.chrf_signature
    assert "nc:6|nw:0" in cased.chrf_signature
    assert cased.sentences == 1


def test_exact_match_is_a_percentage_and_ignores_outer_blanks():
    assert exact_match(["a b ", "c", "d", "e"], ["a b", "c", "D", "f"]) == 50.0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=4),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_counts_to_bleu_equals_sacrebleu(pairs, length, reference):
    matched = [min(pair) for pair in pairs]
    total = [max(pair) for pair in pairs]
    for order in range(1, 4):  # a hypothesis without n-grams has no longer ones either
        if total[order - 1] == 0:
            total[order] = matched[order] = 0
    if 0 in total:  # sacreBLEU then takes log 0 as a very small number instead of 0
        assert bleu_of_counts(np.array([*matched, *total, length, reference], dtype=float)) == 0
        return
    expected = BLEU.compute_bleu(list(matched), list(total), length, reference, smooth_method="exp").score
    got = bleu_of_counts(np.array([*matched, *total, length, reference], dtype=float))
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("rate_a", "rate_b"), [(0.2, 0.21), (0.2, 0.3), (0.25, 0.4)])
def test_paired_bootstrap_equals_sacrebleus(references, monkeypatch, rate_a, rate_b):
    monkeypatch.setenv("SACREBLEU_SEED", "777")
    a, b = noisy(1, rate_a, references), noisy(2, rate_b, references)
    test = PairedTest([("a", a), ("b", b)], {"BLEU": BLEU()}, [references], test_type="bs", n_samples=300)
    _, theirs = test()
    ours = paired_bootstrap(a, b, references, n=300, seed=777)
    assert ours.p_value == pytest.approx(theirs["BLEU"][1].p_value, abs=1e-9)
    assert ours.bleu_a == pytest.approx(theirs["BLEU"][0].score, abs=1e-9)
    assert ours.bleu_b == pytest.approx(theirs["BLEU"][1].score, abs=1e-9)
    assert ours.delta == pytest.approx(ours.bleu_b - ours.bleu_a)


def test_confidence_interval_equals_sacrebleus(references):
    hyps = noisy(3, 0.3, references)
    theirs = BLEU().corpus_score(hyps, [references], n_bootstrap=500)
    low, high = confidence_interval(hyps, references, n=500, seed=12345)
    assert (high - low) / 2 == pytest.approx(theirs._ci, rel=0.05)  # they take ranks, we interpolate
    assert low < score(hyps, references).bleu < high


def test_bootstrap_tells_difference_from_chance(references):
    good, same, bad = noisy(1, 0.1, references), noisy(4, 0.1, references), noisy(5, 0.4, references)
    clear = paired_bootstrap(good, bad, references)
    assert clear.delta < 0
    assert clear.interval[1] < 0
    assert clear.p_value < 0.01
    unclear = paired_bootstrap(good, same, references)
    assert unclear.interval[0] < 0 < unclear.interval[1]
    assert unclear.p_value > 0.05
    swapped = paired_bootstrap(bad, good, references)
    assert swapped.delta == pytest.approx(-clear.delta)
    assert swapped.interval == pytest.approx((-clear.interval[1], -clear.interval[0]))


def test_a_system_against_itself_is_chance(references):
    hyps = noisy(1, 0.3, references)
    itself = paired_bootstrap(hyps, hyps, references, n=50)
    assert (itself.delta, itself.interval, itself.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_seed_decides(references):
    a, b = noisy(1, 0.2, references), noisy(2, 0.25, references)
    assert paired_bootstrap(a, b, references, n=50, seed=1) == paired_bootstrap(a, b, references, n=50, seed=1)
    assert paired_bootstrap(a, b, references, n=50, seed=1) != paired_bootstrap(a, b, references, n=50, seed=2)


def test_thousand_resamples_of_thousand_sentences_are_quick(references):
    refs = references * 5
    a, b = noisy(1, 0.2, refs), noisy(2, 0.25, refs)
    started = time.process_time()
    paired_bootstrap(a, b, refs)
    assert time.process_time() - started < 10  # it takes about one


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: score(["a"], ["a", "b"]), ["hypotheses has 1 ", "have 2"]),
        (lambda: score([], []), ["0 hypotheses", "0 references"]),
        (lambda: exact_match(["a", "b", "c"], ["a"]), ["3", "1"]),
        (lambda: paired_bootstrap(["a"], ["a", "b"], ["a"]), ["hyps_b", "2", "1"]),
        (lambda: paired_bootstrap(["a"], ["a"], ["a"], n=0), ["n is 0"]),
        (lambda: confidence_interval(["a"], ["a"], level=95), ["95"]),
        (lambda: score("abc", "abd"), ["list"]),
    ],
)
def test_bad_input_gets_a_sentence(call, words):
    with pytest.raises(CourseError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# Wilson's interval, from R: prop.test(x, n, correct = FALSE)$conf.int * 100.
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(97, 100, 91.548, 98.974), (0, 10, 0.0, 27.754), (10, 10, 72.246, 100.0)]
)
def test_proportion_interval_as_in_r(hits, n, low, high):
    assert proportion_interval(hits, n) == pytest.approx((low, high), abs=2e-3)


def test_proportion_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth, n = 0.93, 200
    found = [proportion_interval(int(hits), n) for hits in rng.binomial(n, truth, 2000)]
    assert 0.93 < np.mean([low <= 100 * truth <= high for low, high in found]) < 0.97


def test_proportion_interval_refuses_the_impossible():
    for hits, n in [(5, 4), (-1, 4), (0, 0)]:
        with pytest.raises(CourseError, match=f"{hits} of {n}"):
            proportion_interval(hits, n)


def test_lines_may_come_as_any_list_of_text():
    lines = ["a b c d e", "f g h i"]
    expected = score(lines, lines)
    assert score((line for line in lines), np.array(lines)) == expected
    assert paired_bootstrap(iter(lines), lines, lines) == paired_bootstrap(lines, lines, lines)


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (["a", None], ["a", "b"], r"Line 2 of hypotheses is no text, but None \(NoneType\)"),
        (["a"], [["a"]], r"Line 1 of references is no text, but \['a'\]"),
        (["a", "b"], ["", " "], r"No reference has any text \(lines: 2\)"),
    ],
)
def test_what_is_no_text_is_named_with_its_line(hypotheses, references, message):
    for function in (score, exact_match, confidence_interval, lambda h, r: paired_bootstrap(h, h, r)):
        with pytest.raises(CourseError, match=message.replace("hypotheses", "(hypotheses|hyps_a)")):
            function(hypotheses, references)


def test_resamples_are_a_number_that_fits():
    for n in (10.0, True):
        with pytest.raises(CourseError, match=f"but n is {n}"):
            paired_bootstrap(["a"], ["a"], ["a"], n=n)
    with pytest.raises(CourseError, match="10,000,000,000,000 resamples of 1 sentences would need about"):
        confidence_interval(["a"], ["a"], n=10**13)
