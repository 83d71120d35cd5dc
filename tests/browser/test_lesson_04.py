"""Lesson 04 in a real JupyterLab and a real Chromium: follow a number through the heads, split a width, answer."""

import json
from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "04_multi_head_attention.ipynb"
PATIENCE = 60_000  # ms; busy machines draw slowly


def panel(lesson, number):
    return lesson.page.locator(".course-explore").nth(number)


def words(explorer):
    """The picture of a panel in words, and the picture itself."""
    shown = explorer.locator(".course-markup")
    return shown.get_attribute("aria-label"), shown.inner_html()


def wait_for_others(lesson, explorer, before):
    lesson.page.wait_for_function(
        "([shown, old]) => shown.getAttribute('aria-label') !== old",
        arg=[explorer.locator(".course-markup").element_handle(), before[0]],
        timeout=PATIENCE,
    )
    after = words(explorer)
    assert after[1] != before[1]
    return after


def press(lesson, explorer, name, *keys):
    """Press keys on the slider of a name, one after the other; return the words of the last picture."""
    for key in keys:
        before = words(explorer)
        explorer.get_by_role("slider", name=name).focus()
        lesson.page.keyboard.press(key)
        after = wait_for_others(lesson, explorer, before)
    return after[0]


def choose(lesson, explorer, name, option):
    before = words(explorer)
    explorer.get_by_role("combobox", name=name).select_option(option)
    return wait_for_others(lesson, explorer, before)[0]


def test_a_number_is_followed_to_where_it_belongs_and_elsewhere_without_a_swap(lesson):
    way = panel(lesson, 0)
    assert "Number 2 of Ben is in head 1, row 2, column 0." in words(way)[0]
    lesson.screenshot(f"lesson_04-{lesson.theme}-way-begins", way)
    assert "where it should be: sees has fetched it." in press(lesson, way, "step", "ArrowRight", "ArrowRight", "End")
    lesson.screenshot(f"lesson_04-{lesson.theme}-way", way)
    assert "It should be in the row of sees, column 2" in choose(lesson, way, "swap", "nowhere")
    lesson.screenshot(f"lesson_04-{lesson.theme}-way-nowhere", way)
    assert "(4, 3, 1)" in press(lesson, way, "heads", "ArrowRight")
    lesson.screenshot(f"lesson_04-{lesson.theme}-way-four", way)
    assert "number 3 of Ben" in press(lesson, way, "column", "ArrowRight")
    assert "number 3 of Anna" in choose(lesson, way, "word", "Anna")


def test_more_heads_make_more_rows_and_another_sentence_another_map(lesson):
    heads = panel(lesson, 1)
    assert "head 0 asks (0, 0, 2, 2): sharp 0.49" in words(heads)[0]
    lesson.screenshot(f"lesson_04-{lesson.theme}-heads", heads)
    assert "head 1 asks (2, 2): sharp 0.65" in press(lesson, heads, "heads", "ArrowRight")
    assert heads.locator(".course-markup table").first.locator("tbody tr").count() == 2
    choose(lesson, heads, "sentence", "about both")
    assert "head 3 asks (2): people" in press(lesson, heads, "heads", "ArrowRight")
    lesson.screenshot(f"lesson_04-{lesson.theme}-heads-four", heads)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="it stays the same").check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_04-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in ("one-average", "the-bill", "one-head-against-many", "four-ways", "summary"):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_04-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""

    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
