"""Who may attend to whom. Boolean masks, True = may attend, broadcastable to (B, H, Tq, Tk)."""

from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor

from course.errors import CourseError

PADDING_SHAPE = "(B, 1, 1, T)"  # of `padding_mask`


def padding_mask(tokens: Tensor, *, pad: int) -> Tensor:
    """True at real tokens, False at padding: a mask over the *keys*.

    tokens: (B, T) ids. Returns (B, 1, 1, T), the same for every head and every query.
    """
    return (tokens != pad)[:, None, None, :]


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Query t may attend to keys 0..t (Vaswani et al. 2017, section 3.2.3). Returns (T, T)."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def decoder_mask(tokens: Tensor, *, pad: int) -> Tensor:
    """No look into the future and none at padding. tokens: (B, T) ids. Returns (B, 1, T, T)."""
    return causal_mask(tokens.shape[1], tokens.device) & padding_mask(tokens, pad=pad)


def require_mask(mask: Tensor, like: Tensor, shape: Sequence[int]) -> None:
    """Let a mask pass that is boolean, stands beside the tensor `like` and broadcasts to `shape`; refuse any other.

    Numbers would not do: torch's fused kernels add a float mask to the scores, so that 0 hides nothing.
    Raises `CourseError`, which says what the mask is and what to write instead.
    """
    if not isinstance(mask, Tensor):
        _refuse_other(mask)
    if mask.dtype is not torch.bool:
        kind = str(mask.dtype).removeprefix("torch.")
        raise CourseError(
            f"a mask is boolean, True = may attend, and this one is {kind}: write `mask != 0` if 1 marks what may be "
            "seen, or `mask == 0` if 1, -inf or another number marks what is hidden."
        )
    if mask.device != like.device:
        raise CourseError(
            f"the mask lies on {mask.device}, and what it masks on {like.device}: "
            f"write `mask.to({str(like.device)!r})`."
        )
    if not _broadcasts(mask.shape, shape):
        raise CourseError(
            f"a mask of shape {tuple(mask.shape)} does not broadcast to {tuple(shape)}: each axis, counted from the "
            f"last, must be as long or 1; padding alone is {PADDING_SHAPE}, as `padding_mask` makes it."
        )


def scores_shape(q: Tensor, k: Tensor) -> tuple[int, ...]:
    """The shape (..., Tq, Tk) of the scores of q (..., Tq, d) and k (..., Tk, d), to which a mask must broadcast."""
    asking, asked = q.shape, k.shape
    lead, other = asking[:-2], asked[:-2]
    if lead != other:
        lead = torch.broadcast_shapes(lead, other)
    return (*lead, asking[-2], asked[-2])


def _broadcasts(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    for have, want in zip(shape[::-1], wanted[::-1], strict=False):  # a loop: it runs in every attention
        if have != want and have != 1:
            return False
    return len(shape) <= len(wanted)


def _refuse_other(mask: object) -> NoReturn:
    """Say how what is no tensor becomes one."""
    is_array = hasattr(mask, "__array_interface__")
    kind, make = ("a numpy array", "from_numpy") if is_array else (f"a {type(mask).__name__}", "tensor")
    raise CourseError(f"a mask is a torch tensor of booleans, and this one is {kind}: write `torch.{make}(mask)`.")
