"""Known wrong versions of the exercises of lesson 09, and the question that leads out of each."""

from course.lessons.lesson_09.mistakes.aligning import REPAIR_PAIRS
from course.lessons.lesson_09.mistakes.batching import MAKE_BATCH
from course.lessons.lesson_09.mistakes.bucketing import BUCKETS
from course.lessons.lesson_09.mistakes.encoding import BPE_ENCODE
from course.lessons.lesson_09.mistakes.training import BPE_TRAIN

__all__ = ["BPE_ENCODE", "BPE_TRAIN", "BUCKETS", "MAKE_BATCH", "REPAIR_PAIRS"]
