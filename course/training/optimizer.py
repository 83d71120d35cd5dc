"""Which optimizer moves which parameter, and with which rate and decay."""

from typing import Any

import torch
from torch import nn

from course.errors import CourseError
from course.model import Transformer
from course.training.config import TrainingConfig
from course.training.muon import Muon


def make_optimizer(model: nn.Module, training: TrainingConfig, *, precision: str = "float32") -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) with the paper's betas, or Muon for the matrices of encoder and decoder.

    Matrices decay, biases and norms do not. precision: "float32" or "bfloat16", of the products that Muon makes.
    Raises `CourseError` where Muon cannot cut a matrix into square blocks.
    """
    inner = square_blocked(model) if training.optimizer == "muon" else []
    others = [p for p in model.parameters() if not any(p is matrix for matrix in inner)]
    groups: list[dict[str, Any]] = [
        {"params": inner, "weight_decay": training.weight_decay, "orthogonal": True},
        {"params": [p for p in others if p.dim() > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in others if p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    how: dict[str, Any] = {"lr": training.lr, "betas": (0.9, 0.98), "eps": 1e-9, "fused": True}
    if training.optimizer == "muon":
        return Muon(groups, products=torch.bfloat16 if precision == "bfloat16" else None, **how)
    return torch.optim.AdamW(groups, **how)


def square_blocked(model: nn.Module) -> list[nn.Parameter]:
    """Return the matrices of encoder and decoder, made of blocks of d_model x d_model."""
    if not isinstance(model, Transformer):
        raise CourseError("optimizer muon is for the matrices of a Transformer: take adamw for a recurrent model.")
    width = model.config.d_model
    found = [p for part in (model.encoder, model.decoder) for p in part.parameters() if p.dim() == 2]
    for p in found:
        if any(side % width for side in p.shape):
            raise CourseError(
                f"optimizer muon needs widths that are multiples of d_model ({width}), and one is {max(p.shape)}: take "
                "another d_ff, or adamw."
            )
    return found
