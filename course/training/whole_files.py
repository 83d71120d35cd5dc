"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from course.errors import CourseError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all. Raises `CourseError` where the disk is full or refuses."""
    # A name of its own: two programs that write the same file must not write into one another's half.
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the content first, then the name: a power cut must not leave an empty file
        part.replace(path)
    except OSError as error:
        _remove(part)
        kept = "the previous one is untouched" if path.exists() else "nothing was left half written"
        raise CourseError(
            f"could not write {path} ({error}); {kept}. Free some space or choose another folder."
        ) from error
    except BaseException:  # Ctrl-C
        _remove(part)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises `CourseError` where the disk is full or refuses."""
    write_bytes(path, text.encode("utf-8"))


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def is_part(name: str, of: Iterable[str]) -> bool:
    """Whether a file's name is one that an unfinished writing of a file `of` leaves behind."""
    return any(re.fullmatch(re.escape(whole) + r"(\.[0-9a-f-]+)?\.part", name) for whole in of)
