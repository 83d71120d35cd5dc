"""Teacher forcing, and cross-entropy over real tokens together with the output layer."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.model import TranslationModel, padding_mask
from course.special import PAD

MOST_NATS = 60.0  # a word that costs more has a probability too small for float32 to hold it to the last digit


def teacher_forced_states(
    model: TranslationModel, src: Tensor, tgt_in: Tensor, labels: Tensor, *, pad: int = PAD
) -> tuple[Tensor, Tensor]:
    """What the output layer reads, and what it shall say, at the positions that count: (N, d) and (N,).

    src (B, S), tgt_in (B, T) (begins with BOS) and labels (B, T) (ends with EOS): ids, padded; N real target tokens.
    The output layer is the widest product of a small model, so padding does not reach it. The decoder needs no
    padding mask: padding stands at the end, where the causal mask hides it from every real position.
    """
    src_mask = padding_mask(src, pad=pad)
    memory = model.encode(src, src_mask=src_mask)
    states = model.decoder_states(tgt_in, memory, src_mask=src_mask)
    real = labels != pad
    return states[real], labels[real]


def summed_loss(output: nn.Linear, states: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats of the output layer's predictions, summed over N tokens: a scalar.

    output: d -> V; states (N, d); labels (N,). Smoothing as torch defines it: every class, the right one too, gets
    eps / V (Szegedy et al. 2016, section 7). Equal to `F.cross_entropy(output(states), labels)`, and quicker.
    """
    if not torch.is_grad_enabled():
        logits = _at_least_float32(output(states))
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction="sum")
    dtype = states.dtype
    if torch.is_autocast_enabled(states.device.type):
        dtype = torch.get_autocast_dtype(states.device.type)
    return _OutputLoss.apply(states.to(dtype), output.weight.to(dtype), output.bias, labels, label_smoothing)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class _OutputLoss(torch.autograd.Function):
    """Output layer, softmax, label smoothing and cross-entropy in one.

    The gradient with respect to the logits is softmax minus target. It is known as soon as the loss is, and on a CPU
    written over the logits: one matrix of (N, V) instead of five, and few passes over it.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, eps: float) -> Tensor:  # noqa: ANN401
        logits = _at_least_float32(F.linear(states, weight, bias))
        labels = labels[:, None]
        right, mean = logits.gather(1, labels), logits.mean(1, keepdim=True)
        softmax = torch.softmax(logits, 1, out=logits if logits.is_cpu else None)
        log_sum = right - softmax.gather(1, labels).log()
        if (log_sum - right > MOST_NATS).any():
            log_sum = _at_least_float32(F.linear(states, weight, bias)).logsumexp(1, keepdim=True)
        softmax.scatter_add_(1, labels, softmax.new_full(labels.shape, eps - 1))
        ctx.save_for_backward(softmax, states, weight)
        ctx.eps, ctx.has_bias = eps, bias is not None
        return (log_sum - (1 - eps) * right - eps * mean).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        difference, states, weight = ctx.saved_tensors
        (scale,) = grads
        share = ctx.eps / len(weight)  # every class has it in the target: taken off the products, not off each number
        bias = (difference.sum(0) - share * len(states)) * scale if ctx.has_bias else None
        difference = difference.to(weight.dtype)
        for_states = (difference @ weight - share * weight.sum(0)) * scale
        states = states * scale
        for_weight = (difference.t() @ states).sub_(share * states.sum(0))
        return for_states, for_weight, bias, None, None
