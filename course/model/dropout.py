"""Dropout that is quick on a CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def byte_dropout(x: Tensor, p: float) -> Tensor:
    """Set a fraction p of x to zero and scale the rest up, deciding with one random byte a number.

    torch draws one float a number on a CPU, one after the other, which costs more than the layer norm beside
    it; eight decisions from each random 64-bit integer cost a fraction. p is rounded to 1/256 and the scale
    uses the rounded p, so the expectation is exact. Returns the shape and type of x.
    """
    threshold = round(p * 256)
    n = x.numel()
    words = torch.empty((n + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    dropped = words.view(torch.uint8)[:n].view(x.shape) < threshold
    return x.masked_fill(dropped, 0.0) * (256 / (256 - threshold))


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) while training, nothing in evaluation. Any shape."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Thin x. Draws from torch's default generator of x's device."""
        if not self.training or self.p == 0:
            return x
        return byte_dropout(x, self.p) if x.device.type == "cpu" else F.dropout(x, self.p)

    def extra_repr(self) -> str:
        """The probability, for printing."""
        return f"p={self.p}"
