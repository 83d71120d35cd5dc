"""Known wrong versions of EncoderLayer, and the question that leads out of each.

A wrong layer is the right one with another path through the same parts: see :func:`layer`. Ids F01 to F09 are those of
the project's catalog of mistakes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.lab.exercises.exercise import Mistake
from course.lab.exercises.modules import in_order
from course.lessons.lesson_07.reference import FeedForward, MultiHeadAttention
from course.lessons.lesson_08.reference import Norm

Mask = Tensor | None
Path = Callable[["Wired", Tensor, Mask], Tensor]


class Wired(nn.Module):
    """The parts of an encoder layer, made as in the reference; `path` is what its forward does."""

    path: Path
    p: float | None = None  # of dropout, if it is not the one asked for

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.n1, self.n2 = Norm(d_model), Norm(d_model)
        self.drop = nn.Dropout(dropout if self.p is None else self.p)

    def forward(self, x: Tensor, mask: Mask = None) -> Tensor:
        """x (B, T, d) -> (B, T, d), if all is well."""
        return type(self).path(self, x, mask)

    def ask(self, y: Tensor, mask: Mask) -> Tensor:
        """Self-attention on what is normed already, and dropout."""
        z: Tensor = self.drop(self.attention(y, y, mask))
        return z

    def think(self, y: Tensor) -> Tensor:
        """Feed-forward on what is normed already, and dropout."""
        z: Tensor = self.drop(self.feed_forward(y))
        return z


class OneNorm(Wired):
    """A layer that makes one norm only, and uses it twice."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__(d_model, n_heads, d_ff, dropout)
        self.n2 = self.n1


def layer(path: Path, base: type[Wired] = Wired, **more: object) -> type[Wired]:
    """Return a class of encoder layers whose forward is `path(self, x, mask)`."""
    return in_order(type("EncoderLayer", (base,), {"path": path, **more}))  # type: ignore[return-value]


def _first(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    return x + s.ask(s.n1(x), mask)


def _second(s: Wired, x: Tensor) -> Tensor:
    return x + s.think(s.n2(x))


def _right(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    return _second(s, _first(s, x, mask))


def _after_norm(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.n1(x)
    x = y + s.ask(y, mask)
    y = s.n2(x)
    return y + s.think(y)


def _after_first_norm(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.n1(x)
    return _second(s, y + s.ask(y, mask))


def _after_second_norm(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.n2(_first(s, x, mask))
    return y + s.think(y)


def _post_norm(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    x = s.n1(x + s.ask(x, mask))
    y: Tensor = s.n2(x + s.think(x))
    return y


def _norms_outputs(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    x = x + s.drop(s.n1(s.attention(x, x, mask)))
    return x + s.drop(s.n2(s.feed_forward(x)))


def _half_normed(s: Wired, x: Tensor, mask: Mask, queries: bool) -> Tensor:
    y = s.n1(x)
    z = s.attention(y, x, mask) if queries else s.attention(x, y, mask)
    return _second(s, x + s.drop(z))


def _drops_sums(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.n1(x)
    x = s.drop(x + s.attention(y, y, mask))
    z: Tensor = s.drop(x + s.feed_forward(s.n2(x)))
    return z


def _drops_inputs(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.drop(s.n1(x))
    x = x + s.attention(y, y, mask)
    z: Tensor = x + s.feed_forward(s.drop(s.n2(x)))
    return z


def _drops(attention: bool, feed_forward: bool) -> Path:
    def path(s: Wired, x: Tensor, mask: Mask) -> Tensor:
        y = s.n1(x)
        z = s.attention(y, y, mask)
        x = x + (s.drop(z) if attention else z)
        z = s.feed_forward(s.n2(x))
        return x + (s.drop(z) if feed_forward else z)

    return path


def _drops_always(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y = s.n1(x)
    x = x + F.dropout(s.attention(y, y, mask), s.drop.p)
    return x + F.dropout(s.feed_forward(s.n2(x)), s.drop.p)


def _sandwich(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    y: Tensor = s.n2(_right(s, x, mask))
    return y


def _stale(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    return x + s.think(s.n2(_first(s, x, mask)))


def _parallel(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    return _first(s, x, mask) + s.think(s.n2(x))


def _causal(x: Tensor, mask: Mask) -> Tensor:
    own = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    return own if mask is None else own & mask


def _no_gradient(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    with torch.no_grad():
        y = s.ask(s.n1(x), mask)
    return _second(s, x + y)


def _added_again(first: bool, second: bool) -> Path:
    """A path on which x is added to what a residual block returns."""

    def path(s: Wired, x: Tensor, mask: Mask) -> Tensor:
        x = x + _first(s, x, mask) if first else _first(s, x, mask)
        return x + _second(s, x) if second else _second(s, x)

    return path


ENCODER_LAYER = (
    Mistake(
        "F01",
        "the residual path taken after the norm",
        "What goes past a sublayer has been normed in your layer, so that nothing reaches the end of a stack as it "
        "was. Which x does the plus belong to, the one before the norm or the one behind it?",
        (layer(_after_norm), layer(_after_first_norm), layer(_after_second_norm)),
    ),
    Mistake(
        "post_norm",
        "post-norm",
        "Your norms stand behind the sum: that is the paper's layer, post-norm. Where does pre-norm, which is asked "
        "for here, have them?",
        (layer(_post_norm),),
    ),
    Mistake(
        "F03",
        "the norm on what comes out of a sublayer",
        "You norm what comes out of the sublayers, and what goes into them is as it was. Which of the two does "
        "pre-norm want?",
        (
            layer(_norms_outputs),
            layer(lambda s, x, mask: _second(s, x + s.drop(s.n1(s.attention(x, x, mask))))),
        ),
    ),
    Mistake(
        "no_norm",
        "a sublayer that reads words as they are",
        "One of your sublayers, or both, reads what has not been normed. What stands between x and a sublayer?",
        (
            layer(lambda s, x, mask: _second(s, x + s.ask(x, mask))),
            layer(lambda s, x, mask: (y := _first(s, x, mask)) + s.think(y)),
            layer(lambda s, x, mask: (y := x + s.ask(x, mask)) + s.think(y)),
        ),
    ),
    Mistake(
        "one_norm",
        "one norm for both sublayers",
        "Both sublayers read through the same norm. Each of the two may need another gain and bias: how many norms "
        "does a layer of the encoder have?",
        (
            layer(lambda s, x, mask: (y := _first(s, x, mask)) + s.think(s.n1(y))),
            layer(_right, OneNorm),
            layer(lambda s, x, mask: _second(s, x + s.ask(s.n2(x), mask))),
        ),
    ),
    Mistake(
        "queries_not_normed",
        "queries that are not normed",
        "Keys and values come from the normed words and queries from the words as they are. What are both inputs of "
        "self-attention?",
        (layer(lambda s, x, mask: _half_normed(s, x, mask, queries=False)),),
    ),
    Mistake(
        "keys_not_normed",
        "keys and values that are not normed",
        "Queries come from the normed words, and keys and values from the words as they are. What are both inputs of "
        "self-attention?",
        (layer(lambda s, x, mask: _half_normed(s, x, mask, queries=True)),),
    ),
    Mistake(
        "no_residual_around_attention",
        "no path around attention",
        "After attention a word has lost what it was itself: there is no path around it. What is added to what "
        "attention brings home?",
        (layer(lambda s, x, mask: _second(s, s.ask(s.n1(x), mask))),),
    ),
    Mistake(
        "no_residual_around_feed_forward",
        "no path around the feed-forward network",
        "There is a path around attention and none around the feed-forward network. What does step 2 add to its "
        "output?",
        (layer(lambda s, x, mask: s.think(s.n2(_first(s, x, mask)))),),
    ),
    Mistake(
        "no_residual",
        "no path around anything",
        "What comes out of a sublayer replaces what went in, twice. What would a gradient walk along through a hundred "
        "such layers?",
        (layer(lambda s, x, mask: s.think(s.n2(s.ask(s.n1(x), mask)))),),
    ),
    Mistake(
        "residual_twice",
        "x added to what residual_block returns",
        "A sum holds x twice in your layer. What has residual_block added already when it returns?",
        tuple(layer(_added_again(*where)) for where in ((True, True), (True, False), (False, True))),
    ),
    Mistake(
        "residual_starts_over",
        "the second path begins at the input of the layer",
        "The feed-forward network reads what attention has found, and then its output is added to the words from "
        "before. Where does the result of step 1 go?",
        (layer(_stale),),
    ),
    Mistake(
        "parallel",
        "both sublayers side by side",
        "Both sublayers read the same x, side by side. (There are models that do so.) What does the second step of the "
        "text read?",
        (layer(_parallel),),
    ),
    Mistake(
        "feed_forward_first",
        "feed-forward before attention",
        "Your words think before they have looked around. Which of the two steps comes first?",
        (
            layer(lambda s, x, mask: _first(s, _second(s, x), mask)),
            layer(lambda s, x, mask: (y := x + s.think(s.n1(x))) + s.ask(s.n2(y), mask)),
        ),
    ),
    Mistake(
        "no_feed_forward",
        "the feed-forward network made and never used",
        "Your feed-forward network never gets a gradient. Is it called in forward, and where does its result go?",
        (layer(_first),),
    ),
    Mistake(
        "no_attention",
        "attention made and never used",
        "No word ever looks at another one in your layer. Is your attention called in forward, and where does its "
        "result go?",
        (layer(lambda s, x, mask: _second(s, x)),),
    ),
    Mistake(
        "mask_not_handed_on",
        "the mask handed in and not on",
        "Your forward takes a mask, and what it closes is open all the same. Who needs it?",
        (layer(lambda s, x, mask: _right(s, x, None)),),
    ),
    Mistake(
        "mask_inverted",
        "the mask turned around",
        "Your layer attends exactly to what is closed. What does True mean in a mask of this course?",
        (layer(lambda s, x, mask: _right(s, x, None if mask is None else ~mask)),),
    ),
    Mistake(
        "causal_encoder",
        "a causal mask in the encoder",
        "Your layer hides the words that follow, and an encoder may read its sentence in any direction. Who asked for "
        "that mask?",
        (layer(lambda s, x, mask: _right(s, x, _causal(x, mask))),),
    ),
    Mistake(
        "norm_at_the_end",
        "one norm more, behind the layer",
        "Your layer ends with a norm. In pre-norm there is one at the end of the whole stack: who makes that one?",
        (layer(_sandwich), layer(lambda s, x, mask: s.n1(_right(s, x, mask)))),
    ),
    Mistake(
        "applied_twice",
        "a sublayer that works twice",
        "One of your sublayers works twice on every word. Which line stands there twice, or calls what another line "
        "has called already?",
        (
            layer(lambda s, x, mask: _second(s, _first(s, _first(s, x, mask), mask))),
            layer(lambda s, x, mask: _second(s, _second(s, _first(s, x, mask)))),
        ),
    ),
    Mistake(
        "F09",
        "dropout missing",
        "In training something of a sublayer's output should be dropped, and with yours nothing is, at one place or at "
        "both. What stands between a sublayer and the plus?",
        (layer(_drops(False, False)), layer(_drops(True, False)), layer(_drops(False, True))),
    ),
    Mistake(
        "F05",
        "dropout on the sum",
        "Your dropout thins the sum, so that the path itself has holes. With dropout 1, what should be left of x?",
        (layer(_drops_sums),),
    ),
    Mistake(
        "dropout_before",
        "dropout in front of the sublayers",
        "You thin what goes into a sublayer. What does the text thin?",
        (layer(_drops_inputs),),
    ),
    Mistake(
        "dropout_in_evaluation",
        "dropout that never stops",
        "In evaluation mode your layer still drops numbers, so that two calls give two answers. Who tells a plain "
        "function that training is over, and which module knows it by itself?",
        (layer(_drops_always),),
    ),
    Mistake(
        "dropout_of_its_own",
        "a rate of dropout that is not the one asked for",
        "Your layer drops at a rate of its own, whatever it was made with. What do you do with the argument dropout?",
        (layer(_right, p=0.1), layer(_right, p=0.5)),
    ),
    Mistake(
        "no_gradient",
        "a part without gradients",
        "The output is right, and some weights of your layer will never learn: their gradient is cut off. Where do you "
        "use no_grad, detach or .data?",
        (
            layer(_no_gradient),
            layer(lambda s, x, mask: _second(s, x + s.ask(s.n1(x), mask).detach())),
            layer(lambda s, x, mask: (y := _first(s, x, mask)) + s.think(s.n2(y)).detach()),
            layer(lambda s, x, mask: (y := _first(s, x, mask)) + s.think(s.n2(y.detach()))),
            layer(lambda s, x, mask: _second(s, _first(s, x.detach(), mask))),
        ),
    ),
)
