"""Known wrong versions of residual_block, and the question that leads out of each.

Ids F01 to F09 are those of the project's catalog of mistakes; the others are ours.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_07 import reference

Map = Callable[[Tensor], Tensor]


def _normed_first(x: Tensor, norm: Map, f: Map, drop: Map) -> Tensor:
    x = norm(x)
    return x + drop(f(x))


def _in_place(x: Tensor, norm: Map, f: Map, drop: Map) -> Tensor:
    x += drop(f(norm(x)))
    return x


def _after(change: Callable[[Tensor], Any]) -> Function:
    return lambda x, norm, f, drop: change(reference.residual_block(x, norm, f, drop))


# --- gradients ----------------------------------------------------------------------------------------------------


class _Scaled:
    """A sublayer with one weight."""

    def __init__(self, weight: float) -> None:
        self.weight = torch.tensor(weight, dtype=torch.float64, requires_grad=True)

    def __call__(self, x: Tensor) -> Tensor:
        return (self.weight * x).tanh()


def gradients_of(function: Function) -> list[Tensor | None]:
    """Return the gradients of x (2, 3) and of a weight in the norm and in the sublayer; None where there is none."""
    x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], dtype=torch.float64, requires_grad=True)
    norm, f = _Scaled(0.7), _Scaled(1.3)
    y = function(x * 1.0, norm, f, lambda z: 0.5 * z)
    loss = (y * y.detach().cos()).sum()
    three = [x, norm.weight, f.weight]
    return list(torch.autograd.grad(loss, three, allow_unused=True)) if loss.requires_grad else [None] * 3


def wrong_gradient(function: Function) -> str | None:
    """Say what has not the gradient of the reference, or None."""
    names = ("the stream x", "what is in norm", "what is in f")
    for name, got, right in zip(names, gradients_of(function), gradients_of(reference.residual_block), strict=True):
        assert right is not None
        if got is None or not torch.allclose(got, right):
            return f"Your numbers are right, and the gradient of {name} is not. Where on the way is it cut off?"
    return None


def _cut(function: Function) -> bool:
    try:
        return wrong_gradient(function) is not None and _same_numbers(function)
    except Exception:  # whatever the learner's function may raise
        return False


def _same_numbers(function: Function) -> bool:
    x, parts = torch.randn(2, 3, dtype=torch.float64), (torch.tanh, torch.sin, torch.exp)
    return torch.allclose(function(x.clone(), *parts), reference.residual_block(x, *parts))


RESIDUAL_BLOCK = (
    Mistake(
        "F01",
        "the normed stream is kept",
        "Let f return zeros: x should come out as it was, and from you it comes out normed. Which x do you add to?",
        (_normed_first,),
    ),
    Mistake(
        "F03",
        "the norm on the output of the sublayer",
        "What does f receive from you: the stream as it is, or normed? In pre-norm it is called so after what it "
        "stands before. What is that?",
        (
            lambda x, norm, f, drop: x + norm(drop(f(x))),
            lambda x, norm, f, drop: x + drop(norm(f(x))),
        ),
    ),
    Mistake(
        "post_norm",
        "post-norm",
        "This is the paper's form, in which the sum is normed. Where does the norm stand in the other one, so that "
        "nothing stands on the path?",
        (lambda x, norm, f, drop: norm(x + drop(f(x))),),
    ),
    Mistake(
        "normed_at_both_ends",
        "pre-norm and post-norm at once",
        "You norm twice: what f receives, and the sum. Which of the two norms stands on the path?",
        (lambda x, norm, f, drop: norm(x + drop(f(norm(x)))),),
    ),
    Mistake(
        "F05",
        "dropout on the sum",
        "Let drop return zeros: the stream should be left, and from you nothing is. What is drop meant for, the stream "
        "or what f adds to it?",
        (lambda x, norm, f, drop: drop(x + f(norm(x))), lambda x, norm, f, drop: drop(x) + drop(f(norm(x)))),
    ),
    Mistake(
        "dropout_first",
        "dropout before the sublayer",
        "You drop numbers before f has seen them. On whose output does the formula have drop?",
        (
            lambda x, norm, f, drop: x + f(drop(norm(x))),
            lambda x, norm, f, drop: x + f(norm(drop(x))),
        ),
    ),
    Mistake(
        "dropout_on_the_stream",
        "dropout on the stream",
        "You drop numbers of the stream itself. Which of the two terms of the sum does drop belong to?",
        (lambda x, norm, f, drop: drop(x) + f(norm(x)),),
    ),
    Mistake(
        "F07",
        "writes into x",
        "Print x before and after the call: it is another one now, and whoever else reads it, a decoder, say, sees "
        "that. What does += do with the caller's tensor?",
        (_in_place,),
    ),
    Mistake(
        "F09",
        "without dropout",
        "Nothing changes when drop returns zeros. Which argument have you not used?",
        (lambda x, norm, f, drop: x + f(norm(x)),),
    ),
    Mistake(
        "no_norm",
        "without the norm",
        "What does f receive from you? Which argument have you not used?",
        (lambda x, norm, f, drop: x + drop(f(x)), lambda x, norm, f, drop: x + f(x)),
    ),
    Mistake(
        "no_path",
        "without the path",
        "Let f return zeros: x should come out, and from you zeros do. What is to be added to the sublayer's output?",
        (
            lambda x, norm, f, drop: drop(f(norm(x))),
            lambda x, norm, f, drop: f(norm(x)),
            lambda x, norm, f, drop: norm(drop(f(x))),
        ),
    ),
    Mistake(
        "no_sublayer",
        "without the sublayer",
        "Let f return zeros, and then ones: nothing changes. Which argument have you not used?",
        (
            lambda x, norm, f, drop: x + drop(norm(x)),
            lambda x, norm, f, drop: x,
            lambda x, norm, f, drop: x.clone(),
            lambda x, norm, f, drop: x + norm(x),
            lambda x, norm, f, drop: norm(x),
        ),
    ),
    Mistake(
        "added_twice",
        "the stream added twice",
        "Let f return zeros: twice x comes out. Where do you add it for the second time?",
        (
            lambda x, norm, f, drop: x + (x + drop(f(norm(x)))),
            lambda x, norm, f, drop: x + drop(x + f(norm(x))),
            lambda x, norm, f, drop: 2 * x + drop(f(norm(x))),
        ),
    ),
    Mistake(
        "normed_added_too",
        "the normed stream added inside",
        "You add the normed stream to what f makes of it, besides the path. Let f return zeros: what should drop have "
        "to drop?",
        (lambda x, norm, f, drop: x + drop(norm(x) + f(norm(x))),),
    ),
    Mistake(
        "normed_twice",
        "the norm twice",
        "A norm stands at two places of your line. At how many does the formula have it?",
        (
            lambda x, norm, f, drop: x + drop(norm(f(norm(x)))),
            lambda x, norm, f, drop: x + norm(drop(f(norm(x)))),
            lambda x, norm, f, drop: x + drop(f(norm(norm(x)))),
        ),
    ),
    Mistake(
        "dropped_twice",
        "dropout twice",
        "drop stands at two places of your line. At how many does the formula have it?",
        (
            lambda x, norm, f, drop: x + drop(f(drop(norm(x)))),
            lambda x, norm, f, drop: x + drop(drop(f(norm(x)))),
            lambda x, norm, f, drop: drop(x + drop(f(norm(x)))),
        ),
    ),
    Mistake(
        "sublayer_twice",
        "the sublayer twice",
        "f is called twice by you. How often does the formula call it?",
        (
            lambda x, norm, f, drop: x + drop(f(norm(x))) + f(norm(x)),
            lambda x, norm, f, drop: x + drop(f(f(norm(x)))),
        ),
    ),
    Mistake(
        "multiplied",
        "multiplied instead of added",
        "Let f return zeros: nothing of the stream is left. Which sign joins the two?",
        (lambda x, norm, f, drop: x * drop(f(norm(x))),),
    ),
    Mistake(
        "subtracted",
        "subtracted",
        "You take one from the other. Which sign joins the two?",
        (lambda x, norm, f, drop: x - drop(f(norm(x))), lambda x, norm, f, drop: drop(f(norm(x))) - x),
    ),
    Mistake(
        "averaged",
        "the mean of both",
        "Let f return zeros: half of x comes out. Is a sum asked for, or a mean?",
        (_after(lambda y: y / 2), _after(lambda y: y / 2**0.5)),
    ),
    Mistake(
        "beside",
        "laid beside the stream",
        "Your vectors are twice as wide. Which operation keeps the width?",
        (lambda x, norm, f, drop: torch.cat([x, drop(f(norm(x)))], dim=-1),),
    ),
    Mistake(
        "single_precision",
        "float32",
        "The numbers came in with 64 bits, and half of their digits are gone. Who asked for fewer?",
        (_after(lambda y: y.float()),),
    ),
    Mistake(
        "graph_cut",
        "the gradient is cut off",
        "Your numbers are right, and a gradient does not get through on one of the two ways. Where do you use detach, "
        "data or no_grad?",
        (
            lambda x, norm, f, drop: x.detach() + drop(f(norm(x))),
            lambda x, norm, f, drop: x + drop(f(norm(x))).detach(),
        ),
        recognize=_cut,
    ),
)
