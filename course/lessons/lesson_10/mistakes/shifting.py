"""Known wrong versions of shift."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Mistake
from course.lab.exercises.later import Later
from course.lessons.lesson_10.reference import shift
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Pair = tuple[Tensor, Tensor]
else:
    torch = Later("torch")


def _after(change: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """Return the right answer with a change to both of its tensors."""
    return lambda tgt: tuple(map(change, shift(tgt)))


def _with_inputs(change: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    return lambda tgt: (change(shift(tgt)[0]), shift(tgt)[1])


def _with_labels(change: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    return lambda tgt: (shift(tgt)[0], change(shift(tgt)[1]))


def _replaced(old: int, new: int) -> Callable[[Tensor], Tensor]:
    return lambda ids: torch.where(ids == old, new, ids)


def _padded_labels(tgt: Tensor) -> Pair:
    return tgt, torch.cat([tgt[:, 1:], torch.full_like(tgt[:, :1], PAD)], dim=1)


def _in_place(tgt: Tensor) -> Pair:
    inputs = tgt[:, :-1].clone()
    tgt[tgt == BOS] = PAD
    return inputs, tgt[:, 1:]


SHIFT = (
    Mistake(
        "G01",
        "the labels are the inputs",
        "At every place the label is the very word that the decoder is given there. The loss will fall to nearly 0, "
        "and what will the model have learned to do?",
        (
            lambda tgt: (tgt[:, :-1], tgt[:, :-1]),
            lambda tgt: (tgt[:, 1:], tgt[:, 1:]),
            lambda tgt: (tgt, tgt),
            lambda tgt: (tgt[:, 1:-1], tgt[:, 1:-1]),
        ),
    ),
    Mistake(
        "G03",
        "shifted twice",
        "Between what is given and what is asked for a word is left out. Print both rows of one sentence, one below "
        "the other: which word comes after the begin sign?",
        (
            lambda tgt: (tgt[:, :-2], tgt[:, 2:]),
            lambda tgt: (tgt[:, :-1], tgt[:, 2:]),
            lambda tgt: (tgt[:, :-2], tgt[:, 1:][:, 1:]),
        ),
    ),
    Mistake(
        "G05",
        "the last label is missing",
        "The last column is no label of yours. What stands there in the longest sentence, and what will a model never "
        "learn to do without it?",
        (lambda tgt: (tgt[:, :-2], tgt[:, 1:-1]),),
    ),
    Mistake(
        "begin_never_given",
        "the begin sign is never given",
        "The decoder is never given the begin sign. What does it have when it must say the first word, and which word "
        "can it therefore not learn to say?",
        (lambda tgt: (tgt[:, 1:-1], tgt[:, 2:]),),
    ),
    Mistake(
        "G07",
        "the axis of the sentences",
        "You leave out the last and the first sentence of the batch. Which axis of (B, T) counts the words?",
        (
            lambda tgt: (tgt[:-1], tgt[1:]),
            lambda tgt: (tgt[:-1, :], tgt[1:, :]),
        ),
    ),
    Mistake(
        "swapped",
        "labels first",
        "Your two tensors come in the other order. Which of them begins with the begin sign, and which comes first?",
        (lambda tgt: shift(tgt)[::-1],),
    ),
    Mistake(
        "says_the_word_before",
        "shifted the other way",
        "Your labels are the words before those that are given. Reading from left to right, what is the decoder asked "
        "for: what it has just heard, or what comes next?",
        (
            lambda tgt: (tgt, torch.roll(tgt, 1, dims=1)),
            lambda tgt: (tgt[:, :-1], torch.roll(tgt, 1, dims=1)[:, :-1]),
        ),
    ),
    Mistake(
        "begin_as_last_label",
        "rolled around",
        "Your rows are as long as before, so that the last label is the word that stood first. What is there to be "
        "said behind the last column?",
        (
            lambda tgt: (tgt, torch.roll(tgt, -1, dims=1)),
            lambda tgt: (tgt[:, :-1], torch.roll(tgt, -1, dims=1)),
            lambda tgt: (tgt, torch.cat([tgt[:, 1:], tgt[:, :1]], dim=1)),
        ),
    ),
    Mistake(
        "padding_added",
        "as long as before",
        "Your rows have T columns, with padding in the place of the last label. Nothing is wrong in what a loss would "
        "see, but a column is computed for nothing. How many pairs of neighbors do T words have?",
        (_padded_labels,),
    ),
    Mistake(
        "inputs_whole",
        "the inputs keep their last column",
        "Given are T words, and asked for T - 1. After which word of the longest sentence is nothing asked for any "
        "more?",
        (
            lambda tgt: (tgt, tgt[:, 1:]),
            lambda tgt: (tgt.clone(), tgt[:, 1:]),
        ),
    ),
    Mistake(
        "labels_whole",
        "the labels keep their first column",
        "Given are T - 1 words, and asked for T. Which of your labels is nothing that anybody should have to say?",
        (lambda tgt: (tgt[:, :-1], tgt),),
    ),
    Mistake(
        "end_taken_out",
        "the end sign is taken out of the inputs",
        "In your inputs the end sign of short sentences has become another word. What is its label, and does a loss "
        "without padding ever look there?",
        (
            _with_inputs(_replaced(EOS, PAD)),
            lambda tgt: (_replaced(EOS, PAD)(tgt)[:, :-1], tgt[:, 1:]),
        ),
    ),
    Mistake(
        "end_is_padding",
        "the end sign is taken out of the labels",
        "None of your labels is the end sign. Who will tell the model that a sentence is over?",
        (
            _with_labels(_replaced(EOS, PAD)),
            lambda tgt: tuple(_replaced(EOS, PAD)(each) for each in shift(tgt)),
        ),
    ),
    Mistake(
        "labels_reversed",
        "from the last to the first",
        "Your words run backward. In which direction does the decoder read?",
        (
            _with_labels(lambda ids: ids.flip(1)),
            _after(lambda ids: ids.flip(1)),
        ),
    ),
    Mistake(
        "first_sentence_only",
        "one sentence of the batch",
        "You hand back one sentence. Which index throws the others away?",
        (
            _after(lambda ids: ids[0]),
            _after(lambda ids: ids[:1]),
        ),
    ),
    Mistake(
        "words_first",
        "words before sentences",
        "Your axes come in another order: (T - 1, B). Who asked for that?",
        (_after(lambda ids: ids.mT.contiguous()),),
    ),
    Mistake(
        "all_in_a_row",
        "one long row",
        "Your sentences lie one behind the other in a single row. Where does one end and the next begin?",
        (
            _after(lambda ids: ids.reshape(-1)),
            lambda tgt: (tgt.reshape(-1)[:-1], tgt.reshape(-1)[1:]),
        ),
    ),
    Mistake(
        "one_tensor",
        "both in one tensor",
        "You hand back one tensor that holds both. How does a function return two things?",
        (
            lambda tgt: torch.stack(shift(tgt)),
            lambda tgt: torch.stack(shift(tgt), dim=-1),
        ),
    ),
    Mistake(
        "writes_into_target",
        "changes what was handed in",
        "After the call the batch is another one. Which of your lines writes into it?",
        (_in_place,),
    ),
)
