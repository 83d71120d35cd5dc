r"""From the bytes of a text file to its lines, plain or gzip, with a word about all that was odd in it.

Nothing here may ever move a line. Text is split on "\n" alone, because `str.splitlines` also splits on U+0085, U+2028
and other characters that occur inside sentences, which shifts every later pair by one without an error.
"""

import gzip
import os.path
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course.data.file_formats import other_format
from course.data.sentence import BYTE_ORDER_MARK
from course.errors import CourseError

_SHOWN = 3  # line numbers that a message names
_LONE_RETURN = re.compile(r"\r(?!\r*(?:\n|\Z))")  # no part of a line's end


@dataclass(frozen=True)
class TextLines:
    """The lines of a text without their ends, and what is odd about them, each a phrase such as "names.txt: ..."."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_text_file(path: Path | str) -> TextLines:
    """Read a file of UTF-8 text, plain or gzip (known by its content), one sentence a line.

    Raises:
        CourseError: for a missing, unreadable or empty file, and as `text_lines`.
    """
    path = Path(path)
    found = text_lines(_read_bytes(path), str(path))
    if not found.lines:
        raise CourseError(f"{path} is empty; give a text file with one sentence per line.")
    return found


def text_lines(data: bytes, name: str) -> TextLines:
    r"""Split the bytes of a text into lines, which end with "\n" or "\r\n"; empty ones are kept.

    They are unpacked where they are gzip. A byte order mark at the start is dropped. name: what messages call the text.

    Raises:
        CourseError: for damaged gzip, bytes that are not UTF-8, another format, or lines that end with "\r" alone.
    """
    data = _unpacked(data, name)
    if other := other_format(data, name):
        raise CourseError(f"{name} {other[0]}: {other[1]}.")
    try:
        text = data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        bad = data[error.start : error.end].hex(" ")
        raise CourseError(
            f"{name}, line {line}: the bytes {bad} are not UTF-8; save the file as UTF-8 and try again."
        ) from None
    returns, newlines = len(_LONE_RETURN.findall(text)), text.count("\n")
    if returns > newlines:
        raise CourseError(
            f"{name} ends its lines with CR alone ({returns:,} times), as programs on old Macs do: save it with the "
            "line ends of Unix or Windows, and try again."
        )
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()  # what follows the last line's own "\n" is no line
    return TextLines(tuple(line.removesuffix("\r") for line in lines), tuple(_notes(lines, returns, Path(name).name)))


def _notes(lines: Sequence[str], returns: int, name: str) -> list[str]:
    """What joining files and old line ends leave behind: harmless in itself, but a line may be lost there."""
    notes = []
    marked = [line for line in lines if BYTE_ORDER_MARK in line]
    starting = sum(line.startswith(BYTE_ORDER_MARK) for line in marked)
    inside = [n for n, line in enumerate(lines, 1) if BYTE_ORDER_MARK in line[1:]] if marked else []
    if starting:
        notes.append(f"{name}: {counted(starting, 'byte order mark')} of joined files dropped")
    if inside:
        notes.append(f"{name}: a byte order mark inside {some_lines(inside)}, where two lines may be joined")
    if returns:
        notes.append(
            f"{name}: {counted(returns, 'carriage return')} (CR) inside lines, where old line ends may be lost"
        )
    return notes


def counted(n: int, what: str) -> str:
    """Say "1 line", "1,200 lines"."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def some_lines(numbers: Sequence[int]) -> str:
    """Name the first few lines: "line 4", "lines 4, 7 and 9", "lines 4, 7, 9 and 12 more"."""
    shown, more = [f"{number}" for number in numbers[:_SHOWN]], len(numbers) - _SHOWN
    if len(numbers) == 1:
        return f"line {shown[0]}"
    *first, last = [*shown, f"{more:,} more"] if more > 0 else shown
    return f"lines {', '.join(first)} and {last}"


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"There is no file {path}; check the name and the folder.") from None
    except OSError as error:
        folder = os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        reason = "it is a folder" if folder else (error.strerror or str(error))
        raise CourseError(f"{path} cannot be read: {reason}. Give the path of a text file.") from None


def _unpacked(data: bytes, name: str) -> bytes:
    """Return the bytes, unpacked when the first two say gzip (the name does not matter)."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise CourseError(f"{name} is a damaged gzip file ({error}); fetch or copy it again.") from None
