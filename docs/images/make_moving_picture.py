"""Make the moving picture of the README: the dragged query of lesson 03, followed by a hand, as an animated GIF.

    python -m docs.images.make_moving_picture

from the root of the repository, with the extras `test` and `author` and a Chromium. It opens the real widget in a real
JupyterLab, drags the query with the mouse, and photographs every step. A browser without a screen shows no pointer, so
a hand is drawn where the mouse is.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from tests.browser.notebook import write_notebook
from tests.browser.page import Notebook, chromium
from tests.browser.server import jupyterlab

OUT = Path(__file__).with_name("dragged_query.gif")
# The words and places of lesson 03, section "Take the query in your hand".
CELL = """
from course.lessons.lesson_03.dragged_query import DraggedQuery

plane = {"needle": (1, 0), "sharp": (2, 0), "polite": (0, 1), "people": (0, 2)}
DraggedQuery(keys=list(plane.values()), values=list(plane.values()), labels=list(plane), query=(1.97, 0.57))
"""
WIDGET_WIDTH = 880  # CSS pixels: planes and table stand side by side
WIDTH = 800  # pixels of the picture
SCALE = 2  # it is photographed larger and made smaller, which keeps letters smooth
FRAMES = 36  # one way
FRAME_MS = 70
REST_MS = 1100  # at either end
COLORS = 96
GRAYS = range(15, 256, 15)  # besides: thin gray lines would take on the nearest color

HAND = """(at) => {
    let hand = document.getElementById('hand');
    if (!hand) {
        hand = document.createElement('div');
        hand.id = 'hand';
        hand.style.cssText = 'position:fixed;z-index:99999;pointer-events:none;width:26px;height:26px';
        hand.innerHTML = `<svg viewBox="0 0 26 26"><path fill="white" stroke="black" stroke-width="1.3"
            stroke-linejoin="round" d="M9 2.5c1.2 0 2 .9 2 2V11l1-.2c.9-.1 1.7.3 2 1 .9-.4 2-.1 2.4.8.9-.3 2 .1 2.3 1.1
            .9-.2 1.8.5 1.8 1.5v3.3c0 1.6-.5 2.6-1 3.6V24h-9v-2c-1.6-1.6-3.6-4.6-4.6-6.6-.5-1.1-.1-2 .6-2.3
            .8-.3 1.5 0 2 .7l.5.7V4.5c0-1.1.8-2 2-2z"/></svg>`;
        document.body.append(hand);
    }
    [hand.style.left, hand.style.top] = [`${at[0] - 9}px`, `${at[1] - 2}px`];
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


def path() -> list[tuple[float, float]]:
    """Where the query goes: from "needle" and "sharp" up to "people" on a wide arc, and back on a narrow one."""
    there = [_on_arc(2.05, eased(i / FRAMES)) for i in range(FRAMES + 1)]
    back = []
    for i in range(1, FRAMES + 1):
        way = eased(i / FRAMES)
        back.append(_on_arc(2.05 - 1.15 * math.sin(math.pi * way), 1 - way))
    return there + back


def eased(way: float) -> float:
    """A calm start and a calm end: 0 to 1 in, 0 to 1 out."""
    return (1 - math.cos(math.pi * way)) / 2


def _on_arc(radius: float, way: float) -> tuple[float, float]:
    angle = math.radians(16 + 58 * way)  # beside the arrows and not on them: the words stay legible
    return radius * math.cos(angle), radius * math.sin(angle)


def photographs(notebook: Notebook) -> Iterator[bytes]:
    """Drag the query along the path with the mouse; one picture of the widget (PNG) a step."""
    page, widget = notebook.page, notebook.page.locator(".course-dragged")
    widget.evaluate(f"(node) => {{ node.style.width = '{WIDGET_WIDTH}px'; }}")
    widget.scroll_into_view_if_needed()
    to_page = _ruler(widget)
    page.mouse.move(*to_page(path()[0]))
    page.mouse.down()
    for place in path():
        at = to_page(place)
        page.mouse.move(*at)
        page.evaluate(HAND, list(at))
        yield widget.screenshot()
    x, y = path()[-1]
    if f"query ({x:.2f}, {y:.2f})" not in widget.locator(".course-output").inner_text():
        raise RuntimeError("the query did not follow the mouse: has the demo changed?")
    page.mouse.up()


def _ruler(widget: Any) -> Any:  # noqa: ANN401 - playwright is imported where a browser is started
    """Return the function from a point of the plane to pixels of the page."""
    box = widget.locator("svg").first.bounding_box()
    reach = float(widget.get_by_role("slider", name="Query vector").get_attribute("aria-valuemax"))

    def to_page(place: tuple[float, float]) -> tuple[float, float]:
        x, y = place
        return box["x"] + (x / reach + 1) / 2 * box["width"], box["y"] + (1 - y / reach) / 2 * box["height"]

    return to_page


def take() -> list[bytes]:
    """Start JupyterLab and Chromium, run the cell, and return the photographs."""
    with tempfile.TemporaryDirectory() as folder:
        write_notebook(Path(folder) / "dragged.ipynb", CELL)
        with jupyterlab(Path(folder)) as lab, chromium() as browser:
            sharp = SimpleNamespace(new_context=partial(browser.new_context, device_scale_factor=SCALE))
            notebook = Notebook(sharp, lab, "dragged.ipynb")
            notebook.page.set_viewport_size({"width": 1500, "height": 900})
            notebook.run_all()
            return list(photographs(notebook))


def animated(pictures: list[bytes]) -> bytes:
    """Make one GIF: all frames in the same few colors, so that only what moves is stored."""
    frames = [_smaller(Image.open(io.BytesIO(picture)).convert("RGB")) for picture in pictures]
    palette = _palette(frames)
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    rests = {0, len(flat) // 2}
    out = io.BytesIO()
    flat[0].save(
        out, "GIF", save_all=True, append_images=flat[1:], loop=0, optimize=True,
        duration=[REST_MS if i in rests else FRAME_MS for i in range(len(flat))],
    )  # fmt: skip
    return out.getvalue()


def _palette(frames: list[Image.Image]) -> Image.Image:
    """Choose the colors on four frames beside each other; thin lines count as much as large grounds."""
    width, height = frames[0].size
    together = Image.new("RGB", (width, 4 * height))
    for row in range(4):
        together.paste(frames[row * len(frames) // 4], (0, row * height))
    chosen = together.quantize(COLORS, method=Image.Quantize.MAXCOVERAGE)
    grays = [level for gray in GRAYS for level in (gray, gray, gray)]
    chosen.putpalette((chosen.getpalette() or [])[: 3 * COLORS] + grays)
    return chosen


def _smaller(frame: Image.Image) -> Image.Image:
    return frame.resize((WIDTH, round(frame.height * WIDTH / frame.width)), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the picture and say how large it is."""
    parser = argparse.ArgumentParser(description="Make the moving picture of the README.")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where to write it")
    out = parser.parse_args().out
    pictures = take()
    out.write_bytes(animated(pictures))
    seconds = ((len(pictures) - 2) * FRAME_MS + 2 * REST_MS) / 1000
    print(f"{out}: {out.stat().st_size / 1000:,.0f} kB, {len(pictures)} frames, {seconds:.1f} s")


if __name__ == "__main__":
    main()
