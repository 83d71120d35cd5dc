# ruff: noqa: RET503 (a return inside the loop is one of the faults)
"""Answers to the exercises of lesson 02, as learners write them: right ones pass, wrong ones get their own question.

Plain numpy from top to bottom. They share nothing with the bank inside the package.
"""

import math

import numpy as np
import pytest

from course.lab import check
from course.lab.exercises import diagnose, get
from course.lessons.lesson_02 import reference
from course.lessons.lesson_02.exercises import EXERCISES
from course.lessons.lesson_02.mistakes import colleagues_center

INF = np.inf


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def shares(scores, mask):
    """A softmax of another kind: powers that are masked, and a sum that is never 0."""
    scores = np.where(mask, scores, -1e30)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True)) * mask
    total = powers.sum(axis=1, keepdims=True)
    return np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)


# --- additive_attention -------------------------------------------------------------------------------------------


def additive_by_loops(s, h, mask, Wq, Wk, v):
    B, T, dk = h.shape
    context, weights = np.zeros((B, dk)), np.zeros((B, T))
    for b in range(B):
        scores = {}
        for t in range(T):
            if mask[b, t]:
                scores[t] = sum(v[u] * math.tanh(s[b] @ Wq[:, u] + h[b, t] @ Wk[:, u]) for u in range(len(v)))
        top = max(scores.values(), default=0)
        total = sum(math.exp(x - top) for x in scores.values())
        for t, score in scores.items():
            weights[b, t] = math.exp(score - top) / total
            context[b] += weights[b, t] * h[b, t]
    return context, weights


def additive_by_einsum(s, h, mask, Wq, Wk, v):
    units = np.tanh(np.einsum("bq,qa->ba", s, Wq)[:, np.newaxis, :] + np.einsum("btk,ka->bta", h, Wk))
    weights = shares(np.einsum("bta,a->bt", units, v), mask)
    return np.einsum("bt,btk->bk", weights, h), weights


def additive_by_repeating(s, h, mask, Wq, Wk, v):
    question = np.repeat((s @ Wq)[:, None, :], h.shape[1], axis=1)
    scores = (np.tanh(question + h @ Wk) * v).sum(axis=-1)
    scores = np.where(mask, scores, -1e30)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    w = e / e.sum(axis=1, keepdims=True)
    w = w * mask.any(axis=1, keepdims=True)
    return (w[:, None, :] @ h)[:, 0], w


def additive_by_concatenation(s, h, mask, Wq, Wk, v):
    B, T, _ = h.shape
    both = np.concatenate([np.tile(s[:, None], (1, T, 1)), h], axis=2) @ np.vstack([Wq, Wk])
    w = reference.softmax(np.dot(np.tanh(both), v), mask)
    return np.matmul(w[:, None], h).squeeze(1), w


def additive_with_nan_to_num(s, h, mask, Wq, Wk, v):
    e = np.tanh(np.expand_dims(s @ Wq, 1) + h @ Wk) @ v
    e = np.where(mask, e, -INF)
    with np.errstate(invalid="ignore"):
        p = np.exp(e - np.max(e, axis=-1, keepdims=True))
        w = np.nan_to_num(p / np.sum(p, axis=-1, keepdims=True))
    return np.sum(w[..., None] * h, axis=-2), w


def additive_sentence_by_sentence(s, h, mask, Wq, Wk, v):
    contexts, rows = [], []
    for state, words, may in zip(s, h, mask, strict=True):
        row = np.zeros(len(words))
        if may.any():
            e = np.tanh(state @ Wq + words[may] @ Wk) @ v
            p = np.exp(e - e.max())
            row[may] = p / p.sum()
        rows.append(row)
        contexts.append(row @ words)
    return np.array(contexts), np.array(rows)


def additive_as_in_torch(s, h, mask, Wq, Wk, v):
    e = np.tanh((s @ Wq)[:, None, :] + h @ Wk) @ v[:, None]  # (B, T, 1)
    w = reference.softmax(e[..., 0], mask)
    return (w[..., None] * h).sum(1), w


def additive(score=None, weigh=shares, mix=lambda w, h: np.einsum("bt,btk->bk", w, h), last=None):
    """An additive attention with a line written otherwise."""

    def additive_attention(s, h, mask, Wq, Wk, v):
        e = (score or (lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk) @ v))(s, h, Wq, Wk, v)
        w = weigh(e, mask)
        c = mix(w, h)
        return (c, w) if last is None else last(c, w, h)

    return additive_attention


def soft(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def query_at_step_0(s, h, Wq, Wk, v):
    units = h @ Wk
    units[:, 0] += s @ Wq
    return np.tanh(units) @ v


def v_without_a_sum(weigh=reference.softmax, mix=lambda w, h: (w[..., None] * h).sum(axis=1)):
    return additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk) * v, weigh, mix)


def context_of_projected(s, h, mask, Wq, Wk, v):
    k = h @ Wk
    w = shares(np.tanh((s @ Wq)[:, None] + k) @ v, mask)
    return np.einsum("bt,btk->bk", w, k), w


def loops_over_all_but_the_last_word(s, h, mask, Wq, Wk, v):
    w = shares(np.tanh((s @ Wq)[:, None] + h @ Wk) @ v, mask)
    context = np.zeros((h.shape[0], h.shape[2]))
    for t in range(h.shape[1] - 1):
        context += w[:, t : t + 1] * h[:, t]
    return context, w


def returns_in_the_loop(s, h, mask, Wq, Wk, v):
    w = shares(np.tanh((s @ Wq)[:, None] + h @ Wk) @ v, mask)
    context = np.zeros((h.shape[0], h.shape[2]))
    for t in range(h.shape[1]):
        context += w[:, t : t + 1] * h[:, t]
        return context, w


def first_sentence_only(s, h, mask, Wq, Wk, v):
    context, weights = np.zeros((h.shape[0], h.shape[2])), np.zeros(h.shape[:2])
    for b in range(len(h)):
        weights[b] = shares((np.tanh(s[b] @ Wq + h[b] @ Wk) @ v)[None], mask[b : b + 1])[0]
        context[b] = weights[b] @ h[b]
        return context, weights


def into_integers(s, h, mask, Wq, Wk, v):
    w = shares(np.tanh((s @ Wq)[:, None] + h @ Wk) @ v, mask)
    context = np.zeros((h.shape[0], h.shape[2]), dtype=int)
    context[...] = np.einsum("bt,btk->bk", w, h)
    return context, w


def writes_into_h(s, h, mask, Wq, Wk, v):
    w = shares(np.tanh((s @ Wq)[:, None] + h @ Wk) @ v, mask)
    h *= w[:, :, None]
    return h.sum(axis=1), w


def pads_zeroed(s, h, mask, Wq, Wk, v):
    h = np.where(mask[:, :, None], h, 0.0)
    w = soft(np.tanh((s @ Wq)[:, None] + h @ Wk) @ v)
    return np.einsum("bt,btk->bk", w, h), w


ADDITIVE = [
    ("K01", additive(lambda s, h, Wq, Wk, v: ((s @ Wq)[:, None] + h @ Wk) @ v)),
    ("add_state_without_effect", additive(lambda s, h, Wq, Wk, v: np.tanh(h @ Wk) @ v)),
    ("add_state_without_effect", additive(lambda s, h, Wq, Wk, v: (np.tanh(s @ Wq)[:, None] + np.tanh(h @ Wk)) @ v)),
    ("add_other_bend", additive(lambda s, h, Wq, Wk, v: np.maximum((s @ Wq)[:, None] + h @ Wk, 0) @ v)),
    ("add_tanh_last", additive(lambda s, h, Wq, Wk, v: np.tanh(((s @ Wq)[:, None] + h @ Wk) @ v))),
    ("add_v_inside", additive(lambda s, h, Wq, Wk, v: np.tanh(((s @ Wq)[:, None] + h @ Wk) * v).sum(-1))),
    ("K05", additive(query_at_step_0)),
    ("add_axis_missing", additive(lambda s, h, Wq, Wk, v: np.tanh(s @ Wq + h @ Wk) @ v)),
    ("add_axis_missing", additive(mix=lambda w, h: np.sum(w * h, axis=1))),
    ("add_context_axis", additive(mix=lambda w, h: w @ h)),
    ("add_minus", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] - h @ Wk) @ v)),
    ("add_product", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] * (h @ Wk)) @ v)),
    ("add_swapped", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wk)[:, None] + h @ Wq) @ v)),
    ("add_one_matrix", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wq) @ v)),
    ("add_transposed", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq.T)[:, None] + h @ Wk.T) @ v)),
    ("add_no_v", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk).sum(axis=2))),
    ("add_scaled", additive(lambda s, h, Wq, Wk, v: np.tanh((s @ Wq)[:, None] + h @ Wk) @ v / len(v) ** 0.5)),
    ("add_units_kept", v_without_a_sum()),
    ("add_units_kept", v_without_a_sum(mix=lambda w, h: (w * h).sum(1))),
    ("add_units_kept", v_without_a_sum(weigh=lambda e, m: reference.softmax(e, m[..., None]))),
    ("K03", additive(weigh=lambda e, m: soft(np.where(m, e, -INF), axis=0))),
    ("add_softmax_over_all", additive(weigh=lambda e, m: np.exp(e) * m / (np.exp(e) * m).sum())),
    ("K07", additive(weigh=lambda e, m: np.sort(shares(e, m), axis=1)[:, ::-1])),
    ("add_winner", additive(weigh=lambda e, m: np.eye(e.shape[1])[np.where(m, e, -INF).argmax(1)])),
    ("add_undivided", additive(weigh=lambda e, m: np.exp(e) * m)),
    ("add_mask_forgotten", additive(weigh=lambda e, m: soft(e))),
    ("add_mask_inverted", additive(weigh=lambda e, m: shares(e, ~m))),
    ("add_mask_after", additive(weigh=lambda e, m: np.where(m, soft(e), 0))),
    ("add_mask_weak", additive(weigh=lambda e, m: soft(np.where(m, e, 0)))),
    ("add_mask_weak", additive(weigh=lambda e, m: soft(e * m))),
    ("add_mask_added", additive(weigh=lambda e, m: soft(e + m))),
    ("add_mask_of_first", additive(weigh=lambda e, m: shares(e, np.repeat(m[:1], len(e), axis=0)))),
    ("add_states_masked", pads_zeroed),
    ("add_empty_nan", additive(weigh=lambda e, m: soft(np.where(m, e, -INF)))),
    ("add_empty_equal", additive(weigh=lambda e, m: soft(np.where(m, e, -1e9)))),
    (
        "add_overflow",
        additive(weigh=lambda e, m: np.exp(e) * m / np.maximum((np.exp(e) * m).sum(1, keepdims=True), 1e-300)),
    ),
    ("add_context_averaged", additive(mix=lambda w, h: (w[:, :, None] * h).mean(axis=1))),
    ("add_context_plain", additive(mix=lambda w, h: h.mean(axis=1))),
    ("add_context_best", additive(mix=lambda w, h: h[np.arange(len(h)), w.argmax(axis=1)])),
    ("add_context_of_keys", context_of_projected),
    ("add_context_axis", additive(mix=lambda w, h: (w[:, :, None] * h).sum(axis=2))),
    ("add_context_not_summed", additive(mix=lambda w, h: w[:, :, None] * h)),
    ("add_axis_kept", additive(mix=lambda w, h: w[:, None] @ h)),
    ("add_order", additive(last=lambda c, w, h: (w, c))),
    ("add_one_result", additive(last=lambda c, w, h: c)),
    ("add_misses_one", loops_over_all_but_the_last_word),
    ("add_return_in_the_loop", returns_in_the_loop),
    ("add_return_in_the_loop", first_sentence_only),
    ("add_whole_numbers", into_integers),
    ("add_rounded", additive(last=lambda c, w, h: (np.round(c, 3), np.round(w, 3)))),
    ("add_single_precision", additive(last=lambda c, w, h: (np.float32(c), np.float32(w)))),
    ("add_changes_arguments", writes_into_h),
]


# --- luong_scores -------------------------------------------------------------------------------------------------


def luong_by_einsum(s, h, kind, W=None, v=None):
    if kind == "dot":
        return np.einsum("bd,btd->bt", s, h)
    if kind == "general":
        return np.einsum("bq,qk,btk->bt", s, W, h)
    units = np.einsum("bq,qa->ba", s, W[: s.shape[1]])[:, None] + h @ W[s.shape[1] :]
    return np.tanh(units) @ v


def luong_by_loops(s, h, kind, W=None, v=None):
    B, T, _ = h.shape
    scores = np.empty((B, T))
    for b in range(B):
        for t in range(T):
            if kind == "dot":
                scores[b, t] = s[b] @ h[b, t]
            elif kind == "general":
                scores[b, t] = s[b] @ W @ h[b, t]
            else:
                scores[b, t] = np.tanh(np.concatenate([s[b], h[b, t]]) @ W) @ v
    return scores


def luong_by_products(s, h, kind, W=None, v=None):
    if kind == "dot":
        return (s[:, None] * h).sum(axis=-1)
    if kind == "general":
        return ((s @ W)[:, None] * h).sum(axis=-1)
    both = np.concatenate([np.repeat(s[:, None], h.shape[1], axis=1), h], axis=-1)
    return (np.tanh(both @ W) * v).sum(axis=-1)


def luong_words_first(s, h, kind, W=None, v=None):
    if kind == "concat":
        return luong_by_products(s, h, kind, W, v)
    words = h if kind == "dot" else h @ W.T
    return np.matmul(words, s[..., None]).squeeze(-1)


def luong_in_a_row(s, h, kind, W=None, v=None):
    if kind == "concat":
        return luong_by_loops(s, h, kind, W, v)
    state = s[:, None] if kind == "dot" else (s @ W)[:, None]
    return (state @ np.swapaxes(h, 1, 2))[:, 0]


def luong_by_match(s, h, kind, W=None, v=None):
    match kind:
        case "dot":
            return np.stack([words @ state for state, words in zip(s, h, strict=True)])
        case "general":
            return np.stack([words @ (W.T @ state) for state, words in zip(s, h, strict=True)])
        case "concat":
            tiled = np.tile(s[:, None, :], (1, h.shape[1], 1))
            return np.dot(np.tanh(np.dot(np.dstack([tiled, h]), W)), v)


def luong(dot=lambda s, h: np.einsum("bd,btd->bt", s, h), general=None, concat=None):
    def luong_scores(s, h, kind, W=None, v=None):
        if kind == "dot":
            return dot(s, h)
        if kind == "general":
            return (general or (lambda s, h, W: np.einsum("bd,btd->bt", s @ W, h)))(s, h, W)
        return (concat or (lambda s, h, W, v: luong_by_products(s, h, "concat", W, v)))(s, h, W, v)

    return luong_scores


def luong_misses_the_last(s, h, kind, W=None, v=None):
    scores = np.zeros(h.shape[:2])
    for t in range(h.shape[1] - 1):
        scores[:, t] = luong_by_einsum(s, h[:, t : t + 1], kind, W, v)[:, 0]
    return scores


def luong_returns_early(s, h, kind, W=None, v=None):
    scores = np.zeros(h.shape[:2])
    for t in range(h.shape[1]):
        scores[:, t] = luong_by_einsum(s, h[:, t : t + 1], kind, W, v)[:, 0]
        return scores


def word_first(s, h):
    return np.concatenate([h, np.repeat(s[:, None], h.shape[1], axis=1)], axis=-1)


def side_by_side(s, h):
    return np.concatenate([np.repeat(s[:, None], h.shape[1], axis=1), h], axis=-1)


LUONG = [
    ("luong_dot_for_all", lambda s, h, kind, W=None, v=None: np.einsum("bd,btd->bt", s, h)),
    ("luong_dot_not_summed", luong(lambda s, h: s[:, None] * h)),
    ("luong_dot_mean", luong(lambda s, h: (s[:, None] * h).mean(-1))),
    ("luong_scaled", luong(lambda s, h: np.einsum("bd,btd->bt", s, h) / math.sqrt(h.shape[-1]))),
    ("luong_every_pair", luong(lambda s, h: h @ s.T)),
    ("luong_axis_missing", luong(lambda s, h: (s * h).sum(axis=2), lambda s, h, W: ((s @ W) * h).sum(axis=2))),
    ("luong_axis_missing", luong(lambda s, h: h @ s)),
    ("luong_every_pair", luong(lambda s, h: s @ h.transpose(0, 2, 1))),
    ("luong_state_in_a_row", luong(lambda s, h: s @ h)),
    ("luong_state_in_a_row", luong(lambda s, h: np.matmul(s, h), lambda s, h, W: s @ W @ h)),
    ("luong_state_in_a_row", luong(general=lambda s, h, W: s @ W @ h)),
    ("luong_state_in_a_row", luong(lambda s, h: s @ h.T)),
    ("luong_general_turned", luong(general=lambda s, h, W: np.einsum("bd,btd->bt", s, h @ W))),
    ("luong_general_bent", luong(general=lambda s, h, W: np.tanh(np.einsum("bd,btd->bt", s @ W, h)))),
    ("luong_concat_turned", luong(concat=lambda s, h, W, v: np.tanh(word_first(s, h) @ W) @ v)),
    ("luong_concat_linear", luong(concat=lambda s, h, W, v: (side_by_side(s, h) @ W) @ v)),
    ("luong_concat_late", luong(concat=lambda s, h, W, v: np.tanh((side_by_side(s, h) @ W) @ v))),
    ("luong_concat_no_v", luong(concat=lambda s, h, W, v: np.tanh(side_by_side(s, h) @ W).sum(-1))),
    ("luong_concat_units", luong(concat=lambda s, h, W, v: np.tanh(side_by_side(s, h) @ W))),
    ("luong_concat_added", luong(concat=lambda s, h, W, v: np.tanh((s[:, None] + h) @ W) @ v)),
    ("luong_softmax", lambda s, h, kind, W=None, v=None: soft(luong_by_einsum(s, h, kind, W, v))),
    ("luong_axis_kept", luong(lambda s, h: h @ s[:, :, None], lambda s, h, W: h @ (s @ W)[:, :, None])),
    ("luong_words_first", lambda s, h, kind, W=None, v=None: luong_by_einsum(s, h, kind, W, v).T),
    ("luong_misses_one", luong_misses_the_last),
    ("luong_return_in_the_loop", luong_returns_early),
    ("luong_list", lambda s, h, kind, W=None, v=None: luong_by_einsum(s, h, kind, W, v).tolist()),
    ("luong_single_precision", lambda s, h, kind, W=None, v=None: np.float32(luong_by_einsum(s, h, kind, W, v))),
]


# --- local_weights ------------------------------------------------------------------------------------------------


def local_by_loops(scores, mask, center, D, gaussian=False):
    weights = np.zeros(scores.shape)
    for b, p in enumerate(center):
        seen = [t for t in range(scores.shape[1]) if mask[b, t] and abs(t - p) <= D]
        if not seen:
            continue
        top = max(scores[b, t] for t in seen)
        total = sum(math.exp(scores[b, t] - top) for t in seen)
        for t in seen:
            bell = math.exp(-((t - p) ** 2) / (2 * (D / 2) ** 2)) if gaussian else 1.0
            weights[b, t] = math.exp(scores[b, t] - top) / total * bell
    return weights


def local_by_slices(scores, mask, center, D, gaussian=False):
    weights = np.zeros_like(scores)
    for b in range(len(scores)):
        first, last = max(0, math.ceil(center[b] - D)), math.floor(center[b] + D) + 1
        own = slice(first, last)
        weights[b, own] = shares(scores[b : b + 1, own], mask[b : b + 1, own])[0] if weights[b, own].size else 0
    if gaussian:
        weights *= np.exp(-2 * ((np.arange(scores.shape[1]) - center[:, None]) / D) ** 2)
    return weights


def local_by_bounds(scores, mask, center, D, gaussian=False):
    places = np.arange(scores.shape[1])[None, :]
    low, high = center[:, None] - D, center[:, None] + D
    weights = shares(scores, np.logical_and(mask, (places >= low) & (places <= high)))
    sigma = D / 2
    return weights * np.exp(-((places - center[:, None]) ** 2) / (2 * sigma**2)) if gaussian else weights


def local_by_filling(scores, mask, center, D, gaussian=False):
    away = np.abs(np.subtract.outer(center, np.arange(scores.shape[1])))
    allowed = mask & (away <= D)
    weights = soft(np.where(allowed, scores, np.finfo(float).min)) * allowed
    if gaussian:
        weights = weights * np.exp(-0.5 * np.square(away / (0.5 * D)))
    return weights


def local_by_compressing(scores, mask, center, D, gaussian=False):
    weights = np.zeros(scores.shape)
    for row, x, may, p in zip(weights, scores, mask, center, strict=True):
        away = np.arange(len(x)) - p
        seen = np.flatnonzero(may & (abs(away) <= D))
        if len(seen):
            e = np.exp(x[seen] - x[seen].max())
            row[seen] = e / e.sum()
        if gaussian:
            row *= np.exp(-(away**2) * 2 / D**2)
    return weights


def local(distance=None, inside=None, bell=None, weigh=shares, join=np.logical_and, last=None):
    def local_weights(scores, mask, center, D, gaussian=False):
        away = (distance or (lambda T, p: np.arange(T) - p[:, None]))(scores.shape[1], center)
        window = (inside or (lambda a, D: abs(a) <= D))(away, D)
        w = weigh(scores, join(mask, window))
        if gaussian:
            w = w * (bell or (lambda a, D: np.exp(-(a**2) / (2 * (D / 2) ** 2))))(away, D)
        return w if last is None else last(w, window, gaussian)

    return local_weights


def local_cut_afterwards(scores, mask, center, D, gaussian=False):
    away = np.arange(scores.shape[1]) - center[:, None]
    w = shares(scores, mask) * (np.abs(away) <= D)
    return w * np.exp(-(away**2) / (2 * (D / 2) ** 2)) if gaussian else w


def local_summing_to_one(w, window, gaussian):
    total = w.sum(axis=1, keepdims=True)
    return w / np.where(total > 0, total, 1)


LOCAL = [
    ("local_no_window", local(inside=lambda a, D: abs(a) <= 1000)),
    ("local_window_open", local(inside=lambda a, D: abs(a) < D)),
    ("local_window_half_open", local(inside=lambda a, D: (a >= -D) & (a < D))),
    ("local_window_width", local(inside=lambda a, D: abs(a) <= D / 2)),
    ("local_window_width", local(inside=lambda a, D: abs(a) <= D + 1)),
    ("local_window_one_sided", local(inside=lambda a, D: (a <= 0) & (a >= -D))),
    ("local_window_outside", local(inside=lambda a, D: abs(a) > D)),
    ("local_window_after", local_cut_afterwards),
    ("local_center_rounded", lambda s, m, p, D, g=False: local_by_bounds(s, m, np.round(p), D, g)),
    ("local_center_rounded", lambda s, m, p, D, g=False: local_by_bounds(s, m, p.astype(int), D, g)),
    ("local_counts_from_one", local(distance=lambda T, p: np.arange(1, T + 1) - p[:, None])),
    ("local_first_center", local(distance=lambda T, p: np.arange(T)[None] - p[0])),
    ("local_center_across", local(distance=lambda T, p: np.arange(T) - p)),
    ("local_center_clipped", lambda s, m, p, D, g=False: local_by_bounds(s, m, np.minimum(p, m.sum(1) - 1), D, g)),
    ("local_shared_again", local(last=local_summing_to_one)),
    ("local_sigma", local(bell=lambda a, D: np.exp(-(a**2) / (2 * D**2)))),
    ("local_sigma", local(bell=lambda a, D: np.exp(-(a**2) / (D / 2) ** 2))),
    ("local_sigma", local(bell=lambda a, D: np.exp(-(a**2) / 2 * (D / 2) ** 2))),
    ("local_bell_not_squared", local(bell=lambda a, D: np.exp(-abs(a) / (2 * (D / 2) ** 2)))),
    ("local_bell_sign", local(bell=lambda a, D: np.exp(a**2 / (2 * (D / 2) ** 2)))),
    ("local_bell_density", local(bell=lambda a, D: np.exp(-2 * (a / D) ** 2) / (D / 2 * math.sqrt(2 * math.pi)))),
    ("local_bell_always", lambda s, m, p, D, g=False: local_by_bounds(s, m, p, D, True)),
    ("local_bell_always", lambda s, m, p, D, g=False: local_by_bounds(s, m, p, D)),
    ("local_mask_forgotten", local(join=lambda m, w: w)),
    ("local_mask_or", local(join=np.logical_or)),
    ("local_mask_inverted", local(join=lambda m, w: ~m & w)),
    ("local_weak_fill", local(weigh=lambda e, m: soft(np.where(m, e, 0)))),
    ("local_empty_nan", local(weigh=lambda e, m: soft(np.where(m, e, -INF)))),
    ("local_empty_equal", local(weigh=lambda e, m: soft(np.where(m, e, -1e9)))),
    ("local_single_precision", local(last=lambda w, window, g: w.astype("float32"))),
]


# --- alignment_error ----------------------------------------------------------------------------------------------


def error_by_sets(weights, gold):
    S = gold.shape[1]
    links = {(j, int(row.argmax())) for j, row in enumerate(weights) if row.argmax() < S}
    sure = set(zip(*(axis.tolist() for axis in np.nonzero(gold)), strict=True))
    return 1 - 2 * len(links & sure) / (len(links) + len(sure))


def error_by_loops(weights, gold):
    common = guessed = 0
    for row, right in zip(weights, gold, strict=True):
        best = int(np.argmax(row))
        if best == len(right):
            continue
        guessed += 1
        common += int(right[best])
    return 1 - 2 * common / (guessed + gold.sum())


def error_by_f_measure(weights, gold):
    best = weights.argmax(-1)
    links = np.eye(weights.shape[1], dtype=bool)[best][:, :-1]
    hits = np.logical_and(links, gold).sum()
    if hits == 0:
        return 1.0
    precision, recall = hits / links.sum(), hits / gold.sum()
    return 1 - 2 * precision * recall / (precision + recall)


def error_by_difference(weights, gold):
    links = np.zeros(weights.shape, dtype=bool)
    links[np.arange(len(weights)), np.argmax(weights, axis=1)] = True
    links = links[:, :-1]
    return float((links ^ gold).sum() / (links.sum() + gold.sum()))


def error_by_indexing(weights, gold):
    best = np.argmax(weights, axis=1)
    words = best < gold.shape[1]
    hits = gold[np.flatnonzero(words), best[words]].sum()
    return (1 - 2 * hits / (words.sum() + gold.sum())).item()


def linked(weights, gold):
    return weights.argmax(1)[:, None] == np.arange(gold.shape[1])


def error(formula, links=linked):
    return lambda weights, gold: formula(links(weights, gold), gold)


def rate(links, gold):
    return 1 - 2 * (links & gold).sum() / (links.sum() + gold.sum())


ALIGNED = [
    ("align_end_counts", lambda w, g: 1 - 2 * (linked(w, g) & g).sum() / (len(w) + g.sum())),
    ("align_end_cut", lambda w, g: error_by_loops(w[:, :-1], g)),
    ("align_by_source", error(rate, lambda w, g: np.arange(len(w))[:, None] == w[:, :-1].argmax(0))),
    ("align_by_source", error(rate, lambda w, g: np.argmax(w, axis=0)[:, None] == np.arange(g.shape[1]))),
    ("align_end_column", error(rate, lambda w, g: np.argmax(w, axis=1)[:, None] == np.arange(w.shape[1]))),
    ("align_precision", error(lambda a, g: 1 - (a & g).sum() / a.sum())),
    ("align_recall", error(lambda a, g: 1 - (a & g).sum() / g.sum())),
    ("align_no_two", error(lambda a, g: 1 - (a & g).sum() / (a.sum() + g.sum()))),
    ("align_union", error(lambda a, g: 1 - (a & g).sum() / (a | g).sum())),
    ("align_right", error(lambda a, g: 2 * (a & g).sum() / (a.sum() + g.sum()))),
    ("align_percent", lambda w, g: 100 * error_by_sets(w, g)),
    ("align_cells", error(lambda a, g: (a != g).mean())),
    ("align_threshold", error(rate, lambda w, g: w[:, :-1] > 0.5)),
    ("align_parentheses", error(lambda a, g: 1 - 2 * (a & g).sum() / a.sum() + g.sum())),
    ("align_smallest", error(rate, lambda w, g: w.argmin(1)[:, None] == np.arange(g.shape[1]))),
    ("align_links_returned", linked),
    ("align_rounded", lambda w, g: round(error_by_sets(w, g), 2)),
]


# --- repair_center ------------------------------------------------------------------------------------------------


def center_by_loops(s, mask, W, v):
    centers = []
    for state, words in zip(s, mask, strict=True):
        x = float(np.tanh(state @ W) @ v)
        centers.append(int(words.sum()) / (1 + math.exp(-x)))
    return np.array(centers)


def center_by_count(s, mask, W, v):
    return np.count_nonzero(mask, axis=1) * (1 / (1 + np.exp(-(np.tanh(s @ W) @ v))))


def center_by_tanh(s, mask, W, v):
    return mask.sum(-1) * (0.5 + 0.5 * np.tanh(np.tanh(s @ W) @ v / 2))


def center_by_exp(s, mask, W, v):
    e = np.exp(np.tanh(s @ W) @ v)
    return e / (1 + e) * mask.astype(float).sum(axis=1)


def center_by_where(s, mask, W, v):
    lengths = np.where(mask, 1, 0).sum(axis=1)
    share = 1 / (1 + np.exp(-np.tanh(s @ W) @ v))
    return lengths * share


CENTERS = [
    ("center_padded_length", lambda s, m, W, v: max(m.sum(1)) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_mean_length", lambda s, m, W, v: m.sum() / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_mean_length", lambda s, m, W, v: m[0].sum() / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_counts_sentences", lambda s, m, W, v: m.sum(0) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_batch_size", lambda s, m, W, v: m.shape[0] / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_batch_size", lambda s, m, W, v: len(s) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_counts_pads", lambda s, m, W, v: (~m).sum(1) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_one_less", lambda s, m, W, v: (m.sum(1) - 1) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_no_length", lambda s, m, W, v: 1 / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_no_tanh", lambda s, m, W, v: m.sum(1) / (1 + np.exp(-(s @ W) @ v))),
    ("center_sigmoid_sign", lambda s, m, W, v: m.sum(1) / (1 + np.exp(np.tanh(s @ W) @ v))),
    ("center_rounded", lambda s, m, W, v: np.round(center_by_count(s, m, W, v))),
    ("center_table", lambda s, m, W, v: m.sum(1, keepdims=True) / (1 + np.exp(-np.tanh(s @ W) @ v))),
    ("center_axis_kept", lambda s, m, W, v: center_by_count(s, m, W, v)[:, None]),
]

RIGHT = {
    "additive_attention": [
        additive_by_loops,
        additive_by_einsum,
        additive_by_repeating,
        additive_by_concatenation,
        additive_with_nan_to_num,
        additive_sentence_by_sentence,
        additive_as_in_torch,
    ],
    "luong_scores": [
        luong_by_einsum,
        luong_by_loops,
        luong_by_products,
        luong_words_first,
        luong_in_a_row,
        luong_by_match,
    ],
    "local_weights": [local_by_loops, local_by_slices, local_by_bounds, local_by_filling, local_by_compressing],
    "alignment_error": [
        error_by_sets,
        error_by_loops,
        error_by_f_measure,
        error_by_difference,
        error_by_indexing,
    ],
    "repair_center": [center_by_loops, center_by_count, center_by_tanh, center_by_exp, center_by_where],
}
WRONG = [
    *(("additive_attention", *each) for each in ADDITIVE),
    *(("luong_scores", *each) for each in LUONG),
    *(("local_weights", *each) for each in LOCAL),
    *(("alignment_error", *each) for each in ALIGNED),
    *(("repair_center", *each) for each in CENTERS),
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
    """The bank's own test looks at the first and the last version of a mistake only, and at no version to repair."""
    for mistake in exercise.mistakes:
        for at, version in enumerate(mistake.versions):
            found = diagnose(exercise.id, version)
            assert (found.status, found.mistake) == ("failed", mistake.id), (mistake.id, at, found.message)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_solutions_and_hints_are_there(exercise):
    assert all(exercise.hints)
    assert exercise.hints[0].rstrip().endswith("?")


def test_the_version_to_repair_counts_as_not_attempted_and_is_wrong():
    assert diagnose("repair_center", colleagues_center).status == "not attempted"
    mask = np.array([[True, True, False], [True, True, True]])
    s, W, v = np.zeros((2, 1)), np.ones((1, 1)), np.ones(1)
    np.testing.assert_allclose(colleagues_center(s, mask, W, v), [1.5, 1.5])
    np.testing.assert_allclose(reference.predicted_center(s, mask, W, v), [1.0, 1.5])


def test_wrong_answers_with_right_shapes_and_right_sums_are_refused():
    """Rows sum to 1, shapes fit, nothing raises: a softmax makes such weights of anything."""
    s, h, mask, Wq, Wk, v = get("additive_attention").cases[3].make()
    right = [
        additive(lambda s, h, Wq, Wk, v: ((s @ Wq)[:, None] + h @ Wk) @ v),
        additive(weigh=lambda e, m: np.sort(shares(e, m), axis=1)),
        additive(query_at_step_0),
    ]
    for wrong in right:
        context, weights = wrong(s, h.copy(), mask, Wq, Wk, v)
        assert (context.shape, weights.shape) == (h[:, 0].shape, mask.shape)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        assert diagnose("additive_attention", wrong).status == "failed"
    scores, mask, center, D = get("local_weights").cases[3].make()
    shifted = local(distance=lambda T, p: np.arange(1, T + 1) - p[:, None])
    assert shifted(scores, mask, center, D).shape == scores.shape
    np.testing.assert_allclose(shifted(scores, mask, center, D).sum(axis=1), 1)
    assert diagnose("local_weights", shifted).status == "failed"


def test_a_kind_that_is_missing_is_not_called_a_sum():
    """A function that refuses a kind raises the same error as one whose widths do not fit."""

    def luong_scores(s, h, kind, W=None, v=None):
        if kind in ("dot", "general"):
            return luong_by_einsum(s, h, kind, W)
        raise ValueError("I do not know this kind")

    found = diagnose("luong_scores", luong_scores)
    assert (found.status, found.mistake) == ("failed", None)
    assert "I do not know this kind" in found.message


def test_a_check_hands_on_what_passed_and_the_reference_otherwise(capsys):
    assert check("additive_attention", additive_by_einsum) is additive_by_einsum
    assert check("luong_scores", luong_returns_early) is get("luong_scores").reference
    assert "How far in" in capsys.readouterr().out
