"""A Chromium for each file of tests, and the lesson that the file is about, open in JupyterLab."""

import os
import shutil

import pytest

from tests.browser.page import Notebook, chromium
from tests.browser.server import jupyterlab


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=["Light", "Dark"])
def lesson(request, browser, tmp_path_factory):
    """The module's LESSON, run from top to bottom; in the dark theme only where screenshots are asked for."""
    if request.param == "Dark" and "COURSE_SCREENSHOTS" not in os.environ:
        pytest.skip("set COURSE_SCREENSHOTS to a folder for the pictures of the dark theme")
    path = request.module.LESSON
    if not path.exists():
        pytest.skip(f"{path.name} is not built (make notebooks)")
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copy(path, root / path.name)
    with jupyterlab(root, theme=f"JupyterLab {request.param}") as lab:
        notebook = Notebook(browser, lab, path.name)
        notebook.run_all()
        notebook.theme = request.param.lower()
        yield notebook
        notebook.close()
