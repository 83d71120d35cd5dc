"""The measurements of lesson 01 that take longer than a reader waits, and their kept logs.

    python -m course.lessons.lesson_01.experiments                    # all of them: about twenty minutes
    python -m course.lessons.lesson_01.experiments --only by_length   # one of them: a name of `EXPERIMENTS`

Each writes one small JSON file into `logs`, which the lesson reads:

    by_length     a GRU encoder-decoder with a fixed vector, trained on the embedded corpus: exactly right by length
    remembering   which of four countries was the first word? the three cells, by the number of words since then
    telephone     telephone numbers said again, by length, width of the fixed vector, cell and updates

What a reader's own computer measures, `clock`, stands here as well.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table
from course.lessons.lesson_01 import telephone
from course.lessons.lesson_01.gradients import power
from course.lessons.lesson_01.reference import decode, encode, gru_step

if TYPE_CHECKING:
    from torch import Tensor, nn

    from course.lessons.lesson_01.reference import Array

LOGS = Path(__file__).parent / "logs"
Log = dict[str, Any]

# --- a fixed vector on the embedded corpus ----------------------------------------------------------------------

CORPUS, PRESET, ARCHITECTURE = "embedded-en-de", "3min", "gru"
MODEL = {"attention": "none"}  # the encoder's last states, and nothing else of the source
SEEDS, STEPS = (1, 2), 1200
BINS = ((1, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 18), (20, 30))  # words of the source
SPLITS = {"test_iid": None, "longer": 300, "much_longer": 300, "anaphora": 300}  # sentences of each; None: all
COUNTRY = "country"  # probes with this word are kept with what the first model makes of them


def by_length() -> Log:
    """Train the fixed vector with each seed; return how often it is exactly right, by length and by split."""
    runs = [_fixed_vector_run(seed) for seed in SEEDS]
    return {
        "model": {"corpus": CORPUS, "preset": PRESET, "architecture": ARCHITECTURE, **MODEL, "steps": STEPS}
        | {"parameters": runs[0]["parameters"]},
        "seeds": list(SEEDS),
        "by_length": [
            {"words": f"{low}-{high}", "n": n, "right": [run["right"][i][0] for run in runs]}
            for i, ((low, high), (_, n)) in enumerate(zip(BINS, runs[0]["right"], strict=True))
        ],
        "splits": {
            split: {"n": runs[0]["splits"][split][1], "right": [run["splits"][split][0] for run in runs]}
            for split in SPLITS
        },
        "country": runs[0]["country"],
    }


def _fixed_vector_run(seed: int) -> Log:
    from dataclasses import replace

    from course.data import load_corpus
    from course.training import PRESETS, train
    from course.translator import Translator

    preset = PRESETS[PRESET]
    model = preset.options_for(ARCHITECTURE)
    training = replace(preset.training, minutes=None, max_steps=STEPS, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        train(
            Path(folder), load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev"), model_options={**model, **MODEL},
            training=training, vocab_size=preset.vocab_size, overwrite=True, corpus={"name": CORPUS},
        )  # fmt: skip
        return _scored(Translator.load(Path(folder)))


def _scored(translator: Any) -> Log:  # noqa: ANN401
    """Return hits and sentences by length and by split, and what becomes of sentences about a country."""
    from course.data.embedded import embedded_pairs
    from course.evaluation import right

    said = []
    splits = {}
    for split, limit in SPLITS.items():
        pairs = embedded_pairs(CORPUS, split)[:limit]
        texts = [each.text for each in translator.translate([pair.source for pair in pairs], beam=1)]
        hits = [right(text, pair) for text, pair in zip(texts, pairs, strict=True)]
        splits[split] = (sum(hits), len(hits))
        if split != "anaphora":
            said += list(zip((pair.length for pair in pairs), hits, strict=True))
    probes = [pair for pair in embedded_pairs(CORPUS, "probes") if COUNTRY in pair.source.split()]
    texts = [each.text for each in translator.translate([pair.source for pair in probes], beam=1)]
    binned = [[hit for length, hit in said if low <= length <= high] for low, high in BINS]
    return {
        "right": [(sum(hits), len(hits)) for hits in binned],
        "splits": splits,
        "country": [
            {"source": pair.source, "wanted": pair.target, "said": text}
            for pair, text in zip(probes, texts, strict=True)
        ],
        "parameters": translator.info["parameters"],
    }


# --- remembering a country --------------------------------------------------------------------------------------

COUNTRIES, FILLERS, D = 4, 8, 32  # words that matter, words that do not, width of a state
DISTANCES = (5, 10, 20, 40)
SHOWN = 20  # the distance whose gradients the table shows
CELLS = {
    "RNN": ("RNN", 0.0),
    "LSTM": ("LSTM", 0.0),
    "LSTM, forget bias + 1": ("LSTM", 1.0),
    "GRU": ("GRU", 0.0),
}  # by name: torch's cell, and what is added to the bias of its forget gate
REMEMBER_SEEDS, REMEMBER_UPDATES, REMEMBER_BATCH, REMEMBER_RATE = (1, 2, 3), 500, 32, 3e-3


def remembering() -> Log:
    """Train every cell at every distance; return the shares of right answers, and the gradient before and after."""
    found = [
        {"cell": name, "distance": distance, **_remember(name, distance, seed), "seed": seed}
        for name in CELLS
        for distance in DISTANCES
        for seed in REMEMBER_SEEDS
    ]
    settings = {"d": D, "updates": REMEMBER_UPDATES, "batch": REMEMBER_BATCH, "rate": REMEMBER_RATE}
    return {"settings": settings, "runs": found}


def _remember(name: str, distance: int, seed: int) -> Log:
    import torch
    from torch import nn

    cell, bias = CELLS[name]
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network: nn.RNNBase = getattr(nn, cell)(COUNTRIES + FILLERS, D, batch_first=True)
    if bias:
        with torch.no_grad():
            network.get_parameter("bias_hh_l0")[D : 2 * D] += bias  # the gates stand as i, f, g, o
    answer = nn.Linear(D, COUNTRIES)
    optimizer = torch.optim.Adam([*network.parameters(), *answer.parameters()], lr=REMEMBER_RATE)
    before = _first_word_share(network, distance, generator)
    for _ in range(REMEMBER_UPDATES):
        words, country = _sentences(REMEMBER_BATCH, distance, generator)
        loss = nn.functional.cross_entropy(answer(network(words)[0][:, -1]), country)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*network.parameters(), *answer.parameters()], 1.0)
        optimizer.step()
    words, country = _sentences(1000, distance, generator)
    with torch.no_grad():
        right = float((answer(network(words)[0][:, -1]).argmax(-1) == country).float().mean())
    after = _first_word_share(network, distance, generator)
    return {"right": right, "before": float(power(before)), "after": float(power(after))}


def _sentences(n: int, distance: int, generator: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Return n sentences (n, distance + 1, words), a country and then as many fillers, and which country it was."""
    import torch

    country = torch.randint(COUNTRIES, (n, 1), generator=generator)
    fillers = torch.randint(COUNTRIES, COUNTRIES + FILLERS, (n, distance), generator=generator)
    words = torch.nn.functional.one_hot(torch.cat([country, fillers], 1), COUNTRIES + FILLERS)
    return words.float(), country[:, 0]


def _first_word_share(network: nn.RNNBase, distance: int, generator: Any) -> float:  # noqa: ANN401
    """Return the gradient of the first word in parts of the last word's: the median of 64 sentences, in float64."""
    import copy

    wide = copy.deepcopy(network).double()
    words = _sentences(64, distance, generator)[0].double().requires_grad_()
    wide(words)[0][:, -1].sum().backward()
    assert words.grad is not None
    norms = words.grad.norm(dim=-1)
    return float((norms[:, 0] / norms[:, -1]).median())


def median_gradient(log: Log, cell: str, distance: int, when: str) -> float:
    """Return how much of the gradient reaches the country, "before" or "after": the median of a cell's runs."""
    runs = [run for run in log["runs"] if (run["cell"], run["distance"]) == (cell, distance)]
    return float(np.median([run[when] for run in runs]))


def remembering_table(log: Log) -> Markup:
    """Show percent right by cell and distance (every run), and gradients before and after."""
    rows = []
    for name in CELLS:
        runs = [run for run in log["runs"] if run["cell"] == name]
        by_distance = [[run for run in runs if run["distance"] == distance] for distance in DISTANCES]
        shares = [", ".join(f"{100 * run['right']:.0f}" for run in each) for each in by_distance]
        ends = [power(median_gradient(log, name, SHOWN, when)) for when in ("before", "after")]
        rows.append((name, *shares, *ends))
    head = (
        "cell",
        *(f"{n} words" for n in DISTANCES),
        *(f"gradient at {SHOWN} words, median, {when}" for when in ("before", "after")),
    )
    return rows_table(head, rows, f"% right in {len(REMEMBER_SEEDS)} trainings; guessing gives {100 / COUNTRIES:.0f}")


# --- telephone numbers ------------------------------------------------------------------------------------------

WIDTHS, TELEPHONE_UPDATES = (8, 16, 32, 64), (500, 2000, 8000)
LENGTHS = tuple(range(1, telephone.LONGEST + 1))


def telephone_numbers() -> Log:
    """Train the fixed vector of each width for each number of updates; return the shares said again exactly right."""
    found = []
    for d in WIDTHS:
        for updates in TELEPHONE_UPDATES:
            trained = telephone.train(d, updates)
            shares = telephone.right_by_length(trained, LENGTHS, n=500, gru_step=gru_step, encode=encode, decode=decode)
            loss = float(np.mean(trained.loss[-50:]))
            found.append({"d": d, "updates": updates, "loss": round(loss, 4), "right": list(shares.values())})
    return {"lengths": list(LENGTHS), "runs": found}


# --- sequential steps and the clock -----------------------------------------------------------------------------

TIMED = (16, 64, 256, 1024, 4096)
WIDTH = 64


def read_word_by_word(step: Callable[..., Array], x: Array, p: telephone.Numbers) -> Array:
    """Read x (1, T, d) with a GRU; return the last state (1, d)."""
    h = np.zeros((1, x.shape[2]), x.dtype)
    for t in range(x.shape[1]):
        h = step(x[:, t], h, p.W, p.U, p.b)
    return h


def look_at_all(x: Array) -> Array:
    """Let every word of x (T, d) look at every other at once, as lesson 03 explains: (T, d)."""
    scores = x @ x.T / np.sqrt(np.array(x.shape[1], x.dtype))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=1, keepdims=True)) @ x)


def clock(
    step: Callable[..., Array], lengths: Sequence[int] = TIMED, *, repeats: int = 2
) -> dict[int, tuple[float, float]]:
    """Return for each length the milliseconds of reading word by word, and of looking at all at once (least of some).

    The numbers are of 32 bits; nothing is trained.
    """
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> Array:
        return (rng.standard_normal(shape) * WIDTH**-0.5).astype(np.float32)

    p = telephone.Numbers(
        *({gate: normal(*shape) for gate in telephone.GATES} for shape in ((WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH,)))
    )
    found = {}
    for length in lengths:
        x = normal(1, length, WIDTH)
        found[length] = (
            _least(partial(read_word_by_word, step, x, p), repeats),
            _least(partial(look_at_all, x[0]), repeats),
        )
    return found


def _least(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def operations(T: int, d: int) -> tuple[int, int]:
    """Return the multiplications of a GRU and of attention without projections: 6 T d² and 2 T² d."""
    return 6 * T * d * d, 2 * T * T * d


def clock_table(found: Mapping[int, tuple[float, float]]) -> Markup:
    """Show steps one after the other, multiplications and milliseconds of both, by length."""
    rows = []
    for T, (recurrent, attention) in found.items():
        of_gru, of_attention = operations(T, WIDTH)
        rows.append((T, T, 1, f"{of_gru:,}", f"{of_attention:,}", f"{recurrent:.2f}", f"{attention:.2f}"))
    head = ("words", "steps, GRU", "at once", "products, GRU", "at once", "ms, GRU", "at once")
    return rows_table(head, rows)


# --- logs -------------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Callable[[], Log]] = {
    "by_length": by_length,
    "remembering": remembering,
    "telephone": telephone_numbers,
}


def keep(name: str, log: Log, *, folder: Path = LOGS) -> None:
    """Write the log of an experiment."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(log, ensure_ascii=False, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def read(name: str, *, folder: Path = LOGS) -> Log:
    """Return the kept log of an experiment.

    Raises:
        CourseError: for an unknown name, or where its log is not kept.
    """
    if name not in EXPERIMENTS:
        raise CourseError(f"There is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}.")
    path = folder / f"{name}.json"
    if not path.is_file():
        raise CourseError(
            f"{path.name} is not among the kept logs; "
            f"run `python -m course.lessons.lesson_01.experiments --only {name}` to make it."
        )
    log: Log = json.loads(path.read_text(encoding="utf-8"))
    return log


def share_by_length(log: Log) -> list[tuple[str, list[float]]]:
    """Return for each range of lengths the percentages of all seeds."""
    return [(row["words"], [100 * hits / row["n"] for hits in row["right"]]) for row in log["by_length"]]


def country_table(log: Log) -> Markup:
    """Show sentences about a country, the shortest first, and what the first model made of them."""
    chosen = sorted(log["country"], key=lambda row: len(row["source"].split()))
    rows = [(row["source"], row["said"], "yes" if row["said"] == row["wanted"] else "no") for row in chosen]
    return rows_table(("English", "what it wrote", "right"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the logs again."""
    parser = argparse.ArgumentParser(description="Run the experiments of lesson 01 and keep their logs.")
    parser.add_argument("--only", choices=list(EXPERIMENTS), help="one of them")
    options = parser.parse_args(arguments)
    for name, measure in EXPERIMENTS.items():
        if options.only in (None, name):
            start = time.perf_counter()
            keep(name, measure())
            print(f"{name}: {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
