"""Lets searches work on toy models and watches them. Imports torch: only `observe` of an exercise needs this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Function = Callable[..., Any]


class Sentence(str):
    """A sentence as people read it, with its score; two are the same if their words are, whatever the score.

    Scores are compared as numbers, and stand here because a search that finds another sentence should hear why.
    """

    words: str

    def __new__(cls, words: str, score: float) -> Sentence:
        """words: what is compared."""
        made = super().__new__(cls, f"{words} (score {score:.4f})")
        made.words = words
        return made

    def __eq__(self, other: object) -> bool:
        """Whether the words are the same."""
        return isinstance(other, Sentence) and self.words == other.words

    def __ne__(self, other: object) -> bool:
        """Whether the words are not the same."""
        return not self == other

    __hash__ = str.__hash__


class Asked:
    """A step function that counts how often it is called."""

    def __init__(self, step: Callable[..., Tensor]) -> None:
        self._step, self.times = step, 0
        self.__name__ = "step"  # the name that a TypeError tells

    def __call__(self, *arguments: Any) -> Tensor:  # noqa: ANN401
        """Pass on to the step function."""
        self.times += 1
        return self._step(*arguments)


def observe_greedy(function: Function, step: Any, prompts: Array, max_len: int) -> dict[str, Any] | None:  # noqa: ANN401
    """Return what greedy search made of the prompts, by name. None if it did nothing.

    Args:
        function: the learner's greedy.
        step: a toy model.
        prompts: (B, P) ids.
        max_len: the limit.
    """
    asked = Asked(step)
    answer = function(asked, torch.from_numpy(prompts), max_len)
    if _nothing(answer) and asked.times == 0:
        return None
    return {"what comes back": kind_of(answer), "ids": ids_of(answer)}


def observe_beam(function: Function, step: Any, *numbers: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the score and the sentence that beam search found, by name. None if it did nothing.

    Args:
        function: the learner's beam.
        step: a toy model.
        numbers: k, max_len and, where it is given, alpha.
    """
    asked = Asked(step)
    answer = function(asked, *numbers)
    return None if _nothing(answer) and asked.times == 0 else _found(answer, getattr(step, "words", ()))


def observe_cached(function: Function, toy: Any, cache: Any, k: int, max_len: int) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the log-probability and the sentence that a search with a cache found, by name. None if it did nothing.

    Args:
        function: the learner's repair_beam.
        toy: a toy model, of which the function gets the part that works with a cache.
        cache: of k rows.
        k: places.
        max_len: the limit.
    """
    asked = Asked(toy.next)
    answer = function(asked, cache, k, max_len)
    return None if _nothing(answer) and asked.times == 0 else _found(answer)


def _nothing(answer: object) -> bool:
    return answer is None or answer is ...


def _found(answer: Any, words: Sequence[str] = ()) -> dict[str, Any]:  # noqa: ANN401
    pair = tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
    if len(pair) != 2:
        return {"what comes back": kind_of(answer), "the sentence": Sentence("", np.nan), "score": np.asarray(np.nan)}
    kinds = [kind_of(part) for part in pair]
    fine = _is_number(pair[0]) and kinds[1] in ("a tensor of whole numbers", "a list")
    score = _number(pair[0])
    return {
        "what comes back": "a number and ids" if fine else " and ".join(kinds),
        "the sentence": Sentence(_spelled(ids_of(pair[1]), words), score),
        "score": np.asarray(score),
    }


def _spelled(ids: Array, words: Sequence[str]) -> str:
    """Return a sentence's words, or its ids where there are no words; every token of it."""
    if ids.ndim != 1:
        return f"ids of shape {ids.shape}"
    whole = [int(i) for i in ids]
    return " ".join(words[i] if 0 <= i < len(words) else str(i) for i in whole)


def _is_number(part: object) -> bool:
    return (isinstance(part, (int, float, np.floating)) and not isinstance(part, bool)) or (
        isinstance(part, Tensor) and part.numel() == 1 and part.is_floating_point()
    )


def _number(part: Any) -> float:  # noqa: ANN401
    return float(part) if _is_number(part) else float("nan")


def kind_of(answer: object) -> str:
    """What came back, in words."""
    if isinstance(answer, Tensor):
        if answer.dtype == torch.bool:
            return "a tensor of booleans"
        return f"a tensor of {'numbers with a point' if answer.is_floating_point() else 'whole numbers'}"
    if isinstance(answer, (tuple, list)) and len(answer) != 2:
        return f"a {type(answer).__name__} of {len(answer)}" if isinstance(answer, tuple) else "a list"
    return f"a {type(answer).__name__}"


def ids_of(answer: Any) -> Array:  # noqa: ANN401
    """Return ids as an array, empty where these are none."""
    if isinstance(answer, Tensor):
        return answer.detach().cpu().numpy()
    try:
        found = np.asarray(answer if isinstance(answer, (list, tuple, np.ndarray)) else [])
        return found.astype(float) if found.dtype.kind in "iuf" else np.zeros(0)
    except (TypeError, ValueError, RuntimeError):  # ragged, or of things that are no numbers
        return np.zeros(0)
