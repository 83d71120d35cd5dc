"""Scaled dot-product attention, twice (explicit and fused), and multi-head attention on top of it."""

import math
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.errors import CourseError
from course.model.masks import require_mask, scores_shape


class AttentionFunction(Protocol):
    """Anything that attends as `attention` does: (q, k, v, mask) -> (output, weights)."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Shapes and masks as in `attention`."""
        ...


def attention(
    q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Match, scale, softmax, mix: the explicit path (Vaswani et al. 2017, equation 1).

    q (..., Tq, d_k), k (..., Tk, d_k), v (..., Tk, d_v); mask boolean, True = may attend, broadcastable to
    (..., Tq, Tk). Returns the output (..., Tq, d_v) and the weights (..., Tq, Tk); a query that may attend
    to nothing gets zero weights and a zero output, in the gradient too. dropout thins the weights used.
    Raises `CourseError` for a mask that is not boolean or does not fit.
    """
    if mask is not None:
        require_mask(mask, q, scores_shape(q, k))
    scores = q @ k.transpose(-2, -1)  # 1 match
    scores = scores / math.sqrt(q.shape[-1])  # 2 scale
    if mask is None:
        weights = scores.softmax(dim=-1)  # 3 softmax
    else:
        # The lowest finite number instead of -inf: a row of -inf alone would give 0/0. Such a row's
        # uniform weights are then set to zero together with all the other forbidden ones.
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    used = F.dropout(weights, dropout) if dropout else weights
    return used @ v, weights  # 4 mix


def fused_attention(
    q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None, causal: bool = False, dropout: float = 0.0
) -> Tensor:
    """The same output from torch's fused kernels, without the weights. Shapes and masks as in `attention`.

    causal adds the causal mask without building it where there is no other mask.
    Raises `CourseError` for a mask that is not boolean or does not fit.
    """
    if causal and mask is not None:
        mask, causal = with_causal(mask, q, k), False
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=causal)
    require_mask(mask, q, scores_shape(q, k))
    mask = torch.atleast_2d(mask)  # the kernels want both axes of a (Tk,) mask
    # Kernels differ in what an empty row gives (0 or NaN): let such a row attend everywhere, then drop it.
    nonempty = mask.any(dim=-1, keepdim=True)
    if mask.device.type == "cpu" and nonempty.all():  # cheap to know on a CPU; a GPU would have to wait for it
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    output = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~nonempty, dropout_p=dropout)
    return torch.where(nonempty, output, 0.0)


def explicit_is_faster(q: Tensor) -> bool:
    """Whether a model trains faster on `attention` than on `fused_attention`: on a CPU, while gradients are recorded.

    torch's kernel saves memory, not time, on sentences: in bfloat16 its backward pass takes about ten times as long as
    that of plain operations (torch 2.13; findings/torch_fused_attention_trains_slower.sh), half of a training step.
    """
    return q.device.type == "cpu" and torch.is_grad_enabled()


def with_causal(mask: Tensor | None, q: Tensor, k: Tensor) -> Tensor:
    """The mask that also hides the future: query t of q (..., Tq, d) may attend to keys 0..t of k (..., Tk, d).

    Raises `CourseError` for a mask that is not boolean or does not fit.
    """
    if mask is not None:
        require_mask(mask, q, scores_shape(q, k))
    causal = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).tril()
    return causal if mask is None else mask & causal


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(B, T, d) -> (B, H, T, d / H): each head takes its own run of neighboring columns."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(B, H, T, d_head) -> (B, T, H * d_head): the inverse of `split_heads`."""
    return x.transpose(1, 2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """n_heads attentions side by side on slices of the width (Vaswani et al. 2017, section 3.2.2).

    The three input projections are stacked in one matrix, rows q, k, v, each d x d, as in torch's
    `nn.MultiheadAttention`; self-attention then needs one product for all three.
    """

    def __init__(self, d_model: int, n_heads: int, *, dropout: float = 0.0, bias: bool = True):
        if n_heads < 1 or d_model < n_heads or d_model % n_heads:
            raise CourseError(
                f"d_model {d_model} cannot be split among {n_heads} heads: choose n_heads that divides it."
            )
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.function: AttentionFunction | None = None  # another attention to run on: a learner's own
        self.in_proj = nn.Linear(d_model, 3 * d_model, bias=bias)
        self.out_proj = nn.Linear(d_model, d_model, bias=bias)
        for block in self.in_proj.weight.detach().chunk(3):  # q, k and v are three matrices, not one tall one
            nn.init.xavier_uniform_(block)
        nn.init.xavier_uniform_(self.out_proj.weight)
        if bias:
            nn.init.zeros_(self.in_proj.bias)
            nn.init.zeros_(self.out_proj.bias)

    def project_self(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of one sequence: (B, T, d) -> three of (B, H, T, d_head)."""
        q, k, v = (split_heads(part, self.n_heads) for part in self.in_proj(x).chunk(3, dim=-1))
        return q, k, v

    def project_queries(self, x: Tensor) -> Tensor:
        """(B, Tq, d) -> (B, H, Tq, d_head)."""
        d = x.shape[-1]
        bias = None if self.in_proj.bias is None else self.in_proj.bias[:d]
        return split_heads(F.linear(x, self.in_proj.weight[:d], bias), self.n_heads)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of what is attended to: (B, Tk, d) -> two of (B, H, Tk, d_head)."""
        d = memory.shape[-1]
        bias = None if self.in_proj.bias is None else self.in_proj.bias[d:]
        kv = F.linear(memory, self.in_proj.weight[d:], bias)
        k, v = (split_heads(part, self.n_heads) for part in kv.chunk(2, dim=-1))
        return k, v

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend in every head and merge the heads.

        q, k, v: (B, H, T, d_head). Returns the output (B, Tq, d), and the weights (B, H, Tq, Tk) if asked.
        """
        dropout = self.dropout if self.training else 0.0
        if self.function is None and not return_weights and not explicit_is_faster(q):
            output = fused_attention(q, k, v, mask=mask, causal=causal, dropout=dropout)
            return self.out_proj(merge_heads(output)), None
        if causal:
            mask = with_causal(mask, q, k)
        if mask is not None and self.function is not None:  # a learner's own may take what it should not
            require_mask(mask, q, scores_shape(q, k))
        explicit = self.function or partial(attention, dropout=dropout)
        output, weights = explicit(q, k, v, mask=mask)
        return self.out_proj(merge_heads(output)), weights if return_weights else None

    def forward(
        self,
        x_q: Tensor,
        x_kv: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """x_q (B, Tq, d) attends to x_kv (B, Tk, d), or to itself where that is None.

        mask: boolean, True = may attend, broadcastable to (B, H, Tq, Tk). Returns the output (B, Tq, d) and,
        if asked, the weights (B, H, Tq, Tk), else None.
        """
        if x_kv is None:
            q, k, v = self.project_self(x_q)
        else:
            q, (k, v) = self.project_queries(x_q), self.project_memory(x_kv)
        return self.attend(q, k, v, mask=mask, causal=causal, return_weights=return_weights)
