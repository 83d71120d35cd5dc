"""Lesson 13, attention that is changed by hand: the model itself, its weights set, its heads switched off."""

import pytest
import torch

from course.data import sample
from course.errors import CourseError
from course.lessons.lesson_13.editing import Cell, Edits, Head, attention_of, edited, heads_of, write
from course.model import padding_mask
from course.pretrained import pretrained_translator
from course.special import BOS, EOS, PAD

SENTENCE = "The needle has a sharp point."


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


@pytest.fixture(scope="module")
def untouched(translator):
    return write(translator, SENTENCE)


def off(*heads):
    return Edits(off=frozenset(Head(*head) for head in heads))


def test_without_edits_it_writes_what_greedy_search_writes(translator, untouched):
    for pair in sample(5, split="test_iid", length=(5, 10)):
        (plain,) = translator.translate([pair.source], beam=1)
        assert write(translator, pair.source).text == plain.text
    seen = translator.attention(SENTENCE, untouched.text)
    torch.testing.assert_close(untouched.cross, seen.weights, atol=1e-5, rtol=1e-4)
    assert untouched.pieces == tuple(seen.target_tokens)
    assert untouched.finished
    chosen = [untouched.best(row)[0][0] for row in range(len(untouched.pieces))]
    assert translator.tokenizer.decode(chosen) == untouched.text  # greedy: the best piece everywhere


def test_the_model_is_as_it_was_afterwards_whatever_happens(translator, untouched):
    with pytest.raises(RuntimeError), edited(translator.model, off(("cross", 0, 1))):
        raise RuntimeError
    write(translator, SENTENCE, off(*[("encoder", 0, h) for h in range(4)]))
    assert all(
        attention_of(translator.model, head.kind, head.layer).function is None for head in heads_of(translator.model)
    )
    assert write(translator, SENTENCE).text == untouched.text


def test_a_head_that_is_off_adds_nothing(translator):
    model = translator.model
    src, tgt = torch.tensor([[5, 6, 7, EOS]]), torch.tensor([[BOS, 8, 9]])

    def logits(**how):
        with torch.inference_mode():
            return model(src, tgt, src_mask=padding_mask(src, pad=PAD), **how)

    for kind, layer, head in (("encoder", 1, 2), ("decoder", 0, 3), ("cross", 1, 0)):
        part = attention_of(model, kind, layer)
        kept = part.out_proj.weight.detach().clone()
        width = kept.shape[1] // part.n_heads
        with torch.no_grad():
            part.out_proj.weight[:, head * width : (head + 1) * width] = 0  # what the head writes is multiplied by this
            wanted = logits()
            part.out_proj.weight.copy_(kept)
        with edited(model, off((kind, layer, head))):
            torch.testing.assert_close(logits(), wanted, atol=1e-5, rtol=1e-5)
            _, weights = logits(return_weights=True)
        assert getattr(weights, kind)[layer][:, head].abs().max() == 0


@pytest.mark.parametrize("head", [-1, 2])
def test_a_weight_that_is_set_stands_and_the_rest_shares_what_is_left(translator, untouched, head):
    cell = Cell(layer=1, head=head, row=1, column=0, weight=0.75)
    changed = write(translator, SENTENCE, Edits(cells=(cell,)))
    for h in range(4):
        row, before = changed.cross[1, h, 1], untouched.cross[1, h, 1]
        assert row.sum().item() == pytest.approx(1, abs=1e-5)
        if head in (-1, h):
            assert row[0].item() == pytest.approx(0.75)
            torch.testing.assert_close(row[1:] / row[1:].sum(), before[1:] / before[1:].sum(), atol=1e-5, rtol=1e-3)
        else:
            torch.testing.assert_close(row, before, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(changed.cross[:, :, 0], untouched.cross[:, :, 0], atol=1e-5, rtol=1e-4)


def test_a_row_with_all_its_weight_in_one_place_can_be_changed_too(translator):
    first = Cell(layer=0, head=0, row=0, column=2, weight=1.0)
    then = Cell(layer=0, head=0, row=0, column=2, weight=0.4)
    row = write(translator, SENTENCE, Edits(cells=(first, then))).cross[0, 0, 0]
    assert row[2].item() == pytest.approx(0.4)
    others = torch.cat([row[:2], row[3:]])
    torch.testing.assert_close(others, torch.full_like(others, 0.6 / len(others)))


def test_writing_step_by_step_and_the_whole_pass_are_changed_alike(translator):
    """The pieces that are written with a cache are those that the whole pass finds most probable."""
    edits = Edits(
        off=frozenset({Head("encoder", 0, 1), Head("decoder", 1, 2)}),
        cells=(Cell(1, -1, 1, 0, 0.9), Cell(1, -1, 3, 6, 0.8), Cell(0, 2, 2, 5, 0.7)),
    )
    changed = write(translator, SENTENCE, edits)
    for row, piece in enumerate(changed.pieces):
        assert translator.tokenizer.tokens([changed.best(row)[0][0]]) == [piece]


def test_all_heads_that_look_at_the_source_off_makes_nonsense(translator, untouched):
    every = [head for head in heads_of(translator.model) if head.kind == "cross"]
    assert write(translator, SENTENCE, Edits(off=frozenset(every))).text != untouched.text
    assert len(heads_of(translator.model)) == 24


def test_what_is_not_there_is_refused(translator):
    with pytest.raises(CourseError, match=r"Head\(kind='cross', layer=2, head=0\): this model has 2 layers"):
        write(translator, SENTENCE, off(("cross", 2, 0)))
    with pytest.raises(CourseError, match="no layer 0 with head 4"):
        write(translator, SENTENCE, Edits(cells=(Cell(0, 4, 0, 0, 0.5),)))
    with pytest.raises(CourseError, match="a weight is 0 to 1"):
        write(translator, SENTENCE, Edits(cells=(Cell(0, 0, 0, 0, 1.5),)))
