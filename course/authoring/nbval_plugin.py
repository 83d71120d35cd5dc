"""What the course adds to nbval: ``pytest --nbval notebooks solutions -p course.authoring.nbval_plugin``.

nbval compares the text of outputs exactly and skips pictures. With this plugin

- PNG pictures are compared too: same number, same size, and in no tile a root mean square difference above
  ``pictures.TOLERANCE``, which is more than rendering on another machine changes;
- every notebook runs in the environment in which it was built, each with an empty workbook of its own;
- the kernel is the Python that runs pytest.

A widget's live view is not compared: its ids are random (nbval skips it); its static frame is.
"""

import base64
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from course.authoring.pictures import difference
from course.authoring.run import build_font_cache, kernel_environment

Outputs = list[dict[str, Any]]

OUTPUT_TIMEOUT = 60
"""Seconds to wait for an output of a cell that has ended; nbval's own 5 are too few on a busy machine."""


def pytest_configure(config: pytest.Config) -> None:
    """Use the running Python as kernel unless another one is asked for."""
    if not config.getoption("nbval_kernel_name"):
        config.option.nbval_current_env = True


def pytest_itemcollected(item: pytest.Item) -> None:
    """Wrap the comparison of a cell, and once per notebook the start and end of its kernel."""
    if not isinstance(item, IPyNbCell):
        return
    item.output_timeout = OUTPUT_TIMEOUT
    item.compare_outputs = _with_pictures(item, item.compare_outputs)
    notebook = item.parent
    if not hasattr(notebook, "course_folder"):
        notebook.course_folder = None
        notebook.setup = _in_own_environment(notebook, notebook.setup)
        notebook.teardown = _then_removed(notebook, notebook.teardown)


def _in_own_environment(notebook: IPyNbFile, setup: Callable[[], None]) -> Callable[[], None]:
    """Return a setup that starts the kernel with the course's variables; the kernel inherits them."""

    def start() -> None:
        notebook.course_folder = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
        new = kernel_environment(Path(notebook.course_folder.name))
        build_font_cache()
        old = {name: os.environ.get(name) for name in new}
        os.environ.update(new)
        try:
            setup()
        finally:
            for name, value in old.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    return start


def _then_removed(notebook: IPyNbFile, teardown: Callable[[], None]) -> Callable[[], None]:
    """Return a teardown that also removes the notebook's folder."""

    def stop() -> None:
        teardown()
        if notebook.course_folder is not None:
            notebook.course_folder.cleanup()

    return stop


def _with_pictures(cell: IPyNbCell, compare: Callable[..., bool]) -> Callable[..., bool]:
    """Return a comparison of text first, as nbval does it, then of pictures."""

    def compare_outputs(test: Outputs, ref: Outputs, skip_compare: tuple[str, ...] | None = None) -> bool:
        if not compare(test, ref, skip_compare):
            return False
        complaint = compare_pictures(_pictures(ref), _pictures(test))
        if complaint:
            cell.comparison_traceback.append(complaint)
        return complaint is None

    return compare_outputs


def _pictures(outputs: Outputs) -> list[bytes]:
    found = (output.get("data", {}).get("image/png") for output in outputs)
    return [base64.b64decode(png) for png in found if png]


def compare_pictures(stored: list[bytes], new: list[bytes]) -> str | None:
    """Return what differs between a cell's stored and new PNG pictures, or None.

    Args:
        stored: the PNG files in the notebook, in order.
        new: the PNG files that the cell has just drawn, in order.
    """
    if len(stored) != len(new):
        return f"{len(stored)} pictures are stored, {len(new)} were drawn"
    for number, pair in enumerate(zip(stored, new, strict=True), start=1):
        found = difference(*pair)
        if not found.is_same:
            return f"picture {number} of {len(stored)}: {found}"
    return None
