"""What counts for a learner: seconds of training until the small translator is good, with the preset as it is.

Trains the three-minute preset on the embedded corpus for as many updates as lesson 12 does, and reads the run's log.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from course.data import load_corpus
from course.evaluation import score_split
from course.lessons.lesson_12.ablations import STEPS
from course.training import PRESETS, train
from course.training.log import read_log
from course.translator import Translator

CORPUS = "embedded-en-de"
VALIDATIONS = 12
GOOD, BETTER = 0.1, 0.05  # nats a piece on the validation sentences


def seconds_to(loss: float, records: list[dict[str, Any]]) -> float | None:
    """When a validation first came down to the loss; None where none did."""
    return next((r["seconds"] for r in records if r.get("val_loss", loss + 1) <= loss), None)


def measure(steps: int = STEPS) -> dict[str, Any]:
    """Return seconds from the start of training to two validation losses and to the end, and what the end scores."""
    preset = PRESETS["3min"]
    training = replace(preset.training, minutes=None, max_steps=steps, validations=VALIDATIONS)
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")  # making the sentences is not training
    with tempfile.TemporaryDirectory() as folder:
        run, started = Path(folder) / "run", time.perf_counter()
        result = train(run, *texts, model_options=preset.model, training=training, vocab_size=preset.vocab_size)
        spent, records = time.perf_counter() - started, read_log(run)
        exact = score_split(Translator.load(run), CORPUS, "test_iid").exact_match
    return {
        "seconds_to_loss_0.1": seconds_to(GOOD, records),
        "seconds_to_loss_0.05": seconds_to(BETTER, records),
        f"seconds_of_{steps}_updates": round(spent, 1),
        f"loss_after_{steps}_updates": round(result.loss, 4),
        f"test_iid_right_after_{steps}_updates": round(exact, 1),
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key}: {value}")
