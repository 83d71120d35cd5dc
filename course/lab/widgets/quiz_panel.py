"""The panel behind `quiz`: multiple-choice questions that answer at once, in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from course.lab.widgets.still import StillWidget, script_beside, style_beside


class QuizPanel(StillWidget):
    """Multiple-choice questions that answer at once, in the browser; made by `course.lab.widgets.questions.quiz`."""

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    questions: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(self, questions: Sequence[dict[str, Any]], *, text: str, page: str) -> None:
        self._text, self._page = text, page
        super().__init__(questions=list(questions))

    def still_text(self) -> str:
        """Return the questions and their choices; the answers are not in it."""
        return self._text

    def still_html(self) -> str:
        """Return the questions as a list; their answers are folded."""
        return self._page
