"""Dropout that is quick on a CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def byte_mask(like: Tensor, p: float) -> Tensor:
    """Zero for a fraction p of the numbers, 1 / (1 - p) for the others: what dropout multiplies with.

    torch draws one float a number on a CPU, one after the other, which costs more than the layer norm beside
    it; eight decisions from each random 64-bit integer cost a fraction. p is rounded to 1/256 and the scale
    uses the rounded p, so the expectation is exact. Returns the shape and type of `like`.
    """
    threshold = min(max(round(p * 256), int(p > 0)), 255)  # p between 0 and 1: not nothing, not everything
    n = like.numel()
    words = torch.empty((n + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    mask = torch.empty_like(like, requires_grad=False, memory_format=torch.contiguous_format)
    torch.ge(words.view(torch.uint8)[:n].view(like.shape), threshold, out=mask)
    return mask.mul_(256 / (256 - threshold))


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) while training, nothing in evaluation. Any shape."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Thin x. Draws from torch's default generator of x's device."""
        if not self.training or self.p == 0:
            return x
        return x * byte_mask(x, self.p) if x.device.type == "cpu" else F.dropout(x, self.p)

    def added(self, x: Tensor, y: Tensor) -> Tensor:
        """x + dropout(y), in one pass over the memory where that is possible. Both of one shape."""
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return x + self(y)
        return torch.addcmul(x, y.to(x.dtype), byte_mask(x, self.p))

    def extra_repr(self) -> str:
        """The probability, for printing."""
        return f"p={self.p}"
