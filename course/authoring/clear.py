"""Take the solutions out of a notebook: what learners open."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

CODE_STUB = 'raise NotImplementedError("your code here")'
"""Stands where a solution inside a function or class stood; `check` answers "not attempted" to it."""
LINE_STUB = "# your code here"
"""Stands where a solution at the left margin stood: raising there would stop the notebook."""
TEXT_STUB = "*Your answer here.*"
"""Stands where a solution in a text cell stood."""


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of the notebook in which nothing between the solution marks is left.

    nbgrader's own preprocessor does the clearing, so a graded course reads the marks in the same way.

    Args:
        notebook: a ``nbformat.NotebookNode``; it is not changed.

    Returns:
        The blank notebook: same cells, same ids.
    """
    from nbgrader.preprocessors import ClearSolutions

    clear = ClearSolutions(code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB, enforce_metadata=False)
    blank, _ = clear.preprocess(copy.deepcopy(notebook), {})
    for cell in blank.cells:
        if cell.cell_type == "code":
            lines = cell.source.split("\n")
            cell.source = "\n".join(LINE_STUB if line == CODE_STUB else line for line in lines)
    return blank
