"""What all widgets have in common: a live view, and the still picture and text that stay when no kernel runs.

Every widget stores three things in a notebook: its alternative text, HTML with the picture of its first state where it
has one, and the live view. A live front end shows the live view; where that is missing from the stored file, or is not
trusted, the same front end shows the HTML, and so do all pages that only show notebooks.

A widget is one Python file with its script and its style beside it, under the same name. The logic that follows the
hand is in the script; it needs no kernel and no network.
"""

from __future__ import annotations

from pathlib import Path

import anywidget

from course.lab.drawing.picture import Markup, as_image, with_words

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_HERE = Path(__file__).parent


def script_beside(module: str) -> str:
    """Return the script of a widget: what all share, and the .js file beside the module (its ``__file__``)."""
    return _joined(_HERE / "shared.js", Path(module).with_suffix(".js"))


def style_beside(module: str) -> str:
    """Return the style of a widget: what all share, and the .css file beside the module (its ``__file__``)."""
    return _joined(_HERE / "common.css", Path(module).with_suffix(".css"))


def _joined(*files: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


class StillWidget(anywidget.AnyWidget):
    """A widget that also leaves a still picture and a text in the stored notebook."""

    def still_text(self) -> str:
        """Return the text for readers who see neither the widget nor the picture."""
        raise NotImplementedError

    def still_png(self) -> bytes:
        """Return the picture for readers without a kernel, or b"" where there is none."""
        return b""

    def still_html(self) -> str:
        """Return what readers without a kernel see, or "" where the text says it all: the picture with its words."""
        png, text = self.still_png(), self.still_text()
        return with_words(Markup(as_image(png, text), text)) if png else ""

    def __repr__(self) -> str:
        """Return the text; the usual representation holds an address that differs on every run."""
        return self.still_text()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | None:
        """Return the text, the still HTML and the live view (the richest is what a front end chooses)."""
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = self.still_text()  # older anywidgets cut it after 110 letters
        if shown := self.still_html():
            data["text/html"] = shown
        return data, metadata
