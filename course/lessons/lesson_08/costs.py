"""What a Transformer costs, by formula: numbers to train, and operations for one pair of sentences.

Both are dictionaries from a part of the model to its share, so that a bill can be drawn as well as added up. The sizes
are those of this lesson's Transformer: one table for source, target and output, biases, pre-norm, a norm after each
stack.
"""

PARTS = ("table of words", "self-attention", "cross-attention", "feed-forward", "norms")


def parameters_by_part(vocab_size: int, d_model: int, n_heads: int, d_ff: int, n_layers: int) -> dict[str, int]:
    """How many numbers are trained in each part.

    n_heads changes nothing: heads share out a width, they add none. Positions are computed, so they are not on the
    bill.
    """
    d = d_model
    attention = 4 * d * d + 4 * d  # q, k, v and output, each with a bias
    feed_forward = 2 * d * d_ff + d_ff + d
    norm = 2 * d  # gain and bias
    costs = (
        vocab_size * d,
        2 * n_layers * attention,
        n_layers * attention,
        2 * n_layers * feed_forward,
        (2 + 3) * n_layers * norm + 2 * norm,
    )
    return dict(zip(PARTS, costs, strict=True))


FLOP_PARTS = ("output layer", "projections", "scores and mixing", "feed-forward")


def flops_by_part(
    vocab_size: int, d_model: int, n_heads: int, d_ff: int, n_layers: int, source: int, target: int
) -> dict[str, int]:
    """How many floating-point operations one forward pass takes for one pair of sentences, in its matrix products.

    Of source and target words. A product of (a, b) with (b, c) takes 2abc: a multiplication and an addition for each of
    abc pairs. Additions of biases, norms and softmax are left out, as is usual; looking up a row of the table is no
    operation. A causal mask saves nothing: the scores that it closes have been computed.
    """
    d, both = d_model, source + target
    projections = n_layers * (
        4 * 2 * d * d * both + 2 * 2 * d * d * both
    )  # self: four of each side; cross: q, o and k, v
    pairs = source * source + target * target + target * source
    costs = (
        2 * target * d * vocab_size,
        projections,
        n_layers * 2 * 2 * d * pairs,  # a score and a share of a mixture, each d products long over all heads
        n_layers * 2 * 2 * d * d_ff * both,
    )
    return dict(zip(FLOP_PARTS, costs, strict=True))


def count_parameters(vocab_size: int, d_model: int, n_heads: int, d_ff: int, n_layers: int) -> int:
    """How many numbers a Transformer of this lesson trains.

    One table for source, target and output; biases everywhere but in the output; a norm after each stack. n_heads is
    not used: heads share out the width.
    """
    attention = 4 * (d_model * d_model + d_model)
    feed_forward = 2 * d_model * d_ff + d_ff + d_model
    norm = 2 * d_model  # gain and bias
    encoder_layer = attention + feed_forward + 2 * norm
    decoder_layer = 2 * attention + feed_forward + 3 * norm
    return vocab_size * d_model + n_layers * (encoder_layer + decoder_layer) + 2 * norm
