"""What must hold for every Transformer of ours: each property is a function that a broken model fails.

Weights are random and in float64, so "nothing changes" means at most 1e-12 and "something changes" means
more than 1e-6.
"""

import copy
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import course.model.layers as layers
from course.errors import CourseError
from course.model import (
    MultiHeadAttention,
    RecurrentConfig,
    RecurrentModel,
    Transformer,
    TransformerConfig,
    attention,
    decoder_mask,
    padding_mask,
    parameter_count,
    rotary_angles,
    sinusoidal_positions,
)
from course.special import BOS, PAD

ATTENTION_MODULE = MultiHeadAttention.forward.__globals__  # the package's name `attention` is the function
NOTHING, SOMETHING = 1e-12, 1e-6
# torch says on construction which of its own fast paths it will not use.
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
QUICK = settings(max_examples=12, deadline=None, derandomize=True, database=None)
VOCAB, MAX_LEN = 13, 24


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


VARIANTS = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["pre", "post"]),
        "final_norm": st.sampled_from([None, True, False]),
        "activation": st.sampled_from(["relu", "gelu", "silu"]),
        "positions": st.sampled_from(["sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"]),
        "tie": st.sampled_from(["none", "decoder", "all"]),
        "bias": st.booleans(),
        "output_bias": st.booleans(),
        "scale_embeddings": st.booleans(),
        "n_heads": st.sampled_from([1, 2, 4]),
    }
)
SEEDS = st.integers(0, 10_000)


def config_of(**options):
    sizes = {"d_model": 8, "n_heads": 2, "d_ff": 12, "n_encoder_layers": 2, "n_decoder_layers": 2}
    options = {"dropout": 0.0, "max_len": MAX_LEN} | sizes | options
    return TransformerConfig(VOCAB, VOCAB, **options)


def make_model(seed=0, **options):
    """A small model in float64 with nothing left at 0 or 1, no dropout."""
    model = Transformer(config_of(**options)).double().eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = "norm" in name and name.endswith("weight")
            scale = 1.0 if p.dim() == 1 or "embedding" in name or "positions" in name else p.shape[-1] ** 0.5
            noise = torch.randn(p.shape, generator=g, dtype=torch.float64)
            p.copy_(1 + 0.3 * noise if gain else noise / scale)
    return model


def make_batch(seed, batch=3, s=5, t=4):
    """src (B, S) and tgt (B, T), padded on the right; the first row is full."""
    g = torch.Generator().manual_seed(seed)
    sides = []
    for n in (s, t):
        tokens = torch.randint(4, VOCAB, (batch, n), generator=g)
        lengths = torch.randint(1, n + 1, (batch, 1), generator=g)
        lengths[0] = n
        sides.append(tokens.masked_fill(torch.arange(n) >= lengths, PAD))
    src, tgt = sides
    tgt[:, 0] = BOS
    return src, tgt


def logits_of(model, src, tgt, **options):
    with torch.no_grad():
        return model(
            src,
            tgt,
            src_mask=padding_mask(src, pad=PAD),
            tgt_mask=padding_mask(tgt, pad=PAD),
            **options,
        )


def other_token(tokens):
    """A different ordinary token in every place."""
    return 4 + (tokens - 3) % (VOCAB - 4)


def change(a, b):
    return (a - b).abs().max().item() if a.numel() else 0.0


# --- the properties -------------------------------------------------------------------------------------


def check_causality(model, src, tgt):
    """New tokens from `cut` on change nothing before and everything from there, in batch and on both paths."""
    tgt = torch.where(tgt == PAD, 4, tgt)
    for cut, return_weights in itertools.product(range(1, tgt.shape[1]), (False, True)):
        changed = tgt.clone()
        changed[:, cut:] = other_token(tgt[:, cut:])
        a, b = (logits_of(model, src, t, return_weights=return_weights) for t in (tgt, changed))
        a, b = (a[0], b[0]) if return_weights else (a, b)
        assert change(a[:, :cut], b[:, :cut]) <= NOTHING, "the past sees the future"
        for t in range(cut, tgt.shape[1]):
            assert change(a[:, t], b[:, t]) > SOMETHING, "a token does not reach its own logits"
        prefix = logits_of(model, src, tgt[:, :cut])
        assert change(prefix, a[:, :cut]) <= NOTHING, "a prefix alone gives other logits"


def check_past_is_read(model, src, tgt):
    """A new first token changes the logits of every later position."""
    tgt = torch.where(tgt == PAD, 4, tgt)
    changed = tgt.clone()
    changed[:, 0] = other_token(tgt[:, 0])
    a, b = logits_of(model, src, tgt), logits_of(model, src, changed)
    assert ((a - b).abs().amax(-1) > SOMETHING).all(), "the past is not read"


def check_padding_invariance(model, src, tgt, extra_src=2, extra_tgt=3):
    """Neither more padding nor what stands under it changes anything at real positions."""
    real = tgt != PAD
    a = logits_of(model, src, tgt)
    longer = [nn.functional.pad(t, (0, n), value=PAD) for t, n in ((src, extra_src), (tgt, extra_tgt))]
    b = logits_of(model, *longer)[:, : tgt.shape[1]]
    assert change(a[real], b[real]) <= NOTHING, "more padding changes logits"
    for return_weights in (False, True):
        masks = {"src_mask": padding_mask(src, pad=PAD), "tgt_mask": decoder_mask(tgt, pad=PAD)}
        junk = [torch.where(t == PAD, VOCAB - 1, t) for t in (src, tgt)]
        with torch.no_grad():
            c = model(*junk, **masks, return_weights=return_weights)
        c = c[0] if return_weights else c
        assert change(a[real], c[real]) <= NOTHING, "what stands under the mask is read"


def check_batch_independence(model, src, tgt):
    """A row's logits are the same alone, in any company and in any order."""
    together = logits_of(model, src, tgt)
    for i in range(len(src)):
        alone = logits_of(model, src[i : i + 1], tgt[i : i + 1])
        assert change(alone[0], together[i]) <= NOTHING, "a row depends on its neighbors"
    order = torch.arange(len(src)).flip(0)
    assert change(logits_of(model, src[order], tgt[order]), together[order]) <= NOTHING, "rows are exchanged"


def check_memory_use(model, src, tgt):
    """Every real source token reaches every target position; so does memory given directly."""
    before = logits_of(model, src, tgt)
    for i in range(src.shape[1]):
        changed = torch.where((torch.arange(src.shape[1]) == i) & (src != PAD), other_token(src), src)
        moved = (before - logits_of(model, changed, tgt)).abs().amax(-1) > SOMETHING
        rows = src[:, i] != PAD
        assert moved[rows].all(), "a source token is not read"
        assert not moved[~rows].any()
    with torch.no_grad():
        mask = padding_mask(src, pad=PAD)
        memory = model.encode(src, src_mask=mask)
        assert change(model.decode(tgt, memory, src_mask=mask), model.decode(tgt, -memory, src_mask=mask)) > (
            SOMETHING
        ), "the memory is not read"


def permutation_error(model, src, seed):
    """Largest difference between encoding a permuted sentence and permuting the encoded sentence."""
    order = torch.randperm(src.shape[1], generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        a = model.encode(src[:, order], src_mask=padding_mask(src[:, order], pad=PAD))
        b = model.encode(src, src_mask=padding_mask(src, pad=PAD))[:, order]
    return change(a, b)


def check_permutation_equivariance(model, src, seed):
    """The encoder without positions does not know the order of its input."""
    assert permutation_error(model, src, seed) <= NOTHING, "the encoder knows the order"


def check_order_is_seen(model, src):
    """With positions, exchanging two neighbors is more than exchanging their rows."""
    order = [1, 0, *range(2, src.shape[1])]
    with torch.no_grad():
        a, b = model.encode(src[:, order]), model.encode(src)[:, order]
    assert change(a, b) > SOMETHING, "the encoder does not know the order"


def check_weights(model, src, tgt):
    """Shapes, rows that sum to 1 over allowed keys, nothing on the future or padding; the logits unchanged."""
    config, (b, s), t = model.config, src.shape, tgt.shape[1]
    logits, weights = logits_of(model, src, tgt, return_weights=True)
    assert change(logits, logits_of(model, src, tgt)) <= NOTHING, "asking for weights changes the logits"
    keys = {
        "encoder": padding_mask(src, pad=PAD),
        "decoder": decoder_mask(tgt, pad=PAD),
        "cross": padding_mask(src, pad=PAD),
    }
    sizes = {"encoder": (s, s), "decoder": (t, t), "cross": (t, s)}
    for name, allowed in keys.items():
        kept = getattr(weights, name)
        assert len(kept) == 2
        for layer in kept:
            assert layer.shape == (b, config.n_heads, *sizes[name])
            assert (layer[~allowed.expand(layer.shape)] == 0).all(), f"{name} weights on what is forbidden"
            assert (layer[allowed.expand(layer.shape)] > 0).all()
            assert change(layer.sum(-1), torch.ones(())) <= NOTHING


def check_parameter_count(model):
    """The formula counts what is there, a shared table once."""
    found = sum(p.numel() for p in model.parameters())
    assert found == parameter_count(model.config), f"{found} parameters"


def check_ties(model):
    """Tied tables are one piece of memory, and only they are."""
    src, tgt, out = (m.weight.data_ptr() for m in (model.src_embedding, model.tgt_embedding, model.output))
    tie = model.config.tie
    assert (tgt == out) == (tie != "none"), "target embedding and output"
    assert (src == tgt) == (tie == "all"), "source and target embedding"
    assert (src == out) == (tie == "all"), "source embedding and output"


# --- every variant has them -----------------------------------------------------------------------------

SIZES = {"batch": st.integers(1, 3), "s": st.integers(1, 5), "t": st.integers(1, 5)}


@QUICK
@given(options=VARIANTS, seed=SEEDS, batch=SIZES["batch"], s=SIZES["s"], t=SIZES["t"])
def test_causality(options, seed, batch, s, t):
    check_causality(make_model(seed, **options), *make_batch(seed, batch, s, t))


@QUICK
@given(options=VARIANTS, seed=SEEDS, t=SIZES["t"])
def test_the_past_is_read(options, seed, t):
    check_past_is_read(make_model(seed, **options), *make_batch(seed, t=t))


@QUICK
@given(options=VARIANTS, seed=SEEDS, extra_src=st.integers(0, 4), extra_tgt=st.integers(0, 4))
def test_padding_invariance(options, seed, extra_src, extra_tgt):
    check_padding_invariance(make_model(seed, **options), *make_batch(seed), extra_src, extra_tgt)


@QUICK
@given(options=VARIANTS, seed=SEEDS, batch=st.integers(2, 4))
def test_batch_independence(options, seed, batch):
    check_batch_independence(make_model(seed, **options), *make_batch(seed, batch))


@QUICK
@given(options=VARIANTS, seed=SEEDS, s=SIZES["s"], t=SIZES["t"])
def test_memory_is_used(options, seed, s, t):
    check_memory_use(make_model(seed, **options), *make_batch(seed, 3, s, t))


@QUICK
@given(options=VARIANTS, seed=SEEDS, s=SIZES["s"])
def test_without_positions_the_encoder_is_permutation_equivariant(options, seed, s):
    model = make_model(seed, **options | {"positions": "none"})
    check_permutation_equivariance(model, make_batch(seed, s=s)[0], seed)


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "rotary"])
def test_with_positions_the_encoder_knows_the_order(positions):
    for seed, norm in ((0, "pre"), (1, "post")):
        src = make_batch(seed, 1)[0]
        check_order_is_seen(make_model(seed, positions=positions, norm=norm), src)
        with pytest.raises(AssertionError, match="does not know the order"):
            check_order_is_seen(make_model(seed, positions="none", norm=norm), src)


@pytest.mark.parametrize("positions", ["rotary", "none", "sinusoidal", "learned"])
def test_only_relative_positions_bear_padding_on_the_left(positions):
    model = make_model(0, positions=positions)
    src, _ = make_batch(0, 2)
    src[:] = src[0].clone()
    shifted = nn.functional.pad(src, (3, 0), value=PAD)
    with torch.no_grad():
        a = model.encode(src)
        b = model.encode(shifted, src_mask=padding_mask(shifted, pad=PAD))[:, 3:]
    # The angles of a model made in float32 keep that type's seven digits after `.double()`.
    assert (change(a, b) <= 1e-5) == (positions in ("rotary", "none"))


@QUICK
@given(options=VARIANTS, seed=SEEDS)
def test_weights(options, seed):
    check_weights(make_model(seed, **options), *make_batch(seed))


@pytest.mark.parametrize("tie", ["none", "decoder", "all"])
def test_ties_share_memory(tie):
    model = make_model(tie=tie)
    check_ties(model)
    check_ties(copy.deepcopy(model).float())
    logits_before = logits_of(model, *make_batch(0))
    model(*make_batch(0)).square().sum().backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.01 * p.grad
    check_ties(model)
    assert change(logits_before, logits_of(model, *make_batch(0))) > SOMETHING
    fresh = make_model(seed=5, tie=tie)
    fresh.load_state_dict(model.state_dict())
    check_ties(fresh)
    assert change(logits_of(fresh, *make_batch(0)), logits_of(model, *make_batch(0))) == 0


def test_a_tied_table_gathers_the_gradients_of_all_its_uses():
    src, tgt = make_batch(0)
    together = make_model(tie="all")
    apart = make_model(tie="none")
    with torch.no_grad():
        for name, p in apart.named_parameters():
            source = "tgt_embedding.weight" if "embedding" in name or name == "output.weight" else name
            p.copy_(together.get_parameter(source))
    for model in (together, apart):
        model(src, tgt).square().mean().backward()
    uses = (apart.src_embedding, apart.tgt_embedding, apart.output)
    total = sum(m.weight.grad for m in uses)
    torch.testing.assert_close(together.tgt_embedding.weight.grad, total, atol=1e-10, rtol=1e-10)


# --- counting -------------------------------------------------------------------------------------------


def test_parameter_count_of_all_variants():
    choices = {
        "norm": ("pre", "post"),
        "final_norm": (None, True, False),
        "positions": ("sinusoidal", "learned", "rotary"),
        "tie": ("none", "decoder", "all"),
        "bias": (True, False),
        "output_bias": (True, False),
    }
    for values in itertools.product(*choices.values()):
        options = dict(zip(choices, values, strict=True))
        check_parameter_count(Transformer(config_of(n_encoder_layers=1, **options)))
    for options in ({"n_encoder_layers": 0}, {"n_decoder_layers": 0}, {"n_heads": 4}, {"activation": "silu"}):
        check_parameter_count(Transformer(config_of(**options)))
    check_parameter_count(Transformer(TransformerConfig(7, 11, d_model=6, n_heads=3, d_ff=5)))


def test_parameter_count_against_torch_and_the_paper():
    """`nn.Transformer()` has the paper's sizes; by hand its layers hold 44,140,544 numbers."""
    paper = {"d_model": 512, "n_heads": 8, "d_ff": 2048, "n_encoder_layers": 6, "n_decoder_layers": 6}
    config = TransformerConfig(37_000, 37_000, norm="post", final_norm=True, tie="all", **paper)
    with torch.device("meta"):
        core = sum(p.numel() for p in nn.Transformer().parameters())
    assert core == 44_140_544
    assert parameter_count(config) == core + 37_000 * 512
    # Table 3 of Vaswani et al. 2017 gives 65 million, rounded.
    assert math.isclose(parameter_count(config), 65e6, rel_tol=0.04)


# --- sizes and lengths ----------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"])
def test_a_sentence_as_long_as_the_positions_fits_and_a_longer_one_is_refused(positions):
    model = make_model(positions=positions)
    fits, long, short = (torch.full((2, n), 5) for n in (MAX_LEN, MAX_LEN + 1, 2))
    assert logits_of(model, fits, fits).shape == (2, MAX_LEN, VOCAB)
    for src, tgt in ((long, short), (short, long)):
        with pytest.raises(CourseError, match=f"{MAX_LEN + 1} tokens.*{MAX_LEN}.*max_len"):
            logits_of(model, src, tgt)
    with pytest.raises(CourseError, match=f"{MAX_LEN + 1} tokens"):
        model.encode(long)
    with pytest.raises(CourseError, match=f"{MAX_LEN + 1} tokens"):
        model.decode(long, model.encode(short))


def test_odd_widths_work():
    model = make_model(d_model=9, n_heads=3)
    check_causality(model, *make_batch(0))


def test_decode_is_the_output_layer_on_the_states():
    model = make_model(output_bias=True)
    src, tgt = make_batch(0)
    mask = padding_mask(src, pad=PAD)
    with torch.no_grad():
        memory = model.encode(src, src_mask=mask)
        states = model.decoder_states(tgt, memory, src_mask=mask)
        assert states.shape == (*tgt.shape, 8)
        expected = model(src, tgt, src_mask=mask)
        assert change(model.output(states), expected) <= NOTHING
        assert change(model.decode(tgt, memory, src_mask=mask), expected) <= NOTHING


def test_an_all_padding_source_gives_finite_logits_and_gradients():
    model = make_model().train()
    src, tgt = make_batch(0)
    src[1] = PAD
    for return_weights in (False, True):
        model.zero_grad()
        logits = model(src, tgt, src_mask=padding_mask(src, pad=PAD), return_weights=return_weights)
        logits = logits[0] if return_weights else logits
        logits.square().sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad.isfinite().all() for p in model.parameters())


def test_dropout_acts_while_training_and_follows_the_seed():
    model = make_model(dropout=0.3)
    plain = logits_of(model, *make_batch(0))
    assert change(plain, logits_of(model, *make_batch(0))) == 0
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first, second = (logits_of(model, *make_batch(0)) for _ in range(2))
        torch.manual_seed(1)
        again = logits_of(model, *make_batch(0))
    assert change(first, again) == 0
    assert change(first, second) > SOMETHING
    assert change(first, plain) > SOMETHING


# --- planted faults -------------------------------------------------------------------------------------


def plant_attend(monkeypatch, edit):
    """Every attention passes its (q, k, v, options) through `edit` first."""
    attend = MultiHeadAttention.attend

    def faulty(self, q, k, v, **options):
        q, k, v, options = edit(q, k, v, options)
        return attend(self, q, k, v, **options)

    monkeypatch.setattr(MultiHeadAttention, "attend", faulty)


def no_causal_mask(monkeypatch):
    plant_attend(monkeypatch, lambda q, k, v, o: (q, k, v, o | {"causal": False}))


def one_step_ahead(monkeypatch):
    def edit(q, k, v, options):
        if not options.get("causal"):
            return q, k, v, options
        mask = torch.ones(q.shape[-2], k.shape[-2]).tril(1).bool()
        given_mask = options.get("mask")
        mask = mask if given_mask is None else mask & given_mask
        return q, k, v, options | {"causal": False, "mask": mask}

    plant_attend(monkeypatch, edit)


def mask_dropped(monkeypatch):
    plant_attend(monkeypatch, lambda q, k, v, o: (q, k, v, o | {"mask": None}))


def source_mask_dropped(monkeypatch):
    def edit(q, k, v, options):
        return q, k, v, options if options.get("causal") else options | {"mask": None}

    plant_attend(monkeypatch, edit)


def mask_inverted(monkeypatch):
    def edit(q, k, v, options):
        mask = options.get("mask")
        return q, k, v, options | {"mask": None if mask is None else ~mask}

    plant_attend(monkeypatch, edit)


def mask_as_a_small_penalty(monkeypatch):
    """Forbidden scores lowered by 3 instead of removed: trains well, leaks a little."""

    def leaky(q, k, v, *, mask=None, dropout=0.0):
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        weights = (scores if mask is None else scores - 3.0 * ~mask).softmax(-1)
        return weights @ v, weights

    monkeypatch.setitem(ATTENTION_MODULE, "attention", leaky)


def heads_split_without_transpose(monkeypatch):
    def split(x, n_heads):
        return x.reshape(x.shape[0], n_heads, x.shape[1], -1)

    def project_self(self, x):
        return tuple(split(y, self.n_heads) for y in self.in_proj(x).chunk(3, -1))

    monkeypatch.setattr(MultiHeadAttention, "project_self", project_self)
    monkeypatch.setitem(ATTENTION_MODULE, "merge_heads", lambda y: y.reshape(y.shape[0], y.shape[2], -1))


def heads_and_batch_exchanged(monkeypatch):
    def merge(y):
        return y.transpose(0, 1).reshape(y.shape[0], y.shape[1], y.shape[2], -1).transpose(1, 2).flatten(-2)

    monkeypatch.setitem(ATTENTION_MODULE, "merge_heads", merge)


def cross_attention_reads_the_decoder(monkeypatch):
    monkeypatch.setattr(
        MultiHeadAttention,
        "forward",
        lambda self, x, memory, *, mask=None, return_weights=False: self.attend(
            *self.project_self(x), causal=True, return_weights=return_weights
        ),
    )


def norm_over_the_batch(monkeypatch):
    def enter(self, x):
        return (x - x.mean(0, keepdim=True)) / (x.std(0, keepdim=True, unbiased=False) + 1e-3)

    monkeypatch.setattr(layers.Residual, "enter", enter)


def norm_over_the_sentence(monkeypatch):
    def enter(self, x):
        return (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True, unbiased=False) + 1e-3)

    monkeypatch.setattr(layers.Residual, "enter", enter)


def attention_to_oneself_only(monkeypatch):
    def edit(q, k, v, options):
        if not options.get("causal"):
            return q, k, v, options
        mask = torch.eye(q.shape[-2]).bool()
        return q, k, v, options | {"causal": False, "mask": mask}

    plant_attend(monkeypatch, edit)


def positions_added_though_there_are_none(monkeypatch):
    embed = Transformer.embedded

    def placed(self, tokens, *args, **options):
        x = embed(self, tokens, *args, **options)
        return x + torch.sin(torch.arange(x.shape[1])[:, None] * torch.arange(x.shape[2]))

    monkeypatch.setattr(Transformer, "embedded", placed)


def weights_before_the_mask(monkeypatch):
    def early(q, k, v, *, mask=None, dropout=0.0):
        output, _ = attention(q, k, v, mask=mask)
        return output, attention(q, k, v)[1]

    monkeypatch.setitem(ATTENTION_MODULE, "attention", early)


def on_batch(check):
    return lambda model: check(model, *make_batch(3))


FAULTS = [
    (no_causal_mask, check_causality, "past sees the future"),
    (one_step_ahead, check_causality, "past sees the future"),
    (heads_split_without_transpose, check_causality, "past sees the future"),
    (mask_as_a_small_penalty, check_causality, "past sees the future"),
    (norm_over_the_sentence, check_causality, "past sees the future"),
    (attention_to_oneself_only, check_past_is_read, "past is not read"),
    (mask_dropped, check_padding_invariance, "more padding"),
    (source_mask_dropped, check_padding_invariance, "more padding"),
    (mask_inverted, check_padding_invariance, "more padding|under the mask"),
    (heads_and_batch_exchanged, check_batch_independence, "neighbors"),
    (norm_over_the_batch, check_batch_independence, "neighbors"),
    (cross_attention_reads_the_decoder, check_memory_use, "source token is not read"),
    (mask_inverted, check_weights, "forbidden"),
    (weights_before_the_mask, check_weights, "forbidden"),
    (mask_as_a_small_penalty, check_weights, "changes the logits"),
]


@pytest.mark.parametrize(
    ("plant", "check", "message"), FAULTS, ids=[f"{plant.__name__}-{check.__name__}" for plant, check, _ in FAULTS]
)  # fmt: skip
def test_planted_faults_are_caught(plant, check, message, monkeypatch):
    model = make_model(2)
    on_batch(check)(model)
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=message):
        on_batch(check)(model)


def test_planted_positions_are_caught(monkeypatch):
    model, (src, _) = make_model(positions="none"), make_batch(0)
    check_permutation_equivariance(model, src, 1)
    positions_added_though_there_are_none(monkeypatch)
    with pytest.raises(AssertionError, match="knows the order"):
        check_permutation_equivariance(model, src, 1)


def test_a_copied_table_and_a_forgotten_one_are_caught():
    model = make_model(tie="all")
    model.output.weight = nn.Parameter(model.output.weight.detach().clone())
    with pytest.raises(AssertionError, match="target embedding and output"):
        check_ties(model)
    with pytest.raises(AssertionError, match="parameters"):
        check_parameter_count(model)
    model = make_model()
    model.encoder.norm = nn.Identity()
    with pytest.raises(AssertionError, match="parameters"):
        check_parameter_count(model)


@pytest.mark.parametrize("make", [lambda: Transformer(config_of()), lambda: RecurrentModel(RecurrentConfig(20, 20))])
def test_ids_of_another_kind_are_named(make):
    model, ids = make().eval(), torch.tensor([[5, 6, 2]])
    wrong = [
        ([[5, 6]], r"these are a list: write `torch.as_tensor\(ids\)`"),
        (ids.numpy(), "these are a ndarray"),
        (ids[0], r"the shape \(3,\): write `ids\[None\]`"),
        (ids[None], r"the shape \(1, 1, 3\)\."),
        (ids.float(), r"these are float32: write `ids.long\(\)`"),
    ]
    for odd, message in wrong:
        for pair in ((odd, ids), (ids, odd)):
            with pytest.raises(CourseError, match=message):
                model(*pair)
    assert torch.equal(model(ids.int(), ids.int()), model(ids, ids))


def test_parts_refuse_what_would_be_another_thing():
    with pytest.raises(CourseError, match="layout is 'halfs'"):
        sinusoidal_positions(4, 8, layout="halfs")
    with pytest.raises(CourseError, match="d_head is 7"):
        rotary_angles(4, 7)
    for heads in (3, 0):
        with pytest.raises(CourseError, match=f"16 cannot be split among {heads} heads"):
            MultiHeadAttention(16, heads)
