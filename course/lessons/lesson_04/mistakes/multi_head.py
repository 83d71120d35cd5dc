"""Known wrong versions of multi_head_attention, and the question that leads out of each.

Ids C01 to C17 are those of the project's catalog of mistakes; the others are ours. The exercise that repairs a version
asks the same questions. A wrong version is the right one with a part replaced: see :func:`_made`. Versions that raise
are alike for the bank, since many mistakes end in shapes that do not fit: those are recognized in `shapes.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03.mistakes.steps import (
    along,
    dot_products,
    filled_with,
    leave_rows,
    nan_to_zero,
    over_matrix,
    stable,
    steps,
    zero_rows,
)
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_04 import reference
from course.lessons.lesson_04.mistakes.shapes import THAT_DO_NOT_FIT
from course.lessons.lesson_04.mistakes.wirings import (
    ALL_BUT_FIRST,
    ALL_BUT_LAST,
    ONLY_FIRST,
    ONLY_LAST,
    Merge,
    Split,
    kept,
    merge_by_reshape,
    merge_interleaved,
    merge_reversed,
    split_by_reshape,
    split_interleaved,
    split_reversed,
    whole_numbers,
)

Array = NDArray[Any]
Matrices = Mapping[str, Array]
Three = tuple[Array, Array, Array]
Project = Callable[[Array, Array, Matrices], Three]
Attend = Callable[..., tuple[Array, Array]]

_split, _merge = reference.split_heads, reference.merge_heads


def _project(x_q: Array, x_kv: Array, W: Matrices) -> Three:
    return x_q @ W["q"], x_kv @ W["k"], x_kv @ W["v"]


def _last(merged: Array, W: Matrices, x_q: Array) -> Any:  # noqa: ANN401
    return merged @ W["o"]


def _made(
    project: Project = _project,
    split: Split = _split,
    attend: Attend = attention,
    merge: Merge = _merge,
    last: Callable[[Array, Matrices, Array], Any] = _last,
) -> Function:
    """Return a multi-head attention made of these parts; with the parts as given it is the reference."""

    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Any:  # noqa: ANN401
        q, k, v = (split(x, h) for x in project(x_q, x_kv, W))
        output, _ = attend(q, k, v, mask)
        return last(merge(output), W, x_q)

    return multi_head_attention


def _projected(q: str = "q q", k: str = "kv k", v: str = "kv v") -> Function:
    """Return a version with other inputs or matrices: "kv k" is x_kv @ W["k"], "kv" is x_kv alone."""

    def one(words: str, x_q: Array, x_kv: Array, W: Matrices) -> Array:
        x, _, name = words.partition(" ")
        given = x_q if x == "q" else x_kv
        return given @ W[name] if name else given

    def project(x_q: Array, x_kv: Array, W: Matrices) -> Three:
        a, b, c = (one(words, x_q, x_kv, W) for words in (q, k, v))
        return a, b, c

    return _made(project=project)


def _steps(**changed: Any) -> tuple[Function, ...]:  # noqa: ANN401
    """Return versions with a step of attention replaced, with each way for an empty row: zeros, NaN, NaN made 0."""
    return tuple(_made(attend=steps(empty=empty, **changed)) for empty in (zero_rows, leave_rows, nan_to_zero))


def _after(change: Callable[[Array], Any]) -> Function:
    return _made(last=lambda merged, W, x_q: change(merged @ W["o"]))


def _rounded(digits: int) -> Function:
    return _after(lambda y: np.round(y, digits))


def _transposed(*names: str) -> Function:
    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        turned = {name: matrix.T if name in names else matrix for name, matrix in W.items()}
        return reference.multi_head_attention(x_q, x_kv, turned, h, mask)

    return multi_head_attention


def _other_mask(change: Callable[[Array], Array | None]) -> Function:
    """Return a version that attends under a mask made of the right one."""

    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        return reference.multi_head_attention(x_q, x_kv, W, h, None if mask is None else change(mask))

    return multi_head_attention


def _full(mask: Array, q: Array, k: Array) -> Array:
    return np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))


def _mask_heads_first(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Heads as more sentences, sentence by sentence, under a mask that is put together head by head."""
    if mask is not None:
        B, h = q.shape[:2]
        full = _full(mask, q, k)
        mask = np.concatenate([full[:, i] for i in range(h)]).reshape(B, h, *full.shape[2:])
    return attention(q, k, v, mask)


def _mask_sentences_first(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """Heads as more sentences, head by head, under a mask that is put together sentence by sentence."""
    if mask is not None:
        B, h = q.shape[:2]
        full = _full(mask, q, k)
        mask = full.reshape(h, B, *full.shape[2:]).swapaxes(0, 1)
    return attention(q, k, v, mask)


def _mask_after(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = attention(q, k, v)[1]
    weights = weights if mask is None else weights * mask
    return weights @ v, weights


def _input_split(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    """Split the words first; each head projects its own columns, with its own block of the matrices."""
    n = x_q.shape[-1] // h
    heads = []
    for i in range(h):
        own = slice(i * n, (i + 1) * n)
        q, k, v = (
            x[:, :, own] @ W[name][own, own] for x, name in ((x_q, "q"), (x_kv, "k"), (x_kv, "v"))
        )  # fmt: skip
        heads.append(attention(q, k, v, None if mask is None else np.broadcast_to(mask, _scores_of(q, k, h))[:, i])[0])
    return np.concatenate(heads, axis=-1) @ W["o"]


def _scores_of(q: Array, k: Array, h: int) -> tuple[int, ...]:
    return (q.shape[0], h, q.shape[1], k.shape[1])


def _one_head(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    return reference.multi_head_attention(x_q, x_kv, W, 1, mask)


def _fixed(h: int) -> Function:
    return lambda x_q, x_kv, W, _, mask=None: reference.multi_head_attention(x_q, x_kv, W, h, mask)


def has_fixed_heads(function: Function) -> bool:
    """Whether a function attends with one certain number of heads, above 1, whatever it is asked for."""
    rng = np.random.default_rng(44)
    x = rng.standard_normal((5, 7, 24))  # neither B nor T is one of the numbers of heads
    W = {name: rng.standard_normal((24, 24)) / 5 for name in "qkvo"}
    found = []
    for h in (1, 2, 3, 4, 6, 8, 12):
        try:
            found.append(np.allclose(function(x, x, W, h), reference.multi_head_attention(x, x, W, h)))
        except Exception:  # whatever the learner's function may raise
            found.append(False)
    return not found[0] and sum(found) == 1


def _first_head_for_all(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    output, weights = attention(q, k, v, mask)
    return np.repeat(output[:, :1], output.shape[1], axis=1), weights


def _first_map_for_all(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = np.repeat(attention(q, k, v, mask)[1][:, :1], q.shape[1], axis=1)
    return weights @ v, weights


def _mean_map_for_all(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = np.broadcast_to(attention(q, k, v, mask)[1].mean(axis=1, keepdims=True), (*q.shape[:-1], k.shape[-2]))
    return weights @ v, weights


def _reached(axis: int, where: slice) -> Function:
    """Return a version whose loop over heads, sentences or queries reaches only some of them."""

    def attend(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
        output, weights = attention(q, k, v, mask)
        return kept(output, axis, where), weights

    return _made(attend=attend)


def _averaged(x: Array) -> Array:
    return np.tile(x.mean(axis=1), x.shape[1])


def _summed(x: Array) -> Array:
    return np.tile(x.sum(axis=1), x.shape[1])


def _averaged_repeated(x: Array) -> Array:
    return np.repeat(x.mean(axis=1), x.shape[1], axis=-1)


def _scales_inputs(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    return attention(q / np.sqrt(q.shape[-1]), k, v, mask)


def _unscaled_weights(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    scores = dot_products(q, k) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, 0)
    return scores @ v, scores


def _mixed_by_columns(q: Array, k: Array, v: Array, mask: Array | None = None) -> tuple[Array, Array]:
    weights = attention(q, k, v, mask)[1]
    return np.swapaxes(weights, -1, -2) @ v, weights


def _writes_into_inputs(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    result = reference.multi_head_attention(x_q, x_kv, W, h, mask)
    x_q @= np.eye(x_q.shape[-1])  # the same numbers ...
    x_q *= 1 / np.sqrt(x_q.shape[-1] // h)  # ... and then not
    return result


def _output_before_merging(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    """Let each head use the first rows and columns of W_o before merging."""
    q, k, v = (_split(x, h) for x in _project(x_q, x_kv, W))
    n = q.shape[-1]
    return _merge(attention(q, k, v, mask)[0] @ W["o"][:n, :n])


def _rows_of_output_left_out(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    """Multiply the sum of the heads by the first rows of W_o: one block for all heads."""
    q, k, v = (_split(x, h) for x in _project(x_q, x_kv, W))
    n = q.shape[-1]
    return np.asarray(attention(q, k, v, mask)[0].sum(axis=1) @ W["o"][:n])


def _block_diagonal_output(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    """Keep the heads apart: head i uses its own square block of W_o."""
    q, k, v = (_split(x, h) for x in _project(x_q, x_kv, W))
    n = q.shape[-1]
    output = attention(q, k, v, mask)[0]
    blocks = [W["o"][i * n : (i + 1) * n, i * n : (i + 1) * n] for i in range(h)]
    return np.concatenate([output[:, i] @ blocks[i] for i in range(h)], axis=-1)


def _float_width(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    B, T, d = x_q.shape
    return (x_q @ W["q"]).reshape(B, T, h, d / h)


def _not_unpacked(name: str) -> Function:
    """Return a version that asks the pair of output and weights for what only an array has."""
    return _made(attend=lambda q, k, v, mask=None: (getattr(attention(q, k, v, mask), name), v))


def _both_results(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> tuple[Array, Array]:
    q, k, v = (_split(x, h) for x in _project(x_q, x_kv, W))
    output, weights = attention(q, k, v, mask)
    return _merge(output) @ W["o"], weights


def _single(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
    narrow = {name: matrix.astype(np.float32) for name, matrix in W.items()}
    result = reference.multi_head_attention(x_q.astype(np.float32), x_kv.astype(np.float32), narrow, h, mask)
    return result.astype(np.float32)


def _scale(root: Callable[[Array, Array], float]) -> tuple[Function, ...]:
    return _steps(scale=lambda q, k, v: root(q, k))


MULTI_HEAD_ATTENTION = (
    Mistake(
        "C03",
        "split and merged by reshape alone",
        "Splitting and merging undo each other, and still no head holds a column of every word. Change one word and "
        "look at the outputs: which words notice? And which two axes should change places, twice?",
        (_made(split=split_by_reshape, merge=merge_by_reshape),),
    ),
    Mistake(
        "C01",
        "split by reshape alone",
        "Put a recognizable number into word 0 alone. In which heads and rows does it stand after your split? "
        "`reshape` moves nothing: which two axes must change places after it?",
        (_made(split=split_by_reshape),),
    ),
    Mistake(
        "merge_without_swap",
        "merged by reshape alone",
        "Your heads are right, and a row of the output is put together from several words. Which two axes must change "
        "places before `reshape`?",
        (_made(merge=merge_by_reshape),),
    ),
    Mistake(
        "interleaved",
        "every h-th column, there and back",
        "Your head 0 takes the columns 0, h, 2h and so on, and so W means something else to you than to whoever made "
        "it. Which columns of W belong to head 0 in the text?",
        (_made(split=split_interleaved, merge=merge_interleaved),),
    ),
    Mistake(
        "split_interleaved",
        "every h-th column in the split",
        "Your split deals the columns out in turn, and your merge takes them in runs. Which columns does the text "
        "give to head 0?",
        (_made(split=split_interleaved),),
    ),
    Mistake(
        "merge_interleaved",
        "every h-th column in the merge",
        "Your split takes runs of columns, and your merge lays them down in turn. Where should the columns of head 0 "
        "stand afterwards?",
        (_made(merge=merge_interleaved),),
    ),
    Mistake(
        "heads_reversed",
        "heads in reverse in one of the two",
        "Your heads come back in another order than they left. To which rows of W['o'] does the output of head 0 "
        "belong?",
        (_made(split=split_reversed), _made(merge=merge_reversed)),
    ),
    Mistake(
        "C05",
        "no output projection",
        "Set W['o'] to zeros and call your function: does the output become 0? Which matrix have you not used?",
        (_made(last=lambda merged, W, x_q: merged),),
    ),
    Mistake(
        "output_per_head",
        "W_o in blocks, head by head",
        "Your heads never meet: each goes through a block of W['o'] by itself. W['o'] is (d, d): which array of "
        "width d is it made for?",
        (_block_diagonal_output, _output_before_merging, _rows_of_output_left_out),
    ),
    Mistake(
        "C07",
        "a matrix that is used twice",
        "Set W['q'], W['k'] and W['v'] to zeros one after the other. Does each of them change your output? Which is "
        "used in another one's place?",
        (
            _projected(v="kv k"),
            _projected(k="kv q"),
            _projected(v="kv q"),
            _projected(k="kv q", v="kv q"),
            _projected(q="q k"),
            _projected(q="q v"),
            _projected(k="kv v"),
        ),
    ),
    Mistake(
        "matrices_exchanged",
        "matrices exchanged",
        "All four matrices are used, and two of them in each other's place. Which letter asks, which is compared and "
        "which is handed over?",
        (
            _projected(k="kv v", v="kv k"),
            _projected(q="q v", v="kv q"),
            _projected(q="q k", k="kv q"),
        ),
    ),
    Mistake(
        "not_projected",
        "words that are not projected",
        "Somewhere your heads get the words as they came. Which of the queries, keys and values go through their own "
        "matrix?",
        (
            _projected(q="q", k="kv", v="kv"),
            _projected(v="kv"),
            _projected(k="kv"),
            _projected(q="q"),
            _projected(k="kv", v="kv"),
            _projected(q="q", k="kv"),
        ),
    ),
    Mistake(
        "input_split",
        "words split before they are projected",
        "Each of your heads sees its own columns of the words and nothing else of them. Does W['q'] take a whole "
        "word, or a slice of one?",
        (_input_split,),
    ),
    Mistake(
        "C09",
        "keys or values from those who ask",
        "Change x_kv and leave x_q as it is: does your output notice everything? From whom do keys and values come?",
        (
            _projected(k="q k", v="q v"),
            _projected(v="q v"),
            _projected(k="q k"),
        ),
    ),
    Mistake(
        "inputs_exchanged",
        "asks with x_kv",
        "Your output has a row for each word of x_kv, or none fits. Who asks, and so gets an output: x_q or x_kv?",
        (_projected(q="kv q", k="q k", v="q v"), _projected(q="kv q")),
    ),
    Mistake(
        "transposed_matrices",
        "W.T",
        "You turn a matrix around before you use it. In which order does the text multiply, and what was each matrix "
        "made for?",
        (
            _transposed("q", "k", "v", "o"),
            _transposed("q", "k", "v"),
            _transposed("o"),
            _transposed("q"),
            _transposed("k"),
            _transposed("v"),
        ),
    ),
    Mistake(
        "no_scale",
        "no scale",
        "Your scores are as large as the dot products. Which step of lesson 03 comes between them and softmax?",
        _scale(lambda q, k: 1.0),
    ),
    Mistake(
        "scale_by_d_model",
        "divided by the root of d",
        "You divide by the root of the whole width. Over how many numbers does a dot product of one head sum?",
        _scale(lambda q, k: float(np.sqrt(q.shape[-1] * q.shape[1]))),
    ),
    Mistake(
        "scale_by_d_head",
        "divided by d_head, or twice by its root",
        "Your scores are divided by d_head in all. By what must they be divided so that their variance becomes 1, "
        "and does your `attention` do that already?",
        (*_scale(lambda q, k: float(q.shape[-1])), _made(attend=_scales_inputs)),
    ),
    Mistake(
        "scale_by_other_size",
        "divided by the root of h or of a length",
        "You divide by the root of a size that no dot product sums over. Which of h, Tq, Tk and d_head is the number "
        "of its terms?",
        (
            *_scale(lambda q, k: float(np.sqrt(q.shape[1]))),
            *_scale(lambda q, k: float(np.sqrt(k.shape[2]))),
            *_scale(lambda q, k: float(np.sqrt(q.shape[2]))),
            *_scale(lambda q, k: float(q.shape[1])),
        ),
    ),
    Mistake(
        "C11",
        "softmax across the heads",
        "Fix a head and a query and sum its weights over the keys: is it 1? Do heads share one unit of attention, or "
        "has each its own?",
        (*_steps(normalize=along(1)), *_steps(normalize=along((1, -1)))),
    ),
    Mistake(
        "softmax_over_queries",
        "softmax over the queries",
        "Fix a head and a query and sum its weights over the keys: is it 1? Along which axis do the keys lie?",
        (*_steps(normalize=along(-2)), *_steps(normalize=over_matrix), *_steps(normalize=along(0))),
    ),
    Mistake(
        "no_softmax",
        "scores used as weights",
        "Your weights can be negative. Which step makes shares of scores?",
        (_made(attend=_unscaled_weights),),
    ),
    Mistake(
        "weights_transposed",
        "mixes with the columns of the weights",
        "You turn the weights around before you mix. Does query i use row i of them, or column i?",
        (_made(attend=_mixed_by_columns),),
    ),
    Mistake(
        "C13",
        "heads averaged or added, then repeated",
        "After your merge every head has the same numbers. What does an average of the heads forget, and what does "
        "laying them side by side keep?",
        (_made(merge=_averaged), _made(merge=_summed), _made(merge=_averaged_repeated)),
    ),
    Mistake(
        "first_head_for_all",
        "one head, or one map, for all",
        "Your heads look at the same words or bring home the same numbers. Where in your code is one head told from "
        "another?",
        (
            _made(attend=_first_head_for_all),
            _made(attend=_first_map_for_all),
            _made(attend=_mean_map_for_all),
        ),
    ),
    *THAT_DO_NOT_FIT,
    Mistake(
        "one_head",
        "h is ignored",
        "Call your function with h = 1 and with another h: is there a difference? Where does h come in?",
        (_one_head,),
    ),
    Mistake(
        "fixed_heads",
        "a fixed number of heads",
        "Your function is right for one certain number of heads. Which argument do you not use?",
        tuple(map(_fixed, (2, 3, 4, 8))),
        recognize=has_fixed_heads,
    ),
    Mistake(
        "misses_one",
        "a loop that misses a head, a sentence or a query",
        "The first or the last head, sentence or query brings home nothing but 0. What are the first and the last "
        "number that range() gives you?",
        tuple(_reached(axis, where) for axis in (1, 0, 2) for where in (ALL_BUT_LAST, ALL_BUT_FIRST)),
    ),
    Mistake(
        "return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one turn of your loop shows in the result. How far in does the line with return stand?",
        (
            *(_reached(axis, where) for axis in (1, 0) for where in (ONLY_FIRST, ONLY_LAST)),
            _after(lambda y: y[0]),
        ),
    ),
    Mistake(
        "C15",
        "the mask is forgotten",
        "Call your function with and without a mask: does anything change? Where would it have to be handed on?",
        (_other_mask(lambda mask: None),),
    ),
    Mistake(
        "mask_in_the_other_order",
        "the mask repeated in another order than the heads",
        "With two sentences in a batch, one is masked as the other should be. If heads count as more sentences, in "
        "which order do sentences and heads follow each other in q, and in which one in your mask?",
        (_made(attend=_mask_heads_first), _made(attend=_mask_sentences_first)),
    ),
    Mistake(
        "mask_of_one_sentence",
        "the first sentence's mask, or the first head's, for all",
        "Every sentence, or every head, is masked as the first one is. Which axes of (B, h, Tq, Tk) may you index?",
        (
            _other_mask(lambda mask: mask[:1] if mask.ndim == 4 else mask),
            _other_mask(lambda mask: mask[:, :1] if mask.ndim == 4 else mask),
        ),
    ),
    Mistake(
        "mask_inverted",
        "the mask read the wrong way round",
        "Your blocked keys are those that should be seen. Does True mean may attend, or blocked?",
        (_other_mask(lambda mask: ~mask), *_steps(block=lambda s, m: np.where(m, -np.inf, s))),
    ),
    Mistake(
        "mask_after_softmax",
        "blocked after softmax",
        "Sum the weights of a masked row: it is less than 1. Had the blocked keys already got a share when you removed "
        "them?",
        (_made(attend=_mask_after),),
    ),
    Mistake(
        "mask_weak_fill",
        "blocked scores made small, not impossible",
        "A blocked key still gets a share. What must its score be so that exp() of it is 0?",
        (
            *(version for fill in (0.0, -1.0, -10.0) for version in _steps(block=filled_with(fill))),
            *_steps(block=lambda s, m: s * m),
        ),
    ),
    Mistake(
        "mask_added",
        "the mask is added as numbers",
        "You add 1 to what is allowed and 0 to what is not. Which number, added to a score, makes its share vanish?",
        _steps(block=lambda s, m: s + m),
    ),
    Mistake(
        "empty_row_nan",
        "an empty row gives NaN",
        "A query that may attend to nothing gets nan from you, and nan spreads through W['o']. Your `attention` of "
        "lesson 03 has a rule for it: which weights does such a query get?",
        (_made(attend=steps(empty=leave_rows)),),
    ),
    Mistake(
        "empty_row_uniform",
        "an empty row gives equal shares",
        "A query that may attend to nothing gets the average of all values from you. Your `attention` of lesson 03 "
        "has a rule for it: which weights does such a query get?",
        tuple(
            _made(attend=steps(block=filled_with(fill), empty=leave_rows, normalize=stable))
            for fill in (-1e9, -1e30, float(np.finfo(np.float64).min))
        ),
    ),
    Mistake(
        "C17",
        "adds the words of those who ask",
        "A residual path comes around the layer in lesson 07, and not inside. With all four matrices zero, your "
        "output is not 0: what else do you add?",
        (_made(last=lambda merged, W, x_q: merged @ W["o"] + x_q),),
    ),
    Mistake(
        "not_unpacked",
        "goes on with both results of attention",
        "`attention` hands back two things, and you go on with both at once. Which of them is to be merged?",
        tuple(map(_not_unpacked, ("shape", "transpose", "swapaxes", "reshape"))),
    ),
    Mistake(
        "float_width",
        "a width that is no integer",
        "In Python 12 / 3 is 4.0, and no array has 4.0 columns. Which division gives an int?",
        (_float_width,),
    ),
    Mistake(
        "returns_weights_too",
        "returns the weights as well",
        "Two things come back, and the text asks for the output alone. Which of them do later layers take?",
        (
            _both_results,
            lambda x_q, x_kv, W, h, mask=None: _both_results(x_q, x_kv, W, h, mask)[1],
        ),
    ),
    Mistake(
        "whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (
            _after(whole_numbers),
            _after(lambda y: whole_numbers(y).astype(float)),
            _made(merge=lambda x: whole_numbers(reference.merge_heads(x))),
        ),
    ),
    Mistake(
        "rounded",
        "rounds the result",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(map(_rounded, range(1, 7))),
    ),
    Mistake(
        "single_precision",
        "computes in float32",
        "The arguments are float64, and half of their digits are gone. Who asked for fewer?",
        (_single, _after(lambda y: y.astype(np.float32))),
    ),
    Mistake(
        "changes_arguments",
        "changes its own arguments",
        "Print x_q before and after the call: your function has changed the caller's array. Which operator makes a "
        "new array instead of writing into the old one?",
        (_writes_into_inputs,),
    ),
)
