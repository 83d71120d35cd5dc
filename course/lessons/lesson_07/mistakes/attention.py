"""Known wrong versions of torch_attention: those of lesson 03 in torch, and what can go wrong only with gradients."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03.mistakes import ATTENTION
from course.lessons.lesson_07 import reference
from course.lessons.lesson_07.mistakes.modules import leaves_torch

Mask = Tensor | None
Result = tuple[Tensor, Tensor]

# Questions of lesson 03 that speak of numpy, as they are asked here.
_IN_TORCH = {
    "base_rounded": (
        "One more point of score multiplies your weight by a number near e, and not by e. How many digits of it do "
        "you have, and which function of torch has them all?"
    ),
    "dot_for_matmul": (
        "Print the shape of your scores for a batch. Which operator multiplies the matrices of two batches pair by "
        "pair?"
    ),
    "zero_times_infinity": (
        "Print 0 * -torch.inf, and then ~mask times your fill: True and False times a plain number have 32 bits, where "
        "the lowest number of 64 bits is -inf. Which scores did you add that to: only the blocked ones?"
    ),
    "without_mask_blocked": (
        "Without a mask your results have nothing but zeros or nan. Which keys may be seen when the mask is None?"
    ),
    "mask_of_full_shape": (
        "A mask may be smaller than the scores, say (B, 1, 1, Tk). Which functions of the table in section 1 take a "
        "mask that broadcasts?"
    ),
    "output_only": (
        "The heads of the next section want one of them, and the pictures the other. Which two things, in which "
        "order, should come back?"
    ),
    "A27": (
        "A row in which everything is blocked is softmax of only -inf, which is 0/0. Which finite number is as low as "
        "you need it, and what should a query get that may look at nothing?"
    ),
}
_NOT_HERE = {"matrix", "scale_whole_number"}  # np.matrix; a root that is cut off for integers

# Versions that only other digits of float16 or float32 told from right ones: in torch they are right.
_RIGHT = {"base_rounded": {27, 29}, "maximum_of_blocked": {1, 3}}


def tensors(value: Any) -> Any:  # noqa: ANN401
    """Return results with arrays as tensors."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(tensors, value))
    return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value


def _of_tensors(version: Function) -> Function:
    """Return a wrong version of lesson 03 that takes and returns tensors."""

    def attention(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Any:  # noqa: ANN401
        arrays = [None if each is None else each.detach().numpy() for each in (q, k, v, mask)]
        return tensors(version(*arrays))

    return attention


def of_arrays(function: Function) -> Function:
    """Return a learner's function as one of arrays, for the tests of lesson 03."""

    def attention(*arrays: Any) -> Any:  # noqa: ANN401
        given = [torch.from_numpy(np.array(each)) if isinstance(each, np.ndarray) else each for each in arrays]
        return tuple(each.detach().numpy() for each in function(*given))

    return attention


def _ported(mistake: Mistake) -> Mistake:
    recognize = mistake.recognize
    return dataclasses.replace(
        mistake,
        hint=_IN_TORCH.get(mistake.id, mistake.hint),
        versions=tuple(
            _of_tensors(version) for i, version in enumerate(mistake.versions) if i not in _RIGHT.get(mistake.id, ())
        ),
        recognize=None if recognize is None else lambda function: recognize(of_arrays(function)),
    )


# --- gradients ----------------------------------------------------------------------------------------------------

_NAMES = ("q", "k", "v")


def _example(empty: bool) -> tuple[list[Tensor], Tensor]:
    """q, k and v that want gradients, and a mask; its second row is empty if asked for."""
    random = torch.Generator().manual_seed(3)
    three = [
        torch.randn(2, rows, width, generator=random, dtype=torch.float64, requires_grad=True)
        for rows, width in ((4, 6), (5, 6), (5, 3))
    ]
    mask = torch.rand(2, 4, 5, generator=random) < 0.7
    mask[..., 0] = True
    if empty:
        mask[1, 1] = False
    return three, mask


def gradients_of(function: Function, *, empty: bool = False) -> list[Tensor | None]:
    """Return the gradients of q, k and v for a loss that uses the output and the weights; None where there is none."""
    three, mask = _example(empty)
    output, weights = function(*three, mask)
    loss = (output * output.detach().cos()).sum() + (weights**2).sum()
    if not loss.requires_grad:
        return [None, None, None]
    return list(torch.autograd.grad(loss, three, allow_unused=True))


def wrong_gradient(function: Function) -> str | None:
    """Say whose gradient is not that of the reference where no row is empty, or None."""
    for name, got, right in zip(_NAMES, gradients_of(function), gradients_of(reference.torch_attention), strict=True):
        assert right is not None
        if got is None:
            return f"No gradient arrives at {name}. Where on the way from {name} to the output do the notes end?"
        if not torch.allclose(got, right):
            return f"The gradient of {name} is another one. Which of your steps has a value that carries no gradient?"
    return None


def nan_gradient(function: Function) -> str | None:
    """Say whose gradient is not finite where a row is empty, or None."""
    for name, got in zip(_NAMES, gradients_of(function, empty=True), strict=True):
        if got is not None and not got.isfinite().all():
            return (
                f"With an empty row your results are right, and the gradient of {name} has nan in it. Where in your "
                "steps was a nan or an infinity, before you set it to 0?"
            )
    return None


def _gives_nan(function: Function) -> bool:
    return _safely(lambda: wrong_gradient(function) is None and nan_gradient(function) is not None)


def _cuts_all(function: Function) -> bool:
    return _safely(lambda: gradients_of(function) == [None, None, None])


def _cuts_queries_and_keys(function: Function) -> bool:
    return _safely(lambda: [g is None for g in gradients_of(function)] == [True, True, False])


def _safely(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except Exception:  # whatever the learner's function may raise
        return False


def _nan_replaced(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Result:
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if mask is not None:  # masked_fill would write zeros over the nan on the way back; a sum hands it on
        scores = scores + torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1).nan_to_num(0.0)
    return weights @ v, weights


def _detached(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Result:
    return reference.torch_attention(q.detach(), k.detach(), v.detach(), mask)


def _weights_detached(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Result:
    weights = reference.torch_attention(q, k, v, mask)[1].detach()
    return weights @ v, weights


def _by_numpy(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Result:
    weights = torch.from_numpy(reference.torch_attention(q, k, v, mask)[1].numpy())
    return weights @ v, weights


def _weakly_filled(value: float) -> Function:
    def attention(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Result:
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if mask is None:
            weights = scores.softmax(dim=-1)
        else:
            weights = scores.masked_fill(~mask, value).softmax(dim=-1).masked_fill(~mask, 0.0)
        return weights @ v, weights

    return attention


TORCH_ATTENTION = (
    *(_ported(mistake) for mistake in ATTENTION if mistake.id not in _NOT_HERE),
    Mistake(
        "nan_replaced",
        "-inf added, and nan set to 0 after the softmax",
        "With an empty row your results are right and the gradient is nan: it goes back through the place where the "
        "nan was, and 0 times nan is nan. Which finite number in place of -inf would never let it arise?",
        (_nan_replaced,),
        recognize=_gives_nan,
    ),
    Mistake(
        "weak_fill_zeroed",
        "blocked scores set to a small number, and zeros afterwards",
        "The blocked weights are 0 at the end, and yet the rows do not add up to 1: the blocked keys had a share when "
        "softmax dealt it out. Which fill leaves them none, whatever the other scores are?",
        tuple(map(_weakly_filled, (0.0, -1.0, -5.0, -10.0, -20.0, -50.0, -100.0, -1e4))),
    ),
    Mistake(
        "fill_of_64_bits",
        "a fixed fill that does not fit into 16 bits",
        "A fixed number such as -1e9 is not below every score, and in 16 bits, where the lowest number is -65504, "
        "there is none like it. What gives the lowest number of the type that your scores have, whichever it is?",
        tuple(map(_weakly_filled, (-1e9, -1e20, -1e30))),
    ),
    Mistake(
        "numpy_function",
        "a function of numpy",
        "With a tensor that wants a gradient your function raises: it leaves torch on the way. Which function of numpy "
        "do you call, and what is torch's own called?",
        (_by_numpy,),
        recognize=leaves_torch(lambda function: gradients_of(function)),
    ),
    Mistake(
        "graph_cut",
        "no gradient comes back",
        "Your numbers are right, and nothing could be trained with them: the result does not remember how it was "
        "computed. Do you leave torch on the way, or use detach, data or no_grad?",
        (_detached,),
        recognize=_cuts_all,
    ),
    Mistake(
        "weights_cut",
        "weights without a gradient",
        "Values could be trained, queries and keys could not: your weights do not remember how they were computed. "
        "Which of your lines makes them forget?",
        (_weights_detached,),
        recognize=_cuts_queries_and_keys,
    ),
)
