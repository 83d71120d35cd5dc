"""What a model reads: ids of tokens."""

import torch
from torch import Tensor

from course.errors import CourseError


def require_ids(ids: Tensor) -> None:
    """Raise `CourseError` unless these are ids as a model takes them: a tensor (B, T) of int64 or int32."""
    if not isinstance(ids, Tensor):
        raise CourseError(
            f"a model reads ids (B, T) as a torch tensor, and these are a {type(ids).__name__}: write "
            "`torch.as_tensor(ids)`."
        )
    if ids.ndim != 2:
        one = ": write `ids[None]` for a batch of one sentence." if ids.ndim == 1 else "."
        raise CourseError(f"a model reads ids (B, T), and these have the shape {tuple(ids.shape)}{one}")
    if ids.dtype not in (torch.int64, torch.int32):
        raise CourseError(
            f"a model reads ids of the type int64, and these are {str(ids.dtype).removeprefix('torch.')}: write "
            "`ids.long()`, if they are ids."
        )
