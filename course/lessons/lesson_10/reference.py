"""The right answers of lesson 10, written to be read: torch throughout, padding given by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.lab.exercises.later import Later
from course.special import PAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor, nn
    from torch.nn import functional as F
else:
    torch, nn, F = Later("torch"), Later("torch.nn"), Later("torch.nn.functional")


def shift(tgt: Tensor) -> tuple[Tensor, Tensor]:
    """What the decoder is given, and what it must say there: ids (B, T) -> twice (B, T - 1).

    tgt: rows of begin, words, end, padding. Vaswani et al. 2017, section 3.1 and figure 1 ("shifted right").
    """
    return tgt[:, :-1], tgt[:, 1:]


def loss(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    """Mean cross-entropy in nats of the words that are no padding: logits (B, T, V), labels (B, T) -> a scalar."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)


def smooth_labels(target: Tensor, V: int, pad: int, eps: float) -> Tensor:
    """Targets in which the right word keeps 1 - eps: ids (N,) -> shares (N, V).

    The other words share eps evenly; padding gets nothing, and a row whose right word is padding is all zeros (Szegedy
    et al. 2016, section 7, spread over V - 2 words).
    """
    targets = torch.full((len(target), V), eps / (V - 2))
    targets[torch.arange(len(target)), target] = 1 - eps
    targets[:, pad] = 0
    targets[target == pad] = 0
    return targets


def noam(step: int, d: int, warmup: int) -> float:
    """The rate of an update, counted from 1; 0 counts as 1 (Vaswani et al. 2017, section 5.3, equation 3)."""
    step = max(step, 1)
    return float(d**-0.5 * min(step**-0.5, step * warmup**-1.5))


def train(
    model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], lr: float, clip: float, accum: int
) -> list[float]:
    """Update the weights after every `accum` batches, in place; return the loss of each batch in nats a word.

    model(src, inputs) gives logits (B, T, V). batches: pairs of ids src (B, S) and tgt (B, T), as many as a multiple of
    accum. clip: the largest norm of the gradient. Each update follows the mean over all words of its batches.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    model.train()
    losses = []
    for i, (src, tgt) in enumerate(batches):
        if i % accum == 0:  # a new update begins
            optimizer.zero_grad()
            words = 0
        inputs, labels = shift(tgt)
        mean = loss(model(src, inputs), labels, PAD)
        n = int((labels != PAD).sum())
        (mean * n).backward()  # a sum over words, added to what is there
        words += n
        losses.append(mean.item())
        if (i + 1) % accum == 0:
            for p in model.parameters():
                if p.grad is not None:
                    p.grad /= words  # now a mean over all words of the update
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return losses


def colleagues_train(
    model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], lr: float, clip: float, accum: int
) -> list[float]:
    """The loop that is handed out, with four mistakes in it."""
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    losses = []
    for i, (src, tgt) in enumerate(batches):
        inputs, labels = shift(tgt)
        mean = loss(model(src, inputs), labels, PAD)
        (mean / accum).backward()
        losses.append(mean.item())
        if i % accum == 0:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return losses
