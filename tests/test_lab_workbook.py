"""The workbook keeps passed pieces, loads them checked, and never spoils a check."""

import math

import numpy as np
import pytest

from course.errors import CourseError
from course.lab import check, workbook
from course.lessons.lesson_03 import reference

SCALE = 0.5


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "work book"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def notebook(source):
    """Run source as a notebook cell would: its functions belong to __main__ and have source lines."""
    import linecache

    name = f"<cell {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = {"__name__": "__main__", "np": np, "math": math}
    exec(compile(source, name, "exec"), space)
    return space


WITH_HELPER = """
from math import sqrt as root
TINY = 0.0
def my_softmax(x, mask=None):
    if mask is not None:
        x = np.where(mask, x, -np.inf)
    top = np.maximum(x.max(-1, keepdims=True), np.finfo(x.dtype).min)
    e = np.exp(x - top)
    z = e.sum(-1, keepdims=True)
    return e / np.where(z > TINY, z, 1)

def my_attention(q, k, v, mask=None):
    w = my_softmax(q @ np.swapaxes(k, -1, -2) / root(q.shape[-1]), mask)
    return w @ v, w
"""


def test_a_passed_piece_is_kept_with_its_helpers_and_loaded_again(capsys):
    mine = notebook(WITH_HELPER)["my_attention"]
    assert check("attention", mine) is mine
    assert workbook.solved_ids() == ("attention",)
    loaded = workbook.load("attention")
    assert capsys.readouterr().out.endswith("attention: yours\n")
    assert loaded is not reference.attention
    arguments = np.ones((2, 3)), np.ones((4, 3)), np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(loaded(*arguments)[0], mine(*arguments)[0])
    assert workbook.keep("attention", loaded)  # what was loaded can be kept again


def test_a_returned_helper_of_the_course_is_imported():
    space = notebook("def attention(q, k, v, mask=None):\n    return given(q, k, v, mask)\n")
    space["given"] = reference.attention
    assert workbook.keep("attention", space["attention"])
    assert (
        "from course.lessons.lesson_03.reference import attention as given"
        in (workbook.folder() / "attention.py").read_text()
    )
    assert workbook.load("attention", report=lambda line: None) is not reference.attention


def test_nothing_kept_gives_the_reference(capsys):
    assert workbook.load("softmax") is reference.softmax
    assert "reference" in capsys.readouterr().out
    assert workbook.solved_ids() == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(q, k, v, mask=None):\n    return v, v\npiece = f\n", "does not pass"),
        ("this is no Python", "could not be loaded"),
        ("raise SystemError('no')", "could not be loaded"),
    ],
)
def test_a_damaged_piece_gives_the_reference_and_says_so(text, said, capsys):
    workbook.folder().mkdir()
    (workbook.folder() / "attention.py").write_text(text, encoding="utf-8")
    assert workbook.load("attention") is reference.attention
    assert said in capsys.readouterr().out
    assert said in workbook.table()


def test_the_table_says_whose(capsys):
    check("attention", notebook(WITH_HELPER)["my_attention"])
    lines = dict(line.split(maxsplit=2)[1:] for line in workbook.table().splitlines())
    assert lines["attention"] == "yours"
    assert lines["causal_mask"].startswith("the reference")


@pytest.mark.parametrize(
    "function", [len, lambda T: np.tri(T, k=1, dtype=bool), type("C", (), {"__call__": lambda s, T: T})()]
)
def test_what_cannot_stand_alone_is_not_kept(function):
    assert not workbook.keep("causal_mask", function)
    assert workbook.solved_ids() == ()


def test_a_function_that_uses_the_notebook_s_data_is_not_kept():
    space = notebook("def f(T):\n    return table[:T, :T]\n")
    space["table"] = np.tri(500, dtype=bool)
    assert not workbook.keep("causal_mask", space["f"])


def test_an_unwritable_folder_is_told_and_changes_nothing_else(tmp_path, monkeypatch, capsys):
    mine = notebook(WITH_HELPER)["my_attention"]
    check("attention", mine)
    usual = capsys.readouterr()
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "file" / "below"))
    assert check("attention", mine) is mine
    found = capsys.readouterr()
    told = found.out.removeprefix(usual.out)
    assert told.startswith(
        f"  It was not saved for later lessons: {workbook.folder() / 'attention.py'} cannot be written ("
    )
    assert told.endswith("). COURSE_WORKBOOK can name another folder.\n")
    assert found.err == usual.err
    assert workbook.solved_ids() == ()


PLAIN = """
def attention(q, k, v, mask=None):
    s = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        s = np.where(mask, s, {fill})
    e = np.exp(s - np.maximum(s.max(-1, keepdims=True), np.finfo(s.dtype).min))
    w = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(e.dtype).tiny)
    return w @ v, w
"""
GOOD = PLAIN.format(fill="-np.inf")
UNKEPT = [
    (
        "NEG = np.full((2000,), -np.inf)" + PLAIN.format(fill="NEG[0]"),
        "it uses NEG, an array of 2,000 numbers, from outside",
    ),
    (
        "class A:"
        + GOOD.replace("\n", "\n    ").replace("def attention(", "def __call__(self, ")
        + "\nattention = A()",
        "only a function made with def or a class can be, and this is of type A",
    ),
    (
        # What runs has another default value than the source would give it now.
        "FILL = -np.inf" + PLAIN.format(fill="fill").replace("mask=None", "mask=None, fill=FILL") + "FILL = -1e9\n",
        "its source would now make another fill than the one checked",
    ),
    (
        "log = open(__import__('os').devnull)" + GOOD.replace("    return", "    log.fileno()\n    return"),
        "it uses log, of type TextIOWrapper, from outside",
    ),
    (
        "gone = 1" + GOOD.replace("mask=None", "mask=None, *, unit=gone") + "del gone\n",
        "its source does not run by itself: it raises NameError: name 'gone' is not defined",
    ),
]


@pytest.mark.parametrize(("source", "why"), UNKEPT, ids=[why for _, why in UNKEPT])
def test_a_passed_piece_that_cannot_be_kept_says_why_and_leaves_the_one_before(source, why, capsys):
    check("attention", notebook(GOOD)["attention"])
    before = (workbook.folder() / "attention.py").read_text(encoding="utf-8")
    assert "not saved" not in capsys.readouterr().out
    mine = notebook(source)["attention"]
    assert check("attention", mine) is mine
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("attention: passed.")
    assert second.startswith("  It was not saved for later lessons: ")
    assert why in second
    assert (workbook.folder() / "attention.py").read_text(encoding="utf-8") == before


def test_a_notebook_may_have_a_variable_that_is_called_like_an_attribute(capsys):
    mine = notebook("shape, max = [1], [2]\n" + GOOD)["attention"]
    assert check("attention", mine) is mine
    assert "not saved" not in capsys.readouterr().out


def test_a_helper_may_be_called_piece(capsys):
    helped = "def piece(x): return x\n" + GOOD.replace("= q @", "= piece(q) @")
    mine = notebook(helped)["attention"]
    assert check("attention", mine) is mine
    assert "not saved" not in capsys.readouterr().out
    assert workbook.load("attention") is not reference.attention
    assert capsys.readouterr().out == "attention: yours\n"


def test_a_class_may_share_names_of_attributes_and_locals_with_the_notebook(capsys):
    pytest.importorskip("torch")
    mine = notebook(
        "from torch import nn\nwiden, h, dropout = np.ones(3), np.ones(3), nn.Dropout(0.5)\n"
        "class FeedForward(nn.Module):\n"
        "    def __init__(self, d_model, d_ff, dropout=0.0):\n"
        "        super().__init__()\n"
        "        self.widen, self.narrow = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)\n"
        "        self.dropout = nn.Dropout(dropout)\n"
        "    def forward(self, x):\n"
        "        h = self.widen(x).relu()\n"
        "        return self.narrow(self.dropout(h))\n"
    )["FeedForward"]
    assert check("FeedForward", mine) is mine
    assert "not saved" not in capsys.readouterr().out
    assert workbook.load("FeedForward", report=lambda line: None) is not mine
    assert workbook.solved_ids() == ("FeedForward",)


def test_no_part_of_a_file_is_left_when_writing_fails(monkeypatch):
    from pathlib import Path

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    assert not workbook.keep("attention", notebook(WITH_HELPER)["my_attention"])
    assert list(workbook.folder().iterdir()) == []


def test_a_failed_piece_and_a_graded_one_are_not_kept(monkeypatch):
    check("attention", lambda q, k, v, mask=None: (q, k))
    assert workbook.solved_ids() == ()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check("attention", notebook(WITH_HELPER)["my_attention"])
    assert workbook.solved_ids() == ()


def test_an_unknown_exercise_is_refused():
    with pytest.raises(CourseError, match="attention"):
        workbook.load("atention")


@pytest.fixture(scope="module")
def folder_of_the_module():
    return workbook.folder()


def test_fixtures_of_a_module_do_not_see_the_users_workbook(folder_of_the_module, monkeypatch):
    """They run whole lessons, whose checks keep what passes: nobody's pieces may be replaced by that."""
    monkeypatch.delenv("COURSE_WORKBOOK")
    assert folder_of_the_module != workbook.folder()
