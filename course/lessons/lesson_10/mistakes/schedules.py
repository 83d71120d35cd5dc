"""Known wrong versions of noam."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from course.lab.exercises.exercise import Mistake
from course.lessons.lesson_10.reference import noam

Rate = Callable[[int, int, int], Any]


def _made(
    width: Callable[[int], float] = lambda d: d**-0.5,
    up: Callable[[int, int], float] = lambda n, w: n * w**-1.5,
    down: Callable[[int, int], float] = lambda n, w: n**-0.5,
    choose: Callable[[float, float], float] = min,
    count: Callable[[int], int] = lambda step: max(step, 1),
) -> Rate:
    """Return the schedule with one of its parts replaced; d, the step and the warm-up are handed to each."""
    return lambda step, d, warmup: width(d) * choose(down(count(step), warmup), up(count(step), warmup))


def _linear_decay(step: int, d: int, warmup: int) -> float:
    step = max(step, 1)
    return float(d**-0.5 * warmup**-0.5 * (step / warmup if step < warmup else warmup / step))


def _cosine(step: int, d: int, warmup: int) -> float:
    step, peak = max(step, 1), (d * warmup) ** -0.5
    if step < warmup:
        return peak * step / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (9 * warmup))))


def _rounded(digits: int) -> Rate:
    return lambda step, d, warmup: round(noam(step, d, warmup), digits)


def _single(step: int, d: int, warmup: int) -> float:
    return float(np.float32(noam(step, d, warmup)))


def _is_single(function: Rate) -> bool:
    """Whether the first six digits of all rates are right, and not all of the others."""
    try:
        off = [float(function(*at)) / noam(*at) - 1 for at in ((3, 7, 11), (70, 96, 9000), (16000, 512, 4000))]
    except Exception:  # a learner's function may raise anything
        return False
    return bool(1e-12 < max(map(abs, off)) < 1e-6)


NOAM = (
    Mistake(
        "H01",
        "fails at 0",
        "Some loops call with 0 before their first update. What is 0 to the power of -0.5, and which number should "
        "such a call get?",
        (
            _made(count=lambda step: step),
            lambda step, d, warmup: d**-0.5 * min(1 / math.sqrt(step), step / warmup / math.sqrt(warmup)),
        ),
    ),
    Mistake(
        "zero_at_zero",
        "the rate is 0 at step 0",
        "At step 0 your rate is 0, or nothing at all, so that an update would be wasted. As which step should 0 count?",
        (
            lambda step, d, warmup: 0.0 if step == 0 else noam(step, d, warmup),
            lambda step, d, warmup: math.inf if step == 0 else noam(step, d, warmup),
            lambda step, d, warmup: math.nan if step == 0 else noam(step, d, warmup),
        ),
    ),
    Mistake(
        "H03",
        "the root of the width instead of one over it",
        "Your rate grows with the width. Should a larger model move faster, and which sign has the exponent of d?",
        (_made(width=lambda d: d**0.5),),
    ),
    Mistake(
        "width_wrong",
        "another power of the width",
        "Your rate has another power of the width. By which factor should it fall when d is four times as large?",
        (
            _made(width=lambda d: 1 / d),
            _made(width=lambda d: d**-1.5),
            _made(width=lambda d: d**-0.25),
            _made(width=lambda d: d**-2.0),
        ),
    ),
    Mistake(
        "width_forgotten",
        "without the width",
        "Your rate does not depend on the width at all. Which factor of the formula stands before the min?",
        (_made(width=lambda d: 1.0),),
    ),
    Mistake(
        "H05",
        "falls too fast",
        "After the warm-up your rate falls in another way. At four times the warm-up, what part of the peak should be "
        "left?",
        (
            _linear_decay,
            _cosine,
            _made(down=lambda n, w: n**-1.0 * w**0.5),
            _made(down=lambda n, w: n**-0.25 * w**-0.25),
            _made(down=lambda n, w: n**-2.0 * w**1.5),
            _made(down=lambda n, w: n**-1.0),
        ),
    ),
    Mistake(
        "H07",
        "whole numbers during the warm-up",
        "During the warm-up your rate is 0. Which of the two signs / and // keeps what is behind the point?",
        (
            _made(up=lambda n, w: n // w * w**-0.5),
            _made(up=lambda n, w: n // w**1.5),
        ),
    ),
    Mistake(
        "larger_of_the_two",
        "max instead of min",
        "Your rate is largest at the first step, and grows again without end. Which of the two lines should win on "
        "each side of the peak?",
        (_made(choose=max),),
    ),
    Mistake(
        "sum_of_the_two",
        "both at once",
        "Where one of the two terms should be chosen, yours works with both. Which word of the formula says which one "
        "is taken?",
        (_made(choose=lambda a, b: a + b), _made(choose=lambda a, b: a * b), _made(choose=lambda a, b: (a + b) / 2)),
    ),
    Mistake(
        "no_warmup",
        "no warm-up",
        "Your rate is largest at the first step. Which of the two terms is small in the beginning?",
        (
            _made(choose=lambda a, b: a),
            lambda step, d, warmup: (d * max(step, warmup)) ** -0.5,
        ),
    ),
    Mistake(
        "no_decay",
        "never falls",
        "After the warm-up your rate does not come down. Which of the two terms falls, and from where on is it the "
        "smaller one?",
        (
            _made(choose=lambda a, b: b),
            _made(down=lambda n, w: w**-0.5),
        ),
    ),
    Mistake(
        "warmup_power",
        "another power of the warm-up",
        "Your two terms do not meet at the end of the warm-up. At step = warmup the second one should be the root of 1 "
        "over warmup as well: which power of warmup does that take?",
        (
            _made(up=lambda n, w: n * w**-0.5),
            _made(up=lambda n, w: n * w**-1.0),
            _made(up=lambda n, w: n / w),
            _made(up=lambda n, w: n * w**-2.0),
        ),
    ),
    Mistake(
        "power_of_both",
        "the power of step times warmup",
        "Your second term takes the power of step too, so that it falls where it should climb. In the formula, what "
        "does the exponent -1.5 apply to?",
        (_made(up=lambda n, w: (n * w) ** -1.5),),
    ),
    Mistake(
        "step_power",
        "a root that grows",
        "One of your exponents of step has another sign or size. What should happen to the rate after a long training?",
        (
            _made(down=lambda n, w: n**0.5),
            _made(up=lambda n, w: n**0.5 * w**-1.0),
            _made(up=lambda n, w: n**2.0 * w**-2.5),
            _made(up=lambda n, w: n**-0.5 * w**-1.5),
        ),
    ),
    Mistake(
        "one_late",
        "counts one too many or too few",
        "Your rates are those of the neighboring step. Which number does the first update have?",
        (
            _made(count=lambda step: step + 1),
            _made(count=lambda step: max(step - 1, 1)),
        ),
    ),
    Mistake(
        "width_and_warmup_exchanged",
        "d and warmup exchanged",
        "Your width and your warm-up have changed places. In which order are they handed over?",
        (lambda step, d, warmup: noam(step, warmup, d),),
    ),
    Mistake(
        "peak_is_one",
        "a factor on the peak",
        "The form is right, and the peak is 1, or another number that does not come from the formula. What is the rate "
        "at step = warmup?",
        (
            lambda step, d, warmup: noam(step, d, warmup) / noam(warmup, d, warmup),
            lambda step, d, warmup: 2 * noam(step, d, warmup),
            lambda step, d, warmup: 100 * noam(step, d, warmup),
        ),
    ),
    Mistake(
        "fixed_numbers",
        "the paper's numbers",
        "Your rate does not change when d or warmup does. Where in the formula do the two arguments stand?",
        (
            lambda step, d, warmup: noam(step, 512, 4000),
            lambda step, d, warmup: noam(step, 512, warmup),
            lambda step, d, warmup: noam(step, d, 4000),
        ),
    ),
    Mistake(
        "rate_single",
        "a tensor, or float32",
        "Seven digits of your rate are right and the rest is not: that is how many a float32 has, and a tensor of "
        "torch is one. What do step, d and warmup become if you leave them the plain numbers that they are?",
        (_single,),
        recognize=_is_single,
    ),
    Mistake(
        "rate_rounded",
        "rounded",
        "Rates are small numbers, and yours have lost their digits. Is rounding for printing, or for computing?",
        tuple(map(_rounded, (2, 3, 4, 5, 6))),
    ),
)
