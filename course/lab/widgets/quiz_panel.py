"""The panel behind `quiz`: multiple-choice questions that answer at once, in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import traitlets

from course.lab.widgets.still import StillWidget, script_beside, style_beside

if TYPE_CHECKING:
    from course.lab.widgets.questions import Question


class QuizPanel(StillWidget):
    """Multiple-choice questions that answer at once, in the browser; made by `course.lab.widgets.questions.quiz`."""

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    questions: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(self, questions: Sequence[Question], text: str) -> None:
        self._text = text
        super().__init__(questions=[asdict(question) for question in questions])

    def still_text(self) -> str:
        """Return the questions and their choices; the answers are not in it."""
        return self._text
