"""Known wrong versions of layer_norm, and the question that leads out of each.

Ids E01 to E11 are those of the project's catalog of mistakes; the others are ours.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_07 import reference
from course.lessons.lesson_07.mistakes.modules import leaves_torch

Axes = int | tuple[int, ...] | None
Divide = Callable[[Tensor, float], Tensor]  # (variance, eps) -> what the centered numbers are divided by


def _mean(x: Tensor, axes: Axes) -> Tensor:
    return x.mean() if axes is None else x.mean(dim=axes, keepdim=True)


def _inside(variance: Tensor, eps: float) -> Tensor:
    return (variance + eps).sqrt()


def _steps(
    mean: Axes = -1,
    variance: Callable[[Tensor, Tensor], Tensor] | None = None,
    divide: Divide = _inside,
    last: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda y, gain, bias: y * gain + bias,
    center: bool = True,
    spread: Axes = -1,
) -> Function:
    """Return layer_norm with a step of another kind.

    variance: (x, centered) -> the variance; spread: the axes of its mean where that is not given.
    """

    def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
        centered = x - _mean(x, mean)
        squares = _mean(centered**2, spread) if variance is None else variance(x, centered)
        return last((centered if center else x) / divide(squares, eps), gain, bias)

    return layer_norm


def _on_axes(axes: Axes) -> Function:
    return _steps(mean=axes, spread=axes)


def _front(x: Tensor) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1)) or (0,)


def _over_front(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Batch norm: a column over all words."""
    return _on_axes(_front(x))(x, gain, bias, eps)


def _per_sentence(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return _on_axes(tuple(range(1, x.ndim)) or (0,))(x, gain, bias, eps)


def _unbiased(divide: Divide) -> Function:
    return _steps(variance=lambda x, centered: x.var(dim=-1, keepdim=True), divide=divide)


def _off_by(more: int) -> Function:
    return _steps(variance=lambda x, c: (c**2).sum(dim=-1, keepdim=True) / (x.shape[-1] + more))


def _outside(variance: Tensor, eps: float) -> Tensor:
    return variance.sqrt() + eps


def _with_fixed_eps(fixed: float) -> Function:
    return lambda x, gain, bias, eps=1e-5: reference.layer_norm(x, gain, bias, fixed)


def _in_place(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    x -= x.mean(dim=-1, keepdim=True)
    x /= ((x**2).mean(dim=-1, keepdim=True) + eps).sqrt()
    return x * gain + bias


def _in_place_to_the_end(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    x.copy_(reference.layer_norm(x, gain, bias, eps))
    return x


def _centered_in_place(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    x -= x.mean(dim=-1, keepdim=True)
    return x / ((x**2).mean(dim=-1, keepdim=True) + eps).sqrt() * gain + bias


def _no_eps(variance: Tensor, eps: float) -> Tensor:
    return variance.sqrt()


def _without_keepdim(mean: bool, variance: bool, of_centered: bool) -> Function:
    """Return layer_norm with a mean or a variance that has lost its axis. of_centered: what the variance is of."""

    def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
        centered = x - x.mean(dim=-1, keepdim=mean)
        squares = (centered if of_centered else x - x.mean(dim=-1, keepdim=True)) ** 2
        return centered / (squares.mean(dim=-1, keepdim=variance) + eps).sqrt() * gain + bias

    return layer_norm


def _root_by_numpy(variance: Tensor, eps: float) -> Tensor:
    return torch.from_numpy((variance + eps).numpy() ** 0.5)


def _after(change: Callable[[Tensor], Any]) -> Function:
    def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Any:  # noqa: ANN401
        return change(reference.layer_norm(x, gain, bias, eps))

    return layer_norm


def _in_single(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return reference.layer_norm(x.float(), gain.float(), bias.float(), eps)


def _in_single_and_back(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return _in_single(x, gain, bias, eps).double()


# --- gradients ----------------------------------------------------------------------------------------------------


def gradients_of(function: Function, x: Tensor | None = None) -> list[Tensor | None]:
    """Return the gradients of x (3, 5), gain and bias for some loss; None where there is none."""
    random = torch.Generator().manual_seed(5)
    made = [torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((3, 5), (5,), (5,))]
    if x is not None:
        made[0] = x.clone()
    for each in made:
        each.requires_grad_()
    y = function(*made)
    loss = (y * torch.arange(1.0, 1.0 + y.numel(), dtype=torch.float64).view(y.shape)).sum()
    return list(torch.autograd.grad(loss, made, allow_unused=True)) if loss.requires_grad else [None] * 3


def wrong_gradient(function: Function) -> str | None:
    """Say whose gradient is not that of the reference, or None."""
    for name, got, right in zip(
        ("x", "gain", "bias"), gradients_of(function), gradients_of(reference.layer_norm), strict=True
    ):
        assert right is not None
        if got is None:
            return f"No gradient arrives at {name}. Where on the way from {name} to the result do the notes end?"
        if not torch.allclose(got, right):
            return (
                f"The gradient of {name} is another one. Which of your values depends on {name} and has forgotten it?"
            )
    return None


def nan_gradient(function: Function) -> str | None:
    """Say whether the gradient of a vector of equal numbers is not finite, or None."""
    got = gradients_of(function, torch.full((3, 5), 2.0, dtype=torch.float64))[0]
    if got is None or got.isfinite().all():
        return None
    return (
        "For a vector of equal numbers your result is right, and its gradient is nan. How steep is a root at 0, and "
        "where does eps stand?"
    )


def _cut(function: Function) -> list[bool]:
    try:
        right = gradients_of(reference.layer_norm)
        return [
            got is None or not torch.allclose(got, wanted)  # type: ignore[arg-type]
            for got, wanted in zip(gradients_of(function), right, strict=True)
        ]
    except Exception:  # whatever the learner's function may raise
        return []


def _same_numbers(function: Function) -> bool:
    x, gain, bias = torch.randn(2, 4, dtype=torch.float64), torch.rand(4).double(), torch.rand(4).double()
    try:
        return torch.allclose(function(x.clone(), gain, bias), reference.layer_norm(x, gain, bias))
    except Exception:  # whatever the learner's function may raise
        return False


def _statistics_cut(function: Function) -> bool:
    return _cut(function) == [True, False, False] and _same_numbers(function)


def _all_cut(function: Function) -> bool:
    return _cut(function) == [True, True, True] and _same_numbers(function)


def _detached_mean(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    mean, variance = x.mean(dim=-1, keepdim=True).detach(), x.var(dim=-1, keepdim=True, correction=0).detach()
    return (x - mean) / (variance + eps).sqrt() * gain + bias


def _without_notes(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    with torch.no_grad():
        return reference.layer_norm(x, gain, bias, eps)


LAYER_NORM = (
    Mistake(
        "no_keepdim",
        "an axis is lost",
        "Print x.mean(dim=-1).shape and x.shape, and write one below the other from the right: does each mean line up "
        "with its word, or with a column? What keeps an axis of length 1 there?",
        tuple(
            _without_keepdim(mean, variance, of_centered)
            for mean, variance in ((False, False), (True, False), (False, True))
            for of_centered in (True, False)
        ),
    ),
    Mistake(
        "numpy_function",
        "a function of numpy",
        "With a tensor that wants a gradient your function raises: it leaves torch on the way. Which function of numpy "
        "do you call, and what is torch's own called?",
        (_steps(divide=_root_by_numpy),),
        recognize=leaves_torch(lambda function: gradients_of(function)),
    ),
    Mistake(
        "E01",
        "normalizes over the batch",
        "Change sentence 1 and leave sentence 0 as it is: does sentence 0 come out in another way? Which axis holds "
        "the numbers of one word?",
        (_on_axes(0), _over_front, _steps(mean=0, variance=lambda x, c: x.var(0, keepdim=True))),
    ),
    Mistake(
        "E03",
        "normalizes over the words and the columns",
        "Print the mean of each word's result. It is not 0: whose numbers have you counted in beside the word's own?",
        (_on_axes((-2, -1)), _per_sentence),
    ),
    Mistake(
        "norm_over_words",
        "normalizes along the words",
        "Your columns have mean 0, and your words do not. Which axis of (B, T, d) holds the numbers of one word?",
        (_on_axes(-2), _on_axes(1)),
    ),
    Mistake(
        "norm_over_all",
        "one mean and one spread for everything",
        "You take one mean over all sentences and words. How many means should there be?",
        (_on_axes(None),),
    ),
    Mistake(
        "mean_of_all",
        "mean or variance over everything",
        "One of mean and variance is taken over each word, the other one over everything. Which call has no dim?",
        (
            _steps(mean=None),
            _steps(spread=None),
            _steps(variance=lambda x, centered: x.var(correction=0)),
            _steps(variance=lambda x, centered: x.var()),
        ),
    ),
    Mistake(
        "E05",
        "eps outside the root",
        "Try eps = 0.1 and a vector whose spread is 0.1: should eps count beside the spread, or beside its square? "
        "What stands under the root in the formula?",
        (_steps(divide=_outside),),
    ),
    Mistake(
        "unbiased",
        "the variance divided by d - 1",
        "Take (2, 4, 6, 8): the squares add up to 20. By what does the formula divide them, and by what does x.var or "
        "x.std unless it is told otherwise?",
        (_unbiased(_inside), _off_by(-1)),
    ),
    Mistake(
        "unbiased_and_outside",
        "d - 1, and eps outside the root",
        "Two things at once: x.std divides the squares by d - 1, and eps stands beside the spread. What does the "
        "formula have under its root?",
        (_unbiased(_outside),),
    ),
    Mistake(
        "E07",
        "divides by the variance",
        "Multiply x by 10: your result gets ten times smaller, and it should not change. What is missing around the "
        "variance?",
        (_steps(divide=lambda v, eps: v + eps), _steps(divide=lambda v, eps: v)),
    ),
    Mistake(
        "fourth_root",
        "the root taken twice",
        "Multiply x by 10: your result gets larger, and it should not change. How often do you take a root, and does "
        "x.std take one already?",
        (
            _steps(divide=lambda v, eps: (v.sqrt() + eps).sqrt()),
            _steps(divide=lambda v, eps: (v + eps).sqrt().sqrt()),
            _steps(variance=lambda x, c: x.std(dim=-1, keepdim=True)),
        ),
    ),
    Mistake(
        "multiplied",
        "multiplied by the spread",
        "Large vectors get larger from you. What should be done with the spread?",
        (
            _steps(divide=lambda v, eps: (v + eps) ** -0.5),
            _steps(divide=lambda v, eps: 1 / (v + eps)),
        ),
    ),
    Mistake(
        "E09",
        "the mean is not taken off",
        "Add 100 to every number of x: your result moves, and it should not. What comes off before you divide?",
        (_steps(center=False), _steps(center=False, variance=lambda x, c: (x**2).mean(dim=-1, keepdim=True))),
    ),
    Mistake(
        "squares_not_centered",
        "the mean of the squares in place of the variance",
        "Add 100 to every number of x: your result shrinks to next to nothing. The squares of which numbers do you "
        "average?",
        (_steps(variance=lambda x, c: (x**2).mean(dim=-1, keepdim=True)),),
    ),
    Mistake(
        "mean_absolute",
        "the mean distance in place of the spread",
        "You divide by the mean distance from the mean. Which mean is under the root of the formula?",
        (
            _steps(variance=lambda x, c: c.abs().mean(dim=-1, keepdim=True), divide=lambda v, eps: v + eps),
            _steps(variance=lambda x, c: c.abs().mean(dim=-1, keepdim=True), divide=lambda v, eps: v),
        ),
    ),
    Mistake(
        "sum_of_squares",
        "the sum of the squares in place of their mean",
        "Your vectors have length 1, whatever their width, so that a wide one has tiny numbers. Is the variance a sum "
        "or a mean of squares?",
        (_steps(variance=lambda x, c: (c**2).sum(dim=-1, keepdim=True)),),
    ),
    Mistake(
        "no_eps",
        "without eps",
        "A vector of equal numbers becomes nan. What is its spread, and what was the small number for?",
        (_steps(divide=_no_eps), _with_fixed_eps(0.0)),
    ),
    Mistake(
        "fixed_eps",
        "eps is ignored",
        "Call your function with eps = 0.1 and with 0.001: the result is the same. Which number have you written in "
        "its place?",
        tuple(map(_with_fixed_eps, (1e-5, 1e-6, 1e-8, 1e-12))),
    ),
    Mistake(
        "eps_squared",
        "another eps",
        "With a visible eps, such as 0.1, your result is another one. Is eps added to the variance as it is, and once?",
        (
            _steps(divide=lambda v, eps: (v + eps**2).sqrt()),
            _steps(divide=lambda v, eps: (v - eps).sqrt()),
            _steps(divide=lambda v, eps: (v + 2 * eps).sqrt()),
            _steps(divide=lambda v, eps: (v + eps).sqrt() + eps),
            _steps(divide=lambda v, eps: v.sqrt().clamp(min=eps)),
            _steps(divide=lambda v, eps: v.clamp(min=eps).sqrt()),
        ),
    ),
    Mistake(
        "no_gain",
        "without gain and bias",
        "Your result always has mean 0 and spread 1. Which two arguments have you not used?",
        (_steps(last=lambda y, gain, bias: y),),
    ),
    Mistake(
        "gain_only",
        "without the bias",
        "With a bias of 7 nothing changes. Which argument have you not used?",
        (_steps(last=lambda y, gain, bias: y * gain),),
    ),
    Mistake(
        "bias_only",
        "without the gain",
        "With a gain of 7 nothing changes. Which argument have you not used?",
        (_steps(last=lambda y, gain, bias: y + bias),),
    ),
    Mistake(
        "gain_and_bias_exchanged",
        "gain and bias exchanged",
        "Set gain to 1 and bias to 0: your result is 1 everywhere. Which of the two is to be multiplied?",
        (_steps(last=lambda y, gain, bias: y * bias + gain),),
    ),
    Mistake(
        "bias_before_gain",
        "the bias added before the gain",
        "Set bias to 1 and gain to 0: your result is 0, and it should be 1. In which order does the formula have them?",
        (_steps(last=lambda y, gain, bias: (y + bias) * gain), _steps(last=lambda y, gain, bias: (y - bias) * gain)),
    ),
    Mistake(
        "one_plus_gain",
        "1 added to the gain",
        "With a gain of 1 your result is twice as large as it should be. Some programs keep the gain minus 1: does "
        "this formula?",
        (_steps(last=lambda y, gain, bias: y * (1 + gain) + bias),),
    ),
    Mistake(
        "bias_subtracted",
        "the bias subtracted",
        "Your result goes down where the bias is positive. Which sign does the formula have?",
        (_steps(last=lambda y, gain, bias: y * gain - bias),),
    ),
    Mistake(
        "gain_as_matrix",
        "a matrix product with the gain",
        "A matrix product sums over the columns, and one number for each word is left. Which sign multiplies number by "
        "number?",
        (_steps(last=lambda y, gain, bias: y @ gain + bias), _steps(last=lambda y, gain, bias: y @ gain)),
    ),
    Mistake(
        "E11",
        "writes into x",
        "Print x before and after the call: it is another one now, and the stream that it came from as well. What do "
        "-= and /= do with the caller's tensor?",
        (_in_place, _centered_in_place, _in_place_to_the_end),
    ),
    Mistake(
        "unit_length",
        "length 1 in place of spread 1",
        "Your vectors have length 1, whatever their width. What is the length of a vector whose d numbers have mean 0 "
        "and variance 1?",
        (
            _steps(last=lambda y, gain, bias: F.normalize(y, dim=-1) * gain + bias),
            lambda x, gain, bias, eps=1e-5: F.normalize(x, dim=-1) * gain + bias,
        ),
    ),
    Mistake(
        "softmax_norm",
        "a softmax",
        "Your result adds up to 1, and has no negative numbers. Is a share asked for, or a distance from the mean?",
        (lambda x, gain, bias, eps=1e-5: x.softmax(dim=-1) * gain + bias,),
    ),
    Mistake(
        "zero_to_one",
        "between the smallest and the largest",
        "Your numbers run from 0 to 1. What does the formula take off, the smallest number or the mean?",
        (
            lambda x, gain, bias, eps=1e-5: (
                (x - x.amin(-1, keepdim=True)) / (x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True) + eps) * gain
                + bias
            ),
        ),
    ),
    Mistake(
        "rounded",
        "rounds the result",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(_after(lambda y, n=n: y.round(decimals=n)) for n in range(1, 7)),  # type: ignore[misc]
    ),
    Mistake(
        "single_precision",
        "computes in float32",
        "The numbers came in with 64 bits, and half of their digits are gone. Who asked for fewer?",
        (_in_single, _in_single_and_back),
    ),
    Mistake(
        "statistics_cut",
        "mean or spread without a gradient",
        "Your numbers are right, and the gradient of x is not: it does not know that mean and spread depend on x as "
        "well. Which of your lines makes them plain numbers?",
        (_detached_mean,),
        recognize=_statistics_cut,
    ),
    Mistake(
        "graph_cut",
        "no gradient comes back",
        "Your numbers are right, and the result does not remember how it was computed, so nothing below it could be "
        "trained. Do you leave torch on the way, or use detach, data or no_grad?",
        (_without_notes,),
        recognize=_all_cut,
    ),
)
