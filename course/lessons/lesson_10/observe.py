"""Lets a training loop work on a tiny real model and watches it; and takes the gradient of a loss.

The model is small enough for an update in a millisecond and has all that matters to a loop: dropout, several
parameters, and logits that depend on the source and on every word that the decoder is given. Imports torch: only what
checks loops, and the lesson's own tests, need this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from course.special import BOS, EOS, PAD

Array = NDArray[Any]
Batches = list[tuple[Tensor, Tensor]]
Loop = Callable[[nn.Module, Batches, float, float, int], Any]

WORDS = 9  # with the four special ones


class Small(nn.Module):
    """Says the next word from the last one and from the source: ids (B, S) and (B, T) -> logits (B, T, 9), float64."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        kind: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        self.embedding = nn.Embedding(WORDS, 4, **kind)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(4, WORDS, **kind)
        rng = np.random.default_rng(10)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.from_numpy(rng.standard_normal(tuple(p.shape))))

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        """Return the logits of the next word."""
        source = self.embedding(src) * (src != PAD)[..., None]
        state = self.embedding(tgt) + source.mean(dim=1, keepdim=True)
        logits: Tensor = self.output(self.dropout(state))
        return logits


def sentences(lengths: Sequence[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make a batch of sentences with so many words: src (B, S) and tgt (B, T), padded at their ends."""
    rng = np.random.default_rng(seed)
    src = torch.full((len(lengths), max(lengths) + 2), PAD)
    tgt = torch.full((len(lengths), max(lengths) + 2), PAD)
    for row, n in enumerate(lengths):
        src[row, : n + 2] = torch.tensor([*rng.integers(4, WORDS, n + 1), EOS])
        tgt[row, : n + 2] = torch.tensor([BOS, *rng.integers(4, WORDS, n), EOS])
    return src, tgt


@dataclass
class Seen:
    """What one call of a training loop did.

    Attributes:
        answer: what it returned.
        given: the ids (B, T) that the decoder was given, batch by batch.
        modes: in which mode the model was at each batch.
        updates: how many batches there had been before each update.
        gradients: the gradient that each update used, as one vector.
        weights: all of them afterwards, as one vector.
    """

    answer: Any = None
    given: list[Array] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)
    gradients: list[Array] = field(default_factory=list)
    weights: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def lengths(self) -> list[float]:
        """How long the gradient of each update was."""
        return [float(np.linalg.norm(gradient)) for gradient in self.gradients]


def mode(model: nn.Module) -> str:
    """The mode of a model and all modules in it, in words."""
    modes = {module.training for module in model.modules()}
    return "a mixture of both" if len(modes) == 2 else "training" if modes.pop() else "evaluation"


def _vector(numbers: Sequence[Tensor | None], like: Sequence[Tensor]) -> Array:
    """Numbers of all parameters as one vector; zeros for those that have none."""
    parts = [torch.zeros_like(p) if n is None else n for n, p in zip(numbers, like, strict=True)]
    return torch.cat([part.detach().flatten() for part in parts]).numpy().copy()


def watch(
    train: Loop, batches: Batches, *, lr: float = 0.0, clip: float = 1000.0, accum: int = 1, dropout: float = 0.0,
    training: bool = True, seed: int = 0,
) -> Seen:  # fmt: skip
    """Let a loop train the small model, and return what it did.

    training: in which mode the model comes. seed: of its dropout. The other arguments are those of the loop.
    """
    with torch.random.fork_rng(devices=[]):
        model = Small(dropout).train(training)
    parameters, seen = list(model.parameters()), Seen()

    def forward(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        seen.given.append(arguments[-1].numpy().copy())
        seen.modes.append(mode(module))

    def before(optimizer: Optimizer, *_: object) -> None:
        seen.updates.append(len(seen.given))
        seen.gradients.append(_vector([p.grad for p in parameters], parameters))

    model.register_forward_pre_hook(forward)
    hook = register_optimizer_step_pre_hook(before)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            seen.answer = train(model, batches, lr, clip, accum)
    finally:
        hook.remove()
    seen.weights = _vector(parameters, parameters)
    return seen


def kind_of(answer: object) -> str:
    """What came back, in words."""
    if not isinstance(answer, (list, tuple)):
        return type(answer).__name__
    inside = sorted({type(each).__name__ for each in answer})
    return f"{type(answer).__name__} of {' and '.join(inside)}" if inside else f"empty {type(answer).__name__}"


def _numbers(answer: Any) -> Array:  # noqa: ANN401
    """The losses that came back; none if they are no numbers."""
    try:
        return np.array([float(each) for each in answer])
    except (TypeError, ValueError, RuntimeError):
        return np.zeros(0)


def observe_loop(train: Loop, groups: Sequence[Sequence[int]], **how: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Watch a loop on batches of sentences of given lengths, and return what was seen by name; None if it did nothing.

    groups: for each batch the words of its sentences. how: what `watch` takes.
    """
    batches = [sentences(lengths, seed=i) for i, lengths in enumerate(groups)]
    seen = watch(train, batches, **how)
    if (seen.answer is None or seen.answer is ...) and not seen.given:
        return None
    return {
        "the type of what comes back": kind_of(seen.answer),
        "the number of losses": np.array(len(_numbers(seen.answer))),
        "the losses": _numbers(seen.answer),
        "what the decoder is given for the first batch": seen.given[0] if seen.given else np.zeros(0),
        "the number of batches that the model sees": np.array(len(seen.given)),
        "the number of batches before each update": np.array(seen.updates, dtype=int),
        "the mode of the model at each batch": ", ".join(seen.modes) or "none: it is never called",
        "the length of the gradient of each update": np.array(seen.lengths),
        "the gradient of each update": np.array(seen.gradients),
        "the weights afterwards": seen.weights,
    }


def observe_loss(loss: Callable[..., Any], logits: Array, labels: Array, pad: int) -> dict[str, Any] | None:
    """Call a loss on tensors, and return it with its gradient with respect to the logits; None if nothing came back."""
    given = torch.from_numpy(logits).requires_grad_()
    found = loss(given, torch.from_numpy(labels), pad)
    if found is None or found is ...:
        return None
    gradient: Any = "none: the loss does not know how it was computed"
    if isinstance(found, Tensor) and found.requires_grad:
        total = found if found.ndim == 0 else found.sum()
        total.backward()
        gradient = np.zeros_like(logits) if given.grad is None else given.grad.numpy().copy()
    value = found.detach().numpy().copy() if isinstance(found, Tensor) else found
    kind = "Tensor" if isinstance(found, Tensor) else type(found).__name__
    return {"the type of the loss": kind, "the loss": np.asarray(value), "the gradient of the logits": gradient}
