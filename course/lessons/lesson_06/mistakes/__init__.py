"""Known wrong versions of the exercises of lesson 06, and the question that leads out of each."""

from course.lessons.lesson_06.mistakes.adding import ADD_POSITIONS
from course.lessons.lesson_06.mistakes.shifting import SHIFT_ROTATION
from course.lessons.lesson_06.mistakes.sinusoids import POSITIONAL_ENCODING
from course.lessons.lesson_06.mistakes.turning import ROTARY

__all__ = ["ADD_POSITIONS", "POSITIONAL_ENCODING", "ROTARY", "SHIFT_ROTATION"]
