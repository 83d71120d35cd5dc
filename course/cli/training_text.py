"""The sentence pairs that `course train` trains on and validates on, and what it says about them."""

import os
from pathlib import Path

from course.data import ParallelText, load_corpus
from course.data.corpora import validation_split
from course.data.held_out import hold_out
from course.data.inspection import language_of, look_swapped, oddities, refuse_copies, repetitions, seen_in_training
from course.data.parallel_text import read_parallel
from course.data.table import read_pairs


def say_once(line: str) -> None:
    """Print once: by the only process, or by the first of several under torchrun."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def read_training_text(corpus: dict[str, str]) -> tuple[ParallelText, ParallelText]:
    """Training and validation pairs with text on both sides. corpus: a name, or paths, as run.json keeps it."""
    if "name" in corpus:
        name = corpus["name"]
        train, val = load_corpus(name, "train"), load_corpus(name, validation_split(name))
        return _complete(train), _complete(val)
    train = _read(corpus["source"], corpus.get("target"), split="train")
    refuse_copies(train)
    _say_found(train, "training")
    train = _complete(train)
    if "val_source" in corpus:
        val = _read(corpus["val_source"], corpus.get("val_target"), split="val")
        refuse_copies(val)
        _say_found(val, "validation", train, swapped=_swapped(corpus))
        return train, _complete(val)
    train, val = hold_out(train)
    say_once(f"{len(val)} of {len(train) + len(val)} pairs are held out for validation (no --val-source given).")
    return train, val


def _read(source: str, target: str | None, *, split: str) -> ParallelText:
    """Two files, or one with a tab between sentence and translation."""
    if target:
        return read_parallel(source, target, split=split)
    return read_pairs(source, split=split, partner="--target" if split == "train" else "--val-target")


def _complete(text: ParallelText) -> ParallelText:
    kept = text.without_empty()
    if len(kept) < len(text):
        what = "training" if text.split == "train" else "validation"
        say_once(f"{len(text) - len(kept)} of {len(text)} {what} pairs lack one side and are left out.")
    return kept


def _swapped(corpus: dict[str, str]) -> bool:
    """Whether the validation files seem to be in the other direction than the training files."""
    if not {"target", "val_target"} <= corpus.keys():
        return False
    source, target, val_source, val_target = (
        Path(corpus[name]) for name in ("source", "target", "val_source", "val_target")
    )
    return look_swapped(val_source, val_target, languages=(language_of(source), language_of(target)))


def _say_found(text: ParallelText, what: str, train: ParallelText | None = None, *, swapped: bool = False) -> None:
    """One line about all that is odd; none where nothing is. train: the text that must not hold the same sentences."""
    found = ["the files look swapped"] if swapped else []
    found += [*repetitions(text), *oddities(text)]
    if train and (seen := seen_in_training(text.source, train)):
        found.append(f"{seen:,} whose source is trained on, so their scores say little")
    found += text.notes
    if found:
        say_once(f"Found in {len(text):,} {what} pairs: {'; '.join(found)}.")
