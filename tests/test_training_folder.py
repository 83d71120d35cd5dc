"""A run folder is whole, or recognizably ours, at every moment; it has one owner; nothing scored goes too early."""

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from training_toys import backward_corpus, short_training

from course.errors import CourseError
from course.training import lock, run_folder, train, training_step
from course.training.checkpoint import load_run, read_tensors
from course.training.validation import Validation

TRAIN, VAL = backward_corpus()
TEXTS = TRAIN.chosen(range(8), split="train"), VAL.chosen(range(3), split="val")
TINY = {
    "d_model": 8,
    "n_heads": 1,
    "d_ff": 8,
    "n_encoder_layers": 1,
    "n_decoder_layers": 1,
    "max_len": 40,
    "tie": "all",
}
PREVIOUS = run_folder.PREVIOUS


def run_tiny(run, *, resume=False, overwrite=False, step=training_step, stop=None, **changes):
    settings = {"max_steps": 2, "checkpoint_every": 1, "validations": 1} | changes
    return train(
        run, *TEXTS, model_options=TINY, training=short_training(**settings), vocab_size=260,
        resume=resume, overwrite=overwrite, step=step, stop=stop,
    )  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """Validation without translating."""
    monkeypatch.setattr("course.training.loop.validate", lambda *_, **__: Validation(1.0, 0.0, 0.0, []))


def dying(*_):
    raise ZeroDivisionError("the step failed")


# --- deaths


class Death(BaseException):
    """The process is gone; nothing it does afterwards reaches the disk."""


class Reaper:
    """Lets all file operations in a folder fail from number `at` on, which counts from 0."""

    def __init__(self):
        self.folder, self.at, self.seen = None, 0, 0
        sys.addaudithook(self.watch)  # cannot be removed

    def watch(self, event, arguments):
        if self.folder is None or event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            return
        if not any(isinstance(a, str | Path) and str(a).startswith(self.folder) for a in arguments[:2]):
            return
        if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
            return
        self.seen += 1
        if self.seen > self.at:
            raise Death(event)

    def kill(self, folder, at, action):
        """Do something and die at operation `at`; return whether it came so far."""
        self.folder, self.at, self.seen = str(folder), at, 0
        try:
            action(folder)
        except Death:
            return True
        finally:
            self.folder = None
        return False


@pytest.fixture(scope="module")
def reaper():
    return Reaper()


def follow(run, how):
    """Do as asked, and then as each refusal advises; return what was done at last."""
    for _ in range(3):
        try:
            run_tiny(run, max_steps=3, **how)
        except CourseError as refusal:
            said = str(refusal)
            assert len(re.findall(r"\.(?=\s|$)", said)) == 1, said
            advised = re.search(r"\b(overwrite|resume)=True(?!,? not)", said.split("or pass")[-1])
            anew = "without resume" in said or "anew" in said
            assert advised or anew, said
            how = {} if "without resume" in said else {"overwrite": True} if anew else {advised[1]: True}
        else:
            return how
    raise AssertionError(f"no advice worked: {said}")


SCENES = {
    "a start": (None, {}),
    "an overwriting": ("finished", {"overwrite": True}),
    "a resuming": ("finished", {"resume": True, "max_steps": 4}),
    "an overwriting of an unscored run": ("unscored", {"overwrite": True}),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.usefixtures("quick")
def test_whoever_dies_leaves_a_folder_in_which_every_advice_works(tmp_path, reaper, scene):
    before, how = SCENES[scene]
    base = tmp_path / "base"
    if before is not None:
        run_tiny(base, stop=(lambda: True) if before == "unscored" else None)
    best = (base / "best.safetensors").read_bytes() if before == "finished" else None
    for at in range(200):
        run = tmp_path / f"dead-{at}"
        if base.exists():
            shutil.copytree(base, run)
        if not reaper.kill(run, at, lambda run: run_tiny(run, **how)):
            break
        held = [path.read_bytes() for path in run.rglob("best.safetensors")]
        assert best is None or held, f"the scored run is lost after {at} operations"
        for number, asked in enumerate(({}, {"overwrite": True}, {"resume": True})):
            again = tmp_path / f"again-{at}-{number}"
            if run.exists():
                shutil.copytree(run, again)
            follow(again, asked)
            load_run(again)
            assert {path.name for path in again.iterdir()} <= {*run_folder.RUN_FILES, lock.LOCK_FILE}
            shutil.rmtree(again)
        shutil.rmtree(run, ignore_errors=True)
    assert at > 5


# --- nothing scored goes before its successor is scored


def test_a_run_that_is_replaced_waits_for_the_new_ones_first_score(tmp_path, capsys):
    run = tmp_path / "run"
    run_tiny(run)
    old = (run / "best.safetensors").read_bytes()
    seen = []

    def looking(*arguments):
        seen.append((run / PREVIOUS / "best.safetensors").read_bytes() == old)
        load_run(run / PREVIOUS)
        with pytest.raises(CourseError, match=PREVIOUS):
            load_run(run)
        return training_step(*arguments)

    run_tiny(run, overwrite=True, step=looking, checkpoint_every=1000)
    assert seen == [True, True]
    assert f"the previous run is kept in {run / PREVIOUS} until this one is first scored" in capsys.readouterr().out
    assert not (run / PREVIOUS).exists()
    assert (run / "best.safetensors").read_bytes() != old


def test_a_new_run_that_fails_before_its_first_state_changes_nothing(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for error, step in ((ZeroDivisionError, dying), (CourseError, lambda *_: float("nan"))):
        with pytest.raises(error):
            run_tiny(run, overwrite=True, step=step)
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_new_run_that_is_stopped_before_its_score_leaves_both(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    run_tiny(run, overwrite=True, stop=lambda: True)
    assert load_run(run / PREVIOUS).info["checkpoint"]["step"] == 2
    with pytest.raises(CourseError, match="already holds a run"):
        run_tiny(run)
    run_tiny(run, overwrite=True, stop=lambda: True)  # the scored one stays
    assert load_run(run / PREVIOUS).info["checkpoint"]["step"] == 2
    run_tiny(run, resume=True)
    assert not (run / PREVIOUS).exists()
    assert load_run(run).info["checkpoint"]["step"] == 2


def test_a_folder_of_ones_own_inside_stays(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    for place in (run / "figures", run / PREVIOUS):
        place.mkdir()
        (place / "mine.txt").write_text("x", encoding="utf-8")
    run_tiny(run, overwrite=True)
    assert (run / "figures" / "mine.txt").exists()
    assert (run / f"{PREVIOUS}-1" / "mine.txt").exists()  # its own name is needed for the run that waits


@pytest.mark.parametrize("stray", [lock.LOCK_FILE, ".DS_Store", "mine.txt"])
def test_a_waiting_run_that_somebody_looked_into_comes_back_and_goes(tmp_path, stray):
    """A file that is not the run's kept its folder from going: from then on every start was refused."""
    run = tmp_path / "run"
    run_tiny(run)
    old = (run / "best.safetensors").read_bytes()

    def looking(*_):
        (run / PREVIOUS / stray).write_text("", encoding="utf-8")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_tiny(run, overwrite=True, step=looking)
    assert (run / "best.safetensors").read_bytes() == old
    run_tiny(run, resume=True, max_steps=3)
    with pytest.raises(ZeroDivisionError):
        run_tiny(run, overwrite=True, step=looking)
    assert load_run(run).info["checkpoint"]["step"] == 3
    kept = [path.name for path in run.glob("previous-run*")]
    assert bool(kept) == (stray == "mine.txt")  # what is somebody's own stays, in a folder of another name
    assert len(list(run.rglob("mine.txt"))) == len(kept)


def test_what_an_earlier_version_left_half_begun_can_be_replaced(tmp_path):
    """It died between tokenizer and run file, and had no lock: `overwrite` was refused as "not a run folder"."""
    run = tmp_path / "run"
    run_tiny(run)
    for path in run.iterdir():
        if path.name != "tokenizer.json":
            path.unlink()
    with pytest.raises(CourseError, match="pass overwrite=True"):
        run_tiny(run)
    run_tiny(run, overwrite=True)
    load_run(run)


def test_halves_of_files_are_cleared_away(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    for name in ("best.safetensors.part", "last.safetensors.77-ab12.part", "tokenizer.json.4.part"):
        (run / name).write_bytes(b"half")
    (run / "thesis.part").write_bytes(b"whole")
    run_tiny(run, resume=True, max_steps=3)
    assert [path.name for path in run.iterdir() if path.suffix == ".part"] == ["thesis.part"]


# --- one owner


def test_two_at_once_in_one_folder_are_refused_with_a_sentence(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    refused = []

    def meddling(*arguments):
        for how in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(CourseError, match="a training is going on in .*run, here or in another window") as no:
                run_tiny(run, **how)
            refused.append(no.value)
        load_run(run / PREVIOUS)  # readers are not kept out
        return training_step(*arguments)

    run_tiny(run, overwrite=True, step=meddling, max_steps=1)
    assert len(refused) == 3
    run_tiny(run, resume=True, max_steps=2)


def test_two_that_start_at_the_same_moment(tmp_path, monkeypatch):
    """Both have looked, and both found nothing, before one of them takes the lock."""
    both = threading.Barrier(2)
    take = lock.FolderLock.take

    def together(self):
        both.wait(60)
        return take(self)

    monkeypatch.setattr(lock.FolderLock, "take", together)
    monkeypatch.setattr(lock, "PATIENCE", 0.05)
    outcomes = []

    def one(seed):
        try:
            run_tiny(tmp_path / "new" / "run", seed=seed, max_steps=30)
            outcomes.append(seed)
        except CourseError as refusal:
            outcomes.append(str(refusal))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(map(type, outcomes), key=str) == [int, str]
    assert "going on" in str(outcomes) or "already holds a run" in str(outcomes)
    load_run(tmp_path / "new" / "run")


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    run = tmp_path / "run"
    run_tiny(run)
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom course.training.lock import FolderLock\n"
        "held = FolderLock(Path(sys.argv[1]))\nheld.take()\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().strip() == b"held"
        with pytest.raises(CourseError, match="a training is going on"):
            run_tiny(run, resume=True)
        process.kill()
    run_tiny(run, resume=True, max_steps=3)


@pytest.mark.parametrize("error", [OSError(95, "Operation not supported"), NotImplementedError("no flock")])
def test_a_drive_without_locks_is_said_and_trains(tmp_path, monkeypatch, capsys, error):
    def refusing(*_, **__):
        raise error

    monkeypatch.setattr(FileLock, "acquire", refusing)
    run_tiny(tmp_path / "run")
    assert capsys.readouterr().out.count("knows no locks") == 1
    run_tiny(tmp_path / "run", resume=True, max_steps=3)


def test_a_refused_start_leaves_no_folder(tmp_path):
    with pytest.raises(CourseError, match="max_len"):
        train(tmp_path / "run", *TEXTS, model_options=TINY | {"max_len": 2}, training=short_training(), vocab_size=260)
    assert not (tmp_path / "run").exists()


def test_a_lock_makes_no_foreign_folder_ours(tmp_path):
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    for how in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(CourseError):
            run_tiny(tmp_path, **how)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


# --- a numbered folder


def test_a_scored_run_gets_the_first_free_number_and_an_unscored_one_is_named(tmp_path):
    run = tmp_path / "mine"
    assert run_folder.set_aside(run) == ""
    for number in (1, 2):
        run_tiny(run, seed=number)
        weights = read_tensors(run / "best.safetensors")[0]
        assert run_folder.set_aside(run) == f"The run that stood in {run} is now in {run}-{number}."
        assert not run.exists()
        moved = load_run(Path(f"{run}-{number}")).model.named_parameters()
        assert all(torch.equal(weights[name], parameter) for name, parameter in moved)
    run_tiny(run, stop=lambda: True)
    assert "which was never scored, is replaced" in run_folder.set_aside(run)
    assert run.exists()
