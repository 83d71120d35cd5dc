"""Known wrong versions of smooth_labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Mistake
from course.lab.exercises.later import Later
from course.lessons.lesson_10.reference import smooth_labels

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Later("torch")

Smooth = Callable[[Any, int, int, float], Any]
Number = Callable[[int, float], float]  # of V and eps


def _made(
    others: Number = lambda V, eps: eps / (V - 2),
    right: Number = lambda V, eps: 1 - eps,
    column: bool = True,
    rows: bool = True,
    added: bool = False,
    which: Callable[[int], int] = lambda pad: pad,
) -> Smooth:
    """Return the answer with a part replaced.

    others, right: the share of each other word and of the right one. column, rows: whether padding's column and the
    rows of padding are cleared. added: whether the right word's share is added to the others'. which: what is taken for
    padding.
    """

    def smooth(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
        pad = which(pad)
        targets = torch.full((len(target), V), float(others(V, eps)))
        share = torch.full((len(target), 1), float(right(V, eps)))
        (targets.scatter_add_ if added else targets.scatter_)(1, target[:, None], share)
        if column:
            targets[:, pad] = 0
        if rows:
            targets[target == pad] = 0
        return targets

    return smooth


def _after(change: Callable[[Any], Any]) -> Smooth:
    return lambda target, V, pad, eps: change(smooth_labels(target, V, pad, eps))


def _row_sums_forced(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    targets = _made(others=lambda V, eps: eps / V, rows=False)(target, V, pad, eps)
    targets = targets / targets.sum(dim=1, keepdim=True)
    targets[target == pad] = 0
    return targets


def _rows_left_out(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    return smooth_labels(target[target != pad], V, pad, eps)


def _row_by_number(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    targets = _made(rows=False)(target, V, pad, eps)
    if pad < len(targets):
        targets[pad] = 0
    return targets


def _right_at_row_number(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    targets = torch.full((len(target), V), eps / (V - 2))
    for n in range(len(target)):
        targets[n, n % V] = 1 - eps
    targets[:, pad] = 0
    targets[target == pad] = 0
    return targets


def _writes(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    targets = smooth_labels(target, V, pad, eps)
    target[target == pad] = 0
    target += 1
    return targets


SMOOTH_LABELS = (
    Mistake(
        "L01",
        "eps shared among too many words",
        "Your rows add up to a little less than 1. The right word has its own share, and padding gets none: among how "
        "many words is eps divided?",
        (
            _made(others=lambda V, eps: eps / V),
            _made(others=lambda V, eps: eps / (V - 1)),
        ),
    ),
    Mistake(
        "among_too_few",
        "eps shared among too few words",
        "Your rows add up to more than 1, since every other word gets too much. How many words are there that are "
        "neither right nor padding?",
        (
            _made(others=lambda V, eps: eps / (V - 3)),
            _made(others=lambda V, eps: eps),
        ),
    ),
    Mistake(
        "L03",
        "padding keeps a share",
        "The column of padding has a share. Which word does the model learn to say now and then?",
        (
            _made(column=False),
            _made(others=lambda V, eps: eps / (V - 1), column=False),
        ),
    ),
    Mistake(
        "torchs_definition",
        "torch's definition",
        "This is how torch does it: eps over all V, the right word and padding among them. It is one of three customs, "
        "and another one is asked for. Who gets no share in the text?",
        (
            _made(others=lambda V, eps: eps / V, right=lambda V, eps: 1 - eps + eps / V, column=False),
            _made(others=lambda V, eps: eps / V, right=lambda V, eps: 1 - eps + eps / V, column=False, rows=False),
            _made(others=lambda V, eps: eps / V, right=lambda V, eps: 1 - eps + eps / V),
        ),
    ),
    Mistake(
        "L05",
        "the right word gets eps",
        "The right word gets eps. With eps = 0, which share should it have?",
        (
            _made(right=lambda V, eps: eps),
            _made(others=lambda V, eps: (1 - eps) / (V - 2), right=lambda V, eps: eps),
            _made(others=lambda V, eps: 1 - eps, right=lambda V, eps: eps),
        ),
    ),
    Mistake(
        "L07",
        "the right word's share on top of the others'",
        "The right word has 1 - eps and an other word's share besides. What do your rows add up to?",
        (
            _made(added=True),
            _made(right=lambda V, eps: 1 - eps + eps / (V - 2)),
        ),
    ),
    Mistake(
        "right_keeps_one",
        "the right word keeps everything",
        "The right word still has 1, and the others have something too. From whom do they get it?",
        (
            _made(right=lambda V, eps: 1.0),
            _made(right=lambda V, eps: 1.0, added=True),
        ),
    ),
    Mistake(
        "L09",
        "the wrong column",
        "You clear a column that is not that of padding. Which number has padding's?",
        (*(lambda target, V, pad, eps, by=by: _column_moved(target, V, pad, eps, by) for by in (1, -1)),),
    ),
    Mistake(
        "padding_is_zero",
        "padding has the number 0",
        "You take 0 for padding whatever pad says. Which argument knows?",
        (
            _made(which=lambda pad: 0),
            lambda target, V, pad, eps: _made(rows=False)(target, V, 0, eps) * (target != pad)[:, None],
            lambda target, V, pad, eps: _made(rows=False)(target, V, pad, eps) * (target != 0)[:, None],
        ),
    ),
    Mistake(
        "padding_rows_left",
        "rows of padding are not cleared",
        "Where the word to say is padding, your row is not empty. What should be learned there?",
        (
            _made(rows=False),
            lambda target, V, pad, eps: torch.where(
                (target == pad)[:, None], torch.full((1, V), 1 / V), smooth_labels(target, V, pad, eps)
            ),
        ),
    ),
    Mistake(
        "row_by_number",
        "the row whose number is that of padding",
        "You clear one row, the one with padding's number. How do you find the rows whose word is padding?",
        (_row_by_number,),
    ),
    Mistake(
        "rows_left_out",
        "rows of padding are gone",
        "You hand back fewer rows than there are words to say. What should stand in the rows of padding?",
        (_rows_left_out,),
    ),
    Mistake(
        "not_smoothed",
        "the right word has everything",
        "Your rows are 1 for the right word and 0 for the others, as without smoothing. Where does eps go?",
        (
            _made(others=lambda V, eps: 0.0, right=lambda V, eps: 1.0),
            _made(others=lambda V, eps: 0.0, right=lambda V, eps: 1.0, rows=False, column=False),
        ),
    ),
    Mistake(
        "others_get_nothing",
        "the others get nothing",
        "The right word gives eps away, and nobody gets it. What should a row add up to?",
        (_made(others=lambda V, eps: 0.0),),
    ),
    Mistake(
        "right_gets_nothing",
        "the right word is missing",
        "No entry of yours stands out: the right word has the share of the others, or none. Which line gives it "
        "1 - eps?",
        (
            _made(right=lambda V, eps: eps / (V - 2)),
            _made(right=lambda V, eps: 0.0),
        ),
    ),
    Mistake(
        "right_at_row_number",
        "the large share in another column",
        "The large shares stand on the diagonal: you use the number of the row. Which number says which word is right?",
        (_right_at_row_number,),
    ),
    Mistake(
        "forced_to_one",
        "divided by the sums of the rows",
        "Your rows add up to 1 because you divide them by their sums, and so the right word no longer has 1 - eps. "
        "Which share of the others makes the sum 1 by itself?",
        (_row_sums_forced,),
    ),
    Mistake(
        "fixed_eps",
        "0.1 whatever eps is",
        "Your shares do not change with eps. Where is the argument used?",
        (lambda target, V, pad, eps: smooth_labels(target, V, pad, 0.1),),
    ),
    Mistake(
        "logarithms",
        "logarithms of the shares",
        "Your entries are logarithms. What is asked for is shares, which add up to 1: who takes the logarithm, and of "
        "what?",
        (_after(lambda t: t.log()), _after(lambda t: -t.log()), _after(lambda t: (t + 1e-9).log())),
    ),
    Mistake(
        "words_down",
        "(V, N)",
        "Your rows are words and your columns places. Which axis comes first?",
        (_after(lambda t: t.mT.contiguous()),),
    ),
    Mistake(
        "whole_numbers",
        "whole numbers",
        "Your shares are cut off behind the point. Which type has the tensor that you write into?",
        (_after(lambda t: t.long()), _after(lambda t: t.long().to(t.dtype))),
    ),
    Mistake(
        "one_row_only",
        "one row only",
        "Only one of your rows is filled. How far in does the line with return stand?",
        (
            _after(lambda t: torch.cat([t[:1], torch.zeros_like(t[1:])])),
            _after(lambda t: torch.cat([torch.zeros_like(t[:-1]), t[-1:]])),
        ),
    ),
    Mistake(
        "writes_into_target",
        "changes what was handed in",
        "After the call the words to say are others. Which of your lines writes into target?",
        (_writes,),
    ),
)


def _column_moved(target: Tensor, V: int, pad: int, eps: float, by: int) -> Tensor:
    targets = _made(column=False)(target, V, pad, eps)
    targets[:, (pad + by) % V] = 0
    return targets
