"""The checks, tested from both sides: every known mistake is rejected under its own name, every right answer passes.

The wrong and the right answers here are written as learners write them, plain numpy from top to bottom. They share
nothing with the bank inside the package.
"""

import inspect
import math
import statistics

import numpy as np
import pytest

from course.lab.exercises import all_exercises, diagnose, get
from course.lessons.lesson_03 import reference

INF = np.inf


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def softmax(s, axis=-1):
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scaled(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])


def blocked(s, mask, fill=-INF):
    return s if mask is None else np.where(mask, s, fill)


# --- attention: the mistakes of the catalog ---------------------------------------------------------------------


def a01(q, k, v, mask=None):
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2), mask))
    return w @ v, w


def a03(q, k, v, mask=None):
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2) / np.sqrt(v.shape[-1]), mask))
    return w @ v, w


def a05(q, k, v, mask=None):
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2) * np.sqrt(q.shape[-1]), mask))
    return w @ v, w


def a07(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask), axis=-2)
    return w @ v, w


def a09(q, k, v, mask=None):
    s = blocked(scaled(q, k), mask)
    w = softmax(s.reshape(*s.shape[:-2], -1)).reshape(s.shape)
    return w @ v, w


def a11(q, k, v, mask=None):
    w = 1 / (1 + np.exp(-blocked(scaled(q, k), mask)))
    return w @ v, w


def a13(q, k, v, mask=None):
    w = softmax(blocked(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]), mask))
    return w @ v, w


def a13_swapaxes(q, k, v, mask=None):
    w = softmax(blocked(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]), mask))
    return w @ v, w


def a15(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask))
    return np.swapaxes(w, -1, -2) @ v, w


def a17(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask, 0.0))
    return w @ v, w


def a17_product(q, k, v, mask=None):
    s = scaled(q, k)
    w = softmax(s if mask is None else s * mask)
    return w @ v, w


def a19(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), None if mask is None else ~mask))
    return w @ v, w


def a21(q, k, v, mask=None):
    s = scaled(q, k)
    w = softmax(s if mask is None else s + mask.astype(float))
    return w @ v, w


def a23(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask, INF))
    return w @ v, w


def a25(q, k, v, mask=None):
    w = softmax(scaled(q, k))
    return w @ v, w


def a27(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask))
    return w @ v, w


def a29(q, k, v, mask=None):
    s = scaled(q, k)
    s = s * (np.random.rand(*s.shape) > 0.5) / 0.5  # noqa: NPY002
    w = softmax(blocked(s, mask))
    return w @ v, w


def a29_own_generator(q, k, v, mask=None):
    s = scaled(q, k)
    s = s * (np.random.default_rng().random(s.shape) > 0.3)
    w = softmax(blocked(s, mask))
    return w @ v, w


def a31(q, k, v, mask=None):
    e = np.exp(blocked(scaled(q, k), mask))
    w = e / e.sum(-1, keepdims=True)
    return w @ v, w


def a31_with_rule(q, k, v, mask=None):
    e = np.exp(blocked(scaled(q, k), mask))
    total = e.sum(-1, keepdims=True)
    w = e / np.where(total == 0, 1, total)
    return w @ v, w


def a33(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask, -10.0))
    return w @ v, w


def a35(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask, -1e9))
    return w @ v, w


def a35_with_rule(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask, -1e9))
    if mask is not None:
        w = w * mask.any(-1, keepdims=True)
    return w @ v, w


CATALOG = [a01, a03, a05, a07, a09, a11, a13, a13_swapaxes, a15, a17, a17_product, a19, a21, a23, a25, a27]
CATALOG += [a29, a29_own_generator, a31, a31_with_rule, a33, a35, a35_with_rule]


@pytest.mark.parametrize("wrong", CATALOG, ids=lambda f: f.__name__)
def test_attention_mistakes_of_the_catalog_are_named(wrong):
    found = diagnose("attention", wrong)
    assert (found.status, found.mistake) == ("failed", wrong.__name__[:3].upper())
    hint = {m.id: m.hint for m in get("attention").mistakes}[found.mistake]
    assert found.message.endswith(hint)


def test_the_catalog_is_complete():
    numbers = {f"A{n:02d}" for n in range(1, 36, 2)}
    assert {f.__name__[:3].upper() for f in CATALOG} == numbers
    assert numbers <= {m.id for m in get("attention").mistakes}


# --- attention: mistakes that learners make besides -------------------------------------------------------------


def scale_by_d_k(q, k, v, mask=None):
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2) / k.shape[-1], mask))
    return w @ v, w


def scale_by_root_of_keys(q, k, v, mask=None):
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2) / len(k) ** 0.5 if k.ndim == 2 else _by_keys(q, k), mask))
    return w @ v, w


def _by_keys(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-2])


def mask_after_softmax(q, k, v, mask=None):
    w = softmax(scaled(q, k))
    if mask is not None:
        w = np.where(mask, w, 0)
    return w @ v, w


def maximum_of_blocked(q, k, v, mask=None):
    w = softmax(scaled(q, k))
    if mask is not None:
        w = np.where(mask, w, 0)
        w = w / w.sum(-1, keepdims=True)
    return w @ v, w


def output_only(q, k, v, mask=None):
    return reference.attention(q, k, v, mask)[0]


def weights_first(q, k, v, mask=None):
    return reference.attention(q, k, v, mask)[::-1]


def reverse_all_axes(q, k, v, mask=None):
    w = softmax(blocked(q @ k.T / np.sqrt(q.shape[-1]), mask))
    return w @ v, w


def changes_arguments(q, k, v, mask=None):
    q *= 1 / math.sqrt(q.shape[-1])
    w = reference.softmax(q @ np.swapaxes(k, -1, -2), mask)
    return w @ v, w


def mask_of_full_shape(q, k, v, mask=None):
    s = scaled(q, k)
    if mask is not None:
        s[~mask] = -INF
    w = softmax(s)
    return w @ v, w


def uniform_empty_row(q, k, v, mask=None):
    s = scaled(q, k)
    w = softmax(blocked(s, mask, np.finfo(s.dtype).min))
    return w @ v, w


def single_precision(q, k, v, mask=None):
    w = reference.softmax(scaled(q, k), mask).astype(np.float32)
    return w @ v.astype(np.float32), w


def rounded(q, k, v, mask=None):
    w = reference.attention(q, k, v, mask)[1].round(3)
    return w @ v, w


def no_softmax(q, k, v, mask=None):
    w = scaled(q, k)
    if mask is not None:
        w = np.where(mask, w, 0)
    return w @ v, w


def dropout(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask))
    w = w * (np.random.default_rng().random(w.shape) > 0.2) / 0.8
    return w @ v, w


def one_maximum(q, k, v, mask=None):
    s = blocked(scaled(q, k), mask)
    e = np.exp(s - s.max())
    w = np.nan_to_num(e / e.sum(-1, keepdims=True))
    return w @ v, w


def scores_returned(q, k, v, mask=None):
    return reference.attention(q, k, v, mask)[0], scaled(q, k)


OURS = [scale_by_d_k, scale_by_root_of_keys, mask_after_softmax, maximum_of_blocked, output_only, weights_first]
OURS += [
    reverse_all_axes,
    changes_arguments,
    mask_of_full_shape,
    uniform_empty_row,
    single_precision,
    rounded,
    no_softmax,
]
OURS += [dropout, one_maximum, scores_returned]


@pytest.mark.parametrize("wrong", OURS, ids=lambda f: f.__name__)
def test_other_attention_mistakes_are_named(wrong):
    found = diagnose("attention", wrong)
    assert (found.status, found.mistake) == ("failed", wrong.__name__)


def with_scale(scale):
    def attention(q, k, v, mask=None):
        w = softmax(blocked(q @ np.swapaxes(k, -1, -2) / scale(q, k), mask))
        return w @ v, w

    return attention


SCALES = [
    ("scale_whole_number", lambda q, k: int(q.shape[-1] ** 0.5)),
    ("scale_whole_number", lambda q, k: math.isqrt(q.shape[-1])),
    ("scale_whole_number", lambda q, k: np.sqrt(q.shape[-1]) // 1),
    ("scale_whole_number", lambda q, k: round(np.sqrt(k.shape[-1]))),
    ("scale_fixed", lambda q, k: 2),
    ("scale_axis_from_front", lambda q, k: np.sqrt(len(q))),
    ("scale_axis_from_front", lambda q, k: np.sqrt(len(k))),
    ("scale_axis_from_front", lambda q, k: np.sqrt(q.shape[1])),
    ("scale_axis_from_front", lambda q, k: np.sqrt(k.shape[1])),
    ("scale_by_root_of_keys", lambda q, k: np.sqrt(k.shape[-2])),
    ("scale_half_of_d_k", lambda q, k: q.shape[-1] ** 1 / 2),
]


@pytest.mark.parametrize(("mistake", "scale"), SCALES)
def test_wrong_scales_are_named(mistake, scale):
    found = diagnose("attention", with_scale(scale))
    assert (found.status, found.mistake) == ("failed", mistake)


def by_product(s, mask):
    return s if mask is None else s + (~mask) * -INF


def by_product_of_numbers(s, mask):
    return s if mask is None else s + (1 - mask) * -INF


@pytest.mark.parametrize("block", [by_product, by_product_of_numbers])
@pytest.mark.parametrize("normalize", [softmax, reference.softmax])
def test_infinity_times_a_mask_is_named(block, normalize):
    def attention(q, k, v, mask=None):
        w = normalize(block(scaled(q, k), mask))
        return w @ v, w

    assert diagnose("attention", attention).mistake == "zero_times_infinity"
    assert diagnose("softmax", lambda x, mask=None: normalize(block(x, mask))).mistake == "softmax_zero_times_infinity"


def test_a_fill_of_nan_is_not_called_an_infinity():
    def attention(q, k, v, mask=None):
        w = softmax(blocked(scaled(q, k), mask, np.nan))
        return w @ v, w

    found = diagnose("attention", attention)
    assert found.mistake == "A23"
    assert found.message.endswith("Is your fill a number whose exp() is 0, or is it +inf or nan?")


def softmax_writes_by_index(x, mask=None):
    if mask is not None:
        x[~mask] = -INF
    return softmax(x)


def softmax_writes_by_copyto(x, mask=None):
    if mask is not None:
        np.copyto(x, -INF, where=~mask)
    return np.nan_to_num(softmax(x))


@pytest.mark.parametrize("wrong", [softmax_writes_by_index, softmax_writes_by_copyto], ids=lambda f: f.__name__)
def test_a_softmax_that_writes_into_x_is_named(wrong):
    assert diagnose("softmax", wrong).mistake == "softmax_changes_arguments"


def single_inside(q, k, v, mask=None):
    q, k, v = q.astype("float32"), k.astype("float32"), v.astype("float32")
    w = softmax(blocked(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), mask))
    return w @ v, w


def single_scores(q, k, v, mask=None):
    q, k = np.float32(q), np.float32(k)
    w = softmax(blocked(scaled(q, k), mask))
    return w @ v, w


def single_weights(q, k, v, mask=None):
    w = reference.softmax(scaled(q, k), mask).astype("f4")
    return w @ v, w


@pytest.mark.parametrize("wrong", [single_inside, single_scores, single_weights], ids=lambda f: f.__name__)
def test_float32_is_named_wherever_it_stands(wrong):
    assert diagnose("attention", wrong).mistake == "single_precision"


# --- attention: right answers -----------------------------------------------------------------------------------


def by_einsum(q, k, v, mask=None):
    s = np.einsum("...qd,...kd->...qk", q, k) / q.shape[-1] ** 0.5
    w = reference.softmax(s, mask)
    return np.einsum("...qk,...kv->...qv", w, v), w


def by_loops(q, k, v, mask=None):
    if q.ndim > 2:
        masks = np.broadcast_to(True if mask is None else mask, (*q.shape[:-1], k.shape[-2]))
        both = [by_loops(*each) for each in zip(q, k, v, masks, strict=True)]
        return np.stack([o for o, _ in both]), np.stack([w for _, w in both])
    w = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        allowed = [j for j in range(len(k)) if mask is None or np.broadcast_to(mask, w.shape)[i, j]]
        s = [sum(float(a) * float(b) for a, b in zip(q[i], k[j], strict=True)) / math.sqrt(q.shape[1]) for j in allowed]
        e = [math.exp(x - max(s)) for x in s]
        for j, x in zip(allowed, e, strict=True):
            w[i, j] = x / sum(e)
    return np.stack([sum((w[i, j] * v[j] for j in range(len(k))), np.zeros(v.shape[1])) for i in range(len(q))]), w


def minus_infinity_then_nan_to_num(q, k, v, mask=None):
    w = np.nan_to_num(softmax(blocked(scaled(q, k), mask)))
    return w @ v, w


def minus_infinity_then_where(q, k, v, mask=None):
    w = softmax(blocked(scaled(q, k), mask))
    w = np.where(np.isnan(w), 0.0, w)
    return np.matmul(w, v), w


def lowest_then_zero(q, k, v, mask=None):
    s = scaled(q, k)
    w = softmax(blocked(s, mask, np.finfo(s.dtype).min))
    if mask is not None:
        w = w * mask
    return w @ v, w


def scales_q_first(q, k, v, mask=None):
    w = reference.softmax((q / np.sqrt(q.shape[-1])) @ k.swapaxes(-2, -1), mask)
    return w @ v, w


def scales_k_by_power(q, k, v, mask=None):
    w = reference.softmax(q @ (np.swapaxes(k, -1, -2) * q.shape[-1] ** -0.5), mask)
    return w @ v, w


def splits_the_root(q, k, v, mask=None):
    root = q.shape[-1] ** 0.25
    w = reference.softmax((q / root) @ np.swapaxes(k / root, -1, -2), mask)
    return w @ v, w


def by_log_sum_exp(q, k, v, mask=None):
    s = blocked(scaled(q, k), mask)
    top = s.max(-1, keepdims=True)
    top = np.where(top == -INF, 0, top)
    log_sum = top + np.log(np.exp(s - top).sum(-1, keepdims=True))
    w = np.where(s == -INF, 0, np.exp(s - np.where(np.isinf(log_sum), 0, log_sum)))
    return w @ v, w


def exponential_times_mask(q, k, v, mask=None):
    s = scaled(q, k)
    allowed = np.ones_like(s, dtype=bool) if mask is None else np.broadcast_to(mask, s.shape)
    top = np.max(s, axis=-1, keepdims=True, where=allowed, initial=-INF)
    e = np.zeros_like(s)
    np.exp(s - np.where(np.isinf(top), 0, top), where=allowed, out=e)
    w = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(e.dtype).tiny)
    return w @ v, w


def adds_minus_infinity(q, k, v, mask=None):
    s = scaled(q, k)
    if mask is not None:
        s = s + np.where(mask, 0.0, -INF)
    s = s - np.maximum(s.max(-1, keepdims=True), np.finfo(s.dtype).min)
    e = np.exp(s)
    w = e / (e.sum(-1, keepdims=True) + (e.sum(-1, keepdims=True) == 0))
    return w @ v, w


def by_moveaxis(q, k, v, mask=None):
    w = reference.softmax(np.matmul(q, np.moveaxis(k, -1, -2)) / math.sqrt(k.shape[-1]), mask)
    return [np.matmul(w, v), w]


def negative_max_of_masked(q, k, v, mask=None, extra=None):
    s = scaled(q, k)
    if mask is None:
        mask = np.ones(s.shape[-2:], dtype=bool)
    s = np.where(mask, s, -INF)
    e = np.exp(s - np.nan_to_num(s.max(axis=-1), neginf=0.0)[..., None])
    z = e.sum(axis=-1)[..., None]
    w = np.divide(e, z, out=np.zeros_like(e), where=z != 0)
    return np.einsum("...ij,...jk", w, v), w


RIGHT = [
    by_einsum,
    by_loops,
    minus_infinity_then_nan_to_num,
    minus_infinity_then_where,
    lowest_then_zero,
    scales_q_first,
]
RIGHT += [scales_k_by_power, splits_the_root, by_log_sum_exp, exponential_times_mask, adds_minus_infinity, by_moveaxis]
RIGHT += [negative_max_of_masked]


@pytest.mark.parametrize("right", RIGHT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("id", ["attention", "repair_attention"])
def test_right_attentions_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


def test_torch_fused_attention_passes():
    torch = pytest.importorskip("torch")

    def fused(q, k, v, mask=None):
        tensors = [torch.from_numpy(a) for a in (q, k, v)]
        allowed = None if mask is None else torch.from_numpy(np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2])).copy())
        output = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=allowed)
        return output.numpy(), reference.attention(q, k, v, mask)[1]

    found = diagnose("attention", fused)
    assert found.status == "passed", found.message


# --- masks ------------------------------------------------------------------------------------------------------


def both(tokens, pad):
    return (tokens != pad)[:, None, None, :], np.tril(np.ones((tokens.shape[1],) * 2, dtype=bool))


WRONG_MASKS = {
    "M01": ("causal_mask", lambda T: np.arange(T)[:, None] <= np.arange(T)),
    "M03": ("causal_mask", lambda T: np.arange(T)[:, None] + 1 >= np.arange(T)),
    "M05": ("causal_mask", lambda T: np.full((T, T), True)),
    "M07": ("causal_mask", lambda T: np.flipud(np.tri(T, dtype=bool))),
    "M09": ("padding_mask", lambda tokens, pad: np.expand_dims(tokens != pad, (1, 3))),
    "M11": ("padding_mask", lambda tokens, pad: (tokens > 0)[:, None, None, :]),
    "M13": (
        "padding_mask",
        lambda tokens, pad: np.array([[[[j <= sum(row != pad) for j in range(len(row))]]] for row in tokens]),
    ),
    "M15": ("decoder_mask", lambda tokens, pad: np.logical_or(*both(tokens, pad))),
    "M17": ("decoder_mask", lambda tokens, pad: np.tile((tokens != pad)[:, None, None], (1, 1, tokens.shape[1], 1))),
}


@pytest.mark.parametrize("id", WRONG_MASKS)
def test_mask_mistakes_of_the_catalog_are_named(id):
    exercise, wrong = WRONG_MASKS[id]
    found = diagnose(exercise, wrong)
    assert (found.status, found.mistake) == ("failed", id)


def causal_by_loop(T):
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T):
        mask[i, : i + 1] = True
    return mask


RIGHT_MASKS = [
    ("causal_mask", lambda T: np.tri(T, dtype=bool)),
    ("causal_mask", lambda T: np.arange(T)[None, :] <= np.arange(T)[:, None]),
    ("causal_mask", lambda T: ~np.triu(np.ones((T, T), bool), 1)),
    ("causal_mask", causal_by_loop),
    ("padding_mask", lambda tokens, pad: np.expand_dims(tokens != pad, (1, 2))),
    ("padding_mask", lambda tokens, pad: ~(tokens == pad).reshape(len(tokens), 1, 1, -1)),
    ("padding_mask", lambda tokens, pad: np.array([[[[t != pad for t in row]]] for row in tokens.tolist()])),
    ("decoder_mask", lambda tokens, pad: np.logical_and(*both(tokens, pad))),
    ("decoder_mask", lambda tokens, pad: np.minimum(*both(tokens, pad))),
    ("decoder_mask", lambda tokens, pad: both(tokens, pad)[0] * both(tokens, pad)[1]),
]


@pytest.mark.parametrize(("id", "right"), RIGHT_MASKS)
def test_right_masks_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- the other exercises ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        (lambda x, mask=None: np.exp(x) / np.exp(x).sum(-1, keepdims=True), "softmax_mask_ignored"),
        (lambda x, mask=None: softmax(blocked(x, mask)), "softmax_empty_nan"),
        (lambda x, mask=None: softmax(blocked(x, mask), axis=0), "softmax_first_axis"),
    ],
)
def test_softmax_mistakes_are_named(wrong, mistake):
    assert diagnose("softmax", wrong).mistake == mistake


def test_statistics_may_draw_in_any_order():
    def keys_first(d_k, n, rng):
        k, q = rng.normal(size=(2, n, d_k))
        s = np.array([a @ b for a, b in zip(q, k, strict=True)])
        return np.var(s), np.var(s / d_k**0.5, ddof=0)

    assert diagnose("score_statistics", keys_first).status == "passed"


def test_statistics_must_use_the_generator():
    def own(d_k, n, rng):
        return reference.score_statistics(d_k, n, np.random.default_rng(0))

    found = diagnose("score_statistics", own)
    assert found.status == "failed"
    assert "generator" in found.message


def test_statistics_of_other_pairs():
    def twice(d_k, n, rng):
        return reference.score_statistics(d_k, n, rng)[0], reference.score_statistics(d_k, n, rng)[1]

    assert "same pairs" in diagnose("score_statistics", twice).message


def softmax_by_item(x, mask=None):
    if mask is not None:
        x = np.where(mask, x, -INF)
    top = x.max(axis=-1)
    top[np.isneginf(top)] = 0
    e = np.exp(x - top[..., None])
    total = e.sum(axis=-1)
    total[total == 0] = 1
    return e / total[..., None]


def softmax_of_wide_masks(x, mask=None):
    return reference.softmax(x, None if mask is None else np.atleast_2d(mask))


def test_a_softmax_must_take_the_plain_rows_of_the_notebook():
    """The cells below the exercise hand it arrays of a single axis, with and without a mask."""
    found = diagnose("softmax", softmax_by_item)
    assert (found.status, found.mistake) == ("failed", None)
    assert "in softmax_by_item:  top[np.isneginf(top)] = 0" in found.message
    assert found.message.endswith("Which of your steps needs two?")
    found = diagnose("softmax", softmax_of_wide_masks)
    assert found.status == "failed"
    assert "On a plain row of numbers with its last entry blocked" in found.message


def softmax_by_rows(x, mask=None):
    allowed = np.broadcast_to(True if mask is None else mask, x.shape)
    if x.ndim > 1:
        return np.array([softmax_by_rows(*each) for each in zip(x, allowed, strict=True)])
    shares = np.zeros(x.shape)
    if allowed.any():
        e = np.exp(x[allowed] - x[allowed].max())
        shares[allowed] = e / e.sum()
    return shares


def softmax_of_lowest(x, mask=None):
    x = np.where(True if mask is None else mask, x, -INF)
    e = np.exp(x - np.maximum(x.max(-1, keepdims=True), np.finfo(x.dtype).min))
    return e / np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)


@pytest.mark.parametrize("right", [softmax_by_rows, softmax_of_lowest], ids=lambda f: f.__name__)
def test_right_softmaxes_pass(right):
    found = diagnose("softmax", right)
    assert found.status == "passed", found.message


def pairs(d_k, n, rng):
    return (rng.standard_normal((n, d_k)) * rng.standard_normal((n, d_k))).sum(-1)


def every_query_with_every_key(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    s = q @ k.T
    return s.var(), (s / np.sqrt(d_k)).var()


def always_a_thousand(d_k, n, rng):
    s = pairs(d_k, 1000, rng)
    return s.var(), (s / np.sqrt(d_k)).var()


def without_keys(d_k, n, rng):
    s = rng.standard_normal((n, d_k)).sum(-1)
    return s.var(), (s / np.sqrt(d_k)).var()


def every_query_with_two_keys(d_k, n, rng):
    q, k = rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k))
    s = np.concatenate([(q * k).sum(-1), (q * np.roll(k, 1, axis=0)).sum(-1)])
    return s.var(), (s / np.sqrt(d_k)).var()


def means_of_squares(d_k, n, rng):
    s = pairs(d_k, n, rng)
    return (s**2).mean(), (s**2).mean() / d_k


def second_one_is_no_variance(d_k, n, rng):
    s = pairs(d_k, n, rng)
    return s.var(), (s / np.sqrt(d_k)).std()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (every_query_with_every_key, "How many scores do n pairs give?"),
        (every_query_with_two_keys, "How many dot products do you take when n is 2?"),
        (always_a_thousand, "Where do you use n?"),
        (without_keys, "Where does a query meet its key?"),
        (means_of_squares, "How far does one score lie from the mean of all scores, if it is the only one?"),
        (second_one_is_no_variance, "Are both of them variances, of the same vectors, and not rounded?"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_statistics_that_are_nearly_right_are_found(wrong, said):
    found = diagnose("score_statistics", wrong)
    assert found.status == "failed"
    assert found.message.endswith(said)


def as_sample_variance(d_k, n, rng):
    s = pairs(d_k, n, rng)
    return s.var(ddof=1), (s / math.sqrt(d_k)).var(ddof=1)


def by_module_statistics(d_k, n, rng):
    s = pairs(d_k, n, rng).tolist()  # refuses a single number
    return statistics.variance(s), statistics.variance(x / d_k**0.5 for x in s)


def by_two_means(d_k, n, rng):
    s = pairs(d_k, n, rng)
    raw = (s**2).mean() - s.mean() ** 2
    return raw, raw / d_k


def pair_by_pair(d_k, n, rng):
    s = np.array([rng.normal(size=d_k) @ rng.normal(size=d_k) for _ in range(n)])
    return np.var(s), np.var(s / np.sqrt(d_k))


def by_diagonal(d_k, n, rng):
    s = np.einsum("id,id->i", rng.standard_normal((n, d_k)), rng.standard_normal((n, d_k)))
    return np.std(s) ** 2, np.std(s / np.sqrt(d_k)) ** 2


RIGHT_STATISTICS = [as_sample_variance, by_module_statistics, by_two_means, pair_by_pair, by_diagonal]


@pytest.mark.parametrize("right", RIGHT_STATISTICS, ids=lambda f: f.__name__)
def test_right_statistics_pass(right):
    found = diagnose("score_statistics", right)
    assert found.status == "passed", found.message


def test_the_version_to_repair_counts_as_not_attempted_and_is_wrong():
    exercise = get("repair_attention")
    assert diagnose("repair_attention", exercise.handed_out).status == "not attempted"
    assert diagnose("attention", exercise.handed_out).mistake == "scale_by_root_of_keys"
    q = np.random.default_rng(0).standard_normal((4, 4))  # as many keys as dimensions: it looks right
    np.testing.assert_allclose(exercise.handed_out(q, q, q)[0], reference.attention(q, q, q)[0])


# --- the bank itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_references_pass(exercise):
    assert diagnose(exercise.id, exercise.reference).status == "passed"


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_every_entry_of_the_bank_is_rejected_under_its_own_name(exercise):
    if exercise.handed_out is not None:
        pytest.skip("has the bank of attention")
    for at in (0, -1):
        named = {m.id: diagnose(exercise.id, m.versions[at]) for m in exercise.mistakes}
        assert {id: (found.status, found.mistake) for id, found in named.items()} == {
            id: ("failed", id) for id in named
        }


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_hints_are_distinct_and_end_in_a_question_mark(exercise):
    hints = [m.hint for m in exercise.mistakes]
    assert len(set(hints)) == len(hints)
    assert all(hint.endswith("?") for hint in hints)
    assert all(case.question.endswith("?") for case in exercise.cases)
    assert len(set(exercise.hints)) == 3
    assert len(exercise.mistakes) >= 10


@pytest.mark.parametrize("raised", [ValueError, IndexError, TypeError, NameError])
@pytest.mark.parametrize("id", [exercise.id for exercise in all_exercises()])
def test_an_answer_that_raises_everywhere_is_given_no_name(id, raised):
    """Versions that raise in all cases explain every answer that does, whatever its mistake."""
    takes = inspect.signature(get(id).reference).parameters.values()
    head = ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in takes)
    space = {"raised": raised}
    exec(f"def wrong({head}):\n    raise raised('something is wrong')", space)
    found = diagnose(id, space["wrong"])
    assert (found.status, found.mistake) == ("failed", None), found.message
