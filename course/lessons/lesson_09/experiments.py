"""The measurements of lesson 09: vocabularies, ties, padding and speed, and pairs that do not belong together.

    python -m course.lessons.lesson_09.experiments                    # all that needs no other corpus
    python -m course.lessons.lesson_09.experiments --only throughput  # one of vocabulary, throughput, misaligned
    COURSE_MULTI30K=DIR python -m course.lessons.lesson_09.experiments --only multi30k

keeps figures in `logs/`, which the lesson reads: the whole corpus takes half a minute to make, and steps of training
are to be timed on a quiet computer. Ties are measured in the lesson itself, on a thousand pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table
from course.lessons.lesson_09.reference import Merge, Pair, buckets, joined

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from course.data import Examples, ParallelText
    from course.model import Transformer

LOGS = Path(__file__).parent / "logs"
CORPUS = "embedded-en-de"
KINDS = ("vocabulary", "multi30k", "throughput", "misaligned")

# --- merges and ties --------------------------------------------------------------------------------------------

RULES = {
    "smallest": "the smallest pair of the alphabet (bpe_train)",
    "oldest": "the pair of the older pieces (tokenizers)",
    "largest": "the largest pair of the alphabet (subword-nmt)",
}


def count_words(lines: Iterable[str]) -> dict[str, int]:
    """How often each word occurs, words being what stands between blanks."""
    return dict(Counter(word for line in lines for word in line.split()))


@dataclass(frozen=True)
class Learned:
    """Merges in the order of training, and for each of them how many pairs were most frequent, itself included."""

    merges: list[Merge]
    rivals: list[int]

    def ties(self, n: int | None = None) -> int:
        """How many of the first n merges (all) were decided by the rule for ties."""
        return sum(rivals > 1 for rivals in self.rivals[:n])


def learn(words: Mapping[str, int], n: int, rule: str) -> Learned:
    """Learn merges as `bpe_train` does, under one of `RULES`.

    A piece's age is its number: letters and the mark come first, in the order of the alphabet, then what merges make.
    Counts are kept from round to round, and only words that a merge changes are counted anew: that is why this takes a
    tenth of the time of `bpe_train`.
    """
    cut = {word: [*word, "</w>"] for word in words}
    age = {piece: i for i, piece in enumerate(sorted({piece for pieces in cut.values() for piece in pieces}))}
    counts: Counter[Merge] = Counter()
    for word, pieces in cut.items():
        _count(counts, pieces, words[word])
    found = Learned([], [])
    for _ in range(n):
        most = max(counts.values(), default=0)
        if most == 0:
            break
        rivals = [pair for pair, count in counts.items() if count == most]
        best = _chosen(rivals, rule, age)
        found.merges.append(best)
        found.rivals.append(len(rivals))
        age.setdefault("".join(best), len(age))
        for word, pieces in _changed(cut, best):
            _count(counts, cut[word], -words[word])
            _count(counts, pieces, words[word])
            cut[word] = pieces
    return found


def _count(counts: Counter[Merge], pieces: Sequence[str], times: int) -> None:
    for pair in zip(pieces, pieces[1:], strict=False):
        counts[pair] += times
        if not counts[pair]:
            del counts[pair]


def _changed(cut: Mapping[str, list[str]], pair: Merge) -> list[tuple[str, list[str]]]:
    """The words in which a merge joins anything, with their new pieces."""
    near = ((word, joined(pieces, pair)) for word, pieces in cut.items() if pair[0] in pieces and pair[1] in pieces)
    return [(word, pieces) for word, pieces in near if len(pieces) < len(cut[word])]


def _chosen(rivals: Sequence[Merge], rule: str, age: Mapping[str, int]) -> Merge:
    if rule == "oldest":
        return min(rivals, key=lambda pair: (age[pair[0]], age[pair[1]]))
    return max(rivals) if rule == "largest" else min(rivals)


def library_merges(words: Mapping[str, int], n: int) -> list[Merge]:
    """The merges that the library `tokenizers` learns from the same words, with the same mark at their ends.

    The library cuts words into characters, so a single character stands for the mark: "<", which is where "</w>" stands
    in the alphabet too.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    letters = {letter for word in words for letter in word}
    trainer = trainers.BpeTrainer(vocab_size=len(letters) + 1 + n, min_frequency=1, show_progress=False)
    library.train_from_iterator((f"{word}< " * count for word, count in words.items()), trainer)
    merges = json.loads(library.to_str())["model"]["merges"]
    return [(left.replace("<", "</w>"), right.replace("<", "</w>")) for left, right in merges]


def byte_level(lines: Iterable[str], *, whole_alphabet: bool, size: int = 400) -> Tokenizer:
    """A byte-level tokenizer of the library, which begins with all 256 bytes or with those of the text alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if whole_alphabet else []
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet)
    library.train_from_iterator(lines, trainer)
    return library


def first_difference(merges: Sequence[Merge], others: Sequence[Merge]) -> int | None:
    """The number of the first merge that differs, counted from 1; None where none does."""
    pairs = enumerate(zip(merges, others, strict=False), start=1)
    return next((number for number, (one, other) in pairs if one != other), None)


def cut_otherwise(words: Iterable[str], merges: Sequence[Merge], others: Sequence[Merge]) -> float:
    """The share of words that two lists of merges cut into other pieces, in percent."""
    one, other = (cut_words(words, each) for each in (merges, others))
    return 100 * sum(one[word] != other[word] for word in one) / len(one)


def cut_words(words: Iterable[str], merges: Sequence[Merge]) -> dict[str, list[str]]:
    """The pieces of each word, as `bpe_encode` cuts it."""
    cut = {word: [*word, "</w>"] for word in words}
    for pair in merges:
        cut.update(_changed(cut, pair))
    return cut


def pieces_a_word(words: Mapping[str, int], merges: Sequence[Merge]) -> list[float]:
    """How many pieces a word of the text has on average after 0, 1, 2, ... merges."""
    cut, total = {word: [*word, "</w>"] for word in words}, sum(words.values())
    pieces = sum(len(cut[word]) * n for word, n in words.items())
    means = [pieces / total]
    for pair in merges:
        for word, shorter in _changed(cut, pair):
            pieces -= (len(cut[word]) - len(shorter)) * words[word]
            cut[word] = shorter
        means.append(pieces / total)
    return means


# --- padding ----------------------------------------------------------------------------------------------------


def lengths_of(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Lengths of both sides with their special id, as they stand in a batch."""
    return [(len(source) + 1, len(target) + 1) for source, target in pairs]


def rounded_up(lengths: Sequence[tuple[int, int]], width: int) -> list[tuple[int, int]]:
    """Lengths rounded up to multiples of a width: what `buckets` then takes for equal goes into one bucket."""
    return [(math.ceil(source / width) * width, math.ceil(target / width) * width) for source, target in lengths]


def in_turn(lengths: Sequence[tuple[int, int]], max_tokens: int) -> list[list[int]]:
    """Fill batches up to the budget in the order in which the pairs come: what `buckets` does, without sorting."""
    groups: list[list[int]] = []
    group: list[int] = []
    widest = 0
    for i, pair in enumerate(lengths):
        widest = max(widest, *pair)
        if group and (len(group) + 1) * widest > max_tokens:
            groups.append(group)
            group, widest = [], max(pair)
        group.append(i)
    return [*groups, group] if group else groups


def padding(lengths: Sequence[tuple[int, int]], groups: Iterable[Sequence[int]]) -> float:
    """The percentage of the positions of both sides that is padding."""
    real = positions = 0
    for group in groups:
        sides = [[lengths[i][side] for i in group] for side in (0, 1)]
        real += sum(map(sum, sides))
        positions += sum(len(group) * max(side) for side in sides)
    return 100 * (1 - real / positions)


# --- what was kept ----------------------------------------------------------------------------------------------


def read(kind: str) -> Any:  # noqa: ANN401
    """What was kept of one of `KINDS`.

    Raises:
        CourseError: where nothing was.
    """
    path = LOGS / f"{kind}.json"
    if not path.is_file():
        raise CourseError(
            f"{path.name} is not there; run `python -m course.lessons.lesson_09.experiments --only {kind}` to make it."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def keep(kind: str, figures: object, folder: Path = LOGS) -> None:
    """Write what was measured of a kind, a line for each of its entries."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8", newline="\n")


def vocabulary_table(corpora: Mapping[str, Any]) -> Markup:
    """Show for each size of a vocabulary how long a text gets in pieces, and how much of it is unknown in words."""
    sizes = [row["size"] for row in next(iter(corpora.values()))["sizes"]]
    rows = []
    for name, kept in corpora.items():
        rows.append(
            (f"{name}, pieces as ids: pieces a word", *(f"{row['pieces_a_word']:.2f}" for row in kept["sizes"]))
        )
        rows.append((f"{name}, words as ids: unknown, %", *(f"{row['unknown_words']:.1f}" for row in kept["sizes"])))
        rows.append(
            (
                f"{name}, words as ids: sentences with an unknown one, %",
                *(f"{row['sentences_with_one']:.0f}" for row in kept["sizes"]),
            )
        )
    return rows_table(("vocabulary", *map(str, sizes)), rows, "of new sentences, both languages together")


# --- making it again --------------------------------------------------------------------------------------------

SIZES = (500, 1000, 2000, 4000, 8000)


def unknown(lines: Sequence[str], known: set[str]) -> tuple[float, float]:
    """Percent of the words of a text that are not known, and of the sentences that have such a word."""
    words = [line.split() for line in lines]
    strange = [[word not in known for word in line] for line in words]
    return 100 * sum(map(sum, strange)) / sum(map(len, words)), 100 * sum(map(any, strange)) / len(words)


def measure_vocabulary(train: ParallelText, new: ParallelText, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Length in pieces and unknown words of new text, for vocabularies of several sizes learned on a training text.

    Words are what stands between blanks, punctuation included; a word vocabulary has the most frequent ones of both
    languages and four special ids, like that of pieces.
    """
    from course.data import Tokenizer

    lines, fresh = (*train.source, *train.target), (*new.source, *new.target)
    ranked = [word for word, _ in Counter(count_words(lines)).most_common()]
    words = sum(len(line.split()) for line in fresh)
    rows = []
    for size in sizes:
        tokenizer = Tokenizer.train(lines, vocab_size=size)
        ids = tokenizer.encode_all(fresh)
        share, sentences = unknown(fresh, set(ranked[: size - 4]))
        rows.append(
            {
                "size": size,
                "real_size": tokenizer.vocab_size,
                "pieces_a_word": round(sum(map(len, ids)) / words, 3),
                "longest": max(map(len, ids)),
                "unknown_words": round(share, 2),
                "sentences_with_one": round(sentences, 1),
            }
        )
    return {"pairs": len(train), "new_pairs": len(new), "kinds_of_words": len(ranked), "sizes": rows}


TIED_MERGES, TIED_LINES = 1500, 8000


def measure_ties(lines: Sequence[str], n: int = TIED_MERGES) -> dict[str, Any]:
    """How many merges of a text are decided by the rule for ties, and where two rules part."""
    words = count_words(lines)
    learned = {rule: learn(words, n, rule) for rule in RULES}
    ours, library = learned["smallest"], library_merges(words, n)
    return {
        "lines": len(lines),
        "kinds_of_words": len(words),
        "merges": len(ours.merges),
        "ties": learned["oldest"].ties(),
        "first_difference": {rule: first_difference(each.merges, library) for rule, each in learned.items()},
        "other_merges": {rule: len(set(each.merges) - set(library)) for rule, each in learned.items()},
    }


ARRANGEMENTS = {"as they come": None, "width 8": 8, "width 4": 4, "width 1": 1}
BUDGETS = (250, 500, 1000, 2000, 4000, 8000)
ROUNDS = 3  # timed passes of each arrangement, the median of which is kept
TIMED = 20_000  # real target tokens of a pass, about


def arranged(lengths: Sequence[tuple[int, int]], max_tokens: int, width: int | None) -> list[list[int]]:
    """Batches of pairs as they come (no width), or in buckets of lengths rounded up to a width."""
    return in_turn(lengths, max_tokens) if width is None else buckets(rounded_up(lengths, width), max_tokens)


def seconds_a_pass(model: Transformer, examples: Examples, groups: Sequence[Sequence[int]]) -> float:
    """Processor seconds that forward and backward take on all these batches; the weights stay as they are."""
    from course.data import make_batch
    from course.training.loss import summed_loss, teacher_forced_states

    batches = [make_batch(examples, group) for group in groups]
    begun = time.process_time()
    for batch in batches:
        model.zero_grad()
        states, labels = teacher_forced_states(model, batch.src, batch.tgt_in, batch.labels)
        (summed_loss(model.output, states, labels) / len(labels)).backward()
    return time.process_time() - begun


def measure_throughput(examples: Examples, *, rounds: int = ROUNDS, timed: int = TIMED) -> list[dict[str, Any]]:
    """Padding, and real target tokens a second of a training step on one core, for each arrangement and budget.

    It is processor time, which other programs hardly change, and the arrangements of one budget are timed in turn, so
    that a computer that slows down slows all of them. Of many batches an evenly spaced part is timed.
    """
    import torch

    from course.model import Transformer, TransformerConfig
    from course.training import PRESETS

    torch.manual_seed(1)
    torch.set_num_threads(1)
    preset = PRESETS["3min"]
    model = Transformer(TransformerConfig(preset.vocab_size, preset.vocab_size, **preset.model))
    examples = random.Random(1).sample(examples, len(examples))
    lengths, rows = lengths_of(examples), []
    for budget in BUDGETS:
        groups = {name: arranged(lengths, budget, width) for name, width in ARRANGEMENTS.items()}
        parts = {name: _evenly(each, lengths, timed) for name, each in groups.items()}
        seconds: dict[str, list[float]] = {name: [] for name in groups}
        for _ in range(rounds + 1):  # the first one warms up
            for name, part in parts.items():
                seconds[name].append(seconds_a_pass(model, examples, part))
        for name, part in parts.items():
            tokens = sum(lengths[i][1] for group in part for i in group)
            rows.append(
                {
                    "arrangement": name,
                    "max_tokens": budget,
                    "batches": len(groups[name]),
                    "padding": round(padding(lengths, groups[name]), 1),
                    "tokens_per_second": round(tokens / statistics.median(seconds[name][1:])),
                }
            )
    return rows


def _evenly(groups: Sequence[Sequence[int]], lengths: Sequence[tuple[int, int]], tokens: int) -> list[Sequence[int]]:
    """Every so many-th batch, such that about this many real target tokens are in them, and at least five."""
    every = max(1, min(len(groups) // 5, round(sum(target for _, target in lengths) / tokens)))
    return list(groups[every // 2 :: every])


MISALIGNED = ("right pairs", "one line lost", "sides apart")
STEPS, LONGEST, LOST_AT = 300, 14, 0.1


def misaligned(text: ParallelText, kind: str) -> ParallelText:
    """The training text with its pairs as they are, or spoiled in one of two ways.

    "one line lost": the target loses a line after a tenth of the text, and all that follow move up. "sides apart": each
    side by itself loses its sentences of more than 14 words and is sorted by length (the bug of the lesson).

    Raises:
        CourseError: for an unknown kind.
    """
    if kind not in MISALIGNED:
        raise CourseError(f"There is no kind of text called {kind!r} here; there are {', '.join(MISALIGNED)}.")
    source, target = list(text.source), list(text.target)
    if kind == "one line lost":
        del target[round(LOST_AT * len(target))]
        source.pop()
    if kind == "sides apart":
        sides = ([line for line in side if len(line.split()) <= LONGEST] for side in (source, target))
        source, target = (sorted(side, key=lambda line: len(line.split())) for side in sides)
        n = min(len(source), len(target))
        source, target = source[:n], target[:n]
    return replace(text, source=tuple(source), target=tuple(target))


def train_on(text: ParallelText, val_text: ParallelText, kind: str, *, steps: int = STEPS) -> dict[str, Any]:
    """Train the three-minute translator for a while on a spoiled text; what its log says, and what it can do."""
    from course.training import PRESETS, train
    from course.training.log import read_log

    preset = PRESETS["3min"]
    training = replace(preset.training, minutes=None, max_steps=steps, seed=1, log_every=15, validations=1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        train(
            folder, misaligned(text, kind), val_text, model_options=dict(preset.model), training=training,
            vocab_size=preset.vocab_size, overwrite=True, corpus={"name": text.name},
        )  # fmt: skip
        log = read_log(folder)
    losses = [{"step": record["step"], "loss": record["loss"]} for record in log if "loss" in record]
    (last,) = [record for record in log if "val_loss" in record][-1:]
    figures: dict[str, Any] = {"kind": kind, "steps": steps, "losses": losses}
    return figures | {name: round(float(last[name]), 3) for name in ("val_loss", "exact_match", "bleu") if name in last}


def _embedded(split: str) -> ParallelText:
    from course.data import load_corpus

    return load_corpus(CORPUS, split)


def _measure_embedded() -> Any:  # noqa: ANN401
    train = _embedded("train")
    return {**measure_vocabulary(train, _embedded("test_iid")), "ties": measure_ties(train.source[:TIED_LINES])}


def _measure_multi30k() -> Any:  # noqa: ANN401
    from course.data import load_corpus

    train = load_corpus("multi30k-en-de", "train")
    return {
        **measure_vocabulary(train, load_corpus("multi30k-en-de", "val")),
        "ties": measure_ties(train.source[:TIED_LINES]),
    }


def _measure_throughput() -> Any:  # noqa: ANN401
    from course.data import Tokenizer, encode_pairs
    from course.pretrained import run_folder

    tokenizer = Tokenizer.load(run_folder("en-de") / "tokenizer.json")
    return measure_throughput(encode_pairs(_embedded("train"), tokenizer))


def _measure_misaligned() -> Any:  # noqa: ANN401
    train, dev = _embedded("train"), _embedded("dev")
    return [train_on(train, dev, kind) for kind in MISALIGNED]


MEASURE: dict[str, Callable[[], Any]] = {
    "vocabulary": _measure_embedded,
    "multi30k": _measure_multi30k,
    "throughput": _measure_throughput,
    "misaligned": _measure_misaligned,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_09.experiments", description=(__doc__ or "").split("\n")[0]
    )
    usual = [kind for kind in KINDS if kind != "multi30k"]
    parser.add_argument("--only", nargs="+", choices=KINDS, default=usual, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder that keeps them")
    asked = parser.parse_args(arguments)
    for kind in asked.only:
        begun = time.perf_counter()
        keep(kind, MEASURE[kind](), asked.to)
        print(f"{kind}: {time.perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
