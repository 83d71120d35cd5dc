"""`python -m course.pretrained`: train the two translators that ship with the course, and write their card.

`python -m course.pretrained en-fr` makes one of them anew. Needs a source checkout, since it writes into the package;
ten minutes or so on two cores. The weights depend on the processor in their last digits, so the scores of another
run differ by a few tenths of a percent.
"""

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from course.data import load_corpus
from course.evaluation import score_splits, table
from course.pretrained import PAIRS, WORDS_FILE, words_of
from course.training import PRESETS, Preset, TrainingConfig, train
from course.training.checkpoint import read_tensors, write_tensors
from course.training.log import read_log
from course.training.run_file import RUN_FILES, read_run_file
from course.translator import Translator
from course.whole_files import write_text

HERE = Path(__file__).parent
STEPS = 2000
CARD = "CARD.md"
SCORES_FILE = "scores.json"
TABLE_FILE = "scores.txt"


def recipe(max_steps: int = STEPS) -> tuple[Preset, TrainingConfig]:
    """The settings of the three-minute preset, for a fixed number of updates instead of minutes."""
    preset = PRESETS["3min"]
    return preset, replace(preset.training, minutes=None, max_steps=max_steps)


def make(pair: str) -> None:
    """Train one translator, put it into the package in half precision, and score what was put there."""
    name = f"embedded-{pair}"
    preset, training = recipe()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / pair
        train(
            run, load_corpus(name, "train"), load_corpus(name, "dev"), model_options=preset.model, training=training,
            vocab_size=preset.vocab_size, corpus={"name": name},
        )  # fmt: skip
        ship(run, HERE / pair)
    scores = score_splits(Translator.load(HERE / pair), name)
    write_text(HERE / pair / SCORES_FILE, json.dumps([s.to_dict() for s in scores], indent=1) + "\n")
    write_text(HERE / pair / TABLE_FILE, table(scores) + "\n")


def ship(run: Path, folder: Path) -> None:
    """Copy a run folder without its state to resume from; the weights become float16, half the size."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RUN_FILES:
        if name.endswith((".json", ".jsonl")):
            shutil.copyfile(run / name, folder / name)
    weights, about = read_tensors(run / "best.safetensors")
    write_tensors(folder / "best.safetensors", {key: tensor.half() for key, tensor in weights.items()}, about)


def write_words() -> None:
    """Every English word of the training sentences, one a line."""
    words = {word.lower() for line in load_corpus("embedded-en-de", "train").source for word in words_of(line)}
    write_text(HERE / WORDS_FILE, "".join(f"{word}\n" for word in sorted(words)))


def card() -> str:
    """The model card: what the models are for, how they were made, what they score, what they cannot do."""
    parts = [_INTRODUCTION.format(steps=STEPS)]
    for pair in PAIRS:
        scores = (HERE / pair / TABLE_FILE).read_text(encoding="utf-8")
        parts.append(f"## {pair}\n\n{_facts(HERE / pair)}\n\n```text\n{scores}```\n")
    return "\n".join(parts)


def _facts(folder: Path) -> str:
    info, end = read_run_file(folder), read_log(folder)[-1]
    _, best = read_tensors(folder / "best.safetensors")
    size = (folder / "best.safetensors").stat().st_size
    return (
        f"{info['parameters']:,} parameters, {size / 1e6:.1f} MB. {end['step']:,} updates in {end['seconds']:.0f} s "
        f"({end['tokens_per_second']:,.0f} target tokens a second), validation loss {best['val_loss']:.4f} nats, "
        f"torch {info['versions']['torch']}."
    )


_INTRODUCTION = """# The translators that ship with the course

Two small Transformers for lessons 00, 12 and 13 and for `course translate`: English to German, English to French. They
know the words and constructions of the course's embedded corpus and nothing else; they are made to be looked into, not
to be relied on. Trained with the settings of the preset `3min`, for {steps:,} updates instead of three minutes, by

    python -m course.pretrained

which also wrote this card. `exact` is the percentage of sentences whose translation equals the one of the grammar,
letter by letter, with greedy search; its interval is Wilson's, 95 %. BLEU is high because a grammar made the
sentences: compare it with no figure on real text. The training sentences have up to 14 words and little embedding.
Longer and deeper ones, which the splits `longer`, `much_longer` and `deeper` hold, are where the models fail.
"""


def main() -> None:
    """Make those that are named, or both; then the word list and the card."""
    pairs = sys.argv[1:] or PAIRS
    for pair in pairs:
        if pair not in PAIRS:
            sys.exit(f"There is no translator {pair!r} to make; known are {', '.join(PAIRS)}.")
    for pair in pairs:
        make(pair)
    write_words()
    if all((HERE / pair / TABLE_FILE).exists() for pair in PAIRS):
        write_text(HERE / CARD, card())


if __name__ == "__main__":
    main()
