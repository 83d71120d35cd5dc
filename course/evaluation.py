"""A trained model on every split of the embedded corpus: how often right, with what chance, and on which phenomena."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course.alignment import error_rates
from course.data.embedded import SPLITS, Pair, embedded_pairs
from course.scoring import proportion_interval, score

if TYPE_CHECKING:
    from course.translator import Translator

TEST_SPLITS = tuple(split for split in SPLITS if split not in ("train", "dev"))
ALIGNED_SENTENCES = 100  # a split's alignment error is measured on so many pairs: each is one pass through the model


@dataclass(frozen=True)
class SplitScore:
    """One split. exact_match, its interval (95 %, Wilson) and BLEU run from 0 to 100.

    alignment_error: of each decoder layer's mean head, first layer first; 0 is perfect, 1 is nothing right.
    """

    split: str
    sentences: int
    exact_match: float
    interval: tuple[float, float]
    bleu: float
    alignment_error: tuple[float, ...]
    translations: tuple[str, ...] = field(repr=False)
    signature: str = field(default="", repr=False)  # of BLEU

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values, without the translations."""
        return {
            "split": self.split,
            "sentences": self.sentences,
            "exact_match": round(self.exact_match, 2),
            "interval_95": [round(end, 2) for end in self.interval],
            "bleu": round(self.bleu, 2),
            "alignment_error_by_layer": [round(rate, 4) for rate in self.alignment_error],
        }


def score_split(
    translator: Translator,
    name: str,
    split: str,
    *,
    limit: int | None = None,
    **decoding: Any,  # noqa: ANN401
) -> SplitScore:
    """Translate a split of the embedded corpus `name` and score it. limit: only the first so many sentences.

    decoding: options of `Translator.translate`; greedy search where they say nothing of a beam. Splits without meaning
    trees (the hand-written probes) have no gold alignment, and a model without attention makes none: alignment_error is
    empty then.
    """
    pairs = embedded_pairs(name, split)[:limit]
    found = translator.translate([pair.source for pair in pairs], **{"beam": 1, **decoding})
    lines = [translation.text for translation in found]
    hits = sum(right(line, pair) for line, pair in zip(lines, pairs, strict=True))
    scores = score(lines, [pair.target for pair in pairs])
    aligned = [pair for pair in pairs if pair.meaning is not None][:ALIGNED_SENTENCES]
    errors = error_rates(translator, aligned) if aligned and translator.attention_layers else []
    return SplitScore(
        split, len(pairs), 100 * hits / len(pairs), proportion_interval(hits, len(pairs)), scores.bleu,
        tuple(errors), tuple(lines), scores.signature,
    )  # fmt: skip


def score_splits(
    translator: Translator, name: str, *, splits: Iterable[str] | None = None, limit: int | None = None,
    **decoding: Any,  # noqa: ANN401
) -> list[SplitScore]:  # fmt: skip
    """`score_split` for every test split, in the corpus' own order."""
    chosen = TEST_SPLITS if splits is None else splits
    return [score_split(translator, name, split, limit=limit, **decoding) for split in chosen]


def right(translation: str, pair: Pair) -> bool:
    """Whether a translation is exactly the pair's target."""
    return translation.strip() == pair.target


def by_construction(pairs: Sequence[Pair], translations: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each construction, in how many of the sentences that contain it the whole sentence was right: (hits, n).

    A sentence counts for each of its constructions; the most frequent construction comes first.
    """
    counts: dict[str, tuple[int, int]] = {}
    for pair, translation in zip(pairs, translations, strict=True):
        for construction in sorted(pair.constructions):
            hits, n = counts.get(construction, (0, 0))
            counts[construction] = (hits + right(translation, pair), n + 1)
    return dict(sorted(counts.items(), key=lambda item: (-item[1][1], item[0])))


def table(scores: Sequence[SplitScore]) -> str:
    """The splits as lines of text: percent exactly right with its 95 % interval, BLEU, alignment error by layer."""
    lines = [
        f"{'split':<12} {'sentences':>9} {'exact':>7}   {'95 % interval':<16} {'BLEU':>6}   alignment error by layer"
    ]
    for s in scores:
        low, high = s.interval
        errors = "  ".join(f"{rate:.3f}" for rate in s.alignment_error) or "-"
        interval = f"{low:.1f} to {high:.1f}"
        lines.append(
            f"{s.split:<12} {s.sentences:>9,} {s.exact_match:>6.1f}%   {interval:<16} {s.bleu:>6.1f}   {errors}"
        )
    return "\n".join(lines)


def constructions_table(counts: Mapping[str, tuple[int, int]]) -> str:
    """The constructions as lines of text: in how many sentences each occurs, and percent of these exactly right."""
    lines = [f"{'construction':<16} {'sentences':>9} {'exact':>7}"]
    lines += [f"{name:<16} {n:>9,} {100 * hits / n:>6.1f}%" for name, (hits, n) in counts.items()]
    return "\n".join(lines)
