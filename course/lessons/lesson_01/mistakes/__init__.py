"""Known wrong versions of the exercises of lesson 01, and the question that leads out of each."""

from course.lessons.lesson_01.mistakes.backward import BPTT
from course.lessons.lesson_01.mistakes.decoding import REPAIR_DECODE
from course.lessons.lesson_01.mistakes.encoding import ENCODE
from course.lessons.lesson_01.mistakes.gru import GRU_STEP
from course.lessons.lesson_01.mistakes.rnn import RNN_STEP

__all__ = ["BPTT", "ENCODE", "GRU_STEP", "REPAIR_DECODE", "RNN_STEP"]
