"""Lesson 10, from both sides: right answers pass, wrong ones do not; its figures draw and say what they show."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course.lab.exercises import diagnose
from course.lessons.lesson_10.exercises import EXERCISES
from course.lessons.lesson_10.figures import draw_rows
from course.lessons.lesson_10.quiz import QUIZ

# Written as learners write them; they share nothing with the bank.
RIGHT = {
    "row_means_10": (
        lambda x: x.sum(axis=-1) / x.shape[-1],
        lambda x: np.einsum("...n->...", x) / x.shape[-1],
    ),
}
WRONG = {  # the name of the mistake once the bank has it, and None until then
    "row_means_10": (
        (lambda x: x.mean(axis=0), None),
        (lambda x: x.sum(axis=-1), None),
        (lambda x: x[..., 0], None),
    ),
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_right_answers_pass(exercise):
    for right in (exercise.reference, *RIGHT[exercise.id]):
        found = diagnose(exercise.id, right)
        assert found.status == "passed", found.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_wrong_answers_are_refused_under_their_names(exercise):
    for wrong, mistake in WRONG[exercise.id]:
        found = diagnose(exercise.id, wrong)
        assert (found.status, found.mistake) == ("failed", mistake), found.message


def test_the_figure_says_what_it_shows():
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert "2 rows of 2 numbers" in draw_rows(Figure(), x=x)
    assert "1.50, 4.00" in draw_rows(Figure(), x=x, means=x.mean(axis=1))


def test_there_are_questions():
    assert QUIZ
