"""Lesson 07 in a real JupyterLab and a real Chromium: layer norm and depth follow their sliders, questions answer."""

import json
from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.panels import PATIENCE, panel, press

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "07_the_encoder.ipynb"


def test_layer_norm_follows_its_four_sliders(lesson):
    explorer, picture = panel(lesson, 0)
    assert "with mean 1 and spread 1" in picture.get_attribute("alt")
    assert "Running on: the reference layer_norm" in explorer.inner_text()
    lesson.screenshot(f"lesson_07-{lesson.theme}-layer-norm", explorer)
    assert "its mean 0.00 and its spread 1.00" in press(lesson, explorer, "level", "Home", "End")
    assert "its spread 0.03" in press(lesson, explorer, "size", "Home")
    assert "eps 0.0001" in press(lesson, explorer, "eps", "ArrowRight")
    assert "gain 2" in press(lesson, explorer, "gain", "End")


def test_the_depth_follows_its_controls(lesson):
    explorer, picture = panel(lesson, 1)
    assert "12 layers" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_07-{lesson.theme}-depth", explorer)
    assert "13 layers" in press(lesson, explorer, "depth", "ArrowRight")
    assert "24 layers" in press(lesson, explorer, "depth", "End")
    before = picture.get_attribute("alt")
    explorer.get_by_role("combobox").select_option("nothing")
    lesson.page.wait_for_function(
        "([node, alt]) => node.getAttribute('alt') !== alt", arg=[picture.element_handle(), before], timeout=PATIENCE
    )
    assert "nothing: layer 1 gets 10" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_07-{lesson.theme}-depth-nothing", explorer)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="post-norm, but for where it begins and ends", exact=True).check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_07-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in ("the-port-is-equal", "where-eps-stands", "what-arrives", "warm-up", "summary"):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_07-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
