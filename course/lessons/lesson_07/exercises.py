"""The exercises of lesson 07, as a list shows them; what they are made of, in `pieces`, imports torch."""

from course.lab.exercises.later import LaterExercise

_AT = "course.lessons.lesson_07.pieces"

EXERCISES = (
    LaterExercise(
        _AT,
        id="torch_attention",
        lesson=7,
        title="Attention in torch",
        signature="(q, k, v, mask=None) -> (output, weights)",
        difficulty=2,
        importance=5,
        minutes=15,
    ),
    LaterExercise(
        _AT,
        id="MultiHeadAttention",
        lesson=7,
        title="Heads as a module",
        signature="(d_model, n_heads), forward(x_q, x_kv, mask=None) -> (B, Tq, d)",
        difficulty=3,
        importance=5,
        minutes=25,
    ),
    LaterExercise(
        _AT,
        id="layer_norm",
        lesson=7,
        title="Layer norm",
        signature="(x, gain, bias, eps=1e-5) -> (..., d)",
        difficulty=2,
        importance=5,
        minutes=12,
    ),
    LaterExercise(
        _AT,
        id="FeedForward",
        lesson=7,
        title="Wide, bend, narrow",
        signature="(d_model, d_ff, dropout=0.0), forward(x) -> (B, T, d)",
        difficulty=2,
        importance=5,
        minutes=12,
    ),
    LaterExercise(
        _AT,
        id="residual_block",
        lesson=7,
        title="The residual path, pre-norm",
        signature="(x, norm, f, drop) -> (B, T, d)",
        difficulty=1,
        importance=5,
        minutes=5,
    ),
    LaterExercise(
        _AT,
        id="stack",
        lesson=7,
        title="Find the bug: a stack of layers",
        signature="(make, n, x) -> (layers, y)",
        difficulty=2,
        importance=4,
        minutes=13,
    ),
)
