"""Known wrong versions of FeedForward, and the question that leads out of each."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.lab.exercises.exercise import Mistake
from course.lessons.lesson_07.mistakes import modules

Class = type[nn.Module]
Bend = Callable[[Tensor], Tensor]
Drop = Callable[[Any, Tensor], Tensor]  # (module, x) -> x thinned


def _make(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.widen, m.narrow = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)


def _registered(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    thinned: Tensor = m.dropout(x)
    return thinned


def _none(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x


def _widened(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    y: Tensor = m.widen(x)
    return y


def _narrowed(m: Any, wide: Tensor) -> Tensor:  # noqa: ANN401
    y: Tensor = m.narrow(wide)
    return y


def network(
    *,
    make: Callable[[Any, int, int], None] = _make,
    bend: Bend = torch.relu,
    p: Callable[[float], float] = lambda p: p,
    first: Drop = _none,
    wide: Drop = _registered,
    last: Drop = _none,
    forward: Callable[[Any, Tensor], Any] | None = None,
) -> Class:
    """Return a FeedForward with a step of another kind. first, wide, last: what is dropped, and where."""

    class FeedForward(nn.Module):
        def __init__(self, d_model: int, d_ff: int, dropout: float = 0.0) -> None:
            super().__init__()
            make(self, d_model, d_ff)
            self.p = dropout
            self.dropout = nn.Dropout(p(dropout))

        def forward(self, x: Tensor) -> Any:  # noqa: ANN401
            if forward is not None:
                return forward(self, x)
            return last(self, _narrowed(self, wide(self, bend(_widened(self, first(self, x))))))

    return FeedForward


def _always(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return F.dropout(x, m.p)


def _made_at_every_call(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    thinned: Tensor = nn.Dropout(m.p)(x)
    return thinned


def _unscaled(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x * (torch.rand_like(x) >= m.p) if m.training else x


def _scaled_afterwards(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x * (torch.rand_like(x) >= m.p) if m.training else x * (1 - m.p)


def _scaled_always(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return F.dropout(x, m.p) if m.training else x * (1 - m.p)


def _in_evaluation(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return F.dropout(x, m.p, training=not m.training)


def _kept_with_p(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x * (torch.rand_like(x) < m.p) / m.p if m.training and m.p else x


def _whole_words(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x * F.dropout(torch.ones_like(x[..., :1]), m.p, m.training)


def _whole_columns(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    return x * F.dropout(torch.ones_like(x[:1, :1]), m.p, m.training)


def _in_a_list(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.maps = [nn.Linear(d_model, d_ff).double(), nn.Linear(d_ff, d_model).double()]


def _without_bias(which: str) -> Callable[[Any, int, int], None]:
    def make(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
        m.widen = nn.Linear(d_model, d_ff, bias="w" not in which)
        m.narrow = nn.Linear(d_ff, d_model, bias="n" not in which)

    return make


def _square(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.widen, m.narrow = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)


def _four_times(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.widen, m.narrow = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)


def _swapped(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.widen, m.narrow = nn.Linear(d_ff, d_model), nn.Linear(d_model, d_ff)


def _without_parts(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    pass


def _made_in_forward(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    widen, narrow = nn.Linear(x.shape[-1], 4).double(), nn.Linear(4, x.shape[-1]).double()
    y: Tensor = narrow(m.dropout(widen(x).relu()))
    return y


class _WithoutSuper(nn.Module):
    def __init__(self, d_model: int, d_ff: int, dropout: float = 0.0) -> None:
        _make(self, d_model, d_ff)

    def forward(self, x: Tensor) -> None:
        pass


def _three(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    _make(m, d_model, d_ff)
    m.middle = nn.Linear(d_ff, d_ff)


def _one(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.only = nn.Linear(d_model, d_model)


def _tied(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    m.widen = nn.Linear(d_model, d_ff)
    m.offset = nn.Parameter(torch.zeros(d_model))


def _with_norm(m: Any, d_model: int, d_ff: int) -> None:  # noqa: ANN401
    _make(m, d_model, d_ff)
    m.norm = nn.LayerNorm(d_model)


def _plain(m: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    y: Tensor = m.narrow(m.dropout(m.widen(x).relu()))
    return y


_SIZES, _SHAPES = (3, 7), ((2, 4, 3),)  # of d_model and d_ff, and of x, to recognize with

FEED_FORWARD = (
    # What is owned.
    Mistake(
        "without_super",
        "super().__init__() is missing",
        "torch has not laid out its lists when you assign to self. Which line comes first in __init__ of Line, in "
        "section 3?",
        (_WithoutSuper,),
        recognize=modules.without_super(*_SIZES),
    ),
    Mistake(
        "no_return",
        "forward hands nothing back",
        "Does forward return anything? Which of its lines should begin with return?",
        (network(forward=modules.nothing),),
        recognize=modules.returns_nothing(_SIZES, *_SHAPES),
    ),
    Mistake(
        "not_kept",
        "Linears that are not assigned to self",
        "`parameters()` finds nothing. Is each Linear made in __init__, and assigned to self?",
        (
            network(make=_without_parts),
            network(make=_without_parts, forward=_made_in_forward),
        ),
        recognize=modules.keeps_nothing(*_SIZES),
    ),
    Mistake(
        "numpy_function",
        "a function of numpy",
        "A tensor that wants a gradient leaves torch on the way. Which function of numpy do you call, and what is "
        "torch's own called?",
        (network(forward=lambda m, x: torch.from_numpy(_plain(m, x).numpy())),),
        recognize=modules.raises((modules.TO_NUMPY,), _SIZES, *_SHAPES),
    ),
    Mistake(
        "not_registered",
        "Linears in a plain list",
        "`parameters()` finds nothing: what stands in a plain Python list is not registered, and would never be "
        "trained. Which kind of list does torch have for modules?",
        (network(make=_in_a_list, forward=lambda m, x: m.maps[1](m.dropout(m.maps[0](x).relu()))),),
        recognize=modules.in_a_plain_container(*_SIZES),
    ),
    Mistake(
        "no_bias",
        "Linears without biases",
        "There are too few parameters: one of your Linears has no bias, or both. What does nn.Linear do unless told "
        "otherwise?",
        tuple(network(make=_without_bias(which)) for which in ("wn", "w", "n")),
    ),
    Mistake(
        "d_ff_ignored",
        "d_ff is ignored",
        "Your inner width is d_model. Which argument have you not used?",
        (network(make=_square),),
    ),
    Mistake(
        "d_ff_four_times",
        "always four times as wide",
        "Your inner width is four times d_model, whatever is asked for. Which argument have you not used?",
        (network(make=_four_times),),
    ),
    Mistake(
        "linears_exchanged",
        "the two Linears exchanged",
        "The words meet the Linear that expects d_ff numbers. nn.Linear(a, b) goes from a to b: which of yours comes "
        "first, and from where to where should it go?",
        (network(make=_swapped), network(forward=lambda m, x: m.widen(m.dropout(m.narrow(x).relu())))),
    ),
    Mistake(
        "three_linears",
        "a third Linear",
        "You own more than two Linears. How many matrices has the formula?",
        (network(make=_three, forward=lambda m, x: m.narrow(m.middle(m.widen(x).relu()).relu())),),
    ),
    Mistake(
        "one_linear",
        "a single Linear",
        "You own a single matrix of d_model by d_model. Where is the wide part in between?",
        (network(make=_one, forward=lambda m, x: m.only(x).relu()),),
    ),
    Mistake(
        "tied",
        "the first matrix used for the way back",
        "You go back through the matrix that you came by. How many matrices of their own has the formula?",
        (network(make=_tied, forward=lambda m, x: m.widen(x).relu() @ m.widen.weight + m.offset),),
    ),
    Mistake(
        "with_norm",
        "a norm inside",
        "You own more parameters than two Linears have. Who will bring the norm, this network or the layer around it?",
        (
            network(make=_with_norm, forward=lambda m, x: _plain(m, m.norm(x))),
            network(make=_with_norm, forward=lambda m, x: m.norm(_plain(m, x))),
            network(make=_with_norm, forward=lambda m, x: m.norm(x + _plain(m, x))),
        ),
    ),
    # What is computed.
    Mistake(
        "no_bend",
        "without ReLU",
        "Add two inputs: your output is the sum of both outputs, but for a constant. What makes two matrices more than "
        "one?",
        (network(bend=lambda x: x),),
    ),
    Mistake(
        "bent_at_the_end",
        "ReLU at the end",
        "Your output is never negative. Between which two steps does the bend stand?",
        (
            network(bend=lambda x: x, forward=lambda m, x: m.narrow(m.widen(x)).relu()),
            network(forward=lambda m, x: m.narrow(m.widen(x).relu()).relu()),
        ),
    ),
    Mistake(
        "bent_first",
        "ReLU before the first Linear",
        "Negative numbers of the words make no difference to you. Between which two steps does the bend stand?",
        (
            network(forward=lambda m, x: m.narrow(m.widen(x.relu()))),
            network(forward=lambda m, x: m.narrow(m.widen(x.relu()).relu())),
        ),
    ),
    Mistake(
        "another_bend",
        "another bend",
        "Your bend is not the one of the formula: look at what becomes of -1 and of 1. What does max(0, x) make of "
        "them?",
        (
            network(bend=F.gelu),
            network(bend=lambda x: F.gelu(x, approximate="tanh")),
            network(bend=F.silu),
            network(bend=torch.tanh),
            network(bend=torch.sigmoid),
            network(bend=F.leaky_relu),
            network(bend=F.elu),
            network(bend=F.softplus),
            network(bend=torch.abs),
            network(bend=lambda x: x.clamp(max=0)),
            network(bend=lambda x: x.relu() ** 2),
            network(bend=F.relu6),
            network(bend=lambda x: x.clamp(0, 1)),
            network(bend=lambda x: x.softmax(dim=-1)),
            network(bend=lambda x: -x.relu()),
        ),
    ),
    Mistake(
        "no_max_of_each",
        "a max that does not take each number for itself",
        "That max does not compare 0 with every number: Python's asks for one yes or no, and torch's want two tensors. "
        "Which function of torch bends every number for itself?",
        (network(bend=lambda x: max(0, x)), network(bend=lambda x: torch.maximum(0, x))),  # type: ignore[return-value, arg-type]
        recognize=modules.raises(
            ("Boolean value of Tensor", "max() received", "maximum(): argument"), _SIZES, *_SHAPES
        ),
    ),
    Mistake(
        "class_for_function",
        "nn.ReLU called with the words",
        "nn.ReLU is a class: with x in its parentheses it makes a module, and bends nothing. Which function bends, or "
        "where would that module have to be made?",
        (network(bend=lambda x: nn.ReLU(x)),),  # type: ignore[arg-type, return-value]
        recognize=modules.raises(("not ReLU", "'ReLU' object"), _SIZES, *_SHAPES),
    ),
    Mistake(
        "number_for_module",
        "the number dropout called",
        "What you call there is a number, the probability. Which module of torch drops numbers, and where is it made?",
        (network(wide=lambda m, x: m.p(x)),),
        recognize=modules.raises(("'float' object is not callable",), _SIZES, *_SHAPES),
    ),
    Mistake(
        "path_inside",
        "adds the words",
        "Besides what the network makes you add x. The path around a sublayer comes in the next section: does it stand "
        "inside?",
        (network(forward=lambda m, x: x + _plain(m, x)),),
    ),
    Mistake(
        "mixes_words",
        "words that know of each other",
        "Change one word: others move. Which of your steps runs along the words?",
        (
            network(bend=lambda x: x.relu() - x.relu().mean(dim=1, keepdim=True)),
            network(forward=lambda m, x: _plain(m, x.mean(dim=1, keepdim=True).expand_as(x))),
            network(forward=lambda m, x: _plain(m, x).mean(dim=1, keepdim=True).expand_as(x)),
        ),
    ),
    Mistake(
        "one_word_only",
        "only one word",
        "Only one word comes out, or comes out changed. Does the network not work on each of them?",
        (
            network(forward=lambda m, x: _plain(m, x[:, 0])),
            network(forward=lambda m, x: _plain(m, x[:, -1])),
            network(forward=lambda m, x: _plain(m, x)[:, :1]),
        ),
    ),
    # Dropout.
    Mistake(
        "no_dropout",
        "without dropout",
        "In training nothing is ever dropped. Which argument have you not used?",
        (network(wide=_none), network(p=lambda p: 0.0)),
    ),
    Mistake(
        "dropout_at_the_end",
        "dropout on the output",
        "You drop numbers of the output. Which vector did the text want thinned?",
        (network(wide=_none, last=_registered),),
    ),
    Mistake(
        "dropout_first",
        "dropout on the words",
        "You drop numbers of the words before the first Linear. Which vector did the text want thinned?",
        (network(wide=_none, first=_registered),),
    ),
    Mistake(
        "dropout_twice",
        "dropout at several places",
        "You drop numbers at more than one place. At which one did the text want it?",
        (
            network(last=_registered),
            network(first=_registered),
            network(first=_registered, last=_registered),
            network(first=_registered, wide=_none, last=_registered),
            network(wide=lambda m, x: m.dropout(m.dropout(x))),
        ),
    ),
    Mistake(
        "always_dropped",
        "dropout in evaluation",
        "In evaluation your numbers still change from call to call. Does the switch of eval() reach your dropout, or "
        "is it made in forward, or told nothing of self.training?",
        (
            network(wide=_always),
            network(wide=_made_at_every_call),
        ),
    ),
    Mistake(
        "dropped_in_evaluation_only",
        "dropout in evaluation and not in training",
        "You drop in evaluation and keep everything in training. Which way round is the switch?",
        (network(wide=_in_evaluation),),
    ),
    Mistake(
        "not_scaled",
        "what stays is not made larger",
        "In training your numbers are too small in the mean. By what are those multiplied that stay?",
        (network(wide=_unscaled),),
    ),
    Mistake(
        "scaled_afterwards",
        "made smaller in evaluation",
        "In evaluation you multiply by 1 - p. Nothing should happen then: who has seen to it that the means agree?",
        (network(wide=_scaled_afterwards), network(wide=_scaled_always)),
    ),
    Mistake(
        "kept_with_p",
        "keeps with probability p",
        "You keep a number with probability p, and should drop it with probability p. How many of four stay at p = "
        "0.25?",
        (network(p=lambda p: 1 - p), network(wide=_kept_with_p)),
    ),
    Mistake(
        "fixed_dropout",
        "a fixed dropout",
        "Your dropout is the same for every p that the class is made with. Which argument have you not used?",
        tuple(network(p=lambda p, q=q: q) for q in (0.1, 0.2, 0.3, 0.5)),  # type: ignore[misc]
    ),
    Mistake(
        "whole_words_dropped",
        "drops a whole word or a whole column",
        "You toss one coin for a whole word, or for a whole column. For each of which numbers is there one?",
        (network(wide=_whole_words), network(wide=_whole_columns)),
    ),
    # Gradients.
    Mistake(
        "graph_cut",
        "a gradient is cut off",
        "Your output is right, and a part of the gradient is missing. Where do you use detach, data, numpy or no_grad?",
        (
            network(forward=lambda m, x: _plain(m, x.detach())),
            network(forward=lambda m, x: m.narrow(m.dropout(m.widen(x).relu()).detach())),
            network(forward=lambda m, x: _plain(m, x).detach()),
        ),
    ),
)
