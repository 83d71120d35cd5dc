"""Parity with torch's own attention, layers and Transformer: weights copied, masks translated.

Each comparison is of the outputs *and* of the gradients of the inputs and of every weight. torch's
`key_padding_mask` and boolean `attn_mask` of its modules have True = drop; ours have True = may attend.
All weights are random, gains and biases of the norms too, so that one forgotten or exchanged would show.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import course.model.layers as layers
from course.model import (
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    MultiHeadAttention,
    Transformer,
    TransformerConfig,
    attention,
    fused_attention,
)

ATTENTION_MODULE = MultiHeadAttention.forward.__globals__  # the package's name `attention` is the function
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
B, S, T, D, HEADS, D_FF = 3, 6, 5, 12, 3, 20

both_types = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
both_norms = pytest.mark.parametrize("norm", ["pre", "post"])
# torch says on construction which of its own fast paths it will not use.
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
activations = pytest.mark.parametrize("activation", ["relu", "gelu"])


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- what all comparisons share -------------------------------------------------------------------------


def numbers(*shape, seed, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)


def inputs(dtype, seed=0):
    """x (B, S, d) and y (B, T, d)."""
    return numbers(B, S, D, seed=seed, dtype=dtype), numbers(B, T, D, seed=seed + 1, dtype=dtype)


def real(n):
    """(B, n), True = real token: three lengths, the first sentence full."""
    lengths = torch.tensor([n, n - 2, 1])
    return torch.arange(n) < lengths[:, None]


def config_of(norm="pre", activation="relu", bias=True, **options):
    sizes = {"d_model": D, "n_heads": HEADS, "d_ff": D_FF, "n_encoder_layers": 2, "n_decoder_layers": 2}
    return TransformerConfig(17, 17, norm=norm, activation=activation, bias=bias, dropout=0.0, **sizes | options)


def randomize(module, seed=3):
    """Gains around 1, all else of a size that keeps activations near 1."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            noise = torch.randn(p.shape, generator=g, dtype=torch.float64).to(p.dtype)
            gain = "norm" in name and name.endswith("weight")
            p.copy_(1 + 0.5 * noise if gain else noise / math.sqrt(p.shape[-1]))


def linear_pairs(ours, theirs):
    return [(ours.weight, theirs.weight), (ours.bias, theirs.bias)]


def attention_pairs(ours, theirs):
    return [
        (ours.in_proj.weight, theirs.in_proj_weight),
        (ours.in_proj.bias, theirs.in_proj_bias),
        *linear_pairs(ours.out_proj, theirs.out_proj),
    ]


def layer_pairs(ours, theirs):
    """Which weight of an encoder or a decoder layer is which of torch's."""
    pairs = attention_pairs(ours.self_attention, theirs.self_attn)
    pairs += linear_pairs(ours.feed_forward.widen, theirs.linear1)
    pairs += linear_pairs(ours.feed_forward.narrow, theirs.linear2)
    if isinstance(ours, DecoderLayer):
        pairs += attention_pairs(ours.cross_attention, theirs.multihead_attn)
        norms = (ours.around_self, ours.around_cross, ours.around_feed_forward)
        theirs_norms = (theirs.norm1, theirs.norm2, theirs.norm3)
    else:
        norms, theirs_norms = (ours.around_self, ours.around_feed_forward), (theirs.norm1, theirs.norm2)
    for mine, other in zip(norms, theirs_norms, strict=True):
        pairs += linear_pairs(mine.norm, other)
    return pairs


def stack_pairs(ours, theirs):
    pairs = []
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        pairs += layer_pairs(mine, other)
    return pairs + (linear_pairs(ours.norm, theirs.norm) if theirs.norm is not None else [])


def copied(ours, theirs, find_pairs):
    """Random weights in torch's module, the same in ours; the pairs, with none left out on either side."""
    dtype = next(theirs.parameters()).dtype
    randomize(theirs)
    pairs = [(a, b) for a, b in find_pairs(ours.to(dtype), theirs) if a is not None or b is not None]
    assert {id(a) for a, _ in pairs} == {id(p) for p in ours.parameters()}
    assert {id(b) for _, b in pairs} == {id(p) for p in theirs.parameters()}
    with torch.no_grad():
        for a, b in pairs:
            a.copy_(b)
    return pairs


def assert_same(ours, theirs, what):
    """Largest difference within the type's tolerance, times the largest number where that is above 1."""
    assert ours.shape == theirs.shape, what
    bound = TOLERANCE[theirs.dtype] * max(1.0, theirs.abs().max().item())
    worst = (ours - theirs).abs().max().item()
    assert worst <= bound, f"{what} differs by {worst:.1e}"


def compare(ours, theirs, leaves, pairs=()):
    """Run both functions on the leaves; outputs and all gradients must agree."""
    results = []
    for function in (ours, theirs):
        own = [x.detach().clone().requires_grad_() for x in leaves]
        output = function(*own)
        direction = torch.cos(torch.arange(output.numel(), dtype=torch.float64)).reshape(output.shape)
        (output * direction.to(output.dtype)).sum().backward()
        results.append((output.detach(), [x.grad for x in own]))
    (output, grads), (expected, expected_grads) = results
    assert_same(output, expected, "output")
    for i, (a, b) in enumerate(zip(grads, expected_grads, strict=True)):
        assert_same(a, b, f"gradient of input {i}")
    for i, (a, b) in enumerate(pairs):
        assert_same(a.grad, b.grad, f"gradient of weight {i}")


def unrotated(x):
    return x


def later(n):
    """torch's causal mask: True = drop."""
    return torch.ones(n, n).triu(1).bool()


# --- attention ------------------------------------------------------------------------------------------


def sdpa_parity(dtype, ours=attention):
    q, k, v = (numbers(B, HEADS, n, w, seed=n + w, dtype=dtype) for n, w in ((4, 6), (5, 6), (5, 7)))
    masks = [None, real(5)[:, None, None, :], torch.ones(4, 5).tril().bool()]
    masks.append((numbers(B, HEADS, 4, 5, seed=9) > 0) | torch.eye(4, 5).bool())
    for mask in masks:

        def explicit(q, k, v, mask=mask):
            result = ours(q, k, v, mask=mask)
            return result[0] if isinstance(result, tuple) else result

        def theirs(q, k, v, mask=mask):
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

        compare(explicit, theirs, (q, k, v))


@both_types
@pytest.mark.parametrize("path", [attention, fused_attention])
def test_scaled_dot_product_attention(path, dtype):
    sdpa_parity(dtype, path)


def make_pair_of_attentions(dtype, bias):
    theirs = nn.MultiheadAttention(D, HEADS, bias=bias, batch_first=True, dtype=dtype)
    ours = MultiHeadAttention(D, HEADS, bias=bias)
    return ours, theirs, copied(ours, theirs, attention_pairs)


def self_attention_parity(dtype, bias=True, return_weights=True):
    x, _ = inputs(dtype)
    per_head = (numbers(B, HEADS, S, S, seed=5) > -0.5) | torch.eye(S).bool()
    cases = [
        (None, {}),
        (real(S)[:, None, None], {"key_padding_mask": ~real(S)}),
        (~later(S), {"attn_mask": later(S)}),
        (real(S)[:, None, None] & ~later(S), {"key_padding_mask": ~real(S), "attn_mask": later(S)}),
        (per_head, {"attn_mask": ~per_head.flatten(0, 1)}),
    ]
    for mask, options in cases:
        ours, theirs, pairs = make_pair_of_attentions(dtype, bias)
        compare(
            lambda x, m=mask, f=ours: f(x, mask=m, return_weights=return_weights)[0],
            lambda x, o=options, f=theirs: f(x, x, x, need_weights=False, **o)[0],
            [x],
            pairs,
        )
        _, weights = ours(x, mask=mask, return_weights=True)
        _, expected = theirs(x, x, x, average_attn_weights=False, **options)
        assert_same(weights, expected, "weights")


def cross_attention_parity(dtype, bias=True, return_weights=True):
    x, y = inputs(dtype)
    for mask, options in ((None, {}), (real(S)[:, None, None], {"key_padding_mask": ~real(S)})):
        ours, theirs, pairs = make_pair_of_attentions(dtype, bias)
        compare(
            lambda y, x, m=mask, f=ours: f(y, x, mask=m, return_weights=return_weights)[0],
            lambda y, x, o=options, f=theirs: f(y, x, x, need_weights=False, **o)[0],
            [y, x],
            pairs,
        )
        _, weights = ours(y, x, mask=mask, return_weights=True)
        _, expected = theirs(y, x, x, average_attn_weights=False, **options)
        assert_same(weights, expected, "weights")


@both_types
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("return_weights", [True, False])
def test_multi_head_attention(return_weights, bias, dtype):
    self_attention_parity(dtype, bias, return_weights)
    cross_attention_parity(dtype, bias, return_weights)


# --- layers ---------------------------------------------------------------------------------------------


def torch_options(config, dtype):
    activation = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}[config.activation]
    return {
        "d_model": config.d_model,
        "nhead": config.n_heads,
        "dim_feedforward": config.d_ff,
        "dropout": 0.0,
        "activation": activation,
        "layer_norm_eps": config.norm_eps,
        "batch_first": True,
        "norm_first": config.norm == "pre",
        "bias": config.bias,
        "dtype": dtype,
    }


def encoder_layer_parity(config, dtype, return_weights=False):
    x, _ = inputs(dtype)
    for mask in (None, real(S)):
        ours, theirs = EncoderLayer(config), nn.TransformerEncoderLayer(**torch_options(config, dtype))
        pairs = copied(ours, theirs, layer_pairs)
        our_mask, drop = (None, None) if mask is None else (mask[:, None, None], ~mask)
        compare(
            lambda x, f=ours, m=our_mask: f(x, rotate=unrotated, mask=m, return_weights=return_weights)[0],
            lambda x, f=theirs, m=drop: f(x, src_key_padding_mask=m),
            [x],
            pairs,
        )


def decoder_layer_parity(config, dtype, return_weights=False):
    x, y = inputs(dtype)
    for padded in (False, True):
        ours, theirs = DecoderLayer(config), nn.TransformerDecoderLayer(**torch_options(config, dtype))
        pairs = copied(ours, theirs, layer_pairs)
        ours_masks = {"mask": real(T)[:, None, None], "memory_mask": real(S)[:, None, None]} if padded else {}
        drops = {"tgt_key_padding_mask": ~real(T), "memory_key_padding_mask": ~real(S)} if padded else {}
        compare(
            lambda y, x, f=ours, m=ours_masks: f(
                y, x, rotate=unrotated, return_weights=return_weights, **m
            )[0],
            lambda y, x, f=theirs, m=drops: f(y, x, tgt_mask=later(T), **m),
            [y, x],
            pairs,
        )  # fmt: skip


@both_types
@both_norms
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
@pytest.mark.parametrize("bias", [True, False])
def test_layers(bias, activation, norm, dtype):
    config = config_of(norm, activation, bias)
    for return_weights in (False, True):
        encoder_layer_parity(config, dtype, return_weights)
        decoder_layer_parity(config, dtype, return_weights)


def test_layers_with_another_norm_eps():
    config = config_of(norm_eps=0.1)
    encoder_layer_parity(config, torch.float64)
    decoder_layer_parity(config, torch.float64)


# --- stacks and the whole -------------------------------------------------------------------------------


def final_norm(config, dtype):
    if not config.has_final_norm:
        return None
    return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.bias, dtype=dtype)


def encoder_parity(config, dtype):
    x, _ = inputs(dtype)
    layer = nn.TransformerEncoderLayer(**torch_options(config, dtype))
    theirs = nn.TransformerEncoder(layer, 2, final_norm(config, dtype), enable_nested_tensor=False)
    ours = Encoder(config)
    pairs = copied(ours, theirs, stack_pairs)
    compare(
        lambda x: ours(x, rotate=unrotated, mask=real(S)[:, None, None])[0],
        lambda x: theirs(x, src_key_padding_mask=~real(S)),
        [x],
        pairs,
    )


def decoder_parity(config, dtype):
    x, y = inputs(dtype)
    layer = nn.TransformerDecoderLayer(**torch_options(config, dtype))
    theirs = nn.TransformerDecoder(layer, 2, final_norm(config, dtype))
    ours = Decoder(config)
    pairs = copied(ours, theirs, stack_pairs)
    compare(
        lambda y, x: ours(y, x, rotate=unrotated, mask=real(T)[:, None, None], memory_mask=real(S)[:, None, None])[0],
        lambda y, x: theirs(y, x, tgt_mask=later(T), tgt_key_padding_mask=~real(T), memory_key_padding_mask=~real(S)),
        [y, x],
        pairs,
    )


@both_types
@both_norms
@activations
@pytest.mark.parametrize("normed", [True, False])
def test_stacks(normed, activation, norm, dtype):
    config = config_of(norm, activation, final_norm=normed)
    encoder_parity(config, dtype)
    decoder_parity(config, dtype)


class TorchTranslator(nn.Module):
    """nn.Transformer between tables and a projection of our model, positions added by plain arithmetic."""

    def __init__(self, model, dtype):
        super().__init__()
        config = self.config = model.config
        self.core = nn.Transformer(**torch_options(config, dtype), num_encoder_layers=2, num_decoder_layers=2)
        self.src = nn.Parameter(torch.empty(config.src_vocab_size, D, dtype=dtype))
        self.tgt = self.src if config.tie == "all" else nn.Parameter(torch.empty_like(self.src))
        self.out = self.tgt if config.tie != "none" else nn.Parameter(torch.empty_like(self.src))
        self.out_bias = nn.Parameter(torch.empty(17, dtype=dtype)) if config.output_bias else None
        if config.positions == "learned":
            self.src_places = nn.Parameter(torch.empty(config.max_len, D, dtype=dtype))
            self.tgt_places = nn.Parameter(torch.empty(config.max_len, D, dtype=dtype))

    def pairs(self, model):
        pairs = stack_pairs(model.encoder, self.core.encoder) + stack_pairs(model.decoder, self.core.decoder)
        pairs += [(model.src_embedding.weight, self.src), (model.tgt_embedding.weight, self.tgt)]
        pairs += [(model.output.weight, self.out), (model.output.bias, self.out_bias)]
        if self.config.positions == "learned":
            pairs += [(model.src_positions, self.src_places), (model.tgt_positions, self.tgt_places)]
        return pairs

    def places(self, n, side):
        kind = self.config.positions
        if kind == "none":
            return 0.0
        if kind == "learned":
            return (self.src_places if side == "src" else self.tgt_places)[:n]
        angles = [[p / 10000 ** (2 * i / D) for i in range(D // 2)] for p in range(n)]
        if kind == "sinusoidal":
            rows = [[f(a) for a in row for f in (math.sin, math.cos)] for row in angles]
        else:
            rows = [[math.sin(a) for a in row] + [math.cos(a) for a in row] for row in angles]
        # Through float32, as a model that is built in float32 holds it.
        return torch.tensor(rows, dtype=torch.float32).to(self.tgt.dtype)

    def forward(self, src, tgt):
        scale = D**0.5 if self.config.scale_embeddings else 1.0
        x = self.src[src] * scale + self.places(src.shape[1], "src")
        y = self.tgt[tgt] * scale + self.places(tgt.shape[1], "tgt")
        states = self.core(
            x, y, tgt_mask=later(T), tgt_key_padding_mask=~real(T),
            src_key_padding_mask=~real(S), memory_key_padding_mask=~real(S),
        )  # fmt: skip
        logits = states @ self.out.T
        return logits if self.out_bias is None else logits + self.out_bias


def whole_parity(config, dtype):
    g = torch.Generator().manual_seed(7)
    src, tgt = (torch.randint(1, 17, (B, n), generator=g) for n in (S, T))
    model = Transformer(config)
    theirs = TorchTranslator(model, dtype)
    pairs = copied(model, theirs, lambda ours, theirs: theirs.pairs(ours))
    masks = {"src_mask": real(S)[:, None, None], "tgt_mask": real(T)[:, None, None]}
    compare(lambda: model(src, tgt, **masks), lambda: theirs(src, tgt), [], pairs)
    model.zero_grad()
    theirs.zero_grad()
    compare(lambda: model(src, tgt, return_weights=True, **masks)[0], lambda: theirs(src, tgt), [], pairs)


@both_types
@both_norms
@activations
def test_whole_transformer(activation, norm, dtype):
    whole_parity(config_of(norm, activation, final_norm=True), dtype)


@pytest.mark.parametrize(
    "options",
    [
        {"positions": "sinusoidal_halves"},
        {"positions": "learned"},
        {"positions": "none"},
        {"tie": "decoder"},
        {"tie": "all"},
        {"scale_embeddings": False},
        {"output_bias": True},
        {"bias": False},
        {"norm": "post", "final_norm": True, "tie": "all", "output_bias": True, "activation": "silu"},
    ],
    ids=str,
)
def test_whole_transformer_in_its_variants(options):
    whole_parity(config_of(**options), torch.float64)


# --- the comparisons can fail ---------------------------------------------------------------------------


def split_without_transpose(x, n_heads):
    b, t, d = x.shape
    return x.reshape(b, n_heads, t, d // n_heads)


def plant_no_scaling(monkeypatch):
    def unscaled(q, k, v, **options):
        return attention(q * math.sqrt(q.shape[-1]), k, v, **options)

    monkeypatch.setitem(ATTENTION_MODULE, "attention", unscaled)
    monkeypatch.setitem(
        ATTENTION_MODULE,
        "fused_attention",
        lambda q, k, v, **options: fused_attention(q * math.sqrt(q.shape[-1]), k, v, **options),
    )


def plant_no_transpose(monkeypatch):
    monkeypatch.setitem(ATTENTION_MODULE, "split_heads", split_without_transpose)


def plant_no_merge(monkeypatch):
    monkeypatch.setitem(ATTENTION_MODULE, "merge_heads", lambda x: x.reshape(x.shape[0], x.shape[2], -1))


def plant_mask_dropped(monkeypatch):
    attend = MultiHeadAttention.attend

    def maskless(self, q, k, v, *, mask=None, **options):
        return attend(self, q, k, v, **options)

    monkeypatch.setattr(MultiHeadAttention, "attend", maskless)


def plant_keys_and_values_exchanged(monkeypatch):
    attend = MultiHeadAttention.attend
    monkeypatch.setattr(MultiHeadAttention, "attend", lambda self, q, k, v, **options: attend(self, q, v, k, **options))


def plant_gain_missing(monkeypatch):
    def gainless(x, shape, weight=None, bias=None, eps=1e-5):
        normed = torch.layer_norm(x, shape, None, None, eps)
        return normed if bias is None else normed + bias

    monkeypatch.setattr(F, "layer_norm", gainless)
    monkeypatch.setattr(nn.TransformerEncoderLayer, "forward", honest(nn.TransformerEncoderLayer.forward))
    monkeypatch.setattr(nn.TransformerDecoderLayer, "forward", honest(nn.TransformerDecoderLayer.forward))


TRUE_LAYER_NORM = F.layer_norm


def honest(forward):
    """torch's own layer, run with the true norm while ours has the fault."""

    def run(self, *args, **options):
        faulty, F.layer_norm = F.layer_norm, TRUE_LAYER_NORM
        try:
            return forward(self, *args, **options)
        finally:
            F.layer_norm = faulty

    return run


def plant_norm_on_the_sum_only(monkeypatch):
    monkeypatch.setattr(layers.Residual, "leave", lambda self, x, y: self.norm(x + y))


def plant_no_residual(monkeypatch):
    monkeypatch.setattr(layers.Residual, "leave", lambda self, x, y: y if self.pre else self.norm(y))


def plant_not_itself(monkeypatch):
    """A causal mask that forbids the query's own position too (but for the first)."""
    attend = MultiHeadAttention.attend

    def strict(self, q, k, v, *, mask=None, causal=False, **options):
        if causal:
            n = q.shape[-2]
            steps = torch.ones(n, n).tril(-1).bool()
            steps[0, 0] = True
            mask = steps if mask is None else mask & steps
        return attend(self, q, k, v, mask=mask, **options)

    monkeypatch.setattr(MultiHeadAttention, "attend", strict)


def plant_wrong_activation(monkeypatch):
    monkeypatch.setitem(layers.ACTIVATIONS, "relu", F.leaky_relu)


FAULTS = {
    "no scaling": (plant_no_scaling, cross_attention_parity),
    "heads split without transpose": (plant_no_transpose, cross_attention_parity),
    "heads merged without transpose": (plant_no_merge, self_attention_parity),
    "mask dropped": (plant_mask_dropped, self_attention_parity),
    "keys and values exchanged": (plant_keys_and_values_exchanged, cross_attention_parity),
    "norm's gain missing": (plant_gain_missing, lambda d: encoder_layer_parity(config_of(), d)),
    "post-norm for pre-norm": (plant_norm_on_the_sum_only, lambda d: encoder_layer_parity(config_of(), d)),
    "no residual": (plant_no_residual, lambda d: decoder_layer_parity(config_of("post"), d)),
    "not itself": (plant_not_itself, lambda d: decoder_layer_parity(config_of(), d)),
    "other activation": (plant_wrong_activation, lambda d: encoder_layer_parity(config_of(), d)),
}


@both_types
@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_caught(name, dtype, monkeypatch):
    plant, compare_with_torch = FAULTS[name]
    compare_with_torch(dtype)
    plant(monkeypatch)
    with pytest.raises(AssertionError, match="differs by"):
        compare_with_torch(dtype)
