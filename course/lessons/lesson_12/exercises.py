"""The exercises of lesson 12, the translator: training_step and accuracy_by_phenomenon.

A training step works on a torch model, so its cases describe what it works on; the observing is done in
:mod:`course.lessons.lesson_12.observe`, which is imported, and torch with it, when a step is checked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.later import Later
from course.lessons.lesson_12 import mistakes as bank

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from course.data import Batch
else:
    torch = Later("torch")

Array = NDArray[Any]


# --- the training step ------------------------------------------------------------------------------------------


def training_step(
    model: "nn.Module",
    batch: "Batch",
    optimizer: "torch.optim.Optimizer",
    mean_loss: "Callable[[nn.Module, Batch], Tensor]",
    clip: float,
) -> float:
    """One update of the weights on one batch, in place. Returns the loss in nats a token.

    mean_loss(model, batch): the loss as a scalar tensor. clip: the largest norm that the gradient may have
    (Pascanu et al. 2013). The same lines as in course.training.
    """
    model.train()  # validation had switched dropout off
    optimizer.zero_grad()  # else this batch's gradient would be added to the last one's
    loss = mean_loss(model, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


@dataclass(frozen=True)
class Model:
    """The description of a tiny model."""

    dropout: float = 0.0
    training: bool = True

    def __repr__(self) -> str:
        mode = "training" if self.training else "evaluation"
        return f"a small model in {mode} mode, dropout {self.dropout:g}"


@dataclass(frozen=True)
class Batches:
    """The description of one or two batches, for as many steps."""

    n: int = 1

    def __repr__(self) -> str:
        return "a batch of 3 sentences" if self.n == 1 else "one batch of 3 sentences and then one of 2"


@dataclass(frozen=True)
class Optimizer:
    """The description of an optimizer with two parameter groups."""

    name: str = "SGD"
    lr: float = 0.1

    def __repr__(self) -> str:
        return f"{self.name} with lr {self.lr:g}"


class MeanLoss:
    """The description of the loss."""

    def __repr__(self) -> str:
        return "the mean cross-entropy of a token"


_LARGE = 1000.0  # no gradient here is as long
_SMALL = 0.05  # and none as short


def _step_case(
    name: str,
    question: str,
    compare: tuple[str, ...],
    tier: int,
    model: Model = Model(),  # noqa: B008
    batches: int = 1,
    optimizer: Optimizer = Optimizer(),  # noqa: B008
    clip: float = _LARGE,
    tolerance: float = 1e-6,
) -> Case:
    def make() -> tuple[Any, ...]:
        return model, Batches(batches), optimizer, MeanLoss(), clip

    return Case(name, make, question, tier=tier, tolerance=tolerance, compare=compare)


def _observe(function: Function, model: Model, batch: Batches, optimizer: Optimizer, mean_loss: MeanLoss,
             clip: float) -> dict[str, Any] | None:  # fmt: skip
    from course.lessons.lesson_12.observe import observe

    return observe(function, model, batch, optimizer, clip)


def _as_number(answer: Any) -> Any:  # noqa: ANN401
    """Return a tensor or an array of a single number as a float, so that another mistake shows as well."""
    if type(answer).__name__ not in ("Tensor", "ndarray"):
        return answer
    return float(answer.detach() if hasattr(answer, "detach") else answer)


def _seed_set(function: Function) -> str | None:
    from course.lessons.lesson_12.observe import first_loss

    first, second = (first_loss(function, dropout=0.5, seed=seed) for seed in (1, 2))
    if first != second:
        return None
    return (
        f"Under two seeds the loss is {first:.4f} both times, although dropout should drop other numbers. What in your "
        "function sets a seed or switches dropout off?"
    )


# Each tier looks at one thing, the simplest first, so that a step with two mistakes gets one question at a time.
_STEP_CASES = (
    _step_case(
        "one step",
        "What does each of the five arguments offer, and which type has a number that a log can hold?",
        ("the type of what comes back",),
        tier=1,
    ),
    _step_case(
        "one step",
        "What mean_loss returned before the update is expected. What happens to it on its way to your return?",
        ("the loss",),
        tier=2,
        tolerance=1e-9,
    ),
    _step_case(
        "one step",
        "How often is each of mean_loss, backward and optimizer.step needed, and what does each work on?",
        (
            "the arguments of mean_loss",
            "the number of calls of mean_loss",
            "the number of calls of backward",
            "the number of calls of optimizer.step",
            "the number of backward passes before optimizer.step",
        ),
        tier=3,
    ),
    _step_case(
        "one step with a gradient shorter than the limit",
        "The optimizer should use the gradient as backward() left it. What else touches it, or the weights?",
        ("the vector of all parameters",),
        tier=4,
    ),
    _step_case(
        "a model in training mode",
        "In which mode does dropout work, and which of your lines changes the mode that the model came in?",
        ("the mode in which the loss is computed", "the mode afterwards"),
        tier=5,
        model=Model(dropout=0.5),
    ),
    _step_case(
        "a model that comes in evaluation mode, from a validation",
        "Which of your lines puts the whole model into training mode, and is that before the loss?",
        ("the mode in which the loss is computed",),  # afterwards: the text leaves open who switches back
        tier=5,
        model=Model(dropout=0.5, training=False),
    ),
    _step_case(
        "one step with a gradient longer than the limit",
        "How long is the vector of all gradients together when the optimizer uses it, and which way does it point?",
        (
            "the number of calls of optimizer.step",
            "the time when the gradient is clipped",
            "the length of the gradient that optimizer.step uses",
            "the vector of all parameters",
        ),
        tier=6,
        clip=_SMALL,
    ),
    _step_case(
        "two steps with two batches",
        "The second step should use the second batch's gradient alone. What is left of the first?",
        ("the loss", "the vector of all parameters"),
        tier=7,
        batches=2,
    ),
    _step_case(
        "two steps of AdamW with dropout and clipping, the model coming in evaluation mode",
        "Everything together: what does your second step find that the first one left behind?",
        ("the type of what comes back", "the loss", "the vector of all parameters"),
        tier=8,
        model=Model(dropout=0.3, training=False),
        batches=2,
        optimizer=Optimizer("AdamW", lr=0.05),
        clip=_SMALL,
    ),
)

TRAINING_STEP = Exercise(
    id="training_step",
    lesson=12,
    title="One step of training",
    signature="(model, batch, optimizer, mean_loss, clip) -> loss, a float",
    reference=training_step,
    observe=_observe,
    forgive=_as_number,
    cases=_STEP_CASES,
    properties=(Property("dropout draws new numbers", _seed_set),),
    mistakes=bank.TRAINING_STEP,
    # Clearing at the end is accepted: the loop begins with a model without gradients, and then both are the same.
    hints=(
        "Learning mode on, old gradients away, loss, its gradient, a limit on the gradient's length, update, and the "
        "loss as a number. Which of these must come before which others, and which may stand in several places?",
        "The pieces: model.train(); optimizer.zero_grad(); mean_loss(model, batch); .backward() on what it returned; "
        "torch.nn.utils.clip_grad_norm_, which wants the parameters and the limit and works in place; "
        "optimizer.step(); .item(). Gradients may be cleared at the start or at the end, since the loop hands in a "
        "model without any. The start is safer: whatever was left in the model by somebody else is gone as well.",
        "    model.train()\n    optimizer.zero_grad()\n    loss = mean_loss(...)\n    loss. ...\n"
        "    torch.nn.utils.clip_grad_norm_(..., clip)\n    optimizer. ...\n    return loss. ...      # a float",
    ),
    argument_names=("model", "batch", "optimizer", "mean_loss", "clip"),
    result_names=("loss",),
    difficulty=3,
    importance=5,
    minutes=20,
)


# --- accuracy by phenomenon -------------------------------------------------------------------------------------


def accuracy_by_phenomenon(contains: Array, right: Array) -> tuple[Array, Array]:
    """For each construction, the share of right sentences among those that contain it.

    Args:
        contains: (N, C) booleans, sentence n contains construction c.
        right: (N,) booleans, sentence n is translated without a mistake.

    Returns:
        (accuracy, counts): (C,) floats between 0 and 1, nan where no sentence contains the construction; (C,) integers,
        how many sentences contain it.
    """
    counts = contains.sum(axis=0)
    hits = (contains & right[:, None]).sum(axis=0)
    accuracy = np.where(counts > 0, hits / np.maximum(counts, 1), np.nan)  # nan where there is nothing to divide by
    return accuracy, counts


def _sentences(N: int, C: int, seed: int, rate: float = 0.4) -> tuple[Array, Array]:
    """Random constructions and random successes; each construction occurs, and each sentence may have several."""
    rng = np.random.default_rng(seed)
    contains = rng.random((N, C)) < rate
    contains[rng.permutation(N)[:C], np.arange(C)] = True
    return contains, rng.random(N) < 0.7


def _with_absent(N: int, C: int, seed: int) -> tuple[Array, Array]:
    contains, right = _sentences(N, C, seed)
    contains[:, 1] = False
    return contains, right


def _with_bare_sentences() -> tuple[Array, Array]:
    contains, right = _sentences(12, 4, seed=7)
    contains[::3] = False
    return contains, right


_BY_HAND = (
    np.array([[True, False], [True, True], [True, True], [True, False]]),
    np.array([True, True, False, True]),
)

_ACCURACY_CASES = (
    Case(
        "four sentences and two constructions",
        lambda: (_BY_HAND[0].copy(), _BY_HAND[1].copy()),
        "Count on your fingers: which sentences contain the second construction, and which of those are right?",
        tolerance=1e-6,
        by_hand=True,
    ),
    Case(
        "eleven sentences and five constructions",
        lambda: _sentences(11, 5, seed=2),
        "What stands above the line for each construction, and what below?",
        tolerance=1e-6,
    ),
    Case(
        "as many sentences as constructions",
        lambda: _sentences(6, 6, seed=3),
        "(N, C) is square here, so that a wrong axis raises no error. Over which axis do you count?",
        tolerance=1e-6,
    ),
    Case(
        "sentences without any construction",
        _with_bare_sentences,
        "Do sentences that contain nothing change any of your numbers?",
        tolerance=1e-6,
    ),
    Case(
        "no sentence right",
        lambda: (_sentences(9, 4, seed=4)[0], np.zeros(9, dtype=bool)),
        "Nothing is right here. What is 0 out of some?",
        tier=2,
        tolerance=1e-6,
    ),
    Case(
        "a construction that no sentence contains",
        lambda: _with_absent(10, 4, seed=5),
        "There is nothing to measure for the second construction. Which value says so?",
        tier=3,
        tolerance=1e-6,
    ),
    Case(
        "a thousand sentences",
        lambda: _sentences(1000, 7, seed=6),
        "The rule is the same for many sentences. Which of your numbers has become too large for its type?",
        tier=4,
        tolerance=1e-6,
    ),
)


def _columns_meet(function: Function) -> str | None:
    contains, right = _sentences(20, 5, seed=8)
    whole, alone = function(contains, right), function(contains[:, 2:3].copy(), right)
    if np.allclose(whole[0][2], alone[0][0]) and whole[1][2] == alone[1][0]:
        return None
    return "A construction's numbers are others when it is asked alone. Do your constructions influence each other?"


def _order_matters(function: Function) -> str | None:
    contains, right = _sentences(20, 5, seed=9)
    order = np.random.default_rng(9).permutation(20)
    first, second = function(contains, right), function(contains[order], right[order])
    if all(np.allclose(a, b) for a, b in zip(first, second, strict=True)):
        return None
    return "The sentences in another order give other numbers. What in your function depends on the order?"


def _constructions_apart(function: Function) -> bool:
    contains, right = _sentences(20, 5, seed=10)
    whole = function(contains, right)
    alone = [function(contains[:, c : c + 1].copy(), right) for c in range(5)]
    return all(np.allclose(whole[i], [each[i][0] for each in alone], equal_nan=True) for i in (0, 1))


ACCURACY_BY_PHENOMENON = Exercise(
    id="accuracy_by_phenomenon",
    lesson=12,
    title="Which constructions go wrong",
    signature="(contains, right) -> (accuracy, counts)",
    reference=accuracy_by_phenomenon,
    cases=_ACCURACY_CASES,
    properties=(
        Property("constructions do not influence each other", _columns_meet),
        Property("the order of the sentences does not matter", _order_matters),
    ),
    mistakes=bank.ACCURACY_BY_PHENOMENON,
    hints=(
        "An accuracy is a quotient: right ones out of all that were tried. For one construction, which sentences stand "
        "below the line, and which of those above it?",
        "Counting booleans is summing them: contains.sum(axis=...) counts the sentences of each construction. "
        "contains & right[:, None] is True where a sentence contains it and is right. 0 / 0 gives nan in numpy, with a "
        "warning, which is accepted.",
        "    counts = contains.sum(axis=...)\n    right_ones = (contains & ...).sum(axis=...)\n"
        "    return right_ones / ..., counts",
    ),
    axes_hold=_constructions_apart,
    argument_names=("contains", "right"),
    argument_dims={"contains": "N C", "right": "N"},
    result_names=("accuracy", "counts"),
    result_dims={"accuracy": "C", "counts": "C"},
    difficulty=2,
    importance=4,
    minutes=15,
)

EXERCISES = (TRAINING_STEP, ACCURACY_BY_PHENOMENON)
