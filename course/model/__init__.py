"""The reference models: torch only, and they know nothing of lessons, files or text.

Read in the order of the data: `config`, `masks`, `positions`, `attention`, `layers`, `transformer`; and what came
before: `recurrent_config`, `source_attention`, `recurrent`. `architecture` chooses between the two.
"""

from course.model.architecture import (
    ARCHITECTURES,
    ModelConfig,
    TranslationModel,
    config_class,
    config_from_dict,
    make_model,
)
from course.model.attention import MultiHeadAttention, attention, fused_attention, merge_heads, split_heads
from course.model.config import TransformerConfig, parameter_count
from course.model.footprint import count_parameters, decoding_bytes, training_bytes, weight_bytes
from course.model.layers import Decoder, DecoderLayer, Encoder, EncoderLayer, FeedForward, Residual
from course.model.masks import causal_mask, decoder_mask, padding_mask
from course.model.positions import apply_rotary, rotary_angles, sinusoidal_positions
from course.model.recurrent import RecurrentCache, RecurrentModel
from course.model.recurrent_config import RecurrentConfig, recurrent_parameter_count
from course.model.source_attention import SourceAttention
from course.model.transformer import AttentionWeights, DecoderCache, Transformer

__all__ = [
    "ARCHITECTURES",
    "AttentionWeights",
    "Decoder",
    "DecoderCache",
    "DecoderLayer",
    "Encoder",
    "EncoderLayer",
    "FeedForward",
    "ModelConfig",
    "MultiHeadAttention",
    "RecurrentCache",
    "RecurrentConfig",
    "RecurrentModel",
    "Residual",
    "SourceAttention",
    "Transformer",
    "TransformerConfig",
    "TranslationModel",
    "apply_rotary",
    "attention",
    "causal_mask",
    "config_class",
    "config_from_dict",
    "count_parameters",
    "decoder_mask",
    "decoding_bytes",
    "fused_attention",
    "make_model",
    "merge_heads",
    "padding_mask",
    "parameter_count",
    "recurrent_parameter_count",
    "rotary_angles",
    "sinusoidal_positions",
    "split_heads",
    "training_bytes",
    "weight_bytes",
]
