"""The trained run that `evaluate` and `translate` work with. Importing this file loads torch."""

from pathlib import Path

from course.training.machine import use_threads
from course.translator import Translator


def load_translator(run: Path, threads: int | None, *, which: str = "best") -> Translator:
    """Read a run folder's best or last weights, to be used with so many CPU threads; None: torch chooses."""
    if threads:
        use_threads(threads)
    return Translator.load(run, which=which)
