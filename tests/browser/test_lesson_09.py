"""Lesson 09 in a real JupyterLab and a real Chromium: words come together, rectangles follow, questions answer."""

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

LESSON = Path(__file__).parents[2] / "notebooks" / "09_from_text_to_batches.ipynb"


def test_a_sentence_comes_together_as_merges_are_added(lesson):
    explorer, picture = panel(lesson, 0)
    assert "After 80 merges" in picture.get_attribute("alt")
    assert "Running on: the reference bpe_encode" in explorer.inner_text()
    lesson.screenshot(f"lesson_09-{lesson.theme}-pieces", explorer)
    all_of_them = press(lesson, explorer, "number_of_merges", "End")
    assert "After 600 merges" in all_of_them
    lesson.screenshot(f"lesson_09-{lesson.theme}-pieces-all", explorer)
    assert "After 0 merges (no merge yet): B|e|c|a|u|s|e|·" in press(lesson, explorer, "number_of_merges", "Home")


def test_the_rectangles_follow_both_sliders(lesson):
    explorer, picture = panel(lesson, 1)
    assert "Width 24, at most 300 positions a side" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_09-{lesson.theme}-rectangles", explorer)
    sorted_ = press(lesson, explorer, "width", "Home")
    assert "Width 1, at most 300 positions a side" in sorted_
    lesson.screenshot(f"lesson_09-{lesson.theme}-rectangles-sorted", explorer)
    assert "at most 800 positions a side" in press(lesson, explorer, "max_tokens", "End")


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="they break ties by different rules", exact=True).check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_09-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in (
        "merges-of-both", "the-librarys-rule", "vocabularies", "as-in-the-package", "what-it-is-worth",
        "how-the-bug-shows", "summary", "a-real-batch",
    ):  # fmt: skip
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_09-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
