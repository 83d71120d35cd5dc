"""The checks of lesson 10, from both sides: right answers pass, wrong ones are refused under their names.

The answers here are written as learners write them, torch from top to bottom. They share nothing with the bank.
"""

import itertools
import math
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from course.lab.exercises import diagnose, get  # noqa: E402
from course.lessons.lesson_10 import reference  # noqa: E402
from course.lessons.lesson_10.exercises import EXERCISES  # noqa: E402

PAD, BOS, EOS = 0, 1, 2


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


# --- shift ------------------------------------------------------------------------------------------------------


def shift_by_narrow(tgt):
    n = tgt.size(1) - 1
    return tgt.narrow(1, 0, n), tgt.narrow(1, 1, n)


def shift_by_rows(tgt):
    return torch.stack([row[:-1] for row in tgt]), torch.stack([row[1:] for row in tgt])


def shift_by_pairs(tgt):
    pairs = tgt.unfold(1, 2, 1)
    return pairs[..., 0], pairs[..., 1]


def shift_by_roll(tgt):
    return tgt[:, :-1].clone(), tgt.roll(-1, dims=1)[:, :-1]


def shift_by_split(tgt):
    inputs, _ = tgt.split([tgt.shape[1] - 1, 1], dim=1)
    _, labels = tgt.split([1, tgt.shape[1] - 1], dim=1)
    return inputs, labels


# --- loss -------------------------------------------------------------------------------------------------------


def loss_by_gather(logits, labels, pad):
    each = -logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    real = labels != pad
    return each[real].mean()


def loss_by_transposing(logits, labels, pad):
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=pad)


def loss_of_logarithms(logits, labels, pad):
    return F.cross_entropy(logits.log_softmax(-1).reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=pad)


def loss_by_words(logits, labels, pad):
    total, n = 0.0, 0
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            if labels[b, t] != pad:
                total = total + logits[b, t].logsumexp(0) - logits[b, t, labels[b, t]]
                n += 1
    return total / n


def loss_by_sum(logits, labels, pad):
    V = logits.shape[-1]
    summed = F.cross_entropy(logits.view(-1, V), labels.view(-1), ignore_index=pad, reduction="sum")
    return summed / (labels != pad).sum()


def loss_by_one_hot(logits, labels, pad):
    real = (labels != pad).to(logits.dtype)
    right = (F.one_hot(labels, logits.shape[-1]) * torch.log_softmax(logits, -1)).sum(-1)
    return -(right * real).sum() / real.sum()


def loss_by_module(logits, labels, pad):
    return nn.CrossEntropyLoss(ignore_index=pad)(logits.flatten(0, 1), labels.flatten())


# --- smooth_labels ----------------------------------------------------------------------------------------------


def smooth_by_loops(target, V, pad, eps):
    rows = []
    for word in target.tolist():
        if word == pad:
            rows.append([0.0] * V)
        else:
            rows.append([0.0 if v == pad else 1 - eps if v == word else eps / (V - 2) for v in range(V)])
    return torch.tensor(rows)


def smooth_by_one_hot(target, V, pad, eps):
    hot = F.one_hot(target, V).double()
    table = hot * (1 - eps) + (1 - hot) * eps / (V - 2)
    table[:, pad] = 0
    return table * (target != pad)[:, None]


def smooth_by_scatter(target, V, pad, eps):
    table = torch.zeros(len(target), V).fill_(eps / (V - 2))
    table.scatter_(1, target.unsqueeze(1), 1 - eps)
    table[:, pad] = 0
    return table.masked_fill(target.unsqueeze(1) == pad, 0.0)


def smooth_by_where(target, V, pad, eps):
    words = torch.arange(V)
    right = words == target[:, None]
    table = torch.where(right, 1.0 - eps, eps / (V - 2))
    return torch.where((words == pad) | (target[:, None] == pad), 0.0, table)


def smooth_by_rows(target, V, pad, eps):
    row = torch.full((V,), eps / (V - 2), dtype=torch.float64)
    row[pad] = 0
    table = row.repeat(target.numel(), 1)
    for n, word in enumerate(target):
        table[n, word] = 1 - eps
        if word == pad:
            table[n] = 0
    return table


# --- noam -------------------------------------------------------------------------------------------------------


def noam_by_cases(step, d, warmup):
    if step == 0:
        step = 1
    if step < warmup:
        return step / (warmup * math.sqrt(warmup * d))
    return 1 / math.sqrt(d * step)


def noam_by_roots(step, d, warmup):
    step = step or 1
    return (1 / math.sqrt(d)) * min(1 / math.sqrt(step), step / math.sqrt(warmup) ** 3)


def noam_of_peak(step, d, warmup):
    n = max(1, step)
    peak = (d * warmup) ** -0.5
    return peak * min(n / warmup, (warmup / n) ** 0.5)


def noam_by_numpy(step, d, warmup):
    step = np.maximum(step, 1)
    return d**-0.5 * np.minimum(step**-0.5, step * warmup**-1.5)


def noam_by_powers(step, d, warmup):
    step = max(step, 1)
    return pow(d, -0.5) * sorted([pow(step, -0.5), step * pow(warmup, -1.5)])[0]


# --- train ------------------------------------------------------------------------------------------------------


def loss_of(model, src, tgt):
    logits = model(src, tgt[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tgt[:, 1:].flatten(), ignore_index=PAD)


def words_of(tgt):
    return int((tgt[:, 1:] != PAD).sum())


def train_by_groups(model, batches, lr, clip, accum):
    model.train()
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    out = []
    for start in range(0, len(batches), accum):
        group = batches[start : start + accum]
        total = sum(words_of(tgt) for _, tgt in group)
        opt.zero_grad()
        for src, tgt in group:
            mean = loss_of(model, src, tgt)
            (mean * words_of(tgt) / total).backward()
            out.append(float(mean))
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
    return out


def train_summing_losses(model, batches, lr, clip, accum):
    model.train()
    opt = torch.optim.AdamW(model.parameters(), lr)
    out, total, words = [], 0.0, 0
    for i, (src, tgt) in enumerate(batches):
        mean = loss_of(model, src, tgt)
        out.append(mean.item())
        total = total + mean * words_of(tgt)
        words += words_of(tgt)
        if (i + 1) % accum == 0:
            opt.zero_grad()
            (total / words).backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
            total, words = 0.0, 0
    return out


def train_clearing_behind(model, batches, lr, clip, accum):
    opt = torch.optim.AdamW(model.parameters(), lr)
    losses, words = [], 0
    for i, (src, tgt) in enumerate(batches, start=1):
        model.train()
        mean = loss_of(model, src, tgt)
        (mean * words_of(tgt)).backward()
        words += words_of(tgt)
        losses += [mean.detach().item()]
        if i % accum:
            continue
        for p in model.parameters():
            if p.grad is not None:
                p.grad.div_(words)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        opt.zero_grad(set_to_none=True)
        words = 0
    return losses


def train_clipping_by_hand(model, batches, lr, clip, accum):
    optimizer = torch.optim.AdamW(list(model.parameters()), lr=lr)
    model.train()
    losses = []
    while len(losses) < len(batches):
        group = batches[len(losses) : len(losses) + accum]
        n = sum(words_of(tgt) for _, tgt in group)
        model.zero_grad()
        for src, tgt in group:
            logits = model(src, tgt[:, :-1])
            each = F.cross_entropy(logits.transpose(1, 2), tgt[:, 1:], ignore_index=PAD, reduction="sum")
            (each / n).backward()
            losses.append(each.item() / words_of(tgt))
        length = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
        if length > clip:
            for p in model.parameters():
                p.grad *= clip / length
        optimizer.step()
    return losses


def train_with_one_pass_more(model, batches, lr, clip, accum):
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    model.train(True)
    counts = [words_of(tgt) for _, tgt in batches]
    losses = []
    for i, (src, tgt) in enumerate(batches):
        first = i - i % accum
        if i == first:
            optimizer.zero_grad()
        mean = loss_of(model, src, tgt)
        share = counts[i] / sum(counts[first : first + accum])
        (share * mean).backward()
        losses.append(mean.item())
        if i - first == accum - 1:
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=clip)
            optimizer.step()
    return losses


RIGHT = {
    "shift": (shift_by_narrow, shift_by_rows, shift_by_pairs, shift_by_roll, shift_by_split),
    "loss": (
        loss_by_gather,
        loss_by_transposing,
        loss_of_logarithms,
        loss_by_words,
        loss_by_sum,
        loss_by_one_hot,
        loss_by_module,
    ),
    "smooth_labels": (smooth_by_loops, smooth_by_one_hot, smooth_by_scatter, smooth_by_where, smooth_by_rows),
    "noam": (noam_by_cases, noam_by_roots, noam_of_peak, noam_by_numpy, noam_by_powers),
    "train": (
        train_by_groups,
        train_summing_losses,
        train_clearing_behind,
        train_clipping_by_hand,
        train_with_one_pass_more,
    ),
}


@pytest.mark.parametrize(
    ("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in (get(id).reference, *rights)]
)
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


def test_no_exercise_was_forgotten():
    assert set(RIGHT) == {exercise.id for exercise in EXERCISES}
    assert all(len(rights) >= 5 for rights in RIGHT.values())


# --- wrong answers, from a pattern with parts to replace ----------------------------------------------------------


def defined(head, lines):
    space = {"torch": torch, "F": F, "nn": nn, "math": math, "PAD": PAD, "EOS": EOS, "loss": reference.loss,
             "shift": reference.shift}  # fmt: skip
    exec("def answer(" + head + "):\n" + "\n".join("    " + line for line in lines), space)
    return space["answer"]


def shifted(inputs="tgt[:, :-1]", labels="tgt[:, 1:]", returned="inputs, labels"):
    return defined("tgt", [f"inputs = {inputs}", f"labels = {labels}", f"return {returned}"])


def lossy(
    z="logits",
    shares="z.log_softmax(-1)",
    each="-shares.gather(-1, labels[..., None])[..., 0]",
    real="labels != pad",
    total="(each * real).sum() / real.sum()",
    returned="total",
):
    lines = [f"z = {z}", f"shares = {shares}", f"each = {each}", f"real = {real}", f"total = {total}"]
    return defined("logits, labels, pad", [*lines, f"return {returned}"])


def smoothed(
    others="eps / (V - 2)",
    right="1 - eps",
    at="target",
    column="pad",
    rows="target == pad",
    returned="table",
    more=(),
):
    lines = [f"table = torch.full((len(target), V), float({others}))"]
    lines += [f"table[torch.arange(len(target)), {at}] = {right}"] if right else []
    lines += [f"table[:, {column}] = 0"] if column else []
    lines += [f"table[{rows}] = 0"] if rows else []
    return defined("target, V, pad, eps", [*lines, *more, f"return {returned}"])


def rate(step="max(step, 1)", width="d ** -0.5", down="n ** -0.5", up="n * warmup ** -1.5", choose="min"):
    lines = [f"n = {step}", f"return {width} * {choose}({down}, {up})"]
    return defined("step, d, warmup", lines)


def looped(
    optimizer="torch.optim.AdamW(model.parameters(), lr)",
    mode="model.train()",
    begin="i % accum == 0",
    clear="opt.zero_grad()",
    reset="words = 0",
    split="inputs, labels = shift(tgt)",
    mean="loss(model(src, inputs), labels, PAD)",
    backward="(mean * n).backward()",
    log="out.append(mean.item())",
    time="(i + 1) % accum == 0",
    update=("divide", "clip", "step"),
    clip="nn.utils.clip_grad_norm_(model.parameters(), clip)",
    divide="p.grad /= words",
    returned="out",
    at_update="pass",
):
    moves = {
        "divide": ["        for p in model.parameters():", f"            {divide}"],
        "clip": [f"        {clip}"],
        "step": ["        opt.step()"],
        "clear": ["        opt.zero_grad()"],
    }
    lines = [
        f"opt = {optimizer}",
        mode,
        "out, words = [], 0",
        "for i, (src, tgt) in enumerate(batches):",
        f"    if {begin}:",
        f"        {clear}",
        f"        {reset}",
        f"    {split}",
        f"    mean = {mean}",
        "    n = int((labels != PAD).sum())",
        f"    {backward}",
        "    words += n",
        f"    {log}",
        f"    if {time}:",
        *(line for move in update for line in moves[move]),
        f"        {at_update}",
        f"return {returned}",
    ]
    return defined("model, batches, lr, clip, accum", lines)


WRONG = [
    ("shift", "G01", shifted(labels="tgt[:, :-1]")),
    ("shift", "G01", shifted("tgt", "tgt")),
    ("shift", "G03", shifted("tgt[:, :-2]", "tgt[:, 2:]")),
    ("shift", "G03", shifted("tgt[:, :-1]", "tgt[:, 2:]")),
    ("shift", "G05", shifted("tgt[:, :-2]", "tgt[:, 1:-1]")),
    ("shift", "begin_never_given", shifted("tgt[:, 1:-1]", "tgt[:, 2:]")),
    ("shift", "G07", shifted("tgt[:-1]", "tgt[1:]")),
    ("shift", "swapped", shifted(returned="labels, inputs")),
    ("shift", "says_the_word_before", shifted("tgt", "tgt.roll(1, 1)")),
    ("shift", "begin_as_last_label", shifted("tgt", "tgt.roll(-1, 1)")),
    ("shift", "padding_added", shifted("tgt", "F.pad(tgt[:, 1:], (0, 1), value=PAD)")),
    ("shift", "inputs_whole", shifted("tgt")),
    ("shift", "labels_whole", shifted(labels="tgt")),
    ("shift", "end_taken_out", shifted("tgt.masked_fill(tgt == EOS, PAD)[:, :-1]")),
    ("shift", "end_is_padding", shifted(labels="tgt.masked_fill(tgt == EOS, PAD)[:, 1:]")),
    ("shift", "labels_reversed", shifted(labels="tgt[:, 1:].flip(1)")),
    ("shift", "first_sentence_only", shifted("tgt[0, :-1]", "tgt[0, 1:]")),
    ("shift", "words_first", shifted("tgt[:, :-1].T", "tgt[:, 1:].T")),
    ("shift", "all_in_a_row", shifted("tgt.flatten()[:-1]", "tgt.flatten()[1:]")),
    ("shift", "one_tensor", shifted(returned="torch.stack([inputs, labels])")),
    ("shift", "writes_into_target", defined(
        "tgt", ["a = tgt[:, :-1].clone()", "tgt[:, 0] = PAD", "return a, tgt[:, 1:]"])),
    ("loss", "G08", lossy(real="labels == labels")),
    ("loss", "G08", defined("logits, labels, pad", ["return F.cross_entropy(logits.flatten(0, 1), labels.flatten())"])),
    ("loss", "divided_by_all", lossy(total="(each * real).mean()")),
    ("loss", "G10", lossy(total="((each * real).sum(1) / real.sum(1)).mean()")),
    ("loss", "columns_first", lossy(total="((each * real).sum(0) / real.sum(0).clamp(min=1)).mean()")),
    ("loss", "G12", defined("logits, labels, pad", [
        "B, T, V = logits.shape", "return F.cross_entropy(logits.view(B, V, T), labels, ignore_index=pad)"])),
    ("loss", "axis_left", lossy(each="-shares.gather(-1, labels[..., None])")),
    ("loss", "axis_left", lossy(
        each="-shares.gather(-1, labels.unsqueeze(-1))", total="each.masked_fill(~real, 0).sum() / real.sum()")),
    ("loss", "not_flattened", defined("logits, labels, pad", ["return F.cross_entropy(logits, labels)"])),
    ("loss", "not_flattened", defined("logits, labels, pad", [
        "return nn.CrossEntropyLoss(ignore_index=pad)(logits, labels)"])),
    ("loss", "batch_squeezed", lossy(
        each="-shares.gather(-1, labels[..., None]).squeeze()", total="each[real].mean()")),
    ("loss", "only_padding", lossy(real="labels == pad")),
    ("loss", "only_padding", lossy(real="labels == pad", total="each[real].mean()")),
    ("loss", "G16", lossy(total="(each * real).sum() / labels.size(0)")),
    ("loss", "summed", lossy(total="(each * real).sum()")),
    ("loss", "softmax_before", lossy(z="logits.softmax(-1)")),
    ("loss", "without_softmax", lossy(shares="z")),
    ("loss", "without_logarithm", lossy(shares="z.softmax(-1)")),
    ("loss", "wrong_sign", lossy(each="shares.gather(-1, labels[..., None])[..., 0]")),
    ("loss", "softmax_over_places", lossy(shares="z.log_softmax(1)")),
    ("loss", "mean_over_classes", lossy(each="-shares.mean(-1)")),
    ("loss", "most_probable", lossy(each="-shares.amax(-1)")),
    ("loss", "padding_is_zero", lossy(real="labels != 0")),
    ("loss", "end_left_out", lossy(real="(labels != pad) & (labels != EOS)")),
    ("loss", "padding_class_left_out", lossy(
        z="logits.masked_fill(torch.arange(logits.shape[-1]) == pad, -math.inf)")),
    ("loss", "padding_logits_zeroed", lossy(z="logits * (labels != pad).unsqueeze(-1)", real="labels == labels")),
    ("loss", "shifts_again", defined("logits, labels, pad", [
        "if labels.shape[1] == 1:", "    return loss(logits, labels, pad)",
        "return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=pad)"])),
    ("loss", "smoothed", defined("logits, labels, pad", [
        "return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, label_smoothing=0.1)"])),
    ("loss", "other_logarithm", lossy(returned="total / math.log(2)")),
    ("loss", "perplexity", lossy(returned="torch.exp(total)")),
    ("loss", "each_word", lossy(returned="each[real]")),
    ("loss", "one_sentence", lossy(total="(each * real)[0].sum() / real[0].sum()")),
    ("loss", "fails_for_large_logits", lossy(shares="z.softmax(-1).log()", total="each[real].mean()")),
    ("loss", "fails_for_large_logits", lossy(
        shares="(z.exp() / z.exp().sum(-1, keepdim=True)).log()", total="each[real].mean()")),
    ("loss", "something_added", lossy(shares="(z.softmax(-1) + 1e-9).log()")),
    ("loss", "plain_number", lossy(returned="total.item()")),
    ("loss", "no_gradient", lossy(returned="total.detach()")),
    ("loss", "no_gradient", lossy(z="logits.data")),
    ("loss", "single_precision", lossy(z="logits.float()")),
    ("loss", "rounded", lossy(returned="torch.round(total, decimals=3)")),
    ("smooth_labels", "L01", smoothed("eps / V")),
    ("smooth_labels", "L01", smoothed("eps / (V - 1)")),
    ("smooth_labels", "among_too_few", smoothed("eps / (V - 3)")),
    ("smooth_labels", "L03", smoothed(column="")),
    ("smooth_labels", "torchs_definition", smoothed("eps / V", "1 - eps + eps / V", column="")),
    ("smooth_labels", "L05", smoothed(right="eps")),
    ("smooth_labels", "L07", smoothed(right="1 - eps + eps / (V - 2)")),
    ("smooth_labels", "right_keeps_one", smoothed(right="1")),
    ("smooth_labels", "L09", smoothed(column="(pad + 1) % V")),
    ("smooth_labels", "padding_is_zero", smoothed(column="0", rows="target == 0")),
    ("smooth_labels", "padding_rows_left", smoothed(rows="")),
    ("smooth_labels", "row_by_number", smoothed(rows="pad:pad + 1")),
    ("smooth_labels", "rows_left_out", smoothed(returned="table[target != pad]")),
    ("smooth_labels", "not_smoothed", defined("target, V, pad, eps", [
        "table = F.one_hot(target, V).float()", "table[target == pad] = 0", "return table"])),
    ("smooth_labels", "others_get_nothing", smoothed("0")),
    ("smooth_labels", "right_gets_nothing", smoothed(right="")),
    ("smooth_labels", "right_at_row_number", smoothed(at="torch.arange(len(target)) % V")),
    ("smooth_labels", "forced_to_one", smoothed(
        "eps / V", rows="", returned="table / table.sum(1, keepdim=True) * (target != pad)[:, None]")),
    ("smooth_labels", "fixed_eps", smoothed("0.1 / (V - 2)", "0.9")),
    ("smooth_labels", "logarithms", smoothed(returned="torch.log(table)")),
    ("smooth_labels", "words_down", smoothed(returned="table.T")),
    ("smooth_labels", "whole_numbers", smoothed(returned="table.int()")),
    ("smooth_labels", "one_row_only", smoothed(more=["table[1:] = 0"])),
    ("smooth_labels", "writes_into_target", smoothed(more=["target[target == pad] = 0", "target += 1"])),
    ("noam", "H01", rate(step="step")),
    ("noam", "zero_at_zero", defined("step, d, warmup", [
        "if step == 0:", "    return 0.0", "return d ** -0.5 * min(step ** -0.5, step * warmup ** -1.5)"])),
    ("noam", "H03", rate(width="math.sqrt(d)")),
    ("noam", "width_wrong", rate(width="1 / d")),
    ("noam", "width_forgotten", rate(width="1")),
    ("noam", "power_of_both", rate(up="(n * warmup) ** -1.5")),
    ("noam", "rate_single", rate(step="torch.tensor(max(step, 1))")),
    ("noam", "rate_single", defined("step, d, warmup", [
        "d, w, n = torch.tensor([d, warmup, max(step, 1)]).float()",
        "return (d ** -0.5 * torch.minimum(n ** -0.5, n * w ** -1.5)).item()"])),
    ("noam", "H05", rate(down="warmup ** 0.5 / n")),
    ("noam", "H07", rate(up="n // warmup * warmup ** -0.5")),
    ("noam", "larger_of_the_two", rate(choose="max")),
    ("noam", "sum_of_the_two", rate(choose="(lambda a, b: a + b)")),
    ("noam", "no_warmup", rate(up="math.inf")),
    ("noam", "no_decay", rate(down="math.inf")),
    ("noam", "warmup_power", rate(up="n * warmup ** -0.5")),
    ("noam", "warmup_power", rate(up="n / warmup")),
    ("noam", "step_power", rate(down="n ** 0.5")),
    ("noam", "one_late", rate(step="step + 1")),
    ("noam", "width_and_warmup_exchanged", defined("step, warmup, d", [
        "n = max(step, 1)", "return d ** -0.5 * min(n ** -0.5, n * warmup ** -1.5)"])),
    ("noam", "peak_is_one", rate(width="warmup ** 0.5")),
    ("noam", "fixed_numbers", rate(width="512 ** -0.5", up="n * 4000 ** -1.5")),
    ("noam", "rate_rounded", defined("step, d, warmup", [
        "n = max(step, 1)", "return round(d ** -0.5 * min(n ** -0.5, n * warmup ** -1.5), 4)"])),
    ("train", "tensors_kept", looped(log="out.append(mean)")),
    ("train", "one_number", looped(returned="mean.item()")),
    ("train", "last_only", looped(returned="[mean.item()]")),
    ("train", "a_loss_an_update", looped(log="pass", at_update="out.append(mean.item())")),
    ("train", "a_loss_an_update", looped(
        log="total = total + mean.item() * n if i % accum else mean.item() * n",
        at_update="out.append(total / words)")),
    ("train", "a_loss_an_update", looped(
        log="total = total + mean.item() if i % accum else mean.item()", at_update="out.append(total / accum)")),
    ("train", "part_logged", looped(log="out.append(mean.item() / accum)")),
    ("train", "G01", looped(split="inputs, labels = tgt[:, :-1], tgt[:, :-1]")),
    ("train", "G03", looped(split="inputs, labels = tgt[:, :-2], tgt[:, 2:]")),
    ("train", "swapped", looped(split="labels, inputs = shift(tgt)")),
    ("train", "source_given", looped(split="inputs, labels = src[:, :tgt.shape[1] - 1], tgt[:, 1:]")),
    ("train", "G08", looped(mean="F.cross_entropy(model(src, inputs).flatten(0, 1), labels.flatten())")),
    ("train", "softmax_before", looped(mean="loss(torch.softmax(model(src, inputs), -1), labels, PAD)")),
    ("train", "H13", looped(time="i % accum == 0")),
    ("train", "every_batch", looped(time="True")),
    ("train", "once_at_the_end", looped(time="i == len(batches) - 1")),
    ("train", "once_at_the_end", looped(update=("divide", "clip"))),
    ("train", "H15", looped(mode="pass")),
    ("train", "H15", looped(mode="model.eval()")),
    ("train", "H09", looped(clear="pass")),
    ("train", "cleared_at_each_batch", looped(split="opt.zero_grad(); inputs, labels = shift(tgt)")),
    ("train", "cleared_too_late", looped(update=("divide", "clip", "clear", "step"))),
    ("train", "never_reset", looped(reset="pass")),
    ("train", "never_reset", looped(
        reset="pass", backward="words += n; (mean * n / words).backward(); words -= n", update=("clip", "step"))),
    ("train", "divides_the_mean", looped(backward="(mean / n).backward()", update=("clip", "step"))),
    ("train", "divides_the_mean", looped(backward="(mean / n).backward()")),
    ("train", "divides_the_mean", looped(backward="mean.backward()")),
    ("train", "words_so_far", looped(
        backward="words += n; (mean * n / words).backward(); words -= n", update=("clip", "step"))),
    ("train", "other_words", looped(backward="n = int((src != PAD).sum()); (mean * n).backward()")),
    ("train", "other_words", looped(backward="(mean * n).backward(); n = int((src != PAD).sum())")),
    ("train", "other_words", looped(backward="n = int((tgt != PAD).sum()); (mean * n).backward()")),
    ("train", "other_words", looped(backward="n = int((inputs != PAD).sum()); (mean * n).backward()")),
    ("train", "clips_each_batch", looped(
        backward="(mean * n).backward(); nn.utils.clip_grad_norm_(model.parameters(), clip)",
        update=("divide", "step"))),
    ("train", "clips_each_batch", looped(
        backward="(mean * n).backward(); nn.utils.clip_grad_norm_(model.parameters(), clip)")),
    ("train", "summed", looped(backward="mean.backward()", update=("clip", "step"))),
    ("train", "divided_twice", looped(divide="p.grad /= words * accum")),
    ("train", "means_of_means", looped(backward="(mean / accum).backward()", update=("clip", "step"))),
    ("train", "by_sentences", looped(backward="(mean * len(tgt)).backward(); n = len(tgt)")),
    ("train", "H11", looped(update=("divide", "step", "clip"))),
    ("train", "H11", looped(update=("divide", "step"))),
    ("train", "clips_the_sum", looped(update=("clip", "divide", "step"))),
    ("train", "clips_each", looped(clip="[nn.utils.clip_grad_norm_([p], clip) for p in model.parameters()]")),
    ("train", "clips_values", looped(clip="nn.utils.clip_grad_value_(model.parameters(), clip)")),
    ("train", "always_rescaled", looped(clip="""
                g = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
                for p in model.parameters():
                    p.grad.mul_(clip / g)""".lstrip().replace("                ", "            "))),
    ("train", "clips_to_one", looped(clip="nn.utils.clip_grad_norm_(model.parameters(), 1)")),
    ("train", "H17", looped(
        optimizer="torch.optim.AdamW(__import__('copy').deepcopy(model).parameters(), lr)")),
    ("train", "another_optimizer", looped(optimizer="torch.optim.SGD(model.parameters(), lr)")),
    ("train", "another_optimizer", looped(optimizer="torch.optim.AdamW(model.parameters())")),
    ("train", "forgets_its_moments", looped(clear="opt = torch.optim.AdamW(model.parameters(), lr); opt.zero_grad()")),
]  # fmt: skip


def _ids(each):
    return each if isinstance(each, str) else ""


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=_ids)
def test_wrong_answers_are_refused_under_their_names_with_their_own_hints(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert {each.id: each.hint for each in get(id).mistakes}[mistake] in found.message


@pytest.mark.parametrize("id", [exercise.id for exercise in EXERCISES])
def test_every_mistake_of_the_bank_is_written_once_more_here(id):
    assert {mistake.id for mistake in get(id).mistakes} == {m for of, m, _ in WRONG if of == id}


@pytest.mark.parametrize("id", [exercise.id for exercise in EXERCISES])
def test_every_version_of_the_bank_is_refused_under_its_own_name(id):
    for mistake in get(id).mistakes:
        for version in mistake.versions:
            found = diagnose(id, version)
            assert (found.status, found.mistake) == ("failed", mistake.id), found.message


# --- the four ---------------------------------------------------------------------------------------------------

PLANTED = {  # in the order in which the check names them, with what the colleague wrote
    "H13": {"time": "i % accum == 0"},
    "H15": {"mode": "pass"},
    "H09": {"clear": "pass"},
    "means_of_means": {"backward": "(mean / accum).backward()", "update": ("clip", "step")},
}
COMBINATIONS = [left for n in range(5) for left in itertools.combinations(PLANTED, n)]


def with_planted(left):
    parts = {}
    for name in left:
        parts |= PLANTED[name]
    return looped(**parts)


@pytest.mark.parametrize("left", COMBINATIONS, ids="-".join)
def test_the_check_names_the_first_of_the_four_that_is_left(left):
    found = diagnose("train", with_planted(left))
    if not left:
        assert found.status == "passed", found.message
    elif len(left) == 4:
        assert found.status == "not attempted"
    else:
        assert (found.status, found.mistake) == ("failed", left[0]), found.message


def test_what_is_handed_out_is_not_attempted():
    assert diagnose("train", reference.colleagues_train).status == "not attempted"


# --- not by shapes, sums or values alone --------------------------------------------------------------------------


def test_rows_that_add_up_to_one_are_not_enough():
    def elsewhere(target, V, pad, eps):
        return reference.smooth_labels((target + 1) % V, V, pad, eps) if (target != pad).all() else (
            reference.smooth_labels(target, V, pad, eps))  # fmt: skip

    table = elsewhere(torch.tensor([3, 1]), 6, 0, 0.2)
    torch.testing.assert_close(table.sum(1), torch.ones(2))
    assert diagnose("smooth_labels", elsewhere).status == "failed"


def test_a_right_loss_with_a_wrong_gradient_is_not_enough():
    def twice(logits, labels, pad):
        right = reference.loss(logits, labels, pad)
        return right.detach() + 2 * (right - right.detach())

    logits, labels = torch.randn(2, 3, 5), torch.randint(1, 5, (2, 3))
    torch.testing.assert_close(twice(logits, labels, 0), reference.loss(logits, labels, 0))
    assert diagnose("loss", twice).status == "failed"


def test_losses_that_agree_are_not_enough():
    def only_looks(model, batches, lr, clip, accum):
        model.train()
        return [loss_of(model, src, tgt).item() for src, tgt in batches]

    assert diagnose("train", only_looks).status == "failed"


def test_messages_show_no_address_and_end_in_a_question():
    broken = [
        ("shift", lambda tgt: (tgt[:, :-1] + 1, tgt[:, 1:])),
        ("loss", lambda logits, labels, pad: reference.loss(logits, labels, pad) + 1),
        ("smooth_labels", lambda target, V, pad, eps: torch.zeros(3)),
        ("noam", lambda step, d, warmup: 7.0),
        ("train", lambda model, batches, lr, clip, accum: [0.0] * len(batches)),
        ("train", lambda model, batches, lr, clip, accum: 1 / 0),
    ]
    for id, wrong in broken:
        found = diagnose(id, wrong)
        assert (found.status, found.mistake) == ("failed", None), found.message
        assert "0x" not in found.message
        assert found.message.endswith("?")


@pytest.mark.usefixtures("no_collector")
def test_a_check_answers_within_a_second_of_work():
    for id, rights in RIGHT.items():
        diagnose(id, rights[0])  # the first one of a process loads what the exercise needs, such as torch's compiler
        seconds = []
        for answer in (*rights, *(wrong for of, _, wrong in WRONG if of == id)):
            begun = time.process_time()
            diagnose(id, answer)
            seconds.append(time.process_time() - begun)
        assert sorted(seconds)[len(seconds) // 2] < 0.3, id
        assert max(seconds) < 1, id
