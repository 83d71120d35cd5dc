"""The same weights in different classes: a learner's, the course's model, and torch's own modules.

    theirs = courses_model(vocab_size=40, d_model=32, n_heads=4, d_ff=48, n_layers=2)
    mine = loaded(Transformer, theirs, 40, 32, 4, 48, 2)
    logits, gradients = gaps(theirs, mine)

`WHERE` documents which weight of the course's model is which of the lesson's reference; a learner's class may call them
as it likes, for its parts are found by their kind and order.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course.lab.exercises.modules import Map, find_map
from course.lessons.lesson_08 import reference
from course.model import Transformer as CoursesTransformer
from course.model import TransformerConfig, decoder_mask, padding_mask
from course.special import PAD

# In a layer of either kind: the lesson's name, and that of the course's model (of whose rows it may be a third).
_ATTENTION = (
    ("q", "in_proj, first third"),
    ("k", "in_proj, second third"),
    ("v", "in_proj, last third"),
    ("o", "out_proj"),
)
WHERE = (
    ("table", "tgt_embedding, which is src_embedding and output.weight too"),
    *((f"encoder.i.attention.{ours}", f"encoder.layers.i.self_attention.{theirs}") for ours, theirs in _ATTENTION),
    ("encoder.i.feed_forward.widen, narrow", "encoder.layers.i.feed_forward.widen, narrow"),
    ("encoder.i.norm_attention", "encoder.layers.i.around_self.norm"),
    ("encoder.i.norm_feed_forward", "encoder.layers.i.around_feed_forward.norm"),
    ("norm_memory", "encoder.norm"),
    ("decoder.i.self_attention", "decoder.layers.i.self_attention"),
    ("decoder.i.cross_attention", "decoder.layers.i.cross_attention"),
    ("decoder.i.feed_forward", "decoder.layers.i.feed_forward"),
    ("decoder.i.norm_self", "decoder.layers.i.around_self.norm"),
    ("decoder.i.norm_cross", "decoder.layers.i.around_cross.norm"),
    ("decoder.i.norm_feed_forward", "decoder.layers.i.around_feed_forward.norm"),
    ("norm_output", "decoder.norm"),
)


def courses_model(vocab_size: int, d_model: int, n_heads: int, d_ff: int, n_layers: int, seed: int = 8) -> nn.Module:
    """Return the course's model of these sizes, in the lesson's variant, in evaluation mode.

    Its weights are random, those too that begin with 0 or 1, so that a forgotten bias or gain shows.
    """
    config = TransformerConfig(
        vocab_size,
        vocab_size,
        d_model=d_model,
        n_heads=n_heads,
        d_ff=d_ff,
        n_encoder_layers=n_layers,
        n_decoder_layers=n_layers,
        dropout=0.0,
        norm="pre",
        positions="sinusoidal",
        tie="all",
        bias=True,
    )
    model = CoursesTransformer(config)
    _scatter(model, seed)
    return model.eval()


def _scatter(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            width = p.shape[-1] ** -0.5 if p.dim() > 1 else 0.2
            about = torch.ones_like(p) if bool((p == 1).all()) else torch.zeros_like(p)
            p.copy_(about + width * torch.randn(p.shape, generator=generator))


def loaded(cls: Callable[..., Any], source: nn.Module, *sizes: int) -> nn.Module:
    """Return a new module of a class with the weights of another module, whatever the layout of either."""
    made: nn.Module = cls(*sizes).eval()
    shared(source, made)
    return made


def shared(source: nn.Module, target: nn.Module) -> Map:
    """Copy weights from one Transformer into another one, and return which went where."""

    def agree() -> bool:
        with torch.no_grad():
            return torch.allclose(target(*_example()), source(*_example()), atol=1e-4)

    return find_map(source, target, agree)


def _example() -> tuple[Tensor, Tensor]:
    return torch.tensor([[4, 5, 6, 7, 8]]), torch.tensor([[1, 8, 7, 6]])


def batch(n_words: int, seed: int = 8) -> tuple[Tensor, Tensor]:
    """Two padded batches of ids: (3, 7) of the source and (3, 6) of the target."""
    generator = torch.Generator().manual_seed(seed)
    src, tgt = (torch.randint(4, n_words, (3, T), generator=generator) for T in (7, 6))
    src[1, 4:], tgt[0, 5:] = PAD, PAD
    return src, tgt


def gaps(theirs: nn.Module, mine: nn.Module, dtype: torch.dtype) -> tuple[float, float]:
    """How far two Transformers with the same weights are apart in a padded batch: in logits and in gradients.

    Each is the largest difference, divided by the largest number; gradients are those of all weights.
    """
    theirs, mine = theirs.to(dtype), mine.to(dtype)
    src, tgt = batch(_vocabulary(theirs))
    masks = {"src_mask": padding_mask(src, pad=PAD), "tgt_mask": decoder_mask(tgt, pad=PAD)}
    found = shared(theirs, mine)
    both = []
    for model in (theirs, mine):
        model.zero_grad()
        logits = model(src, tgt, **masks)
        mixture = torch.arange(logits.numel(), dtype=dtype).cos().view(logits.shape)
        (logits * mixture * (tgt != PAD)[..., None]).sum().backward()
        both.append(logits.detach()[tgt != PAD])
    pairs = found.gradients()
    largest = max(float(one.abs().max()) for one, _ in pairs)
    by_gradient = max(float((one - other).abs().max()) for one, other in pairs) / largest
    return float((both[0] - both[1]).abs().max() / both[0].abs().max()), by_gradient


def rounded(far: Mapping[torch.dtype, tuple[float, float]]) -> list[tuple[str, str, str]]:
    """Rows of a table: a dtype and its two gaps, each said to be below a power of ten that no machine's order changes.

    Gaps of some hundred times the rounding of the dtype are as good as gaps get; what is larger is said as it is.
    """
    rows = []
    for dtype, (logits, gradients) in far.items():
        least = math.ceil(math.log10(30 * torch.finfo(dtype).eps))
        one, other = (f"1e{max(least, math.ceil(math.log10(max(gap, 1e-300)))):d}" for gap in (logits, gradients))
        rows.append((f"{torch.finfo(dtype).bits} bits", one, other))
    return rows


def _vocabulary(model: nn.Module) -> int:
    return int(model.tgt_embedding.num_embeddings)  # type: ignore[union-attr, arg-type]


# ---- torch's own modules ---------------------------------------------------------------------------------------


def torch_attention_of(ours: Any) -> nn.MultiheadAttention:  # noqa: ANN401
    """Return torch's multi-head attention with the weights of the reference's."""
    theirs = nn.MultiheadAttention(ours.q.in_features, ours.n_heads, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.load_state_dict(ours.o.state_dict())
    return theirs.eval()


def torch_encoder_layer_of(ours: Any) -> nn.TransformerEncoderLayer:  # noqa: ANN401
    """Return torch's encoder layer, pre-norm, with the weights of the reference's."""
    theirs = nn.TransformerEncoderLayer(*_sizes(ours.attention, ours.feed_forward), **_HOW)
    _copy(theirs, {"self_attn": ours.attention}, ours.feed_forward, (ours.norm_attention, ours.norm_feed_forward))
    return theirs.eval()


def torch_decoder_layer_of(ours: Any) -> nn.TransformerDecoderLayer:  # noqa: ANN401
    """Return torch's decoder layer, pre-norm, with the weights of the reference's."""
    theirs = nn.TransformerDecoderLayer(*_sizes(ours.self_attention, ours.feed_forward), **_HOW)
    attentions = {"self_attn": ours.self_attention, "multihead_attn": ours.cross_attention}
    _copy(theirs, attentions, ours.feed_forward, (ours.norm_self, ours.norm_cross, ours.norm_feed_forward))
    return theirs.eval()


_HOW: dict[str, Any] = {"dropout": 0.0, "batch_first": True, "norm_first": True}


def _sizes(attention: Any, feed_forward: Any) -> tuple[int, int, int]:  # noqa: ANN401
    return attention.q.in_features, attention.n_heads, feed_forward.widen.out_features


def _copy(theirs: Any, attentions: dict[str, Any], feed_forward: Any, norms: tuple[Any, ...]) -> None:  # noqa: ANN401
    for name, ours in attentions.items():
        setattr(theirs, name, torch_attention_of(ours))
    theirs.linear1.load_state_dict(feed_forward.widen.state_dict())
    theirs.linear2.load_state_dict(feed_forward.narrow.state_dict())
    with torch.no_grad():
        for i, norm in enumerate(norms, start=1):
            getattr(theirs, f"norm{i}").weight.copy_(norm.gain)
            getattr(theirs, f"norm{i}").bias.copy_(norm.bias)


def torchs_gaps(attention: Any, encoder_layer: Any, decoder_layer: Any) -> dict[str, float]:  # noqa: ANN401
    """How far three classes of a learner are from torch's modules with the same weights, in float32.

    One sentence has pads in its source, and no row is empty: there torch's modules are no standard (see `empty_rows`).
    """
    sizes = (32, 4, 48)
    generator = torch.Generator().manual_seed(8)
    x, memory = (torch.randn(2, T, sizes[0], generator=generator) for T in (5, 7))
    closed = torch.zeros(2, 7, dtype=torch.bool)  # torch's modules: True = closed
    closed[1, 5:] = True
    future = torch.ones(5, 5).triu(1).bool()
    source, target = (~closed)[:, None, None, :], ~future
    encoder, decoder = reference.EncoderLayer(*sizes), reference.DecoderLayer(*sizes)
    _scatter(encoder, 8)
    _scatter(decoder, 9)
    return {
        "nn.MultiheadAttention": _apart(
            encoder.attention,
            attention(*sizes[:2]),
            lambda m: m(x, memory, source),
            torch_attention_of(encoder.attention)(x, memory, memory, key_padding_mask=closed)[0],
        ),
        "nn.TransformerEncoderLayer": _apart(
            encoder,
            encoder_layer(*sizes),
            lambda m: m(memory, source)[~closed],
            torch_encoder_layer_of(encoder)(memory, src_key_padding_mask=closed)[~closed],
        ),
        "nn.TransformerDecoderLayer": _apart(
            decoder,
            decoder_layer(*sizes),
            lambda m: m(x, memory, target, source),
            torch_decoder_layer_of(decoder)(x, memory, tgt_mask=future, memory_key_padding_mask=closed),
        ),
    }


def _apart(ours: nn.Module, mine: nn.Module, use: Callable[[Any], Tensor], torchs: Tensor) -> float:
    """Give a learner's module the weights of the reference's, and return how far its output is from torch's."""
    mine.eval()
    with torch.no_grad():
        find_map(ours, mine, lambda: torch.allclose(use(mine), use(ours), atol=1e-4))
        return float((use(mine) - torchs).abs().max())


def empty_rows(own_decoder_layer: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401
    """How many of five words come out as NaN if two pads stand in front, under a causal mask: rows of a table.

    Each row: a module; with gradients recorded; without (`torch.no_grad`). All are in evaluation mode. The first two
    rows of the mask are empty: a pad may look at nothing but pads.
    """
    d, h = 16, 2
    torch.default_generator.manual_seed(8)
    x, memory = torch.randn(1, 5, d), torch.randn(1, 4, d)
    closed = torch.tensor([[True, True, False, False, False]])
    future = torch.ones(5, 5).triu(1).bool()
    layer = nn.TransformerDecoderLayer(d, h, 32, **_HOW).eval()
    attention = nn.MultiheadAttention(d, h, batch_first=True).eval()
    with warnings.catch_warnings(action="ignore"):  # of a speed that pre-norm does not have
        model = nn.Transformer(d, h, 2, 2, 32, **_HOW).eval()
    masks: dict[str, Any] = {"tgt_mask": future, "tgt_key_padding_mask": closed}
    allowed = ~future & ~closed[:, None, :]
    own = own_decoder_layer(d, h, 32).eval()
    trained = x.clone().requires_grad_()
    ways: dict[str, Callable[[], Tensor]] = {
        "nn.Transformer": lambda: model(memory, x, **masks),
        "nn.TransformerDecoderLayer": lambda: layer(x, memory, **masks),
        "nn.MultiheadAttention": lambda: attention(
            x, x, x, attn_mask=future, key_padding_mask=closed, need_weights=False
        )[0],
        "the same, need_weights=True": lambda: attention(x, x, x, attn_mask=future, key_padding_mask=closed)[0],
        "F.scaled_dot_product_attention": lambda: nn.functional.scaled_dot_product_attention(
            trained, trained, trained, attn_mask=allowed
        ),
        "DecoderLayer of this lesson": lambda: own(x, memory, allowed[:, None]),
    }
    rows = []
    for name, use in ways.items():
        with torch.enable_grad():
            recorded = _nans(use())
        with torch.no_grad():
            rows.append((name, recorded, _nans(use())))
    return rows


def _nans(output: Tensor) -> str:
    return str(int(output.isnan().any(dim=-1).sum()))
