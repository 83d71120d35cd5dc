"""The exercises of lesson 04: pack_heads, split_heads, merge_heads, multi_head_attention, repair_heads."""

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.words import show
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_04 import mistakes as bank
from course.lessons.lesson_04 import reference

Array = NDArray[Any]
FEW = 4  # numbers of a matrix that a message prints; of a larger one it tells the shape


class Matrices(dict[str, Array]):
    """The matrices of a layer or of a head by name, with a `repr` for people."""

    def __repr__(self) -> str:
        if all(matrix.size <= FEW for matrix in self.values()):
            return f"{{{', '.join(f'{name}: {show(matrix)}' for name, matrix in self.items())}}}"
        shapes = {matrix.shape for matrix in self.values()}
        if len(shapes) == 1:
            return f"a dict of {', '.join(self)}, each {shapes.pop()}"
        return f"a dict of {', '.join(f'{name} {matrix.shape}' for name, matrix in self.items())}"


class HeadList(list[Matrices]):
    """Separate heads, with a `repr` for people."""

    def __repr__(self) -> str:
        if all(matrix.size <= FEW for head in self for matrix in head.values()):
            return "; ".join(f"head {i}: {head!r}" for i, head in enumerate(self))
        return f"a list of {len(self)}, each {self[0]!r}"


# --- splitting and merging --------------------------------------------------------------------------------------


def _count(*shape: int) -> Array:
    """Return 1, 2, 3, ... in a shape: numbers that say where they came from."""
    return np.arange(1.0, np.prod(shape) + 1).reshape(shape)


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _splits_other_sizes(function: Function) -> str | None:
    for B, T, h, d_head in ((3, 4, 5, 2), (1, 2, 6, 3), (4, 1, 2, 5)):
        x = _normal(B, T, h * d_head, seed=51)
        if not np.array_equal(function(x.copy(), h), reference.split_heads(x, h)):
            return (
                f"With x {x.shape} and {h} heads your numbers stand elsewhere than they should. Which size do you take "
                "for granted?"
            )
    return None


def _words_meet_in_the_split(function: Function) -> str | None:
    x = _normal(2, 4, 6, seed=52)
    other = x.copy()
    other[:, 2] += 1.0
    moved = np.asarray(function(other.copy(), 3)) != np.asarray(function(x.copy(), 3))
    if moved[:, :, 2].all() and not np.delete(moved, 2, axis=2).any():
        return None
    return "Word 2 was changed, and not row 2 of every head alone. What moves numbers from one word to another?"


SPLIT_HEADS = Exercise(
    id="split_heads",
    lesson=4,
    title="Split the width into heads",
    signature="(x, h) -> heads, (B, T, d) -> (B, h, T, d / h)",
    reference=reference.split_heads,
    cases=(
        Case(
            "one word of four numbers and two heads",
            lambda: (_count(1, 1, 4), 2),
            "Head 0 gets the first two numbers. Where does head 1 begin?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "two words and two heads",
            lambda: (_count(1, 2, 4), 2),
            "The second word is 5, 6, 7, 8. Which of its numbers belong to head 0, and in which row of it?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "a single head",
            lambda: (_count(1, 2, 3), 1),
            "One head has the whole width. What is left to split?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "axes of B = 2, T = 5, h = 3 and d_head = 4",
            lambda: (_normal(2, 5, 12, seed=53), 3),
            "All sizes differ. Which of your axes stands in another one's place?",
            about_axes=True,
        ),
        Case(
            "heads of width 1",
            lambda: (_normal(2, 3, 4, seed=54), 4),
            "Here d_head is 1 and h is d. Do you exchange them?",
            about_axes=True,
        ),
        Case(
            "B, T, h and d_head all 3",
            lambda: (_normal(3, 3, 9, seed=55), 3),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
    ),
    properties=(
        Property("any sizes will do", _splits_other_sizes),
        Property("words do not meet", _words_meet_in_the_split),
    ),
    mistakes=bank.SPLIT_HEADS,
    hints=(
        "Think of one word alone: its d numbers in a row. Where do you cut? And then of all words: which axis must "
        "come before T, so that everything of one head lies together?",
        "First x.reshape(B, T, h, d // h), which cuts each row and moves nothing. Then let two axes change places with "
        "np.swapaxes: those of the words and of the heads.",
        "    B, T, d = x.shape\n    pieces = x.reshape(B, T, h, ...)      # (B, T, h, d_head)\n"
        "    return np.swapaxes(pieces, ..., ...)  # (B, h, T, d_head)",
    ),
    argument_names=("x", "h"),
    argument_dims={"x": "B T d"},
    result_names=("heads",),
    result_dims={"heads": "B h T d_head"},
    difficulty=2,
    importance=5,
    minutes=15,
)


def _merges_other_sizes(function: Function) -> str | None:
    for shape in ((3, 5, 4, 2), (1, 6, 2, 3), (4, 2, 1, 5)):
        x = _normal(*shape, seed=56)
        if not np.array_equal(function(x.copy()), reference.merge_heads(x)):
            return f"With x {shape} your numbers stand elsewhere than they should. Which size do you take for granted?"
    return None


def _words_meet_in_the_merge(function: Function) -> str | None:
    x = _normal(2, 3, 4, 2, seed=57)
    other = x.copy()
    other[:, :, 2] += 1.0
    moved = np.asarray(function(other.copy())) != np.asarray(function(x.copy()))
    if moved[:, 2].all() and not np.delete(moved, 2, axis=1).any():
        return None
    return "Row 2 of every head was changed, and not word 2 alone. What moves numbers from one word to another?"


MERGE_HEADS = Exercise(
    id="merge_heads",
    lesson=4,
    title="Lay the heads side by side again",
    signature="(x) -> merged, (B, h, T, d_head) -> (B, T, h * d_head)",
    reference=reference.merge_heads,
    cases=(
        Case(
            "one word and two heads",
            lambda: (_count(1, 2, 1, 2),),
            "Head 0 holds 1 and 2, head 1 holds 3 and 4. In which order do they lie in the word?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "two words and two heads",
            lambda: (_count(1, 2, 2, 2),),
            "Row 0 of head 0 is 1, 2, and row 0 of head 1 is 5, 6. Both belong to word 0: what does it look like?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "a single head",
            lambda: (_count(1, 1, 2, 3),),
            "One head has the whole width already. What is left to merge?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "axes of B = 2, h = 3, T = 5 and d_head = 4",
            lambda: (_normal(2, 3, 5, 4, seed=58),),
            "All sizes differ. Which of your axes stands in another one's place?",
            about_axes=True,
        ),
        Case(
            "heads of width 1",
            lambda: (_normal(2, 4, 3, 1, seed=59),),
            "Here d_head is 1, and a word gets one number of each head. In which order?",
            about_axes=True,
        ),
        Case(
            "B, h, T and d_head all 3",
            lambda: (_normal(3, 3, 3, 3, seed=60),),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
    ),
    properties=(
        Property("any sizes will do", _merges_other_sizes),
        Property("words do not meet", _words_meet_in_the_merge),
    ),
    mistakes=bank.MERGE_HEADS,
    hints=(
        "A word's numbers lie in h different heads. Which two axes must change places so that they lie one after the "
        "other?",
        "np.swapaxes(x, 1, 2) brings the words before the heads again. Then x.reshape(B, T, h * d_head) makes one "
        "axis of the last two. In this order.",
        "    B, h, T, d_head = x.shape\n    words_first = np.swapaxes(x, ..., ...)      # (B, T, h, d_head)\n"
        "    return words_first.reshape(...)",
    ),
    argument_names=("x",),
    argument_dims={"x": "B h T d_head"},
    result_names=("merged",),
    result_dims={"merged": "B T d"},
    difficulty=2,
    importance=5,
    minutes=6,
)


# --- separate heads in one product ------------------------------------------------------------------------------


def _two_heads() -> tuple[HeadList]:
    heads = HeadList()
    for i in (0, 4):
        numbers = iter(_count(4, 2) + 10 * i)
        heads.append(Matrices({name: next(numbers).reshape((1, 2) if name == "o" else (2, 1)) for name in "qkvo"}))
    return (heads,)


def _some_heads(h: int, d_head: int, seed: int) -> Callable[[], tuple[HeadList]]:
    return lambda: (HeadList(map(Matrices, bank.random_heads(np.random.default_rng(seed), h, d_head))),)


_FOUR = ("q", "k", "v", "o")


def _observe_packed(function: Function, heads: Sequence[Mapping[str, Array]]) -> dict[str, Any] | None:
    W = function(heads)
    if W is None:
        return None
    right = isinstance(W, Mapping) and set(W) == set(_FOUR)
    said = "a dict of q, k, v and o" if right else _kind(W)
    return {"W": said, **{f"W['{name}']": W[name] if right else np.zeros(0) for name in _FOUR}}


def _kind(W: object) -> str:
    if isinstance(W, Mapping):
        return f"a dict of {', '.join(map(str, W)) or 'nothing'}"
    if isinstance(W, (tuple, list)):
        return f"a {type(W).__name__} of {len(W)}"
    return f"of type {type(W).__name__}"


def _not_the_sum_of_heads(function: Function) -> str | None:
    heads = bank.random_heads(np.random.default_rng(61), 5, 2)
    x = _normal(2, 3, 10, seed=62)
    separate = sum(attention(x @ each["q"], x @ each["k"], x @ each["v"])[0] @ each["o"] for each in heads)
    if np.allclose(reference.multi_head_attention(x, x, function(heads), 5), separate):
        return None
    return (
        "With your W, five heads in one product do not give what the five give one after the other. Where do the "
        "numbers of head 1 begin?"
    )


def _heads_written_into(function: Function) -> str | None:
    if not bank.writes_into_heads(function):
        return None
    return "The list of heads, or a matrix in it, is another one after the call. Which of your lines writes into it?"


PACK_HEADS = Exercise(
    id="pack_heads",
    lesson=4,
    title="Separate heads in one product",
    signature="(heads) -> W; a list of dicts in, one dict out",
    reference=reference.pack_heads,
    observe=_observe_packed,
    cases=(
        Case(
            "two heads of width 1",
            _two_heads,
            "Head 0 has column 0 of q, k and v, and row 0 of o. What has head 1?",
            about_axes=True,
        ),
        Case(
            "a single head",
            _some_heads(1, 3, seed=63),
            "One head is the whole layer. What could there be to change in its matrices?",
            about_axes=True,
        ),
        Case(
            "two heads of width 3",
            _some_heads(2, 3, seed=64),
            "Print the first d_head columns of W['q'], and the first d_head rows of W['o']. Whose are they?",
            about_axes=True,
        ),
        Case(
            "three heads of width 4",
            _some_heads(3, 4, seed=65),
            "Print the first d_head columns of W['q'], and the first d_head rows of W['o']. Whose are they?",
            about_axes=True,
        ),
        Case(
            "four heads of width 1",
            _some_heads(4, 1, seed=66),
            "Each head has one column. In which order do they stand?",
            about_axes=True,
        ),
        Case(
            "three heads of width 3",
            _some_heads(3, 3, seed=67),
            "h and d_head are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
        ),
    ),
    properties=(
        Property("one product gives what separate heads give", _not_the_sum_of_heads),
        Property("the heads stay as they were", _heads_written_into),
    ),
    mistakes=bank.PACK_HEADS,
    hints=(
        "x @ W['q'] has d columns, and the first d_head of them should be x @ heads[0]['q']. What must then be the "
        "first columns of W['q']? And which rows of W['o'] meet the columns of head 0?",
        "np.concatenate joins a list of arrays along an axis that they have: the q, k and v side by side, the o one "
        "below the other. Collect four results in a dict with the names q, k, v and o.",
        "    W = {}\n    for name in ...:\n        W[name] = np.concatenate([head[name] for head in heads], axis=...)\n"
        "    W['o'] = ...      # along the other axis\n    return W",
    ),
    argument_names=("heads",),
    result_names=tuple(f"W['{name}']" for name in _FOUR),
    result_dims={f"W['{name}']": "d d" for name in _FOUR},
    difficulty=2,
    importance=4,
    minutes=12,
)


# --- multi-head attention ---------------------------------------------------------------------------------------


def _matrices(d: int, seed: int) -> Matrices:
    rng = np.random.default_rng(seed)
    return Matrices({name: rng.standard_normal((d, d)) / np.sqrt(d) for name in _FOUR})


def _layer(B: int, Tq: int, Tk: int, h: int, d_head: int, seed: int) -> tuple[Array, Array, Matrices, int]:
    d = h * d_head
    return _normal(B, Tq, d, seed=seed), _normal(B, Tk, d, seed=seed + 1), _matrices(d, seed + 2), h


def _values_only(h: int) -> tuple[Array, Array, Matrices, int]:
    """One key, so that all its weights are 1: values (2, 7), output (7, 2)."""
    W = Matrices(q=np.eye(2), k=np.eye(2), v=np.array([[1.0, 2.0], [0.0, 1.0]]), o=np.array([[0.0, 1.0], [1.0, 0.0]]))
    return np.array([[[1.0, 0.0]]]), np.array([[[2.0, 3.0]]]), W, h


def _two_maps() -> tuple[Array, Array, Matrices, int]:
    """Two heads of width 1: scores 0 and ln 2 in one, ln 4 and 0 in the other; weights 1/3, 2/3 and 4/5, 1/5."""
    W = Matrices({name: np.eye(2) for name in _FOUR})
    return np.array([[[1.0, 1.0]]]), np.log(np.array([[[1.0, 4.0], [2.0, 1.0]]])), W, 2


def _masked(mask: Array) -> tuple[Array, Array, Matrices, int, Array]:
    return (*_layer(2, 4, 5, 3, 2, seed=71), mask)


_KEYS = np.array([[True, True, True, False, False], [False, True, True, True, True]])[:, None, None, :]


def _own_masks() -> Array:
    mask = np.random.default_rng(72).random((2, 3, 4, 5)) < 0.6
    mask[..., 0] |= ~mask.any(axis=-1)
    return mask


def _padded_on_the_left() -> tuple[Array, Array, Matrices, int, Array]:
    """Self-attention, causal and padding mask at once; the first sentence begins with two pads: two empty rows."""
    tokens = np.array([[9, 9, 4, 0, 7], [3, 0, 5, 6, 9]])
    x, _, W, h = _layer(2, 5, 5, 3, 4, seed=73)
    return x, x.copy(), W, h, (tokens != 9)[:, None, None, :] & np.tri(5, dtype=bool)


_CASES = (
    Case(
        "one word that may only look at one other, and one head",
        lambda: _values_only(1),
        "There is one key, so it gets all the weight. What is its value, and what does W['o'] make of it?",
        by_hand=True,
    ),
    Case(
        "the same word and two heads of width 1",
        lambda: _values_only(2),
        "With one key, two heads bring home what one did, each its own column. How do you put them together?",
        by_hand=True,
        about_axes=True,
    ),
    Case(
        "two words to look at and two heads of width 1",
        _two_maps,
        "In head 0 the powers are 1 and 2, in head 1 they are 4 and 1. Which weights do they make, and what does "
        "each head mix?",
        by_hand=True,
        about_axes=True,
    ),
    Case(
        "four who ask, five who are asked, one head of width 6",
        lambda: _layer(1, 4, 5, 1, 6, seed=74),
        "With one head this is attention on projected words. Which projection or step gives something else?",
        about_axes=True,
    ),
    Case(
        "B = 2, Tq = 4, Tk = 5 and three heads of width 7",
        lambda: _layer(2, 4, 5, 3, 7, seed=75),
        "All sizes differ here. Run the heads one after the other and compare: at which step do they part?",
        about_axes=True,
    ),
    Case(
        "heads of width 1",
        lambda: _layer(2, 3, 4, 6, 1, seed=76),
        "Here d_head is 1 and h is d. Do you exchange them?",
        about_axes=True,
    ),
    Case(
        "B, Tq, Tk, h and d_head all 3",
        lambda: _layer(3, 3, 3, 3, 3, seed=77),
        "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
    ),
    Case(
        "a mask that allows everything",
        lambda: _masked(np.ones((4, 5), dtype=bool)),
        "True means may attend: should such a mask change anything?",
        tier=2,
    ),
    Case(
        "a mask (Tq, Tk)",
        lambda: _masked(np.tri(4, 5, 1, dtype=bool)),
        "The mask is the same for all sentences and heads. Does it broadcast?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "a padding mask (B, 1, 1, Tk)",
        lambda: _masked(_KEYS.copy()),
        "Each sentence has a mask of its own, for all heads. Whose does yours use?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "a mask of its own for each sentence and head",
        lambda: _masked(_own_masks()),
        "Does each sentence and each head use its own part of the mask?",
        about_axes=True,
        tier=2,
    ),
    Case(
        "causal and padding mask together, padded on the left",
        _padded_on_the_left,
        "Some rows of the mask are empty here. What does each head bring home from there, and what does W['o'] make "
        "of it?",
        tier=3,
    ),
)


def _not_a_list_of_heads(function: Function) -> str | None:
    for h, d_head in ((5, 2), (2, 5), (1, 4)):
        x_q, x_kv, W, _ = _layer(2, 3, 4, h, d_head, seed=81)
        separate = [_head(i, d_head, x_q, x_kv, W) for i in range(h)]
        if not np.allclose(function(x_q, x_kv, W, h), np.concatenate(separate, axis=-1) @ W["o"]):
            return (
                f"With {h} heads of width {d_head} your output is not that of the heads one after the other. Which "
                "size do you take for granted?"
            )
    return None


def _head(i: int, d_head: int, x_q: Array, x_kv: Array, W: Matrices) -> Array:
    own = slice(i * d_head, (i + 1) * d_head)
    return attention(x_q @ W["q"][:, own], x_kv @ W["k"][:, own], x_kv @ W["v"][:, own])[0]


def _order_of_the_asked_matters(function: Function) -> str | None:
    x_q, x_kv, W, h = _layer(2, 3, 5, 2, 3, seed=82)
    order = np.array([3, 0, 4, 1, 2])
    if np.allclose(function(x_q, x_kv, W, h), function(x_q, x_kv[:, order], W, h)):
        return None
    return "The words that are asked, in another order, change your output. Does any head know where a word stands?"


def _askers_meet(function: Function) -> str | None:
    x_q, x_kv, W, h = _layer(2, 4, 5, 2, 3, seed=83)
    alone = function(x_q[1:, 2:3].copy(), x_kv[1:].copy(), W, h)
    if np.allclose(function(x_q, x_kv, W, h)[1:, 2:3], alone):
        return None
    return "Word 2 of sentence 1 gets another answer when it asks alone. What do those who ask share?"


def _blocked_words_matter(function: Function) -> str | None:
    x_q, x_kv, W, h = _layer(2, 3, 4, 2, 3, seed=84)
    mask = np.array([True, False, True, True])
    before = function(x_q, x_kv.copy(), W, h, mask[None])
    x_kv[:, 1] = 50.0
    if np.allclose(before, function(x_q, x_kv, W, h, mask[None])):
        return None
    return "Word 1 is blocked, and changing it changes your output. Through which head or step does it leak?"


def _impure(function: Function) -> str | None:
    x_q, x_kv, W, h = _layer(2, 3, 4, 2, 3, seed=85)
    before = copy.deepcopy(W)
    first = np.array(function(x_q, x_kv, W, h))
    if set(W) != set(before) or not all(np.array_equal(W[name], before[name]) for name in before):
        return "W is another dict, or holds other matrices, after the call. Which of your lines writes into it?"
    if not np.array_equal(first, function(x_q, x_kv, W, h)):
        return "The same arguments give another answer the second time. What in your function remembers or draws lots?"
    return None


def _integers_truncated(function: Function) -> str | None:
    x = np.array([[[1, 0], [2, -1], [0, 1]]])
    W = {"q": np.eye(2), "k": np.eye(2), "v": np.eye(2), "o": np.eye(2)}
    try:
        whole = function(x, x, {name: matrix.astype(int) for name, matrix in W.items()}, 2)
    except Exception:  # it may refuse integers
        return None
    if np.allclose(whole, function(x.astype(float), x.astype(float), W, 2)):
        return None
    return (
        "With words and matrices of integers your numbers are cut off behind the point. Which array takes its type "
        "from an argument?"
    )


def _rows_apart(function: Function) -> bool:
    """Whether each sentence and each of those who ask has a result of its own, as it must along the right axes."""
    return _askers_meet(function) is None and _order_of_the_asked_matters(function) is None


MULTI_HEAD_ATTENTION = Exercise(
    id="multi_head_attention",
    lesson=4,
    title="Multi-head attention",
    signature="(x_q, x_kv, W, h, mask=None) -> (B, Tq, d); W: a dict of q, k, v, o, each (d, d)",
    reference=reference.multi_head_attention,
    shown=(reference.split_heads, reference.merge_heads, reference.multi_head_attention),
    cases=_CASES,
    properties=(
        Property("the same arguments give the same answer", _impure),
        Property("heads one after the other give the same", _not_a_list_of_heads),
        Property("the order of those who are asked does not matter", _order_of_the_asked_matters),
        Property("those who ask do not meet", _askers_meet),
        Property("blocked words do not matter", _blocked_words_matter),
        Property("integers are not cut off", _integers_truncated),
    ),
    axes_hold=_rows_apart,
    mistakes=bank.MULTI_HEAD_ATTENTION,
    hints=(
        "Say the five steps: project, split, attend, merge, combine. Who asks, x_q or x_kv? Whose are the keys and the "
        "values? And for which of the steps have you a function already?",
        "Queries are x_q @ W['q'], keys and values come from x_kv. Split all three, hand them to `attention` with "
        "the mask, which returns two things; merge the first one and multiply by W['o'].",
        "    q = split_heads(x_q @ W['q'], h)\n    k = split_heads(... @ W['k'], h)\n    v = ...\n"
        "    output, _ = attention(q, k, v, mask)\n    return ...(output) @ W[...]",
    ),
    argument_names=("x_q", "x_kv", "W", "h", "mask"),
    argument_dims={"x_q": "B Tq d", "x_kv": "B Tk d", "mask": "B h Tq Tk"},
    result_names=("output",),
    result_dims={"output": "B Tq d"},
    keyword="mask",
    difficulty=3,
    importance=5,
    minutes=15,
)


def colleagues_heads(x_q: Array, x_kv: Array, W: Mapping[str, Array], h: int, mask: Array | None = None) -> Array:
    """Multi-head attention with one planted bug, as the notebook hands it out.

    Heads count as more sentences here. In q, k and v all heads of sentence 0 come first; in the mask all sentences of
    head 0 do. Nothing shows while there is no mask, or one sentence, or one mask for all.
    """
    B, Tq, d = x_q.shape
    Tk = x_kv.shape[1]
    q = reference.split_heads(x_q @ W["q"], h).reshape(B * h, Tq, d // h)
    k = reference.split_heads(x_kv @ W["k"], h).reshape(B * h, Tk, d // h)
    v = reference.split_heads(x_kv @ W["v"], h).reshape(B * h, Tk, d // h)
    if mask is not None:
        mask = np.broadcast_to(mask, (B, h, Tq, Tk))
        mask = np.concatenate([mask[:, i] for i in range(h)])
    output, _ = attention(q, k, v, mask)
    return reference.merge_heads(output.reshape(B, h, Tq, d // h)) @ W["o"]


REPAIR_HEADS = dataclasses.replace(
    MULTI_HEAD_ATTENTION,
    id="repair_heads",
    title="Find the bug",
    hints=(
        "Without a mask it is right, so projections, split, attention and merge are sound. It is right with one "
        "sentence, and with one head. What do two sentences and two heads have that neither has?",
        "After `reshape`, row 1 of q is head 1 of sentence 0. Which head of which sentence does row 1 of the mask "
        "belong to?",
        "    mask = np.broadcast_to(mask, (B, h, Tq, Tk))\n    mask = ...      # as q, k and v became (B * h, ...)",
    ),
    handed_out=colleagues_heads,
    difficulty=3,
    importance=4,
    minutes=20,
)

EXERCISES = (PACK_HEADS, SPLIT_HEADS, MERGE_HEADS, MULTI_HEAD_ATTENTION, REPAIR_HEADS)
