"""The measurement of lesson 06: translators with four kinds of positions, in and beyond the length of their training.

    python -m course.lessons.lesson_06.experiments                # all of them: ten minutes or so on two cores
    python -m course.lessons.lesson_06.experiments --only rotary  # one of them

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

    Array = np.ndarray[Any, np.dtype[Any]]

CORPUS = "embedded-en-de"
LOG = Path(__file__).parent / "logs" / "positions.jsonl"
KINDS = ("none", "learned", "sinusoidal", "rotary")  # in the order of the lesson's table
# Words of an English sentence; those that were trained on have up to 14.
SPLITS = {"test_iid": "up to 14 words", "longer": "15 to 18", "much_longer": "20 to 30"}
SEEDS = (1,)
STEPS = 900  # updates of a run
SENTENCES = 300  # of each split
KEPT = ("sentences", "exact_match", "interval_95", "bleu")  # of the figures of a split


@dataclass(frozen=True)
class Run:
    """What one trained translator got right.

    Attributes:
        kind: one of `KINDS`.
        seed: where its random numbers began.
        steps: updates.
        val_loss: at its end.
        seconds: of training.
        splits: by split, the figures of `course.evaluation.SplitScore` as plain values.
    """

    kind: str
    seed: int
    steps: int
    val_loss: float
    seconds: float
    splits: Mapping[str, Mapping[str, Any]]

    def percent(self, split: str) -> float:
        """Percent of the sentences of a split that were exactly right."""
        return float(self.splits[split]["exact_match"])

    def interval(self, split: str) -> tuple[float, float]:
        """The 95 % interval of `percent`, which knows of the choice of the sentences and not of the seed."""
        low, high = self.splits[split]["interval_95"]
        return float(low), float(high)

    def bleu(self, split: str) -> float:
        """BLEU on a split, from 0 to 100."""
        return float(self.splits[split]["bleu"])


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


def kinds_table(runs: Sequence[Run]) -> Markup:
    """Show percent exactly right of every run with its interval, and BLEU where hardly a whole sentence is right."""
    last = list(SPLITS)[-1]
    head = ("positions", *SPLITS.values(), f"{SPLITS[last]}: BLEU")
    rows = [
        (kind if n == 0 else "", *map(_with_interval, [run] * len(SPLITS), SPLITS), f"{run.bleu(last):.1f}")
        for kind in KINDS
        for n, run in enumerate(of_kind(runs, kind))
    ]
    sentences = runs[0].splits[last]["sentences"]
    caption = f"% of {sentences} sentences exactly right after {runs[0].steps} updates, and the 95 % interval"
    return rows_table(head, rows, caption)


def _with_interval(run: Run, split: str) -> str:
    low, high = run.interval(split)
    return f"{run.percent(split):.1f}  ({low:.1f} to {high:.1f})"


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
    training = replace(preset.training, minutes=None, max_steps=steps, seed=seed)
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
    from course.evaluation import score_splits
    from course.training import train
    from course.translator import Translator

    preset, training = settings(kind, seed, steps=steps)
    result = train(
        folder, train_text, val_text, model_options=dict(preset.model), training=training, vocab_size=preset.vocab_size,
        overwrite=True, corpus={"name": train_text.name},
    )  # fmt: skip
    found = score_splits(Translator.load(folder), CORPUS, splits=SPLITS, limit=sentences)
    splits = {each.split: {name: each.to_dict()[name] for name in KEPT} for each in found}
    return Run(kind, seed, result.steps, round(result.loss, 4), round(result.seconds), splits)


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
