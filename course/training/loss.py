"""Teacher forcing and cross-entropy over real tokens."""

import torch.nn.functional as F
from torch import Tensor

from course.model import Transformer, padding_mask
from course.special import PAD


def teacher_forced_logits(
    model: Transformer, src: Tensor, tgt_in: Tensor, labels: Tensor, *, pad: int = PAD
) -> tuple[Tensor, Tensor]:
    """Logits and labels at the positions that count: (N, V) and (N,), N real target tokens.

    src (B, S), tgt_in (B, T) (begins with BOS) and labels (B, T) (ends with EOS): ids, padded. The output layer
    is the widest product of a small model, so it is not computed for padding. The decoder needs no padding mask:
    padding stands at the end, where the causal mask hides it from every real position.
    """
    src_mask = padding_mask(src, pad=pad)
    memory = model.encode(src, src_mask=src_mask)
    states = model.decoder_states(tgt_in, memory, src_mask=src_mask)
    real = labels != pad
    return model.output(states[real]), labels[real]


def summed_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats, summed over the N tokens of logits (N, V) and labels (N,).

    Smoothing as torch defines it: every class, the right one too, gets eps / V (Szegedy et al. 2016, section 7).
    """
    return F.cross_entropy(logits.float(), labels, label_smoothing=label_smoothing, reduction="sum")
