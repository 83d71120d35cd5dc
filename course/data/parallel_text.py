"""Parallel text: line n of one file is the translation of line n of the other.

Nothing here may ever move a line. Text is split on "\\n" alone, because `str.splitlines` also splits on
U+0085, U+2028 and other characters that occur inside sentences, which shifts every later pair by one without
an error.
"""

import gzip
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError


@dataclass(frozen=True)
class ParallelText:
    """Aligned sentences: `target[i]` is the translation of `source[i]`.

    Attributes:
        source, target: sentences without line ends, NFC-normalized, equally many.
        source_language, target_language: short codes such as "en", or "" where unknown.
        name, split: the corpus and the part of it that this is, or "" for the user's own files.

    Raises:
        CourseError: when the two sides are not equally long.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    source_language: str = ""
    target_language: str = ""
    name: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise CourseError(
                f"Parallel text needs one target per source, but there are {len(self.source)} source and "
                f"{len(self.target)} target sentences."
            )

    def __len__(self) -> int:
        return len(self.source)

    def reversed(self) -> "ParallelText":
        """Return the same pairs in the other direction: target becomes source."""
        return ParallelText(self.target, self.source, self.target_language, self.source_language, self.name, self.split)

    def chosen(self, rows: Sequence[int], *, split: str) -> "ParallelText":
        """Return the pairs of these rows, in their order, as a part of the corpus that is called `split`."""
        source, target = tuple(self.source[i] for i in rows), tuple(self.target[i] for i in rows)
        return ParallelText(source, target, self.source_language, self.target_language, self.name, split)

    def without_empty(self) -> "ParallelText":
        """Return the pairs that have text on both sides: what training wants.

        Evaluation keeps every line, so that scores stay comparable with others' on the same file.

        Raises:
            CourseError: when no pair is left.
        """
        kept = [(s, t) for s, t in zip(self.source, self.target, strict=True) if s.strip() and t.strip()]
        if not kept:
            raise CourseError(
                f"None of the {len(self)} sentence pairs has text on both sides; check that the two files "
                "belong together and are not blank."
            )
        source, target = zip(*kept, strict=True)
        return ParallelText(source, target, self.source_language, self.target_language, self.name, self.split)


def _read_bytes(path: Path) -> bytes:
    """Return a file's bytes, unpacked when the first two say gzip (the name does not matter)."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"There is no file {path}; check the name and the folder.") from None
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else (error.strerror or str(error))
        raise CourseError(f"{path} cannot be read: {reason}. Give the path of a text file.") from None
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise CourseError(f"{path} is a damaged gzip file ({error}); fetch or copy it again.") from None


def _split_lines(text: str) -> tuple[str, ...]:
    r"""Split on "\n" only, drop one "\r" at a line's end, and NFC-normalize each line."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()  # what follows the last line's own "\n" is no line
    return tuple(unicodedata.normalize("NFC", line.removesuffix("\r")) for line in lines)


def read_lines(path: Path | str) -> tuple[str, ...]:
    r"""Read a UTF-8 text file, plain or gzip, as NFC-normalized lines (Unicode Standard Annex 15).

    Lines end with "\n" or "\r\n"; a byte order mark at the start is dropped. Empty lines are kept.

    Raises:
        CourseError: for a missing, unreadable or empty file, a damaged gzip file, or bytes that are not
            UTF-8.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        bad = data[error.start : error.end].hex(" ")
        raise CourseError(
            f"{path}, line {line}: the bytes {bad} are not UTF-8; save the file as UTF-8 and try again."
        ) from None
    if not text:
        raise CourseError(f"{path} is empty; give a text file with one sentence per line.")
    return _split_lines(text)


def read_parallel(
    source_path: Path | str,
    target_path: Path | str,
    *,
    source_language: str = "",
    target_language: str = "",
    name: str = "",
    split: str = "",
) -> ParallelText:
    """Read two aligned text files, plain or gzip, one sentence per line; every line is kept.

    Raises:
        CourseError: as `read_lines`, and when the files have different numbers of lines.
    """
    source, target = read_lines(source_path), read_lines(target_path)
    if len(source) != len(target):
        raise CourseError(
            f"The two files must have equally many lines, but {source_path} has {len(source)} and "
            f"{target_path} has {len(target)}; line n of one must be the translation of line n of the other."
        )
    return ParallelText(source, target, source_language, target_language, name, split)
