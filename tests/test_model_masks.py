"""Masks against loops that spell out who may attend to whom."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.errors import CourseError
from course.model import (
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    MultiHeadAttention,
    RecurrentConfig,
    RecurrentModel,
    Transformer,
    TransformerConfig,
    attention,
    causal_mask,
    decoder_mask,
    fused_attention,
    padding_mask,
)
from course.model.attention import with_causal
from course.model.source_attention import Source

SENTENCES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=4)
)


def assert_is_padding_mask(function, rows, pad):
    mask = function(torch.tensor(rows), pad=pad)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[token != pad for token in row]]] for row in rows]


def assert_is_causal_mask(function, length):
    mask = function(length)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[key <= query for key in range(length)] for query in range(length)]


def assert_is_decoder_mask(function, rows, pad):
    n = range(len(rows[0]))
    mask = function(torch.tensor(rows), pad=pad)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[key <= query and row[key] != pad for key in n] for query in n]] for row in rows]


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(rows=SENTENCES, pad=st.integers(0, 3))
def test_padding_and_decoder_masks(rows, pad):
    assert_is_padding_mask(padding_mask, rows, pad)
    assert_is_decoder_mask(decoder_mask, rows, pad)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_causal_mask(length):
    assert_is_causal_mask(causal_mask, length)
    assert causal_mask(length, torch.device("cpu")).device.type == "cpu"


def test_masks_broadcast_to_heads_and_queries():
    tokens = torch.tensor([[5, 5, 0], [5, 0, 0]])
    full = (2, 4, 3, 3)
    for mask in (padding_mask(tokens, pad=0), causal_mask(3), decoder_mask(tokens, pad=0)):
        assert torch.broadcast_shapes(mask.shape, full) == full


def test_left_padding_leaves_empty_rows_empty():
    mask = decoder_mask(torch.tensor([[9, 9, 4]]), pad=9)
    assert mask[0, 0].tolist() == [[False] * 3, [False] * 3, [False, False, True]]


ROWS = [[2, 1, 0, 0], [3, 3, 1, 2]]


@pytest.mark.parametrize(
    ("check", "wrong", "arguments"),
    [
        (assert_is_causal_mask, lambda n: torch.ones(n, n).bool(), (4,)),
        (assert_is_causal_mask, lambda n: torch.ones(n, n).tril(1).bool(), (4,)),
        (assert_is_causal_mask, lambda n: torch.ones(n, n).tril(-1).bool(), (4,)),
        (assert_is_causal_mask, lambda n: causal_mask(n).T, (4,)),
        (assert_is_causal_mask, lambda n: causal_mask(n).float(), (4,)),
        (assert_is_padding_mask, lambda t, pad: ~padding_mask(t, pad=pad), (ROWS, 0)),
        (assert_is_padding_mask, lambda t, pad: (t != 0)[:, None, None], (ROWS, 1)),
        (assert_is_padding_mask, lambda t, pad: (t != pad)[:, None, :, None], (ROWS, 0)),
        (assert_is_decoder_mask, lambda t, pad: causal_mask(4).expand(2, 1, 4, 4), (ROWS, 0)),
        (assert_is_decoder_mask, lambda t, pad: causal_mask(4) | padding_mask(t, pad=pad), (ROWS, 0)),
    ],
    ids=["none", "one-ahead", "not-itself", "transposed", "float", "inverted", "pad-0", "queries", "no-pad", "or"],
)  # fmt: skip
def test_planted_faults_are_caught(check, wrong, arguments):
    with pytest.raises(AssertionError):
        check(wrong, *arguments)


# --- what is not a mask is refused --------------------------------------------------------------------------------

B, H, TQ, TK, D = 2, 4, 3, 5, 8
NOT_BOOLEAN = {
    "float 0 and 1": lambda mask: mask.float(),
    "to be added": lambda mask: torch.zeros(mask.shape).masked_fill(~mask, -torch.inf),
    "finite, to be added": lambda mask: (~mask).float() * -1e9,
    "bfloat16": lambda mask: mask.bfloat16(),
    "int64": lambda mask: mask.long(),
    "uint8": lambda mask: mask.to(torch.uint8),
}


def states(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def small_transformer(**sizes):
    torch.manual_seed(0)
    options = {"d_model": D, "n_heads": H, "d_ff": 8, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0}
    return Transformer(TransformerConfig(src_vocab_size=9, tgt_vocab_size=9, **options, **sizes)).eval()


def small_recurrent(attention):
    torch.manual_seed(0)
    config = RecurrentConfig(architecture="gru", attention=attention, src_vocab_size=9, tgt_vocab_size=9, d_model=D)
    return RecurrentModel(config).eval()


def of_models(model):
    """Everything public of a translation model that takes the mask of a source (B, 1, 1, S)."""
    src, tgt, memory = torch.full((B, TK), 4), torch.full((B, TQ), 5), states(B, TK, D)
    return {
        "forward": lambda mask: model(src, tgt, src_mask=mask),
        "encode": lambda mask: model.encode(src, src_mask=mask),
        "decode": lambda mask: model.decode(tgt, memory, src_mask=mask),
        "decoder_states": lambda mask: model.decoder_states(tgt, memory, src_mask=mask),
        "start_cache": lambda mask: model.start_cache(memory, src_mask=mask),
    }


def takers_of_padding():
    """name -> a call that takes a mask of the source: (B, 1, 1, S)."""
    models = {"transformer": small_transformer(), "none": small_recurrent("none"), "dot": small_recurrent("dot")}
    return {f"{name}.{call}": run for name, model in models.items() for call, run in of_models(model).items()}


def takers():
    """name -> a call that takes a mask which broadcasts to (B, H, TQ, TK)."""
    q, k = states(B, H, TQ, D), states(B, H, TK, D)
    x, memory = states(B, TQ, D), states(B, TK, D)
    heads, own = MultiHeadAttention(D, H), MultiHeadAttention(D, H)
    own.function = attention
    model = small_transformer()
    config, keep = model.config, lambda each: each
    ids = torch.full((B, TK), 4)
    return {
        "attention": lambda mask: attention(q, k, k, mask=mask),
        "fused_attention": lambda mask: fused_attention(q, k, k, mask=mask),
        "fused_attention, causal": lambda mask: fused_attention(q, k, k, mask=mask, causal=True),
        "with_causal": lambda mask: with_causal(mask, q, k),
        "MultiHeadAttention": lambda mask: heads(x, memory, mask=mask),
        "MultiHeadAttention.attend": lambda mask: heads.attend(q[..., :2], k[..., :2], k[..., :2], mask=mask),
        "MultiHeadAttention, weights": lambda mask: heads(x, memory, mask=mask, return_weights=True),
        "MultiHeadAttention, no gradient": torch.no_grad()(lambda mask: heads(x, memory, mask=mask)),
        "MultiHeadAttention, a learner's own": lambda mask: own(x, memory, mask=mask),
        "EncoderLayer": lambda mask: EncoderLayer(config)(memory, rotate=keep, mask=mask),
        "DecoderLayer": lambda mask: DecoderLayer(config)(memory, memory, rotate=keep, mask=mask),
        "DecoderLayer, memory": lambda mask: DecoderLayer(config)(x, memory, rotate=keep, memory_mask=mask),
        "Encoder": lambda mask: Encoder(config)(memory, rotate=keep, mask=mask),
        "Decoder": lambda mask: Decoder(config)(memory, memory, rotate=keep, mask=mask),
        "Transformer, tgt_mask": lambda mask: model(ids, ids, tgt_mask=mask),
        **takers_of_padding(),
    }


TAKERS = takers()


def padding():
    """(B, 1, 1, TK): the last key of the first sentence is hidden."""
    mask = torch.ones(B, 1, 1, TK, dtype=torch.bool)
    mask[0, ..., -1] = False
    return mask


@pytest.mark.parametrize("name", TAKERS)
def test_a_boolean_mask_passes_everywhere(name):
    TAKERS[name](padding())


@pytest.mark.parametrize("kind", NOT_BOOLEAN)
@pytest.mark.parametrize("name", TAKERS)
def test_numbers_are_no_mask(name, kind):
    mask = NOT_BOOLEAN[kind](padding())
    with pytest.raises(CourseError, match=r"a mask is boolean, True = may attend, and this one is ") as refused:
        TAKERS[name](mask)
    said = str(refused.value)
    assert str(mask.dtype).removeprefix("torch.") in said
    assert "`mask != 0` if 1 marks what may be seen" in said
    assert "`mask == 0` if 1, -inf or another number marks what is hidden" in said
    assert "\n" not in said


@pytest.mark.parametrize("name", TAKERS)
def test_arrays_and_lists_are_no_mask_of_a_tensor(name):
    with pytest.raises(CourseError, match=r"this one is a numpy array: write `torch.from_numpy\(mask\)`\."):
        TAKERS[name](padding().numpy())
    with pytest.raises(CourseError, match=r"this one is a list: write `torch.tensor\(mask\)`\."):
        TAKERS[name](padding().tolist())


@pytest.mark.parametrize("name", TAKERS)
def test_a_mask_of_another_shape_is_named_with_both_shapes(name):
    with pytest.raises(CourseError, match=r"a mask of shape \(2, 1, 1, 6\) does not broadcast to \(2, \d, \d, 5\)"):
        TAKERS[name](torch.ones(B, 1, 1, TK + 1, dtype=torch.bool))


@pytest.mark.parametrize("name", TAKERS)
def test_a_mask_on_another_device_is_named(name):
    with pytest.raises(CourseError, match=r"the mask lies on meta, and what it masks on cpu: write `mask.to\('cpu'\)`"):
        TAKERS[name](padding().to("meta"))


@pytest.mark.parametrize("name", takers_of_padding())
def test_a_mask_of_a_source_never_fits_by_chance(name):
    """(B, S) where B = S would hide queries, and (B, 1, S) where B = H would hide one sentence's words from a head."""
    for shape in ((TK, TK), (H, 1, TK), (B, 1, TQ, TK)):
        with pytest.raises(CourseError, match=r"padding alone is \(B, 1, 1, T\), as `padding_mask` makes it"):
            TAKERS[name](torch.ones(shape, dtype=torch.bool))


def test_a_mask_does_not_make_more_queries_than_there_are():
    q, k = states(1, D), states(TK, D)
    for f in (attention, fused_attention):
        with pytest.raises(CourseError, match=r"\(5, 5\) does not broadcast to \(1, 5\)"):
            f(q, k, k, mask=causal_mask(TK))


def test_leading_axes_may_be_those_of_the_keys_alone():
    q, k, mask = states(TQ, D), states(B, H, TK, D), padding()
    _, weights = attention(q, k, k, mask=mask)
    assert weights.shape == (B, H, TQ, TK)
    assert not weights[0, ..., -1].any()


def test_a_source_knows_its_mask():
    with pytest.raises(CourseError, match="a mask is boolean"):
        Source(states(B, TK, D), states(B, TK, D), torch.ones(B, TK))
    with pytest.raises(CourseError, match=r"\(2, 4\) does not broadcast to \(2, 5\)"):
        Source(states(B, TK, D), states(B, TK, D), torch.ones(B, TK - 1, dtype=torch.bool))


def test_checks_of_masks_leave_a_graph_in_one_piece():
    """Without a break: what is looked at is known before the program runs."""
    q, k, mask = states(B, H, TQ, D), states(B, H, TK, D), padding()
    compiled = torch.compile(lambda q, k, mask: attention(q, k, k, mask=mask)[0], backend="eager", fullgraph=True)
    assert torch.equal(compiled(q, k, mask), attention(q, k, k, mask=mask)[0])


def test_a_model_with_masks_can_be_exported_and_called_functionally():
    model, src, tgt, mask = small_transformer(), torch.full((B, TK), 4), torch.full((B, TQ), 5), padding()
    expected = model(src, tgt, src_mask=mask)
    exported = torch.export.export(model, (src, tgt), {"src_mask": mask}).module()
    assert torch.allclose(exported(src, tgt, src_mask=mask), expected, atol=1e-6)
    weights = dict(model.named_parameters())
    assert torch.equal(torch.func.functional_call(model, weights, (src, tgt), {"src_mask": mask}), expected)
