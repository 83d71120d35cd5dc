"""The measurement of lesson 06: translators with four kinds of positions, in and beyond the length of their training.

    python -m course.lessons.lesson_06.experiments                          # all of them: some 40 minutes of one core
    python -m course.lessons.lesson_06.experiments --only rotary --seeds 1  # one of them

trains the translator of lesson 12 (embedded corpus, English to German, preset 3min) once for each kind and seed, with
the same number of updates, and keeps what each got right in `logs/positions.jsonl`. The lesson reads that file,
because not every reader has the time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table

if TYPE_CHECKING:
    from course.data import ParallelText
    from course.training import Preset, TrainingConfig
    from course.translator import Translator

    Array = np.ndarray[Any, np.dtype[Any]]

CORPUS = "embedded-en-de"
LOG = Path(__file__).parent / "logs" / "positions.jsonl"
KINDS = ("none", "learned", "sinusoidal", "rotary")  # in the order of the lesson's table
SPLITS = ("test_iid", "longer", "much_longer")
SEEDS = (1, 2)
STEPS = 600  # updates of a run
SENTENCES = 300  # of each split
TRAINED = 14  # words of the longest English sentence that was trained on


@dataclass(frozen=True)
class Run:
    """What one trained translator got right.

    Attributes:
        kind: one of `KINDS`.
        seed: where its random numbers began.
        steps: updates.
        val_loss: at its end.
        seconds: of training.
        right: by split, for each length of the English sentence in words: (words, exactly right, sentences).
        bleu: by split, from 0 to 100.
    """

    kind: str
    seed: int
    steps: int
    val_loss: float
    seconds: float
    right: Mapping[str, Sequence[Sequence[int]]]
    bleu: Mapping[str, float]

    def hits(self, split: str) -> tuple[int, int]:
        """How many sentences of a split were exactly right, and of how many."""
        _, hits, sentences = np.array(self.right[split]).sum(axis=0)
        return int(hits), int(sentences)

    def percent(self, split: str) -> float:
        """Percent of the sentences of a split that were exactly right."""
        hits, sentences = self.hits(split)
        return 100 * hits / sentences


# --- two tests of positions -------------------------------------------------------------------------------------

MOVED_ON, EXCHANGED = 30, (1, 4)  # places that a sentence moves on; the two words that change places


def moved_on_and_exchanged(scores: Callable[..., Array], x: Array, **how: Any) -> tuple[float, float]:  # noqa: ANN401
    """Return how far scores move at most if a sentence stands 30 places later, and if two words change places.

    Args:
        scores: from words (..., T, d) and the place of the first one, `start`, to scores (..., T, T).
        x: (..., T, d) words, five or more.
        how: whatever else `scores` takes.

    Returns:
        The largest move of a score for each; where words change places, each score is compared with that of the same
        two words before.
    """
    order = np.arange(x.shape[-2])
    order[list(EXCHANGED)] = order[list(EXCHANGED)[::-1]]
    before = scores(x, **how)
    by_order = scores(x[..., order, :], **how) - before[..., order, :][..., order]
    return float(np.abs(scores(x, start=MOVED_ON, **how) - before).max()), float(np.abs(by_order).max())


# --- reading what was kept --------------------------------------------------------------------------------------


def read_runs(path: Path = LOG) -> list[Run]:
    """Return the kept runs, by kind and seed.

    Raises:
        CourseError: where none are kept.
    """
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_06.experiments` to make it.")
    return [Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def of_kind(runs: Iterable[Run], kind: str) -> list[Run]:
    """Return the runs of one kind."""
    return [run for run in runs if run.kind == kind]


def mean_percent(runs: Iterable[Run], kind: str, split: str) -> float:
    """Percent exactly right, mean over the runs of a kind."""
    return float(np.mean([run.percent(split) for run in of_kind(runs, kind)]))


def mean_bleu(runs: Iterable[Run], kind: str, split: str) -> float:
    """BLEU, mean over the runs of a kind."""
    return float(np.mean([run.bleu[split] for run in of_kind(runs, kind)]))


def kinds_table(runs: Sequence[Run], splits: Mapping[str, str]) -> Markup:
    """Show percent exactly right of every run; splits: a caption by the name of a split. The last column is BLEU.

    BLEU is that of the last split, where whole sentences are hardly ever right.
    """
    last = list(splits)[-1]
    head = ("positions", *splits.values(), f"{splits[last]}: BLEU")
    rows = []
    for kind in KINDS:
        each = of_kind(runs, kind)
        shares = [", ".join(f"{run.percent(split):.1f}" for run in each) for split in splits]
        rows.append((kind, *shares, ", ".join(f"{run.bleu[last]:.1f}" for run in each)))
    n, steps = len(of_kind(runs, KINDS[0])), runs[0].steps
    trainings = f"{n} trainings" if n > 1 else "one training"
    return rows_table(head, rows, f"% exactly right, {trainings} of {steps} updates for each kind")


def by_length(runs: Iterable[Run], kind: str, bins: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return for each bin (first, last number of words) the sentences exactly right, and all, over a kind's runs."""
    rows = np.array([row for run in of_kind(runs, kind) for split in SPLITS for row in run.right[split]])
    found = []
    for first, last in bins:
        inside = rows[(rows[:, 0] >= first) & (rows[:, 0] <= last)]
        found.append((int(inside[:, 1].sum()), int(inside[:, 2].sum())))
    return found


# --- making it again --------------------------------------------------------------------------------------------


def settings(kind: str, seed: int, *, steps: int = STEPS) -> tuple[Preset, TrainingConfig]:
    """Return the three-minute preset with positions of a kind, and its training from a seed.

    Raises:
        CourseError: for an unknown kind.
    """
    from course.training import PRESETS

    if kind not in KINDS:
        raise CourseError(f"There are no positions called {kind!r} here; there are {', '.join(KINDS)}.")
    preset = PRESETS["3min"]
    training = replace(preset.training, minutes=None, max_steps=steps, seed=seed, validations=1)
    return replace(preset, model={**preset.model, "positions": kind}), training


def train_kind(
    kind: str,
    seed: int,
    folder: Path,
    train_text: ParallelText,
    val_text: ParallelText,
    *,
    steps: int = STEPS,
    sentences: int = SENTENCES,
) -> Run:
    """Train a translator with positions of a kind in a folder, and score it."""
    from course.training import train
    from course.translator import Translator

    preset, training = settings(kind, seed, steps=steps)
    result = train(
        folder, train_text, val_text, model_options=dict(preset.model), training=training, vocab_size=preset.vocab_size,
        overwrite=True, corpus={"name": train_text.name},
    )  # fmt: skip
    found = {split: _scored(Translator.load(folder), split, sentences) for split in SPLITS}
    return Run(
        kind, seed, result.steps, round(result.loss, 4), round(result.seconds),
        right={split: rows for split, (rows, _) in found.items()}, bleu={split: b for split, (_, b) in found.items()},
    )  # fmt: skip


def _scored(translator: Translator, split: str, sentences: int) -> tuple[list[list[int]], float]:
    """Return (words, exactly right, sentences) for each length of a split, and its BLEU; greedy search."""
    from course.data.embedded import embedded_pairs
    from course.evaluation import right
    from course.scoring import score

    pairs = embedded_pairs(CORPUS, split)[:sentences]
    said = [found.text for found in translator.translate([pair.source for pair in pairs], beam=1)]
    counts: dict[int, list[int]] = {}
    for pair, text in zip(pairs, said, strict=True):
        row = counts.setdefault(len(pair.source.split()), [0, 0])
        row[0] += right(text, pair)
        row[1] += 1
    return [[words, *row] for words, row in sorted(counts.items())], round(
        score(said, [pair.target for pair in pairs]).bleu, 2
    )


def keep(run: Run, path: Path = LOG) -> None:
    """Put a run among the kept ones, in the place of an older one of its kind and seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    others = read_runs(path) if path.is_file() else []
    kept = [other for other in others if (other.kind, other.seed) != (run.kind, run.seed)] + [run]
    kept.sort(key=lambda each: (KINDS.index(each.kind), each.seed))
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in kept), encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score and keep what the command line asks for."""
    from course.data import load_corpus

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_06.experiments", description=(__doc__ or "").split("\n")[0]
    )
    kinds = ", ".join(KINDS)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, metavar="KIND", help=f"some of {kinds}")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="where the random numbers begin")
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of each training (default: %(default)s)")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="of each split (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOG, help="the file that keeps them")
    asked = parser.parse_args(arguments)
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")
    for seed in asked.seeds:
        for kind in asked.only:
            with tempfile.TemporaryDirectory() as scratch:
                sizes = {"steps": asked.steps, "sentences": asked.sentences}
                run = train_kind(kind, seed, Path(scratch) / kind, *texts, **sizes)
            keep(run, asked.to)
            shares = ", ".join(f"{split} {run.percent(split):.1f} %" for split in SPLITS)
            print(f"{kind}, seed {seed}: {shares}", flush=True)


if __name__ == "__main__":
    main()
