"""Muon: momentum that is made orthogonal before it moves a matrix (Jordan et al. 2024).

The momentum of a weight matrix is nearly of low rank: a few directions dominate it, and an update along it changes
little else. Muon replaces it by the nearest matrix whose singular values are all about 1, so that rare directions move
as far as common ones. With U S V^T for the singular value decomposition of the momentum M, the update is

    O = U V^T,   approximated by   X <- a X + (b A + c A A) X   with   A = X X^T,   a few times from   X = M / |M|.

Each round maps every singular value s to a s + b s^3 + c s^5 and leaves U and V alone: what is small grows 3.4 times,
what is large comes to between .7 and 1.2. The factor .2 sqrt(n), for n columns, gives the update the size of one by
AdamW, so that both share a learning rate (Liu et al. 2025, arXiv 2502.16982, section 2.2). Source of the method and of
a, b and c: kellerjordan.github.io/posts/muon. There five rounds are made; for the course's small matrices three did as
well.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

ROUND = (3.4445, -4.7750, 2.0315)  # a, b, c
ROUNDS = 3
EPS = 1e-7
Block = tuple[int, int]  # rows and columns


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

    Such a group holds matrices made of blocks of one shape, which the group names: ``block=(rows, columns)``, with no
    more rows than columns. Queries, keys and values of a stacked projection are such blocks, and the gates of a
    recurrent cell. Each block is a matrix of its own, and all blocks are orthogonalized together.
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
                self._move(matrices, gradients, group["block"], group["lr"], group["weight_decay"])
        for p, gradient in gradients.items():
            p.grad = gradient
        return loss

    def _move(
        self, matrices: list[Tensor], gradients: dict[Tensor, Tensor], block: Block, lr: float, weight_decay: float
    ) -> None:
        for p in matrices:
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        now = [gradients[p] for p in matrices]
        momenta = [self.state[p]["momentum"] for p in matrices]
        torch._foreach_lerp_(momenta, now, 1 - self.momentum)
        ahead = torch._foreach_lerp(now, momenta, self.momentum)  # Nesterov: one step farther
        blocks = [as_blocks(m, block) for m in ahead]
        moved = orthogonalized(torch.cat(blocks), self.products).split([len(block) for block in blocks])
        updates = [from_blocks(part, p.shape) for part, p in zip(moved, matrices, strict=True)]
        torch._foreach_mul_(matrices, 1 - lr * weight_decay)
        torch._foreach_add_(matrices, updates, alpha=-lr * 0.2 * max(block) ** 0.5)


def as_blocks(matrix: Tensor, block: Block) -> Tensor:
    """(m r, n c) -> (m n, r, c), with r and c the sides of a block."""
    rows, columns = block
    return matrix.unflatten(1, (-1, columns)).unflatten(0, (-1, rows)).transpose(1, 2).flatten(0, 1)


def from_blocks(blocks: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of `as_blocks`: (m n, r, c) -> the shape (m r, n c)."""
    down = shape[0] // blocks.shape[1]
    return blocks.unflatten(0, (down, -1)).transpose(1, 2).reshape(shape)
