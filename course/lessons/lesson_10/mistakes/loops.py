"""Known wrong versions of train, the four of the handed-out loop among them.

A wrong loop is the right one with a part left out, replaced or in another place: see :func:`loop`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later
from course.lessons.lesson_10.reference import loss, shift
from course.special import PAD

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import nn
else:
    torch, nn, F = Later("torch"), Later("torch.nn"), Later("torch.nn.functional")

State = SimpleNamespace  # model, batches, lr, clip, accum; then what the loop makes
Move = Callable[[State], Any]


# --- the moves of the right loop --------------------------------------------------------------------------------


def _optimizer(s: State) -> None:
    s.optimizer = torch.optim.AdamW(s.model.parameters(), s.lr)


def _mode(s: State) -> None:
    s.model.train()


def _begin(s: State) -> None:
    if s.i % s.accum == 0:
        s.optimizer.zero_grad()
        s.words = 0


def _shift(s: State) -> None:
    s.inputs, s.labels = shift(s.tgt)


def _loss(s: State) -> None:
    s.mean = loss(s.model(s.src, s.inputs), s.labels, PAD)


def _backward(s: State) -> None:
    n = int((s.labels != PAD).sum())
    (s.mean * n).backward()
    s.words += n


def _log(s: State) -> None:
    s.losses.append(s.mean.item())


def _is_time(s: State) -> bool:
    return (s.i + 1) % s.accum == 0


def _divide(s: State) -> None:
    for p in _with_gradient(s):
        p.grad /= s.words


def _clip(s: State) -> None:
    nn.utils.clip_grad_norm_(s.model.parameters(), s.clip)


def _step(s: State) -> None:
    s.optimizer.step()


def _with_gradient(s: State) -> list[Any]:
    return [p for p in s.model.parameters() if p.grad is not None]


_BEFORE = (_optimizer, _mode)
_EACH = (_begin, _shift, _loss, _backward, _log)
_UPDATE = (_divide, _clip, _step)


def loop(
    before: tuple[Move, ...] = _BEFORE,
    each: tuple[Move, ...] = _EACH,
    is_time: Callable[[State], bool] = _is_time,
    update: tuple[Move, ...] = _UPDATE,
    answer: Callable[[State], Any] = lambda s: s.losses,
) -> Function:
    """Return a loop of these moves: before the batches, at each batch, and at an update."""

    def train(model: Any, batches: Any, lr: float, clip: float, accum: int) -> Any:  # noqa: ANN401
        s = State(model=model, batches=batches, lr=lr, clip=clip, accum=accum, losses=[], words=0)
        for move in before:
            move(s)
        for s.i, (s.src, s.tgt) in enumerate(batches):
            for move in each:
                move(s)
            if is_time(s):
                for move in update:
                    move(s)
        return answer(s)

    return train


def _each_with(of: Move, *do: Move, **parts: Any) -> Function:  # noqa: ANN401
    """Return the right loop with one move of each batch replaced."""
    at = _EACH.index(of)
    return loop(each=(*_EACH[:at], *do, *_EACH[at + 1 :]), **parts)


# --- wrong moves ------------------------------------------------------------------------------------------------


def _plain_backward(s: State) -> None:
    s.mean.backward()


def _mean_of_means(s: State) -> None:
    (s.mean / s.accum).backward()


def _by_sentences(s: State) -> None:
    (s.mean * len(s.tgt)).backward()
    s.words += len(s.tgt)


def _weighs(weight: Callable[[State, int], float], adds: Callable[[State, int], int] = lambda s, n: n) -> Move:
    """Return a backward of another multiple of the mean; n is the number of words, and what adds says is counted."""

    def backward(s: State) -> None:
        n = int((s.labels != PAD).sum())
        s.words += adds(s, n)
        (s.mean * weight(s, n)).backward()

    return backward


def _of_source(s: State, n: int) -> int:
    return int((s.src != PAD).sum())


def _of_inputs(s: State, n: int) -> int:
    return int((s.inputs != PAD).sum())


def _share(s: State) -> None:
    """Make backward() of the batch's part of the mean over its update, counted in advance."""
    first = s.i - s.i % s.accum
    counts = [int((tgt[:, 1:] != PAD).sum()) for _, tgt in s.batches[first : first + s.accum]]
    (s.mean * counts[s.i - first] / sum(counts)).backward()


def _clear_only(s: State) -> None:
    if s.i % s.accum == 0:
        s.optimizer.zero_grad()


def _by_places(s: State) -> None:
    (s.mean * s.labels.numel()).backward()
    s.words += s.labels.numel()


def _evaluate(s: State) -> None:
    s.model.eval()


def _nothing(s: State) -> None:
    pass


def _words_only(s: State) -> None:
    if s.i % s.accum == 0:
        s.words = 0


def _clear_always(s: State) -> None:
    s.optimizer.zero_grad()
    if s.i % s.accum == 0:
        s.words = 0


def _clear(s: State) -> None:
    s.optimizer.zero_grad()


def _clear_all(s: State) -> None:
    s.optimizer.zero_grad()
    s.words = 0


def _no_shift(s: State) -> None:
    s.inputs, s.labels = s.tgt[:, :-1], s.tgt[:, :-1]


def _shifted_twice(s: State) -> None:
    inputs, labels = shift(s.tgt)
    s.inputs, s.labels = inputs[:, :-1], labels[:, 1:]


def _swapped(s: State) -> None:
    s.labels, s.inputs = shift(s.tgt)


def _source_given(s: State) -> None:
    """Feed the source to the decoder, cut or padded to the length of the target."""
    _, s.labels = shift(s.tgt)
    n = s.labels.shape[1]
    s.inputs = F.pad(s.src, (0, max(0, n - s.src.shape[1])), value=PAD)[:, :n]


def _loss_without_padding_rule(s: State) -> None:
    s.mean = F.cross_entropy(s.model(s.src, s.inputs).flatten(0, 1), s.labels.flatten())


def _softmax_before(s: State) -> None:
    s.mean = loss(s.model(s.src, s.inputs).softmax(-1), s.labels, PAD)


def _log_tensor(s: State) -> None:
    s.losses.append(s.mean)


def _log_detached(s: State) -> None:
    s.losses.append(s.mean.detach())


def _log_part(s: State) -> None:
    s.losses.append(s.mean.item() / s.accum)


def _log_sum(s: State) -> None:
    s.losses.append(s.mean.item() * int((s.labels != PAD).sum()))


def _log_at_update(s: State) -> None:
    s.losses.append(s.mean.item())


def _log_words(s: State) -> None:
    """Log the mean over all words of an update, or forget: the losses of its batches are kept with their words."""
    s.kept = [*getattr(s, "kept", []), (s.mean.item(), int((s.labels != PAD).sum()))]


def _log_mean_of_words(s: State) -> None:
    s.losses.append(sum(mean * n for mean, n in s.kept) / sum(n for _, n in s.kept))
    s.kept = []


def _log_mean_of_means(s: State) -> None:
    s.losses.append(sum(mean for mean, _ in s.kept) / len(s.kept))
    s.kept = []


def _clip_each(s: State) -> None:
    for p in s.model.parameters():
        nn.utils.clip_grad_norm_(p, s.clip)


def _clip_values(s: State) -> None:
    nn.utils.clip_grad_value_(s.model.parameters(), s.clip)


def _rescale(s: State) -> None:
    norm = torch.stack([p.grad.norm() for p in _with_gradient(s)]).norm()
    for p in _with_gradient(s):
        p.grad *= s.clip / norm


def _clip_to_one(s: State) -> None:
    nn.utils.clip_grad_norm_(s.model.parameters(), 1.0)


def _divide_again(s: State) -> None:
    for p in _with_gradient(s):
        p.grad /= s.accum


def _of_copy(s: State) -> None:
    s.optimizer = torch.optim.AdamW(copy.deepcopy(s.model).parameters(), s.lr)


def _own(kind: str, **how: Any) -> Move:  # noqa: ANN401
    def build(s: State) -> None:
        s.optimizer = getattr(torch.optim, kind)(s.model.parameters(), **{"lr": s.lr, **how})

    return build


def _new_each_time(s: State) -> None:
    if s.i % s.accum == 0:
        _optimizer(s)


def planted(*mistakes: str) -> Function:
    """Return the handed-out loop with only some of its four mistakes: any of "time", "mode", "clear", "means"."""
    each = {_begin: _words_only if "clear" in mistakes else _begin,
            _backward: _mean_of_means if "means" in mistakes else _backward}  # fmt: skip
    return loop(
        before=(_optimizer,) if "mode" in mistakes else _BEFORE,
        each=tuple(each.get(move, move) for move in _EACH),
        is_time=(lambda s: s.i % s.accum == 0) if "time" in mistakes else _is_time,
        update=_UPDATE[1:] if "means" in mistakes else _UPDATE,
    )


TRAIN = (
    # What comes back.
    Mistake(
        "tensors_kept",
        "a list of tensors",
        "Your list holds tensors, and a tensor may hold the whole graph of its computation. After a day of training, "
        "how much memory is that? How do you get the number out of it?",
        (_each_with(_log, _log_tensor), _each_with(_log, _log_detached)),
    ),
    Mistake(
        "one_number",
        "one number instead of a list",
        "You hand back one number. How many batches were there, and what should a log hold?",
        (
            loop(answer=lambda s: s.losses[-1]),
            loop(answer=lambda s: sum(s.losses) / len(s.losses)),
        ),
    ),
    Mistake(
        "last_only",
        "a list of one loss",
        "Your list holds one loss only. How far in does the line stand that makes the list, or that returns it?",
        (loop(answer=lambda s: s.losses[-1:]), loop(answer=lambda s: s.losses[:1])),
    ),
    Mistake(
        "a_loss_an_update",
        "losses at updates only",
        "Your list has one loss for each update, and one for each batch is asked for. How far in does the line that "
        "appends stand?",
        (
            _each_with(_log, _log_words, update=(*_UPDATE, _log_mean_of_words)),
            _each_with(_log, _log_words, update=(*_UPDATE, _log_mean_of_means)),
            _each_with(_log, _nothing, update=(*_UPDATE, _log_at_update)),
            _each_with(_log, _nothing, update=(_log_at_update, *_UPDATE)),
        ),
    ),
    Mistake(
        "part_logged",
        "logs the part, or the sum",
        "Your list holds what goes into backward(): parts or sums. What is asked for is the loss of a word in each "
        "batch, whatever accum is: which of your tensors is that?",
        (_each_with(_log, _log_part), _each_with(_log, _log_sum)),
    ),
    # What goes in.
    Mistake(
        "G01",
        "the labels are not shifted",
        "At every place the label is the word that the decoder is given there. The loss will fall to nearly 0: what "
        "has the model learned to do?",
        (_each_with(_shift, _no_shift),),
    ),
    Mistake(
        "G03",
        "shifted twice",
        "The decoder is given fewer words than there are to be given, and must skip one. How often do you shift?",
        (_each_with(_shift, _shifted_twice),),
    ),
    Mistake(
        "swapped",
        "inputs and labels exchanged",
        "The decoder is given the labels and must say what it should have been given. In which order does shift hand "
        "them back?",
        (_each_with(_shift, _swapped),),
    ),
    Mistake(
        "source_given",
        "the source goes into the decoder",
        "The decoder is given the source. The loss falls even so, since it can copy what the languages share. Which "
        "two things does the model take, and in which order?",
        (_each_with(_shift, _source_given),),
    ),
    Mistake(
        "G08",
        "padding counts in the loss",
        "Your losses are means over padding too. Which function of yours leaves it out?",
        (_each_with(_loss, _loss_without_padding_rule),),
    ),
    Mistake(
        "softmax_before",
        "softmax before the loss",
        "The loss is given probabilities and takes another softmax. What does the model return, and what does loss "
        "take?",
        (_each_with(_loss, _softmax_before),),
    ),
    # When, and in which mode.
    Mistake(
        "H13",
        "an update after the first batch of a group",
        "Your first update comes after one batch, whatever accum is, and the last batches never get theirs. For "
        "accum = 3, for which of i = 0, 1, 2 is i % accum 0, and at which should the update be?",
        (
            planted("time"),
            planted("time", "clear"),
            _each_with(_begin, _nothing, is_time=lambda s: s.i % s.accum == 0, update=(*_UPDATE, _clear_all)),
            loop(is_time=lambda s: s.i % s.accum == 0 and s.i > 0),
        ),
    ),
    Mistake(
        "every_batch",
        "an update after every batch",
        "You update after every batch, whatever accum is. How far in does optimizer.step() stand?",
        (loop(is_time=lambda s: True), _each_with(_begin, _clear_all, is_time=lambda s: True)),
    ),
    Mistake(
        "once_at_the_end",
        "one update at the end, or none",
        "There is a single update at the end, or none at all. After how many batches should the first one come?",
        (
            loop(is_time=lambda s: s.i + 1 == len(s.batches)),
            loop(is_time=lambda s: False),
            loop(update=_UPDATE[:-1]),
        ),
    ),
    Mistake(
        "H15",
        "the model is not in training mode",
        "The model may come from a validation, and then it is in evaluation mode: dropout drops nothing. Which line "
        "puts it back, and where?",
        (planted("mode"), loop(before=(*_BEFORE, _evaluate))),
    ),
    # The gradient.
    Mistake(
        "H09",
        "gradients are never cleared",
        "The same batch twice, and the second gradient is twice as long: backward() adds to what is there. Within an "
        "update that is wanted. When must it begin anew?",
        (
            planted("clear"),
            _each_with(_begin, _nothing),
            planted("clear", "means"),
        ),
    ),
    Mistake(
        "never_reset",
        "the counter of words is never set back",
        "Your gradients are 1/1, 1/2, 1/3 ... as long as they should be: what you divide by has grown from update to "
        "update. When does your counter of words begin anew?",
        (
            _each_with(_begin, _clear_only),
            loop(each=(_clear_only, _shift, _loss, _weighs(lambda s, n: n / s.words), _log), update=_UPDATE[1:]),
        ),
    ),
    Mistake(
        "divides_the_mean",
        "divides a mean by its words",
        "Your gradient is too short by the number of words: mean is divided by them already, and you divide once more. "
        "Which of * and / makes a sum over n words of their mean?",
        (
            _each_with(_backward, _weighs(lambda s, n: 1 / n), update=_UPDATE[1:]),
            _each_with(_backward, _weighs(lambda s, n: 1 / n / s.accum), update=_UPDATE[1:]),
            _each_with(_backward, _weighs(lambda s, n: 1.0)),
            _each_with(_backward, _weighs(lambda s, n: 1 / s.accum)),
            _each_with(_backward, _weighs(lambda s, n: 1 / n)),
        ),
    ),
    Mistake(
        "words_so_far",
        "divided by the words so far",
        "You divide at every batch by the words counted so far: the first batch of an update by its own alone, the "
        "last one by all. Where do you know how many words the whole update has?",
        (
            _each_with(_backward, _weighs(lambda s, n: n / s.words), update=_UPDATE[1:]),
            loop(each=(*_EACH, _divide), update=_UPDATE[1:]),
        ),
    ),
    Mistake(
        "cleared_at_each_batch",
        "gradients are cleared at every batch",
        "Of the batches of an update only the last one counts: what the others left is cleared away. Which condition "
        "stands before zero_grad()?",
        (_each_with(_begin, _clear_always), _each_with(_begin, _clear_all)),
    ),
    Mistake(
        "cleared_too_late",
        "gradients are cleared before the step",
        "When the optimizer takes its step, there is no gradient any more. In which order do zero_grad(), backward() "
        "and step() come?",
        (
            loop(update=(_divide, _clip, _clear, _step)),
            loop(update=(_clear, _clip, _step)),
        ),
    ),
    Mistake(
        "summed",
        "not divided",
        "Your gradient is a sum: twice the batches, twice the length. By what is it divided, so that accum only "
        "changes how many words the mean is over?",
        (
            _each_with(_backward, _plain_backward, update=_UPDATE[1:]),
            loop(update=_UPDATE[1:]),
        ),
    ),
    Mistake(
        "divided_twice",
        "divided twice",
        "Your gradient is too short by a factor of accum. How often do you divide?",
        (
            loop(update=(_divide, _divide_again, _clip, _step)),
            _each_with(_backward, _mean_of_means, update=(_divide_again, _clip, _step)),
        ),
    ),
    Mistake(
        "means_of_means",
        "every batch counts the same",
        "With batches of the same number of words you are right. If one has 3 words and the other 12, how much does a "
        "word of each count with you, and how much should it?",
        (
            planted("means"),
            _each_with(_backward, _plain_backward, update=(_divide_again, _clip, _step)),
        ),
    ),
    Mistake(
        "by_sentences",
        "weighs by sentences",
        "You weigh each batch by the number of its sentences, or of its places with padding. What is the loss of a "
        "batch a mean over?",
        (_each_with(_backward, _by_sentences), _each_with(_backward, _by_places)),
    ),
    Mistake(
        "other_words",
        "counts words of the source, or begin signs",
        "The words that you count are not those of the loss: they are the source's, or the target's with its begin "
        "signs. Words of which side are in the loss, and which tensor holds what must be said?",
        (
            _each_with(_backward, _weighs(_of_source, _of_source)),
            _each_with(_backward, _weighs(lambda s, n: n, _of_source)),
            _each_with(_backward, _weighs(_of_source)),
            _each_with(_backward, _weighs(_of_inputs, _of_inputs)),
            _each_with(_backward, _weighs(lambda s, n: n, _of_inputs)),
            _each_with(_backward, _weighs(_of_inputs)),
        ),
    ),
    # Clipping and the step.
    Mistake(
        "H11",
        "clips after the step, or never",
        "When the optimizer takes its step, the gradient is longer than clip. With clip = 0, should anything move? Is "
        "there a line that clips, and on which side of step() does it stand?",
        (loop(update=(_divide, _step, _clip)), loop(update=(_divide, _step))),
    ),
    Mistake(
        "clips_the_sum",
        "clips before it divides",
        "You clip the sum over words and divide afterwards, so that the gradient becomes much shorter than clip. Which "
        "of the two comes first?",
        (loop(update=(_clip, _divide, _step)),),
    ),
    Mistake(
        "clips_each_batch",
        "clips after every backward",
        "You clip after every backward(), so that of several batches parts are clipped and not their sum. How often "
        "should an update clip, and behind which line?",
        (
            loop(each=(*_EACH, _clip), update=(_divide, _step)),
            loop(each=(*_EACH, _clip)),
            _each_with(_backward, _share, _clip, update=(_step,)),
            _each_with(_backward, _share, _clip, update=(_clip, _step)),
        ),
    ),
    Mistake(
        "clips_each",
        "clips each parameter by itself",
        "You clip every matrix by itself, and so the gradient points elsewhere. What is clip a limit on?",
        (loop(update=(_divide, _clip_each, _step)),),
    ),
    Mistake(
        "clips_values",
        "clips single numbers",
        "You cut off single numbers. Which of the two functions of torch.nn.utils shortens the whole, and keeps its "
        "direction?",
        (loop(update=(_divide, _clip_values, _step)),),
    ),
    Mistake(
        "always_rescaled",
        "makes every gradient as long as clip",
        "Short gradients become longer with you. What should happen to one that is shorter than clip?",
        (loop(update=(_divide, _rescale, _step)),),
    ),
    Mistake(
        "clips_to_one",
        "clips to 1",
        "You clip to a length of your own. Where is the argument clip used?",
        (loop(update=(_divide, _clip_to_one, _step)),),
    ),
    Mistake(
        "H17",
        "the optimizer has a copy",
        "The weights of the model do not move: the optimizer moves those of a copy. Whose parameters() does it get?",
        (loop(before=(_of_copy, _mode)),),
    ),
    Mistake(
        "another_optimizer",
        "another optimizer, or another rate",
        "The gradient is right, and the weights move elsewhere. Which optimizer was there, and with which rate?",
        (
            *(loop(before=(_own(kind), _mode)) for kind in ("SGD", "Adam", "RMSprop", "Adagrad")),
            *(loop(before=(_own("AdamW", lr=lr), _mode)) for lr in (1e-3, 1e-4, 0.1)),
            loop(before=(_own("AdamW", weight_decay=0.0), _mode)),
        ),
    ),
    Mistake(
        "forgets_its_moments",
        "a new optimizer for every update",
        "The first update is right and the later ones are not: your optimizer is made anew and has forgotten what it "
        "saw. How far in does the line stand that makes it?",
        (
            loop(each=(_new_each_time, *_EACH)),
            loop(update=(_divide, _clip, _optimizer, _step)),
        ),
    ),
)
