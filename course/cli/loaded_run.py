"""The trained run that `evaluate` and `translate` work with. Importing this file loads torch."""

from pathlib import Path

from course.training.machine import use_threads
from course.translator import Translator


def load_translator(run: Path, threads: int | None) -> Translator:
    """Read a run folder, to be used with so many CPU threads; None leaves the choice to torch."""
    if threads:
        use_threads(threads)
    return Translator.load(run)
