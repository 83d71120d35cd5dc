"""What is on the disk is whole, whatever happened while it was written."""

import json
import subprocess
import sys

import pytest
import torch
from training_toys import SMALL, backward_corpus, short_training

from course.errors import CourseError
from course.model import Transformer, TransformerConfig
from course.training import checkpoint, train, training_step
from course.training.checkpoint import load_run, put_weights, read_tensors, weights_of, write_tensors


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two steps, not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "small"
    train(run, *backward_corpus(), model_options=SMALL, training=short_training(max_steps=2), vocab_size=290)
    return run


@pytest.fixture
def copy(finished, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for file in finished.iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    return run


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"a": torch.randn(3, 4, dtype=torch.float64), "b": torch.tensor(7)}
    write_tensors(tmp_path / "x.safetensors", tensors, {"step": 3, "word": "Grüße"})
    back, about = read_tensors(tmp_path / "x.safetensors")
    assert about == {"step": 3, "word": "Grüße"}
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_checkpoint_may_be_read_by_whoever_may_read_the_rest(finished):
    assert len({path.stat().st_mode for path in finished.iterdir()}) == 1


def test_a_resumed_run_keeps_no_hold_on_the_file_that_it_will_replace(copy, monkeypatch):
    in_file, held = {}, []

    def reading(path):
        tensors, about = read_tensors(path)
        in_file.update(tensors)
        return tensors, about

    def looking(model, batch, optimizer, mean_loss, clip):
        """Before the first update: afterwards the state may have moved."""
        if not held:
            held.extend(value for each in optimizer.state.values() for value in each.values())
            assert len(held) == 3 * len(list(model.parameters()))
        return training_step(model, batch, optimizer, mean_loss, clip)

    monkeypatch.setattr(checkpoint, "read_tensors", reading)
    training = short_training(max_steps=3)
    train(copy, *backward_corpus(), model_options=SMALL, training=training, resume=True, step=looking)
    assert held
    assert in_file
    assert not {tensor.data_ptr() for tensor in in_file.values()} & {value.data_ptr() for value in held}


def test_a_loaded_model_says_what_the_trained_one_said(finished):
    loaded, again = load_run(finished), load_run(finished)
    src = torch.tensor([loaded.tokenizer.encode("one two") + [2]])
    tgt = torch.tensor([[1, 9]])
    assert torch.equal(loaded.model(src, tgt), again.model(src, tgt))
    assert not loaded.model.training
    assert loaded.info["corpus"]["source_language"] == "en"


def test_tied_tables_are_stored_once_and_stay_tied():
    config = TransformerConfig(30, 30, **SMALL)
    model, other = Transformer(config), Transformer(config)
    weights = weights_of(model)
    assert sum(t.shape == (30, 32) for t in weights.values()) == 1
    put_weights(other, {name: t.clone() for name, t in weights.items()})
    assert other.output.weight is other.tgt_embedding.weight
    assert torch.equal(other.output.weight, model.output.weight)


@pytest.mark.parametrize("harm", ["cut", "noise", "empty", "text"])
def test_a_damaged_checkpoint_is_said_in_one_sentence(copy, harm):
    path = copy / "best.safetensors"
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-100], "noise": b"\xff" * 200, "empty": b"", "text": b"hello"}[harm])
    with pytest.raises(CourseError, match="damaged"):
        load_run(copy)


def test_a_missing_checkpoint_a_missing_run_and_a_foreign_folder(copy, tmp_path):
    (copy / "best.safetensors").unlink()
    with pytest.raises(CourseError, match="no checkpoint"):
        load_run(copy)
    with pytest.raises(CourseError, match="does not exist"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(CourseError, match="no run.json"):
        load_run(tmp_path)


def test_a_damaged_run_file_is_said(copy):
    (copy / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="run.json is damaged"):
        load_run(copy)
    (copy / "run.json").write_text(json.dumps({"model": {"width": 3}}), encoding="utf-8")
    with pytest.raises(CourseError, match="width"):
        load_run(copy)


def test_weights_of_another_size_are_refused(copy):
    info = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    info["model"]["d_ff"] = 48
    (copy / "run.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(CourseError, match="does not fit"):
        load_run(copy)


def test_loading_runs_no_code(copy):
    """A pickle in the place of a checkpoint is refused, not executed."""
    import pickle

    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit('the file was executed')",))

    (copy / "best.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CourseError, match="damaged"):
        load_run(copy)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes need a POSIX system")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """The system itself refuses to write on: the old checkpoint must stay, and no part of the new one."""
    path = tmp_path / "best.safetensors"
    write_tensors(path, {"a": torch.zeros(10)}, {"step": 1})
    script = f"""
import resource, signal, sys, torch
from pathlib import Path
from course.errors import CourseError
from course.training.checkpoint import write_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_tensors(Path({str(path)!r}), {{"a": torch.zeros(100_000)}}, {{"step": 2}})
except CourseError as error:
    sys.exit(f"said: {{error}}")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert "said: could not write" in result.stderr
    assert "untouched" in result.stderr
    assert read_tensors(path)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["best.safetensors"]
