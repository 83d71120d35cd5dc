"""Execute a notebook as on a learner's first day: offline, an empty workbook, nothing fetched yet."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from course.authoring.limits import CELL, cell_limit
from course.errors import CourseError

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from nbformat import NotebookNode

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port: a download fails at once


def kernel_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables under which notebooks are built and validated.

    One thread per kernel makes sums come out in the same order on every machine, and lets two kernels
    run side by side. Folders below ``folder`` stand in for the learner's own workbook, data and settings.

    Args:
        folder: an empty folder for this one run.
    """
    return {
        "COURSE_WORKBOOK": str(folder / "workbook"),
        "COURSE_DATA": str(folder / "data"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def executed(notebook: NotebookNode, *, beside: Path, scratch: Path) -> NotebookNode:
    """Run a notebook's cells in a new kernel of this very Python and return it with outputs.

    Args:
        notebook: a ``nbformat.NotebookNode``; it is changed in place.
        beside: the folder in which the kernel runs, the notebook's own.
        scratch: an empty folder for what the run writes.

    Raises:
        CourseError: if a cell fails (cells tagged ``raises-exception`` may) or takes too long.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    build_font_cache()
    started: list[NotebookNode] = []

    def limit(cell: NotebookNode) -> int:
        started.append(cell)
        return _limit(cell)

    client = NotebookClient(
        notebook,
        kernel_manager_class=_kernel_of_this_python(),
        timeout_func=limit,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(beside)}},
    )
    try:
        environment = {**os.environ, **kernel_environment(scratch)}
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        told = _COLORS.sub("", str(error)).strip()
        raise CourseError(f"Cell {_failed_cell(notebook)!r} fails; correct it in the source.\n{told}") from error
    except CellTimeoutError as error:
        raise CourseError(_too_slow(started[-1])) from error
    return notebook


def _limit(cell: NotebookNode) -> int:
    return cell_limit(cell.metadata.get("tags", [])) or CELL


def _too_slow(cell: NotebookNode) -> str:
    return (
        f"Cell {cell.id!r} ran into its limit of {_limit(cell)} s; make it shorter, or give it a tag such as "
        f"limit-240 (course/authoring/limits.py)."
    )


def build_font_cache() -> None:
    """Let matplotlib list the fonts now: on a new machine it says on stderr that this takes a moment."""
    import matplotlib.font_manager  # noqa: F401


def _failed_cell(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return str(cell.id)
    return "?"


def _kernel_of_this_python() -> type[AsyncKernelManager]:
    """Return a manager class for kernels of the running Python, whatever kernels the user has installed."""
    import ipykernel.kernelspec
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class KernelOfThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict())

    return KernelOfThisPython
