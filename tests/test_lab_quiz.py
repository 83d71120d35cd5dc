"""Questions: what they refuse, and what readers without a kernel see."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course.errors import CourseError
from course.lab import registry
from course.lab.widgets.questions import Question, as_html, as_text, of_lesson, quiz

SOURCES = sorted((Path(__file__).parents[1] / "solutions").glob("[0-9][0-9]_*.py"))

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
    with pytest.raises(CourseError, match="made of Question objects"):
        quiz(Question(**GOOD), "Which axis?")
    with pytest.raises(CourseError, match="made of Question objects"):
        quiz(3)


def test_a_number_asks_the_questions_of_that_lesson():
    asked = quiz("00")
    assert [question["prompt"] for question in asked.questions] == [question.prompt for question in of_lesson("00")]
    assert len(asked.questions) == 2


def test_a_lesson_that_does_not_exist_or_has_no_quiz_is_named(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(registry, "part", lambda number, name: None)
        with pytest.raises(CourseError, match="Lesson 05 has no quiz"):
            quiz("05")
    for number in ("99", "3", "Which axis?"):
        with pytest.raises(CourseError, match=f"There is no lesson {re.escape(repr(number))}"):
            quiz(number)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_lesson_asks_its_own_questions_and_shows_no_answer(source):
    """The questions are not in the notebook, so neither is an answer or a reason."""
    text = source.read_text(encoding="utf-8")
    number = source.stem[:2]
    assert re.findall(r"^quiz\((.*)", text, re.MULTILINE) == [f'"{number}")']
    for question in of_lesson(number):
        assert question.prompt not in text
        assert all(why not in text for why in question.why.values())


def test_the_text_shows_every_choice_and_gives_no_answer_away():
    """The text is the same whichever choice is right."""
    other = Question(**{**GOOD, "answer": "queries", "why": {"keys": "Then ..."}})
    text = as_text([Question(**GOOD)])
    assert text == as_text([other]) == "1. Which axis?\n   a) queries\n   b) keys"


def test_long_text_is_wrapped():
    long = Question("word " * 60, ["choice " * 40, "b"], "b", {"choice " * 40: "x"})
    assert max(len(line) for line in as_text([long, long]).splitlines()) <= 92


class Parts(HTMLParser):
    """What stands outside and inside `details`, and which tags and attributes there are."""

    def __init__(self, page):
        super().__init__()
        self.open, self.shown, self.folded, self.tags, self.attributes = [], [], [], set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        place = self.folded if "details" in self.open and "summary" not in self.open else self.shown
        place.append(data)


def test_the_page_folds_answer_and_reasons_under_each_question():
    asked = [Question(**GOOD), Question("`a < b`?", ["x", "y"], "x", {"x": "since $a_1$ is", "y": "<b>no</b>"})]
    parts = Parts(as_html(asked))
    shown, folded = " ".join(parts.shown), " ".join(parts.folded)
    assert parts.open == []
    for text in ("Which axis?", "queries", "keys", "a < b", "x", "y"):
        assert text in shown
    for text in ("Then ...", "Yes.", "Not this one.", "since $a_1$ is", "<b>no</b>"):
        assert text in folded
        assert text not in shown
    # What JupyterLab leaves in a notebook that has not been run, and nothing else.
    assert parts.tags <= {"ol", "li", "p", "b", "code", "details", "summary"}
    assert parts.attributes <= {"style", "type"}


def test_the_page_outside_the_folds_gives_no_answer_away():
    other = Question(**{**GOOD, "answer": "queries", "why": {"keys": "Then ..."}})
    pages = [as_html([Question(**GOOD)]), as_html([other])]
    assert pages[0] != pages[1]
    assert Parts(pages[0]).shown == Parts(pages[1]).shown


def test_the_stored_quiz_has_page_and_text():
    data, _ = quiz(Question(**GOOD))._repr_mimebundle_()
    assert data["text/html"] == as_html([Question(**GOOD)])
    assert data["text/plain"] == as_text([Question(**GOOD)])
