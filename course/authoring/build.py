"""Build the two notebooks of a lesson from its one source."""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course.authoring.clear import without_solutions
from course.authoring.run import executed
from course.authoring.source import read_lesson
from course.authoring.stamp import building_hash, cells_hash, number_of, text_hash
from course.authoring.tidy import tidy, write_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Built:
    """A notebook that was built, with the seconds that its execution took."""

    notebook: Path
    seconds: float


def both_versions(source: Path) -> dict[str, NotebookNode]:
    """Return the lesson's notebooks by tree, not executed: "solutions" and "notebooks"."""
    solved = read_lesson(source)
    return {"solutions": solved, "notebooks": without_solutions(solved)}


def build_lesson(source: Path, root: Path) -> list[Built]:
    """Build, execute and write ``solutions/NN_name.ipynb`` and ``notebooks/NN_name.ipynb``.

    Nothing is written unless both run from top to bottom.

    Args:
        source: the lesson's text, ``root/solutions/NN_name.py``.
        root: the repository's folder.

    Raises:
        CourseError: if the source is not sound, or a cell fails.
    """
    # Taken before anything is read or run: a source that is edited meanwhile must count as changed.
    hashes = {
        "source_sha256": text_hash(source.read_text(encoding="utf-8")),
        "builder_sha256": building_hash(),
    }
    ready, built = {}, []
    for tree, notebook in both_versions(source).items():
        path = root / tree / f"{source.stem}.ipynb"
        path.parent.mkdir(exist_ok=True)
        note = {"lesson": number_of(source), "cells_sha256": cells_hash(notebook.cells), **hashes}
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            ready[path] = executed(copy.deepcopy(notebook), beside=path.parent, scratch=Path(scratch))
        tidy(ready[path], note)
        built.append(Built(path, time.perf_counter() - start))
    for path, notebook in ready.items():
        write_notebook(notebook, path)
    return built
