"""check, hint, solution and diagnose: the ladder, what they print, and what they leave as it was."""

import functools
import linecache
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

import course.lab
from course.errors import CourseError
from course.lab.exercises import Case, all_exercises, desk, diagnose, get
from course.lab.exercises.exercise import Diagnosis
from course.lessons.lesson_03 import reference
from course.lessons.lesson_05.reference import causal_mask
from course.special import BOS, EOS, PAD


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


STUB = 'raise NotImplementedError("your code here")'


def written(body):
    """Return a function of weights with this body, as a notebook's cell defines it."""
    source = f"def mean_over_heads(weights):\n    {body}\n"
    name = f"<cell {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), space)
    return space["mean_over_heads"]


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


EMPTY = ["pass", "...", '"""Text."""', "return", "return None", "return ..., ...", "raise NotImplementedError", STUB]


@pytest.mark.parametrize("body", EMPTY)
def test_a_body_that_does_nothing_is_not_attempted(body):
    found = diagnose("mean_over_heads", written(body))
    assert (found.status, found.message) == ("not attempted", "The function is still empty.")


@pytest.mark.parametrize(
    "body",
    [
        "m = weights.mean(axis=1)",
        "print(weights.mean(axis=1))",
        "m = weights",
        "for w in weights:\n        pass",
        "weights.mean(axis=1)\n    return None",
        "weights.mean(axis=1)\n    return ...",
    ],
)
def test_a_forgotten_return_is_no_empty_function(body, capsys):
    mine = written(body)
    assert "hands nothing back" in diagnose("mean_over_heads", mine).message
    for _ in range(2):
        course.lab.check("mean_over_heads", mine)
    assert 'solution("mean_over_heads") shows' in capsys.readouterr().out  # such a try counts


@pytest.mark.parametrize("body", [f"{STUB}\n    return weights.mean(axis=1)", f"m = weights.mean(axis=1)\n    {STUB}"])
def test_a_stub_that_was_left_in_is_told(body):
    found = diagnose("mean_over_heads", written(body))
    assert found.status == "failed"
    assert "`raise NotImplementedError` still stands" in found.message


def test_a_stub_that_the_function_calls_is_shown_where_it_is():
    def helper(q):
        raise NotImplementedError("your code here")

    def calls(q, k, v, mask=None):
        return helper(q)

    message = diagnose("attention", calls).message
    assert "still stands in your function" not in message
    assert "in helper:  raise NotImplementedError" in message


@pytest.mark.parametrize("empty", [lambda weights: print(weights), print, functools.partial(print, 1)])
def test_what_has_no_body_to_read_is_called_empty_only_if_it_uses_no_names(empty):
    assert diagnose("mean_over_heads", empty).status == "failed"


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


def keyword_only(q, k, v, *, mask=None) -> tuple:
    return reference.attention(q, k, v, mask)


def position_only(q, k, v, mask=None, /):
    return reference.attention(q, k, v, mask)


def test_a_signature_is_shown_with_its_signs():
    message = diagnose("attention", keyword_only).message
    assert "yours takes (q, k, v, *, mask=None):" in message
    assert message.endswith("May an argument after * be handed over without its name?")
    message = diagnose("attention", position_only).message
    assert "yours takes (q, k, v, mask=None, /):" in message
    assert message.endswith("May an argument before / be handed over by its name?")


def attends(line):
    """Return an attention with one line of its own before the mask is used."""
    source = (
        f"def attention(q, k, v, mask=None):\n    s = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])\n    {line}\n"
        "    return rest(s, v, mask)\n"
    )

    def rest(s, v, mask):
        return (w := reference.softmax(s, mask)) @ v, w

    space = {"np": np, "rest": rest}
    exec(source, space)
    return space["attention"]


YES_OR_NO = "whether it is None, or something about its entries?"
BROKEN = [
    ("s = score / 2", "Under which name did you make it, or is it an argument?"),
    ("mask = mask.astype(bool) if mask else None", YES_OR_NO),
    ("mask = mask if mask != None else None", YES_OR_NO),
    ("s = np.wher(mask, s, 0)", "What stands before the dot there, and which names does it offer?"),
    ("sum = 3; s = s / sum(s)", "Was its name given to something else, or is a * or a square bracket meant?"),
    ("s = q @ k", "Write the shapes beside what stands in that line. Which axes should meet there?"),
    ("return attention(q, k, v, mask)", "When would it stop?"),
    ("s = s + None", "What does that line need, and what does it get?"),
    ("B, Tq, Tk = s.shape if s.ndim > 2 else (1, 1, 1)", "Which of your steps counts axes from the front?"),
    ("return 1.0, s", "What exactly stands behind your return?"),
    ("return s", "What exactly stands behind your return?"),
    ("return s[None] @ v, s", "Which of your steps makes its axes, and what does that step start from?"),
    ("old = v.copy(); v += 1; v = old", "Which of your lines writes into the array that was handed in?"),
    ("s = s.astype('f4') + 0.0 * v.sum()", "Which of your lines rounds, asks for float32 or adds something small?"),
    ("s = s + 1e-7 * np.arange(s.shape[-1])", "Which of your lines rounds, asks for float32 or adds something small?"),
    ("w = reference_of(s, mask)", "Under which name did you make it, or is it an argument?"),
]


@pytest.mark.parametrize(("line", "question"), BROKEN)
def test_what_broke_decides_what_is_asked(line, question):
    found = diagnose("attention", attends(line))
    assert (found.status, found.mistake) == ("failed", None)
    assert found.message.endswith(question)


def test_a_changed_argument_is_not_told_with_the_numbers():
    message = diagnose("attention", attends("old = v.copy(); v += 1; v = old")).message
    assert "changed its own argument v" in message
    assert "must give" not in message


def test_results_that_are_no_arrays_and_booleans_are_told_as_what_they_are():
    message = diagnose("causal_mask", lambda T: np.tri(T, dtype=bool).tolist()).message
    assert "mask should be one array, and yours is a list of 1." in message
    message = diagnose("causal_mask", lambda T: np.tri(T, dtype=bool) | (np.arange(T) == 1)).message
    assert "mask[0, 1] should be False, and yours is True." in message


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
        signal.raise_signal(signal.SIGINT)  # as the learner's button does

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
    for level in (4, 1.0, True, "1"):
        with pytest.raises(CourseError, match="level"):
            course.lab.hint("attention", level)


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


@pytest.mark.parametrize("id", [exercise.id for exercise in all_exercises()])
def test_the_solution_passes_where_it_is_pasted(id, capsys):
    """In the exercise's cell of its lesson, which has numpy, torch and the pieces that its first cell loads."""
    course.lab.solution(id, now=True)
    space = {"np": np}
    if get(id).lesson >= 7:
        torch = pytest.importorskip("torch")
        space |= {"torch": torch, "nn": torch.nn}
    if get(id).lesson == 4:
        space["attention"] = reference.attention
    if get(id).lesson == 8:
        from course.lessons.lesson_08.reference import Norm
        from course.lessons.lesson_08.testing import moved, other_words

        loaded = ("MultiHeadAttention", "FeedForward", "residual_block", "stack", "positional_encoding")
        written = ("padding_mask", "decoder_mask", "embed", "EncoderLayer", "DecoderLayer")
        space |= {name: get(name).reference for name in (*loaded, *written) if name != id}
        space |= {"Norm": Norm, "moved": moved, "other_words": other_words}
    if get(id).lesson == 10:
        from course.lessons.lesson_10.reference import loss, shift

        space |= {"F": torch.nn.functional, "PAD": PAD, "loss": loss, "shift": shift}
    if get(id).lesson == 11:
        space |= {"PAD": PAD, "BOS": BOS, "EOS": EOS, "Counter": Counter}
    exec(capsys.readouterr().out, space)
    assert space[id] is not get(id).reference
    assert diagnose(id, space[id]).status == "passed"


def own(q, k, v, mask=None):
    w = reference.softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), mask)
    return w @ v, w


@pytest.mark.parametrize("answer", [None, unscaled])
def test_grading_raises_on_a_miss(answer, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match="attention"):
        course.lab.check("attention", answer)
    assert course.lab.check("attention", own) is own
    assert diagnose("attention", answer).status != "passed"  # diagnose never raises


def test_unknown_ids_are_refused_with_the_nearest_name():
    with pytest.raises(CourseError, match="'attention'"):
        course.lab.check("atention", right)


@pytest.mark.parametrize("id", [right, ["attention"], None])
def test_an_id_that_is_no_name_is_refused_with_the_right_order(id):
    with pytest.raises(CourseError, match=r'the name comes first, in quotes: check\("attention", attention\)'):
        course.lab.check(id, "attention")
    with pytest.raises(CourseError, match="in quotes"):
        course.lab.hint(id)


def test_the_praise_counts():
    assert diagnose("attention", right).message.endswith("on 21 sets of data and has all 8 properties.")
    found = diagnose("causal_mask", causal_mask)
    assert found.message == "It agrees with the reference on 5 sets of data and has the one property tested."


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
        "import course.lab.widgets.controls\n"
        "from course.lab import explore as again\n"
        "assert callable(explore) and again is explore and callable(quiz)\n"
        "from course.lab.exercises import diagnose\n"
        "assert diagnose('attention', None).status == 'not attempted'\n"
        "assert not {'torch', 'matplotlib', 'ipywidgets', 'IPython'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
