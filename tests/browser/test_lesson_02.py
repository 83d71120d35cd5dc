"""Lesson 02 in a real JupyterLab and a real Chromium: take the decoder's steps, move the window, answer a question."""

from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "02_attention_in_a_recurrent_decoder.ipynb"
PATIENCE = 60_000  # ms; busy machines draw slowly
STEPS, WINDOW, MAPS = range(3)  # the panels, in the order of the page


def panel(lesson, number):
    return lesson.page.locator(".course-explore").nth(number)


def wait_for(lesson, explorer, text):
    """Wait until the words of a panel's picture hold a text."""
    lesson.page.wait_for_function(
        """([root, text]) => [...root.querySelectorAll('.course-markup, img')].some((node) =>
            (node.getAttribute('aria-label') ?? node.getAttribute('alt') ?? '').includes(text))""",
        arg=[explorer.element_handle(), text],
        timeout=PATIENCE,
    )


def press(lesson, explorer, name, *keys):
    for key in keys:
        explorer.get_by_role("slider", name=name, exact=True).focus()
        lesson.page.keyboard.press(key)


def test_the_decoder_takes_its_steps_and_another_noun_changes_the_gender(lesson):
    steps = panel(lesson, STEPS)
    wait_for(lesson, steps, "Step 6, written: Die Nadel ist neu, aber; next: sie.")
    lesson.screenshot(f"lesson_02-{lesson.theme}-steps", steps)
    assert steps.locator("table").first.locator("tbody tr").count() == 6
    steps.get_by_role("combobox", name="sentence").select_option("knife")
    wait_for(lesson, steps, "next: es. The largest weight: knife 0.74")
    press(lesson, steps, "step", "ArrowRight")
    wait_for(lesson, steps, "Step 7")
    press(lesson, steps, "v", "Home")
    wait_for(lesson, steps, "all equal 0.14")
    lesson.screenshot(f"lesson_02-{lesson.theme}-steps-flat", steps)


def test_the_window_follows_its_center_and_its_width(lesson):
    window = panel(lesson, WINDOW)
    wait_for(lesson, window, "A window of D = 1 around place 5, without a bell curve. Seen: but 0.32")
    lesson.screenshot(f"lesson_02-{lesson.theme}-window", window)
    press(lesson, window, "D", "ArrowRight", "ArrowRight", "ArrowRight")
    wait_for(lesson, window, "A window of D = 4 around place 5, without a bell curve. Seen: needle")
    press(lesson, window, "center", "ArrowLeft")
    wait_for(lesson, window, "around place 4.75")
    window.get_by_role("checkbox", name="gaussian").check()
    wait_for(lesson, window, "with a bell curve")
    lesson.screenshot(f"lesson_02-{lesson.theme}-window-bell", window)


def test_another_sentence_and_another_kind_show_another_map(lesson):
    maps = panel(lesson, MAPS)
    wait_for(lesson, maps, "Where additive looks in “I love France")
    lesson.screenshot(f"lesson_02-{lesson.theme}-maps-france", maps)
    maps.get_by_role("combobox", name="kind").select_option("local-m")
    wait_for(lesson, maps, "Where local-m looks in “I love France")
    maps.get_by_role("combobox", name="sentence").select_option(index=1)
    wait_for(lesson, maps, "Where local-m looks in “The lion")
    lesson.screenshot(f"lesson_02-{lesson.theme}-maps", maps)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="look at another place at another step").check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_02-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []
