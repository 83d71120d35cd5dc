"""Beam search over a thousand sentences against CTranslate2, which runs the same weights; the two take turns.

Two trained models, since the work depends on when hypotheses end, and with random weights hardly any does: one of the
ten-minute sizes after a short training, and a translator that ships. Both sides get the same ids in the same batches
of 64, sorted by length as the translator sorts them, and the same number of threads. Each searches by its own rules:
ours keeps a place for a hypothesis that has ended and stops when none can become better, CTranslate2's fills that place
again and stops when five have ended.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from course.data import load_corpus
from course.data.batches import make_batch
from course.decoding import Hypothesis, beam_search
from course.model import Transformer
from course.pretrained import pretrained_translator
from course.special import EOS
from course.translator import Translator
from tests.benchmarks.ctranslate2_peer import Peer, require
from tests.benchmarks.decoding_speed import BATCH, BEAM, SENTENCES, seconds

UPDATES, ROUNDS = 300, 5
Group = list[list[int]]  # source sentences, ids with the end token


class Match:
    """One model, searched by us and by CTranslate2. peer: made from the same model."""

    def __init__(self, model: Transformer, peer: Peer):
        self.model = model
        self.peer = peer

    def ours(self, group: Group) -> list[list[Hypothesis]]:
        src = make_batch([(ids[:-1], []) for ids in group]).src
        return beam_search(self.model, src, beam_size=BEAM, max_len=limit(group))

    def theirs(self, group: Group) -> list[tuple[list[int], float]]:
        return self.peer.beam_search(group, beam_size=BEAM, max_len=limit(group))

    def equal(self, group: Group) -> int:
        """How many of the best translations are the same."""
        return sum(best.ids == ids for (best,), (ids, _) in zip(self.ours(group), self.theirs(group), strict=True))

    def ratio(self, groups: list[Group]) -> float:
        """How many times CTranslate2's seconds ours are, over all groups; the two take turns group by group."""
        turns = [(seconds(lambda g=g: self.ours(g)), seconds(lambda g=g: self.theirs(g))) for g in groups]
        ours, theirs = map(sum, zip(*turns, strict=True))
        return ours / theirs


def limit(group: Group) -> int:
    """What the translator allows the longest sentence: CTranslate2 has one limit for a batch, so both get it."""
    return max(map(len, group)) * 3 // 2 + 10


def groups_of(translator: Translator) -> list[Group]:
    """Held-out sentences of the embedded corpus, 64 of similar length together."""
    texts = load_corpus("embedded-en-de", "test_iid").source[:SENTENCES]
    sources = sorted(([*ids, EOS] for ids in translator.tokenizer.encode_all(texts)), key=len)
    return [sources[start : start + BATCH] for start in range(0, len(sources), BATCH)]


def briefly_trained(run: Path) -> Translator:
    """A translator of the ten-minute sizes. A process of its own trains it: training changes how memory is kept."""
    options = ["--preset", "10min", "--max-steps", str(UPDATES), "--validations", "1", "--out", str(run)]
    done = subprocess.run([sys.executable, "-m", "course", "train", *options], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the training failed: {done.stderr.strip()}")
    return Translator.load(run)


def compare(translator: Translator) -> tuple[float, float]:
    """Our seconds over CTranslate2's, the median over the rounds; and the percentage of equal translations."""
    groups = groups_of(translator)
    with tempfile.TemporaryDirectory() as folder:
        match = Match(translator.model, Peer(translator.model, Path(folder), threads=torch.get_num_threads()))
        equal = sum(map(match.equal, groups)) / sum(map(len, groups))  # it warms both up, too
        ratio = statistics.median(match.ratio(groups) for _ in range(ROUNDS))
    return round(ratio, 2), round(100 * equal, 1)


def measure() -> dict[str, Any]:
    """The ratio at the ten-minute sizes and with a translator that ships, beam 5, float32.

    Raises RuntimeError where CTranslate2 is missing.
    """
    require()
    with tempfile.TemporaryDirectory() as folder:
        ten_minute_sizes, _ = compare(briefly_trained(Path(folder) / "run"))
    shipped, equal = compare(pretrained_translator("en-de"))
    return {
        "beam5_ratio_vs_ctranslate2": ten_minute_sizes,
        "beam5_ratio_vs_ctranslate2_shipped_translator": shipped,
        "beam5_equal_to_ctranslate2_percent_shipped_translator": equal,
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key}: {value}")
