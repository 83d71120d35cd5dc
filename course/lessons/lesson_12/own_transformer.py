"""The Transformer that the learner wrote, made of their torch pieces, and trained as the package's own is.

    pieces = own_pieces()
    pieces, rows = tried_out(pieces, batch, options)     # one piece at a time: which fit, and what each costs
    own = OwnTransformer(pieces, config)
    live(..., model_options=own.options, mean_loss=own.mean_loss, rate=own.rate(training))

The weights belong to a model of the package, which is what the optimizer moves, what is averaged, kept, resumed and
decoded. The learner's classes compute with them: each of their parameters is cut out of the package's, by the map of
:mod:`course.lab.exercises.modules`. So forward and backward run through the learner's lines and nothing else has to
know of it; and since both are the same function, what was trained on one works in the other.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from course.errors import CourseError
from course.lab.exercises.modules import Map, find_map
from course.lab.exercises.source import own_functions
from course.lessons.lesson_07 import reference as lesson_07
from course.lessons.lesson_08 import reference as lesson_08
from course.lessons.lesson_12.assembly import OwnPieces
from course.model import Transformer, TransformerConfig
from course.special import PAD

if TYPE_CHECKING:
    from course.data import Batch
    from course.training import Rate, TrainingConfig

# What the trained translator runs on, in the order of the lessons. The classes call the functions by their names.
COMPUTING = (
    "positional_encoding", "torch_attention", "MultiHeadAttention", "layer_norm", "FeedForward", "residual_block",
    "stack", "embed", "EncoderLayer", "DecoderLayer", "Transformer",
)  # fmt: skip
AROUND = ("padding_mask", "decoder_mask", "shift", "smooth_labels", "loss", "noam")
TRAINED = (*COMPUTING, *AROUND)
# What the learner's Transformer is: norms first, sinusoids, biases, and one table for everything.
SHAPE = {"norm": "pre", "positions": "sinusoidal", "bias": True, "tie": "all"}

SLOWEST = 3.0  # times the reference's update: a slower piece would make the lesson's training too long
_UPDATES = 3  # that a trial measures, after one that does not count
_CLOSE = 1e-3  # relative, of losses and gradients in float32


class OwnTransformer:
    """The learner's Transformer on the weights of one of the package's.

    Args:
        pieces: the learner's, and references for the others.
        config: of the package's model; of the kind that `SHAPE` says.

    Raises:
        CourseError: The config is of another kind, or the class does something else than the package's model.
    """

    def __init__(self, pieces: OwnPieces, config: TransformerConfig):
        for name, value in SHAPE.items():
            if getattr(config, name) != value:
                raise CourseError(f"{name} is {getattr(config, name)!r}; the Transformer of lesson 08 has {value!r}.")
        self.pieces, self.config = pieces, config
        names = _namespace(pieces)
        sizes = (config.tgt_vocab_size, config.d_model, config.n_heads, config.d_ff, config.n_encoder_layers)
        self.module: nn.Module = names["Transformer"](*sizes, config.dropout, config.max_len)
        self._cuts = _cuts(config, self.module)

    def weights(self, model: nn.Module) -> dict[str, Tensor]:
        """The learner's parameters by name, cut out of the package's: gradients flow back to those."""
        whole = dict(model.named_parameters())
        return {name: _together([whole[source][rows] for source, rows in cuts]) for name, cuts in self._cuts.items()}

    def logits(self, model: nn.Module, src: Tensor, tgt: Tensor) -> Tensor:
        """src (B, S) and tgt (B, T) ids -> (B, T, V), by the learner's classes and masks, with the model's weights."""
        masks = (_mask(self.pieces["padding_mask"], src), _mask(self.pieces["decoder_mask"], tgt))
        self.module.train(model.training)
        found: Tensor = functional_call(self.module, self.weights(model), (src, tgt, *masks))
        return found

    def mean_loss(self, model: nn.Module, batch: Batch, label_smoothing: float = 0.0) -> Tensor:
        """The loss of a batch in nats a token, by the learner's shift and loss or smoothed labels."""
        tgt = torch.cat([batch.tgt_in[:, :1], batch.labels], dim=1)  # BOS, words, EOS, pads
        inputs, labels = self.pieces["shift"](tgt)
        logits = self.logits(model, batch.src, inputs)
        if not label_smoothing:
            plain: Tensor = self.pieces["loss"](logits, labels, PAD)
            return plain
        target = self.pieces["smooth_labels"](labels.flatten(), logits.shape[-1], PAD, label_smoothing)
        summed: Tensor = -(target * logits.flatten(0, 1).log_softmax(-1)).sum()
        return summed / batch.n_target_tokens

    def hooks(self, training: TrainingConfig) -> dict[str, Any]:
        """What `live` and `train` take beside their own arguments, to train on the learner's pieces."""

        def mean_loss(model: nn.Module, batch: Batch) -> Tensor:
            return self.mean_loss(model, batch, training.label_smoothing)

        return {"mean_loss": mean_loss, "rate": self.rate(training)}

    def rate(self, training: TrainingConfig) -> Rate:
        """The learner's `noam`, scaled so that its peak is the recipe's learning rate."""
        noam, width, warmup = self.pieces["noam"], self.config.d_model, training.warmup_steps
        peak = noam(warmup, width, warmup)
        return lambda step: float(training.lr * noam(step, width, warmup) / peak)


def options(model: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a preset's model, changed to the kind that lesson 08 builds."""
    return {**model, **SHAPE}


def theirs(pieces: OwnPieces) -> tuple[str, ...]:
    """The pieces of the trained translator that are the learner's, by exercise."""
    return tuple(name for name in TRAINED if pieces.owners.get(name) == "yours")


# --- one namespace for all ----------------------------------------------------------------------------------------


def _namespace(pieces: OwnPieces) -> dict[str, Any]:
    """All pieces by name, such that what one of them calls by its name is the one that is used.

    References are made anew here, since they would find the other references in their own modules; and so are the
    names in the learner's pieces, each of which was kept with the others as they were then.
    """
    names: dict[str, Any] = {"__name__": "own_transformer"}
    for module in (lesson_07, lesson_08):
        exec(compile(inspect.getsource(module), str(module.__file__), "exec"), names)
    own = {name: pieces[name] for name in COMPUTING if pieces.owners.get(name) == "yours"}
    names.update(own)
    everything = {name: names[name] for name in COMPUTING}
    for piece in own.values():
        for function in own_functions(piece) if isinstance(piece, type) else [piece]:
            _rebind(function, everything)
    return names


def _rebind(function: FunctionType, everything: Mapping[str, Any]) -> None:
    """Let a kept function find the pieces; a namespace that is a module's is left alone."""
    around = function.__globals__
    if around.get("__name__") == "workbook_piece":
        around.update({name: piece for name, piece in everything.items() if name in around})


Cuts = dict[str, list[tuple[str, slice]]]


def _cuts(config: TransformerConfig, module: nn.Module) -> Cuts:
    """Where each parameter of the learner's class stands in the package's: names, and rows of them."""
    package = Transformer(replace(config, dropout=0.0)).double().eval()
    rng = np.random.default_rng(0)
    ids = [torch.from_numpy(rng.integers(4, config.tgt_vocab_size, (2, n))) for n in (5, 4)]
    with torch.no_grad():
        for p in package.parameters():
            p.add_(0.1 * torch.from_numpy(rng.standard_normal(tuple(p.shape))))
        right = package(*ids)

        def agree() -> bool:
            found = module.eval()(*ids)
            return found.shape == right.shape and torch.allclose(found, right, atol=1e-8)

        found = find_map(package, module.double(), agree)
        if not found.complete or not agree():
            raise CourseError("this Transformer computes something else than the package's does with the same weights.")
    module.float()
    return _by_name(found, package, module)


def _by_name(found: Map, package: nn.Module, module: nn.Module) -> Cuts:
    names = {id(p): name for model in (package, module) for name, p in model.named_parameters()}
    pieces: dict[str, list[tuple[int, str, slice]]] = {}
    for source, target in found.pairs:
        for (p, rows), (q, place) in zip(source.pieces, target.pieces, strict=True):
            pieces.setdefault(names[id(q)], []).append((place.start or 0, names[id(p)], rows))
    return {
        name: [(source, rows) for _, source, rows in sorted(cuts, key=lambda c: c[0])] for name, cuts in pieces.items()
    }


def _together(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _mask(piece: Any, ids: Tensor) -> Tensor:  # noqa: ANN401
    return torch.from_numpy(np.array(piece(ids.numpy(), PAD)))


# --- one piece at a time ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """What came out when one piece alone was the learner's. why: the reference stands in, in words; "" if it need not.

    times: how many times as long an update takes.
    """

    exercise: str
    times: float
    why: str = ""


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
    none = replace(pieces, owners=dict.fromkeys(pieces.owners, ""))
    right = _Update(none, model, batch, training)
    trials = []
    for name in theirs(pieces):
        alone = replace(none, owners={**none.owners, name: "yours"}, functions=_only(pieces, name))
        trials.append(_trial(name, alone, model, batch, training, right))
    good = {trial.exercise for trial in trials if not trial.why}
    kept = _without(pieces, trials)
    together = _trial("all", kept, model, batch, training, right) if good else Trial("all", 1.0)
    if together.why:  # each fits by itself, and they do not fit together: nobody can say whose fault it is
        kept = _without(pieces, [Trial(name, 1.0, together.why) for name in theirs(pieces)])
    return kept, [*trials, together]


def _only(pieces: OwnPieces, name: str) -> dict[str, Any]:
    from course.lab.exercises import reference

    return {each: pieces[each] if each == name else reference(each) for each in pieces.functions}


def _without(pieces: OwnPieces, trials: Sequence[Trial]) -> OwnPieces:
    from course.lab.exercises import reference

    bad = {trial.exercise: trial.why for trial in trials if trial.why}
    functions = {name: reference(name) if name in bad else piece for name, piece in pieces.functions.items()}
    owners = {
        name: f"the reference (yours {bad[name]})" if name in bad else owner for name, owner in pieces.owners.items()
    }
    return OwnPieces(functions, owners)


class _Update:
    """The loss and the gradient of a batch, and the seconds that both take."""

    def __init__(self, pieces: OwnPieces, model: Transformer, batch: Batch, training: TrainingConfig):
        own = OwnTransformer(pieces, model.config)
        hooks = own.hooks(training)
        self.rates = [hooks["rate"](step) for step in (1, training.warmup_steps, 10 * training.warmup_steps)]
        taken = []
        for _ in range(1 + _UPDATES):
            model.zero_grad()
            begun = time.perf_counter()
            loss = hooks["mean_loss"](model, batch)
            loss.backward()
            taken.append(time.perf_counter() - begun)
        self.seconds = statistics.median(taken[1:])
        self.loss = float(loss.detach())
        self.gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

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
    except Exception as error:  # the piece is the learner's and may raise anything
        reason = "does not fit the others" if isinstance(error, CourseError) else f"raised {type(error).__name__}"
        return Trial(name, float("nan"), reason)
    times = found.seconds / right.seconds
    if said.getvalue():
        return Trial(name, times, "prints, and would do so at every update")
    if not found.is_like(right):
        return Trial(name, times, "gives another loss on a real batch")
    if times > SLOWEST:
        return Trial(name, times, f"makes an update {times:.1f} times as long, and the limit is {SLOWEST:g}")
    return Trial(name, times)
