"""Known wrong versions of pack_heads, and the question that leads out of each."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_04 import reference

Array = NDArray[Any]
Heads = Sequence[Mapping[str, Array]]
Join = Callable[[list[Array]], Array]


def _beside(parts: list[Array]) -> Array:
    return np.concatenate(parts, axis=1)


def _below(parts: list[Array]) -> Array:
    return np.concatenate(parts, axis=0)


def _packed(qkv: Join = _beside, o: Join = _below, take: Callable[[Heads], Heads] = lambda heads: heads) -> Function:
    """Return a version that joins in another way, or other heads."""

    def pack_heads(heads: Heads) -> dict[str, Array]:
        heads = take(heads)
        W = {name: qkv([head[name] for head in heads]) for name in ("q", "k", "v")}
        return {**W, "o": o([head["o"] for head in heads])}

    return pack_heads


def _square(parts: list[Array]) -> Array:
    """Stack the parts and read the numbers as they lie, as if that were a square matrix."""
    d = max(parts[0].shape)
    return np.array(parts).reshape(d, d)


def _beside_as_square(parts: list[Array]) -> Array:
    """Lay rows that belong below each other side by side, and cut them into a square."""
    d = max(parts[0].shape)
    return np.concatenate(parts, axis=1).reshape(d, d)


def _in_turn(parts: list[Array]) -> Array:
    """Lay the first columns of all heads side by side, then the second ones."""
    return np.stack(parts, axis=-1).reshape(parts[0].shape[0], -1)


def _rows_in_turn(parts: list[Array]) -> Array:
    return np.stack(parts, axis=1).reshape(-1, parts[0].shape[1])


def _first_for_all(parts: list[Array]) -> list[Array]:
    return [parts[0]] * len(parts)


def _then(change: Callable[[dict[str, Array]], Any]) -> Function:
    return lambda heads: change(reference.pack_heads(heads))


def _turned(*names: str) -> Function:
    return _then(lambda W: {name: matrix.T if name in names else matrix for name, matrix in W.items()})


def _of(**names: str) -> Function:
    """Return a version that takes matrices under a wrong name: k="q" makes W["k"] of the q of all heads."""

    def pack_heads(heads: Heads) -> dict[str, Array]:
        return reference.pack_heads(
            [{**head, **{name: head[other] for name, other in names.items()}} for head in heads]
        )

    return pack_heads


def _blocks(heads: Heads) -> dict[str, Array]:
    """Put the upper rows of each head's matrix on the diagonal, as if a head saw its own columns of a word alone."""
    W = reference.pack_heads(heads)
    n = heads[0]["q"].shape[1]
    here = np.kron(np.eye(len(heads)), np.ones((n, n)))
    return {name: matrix * here for name, matrix in W.items()}


def _misses(where: slice) -> Function:
    """Return a version whose loop fills the columns of only some heads; the others stay 0."""

    def pack_heads(heads: Heads) -> dict[str, Array]:
        n = heads[0]["q"].shape[1]
        reached = np.zeros(n * len(heads), dtype=bool)
        for i in range(len(heads))[where]:
            reached[i * n : (i + 1) * n] = True
        W = reference.pack_heads(heads)
        return {name: matrix * (reached[:, None] if name == "o" else reached) for name, matrix in W.items()}

    return pack_heads


def _fixed(h: int) -> Function:
    def pack_heads(heads: Heads) -> dict[str, Array]:
        return reference.pack_heads([heads[i] for i in range(h)])

    return pack_heads


def has_fixed_heads(function: Function) -> bool:
    """Whether a function packs one certain number of heads, above 1, rightly, and no other."""
    rng = np.random.default_rng(45)
    right = [_is_right(function, random_heads(rng, h, 3)) for h in range(1, 9)]
    return not right[0] and sum(right) == 1


def random_heads(rng: np.random.Generator, h: int, d_head: int) -> list[dict[str, Array]]:
    """Return h heads of normal numbers: "q", "k", "v" (h * d_head, d_head) and "o" (d_head, h * d_head)."""
    wide = h * d_head
    return [
        {name: rng.standard_normal((d_head, wide) if name == "o" else (wide, d_head)) for name in ("q", "k", "v", "o")}
        for _ in range(h)
    ]


def _is_right(function: Function, heads: Heads) -> bool:
    try:
        W, expected = function(heads), reference.pack_heads(heads)
        return all(np.array_equal(W[name], matrix) for name, matrix in expected.items())
    except Exception:  # whatever the learner's function may raise
        return False


def _rounded(digits: int) -> Function:
    return _then(lambda W: {name: np.round(matrix, digits) for name, matrix in W.items()})


def _writes_into_heads(heads: Heads) -> dict[str, Array]:
    W = reference.pack_heads(heads)
    for head in heads:
        head["o"][...] = 0.0
    return W


def _given_back(function: Function) -> object:
    """Return what a function makes of two heads, or None if it raises."""
    try:
        return function(random_heads(np.random.default_rng(47), 2, 3))
    except Exception:  # whatever the learner's function may raise
        return None


def returns_no_dict(function: Function) -> bool:
    """Whether a function hands back something that is no dict."""
    W = _given_back(function)
    return W is not None and not isinstance(W, Mapping)


def lacks_a_name(function: Function) -> bool:
    """Whether a function hands back a dict that has other names than the four."""
    W = _given_back(function)
    return isinstance(W, Mapping) and set(W) != {"q", "k", "v", "o"}


def writes_into_heads(function: Function) -> bool:
    """Whether a function changes the list, a head in it or one of its matrices."""
    heads = random_heads(np.random.default_rng(46), 2, 3)
    before, given = copy.deepcopy(heads), list(heads)
    try:
        function(given)
    except Exception:  # whatever the learner's function may raise
        return False
    return not (len(given) == 2 and all(map(_same_head, given, before)))


def _same_head(head: Mapping[str, Array], before: Mapping[str, Array]) -> bool:
    return set(head) == set(before) and all(np.array_equal(head[name], before[name]) for name in before)


PACK_HEADS = (
    Mistake(
        "pack_square",
        "stacked and reshaped into a square",
        "Your matrices are square and hold the right numbers, in wrong places: `reshape` reads them as they lie. "
        "Print the first d_head columns of W['q']: are they the q of head 0?",
        (
            _packed(qkv=_square),
            _packed(qkv=lambda parts: _below(parts).reshape(parts[0].shape[0], -1)),
            _packed(qkv=lambda parts: _below(parts).reshape(parts[0].shape[0], -1), o=_beside_as_square),
        ),
    ),
    Mistake(
        "pack_in_turn",
        "columns of the heads in turn",
        "Your W['q'] begins with the first column of every head. Which columns does head 0 get when the width is "
        "split?",
        (
            _packed(qkv=_in_turn, o=_rows_in_turn),
            _packed(qkv=_in_turn),
        ),
    ),
    Mistake(
        "pack_o_in_turn",
        "rows of W_o in turn",
        "Your W['o'] begins with the first row of every head. Where do the columns of head 0 stand when heads are "
        "merged?",
        (_packed(o=_rows_in_turn), _packed(o=_beside_as_square)),
    ),
    Mistake(
        "pack_below",
        "q, k and v one below the other",
        "Your W['q'] has h times d rows. A word has d numbers and every head wants all of them: along which axis are "
        "the heads to be joined?",
        (_packed(qkv=_below), _packed(qkv=lambda parts: np.vstack(parts), o=_beside)),
    ),
    Mistake(
        "pack_o_beside",
        "o of the heads side by side",
        "Your W['o'] has d_head rows, and what it multiplies has d columns. Which rows of W['o'] does head 1 need?",
        (_packed(o=_beside),),
    ),
    Mistake(
        "pack_stacked",
        "a stack instead of a matrix",
        "One of your matrices has three axes. Which function joins arrays along an axis that they already have?",
        (
            _packed(qkv=lambda parts: np.array(parts), o=lambda parts: np.array(parts)),
            _packed(qkv=lambda parts: np.stack(parts, axis=1)),
            _packed(o=lambda parts: np.array(parts)),
            _packed(qkv=lambda parts: np.array(parts)),
        ),
    ),
    Mistake(
        "pack_reversed",
        "the heads in reverse",
        "The sum of all heads does not mind, but your head 0 is the last one of the list. Which columns belong to "
        "head 0?",
        (_packed(take=lambda heads: heads[::-1]), _packed(o=lambda parts: _below(parts[::-1]))),
    ),
    Mistake(
        "pack_first_for_all",
        "the first head for all",
        "All of your heads are the same one. Where does the number of the head come into your loop?",
        (
            _packed(take=lambda heads: [heads[0]] * len(heads)),
            _packed(take=lambda heads: [heads[-1]] * len(heads)),
            _packed(qkv=lambda parts: _beside(_first_for_all(parts))),
        ),
    ),
    Mistake(
        "pack_wrong_name",
        "one name for another",
        "Two of your matrices are the same, or two have changed places. Which name did you copy and not change?",
        (
            _of(k="q"),
            _of(v="k"),
            _of(k="q", v="q"),
            _of(v="q"),
            _of(q="k", k="q"),
            _of(k="v", v="k"),
            _of(q="v", v="q"),
        ),
    ),
    Mistake(
        "pack_transposed",
        "a matrix turned around",
        "One of your matrices is turned around. W['q'] is used as x @ W['q']: what runs down in it, and what across?",
        (
            _turned("o"),
            _turned("q", "k", "v"),
            _turned("q", "k", "v", "o"),
            _packed(qkv=lambda parts: _below([part.T for part in parts])),
        ),
    ),
    Mistake(
        "pack_o_reduced",
        "o added up or averaged",
        "Your W['o'] is made of a sum of all heads. Each head's output has columns of its own: which rows of W['o'] "
        "do they meet?",
        (
            _packed(o=lambda parts: np.tile(np.sum(parts, axis=0), (len(parts), 1))),
            _packed(o=lambda parts: np.tile(np.mean(parts, axis=0), (len(parts), 1))),
            _packed(o=lambda parts: np.sum(parts, axis=0)),
            _packed(o=lambda parts: np.mean(parts, axis=0)),
        ),
    ),
    Mistake(
        "pack_o_divided",
        "o divided by the number of heads",
        "Your W['o'] is h times too small. Does the text average the heads, or add them up?",
        (_packed(o=lambda parts: _below(parts) / len(parts)),),
    ),
    Mistake(
        "pack_reduced",
        "heads added up",
        "Your W['q'] holds the sum of all heads. Is there anything of head 0 alone left in it?",
        (
            _packed(qkv=lambda parts: np.sum(parts, axis=0)),
            _packed(qkv=lambda parts: np.tile(np.sum(parts, axis=0), len(parts))),
            _packed(qkv=lambda parts: np.sum(parts, axis=0), o=lambda parts: np.sum(parts, axis=0)),
        ),
    ),
    Mistake(
        "pack_blocks",
        "blocks on the diagonal",
        "Most of your matrix is 0: head 0 sees the first columns of a word alone. How many rows has the q of a head?",
        (_blocks,),
    ),
    Mistake(
        "pack_misses_one",
        "a loop that misses a head",
        "The first or the last head is missing, or its columns are still 0. What are the first and the last number "
        "that range() gives you?",
        (
            _misses(slice(None, -1)),
            _misses(slice(1, None)),
            _packed(take=lambda heads: heads[:-1]),
            _packed(take=lambda heads: heads[1:]),
        ),
    ),
    Mistake(
        "pack_return_in_the_loop",
        "returns at the first turn of a loop",
        "Only one head is in your matrices. How far in does the line with return stand?",
        (
            _misses(slice(None, 1)),
            _misses(slice(-1, None)),
            _packed(take=lambda heads: heads[:1]),
            _packed(take=lambda heads: heads[-1:]),
        ),
    ),
    Mistake(
        "pack_fixed_heads",
        "a fixed number of heads",
        "Your function is right for one certain number of heads. What tells it how many are in the list?",
        tuple(map(_fixed, (2, 3, 4))),
        recognize=has_fixed_heads,
    ),
    Mistake(
        "pack_tuple",
        "no dict",
        "Your four matrices come back without their names. How does `multi_head_attention` ask for one of them?",
        (
            _then(lambda W: tuple(W.values())),
            _then(lambda W: list(W.values())),
            _then(lambda W: np.array(list(W.values()))),
        ),
        recognize=returns_no_dict,
    ),
    Mistake(
        "pack_key_missing",
        "a matrix is missing",
        "Your dict lacks one of the four names, or has others. Which four does `multi_head_attention` ask for?",
        (
            _then(lambda W: {name: W[name] for name in "qkv"}),
            _then(lambda W: {f"W_{name}": matrix for name, matrix in W.items()}),
            _then(lambda W: {name.upper(): matrix for name, matrix in W.items()}),
        ),
        recognize=lacks_a_name,
    ),
    Mistake(
        "pack_whole_numbers",
        "an array of integers",
        "Your numbers are cut off behind the point. Which type has the array that you write into?",
        (
            _then(lambda W: {name: np.trunc(matrix) for name, matrix in W.items()}),
            _then(lambda W: {name: np.trunc(matrix).astype(int) for name, matrix in W.items()}),
        ),
    ),
    Mistake(
        "pack_rounded",
        "rounds the matrices",
        "Your numbers end after a few digits. Is rounding for printing, or for computing?",
        tuple(map(_rounded, range(1, 7))),
    ),
    Mistake(
        "pack_single_precision",
        "float32",
        "The numbers came in as float64, and half of their digits are gone. Who asked for fewer?",
        (_then(lambda W: {name: matrix.astype(np.float32) for name, matrix in W.items()}),),
    ),
    Mistake(
        "pack_changes_arguments",
        "changes the heads that it was given",
        "Print the heads before and after the call: they are others now. Which line writes into one, or takes one "
        "out of the list?",
        (_writes_into_heads,),
        recognize=writes_into_heads,
    ),
)
