"""Wrong versions of multi_head_attention whose shapes do not fit, told apart by sizes and matrices that do fit them."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_04.reference import merge_heads, multi_head_attention, split_heads

Array = NDArray[Any]
Matrices = Mapping[str, Array]
H, N = 3, 2  # heads and their width, in what is tried here
D = H * N


def _result(function: Function, *arguments: Any) -> Array | None:  # noqa: ANN401
    """Return what a function makes of copies of the arguments; None if it raises."""
    try:
        return np.asarray(function(*(each.copy() if hasattr(each, "copy") else each for each in arguments)), float)
    except Exception:  # whatever the learner's function may raise
        return None


def _agree(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and a.shape == b.shape and np.allclose(a, b)


def _right(function: Function, *arguments: Any) -> bool:  # noqa: ANN401
    return _agree(_result(function, *arguments), _result(multi_head_attention, *arguments))


def _raises(function: Function, *arguments: Any) -> bool:  # noqa: ANN401
    return _result(function, *arguments) is None


def _data(B: int, h: int = H, *, square: str = "qkvo") -> tuple[Array, Array, Matrices, int]:
    """Return arguments with matrices (d, d) for the names in `square`, and (d_head, d_head) for the others."""
    rng = np.random.default_rng(45)
    x_q, x_kv = rng.standard_normal((B, 4, h * N)), rng.standard_normal((B, 5, h * N))
    sizes = {name: h * N if name in square else N for name in "qkvo"}
    return x_q, x_kv, {name: rng.standard_normal((n, n)) for name, n in sizes.items()}, h


# --- steps in another order ---------------------------------------------------------------------------------------


def _ordered(split_first: str, combined_first: bool) -> Function:
    """Return a version that splits before it projects, for the names in `split_first`, or combines before it merges."""

    def one(x: Array, W: Matrices, name: str, h: int) -> Array:
        return split_heads(x, h) @ W[name] if name in split_first else split_heads(x @ W[name], h)

    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        q, k, v = one(x_q, W, "q", h), one(x_kv, W, "k", h), one(x_kv, W, "v", h)
        output, _ = attention(q, k, v, mask)
        return np.asarray(merge_heads(output @ W["o"]) if combined_first else merge_heads(output) @ W["o"])

    return multi_head_attention


_SOME_OF_QKV = tuple("".join(some) for n in (3, 2, 1) for some in itertools.combinations("qkv", n))


def _narrow(split_first: str, combined_first: bool) -> tuple[Array, Array, Matrices, int]:
    """Return arguments whose matrices fit a version of this order and no other."""
    return _data(2, square="".join(set("qkvo") - set(split_first) - set("o" * combined_first)))


def _has_order(function: Function, split_first: str, combined_first: bool) -> bool:
    narrow = _narrow(split_first, combined_first)
    return _agree(_result(function, *narrow), _result(_ordered(split_first, combined_first), *narrow))


def splits_before_projecting(function: Function) -> bool:
    """Whether matrices (d_head, d_head) in place of W_q, W_k or W_v fit where those of the text do not."""
    return any(_has_order(function, some, late) for some in _SOME_OF_QKV for late in (False, True))


def combines_before_merging(function: Function) -> bool:
    """Whether a matrix (d_head, d_head) in place of W_o fits where that of the text does not."""
    return _has_order(function, "", True)


# --- one head is left ---------------------------------------------------------------------------------------------


def _only_one_head(at: int) -> Function:
    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        q, k, v = (split_heads(x @ W[name], h) for x, name in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
        output, _ = attention(q, k, v, mask)
        return np.asarray(merge_heads(output[:, [at]]) @ W["o"])

    return multi_head_attention


def leaves_one_head(function: Function) -> bool:
    """Whether the rows of W_o for one head are enough for it."""
    x_q, x_kv, W, h = _data(2)
    fitting = (x_q, x_kv, {**W, "o": W["o"][:N]}, h)
    return any(_agree(_result(function, *fitting), _result(_only_one_head(at), *fitting)) for at in range(H))


# --- heads as more sentences --------------------------------------------------------------------------------------


def _folded(
    fold_mask: Callable[[Array], Any] = lambda mask: mask.reshape(-1, *mask.shape[2:]),
    unfold: Callable[[Array, int, int], Array] = lambda y, B, h: y.reshape(B, h, *y.shape[-2:]),
) -> Function:
    """Return a version in which heads are more sentences, (B * h, T, d_head), as the one to repair does it.

    Args:
        fold_mask: from (B, h, Tq, Tk) to what attention gets.
        unfold: from outputs (B * h, Tq, d_head), B and h to what is merged.
    """

    def multi_head_attention(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        B, Tq, Tk = len(x_q), x_q.shape[1], x_kv.shape[1]
        q, k, v = (split_heads(x @ W[name], h) for x, name in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
        if mask is not None:
            mask = fold_mask(np.broadcast_to(mask, (B, h, Tq, Tk)))
        q, k, v = (each.reshape(B * h, *each.shape[2:]) for each in (q, k, v))
        y, _ = attention(q, k, v, mask)
        return np.asarray(merge_heads(unfold(y, B, h)) @ W["o"])

    return multi_head_attention


def _by_head(mask: Array) -> Array:
    return np.concatenate([mask[:, i] for i in range(mask.shape[1])])


_UNFOLDED_BY_HEAD = tuple(
    _folded(fold_mask, unfold)
    for unfold in (
        lambda y, B, h: y.reshape(h, B, *y.shape[-2:]).swapaxes(0, 1),
        lambda y, B, h: y.reshape(h, B, *y.shape[-2:]),
    )
    for fold_mask in (lambda mask: mask.reshape(-1, *mask.shape[2:]), _by_head)
)


def unfolds_by_head(function: Function) -> bool:
    """Whether outputs that come sentence by sentence are taken apart as if they came head by head."""
    turned = _agree(_result(function, *_data(2)), _result(_UNFOLDED_BY_HEAD[0], *_data(2)))
    return turned or (_right(function, *_data(H)) and _raises(function, *_data(2)))


def _joined(by: int, axis: int) -> Function:
    """Return a version that joins the parts of its mask, one a sentence (by 0) or one a head (1), along an axis."""
    return _folded(lambda mask: np.concatenate(list(np.moveaxis(mask, by, 0)), axis=axis))


_MASK_NOT_FOLDED = (
    *(_joined(by, axis) for by in (0, 1) for axis in (1, 2)),
    _folded(lambda mask: mask),
    _folded(lambda mask: mask.swapaxes(0, 1)),
)


def has_mask_not_folded(function: Function) -> bool:
    """Whether heads are more sentences, and a mask of several sentences and heads is not (B * h, Tq, Tk)."""
    rng = np.random.default_rng(46)

    def masked(B: int, h: int) -> tuple[Any, ...]:
        return (*_data(B, h), rng.random((B, h, 4, 5)) < 0.7)

    if not _right(function, *_data(2)) or not _raises(function, *masked(2, H)):
        return False
    return any(_right(function, *masked(B, h)) for B, h in ((1, H), (2, 1)))


# --- an axis too many ---------------------------------------------------------------------------------------------


def _with_mask(change: Callable[[Array], Array]) -> Function:
    def version(x_q: Array, x_kv: Array, W: Matrices, h: int, mask: Array | None = None) -> Array:
        return multi_head_attention(x_q, x_kv, W, h, None if mask is None else change(mask))

    return version


def adds_an_axis_to_the_mask(function: Function) -> bool:
    """Whether a mask that has an axis less than (B, h, Tq, Tk) would fit."""
    rng = np.random.default_rng(47)
    full = rng.random((2, H, 4, 5)) < 0.7
    if not _right(function, *_data(2)) or not _raises(function, *_data(2), full):
        return False
    fitting = (full[:, :1], full[:, :1, :1], full[:, :, :1])  # (B, 1, Tq, Tk), (B, 1, 1, Tk), (B, h, 1, Tk)
    return any(
        _agree(_result(function, *_data(2), mask.squeeze()), _result(multi_head_attention, *_data(2), mask))
        for mask in fitting
    )


THAT_DO_NOT_FIT = (
    Mistake(
        "split_before_projecting",
        "split before projecting",
        "You split the words first, and a piece of width d_head then meets a matrix of W, which is (d, d). Which of "
        "the five steps is the first?",
        tuple(_ordered(some, late) for some in _SOME_OF_QKV for late in (False, True)),
        recognize=splits_before_projecting,
    ),
    Mistake(
        "combined_before_merging",
        "W_o before merging",
        "Your heads meet W['o'] one by one, each of width d_head, and W['o'] is (d, d). Which of the five steps makes "
        "one width of theirs?",
        (_ordered("", True),),
        recognize=combines_before_merging,
    ),
    Mistake(
        "one_head_left",
        "a single head is merged",
        "Only one head comes out of your attention, and W['o'] finds fewer columns than it needs. Do you index an axis "
        "that should stay?",
        (_only_one_head(0), _only_one_head(-1)),
        recognize=leaves_one_head,
    ),
    Mistake(
        "unfolded_by_head",
        "sentences and heads exchanged in the output",
        "In your queries all heads of sentence 0 come first, and you take the outputs apart as if all sentences of "
        "head 0 did. Which of B and h comes first in your last `reshape`, and which one in the first?",
        _UNFOLDED_BY_HEAD,
        recognize=unfolds_by_head,
    ),
    Mistake(
        "mask_not_folded",
        "a mask that is not (B * h, Tq, Tk)",
        "Your mask does not fit several heads of several sentences. If heads count as more sentences, it has to be "
        "(B * h, Tq, Tk): which shape has yours, and along which axis would its parts have to be joined?",
        _MASK_NOT_FOLDED,
        recognize=has_mask_not_folded,
    ),
    Mistake(
        "mask_needs_three_axes",
        "an axis added to the mask",
        "You give the mask one more axis. It is made to broadcast to (B, h, Tq, Tk) as it is: how many axes has it "
        "already?",
        (
            _with_mask(lambda mask: mask[:, None]),
            _with_mask(lambda mask: mask[:, None, None]),
            _with_mask(lambda mask: mask[:, :, None]),
        ),
        recognize=adds_an_axis_to_the_mask,
    ),
)
