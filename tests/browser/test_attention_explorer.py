"""The attention explorer on a page without a kernel: pointer and keys follow a word, in time, in both themes."""

import numpy as np
import pytest

from course.lab.widgets.attention_explorer import AttentionExplorer, Explored, View
from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.plain import contrasts, plain_page, show

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

SOURCE = ("The", "needle", "has", "a", "sharp", "point", ".", "<eos>")
TARGET = ("Die", "Nadel", "hat", "eine", "scharfe", "Spitze", ".", "<eos>")
FRAME_MS = 20  # the bar: a new picture within it


def weights(seed, *shape):
    numbers = np.random.default_rng(seed).random(shape) ** 6
    return numbers / numbers.sum(-1, keepdims=True)


def explorer():
    gold = tuple((i, i) for i in range(7))
    cross = View(
        "cross-attention", TARGET, SOURCE, weights(1, 2, 4, 8, 8), ("source", "being written"), gold, ("en", "de")
    )
    own = View("decoder self-attention", TARGET, ("<bos>", *TARGET[:-1]), weights(2, 3, 2, 8, 8))
    first = Explored("The needle has a sharp point.", "Die Nadel hat eine scharfe Spitze.", (cross, own), ("en", "de"))
    short = View("cross-attention", ("Hallo", "<eos>"), ("Hello", "<eos>"), weights(3, 2, 4, 2, 2))
    return AttentionExplorer([first, Explored("Hello", "Hallo", (short,))])


@pytest.fixture
def page(browser):
    page = plain_page(browser, ground="#ffffff", ink="#212121", width=1100)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.context.close()
    assert errors == []


def expected(map_of_head, row):
    """The sentence about a word that looks: its three largest weights of at least .005."""
    first = sorted(((w, word) for w, word in zip(map_of_head[row], SOURCE, strict=True) if w >= 0.005), reverse=True)
    return f"{TARGET[row]} looks at " + ", ".join(f"{word} {w:.2f}" for w, word in first[:3]) + "."


def told(page):
    return page.locator(".course-told").inner_text()


def test_a_word_under_the_pointer_is_followed_with_its_weights(page):
    made = explorer()
    show(page, made)
    mean = made._sentences[0].views[0].weights[1].mean(0)
    assert told(page) == "Layer 2 of 2, mean of 4 heads."
    page.locator(".course-asking .course-word").nth(4).hover()
    assert told(page) == f"Layer 2 of 2, mean of 4 heads. {expected(mean, 4)}"
    numbers = page.locator(".course-asked .course-number").all_inner_texts()
    assert numbers == [f"{w:.2f}" if w >= 0.005 else "" for w in mean[4]]
    lines = page.locator("line.course-weight").evaluate_all("(all) => all.map((line) => Number(line.style.opacity))")
    lines = np.array(lines).reshape(8, 8)
    np.testing.assert_allclose(lines[4], np.where(mean[4] < 0.015, 0, mean[4]), atol=1e-4)
    assert np.delete(lines, 4, axis=0).max() <= 0.05
    page.locator(".course-told").hover()
    assert told(page) == "Layer 2 of 2, mean of 4 heads."


def test_keys_reach_every_word_and_every_head(page):
    made = explorer()
    show(page, made)
    cross = made._sentences[0].views[0].weights
    page.locator(".course-asking .course-word").first.focus()
    page.keyboard.press("ArrowDown")
    assert expected(cross[1].mean(0), 1) in told(page)
    page.keyboard.press("Enter")
    page.locator(".course-head[tabindex='0']").focus()
    page.keyboard.press("ArrowUp")  # from the mean of layer 2 to that of layer 1
    page.keyboard.press("ArrowLeft")
    assert told(page) == f"Layer 1 of 2, head 4 of 4. {expected(cross[0, 3], 1)}"
    assert page.locator(".course-head[aria-checked='true']").get_attribute("aria-label") == "layer 1, head 4 of 4"
    page.locator(".course-asking .course-word[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    assert "needle is looked at by" in told(page)
    page.keyboard.press("End")
    assert "<eos> is looked at by" in told(page)
    page.keyboard.press("Escape")
    assert told(page) == "Layer 1 of 2, head 4 of 4."


def test_views_sentences_and_gold_links_are_found(page):
    show(page, explorer())
    shown = "(all) => all.filter((line) => line.style.display !== 'none').length"
    assert page.locator("line.course-gold").evaluate_all(shown) == 0
    page.get_by_label("gold links").check()
    assert page.locator("line.course-gold").evaluate_all(shown) == 7
    page.locator(".course-head").first.click()  # head 1 of layer 1
    page.get_by_label("attention").select_option("decoder self-attention")
    assert told(page) == "Layer 1 of 3, head 1 of 2."
    assert page.locator(".course-asked .course-word").first.inner_text().strip() == "<bos>"
    assert not page.get_by_label("gold links").is_visible()
    page.locator(".course-head").nth(8).click()  # the mean of layer 3, which the other view does not have
    page.get_by_label("find").fill("hall")
    assert page.locator(".course-pair").inner_text() == "Hello → Hallo"
    assert told(page) == "Layer 2 of 2, mean of 4 heads."
    page.get_by_label("find").fill("nobody says this")
    assert page.locator(".course-none").inner_text() == "No sentence has that."
    page.get_by_label("find").fill("")
    page.get_by_label("sentence").select_option("The needle has a sharp point.")
    assert page.locator(".course-asked .course-word").count() == 8


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#212121"), ("#111111", "#e3e3e3"), ("#383838", "#e3e3e3")])
def test_every_word_of_the_explorer_can_be_read(browser, ground, ink):
    page = plain_page(browser, ground=ground, ink=ink, width=1100)
    show(page, explorer())
    page.locator(".course-asking .course-word").nth(5).click()
    seen = contrasts(page)
    assert {"Spitze", "source", "head 1", "needle"} <= {text for text, _ in seen}
    assert [(text, round(contrast, 1)) for text, contrast in seen if contrast < 4.5] == []
    page.context.close()


def test_the_picture_follows_within_a_frame(page):
    long = tuple(f"word{i}" for i in range(24))
    view = View("cross-attention", long, long, weights(5, 6, 8, 24, 24))
    show(page, AttentionExplorer([Explored("long", "lang", (view,))]))
    milliseconds = page.evaluate(
        """() => {
            const words = [...document.querySelectorAll('.course-asking .course-word')];
            const times = words.map((word) => {
                const start = performance.now();
                word.dispatchEvent(new MouseEvent('mouseenter'));
                document.body.getBoundingClientRect(); // laid out
                return performance.now() - start;
            });
            return times.sort((a, b) => a - b)[words.length / 2];
        }"""
    )
    print(f"a word of 24 followed, 6 layers of 8 heads: {milliseconds:.1f} ms")
    assert milliseconds < FRAME_MS


def test_two_on_a_page_have_labels_of_their_own(page):
    """Each view loads the script anew, so a count in it would begin again."""
    for _ in range(2):
        show(page, explorer())
    second = page.locator(".course-attend").nth(1)
    page.locator("label", has_text="gold links").nth(1).click()
    assert second.locator("input[type=checkbox]").is_checked()
    assert not page.locator(".course-attend").nth(0).locator("input[type=checkbox]").is_checked()
