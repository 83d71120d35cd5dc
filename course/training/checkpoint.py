"""A run folder: what is in it, how it is written so that it is never half there, how it is read.

    run.json           sizes, settings, corpus and languages: everything needed to build the model again
    tokenizer.json     the joint vocabulary
    log.jsonl          one JSON object a line: losses, rates, scores, samples
    last.safetensors   the state to resume from: weights, their average, the optimizer, random numbers, counters
    best.safetensors   the weights with the best validation score, alone
    training.lock      held by the process that trains there (`lock`)
    previous-run       a run that is being replaced, until the new one is first scored (`run_folder`)

Each file is written beside its place, flushed to the disk and then renamed (`course.whole_files`): at any moment the
file under its name is whole. run.json has the run's id and a checksum of the tokenizer; the files of weights have the
same id and a checksum of what they hold, so that no file of another run and no flipped byte goes unnoticed.
safetensors holds numbers and text only: loading runs no code.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course.data import Tokenizer
from course.errors import CourseError, command
from course.model import (
    ModelConfig,
    TransformerConfig,
    TranslationModel,
    config_from_dict,
    make_model,
    parameter_count,
    recurrent_parameter_count,
)
from course.training.run_file import (
    BEST_FILE,
    LAST_FILE,
    PREVIOUS,
    check_belongs,
    damaged,
    read_run_file,
    read_tokenizer,
)
from course.whole_files import write_bytes


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
            if not weights[name].is_floating_point():
                raise CourseError(f"the checkpoint holds no weights: {name} is of the type {weights[name].dtype}.")
            parameter.copy_(weights[name])


def check_size(weights: dict[str, Tensor], config: ModelConfig) -> None:
    """Raise `CourseError` unless a model of this configuration has as many numbers: said before memory is taken."""
    held = sum(tensor.numel() for tensor in weights.values())
    count = parameter_count(config) if isinstance(config, TransformerConfig) else recurrent_parameter_count(config)
    if held != count:
        raise CourseError(
            f"the checkpoint does not fit its run.json: it holds {held:,} numbers, and a model of those sizes has "
            f"{count:,}: copy the whole run folder again."
        )


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and a JSON object as one safetensors file, whole or not at all."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = json.dumps(about, sort_keys=True)
    try:
        content = save(whole, metadata={"about": facts, "sha256": checksum(whole, facts)})
    except SafetensorError as error:
        raise CourseError(f"could not write {path} ({error}); choose another folder.") from error
    write_bytes(path, content)  # `save_file` would keep the file from all other users, whatever the system's custom is


def checksum(tensors: dict[str, Tensor], facts: str) -> str:
    """The SHA-256 of tensors on the CPU, in the order of their names, and of a text."""
    digest = hashlib.sha256(facts.encode("utf-8"))
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON object of a file made by `write_tensors`. Raises `CourseError` if missing or damaged.

    A file of an earlier version has no checksum and is taken as it is.
    """
    if not path.is_file():
        raise CourseError(f"there is no checkpoint {path}: train first, or name another run folder.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        about = json.loads(metadata["about"])
        right = metadata.get("sha256", "") in ("", checksum(tensors, metadata["about"]))
    except PermissionError as error:
        raise CourseError(f"you may not read the checkpoint {path}: ask its owner for the right to.") from error
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if not right or not isinstance(about, dict):
        raise damaged(path, "its checksum is another" if isinstance(about, dict) else "it says nothing about itself")
    return tensors, about


def load_run(run: Path, *, which: str = "best") -> LoadedRun:
    """Model (in evaluation mode, on the CPU), tokenizer and information of a run folder.

    which: "best", or "last" for the average where training stands now. Raises `CourseError` where something is
    missing, damaged or of another run.
    """
    run = Path(run)
    if which not in ("best", "last"):
        raise CourseError(f'which is {which!r}; it must be "best" or "last".')
    info = read_run_file(run)
    tokenizer = read_tokenizer(run, info)
    path = run / f"{which}.safetensors"
    if not path.is_file():
        raise _what_to_load_instead(run, which)
    tensors, about = read_tensors(path)
    check_belongs(path, about, info)
    if which == "last":
        kind = "average." if any(name.startswith("average.") for name in tensors) else "model."
        tensors = {name.removeprefix(kind): t for name, t in tensors.items() if name.startswith(kind)}
    config = config_from_dict(info["model"])
    check_size(tensors, config)
    model = make_model(config)
    put_weights(model, tensors)
    return LoadedRun(model.eval(), tokenizer, info | {"checkpoint": about})


def _what_to_load_instead(run: Path, which: str) -> CourseError:
    """Say that a run has no such weights, and which it has."""
    what = f"there is no checkpoint {run / which}.safetensors"
    if which == "best" and (run / LAST_FILE).is_file():
        step = _step_of(run / LAST_FILE)
        what = f"{what}: the first validation is still to come, or the file is gone. A state{step} is there:"
        go_on = command("course", "train", "--out", run, "--resume")
        return CourseError(
            f'{what} load it with which="last", or train on with resume=True.',
            on_command_line=f"{what} use it with `--checkpoint last`, or train on with `{go_on}`.",
        )
    if (run / PREVIOUS).is_dir():
        return CourseError(f"{what} yet; the run that stood there before is in {run / PREVIOUS}.")
    if which == "last" and (run / BEST_FILE).is_file():
        what = f"{what}: this run keeps its best weights alone; load those, with"
        return CourseError(f'{what} which="best".', on_command_line=f"{what} `--checkpoint best`.")
    return CourseError(
        f"{what}: train again with overwrite=True, or name another run folder.",
        on_command_line=f"{what}: train again with --overwrite, or name another run folder.",
    )


def _step_of(state: Path) -> str:
    """' of step 40', as the head of the file says, which is read without the tensors; "" where it says nothing."""
    try:
        with safe_open(state, framework="pt") as file:
            return f" of step {json.loads(file.metadata()['about'])['position']['step']:,}"
    except (SafetensorError, OSError, LookupError, ValueError, TypeError, RecursionError):
        return ""
