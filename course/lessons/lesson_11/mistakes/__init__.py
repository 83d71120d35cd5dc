"""Known wrong versions of the exercises of lesson 11, and the question that leads out of each."""

from course.lessons.lesson_11.mistakes.caching import INCREMENTAL, REPAIR_BEAM, buggy_beam
from course.lessons.lesson_11.mistakes.drawing_lots import SAMPLE
from course.lessons.lesson_11.mistakes.greedily import GREEDY
from course.lessons.lesson_11.mistakes.scoring import BLEU
from course.lessons.lesson_11.mistakes.with_beams import BEAM

__all__ = ["BEAM", "BLEU", "GREEDY", "INCREMENTAL", "REPAIR_BEAM", "SAMPLE", "buggy_beam"]
