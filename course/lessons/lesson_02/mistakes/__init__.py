"""Known wrong versions of the exercises of lesson 02, and the question that leads out of each."""

from course.lessons.lesson_02.mistakes.additive import ADDITIVE_ATTENTION
from course.lessons.lesson_02.mistakes.aligning import ALIGNMENT_ERROR
from course.lessons.lesson_02.mistakes.centers import REPAIR_CENTER, colleagues_center
from course.lessons.lesson_02.mistakes.local import LOCAL_WEIGHTS
from course.lessons.lesson_02.mistakes.scores import LUONG_SCORES

__all__ = [
    "ADDITIVE_ATTENTION",
    "ALIGNMENT_ERROR",
    "LOCAL_WEIGHTS",
    "LUONG_SCORES",
    "REPAIR_CENTER",
    "colleagues_center",
]
