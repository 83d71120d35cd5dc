"""The two architectures under one roof: from plain values to a configuration, and from that to a model."""

from typing import Any

from course.errors import CourseError, nearest
from course.model.config import TransformerConfig
from course.model.recurrent import RecurrentModel
from course.model.recurrent_config import CELLS, RecurrentConfig
from course.model.transformer import Transformer

ARCHITECTURES = ("transformer", *CELLS)
ModelConfig = TransformerConfig | RecurrentConfig
TranslationModel = Transformer | RecurrentModel


def config_class(architecture: str) -> type[TransformerConfig] | type[RecurrentConfig]:
    """The dataclass that holds the sizes of an architecture. Raises `CourseError` for an unknown name."""
    if architecture not in ARCHITECTURES:
        close = nearest(architecture, ARCHITECTURES)
        raise CourseError(f"architecture is {architecture!r}.{close} There is {', '.join(ARCHITECTURES)}.")
    return TransformerConfig if architecture == "transformer" else RecurrentConfig


def config_from_dict(values: dict[str, Any]) -> ModelConfig:
    """Build from plain values; where they name no architecture, it is the Transformer.

    Raises `CourseError` for a name or a value that the architecture does not have.
    """
    kind = config_class(values.get("architecture", "transformer"))
    if kind is TransformerConfig:
        values = {name: value for name, value in values.items() if name != "architecture"}
    return kind.from_dict(values)


def make_model(config: ModelConfig) -> TranslationModel:
    """Return a model of these sizes, with new random weights from torch's default generator."""
    return Transformer(config) if isinstance(config, TransformerConfig) else RecurrentModel(config)
