"""Does the decoder read the sense where the probe finds it? One word's vector is moved from one sense to the other.

    python -m course.lessons.lesson_13.sense_swaps

keeps what it measures in logs/sense_swaps.json. A probe says what can be read off a vector, not what is read. So the
vector of an ambiguous word, as the decoder gets it, is moved by the difference between the means of its two senses, all
other vectors stay, and the sentence is translated. Beside it stand moves as far in a random direction, and both three
times as far, where no sentence of the corpus is.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.alignment import owners
from course.lessons.lesson_13.senses import FORMS, Occurrence, occurrences, says, word_vectors
from course.scoring import proportion_interval

if TYPE_CHECKING:
    import torch

    from course.translator import Translator

Array = NDArray[Any]

LOGS = Path(__file__).parent / "logs"
FILE = "sense_swaps.json"
# Each with its length, in distances between the means of the two senses.
MOVES = {"none": 0.0, "random": 1.0, "to the other sense": 1.0, "random, three times as far": 3.0,
         "past the other sense, three times as far": 3.0}  # fmt: skip
BATCH = 50


@contextmanager
def moved(model: Any, shift: torch.Tensor) -> Iterator[None]:  # noqa: ANN401
    """Inside, what the encoder hands over is shifted: (B, S, d) is added to its memory."""
    hook = model.encoder.register_forward_hook(lambda _, __, made: (made[0] + shift, *made[1:]))
    try:
        yield
    finally:
        hook.remove()


def translations(translator: Translator, found: Sequence[Occurrence], shifts: Array) -> list[str]:
    """Greedy translations while the vector of each occurrence is shifted by its row of shifts (N, d)."""
    import torch

    from course.decoding import greedy
    from course.special import PAD

    sources = translator.source_ids([each.pair.source for each in found])
    texts = []
    for start in range(0, len(found), BATCH):
        rows = range(start, min(start + BATCH, len(found)))
        width = max(len(sources[i]) for i in rows)
        src = torch.tensor([sources[i] + [PAD] * (width - len(sources[i])) for i in rows])
        shift = np.zeros((len(rows), width, shifts.shape[1]), dtype=np.float32)
        for row, i in enumerate(rows):
            shift[row, places(translator, found[i])] = shifts[i]
        with moved(translator.model, torch.from_numpy(shift)):
            made = greedy(translator.model, src, max_len=[len(sources[i]) * 3 // 2 + 10 for i in rows])
        texts += [translator.tokenizer.decode(each.ids) for each in made]
    return texts


def places(translator: Translator, each: Occurrence) -> list[int]:
    """Where the pieces of an occurrence stand in its source."""
    tokenizer = translator.tokenizer
    sizes = [*tokenizer.byte_lengths(tokenizer.encode(each.pair.source)), 0]
    return [i for i, word in enumerate(owners(sizes, each.pair.source_tokens)) if word == each.at]


def shifts_of(found: Sequence[Occurrence], vectors: Array, move: str, *, seed: int = 0) -> Array:
    """(N, d): from the mean of an occurrence's sense toward that of the other, or at random. move: of `MOVES`."""
    shifts = np.zeros_like(vectors)
    rng = np.random.default_rng(seed)
    for i, each in enumerate(found):
        means = [
            vectors[[k for k, e in enumerate(found) if e.form == each.form and e.label == label]].mean(0)
            for label in (each.label, 1 - each.label)
        ]
        shifts[i] = means[1] - means[0]
        if move.startswith("random"):
            other = rng.normal(size=shifts.shape[1])
            shifts[i] = other * np.linalg.norm(shifts[i]) / np.linalg.norm(other)
    return MOVES[move] * shifts


def outcome(each: Occurrence, text: str) -> str:
    """Which word a translation has: "own" sense's, "other" sense's, "both" or "neither"."""
    (other,) = set(FORMS[each.form]) - {each.sense}
    own, strange = says(text, each.form, each.sense), says(text, each.form, other)
    return "both" if own and strange else "own" if own else "other" if strange else "neither"


def alone(found: Sequence[Occurrence]) -> list[Occurrence]:
    """Those whose reference has no word of the other sense: there what is written is plain to see."""
    return [each for each in found if outcome(each, each.pair.target) == "own"]


def measure(translator: Translator) -> dict[str, Any]:
    """For each form and move how often which word is written, over the sentences of the split "senses"."""
    found = alone(occurrences(("senses",)))
    vectors = word_vectors(translator, found)[:, -1]
    rows = []
    for move in MOVES:
        texts = translations(translator, found, shifts_of(found, vectors, move))
        for form in FORMS:
            here = [i for i, each in enumerate(found) if each.form == form]
            counts = [outcome(found[i], texts[i]) for i in here]
            rows.append({"form": form, "move": move, "n": len(here)}
                        | {name: counts.count(name) for name in ("own", "other", "both", "neither")}
                        | {"example": [found[here[0]].pair.source, texts[here[0]]]})  # fmt: skip
    away = np.linalg.norm(shifts_of(found, vectors, "to the other sense"), axis=1) / np.linalg.norm(vectors, axis=1)
    lengths = {form: round(float(np.median(away[[e.form == form for e in found]])), 2) for form in FORMS}
    return {"rows": rows, "shift_by_length": lengths, "all": {move: _all(rows, move) for move in MOVES}}


def _all(rows: Sequence[dict[str, Any]], move: str) -> dict[str, list[float]]:
    """Percent of each outcome over all forms, with its 95 % interval (Wilson)."""
    of_move = [row for row in rows if row["move"] == move]
    n = sum(row["n"] for row in of_move)
    found = {}
    for name in ("own", "other", "both", "neither"):
        hits = sum(row[name] for row in of_move)
        found[name] = [round(x, 1) for x in (100 * hits / n, *proportion_interval(hits, n))]
    return found


@functools.cache
def read_swaps(folder: Path = LOGS) -> dict[str, Any]:
    """What was measured and kept."""
    kept: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep the log."""
    from course.pretrained import pretrained_translator

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_13.sense_swaps", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--to", type=Path, default=LOGS, help="the folder of the log")
    folder = parser.parse_args(arguments).to
    kept = measure(pretrained_translator("en-de"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    print(kept["shift_by_length"], *kept["all"].items(), *kept["rows"], sep="\n")


if __name__ == "__main__":
    main()
