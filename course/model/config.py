"""Every size and choice of the Transformer, in one frozen dataclass."""

import math
from dataclasses import asdict, dataclass, fields
from numbers import Integral
from typing import Any, Literal, Self, TypeGuard

from course.errors import CourseError

Activation = Literal["relu", "gelu", "silu"]
Norm = Literal["pre", "post"]
Positions = Literal["sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"]
Tie = Literal["none", "decoder", "all"]

CHOICES = {
    "activation": ("relu", "gelu", "silu"),
    "norm": ("pre", "post"),
    "positions": ("sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"),
    "tie": ("none", "decoder", "all"),
}
COUNTS = ("src_vocab_size", "tgt_vocab_size", "d_model", "n_heads", "d_ff", "max_len")
FARTHEST_DIVISOR = 10_000  # a fitting number of heads is looked for so far around the one that was given
MOST_LAYERS = 1000  # the deepest Transformers that have been trained (Wang et al. 2022); more is a slip of the hand


class PlainConfig:
    """What the configurations of all models share: plain values in and out, and what tying needs."""

    src_vocab_size: int
    tgt_vocab_size: int
    tie: Tie

    def check_tie(self) -> None:
        """Raise `CourseError` where one table shall serve vocabularies of two sizes."""
        if self.tie == "all" and self.src_vocab_size != self.tgt_vocab_size:
            raise CourseError(
                f"tie is 'all', but the vocabularies hold {self.src_vocab_size} and {self.tgt_vocab_size} "
                "tokens: use one joint vocabulary, or tie 'decoder'."
            )

    @property
    def table_rows(self) -> int:
        """Rows of all tables of words together, the output layer's among them."""
        rows = {"none": self.src_vocab_size + 2 * self.tgt_vocab_size, "all": self.tgt_vocab_size}
        return rows.get(self.tie, self.src_vocab_size + self.tgt_vocab_size)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values; an unknown name raises `CourseError`."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - known)
        if unknown:
            raise CourseError(f"the model has no option {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        missing = [name for name in ("src_vocab_size", "tgt_vocab_size") if name not in values]
        if missing:
            raise CourseError(f"the model's options lack {' and '.join(missing)}: add the size of the vocabulary.")
        return cls(**values)


@dataclass(frozen=True)
class TransformerConfig(PlainConfig):
    """Sizes and choices of one Transformer; the names are those of Vaswani et al. 2017 where it has one.

    Raises `CourseError` for a size or a choice that cannot work, with its value.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    d_model: int = 192  # width of the residual stream
    n_heads: int = 4  # heads per attention; each is d_model / n_heads wide
    d_ff: int = 384  # inner width of the feed-forward network
    n_encoder_layers: int = 3
    n_decoder_layers: int = 3
    dropout: float = 0.1  # on each sublayer's output and on the embeddings (section 5.4)
    attention_dropout: float = 0.0  # on the attention weights; the paper has none
    activation: Activation = "relu"
    norm: Norm = "pre"  # the paper is "post"; "pre" (Xiong et al. 2020) trains without warm-up
    final_norm: bool | None = None  # a norm after each stack; None: yes for "pre", no for "post"
    positions: Positions = "sinusoidal"  # "..._halves": all sines, then all cosines (Marian)
    max_len: int = 256  # longest sentence in tokens, on either side
    scale_embeddings: bool = True  # times sqrt(d_model) (section 3.4)
    tie: Tie = "none"  # "decoder": target embedding = output; "all": source embedding too (section 3.4)
    bias: bool = True  # in projections, feed-forward and norms
    output_bias: bool = False  # one number per target word, added to the logits
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        for name in COUNTS:
            require_count(name, getattr(self, name), minimum=1)
        for name in ("n_encoder_layers", "n_decoder_layers"):
            require_count(name, getattr(self, name), minimum=0, maximum=MOST_LAYERS)
        for name, allowed in CHOICES.items():
            require_choice(name, getattr(self, name), allowed)
        self._check_widths()
        for name in ("dropout", "attention_dropout"):
            require_fraction(name, getattr(self, name))
        require_switches(self, ("scale_embeddings", "bias", "output_bias"))
        if self.final_norm is not None:
            require_switches(self, ("final_norm",))
        if not is_number(self.norm_eps) or not 0 < self.norm_eps < math.inf:
            raise CourseError(f"norm_eps is {self.norm_eps!r}; it must be a number above 0, such as 1e-5.")

    def _check_widths(self) -> None:
        if self.d_model % self.n_heads:
            wanted = min(self.n_heads, self.d_model)
            around = (wanted + step for away in range(FARTHEST_DIVISOR) for step in (-away, away))
            near = next((h for h in around if h > 0 and self.d_model % h == 0), 1)
            raise CourseError(
                f"d_model {self.d_model} cannot be split among {self.n_heads} heads: "
                f"choose n_heads that divides it, such as {near}, or another d_model."
            )
        if self.positions == "rotary" and self.d_head % 2:
            raise CourseError(
                f"rotary positions turn pairs of numbers, but each head is {self.d_head} wide "
                f"(d_model {self.d_model} / n_heads {self.n_heads}): choose sizes that make it even."
            )
        self.check_tie()

    @property
    def d_head(self) -> int:
        """Width of one head: d_model / n_heads."""
        return self.d_model // self.n_heads

    @property
    def has_final_norm(self) -> bool:
        """Whether a norm follows each stack."""
        return self.norm == "pre" if self.final_norm is None else self.final_norm


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is an int or a float, numpy's float64 among them; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def require_count(name: str, value: object, *, minimum: int, maximum: int | None = None) -> None:
    """Raise `CourseError` unless the value is a whole number of at least `minimum`, and at most `maximum`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        kind = f" of type {type(value).__name__}" if isinstance(value, Integral) and not isinstance(value, int) else ""
        raise CourseError(f"{name} is {value!r}{kind}; it must be a whole number of at least {minimum}.")
    if maximum is not None and value > maximum:
        raise CourseError(f"{name} is {value}; it must be at most {maximum:,}.")


def require_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise `CourseError` unless the value is one of `allowed`."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise CourseError(f"{name} is {value!r}; it must be one of {choices}.")


def require_fraction(name: str, value: object) -> None:
    """Raise `CourseError` unless the value is a number of at least 0 and below 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise CourseError(f"{name} is {value!r}; it must be at least 0 and below 1.")


def require_switches(config: object, names: tuple[str, ...]) -> None:
    """Raise `CourseError` unless each of these fields is True or False: the text "false" would count as true."""
    for name in names:
        if not isinstance(getattr(config, name), bool):
            raise CourseError(f"{name} is {getattr(config, name)!r}; it must be True or False.")


def parameter_count(config: TransformerConfig) -> int:
    """Number of trained numbers, by formula: what `sum(p.numel() for p in model.parameters())` must give.

    One attention has four d x d matrices, one feed-forward two d x d_ff, one norm a gain and a bias.
    """
    d, d_ff, b = config.d_model, config.d_ff, int(config.bias)
    attention = 4 * d * d + b * 4 * d
    feed_forward = 2 * d * d_ff + b * (d_ff + d)
    norm = d + b * d
    encoder = config.n_encoder_layers * (attention + feed_forward + 2 * norm)
    decoder = config.n_decoder_layers * (2 * attention + feed_forward + 3 * norm)
    positions = 2 * config.max_len * d if config.positions == "learned" else 0
    output_bias = config.tgt_vocab_size if config.output_bias else 0
    return encoder + decoder + 2 * norm * config.has_final_norm + config.table_rows * d + positions + output_bias
