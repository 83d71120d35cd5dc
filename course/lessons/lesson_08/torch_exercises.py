"""The exercises of lesson 08 that work on torch: embed, the three classes, and properties."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Module, Property
from course.lab.exercises.modules import Made, observing
from course.lessons.lesson_08 import answers, reference, testing
from course.lessons.lesson_08.mistakes.decoder_layer import DECODER_LAYER as KNOWN_DECODER_LAYERS
from course.lessons.lesson_08.mistakes.embedding import EMBED as KNOWN_EMBEDDINGS
from course.lessons.lesson_08.mistakes.encoder_layer import ENCODER_LAYER as KNOWN_ENCODER_LAYERS
from course.lessons.lesson_08.mistakes.judging import PROPERTIES as KNOWN_JUDGES
from course.lessons.lesson_08.mistakes.transformer import FEW_WORDS, MANY_PLACES, forgets_positions, too_few_places
from course.lessons.lesson_08.mistakes.transformer import TRANSFORMER as KNOWN_TRANSFORMERS

Array = NDArray[Any]


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _ids(*shape: int, seed: int, below: int, first: int = 4) -> Array:
    return np.random.default_rng(seed).integers(first, below, shape)


# --- embed ------------------------------------------------------------------------------------------------------


def _longer_sentence(function: Function) -> str | None:
    tokens = torch.from_numpy(_ids(2, 6, seed=11, below=9))
    table, positions = torch.from_numpy(_normal(9, 4, seed=12)), torch.from_numpy(_normal(20, 4, seed=13))
    if torch.allclose(function(tokens, table, positions)[:, :4], function(tokens[:, :4], table, positions)):
        return None
    return "The first four words come out in another way when two more follow. Which row belongs to the first word?"


def _other_sentences(function: Function) -> str | None:
    tokens = torch.from_numpy(_ids(3, 5, seed=14, below=9))
    table, positions = torch.from_numpy(_normal(9, 4, seed=15)), torch.from_numpy(_normal(20, 4, seed=16))
    if torch.allclose(function(tokens, table, positions)[2:], function(tokens[2:], table, positions)):
        return None
    return "The third sentence comes out in one way alone and in another way in a batch. What should it know of others?"


def _table_learns(function: Function) -> str | None:
    table = torch.ones(9, 4, dtype=torch.float64, requires_grad=True)
    embedded = function(torch.tensor([[5, 5, 6]]), table, torch.zeros(5, 4, dtype=torch.float64))
    if not isinstance(embedded, torch.Tensor) or not embedded.requires_grad:
        return "Nothing of your result can be traced back to the table, so it would never learn. What cuts it off?"
    embedded.sum().backward()
    grad = table.grad
    if grad is not None and torch.allclose(grad[5], torch.full((4,), 4.0).double()) and not grad[7].any():
        return None
    return (
        "A word that occurs twice should move its row twice, by the root of d each time, and rows of other words not "
        "at all. How does your result depend on the table?"
    )


EMBED = Exercise(
    id="embed",
    lesson=8,
    title="Ids become vectors",
    signature="(tokens, table, positions) -> (B, T, d)",
    reference=reference.embed,
    tensors=True,
    cases=(
        Case(
            "one sentence of two words and a table of width 4",
            lambda: (
                np.array([[1, 2]]),
                np.array([[9.0, 9.0, 9.0, 9.0], [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, -1.0]]),
                np.array([[0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5], [7.0, 7.0, 7.0, 7.0]]),
            ),
            "The root of 4 is 2. What is twice row 1, plus the first place?",
            by_hand=True,
        ),
        Case(
            "two sentences of five words",
            lambda: (_ids(2, 5, seed=1, below=9), _normal(9, 6, seed=2), _normal(12, 6, seed=3)),
            "Take one word: its row, times the root of 6, plus the row of its place. At which step do you and yours "
            "part?",
        ),
        Case(
            "three sentences of three words of width 3",
            lambda: (_ids(3, 3, seed=4, below=8), _normal(8, 3, seed=5), _normal(8, 3, seed=6)),
            "B, T and d are equal, so that wrong axes raise no error. Which axis counts the words?",
            tier=2,
        ),
        Case(
            "sentences as long as the table of places",
            lambda: (_ids(2, 7, seed=7, below=7), _normal(7, 5, seed=8), _normal(7, 5, seed=9)),
            "Every place is used here. Which row does the last word get?",
            tier=2,
        ),
    ),
    properties=(
        Property("a longer sentence begins like a shorter one", _longer_sentence),
        Property("sentences do not know of each other", _other_sentences),
        Property("the table learns", _table_learns),
    ),
    mistakes=KNOWN_EMBEDDINGS,
    hints=(
        "Three steps: look up, multiply, add. Which sizes does each of the three results have, and which axis of the "
        "table is the width?",
        "table[tokens] is (B, T, d). The width is table.shape[1]. positions[: tokens.shape[1]] is (T, d) and serves "
        "every sentence of the batch.",
        "    words = table[...]\n    words = words * math.sqrt(...)\n    return words + positions[: ...]",
    ),
    argument_names=("tokens", "table", "positions"),
    argument_dims={"tokens": "B T", "table": "V d", "positions": "longest d"},
    result_names=("x",),
    result_dims={"x": "B T d"},
    difficulty=1,
    importance=5,
    minutes=6,
)


# --- what all three classes have in common ----------------------------------------------------------------------

_COUNTED = ("the number of trained numbers",)
_OUTPUT = ("the output",)
_LEARNS = ("the output", "the gradient of the arguments", "the gradient of the weights")
_COUNT_ASKED = (
    "Which parts does the text ask for, and which of them does your class make twice, not at all, or besides?"
)
_GRADIENT_ASKED = "The output is right. Which part of it never learns, or learns from something else?"
_EVAL_ASKED = "In evaluation mode nothing may be dropped. Which of your lines drops all the same?"
_DROP_ASKED = (
    "With dropout 1 everything is dropped that dropout touches. What is left of your output, and what should be left?"
)


def _sizes(dropout: float = 0.0) -> dict[str, Any]:
    return {"d_model": 8, "n_heads": 2, "d_ff": 12, "dropout": dropout}


def _causal(T: int) -> Array:
    return np.tril(np.ones((T, T), dtype=bool))


def _open(B: int, S: int, *closed: tuple[int, int]) -> Array:
    """A mask (B, 1, 1, S) that closes the last words of some sentences: pairs of a sentence and how many."""
    mask = np.ones((B, 1, 1, S), dtype=bool)
    for b, n in closed:
        mask[b, ..., S - n :] = False
    return mask


# --- EncoderLayer -----------------------------------------------------------------------------------------------


def _encoder_case(name: str, question: str, compare: tuple[str, ...], tier: int, *, x: tuple[int, int] = (2, 4),
                  mask: Array | None = None, dropout: float = 0.0, training: bool = False) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        return Made(_sizes(dropout), training=training), _normal(*x, 8, seed=21), None if mask is None else mask.copy()

    return Case(name, make, question, tier=tier, compare=compare, tolerance=1e-7)


ENCODER_LAYER = Exercise(
    id="EncoderLayer",
    lesson=8,
    title="A layer of the encoder",
    signature="(d_model, n_heads, d_ff, dropout=0.0)",
    reference=reference.EncoderLayer,
    observe=observing(reference.EncoderLayer),
    shown=(answers.EncoderLayer,),
    module=Module(("d_model", "n_heads", "d_ff", "dropout"), {"forward": ("x", "mask")}),
    cases=(
        _encoder_case("a new layer", _COUNT_ASKED, _COUNTED, 1),
        _encoder_case(
            "two sentences of four words",
            "Two steps, each x plus something that came out of a sublayer. Which x goes into each, and through which "
            "norm?",
            _OUTPUT,
            2,
        ),
        _encoder_case(
            "three sentences, of which two have pads",
            "The mask closes columns. On which way does it get to your attention?",
            _OUTPUT,
            3,
            x=(3, 5),
            mask=_open(3, 5, (0, 2), (2, 1)),
        ),
        _encoder_case("two sentences, with gradients", _GRADIENT_ASKED, _LEARNS, 4, mask=_open(2, 4, (1, 1))),
        _encoder_case("a layer with dropout 1, in training", _DROP_ASKED, _OUTPUT, 5, dropout=1.0, training=True),
        _encoder_case("a layer with dropout 0.5, in evaluation", _EVAL_ASKED, _OUTPUT, 6, dropout=0.5),
    ),
    mistakes=KNOWN_ENCODER_LAYERS,
    hints=(
        "Follow one x: what happens to it before attention, what is added to what after it, and which x does the "
        "second step begin with?",
        "residual_block(x, norm, f, drop) is one step. For attention, f is a function of one argument that hands it "
        "over as queries and as keys and values: lambda y: self.attention(y, y, mask). The feed-forward network is "
        "such a function already. Each step has its own norm.",
        "    self.attention = MultiHeadAttention(d_model, n_heads)\n    self.feed_forward = ...\n"
        "    self.norm1, self.norm2 = nn.LayerNorm(d_model), ...\n    self.drop = nn.Dropout(dropout)\n\n"
        "    x = residual_block(x, self.norm1, lambda y: ..., self.drop)\n    return residual_block(...)",
    ),
    argument_names=("made", "x", "mask"),
    argument_dims={"x": "B T d", "mask": "B 1 1 T"},
    result_names=("y",),
    result_dims={"the output": "B T d"},
    difficulty=2,
    importance=5,
    minutes=12,
)


# --- DecoderLayer -----------------------------------------------------------------------------------------------


def _decoder_case(name: str, question: str, compare: tuple[str, ...], tier: int, *, B: int = 2, T: int = 4, S: int = 4,
                  mask: Array | None = None, memory_mask: Array | None = None, dropout: float = 0.0,
                  training: bool = False) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        words = _normal(B, T, 8, seed=31), _normal(B, S, 8, seed=32)
        masks = (None if each is None else each.copy() for each in (mask, memory_mask))
        return Made(_sizes(dropout), training=training), *words, *masks

    return Case(name, make, question, tier=tier, compare=compare, tolerance=1e-7)


DECODER_LAYER = Exercise(
    id="DecoderLayer",
    lesson=8,
    title="A layer of the decoder",
    signature="(d_model, n_heads, d_ff, dropout=0.0)",
    reference=reference.DecoderLayer,
    observe=observing(reference.DecoderLayer),
    shown=(answers.DecoderLayer,),
    module=Module(("d_model", "n_heads", "d_ff", "dropout"), {"forward": ("x", "memory", "mask", "memory_mask")}),
    cases=(
        _decoder_case("a new layer", _COUNT_ASKED, _COUNTED, 1),
        _decoder_case(
            "four words of the target and four of the source",
            "Three steps, each x plus something. In the second one, what asks and what is asked?",
            _OUTPUT,
            2,
        ),
        _decoder_case(
            "as many words on both sides, under both masks",
            "Two masks come in. Which words are the columns of each, and which attention gets it?",
            _OUTPUT,
            3,
            mask=_causal(4),
            memory_mask=_open(2, 4, (0, 1)),
        ),
        _decoder_case(
            "three words of the target and five of the source, under both masks",
            "T and S differ here. Where does your layer take one for the other?",
            _OUTPUT,
            4,
            T=3,
            S=5,
            mask=_causal(3) & _open(2, 3, (1, 1)),
            memory_mask=_open(2, 5, (0, 2)),
        ),
        _decoder_case("three words and five, with gradients", _GRADIENT_ASKED, _LEARNS, 5, T=3, S=5, mask=_causal(3)),
        _decoder_case("a layer with dropout 1, in training", _DROP_ASKED, _OUTPUT, 6, dropout=1.0, training=True),
        _decoder_case("a layer with dropout 0.5, in evaluation", _EVAL_ASKED, _OUTPUT, 7, dropout=0.5),
    ),
    mistakes=KNOWN_DECODER_LAYERS,
    hints=(
        "Three steps, and x is what goes on from each to the next. In the second one, who asks, who is asked, and "
        "which of the two is normed in this layer?",
        "Each step is a residual_block with a norm of its own. Step 1 is that of the encoder layer. In step 2, f is "
        "lambda y: self.cross_attention(y, memory, memory_mask): y is normed by the block, and the memory has been "
        "normed by the encoder. Step 3 is the feed-forward network.",
        "    x = residual_block(x, self.norm1, lambda y: self.self_attention(y, y, ...), self.drop)\n"
        "    x = residual_block(x, self.norm2, lambda y: self.cross_attention(y, ..., ...), self.drop)\n"
        "    return residual_block(x, self.norm3, ..., self.drop)",
    ),
    argument_names=("made", "x", "memory", "mask", "memory_mask"),
    argument_dims={"x": "B T d", "memory": "B S d", "mask": "B 1 T T", "memory_mask": "B 1 1 S"},
    result_names=("y",),
    result_dims={"the output": "B T d"},
    difficulty=2,
    importance=5,
    minutes=15,
)


# --- Transformer ------------------------------------------------------------------------------------------------


def _model_sizes(dropout: float = 0.0, n_layers: int = 2) -> dict[str, Any]:
    sizes = {"vocab_size": 13, "d_model": 8, "n_heads": 2, "d_ff": 12, "n_layers": n_layers}
    return {**sizes, "dropout": dropout, "max_len": 9}


def _model_case(name: str, question: str, compare: tuple[str, ...], tier: int, *, B: int = 2, T: int = 5, S: int = 5,
                src_mask: Array | None = None, tgt_mask: Array | None = None, dropout: float = 0.0,
                training: bool = False) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        ids = _ids(B, S, seed=41, below=13), _ids(B, T, seed=42, below=13)
        masks = (None if each is None else each.copy() for each in (src_mask, tgt_mask))
        return Made(_model_sizes(dropout), training=training), *ids, *masks

    return Case(name, make, question, tier=tier, compare=compare, tolerance=1e-6)


def _encoded_case(name: str, question: str, tier: int, S: int, mask: Array | None, dropout: float = 0.0,
                  training: bool = False, n_layers: int = 1) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        return (
            Made(_model_sizes(dropout, n_layers), method="encode", training=training),
            _ids(2, S, seed=43, below=13),
            mask,
        )

    return Case(name, make, question, tier=tier, compare=_OUTPUT, tolerance=1e-6)


def _decoded_case(name: str, question: str, tier: int, T: int, S: int, tgt_mask: Array | None,
                  src_mask: Array | None, training: bool = False, n_layers: int = 1) -> Case:  # fmt: skip
    def make() -> tuple[Any, ...]:
        given = _ids(2, T, seed=44, below=13), _normal(2, S, 8, seed=45)
        return Made(_model_sizes(n_layers=n_layers), method="decode", training=training), *given, tgt_mask, src_mask

    return Case(name, make, question, tier=tier, compare=_OUTPUT, tolerance=1e-6)


def _is_used(cls: Callable[..., Any]) -> str | None:
    """A new model must begin undecided, whatever it begins with."""
    generator = torch.random.get_rng_state()
    torch.default_generator.manual_seed(8)
    with torch.no_grad():
        model = cls(200, 64, 2, 32, 1).eval()
        spread = float(model(torch.arange(4, 12)[None], torch.arange(12, 24)[None]).std())
    torch.random.set_rng_state(generator)
    if 0.3 < spread < 3:
        return None
    return (
        f"The logits of a new model of yours spread by {spread:.2g}, where about 1 is meant. With numbers of which "
        "size does the table begin?"
    )


def _has_places(cls: Callable[..., Any]) -> str | None:
    """A sentence may be as long as max_len, however few words there are, and longer than 256."""
    if not too_few_places(cls):
        return None
    return (
        f"With {FEW_WORDS} words and max_len={MANY_PLACES}, a sentence of {MANY_PLACES} words does not fit. How many "
        "rows has your table of positions?"
    )


def _moves_as_a_whole(cls: Callable[..., Any]) -> str | None:
    if not forgets_positions(cls):
        return None
    return "Your table of positions stays behind when the model is moved. What does `register_buffer` do with it?"


TRANSFORMER = Exercise(
    id="Transformer",
    lesson=8,
    title="The whole Transformer",
    signature="(vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256)",
    reference=reference.Transformer,
    observe=observing(reference.Transformer),
    shown=(answers.Transformer,),
    module=Module(
        ("vocab_size", "d_model", "n_heads", "d_ff", "n_layers", "dropout", "max_len"),
        {
            "encode": ("src", "src_mask"),
            "decode": ("tgt", "memory", "tgt_mask", "src_mask"),
            "forward": ("src", "tgt", "src_mask", "tgt_mask"),
        },
    ),
    cases=(
        _model_case("a new model", _COUNT_ASKED, _COUNTED, 1),
        _encoded_case(
            "encode, two sentences of five words",
            "Embedded, dropped, through the layers one after the other, normed. Which of these is another one in "
            "yours?",
            2,
            5,
            None,
            n_layers=2,
        ),
        _encoded_case(
            "encode, with pads",
            "What the mask closes is heard in your encoder. Who needs the mask there?",
            3,
            6,
            _open(2, 6, (0, 2)),
        ),
        _decoded_case(
            "decode, under a causal mask that is handed in",
            "Embedded, dropped, through the layers, normed, compared with every row of the table. Where do you and "
            "yours part?",
            4,
            5,
            5,
            _causal(5)[None, None],
            None,
            n_layers=2,
        ),
        _decoded_case(
            "decode, without a mask",
            "No mask of the target is handed in. Who closes the future then?",
            5,
            5,
            6,
            None,
            None,
        ),
        _decoded_case(
            "decode, without a mask, in training mode",
            "In evaluation mode the future is closed. Does that depend on the mode?",
            6,
            5,
            6,
            None,
            None,
            training=True,
        ),
        _decoded_case(
            "decode, as many words on both sides, under both masks",
            "Two masks come in. Where does each of them go?",
            7,
            5,
            5,
            _causal(5) & _open(2, 5, (1, 2)),
            _open(2, 5, (0, 1)),
        ),
        _model_case(
            "two pairs of sentences of the same length, under both masks",
            "encode and decode are right. What does forward hand to each of them?",
            _OUTPUT,
            8,
            src_mask=_open(2, 5, (0, 1)),
            tgt_mask=_causal(5) & _open(2, 5, (1, 2)),
        ),
        _model_case(
            "three pairs of four and six words, with gradients",
            _GRADIENT_ASKED,
            ("the output", "the gradient of the weights"),
            9,
            B=3,
            T=4,
            S=6,
            src_mask=_open(3, 6, (1, 2)),
            tgt_mask=_causal(4) & _open(3, 4, (0, 1)),
        ),
        _encoded_case("encode with dropout 1, in training", _DROP_ASKED, 10, 4, None, dropout=1.0, training=True),
        _model_case("a model with dropout 1, in training", _DROP_ASKED, _OUTPUT, 10, dropout=1.0, training=True),
        _model_case("a model with dropout 0.5, in evaluation", _EVAL_ASKED, _OUTPUT, 11, dropout=0.5),
    ),
    properties=(
        Property("a new model begins undecided", _is_used),
        Property("a sentence may be as long as max_len", _has_places),
        Property("all of a model can be moved", _moves_as_a_whole),
    ),
    mistakes=KNOWN_TRANSFORMERS,
    hints=(
        "Follow a source from ids to memory, and a target from ids to logits. Which of the steps are the same on both "
        "sides, and which arrays belong to both?",
        "One table: embed(src, table, positions) and embed(tgt, table, positions) read it, and states @ table.T is "
        "the output. nn.ModuleList([EncoderLayer(...) for _ in range(n_layers)]) makes layers that are each an object "
        "of their own. Each stack ends with a norm of its own. decode makes a causal mask where tgt_mask is None.",
        "    x = self.drop(embed(src, self.table.weight, self.positions))\n    for layer in self.encoder:\n"
        "        x = layer(x, ...)\n    return self.encoder_norm(x)\n\n"
        "    if tgt_mask is None:\n        tgt_mask = torch.ones(T, T, dtype=torch.bool).tril()\n    x = ...\n"
        "    for layer in self.decoder:\n        x = layer(x, memory, ..., ...)\n"
        "    return ... @ self.table.weight.T\n\n"
        "    return self.decode(tgt, self.encode(src, ...), ..., ...)",
    ),
    argument_names=("made", "src or tgt", "tgt or memory", "mask", "other mask"),
    argument_dims={"src or tgt": "B T"},
    result_names=("logits",),
    result_dims={"the output": "B T V"},
    difficulty=3,
    importance=5,
    minutes=30,
)


# --- properties -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """The description of a Transformer to be tested: a name in `broken.BROKEN`, or "sound"."""

    name: str
    said: str
    seed: int = 0

    def __repr__(self) -> str:
        return f"{self.said} (dropout 0.1, in training mode)"


def _judge(function: Function, tried: Tried) -> dict[str, Any] | None:
    return testing.observe(function, tried.name, tried.seed)


def _judged(name: str, said: str, question: str, tier: int, seed: int = 0) -> Case:
    return Case(said, lambda: (Tried(name, said, seed),), question, tier=tier)


_SOUND = (
    "Nothing is wrong with this one. Which of your tests finds something, and what is different between the two "
    "outputs that it compares: the mode, the order, the place, the sixteenth digit?"
)
_CAUSAL = "Which word of the target do you change, and which places do you compare? In which mode is the model?"
_PADS = "Which tokens do you add, who tells the model to look away, and what should stay as it was?"
_MEMORY = "If the source is another one, what must move? Who else could move it?"
_BATCH = "Which sentence do you look at alone, and which one does the model treat in another way in a batch?"


def _misses_an_edge(function: Function) -> str | None:
    """Every word of the target must have been tried: models that show one word each to the place before it."""
    missed = [k for k in range(testing.EDGES) if "causality" not in function(testing.with_open_edge(k))]
    if not missed:
        return None
    return (
        "You change one place, or a few, and some model hides just the others well: one word is seen by the place "
        "before it, and your tests do not find that. Which words do you change, and do you try every t?"
    )


PROPERTIES = Exercise(
    id="properties",
    lesson=8,
    title="Find the bug: four tests",
    signature="(model) -> a set of names",
    reference=testing.properties,
    observe=_judge,
    cases=(
        _judged("sound", "a sound Transformer", _SOUND, 1),
        _judged("sound", "another sound Transformer", _SOUND, 1, seed=3),
        _judged("no mask", "a Transformer without a causal mask", _CAUSAL, 2),
        _judged("mask off by one", "a Transformer whose words see the next one, too", _CAUSAL, 2),
        _judged("mask in training only", "a Transformer that hides the future in training only", _CAUSAL, 2),
        _judged("mask in blocks of three", "a Transformer whose words see the rest of their three, too", _CAUSAL, 2),
        _judged("mask of minus 8", "a Transformer whose mask lowers scores by 8 instead of closing them", _CAUSAL, 2),
        _judged("norm over words", "a Transformer whose last norm averages over the words", _CAUSAL, 2),
        _judged("encoder sees pads", "a Transformer whose encoder listens to pads", _PADS, 3),
        _judged("cross-attention sees pads", "a Transformer whose cross-attention listens to pads", _PADS, 3),
        _judged(
            "pads closed as queries", "a Transformer that closes the rows of pads instead of their columns", _PADS, 3
        ),
        _judged("cross-attention asks the decoder", "a Transformer whose cross-attention asks the target", _MEMORY, 4),
        _judged("cross-attention never used", "a Transformer without cross-attention", _MEMORY, 4),
        _judged("encoder deaf to words", "a Transformer whose encoder never looks at its words", _MEMORY, 4),
        _judged("places chosen by sentence", "a Transformer that gives places to sentences", _BATCH, 5),
        _judged("attention across the batch", "a Transformer that attends along the wrong axis", _BATCH, 5),
        _judged("mean over the batch", "a Transformer that subtracts a mean over the batch", _BATCH, 5),
        _judged(
            "asks the decoder, future open",
            "a Transformer whose cross-attention asks the whole target",
            "Two properties are violated at once. Does one of your tests keep another from being run?",
            6,
        ),
    ),
    properties=(Property("every word of the target is tried", _misses_an_edge),),
    mistakes=KNOWN_JUDGES,
    hints=(
        "Each test compares the logits with those of a second call. What do you change for each of the four, and which "
        "logits must stay, or must move?",
        "model.eval() first, and torch.no_grad() around everything. Causality: for each t from 1 on, another word at "
        "place t, and logits[:, :t] must stay. Padding: torch.cat a few PADs behind src, hand over src_mask=(padded "
        "!= PAD)[:, None, None, :], and all logits must stay. Memory: another src, and logits must move. Batch: "
        "model(src[b : b + 1], tgt[b : b + 1]) must be logits[b : b + 1], for every b.",
        "    model.eval()\n    found = set()\n    with torch.no_grad():\n        logits = model(src, tgt)\n"
        "        for t in range(1, 7):\n            changed = tgt.clone()\n            changed[:, t] = ...\n"
        '            if moved(model(src, changed)[:, :t], ...):\n                found.add("causality")\n        ...\n'
        "    return found",
    ),
    argument_names=("model",),
    result_names=("violated",),
    shown=(answers.properties,),
    difficulty=4,
    importance=5,
    minutes=35,
)

EXERCISES = (EMBED, ENCODER_LAYER, DECODER_LAYER, TRANSFORMER, PROPERTIES)
