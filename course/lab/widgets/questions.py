"""`quiz`: multiple-choice questions that are declared, not programmed.

    quiz(
        Question(
            "Softmax runs over which axis of scores (Tq, Tk)?",
            choices=["the queries", "the keys"],
            answer="the keys",
            why={"the queries": "Then each key would share itself out over the queries. What must add up to
            1?"}, )
    )

A choice answers at once, in the browser: nothing is sent, nothing is counted. A wrong one gets its own
explanation.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from course.errors import CourseError

if TYPE_CHECKING:
    from course.lab.widgets.quiz_panel import QuizPanel

WIDTH = 92


@dataclass(frozen=True)
class Question:
    """One question: `answer` is one of `choices`, and `why` explains every other one.

    Text between backticks is shown as code. Questions end in the reader's head, so an explanation says what
    would follow from the choice, or asks back; it does not judge the reader.

    Raises:
        CourseError: Fewer than two choices, equal choices, an answer that is no choice, a wrong choice that
            is not explained, or an explanation of something that is no choice.
    """

    prompt: str
    choices: Sequence[str]
    answer: str
    why: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.choices) < 2 or len(set(self.choices)) < len(self.choices):
            raise CourseError(f"A question needs at least two different choices: {self.prompt!r} has {self.choices}.")
        if self.answer not in self.choices:
            raise CourseError(f"The answer {self.answer!r} is none of the choices of {self.prompt!r}.")
        missing = [choice for choice in self.choices if choice != self.answer and choice not in self.why]
        if missing:
            raise CourseError(f"{self.prompt!r} does not explain these choices: {missing}. Add them to `why`.")
        unknown = [choice for choice in self.why if choice not in self.choices]
        if unknown:
            raise CourseError(f"{self.prompt!r} explains {unknown}, which are none of its choices.")


def quiz(*questions: Question) -> QuizPanel:
    """Return a widget that asks the questions and answers at once.

    Raises:
        CourseError: No question was given, or something that is not a `Question`.
    """
    from course.lab.widgets.quiz_panel import QuizPanel

    if not questions:
        raise CourseError("A quiz needs at least one Question.")
    for question in questions:
        if not isinstance(question, Question):
            raise CourseError(f"A quiz is made of Question objects; this is {question!r}.")
    return QuizPanel(questions, as_text(questions))


def as_text(questions: Sequence[Question]) -> str:
    """Return questions and choices as plain text, for readers without a kernel, without the answers."""
    return "\n\n".join(_one_as_text(number, question) for number, question in enumerate(questions, start=1))


def _one_as_text(number: int, question: Question) -> str:
    lead = f"{number}. "
    lines = textwrap.wrap(question.prompt, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))
    for letter, choice in zip("abcdefghijklmnopqrstuvwxyz", question.choices, strict=False):
        lines += textwrap.wrap(choice, WIDTH, initial_indent=f"   {letter}) ", subsequent_indent=" " * 6)
    return "\n".join(lines)
