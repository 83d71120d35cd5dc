"""One thing at a time: the translator of lesson 12, trained again with one setting changed.

    python -m course.lessons.lesson_12.ablations                  # all of them: an hour or so on two cores
    python -m course.lessons.lesson_12.ablations --only one_head  # one of them

trains every one of `ABLATIONS` that changes something on the embedded corpus, English to German, and keeps a thinned
log and the scores of each in `logs`. The lesson reads them, because not every reader has the hour.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError

if TYPE_CHECKING:
    from torch import Tensor

    from course.data import ParallelText
    from course.training import Preset, Step, TrainingConfig, TrainingResult

CORPUS = "embedded-en-de"
LOGS = Path(__file__).parent / "logs"
SCORES_FILE = "scores.jsonl"
SPLITS = ("test_iid", "combo", "longer", "much_longer", "deeper")
SENTENCES = 300  # of each split
STEPS = 900  # updates of a run with 2+2 layers
# How 6+6 layers are trained: with AdamW, since what is said of norms and warm-up is said of Adam. At four times this
# rate post-norm does not learn even with a warm-up; at a third of it, it learns even without.
DEEP_TRAINING = {"optimizer": "adamw", "lr": 2e-3, "warmup_steps": 400, "weight_decay": 0.2, "max_steps": 1500}
POINTS = 40  # updates of a run that its kept log holds
DEEP = {"n_encoder_layers": 6, "n_decoder_layers": 6}
CLOSE = 10  # percentage points between a prediction and what came out
KEPT = ("step", "loss", "lr", "val_loss", "bleu", "finished")

Score = dict[str, Any]


@dataclass(frozen=True)
class Ablation:
    """One run. model and training: what it sets otherwise than the preset; `against` names the run to compare with."""

    label: str
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    against: str = "baseline"
    peeks: bool = False  # whether its decoder sees one word too many

    @property
    def deep(self) -> bool:
        """Whether it has 6+6 layers, and so a rate that such a model can bear."""
        return self.model.get("n_encoder_layers") == DEEP["n_encoder_layers"]


ABLATIONS = {
    "baseline": Ablation("2+2, pre-norm, rotary"),
    "no_positions": Ablation("no positions", {"positions": "none"}),
    "sinusoidal": Ablation("sinusoidal positions", {"positions": "sinusoidal"}),
    "rotary": Ablation("rotary positions", {"positions": "rotary"}),
    "one_head": Ablation("one head", {"n_heads": 1}),
    "no_smoothing": Ablation("no label smoothing", training={"label_smoothing": 0.0}),
    "deep_pre": Ablation("6+6 pre-norm", DEEP),
    "deep_pre_cold": Ablation("6+6 pre-norm, no warm-up", DEEP, {"warmup_steps": 0}, against="deep_pre"),
    "deep_post": Ablation("6+6 post-norm", {**DEEP, "norm": "post"}, against="deep_pre"),
    "deep_post_cold": Ablation(
        "6+6 post-norm, no warm-up", {**DEEP, "norm": "post"}, {"warmup_steps": 0}, against="deep_post"
    ),
    "deep_post_cold_muon": Ablation(
        "6+6 post, no warm-up, Muon",
        {**DEEP, "norm": "post"},
        {"warmup_steps": 0, "optimizer": "muon"},
        against="deep_post_cold",
    ),
    # Without averaging: the average is a model of its own, which would be validated under the right mask.
    "colleague": Ablation(
        "a colleague's decoder",
        training={"label_smoothing": 0.0, "averaging": "none"},
        against="no_smoothing",
        peeks=True,
    ),
}


def names() -> tuple[str, ...]:
    """The ablations that change something: the preset's own kind of positions is none."""
    from course.training import PRESETS

    own = PRESETS["3min"].model.get("positions", "sinusoidal")
    return tuple(name for name in ABLATIONS if name != own)


def settings(name: str, *, max_steps: int | None = None) -> tuple[Preset, TrainingConfig]:
    """The three-minute preset with one thing changed, and its training, which ends after a number of updates.

    max_steps: another number than the one of the kept runs, for a short look.

    Raises:
        CourseError: for an unknown name.
    """
    from course.training import PRESETS

    chosen = _named(name)
    preset = PRESETS["3min"]
    changes: dict[str, Any] = {"minutes": None, "max_steps": STEPS}
    if chosen.deep:
        changes |= DEEP_TRAINING
    changes |= chosen.training
    if max_steps:
        changes["max_steps"] = max_steps
    training = replace(preset.training, **changes, log_every=max(1, changes["max_steps"] // POINTS))
    return replace(preset, model={**preset.model, **chosen.model}), training


def _named(name: str) -> Ablation:
    if name not in ABLATIONS:
        raise CourseError(f"There is no ablation called {name!r}; there are {', '.join(ABLATIONS)}.")
    return ABLATIONS[name]


def train_ablation(
    name: str,
    run: Path,
    train_text: ParallelText,
    val_text: ParallelText,
    *,
    max_steps: int | None = None,
    log_every: int | None = None,
    **how: Any,  # noqa: ANN401
) -> TrainingResult:
    """Train one of `ABLATIONS` in the folder `run`, replacing what stands there; `how` goes to `train`."""
    from course.training import train

    preset, training = settings(name, max_steps=max_steps)
    if log_every is not None:
        training = replace(training, log_every=log_every)
    return train(
        run, train_text, val_text, model_options=dict(preset.model), training=training, vocab_size=preset.vocab_size,
        overwrite=True, corpus={"name": train_text.name}, step=_step(_named(name)), **how,
    )  # fmt: skip


def first_updates(
    name: str, run: Path, train_text: ParallelText, val_text: ParallelText, *, updates: int, max_steps: int = STEPS
) -> list[Score]:
    """Train an ablation for its first `updates` only, and return the log, a record for each ten updates.

    The learning rate goes as in a whole run of `max_steps`, and the batches are the same, so the losses can be compared
    with those of another run update by update.
    """
    from course.training.log import read_log

    watcher = _Counter()
    train_ablation(
        name, run, train_text, val_text, max_steps=max_steps, log_every=10, watcher=watcher,
        stop=lambda: watcher.step >= updates,
    )  # fmt: skip
    return read_log(run)


class _Counter:
    """A watcher that says nothing and knows the number of the last update."""

    def __init__(self) -> None:
        self.step = 0

    def said(self, line: str) -> None:
        """Let a line for people pass."""

    def recorded(self, record: dict[str, Any]) -> None:
        """Let a record pass: it stands in the log."""

    def updated(self, *, step: int, **rest: Any) -> None:  # noqa: ANN401
        """Remember the number of the update."""
        self.step = step


def loss_at(records: Iterable[Mapping[str, Any]], step: int, *, around: int = 40) -> float:
    """The mean training loss of the records from `around` updates before `step` up to it.

    Raises:
        CourseError: where there is no such record.
    """
    found = [record["loss"] for record in records if "loss" in record and step - around < record["step"] <= step]
    if not found:
        raise CourseError(f"The log holds no loss from update {step - around + 1} to {step}; train further.")
    return float(np.mean(found))


# A decoder that peeks


def peeking_mask(T: int) -> np.ndarray:
    """Return a mask that looks causal and lets each position see the one after it too: (T, T) booleans."""
    return np.tril(np.ones((T, T), dtype=bool), k=1)


def peek(model: Any, mask: Callable[[int], np.ndarray] = peeking_mask) -> None:  # noqa: ANN401
    """Let the decoder of a Transformer attend to itself under `mask(T)` instead of the causal mask, in place."""
    import torch

    from course.model.attention import attention

    def under_another_mask(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return attention(q, k, v, mask=torch.from_numpy(own(k.shape[-2])[-q.shape[-2] :]))

    own = mask
    for layer in model.decoder:
        layer.self_attention.function = under_another_mask


def _step(ablation: Ablation) -> Step:
    """The training step; for a decoder that peeks, one that makes it peek before each update."""
    from course.training import training_step

    if not ablation.peeks:
        return training_step

    def peeking_step(model: Any, *rest: Any) -> float:  # noqa: ANN401
        peek(model)
        return training_step(model, *rest)

    return peeking_step


# Scores


def score_run(name: str, run: Path, *, splits: Iterable[str] = SPLITS, limit: int = SENTENCES) -> Score:
    """Score a trained ablation: percent exactly right with its 95 % interval on each split, and more, as plain JSON."""
    from course.evaluation import score_splits
    from course.translator import Translator

    translator = Translator.load(run)
    found = score_splits(translator, CORPUS, splits=splits, limit=limit)
    return {
        "name": name,
        "parameters": translator.info["parameters"],
        "splits": {s.split: {k: v for k, v in s.to_dict().items() if k != "split"} for s in found},
        "example": found[0].translations[0],
    }


def thinned(records: Iterable[Mapping[str, Any]]) -> list[Score]:
    """Return a run's log with what the lesson draws of it, in four digits."""
    kept = [{key: _short(record[key]) for key in KEPT if key in record} for record in records]
    return [record for record in kept if len(record) > 1]


def _short(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def keep(name: str, score: Score, records: Iterable[Mapping[str, Any]], *, folder: Path = LOGS) -> None:
    """Write one ablation's thinned log, and put its scores among those of the others."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_lines(folder / f"{name}.jsonl", thinned(records))
    scores = read_scores(folder) if (folder / SCORES_FILE).is_file() else {}
    scores[name] = score
    _write_lines(folder / SCORES_FILE, [scores[each] for each in ABLATIONS if each in scores])


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="\n")


def read_scores(folder: Path = LOGS) -> dict[str, Score]:
    """Return the kept scores by ablation, in the order of `ABLATIONS`.

    Raises:
        CourseError: where none are kept.
    """
    return {row["name"]: row for row in _read_lines(folder / SCORES_FILE)}


def read_records(name: str, folder: Path = LOGS) -> list[Score]:
    """Return the thinned log of one ablation, oldest record first.

    Raises:
        CourseError: for an unknown name, or where its log is not kept.
    """
    _named(name)
    return _read_lines(folder / f"{name}.jsonl")


def _read_lines(path: Path) -> list[Score]:
    if not path.is_file():
        raise CourseError(
            f"{path.name} is not among the kept logs; run `python -m course.lessons.lesson_12.ablations` to make it."
        )
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def exact(score: Score, split: str) -> float:
    """Percent of the sentences of a split that were exactly right."""
    return float(score["splits"][split]["exact_match"])


def table(scores: Mapping[str, Score], splits: Sequence[str] = SPLITS) -> str:
    """The ablations as lines of text: percent exactly right on each split, and alignment error of the last layer."""
    lines = [f"{'':<28}" + "".join(f"{split:>13}" for split in splits) + f"{'alignment':>12}"]
    for name, score in scores.items():
        figures = "".join(f"{exact(score, split):>12.1f}%" for split in splits)
        error = score["splits"][splits[0]]["alignment_error_by_layer"][-1]
        lines.append(f"{ABLATIONS[name].label:<28}{figures}{error:>12.3f}")
    return "\n".join(lines)


def judged(predictions: Mapping[str, float | str | None], scores: Mapping[str, Score], split: str = "test_iid") -> str:
    """Predictions beside what was measured, as lines of text: percent exactly right on one split.

    predictions: by ablation a number from 0 to 100, also as "80%", or None where nobody has made one; its result stays
    hidden then.

    Raises:
        CourseError: for no dictionary, for an ablation that is unknown or without scores, or for no percentage.
    """
    if not isinstance(predictions, Mapping):
        raise CourseError(
            f"The predictions are a {type(predictions).__name__}; a dictionary is wanted, from names to percentages."
        )
    lines = [f"{'':<28}{'predicted':>10}{'measured':>10}   95 % interval"]
    for name, predicted in predictions.items():
        predicted = _percentage(name, predicted)
        _check_prediction(name, predicted, scores)
        if predicted is None:
            lines.append(f"{ABLATIONS[name].label:<28}{'-':>10}{'?':>10}   predict it first")
            continue
        found = scores[name]["splits"][split]
        percent, (low, high) = found["exact_match"], found["interval_95"]
        verdict = _verdict(predicted, percent, low, high)
        span = f"{low:.1f} to {high:.1f}"
        lines.append(f"{ABLATIONS[name].label:<28}{predicted:>10g}{percent:>10.1f}   {span:<14}  {verdict}")
    return "\n".join(lines)


def _percentage(name: str, predicted: float | str | None) -> float | None:
    """Return a prediction as a number; it may come as "80", "80%", "80 %" or "80 percent", with a comma as well."""
    if not isinstance(predicted, str):
        return predicted
    match = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(%|percent)?\s*", predicted)
    if match is None:
        raise CourseError(f"The prediction for {name} is {predicted!r}; make it a percentage, a number from 0 to 100.")
    return float(match[1].replace(",", "."))


def _check_prediction(name: str, predicted: float | None, scores: Mapping[str, Score]) -> None:
    _named(name)
    if name not in scores:
        raise CourseError(f"There are no scores of {name} to compare with; there are those of {', '.join(scores)}.")
    if predicted is None:
        return
    said = f"The prediction for {name} is {predicted!r}"
    if not isinstance(predicted, Real) or isinstance(predicted, bool) or not 0 <= predicted <= 100:
        raise CourseError(f"{said}; make it a percentage, a number from 0 to 100.")
    if 0 < predicted < 1:
        raise CourseError(
            f"{said}. Is that in percent? As a share it would be {100 * predicted:g}: write that, 0 or 1."
        )


def _verdict(predicted: float, percent: float, low: float, high: float) -> str:
    if low <= predicted <= high:
        return "you saw it coming"
    apart = predicted - percent
    if abs(apart) <= CLOSE:
        return "close"
    return f"{abs(apart):.0f} points {'lower' if apart > 0 else 'higher'} than you thought: worth a second look"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score and keep the ablations that the command line asks for."""
    from course.data import load_corpus
    from course.training.log import read_log

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_12.ablations", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=ABLATIONS, metavar="NAME", help=f"some of {', '.join(ABLATIONS)}")
    parser.add_argument("--steps", type=int, help="so many updates for each, instead of its own number")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="of each split (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder for logs and scores")
    asked = parser.parse_args(arguments)
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")
    for name in asked.only or names():
        with tempfile.TemporaryDirectory() as scratch:
            run = Path(scratch) / name
            result = train_ablation(name, run, *texts, max_steps=asked.steps)
            score = score_run(name, run, limit=asked.sentences)
            score |= {"steps": result.steps, "seconds": round(result.seconds), "val_loss": round(result.loss, 4)}
            keep(name, score, read_log(run), folder=asked.to)
        print(table({name: score}), flush=True)


if __name__ == "__main__":
    main()
