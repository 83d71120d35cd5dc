"""Markup in a real JupyterLab: a map follows its slider, nothing in markup runs, and a stored map needs no kernel."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.browser.notebook import MAP_OF_A_LESSON, write_notebook
from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[test])")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason=NO_CHROMIUM),
]

PATIENCE = 30_000
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NASTY = """
from course.lab.drawing import Markup

def draw_nasty(*, n):
    return Markup(
        '<script>window.courseRan = 1</script><img src="x" onerror="window.courseRan = 2" alt="a">'
        '<svg onload="window.courseRan = 3"></svg><iframe src="https://example.org"></iframe>'
        '<p style="background: url(https://example.org/a.png)" onclick="window.courseRan = 4">' + f"words {n}</p>",
        f"number {n}",
    )

explore(draw_nasty, n=(1, 3))
"""
LINKS = """
from course.lab import show
from course.lessons.lesson_12.figures import draw_alignment
show(draw_alignment, source=["I", "go"], target=["Ich", "gehe"], gold=[(0, 0), (1, 1)])
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A notebook with stored outputs as it is handed out, opened and not run."""
    root = tmp_path_factory.mktemp("markup")
    path = write_notebook(root / "markup.ipynb", MAP_OF_A_LESSON, NASTY, LINKS)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.outputs:
            output.data.pop(WIDGET_VIEW, None)
    notebook.cells[1].outputs = []  # what JupyterLab itself takes out of stored HTML is not ours to test
    nbformat.write(notebook, path)
    with jupyterlab(root) as lab, chromium() as browser:
        opened = Notebook(browser, lab, path.name)
        yield opened
        opened.close()


def test_a_stored_map_and_drawing_are_there_before_anything_runs(page):
    outputs = page.page.locator(".jp-OutputArea-output")
    outputs.first.locator("th:has-text('polite')").first.wait_for(timeout=PATIENCE)
    assert outputs.first.locator("th[scope=row]").count() == 18  # nine words of the map, nine of the bars
    drawing = outputs.nth(1).locator("img")
    assert "I – Ich, go – gehe" in drawing.get_attribute("alt")
    assert drawing.evaluate("(image) => image.complete && image.naturalWidth") > 0
    assert page.page.evaluate("window.courseRan") is None


def test_a_slider_moves_a_map_and_nothing_in_markup_runs(page):
    page.run_all()
    maps, nasty = page.page.locator(".course-explore").nth(0), page.page.locator(".course-explore").nth(1)
    shown = maps.locator(".course-markup")
    before, told = shown.inner_html(), shown.get_attribute("aria-label")
    move(page, maps, shown)
    assert shown.inner_html() != before
    assert shown.get_attribute("aria-label") != told
    assert shown.locator("table").count() == 2
    move(page, nasty, nasty.locator(".course-markup"))
    assert nasty.locator("p:has-text('words 2')").count() == 1
    inside = nasty.locator(".course-markup")
    assert inside.locator("script, svg, iframe, [onclick], [onerror], [style]").count() == 0
    assert page.page.evaluate("window.courseRan") is None
    assert page.foreign_requests() == []
    assert page.errors == []


def move(page, panel, shown):
    before = shown.get_attribute("aria-label")
    panel.locator("input[type=range]").first.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function(
        "([shown, old]) => shown.getAttribute('aria-label') !== old",
        arg=[shown.element_handle(), before],
        timeout=PATIENCE,
    )
