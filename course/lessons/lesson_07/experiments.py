"""The measurements of lesson 07: gradients by depth, torch's own encoder, and 6+6 layers with and without a warm-up.

    python -m course.lessons.lesson_07.experiments                   # all runs: six to thirty minutes on one core
    python -m course.lessons.lesson_07.experiments --only post_cold  # one of them

trains a translator of 6+6 layers (embedded corpus, English to German) with post-norm and pre-norm, with and without a
warm-up, and keeps what each got right, its losses and the sizes of its gradients in `logs/norms.jsonl`. The lesson
reads that file, because not every reader has the time. What a reader's own computer measures at once stands in
`gradients`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table

if TYPE_CHECKING:
    from torch import Tensor, nn

    from course.data import ParallelText
    from course.training import Preset, TrainingConfig

CORPUS, SPLIT = "embedded-en-de", "test_iid"
LOG = Path(__file__).parent / "logs" / "norms.jsonl"
WARMUP = 200  # updates of the warm-up, where there is one
LABELS = {  # in the order of the lesson's table
    "post_warm": "post-norm, warm-up",
    "post_cold": "post-norm, no warm-up",
    "pre_cold": "pre-norm, no warm-up",
}
SEEDS = (1,)
STEPS, SENTENCES = 800, 300  # updates of a run; sentences that are translated
LAYERS = 6  # on either side
RATE = 2e-3  # the peak, of AdamW
WIDTHS = {"d_model": 64, "d_ff": 256, "n_heads": 4}
LOOKED_AT = (1, 10, 50, 200)  # updates at which the gradients of all layers are looked at
POINTS = 30  # losses that a kept run holds


@dataclass(frozen=True)
class Run:
    """What one trained translator got right, and how it went.

    Attributes:
        name: a key of `LABELS`.
        seed: where its random numbers began.
        steps: updates.
        seconds: of training.
        val_loss: at its end, nats a piece.
        sentences: that were translated.
        exact_match: percent of them exactly right.
        interval_95: of that percentage; it knows of the choice of the sentences and not of the seed.
        bleu: from 0 to 100.
        losses: (update, mean training loss since the last one), oldest first.
        gradients: by update the size of the gradient of each layer, encoder first and from the bottom to the top.
    """

    name: str
    seed: int
    steps: int
    seconds: float
    val_loss: float
    sentences: int
    exact_match: float
    interval_95: Sequence[float]
    bleu: float
    losses: Sequence[Sequence[float]]
    gradients: Mapping[str, Sequence[float]]


# --- what a reader's own computer measures ------------------------------------------------------------------------


def gradients(*arguments: Any, **how: Any) -> list[float]:  # noqa: ANN401
    """See `course.lessons.lesson_07.gradients.gradients`; torch is imported when this is called."""
    from course.lessons.lesson_07 import gradients as room

    return room.gradients(*arguments, **how)


def median_gradients(
    stack: Callable[..., Any], make: Callable[[], nn.Module], width: int, *, depth: int, seeds: Iterable[int] = range(5)
) -> list[float]:
    """Return for each layer the median of its `gradients` over several seeds."""
    from statistics import median

    found = [gradients(stack, make, width, depth=depth, seed=seed) for seed in seeds]
    return [median(sizes) for sizes in zip(*found, strict=True)]


def short(size: float) -> str:
    """Return a size in two digits, or as a power of ten where it is far from 1."""
    if 1e-3 <= size < 1e4:
        return f"{size:.2f}" if size < 100 else f"{size:,.0f}"
    return "10" + str(round(_log10(size))).translate(_RAISED) if size > 0 else "0"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _log10(size: float) -> float:
    from math import log10

    return log10(size)


def with_weights(heads: nn.Module, W: Mapping[str, Any]) -> nn.Module:
    """Put the matrices of lesson 04 into a MultiHeadAttention of any layout, in place, and return it in float64.

    Args:
        heads: made with d_model = d and any number of heads.
        W: arrays "q", "k", "v" and "o", each (d, d), used as x @ W; a Linear keeps them transposed. Biases become 0.
    """
    from course.lessons.lesson_07 import gradients as room

    return room.with_weights(heads, W)


def torchs_encoder() -> dict[str, Any]:
    """See `course.lessons.lesson_07.gradients.torchs_encoder`."""
    from course.lessons.lesson_07 import gradients as room

    return room.torchs_encoder()


# --- what is claimed of it: here, and not in cells that ask for a prediction ----------------------------------------


def about_one_object(
    y_shared: Tensor, y_apart: Tensor, counts: Mapping[str, int], of_one: Tensor, of_each: Sequence[Tensor]
) -> list[tuple[str, bool]]:
    """Return sentences on a stack of one layer beside one of several with the same numbers, and whether they hold.

    Args:
        y_shared: what the stack of one layer gives, (B, T, d).
        y_apart: what the other one gives.
        counts: parameters of both, "his" and "repaired".
        of_one: all gradients of the one layer.
        of_each: all gradients of each of the others, in the same order.
    """
    from itertools import combinations

    n = len(of_each)
    differ = all((a - b).norm() > 0.1 * b.norm() for a, b in combinations(of_each, 2))
    return [
        ("Both compute the same.", y_shared.allclose(y_apart, rtol=1e-12)),
        ("The six have six times the parameters.", counts["repaired"] == n * counts["his"]),
        ("His gradient is the sum of the six.", of_one.allclose(sum(of_each[1:], of_each[0]), rtol=1e-9)),
        ("No two of the six agree.", differ),
    ]


def about_what_arrives(arrived: Mapping[str, Sequence[float]]) -> list[tuple[str, bool]]:
    """Return sentences on the gradients that arrive, and whether they hold.

    arrived: by placement the size of each layer's gradient, from the bottom to the top; "nothing" first.
    """
    bottom, top = ({name: sizes[at] for name, sizes in arrived.items()} for at in (0, -1))
    return [
        ("With nothing around, next to nothing arrives: below 10⁻²⁰.", bottom["nothing"] < 1e-20),
        ("With the path, something does, with and without norms.", min(list(bottom.values())[1:]) > 0.1),
        ("Post-norm: the bottom gets less than the top, ...", bottom["post-norm"] < top["post-norm"]),
        ("... but more than a quarter of it.", bottom["post-norm"] > top["post-norm"] / 4),
        ("Pre-norm: the bottom gets more than the top.", bottom["pre-norm"] > top["pre-norm"]),
    ]


# --- reading what was kept ----------------------------------------------------------------------------------------


def read_runs(path: Path = LOG) -> list[Run]:
    """Return the kept runs, by name and seed.

    Raises:
        CourseError: where none are kept.
    """
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_07.experiments` to make it.")
    return [Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def named(runs: Iterable[Run], name: str) -> list[Run]:
    """Return the runs of one name."""
    return [run for run in runs if run.name == name]


def runs_table(runs: Sequence[Run]) -> Markup:
    """Show percent exactly right of every run with its interval, BLEU, and its last validation loss."""
    rows = [
        (LABELS[name] if n == 0 else "", _with_interval(run), f"{run.bleu:.1f}", f"{run.val_loss:.2f}")
        for name in LABELS
        for n, run in enumerate(named(runs, name))
    ]
    caption = f"{runs[0].sentences} new sentences after {runs[0].steps} updates"
    return rows_table(("6+6 layers", "% right (95 % interval)", "BLEU", "loss, new sentences"), rows, caption)


def _with_interval(run: Run) -> str:
    low, high = run.interval_95
    return f"{run.exact_match:.1f}  ({low:.1f} to {high:.1f})"


# --- making it again ----------------------------------------------------------------------------------------------


def settings(name: str, seed: int, *, steps: int = STEPS) -> tuple[Preset, TrainingConfig]:
    """Return the three-minute preset with 6+6 layers, a norm and a warm-up, and its training from a seed.

    Raises:
        CourseError: for an unknown name.
    """
    from course.training import PRESETS

    if name not in LABELS:
        raise CourseError(f"There is no run called {name!r} here; there are {', '.join(LABELS)}.")
    preset = PRESETS["3min"]
    norm, warm = name.split("_")
    layers = {"n_encoder_layers": LAYERS, "n_decoder_layers": LAYERS}
    training = replace(
        preset.training, minutes=None, max_steps=steps, seed=seed, optimizer="adamw", lr=RATE,
        warmup_steps=WARMUP if warm == "warm" else 0, weight_decay=0.1, log_every=max(1, steps // POINTS),
        validations=1,
    )  # fmt: skip
    return replace(preset, model={**preset.model, **WIDTHS, **layers, "norm": norm}), training


def train_run(
    name: str, seed: int, folder: Path, train_text: ParallelText, val_text: ParallelText, *, steps: int = STEPS,
    sentences: int = SENTENCES,
) -> Run:  # fmt: skip
    """Train a translator in a folder, look at its gradients on the way, and score it."""
    from course.evaluation import score_split
    from course.training import train
    from course.training.log import read_log
    from course.translator import Translator

    preset, training = settings(name, seed, steps=steps)
    looking = _Looking()
    result = train(
        folder, train_text, val_text, model_options=dict(preset.model), training=training, vocab_size=preset.vocab_size,
        overwrite=True, corpus={"name": train_text.name}, step=looking.step,
    )  # fmt: skip
    found = score_split(Translator.load(folder), CORPUS, SPLIT, limit=sentences)
    losses = [(record["step"], round(record["loss"], 3)) for record in read_log(folder) if "loss" in record]
    return Run(
        name, seed, result.steps, round(result.seconds), round(result.loss, 4), found.sentences,
        round(found.exact_match, 2), [round(end, 2) for end in found.interval], round(found.bleu, 2), losses,
        looking.sizes,
    )  # fmt: skip


class _Looking:
    """A training step that notes the size of each layer's gradient at some updates, before it is clipped."""

    def __init__(self) -> None:
        self.updates = 0
        self.sizes: dict[str, list[float]] = {}

    def step(self, model: Any, batch: Any, optimizer: Any, mean_loss: Any, clip: float) -> float:  # noqa: ANN401
        """Make one update, as `course.training.training_step` does."""
        from course.training import training_step

        self.updates += 1
        if self.updates not in LOOKED_AT:
            return training_step(model, batch, optimizer, mean_loss, clip)

        def noted(model: Any, batch: Any) -> Any:  # noqa: ANN401
            loss = mean_loss(model, batch)
            self._note(model, loss)
            return loss

        return training_step(model, batch, optimizer, noted, clip)

    def _note(self, model: Any, loss: Any) -> None:  # noqa: ANN401
        import torch

        layers = [list(layer.parameters()) for side in (model.encoder, model.decoder) for layer in side.layers]
        found = torch.autograd.grad(loss, [p for layer in layers for p in layer], retain_graph=True)
        left = iter(found)
        sizes = [sum(float(next(left).double().square().sum()) for _ in layer) ** 0.5 for layer in layers]
        self.sizes[str(self.updates)] = [float(f"{size:.3g}") for size in sizes]


def keep(run: Run, path: Path = LOG) -> None:
    """Put a run among the kept ones, in the place of an older one of its name and seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    others = read_runs(path) if path.is_file() else []
    kept = [other for other in others if (other.name, other.seed) != (run.name, run.seed)] + [run]
    kept.sort(key=lambda each: (list(LABELS).index(each.name), each.seed))
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in kept), encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score and keep what the command line asks for."""
    from course.data import load_corpus

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_07.experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=LABELS, default=LABELS, metavar="NAME",
                        help=f"some of {', '.join(LABELS)}")  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="where the random numbers begin")
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of each training (default: %(default)s)")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="that are translated (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOG, help="the file that keeps them")
    asked = parser.parse_args(arguments)
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")
    for seed in asked.seeds:
        for name in asked.only:
            with tempfile.TemporaryDirectory() as scratch:
                sizes = {"steps": asked.steps, "sentences": asked.sentences}
                run = train_run(name, seed, Path(scratch) / name, *texts, **sizes)
            keep(run, asked.to)
            print(f"{LABELS[name]}, seed {seed}: {run.exact_match:.1f} % right, {run.seconds} s", flush=True)


if __name__ == "__main__":
    main()
