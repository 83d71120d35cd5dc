"""`course evaluate --split all`: every test split of the embedded corpus, and every construction. Loads torch."""

import argparse
import json

from course.cli.loaded_run import load_translator
from course.cli.scored_run import no_splits
from course.data.corpora import is_embedded
from course.data.embedded import embedded_pairs
from course.errors import CourseError
from course.evaluation import SplitScore, by_construction, constructions_table, score_splits, table
from course.translator import Translator


def score_all_splits(options: argparse.Namespace) -> str:
    """What to print: tables, or one JSON object."""
    for option in ("compare", "source", "reference", "lowercase"):
        if getattr(options, option):
            raise CourseError(f"--split all and --{option} do not go together: leave one of them out.")
    translator = load_translator(options.run, options.threads, which=options.checkpoint)
    name = (translator.info.get("corpus") or {}).get("name", "")
    if not name:
        raise no_splits(options.run)
    if not is_embedded(name):
        raise CourseError("--split all is for runs on an embedded corpus: name one split, or give two files.")
    scores = _scores(options, translator, name)
    pairs = [pair for s in scores for pair in embedded_pairs(name, s.split)[: options.limit]]
    counts = by_construction(pairs, [line for s in scores for line in s.translations])
    signature = scores[0].signature
    if options.json:
        report = {"run": str(options.run), "corpus": name, "beam": options.beam, "signature": signature}
        splits = {"splits": [s.to_dict() for s in scores], "constructions": counts}
        return json.dumps(report | splits, ensure_ascii=False)
    return (
        f"{options.run}, {name}, beam {options.beam}\n\n{table(scores)}\n\n{constructions_table(counts)}\n\n"
        f"BLEU signature   {signature}"
    )


def _scores(options: argparse.Namespace, translator: Translator, name: str) -> list[SplitScore]:
    return score_splits(
        translator, name, limit=options.limit, beam=options.beam, length_penalty=options.length_penalty,
        batch_size=options.batch_size,
    )  # fmt: skip
