"""The learning rate, as pure functions of where training stands."""


def warmup_linear(step: int, progress: float, *, warmup_steps: int) -> float:
    """Factor on the peak: up in a line over warmup_steps, then down in a line to zero at the end.

    step: updates done so far, from 0. progress: part of the whole run that is done, 0 to 1 (steps or minutes,
    whichever ends it). The two lines cross, so a run shorter than its warm-up comes down again too.
    """
    return min((step + 1) / max(1, warmup_steps), max(0.0, 1.0 - progress))


def warmup_inverse_sqrt(step: int, *, warmup_steps: int) -> float:
    """Factor on the peak: up in a line, then with the inverse square root of the step.

    Vaswani et al. 2017, section 5.3, equation 3, scaled so that the peak is 1.
    """
    n = step + 1
    return min(n / max(1, warmup_steps), (max(1, warmup_steps) / n) ** 0.5)


def learning_rate(step: int, progress: float, *, peak: float, warmup_steps: int, schedule: str) -> float:
    """The rate of update number `step` (from 0), for schedule "linear" or "inverse_sqrt"."""
    if schedule == "linear":
        return peak * warmup_linear(step, progress, warmup_steps=warmup_steps)
    return peak * warmup_inverse_sqrt(step, warmup_steps=warmup_steps)
