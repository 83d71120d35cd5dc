"""Known wrong versions of DecoderLayer, and the question that leads out of each.

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
Path = Callable[["Wired", Tensor, Tensor, Mask, Mask], Tensor]  # layer, x, memory, mask, memory_mask


class Wired(nn.Module):
    """The parts of a decoder layer, made as in the reference; `path` is what its forward does."""

    path: Path
    p: float | None = None  # of dropout, if it is not the one asked for
    one_attention = False
    one_norm = False

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float = 0.0):
        super().__init__()
        self.own = MultiHeadAttention(d_model, n_heads)
        self.cross = self.own if self.one_attention else MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.n1 = Norm(d_model)
        self.n2, self.n3 = (self.n1, self.n1) if self.one_norm else (Norm(d_model), Norm(d_model))
        self.drop = nn.Dropout(dropout if self.p is None else self.p)

    def forward(self, x: Tensor, memory: Tensor, mask: Mask = None, memory_mask: Mask = None) -> Tensor:
        """x (B, T, d), memory (B, S, d) -> (B, T, d), if all is well."""
        return type(self).path(self, x, memory, mask, memory_mask)

    def ask(self, y: Tensor, mask: Mask) -> Tensor:
        """Self-attention on what is normed already, and dropout."""
        z: Tensor = self.drop(self.own(y, y, mask))
        return z

    def read(self, y: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        """Cross-attention, and dropout."""
        z: Tensor = self.drop(self.cross(y, memory, memory_mask))
        return z

    def think(self, y: Tensor) -> Tensor:
        """Feed-forward on what is normed already, and dropout."""
        z: Tensor = self.drop(self.feed_forward(y))
        return z


def layer(path: Path, **more: object) -> type[Wired]:
    """Return a class of decoder layers whose forward is `path(self, x, memory, mask, memory_mask)`."""
    return in_order(type("DecoderLayer", (Wired,), {"path": path, **more}))  # type: ignore[return-value]


def _first(s: Wired, x: Tensor, mask: Mask) -> Tensor:
    return x + s.ask(s.n1(x), mask)


def _second(s: Wired, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
    return x + s.read(s.n2(x), memory, memory_mask)


def _third(s: Wired, x: Tensor) -> Tensor:
    return x + s.think(s.n3(x))


def _right(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    return _third(s, _second(s, _first(s, x, mask), memory, memory_mask))


def _crossed(read: Callable[[Wired, Tensor, Tensor, Mask, Mask], Tensor]) -> type[Wired]:
    """Return a class whose step 2 adds read(self, x, memory, mask, memory_mask) instead; dropout is in read."""

    def path(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
        x = _first(s, x, mask)
        return _third(s, x + read(s, x, memory, mask, memory_mask))

    return layer(path)


def _after_norm(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = s.n1(x)
    x = y + s.ask(y, mask)
    y = s.n2(x)
    x = y + s.read(y, memory, memory_mask)
    y = s.n3(x)
    return y + s.think(y)


def _cross_after_norm(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = s.n2(_first(s, x, mask))
    return _third(s, y + s.read(y, memory, memory_mask))


def _post_norm(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    x = s.n1(x + s.ask(x, mask))
    x = s.n2(x + s.read(x, memory, memory_mask))
    y: Tensor = s.n3(x + s.think(x))
    return y


def _norms_outputs(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    x = x + s.drop(s.n1(s.own(x, x, mask)))
    x = x + s.drop(s.n2(s.cross(x, memory, memory_mask)))
    return x + s.drop(s.n3(s.feed_forward(x)))


def _drops_sums(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = s.n1(x)
    x = s.drop(x + s.own(y, y, mask))
    x = s.drop(x + s.cross(s.n2(x), memory, memory_mask))
    z: Tensor = s.drop(x + s.feed_forward(s.n3(x)))
    return z


def _drops(own: bool, cross: bool, feed_forward: bool) -> Path:
    def path(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
        y = s.n1(x)
        z = s.own(y, y, mask)
        x = x + (s.drop(z) if own else z)
        z = s.cross(s.n2(x), memory, memory_mask)
        x = x + (s.drop(z) if cross else z)
        z = s.feed_forward(s.n3(x))
        return x + (s.drop(z) if feed_forward else z)

    return path


def _drops_always(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = s.n1(x)
    x = x + F.dropout(s.own(y, y, mask), s.drop.p)
    x = x + F.dropout(s.cross(s.n2(x), memory, memory_mask), s.drop.p)
    return x + F.dropout(s.feed_forward(s.n3(x)), s.drop.p)


def _starts_over(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = _first(s, x, mask)
    return _third(s, x + s.read(s.n2(y), memory, memory_mask))


def _starts_over_late(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = _second(s, _first(s, x, mask), memory, memory_mask)
    return x + s.think(s.n3(y))


def _side_by_side(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    return _third(s, _first(s, x, mask) + s.read(s.n2(x), memory, memory_mask))


def _own_mask(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    own = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    return _right(s, x, memory, own if mask is None else own & mask, memory_mask)


def _only_own_mask(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    return _own_mask(s, x, memory, None, memory_mask)


def _turned(mask: Mask) -> Mask:
    return None if mask is None else ~mask


def _joint(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
    y = s.n2(x)
    z: Tensor = s.drop(s.cross(y, torch.cat([memory, y], dim=1)))
    return z


def _added_again(first: bool, second: bool, third: bool) -> Path:
    """A path on which x is added to what a residual block returns."""

    def path(s: Wired, x: Tensor, memory: Tensor, mask: Mask, memory_mask: Mask) -> Tensor:
        x = first * x + _first(s, x, mask)
        x = second * x + _second(s, x, memory, memory_mask)
        return third * x + _third(s, x)

    return path


DECODER_LAYER = (
    Mistake(
        "cross_asks_the_decoder",
        "cross-attention asks the target instead of the source",
        "Exchange every word of the source, and your layer says the same as before: its cross-attention listens to its "
        "own words. From where do keys and values come there?",
        (
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), s.n2(x), mask)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), s.n2(x), None)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), x, mask)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), x, None)),
        ),
    ),
    Mistake(
        "cross_never_used",
        "cross-attention made and never used",
        "Your cross-attention is made and never called: it gets no gradient, and the source has no say. In which line "
        "of forward should it work?",
        (layer(lambda s, x, memory, mask, memory_mask: _third(s, _first(s, x, mask))),),
    ),
    Mistake(
        "memory_asks",
        "queries from the memory, keys and values from the target",
        "In your cross-attention the source asks and the target answers, so that as many rows come out as the source "
        "has words. Who needs something, and who has it?",
        (
            _crossed(lambda s, x, memory, mask, memory_mask: s.drop(s.cross(memory, s.n2(x), memory_mask))),
            _crossed(lambda s, x, memory, mask, memory_mask: s.drop(s.cross(memory, s.n2(x), mask))),
            _crossed(lambda s, x, memory, mask, memory_mask: s.drop(s.cross(memory, s.n2(x)))),
            _crossed(lambda s, x, memory, mask, memory_mask: s.drop(s.cross(memory, x, memory_mask))),
        ),
    ),
    Mistake(
        "cross_asks_only_the_memory",
        "the memory in both places of cross-attention",
        "In your cross-attention the source asks the source. What has the target to do with it?",
        (
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(memory, memory, memory_mask)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(memory), memory, memory_mask)),
        ),
    ),
    Mistake(
        "self_asks_the_memory",
        "self-attention asks the source",
        "Both of your attentions read the source, and what has been written so far is never asked. From where do keys "
        "and values come in step 1?",
        (
            layer(
                lambda s, x, memory, mask, memory_mask: _third(
                    s, _second(s, x + s.drop(s.own(s.n1(x), memory, memory_mask)), memory, memory_mask)
                )
            ),
            layer(
                lambda s, x, memory, mask, memory_mask: _third(
                    s, _second(s, x + s.drop(s.own(s.n1(x), memory, mask)), memory, memory_mask)
                )
            ),
        ),
    ),
    Mistake(
        "target_and_memory_joined",
        "cross-attention over source and target together",
        "Your second attention reads the source and the target side by side. Whom does cross-attention ask?",
        (_crossed(_joint),),
    ),
    Mistake(
        "target_mask_across",
        "the target's mask in cross-attention",
        "Your cross-attention works under the mask of the target, whose columns are target words. Which words are its "
        "columns, and which of them are closed?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, mask, mask)),),
    ),
    Mistake(
        "source_mask_in_self",
        "the source's mask in self-attention",
        "Your self-attention works under the mask of the source, which knows no future. Which mask belongs to the "
        "words of the target?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, memory_mask, memory_mask)),),
    ),
    Mistake(
        "masks_exchanged",
        "the two masks exchanged",
        "Each of your attentions gets the mask of the other. Which words are the columns of each?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, memory_mask, mask)),),
    ),
    Mistake(
        "memory_mask_not_handed_on",
        "the source's mask not handed on",
        "Your cross-attention listens to the pads of the source. Where does memory_mask end up?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, mask, None)),),
    ),
    Mistake(
        "mask_not_handed_on",
        "the target's mask not handed on",
        "What the mask of the target closes is open in your layer: every word sees the future. Where does mask end up?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, None, memory_mask)),),
    ),
    Mistake(
        "no_masks_handed_on",
        "neither mask handed on",
        "Two masks come in and none is used. Which attention gets which?",
        (layer(lambda s, x, memory, mask, memory_mask: _right(s, x, memory, None, None)),),
    ),
    Mistake(
        "masks_inverted",
        "a mask turned around",
        "Your layer attends exactly to what one of its masks closes. What does True mean in a mask of this course?",
        (
            layer(lambda s, x, m, mask, memory_mask: _right(s, x, m, _turned(mask), _turned(memory_mask))),
            layer(lambda s, x, m, mask, memory_mask: _right(s, x, m, _turned(mask), memory_mask)),
            layer(lambda s, x, m, mask, memory_mask: _right(s, x, m, mask, _turned(memory_mask))),
        ),
    ),
    Mistake(
        "mask_of_its_own",
        "a causal mask made in the layer",
        "Your layer hides the future by itself, even where no mask was handed in. Who decides what a layer may see?",
        (layer(_own_mask), layer(_only_own_mask)),
    ),
    Mistake(
        "memory_normed_again",
        "the memory normed again",
        "Your layer norms the memory once more, with a gain and a bias that are meant for the target. In which state "
        "does the encoder hand it over?",
        (
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), s.n2(memory), memory_mask)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), s.n1(memory), memory_mask)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(x, s.n2(memory), memory_mask)),
        ),
    ),
    Mistake(
        "cross_queries_not_normed",
        "queries of cross-attention that are not normed",
        "The queries of your cross-attention come from words as they are. What stands in front of every sublayer?",
        (_crossed(lambda s, x, memory, mask, memory_mask: s.read(x, memory, memory_mask)),),
    ),
    Mistake(
        "no_norm",
        "sublayers that read words as they are",
        "Self-attention, or feed-forward, or everything reads what has not been normed. What stands between x and a "
        "sublayer?",
        (
            layer(lambda s, x, m, mask, mm: _third(s, _second(s, x + s.ask(x, mask), m, mm))),
            layer(lambda s, x, m, mask, mm: (y := _second(s, _first(s, x, mask), m, mm)) + s.think(y)),
            layer(lambda s, x, m, mask, mm: (z := (y := x + s.ask(x, mask)) + s.read(y, m, mm)) + s.think(z)),
        ),
    ),
    Mistake(
        "one_attention",
        "one attention for both purposes",
        "Your two attentions share their weights. Is what is worth asking the source also worth asking one's own "
        "words?",
        (
            layer(_right, one_attention=True),
            layer(lambda s, x, m, mask, mm: _third(s, (y := _first(s, x, mask)) + s.drop(s.own(s.n2(y), m, mm)))),
        ),
    ),
    Mistake(
        "one_norm",
        "norms that are one and the same",
        "Sublayers share a norm in your layer. How many sublayers are there, and how many norms?",
        (
            layer(_right, one_norm=True),
            layer(
                lambda s, x, m, mask, mm: (z := (y := _first(s, x, mask)) + s.read(s.n1(y), m, mm)) + s.think(s.n1(z))
            ),
            layer(lambda s, x, m, mask, mm: _third(s, (y := _first(s, x, mask)) + s.read(s.n1(y), m, mm))),
            layer(lambda s, x, m, mask, mm: (z := _second(s, _first(s, x, mask), m, mm)) + s.think(s.n2(z))),
            layer(lambda s, x, m, mask, mm: (z := _second(s, _first(s, x, mask), m, mm)) + s.think(s.n1(z))),
        ),
    ),
    Mistake(
        "F01",
        "the residual path taken after the norm",
        "What goes past a sublayer has been normed in your layer. Which x does the plus belong to, the one before the "
        "norm or the one behind it?",
        (layer(_after_norm), layer(_cross_after_norm)),
    ),
    Mistake(
        "post_norm",
        "post-norm",
        "Your norms stand behind the sums: that is the paper's layer, post-norm. Where does pre-norm have them?",
        (layer(_post_norm),),
    ),
    Mistake(
        "F03",
        "the norm on what comes out of a sublayer",
        "You norm what comes out of the sublayers, and what goes into them is as it was. Which of the two does "
        "pre-norm want?",
        (layer(_norms_outputs),),
    ),
    Mistake(
        "no_residual",
        "a path around a sublayer is missing",
        "One of your sublayers, or each of them, replaces what went in. What is added to the output of all three?",
        (
            layer(lambda s, x, m, mask, mm: _third(s, s.read(s.n2(_first(s, x, mask)), m, mm))),
            layer(lambda s, x, m, mask, mm: _third(s, _second(s, s.ask(s.n1(x), mask), m, mm))),
            layer(lambda s, x, m, mask, mm: s.think(s.n3(_second(s, _first(s, x, mask), m, mm)))),
            layer(lambda s, x, m, mask, mm: s.think(s.n3(s.read(s.n2(s.ask(s.n1(x), mask)), m, mm)))),
        ),
    ),
    Mistake(
        "residual_twice",
        "x added to what residual_block returns",
        "A sum holds x twice in your layer. What has residual_block added already when it returns?",
        tuple(
            layer(_added_again(*where))
            for where in (
                (True, True, True),
                (True, False, False),
                (False, True, False),
                (False, False, True),
                (True, True, False),
            )
        ),
    ),
    Mistake(
        "residual_starts_over",
        "a path that begins at the input of the layer",
        "One of your sums adds to the words as they came into the layer, and what has been found since is lost. Which "
        "x does each plus belong to?",
        (layer(_starts_over), layer(_starts_over_late)),
    ),
    Mistake(
        "side_by_side",
        "both attentions side by side",
        "Your cross-attention asks with the words from before self-attention. What does step 2 of the text read?",
        (layer(_side_by_side),),
    ),
    Mistake(
        "cross_first",
        "cross-attention before self-attention",
        "Your decoder asks the source before its own words. Which of the two comes first?",
        (layer(lambda s, x, m, mask, mm: _third(s, _first(s, _second(s, x, m, mm), mask))),),
    ),
    Mistake(
        "feed_forward_too_early",
        "feed-forward before an attention",
        "Your feed-forward network works before everything has been gathered. Which step is it?",
        (
            layer(lambda s, x, m, mask, mm: _second(s, _third(s, _first(s, x, mask)), m, mm)),
            layer(lambda s, x, m, mask, mm: _second(s, _first(s, _third(s, x), mask), m, mm)),
            layer(
                lambda s, x, m, mask, mm: (z := (y := _first(s, x, mask)) + s.think(s.n2(y))) + s.read(s.n3(z), m, mm)
            ),
            layer(
                lambda s, x, m, mask, mm: (
                    (z := (y := x + s.think(s.n1(x))) + s.ask(s.n2(y), mask)) + s.read(s.n3(z), m, mm)
                )
            ),
        ),
    ),
    Mistake(
        "no_feed_forward",
        "the feed-forward network never used",
        "Your feed-forward network never gets a gradient. Is it called in forward, and where does its result go?",
        (layer(lambda s, x, m, mask, mm: _second(s, _first(s, x, mask), m, mm)),),
    ),
    Mistake(
        "no_self_attention",
        "self-attention never used",
        "No word of the target ever looks at another one of the target. Are they asked in forward, and where does "
        "the answer go?",
        (layer(lambda s, x, m, mask, mm: _third(s, _second(s, x, m, mm))),),
    ),
    Mistake(
        "memory_in_one_vector",
        "the memory squeezed into one vector",
        "Your cross-attention sees one vector of the source, so that it has nothing to choose from; lesson 01 did so. "
        "How many keys does a source of S words have?",
        (
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), memory.mean(1, keepdim=True), None)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), memory[:, -1:], None)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), memory[:, :1], None)),
        ),
    ),
    Mistake(
        "norm_at_the_end",
        "one norm more, behind the layer",
        "Your layer ends with a norm. In pre-norm there is one at the end of the whole stack: who makes that one?",
        (layer(lambda s, x, m, mask, mm: s.n3(_right(s, x, m, mask, mm))),),
    ),
    Mistake(
        "F09",
        "dropout missing",
        "In training something of each sublayer's output should be dropped, and with yours nothing is, somewhere or "
        "everywhere. What stands between a sublayer and the plus?",
        (
            layer(_drops(False, False, False)),
            layer(_drops(True, False, True)),
            layer(_drops(False, True, True)),
            layer(_drops(True, True, False)),
            layer(_drops(False, False, True)),
            layer(_drops(True, False, False)),
        ),
    ),
    Mistake(
        "F05",
        "dropout on the sum",
        "Your dropout thins the sums, so that the path itself has holes. With dropout 1, what should be left of x?",
        (layer(_drops_sums),),
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
        "The output is right, and something learns nothing: its gradient is cut off, in a sublayer or on the way to "
        "the encoder. Where do you use no_grad, detach or .data?",
        (
            layer(lambda s, x, m, mask, mm: _right(s, x, m.detach(), mask, mm)),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x), memory, memory_mask).detach()),
            layer(lambda s, x, m, mask, mm: _third(s, _second(s, x + s.ask(s.n1(x), mask).detach(), m, mm))),
            _crossed(lambda s, x, memory, mask, memory_mask: s.read(s.n2(x).detach(), memory, memory_mask)),
            layer(lambda s, x, m, mask, mm: _right(s, x.detach(), m, mask, mm)),
        ),
    ),
)
