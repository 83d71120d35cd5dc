"""How a recurrent decoder looks at the source: five ways to score, and two windows.

For one decoder state s and the encoder's states h_1 .. h_S, a score says how well s and h_i match, a softmax makes the
scores weights that sum to one, and the context is the mean of the h_i under these weights. The kinds differ in the
score alone:

    additive, concat   v . tanh(W s + U h_i)     Bahdanau et al. 2015, appendix A.1.2; Luong et al. 2015, equation 8
    dot                s . h_i                   Luong et al. 2015, equation 8
    general            s . W h_i                 Luong et al. 2015, equation 8
    local-m, local-p   s . W h_i, for a few h_i  Luong et al. 2015, section 3.2

"additive" and "concat" are one formula. They differ in who asks: Bahdanau's decoder with the state before it reads the
next word, Luong's with the state after (`course.model.recurrent`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course.model.masks import require_mask
from course.model.recurrent_config import RecurrentConfig


@dataclass(frozen=True)
class Source:
    """The encoded source, and what attention can compute of it once for all decoder steps."""

    memory: Tensor  # (B, S, d): the encoder's states
    keys: Tensor  # (B, S, d): what scores are made with
    mask: Tensor  # (B, S) bool: True = a real token

    def __post_init__(self) -> None:
        require_mask(self.mask, self.memory, self.memory.shape[:2])

    def rows(self, which: Tensor) -> "Source":
        """Only some of the sentences, in this order; which: (N,) ids."""
        return Source(*(t.index_select(0, which) for t in (self.memory, self.keys, self.mask)))


class SourceAttention(nn.Module):
    """Score, softmax, context, for every kind of attention but "none"."""

    def __init__(self, config: RecurrentConfig):
        super().__init__()
        d = config.d_model
        self.kind, self.window = config.attention, config.window
        if self.kind != "dot":
            self.key = nn.Linear(d, d, bias=False)
        if self.kind in ("additive", "concat"):
            self.query = nn.Linear(d, d, bias=False)
            self.score = nn.Linear(d, 1, bias=False)
        if self.kind == "local-p":
            self.place = nn.Linear(d, d, bias=False)
            self.place_score = nn.Linear(d, 1, bias=False)

    def look_at(self, memory: Tensor, mask: Tensor) -> Source:
        """Prepare memory (B, S, d) with its mask (B, S)."""
        return Source(memory, memory if self.kind == "dot" else self.key(memory), mask)

    def forward(self, query: Tensor, source: Source, places: Tensor) -> tuple[Tensor, Tensor]:
        """Ask with decoder states (B, Q, d) that stand at target positions `places`: (Q,), or (1,) for all.

        Returns the context (B, Q, d) and the weights (B, Q, S). Weights sum to 1, except where nothing may be seen: 0;
        and under "local-p", whose Gaussian leaves less than 1.
        """
        scores = self.scores(query, source)
        mask = source.mask[:, None, :]
        gaussian: Tensor | None = None
        if self.kind.startswith("local"):
            center = self.centers(query, source, places)[..., None]  # (B, Q, 1)
            distance = torch.arange(scores.shape[-1], device=scores.device) - center
            mask = mask & (distance.abs() <= self.window)
            if self.kind == "local-p":  # equation 10, with the paper's sigma = D / 2
                gaussian = torch.exp(-(distance**2) / (2 * (self.window / 2) ** 2))
        # Forbidden scores get the lowest finite number, so that a row of them alone is not 0/0.
        weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1).masked_fill(~mask, 0.0)
        if gaussian is not None:
            weights = weights * gaussian
        return weights.to(source.memory.dtype) @ source.memory, weights

    def scores(self, query: Tensor, source: Source) -> Tensor:
        """How well each query (B, Q, d) matches each source state: (B, Q, S)."""
        if self.kind in ("additive", "concat"):
            joined = torch.tanh(self.query(query)[:, :, None] + source.keys[:, None])  # (B, Q, S, d)
            return self.score(joined)[..., 0]
        return query @ source.keys.mT

    def centers(self, query: Tensor, source: Source, places: Tensor) -> Tensor:
        """The source position, counted from 0, around which each query looks: (B, Q) or (1, Q or 1).

        local-m: the query's own position. local-p: the last position times sigmoid(v . tanh(W s)) (equation 9).
        """
        if self.kind == "local-m":
            return places[None]
        part = torch.sigmoid(self.place_score(torch.tanh(self.place(query))))[..., 0]
        last = source.mask.sum(-1, keepdim=True) - 1
        return last * part.to(torch.promote_types(part.dtype, torch.float32))  # bfloat16 would round places
