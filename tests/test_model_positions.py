"""Positions: sinusoids against plain loops, a shift as a rotation, rotary angles against complex numbers."""

import cmath
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.model import Transformer, TransformerConfig, apply_rotary, rotary_angles, sinusoidal_positions
from course.model import attention as attend

QUICK = settings(max_examples=20, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- sinusoids ------------------------------------------------------------------------------------------


def loop_positions(length, d_model, layout):
    """Equation by equation, one number at a time."""
    table = [[0.0] * d_model for _ in range(length)]
    for position in range(length):
        for pair in range((d_model + 1) // 2):
            angle = position / math.pow(10000, 2 * pair / d_model)
            halves = (pair, (d_model + 1) // 2 + pair)
            columns = (2 * pair, 2 * pair + 1) if layout == "interleaved" else halves
            table[position][columns[0]] = math.sin(angle)
            if 2 * pair + 1 < d_model:
                table[position][columns[1]] = math.cos(angle)
    return torch.tensor(table, dtype=torch.float64)


def assert_is_sinusoidal(function, length, d_model, layout):
    table = function(length, d_model, layout=layout)
    assert table.shape == (length, d_model)
    assert table.dtype == torch.float64
    torch.testing.assert_close(table, loop_positions(length, d_model, layout), atol=1e-12, rtol=0)


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("d_model", [1, 2, 3, 7, 8, 33])
def test_sinusoids_equal_the_loops(d_model, layout):
    for length in (1, 2, 50):
        assert_is_sinusoidal(sinusoidal_positions, length, d_model, layout)


def test_interleaved_is_the_default_and_starts_at_zero():
    table = sinusoidal_positions(3, 4)
    assert table[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert table[1].tolist() == pytest.approx([0.8414709848, 0.5403023059, 0.0099998333, 0.9999500004])


def test_the_two_layouts_hold_the_same_columns():
    a, b = sinusoidal_positions(9, 8), sinusoidal_positions(9, 8, layout="halves")
    assert torch.equal(a[:, [0, 2, 4, 6, 1, 3, 5, 7]], b)
    assert not torch.equal(a, b)


def test_planted_faults_in_sinusoids_are_caught():
    def from_one(length, d, layout):
        return sinusoidal_positions(length + 1, d, layout=layout)[1:]

    def own_exponent_each(length, d, layout):
        angles = torch.arange(length)[:, None].double() / 10000 ** (torch.arange(d).double() / d)
        return torch.where(torch.arange(d) % 2 == 0, angles.sin(), angles.cos())

    def swapped(length, d, layout):
        return sinusoidal_positions(length, d, layout="halves")

    for wrong in (from_one, own_exponent_each, swapped):
        with pytest.raises(AssertionError):
            assert_is_sinusoidal(wrong, 5, 8, "interleaved")


@QUICK
@given(pairs=st.integers(1, 6), start=st.integers(0, 40), shift=st.integers(0, 40))
def test_a_shift_is_a_rotation_of_every_pair(pairs, start, shift):
    """The same matrix of 2 x 2 rotations moves every position by `shift`, whatever the start is."""
    d_model = 2 * pairs
    table = sinusoidal_positions(100, d_model)
    turn = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(pairs):
        a = shift / 10000 ** (2 * i / d_model)
        turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
            [[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]
        )
    torch.testing.assert_close(turn @ turn.T, torch.eye(d_model).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(turn @ table[start], table[start + shift], atol=2e-6, rtol=0)


# --- rotary ---------------------------------------------------------------------------------------------


def turned(x, length=None, rotary=apply_rotary):
    angles = rotary_angles(length or x.shape[-2], x.shape[-1])
    return rotary(x, angles.cos(), angles.sin())


def complex_rotary(x):
    """Each pair as one complex number, multiplied by exp(i * position * frequency), in plain Python."""
    flat = x.reshape(-1, *x.shape[-2:]).tolist()
    d_head = x.shape[-1]
    result = []
    for rows in flat:
        for position, row in enumerate(rows):
            numbers = []
            for pair in range(d_head // 2):
                turn = cmath.exp(1j * position * 10000.0 ** (-2 * pair / d_head))
                z = complex(row[2 * pair], row[2 * pair + 1]) * turn
                numbers += [z.real, z.imag]
            result.append(numbers)
    return torch.tensor(result, dtype=torch.float64).reshape(x.shape)


def random_vectors(seed, shape=(2, 3, 7, 8)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_is_rotary(rotary):
    x = random_vectors(0)
    torch.testing.assert_close(turned(x, rotary=rotary), complex_rotary(x), atol=1e-12, rtol=0)


def test_rotary_equals_complex_numbers():
    assert_is_rotary(apply_rotary)
    x = random_vectors(1, (1, 1, 200, 2))
    torch.testing.assert_close(turned(x), complex_rotary(x), atol=1e-11, rtol=0)


def test_rotary_preserves_the_norm_and_leaves_position_0():
    x = random_vectors(2)
    y = turned(x)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1), atol=1e-12, rtol=0)
    assert torch.equal(y[..., 0, :], x[..., 0, :])
    assert ((y - x)[..., 1:, :].abs().amax(-1) > 1e-3).all()


def assert_depends_on_offset_only(rotary, seed, gap):
    """One query and one key vector at every position: their dot product is constant along diagonals."""
    q, k = (random_vectors(s, (6,)).expand(1, 1, 30, 6) for s in (seed, seed + 1000))
    products = (turned(q, rotary=rotary) @ turned(k, rotary=rotary).mT)[0, 0]
    for offset in (-gap, gap):
        diagonal = products.diagonal(offset)
        spread = (diagonal - diagonal[0]).abs().max()
        assert spread < 1e-11, f"the product depends on the position, by {spread:.1e}"


@QUICK
@given(seed=st.integers(0, 999), gap=st.integers(0, 20))
def test_rotated_dot_products_depend_on_the_offset_only(seed, gap):
    assert_depends_on_offset_only(apply_rotary, seed, gap)


def test_rotated_dot_products_differ_between_offsets():
    q, k = (random_vectors(s, (6,)).expand(1, 1, 30, 6) for s in (0, 1))
    products = (turned(q) @ turned(k).mT)[0, 0]
    assert (products[0, 0] - products[0, 1:]).abs().max() > 0.1


def test_attention_with_rotary_positions_ignores_a_common_shift():
    q, k, v = (random_vectors(s, (1, 2, 5, 4)) for s in range(3))
    angles = rotary_angles(20, 4)
    outputs = [
        attend(*(apply_rotary(x, angles[s : s + 5].cos(), angles[s : s + 5].sin()) for x in (q, k)), v)[0]
        for s in (0, 11)
    ]
    torch.testing.assert_close(*outputs, atol=1e-12, rtol=0)


def test_planted_faults_in_rotary_are_caught():
    def halves(x, cos, sin):
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

    def backwards(x, cos, sin):
        return apply_rotary(x, cos, -sin)

    def added(x, cos, sin):
        return x + torch.stack([sin, cos], -1).flatten(-2)

    for wrong in (halves, backwards, added):
        with pytest.raises(AssertionError):
            assert_is_rotary(wrong)
    with pytest.raises(AssertionError, match="depends on the position"):
        assert_depends_on_offset_only(added, 0, 1)


def test_rotary_keeps_the_type_of_its_input():
    assert turned(random_vectors(3).to(torch.bfloat16)).dtype == torch.bfloat16


def test_the_models_own_tables_are_exact_to_the_last_digit_of_their_type():
    """An angle of 200 that is rounded to float32 before the cosine would be 8e-6 off."""
    sizes = {"d_model": 64, "n_heads": 2, "d_ff": 4, "n_encoder_layers": 0, "n_decoder_layers": 0}
    for kind in ("sinusoidal", "sinusoidal_halves", "rotary"):
        model = Transformer(TransformerConfig(5, 5, positions=kind, **sizes))
        if kind == "rotary":
            angles = [[p / 10000 ** (2 * i / 32) for i in range(16)] for p in range(256)]
            pairs = ((model.rotary_cos, math.cos), (model.rotary_sin, math.sin))
            tables = [(ours, torch.tensor([[f(a) for a in row] for row in angles])) for ours, f in pairs]
        else:
            layout = "halves" if kind == "sinusoidal_halves" else "interleaved"
            tables = [(model.position_table, loop_positions(256, 64, layout).float())]
        for ours, exact in tables:
            assert ours.dtype == torch.float32
            assert (ours - exact).abs().max().item() <= 1.2e-7
