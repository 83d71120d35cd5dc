"""Whole small runs: they learn, they stop on time, they resume exactly, they share work among processes."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_toys import SMALL, backward_corpus, short_training

from course.decoding import greedy
from course.errors import CourseError
from course.training import train
from course.training.checkpoint import load_run, read_tensors
from course.training.log import read_log

TESTS = str(Path(__file__).parent)


def run_small(run, *, model=None, resume=False, overwrite=False, **changes):
    model = model or {}
    return train(
        run, *backward_corpus(), model_options=model if "architecture" in model else SMALL | model,
        training=short_training(**changes),
        vocab_size=290, resume=resume, overwrite=overwrite,
    )  # fmt: skip


def script(run, *, setup="", **changes):
    """The same run as a program of its own."""
    return (
        f"import sys; sys.path.insert(0, {TESTS!r})\n{setup}\n"
        "from test_training_loop import run_small\nfrom pathlib import Path\n"
        f"run_small(Path({str(run)!r}), **{changes!r})\n"
    )


MUON = {"optimizer": "muon", "lr": 0.02, "weight_decay": 0.3, "warmup_steps": 40}


GRU = {
    "model": {"architecture": "gru", "attention": "additive", "d_model": 32, "max_len": 32, "tie": "all"},
    "lr": 0.01,
}
HOW = {
    "adamw": {}, "muon": MUON, "muon bfloat16": MUON | {"precision": "bfloat16"}, "gru": GRU, "gru muon": GRU | MUON,
}  # fmt: skip
EACH = {"adamw": {}, "muon": {"optimizer": "muon"}, "gru muon": {"model": GRU["model"], "optimizer": "muon"}}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW.keys())
def test_it_learns_to_translate_what_it_has_not_seen(tmp_path, how):
    result = run_small(tmp_path / "run", max_steps=300, validations=1, checkpoint_every=1000, ema_decay=0.97, **how)
    loaded = load_run(tmp_path / "run")
    val = backward_corpus()[1]
    sentences = [loaded.tokenizer.encode(s) for s in val.source]
    right = 0
    for ids, wanted in zip(sentences, val.target, strict=True):
        hypothesis = greedy(loaded.model, torch.tensor([[*ids, 2]]), max_len=20)[0]
        right += loaded.tokenizer.decode(hypothesis.ids) == wanted
    assert right >= 0.9 * len(val), f"{right} of {len(val)} right"
    assert result.steps == 300
    assert result.loss < 0.3


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_small(tmp_path / name, seed=seed, model={"dropout": 0.2})
    a, b, c = (read_tensors(tmp_path / name / "last.safetensors")[0] for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["model.output.weight" if "model.output.weight" in a else "model.tgt_embedding.weight"],
                           c["model.tgt_embedding.weight"])  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("how", EACH.values(), ids=EACH.keys())
def test_killed_in_the_middle_and_resumed_it_ends_at_the_same_weights(tmp_path, how):
    """The process is killed hard, at no chosen moment; resuming must reproduce the uninterrupted run bit by bit."""
    settings = {"max_steps": 60, "checkpoint_every": 5} | how
    settings["model"] = {"dropout": 0.2} | how.get("model", {})
    run_small(tmp_path / "whole", **settings)
    cut = tmp_path / "cut"
    process = subprocess.Popen([sys.executable, "-c", script(cut, **settings)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (cut / "last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    reached = read_tensors(cut / "last.safetensors")[1]["position"]["step"]
    assert 0 < reached < 60, "the process was not killed in the middle"
    run_small(cut, resume=True, **settings)
    whole, resumed = (read_tensors(tmp_path / name / "last.safetensors")[0] for name in ("whole", "cut"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    steps = [record["step"] for record in read_log(cut) if "lr" in record]
    assert steps == sorted(set(steps)), "a step was logged twice"


@pytest.mark.slow
@pytest.mark.parametrize("how", EACH.values(), ids=EACH.keys())
def test_two_processes_do_what_one_does(tmp_path, how):
    """DistributedDataParallel over gloo, in float64 and without dropout: the same global batch, the same weights."""
    setup = "import torch; torch.set_default_dtype(torch.float64)"
    settings = {"max_steps": 6, "batch_tokens": 130} | how
    if "architecture" in settings.get("model", {}):
        settings["model"] = settings["model"] | {"dropout": 0.0}
    for name, launcher in (
        ("one", [sys.executable]),
        ("two", [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
                 "--master-addr", "127.0.0.1", "--master-port", str(free_port())]),
    ):  # fmt: skip
        program = tmp_path / f"{name}.py"
        program.write_text(script(tmp_path / name, setup=setup, **settings), encoding="utf-8")
        environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback()}
        done = subprocess.run(
            [*launcher, str(program)], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (read_tensors(tmp_path / name / "last.safetensors")[0] for name in ("one", "two"))
    for key in one:
        if key.startswith(("model.", "average.")):
            torch.testing.assert_close(one[key], two[key], atol=1e-9, rtol=1e-7, msg=key)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def loopback():
    names = [name for _, name in socket.if_nameindex()]
    return "lo" if "lo" in names else "lo0"


def test_without_averaging_the_weights_themselves_are_kept(tmp_path):
    run_small(tmp_path / "run", averaging="none")
    best, last = (load_run(tmp_path / "run", which=which).model for which in ("best", "last"))
    assert torch.equal(best.tgt_embedding.weight, last.tgt_embedding.weight)
    run_small(tmp_path / "run", averaging="none", resume=True, max_steps=14)


def test_minutes_are_kept(tmp_path):
    started = time.monotonic()
    result = run_small(tmp_path / "run", minutes=0.04, max_steps=None, validations=1, validation_sentences=3)
    assert time.monotonic() - started < 30
    records = [record for record in read_log(tmp_path / "run") if "lr" in record]
    assert result.steps >= 1
    assert all(record["seconds"] < 0.04 * 60 + 5 for record in records)


def test_an_existing_run_is_never_lost_by_accident(tmp_path):
    run = tmp_path / "run"
    run_small(run, max_steps=2)
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    with pytest.raises(CourseError, match="already holds a run"):
        run_small(run, max_steps=2)
    with pytest.raises(CourseError, match="d_model 32 cannot be split among 5 heads"):
        run_small(run, model={"n_heads": 5}, overwrite=True)
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before
    (run / "notes.txt").write_text("mine", encoding="utf-8")
    run_small(run, max_steps=3, overwrite=True)
    assert (run / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert read_log(run)[-1]["step"] == 3


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(CourseError, match="not a run folder"):
        run_small(tmp_path, overwrite=True)
    with pytest.raises(CourseError, match="is a file"):
        run_small(tmp_path / "thesis.tex")
    with pytest.raises(CourseError, match="new does not exist, so there is nothing to resume"):
        run_small(tmp_path / "new", resume=True)


def test_sentences_without_room_are_left_out_and_counted(tmp_path, capsys):
    run_small(tmp_path / "run", model={"max_len": 6}, max_steps=2)
    assert "left out" in capsys.readouterr().out
    with pytest.raises(CourseError, match="max_len 2"):
        run_small(tmp_path / "other", model={"max_len": 2}, max_steps=2)


def test_the_log_can_be_plotted_and_survives_a_crash_in_the_middle_of_a_line(tmp_path):
    run_small(tmp_path / "run")
    records = read_log(tmp_path / "run")
    losses = [record["loss"] for record in records if "loss" in record]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert sum("bleu" in record for record in records) == 2
    samples = [record["samples"] for record in records if "samples" in record]
    assert [s[0] for s in samples[0]] == [s[0] for s in samples[1]], "the same three sentences each time"
    with (tmp_path / "run" / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 9, "lo')
    assert read_log(tmp_path / "run") == records
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["training"]["max_steps"] == 12


def test_a_loss_that_explodes_is_said_with_the_remedy(tmp_path):
    with pytest.raises(CourseError, match="lower lr"):
        run_small(tmp_path / "run", lr=1e30, clip=1e30, warmup_steps=0, max_steps=40, model={"norm": "post"})


def test_a_run_that_ends_within_its_warm_up_says_so(tmp_path, capsys):
    run_small(tmp_path / "short", max_steps=3, warmup_steps=300)
    said = capsys.readouterr().out
    assert "note: this run ends after 3 updates, within its warm-up of 300: the learning rate stays low" in said
    run_small(tmp_path / "long", max_steps=5, warmup_steps=4)
    assert "warm-up" not in capsys.readouterr().out
