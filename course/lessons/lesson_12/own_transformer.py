"""The Transformer that the learner wrote, made of their torch pieces, and trained as the package's own is.

    own = OwnTraining(own_pieces(), training, d_model)
    train(..., model_options=options(preset.model), mean_loss=own.mean_loss, rate=own.rate)
    say(pieces, translator, sentences, beam=4)      # by the learner's model and search

The weights belong to a model of the package, which is what the optimizer moves, what is averaged, kept, resumed and
decoded. The learner's classes compute with them: each of their parameters is cut out of the package's, by the map of
:mod:`course.lab.exercises.modules`. So forward and backward run through the learner's lines and nothing else has to
know of it; and since both are the same function, what was trained on one works in the other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from course.data.batches import make_batch
from course.errors import CourseError
from course.lab.exercises.importable import PIECE_MODULE
from course.lab.exercises.modules import Map, find_map
from course.lab.exercises.source import functions_of
from course.lessons.lesson_07 import reference as lesson_07
from course.lessons.lesson_08 import reference as lesson_08
from course.lessons.lesson_12.assembly import OwnPieces
from course.model import Transformer, TransformerConfig, padding_mask
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    from course.data import Batch
    from course.training import TrainingConfig
    from course.translator import Translator

# What the trained translator runs on, in the order of the lessons. The classes call the functions by their names.
COMPUTING = (
    "positional_encoding", "torch_attention", "MultiHeadAttention", "layer_norm", "FeedForward", "residual_block",
    "stack", "embed", "EncoderLayer", "DecoderLayer", "Transformer",
)  # fmt: skip
AROUND = ("padding_mask", "decoder_mask", "shift", "smooth_labels", "loss", "noam")
TRAINED = (*COMPUTING, *AROUND)
# What the learner's Transformer is: norms first, sinusoids, biases, and one table for everything.
SHAPE = {"norm": "pre", "positions": "sinusoidal", "bias": True, "tie": "all"}

LONGEST = 60  # words of a translation


class OwnTransformer:
    """The learner's Transformer on the weights of one of the package's.

    Args:
        pieces: the learner's, and references for the others.
        config: of the package's model; of the kind that `SHAPE` says.
        like: another whose classes are the same. Its map of the weights is taken as it is, so that a piece may compute
            something else than it should.

    Raises:
        CourseError: The config is of another kind, or the class does something else than the package's model.
    """

    def __init__(self, pieces: OwnPieces, config: TransformerConfig, *, like: OwnTransformer | None = None):
        for name, value in SHAPE.items():
            if getattr(config, name) != value:
                raise CourseError(f"{name} is {getattr(config, name)!r}; the Transformer of lesson 08 has {value!r}.")
        self.pieces, self.config = pieces, config
        names = _namespace(pieces)
        sizes = (config.tgt_vocab_size, config.d_model, config.n_heads, config.d_ff, config.n_encoder_layers)
        self.module: nn.Module = names["Transformer"](*sizes, config.dropout, config.max_len)
        self._cuts: Cuts = _cuts(config, self.module) if like is None else like._cuts

    def weights(self, model: nn.Module) -> dict[str, Tensor]:
        """The learner's parameters by name, cut out of the package's: gradients flow back to those."""
        whole = dict(model.named_parameters())
        return {name: _together([whole[source][rows] for source, rows in cuts]) for name, cuts in self._cuts.items()}

    def logits(self, model: nn.Module, src: Tensor, tgt: Tensor) -> Tensor:
        """src (B, S) and tgt (B, T) ids -> (B, T, V), by the learner's classes and masks, with the model's weights."""
        masks = (_mask(self.pieces["padding_mask"], src), _mask(self.pieces["decoder_mask"], tgt))
        self.module.to(src.device).train(model.training)  # its positions are no weights of the model's
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
        target = self.pieces["smooth_labels"](labels.flatten().cpu(), logits.shape[-1], PAD, label_smoothing)
        summed: Tensor = -(target.to(logits.device) * logits.flatten(0, 1).log_softmax(-1)).sum()
        return summed / batch.n_target_tokens

    def filled(self, model: nn.Module) -> nn.Module:
        """The learner's module with the model's weights in it, in evaluation mode."""
        with torch.no_grad():
            self.module.load_state_dict(self.weights(model), strict=False)
        return self.module.eval()


class OwnTraining:
    """What `live` and `train` take beside their own arguments, to train on the learner's pieces.

    The Transformer is made when the first batch comes, since only then its sizes are known.
    """

    def __init__(self, pieces: OwnPieces, training: TrainingConfig, d_model: int):
        self.pieces, self.training, self.d_model = pieces, training, d_model
        self.own: OwnTransformer | None = None

    def mean_loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a batch; see :meth:`OwnTransformer.mean_loss`."""
        if self.own is None:
            assert isinstance(model, Transformer)
            self.own = OwnTransformer(self.pieces, model.config)
        return self.own.mean_loss(model, batch, self.training.label_smoothing)

    def rate(self, step: int) -> float:
        """The learner's `noam`, scaled so that its peak is the recipe's learning rate."""
        noam, warmup = self.pieces["noam"], self.training.warmup_steps
        return float(self.training.lr * noam(step, self.d_model, warmup) / noam(warmup, self.d_model, warmup))


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
        for function in functions_of(piece):
            _rebind(function, everything)
    return names


def _rebind(function: Callable[..., Any], everything: Mapping[str, Any]) -> None:
    """Let a kept function find the pieces; a namespace that is a module's is left alone."""
    around = getattr(function, "__globals__", {})
    if around.get("__name__") == PIECE_MODULE:
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
    return torch.from_numpy(np.array(piece(ids.cpu().numpy(), PAD))).to(ids.device)


# --- at work --------------------------------------------------------------------------------------------------------


def own_module(pieces: OwnPieces, translator: Translator) -> nn.Module:
    """The learner's Transformer with the weights of a translator, which must be of the kind that `SHAPE` says."""
    assert isinstance(translator.model, Transformer)
    return OwnTransformer(pieces, translator.model.config).filled(translator.model)


@torch.inference_mode()
def say(
    pieces: OwnPieces, translator: Translator, texts: Sequence[str], *, beam: int = 1, module: nn.Module | None = None
) -> list[str]:
    """Translate with the learner's Transformer and their search: `greedy` for a beam of 1, else `beam`.

    module: that Transformer with the translator's weights, where somebody has made it. Nothing is cached, so it is
    slow: each word computes all words before it again.
    """
    module, tokenizer = own_module(pieces, translator) if module is None else module, translator.tokenizer
    said = []
    for text in texts:
        src = torch.tensor([[*tokenizer.encode(text), EOS]])
        src_mask = _mask(pieces["padding_mask"], src)
        memory = module.encode(src, src_mask)  # type: ignore[operator]

        def step(ids: Tensor, memory: Tensor = memory, src_mask: Tensor = src_mask) -> Tensor:
            same = memory.expand(len(ids), -1, -1)
            logits: Tensor = module.decode(ids, same, _mask(pieces["decoder_mask"], ids), src_mask)  # type: ignore[operator]
            return logits

        if beam == 1:
            ids = pieces["greedy"](step, torch.tensor([[BOS]]), LONGEST)[0]
        else:
            _, ids = pieces["beam"](step, beam, LONGEST)
        said.append(tokenizer.decode([i for i in ids.tolist() if i not in (BOS, EOS, PAD)]))
    return said


def own_loss(pieces: OwnPieces, translator: Translator, pairs: Mapping[str, str]) -> float:
    """What the learner's `loss` says of their Transformer on given translations, in nats a token."""
    tokenizer, model = translator.tokenizer, translator.model
    batch = make_batch([(tokenizer.encode(source), tokenizer.encode(target)) for source, target in pairs.items()])
    assert isinstance(model, Transformer)
    with torch.no_grad():
        return float(OwnTransformer(pieces, model.config).mean_loss(model.eval(), batch))


def largest_difference(pieces: OwnPieces, translator: Translator, pairs: Mapping[str, str]) -> float:
    """Largest difference between the learner's logits and the package's, on given translations (source -> target)."""
    tokenizer, model = translator.tokenizer, translator.model
    batch = make_batch([(tokenizer.encode(source), tokenizer.encode(target)) for source, target in pairs.items()])
    assert isinstance(model, Transformer)
    own = OwnTransformer(pieces, model.config)
    with torch.no_grad():
        right = model.eval()(batch.src, batch.tgt_in, src_mask=padding_mask(batch.src, pad=PAD))
        found = own.logits(model, batch.src, batch.tgt_in)
    return float((found - right)[batch.labels != PAD].abs().max())
