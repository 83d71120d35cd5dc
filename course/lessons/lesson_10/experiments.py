"""The measurements of lesson 10: optimizers, warm-up, smoothing, padding in the loss, and exposure bias.

    python -m course.lessons.lesson_10.experiments                 # all of them: ten minutes or so on one core
    python -m course.lessons.lesson_10.experiments --only eps-0    # one of them

trains the small translator of `small.py` once in each of the ways of `settings.py`, and keeps what came of it in
`logs/runs.jsonl`; and asks two trained translators for sentences, led and left alone, for `logs/exposure.json`. The
lesson reads these files, because not every reader has the time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table
from course.lessons.lesson_10.settings import PADDED, RATES, SETTINGS, STEPS, Setting

if TYPE_CHECKING:
    from course.lessons.lesson_10.small import Corpus, Trained

    Array = np.ndarray[Any, np.dtype[Any]]
    Loop = Callable[..., list[float]]

LOGS = Path(__file__).parent / "logs"
RUNS, EXPOSURE = LOGS / "runs.jsonl", LOGS / "exposure.json"
SMOOTHED = "adamw-0.004"
# The trainings whose calibration is compared: what their pictures are called, and their names.
CALIBRATED = {
    "24,000 sentences, eps 0": "eps-0",
    "24,000, eps 0.1": SMOOTHED,
    "1,500 sentences, eps 0": "few-eps-0",
    "1,500, eps 0.1": "few-eps-0.1",
}
BINS = 10  # of the reliability diagram, all of one width
POSITIONS = 14  # that the picture of exposure bias shows
LONGER = 400  # sentences of 15 to 18 words
LAST = 50  # updates whose reported loss is averaged


@dataclass(frozen=True)
class Run:
    """What came of one training.

    Attributes:
        name: of its `Setting`.
        setting: its fields.
        steps: updates.
        curve: (update, validation loss in nats a word, without smoothing).
        reported: the mean of what the loss function said in the last 50 updates.
        test_loss: nats a word on test_iid, without smoothing and padding.
        accuracy: percent of these words that are the most probable one, behind the reference's words.
        bins: for each tenth of the probability: words, their mean probability, the share of them that is right.
    """

    name: str
    setting: Mapping[str, Any]
    steps: int
    curve: Sequence[Sequence[float]]
    reported: float
    test_loss: float
    accuracy: float
    bins: Sequence[Sequence[float]]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, in percentage points (Guo et al. 2017, section 2)."""
        words = sum(n for n, *_ in self.bins)
        return 100 * sum(n * abs(sure - right) for n, sure, right in self.bins) / words

    @property
    def overconfidence(self) -> float:
        """How many percentage points the mean probability of the guesses lies above their accuracy."""
        words = sum(n for n, *_ in self.bins)
        return 100 * sum(n * (sure - right) for n, sure, right in self.bins) / words

    def loss_after(self, step: int) -> float:
        """Return the validation loss after so many updates."""
        return {int(at): loss for at, loss in self.curve}[step]


def binned(sure: Array, right: Array, bins: int = BINS) -> list[list[float]]:
    """Sort guesses by probability: for each bin their number, their mean probability, the share that is right.

    sure (N,): the probability of each guess. right (N,): whether it is right. An empty bin has three zeros.
    """
    at = np.minimum((sure * bins).astype(int), bins - 1)
    rows = []
    for i in range(bins):
        here = at == i
        n = int(here.sum())
        means = (float(sure[here].mean()), float(right[here].mean())) if n else (0.0, 0.0)
        rows.append([n, *(round(mean, 4) for mean in means)])
    return rows


# --- reading what was kept --------------------------------------------------------------------------------------


def read_runs(path: Path = RUNS) -> dict[str, Run]:
    """Return the kept runs by name. Raises `CourseError` where none are kept."""
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_10.experiments` to make it.")
    runs = (Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    return {run.name: run for run in runs}


def read_exposure(path: Path = EXPOSURE) -> dict[str, dict[str, Any]]:
    """Return what was measured of led and lone translators. Raises `CourseError` where nothing is kept."""
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_10.experiments` to make it.")
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def best_of(runs: Mapping[str, Run], optimizer: str) -> Run:
    """Return the run of an optimizer's rates that ends with the lowest validation loss."""
    return min((runs[f"{optimizer}-{rate:g}"] for rate in RATES[optimizer]), key=lambda run: run.curve[-1][1])


def race_table(runs: Mapping[str, Run]) -> Markup:
    """Show the validation loss of every optimizer at every rate, and the accuracy of its best."""
    rows = []
    for optimizer, rates in RATES.items():
        ends = [f"{runs[f'{optimizer}-{rate:g}'].curve[-1][1]:.2f}" for rate in rates]
        best = best_of(runs, optimizer)
        rows.append((optimizer, " · ".join(f"{rate:g}" for rate in rates), " · ".join(ends), f"{best.accuracy:.1f}"))
    steps = next(iter(runs.values())).steps
    head = ("optimizer", "with the rates", "validation losses", "% of words right with the best")
    return rows_table(head, rows, f"after {steps} updates")


def calibration_table(runs: Mapping[str, Run]) -> Markup:
    """Show accuracy, loss and calibration error of trainings with smoothing and without, on many sentences or few."""
    rows = []
    for title, name in CALIBRATED.items():
        run = runs[name]
        lean = f"{abs(run.overconfidence):.1f} {'too sure' if run.overconfidence > 0 else 'not sure enough'}"
        row = (f"{run.accuracy:.1f}", f"{run.test_loss:.2f}", f"{run.calibration_error:.1f}", lean)
        rows.append((title, *row))
    head = ("trained on", "% of words right", "loss without smoothing", "calibration error", "surer than right?")
    return rows_table(head, rows, "1,000 new sentences; the last two columns in percentage points")


def padding_table(runs: Mapping[str, Run]) -> Markup:
    """Show what a loss over padding says, and what is true."""
    rows = [
        ("padding counted" if each.counts_padding else "padding left out", f"{runs[each.name].reported:.2f}",
         f"{runs[each.name].test_loss:.2f}", f"{runs[each.name].accuracy:.1f}")
        for each in PADDED
    ]  # fmt: skip
    return rows_table(("loss", "says at the end, nats", "of new words alone, nats", "% of them right"), rows)


WHO = {"small": "small, test_iid", "shipped": "shipped, 15 to 18 words"}


def exposure_table(found: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Show how many sentences are right both ways, and percent of the words behind a first mistake, with intervals."""
    here, after = list(found.values()), [each["after an error"] for each in found.values()]
    rows = [
        ("sentences", *(f"{each['sentences']:,}" for each in here)),
        ("right as a whole, led", *(str(each["exactly right when led"]) for each in here)),
        ("right as a whole, alone", *(str(each["exactly right alone"]) for each in here)),
        ("words behind a first mistake", *(f"{each['words']:,}" for each in after)),
        ("% of these right, led", *(_with_interval(each["led"]) for each in after)),
        ("alone, place by place", *(_with_interval(each["own"]) for each in after)),
        ("alone, in the right order", *(_with_interval(each["own, in order"]) for each in after)),
    ]
    return rows_table(("", *(WHO[who] for who in found)), rows, "with 95 % intervals over sentences")


def _with_interval(share: Sequence[float]) -> str:
    middle, low, high = share
    return f"{middle:.1f}  ({low:.1f} to {high:.1f})"


# --- tests, one at a time ---------------------------------------------------------------------------------------


def one_at_a_time(tests: Callable[[Loop], Iterator[tuple[str, Any, Any]]], train: Loop, *, handed_out: Loop) -> Markup:
    """Run tests of a loop up to the first that fails, and show what each must see and what it sees.

    tests: yields what is looked at, what must be seen, and what is seen. handed_out: is tested in the place of a
    `train` that is still empty.
    """
    from course.lab.exercises.empty import is_empty

    empty = is_empty(train)
    rows, failed = [], False
    running = tests(handed_out if empty else train)
    while not failed:
        try:
            what, wanted, seen = next(running)
        except StopIteration:
            break
        except Exception as error:  # whatever the learner's loop may raise
            what, wanted, seen = "the next test", "", f"{type(error).__name__}: {error}"
        failed = not same(wanted, seen)
        rows.append((what, _said(wanted), _said(seen), "✗ fails" if failed else "✓ passes"))
    caption = "the loop that was handed out, since yours is still empty" if empty else "your loop"
    if failed:
        caption += "; what comes behind is asked when this passes"
    return rows_table(("test", "must be", "is", ""), rows, caption)


def same(wanted: Any, seen: Any) -> bool:  # noqa: ANN401
    """Whether a test saw what it wanted: the same words, or the same numbers to six digits."""
    a, b = np.asarray(wanted), np.asarray(seen)
    if a.shape != b.shape:
        return False
    return bool(np.array_equal(a, b) if a.dtype.kind == "U" else np.allclose(a, b, atol=1e-6))


def _said(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return value
    array = np.atleast_1d(np.asarray(value))
    if array.dtype.kind == "U":
        kinds = sorted(set(array.tolist()))
        return " and ".join(kinds)
    return ", ".join(f"{x:.2f}".rstrip("0").rstrip(".") for x in array.astype(float)) or "none"


# --- making it again --------------------------------------------------------------------------------------------


def run_of(setting: Setting, trained: Trained, corpus: Corpus) -> Run:
    """Sum up a training."""
    from course.lessons.lesson_10.small import confidences, mean_loss

    sure, right = confidences(trained.model, corpus.test)
    return Run(
        setting.name, asdict(setting), len(trained.reported),
        [[step, round(loss, 4)] for step, loss in trained.validations],
        round(float(np.mean(trained.reported[-LAST:])), 4),
        round(mean_loss(trained.model, corpus.test), 4), round(100 * float(right.mean()), 2), binned(sure, right),
    )  # fmt: skip


def keep(run: Run, path: Path = RUNS) -> None:
    """Put a run among the kept ones, in the place of an older one of its name, in the order of the settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    runs = read_runs(path) if path.is_file() else {}
    runs[run.name] = run
    lines = [json.dumps(asdict(runs[name])) + "\n" for name in SETTINGS if name in runs]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def measure_exposure(trained: Trained, corpus: Corpus) -> dict[str, Any]:
    """Ask the small translator for test sentences, and the one that ships with the course for longer ones."""
    from course.data import encode_pairs, load_corpus
    from course.lessons.lesson_10.exposure import after_an_error, answers, by_position
    from course.lessons.lesson_10.settings import CORPUS
    from course.pretrained import pretrained_translator

    ships = pretrained_translator("en-de")
    longer = encode_pairs(load_corpus(CORPUS, "longer"), ships.tokenizer)[:LONGER]
    found = {"small": answers(trained.model, corpus.test), "shipped": answers(ships.model, longer)}
    return {
        name: {
            "sentences": len(each),
            "exactly right when led": sum(a.labels == a.led for a in each),
            "exactly right alone": sum(a.labels == a.own for a in each),
            "by position": by_position(each, POSITIONS),
            "after an error": after_an_error(each),
        }
        for name, each in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure and keep what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_10.experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=tuple(SETTINGS), metavar="NAME", help=f"of {', '.join(SETTINGS)}")
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of each training (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder that keeps them")
    asked = parser.parse_args(arguments)
    _make(asked.only or SETTINGS, asked.steps, asked.to)


def _make(names: Iterable[str], steps: int, folder: Path) -> None:
    from course.lessons.lesson_10.small import read_corpus, train_small

    corpus = read_corpus()
    for name in names:
        trained = train_small(SETTINGS[name], corpus, steps=steps, say=lambda line: print(line, flush=True))
        run = run_of(SETTINGS[name], trained, corpus)
        keep(run, folder / RUNS.name)
        print(f"{name}: {run.accuracy:.1f} % of the words right, calibration error {run.calibration_error:.1f}")
        if name == SMOOTHED:
            found = json.dumps(measure_exposure(trained, corpus), indent=1) + "\n"
            (folder / EXPOSURE.name).write_text(found, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
