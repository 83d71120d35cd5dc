"""Live training: it runs in the background, stops, goes on, fails where the learner looks, and stores nothing new."""

import _thread
import subprocess
import sys
import threading
import time

import pytest
import torch

from course.errors import CourseError
from course.lab.widgets import live as live_training
from course.lab.widgets.dashboard import Dashboard, dashboard
from course.lab.widgets.live import live
from course.lab.widgets.still import WIDGET_VIEW
from course.training import train, training_step
from course.training.checkpoint import read_tensors
from course.training.lock import FolderLock
from course.training.log import read_log
from tests.browser.notebook import write_notebook
from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab
from tests.training_toys import SMALL, backward_corpus, short_training

TRAIN, VAL = backward_corpus()
MODEL = SMALL | {"dropout": 0.2}  # random numbers are part of the state
PATIENCE = 120_000  # ms; busy machines train slowly


class Step:
    """A training step that counts, and does `then` after `at` updates."""

    def __init__(self, at=None, then=None):
        self.n, self.at, self.then = 0, at, then

    def __call__(self, *arguments):
        loss = training_step(*arguments)
        self.n += 1
        if self.n == self.at:
            self.then()
        return loss


def start(run, *, step=training_step, vocab_size=280, model=MODEL, **changes):
    training = short_training(**changes)
    return live(
        TRAIN, VAL, run=run, model_options=model, training=training, vocab_size=vocab_size, step=step,
        corpus={"name": "backward"},
    )  # fmt: skip


def whole(run, **changes):
    """The same run in the foreground."""
    return train(run, TRAIN, VAL, model_options=MODEL, training=short_training(**changes), vocab_size=280)


def same_weights(run, other):
    a, b = (read_tensors(folder / "last.safetensors")[0] for folder in (run, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def raising():
    raise ZeroDivisionError("the learner divided")


def test_it_starts_at_once_and_ends_as_in_the_foreground(tmp_path, capsys):
    may_go_on = threading.Event()
    run = start(tmp_path / "live", step=Step(1, may_go_on.wait))
    assert isinstance(run, Dashboard)
    assert run.running
    may_go_on.set()
    result = run.wait()
    assert not run.running
    assert capsys.readouterr() == ("", "")  # nothing is printed into whatever cell runs just then
    assert (result.steps, result.finished) == (12, True)
    whole(tmp_path / "whole")
    assert same_weights(tmp_path / "live", tmp_path / "whole")
    assert run.records == read_log(tmp_path / "live")
    assert run.state == "finished"
    assert run.told.startswith("Finished: 12 steps")


def test_stopped_and_resumed_it_ends_at_the_same_weights(tmp_path, capsys):
    step = Step()
    step.at, step.then = 7, lambda: run._pressed(run, {"press": "stop"}, [])  # what the button sends
    run = start(tmp_path / "live", step=step, max_steps=20)
    result = run.wait()
    assert (result.steps, result.finished) == (7, False)
    assert capsys.readouterr().out == ("Stopped at step 7; the state is kept: resume() or the button Resume goes on.\n")
    assert run.state == "stopped"
    assert step.n == 7
    run._pressed(run, {"press": "resume"}, [])
    result = run.wait()
    assert (result.steps, result.finished, step.n) == (20, True, 20)
    whole(tmp_path / "whole", max_steps=20)
    assert same_weights(tmp_path / "live", tmp_path / "whole")
    assert run.records == read_log(tmp_path / "live")
    assert "resumed at step 7" in run.alt
    assert dashboard(tmp_path / "live").frame == run.frame


def test_interrupting_the_kernel_while_it_waits_stops_the_run(tmp_path, capsys):
    """`interrupt_main` is what Jupyter's interrupt comes down to: KeyboardInterrupt in the thread of the cells."""
    waiting = threading.Event()

    def interrupt():
        waiting.wait()
        time.sleep(0.5)
        _thread.interrupt_main()

    run = start(tmp_path / "live", step=Step(3, interrupt), max_steps=100_000)
    waiting.set()
    result = run.wait()
    assert not result.finished
    assert 3 <= result.steps < 100_000
    assert "resume()" in capsys.readouterr().out
    assert (tmp_path / "live" / "last.safetensors").exists()
    assert run.state == "stopped"


def test_a_slow_computer_stops_the_run_kindly_and_keeps_its_state(tmp_path, capsys):
    run = start(tmp_path / "live", max_steps=100_000)
    result = run.wait(at_most=0.02)
    assert not result.finished
    said = capsys.readouterr().out
    assert "slower than planned" in said
    assert "after 1 s" in said
    assert "resume()" in said
    assert (tmp_path / "live" / "last.safetensors").exists()
    run.resume(max_steps=result.steps + 2)
    assert run.wait().finished


def test_stop_returns_when_the_state_is_kept(tmp_path):
    run = start(tmp_path / "live", max_steps=100_000)
    run.stop()
    assert not run.running
    kept = read_tensors(tmp_path / "live" / "last.safetensors")[1]["position"]["step"]
    assert kept == run.records[-1]["step"] >= 1
    run.stop()  # nothing to do


def test_an_error_of_the_step_reaches_wait_and_the_page(tmp_path):
    run = start(tmp_path / "live", step=Step(6, raising))
    for _ in range(2):  # asked again, it says the same
        with pytest.raises(ZeroDivisionError, match="the learner divided") as caught:
            run.wait()
        files = [entry.path.name for entry in caught.traceback]
        assert files[-1] == "test_lab_live.py"
        assert "loop.py" not in files  # the learner's own lines, none of the package's loop
    assert run.state == "failed"
    assert run.error.splitlines()[0] == "ZeroDivisionError: the learner divided"
    assert "in raising, line" in run.error
    assert run.frame  # what was learned until then is still to be seen
    assert not run.running


def test_a_corrected_step_goes_on_from_the_last_state(tmp_path):
    run = start(tmp_path / "live", step=Step(10, raising), checkpoint_every=4, max_steps=20)
    with pytest.raises(ZeroDivisionError):
        run.wait()
    better = Step()
    run.resume(step=better)
    assert run.wait().steps == 20
    assert better.n == 12
    assert run.error == ""
    assert run.state == "finished"
    whole(tmp_path / "whole", checkpoint_every=4, max_steps=20)
    assert same_weights(tmp_path / "live", tmp_path / "whole")


@pytest.mark.parametrize("returned", [None, "low"])
def test_a_step_that_returns_no_number_gets_a_sentence(tmp_path, returned):
    def forgetful(*_):
        return returned

    run = start(tmp_path / "live", step=forgetful)
    with pytest.raises(CourseError, match=f"forgetful returned {returned!r}; it must return the loss"):
        run.wait()


def test_a_diverging_loss_is_said_in_one_sentence_without_the_package(tmp_path):
    run = start(tmp_path / "live", step=lambda *_: float("nan"))
    with pytest.raises(CourseError, match="the loss is nan at step 1: lower lr") as caught:
        run.wait()
    assert [entry.name for entry in caught.traceback][-1] == "wait"
    assert run.error.startswith("CourseError: the loss is nan")


def test_only_one_at_a_time(tmp_path):
    may_go_on = threading.Event()
    run = start(tmp_path / "first", step=Step(1, may_go_on.wait))
    try:
        with pytest.raises(CourseError, match="going on already"):
            start(tmp_path / "second")
        with pytest.raises(CourseError, match="going on already"):
            run.resume()
        assert not (tmp_path / "second").exists()
    finally:
        may_go_on.set()
        run.wait()
    start(tmp_path / "second", max_steps=2).wait()


def test_a_finished_run_gets_a_number_when_its_cell_runs_again(tmp_path, capsys):
    folder = tmp_path / "mine"
    start(folder, max_steps=2).wait()
    weights = (folder / "best.safetensors").read_bytes()
    start(folder, max_steps=3).wait()
    assert capsys.readouterr().out == f"The run that stood in {folder} is now in {folder}-1.\n"
    assert (tmp_path / "mine-1" / "best.safetensors").read_bytes() == weights
    assert read_log(folder)[-1]["step"] == 3
    assert dashboard(tmp_path / "mine-1").told.startswith("Finished: 2 steps")


def test_an_unscored_run_is_replaced_with_one_line(tmp_path, capsys):
    folder = tmp_path / "mine"
    run = start(folder, step=Step(1, lambda: run._pressed(run, {"press": "stop"}, [])), max_steps=50)
    run.wait()
    capsys.readouterr()
    start(folder, max_steps=2).wait()
    assert capsys.readouterr().out == f"The run in {folder}, which was never scored, is replaced.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_in_which_another_program_trains_is_refused_at_once(tmp_path):
    folder = tmp_path / "mine"
    start(folder, max_steps=2).wait()
    lock = FolderLock(folder)
    lock.take()
    try:
        with pytest.raises(CourseError, match="a training is going on in .*mine, here or in another window"):
            start(folder)
    finally:
        lock.give_back()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    start(folder, max_steps=2).wait()


def test_a_run_that_another_notebook_replaced_is_not_gone_on_with(tmp_path):
    folder = tmp_path / "mine"
    run = start(folder, step=Step(1, lambda: run._pressed(run, {"press": "stop"}, [])), max_steps=50)
    run.wait()
    train(folder, TRAIN, VAL, model_options=MODEL, training=short_training(max_steps=2), vocab_size=280, overwrite=True)
    with pytest.raises(CourseError, match="stands another run by now"):
        run.resume()
    assert read_log(folder)[-1]["step"] == 2


def test_a_run_that_has_ended_needs_a_later_end(tmp_path):
    run = start(tmp_path / "live", max_steps=6)
    run.wait()
    with pytest.raises(CourseError, match=r"ended after 6 steps .* later end"):
        run.resume()
    with pytest.raises(CourseError, match="later end"):
        run.resume(max_steps=6)
    run._pressed(run, {"press": "resume"}, [])
    assert "later end" in run.notes  # the page gets the same sentence
    run.resume(max_steps=12)
    assert run.wait().steps == 12
    assert [record["step"] for record in run.records if "val_loss" in record] == [3, 6, 12]


def test_what_cannot_work_is_said_at_once(tmp_path):
    with pytest.raises(CourseError, match="heads"):
        start(tmp_path / "live", model=MODEL | {"n_heads": 5})
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(CourseError, match="not a run folder"):
        start(tmp_path)


def test_the_page_hears_of_it_while_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(live_training, "SHOW_EVERY", 0.0)
    monkeypatch.setattr(live_training, "DRAWING_SHARE", 1e9)
    seen = []
    run = start(tmp_path / "live", step=Step(30, lambda: None), max_steps=30, log_every=5)
    run.observe(lambda change: seen.append((run.state, change["new"])), "told")
    pictures = run.drawn
    run.wait()
    assert [told for state, told in seen if state == "running" and told.startswith("Step 20: loss ")]
    assert any("tokens/s" in told and "left" in told for _, told in seen)
    assert run.drawn >= pictures + 5
    assert "sentence pairs" in run.notes


def test_what_is_stored_is_the_same_before_and_after_and_for_every_run(tmp_path):
    stored = []
    for seed in (1, 2):
        run = start(tmp_path / str(seed) / "same", seed=seed)
        for _ in ("before", "after"):
            data, _ = run._repr_mimebundle_()
            assert data.pop(WIDGET_VIEW)
            stored.append(data)
            run.wait()
    assert stored == [stored[0]] * 4
    assert set(stored[0]) == {"text/plain"}
    assert "Training of same, live" in stored[0]["text/plain"]
    assert str(tmp_path) not in stored[0]["text/plain"]


def test_a_press_reaches_a_kernel_that_waits():
    """With ipykernel 7.4, a comm that spoke last in the main thread would be answered there, behind the cell."""

    class Comm:
        def _reply_subshell_for(self, data, default):
            return None

    comm = Comm()
    live_training._let_the_page_choose_its_thread(comm)
    assert comm._reply_subshell_for({}, "subshell of the page") == "subshell of the page"
    live_training._let_the_page_choose_its_thread(object())  # other kernels
    live_training._let_the_page_choose_its_thread(None)


@pytest.mark.slow
def test_a_kernel_that_ends_keeps_the_state(tmp_path):
    program = f"""
import sys, time
from pathlib import Path
from tests.test_lab_live import Step, start
import threading
begun = threading.Event()
run = start(Path({str(tmp_path / "live")!r}), max_steps=1_000_000, checkpoint_every=1_000_000, step=Step(3, begun.set))
begun.wait()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read_log(tmp_path / "live")[-1]["stopped"]


PAGE = """
import time
from course.lab import live
from course.training import training_step
from tests.training_toys import SMALL, backward_corpus, short_training

def slow_step(*arguments):
    time.sleep(0.02)
    return training_step(*arguments)

train_text, val_text = backward_corpus()
training = short_training(max_steps=300, log_every=5, validations=6)
options = {"model_options": SMALL, "training": training, "vocab_size": 280, "step": slow_step}
run = live(train_text, val_text, run="runs/slow", **options)
run
"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM)
def test_in_a_page_it_moves_stops_while_a_cell_waits_and_goes_on(tmp_path):
    write_notebook(tmp_path / "live.ipynb", PAGE, "run.wait().finished")
    with jupyterlab(tmp_path) as lab, chromium() as browser:
        notebook = Notebook(browser, lab, "live.ipynb")
        page = notebook.page
        for number in range(2):
            page.locator(".jp-CodeCell").nth(number).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
        widget = page.locator(".course-dashboard")
        told = widget.locator(".course-told")
        told.filter(has_text="Step").wait_for(timeout=PATIENCE)
        first = widget.locator("img").get_attribute("alt")
        page.wait_for_function(
            "([image, old]) => image.alt !== old",
            arg=[widget.locator("img").element_handle(), first],
            timeout=PATIENCE,
        )
        widget.get_by_role("button", name="Stop").focus()
        page.keyboard.press("Enter")
        told.filter(has_text="Stopped at step").wait_for(timeout=PATIENCE)
        page.locator(".jp-OutputArea-output:has-text('False')").wait_for(timeout=PATIENCE)
        assert widget.get_by_role("button", name="Resume").evaluate("node => node === document.activeElement")
        page.keyboard.press("Enter")
        told.filter(has_text="Finished: 300 steps").wait_for(timeout=PATIENCE)
        assert "resumed at step" in widget.locator("img").get_attribute("alt")
        assert widget.locator("tbody").count() == 3
        assert notebook.errors == []
        assert notebook.error_outputs() == []
        assert notebook.foreign_requests() == []
        notebook.screenshot("live_training", widget)
        notebook.close()
