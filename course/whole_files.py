"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from course.errors import CourseError

ATTEMPTS, PAUSE = 5, 0.05  # Windows refuses to replace a file while somebody reads it


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all. Raises `CourseError` where the disk is full or refuses."""
    try:
        put(path, content)
    except OSError as error:
        kept = "the previous one is untouched" if path.exists() else "nothing was left half written"
        raise CourseError(
            f"could not write {path} ({error}); {kept}. Free some space or choose another folder."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises `CourseError` where the disk is full or refuses."""
    write_bytes(path, text.encode("utf-8"))


def put(path: Path, content: bytes) -> None:
    """As `write_bytes`, for those who say in words of their own what an OSError means."""
    # A name of its own: two programs that write the same file must not write into one another's half.
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the content first, then the name: a power cut must not leave an empty file
        _rename(part, path)
    finally:  # Ctrl-C, too
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _rename(part: Path, path: Path) -> None:
    for _ in range(ATTEMPTS - 1):
        try:
            part.replace(path)
            return
        except PermissionError:
            if path.is_dir():
                raise
            time.sleep(PAUSE)
    part.replace(path)


def is_part(name: str, of: Iterable[str]) -> bool:
    """Whether a file's name is one that an unfinished writing of a file `of` leaves behind."""
    return any(re.fullmatch(re.escape(whole) + r"(\.[0-9a-f-]+)?\.part", name) for whole in of)
