"""The command as a whole process: Ctrl-C at any moment, closed streams, no home, and errors of the course itself."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from course.cli import main
from course.cli.command_line import COMMANDS
from course.cli.failures import one_line
from course.errors import CourseError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")


def python(*arguments, **options):
    """A process of its own; returns its exit code, standard output and standard error."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, timeout=300, env=environment, text=True,
        encoding="utf-8", **options,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def ended(code: int, stderr: str, *, as_: int = 130) -> bool:
    return code == as_ and stderr.startswith("course: interrupted") and stderr.count("\n") == 1


# --- Ctrl-C

HARNESS = """
import os, signal, sys
from course.cli import command_line, program

def act(interrupts):
{body}

def run(arguments, *, interrupts, printable):
    interrupts.has_files_open = {files}
    try:
        act(interrupts)
    except (Exception, KeyboardInterrupt):
        if interrupts.number: interrupts.leave()
        raise
    return 0

command_line.run = run
sys.exit(program.run_program())
"""
PRESS = "signal.raise_signal(signal.SIGINT)"
MOMENTS = {
    "while nothing is at stake": ("print('half', end=''); " + PRESS, False),
    "while files are open": (PRESS, True),
    "in code that is executed from text": (f"exec({PRESS!r})", True),
    "where Python can raise nothing": (f"class Lost:\n        def __del__(self): {PRESS}\n    Lost()", True),
    "where it comes out as another error": (
        f"try: {PRESS}\n    except KeyboardInterrupt: raise RuntimeError('initialization failed')", True),
    "twice, the second while the first is cleaned up after": (
        f"try: {PRESS}\n    finally:\n        {PRESS}\n        open('whole', 'w').close()", True),
    "twice, at once": (f"{PRESS}; {PRESS}", False),
    "at the end": (f"import atexit; atexit.register(lambda: {PRESS})", None),
}  # fmt: skip


@POSIX
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_in_one_line_whenever_it_comes(moment, tmp_path):
    body, files = MOMENTS[moment]
    code, out, err = python("-c", HARNESS.format(body="    " + body, files=bool(files)), cwd=tmp_path)
    if moment == "at the end":
        assert (code, err) == (0, "")  # all was done: nothing is left that could be interrupted
    else:
        assert ended(code, err), (code, err)
    if "twice, the second" in moment:
        assert (tmp_path / "whole").exists()
    if "nothing is at stake" in moment:
        assert out == "half"


@POSIX
def test_a_process_that_was_told_to_ignore_ctrl_c_does(tmp_path):
    body = HARNESS.format(body=f"    {PRESS}; print('done')", files=False)
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{body}"
    assert python("-c", code) == (0, "done\n", "")


@POSIX
def test_what_ends_a_job_is_heard_like_ctrl_c():
    code, _, err = python("-c", HARNESS.format(body="    signal.raise_signal(signal.SIGTERM)", files=True))
    assert ended(code, err, as_=143)


def interrupted_at(sign: str, *arguments, presses: int = 1):
    """Run a command, press Ctrl-C when `sign` stands in a line that it prints; its exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-u", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, encoding="utf-8", env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = []
    for line in process.stdout:
        lines.append(line)
        if sign in line and presses:
            for _ in range(presses):
                process.send_signal(signal.SIGINT)
            presses = 0
    return process.wait(timeout=120), "".join(lines)


@POSIX
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_while_torch_is_loaded(presses):
    code, said = interrupted_at(
        "torch._C", "-X", "importtime", "-m", "course", "translate", "A cat sleeps.", presses=presses
    )
    rest = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert (code, rest) == (130, ["course: interrupted."])


@POSIX
@pytest.mark.parametrize("sign", ["held out", "step      3"])
def test_ctrl_c_twice_in_a_training_ends_in_one_line_and_leaves_whole_files(sign, tmp_path):
    for name, word in (("a.en", "one"), ("a.de", "eins")):
        (tmp_path / name).write_text("".join(f"{word} {i}\n" for i in range(60)), encoding="utf-8")
    tiny = "--d-model 8 --n-heads 1 --d-ff 8 --vocab-size 260 --batch-tokens 50 --log-every 3 --checkpoint-every 1"
    code, said = interrupted_at(
        sign, "-m", "course", "train", "--source", tmp_path / "a.en", "--target", tmp_path / "a.de", "--minutes", 9,
        "--out", tmp_path / "my run", "--precision", "float32", *tiny.split(), presses=2,
    )  # fmt: skip
    assert code == 130
    last = said.splitlines()[-1]
    assert last.startswith("course: interrupted")
    assert said.count("course: ") == 1
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.part"))
    if sign == "held out":
        assert "before anything was written" in last
    else:
        from course.training.checkpoint import read_tensors

        assert read_tensors(tmp_path / "my run" / "last.safetensors")[1]["position"]["step"] >= 2
        assert f"--out '{tmp_path / 'my run'}' --resume" in last


# --- standard streams


@POSIX
@pytest.mark.parametrize(
    ("shell", "code", "err"),
    [
        ("data list >&-", 2, "course: standard output is closed, so nothing could be printed: open it, or send it"),
        ("exercises >&- 2>&- <&-", 2, ""),
        ("data list 2>&-", 0, ""),
        ("nonsense 2>&-", 2, ""),
        ("translate <&-", 2, "course: there is nothing to translate"),
    ],
)
def test_closed_standard_streams(shell, code, err):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m course {shell}', sys.executable], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code
    assert done.stderr.startswith(err)
    assert done.stderr.count("\n") == bool(err)


@POSIX
def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path):
    body = f"    f = open({str(tmp_path / 'kept')!r}, 'w'); f.write('x'); f.flush(); os.write(1, b'noise'); print(1)"
    code = HARNESS.format(body=body, files=False)
    subprocess.run(["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, code], check=True, timeout=60)
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "x"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output():
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-m", "course", "data", "list"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.startswith(b"course: No space left")
    assert done.stderr.count(b"\n") == 1


@POSIX
def test_a_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    code = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\nfrom course.cli import main; exit(main())"
    gone.mkdir()
    code, _, err = python("-c", code, "translate", "A cat.")
    assert (code, err) == (
        2, "course: the folder that you are in is gone or closed to you: change to another one, then try again.\n"
    )  # fmt: skip


# --- errors that nobody foresaw

BUG = "def broken(): raise KeyError('a bug')\nbroken()"


def test_an_error_of_the_course_itself_is_one_sentence_that_says_how_to_report_it():
    code, _, err = python("-c", HARNESS.format(body="    " + BUG.replace("\n", "\n    "), files=False))
    assert code == 1
    assert err.startswith("course: this is an error of the course itself (KeyError: 'a bug' in ")
    assert err.count("\n") == 1
    code, _, err = python(
        "-c", HARNESS.format(body="    " + BUG.replace("\n", "\n    "), files=False), env={"COURSE_DEBUG": "1"}
    )
    assert code == 1
    assert err.startswith("Traceback")


def test_names_keep_their_blanks_and_messages_their_one_line():
    assert one_line(CourseError("my  run\x1b[1m is\n  no   run."), None) == "my  run\\x1b[1m is no   run."


# --- every command in every situation


def closed(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied", "closed")


def no_home(monkeypatch):
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "COURSE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("COURSE_WORKBOOK")

    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)


def nobodys_home(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "~nobody-of-this-name/data")
    monkeypatch.setenv("COURSE_WORKBOOK", "~nobody-of-this-name/workbook")


def relative_places(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "data")
    monkeypatch.setenv("COURSE_WORKBOOK", "workbook")


def cannot_be_listed(monkeypatch):
    for name in ("iterdir", "is_file", "exists", "is_dir"):
        monkeypatch.setattr(Path, name, closed)


def cannot_be_written(monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "full")

    for name in ("mkdir", "write_bytes", "write_text"):
        monkeypatch.setattr(Path, name, full)


def a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "-1")
    monkeypatch.delenv("TERM", raising=False)


SITUATIONS = [no_home, nobodys_home, relative_places, cannot_be_listed, cannot_be_written, a_narrow_terminal]
LINES = {
    "data": ["data", "list"], "fetch": ["data", "fetch", "multi30k", "--from", "nowhere"],
    "train": ["train", "--out", "closed", "--source", "a", "--target", "b", "--steps", "1"],
    "evaluate": ["evaluate", "closed"], "translate": ["translate", "--model", "closed", "A cat."],
    "exercises": ["exercises"], "help": ["nonsense"],
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("line", LINES)
def test_every_command_in_every_situation_works_or_says_one_sentence(line, situation, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as here:
        situation(here)
        code = main(LINES[line])
    said = capsys.readouterr()
    assert code in (0, 2)
    assert said.err.count("\n") == (code == 2)
    assert said.err.endswith(".\n" if code else "")


def test_the_table_has_every_command():
    assert set(COMMANDS) <= set(LINES)


def test_a_workbook_that_cannot_be_looked_into_is_not_taken_for_an_empty_one(monkeypatch, capsys):
    monkeypatch.setattr(Path, "iterdir", closed)
    assert main(["exercises"]) == 2
    said = capsys.readouterr()
    assert "solved" not in said.out
    assert "Permission denied" in said.err
