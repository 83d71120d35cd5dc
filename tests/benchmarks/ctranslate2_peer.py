"""The same Transformer in CTranslate2 (extra `bench`): its specification filled with our weights, without a converter.

Three things are mapped on purpose. The first token of the decoder is our begin token (CTranslate2 may also start from
a vector of zeros). Padding and begin token are taken out of the output by a bias, since our searches remove them before
the softmax, and with tied weights training moves their rows too. And a sentence may end at once
(`min_decoding_length=0`), which CTranslate2 forbids unless it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course.model import FeedForward, MultiHeadAttention, Residual, Transformer, TransformerConfig
from course.special import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

MISSING = "there is no CTranslate2; install the extra `bench`, as `make bench` does"
NEVER = -1e9  # a bias that leaves a token no probability


class Peer:
    """A model of ours that CTranslate2 runs, in float32 on the CPU.

    folder: an empty folder for its files; threads: as `torch.get_num_threads` counts them. Raises RuntimeError where
    CTranslate2 is missing, and ValueError for a variant of the model that it does not have.
    """

    def __init__(self, model: Transformer, folder: Path, *, threads: int):
        require()
        from ctranslate2 import Translator

        spec = specification(model)
        spec.validate()
        spec.optimize()
        spec.save(str(folder))
        self.translator = Translator(str(folder), compute_type="float32", inter_threads=1, intra_threads=threads)

    def beam_search(
        self, sources: Sequence[list[int]], *, beam_size: int = 5, max_len: int, alpha: float = 1.0
    ) -> list[tuple[list[int], float]]:
        """The best translation of each source (ids with the end token), and its score; the sources are one batch.

        The score is the log-probability over length ** alpha; unlike ours, the length does not count the end token.
        """
        results = self.translator.translate_batch(
            [words(ids) for ids in sources],
            beam_size=beam_size,
            max_decoding_length=max_len,
            min_decoding_length=0,
            length_penalty=alpha,
            return_scores=True,
        )
        return [([_id(word) for word in result.hypotheses[0]], result.scores[0]) for result in results]

    def log_probs(self, source: list[int], target: list[int]) -> list[float]:
        """Teacher-forced: the log-probability of each target id (they come without end token) and of the end token."""
        (result,) = self.translator.score_batch([words(source)], [words(target)])
        return list(result.log_probs)


def require() -> None:
    """Raises RuntimeError where CTranslate2 is missing."""
    if find_spec("ctranslate2") is None:
        raise RuntimeError(MISSING)


def words(ids: Iterable[int]) -> list[str]:
    """CTranslate2 reads words: `<eos>` for the end token, "17" for id 17."""
    return [SPECIAL_TOKENS[i] if i < len(SPECIAL_TOKENS) else str(i) for i in ids]


def _id(word: str) -> int:
    return SPECIAL_TOKENS.index(word) if word in SPECIAL_TOKENS else int(word)


def specification(model: Transformer) -> Any:
    """A `ctranslate2.specs.TransformerSpec` that holds our weights. Raises ValueError as `Peer`."""
    from ctranslate2.specs import TransformerSpec

    config, (encoder, decoder) = model.config, _stacks(model.config)
    _fill_embedding(encoder, encoder.embeddings[0], model, "src")
    _fill_embedding(decoder, decoder.embeddings, model, "tgt")
    for spec, layer in zip(encoder.layer, model.encoder.layers, strict=True):
        _fill_self_attention(spec.self_attention, layer.self_attention, layer.around_self)
        _fill_feed_forward(spec.ffn, layer.feed_forward, layer.around_feed_forward)
    for spec, layer in zip(decoder.layer, model.decoder, strict=True):
        _fill_self_attention(spec.self_attention, layer.self_attention, layer.around_self)
        _fill_cross_attention(spec.attention, layer.cross_attention, layer.around_cross)
        _fill_feed_forward(spec.ffn, layer.feed_forward, layer.around_feed_forward)
    if config.has_final_norm:
        _fill_norm(encoder.layer_norm, model.encoder.norm)
        _fill_norm(decoder.layer_norm, model.decoder.norm)
    _fill_output(decoder.projection, model.output)

    spec = TransformerSpec(encoder, decoder)
    spec.config.layer_norm_epsilon = config.norm_eps
    spec.config.decoder_start_token = spec.config.bos_token = SPECIAL_TOKENS[BOS]
    spec.config.eos_token, spec.config.unk_token = SPECIAL_TOKENS[EOS], SPECIAL_TOKENS[UNK]
    spec.register_source_vocabulary(words(range(config.src_vocab_size)))
    spec.register_target_vocabulary(words(range(config.tgt_vocab_size)))
    return spec


def _stacks(config: TransformerConfig) -> tuple[Any, Any]:
    """Encoder and decoder of the sizes and variants asked for, still without weights."""
    from ctranslate2.specs.common_spec import Activation
    from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec

    if config.norm == "post" and config.has_final_norm:
        raise ValueError("CTranslate2 has no norm after a post-norm stack.")
    activations = {"relu": Activation.RELU, "gelu": Activation.GELU, "silu": Activation.SWISH}
    options = {
        "pre_norm": config.norm == "pre",
        "no_final_norm": not config.has_final_norm,
        "activation": activations[config.activation],
        # Neighboring pairs, as ours; "interleave" off would pair the two halves of a head.
        "rotary_dim": config.d_head if config.positions == "rotary" else None,
        "rotary_interleave": True,
    }
    encoder = TransformerEncoderSpec(config.n_encoder_layers, config.n_heads, **options)
    return encoder, TransformerDecoderSpec(config.n_decoder_layers, config.n_heads, **options)


def _fill_embedding(stack: Any, spec: Any, model: Transformer, side: str) -> None:
    spec.weight = _copy(getattr(model, f"{side}_embedding").weight)
    stack.scale_embeddings = model.config.scale_embeddings
    if model.config.positions == "learned":
        stack.position_encodings.encodings = _copy(getattr(model, f"{side}_positions"))
    elif model.config.positions == "none":  # without a table CTranslate2 would make sinusoids of its own
        stack.position_encodings.encodings = torch.zeros(model.config.max_len, model.config.d_model)
    elif model.config.positions.startswith("sinusoidal"):
        stack.position_encodings.encodings = _copy(model.position_table)


def _fill_self_attention(spec: Any, attention: MultiHeadAttention, around: Residual) -> None:
    _fill_norm(spec.layer_norm, around.norm)
    _fill_linear(spec.linear[0], attention.in_proj)  # both stack queries, keys and values in this order
    _fill_linear(spec.linear[1], attention.out_proj)


def _fill_cross_attention(spec: Any, attention: MultiHeadAttention, around: Residual) -> None:
    _fill_norm(spec.layer_norm, around.norm)
    d = attention.in_proj.in_features
    _fill_linear(spec.linear[0], attention.in_proj, slice(d))
    _fill_linear(spec.linear[1], attention.in_proj, slice(d, None))
    _fill_linear(spec.linear[2], attention.out_proj)


def _fill_feed_forward(spec: Any, feed_forward: FeedForward, around: Residual) -> None:
    _fill_norm(spec.layer_norm, around.norm)
    _fill_linear(spec.linear_0, feed_forward.widen)
    _fill_linear(spec.linear_1, feed_forward.narrow)


def _fill_norm(spec: Any, norm: nn.LayerNorm) -> None:
    spec.gamma = _copy(norm.weight)
    spec.beta = torch.zeros_like(spec.gamma) if norm.bias is None else _copy(norm.bias)  # it wants one


def _fill_linear(spec: Any, linear: nn.Linear, rows: slice = slice(None)) -> None:  # noqa: B008
    spec.weight = _copy(linear.weight[rows])
    if linear.bias is not None:
        spec.bias = _copy(linear.bias[rows])


def _fill_output(spec: Any, output: nn.Linear) -> None:
    spec.weight = _copy(output.weight)
    spec.bias = torch.zeros(output.out_features) if output.bias is None else _copy(output.bias)
    spec.bias[[PAD, BOS]] = NEVER


def _copy(weights: Tensor) -> Tensor:
    return weights.detach().float().clone()
