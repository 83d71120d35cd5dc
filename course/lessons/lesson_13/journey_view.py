"""The way of a sentence as one picture that can be scrubbed: from a piece of the source to the next word's bars.

All numbers travel once, as bytes; everything that follows the hand happens in the browser, without a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import traitlets
from torch import Tensor

from course.errors import CourseError
from course.lab.drawing.picture import Markup, with_words
from course.lab.drawing.tables import bar_table
from course.lab.widgets.still import StillWidget, script_beside, style_beside
from course.lessons.lesson_13.journey import Attended, Fed, Journey

BEST = 5  # next pieces that are shown
OF_ATTENTION = ("q", "k", "v", "scores", "weights", "mixed", "before", "after")
OF_FEED_FORWARD = ("before", "hidden", "after")
Tokens = Callable[[Sequence[int]], list[str]]


class JourneyView(StillWidget):
    """One sentence on its way through a translator, scrubbed from station to station.

    What is looked at are traits that follow the page, and the page follows them: `station`, `source` (a piece of the
    source), `target` (a piece to write) and `head`, all from 0.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    words = traitlets.Dict().tag(sync=True)  # the pieces of both sides, and both texts
    best: traitlets.List = traitlets.List().tag(sync=True)  # for each piece to write the most probable ones
    stations: traitlets.List = traitlets.List().tag(sync=True)
    index = traitlets.Dict().tag(sync=True)  # name of a tensor: where its numbers begin, and its shape
    numbers = traitlets.Bytes().tag(sync=True)  # float32
    heads = traitlets.Int(1).tag(sync=True)
    languages: traitlets.List = traitlets.List(["", ""]).tag(sync=True)
    station = traitlets.Int(0).tag(sync=True, echo_update=False)
    source = traitlets.Int(0).tag(sync=True, echo_update=False)
    target = traitlets.Int(0).tag(sync=True, echo_update=False)
    head = traitlets.Int(0).tag(sync=True, echo_update=False)

    def __init__(
        self, journey: Journey, sentence: str, tokens: Tokens, *, languages: tuple[str, str] = ("", ""), **at: int
    ) -> None:
        """tokens: makes readable pieces of ids, as `Tokenizer.tokens` does. at: station, source, target, head first."""
        index, numbers = _packed(journey)
        super().__init__(
            words={
                "source": list(journey.source),
                "given": list(journey.given),
                "written": list(journey.written),
                "sentence": sentence,
                "translation": journey.text,
            },
            best=[_best(journey.probabilities[t], tokens) for t in range(len(journey.written))],
            stations=list(_stations(journey)),
            index=index,
            numbers=numbers,
            heads=len(journey.decoder[0][1].q),
            languages=list(languages),
        )
        for name, value in at.items():
            setattr(self, name, value)

    def still_text(self) -> str:
        """Return the stations by name, and what is written in the end."""
        names = "; ".join(each["title"] for each in self.stations)
        bars = ", ".join(f"{piece} {share:.2f}" for piece, share in self.best[self.target])
        return (
            f"The way of “{self.words['sentence']}” to “{self.words['translation']}”, in {len(self.stations)} stations:"
            f" {names}. Piece {self.target + 1} to write: {bars}."
        )

    def still_html(self) -> str:
        """Return the bars of the next piece, where the way ends."""
        names, shares = zip(*self.best[self.target], strict=True)
        table = bar_table(names, shares, caption=f"piece {self.target + 1} to write")
        return with_words(Markup(table, self.still_text()))

    @traitlets.validate("station", "source", "target", "head")
    def _exists(self, proposal: dict[str, Any]) -> int:
        name, wanted = proposal["trait"].name, int(proposal["value"])
        count = {
            "station": len(self.stations),
            "source": len(self.words["source"]),
            "target": len(self.words["written"]),
            "head": self.heads,
        }[name]
        if not 0 <= wanted < count:
            raise CourseError(f"{name} is {wanted}; take one from 0 to {count - 1}.")
        return wanted


def _best(probabilities: Tensor, tokens: Tokens) -> list[list[Any]]:
    found = probabilities.topk(BEST)
    names = tokens(found.indices.tolist())
    return [[name, round(share, 4)] for name, share in zip(names, found.values.tolist(), strict=True)]


def _stations(journey: Journey) -> Iterator[dict[str, Any]]:
    """Every station in its order: what kind it is, where its numbers are, and who asks whom."""
    yield {"kind": "embed", "side": "source", "box": "embed", "title": "a piece becomes numbers", "row": "encoder"}
    for i in range(len(journey.encoder)):
        yield _attention(f"encoder.{i}.own", "encoder", f"self-attention {i + 1}", "source", "source")
        yield _feed_forward(f"encoder.{i}.fed", "encoder", f"feed-forward {i + 1}", "source")
    yield {"kind": "embed", "side": "given", "box": "embed", "title": "the last written piece enters", "row": "decoder"}
    for i in range(len(journey.decoder)):
        yield _attention(f"decoder.{i}.own", "decoder", f"self-attention {i + 1}", "given", "given")
        yield _attention(f"decoder.{i}.cross", "decoder", f"cross-attention {i + 1}", "given", "source")
        yield _feed_forward(f"decoder.{i}.fed", "decoder", f"feed-forward {i + 1}", "given")
    yield {"kind": "words", "side": "given", "box": "next word", "title": "the next piece", "row": "decoder"}


def _attention(name: str, row: str, box: str, side: str, asked: str) -> dict[str, Any]:
    return {
        "kind": "attend",
        "name": name,
        "side": side,
        "asked": asked,
        "box": box,
        "title": f"{row}, {box}",
        "row": row,
    }


def _feed_forward(name: str, row: str, box: str, side: str) -> dict[str, Any]:
    return {"kind": "feed", "name": name, "side": side, "box": box, "title": f"{row}, {box}", "row": row}


def _packed(journey: Journey) -> tuple[dict[str, Any], bytes]:
    """Where each tensor's numbers begin and its shape; all numbers as bytes. A score of -inf is sent as the lowest."""
    index: dict[str, Any] = {}
    numbers: list[np.ndarray] = []
    offset = 0
    for name, tensor in _tensors(journey):
        array = np.maximum(tensor.numpy().astype("<f4"), np.finfo("<f4").min)
        index[name] = [offset, list(array.shape)]
        numbers.append(array.ravel())
        offset += array.size
    return index, np.concatenate(numbers).tobytes()


def _tensors(journey: Journey) -> Iterator[tuple[str, Tensor]]:
    yield "source", journey.source_stream
    yield "given", journey.target_stream
    for i, (own, fed) in enumerate(journey.encoder):
        yield from _fields(f"encoder.{i}.own", own)
        yield from _fields(f"encoder.{i}.fed", fed)
    for i, (own, cross, fed) in enumerate(journey.decoder):
        yield from _fields(f"decoder.{i}.own", own)
        yield from _fields(f"decoder.{i}.cross", cross)
        yield from _fields(f"decoder.{i}.fed", fed)


def _fields(name: str, part: Attended | Fed) -> Iterator[tuple[str, Tensor]]:
    for field in OF_ATTENTION if isinstance(part, Attended) else OF_FEED_FORWARD:
        yield f"{name}.{field}", getattr(part, field)
