"""What `solution` shows of this lesson's classes: the reference in the words of the lesson.

The same functions as in :mod:`course.lessons.lesson_08.reference`, which a test holds them to.
"""

# mypy: disable-error-code="arg-type, no-any-return, union-attr"
# The lesson writes no types inside of its functions, and what torch keeps on a module has none.

import torch
from torch import Tensor, nn

from course.lessons.lesson_06.reference import positional_encoding
from course.lessons.lesson_07.reference import FeedForward, MultiHeadAttention, residual_block, stack
from course.lessons.lesson_08.reference import Norm, embed
from course.lessons.lesson_08.testing import moved, other_words

Mask = Tensor | None


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each behind a norm and on a residual path."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm1, self.norm2 = Norm(d_model), Norm(d_model)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """x (B, T, d) -> (B, T, d)."""
        x = residual_block(x, self.norm1, lambda y: self.attention(y, y, mask), self.drop)  # 1
        return residual_block(x, self.norm2, self.feed_forward, self.drop)  # 2


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention, feed-forward: each behind a norm, on a residual path."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.cross_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm1, self.norm2 = Norm(d_model), Norm(d_model)
        self.norm3 = Norm(d_model)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Mask = None, memory_mask: Mask = None) -> Tensor:
        """x (B, T, d) reads memory (B, S, d) -> (B, T, d)."""
        x = residual_block(x, self.norm1, lambda y: self.self_attention(y, y, mask), self.drop)  # 1
        x = residual_block(x, self.norm2, lambda y: self.cross_attention(y, memory, memory_mask), self.drop)  # 2
        return residual_block(x, self.norm3, self.feed_forward, self.drop)  # 3


class Transformer(nn.Module):
    """An encoder-decoder: pre-norm, one table for source, target and output, sinusoids added."""

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
        self.table = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.table.weight, std=d_model**-0.5)
        sizes = (d_model, n_heads, d_ff, dropout)
        probe = torch.zeros(1, 1, d_model)  # a word of zeros: if sizes do not fit, it shows at once
        self.encoder, _ = stack(lambda: EncoderLayer(*sizes), n_layers, probe)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(n_layers))
        self.encoder_norm, self.decoder_norm = Norm(d_model), Norm(d_model)
        self.drop = nn.Dropout(dropout)
        positions = torch.as_tensor(positional_encoding(max_len, d_model)).float()
        self.register_buffer("positions", positions, persistent=False)

    def encode(self, src: Tensor, src_mask: Mask = None) -> Tensor:
        """src (B, S) ids -> memory (B, S, d)."""
        x = self.drop(embed(src, self.table.weight, self.positions))
        for layer in self.encoder:
            x = layer(x, src_mask)
        return self.encoder_norm(x)

    def decode(self, tgt: Tensor, memory: Tensor, tgt_mask: Mask = None, src_mask: Mask = None) -> Tensor:
        """tgt (B, T) ids and memory (B, S, d) -> logits (B, T, V)."""
        if tgt_mask is None:
            T = tgt.shape[1]
            tgt_mask = torch.ones(T, T, dtype=torch.bool).tril()
        x = self.drop(embed(tgt, self.table.weight, self.positions))
        for layer in self.decoder:
            x = layer(x, memory, tgt_mask, src_mask)
        return self.decoder_norm(x) @ self.table.weight.T

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Mask = None, tgt_mask: Mask = None) -> Tensor:
        """src (B, S) and tgt (B, T) ids -> logits (B, T, V)."""
        return self.decode(tgt, self.encode(src, src_mask), tgt_mask, src_mask)


def properties(model: nn.Module) -> set[str]:
    """Which of the four properties a Transformer violates: a set of names."""
    model.eval()  # dropout would move everything
    found = set()
    with torch.no_grad():
        src, tgt = (
            torch.tensor([[4, 5, 6, 7], [9, 8, 7, 11]]),
            torch.tensor([[5, 4, 9, 6, 8, 7], [11, 10, 9, 8, 4, 12]]),
        )
        logits = model(src, tgt)
        for t in range(1, 6):
            changed = tgt.clone()
            changed[:, t] = other_words(tgt)[:, t]
            if moved(model(src, changed)[:, :t], logits[:, :t]):
                found.add("causality")
        padded = torch.cat([src, torch.zeros(2, 3, dtype=torch.long)], dim=1)
        if moved(model(padded, tgt, src_mask=(padded != 0)[:, None, None, :]), logits):
            found.add("padding")
        if not moved(model(other_words(src), tgt), logits):
            found.add("memory")
        for b in range(2):
            if moved(model(src[b : b + 1], tgt[b : b + 1]), logits[b : b + 1]):
                found.add("batch")
    return found
