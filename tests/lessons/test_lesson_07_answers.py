"""Lesson 07: answers as learners write them, right ones and wrong ones. They share nothing with the bank."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from course.lab.exercises import diagnose, get  # noqa: E402
from course.lessons.lesson_07.exercises import EXERCISES  # noqa: E402
from course.lessons.lesson_07.mistakes.stacking import handed_out  # noqa: E402

INF = float("inf")

# --- torch_attention: right answers -------------------------------------------------------------------------------


def attention_filled_with_infinity(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF)
    w = torch.nan_to_num(F.softmax(scores, dim=-1))
    return w @ v, w


def attention_by_where(q, k, v, mask=None):
    s = torch.matmul(q, torch.swapaxes(k, -1, -2)) * q.shape[-1] ** -0.5
    if mask is None:
        w = torch.softmax(s, -1)
    else:
        w = torch.softmax(torch.where(mask, s, torch.finfo(s.dtype).min), -1) * mask
    return torch.matmul(w, v), w


def attention_by_einsum(q, k, v, mask=None):
    s = torch.einsum("...qd,...kd->...qk", q, k) / q.shape[-1] ** 0.5
    if mask is None:
        mask = torch.ones_like(s, dtype=torch.bool)
    top = s.masked_fill(~mask, -INF).amax(-1, keepdim=True)
    top = torch.where(top.isfinite(), top, torch.zeros_like(top))
    e = torch.exp(torch.where(mask, s - top, torch.full_like(s, -INF)))
    total = e.sum(-1, keepdim=True)
    w = e / torch.where(total > 0, total, torch.ones_like(total))
    return torch.einsum("...qk,...kd->...qd", w, v), w


def attention_with_empty_rows_opened(q, k, v, mask=None):
    scores = q @ k.mT / math.sqrt(k.shape[-1])
    if mask is None:
        w = scores.softmax(dim=-1)
        return w @ v, w
    some = mask.any(dim=-1, keepdim=True)
    w = scores.masked_fill(~(mask | ~some), -INF).softmax(dim=-1)
    w = w * some
    return w @ v, w


def attention_query_by_query(q, k, v, mask=None):
    outputs, weights = [], []
    for i in range(q.shape[-2]):
        s = (q[..., i : i + 1, :] * k).sum(-1) / math.sqrt(q.shape[-1])
        if mask is None:
            w = s.softmax(-1)
        else:
            row = mask[..., i, :] if mask.shape[-2] > 1 else mask[..., 0, :]
            w = s.masked_fill(~row, torch.finfo(s.dtype).min).softmax(-1) * row
        weights.append(w)
        outputs.append((w[..., None] * v).sum(-2))
    return torch.stack(outputs, dim=-2), torch.stack(weights, dim=-2)


ATTENTIONS = (
    attention_filled_with_infinity,
    attention_by_where,
    attention_by_einsum,
    attention_with_empty_rows_opened,
    attention_query_by_query,
)

# --- MultiHeadAttention: right answers ----------------------------------------------------------------------------


class OneMapForAll(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.h, self.d = n_heads, d_model
        self.in_proj = nn.Linear(d_model, 3 * d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x_q, x_kv, mask=None):
        weight, bias = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        q, k, v = (F.linear(x, w, b) for x, w, b in zip((x_q, x_kv, x_kv), weight, bias, strict=True))
        q, k, v = (x.unflatten(-1, (self.h, self.d // self.h)).transpose(1, 2) for x in (q, k, v))
        out, _ = attention_by_where(q, k, v, mask)
        return self.out_proj(out.transpose(1, 2).flatten(2))


class MadeInAnotherOrder(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n = n_heads
        self.wo = nn.Linear(d_model, d_model)
        self.wv = nn.Linear(d_model, d_model)
        self.wk = nn.Linear(d_model, d_model)
        self.wq = nn.Linear(d_model, d_model)

    def forward(self, x_q, x_kv, mask=None):
        B, Tq, d = x_q.shape
        Tk = x_kv.size(1)
        q = self.wq(x_q).view(B, Tq, self.n, -1).permute(0, 2, 1, 3)
        k = self.wk(x_kv).view(B, Tk, self.n, -1).permute(0, 2, 1, 3)
        v = self.wv(x_kv).view(B, Tk, self.n, -1).permute(0, 2, 1, 3)
        out = attention_by_einsum(q, k, v, mask)[0]
        return self.wo(out.permute(0, 2, 1, 3).contiguous().view(B, Tq, d))


class HeadByHead(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(d_model, d_model) for _ in range(4))
        self.heads = n_heads

    def forward(self, x_q, x_kv, mask=None):
        q, k, v = (linear(x) for linear, x in zip(self.maps, (x_q, x_kv, x_kv), strict=False))
        out, width = [], q.shape[-1] // self.heads
        for i in range(self.heads):
            at = slice(i * width, (i + 1) * width)
            own = None if mask is None else mask
            if own is not None and own.dim() == 4:
                own = own[:, i] if own.shape[1] > 1 else own[:, 0]
            out.append(attention_by_where(q[..., at], k[..., at], v[..., at], own)[0])
        return self.maps[3](torch.cat(out, dim=-1))


class ByEinsum(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.linears = nn.ModuleDict({name: nn.Linear(d_model, d_model) for name in ("q", "k", "v", "o")})

    def forward(self, x_q, x_kv, mask=None):
        q, k, v = (
            self.linears[n](x).unflatten(-1, (self.n_heads, -1)) for n, x in zip("qkv", (x_q, x_kv, x_kv), strict=True)
        )
        s = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
        if mask is not None:
            s = s.masked_fill(~mask, -INF)
        w = s.softmax(-1).nan_to_num(0.0)
        return self.linears["o"](torch.einsum("bhqk,bkhd->bqhd", w, v).flatten(-2))


class WithTorchsKernel(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))
        self.n_heads = n_heads

    def forward(self, x_q, x_kv, mask=None):
        B, T, d = x_q.shape
        q, k, v = (
            f(x).reshape(B, -1, self.n_heads, d // self.n_heads).transpose(1, 2)
            for f, x in ((self.q, x_q), (self.k, x_kv), (self.v, x_kv))
        )
        some = None if mask is None else mask.any(-1, keepdim=True)
        out = F.scaled_dot_product_attention(q, k, v, None if mask is None else mask | ~some)
        if some is not None:
            out = out * some
        return self.o(out.transpose(1, 2).reshape(B, T, d))


# --- layer_norm: right answers ------------------------------------------------------------------------------------


def norm_by_torch(x, gain, bias, eps=1e-5):
    return F.layer_norm(x, gain.shape, gain, bias, eps)


def norm_by_var(x, gain, bias, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    var = x.var(-1, unbiased=False, keepdim=True)
    return gain * (x - mean) / torch.sqrt(var + eps) + bias


def norm_by_var_mean(x, gain, bias, eps=1e-5):
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, (x - mean) * torch.rsqrt(variance + eps), gain)


def norm_by_sums(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    c = x - x.sum(-1)[..., None] / d
    return c / ((c * c).sum(-1)[..., None] / d + eps) ** 0.5 * gain + bias


def norm_word_by_word(x, gain, bias, eps=1e-5):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        m = row.mean()
        rows.append((row - m) / (((row - m) ** 2).mean() + eps).sqrt() * gain + bias)
    return torch.stack(rows).reshape(x.shape)


def norm_in_a_copy(x, gain, bias, eps=1e-5):
    y = x.clone()
    y = y - y.mean(dim=-1, keepdim=True)
    y = y / y.pow(2).mean(dim=-1, keepdim=True).add(eps).sqrt()
    return y.mul(gain).add(bias)


# --- FeedForward: right answers -----------------------------------------------------------------------------------


class Sequential(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Dropout(dropout), nn.Linear(d_ff, d_model))

    def forward(self, x):
        return self.net(x)


class DroppedBeforeTheBend(nn.Module):
    """The same: the numbers that stay keep their sign."""

    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.a, self.drop, self.b = nn.Linear(d_model, d_ff), nn.Dropout(dropout), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.b(F.relu(self.drop(self.a(x))))


class Functional(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.p = dropout
        self.one, self.two = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.two(F.dropout(torch.clamp(self.one(x), min=0), self.p, training=self.training))


class OwnCoins(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.p = dropout
        self.one, self.two = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x):
        h = torch.maximum(self.one(x), torch.zeros((), dtype=x.dtype))
        if self.training:
            h = h * (torch.rand(h.shape) > self.p) / (1 - self.p)
        return self.two(h)


class BackFirst(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.back = nn.Linear(d_ff, d_model)
        self.there = nn.Linear(d_model, d_ff)
        self.thin = nn.Dropout(p=dropout)

    def forward(self, x):
        h = self.there(x)
        return self.back(self.thin(h * (h > 0)))


# --- residual_block and stack: right answers ----------------------------------------------------------------------


def block_by_steps(x, norm, f, drop):
    y = norm(x)
    y = f(y)
    y = drop(y)
    return x + y


def block_by_add(x, norm, f, drop):
    return torch.add(x, drop(f(norm(x))))


def block_in_a_copy(x, norm, f, drop):
    y = x.clone()
    y += drop(f(norm(x)))
    return y


def block_the_other_way(x, norm, f, drop):
    return drop(f(norm(x))) + x


def block_by_stack(x, norm, f, drop):
    return torch.stack([x, drop(f(norm(x)))]).sum(0)


def stack_by_append(make, n, x):
    layers = nn.ModuleList()
    for _ in range(n):
        layers.append(make())
        x = layers[-1](x)
    return layers, x


def stack_by_index(make, n, x):
    layers = nn.ModuleList([make() for i in range(n)])
    y = x
    for i in range(n):
        y = layers[i](y)
    return layers, y


def stack_by_sequential(make, n, x):
    layers = nn.Sequential(*(make() for _ in range(n)))
    return layers, layers(x)


def stack_by_extend(make, n, x):
    layers = nn.ModuleList()
    layers.extend(make() for _ in range(n))
    for layer in layers.children():
        x = layer(x)
    return layers, x


def stack_by_reduce(make, n, x):
    import functools

    made = [make() for _ in range(n)]
    return nn.ModuleList(made), functools.reduce(lambda y, layer: layer(y), made, x)


RIGHT = {
    "torch_attention": ATTENTIONS,
    "MultiHeadAttention": (OneMapForAll, MadeInAnotherOrder, HeadByHead, ByEinsum, WithTorchsKernel),
    "layer_norm": (
        norm_by_torch,
        norm_by_var,
        norm_by_var_mean,
        norm_by_sums,
        norm_word_by_word,
        norm_in_a_copy,
    ),
    "FeedForward": (Sequential, DroppedBeforeTheBend, Functional, OwnCoins, BackFirst),
    "residual_block": (block_by_steps, block_by_add, block_in_a_copy, block_the_other_way, block_by_stack),
    "stack": (stack_by_append, stack_by_index, stack_by_sequential, stack_by_extend, stack_by_reduce),
}


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- wrong answers ------------------------------------------------------------------------------------------------


def attention(scores="q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5", fill="torch.finfo(s.dtype).min", blocked="~mask",
              softmax="s.softmax(-1)", after="w.masked_fill(~mask, 0.0)", returned="w @ v, w",
              first="pass"):  # fmt: skip
    """A `torch_attention` from its lines."""
    text = f"""
def torch_attention(q, k, v, mask=None):
    {first}
    s = {scores}
    if mask is not None:
        s = s.masked_fill({blocked}, {fill})
    w = {softmax}
    if mask is not None:
        w = {after}
    return {returned}
"""
    space = {"torch": torch, "F": F, "math": math}
    exec(text, space)
    return space["torch_attention"]


def norm(mean="x.mean(-1, keepdim=True)", variance="((x - m) ** 2).mean(-1, keepdim=True)",
         result="(x - m) / torch.sqrt(v + eps) * gain + bias"):  # fmt: skip
    """A `layer_norm` from its lines."""
    space = {"torch": torch, "F": F}
    exec(f"def layer_norm(x, gain, bias, eps=1e-5):\n    m = {mean}\n    v = {variance}\n    return {result}\n", space)
    return space["layer_norm"]


def heads(made="nn.Linear(d, d)", q="self.q(x_q)", k="self.k(x_kv)", v="self.v(x_kv)",
          split="x.reshape(B, -1, self.h, d // self.h).transpose(1, 2)", n="h",
          attend="torch_attention(q, k, v, mask)[0]", merge="out.transpose(1, 2).reshape(B, -1, d)",
          returned="self.o(out)"):  # fmt: skip
    """A `MultiHeadAttention` from its lines."""
    text = f"""
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        d, h = d_model, n_heads
        self.h = {n}
        self.q, self.k, self.v, self.o = {made}, {made}, {made}, {made}

    def forward(self, x_q, x_kv, mask=None):
        B, Tq, d = x_q.shape
        q, k, v = {q}, {k}, {v}
        q, k, v = ({split} for x in (q, k, v))
        out = {attend}
        out = {merge}
        return {returned}
"""
    space = {"torch": torch, "nn": nn, "F": F, "math": math, "np": np, "torch_attention": attention_by_where}
    exec(text, space)
    return space["MultiHeadAttention"]


def network(one="nn.Linear(d_model, d_ff)", two="nn.Linear(d_ff, d_model)", drop="nn.Dropout(dropout)",
            returned="self.two(self.drop(torch.relu(self.one(x))))"):  # fmt: skip
    """A `FeedForward` from its lines."""
    text = f"""
class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.p = dropout
        self.one, self.two, self.drop = {one}, {two}, {drop}

    def forward(self, x):
        return {returned}
"""
    space = {"torch": torch, "nn": nn, "F": F}
    exec(text, space)
    return space["FeedForward"]


class ListOfMaps(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.h = n_heads
        self.linears = [nn.Linear(d_model, d_model).double() for _ in range(4)]

    def forward(self, x_q, x_kv, mask=None):
        B, T, d = x_q.shape
        parts = [f(x) for f, x in zip(self.linears, (x_q, x_kv, x_kv), strict=False)]
        q, k, v = (x.view(B, -1, self.h, d // self.h).transpose(1, 2) for x in parts)
        return self.linears[3](attention_by_where(q, k, v, mask)[0].transpose(1, 2).reshape(B, T, d))


class NoOutput(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.h = n_heads
        self.a, self.b, self.c = (nn.Linear(d_model, d_model) for _ in range(3))

    def forward(self, x_q, x_kv, mask=None):
        B, T, d = x_q.shape
        q, k, v = (
            x.reshape(B, -1, self.h, d // self.h).transpose(1, 2) for x in (self.a(x_q), self.b(x_kv), self.c(x_kv))
        )
        return attention_by_where(q, k, v, mask)[0].transpose(1, 2).reshape(B, T, d)


class PlainList(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.layers = [nn.Linear(d_model, d_ff).double(), nn.Linear(d_ff, d_model).double()]
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.layers[1](self.drop(self.layers[0](x).relu()))


def stack_with_return_in_the_loop(make, n, x):
    layers = nn.ModuleList([make() for _ in range(n)])
    for layer in layers:
        x = layer(x)
        return layers, x
    return layers, x


def stack_in_a_list(make, n, x):
    layers = [make() for _ in range(n)]
    for layer in layers:
        x = layer(x)
    return layers, x


def stack_of_clones(make, n, x):
    first = make()
    layers = nn.ModuleList([copy.deepcopy(first) for _ in range(n)])
    for layer in layers:
        x = layer(x)
    return layers, x


def stack(layers="nn.ModuleList([make() for _ in range(n)])", y="layer(y)", order="layers", returned="layers, y"):
    """A `stack` from its lines."""
    text = f"""
def stack(make, n, x):
    layers = {layers}
    y = x
    for layer in {order}:
        y = {y}
    return {returned}
"""
    space = {"nn": nn}
    exec(text, space)
    return space["stack"]


def block_that_norms_first(x, norm, f, drop):
    x = norm(x)
    return x + drop(f(x))


def block_in_place(x, norm, f, drop):
    x += drop(f(norm(x)))
    return x


class NoSelf(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.h = n_heads
        q, k, v, o = (nn.Linear(d_model, d_model) for _ in range(4))  # noqa: F841

    def forward(self, x_q, x_kv, mask=None):
        B, T, d = x_q.shape
        parts = (self.q(x_q), self.k(x_kv), self.v(x_kv))
        q, k, v = (x.reshape(B, -1, self.h, d // self.h).transpose(1, 2) for x in parts)
        return self.o(attention_by_where(q, k, v, mask)[0].transpose(1, 2).reshape(B, T, d))


class MadeInForward(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.h, self.d = n_heads, d_model

    def forward(self, x_q, x_kv, mask=None):
        B, T, d = x_q.shape
        a, b, c, o = (nn.Linear(self.d, self.d).double() for _ in range(4))
        q, k, v = (x.reshape(B, -1, self.h, d // self.h).transpose(1, 2) for x in (a(x_q), b(x_kv), c(x_kv)))
        return o(attention_by_where(q, k, v, mask)[0].transpose(1, 2).reshape(B, T, d))


class NoSuper(NoSelf):
    def __init__(self, d_model, n_heads):
        self.h = n_heads
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))


class FourNames(NoSelf):
    def __init__(self, d_model, n_heads):
        nn.Module.__init__(self)
        self.h = n_heads
        self.q, self.k, self.v, self.o = [nn.Linear(d_model, d_model)] * 4


class NoReturn(MadeInAnotherOrder):
    def forward(self, x_q, x_kv, mask=None):
        super().forward(x_q, x_kv, mask)


class NetworkWithoutReturn(Sequential):
    def forward(self, x):
        self.net(x)


class NetworkWithoutSelf(nn.Module):
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        one, two, drop = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model), nn.Dropout(dropout)  # noqa: F841

    def forward(self, x):
        return self.two(self.drop(torch.relu(self.one(x))))


class NetworkWithoutSuper(NetworkWithoutSelf):
    def __init__(self, d_model, d_ff, dropout=0.0):
        self.one, self.two, self.drop = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model), nn.Dropout(dropout)


def stack_of_one(make, n, x):
    new = make()
    layers = nn.ModuleList([new for _ in range(n)])
    for layer in layers:
        x = layer(x)
    return layers, x


def norm_with_numpy(x, gain, bias, eps=1e-5):
    m = x.mean(dim=-1, keepdim=True)
    v = ((x - m) ** 2).mean(dim=-1, keepdim=True)
    return (x - m) / np.sqrt(v + eps) * gain + bias


def attention_with_added_fill(fill):
    return attention(blocked="mask & ~mask", softmax=f"(s if mask is None else s + (~mask) * {fill}).softmax(-1)")


# Each with what its message has to say, and must not say.
SLIPS = [
    ("MultiHeadAttention", "not_kept", NoSelf, "Is each Linear made in __init__, and assigned to self?", "plain"),
    ("MultiHeadAttention", "not_kept", MadeInForward, "Is each Linear made in __init__", "plain"),
    ("MultiHeadAttention", "without_super", NoSuper, "Which line comes first in __init__ of Line", "Counted("),
    ("MultiHeadAttention", "no_return", NoReturn, "Does forward return anything?", "numpy array"),
    ("MultiHeadAttention", "axes_never_swapped",
     heads(split="x.reshape(B, -1, self.h, d // self.h)", merge="out.reshape(B, -1, d)"), "(B, H, T, d/H)?", "needs"),
    ("MultiHeadAttention", "tuple_not_unpacked", heads(attend="torch_attention(q, k, v, mask)"),
     "`torch_attention` returns two things", "before the dot"),
    ("MultiHeadAttention", "one_for_all", FourNames, "You own one Linear, under four names", "plain"),
    ("MultiHeadAttention", "view", heads(merge="out.transpose(1, 2).view(B, -1, d)"), "`reshape` copies",
     "sizes differ"),
    ("MultiHeadAttention", "numpy_function", heads(returned="torch.from_numpy(np.tanh(self.o(out).numpy()))"),
     "Which function of numpy", "certain number of heads"),
    ("stack", "F10", stack_of_one, "How often is make called?", "not attempted"),
    ("stack", "make_not_called", stack(layers="nn.ModuleList([make for _ in range(n)])"), "Which parentheses",
     "<locals>"),
    ("layer_norm", "no_keepdim", norm("x.mean(-1)", "((x - m) ** 2).mean(-1)"), "x.mean(dim=-1).shape", "larger?"),
    ("layer_norm", "no_keepdim", norm(variance="((x - m) ** 2).mean(-1)"), "with a column?", "larger?"),
    ("layer_norm", "no_keepdim", norm("x.mean(-1)"), "with a column?", "larger?"),
    ("layer_norm", "no_keepdim", norm(variance="x.var(-1, correction=0)"), "with a column?", "larger?"),
    ("layer_norm", "numpy_function", norm_with_numpy, "Which function of numpy do you call", "detach"),
    ("torch_attention", "numpy_function", attention(softmax="torch.from_numpy(s.numpy()).softmax(-1)"),
     "Which function of numpy", "detach"),
    ("torch_attention", "fill_of_64_bits", attention(fill="-1e9"), "in 16 bits", "overflow"),
    ("torch_attention", "fill_of_64_bits", attention_with_added_fill("-1e9"), "in 16 bits", "up to 1"),
    ("torch_attention", "zero_times_infinity", attention_with_added_fill("torch.finfo(s.dtype).min"), "32 bits",
     "Half"),
    ("FeedForward", "d_ff_four_times", network("nn.Linear(d_model, 4 * d_model)", "nn.Linear(4 * d_model, d_model)"),
     "Which argument have you not used?", "parameters()"),
    ("FeedForward", "no_max_of_each", network(returned="self.two(self.drop(max(0, self.one(x))))"), "every number",
     "needs"),
    ("FeedForward", "no_max_of_each", network(returned="self.two(self.drop(torch.max(0, self.one(x))))"), "two tensors",
     "needs"),
    ("FeedForward", "class_for_function", network(returned="self.two(self.drop(nn.ReLU(self.one(x))))"), "is a class",
     "needs"),
    ("FeedForward", "linears_exchanged", network("nn.Linear(d_ff, d_model)", "nn.Linear(d_model, d_ff)"), "comes first",
     "does that line need"),
    ("FeedForward", "linears_exchanged", network(returned="self.one(self.drop(torch.relu(self.two(x))))"),
     "comes first", "does that line need"),
    ("FeedForward", "number_for_module", network(drop="dropout"), "is a number, the probability", "needs"),
    ("FeedForward", "no_return", NetworkWithoutReturn, "Does forward return anything?", "numpy array"),
    ("FeedForward", "not_kept", NetworkWithoutSelf, "assigned to self?", "plain"),
    ("FeedForward", "without_super", NetworkWithoutSuper, "Which line comes first", "Counted("),
    ("residual_block", "normed_at_both_ends", lambda x, norm, f, drop: norm(x + drop(f(norm(x)))), "on the path?",
     "paper"),
]  # fmt: skip

WRONG = [
    *(slip[:3] for slip in SLIPS),
    ("torch_attention", "A01", attention("q @ k.transpose(-2, -1)")),
    ("torch_attention", "A03", attention("q @ k.transpose(-2, -1) / v.shape[-1] ** 0.5")),
    ("torch_attention", "A07", attention(softmax="s.softmax(-2)")),
    ("torch_attention", "A19", attention(blocked="mask", after="w.masked_fill(mask, 0.0)")),
    ("torch_attention", "A25", attention(blocked="mask & ~mask", after="w")),
    ("torch_attention", "A27", attention(fill="-torch.inf", after="w")),
    ("torch_attention", "uniform_empty_row", attention(after="w")),
    ("torch_attention", "A33", attention(fill="-10.0", after="w")),
    ("torch_attention", "weak_fill_zeroed", attention(fill="-10.0")),
    ("torch_attention", "output_only", attention(returned="w @ v")),
    ("torch_attention", "weights_first", attention(returned="w, w @ v")),
    ("torch_attention", "scale_by_d_k", attention("q @ k.transpose(-2, -1) / q.shape[-1]")),
    ("torch_attention", "nan_replaced", attention("(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5) + (0 if mask is None "
                                                  "else torch.where(mask, 0.0, -torch.inf).to(q.dtype))",
                                                  blocked="mask & ~mask", softmax="s.softmax(-1).nan_to_num(0.0)",
                                                  after="w")),
    ("torch_attention", "graph_cut", attention(returned="(w @ v).detach(), w.detach()")),
    ("torch_attention", "graph_cut", attention(first="q, k, v = q.data, k.data, v.data")),
    ("torch_attention", "weights_cut", attention(softmax="s.softmax(-1).detach()")),
    ("torch_attention", "dropout", attention(after="F.dropout(w.masked_fill(~mask, 0.0), 0.3)",
                                             softmax="F.dropout(s.softmax(-1), 0.3)")),
    ("MultiHeadAttention", "not_registered", ListOfMaps),
    ("MultiHeadAttention", "no_bias", heads(made="nn.Linear(d, d, bias=False)")),
    ("MultiHeadAttention", "no_output_map", NoOutput),
    ("MultiHeadAttention", "C03", heads(split="x.reshape(B, self.h, -1, d // self.h)", merge="out.reshape(B, -1, d)")),
    ("MultiHeadAttention", "C01", heads(split="x.reshape(B, self.h, -1, d // self.h)")),
    ("MultiHeadAttention", "merge_without_swap", heads(merge="out.reshape(B, -1, d)")),
    ("MultiHeadAttention", "interleaved", heads(split="x.unflatten(-1, (-1, self.h)).permute(0, 3, 1, 2)",
                                                merge="out.permute(0, 2, 3, 1).reshape(B, -1, d)")),
    ("MultiHeadAttention", "width_for_number", heads(n="d // h")),
    ("MultiHeadAttention", "one_head", heads(n="1")),
    ("MultiHeadAttention", "fixed_heads", heads(n="3")),
    ("MultiHeadAttention", "C05", heads(returned="out")),
    ("MultiHeadAttention", "C07", heads(v="self.k(x_kv)")),
    ("MultiHeadAttention", "not_projected", heads(v="x_kv")),
    ("MultiHeadAttention", "C09", heads(v="self.v(x_q)", k="self.k(x_q)")),
    ("MultiHeadAttention", "inputs_exchanged", heads(q="self.q(x_kv)", k="self.k(x_q)", v="self.v(x_q)",
                                                     merge="out.transpose(1, 2).flatten(2)")),
    ("MultiHeadAttention", "C17", heads(returned="x_q + self.o(out)")),
    ("MultiHeadAttention", "no_scale", heads(attend="torch_attention(q * q.shape[-1] ** 0.5, k, v, mask)[0]")),
    ("MultiHeadAttention", "scale_by_d_head", heads(attend="torch_attention(q / q.shape[-1] ** 0.5, k, v, mask)[0]")),
    ("MultiHeadAttention", "scale_by_d_model", heads(attend="torch_attention(q / self.h ** 0.5, k, v, mask)[0]")),
    ("MultiHeadAttention", "C15", heads(attend="torch_attention(q, k, v)[0]")),
    ("MultiHeadAttention", "mask_inverted",
     heads(attend="torch_attention(q, k, v, None if mask is None else ~mask)[0]")),
    ("MultiHeadAttention", "empty_row_nan",
     heads(attend="((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~(mask if mask is not None else torch.tensor(True)), "
                  "-torch.inf)).softmax(-1) @ v")),
    ("MultiHeadAttention", "returns_weights_too", heads(returned="(self.o(out), q)")),
    ("MultiHeadAttention", "graph_cut", heads(returned="self.o(out.detach())")),
    ("MultiHeadAttention", "bent", heads(returned="F.relu(self.o(out))")),
    ("layer_norm", "E01", norm("x.mean(0, keepdim=True)", "((x - m) ** 2).mean(0, keepdim=True)")),
    ("layer_norm", "E03", norm("x.mean((-2, -1), keepdim=True)", "((x - m) ** 2).mean((-2, -1), keepdim=True)")),
    ("layer_norm", "E05", norm(result="(x - m) / (v.sqrt() + eps) * gain + bias")),
    ("layer_norm", "unbiased", norm(variance="x.var(-1, keepdim=True)")),
    ("layer_norm", "unbiased_and_outside",
     norm(variance="x.std(-1, keepdim=True)", result="gain * (x - m) / (v + eps) + bias")),
    ("layer_norm", "E07", norm(result="(x - m) / (v + eps) * gain + bias")),
    ("layer_norm", "E09", norm(result="x / torch.sqrt(v + eps) * gain + bias")),
    ("layer_norm", "no_eps", norm(result="(x - m) / torch.sqrt(v) * gain + bias")),
    ("layer_norm", "fixed_eps", norm(result="(x - m) / torch.sqrt(v + 1e-5) * gain + bias")),
    ("layer_norm", "no_gain", norm(result="(x - m) / torch.sqrt(v + eps)")),
    ("layer_norm", "gain_only", norm(result="(x - m) / torch.sqrt(v + eps) * gain")),
    ("layer_norm", "bias_only", norm(result="(x - m) / torch.sqrt(v + eps) + bias")),
    ("layer_norm", "bias_before_gain", norm(result="((x - m) / torch.sqrt(v + eps) + bias) * gain")),
    ("layer_norm", "E11", norm(mean="x.sub_(x.mean(-1, keepdim=True)).mean(-1, keepdim=True)")),
    ("layer_norm", "norm_over_all", norm("x.mean()", "((x - m) ** 2).mean()")),
    ("layer_norm", "mean_of_all", norm(variance="x.var(unbiased=False)")),
    ("layer_norm", "sum_of_squares", norm(variance="((x - m) ** 2).sum(-1, keepdim=True)")),
    ("layer_norm", "statistics_cut", norm(mean="x.detach().mean(-1, keepdim=True)",
                                          variance="((x.detach() - m) ** 2).mean(-1, keepdim=True)")),
    ("layer_norm", "graph_cut", norm(result="((x - m) / torch.sqrt(v + eps) * gain + bias).detach()")),
    ("FeedForward", "not_registered", PlainList),
    ("FeedForward", "no_bias", network(one="nn.Linear(d_model, d_ff, bias=False)")),
    ("FeedForward", "d_ff_ignored", network("nn.Linear(d_model, d_model)", "nn.Linear(d_model, d_model)")),
    ("FeedForward", "no_bend", network(returned="self.two(self.drop(self.one(x)))")),
    ("FeedForward", "bent_at_the_end", network(returned="F.relu(self.two(self.drop(self.one(x))))")),
    ("FeedForward", "another_bend", network(returned="self.two(self.drop(F.gelu(self.one(x))))")),
    ("FeedForward", "path_inside", network(returned="x + self.two(self.drop(F.relu(self.one(x))))")),
    ("FeedForward", "no_dropout", network(returned="self.two(F.relu(self.one(x)))")),
    ("FeedForward", "dropout_at_the_end", network(returned="self.drop(self.two(F.relu(self.one(x))))")),
    ("FeedForward", "dropout_first", network(returned="self.two(F.relu(self.one(self.drop(x))))")),
    ("FeedForward", "always_dropped", network(returned="self.two(F.dropout(F.relu(self.one(x)), self.p))")),
    ("FeedForward", "always_dropped", network(returned="self.two(nn.Dropout(self.p)(F.relu(self.one(x))))")),
    ("FeedForward", "kept_with_p", network(drop="nn.Dropout(1 - dropout)")),
    ("FeedForward", "fixed_dropout", network(drop="nn.Dropout(0.1)")),
    ("FeedForward", "fixed_dropout", network(drop="nn.Dropout()")),
    ("FeedForward", "graph_cut", network(returned="self.two(self.drop(F.relu(self.one(x)))).detach()")),
    ("residual_block", "F01", block_that_norms_first),
    ("residual_block", "F03", lambda x, norm, f, drop: x + norm(drop(f(x)))),
    ("residual_block", "post_norm", lambda x, norm, f, drop: norm(x + drop(f(x)))),
    ("residual_block", "F05", lambda x, norm, f, drop: drop(x + f(norm(x)))),
    ("residual_block", "F07", block_in_place),
    ("residual_block", "F09", lambda x, norm, f, drop: f(norm(x)) + x),
    ("residual_block", "no_norm", lambda x, norm, f, drop: drop(f(x)) + x),
    ("residual_block", "no_path", lambda x, norm, f, drop: drop(f(norm(x)))),
    ("residual_block", "dropout_first", lambda x, norm, f, drop: x + f(drop(norm(x)))),
    ("residual_block", "graph_cut", lambda x, norm, f, drop: x.detach() + drop(f(norm(x)))),
    ("stack", "F12", stack_in_a_list),
    ("stack", "F14", stack_with_return_in_the_loop),
    ("stack", "copied", stack_of_clones),
    ("stack", "last_layer_only", stack(y="layer(x)")),
    ("stack", "n_off_by_one", stack(layers="nn.ModuleList([make() for _ in range(n - 1)])")),
    ("stack", "backward", stack(order="reversed(layers)")),
    ("stack", "path_around_layers", stack(y="y + layer(y)")),
    ("stack", "output_only", stack(returned="y")),
    ("stack", "exchanged", stack(returned="(y, layers)")),
    ("stack", "not_run", stack(returned="(layers, x)")),
    ("stack", "one_layer_short", stack(order="layers[:-1]")),
    ("stack", "graph_cut", stack(y="layer(y.detach())")),
]  # fmt: skip


def _ids(each):
    return each if isinstance(each, str) else ""


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=_ids)
def test_wrong_answers_are_refused_under_their_names_with_their_own_hints(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert {each.id: each.hint for each in get(id).mistakes}[mistake] in found.message


@pytest.mark.parametrize(("id", "mistake", "wrong", "said", "unsaid"), SLIPS, ids=_ids)
def test_a_slip_is_asked_about_in_words_that_fit_it(id, mistake, wrong, said, unsaid):
    message = diagnose(id, wrong).message
    assert said in message
    assert unsaid not in message
    assert message.endswith("?")


def test_a_class_that_always_raises_gets_no_name():
    found = diagnose("MultiHeadAttention", heads(attend="torch_attention(q, k, v, mask)[0].reshape(7, 7, 7, 7)"))
    assert (found.status, found.mistake) == ("failed", None), found.message


def test_a_copy_of_the_colleagues_stack_is_refused_and_an_empty_one_is_not_attempted():
    def empty(make, n, x):
        """Nothing yet."""

    assert diagnose("stack", handed_out).mistake == "F10"
    assert diagnose("stack", empty).status == "not attempted"


# Right shapes, right sums, and right numbers without a gradient.
NOT_ENOUGH = [
    ("torch_attention", attention(softmax="torch.full_like(s, 1 / s.shape[-1])", after="w")),
    ("MultiHeadAttention", heads(returned="out")),
    ("layer_norm", lambda x, gain, bias, eps=1e-5: norm_by_torch(x, gain, bias, eps).flip(-1)),
    ("FeedForward", network(returned="self.two(self.drop(self.one(x)))")),
    ("residual_block", lambda x, norm, f, drop: x + 0 * drop(f(norm(x)))),
    ("stack", stack(y="y")),
]


@pytest.mark.parametrize(("id", "wrong"), NOT_ENOUGH, ids=_ids)
def test_right_shapes_are_not_enough(id, wrong):
    assert diagnose(id, wrong).status == "failed"


def test_no_exercise_was_forgotten():
    ids = {exercise.id for exercise in EXERCISES}
    assert set(RIGHT) == ids == {id for id, *_ in WRONG} == {id for id, *_ in NOT_ENOUGH}
    assert all(len(rights) >= 5 for rights in RIGHT.values())


def test_what_stands_in_the_list_is_what_the_exercise_says():
    for listed in EXERCISES:
        exercise = get(listed.id)
        for name in ("id", "lesson", "title", "signature", "difficulty", "importance", "minutes"):
            assert getattr(listed, name) == getattr(exercise, name), (listed.id, name)


def test_listing_exercises_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys\nfrom course.lab.exercises import all_exercises\n"
        "assert [e.id for e in all_exercises() if e.lesson == 7]\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_messages_show_no_address_and_end_in_a_question():
    broken = [
        ("torch_attention", lambda q, k, v, mask=None: 1 / 0),
        ("layer_norm", lambda x, gain, bias, eps=1e-5: x + 7),
        ("residual_block", lambda x, norm, f, drop: x + 7),
        ("stack", lambda make, n, x: (nn.ModuleList(), x + 7)),
        ("MultiHeadAttention", heads(returned="self.o(out) * 3")),
        ("FeedForward", network(returned="self.two(self.one(x)) + 7")),
    ]
    for id, wrong in broken:
        found = diagnose(id, wrong)
        assert (found.status, found.mistake) == ("failed", None), (id, found.message)
        assert "0x" not in found.message
        assert found.message.endswith("?")


def test_a_numpy_array_is_refused_as_no_tensor():
    def attention_of_numpy(q, k, v, mask=None):
        output, weights = attention_by_where(q, k, v, mask)
        return np.asarray(output), np.asarray(weights)

    found = diagnose("torch_attention", attention_of_numpy)
    assert found.status == "failed"
    assert "tensor" in found.message
