"""The checks of lesson 01 from both sides: right answers however they are written, wrong ones under their names."""

import math

import numpy as np
import pytest

from course.lab.exercises import diagnose, get
from course.lessons.lesson_01 import reference
from course.lessons.lesson_01.exercises import EXERCISES
from course.lessons.lesson_01.reference import sigmoid

# --- right answers, written as learners write them ----------------------------------------------------------------


def rnn_by_loops(x, h, W, U, b):
    new = np.empty((len(x), len(b)))
    for i in range(len(x)):
        for j in range(len(b)):
            s = b[j]
            for k in range(W.shape[0]):
                s += x[i, k] * W[k, j]
            for k in range(U.shape[0]):
                s += h[i, k] * U[k, j]
            new[i, j] = math.tanh(s)
    return new


def rnn_in_one_product(x, h, W, U, b):
    return np.tanh(np.hstack([x, h]) @ np.vstack([W, U]) + b)


def rnn_by_einsum(x, h, W, U, b):
    return np.tanh(np.einsum("bi,ij->bj", x, W) + np.einsum("bi,ij->bj", h, U) + b[None])


def rnn_by_exponentials(x, h, W, U, b):
    s = np.clip(x @ W + h @ U + b, -300, 300)
    return (np.exp(s) - np.exp(-s)) / (np.exp(s) + np.exp(-s))


def rnn_turned(x, h, W, U, b):
    return np.tanh(W.T @ x.T + U.T @ h.T + b[:, None]).T


def rnn_by_sigmoid(x, h, W, U, b):
    return 2 * sigmoid(2 * (x.dot(W) + h.dot(U) + b)) - 1


def bptt_with_lists(x, h0, W, U, b, g):
    B, T, _ = x.shape
    hs = [h0]
    for t in range(T):
        hs.append(np.tanh(x[:, t, :] @ W + hs[-1] @ U + b))
    parts_W, parts_U, parts_b = [], [], []
    for t in range(T, 0, -1):
        d = (1 - hs[t] * hs[t]) * g
        parts_W.append(np.einsum("bi,bj->ij", x[:, t - 1], d))
        parts_U.append(np.einsum("bi,bj->ij", hs[t - 1], d))
        parts_b.append(d.sum(0))
        g = np.einsum("bj,ij->bi", d, U)
    return sum(parts_W), sum(parts_U), sum(parts_b), g


def bptt_all_sums_first(x, h0, W, U, b, g):
    B, T, d_in = x.shape
    states = np.empty((B, T + 1, len(b)))
    states[:, 0] = h0
    for t in range(T):
        states[:, t + 1] = np.tanh(x[:, t] @ W + states[:, t] @ U + b)
    d = np.empty((B, T, len(b)))
    for t in range(T - 1, -1, -1):
        d[:, t] = g * (1 - states[:, t + 1] ** 2)
        g = d[:, t] @ U.T
    dW = x.reshape(-1, d_in).T @ d.reshape(-1, len(b))
    return dW, np.tensordot(states[:, :-1], d, axes=([0, 1], [0, 1])), d.sum(axis=(0, 1)), g


def bptt_by_sentence(x, h0, W, U, b, g):
    found = [np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)]
    dh0 = []
    for i in range(len(x)):
        states = [h0[i]]
        for word in x[i]:
            states.append(np.tanh(word @ W + states[-1] @ U + b))
        slope = g[i]
        for t in range(len(x[i]) - 1, -1, -1):
            d = slope * (1 - states[t + 1] ** 2)
            found[0] += np.outer(x[i, t], d)
            found[1] += np.outer(states[t], d)
            found[2] += d
            slope = U @ d
        dh0.append(slope)
    return *found, np.array(dh0)


def bptt_recursive(x, h0, W, U, b, g):
    if x.shape[1] == 0:
        return np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape), g
    h = np.tanh(x[:, 0] @ W + h0 @ U + b)
    dW, dU, db, dh = bptt_recursive(x[:, 1:], h, W, U, b, g)
    d = dh * (1 - np.square(h))
    return dW + x[:, 0].T @ d, dU + h0.T @ d, db + np.sum(d, axis=0), np.dot(d, U.T)


def bptt_by_finite_differences(x, h0, W, U, b, g):
    """Nobody is forbidden to: with complex steps it is exact."""

    def loss(h, W, U, b):
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] @ W + h @ U + b)
        return (g * h).sum()

    arrays = [np.asarray(each, dtype=complex) for each in (h0, W, U, b)]
    slopes = []
    for which in range(4):
        slope = np.zeros(arrays[which].shape)
        for place in np.ndindex(slope.shape):
            moved = [each.copy() for each in arrays]
            moved[which][place] += 1e-30j
            slope[place] = loss(*moved).imag / 1e-30
        slopes.append(slope)
    return slopes[1], slopes[2], slopes[3], slopes[0]


def bptt_by_torch(x, h0, W, U, b, g):
    torch = pytest.importorskip("torch")
    given = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (h0, W, U, b)]
    h = given[0]
    for t in range(x.shape[1]):
        h = torch.tanh(torch.tensor(x[:, t]) @ given[1] + h @ given[2] + given[3])
    (h * torch.tensor(g)).sum().backward()
    return tuple(each.grad.numpy() for each in (*given[1:], given[0]))


def gru_fused(x, h, W, U, b):
    d = h.shape[1]
    gates = x @ np.hstack([W["z"], W["r"]]) + h @ np.hstack([U["z"], U["r"]]) + np.hstack([b["z"], b["r"]])
    z, r = np.split(1 / (1 + np.exp(-gates)), [d], axis=1)
    n = np.tanh(x @ W["n"] + (h * r) @ U["n"] + b["n"])
    return n + z * (h - n)


def gru_by_tanh(x, h, W, U, b):
    def gate(name):
        return 0.5 * (1 + np.tanh(0.5 * (x @ W[name] + h @ U[name] + b[name])))

    new = np.tanh(x @ W["n"] + np.multiply(gate("r"), h) @ U["n"] + b["n"])
    return (1 - gate("z")) * new + gate("z") * h


def gru_by_sentence(x, h, W, U, b):
    rows = []
    for word, state in zip(x, h, strict=True):
        z = 1 / (1 + np.exp(-(word @ W["z"] + state @ U["z"] + b["z"])))
        r = 1 / (1 + np.exp(-(word @ W["r"] + state @ U["r"] + b["r"])))
        n = np.tanh(word @ W["n"] + (r * state) @ U["n"] + b["n"])
        rows.append(z * state + (1 - z) * n)
    return np.array(rows)


def gru_by_einsum(x, h, W, U, b):
    s = {name: np.einsum("bi,ij->bj", x, W[name]) + b[name] for name in ("z", "r", "n")}
    z, r = (np.exp(v) / (1 + np.exp(v)) for v in (s["z"] + np.einsum("bi,ij->bj", h, U["z"]), s["r"] + h @ U["r"]))
    n = np.tanh(s["n"] + np.einsum("bi,bi,ij->bj", r, h, U["n"]))
    return h - (1 - z) * (h - n)


def gru_with_diagonals(x, h, W, U, b):
    z, r = (sigmoid(x @ W[name] + h @ U[name] + b[name]) for name in "zr")
    n = np.stack([np.tanh(x[i] @ W["n"] + h[i] @ np.diag(r[i]) @ U["n"] + b["n"]) for i in range(len(x))])
    return np.where(True, z * h + (1 - z) * n, 0)


def encode_by_sentence(step, x, real, h0):
    states = np.zeros((*x.shape[:2], h0.shape[1]))
    for i in range(len(x)):
        h = h0[i : i + 1]
        for t in range(x.shape[1]):
            if real[i, t]:
                h = step(x[i : i + 1, t], h)
            states[i, t] = h[0]
    return states, states[:, -1]


def encode_by_shares(step, x, real, h0):
    h, states = h0, []
    for t in range(x.shape[1]):
        keep = real[:, t].astype(float)[:, None]
        h = keep * step(x[:, t], h) + (1 - keep) * h
        states.append(h[:, None])
    return np.concatenate(states, axis=1), h


def encode_only_who_reads(step, x, real, h0):
    h = h0.copy()
    states = np.empty((*x.shape[:2], h0.shape[1]))
    for t in range(x.shape[1]):
        reads = real[:, t]
        if reads.any():
            h[reads] = step(x[reads, t], h[reads])
        states[:, t] = h
    return states, h.copy()


def encode_then_take_back(step, x, real, h0):
    h, states = h0, []
    for t in range(x.shape[1]):
        new = np.array(step(x[:, t], h))
        new[~real[:, t]] = h[~real[:, t]]
        states.append(new)
        h = new
    return np.array(states).transpose(1, 0, 2), states[-1]


def encode_with_a_list(step, x, real, h0):
    states = [h0]
    for word, is_word in zip(x.swapaxes(0, 1), real.T, strict=True):
        states.append(np.where(np.expand_dims(is_word, 1), step(word, states[-1]), states[-1]))
    return [np.moveaxis(np.stack(states[1:]), 0, 1), states[-1]]


def encode_by_select(step, x, real, h0):
    states = np.zeros((x.shape[0], x.shape[1] + 1, h0.shape[1]))
    states[:, 0] = h0
    for t in range(x.shape[1]):
        both = np.stack([states[:, t], step(x[:, t], states[:, t])])
        states[:, t + 1] = both[real[:, t].astype(int), np.arange(len(x))]
    return states[:, 1:], states[:, -1]


def decode_with_a_count(step, h, bos, eos, pad, max_len):
    ids = np.full((len(h), max_len), pad)
    tokens, open_ = np.array([bos] * len(h)), np.ones(len(h), dtype=bool)
    n = 0
    while open_.any() and n < max_len:
        scores, h = step(tokens, h)
        tokens = np.argmax(scores, axis=1)
        ids[open_, n] = tokens[open_]
        open_ &= tokens != eos
        n += 1
    return ids[:, :n]


def decode_by_sentence(step, h, bos, eos, pad, max_len):
    sentences = []
    for i in range(len(h)):
        state, token, written = h[i : i + 1], bos, []
        while len(written) < max_len and token != eos:
            scores, state = step(np.array([token]), state)
            token = int(scores[0].argmax())
            written.append(token)
        sentences.append(written)
    longest = max(map(len, sentences))
    return np.array([each + [pad] * (longest - len(each)) for each in sentences])


def decode_then_clean(step, h, bos, eos, pad, max_len):
    tokens, columns = np.full(len(h), bos), []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = scores.argmax(-1)
        columns.append(tokens)
        if (np.array(columns) == eos).any(axis=0).all():
            break
    ids = np.array(columns).T
    ended = np.cumsum(ids == eos, axis=1) - (ids == eos) > 0
    return np.where(ended, pad, ids)


def decode_only_who_writes(step, h, bos, eos, pad, max_len):
    h, rows = np.array(h), np.arange(len(h))
    tokens, columns = np.full(len(h), bos), []
    while len(rows) and len(columns) < max_len:
        scores, h[rows] = step(tokens[rows], h[rows])
        column = np.full(len(h), pad)
        column[rows] = tokens[rows] = scores.argmax(axis=1)
        columns.append(column)
        rows = rows[column[rows] != eos]
    return np.column_stack(columns)


def decode_feeding_ends(step, h, bos, eos, pad, max_len):
    tokens, done, written = np.full(len(h), bos), np.zeros(len(h), bool), []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = np.where(done, eos, scores.argmax(axis=-1))
        written.append(np.where(done, pad, tokens))
        done = np.logical_or(done, tokens == eos)
        if np.all(done):
            break
    return np.stack(written, axis=-1)


RIGHT = {
    "rnn_step": (
        rnn_by_loops,
        rnn_in_one_product,
        rnn_by_einsum,
        rnn_by_exponentials,
        rnn_turned,
        rnn_by_sigmoid,
    ),
    "bptt": (
        bptt_with_lists,
        bptt_all_sums_first,
        bptt_by_sentence,
        bptt_recursive,
        bptt_by_finite_differences,
        bptt_by_torch,
    ),
    "gru_step": (gru_fused, gru_by_tanh, gru_by_sentence, gru_by_einsum, gru_with_diagonals),
    "encode": (
        encode_by_sentence,
        encode_by_shares,
        encode_only_who_reads,
        encode_then_take_back,
        encode_with_a_list,
        encode_by_select,
    ),
    "repair_decode": (
        decode_with_a_count,
        decode_by_sentence,
        decode_then_clean,
        decode_only_who_writes,
        decode_feeding_ends,
    ),
}


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- wrong answers, from their lines; they share nothing with the bank --------------------------------------------


def written(head, lines, names=()):
    """A function from the lines of its body."""
    space = {"np": np, "sigmoid": sigmoid, **dict(names)}
    exec("\n".join([f"def f({head}):", *(f"    {line}" for line in lines)]), space)
    return space["f"]


def rnn(line):
    return written("x, h, W, U, b", [f"return {line}"])


def bptt(**changes):
    """`bptt` from its lines, with some of them changed."""
    line = {
        "begin": "states = [h0]",
        "forward": "states.append(np.tanh(x[:, t] @ W + states[t] @ U + b))",
        "zeros": "dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)",
        "times": "reversed(range(T))",
        "d": "d = g * (1 - states[t + 1] ** 2)",
        "dW": "dW += x[:, t].T @ d",
        "dU": "dU += states[t].T @ d",
        "db": "db += d.sum(axis=0)",
        "g": "g = d @ U.T",
        "end": "return dW, dU, db, g",
    } | changes
    lines = ["T = x.shape[1]", line["begin"], "for t in range(T):", "    " + line["forward"], line["zeros"]]
    lines += [
        f"for t in {line['times']}:",
        *(f"    {line[name]}" for name in ("d", "dW", "dU", "db", "g")),
        line["end"],
    ]
    return written("x, h0, W, U, b, g", lines)


def gru(**changes):
    """`gru_step` from its lines, with some of them changed."""
    line = {
        "z": 'z = sigmoid(x @ W["z"] + h @ U["z"] + b["z"])',
        "r": 'r = sigmoid(x @ W["r"] + h @ U["r"] + b["r"])',
        "n": 'n = np.tanh(x @ W["n"] + (r * h) @ U["n"] + b["n"])',
        "end": "return z * h + (1 - z) * n",
    } | changes
    return written("x, h, W, U, b", line.values())


def encode(**changes):
    """`encode` from its lines, with some of them changed."""
    line = {
        "begin": "h, states = h0, []",
        "times": "range(x.shape[1])",
        "h": "h = np.where(real[:, t, None], step(x[:, t], h), h)",
        "note": "states.append(h)",
        "end": "return np.stack(states, axis=1), h",
    } | changes
    lines = [line["begin"], f"for t in {line['times']}:", f"    {line['h']}", f"    {line['note']}", line["end"]]
    return written("step, x, real, h0", lines)


def decode(**changes):
    """`decode` from its lines, with some of them changed."""
    line = {
        "begin": "tokens, done, written = np.full(len(h), bos), np.zeros(len(h), dtype=bool), []",
        "times": "range(max_len)",
        "step": "scores, h = step(tokens, h)",
        "tokens": "tokens = np.where(done, pad, scores.argmax(axis=-1))",
        "note": "written.append(tokens)",
        "done": "done = done | (tokens == eos)",
        "stop": "if done.all(): break",
        "end": "return np.stack(written, axis=1)",
    } | changes
    inner = (f"    {line[name]}" for name in ("step", "tokens", "note", "done", "stop"))
    return written(
        "step, h, bos, eos, pad, max_len", [line["begin"], f"for _ in {line['times']}:", *inner, line["end"]]
    )


WRONG = [
    ("rnn_step", "rnn_no_tanh", rnn("x @ W + h @ U + b")),
    ("rnn_step", "rnn_sigmoid", rnn("1 / (1 + np.exp(-(x @ W + h @ U + b)))")),
    ("rnn_step", "rnn_relu", rnn("np.maximum(0, x @ W + h @ U + b)")),
    ("rnn_step", "rnn_tanh_of_input_only", rnn("np.tanh(x @ W + b) + h @ U")),
    ("rnn_step", "rnn_tanh_of_state_only", rnn("x @ W + np.tanh(h @ U + b)")),
    ("rnn_step", "rnn_tanh_of_each", rnn("np.tanh(x @ W) + np.tanh(h @ U) + b")),
    ("rnn_step", "rnn_bias_outside", rnn("np.tanh(x @ W + h @ U) + b")),
    ("rnn_step", "rnn_no_bias", rnn("np.tanh(x @ W + h @ U)")),
    ("rnn_step", "rnn_bias_twice", rnn("np.tanh(x @ W + b + h @ U + b)")),
    ("rnn_step", "rnn_bias_subtracted", rnn("np.tanh(x @ W + h @ U - b)")),
    ("rnn_step", "rnn_no_state", rnn("np.tanh(x @ W + b)")),
    ("rnn_step", "rnn_no_word", rnn("np.tanh(h @ U + b)")),
    ("rnn_step", "rnn_state_not_multiplied", rnn("np.tanh(x @ W + h + b)")),
    ("rnn_step", "rnn_kept_and_added", rnn("h + np.tanh(x @ W + h @ U + b)")),
    ("rnn_step", "rnn_U_turned", rnn("np.tanh(x @ W + h @ U.T + b)")),
    ("rnn_step", "rnn_W_turned", rnn("np.tanh(x @ W.T + h @ U + b)")),
    ("rnn_step", "rnn_matrices_exchanged", rnn("np.tanh(x @ U + h @ W + b)")),
    ("rnn_step", "rnn_number_by_number", rnn("np.tanh(x * W + h * U + b)")),
    ("rnn_step", "rnn_one_for_all", rnn("np.tanh(np.repeat([x[0] @ W + h[0] @ U + b], len(x), axis=0))")),
    ("rnn_step", "rnn_first_state_for_all", rnn("np.tanh(x @ W + h[0] @ U + b)")),
    ("rnn_step", "rnn_axes_exchanged", rnn("np.tanh(W.T @ x.T + U.T @ h.T + b[:, None])")),
    ("rnn_step", "rnn_returns_two", rnn("(np.tanh(x @ W + h @ U + b), np.tanh(x @ W + h @ U + b))")),
    ("rnn_step", "rnn_tanh_twice", rnn("np.tanh(np.tanh(x @ W + h @ U + b))")),
    ("rnn_step", "rnn_whole_numbers", rnn("np.tanh(x @ W + h @ U + b).astype(int)")),
    ("rnn_step", "rnn_writes_into_h", written("x, h, W, U, b", ["h[:] = np.tanh(x @ W + h @ U + b)", "return h"])),
    (
        "rnn_step",
        "rnn_loop_ends_early",
        written(
            "x, h, W, U, b",
            [
                "new = np.zeros((len(x), len(b)))",
                "for i in range(len(x) - 1):",
                "    new[i] = np.tanh(x[i] @ W + h[i] @ U + b)",
                "return new",
            ],
        ),
    ),
    (
        "rnn_step",
        "rnn_return_in_the_loop",
        written(
            "x, h, W, U, b",
            [
                "new = np.zeros((len(x), len(b)))",
                "for i in range(len(x)):",
                "    new[i] = np.tanh(x[i] @ W + h[i] @ U + b)",
                "    return new",
            ],
        ),
    ),
    ("bptt", "bptt_no_slope", bptt(d="d = g")),
    ("bptt", "bptt_slope_not_squared", bptt(d="d = g * (1 - states[t + 1])")),
    ("bptt", "bptt_slope_is_the_square", bptt(d="d = g * states[t + 1] ** 2")),
    ("bptt", "bptt_slope_is_the_square", bptt(d="d = g * 1 - states[t + 1] ** 2")),
    ("bptt", "bptt_slope_of_tanh_of_tanh", bptt(d="d = g * (1 - np.tanh(states[t + 1]) ** 2)")),
    ("bptt", "bptt_slope_of_a_sigmoid", bptt(d="d = g * states[t + 1] * (1 - states[t + 1])")),
    ("bptt", "bptt_slope_of_the_sum", bptt(d="d = g * (1 - (x[:, t] @ W + states[t] @ U + b) ** 2)")),
    ("bptt", "bptt_slope_one_step_off", bptt(d="d = g * (1 - states[t] ** 2)")),
    ("bptt", "bptt_slope_of_the_last_state", bptt(d="d = g * (1 - states[-1] ** 2)")),
    ("bptt", "bptt_U_not_turned", bptt(g="g = d @ U")),
    ("bptt", "bptt_not_through_U", bptt(g="g = d")),
    ("bptt", "bptt_slope_skipped_on_the_way", bptt(g="g = g @ U.T")),
    ("bptt", "bptt_gradient_not_handed_on", bptt(g="pass", end="return dW, dU, db, g")),
    ("bptt", "bptt_loss_at_every_step", bptt(begin="states, first = [h0], g", g="g = first + d @ U.T")),
    ("bptt", "bptt_gradients_pile_up", bptt(g="g = g + d @ U.T")),
    ("bptt", "bptt_forward_in_time", bptt(times="range(T)")),
    ("bptt", "bptt_last_step_only", bptt(times="[T - 1]")),
    ("bptt", "bptt_loop_misses_the_first_word", bptt(times="range(T - 1, 0, -1)")),
    ("bptt", "bptt_loop_misses_the_last_word", bptt(times="reversed(range(T - 1))")),
    ("bptt", "bptt_five_steps", bptt(times="(4, 3, 2, 1, 0)")),
    ("bptt", "bptt_overwritten", bptt(dW="dW = x[:, t].T @ d", dU="dU = states[t].T @ d", db="db = d.sum(axis=0)")),
    ("bptt", "bptt_mean_over_steps", bptt(end="return dW / T, dU / T, db / T, g")),
    ("bptt", "bptt_mean_over_the_batch", bptt(db="db += d.mean(axis=0)")),
    ("bptt", "bptt_bias_not_summed", bptt(zeros="dW, dU, db = 0, 0, 0", db="db = db + d")),
    ("bptt", "bptt_bias_added_by_sentence", bptt(db="db += d")),
    ("bptt", "bptt_bias_added_by_sentence", bptt(db="db += g")),
    ("bptt", "bptt_bias_one_number", bptt(db="db += d.sum()")),
    ("bptt", "bptt_bias_summed_over_the_state", bptt(db="db += d.sum(axis=1)")),
    ("bptt", "bptt_word_not_turned", bptt(dW="dW += x[:, t] @ d")),
    ("bptt", "bptt_word_not_turned", bptt(dU="dU += states[t] @ d")),
    ("bptt", "bptt_word_not_turned", bptt(dW="dW += x[:, t] @ d", dU="dU += states[t] @ d")),
    ("bptt", "bptt_state_one_step_off", bptt(dU="dU += states[t + 1].T @ d")),
    ("bptt", "bptt_dU_of_the_first_state", bptt(dU="dU += h0.T @ d")),
    ("bptt", "bptt_word_one_step_off", bptt(dW="dW += x[:, t - 1].T @ d")),
    (
        "bptt",
        "bptt_turned",
        bptt(zeros="dW, dU, db = 0, 0, 0", dW="dW = dW + d.T @ x[:, t]", dU="dU = dU + d.T @ states[t]"),
    ),
    ("bptt", "bptt_turned", bptt(dU="dU += d.T @ states[t]")),
    ("bptt", "bptt_h0_gets_nothing", bptt(end="return dW, dU, db, np.zeros(h0.shape)")),
    ("bptt", "bptt_h0_before_U", bptt(end="return dW, dU, db, d")),
    ("bptt", "bptt_returns_g_as_it_came", bptt(begin="states, first = [h0], g", end="return dW, dU, db, first")),
    ("bptt", "bptt_h0_ignored", bptt(begin="states = [np.zeros_like(h0)]")),
    ("bptt", "bptt_forward_without_bias", bptt(forward="states.append(np.tanh(x[:, t] @ W + states[t] @ U))")),
    ("bptt", "bptt_forward_without_tanh", bptt(forward="states.append(x[:, t] @ W + states[t] @ U + b)")),
    ("bptt", "bptt_sign", bptt(end="return -dW, -dU, -db, -g")),
    (
        "bptt",
        "bptt_one_sentence",
        bptt(dW="dW += x[:1, t].T @ d[:1]", dU="dU += states[t][:1].T @ d[:1]", db="db += d[0]"),
    ),
    ("bptt", "bptt_order", bptt(end="return g, dW, dU, db")),
    ("bptt", "bptt_three_results", bptt(end="return dW, dU, db")),
    ("bptt", "bptt_writes_into_g", bptt(d="d = g * (1 - states[t + 1] ** 2); g *= 1 - states[t + 1] ** 2")),
    ("bptt", "bptt_cut_off", bptt(end="return dW.astype(int), dU.astype(int), db.astype(int), g.astype(int)")),
    ("gru_step", "gru_other_way_round", gru(end="return (1 - z) * h + z * n")),
    ("gru_step", "gru_reset_after_the_product", gru(n='n = np.tanh(x @ W["n"] + r * (h @ U["n"]) + b["n"])')),
    ("gru_step", "gru_reset_after_the_product", gru(n='n = np.tanh(x @ W["n"] + r * (h @ U["n"] + b["n"]))')),
    ("gru_step", "gru_no_reset", gru(n='n = np.tanh(x @ W["n"] + h @ U["n"] + b["n"])')),
    ("gru_step", "gru_reset_of_everything", gru(n='n = np.tanh(r * (x @ W["n"] + h @ U["n"] + b["n"]))')),
    ("gru_step", "gru_reset_of_the_word", gru(n='n = np.tanh(r * (x @ W["n"]) + h @ U["n"] + b["n"])')),
    ("gru_step", "gru_reset_as_matrices", gru(n='n = np.tanh(x @ W["n"] + (r @ h) @ U["n"] + b["n"])')),
    ("gru_step", "gru_mixture_as_matrices", gru(end="return z @ h + (1 - z) @ n")),
    ("gru_step", "gru_reset_inverted", gru(n='n = np.tanh(x @ W["n"] + ((1 - r) * h) @ U["n"] + b["n"])')),
    ("gru_step", "gru_reset_of_what_is_kept", gru(end="return z * (r * h) + (1 - z) * n")),
    ("gru_step", "gru_gates_exchanged", gru(r='z, r = sigmoid(x @ W["r"] + h @ U["r"] + b["r"]), z')),
    ("gru_step", "gru_one_gate_for_both", gru(r="r = z")),
    ("gru_step", "gru_content_with_a_gates_matrices", gru(n='n = np.tanh(x @ W["r"] + (r * h) @ U["r"] + b["r"])')),
    (
        "gru_step",
        "gru_tanh_gates",
        gru(z='z = np.tanh(x @ W["z"] + h @ U["z"] + b["z"])', r='r = np.tanh(x @ W["r"] + h @ U["r"] + b["r"])'),
    ),
    (
        "gru_step",
        "gru_sigmoid_turned_round",
        gru(
            z='z = 1 / (1 + np.exp(x @ W["z"] + h @ U["z"] + b["z"]))',
            r='r = 1 / (1 + np.exp(x @ W["r"] + h @ U["r"] + b["r"]))',
        ),
    ),
    (
        "gru_step",
        "gru_hard_gates",
        gru(n='z, r = z.round(), r.round(); n = np.tanh(x @ W["n"] + (r * h) @ U["n"] + b["n"])'),
    ),
    ("gru_step", "gru_content_sigmoid", gru(n='n = sigmoid(x @ W["n"] + (r * h) @ U["n"] + b["n"])')),
    ("gru_step", "gru_content_plain", gru(n='n = x @ W["n"] + (r * h) @ U["n"] + b["n"]')),
    ("gru_step", "gru_tanh_of_the_mixture", gru(end="return np.tanh(z * h + (1 - z) * n)")),
    ("gru_step", "gru_all_new", gru(end="return (1 - z) * n")),
    ("gru_step", "gru_all_old", gru(end="return z * h")),
    ("gru_step", "gru_shares_of_more_than_one", gru(end="return z * h + n")),
    ("gru_step", "gru_parentheses", gru(end="return z * h + 1 - z * n")),
    (
        "gru_step",
        "gru_gates_without_state",
        gru(z='z = sigmoid(x @ W["z"] + b["z"])', r='r = sigmoid(x @ W["r"] + b["r"])'),
    ),
    (
        "gru_step",
        "gru_gates_without_word",
        gru(z='z = sigmoid(h @ U["z"] + b["z"])', r='r = sigmoid(h @ U["r"] + b["r"])'),
    ),
    ("gru_step", "gru_no_bias", gru(n='n = np.tanh(x @ W["n"] + (r * h) @ U["n"])')),
    ("gru_step", "gru_no_bias", gru(r='r = sigmoid(x @ W["r"] + h @ U["r"])')),
    ("gru_step", "gru_U_turned", gru(n='n = np.tanh(x @ W["n"] + (r * h) @ U["n"].T + b["n"])')),
    ("gru_step", "gru_returns_more", gru(end="return z * h + (1 - z) * n, z")),
    ("gru_step", "gru_writes_into_h", gru(end="h[:] = z * h + (1 - z) * n; return h")),
    ("gru_step", "gru_whole_numbers", gru(end="return (z * h + (1 - z) * n).astype(int)")),
    ("gru_step", "gru_axes_exchanged", gru(end="return (z * h + (1 - z) * n).T")),
    (
        "gru_step",
        "gru_one_gate_for_all_numbers",
        gru(
            z='z = sigmoid(x @ W["z"] + h @ U["z"] + b["z"]).mean(1, keepdims=True)',
            r='r = sigmoid(x @ W["r"] + h @ U["r"] + b["r"]).mean(1, keepdims=True)',
        ),
    ),
    ("encode", "encode_runs_on", encode(h="h = step(x[:, t], h)")),
    ("encode", "encode_pads_as_zeros", encode(h="h = step(x[:, t] * real[:, t, None], h)")),
    ("encode", "encode_wiped", encode(h="h = np.where(real[:, t, None], step(x[:, t], h), 0)")),
    ("encode", "encode_wiped", encode(h="h = step(x[:, t], h) * real[:, t, None]")),
    ("encode", "encode_back_to_the_start", encode(h="h = np.where(real[:, t, None], step(x[:, t], h), h0)")),
    ("encode", "encode_inverted", encode(h="h = np.where(real[:, t, None], h, step(x[:, t], h))")),
    (
        "encode",
        "encode_counts_from_the_left",
        encode(
            h="h = step(x[:, t], h)",
            end="s = np.stack(states, axis=1); return s, s[np.arange(len(x)), real.sum(axis=1) - 1]",
        ),
    ),
    (
        "encode",
        "encode_last_right_states_not",
        encode(
            begin="h, kept, states = h0, h0, []",
            h="kept = np.where(real[:, t, None], step(x[:, t], kept), kept); h = step(x[:, t], h)",
            end="return np.stack(states, axis=1), kept",
        ),
    ),
    ("encode", "encode_states_zero_at_pads", encode(note="states.append(h * real[:, t, None])")),
    (
        "encode",
        "encode_states_before_the_word",
        encode(h="old = h; h = np.where(real[:, t, None], step(x[:, t], h), h)", note="states.append(old)"),
    ),
    ("encode", "encode_begins_with_zeros", encode(begin="h, states = np.zeros_like(h0), []")),
    ("encode", "encode_forgets", encode(h="h = np.where(real[:, t, None], step(x[:, t], h0), h)")),
    ("encode", "encode_backward", encode(h="h = np.where(real[:, -1 - t, None], step(x[:, -1 - t], h), h)")),
    ("encode", "encode_loop_ends_early", encode(times="range(x.shape[1] - 1)")),
    ("encode", "encode_loop_begins_late", encode(times="range(1, x.shape[1])")),
    ("encode", "encode_return_in_the_loop", encode(note="states.append(h); return np.stack(states, axis=1), h")),
    ("encode", "encode_one_word", encode(h="h = np.where(real[:, t, None], step(x[:, 0], h), h)")),
    ("encode", "encode_one_alias", encode(h="new = step(x[:, t], h); h[real[:, t]] = new[real[:, t]]")),
    (
        "encode",
        "encode_one_alias_of_a_copy",
        encode(begin="h, states = h0.copy(), []", h="new = step(x[:, t], h); h[real[:, t]] = new[real[:, t]]"),
    ),
    ("encode", "encode_mean", encode(end="s = np.stack(states, axis=1); return s, s.mean(axis=1)")),
    ("encode", "encode_first_state", encode(end="s = np.stack(states, axis=1); return s, s[:, 0]")),
    ("encode", "encode_last_sentence", encode(end="s = np.stack(states, axis=1); return s, s[-1]")),
    ("encode", "encode_time_first", encode(end="return np.stack(states), h")),
    ("encode", "encode_side_by_side", encode(end="return np.concatenate(states, axis=1), h")),
    ("encode", "encode_one_result", encode(end="return h")),
    ("encode", "encode_one_result", encode(end="return np.stack(states, axis=1)")),
    ("encode", "encode_order", encode(end="return h, np.stack(states, axis=1)")),
    ("encode", "encode_also_h0", encode(begin="h, states = h0, [h0]")),
    ("encode", "encode_whole_numbers", encode(end="return np.stack(states, axis=1).astype(int), h")),
    ("encode", "encode_real_one_step_off", encode(h="h = np.where(real[:, t - 1, None], step(x[:, t], h), h)")),
    ("encode", "encode_row_for_a_column", encode(h="h = np.where(real[:, t], step(x[:, t], h), h)")),
    (
        "encode",
        "encode_row_for_a_column",
        encode(
            begin="h, states = h0, np.zeros((*x.shape[:2], h0.shape[1]))",
            h="h = np.where(real[:, t], step(x[:, t], h), h)",
            note="states[:, t] = h",
            end="return states, h",
        ),
    ),
    ("encode", "encode_first_sentence_decides", encode(h="h = np.where(real[0, t], step(x[:, t], h), h)")),
    ("encode", "encode_any", encode(h="h = np.where(real[:, t].any(), step(x[:, t], h), h)")),
    ("encode", "encode_last_of_all", encode(h="h = np.where(real[:, : t + 1].all(), step(x[:, t], h), h)")),
    (
        "encode",
        "encode_sentences_for_words",
        encode(times="range(len(x))", h="h = np.where(real[t][:, None], step(x[t], h), h)"),
    ),
    ("repair_decode", "decode_never_stops", decode(stop="pass")),
    ("repair_decode", "decode_never_done", decode(done="done = done & (tokens == eos)")),
    (
        "repair_decode",
        "decode_done_one_step_late",
        decode(
            tokens="done = done | (tokens == eos); tokens = np.where(done, pad, scores.argmax(axis=-1))", done="pass"
        ),
    ),
    (
        "repair_decode",
        "decode_ids_of_its_own",
        decode(tokens="tokens = np.where(done, 0, scores.argmax(axis=-1))", done="done = done | (tokens == 2)"),
    ),
    ("repair_decode", "decode_goes_on_behind_the_end", decode(tokens="tokens = scores.argmax(axis=-1)")),
    ("repair_decode", "decode_first_end_ends_all", decode(stop="if done.any(): break")),
    ("repair_decode", "decode_last_sentence_decides", decode(stop="if done[-1]: break")),
    (
        "repair_decode",
        "decode_starts_with_the_end",
        decode(begin="tokens, done, written = np.full(len(h), eos), np.zeros(len(h), dtype=bool), []"),
    ),
    (
        "repair_decode",
        "decode_starts_with_pad",
        decode(begin="tokens, done, written = np.full(len(h), pad), np.zeros(len(h), dtype=bool), []"),
    ),
    ("repair_decode", "decode_ids_of_its_own", decode(done="done = done | (tokens == 2)")),
    ("repair_decode", "decode_start_fed_again", decode(step="scores, h = step(np.full(len(h), bos), h)")),
    ("repair_decode", "decode_state_not_carried", decode(step="scores, _ = step(tokens, h)")),
    ("repair_decode", "decode_states_added", decode(step="scores, new = step(tokens, h); h = h + new")),
    (
        "repair_decode",
        "decode_end_behind_the_end",
        decode(tokens="tokens = np.where(done, eos, scores.argmax(axis=-1))"),
    ),
    ("repair_decode", "decode_filled_with_the_start", decode(note="written.append(np.where(done, bos, tokens))")),
    ("repair_decode", "decode_end_left_out", decode(note="written.append(np.where(tokens == eos, pad, tokens))")),
    (
        "repair_decode",
        "decode_start_returned",
        decode(begin="tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool); written = [tokens]"),
    ),
    ("repair_decode", "decode_one_too_few", decode(times="range(max_len - 1)")),
    ("repair_decode", "decode_one_too_many", decode(times="range(max_len + 1)")),
    ("repair_decode", "decode_fixed_length", decode(times="range(100)")),
    ("repair_decode", "decode_as_many_as_sentences", decode(times="range(len(h))")),
    ("repair_decode", "decode_worst", decode(tokens="tokens = np.where(done, pad, scores.argmin(axis=-1))")),
    (
        "repair_decode",
        "decode_second_best",
        decode(tokens="tokens = np.where(done, pad, scores.argsort(axis=-1)[:, -2])"),
    ),
    ("repair_decode", "decode_largest_of_all", decode(tokens="tokens = np.where(done, pad, scores[0].argmax())")),
    ("repair_decode", "decode_best_sentence", decode(tokens="tokens = np.where(done, pad, scores.argmax(axis=0))")),
    ("repair_decode", "decode_scores_for_tokens", decode(tokens="tokens = np.where(done, pad, scores.max(axis=-1))")),
    ("repair_decode", "decode_return_in_the_loop", decode(stop="return np.stack(written, axis=1)")),
    ("repair_decode", "decode_last_token_only", decode(end="return tokens")),
    ("repair_decode", "decode_time_first", decode(end="return np.stack(written)")),
    ("repair_decode", "decode_one_row", decode(end="return np.concatenate(written)")),
    (
        "repair_decode",
        "decode_lists_without_pads",
        decode(end="return [[t for t in row if t != pad] for row in np.stack(written, axis=1)]"),
    ),
]


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_wrong_answers_are_refused_under_their_names_with_their_own_hints(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert {each.id: each.hint for each in get(id).mistakes}[mistake] in found.message


@pytest.mark.parametrize("raised", [ValueError, IndexError, TypeError, NameError])
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_an_answer_that_raises_everywhere_is_given_no_name(exercise, raised):
    def wrong(*arguments):
        raise raised("something is wrong")

    found = diagnose(
        exercise.id,
        written(
            ", ".join(exercise.argument_names), [f"return g_({', '.join(exercise.argument_names)})"], {"g_": wrong}
        ),
    )
    assert (found.status, found.mistake) == ("failed", None), found.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_every_version_of_the_bank_is_named(exercise):
    for mistake in exercise.mistakes:
        for version in mistake.versions:
            found = diagnose(exercise.id, version)
            assert (found.status, found.mistake) == ("failed", mistake.id), found.message
            assert "0x" not in found.message


def test_nearly_every_mistake_is_written_once_more_here():
    again = {(id, mistake) for id, mistake, _ in WRONG}
    missing = {(e.id, m.id) for e in EXERCISES for m in e.mistakes} - again
    assert missing == {
        ("gru_step", "gru_matrices_exchanged"),
        ("gru_step", "gru_one_for_all"),
        ("gru_step", "gru_loop_ends_early"),
        ("gru_step", "gru_return_in_the_loop"),
        ("bptt", "bptt_sentences_for_words"),
        ("encode", "encode_one_too_far"),
        ("encode", "encode_one_too_early"),
        ("encode", "encode_fixed_length"),
        ("encode", "encode_writes_into_h0"),
    }


# --- right shapes and right sums ---------------------------------------------------------------------------------


def rolled(exercise, axis):
    """The reference with its numbers moved along an axis: same shape, same sums, wrong."""

    def wrong(*arguments):
        found = exercise.reference(*arguments)
        if isinstance(found, tuple):
            return tuple(np.roll(each, 1, axis=axis) for each in found)
        return np.roll(found, 1, axis=axis)

    return wrong


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_right_shapes_and_sums_are_not_enough(exercise):
    wrong, arguments = rolled(exercise, -1), exercise.cases[-1].make()
    right, got = exercise.reference(*arguments), wrong(*exercise.cases[-1].make())
    for a, b in zip(*(each if isinstance(each, tuple) else (each,) for each in (right, got)), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.sum(axis=-1), b.sum(axis=-1))
    assert diagnose(exercise.id, wrong).status == "failed"


def test_no_exercise_was_forgotten():
    assert set(RIGHT) == {exercise.id for exercise in EXERCISES} == {id for id, *_ in WRONG}
    assert all(len(rights) >= 5 for rights in RIGHT.values())


def test_what_is_handed_out_for_repair_is_not_attempted_and_right_for_each_sentence_alone():
    assert diagnose("repair_decode", reference.colleagues_decode).status == "not attempted"
    step, h, *rest = get("repair_decode").cases[3].make()
    for i in range(len(h)):
        given = (step, h[i : i + 1], *rest)
        np.testing.assert_array_equal(reference.colleagues_decode(*given), reference.decode(*given))
    assert reference.colleagues_decode(step, h, *rest).shape != reference.decode(step, h, *rest).shape


def test_a_gradient_that_is_wrong_in_one_entry_is_found_by_finite_differences():
    """Even where no case would see it: the property does not use the reference's gradient."""
    exercise = get("bptt")

    def wrong(*given):
        dW, dU, db, dh0 = reference.bptt(*given)
        if dU.shape == (3, 3) and len(given[0]) == 2 and given[0].shape[1] == 4:
            dU[2, 1] *= 1.01
        return dW, dU, db, dh0

    (finite, _) = exercise.properties
    assert "U[2, 1]" in finite.violated(wrong)
    assert finite.violated(reference.bptt) is None


def test_integers_in_the_parameters_are_not_cut_off():
    def takes_their_type(x, h0, W, U, b, g):
        found = reference.bptt(x, h0, W, U, b, g)
        return tuple(each.astype(like.dtype) for each, like in zip(found, (W, U, b, g), strict=True))

    found = diagnose("bptt", takes_their_type)
    assert found.status == "failed"
    assert "integers" in found.message
