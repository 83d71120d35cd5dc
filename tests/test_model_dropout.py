"""Dropout: how much, what is left, its gradient and its seed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.model.dropout import Dropout, byte_mask


def byte_dropout(x, p):
    return x * byte_mask(x, p)


@pytest.fixture(autouse=True)
def _seeded_on_one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_num_threads(before)


def assert_drops(function, p, dtype=torch.float32, n=400_000):
    """A fraction p is zero, the rest is scaled so that the mean stays, within five standard errors."""
    kept_part = 1 - round(p * 256) / 256
    y = function(torch.ones(n, dtype=dtype), p).double()
    deviation = math.sqrt(kept_part * (1 - kept_part) / n)
    zero = (y == 0).double().mean().item()
    assert abs(zero - (1 - kept_part)) <= 5 * deviation + 1e-12, f"dropped {zero:.4f}"
    kept = y[y != 0]
    assert (kept == kept[0]).all(), "numbers that stay are scaled by different factors"
    rounding = torch.finfo(dtype).eps
    assert abs(y.mean().item() - 1) <= 5 * deviation / kept_part + rounding, f"mean {y.mean():.4f}"


@pytest.mark.parametrize("p", [0.0, 1 / 256, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_fraction_and_expectation(p):
    assert_drops(byte_dropout, p)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_fraction_and_expectation_in_other_types(dtype):
    assert_drops(byte_dropout, 0.25, dtype)
    assert byte_dropout(torch.ones(9, dtype=dtype), 0.25).dtype == dtype


def test_the_fraction_is_the_asked_one_within_half_a_256th():
    for p in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        dropped = (byte_dropout(torch.ones(400_000), p) == 0).double().mean().item()
        assert abs(dropped - p) <= 0.5 / 256 + 5 * math.sqrt(p / 400_000)


def test_every_fraction_that_the_config_takes_leaves_finite_numbers():
    for p in (0.998, 0.999, 0.999999):
        y = byte_dropout(torch.ones(10_000), p)
        assert y.isfinite().all()
        assert (y == 0).double().mean().item() > 0.98


def test_neighbors_are_dropped_independently():
    """Eight decisions come from one random integer: none may lean on another."""
    dropped = (byte_dropout(torch.ones(800_000), 0.5) == 0).double().reshape(-1, 8) * 2 - 1
    correlation = dropped.T @ dropped / len(dropped) - torch.eye(8).double()
    assert correlation.abs().max().item() < 6 / math.sqrt(len(dropped))
    rows = (dropped[:-1] * dropped[1:]).mean(0)
    assert rows.abs().max().item() < 6 / math.sqrt(len(dropped))


def test_planted_faults_are_caught():
    def unscaled(x, p):
        return byte_dropout(x, p) * (1 - p)

    def keeps_what_it_should_drop(x, p):
        return byte_dropout(x, 1 - p)

    def scaled_twice(x, p):
        return byte_dropout(x, p) / (1 - p)

    def signed_bytes(x, p):
        words = torch.empty(x.numel(), dtype=torch.int8).random_(-128, 128)
        return x.masked_fill(words < round(p * 256), 0.0) / (1 - p)

    for wrong in (unscaled, keeps_what_it_should_drop, scaled_twice, signed_bytes):
        with pytest.raises(AssertionError):
            assert_drops(wrong, 0.25)


def assert_gradient_matches_mask(function):
    x = torch.full((50, 40), 3.0, requires_grad=True)
    y = function(x, 0.25)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach() / 3.0), "the gradient passes elsewhere than the values"


def test_gradient_passes_where_the_values_do():
    assert_gradient_matches_mask(byte_dropout)


def test_a_gradient_with_another_mask_is_caught():
    def two_masks(x, p):
        return x + (byte_dropout(x.detach(), p) - x.detach())

    with pytest.raises(AssertionError, match="gradient"):
        assert_gradient_matches_mask(two_masks)


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(shape=st.lists(st.integers(0, 5), min_size=0, max_size=4), p=st.floats(0, 0.99))
def test_any_shape(shape, p):
    x = torch.ones(shape)
    before = x.clone()
    y = byte_dropout(x, p)
    assert y.shape == x.shape
    assert y.isfinite().all()
    assert torch.equal(x, before)


def test_views_and_transposed_inputs():
    x = torch.arange(1.0, 401.0).reshape(20, 20).T
    y = byte_dropout(x, 0.5)
    kept = y != 0
    torch.testing.assert_close(y[kept], 2 * x[kept])
    assert 0 < kept.sum() < 400


def test_the_seed_decides():
    drop, x = Dropout(0.3).train(), torch.ones(1000)
    torch.manual_seed(7)
    first, second = drop(x), drop(x)
    torch.manual_seed(7)
    assert torch.equal(drop(x), first)
    assert torch.equal(drop(x), second)
    assert not torch.equal(first, second)


def test_adding_to_the_stream_is_dropout_and_then_a_sum():
    drop, x, y = Dropout(0.3).train(), torch.randn(4, 50), torch.randn(4, 50, requires_grad=True)
    torch.manual_seed(7)
    together = drop.added(x, y)
    gradient = torch.autograd.grad(together.sum(), y)[0]
    torch.manual_seed(7)
    torch.testing.assert_close(together, x + drop(y))
    assert torch.equal(gradient == 0, together == x)
    assert torch.equal(drop.eval().added(x, y), x + y)


def test_no_effect_in_evaluation_or_at_zero():
    x = torch.randn(100)
    state = torch.get_rng_state()
    assert torch.equal(Dropout(0.9).eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(Dropout(0.9).train()(x), x)


def test_the_probability_is_printed():
    assert "0.3" in repr(Dropout(0.3))
