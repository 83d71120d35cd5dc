"""The exercises of lesson 08: embed, EncoderLayer, DecoderLayer, Transformer, properties, count_parameters.

All but the last work on torch and stand in :mod:`course.lessons.lesson_08.torch_exercises`, which is imported when
one of them is worked on.
"""

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.later import LaterExercise
from course.lessons.lesson_08.costs import count_parameters
from course.lessons.lesson_08.mistakes.counting import COUNT_PARAMETERS as KNOWN

_AT = "course.lessons.lesson_08.torch_exercises"


def _grows_evenly(function: Function) -> str | None:
    one, two, three = (function(50, 12, 3, 20, n) for n in (1, 2, 3))
    if abs((three - two) - (two - one)) < 0.5:
        return None
    return "The third layer of each stack costs something else than the second one. What do two layers share?"


def _heads_are_free(function: Function) -> str | None:
    if function(50, 12, 3, 20, 2) == function(50, 12, 6, 20, 2):
        return None
    return "With 6 heads instead of 3 your bill is another one. How wide are all heads side by side?"


COUNT_PARAMETERS = Exercise(
    id="count_parameters",
    lesson=8,
    title="The bill",
    signature="(vocab_size, d_model, n_heads, d_ff, n_layers) -> a number",
    reference=count_parameters,
    cases=(
        Case(
            "one layer of each kind",
            lambda: (30, 8, 2, 13, 1),
            "Add up by hand: a table of 30 rows of 8; an attention of four maps of 8 to 8, each with a bias; 8 to 13 "
            "and back; norms of 2 times 8 numbers. How often does each of them occur?",
            by_hand=True,
            tolerance=1e-12,
        ),
        Case(
            "four layers of each kind",
            lambda: (83, 12, 3, 32, 4),
            "Which of your items does the model have once, and which once in every layer?",
            tier=2,
            tolerance=1e-12,
        ),
        Case(
            "the sizes of the paper's base model",
            lambda: (37000, 512, 8, 2048, 6),
            "The number is in the tens of millions. Which of your items does not grow as it should?",
            tier=3,
            tolerance=1e-12,
        ),
    ),
    properties=(
        Property("every further layer costs the same", _grows_evenly),
        Property("heads cost nothing", _heads_are_free),
    ),
    mistakes=KNOWN,
    hints=(
        "Begin with the smallest things: how many numbers are in one `nn.Linear(a, b)`, and in one norm? Then how "
        "many of them are in an attention, in a feed-forward network, in each kind of layer, and in what is left "
        "outside?",
        "A linear map from a to b has a times b numbers and a bias of b. An attention has four maps from d_model to "
        "d_model; a feed-forward network goes to d_ff and back; a norm has a gain and a bias. An encoder layer has 1 "
        "attention and 2 norms, a decoder layer 2 and 3. Outside: one table and two norms.",
        "    attention = 4 * (d_model * d_model + ...)\n    feed_forward = 2 * d_model * d_ff + ...\n    norm = ...\n"
        "    encoder_layer = attention + feed_forward + 2 * norm\n    decoder_layer = ...\n"
        "    return vocab_size * d_model + n_layers * (...) + 2 * norm",
    ),
    argument_names=("vocab_size", "d_model", "n_heads", "d_ff", "n_layers"),
    result_names=("count",),
    result_kind="number",
    difficulty=2,
    importance=4,
    minutes=12,
)

EMBED = LaterExercise(
    _AT,
    id="embed",
    lesson=8,
    title="Ids become vectors",
    signature="(tokens, table, positions) -> (B, T, d)",
    difficulty=1,
    importance=5,
    minutes=6,
)

ENCODER_LAYER = LaterExercise(
    _AT,
    id="EncoderLayer",
    lesson=8,
    title="A layer of the encoder",
    signature="(d_model, n_heads, d_ff, dropout=0.0)",
    difficulty=2,
    importance=5,
    minutes=12,
)

DECODER_LAYER = LaterExercise(
    _AT,
    id="DecoderLayer",
    lesson=8,
    title="A layer of the decoder",
    signature="(d_model, n_heads, d_ff, dropout=0.0)",
    difficulty=2,
    importance=5,
    minutes=15,
)

TRANSFORMER = LaterExercise(
    _AT,
    id="Transformer",
    lesson=8,
    title="The whole Transformer",
    signature="(vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256)",
    difficulty=3,
    importance=5,
    minutes=30,
)

PROPERTIES = LaterExercise(
    _AT,
    id="properties",
    lesson=8,
    title="Find the bug: four tests",
    signature="(model) -> a set of names",
    difficulty=4,
    importance=5,
    minutes=35,
)

EXERCISES = (EMBED, ENCODER_LAYER, DECODER_LAYER, TRANSFORMER, PROPERTIES, COUNT_PARAMETERS)
