"""Known wrong versions of the exercises of lesson 07, and the question that leads out of each. Imports torch."""

from course.lessons.lesson_07.mistakes.attention import TORCH_ATTENTION
from course.lessons.lesson_07.mistakes.feed_forward import FEED_FORWARD
from course.lessons.lesson_07.mistakes.heads import MULTI_HEAD_ATTENTION
from course.lessons.lesson_07.mistakes.norm import LAYER_NORM
from course.lessons.lesson_07.mistakes.residual import RESIDUAL_BLOCK
from course.lessons.lesson_07.mistakes.stacking import STACK

__all__ = ["FEED_FORWARD", "LAYER_NORM", "MULTI_HEAD_ATTENTION", "RESIDUAL_BLOCK", "STACK", "TORCH_ATTENTION"]
