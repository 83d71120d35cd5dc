"""How good is the model now? Loss on all validation pairs, scores on some, and three sentences to read."""

from dataclasses import dataclass

import torch

from course.data import Examples, ParallelText, Tokenizer, length_bucketed_batches
from course.data.batches import make_batch
from course.decoding import greedy
from course.model import TranslationModel
from course.scoring import score
from course.training.loss import summed_loss, teacher_forced_states

GROUP = 100  # sentences translated at once


@dataclass(frozen=True)
class Validation:
    """Scores of a model on the validation pairs. loss: nats a token, without label smoothing."""

    loss: float
    bleu: float
    chrf: float
    samples: list[tuple[str, str, str]]  # source, reference, what the model says; the same three each time


def spread(n: int, wanted: int) -> list[int]:
    """`wanted` positions spread evenly over 0..n-1, always the same; all of them where there are fewer."""
    wanted = min(n, wanted)
    return [i * n // wanted for i in range(wanted)]


@torch.inference_mode()
def mean_loss(model: TranslationModel, examples: Examples, *, batch_tokens: int = 4000) -> float:
    """Cross-entropy in nats a real target token, without smoothing and dropout."""
    total, tokens = 0.0, 0
    for batch in length_bucketed_batches(examples, max_tokens=batch_tokens, seed=0, epoch=0, shuffle=False):
        batch = batch.to(next(model.parameters()).device)
        states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
        total += float(summed_loss(model.output, states, labels))
        tokens += len(labels)
    return total / max(1, tokens)


@torch.inference_mode()
def greedy_translations(model: TranslationModel, tokenizer: Tokenizer, examples: Examples) -> list[str]:
    """One greedy translation a pair, in order."""
    texts = [""] * len(examples)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i][0]))
    device = next(model.parameters()).device
    for start in range(0, len(order), GROUP):
        group = order[start : start + GROUP]
        src = make_batch(examples, group).src.to(device)
        limit = min(model.config.max_len, 2 * src.shape[1] + 10)
        for i, hypothesis in zip(group, greedy(model, src, max_len=limit), strict=True):
            texts[i] = tokenizer.decode(hypothesis.ids)
    return texts


def validate(
    model: TranslationModel, tokenizer: Tokenizer, text: ParallelText, examples: Examples, *, sentences: int
) -> Validation:
    """Score the model on `text`, whose ids are `examples`. Leaves it in evaluation mode."""
    model.eval()
    chosen = spread(len(examples), max(3, sentences))
    translations = greedy_translations(model, tokenizer, [examples[i] for i in chosen])
    scores = score(translations, [text.target[i] for i in chosen])
    samples = [(text.source[chosen[i]], text.target[chosen[i]], translations[i]) for i in spread(len(chosen), 3)]
    return Validation(mean_loss(model, examples), scores.bleu, scores.chrf, samples)
