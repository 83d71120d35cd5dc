"""Known wrong versions of this lesson's functions, and the question that leads out of each.

Ids such as "G01" are those of the project's catalog of mistakes, the others are ours. Where a version is marked as seen
in public code, a thread about it stands in the catalog's notes.
"""

from course.lessons.lesson_10.mistakes.cross_entropy import LOSS
from course.lessons.lesson_10.mistakes.loops import TRAIN
from course.lessons.lesson_10.mistakes.schedules import NOAM
from course.lessons.lesson_10.mistakes.shifting import SHIFT
from course.lessons.lesson_10.mistakes.smoothing import SMOOTH_LABELS

__all__ = ["LOSS", "NOAM", "SHIFT", "SMOOTH_LABELS", "TRAIN"]
