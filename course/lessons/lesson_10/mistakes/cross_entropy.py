"""Known wrong versions of loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.exercises.exercise import Mistake
from course.lab.exercises.later import Later
from course.lessons.lesson_10.reference import loss
from course.special import EOS

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch, F = Later("torch"), Later("torch.nn.functional")

Loss = Callable[[Any, Any, int], Any]


def _each(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of each word: (B, T)."""
    return -logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]


def _mean(total: Callable[[Tensor, Tensor], Tensor], weights: Callable[[Tensor, int], Tensor] | None = None) -> Loss:
    """Return the mean over words that are no padding of what ``total`` makes of (logits, labels): (B, T)."""

    def wrong(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
        real = (labels != pad) if weights is None else weights(labels, pad)
        return (total(logits, labels) * real).sum() / real.sum()

    return wrong


def _sum_over(count: Callable[[Tensor, int], Any]) -> Loss:
    """Return the sum over real words, divided by another number."""
    return lambda logits, labels, pad: (_each(logits, labels) * (labels != pad)).sum() / count(labels, pad)


def _on(change: Callable[[Tensor], Tensor]) -> Loss:
    return lambda logits, labels, pad: loss(change(logits), labels, pad)


def _after(change: Callable[[Tensor], Any]) -> Loss:
    return lambda logits, labels, pad: change(loss(logits, labels, pad))


def _sentence_means(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    real = labels != pad
    means: Tensor = (_each(logits, labels) * real).sum(1) / real.sum(1)
    return means.mean()


def _column_means(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    real = labels != pad
    means = (_each(logits, labels) * real).sum(0) / real.sum(0).clamp(min=1)
    return means.mean()


def _mixed(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    B, T, V = logits.shape
    return F.cross_entropy(logits.reshape(B, V, T), labels, ignore_index=pad)


def _shifts_again(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    return loss(logits[:, :-1], labels[:, 1:], pad) if labels.shape[1] > 1 else loss(logits, labels, pad)


def _without_padding_class(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    kept = logits.clone()
    kept[..., pad] = -math.inf
    return loss(kept, labels, pad)


def _padding_words_zeroed(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    return F.cross_entropy((logits * (labels != pad)[..., None]).flatten(0, 1), labels.flatten())


def _unstable(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    powers = logits.exp()
    shares = powers / powers.sum(-1, keepdim=True)
    return _mean(lambda _, y: -shares.gather(-1, y[..., None])[..., 0].log())(logits, labels, pad)


def _column(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of each word with the axis of length 1 that gather leaves: (B, T, 1)."""
    return -logits.log_softmax(-1).gather(-1, labels[..., None])


def _says(words: str) -> Callable[[Loss], bool]:
    """Return what recognizes a loss that raises an error with these words for two words of one sentence."""

    def recognized(function: Loss) -> bool:
        try:
            function(torch.zeros(1, 2, 4), torch.tensor([[3, 1]]), 0)
        except Exception as error:  # a learner's function may raise anything
            return words in str(error)
        return False

    return recognized


def _squeezed(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    return _column(logits, labels).squeeze()[labels != pad].mean()


def _fails_alone(function: Loss) -> bool:
    """Whether a loss is right for two sentences, and raises an error for one."""
    rng = np.random.default_rng(89)
    logits, labels = torch.from_numpy(rng.standard_normal((2, 3, 5))), torch.tensor([[3, 1, 0], [2, 4, 1]])
    try:
        if not torch.isclose(function(logits, labels, 0), loss(logits, labels, 0)):
            return False
    except Exception:  # a learner's function may raise anything
        return False
    try:
        function(logits[:1], labels[:1], 0)
    except (IndexError, RuntimeError, ValueError):
        return True
    return False


def _new_tensor(value: Tensor) -> Tensor:
    return torch.tensor(value.item(), dtype=value.dtype)


LOSS = (
    Mistake(
        "G08",
        "padding counts",
        "Your mean is one over all places, padding too. If somebody added ten columns of padding, should the loss "
        "move?",
        (
            lambda logits, labels, pad: F.cross_entropy(logits.flatten(0, 1), labels.flatten()),
            lambda logits, labels, pad: F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100),
        ),
    ),
    Mistake(
        "divided_by_all",
        "divided by all places",
        "You leave padding out of the sum and count it in the number that you divide by. Over how many words is it a "
        "mean?",
        (
            _sum_over(lambda labels, pad: labels.numel()),
            lambda logits, labels, pad: (_each(logits, labels) * (labels != pad)).mean(),
        ),
    ),
    Mistake(
        "G10",
        "a mean of sentences' means",
        "You take a mean for each sentence, and then the mean of these. How much does a word of a short sentence count "
        "then, beside one of a long sentence?",
        (_sentence_means,),
    ),
    Mistake(
        "columns_first",
        "a mean of columns' means",
        "You take a mean for each place, and then the mean of these. How much does the only sentence that reaches the "
        "last place count then?",
        (_column_means,),
    ),
    Mistake(
        "G12",
        "reshaped instead of transposed",
        "Words and classes are mixed: reshape to (B, V, T) moves no axis, it only counts the same numbers into other "
        "boxes. Which axis holds the V numbers of one word?",
        (_mixed,),
    ),
    Mistake(
        "axis_left",
        "gather's axis is left",
        "gather leaves an axis of length 1, (B, T, 1). Beside a mask of (B, T) it is spread, and each place is paired "
        "with every other. What takes the last axis away?",
        (
            lambda logits, labels, pad: (_column(logits, labels) * (labels != pad)).sum() / (labels != pad).sum(),
            lambda logits, labels, pad: (_column(logits, labels) * (labels != pad)).mean(),
            lambda logits, labels, pad: (_column(logits, labels) * (labels != pad)).sum() / labels.numel(),
            lambda logits, labels, pad: (_column(logits, labels) * (labels != pad)).sum(),
        ),
    ),
    Mistake(
        "not_flattened",
        "cross_entropy of three axes",
        "F.cross_entropy looks for the V words on the second axis: it wants (N, V) and (N,), and is given (B, T, V) "
        "and (B, T). What makes one axis of the first two?",
        (lambda logits, labels, pad: F.cross_entropy(logits, labels, ignore_index=pad),),
        recognize=_says("Expected target size"),
    ),
    Mistake(
        "batch_squeezed",
        "squeeze takes the batch away too",
        "Your function is right for two sentences and fails for one: squeeze() takes away every axis of length 1, that "
        "of the batch too, where B = 1. How do you name the one that should go?",
        (_squeezed,),
        recognize=_fails_alone,
    ),
    Mistake(
        "only_padding",
        "the mask is inverted",
        "You keep exactly the padding and leave the words out; where there is none, nothing divided by nothing is no "
        "number (nan). What should your mask be True for?",
        (
            _mean(_each, lambda labels, pad: labels == pad),
            lambda logits, labels, pad: (_each(logits, labels) * (labels == pad)).sum() / (labels != pad).sum(),
        ),
    ),
    Mistake(
        "G16",
        "divided by the number of sentences",
        "You divide by the number of sentences, or by the length. Is this a loss of a word?",
        (
            _sum_over(lambda labels, pad: len(labels)),
            _sum_over(lambda labels, pad: labels.shape[1]),
        ),
    ),
    Mistake(
        "summed",
        "a sum instead of a mean",
        "Your loss is a sum: a batch of twice as many words has twice the loss. What do you divide by?",
        (
            _sum_over(lambda labels, pad: 1),
            lambda logits, labels, pad: _each(logits, labels).sum(),
        ),
    ),
    Mistake(
        "softmax_before",
        "softmax before cross-entropy",
        "You hand over probabilities, and cross-entropy takes the softmax of what it gets. After two of them, how near "
        "can the largest share come to 1?",
        (
            _on(lambda logits: logits.softmax(-1)),
            lambda logits, labels, pad: F.cross_entropy(logits.softmax(-1).flatten(0, 1), labels.flatten()),
        ),
    ),
    Mistake(
        "without_softmax",
        "logits instead of logarithms of shares",
        "You pick the right word's logit and take no softmax. What makes shares that add up to 1 out of V numbers?",
        (
            _mean(lambda x, y: -x.gather(-1, y[..., None])[..., 0]),
            lambda logits, labels, pad: F.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=pad),
        ),
    ),
    Mistake(
        "without_logarithm",
        "the share instead of its logarithm",
        "You use the right word's share as it is. What is done with a share before it becomes a loss?",
        (
            _mean(lambda x, y: -x.softmax(-1).gather(-1, y[..., None])[..., 0]),
            _mean(lambda x, y: 1 - x.softmax(-1).gather(-1, y[..., None])[..., 0]),
            _mean(lambda x, y: x.softmax(-1).gather(-1, y[..., None])[..., 0]),
        ),
    ),
    Mistake(
        "wrong_sign",
        "the sign",
        "Your loss is negative, and falls as the model gets worse. Which sign does a logarithm of a share have?",
        (
            _after(lambda x: -x),
            lambda logits, labels, pad: -_sum_over(lambda y, p: 1)(logits, labels, pad),
        ),
    ),
    Mistake(
        "softmax_over_places",
        "softmax over the wrong axis",
        "Your softmax shares among places or sentences. Along which axis do the V words stand, one of which is right?",
        (
            _mean(lambda x, y: -x.log_softmax(1).gather(-1, y[..., None])[..., 0]),
            _mean(lambda x, y: -x.log_softmax(0).gather(-1, y[..., None])[..., 0]),
        ),
    ),
    Mistake(
        "mean_over_classes",
        "a mean over all words of the vocabulary",
        "You take the mean over all V words, whichever is right, or divide by V. Whose logarithm counts?",
        (
            _mean(lambda x, y: -x.log_softmax(-1).mean(-1)),
            lambda logits, labels, pad: loss(logits, labels, pad) / logits.shape[-1],
        ),
    ),
    Mistake(
        "most_probable",
        "the most probable word instead of the right one",
        "You take the share of the word that the model likes best. Which word should it have said?",
        (_mean(lambda x, y: -x.log_softmax(-1).max(-1).values),),
    ),
    Mistake(
        "padding_is_zero",
        "padding has the number 0",
        "You leave out the word with the number 0, whatever pad says. Which argument knows?",
        (
            lambda logits, labels, pad: loss(logits, labels, 0),
            lambda logits, labels, pad: _sum_over(lambda y, p: (y != 0).sum())(logits, labels, pad),
        ),
    ),
    Mistake(
        "end_left_out",
        "the end sign is left out too",
        "Words with the number of the end sign do not count with you. Who learns to stop then?",
        (_mean(_each, lambda labels, pad: (labels != pad) & (labels != EOS)),),
    ),
    Mistake(
        "padding_class_left_out",
        "padding is taken out of the softmax",
        "You take padding out of the V words before the softmax. It must not be a LABEL; as a word that could be said "
        "by mistake it has its share. What teaches the model never to say it?",
        (_without_padding_class,),
    ),
    Mistake(
        "padding_logits_zeroed",
        "logits of padding set to 0",
        "You set the logits of padding to 0, and they still count: a softmax of V zeros is 1 over V for each. How do "
        "places get no weight at all?",
        (_padding_words_zeroed,),
    ),
    Mistake(
        "shifts_again",
        "shifts once more",
        "You shift the labels, and they were shifted when you got them. Which word would the first place have to say?",
        (_shifts_again,),
    ),
    Mistake(
        "smoothed",
        "smoothed",
        "You smooth the labels. That comes later: with which eps is a label simply right?",
        (
            *(
                lambda logits, labels, pad, eps=eps: F.cross_entropy(
                    logits.flatten(0, 1), labels.flatten(), ignore_index=pad, label_smoothing=eps
                )
                for eps in (0.1, 0.02, 0.2)
            ),
        ),
    ),
    Mistake(
        "other_logarithm",
        "another logarithm",
        "Your logarithm has another base. Which one is the inverse of exp, and gives nats?",
        (_after(lambda x: x / math.log(2)), _after(lambda x: x / math.log(10))),
    ),
    Mistake(
        "perplexity",
        "the perplexity",
        "You return the power of the loss, which is the perplexity. What is the loss itself?",
        (_after(lambda x: x.exp()),),
    ),
    Mistake(
        "each_word",
        "one loss for each word",
        "You return a loss for each place. How does one number come of them?",
        (
            lambda logits, labels, pad: _each(logits, labels) * (labels != pad),
            lambda logits, labels, pad: _each(logits, labels)[labels != pad],
            lambda logits, labels, pad: _each(logits, labels),
            lambda logits, labels, pad: (_each(logits, labels) * (labels != pad)).flatten(),
        ),
    ),
    Mistake(
        "one_sentence",
        "one sentence, or one place",
        "You look at one sentence or one place alone. Which index throws the others away?",
        (
            lambda logits, labels, pad: loss(logits[:1], labels[:1], pad),
            lambda logits, labels, pad: loss(logits[-1:], labels[-1:], pad),
            lambda logits, labels, pad: loss(logits[:, :1], labels[:, :1], pad),
        ),
    ),
    Mistake(
        "fails_for_large_logits",
        "infinite for large logits",
        "For large logits your loss is infinite or no number. exp(1000) is too large for a computer, and the logarithm "
        "of a share of 0 is minus infinity: which function of torch takes softmax and logarithm in one?",
        (
            _unstable,
            _mean(lambda x, y: -x.softmax(-1).gather(-1, y[..., None])[..., 0].log()),
            _mean(lambda x, y: -x.softmax(-1).log().gather(-1, y[..., None])[..., 0]),
            lambda logits, labels, pad: _each_of_real(logits.softmax(-1).log(), labels, pad).mean(),
            lambda logits, labels, pad: _each_of_real(
                (logits.exp() / logits.exp().sum(-1, keepdim=True)).log(), labels, pad
            ).mean(),
            lambda logits, labels, pad: _each_of_real(
                logits - logits.exp().sum(-1, keepdim=True).log(), labels, pad
            ).mean(),
        ),
    ),
    Mistake(
        "something_added",
        "something added before the logarithm",
        "You add a small number to the shares, so that the logarithm stays finite. What does a share of 0 cost with "
        "you, and what should it cost?",
        tuple(
            _mean(lambda x, y, tiny=tiny: -(x.softmax(-1).gather(-1, y[..., None])[..., 0] + tiny).log())  # type: ignore[misc]
            for tiny in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
        )
        + tuple(
            _mean(lambda x, y, tiny=tiny: -x.softmax(-1).gather(-1, y[..., None])[..., 0].clamp(min=tiny).log())  # type: ignore[misc]
            for tiny in (1e-12, 1e-9, 1e-8, 1e-7, 1e-6)
        ),
    ),
    Mistake(
        "plain_number",
        "a plain number",
        "What you return is a plain number, which does not know how it was computed. What would backward() be called "
        "on?",
        (_after(lambda x: x.item()), _after(lambda x: float(x.detach())), _after(lambda x: x.detach().numpy())),
    ),
    Mistake(
        "no_gradient",
        "the loss is cut off from the logits",
        "Your number is right, and no gradient comes back to the logits. Which of detach, no_grad, .data, .item() or "
        "torch.tensor(...) stands between the logits and what you return?",
        (
            _after(lambda x: x.detach()),
            _after(_new_tensor),
            _on(lambda logits: logits.detach()),
        ),
    ),
    Mistake(
        "single_precision",
        "float32",
        "The logits came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_on(lambda logits: logits.float()), _after(lambda x: x.float())),
    ),
    Mistake(
        "rounded",
        "rounded",
        "Your loss has lost its digits. Is rounding for printing, or for computing?",
        tuple(_after(lambda x, n=n: x.round(decimals=n)) for n in (2, 3, 4)),  # type: ignore[misc]
    ),
)


def _each_of_real(log_shares: Tensor, labels: Tensor, pad: int) -> Tensor:
    real = labels != pad
    return -log_shares[real].gather(-1, labels[real][:, None])[:, 0]
