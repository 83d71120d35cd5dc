"""Lesson 01 in a real JupyterLab and a real Chromium: what is left of a word, how far a gradient reaches, a quiz."""

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

LESSON = Path(__file__).parents[2] / "notebooks" / "01_before_attention.ipynb"
PATIENCE = 60_000  # ms; busy machines draw slowly


def panel(lesson, number):
    return lesson.page.locator(".course-explore").nth(number)


def picture(explorer):
    """What a panel shows: its words and its picture."""
    image = explorer.locator("img")
    return image.get_attribute("alt"), image.get_attribute("src")


def wait_for(lesson, explorer, before, text):
    """Return the words of the panel when they hold a text, and check that the picture is another one."""
    lesson.page.wait_for_function(
        "([image, text]) => image.alt.includes(text)",
        arg=[explorer.locator("img").element_handle(), text],
        timeout=PATIENCE,
    )
    after = picture(explorer)
    assert after[1] != before[1]
    return after[0]


def press(lesson, explorer, name, key, text):
    before = picture(explorer)
    explorer.get_by_role("slider", name=name, exact=True).focus()
    lesson.page.keyboard.press(key)
    return wait_for(lesson, explorer, before, text)


def choose(lesson, explorer, name, option, text):
    before = picture(explorer)
    explorer.get_by_role("combobox", name=name).select_option(option)
    return wait_for(lesson, explorer, before, text)


def test_what_is_left_of_a_word_follows_sliders_and_choice(lesson):
    memory = panel(lesson, 0)
    memory.locator("img").wait_for(timeout=PATIENCE)
    assert "after 6 words in a cell of one number: RNN, keep 0.9" in picture(memory)[0]
    assert "Running on: the reference rnn_step" in memory.inner_text()
    lesson.screenshot(f"lesson_01-{lesson.theme}-memory", memory)
    assert "keep 1.2" in press(lesson, memory, "keep", "End", "keep 1.2")
    assert "after 40 words" in press(lesson, memory, "between", "End", "after 40 words")
    lesson.screenshot(f"lesson_01-{lesson.theme}-memory-held", memory)
    said = choose(lesson, memory, "cell", "GRU", "GRU, keep 1.2")
    assert "the end would move by 1.00" in said
    choose(lesson, memory, "cell", "LSTM", "LSTM, keep 1.2")
    assert "after 1 words" in press(lesson, memory, "between", "Home", "after 1 words")


def test_how_far_a_gradient_reaches_follows_sliders_and_choice(lesson):
    reach = panel(lesson, 1)
    assert "RNN of width 32, U times 1: the gradient of the first of 100 words is 2e-34" in picture(reach)[0]
    lesson.screenshot(f"lesson_01-{lesson.theme}-reach", reach)
    assert "4e-22" in choose(lesson, reach, "cell", "LSTM", "LSTM of width 32")
    assert "forget bias + 6" in press(lesson, reach, "bias", "End", "forget bias + 6")
    lesson.screenshot(f"lesson_01-{lesson.theme}-reach-open", reach)
    press(lesson, reach, "d", "Home", "of width 8")
    press(lesson, reach, "words", "Home", "the first of 10 words")
    press(lesson, reach, "scale", "End", "U times 4")


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="it stays 40").check()
    assert quiz.get_by_text("One for each word, however much is computed in each.").count() >= 1
    lesson.screenshot(f"lesson_01-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in ("measured-starts", "remembering", "right-by-length", "widths", "by-length", "clock", "summary"):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_01-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
