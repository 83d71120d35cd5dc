"""Muon: one step against torch's own, blocks as matrices of their own, and the rest as AdamW moves it."""

import pytest
import torch
from torch import nn

from course.errors import CourseError
from course.model import Transformer, TransformerConfig, config_from_dict, make_model
from course.training import train
from course.training.checkpoint import read_tensors
from course.training.muon import ROUND, ROUNDS, Muon, as_blocks, from_blocks, orthogonalized
from course.training.optimizer import make_optimizer
from tests.training_toys import SMALL, backward_corpus, short_training

MUON = {"lr": 0.02, "weight_decay": 0.1}
ADAMW = {**MUON, "betas": (0.9, 0.98), "eps": 1e-9}


def parameters(*shapes, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=draw)) for shape in shapes]


def moved(optimizer, parameters, steps=3):
    """The parameters after some steps, each with other gradients, the same for all."""
    draw = torch.Generator().manual_seed(7)
    for _ in range(steps):
        for p in parameters:
            p.grad = torch.randn(p.shape, generator=draw)
        optimizer.step()
    return [p.detach().clone() for p in parameters]


@pytest.fixture
def float32_oracle(monkeypatch):
    """torch's Muon casts to bfloat16, which says little about the digits: here it stays in float32."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())


@pytest.mark.parametrize("shape", [(16, 16), (8, 16), (12, 36)])
def test_steps_are_those_of_torch(float32_oracle, shape):
    own, theirs = parameters(shape, shape), parameters(shape, shape)
    ours = moved(Muon([{"params": own, "orthogonal": True, "block": shape}], **MUON), own)
    how = {"momentum": 0.9, "ns_steps": ROUNDS, "ns_coefficients": ROUND, "adjust_lr_fn": "match_rms_adamw"}
    right = moved(torch.optim.Muon(theirs, **how, **MUON), theirs)
    for a, b in zip(ours, right, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "axis"), [((12, 4), 0), ((4, 12), 1), ((12, 8), 0)])
def test_stacked_projections_move_as_matrices_of_their_own(shape, axis):
    (whole,) = parameters(shape)
    apart = [nn.Parameter(part.clone()) for part in whole.detach().chunk(3, axis)]
    block = tuple(apart[0].shape)
    one, three = (Muon([{"params": p, "orthogonal": True, "block": block}], **MUON) for p in ([whole], apart))
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    whole.grad = gradient.clone()
    for p, part in zip(apart, gradient.chunk(3, axis), strict=True):
        p.grad = part.clone()
    one.step()
    three.step()
    torch.testing.assert_close(whole.detach(), torch.cat([p.detach() for p in apart], axis))


def test_what_is_not_orthogonal_moves_as_adamw_moves_it():
    own, theirs = parameters((5, 4), (4,)), parameters((5, 4), (4,))
    (matrix,) = parameters((4, 4), seed=9)
    ours = Muon([{"params": [matrix], "orthogonal": True, "block": (4, 4)}, {"params": own}], **ADAMW)
    before = matrix.detach().clone()
    matrix.grad = torch.ones(4, 4)
    for a, b in zip(moved(ours, own), moved(torch.optim.AdamW(theirs, **ADAMW), theirs), strict=True):
        torch.testing.assert_close(a, b)
    assert not torch.equal(matrix.detach(), before)
    assert matrix.grad is not None


def test_singular_values_go_as_the_polynomial_says_and_vectors_stay():
    matrices = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, s, v = torch.linalg.svd(matrices)
    s = s / s.norm(dim=-1, keepdim=True)
    a, b, c = ROUND
    for _ in range(ROUNDS):
        s = a * s + b * s**3 + c * s**5
    torch.testing.assert_close(orthogonalized(matrices), u @ torch.diag_embed(s) @ v, rtol=0, atol=1e-5)
    assert s.max() < 1.3
    assert s.median() > 0.7  # most of them; the smallest have grown 41 times, and may still be small


def test_products_in_bfloat16_come_as_near():
    matrices = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(1))
    exact, rough = orthogonalized(matrices), orthogonalized(matrices, torch.bfloat16)
    assert rough.dtype == matrices.dtype
    assert not torch.equal(rough, exact)
    apart = (rough - exact).norm(dim=(1, 2)) / exact.norm(dim=(1, 2))
    assert apart.max() < 0.05  # where a singular value of 1 may come out as .7 to 1.2


def test_the_precision_of_the_run_is_that_of_the_products():
    model = Transformer(TransformerConfig.from_dict(SMALL | {"src_vocab_size": 50, "tgt_vocab_size": 50}))
    for precision, products in (("float32", None), ("bfloat16", torch.bfloat16)):
        optimizer = make_optimizer(model, short_training(optimizer="muon"), precision=precision)
        assert optimizer.products == products


def test_matrices_without_a_gradient_stay():
    """Those of an encoder that no decoder layer looks at, for one."""
    one, other = parameters((4, 4), (4, 4))
    before = [p.detach().clone() for p in (one, other)]
    optimizer = Muon([{"params": [one, other], "orthogonal": True, "block": (4, 4)}], **MUON)
    optimizer.step()
    assert torch.equal(one.detach(), before[0])
    other.grad = torch.ones(4, 4)
    optimizer.step()
    assert torch.equal(one.detach(), before[0])
    assert not torch.equal(other.detach(), before[1])


@pytest.mark.parametrize("shape", [(12, 4), (4, 12), (4, 4), (8, 12)])
@pytest.mark.parametrize("block", [(4, 4), (2, 4)])
def test_blocks_go_back_where_they_came_from(shape, block):
    matrix = torch.arange(shape[0] * shape[1]).reshape(shape)
    blocks = as_blocks(matrix, block)
    assert blocks.shape == (shape[0] * shape[1] // (block[0] * block[1]), *block)
    assert torch.equal(blocks[0], matrix[: block[0], :4])
    assert torch.equal(blocks[-1], matrix[-block[0] :, -4:])
    assert torch.equal(from_blocks(blocks, matrix.shape), matrix)


def test_embeddings_and_vectors_stay_with_adamw():
    model = Transformer(TransformerConfig.from_dict(SMALL | {"src_vocab_size": 50, "tgt_vocab_size": 50}))
    groups = make_optimizer(model, short_training(optimizer="muon")).param_groups
    inside = {id(p) for group in groups if group.get("orthogonal") for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in inside}
    assert names
    assert all(name.startswith(("encoder.", "decoder.")) for name in names)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_the_gates_of_a_recurrent_cell_are_blocks(cell, gates):
    sizes = {"src_vocab_size": 50, "tgt_vocab_size": 50, "d_model": 8, "n_layers": 2, "attention": "local-p"}
    model = make_model(config_from_dict(sizes | {"architecture": cell}))
    groups = make_optimizer(model, short_training(optimizer="muon")).param_groups
    block_of = {id(p): group["block"] for group in groups if group.get("orthogonal") for p in group["params"]}
    blocks = {name: block_of.get(id(p)) for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        apart = p.dim() == 1 or len(p) == 1 or "embedding" in name or name == "output.weight"
        assert (blocks[name] is None) == apart, name
    assert blocks["encoder.weight_ih_l0_reverse"] == (4, 8)
    assert blocks["encoder.weight_hh_l0"] == (4, 4)
    assert blocks["decoder.weight_hh_l1"] == (8, 8)
    assert blocks["start.weight"] == (8, 8)
    assert blocks["readout.weight"] == (8, 24)
    assert dict(model.named_parameters())["decoder.weight_ih_l0"].shape == (gates * 8, 8)


def test_a_width_that_is_no_multiple_is_said_before_anything_is_written(tmp_path):
    text = backward_corpus()
    with pytest.raises(CourseError, match="multiples of d_model"):
        train(
            tmp_path / "run", *text, model_options=SMALL | {"d_ff": 50}, training=short_training(optimizer="muon"),
            vocab_size=280,
        )  # fmt: skip


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    text, how = backward_corpus(), {"model_options": SMALL, "vocab_size": 280}
    training = short_training(optimizer="muon", max_steps=8)
    train(tmp_path / "whole", *text, training=training, **how)
    seen = []
    train(tmp_path / "parts", *text, training=training, stop=lambda: seen.append(1) or len(seen) == 4, **how)
    train(tmp_path / "parts", *text, training=training, resume=True, **how)
    whole, parts = (read_tensors(tmp_path / name / "last.safetensors")[0] for name in ("whole", "parts"))
    assert any(name.startswith("optimizer.momentum.") for name in whole)
    for name, tensor in whole.items():
        assert torch.equal(tensor, parts[name]), name
