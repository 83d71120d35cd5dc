"""Known wrong versions of training_step and accuracy_by_phenomenon, and the question that leads out of each.

A wrong training step is the right one with a move left out, replaced or in another place: see :func:`moves`. H09, H11,
H15 and H17 are those of the project's catalog of mistakes; the others are ours.
"""

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later

if TYPE_CHECKING:
    import torch
    from torch import nn
else:
    torch, nn = Later("torch"), Later("torch.nn")

Array = NDArray[Any]

# --- the moves of a training step, each replaceable -------------------------------------------------------------

State = SimpleNamespace  # model, batch, optimizer, mean_loss, clip; then loss, norm and answer
Move = Callable[[State], object]


def _train(s: State) -> None:
    s.model.train()


def _zero(s: State) -> None:
    s.optimizer.zero_grad()


def _loss(s: State) -> None:
    s.loss = s.mean_loss(s.model, s.batch)


def _backward(s: State) -> None:
    s.loss.backward()


def _clip(s: State) -> None:
    s.norm = nn.utils.clip_grad_norm_(s.model.parameters(), s.clip)


def _step(s: State) -> None:
    s.optimizer.step()


def _answer(s: State) -> None:
    s.answer = float(s.loss.detach())


def moves(*done: Move) -> Function:
    """Return a training step that does this and nothing else; it returns what a move left in ``answer``."""

    def training_step(model: Any, batch: Any, optimizer: Any, mean_loss: Function, clip: float) -> Any:  # noqa: ANN401
        s = State(model=model, batch=batch, optimizer=optimizer, mean_loss=mean_loss, clip=clip, answer=None)
        for move in done:
            move(s)
        return s.answer

    return training_step


_RIGHT = (_train, _zero, _loss, _backward, _clip, _step, _answer)


def _without(*left_out: Move) -> Function:
    return moves(*(move for move in _RIGHT if move not in left_out))


def _instead(of: Move, *do: Move) -> Function:
    """Return the right step with one move replaced by others."""
    at = _RIGHT.index(of)
    return moves(*_RIGHT[:at], *do, *_RIGHT[at + 1 :])


def _returns(value: Callable[[State], Any]) -> Function:
    def answer(s: State) -> None:
        s.answer = value(s)

    return _instead(_answer, answer)


def _rounds(digits: int) -> Function:
    return _returns(lambda s: round(float(s.loss.detach()), digits))


def _learns_from(change: Callable[[State], Any]) -> Function:
    """Return a step that returns the right loss and takes the gradient of another one."""
    return _instead(_backward, lambda s: change(s).backward())


# --- wrong ways to clip -----------------------------------------------------------------------------------------


def _parameters(s: State) -> list[Any]:
    return [p for p in s.model.parameters() if p.grad is not None]


def _scale(s: State, factor: Any) -> None:  # noqa: ANN401
    for p in _parameters(s):
        p.grad.mul_(factor)


def _norm(s: State) -> Any:  # noqa: ANN401
    return torch.stack([p.grad.norm() for p in _parameters(s)]).norm()


def _clip_each(s: State) -> None:
    for p in s.model.parameters():
        nn.utils.clip_grad_norm_(p, s.clip)


def _clip_each_group(s: State) -> None:
    for group in s.optimizer.param_groups:
        nn.utils.clip_grad_norm_(group["params"], s.clip)


def _clip_first_group(s: State) -> None:
    nn.utils.clip_grad_norm_(s.optimizer.param_groups[0]["params"], s.clip)


def _clip_values(s: State) -> None:
    nn.utils.clip_grad_value_(s.model.parameters(), s.clip)


def _clip_by(norm_type: float) -> Move:
    return lambda s: nn.utils.clip_grad_norm_(s.model.parameters(), s.clip, norm_type=norm_type)


def _clip_to(limit: float) -> Move:
    return lambda s: nn.utils.clip_grad_norm_(s.model.parameters(), limit)


def _clip_weights(s: State) -> None:
    with torch.no_grad():
        for p in s.model.parameters():
            p.clamp_(-float(s.clip), float(s.clip))


def _clip_squared(s: State) -> None:
    _scale(s, min(1.0, float(s.clip) / float(_norm(s) ** 2)))


def _rescale(s: State) -> None:
    _scale(s, float(s.clip) / float(_norm(s)))


def _step_if_short(s: State) -> None:
    if float(_norm(s)) <= s.clip:
        s.optimizer.step()


# --- other wrong moves ------------------------------------------------------------------------------------------


def _loss_given(*names: str) -> Function:
    return _instead(_loss, lambda s: setattr(s, "loss", s.mean_loss(*(getattr(s, name) for name in names))))


def _cut(change: Callable[[Any], Any]) -> Function:
    return _instead(_loss, lambda s: setattr(s, "loss", change(s.mean_loss(s.model, s.batch))))


def _without_graph(s: State) -> None:
    with torch.no_grad():
        s.loss = s.mean_loss(s.model, s.batch)


def _two_backwards(**first: bool) -> Function:
    return _instead(_backward, lambda s: s.loss.backward(**first), _backward)


def _loss_again(s: State) -> None:
    s.answer = float(s.mean_loss(s.model, s.batch).detach())


def _loss_again_in_eval(s: State) -> None:
    s.model.eval()
    with torch.no_grad():
        _loss_again(s)


def _evaluate(s: State) -> None:
    s.model.eval()


def _set_flag(s: State) -> None:
    s.model.training = True


def _descend_too(s: State) -> None:
    with torch.no_grad():
        for p in _parameters(s):
            p.sub_(s.optimizer.param_groups[0]["lr"] * p.grad)


def _copied(s: State) -> None:
    s.model = copy.deepcopy(s.model)


def _own_optimizer(kind: str) -> Move:
    def build(s: State) -> None:
        s.optimizer = getattr(torch.optim, kind)(s.model.parameters(), lr=s.optimizer.param_groups[0]["lr"])

    return build


def _zero_first_group(s: State) -> None:
    for p in s.optimizer.param_groups[0]["params"]:
        p.grad = None


def _seeded(seed: int) -> Function:
    return moves(lambda s: torch.manual_seed(seed), *_RIGHT)


def drops_the_same(function: Function) -> bool:
    """Whether dropout drops something, and the same under two seeds: then the function sets a seed of its own.

    The losses are compared with that of the same model without dropout, which a step in evaluation mode would return.
    """
    from course.lessons.lesson_12.observe import first_loss

    try:
        first, second = (first_loss(function, dropout=0.5, seed=seed) for seed in (1, 2))
        return math.isfinite(first) and first == second != first_loss(function, dropout=0.0, seed=1)
    except Exception:  # whatever the learner's function may raise
        return False


TRAINING_STEP = (
    # What comes back.
    Mistake(
        "tensor_with_graph",
        "returns the tensor",
        "What you return is a tensor that still holds the whole graph of its computation. A log of a thousand losses "
        "would keep a thousand graphs: how do you get the plain number out of a tensor?",
        (_returns(lambda s: s.loss),),
    ),
    Mistake(
        "detached_tensor",
        "returns a tensor without its graph",
        "The graph has gone, and what you return is still a tensor. How do you get a plain Python number out of it?",
        (_returns(lambda s: s.loss.detach()), _returns(lambda s: s.loss.detach().clone())),
    ),
    Mistake(
        "returns_array",
        "returns a numpy array",
        "What you return is a numpy array of no axes. The log is written as text: how does it become a plain float?",
        (_returns(lambda s: s.loss.detach().numpy()),),
    ),
    Mistake(
        "returns_nothing",
        "returns nothing",
        "Your function does its work and returns None. Which number does the log wait for?",
        (_without(_answer),),
    ),
    Mistake(
        "returns_pair",
        "returns two things",
        "Two things come back, and the loop expects one number. Which of them is the loss?",
        (_returns(lambda s: (float(s.loss.detach()), s.norm)), _returns(lambda s: [float(s.loss.detach())])),
    ),
    Mistake(
        "item_not_called",
        "returns a method instead of its result",
        "What you return is a method, which could give the number if somebody called it. Which parentheses are missing "
        "behind it?",
        (_returns(lambda s: s.loss.item),),
    ),
    Mistake(
        "parameters_not_called",
        "model.parameters without parentheses",
        "Clipping wants to go through the parameters one by one, and gets a method of the model. How does a method "
        "give what it has?",
        (_instead(_clip, lambda s: nn.utils.clip_grad_norm_(s.model.parameters, s.clip)),),
    ),
    Mistake(
        "mean_loss_not_called",
        "mean_loss is never called",
        "You call the function itself the loss. With which two arguments does it make one?",
        (_instead(_loss, lambda s: setattr(s, "loss", s.mean_loss)),),
    ),
    Mistake(
        "clip_arguments_swapped",
        "the limit before the parameters",
        "Clipping takes two things, and tries to go through the limit one by one. In which order does the table name "
        "them?",
        (_instead(_clip, lambda s: nn.utils.clip_grad_norm_(s.clip, s.model.parameters())),),
    ),
    Mistake(
        "clip_into_backward",
        "the limit is given to backward",
        "You hand the limit to backward(), which only computes the gradient. Which function of the table shortens it?",
        (_instead(_backward, lambda s: s.loss.backward(s.clip)),),
    ),
    Mistake(
        "clip_of_model",
        "clips the model",
        "Clipping goes through parameters one by one, and a model is none. Which of its methods hands them out?",
        (_instead(_clip, lambda s: nn.utils.clip_grad_norm_(s.model, s.clip)),),
    ),
    Mistake(
        "graph_cut",
        "the loss has no graph",
        "backward() found no graph between the loss and the weights. What stands around mean_loss or between it and "
        "backward() that cuts it off: no_grad, detach, a new tensor?",
        (_cut(lambda loss: loss.detach()), _instead(_loss, _without_graph)),
    ),
    Mistake(
        "float_before_backward",
        "the loss becomes a number too early",
        "A plain float does not know how it was computed, so it has no backward(). Which of the two must come first: "
        "the gradient or the number for the log?",
        (_cut(lambda loss: loss.item()),),
    ),
    # Which loss.
    Mistake(
        "loss_after_update",
        "the loss after the update",
        "The number you return is measured after the weights have moved, and costs a second pass through the model. "
        "Which loss have you already?",
        (_instead(_answer, _loss_again), _instead(_answer, _loss_again_in_eval)),
    ),
    Mistake(
        "returns_norm",
        "returns the norm of the gradient",
        "What you return is the number that clipping returned. What does that function measure?",
        (_returns(lambda s: float(s.norm)),),
    ),
    Mistake(
        "loss_times_tokens",
        "the loss times the number of tokens or sentences",
        "Your loss grows with the batch. mean_loss gives nats a token already: must it be multiplied by anything?",
        (
            _returns(lambda s: float(s.loss.detach()) * s.batch.n_target_tokens),
            _returns(lambda s: float(s.loss.detach()) * s.batch.n_source_tokens),
            _returns(lambda s: float(s.loss.detach()) * len(s.batch)),
            _returns(lambda s: float(s.loss.detach()) * s.batch.labels.numel()),
        ),
    ),
    Mistake(
        "loss_divided_again",
        "the loss divided by the number of tokens or sentences",
        "Your loss shrinks with the size of the batch. What has mean_loss divided by already?",
        (
            _returns(lambda s: float(s.loss.detach()) / s.batch.n_target_tokens),
            _returns(lambda s: float(s.loss.detach()) / s.batch.n_source_tokens),
            _returns(lambda s: float(s.loss.detach()) / len(s.batch)),
            _returns(lambda s: float(s.loss.detach()) / s.batch.labels.numel()),
        ),
    ),
    Mistake(
        "perplexity",
        "the exponential of the loss",
        "You return e to the power of the loss, the perplexity. In which unit does the text want the loss?",
        (_returns(lambda s: math.exp(float(s.loss.detach()))),),
    ),
    Mistake(
        "rounded",
        "the loss rounded",
        "Your loss has lost its decimals. Should this function round, or whoever prints the number?",
        tuple(_rounds(digits) for digits in (1, 2, 3, 4, 5, 6)),
    ),
    Mistake(
        "negative",
        "the sign of the loss",
        "Your loss is negative, and a cross-entropy never is. Where does the minus come from?",
        (_returns(lambda s: -float(s.loss.detach())),),
    ),
    # What is called, how often, and with what.
    Mistake(
        "arguments_swapped",
        "mean_loss(batch, model)",
        "mean_loss takes two things. In which order does the text name them?",
        (_loss_given("batch", "model"),),
    ),
    Mistake(
        "H17",
        "works on a copy of the model",
        "The loss is that of a copy, and the optimizer holds the original's weights. Which of the two get a gradient?",
        (moves(_copied, *_RIGHT),),
    ),
    Mistake(
        "loss_twice",
        "mean_loss called twice",
        "You call mean_loss twice: twice the work, and with dropout two different losses. Can you keep the first one "
        "under a name?",
        (
            moves(_train, _zero, _loss, _backward, _clip, _loss_again, _step),
            moves(_train, _zero, _loss, _loss, _backward, _clip, _step, _answer),
            moves(_train, _zero, _loss_again, _loss, _backward, _clip, _step),
        ),
    ),
    Mistake(
        "no_backward",
        "no backward",
        "The optimizer moves nothing, because no parameter has a gradient. Which call fills in the gradients, and does "
        "it have its parentheses?",
        (_without(_backward), moves(_train, _zero, _loss, _step, _answer)),
    ),
    Mistake(
        "two_backwards",
        "backward twice",
        "You ask for the gradient twice. What does PyTorch do with the second one: replace the first, or add it?",
        (_two_backwards(retain_graph=True), _two_backwards()),
    ),
    Mistake(
        "no_step",
        "no step of the optimizer",
        "The gradients are there and the weights stay where they are. Whose method moves them, and is it called, with "
        "parentheses, on the optimizer that was handed in?",
        (
            _without(_step),
            moves(_own_optimizer("SGD"), *_RIGHT),
            moves(_own_optimizer("Adam"), *_RIGHT),
            moves(_own_optimizer("AdamW"), *_RIGHT),
            _instead(_step, _descend_too),
        ),
    ),
    Mistake(
        "two_steps",
        "two steps of the optimizer",
        "The optimizer steps twice on the same gradient. How many updates does one batch pay for?",
        (_instead(_step, _step, _step),),
    ),
    Mistake(
        "step_before_backward",
        "step before backward",
        "When the optimizer moves the weights, the gradient of this batch does not exist yet. Which of the two calls "
        "makes what the other one needs?",
        (
            moves(_train, _zero, _loss, _step, _backward, _clip, _answer),
            moves(_train, _loss, _step, _backward, _clip, _zero, _answer),
            moves(_train, _zero, _step, _loss, _backward, _clip, _answer),
            moves(_train, _zero, _loss, _clip, _step, _backward, _answer),
        ),
    ),
    # Where the weights go.
    Mistake(
        "zero_between",
        "gradients cleared between backward and step",
        "The weights do not move: the gradient that backward() computed is gone when the optimizer looks for it. What "
        "stands between the two?",
        (
            moves(_train, _loss, _backward, _zero, _clip, _step, _answer),
            moves(_train, _loss, _backward, _clip, _zero, _step, _answer),
        ),
    ),
    Mistake(
        "moved_twice",
        "the weights are moved by hand as well",
        "The weights move twice as far as they should. What does optimizer.step() do already?",
        (_instead(_step, _step, _descend_too), _instead(_step, _descend_too, _step)),
    ),
    Mistake(
        "ascent",
        "uphill",
        "The weights move in the wrong direction: the loss rises. The optimizer goes downhill by itself; which sign is "
        "there once too often?",
        (_learns_from(lambda s: -s.loss), _instead(_clip, lambda s: _scale(s, -1.0), _clip)),
    ),
    Mistake(
        "gradient_of_sum",
        "the gradient of another loss than the mean",
        "The direction of your update is right and its length is not: before backward() the loss was multiplied or "
        "divided. Is it not a mean already?",
        (
            _learns_from(lambda s: s.loss * s.batch.n_target_tokens),
            _learns_from(lambda s: s.loss / s.batch.n_target_tokens),
            _learns_from(lambda s: s.loss * len(s.batch)),
            _learns_from(lambda s: s.loss / len(s.batch)),
        ),
    ),
    Mistake(
        "always_rescaled",
        "short gradients are stretched",
        "The limit is 1000 here and your gradient becomes that long. If a gradient is shorter than the limit, should "
        "anything happen to it?",
        (_instead(_clip, _rescale),),
    ),
    Mistake(
        "clip_fixed",
        "a limit of its own",
        "Your gradient is never longer than the same number, whatever you are told. Which argument do you not use?",
        tuple(_instead(_clip, _clip_to(limit)) for limit in (1.0, 0.5, 0.25, 0.1, 2.0)),
    ),
    # The mode.
    Mistake(
        "H15",
        "model.train() forgotten",
        "After a validation the model comes in evaluation mode, and the loss is computed without dropout. Which method "
        "switches dropout on again, and is it called with parentheses?",
        (_without(_train),),
    ),
    Mistake(
        "evaluation_mode",
        "model.eval()",
        "Your function switches dropout off before it computes the loss. Which of the two modes is for learning?",
        (
            _instead(_train, _evaluate),
            _instead(_train, _train, _evaluate),
            _instead(_train, lambda s: s.model.train(False)),
        ),
    ),
    Mistake(
        "train_too_late",
        "model.train() after the loss",
        "The mode is right at the end, and the loss had been computed by then. When does dropout do its work?",
        (
            moves(_zero, _loss, _train, _backward, _clip, _step, _answer),
            moves(_zero, _loss, _backward, _clip, _step, _train, _answer),
        ),
    ),
    Mistake(
        "left_in_evaluation",
        "model.eval() at the end",
        "The model came in training mode, and you hand it back in evaluation mode. Which of your lines does that, and "
        "which row of the table asks for it?",
        (moves(*_RIGHT, _evaluate),),
    ),
    Mistake(
        "flag_only",
        "model.training = True",
        "You set the flag of the outermost module, and the dropout inside has one of its own. Which method tells all "
        "modules?",
        (_instead(_train, _set_flag),),
    ),
    # Clipping.
    Mistake(
        "no_clip",
        "no clipping",
        "The gradient is longer than the argument clip allows when the optimizer uses it. Which line shortens it, and "
        "is clip the limit that it is given?",
        (_without(_clip), _instead(_clip, lambda s: _norm(s))),
    ),
    Mistake(
        "clip_before_backward",
        "clipping before backward",
        "You clip before backward(). Which gradients are there to be clipped at that moment?",
        (
            moves(_train, _zero, _loss, _clip, _backward, _step, _answer),
            moves(_train, _zero, _clip, _loss, _backward, _step, _answer),
            moves(_train, _clip, _zero, _loss, _backward, _step, _answer),
        ),
    ),
    Mistake(
        "H11",
        "clipping after the step",
        "You clip when the optimizer has moved the weights already. Which gradient did it use?",
        (
            moves(_train, _zero, _loss, _backward, _step, _clip, _answer),
            moves(_train, _loss, _backward, _step, _zero, _clip, _answer),
        ),
    ),
    Mistake(
        "clip_each_parameter",
        "each parameter clipped by itself",
        "Each parameter's gradient is as long as the limit allows, and together they are longer. Is clip a limit for "
        "each matrix, or for the one long vector of all gradients?",
        (_instead(_clip, _clip_each),),
    ),
    Mistake(
        "clip_each_group",
        "each parameter group clipped by itself",
        "Each of the optimizer's groups is clipped by itself, and together they are longer than the limit. Whose "
        "parameters form the one vector whose length counts?",
        (_instead(_clip, _clip_each_group),),
    ),
    Mistake(
        "clip_first_group",
        "only the first parameter group is clipped",
        "The optimizer keeps its parameters in two groups, and you clip those of the first. Where do you get all "
        "parameters of the model?",
        (_instead(_clip, _clip_first_group),),
    ),
    Mistake(
        "clip_values",
        "each entry clipped by itself",
        "You cut every entry of the gradient at the limit, which changes its direction too. Is clip a limit for an "
        "entry or for a length?",
        (_instead(_clip, _clip_values),),
    ),
    Mistake(
        "clip_other_norm",
        "another norm than the Euclidean one",
        "You measure the gradient's length by its largest entry or by the sum of its entries. How long is the vector "
        "(3, 4), as the crow flies?",
        (_instead(_clip, _clip_by(float("inf"))), _instead(_clip, _clip_by(1.0))),
    ),
    Mistake(
        "clip_squared",
        "the squared norm",
        "Your gradient has become shorter than the limit asks. You summed squares: what is still missing for a length?",
        (_instead(_clip, _clip_squared),),
    ),
    Mistake(
        "clip_loss",
        "the loss is clipped instead of the gradient",
        "You limit the loss, and where it is cut it has no slope: nothing is learned. What is it that clip limits?",
        (_learns_from(lambda s: s.loss.clamp(max=s.clip)), _learns_from(lambda s: s.loss.clamp(-s.clip, s.clip))),
    ),
    Mistake(
        "clip_weights",
        "the weights are clipped instead of the gradient",
        "You cut the weights at the limit. What is it that clip limits: where they stand, or the step they take?",
        (_instead(_clip, _clip_weights), moves(_train, _zero, _loss, _backward, _step, _clip_weights, _answer)),
    ),
    Mistake(
        "long_ones_skipped",
        "no step where the gradient is too long",
        "You leave out the update where the gradient is longer than the limit. Could the batch be used after all, with "
        "a shorter gradient in the same direction?",
        (moves(_train, _zero, _loss, _backward, _step_if_short, _answer),),
    ),
    # The second step.
    Mistake(
        "H09",
        "old gradients are not cleared",
        "Your second update uses the sum of both batches' gradients: backward() adds to what is there. What must "
        "happen once in every step, before backward() or after the update, and does it have its parentheses?",
        (_without(_zero),),
    ),
    Mistake(
        "zero_first_group",
        "only some gradients are cleared",
        "Some parameters start your second step with the old gradient, others without one. Whose method clears all "
        "of them?",
        (_instead(_zero, _zero_first_group),),
    ),
    Mistake(
        "seeded",
        "the same dropout in every step",
        "Your function sets the seed, so dropout drops the same numbers in every step. Who should set a seed, and how "
        "often?",
        tuple(_seeded(seed) for seed in (0, 42)),
        recognize=drops_the_same,
    ),
)


# --- accuracy by phenomenon -------------------------------------------------------------------------------------


def _quotient(upper: Array, lower: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(upper, dtype=float) / lower


def _right_ones(contains: Array, right: Array) -> Array:
    return (contains & right[:, None]).sum(axis=0)


def _accuracy(contains: Array, right: Array) -> Array:
    return _quotient(_right_ones(contains, right), contains.sum(axis=0))


def _other_accuracy(accuracy: Callable[[Array, Array], Any]) -> Function:
    return lambda contains, right: (accuracy(contains, right), contains.sum(axis=0))


def _accuracy_after(change: Callable[[Array], Any]) -> Function:
    return _other_accuracy(lambda contains, right: change(_accuracy(contains, right)))


def _rounded(digits: int) -> Function:
    return _accuracy_after(lambda accuracy: accuracy.round(digits))


def _other_counts(counts: Callable[[Array, Array], Any]) -> Function:
    return lambda contains, right: (_accuracy(contains, right), counts(contains, right))


def _over_sentences(contains: Array, right: Array) -> tuple[Array, Array]:
    counts = contains.sum(axis=1)
    return _quotient((contains & right[:, None]).sum(axis=1), counts), counts


def _pure(contains: Array, right: Array) -> tuple[Array, Array]:
    alone = contains & (contains.sum(axis=1) == 1)[:, None]
    return _accuracy(alone, right), alone.sum(axis=0)


def _first_only(contains: Array, right: Array) -> tuple[Array, Array]:
    first = contains & (contains.cumsum(axis=1) == 1)
    return _accuracy(first, right), first.sum(axis=0)


def _dropped(contains: Array, right: Array) -> tuple[Array, Array]:
    there = contains.any(axis=0)
    return _accuracy(contains, right)[there], contains.sum(axis=0)[there]


def _plain_loop(contains: Array, right: Array) -> tuple[Array, Array]:
    columns = [[bool(r) for r, there in zip(right, column, strict=True) if there] for column in contains.T]
    return np.array([sum(column) / len(column) for column in columns]), np.array([len(c) for c in columns])


def _in_place(contains: Array, right: Array) -> tuple[Array, Array]:
    counts = contains.sum(axis=0)
    contains &= right[:, None]
    return _quotient(contains.sum(axis=0), counts), counts


def _small_integers(dtype: type) -> Function:
    def narrow(contains: Array, right: Array) -> tuple[Array, Array]:
        small: Array = contains.astype(dtype)
        return _quotient(right.astype(dtype) @ small, small.sum(axis=0, dtype=dtype)), small.sum(axis=0, dtype=dtype)

    return narrow


def _small_product(dtype: type) -> Function:
    return _other_accuracy(
        lambda contains, right: _quotient(right.astype(dtype) @ contains.astype(dtype), contains.sum(axis=0))
    )


def _reached(axis: int, kept: slice, empty: float) -> Function:
    """Return the numbers of a loop that reaches only some sentences (axis 0) or some constructions (axis 1)."""

    def numbers(contains: Array, right: Array) -> tuple[Array, Array]:
        if axis == 0:
            return _accuracy(contains[kept], right[kept]), contains[kept].sum(axis=0)
        accuracy, counts = np.full(contains.shape[1], empty), np.zeros(contains.shape[1], dtype=int)
        accuracy[kept], counts[kept] = _accuracy(contains, right)[kept], contains.sum(axis=0)[kept]
        return accuracy, counts

    return numbers


def _none_becomes(value: float) -> Function:
    return _accuracy_after(lambda accuracy: np.where(np.isnan(accuracy), value, accuracy))


def _only_accuracy_reached(kept: slice, empty: float) -> Function:
    return _other_accuracy(lambda c, r: _reached(1, kept, empty)(c, r)[0])


def _sorted_by(order: Callable[[Array, Array], Array]) -> Function:
    def numbers(contains: Array, right: Array) -> tuple[Array, Array]:
        accuracy, counts = _accuracy(contains, right), contains.sum(axis=0)
        places = order(accuracy, counts)
        return accuracy[places], counts[places]

    return numbers


def _not_lined_up(contains: Array, right: Array) -> tuple[Array, Array]:
    counts = contains.sum(axis=0)
    return _quotient((contains & right).sum(axis=0), counts), counts


def _right_of_the_construction(contains: Array, right: Array) -> tuple[Array, Array]:
    """What right[c] gives in a loop where right[n] was meant."""
    C = contains.shape[1]
    return _quotient((contains & right[:C]).sum(axis=0), contains.sum(axis=0)), contains.sum(axis=0)


def has_fixed_number_of_columns(function: Function) -> bool:
    """Whether a function is right for one certain number of constructions and for no other."""
    return sum(_right_for(function, C) for C in range(2, 26)) == 1


def _right_for(function: Function, C: int) -> bool:
    rng = np.random.default_rng(C)
    contains, right = rng.random((60, C)) < 0.4, rng.random(60) < 0.7
    try:
        accuracy, counts = function(contains.copy(), right.copy())
        return np.shape(accuracy) == np.shape(counts) == (C,) and np.allclose(
            [accuracy, counts], [_accuracy(contains, right), contains.sum(axis=0)], atol=1e-6
        )
    except Exception:  # whatever the learner's function may raise
        return False


def _fixed_number_of_columns(contains: Array, right: Array) -> tuple[Array, Array]:
    counts = np.array([contains[:, c].sum() for c in range(21)])
    return _quotient(np.array([(contains[:, c] & right).sum() for c in range(21)]), counts), counts


def _whole_division(contains: Array, right: Array) -> tuple[Array, Array]:
    counts = contains.sum(axis=0)
    return _right_ones(contains, right) // counts, counts


ACCURACY_BY_PHENOMENON = (
    Mistake(
        "divided_by_all",
        "divided by all sentences",
        "You divide by the number of all sentences. A construction that is rare and always right should get 1: which "
        "sentences may count below the line?",
        (_other_accuracy(lambda c, r: (c & r[:, None]).mean(axis=0)),),
    ),
    Mistake(
        "divided_by_right",
        "divided by the right sentences",
        "You answer: of the right sentences, which share contains it? The question is the other way round: of those "
        "that contain it, which share is right?",
        (_other_accuracy(lambda c, r: _quotient(_right_ones(c, r), r.sum())),),
    ),
    Mistake(
        "complement",
        "the sentences that do not contain it",
        "You take the sentences that do NOT contain the construction. Which sign turns the booleans round?",
        (
            _other_accuracy(lambda c, r: _accuracy(~c, r)),
            lambda c, r: (_accuracy(~c, r), (~c).sum(axis=0)),
        ),
    ),
    Mistake(
        "zero_for_none",
        "0 where no sentence contains it",
        "A construction that no sentence contains gets 0 from you, as if all of its sentences were wrong. Which value "
        "says that there was nothing to measure?",
        (_accuracy_after(lambda a: np.nan_to_num(a)),),
    ),
    Mistake(
        "one_for_none",
        "1 where no sentence contains it",
        "A construction that no sentence contains gets a perfect 1 from you. Was anything measured there?",
        (_accuracy_after(lambda a: np.nan_to_num(a, nan=1.0)),),
    ),
    Mistake(
        "empty_columns_dropped",
        "constructions without a sentence are left out",
        "Your result is shorter than the list of constructions where one of them does not occur. How would the reader "
        "of your table know which one is missing?",
        (_dropped,),
    ),
    Mistake(
        "division_by_zero",
        "raises where no sentence contains it",
        "A construction that no sentence contains has a count of 0, and Python refuses to divide by it. What should "
        "its accuracy be?",
        (_plain_loop,),
    ),
    Mistake(
        "percent",
        "percent instead of a share",
        "Your numbers go up to 100. Between which two numbers does a share lie?",
        (_accuracy_after(lambda a: 100 * a),),
    ),
    Mistake(
        "wrong_axis",
        "one number for each sentence",
        "You have one number for each sentence, and one for each construction is wanted. Which axis of (N, C) must go?",
        (
            _over_sentences,
            _other_counts(lambda c, r: c.sum(axis=1)),
            _other_accuracy(lambda c, r: _over_sentences(c, r)[0]),
        ),
    ),
    Mistake(
        "columns_fixed",
        "a fixed number of constructions",
        "Your function is right for one certain number of constructions, and for no other. Where in the shape of "
        "contains can it read how many there are?",
        (_fixed_number_of_columns,),
        recognize=has_fixed_number_of_columns,
    ),
    Mistake(
        "loop_ends_early",
        "a loop that misses the last one",
        "The last construction, or the last sentence, is left out of your numbers. What is the last number that "
        "range() gives you?",
        (
            *(_reached(1, slice(None, -1), empty) for empty in (0.0, np.nan)),
            *(_only_accuracy_reached(slice(None, -1), empty) for empty in (0.0, np.nan)),
            _reached(0, slice(None, -1), 0.0),
            _other_accuracy(lambda c, r: _quotient(_right_ones(c[:-1], r[:-1]), c.sum(axis=0))),
        ),
    ),
    Mistake(
        "return_in_the_loop",
        "returns at the first turn of a loop",
        "Only the first turn of your loop shows in your numbers. How far in does the line with return stand?",
        (
            *(_reached(1, slice(None, 1), empty) for empty in (0.0, np.nan)),
            *(_only_accuracy_reached(slice(None, 1), empty) for empty in (0.0, np.nan)),
            _reached(0, slice(None, 1), 0.0),
        ),
    ),
    Mistake(
        "another_order",
        "the constructions in another order",
        "Your numbers are right and stand in other places. Whose place in contains does a number need, so that the "
        "names of the table fit?",
        (
            _sorted_by(lambda accuracy, counts: np.argsort(-counts, kind="stable")),
            _sorted_by(lambda accuracy, counts: np.argsort(counts, kind="stable")),
            _sorted_by(lambda accuracy, counts: np.argsort(accuracy, kind="stable")),
            _sorted_by(lambda accuracy, counts: np.argsort(-accuracy, kind="stable")),
            _sorted_by(lambda accuracy, counts: np.arange(len(counts))[::-1]),
        ),
    ),
    Mistake(
        "another_value_for_none",
        "another number where no sentence contains it",
        "A construction that no sentence contains gets a number from you that no share can be. Which value does the "
        "text name for it?",
        tuple(_none_becomes(value) for value in (-1.0, np.inf)),
    ),
    Mistake(
        "all_right_ones",
        "right sentences without the construction count as well",
        "Some of your accuracies are above 1: above the line stand all right sentences, whatever they contain. Which "
        "of them concern the construction?",
        (_other_accuracy(lambda c, r: _quotient(np.full(c.shape[1], r.sum()), c.sum(axis=0))),),
    ),
    Mistake(
        "right_ones_below",
        "only right sentences are tried",
        "All of your accuracies are 1: you divide the right sentences by themselves. Which sentences stand below the "
        "line?",
        (
            lambda c, r: (_quotient(_right_ones(c, r), _right_ones(c, r)), _right_ones(c, r)),
            _other_accuracy(lambda c, r: _quotient(_right_ones(c, r), _right_ones(c, r))),
        ),
    ),
    Mistake(
        "not_set_back",
        "a counter that is not set back to 0",
        "Your numbers grow from one construction to the next. Where does a counter of your loop go back to 0?",
        (
            _other_accuracy(lambda c, r: _quotient(_right_ones(c, r).cumsum(), c.sum(axis=0))),
            _other_accuracy(lambda c, r: _quotient(_right_ones(c, r).cumsum(), c.sum(axis=0).cumsum())),
            lambda c, r: (_quotient(_right_ones(c, r).cumsum(), c.sum(axis=0).cumsum()), c.sum(axis=0).cumsum()),
            lambda c, r: (_quotient(_right_ones(c, r), c.sum(axis=0).cumsum()), c.sum(axis=0).cumsum()),
        ),
    ),
    Mistake(
        "right_not_lined_up",
        "right meets the constructions instead of the sentences",
        "numpy lines up (N, C) and (N,) from the right, so right meets the constructions. Which axis does it need to "
        "meet the sentences?",
        (_not_lined_up, _right_of_the_construction),
    ),
    Mistake(
        "counts_of_right",
        "counts only the right sentences",
        "Your accuracies are right, and your counts are those of the right sentences alone. How many sentences contain "
        "the construction, right or wrong?",
        (_other_counts(_right_ones),),
    ),
    Mistake(
        "counts_of_wrong",
        "counts only the wrong sentences",
        "Your counts are those of the wrong sentences alone. How many sentences contain the construction, right or "
        "wrong?",
        (_other_counts(lambda c, r: (c & ~r[:, None]).sum(axis=0)),),
    ),
    Mistake(
        "counts_of_all",
        "the number of all sentences as counts",
        "Every construction has the same count in your table. Do all sentences contain all of them?",
        (
            _other_counts(lambda c, r: np.full(c.shape[1], len(c))),
            _other_counts(lambda c, r: np.full(c.shape[1], r.sum())),
            _other_counts(lambda c, r: np.full(c.shape[1], c.sum())),
        ),
    ),
    Mistake(
        "counts_of_others",
        "counts the sentences that do not contain it",
        "You count the sentences without the construction. What does True mean in contains?",
        (_other_counts(lambda c, r: (~c).sum(axis=0)),),
    ),
    Mistake(
        "counts_as_shares",
        "shares instead of counts",
        "Your counts lie between 0 and 1. How many sentences are they?",
        (_other_counts(lambda c, r: c.mean(axis=0)),),
    ),
    Mistake(
        "one_total",
        "one count for all constructions",
        "You return a single count. Does each construction not have its own?",
        (
            _other_counts(lambda c, r: c.sum()),
            _other_counts(lambda c, r: int(c.sum())),
            _other_counts(lambda c, r: len(c)),
        ),
    ),
    Mistake(
        "accuracy_only",
        "returns the accuracies alone",
        "One thing comes back. Which second one tells how far each accuracy can be trusted?",
        (_accuracy,),
    ),
    Mistake(
        "swapped",
        "counts first",
        "Two arrays come back in the wrong order. Which one does the text name first?",
        (lambda c, r: (c.sum(axis=0), _accuracy(c, r)),),
    ),
    Mistake(
        "error_rate",
        "the share of wrong sentences",
        "Your accuracy is 1 where every sentence is wrong. Which share do you compute?",
        (_accuracy_after(lambda a: 1 - a),),
    ),
    Mistake(
        "right_ones_only",
        "not divided",
        "You return how many sentences are right. Are eight right ones many or few? Of how many?",
        (
            _other_accuracy(_right_ones),
            _other_accuracy(lambda c, r: _right_ones(c, r).astype(float)),
        ),
    ),
    Mistake(
        "whole_division",
        "division without a remainder",
        "Your accuracies are only 0 and 1. Which of the two signs / and // keeps what is behind the point?",
        (_whole_division, _accuracy_after(lambda a: np.nan_to_num(np.floor(a)).astype(int))),
    ),
    Mistake(
        "boolean_product",
        "a matrix product of booleans",
        "A matrix product of two arrays of booleans gives booleans: it only says whether there is any right sentence. "
        "What must one of them become before it can count?",
        (
            _other_accuracy(lambda c, r: _quotient(r @ c, c.sum(axis=0))),
            _other_accuracy(lambda c, r: r @ c),
            lambda c, r: (_quotient(r @ c, np.ones_like(r) @ c), np.ones_like(r) @ c),
        ),
    ),
    Mistake(
        "small_integers",
        "integers that overflow",
        "Your numbers are right for a few sentences and wrong for many. What does an integer of 8 bits do after 127 or "
        "255?",
        (
            *(_small_product(dtype) for dtype in (np.uint8, np.int8)),
            *(_small_integers(dtype) for dtype in (np.uint8, np.int8)),
        ),
    ),
    Mistake(
        "overall",
        "the same accuracy for all",
        "Every construction gets the accuracy of the whole corpus. Which sentences should each construction look at?",
        (_other_accuracy(lambda c, r: np.full(c.shape[1], r.mean())),),
    ),
    Mistake(
        "agreement",
        "counts agreement",
        "A wrong sentence WITHOUT the construction counts as a success with you: False == False. What about a sentence "
        "that is not concerned?",
        (
            _other_accuracy(lambda c, r: (c == r[:, None]).mean(axis=0)),
            _other_accuracy(lambda c, r: _quotient((c == r[:, None]).sum(axis=0), c.sum(axis=0))),
        ),
    ),
    Mistake(
        "or_for_and",
        "or instead of and",
        "Some of your accuracies are above 1: a sentence counts if it is right OR contains the construction. Which "
        "operator needs both?",
        (_other_accuracy(lambda c, r: _quotient((c | r[:, None]).sum(axis=0), c.sum(axis=0))),),
    ),
    Mistake(
        "pure_sentences",
        "only sentences with a single construction",
        "You leave out sentences that contain several constructions. Which of them does such a sentence belong to?",
        (_pure,),
    ),
    Mistake(
        "first_construction_only",
        "each sentence counts once",
        "A sentence with several constructions counts for the first one alone. Does it not contain the others too?",
        (_first_only,),
    ),
    Mistake(
        "smoothed",
        "counts with something added",
        "Your accuracies are drawn to the middle, and one that no sentence contains has a value: you add to the "
        "counts. What does the text divide by what?",
        (
            _other_accuracy(lambda c, r: (_right_ones(c, r) + 1) / (c.sum(axis=0) + 2)),
            _other_accuracy(lambda c, r: (_right_ones(c, r) + 1) / (c.sum(axis=0) + 1)),
            _other_accuracy(lambda c, r: _right_ones(c, r) / (c.sum(axis=0) + 1)),
        ),
    ),
    Mistake(
        "rounded",
        "accuracies rounded",
        "Your accuracies have lost their decimals. Should this function round, or whoever prints the table?",
        tuple(_rounded(digits) for digits in (1, 2, 3, 4)),
    ),
    Mistake(
        "contains_overwritten",
        "changes its argument",
        "Your numbers are right, but contains is another array afterwards, and the next table will be wrong. Which "
        "line writes into it?",
        (_in_place,),
    ),
)
