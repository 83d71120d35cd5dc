"""What a committed notebook keeps: nothing of the machine, the day, or a random number."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.authoring.html_pictures import KINDS, with_pngs_changed
from course.authoring.pictures import compact

if TYPE_CHECKING:
    from nbformat import NotebookNode

PREDICT = "predict"
"""The tag of a cell whose result is to be predicted first: its stored output is folded until it is asked for."""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
"""The mime type of a live widget: a random id that means nothing once its kernel is gone."""


def tidy(notebook: NotebookNode, course: dict[str, Any]) -> NotebookNode:
    """Normalize an executed notebook in place and return it.

    Where a widget stored a picture or text beside its live view, only that is kept: a reader without a
    kernel, on a site or in a review, then sees the first frame and not an empty place.

    Args:
        notebook: the executed ``nbformat.NotebookNode``.
        course: what the course itself notes about the notebook (number, hashes).
    """
    from nbformat import NotebookNode

    notebook.metadata = NotebookNode(
        course=course,
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in ("tags",) if key in cell.metadata})
        if PREDICT in cell.metadata.get("tags", []):
            _fold(cell)
        for output in cell.get("outputs", []):
            _tidy_output(output)
    return notebook


def _fold(cell: NotebookNode) -> None:
    """Let JupyterLab show dots where the stored output is. A click unfolds it, and what a run gives is always shown.

    Beside the dots stands the first line of the first output, which would tell the result; of an empty one there is
    none. nbval compares what outputs hold, so an empty one makes no difference to it.
    """
    from nbformat.v4 import new_output

    cell.metadata.jupyter = {"outputs_hidden": True}
    cell.outputs.insert(0, new_output("display_data"))


def _tidy_output(output: NotebookNode) -> None:
    data = output.get("data")
    if data is None:
        return
    if WIDGET_VIEW in data and len(data) > 1:
        del data[WIDGET_VIEW]
    if "image/png" in data:
        png = base64.b64decode(data["image/png"])
        data["image/png"] = base64.b64encode(compact(png)).decode("ascii")
    for kind in KINDS:
        if kind in data:
            data[kind] = with_pngs_changed(data[kind], compact)
    output.metadata = {key: value for key, value in output.metadata.items() if key in data and value}


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook so that the same content always gives the same bytes, and never half of it."""
    import nbformat

    nbformat.validate(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8", newline="\n")
    part.replace(path)
