"""Who looks at whom: words on both sides, lines as strong as the weights, any layer and head or their mean.

    AttentionExplorer([Explored("The dog sleeps.", "Der Hund schläft.", (View("cross-attention", ...),))])

The weights travel once, as bytes; everything that follows the hand happens in the browser, so that the explorer lives
on in an exported page without a kernel or a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from course.errors import CourseError
from course.lab.drawing.picture import Markup, with_words
from course.lab.drawing.tables import heat_table
from course.lab.widgets.still import StillWidget, script_beside, style_beside

Array = NDArray[Any]

FULL = 65535  # the number that stands for a weight of 1: two bytes a weight


@dataclass(frozen=True)
class View:
    """One kind of attention of one sentence pair.

    Attributes:
        name: what it is called, such as "cross-attention".
        asking: Tq words that look, on the right.
        asked: Tk words that are looked at, on the left.
        weights: (L, H, Tq, Tk) numbers from 0 to 1.
        titles: above the column of `asked`, and above that of `asking`.
        gold: pairs (row, column): `asking[row]` translates `asked[column]`.
        languages: codes such as "en" of `asked` and `asking`, for screen readers; "" where nobody knows.
    """

    name: str
    asking: tuple[str, ...]
    asked: tuple[str, ...]
    weights: Array
    titles: tuple[str, str] = ("is looked at", "looks")
    gold: tuple[tuple[int, int], ...] = ()
    languages: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        """Refuse weights that do not fit the words, or are none."""
        wanted = (len(self.asking), len(self.asked))
        if self.weights.ndim != 4 or self.weights.shape[2:] != wanted or 0 in self.weights.shape:
            raise CourseError(
                f"The weights of the {self.name} have shape {self.weights.shape}; they need (layers, heads, "
                f"{wanted[0]}, {wanted[1]}): a row for each word that looks, a column for each that is looked at."
            )
        low, high = float(self.weights.min()), float(self.weights.max())
        if not (low >= -1e-6 and high <= 1 + 1e-4):  # also where one is not a number
            raise CourseError(f"The weights of the {self.name} go from {low:g} to {high:g}; weights are 0 to 1.")


@dataclass(frozen=True)
class Explored:
    """A sentence, its translation, and one or more views of it. languages: codes of the two, for screen readers."""

    source: str
    target: str
    views: tuple[View, ...]
    languages: tuple[str, str] = ("", "")


class AttentionExplorer(StillWidget):
    """Sentences whose attention can be looked into, word by word.

    What is looked at are traits that follow the page, and the page follows them: `place` (which sentence), `view`
    (which of its views), `layer`, `head` (-1: the mean of all heads), `gold` (whether gold links are drawn) and
    `followed`, [] or "asking" or "asked" and the number of the word.

    Raises:
        CourseError: There is no sentence, or one without a view.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    sentences: traitlets.List = traitlets.List().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)  # all views one after the other, as their `offset` says
    place = traitlets.Int(0).tag(sync=True, echo_update=False)
    view = traitlets.Int(0).tag(sync=True, echo_update=False)
    layer = traitlets.Int(0).tag(sync=True, echo_update=False)
    head = traitlets.Int(-1).tag(sync=True, echo_update=False)
    gold = traitlets.Bool(False).tag(sync=True, echo_update=False)
    followed: traitlets.List = traitlets.List().tag(sync=True, echo_update=False)

    def __init__(self, sentences: Sequence[Explored], *, layer: int = -1, head: int = -1) -> None:
        if not sentences or not all(each.views for each in sentences):
            raise CourseError("An attention explorer needs at least one sentence, and each at least one view.")
        self._sentences = tuple(sentences)
        layers = sentences[0].views[0].weights.shape[0]
        if not -layers <= layer < layers:
            raise CourseError(f"There is no layer {layer}: the first view has layers 0 to {layers - 1}.")
        described, numbers = _packed(self._sentences)
        super().__init__(sentences=described, weights=numbers, layer=layer % layers, head=head)

    def still_text(self) -> str:
        """Return what stands there now in words: for each word that looks, where it looks most."""
        each, view = self._current()
        best = ", ".join(
            f"{word} at {view.asked[int(row.argmax())]} ({row.max():.2f})"
            for word, row in zip(view.asking, self._map(), strict=True)
        )
        count = len(self._sentences)
        among = "" if count == 1 else f", 1 of {count} sentences"
        return f"An attention explorer{among}: “{each.source}” → “{each.target}”. {self._where()}: {best}."

    def still_html(self) -> str:
        """Return the map that is looked at, as a table."""
        _, view = self._current()
        table = heat_table(self._map(), view.asking, view.asked, caption=self._where())
        return with_words(Markup(table, self.still_text()))

    def _current(self) -> tuple[Explored, View]:
        each = self._sentences[self.place]
        return each, each.views[min(self.view, len(each.views) - 1)]

    def _chosen(self) -> tuple[int, int]:
        """Layer and head: the view may have fewer than the one that was looked at before."""
        layers, heads = self._current()[1].weights.shape[:2]
        return min(self.layer, layers - 1), self.head if self.head < heads else -1

    def _map(self) -> Array:
        """(Tq, Tk): the weights of the chosen head, or the mean of its layer."""
        layer, head = self._chosen()
        weights = self._current()[1].weights[layer]
        chosen: Array = weights.mean(0) if head < 0 else weights[head]
        return chosen

    def _where(self) -> str:
        (_, view), (layer, head) = self._current(), self._chosen()
        layers, heads = view.weights.shape[:2]
        several = f"mean of {heads} heads" if head < 0 else f"head {head + 1} of {heads}"
        which = several if heads > 1 else "its only head"
        return f"{view.name}, layer {layer + 1} of {layers}, {which}"

    @traitlets.validate("place", "view", "layer", "head")
    def _exists(self, proposal: dict[str, Any]) -> int:
        name, wanted = proposal["trait"].name, int(proposal["value"])
        first = -1 if name == "head" else 0
        most = self._count(name)
        if not first <= wanted < most:
            raise CourseError(f"{name} is {wanted}; take one from {first} to {most - 1}.")
        return wanted

    def _count(self, name: str) -> int:
        """How many there are to choose from: of layers and heads, the most that any view has."""
        views = [view for each in self._sentences for view in each.views]
        return {
            "place": len(self._sentences),
            "view": max(len(each.views) for each in self._sentences),
            "layer": max(view.weights.shape[0] for view in views),
            "head": max(view.weights.shape[1] for view in views),
        }[name]


def _packed(sentences: Sequence[Explored]) -> tuple[list[dict[str, Any]], bytes]:
    """What the page is told of the sentences, and all their weights as bytes: two for each, low one first."""
    described, numbers, offset = [], [], 0
    for each in sentences:
        views = []
        for view in each.views:
            views.append(_described(view, offset))
            numbers.append(np.round(np.clip(view.weights, 0, 1) * FULL).astype("<u2").ravel())
            offset += view.weights.size
        described.append(
            {"source": each.source, "target": each.target, "languages": list(each.languages), "views": views}
        )
    return described, np.concatenate(numbers).tobytes()


def _described(view: View, offset: int) -> dict[str, Any]:
    layers, heads = view.weights.shape[:2]
    return {
        "name": view.name,
        "asking": list(view.asking),
        "asked": list(view.asked),
        "asked_title": view.titles[0],
        "asking_title": view.titles[1],
        "languages": list(view.languages),
        "gold": [list(link) for link in view.gold],
        "layers": layers,
        "heads": heads,
        "offset": offset,
    }
