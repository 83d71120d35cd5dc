"""Gradients of functions on tensors, compared with the reference's: a piece that is trained needs them right too."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course.lab.exercises.exercise import Function, Property
from course.lab.exercises.run import close


def same_gradients(
    reference: Function, make: Callable[[], tuple[Any, ...]], names: Sequence[str], *, tolerance: float = 1e-8
) -> Property:
    """Return the property that the gradient of an answer is the reference's, for an exercise with ``tensors``.

    Args:
        reference: the right answer.
        make: returns arguments as a case does; gradients of those that are arrays of floats are compared.
        names: of the arguments, for the message.
        tolerance: relative, and absolute.
    """

    def violated(function: Function) -> str | None:
        wanted, found = gradients(reference, make()), gradients(function, make())
        for i, right in wanted.items():
            if i in found and close(right, found[i], tolerance):
                continue
            if i not in found or not found[i].any():
                return (
                    f"The numbers are right, and no gradient reaches {names[i]}: it could not be trained. Which of "
                    "your lines leaves torch, or takes something out of its record?"
                )
            at = tuple(int(j) for j in np.argwhere(~np.isclose(right, found[i], rtol=tolerance, atol=tolerance))[0])
            return (
                f"The numbers are right, and the gradient of {names[i]} is not: at {at} it should be {right[at]:.4g}, "
                f"and yours is {found[i][at]:.4g}. Which of your lines does torch not record?"
            )
        return None

    return Property("the gradient is that of the formula", violated)


def gradients(function: Function, arguments: Sequence[Any]) -> dict[int, Any]:
    """Return the gradient of a mixture of a function's results, for each argument that is an array of floats.

    Arguments that no gradient reaches are missing.
    """
    import torch

    given = [torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in arguments]
    leaves = {
        i: each.requires_grad_() for i, each in enumerate(given) if torch.is_tensor(each) and each.is_floating_point()
    }
    value = function(*given)
    results = [each for each in (value if isinstance(value, (tuple, list)) else (value,)) if torch.is_tensor(each)]
    total = sum((_mixture(each) for each in results if each.requires_grad), torch.zeros((), dtype=torch.float64))
    if total.requires_grad:
        total.backward()
    return {i: leaf.grad.numpy() for i, leaf in leaves.items() if leaf.grad is not None}


def _mixture(x: Any) -> Any:  # noqa: ANN401
    """A sum in which each number has a weight of its own, so that no gradient is the same by chance."""
    import torch

    return (x * torch.arange(1.0, x.numel() + 1, dtype=x.dtype).cos().view(x.shape)).sum()
