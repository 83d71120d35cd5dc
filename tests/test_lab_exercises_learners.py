# ruff: noqa: RET503 (a return inside the loop is one of the faults)
"""Answers as learners wrote them, with faults of plain programming: each is rejected under a name, or passes.

Here a wrong answer often has the right shape and the right sums. The right ones stand at the end of each part.
"""

import math
import statistics

import numpy as np
import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from course.lab.exercises import diagnose, get
from course.lessons.lesson_03 import reference
from course.lessons.lesson_05 import reference as masks

INF = np.inf


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


# --- lesson 00: mean_over_heads ---------------------------------------------------------------------------------


def sum_by_four(weights):
    return weights.sum(axis=1) / 4


def range_of_four(weights):
    total = 0
    for h in range(4):
        total = total + weights[:, h]
    return total / 4


def quarter_of_each(weights):
    return (weights[:, 0] + weights[:, 1] + weights[:, 2] + weights[:, 3]) * 0.25


def first_three_heads(weights):
    return (weights[:, 0] + weights[:, 1] + weights[:, 2]) / 3


def without_the_last_head(weights):
    H = weights.shape[1]
    total = np.zeros_like(weights[:, 0])
    for h in range(H - 1):
        total += weights[:, h]
    return total / H


def without_the_last_head_at_all(weights):
    return weights[:, :-1].mean(axis=1)


def without_the_first_head(weights):
    total = np.zeros_like(weights[:, 0])
    for h in range(1, weights.shape[1]):
        total += weights[:, h]
    return total / weights.shape[1]


def without_the_first_head_at_all(weights):
    return weights[:, 1:].mean(1)


def returns_in_the_loop(weights):
    total = np.zeros_like(weights[:, 0])
    for h in range(weights.shape[1]):
        total += weights[:, h]
        return total / weights.shape[1]


def returns_in_the_loop_of_sentences(weights):
    mean = np.zeros_like(weights[:, 0])
    for b in range(len(weights)):
        mean[b] = weights[b].mean(axis=0)
        return mean


def last_sentence_left_out(weights):
    mean = np.zeros_like(weights[:, 0])
    for b in range(len(weights) - 1):
        mean[b] = weights[b].mean(axis=0)
    return mean


def last_query_left_out(weights):
    mean = np.zeros_like(weights[:, 0])
    for t in range(weights.shape[2] - 1):
        mean[:, t] = weights[:, :, t].mean(axis=1)
    return mean


def divides_in_the_loop(weights):
    total = np.zeros_like(weights[:, 0])
    for h in range(weights.shape[1]):
        total += weights[:, h]
        total /= weights.shape[1]
    return total


def pairwise_means(weights):
    mean = weights[:, 0]
    for h in range(1, weights.shape[1]):
        mean = (mean + weights[:, h]) / 2
    return mean


def by_one_less(weights):
    return weights.sum(axis=1) / (weights.shape[1] - 1)


def by_one_more(weights):
    return weights.sum(axis=1) / (weights.shape[1] + 1)


def whole_shares(weights):
    return weights.sum(axis=1) // weights.shape[1]


def same_map_for_all(weights):
    return np.repeat(weights.mean(axis=(0, 1))[None], len(weights), axis=0)


def sentence_of_the_head(weights):
    mean = np.zeros_like(weights[:, 0])
    for b in range(weights.shape[0]):
        mean[b] = weights[0].mean(axis=0)
    return mean


def mean_without_parentheses(weights):
    return weights.mean


def integers(weights):
    return weights.mean(axis=1).astype(int)


def prints_it(weights):
    return print(weights.mean(axis=1))


def a_pair(weights):
    return weights.mean(axis=1), weights.shape


MEANS = [
    ("fixed_number_of_heads", sum_by_four),
    ("fixed_number_of_heads", range_of_four),
    ("fixed_number_of_heads", quarter_of_each),
    ("fixed_number_of_heads", first_three_heads),
    ("a_head_left_out", without_the_last_head),
    ("a_head_left_out", without_the_last_head_at_all),
    ("a_head_left_out", without_the_first_head),
    ("a_head_left_out", without_the_first_head_at_all),
    ("return_in_the_loop", returns_in_the_loop),
    ("return_in_the_loop", returns_in_the_loop_of_sentences),
    ("loop_ends_early", last_sentence_left_out),
    ("loop_ends_early", last_query_left_out),
    ("divided_in_the_loop", divides_in_the_loop),
    ("divided_in_the_loop", pairwise_means),
    ("one_off_count", by_one_less),
    ("one_off_count", by_one_more),
    ("whole_numbers", whole_shares),
    ("whole_numbers", integers),
    ("mean_over_sentences_and_heads", same_map_for_all),
    ("first_sentence", sentence_of_the_head),
]

# --- lesson 03: softmax -----------------------------------------------------------------------------------------


def filled(x, mask):
    return x if mask is None else np.where(mask, x, -INF)


def shares(e):
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def top_of(x):
    top = x.max(axis=-1, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


def writes_into_zeros_like(x, mask=None):
    result = np.zeros_like(x)
    right = reference.softmax(x, mask)
    for place in np.ndindex(x.shape):
        result[place] = right[place]
    return result


def writes_into_zeros_like_at_once(x, mask=None):
    result = np.zeros_like(x)
    result[...] = reference.softmax(x, mask)
    return result


def returns_the_type_of_x(x, mask=None):
    return reference.softmax(x, mask).astype(x.dtype)


def maximum_before_the_mask(x, mask=None):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    if mask is not None:
        e = np.where(mask, e, 0)
    return shares(e)


def maximum_before_the_mask_filled(x, mask=None):
    x = x - x.max(axis=-1, keepdims=True)
    e = np.exp(filled(x, mask))
    return np.nan_to_num(e / e.sum(axis=-1, keepdims=True))


def minimum(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - np.min(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def finite_minimum(x, mask=None):
    x = filled(x, mask)
    low = np.min(x, axis=-1, keepdims=True)
    return shares(np.exp(x - np.where(np.isfinite(low), low, 0)))


def minimum_before_the_mask(x, mask=None):
    x = x - np.min(x, axis=-1, keepdims=True)
    return shares(np.exp(filled(x, mask)))


def mean_for_maximum(x, mask=None):
    x = x - x.mean(axis=-1, keepdims=True)
    return shares(np.exp(filled(x, mask)))


def adds_the_maximum(x, mask=None):
    x = filled(x, mask)
    return shares(np.exp(x + top_of(x)))


def divides_by_the_maximum(x, mask=None):
    x = filled(x, mask)
    return shares(np.exp(x / top_of(x)))


def sum_misses_the_last(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    total = np.zeros_like(e[..., :1])
    for j in range(x.shape[-1] - 1):
        total += e[..., j : j + 1]
    return e / np.where(total > 0, total, 1)


def sum_misses_the_first(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    return e / e[..., 1:].sum(axis=-1, keepdims=True)


def last_entry_left_out(x, mask=None):
    right = reference.softmax(x, mask)
    result = np.zeros(x.shape)
    for j in range(x.shape[-1] - 1):
        result[..., j] = right[..., j]
    return result


def last_row_left_out(x, mask=None):
    right = reference.softmax(x, mask)
    result = np.zeros(x.shape)
    for i in range(len(x) - 1):
        result[i] = right[i]
    return result


def first_row_alone(x, mask=None):
    right = reference.softmax(x, mask)
    result = np.zeros(x.shape)
    for i in range(len(x)):
        result[i] = right[i]
        return result


def by_math_exp(x, mask=None):
    x = filled(x, mask)
    e = math.exp(x - x.max())
    return e / e.sum()


def by_rounded_base(x, mask=None):
    x = filled(x, mask)
    return shares(2.718 ** (x - top_of(x)))


def by_two_digits_of_e(x, mask=None):
    x = filled(x, mask)
    return shares(2.72 ** (x - top_of(x)))


def three_digits(x, mask=None):
    return np.round(reference.softmax(x, mask), 3)


def divided_by_the_number(x, mask=None):
    x = filled(x, mask)
    return np.exp(x - top_of(x)) / x.shape[-1]


def divided_by_four(x, mask=None):
    x = filled(x, mask)
    return np.exp(x - top_of(x)) / 4


def divided_by_the_largest(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    return e / np.max(e, axis=-1, keepdims=True)


def sum_of_x(x, mask=None):
    x = filled(x, mask)
    return np.exp(x - top_of(x)) / x.sum(axis=-1, keepdims=True)


def exponential_of_the_share(x, mask=None):
    x = filled(x, mask)
    return np.exp(x / x.sum(axis=-1, keepdims=True))


def divides_before_subtracting(x, mask=None):
    x = filled(x, mask)
    return np.exp(x) / np.exp(x - top_of(x)).sum(axis=-1, keepdims=True)


def no_keepdims(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - x.max(axis=-1))
    return e / e.sum(axis=-1)


def no_keepdims_in_the_sum(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    return e / e.sum(axis=-1)


def one_sum_for_all(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    return e / e.sum()


def max_not_called(x, mask=None):
    e = np.exp(x - x.max)
    return e / e.sum(axis=-1, keepdims=True)


def zeros_become_minus_infinity(x, mask=None):
    if mask is not None:
        x = x * mask
        x = np.where(x == 0, -INF, x)
    return reference.softmax(x)


def mask_added_the_wrong_way_round(x, mask=None):
    if mask is not None:
        x = x + mask * -1e9
    return shares(np.exp(x - x.max(axis=-1, keepdims=True)))


def tiny_fill(x, mask=None):
    if mask is not None:
        x = np.where(mask, x, -1e-9)
    return reference.softmax(x)


def tiny_addition(x, mask=None):
    if mask is not None:
        x = x + (1 - mask) * -1e-9
    return reference.softmax(x)


def huge_fill(x, mask=None):
    if mask is not None:
        x = np.where(mask, x, 1e9)
    return reference.softmax(x)


def mask_is_none_by_equality(x, mask=None):
    if mask == None:  # noqa: E711
        mask = np.ones(x.shape, dtype=bool)
    return reference.softmax(x, mask)


def small_epsilon(x, mask=None):
    x = filled(x, mask)
    e = np.exp(x - top_of(x))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-6)


def shares_and_sum(x, mask=None):
    return reference.softmax(x, mask), 1.0


def softmax_twice(x, mask=None):
    return reference.softmax(reference.softmax(x, mask), mask)


def negative_exponent(x, mask=None):
    x = filled(x, mask)
    return reference.softmax(-x)


def top_minus_x(x, mask=None):
    x = filled(x, mask)
    return shares(np.exp(top_of(x) - x))


SOFTMAXES = [
    ("softmax_type_of_x", writes_into_zeros_like),
    ("softmax_type_of_x", writes_into_zeros_like_at_once),
    ("softmax_type_of_x", returns_the_type_of_x),
    ("softmax_maximum_of_blocked", maximum_before_the_mask),
    ("softmax_maximum_of_blocked", maximum_before_the_mask_filled),
    ("softmax_minimum", minimum),
    ("softmax_minimum", finite_minimum),
    ("softmax_minimum", minimum_before_the_mask),
    ("softmax_mean_subtracted", mean_for_maximum),
    ("softmax_maximum_added", adds_the_maximum),
    ("softmax_maximum_divides", divides_by_the_maximum),
    ("softmax_sum_misses_one", sum_misses_the_last),
    ("softmax_sum_misses_one", sum_misses_the_first),
    ("softmax_loop_ends_early", last_entry_left_out),
    ("softmax_loop_ends_early", last_row_left_out),
    ("softmax_return_in_the_loop", first_row_alone),
    ("softmax_base_rounded", by_rounded_base),
    ("softmax_base_rounded", by_two_digits_of_e),
    ("softmax_rounded", three_digits),
    ("softmax_divided_by_number", divided_by_the_number),
    ("softmax_divided_by_number", divided_by_four),
    ("softmax_no_sum", divided_by_the_largest),
    ("softmax_sum_of_x", sum_of_x),
    ("softmax_sum_of_x", exponential_of_the_share),
    ("softmax_subtracts_once", divides_before_subtracting),
    ("softmax_no_keepdims", no_keepdims),
    ("softmax_no_keepdims", no_keepdims_in_the_sum),
    ("softmax_all", one_sum_for_all),
    ("softmax_zeros_blocked", zeros_become_minus_infinity),
    ("softmax_mask_inverted", mask_added_the_wrong_way_round),
    ("softmax_tiny_fill", tiny_fill),
    ("softmax_tiny_fill", tiny_addition),
    ("softmax_huge_fill", huge_fill),
    ("softmax_epsilon", small_epsilon),
    ("softmax_twice", softmax_twice),
    ("softmax_negative", negative_exponent),
    ("softmax_negative", top_minus_x),
]


def exp_of_log_sum(x, mask=None):
    y = filled(x, mask)
    m = top_of(y)
    total = np.exp(y - m).sum(axis=-1, keepdims=True)
    return np.exp(y - (m + np.log(np.where(total > 0, total, 1))))


def by_logaddexp(x, mask=None):
    y = filled(x, mask)
    whole = np.logaddexp.reduce(y, axis=-1, keepdims=True)
    return np.exp(y - np.where(np.isfinite(whole), whole, 0))


def exp_of_difference_of_logs(x, mask=None):
    y = filled(x, mask)
    y = y - top_of(y)
    return np.nan_to_num(np.exp(y - np.log(np.exp(y).sum(axis=-1, keepdims=True))))


def one_over_sums(x, mask=None):
    """w_j = 1 / sum_i exp(x_i - x_j)."""
    y = filled(x, mask)
    with np.errstate(over="ignore"):
        w = 1 / np.exp(y[..., None, :] - y[..., :, None]).sum(axis=-1)
    return np.nan_to_num(w)


def by_true_mask(x, mask=None):
    if mask is None:
        mask = np.ones(x.shape, dtype=bool)
    mask = np.broadcast_to(mask, x.shape)
    top = np.max(x, axis=-1, keepdims=True, initial=-1e300, where=mask)
    e = np.where(mask, np.exp(np.minimum(x - top, 0)), 0)
    return shares(e)


def by_apply_along_axis(x, mask=None):
    def one(row):
        e = np.exp(row - row.max()) if np.isfinite(row).any() else np.zeros(row.shape)
        return e / max(e.sum(), 1e-300)

    return np.apply_along_axis(one, -1, filled(x, mask))


def by_math_in_loops(x, mask=None):
    y = np.array(filled(x, mask), dtype=float)
    if y.ndim > 1:
        return np.stack([by_math_in_loops(row) for row in y])
    top = max(y)
    e = [math.exp(each - top) if each > -INF else 0.0 for each in y]
    return np.array([each / (sum(e) or 1) for each in e])


RIGHT_SOFTMAXES = [
    exp_of_log_sum,
    by_logaddexp,
    exp_of_difference_of_logs,
    one_over_sums,
    by_true_mask,
    by_apply_along_axis,
    by_math_in_loops,
]

# --- lesson 03: attention ---------------------------------------------------------------------------------------


def scaled(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])


def attention_with(scores=scaled, softmax=reference.softmax, block=None):
    """Attention in which one step is a learner's: block(s, mask) is followed by a softmax without a mask."""

    def attention(q, k, v, mask=None):
        s = scores(q, k)
        blocked = block is not None and mask is not None
        w = softmax(block(s, mask)) if blocked else softmax(s, mask if block is None else None)
        return w @ v, w

    return attention


def root_of_heads(q, k):
    heads = q.shape[-3] if q.ndim > 2 else 1
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(heads)


def root_of_heads_of_four_axes(q, k):
    heads = q.shape[1] if q.ndim == 4 else 1
    return q @ np.swapaxes(k, -1, -2) / heads**0.5


def root_of_heads_whatever(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-3])


def root_of_width_by_heads(q, k):
    heads = q.shape[1] if q.ndim == 4 else 1
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1] // heads)


def zeros_blocked(s, mask):
    s = s * mask
    s[s == 0] = -INF
    return s


def output_of_zeros_like_v(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1]
    output = np.zeros_like(v, shape=(*w.shape[:-1], v.shape[-1]))
    output[...] = w @ v
    return output, w


def weights_of_the_type_of_q(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1].astype(q.dtype)
    return w @ v, w


def last_query_forgotten(q, k, v, mask=None):
    output, w = reference.attention(q, k, v, mask)
    result = np.zeros_like(output)
    for i in range(q.shape[-2] - 1):
        result[..., i, :] = output[..., i, :]
    return result, w


def last_key_forgotten(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1]
    return sum(w[..., j : j + 1] * v[..., j : j + 1, :] for j in range(k.shape[-2] - 1)) + 0 * (w @ v), w


def first_query_only(q, k, v, mask=None):
    output, w = reference.attention(q, k, v, mask)
    result = np.zeros_like(output)
    for i in range(q.shape[-2]):
        result[..., i, :] = output[..., i, :]
        return result, w


def scores_mixed(q, k, v, mask=None):
    s = scaled(q, k)
    return s @ v, reference.softmax(s, mask)


def with_math_exp(q, k, v, mask=None):
    s = filled(scaled(q, k), mask)
    e = math.exp(s - s.max())
    w = e / e.sum()
    return w @ v, w


def weights_by_star(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1]
    return w * v, w


def queries_mixed(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1]
    return w @ q, w


def three_results(q, k, v, mask=None):
    output, w = reference.attention(q, k, v, mask)
    return output, w, scaled(q, k)


def scaled_twice(q, k):
    return scaled(q, k) / np.sqrt(q.shape[-1])


def scaled_by_root_plus_one(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1] + 1)


def scaled_by_root_minus_one(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1] - 1)


def scaled_by_square(q, k):
    return q @ np.swapaxes(k, -1, -2) / q.shape[-1] ** 2


def negative_scores(q, k):
    return -scaled(q, k)


def last_feature_missing(q, k):
    return q[..., :-1] @ np.swapaxes(k[..., :-1], -1, -2) / np.sqrt(q.shape[-1])


def mask_in_the_wrong_branch(q, k, v, mask=None):
    s = scaled(q, k)
    if mask is None:
        w = reference.softmax(s, mask)
    w = reference.softmax(s)
    return w @ v, w


def masked_by_equality(q, k, v, mask=None):
    s = scaled(q, k)
    if mask != None:  # noqa: E711
        s = np.where(mask, s, -INF)
    w = reference.softmax(s)
    return w @ v, w


ATTENTIONS = [
    ("scale_by_root_of_heads", attention_with(root_of_heads)),
    ("scale_by_root_of_heads", attention_with(root_of_heads_of_four_axes)),
    ("scale_by_root_of_heads", attention_with(root_of_heads_whatever)),
    ("scale_by_root_of_heads", attention_with(root_of_width_by_heads)),
    ("zeros_blocked", attention_with(block=zeros_blocked)),
    ("A19", attention_with(block=lambda s, m: s + m * -1e9)),
    ("A19", attention_with(block=lambda s, m: s - m * 1e9, softmax=reference.softmax)),
    ("tiny_fill", attention_with(block=lambda s, m: np.where(m, s, -1e-9))),
    ("tiny_fill", attention_with(block=lambda s, m: s + (1 - m) * -1e-9)),
    ("A19", attention_with(block=lambda s, m: s + (1 - m) * 1e9)),
    ("huge_fill", attention_with(block=lambda s, m: np.where(m, s, 1e9))),
    ("maximum_of_blocked", attention_with(softmax=maximum_before_the_mask)),
    ("maximum_of_blocked", attention_with(softmax=maximum_before_the_mask_filled)),
    ("minimum", attention_with(softmax=minimum)),
    ("minimum", attention_with(softmax=finite_minimum)),
    ("base_rounded", attention_with(softmax=by_rounded_base)),
    ("rounded", attention_with(softmax=three_digits)),
    ("sum_misses_one", attention_with(softmax=sum_misses_the_last)),
    ("divided_by_number", attention_with(softmax=divided_by_the_number)),
    ("divided_by_number", attention_with(softmax=divided_by_four)),
    ("type_of_arguments", output_of_zeros_like_v),
    ("type_of_arguments", weights_of_the_type_of_q),
    ("loop_ends_early", last_query_forgotten),
    ("loop_ends_early", last_key_forgotten),
    ("return_in_the_loop", first_query_only),
    ("scores_mixed", scores_mixed),
    ("queries_mixed", queries_mixed),
    ("scale_by_d_k", attention_with(scaled_twice)),
    ("scale_off_by_one", attention_with(scaled_by_root_plus_one)),
    ("scale_off_by_one", attention_with(scaled_by_root_minus_one)),
    ("scale_by_square", attention_with(scaled_by_square)),
    ("negative_scores", attention_with(negative_scores)),
    ("a_feature_left_out", attention_with(last_feature_missing)),
    ("A25", mask_in_the_wrong_branch),
]

# --- lesson 03: score_statistics --------------------------------------------------------------------------------


def of(s, d_k):
    return s.var(), (s / np.sqrt(d_k)).var()


def one_pair_less(d_k, n, rng):
    s = np.zeros(n - 1)
    for i in range(n - 1):
        s[i] = rng.standard_normal(d_k) @ rng.standard_normal(d_k)
    return of(s, d_k)


def one_pair_less_drawn_at_once(d_k, n, rng):
    return of((rng.standard_normal((n - 1, d_k)) * rng.standard_normal((n - 1, d_k))).sum(-1), d_k)


def last_pair_not_used(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    return of(np.array([q[i] @ k[i] for i in range(n - 1)]), d_k)


def first_pair_not_used(d_k, n, rng):
    q, k = rng.standard_normal((2, n, d_k))
    return of(np.array([q[i] @ k[i] for i in range(1, n)]), d_k)


def one_pair_more(d_k, n, rng):
    return of((rng.standard_normal((n + 1, d_k)) * rng.standard_normal((n + 1, d_k))).sum(-1), d_k)


def last_score_left_zero(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    s = np.zeros(n)
    for i in range(n - 1):
        s[i] = q[i] @ k[i]
    return of(s, d_k)


def random_signs(d_k, n, rng):
    q, k = rng.choice([-1, 1], size=(n, d_k)), rng.choice([-1, 1], size=(n, d_k))
    return of((q * k).sum(-1), d_k)


def random_signs_of_integers(d_k, n, rng):
    q, k = 2.0 * rng.integers(0, 2, size=(2, n, d_k)) - 1
    return of((q * k).sum(-1), d_k)


def signs_of_normals(d_k, n, rng):
    q, k = np.sign(rng.standard_normal((2, n, d_k)))
    return of((q * k).sum(-1), d_k)


def uniform_of_variance_one(d_k, n, rng):
    q, k = rng.uniform(-(3**0.5), 3**0.5, size=(2, n, d_k))
    return of((q * k).sum(-1), d_k)


def uniform_around_zero(d_k, n, rng):
    q, k = rng.uniform(-1, 1, size=(2, n, d_k))
    return of((q * k).sum(-1), d_k)


def one_query_for_all(d_k, n, rng):
    q = rng.standard_normal(d_k)
    k = rng.standard_normal((n, d_k))
    return of(k @ q, d_k)


def one_query_for_all_keys_first(d_k, n, rng):
    k = rng.standard_normal((n, d_k))
    q = rng.standard_normal((1, d_k))
    return of((q * k).sum(-1), d_k)


def first_query_for_all(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    return of(k @ q[0], d_k)


def query_drawn_before_the_loop(d_k, n, rng):
    q = rng.standard_normal(d_k)
    return of(np.array([q @ rng.standard_normal(d_k) for _ in range(n)]), d_k)


def one_key_for_all(d_k, n, rng):
    q = rng.standard_normal((n, d_k))
    k = rng.standard_normal(d_k)
    return of(q @ k, d_k)


def one_dimension_less(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    return of(sum(q[:, i] * k[:, i] for i in range(d_k - 1)), d_k)


def only_the_last_score(d_k, n, rng):
    for _ in range(n):
        s = rng.standard_normal(d_k) @ rng.standard_normal(d_k)
    return np.var(s), np.var(s / np.sqrt(d_k))


def returns_after_the_first(d_k, n, rng):
    scores = []
    for _ in range(n):
        scores.append(rng.standard_normal(d_k) @ rng.standard_normal(d_k))
        return np.var(scores), np.var(np.array(scores) / np.sqrt(d_k))


def width_and_number_swapped(d_k, n, rng):
    q, k = rng.standard_normal((d_k, n)), rng.standard_normal((d_k, n))
    return of((q * k).sum(-1), d_k)


def rounded_variances(d_k, n, rng):
    raw, scaled_one = reference.score_statistics(d_k, n, rng)
    return round(raw, 3), round(scaled_one, 3)


def an_array_of_two(d_k, n, rng):
    return np.array(reference.score_statistics(d_k, n, rng))


def variances_along_an_axis(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    return (q * k).var(axis=0), (q * k / np.sqrt(d_k)).var(axis=0)


def scaled_by_root_of_n(d_k, n, rng):
    s = (rng.standard_normal((n, d_k)) * rng.standard_normal((n, d_k))).sum(-1)
    return s.var(), (s / np.sqrt(n)).var()


def variance_not_called(d_k, n, rng):
    s = (rng.standard_normal((n, d_k)) * rng.standard_normal((n, d_k))).sum(-1)
    return s.var, (s / np.sqrt(d_k)).var


STATISTICS = [
    ("statistics_pair_missing", one_pair_less),
    ("statistics_pair_missing", one_pair_less_drawn_at_once),
    ("statistics_pair_missing", last_pair_not_used),
    ("statistics_pair_missing", first_pair_not_used),
    ("statistics_pair_more", one_pair_more),
    ("statistics_score_left_zero", last_score_left_zero),
    ("statistics_signs", random_signs),
    ("statistics_signs", random_signs_of_integers),
    ("statistics_signs", signs_of_normals),
    ("statistics_uniform_around_zero", uniform_of_variance_one),
    ("statistics_uniform_around_zero", uniform_around_zero),
    ("statistics_one_query", one_query_for_all),
    ("statistics_one_query", one_query_for_all_keys_first),
    ("statistics_one_query", first_query_for_all),
    ("statistics_one_query", query_drawn_before_the_loop),
    ("statistics_one_query", one_key_for_all),
    ("statistics_width_missing", one_dimension_less),
    ("statistics_single_score", only_the_last_score),
    ("statistics_single_score", returns_after_the_first),
    ("statistics_columns", width_and_number_swapped),
    ("statistics_rounded", rounded_variances),
    ("statistics_scaled_by_n", scaled_by_root_of_n),
]


def keys_first(d_k, n, rng):
    k = rng.standard_normal((n, d_k))
    q = rng.standard_normal((n, d_k))
    return of((q * k).sum(-1), d_k)


def columns_are_vectors(d_k, n, rng):
    q, k = rng.standard_normal((d_k, n)), rng.standard_normal((d_k, n))
    return of((q * k).sum(axis=0), d_k)


def both_in_one_array(d_k, n, rng):
    q, k = rng.normal(0, 1, (2, n, d_k))
    return of(np.einsum("nd,nd->n", q, k), d_k)


def pairs_side_by_side(d_k, n, rng):
    both = rng.standard_normal((n, 2, d_k))
    return of((both[:, 0] * both[:, 1]).sum(-1), d_k)


def numbers_side_by_side(d_k, n, rng):
    both = rng.standard_normal((n, d_k, 2))
    return of(both.prod(axis=-1).sum(-1), d_k)


def number_by_number(d_k, n, rng):
    s = [sum(rng.standard_normal() * rng.normal() for _ in range(d_k)) for _ in range(n)]
    return statistics.pvariance(s), statistics.pvariance([x / d_k**0.5 for x in s])


def diagonal_of_all(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    return of(np.diagonal(q @ k.T), d_k)


def multivariate(d_k, n, rng):
    q, k = (rng.multivariate_normal(np.zeros(d_k), np.eye(d_k), size=n) for _ in range(2))
    return of((q * k).sum(-1), d_k)


def in_chunks(d_k, n, rng):
    s = []
    for start in range(0, n, 3):
        m = min(3, n - start)
        s += list((rng.standard_normal((m, d_k)) * rng.standard_normal((m, d_k))).sum(-1))
    return np.var(s, ddof=1), np.var(np.array(s) / np.sqrt(d_k), ddof=1)


def in_float32(d_k, n, rng):
    q, k = rng.standard_normal((2, n, d_k), dtype=np.float32).astype(float)
    return of((q * k).sum(-1), d_k)


RIGHT_STATISTICS = [
    keys_first,
    columns_are_vectors,
    both_in_one_array,
    pairs_side_by_side,
    numbers_side_by_side,
    number_by_number,
    diagonal_of_all,
    multivariate,
    in_chunks,
    in_float32,
]

# --- lesson 05: masks -------------------------------------------------------------------------------------------


def outer(tokens, pad):
    real = tokens != pad
    return (real[:, :, None] & real[:, None, :])[:, None]


def outer_without_heads(tokens, pad):
    real = tokens != pad
    return real[:, :, None] * real[:, None, :]


def causal_last_row_forgotten(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T - 1):
        mask[i, : i + 1] = True
    return mask


def causal_returns_in_the_loop(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T):
        mask[i, : i + 1] = True
        return mask


def causal_for_four(T):
    return np.tril(np.ones((4, 4), dtype=bool))


def causal_slice_off_by_one(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T):
        mask[i, :i] = True
    return mask


def causal_band(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T):
        mask[i, i] = True
        if i > 0:
            mask[i, i - 1] = True
    return mask


def causal_first_column(T):
    mask = np.zeros((T, T), dtype=bool)
    mask[:, 0] = True
    return mask


def causal_wrong_triangle_of_numbers(T):
    return np.triu(np.ones((T, T)))


def causal_one_row(T):
    return np.arange(T) <= T


def padding_first_sentence_only(tokens, pad):
    mask = np.zeros((len(tokens), 1, 1, tokens.shape[1]), dtype=bool)
    for b in range(len(tokens)):
        mask[b, 0, 0] = tokens[b] != pad
        return mask


def padding_last_sentence_forgotten(tokens, pad):
    mask = np.ones((len(tokens), 1, 1, tokens.shape[1]), dtype=bool)
    for b in range(len(tokens) - 1):
        mask[b, 0, 0] = tokens[b] != pad
    return mask


def padding_last_token_forgotten(tokens, pad):
    mask = np.zeros((len(tokens), 1, 1, tokens.shape[1]), dtype=bool)
    for t in range(tokens.shape[1] - 1):
        mask[:, 0, 0, t] = tokens[:, t] != pad
    return mask


def padding_axes_at_the_end(tokens, pad):
    return (tokens != pad)[:, :, None, None]


def padding_axes_in_front(tokens, pad):
    return (tokens != pad)[None, None]


def padding_inverted_numbers(tokens, pad):
    return (tokens == pad).astype(int)[:, None, None, :]


def padding_full(tokens, pad):
    return np.repeat((tokens != pad)[:, None, None, :], tokens.shape[1], axis=2)


def padding_until_the_first_pad(tokens, pad):
    return np.cumprod(tokens != pad, axis=1).astype(bool)[:, None, None, :]


def padding_from_zero_up(tokens, pad):
    return (tokens >= pad)[:, None, None, :]


def decoder_by_sum(tokens, pad):
    return masks.padding_mask(tokens, pad).astype(int) + masks.causal_mask(tokens.shape[1])


def decoder_outer_only(tokens, pad):
    return outer(tokens, pad)


def decoder_of_length_B(tokens, pad):
    return masks.padding_mask(tokens, pad) & masks.causal_mask(len(tokens))


def decoder_by_python_and(tokens, pad):
    return masks.padding_mask(tokens, pad) and masks.causal_mask(tokens.shape[1])


def decoder_first_of_both(tokens, pad):
    return masks.padding_mask(tokens, pad), masks.causal_mask(tokens.shape[1])


def causal_by_outer(T):
    return np.greater_equal.outer(np.arange(T), np.arange(T))


def causal_by_lists(T):
    return np.array([[j <= i for j in range(T)] for i in range(T)])


def causal_by_sum(T):
    return np.cumsum(np.eye(T), axis=0).astype(bool)


RIGHT_CAUSALS = [causal_by_outer, causal_by_lists, causal_by_sum]


def padding_by_loop(tokens, pad):
    mask = np.ones((len(tokens), 1, 1, tokens.shape[1]), dtype=bool)
    for b, row in enumerate(tokens):
        for t, token in enumerate(row):
            if token == pad:
                mask[b, 0, 0, t] = False
    return mask


def padding_by_where(tokens, pad):
    return np.where(tokens == pad, False, True)[:, np.newaxis, np.newaxis]


def padding_by_not_equal(tokens, pad):
    return np.not_equal(tokens, pad).reshape(tokens.shape[0], 1, 1, tokens.shape[1])


RIGHT_PADDINGS = [padding_by_loop, padding_by_where, padding_by_not_equal]


def decoder_by_where(tokens, pad):
    return np.where(causal_by_outer(tokens.shape[1]), padding_by_where(tokens, pad), False)


def decoder_by_loop(tokens, pad):
    B, T = tokens.shape
    mask = np.zeros((B, 1, T, T), dtype=bool)
    for b in range(B):
        for i in range(T):
            mask[b, 0, i, : i + 1] = tokens[b, : i + 1] != pad
    return mask


def decoder_by_tril(tokens, pad):
    return np.tril(np.repeat(padding_by_where(tokens, pad), tokens.shape[1], axis=2))


RIGHT_DECODERS = [decoder_by_where, decoder_by_loop, decoder_by_tril]

CAUSALS = [
    ("causal_loop_ends_early", causal_last_row_forgotten),
    ("causal_return_in_the_loop", causal_returns_in_the_loop),
    ("causal_fixed_length", causal_for_four),
    ("causal_strict", causal_slice_off_by_one),
    ("causal_band", causal_band),
    ("causal_first_token", causal_first_column),
    ("M01", causal_wrong_triangle_of_numbers),
]
PADDINGS = [
    ("padding_outer", outer),
    ("padding_outer", outer_without_heads),
    ("padding_return_in_the_loop", padding_first_sentence_only),
    ("padding_loop_ends_early", padding_last_sentence_forgotten),
    ("padding_loop_ends_early", padding_last_token_forgotten),
    ("padding_axes_elsewhere", padding_axes_at_the_end),
    ("padding_axes_elsewhere", padding_axes_in_front),
    ("padding_inverted", padding_inverted_numbers),
    ("padding_full", padding_full),
    ("padding_until_first", padding_until_the_first_pad),
    ("padding_above", padding_from_zero_up),
]
DECODERS = [
    ("M15", decoder_by_sum),
    ("decoder_outer", decoder_outer_only),
    ("decoder_returns_both", decoder_first_of_both),
]

# --- lesson 12: training_step -----------------------------------------------------------------------------------

LINES = {
    "train": "model.train()",
    "zero": "optimizer.zero_grad()",
    "loss": "loss = mean_loss(model, batch)",
    "backward": "loss.backward()",
    "clip": "clip_grad_norm_(model.parameters(), clip)",
    "step": "optimizer.step()",
    "answer": "return loss.item()",
}


def step(**changed):
    """Return the right training step with some of its lines replaced."""
    body = "\n".join(f"    {line}" for line in (LINES | changed).values() if line)
    space = {"clip_grad_norm_": clip_grad_norm_, "torch": torch}
    exec(f"def training_step(model, batch, optimizer, mean_loss, clip):\n{body}\n", space)
    return space["training_step"]


STEPS = [
    ("item_not_called", step(answer="return loss.item")),
    ("item_not_called", step(answer="return loss.tolist")),
    ("parameters_not_called", step(clip="clip_grad_norm_(model.parameters, clip)")),
    ("mean_loss_not_called", step(loss="loss = mean_loss")),
    ("clip_arguments_swapped", step(clip="clip_grad_norm_(clip, model.parameters())")),
    ("clip_of_model", step(clip="clip_grad_norm_(model, clip)")),
    ("left_in_evaluation", step(answer="model.eval(); return loss.item()")),
    ("H09", step(zero="optimizer.zero_grad")),
    ("no_step", step(step="optimizer.step")),
    ("zero_between", step(zero="", step="optimizer.zero_grad(); optimizer.step()")),
]

RIGHT_STEPS = [
    step(train="was = model.training; model.train()", answer="model.train(was); return loss.item()"),
    step(answer="return loss.tolist()"),
    step(answer="return loss.detach().numpy().item()"),
    step(zero="model.zero_grad()"),
    step(clip="clip_grad_norm_(list(model.parameters()), max_norm=clip)"),
]

# --- lesson 12: accuracy_by_phenomenon --------------------------------------------------------------------------


def twenty_one_columns(contains, right):
    accuracy, counts = np.full(21, np.nan), np.zeros(21, dtype=int)
    for c in range(21):
        counts[c] = contains[:, c].sum()
        accuracy[c] = right[contains[:, c]].mean()
    return accuracy, counts


def twenty_one_in_a_list(contains, right):
    accuracy = [right[contains[:, c]].mean() for c in range(21)]
    return np.array(accuracy), contains.sum(axis=0)


def twenty_one_places(contains, right):
    accuracy = np.full(21, np.nan)
    for c in range(contains.shape[1]):
        accuracy[c] = right[contains[:, c]].mean()
    return accuracy, contains.sum(axis=0)


def last_column_forgotten(contains, right):
    counts = np.zeros(contains.shape[1], dtype=int)
    accuracy = np.full(contains.shape[1], np.nan)
    for c in range(contains.shape[1] - 1):
        counts[c] = contains[:, c].sum()
        accuracy[c] = right[contains[:, c]].mean()
    return accuracy, counts


def last_sentence_forgotten(contains, right):
    counts, hits = np.zeros(contains.shape[1]), np.zeros(contains.shape[1])
    for n in range(len(right) - 1):
        counts += contains[n]
        hits += contains[n] & right[n]
    return hits / counts, counts


def returns_after_the_first_column(contains, right):
    counts = np.zeros(contains.shape[1], dtype=int)
    accuracy = np.full(contains.shape[1], np.nan)
    for c in range(contains.shape[1]):
        counts[c] = contains[:, c].sum()
        accuracy[c] = right[contains[:, c]].mean()
        return accuracy, counts


def zeros_like_counts(contains, right):
    counts = contains.sum(axis=0)
    accuracy = np.zeros_like(counts)
    for c in range(len(counts)):
        if counts[c]:
            accuracy[c] = (contains[:, c] & right).sum() / counts[c]
    return accuracy, counts


def counts_of_length_N(contains, right):
    return (contains & right[:, None]).sum(0) / contains.sum(0), np.array([len(contains)])


def right_not_lined_up(contains, right):
    return (contains & right).sum(axis=0) / contains.sum(axis=0), contains.sum(axis=0)


def columns_in_another_order(contains, right):
    counts = contains.sum(0)
    order = np.argsort(-counts, kind="stable")
    return ((contains & right[:, None]).sum(0) / counts)[order], counts[order]


def python_and(contains, right):
    return (contains and right[:, None]).sum(axis=0) / contains.sum(axis=0), contains.sum(axis=0)


def count_of_shares(contains, right):
    return contains[right].mean(axis=0), contains.sum(axis=0)


def sum_not_called(contains, right):
    return (contains & right[:, None]).sum(axis=0) / contains.sum, contains.sum(axis=0)


def nan_becomes_minus_one(contains, right):
    counts = contains.sum(axis=0)
    return np.where(counts > 0, (contains & right[:, None]).sum(0) / np.maximum(counts, 1), -1), counts


def none_for_none(contains, right):
    counts = contains.sum(axis=0)
    hits = (contains & right[:, None]).sum(0)
    return np.array([h / n if n else None for h, n in zip(hits, counts, strict=True)]), counts


ACCURACIES = [
    ("columns_fixed", twenty_one_columns),
    ("columns_fixed", twenty_one_in_a_list),
    ("columns_fixed", twenty_one_places),
    ("loop_ends_early", last_column_forgotten),
    ("loop_ends_early", last_sentence_forgotten),
    ("return_in_the_loop", returns_after_the_first_column),
    ("whole_division", zeros_like_counts),
    ("another_order", columns_in_another_order),
    ("divided_by_right", count_of_shares),
    ("another_value_for_none", nan_becomes_minus_one),
    ("right_not_lined_up", right_not_lined_up),
]

# --- answers of a second hunt -----------------------------------------------------------------------------------


def only_without_mask_scaled(q, k, v, mask=None):
    s = q @ np.swapaxes(k, -1, -2)
    if mask is None:
        s = s / np.sqrt(q.shape[-1])
    w = reference.softmax(s, mask)
    return w @ v, w


def only_with_mask_scaled(q, k, v, mask=None):
    s = q @ np.swapaxes(k, -1, -2)
    if mask is not None:
        s = s / np.sqrt(q.shape[-1])
    w = reference.softmax(s, mask)
    return w @ v, w


def output_scaled(q, k, v, mask=None):
    w = reference.softmax(q @ np.swapaxes(k, -1, -2), mask)
    return (w @ v) / np.sqrt(q.shape[-1]), w


def keys_counted_as_queries(q, k, v, mask=None):
    s = np.zeros((*q.shape[:-1], k.shape[-2]))
    for i in range(q.shape[-2]):
        for j in range(q.shape[-2]):
            s[..., i, j] = (q[..., i, :] * k[..., j, :]).sum(-1) / np.sqrt(q.shape[-1])
    w = reference.softmax(s, mask)
    return w @ v, w


def output_overwritten(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1]
    for j in range(k.shape[-2]):
        output = w[..., j : j + 1] * v[..., j : j + 1, :]
    return output, w


def causal_unasked(q, k, v, mask=None):
    s = scaled(q, k)
    causal = np.tri(*s.shape[-2:], dtype=bool)
    w = reference.softmax(s, causal if mask is None else mask & causal)
    return w @ v, w


def infinite_weights(q, k, v, mask=None):
    w = reference.softmax(scaled(q, k))
    if mask is not None:
        w = np.where(mask, w, -INF)
    return w @ v, w


def where_of_none(x, mask=None):
    return shares(np.exp((y := np.where(mask, x, -INF)) - top_of(y)))


def negative_billion_added(x, mask=None):
    if mask is not None:
        x = x + (1.0 - mask) * -1e9
    return shares(np.exp(x - top_of(x)))


def booleans_added(x, mask=None):
    return reference.softmax(x if mask is None else x + mask)


def infinite_shares(x, mask=None):
    w = reference.softmax(x)
    return w if mask is None else np.where(mask, w, -INF)


def plus_infinity(x, mask=None):
    y = x if mask is None else np.where(mask, x, INF)
    return shares(np.exp(y - top_of(y)))


def no_maximum_with_rule(x, mask=None):
    return shares(np.exp(filled(x, mask)))


def paired(scores):
    """Return the statistics of scores that are made of q and k, both (n, d_k)."""

    def score_statistics(d_k, n, rng):
        q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
        return of(scores(q, k), d_k)

    return score_statistics


def unit_rows(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def squares(d_k, n, rng):
    q = rng.standard_normal((n, d_k))
    return of((q * q).sum(-1), d_k)


def causal_from_row_1(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(1, T):
        mask[i, : i + 1] = True
    return mask


def first_pad_only(tokens, pad):
    mask = np.ones(tokens.shape, dtype=bool)
    for b, row in enumerate(tokens):
        for t, token in enumerate(row):
            if token == pad:
                mask[b, t] = False
                break
    return mask[:, None, None]


def up_to_argmax(tokens, pad):
    first = np.argmax(tokens == pad, axis=1)
    return (np.arange(tokens.shape[1]) < first[:, None])[:, None, None, :]


def outer_of_pads(tokens, pad):
    pads = tokens == pad
    return ~(pads[:, :, None] * pads[:, None, :])[:, None]


def decoder_without_parentheses(tokens, pad):
    return tokens[:, None, None, :] != pad & masks.causal_mask(tokens.shape[1])


def decoder_as_in_pytorch(tokens, pad):
    return (tokens == pad)[:, None, None] | ~masks.causal_mask(tokens.shape[1])


def decoder_rows_filled(tokens, pad):
    mask = masks.decoder_mask(tokens, pad)
    return np.where(mask.any(-1, keepdims=True), mask, True)


def decoder_matmul(tokens, pad):
    return masks.padding_mask(tokens, pad) @ masks.causal_mask(tokens.shape[1])


def adding_up(count):
    """Return accuracies of a loop over sentences n and constructions c; ``count`` gives what is tried and what hits."""

    def accuracy_by_phenomenon(contains, right):
        N, C = contains.shape
        counts, hits = np.zeros(C), np.zeros(C)
        for n in range(N):
            for c in range(C):
                more = count(contains, right, n, c)
                counts[c] += more[0]
                hits[c] += more[1]
        return hits / counts, counts

    return accuracy_by_phenomenon


def never_set_back(contains, right):
    hits, found = np.zeros(contains.shape[1]), 0
    for c in range(contains.shape[1]):
        for n in range(len(right)):
            found += contains[n, c] and right[n]
        hits[c] = found
    return hits / contains.sum(0), contains.sum(0)


BY_HAND = "n = torch.sqrt(sum((p.grad**2).sum() for p in model.parameters()))\n    for p in model.parameters(): "

SECOND_HUNT = [
    ("mean_over_heads", "overwritten_in_the_loop", lambda weights: weights[:, -1] / weights.shape[1]),
    ("mean_over_heads", "axes_squeezed", lambda weights: np.squeeze(weights.mean(axis=1))),
    ("mean_over_heads", "divided_by_another_count", lambda w: w.sum(1) / (w.shape[0] * w.shape[1])),
    ("mean_over_heads", "mean_over_everything", lambda weights: np.sum(list(weights)) / weights.shape[1]),
    ("softmax", "softmax_without_mask_blocked", where_of_none),
    ("softmax", "softmax_small_fill", negative_billion_added),
    ("softmax", "softmax_mask_added", booleans_added),
    ("softmax", "softmax_infinity_after", infinite_shares),
    ("softmax", "softmax_plus_infinity", plus_infinity),
    ("softmax", "softmax_overflows", no_maximum_with_rule),
    ("attention", "scale_only_with_mask", only_with_mask_scaled),
    ("attention", "scale_only_with_mask", only_without_mask_scaled),
    ("attention", "scale_of_output", output_scaled),
    ("attention", "loop_of_another_length", keys_counted_as_queries),
    ("attention", "overwritten_in_the_loop", output_overwritten),
    ("attention", "always_causal", causal_unasked),
    ("attention", "infinity_after", infinite_weights),
    ("attention", "without_mask_blocked", attention_with(softmax=where_of_none)),
    ("score_statistics", "statistics_same_vector", squares),
    ("score_statistics", "statistics_added", paired(lambda q, k: (q + k).sum(-1))),
    ("score_statistics", "statistics_unit_vectors", paired(lambda q, k: (unit_rows(q) * k).sum(-1))),
    ("score_statistics", "statistics_mean_of_products", paired(lambda q, k: (q * k).mean(-1))),
    ("score_statistics", "statistics_no_sum", paired(lambda q, k: q * k)),
    ("score_statistics", "statistics_all_pairs", paired(lambda q, k: q @ k.T)),
    ("causal_mask", "causal_loop_begins_late", causal_from_row_1),
    ("causal_mask", "causal_additive", lambda T: np.triu(np.full((T, T), -INF), k=1)),
    ("causal_mask", "causal_additive", lambda T: np.where(np.tri(T) == 1, 0, -1e9)),
    ("padding_mask", "padding_additive", lambda tokens, pad: (tokens == pad)[:, None, None] * -1e9),
    ("padding_mask", "padding_no_axes", lambda tokens, pad: tokens == pad),
    ("padding_mask", "padding_first_pad_only", first_pad_only),
    ("padding_mask", "padding_argmax", up_to_argmax),
    ("padding_mask", "padding_outer_of_pads", outer_of_pads),
    ("decoder_mask", "decoder_precedence", decoder_without_parentheses),
    ("decoder_mask", "decoder_python_and", decoder_by_python_and),
    ("decoder_mask", "decoder_inverted", decoder_as_in_pytorch),
    ("decoder_mask", "decoder_empty_rows_filled", decoder_rows_filled),
    ("decoder_mask", "decoder_matrix_product", decoder_matmul),
    ("training_step", "clip_into_backward", step(backward="loss.backward(clip)")),
    (
        "training_step",
        "clip_each_parameter",
        step(clip="[p.grad.mul_(min(1, clip / (p.grad.norm() + 1e-6))) for p in model.parameters()]"),
    ),
    ("training_step", "clip_values", step(clip="[p.grad.clamp_(-clip, clip) for p in model.parameters()]")),
    (
        "accuracy_by_phenomenon",
        "right_not_lined_up",
        adding_up(lambda contains, right, n, c: (contains[n, c], contains[n, c] and right[c])),
    ),
    (
        "accuracy_by_phenomenon",
        "all_right_ones",
        adding_up(lambda contains, right, n, c: (contains[n, c], right[n])),
    ),
    (
        "accuracy_by_phenomenon",
        "right_ones_below",
        adding_up(lambda contains, right, n, c: (contains[n, c] and right[n],) * 2),
    ),
    ("accuracy_by_phenomenon", "not_set_back", never_set_back),
]


def by_box_and_muller(d_k, n, rng):
    u, angle = 1 - rng.random((2, n, d_k)), 2 * np.pi * rng.random((2, n, d_k))
    q, k = np.sqrt(-2 * np.log(u)) * np.cos(angle)
    return of((q * k).sum(-1), d_k)


def one_billionth_added(x, mask=None):
    y = filled(x, mask)
    e = np.exp(y - top_of(y))
    return e / (e.sum(axis=-1, keepdims=True) + 1e-9)


RIGHT_OF_SECOND_HUNT = [
    ("score_statistics", by_box_and_muller),
    ("softmax", one_billionth_added),
    ("training_step", step(clip=BY_HAND + "p.grad *= min(1.0, clip / n)")),
    ("training_step", step(backward="(1 * loss).backward()", loss="loss = mean_loss(model=model, batch=batch)")),
]

WRONG = [
    *(("mean_over_heads", *each) for each in MEANS),
    *(("softmax", *each) for each in SOFTMAXES),
    *(("attention", *each) for each in ATTENTIONS),
    *(("score_statistics", *each) for each in STATISTICS),
    *(("causal_mask", *each) for each in CAUSALS),
    *(("padding_mask", *each) for each in PADDINGS),
    *(("decoder_mask", *each) for each in DECODERS),
    *(("training_step", *each) for each in STEPS),
    *(("accuracy_by_phenomenon", *each) for each in ACCURACIES),
    *SECOND_HUNT,
]
RIGHT = [
    *(("softmax", right) for right in RIGHT_SOFTMAXES),
    *(("attention", attention_with(softmax=right)) for right in RIGHT_SOFTMAXES),
    *(("score_statistics", right) for right in RIGHT_STATISTICS),
    *(("training_step", right) for right in RIGHT_STEPS),
    *(("causal_mask", right) for right in RIGHT_CAUSALS),
    *(("padding_mask", right) for right in RIGHT_PADDINGS),
    *(("decoder_mask", right) for right in RIGHT_DECODERS),
    *RIGHT_OF_SECOND_HUNT,
]

NOT_CALLED = "Which parentheses are missing?"
ONE_NUMBER = "Which library does it to all entries?"
YES_OR_NO = "whether it is None, or something about its entries?"
RETURNED = "What exactly stands behind your return?"
AXES_RIGHT = "at which step do you and yours part?"

# No known mistake: what is asked all the same.
ASKED = [
    ("mean_over_heads", mean_without_parentheses, "Which parentheses are missing there?"),
    ("mean_over_heads", prints_it, "Which of its lines should begin with return?"),
    ("mean_over_heads", a_pair, RETURNED),
    ("mean_over_heads", lambda weights: weights.mean(axis=1) ** 2, AXES_RIGHT),
    ("softmax", by_math_exp, ONE_NUMBER),
    ("softmax", max_not_called, NOT_CALLED),
    ("softmax", mask_is_none_by_equality, YES_OR_NO),
    ("softmax", shares_and_sum, RETURNED),
    ("attention", with_math_exp, ONE_NUMBER),
    ("attention", weights_by_star, "what does that step start from?"),
    ("attention", three_results, RETURNED),
    ("attention", masked_by_equality, YES_OR_NO),
    ("score_statistics", an_array_of_two, RETURNED),
    ("score_statistics", variances_along_an_axis, RETURNED),
    ("score_statistics", variance_not_called, "Which parentheses are missing there?"),
    ("causal_mask", causal_one_row, "what does that step start from?"),
    ("decoder_mask", decoder_of_length_B, "Which axes should meet there?"),
    ("training_step", step(step="model.step()"), "which names does it offer?"),
    ("training_step", step(backward="optimizer.backward()"), "which names does it offer?"),
    ("training_step", step(answer="return 0.0"), "What happens to it on its way to your return?"),
    ("accuracy_by_phenomenon", counts_of_length_N, "what does that step start from?"),
    ("accuracy_by_phenomenon", python_and, YES_OR_NO),
    ("accuracy_by_phenomenon", sum_not_called, NOT_CALLED),
    ("accuracy_by_phenomenon", none_for_none, RETURNED),
]

# A wrong type and another mistake: the type is forgiven to find the other one, and both are told.
TWO_AT_ONCE = [
    ("training_step", step(zero="", answer="return loss"), ("H09", "tensor_with_graph")),
    ("training_step", step(step="", answer="return loss"), ("no_step", "tensor_with_graph")),
    ("training_step", step(train="", answer="return loss.detach()"), ("H15", "detached_tensor")),
    ("training_step", step(clip="", answer="return loss.detach().numpy()"), ("no_clip", "returns_array")),
    ("causal_mask", lambda T: np.tril(np.ones((T, T)), k=-1), ("causal_strict",)),
    ("padding_mask", padding_inverted_numbers, ("padding_inverted",)),
    ("softmax", lambda x, mask=None: by_rounded_base(x, mask).tolist(), ("softmax_base_rounded",)),
    ("mean_over_heads", lambda weights: weights.sum(axis=1).tolist(), ("sum_of_heads",)),
    ("accuracy_by_phenomenon", lambda c, r: (list(c[r].sum(0) / len(c)), list(c.sum(0))), ("divided_by_all",)),
]


def mirrored(T):
    return np.tril(np.ones((T, T), dtype=bool))[:, ::-1]


def counted_from_the_left(tokens, pad):
    n = (tokens != pad).sum(axis=1)
    return (np.arange(tokens.shape[1]) < n[:, None])[:, None, None]


def mirrored_and_real(tokens, pad):
    return (tokens != pad)[:, None, None] & mirrored(tokens.shape[1])


X = np.random.default_rng(1).standard_normal((2, 3, 4, 5))
TOKENS = np.array([[9, 9, 4, 5], [3, 4, 9, 9]])
CONTAINS = np.array([[True, False, True], [True, True, False], [False, False, True], [False, True, True]])

# Right shapes, and right sums of rows (of everything, for the accuracies; the right ratio, for the variances).
SAME_SUMS = [
    ("mean_over_heads", pairwise_means, (reference.softmax(X),)),
    ("softmax", by_rounded_base, (X,)),
    ("attention", attention_with(root_of_heads), (X, X, np.ones((2, 3, 4, 2)))),
    ("repair_attention", attention_with(scaled_by_root_plus_one), (X, X, np.ones((2, 3, 4, 2)))),
    ("causal_mask", mirrored, (5,)),
    ("padding_mask", counted_from_the_left, (TOKENS, 9)),
    ("decoder_mask", mirrored_and_real, (np.array([[1, 2, 3]]), 9)),
    ("accuracy_by_phenomenon", columns_in_another_order, (CONTAINS, np.array([True, True, False, True]))),
]


def _ids(each):
    return each if isinstance(each, str) else getattr(each, "__name__", "")


def hints_of(exercise):
    return {mistake.id: mistake.hint for mistake in get(exercise).mistakes}


@pytest.mark.parametrize(("exercise", "mistake", "wrong"), WRONG, ids=_ids)
def test_wrong_answers_are_named(exercise, mistake, wrong):
    found = diagnose(exercise, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert hints_of(exercise)[mistake] in found.message


@pytest.mark.parametrize(("exercise", "right"), RIGHT, ids=_ids)
def test_right_answers_pass(exercise, right):
    found = diagnose(exercise, right)
    assert found.status == "passed", found.message


@pytest.mark.parametrize(("exercise", "wrong", "question"), ASKED, ids=_ids)
def test_what_has_no_name_gets_a_fitting_question(exercise, wrong, question):
    found = diagnose(exercise, wrong)
    assert (found.status, found.mistake) == ("failed", None), found
    assert found.message.endswith(question)


@pytest.mark.parametrize(("exercise", "wrong", "mistakes"), TWO_AT_ONCE, ids=_ids)
def test_a_wrong_type_hides_no_other_mistake(exercise, wrong, mistakes):
    found = diagnose(exercise, wrong)
    assert (found.status, found.mistake) == ("failed", mistakes[-1]), found.message
    at = [found.message.index(hints_of(exercise)[mistake]) for mistake in mistakes]
    assert at == sorted(at)
    assert "\n  And besides: " in found.message
    assert found.message.endswith(hints_of(exercise)[mistakes[-1]])


def test_a_wrong_type_alone_is_told_alone():
    for answer in ("return loss", "return loss.detach()", "return loss.detach().numpy()"):
        assert "besides" not in diagnose("training_step", step(answer=answer)).message
    assert "besides" not in diagnose("causal_mask", lambda T: np.tril(np.ones((T, T)))).message
    assert "besides" not in diagnose("softmax", lambda x, mask=None: reference.softmax(x, mask).tolist()).message


@pytest.mark.parametrize(("exercise", "wrong", "arguments"), SAME_SUMS, ids=_ids)
def test_right_shapes_and_sums_are_not_enough(exercise, wrong, arguments):
    results = [function(*arguments) for function in (get(exercise).reference, wrong)]
    for right, got in zip(*(each if isinstance(each, tuple) else (each,) for each in results), strict=True):
        assert right.shape == got.shape
        np.testing.assert_allclose(right.sum(axis=-1), got.sum(axis=-1))
    found = diagnose(exercise, wrong)
    assert found.status == "failed"
    assert found.message.endswith("?")
    assert found.mistake is not None


def test_a_right_ratio_of_variances_is_not_enough():
    raw, scaled_one = one_query_for_all(16, 50, np.random.default_rng(1))
    assert raw == pytest.approx(16 * scaled_one)
    assert diagnose("score_statistics", one_query_for_all).mistake == "statistics_one_query"


def test_a_right_loss_is_not_enough():
    assert diagnose("training_step", step(clip="")).mistake == "no_clip"


def squared_shares(x, mask=None):
    w = reference.softmax(x, mask)
    w = np.where(w.shape[-1] == 5, w**2, w)  # the cases by hand have three entries
    return w / np.where((total := w.sum(axis=-1, keepdims=True)) > 0, total, 1)


def along_axis_1_for_three(x, mask=None):
    if x.ndim < 3:
        return reference.softmax(x, mask)
    moved = np.moveaxis(x, 1, -1)
    return np.moveaxis(reference.softmax(moved**1.0 * 1.001), -1, 1)


def test_nobody_is_asked_about_axes_who_has_the_right_ones():
    found = diagnose("softmax", squared_shares)
    assert "On an array (2, 3, 4, 5): shares[" in found.message
    assert found.message.endswith(AXES_RIGHT)
    found = diagnose("softmax", along_axis_1_for_three)
    assert (found.mistake, found.message.endswith("Along which axis do your numbers sum to 1?")) == (None, True)


def test_the_type_of_a_limit_is_told_as_a_number():
    message = diagnose("training_step", step(clip="clip_grad_norm_(clip, model.parameters())")).message
    assert "'float' object is not iterable" in message


def test_a_step_may_give_the_mode_back_that_it_found():
    """The text does not say in which mode the model is to be afterwards: only a change of mode is asked about."""
    found = diagnose("training_step", step(answer="model.eval(); return loss.item()"))
    assert found.mistake == "left_in_evaluation"
    assert "The text wants" not in found.message


def test_a_softmax_that_refuses_integers_passes():
    def with_finfo(x, mask=None):
        lowest = np.finfo(x.dtype).min
        y = np.where(True if mask is None else mask, x, -INF)
        return shares(np.exp(y - np.maximum(y.max(axis=-1, keepdims=True), lowest)))

    assert diagnose("softmax", with_finfo).status == "passed"


def test_a_tensor_hides_no_other_mistake():
    def by_torch(x, mask=None):
        x = torch.tensor(x)
        if mask is not None:
            x = x.masked_fill(torch.tensor(~mask), -INF)
        return torch.softmax(x, -1)

    found = diagnose("softmax", by_torch)
    assert (found.status, found.mistake) == ("failed", "softmax_empty_nan")
    assert "it is of type Tensor" in found.message
    inverted = diagnose("padding_mask", lambda tokens, pad: torch.tensor(tokens == pad)[:, None, None])
    assert inverted.mistake == "padding_inverted"


def test_what_was_meant_is_not_guessed_from_one_case():
    """0 is allowed in a mask that is added, and yet the False of 0 and 1; two columns are no pair of results."""
    assert "besides" not in diagnose("causal_mask", lambda T: np.triu(np.full((T, T), -INF), k=1)).message

    def columns(contains, right):
        return np.stack([contains[right].sum(0) / contains.sum(0), contains.sum(0)], axis=1)

    assert "besides" not in diagnose("accuracy_by_phenomenon", columns).message


def test_nobody_is_told_of_chance_who_leaves_nothing_to_it():
    assert "Nobody asked for dropout" not in diagnose("attention", keys_counted_as_queries).message

    def always_the_same(q, k, v, mask=None):
        w = reference.attention(q, k, v, mask)[1]
        w = w * (np.random.default_rng(1).random(w.shape) > 0.3)
        return w @ v, w

    found = diagnose("attention", always_the_same)
    assert (found.status, found.mistake) == ("failed", None)


def test_normal_numbers_are_counted_only_where_they_are_drawn():
    def laplace(d_k, n, rng):
        q, k = rng.laplace(0, 0.5**0.5, (2, n, d_k))
        return of((q * k).sum(-1), d_k)

    found = diagnose("score_statistics", laplace)
    assert found.status == "failed"
    assert "normal numbers. How many" not in found.message

    def one_too_many(d_k, n, rng):
        q, k = rng.standard_normal((2, n, d_k))
        return of((q * k + rng.standard_normal((n, d_k)) * 1e-3).sum(-1), d_k)

    assert "With d_k = 3 and n = 4 you draw 36 normal numbers" in diagnose("score_statistics", one_too_many).message


def test_who_clips_by_hand_is_not_told_that_nothing_was_clipped():
    said = diagnose("training_step", step(clip=BY_HAND + "p.grad = p.grad.detach(); g = p.grad * min(1.0, clip / n)"))
    assert said.status == "failed"
    assert "and it is still too long" in said.message


def test_rounding_to_half_precision_is_asked_about_as_rounding():
    found = diagnose("softmax", lambda x, mask=None: reference.softmax(x, mask).astype(np.float16))
    assert found.message.endswith("Which of your lines rounds, asks for float32 or adds something small?")


def test_a_loop_is_not_put_down_to_half_of_the_mask():
    def returns_early(tokens, pad):
        mask = np.zeros((*tokens.shape[:1], 1, tokens.shape[1], tokens.shape[1]), dtype=bool)
        for b, row in enumerate(tokens):
            mask[b, 0] = masks.causal_mask(len(row)) & (row != pad)
            return mask

    found = diagnose("decoder_mask", returns_early)
    assert found.mistake == "padding_return_in_the_loop"
    assert "half" not in found.message


def test_two_mistakes_are_not_taken_for_a_rare_one():
    def no_causality_and_zero(tokens, pad):
        return np.repeat((tokens != 0)[:, None, None], tokens.shape[1], axis=2)

    assert diagnose("decoder_mask", no_causality_and_zero).mistake == "M17"


def test_near_code_uses_the_names_that_it_makes():
    near_code = get("softmax").hints[2]
    assert "return powers /" in near_code
    assert " e " not in near_code


def test_a_mean_of_nothing_on_the_way_is_told_in_words():
    def by_nanmean(contains, right):
        return np.nanmean(np.where(contains, right[:, None], np.nan), axis=0), contains.sum(axis=0)

    found = diagnose("accuracy_by_phenomenon", by_nanmean)
    assert found.status == "passed"
    assert "it takes the mean of no numbers on the way" in found.message
