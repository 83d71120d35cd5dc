"""Muon: momentum that is made orthogonal before it moves a matrix (Jordan et al. 2024).

The momentum of a weight matrix is nearly of low rank: a few directions dominate it, and an update along it changes
little else. Muon replaces it by the nearest matrix whose singular values are all about 1, so that rare directions move
as far as common ones. With U S V^T for the singular value decomposition of the momentum M, the update is

    O = U V^T,   approximated by   X <- a X + (b A + c A A) X   with   A = X X^T,   a few times from   X = M / |M|.

Each round maps every singular value s to a s + b s^3 + c s^5 and leaves U and V alone: what is small grows 3.4 times,
what is large comes to between .7 and 1.2. The factor .2 sqrt(d) gives the update the size of one by AdamW, so that both
share a learning rate (Liu et al. 2025, arXiv 2502.16982, section 2.2). Source of the method and of a, b and c:
kellerjordan.github.io/posts/muon. There five rounds are made; for the course's small matrices three did as well.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

ROUND = (3.4445, -4.7750, 2.0315)  # a, b, c
ROUNDS = 3
EPS = 1e-7


def orthogonalized(matrices: Tensor, products: torch.dtype | None = None) -> Tensor:
    """Return matrices (n, r, c), r <= c, with the same singular vectors and with larger singular values near 1.

    products: the number format of the rounds, None for that of the matrices. bfloat16 does, since they come only near
    1 anyway.
    """
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + EPS)  # no singular value is above 1 now
    x = x.to(products or x.dtype)
    a, b, c = ROUND
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrices.dtype)


class Muon(torch.optim.AdamW):
    """AdamW, in which groups with ``orthogonal=True`` move by orthogonalized Nesterov momentum instead.

    Such a group holds matrices (k d, d) or (d, k d), made of k square blocks like the stacked projections of queries,
    keys and values. Each block is a matrix of its own, and all blocks are orthogonalized together.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        momentum: float = 0.9,
        products: torch.dtype | None = None,
        **adamw: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(groups, **adamw)
        self.momentum, self.products = momentum, products

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move all parameters once."""
        orthogonal = [group for group in self.param_groups if group.get("orthogonal")]
        gradients = {p: p.grad for group in orthogonal for p in group["params"] if p.grad is not None}
        for p in gradients:
            p.grad = None  # AdamW passes over what has no gradient
        loss = super().step(closure)
        for group in orthogonal:
            if matrices := [p for p in group["params"] if p in gradients]:
                self._move(matrices, gradients, group["lr"], group["weight_decay"])
        for p, gradient in gradients.items():
            p.grad = gradient
        return loss

    def _move(self, matrices: list[Tensor], gradients: dict[Tensor, Tensor], lr: float, weight_decay: float) -> None:
        for p in matrices:
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        now = [gradients[p] for p in matrices]
        momenta = [self.state[p]["momentum"] for p in matrices]
        torch._foreach_lerp_(momenta, now, 1 - self.momentum)
        ahead = torch._foreach_lerp(now, momenta, self.momentum)  # Nesterov: one step farther
        width = min(matrices[0].shape)
        blocks = [as_blocks(m, width) for m in ahead]
        moved = orthogonalized(torch.cat(blocks), self.products).split([len(block) for block in blocks])
        updates = [from_blocks(part, p.shape) for part, p in zip(moved, matrices, strict=True)]
        torch._foreach_mul_(matrices, 1 - lr * weight_decay)
        torch._foreach_add_(matrices, updates, alpha=-lr * 0.2 * width**0.5)


def as_blocks(matrix: Tensor, width: int) -> Tensor:
    """(k d, d) or (d, k d) -> (k, d, d), with d the width."""
    return (
        matrix.unflatten(0, (-1, width))
        if matrix.shape[1] == width
        else matrix.unflatten(1, (-1, width)).transpose(0, 1)
    )


def from_blocks(blocks: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of `as_blocks`: (k, d, d) -> the shape."""
    return (blocks if shape[1] == blocks.shape[-1] else blocks.transpose(0, 1)).reshape(shape)
