"""Lesson 10 in a real JupyterLab and a real Chromium: both demos follow their sliders, questions answer."""

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

LESSON = Path(__file__).parents[2] / "notebooks" / "10_training.ipynb"


def test_doubt_lifts_the_floor(lesson):
    explorer, picture = panel(lesson, 0)
    assert "Targets of 8 words with eps 0.1" in picture.get_attribute("alt")
    assert "Running on: the reference smooth_labels" in explorer.inner_text()
    lesson.screenshot(f"lesson_10-{lesson.theme}-targets", explorer)
    assert "lowest, 1.38 nats" in press(lesson, explorer, "words", "End")
    assert "lowest, 0.00 nats" in press(lesson, explorer, "epsilon", "Home")
    lesson.screenshot(f"lesson_10-{lesson.theme}-targets-plain", explorer)


def test_the_schedule_follows_its_three_sliders(lesson):
    explorer, picture = panel(lesson, 1)
    assert "Width 512 and warm-up 1000" in picture.get_attribute("alt")
    lesson.screenshot(f"lesson_10-{lesson.theme}-schedule", explorer)
    assert "the peak is 3.49e-04, at update 16000" in press(lesson, explorer, "warmup", "End")
    assert "the peak is 4.42e-02, at update 1." in press(lesson, explorer, "warmup", "Home")
    assert "Width 256" in press(lesson, explorer, "width", "ArrowLeft")
    assert "the rate of update 40000" in press(lesson, explorer, "step", "End")
    lesson.screenshot(f"lesson_10-{lesson.theme}-schedule-late", explorer)


def test_a_question_is_answered_at_once(lesson):
    quiz = lesson.page.locator(".course-quiz").first
    quiz.get_by_role("radio", name="sorted batches are harder to learn", exact=True).check()
    assert "What else stands in a batch that is not sorted?" in quiz.get_by_role("status").first.inner_text()
    lesson.screenshot(f"lesson_10-{lesson.theme}-quiz", quiz)


def test_the_page_has_no_error_and_asks_no_other_host(lesson):
    names = ("given-and-asked", "one-pass", "two-that-train", "three-customs", "calibration", "race", "warm-ups",
             "run-the-tests", "it-trains", "exposure-bias", "summary")  # fmt: skip
    for name in names:
        cell = lesson.page.locator(".jp-CodeCell").nth(place_of(name))
        lesson.screenshot(f"lesson_10-{lesson.theme}-{name}", cell)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []


def place_of(name):
    """Return the place of a named cell among the code cells."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [cell["id"] for cell in cells if cell["cell_type"] == "code"].index(name)
