"""Lesson 11 in a real JupyterLab and a real Chromium: the search is redrawn, the winner changes, lots are drawn."""

import json
from pathlib import Path

import pytest

from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.panels import PATIENCE, panel

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "11_decoding_and_scoring.ipynb"


def changed(lesson, picture, act):
    """Do something and return the words of the picture that follows it."""
    before = picture.get_attribute("alt"), picture.get_attribute("src")
    act()
    lesson.page.wait_for_function(
        "([node, alt, src]) => node.getAttribute('alt') !== alt && node.getAttribute('src') !== src",
        arg=[picture.element_handle(), *before],
        timeout=PATIENCE,
    )
    return picture.get_attribute("alt")


def press(lesson, explorer, name, *keys):
    """Press keys on the slider of a name, one after the other; return the words of the last picture."""
    picture, alt = explorer.locator("img"), ""
    for key in keys:

        def act(key=key):
            explorer.get_by_role("slider", name=name, exact=True).focus()
            lesson.page.keyboard.press(key)

        alt = changed(lesson, picture, act)
    return alt


def test_the_search_is_redrawn_and_its_winner_changes(lesson):
    explorer, picture = panel(lesson, 0)
    assert "Beam: Eine Nadel ist spitz" in picture.get_attribute("alt")
    assert "Running on: the reference beam and the reference greedy" in explorer.inner_text()
    lesson.screenshot(f"lesson_11-{lesson.theme}-search", explorer)
    assert "Beam: Die Spitze ist spitz" in press(lesson, explorer, "places", "Home")
    assert "with 4 places, alpha 0." in press(lesson, explorer, "places", *["ArrowRight"] * 3)
    assert "Beam: Spitz, score -1.884" in press(lesson, explorer, "alpha", "Home")
    assert "with 8 places" in press(lesson, explorer, "places", "End")
    lesson.screenshot(f"lesson_11-{lesson.theme}-search-wide", explorer)


def test_a_longer_candidate_wins_with_a_penalty(lesson):
    explorer, picture = panel(lesson, 1)
    assert "der drei Hunde haben will. (15 tokens" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_11-{lesson.theme}-candidates", explorer)
    assert "neben dem Hotels. (20 tokens" in press(lesson, explorer, "alpha", "ArrowRight")
    rules = explorer.locator("select")
    assert "((5 + length) / 6)^alpha" in changed(lesson, picture, lambda: rules.select_option(index=1))
    lesson.screenshot(f"lesson_11-{lesson.theme}-candidates-divided", explorer)


def test_lots_follow_temperature_and_filters(lesson):
    explorer, picture = panel(lesson, 2)
    assert "Temperature 1, top_k 2000, top_p 1: 1998 words can be drawn" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_11-{lesson.theme}-lots", explorer)
    assert "Temperature 0.1" in press(lesson, explorer, "temperature", "Home")
    assert "Temperature 5" in press(lesson, explorer, "temperature", "End")
    assert "1 word can be drawn" in press(lesson, explorer, "top_k", "Home")


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    right = "the search works, and what is most probable is not what is best"
    quiz.get_by_role("radio", name=right, exact=True).check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Yes.")
    lesson.screenshot(f"lesson_11-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    for name in (
        "the-toy",
        "every-sentence",
        "widths",
        "costs",
        "rescoring",
        "short-lines",
        "ten-sentences",
        "summary",
    ):
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_11-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
