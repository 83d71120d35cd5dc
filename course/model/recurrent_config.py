"""Every size and choice of the recurrent encoder-decoder, in one frozen dataclass."""

from dataclasses import dataclass
from typing import Literal

from course.errors import CourseError
from course.model.config import (
    MOST_LAYERS,
    PlainConfig,
    Tie,
    require_choice,
    require_count,
    require_fraction,
    require_switches,
)

Cell = Literal["rnn", "lstm", "gru"]
SourceAttentionKind = Literal["none", "additive", "dot", "general", "concat", "local-m", "local-p"]

CELLS = ("rnn", "lstm", "gru")
CHOICES = {
    "architecture": CELLS,
    "attention": ("none", "additive", "dot", "general", "concat", "local-m", "local-p"),
    "tie": ("none", "decoder", "all"),
}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # matrices a cell holds for its input, and as many for its state


@dataclass(frozen=True)
class RecurrentConfig(PlainConfig):
    """Sizes and choices of one recurrent encoder-decoder.

    Raises `CourseError` for a size or a choice that cannot work, with its value.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    architecture: Cell = "gru"  # the cell: a plain tanh RNN, LSTM or GRU
    attention: SourceAttentionKind = "additive"  # how the decoder looks at the source; none: one fixed vector
    d_model: int = 192  # width of embeddings, of states and of what the output layer reads
    n_layers: int = 1  # recurrent layers, in the encoder and in the decoder
    bidirectional: bool = True  # two encoders, each d_model / 2 wide, read from either end
    window: int = 3  # local attention sees so many source tokens on each side of its center
    dropout: float = 0.1  # on embeddings, between layers and on what the output layer reads
    max_len: int = 256  # longest sentence in tokens, on either side
    tie: Tie = "none"  # "decoder": target embedding = output; "all": source embedding too
    output_bias: bool = False  # one number per target word, added to the logits

    def __post_init__(self) -> None:
        for name in ("src_vocab_size", "tgt_vocab_size", "d_model", "window", "max_len"):
            require_count(name, getattr(self, name), minimum=1)
        require_count("n_layers", self.n_layers, minimum=1, maximum=MOST_LAYERS)
        for name, allowed in CHOICES.items():
            require_choice(name, getattr(self, name), allowed)
        require_fraction("dropout", self.dropout)
        require_switches(self, ("bidirectional", "output_bias"))
        if self.bidirectional and self.d_model % 2:
            raise CourseError(
                f"d_model {self.d_model} cannot be shared by two directions: choose an even one, or one direction."
            )
        self.check_tie()

    @property
    def context_first(self) -> bool:
        """Whether the context is made before the decoder's cell and read by it, or after the cell.

        Before: the fixed vector of Cho et al. (2014), and Bahdanau et al. (2015). After: Luong et al. (2015).
        """
        return self.attention in ("none", "additive")


def recurrent_parameter_count(config: RecurrentConfig) -> int:
    """Number of trained numbers, by formula: what `sum(p.numel() for p in model.parameters())` must give.

    A recurrent layer of width h that reads width i holds, for each of its gates, h x i and h x h and two biases.
    """
    d, gates = config.d_model, GATES[config.architecture]
    layer = lambda width, reads: gates * width * (reads + width + 2)  # noqa: E731
    half = d // 2 if config.bidirectional else d
    directions = 2 if config.bidirectional else 1
    encoder = config.n_layers * directions * layer(half, d)
    decoder = layer(d, 2 * d if config.context_first else d) + (config.n_layers - 1) * layer(d, d)
    start = config.n_layers * (d * d + d)
    readout = 3 * d * d + d
    scores = {"none": 0, "dot": 0, "general": d * d, "additive": 2 * d * d + d, "concat": 2 * d * d + d,
              "local-m": d * d, "local-p": 2 * d * d + d}[config.attention]  # fmt: skip
    output_bias = config.tgt_vocab_size if config.output_bias else 0
    return encoder + decoder + start + readout + scores + config.table_rows * d + output_bias
