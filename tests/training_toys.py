"""A translation task small enough to learn in seconds: number words, to be said backward in another language."""

import itertools
import random
from typing import Any

from course.data import ParallelText
from course.training import TrainingConfig

ENGLISH = ("one", "two", "three", "four", "five", "six")
GERMAN = ("eins", "zwei", "drei", "vier", "fünf", "sechs")
SMALL: dict[str, Any] = {
    "d_model": 32, "n_heads": 2, "d_ff": 64, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0,
    "max_len": 32, "tie": "all",
}  # fmt: skip


def backward_corpus(*, seed: int = 0) -> tuple[ParallelText, ParallelText]:
    """Training and validation pairs, "one two six" -> "sechs zwei eins"; no pair is in both."""
    numbers = [n for length in (1, 2, 3) for n in itertools.product(range(6), repeat=length)]
    random.Random(seed).shuffle(numbers)
    source = [" ".join(ENGLISH[i] for i in n) for n in numbers]
    target = [" ".join(GERMAN[i] for i in reversed(n)) for n in numbers]
    cut = len(numbers) - 24
    return (
        ParallelText(tuple(source[:cut]), tuple(target[:cut]), "en", "de", "backward", "train"),
        ParallelText(tuple(source[cut:]), tuple(target[cut:]), "en", "de", "backward", "val"),
    )


def short_training(**changes: Any) -> TrainingConfig:
    """A few float32 steps on one thread."""
    settings: dict[str, Any] = {
        "max_steps": 12, "batch_tokens": 200, "warmup_steps": 4, "lr": 5e-3, "precision": "float32", "threads": 1,
        "log_every": 4, "validations": 2, "validation_sentences": 6, "checkpoint_every": 4, "ema_decay": 0.9,
    }  # fmt: skip
    return TrainingConfig(**(settings | changes))
