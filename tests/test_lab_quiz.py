"""Questions: what they refuse, and what readers without a kernel see."""

import pytest

from course.errors import CourseError
from course.lab.widgets.questions import Question, as_text, quiz

GOOD = {"prompt": "Which axis?", "choices": ["queries", "keys"], "answer": "keys", "why": {"queries": "Then ..."}}


def test_a_good_question_is_taken():
    assert quiz(Question(**GOOD)).questions[0]["answer"] == "keys"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"choices": ["keys"]}, "at least two"),
        ({"choices": ["keys", "keys"]}, "different"),
        ({"answer": "values"}, "'values'"),
        ({"why": {}}, "queries"),
        ({"why": {"queries": "Then ...", "value": "?"}}, "'value'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(change, said):
    with pytest.raises(CourseError, match=said):
        Question(**{**GOOD, **change})


def test_a_quiz_is_made_of_questions():
    with pytest.raises(CourseError):
        quiz()
    with pytest.raises(CourseError, match="Question"):
        quiz("Which axis?")


def test_the_text_shows_every_choice_and_gives_no_answer_away():
    """The text is the same whichever choice is right."""
    other = Question(**{**GOOD, "answer": "queries", "why": {"keys": "Then ..."}})
    text = as_text([Question(**GOOD)])
    assert text == as_text([other]) == "1. Which axis?\n   a) queries\n   b) keys"


def test_long_text_is_wrapped():
    long = Question("word " * 60, ["choice " * 40, "b"], "b", {"choice " * 40: "x"})
    assert max(len(line) for line in as_text([long, long]).splitlines()) <= 92
