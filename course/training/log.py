"""What a run says: a bar and plain lines for people, one JSON object a line for plots."""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from tqdm.auto import tqdm

from course.data.text_file import counted
from course.errors import CourseError
from course.training.declared import fits, is_count
from course.training.run_file import LOG_FILE
from course.whole_files import write_text

NUMBERS = (
    "seconds",
    "progress",
    "tokens",
    "tokens_per_second",
    "lr",
    "epoch",
    "bleu",
    "chrf",
)  # finite; a loss may be anything


WATCHES = ("said", "recorded", "updated")  # the methods of a `Watcher`


class Watcher(Protocol):
    """Is told what happens, in the thread that trains, instead of a bar and lines being shown."""

    def said(self, line: str) -> None:
        """Hear a line for people."""

    def recorded(self, record: dict[str, Any]) -> None:
        """Hear a record that has just been added to log.jsonl."""

    def updated(self, *, step: int, progress: float, loss: float, seconds: float, tokens_per_second: float) -> None:
        """Hear where the run stands after an update: its number, the part done (0 to 1), seconds since its start."""


def read_log(run: Path) -> list[dict[str, Any]]:
    """The records of a run folder or of a .jsonl file, oldest first.

    A last line that was cut off by a crash is left out, and so is any other that is no record, or a damaged one.
    Raises `CourseError` where the file cannot be read.
    """
    return _read(run)[0]


def _read(run: Path) -> tuple[list[dict[str, Any]], int]:
    """The records, and the number of lines that are none."""
    path = Path(run)
    path = path if path.suffix == ".jsonl" else path / LOG_FILE
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise CourseError(
            f"the log {path} cannot be read ({error.strerror or error}): check the rights to it."
        ) from error
    found = [_record(line) for line in lines if line.strip()]
    records = [record for record in found if record is not None]
    return records, len(found) - len(records)


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line, None where it is none: no JSON object, or a value that no training writes."""
    try:
        record = json.loads(line)  # raises for bytes that are not UTF-8
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not is_count(record.get("step", 0)):
        return None
    if any(not fits(record.get(name), float | None) for name in NUMBERS):
        return None
    if not all(_is_a_loss(record.get(name)) for name in ("loss", "val_loss")):
        return None
    samples = record.get("samples", [])
    right = isinstance(samples, list) and all(isinstance(s, list) and list(map(type, s)) == [str] * 3 for s in samples)
    return record if right else None


def _is_a_loss(value: object) -> bool:
    """Whether a value is a number, which may have exploded, or absent."""
    return fits(value, float | None) or isinstance(value, float)


def clock(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3:05 min."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d} min"


def rewind_log(run: Path, step: int) -> str:
    """Drop what was logged after `step`: resuming does those steps again. Returns a line to tell of damaged lines."""
    records, damaged = _read(run)
    kept = [record for record in records if record.get("step", 0) <= step]
    write_text(Path(run) / LOG_FILE, "".join(json.dumps(record, sort_keys=True) + "\n" for record in kept))
    return f"{counted(damaged, 'damaged line')} of {LOG_FILE} left out" if damaged else ""


class RunLog:
    """Writes log.jsonl and shows progress, or leaves showing it to a watcher.

    quiet: neither writes nor shows anything (the other processes of a team).
    """

    def __init__(self, run: Path, *, quiet: bool = False, watcher: Watcher | None = None):
        self.quiet = quiet
        self.watcher = None if quiet else watcher
        self.file = None if quiet else (run / LOG_FILE).open("a", encoding="utf-8", newline="\n")
        # Off a terminal the bar would fill a file with half lines; the plain lines are enough there.
        hidden = quiet or watcher is not None or not (sys.stderr.isatty() or "ipykernel" in sys.modules)
        self.bar = tqdm(total=100, unit="%", disable=hidden, leave=False, bar_format=BAR)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if self.file is not None:
            self.file.close()

    def record(self, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """Append one record; it is on its way to the disk when this returns."""
        if self.file is not None:
            self.file.write(json.dumps(values, sort_keys=True) + "\n")
            self.file.flush()
        if self.watcher is not None:
            self.watcher.recorded(values)

    def say(self, line: str) -> None:
        """Print a plain line, above the bar."""
        if self.watcher is not None:
            self.watcher.said(line)
        elif not self.quiet:
            self.bar.write(line)
            sys.stdout.flush()  # into a file or a pipe, Python would keep the lines back until its buffer is full

    def show(self, *, step: int, progress: float, loss: float, seconds: float, tokens_per_second: float) -> None:
        """Move the bar to a part (0 to 1) of the run."""
        if self.watcher is not None:
            self.watcher.updated(
                step=step, progress=progress, loss=loss, seconds=seconds, tokens_per_second=tokens_per_second
            )
        self.bar.n = round(100 * min(1.0, progress), 1)
        self.bar.set_postfix_str(f"loss {loss:.2f}, {tokens_per_second:,.0f} tokens/s", refresh=False)
        self.bar.refresh()


BAR = "{l_bar}{bar}| {elapsed} gone, {remaining} left, {postfix}"
