"""Which optimizer moves which parameter, and with which rate and decay."""

from typing import Any

import torch
from torch import nn

from course.errors import CourseError
from course.model import RecurrentModel, Transformer
from course.model.recurrent_config import GATES
from course.training.config import TrainingConfig
from course.training.muon import Block, Muon


def make_optimizer(model: nn.Module, training: TrainingConfig, *, precision: str = "float32") -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) with the paper's betas, or Muon for the matrices between embedding and output.

    Matrices decay, biases and norms do not. precision: "float32" or "bfloat16", of the products that Muon makes.
    Raises `CourseError` where Muon cannot cut a matrix into blocks.
    """
    inner = blocks_of(model) if training.optimizer == "muon" else {}
    others = [p for p in model.parameters() if not any(p is matrix for group in inner.values() for matrix in group)]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": training.weight_decay, "orthogonal": True, "block": block}
        for block, matrices in inner.items()
    ]
    groups.append({"params": [p for p in others if p.dim() > 1], "weight_decay": training.weight_decay})
    groups.append({"params": [p for p in others if p.dim() <= 1], "weight_decay": 0.0})
    groups = [group for group in groups if group["params"]]
    how: dict[str, Any] = {"lr": training.lr, "betas": (0.9, 0.98), "eps": 1e-9, "fused": True}
    if training.optimizer == "muon":
        return Muon(groups, products=torch.bfloat16 if precision == "bfloat16" else None, **how)
    return torch.optim.AdamW(groups, **how)


def blocks_of(model: nn.Module) -> dict[Block, list[nn.Parameter]]:
    """Return the matrices that Muon moves, by the shape of the blocks that they are made of."""
    if isinstance(model, RecurrentModel):
        return _of_recurrent(model)
    assert isinstance(model, Transformer)
    return _of_transformer(model)


def _of_transformer(model: Transformer) -> dict[Block, list[nn.Parameter]]:
    """All matrices of encoder and decoder, in blocks of d_model x d_model."""
    width = model.config.d_model
    found = [p for part in (model.encoder, model.decoder) for p in part.parameters() if p.dim() == 2]
    for p in found:
        if any(side % width for side in p.shape):
            raise CourseError(
                f"optimizer muon needs widths that are multiples of d_model ({width}), and one is {max(p.shape)}: take "
                "another d_ff, or adamw."
            )
    return {(width, width): found} if found else {}


def _of_recurrent(model: RecurrentModel) -> dict[Block, list[nn.Parameter]]:
    """The matrices of the cells, a block for each gate, and the others but embeddings, output and single rows."""
    outside = {model.src_embedding.weight, model.tgt_embedding.weight, model.output.weight}
    of_cells = {p for cells in (model.encoder, model.decoder) for p in cells.parameters()}
    found: dict[Block, list[nn.Parameter]] = {}
    for p in model.parameters():
        if p.dim() == 2 and len(p) > 1 and p not in outside:
            parts = GATES[model.config.architecture] if p in of_cells else 1
            rows = min(len(p) // parts, p.shape[1])  # the first states of several layers lie one below the other
            found.setdefault((rows, p.shape[1]), []).append(p)
    return found
