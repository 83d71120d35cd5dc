"""Where a token stands: sinusoids in both layouts, and rotary angles."""

import torch
from torch import Tensor

from course.errors import CourseError


def sinusoidal_positions(length: int, d_model: int, *, layout: str = "interleaved") -> Tensor:
    """The fixed encoding of Vaswani et al. 2017, section 3.5, for positions 0..length-1.

    Pair i turns with the angle position / 10000^(2i / d_model). Layout "interleaved" is the paper's
    (column 2i sine, 2i+1 cosine); "halves" has all sines, then all cosines (tensor2tensor, Marian).
    d_model may be odd: the last pair then has a sine only. Returns (length, d_model), float64.
    """
    if layout not in ("interleaved", "halves"):
        raise CourseError(f'layout is {layout!r}; it must be "interleaved" or "halves".')
    n_pairs = (d_model + 1) // 2
    exponents = 2 * torch.arange(n_pairs, dtype=torch.float64) / d_model
    angles = torch.arange(length, dtype=torch.float64)[:, None] * 10000.0**-exponents
    sines, cosines = angles.sin(), angles.cos()[:, : d_model // 2]
    if layout == "halves":
        return torch.cat([sines, cosines], dim=1)
    table = torch.empty(length, d_model, dtype=torch.float64)
    table[:, 0::2], table[:, 1::2] = sines, cosines
    return table


def rotary_angles(length: int, d_head: int) -> Tensor:
    """Angle of each pair at each position (Su et al. 2021, section 3.2.2).

    Returns (length, d_head / 2), float64.
    """
    if d_head % 2:
        raise CourseError(f"d_head is {d_head}; rotary positions turn pairs, so it must be even.")
    exponents = torch.arange(0, d_head, 2, dtype=torch.float64) / d_head
    return torch.arange(length, dtype=torch.float64)[:, None] * 10000.0**-exponents


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each neighboring pair (x[2i], x[2i+1]) of x (B, H, T, d_head) by its position's angle.

    cos, sin: (T, d_head / 2). A dot product of two turned vectors depends on their offset only
    (Su et al. 2021, equation 16). Returns the shape and type of x.
    """
    if x.dtype in (torch.float32, torch.float64):  # a pair is a complex number, and turning it one multiplication
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * torch.complex(cos.to(x.dtype), sin.to(x.dtype))).flatten(-2)
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
