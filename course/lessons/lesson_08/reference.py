"""The decoder and the whole Transformer out of lesson 07's pieces, in the order in which the lesson builds them."""

import torch
from torch import Tensor, nn

from course.lessons.lesson_06.reference import positional_encoding
from course.lessons.lesson_07.reference import FeedForward, MultiHeadAttention, layer_norm, residual_block, stack


def embed(tokens: Tensor, table: Tensor, positions: Tensor) -> Tensor:
    """Each word's row of the table times sqrt(d), plus the row of its position (Vaswani et al. 2017, section 3.4).

    tokens (B, T) ids, table (V, d), positions (max_len, d), of which the first T are used. Returns (B, T, d).
    """
    words = table[tokens] * table.shape[1] ** 0.5
    return words + positions[: tokens.shape[1]]


class Norm(nn.Module):
    """`layer_norm` with a gain and a bias that are trained."""

    def __init__(self, d_model: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d) -> (B, T, d)."""
        return layer_norm(x, self.gain, self.bias)


class EncoderLayer(nn.Module):
    """Each word looks at all words, then thinks by itself (Vaswani et al. 2017, section 3.1, with pre-norm)."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm_attention, self.norm_feed_forward = Norm(d_model), Norm(d_model)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, S, d), mask broadcastable to (B, H, S, S). Returns (B, S, d)."""
        x = residual_block(x, self.norm_attention, lambda y: self.attention(y, y, mask), self.drop)
        return residual_block(x, self.norm_feed_forward, self.feed_forward, self.drop)


class DecoderLayer(nn.Module):
    """Each word looks at the words so far, then at the source, then thinks (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.cross_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm_self, self.norm_cross, self.norm_feed_forward = (Norm(d_model) for _ in range(3))
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """x (B, T, d) reads memory (B, S, d).

        mask broadcastable to (B, H, T, T), the future hidden in it; memory_mask to (B, H, T, S). Returns (B, T, d).
        """
        x = residual_block(x, self.norm_self, lambda y: self.self_attention(y, y, mask), self.drop)
        x = residual_block(x, self.norm_cross, lambda y: self.cross_attention(y, memory, memory_mask), self.drop)
        return residual_block(x, self.norm_feed_forward, self.feed_forward, self.drop)


class Transformer(nn.Module):
    """The encoder-decoder of Vaswani et al. 2017, figure 1, with pre-norm and one table for both languages.

    The table of words serves source, target and output (section 3.4).
    """

    positions: Tensor

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        n_heads: int,
        d_ff: int,
        n_layers: int,
        dropout: float = 0.0,
        max_len: int = 256,
    ):
        super().__init__()
        self.table = nn.Parameter(torch.randn(vocab_size, d_model) * d_model**-0.5)
        self.register_buffer("positions", torch.tensor(positional_encoding(max_len, d_model)).float(), persistent=False)
        sizes = (d_model, n_heads, d_ff, dropout)
        # A word of zeros goes through the stack when it is made: sizes that do not fit show at once.
        self.encoder, _ = stack(lambda: EncoderLayer(*sizes), n_layers, torch.zeros(1, 1, d_model))
        self.norm_memory = Norm(d_model)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(n_layers))
        self.norm_output = Norm(d_model)
        self.drop = nn.Dropout(dropout)

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """src (B, S) ids, src_mask (B, 1, 1, S) -> memory (B, S, d)."""
        x = self.drop(embed(src, self.table, self.positions))
        for layer in self.encoder:
            x = layer(x, src_mask)
        memory: Tensor = self.norm_memory(x)
        return memory

    def decode(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, src_mask: Tensor | None = None
    ) -> Tensor:
        """Logits of the next word at each place: tgt (B, T) ids, memory (B, S, d) -> (B, T, V).

        tgt_mask: broadcastable to (B, 1, T, T), the future hidden in it; None for the causal mask alone.
        """
        if tgt_mask is None:
            n = tgt.shape[1]
            tgt_mask = torch.ones(n, n, dtype=torch.bool, device=tgt.device).tril()
        x = self.drop(embed(tgt, self.table, self.positions))
        for layer in self.decoder:
            x = layer(x, memory, tgt_mask, src_mask)
        states: Tensor = self.norm_output(x)
        return states @ self.table.T

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None
    ) -> Tensor:
        """src (B, S) and tgt (B, T) ids -> logits (B, T, V)."""
        return self.decode(tgt, self.encode(src, src_mask), tgt_mask, src_mask)
