"""Tries the learner's torch pieces on a real batch, one at a time, and plans the training on those that fit.

plan = plan_training(own_pieces(), PRESET, training, CORPUS)
live(..., model_options=plan.model_options, training=plan.training, **plan.hooks)
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from course.data import Tokenizer, encode_pairs, length_bucketed_batches, load_corpus
from course.errors import CourseError
from course.lab.exercises import reference
from course.lab.exercises.source import functions_of
from course.lessons.lesson_12.assembly import OwnPieces
from course.lessons.lesson_12.own_transformer import OwnTraining, options, theirs
from course.model import Transformer, TransformerConfig

if TYPE_CHECKING:
    from course.data import Batch
    from course.training import Preset, TrainingConfig

SLOWEST = 3.0  # times the reference's update: a slower piece would make the lesson's training too long
BUDGET = 2  # times as many updates on the learner's pieces
_UPDATES = 3  # that a trial measures
_CLOSE = 1e-3  # relative, of losses and gradients in float32


@dataclass(frozen=True)
class Trial:
    """What came out when one piece alone was the learner's. why: the reference stands in, in words; "" if it need not.

    times: how many times as long an update takes. called: whether anything in the training calls it: somebody's layers
    may use torch's norm, and not the one that they wrote.
    """

    exercise: str
    times: float
    why: str = ""
    called: bool = True


def tried_out(
    pieces: OwnPieces, batch: Batch, config: TransformerConfig, training: TrainingConfig
) -> tuple[OwnPieces, list[Trial]]:
    """Compute the loss and its gradient on a batch with each of the learner's pieces alone, and with all together.

    A piece that raises, prints, gives something else or makes an update more than `SLOWEST` times as long is replaced
    by the reference. Returns the pieces to use, and what was found, piece by piece; last, under "all", of all that
    stay.
    """
    torch.manual_seed(0)
    model = Transformer(config)
    references = {name: reference(name) for name in pieces.functions}
    none = OwnPieces(references, dict.fromkeys(pieces.owners, ""))
    right = _Update(none, model, batch, training)
    trials = []
    for name in theirs(pieces):
        alone = OwnPieces({**references, name: pieces[name]}, {**none.owners, name: "yours"})
        trials.append(_trial(name, alone, model, batch, training, right))
    good = {trial.exercise for trial in trials if not trial.why}
    kept = _without(pieces, trials)
    together = _trial("all", kept, model, batch, training, right) if good else Trial("all", 1.0)
    if together.why:  # each fits by itself, and they do not fit together: nobody can say whose fault it is
        kept = _without(pieces, [Trial(name, 1.0, together.why) for name in theirs(pieces)])
    busy = _called(kept, model, batch, training)
    return kept, [*(replace(trial, called=bool(trial.why) or trial.exercise in busy) for trial in trials), together]


def _called(pieces: OwnPieces, model: Transformer, batch: Batch, training: TrainingConfig) -> set[str]:
    """The learner's pieces that are called while their Transformer is made and computes a batch."""
    owner = {}
    for name in theirs(pieces):
        for function in functions_of(pieces[name]):
            owner[function.__code__] = name
    found: set[str] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in owner:
            found.add(owner[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        _Update(pieces, model, batch, training)
    finally:
        sys.setprofile(before)
    return found


def _without(pieces: OwnPieces, trials: Sequence[Trial]) -> OwnPieces:
    bad = {trial.exercise: trial.why for trial in trials if trial.why}
    functions = {name: reference(name) if name in bad else piece for name, piece in pieces.functions.items()}
    owners = {
        name: f"the reference (yours {bad[name]})" if name in bad else owner for name, owner in pieces.owners.items()
    }
    return OwnPieces(functions, owners)


class _Update:
    """The loss and the gradient of a batch, and how to compute them once more."""

    def __init__(self, pieces: OwnPieces, model: Transformer, batch: Batch, training: TrainingConfig):
        self.own = OwnTraining(pieces, training, model.config.d_model)
        self.model, self.batch = model, batch
        self.rates = [self.own.rate(step) for step in (1, training.warmup_steps, 10 * training.warmup_steps)]
        self.loss = self.compute()
        self.gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    def compute(self) -> float:
        """Forward and backward; returns the loss."""
        self.model.zero_grad()
        loss = self.own.mean_loss(self.model, self.batch)
        loss.backward()
        return float(loss.detach())

    def times(self, other: _Update) -> float:
        """How many times as long as the other one it takes: both in turns, the median."""
        ratios = []
        for _ in range(_UPDATES):
            seconds = []
            for each in (other, self):
                begun = time.perf_counter()
                each.compute()
                seconds.append(time.perf_counter() - begun)
            ratios.append(seconds[1] / seconds[0])
        return statistics.median(ratios)

    def is_like(self, other: _Update) -> bool:
        """Whether both are the same but for the last digits."""
        one, two = self.gradient, other.gradient
        return (
            one.shape == two.shape
            and float((one - two).norm()) <= _CLOSE * float(two.norm())
            and np.allclose([self.loss, *self.rates], [other.loss, *other.rates], rtol=_CLOSE)
        )


def _trial(
    name: str, pieces: OwnPieces, model: Transformer, batch: Batch, training: TrainingConfig, right: _Update
) -> Trial:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            found = _Update(pieces, model, batch, training)
            times = found.times(right)
    except Exception as error:  # the piece is the learner's and may raise anything
        reason = "does not fit the others" if isinstance(error, CourseError) else f"raised {type(error).__name__}"
        return Trial(name, float("nan"), reason)
    if said.getvalue():
        return Trial(name, times, "prints, and would do so at every update")
    if not found.is_like(right):
        return Trial(name, times, "gives another loss on a real batch")
    if times > SLOWEST:
        return Trial(name, times, f"makes an update {times:.1f} times as long, and the limit is {SLOWEST:g}")
    return Trial(name, times)


@dataclass(frozen=True)
class Plan:
    """What lesson 12 trains, and on which pieces: the learner's, as far as they have any that training can run on."""

    pieces: OwnPieces
    model_options: dict[str, Any]
    training: TrainingConfig
    hooks: dict[str, Any]
    trials: tuple[Trial, ...]

    @property
    def own(self) -> bool:
        """Whether it trains on anything of the learner's besides their training step."""
        return bool(self.hooks)


def plan_training(pieces: OwnPieces, preset: Preset, training: TrainingConfig, corpus: str) -> Plan:
    """Try the learner's pieces out, and plan `BUDGET` times the updates on those that fit; without any, the usual ones.

    Sinusoids and a rate that never comes down to zero want more updates than the preset's own recipe.
    """
    if not theirs(pieces):
        return Plan(pieces, preset.model, training, {}, ())
    text = load_corpus(corpus, "dev")
    tokenizer = Tokenizer.train([*text.source, *text.target], vocab_size=preset.vocab_size)
    examples = encode_pairs(text, tokenizer)
    batch = length_bucketed_batches(examples, max_tokens=training.batch_tokens, seed=training.seed, epoch=0)[0]
    sizes = dict.fromkeys(("src_vocab_size", "tgt_vocab_size"), tokenizer.vocab_size)
    config = TransformerConfig.from_dict(options(preset.model) | sizes)
    kept, trials = tried_out(pieces, batch, config, training)
    if not theirs(kept):
        return Plan(kept, preset.model, training, {}, tuple(trials))
    if training.max_steps is not None:
        training = replace(training, max_steps=BUDGET * training.max_steps)
    own = OwnTraining(kept, training, config.d_model)
    hooks = {"mean_loss": own.mean_loss, "rate": own.rate}
    return Plan(kept, options(preset.model), training, hooks, tuple(trials))
