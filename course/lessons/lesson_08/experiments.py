"""The measurement of lesson 08: broken Transformers learn to write words backward, and what each came to.

    python -m course.lessons.lesson_08.experiments                   # all of them: about six minutes on two cores
    python -m course.lessons.lesson_08.experiments --only "no mask"    # one of them

trains a sound Transformer and each of `broken.BROKEN` on the task of `reversal`, with the same words and as many
updates, and keeps in `logs/broken.jsonl` how each did with teacher forcing and how it wrote by itself. The lesson
reads that file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table

LOG = Path(__file__).parent / "logs" / "broken.jsonl"
SEEDS = (1, 2)
STEPS = 800  # updates of a run
WORDS = 500  # written backward by each model after its training


@dataclass(frozen=True)
class Run:
    """What one Transformer learned.

    Attributes:
        model: its name in `broken.BROKEN`, or "sound".
        seed: where its weights began.
        steps: updates.
        loss: mean of the last 50 updates, in nats a letter, with teacher forcing.
        letters: percent of letters that it guesses right with teacher forcing, in evaluation mode, in new words.
        words: percent of new words that it writes backward by itself without a mistake.
        seconds: of processor time, for its training.
    """

    model: str
    seed: int
    steps: int
    loss: float
    letters: float
    words: float
    seconds: float


def read_runs(path: Path = LOG) -> list[Run]:
    """Return the kept runs, a sound model's first.

    Raises:
        CourseError: where none are kept.
    """
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_08.experiments` to make it.")
    return [Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def of_model(runs: Sequence[Run], model: str) -> list[Run]:
    """Return the runs of one model."""
    return [run for run in runs if run.model == model]


def trained_table(runs: Sequence[Run], models: Sequence[str]) -> Markup:
    """Show what some models came to, the runs of each side by side."""
    rows = [
        (
            model,
            _side_by_side([f"{run.loss:.3f}" for run in of_model(runs, model)]),
            _side_by_side([f"{run.letters:.0f}" for run in of_model(runs, model)]),
            _side_by_side([f"{run.words:.0f}" for run in of_model(runs, model)]),
        )
        for model in models
    ]
    head = ("Transformer", "loss in training", "% of letters, right ones before", "% of words, written alone")
    return rows_table(head, rows, f"after {runs[0].steps} updates, two trainings each; letters and words are new ones")


def words_right(runs: Sequence[Run]) -> dict[str, str]:
    """Return in words what each model came to, the runs side by side."""
    found = {}
    for model in dict.fromkeys(run.model for run in runs):
        of = of_model(runs, model)
        losses, words = ([f"{each:{form}}" for each in figures] for figures, form in (
            ([run.loss for run in of], ".3f"), ([run.words for run in of], ".0f")))  # fmt: skip
        found[model] = f"loss {_side_by_side(losses)}; {_side_by_side(words)} % of words"
    return found


def _side_by_side(figures: Sequence[str]) -> str:
    return ", ".join(figures)


# --- making it again --------------------------------------------------------------------------------------------


def names() -> list[str]:
    """Return the names of all models, the sound one first."""
    from course.lessons.lesson_08.broken import BROKEN

    return ["sound", *BROKEN]


def run(model: str, seed: int, steps: int = STEPS) -> Run:
    """Train one model and look at what it can do."""
    import torch

    from course.lessons.lesson_08 import broken, reversal

    made = broken.make(model, *reversal.SIZES, seed=seed)
    begun = time.process_time()
    losses = reversal.train(made, steps, seed=seed)
    seconds = time.process_time() - begun
    made.eval()
    parts = [reversal.draw(100, torch.Generator().manual_seed(2017 + i)) for i in range(WORDS // 100)]
    letters = sum(reversal.percent_of_letters(made, part) for part in parts) / len(parts)
    words = sum(reversal.percent_right(made, part) for part in parts) / len(parts)
    last = losses[-50:]
    return Run(
        model, seed, steps, round(sum(last) / len(last), 4), round(letters, 2), round(words, 2), round(seconds, 1)
    )


def keep(new: Run, path: Path) -> None:
    """Write a run into the file, in the place of an older one of the same model and seed."""
    old = read_runs(path) if path.is_file() else []
    kept = [each for each in old if (each.model, each.seed) != (new.model, new.seed)] + [new]
    order = names()
    kept.sort(key=lambda each: (order.index(each.model), each.seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(asdict(each))}\n" for each in kept), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, look, keep: the command of this module."""
    parser = argparse.ArgumentParser(prog="python -m course.lessons.lesson_08.experiments", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="the models to train; all unless given")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--to", type=Path, default=LOG, metavar="FILE")
    chosen = parser.parse_args(arguments)
    for model in chosen.only or names():
        if model not in names():
            raise CourseError(f"There is no model called {model!r}: there are {', '.join(names())}.")
        for seed in chosen.seeds:
            done = run(model, seed, chosen.steps)
            keep(done, chosen.to)
            print(f"{model}, seed {seed}: loss {done.loss:.3f}, letters {done.letters:.0f} %, words {done.words:.0f} %")


if __name__ == "__main__":
    main()
