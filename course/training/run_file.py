"""What a run folder says about its run: run.json and tokenizer.json, read with every field held against its type."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any, Literal

from course.data import Tokenizer
from course.errors import CourseError, shortened
from course.model import config_class, config_from_dict
from course.training.config import TrainingConfig
from course.training.declared import first_misfit, fits, is_count
from course.training.fingerprint import is_fingerprint

RUN_FILE, TOKENIZER_FILE, LOG_FILE = "run.json", "tokenizer.json", "log.jsonl"
LAST_FILE, BEST_FILE = "last.safetensors", "best.safetensors"
RUN_FILES = (RUN_FILE, TOKENIZER_FILE, LOG_FILE, LAST_FILE, BEST_FILE)
PREVIOUS = "previous-run"  # inside a run folder: the run that is being replaced, until the new one is first scored
FORMAT = 1
LARGEST_SIZE = 2**24  # of a vocabulary, a width, a number of layers; no model that fits into a computer has more
MOST_POSITIONS = 2**26  # numbers in a table of positions, which the weights do not hold: 256 MB
_IN_CORPUS = ("name", "source", "target", "val_source", "val_target", "source_language", "target_language")


def damaged(path: Path, why: object) -> CourseError:
    """Say that a file of a run is damaged, and what helps."""
    said = (
        f"{path} is damaged ({shortened(why) if not isinstance(why, str) else why}): copy it again, or train again with"
    )
    return CourseError(f"{said} overwrite=True.", on_command_line=f"{said} --overwrite.")


def read_run_file(run: Path) -> dict[str, Any]:
    """What run.json says. Raises `CourseError` where the folder is not a run, or the file is damaged."""
    path = run / RUN_FILE
    if not path.exists():
        raise no_run(run)
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror or error}): check the rights to it.") from error
    except (ValueError, RecursionError) as error:  # neither UTF-8 nor JSON
        raise damaged(path, f"it is no JSON: {type(error).__name__}") from error
    if isinstance(info, dict) and info.get("format", FORMAT) != FORMAT:
        raise CourseError(
            f"{path} is of format {shortened(info['format'])}, and this version of the course reads {FORMAT}: use the "
            "version that wrote it."
        )
    if why := _misfit(info):
        raise damaged(path, why)
    try:
        config_from_dict(info["model"])
        TrainingConfig.from_dict(info["training"])
    except CourseError as error:
        raise damaged(path, str(error)) from error
    return info


def run_id(run: Path) -> str:
    """What tells the run in a folder from all others; "" where there is none, or one of an earlier version."""
    try:
        return read_run_file(run).get("run_id") or ""
    except CourseError:
        return ""


def no_run(run: Path) -> CourseError:
    """Say that a folder holds no run, and what it holds instead."""
    if not run.exists():
        what = "does not exist"
    elif (run / PREVIOUS).is_dir():
        return CourseError(
            f"{run} has no {RUN_FILE} yet: a training begins there, or began and ended early. The run that stood there "
            f"before is in {run / PREVIOUS}."
        )
    else:
        what = f"has no {RUN_FILE}, so it is not a run folder" if run.is_dir() else "is a file, not a run folder"
    return CourseError(
        f"{run} {what}: name a folder that a training made.",
        on_command_line=f"{run} {what}: name a folder that `course train --out` made.",
    )


def _misfit(info: object) -> str:
    """What is wrong with the content of run.json, "" where nothing is."""
    if not isinstance(info, dict):
        return "it holds no fields"
    for name, misfit in (("model", _misfit_of_model), ("training", partial(first_misfit, TrainingConfig))):
        part = info.get(name)
        if not isinstance(part, dict):
            return f"{name} is {shortened(part)}" if name in info else f"{name} is missing"
        if why := misfit(part):
            return why
    return _misfit_of_rest(info)


def _misfit_of_model(model: dict[str, Any]) -> str:
    architecture = model.get("architecture", "transformer")
    if not isinstance(architecture, str):
        return f"architecture is {shortened(architecture)}"
    try:
        kind = config_class(architecture)
    except CourseError as error:
        return str(error)
    fields = {name: value for name, value in model.items() if architecture != "transformer" or name != "architecture"}
    if why := first_misfit(kind, fields):
        return why
    for name, value in fields.items():
        if isinstance(value, int) and value > LARGEST_SIZE:
            return f"{name} is {value}"
    length, width = model.get("max_len", 1), model.get("d_model", 1)
    return f"max_len is {length} and d_model {width}" if length * width > MOST_POSITIONS else ""


def _misfit_of_rest(info: dict[str, Any]) -> str:
    corpus = info.get("corpus")
    if not isinstance(corpus, dict | None):
        return f"corpus is {shortened(corpus)}"
    for name in _IN_CORPUS:
        if not isinstance((corpus or {}).get(name, ""), str):
            return f"the corpus's {name} is {shortened((corpus or {})[name])}"
    for name in ("run_id", "tokenizer_sha256"):
        if not fits(info.get(name), str | None):
            return f"{name} is {shortened(info[name])}"
    if not fits(info.get("precision"), Literal["float32", "bfloat16"] | None):
        return f"precision is {shortened(info['precision'])}"
    if not is_count(info.get("parameters", 0)):
        return f"parameters is {shortened(info['parameters'])}"
    if not is_fingerprint(info.get("data")):
        return f"data is {shortened(info['data'])}"
    return ""


def belonging(info: dict[str, Any]) -> dict[str, Any]:
    """What the weights of a run say about themselves, so that they are never used with another run.json.

    Half of a model's choices (heads, norms, positions) leave no trace in the shapes of its weights: a run.json in which
    one of them has changed would give other translations without a word.
    """
    model = json.dumps(info["model"], sort_keys=True)
    return {"run_id": info.get("run_id"), "model_sha256": hashlib.sha256(model.encode("utf-8")).hexdigest()}


def check_belongs(path: Path, about: dict[str, Any], info: dict[str, Any]) -> None:
    """Raise `CourseError` where the weights in `path` are of another run than run.json, or of another model."""
    right = belonging(info)
    if about.get("run_id") != right["run_id"]:
        raise CourseError(
            f"{path} belongs to another run than the {RUN_FILE} beside it: copy the whole run folder again."
        )
    if about.get("model_sha256") not in (None, right["model_sha256"]):
        raise CourseError(
            f"{path} does not fit the {RUN_FILE} beside it, in which the model has changed: copy the whole run folder "
            "again."
        )


def tokenizer_checksum(tokenizer: Tokenizer) -> str:
    """The SHA-256 of what a tokenizer has learned; how its file is written does not matter."""
    return hashlib.sha256("\n".join(map(" ".join, tokenizer.merges)).encode("utf-8")).hexdigest()


def read_tokenizer(run: Path, info: dict[str, Any]) -> Tokenizer:
    """The tokenizer of a run folder. Raises `CourseError` where it is missing, damaged or another model's."""
    path = run / TOKENIZER_FILE
    tokenizer = Tokenizer.load(path)
    sizes = {info["model"][name] for name in ("src_vocab_size", "tgt_vocab_size")}
    if sizes != {tokenizer.vocab_size}:
        raise CourseError(
            f"{path} has {tokenizer.vocab_size} pieces, but the model in {run} knows {max(sizes)}: "
            "copy the whole run folder again."
        )
    if info.get("tokenizer_sha256") not in (None, tokenizer_checksum(tokenizer)):
        raise CourseError(
            f"{path} is not the tokenizer that the run in {run} was trained with: copy the whole run folder again."
        )
    return tokenizer
