"""The reference Transformer: torch only, and knows nothing of lessons, files or text.

Read in the order of the data: `config`, `masks`, `positions`, `attention`, `layers`, `transformer`.
"""

from course.model.attention import MultiHeadAttention, attention, fused_attention, merge_heads, split_heads
from course.model.config import TransformerConfig, parameter_count
from course.model.layers import Decoder, DecoderLayer, Encoder, EncoderLayer, FeedForward, Residual
from course.model.masks import causal_mask, decoder_mask, padding_mask
from course.model.positions import apply_rotary, rotary_angles, sinusoidal_positions
from course.model.transformer import AttentionWeights, DecoderCache, Transformer

__all__ = [
    "AttentionWeights",
    "Decoder",
    "DecoderCache",
    "DecoderLayer",
    "Encoder",
    "EncoderLayer",
    "FeedForward",
    "MultiHeadAttention",
    "Residual",
    "Transformer",
    "TransformerConfig",
    "apply_rotary",
    "attention",
    "causal_mask",
    "decoder_mask",
    "fused_attention",
    "merge_heads",
    "padding_mask",
    "parameter_count",
    "rotary_angles",
    "sinusoidal_positions",
    "split_heads",
]
