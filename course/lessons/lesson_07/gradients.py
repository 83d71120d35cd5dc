"""What arrives below: the gradient of each layer of a fresh stack, and how torch's own encoder treats pads.

Imported with torch by the cells that use it; `course.lessons.lesson_07.experiments` offers both by name.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.lab.exercises.modules import copy_weights
from course.lessons.lesson_07 import reference

CLASSES, SENTENCES, WORDS = 50, 2, 8  # of the random task


def gradients(
    stack: Callable[..., Any], make: Callable[[], nn.Module], width: int, *, depth: int, weights: float = 1.0,
    seed: int = 1,
) -> list[float]:  # fmt: skip
    """Return how large the gradient of each layer's weights is in a fresh stack, from the bottom to the top.

    The loss is the cross-entropy of random classes, which a random linear map reads from each word at the top, under a
    last norm. Computed in float64: in float32 the size of a gradient below about 1e-23 would be 0.

    Args:
        stack: (make, n, x) -> (layers, y).
        make: returns a new layer, (B, T, width) -> (B, T, width).
        width: d_model.
        depth: how many layers.
        weights: what all matrices are multiplied with.
        seed: of the weights, the sentences and the classes.

    Returns:
        For each layer the root of the sum of the squares of its gradient.
    """
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(SENTENCES, WORDS, width, generator=random, dtype=torch.float64)
    classes = torch.randint(CLASSES, (SENTENCES * WORDS,), generator=random)
    output = torch.randn(width, CLASSES, generator=random, dtype=torch.float64) / width**0.5
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        layers, y = stack(lambda: _enlarged(make().double(), weights), depth, x)
    F.cross_entropy((_normed(y) @ output).flatten(0, 1), classes).backward()
    return [_size(layer) for layer in layers]


def _enlarged(layer: nn.Module, times: float) -> nn.Module:
    with torch.no_grad():
        for p in layer.parameters():
            if p.dim() > 1:
                p.mul_(times)
    return layer


def _normed(y: Tensor) -> Tensor:
    """Return the stream (B, T, d) under the last norm, which leaves as it is what has just been normed."""
    return F.layer_norm(y, y.shape[-1:])


def _size(layer: Any) -> float:  # noqa: ANN401
    squares = [float(p.grad.square().sum()) for p in layer.parameters() if p.grad is not None]
    return sum(squares) ** 0.5


# --- heads of lesson 04 in a module -------------------------------------------------------------------------------


def with_weights(heads: nn.Module, W: Any) -> nn.Module:  # noqa: ANN401
    """Put the matrices of lesson 04, arrays (d, d), into a MultiHeadAttention of any layout; return it in float64."""
    d = len(W["q"])
    example = reference.MultiHeadAttention(d, 1).double()  # only its weights are copied, which no head changes
    with torch.no_grad():
        for name, linear in (("q", example.q), ("k", example.k), ("v", example.v), ("o", example.o)):
            linear.weight.copy_(torch.from_numpy(W[name]).T)
            linear.bias.zero_()
    heads = heads.double()
    with torch.no_grad():
        copy_weights(example, heads)
    return heads


# --- torch's own encoder ------------------------------------------------------------------------------------------


def torchs_encoder() -> dict[str, Any]:
    """Return what torch's own encoder does with pads: in training mode, and in evaluation under no_grad.

    By name: the largest number at a pad in both, the largest difference at real words, and what becomes of a batch that
    has nothing but pads in both ("finite numbers", or the name of the exception). torch 2.13.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the quick path says that it is a prototype
        torch.default_generator.manual_seed(0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        encoder, x = nn.TransformerEncoder(layer, 2), torch.randn(2, 4, 16)
        pads = torch.tensor([[False, False, False, False], [False, False, True, True]])  # True = ignore, in torch
        slow = encoder.train()(x, src_key_padding_mask=pads).detach()
        alone_slow = _alone(encoder, x)
        with torch.no_grad():
            quick = encoder.eval()(x, src_key_padding_mask=pads)
            alone_quick = _alone(encoder, x)
    return {
        "pads, training": slow[pads].abs().max().item(),
        "pads, evaluation": quick[pads].abs().max().item(),
        "words": (slow - quick)[~pads].abs().max().item(),
        "only pads, training": alone_slow,
        "only pads, evaluation": alone_quick,
    }


def _alone(encoder: nn.Module, x: Tensor) -> str:
    try:
        y = encoder(x, src_key_padding_mask=torch.ones(x.shape[:2], dtype=torch.bool))
    except RuntimeError as error:
        return type(error).__name__
    return "finite numbers" if bool(y.isfinite().all()) else "nan"
