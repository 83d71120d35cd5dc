"""What `train` is given, looked at before any work: one sentence here, not an error hours later or in a folder."""

import json
import math
from typing import Any

import torch
from torch import Tensor

from course.data import ParallelText
from course.errors import CourseError, shortened
from course.training.config import TrainingConfig
from course.training.log import WATCHES

VOCABULARIES = ("src_vocab_size", "tgt_vocab_size")


def check_arguments(
    train_text: object, val_text: object, *, model_options: object, training: object, vocab_size: int,
    corpus: object = None, watcher: object = None, **functions: object,
) -> None:  # fmt: skip
    """Raise `CourseError` for arguments of `train` that cannot work. functions: those that may be None."""
    _require_texts(train_text=train_text, val_text=val_text)
    _require_options(model_options, training, vocab_size)
    _require_kept(corpus)
    _require_callable(**functions)
    _require_watcher(watcher)


def _require_texts(**texts: object) -> None:
    """Raise `CourseError` for what is no `ParallelText`, or has no pair with text on both sides."""
    for name, text in texts.items():
        if not isinstance(text, ParallelText):
            raise CourseError(f"{name} is a {type(text).__name__}; give a ParallelText(source, target).")
        if not any(s and t for s, t in zip(text.source, text.target, strict=True)):
            raise CourseError(
                f"None of the {len(text)} sentence pairs of {name} has text on both sides; check that the two files "
                "belong together and are not blank."
            )


def _require_options(model_options: object, training: object, vocab_size: int) -> None:
    """Raise `CourseError` for settings of another type, and for sizes of vocabularies that would not be used."""
    if not isinstance(model_options, dict):
        raise CourseError(
            f"model_options is a {type(model_options).__name__}; give a dictionary, such as the to_dict() of a "
            "configuration."
        )
    if not isinstance(training, TrainingConfig):
        raise CourseError(f"training is a {type(training).__name__}; give a TrainingConfig(max_steps=...).")
    for name in VOCABULARIES:
        if model_options.get(name, vocab_size) != vocab_size:
            raise CourseError(
                f"model_options has {name} {model_options[name]!r}, and vocab_size is {vocab_size!r}: leave the first "
                "out, since one vocabulary serves both sides."
            )


def _require_kept(corpus: object) -> None:
    """Raise `CourseError` for what a run cannot say about its data in JSON."""
    if corpus is None:
        return
    try:
        right = isinstance(corpus, dict)
        json.dumps(corpus, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        right = False
    if not right:
        raise CourseError(
            f"corpus is {shortened(corpus)}; it must be a dictionary of text, numbers and lists, as JSON has them."
        )


def _require_callable(**functions: object) -> None:
    """Raise `CourseError` for what is neither None nor to be called."""
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise CourseError(f"{name} is {shortened(function)}; give a function.")


def _require_watcher(watcher: object) -> None:
    """Raise `CourseError` for what cannot be told what happens."""
    missing = [name for name in WATCHES if watcher is not None and not callable(getattr(watcher, name, None))]
    if missing:
        raise CourseError(
            f"watcher is a {type(watcher).__name__} without {missing[0]}(): give an object with the methods "
            f"{', '.join(WATCHES)}."
        )


def loss_from(value: Any, step: object) -> float:  # noqa: ANN401 - whatever a user's step returns
    """The loss of a batch, as the step that updated the weights returned it."""
    return _number_from(value, getattr(step, "__name__", "the training step"), "the loss of the batch")


def differentiable(value: Any, mean_loss: object) -> Tensor:  # noqa: ANN401 - whatever a user's loss returns
    """The loss as a user's `mean_loss` returned it: a tensor of one element with a gradient."""
    if isinstance(value, Tensor) and value.numel() == 1 and (value.requires_grad or not torch.is_grad_enabled()):
        return value
    told = shortened(value)
    if isinstance(value, Tensor):
        told = f"a tensor of the shape {tuple(value.shape)}, {'with' if value.requires_grad else 'without'} a gradient"
    name = getattr(mean_loss, "__name__", "mean_loss")
    raise CourseError(
        f"{name} returned {told}; it must return the mean loss as a tensor of one element, computed from the model."
    )


def learning_rate_from(value: Any, step: int) -> float:  # noqa: ANN401 - whatever a user's rate returns
    """The learning rate that a user's `rate` returned for an update."""
    rate = _number_from(value, f"rate({step})", "the learning rate")
    if not 0 <= rate < math.inf:
        raise CourseError(f"rate({step}) returned {rate:g}; a learning rate is a finite number of at least 0.")
    return rate


def _number_from(value: Any, what: str, meaning: str) -> float:  # noqa: ANN401 - whatever a user's function returns
    """A number, one of numpy, or a tensor of one element, as a number."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CourseError(f"{what} returned {shortened(value)}; it must return {meaning} as a number.") from error
