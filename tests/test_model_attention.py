"""Attention: the explicit path against plain loops, the fused path against the explicit one, empty rows."""

import itertools
import math
import sys

import pytest
import torch
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from course.model import MultiHeadAttention, attention, causal_mask, fused_attention, merge_heads, split_heads
from course.model import attention as attention_function  # the function hides the module of the same name

B, H, TQ, TK, DK, DV = 2, 3, 4, 5, 6, 7
FULL = (B, H, TQ, TK)

# Every shape that broadcasts to (B, H, Tq, Tk): each axis its full size or 1, leading axes left out or not.
MASK_SHAPES = [
    shape for n_axes in (1, 2, 3, 4) for shape in itertools.product(*[(size, 1) for size in FULL[len(FULL) - n_axes :]])
]

# float64, float32: a few roundings of numbers of about 1. bfloat16 has 8 significant bits, so one rounding
# costs 2^-8 of the value; scores of about 3, the weights and the output are each rounded once, and the
# gradient passes the same stations again: 16 roundings is the bound. No scaling would give errors of about 1.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 4e-6, torch.bfloat16: 16 * 2**-8}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_qkv(seed, dtype=torch.float64, tq=TQ, tk=TK):
    g = torch.Generator().manual_seed(seed)
    shapes = (B, H, tq, DK), (B, H, tk, DK), (B, H, tk, DV)
    return [torch.randn(s, generator=g, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes]


def random_mask(shape, seed, density=0.6):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density


def loop_attention(q, k, v, mask):
    """One number at a time, in Python floats: nothing in common with the code under test."""
    q, k, v, mask = (t.tolist() for t in (q, k, v, mask.expand(*q.shape[:-1], k.shape[-2])))
    outputs, all_weights = [], []
    for b, h, i in itertools.product(range(B), range(H), range(len(q[0][0]))):
        open_keys = [j for j, may in enumerate(mask[b][h][i]) if may]
        scores = {j: sum(x * y for x, y in zip(q[b][h][i], k[b][h][j], strict=True)) / math.sqrt(DK) for j in open_keys}
        total = sum(math.exp(s) for s in scores.values())
        weights = [math.exp(scores[j]) / total if j in scores else 0.0 for j in range(len(k[b][h]))]
        all_weights.append(weights)
        outputs.append([sum(w * row[c] for w, row in zip(weights, v[b][h], strict=True)) for c in range(DV)])
    rows = (B, H, len(q[0][0]))
    return torch.tensor(outputs).double().reshape(*rows, DV), torch.tensor(all_weights, dtype=torch.float64).reshape(
        *rows, -1
    )


def run(function, qkv, **options):
    """Output and the gradients of q, k, v under one fixed direction."""
    qkv = [t.detach().clone().requires_grad_() for t in qkv]
    result = function(*qkv, **options)
    output = result[0] if isinstance(result, tuple) else result
    direction = torch.cos(torch.arange(output.numel(), dtype=torch.float64)).reshape(output.shape)
    (output * direction.to(output.dtype)).sum().backward()
    return [output.detach(), *(t.grad for t in qkv)]


def assert_near(actual, expected, tolerance):
    """Largest difference at most tolerance, or that part of the largest number where that is above 1."""
    for name, a, e in zip(("output", "dq", "dk", "dv"), actual, expected, strict=True):
        a, e = a.double(), e.double()
        assert a.isfinite().all(), f"{name} is not finite"
        worst = (a - e).abs().max().item() if a.numel() else 0.0
        bound = tolerance * max(1.0, e.abs().max().item() if e.numel() else 0.0)
        assert worst <= bound, f"{name} differs by {worst:.2e}"


def assert_matches_loops(function, seed=0):
    """Output and weights of an explicit attention equal the plain loops'."""
    q, k, v = (t.detach() for t in random_qkv(seed))
    for mask in (torch.ones(1, dtype=torch.bool), random_mask(FULL, seed), causal_mask(TK)[:TQ]):
        output, weights = function(q, k, v, mask=mask)
        expected_output, expected_weights = loop_attention(q, k, v, mask)
        torch.testing.assert_close(weights, expected_weights, atol=1e-12, rtol=0)
        # The loops' output went through float32 nowhere but where a list of Python floats is read back.
        torch.testing.assert_close(output, expected_weights @ v, atol=1e-12, rtol=0)
        torch.testing.assert_close(output, expected_output, atol=1e-6, rtol=1e-6)


# --- values ---------------------------------------------------------------------------------------------


def test_explicit_path_equals_plain_loops():
    for seed in range(3):
        assert_matches_loops(attention, seed)


def test_an_attention_without_scaling_fails_against_the_loops():
    def unscaled(q, k, v, *, mask=None):
        return attention(q * math.sqrt(q.shape[-1]), k, v, mask=mask)

    with pytest.raises(AssertionError):
        assert_matches_loops(unscaled)


def test_an_attention_that_normalizes_over_queries_fails_against_the_loops():
    def wrong_axis(q, k, v, *, mask=None):
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -1e9)
        weights = scores.softmax(-2)
        return weights @ v, weights

    with pytest.raises(AssertionError):
        assert_matches_loops(wrong_axis)


def test_weights_are_a_distribution_over_the_allowed_keys():
    q, k, v = random_qkv(1)
    mask = random_mask(FULL, 1)
    _, weights = attention(q, k, v, mask=mask)
    assert (weights[~mask] == 0).all()
    assert (weights[mask] > 0).all()
    expected = mask.any(-1).double()
    torch.testing.assert_close(weights.sum(-1), expected, atol=1e-14, rtol=0)


def test_huge_scores_stay_finite():
    q, k, v = (t.detach().float() for t in random_qkv(2))
    mask = random_mask(FULL, 2)
    output, weights = attention(q * 1e4, k * 1e4, v, mask=mask)
    assert output.isfinite().all()
    assert weights.isfinite().all()
    torch.testing.assert_close(fused_attention(q * 1e4, k * 1e4, v, mask=mask), output)


def test_inputs_and_mask_are_left_as_they_were():
    qkv = random_qkv(3)
    mask = random_mask(FULL, 3)
    before = [t.detach().clone() for t in (*qkv, mask)]
    attention(*qkv, mask=mask)
    fused_attention(*qkv, mask=mask, causal=True)
    for old, new in zip(before, (*qkv, mask), strict=True):
        assert torch.equal(old, new.detach())


# --- the two paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", MASK_SHAPES, ids=str)
def test_paths_are_equal_with_masks_of_every_shape(shape, dtype):
    qkv = random_qkv(4, dtype)
    for mask in (random_mask(shape, 5), torch.ones(shape).bool(), torch.zeros(shape).bool()):
        explicit, fused = run(attention, qkv, mask=mask), run(fused_attention, qkv, mask=mask)
        assert_near(fused, explicit, TOLERANCE[dtype])
        truth = run(attention, [t.detach().double() for t in qkv], mask=mask)
        assert_near(explicit, truth, TOLERANCE[dtype])
        assert_near(fused, truth, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", [None, *MASK_SHAPES], ids=str)
def test_paths_are_equal_when_causal_and_masked_together(shape, dtype):
    for tq, tk in ((5, 5), (TQ, TK), (TK, TQ)):
        qkv = random_qkv(6, dtype, tq, tk)
        steps = torch.tensor([[j <= i for j in range(tk)] for i in range(tq)])
        sizes = None if shape is None else [n if n == 1 else m for n, m in _zip_right(shape, (B, H, tq, tk))]
        mask = None if sizes is None else random_mask(sizes, 7)
        both = steps if mask is None else steps & mask
        fused = run(fused_attention, qkv, mask=mask, causal=True)
        assert_near(fused, run(attention, qkv, mask=both), TOLERANCE[dtype])


def _zip_right(shape, full):
    return zip(shape, full[len(full) - len(shape) :], strict=True)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_paths_are_equal_without_a_mask(dtype):
    qkv = random_qkv(8, dtype)
    assert_near(run(fused_attention, qkv), run(attention, qkv), TOLERANCE[dtype])


def test_gradients_of_both_paths_equal_finite_differences():
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 2, n, 3, generator=g, dtype=torch.float64, requires_grad=True) for n in (3, 4, 4))
    mask = random_mask((1, 2, 3, 4), 9)
    mask[0, 0, 1] = False
    assert gradcheck(lambda *qkv: attention(*qkv, mask=mask), (q, k, v))
    assert gradcheck(lambda *qkv: fused_attention(*qkv, mask=mask), (q, k, v))


# --- empty rows -----------------------------------------------------------------------------------------


def assert_empty_rows_are_silent(function, dtype):
    """Zero output, weights and gradients at an empty row; every other row as if that row were not there."""
    qkv = random_qkv(10, dtype)
    mask = random_mask(FULL, 11) | torch.eye(TQ, TK).bool()
    empty = torch.zeros(FULL[:3]).bool()
    empty[0, :, 1] = True
    empty[1, 2, TQ - 1] = True
    mask = mask & ~empty[..., None]
    output, dq, dk, dv = run(function, qkv, mask=mask)
    assert all(t.isfinite().all() for t in (output, dq, dk, dv)), "not finite"
    assert (output[empty] == 0).all(), "an empty row has an output"
    assert (dq[empty] == 0).all(), "an empty row's query has a gradient"
    assert (output[~empty] != 0).any(-1).all()
    # Batch 0 without query 1: the keys' and values' gradients must not notice that it was ever there.
    kept = [0, 2, 3]
    q, k, v = (t.detach()[:1].clone().requires_grad_() for t in qkv)
    result = function(q[:, :, kept], k, v, mask=mask[:1, :, kept])
    result = result[0] if isinstance(result, tuple) else result
    direction = torch.cos(torch.arange(output.numel(), dtype=torch.float64)).reshape(output.shape).to(dtype)
    (result * direction[:1, :, kept]).sum().backward()
    tolerance = TOLERANCE[dtype]
    assert_near([result.detach(), k.grad, v.grad, q.grad[:, :, kept]],
                [output[:1, :, kept], dk[:1], dv[:1], dq[:1, :, kept]], tolerance)  # fmt: skip


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("function", [attention, fused_attention])
def test_empty_rows_are_silent(function, dtype):
    assert_empty_rows_are_silent(function, dtype)


def test_weights_of_an_empty_row_are_zero():
    mask = random_mask(FULL, 12)
    mask[:, :, 2] = False
    _, weights = attention(*random_qkv(12), mask=mask)
    assert (weights[:, :, 2] == 0).all()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("function", [attention, fused_attention])
def test_where_all_rows_are_empty_all_is_zero(function, dtype):
    for result in run(function, random_qkv(13, dtype), mask=torch.zeros(1, 1, 1, TK).bool()):
        assert (result == 0).all()


def test_infinities_and_a_uniform_row_both_fail_the_empty_row_check():
    def infinities(q, k, v, *, mask):
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -torch.inf)
        return scores.softmax(-1) @ v

    def uniform(q, k, v, *, mask):
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -1e9)
        return scores.softmax(-1) @ v

    def zeros_forward_only(q, k, v, *, mask):
        return infinities(q, k, v, mask=mask).nan_to_num(0.0)

    with pytest.raises(AssertionError, match="not finite"):
        assert_empty_rows_are_silent(infinities, torch.float64)
    with pytest.raises(AssertionError, match="an empty row has an output"):
        assert_empty_rows_are_silent(uniform, torch.float64)
    with pytest.raises(AssertionError, match="not finite"):
        assert_empty_rows_are_silent(zeros_forward_only, torch.float64)


# --- heads ----------------------------------------------------------------------------------------------


def test_each_head_takes_its_own_columns():
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
    heads = split_heads(x, 3)
    assert heads.shape == (2, 3, 5, 4)
    for h in range(3):
        assert torch.equal(heads[:, h], x[:, :, 4 * h : 4 * h + 4])
    assert torch.equal(merge_heads(heads), x)


def make_attention(dtype=torch.float64, bias=True, **options):
    module = MultiHeadAttention(12, 3, bias=bias, **options).to(dtype)
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(0.4 * torch.randn(p.shape, generator=g, dtype=torch.float64))
    return module


def one_head_after_the_other(module, x_q, x_kv, mask):
    """Multi-head attention as a list of heads, each with its own three matrices."""
    d, n, w, b = 12, 4, module.in_proj.weight, module.in_proj.bias
    b = torch.zeros(3 * d, dtype=w.dtype) if b is None else b
    outputs = []
    for h in range(3):
        q, k, v = (
            x @ w[i * d + h * n : i * d + h * n + n].T + b[i * d + h * n : i * d + h * n + n]
            for i, x in enumerate((x_q, x_kv, x_kv))
        )
        scores = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(n)
        weights = scores.masked_fill(~mask[:, h], -torch.inf).softmax(-1)
        outputs.append(weights @ v)
    out = torch.cat(outputs, -1) @ module.out_proj.weight.T
    return out if module.out_proj.bias is None else out + module.out_proj.bias


@pytest.mark.parametrize("bias", [True, False])
def test_multi_head_attention_equals_a_list_of_heads(bias):
    module = make_attention(bias=bias)
    g = torch.Generator().manual_seed(2)
    x, y = (torch.randn(2, n, 12, generator=g, dtype=torch.float64) for n in (4, 5))
    for other in (None, y):
        n_keys = 4 if other is None else 5
        mask = random_mask((2, 3, 4, n_keys), 3) | torch.eye(4, n_keys).bool()
        expected = one_head_after_the_other(module, x, x if other is None else other, mask)
        for return_weights in (False, True):
            output, weights = module(x, other, mask=mask, return_weights=return_weights)
            torch.testing.assert_close(output, expected, atol=1e-12, rtol=0)
            assert (weights is not None) == return_weights


@pytest.mark.parametrize("bias", [True, False])
def test_self_attention_is_cross_attention_to_itself(bias):
    module = make_attention(bias=bias)
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.testing.assert_close(module(x)[0], module(x, x)[0], atol=1e-13, rtol=0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_a_module_gives_the_same_on_both_paths(causal, masked, dtype, monkeypatch):
    monkeypatch.setattr(sys.modules["course.model.attention"], "explicit_is_faster", lambda q: False)  # as on a GPU
    module = make_attention(dtype)
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(4), dtype=torch.float64).to(dtype)
    mask = random_mask((2, 1, 1, 5), 5) if masked else None
    results = []
    for return_weights in (False, True):
        module.zero_grad()
        leaf = x.clone().requires_grad_()
        output, _ = module(leaf, mask=mask, causal=causal, return_weights=return_weights)
        output.square().mean().backward()
        results.append([output.detach(), leaf.grad, *(p.grad.clone() for p in module.parameters())])
    for fused, explicit in zip(*results, strict=True):
        bound = TOLERANCE[dtype] * max(1.0, explicit.abs().max().item())
        assert (fused - explicit).abs().max().item() <= bound


def test_on_a_cpu_a_module_trains_on_plain_operations_and_decodes_on_the_fused_kernel():
    module = make_attention(torch.float64)
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    trained, _ = module(x, causal=True)
    assert not [name for name in nodes(trained) if "ScaledDotProduct" in name]
    q = random_qkv(1)[0]
    assert [name for name in nodes(fused_attention(q, q, q)) if "ScaledDotProduct" in name]
    with torch.no_grad(), FusedCalls() as calls:
        torch.testing.assert_close(module(x, causal=True)[0], trained.detach())
    assert calls.seen


def nodes(tensor):
    """The names of all steps that autograd remembers."""
    found, left = set(), [tensor.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in found:
            found.add(node)
            left += [parent for parent, _ in node.next_functions]
    return {node.name() for node in found}


class FusedCalls(TorchDispatchMode):
    """Notes the calls of torch's fused kernel."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "scaled_dot_product" in str(function):
            self.seen.append(function)
        return function(*args, **(kwargs or {}))


def test_attention_dropout_thins_the_weights_used_and_not_those_returned():
    q, k = (torch.zeros(1, 1, n, 2) for n in (400, 50))
    v = torch.ones(1, 1, 50, 1)
    torch.manual_seed(0)
    output, weights = attention_function(q, k, v, dropout=0.5)
    assert torch.equal(weights, torch.full_like(weights, 1 / 50))
    assert output.std() > 0.05
    # 20,000 weights kept or dropped by a fair coin: the mean of the sums has a standard error of 0.007.
    assert abs(output.mean().item() - 1) < 0.04


def test_attention_dropout_acts_in_training_only():
    module = make_attention(dropout=0.5)
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    plain = make_attention()(x)[0]
    for return_weights in (False, True):
        module.train()
        assert not torch.allclose(module(x, return_weights=return_weights)[0], plain)
        module.eval()
        torch.testing.assert_close(module(x, return_weights=return_weights)[0], plain, atol=1e-13, rtol=0)
