"""A small translator that is trained in half a minute, in as many ways as the lesson asks about.

Embedded corpus, English to German; two layers on each side, 64 wide. What is trained here is made of the course's own
parts; only SGD, which the package does not offer, and a loss over padding are added. Imports torch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from course.data import Examples, Tokenizer, encode_pairs, length_bucketed_batches, load_corpus, make_batch
from course.data.batches import Batch
from course.lessons.lesson_10.settings import CORPUS, Setting
from course.model import Transformer, TransformerConfig, padding_mask
from course.special import PAD
from course.training.config import TrainingConfig
from course.training.loss import summed_loss, teacher_forced_states
from course.training.optimizer import make_optimizer
from course.training.schedule import learning_rate

Array = NDArray[Any]

VOCABULARY = 2000  # enough for whole words
SIZES: dict[str, Any] = {
    "d_model": 64, "d_ff": 192, "n_heads": 4, "n_encoder_layers": 2, "n_decoder_layers": 2, "dropout": 0.1,
    "positions": "rotary", "tie": "all", "bias": False,
}  # fmt: skip
BATCH_TOKENS = 1000
MIXED_SENTENCES = 64  # of a batch that is not sorted by length
CLIP = 1.0
EVERY = 50  # updates between two looks at the validation sentences
LOOKED_AT = 300  # of these


@dataclass(frozen=True)
class Corpus:
    """Sentence pairs as ids, without begin and end."""

    tokenizer: Tokenizer
    train: Examples
    dev: Examples
    test: Examples


def read_corpus(name: str = CORPUS) -> Corpus:
    """Return the embedded corpus as ids of whole words, mostly."""
    text = load_corpus(name, "train")
    tokenizer = Tokenizer.train([*text.source, *text.target], vocab_size=VOCABULARY)
    parts = [encode_pairs(load_corpus(name, split), tokenizer) for split in ("train", "dev", "test_iid")]
    return Corpus(tokenizer, *parts)


class ForLoops(nn.Module):
    """A Transformer that makes its own masks, so that a loop can call it with ids alone."""

    def __init__(self, vocabulary: int, **sizes: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.inner = Transformer(TransformerConfig(vocabulary, vocabulary, **{**SIZES, **sizes}))

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        """Ids (B, S) and (B, T) -> logits (B, T, V)."""
        logits = self.inner(src, tgt, src_mask=padding_mask(src, pad=PAD))
        assert isinstance(logits, Tensor)
        return logits


# --- one training -----------------------------------------------------------------------------------------------


@dataclass
class Trained:
    """A trained model, the loss that it reported at each update, and the validation losses (step, nats a word)."""

    model: Transformer
    reported: list[float] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)


def train_small(
    setting: Setting, corpus: Corpus, *, steps: int, seed: int = 1, say: Callable[[str], object] = lambda line: None
) -> Trained:
    """Train the small translator in one way for so many updates."""
    torch.manual_seed(seed)
    size = corpus.tokenizer.vocab_size
    model = Transformer(TransformerConfig(size, size, **SIZES))
    optimizer, done = _optimizer(setting, model), Trained(model)
    batches = _batches(setting, corpus.train[: setting.sentences], seed)
    for step in range(steps):
        rate = learning_rate(step, step / steps, peak=setting.lr, warmup_steps=setting.warmup, schedule="linear")
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        optimizer.zero_grad()
        loss = _loss(setting, model, next(batches))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        done.reported.append(loss.item())
        if (step + 1) % EVERY == 0:
            done.validations.append((step + 1, mean_loss(model, corpus.dev[:LOOKED_AT])))
            say(f"{setting.name} {step + 1}: reported {loss.item():.3f}, validation {done.validations[-1][1]:.3f}")
    model.eval()
    return done


def _optimizer(setting: Setting, model: Transformer) -> torch.optim.Optimizer:
    if setting.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=setting.lr)
    how = TrainingConfig(max_steps=1, optimizer=setting.optimizer, lr=setting.lr)  # type: ignore[arg-type]
    return make_optimizer(model, how)


def _loss(setting: Setting, model: Transformer, batch: Batch) -> Tensor:
    if setting.counts_padding:
        logits = model(batch.src, batch.tgt_in, src_mask=padding_mask(batch.src, pad=PAD))
        assert isinstance(logits, Tensor)
        return F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), label_smoothing=setting.eps)
    states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
    return summed_loss(model.output, states, labels, label_smoothing=setting.eps) / len(labels)


def _batches(setting: Setting, examples: Examples, seed: int) -> Iterator[Batch]:
    epoch = 0
    while True:
        if setting.mixed_lengths:
            yield from _unsorted(examples, seed + 1000 * epoch)
        else:
            yield from length_bucketed_batches(examples, max_tokens=BATCH_TOKENS, seed=seed, epoch=epoch)
        epoch += 1


def _unsorted(examples: Examples, seed: int) -> Iterator[Batch]:
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    for start in range(0, len(order) - MIXED_SENTENCES + 1, MIXED_SENTENCES):
        yield make_batch(examples, order[start : start + MIXED_SENTENCES])


# --- what a trained model says ----------------------------------------------------------------------------------


@torch.inference_mode()
def mean_loss(model: Transformer, examples: Examples) -> float:
    """Cross-entropy in nats a word, padding and smoothing left out, in evaluation mode; the mode is put back."""
    was, total, words = model.training, 0.0, 0
    model.eval()
    for batch in length_bucketed_batches(examples, max_tokens=4000, seed=0, epoch=0, shuffle=False):
        states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
        total += float(summed_loss(model.output, states, labels))
        words += len(labels)
    model.train(was)
    return total / words


@torch.inference_mode()
def confidences(model: Transformer, examples: Examples) -> tuple[Array, Array]:
    """For each word of the targets: the largest probability that the model gives, and whether it is that word's."""
    sure, right = [], []
    for batch in length_bucketed_batches(examples, max_tokens=4000, seed=0, epoch=0, shuffle=False):
        states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
        largest, guesses = torch.softmax(model.output(states).double(), dim=1).max(dim=1)
        sure.append(largest.numpy())
        right.append((guesses == labels).numpy())
    return np.concatenate(sure), np.concatenate(right)


@torch.inference_mode()
def padding_share(examples: Examples, *, seed: int = 1, batches: int = 50) -> float:
    """Which share of the label positions is padding in batches that are not sorted by length."""
    found = [batch for batch, _ in zip(_unsorted(examples, seed), range(batches), strict=False)]
    return 1 - sum(batch.n_target_tokens for batch in found) / sum(batch.labels.numel() for batch in found)
