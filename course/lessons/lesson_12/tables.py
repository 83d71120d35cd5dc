"""The tables of lesson 12: splits, pieces, scores, constructions, doubtful translations, ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.data.embedded import Pair, embedded_pairs
from course.evaluation import SplitScore, right
from course.lab.drawing import Markup, rows_table
from course.lab.widgets.dashboard import changed_words
from course.lessons.lesson_12.ablations import ABLATIONS, SPLITS, Score, exact
from course.lessons.lesson_12.assembly import OwnPieces, rows_of_pieces

if TYPE_CHECKING:
    from course.lessons.lesson_12.trials import Plan, Trial
    from course.translator import Translation

    Array = np.ndarray[Any, np.dtype[Any]]

FEWEST = 30  # sentences with a construction, below which its share is too uncertain to be called among the worst


def splits_table(corpus: str, about: Mapping[str, str], *, example: int = 4) -> Markup:
    """Return how many pairs each split has, how long they are, what is new in it, and one of its sentences."""
    rows = []
    for split, text in about.items():
        pairs = embedded_pairs(corpus, split)
        lengths = [pair.length for pair in pairs]
        rows.append((split, f"{len(pairs):,}", f"{min(lengths)} to {max(lengths)}", text, pairs[example].source))
    return rows_table(("split", "pairs", "words", "what is new in it", "for example"), rows)


def pieces_table(pieces: OwnPieces) -> Markup:
    """Return whose part is whose, in the order in which a sentence meets the pieces."""
    head, *rows = rows_of_pieces(pieces)
    return rows_table(head, rows)


def plan_table(plan: Plan) -> Markup:
    """Return which pieces training runs on, and what an update takes on each of the learner's, all others reference."""
    if not plan.trials:
        said = "the package's own model: none of the pieces that training runs on is yours yet"
        return rows_table(("trained is", "updates"), [(said, f"{plan.training.max_steps:,}")])
    rows = [
        (trial.exercise, _whose(trial), f"{trial.times:.2f} times" if trial.times > 0 else "") for trial in plan.trials
    ]
    return rows_table(("piece", "whose is trained", "an update takes, against the reference"), rows)


def _whose(trial: Trial) -> str:
    if trial.why:
        return f"the reference (yours {trial.why})"
    return "yours" if trial.called else "yours, and nothing here calls it"


def ten_sentences(wanted: Mapping[str, str], found: Sequence[str]) -> Markup:
    """Return sentences with their translations, and what they should be where they are something else."""
    rows = [
        (source, text, "right" if text == gold else f"should be: {gold}")
        for (source, gold), text in zip(wanted.items(), found, strict=True)
    ]
    return rows_table(("English", "translation", ""), rows)


def scores_table(scores: Sequence[SplitScore]) -> Markup:
    """Return percent exactly right on each split with its 95 % interval, BLEU, and alignment error by layer."""
    rows = [
        (
            score.split,
            f"{score.sentences:,}",
            f"{score.exact_match:.1f} %",
            f"{score.interval[0]:.1f} to {score.interval[1]:.1f}",
            f"{score.bleu:.1f}",
            "  ".join(f"{rate:.3f}" for rate in score.alignment_error) or "none",
        )
        for score in scores
    ]
    head = ("split", "sentences", "exactly right", "95 % interval", "BLEU", "alignment error by layer")
    return rows_table(head, rows)


def matched_table(
    names: Sequence[str], contains: Array, is_right: Array, lengths: Array, *, accuracy: Array, worst: int = 3
) -> Markup:
    """Return the worst constructions beside sentences of the same lengths that do not contain them.

    Args:
        names: of the C constructions.
        contains: (N, C) booleans: sentence n contains construction c.
        is_right: (N,) booleans: its translation is exactly right.
        lengths: (N,) numbers of words.
        accuracy: (C,) shares of right ones among the sentences with each construction.
        worst: how many constructions.
    """
    counts = contains.sum(axis=0)
    rows = []
    for c in np.argsort(np.where(counts >= FEWEST, accuracy, np.inf), kind="stable")[:worst]:
        here = lengths[contains[:, c]]
        others = {n: is_right[~contains[:, c] & (lengths == n)] for n in set(here.tolist())}
        matched = [others[n].mean() for n in here.tolist() if len(others[n])]
        without = f"{100 * np.mean(matched):.1f} %" if matched else "none"
        rows.append((names[c].replace("_", " "), f"{100 * accuracy[c]:.1f} %", without))
    return rows_table(("construction", "right", "right without it, at the same lengths"), rows)


def least_sure(found: Sequence[Translation], pairs: Sequence[Pair], *, shown: int = 10) -> Markup:
    """Return the translations of which the model was least sure; words that gold lacks stand in brackets.

    The caption says how many are wrong in the least sure tenth and in the rest.
    """
    order = sorted(range(len(pairs)), key=lambda i: found[i].score)
    rows = []
    for i in order[:shown]:
        words = changed_words(pairs[i].target, found[i].text)
        marked = " ".join(f"[{text}]" if new else text for text, new in words)
        gold = "the same" if right(found[i].text, pairs[i]) else pairs[i].target
        rows.append((f"{found[i].score:.2f}", pairs[i].source, marked, gold))
    tenth = max(1, len(pairs) // 10)
    wrong = [
        100 * np.mean([not right(found[i].text, pairs[i]) for i in part]) for part in (order[:tenth], order[tenth:])
    ]
    caption = f"Wrong in the least sure tenth: {wrong[0]:.0f} %. In the rest: {wrong[1]:.1f} %."
    return rows_table(("score", "English", "translation", "gold"), rows, caption)


def ablations_table(scores: Mapping[str, Score], splits: Sequence[str] = SPLITS) -> Markup:
    """Return percent exactly right of each ablation on each split, and the alignment error of its last layer."""
    rows = [
        (
            ABLATIONS[name].label,
            *(f"{exact(score, split):.1f} %" for split in splits),
            f"{score['splits'][splits[0]]['alignment_error_by_layer'][-1]:.3f}",
        )
        for name, score in scores.items()
    ]
    return rows_table(("", *splits, "alignment error"), rows)
