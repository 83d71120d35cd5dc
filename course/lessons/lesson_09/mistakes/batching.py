"""Known wrong versions of make_batch, and the question that leads out of each.

Most differ from the right one in one step: which rows are padded, how, or how the masks are made of them. `_batcher` is
the right one with one step replaced; torch is imported when a version runs.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later
from course.lessons.lesson_09.reference import Ids, Pair, make_batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Later("torch")

Row = Callable[[Ids, int, int, int], Ids]  # ids, pad, bos, eos -> a row of the batch
Pad = Callable[[Sequence[Ids], int, int], "Tensor"]  # rows, width of the widest, pad -> a rectangle


def _right(rows: Sequence[Ids], width: int, pad: int) -> "Tensor":
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])


def _left(rows: Sequence[Ids], width: int, pad: int) -> "Tensor":
    return torch.tensor([[pad] * (width - len(row)) + row for row in rows])


def _keys(ids: "Tensor", pad: int) -> "Tensor":
    return (ids != pad)[:, None, None, :]


def _causal(T: int, diagonal: int = 0) -> "Tensor":
    return torch.ones(T, T, dtype=torch.bool).tril(diagonal)


def _source_mask(src: "Tensor", tgt_in: "Tensor", pad: int) -> "Tensor":
    return _keys(src, pad)


def _target_mask(src: "Tensor", tgt_in: "Tensor", pad: int) -> "Tensor":
    return _keys(tgt_in, pad) & _causal(tgt_in.shape[1])


def _ended(ids: Ids, pad: int, bos: int, eos: int) -> Ids:
    return [*ids, eos]


def _begun(ids: Ids, pad: int, bos: int, eos: int) -> Ids:
    return [bos, *ids]


def _both(ids: Ids, pad: int, bos: int, eos: int) -> Ids:
    return [bos, *ids, eos]


def _bare(ids: Ids, pad: int, bos: int, eos: int) -> Ids:
    return list(ids)


def _batcher(
    src: Row = _ended,
    tgt_in: Row = _begun,
    labels: Row = _ended,
    padded: Pad = _right,
    source_mask: Callable[["Tensor", "Tensor", int], "Tensor"] = _source_mask,
    target_mask: Callable[["Tensor", "Tensor", int], "Tensor"] = _target_mask,
    widths: Callable[[int, int, int], tuple[int, int, int]] = lambda s, t, u: (s, t, u),
    fill: Callable[[int], int] = lambda pad: pad,
) -> Function:
    """Return make_batch with a step of another kind."""

    def make_batch(pairs: Sequence[Pair], pad: int, bos: int, eos: int) -> tuple["Tensor", ...]:
        sides = [
            [src(source, pad, bos, eos) for source, _ in pairs],
            [tgt_in(target, pad, bos, eos) for _, target in pairs],
            [labels(target, pad, bos, eos) for _, target in pairs],
        ]
        wide = widths(*(max(map(len, rows)) for rows in sides))
        a, b, c = (padded(rows, width, fill(pad)) for rows, width in zip(sides, wide, strict=True))
        return a, b, c, source_mask(a, b, pad), target_mask(a, b, pad)

    return make_batch


def _after(change: Callable[..., Any]) -> Function:
    return lambda pairs, pad, bos, eos: change(*make_batch(pairs, pad, bos, eos))


def _of_other_pairs(order: Callable[[Sequence[Pair]], Sequence[Pair]]) -> Function:
    return lambda pairs, pad, bos, eos: make_batch(order(pairs), pad, bos, eos)


def _sides_apart(pairs: Sequence[Pair]) -> list[Pair]:
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    return list(zip(sorted(sources, key=len), sorted(targets, key=len), strict=True))


def _cut_to_shortest(rows: Sequence[Ids], width: int, pad: int) -> "Tensor":
    shortest = min(map(len, rows))
    return torch.tensor([row[:shortest] for row in rows])


def _end_in_the_last_column(rows: Sequence[Ids], width: int, pad: int) -> "Tensor":
    return torch.tensor([row[:-1] + [pad] * (width - len(row)) + row[-1:] for row in rows])


def _appended(pairs: Sequence[Pair], pad: int, bos: int, eos: int) -> tuple["Tensor", ...]:
    made = make_batch(pairs, pad, bos, eos)
    for source, target in pairs:
        source.append(eos)
        target.append(eos)
    return made


def _also_hiding(hidden: str) -> Function:
    """Hide a special token from the keys as well."""

    def make(pairs: Sequence[Pair], pad: int, bos: int, eos: int) -> tuple["Tensor", ...]:
        src, tgt_in, labels, src_mask, tgt_mask = make_batch(pairs, pad, bos, eos)
        if hidden == "eos":
            return src, tgt_in, labels, src_mask & (src != eos)[:, None, None, :], tgt_mask
        return src, tgt_in, labels, src_mask, tgt_mask & (tgt_in != bos)[:, None, None, :]

    return make


def _rows_masked_too(src: "Tensor", tgt_in: "Tensor", pad: int) -> "Tensor":
    real = tgt_in != pad
    return (real[:, :, None] & real[:, None, :])[:, None] & _causal(tgt_in.shape[1])


BATCH_ROWS = (
    Mistake(
        "padded_left",
        "padding on the left",
        "Your padding stands before the words. On which side does the text want it?",
        (_batcher(padded=_left),),
    ),
    Mistake(
        "fill_zero",
        "filled up with 0 instead of pad",
        "The padding's id is an argument. Which number do you fill with, and is it that one?",
        (_batcher(fill=lambda pad: 0), _batcher(fill=lambda pad: -100)),
    ),
    Mistake(
        "source_without_end",
        "the source has no EOS",
        "How can the encoder tell where a sentence ends, if its last id is a word's?",
        (_batcher(src=_bare),),
    ),
    Mistake(
        "source_begins",
        "the source has a BOS",
        "BOS is there so that the decoder has something to begin with. Does an encoder need one here?",
        (_batcher(src=_both), _batcher(src=_begun)),
    ),
    Mistake(
        "labels_without_end",
        "the labels have no EOS",
        "After the last word the model is to say that it is done. Which label teaches it that?",
        (_batcher(labels=_bare),),
    ),
    Mistake(
        "no_shift",
        "what goes in is what is to come out",
        "At each position, compare what goes in with what is to come out. If they are the same, what is there to "
        "predict?",
        (_batcher(labels=_begun), _batcher(tgt_in=_ended), _batcher(tgt_in=_both, labels=_both)),
    ),
    Mistake(
        "input_without_begin",
        "the target goes in without BOS",
        "To predict the first word the decoder must be given something. What stands first in your tgt_in?",
        (_batcher(tgt_in=_bare), _batcher(tgt_in=_bare, labels=_bare)),
    ),
    Mistake(
        "end_goes_in",
        "the target goes in with its EOS",
        "After EOS there is nothing to predict. Why does it go into the decoder?",
        (_batcher(tgt_in=_both),),
    ),
    Mistake(
        "begin_among_labels",
        "BOS among the labels",
        "Nobody has to predict BOS, since it is always there. What is the first thing to predict?",
        (_batcher(labels=_both),),
    ),
    Mistake(
        "shifted_the_other_way",
        "shifted the other way",
        "Position 0 of tgt_in and of labels: which of them has the first word, and which one BOS?",
        (_batcher(tgt_in=_ended, labels=_begun),),
    ),
    Mistake(
        "rolled",
        "BOS comes back at the end of the labels",
        "Rolled around, the first id comes back at the end. What should stand behind the last word?",
        (_after(lambda src, tgt_in, labels, a, b: (src, tgt_in, tgt_in.roll(-1, 1), a, b)),),
    ),
    Mistake(
        "end_in_the_last_column",
        "EOS behind the padding",
        "EOS follows the last word at once. Do you add it before you pad, or afterwards?",
        (_batcher(padded=_end_in_the_last_column),),
    ),
    Mistake(
        "begin_and_end_exchanged",
        "BOS and EOS are exchanged",
        "Which id stands before a target, and which one behind? And in which order do they come in as arguments?",
        (lambda pairs, pad, bos, eos: make_batch(pairs, pad, eos, bos),),
    ),
    Mistake(
        "pad_and_end_exchanged",
        "PAD and EOS are exchanged",
        "What ends a sentence, and what fills up the row behind it? In which order do the ids come in?",
        (lambda pairs, pad, bos, eos: make_batch(pairs, eos, bos, pad),),
    ),
    Mistake(
        "one_width_for_all",
        "sources and targets have one width",
        "The encoder and the decoder each have a rectangle of their own. What does the wider one cost the other?",
        (_batcher(widths=lambda s, t, u: (max(s, t, u),) * 3),),
    ),
    Mistake(
        "one_column_too_many",
        "a column of nothing but padding",
        "In which column of yours does no row have a word? How wide is the longest row, its special id included?",
        (_batcher(widths=lambda s, t, u: (s + 1, t + 1, u + 1)),),
    ),
    Mistake(
        "cut_to_the_shortest",
        "long sentences are cut off",
        "Nothing of a sentence may get lost. To which length do you bring the rows, that of the longest or of the "
        "shortest?",
        (_batcher(padded=_cut_to_shortest),),
    ),
    Mistake(
        "sides_apart",
        "the two sides are sorted apart",
        "Row 0 of src and row 0 of tgt_in: are they still a sentence and its translation?",
        (_of_other_pairs(_sides_apart),),
    ),
    Mistake(
        "rows_in_another_order",
        "the pairs come out in another order",
        "The first pair that came in should be row 0. What has changed the order?",
        (
            _of_other_pairs(lambda pairs: sorted(pairs, key=lambda pair: len(pair[0]))),
            _of_other_pairs(lambda pairs: sorted(pairs, key=lambda pair: -len(pair[0]))),
            _of_other_pairs(lambda pairs: sorted(pairs, key=lambda pair: max(map(len, pair)))),
            _of_other_pairs(lambda pairs: list(reversed(pairs))),
        ),
    ),
    Mistake(
        "sides_exchanged",
        "source and target are exchanged",
        "Which half of a pair goes into the encoder?",
        (_of_other_pairs(lambda pairs: [(target, source) for source, target in pairs]),),
    ),
    Mistake(
        "columns_first",
        "a sentence runs down a column",
        "Batch first is the rule: (B, S). Along which axis of yours does a sentence run?",
        (_after(lambda src, tgt_in, labels, a, b: (src.T, tgt_in.T, labels.T, a, b)),),
    ),
    Mistake(
        "appended",
        "the lists that came in have grown",
        "The caller's sentences are longer afterwards. What does append do to the list that it is called on?",
        (_appended,),
    ),
)

BATCH_MASKS = (
    Mistake(
        "masks_inverted",
        "True where nothing may be seen",
        "True means may attend. Which value do your masks have at a word?",
        (
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, ~a, ~b)),
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, ~a, b)),
        ),
    ),
    Mistake(
        "target_sees_ahead",
        "the decoder may look ahead",
        "The label of position 0 stands in tgt_in at position 1. What keeps position 0 from reading it?",
        (
            _batcher(target_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad).expand(-1, -1, tgt_in.shape[1], -1)),
            _batcher(target_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad)),
        ),
    ),
    Mistake(
        "target_sees_padding",
        "the decoder may look at padding",
        "The last rows of a short sentence may see all before them. Are there only words?",
        (
            _batcher(target_mask=lambda src, tgt_in, pad: _causal(tgt_in.shape[1]).expand(len(tgt_in), 1, -1, -1)),
            _batcher(target_mask=lambda src, tgt_in, pad: _causal(tgt_in.shape[1])),
            _batcher(target_mask=lambda src, tgt_in, pad: _causal(tgt_in.shape[1])[None, None]),
        ),
    ),
    Mistake(
        "not_oneself",
        "a position may not see itself",
        "May position 0 see nothing at all? What is on the diagonal of your mask?",
        (_batcher(target_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad) & _causal(tgt_in.shape[1], -1)),),
    ),
    Mistake(
        "backward",
        "the decoder sees the future and not the past",
        "Row 0 is the first position. How many may it see?",
        (_batcher(target_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad) & _causal(tgt_in.shape[1]).T),),
    ),
    Mistake(
        "or_for_and",
        "one of the two rules is enough",
        "A key is allowed if it is no padding AND not in the future. Which of the two signs have you taken?",
        (_batcher(target_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad) | _causal(tgt_in.shape[1])),),
    ),
    Mistake(
        "queries_masked",
        "rows of padding see nothing",
        "A mask says which keys may be seen. Why do your padding's own rows lose theirs?",
        (_batcher(target_mask=_rows_masked_too),),
    ),
    Mistake(
        "mask_of_the_other_side",
        "the mask is made of the other side",
        "src_mask is about the words of the source. Which ids do you compare with pad?",
        (_batcher(source_mask=lambda src, tgt_in, pad: _keys(tgt_in, pad)),),
    ),
    Mistake(
        "end_hidden",
        "EOS or BOS is hidden as well",
        "EOS and BOS are no padding: the model may look at them. What do your masks hide besides PAD?",
        (_also_hiding("eos"), _also_hiding("bos")),
    ),
    Mistake(
        "no_room_for_heads",
        "a mask has no axis for heads or queries",
        "Scores are (B, H, Tq, Tk). Which axes of size 1 do your masks need, to line up with that?",
        (
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, a[:, 0, 0], b[:, 0])),
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, a[:, 0, 0], b)),
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, a[:, 0], b[:, 0])),
            _after(lambda src, tgt_in, labels, a, b: (src, tgt_in, labels, a, b[:, 0])),
        ),
    ),
)

MAKE_BATCH = BATCH_ROWS + BATCH_MASKS
