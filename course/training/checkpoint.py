"""A run folder: what is in it, how it is written so that it is never half there, how it is read.

    run.json           sizes, settings, corpus and languages: everything needed to build the model again
    tokenizer.json     the joint vocabulary
    log.jsonl          one JSON object a line: losses, rates, scores, samples
    last.safetensors   the state to resume from: weights, their average, the optimizer, random numbers, counters
    best.safetensors   the weights with the best validation score, alone

Each file is written beside its place, flushed to the disk and then renamed: at any moment the file under its
name is whole. safetensors holds numbers and text only: loading runs no code.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course.data import Tokenizer
from course.errors import CourseError
from course.model import TranslationModel, config_from_dict, make_model
from course.training.config import TrainingConfig

RUN_FILE, TOKENIZER_FILE, LOG_FILE = "run.json", "tokenizer.json", "log.jsonl"
RUN_FILES = (RUN_FILE, TOKENIZER_FILE, LOG_FILE, "last.safetensors", "best.safetensors")


@dataclass(frozen=True)
class LoadedRun:
    """A trained model, ready to translate, with what its run folder says about it."""

    model: TranslationModel
    tokenizer: Tokenizer
    info: dict[str, Any]


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Every trained tensor once, by name; a tied table appears under its first name only."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def put_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy weights into the model, in place. Raises `CourseError` unless names and shapes agree."""
    own = dict(model.named_parameters())
    if own.keys() != weights.keys():
        odd = sorted(own.keys() ^ weights.keys())[0]
        raise CourseError(f"the checkpoint does not fit its run.json: only one of them has {odd!r}.")
    with torch.no_grad():
        for name, parameter in own.items():
            if parameter.shape != weights[name].shape:
                raise CourseError(
                    f"the checkpoint does not fit its run.json: {name} is {tuple(weights[name].shape)} in one "
                    f"and {tuple(parameter.shape)} in the other."
                )
            parameter.copy_(weights[name])


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and a JSON object as one safetensors file, whole or not at all."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    part = path.with_name(path.name + ".part")
    try:
        # `save_file` would keep the file from all other users, whatever the system's custom is.
        part.write_bytes(save(whole, metadata={"about": json.dumps(about, sort_keys=True)}))
        _publish(part, path)
    except (OSError, SafetensorError) as error:
        raise _not_saved(part, path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        _publish(part, path)
    except OSError as error:
        raise _not_saved(part, path, error) from error


def _publish(part: Path, path: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())  # the content first, then the name: a power cut must not leave an empty file
    part.replace(path)


def _not_saved(part: Path, path: Path, error: Exception) -> CourseError:
    with suppress(OSError):
        part.unlink(missing_ok=True)
    kept = "the previous one is untouched" if path.exists() else "nothing was left half written"
    return CourseError(f"could not write {path} ({error}); {kept}. Free some space or choose another folder.")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON object of a file made by `write_tensors`. Raises `CourseError` if missing or damaged."""
    if not path.is_file():
        raise CourseError(f"there is no checkpoint {path}: train first, or name another run folder.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 - not a dict
    except PermissionError as error:
        raise CourseError(f"you may not read the checkpoint {path}: ask its owner for the right to.") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CourseError(
            f"the checkpoint {path} is damaged ({error}): copy it again, or train again with --overwrite."
        ) from error


def read_run_file(run: Path) -> dict[str, Any]:
    """What run.json says. Raises `CourseError` where the folder is not a run, or the file is damaged."""
    path = run / RUN_FILE
    if not path.is_file():
        what = "has no run.json, so it is not a run folder" if run.exists() else "does not exist"
        raise CourseError(f"{run} {what}: name a folder that `course train --out` made.")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        config_from_dict(info["model"])
        TrainingConfig.from_dict(info["training"])
        if not isinstance(info.get("corpus") or {}, dict):
            raise TypeError(f"corpus is {info['corpus']!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is damaged ({error}): train again with --overwrite.") from error
    return info


def read_tokenizer(run: Path, info: dict[str, Any]) -> Tokenizer:
    """The tokenizer of a run folder. Raises `CourseError` where it is missing, damaged or another model's."""
    tokenizer = Tokenizer.load(run / TOKENIZER_FILE)
    sizes = {info["model"][name] for name in ("src_vocab_size", "tgt_vocab_size")}
    if sizes != {tokenizer.vocab_size}:
        raise CourseError(
            f"{run / TOKENIZER_FILE} has {tokenizer.vocab_size} pieces, but the model in {run} knows {max(sizes)}: "
            "copy the whole run folder again."
        )
    return tokenizer


def load_run(run: Path, *, which: str = "best") -> LoadedRun:
    """Model (in evaluation mode, on the CPU), tokenizer and information of a run folder.

    which: "best", or "last" for the average where training stands now. Raises `CourseError` where something is
    missing or damaged.
    """
    run = Path(run)
    info = read_run_file(run)
    tokenizer = read_tokenizer(run, info)
    tensors, about = read_tensors(run / f"{which}.safetensors")
    if which == "last":
        kind = "average." if any(name.startswith("average.") for name in tensors) else "model."
        tensors = {name.removeprefix(kind): t for name, t in tensors.items() if name.startswith(kind)}
    model = make_model(config_from_dict(info["model"]))
    put_weights(model, tensors)
    return LoadedRun(model.eval(), tokenizer, info | {"checkpoint": about})


def check_run_folder(run: Path, *, resume: bool, overwrite: bool) -> None:
    """Make sure that training may write to `run`, before any work is done. Changes nothing.

    Raises `CourseError` where a run would be lost, where there is none to resume, or where the folder holds
    something else.
    """
    if run.exists() and not run.is_dir():
        raise CourseError(f"{run} is a file; training needs a folder.")
    has_run = (run / RUN_FILE).exists()
    if resume:
        if not (run / "last.safetensors").exists():
            raise CourseError(f"{run} holds no state to resume from: start it without --resume.")
    elif has_run and not overwrite:
        raise CourseError(f"{run} already holds a run: choose another folder, or pass --resume or --overwrite.")
    elif run.is_dir() and not has_run and any(run.iterdir()):
        raise CourseError(f"{run} is not empty and not a run folder: choose another folder.")


def start_run_folder(run: Path) -> None:
    """Make the folder, and remove the files of a run that is to be overwritten; nothing else is touched."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        for name in RUN_FILES:
            (run / name).unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write to {run} ({error}): choose another folder.") from error
