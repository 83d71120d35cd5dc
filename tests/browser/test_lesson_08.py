"""Lesson 08 in a real JupyterLab and a real Chromium: masks follow the step, the bill its sliders, questions answer."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "08_the_transformer.ipynb"
PATIENCE = 60_000  # ms; busy machines draw slowly


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=["Light", "Dark"])
def lesson(request, browser, tmp_path_factory):
    """The lesson, run from top to bottom; in the dark theme only where screenshots are asked for."""
    if request.param == "Dark" and "COURSE_SCREENSHOTS" not in os.environ:
        pytest.skip("set COURSE_SCREENSHOTS to a folder for the pictures of the dark theme")
    if not LESSON.exists():
        pytest.skip(f"{LESSON.name} is not built (make notebooks)")
    root = tmp_path_factory.mktemp("notebooks")
    copied = root / LESSON.name
    shutil.copy(LESSON, copied)
    text = copied.read_text(encoding="utf-8")
    copied.write_text(text.replace("UPDATES = 800", "UPDATES = 20"), encoding="utf-8")  # nobody looks at what it learns
    with jupyterlab(root, theme=f"JupyterLab {request.param}") as lab:
        notebook = Notebook(browser, lab, LESSON.name)
        notebook.run_all()
        notebook.theme = request.param.lower()
        yield notebook
        notebook.close()


def slide(lesson, explorer, name, *keys):
    """Press keys on the slider of a name, one after the other, until the words of the picture have changed."""
    for key in keys:
        before = explorer.inner_html()
        explorer.get_by_role("slider", name=name, exact=True).focus()
        lesson.page.keyboard.press(key)
        lesson.page.wait_for_function(
            "([node, before]) => node.innerHTML !== before", arg=[explorer.element_handle(), before], timeout=PATIENCE
        )


def test_the_masks_follow_the_step_and_the_pads(lesson):
    explorer = lesson.page.locator(".course-explore").nth(0)
    explorer.get_by_text("Step 3.").wait_for(timeout=PATIENCE)
    assert "Asked for now: eine." in explorer.inner_text()
    assert "Running on: the reference" in explorer.inner_text()
    lesson.screenshot(f"lesson_08-{lesson.theme}-step", explorer)
    slide(lesson, explorer, "step", "ArrowRight")
    explorer.get_by_text("Asked for now: scharfe.").wait_for(timeout=PATIENCE)
    slide(lesson, explorer, "source_pads", "End")
    slide(lesson, explorer, "target_pads", "End")
    pads = explorer.get_by_text("<pad>")
    pads.nth(8).wait_for(timeout=PATIENCE)  # the last of them comes with the second slider's picture
    assert pads.count() == 3 + 2 * 2 + 2
    lesson.screenshot(f"lesson_08-{lesson.theme}-step-padded", explorer)


def test_the_bill_follows_its_sliders(lesson):
    explorer = lesson.page.locator(".course-explore").nth(1)
    picture = explorer.locator("img")
    picture.wait_for(timeout=PATIENCE)
    assert "6 + 6 layers, d_model 512, d_ff 2048, 37000 words: 63.1 M numbers" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_08-{lesson.theme}-bill", explorer)
    for name, key, said in (
        ("layers", "Home", "1 + 1 layers"),
        ("length", "End", "a sentence of 5000 words"),
        ("d_model", "ArrowRight", "d_model 768"),
    ):
        before = picture.get_attribute("alt")
        explorer.get_by_role("slider", name=name, exact=True).focus()
        lesson.page.keyboard.press(key)
        lesson.page.wait_for_function(
            "([node, alt]) => node.getAttribute('alt') !== alt",
            arg=[picture.element_handle(), before],
            timeout=PATIENCE,
        )
        assert said.lower() in picture.get_attribute("alt").lower()
    lesson.screenshot(f"lesson_08-{lesson.theme}-bill-long", explorer)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="(4, 9)", exact=True).check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_08-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in ("two-jobs", "empty-rows", "trained-and-broken", "who-is-caught", "where-it-looks", "summary"):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_08-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
