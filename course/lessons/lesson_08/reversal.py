"""The task of this lesson's end: a word is to be written backward, letter by letter.

Small enough to be learned in seconds, and its solution can be read off: whoever writes letter t has to look at letter
n - 1 - t, so that a map of cross-attention must be the anti-diagonal. The idea is that of the reverse task in
tutorial 6 of the University of Amsterdam's deep learning course, here with an encoder, a decoder and words of
different lengths.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course.errors import CourseError
from course.special import BOS, EOS, PAD

LETTERS = "abcdefghij"
FIRST = 4  # the id of "a", behind the special tokens
LAST = FIRST + len(LETTERS)  # the id behind that of "j"
VOCAB = 20  # ids that a model knows, as in the tests of properties; those from LAST on are never used
SHORTEST, LONGEST = 4, 8
SIZES = (VOCAB, 32, 2, 64, 1)  # vocab_size, d_model, n_heads, d_ff, n_layers


@dataclass(frozen=True)
class Words:
    """A batch of words: src (B, S) with EOS and pads, tgt (B, T) the words backward behind BOS, labels (B, T)."""

    src: Tensor
    tgt: Tensor
    labels: Tensor

    @property
    def src_mask(self) -> Tensor:
        """(B, 1, 1, S), True = a letter or EOS."""
        return (self.src != PAD)[:, None, None, :]


def draw(n: int, generator: torch.Generator, shortest: int = SHORTEST, longest: int = LONGEST) -> Words:
    """Draw n words of random letters."""
    lengths = torch.randint(shortest, longest + 1, (n, 1), generator=generator)
    letters = torch.randint(FIRST, LAST, (n, longest), generator=generator)
    return of_letters(letters, lengths)


def of_letters(letters: Tensor, lengths: Tensor) -> Words:
    """Make a batch of letters (B, longest) of which each row counts up to its length: lengths (B, 1)."""
    n, longest = letters.shape
    at = torch.arange(longest + 1)
    padded = F.pad(letters, (0, 1), value=PAD)
    src = torch.where(at < lengths, padded, torch.where(at == lengths, EOS, PAD))
    backward = padded.gather(1, (lengths - 1 - at).clamp(min=0))
    labels = torch.where(at < lengths, backward, torch.where(at == lengths, EOS, PAD))
    tgt = torch.cat([torch.full((n, 1), BOS), labels[:, :-1]], dim=1)
    return Words(src, torch.where(tgt == EOS, PAD, tgt), labels)


def spell(word: str) -> Words:
    """Make a batch of a single word."""
    letters = torch.tensor([[FIRST + LETTERS.index(letter) for letter in word]])
    return of_letters(letters, torch.tensor([[len(word)]]))


def loss_of(model: nn.Module, words: Words) -> Tensor:
    """The mean cross-entropy of a letter, in nats, with teacher forcing."""
    logits = model(words.src, words.tgt, src_mask=words.src_mask)
    return F.cross_entropy(logits.flatten(0, 1), words.labels.flatten(), ignore_index=PAD)


def train(
    model: nn.Module,
    steps: int,
    *,
    seed: int = 8,
    batch: int = 64,
    lr: float = 3e-3,
    report: Callable[[int, float], Any] | None = None,
) -> list[float]:
    """Train a model to write words backward; return the loss of every update, in nats a letter.

    The rate climbs over the first tenth of the updates and falls in a straight line to 0. report(step, loss), if it is
    given, is called after every tenth of the updates. Lesson 10 takes such a loop apart.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98))
    warmup = max(steps // 10, 1)
    model.train()
    losses = []
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(step / warmup, (steps - step + 1) / (steps - warmup + 1))
        loss = loss_of(model, draw(batch, generator))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if report is not None and step % max(steps // 10, 1) == 0:
            report(step, loss.item())
    return losses


@torch.no_grad()
def write_backward(model: Any, words: Words) -> Tensor:  # noqa: ANN401
    """Let a model write: the likeliest letter, again and again, from its own letters alone. Returns ids (B, T)."""
    model.eval()
    memory = model.encode(words.src, words.src_mask)
    written = torch.full((len(words.src), 1), BOS)
    for _ in range(words.labels.shape[1]):
        logits = model.decode(written, memory, src_mask=words.src_mask)
        written = torch.cat([written, logits[:, -1:].argmax(-1)], dim=1)
    return written[:, 1:]


def percent_right(model: nn.Module, words: Words) -> float:
    """Percent of words that a model writes backward without a mistake, end included."""
    written = write_backward(model, words)
    wanted = words.labels
    return 100 * float(((written == wanted) | (wanted == PAD)).all(dim=1).double().mean())


@torch.no_grad()
def percent_of_letters(model: nn.Module, words: Words) -> float:
    """Percent of letters, ends included, that a model guesses if it is given the right ones before."""
    model.eval()
    guessed = model(words.src, words.tgt, src_mask=words.src_mask).argmax(-1)
    real = words.labels != PAD
    return 100 * float((guessed == words.labels)[real].double().mean())


def new_words(n: int = 500) -> Words:
    """Return words for testing; with ten letters hardly any of them of five letters or more was drawn in training."""
    return draw(n, torch.Generator().manual_seed(2017))


# ---- Where a model looks ---------------------------------------------------------------------------------------


class Watch(TorchFunctionMode):
    """Keeps the attention weights that pass through torch while it is on, whoever computes them and however.

    A matrix product takes weights if they look like some: no number below 0, and each row adds up to 1 (or to 0, if it
    may look at nothing).
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: Sequence[Any] = (),
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Look at the arguments of a product, and do it."""
        if func is F.scaled_dot_product_attention:  # which makes its weights where nobody sees them
            self.seen.append(_weights_of(*args, **(kwargs or {})))
        if func in _PRODUCTS:
            self.seen += [each.detach().clone() for each in args if isinstance(each, Tensor) and _are_weights(each)]
        return func(*args, **(kwargs or {}))


_PRODUCTS = {torch.matmul, torch.bmm, torch.einsum, Tensor.matmul, Tensor.__matmul__, Tensor.bmm, Tensor.__rmatmul__}


def _weights_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights of a call of torch's own attention, made once more; its arguments are those of torch."""
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is None:
        return scores.softmax(dim=-1).detach()
    if attn_mask.dtype != torch.bool:
        return (scores + attn_mask).softmax(dim=-1).detach()
    return scores.masked_fill(~attn_mask, -torch.inf).softmax(dim=-1).nan_to_num().detach()


def _are_weights(x: Tensor) -> bool:
    if x.dim() < 3 or not x.is_floating_point() or bool((x < 0).any()):
        return False
    sums = x.sum(dim=-1)
    return bool((((sums - 1).abs() < 1e-4) | (sums == 0)).all())


@torch.no_grad()
def cross_attention(model: Any, words: Words) -> Tensor:  # noqa: ANN401
    """Return the cross-attention weights while the letters of a single word are written: (layers, H, n, n + 1).

    words: a batch of one, of n letters; the source has its EOS as well, so that these weights differ in shape from
    others.

    Raises:
        CourseError: where a model attends in a way that cannot be watched.
    """
    model.eval()
    memory = model.encode(words.src, words.src_mask)
    with Watch() as watch:
        model.decode(words.tgt[:, :-1], memory, src_mask=words.src_mask)
    shape = (words.tgt.shape[1] - 1, words.src.shape[1])
    seen = [each.flatten(0, -3) for each in watch.seen if tuple(each.shape[-2:]) == shape]
    if not seen:
        raise CourseError(
            "No weights of your cross-attention passed by, so nobody can see where it looks. They are seen where `@`, "
            "torch.matmul, torch.bmm, torch.einsum or F.scaled_dot_product_attention mixes the values."
        )
    return torch.stack(seen)


def percent_on_the_anti_diagonal(model: nn.Module, words: int = 100, seed: int = 2018) -> float:
    """Percent of steps in which the last layer looks most where the letter is that it has to write.

    Averaged over the heads, over all letters of so many new words, each asked alone.
    """
    generator = torch.Generator().manual_seed(seed)
    right = steps = 0
    for _ in range(words):
        one = draw(1, generator)
        n = int((one.src >= FIRST).sum())
        one = of_letters(one.src[:, :n], torch.tensor([[n]]))
        looks = cross_attention(model, one)[-1].mean(dim=0).argmax(dim=-1)  # (n,)
        right += int((looks == torch.arange(n - 1, -1, -1)).sum())
        steps += n
    return 100 * right / steps
