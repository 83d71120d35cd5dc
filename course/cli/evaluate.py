"""`course evaluate`: score a trained run, or ask whether two differ."""

import argparse
import json
from pathlib import Path

from course.cli.decoding_options import add_decoding_options
from course.cli.options import Parser, reader


def add_options(parser: Parser) -> None:
    """Which run or runs, on which sentences, decoded how."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a trained run")
    parser.add_argument(
        "--compare", type=Path, metavar="RUN_B", help="a second run: are they different, or is it chance?"
    )
    parser.add_argument(
        "--split", metavar="NAME", help="part of the run's corpus, or all: every test split of an embedded corpus"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="score on your own files instead of a split")
    parser.add_argument(
        "--reference",
        "--target",  # as `course train` calls it
        type=Path,
        metavar="FILE",
        help="the right translations of --source; none: --source has both, a tab between",
    )
    parser.add_argument("--limit", type=reader(int, minimum=1), metavar="N", help="only the first N sentences")
    parser.add_argument("--lowercase", action="store_true", help="fold case on both sides; the signature says so")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_decoding_options(parser)
    parser.set_defaults(action=_evaluate, parser=parser)


def _evaluate(options: argparse.Namespace) -> None:
    """Print what was asked for. The scoring is imported here: it loads torch, and help should not wait for it."""
    if options.split == "all":
        from course.cli.scored_splits import score_all_splits

        print(score_all_splits(options))
    elif options.compare:
        from course.cli.scored_run import compare_runs, table, verdict

        found = compare_runs(options)
        tables = f"{table(found['a'])}\n\n{table(found['b'])}\n\n{verdict(found)}"
        print(json.dumps(found, ensure_ascii=False) if options.json else tables)
    else:
        from course.cli.scored_run import score_run, table

        report = score_run(options, options.run).report
        print(json.dumps(report, ensure_ascii=False) if options.json else table(report))
