"""Feed-forward, residual with its norm, encoder and decoder layers, and stacks of them."""

from collections.abc import Callable, Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from course.model.attention import MultiHeadAttention
from course.model.config import TransformerConfig
from course.model.dropout import Dropout

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}
# Turns queries and keys by their positions where positions are rotary; returns them unchanged elsewhere.
Rotate = Callable[[Tensor], Tensor]


class FeedForward(nn.Module):
    """Two linear maps with a nonlinearity, the same at every position (Vaswani et al. 2017, equation 2)."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.widen = nn.Linear(config.d_model, config.d_ff, bias=config.bias)
        self.narrow = nn.Linear(config.d_ff, config.d_model, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]
        for linear in (self.widen, self.narrow):
            nn.init.xavier_uniform_(linear.weight)
            if config.bias:
                nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        return self.narrow(self.activation(self.widen(x)))


class Residual(nn.Module):
    """What surrounds a sublayer: norm, dropout and the residual sum.

    Post-norm is the paper's (section 3.1): norm(x + dropout(sublayer(x))). Pre-norm (Xiong et al. 2020) is
    x + dropout(sublayer(norm(x))). `y = sublayer(residual.enter(x)); x = residual.leave(x, y)` is both.
    """

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.pre = config.norm == "pre"
        self.norm = nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.bias)
        self.dropout = Dropout(config.dropout)

    def enter(self, x: Tensor) -> Tensor:
        """What the sublayer reads. (B, T, d) -> (B, T, d)."""
        return self.norm(x) if self.pre else x

    def leave(self, x: Tensor, y: Tensor) -> Tensor:
        """The stream x (B, T, d) after the sublayer's output y (B, T, d) has joined it."""
        x = self.dropout.added(x, y)
        return x if self.pre else self.norm(x)


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.self_attention = _attention(config)
        self.feed_forward = FeedForward(config)
        self.around_self = Residual(config)
        self.around_feed_forward = Residual(config)

    def forward(
        self, x: Tensor, *, rotate: Rotate, mask: Tensor | None = None, return_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """x (B, S, d), mask broadcastable to (B, H, S, S).

        Returns the stream (B, S, d), and the weights (B, H, S, S) if asked.
        """
        q, k, v = self.self_attention.project_self(self.around_self.enter(x))
        y, weights = self.self_attention.attend(rotate(q), rotate(k), v, mask=mask, return_weights=return_weights)
        x = self.around_self.leave(x, y)
        y = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, y), weights


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the source, feed-forward (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.self_attention = _attention(config)
        self.cross_attention = _attention(config)
        self.feed_forward = FeedForward(config)
        self.around_self = Residual(config)
        self.around_cross = Residual(config)
        self.around_feed_forward = Residual(config)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        rotate: Rotate,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        return_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """x (B, T, d) reads memory (B, S, d). Attention to oneself is causal always; mask may forbid more.

        mask broadcastable to (B, H, T, T), memory_mask to (B, H, T, S). Returns (B, T, d) and, if asked, the
        weights of both attentions, (B, H, T, T) and (B, H, T, S).
        """
        q, k, v = self.self_attention.project_self(self.around_self.enter(x))
        y, own = self.self_attention.attend(
            rotate(q), rotate(k), v, mask=mask, causal=True, return_weights=return_weights
        )
        x = self.around_self.leave(x, y)
        y, cross = self.cross_attention(
            self.around_cross.enter(x), memory, mask=memory_mask, return_weights=return_weights
        )
        x = self.around_cross.leave(x, y)
        y = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, y), own, cross


class Encoder(nn.Module):
    """A stack of encoder layers, and a final norm where the config asks for one."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_encoder_layers))
        self.norm = _final_norm(config)

    def forward(
        self, x: Tensor, *, rotate: Rotate, mask: Tensor | None = None, return_weights: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """x (B, S, d) -> (B, S, d), and each layer's weights (B, H, S, S) if asked, else an empty list."""
        kept = []
        for layer in self.layers:
            x, weights = layer(x, rotate=rotate, mask=mask, return_weights=return_weights)
            if weights is not None:
                kept.append(weights)
        return self.norm(x), kept


class Decoder(nn.Module):
    """A stack of decoder layers, and a final norm where the config asks for one."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_decoder_layers))
        self.norm = _final_norm(config)

    def __iter__(self) -> Iterator[DecoderLayer]:
        return (layer for layer in self.layers if isinstance(layer, DecoderLayer))

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        rotate: Rotate,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        return_weights: bool = False,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """x (B, T, d) reads memory (B, S, d) -> (B, T, d).

        With the weights of each layer if asked: own (B, H, T, T) and cross (B, H, T, S), else empty lists.
        """
        own_kept, cross_kept = [], []
        for layer in self.layers:
            x, own, cross = layer(
                x, memory, rotate=rotate, mask=mask, memory_mask=memory_mask, return_weights=return_weights
            )
            if return_weights:
                own_kept.append(own)
                cross_kept.append(cross)
        return self.norm(x), own_kept, cross_kept


def _attention(config: TransformerConfig) -> MultiHeadAttention:
    return MultiHeadAttention(config.d_model, config.n_heads, dropout=config.attention_dropout, bias=config.bias)


def _final_norm(config: TransformerConfig) -> nn.Module:
    if not config.has_final_norm:
        return nn.Identity()
    return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.bias)
