"""How many bytes a model takes, to be trained and to be decoded with: closed formulas, from its configuration alone.

Weights are exact. What depends on sentences is an estimate, within a factor of two of what is measured.
"""

import math

import torch

from course.memory import require_memory
from course.model.config import TransformerConfig, parameter_count
from course.model.recurrent_config import RecurrentConfig, recurrent_parameter_count

Sizes = TransformerConfig | RecurrentConfig
FLOAT, ID = 4, 8  # bytes
FIRST_ROOM = 16  # positions
SIZES = "d_model, d_ff, max_len, vocabulary or number of layers"
MODULES_OF_A_LAYER = 80_000  # bytes that torch's own objects take for one layer, however narrow it is


def count_parameters(config: Sizes) -> int:
    """Number of trained numbers of a model of either architecture."""
    if isinstance(config, RecurrentConfig):
        return recurrent_parameter_count(config)
    return parameter_count(config)


def weight_bytes(config: Sizes) -> int:
    """Bytes of a new model: its weights, and the tables of its positions while they are made in double precision."""
    if isinstance(config, RecurrentConfig):
        return FLOAT * recurrent_parameter_count(config)
    layers = config.n_encoder_layers + config.n_decoder_layers
    return FLOAT * parameter_count(config) + _position_bytes(config) + layers * MODULES_OF_A_LAYER


def require_room(config: Sizes) -> None:
    """Raise `CourseError` where a new model of these sizes would not fit into memory."""
    if torch.get_default_device().type == "cpu":
        require_memory(weight_bytes(config), f"a model of {count_parameters(config):,} parameters", SIZES)


def _position_bytes(config: TransformerConfig) -> int:
    width = {"sinusoidal": config.d_model, "sinusoidal_halves": config.d_model, "rotary": config.d_head}
    made = 3 * 2 * FLOAT  # angles, sines and cosines (half a table each) and the table, in float64; then the float32
    return config.max_len * width.get(config.positions, 0) * made


def training_bytes(config: Sizes, *, tokens: int, length: int, averaged: bool) -> int:
    """Bytes that training takes at its peak.

    tokens: target positions of a batch, with about as many on the source's side. length: tokens of a long sentence.
    averaged: whether a moving average of the weights is kept.
    """
    copies = 4 + averaged  # weights, gradients and the optimizer's two moments; and their average
    state = weight_bytes(config) + (copies - 1) * FLOAT * count_parameters(config)
    logits = 2 * tokens * config.tgt_vocab_size  # themselves, and once more in passing
    return state + FLOAT * (logits + tokens * _kept_by_a_token(config, min(length, config.max_len)))


def _kept_by_a_token(config: Sizes, length: int) -> int:
    """Numbers that the backward pass needs of a source and a target token: what each layer reads and makes."""
    d = config.d_model
    if isinstance(config, RecurrentConfig):
        scores = length * d if config.attention in ("additive", "concat") else length
        return 16 * d * (1 + config.n_layers) + 2 * scores * (config.attention != "none")
    scores = 3 * config.n_heads * length  # scores, masked scores and weights
    encoder = config.n_encoder_layers * (11 * d + 2 * config.d_ff + scores)
    decoder = config.n_decoder_layers * (18 * d + 2 * config.d_ff + 2 * scores)
    return encoder + decoder + 6 * d


def room_for(length: int) -> int:
    """Positions that a cache has set aside when it holds so many: it begins with FIRST_ROOM and doubles."""
    return FIRST_ROOM << max(0, math.ceil(math.log2(max(1, length) / FIRST_ROOM)))


def decoding_bytes(config: Sizes, *, sentences: int, beam: int, source: int, target: int) -> int:
    """Bytes that decoding takes at its peak, weights included.

    sentences: decoded at once. beam: hypotheses of each. source, target: tokens of the longest on either side.
    """
    rows, d = sentences * beam, config.d_model
    target = min(target, config.max_len)
    vocabulary = config.tgt_vocab_size
    logits = 3 * FLOAT * rows * vocabulary  # themselves, their softmax, and the best of them
    extensions = 3 * ID * rows * min(beam, vocabulary)
    history = 3 * ID * rows * target
    if isinstance(config, RecurrentConfig):
        kept = 6 * rows * d * config.n_layers + 3 * sentences * source * d
    else:
        own, cross = 2 * rows * room_for(target), 2 * sentences * source
        kept = config.n_decoder_layers * d * 2 * (own + cross)  # twice: the next cache is made beside the last one
        kept += sentences * source * (4 * d + 2 * config.d_ff + 2 * config.n_heads * source)
    return weight_bytes(config) + logits + extensions + history + FLOAT * kept
