"""What all widgets have in common: a live view, and the still picture and text that stay when no kernel runs.

Every widget stores three things in a notebook: its alternative text, a still of its first state (a PNG picture, or HTML
that needs no script) where it has one, and the live view. A live front end shows the live view; where that is missing
from the stored file, or is not trusted, the same front end shows the still, and so do pages that only show notebooks.

A widget is one Python file with its script and its style beside it, under the same name. The logic that follows the
hand is in the script; it needs no kernel and no network.
"""

from __future__ import annotations

import base64
from pathlib import Path

import anywidget

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
        """Return the picture for readers without a kernel, or b"" where the text says it all."""
        return b""

    def still_html(self) -> str:
        """Return a page for readers without a kernel, or "" where text and picture say it all."""
        return ""

    def __repr__(self) -> str:
        """Return the text; the usual representation holds an address that differs on every run."""
        return self.still_text()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict] | None:
        """Return the text, the still and the live view, of which a front end shows the richest that it can.

        A picture is base64 text: kernels of other front ends do not all encode raw bytes.
        """
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            return None
        data, metadata = bundle
        page = self.still_html()
        if page:
            data["text/html"] = page
        picture = self.still_png()
        if picture:
            data["image/png"] = base64.b64encode(picture).decode("ascii")
            metadata = {**metadata, "image/png": {"alt": self.still_text()}}
        return data, metadata
