"""The right answers of lesson 11, written to be read: two searches, a cache, BLEU, and the probabilities of a draw.

`step(ids)` is whatever continues a sentence: ids (B, T) of the beginnings so far -> logits (B, T, V) of the words that
follow each of their prefixes. Torch is imported when one of these is called.
"""

# mypy: disable-error-code=var-annotated
# The solutions are shown without annotations, so no list in them has one.

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from course.lab.exercises.later import Later
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Step = Callable[[Tensor], Tensor]
else:
    torch = Later("torch")


def greedy(step: Step, prompts: Tensor, max_len: int) -> Tensor:
    """Append the likeliest word to each beginning, again and again, until all have ended.

    Args:
        step: from ids (B, T) to logits (B, T, V).
        prompts: (B, P) int64 ids, the begin token first.
        max_len: how many words may be appended at most, the end token included.

    Returns:
        (B, P + n) ids; behind an end token stands padding.
    """
    ids = prompts
    done = torch.zeros(len(ids), dtype=torch.bool)
    for _ in range(max_len):
        token = step(ids)[:, -1].argmax(dim=-1)  # (B,): what follows the last word
        token = token.masked_fill(done, PAD)  # a sentence that has ended says nothing more
        ids = torch.cat([ids, token[:, None]], dim=1)
        done = done | (token == EOS)
        if done.all():
            break
    return ids


def beam(step: Step, k: int, max_len: int, alpha: float = 0.6) -> tuple[float, Tensor]:
    """Keep k places for hypotheses side by side, and return the best one.

    One that has ended keeps its place, and the others share those that are left. The score is the sum of the
    log-probabilities, divided by the length to the power of alpha; the length counts the end token and not the begin
    token.

    Args:
        step: from ids (n, t) to logits (n, t, V).
        k: places.
        max_len: how many words a hypothesis may have at most, the end token included.
        alpha: exponent of the length penalty.

    Returns:
        (score, ids): a number, and (1 + length,) ids from the begin token to the end token.
    """
    ids, total = torch.tensor([[BOS]]), torch.zeros(1, dtype=torch.float64)  # alive: (n, t) and their sums (n,)
    ended = []
    for _ in range(max_len):
        sums = total[:, None] + step(ids)[:, -1].log_softmax(dim=-1)  # (n, V): every hypothesis with every word
        best = sums.flatten().topk(min(k - len(ended), sums.numel()))
        row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
        over = token == EOS
        ended.extend(zip(total[over].tolist(), ids[over], strict=True))
        ids, total = ids[~over], total[~over]
        if len(ids) == 0:  # every place is taken by one that has ended
            break
    found = [*ended, *zip(total.tolist(), ids, strict=True)]
    scored = [(log_p / (len(words) - 1) ** alpha, words) for log_p, words in found]
    return max(scored, key=lambda pair: pair[0])


def incremental(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
    """Attend word by word with a cache of keys and values, as a decoder does that writes.

    Args:
        x: (B, T, d) the words' vectors, of which word t is known only at step t.
        W: (d, d) matrices by name, "q", "k" and "v", used as x @ W.
        table: (T or more, d) positions.

    Returns:
        (B, T, d) what each word gathers from itself and those before it.
    """
    B, T, d = x.shape
    keys, values = x.new_zeros(B, 0, d), x.new_zeros(B, 0, d)  # the cache: nothing yet
    outputs = []
    for t in range(T):
        new = x[:, t : t + 1] + table[t]  # (B, 1, d): the only word that is new
        q, k, v = new @ W["q"], new @ W["k"], new @ W["v"]
        keys, values = torch.cat([keys, k], dim=1), torch.cat([values, v], dim=1)  # (B, t + 1, d)
        weights = (q @ keys.transpose(1, 2) / math.sqrt(d)).softmax(dim=-1)  # (B, 1, t + 1)
        outputs.append(weights @ values)
    return torch.cat(outputs, dim=1)


def sample(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    """Return the probabilities (V,) that the next word is drawn with.

    Args:
        logits: (V,) what the model says.
        temperature: what the logits are divided by; more than 0.
        top_k: keep so many of the likeliest words; None for all of them.
        top_p: of these keep the fewest, likeliest first, that hold at least this much together; None for all.

    Returns:
        (V,) probabilities, 0 for what was not kept.
    """
    ordered, index = (logits / temperature).sort(descending=True)
    if top_k is not None:
        ordered[top_k:] = -torch.inf
    p = ordered.softmax(dim=-1)
    if top_p is not None:
        before = p.cumsum(dim=-1) - p  # what the likelier words hold together
        p = p.masked_fill(before >= top_p, 0.0)
        p = p / p.sum()
    return torch.zeros_like(p).scatter(0, index, p)  # back to where each word stood


def bleu(hyps: Sequence[Sequence[str]], refs: Sequence[Sequence[str]], N: int = 4) -> float:
    """Return BLEU of a whole corpus, between 0 and 1, without smoothing (Papineni et al. 2002, section 2.3).

    Args:
        hyps: translations, lists of words.
        refs: what they should be, one for each.
        N: the longest n-gram that counts.
    """
    matched, total = [0] * N, [0] * N
    for hyp, ref in zip(hyps, refs, strict=True):
        for n in range(1, N + 1):
            ours, theirs = (Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (hyp, ref))
            matched[n - 1] += sum(min(count, theirs[gram]) for gram, count in ours.items())
            total[n - 1] += sum(ours.values())
    if min(matched) == 0:
        return 0.0
    length, wanted = sum(map(len, hyps)), sum(map(len, refs))
    mean = sum(math.log(m / t) for m, t in zip(matched, total, strict=True)) / N
    return math.exp(min(0.0, 1 - wanted / length) + mean)


def repair_beam(step: Callable[[Tensor, Any], Tensor], cache: Any, k: int, max_len: int) -> tuple[float, Tensor]:  # noqa: ANN401
    """Search as `beam` does without a length penalty, with a cache: only the newest words go through the model.

    Args:
        step: from the newest words (n,) and the cache of n rows to logits (n, V); the cache keeps the words.
        cache: of k rows, all at the same beginning. `cache.select(rows)` is the cache whose row i continues its row
            rows[i].
        k: places.
        max_len: how many words a hypothesis may have at most, the end token included.

    Returns:
        (log-probability, ids) of the likeliest hypothesis, from the begin token to the end token.
    """
    ids = torch.full((k, 1), BOS)
    total = torch.tensor([0.0] + [-torch.inf] * (k - 1), dtype=torch.float64)  # one hypothesis, and k - 1 empty places
    ended = []
    for _ in range(max_len):
        sums = total[:, None] + step(ids[:, -1], cache).log_softmax(dim=-1)
        best = sums.flatten().topk(k - len(ended))
        row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
        over = token == EOS
        ended.extend(zip(total[over].tolist(), ids[over], strict=True))
        ids, total = ids[~over], total[~over]
        if len(ids) == 0:
            break
        cache = cache.select(row[~over])  # the row that each one came from
    return max([*ended, *zip(total.tolist(), ids, strict=True)], key=lambda pair: pair[0])
