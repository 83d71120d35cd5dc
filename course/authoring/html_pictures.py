"""Pictures inside HTML: ``<img>`` with an embedded PNG, and inline ``<svg>``."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

KINDS = ("text/html", "text/markdown")
"""The mime types of outputs in which HTML may stand."""

_PNG = re.compile(r"(data:image/png;base64,)([A-Za-z0-9+/=\n]+)")


@dataclass
class Embedded:
    """A picture in a piece of HTML.

    Attributes:
        tag: "img" or "svg".
        attributes: of the tag; one without a value has "".
        title: the text of an svg's own ``<title>``.
    """

    tag: str
    attributes: dict[str, str]
    title: str = ""

    @property
    def is_decoration(self) -> bool:
        """Whether screen readers are told to pass it over: a sign beside words that say the same."""
        return self.tag == "svg" and self.attributes.get("aria-hidden") == "true"

    @property
    def alternative(self) -> str:
        """What somebody hears who does not see the picture."""
        return (self.title if self.tag == "svg" else self.attributes.get("alt", "")).strip()

    @property
    def png(self) -> bytes | None:
        """The embedded PNG file, or None if the source is another one."""
        match = _PNG.fullmatch(self.attributes.get("src", "").strip())
        return base64.b64decode(match.group(2)) if match else None


@dataclass
class _Finder(HTMLParser):
    """Collects pictures; an svg inside an svg belongs to the outer one."""

    found: list[Embedded] = field(default_factory=list)
    svg: list[Embedded] = field(default_factory=list)  # the open ones, outermost first
    path: list[str] = field(default_factory=list)  # the open elements within the outermost svg

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        picture = Embedded(tag, {name: value or "" for name, value in attrs})
        if tag == "img" or (tag == "svg" and not self.svg):
            self.found.append(picture)
        if tag == "svg":
            self.svg.append(picture)
        elif self.svg:
            self.path.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img" or (tag == "svg" and not self.svg):
            self.found.append(Embedded(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg" and self.svg:
            self.svg.pop()
        elif tag in self.path:
            while self.path.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if len(self.svg) == 1 and self.path == ["title"]:
            self.svg[0].title += data


def embedded(html: str) -> list[Embedded]:
    """Return the pictures in a piece of HTML, in order."""
    finder = _Finder()
    finder.feed(html)
    finder.close()
    return finder.found


def without_pngs(html: str) -> tuple[str, list[bytes]]:
    """Return the HTML with a fixed word in place of each embedded PNG file, and those files in order."""
    files = [base64.b64decode(match.group(2)) for match in _PNG.finditer(html)]
    return _PNG.sub(r"\1(a picture)", html), files


def with_pngs_changed(html: str, change: Callable[[bytes], bytes]) -> str:
    """Return the HTML with every embedded PNG file replaced by ``change`` of it."""

    def replaced(match: re.Match[str]) -> str:
        return match.group(1) + base64.b64encode(change(base64.b64decode(match.group(2)))).decode("ascii")

    return _PNG.sub(replaced, html)


def pngs_of(data: dict[str, Any]) -> list[bytes]:
    """Return all PNG files of an output's data, the output's own first, then those embedded in its HTML."""
    files = [base64.b64decode(_joined(data["image/png"]))] if data.get("image/png") else []
    for kind in KINDS:
        files += without_pngs(_joined(data.get(kind, "")))[1]
    return files


def _joined(text: str | list[str]) -> str:
    return "".join(text) if isinstance(text, list) else text
