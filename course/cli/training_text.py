"""The sentence pairs that `course train` trains on and validates on, and what it says about them."""

import os
from pathlib import Path

from course.data import ParallelText, load_corpus, read_parallel
from course.data.corpora import validation_split
from course.errors import CourseError

LARGEST_HELD_OUT = 1000  # validation pairs taken from the user's own training files


def say_once(line: str) -> None:
    """Print once: by the only process, or by the first of several under torchrun."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def read_training_text(corpus: dict[str, str]) -> tuple[ParallelText, ParallelText]:
    """Training and validation pairs with text on both sides. corpus: a name, or paths, as run.json keeps it."""
    if "name" in corpus:
        name = corpus["name"]
        train, val = load_corpus(name, "train"), load_corpus(name, validation_split(name))
    else:
        train = read_parallel(Path(corpus["source"]), Path(corpus["target"]), split="train")
        if "val_source" not in corpus:
            return _hold_out(_complete(train))
        val = read_parallel(Path(corpus["val_source"]), Path(corpus["val_target"]), split="val")
    return _complete(train), val.without_empty()


def _complete(train: ParallelText) -> ParallelText:
    kept = train.without_empty()
    if len(kept) < len(train):
        say_once(f"{len(train) - len(kept)} of {len(train)} training pairs lack one side and are left out.")
    return kept


def _hold_out(text: ParallelText) -> tuple[ParallelText, ParallelText]:
    """Take one pair in twenty, evenly spread and at most 1,000, for validation; the rest is for training."""
    count = min(max(len(text) // 20, 1), LARGEST_HELD_OUT)
    if len(text) < 2:
        raise CourseError(
            "one sentence pair cannot be trained on and validated on: give files with at least two lines."
        )
    held = {i * len(text) // count for i in range(count)}
    say_once(f"{count} of {len(text)} pairs are held out for validation (no --val-source given).")
    rest = [i for i in range(len(text)) if i not in held]
    return text.chosen(rest, split="train"), text.chosen(sorted(held), split="val")
