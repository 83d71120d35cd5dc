"""`quiz`: multiple-choice questions that are declared, not programmed.

A lesson's questions stand in its room, out of sight of whoever reads the notebook, as a tuple `QUIZ` in ``quiz.py``:

    QUIZ = (
        Question(
            "Softmax runs over which axis of scores (Tq, Tk)?",
            choices=["the queries", "the keys"],
            answer="the keys",
            why={"the queries": "Then each key would share itself out over the queries. What must add up to 1?"},
        ),
    )

`quiz("07")` in the notebook asks those of lesson seven; `quiz(Question(...), ...)` asks any others.

A choice answers at once, in the browser: nothing is sent, nothing is counted. A wrong one gets its own
explanation. Readers without a kernel see the questions with the answers folded under each.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.lab import registry

if TYPE_CHECKING:
    from course.lab.widgets.quiz_panel import QuizPanel

WIDTH = 92
LETTERS = "abcdefghijklmnopqrstuvwxyz"


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


def quiz(*questions: Question | str) -> QuizPanel:
    """Return a widget that asks the questions and answers at once.

    Args:
        questions: the number of a lesson, such as "07", whose own questions are asked; or the questions themselves.

    Raises:
        CourseError: No question was given, something that is not a `Question`, or the number of a lesson that
            does not exist or has no quiz.
    """
    if not questions:
        raise CourseError('A quiz needs the number of a lesson, such as quiz("07"), or at least one Question.')
    if len(questions) == 1 and isinstance(questions[0], str):
        return _panel(of_lesson(questions[0]))
    asked = [question for question in questions if isinstance(question, Question)]
    if len(asked) < len(questions):
        other = next(question for question in questions if not isinstance(question, Question))
        raise CourseError(f"A quiz is made of Question objects, or of one lesson's number; this is {other!r}.")
    return _panel(asked)


def _panel(questions: Sequence[Question]) -> QuizPanel:
    from course.lab.widgets.quiz_panel import QuizPanel

    return QuizPanel([asdict(question) for question in questions], text=as_text(questions), page=as_html(questions))


def of_lesson(number: str) -> tuple[Question, ...]:
    """Return the questions of a lesson, those in the ``quiz.py`` of its room.

    Args:
        number: of the lesson, as two digits.

    Raises:
        CourseError: if there is no such lesson, or it has no quiz.
    """
    module = registry.part(number, "quiz")
    if module is None:
        raise CourseError(f"Lesson {number} has no quiz: write one in quiz.py of its room, as a tuple QUIZ.")
    return tuple(module.QUIZ)


def as_text(questions: Sequence[Question]) -> str:
    """Return questions and choices as plain text, for readers without a kernel, without the answers."""
    return "\n\n".join(_one_as_text(number, question) for number, question in enumerate(questions, start=1))


def _one_as_text(number: int, question: Question) -> str:
    lead = f"{number}. "
    lines = textwrap.wrap(question.prompt, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        lines += textwrap.wrap(choice, WIDTH, initial_indent=f"   {letter}) ", subsequent_indent=" " * 6)
    return "\n".join(lines)


def as_html(questions: Sequence[Question]) -> str:
    """Return the questions as a list, the answer and the reasons folded under each, for readers without a kernel.

    JupyterLab leaves lists, `details` and `summary` in a notebook that is not trusted, and scripts out.
    """
    items = "".join(f'<li style="margin-bottom: 14px">{_one_as_html(question)}</li>' for question in questions)
    return f'<ol style="max-width: 48em">{items}</ol>'


def _one_as_html(question: Question) -> str:
    choices = "".join(f"<li>{_marked(choice)}</li>" for choice in question.choices)
    replies = "".join(f"<li>{_reply(question, choice)}</li>" for choice in question.choices)
    return (
        f'<p><b>{_marked(question.prompt)}</b></p><ol type="a">{choices}</ol>'
        f'<details><summary>The answer, and why</summary><ol type="a">{replies}</ol></details>'
    )


def _reply(question: Question, choice: str) -> str:
    why = _marked(question.why.get(choice, ""))
    return f"<b>Yes.</b> {why}".strip() if choice == question.answer else f"Not this one. {why}"


def _marked(text: str) -> str:
    """Escape a text, and show as code what stands between backticks; formulas are left to the page."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
