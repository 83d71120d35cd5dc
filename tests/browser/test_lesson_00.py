"""Lesson 00 in a real JupyterLab and a real Chromium: type a sentence, press Enter, read German and French."""

from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "00_welcome.ipynb"
PATIENCE = 60_000  # ms; busy machines translate slowly
PEOPLE = "it is not polite to point at people"


@pytest.fixture
def panel(lesson):
    found = lesson.page.locator(".course-translate")
    found.locator("dd").first.wait_for(timeout=PATIENCE)
    return found


def ask(lesson, panel, sentence):
    """Type a sentence over the one that stands there, press Enter, wait for the answer."""
    field = panel.get_by_label("An English sentence")
    field.fill("")
    field.press_sequentially(sentence)
    field.press("Enter")
    wait_for_answer(lesson, panel)


def wait_for_answer(lesson, panel):
    lesson.page.wait_for_function(
        "(panel) => !panel.hasAttribute('aria-busy')", arg=panel.element_handle(), timeout=PATIENCE
    )


def test_a_typed_sentence_is_translated_with_another_picture(lesson, panel):
    maps = panel.locator(".course-markup")
    before, words = maps.inner_html(), maps.get_attribute("aria-label")
    lesson.screenshot(f"lesson_00-{lesson.theme}-translate", panel)
    ask(lesson, panel, PEOPLE)
    german, french = panel.locator("dd").all_inner_texts()
    assert "zeigen" in german
    assert "montrer" in french
    assert maps.inner_html() != before
    assert maps.get_attribute("aria-label") != words
    assert "point" in maps.get_attribute("aria-label")
    assert maps.locator("table").count() == 2
    assert "a capital letter at the start and a period at the end" in panel.locator(".course-notes").inner_text()
    lesson.screenshot(f"lesson_00-{lesson.theme}-typed", panel)


def test_the_keys_of_the_field_stay_in_the_field(lesson, panel):
    """Letters such as d and x, and Shift+Enter, are commands of a notebook; here they are text."""
    cells = lesson.page.locator(".jp-Notebook .jp-Cell").count()
    ask(lesson, panel, "ddxxaabb")
    assert panel.get_by_label("An English sentence").input_value() == "ddxxaabb"
    panel.get_by_label("An English sentence").press("Shift+Enter")
    wait_for_answer(lesson, panel)
    assert lesson.page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert panel.locator("dd").count() == 2


def test_an_unknown_word_is_named_and_a_near_one_can_be_taken(lesson, panel):
    ask(lesson, panel, "The nedle has a sharp point.")
    assert "“nedle” is not among" in panel.locator(".course-notes").inner_text()
    lesson.screenshot(f"lesson_00-{lesson.theme}-unknown", panel)
    panel.get_by_role("button", name="Instead of nedle, take needle", exact=True).click()
    wait_for_answer(lesson, panel)
    assert "Nadel" in panel.locator("dd").first.inner_text()
    assert panel.get_by_label("An English sentence").input_value() == "The needle has a sharp point."
    assert panel.locator(".course-notes").inner_text() == ""


def test_an_empty_field_is_answered_kindly_and_read_aloud(lesson, panel):
    ask(lesson, panel, "")
    assert "Type an English sentence" in panel.get_by_role("alert").inner_text()
    assert not panel.locator(".course-markup").is_visible()
    lesson.screenshot(f"lesson_00-{lesson.theme}-empty", panel)
    panel.get_by_role("button", name="Translate", exact=True).click()
    panel.get_by_role("button", name="The needle has a sharp point.", exact=True).click()
    wait_for_answer(lesson, panel)
    assert not panel.get_by_role("alert").is_visible()
    spoken = panel.get_by_role("status")
    lesson.page.wait_for_function(
        "(node) => node.textContent.includes('German: Die Nadel')", arg=spoken.element_handle(), timeout=PATIENCE
    )


def test_a_head_is_chosen_and_another_map_comes(lesson):
    explorer = lesson.page.locator(".course-explore").first
    shown = explorer.locator(".course-markup")
    before = shown.get_attribute("aria-label")
    explorer.get_by_role("combobox", name="head").select_option("2")
    lesson.page.wait_for_function(
        "([shown, old]) => shown.getAttribute('aria-label') !== old",
        arg=[shown.element_handle(), before],
        timeout=PATIENCE,
    )
    assert "head 2 of" in shown.get_attribute("aria-label")
    assert "head 2 of" in shown.locator("caption").inner_text()
    lesson.screenshot(f"lesson_00-{lesson.theme}-heads", explorer)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    lesson.screenshot(f"lesson_00-{lesson.theme}-quiz", lesson.page.locator(".course-quiz"))
    failed = [text for text in lesson.error_outputs() if "Type an English sentence" not in text]
    assert failed == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []
