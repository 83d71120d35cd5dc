"""The exercises of lessons 00 and 12, from both sides: mistakes are named, right answers pass, and torch waits.

As in test_lab_mistakes, the answers here are written as learners write them and share nothing with the banks.
"""

import ast
import copy
import dataclasses
import inspect
import linecache
import math
import statistics
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from course.lab import check, workbook
from course.lab.exercises import Case, desk, diagnose, get, ladder, reference
from course.lab.exercises.exercise import Exercise, Mistake
from course.lab.exercises.later import Later
from course.training import loop

IDS = ("mean_over_heads", "training_step", "accuracy_by_phenomenon")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(desk, "_DESK", desk.Desk())


def assert_named(exercise, wrong, mistake):
    found = diagnose(exercise, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert found.message.endswith({m.id: m.hint for m in get(exercise).mistakes}[mistake])


def assert_passes(exercise, right):
    found = diagnose(exercise, right)
    assert found.status == "passed", found.message


# --- lesson 00: mean_over_heads ---------------------------------------------------------------------------------


def only_last_of_loop(weights):
    for head in range(weights.shape[1]):
        mean = weights[:, head]
    return mean


def sum_by_batch_size(weights):
    return sum(weights[:, head] for head in range(weights.shape[1])) / len(weights)


def with_broadcast_axis(weights):
    return np.mean(weights, 1, keepdims=True)


def softmaxed(weights):
    e = np.exp(np.mean(weights, axis=1))
    return e / e.sum(-1, keepdims=True)


def accumulates_in_place(weights):
    total = weights[:, 0]
    for head in range(1, weights.shape[1]):
        total += weights[:, head]
    return total / weights.shape[1]


WRONG_MEANS = {
    "mean_over_sentences": lambda weights: np.mean(weights, axis=0),
    "mean_over_queries": lambda weights: np.mean(weights, axis=-2),
    "mean_over_keys": lambda weights: np.mean(weights, axis=-1),
    "mean_over_everything": lambda weights: np.mean(weights),
    "mean_over_sentences_and_heads": lambda weights: weights.mean((0, 1)),
    "mean_over_heads_and_words": lambda weights: weights.mean((1, 2)),
    "sum_of_heads": lambda weights: np.einsum("bhqk->bqk", weights),
    "divided_by_another_count": sum_by_batch_size,
    "first_head": lambda weights: weights[:, 0, :, :],
    "last_head": only_last_of_loop,
    "first_sentence": lambda weights: np.mean(weights[0], 0),
    "maximum_of_heads": lambda weights: np.max(weights, axis=1),
    "minimum_of_heads": lambda weights: np.min(weights, axis=1),
    "median_of_heads": lambda weights: (
        np.sort(weights, axis=1)[:, weights.shape[1] // 2] if weights.shape[1] % 2 else np.median(weights, axis=1)
    ),
    "heads_multiplied": lambda weights: np.multiply.reduce(weights, axis=1),
    "axis_of_one_left": with_broadcast_axis,
    "softmax_again": softmaxed,
    "divided_by_row_sums": lambda weights: weights.sum(1) / weights.sum(1).sum(-1, keepdims=True),
    "queries_and_keys_swapped": lambda weights: weights.mean(1).transpose(0, 2, 1),
    "not_averaged": lambda weights: np.array(weights),
    "spread": lambda weights: np.std(weights, axis=1),
    "a_list": lambda weights: [sentence.mean(0) for sentence in weights],
    "weights_overwritten": accumulates_in_place,
    "rounded": lambda weights: np.round(weights.mean(1), 2),
}


@pytest.mark.parametrize("mistake", WRONG_MEANS)
def test_wrong_means_are_named(mistake):
    assert_named("mean_over_heads", WRONG_MEANS[mistake], mistake)


def mean_by_loops(weights):
    B, H, Tq, Tk = weights.shape
    mean = np.zeros((B, Tq, Tk))
    for b in range(B):
        for h in range(H):
            mean[b] += weights[b, h] / H
    return mean


RIGHT_MEANS = [
    lambda weights: weights.mean(axis=1),
    lambda weights: np.mean(weights, -3),
    lambda weights: np.einsum("bhqk->bqk", weights) / weights.shape[1],
    lambda weights: weights.sum(axis=1) / weights.shape[1],
    lambda weights: np.average(weights, axis=1),
    lambda weights: np.array([np.mean(sentence, axis=0) for sentence in weights]),
    lambda weights: np.moveaxis(weights, 1, 0).mean(0),
    lambda weights: np.squeeze(weights.mean(1, keepdims=True), axis=1),
    lambda weights: sum(weights[:, h] for h in range(weights.shape[1])) / weights.shape[1],
    lambda weights: np.tensordot(weights, np.full(weights.shape[1], 1 / weights.shape[1]), axes=(1, 0)),
    mean_by_loops,
]


@pytest.mark.parametrize("right", RIGHT_MEANS)
def test_right_means_pass(right):
    assert_passes("mean_over_heads", right)


def test_the_first_failure_of_the_course_says_what_happened(capsys):
    """Lesson 00 hands out the mean over the batch; the check must fail, not say that nothing was tried."""

    def mean_over_heads(weights):
        return weights.mean(axis=0)

    assert check("mean_over_heads", mean_over_heads) is reference("mean_over_heads")
    out = capsys.readouterr().out
    assert "not yet right" in out
    assert "axis 0 has gone" in out
    assert "different sentences" in out


# --- lesson 12: training_step, right answers --------------------------------------------------------------------


def by_the_book(model, batch, optimizer, mean_loss, clip):
    model.train()
    optimizer.zero_grad()
    loss = mean_loss(model, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


def clears_at_the_end(model, batch, optimizer, mean_loss, clip):
    model.train()
    loss = mean_loss(model, batch)
    loss.backward()
    clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss)


def clears_after_the_loss_and_keeps_zeros(model, batch, optimizer, mean_loss, clip):
    model.train(True)
    loss = mean_loss(model, batch)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    clip_grad_norm_(list(model.parameters()), max_norm=clip, norm_type=2, foreach=False)
    optimizer.step()
    return loss.detach().item()


def clears_by_model(model, batch, optimizer, mean_loss, clip):
    model.zero_grad()
    model.train()
    loss = mean_loss(model=model, batch=batch)
    loss.backward()
    norm = clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
    assert norm > 0
    optimizer.step()
    return loss.detach().cpu().numpy().item()


def clips_by_hand(model, batch, optimizer, mean_loss, clip):
    model.train()
    for p in model.parameters():
        p.grad = None
    loss = mean_loss(model, batch)
    loss.backward()
    norm = math.sqrt(sum((p.grad**2).sum().item() for p in model.parameters()))
    if norm > clip:
        for p in model.parameters():
            p.grad *= clip / norm
    optimizer.step()
    return loss.tolist()


def clips_by_tensor(model, batch, optimizer, mean_loss, clip):
    model.train()
    for p in model.parameters():
        if p.grad is not None:
            p.grad.zero_()
    loss = mean_loss(model, batch)
    value = float(loss.detach())
    loss.backward()
    grads = [p.grad for p in model.parameters()]
    total = torch.cat([g.flatten() for g in grads]).norm()
    scale = (clip / (total + 1e-6)).clamp(max=1.0)
    for g in grads:
        g.mul_(scale)
    optimizer.step()
    return value


def clips_in_two_calls(model, batch, optimizer, mean_loss, clip):
    model.train()
    optimizer.zero_grad()
    loss = mean_loss(model, batch)
    torch.autograd.backward(loss)
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
    torch.nn.utils.clip_grads_with_norm_(model.parameters(), clip, norm)
    optimizer.step()
    return float(loss.detach())


def by_gradients(model, batch, optimizer, mean_loss, clip):
    model.train()
    loss = mean_loss(model, batch)
    parameters = list(model.parameters())
    for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = g
    clip_grad_norm_(parameters, clip)
    optimizer.step()
    return loss.item()


def by_closure(model, batch, optimizer, mean_loss, clip):
    def closure():
        optimizer.zero_grad()
        loss = mean_loss(model, batch)
        loss.backward()
        clip_grad_norm_(model.parameters(), clip)
        return loss

    model.train()
    return float(optimizer.step(closure))


def clips_twice(model, batch, optimizer, mean_loss, clip):
    for module in model.modules():
        module.train()
    optimizer.zero_grad()
    with torch.enable_grad():
        loss = mean_loss(model, batch)
    loss.backward(retain_graph=False)
    clip_grad_norm_(model.parameters(), float(clip))
    clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad()
    return np.float64(loss.item())


RIGHT_STEPS = [by_the_book, clears_at_the_end, clears_after_the_loss_and_keeps_zeros, clears_by_model, clips_by_hand]
RIGHT_STEPS += [clips_by_tensor, clips_in_two_calls, by_gradients, by_closure, clips_twice, loop.training_step]


@pytest.mark.parametrize("right", RIGHT_STEPS, ids=lambda f: f.__name__)
def test_right_steps_pass(right):
    assert_passes("training_step", right)


def test_the_reference_is_the_step_of_the_training_loop():
    """The same lines, so that the solution that is shown is what `course train` runs."""

    def lines(function):
        definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        return [ast.unparse(statement).replace("torch.nn.", "nn.") for statement in definition.body[1:]]

    assert lines(reference("training_step")) == lines(loop.training_step)


# --- lesson 12: training_step, mistakes -------------------------------------------------------------------------

# Each is by_the_book with lines replaced: {line: its replacement}. "" leaves it out.
BOOK = textwrap.dedent(inspect.getsource(by_the_book)).splitlines()
TRAIN, ZERO, LOSS, BACKWARD, CLIP, STEP, RETURN = (line.strip() for line in BOOK[1:])
EDITS = {
    "tensor_with_graph": {RETURN: "return loss"},
    "detached_tensor": {RETURN: "return loss.data"},
    "returns_array": {RETURN: "return loss.detach().numpy()"},
    "returns_nothing": {RETURN: ""},
    "returns_pair": {RETURN: "return loss.item(), clip"},
    "item_not_called": {RETURN: "return loss.item"},
    "parameters_not_called": {CLIP: "clip_grad_norm_(model.parameters, clip)"},
    "mean_loss_not_called": {LOSS: "loss = mean_loss"},
    "clip_arguments_swapped": {CLIP: "clip_grad_norm_(clip, model.parameters())"},
    "clip_into_backward": {BACKWARD: "loss.backward(clip)"},
    "clip_of_model": {CLIP: "clip_grad_norm_(model, clip)"},
    "graph_cut": {LOSS: "with torch.no_grad(): loss = mean_loss(model, batch)"},
    "float_before_backward": {LOSS: "loss = mean_loss(model, batch).item()", RETURN: "return loss"},
    "loss_after_update": {RETURN: "return mean_loss(model, batch).item()"},
    "returns_norm": {CLIP: f"norm = {CLIP}", RETURN: "return norm.item()"},
    "loss_times_tokens": {RETURN: "return loss.item() * (batch.labels != 0).sum().item()"},
    "loss_divided_again": {RETURN: "return loss.item() / batch.n_target_tokens"},
    "perplexity": {RETURN: "return torch.exp(loss).item()"},
    "rounded": {RETURN: "return round(loss.item(), 4)"},
    "negative": {RETURN: "return -loss.item()"},
    "arguments_swapped": {LOSS: "loss = mean_loss(batch, model)"},
    "H17": {TRAIN: "model = copy.deepcopy(model); model.train()"},
    "loss_twice": {BACKWARD: "mean_loss(model, batch).backward()"},
    "no_backward": {BACKWARD: "loss.backward"},
    "two_backwards": {BACKWARD: "loss.backward(retain_graph=True); loss.backward()"},
    "no_step": {STEP: "optimizer.step"},
    "two_steps": {STEP: "optimizer.step(); optimizer.step()"},
    "step_before_backward": {BACKWARD: "optimizer.step()", STEP: "loss.backward()"},
    "zero_between": {ZERO: "", BACKWARD: "loss.backward(); optimizer.zero_grad()"},
    "moved_twice": {STEP: "optimizer.step(); [p.data.sub_(0.1 * p.grad) for p in model.parameters()]"},
    "ascent": {BACKWARD: "(-loss).backward()"},
    "gradient_of_sum": {BACKWARD: "(loss * batch.n_target_tokens).backward()"},
    "always_rescaled": {
        CLIP: "n = sum(p.grad.pow(2).sum() for p in model.parameters()) ** 0.5\n"
        "    for p in model.parameters(): p.grad *= clip / n"
    },
    "clip_fixed": {CLIP: "nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)"},
    "H15": {TRAIN: "model.train"},
    "evaluation_mode": {TRAIN: "model.eval()"},
    "train_too_late": {TRAIN: "", RETURN: "model.train(); return loss.item()"},
    "left_in_evaluation": {RETURN: "model.eval(); return loss.item()"},
    "flag_only": {TRAIN: "model.training = True"},
    "no_clip": {CLIP: ""},
    "clip_before_backward": {BACKWARD: CLIP, CLIP: BACKWARD},
    "H11": {CLIP: STEP, STEP: CLIP},
    "clip_each_parameter": {CLIP: "[clip_grad_norm_([p], clip) for p in model.parameters()]"},
    "clip_each_group": {CLIP: "[clip_grad_norm_(g['params'], clip) for g in optimizer.param_groups]"},
    "clip_first_group": {CLIP: "clip_grad_norm_(model.embedding.parameters(), clip)"},
    "clip_values": {CLIP: "clip_grad_value_(model.parameters(), clip)"},
    "clip_other_norm": {CLIP: "clip_grad_norm_(model.parameters(), clip, math.inf)"},
    "clip_squared": {
        CLIP: "n = sum(p.grad.pow(2).sum() for p in model.parameters())\n"
        "    for p in model.parameters(): p.grad *= min(1, float(clip) / n.item())"
    },
    "clip_loss": {BACKWARD: "torch.clamp(loss, max=clip).backward()"},
    "clip_weights": {CLIP: "[p.data.clamp_(-clip, float(clip)) for p in model.parameters()]"},
    "long_ones_skipped": {
        CLIP: "n = sum(p.grad.pow(2).sum() for p in model.parameters()) ** 0.5",
        STEP: "if n < clip: optimizer.step()",
    },
    "H09": {ZERO: "optimizer.zero_grad"},
    "zero_first_group": {ZERO: "model.embedding.zero_grad()"},
    "seeded": {TRAIN: "torch.manual_seed(0); model.train()"},
}


def edited(edits):
    """Return by_the_book with some lines replaced, as a function with source."""
    lines = [BOOK[0].replace("by_the_book", "step")]
    for line in BOOK[1:]:
        new = edits.get(line.strip(), line.strip())
        lines += [f"    {new}"] if new else []
    return defined("\n".join(lines) + "\n", "step")


def defined(source, name):
    """Run source as a notebook cell would: its functions belong to __main__ and have source lines."""
    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {"__name__": "__main__", "torch": torch, "nn": nn, "copy": copy, "math": math}
    space |= {"clip_grad_norm_": clip_grad_norm_, "clip_grad_value_": clip_grad_value_}
    exec(compile(source, file, "exec"), space)
    return space[name]


@pytest.mark.parametrize("mistake", EDITS)
def test_wrong_steps_are_named(mistake):
    assert_named("training_step", edited(EDITS[mistake]), mistake)


def test_the_unedited_step_passes_and_every_mistake_is_edited_in():
    assert_passes("training_step", edited({}))
    assert set(EDITS) == {mistake.id for mistake in get("training_step").mistakes}


@pytest.mark.parametrize("at_the_end", ["optimizer.zero_grad()", "model.zero_grad()"])
@pytest.mark.parametrize(
    "mistake", ["no_clip", "H11", "H15", "clip_values", "tensor_with_graph", "two_steps", "ascent"]
)
def test_mistakes_are_named_wherever_gradients_are_cleared(mistake, at_the_end):
    assert ZERO not in EDITS[mistake]
    last = EDITS[mistake].get(RETURN, RETURN)
    assert_named("training_step", edited(EDITS[mistake] | {ZERO: "", RETURN: f"{at_the_end}; {last}"}), mistake)


@pytest.mark.parametrize(
    ("first", "second"),
    [("tensor_with_graph", "no_clip"), ("two_backwards", "H09"), ("H15", "no_clip"), ("no_clip", "H09")],
)
def test_of_two_mistakes_the_simpler_one_is_asked_about(first, second):
    assert_named("training_step", edited(EDITS[first] | EDITS[second]), first)


def test_a_typing_error_is_not_taken_for_a_known_mistake():
    """Exceptions of the same type are not the same mistake: the learner's own line and its message are shown."""
    for edits, said in (
        ({BACKWARD: "loss.backwards()"}, "no attribute 'backwards'"),
        ({ZERO: "optimizer.zero()"}, "no attribute 'zero'"),
        ({LOSS: "loss = torch.tensor(1.0) @ torch.tensor([2.0])"}, "RuntimeError"),
        ({LOSS: "loss = mean_loss(batch)"}, "TypeError: mean_loss() missing 1 required positional argument"),
        ({CLIP: "clip_grad_norm(model.parameters(), clip)"}, "NameError"),
    ):
        found = diagnose("training_step", edited(edits))
        assert (found.status, found.mistake) == ("failed", None), found
        assert said in found.message
        assert "in step:" in found.message
        assert "mean_loss = the mean cross-entropy of a token, clip = 1000.0" in found.message


def test_an_unknown_mistake_is_told_in_words():
    def freezes_the_bias(model, batch, optimizer, mean_loss, clip):
        before = model.output.bias.detach().clone()
        loss = by_the_book(model, batch, optimizer, mean_loss, clip)
        model.output.bias.data.copy_(before)
        return loss

    found = diagnose("training_step", freezes_the_bias)
    assert (found.status, found.mistake) == ("failed", None)
    assert "On one step with a gradient shorter than the limit: the vector of all parameters[" in found.message
    assert found.message.endswith("?")
    odd = diagnose("training_step", edited({RETURN: "return str(loss.item())"}))
    assert "the type of what comes back should be float, and with yours it is str." in odd.message


SEEDS = [
    {TRAIN: "torch.manual_seed(7); model.train()"},
    {LOSS: "torch.manual_seed(2026); loss = mean_loss(model, batch)"},
    {LOSS: "torch.manual_seed(100 + (clip < 1)); loss = mean_loss(model, batch)"},  # what the last case draws itself
    {LOSS: "with torch.random.fork_rng(): torch.manual_seed(7); loss = mean_loss(model, batch)"},
]


@pytest.mark.parametrize("edits", SEEDS)
def test_any_seed_is_recognized(edits):
    assert_named("training_step", edited(edits), "seeded")


def test_the_property_finds_a_seed_as_well():
    steady = edited({TRAIN: "torch.manual_seed(987); model.train()"})
    assert "sets a seed" in get("training_step").properties[0].violated(steady)


@pytest.mark.parametrize("other", ["no_clip", "H15", "tensor_with_graph", "rounded", "evaluation_mode", "H09"])
def test_with_a_seed_and_a_simpler_mistake_the_simpler_one_is_asked_about(other):
    assert_named("training_step", edited({LOSS: f"torch.manual_seed(7); {LOSS}"} | EDITS[other]), other)


@pytest.mark.parametrize(
    "edits",
    [{TRAIN: "model.eval()"}, {RETURN: "return 1.0"}, {RETURN: "return loss"}, {RETURN: "return None"}, {LOSS: "pass"}],
)
def test_no_seed_is_seen_where_there_is_none(edits):
    seeded = next(m for m in get("training_step").mistakes if m.id == "seeded")
    assert not seeded.recognize(edited(edits))
    assert seeded.recognize(edited(SEEDS[0]))


def test_a_limit_of_one_s_own_is_not_told_that_there_is_none():
    mine = edited({CLIP: "clip_grad_norm_(model.parameters(), 5.0)"})
    assert_named("training_step", mine, "no_clip")
    assert diagnose("training_step", mine).message.endswith("is clip the limit that it is given?")


@pytest.mark.parametrize("body", ["pass", "...", "raise NotImplementedError", "return ..."])
def test_an_empty_step_is_not_attempted(body):
    empty = defined(f"def step(model, batch, optimizer, mean_loss, clip):\n    {body}\n", "step")
    assert diagnose("training_step", empty).status == "not attempted"


def test_a_step_that_only_begins_is_no_empty_one():
    begun = defined("def step(model, batch, optimizer, mean_loss, clip):\n    model.train()\n", "step")
    found = diagnose("training_step", begun)
    assert found.status == "failed"
    assert "hands nothing back" in found.message


def test_random_numbers_and_gradients_of_torch_are_left_as_they_were():
    torch.manual_seed(5)
    before = torch.get_rng_state().clone()
    diagnose("training_step", edited({TRAIN: "torch.set_grad_enabled(False); torch.manual_seed(1)"}))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.is_grad_enabled()


def test_a_leftover_gradient_tells_the_two_places_of_clearing_apart():
    """Both pass, and the hint says which is safer: here is why."""
    moved = {}
    for step in (by_the_book, clears_at_the_end):
        layer = nn.Linear(1, 1, bias=False)
        layer.weight.data.fill_(1.0)
        layer.weight.grad = torch.full((1, 1), 5.0)  # somebody left it
        step(layer, torch.ones(1, 1), torch.optim.SGD(layer.parameters(), lr=0.1), lambda m, b: m(b).sum(), 100.0)
        moved[step.__name__] = 1 - layer.weight.item()
    assert moved == pytest.approx({"by_the_book": 0.1, "clears_at_the_end": 0.6})
    assert "safer" in get("training_step").hints[1]


# --- lesson 12: accuracy_by_phenomenon --------------------------------------------------------------------------


def over_all(contains, right):
    return (contains * right[:, None]).sum(0) / len(right), contains.sum(0)


def of_the_right_ones(contains, right):
    return contains[right].sum(0) / right.sum(), contains.sum(0)


def of_the_others(contains, right):
    return np.array([right[~contains[:, c]].mean() for c in range(contains.shape[1])]), contains.sum(0)


def with_maximum_one(contains, right):
    n = contains.sum(0)
    return contains[right].sum(0) / np.maximum(n, 1), n


def with_plain_division(contains, right):
    shares, counts = [], []
    for column in contains.T:
        chosen = [r for r, there in zip(right.tolist(), column, strict=True) if there]
        shares.append(sum(chosen) / len(chosen))
        counts.append(len(chosen))
    return np.array(shares), np.array(counts)


def percent(contains, right):
    return 100 * contains[right].sum(0) / contains.sum(0), contains.sum(0)


def by_sentence(contains, right):
    return (contains & right[:, None]).mean(1), contains.sum(1)


def counts_right_ones(contains, right):
    return contains[right].sum(0) / contains.sum(0), contains[right].sum(0)


def whole_numbers(contains, right):
    return contains[right].sum(0) // contains.sum(0), contains.sum(0)


def of_booleans(contains, right):
    return right @ contains / contains.sum(0), contains.sum(0)


def of_bytes(contains, right):
    return right.astype("uint8") @ contains.astype("uint8") / contains.sum(0), contains.sum(0)


def overwrites(contains, right):
    n = contains.sum(0)
    contains[~right] = False
    return contains.sum(0) / n, n


def exclusive(contains, right):
    only = contains & (contains.sum(1, keepdims=True) == 1)
    return only[right].sum(0) / only.sum(0), only.sum(0)


def good(contains, right):
    return contains[right].sum(0) / contains.sum(0)


WRONG_ACCURACIES = {
    "divided_by_all": over_all,
    "divided_by_right": of_the_right_ones,
    "complement": of_the_others,
    "zero_for_none": with_maximum_one,
    "one_for_none": lambda c, r: (np.where(c.any(0), good(c, r), 1.0), c.sum(0)),
    "empty_columns_dropped": lambda c, r: (good(c, r)[c.sum(0) > 0], c.sum(0)[c.sum(0) > 0]),
    "division_by_zero": with_plain_division,
    "percent": percent,
    "counts_of_right": counts_right_ones,
    "counts_of_wrong": lambda c, r: (good(c, r), c[~r].sum(0)),
    "counts_of_all": lambda c, r: (good(c, r), np.array([c.shape[0]] * c.shape[1])),
    "counts_of_others": lambda c, r: (good(c, r), len(c) - c.sum(0)),
    "counts_as_shares": lambda c, r: (good(c, r), c.sum(0) / len(c)),
    "one_total": lambda c, r: (good(c, r), np.sum(c)),
    "accuracy_only": good,
    "swapped": lambda c, r: (c.sum(0), good(c, r)),
    "error_rate": lambda c, r: (c[~r].sum(0) / c.sum(0), c.sum(0)),
    "right_ones_only": lambda c, r: (c[r].sum(0), c.sum(0)),
    "whole_division": whole_numbers,
    "boolean_product": of_booleans,
    "small_integers": of_bytes,
    "overall": lambda c, r: (np.repeat(r.sum() / len(r), c.shape[1]), c.sum(0)),
    "agreement": lambda c, r: (np.mean(~(c.T ^ r), axis=1), c.sum(0)),
    "or_for_and": lambda c, r: ((c.T | r).sum(1) / c.sum(0), c.sum(0)),
    "pure_sentences": exclusive,
    "smoothed": lambda c, r: ((c[r].sum(0) + 1) / (c.sum(0) + 2), c.sum(0)),
    "rounded": lambda c, r: (np.round(good(c, r), 3), c.sum(0)),
    "contains_overwritten": overwrites,
}


@pytest.mark.parametrize("mistake", WRONG_ACCURACIES)
def test_wrong_accuracies_are_named(mistake):
    assert_named("accuracy_by_phenomenon", WRONG_ACCURACIES[mistake], mistake)


def test_one_number_for_each_sentence_is_asked_about():
    found = diagnose("accuracy_by_phenomenon", by_sentence)
    assert found.status == "failed"
    assert "accuracy should have shape (2,) = (C), and yours has (4,)" in found.message
    assert_named("accuracy_by_phenomenon", lambda c, r: (good(c, r), np.sum(c, 1)), "wrong_axis")


def accuracies_by_loops(contains, right):
    accuracy, counts = [], []
    for c in range(contains.shape[1]):
        tried = [bool(right[n]) for n in range(len(right)) if contains[n, c]]
        counts.append(len(tried))
        accuracy.append(sum(tried) / len(tried) if tried else math.nan)
    return np.array(accuracy), np.array(counts)


def by_masked_means(contains, right):
    accuracy = np.array([right[contains[:, c]].mean() for c in range(contains.shape[1])])  # warns for an empty one
    return accuracy, np.count_nonzero(contains, axis=0)


def by_matrix_product(contains, right):
    counts = np.ones(len(right)) @ contains
    return right.astype(float) @ contains / counts, counts


def by_where(contains, right):
    counts = contains.sum(0)
    return np.where(counts > 0, contains[right].sum(0) / np.maximum(counts, 1), np.nan), counts


def by_masked_array(contains, right):
    table = np.ma.masked_array(np.broadcast_to(right[:, None], contains.shape), mask=~contains)
    return table.mean(axis=0).filled(np.nan), table.count(axis=0)


def by_nanmean(contains, right):
    return np.nanmean(np.where(contains, right[:, None], np.nan), axis=0), contains.sum(0)


def in_single_precision(contains, right):
    c = contains.astype(np.float32)
    return right.astype(np.float32) @ c / c.sum(0), c.sum(0).astype(np.int64)


def by_einsum(contains, right):
    together = np.einsum("nc,n->c", contains.astype(int), right.astype(int))
    with np.errstate(invalid="ignore"):
        return [together / contains.sum(axis=0), contains.sum(axis=0)]


RIGHT_ACCURACIES = [accuracies_by_loops, by_masked_means, by_matrix_product, by_where, by_masked_array, by_nanmean]
RIGHT_ACCURACIES += [in_single_precision, by_einsum]


@pytest.mark.parametrize("right", RIGHT_ACCURACIES, ids=lambda f: f.__name__)
def test_right_accuracies_pass(right):
    assert_passes("accuracy_by_phenomenon", right)


# --- all three --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", IDS)
def test_every_version_of_the_banks_is_named(id):
    named = {(m.id, i): diagnose(id, v).mistake for m in get(id).mistakes for i, v in enumerate(m.versions)}
    assert {key: key[0] for key in named} == named


@pytest.mark.parametrize("id", IDS)
def test_a_check_answers_within_a_second(id):
    exercise = get(id)
    for answer in (exercise.reference, exercise.mistakes[-1].versions[-1], exercise.mistakes[0].versions[0]):
        diagnose(id, answer)  # torch loads its compiler with the first optimizer
        seconds = []
        for _ in range(3):
            start = time.process_time()
            ladder.climb(exercise, answer)
            seconds.append(time.process_time() - start)
        assert statistics.median(seconds) < 1


def test_listing_and_checking_in_numpy_does_not_import_torch():
    code = """
        import sys
        from course.lab.exercises import all_exercises, diagnose, get
        from course.lab import check, hint, solution
        assert {"mean_over_heads", "training_step", "accuracy_by_phenomenon"} <= {e.id for e in all_exercises()}
        hint("training_step"), solution("training_step", now=True), get("training_step").cases[0].make()
        assert diagnose("training_step", None).status == "not attempted"
        assert diagnose("training_step", lambda model: None).status == "failed"
        assert diagnose("mean_over_heads", lambda w: w.mean(1)).status == "passed"
        assert diagnose("mean_over_heads", lambda w: w.mean(0)).mistake == "mean_over_sentences"
        assert diagnose("accuracy_by_phenomenon", get("accuracy_by_phenomenon").reference).status == "passed"
        assert "torch" not in sys.modules, "torch"
        assert diagnose("training_step", get("training_step").reference).status == "passed"
        assert "torch" in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


# --- observed exercises in general ------------------------------------------------------------------------------


def _on_tensors(function, x):
    y = function(torch.from_numpy(x))
    if y is None:
        return None
    return {"the type of y": type(y).__name__, "y": y.numpy() if isinstance(y, torch.Tensor) else np.asarray(y)}


DOUBLE = Exercise(
    id="double", lesson=99, title="Double", signature="(x) -> y", reference=lambda x: 2 * x, observe=_on_tensors,
    cases=(
        Case("its type", lambda: (np.ones(2),), "Which type?", compare=("the type of y",)),
        Case("its numbers", lambda: (np.array([1.0, 2.0]),), "Which numbers?", tier=2, by_hand=True, compare=("y",)),
    ),
    mistakes=(
        Mistake("square", "squares", "Is 3 doubled 9?", (lambda x: x * x,)),
        Mistake("array", "numpy", "Where did the tensor go?", (lambda x: 2 * x.numpy(),)),
    ),
    hints=("a?", "b", "c"), argument_names=("x",), result_names=("y",), difficulty=1, importance=1, minutes=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("function", "status", "mistake"),
    [
        (lambda x: x + x, "passed", None),
        (lambda x: x**2, "failed", "square"),
        (lambda x: (x * x).numpy(), "failed", "array"),
        (lambda x: 3 * x, "failed", None),
        (lambda x: None, "not attempted", None),
        (lambda: None, "failed", None),
    ],
)
def test_a_function_of_tensors_is_observed(function, status, mistake):
    found = ladder.climb(DOUBLE, function)
    assert (found.status, found.mistake) == (status, mistake), found.message


def test_what_is_observed_is_told_by_name():
    message = ladder.climb(DOUBLE, lambda x: 3 * x).message
    assert message == (
        "On its numbers: y[0] should be 2, and yours is 3.\n  x = [1. 2.]\n  must give y = [2. 4.].\n  Which numbers?"
    )


def test_a_learner_s_dict_is_no_observation():
    found = diagnose("mean_over_heads", lambda weights: {"mean": weights.mean(1)})
    assert (found.status, found.mistake) == ("failed", None)
    assert "of type dict" in found.message
    found = diagnose("accuracy_by_phenomenon", lambda c, r: dict(zip("ac", by_einsum(c, r), strict=True)))
    assert "yours returns one thing" in found.message


def test_a_version_handed_out_is_observed_too():
    exercise = dataclasses.replace(DOUBLE, handed_out=lambda x: x * x)
    assert ladder.climb(exercise, lambda x: x.square()).status == "not attempted"


def test_a_module_is_imported_when_it_is_first_used():
    late = Later("wave")  # a module of Python that nothing here uses
    sys.modules.pop("wave", None)
    assert not hasattr(late, "__wrapped__")
    copy.copy(late)
    assert "wave" not in sys.modules
    assert late.open is sys.modules["wave"].open


# --- the workbook keeps torch functions -------------------------------------------------------------------------

ANNOTATED = """
def shorten(parameters, limit=LIMIT):
    return F.relu(norm(parameters, limit))

def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, mean_loss: Callable, clip: float) -> float:
    model.train()
    optimizer.zero_grad()
    loss: Tensor = mean_loss(model, batch)
    loss.backward()
    shorten(model.parameters(), clip)
    optimizer.step()
    return loss.item()
"""


def test_a_step_with_torch_imports_and_annotations_is_kept(capsys):
    source = (
        "from collections.abc import Callable\nfrom typing import Any\nimport torch.nn.functional as F\n"
        "from torch import Tensor\nfrom torch.nn.utils import clip_grad_norm_ as norm\nLIMIT = 1.0\n" + ANNOTATED
    )
    mine = defined(source, "step")
    assert check("training_step", edited({})) is not reference("training_step")
    assert workbook.solved_ids() == ("training_step",)
    assert check("training_step", mine) is mine
    text = (workbook.folder() / "training_step.py").read_text(encoding="utf-8")
    assert "from torch.nn.utils.clip_grad import clip_grad_norm_ as norm" in text
    assert "import torch.nn.functional as F" in text
    capsys.readouterr()
    loaded = workbook.load("training_step")
    assert capsys.readouterr().out == "training_step: yours\n"
    assert loaded is not reference("training_step")
    assert_passes("training_step", loaded)
