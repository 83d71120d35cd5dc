"""What `course train` is to do: the settings of a preset or of the run that is resumed, with what was given beside."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course.cli.options import Setting, flag, settings_of
from course.data.corpora import DEFAULT_CORPUS, is_embedded
from course.errors import CourseError
from course.model import ARCHITECTURES, config_class, config_from_dict
from course.training import PRESETS, TrainingConfig
from course.training.run_file import read_run_file

FILES = ("source", "target", "val_source", "val_target")
RESUME_MAY_CHANGE = ("minutes", "max_steps", "threads")
ARCHITECTURE = Setting("architecture", str, ARCHITECTURES, about="the Transformer, or a recurrent model of such cells")


@dataclass(frozen=True)
class Plan:
    """What `course.training.train` needs beside the text.

    model_options: fields of the model's configuration but the vocabulary's sizes. corpus: as run.json keeps it, a name
    or the whole paths of the files.
    """

    model_options: dict[str, Any]
    training: TrainingConfig
    vocab_size: int
    corpus: dict[str, str]


def model_settings(architecture: str) -> list[Setting]:
    """The model's fields but its name and the two vocabulary sizes: the tokenizer decides those."""
    apart = ("src_vocab_size", "tgt_vocab_size", "architecture")
    return [s for s in settings_of(config_class(architecture)) if s.name not in apart]


def only_of(architecture: str) -> list[Setting]:
    """The fields that only the Transformer has, or only a recurrent model."""
    shared = shared_settings()
    return [s for s in model_settings(architecture) if s.name not in shared]


def shared_settings() -> list[str]:
    """The names of the fields that the Transformer and recurrent models have in common."""
    of_both = {s.name for s in model_settings("transformer")}
    return [s.name for s in model_settings("gru") if s.name in of_both]


def read_plan(options: argparse.Namespace) -> Plan:
    """The plan that the options make. Raises `CourseError` for settings that cannot work together."""
    given = vars(options)
    architecture = _architecture(options)
    sizes = {s.name: given[s.name] for s in [ARCHITECTURE, *model_settings(architecture)] if s.name in given}
    settings = {s.name: given[s.name] for s in settings_of(TrainingConfig) if s.name in given}
    if options.resume:
        return _plan_of_run(options, sizes, settings)
    corpus = _corpus(options)
    preset = PRESETS[options.preset or _default_preset(corpus)]
    vocab_size = given.get("vocab_size", preset.vocab_size)
    model_options = preset.options_for(architecture) | sizes
    config_from_dict(model_options | {"src_vocab_size": vocab_size, "tgt_vocab_size": vocab_size})  # refuses early
    return Plan(model_options, replace(preset.training, **_one_end(settings)), vocab_size, corpus)


def _architecture(options: argparse.Namespace) -> str:
    """The architecture that is asked for, or that the resumed run has; options of another are refused."""
    given = vars(options)
    saved = read_run_file(options.out)["model"] if options.resume else given
    architecture: str = saved.get("architecture", "transformer")
    other = "gru" if architecture == "transformer" else "transformer"
    for setting in only_of(other):
        if setting.name in given:
            whose = "recurrent models" if other == "gru" else "the Transformer"
            raise CourseError(f"{flag(setting.name)} is for {whose}, and this is {architecture}: leave it out.")
    return architecture


def _default_preset(corpus: dict[str, str]) -> str:
    return "3min" if is_embedded(corpus.get("name", "")) else "10min"


def _one_end(settings: dict[str, Any]) -> dict[str, Any]:
    """Whoever sets the steps alone, or the minutes alone, does not want the preset's other limit."""
    ends = {name for name in ("minutes", "max_steps") if settings.get(name) is not None}
    if len(ends) == 1:
        return {"minutes": None, "max_steps": None} | settings
    return settings


def _plan_of_run(options: argparse.Namespace, sizes: dict[str, Any], settings: dict[str, Any]) -> Plan:
    """The saved plan of the run. What is given beside --resume may move its end, and must agree with the rest."""
    info = read_run_file(options.out)
    model = dict(info["model"])
    vocab_size = model.pop("src_vocab_size")
    model.pop("tgt_vocab_size")
    if vars(options).get("vocab_size", vocab_size) != vocab_size:
        raise CourseError(
            f"--vocab-size cannot change when a run is resumed: its tokenizer is made, with {vocab_size:,} pieces. "
            "Leave it out."
        )
    end = {name: settings.pop(name) for name in RESUME_MAY_CHANGE if name in settings}
    model.setdefault("architecture", "transformer")
    preset = _preset_but_its_end(options.preset, model["architecture"]) if options.preset else {}
    _require_same(preset | sizes | settings, model | info["training"], options.out)
    training = replace(TrainingConfig.from_dict(info["training"]), **_one_end(end))
    return Plan(model, training, vocab_size, _corpus_of_run(options, info.get("corpus") or {}))


def _preset_but_its_end(name: str, architecture: str) -> dict[str, Any]:
    values = PRESETS[name].training.to_dict() | PRESETS[name].options_for(architecture)
    return {name: value for name, value in values.items() if name not in RESUME_MAY_CHANGE}


def _require_same(asked: dict[str, Any], saved: dict[str, Any], run: Path) -> None:
    for name, value in asked.items():
        if name in saved and value != saved[name]:
            raise CourseError(
                f"{name} is {value}, but the run in {run} has {saved[name]}: leave it out to resume that run, or "
                "train a new one in another --out."
            )


def _corpus_of_run(options: argparse.Namespace, saved: dict[str, str]) -> dict[str, str]:
    """What the run was trained on; files that are given stand for those of the run, which may have moved."""
    given = any(getattr(options, name) is not None for name in ("corpus", *FILES))
    if not given and saved.keys() & {"name", "source"}:
        _require_there(saved, options.out)
        return saved
    corpus = _corpus(options)
    if options.new_data:
        return corpus
    if saved and ("name" in corpus) != ("name" in saved):
        what = saved.get("name", f"the files {saved.get('source')} and {saved.get('target')}")
        raise CourseError(
            f"the run in {options.out} is trained on {what}: leave --corpus and files out to resume it, or pass "
            "--new-data to go on with other data."
        )
    if "name" in corpus:
        _require_same(corpus, saved, options.out)
    return corpus


def _require_there(saved: dict[str, str], run: Path) -> None:
    """Raise `CourseError` where a file of the run is gone: nobody has typed its name."""
    files = [name for name in FILES if name in saved]
    gone = [saved[name] for name in files if not Path(saved[name]).exists()]
    if gone:
        flags = ", ".join(flag(name) for name in files)
        raise CourseError(
            f"{gone[0]}, which the run in {run} was trained with, is gone from there: say where its files are now "
            f"({flags})."
        )


def _corpus(options: argparse.Namespace) -> dict[str, str]:
    """What the run is trained on, as run.json keeps it: a name, or the whole paths of the files.

    A source without a target is a file with both languages, a tab between them: whether it is shows when it is read.
    """
    files = {name: getattr(options, name) for name in FILES}
    paths = {name: str(path.resolve()) for name, path in files.items() if path is not None}
    if options.corpus and paths:
        raise CourseError(f"give either --corpus or files, not both: --corpus is {options.corpus}.")
    if not paths:
        return {"name": options.corpus or DEFAULT_CORPUS}
    if "source" not in paths:
        given = next(name for name in FILES if name in paths)
        raise CourseError(f"{flag(given)} needs {flag('source')}, the sentences to train on.")
    if "val_target" in paths and "val_source" not in paths:
        raise CourseError("--val-target needs --val-source, the same sentences in the other language.")
    return paths
