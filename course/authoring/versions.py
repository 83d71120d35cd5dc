"""Which versions made the stored outputs, and which of them this Python has others of."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
"""The one place where they stand."""


def pinned(text: str) -> list[Requirement]:
    """Return the lines of a constraints file, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def other_versions(constraints: Path = CONSTRAINTS) -> str:
    """Return a sentence that names the installed versions with which the stored outputs were not made; "" for none.

    A build such as 2.13.0+cpu is the version 2.13.0. What is not installed, or pinned nowhere, is left out.
    """
    if not constraints.is_file():
        return ""
    found = []
    for each in pinned(constraints.read_text(encoding="utf-8")):
        try:
            here = version(each.name)
        except PackageNotFoundError:
            continue
        if not each.specifier.contains(here, prereleases=True):
            found.append(f"{each.name} {here} (stored: {str(each.specifier).removeprefix('==')})")
    if not found:
        return ""
    return (
        f"made with {', '.join(found)}: other versions draw and write differently; install those of the stored "
        f'outputs with `pip install -c {constraints.name} -e ".[test,author]"`'
    )
