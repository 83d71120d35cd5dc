"""In a real JupyterLab and a real Chromium: sliders, the dragged query, quizzes, and lesson 03 as a whole."""

import os
import re
import shutil
from pathlib import Path

import pytest

from course.lab import quiz
from course.lessons.lesson_03.dragged_query import dragged_query_state
from tests.browser.notebook import DRAGGED, EXPLORE, HEAT_MAP, QUIZ, write_notebook, write_stored
from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

LESSON = Path(__file__).parents[1] / "notebooks" / "03_dot_product_attention.ipynb"
PATIENCE = 30_000  # ms; busy machines draw slowly
KEYS = [[1.2, 0.3], [0.2, 1.3], [-1.2, 0.4], [0.5, -1.1]]
VALUES = [[1, 1], [-1, 1], [0.2, -1], [0.9, 0.2]]


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("notebooks")
    write_notebook(root / "small.ipynb", HEAT_MAP, EXPLORE, EXPLORE, DRAGGED, DRAGGED, QUIZ, "len(drawn)")
    told = {"output_type": "stream", "name": "stdout", "text": "it wins\nwith 0.9\n"}
    write_stored(root / "folded.ipynb", "print('it wins')", [told], tags=["predict"])
    data, _ = quiz("03")._repr_mimebundle_()
    asked = {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}}
    write_stored(root / "stored_quiz.ipynb", "quiz('03')", [asked])
    if LESSON.exists():
        shutil.copy(LESSON, root / LESSON.name)
    with jupyterlab(root) as running:
        yield running


@pytest.fixture(scope="module")
def small(browser, lab):
    notebook = Notebook(browser, lab, "small.ipynb")
    notebook.run_all()
    yield notebook
    notebook.close()


def picture(image):
    """Return the pixels of a picture that has been loaded."""
    return image.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext('2d').drawImage(image, 0, 0);
            return canvas.toDataURL();
        }"""
    )


def wait_for_other_picture(page, image, old_source):
    page.wait_for_function(
        "([image, old]) => image.src !== old", arg=[image.element_handle(), old_source], timeout=PATIENCE
    )
    return picture(image)


def move_slider(notebook, panel, key="ArrowRight"):
    """Press a key on the first slider of a panel; return the pictures and texts before and after."""
    image, slider = panel.locator("img"), panel.locator("input[type=range]").first
    before, text, source = picture(image), image.get_attribute("alt"), image.get_attribute("src")
    slider.focus()
    notebook.page.keyboard.press(key)
    after = wait_for_other_picture(notebook.page, image, source)
    return (before, text), (after, image.get_attribute("alt"))


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def shown(query_widget):
    """Return the numbers that a dragged query shows: query, temperature, rows (score, logit, weight), output."""
    x, y, out_x, out_y = numbers(query_widget.locator(".course-output").inner_text())
    rows = [numbers(row) for row in query_widget.locator("tbody tr").all_inner_texts()]
    temperature = numbers(query_widget.locator(".course-temperature").inner_text())[0]
    return (x, y), temperature, rows, (out_x, out_y)


def drag(notebook, handle, dx, dy):
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = notebook.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + dx / 2, y + dy / 2)
    mouse.move(x + dx, y + dy)
    mouse.up()


def test_a_slider_moves_by_key_and_other_pixels_appear(small):
    panel = small.page.locator(".course-explore").nth(0)
    (before, text), (after, new_text) = move_slider(small, panel)
    assert before != after
    assert (text, new_text) == ("Scores at temperature 1", "Scores at temperature 1.1")
    assert panel.get_by_text("Running on: your attention").count() == 1
    (_, _), (back, _) = move_slider(small, panel, "ArrowLeft")
    assert back == before


def test_a_slider_is_found_by_its_label(small):
    panel = small.page.locator(".course-explore").nth(0)
    slider = panel.get_by_role("slider", name="temperature")
    assert slider.count() == 1
    assert slider.get_attribute("aria-valuetext") == panel.locator("output").inner_text()


def test_an_error_stands_where_the_picture_was_and_leaves_again(small):
    panel = small.page.locator(".course-explore").nth(1)
    slider, error = panel.locator("input[type=range]"), panel.locator(".course-error")
    height = panel.bounding_box()["height"]
    slider.fill("2")  # the third stop: 0.3
    error.wait_for(timeout=PATIENCE)
    assert error.inner_text().startswith("ValueError: not at <b>0.3</b>")
    assert not panel.locator("img").is_visible()
    assert abs(panel.bounding_box()["height"] - height) < 30  # the page does not jump
    slider.fill("9")
    error.wait_for(state="hidden", timeout=PATIENCE)
    assert panel.locator("img").get_attribute("alt") == "Scores at temperature 1"


def test_a_fast_hand_gets_the_newest_picture_and_no_backlog(small):
    page, panel = small.page, small.page.locator(".course-explore").nth(0)
    panel.locator("input").evaluate(
        """(input) => {
            for (let i = 10; i < 50; i += 1) { input.value = i; input.dispatchEvent(new Event('input')); }
        }"""
    )
    page.wait_for_function(
        "(image) => image.alt === 'Scores at temperature 5'",
        arg=panel.locator("img").element_handle(),
        timeout=PATIENCE,
    )
    page.wait_for_timeout(300)
    assert panel.locator("img").get_attribute("alt") == "Scores at temperature 5"
    # The last cell counts what was drawn so far: two first pictures, and fewer than one for every second move.
    page.locator(".jp-CodeCell").nth(6).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        """() => {
            const cell = [...document.querySelectorAll('.jp-CodeCell')][6];
            return Number(cell.querySelector('.jp-OutputArea-output')?.textContent) > 2;
        }""",
        timeout=PATIENCE,
    )
    drawn = int(page.locator(".jp-CodeCell").nth(6).locator(".jp-OutputArea-output").last.inner_text())
    assert drawn < 20


def test_a_query_is_dragged_and_its_numbers_agree_with_python(small):
    first, second = (small.page.locator(".course-dragged").nth(i) for i in (0, 1))
    untouched, before, start = shown(second), first.locator("svg").first.screenshot(), shown(first)
    drag(small, first.locator(".course-handle"), -90, 40)
    query, temperature, rows, output = shown(first)
    assert query[0] < start[0][0] - 0.3
    assert query[1] < start[0][1] - 0.1
    assert first.locator("svg").first.screenshot() != before
    state = dragged_query_state(query, KEYS, VALUES, temperature)
    for row, expected in zip(rows, zip(state.scores, state.logits, state.weights, strict=True), strict=True):
        assert row == pytest.approx(expected, abs=0.025)  # the query itself is shown to two decimals
    assert output == pytest.approx(tuple(state.output), abs=0.025)
    assert shown(second) == untouched  # several on one page do not hear each other


def test_a_query_moves_by_arrow_keys_within_the_plane(small):
    widget = small.page.locator(".course-dragged").nth(1)
    handle = widget.get_by_role("slider", name=re.compile("Query vector"))
    handle.focus()
    start = shown(widget)[0]
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        small.page.keyboard.press(key)
    assert shown(widget)[0] == pytest.approx((start[0] + 0.2, start[1] + 0.1), abs=0.011)
    assert handle.get_attribute("aria-valuetext") == f"x {shown(widget)[0][0]:.2f}, y {shown(widget)[0][1]:.2f}"
    for _ in range(12):
        small.page.keyboard.press("Shift+ArrowDown")
    assert shown(widget)[0][1] == -2.0
    small.page.keyboard.press("Home")
    assert shown(widget)[0] == start


def test_a_cold_temperature_sharpens_the_weights(small):
    widget = small.page.locator(".course-dragged").nth(1)
    slider = widget.get_by_role("slider", name=re.compile("temperature"))
    before = max(row[2] for row in shown(widget)[2])
    slider.focus()
    small.page.keyboard.press("Home")
    _, temperature, rows, _ = shown(widget)
    assert temperature == 0.1
    assert max(row[2] for row in rows) > before + 0.2


def test_a_quiz_answers_at_once_and_shows_text_as_text(small):
    quiz = small.page.locator(".course-quiz")
    quiz.get_by_label("the queries").check()
    answer = quiz.get_by_role("status")
    assert (
        answer.inner_text() == "Not this one. Then the weights of one query would not add up to 1: see <b>row</b> qi."
    )
    small.page.keyboard.press("ArrowDown")
    assert answer.inner_text().startswith("Yes.")
    assert quiz.get_by_role("group").count() == 1


def test_a_prediction_is_asked_before_its_result_is_seen(browser, lab):
    """Stored, it is folded with nothing told beside the dots; a click or a run shows it."""
    notebook = Notebook(browser, lab, "folded.ipynb")
    cell = notebook.page.locator(".jp-CodeCell").first
    dots = cell.locator(".jp-OutputPlaceholder")
    dots.wait_for(timeout=PATIENCE)
    assert cell.locator(".jp-Cell-outputWrapper").inner_text().strip() == ""
    dots.click()
    assert cell.locator(".jp-Cell-outputWrapper").inner_text().strip() == "it wins\nwith 0.9"
    notebook.close()
    notebook = Notebook(browser, lab, "folded.ipynb")
    cell = notebook.page.locator(".jp-CodeCell").first
    notebook.run_all()
    assert cell.locator(".jp-Cell-outputWrapper").inner_text().strip() == "it wins"
    notebook.close()


def test_a_quiz_that_was_not_run_folds_its_answers(browser, lab):
    notebook = Notebook(browser, lab, "stored_quiz.ipynb")
    output = notebook.page.locator(".jp-OutputArea-output")
    folds = output.locator("details")
    assert folds.count() == 3
    assert "they come nearer to each other" in output.inner_text()
    assert "Softmax sees differences only." not in output.inner_text()
    notebook.screenshot("stored_quiz", output)
    folds.first.locator("summary").click()
    assert "Softmax sees differences only." in output.inner_text()
    assert "standard deviation" not in output.inner_text()
    notebook.screenshot("stored_quiz_open", output)
    notebook.close()


def test_the_page_asks_no_other_host_and_reports_no_error(small):
    assert small.requests
    assert small.foreign_requests() == []
    assert small.errors == []


@pytest.fixture(scope="module")
def dark_lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("dark")
    if LESSON.exists():
        shutil.copy(LESSON, root / LESSON.name)
    with jupyterlab(root, theme="JupyterLab Dark") as running:
        yield running


def test_lesson_03_in_the_browser(browser, lab):
    """Run all, move a slider by key, drag the query, answer a quiz: other pixels, no error, no other host."""
    play_the_lesson(browser, lab, "light")


@pytest.mark.skipif(
    "COURSE_SCREENSHOTS" not in os.environ, reason="set COURSE_SCREENSHOTS to a folder for its pictures"
)
def test_lesson_03_in_the_dark_theme(browser, dark_lab):
    play_the_lesson(browser, dark_lab, "dark")


def play_the_lesson(browser, lab, theme):
    if not LESSON.exists():
        pytest.skip(f"{LESSON.name} is not built (make notebooks)")
    notebook = Notebook(browser, lab, LESSON.name)
    notebook.run_all()
    check_the_lesson(notebook, theme)
    notebook.close()


def check_the_lesson(notebook, theme):
    page = notebook.page
    panel = page.locator(".course-explore").first
    panel.locator("img").wait_for(timeout=PATIENCE)
    (before, text), (after, new_text) = move_slider(notebook, panel)
    assert before != after
    assert text != new_text
    notebook.screenshot(f"lesson_03-{theme}-explore", panel)
    widget = page.locator(".course-dragged").first
    old_numbers, old_pixels = shown(widget), widget.locator("svg").first.screenshot()
    drag(notebook, widget.locator(".course-handle"), -60, 30)
    assert widget.locator("svg").first.screenshot() != old_pixels
    assert shown(widget)[2] != old_numbers[2]
    old_numbers = shown(widget)
    widget.locator(".course-handle").focus()
    page.keyboard.press("Shift+ArrowUp")
    assert shown(widget)[2] != old_numbers[2]
    notebook.screenshot(f"lesson_03-{theme}-query", widget)
    quiz = page.locator(".course-quiz").first
    quiz.get_by_role("radio").first.check()
    assert quiz.get_by_role("status").first.inner_text()
    notebook.screenshot(f"lesson_03-{theme}-quiz", quiz)
    assert notebook.error_outputs() == []
    assert notebook.errors == []
    assert notebook.foreign_requests() == []
