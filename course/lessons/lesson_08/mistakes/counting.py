"""Known wrong versions of count_parameters, and the question that leads out of each.

A wrong bill is the right one with one item changed: see :func:`bill`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from course.lab.exercises.exercise import Function, Mistake


@dataclass(frozen=True)
class Items:
    """What one item costs; d, f, V, h and L are d_model, d_ff, vocab_size, n_heads and n_layers."""

    d: int
    f: int
    V: int
    h: int
    L: int
    tables: float
    attention: float
    feed_forward: float
    norm: float
    encoder: tuple[int, int, int] = (1, 1, 2)  # attentions, feed-forwards and norms of a layer
    decoder: tuple[int, int, int] = (2, 1, 3)
    encoders: float = 1.0  # stacks of layers
    decoders: float = 1.0
    last_norms: float = 2.0
    extra: float = 0.0

    def total(self) -> int:
        """Add it all up."""
        costs = (self.attention, self.feed_forward, self.norm)
        one_encoder = sum(n * cost for n, cost in zip(self.encoder, costs, strict=True))
        one_decoder = sum(n * cost for n, cost in zip(self.decoder, costs, strict=True))
        layers = self.L * (self.encoders * one_encoder + self.decoders * one_decoder)
        return int(self.tables + layers + self.last_norms * self.norm + self.extra)


def right_items(V: int, d: int, h: int, f: int, L: int) -> Items:
    """The items of the Transformer of this lesson."""
    feed_forward = 2 * d * f + f + d
    return Items(d, f, V, h, L, tables=V * d, attention=4 * d * d + 4 * d, feed_forward=feed_forward, norm=2 * d)


def bill(**changed: Callable[[Items], object]) -> Function:
    """Return a count in which each named item is what the function makes of the right items."""

    def count(vocab_size: int, d_model: int, n_heads: int, d_ff: int, n_layers: int) -> int:
        items = right_items(vocab_size, d_model, n_heads, d_ff, n_layers)
        return replace(items, **{name: change(items) for name, change in changed.items()}).total()  # type: ignore[arg-type]

    return count


def _without_biases(x: Items) -> int:
    return replace(x, attention=4 * x.d * x.d, feed_forward=2 * x.d * x.f).total()


COUNT_PARAMETERS = (
    Mistake(
        "three_tables",
        "a table of its own for source, target and output",
        "Your bill has a table for the source, one for the target and one for the output. How many tables does the "
        "model keep, if all three are one and the same?",
        (bill(tables=lambda x: 3 * x.V * x.d),),
    ),
    Mistake(
        "two_tables",
        "two tables",
        "Your bill has two tables of words. Which two of source, target and output have one of their own in this "
        "model?",
        (bill(tables=lambda x: 2 * x.V * x.d),),
    ),
    Mistake(
        "no_table",
        "the table of words left out",
        "Everything is there but the words themselves. How many rows has the table, and how wide is a row?",
        (bill(tables=lambda x: 0),),
    ),
    Mistake(
        "output_bias",
        "a bias for each word of the output",
        "Your bill is too long by one number for each word of the vocabulary. Has the output layer of this model a "
        "bias?",
        (bill(extra=lambda x: x.V),),
    ),
    Mistake(
        "positions_counted",
        "the table of positions counted",
        "Your bill counts the table of positions too. Sines and cosines are computed: does training move them?",
        (bill(extra=lambda x: 256 * x.d), bill(extra=lambda x: 2 * 256 * x.d)),
    ),
    Mistake(
        "no_biases",
        "biases forgotten everywhere",
        "Matrices alone are on your bill. What does each `nn.Linear` add to its product?",
        (
            bill(attention=lambda x: 4 * x.d * x.d, feed_forward=lambda x: 2 * x.d * x.f),
            bill(attention=lambda x: 4 * x.d * x.d, feed_forward=lambda x: 2 * x.d * x.f, norm=lambda x: x.d),
        ),
    ),
    Mistake(
        "no_attention_biases",
        "the biases of attention forgotten",
        "The feed-forward network is right, and every attention is cheaper than it is. Which of its four linear "
        "layers have a bias?",
        (
            bill(attention=lambda x: 4 * x.d * x.d),
            bill(attention=lambda x: 4 * x.d * x.d + x.d),
            bill(attention=lambda x: 4 * x.d * x.d + 3 * x.d),
        ),
    ),
    Mistake(
        "three_matrices",
        "attention without its output matrix",
        "Queries, keys and values are paid for. What happens to the heads after they have been merged?",
        (bill(attention=lambda x: 3 * (x.d * x.d + x.d)), bill(attention=lambda x: 3 * x.d * x.d)),
    ),
    Mistake(
        "one_matrix",
        "one matrix an attention",
        "An attention costs one matrix on your bill. What are queries, keys and values made with, and what is the "
        "fourth one for?",
        (bill(attention=lambda x: x.d * x.d + x.d), bill(attention=lambda x: x.d * x.d)),
    ),
    Mistake(
        "times_heads",
        "every head has matrices of the full width",
        "Your bill grows with the number of heads. How wide is a head, and how wide are all heads side by side?",
        (bill(attention=lambda x: x.h * (4 * x.d * x.d + 4 * x.d)), bill(attention=lambda x: x.h * 4 * x.d * x.d)),
    ),
    Mistake(
        "one_head_only",
        "only one head is paid for",
        "Your attention gets cheaper with every head. That is the bill of one head: how many of them are there?",
        (
            bill(attention=lambda x: 4 * (x.d * x.d // x.h + x.d)),
            bill(attention=lambda x: 4 * (x.d * x.d // x.h)),
            bill(attention=lambda x: 3 * (x.d * x.d // x.h) + x.d * x.d + 4 * x.d),
        ),
    ),
    Mistake(
        "no_cross_attention",
        "the decoder's second attention left out",
        "A layer of the decoder costs as much as one of the encoder, or only a norm more. What does it have besides?",
        (bill(decoder=lambda x: (1, 1, 2)), bill(decoder=lambda x: (1, 1, 3))),
    ),
    Mistake(
        "two_d_short",
        "2 d_model too few in each pair of layers",
        "Each pair of layers is 2 d_model numbers short. Is there a norm in front of each of the decoder's three "
        "sublayers, and how long is the bias with which a feed-forward network ends?",
        (bill(decoder=lambda x: (2, 1, 2)), bill(feed_forward=lambda x: 2 * x.d * x.f + x.f)),
    ),
    Mistake(
        "encoder_like_decoder",
        "the encoder with two attentions",
        "Your encoder costs as much as the decoder. To whom would its second attention listen?",
        (bill(encoder=lambda x: (2, 1, 3)),),
    ),
    Mistake(
        "no_last_norms",
        "no norm after the stacks",
        "All the layers are there. What stands behind each of the two stacks?",
        (bill(last_norms=lambda x: 0),),
    ),
    Mistake(
        "one_last_norm",
        "one norm after two stacks",
        "There is one norm too few at the end. How many stacks are there, and does each have its own?",
        (bill(last_norms=lambda x: 1),),
    ),
    Mistake(
        "norm_without_bias",
        "a norm is a gain alone",
        "Each norm costs half of what it should. What does a norm do after it has multiplied by its gain?",
        (bill(norm=lambda x: x.d),),
    ),
    Mistake(
        "no_norms",
        "norms cost nothing",
        "Your norms are free. Which two vectors does each of them learn?",
        (bill(norm=lambda x: 0),),
    ),
    Mistake(
        "encoder_only",
        "one stack only",
        "Half of the model is missing. Which stacks are there?",
        (
            bill(decoders=lambda x: 0),
            bill(encoders=lambda x: 0),
            bill(decoders=lambda x: 0, last_norms=lambda x: 1),
            bill(encoders=lambda x: 0, last_norms=lambda x: 1),
        ),
    ),
    Mistake(
        "half_the_layers",
        "n_layers shared out between the stacks",
        "You give each stack half of the layers. How many does each of them have?",
        (bill(encoders=lambda x: 0.5, decoders=lambda x: 0.5),),
    ),
    Mistake(
        "one_layer",
        "n_layers is not used",
        "Your bill is right for one layer and does not grow with more of them. Does every layer have weights of its "
        "own?",
        (bill(L=lambda x: 1),),
    ),
    Mistake(
        "everything_times_layers",
        "table or last norms once for every layer",
        "Something that the model has once is paid for in every layer. What stands outside the stacks?",
        (
            bill(tables=lambda x: x.L * x.V * x.d),
            bill(last_norms=lambda x: 2 * x.L),
            bill(tables=lambda x: x.L * x.V * x.d, last_norms=lambda x: 2 * x.L),
        ),
    ),
    Mistake(
        "one_linear_in_feed_forward",
        "half of the feed-forward network",
        "Your feed-forward network goes one way only. How does it come back from d_ff to d_model?",
        (
            bill(feed_forward=lambda x: x.d * x.f + x.f),
            bill(feed_forward=lambda x: x.d * x.f + x.d),
            bill(feed_forward=lambda x: x.d * x.f),
            bill(feed_forward=lambda x: x.d * x.f + x.f + x.d),
        ),
    ),
    Mistake(
        "feed_forward_biases",
        "wrong biases in the feed-forward network",
        "The two matrices of the feed-forward network are right and its biases are not. What does each of the two "
        "layers put out, and so how long is its bias?",
        (
            bill(feed_forward=lambda x: 2 * x.d * x.f),
            bill(feed_forward=lambda x: 2 * x.d * x.f + 2 * x.d),
            bill(feed_forward=lambda x: 2 * x.d * x.f + 2 * x.f),
            bill(feed_forward=lambda x: 2 * x.d * x.f + x.d),
        ),
    ),
    Mistake(
        "four_times_d",
        "d_ff taken to be 4 times d_model",
        "You do not use d_ff. Four times d_model is a habit: who says that this model has it?",
        (bill(feed_forward=lambda x: 8 * x.d * x.d + 5 * x.d), bill(feed_forward=lambda x: 8 * x.d * x.d)),
    ),
    Mistake(
        "feed_forward_square",
        "a third matrix inside the feed-forward network",
        "Your feed-forward network has a matrix from d_ff to d_ff. How many linear layers does it have?",
        (
            bill(feed_forward=lambda x: 2 * x.d * x.f + x.f * x.f + 2 * x.f + x.d),
            bill(feed_forward=lambda x: 2 * x.d * x.f + x.f * x.f + x.f + x.d),
        ),
    ),
    Mistake(
        "bytes",
        "bytes instead of numbers",
        "Your count is exactly four times too large. Bytes of a float32, or numbers: what is asked for?",
        (
            lambda vocab_size, d_model, n_heads, d_ff, n_layers: (
                4 * bill()(vocab_size, d_model, n_heads, d_ff, n_layers)
            ),
        ),
    ),
    Mistake(
        "in_millions",
        "in millions",
        "That is the number of millions. Where is the number itself?",
        (
            lambda vocab_size, d_model, n_heads, d_ff, n_layers: (
                bill()(vocab_size, d_model, n_heads, d_ff, n_layers) / 1e6
            ),
        ),
    ),
)
