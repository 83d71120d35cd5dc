"""An answer changes nothing for others, nothing of it escapes from a check, and what it writes is told once."""

import contextlib
import functools
import gc
import logging
import math
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import course.lab
from course.lab.exercises import desk, diagnose, get, watch
from course.lab.exercises.heard import MOST_KEPT, Heard, Listener, say_heard
from course.lessons.lesson_03 import reference


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(desk, "_DESK", desk.Desk())


def right(q, k, v, mask=None):
    return reference.attention(q, k, v, mask)


def doing(act):
    """Return a right answer that also does something at each call."""

    def attention(q, k, v, mask=None):
        act()
        return right(q, k, v, mask)

    return attention


# --- libraries and settings -------------------------------------------------------------------------------------


def set_in(where, name, value):
    return lambda: setattr(where, name, value)


PATCHES = {
    "numpy.exp": set_in(np, "exp", lambda x: x),
    "numpy.random.rand": set_in(np.random, "rand", None),
    "numpy.pi": set_in(np, "pi", 3),
    "math.exp": set_in(math, "exp", abs),
    "builtins.sum": lambda: setattr(sys.modules["builtins"], "sum", None),
    "course.lessons.lesson_03.reference.softmax": set_in(reference, "softmax", lambda x, mask=None: x),
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_replaced_function_is_told_and_put_back(name):
    module, _, key = name.rpartition(".")
    before = getattr(sys.modules[module], key)
    found = diagnose("attention", doing(PATCHES[name]))
    assert getattr(sys.modules[module], key) is before
    assert found.status == "failed"
    assert found.message.startswith(f"Your answer replaces {name}")
    assert found.message.endswith("?")
    assert diagnose("attention", right).status == "passed"


def test_a_wrong_answer_cannot_make_itself_right_by_a_patch():
    def shifted(x):
        return np.power(2.0, x)

    def attention(q, k, v, mask=None):
        np.exp = shifted
        return right(q, k, v, mask)

    assert "replaces numpy.exp" in diagnose("attention", attention).message
    assert np.exp(1.0) == pytest.approx(math.e)


def test_what_a_cell_replaced_before_the_check_is_put_back_and_told(capsys):
    diagnose("attention", right)  # numpy is known from now on, as from the first check of a notebook
    before = np.exp
    try:
        np.exp = np.exp2
        assert course.lab.check("attention", right) is right
        assert np.exp is before
    finally:
        np.exp = before
    assert "Something in this notebook had replaced numpy.exp; the check has put that back." in capsys.readouterr().out


def test_torch_s_functions_too():
    torch = pytest.importorskip("torch")
    before = torch.softmax, torch.Tensor.sum, torch.nn.Linear.forward, torch.get_default_dtype()

    def acts():
        torch.softmax = torch.Tensor.sum = torch.nn.Linear.forward = None
        torch.set_default_dtype(torch.float64)

    found = diagnose("attention", doing(acts))
    assert (torch.softmax, torch.Tensor.sum, torch.nn.Linear.forward, torch.get_default_dtype()) == before
    assert found.message.startswith("Your answer replaces torch.softmax, torch.Tensor.sum, torch.nn.Linear.forward")


def changes_settings():
    np.set_printoptions(precision=1)
    os.environ["COURSE_TRIED"] = "1"
    os.chdir("/")
    sys.path.append("nowhere")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def state():
    return np.get_printoptions(), dict(os.environ), Path.cwd(), list(sys.path), signal.getsignal(signal.SIGTERM)


def test_settings_are_put_back_and_the_answer_passes(capsys):
    before = state()
    answer = doing(changes_settings)
    assert course.lab.check("attention", answer) is answer
    assert state() == before
    said = capsys.readouterr().out
    assert "It changed numpy's print options, the environment variables, " in said
    assert "for the whole notebook; the check has put that back." in said


def test_matplotlib_s_settings_and_figures():
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_fignums(), plt.rcParams["lines.linewidth"]

    def draws():
        plt.rcParams["lines.linewidth"] = 9
        plt.figure()
        plt.show()

    found = diagnose("attention", doing(draws))
    assert (plt.get_fignums(), plt.rcParams["lines.linewidth"]) == before
    assert found.status == "passed"
    assert "drew or displayed something on the way: call it in a cell of its own" in found.aside
    assert "changed matplotlib's settings" in found.aside


def test_a_thread_that_stays_is_told():
    ended = threading.Event()
    found = diagnose("causal_mask", lambda T: (threading.Thread(target=ended.wait).start(), np.tri(T, dtype=bool))[1])
    ended.set()
    assert "that it started did not end with it" in found.aside


def test_torch_s_default_type_alone_is_a_setting():
    torch = pytest.importorskip("torch")
    found = diagnose("attention", doing(lambda: torch.set_default_dtype(torch.float64)))
    assert found.status == "passed", found.message
    assert found.aside == "  It changed torch's default type for the whole notebook; the check has put that back."
    assert torch.get_default_dtype() == torch.float32


# --- what an answer raises, is, and hands back ------------------------------------------------------------------


class Silent(Exception):  # noqa: N818
    def __str__(self):
        raise RuntimeError("no words")


def raising(error):
    def attention(q, k, v, mask=None):
        raise error

    return attention


ERRORS = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError(), Silent(), RecursionError(), EOFError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_an_answer_raises_does_not_escape(error, capsys):
    found = diagnose("attention", raising(error))
    assert found.status == "failed"
    assert type(error).__name__ in found.message
    assert found.message.endswith("?")
    assert course.lab.check("attention", raising(error)) is reference.attention
    assert "exit" not in capsys.readouterr().err


def test_what_only_a_property_meets_does_not_escape():
    def attention(q, k, v, mask=None):
        if len(q.shape) == 3 and q.shape[-2:] == (3, 5):
            sys.exit()
        return right(q, k, v, mask)

    assert "it raised SystemExit" in diagnose("attention", attention).message


def refuses(*_, **__):
    raise SystemExit


def odd_things():
    """Return objects that refuse, by name. (Not in the module itself, where pytest would look at them.)"""

    class Hostile:
        __array__ = __eq__ = __len__ = __repr__ = __str__ = __iter__ = __bool__ = __float__ = refuses
        __hash__ = None
        __getattr__ = refuses

    class Posing:
        __class__ = property(lambda self: np.ndarray)
        shape = dtype = property(refuses)

    class Refusing:
        __class__ = property(refuses)

    class Own(np.ndarray):
        shape = property(refuses)

    class Meta(type):
        __call__ = __getattribute__ = refuses

    made = Meta("Made", (), {})
    endless = (1 for _ in iter(int, 1))
    own = np.zeros((1, 3)).view(Own)
    return {
        "hostile": Hostile(),
        "posing": Posing(),
        "refusing": Refusing(),
        "class": made,
        "own": own,
        "no end": endless,
    }


ODD = ("hostile", "posing", "refusing", "class", "own", "no end")


@pytest.mark.parametrize("kind", ODD)
def test_odd_results_are_findings(kind):
    odd = odd_things()[kind]
    for result in (odd, (odd, odd)):

        def attention(q, k, v, mask=None, result=result):
            return result

        for _ in range(2):  # the second time, a counter-example is looked for
            assert diagnose("attention", attention).status == "failed"
            assert course.lab.check("attention", attention) is reference.attention


@pytest.mark.parametrize("id", ["bleu", "bpe_train", "causal_mask", "score_statistics"])
def test_odd_results_of_every_kind_are_findings(id):
    for odd in odd_things().values():
        assert diagnose(id, lambda *_, odd=odd: odd).status == "failed"


def test_odd_answers_are_findings():
    for answer in (*odd_things().values(), np.matmul, map):
        assert diagnose("attention", answer).status == "failed"


class Callable:
    __signature__ = property(refuses)

    def __call__(self, q, k, v, mask=None):
        return right(q, k, v, mask)


def test_answers_of_other_kinds_pass():
    class Holder:
        def attention(self, q, k, v, mask=None):
            return right(q, k, v, mask)

    @functools.wraps(right)
    def wrapped(*given, **named):
        return right(*given, **named)

    several = lambda *given, mask=None: right(*given[:3], mask=given[3] if len(given) > 3 else mask)  # noqa: E731
    for answer in (functools.partial(right), Holder().attention, several, Callable(), wrapped):
        assert diagnose("attention", answer).status == "passed"


def test_a_function_that_has_not_run_is_told_by_its_word():
    def yields(q, k, v, mask=None):
        yield right(q, k, v, mask)

    async def waits(q, k, v, mask=None):
        return right(q, k, v, mask)

    assert "it uses yield" in diagnose("attention", yields).message
    assert "it begins with async" in diagnose("attention", waits).message


def test_python_says_nothing_of_a_plan_that_nobody_waits_for(recwarn):
    async def waits(q, k, v, mask=None):
        return right(q, k, v, mask)

    course.lab.check("attention", waits)
    gc.collect()
    assert [str(each.message) for each in recwarn] == []


def test_a_masked_array_is_no_plain_one():
    def attention(q, k, v, mask=None):
        output, weights = right(q, k, v, mask)
        return np.ma.masked_array(output, np.ones_like(output, dtype=bool)), weights

    assert "it is of type MaskedArray" in diagnose("attention", attention).message


def test_a_press_of_the_button_passes_and_an_own_interrupt_does_not():
    with pytest.raises(KeyboardInterrupt):
        diagnose("attention", doing(lambda: signal.raise_signal(signal.SIGINT)))
    assert diagnose("attention", raising(KeyboardInterrupt())).status == "failed"
    with pytest.raises(KeyboardInterrupt), watch.Watch(60):
        signal.raise_signal(signal.SIGINT)


# --- what it writes and asks ------------------------------------------------------------------------------------


def test_what_the_first_call_printed_is_told_shortened(capfd):
    def talks():
        print("here", "I am")
        print("x" * 500)
        for i in range(10):
            print(i)

    answer = doing(talks)
    course.lab.check("attention", answer)
    out, err = capfd.readouterr()
    assert err == ""
    assert "  On the first call it printed:\n    here I am\n" in out
    assert out.count("here I am") == 1
    assert "x" * 101 not in out
    assert "and 6 more lines." in out


def test_what_the_call_printed_that_the_message_is_about_is_told():
    def attention(q, k, v, mask=None):
        print("blocked" if mask is not None else "free")
        return right(q, k, v)

    found = diagnose("attention", attention)
    assert found.at == 7
    assert found.aside == f"  On {get('attention').cases[7].name} it printed:\n    blocked"


def test_what_only_a_later_call_printed_is_told_too():
    def attention(q, k, v, mask=None):
        if mask is not None:
            print("blocked", mask.shape)
        return right(q, k, v, mask)

    found = diagnose("attention", attention)
    first = next(case for case in get("attention").cases if len(case.make()) > 3 and case.make()[3] is not None)
    assert found.status == "passed"
    assert found.aside.startswith(f"  On {first.name} it printed:\n    blocked (")


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("\r 0%\r50%\r100%\n", "\n    100%"),
        ("0\r1\r2\r", "\n    2"),
        ("one\r\n\r\ntwo", "\n    one\n    \n    two"),
        ("\x1b[31mred\x1b[0m\n", "\n    red"),
        ("on\n" * 2000, "\n    on" * 6 + "\n  and many more lines."),
        ("\n", None),
    ],
)
def test_a_line_that_is_written_over_is_one_line(written, lines):
    said = say_heard(Heard(written), "the first call")
    assert said == ("" if lines is None else f"  On the first call it printed:{lines}")


def test_nothing_reaches_the_page_by_any_way(capfd):
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("test_lab_isolation")
    logger.addHandler(handler)
    held = sys.stdout

    def acts():
        logger.warning("by a handler")
        print("by a name", file=held)
        os.write(1, b"from C\n")
        os.write(2, b"from C\n")

    try:
        found = diagnose("attention", doing(acts))
    finally:
        logger.removeHandler(handler)
    assert found.status == "passed"
    assert capfd.readouterr() == ("", "")
    for said in ("by a handler", "by a name", "from C"):
        assert said in found.aside


def test_what_is_written_without_end_is_not_kept():
    with Listener() as listener:
        for _ in range(100):
            print("x" * 1000)
            os.write(2, b"y" * 1000)
        assert len(listener.take().text) <= 2 * MOST_KEPT
        assert listener.take().text == ""


def test_closed_descriptors_and_missing_streams_disturb_no_check(monkeypatch):
    copies = os.dup(1), os.dup(2)
    try:
        os.close(1)
        os.close(2)
        with monkeypatch.context() as without:
            for name in ("stdout", "stderr", "stdin", "__stdout__", "__stderr__"):
                without.setattr(sys, name, None)
            found = diagnose("attention", right)
    finally:
        for number, copy in zip((1, 2), copies, strict=True):
            os.dup2(copy, number)
            os.close(copy)
    assert found.status == "passed", found.message


def test_nobody_is_asked_and_nothing_waits():
    assert "input() waits for somebody who types" in diagnose("attention", doing(lambda: input("n?"))).message
    assert diagnose("attention", doing(lambda: sys.stdin.readline())).status == "passed"


def test_breakpoints_are_passed_over():
    import pdb  # noqa: T100

    for stops in (breakpoint, lambda: pdb.set_trace()):  # noqa: T100
        found = diagnose("attention", doing(stops))
        assert found.status == "passed"
        assert "A breakpoint in it was passed over" in found.aside


def test_displays_are_counted_and_a_kernel_is_not_ended(monkeypatch):
    ipython = pytest.importorskip("IPython")
    shell = type("Shell", (), {"display_pub": None, "kernel": None, "ask_exit": lambda self: os.abort()})()
    monkeypatch.setattr(ipython, "get_ipython", lambda: shell)

    def shows():
        shell.display_pub.publish({"text/plain": "a picture"})

    assert "displayed something" in diagnose("attention", doing(shows)).aside
    assert "SystemExit" in diagnose("attention", doing(lambda: shell.ask_exit())).message
    assert shell.display_pub is None


def test_a_listener_leaves_streams_as_they_were():
    before = sys.stdout, sys.stderr, sys.stdin, sys.breakpointhook, dict(vars(sys.stdout)), dict(vars(sys.stderr))
    with contextlib.suppress(ZeroDivisionError), Listener():
        raise ZeroDivisionError
    now = sys.stdout, sys.stderr, sys.stdin, sys.breakpointhook, dict(vars(sys.stdout)), dict(vars(sys.stderr))
    assert now == before
