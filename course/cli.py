"""The command line: data, train, evaluate, translate, exercises.

A command is read first and its modules are imported after, so that help and `course exercises` never wait for torch.
Whatever is wrong with the input ends as one sentence on standard error and exit code 2. Results and the lines of a
training go to standard output, bars and warnings to standard error.
"""

import argparse
import io
import json
import math
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.data import ParallelText, corpus_names, data_folder, fetch_multi30k, load_corpus, read_parallel
from course.data.corpora import (
    DEFAULT_CORPUS,
    FOLDER_VARIABLE,
    is_embedded,
    scored_split,
    split_names,
    validation_split,
)
from course.errors import CourseError
from course.options import Parser, Setting, add_settings, reader, settings_of, unknown_option

if TYPE_CHECKING:
    from tqdm import tqdm

    from course.training import TrainingConfig
    from course.translator import AlignedAttention, Translator

BAD_INPUT, INTERRUPTED = 2, 130
FILES = ("source", "target", "val_source", "val_target")
RESUME_MAY_CHANGE = ("minutes", "max_steps", "threads")
Texts = list[tuple[str, float]]  # one sentence's translations, best first, each with its score
Answer = Callable[[list[str]], list[Texts]]
UNKNOWN_WORDS_SHOWN = 5  # of those that the shipped translators do not know
LARGEST_HELD_OUT = 1000  # validation pairs taken from the user's own training files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 130 when it was interrupted."""
    _speak_utf8()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace()
    try:
        _parse(given, options)
        options.action(options)
        sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's exit
    except CourseError as error:
        return _complain(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _complain(_how_to_go_on(options), INTERRUPTED)
    except BrokenPipeError:  # the reader has enough: `course translate ... | head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - must outlive this function
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}; check the name, the rights and the free space.", BAD_INPUT)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        return _complain(
            "not enough memory; choose smaller sizes or a smaller --batch-tokens or --batch-size.", BAD_INPUT
        )
    return 0


def _complain(message: str, code: int) -> int:
    print(f"course: {' '.join(message.split())}", file=sys.stderr)
    return code


def _speak_utf8() -> None:
    """Standard streams in UTF-8 on every system: Windows would fail at the first word that its code page lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    signs = ("allocate memory", "out of memory", "storage size calculation overflowed")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


def _how_to_go_on(options: argparse.Namespace) -> str:
    if getattr(options, "command", "") != "train" or getattr(options, "out", None) is None:
        return "interrupted."
    state = options.out / "last.safetensors"
    started = getattr(options, "started", math.inf)
    if getattr(options, "overwrite", False) and state.exists() and state.stat().st_mtime < started:
        return f"interrupted before anything was changed; {options.out} still holds the run that was there."
    if state.exists():
        return f"interrupted; `course train --out {options.out} --resume` goes on from the last saved state."
    return f"interrupted before the first state was saved; start again with --out {options.out} --overwrite."


# --- reading the command ------------------------------------------------------------------------------------


def _parse(given: Sequence[str], options: argparse.Namespace) -> None:
    """Fill `options`; an option that no parser knows is named with its nearest."""
    commands = {
        "data": _add_data,
        "train": _add_train,
        "evaluate": _add_evaluate,
        "translate": _add_translate,
        "exercises": _add_exercises,
    }
    about = {
        "data": "fetch a corpus, or list what is there",
        "train": "train a translation model",
        "evaluate": "score a trained model, or compare two",
        "translate": "translate sentences",
        "exercises": "list the exercises and what is solved",
    }
    parser = Parser(prog="course", description="Train, score and use the course's translation Transformer.")
    parser.add_argument("--version", action="version", version=_version())
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, add in commands.items():
        sub = subparsers.add_parser(name, help=about[name], description=about[name].capitalize() + ".")
        if name in given[:1]:  # only this one is needed, and the options of `train` cost the import of torch
            add(sub)
    _, rest = parser.parse_known_args(given, options)
    if rest:
        raise unknown_option(options.parser, rest)


def _version() -> str:
    from course import __version__

    return f"course {__version__}"


def _add_data(parser: Parser) -> None:
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    fetch = tasks.add_parser("fetch", help="fetch a corpus", description="Fetch a corpus into the data folder.")
    fetch.add_argument("corpus", choices=["multi30k"], help="which one")
    fetch.add_argument("--from", dest="from_dir", type=Path, metavar="DIR", help="copy from DIR, without a network")
    fetch.set_defaults(action=_fetch, parser=fetch)
    listing = tasks.add_parser("list", help="say what is there", description="List the corpora and where they lie.")
    listing.set_defaults(action=_list_data, parser=listing)


def _add_train(parser: Parser) -> None:
    from course.training import PRESETS, TrainingConfig

    data = parser.add_argument_group("what to train on: a corpus, or two files of equally many lines")
    data.add_argument("--corpus", metavar="NAME", help=f"{', '.join(corpus_names())} (default {DEFAULT_CORPUS})")
    for name in ("source", "target", "val-source", "val-target"):
        data.add_argument(f"--{name}", type=Path, metavar="FILE")
    run = parser.add_argument_group("the run")
    run.add_argument("--out", type=Path, required=True, metavar="RUN", help="the folder to write")
    run.add_argument("--preset", choices=list(PRESETS), help=_presets_help())
    existing = run.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="go on with the run in RUN, with its own settings")
    existing.add_argument("--overwrite", action="store_true", help="replace the run in RUN")
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
    add_settings(model, _model_settings(), shown)
    parser.set_defaults(action=_train, parser=parser)


def _presets_help() -> str:
    from course.training import PRESETS

    summaries = "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
    return f"{summaries} (default: 3min for an embedded corpus, else 10min)"


def _default_preset(corpus: dict[str, str]) -> str:
    return "3min" if is_embedded(corpus.get("name", "")) else "10min"


def _model_settings() -> list[Setting]:
    """The model's fields but the two vocabulary sizes: the tokenizer decides those."""
    from course.model.config import TransformerConfig

    return [s for s in settings_of(TransformerConfig) if s.name not in ("src_vocab_size", "tgt_vocab_size")]


def _model_defaults() -> dict[str, Any]:
    from course.model.config import TransformerConfig

    return TransformerConfig(src_vocab_size=1, tgt_vocab_size=1).to_dict()


def _add_evaluate(parser: Parser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a trained run")
    parser.add_argument(
        "--compare", type=Path, metavar="RUN_B", help="a second run: are they different, or is it chance?"
    )
    parser.add_argument(
        "--split", metavar="NAME", help="part of the run's corpus, or all: every test split of an embedded corpus"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="score on your own two files instead of a split")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="the right translations of --source")
    parser.add_argument("--limit", type=reader(int, minimum=1), metavar="N", help="only the first N sentences")
    parser.add_argument("--lowercase", action="store_true", help="fold case on both sides; the signature says so")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _add_decoding(parser)
    parser.set_defaults(action=_evaluate, parser=parser)


def _add_translate(parser: Parser) -> None:
    parser.add_argument(
        "sentences", nargs="*", metavar="SENTENCE", help="what to translate; none: lines of standard input"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, metavar="RUN", help="the folder of a trained run")
    which.add_argument("--to", choices=["de", "fr"], help="the language, with a translator that ships (de)")
    parser.add_argument("--n-best", type=reader(int, minimum=1), default=1, metavar="N", help="print N, with scores")
    parser.add_argument("--show-attention", action="store_true", help="print where each word looked")
    _add_decoding(parser)
    sampling = parser.add_argument_group("sampling, instead of beam search")
    sampling.add_argument("--sample", action="store_true", help="draw every token at random")
    sampling.add_argument("--temperature", type=reader(float), metavar="X", help="below 1: more certain (1)")
    sampling.add_argument("--top-k", type=reader(int), metavar="K", help="only the K most probable tokens")
    sampling.add_argument("--top-p", type=reader(float), metavar="P", help="only the most probable, up to P together")
    sampling.add_argument("--seed", type=reader(int, minimum=0), metavar="N", help="same seed, same translations")
    parser.set_defaults(action=_translate, parser=parser)


def _add_decoding(parser: Parser) -> None:
    parser.add_argument(
        "--beam", type=reader(int, minimum=1), default=5, metavar="N", help="beam width; 1 is greedy (5)"
    )
    parser.add_argument(
        "--length-penalty",
        type=reader(float, minimum=0),
        default=1.0,
        metavar="A",
        help="alpha of Wu et al. 2016; larger: longer translations (1)",
    )
    parser.add_argument(
        "--batch-size", type=reader(int, minimum=1), default=64, metavar="N", help="sentences at once (64)"
    )
    parser.add_argument("--threads", type=reader(int, minimum=1), metavar="N", help="CPU threads to use")


def _add_exercises(parser: Parser) -> None:
    parser.set_defaults(action=_exercises, parser=parser)


# --- data ---------------------------------------------------------------------------------------------------


def _fetch(options: argparse.Namespace) -> None:
    folder = fetch_multi30k(from_dir=options.from_dir)
    print(f"Multi30k is in {folder}.")


def _list_data(options: argparse.Namespace) -> None:
    for name in corpus_names():
        print(f"{name:<16}  {', '.join(_present_splits(name)) or 'not here'}")
    print(f"\nLooked in {data_folder() / 'multi30k'} (COURSE_DATA moves the data folder)", end="")
    print(f" and in {os.environ[FOLDER_VARIABLE]} ({FOLDER_VARIABLE})." if os.environ.get(FOLDER_VARIABLE) else ".")


def _present_splits(name: str) -> Iterator[str]:
    """'train (29,000)' for every split that can be loaded."""
    if is_embedded(name):
        from course.data.embedded import split_sizes

        yield from (f"{split} ({size:,})" for split, size in split_sizes().items())
        return
    for split in split_names(name):
        with suppress(CourseError):
            yield f"{split} ({len(load_corpus(name, split)):,})"


# --- train --------------------------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> None:
    from course.training import train
    from course.training.checkpoint import check_run_folder

    options.started = time.time()
    check_run_folder(options.out, resume=options.resume, overwrite=options.overwrite)
    model_options, training, vocab_size, corpus = _plan(options)
    train_text, val_text = _training_text(corpus)
    train(
        options.out,
        train_text,
        val_text,
        model_options=model_options,
        training=training,
        vocab_size=vocab_size,
        resume=options.resume,
        overwrite=options.overwrite,
        corpus=corpus,
    )
    files = "" if "name" in corpus else " --source FILE --reference FILE"
    _say(f"Score it with `course evaluate {options.out}{files}`, use it with `course translate --model {options.out}`.")


def _say(line: str) -> None:
    """Print once: by the only process, or by the first of several under torchrun."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def _plan(options: argparse.Namespace) -> tuple[dict[str, Any], "TrainingConfig", int, dict[str, str]]:
    """Model options, training settings, vocabulary size and corpus: of the preset, or of the run that is resumed."""
    from course.model.config import TransformerConfig
    from course.training import PRESETS, TrainingConfig

    given = vars(options)
    sizes = {s.name: given[s.name] for s in _model_settings() if s.name in given}
    settings = {s.name: given[s.name] for s in settings_of(TrainingConfig) if s.name in given}
    if options.resume:
        return _plan_of_run(options, sizes, settings)
    corpus = _corpus(options)
    preset = PRESETS[options.preset or _default_preset(corpus)]
    vocab_size = given.get("vocab_size", preset.vocab_size)
    model_options = preset.model | sizes
    TransformerConfig(src_vocab_size=vocab_size, tgt_vocab_size=vocab_size, **model_options)  # refuses early
    return model_options, replace(preset.training, **_one_end(settings)), vocab_size, corpus


def _one_end(settings: dict[str, Any]) -> dict[str, Any]:
    """Whoever sets the steps alone, or the minutes alone, does not want the preset's other limit."""
    ends = {name for name in ("minutes", "max_steps") if settings.get(name) is not None}
    if len(ends) == 1:
        return {"minutes": None, "max_steps": None} | settings
    return settings


def _plan_of_run(
    options: argparse.Namespace, sizes: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], "TrainingConfig", int, dict[str, str]]:
    """The saved plan of the run. What is given beside --resume may move its end, and must agree with the rest."""
    from course.training import TrainingConfig
    from course.training.checkpoint import read_run_file

    info = read_run_file(options.out)
    model = dict(info["model"])
    vocab_size = model.pop("src_vocab_size")
    model.pop("tgt_vocab_size")
    if "vocab_size" in vars(options):
        raise CourseError("--vocab-size cannot change when a run is resumed: its tokenizer is made. Leave it out.")
    end = {name: settings.pop(name) for name in RESUME_MAY_CHANGE if name in settings}
    preset = _preset_but_its_end(options.preset) if options.preset else {}
    _require_same(preset | sizes | settings, model | info["training"], options.out)
    training = replace(TrainingConfig.from_dict(info["training"]), **_one_end(end))
    return model, training, vocab_size, _corpus_of_run(options, info.get("corpus") or {})


def _corpus_of_run(options: argparse.Namespace, saved: dict[str, str]) -> dict[str, str]:
    """What the run was trained on; files that are given stand for those of the run, which may have moved."""
    given = any(getattr(options, name) is not None for name in ("corpus", *FILES))
    if not given and saved.keys() & {"name", "source"}:
        return saved
    corpus = _corpus(options)
    if saved and ("name" in corpus) != ("name" in saved):
        what = saved.get("name", f"the files {saved.get('source')} and {saved.get('target')}")
        raise CourseError(f"the run in {options.out} is trained on {what}: leave --corpus and files out to resume it.")
    if "name" in corpus:
        _require_same(corpus, saved, options.out)
    return corpus


def _preset_but_its_end(name: str) -> dict[str, Any]:
    from course.training import PRESETS

    values = PRESETS[name].training.to_dict() | PRESETS[name].model
    return {name: value for name, value in values.items() if name not in RESUME_MAY_CHANGE}


def _require_same(asked: dict[str, Any], saved: dict[str, Any], run: Path) -> None:
    for name, value in asked.items():
        if name in saved and value != saved[name]:
            raise CourseError(
                f"{name} is {value}, but the run in {run} has {saved[name]}: leave it out to resume that run, or "
                "train a new one in another --out."
            )


def _corpus(options: argparse.Namespace) -> dict[str, str]:
    """What the run is trained on, as run.json keeps it: a name, or the whole paths of the files."""
    files = {name: getattr(options, name) for name in FILES}
    paths = {name: str(path.resolve()) for name, path in files.items() if path is not None}
    if options.corpus and paths:
        raise CourseError(f"give either --corpus or files, not both: --corpus is {options.corpus}.")
    if not paths:
        return {"name": options.corpus or DEFAULT_CORPUS}
    for one, other in (("source", "target"), ("val_source", "val_target")):
        if (one in paths) != (other in paths) or (one == "source" and one not in paths):
            there, absent = (one, other) if one in paths else (other, one)
            raise CourseError(
                f"--{_dashed(there)} needs --{_dashed(absent)}, the same sentences in the other language."
            )
    return paths


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _training_text(corpus: dict[str, str]) -> tuple[ParallelText, ParallelText]:
    """Training and validation pairs with text on both sides."""
    if "name" in corpus:
        name = corpus["name"]
        train, val = load_corpus(name, "train"), load_corpus(name, validation_split(name))
    else:
        train = read_parallel(Path(corpus["source"]), Path(corpus["target"]), split="train")
        if "val_source" not in corpus:
            return _hold_out(_complete(train))
        val = read_parallel(Path(corpus["val_source"]), Path(corpus["val_target"]), split="val")
    return _complete(train), val.without_empty()


def _complete(train: ParallelText) -> ParallelText:
    kept = train.without_empty()
    if len(kept) < len(train):
        _say(f"{len(train) - len(kept)} of {len(train)} training pairs lack one side and are left out.")
    return kept


def _hold_out(text: ParallelText) -> tuple[ParallelText, ParallelText]:
    """Take one pair in twenty, evenly spread and at most 1,000, for validation; the rest is for training."""
    count = min(max(len(text) // 20, 1), LARGEST_HELD_OUT)
    if len(text) < 2:
        raise CourseError(
            "one sentence pair cannot be trained on and validated on: give files with at least two lines."
        )
    held = {i * len(text) // count for i in range(count)}
    _say(f"{count} of {len(text)} pairs are held out for validation (no --val-source given).")
    return (
        _chosen(text, [i for i in range(len(text)) if i not in held], "train"),
        _chosen(text, sorted(held), "val"),
    )


def _chosen(text: ParallelText, rows: Sequence[int], split: str) -> ParallelText:
    source, target = tuple(text.source[i] for i in rows), tuple(text.target[i] for i in rows)
    return replace(text, source=source, target=target, split=split)


# --- evaluate -----------------------------------------------------------------------------------------------


def _evaluate(options: argparse.Namespace) -> None:
    if options.split == "all":
        return _evaluate_all(options)
    if options.compare:
        return _compare(options)
    report = _translated(options, options.run)[1]
    print(json.dumps(report, ensure_ascii=False) if options.json else _table(report))
    return None


def _evaluate_all(options: argparse.Namespace) -> None:
    """Every test split of the embedded corpus, and every construction over all of them."""
    from course.data.embedded import embedded_pairs
    from course.evaluation import by_construction, constructions_table, score_splits, table

    for option in ("compare", "source", "reference", "lowercase"):
        if getattr(options, option):
            raise CourseError(f"--split all and --{option} do not go together: leave one of them out.")
    translator = _load(options.run, options.threads)
    name = (translator.info.get("corpus") or {}).get("name", "")
    if not is_embedded(name):
        raise CourseError("--split all is for runs on an embedded corpus: name one split, or give two files.")
    scores = score_splits(
        translator, name, limit=options.limit, beam=options.beam, length_penalty=options.length_penalty,
        batch_size=options.batch_size,
    )  # fmt: skip
    pairs = [pair for s in scores for pair in embedded_pairs(name, s.split)[: options.limit]]
    counts = by_construction(pairs, [line for s in scores for line in s.translations])
    if options.json:
        report = {"run": str(options.run), "corpus": name, "beam": options.beam, "signature": scores[0].signature}
        splits = {"splits": [s.to_dict() for s in scores], "constructions": counts}
        print(json.dumps(report | splits, ensure_ascii=False))
    else:
        print(f"{options.run}, {name}, beam {options.beam}\n\n{table(scores)}\n\n{constructions_table(counts)}")
        print(f"\nBLEU signature   {scores[0].signature}")


def _translated(options: argparse.Namespace, run: Path) -> tuple[ParallelText, dict[str, Any], list[str]]:
    """The test text, the report on one run, and the run's translations."""
    translator = _load(run, options.threads)
    text, what = _test_text(options, run, translator.info)
    start = time.perf_counter()
    with _bar(len(text)) as bar:
        found = translator.translate(
            text.source,
            beam=options.beam,
            length_penalty=options.length_penalty,
            batch_size=options.batch_size,
            progress=bar.update,
        )
    seconds = time.perf_counter() - start
    lines = [translation.text for translation in found]
    tokens = sum(len(ids) + 1 for ids in translator.tokenizer.encode_all(lines))  # with the end token
    about = {"run": str(run), "split": what, "beam": options.beam, "length_penalty": options.length_penalty}
    speed = {"seconds": round(seconds, 3), "tokens_per_second": round(tokens / seconds, 1)}
    return text, about | _scores(options, lines, text) | speed, lines


def _bar(sentences: int) -> "tqdm[Any]":
    from tqdm import tqdm

    return tqdm(total=sentences, unit=" sentences", leave=False, disable=not sys.stderr.isatty())


def _scores(options: argparse.Namespace, lines: list[str], text: ParallelText) -> dict[str, Any]:
    from course.scoring import confidence_interval, score

    scores = asdict(score(lines, text.target, lowercase=options.lowercase))
    interval = confidence_interval(lines, text.target, lowercase=options.lowercase)
    return scores | {"bleu_interval_95": list(interval), "lowercase": options.lowercase}


def _load(run: Path, threads: int | None) -> "Translator":
    from course.translator import Translator

    if threads:
        from course.training.machine import use_threads

        use_threads(threads)
    return Translator.load(run)


def _test_text(options: argparse.Namespace, run: Path, info: dict[str, Any]) -> tuple[ParallelText, str]:
    """The sentences to score on, none of them empty, and what to call them."""
    if options.source or options.reference:
        if options.split:
            raise CourseError(f"give either --split or --source and --reference, not both: --split is {options.split}.")
        if not (options.source and options.reference):
            raise CourseError("--source and --reference go together: one file of sentences, one of their translations.")
        text, what = read_parallel(options.source, options.reference), options.source.name
    else:
        name = (info.get("corpus") or {}).get("name")
        if not name:
            raise CourseError(f"{run} was trained on files, so it has no splits: give --source and --reference.")
        what = options.split or scored_split(name)
        text = load_corpus(name, what)
    text = _chosen(text, range(len(text))[: options.limit], text.split)
    for number, source in enumerate(text.source, 1):
        if not source.strip():
            raise CourseError(
                f"{what}, line {number}: an empty sentence cannot be translated; remove that line from both files."
            )
    return text, what


def _table(report: dict[str, Any]) -> str:
    low, high = report["bleu_interval_95"]
    rows = {
        "run": report["run"],
        "split": f"{report['split']}, {report['sentences']:,} sentences",
        "BLEU": f"{report['bleu']:.2f}   (95 % of bootstrap resamples: {low:.2f} to {high:.2f})",
        "chrF2": f"{report['chrf']:.2f}",
        "exact match": f"{report['exact_match']:.2f} %",
        "time": f"{report['seconds']:.1f} s, {report['tokens_per_second']:,.0f} tokens a second, beam {report['beam']}",
        "BLEU signature": report["signature"],
        "chrF2 signature": report["chrf_signature"],
    }
    return "\n".join(f"{name:<16} {value}" for name, value in rows.items())


def _compare(options: argparse.Namespace) -> None:
    """Paired bootstrap: the same sentences through both runs."""
    from course.scoring import paired_bootstrap

    (text_a, a, lines_a), (text_b, b, lines_b) = (_translated(options, run) for run in (options.run, options.compare))
    if (text_a.source, text_a.target) != (text_b.source, text_b.target):
        raise CourseError(f"{a['run']} and {b['run']} translate different texts, so they cannot be compared.")
    found = asdict(paired_bootstrap(lines_a, lines_b, text_a.target, lowercase=options.lowercase)) | {"a": a, "b": b}
    print(json.dumps(found, ensure_ascii=False) if options.json else f"{_table(a)}\n\n{_table(b)}\n\n{_verdict(found)}")


def _verdict(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    sure = "a difference" if found["p_value"] < 0.05 else "no difference shown: it may be chance"
    return (
        f"B minus A: {found['delta']:+.2f} BLEU, 95 % interval {low:+.2f} to {high:+.2f}, p = {found['p_value']:.3f} "
        f"(paired bootstrap, 1,000 resamples): {sure}."
    )


# --- translate ----------------------------------------------------------------------------------------------


def _translate(options: argparse.Namespace) -> None:
    from course.translator import render_attention

    _check_translate(options)
    translator = _load(options.model or _shipped(options), options.threads)
    answer = _sampler(options, translator) if options.sample else _searcher(options, translator)
    for sentences in _inputs(options):
        if options.model is None:
            _warn_of_unknown_words(sentences)
        for sentence, best in zip(sentences, answer(sentences), strict=True):
            for text, score in best:
                print(text if options.n_best == 1 else f"{score:.4f}\t{text}", flush=True)
            if options.show_attention:
                shown = render_attention(_followed(translator, sentence, best[0][0]))
                print(*(f"    {line}" for line in shown.splitlines()), "", sep="\n", flush=True)


def _followed(translator: "Translator", sentence: str, translation: str) -> "AlignedAttention":
    """Attention along the printed text; along the model's own pieces where that text is empty or grew too long.

    The pieces of an untrained model may be no letters, and such text has other and more pieces when it is read again.
    """
    with suppress(CourseError):
        return translator.attention(sentence, translation)
    return translator.attention(sentence)


def _shipped(options: argparse.Namespace) -> Path:
    from course.pretrained import run_folder

    return run_folder(f"en-{options.to or 'de'}")


def _warn_of_unknown_words(sentences: Sequence[str]) -> None:
    """The shipped translators know few words; a guess at others is nonsense, and the reader should know why."""
    from course.pretrained import strange_words, with_near_words

    found = dict.fromkeys(word for sentence in sentences for word in strange_words(sentence))
    if not found:
        return
    # Looking for near words takes time, and a reader has had enough of them after a few.
    shown = ", ".join(str(with_near_words(word)) for word in [*found][:UNKNOWN_WORDS_SHOWN])
    more = f" and {len(found) - UNKNOWN_WORDS_SHOWN:,} more words" if len(found) > UNKNOWN_WORDS_SHOWN else ""
    print(
        f"course: the translator that ships with the course does not know {shown}{more}; "
        "expect nonsense there, or train one on your own text.",
        file=sys.stderr,
    )


def _check_translate(options: argparse.Namespace) -> None:
    for name in ("temperature", "top_k", "top_p", "seed"):
        if getattr(options, name) is not None and not options.sample:
            raise CourseError(f"--{_dashed(name)} is for sampling: add --sample, or leave it out.")
    if options.sample and options.n_best > 1:
        raise CourseError(f"--n-best {options.n_best} is for beam search: leave out one of --n-best and --sample.")
    if options.n_best > options.beam:
        raise CourseError(f"--n-best {options.n_best} needs a beam at least as wide, but --beam is {options.beam}.")


def _inputs(options: argparse.Namespace) -> Iterator[list[str]]:
    """The sentences of the command line, or of standard input: each line at once from a keyboard, else all together."""
    if options.sentences:
        for sentence in options.sentences:
            if not sentence.strip():
                raise CourseError("one of the sentences is empty: give some text between the quotation marks.")
        yield list(options.sentences)
    elif sys.stdin.isatty():
        print("One sentence a line; an empty line ends.", file=sys.stderr)
        for line in sys.stdin:
            if not line.strip():
                return
            yield [line.rstrip("\r\n")]
    else:
        yield _piped_lines()


def _piped_lines() -> list[str]:
    """All lines of standard input, as UTF-8 whatever the system's code page."""
    data = sys.stdin.buffer.read()
    lines = data.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")
    if not data.strip():
        raise CourseError("there is nothing to translate: give a sentence, or lines on standard input.")
    sentences = []
    for number, line in enumerate(lines, 1):
        try:
            sentences.append(line.decode("utf-8").removesuffix("\r"))
        except UnicodeDecodeError:
            raise CourseError(
                f"standard input, line {number}: the bytes are not UTF-8; convert the text and try again."
            ) from None
        if not sentences[-1].strip():
            raise CourseError(
                f"standard input, line {number}: an empty sentence cannot be translated; remove the line."
            )
    return sentences


def _searcher(options: argparse.Namespace, translator: "Translator") -> Answer:
    def search(sentences: list[str]) -> list[Texts]:
        found = translator.translate(
            sentences,
            beam=options.beam,
            length_penalty=options.length_penalty,
            n_best=options.n_best,
            batch_size=options.batch_size,
        )
        return [[(_one_line(text), score) for text, score in translation.n_best] for translation in found]

    return search


def _sampler(options: argparse.Namespace, translator: "Translator") -> Answer:
    """Draw translations; one stream of random numbers for all that is translated."""
    import torch

    from course.decoding import sample
    from course.special import EOS

    generator = torch.Generator()
    generator.seed() if options.seed is None else generator.manual_seed(options.seed)
    given = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p")}
    chosen = {name: value for name, value in given.items() if value is not None}

    def draw(sentences: list[str]) -> list[Texts]:
        answers = []
        for ids in translator.tokenizer.encode_all([unicodedata.normalize("NFC", text.strip()) for text in sentences]):
            src = torch.tensor([[*ids, EOS]])
            limit = min(3 * src.shape[1] // 2 + 10, translator.model.config.max_len)
            drawn = sample(translator.model, src, max_len=limit, generator=generator, **chosen)[0]
            answers.append([(_one_line(translator.tokenizer.decode(drawn.ids)), drawn.score)])
        return answers

    return draw


def _one_line(text: str) -> str:
    """A translation never takes two lines, so that line n of the output belongs to line n of the input."""
    return " ".join(text.splitlines())


# --- exercises ----------------------------------------------------------------------------------------------


def _exercises(options: argparse.Namespace) -> None:
    from course.lab import workbook
    from course.lab.exercises import all_exercises

    exercises, solved = all_exercises(), set(workbook.solved_ids())
    width = max((len(exercise.id) for exercise in exercises), default=0)
    for exercise in exercises:
        state = "solved" if exercise.id in solved else "open"
        print(f"{exercise.lesson:02}  {exercise.id:<{width}}  {state:<6}  {exercise.minutes:>3} min  {exercise.title}")
    print(f"\n{len(solved)} of {len(exercises)} solved; your workbook is {workbook.folder()}.")
