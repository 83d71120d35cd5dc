"""Lesson 06 in a real JupyterLab and a real Chromium: hands turn, the table follows its sliders, questions answer."""

import json
from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.panels import panel, press

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "06_positional_encoding.ipynb"


def test_the_hands_turn_together(lesson):
    explorer, picture = panel(lesson, 0)
    assert "4 hands at position 3 and 5 farther on" in picture.get_attribute("alt")
    assert "Running on: the reference positional_encoding" in explorer.inner_text()
    lesson.screenshot(f"lesson_06-{lesson.theme}-hands", explorer)
    moved = press(lesson, explorer, "position", "ArrowRight", "End")
    assert "4 hands at position 60 and 5 farther on" in moved
    assert "turned by 5;" in moved
    assert "turned by 6;" in press(lesson, explorer, "offset", "ArrowRight")
    assert "3 hands" in press(lesson, explorer, "width", "ArrowLeft")


def test_the_table_and_its_curve_follow_all_four_sliders(lesson):
    explorer, picture = panel(lesson, 1)
    assert "with PE(21) 42.34; along k it falls up to k = 11, and rises at 12" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_06-{lesson.theme}-table", explorer)
    assert "with PE(22) 42.38" in press(lesson, explorer, "offset", "ArrowRight")
    assert "with PE(23) 42.38" in press(lesson, explorer, "position", "ArrowRight")
    assert "width 64, base 10000" in press(lesson, explorer, "width", "ArrowLeft")
    assert "rises at 4" in press(lesson, explorer, "width", "Home")
    assert "width 2, base 10." in press(lesson, explorer, "base", "Home")
    lesson.screenshot(f"lesson_06-{lesson.theme}-table-narrow", explorer)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="nothing", exact=True).check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_06-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in ("a-bag", "causal-layers", "one-word-back", "two-tests", "four-kinds", "summary"):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_06-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
