"""The button below a failed check: pressed, it shows what the translator says with the wrong piece."""

import pytest

from course.lab.exercises import get
from course.lessons.lesson_13.speaking import listen
from course.lessons.lesson_13.speech import speak
from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.plain import contrasts, plain_page, show

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#212121"), ("#111111", "#e3e3e3")])
def test_the_button_shows_both_and_marks_the_first_word_that_differs(browser, ground, ink):
    scaled = {each.id: each for each in get("attention").mistakes}["scale_by_d_k"].versions[0]
    page = plain_page(browser, ground=ground, ink=ink)
    show(page, listen("attention", scaled), live=True)
    page.get_by_role("button", name="Let your attention speak German").click()
    page.locator("dl").first.wait_for(timeout=60_000)
    wanted = speak("attention", scaled)
    shown = page.locator("dl").all()
    assert len(shown) == len(wanted)
    for block, each in zip(shown, wanted, strict=True):
        _, right, yours = block.locator("dd").all_inner_texts()
        assert right == each.right
        assert yours.startswith(each.broken)
        marked = block.locator(".course-differs").all_inner_texts()
        assert marked == ([] if each.differs is None else [each.broken.split()[each.differs]])
    assert [(text, round(contrast, 1)) for text, contrast in contrasts(page) if contrast < 4.5] == []
    page.context.close()
