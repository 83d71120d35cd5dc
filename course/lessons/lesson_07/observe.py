"""Watches what arrays alone cannot tell: dropout, whatever its random numbers, and what a stack owns. Imports torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course.lab.exercises.modules import Made, find_map
from course.lessons.lesson_07 import reference

Observation = dict[str, Any]

# --- what is owned --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Counted(Made):
    """A class that is only made, and whose trained numbers are counted."""


def count(cls: Callable[..., nn.Module], made: Made) -> Observation:
    """Return how many trained numbers a class finds when it is made."""
    owned = cls(*made.sizes.values()).parameters()
    return {"the number of trained numbers": np.array(sum(p.numel() for p in owned if p.requires_grad))}


# --- dropout --------------------------------------------------------------------------------------------------------

WORDS = 20_000  # enough for a mean with two digits


@dataclass(frozen=True)
class Dropping(Made):
    """A feed-forward network of 2 and 4 numbers whose inner numbers are all 1: its output counts what is kept."""

    def __repr__(self) -> str:
        return f"d_model=2, d_ff=4, dropout={self.sizes['dropout']}, with four inner numbers of 1 that are added up"


def watch_dropout(cls: Callable[..., nn.Module], made: Made) -> Observation | None:
    """Return what comes out of sums of four ones, in training and in evaluation, and how large they are in the mean."""
    example = reference.FeedForward(**made.sizes).double()
    with torch.no_grad():
        for p, value in zip(example.parameters(), (0.5, 0.0, 1.0, 0.0), strict=True):
            p.fill_(value)
    module = cls(*made.sizes.values()).double()
    few, many = (torch.ones(n, 2, 2, dtype=torch.float64) for n in (3, WORDS // 2))
    with torch.no_grad():
        find_map(example, module, lambda: _same(example.eval(), module.eval(), few))
        module.train()
        torch.default_generator.manual_seed(made.seed)
        thinned = module(many)
        module.eval()
        whole = module(few)
    if not isinstance(thinned, Tensor) or not isinstance(whole, Tensor):
        return None
    return {
        "the list of values in training": _values(thinned),
        "the mean in training": np.array(round(float(thinned.mean()), 1) + 0.0),
        "the list of values in evaluation": _values(whole),
        "the share of words whose two outputs differ": "none" if _alike(thinned) else "some",
        "the share of words that agree with the next one": "all" if _repeats(thinned) else "some",
    }


def _same(example: nn.Module, module: nn.Module, x: Tensor) -> bool:
    try:
        return torch.allclose(example(x), module(x))
    except Exception:  # a learner's class may raise anything; the check will say what
        return False


def _values(x: Tensor) -> str:
    return ", ".join(f"{value + 0.0:.3g}" for value in torch.unique(x.round(decimals=3)).tolist()[:12])


def _alike(x: Tensor) -> bool:
    return torch.allclose(x[..., 0], x[..., 1])


def _repeats(x: Tensor) -> bool:
    flat = x[..., 0].flatten()
    return torch.allclose(flat[1:], flat[:-1])


# --- a stack --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Maker:
    """The description of `make`: each call returns a new layer, x -> tanh(x W + b), with numbers of its own."""

    width: int

    def __repr__(self) -> str:
        return f"a function that returns a new layer of width {self.width} at each call"


class _Layer(nn.Module):
    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        rng = np.random.default_rng(70 + number)
        self.weight = nn.Parameter(torch.from_numpy(rng.standard_normal((width, width)) / width**0.5))
        self.bias = nn.Parameter(torch.from_numpy(rng.standard_normal(width)))

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.weight + self.bias).tanh()


def watch_stack(function: Callable[..., Any], make: Maker, n: int, x: np.ndarray[Any, Any]) -> Observation | None:
    """Let a function make a stack, and return what was seen of it, by name. None if it did nothing."""
    calls: list[_Layer] = []

    def new() -> nn.Module:
        calls.append(_Layer(make.width, len(calls)))
        return calls[-1]

    new.__module__, new.__qualname__ = "builtins", "make"  # as an error should call it
    given = torch.from_numpy(x.copy()).requires_grad_()
    answer = function(new, n, given)
    if answer is None or answer is ...:
        return None
    layers, y = answer if isinstance(answer, (tuple, list)) and len(answer) == 2 else (answer, None)
    return {
        "the list of types that come back": _kinds(answer),
        "the number of layers": _length(layers),
        "the number of different layers": _different(layers),
        "the number of trained numbers": _trained(layers),
        "the number of calls of make": np.array(len(calls)),
        "x after all layers": y.detach().numpy().copy() if isinstance(y, Tensor) else np.array(np.nan),
        "the vector of all gradients": _gradients(layers, y, given),
    }


def _kinds(answer: Any) -> str:  # noqa: ANN401
    parts = answer if isinstance(answer, (tuple, list)) else (answer,)
    return ", ".join(map(_kind, parts))


def _kind(thing: object) -> str:
    if isinstance(thing, Tensor):
        return "Tensor"
    if isinstance(thing, nn.ModuleList | nn.Sequential):  # both own their layers and go through them in order
        return "ModuleList"
    return "Module" if isinstance(thing, nn.Module) else type(thing).__name__


def _length(layers: Any) -> Any:  # noqa: ANN401
    return np.array(len(layers) if hasattr(layers, "__len__") and not isinstance(layers, Tensor) else -1)


def _different(layers: Any) -> Any:  # noqa: ANN401
    if isinstance(layers, Tensor) or not hasattr(layers, "__iter__"):
        return np.array(-1)
    return np.array(len({id(layer) for layer in layers}))


def _trained(layers: Any) -> Any:  # noqa: ANN401
    return np.array(sum(p.numel() for p in layers.parameters()) if isinstance(layers, nn.Module) else 0)


def _gradients(layers: Any, y: Any, x: Tensor) -> Any:  # noqa: ANN401
    """The gradients of x and of all that the layers own, in their order, for a mixture of y; 0 where there is none."""
    wanted = [x, *(layers.parameters() if isinstance(layers, nn.Module) else [])]
    if not isinstance(y, Tensor) or not y.requires_grad:
        return np.zeros(sum(each.numel() for each in wanted))
    mixture = torch.arange(1.0, y.numel() + 1, dtype=y.dtype).cos().view(y.shape)
    found = torch.autograd.grad((y * mixture).sum(), wanted, allow_unused=True)
    flat = [torch.zeros_like(one) if each is None else each for one, each in zip(wanted, found, strict=True)]
    return torch.cat([each.flatten() for each in flat]).numpy()
