"""What decoding refuses before it begins: numbers out of range, and what memory could not hold."""

import math
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor

from course.data.text_file import counted
from course.errors import CourseError
from course.memory import require_memory
from course.model.config import TransformerConfig, is_number
from course.model.footprint import decoding_bytes
from course.model.recurrent_config import RecurrentConfig

MaxLen = int | Sequence[int] | Tensor


def limits_of(max_len: MaxLen, src: Tensor) -> Tensor:
    """Return max_len for each sentence: (B,) int64, on the device of src. Raises CourseError where it is wrong."""
    if not isinstance(src, Tensor):
        raise CourseError(f"src must be (B, S) int64 ids, but is a {type(src).__name__}: write `torch.as_tensor(src)`.")
    if src.ndim != 2 or src.dtype != torch.long:
        raise CourseError(f"src must be (B, S) int64 ids, but is {tuple(src.shape)} {src.dtype}.")
    try:
        limit = torch.as_tensor(max_len, device=src.device)
        if limit.numel() and (limit.is_floating_point() or limit.dtype == torch.bool):
            raise TypeError("a part of a token")
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise CourseError(f"max_len must be a whole number, or one for each sentence, but is {max_len!r}.") from None
    if limit.ndim > 1 or (limit.ndim == 1 and len(limit) != len(src)):
        raise CourseError(
            f"max_len must be one number or {len(src)}, one for each sentence, but is {tuple(limit.shape)}."
        )
    if limit.numel() and int(limit.min()) < 1:
        raise CourseError(f"max_len must be 1 or more, but is {int(limit.min())}.")
    return limit.long().expand(len(src))


def require_decoding_room(
    model: object, *, sentences: int, beam: int, source: int, target: int, device: torch.device
) -> None:
    """Raise CourseError, with figures, where memory could not hold what decoding takes.

    sentences: decoded at once; source, target: tokens of the longest. Of a model that is not the course's own, only
    what decoding itself keeps is counted.
    """
    config = getattr(model, "config", None)
    if isinstance(config, TransformerConfig | RecurrentConfig):
        needed = decoding_bytes(config, sentences=sentences, beam=beam, source=source, target=target)
    else:
        needed = 8 * sentences * beam * target
    what = f"decoding {counted(sentences, 'sentence')} at once with a beam of {beam:,}"
    require_memory(needed, what, "beam size, batch size or max_len", device)


def check_room(model: object, src: Tensor, beam_size: int, limit: Tensor) -> None:
    """`require_decoding_room` for a batch src (B, S) and its limits (B,)."""
    if len(src):
        sizes = {"sentences": len(src), "beam": beam_size, "source": src.shape[1], "target": int(limit.max())}
        require_decoding_room(model, **sizes, device=src.device)


def check_whole(name: str, value: object, advice: str) -> None:
    """Raise CourseError unless a value is a whole number of 1 or more. name, advice: its beginning and its end."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise CourseError(f"{name} must be a whole number, but is {value!r}; {advice}")
    if value < 1:
        raise CourseError(f"{name} must be 1 or more, but is {value}; {advice}")


def check_beam(beam_size: int, n_best: int) -> None:
    """Raise CourseError unless both are whole numbers and the beam has places for the `n_best`."""
    check_whole("The beam size", beam_size, "1 is greedy search, 5 is usual.")
    check_whole("n_best", n_best, "1 is the best alone.")
    if n_best > beam_size:
        raise CourseError(f"n_best must be between 1 and the beam size {beam_size}, but is {n_best}.")


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise CourseError for what `sample` cannot draw with."""
    if not is_number(temperature) or not 0 < temperature < math.inf:
        raise CourseError(
            f"The temperature must be a finite number above 0, but is {temperature!r}; for 0, use greedy search."
        )
    if top_k is not None:
        check_whole("top_k", top_k, "leave it out to keep every token.")
    if top_p is not None and not (is_number(top_p) and 0 < top_p <= 1):
        raise CourseError(f"top_p must be more than 0 and at most 1, but is {top_p!r}.")
