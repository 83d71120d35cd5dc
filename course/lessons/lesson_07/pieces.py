"""The six exercises of lesson 07 with their cases, banks and hints. Imports torch: `exercises` says when that is."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Module, Property
from course.lab.exercises.modules import Made, observing
from course.lessons.lesson_03.exercises import EXERCISES as OF_LESSON_03
from course.lessons.lesson_07 import mistakes as bank
from course.lessons.lesson_07 import reference
from course.lessons.lesson_07.mistakes import attention, norm, residual
from course.lessons.lesson_07.observe import Counted, Dropping, Maker, count, watch_dropout, watch_stack

Array = NDArray[Any]


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


# --- torch_attention ------------------------------------------------------------------------------------------------

_ATTENTION = next(exercise for exercise in OF_LESSON_03 if exercise.id == "attention")
_OF_NUMPY = {"the gradient is that of softmax", "integers are not cut off"}  # asked in another way, or not at all


def _on_arrays(rule: Property) -> Property:
    return Property(rule.name, lambda function: rule.violated(attention.of_arrays(function)))


TORCH_ATTENTION = Exercise(
    id="torch_attention",
    lesson=7,
    title="Attention in torch",
    signature="(q, k, v, mask=None) -> (output, weights)",
    reference=reference.torch_attention,
    tensors=True,
    cases=_ATTENTION.cases,
    properties=(
        *(_on_arrays(rule) for rule in _ATTENTION.properties if rule.name not in _OF_NUMPY),
        Property("the gradient is that of the four steps", attention.wrong_gradient),
        Property("the gradient is finite with an empty row", attention.nan_gradient),
    ),
    mistakes=bank.TORCH_ATTENTION,
    hints=(
        "You wrote these four steps in lesson 03. Which of its lines are the same in torch, and which one has to do "
        "without your own softmax?",
        "match: q @ k.transpose(-2, -1). scale: the root of q.shape[-1]. A mask comes before the softmax: masked_fill "
        "with the lowest finite number, so that no row is only -inf. A row of equal numbers gives equal weights, and "
        "so an empty row has to be set to 0 after the softmax; a second masked_fill does that to all that is blocked.",
        "    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5\n    if mask is not None:\n"
        "        scores = scores.masked_fill(..., torch.finfo(scores.dtype).min)\n"
        "    weights = scores.softmax(dim=...)\n    if mask is not None:\n"
        "        weights = weights.masked_fill(..., 0.0)\n    return weights @ v, weights",
    ),
    axes_hold=lambda function: _ATTENTION.axes_hold is not None and _ATTENTION.axes_hold(attention.of_arrays(function)),
    argument_names=_ATTENTION.argument_names,
    argument_dims=_ATTENTION.argument_dims,
    result_names=_ATTENTION.result_names,
    result_dims=_ATTENTION.result_dims,
    keyword="mask",
    difficulty=2,
    importance=5,
    minutes=15,
)


# --- MultiHeadAttention ---------------------------------------------------------------------------------------------

_OWNED = ("the number of trained numbers",)
_OUTPUT = ("the output",)
_GRADIENTS = ("the gradient of the arguments", "the gradient of the weights")


def _heads(d: int, h: int, *shapes: tuple[int, int, int], seed: int, training: bool = False) -> tuple[Any, ...]:
    sizes = {"d_model": d, "n_heads": h}
    words = (_normal(*shape, seed=seed + i) for i, shape in enumerate(shapes))
    return (Made(sizes, training=training, seed=seed), *words)


_KEYS = np.array([[True, True, True, False, False], [True, True, True, True, False]])[:, None, None]  # (B, 1, 1, Tk)
_LEFT = np.array([[False, False, True, True, True], [True] * 5])[:, None, None] & np.tri(5, dtype=bool)


def _rows(seed: int, *shape: int) -> Array:
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[..., 0] = True
    return mask


_observe_made_heads = observing(reference.MultiHeadAttention)


def _observe_heads(cls: Function, made: Made, *arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401
    return count(cls, made) if isinstance(made, Counted) else _observe_made_heads(cls, made, *arguments)


_MULTI_HEAD_CASES = (
    Case(
        "four maps of width 6",
        lambda: (Counted({"d_model": 6, "n_heads": 2}),),
        "Four Linears of d_model by d_model, each with a bias: which of them do you own, and does parameters() find "
        "it?",
        compare=_OWNED,
    ),
    Case(
        "one head of width 4",
        lambda: _heads(4, 1, (2, 3, 4), (2, 5, 4), seed=32),
        "With one head this is attention between projected words, and one more map. Which of the steps gives something "
        "else?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "B = 2, Tq = 4, Tk = 5 and three heads of width 7",
        lambda: _heads(21, 3, (2, 4, 21), (2, 5, 21), seed=33),
        "All sizes differ here. Print the shape after each of the five steps: at which one do you and the text part?",
        tier=2,
        compare=_OUTPUT,
        about_axes=True,
    ),
    Case(
        "B, Tq, Tk, H and d_head all 3",
        lambda: _heads(9, 3, (3, 3, 9), (3, 3, 9), seed=34),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "two heads of width 2, in training mode",
        lambda: _heads(4, 2, (2, 3, 4), (2, 3, 4), seed=35, training=True),
        "In training mode your output is another one. Did the text ask for anything that depends on the mode?",
        tier=3,
        compare=_OUTPUT,
    ),
    Case(
        "a padding mask (B, 1, 1, Tk)",
        lambda: (*_heads(12, 3, (2, 4, 12), (2, 5, 12), seed=36), _KEYS.copy()),
        "Each sentence has a mask of its own, for all heads. Whose does yours use?",
        tier=4,
        compare=_OUTPUT,
        about_axes=True,
    ),
    Case(
        "a mask (Tq, Tk)",
        lambda: (*_heads(12, 3, (2, 4, 12), (2, 5, 12), seed=36), _rows(37, 4, 5)),
        "The mask is the same for all sentences and heads. Does it broadcast?",
        tier=4,
        compare=_OUTPUT,
        about_axes=True,
    ),
    Case(
        "a mask of its own for each sentence and head",
        lambda: (*_heads(12, 3, (2, 4, 12), (2, 5, 12), seed=36), _rows(38, 2, 3, 4, 5)),
        "Does each sentence and each head use its own part of the mask?",
        tier=4,
        compare=_OUTPUT,
    ),
    Case(
        "causal and padding mask together, padded on the left",
        lambda: (*_heads(8, 2, (2, 5, 8), (2, 5, 8), seed=39), _LEFT.copy()),
        "Some rows of the mask are empty here. What does each head bring home from there, and what does the last map "
        "make of it?",
        tier=5,
        compare=_OUTPUT,
    ),
    Case(
        "three heads and a mask",
        lambda: (*_heads(12, 3, (2, 4, 12), (2, 5, 12), seed=40), _rows(41, 2, 1, 4, 5)),
        "Your output is right, and a gradient is not. Where on the way back do the notes of torch end?",
        tier=6,
        compare=_GRADIENTS,
    ),
    Case(
        "two heads and empty rows",
        lambda: (*_heads(8, 2, (2, 5, 8), (2, 5, 8), seed=42), _LEFT.copy()),
        "Where a row is empty your output is right, and a gradient is not. Which nan or infinity was there on the way?",
        tier=7,
        compare=_GRADIENTS,
    ),
)

MULTI_HEAD_ATTENTION = Exercise(
    id="MultiHeadAttention",
    lesson=7,
    title="Heads as a module",
    signature="(d_model, n_heads), forward(x_q, x_kv, mask=None) -> (B, Tq, d)",
    reference=reference.MultiHeadAttention,
    module=Module(made_with=("d_model", "n_heads"), methods={"forward": ("x_q", "x_kv", "mask")}),
    observe=_observe_heads,
    cases=_MULTI_HEAD_CASES,
    mistakes=bank.MULTI_HEAD_ATTENTION,
    hints=(
        "Which of the five steps own something that is to be trained? That is made once, in __init__; all the rest "
        "happens in forward. What does forward have to know besides, to cut a word into heads?",
        "self.query = nn.Linear(d_model, d_model), and so on, and self.n_heads = n_heads. To split: reshape (B, T, d) "
        "to (B, T, H, d / H), then transpose(1, 2). To merge: transpose(1, 2) back, then reshape to (B, Tq, d). In a "
        "reshape, -1 stands for the size that is left.",
        "    # in __init__\n    self.n_heads = n_heads\n    self.query, self.key, ... = (nn.Linear(d_model, d_model) "
        "for _ in range(4))\n    # in forward\n    B, Tq, d = x_q.shape\n    q = self.query(x_q).reshape(B, ..., "
        "self.n_heads, d // self.n_heads).transpose(1, 2)\n    ...\n    output, _ = torch_attention(q, k, v, "
        "mask)\n    return self.output(output.transpose(1, 2).reshape(...))",
    ),
    shown=(reference.torch_attention, reference.MultiHeadAttention),
    argument_names=("the class", "x_q", "x_kv", "mask"),
    argument_dims={"x_q": "B Tq d", "x_kv": "B Tk d", "mask": "B H Tq Tk"},
    result_names=("the output",),
    result_dims={"the output": "B Tq d"},
    difficulty=3,
    importance=5,
    minutes=25,
)


# --- layer_norm -----------------------------------------------------------------------------------------------------


def _row(*numbers: float) -> Array:
    return np.array([numbers])


def _plain(x: Array, *more: Any) -> tuple[Any, ...]:  # noqa: ANN401
    d = x.shape[-1]
    return (x, np.ones(d), np.zeros(d), *more)


def _with_gain(x: Array, *more: Any, seed: int = 51) -> tuple[Any, ...]:  # noqa: ANN401
    d = x.shape[-1]
    return (x, _normal(d, seed=seed) + 2, _normal(d, seed=seed + 1), *more)


def _moved(function: Function) -> str | None:
    import torch

    x = torch.from_numpy(_normal(2, 3, 5, seed=53))
    one, zero = torch.ones(5).double(), torch.zeros(5).double()
    before, after = (function(each.clone(), one, zero) for each in (x, 7 * x + 100))
    if torch.allclose(before, after, atol=1e-4):
        return None
    return "7 times the numbers, and 100 more, give another result. What should layer norm make of size and level?"


LAYER_NORM = Exercise(
    id="layer_norm",
    lesson=7,
    title="Layer norm",
    signature="(x, gain, bias, eps=1e-5) -> (..., d)",
    reference=reference.layer_norm,
    tensors=True,
    cases=(
        Case(
            "the vector (2, 4, 6, 8)",
            lambda: _plain(_row(2.0, 4.0, 6.0, 8.0)),
            "The mean is 5 and the squares of what is left add up to 20. What is their mean, and what is its root?",
            by_hand=True,
        ),
        Case(
            "two words of two numbers",
            lambda: _plain(np.array([[1.0, 3.0], [10.0, 30.0]])),
            "Both words are a number below its mean and one above it. Does the second one come out larger?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "x of B = 2, T = 3 and d = 5",
            lambda: _plain(_normal(2, 3, 5, seed=54)),
            "All sizes differ. Over which axis do you take the mean, and has each word one of its own?",
            about_axes=True,
        ),
        Case(
            "x of B, T and d all 4",
            lambda: _plain(_normal(4, 4, 4, seed=55)),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
        Case(
            "a single vector of six numbers",
            lambda: _plain(_normal(6, seed=56)),
            "x has a single axis here. How do you name the last one, however many there are?",
            about_axes=True,
        ),
        Case(
            "x of B = 2, H = 3, T = 4 and d = 5",
            lambda: _plain(_normal(2, 3, 4, 5, seed=57)),
            "x has four axes here. How do you name the last one, however many there are?",
            about_axes=True,
        ),
        Case(
            "words of very different sizes",
            lambda: _plain(
                _normal(3, 4, seed=58) * np.array([[0.5], [5.0], [500.0]]) + np.array([[0.0], [9.0], [-70.0]])
            ),
            "Every word should come out with the same spread. Whose spread do you divide by?",
        ),
        Case(
            "a gain and a bias",
            lambda: (_row(2.0, 4.0, 6.0, 8.0), np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0])),
            "Each column is multiplied by its gain, and then gets its bias. In which order, and which sign?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a gain and a bias for a batch of sentences",
            lambda: _with_gain(_normal(2, 3, 5, seed=59)),
            "Gain and bias have one number for each column. Along which axis do yours run?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "the vector (.9, 1.1, .9, 1.1) and eps 0.1",
            lambda: _plain(_row(0.9, 1.1, 0.9, 1.1), 0.1),
            "The variance is 0.01, and eps is 0.1. Which sum do you take the root of?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "a batch and eps 0.5",
            lambda: _with_gain(_normal(2, 3, 5, seed=60), 0.5),
            "eps is large enough to be seen here. To what is it added, and is it the one that is handed in?",
            tier=3,
        ),
        Case(
            "a vector of equal numbers",
            lambda: _with_gain(np.full((2, 3), 4.0)),
            "Nothing is left when the mean is taken off. By what do you divide, and which part of the result is not 0?",
            tier=4,
        ),
        Case(
            "tiny numbers",
            lambda: _plain(1e-4 * _normal(2, 6, seed=61)),
            "The variance is far below eps here. What does the formula divide by?",
            tier=4,
        ),
    ),
    properties=(
        Property("size and level do not matter", _moved),
        Property("the gradient is that of the formula", norm.wrong_gradient),
        Property("the gradient of equal numbers is finite", norm.nan_gradient),
    ),
    mistakes=bank.LAYER_NORM,
    hints=(
        "Do it for (2, 4, 6, 8) with a pencil, in the four steps of the text. Which of the numbers that you write down "
        "belong to a whole word, and so must be kept as an axis of length 1?",
        "x.mean(dim=-1, keepdim=True) is one mean for each word, and lines up with x. The variance is the mean of the "
        "squares of what is left. eps goes to the variance before the root is taken.",
        "    centered = x - x.mean(dim=..., keepdim=True)\n"
        "    variance = (centered**2).mean(dim=..., keepdim=True)\n"
        "    return centered / torch.sqrt(...) * gain + bias",
    ),
    argument_names=("x", "gain", "bias", "eps"),
    argument_dims={"x": "B H T d", "gain": "d", "bias": "d"},
    result_names=("normed",),
    result_dims={"normed": "B H T d"},
    keyword="eps",
    difficulty=2,
    importance=5,
    minutes=12,
)


# --- FeedForward ----------------------------------------------------------------------------------------------------

_observe_network = observing(reference.FeedForward)


def _observe_feed_forward(cls: Function, made: Made, *arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if isinstance(made, Counted):
        return count(cls, made)
    return watch_dropout(cls, made) if isinstance(made, Dropping) else _observe_network(cls, made, *arguments)


def _network(
    d: int, d_ff: int, *shape: int, seed: int, training: bool = False, dropout: float = 0.0
) -> tuple[Any, ...]:
    sizes = {"d_model": d, "d_ff": d_ff, "dropout": dropout}
    return Made(sizes, training=training, seed=seed), _normal(*shape, seed=seed)


def _dropping(p: float) -> tuple[Any, ...]:
    return (Dropping({"d_model": 2, "d_ff": 4, "dropout": p}, training=True, seed=71),)


_FEED_FORWARD_CASES = (
    Case(
        "widths 3 and 7",
        lambda: (Counted({"d_model": 3, "d_ff": 7, "dropout": 0.0}),),
        "Two Linears, each with a bias: from d_model to d_ff and back. Which of them do you own, and does parameters() "
        "find it?",
        compare=_OWNED,
    ),
    Case(
        "widths 3 and 7, two sentences of four words",
        lambda: _network(3, 7, 2, 4, 3, seed=62),
        "Take one word through the three steps by hand: wide, bend, narrow. Which of them gives something else?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "both widths, B and T all 4",
        lambda: _network(4, 4, 4, 4, 4, seed=63),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "an inner width below the outer one",
        lambda: _network(6, 2, 3, 2, 6, seed=64),
        "Only two numbers are in between. What does the bend let through?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "large numbers",
        lambda: (Made({"d_model": 3, "d_ff": 7, "dropout": 0.0}, seed=70), 50 * _normal(2, 4, 3, seed=70)),
        "The numbers are large here. Has your bend a ceiling, or another slope than 1?",
        tier=2,
        compare=_OUTPUT,
    ),
    Case(
        "training mode without dropout",
        lambda: _network(3, 7, 2, 4, 3, seed=65, training=True),
        "With dropout=0.0 training should change nothing. Which number does your dropout use?",
        tier=3,
        compare=_OUTPUT,
    ),
    Case(
        "evaluation mode with dropout 0.5",
        lambda: _network(3, 7, 2, 4, 3, seed=66, dropout=0.5),
        "In evaluation nothing is dropped, and nothing is made larger or smaller. Does the switch reach your dropout?",
        tier=3,
        compare=_OUTPUT,
    ),
    Case(
        "a dropout of 0.25",
        lambda: _dropping(0.25),
        "Four inner numbers of 1 are added up. Those that stay are multiplied by 1 / 0.75: which sums can there be?",
        tier=4,
    ),
    Case(
        "a dropout of 0.5",
        lambda: _dropping(0.5),
        "Four inner numbers of 1 are added up, each is dropped or doubled. Which sums can there be?",
        tier=4,
    ),
    Case(
        "the way back",
        lambda: _network(5, 8, 2, 3, 5, seed=67, training=True),
        "Your output is right, and a gradient is not. Where on the way back do the notes of torch end?",
        tier=5,
        compare=_GRADIENTS,
    ),
)

FEED_FORWARD = Exercise(
    id="FeedForward",
    lesson=7,
    title="Wide, bend, narrow",
    signature="(d_model, d_ff, dropout=0.0), forward(x) -> (B, T, d)",
    reference=reference.FeedForward,
    module=Module(made_with=("d_model", "d_ff", "dropout"), methods={"forward": ("x",)}),
    observe=_observe_feed_forward,
    cases=_FEED_FORWARD_CASES,
    mistakes=bank.FEED_FORWARD,
    hints=(
        "Three modules are made in __init__, and four things happen in forward. Which of the four owns nothing, and so "
        "can be a plain function?",
        "nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model) and nn.Dropout(dropout), each assigned to self. torch.relu "
        "bends. Dropout works on the wide vector, after the bend.",
        "    # in __init__\n    self.widen = nn.Linear(d_model, ...)\n    self.narrow = nn.Linear(..., ...)\n"
        "    self.dropout = nn.Dropout(...)\n    # in forward\n"
        "    return self.narrow(self.dropout(torch.relu(...)))",
    ),
    argument_names=("the class", "x"),
    argument_dims={"x": "B T d"},
    result_names=("the output",),
    result_dims={"the output": "B T d"},
    difficulty=2,
    importance=5,
    minutes=12,
)


# --- residual_block -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Step:
    """A function of tensors with a name for people."""

    said: str
    function: Function

    def __call__(self, x: Any) -> Any:  # noqa: ANN401
        """Call it."""
        return self.function(x)

    def __repr__(self) -> str:
        return self.said


_TAKES_OFF_THE_MEAN = Step("x minus its mean", lambda x: x - x.mean(dim=-1, keepdim=True))
_NORM = Step(
    "a layer norm", lambda x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 0.1).sqrt()
)
_DOUBLES_AND_ADDS_1 = Step("2 x + 1", lambda x: 2 * x + 1)
_ZERO = Step("zeros", lambda x: 0 * x)
_BENT = Step("sin(3 x) + x squared", lambda x: (3 * x).sin() + x**2)
_ALONG_WORDS = Step("the words in reverse, bent", lambda x: (x + 0.5).flip(-2).exp())
_HALF = Step("half of x", lambda x: x / 2)
_ALL = Step("x as it is", lambda x: x * 1)
_EVERY_OTHER = Step(
    "every other number 0, the rest doubled", lambda x: 2 * x * (x.cumsum(-1) * 0 + 1).cumsum(-1).remainder(2)
)

RESIDUAL_BLOCK = Exercise(
    id="residual_block",
    lesson=7,
    title="The residual path, pre-norm",
    signature="(x, norm, f, drop) -> (B, T, d)",
    reference=reference.residual_block,
    tensors=True,
    cases=(
        Case(
            "a word (1, 3), a norm that takes off the mean, and a drop that halves",
            lambda: (np.array([[[1.0, 3.0]]]), _TAKES_OFF_THE_MEAN, _DOUBLES_AND_ADDS_1, _HALF),
            "norm makes (-1, 1) of it, f makes (-1, 3) of that, and drop (-0.5, 1.5). What is that added to?",
            by_hand=True,
        ),
        Case(
            "a sublayer that has nothing to say",
            lambda: (np.array([[[1.0, 3.0], [5.0, -1.0]]]), _NORM, _ZERO, _ALL),
            "f returns zeros, so that nothing is added. What is left of the stream?",
            by_hand=True,
        ),
        Case(
            "a drop that drops everything",
            lambda: (np.array([[[1.0, 3.0], [5.0, -1.0]]]), _NORM, _DOUBLES_AND_ADDS_1, _ZERO),
            "drop returns zeros. Does it stand on what f adds, or on the stream?",
            by_hand=True,
        ),
        Case(
            "two sentences of three words and a bent sublayer",
            lambda: (_normal(2, 3, 4, seed=68) + 1, _NORM, _BENT, _HALF),
            "Norm, sublayer, drop, sum: which of them do you do in another order, or to something else?",
        ),
        Case(
            "a sublayer that moves words, and a drop like dropout",
            lambda: (_normal(2, 3, 4, seed=69) - 1, _NORM, _ALONG_WORDS, _EVERY_OTHER),
            "Norm, sublayer, drop, sum: which of them do you do in another order, or to something else?",
        ),
    ),
    properties=(Property("the gradient goes both ways", residual.wrong_gradient),),
    mistakes=bank.RESIDUAL_BLOCK,
    hints=(
        "Two things are added: one of them has been through norm, f and drop, and the other has not been touched. "
        "Which is the stream?",
        "Read the formula of pre-norm from the inside: x goes to norm, what comes out goes to f, what comes out goes "
        "to drop. The x of the sum is the one that came in; do not write over it on the way.",
        "    return x + drop(f(...))",
    ),
    argument_names=("x", "norm", "f", "drop"),
    argument_dims={"x": "B T d"},
    result_names=("y",),
    result_dims={"y": "B T d"},
    difficulty=1,
    importance=5,
    minutes=5,
)


# --- stack ----------------------------------------------------------------------------------------------------------

_KINDS = ("the list of types that come back",)
_COUNTS = (
    "the number of layers",
    "the number of different layers",
    "the number of trained numbers",
    "the number of calls of make",
)


def _layers(n: int, seed: int) -> tuple[Any, ...]:
    return Maker(4), n, _normal(2, 3, 4, seed=seed)


STACK = Exercise(
    id="stack",
    lesson=7,
    title="Find the bug: a stack of layers",
    signature="(make, n, x) -> (layers, y)",
    reference=reference.stack,
    observe=watch_stack,
    cases=(
        Case(
            "three layers",
            lambda: _layers(3, 72),
            "A ModuleList and x are expected. What stands behind your return?",
            compare=_KINDS,
        ),
        Case(
            "a stack of four layers",
            lambda: _layers(4, 73),
            "Four layers, each with numbers of its own: how often do you call make, and how many objects are in your "
            "list?",
            tier=2,
            compare=_COUNTS,
        ),
        Case(
            "two layers",
            lambda: _layers(2, 74),
            "Two layers, each with numbers of its own: how often do you call make, and how many objects are in your "
            "list?",
            tier=2,
            compare=_COUNTS,
        ),
        Case(
            "x through one layer",
            lambda: _layers(1, 75),
            "There is one layer. What does it make of x?",
            tier=3,
            compare=("x after all layers",),
        ),
        Case(
            "x through three layers",
            lambda: _layers(3, 76),
            "The second layer reads what the first one made of x, and so on. What does each of yours read?",
            tier=3,
            compare=("x after all layers",),
        ),
        Case(
            "the way back through three layers",
            lambda: _layers(3, 77),
            "x is right, and a gradient is not. Where between the layers do the notes of torch end?",
            tier=4,
            compare=("the vector of all gradients",),
        ),
    ),
    mistakes=bank.STACK,
    hints=(
        "Print sum(p.numel() for p in layers.parameters()) for a stack of one layer and for one of six. By which "
        "factor should they differ?",
        "[a] * 6 is a list in which the same object stands six times. How often does the expression [make()] * n call "
        "make, and which kind of expression calls it anew for each entry?",
        "    layers = nn.ModuleList([make() for ...])\n    for layer in layers:\n        x = layer(x)\n"
        "    return layers, x",
    ),
    argument_names=("make", "n", "x"),
    argument_dims={"x": "B T d"},
    result_names=("layers", "y"),
    difficulty=2,
    importance=4,
    minutes=13,
)

EXERCISES = (TORCH_ATTENTION, MULTI_HEAD_ATTENTION, LAYER_NORM, FEED_FORWARD, RESIDUAL_BLOCK, STACK)
