"""Attention that can be edited: drag a weight of the cross-attention, switch heads off, and read what is written then.

The page sends what was changed, and the kernel answers with the translation, its weights and the next piece's
probabilities, beside those of the untouched model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from course.errors import CourseError
from course.lab.drawing.picture import Markup, describe_error, with_words
from course.lab.drawing.tables import heat_table
from course.lab.widgets.still import StillWidget, script_beside, style_beside
from course.lessons.lesson_13.editing import KINDS, Cell, Edits, Head, Written, transformer_of, write

if TYPE_CHECKING:
    from course.translator import Translator

BEST = 5  # next pieces that are shown
EXAMPLES = (
    "The needle has a sharp point.",
    "It is not polite to point at people.",
    "I love France, and the president of that country lives in Paris.",
    "The dog sleeps because it is tired.",
)


class AttentionEditor(StillWidget):
    """A sentence, the weights with which it is translated, and what becomes of it when they are changed.

    `asked` is what the page wants: its "text", its "number", heads "off" as [[kind, layer, head]] and "cells" as
    [[layer, head, row, column, weight]]; `answered` is the number of the question that `untouched` and `changed`
    answer. `edits` says the same as `Edits`.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    asked = traitlets.Dict().tag(sync=True, echo_update=False)
    answered = traitlets.Int(0).tag(sync=True)
    untouched = traitlets.Dict().tag(sync=True)
    changed = traitlets.Dict().tag(sync=True)
    cross = traitlets.Bytes().tag(sync=True)  # (L, H, T, S) float32 of `changed`
    heads: traitlets.List = traitlets.List().tag(sync=True)  # [kind, layers, heads], in the order of the switches
    examples: traitlets.List = traitlets.List(list(EXAMPLES)).tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, translator: Translator, sentence: str = EXAMPLES[0], *, edits: Edits | None = None) -> None:
        self._translator = translator
        config = transformer_of(translator).config
        layers = {"encoder": config.n_encoder_layers, "decoder": config.n_decoder_layers}
        count = [[kind, layers.get(kind, config.n_decoder_layers), config.n_heads] for kind in KINDS]
        asked = {"text": sentence, "number": 0, **_as_asked(edits or Edits())}
        super().__init__(asked=asked, heads=count, **self._replied(asked))
        self.observe(self._reply, "asked")

    @property
    def edits(self) -> Edits:
        """What is changed now."""
        return _as_edits(self.asked)

    def edit(self, edits: Edits, sentence: str | None = None) -> None:
        """Change something, as a hand on the page would."""
        text = self.asked["text"] if sentence is None else sentence
        self.asked = {"text": text, "number": int(self.asked["number"]) + 1, **_as_asked(edits)}

    def still_text(self) -> str:
        """Return what was changed and both translations."""
        if self.error:
            return self.error
        return (
            f"English: {self.asked['text']}\nuntouched: {self.untouched['text']}\n{_in_words(self.edits)}: "
            f"{self.changed['text']}"
        )

    def still_html(self) -> str:
        """Return both translations over the map of the last layer, the mean of its heads."""
        if self.error:
            return ""
        written = self._written[1]
        table = heat_table(
            written.cross[-1].mean(0).numpy(), written.pieces, written.source,
            caption=f"cross-attention, layer {len(written.cross)}, mean of {written.cross.shape[1]} heads",
        )  # fmt: skip
        return with_words(Markup(table, self.still_text()))

    def _reply(self, _: object) -> None:
        with self.hold_sync():
            for name, value in self._replied(self.asked).items():
                setattr(self, name, value)
            self.answered = int(self.asked.get("number", 0))

    def _replied(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The traits that answer a question; a sentence in the place of what could not be made."""
        try:
            text = str(asked.get("text", ""))
            self._written = write(self._translator, text), write(self._translator, text, _as_edits(asked))
        except CourseError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": describe_error(error)}
        untouched, changed = (_told(self._translator, written) for written in self._written)
        cross = self._written[1].cross.numpy().astype("<f4").tobytes()
        return {"untouched": untouched, "changed": changed, "cross": cross, "error": ""}


def _told(translator: Translator, written: Written) -> dict[str, Any]:
    """What the page is told of a translation: its words, its pieces, and the best next pieces at each place."""
    best = [
        [[translator.tokenizer.tokens([i])[0], round(p, 4)] for i, p in written.best(row, BEST)]
        for row in range(len(written.pieces))
    ]
    return {
        "text": written.text,
        "source": list(written.source),
        "pieces": list(written.pieces),
        "finished": written.finished,
        "best": best,
    }


def _as_asked(edits: Edits) -> dict[str, Any]:
    return {
        "off": sorted([head.kind, head.layer, head.head] for head in edits.off),
        "cells": [[c.layer, c.head, c.row, c.column, c.weight] for c in edits.cells],
    }


def _as_edits(asked: dict[str, Any]) -> Edits:
    off: Sequence[Sequence[Any]] = asked.get("off", ())
    cells: Sequence[Sequence[Any]] = asked.get("cells", ())
    return Edits(
        frozenset(Head(kind, int(layer), int(head)) for kind, layer, head in off),
        tuple(Cell(int(l), int(h), int(row), int(column), float(weight)) for l, h, row, column, weight in cells),  # noqa: E741
    )


def _in_words(edits: Edits) -> str:
    """What is changed, as words that can stand before a colon."""
    if not edits.off and not edits.cells:
        return "nothing changed"
    heads = f"{len(edits.off)} head{'s' * (len(edits.off) != 1)} off" if edits.off else ""
    cells = f"{len(edits.cells)} weight{'s' * (len(edits.cells) != 1)} set" if edits.cells else ""
    return " and ".join(part for part in (heads, cells) if part)
