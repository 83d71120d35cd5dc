"""Schedule, loss, machine and settings: the parts of training that need no run."""

import math
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.data.batches import Batch, make_batch
from course.errors import CourseError
from course.model import Transformer, TransformerConfig
from course.special import PAD
from course.training import PRESETS, TrainingConfig
from course.training.distributed import team_from_environment
from course.training.log import clock
from course.training.loss import summed_loss, teacher_forced_states
from course.training.machine import autocast, choose_precision, keep_memory
from course.training.schedule import learning_rate, warmup_inverse_sqrt, warmup_linear


def noam(step: int, d_model: int, warmup_steps: int) -> float:
    """Vaswani et al. 2017, equation 3, as printed; steps from 1."""
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)


@given(step=st.integers(0, 20_000), warmup=st.integers(1, 5_000))
@settings(max_examples=60, deadline=None)
def test_inverse_sqrt_is_the_papers_schedule_scaled_to_a_peak_of_one(step, warmup):
    peak = noam(warmup, 512, warmup)
    assert warmup_inverse_sqrt(step, warmup_steps=warmup) == pytest.approx(noam(step + 1, 512, warmup) / peak)


def test_linear_rises_to_the_peak_and_ends_at_zero():
    rates = [warmup_linear(s, s / 1000, warmup_steps=100) for s in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(0.91, abs=0.01)
    assert rates[-1] == 0
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_linear_never_leaves_zero_to_one_even_past_the_end():
    assert warmup_linear(5000, 1.3, warmup_steps=10) == 0


def test_the_schedule_is_chosen_by_name():
    known = {"peak": 2.0, "warmup_steps": 10}
    assert learning_rate(40, 0.5, schedule="linear", **known) == pytest.approx(1.0)
    assert learning_rate(39, 0.5, schedule="inverse_sqrt", **known) == pytest.approx(1.0)


def small_model(**changes):
    sizes = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0}
    torch.manual_seed(3)
    return Transformer(TransformerConfig(20, 20, **(sizes | changes))).double()


EXAMPLES = [([5, 6, 7], [8, 9]), ([10], [11, 12, 13, 14]), ([4, 4, 9, 3], [15])]


def our_loss(model, batch, **options):
    states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
    return summed_loss(model.output, states, labels, **options)


@pytest.mark.parametrize("output_bias", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("sentences", [3, 100])
def test_loss_and_gradient_equal_torch_on_all_positions(label_smoothing, output_bias, sentences):
    """Padding left out, the gradient written over the logits: that changes nothing but the work."""
    batch, model = make_batch((EXAMPLES * 34)[:sentences]), small_model(output_bias=output_bias)
    if output_bias:
        torch.nn.init.normal_(model.output.bias)
    ours = our_loss(model, batch, label_smoothing=label_smoothing)
    gradients = torch.autograd.grad(3 * ours, list(model.parameters()))
    logits = model(batch.src, batch.tgt_in, src_mask=(batch.src != PAD)[:, None, None])
    oracle = torch.nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum", label_smoothing=label_smoothing)
    theirs = oracle(logits.flatten(0, 1), batch.labels.flatten())
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-12)
    for a, b in zip(gradients, torch.autograd.grad(3 * theirs, list(model.parameters())), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)
    with torch.no_grad():
        torch.testing.assert_close(our_loss(model, batch, label_smoothing=label_smoothing).double(), ours.detach())


def test_loss_under_autocast_is_near_the_exact_one_and_has_float32_gradients():
    batch, model = make_batch(EXAMPLES), small_model().float()
    exact = our_loss(model, batch, label_smoothing=0.1)
    with autocast("bfloat16", torch.device("cpu")):
        rough = our_loss(model, batch, label_smoothing=0.1)
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)
    gradient, wanted = (torch.autograd.grad(loss, model.output.weight)[0] for loss in (rough, exact))
    assert gradient.dtype == torch.float32
    assert (gradient - wanted).norm() < 0.05 * wanted.norm()


def test_large_logits_do_not_overflow():
    output = torch.nn.Linear(2, 3, bias=False)
    torch.nn.init.eye_(output.weight)
    states = torch.tensor([[1e4, 0.0], [-1e4, 0.0]], requires_grad=True)
    loss = summed_loss(output, states, torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert states.grad.isfinite().all()


@pytest.mark.parametrize("distance", [50.0, 70.0, 95.0, 1000.0])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_a_word_without_a_probability_that_float32_could_hold_has_a_loss(distance, label_smoothing):
    output = torch.nn.Linear(2, 3, bias=False)
    torch.nn.init.zeros_(output.weight)
    with torch.no_grad():
        output.weight[0, 0] = distance
    states, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True), torch.tensor([2, 2])
    ours = summed_loss(output, states, labels, label_smoothing=label_smoothing)
    options = {"label_smoothing": label_smoothing, "reduction": "sum"}
    theirs = torch.nn.functional.cross_entropy(output(states).double(), labels, **options)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    for a, b in zip(*(torch.autograd.grad(loss, [states, output.weight]) for loss in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b)


def test_a_batch_without_a_real_token_costs_nothing():
    output = torch.nn.Linear(2, 3)
    loss = summed_loss(output, torch.zeros(0, 2, requires_grad=True), torch.zeros(0, dtype=torch.long))
    assert loss.item() == 0
    assert all((g == 0).all() for g in torch.autograd.grad(loss, list(output.parameters())))


def test_more_padding_changes_no_loss():
    batch, model = make_batch(EXAMPLES), small_model()
    wide = [torch.nn.functional.pad(t, (0, 3), value=PAD) for t in (batch.src, batch.tgt_in, batch.labels)]
    torch.testing.assert_close(our_loss(model, batch), our_loss(model, Batch(*wide)))


def test_a_model_that_says_nothing_loses_ln_v_a_token():
    """Neither the shift nor the padding leaks the answer: every real token counts once, at ln V."""
    model = small_model()
    torch.nn.init.zeros_(model.output.weight)
    tokens = sum(len(t) + 1 for _, t in EXAMPLES)
    assert our_loss(model, make_batch(EXAMPLES)).item() == pytest.approx(tokens * math.log(20))


def test_few_kernels_are_kept_unless_somebody_asked_for_another_number(monkeypatch):
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    for number, then in ((None, "128"), ("9", "9")):
        monkeypatch.delenv(name, raising=False) if number is None else monkeypatch.setenv(name, number)
        keep_memory()
        assert os.environ[name] == then


def test_precision_is_obeyed_or_measured():
    cpu = torch.device("cpu")
    assert choose_precision("float32", cpu) == "float32"
    assert choose_precision("bfloat16", cpu) == "bfloat16"
    assert choose_precision("auto", cpu) in ("float32", "bfloat16")


def test_autocast_changes_products_only():
    linear = torch.nn.Linear(4, 4)
    with autocast("bfloat16", torch.device("cpu")):
        assert linear(torch.ones(2, 4)).dtype == torch.bfloat16
    with autocast("float32", torch.device("cpu")):
        assert linear(torch.ones(2, 4)).dtype == torch.float32
    assert linear.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": 0}, ["minutes is 0", "above 0"]),
        ({"minutes": -3}, ["minutes is -3"]),
        ({"minutes": float("nan")}, ["minutes is nan"]),
        ({"minutes": None}, ["minutes", "max_steps"]),
        ({"minutes": 1, "lr": 0}, ["lr is 0"]),
        ({"minutes": 1, "label_smoothing": 1.0}, ["label_smoothing is 1"]),
        ({"minutes": 1, "batch_tokens": 0}, ["batch_tokens is 0"]),
        ({"minutes": 1, "schedule": "cosine"}, ["'cosine'", "'linear'", "'inverse_sqrt'"]),
        ({"minutes": 1, "warmup_steps": -1}, ["warmup_steps is -1"]),
    ],
)
def test_bad_settings_are_named(changes, words):
    with pytest.raises(CourseError) as caught:
        TrainingConfig(**changes)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_build_a_model_and_survive_json(name):
    preset = PRESETS[name]
    sizes = {"src_vocab_size": preset.vocab_size, "tgt_vocab_size": preset.vocab_size}
    config = TransformerConfig.from_dict(preset.model | sizes)
    assert TransformerConfig.from_dict(config.to_dict()) == config
    assert TrainingConfig.from_dict(preset.training.to_dict()) == preset.training


def test_unknown_settings_are_named():
    with pytest.raises(CourseError, match="learning_rate"):
        TrainingConfig.from_dict({"learning_rate": 1})


def test_one_process_of_several_without_its_rank_is_told_about_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(CourseError, match=r"WORLD_SIZE is 2, but RANK is not set.*torchrun"), team_from_environment():
        pass


def test_a_minute_is_a_minute_after_rounding_too():
    assert [clock(seconds) for seconds in (0.2, 59.4, 59.7, 185.6)] == ["0 s", "59 s", "1:00 min", "3:06 min"]
