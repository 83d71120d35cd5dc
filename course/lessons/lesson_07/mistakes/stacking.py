"""Known wrong versions of stack, and the question that leads out of each.

Ids F12 and F14 are those of the project's catalog of mistakes; the others are ours. F10, one shared layer, is what the
lesson hands out; it has its question too, since it can be written in other words than those of the lesson.
"""

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from course.lab.exercises.exercise import Function, Mistake

Make = Callable[[], nn.Module]


def _run(layers: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    for layer in layers:
        x = layer(x)
    return x


def stacked(
    layers: Callable[[Make, int], Any] = lambda make, n: nn.ModuleList(make() for _ in range(n)),
    run: Callable[[Any, Tensor], Any] = _run,
    last: Callable[[Any, Any], Any] = lambda layers, y: (layers, y),
) -> Function:
    """Return a stack with a step of another kind."""

    def stack(make: Make, n: int, x: Tensor) -> Any:  # noqa: ANN401
        made = layers(make, n)
        return last(made, run(made, x))

    return stack


def handed_out(make: Make, n: int, x: Tensor) -> tuple[nn.ModuleList, Tensor]:
    """n layers and x after them, with the planted bug that the notebook hands out: one layer, n times in the list."""
    layers = nn.ModuleList([make()] * n)
    for layer in layers:
        x = layer(x)
    return layers, x


def _copies(make: Make, n: int) -> nn.ModuleList:
    layer = make()
    return nn.ModuleList(copy.deepcopy(layer) for _ in range(n))


def _several(count: Callable[[int], int]) -> Callable[[Make, int], nn.ModuleList]:
    return lambda make, n: nn.ModuleList(make() for _ in range(count(n)))


def _all_on_x(layers: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    y = x
    for layer in layers:
        y = layer(x)
    return y


def _sum_of_all(layers: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    total: Tensor = sum(layer(x) for layer in layers)
    return total


def _with_path(layers: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    for layer in layers:
        x = x + layer(x)
    return x


def _detached(layers: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    for layer in layers:
        x = layer(x.detach())
    return x


def _first_copied_from(make: Make, n: int) -> nn.ModuleList:
    layers = nn.ModuleList(make() for _ in range(n))
    for layer in layers[1:]:
        layer.load_state_dict(layers[0].state_dict())
    return layers


STACK = (
    Mistake(
        "F10",
        "one layer, n times in the list",
        "Still one object, n times in the list. How often is make called?",
        (handed_out,),
    ),
    Mistake(
        "make_not_called",
        "make itself in the list",
        "Your list holds make, which is a function and no layer. Which parentheses are missing?",
        (
            stacked(layers=lambda make, n: nn.ModuleList(make for _ in range(n))),  # type: ignore[misc]
            stacked(layers=lambda make, n: [make for _ in range(n)]),
        ),
    ),
    Mistake(
        "F12",
        "a plain list or tuple",
        "What you return has no parameters(): a plain list or tuple registers nothing, so that nothing in it would "
        "ever be trained. Which list of torch does?",
        (
            stacked(layers=lambda make, n: [make() for _ in range(n)]),
            stacked(layers=lambda make, n: tuple(make() for _ in range(n))),
            stacked(layers=lambda make, n: [make()] * n),
        ),
    ),
    Mistake(
        "copied",
        "copies of one layer",
        "Your layers are n objects, and all begin with the same numbers. How often do you call make, and how often "
        "should it be?",
        (stacked(layers=_copies), stacked(layers=_first_copied_from)),
    ),
    Mistake(
        "two_in_turn",
        "some layers stand there twice",
        "Some of your layers are one and the same object. How many different ones should there be?",
        (
            stacked(layers=lambda make, n: nn.ModuleList(([make(), make()] * n)[:n])),
            stacked(layers=lambda make, n: nn.ModuleList([make(), *[make()] * (n - 1)])),
        ),
    ),
    Mistake(
        "F14",
        "only the first layer runs",
        "x goes through one layer, and the others get no gradient. How far in does the line with return or break "
        "stand?",
        (stacked(run=lambda layers, x: layers[0](x)),),
    ),
    Mistake(
        "last_layer_only",
        "every layer gets the first x",
        "Each of your layers gets the x that came in, and only the last one's result is left. What does the second "
        "layer read?",
        (stacked(run=_all_on_x), stacked(run=lambda layers, x: layers[-1](x))),
    ),
    Mistake(
        "one_layer_short",
        "a layer is left out",
        "One of your layers is not run. Which numbers does range() give, or which part of the list do you go through?",
        (stacked(run=lambda layers, x: _run(layers[1:], x)), stacked(run=lambda layers, x: _run(layers[:-1], x))),
    ),
    Mistake(
        "n_off_by_one",
        "one layer more or less",
        "Count your layers. How many numbers does range() give?",
        (stacked(layers=_several(lambda n: n + 1)), stacked(layers=_several(lambda n: n - 1))),
    ),
    Mistake(
        "n_ignored",
        "a fixed number of layers",
        "You make the same number of layers whatever is asked for. Which argument have you not used?",
        tuple(stacked(layers=_several(lambda n, fixed=fixed: fixed)) for fixed in (1, 6)),  # type: ignore[misc]
    ),
    Mistake(
        "backward",
        "in reverse",
        "You return the layers in one order, and x goes through them in the other one. Which comes first?",
        (
            stacked(run=lambda layers, x: _run(list(layers)[::-1], x)),
            stacked(last=lambda layers, y: (nn.ModuleList(list(layers)[::-1]), y)),
        ),
    ),
    Mistake(
        "not_run",
        "x as it came in",
        "Your x has not been through any layer. Which line hands it to them, and keeps what comes back?",
        (stacked(run=lambda layers, x: x),),
    ),
    Mistake(
        "run_twice",
        "through all layers twice",
        "x goes through every layer more than once. How many loops have you?",
        (
            stacked(run=lambda layers, x: _run(layers, _run(layers, x))),
            stacked(run=lambda layers, x: _run([layer for layer in layers for _ in range(2)], x)),
        ),
    ),
    Mistake(
        "path_around_layers",
        "a path around every layer",
        "You add what went into a layer to what comes out. The layers have their own path inside: what is left for the "
        "stack to do?",
        (stacked(run=_with_path), stacked(run=lambda layers, x: x + _run(layers, x))),
    ),
    Mistake(
        "side_by_side",
        "layers side by side",
        "All your layers read the same x, and their results are added up. Is that a stack or a row?",
        (stacked(run=_sum_of_all),),
    ),
    Mistake(
        "other_layers_run",
        "the layers that run are not those that come back",
        "x goes through layers that you make on the way, and others come back. Which of them would be trained?",
        (lambda make, n, x: (nn.ModuleList(make() for _ in range(n)), _run([make() for _ in range(n)], x)),),
    ),
    Mistake(
        "output_only",
        "returns x alone",
        "Nobody gets the layers from you, and so nobody can train them. Which two things should come back?",
        (stacked(last=lambda layers, y: y),),
    ),
    Mistake(
        "layers_only",
        "returns the layers alone",
        "x is missing from what you return. Which two things should come back?",
        (stacked(last=lambda layers, y: layers),),
    ),
    Mistake(
        "exchanged",
        "x first",
        "Both results are right. In which order does the text ask for them?",
        (stacked(last=lambda layers, y: (y, layers)),),
    ),
    Mistake(
        "graph_cut",
        "a gradient is cut off between the layers",
        "x is right, and the lower layers get no gradient. Where do you use detach, data or no_grad?",
        (stacked(run=_detached), stacked(run=lambda layers, x: _run(layers, x).detach())),
    ),
)
