"""The measurement of lesson 02: every kind of attention in the same recurrent translator, at equal parameters.

    python -m course.lessons.lesson_02.experiments                          # all kinds, one seed
    python -m course.lessons.lesson_02.experiments --only additive --seed 2 # one of them, with another seed
    python -m course.lessons.lesson_02.experiments --times                  # how long an update of each takes

trains each of `KINDS` on the embedded corpus, English to German, for the same number of updates on the same batches,
and keeps its scores in `logs`: percent exactly right by split and by length of the sentence, alignment error, and with
the first seed where the model looked in a few sentences. What is kept of other kinds and seeds stays. The lesson reads
the logs, since not every reader has the hour.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.lab.drawing import Markup, rows_table

if TYPE_CHECKING:
    from course.data import Pair, ParallelText
    from course.evaluation import SplitScore
    from course.training import TrainingConfig
    from course.translator import Translator

Array = NDArray[Any]
Score = dict[str, Any]

CORPUS = "embedded-en-de"
LOGS = Path(__file__).parent / "logs"
SCORES_FILE, MAPS_FILE, TIMES_FILE = "scores.jsonl", "maps.jsonl", "update_times.json"
SPLITS = ("test_iid", "combo", "longer", "much_longer", "deeper", "anaphora")
SENTENCES = 500  # of each split
STEPS = 1200  # updates, whatever the model
SEED = 1
TRAINED_LENGTH = 14  # words of the longest sentence that the models were trained on
BUCKETS = ((2, 5), (6, 8), (9, 11), (12, 14), (15, 16), (17, 18), (20, 21), (22, 23), (24, 30))  # words of a sentence
BY_LENGTH = ("test_iid", "longer", "much_longer")  # the splits that are sorted by length
KINDS = {
    "none": "fixed vector",
    "additive": "additive (Bahdanau)",
    "dot": "dot",
    "general": "general",
    "concat": "concat",
    "local-m": "local-m",
    "local-p": "local-p",
    "transformer": "small Transformer, sinusoids",
}
LOOKING = ("additive", "dot", "general", "concat", "local-m", "local-p")  # the GRUs with attention
MAPPED = (  # sentences whose weights are kept
    "I love France, and the president of that country lives in Paris.",
    "The lion that I followed is young, but it is strong.",
    "Because the song is sad, we listen to it in the kitchen.",
    "Because the bag that I carried is expensive, you do not lend it to the girl.",
)


# --- what is trained ----------------------------------------------------------------------------------------------


def options(kind: str) -> dict[str, Any]:
    """The model's options for one of `KINDS`: a width of its own, so that all have as many parameters as can be.

    The Transformer is the three-minute preset with sinusoidal positions; the recurrent models have the width whose
    number of parameters is nearest to its.
    """
    from course.training import PRESETS

    preset = PRESETS["3min"]
    if kind == "transformer":
        return {**preset.model, "positions": "sinusoidal"}
    model = preset.options_for("gru")
    wanted = parameters("transformer")
    widths = range(96, 321, 2)
    return min(({**model, "attention": kind, "d_model": d} for d in widths), key=lambda o: abs(_count(o) - wanted))


def parameters(kind: str) -> int:
    """How many numbers one of `KINDS` is trained to find."""
    return _count(options(kind))


def _count(model: Mapping[str, Any]) -> int:
    from course.model.config import TransformerConfig, parameter_count
    from course.model.recurrent_config import RecurrentConfig, recurrent_parameter_count
    from course.training import PRESETS

    vocabulary = PRESETS["3min"].vocab_size
    sizes = {**model, "src_vocab_size": vocabulary, "tgt_vocab_size": vocabulary}
    if "attention" in model:
        return recurrent_parameter_count(RecurrentConfig.from_dict(sizes))
    return parameter_count(TransformerConfig.from_dict(sizes))


def training_of(*, seed: int, steps: int) -> TrainingConfig:
    """The three-minute preset's training, which ends after a number of updates."""
    from course.training import PRESETS

    training = PRESETS["3min"].training
    return replace(training, minutes=None, max_steps=steps, seed=seed, log_every=max(1, steps // 10))


def measure(
    kind: str, run: Path, texts: tuple[ParallelText, ParallelText], *, seed: int, steps: int, limit: int | None
) -> tuple[Score, list[Score]]:
    """Train one of `KINDS` in the folder `run` and score it; return its scores and its maps, as plain JSON values."""
    from course.training import PRESETS, train
    from course.translator import Translator

    result = train(
        run, *texts, model_options=options(kind), training=training_of(seed=seed, steps=steps),
        vocab_size=PRESETS["3min"].vocab_size, overwrite=True, corpus={"name": CORPUS},
    )  # fmt: skip
    translator = Translator.load(run)
    about = {
        "kind": kind, "seed": seed, "parameters": translator.info["parameters"], "width": options(kind)["d_model"],
        "updates": result.steps, "seconds": round(result.seconds), "val_loss": round(result.loss, 4),
    }  # fmt: skip
    return about | scored(translator, limit), [
        {"kind": kind, "seed": seed, **each} for each in maps_of(translator, kind)
    ]


# --- what is kept -------------------------------------------------------------------------------------------------


def scored(translator: Translator, limit: int | None = SENTENCES) -> Score:
    """Percent exactly right, with its 95 % interval, and alignment error by split; and hits by length of the sentence.

    Alignment error is that of the last layer, or None where a model has no attention or a split no gold links.
    """
    from course.data import embedded_pairs
    from course.evaluation import score_splits

    found = score_splits(translator, CORPUS, splits=SPLITS, limit=limit)
    pairs = [
        (pair, line)
        for each in found
        if each.split in BY_LENGTH
        for pair, line in zip(embedded_pairs(CORPUS, each.split)[:limit], each.translations, strict=True)
    ]
    return {"splits": {each.split: _of_split(each) for each in found}, "by_length": by_length(pairs)}


def _of_split(each: SplitScore) -> Score:
    aligned = each.alignment_error
    return {
        "sentences": each.sentences,
        "exact": round(each.exact_match, 2),
        "interval_95": [round(end, 2) for end in each.interval],
        "alignment_error": round(aligned[-1], 4) if aligned else None,
    }


def by_length(pairs: Iterable[tuple[Pair, str]]) -> list[list[int]]:
    """For each of `BUCKETS` [least words, most words, exactly right, sentences], from pairs and their translations."""
    from course.evaluation import right

    counts = {bucket: [0, 0] for bucket in BUCKETS}
    for pair, translation in pairs:
        bucket = next((b for b in BUCKETS if b[0] <= pair.length <= b[1]), None)
        if bucket is not None:
            counts[bucket][0] += right(translation, pair)
            counts[bucket][1] += 1
    return [[*bucket, *count] for bucket, count in counts.items()]


def maps_of(translator: Translator, kind: str) -> list[Score]:
    """Where a model looks while it says the right translation of each of `MAPPED`; nothing for a fixed vector.

    weights: target words by source words, the end token last; gold: links [target word, source word].
    """
    from course.alignment import word_attention
    from course.data import gold

    if kind == "none":
        return []
    kept = []
    for pair in mapped_pairs():
        looked = word_attention(translator, pair.source_tokens, pair.target_tokens)
        kept.append({
            "text": pair.source, "source": list(looked.source), "target": list(looked.target),
            "weights": looked.weights[-1].mean(0).round(3).tolist(), "gold": [[j, i] for i, j in sorted(gold(pair))],
            "said": translator.translate([pair.source], beam=1)[0].text, "right": pair.target,
        })  # fmt: skip
    return kept


def mapped_pairs() -> list[Pair]:
    """The pairs of `MAPPED`, wherever in the corpus they stand."""
    from course.data import embedded_pairs

    splits = ("probes", "anaphora", "longer", "test_iid")
    found = {pair.source: pair for split in splits for pair in embedded_pairs(CORPUS, split) if pair.source in MAPPED}
    return [found[text] for text in MAPPED]


def keep(rows: Iterable[Score], name: str, *, folder: Path = LOGS) -> None:
    """Put rows into a log; what it holds of the same kinds and seeds gives way, the rest stays."""
    new = list(rows)
    fresh = {(row["kind"], row["seed"]) for row in new}
    folder.mkdir(parents=True, exist_ok=True)
    old = [row for row in _read(folder / name) if (row["kind"], row["seed"]) not in fresh]
    kinds = list(KINDS)
    kept = sorted([*old, *new], key=lambda row: (kinds.index(row["kind"]), row["seed"]))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
    (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _read(path: Path) -> list[Score]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_scores(folder: Path = LOGS) -> list[Score]:
    """Return the kept scores, a row for each kind and seed, in the order of `KINDS`; none where nothing is kept."""
    return _read(folder / SCORES_FILE)


def read_maps(folder: Path = LOGS) -> dict[str, dict[str, Score]]:
    """Return the kept maps of the first seed by sentence and kind; weights are arrays (T, S + 1)."""
    found: dict[str, dict[str, Score]] = {}
    for row in _read(folder / MAPS_FILE):
        of_sentence = found.setdefault(row["text"], {})
        of_sentence.setdefault(row["kind"], {**row, "weights": np.array(row["weights"])})
    return found


# --- what is shown ------------------------------------------------------------------------------------------------


def means(scores: Sequence[Score]) -> Iterator[tuple[str, list[Score]]]:
    """Yield each kind that was measured with its rows, one for each seed."""
    for kind in KINDS:
        rows = [row for row in scores if row["kind"] == kind]
        if rows:
            yield kind, rows


def curve(rows: Sequence[Score]) -> tuple[Array, Array, Array]:
    """Return the middle lengths of the buckets, percent exactly right over all seeds, and the sentences behind each."""
    counts = np.sum([[bucket[2:] for bucket in row["by_length"]] for row in rows], axis=0)
    lengths = np.array([np.mean(bucket[:2]) for bucket in rows[0]["by_length"]])
    used = counts[:, 1] > 0
    return lengths[used], 100 * counts[used, 0] / counts[used, 1], counts[used, 1]


def update_times(updates: int = 60) -> dict[str, float]:
    """How long an update of each kind takes, in parts of the Transformer's: forward and backward on one batch.

    All kinds in turn, on one thread, in float32; the median of all but the first five. (The seconds in the logs were
    taken on a busy computer, and nothing reads them.)
    """
    import torch

    from course.data import Tokenizer, encode_pairs, length_bucketed_batches, load_corpus
    from course.model import config_from_dict, make_model
    from course.training import PRESETS
    from course.training.loop import SummedLoss

    text, preset = load_corpus(CORPUS, "dev"), PRESETS["3min"]
    tokenizer = Tokenizer.train([*text.source, *text.target], vocab_size=preset.vocab_size)
    examples = encode_pairs(text, tokenizer)
    batches = length_bucketed_batches(examples, max_tokens=preset.training.batch_tokens, seed=SEED, epoch=0)
    sizes = dict.fromkeys(("src_vocab_size", "tgt_vocab_size"), tokenizer.vocab_size)
    torch.set_num_threads(1)
    losses = {kind: SummedLoss(make_model(config_from_dict(options(kind) | sizes)), 0.0) for kind in KINDS}
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for n in range(updates):
        batch = batches[n % len(batches)]
        for kind, loss in losses.items():
            begun = time.perf_counter()
            loss(batch.src, batch.tgt_in, batch.labels).backward()
            taken[kind].append(time.perf_counter() - begun)
    medians = {kind: float(np.median(seconds[5:])) for kind, seconds in taken.items()}
    return {kind: round(seconds / medians["transformer"], 2) for kind, seconds in medians.items()}


def read_times(folder: Path = LOGS) -> dict[str, float]:
    """What `update_times` measured and the command kept."""
    times: dict[str, float] = json.loads((folder / TIMES_FILE).read_text(encoding="utf-8"))
    return times


def exact(rows: Sequence[Score], split: str) -> float:
    """Percent exactly right of a split, the mean over seeds."""
    return float(np.mean([row["splits"][split]["exact"] for row in rows]))


def within(rows: Sequence[Score], least: int = 0) -> float:
    """Percent exactly right of all sentences of at least so many words and no longer than those in training."""
    inside = [bucket for row in rows for bucket in row["by_length"] if bucket[1] <= TRAINED_LENGTH]
    counts = [bucket[2:] for bucket in inside if bucket[0] >= least]
    hits, sentences = np.sum(counts, axis=0)
    return float(100 * hits / sentences)


def scores_table(scores: Sequence[Score], splits: Sequence[str] = ("test_iid", "longer", "much_longer")) -> Markup:
    """Show for each kind its parameters and percent exactly right on some splits."""
    head = ("attention", "width", "parameters", *(split.replace("_", " ") for split in splits))
    rows = [
        (
            KINDS[kind],
            found[0]["width"],
            f"{found[0]['parameters']:,}",
            *(_several(row["splits"][split]["exact"] for row in found) for split in splits),
        )
        for kind, found in means(scores)
    ]
    return rows_table(head, rows, "% exactly right; one number for each training")


def alignment_table(scores: Sequence[Score], split: str = "test_iid") -> Markup:
    """Show alignment error and percent exactly right of each kind that looks anywhere, best alignment first."""
    found = [
        (
            kind,
            [row["splits"][split]["alignment_error"] for row in rows],
            [row["splits"][split]["exact"] for row in rows],
        )
        for kind, rows in means(scores)
        if rows[0]["splits"][split]["alignment_error"] is not None
    ]
    found.sort(key=lambda each: float(np.mean(each[1])))
    rows = [(KINDS[kind], _several(errors, 3), _several(exact)) for kind, errors, exact in found]
    return rows_table(
        ("attention", "alignment error", "% exactly right"), rows, f"split {split}, one number a training"
    )


def claims_about_length(scores: Sequence[Score]) -> list[tuple[str, bool]]:
    """Return what the lesson says of the curves by length, each with whether the kept scores bear it out."""
    by_kind = dict(means(scores))
    if not {"none", "additive", "transformer"} <= set(by_kind):
        return []
    fixed, looks, transformer = (by_kind[kind] for kind in ("none", "additive", "transformer"))
    return [
        ("Up to 14 words the GRU with additive attention is right nine times out of ten.", within(looks) > 90),
        ("The fixed vector is behind it by more than 10 points.", within(looks) - within(fixed) > 10),
        ("On sentences of 12 to 14 words, by more than 30.", within(looks, 12) - within(fixed, 12) > 30),
        (
            "On 15 to 18 words, longer than any in training, it is right one time out of three, the other hardly ever.",
            exact(looks, "longer") > 33 and exact(fixed, "longer") < 5,
        ),
        (
            "There additive attention is ahead of the Transformer with sinusoids, by more than 10 points.",
            exact(looks, "longer") - exact(transformer, "longer") > 10,
        ),
        (
            "From 20 words on, none of fixed vector, additive and Transformer is right one time out of twenty.",
            max(exact(rows, "much_longer") for rows in (fixed, looks, transformer)) < 5,
        ),
    ]


def claims_about_alignment(scores: Sequence[Score], split: str = "test_iid") -> list[tuple[str, bool]]:
    """Return what the lesson says of the alignments, each with whether the kept scores bear it out."""
    by_kind = dict(means(scores))
    if not set(LOOKING) <= set(by_kind):
        return []
    errors = {
        kind: float(np.mean([row["splits"][split]["alignment_error"] for row in by_kind[kind]])) for kind in LOOKING
    }
    everywhere = [kind for kind in LOOKING if not kind.startswith("local")]
    return [
        (
            "Of the four global scores, general has the smallest alignment error.",
            min(everywhere, key=lambda kind: errors[kind]) == "general",
        ),
        (
            "It translates more than 5 points worse than concat.",
            exact(by_kind["concat"], split) - exact(by_kind["general"], split) > 5,
        ),
        (
            "Of all GRUs, the one whose window runs along at the same pace has the largest alignment error.",
            max(errors, key=lambda kind: errors[kind]) == "local-m",
        ),
        (
            "From 20 words on it gets more than one sentence in twenty right, and no other model one in fifty.",
            exact(by_kind["local-m"], "much_longer") > 5
            and all(exact(rows, "much_longer") < 2 for kind, rows in by_kind.items() if kind != "local-m"),
        ),
        (
            "Local-p is behind general by more than 10 points on 15 to 18 words.",
            exact(by_kind["general"], "longer") - exact(by_kind["local-p"], "longer") > 10,
        ),
    ]


def sharpness(maps: Mapping[str, Mapping[str, Score]], kind: str) -> float:
    """Return the largest weight of a row, the mean over all rows of a kind's kept maps."""
    return float(np.mean(np.concatenate([kept[kind]["weights"].max(axis=1) for kept in maps.values()])))


def claims_about_maps(maps: Mapping[str, Mapping[str, Score]]) -> list[tuple[str, bool]]:
    """Return what the lesson says of the kept maps, each with whether they bear it out."""
    if not maps or not all(set(LOOKING) <= set(kept) for kept in maps.values()):
        return []
    sharp, soft = ([sharpness(maps, kind) for kind in pair] for pair in (("dot", "general"), ("additive", "concat")))
    return [
        ("In the maps of dot and general the largest weight of a row is 0.95 or more in the mean.", min(sharp) > 0.95),
        ("In those of additive and concat it is less than 0.85.", max(soft) < 0.85),
    ]


def _several(numbers: Iterable[float], digits: int = 1) -> str:
    return ", ".join(f"{number:.{digits}f}" for number in numbers)


# --- the command --------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score and keep the kinds that the command line asks for, one after the other."""
    from course.data import load_corpus

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_02.experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=KINDS, metavar="KIND", help=f"some of {', '.join(KINDS)}")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=STEPS, help="updates of each (default: %(default)s)")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="of each split (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder of the logs")
    parser.add_argument("--times", action="store_true", help="measure how long an update of each kind takes instead")
    asked = parser.parse_args(arguments)
    if asked.times:
        times = json.dumps(update_times(), indent=2)
        (asked.to / TIMES_FILE).write_text(times + "\n", encoding="utf-8")
        print(times)
        return
    texts = load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev")
    for kind in asked.only or KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            score, maps = measure(
                kind, Path(scratch) / kind, texts, seed=asked.seed, steps=asked.steps, limit=asked.sentences
            )
        keep([score], SCORES_FILE, folder=asked.to)
        if asked.seed == SEED and maps:
            keep(maps, MAPS_FILE, folder=asked.to)
        print(scores_table([score]).alt, flush=True)


if __name__ == "__main__":
    main()
