"""The measurements of lesson 11: beam width against score, time and memory against length, a training of one minute.

    python -m course.lessons.lesson_11.experiments                # all three: a quarter of an hour or so on two cores
    python -m course.lessons.lesson_11.experiments --only widths  # one of widths, costs, minute

`widths` translates sentences of the embedded corpus with the translator that ships and beams of many widths; `costs`
lets it write sentences of many lengths with and without a cache. Both are kept in `logs/`, which the lesson reads,
because not every reader has the time. `minute` trains the small translator in `minute/`, on which the lesson tries the
learner's searches: as many updates as one core makes in a minute.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError
from course.lab.drawing import Markup, rows_table

if TYPE_CHECKING:
    from torch import Tensor, nn

    from course.translator import Translator

CORPUS = "embedded-en-de"
HERE = Path(__file__).parent
LOGS = HERE / "logs"
MINUTE = HERE / "minute"
# Words of an English sentence; those that were trained on have up to 14.
SPLITS = {"test_iid": "up to 14 words", "longer": "15 to 18", "much_longer": "20 to 30"}
PENALTIES = {"none": 0.0, "gnmt": 1.0}  # by name, its alpha
BEAMS = (1, 2, 4, 8, 16, 32)
SENTENCES = 100  # of each split
LENGTHS = (8, 16, 32, 64, 128, 250)
REPEATS = 5
AS_IN_LESSON_08 = {"norm": "pre", "positions": "sinusoidal", "bias": True, "tie": "all"}
MINUTE_STEPS = 850  # updates: a minute of one processor core


@dataclass(frozen=True)
class Width:
    """What a beam width made of the first sentences of a split.

    Attributes:
        split, penalty, alpha, beam: what was asked for.
        sentences: how many.
        exact_match: percent exactly right.
        bleu: sacreBLEU's, from 0 to 100.
        words: words of the translations for each word of the references.
        score: mean score of a translation, which is what the search looks for: without a penalty its log-probability.
    """

    split: str
    penalty: str
    alpha: float
    beam: int
    sentences: int
    exact_match: float
    bleu: float
    words: float
    score: float


@dataclass(frozen=True)
class Cost:
    """What it takes to write `length` words with the translator that ships, greedily, for one sentence.

    Attributes:
        length: words.
        cached: with a cache or without.
        seconds: median of five.
        multiplications: in matrix products with weights, as torch counts them.
        kept: bytes that are kept from word to word: keys and values, or the words' ids.
    """

    length: int
    cached: bool
    seconds: float
    multiplications: int
    kept: int


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise CourseError(f"{path.name} is not there; run `python -m course.lessons.lesson_11.experiments` to make it.")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _keep(rows: Iterable[Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8", newline="\n")


def read_widths(path: Path = LOGS / "widths.jsonl") -> list[Width]:
    """Return the kept measurement of beam widths. Raises CourseError where there is none."""
    return [Width(**row) for row in _read(path)]


def read_costs(path: Path = LOGS / "costs.jsonl") -> list[Cost]:
    """Return the kept measurement of time and memory. Raises CourseError where there is none."""
    return [Cost(**row) for row in _read(path)]


def of(rows: Iterable[Width], split: str, penalty: str) -> list[Width]:
    """Return the rows of a split and a penalty, the narrowest beam first."""
    return sorted((row for row in rows if (row.split, row.penalty) == (split, penalty)), key=lambda row: row.beam)


def widths_table(rows: Sequence[Width], penalty: str) -> Markup:
    """Show BLEU, percent exactly right and words by beam width, for one penalty."""
    head = (
        "places",
        *(name for short in ("up to 14", "15-18", "20-30") for name in (f"{short}: BLEU", "exact %", "words")),
    )
    by_beam = zip(*(of(rows, split, penalty) for split in SPLITS), strict=True)
    body = [
        (each[0].beam, *(f"{number:.{digits}f}" for row in each for number, digits in _shown(row))) for each in by_beam
    ]
    said = {"none": "no length penalty", "gnmt": "divided by (5 + length) / 6, alpha 1"}[penalty]
    caption = f"{rows[0].sentences} sentences of each length, {said}; words for each word that was wanted"
    return rows_table(head, body, caption)


def _shown(row: Width) -> tuple[tuple[float, int], ...]:
    """The numbers of a table's cells, and how many digits each has."""
    return (row.bleu, 1), (row.exact_match, 1), (row.words, 2)


def costs_table(rows: Sequence[Cost]) -> Markup:
    """Show what writing takes by length, with and without a cache."""
    head = ("words", "without: ms", "with: ms", "times", "without: million ×", "with: million ×", "times", "kept: kB")
    body = []
    for length in sorted({row.length for row in rows}):
        without, cached = (next(r for r in rows if (r.length, r.cached) == (length, c)) for c in (False, True))
        body.append((
            length, f"{1000 * without.seconds:.0f}", f"{1000 * cached.seconds:.0f}",
            f"{without.seconds / cached.seconds:.1f}", f"{without.multiplications / 1e6:,.0f}",
            f"{cached.multiplications / 1e6:,.0f}", f"{without.multiplications / cached.multiplications:.1f}",
            f"{cached.kept / 1000:,.0f}",
        ))  # fmt: skip
    return rows_table(head, body, "one sentence on one core; million × are multiplications in matrix products")


# --- making it again --------------------------------------------------------------------------------------------


def measure_width(translator: Translator, split: str, penalty: str, beam: int, *, sentences: int = SENTENCES) -> Width:
    """Translate the first sentences of a split with a beam width, and score what came out."""
    from course.data.embedded import embedded_pairs
    from course.decoding import LengthPenalty
    from course.scoring import score

    pairs = embedded_pairs(CORPUS, split)[:sentences]
    rule = LengthPenalty(penalty, PENALTIES[penalty])  # type: ignore[arg-type]
    found = translator.translate([pair.source for pair in pairs], beam=beam, length_penalty=rule, batch_size=32)
    lines, wanted = [each.text for each in found], [pair.target for pair in pairs]
    scores = score(lines, wanted)
    words = sum(len(line.split()) for line in lines) / sum(len(line.split()) for line in wanted)
    return Width(
        split, penalty, PENALTIES[penalty], beam, len(pairs), round(scores.exact_match, 2), round(scores.bleu, 2),
        round(words, 4), round(statistics.fmean(each.score for each in found), 4),
    )  # fmt: skip


def measure_cost(translator: Translator, src: Tensor, length: int, *, cached: bool, repeats: int = REPEATS) -> Cost:
    """Let the translator write `length` words of a sentence src (1, S), with the end token forbidden."""
    import torch

    from course.lessons.lesson_11.work import multiplications

    model = translator.model
    write: Callable[..., int] = _write_cached if cached else _write_again
    with torch.inference_mode():
        memory = model.encode(src)
        counted = multiplications(write, model, memory, length)
        times = []
        for _ in range(repeats):
            begun = time.perf_counter()
            kept = write(model, memory, length)
            times.append(time.perf_counter() - begun)
    return Cost(length, cached, round(statistics.median(times), 5), counted, kept)


def _write_cached(model: Any, memory: Tensor, length: int) -> int:  # noqa: ANN401
    """Write with a cache; return the bytes of keys and values at the end, those of the source among them."""
    import torch

    from course.special import BOS

    cache, token = model.start_cache(memory), torch.tensor([BOS])
    for _ in range(length):
        token = _without_end(model.step(token, cache)).argmax(dim=-1)
    own = sum(part[:, :, : cache.length].numel() for layer in cache.layers for part in (layer.own_k, layer.own_v))
    source = sum(part.numel() for layer in cache.layers for part in (layer.cross_k, layer.cross_v))
    return (own + source) * cache.layers[0].own_k.element_size()


def _write_again(model: Any, memory: Tensor, length: int) -> int:  # noqa: ANN401
    """Write by handing in everything so far each time; return the bytes of the ids."""
    import torch

    from course.special import BOS

    ids = torch.tensor([[BOS]])
    for _ in range(length):
        token = _without_end(model.decode(ids, memory)[:, -1]).argmax(dim=-1)
        ids = torch.cat([ids, token[:, None]], dim=1)
    return ids.element_size() * ids.numel()


def _without_end(logits: Tensor) -> Tensor:
    """Return logits of the words alone, so that a sentence can be made as long as is wanted: (N, V - 3)."""
    from course.special import UNK

    return logits[:, UNK:]


def train_minute(folder: Path = MINUTE) -> None:
    """Train a small translator for about a minute, and put it into a folder with weights of half precision."""
    from course.data import load_corpus
    from course.training import PRESETS, train
    from course.training.checkpoint import read_tensors, write_tensors
    from course.training.run_file import RUN_FILES

    preset = PRESETS["3min"]
    training = replace(preset.training, minutes=None, max_steps=MINUTE_STEPS, seed=11, threads=1)
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "minute"
        train(
            run, load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev"),
            model_options={**preset.model, **AS_IN_LESSON_08, "d_model": 80, "d_ff": 240}, training=training,
            vocab_size=preset.vocab_size, corpus={"name": CORPUS},
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for name in RUN_FILES:
            if name.endswith((".json", ".jsonl")):
                shutil.copyfile(run / name, folder / name)
        weights, about = read_tensors(run / "best.safetensors")
        write_tensors(folder / "best.safetensors", {key: tensor.half() for key, tensor in weights.items()}, about)


def minute_translator() -> Translator:
    """The translator that was trained for one minute. Raises CourseError where it is missing."""
    from course.translator import Translator

    if not (MINUTE / "best.safetensors").is_file():
        raise CourseError(
            "The translator of one minute is not there; run `python -m course.lessons.lesson_11.experiments --only "
            "minute` to train it."
        )
    return Translator.load(MINUTE)


def in_class(cls: type[nn.Module], translator: Translator) -> nn.Module:
    """A learner's Transformer of lesson 08 with the weights of a translator of that kind, in evaluation mode.

    Raises CourseError where the two do not give the same logits.
    """
    import torch

    from course.lab.exercises.modules import find_map
    from course.model import TransformerConfig

    config = translator.model.config
    assert isinstance(config, TransformerConfig)
    sizes = (config.tgt_vocab_size, config.d_model, config.n_heads, config.d_ff, config.n_encoder_layers)
    module = cls(*sizes, 0.0, config.max_len).eval()
    ids = torch.arange(4, 14).view(2, 5)

    def agree() -> bool:
        with torch.no_grad():
            return torch.allclose(module(ids, ids), translator.model(ids, ids), atol=1e-3)

    found = find_map(translator.model.eval(), module, agree)
    if not found.complete or not agree():
        raise CourseError("this Transformer gives other logits than the package's with the same weights.")
    return module


def _widths() -> None:
    from course.pretrained import pretrained_translator

    translator, rows = pretrained_translator("en-de"), []
    for split in SPLITS:
        for penalty in PENALTIES:
            for beam in BEAMS:
                rows.append(measure_width(translator, split, penalty, beam))
                print(rows[-1], flush=True)
    _keep(rows, LOGS / "widths.jsonl")


def _costs() -> None:
    import torch

    from course.data.embedded import embedded_pairs
    from course.pretrained import pretrained_translator

    torch.set_num_threads(1)
    translator = pretrained_translator("en-de")
    text = embedded_pairs(CORPUS, "longer")[0].source
    src = torch.tensor([[*translator.tokenizer.encode(text), 2]])
    rows = []
    for length in LENGTHS:
        for cached in (False, True):
            rows.append(measure_cost(translator, src, length, cached=cached))
            print(rows[-1], flush=True)
    _keep(rows, LOGS / "costs.jsonl")


_PARTS: dict[str, Callable[[], None]] = {"minute": train_minute, "costs": _costs, "widths": _widths}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_11.experiments", description=(__doc__ or "").split("\n")[0]
    )
    names = ", ".join(_PARTS)
    parser.add_argument(
        "--only", nargs="+", choices=_PARTS, default=list(_PARTS), metavar="PART", help=f"some of {names}"
    )
    for name in parser.parse_args(arguments).only:
        _PARTS[name]()


if __name__ == "__main__":
    main()
