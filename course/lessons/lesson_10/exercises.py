"""The exercises of lesson 10: shift, loss, smooth_labels, noam, train.

A loop works on a torch model, and of a loss the gradient matters too: both are watched in
:mod:`course.lessons.lesson_10.observe`, which is imported, and torch with it, when one is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.later import Later
from course.lessons.lesson_10 import mistakes as bank
from course.lessons.lesson_10 import reference
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Array = NDArray[Any]


def _ids(*rows: Sequence[int], width: int = 0) -> Array:
    """Sentences as a table of ids, padded on the right."""
    width = max(width, *map(len, rows))
    return np.array([[*row, *[PAD] * (width - len(row))] for row in rows])


def _targets(*lengths: int, seed: int = 0) -> Array:
    """Sentences of so many words each, with their begin and end signs."""
    rng = np.random.default_rng(seed)
    return _ids(*[[BOS, *rng.integers(4, 30, n), EOS] for n in lengths])


# --- shift ------------------------------------------------------------------------------------------------------


def _does_not_follow(function: Function) -> str | None:
    tgt = torch.from_numpy(_targets(6, 3, 4, seed=71))
    inputs, labels = function(tgt.clone())
    if inputs.shape == labels.shape == (3, 7) and bool((inputs[:, 1:] == labels[:, :-1]).all()):
        return None
    return "A label should be the next word that is given. In your tensors it is not: which columns do you take?"


SHIFT = Exercise(
    id="shift",
    lesson=10,
    title="The target, shifted",
    signature="(tgt) -> (inputs, labels), both (B, T - 1)",
    reference=reference.shift,
    tensors=True,
    cases=(
        Case(
            "a sentence of three words",
            lambda: (_ids([BOS, 5, 6, 7, EOS]),),
            "After the begin sign comes 5, and after 7 the end. What is given, and what is asked for there?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "two sentences, one of them padded",
            lambda: (_ids([BOS, 5, 6, 7, EOS], [BOS, 8, EOS]),),
            "The second sentence ends early. What is its label where 8 is given?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "an empty sentence",
            lambda: (_ids([BOS, EOS]),),
            "There is no word between the two signs. What must be said after the begin sign?",
            tier=2,
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "three sentences of up to nine words",
            lambda: (_targets(4, 9, 2, seed=72),),
            "All sizes differ. Along which axis do the words run?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "as many sentences as columns",
            lambda: (_targets(3, 1, 2, 3, 2, seed=73),),
            "B and T are equal, so that a wrong axis raises no error. Which of your axes is the wrong one?",
            tier=2,
        ),
    ),
    properties=(Property("each label is the next word that is given", _does_not_follow),),
    mistakes=bank.SHIFT,
    hints=(
        "Write the sentence 1 5 6 7 2 on paper, and below each word what should be said when it has just been heard. "
        "Which number has nothing below it, and which one never stands above?",
        "tgt[:, a:b] takes columns from a up to b, of every sentence; a negative b counts from the end. Both tensors "
        "have T - 1 columns.",
        "    return tgt[:, ...], tgt[:, ...]      # without its last column, and without its first",
    ),
    argument_names=("tgt",),
    argument_dims={"tgt": "B T"},
    result_names=("inputs", "labels"),
    result_dims={"inputs": "B T-1", "labels": "B T-1"},
    difficulty=1,
    importance=5,
    minutes=5,
)


# --- loss -------------------------------------------------------------------------------------------------------


def _words(B: int, T: int, V: int, pad: int, ends: Sequence[int], seed: int, size: float = 2.0) -> tuple[Any, ...]:
    """Random logits, and labels of which row b is padded from column ends[b] on."""
    rng = np.random.default_rng(seed)
    logits = size * rng.standard_normal((B, T, V))
    real = np.array([word for word in range(V) if word != pad])
    labels = rng.choice(real, (B, T))
    labels[np.arange(T) >= np.array(ends)[:, None]] = pad
    return logits, labels, pad


def _by_hand() -> tuple[Any, ...]:
    logits = np.log(np.array([[[1.0, 1.0, 1.0, 5.0], [1.0, 2.0, 4.0, 1.0]]]))
    return logits, np.array([[3, 1]]), 0


_VALUE = ("the type of the loss", "the loss")
_GRADIENT = (*_VALUE, "the gradient of the logits")
_LOSS_CASES = (
    Case(
        "two words whose powers are 1 1 1 5 and 1 2 4 1; right are the words 3 and 1",
        _by_hand,
        "Powers divided by their sum are shares: 5/8 and 2/8 for the right words. What is the mean of minus their "
        "logarithms?",
        by_hand=True,
        compare=_VALUE,
        about_axes=True,
    ),
    Case(
        "two sentences of three words and no padding",
        lambda: _words(2, 3, 5, 0, (3, 3), seed=81),
        "Every place counts the same here. Which share of which word do you take at each?",
        compare=_VALUE,
        about_axes=True,
    ),
    Case(
        "two sentences, one of them padded",
        lambda: _words(2, 5, 7, 0, (5, 2), seed=82),
        "Three of the ten places are padding. Over how many is your mean, and which are in the sum?",
        tier=2,
        compare=_VALUE,
        about_axes=True,
    ),
    Case(
        "padding with the number 4",
        lambda: _words(3, 4, 6, 4, (4, 1, 3), seed=83),
        "Here 4 is padding, and 0 and 2 are words like others. Where does your function know that from?",
        tier=3,
        compare=_VALUE,
        about_axes=True,
    ),
    Case(
        "B, T and V all 4",
        lambda: _words(4, 4, 4, 3, (4, 2, 1, 3), seed=84),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        tier=3,
        compare=_VALUE,
    ),
    Case(
        "logits of some thousands",
        lambda: _words(2, 3, 5, 0, (3, 2), seed=85, size=2000.0),
        "The loss is finite here, some thousands. In which of your lines does a number become too large or 0?",
        tier=4,
        compare=_VALUE,
    ),
    Case(
        "the gradient for two sentences, one of them padded",
        lambda: _words(2, 5, 7, 0, (5, 2), seed=86),
        "The loss is right, and the gradient is another one. Which logits should get none, and what stands between "
        "the logits and your return?",
        tier=5,
        compare=_GRADIENT,
    ),
    Case(
        "the gradient with padding of the number 2",
        lambda: _words(3, 4, 6, 2, (1, 4, 3), seed=87),
        "The loss is right, and the gradient is another one. What stands between the logits and your return?",
        tier=5,
        compare=_GRADIENT,
    ),
)


def _observe_loss(function: Function, logits: Array, labels: Array, pad: int) -> dict[str, Any] | None:
    from course.lessons.lesson_10.observe import observe_loss

    return observe_loss(function, logits, labels, pad)


def _padding_moves_it(function: Function) -> str | None:
    logits, labels, pad = _words(2, 3, 5, 0, (3, 2), seed=88)
    wider = np.concatenate([logits, np.ones((2, 4, 5))], axis=1), np.pad(labels, ((0, 0), (0, 4)))
    before, after = (float(function(*map(torch.from_numpy, each), pad)) for each in ((logits, labels), wider))
    if np.isclose(before, after):
        return None
    return f"Four columns of padding more, and the loss goes from {before:.3f} to {after:.3f}. What does padding cost?"


LOSS = Exercise(
    id="loss",
    lesson=10,
    title="Cross-entropy without padding",
    signature="(logits, labels, pad) -> scalar",
    reference=reference.loss,
    observe=_observe_loss,
    cases=_LOSS_CASES,
    properties=(Property("padding costs nothing", _padding_moves_it),),
    mistakes=bank.LOSS,
    hints=(
        "For one place: which share does the model give the word that should be said there, and what is minus its "
        "logarithm? For all of them: which places count, and how many are they?",
        "logits.log_softmax(-1) has the logarithms of the shares; .gather(-1, labels[..., None]) picks that of the "
        "right word at each place, (B, T, 1). labels != pad is True where a place counts. Or F.cross_entropy, which "
        "wants (N, V) and (N,): tensor.flatten(0, 1) makes one axis of the first two, and ignore_index leaves a "
        "label out.",
        "    return F.cross_entropy(logits.flatten(...), labels.flatten(), ignore_index=...)",
    ),
    argument_names=("logits", "labels", "pad"),
    argument_dims={"logits": "B T V", "labels": "B T"},
    result_names=("loss",),
    difficulty=2,
    importance=5,
    minutes=12,
)


# --- smooth_labels ----------------------------------------------------------------------------------------------


def _sums_are_off(function: Function) -> str | None:
    target = torch.tensor([4, 1, 6, 3, 1])
    sums = function(target.clone(), 8, 1, 0.3).sum(dim=1)
    if np.allclose(sums.numpy(), (target != 1).numpy(), atol=1e-5):
        return None
    return f"Your rows add up to {', '.join(f'{x:.3f}' for x in sums.tolist())}. To what should each, and where to 0?"


def _smoothing(name: str, target: Sequence[int], V: int, pad: int, eps: float, question: str, tier: int = 1,
               **more: Any) -> Case:  # noqa: ANN401  # fmt: skip
    return Case(name, lambda: (np.array(target), V, pad, eps), question, tier=tier, tolerance=1e-6, **more)


SMOOTH_LABELS = Exercise(
    id="smooth_labels",
    lesson=10,
    title="Labels with a little doubt",
    signature="(target, V, pad, eps) -> (N, V)",
    reference=reference.smooth_labels,
    tensors=True,
    cases=(
        _smoothing(
            "one word of five, padding 0 and eps 0.3",
            [3],
            5,
            0,
            0.3,
            "The right word keeps 0.7. Who shares 0.3, and how many are they?",
            by_hand=True,
            about_axes=True,
        ),
        _smoothing(
            "three words of six",
            [2, 5, 1],
            6,
            0,
            0.2,
            "Each row has one right word. Which number says where it stands?",
            by_hand=True,
            about_axes=True,
        ),
        _smoothing(
            "no doubt at all, eps 0",
            [2, 1],
            5,
            0,
            0.0,
            "Nothing is to be smoothed. What do your rows look like?",
            by_hand=True,
        ),
        _smoothing(
            "four words, two of them padding",
            [2, 0, 4, 0],
            6,
            0,
            0.4,
            "Nothing is to be said in the second and the fourth place. What should their rows hold?",
            tier=2,
            by_hand=True,
            about_axes=True,
        ),
        _smoothing(
            "padding with the number 3",
            [0, 3, 5, 1, 2],
            7,
            3,
            0.5,
            "Here 3 is padding, and 0 is a word like others. Which column is empty?",
            tier=3,
            by_hand=True,
            about_axes=True,
        ),
        _smoothing(
            "padding with the last number",
            [0, 4, 1, 4, 2, 3, 4],
            5,
            4,
            0.1,
            "The last word is padding. Which column is empty?",
            tier=3,
            about_axes=True,
        ),
        _smoothing(
            "nine words of nine",
            [0, 8, 2, 2, 5, 1, 7, 3, 6],
            9,
            1,
            0.6,
            "N and V are equal, so that a wrong axis raises no error. Which of your axes is the wrong one?",
            tier=3,
        ),
    ),
    properties=(Property("a row adds up to 1, or to 0 for padding", _sums_are_off),),
    mistakes=bank.SMOOTH_LABELS,
    hints=(
        "Take V = 5 with padding 0 and the right word 3. Which share has each of the five words, if the three others "
        "that may be said get the same, and all of it adds up to 1?",
        "torch.full((N, V), x) is a table full of x. targets[torch.arange(N), target] is one entry of each row; "
        "targets[:, pad] is a column, and targets[target == pad] are the rows whose word is padding. Order matters: "
        "what comes later wins.",
        "    targets = torch.full((len(target), V), eps / ...)\n"
        "    targets[torch.arange(len(target)), ...] = ...\n    targets[:, ...] = 0\n"
        "    targets[target == ...] = 0\n    return targets",
    ),
    argument_names=("target", "V", "pad", "eps"),
    argument_dims={"target": "N"},
    result_names=("targets",),
    result_dims={"targets": "N V"},
    difficulty=2,
    importance=4,
    minutes=12,
)


# --- noam -------------------------------------------------------------------------------------------------------


def _not_continuous(function: Function) -> str | None:
    around = [float(function(step, 128, 400)) for step in (399, 400, 401)]
    if around[1] >= max(around[0], around[2]):
        return None
    return "Around the end of the warm-up your rate is not highest at its end. Which of the two terms is chosen there?"


def _rates(name: str, step: int, d: int, warmup: int, question: str, tier: int = 1, by_hand: bool = False) -> Case:
    return Case(name, lambda: (step, d, warmup), question, tier=tier, tolerance=1e-12, by_hand=by_hand)


NOAM = Exercise(
    id="noam",
    lesson=10,
    title="Warm up, then slow down",
    signature="(step, d, warmup) -> float",
    reference=reference.noam,
    cases=(
        _rates(
            "the first step, width 4 and warm-up 4",
            1,
            4,
            4,
            "The two terms are 1 and 1/8, and the width gives 1/2. Which are yours, and which one is chosen?",
        ),
        _rates(
            "step 16, width 4 and warm-up 4",
            16,
            4,
            4,
            "The two terms are 1/4 and 16/8, and the width gives 1/2. Which are yours, and which one is chosen?",
            by_hand=True,
        ),
        _rates(
            "the end of the warm-up, step 100 of 100, width 64",
            100,
            64,
            100,
            "Here both terms should be the same. Are yours?",
        ),
        _rates("the paper's sizes in the warm-up", 1000, 512, 4000, "A quarter of the way up: what part of the peak?"),
        _rates("the paper's sizes, late", 16000, 512, 4000, "Four times the warm-up: what part of the peak is left?"),
        _rates("another width", 300, 96, 200, "Which of the two terms is the smaller one, and what does the width do?"),
        _rates("a long warm-up", 70, 256, 9000, "Which of the two terms is the smaller one?"),
        _rates(
            "a warm-up of a single step", 9, 25, 1, "There is no way up. Which term is chosen from the first step on?"
        ),
        _rates(
            "step 0",
            0,
            16,
            25,
            "Some loops call before the first update. As which step should 0 count?",
            tier=2,
        ),
    ),
    properties=(Property("the peak stands at the end of the warm-up", _not_continuous),),
    mistakes=bank.NOAM,
    hints=(
        "Draw the two terms over step: one is a straight line up, the other a curve down. Where do they cross, and "
        "which one is lower before that?",
        "step**-0.5 is 1 over the root; min(a, b) is the smaller one. max(step, 1) makes a 1 of 0 and leaves the "
        "others alone.",
        "    step = max(step, 1)\n    return d**... * min(step**..., step * warmup**...)",
    ),
    argument_names=("step", "d", "warmup"),
    result_names=("rate",),
    result_kind="number",
    difficulty=1,
    importance=4,
    minutes=8,
)


# --- train ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """The description of a tiny model."""

    dropout: float = 0.0
    training: bool = True

    def __repr__(self) -> str:
        return f"a small model in {'training' if self.training else 'evaluation'} mode, dropout {self.dropout:g}"


@dataclass(frozen=True)
class Batches:
    """The description of batches: how many words each of their sentences has."""

    words: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        said = "; ".join(" ".join(map(str, lengths)) for lengths in self.words)
        return f"{len(self.words)} batches, with sentences of so many words: {said}"


_LARGE, _SMALL = 1000.0, 0.05  # no gradient here is as long, and none as short
_EQUAL = ((3, 3),) * 6
_UNEQUAL = ((5, 6), (1, 1), (2,), (4, 1, 2))


def _loop_case(
    name: str, question: str, compare: tuple[str, ...], tier: int, words: tuple[tuple[int, ...], ...] = _EQUAL,
    model: Model = Model(), lr: float = 0.0, clip: float = _LARGE, accum: int = 1,  # noqa: B008
) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        return model, Batches(words), lr, clip, accum

    return Case(name, make, question, tier=tier, tolerance=1e-6, compare=compare)


def _observe_loop(
    function: Function, model: Model, batches: Batches, lr: float, clip: float, accum: int
) -> dict[str, Any] | None:
    from course.lessons.lesson_10.observe import observe_loop

    return observe_loop(function, batches.words, lr=lr, clip=clip, accum=accum, dropout=model.dropout,
                        training=model.training, seed=10)  # fmt: skip


# Each tier looks at one thing, the simplest first, so that a loop with several mistakes gets one question at a time.
_LOOP_CASES = (
    _loop_case(
        "six batches, what comes back",
        "A list of floats is expected, one for each batch. What does yours hold?",
        ("the type of what comes back", "the number of losses", "the number of batches that the model sees"),
        tier=1,
        accum=3,
    ),
    _loop_case(
        "four batches of unequal sentences",
        "Print what the decoder is given in your first batch. With which word should each sentence begin?",
        ("what the decoder is given for the first batch",),
        tier=2,
        words=_UNEQUAL,
    ),
    _loop_case(
        "four batches of unequal sentences, rate 0",
        "The weights do not move here, so that every loss is that of the same model. Which places count in yours?",
        ("the losses",),
        tier=3,
        words=_UNEQUAL,
        accum=2,
    ),
    _loop_case(
        "six batches, an update for every three",
        "After how many batches should the first update come, and after how many the second?",
        ("the number of batches before each update",),
        tier=4,
        accum=3,
    ),
    _loop_case(
        "a model that comes in evaluation mode, from a validation",
        "In which mode does dropout work, and which of your lines puts the model into it?",
        ("the mode of the model at each batch",),
        tier=5,
        model=Model(dropout=0.5, training=False),
    ),
    _loop_case(
        "six batches, an update for each, rate 0",
        "With rate 0 each gradient should be that of its batch alone. What else is in yours?",
        ("the gradient of each update",),
        tier=6,
    ),
    _loop_case(
        "six batches of as many words each, an update for every three, rate 0",
        "Three batches of the same size: the gradient should be the mean of their three. What is yours?",
        ("the gradient of each update",),
        tier=7,
        accum=3,
    ),
    _loop_case(
        "four batches of unequal sentences, an update for every two, rate 0",
        "11 + 2 words and 2 sentences' ends more each: every word should count the same, in whichever batch it stands. "
        "What does a word of the small batch count with you?",
        ("the gradient of each update",),
        tier=8,
        words=_UNEQUAL,
        accum=2,
    ),
    _loop_case(
        "gradients longer than clip",
        "How long is the vector of all gradients together when the optimizer uses it, and which way does it point?",
        ("the length of the gradient of each update", "the gradient of each update"),
        tier=9,
        words=_UNEQUAL,
        clip=_SMALL,
        accum=2,
    ),
    _loop_case(
        "everything together: unequal batches, dropout, clipping, a model in evaluation mode",
        "The gradients are right, and the weights end elsewhere. Which optimizer moves them, made where, with which "
        "rate?",
        ("the losses", "the weights afterwards"),
        tier=10,
        words=_UNEQUAL,
        model=Model(dropout=0.3, training=False),
        lr=0.05,
        clip=_SMALL,
        accum=2,
    ),
)

TRAIN = Exercise(
    id="train",
    lesson=10,
    title="Four mistakes in a loop",
    signature="(model, batches, lr, clip, accum) -> list of losses, one float for each batch",
    reference=reference.train,
    observe=_observe_loop,
    cases=_LOOP_CASES,
    mistakes=bank.TRAIN,
    hints=(
        "Run the four tests, and look at the first that fails. Which of the lines has to do with what it looks at? If "
        "none has: which line is missing?",
        "At a new update begin anew: old gradients away, a counter of words to 0. At each batch: (mean * n).backward() "
        "adds a sum over n words to what is there. At the end of an update: divide every p.grad by the counter, then "
        "clip, then step. And before the first batch: in which mode does the model come?",
        "    model.train()\n    for i, (src, tgt) in enumerate(batches):\n        if i % accum == 0:\n"
        "            optimizer. ...; words = 0\n        ...\n        (mean * n).backward(); words += n\n"
        "        if (i + 1) % accum == 0:\n            for p in model.parameters():\n                p.grad /= words\n"
        "            ...",
    ),
    shown=(reference.train,),
    handed_out=reference.colleagues_train,
    argument_names=("model", "batches", "lr", "clip", "accum"),
    result_names=("losses",),
    difficulty=3,
    importance=5,
    minutes=30,
)

EXERCISES = (SHIFT, LOSS, SMOOTH_LABELS, NOAM, TRAIN)
