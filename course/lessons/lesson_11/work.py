"""How much a function that attends multiplies. Imports torch: only checks of `incremental` and its lesson need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from course.lessons.lesson_11 import reference

Function = Callable[..., Any]
SIZE = (2, 6, 7)  # (B, T, d): T is smaller than d, so that only the matrices are d by d
_PRODUCTS = {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum", "linear", "tensordot"}


class _Projections(TorchFunctionMode):
    """Notes how many rows each product with a (d, d) matrix has."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.d, self.rows = d, list[int]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Look at a product's sizes and let it be done."""
        if getattr(func, "__name__", "") in _PRODUCTS:
            parts = [part for each in args for part in (each if isinstance(each, (tuple, list)) else (each,))]
            shapes = [tuple(part.shape) for part in parts if isinstance(part, torch.Tensor)]
            others = [shape for shape in shapes if shape[-2:] != (self.d, self.d)]
            if len(others) < len(shapes):
                self.rows.append(max((int(np.prod(shape)) for shape in others), default=0) // self.d)
        return func(*args, **(kwargs or {}))


def _data(B: int, T: int, d: int) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    rng = np.random.default_rng(11)
    x, table = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((B, T, d), (T + 3, d)))
    return x, {name: torch.from_numpy(rng.standard_normal((d, d))) for name in "qkv"}, table


def projected(function: Function) -> tuple[int, int]:
    """Return how many rows a function multiplies with its matrices in all, and in one product at most.

    With a cache, and B sentences of T words, that is 3 * B * T and B. Functions that multiply by other means than
    matrix products count for nothing.
    """
    with _Projections(SIZE[2]) as seen:
        function(*_data(*SIZE))
    return sum(seen.rows), max(seen.rows, default=0)


def is_right(function: Function) -> bool:
    """Whether a function returns what `incremental` should, however it works."""
    data = _data(*SIZE)
    try:
        answer = function(*data)
    except Exception:  # a learner's function may raise anything
        return False
    right = reference.incremental(*data)
    return isinstance(answer, torch.Tensor) and answer.shape == right.shape and bool(torch.allclose(answer, right))


def multiplications(function: Function, *arguments: Any, **named: Any) -> int:  # noqa: ANN401
    """Call a function and return how many multiplications its matrix products take, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counted:
        function(*arguments, **named)
    return counted.get_total_flops() // 2  # a multiplication and an addition are two operations
