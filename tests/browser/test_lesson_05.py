"""Lesson 05 in a real JupyterLab and a real Chromium: the mask builder and the leak meter follow the hand."""

import re
from pathlib import Path

import pytest

from course.lessons.lesson_05.mask_builder import MaskBuilder, Settings, built_masks
from tests.browser.page import NO_CHROMIUM, find_chromium
from tests.browser.plain import contrasts, plain_page, show

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[2] / "notebooks" / "05_masking.ipynb"
PATIENCE = 60_000  # ms; busy machines draw slowly
GERMAN = [
    ["<bos>", "Die", "Nadel", "hat", "eine", "scharfe", "Spitze"],
    ["<bos>", "Man", "zeigt", "nicht", "auf", "fremde", "Leute"],
]


def as_shown(number):
    return f"{number if abs(number) >= 0.005 else 0:.2f}"


def expected(settings):
    """What the two tables of each sentence should hold, computed in Python."""
    tables = []
    for built in built_masks(GERMAN, settings):
        against = (built.allowed != built.rule) & built.real[:, None]
        mask = [
            ["✓" * bool(cell) + "!" * bool(wrong) for cell, wrong in zip(*row, strict=True)]
            for row in zip(built.mask, against, strict=True)
        ]
        leaks = [[built.future[i], built.pads[i]] for i in range(len(built.words))]
        weights = [
            [as_shown(weight) if weight >= 0.005 else "" for weight in row]
            + [as_shown(row.sum())]
            + ([as_shown(leak) for leak in leaks[i]] if built.real[i] else ["–", "–"])
            for i, row in enumerate(built.weights)
        ]
        tables += [(list(built.words), mask), (list(built.words), weights)]
    return tables


def shown(builder):
    """What the tables on the page hold: words of the rows, and cells."""
    return builder.evaluate(
        """(root) => [...root.querySelectorAll('table')].map((table) => {
            const rows = [...table.querySelectorAll('tbody tr')];
            const texts = (row, what) => [...row.querySelectorAll(what)].map((cell) => cell.textContent);
            return [rows.flatMap((row) => texts(row, 'th')), rows.map((row) => texts(row, 'td'))];
        })"""
    )


def check_tables(builder, **settings):
    found = [(words, cells) for words, cells in shown(builder)]
    assert found == expected(Settings(**settings))


def play(page, builder):
    """Move every control once, by mouse and by key, and compare with Python each time."""
    builder.get_by_role("button", name="Reset").click()
    check_tables(builder)
    builder.get_by_role("slider", name="words of sentence 2").fill("3")
    check_tables(builder, lengths=(7, 3))
    builder.get_by_role("combobox", name="pads stand on the").select_option("left")
    check_tables(builder, lengths=(7, 3), side="left")
    builder.get_by_role("combobox", name="join the rules by").select_option("or")
    check_tables(builder, lengths=(7, 3), side="left", joined="or")
    builder.get_by_role("button", name="Reset").click()
    slider = builder.get_by_role("slider", name="diagonal shifted by")
    slider.focus()
    page.keyboard.press("ArrowRight")
    check_tables(builder, shift=1)
    assert slider.get_attribute("aria-valuetext") == "+1"
    builder.get_by_role("checkbox", name="hide the future").uncheck()
    check_tables(builder, shift=1, causal=False)
    builder.get_by_role("button", name="Reset").click()
    builder.get_by_role("combobox", name="hide pads as").select_option("queries")
    check_tables(builder, pads="queries")
    builder.get_by_role("combobox", name="True is built to mean").select_option("false")
    check_tables(builder, pads="queries", true_means_may=False)
    builder.get_by_role("button", name="Reset").click()
    builder.get_by_role("slider", name="words of sentence 1").fill("4")
    check_tables(builder, lengths=(4, 5))
    builder.get_by_role("button", name="Reset").click()
    check_tables(builder)


def test_the_builder_alone_agrees_with_python_and_follows_at_once(browser):
    page = plain_page(browser, ground="#ffffff", ink="#212121", width=1000)
    show(page, MaskBuilder(GERMAN, lengths=(7, 5)))
    builder = page.locator(".course-builder")
    play(page, builder)
    found = builder.locator(".course-found")
    assert found.inner_text() == "Leak from the future 0.00, from pads 0.00. 0 cells are against the rule."
    milliseconds = builder.evaluate(
        """(root) => {
            const slider = root.querySelector('input[type=range]');
            const times = [2, 6, 3, 7, 5, 4, 7].map((value) => {
                const start = performance.now();
                slider.value = value;
                slider.dispatchEvent(new Event('input'));
                root.getBoundingClientRect(); // laid out
                return performance.now() - start;
            });
            return times.sort((a, b) => a - b)[3];
        }"""
    )
    print(f"a move of the mask builder: {milliseconds:.1f} ms")
    page.context.close()


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#212121"), ("#111111", "#e3e3e3"), ("#383838", "#e3e3e3")])
def test_every_word_of_the_builder_can_be_read(browser, ground, ink):
    page = plain_page(browser, ground=ground, ink=ink, width=1000)
    show(page, MaskBuilder(GERMAN, lengths=(7, 3), side="left", shift=1, pads="queries"))
    seen = contrasts(page)
    assert {"Spitze", "<pad>", "✓!", "Reset"} <= {text for text, _ in seen}
    assert [(text, round(contrast, 1)) for text, contrast in seen if contrast < 4.5] == []
    page.context.close()


def test_the_builder_in_the_lesson(lesson):
    builder = lesson.page.locator(".course-builder")
    builder.wait_for(timeout=PATIENCE)
    play(lesson.page, builder)
    lesson.screenshot(f"lesson_05-{lesson.theme}-builder", builder)
    builder.get_by_role("slider", name="diagonal shifted by").fill("1")
    builder.get_by_role("combobox", name="pads stand on the").select_option("left")
    lesson.screenshot(f"lesson_05-{lesson.theme}-builder-shifted", builder)


def test_the_meter_follows_slider_and_choice(lesson):
    panel = lesson.page.locator(".course-explore")
    told = panel.locator(".course-markup")
    told.wait_for(timeout=PATIENCE)
    assert "as it should be" in told.get_attribute("aria-label")

    def wait_for(text):
        lesson.page.wait_for_function(
            "([node, text]) => node.getAttribute('aria-label').includes(text)",
            arg=[told.element_handle(), text],
            timeout=PATIENCE,
        )

    panel.get_by_role("combobox", name="reader").select_option("pads hidden as queries")
    wait_for("from pads 1.17")
    slider = panel.get_by_role("slider", name="pads")
    slider.focus()
    lesson.page.keyboard.press("ArrowRight")
    wait_for("with 3 pads on the left")
    lesson.screenshot(f"lesson_05-{lesson.theme}-meter", panel)
    panel.get_by_role("combobox", name="side").select_option("right")
    wait_for("with 3 pads on the right: from the future 0.00, from pads 0.00")
    assert re.search("Running on: the reference influence", panel.inner_text())


def test_a_quiz_answers_and_the_page_has_no_error(lesson):
    quiz = lesson.page.locator(".course-quiz")
    quiz.get_by_role("radio").first.check()
    assert quiz.get_by_role("status").first.inner_text().startswith("Not this one.")
    lesson.screenshot(f"lesson_05-{lesson.theme}-quiz", quiz)
    assert lesson.error_outputs() == []
    assert lesson.errors == []
    assert lesson.foreign_requests() == []
