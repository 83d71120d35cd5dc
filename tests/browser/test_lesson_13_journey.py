"""The way of a sentence on a page without a kernel: every station by slider, box and key, with Python's numbers."""

import pytest

from course.lessons.lesson_13.journey import record
from course.lessons.lesson_13.journey_view import JourneyView
from course.pretrained import pretrained_translator
from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.plain import contrasts, plain_page, show

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

SENTENCE = "The needle has a sharp point."
FRAME_MS = 20  # the bar: a new picture within it


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


@pytest.fixture(scope="module")
def journey(translator):
    return record(translator, SENTENCE)


@pytest.fixture
def view(journey, translator):
    return JourneyView(journey, SENTENCE, translator.tokenizer.tokens, languages=("en", "de"))


@pytest.fixture
def page(browser, view):
    page = plain_page(browser, ground="#ffffff", ink="#212121", width=1100)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, view)
    yield page
    page.context.close()
    assert errors == []


def as_shown(number):
    return f"{number if abs(number) >= 0.005 else 0:.2f}".replace("-", "−")


def test_an_attention_shows_its_scores_and_weights(page, journey):
    page.get_by_role("button", name="decoder, cross-attention 2").click()
    page.get_by_role("slider", name="piece to write").fill("1")
    page.get_by_role("slider", name="head").fill("2")
    cross = journey.decoder[1][1]
    rows = page.locator(".course-place tbody tr")
    assert rows.locator("th").all_inner_texts() == list(journey.source)
    assert rows.locator(".course-number").all_inner_texts() == [as_shown(x) for x in cross.scores[2, 1].tolist()]
    assert rows.locator(".course-share").all_inner_texts() == [as_shown(x) for x in cross.weights[2, 1].tolist()]
    best = int(cross.weights[2, 1].argmax())
    assert f"In head 3 of 4, “{journey.source[best]}” gets most" in page.locator(".course-told").inner_text()
    length = float(cross.after[1].norm())
    assert f"and it has {length:.2f}." in page.locator(".course-told").inner_text()


def test_the_way_can_be_gone_by_keys_alone(page, view):
    station = page.get_by_role("slider", name="station")
    station.focus()
    titles = [page.locator(".course-heading").inner_text()]
    for _ in range(len(view.stations) - 1):
        page.keyboard.press("ArrowRight")
        titles.append(page.locator(".course-heading").inner_text())
    assert titles == [each["title"] for each in view.stations]
    assert station.get_attribute("aria-valuetext") == "13 of 13"
    assert page.locator(".course-box[aria-current='step']").inner_text() == "next word"
    first = page.locator(".course-place tbody tr").first.inner_text().split()
    assert first == ["Die", as_shown(view.best[0][0][1])]


def test_the_future_is_hidden_in_the_decoders_own_attention(page):
    page.get_by_role("button", name="decoder, self-attention 1").click()
    page.get_by_role("slider", name="piece to write").fill("3")
    numbers = page.locator(".course-place .course-number").all_inner_texts()
    assert numbers[4:] == ["hidden"] * 5
    assert "hidden" not in numbers[:4]


def test_a_cell_under_the_pointer_tells_its_number(page, journey):
    strip = page.locator(".course-strip").first
    box = strip.bounding_box()
    page.mouse.move(box["x"] + 1 + 5 * 16 + 2, box["y"] + 5)
    told = page.locator(".course-pointed").inner_text()
    assert told == f"The, number 17 of 128: {as_shown(float(journey.source_stream[0, 16]))}"


def test_every_station_comes_within_a_frame(page):
    milliseconds = page.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll('.course-box')];
            const times = [...boxes, ...boxes].map((box) => {
                const start = performance.now();
                box.click();
                document.body.getBoundingClientRect(); // laid out
                return performance.now() - start;
            });
            return times.sort((a, b) => a - b)[boxes.length];
        }"""
    )
    print(f"a station: {milliseconds:.1f} ms")
    assert milliseconds < FRAME_MS


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#212121"), ("#111111", "#e3e3e3"), ("#383838", "#e3e3e3")])
def test_every_word_can_be_read(browser, view, ground, ink):
    page = plain_page(browser, ground=ground, ink=ink, width=1100)
    show(page, view)
    for box in page.locator(".course-box").all():
        box.click()
        seen = contrasts(page)
        assert {"station", "encoder", "decoder"} <= {text for text, _ in seen}
        assert [(text, round(contrast, 1)) for text, contrast in seen if contrast < 4.5] == []
    page.context.close()
