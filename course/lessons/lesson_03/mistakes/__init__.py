"""Known wrong versions of the exercises of lesson 03, one file an exercise, and the question that leads out of each."""

from course.lessons.lesson_03.mistakes.attention import ATTENTION
from course.lessons.lesson_03.mistakes.score_statistics import (
    RIGHT_STATISTICS,
    SCORE_STATISTICS,
    does_as,
    normals_drawn,
)
from course.lessons.lesson_03.mistakes.softmax import SOFTMAX, softmax_truncates_integers
from course.lessons.lesson_03.mistakes.wrong_steps import truncates_integers

__all__ = [
    "ATTENTION",
    "RIGHT_STATISTICS",
    "SCORE_STATISTICS",
    "SOFTMAX",
    "does_as",
    "normals_drawn",
    "softmax_truncates_integers",
    "truncates_integers",
]
