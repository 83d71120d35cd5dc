"""Widgets on a page without JupyterLab, light and dark: every word can be read, and stays where it belongs."""

import itertools

import pytest

from course.lab import explore, quiz
from course.lab.widgets.dashboard import Dashboard
from course.lessons.lesson_00.translating import translate
from course.lessons.lesson_03.dragged_query import DraggedQuery
from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.plain import contrasts, plain_page, show
from tests.test_lab_dashboard import whole_run

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

GROUNDS = {  # ground and ink
    "black on white": ("#ffffff", "#000000"),
    "gray on white": ("#ffffff", "#212121"),
    "white on black": ("#000000", "#ffffff"),
    "light on gray": ("#383838", "#e3e3e3"),
    "pale on dark": ("#1e1e1e", "#d4d4d4"),
}
OF_THE_LESSON = {"needle": (1, 0), "sharp": (2, 0), "polite": (0, 1), "people": (0, 2)}
ALL_AROUND = {"money": (1.2, 0.3), "river": (0.2, 1.3), "bank": (-1.2, 0.4), "the": (0.5, -1.1)}
LONG_WORDS = {f"extraordinarily{i}": (2 - i / 2, (-1) ** i * 1.9) for i in range(8)}


def dragged(words=OF_THE_LESSON, query=(2.0, 2.0)):
    return DraggedQuery(list(words.values()), list(words.values()), list(words), query=query)


def draw(fig, *, level, of):
    if of == "failing":
        raise ValueError("cannot be drawn")
    fig.add_subplot().bar([0], [level])
    return f"A bar of height {level}"


@pytest.fixture(scope="module")
def widgets():
    return [
        quiz("03"),
        dragged(),
        explore(draw, level=(1, 3), of=["nothing", "something"]),
        explore(draw, level=(1, 3), of="failing"),
        Dashboard("a run", whole_run()),
        translate("The nedle has a sharp point"),
    ]


@pytest.mark.parametrize("name", GROUNDS)
def test_every_word_has_contrast_whatever_the_system_prefers(browser, widgets, name):
    ground, ink = GROUNDS[name]
    page = plain_page(browser, ground=ground, ink=ink)
    for widget in widgets:
        show(page, widget)
    page.get_by_role("radio").nth(0).check()
    for system in ("light", "dark"):
        page.emulate_media(color_scheme=system)
        seen = contrasts(page)
        assert len(seen) > 80
        assert {"needle", "query", "output", "keys", "Reset"} <= {text for text, _ in seen}
        assert [(text, round(contrast, 1)) for text, contrast in seen if contrast < 4.5] == []
    page.context.close()


def test_a_word_that_vanishes_is_found(browser):
    """The test above can fail: a theme's own variable, where it is that of another theme, hides words."""
    page = plain_page(browser, ground="#111111", ink="#eeeeee")
    page.add_style_tag(content=".course-widget.course-quiz { color: var(--jp-content-font-color1) }")
    show(page, quiz("03"))
    assert min(contrast for _, contrast in contrasts(page)) < 1.5
    page.context.close()


def words_and_planes(page):
    """For each plane: its box, and (text, class, color, box) of each word that is seen in it."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.course-plane')].map((plane) => {
            const all = (what) => [...plane.querySelectorAll(what)];
            const boxOf = (node) => {
                const { left, top, right, bottom } = node.getBoundingClientRect();
                return [left, top, right, bottom];
            };
            const told = (word) =>
                [word.textContent, word.getAttribute('class'), getComputedStyle(word).fill, boxOf(word)];
            return {
                box: boxOf(plane.querySelector('svg')),
                words: all('svg text').filter((word) => getComputedStyle(word).visibility === 'visible').map(told),
                legend: all('figcaption span').map((span) => [span.className, getComputedStyle(span).color]),
            };
        })"""
    )


def inside(box, plane, slack=0.5):
    return all(box[i] >= plane[i] - slack and box[i + 2] <= plane[i + 2] + slack for i in (0, 1))


def apart(a, b, slack=0.5):
    return any(a[i + 2] <= b[i] + slack or b[i + 2] <= a[i] + slack for i in (0, 1))


def check_words(page, expected):
    keys, values = words_and_planes(page)
    for plane in (keys, values):
        assert [word for word in plane["words"] if not inside(word[3], plane["box"])] == []
        pairs = itertools.combinations(plane["words"], 2)
        assert [(a[0], b[0]) for a, b in pairs if not apart(a[3], b[3])] == []
    for plane, moving in ((keys, "query"), (values, "output")):
        assert {*expected, moving} <= {word[0] for word in plane["words"]}


@pytest.mark.parametrize("words", [OF_THE_LESSON, ALL_AROUND], ids=["lesson", "all around"])
@pytest.mark.parametrize(("width", "scale"), [(900, 1), (900, 2), (500, 2)])
def test_no_word_leaves_its_plane_or_covers_another(browser, words, width, scale):
    page = plain_page(browser, ground="#ffffff", ink="#212121", width=width, scale=scale)
    show(page, dragged(words))
    check_words(page, words)
    handle = page.locator(".course-handle")
    handle.scroll_into_view_if_needed()
    svg = page.locator("svg").first.bounding_box()
    for turn in range(20):
        at = handle.locator(".course-dot").bounding_box()
        page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        page.mouse.down()
        across, up = (turn * 7 % 20) / 19, (turn * 3 % 20) / 19  # all over the plane, corners too
        page.mouse.move(svg["x"] + across * svg["width"], svg["y"] + up * svg["height"], steps=3)
        page.mouse.up()
        check_words(page, words)
    page.context.close()


def test_words_too_long_for_the_plane_stay_in_it(browser):
    page = plain_page(browser, ground="#ffffff", ink="#212121")
    show(page, dragged(LONG_WORDS))
    for plane in words_and_planes(page):
        assert [word for word in plane["words"] if not inside(word[3], plane["box"])] == []
        assert [1 for a, b in itertools.combinations(plane["words"], 2) if not apart(a[3], b[3])] == []
    page.context.close()


def test_words_have_the_colors_of_the_legend(browser):
    page = plain_page(browser, ground="#111111", ink="#eeeeee")
    show(page, dragged())
    found = {}
    for plane in words_and_planes(page):
        legend = dict(plane["legend"])
        for text, kind, color, _ in plane["words"]:
            if kind in legend:
                assert color == legend[kind], text
                found[text if kind == "course-name-query" else kind] = color
    assert set(found) == {"query", "course-name-key", "course-name-value"}
    assert len(set(found.values())) == 3
    page.context.close()
