"""The four property tests for Transformers, and what a check sees of somebody else's.

A test gets a model and says which properties it violates. It is tried on Transformers of which that is known: those of
:mod:`course.lessons.lesson_08.broken`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course.lessons.lesson_08 import broken

VOCAB = 20  # ids 0 to 19; 0 is the pad
PAD, FIRST = 0, 4  # the first id of an ordinary word
SIZES = (VOCAB, 8, 2, 16, 1)  # vocab_size, d_model, n_heads, d_ff, n_layers of the models that are tried


def moved(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape differ by more than rounding."""
    return bool((one - other).abs().max() > 1e-6)


def other_words(tokens: Tensor) -> Tensor:
    """Ids of the same shape that differ everywhere and are ordinary words, too."""
    return (tokens - FIRST + 5) % (VOCAB - FIRST) + FIRST


@torch.no_grad()
def properties(model: nn.Module) -> set[str]:
    """Return which of "causality", "padding", "memory" and "batch" a Transformer violates.

    model: takes ids (B, S) and (B, T), and masks, as the Transformer of this lesson; its vocabulary holds 20 words.
    It is in evaluation mode afterwards.
    """
    model.eval()  # dropout would move everything
    generator = torch.Generator().manual_seed(8)
    src = torch.randint(FIRST, VOCAB, (3, 6), generator=generator)
    tgt = torch.randint(FIRST, VOCAB, (3, 7), generator=generator)
    logits = model(src, tgt)
    found = set()
    for t in range(1, tgt.shape[1]):  # causality: another word at t moves nothing before t
        changed = tgt.clone()
        changed[:, t] = other_words(tgt)[:, t]
        if moved(model(src, changed)[:, :t], logits[:, :t]):
            found.add("causality")
    padded = torch.cat([src, torch.full((3, 2), PAD)], dim=1)  # padding: pads behind a mask move nothing
    if moved(model(padded, tgt, src_mask=(padded != PAD)[:, None, None, :]), logits):
        found.add("padding")
    if not moved(model(other_words(src), tgt), logits):  # memory: another source does
        found.add("memory")
    for b in range(len(src)):  # batch: a sentence alone is the same sentence
        if moved(model(src[b : b + 1], tgt[b : b + 1]), logits[b : b + 1]):
            found.add("batch")
    return found


# ---- What a check sees -----------------------------------------------------------------------------------------


def suspect(name: str, seed: int = 0) -> nn.Module:
    """Return a Transformer by its name in `broken.BROKEN`, or a sound one, as it is tested.

    It is in training mode and has dropout, as a new one does, and computes in float64.
    """
    return broken.make(name, *SIZES, seed=seed, dropout=0.1, max_len=32).double().train()


def observe(function: Callable[..., Any], name: str, seed: int) -> dict[str, str] | None:
    """Let somebody's tests judge one Transformer; None if they hand nothing back."""
    answer = function(suspect(name, seed))
    if isinstance(answer, (set, frozenset)) and name in broken.BROKEN:
        answer = answer - set(broken.BROKEN[name].may)
    return None if answer is None else {"what it finds violated": in_words(answer)}


def in_words(answer: object) -> str:
    """Return an answer as words that can be compared."""
    if not isinstance(answer, (set, frozenset)):
        return f"no set but of type {type(answer).__name__}"
    names = [name if isinstance(name, str) else repr(name) for name in answer]
    known = [name for name in broken.PROPERTIES if name in names]
    return ", ".join(known + sorted(set(names) - set(known))) or "nothing"


EDGES = 8  # models with one open edge that are tried; a target of up to nine words has each of its edges open once


def with_open_edge(k: int) -> nn.Module:
    """Return a Transformer that hides the future but for one word, which the place before it sees.

    k: which word; 0 for that at place 1, and so on, again from there where the target is shorter.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(k)
    try:
        model = broken.OpenEdge(*SIZES, dropout=0.1, max_len=64)
    finally:
        torch.set_rng_state(state)
    model.k = k
    return model.double().train()


@dataclass(frozen=True)
class Call:
    """One call of a model: what it was given, and its mode.

    given: the target itself, of which `tgt` is a copy.
    """

    src: Tensor
    tgt: Tensor
    src_mask: Tensor | None
    tgt_mask: Tensor | None
    training: bool
    given: Tensor

    @property
    def overwritten(self) -> bool:
        """Whether somebody has written into the target since."""
        return not torch.equal(self.given, self.tgt)


class Spy(nn.Module):
    """A Transformer that keeps a list of how it was called."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.calls = model, list[Call]()

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None
    ) -> Tensor:
        """As the model."""
        self.calls.append(Call(src.clone(), tgt.clone(), src_mask, tgt_mask, self.training, tgt))
        logits: Tensor = self.model(src, tgt, src_mask, tgt_mask)
        return logits

    def encode(self, src: Tensor, src_mask: Tensor | None = None) -> Tensor:
        """As the model."""
        memory: Tensor = self.model.encode(src, src_mask)  # type: ignore[operator]
        return memory

    def decode(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, src_mask: Tensor | None = None
    ) -> Tensor:
        """As the model."""
        logits: Tensor = self.model.decode(tgt, memory, tgt_mask, src_mask)  # type: ignore[operator]
        return logits


def spied(function: Callable[..., Any], name: str) -> tuple[list[Call], str]:
    """Return how somebody's tests call a Transformer, and what they find."""
    spy = Spy(suspect(name))
    answer = function(spy)
    return spy.calls, in_words(answer)
