"""Decoding: greedy with and without the cache, taking turns, and beam search over a thousand sentences.

The weights are random, since only the work counts. Such a model does not know when to stop, so each sentence gets its
own limit, a fifth more than its source, and runs up to it: somewhat more work than a trained model has.
"""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from course.data.batches import make_batch
from course.decoding import beam_search, greedy
from course.model import Transformer
from tests.benchmarks.training_speed import preset

SENTENCES, BATCH, BEAM = 1000, 64, 5
STEPS, ROUNDS = 30, 7


def model() -> Transformer:
    torch.manual_seed(1)
    return Transformer(preset()[0]).eval()


def sources(n: int, vocabulary: int) -> list[list[int]]:
    """Ids with the sentence lengths of captions, short sentences first as the translator sorts them."""
    numbers = random.Random(5)
    lengths = sorted(min(40, max(5, round(numbers.gauss(15, 5)))) for _ in range(n))
    return [[numbers.randrange(4, vocabulary) for _ in range(length)] for length in lengths]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def greedy_ratio(net: Transformer) -> float:
    """How many times as long greedy takes when it computes the whole prefix again at each of 30 steps."""
    src = make_batch([(ids, []) for ids in sources(BATCH, net.config.src_vocab_size)]).src
    ratios = []
    for _ in range(ROUNDS):
        slow = seconds(lambda: greedy(net, src, max_len=STEPS, use_cache=False))
        ratios.append(slow / seconds(lambda: greedy(net, src, max_len=STEPS)))
    return round(statistics.median(ratios), 2)


def beam_seconds(net: Transformer) -> float:
    """Seconds of beam 5 over 1,000 sentences, in batches of 64."""
    ids = sources(SENTENCES, net.config.src_vocab_size)

    def work() -> None:
        for start in range(0, SENTENCES, BATCH):
            group = ids[start : start + BATCH]
            limits = [len(source) * 6 // 5 + 2 for source in group]
            beam_search(net, make_batch([(source, []) for source in group]).src, beam_size=BEAM, max_len=limits)

    return round(statistics.median(seconds(work) for _ in range(3)), 1)


def measure() -> dict[str, Any]:
    """The two figures, for the sizes of the ten-minute preset."""
    net = model()
    return {"greedy_cached_ratio": greedy_ratio(net), "beam5_1000_sentences_seconds": beam_seconds(net)}


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key}: {value}")
