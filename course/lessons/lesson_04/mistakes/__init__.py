"""Known wrong versions of the exercises of lesson 04, and the question that leads out of each."""

from course.lessons.lesson_04.mistakes.merging import MERGE_HEADS
from course.lessons.lesson_04.mistakes.multi_head import MULTI_HEAD_ATTENTION
from course.lessons.lesson_04.mistakes.packing import PACK_HEADS, random_heads, writes_into_heads
from course.lessons.lesson_04.mistakes.splitting import SPLIT_HEADS

__all__ = [
    "MERGE_HEADS",
    "MULTI_HEAD_ATTENTION",
    "PACK_HEADS",
    "SPLIT_HEADS",
    "random_heads",
    "writes_into_heads",
]
