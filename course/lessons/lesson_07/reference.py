"""The encoder's parts in torch: attention and heads, feed-forward, layer norm, residual path, stack.

In the order in which the lesson builds them; each is the answer to an exercise.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Map = Callable[[Tensor], Tensor]  # (B, T, d) -> (B, T, d)


def torch_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Match, scale, softmax, mix (Vaswani et al. 2017, equation 1), in torch: lesson 03's `attention` with a gradient.

    q (..., Tq, d_k), k (..., Tk, d_k), v (..., Tk, d_v). mask: boolean, True = may attend, broadcastable to
    (..., Tq, Tk). Returns the output (..., Tq, d_v) and the weights (..., Tq, Tk); a query that may look at nothing
    gets zeros for both.
    """
    scores = q @ k.transpose(-2, -1)  # 1 match
    scores = scores / q.shape[-1] ** 0.5  # 2 scale
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=-1)  # 3 softmax
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)  # a row without any key would share itself out evenly
    return weights @ v, weights  # 4 mix


class MultiHeadAttention(nn.Module):
    """Attention of n_heads heads (Vaswani et al. 2017, section 3.2.2): lesson 04's, with maps that can be trained."""

    def __init__(self, d_model: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))

    def forward(self, x_q: Tensor, x_kv: Tensor, mask: Tensor | None = None) -> Tensor:
        """x_q (B, Tq, d) looks at x_kv (B, Tk, d); mask broadcastable to (B, H, Tq, Tk). Returns (B, Tq, d)."""
        q, k, v = self.split(self.q(x_q)), self.split(self.k(x_kv)), self.split(self.v(x_kv))  # 1 project, 2 split
        output, _ = torch_attention(q, k, v, mask)  # 3 attend
        merged = output.transpose(1, 2).flatten(2)  # 4 merge
        y: Tensor = self.o(merged)  # 5 mix the heads
        return y

    def split(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, H, T, d / H)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Give each word's vector mean 0 and variance 1, then a gain and a bias of its own (Ba et al. 2016, section 3.1).

    x (..., d), gain (d,), bias (d,). eps stands inside the root, so that a constant vector gives the bias.
    """
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)  # over d, not d - 1
    return (x - mean) / (variance + eps).sqrt() * gain + bias


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between, the same at every position (Vaswani et al. 2017, equation 2)."""

    def __init__(self, d_model: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.widen = nn.Linear(d_model, d_ff)
        self.narrow = nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d). Dropout thins what the ReLU lets through."""
        y: Tensor = self.narrow(self.dropout(self.widen(x).relu()))
        return y


def residual_block(x: Tensor, norm: Map, f: Map, drop: Map) -> Tensor:
    """x + drop(f(norm(x))): the path around a sublayer, pre-norm (Xiong et al. 2020; the paper's is norm(x + f(x))).

    x (B, T, d); norm, f and drop are functions from (B, T, d) to (B, T, d).
    """
    return x + drop(f(norm(x)))


def stack(make: Callable[[], nn.Module], n: int, x: Tensor) -> tuple[nn.ModuleList, Tensor]:
    """n layers, each with weights of its own, one after the other.

    make: returns a new layer at each call. x (B, T, d). Returns the layers, and what they make of x, (B, T, d).
    """
    layers = nn.ModuleList(make() for _ in range(n))
    for layer in layers:
        x = layer(x)
    return layers, x
