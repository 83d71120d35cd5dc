"""Dataclass fields as command-line options: each setting is declared once, where it is used.

A field `d_model: int = 192  # width of the residual stream` becomes `--d-model N`, its type and choices come from the
annotation, and the comment beside it is the help text.
"""

import argparse
import dataclasses
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from course.errors import CourseError, nearest

LARGEST = 2**31  # no size, seed or rate comes near it, and what is beyond does not fit into every library's numbers


def flag(name: str) -> str:
    """A field's name as the option that is typed: d_model is --d-model."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Setting:
    """One field of a configuration: `kind` is bool, int, float or str; `choices` is empty where any value will do."""

    name: str
    kind: type
    choices: tuple[str, ...] = ()
    optional: bool = False  # whether None may be given, written "none"
    about: str = ""


class _Help(argparse.HelpFormatter):
    """Help with room for the longer options."""

    def __init__(self, prog: str, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(prog, **{"max_help_position": 28, **options})


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are `CourseError`, in the words of all the others."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Help, **options})

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise CourseError(f"{_plain(message)}; `{self.prog} --help` shows what can be given.")

    def options(self) -> list[str]:
        """Every option that this parser takes, as typed."""
        return [option for action in self._actions for option in action.option_strings]


def _plain(message: str) -> str:
    """Argparse's words, in the form of the course's own."""
    message = message.strip().rstrip(".").removeprefix("argument ")
    if missing := re.fullmatch(r"the following arguments are required: (.*)", message):
        return f"{missing[1]} is missing"
    if wrong := re.fullmatch(r"(.*): invalid choice: '(.*)' \(.*choose from (.*)\)", message):
        choices = re.findall(r"[^', ]+", wrong[3])
        return f'{wrong[1]} cannot be "{wrong[2]}".{nearest(wrong[2], choices)} There is {", ".join(choices)}'
    return message


def unknown_option(parser: Parser, rest: Sequence[str]) -> CourseError:
    """Say which of the arguments that nothing took was the first, with the nearest that exists."""
    first = rest[0].split("=")[0]
    what = "no option" if first.startswith("-") else "no place for"
    close = ""
    if first.startswith("-"):  # compared without the dashes, which all have in common
        close = nearest(first.lstrip("-"), [option.lstrip("-") for option in parser.options()]).replace('"', '"--', 1)
    return CourseError(f"`{parser.prog}` has {what} {first}.{close} See `{parser.prog} --help`.")


def settings_of(config: type) -> list[Setting]:
    """Return the fields of a dataclass as settings, in their order.

    Raises:
        TypeError: for an annotation other than bool, int, float, str or a Literal of strings, or one of these or None.
    """
    hints, comments = typing.get_type_hints(config), _comments(config)
    return [_setting(f.name, hints[f.name], comments.get(f.name, "")) for f in dataclasses.fields(config)]


def _setting(name: str, hint: Any, about: str) -> Setting:  # noqa: ANN401 - an annotation can be anything
    optional = typing.get_origin(hint) in (types.UnionType, typing.Union)
    if optional:
        (hint,) = (kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    if typing.get_origin(hint) is Literal:
        return Setting(name, str, typing.get_args(hint), optional, about)
    if hint not in (bool, int, float, str):
        raise TypeError(f"{name}: {hint} cannot be given on a command line")
    return Setting(name, hint, (), optional, about)


def _comments(config: type) -> dict[str, str]:
    """The comment that stands beside each field in the source of the class."""
    try:
        source = inspect.getsource(config)
    except OSError:  # no source files beside the compiled ones: the options work, without these words
        return {}
    return dict(re.findall(r"^    (\w+): [^#\n]*  # (.+)$", source, re.MULTILINE))


def add_settings(
    parser: argparse._ActionsContainer, settings: Sequence[Setting], defaults: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add one option for each setting; an option that is not given leaves no trace in the namespace.

    Args:
        parser: where to add them, a parser or one of its groups.
        settings: what to add.
        defaults: for each preset's name its value of each setting, shown in the help.
    """
    for setting in settings:
        about = _escaped(f"{setting.about} {_shown_defaults(setting.name, defaults)}".strip())
        common: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS, "help": about}
        if setting.kind is bool:
            parser.add_argument(flag(setting.name), action=argparse.BooleanOptionalAction, **common)
        elif setting.choices:
            parser.add_argument(flag(setting.name), choices=setting.choices, **common)
        else:
            metavar = "N" if setting.kind is int else "X"
            kind = reader(setting.kind, optional=setting.optional)
            parser.add_argument(flag(setting.name), type=kind, metavar=metavar, **common)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _shown_defaults(name: str, defaults: Mapping[str, Mapping[str, Any]]) -> str:
    """'(0.1)' where all presets agree, else '(10min 128, 45min 192, paper 128)'."""
    values = {preset: str(options[name]).lower() for preset, options in defaults.items() if name in options}
    if len(set(values.values())) <= 1:
        return f"({next(iter(values.values()))})" if values else ""
    return "(" + ", ".join(f"{preset} {value}" for preset, value in values.items()) + ")"


def reader(kind: type, *, optional: bool = False, minimum: float | None = None) -> Callable[[str], Any]:
    """Return what turns an argument into an int or a finite float, or None for 'none' where `optional`."""

    def read(text: str) -> int | float | None:
        if optional and text.lower() == "none":
            return None
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or (kind is float and not math.isfinite(value)):
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        if abs(value) >= LARGEST:
            raise argparse.ArgumentTypeError(f"{text} is too large")
        if minimum is not None and value < minimum:
            raise argparse.ArgumentTypeError(f"{text} is too small, it must be at least {minimum:g}")
        return value

    return read
