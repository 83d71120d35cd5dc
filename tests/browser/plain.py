"""A page that knows nothing of Jupyter, with widgets on it: as in a front end whose theme defines no variables."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from course.lab.widgets.still import StillWidget

# The variables are those of the other theme, as a front end may define them that knows only one.
_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>
:root {{ --jp-layout-color0: {ink}; --jp-content-font-color1: {ground}; --jp-content-font-color2: {ground};
         --jp-border-color1: {ground}; --vscode-editor-foreground: {ground}; --vscode-editor-background: {ink} }}
html, body {{ background: {ground}; color: {ink}; margin: 0; padding: 12px; font: 16px sans-serif }}
</style></head><body></body></html>"""

_SHOW = """async ([script, style, state, bytes, kernel]) => {
    const sheet = document.createElement('style');
    sheet.textContent = style;
    document.head.append(sheet);
    const values = {};
    const put = (state, bytes) => {
        Object.assign(values, state);
        for (const [name, text] of Object.entries(bytes)) {
            const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            values[name] = new DataView(raw.buffer);
        }
    };
    put(state, bytes);
    const heard = {};
    const changed = (name) => { for (const call of heard[`change:${name}`] ?? []) call(); };
    let unsaved = {};
    const model = {
        get: (name) => values[name],
        set(name, value) { values[name] = unsaved[name] = value; changed(name); },
        async save_changes() {
            if (!kernel) return;
            const sent = unsaved;
            unsaved = {};
            const [state, bytes] = await window[kernel](sent);
            put(state, bytes);
            for (const name of [...Object.keys(state), ...Object.keys(bytes)]) changed(name);
        },
        send() {},
        on(event, call) { (heard[event] ??= []).push(call); },
        off() {},
    };
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const widget = (await import(url)).default;
    const el = document.createElement('div');
    await widget.render({ model, el });
    document.body.append(el); // after rendering, as JupyterLab does it
    (window.models ??= []).push(model);
}"""


# Every text that is seen, and what it is written with, resolved to opaque colors as they are laid on the ground.
_CONTRASTS = """() => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const brush = canvas.getContext('2d', { willReadFrequently: true });
    const laid = (colors) => {
        brush.clearRect(0, 0, 1, 1);
        for (const color of colors) { brush.fillStyle = color; brush.fillRect(0, 0, 1, 1); }
        return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = rgb.map((part) => linear(part / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const seen = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const node = walker.currentNode.parentElement;
        if (!text || node.closest('option, style, .course-spoken')) continue;
        if (!node.checkVisibility({ visibilityProperty: true })) continue;
        const grounds = [];
        for (let at = node; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
        const style = getComputedStyle(node);
        const ink = node instanceof SVGElement ? style.fill : style.color;
        const [back, front] = [laid(grounds), laid([...grounds, ink])].map(light);
        seen.push([text, (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05)]);
    }
    return seen;
}"""


def plain_page(browser: Browser, *, ground: str, ink: str, width: int = 900, scale: float = 1) -> Page:
    """Return an empty page with one color to write on and one to write with."""
    context = browser.new_context(viewport={"width": width, "height": 900}, device_scale_factor=scale)
    page = context.new_page()
    page.set_content(_PAGE.format(ground=ground, ink=ink))
    return page


def show(page: Page, widget: StillWidget, *, live: bool = False) -> None:
    """Put a widget on the page, with a model that no kernel hears; or, where it is live, this process.

    A live one may stand once on a page.
    """
    if live:
        page.expose_function("kernel", lambda sent: _answered(widget, sent))
    page.evaluate(_SHOW, [widget._esm, widget._css, *_state(widget), "kernel" if live else None])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _state(widget: StillWidget) -> tuple[dict[str, Any], dict[str, str]]:
    """What the page is told: values as they are, and bytes as base64."""
    state = widget.get_state()
    raw = {name: base64.b64encode(value).decode() for name, value in state.items() if isinstance(value, bytes)}
    return {name: value for name, value in state.items() if name not in raw and _is_json(value)}, raw


def _answered(widget: StillWidget, sent: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Set what the page has changed, and return all that has changed here since, but what was sent."""
    before = _state(widget)
    for name, value in sent.items():
        widget.set_trait(name, value)
    after = _state(widget)
    told = [
        {name: value for name, value in now.items() if name not in sent and then.get(name) != value}
        for then, now in zip(before, after, strict=True)
    ]
    return told[0], told[1]


def contrasts(page: Page) -> list[tuple[str, float]]:
    """Return every text that is seen on the page, with its contrast to what it stands on."""
    return [(text, contrast) for text, contrast in page.evaluate(_CONTRASTS)]


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
