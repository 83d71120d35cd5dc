"""Where the course keeps a user's files: what an environment variable names, else the system's usual place."""

import os
import sys
from pathlib import Path
from typing import Literal

from course.errors import CourseError

# For each system the variable that moves such files and the place below the home folder where they lie without it.
PLACES: dict[str, dict[str, tuple[str, str]]] = {
    "win32": {"cache": ("LOCALAPPDATA", "AppData/Local"), "data": ("LOCALAPPDATA", "AppData/Local")},
    "darwin": {"cache": ("", "Library/Caches"), "data": ("", "Library/Application Support")},
    "linux": {"cache": ("XDG_CACHE_HOME", ".cache"), "data": ("XDG_DATA_HOME", ".local/share")},
}


def user_folder(variable: str, kind: Literal["cache", "data"], below: str) -> Path:
    """Return the folder that an environment variable names, else `below` in the system's place for such files.

    The folder need not exist. kind: "cache" for what can be fetched again, "data" for what is the user's own.
    Raises `CourseError` where a path needs a home folder and there is none, and for a relative path: a notebook and a
    command line work in different places, and would each have files of their own.
    """
    if chosen := os.environ.get(variable):
        return _expanded(Path(chosen), variable)
    moved, usual = PLACES.get(sys.platform, PLACES["linux"])[kind]
    base = Path(os.environ.get(moved) or "")  # relative or empty: no place that stays the same (XDG base directories)
    return (base if base.is_absolute() else _home(variable) / usual) / below


def _expanded(path: Path, variable: str) -> Path:
    """A path with ~ and ~name replaced."""
    if not str(path).startswith("~"):
        if not path.root:
            raise CourseError(
                f"{variable} is {path}, which is another folder wherever a program runs: write the whole path, such as "
                f"{Path.cwd() / path}."
            )
        return path
    if path.parts[0] == "~":
        return _home(variable).joinpath(*path.parts[1:])
    try:
        return path.expanduser()
    except RuntimeError:
        raise CourseError(
            f"{variable} is {path}, but there is no user {path.parts[0][1:]}: write the whole path."
        ) from None


def _home(variable: str) -> Path:
    """The user's home folder; a relative HOME counts as none, since it would be another folder in each place."""
    try:
        # Where HOME is empty, Path.home() is the root of the disk; where it is missing, what the system knows.
        home = Path.home() if os.environ.get("HOME") != "" or sys.platform == "win32" else _known_to_the_system()
    except (RuntimeError, KeyError):
        home = Path()
    if home.is_absolute():
        return home
    raise CourseError(
        f"this user has no home folder: set HOME to one, or name a folder in the environment variable {variable}."
    )


def _known_to_the_system() -> Path:
    import pwd  # not on Windows

    return Path(pwd.getpwuid(os.getuid()).pw_dir)
