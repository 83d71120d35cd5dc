"""Your bug speaks German: a button that lets a translator run on a wrong answer. torch is imported when it is pressed.

`listen` is what the desk asks for after a check that failed (see `course.lab.exercises.desk`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from course.lab.drawing.picture import describe_error
from course.lab.widgets.still import StillWidget, script_beside, style_beside
from course.lessons.lesson_13.spoken_pieces import ON_NUMPY, ON_TORCH


def listen(id: str, function: Callable[..., Any]) -> SpeakingPanel | None:
    """Return the button for a wrong answer to the exercise `id`; None where no translator can run on it."""
    return SpeakingPanel(id, function) if id in (*ON_NUMPY, *ON_TORCH) else None


class SpeakingPanel(StillWidget):
    """A button; once pressed, four sentences as the translator says them and as they come out with the wrong piece."""

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    exercise = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True, echo_update=False)
    answered = traitlets.Int(0).tag(sync=True)
    said: traitlets.List = traitlets.List().tag(sync=True)  # [english, right, broken, differs or -1, problem]
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, id: str, function: Callable[..., Any]) -> None:
        self._function = function
        super().__init__(exercise=id)
        self.observe(self._speak, "asked")

    def still_text(self) -> str:
        """Return what stands there without a kernel."""
        if not self.said:
            return f"A button lets the translator run on your {self.exercise}."
        lines = [
            f"English: {english}\n  translator: {right}\n  with yours: {broken or problem or '(nothing)'}"
            for english, right, broken, _, problem in self.said
        ]
        return "\n".join(lines)

    def _speak(self, _: object) -> None:
        from course.lessons.lesson_13.speech import speak

        with self.hold_sync():
            try:
                self.said = [
                    [each.english, each.right, each.broken, -1 if each.differs is None else each.differs, each.problem]
                    for each in speak(self.exercise, self._function)
                ]
            except Exception as error:
                self.error = describe_error(error)
            self.answered = self.asked
