"""Known wrong versions of bleu, and the question that leads out of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_11 import reference

Words = Sequence[str]
Grams = Counter[tuple[str, ...]]


def _grams(words: Words, n: int) -> Grams:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _clipped(ours: Grams, theirs: Grams) -> int:
    return sum(min(count, theirs[gram]) for gram, count in ours.items())


def _brevity(length: int, wanted: int) -> float:
    return min(0.0, 1 - wanted / length)


def _geometric(shares: list[float], N: int) -> float:
    return math.exp(sum(math.log(share) for share in shares) / N)


def _bleu(
    matches: Callable[[Grams, Grams], float] = _clipped,
    *,
    grams: Callable[[Words, int], Grams] = _grams,
    below: Callable[[Grams, Grams], int] = lambda ours, theirs: sum(ours.values()),
    brevity: Callable[[int, int], float] = _brevity,
    mean: Callable[[list[float], int], float] = _geometric,
    orders: Callable[[int], range] = lambda N: range(1, N + 1),
    smooth: float = 0.0,
    zero: Callable[[list[float]], bool] = lambda matched: min(matched, default=0) == 0,
    times: float = 1.0,
) -> Function:
    """Return bleu with a step of another kind."""

    def bleu(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
        matched, total = [0.0 for _ in orders(N)], [0 for _ in orders(N)]
        for hyp, ref in zip(hyps, refs, strict=True):
            for at, n in enumerate(orders(N)):
                ours, theirs = grams(hyp, n), grams(ref, n)
                matched[at] += matches(ours, theirs)
                total[at] += below(ours, theirs)
        if zero(matched) and not smooth:
            return 0.0
        shares = [(m + smooth) / max(t + smooth, 1) for m, t in zip(matched, total, strict=True)]
        length, wanted = sum(map(len, hyps)), sum(map(len, refs))
        return times * math.exp(brevity(length, wanted)) * mean(shares, len(shares))

    return bleu


def _mean_of_sentences(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    each = [reference.bleu([hyp], [ref], N) for hyp, ref in zip(hyps, refs, strict=True)]
    return sum(each) / len(each)


def _mean_of_shares(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    """Average each precision over the sentences instead of adding up counts."""
    shares = []
    for n in range(1, N + 1):
        each = [
            _clipped(_grams(hyp, n), _grams(ref, n)) / max(len(hyp) - n + 1, 1)
            for hyp, ref in zip(hyps, refs, strict=True)
        ]
        shares.append(sum(each) / len(each))
    if min(shares) == 0:
        return 0.0
    length, wanted = sum(map(len, hyps)), sum(map(len, refs))
    return math.exp(_brevity(length, wanted)) * _geometric(shares, N)


def _as_one_text(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    """Join all sentences to one."""
    return reference.bleu([[w for h in hyps for w in h]], [[w for r in refs for w in r]], N)


def _effective(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    """Leave out the orders for which there is nothing to count."""
    longest = max([len(hyp) for hyp in hyps], default=0)
    return reference.bleu(hyps, refs, max(min(N, longest), 1))


def _matched_orders_only(shares: list[float], N: int) -> float:
    some = [share for share in shares if share > 0]
    return _geometric(some, len(some)) if some else 0.0


def _merged(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    """Count the n-grams of all sentences together, and clip these counts."""
    shares = []
    for n in range(1, N + 1):
        ours, theirs = (sum((_grams(words, n) for words in side), Counter()) for side in (hyps, refs))
        shares.append(_clipped(ours, theirs) / max(sum(ours.values()), 1))
    if min(shares) == 0:
        return 0.0
    length, wanted = sum(map(len, hyps)), sum(map(len, refs))
    return math.exp(_brevity(length, wanted)) * _geometric(shares, N)


def _penalty_added(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    plain = _bleu(brevity=lambda length, wanted: 0.0)(hyps, refs, N)
    return float(plain + math.exp(_brevity(sum(map(len, hyps)), sum(map(len, refs)))))


def _sentences_counted(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    plain = _bleu(brevity=lambda length, wanted: 0.0)(hyps, refs, N)
    return float(plain * math.exp(_brevity(len(hyps), sum(map(len, refs)))))


def _a_trace(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    """Add a trace above the line, so that no logarithm fails."""
    return float(
        _bleu(
            mean=lambda shares, N: _geometric([share + 1e-9 for share in shares], N),
            below=lambda ours, theirs: sum(ours.values()),
            zero=lambda matched: False,
        )(hyps, refs, N)
    )


def _brevity_by_sentence(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    plain = _bleu(brevity=lambda length, wanted: 0.0)(hyps, refs, N)
    each = [math.exp(_brevity(max(len(h), 1), len(r))) for h, r in zip(hyps, refs, strict=True)]
    return float(plain * sum(each) / len(each))


def _with_marks(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    marked = [[["<s>", *words, "</s>"] for words in side] for side in (hyps, refs)]
    return reference.bleu(marked[0], marked[1], N)


def _with_end(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
    marked = [[[*words, "</s>"] for words in side] for side in (hyps, refs)]
    return reference.bleu(marked[0], marked[1], N)


def _unique(words: Words, n: int) -> Grams:
    return Counter(set(_grams(words, n)))


def _one_too_few(words: Words, n: int) -> Grams:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n))


def _one_too_many(words: Words, n: int) -> Grams:
    return Counter(tuple(words[i : i + n]) for i in range(len(words)))


def _bags(words: Words, n: int) -> Grams:
    return Counter(tuple(sorted(words[i : i + n])) for i in range(len(words) - n + 1))


def _by_text(change: Callable[[str], Any]) -> Function:
    def bleu(hyps: Sequence[Words], refs: Sequence[Words], N: int = 4) -> float:
        return reference.bleu([list(change(" ".join(h))) for h in hyps], [list(change(" ".join(r))) for r in refs], N)

    return bleu


BLEU = (
    Mistake(
        "clipped-over-corpus",
        "clipped over the whole corpus",
        "You clip over the whole corpus, so that a word is right if it stands in another sentence's reference. Whose "
        "reference may a sentence use?",
        (_merged,),
    ),
    Mistake(
        "other-logarithm",
        "another logarithm",
        "Your logarithms have another base than math.exp. Which logarithm does exp undo?",
        (
            _bleu(mean=lambda shares, N: math.exp(sum(math.log10(share) for share in shares) / N)),
            _bleu(mean=lambda shares, N: math.exp(sum(math.log2(share) for share in shares) / N)),
        ),
    ),
    Mistake(
        "penalty-added",
        "the penalty is added",
        "You add the brevity penalty to the mean of the precisions. What does the formula do with the two?",
        (_penalty_added,),
    ),
    Mistake(
        "larger-count",
        "the larger of the two counts",
        "An n-gram counts as often as it stands in the text that has it more often. Which of the two counts is the "
        "limit?",
        (_bleu(lambda ours, theirs: sum(max(count, theirs[gram]) for gram, count in ours.items())),),
    ),
    Mistake(
        "sentences-as-length",
        "the number of sentences as length",
        "The length of your translations is the number of sentences. What does the brevity penalty count?",
        (_sentences_counted,),
    ),
    Mistake(
        "always-zero",
        "always 0",
        "Your score is 0 even where words are right. Which of your N counts is never added to: do your n-grams reach "
        "N?",
        (lambda hyps, refs, N=4: 0.0,),
    ),
    Mistake(
        "T07",
        "counts are not clipped",
        "A word that you repeat counts as often as you repeat it. How often does it stand in the reference?",
        (
            _bleu(lambda ours, theirs: sum(count * (gram in theirs) for gram, count in ours.items())),
            _bleu(lambda ours, theirs: sum(theirs[gram] for gram in ours)),
        ),
    ),
    Mistake(
        "each-n-gram-once",
        "each n-gram counts once",
        "An n-gram that stands there twice counts once in yours. Does it count twice if the reference has it twice?",
        (
            _bleu(grams=_unique),
            _bleu(lambda ours, theirs: len(set(ours) & set(theirs))),
            _bleu(lambda ours, theirs: len(set(ours) & set(theirs)), below=lambda ours, theirs: len(ours)),
        ),
    ),
    Mistake(
        "T09",
        "the brevity penalty the wrong way round",
        "Your penalty makes long translations worse, and short ones get away. Which of the two lengths stands above "
        "the line?",
        (
            _bleu(brevity=lambda length, wanted: min(0.0, 1 - length / wanted)),
            _bleu(brevity=lambda length, wanted: max(0.0, 1 - wanted / length)),
        ),
    ),
    Mistake(
        "penalty-both-ways",
        "long translations are rewarded or punished too",
        "Your factor is not 1 for translations that are long enough. For which ones is there a penalty?",
        (
            _bleu(brevity=lambda length, wanted: 1 - wanted / length),
            _bleu(brevity=lambda length, wanted: -abs(1 - wanted / length)),
        ),
    ),
    Mistake(
        "no-brevity-penalty",
        "no brevity penalty",
        "A translation of one sure word is perfect by your count. What keeps a translation from being too short, and "
        "do your two lengths count words?",
        (_bleu(brevity=lambda length, wanted: 0.0),),
    ),
    Mistake(
        "plain-ratio",
        "the ratio of the lengths as penalty",
        "Your penalty is the quotient of the lengths, or an exponent is missing. What does the formula do with the "
        "quotient?",
        (
            _bleu(brevity=lambda length, wanted: math.log(min(1.0, length / wanted))),
            _bleu(brevity=lambda length, wanted: min(0.0, length - wanted) / wanted),
        ),
    ),
    Mistake(
        "T11",
        "the mean of sentence scores",
        "You score sentence by sentence and take the mean, so that one sentence without a match of four words is 0. "
        "What has to be added up over the corpus first?",
        (_mean_of_sentences,),
    ),
    Mistake(
        "mean-of-precisions-by-sentence",
        "precisions are averaged over sentences",
        "Your precisions are means over sentences: a short one counts as much as a long one. What is added up over the "
        "corpus before anything is divided?",
        (_mean_of_shares,),
    ),
    Mistake(
        "penalty-by-sentence",
        "the brevity penalty sentence by sentence",
        "Your brevity penalty is a mean over sentences. May one sentence be short if another one is longer?",
        (_brevity_by_sentence,),
    ),
    Mistake(
        "one-text",
        "all sentences joined to one",
        "Your n-grams reach from one sentence into the next, or a word is found in another sentence's reference. Where "
        "do n-grams end?",
        (_as_one_text,),
    ),
    Mistake(
        "T13",
        "begin and end marks are counted",
        "Your sentences have marks at their ends that match for nothing. What has to be taken off before counting?",
        (_with_marks, _with_end),
    ),
    Mistake(
        "arithmetic-mean",
        "the plain mean of the precisions",
        "You take the plain mean of the precisions. Which mean is 0 as soon as one of them is?",
        (
            _bleu(mean=lambda shares, N: sum(shares) / N, zero=lambda matched: max(matched) == 0),
            _bleu(mean=lambda shares, N: sum(shares) / N),
        ),
    ),  # fmt: skip
    Mistake(
        "no-root",
        "the product without a root",
        "Your precisions are multiplied, and that is all. A mean of four equal numbers is that number: what is "
        "missing?",
        (
            _bleu(mean=lambda shares, N: math.prod(shares)),
            _bleu(
                mean=lambda shares, N: (
                    math.exp(sum(math.log(share) for share in shares) / 4) if N != 4 else math.prod(shares)
                )
            ),
        ),
    ),  # fmt: skip
    Mistake(
        "only-the-longest",
        "only the longest n-grams",
        "You count n-grams of one length alone. Which lengths does N ask for?",
        (_bleu(orders=lambda N: range(N, N + 1)), _bleu(orders=lambda N: range(1, 2))),
    ),
    Mistake(
        "orders-off-by-one",
        "one length too few or too many",
        "Your n-grams run to N - 1 or to N + 1. Where does range stop?",
        (
            _bleu(orders=lambda N: range(1, N)),
            _bleu(orders=lambda N: range(1, N), zero=lambda matched: min(matched) == 0),
            _bleu(
                orders=lambda N: range(1, N),
                zero=lambda matched: min(matched, default=1) == 0,
                mean=lambda shares, n: math.exp(sum(math.log(share) for share in shares) / (n + 1)),
            ),
            _bleu(orders=lambda N: range(1, max(N, 2))),
            _bleu(orders=lambda N: range(2, N + 1)),
            _bleu(orders=lambda N: range(1, N + 2)),
        ),
    ),
    Mistake(
        "always-four",
        "N is ignored",
        "Your n-grams run to 4 whatever N is. Is the argument used?",
        (lambda hyps, refs, N=4: reference.bleu(hyps, refs, 4),),
    ),
    Mistake(
        "recall",
        "divides by the reference's n-grams",
        "Below the line stand the n-grams of the references. Of what is precision a share?",
        (_bleu(below=lambda ours, theirs: sum(theirs.values())),),
    ),
    Mistake(
        "exchanged",
        "hypotheses and references exchanged",
        "You count the references against the hypotheses. Whose n-grams stand below the line, and who pays for being "
        "short?",
        (lambda hyps, refs, N=4: reference.bleu(refs, hyps, N),),
    ),
    Mistake(
        "last-n-gram-missing",
        "the last n-gram is missing",
        "The last n-gram of every sentence is missing from your counts. How many n-grams has a sentence of n words?",
        (_bleu(grams=_one_too_few),),
    ),
    Mistake(
        "stumps",
        "stumps at the end are counted",
        "At a sentence's end you count pieces of fewer than n words. Where does the last n-gram begin?",
        (_bleu(grams=_one_too_many),),
    ),
    Mistake(
        "no-order",
        "n-grams without their order",
        "Your n-grams match in any order. Is *needle sharp* the same as *sharp needle*?",
        (_bleu(grams=_bags),),
    ),
    Mistake(
        "smoothed",
        "smoothed",
        "You add something to the counts, so that nothing is ever 0. That is called smoothing: does the exercise ask "
        "for it?",
        (_bleu(smooth=1.0), _bleu(smooth=0.1), _a_trace),
    ),
    Mistake(
        "leaves-orders-out",
        "orders without a match are left out",
        "You leave out the lengths for which there is nothing, so that three right words are perfect. What is a "
        "product "
        "with a factor of 0?",
        (_effective, _bleu(mean=_matched_orders_only, zero=lambda matched: max(matched) == 0)),
    ),
    Mistake(
        "hundred",
        "from 0 to 100",
        "Your scale runs to 100, as sacreBLEU's does. Which one does the exercise ask for?",
        (_bleu(times=100.0),),
    ),
    Mistake(
        "characters",
        "characters instead of words",
        "You count characters. Of what are the lists made?",
        (_by_text(list), _by_text(lambda text: text.replace(" ", ""))),
    ),
    Mistake(
        "case-folded",
        "capitals do not count",
        "In your count *Spitze* and *spitze* are the same word. Who has asked for that?",
        (_by_text(lambda text: text.lower().split()),),
    ),
)
