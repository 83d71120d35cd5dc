"""The questions of lesson 10, with an explanation for every choice that is not the answer."""

from course.lab.widgets.questions import Question

QUIZ = (
    Question(
        "x is (2, 3, 4). Which shape have the means of its rows?",
        choices=["(2, 3)", "(3, 4)", "(2, 3, 1)"],
        answer="(2, 3)",
        why={
            "(3, 4)": "Here the first axis has gone. Which axis runs along a row?",
            "(2, 3, 1)": "An axis of length 1 has been kept. Does a row have one mean or an axis of means?",
        },
    ),
)
