"""What can be set about training, and three presets that are known to work."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from course.errors import CourseError
from course.model.config import is_number

LARGEST_SEED = 2**62  # what torch's generators take, with room for the numbers of processes and steps

CHOICES = {
    "optimizer": ("adamw", "muon"),
    "schedule": ("linear", "inverse_sqrt"),
    "averaging": ("ema", "none"),
    "precision": ("auto", "float32", "bfloat16"),
}


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how to train. Raises `CourseError` for a value that cannot work, with the value.

    The run ends at `minutes` or at `max_steps`, whichever comes first; at least one must be given.
    """

    minutes: float | None = None  # wall clock from start to last step, with data preparation but not the bfloat16 probe
    max_steps: int | None = None  # number of updates
    batch_tokens: int = 2500  # target tokens an update, padding included, over all processes
    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: orthogonalized momentum for the matrices of the layers
    lr: float = 2e-3  # the peak, reached after the warm-up
    warmup_steps: int = 300
    schedule: Literal["linear", "inverse_sqrt"] = "linear"  # after the warm-up; linear ends at zero
    label_smoothing: float = 0.1  # torch's definition: eps / V on every class
    clip: float = 1.0  # largest gradient norm
    weight_decay: float = 0.01  # on matrices; none on biases and norms
    averaging: Literal["ema", "none"] = "ema"  # what is scored and kept: a moving average, or the weights
    ema_decay: float = 0.998
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 where it is measured faster
    log_every: int = 50  # steps between plain lines
    validations: int = 8  # evenly over the run, the last one at its end
    validation_sentences: int = 300  # translated at each validation; the loss uses all of them
    checkpoint_every: int = 200  # steps between states to resume from
    seed: int = 1
    threads: int | None = None  # None: torch's choice

    def __post_init__(self) -> None:
        if self.minutes is None and self.max_steps is None:
            raise CourseError("training needs an end: give minutes, max_steps or both.")
        for name in ("max_steps", "batch_tokens", "log_every", "validations", "checkpoint_every", "threads"):
            if getattr(self, name) is not None or name not in ("max_steps", "threads"):
                _require_whole(name, getattr(self, name), 1, "must be at least 1")
        for name in ("warmup_steps", "validation_sentences"):
            _require_whole(name, getattr(self, name), 0, "must not be negative")
        _require_whole("seed", self.seed, -LARGEST_SEED, f"must be between -{LARGEST_SEED:,} and {LARGEST_SEED:,}")
        if self.seed > LARGEST_SEED:
            raise CourseError(f"seed is {self.seed}; it must be between -{LARGEST_SEED:,} and {LARGEST_SEED:,}.")
        self._check_numbers()
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                choices = ", ".join(repr(choice) for choice in allowed)
                raise CourseError(f"{name} is {getattr(self, name)!r}; it must be one of {choices}.")

    def _check_numbers(self) -> None:
        for name in ("lr", "clip") if self.minutes is None else ("minutes", "lr", "clip"):
            if not _require_finite(name, getattr(self, name)) > 0:
                raise CourseError(f"{name} is {getattr(self, name):g}; it must be above 0.")
        if _require_finite("weight_decay", self.weight_decay) < 0:
            raise CourseError(f"weight_decay is {self.weight_decay}; it must not be negative.")
        for name in ("label_smoothing", "ema_decay"):
            if not 0 <= _require_finite(name, getattr(self, name)) < 1:
                raise CourseError(f"{name} is {getattr(self, name):g}; it must be at least 0 and below 1.")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainingConfig":
        """Build from plain values; an unknown name raises `CourseError`."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise CourseError(f"training has no option {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        return cls(**values)


def _require_whole(name: str, value: object, smallest: int, rule: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CourseError(f"{name} is {value!r}; it must be a whole number.")
    if value < smallest:
        raise CourseError(f"{name} is {value}; it {rule}.")


def _require_finite(name: str, value: object) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise CourseError(f"{name} is {value!r}; it must be a finite number.")
    return value


@dataclass(frozen=True)
class Preset:
    """A recipe: options of the model, of training, and the size of the joint vocabulary.

    recurrent: the options that a recurrent model has instead of `model`; None where there is no such recipe.
    """

    summary: str
    training: TrainingConfig
    model: dict[str, Any] = field(default_factory=dict)
    vocab_size: int = 4000
    recurrent: dict[str, Any] | None = None

    def options_for(self, architecture: str) -> dict[str, Any]:
        """The options of a model of this architecture."""
        if architecture == "transformer":
            return self.model
        if self.recurrent is None:
            raise CourseError(f"this preset is a recipe for the Transformer: choose another for {architecture}.")
        return self.recurrent | {"architecture": architecture}


PRESETS = {
    "3min": Preset(
        "2+2 layers, d_model 128: nearly all of the embedded corpus in three minutes on two cores",
        # Each made sentence is seen a few times only, so what counts is how much an update learns: Muon needs half as
        # many as AdamW. What generalizes best here is strong weight decay, without dropout, which would only slow the
        # learning down; rotary positions and whole words help with new combinations and with length.
        TrainingConfig(
            minutes=3, batch_tokens=1000, optimizer="muon", lr=0.012, warmup_steps=100, label_smoothing=0.02,
            weight_decay=0.3, ema_decay=0.995, validations=4, validation_sentences=100,
        ),
        {
            "d_model": 128, "d_ff": 384, "n_heads": 4, "n_encoder_layers": 2, "n_decoder_layers": 2,
            "dropout": 0.0, "positions": "rotary", "tie": "all", "bias": False,
        },
        vocab_size=2000,
        recurrent={"d_model": 192, "dropout": 0.1, "tie": "all"},
    ),
    "10min": Preset(
        "3+3 layers, d_model 128: a useful translator in ten minutes on two cores",
        # So short a run sees each sentence about a dozen times: small batches, for more updates, and little dropout
        # gain several BLEU here, and a narrower model gains by seeing more sentences.
        TrainingConfig(
            minutes=10, batch_tokens=1000, optimizer="muon", lr=8e-3, warmup_steps=200, weight_decay=0.1,
            ema_decay=0.997,
        ),
        {"d_model": 128, "d_ff": 384, "n_heads": 4, "dropout": 0.1, "tie": "all", "bias": False},
        recurrent={"d_model": 256, "dropout": 0.2, "tie": "all"},
    ),
    "45min": Preset(
        "3+3 layers, d_model 192: a better one in three quarters of an hour on two cores",
        # What helped ten minutes helps here too. By the end it could know the sentences by heart, so dropout is
        # stronger, and the rate lower.
        TrainingConfig(
            minutes=45, batch_tokens=1500, optimizer="muon", lr=6e-3, warmup_steps=300, weight_decay=0.1,
            ema_decay=0.999,
        ),
        {"d_model": 192, "d_ff": 576, "n_heads": 4, "dropout": 0.2, "tie": "all", "bias": False},
        recurrent={"d_model": 320, "dropout": 0.3, "tie": "all"},
    ),
    # The 41.0 of Wu et al. (ACL 2021), "Good for Misconceived Reasons": Transformer-Tiny on Multi30k.
    # They average the last ten checkpoints; the moving average here stands for that.
    "paper": Preset(
        "4+4 layers, d_model 128, post-norm: the published recipe, for a night or a GPU",
        TrainingConfig(
            max_steps=8000, batch_tokens=8000, lr=5e-3, warmup_steps=2000, schedule="inverse_sqrt", ema_decay=0.999
        ),
        {
            "d_model": 128, "d_ff": 256, "n_heads": 4, "n_encoder_layers": 4, "n_decoder_layers": 4,
            "dropout": 0.3, "norm": "post", "tie": "all",
        },
        vocab_size=10000,
    ),
}  # fmt: skip
