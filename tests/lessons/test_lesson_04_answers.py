# ruff: noqa: RET503 (a return inside the loop is one of the faults)
"""Answers to the exercises of lesson 04, as learners write them: right ones pass, wrong ones get their own question.

Plain numpy from top to bottom. They share nothing with the bank inside the package.
"""

import math

import numpy as np
import pytest

from course.lab import check
from course.lab.exercises import diagnose, get
from course.lessons.lesson_03.reference import attention, softmax
from course.lessons.lesson_04 import reference
from course.lessons.lesson_04.exercises import EXERCISES, colleagues_heads

INF = np.inf


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


# --- pack_heads ---------------------------------------------------------------------------------------------------


def packed_by_loop(heads):
    W = {name: [] for name in "qkvo"}
    for head in heads:
        for name, matrix in head.items():
            W[name].append(matrix)
    return {name: np.hstack(W[name]) if name != "o" else np.vstack(W[name]) for name in W}


def packed_by_slices(heads):
    d, n = heads[0]["q"].shape
    W = {name: np.empty((d, d)) for name in "qkvo"}
    for i, head in enumerate(heads):
        own = slice(i * n, i * n + n)
        for name in "qkv":
            W[name][:, own] = head[name]
        W["o"][own] = head["o"]
    return W


def packed_by_stack(heads):
    h, (d, n) = len(heads), heads[0]["q"].shape
    W = {name: np.stack([head[name] for head in heads]).transpose(1, 0, 2).reshape(d, h * n) for name in "qkv"}
    return W | {"o": np.array([head["o"] for head in heads]).reshape(h * n, d)}


def packed_by_transposes(heads):
    W = {name: np.concatenate([head[name].T for head in heads]).T for name in "qkv"}
    W["o"] = np.r_[tuple(head["o"] for head in heads)]
    return W


def packed_by_repeated_joining(heads):
    W = dict(heads[0])
    for head in heads[1:]:
        for name in W:
            W[name] = np.append(W[name], head[name], axis=0 if name == "o" else 1)
    return W


def packed_by_einsum(heads):
    d, n = heads[0]["q"].shape
    W = {name: np.einsum("hdn->dhn", [head[name] for head in heads]).reshape(d, -1) for name in "qkv"}
    return dict(W, o=np.einsum("hnd->hnd", [head["o"] for head in heads]).reshape(-1, d))


def pack(qkv, o, take=lambda heads: heads):
    def pack_heads(heads):
        heads = take(heads)
        W = {name: qkv([head[name] for head in heads]) for name in ("q", "k", "v")}
        W["o"] = o([head["o"] for head in heads])
        return W

    return pack_heads


def keys_copied_from_queries(heads):
    W = {}
    W["q"] = np.hstack([head["q"] for head in heads])
    W["k"] = np.hstack([head["q"] for head in heads])
    W["v"] = np.hstack([head["v"] for head in heads])
    W["o"] = np.vstack([head["o"] for head in heads])
    return W


def packs_one_head_in_the_loop(heads):
    d, n = heads[0]["q"].shape
    W = {name: np.zeros((d, d)) for name in "qkvo"}
    for i, head in enumerate(heads):
        for name in "qkv":
            W[name][:, i * n : (i + 1) * n] = head[name]
        W["o"][i * n : (i + 1) * n] = head["o"]
        return W


def packs_all_but_the_last(heads):
    d, n = heads[0]["q"].shape
    W = {name: np.zeros((d, d)) for name in "qkvo"}
    for i in range(len(heads) - 1):
        for name in "qkv":
            W[name][:, i * n : (i + 1) * n] = heads[i][name]
        W["o"][i * n : (i + 1) * n] = heads[i]["o"]
    return W


def packs_into_integers(heads):
    d, n = heads[0]["q"].shape
    W = {name: np.zeros((d, d), dtype=int) for name in "qkvo"}
    for i, head in enumerate(heads):
        for name in "qkv":
            W[name][:, i * n : (i + 1) * n] = head[name]
        W["o"][i * n : (i + 1) * n] = head["o"]
    return W


def packs_two(heads):
    first, second = heads[0], heads[1]
    W = {name: np.hstack([first[name], second[name]]) for name in "qkv"}
    W["o"] = np.vstack([first["o"], second["o"]])
    return W


def packs_and_pops(heads):
    W = reference.pack_heads(heads)
    while heads:
        heads.pop()
    return W


PACKED = [
    ("pack_square", pack(lambda m: np.array(m).reshape(m[0].shape[0], -1), np.vstack)),
    ("pack_square", pack(lambda m: np.vstack(m).reshape(len(m[0]), len(m[0])), np.vstack)),
    ("pack_in_turn", pack(lambda m: np.dstack(m).reshape(len(m[0]), -1), np.vstack)),
    ("pack_o_in_turn", pack(np.hstack, lambda m: np.hstack(m).reshape(m[0].shape[1], -1))),
    ("pack_below", pack(np.vstack, np.vstack)),
    ("pack_o_beside", pack(np.hstack, np.hstack)),
    ("pack_stacked", pack(np.array, np.array)),
    ("pack_reversed", pack(np.hstack, np.vstack, lambda heads: list(reversed(heads)))),
    ("pack_first_for_all", pack(np.hstack, np.vstack, lambda heads: [heads[0] for _ in heads])),
    ("pack_wrong_name", keys_copied_from_queries),
    ("pack_transposed", pack(np.hstack, lambda m: np.vstack(m).T)),
    ("pack_o_reduced", pack(np.hstack, lambda m: np.vstack([sum(m)] * len(m)))),
    ("pack_o_reduced", pack(np.hstack, lambda m: sum(m) / len(m))),
    ("pack_o_divided", pack(np.hstack, lambda m: np.vstack(m) / len(m))),
    ("pack_reduced", pack(sum, np.vstack)),
    ("pack_misses_one", packs_all_but_the_last),
    ("pack_misses_one", pack(np.hstack, np.vstack, lambda heads: heads[1:])),
    ("pack_return_in_the_loop", packs_one_head_in_the_loop),
    ("pack_fixed_heads", packs_two),
    ("pack_tuple", lambda heads: tuple(packed_by_loop(heads).values())),
    ("pack_tuple", lambda heads: np.hstack([head["q"] for head in heads])),
    ("pack_key_missing", lambda heads: {f"W{n}": m for n, m in packed_by_loop(heads).items()}),
    ("pack_whole_numbers", packs_into_integers),
    ("pack_rounded", lambda heads: {n: m.round(3) for n, m in packed_by_loop(heads).items()}),
    ("pack_single_precision", lambda heads: {n: np.float32(m) for n, m in packed_by_loop(heads).items()}),
    ("pack_changes_arguments", packs_and_pops),
]


# --- split_heads --------------------------------------------------------------------------------------------------


def split_by_transpose(x, h):
    B, T, d = x.shape
    return x.reshape(B, T, h, -1).transpose(0, 2, 1, 3)


def split_by_numpy_split(x, h):
    return np.stack(np.split(x, h, axis=-1), axis=1)


def split_by_loops(x, h):
    B, T, d = x.shape
    n = d // h
    heads = np.zeros((B, h, T, n))
    for b in range(B):
        for i in range(h):
            for t in range(T):
                for j in range(n):
                    heads[b, i, t, j] = x[b, t, i * n + j]
    return heads


def split_by_einsum(x, h):
    return np.einsum("bthn->bhtn", x.reshape(*x.shape[:2], h, x.shape[2] // h))


def split_by_moveaxis(x, h):
    return np.moveaxis(np.array(np.array_split(x, h, axis=2)), 0, 1)


def split_by_turning_first(x, h):
    B, T, d = x.shape
    return x.swapaxes(1, 2).reshape(B, h, d // h, T).swapaxes(2, 3)


def split_by_slices(x, h):
    n = int(x.shape[-1] / h)
    return np.concatenate([x[:, None, :, i * n : (i + 1) * n] for i in range(h)], axis=1)


def split_misses_the_last(x, h):
    B, T, d = x.shape
    heads = np.zeros((B, h, T, d // h))
    for i in range(h - 1):
        heads[:, i] = x[:, :, i * (d // h) : (i + 1) * (d // h)]
    return heads


def split_returns_early(x, h):
    B, T, d = x.shape
    heads = np.zeros((B, h, T, d // h))
    for i in range(h):
        heads[:, i] = x[:, :, i * (d // h) : (i + 1) * (d // h)]
        return heads


def split_into_integers(x, h):
    B, T, d = x.shape
    heads = np.zeros((B, h, T, d // h), dtype="int64")
    for i in range(h):
        heads[:, i] = x[:, :, i * (d // h) : (i + 1) * (d // h)]
    return heads


def split_in_place(x, h):
    B, T, d = x.shape
    x.shape = (B, T, h, d // h)
    return x.transpose(0, 2, 1, 3)


SPLIT = [
    ("C01", lambda x, h: x.reshape(x.shape[0], h, x.shape[1], -1)),
    ("C01", lambda x, h: np.reshape(x, (len(x), h, -1, x.shape[-1] // h))),
    ("split_not_swapped", lambda x, h: x.reshape(*x.shape[:2], h, -1)),
    ("split_wrong_swap", lambda x, h: x.reshape(*x.shape[:2], h, -1).transpose(0, 2, 3, 1)),
    ("split_heads_first", lambda x, h: np.stack(np.split(x, h, axis=2))),
    ("split_into_the_batch", lambda x, h: split_by_transpose(x, h).reshape(len(x) * h, x.shape[1], -1)),
    ("split_interleaved", lambda x, h: x.reshape(*x.shape[:2], -1, h).transpose(0, 3, 1, 2)),
    ("split_interleaved", lambda x, h: np.stack([x[:, :, i::h] for i in range(h)], axis=1)),
    ("split_sizes_exchanged", lambda x, h: split_by_transpose(x, x.shape[2] // h)),
    ("split_words", lambda x, h: np.stack(np.array_split(x, h, axis=1), axis=1)),
    ("split_first_for_all", lambda x, h: np.stack([x[:, :, : x.shape[2] // h] for _ in range(h)], axis=1)),
    ("split_overlapping", lambda x, h: np.stack([x[..., i : i + x.shape[2] // h] for i in range(h)], axis=1)),
    ("split_reversed", lambda x, h: np.stack(np.split(x, h, axis=-1)[::-1], axis=1)),
    ("split_misses_one", split_misses_the_last),
    ("split_return_in_the_loop", split_returns_early),
    ("split_list", lambda x, h: [x[..., i * x.shape[2] // h : (i + 1) * x.shape[2] // h] for i in range(h)]),
    ("split_float_width", lambda x, h: x.reshape(x.shape[0], x.shape[1], h, x.shape[2] / h).swapaxes(1, 2)),
    ("split_fixed_heads", lambda x, h: split_by_transpose(x, 2)),
    ("split_fixed_width", lambda x, h: x.reshape(x.shape[0], x.shape[1], h, 4).transpose(0, 2, 1, 3)),
    ("split_whole_numbers", split_into_integers),
    ("split_single_precision", lambda x, h: split_by_transpose(np.float32(x), h)),
    ("split_changes_arguments", split_in_place),
]


# --- merge_heads --------------------------------------------------------------------------------------------------


def merge_by_transpose(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def merge_by_concatenate(x):
    return np.concatenate([x[:, i] for i in range(x.shape[1])], axis=-1)


def merge_by_loops(x):
    B, h, T, n = x.shape
    y = np.zeros((B, T, h * n))
    for b in range(B):
        for t in range(T):
            y[b, t] = [number for i in range(h) for number in x[b, i, t]]
    return y


def merge_by_einsum(x):
    B, h, T, n = x.shape
    return np.einsum("bhtn->bthn", x).reshape(B, T, h * n)


def merge_by_hstack(x):
    return np.array([np.hstack(list(sentence)) for sentence in x])


def merge_by_moveaxis(x):
    y = np.moveaxis(x, 1, 2)
    return np.ascontiguousarray(y).reshape(*y.shape[:2], y.shape[2] * y.shape[3])


def merge_by_slices(x):
    B, h, T, n = x.shape
    y = np.empty((B, T, h * n), dtype=x.dtype)
    for i in range(h):
        y[:, :, i * n : (i + 1) * n] = x[:, i]
    return y


def merge_misses_the_last(x):
    B, h, T, n = x.shape
    y = np.zeros((B, T, h * n))
    for i in range(h - 1):
        y[:, :, i * n : (i + 1) * n] = x[:, i]
    return y


def merge_returns_early(x):
    B, h, T, n = x.shape
    y = np.zeros((B, T, h * n))
    for i in range(h):
        y[:, :, i * n : (i + 1) * n] = x[:, i]
        return y


def merge_into_integers(x):
    B, h, T, n = x.shape
    y = np.zeros((B, T, h * n), dtype=int)
    for i in range(h):
        y[:, :, i * n : (i + 1) * n] = x[:, i]
    return y


def merge_into_its_argument(x):
    y = merge_by_concatenate(x)
    x[...] = 0
    return y


MERGED = [
    ("merge_without_swap", lambda x: x.reshape(x.shape[0], x.shape[2], -1)),
    ("merge_not_joined", lambda x: x.transpose(0, 2, 1, 3)),
    ("merge_wrong_swap", lambda x: x.swapaxes(2, 3).reshape(x.shape[0], x.shape[2], -1)),
    ("merge_interleaved", lambda x: np.moveaxis(x, 1, 3).reshape(x.shape[0], x.shape[2], -1)),
    ("C13", lambda x: np.concatenate([x.mean(axis=1)] * x.shape[1], axis=-1)),
    ("merge_averaged", lambda x: x.mean(1)),
    ("merge_averaged", lambda x: x.sum(axis=1)),
    ("merge_below", lambda x: np.concatenate([x[:, i] for i in range(x.shape[1])], axis=1)),
    ("merge_batch_before_heads", lambda x: np.concatenate([sentence for sentence in x], axis=-1)),  # noqa: C416
    ("merge_first_head", lambda x: np.tile(x[:, 0], (1, 1, x.shape[1]))),
    ("merge_reversed", lambda x: np.concatenate([x[:, -1 - i] for i in range(x.shape[1])], axis=-1)),
    ("merge_misses_one", merge_misses_the_last),
    ("merge_misses_one", lambda x: np.concatenate([x[:, i] for i in range(x.shape[1] - 1)], axis=-1)),
    ("merge_return_in_the_loop", merge_returns_early),
    ("merge_columns_first", lambda x: merge_by_transpose(x).transpose(0, 2, 1)),
    ("merge_fixed_heads", lambda x: np.concatenate([x[:, 0], x[:, 1]], axis=-1)),
    ("merge_list", lambda x: [np.concatenate(list(sentence), axis=-1) for sentence in x]),
    ("merge_whole_numbers", merge_into_integers),
    ("merge_single_precision", lambda x: merge_by_transpose(x).astype("float32")),
    ("merge_changes_arguments", merge_into_its_argument),
]


# --- multi_head_attention -----------------------------------------------------------------------------------------


def heads_by_loop(x_q, x_kv, W, h, mask=None):
    B, Tq, d = x_q.shape
    n, Tk = d // h, x_kv.shape[1]
    full = None if mask is None else np.broadcast_to(mask, (B, h, Tq, Tk))
    outputs = []
    for i in range(h):
        own = slice(i * n, (i + 1) * n)
        q, k, v = x_q @ W["q"][:, own], x_kv @ W["k"][:, own], x_kv @ W["v"][:, own]
        outputs.append(attention(q, k, v, None if full is None else full[:, i])[0])
    return np.concatenate(outputs, axis=-1) @ W["o"]


def heads_added_up(x_q, x_kv, W, h, mask=None):
    n = x_q.shape[-1] // h
    full = np.broadcast_to(True if mask is None else mask, (len(x_q), h, x_q.shape[1], x_kv.shape[1]))
    total = np.zeros(x_q.shape)
    for i in range(h):
        own = slice(i * n, (i + 1) * n)
        scores = (x_q @ W["q"][:, own]) @ (x_kv @ W["k"][:, own]).swapaxes(1, 2) / math.sqrt(n)
        total += softmax(scores, full[:, i]) @ (x_kv @ W["v"][:, own]) @ W["o"][own]
    return total


def heads_by_einsum(x_q, x_kv, W, h, mask=None):
    d = x_q.shape[-1]
    q, k, v = (np.einsum("btd,dhn->bhtn", x, W[m].reshape(d, h, -1)) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    weights = softmax(np.einsum("bhqn,bhkn->bhqk", q, k) / np.sqrt(d // h), mask)
    return np.einsum("bhqk,bhkn,hnd->bqd", weights, v, W["o"].reshape(h, -1, d))


def heads_by_numpy_split(x_q, x_kv, W, h, mask=None):
    q, k, v = (np.array(np.split(x @ W[m], h, -1)) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))  # (h, B, T, n)
    if mask is not None:
        mask = np.broadcast_to(mask, (len(x_q), h, q.shape[2], k.shape[2])).swapaxes(0, 1)
    return np.concatenate(list(attention(q, k, v, mask)[0]), axis=-1) @ W["o"]


def heads_as_sentences(x_q, x_kv, W, h, mask=None):
    B, Tq, d = x_q.shape

    def fold(x):
        return split_by_transpose(x, h).reshape(B * h, -1, d // h)

    if mask is not None:
        mask = np.broadcast_to(mask, (B, h, Tq, x_kv.shape[1])).reshape(B * h, Tq, -1)
    output = attention(fold(x_q @ W["q"]), fold(x_kv @ W["k"]), fold(x_kv @ W["v"]), mask)[0]
    return output.reshape(B, h, Tq, -1).transpose(0, 2, 1, 3).reshape(B, Tq, d) @ W["o"]


def heads_with_own_softmax(x_q, x_kv, W, h, mask=None):
    q, k, v = split_by_transpose(x_q @ W["q"], h), split_by_transpose(x_kv @ W["k"], h), x_kv @ W["v"]
    s = q @ k.transpose(0, 1, 3, 2) * q.shape[-1] ** -0.5
    s = s if mask is None else np.where(mask, s, -INF)
    with np.errstate(invalid="ignore"):
        w = np.exp(s - s.max(axis=-1, keepdims=True))
        w = np.nan_to_num(w / w.sum(axis=-1, keepdims=True))
    return merge_by_concatenate(w @ split_by_transpose(v, h)) @ W["o"]


def heads_sentence_by_sentence(x_q, x_kv, W, h, mask=None):
    full = np.broadcast_to(True if mask is None else mask, (len(x_q), h, x_q.shape[1], x_kv.shape[1]))
    return np.stack(
        [heads_by_loop(a[None], b[None], W, h, m[None])[0] for a, b, m in zip(x_q, x_kv, full, strict=True)]
    )


def heads_in_one_projection(x_q, x_kv, W, h, mask=None):
    kv = np.concatenate([W["k"], W["v"]], axis=1)
    k, v = np.split(x_kv @ kv, 2, axis=-1)
    output = attention(*(reference.split_heads(each, h) for each in (x_q @ W["q"], k, v)), mask=mask)[0]
    return np.dot(reference.merge_heads(output), W["o"])


def heads_with(
    split=split_by_transpose,
    merge=merge_by_concatenate,
    names=("q", "k", "v"),
    of=("q", "kv", "kv"),
    attend=attention,
    last=lambda y, W, x_q: y @ W["o"],
):
    """A multi-head attention with a line written otherwise."""

    def multi_head_attention(x_q, x_kv, W, h, mask=None):
        x = {"q": x_q, "kv": x_kv}
        q, k, v = (split(x[whose] @ W[name] if name else x[whose], h) for whose, name in zip(of, names, strict=True))
        return last(merge(attend(q, k, v, mask)[0]), W, x_q)

    return multi_head_attention


def split_wrong(x, h):
    return x.reshape(x.shape[0], h, x.shape[1], -1)


def merge_wrong(x):
    return x.reshape(x.shape[0], x.shape[2], -1)


def split_dealt(x, h):
    return np.stack([x[:, :, i::h] for i in range(h)], axis=1)


def merge_dealt(x):
    return np.moveaxis(x, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def attend_with(scale=lambda q, k: np.sqrt(q.shape[-1]), axis=-1, fill=-INF, block=None, rule=True):
    def attend(q, k, v, mask=None):
        s = q @ np.swapaxes(k, -1, -2) / scale(q, k)
        if mask is not None:
            s = block(s, mask) if block else np.where(mask, s, fill)
        e = np.exp(s - s.max(axis=axis, keepdims=True))
        w = e / e.sum(axis=axis, keepdims=True)
        if rule and mask is not None:
            w = np.where(mask.any(axis=-1, keepdims=True), w, 0)
        return w @ v, w

    return attend


def mask_after(q, k, v, mask=None):
    w = softmax(q @ k.swapaxes(2, 3) / q.shape[-1] ** 0.5)
    if mask is not None:
        w = np.where(mask, w, 0)
    return w @ v, w


def without_mask(q, k, v, mask=None):
    return attention(q, k, v)


def inverted_mask(q, k, v, mask=None):
    return attention(q, k, v, None if mask is None else np.logical_not(mask))


def tiled_mask(x_q, x_kv, W, h, mask=None):
    """As in published code: q is folded sentence by sentence, the mask is repeated as a whole, h times."""
    B, Tq, d = x_q.shape
    q, k, v = (
        split_by_transpose(x @ W[m], h).reshape(B * h, -1, d // h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v"))
    )
    if mask is not None:
        full = np.broadcast_to(mask, (B, h, Tq, x_kv.shape[1]))
        mask = np.concatenate([full[:, i] for i in range(h)])
    return merge_by_transpose(attention(q, k, v, mask)[0].reshape(B, h, Tq, -1)) @ W["o"]


def first_mask_only(q, k, v, mask=None):
    if mask is not None and mask.ndim == 4:
        mask = mask[0]
    return attention(q, k, v, mask)


def loses_the_last_head(x_q, x_kv, W, h, mask=None):
    n = x_q.shape[-1] // h
    full = np.broadcast_to(True if mask is None else mask, (len(x_q), h, x_q.shape[1], x_kv.shape[1]))
    y = np.zeros(x_q.shape)
    for i in range(h - 1):
        own = slice(i * n, (i + 1) * n)
        y[:, :, own] = attention(
            x_q @ W["q"][:, own], x_kv @ W["k"][:, own], x_kv @ W["v"][:, own], full[:, i]
        )[0]  # fmt: skip
    return y @ W["o"]


def returns_in_the_loop(x_q, x_kv, W, h, mask=None):
    n = x_q.shape[-1] // h
    full = np.broadcast_to(True if mask is None else mask, (len(x_q), h, x_q.shape[1], x_kv.shape[1]))
    y = np.zeros(x_q.shape)
    for i in range(h):
        own = slice(i * n, (i + 1) * n)
        y[:, :, own] = attention(
            x_q @ W["q"][:, own], x_kv @ W["k"][:, own], x_kv @ W["v"][:, own], full[:, i]
        )[0]  # fmt: skip
        return y @ W["o"]


def splits_the_words_first(x_q, x_kv, W, h, mask=None):
    n = x_q.shape[-1] // h
    full = np.broadcast_to(True if mask is None else mask, (len(x_q), h, x_q.shape[1], x_kv.shape[1]))
    y = []
    for i in range(h):
        own = slice(i * n, (i + 1) * n)
        a, b = x_q[..., own], x_kv[..., own]
        y.append(attention(a @ W["q"][own, own], b @ W["k"][own, own], b @ W["v"][own, own], full[:, i])[0])
    return np.concatenate(y, axis=-1) @ W["o"]


def linear_layers(x_q, x_kv, W, h, mask=None):
    return heads_by_loop(x_q, x_kv, {name: matrix.T for name, matrix in W.items()}, h, mask)


def eight_heads(x_q, x_kv, W, h, mask=None):
    return heads_by_loop(x_q, x_kv, W, 2, mask)


def both_merged(x_q, x_kv, W, h, mask=None):
    q, k, v = (reference.split_heads(x @ W[m], h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    return reference.merge_heads(attention(q, k, v, mask)) @ W["o"]


def both_merged_by_hand(x_q, x_kv, W, h, mask=None):
    q, k, v = (split_by_transpose(x @ W[m], h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    output = attention(q, k, v, mask)
    return output.transpose(0, 2, 1, 3).reshape(x_q.shape) @ W["o"]


def width_as_a_float(x_q, x_kv, W, h, mask=None):
    d_head = x_q.shape[-1] / h
    return (x_q @ W["q"]).reshape(x_q.shape[0], x_q.shape[1], h, d_head)


def weights_too(x_q, x_kv, W, h, mask=None):
    q, k, v = (split_by_transpose(x @ W[m], h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    output, weights = attention(q, k, v, mask)
    return merge_by_transpose(output) @ W["o"], weights


def writes_into_x(x_q, x_kv, W, h, mask=None):
    y = heads_by_loop(x_q, x_kv, W, h, mask)
    x_q /= np.sqrt(x_q.shape[-1] // h)
    return y


def into_integers(x_q, x_kv, W, h, mask=None):
    y = np.zeros(x_q.shape, dtype=int)
    y[...] = heads_by_loop(x_q, x_kv, W, h, mask)
    return y


def average_of_heads(x):
    return np.concatenate([x.mean(axis=1)] * x.shape[1], axis=-1)


def one_map_for_all(q, k, v, mask=None):
    w = attention(q, k, v, mask)[1][:, 0:1]
    return w @ v, w


def splits_and_then_projects(x_q, x_kv, W, h, mask=None):
    q = split_by_transpose(x_q, h) @ W["q"]
    k = split_by_transpose(x_kv, h) @ W["k"]
    v = split_by_transpose(x_kv, h) @ W["v"]
    output, _ = attention(q, k, v, mask)
    return merge_by_transpose(output) @ W["o"]


def splits_the_values_first(x_q, x_kv, W, h, mask=None):
    q, k = split_by_transpose(x_q @ W["q"], h), split_by_transpose(x_kv @ W["k"], h)
    return merge_by_transpose(attention(q, k, split_by_transpose(x_kv, h) @ W["v"], mask)[0] @ W["o"])


def combines_and_then_merges(x_q, x_kv, W, h, mask=None):
    q, k, v = (split_by_transpose(x @ W[m], h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    return merge_by_transpose(attention(q, k, v, mask)[0] @ W["o"])


def merges_the_last_head(x_q, x_kv, W, h, mask=None):
    q, k, v = (split_by_transpose(x @ W[m], h) for x, m in ((x_q, "q"), (x_kv, "k"), (x_kv, "v")))
    return attention(q, k, v, mask)[0][:, -1] @ W["o"]


def folded(fold=None, unfold=lambda y, B, h: y.reshape(B, h, -1, y.shape[-1])):
    """The colleague's way, heads as more sentences, with another line for the mask or for the outputs."""

    def multi_head_attention(x_q, x_kv, W, h, mask=None):
        B, Tq, d = x_q.shape
        Tk = x_kv.shape[1]
        q = split_by_transpose(x_q @ W["q"], h).reshape(B * h, Tq, d // h)
        k = split_by_transpose(x_kv @ W["k"], h).reshape(B * h, Tk, d // h)
        v = split_by_transpose(x_kv @ W["v"], h).reshape(B * h, Tk, d // h)
        if mask is not None:
            mask = np.broadcast_to(mask, (B, h, Tq, Tk))
            mask = mask.reshape(B * h, Tq, Tk) if fold is None else fold(mask)
        output, _ = attention(q, k, v, mask)
        return merge_by_transpose(unfold(output, B, h)) @ W["o"]

    return multi_head_attention


def joined_along(axis):
    return folded(lambda mask: np.concatenate([mask[b] for b in range(len(mask))], axis=axis))


def heads_first(y, B, h):
    return y.reshape(h, B, y.shape[1], y.shape[2])


def one_more_axis(x_q, x_kv, W, h, mask=None):
    return heads_by_einsum(x_q, x_kv, W, h, mask if mask is None else np.expand_dims(mask, 1))


HEADS = [
    ("split_before_projecting", splits_and_then_projects),
    ("split_before_projecting", splits_the_values_first),
    ("combined_before_merging", combines_and_then_merges),
    ("one_head_left", merges_the_last_head),
    ("one_head_left", heads_with(merge=lambda x: x[:, 0])),
    ("unfolded_by_head", folded(unfold=lambda y, B, h: heads_first(y, B, h).swapaxes(0, 1))),
    ("unfolded_by_head", folded(unfold=heads_first)),
    ("unfolded_by_head", folded(lambda m: np.vstack(list(m.swapaxes(0, 1))), heads_first)),
    ("mask_not_folded", joined_along(1)),
    ("mask_not_folded", joined_along(2)),
    ("mask_not_folded", folded(lambda mask: np.stack(list(mask)))),
    ("mask_not_folded", folded(lambda mask: np.concatenate([mask[:, i] for i in range(mask.shape[1])], axis=1))),
    ("mask_needs_three_axes", one_more_axis),
    (
        "mask_needs_three_axes",
        heads_with(attend=lambda q, k, v, m=None: attention(q, k, v, m if m is None else m[:, None, None])),
    ),
    ("C01", heads_with(split=split_wrong)),
    ("C03", heads_with(split=split_wrong, merge=merge_wrong)),
    ("merge_without_swap", heads_with(merge=merge_wrong)),
    ("interleaved", heads_with(split=split_dealt, merge=merge_dealt)),
    ("split_interleaved", heads_with(split=split_dealt)),
    ("merge_interleaved", heads_with(merge=merge_dealt)),
    ("C05", heads_with(last=lambda y, W, x_q: y)),
    ("C07", heads_with(names=("q", "k", "k"))),
    ("C07", heads_with(names=("q", "q", "q"))),
    ("C07", heads_with(names=("q", "q", "v"))),
    ("matrices_exchanged", heads_with(names=("k", "q", "v"))),
    ("not_projected", heads_with(names=("", "", ""))),
    ("not_projected", heads_with(names=("q", "k", ""))),
    ("C09", heads_with(of=("q", "q", "q"))),
    ("C09", heads_with(of=("q", "kv", "q"))),
    ("inputs_exchanged", heads_with(of=("kv", "q", "q"))),
    ("transposed_matrices", linear_layers),
    ("no_scale", heads_with(attend=attend_with(scale=lambda q, k: 1))),
    ("scale_by_d_model", heads_with(attend=attend_with(scale=lambda q, k: math.sqrt(q.shape[1] * q.shape[3])))),
    ("scale_by_d_head", heads_with(attend=attend_with(scale=lambda q, k: q.shape[-1]))),
    ("scale_by_d_head", heads_with(attend=lambda q, k, v, mask=None: attention(q / q.shape[-1] ** 0.5, k, v, mask))),
    ("scale_by_other_size", heads_with(attend=attend_with(scale=lambda q, k: np.sqrt(q.shape[1])))),
    ("scale_by_other_size", heads_with(attend=attend_with(scale=lambda q, k: np.sqrt(k.shape[-2])))),
    ("C11", heads_with(attend=attend_with(axis=1))),
    ("softmax_over_queries", heads_with(attend=attend_with(axis=2))),
    ("C13", heads_with(merge=average_of_heads)),
    ("first_head_for_all", heads_with(attend=one_map_for_all)),
    ("one_head", lambda x_q, x_kv, W, h, mask=None: heads_by_einsum(x_q, x_kv, W, 1, mask)),
    ("fixed_heads", eight_heads),
    ("misses_one", loses_the_last_head),
    ("return_in_the_loop", returns_in_the_loop),
    ("input_split", splits_the_words_first),
    ("C15", heads_with(attend=without_mask)),
    ("mask_in_the_other_order", tiled_mask),
    ("mask_of_one_sentence", heads_with(attend=first_mask_only)),
    ("mask_inverted", heads_with(attend=inverted_mask)),
    ("mask_after_softmax", heads_with(attend=mask_after)),
    ("mask_weak_fill", heads_with(attend=attend_with(fill=0.0))),
    ("mask_weak_fill", heads_with(attend=attend_with(block=lambda s, m: s * m))),
    ("mask_added", heads_with(attend=attend_with(block=lambda s, m: s + m.astype(float)))),
    ("empty_row_nan", heads_with(attend=attend_with(rule=False))),
    ("empty_row_uniform", heads_with(attend=attend_with(fill=-1e9, rule=False))),
    ("C17", heads_with(last=lambda y, W, x_q: x_q + y @ W["o"])),
    ("not_unpacked", both_merged),
    ("not_unpacked", both_merged_by_hand),
    ("float_width", width_as_a_float),
    ("returns_weights_too", weights_too),
    ("whole_numbers", into_integers),
    ("rounded", lambda x_q, x_kv, W, h, mask=None: heads_by_loop(x_q, x_kv, W, h, mask).round(4)),
    ("single_precision", lambda x_q, x_kv, W, h, mask=None: np.float32(heads_by_loop(x_q, x_kv, W, h, mask))),
    ("changes_arguments", writes_into_x),
]

RIGHT = {
    "pack_heads": [
        packed_by_loop,
        packed_by_slices,
        packed_by_stack,
        packed_by_transposes,
        packed_by_repeated_joining,
        packed_by_einsum,
    ],
    "split_heads": [
        split_by_transpose,
        split_by_numpy_split,
        split_by_loops,
        split_by_einsum,
        split_by_moveaxis,
        split_by_turning_first,
        split_by_slices,
    ],
    "merge_heads": [
        merge_by_transpose,
        merge_by_concatenate,
        merge_by_loops,
        merge_by_einsum,
        merge_by_hstack,
        merge_by_moveaxis,
        merge_by_slices,
    ],
    "multi_head_attention": [
        heads_by_loop,
        heads_added_up,
        heads_by_einsum,
        heads_by_numpy_split,
        heads_as_sentences,
        heads_with_own_softmax,
        heads_sentence_by_sentence,
        heads_in_one_projection,
    ],
}
RIGHT["repair_heads"] = RIGHT["multi_head_attention"]
WRONG = [
    *(("pack_heads", *each) for each in PACKED),
    *(("split_heads", *each) for each in SPLIT),
    *(("merge_heads", *each) for each in MERGED),
    *(("multi_head_attention", *each) for each in HEADS),
    *(("repair_heads", *each) for each in HEADS if each[0] != "mask_in_the_other_order"),
]


def _ids(each):
    return each if isinstance(each, str) else getattr(each, "__name__", "")


@pytest.mark.parametrize(("id", "right"), [(id, f) for id, found in RIGHT.items() for f in found], ids=_ids)
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message
    assert "numpy will warn" not in found.message


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=_ids)
def test_wrong_answers_are_refused_under_their_names(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    hint = next(m.hint for m in get(id).mistakes if m.id == mistake)
    assert hint in found.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_every_version_of_the_bank_is_named(exercise):
    """The bank's own test looks at the first and the last version of a mistake only."""
    if exercise.handed_out is not None:
        pytest.skip("has the bank of multi_head_attention")
    for mistake in exercise.mistakes:
        for i, version in enumerate(mistake.versions):
            found = diagnose(exercise.id, version)
            assert (found.status, found.mistake) == ("failed", mistake.id), (mistake.id, i, found.message)


@pytest.mark.parametrize("id", ["pack_heads", "split_heads", "merge_heads", "multi_head_attention"])
def test_nearly_every_mistake_is_tried_as_learners_write_it(id):
    """Mistakes of plain programming among them: loops, a return too early, sizes that are fixed, integers."""
    tried = {mistake for exercise, mistake, _ in WRONG if exercise == id}
    bank = {mistake.id for mistake in get(id).mistakes}
    assert len(bank) >= 10
    assert len(tried) >= 0.8 * len(bank), bank - tried


# --- right shapes, right sums, whole round trips: not enough -------------------------------------------------------

rng = np.random.default_rng(9)
X = rng.standard_normal((2, 6, 12))
Y = rng.standard_normal((2, 3, 6, 4))
SOME_HEADS = [
    {name: rng.standard_normal((4, 12) if name == "o" else (12, 4)) for name in ("q", "k", "v", "o")} for _ in range(3)
]


def total(x):
    return {"": np.sum(x)} if isinstance(x, np.ndarray) else {name: matrix.sum() for name, matrix in x.items()}


@pytest.mark.parametrize(
    ("id", "wrong", "arguments"),
    [
        ("split_heads", split_wrong, (X, 3)),
        ("split_heads", split_dealt, (X, 3)),
        ("merge_heads", merge_wrong, (Y,)),
        ("merge_heads", merge_dealt, (Y,)),
        ("pack_heads", PACKED[0][1], (SOME_HEADS,)),
        ("pack_heads", PACKED[3][1], (SOME_HEADS,)),
    ],
)
def test_the_same_numbers_elsewhere_are_refused(id, wrong, arguments):
    right, got = get(id).reference(*arguments), wrong(*arguments)
    assert np.shape(right) == np.shape(got)
    assert total(right) == pytest.approx(total(got))
    assert diagnose(id, wrong).mistake is not None


@pytest.mark.parametrize(("split", "merge"), [(split_wrong, merge_wrong), (split_dealt, merge_dealt)])
def test_a_whole_round_trip_with_rows_that_sum_to_one_is_refused(split, merge):
    """The weights of the scrambled version are weights, splitting and merging undo each other, shapes are right."""
    np.testing.assert_array_equal(merge(split(X, 3)), X)
    weights = attention(split(X, 3), split(X, 3), split(X, 3))[1]
    np.testing.assert_allclose(weights.sum(axis=-1), 1)
    assert weights.shape == (2, 3, 6, 6)
    wrong = heads_with(split=split, merge=merge)
    assert wrong(X, X, reference.pack_heads(SOME_HEADS), 3).shape == X.shape
    assert diagnose("multi_head_attention", wrong).mistake in ("C03", "interleaved")


def test_columns_dealt_in_turn_are_the_same_layer_only_with_columns_to_match():
    """Which columns belong to a head is an agreement: another one is another function of the same W."""
    W = reference.pack_heads(SOME_HEADS)
    dealt = heads_with(split=split_dealt, merge=merge_dealt)
    assert not np.allclose(dealt(X, X, W, 3), reference.multi_head_attention(X, X, W, 3))
    order = np.arange(12).reshape(3, 4).T.ravel()
    other = {name: matrix[order] if name == "o" else matrix[:, order] for name, matrix in W.items()}
    np.testing.assert_allclose(dealt(X, X, other, 3), reference.multi_head_attention(X, X, W, 3))


def test_the_order_of_the_heads_is_no_matter_and_packing_keeps_it_all_the_same():
    turned = reference.pack_heads(SOME_HEADS[::-1])
    right = reference.multi_head_attention(X, X, reference.pack_heads(SOME_HEADS), 3)
    np.testing.assert_allclose(reference.multi_head_attention(X, X, turned, 3), right)


def test_the_version_to_repair_is_right_in_all_of_its_authors_tests():
    assert diagnose("repair_heads", colleagues_heads).status == "not attempted"
    assert diagnose("multi_head_attention", colleagues_heads).mistake == "mask_in_the_other_order"
    W = reference.pack_heads(SOME_HEADS)
    one = np.array([True] * 4 + [False] * 2)[None, None, None]
    for x, h, mask in ((X, 3, None), (X[:1], 3, one), (X, 3, one), (X, 1, np.concatenate([one, ~one]))):
        right = reference.multi_head_attention(x, x, W, h, mask)
        np.testing.assert_allclose(colleagues_heads(x, x, W, h, mask), right)
    both = np.concatenate([one, ~one])
    assert not np.allclose(colleagues_heads(X, X, W, 3, both), reference.multi_head_attention(X, X, W, 3, both))


# --- what has no name --------------------------------------------------------------------------------------------


def shape_not_called(x, h):
    return x.swapaxes(1, 2).reshape


def forgets_to_return(x, h):
    x.reshape(*x.shape[:2], h, -1).swapaxes(1, 2)


def misspelled(x_q, x_kv, W, h, mask=None):
    return split_head(x_q, h)  # noqa: F821


def dict_as_attribute(x_q, x_kv, W, h, mask=None):
    return x_q @ W.q


def half_of_each(x):
    return merge_by_transpose(x) * np.where(np.arange(x.shape[1] * x.shape[3]) % 2, 1.0, 1.001)


@pytest.mark.parametrize(
    ("id", "wrong", "question"),
    [
        ("split_heads", shape_not_called, "Which parentheses are missing there?"),
        ("split_heads", forgets_to_return, "Which of its lines should begin with return?"),
        ("merge_heads", lambda x: x.swapaxes(1, 2).reshape, "Which parentheses are missing there?"),
        ("multi_head_attention", misspelled, "Under which name did you make it, or is it an argument?"),
        ("multi_head_attention", dict_as_attribute, "and which names does it offer?"),
        ("pack_heads", lambda heads: {"q": 1}.q, "and which names does it offer?"),
        ("merge_heads", half_of_each, "In which order do they lie in the word?"),
    ],
)
def test_what_has_no_name_gets_a_fitting_question(id, wrong, question):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", None), found
    assert found.message.endswith(question), found.message


def test_matrices_are_told_by_their_shapes_and_small_ones_by_their_numbers():
    found = diagnose("multi_head_attention", lambda x_q, x_kv, W, h, mask=None: reference.multi_head_attention(
        x_q, x_kv, W, h, mask) * (1 if x_q.shape[2] < 6 else 1.01))  # fmt: skip
    assert "W = a dict of q, k, v, o, each (6, 6)" in found.message
    found = diagnose(
        "multi_head_attention", lambda x_q, x_kv, W, h, mask=None: 2 * heads_by_loop(x_q, x_kv, W, h, mask)
    )
    assert "W = {q: [[1. 0.] [0. 1.]], k: [[1. 0.] [0. 1.]], v: [[1. 2.] [0. 1.]]" in found.message
    found = diagnose("pack_heads", lambda heads: {n: m * 1.01 for n, m in packed_by_loop(heads).items()})
    assert "head 0: {q: [[1.] [2.]]" in found.message


def test_the_second_time_the_matrix_that_differs_is_told_and_not_what_is_right(capsys):
    def pack_heads(heads):
        return {name: matrix * (1.5 if name == "k" else 1) for name, matrix in packed_by_loop(heads).items()}

    for _ in range(2):
        check("pack_heads", pack_heads)
    said = capsys.readouterr().out
    assert "it must give W['k'] = [[ 3. 43.] [ 4. 44.]], and yours gives [[ 4.5 64.5] [ 6. 66. ]]" in said
    assert "a dict of q, k, v and o, and yours" not in said


def test_a_matrix_of_w_that_is_written_into_is_found():
    def writes(x_q, x_kv, W, h, mask=None):
        y = heads_by_loop(x_q, x_kv, W, h, mask)
        W["q"] = W["q"].T
        return y

    assert "W is another dict" in diagnose("multi_head_attention", writes).message


def test_an_answer_that_takes_its_type_from_integers_is_found():
    def typed(x_q, x_kv, W, h, mask=None):
        return heads_by_loop(x_q, x_kv, W, h, mask).astype(x_q.dtype)

    assert "takes its type from an argument?" in diagnose("multi_head_attention", typed).message
