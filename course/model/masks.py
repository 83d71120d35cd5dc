"""Who may attend to whom. Boolean masks, True = may attend, broadcastable to (B, H, Tq, Tk)."""

import torch
from torch import Tensor


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
