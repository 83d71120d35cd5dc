"""check, hint, solution and diagnose: the ladder, what they print, and what they leave as it was."""

import random
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest

import course.lab
from course.errors import CourseError
from course.lab import reference
from course.lab.exercises import Case, all_exercises, desk, diagnose, get
from course.lab.exercises.exercise import Diagnosis


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(desk, "_DESK", desk.Desk())


def right(q, k, v, mask=None):
    return reference.attention(q, k, v, mask)


def unscaled(q, k, v, mask=None):
    w = reference.softmax(q @ np.swapaxes(k, -1, -2), mask)
    return w @ v, w


def not_implemented(*_, **__):
    raise NotImplementedError


@pytest.mark.parametrize(
    "empty", [None, ..., lambda q, k, v, mask=None: None, lambda q, k, v, mask=None: ..., not_implemented]
)
def test_not_attempted(empty, capsys):
    assert diagnose("attention", empty).status == "not attempted"
    assert course.lab.check("attention", empty) is reference.attention
    assert "not attempted yet" in capsys.readouterr().out


def test_a_pair_of_nothing_is_not_attempted():
    assert diagnose("attention", lambda q, k, v, mask=None: (None, None)).status == "not attempted"


def test_something_that_is_no_function():
    found = diagnose("attention", np.ones(3))
    assert (found.status, found.mistake) == ("failed", None)
    assert "ndarray" in found.message


@pytest.mark.parametrize("wrong", [lambda q, k, v: None, lambda q, k, v, m=None: None, lambda: None])
def test_the_signature_is_compared(wrong):
    found = diagnose("attention", wrong)
    assert found.status == "failed"
    assert "(q, k, v, mask=None)" in found.message


def test_an_exception_is_shown_with_the_learner_s_lines_and_the_arguments():
    def raises(q, k, v, mask=None):
        return helper(q)

    def helper(q):
        return np.linalg.inv(q + {})

    message = diagnose("attention", raises).message
    assert "TypeError" in message
    assert "in helper:  return np.linalg.inv(q + {})" in message
    assert "q (1, 2) = (Tq, d_k) float64" in message
    assert "site-packages" not in message
    assert "run.py" not in message


def test_addresses_do_not_show():
    def raises(q, k, v, mask=None):
        raise KeyError(object())

    assert " at 0x" not in diagnose("attention", raises).message


def test_shapes_are_told_in_axis_names():
    message = diagnose("attention", lambda q, k, v, mask=None: (right(q, k, v, mask)[0][..., :1, :1], q)).message
    assert "weights should have shape" in message or "output should have shape" in message
    assert "Tq" in message


def test_no_match_gives_an_example_by_hand():
    found = diagnose("attention", lambda q, k, v, mask=None: (right(q, k, v, mask)[0] + 1, right(q, k, v, mask)[1]))
    assert found.mistake is None
    assert "must give output = [[3. 5. 7.]], weights = [[1.]]" in found.message
    assert found.message.endswith("?")


def test_a_property_finds_what_no_case_does():
    def shy(q, k, v, mask=None):  # right on every case; spoils what is asked 3 x 11
        output, weights = right(q, k, v, mask)
        return (output + (weights.shape[-1] == 11), weights)

    found = diagnose("attention", shy)
    assert found.status == "failed"
    assert "7 blocked keys" in found.message


def test_two_mistakes_get_the_question_for_the_first():
    def both(q, k, v, mask=None):
        s = q @ np.swapaxes(k, -1, -2)
        if mask is not None:
            s = np.where(mask, s, 0)
        return right(s, np.eye(s.shape[-1]) * s.shape[-1] ** 0.5, v)

    assert diagnose("attention", both).mistake == "A01"


def test_check_returns_the_learner_s_object_only_if_it_passed(capsys):
    assert course.lab.check("attention", right) is right
    assert "attention: passed." in capsys.readouterr().out
    assert course.lab.check("attention", unscaled) is reference.attention
    out = capsys.readouterr().out
    assert "not yet right" in out
    assert "256" in out


def test_the_reference_itself_is_not_counted_as_the_learner_s(capsys):
    assert course.lab.check("attention", reference.attention) is reference.attention
    assert "this is the reference" in capsys.readouterr().out
    assert course.lab.workbook.solved_ids() == ()


def test_the_same_answer_gives_the_same_words():
    assert diagnose("attention", unscaled) == diagnose("attention", unscaled)
    assert isinstance(diagnose("attention", unscaled), Diagnosis)


def test_random_state_output_and_errors_of_the_learner_do_not_leak(capfd):
    def noisy(q, k, v, mask=None):
        print("hello")
        np.random.rand(3)  # noqa: NPY002
        random.random()
        np.log(np.zeros(1))
        return right(q, k, v, mask)

    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    before, plain, settings = np.random.get_state()[1].copy(), random.getstate(), np.geterr()  # noqa: NPY002
    found = diagnose("attention", noisy)
    assert "random numbers" in found.message
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert (plain, settings) == (random.getstate(), np.geterr())
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_passes_through_and_state_is_restored():
    def interrupted(q, k, v, mask=None):
        np.random.seed(1)  # noqa: NPY002
        raise KeyboardInterrupt

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(KeyboardInterrupt):
        diagnose("attention", interrupted)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_hints_come_one_after_the_other(capsys):
    for level in (1, 2, 3, 3):
        course.lab.hint("attention")
        assert capsys.readouterr().out == (
            f"attention, hint {level} of 3 ({['a question', 'a pointer', 'nearly the code'][level - 1]}):\n"
            f"{get('attention').hints[level - 1]}\n"
        )
    course.lab.hint("attention", 1)
    assert "hint 1 of 3" in capsys.readouterr().out
    with pytest.raises(CourseError, match="level"):
        course.lab.hint("attention", 4)


def test_the_solution_waits_for_two_tries(capsys):
    course.lab.solution("attention")
    assert "def attention" not in capsys.readouterr().out
    for _ in range(2):
        course.lab.check("attention", unscaled)
    assert 'solution("attention") shows' in capsys.readouterr().out
    course.lab.solution("attention")
    out = capsys.readouterr().out
    assert "def softmax" in out
    assert "def attention" in out
    course.lab.solution("causal_mask", now=True)
    assert "def causal_mask" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [None, unscaled])
def test_grading_raises_on_a_miss(answer, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match="attention"):
        course.lab.check("attention", answer)
    assert course.lab.check("attention", right) is right
    assert diagnose("attention", answer).status != "passed"  # diagnose never raises


def test_unknown_ids_are_refused_with_the_nearest_name():
    with pytest.raises(CourseError, match="'attention'"):
        course.lab.check("atention", right)


def test_exercises_are_declared_completely():
    ids = [e.id for e in all_exercises()]
    assert {
        "attention",
        "softmax",
        "score_statistics",
        "repair_attention",
        "causal_mask",
        "padding_mask",
        "decoder_mask",
    } <= set(ids)
    for e in all_exercises():
        assert 1 <= e.difficulty <= 5
        assert 1 <= e.importance <= 5
        assert e.minutes > 0
        assert e.title
        assert e.lesson >= 0


def test_a_badly_declared_exercise_is_refused():
    import dataclasses

    good = get("causal_mask")
    with pytest.raises(CourseError, match="twice"):
        dataclasses.replace(good, mistakes=good.mistakes[:1] * 2)
    with pytest.raises(CourseError, match="tiers"):
        dataclasses.replace(good, cases=(Case("b", lambda: (1,), "?", tier=2), Case("a", lambda: (1,), "?")))
    with pytest.raises(CourseError, match="arguments"):
        dataclasses.replace(good, cases=(Case("a", lambda: (1, 2), "?"),))


@pytest.mark.parametrize("answer", [right, unscaled], ids=["right", "wrong"])
def test_a_check_answers_within_a_second(answer):
    seconds = []
    for _ in range(3):
        start = time.process_time()  # the machine may be busy with something else
        diagnose("attention", answer)
        seconds.append(time.process_time() - start)
    assert statistics.median(seconds) < 1


def test_importing_the_lab_and_checking_stays_light():
    code = (
        "import sys, course.lab\n"
        "assert 'numpy' not in sys.modules\n"
        "from course.lab import check, explore, quiz\n"
        "import course.lab.exploring\n"
        "from course.lab import explore as again\n"
        "assert callable(explore) and again is explore and callable(quiz)\n"
        "from course.lab.exercises import diagnose\n"
        "assert diagnose('attention', None).status == 'not attempted'\n"
        "assert not {'torch', 'matplotlib', 'ipywidgets', 'IPython'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
