"""Lesson 12 in a real JupyterLab and a real Chromium: it trains, the curve moves, Stop stops it, Resume goes on."""

import os
import re
from pathlib import Path

import nbformat
import pytest

from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "12_the_translator.ipynb"
PATIENCE = 120_000  # ms; busy machines train slowly
BUDGET = 100_000  # updates: more than the test waits for, so that it ends by Stop alone
PICTURE_BUDGET, PICTURE_FROM = 1_500, 500  # updates: a curve that has come down, and a first validation


def until_training(path):
    """Write the lesson's cells up to the one that starts the training, without outputs."""
    notebook = nbformat.read(LESSON, as_version=4)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells = notebook.cells[: ids.index("train-live") + 1]
    setup = next(cell for cell in notebook.cells if cell.id == "setup")
    budget = PICTURE_BUDGET if "COURSE_SCREENSHOTS" in os.environ else BUDGET
    setup.source, n = re.subn(r"^STEPS = \d+", f"STEPS = {budget}", setup.source, flags=re.MULTILINE)
    assert n == 1, "the lesson no longer sets STEPS in its first cell"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_lesson_trains_stops_and_goes_on(tmp_path, theme):
    if theme == "Dark" and "COURSE_SCREENSHOTS" not in os.environ:
        pytest.skip("set COURSE_SCREENSHOTS to a folder for the pictures of the dark theme")
    if not LESSON.exists():
        pytest.skip(f"{LESSON.name} is not built (make notebooks)")
    until_training(tmp_path / LESSON.name)
    with jupyterlab(tmp_path, theme=f"JupyterLab {theme}") as lab, chromium() as browser:
        notebook = Notebook(browser, lab, LESSON.name)
        notebook.run_all()
        play(notebook, theme.lower())
        assert notebook.errors == []
        assert notebook.error_outputs() == []
        assert notebook.foreign_requests() == []
        notebook.close()


def play(notebook, theme):
    widget = notebook.page.locator(".course-dashboard")
    told = widget.locator(".course-told")
    told.filter(has_text="Step").wait_for(timeout=PATIENCE)
    moved(notebook, widget)
    widget.get_by_role("button", name="Stop").click()
    told.filter(has_text="Stopped at step").wait_for(timeout=PATIENCE)
    stopped = step_of(told)
    notebook.screenshot(f"lesson_12-{theme}-stopped", widget)
    widget.get_by_role("button", name="Resume").click()
    told.filter(has_text="Step ").wait_for(timeout=PATIENCE)
    moved(notebook, widget)
    assert step_of(told) > stopped
    if "COURSE_SCREENSHOTS" in os.environ:
        wait_for_step(notebook, told, PICTURE_FROM)
    notebook.screenshot(f"lesson_12-{theme}-dashboard", widget)
    widget.get_by_role("button", name="Stop").click()
    told.filter(has_text="Stopped at step").wait_for(timeout=PATIENCE)
    assert "resumed at step" in widget.locator("img").get_attribute("alt")


def moved(notebook, widget):
    """Wait until the curve is another one than now, with at least one loss in it."""
    image = widget.locator("img")
    notebook.page.wait_for_function(
        "([image, old]) => image.alt !== old && image.alt.includes('loss of updates')",
        arg=[image.element_handle(), image.get_attribute("alt")],
        timeout=PATIENCE,
    )


def step_of(told):
    """The number of updates that the dashboard names."""
    return int(re.search(r"[Ss]tep ([\d,]+)", told.inner_text()).group(1).replace(",", ""))


def wait_for_step(notebook, told, step):
    """Wait until the dashboard names this update or a later one."""
    notebook.page.wait_for_function(
        "([told, step]) => +(told.textContent.match(/[Ss]tep ([\\d,]+)/)?.[1].replace(',', '') ?? 0) >= step",
        arg=[told.element_handle(), step],
        timeout=3 * PATIENCE,  # some hundred updates
    )
