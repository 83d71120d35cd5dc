"""How alignment is born: one training, looked into at thirty moments.

    python -m course.lessons.lesson_13.birth

trains a Transformer with the recipe of the translators that ship with the course, half as wide, for half as many
updates, and keeps in logs/birth.json what it was at each moment: its losses, how often it translates exactly, how far
each head's attention is from the gold alignment, and four sentences with their translation and their maps. What is
looked at are the weights as they are, not their moving average, which lags behind. Imports torch where it trains.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.alignment import Links, WordAttention, word_attention
from course.data import embedded_pairs, encode_pairs, gold, load_corpus
from course.data.embedded import Pair

if TYPE_CHECKING:
    import torch
    from torch import nn

    from course.data import Examples
    from course.data.batches import Batch
    from course.translator import Translator

Array = NDArray[Any]

LOGS = Path(__file__).parent / "logs"
FILE = "birth.json"
CORPUS = "embedded-en-de"
STEPS = 1000
NARROW = {"d_model": 64, "d_ff": 192}  # half of what ships: as many layers and heads, in a quarter of the time
RATE = 0.036  # the best of those that lesson 10 tried at this width
# After so many of a thousand updates it is looked into: often early, where most happens.
MOMENTS = (0, 10, 20, 30, 40, 50, 60, 80, 100, 120, 140, 160, 180, 200, 225, 250, 275, 300, 325, 350, 375, 400, 450,
           500, 550, 600, 700, 800, 900, 1000)  # fmt: skip
MAPPED = (
    "The king called your father today.",
    "The president of that country did not arrive.",
    "The box is big, but it is empty.",
    "My father said that he turned off the light.",
)
PAIRS = 200  # of the split dev, for alignment error and exact match
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Mapped:
    """One of the four sentences. gold: links (source word, target word)."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    text: str
    right: str
    gold: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Moment:
    """The model after `step` updates.

    Attributes:
        step: updates done.
        loss: cross-entropy on the validation pairs, nats a piece.
        other_loss: the same when each target is to be said of another pair's source, of about the same length.
        exact: sentences translated exactly, of so many.
        errors: (L, H + 1, 3) alignment error of each head and of the mean of a layer's heads, and the ends of its 95 %
            interval.
        said: the four sentences' translations, greedily.
        maps: for each of the four (L, H, T, S + 1): target words down, source words and the end token across, while
            the right translation is being said.
    """

    step: int
    loss: float
    other_loss: float
    exact: tuple[int, int]
    errors: Array
    said: tuple[str, ...]
    maps: tuple[Array, ...]


@dataclass(frozen=True)
class Birth:
    """The kept training. diagonal: the alignment error of linking each word to the one at the same share of the way."""

    about: dict[str, Any]
    diagonal: float
    sentences: tuple[Mapped, ...]
    moments: tuple[Moment, ...]

    def best_head(self, moment: int = -1) -> tuple[int, int]:
        """The layer and head with the smallest alignment error at a moment."""
        errors = self.moments[moment].errors[:, :-1, 0]
        layer, head = np.unravel_index(int(errors.argmin()), errors.shape)
        return int(layer), int(head)


# ---- Measuring one moment ----------------------------------------------------------------------------------------


def mapped_pairs() -> list[Pair]:
    """The pairs of `MAPPED`, in that order; all stand in the split dev."""
    by_text = {pair.source: pair for pair in embedded_pairs(CORPUS, "dev")}
    return [by_text[text] for text in MAPPED]


def other_sources(examples: Examples, *, seed: int = 1) -> Examples:
    """The same targets, each with the source of another pair of about the same length."""
    order = np.random.default_rng(seed).permutation(len(examples))
    order = np.array(sorted(order, key=lambda i: len(examples[i][0])))
    given: list[Any] = [None] * len(examples)
    for here, there in zip(order, np.roll(order, 1), strict=True):
        given[here] = (examples[there][0], examples[here][1])
    return given


def counts_of(looked: WordAttention, right: Links) -> Array:
    """(L, H + 1, 2) of one pair: links in common with the gold ones, and links of both; last the mean of the heads."""
    heads = [*range(looked.weights.shape[1]), None]
    guesses = [[looked.links(layer, head) for head in heads] for layer in range(looked.n_layers)]
    return np.array([[(len(guess & right), len(guess) + len(right)) for guess in layer] for layer in guesses])


def error_rates(counts: Array, *, seed: int = 0) -> Array:
    """Alignment error with its 95 % interval, by drawing pairs anew: (N, ..., 2) of counts -> (..., 3)."""
    weights = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=DRAWS)
    drawn = np.einsum("dn,n...->d...", weights, counts)
    rates = 1 - 2 * drawn[..., 0] / drawn[..., 1]
    total = counts.sum(0)
    return np.stack([1 - 2 * total[..., 0] / total[..., 1], *np.quantile(rates, (0.025, 0.975), axis=0)], axis=-1)


def diagonal(pair: Pair) -> Links:
    """The links of somebody who does not read: each target word to the source word at the same share of the way."""
    sources, targets = len(pair.source_tokens), len(pair.target_tokens)
    return {(min(int((j + 0.5) * sources / targets), sources - 1), j) for j in range(targets)}


def diagonal_error(pairs: Iterable[Pair]) -> float:
    """The alignment error of `diagonal`."""
    counts = np.array([_counts(diagonal(pair), set(gold(pair))) for pair in pairs]).sum(0)
    return float(1 - 2 * counts[0] / counts[1])


def _counts(guess: Links, right: Links) -> tuple[int, int]:
    return len(guess & right), len(guess) + len(right)


def measure(translator: Translator, step: int, examples: Examples, pairs: Sequence[Pair]) -> Moment:
    """Everything about a translator after so many updates. examples: the validation pairs as ids."""
    from course.evaluation import right
    from course.lessons.lesson_10.small import mean_loss

    model: Any = translator.model
    counts = np.array([
        counts_of(word_attention(translator, pair.source_tokens, pair.target_tokens), set(gold(pair))) for pair in pairs
    ])  # fmt: skip
    said = [found.text for found in translator.translate([pair.source for pair in pairs], beam=1)]
    mapped = mapped_pairs()
    return Moment(
        step=step,
        loss=mean_loss(model, examples),
        other_loss=mean_loss(model, other_sources(examples)),
        exact=(sum(right(line, pair) for line, pair in zip(said, pairs, strict=True)), len(pairs)),
        errors=error_rates(counts),
        said=tuple(found.text for found in translator.translate([pair.source for pair in mapped], beam=1)),
        maps=tuple(word_attention(translator, pair.source_tokens, pair.target_tokens).weights for pair in mapped),
    )


# ---- The training ------------------------------------------------------------------------------------------------


def give_birth(run: Path, *, steps: int = STEPS, pairs: int = PAIRS) -> dict[str, Any]:
    """Train, look at the `MOMENTS` (as far as there are so many updates), and return what the log keeps."""
    from course.data import Tokenizer
    from course.pretrained.__main__ import recipe
    from course.training import train, training_step
    from course.translator import Translator

    preset, training = recipe(steps)
    options = preset.model | NARROW
    training = replace(training, lr=RATE, averaging="none", validations=1, validation_sentences=1)
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")
    tokenizer = Tokenizer.train([*texts[0].source, *texts[0].target], vocab_size=preset.vocab_size)  # as `train` makes
    examples, looked_at = encode_pairs(texts[1], tokenizer), embedded_pairs(CORPUS, "dev")[:pairs]
    moments: list[Moment] = []
    done, of_training = 0, 0.0
    latest: list[Any] = []

    def look(model: nn.Module) -> None:
        if done in MOMENTS:
            translator: Any = Translator(model, tokenizer)  # type: ignore[arg-type]
            moments.append(measure(translator, done, examples, looked_at))
            print(_line(moments[-1]), flush=True)

    def step(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer, mean_loss: Any, clip: float) -> float:  # noqa: ANN401
        nonlocal done, of_training
        look(model)
        begun = time.process_time()
        loss = training_step(model, batch, optimizer, mean_loss, clip)
        of_training += time.process_time() - begun
        done += 1
        latest[:] = [model]
        return loss

    train(run, *texts, model_options=options, training=training, vocab_size=preset.vocab_size,
          corpus={"name": CORPUS}, step=step)  # fmt: skip
    look(latest[0])
    about = {
        "corpus": CORPUS, "updates": steps, "model": options, "training": training.to_dict(),
        "pairs": len(looked_at), "processor_seconds_of_training": round(of_training),
    }  # fmt: skip
    return as_json(about, diagonal_error(looked_at), moments)


def _line(moment: Moment) -> str:
    best = moment.errors[:, :, 0].min()
    return (
        f"{moment.step:>5} updates: loss {moment.loss:.3f}, another's source {moment.other_loss:.3f}, exact "
        f"{moment.exact[0]} of {moment.exact[1]}, best alignment error {best:.3f}: {moment.said[0]}"
    )


# ---- The log -----------------------------------------------------------------------------------------------------


def as_json(about: dict[str, Any], rate_of_diagonal: float, moments: Sequence[Moment]) -> dict[str, Any]:
    """What the log keeps: weights as bytes, 255 for a weight of 1."""
    return {
        "about": about,
        "diagonal": round(rate_of_diagonal, 4),
        "sentences": [
            {
                "source": [t.text for t in pair.source_tokens], "target": [t.text for t in pair.target_tokens],
                "text": pair.source, "right": pair.target, "gold": [list(link) for link in gold(pair)],
            }
            for pair in mapped_pairs()
        ],
        "moments": [_plain(moment) for moment in moments],
    }  # fmt: skip


def _plain(moment: Moment) -> dict[str, Any]:
    return {
        "step": moment.step, "loss": round(moment.loss, 4), "other_loss": round(moment.other_loss, 4),
        "exact": list(moment.exact), "errors": moment.errors.round(4).tolist(), "said": list(moment.said),
        "shapes": [list(weights.shape) for weights in moment.maps],
        "maps": [packed(weights) for weights in moment.maps],
    }  # fmt: skip


def packed(weights: Array) -> str:
    """Weights from 0 to 1 as text: a byte each, in base64."""
    return base64.b64encode(np.round(255 * weights.clip(0, 1)).astype(np.uint8).tobytes()).decode("ascii")


def unpacked(text: str, shape: Sequence[int]) -> Array:
    """The weights that `packed` made text of, to half a 255th."""
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(shape) / 255


def from_json(kept: dict[str, Any]) -> Birth:
    """A training from what the log keeps."""
    return Birth(
        about=kept["about"],
        diagonal=kept["diagonal"],
        sentences=tuple(
            Mapped(tuple(s["source"]), tuple(s["target"]), s["text"], s["right"], tuple((i, j) for i, j in s["gold"]))
            for s in kept["sentences"]
        ),
        moments=tuple(
            Moment(
                m["step"], m["loss"], m["other_loss"], (m["exact"][0], m["exact"][1]), np.array(m["errors"]),
                tuple(m["said"]), tuple(map(unpacked, m["maps"], m["shapes"])),
            )
            for m in kept["moments"]
        ),
    )  # fmt: skip


@functools.cache
def read_birth(folder: Path = LOGS) -> Birth:
    """The kept training."""
    return from_json(json.loads((folder / FILE).read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train once and keep the log."""
    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_13.birth", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="updates (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs that are aligned (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder of the log")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        kept = give_birth(Path(folder) / "run", steps=asked.steps, pairs=asked.pairs)
    asked.to.mkdir(parents=True, exist_ok=True)
    (asked.to / FILE).write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
