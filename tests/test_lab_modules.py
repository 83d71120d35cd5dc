"""Weights copied into modules of any layout, what a check sees of a class, and functions on tensors."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn

from course.lab.exercises import Case, Exercise, Mistake, climb, modules, workbook
from course.lab.exercises.exercise import Module
from course.lab.exercises.gradients import same_gradients
from course.lab.exercises.modules import Made, copy_weights, map_between, observing
from course.lessons.lesson_07 import reference as seven
from course.lessons.lesson_08 import reference as eight
from course.model import Transformer, TransformerConfig

SIZES = {"d_model": 8, "n_heads": 2}
HINTS = ("What?", "Look.", "x = ...")


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def _two_sides():
    mask = np.ones((2, 1, 3, 5), dtype=bool)
    mask[1, :, :, 3:] = False
    mask[0, 0, 1] = False
    return Made(SIZES), _numbers(2, 3, 8, seed=1), _numbers(2, 5, 8, seed=2), mask


class NoOutput(seven.MultiHeadAttention):
    """A version of the bank: the heads are merged and not mixed."""

    def forward(self, x_q, x_kv, mask=None):
        parts = (self.split(f(x)) for f, x in ((self.q, x_q), (self.k, x_kv), (self.v, x_kv)))
        output, _ = seven.torch_attention(*parts, mask)
        return output.transpose(1, 2).flatten(2)


HEADS = Exercise(
    id="MultiHeadAttention", lesson=99, title="Heads", signature="(d_model, n_heads)", hints=HINTS,
    reference=seven.MultiHeadAttention, observe=observing(seven.MultiHeadAttention),
    module=Module(("d_model", "n_heads"), {"forward": ("x_q", "x_kv", "mask")}),
    cases=(Case("two sentences", _two_sides, "Which map is missing?"),),
    mistakes=(Mistake("not-mixed", "heads not mixed", "What happens after merging?", (NoOutput,)),),
    argument_names=("module", "x_q", "x_kv", "mask"), result_names=("output",), difficulty=1, importance=1, minutes=1,
)  # fmt: skip

LAYER = Exercise(
    id="EncoderLayer", lesson=99, title="Layer", signature="(d_model, n_heads, d_ff, dropout=0.0)", hints=HINTS,
    reference=eight.EncoderLayer, observe=observing(eight.EncoderLayer),
    module=Module(("d_model", "n_heads", "d_ff", "dropout"), {"forward": ("x", "mask")}),
    cases=(
        Case("two sentences", lambda: (Made({**SIZES, "d_ff": 20, "dropout": 0.0}), _numbers(2, 3, 8), None), "Which?"),
    ),
    mistakes=(), argument_names=("module", "x", "mask"), result_names=("output",),
    difficulty=1, importance=1, minutes=1,
)  # fmt: skip


def heads(x, n):
    return x.unflatten(-1, (n, -1)).transpose(1, 2)


class OtherOrder(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n = n_heads
        self.last = nn.Linear(d_model, d_model)
        self.values = nn.Linear(d_model, d_model)
        self.asks = nn.Linear(d_model, d_model)
        self.answers = nn.Linear(d_model, d_model)

    def forward(self, x_q, x_kv, mask=None):
        parts = (heads(f(x), self.n) for f, x in ((self.asks, x_q), (self.answers, x_kv), (self.values, x_kv)))
        output, _ = seven.torch_attention(*parts, mask)
        return self.last(output.transpose(1, 2).flatten(2))


class Stacked(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n = n_heads
        self.qkv, self.out = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)

    def forward(self, x_q, x_kv, mask=None):
        q = self.qkv(x_q).chunk(3, -1)[0]
        _, k, v = self.qkv(x_kv).chunk(3, -1)
        output, _ = seven.torch_attention(heads(q, self.n), heads(k, self.n), heads(v, self.n), mask)
        return self.out(output.transpose(1, 2).flatten(2))


def _layer(attention):
    class Written(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.norm2, self.norm1 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
            self.think = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
            self.look = attention(d_model, n_heads)
            self.drop = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            y = self.norm1(x)
            x = x + self.drop(self.look(y, y, mask))
            return x + self.drop(self.think(self.norm2(x)))

    return Written


@pytest.mark.parametrize("cls", [seven.MultiHeadAttention, OtherOrder, Stacked])
def test_any_layout_of_a_right_class_passes(cls):
    found = climb(HEADS, cls)
    assert found.status == "passed", found.message


@pytest.mark.parametrize("attention", [seven.MultiHeadAttention, OtherOrder, Stacked])
def test_a_layer_of_classes_with_layouts_of_their_own_passes(attention):
    climb(HEADS, attention)  # as in the lessons, where the attention is checked first
    found = climb(LAYER, _layer(attention))
    assert found.status == "passed", found.message


def test_a_known_mistake_of_a_class_is_named():
    class Mine(seven.MultiHeadAttention):
        def __init__(self, d_model, n_heads):
            super().__init__(d_model, n_heads)
            self.n, self.answers, self.asks, self.values = n_heads, self.q, self.k, self.v

        def forward(self, x_q, x_kv, mask=None):
            parts = (heads(f(x), self.n) for f, x in ((self.answers, x_q), (self.asks, x_kv), (self.values, x_kv)))
            output, _ = seven.torch_attention(*parts, mask)
            return output.transpose(1, 2).flatten(2)

    found = climb(HEADS, Mine)
    assert (found.status, found.mistake) == ("failed", "not-mixed")


def test_right_numbers_without_gradients_do_not_pass():
    class Frozen(OtherOrder):
        def forward(self, x_q, x_kv, mask=None):
            with torch.no_grad():
                return super().forward(x_q, x_kv, mask)

    found = climb(HEADS, Frozen)
    assert found.status == "failed"
    assert "the gradient of the arguments" in found.message


class Blank(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        ...

    def forward(self, x_q, x_kv, mask=None):
        raise NotImplementedError


class NotReturned(OtherOrder):
    def forward(self, x_q, x_kv, mask=None):
        super().forward(x_q, x_kv, mask)


class OtherNames(OtherOrder):
    def forward(self, x_q, x_kv, allowed=None):
        return super().forward(x_q, x_kv, allowed)


class Mistyped(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()

    def foward(self, x_q, x_kv, mask=None):
        return x_q


class NeverMade(nn.Module):
    def _init_(self, d_model, n_heads):
        super().__init__()

    def forward(self, x_q, x_kv, mask=None):
        return x_q


class Pair(OtherOrder):
    def forward(self, x_q, x_kv, mask=None):
        return super().forward(x_q, x_kv, mask), None


@pytest.mark.parametrize(
    ("candidate", "status", "words"),
    [
        (Blank, "not attempted", "The class is still empty"),
        (None, "not attempted", "nothing here yet"),
        (NotReturned, "failed", "begin with return"),
        (OtherNames, "failed", "forward should take (self, x_q, x_kv, mask), and yours takes (self, x_q, x_kv, allo"),
        (Mistyped, "failed", "one without a method forward.\n  Under which name did you write it"),
        (NeverMade, "failed", "one without a method __init__.\n  Under which name did you write it"),
        (Pair, "failed", "the output should be a torch tensor, and it is of type tuple"),
        (OtherOrder(8, 2), "failed", "an instance instead of the class"),
        (lambda d_model, n_heads: None, "failed", "of type function"),
        (int, "failed", "no torch module"),
    ],
)
def test_what_is_no_such_class_is_told(candidate, status, words):
    found = climb(HEADS, candidate)
    assert found.status == status
    assert words in found.message


def test_the_reference_and_the_translator_that_ships_are_one_model():
    config = TransformerConfig(
        50, 50, d_model=8, n_heads=2, d_ff=24, n_encoder_layers=2, n_decoder_layers=3, tie="all", dropout=0.0
    )
    theirs = Transformer(config).double().eval()
    mine = eight.Transformer(50, 8, 2, 24, 2).double().eval()
    assert not copy_weights(theirs, mine), "a decoder layer too many has no place"
    config = TransformerConfig(
        50, 50, d_model=8, n_heads=2, d_ff=24, n_encoder_layers=2, n_decoder_layers=2, tie="all", dropout=0.0
    )
    theirs = Transformer(config).double().eval()
    assert copy_weights(theirs, mine)
    rng = np.random.default_rng(3)
    src, tgt = (torch.from_numpy(rng.integers(4, 50, shape)) for shape in ((2, 5), (2, 6)))
    src_mask = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    src_mask[1, ..., 3:] = False
    left, right = theirs(src, tgt, src_mask=src_mask), mine(src, tgt, src_mask)
    assert torch.allclose(left, right, atol=1e-12)
    for logits in (left, right):
        logits.logsumexp(-1).sum().backward()
    for a, b in map_between(theirs, mine).gradients():
        assert torch.allclose(a, b, atol=1e-10)


def test_maps_are_told_apart_from_stacks_of_maps():
    """A feed-forward of twice the width is one map where the reference has such a map."""
    whole = frozenset({(16, 8), (8, 16)})
    feed_forward = seven.FeedForward(8, 16)
    assert [part.shape for part in modules.parts(feed_forward, whole)] == [(16, 8), (8, 16)]
    assert [part.shape for part in modules.parts(Stacked(8, 2))] == [(8, 8)] * 4


# --- functions on tensors -----------------------------------------------------------------------------------------


def _norm_case():
    return _numbers(2, 3, 4), 1 + _numbers(4, seed=5), _numbers(4, seed=6), 0.1


def _outside(x, gain, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, correction=0) + eps) * gain + bias


NORM = Exercise(
    id="norm", lesson=99, title="Norm", signature="(x, gain, bias, eps) -> y", hints=HINTS, tensors=True,
    reference=seven.layer_norm, cases=(Case("three words", _norm_case, "Where does eps stand?"),),
    properties=(same_gradients(seven.layer_norm, _norm_case, ("x", "gain", "bias", "eps")),),
    mistakes=(
        Mistake("eps-outside", "eps outside", "Is eps inside the root?", (_outside,)),
    ),
    argument_names=("x", "gain", "bias", "eps"), argument_dims={"x": "B T d"}, result_names=("y",),
    result_dims={"y": "B T d"}, difficulty=1, importance=1, minutes=1,
)  # fmt: skip


def torchs(x, gain, bias, eps):
    return nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)


def outside(x, gain, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0).sqrt() + eps) * gain + bias


def in_numpy(x, gain, bias, eps):
    return torchs(x, gain, bias, eps).numpy()


def without_gain_s_gradient(x, gain, bias, eps):
    return torchs(x, gain.detach(), bias, eps)


def variance_left_out(x, gain, bias, eps):
    mean = x.mean(-1, keepdim=True)
    scale = (x.var(-1, keepdim=True, correction=0) + eps).sqrt().detach()
    return (x - mean) / scale * gain + bias


def in_place(x, gain, bias, eps):
    x -= x.mean(-1, keepdim=True)
    return x / (x.var(-1, keepdim=True, correction=0) + eps).sqrt() * gain + bias


@pytest.mark.parametrize(
    ("function", "status", "mistake", "words"),
    [
        (torchs, "passed", None, "agrees with the reference"),
        (outside, "failed", "eps-outside", "inside the root"),
        (in_numpy, "failed", None, "y should be a torch tensor, and it is of type ndarray"),
        (without_gain_s_gradient, "failed", None, "no gradient reaches gain"),
        (variance_left_out, "failed", None, "the gradient of x is not"),
        (in_place, "failed", None, "changed its own argument x: the caller's tensor"),
    ],
)
def test_functions_on_tensors_are_checked_like_those_on_arrays(function, status, mistake, words):
    found = climb(NORM, function)
    assert (found.status, found.mistake) == (status, mistake), found.message
    assert words in found.message


def test_a_check_records_gradients_where_the_notebook_does_not():
    torch.set_grad_enabled(False)
    try:
        assert climb(NORM, torchs).status == "passed"
        assert climb(HEADS, OtherOrder).status == "passed"
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)


# --- the workbook -------------------------------------------------------------------------------------------------


NOTEBOOK = """
import torch
from torch import nn
from course.lessons.lesson_07.reference import torch_attention

ROOT = 0.5

class Mixer(nn.Linear):
    def forward(self, x):
        return super().forward(x)

def split(x, n):
    return x.unflatten(-1, (n, -1)).transpose(1, 2)

class MultiHeadAttention(nn.Module):
    '''Heads.'''

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n = n_heads
        self.q, self.k, self.v = (nn.Linear(d_model, d_model) for _ in range(3))
        self.o = Mixer(d_model, d_model)

    def forward(self, x_q, x_kv, mask=None):
        q, k, v = (split(f(x), self.n) for f, x in ((self.q, x_q), (self.k, x_kv), (self.v, x_kv)))
        output, _ = torch_attention(q, k, v, mask)
        return self.o(output.transpose(1, 2).flatten(2))
"""


def _from_a_cell(text, name):
    """What a notebook's cell defines: it has no module, and its lines lie in the cache as IPython's do."""
    import linecache

    linecache.cache["<cell 7>"] = (len(text), None, text.splitlines(keepends=True), "<cell 7>")
    namespace = {"__name__": "__main__"}
    exec(compile(text, "<cell 7>", "exec"), namespace)
    return namespace[name]


def test_a_class_is_kept_with_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path))
    monkeypatch.setattr(workbook, "get", lambda id: HEADS)
    reasons = []
    assert workbook.keep("MultiHeadAttention", _from_a_cell(NOTEBOOK, "MultiHeadAttention"), reasons.append), reasons
    text = (tmp_path / "MultiHeadAttention.py").read_text()
    assert "class Mixer(nn.Linear)" in text
    assert "def split(x, n)" in text
    assert "import torch.nn as nn" in text
    assert "ROOT" not in text
    said = []
    piece = workbook.load("MultiHeadAttention", said.append)
    assert said == ["MultiHeadAttention: yours"]
    assert climb(HEADS, piece).status == "passed"
    assert workbook.keep("MultiHeadAttention", piece, reasons.append), reasons  # kept again from what was loaded


def test_a_layer_with_a_copy_of_an_attention_of_another_order_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path))
    monkeypatch.setattr(workbook, "get", lambda id: LAYER)
    for _ in range(2):  # in the lesson that checked the attention, and in a kernel that has checked nothing
        reasons = []
        assert workbook.keep("EncoderLayer", _layer(OtherOrder), reasons.append), reasons
        monkeypatch.setattr(modules, "_ORDERS", weakref.WeakKeyDictionary())
        said = []
        assert climb(LAYER, workbook.load("EncoderLayer", said.append)).status == "passed"
        assert said == ["EncoderLayer: yours"]


def test_a_forgotten_call_of_the_parent_is_asked_for():
    class Forgot(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            self.drop = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            return self.drop(x)

    assert climb(LAYER, Forgot).message.endswith("Which line must come first in __init__?")


def test_the_look_inside_changes_no_order_of_torch_and_decides_nothing_about_a_wrong_class(monkeypatch):
    class Wrong(OtherOrder):
        def forward(self, x_q, x_kv, mask=None):
            return super().forward(x_kv, x_kv, mask) + 1

    monkeypatch.setattr(modules, "_ORDERS", weakref.WeakKeyDictionary())
    layer = _layer(Wrong)
    assert climb(LAYER, layer).status == "failed"
    assert dict(modules._ORDERS) == {layer: ()}
