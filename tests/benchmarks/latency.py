"""From a moved slider, or a moved query, to new pixels: the median of 20 moves in a real browser.

Run it as a script (`python -m tests.benchmarks.latency`), or call `measure`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from tests.browser.notebook import DRAGGED, EXPLORE, HEAT_MAP, MAP_OF_A_LESSON, write_notebook
from tests.browser.page import NO_CHROMIUM, Notebook, chromium, find_chromium
from tests.browser.server import jupyterlab

MOVES = 20
WARM_UP = 3

# The clock starts when the page hears of the move and stops after the frame with the new pixels was painted.
CLOCK = """
window.courseTimes = [];
window.courseStop = (start) => requestAnimationFrame(
  () => setTimeout(() => window.courseTimes.push(performance.now() - start))
);
"""
SLIDER_CLOCK = """(number) => {
  let start = null;
  const panel = document.querySelectorAll('.course-explore')[number];
  const stop = () => { if (start !== null) { window.courseStop(start); start = null; } };
  panel.querySelector('input[type=range]').addEventListener('input', () => { start = performance.now(); }, true);
  panel.querySelector('figure > img').addEventListener('load', stop);
  const markup = panel.querySelector('.course-markup');
  if (markup) new MutationObserver(stop).observe(markup, { childList: true });
}"""
QUERY_CLOCK = """() => {
  const plane = document.querySelector('.course-dragged svg');
  plane.addEventListener('pointermove', () => window.courseStop(performance.now()), true);
}"""


def measure() -> dict[str, float]:
    """Return milliseconds: `lesson_slider_ms`, `explore_slider_ms` and `dragged_query_ms`.

    The first slider moves the attention map of lesson 03 (a table), on made-up vectors for its nine words; the second
    what a learner might write, a drawn heat map of 12 x 12 cells with an `ax.text` in each.

    Raises:
        RuntimeError: There is no Chromium.
    """
    if find_chromium() is None:
        raise RuntimeError(NO_CHROMIUM)
    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "latency.ipynb", HEAT_MAP, MAP_OF_A_LESSON, EXPLORE, DRAGGED)
        with jupyterlab(Path(folder)) as lab, chromium() as browser:
            notebook = Notebook(browser, lab, "latency.ipynb")
            notebook.run_all()
            return {
                "lesson_slider_ms": round(_slider(notebook, 0), 1),
                "explore_slider_ms": round(_slider(notebook, 1), 1),
                "dragged_query_ms": round(_query(notebook), 1),
            }


def _slider(notebook: Notebook, number: int) -> float:
    page = notebook.page
    panel = page.locator(".course-explore").nth(number)
    panel.locator("figure > img:visible, .course-markup:visible").first.wait_for()
    page.evaluate(CLOCK)
    page.evaluate(SLIDER_CLOCK, number)
    panel.locator("input[type=range]").first.focus()
    return _median(notebook, lambda _: page.keyboard.press("ArrowRight"))


def _query(notebook: Notebook) -> float:
    page = notebook.page
    handle = page.locator(".course-handle").first
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(CLOCK)
    page.evaluate(QUERY_CLOCK)
    middle = _median(notebook, lambda move: page.mouse.move(x - 3 * (move + 1), y + move + 1))
    page.mouse.up()
    return middle


def _median(notebook: Notebook, move) -> float:
    for index in range(WARM_UP + MOVES):
        move(index)
        notebook.page.wait_for_function(f"window.courseTimes.length > {index}")
    return statistics.median(notebook.page.evaluate("window.courseTimes")[WARM_UP:])


if __name__ == "__main__":
    print(json.dumps(measure()))
