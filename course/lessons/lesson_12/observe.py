"""Lets a training step work on a tiny real model and watches it. Imports torch: only ``observe`` needs this file.

The model is a bigram model: each target word predicts the next one from its own embedding. It is small enough to take a
step in a millisecond, and has all that matters to a step: dropout, several parameters, two parameter groups.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from course.data.batches import Batch, make_batch
from course.lab.exercises.exercise import Function
from course.special import PAD

_WORDS = 9  # with the four special tokens
_SENTENCES = (
    (([4, 5, 6], [5, 4]), ([7, 4], [6, 6, 8]), ([8], [7])),
    (([5, 5], [8, 7, 4, 5]), ([6, 7, 8, 4], [4, 4])),
)


class Bigram(nn.Module):
    """Each word predicts the next one: (B, T) ids -> (B, T, 9) logits, float64."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        kind: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        self.embedding = nn.Embedding(_WORDS, 4, **kind)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(4, _WORDS, **kind)
        rng = np.random.default_rng(12)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.from_numpy(2 * rng.standard_normal(tuple(p.shape))))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next word."""
        logits: Tensor = self.output(self.dropout(self.embedding(tokens)))
        return logits


class Limit(float):
    """The argument clip: a float that tells when it is read, by clip_grad_norm_ and its relatives or by hand."""

    watch: "Watch"

    def __float__(self) -> float:
        self.watch.limit_read()
        return self.real

    def __truediv__(self, other: Any) -> Any:  # noqa: ANN401
        return float(self) / other

    def __rtruediv__(self, other: Any) -> Any:  # noqa: ANN401
        return other / float(self)

    def __mul__(self, other: Any) -> Any:  # noqa: ANN401
        return float(self) * other

    def __lt__(self, other: Any) -> Any:  # noqa: ANN401
        return float(self) < other

    def __gt__(self, other: Any) -> Any:  # noqa: ANN401
        return float(self) > other

    def __neg__(self) -> float:
        return -float(self)


Limit.__name__ = "float"  # the name that an exception tells


class Watch:
    """Counts what one call of a training step does with the model, the loss and the optimizer."""

    def __init__(self, model: Bigram, batch: Batch, optimizer: torch.optim.Optimizer) -> None:
        self.model, self.batch = model, batch
        self.given: list[str] = []
        self.modes: list[str] = []
        self.backwards = self.steps = 0
        self.backwards_before_step: int | None = None
        self.norm = 0.0  # of the gradient that the first optimizer.step used
        self.reads: list[str] = []
        self.hook = optimizer.register_step_post_hook(self._stepped)  # a closure may compute gradients in the step

    def mean_loss(self, model: object, batch: object) -> Tensor:
        """The loss that the step is given: mean cross-entropy of a token."""
        self.given.append(f"({self._name(model)}, {self._name(batch)})")
        used, data = (model if isinstance(model, Bigram) else self.model), self.batch
        self.modes.append(mode(used))
        logits = used(data.tgt_in)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), data.labels.flatten(), ignore_index=PAD)
        if loss.requires_grad:
            loss.register_hook(self._went_backward)
        return loss

    mean_loss.__qualname__ = "mean_loss"  # the name that a TypeError tells

    def _name(self, thing: object) -> str:
        if thing is self.model or thing is self.batch:
            return "model" if thing is self.model else "batch"
        return "a copy of the model" if isinstance(thing, Bigram) else f"a {type(thing).__name__}"

    def _went_backward(self, gradient: Tensor) -> None:
        self.backwards += 1

    def _stepped(self, *_: object) -> None:
        if self.steps == 0:
            self.backwards_before_step = self.backwards
            self.norm = float(np.sqrt(sum(float((p.grad**2).sum()) for p in self._with_gradient())))
        self.steps += 1

    def _with_gradient(self) -> list[Any]:
        return [p for p in self.model.parameters() if p.grad is not None]

    def limit_read(self) -> None:
        """Note between which calls the limit was read."""
        if self.backwards == 0:
            self.reads.append("before backward")
        else:
            self.reads.append("between backward and optimizer.step" if self.steps == 0 else "after optimizer.step")

    def when_clipped(self, limit: float) -> str:
        """Say when the gradient was clipped to ``limit``, as a phrase."""
        right = "between backward and optimizer.step"
        if self.norm <= limit * (1 + 1e-4):
            return right
        if right in self.reads:
            return f"{right}, and it is still too long"
        return self.reads[0] if self.reads else "not to be seen"


def mode(model: nn.Module) -> str:
    """The mode of a model and all modules in it, in words."""
    modes = {module.training for module in model.modules()}
    return "a mixture of both" if len(modes) == 2 else "training" if modes.pop() else "evaluation"


def kind_of(answer: object) -> str:
    """What came back, in words."""
    if isinstance(answer, float):
        return "float"
    if isinstance(answer, Tensor):
        return "Tensor with its graph" if answer.requires_grad else "Tensor"
    return type(answer).__name__


def _mode_of_loss(watch: Watch, afterwards: str) -> str:
    """The mode in which the loss is computed, and whether training mode comes too late."""
    if not watch.modes:
        return "none: it is never computed"
    late = watch.modes[0] != "training" and afterwards == "training"
    return f"{watch.modes[0]}, and training only afterwards" if late else watch.modes[0]


def _number(answer: Any) -> float:  # noqa: ANN401
    """The loss that came back; nan if it is no number at all."""
    try:
        return float(answer.detach() if isinstance(answer, Tensor) else answer)
    except (TypeError, ValueError, RuntimeError):
        return float("nan")


def _plain(values: list[Any]) -> NDArray[Any]:
    """One number for one step, an array for several."""
    return np.array(values[0] if len(values) == 1 else values)


def build(model: Any, optimizer: Any) -> tuple[Bigram, torch.optim.Optimizer]:  # noqa: ANN401
    """Make the real model and optimizer from their descriptions (see lesson_12)."""
    built = Bigram(model.dropout).train(model.training)
    groups = [{"params": list(part.parameters())} for part in (built.embedding, built.output)]
    return built, getattr(torch.optim, optimizer.name)(groups, lr=optimizer.lr)


def observe(
    function: Function,
    model: Any,  # noqa: ANN401
    batch: Any,  # noqa: ANN401
    optimizer: Any,  # noqa: ANN401
    clip: float,
) -> dict[str, Any] | None:
    """Let ``function`` take a step on each batch, and return what was seen, by name. None if it did nothing.

    Args:
        function: the training step.
        model: its description, as the next two (see lesson_12).
        batch: how many, one for each step.
        optimizer: its name and learning rate.
        clip: the limit.
    """
    built, rule = build(model, optimizer)
    watches, answers = [], []
    for i in range(batch.n):
        sentences = make_batch(list(_SENTENCES[i]))
        watch = Watch(built, sentences, rule)
        limit = Limit(clip)
        limit.watch = watch
        torch.default_generator.manual_seed(100 + i)  # the dropout of this step
        answers.append(function(built, sentences, rule, watch.mean_loss, limit))
        watch.hook.remove()
        watches.append(watch)
    if all(answer is None or answer is ... for answer in answers) and not any(w.given or w.steps for w in watches):
        return None
    return _seen(built, watches, answers, clip)


def _seen(model: Bigram, watches: list[Watch], answers: list[Any], clip: float) -> dict[str, Any]:
    last = watches[-1]
    before = [-1 if w.backwards_before_step is None else w.backwards_before_step for w in watches]
    with torch.no_grad():
        parameters = torch.cat([p.flatten() for p in model.parameters()]).numpy().copy()
    return {
        "the type of what comes back": kind_of(answers[-1]),
        "the loss": _plain([_number(answer) for answer in answers]),
        "the arguments of mean_loss": last.given[0] if last.given else "missing: it is never called",
        "the number of calls of mean_loss": _plain([len(w.given) for w in watches]),
        "the number of calls of backward": _plain([w.backwards for w in watches]),
        "the number of calls of optimizer.step": _plain([w.steps for w in watches]),
        "the number of backward passes before optimizer.step": _plain(before),
        "the mode in which the loss is computed": _mode_of_loss(last, mode(model)),
        "the mode afterwards": mode(model),
        "the time when the gradient is clipped": last.when_clipped(clip),
        "the length of the gradient that optimizer.step uses": _plain([w.norm for w in watches]),
        "the vector of all parameters": parameters,
    }


def first_loss(function: Callable[..., Any], *, dropout: float, seed: int) -> float:
    """Return the loss of the first step of a model under a seed; nan if what comes back is no number."""
    model = Bigram(dropout)
    rule = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = make_batch(list(_SENTENCES[0]))
    torch.default_generator.manual_seed(seed)
    return _number(function(model, batch, rule, Watch(model, batch, rule).mean_loss, 1.0))
