"""How good a translation is: BLEU, chrF, exact match, alignment error, and how much of a difference is chance.

BLEU (Papineni et al. 2002) and chrF2 (Popović 2015, 2016) are sacreBLEU's (Post 2018), each with the
signature that makes a figure comparable. Resampling is the bootstrap of Koehn (2004, "Statistical
Significance Tests for Machine Translation Evaluation"). Hypotheses and references are plain text, as a person
would read it: sacreBLEU tokenizes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from statistics import NormalDist

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from course.errors import CourseError
from course.memory import require_memory

N_ORDERS = 4  # BLEU counts n-grams of one to four tokens


@dataclass(frozen=True)
class Scores:
    """The scores of one system on one test set; bleu, chrf and exact_match run from 0 to 100."""

    bleu: float
    chrf: float
    exact_match: float
    signature: str
    chrf_signature: str
    sentences: int


@dataclass(frozen=True)
class Bootstrap:
    """Two systems on the same sentences, in BLEU points.

    `delta` is b minus a, `interval` its central 95 % over the resamples. `p_value` is how often chance alone
    would give a difference this large: the smaller, the surer. At .05 or more, the two are not shown to
    differ.
    """

    bleu_a: float
    bleu_b: float
    delta: float
    interval: tuple[float, float]
    p_value: float


def score(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = False) -> Scores:
    """Score translations against one reference each.

    `lowercase` folds case on both sides, in all three scores; say so when reporting (the signature does).
    Exact match is the percentage of hypotheses equal to their reference, blanks at both ends aside.
    Raises CourseError when the lists are empty or differ in length.
    """
    references, hypotheses = _parallel(references, hypotheses=hypotheses)
    bleu, chrf = BLEU(lowercase=lowercase), CHRF(lowercase=lowercase)
    return Scores(
        bleu=bleu.corpus_score(hypotheses, [references]).score,
        chrf=chrf.corpus_score(hypotheses, [references]).score,
        exact_match=exact_match(hypotheses, references, lowercase=lowercase),
        signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
        sentences=len(references),
    )


def exact_match(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool = False) -> float:
    """Percentage of hypotheses equal to their reference, blanks at both ends aside."""
    references, hypotheses = _parallel(references, hypotheses=hypotheses)

    def plain(text: str) -> str:
        return text.strip().lower() if lowercase else text.strip()

    hits = sum(plain(h) == plain(r) for h, r in zip(hypotheses, references, strict=True))
    return 100.0 * hits / len(references)


def paired_bootstrap(
    hyps_a: Sequence[str],
    hyps_b: Sequence[str],
    references: Sequence[str],
    *,
    n: int = 1000,
    seed: int = 12345,
    lowercase: bool = False,
) -> Bootstrap:
    """Compare system b's BLEU with system a's: a difference, or chance (Koehn 2004, section 5).

    Both systems are scored on the same `n` resamples of the test set, drawn with replacement. The p-value is
    sacreBLEU's: with d the resampled |difference|, the share of resamples where d - mean(d) exceeds the
    observed |difference|, counted with one added above and below. It is two-sided, and never exactly zero.
    Raises CourseError when the lists are empty or differ in length, or `n` is not positive.
    """
    references, hyps_a, hyps_b = _parallel(references, hyps_a=hyps_a, hyps_b=hyps_b)
    draws = _draws(len(references), n, seed)
    counts_a = _sentence_counts(hyps_a, references, lowercase)  # (N, 10)
    counts_b = _sentence_counts(hyps_b, references, lowercase)
    bleu_a, bleu_b = (float(bleu_of_counts(c.sum(0))) for c in (counts_a, counts_b))
    difference = bleu_of_counts(draws @ counts_b) - bleu_of_counts(draws @ counts_a)  # (n,)
    size = np.abs(difference)
    # Equal systems differ by exactly 0 in every resample; "exceeds" must then not be read as "never".
    as_large = int(np.sum(size - size.mean() > abs(bleu_b - bleu_a))) if size.any() else n
    return Bootstrap(
        bleu_a=bleu_a,
        bleu_b=bleu_b,
        delta=bleu_b - bleu_a,
        interval=_central(difference, 0.95),
        p_value=(as_large + 1) / (n + 1),
    )


def confidence_interval(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    n: int = 1000,
    seed: int = 12345,
    level: float = 0.95,
    lowercase: bool = False,
) -> tuple[float, float]:
    """Lower and upper end of BLEU's bootstrap interval: how far the choice of test sentences alone moves it.

    Percentile method over `n` resamples of the sentences (Koehn 2004, section 3). Raises CourseError when the
    lists are empty or differ in length, `n` is not positive, or `level` is not between 0 and 1.
    """
    references, hypotheses = _parallel(references, hypotheses=hypotheses)
    counts = _sentence_counts(hypotheses, references, lowercase)
    return bootstrap_interval(bleu_of_counts, counts, n=n, seed=seed, level=level)


def proportion_interval(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a percentage when `hits` of `n` sentences were right (Wilson 1927), from 0 to 100.

    Unlike the plus-or-minus of a normal curve it stays inside 0 to 100, and says something even at 0 or n hits.
    Raises CourseError where hits do not lie between 0 and n, n is not positive, or `level` is not between 0 and 1.
    """
    if not 0 <= hits <= n or n < 1:
        raise CourseError(f"{hits} of {n} sentences cannot be right; give 0 <= hits <= n and n of at least 1.")
    if not 0 < level < 1:
        raise CourseError(f"The level of a confidence interval lies between 0 and 1, but is {level}; try 0.95.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    counts: np.ndarray,
    *,
    n: int = 1000,
    seed: int = 12345,
    level: float = 0.95,
) -> tuple[float, float]:
    """Lower and upper end of the bootstrap interval of any figure that is made of sums over sentences.

    counts: (N, K), a row for each sentence. statistic: from sums (..., K) to figures (...), such as a column divided by
    another for a mean or a share. Columns of two systems give a paired difference. Percentile method over `n` resamples
    of the sentences (Efron & Tibshirani 1993, chapter 13). Raises CourseError when the counts are no such table, `n` is
    not positive, or `level` is not between 0 and 1.
    """
    if counts.ndim != 2 or not len(counts):
        raise CourseError(f"The counts have shape {counts.shape}; give a row for each sentence, and at least one.")
    if not 0 < level < 1:
        raise CourseError(f"The level of a confidence interval lies between 0 and 1, but is {level}; try 0.95.")
    return _central(statistic(_draws(len(counts), n, seed) @ counts), level)


def alignment_error_rate(
    guesses: Sequence[Collection[tuple[int, int]]], golds: Sequence[Collection[tuple[int, int]]]
) -> float:
    """How far word links are from the gold links, over all sentences together: 0 is perfect, 1 nothing right.

    1 - 2 |A and G| / (|A| + |G|), with A the guessed and G the gold links: Och and Ney 2003, section 5, where every
    gold link is sure. Raises CourseError when the lists differ in length or hold no link at all.
    """
    if len(guesses) != len(golds):
        raise CourseError(
            f"{len(guesses)} guessed alignments cannot be scored against {len(golds)} gold ones; give one for each."
        )
    common = sum(len(set(a) & set(g)) for a, g in zip(guesses, golds, strict=True))
    links = sum(len(set(a)) + len(set(g)) for a, g in zip(guesses, golds, strict=True))
    if not links:
        raise CourseError("There is no link in any of the alignments, so there is nothing to score.")
    return 1 - 2 * common / links


def bleu_of_counts(counts: np.ndarray) -> np.ndarray:
    """BLEU, 0 to 100, from counts (..., 10): 4 of matched n-grams, 4 of all n-grams, both lengths.

    The lengths are the hypothesis' and the reference's, in tokens. Brevity penalty times the geometric mean
    of the four precisions (Papineni et al. 2002, section 2.3). An order without a match counts as 1/2, 1/4,
    ... of a match ("exp" smoothing, Chen & Cherry 2014, method 3), as in sacreBLEU's default.
    """
    matched, total = counts[..., :N_ORDERS], counts[..., N_ORDERS : 2 * N_ORDERS]
    length, reference = counts[..., -2], counts[..., -1]
    misses = np.cumsum(matched == 0, axis=-1)
    smoothed = np.where(matched == 0, 0.5**misses, matched)
    precisions = smoothed / np.maximum(total, 1)
    brevity = np.exp(np.minimum(0.0, 1 - reference / np.maximum(length, 1)))
    score = 100 * brevity * np.exp(np.log(precisions).mean(-1))
    # Nothing matched, or hypotheses too short to hold a single 4-gram: sacreBLEU gives 0.
    return np.where(matched.any(-1) & total.all(-1), score, 0.0)


def _sentence_counts(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool) -> np.ndarray:
    """(N, 10) counts per sentence; their sums over any choice of sentences give that choice's BLEU."""
    metric = BLEU(lowercase=lowercase, effective_order=True)  # the counts do not depend on it; it keeps sacreBLEU quiet
    scores = [metric.sentence_score(h, [r]) for h, r in zip(hypotheses, references, strict=True)]
    return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores], dtype=np.float64)


def _draws(sentences: int, n: int, seed: int) -> np.ndarray:
    """(n, sentences): how often each resample draws each sentence; the same draws as sacreBLEU's for this seed."""
    if not isinstance(n, Integral) or isinstance(n, bool):
        raise CourseError(f"A bootstrap needs a whole number of resamples, but n is {n!r}; 1000 is usual.")
    if n < 1:
        raise CourseError(f"A bootstrap needs at least one resample, but n is {n}; 1000 is usual.")
    require_memory(2 * 8 * sentences * n, f"{n:,} resamples of {sentences:,} sentences", "n")
    rows = np.random.default_rng(seed).choice(sentences, size=(n, sentences), replace=True)
    return np.stack([np.bincount(row, minlength=sentences) for row in rows]).astype(np.float64)


def _central(values: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _parallel(references: Iterable[str], **systems: Iterable[str]) -> list[list[str]]:
    """The references and each system's lines as lists of equal length, or what is wrong with them."""
    lists = [_lines(name, lines) for name, lines in {"references": references, **systems}.items()]
    for name, hypotheses in zip(systems, lists[1:], strict=True):
        if len(hypotheses) != len(lists[0]):
            raise CourseError(
                f"There must be one reference for each hypothesis, but {name} has {len(hypotheses)} lines and "
                f"the references have {len(lists[0])}; check that both come from the same split."
            )
    if not lists[0]:
        raise CourseError("There is nothing to score: 0 hypotheses and 0 references.")
    if not any(map(str.strip, lists[0])):
        raise CourseError(
            f"No reference has any text (lines: {len(lists[0]):,}): check that it is the right file or list."
        )
    return lists


def _lines(name: str, lines: Iterable[str]) -> list[str]:
    if isinstance(lines, str):
        raise CourseError(f"{name} is one string; give a list with one string per sentence.")
    found = list(lines)
    for number, line in enumerate(found, 1):
        if not isinstance(line, str):
            raise CourseError(f"Line {number} of {name} is no text, but {line!r} ({type(line).__name__}): give a str.")
    return found
