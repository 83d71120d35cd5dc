"""A function that never comes back is stopped; one that passes and makes numpy warn is told so."""

# ruff: noqa: SIM105  the tries and excepts are what learners write

import queue
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest

import course.lab
from course.lab.exercises import desk, diagnose, watch
from course.lessons.lesson_03 import reference
from course.lessons.lesson_05.reference import causal_mask


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(desk, "_DESK", desk.Desk())
    monkeypatch.setattr(watch, "LONGEST", 0.3)


def busy(T):
    while True:
        pass


def swallows_errors(T):
    while True:
        try:
            sum(range(100))
        except Exception:
            pass


def swallows_everything(T):
    while True:
        try:
            time.sleep(100)
        except:  # noqa: E722
            pass


def swallows_interrupts(T):
    while True:
        try:
            time.sleep(0.001)
        except KeyboardInterrupt:
            pass


def sleeps(T):
    while T:
        time.sleep(100)


def counts(T):
    i = 0
    while i < T:
        [j * j for j in range(1000)]
    return causal_mask(T)


def in_a_helper(T):
    return busy(T)


ENDLESS = [busy, swallows_errors, swallows_everything, swallows_interrupts, sleeps, counts, in_a_helper]


def settings():
    return signal.getsignal(signal.SIGINT), sys.gettrace(), np.geterr(), random.getstate()


@pytest.mark.parametrize("function", ENDLESS, ids=lambda f: f.__name__)
def test_a_loop_that_never_ends_is_stopped_and_nothing_is_left_behind(function):
    np.random.seed(3)  # noqa: NPY002
    before, numbers, threads = settings(), np.random.get_state()[1].copy(), threading.active_count()  # noqa: NPY002
    start = time.process_time()
    found = diagnose("causal_mask", function)
    assert time.process_time() - start < 5  # processor time, since other workers take theirs; it is less than one
    assert (found.status, found.mistake, found.stopped) == ("failed", None, True)
    assert "still running after 0.3 seconds" in found.message
    assert "while" in found.message
    assert found.message.endswith("when does it end?")
    assert settings() == before
    np.testing.assert_array_equal(numbers, np.random.get_state()[1])  # noqa: NPY002
    time.sleep(0.4)  # nothing arrives afterwards
    assert threading.active_count() <= threads
    assert diagnose("causal_mask", lambda T: np.tri(T, dtype=bool)).status == "passed"


@pytest.mark.parametrize(
    ("elapsed", "computed", "share", "over"),
    [
        (10, 9.9, 0.99, False),  # it is looked at again in a tenth of a second
        (10.1, 10, 0.99, True),
        (10, 1.7, 0.17, False),  # one of twelve programs on two processors
        (24, 4.1, 0.17, False),
        (25, 4.3, 0.17, True),  # then it is over, whatever happens
        (25.1, 0.6, 0.03, True),
        (12, 10.2, 0.5, True),  # it has had its seconds
        (10, 0.6, 0.0, True),  # it sleeps, after a little work
        (10, 0.1, 0.01, True),  # it waits, and looks now and then
        (3, 12, 4, False),  # four threads of torch: no sooner than by the clock on the wall
    ],
)
def test_how_long_is_long_enough(elapsed, computed, share, over):
    assert watch.is_over(10, elapsed, computed, share) is over


def test_on_a_busy_computer_a_slow_answer_may_finish_and_an_endless_one_is_stopped(monkeypatch):
    monkeypatch.setattr(time, "process_time", lambda: time.monotonic() / 10)  # this program gets a tenth of it
    begun = []

    def slow(T):
        begun.append(time.monotonic())
        while time.monotonic() < begun[0] + 0.5:
            pass
        return np.tri(T, dtype=bool)

    assert diagnose("causal_mask", slow).status == "passed"
    start = time.monotonic()
    assert diagnose("causal_mask", busy).stopped
    assert time.monotonic() - start >= watch.MOST * 0.3


def test_the_loop_is_named():
    message = diagnose("causal_mask", counts).message
    assert "in counts:  while i < T:" in message
    assert "in busy:  while True:" in diagnose("causal_mask", in_a_helper).message


def test_who_waits_in_a_function_of_python_s_library_is_shown_the_own_function():
    def waits(T):
        return queue.Queue().get()

    assert "    in waits\n  Which of its lines waits" in diagnose("causal_mask", waits).message
    found = diagnose("causal_mask", lambda T: random.choice([]))
    assert "choice" in found.message
    assert "in choice:" not in found.message


def test_torch_is_left_as_it_was():
    torch = pytest.importorskip("torch")

    def spoils(T):
        torch.manual_seed(1)
        torch.set_grad_enabled(False)
        while True:
            torch.rand(3)

    before = torch.get_rng_state()
    assert diagnose("causal_mask", spoils).status == "failed"
    assert torch.equal(before, torch.get_rng_state())
    assert torch.is_grad_enabled()


def test_the_learner_s_own_interrupt_is_told_apart():
    def interrupted(T):
        signal.raise_signal(signal.SIGINT)
        return causal_mask(T)

    before = settings()
    with pytest.raises(KeyboardInterrupt):
        diagnose("causal_mask", interrupted)
    assert settings() == before


def test_another_thread_checks_without_a_watch():
    found = []
    thread = threading.Thread(target=lambda: found.append(diagnose("causal_mask", lambda T: np.tri(T, dtype=bool))))
    thread.start()
    thread.join()
    assert found[0].status == "passed"


def test_without_a_signal_to_a_thread_the_main_thread_interrupts_itself(monkeypatch):
    monkeypatch.delattr(signal, "pthread_kill")  # as on Windows
    for function in (busy, swallows_errors, swallows_interrupts):
        assert "still running" in diagnose("causal_mask", function).message


def test_an_endless_try_counts_and_the_check_goes_on(capsys, monkeypatch):
    def searched(*arguments):
        raise AssertionError("a search for an example would wait once more")

    monkeypatch.setattr(desk, "counter_examples", searched)
    for _ in range(2):
        assert course.lab.check("causal_mask", busy) is causal_mask
    assert 'solution("causal_mask") shows' in capsys.readouterr().out


# --- warnings -----------------------------------------------------------------------------------------------------


def divides_nothing(x, mask=None):
    x = x if mask is None else np.where(mask, x, -np.inf)
    top = x.max(axis=-1, keepdims=True)
    powers = np.exp(x - np.where(np.isfinite(top), top, 0))
    return np.nan_to_num(powers / powers.sum(axis=-1, keepdims=True))


def test_a_pass_that_makes_numpy_warn_says_so():
    found = diagnose("softmax", divides_nothing)
    assert found.status == "passed"
    assert found.message.endswith(
        "On a row with nothing allowed it divides 0 by 0 (or infinity by infinity) on the way; numpy will warn of that "
        "in the cells below."
    )


def test_a_pass_in_silence_says_nothing_of_warnings():
    def quiet(x, mask=None):
        with np.errstate(invalid="ignore"):
            return divides_nothing(x, mask)

    for function in (quiet, lambda x, mask=None: reference.softmax(x, mask)):
        assert "warn" not in diagnose("softmax", function).message


def test_recording_warnings_leaves_no_trace(recwarn):
    before = np.geterr()
    diagnose("softmax", divides_nothing)
    assert np.geterr() == before
    assert len(recwarn) == 0
