"""Files of the workbook, edited into anything: named with the reason, never more than that, and never counted."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course.cli import main
from course.errors import CourseError
from course.lab import workbook
from course.lab.exercises import all_exercises, kept_file, watch
from course.lessons.lesson_05 import reference

GOOD = "import numpy as np\ndef causal_mask(T):\n    return np.tri(T) > 0\n_kept_piece_ = causal_mask\n"
ADVICE = "; correct the file, or pass its check again)"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path))
    return tmp_path


def causal_mask(T):
    return np.tri(T, k=0) > 0


BROKEN = {
    "empty": (b"", "causal_mask.py is empty"),
    "a mark and nothing else": (b"\xef\xbb\xbf", "causal_mask.py is empty"),
    "only comments": (b"# mine\n\n", "causal_mask.py is empty"),
    "exit": (b"import sys\nsys.exit()\n", "causal_mask.py ends the program: a line of it calls exit"),
    "quit": (b"quit()\n", "causal_mask.py ends the program: a line of it calls exit"),
    "no Python": (b"x = 1\nthis is no Python\n", "line 2 of causal_mask.py is not Python 3."),
    "zeros": (b"\x00\x00", "causal_mask.py is no text of Python"),
    "not UTF-8": ("# für\n".encode("latin-1"), "causal_mask.py is not written in UTF-8"),
    "an unknown encoding": (b"# coding: nonsense\n", "causal_mask.py is not written in UTF-8"),
    "raises": (b"1 / 0\n", "causal_mask.py raises ZeroDivisionError: division by zero"),
    "raises a hostile error": (
        b"class E(BaseException):\n    def __str__(self): raise self\nraise E\n", "causal_mask.py raises E: no message",
    ),
    "a missing module": (b"import no_such_one\n", "causal_mask.py raises ModuleNotFoundError: No module named"),
    "defines another": (b"def causal_mas(T): return T\n", "causal_mask.py does not define causal_mask"),
    "asks": (b"input()\n", "causal_mask.py raises EOFError: "),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file_is_named_and_not_counted(folder, data, why, capsys):
    (folder / "causal_mask.py").write_bytes(data)
    assert workbook.load("causal_mask") is reference.causal_mask
    said = capsys.readouterr().out
    assert said.startswith(f"causal_mask: the reference (yours could not be loaded: {why}")
    assert said.endswith(f"{ADVICE}\n")
    assert main(["exercises"]) == 0
    listed = capsys.readouterr().out
    assert f"0 of {len(all_exercises())} solved" in listed
    assert f"causal_mask counts as open: yours could not be loaded: {why}" in listed
    assert why in workbook.table()


def test_what_is_no_file_is_named(folder, capsys):
    (folder / "causal_mask.py").mkdir()
    assert workbook.load("causal_mask") is reference.causal_mask
    assert "causal_mask.py is a folder" in capsys.readouterr().out
    said = []
    assert not workbook.keep("causal_mask", causal_mask, said.append)
    assert "causal_mask.py cannot be written (" in said[0]
    assert [path.name for path in folder.iterdir()] == ["causal_mask.py"]


def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch, capsys):
    (folder / "causal_mask.py").write_text(GOOD, encoding="utf-8")

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    workbook.load("causal_mask")
    assert "causal_mask.py cannot be read (Permission denied)" in capsys.readouterr().out
    assert workbook.solved_ids() == ()


def test_a_file_that_does_not_end_is_stopped(folder, monkeypatch, capsys):
    monkeypatch.setattr(watch, "LONGEST", 0.5)
    (folder / "causal_mask.py").write_text("while True:\n    pass\n", encoding="utf-8")
    workbook.load("causal_mask")
    assert "causal_mask.py was still running after 0.5 seconds" in capsys.readouterr().out


def test_an_interrupt_passes(folder):
    (folder / "causal_mask.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        workbook.load("causal_mask")


FINE = {
    "a mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16, as PowerShell writes it": GOOD.replace("\n", "\r\n").encode("utf-16"),
    "Windows line ends": GOOD.replace("\n", "\r\n").encode(),
    "another encoding that it names": b"# coding: latin-1\n# f\xfcr\n" + GOOD.encode(),
    "the last line taken out": GOOD.replace("_kept_piece_ = causal_mask\n", "").encode(),
    "a dataclass": b"from __future__ import annotations\nimport dataclasses as d\n@d.dataclass\nclass C:\n k: Int = 0\n"
    + GOOD.encode(),
}  # fmt: skip


@pytest.mark.parametrize("data", FINE.values(), ids=list(FINE))
def test_a_file_that_loads_and_passes_is_the_learner_s(folder, data, capsys):
    (folder / "causal_mask.py").write_bytes(data)
    assert workbook.load("causal_mask") is not reference.causal_mask
    assert capsys.readouterr().out == "causal_mask: yours\n"
    assert workbook.solved_ids() == ("causal_mask",)


def test_what_a_file_prints_draws_and_changes_stays_with_it(folder, capsys):
    text = "import sys\nprint('hello')\nprint('there', file=sys.stderr)\n" + GOOD + "np.random.seed(0)\n"
    (folder / "causal_mask.py").write_text(text, encoding="utf-8")
    np.random.seed(7)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    workbook.load("causal_mask")
    assert capsys.readouterr() == ("causal_mask: yours\n", "")
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert "workbook_piece" not in sys.modules


def test_an_edited_file_is_checked_before_it_counts(folder, capsys):
    assert workbook.keep("causal_mask", causal_mask)
    file = folder / "causal_mask.py"
    text = file.read_text(encoding="utf-8")
    assert workbook.solved_ids() == ("causal_mask",)
    file.write_text(text.replace("k=0", "k=1"), encoding="utf-8")
    assert workbook.solved_ids() == ()
    main(["exercises"])
    assert "causal_mask counts as open: yours does not pass its check any more." in capsys.readouterr().out
    file.write_text(text.replace("k=0", "k=-0"), encoding="utf-8")
    assert workbook.solved_ids() == ("causal_mask",)
    (folder / "padding_mask.py").write_text(text, encoding="utf-8")  # a copy under another name
    assert workbook.solved_ids() == ("causal_mask",)


def test_an_unchanged_file_is_not_executed_unless_asked_for(folder, monkeypatch, capsys):
    assert workbook.keep("causal_mask", causal_mask)
    monkeypatch.setattr(workbook, "execute", lambda *given: (_ for _ in ()).throw(CourseError("executed")))
    assert workbook.solved_ids() == ("causal_mask",)
    main(["exercises", "--check"])
    assert "causal_mask counts as open: yours could not be loaded: executed" in capsys.readouterr().out
    monkeypatch.setattr(kept_file, "__version__", "0.0.0")  # other checks, perhaps
    assert workbook.solved_ids() == ()


def test_the_command_and_lesson_12_count_the_same(folder, capsys):
    assembly = pytest.importorskip("course.lessons.lesson_12.assembly")
    assert workbook.keep("causal_mask", causal_mask)
    (folder / "padding_mask.py").write_text("raise SystemExit\n", encoding="utf-8")
    (folder / "softmax.py").write_text("softmax = 3\n", encoding="utf-8")
    main(["exercises"])
    assert f"1 of {len(all_exercises())} solved" in capsys.readouterr().out
    owners = assembly.own_pieces().owners
    assert [name for name, whose in owners.items() if whose == "yours"] == ["causal_mask"]
    assert "padding_mask.py ends the program" in owners["padding_mask"]
    assert owners["softmax"] == "the reference (yours does not pass its check any more)"


def test_files_of_no_exercise_are_named(folder, capsys):
    for name in ("an_older_one", "notes"):
        (folder / f"{name}.py").write_text(GOOD, encoding="utf-8")
    main(["exercises"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Of no exercise in this version of the course: an_older_one.py, notes.py."


def test_a_listing_with_kept_pieces_does_not_wait_for_torch(folder):
    assert workbook.keep("causal_mask", causal_mask)
    said = "import sys; from course.cli import main; main(['exercises']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.endswith("False\n")
    assert f"1 of {len(all_exercises())} solved" in done.stdout


def test_a_drive_that_cannot_rename_is_written_to(folder, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "replace", refuse)
    assert workbook.keep("causal_mask", causal_mask)
    assert workbook.solved_ids() == ("causal_mask",)
    assert [path.name for path in folder.iterdir()] == ["causal_mask.py"]


def test_a_file_that_another_kernel_reads_is_replaced_a_little_later(folder, monkeypatch):
    replace, tries = Path.replace, []

    def busy(self, target):
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    assert workbook.keep("causal_mask", causal_mask)
    assert len(tries) == 3
    monkeypatch.setattr(Path, "replace", lambda self, target: busy(self, tries.clear()))
    said = []
    assert not workbook.keep("causal_mask", causal_mask, said.append)
    assert "cannot be written (in use)" in said[0]


def test_kernels_that_write_at_once_leave_one_whole_file(folder):
    """Each writes its own version many times; whoever reads in between sees a whole one."""
    write = (
        "import sys; from pathlib import Path; from course.lab.exercises.kept_file import write\n"
        "for _ in range(60): write(Path(sys.argv[1]), sys.argv[2] * 20000)"
    )
    file = folder / "causal_mask.py"
    kept_file.write(file, "a" * 20000)
    running = [
        subprocess.Popen([sys.executable, "-c", write, str(file), letter], env={**os.environ, "OMP_NUM_THREADS": "1"})
        for letter in "ab"
    ]
    seen = set()
    while any(each.poll() is None for each in running):
        seen.add(file.read_text(encoding="utf-8"))
    assert [each.returncode for each in running] == [0, 0]
    assert seen <= {"a" * 20000, "b" * 20000}
    assert [path.name for path in folder.iterdir()] == ["causal_mask.py"]


def test_an_alone_copy_that_does_not_come_back_is_not_kept(monkeypatch):
    def endless(*given):
        while True:
            pass

    monkeypatch.setattr(watch, "LONGEST", 0.5)
    monkeypatch.setattr(workbook, "agrees", endless)
    said = []
    assert not workbook.keep("causal_mask", causal_mask, said.append)
    assert said == ["its source gives something else by itself. Does it depend on what ran before it?"]
