"""`course train`: from a corpus or two files to a trained run. Importing this file loads torch."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course.cli.options import Parser, Setting, add_settings, flag, reader, settings_of
from course.cli.training_plan import ARCHITECTURE, model_settings, only_of, read_plan, shared_settings
from course.cli.training_text import read_training_text, say_once
from course.data import corpus_names
from course.data.corpora import DEFAULT_CORPUS
from course.errors import CourseError, command
from course.model import config_class
from course.training import PRESETS, TrainingConfig, train
from course.training.run_folder import check_run_folder


def add_options(parser: Parser) -> None:
    """What to train on, where to keep it, and every field of the training and of the model."""
    data = parser.add_argument_group("what to train on: a corpus, or two files of equally many lines, or one with tabs")
    data.add_argument("--corpus", metavar="NAME", help=f"{', '.join(corpus_names())} (default {DEFAULT_CORPUS})")
    both = "; alone: both languages, a tab between them (.tsv)"
    for name, about in (
        ("source", f"one sentence a line{both}"),
        ("target", "the same sentences in the other language"),
        ("val-source", f"sentences to validate on (some of --source){both}"),
        ("val-target", "the same sentences in the other language"),
    ):
        data.add_argument(f"--{name}", type=Path, metavar="FILE", help=about)
    _add_run(parser)
    shown = {name: asdict(preset.training) | _model_defaults() | preset.model for name, preset in PRESETS.items()}
    training = parser.add_argument_group("training; in brackets each preset's value")
    training.add_argument(
        "--steps",
        dest="max_steps",
        type=reader(int),
        default=argparse.SUPPRESS,
        metavar="N",
        help="same as --max-steps",
    )
    add_settings(training, settings_of(TrainingConfig), shown)
    model = parser.add_argument_group("sizes and choices of the model; in brackets each preset's value")
    vocabulary = Setting("vocab_size", int, about="pieces of the joint vocabulary")
    add_settings(model, [vocabulary], {name: {"vocab_size": preset.vocab_size} for name, preset in PRESETS.items()})
    add_settings(model, [ARCHITECTURE], {name: {"architecture": "transformer"} for name in PRESETS})
    add_settings(model, model_settings("transformer"), shown)
    recurrent = parser.add_argument_group(
        f"of a recurrent model alone ({flag('architecture')} rnn, lstm or gru), which also takes "
        + ", ".join(flag(name) for name in shared_settings())
    )
    add_settings(recurrent, only_of("gru"), dict.fromkeys(PRESETS, _model_defaults("gru")))
    parser.set_defaults(action=_train, parser=parser)


def _add_run(parser: Parser) -> None:
    run = parser.add_argument_group("the run")
    run.add_argument("--out", type=Path, required=True, metavar="RUN", help="the folder to write")
    run.add_argument("--preset", choices=list(PRESETS), help=_presets_help())
    existing = run.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="go on with the run in RUN, with its own settings")
    existing.add_argument(
        "--overwrite", action="store_true", help="replace the run in RUN, which is kept until the new one is scored"
    )
    run.add_argument(
        "--new-data", action="store_true", help="with --resume: go on with other data; the best score starts anew"
    )


def _presets_help() -> str:
    summaries = "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
    return f"{summaries} (default: 3min for an embedded corpus, else 10min)"


def _model_defaults(architecture: str = "transformer") -> dict[str, Any]:
    return config_class(architecture)(src_vocab_size=1, tgt_vocab_size=1).to_dict()


def _train(options: argparse.Namespace) -> None:
    options.started = time.time()
    if options.new_data and not options.resume:
        raise CourseError("--new-data is for a run that goes on: add --resume, or leave it out.")
    check_run_folder(options.out, resume=options.resume, overwrite=options.overwrite)
    plan = read_plan(options)
    train_text, val_text = read_training_text(plan.corpus)
    train(
        options.out,
        train_text,
        val_text,
        model_options=plan.model_options,
        training=plan.training,
        vocab_size=plan.vocab_size,
        resume=options.resume,
        overwrite=options.overwrite,
        new_data=options.new_data,
        corpus=plan.corpus,
    )
    files = "" if "name" in plan.corpus else " --source FILE --reference FILE"
    score, use = command("course", "evaluate", options.out), command("course", "translate", "--model", options.out)
    say_once(f"Score it with `{score}{files}`, use it with `{use}`.")
