"""Lesson 06: answers as learners write them, right ones and wrong ones. They share nothing with the bank."""

import math

import numpy as np
import pytest

from course.lab.exercises import diagnose, get
from course.lessons.lesson_06 import reference
from course.lessons.lesson_06.exercises import EXERCISES, buggy_rotary

# --- right answers ------------------------------------------------------------------------------------------------


def pe_by_loops(T, d):
    table = np.zeros((T, d))
    for p in range(T):
        for j in range(d):
            angle = p / 10000 ** (2 * (j // 2) / d)
            table[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return table


def pe_by_where(T, d):
    columns = np.arange(d)
    angles = np.arange(T)[:, None] / np.power(10000.0, (columns - columns % 2) / d)
    return np.where(columns % 2 == 0, np.sin(angles), np.cos(angles))


def pe_by_logarithm(T, d):
    i = np.arange((d + 1) // 2)
    angles = np.outer(np.arange(T), np.exp(-np.log(10000) * 2 * i / d))
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(T, -1)[:, :d]


def pe_by_shift_of_phase(T, d):
    j = np.arange(d)
    return np.sin(np.arange(T).reshape(-1, 1) * 10000.0 ** (-2.0 * (j // 2) / d) + (j % 2) * np.pi / 2)


def pe_by_complex_numbers(T, d):
    turning = np.exp(1j * np.outer(np.arange(T), 10000.0 ** (-np.arange(0, d, 2) / d)))
    table = np.empty((T, d))
    table[:, ::2] = turning.imag
    table[:, 1::2] = turning.real[:, : len(range(1, d, 2))]
    return table


def pe_by_columns(T, d):
    p = np.arange(T)
    columns = []
    for i in range(0, d, 2):
        columns.append(np.sin(p / 10000 ** (i / d)))
        if i + 1 < d:
            columns.append(np.cos(p / 10000 ** (i / d)))
    return np.column_stack(columns)


def shift_by_kron(k, d):
    M = np.zeros((d, d))
    for i in range(d // 2):
        a = k / 10000 ** (2 * i / d)
        one = np.zeros((d // 2, d // 2))
        one[i, i] = 1
        M += np.kron(one, [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return M


def shift_by_entries(k, d):
    M = np.zeros((d, d))
    for i in range(0, d, 2):
        a = k * 10000.0 ** (-i / d)
        M[i, i] = M[i + 1, i + 1] = math.cos(a)
        M[i, i + 1], M[i + 1, i] = -math.sin(a), math.sin(a)
    return M


def shift_by_diagonals(k, d):
    a = np.repeat(k * 10000.0 ** (-np.arange(0, d, 2) / d), 2)
    alternate = np.arange(d - 1) % 2 == 0
    off = np.sin(a[:-1]) * alternate
    return np.diag(np.cos(a)) - np.diag(off, 1) + np.diag(off, -1)


def shift_by_powers(k, d):
    return np.linalg.matrix_power(shift_by_entries(1, d), k)


def shift_by_the_exponential(k, d):
    """exp(k G), summed as a series, for the generator G of the rotation; halved first and squared again."""
    G = np.zeros((d, d))
    for i, speed in enumerate(10000.0 ** (-np.arange(0, d, 2) / d)):
        G[2 * i, 2 * i + 1], G[2 * i + 1, 2 * i] = -speed, speed
    term = total = np.eye(d)
    for n in range(1, 25):
        term = term @ (G * k / 64) / n
        total = total + term
    return np.linalg.matrix_power(total, 64)


def add_by_none(x, table):
    return x + table[None, : x.shape[1], :]


def add_by_loops(x, table):
    placed = np.zeros_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            placed[b, t] = x[b, t] + table[t]
    return placed


def add_by_sentence(x, table):
    return np.stack([sentence + table[: len(sentence)] for sentence in x])


def add_by_take(x, table):
    B, T, d = x.shape
    return x + np.take(table, np.tile(np.arange(T), (B, 1)), axis=0)


def add_by_einsum(x, table):
    B, T, d = x.shape
    return np.einsum("btd->btd", x) + np.broadcast_to(table[:T], (B, T, d))


def add_in_a_copy(x, table):
    placed = x.copy()
    placed += table[0 : placed.shape[-2]]
    return placed


def rotary_by_stack(x, start=0):
    *_, T, d = x.shape
    a = np.outer(np.arange(start, start + T), 10000.0 ** (-np.arange(0, d, 2) / d))
    u, v = x[..., ::2], x[..., 1::2]
    return np.stack([u * np.cos(a) - v * np.sin(a), u * np.sin(a) + v * np.cos(a)], axis=-1).reshape(x.shape)


def rotary_by_complex_numbers(x, start=0):
    T, d = x.shape[-2:]
    a = (np.arange(T) + start)[:, None] / 10000 ** (2 * np.arange(d // 2) / d)
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * a)
    result = np.zeros(x.shape)
    result[..., 0::2], result[..., 1::2] = turned.real, turned.imag
    return result


def rotary_by_matrices(x, start=0):
    T, d = x.shape[-2:]
    rows = [x[..., t, :] @ shift_by_entries(start + t, d).T for t in range(T)]
    return np.stack(rows, axis=-2)


def rotary_by_crosswise_columns(x, start=0):
    T, d = x.shape[-2:]
    a = np.repeat(np.arange(start, start + T)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d), 2, axis=1)
    crossed = np.empty(x.shape)
    crossed[..., 0::2], crossed[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return x * np.cos(a) + crossed * np.sin(a)


def rotary_by_loops(x, start=0):
    d = x.shape[-1]
    turned = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        for i in range(d // 2):
            a = (start + place[-1]) / 10000 ** (2 * i / d)
            u, v = x[(*place, 2 * i)], x[(*place, 2 * i + 1)]
            turned[(*place, 2 * i)] = u * math.cos(a) - v * math.sin(a)
            turned[(*place, 2 * i + 1)] = u * math.sin(a) + v * math.cos(a)
    return turned


def of_four_axes(rotary):
    def repaired(x, start=0):
        B, H, T, d = x.shape
        return rotary(x.reshape(B * H, T, d), start).reshape(B, H, T, d)

    return repaired


ROTARIES = (
    rotary_by_stack,
    rotary_by_complex_numbers,
    rotary_by_matrices,
    rotary_by_crosswise_columns,
    rotary_by_loops,
)
RIGHT = {
    "positional_encoding": (
        pe_by_loops,
        pe_by_where,
        pe_by_logarithm,
        pe_by_shift_of_phase,
        pe_by_complex_numbers,
        pe_by_columns,
    ),
    "shift_rotation": (
        shift_by_kron,
        shift_by_entries,
        shift_by_diagonals,
        shift_by_powers,
        shift_by_the_exponential,
    ),
    "add_positions": (add_by_none, add_by_loops, add_by_sentence, add_by_take, add_by_einsum, add_in_a_copy),
    "rotary": ROTARIES,
    "repair_rotary": (*map(of_four_axes, ROTARIES), *ROTARIES),
}


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- wrong answers ------------------------------------------------------------------------------------------------


def pe(angles="np.arange(T)[:, None] / 10000 ** (np.arange(0, d, 2) / d)", even="np.sin(a)", odd="np.cos(a)", last=""):
    """A `positional_encoding` from its lines."""
    return defined(
        "positional_encoding",
        "T, d",
        [
            f"a = {angles}",
            "table = np.zeros((T, d))",
            f"table[:, 0::2] = {even}",
            f"table[:, 1::2] = ({odd})[:, : d // 2]",
            *([last] if last else []),
            "return table",
        ],
    )


def defined(name, arguments, body):
    text = "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in body)])
    space = {"np": np, "math": math, "speeds": reference.speeds}
    exec(text, space)
    return space[name]


P, S = "np.arange(T)[:, None]", "np.arange(0, d, 2)"


def looped(rows="range(T)", columns="range(0, d, 2)", returned="pass"):
    return defined(
        "positional_encoding",
        "T, d",
        [
            "table = np.zeros((T, d))",
            f"for p in {rows}:",
            f"    for i in {columns}:",
            "        table[p, i] = math.sin(p / 10000 ** (i / d))",
            "        if i + 1 < d:",
            "            table[p, i + 1] = math.cos(p / 10000 ** (i / d))",
            f"    {returned}",
            "return table",
        ],
    )


def shift(angle="k * 10000.0 ** (-2 * i / d)", block="[[c, -s], [s, c]]", loop="range(d // 2)",
          begin="np.zeros((d, d))", at="M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]", returned="return M",
          inside=""):  # fmt: skip
    return defined(
        "shift_rotation",
        "k, d",
        [
            f"M = {begin}",
            f"for i in {loop}:",
            f"    a = {angle}",
            "    c, s = math.cos(a), math.sin(a)",
            f"    {at} = {block}",
            *([f"    {inside}"] if inside else []),
            returned,
        ],
    )


def turned(places="(start + np.arange(T))[:, None]", speed="10000.0 ** (-np.arange(0, d, 2) / d)",
           even="u * np.cos(a) - v * np.sin(a)", odd="u * np.sin(a) + v * np.cos(a)", u="x[..., 0::2]",
           v="x[..., 1::2]", begin="np.zeros(x.shape)", returned="return y"):  # fmt: skip
    return defined(
        "rotary",
        "x, start=0",
        [
            "T, d = x.shape[-2:]",
            f"a = {places} * ({speed})",
            f"u, v = {u}, {v}",
            f"y = {begin}",
            f"y[..., 0::2] = {even}",
            f"y[..., 1::2] = {odd}",
            returned,
        ],
    )


def apart(d):
    """Columns 0, 2, 4, ... and then 1, 3, 5, ..."""
    return [*range(0, d, 2), *range(1, d, 2)]


def joined(left, right, at):
    return np.concatenate([left[..., :at], right[..., at:]], axis=-1)


def halves_turned(x, start=0):
    T, d = x.shape[-2:]
    a = (start + np.arange(T))[:, None] / 10000 ** (np.arange(0, d, 2) / d)
    a = np.concatenate([a, a], axis=-1)
    crossed = np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], axis=-1)
    return x * np.cos(a) + crossed * np.sin(a)


def add(rows):
    return defined("add_positions", "x, table", ["B, T, d = x.shape", f"return x + {rows}"])


def add_where(loop, begin="x.copy()", returned="return y"):
    return defined(
        "add_positions",
        "x, table",
        ["B, T, d = x.shape", f"y = {begin}", loop, "    y[b, t] = x[b, t] + table[t]", returned],
    )


def every(b="range(B)", t="range(T)"):
    return f"for b, t in [(b, t) for b in {b} for t in {t}]:"


def only_the_first(x, table):
    y = x.copy()
    for b in range(len(x)):
        y[b] = x[b] + table[: x.shape[1]]
        return y
    return None


def added_in_a_loop(x, table):
    y = x.copy()
    for _ in range(len(x)):
        y = y + table[: x.shape[1]]
    return y


def unpacked(x, start=0):
    B, H, T, d = x.shape
    return rotary_by_loops(x, start)


def by_the_number_of_heads(x, start=0):
    B, H, T, d = x.shape if x.ndim == 4 else (1, *x.shape) if x.ndim == 3 else (1, 1, *x.shape)
    a = np.arange(start, start + x.shape[1])[:, None, None] / 10000 ** (np.arange(0, d, 2) / d)
    if x.ndim < 4:
        a = a[:, 0]
    y = np.zeros(x.shape)
    y[..., 0::2] = x[..., 0::2] * np.cos(a) - x[..., 1::2] * np.sin(a)
    y[..., 1::2] = x[..., 0::2] * np.sin(a) + x[..., 1::2] * np.cos(a)
    return y


WRONG = [
    ("positional_encoding", "D01", lambda T, d: pe_by_loops(T, d)[:, apart(d)]),
    ("positional_encoding", "D01", lambda T, d: pe_by_loops(T, d)[:, np.argsort(np.arange(d) % 2, kind="stable")]),
    ("positional_encoding", "D03", pe(f"{P} / 10000 ** (2 * {S} / d)")),
    ("positional_encoding", "pe_i_without_two", pe(f"{P} / 10000 ** (np.arange((d + 1) // 2) / d)")),
    ("positional_encoding", "pe_i_without_two", pe(f"{P} / 100 ** ({S} / d)")),
    ("positional_encoding", "D05", pe(odd="np.sin(a)")),
    ("positional_encoding", "pe_cosines_only", pe(even="np.cos(a)")),
    ("positional_encoding", "pe_cosine_first", pe(even="np.cos(a)", odd="np.sin(a)")),
    ("positional_encoding", "pe_cosine_off", pe(odd=f"np.cos({P} / 10000 ** (({S} + 1) / d))")),
    ("positional_encoding", "pe_cosine_off", pe(odd=f"np.cos({P} / 10000 ** (2 * ({S} // 2 + 1) / d))")),
    (
        "positional_encoding",
        "pe_each_column",
        lambda T, d: np.array(
            [[(np.sin, np.cos)[j % 2](p / 10000 ** (2 * j / d)) for j in range(d)] for p in range(T)]
        ),
    ),
    ("positional_encoding", "D07", pe(f"({P} + 1) / 10000 ** ({S} / d)")),
    ("positional_encoding", "pe_positions_backward", pe(f"{P}[::-1] / 10000 ** ({S} / d)")),
    ("positional_encoding", "pe_share_of_length", pe(f"{P} / T / 10000 ** ({S} / d)")),
    ("positional_encoding", "D09", lambda T, d: pe_by_loops(T, d).reshape(T, d // 2, 2).reshape(T, d)),
    (
        "positional_encoding",
        "pe_odd_width_changed",
        lambda T, d: pe_by_loops(T, d)[:, : d // 2 * 2],
    ),
    ("positional_encoding", "pe_odd_last_empty", looped(columns="range(0, d - 1, 2)")),
    ("positional_encoding", "pe_odd_width_rounded", pe(f"{P} / 10000 ** ({S} / (d + d % 2))")),
    ("positional_encoding", "D11", pe(f"{P} / 1000 ** ({S} / d)")),
    ("positional_encoding", "D11", pe(f"{P} / 512 ** ({S} / d)")),
    ("positional_encoding", "D13", lambda T, d: pe_by_loops(T, d).transpose()),
    ("positional_encoding", "D15", pe(f"{P} / 10000 ** ({S} / T)")),
    ("positional_encoding", "pe_growing", pe(f"{P} * 10000 ** ({S} / d)")),
    ("positional_encoding", "pe_one_speed", pe(f"{P} / 10000 ** ({S} // d)")),
    ("positional_encoding", "pe_no_parentheses", pe(f"{P} / (10000.0 ** {S} / d)")),
    ("positional_encoding", "pe_fixed_divisor", pe(f"{P} / 10000 ** ({S} / 512)")),
    ("positional_encoding", "pe_to_the_end", pe(f"{P} / 10000 ** ({S} / max(d + d % 2 - 2, 1))")),
    ("positional_encoding", "pe_degrees", pe(f"np.radians({P}) / 10000 ** ({S} / d)")),
    ("positional_encoding", "pe_angles", pe(even="a", odd="a")),
    (
        "positional_encoding",
        "pe_rows_in_turn",
        lambda T, d: np.array(
            [[(np.sin, np.cos)[p % 2](p / 10000 ** (2 * (j // 2) / d)) for j in range(d)] for p in range(T)]
        ),
    ),
    ("positional_encoding", "pe_loop_misses_one", looped(rows="range(T - 1)")),
    ("positional_encoding", "pe_loop_misses_one", looped(rows="range(1, T)")),
    ("positional_encoding", "pe_loop_misses_one", looped(columns="range(2, d, 2)")),
    ("positional_encoding", "pe_first_row_only", looped(returned="return table")),
    ("positional_encoding", "pe_return_in_the_loop", looped(returned="    return table")),
    ("positional_encoding", "pe_no_cosines", pe(odd="0 * a")),
    ("positional_encoding", "pe_first_row_only", pe(last="table = table.astype(int)")),
    ("positional_encoding", "pe_scaled", pe(last="table = table * np.sqrt(d)")),
    ("positional_encoding", "pe_fixed_size", lambda T, d: pe_by_loops(100, d)),
    ("positional_encoding", "pe_fixed_size", lambda T, d: pe_by_loops(T, 8)),
    ("positional_encoding", "pe_another_axis", pe(last="table = table[np.newaxis]")),
    ("positional_encoding", "pe_rounded", pe(last="table = table.round(3)")),
    ("positional_encoding", "pe_single_precision", pe(last="table = np.float32(table)")),
    ("shift_rotation", "shift_backward", shift("-k * 10000.0 ** (-2 * i / d)")),
    ("shift_rotation", "shift_backward", shift(block="[[c, s], [-s, c]]")),
    ("shift_rotation", "shift_no_minus", shift(block="[[c, s], [s, c]]")),
    ("shift_rotation", "shift_sine_for_cosine", shift(block="[[s, -c], [c, s]]")),
    ("shift_rotation", "shift_mirrored", shift(block="[[c, s], [s, -c]]")),
    ("shift_rotation", "shift_cosines_only", shift(block="[[c, 0], [0, c]]")),
    ("shift_rotation", "shift_of_columns", lambda k, d: np.roll(np.eye(d), k, axis=1)),
    ("shift_rotation", "shift_identity", shift(block="[[1, 0], [0, 1]]")),
    ("shift_rotation", "shift_k_ignored", shift("10000.0 ** (-2 * i / d)")),
    ("shift_rotation", "shift_size_of_k", shift("abs(k) * 10000.0 ** (-2 * i / d)")),
    ("shift_rotation", "shift_another_k", shift("(k + 1) * 10000.0 ** (-2 * i / d)")),
    ("shift_rotation", "shift_two_i_twice", shift("k * speeds(d)[i] ** 2")),
    ("shift_rotation", "shift_i_without_two", shift("k / 10000 ** (i / d)")),
    ("shift_rotation", "shift_one_speed", shift("k")),
    ("shift_rotation", "shift_speeds_reversed", shift("k * speeds(d)[-1 - i]")),
    ("shift_rotation", "shift_other_speeds", shift("k / 1000 ** (2 * i / d)")),
    ("shift_rotation", "shift_other_speeds", shift("k / 10000 ** (2 * i / 64)")),
    ("shift_rotation", "shift_first_pair_only", shift(inside="return M")),
    ("shift_rotation", "shift_misses_one", shift(loop="range(d // 2 - 1)")),
    ("shift_rotation", "shift_misses_one", shift(loop="range(1, d // 2)", begin="np.eye(d)")),
    ("shift_rotation", "shift_overlapping", shift(at="M[i : i + 2, i : i + 2]")),
    ("shift_rotation", "shift_blocks", shift(begin="np.zeros((d // 2, 2, 2))", at="M[i]")),
    ("shift_rotation", "shift_fixed_width", lambda k, d: shift_by_entries(k, 8)),
    ("shift_rotation", "shift_transposed_blocks", lambda k, d: np.fliplr(shift_by_entries(k, d))),
    ("shift_rotation", "shift_whole_numbers", shift(begin="np.zeros((d, d), dtype=int)")),
    ("shift_rotation", "shift_rounded", shift(returned="return M.round(4)")),
    ("shift_rotation", "shift_single_precision", shift(begin="np.zeros((d, d), dtype=np.float32)")),
    (
        "shift_rotation",
        "shift_of_one_position",
        lambda k, d: np.outer(pe_by_loops(60, d)[5], pe_by_loops(60, d)[5 + k]) / (d / 2),
    ),
    (
        "shift_rotation",
        "shift_halves",
        lambda k, d: shift_by_entries(k, d)[np.ix_(apart(d), apart(d))],
    ),
    ("add_positions", "D17", add("table[:B].reshape(B, 1, d)")),
    ("add_positions", "D17", lambda x, table: x + table[: len(x)][:, np.newaxis, :]),
    ("add_positions", "add_first_row", add("table[0]")),
    ("add_positions", "add_last_row", add("table[T - 1]")),
    ("add_positions", "D19", lambda x, table: x * table[: x.shape[-2]]),
    ("add_positions", "D23", add("table[len(table) - T :]")),
    ("add_positions", "add_from_one", add("table[1 : 1 + T]")),
    ("add_positions", "add_one_row_short", add("table[: T - 1]")),
    ("add_positions", "add_backward", add("table[T - 1 :: -1][:T]")),
    ("add_positions", "add_whole_table", add("table")),
    ("add_positions", "add_on_and_on", lambda x, t: x + np.resize(t, (x[..., 0].size, t.shape[1])).reshape(x.shape)),
    ("add_positions", "add_not_added", add("0")),
    ("add_positions", "add_table_only", lambda x, table: np.stack([table[: x.shape[1]]] * len(x))),
    ("add_positions", "add_subtracted", lambda x, table: x - table[: x.shape[1]]),
    ("add_positions", "add_beside", lambda x, table: np.dstack([x, np.stack([table[: x.shape[1]]] * len(x))])),
    ("add_positions", "add_averaged", lambda x, table: 0.5 * (x + table[: x.shape[1]])),
    ("add_positions", "add_scaled", lambda x, table: np.sqrt(x.shape[2]) * x + table[: x.shape[1]]),
    ("add_positions", "add_twice", added_in_a_loop),
    ("add_positions", "add_rows_summed", add("table[:T].sum(axis=0)")),
    ("add_positions", "add_one_sentence", only_the_first),
    ("add_positions", "add_one_sentence", add_where(every(b="range(B - 1)"))),
    ("add_positions", "add_one_word", add_where(every(t="range(T - 1)"))),
    ("add_positions", "add_one_word", add_where(every(t="range(1, T)"), begin="np.zeros(x.shape)")),
    ("add_positions", "add_one_sentence_only", lambda x, table: x[0] + table[: x.shape[1]]),
    ("add_positions", "add_changes_arguments", defined("f", "x, table", ["x += table[: x.shape[1]]", "return x"])),
    ("add_positions", "add_fixed_length", add("table[:5]")),
    ("add_positions", "add_rows_for_the_batch", add("table[:B]")),
    ("add_positions", "add_rows_for_the_batch", lambda x, table: x + table[: len(x), :]),
    ("add_positions", "add_whole_numbers", add_where(every(), begin="np.zeros(x.shape, dtype=int)")),
    ("add_positions", "add_single_precision", add("np.float32(table[:T])")),
    ("rotary", "rotary_backward", turned("-(start + np.arange(T))[:, None]")),
    ("rotary", "rotary_backward", turned(even="u * np.cos(a) + v * np.sin(a)", odd="v * np.cos(a) - u * np.sin(a)")),
    ("rotary", "rotary_halves", halves_turned),
    ("rotary", "rotary_overwritten", turned(begin="x.copy()", u="None", v="None",
                                            even="y[..., 0::2] * np.cos(a) - y[..., 1::2] * np.sin(a)",
                                            odd="y[..., 0::2] * np.sin(a) + y[..., 1::2] * np.cos(a)")),  # fmt: skip
    ("rotary", "rotary_no_minus", turned(even="u * np.cos(a) + v * np.sin(a)")),
    ("rotary", "rotary_sine_for_cosine", turned(even="u * np.sin(a) - v * np.cos(a)",
                                                odd="u * np.cos(a) + v * np.sin(a)")),  # fmt: skip
    ("rotary", "rotary_cosines_only", turned(even="u * np.cos(a)", odd="v * np.cos(a)")),
    ("rotary", "rotary_pair_exchanged", turned(u="x[..., 1::2]", v="x[..., 0::2]")),
    ("rotary", "rotary_laid_apart", lambda x, start=0: rotary_by_loops(x, start)[..., apart(x.shape[-1])]),
    ("rotary", "rotary_by_head", by_the_number_of_heads),
    ("rotary", "rotary_start_ignored", turned("np.arange(T)[:, None]")),
    ("rotary", "rotary_start_for_all", turned("np.full((T, 1), start)")),
    ("rotary", "rotary_start_misused", turned("(np.arange(T) - start)[:, None]")),
    ("rotary", "rotary_start_misused", turned("np.arange(start, T)[:, None]")),
    ("rotary", "rotary_from_one", turned("(start + 1 + np.arange(T))[:, None]")),
    ("rotary", "rotary_from_the_end", turned("(start + np.arange(T)[::-1])[:, None]")),
    ("rotary", "rotary_adds", lambda x, start=0: x + pe_by_where(start + x.shape[-2], x.shape[-1])[start:]),
    ("rotary", "rotary_multiplies", lambda x, start=0: x * pe_by_where(start + x.shape[-2], x.shape[-1])[start:]),
    ("rotary", "rotary_two_i_twice", turned(speed="speeds(d) ** 2")),
    ("rotary", "rotary_one_speed", turned(speed="1")),
    ("rotary", "rotary_other_speeds", turned(speed="speeds(d, 1000)")),
    ("rotary", "rotary_other_speeds", turned(speed="10000.0 ** (-np.arange(d // 2) / d)")),
    ("rotary", "rotary_not_turned", turned(returned="return x")),
    ("rotary", "rotary_half_filled", turned(odd="0")),
    ("rotary", "rotary_odd_left", turned(begin="x.copy()", odd="v")),
    ("rotary", "rotary_first_pair_only", lambda x, start=0: joined(rotary_by_loops(x, start), x, 2)),
    ("rotary", "rotary_misses_one", lambda x, start=0: joined(rotary_by_loops(x, start), x, -2)),
    ("rotary", "rotary_fixed_length", turned("(start + np.arange(5))[:, None]")),
    ("rotary", "rotary_counts_another_axis", turned("(start + np.arange(x.shape[1]))[:, None]")),
    ("rotary", "rotary_counts_another_axis", turned("np.arange(start, start + len(x)).reshape(-1, 1)")),
    ("rotary", "rotary_four_axes_only", unpacked),
    ("rotary", "rotary_flat_places", turned("(start + np.arange(T))")),
    ("rotary", "rotary_flat_places", turned("np.arange(start, start + T)[None, :]")),
    ("rotary", "rotary_heads_by_words", turned("(start + np.arange(T))[:, None, None]")),
    ("rotary", "rotary_changes_arguments", turned(begin="x", u="x[..., 0::2].copy()", v="x[..., 1::2].copy()")),
    ("rotary", "rotary_whole_numbers", turned(begin="np.zeros(x.shape, dtype=int)")),
    ("rotary", "rotary_rounded", turned(returned="return np.round(y, 2)")),
    ("rotary", "rotary_single_precision", turned(begin="np.zeros(x.shape, dtype=np.float32)")),
    ("repair_rotary", "rotary_start_ignored", turned("np.arange(T)[:, None]")),
    ("repair_rotary", "rotary_backward", turned("-(start + np.arange(T))[:, None]")),
    ("repair_rotary", "rotary_counts_another_axis", turned("(start + np.arange(x.shape[1]))[:, None]")),
    ("repair_rotary", "rotary_heads_by_words", turned("(start + np.arange(x.shape[2]))[:, None, None]")),
    ("repair_rotary", "rotary_flat_places", turned("(start + np.arange(x.shape[2]))")),
    ("repair_rotary", "rotary_by_head", turned("(start + np.arange(len(x)))[:, None, None, None]")),
]  # fmt: skip


def _ids(each):
    return each if isinstance(each, str) else ""


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=_ids)
def test_wrong_answers_are_refused_under_their_names_with_their_own_hints(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert {each.id: each.hint for each in get(id).mistakes}[mistake] in found.message


@pytest.mark.parametrize("id", ["positional_encoding", "shift_rotation", "add_positions", "rotary"])
def test_every_mistake_of_the_bank_is_written_once_more_here(id):
    assert {mistake.id for mistake in get(id).mistakes} == {m for of, m, _ in WRONG if of == id}


# Right shapes, and right sums along an axis.
SAME_SUMS = [
    ("positional_encoding", lambda T, d: pe_by_loops(T, d)[:, apart(d)], (5, 6), -1),
    ("shift_rotation", lambda k, d: shift_by_entries(k, d)[:, ::-1], (3, 6), -1),
    ("add_positions", lambda x, table: x + table[: x.shape[1]][::-1], (np.ones((2, 3, 4)), np.eye(5, 4)), 1),
    ("rotary", lambda x, start=0: rotary_by_loops(x, start)[..., [0, 2, 1, 3]], (np.ones((2, 4)),), -1),
    ("repair_rotary", lambda x, start=0: rotary_by_loops(x, start)[..., ::-1], (np.ones((1, 1, 2, 4)),), -1),
]


@pytest.mark.parametrize(("id", "wrong", "arguments", "axis"), SAME_SUMS, ids=_ids)
def test_right_shapes_and_sums_are_not_enough(id, wrong, arguments, axis):
    right, got = get(id).reference(*arguments), wrong(*arguments)
    assert right.shape == got.shape
    np.testing.assert_allclose(right.sum(axis=axis), got.sum(axis=axis))
    assert diagnose(id, wrong).status == "failed"


def keeps_lengths(rotary):
    x = np.random.default_rng(5).standard_normal((2, 3, 4, 6))
    return np.allclose(np.linalg.norm(rotary(x), axis=-1), np.linalg.norm(x, axis=-1))


@pytest.mark.parametrize("wrong", [halves_turned, by_the_number_of_heads, turned("-(start + np.arange(T))[:, None]")])
def test_lengths_that_stay_are_not_enough(wrong):
    assert keeps_lengths(wrong)
    assert diagnose("rotary", wrong).status == "failed"


def test_no_exercise_was_forgotten():
    ids = {exercise.id for exercise in EXERCISES}
    assert set(RIGHT) == ids == {id for id, *_ in SAME_SUMS}
    assert all(len(rights) >= 5 for rights in RIGHT.values())


def test_what_is_handed_out_for_repair_is_not_attempted_and_moves_no_score():
    assert diagnose("repair_rotary", buggy_rotary).status == "not attempted"
    q, k = np.random.default_rng(9).standard_normal((2, 2, 3, 5, 8))
    plain = q @ np.swapaxes(k, -1, -2)
    np.testing.assert_allclose(buggy_rotary(q, 7) @ np.swapaxes(buggy_rotary(k, 7), -1, -2), plain)
    assert np.abs(reference.rotary(q) @ np.swapaxes(reference.rotary(k), -1, -2) - plain).max() > 1


def test_any_base_is_named_as_one():
    for base in (7.0, 50.0, 2048.0, 9999.0, 1e6):
        found = diagnose("positional_encoding", pe(f"{P} / {base} ** ({S} / d)"))
        assert (found.status, found.mistake) == ("failed", "D11"), base


def test_messages_show_no_address_and_end_in_a_question():
    broken = [
        ("positional_encoding", lambda T, d: 1 / 0),
        ("positional_encoding", lambda T, d: np.ones((T, d))),
        ("shift_rotation", lambda k, d: np.ones((d, d))),
        ("add_positions", lambda x, table: x + 7),
        ("rotary", lambda x, start=0: x[::-1]),
        ("rotary", lambda x, start=0: np.zeros(3)),
    ]
    for id, wrong in broken:
        found = diagnose(id, wrong)
        assert (found.status, found.mistake) == ("failed", None), found.message
        assert "0x" not in found.message
        assert found.message.endswith("?")
