"""Lesson 05, masking: answers from both sides, what its text says of numbers, its figures, the mask builder, torch."""

import dataclasses
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from course.errors import CourseError
from course.lab import explore, slider
from course.lab.exercises import diagnose, get
from course.lessons.lesson_03.reference import attention, softmax
from course.lessons.lesson_05 import experiments, figures, reference
from course.lessons.lesson_05.exercises import EXERCISES, buggy_decoder_mask
from course.lessons.lesson_05.mask_builder import MaskBuilder, Settings, built_masks, draw_mask_builder, vectors
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "solutions" / "05_masking.py"
GERMAN = [
    ["<bos>", "Die", "Nadel", "hat", "eine", "scharfe", "Spitze"],
    ["<bos>", "Man", "zeigt", "nicht", "auf", "fremde", "Leute"],
]

# --- answers, written as learners write them; they share nothing with the bank ------------------------------------


def causal_by_where(T):
    i, j = np.indices((T, T))
    return np.where(j > i, False, True)


def causal_by_append(T):
    rows = []
    for i in range(T):
        rows.append([True] * (i + 1) + [False] * (T - i - 1))
    return np.array(rows)


def padding_by_list(tokens, pad):
    return np.array([[[[token != pad for token in sentence]]] for sentence in tokens])


def padding_by_invert(tokens, pad):
    return np.logical_not(np.equal(tokens, pad))[:, np.newaxis, np.newaxis, :]


def padding_by_set(tokens, pad):
    mask = np.ones((len(tokens), 1, 1, len(tokens[0])), dtype=bool)
    mask[:, 0, 0][tokens == pad] = False
    return mask


def decoder_by_four_axes(tokens, pad):
    T = tokens.shape[-1]
    future = np.arange(T)[None, None, :, None] < np.arange(T)[None, None, None, :]
    return ~(future | (tokens == pad)[:, None, None, :])


def decoder_by_sentence(tokens, pad):
    return np.stack([np.tri(len(row), dtype=bool) & (row != pad) for row in tokens])[:, None]


def decoder_by_product(tokens, pad):
    T = tokens.shape[1]
    return (np.tri(T)[None] * (tokens != pad)[:, None, :]).astype(bool)[:, None]


def decoder_by_all(tokens, pad):
    T = tokens.shape[1]
    stacked = np.broadcast_arrays((tokens != pad)[:, None, None, :], np.tri(T, dtype=bool))
    return np.all(stacked, axis=0)


def decoder_by_columns(tokens, pad):
    mask = np.repeat(np.tril(np.ones((1, 1, tokens.shape[1], tokens.shape[1]), dtype=bool)), len(tokens), axis=0)
    for b in range(len(tokens)):
        for j in range(tokens.shape[1]):
            if tokens[b, j] == pad:
                mask[b, 0, :, j] = False
    return mask


def influence_by_columns(f, x, other):
    before, columns = f(x), []
    for j in range(x.shape[0]):
        changed = np.array(x)
        changed[j, :] = other[j, :]
        columns.append(np.max(np.abs(before - f(changed)), axis=1))
    return np.column_stack(columns)


def influence_by_where(f, x, other):
    T = len(x)
    after = [f(np.where((np.arange(T) == j)[:, None], other, x)) for j in range(T)]
    return np.abs(np.array(after) - f(x)).max(axis=2).T


def influence_by_pairs(f, x, other):
    T = len(x)
    moved = np.empty((T, T))
    for i in range(T):
        for j in range(T):
            changed = x.copy()
            changed[j] = other[j]
            moved[i, j] = max(abs(a - b) for a, b in zip(f(changed)[i], f(x)[i], strict=True))
    return moved


def influence_in_place(f, x, other):
    before = f(x).copy()
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        kept = x[j].copy()
        x[j] = other[j]
        moved[:, j] = np.abs(f(x) - before).max(axis=-1)
        x[j] = kept
    return moved


def influence_all_at_once(f, x, other):
    T = len(x)
    many = np.repeat(x[None], T, axis=0)
    many[np.arange(T), np.arange(T)] = other
    return np.linalg.norm(f(many) - f(x), ord=np.inf, axis=-1).T


def influence_by_concatenation(f, x, other):
    before = f(x)
    pieces = [f(np.concatenate([x[:j], other[j : j + 1], x[j + 1 :]])) for j in range(len(x))]
    return np.stack([np.maximum(p - before, before - p).max(-1) for p in pieces], axis=-1)


RIGHT = {
    "causal_mask": (
        causal_by_where,
        causal_by_append,
        lambda T: np.tri(T).astype(bool),
        lambda T: np.arange(T)[:, None] - np.arange(T) >= 0,
        lambda T: ~np.triu(np.ones((T, T), dtype=bool), k=1),
    ),
    "padding_mask": (
        padding_by_list,
        padding_by_invert,
        padding_by_set,
        lambda tokens, pad: (tokens != pad).reshape(-1, 1, 1, tokens.shape[-1]),
        lambda tokens, pad: np.expand_dims(np.expand_dims(tokens, 1), 1) != pad,
    ),
    "decoder_mask": (
        decoder_by_four_axes,
        decoder_by_sentence,
        decoder_by_product,
        decoder_by_all,
        decoder_by_columns,
    ),
    "repair_decoder_mask": (
        decoder_by_four_axes,
        decoder_by_sentence,
        decoder_by_product,
        decoder_by_all,
        decoder_by_columns,
    ),
    "influence": (
        influence_by_columns,
        influence_by_where,
        influence_by_pairs,
        influence_in_place,
        influence_all_at_once,
        influence_by_concatenation,
    ),
}


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


def meter(body, columns="moved[:, j] = np.abs(f(changed) - before).max(axis=-1)", before="f(x)", loop="range(len(x))"):
    """An `influence` from the lines of its loop."""
    text = "\n".join(
        [
            "def influence(f, x, other):",
            f"    before = {before}",
            "    moved = np.zeros((len(x), len(x)))",
            f"    for j in {loop}:",
            *(f"        {line}" for line in body),
            f"        {columns}",
            "    return moved",
        ]
    )
    space = {"np": np}
    exec(text, space)
    return space["influence"]


EXCHANGE = ["changed = x.copy()", "changed[j] = other[j]"]
COLUMN = "np.abs(f(changed) - before)"


def one_copy_for_all(f, x, other):
    before, changed = f(x), x.copy()
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=1)
    return moved


def returns_in_the_loop(f, x, other):
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=1)
        return moved
    return None


def keeps_the_last(f, x, other):
    before = f(x)
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = other[j]
        moved = np.abs(f(changed) - before).max(axis=1)
    return moved


def counts_widths(f, x, other):
    T, d = x.shape
    before = f(x)
    moved = np.zeros((T, d))
    for j in range(d):
        changed = x.copy()
        changed[:, j] = other[:, j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=1)
    return moved


def whole_numbers(f, x, other):
    before = f(x)
    moved = np.zeros((len(x), len(x)), dtype=int)
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=1)
    return moved


def compares_x_with_itself(f, x, other):
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - f(x)).max(axis=-1)
    return moved


def forgets_the_exchange(f, x, other):
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        moved[:, j] = np.abs(f(x.copy()) - before).max(axis=-1)
    return moved


def decoder_with_and(tokens, pad):
    future = np.tri(tokens.shape[1], dtype=bool)
    real = (tokens != pad)[:, None, None]
    return real and future


def decoder_with_if(tokens, pad):
    mask = np.tri(tokens.shape[1], dtype=bool)[None, None].repeat(len(tokens), axis=0)
    if tokens == pad:
        mask[:] = False
    return mask


def past(tokens):
    return np.tri(tokens.shape[1], dtype=bool)


WRONG = [
    ("influence", "influence_two_names", compares_x_with_itself),
    ("influence", "influence_nothing_exchanged", forgets_the_exchange),
    ("decoder_mask", "decoder_python_and", decoder_with_and),
    ("decoder_mask", "decoder_python_and", decoder_with_if),
    ("decoder_mask", "decoder_precedence_in_rows", lambda tokens, pad: (tokens != pad & past(tokens))[:, None]),
    ("decoder_mask", "decoder_precedence_in_rows", lambda tokens, pad: tokens != pad & past(tokens)),
    ("decoder_mask", "decoder_precedence_in_rows", lambda t, pad: (past(t) & t != pad)[:, None, None]),
    ("decoder_mask", "decoder_precedence_in_rows", lambda t, pad: ~(t == pad & past(t))[:, None]),
    ("repair_decoder_mask", "decoder_python_and", decoder_with_and),
    ("influence", "influence_not_reset", one_copy_for_all),
    ("influence", "influence_return_in_the_loop", returns_in_the_loop),
    ("influence", "influence_overwritten", keeps_the_last),
    ("influence", "influence_features", counts_widths),
    ("influence", "influence_cut_off", whole_numbers),
    ("influence", "influence_no_copy", meter(["changed = x", "changed[j] = other[j]"])),
    ("influence", "influence_transposed", meter(EXCHANGE, "moved[j] = np.abs(f(changed) - before).max(axis=1)")),
    ("influence", "influence_all_that_follow", meter(["changed = x.copy()", "changed[j:] = other[j:]"])),
    ("influence", "influence_all_but_one", meter(["changed = other.copy()", "changed[j] = x[j]"])),
    ("influence", "influence_other_way_round", meter(EXCHANGE, before="f(other)")),
    ("influence", "influence_zeroed", meter(["changed = x.copy()", "changed[j] = 0"])),
    ("influence", "influence_added", meter(["changed = x.copy()", "changed[j] = x[j] + other[j]"])),
    ("influence", "influence_taken_out", meter(["changed = np.concatenate([x[:j], x[j + 1:]])"])),
    ("influence", "influence_signed", meter(EXCHANGE, "moved[:, j] = (f(changed) - before).max(axis=-1)")),
    ("influence", "influence_absolute_too_late", meter(EXCHANGE, "moved[:, j] = abs((f(changed) - before).max(1))")),
    ("influence", "influence_not_the_largest", meter(EXCHANGE, f"moved[:, j] = {COLUMN}.mean(axis=1)")),
    ("influence", "influence_not_the_largest", meter(EXCHANGE, f"moved[:, j] = np.linalg.norm({COLUMN}, axis=1)")),
    ("influence", "influence_squared", meter(EXCHANGE, f"moved[:, j] = ({COLUMN} ** 2).max(axis=1)")),
    ("influence", "influence_wrong_axis", meter(EXCHANGE, f"moved[:, j] = {COLUMN}.max(axis=0)")),
    ("influence", "influence_one_number", meter(EXCHANGE, f"moved[:, j] = {COLUMN}.max()")),
    ("influence", "influence_compared_with_x", meter(EXCHANGE, "moved[:, j] = np.abs(f(changed) - x).max(axis=1)")),
    ("influence", "influence_not_compared", meter(EXCHANGE, "moved[:, j] = np.abs(f(changed)).max(axis=1)")),
    ("influence", "influence_relative", meter(EXCHANGE, f"moved[:, j] = ({COLUMN} / np.abs(before)).max(axis=1)")),
    ("influence", "influence_own_output", meter(EXCHANGE, f"moved[j, j] = {COLUMN}[j].max()")),
    ("influence", "influence_one_side", meter(EXCHANGE, f"moved[j:, j] = {COLUMN}[j:].max(axis=1)")),
    ("influence", "influence_loop_ends_early", meter(EXCHANGE, loop="range(len(x) - 1)")),
    ("influence", "influence_loop_begins_late", meter(EXCHANGE, loop="range(1, len(x))")),
    ("influence", "influence_fixed_length", meter(EXCHANGE, loop="range(3)")),
    ("influence", "influence_width_for_length", meter(EXCHANGE, loop="range(x.shape[1])")),
    ("influence", "influence_mirrored", meter(["changed = x.copy()", "changed[-j - 1] = other[-j - 1]"])),
    ("influence", "influence_yes_or_no", lambda f, x, other: influence_by_where(f, x, other) > 1e-12),
    ("causal_mask", "causal_strict", lambda T: np.arange(T)[:, None] > np.arange(T)),
    ("padding_mask", "M11", lambda tokens, pad, own=3: (tokens != own)[:, None, None]),
    ("padding_mask", "M09", lambda tokens, pad: (tokens != pad)[:, None][..., None]),
    ("decoder_mask", "M09", lambda tokens, pad: buggy_decoder_mask(tokens, pad) | False),
    ("repair_decoder_mask", "M17", lambda tokens, pad: np.repeat((tokens != pad)[:, None, None], tokens.shape[1], 2)),
    ("repair_decoder_mask", "decoder_pad_rows", lambda t, pad: buggy_decoder_mask(t, pad) & (t != pad)[:, None, None]),
]


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_wrong_answers_are_refused_under_their_names_with_their_own_hints(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message
    assert {each.id: each.hint for each in get(id).mistakes}[mistake] in found.message


def test_every_mistake_of_the_meter_is_written_once_more_here():
    assert {mistake.id for mistake in get("influence").mistakes} == {m for id, m, _ in WRONG if id == "influence"}


def one_entry_for_all(f, x, other):
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            changed = x.copy()
            changed[j] = other[j]
            moved[i, j] = np.abs(f(changed) - before).max(axis=-1)
    return moved


def test_several_numbers_in_one_entry_get_a_question_about_that():
    message = diagnose("influence", one_entry_for_all).message
    assert message.endswith("How many are there on the right, and which is meant?")


def mirrored(T):
    return np.tri(T, dtype=bool)[:, ::-1]


SUMS_SO_FAR = get("influence").cases[1].make()
# Right shapes, and right sums of rows.
SAME_SUMS = [
    ("causal_mask", mirrored, (6,)),
    (
        "padding_mask",
        lambda t, pad: np.sort(t != pad, axis=1)[:, None, None, ::-1],
        (np.array([[0, 4, 5], [4, 0, 0]]), 0),
    ),
    ("decoder_mask", lambda t, pad: (t != pad)[:, None, None] & mirrored(t.shape[1]), (np.array([[1, 2, 3]]), 9)),
    ("repair_decoder_mask", lambda t, pad: (t != pad)[:, None, None] & mirrored(t.shape[1]), (np.array([[1, 2]]), 9)),
    ("influence", meter(["changed = x.copy()", "changed[-j - 1] = other[-j - 1]"]), SUMS_SO_FAR),
]


@pytest.mark.parametrize(
    ("id", "wrong", "arguments"), SAME_SUMS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_right_shapes_and_sums_are_not_enough(id, wrong, arguments):
    right, got = get(id).reference(*arguments), wrong(*arguments)
    assert right.shape == got.shape
    np.testing.assert_allclose(right.sum(axis=-1), got.sum(axis=-1))
    found = diagnose(id, wrong)
    assert found.status == "failed"
    assert found.mistake is not None


def test_no_exercise_was_forgotten():
    ids = {exercise.id for exercise in EXERCISES}
    assert set(RIGHT) == ids == {id for id, *_ in SAME_SUMS}
    assert all(len(rights) >= 5 for rights in RIGHT.values())


def test_what_is_handed_out_for_repair_is_not_attempted_and_shows_only_on_the_left():
    assert diagnose("repair_decoder_mask", buggy_decoder_mask).status == "not attempted"
    right = np.array([[4, 5, 0, 0], [4, 5, 6, 7]])
    words = (right != 0)[:, None, :, None]
    np.testing.assert_array_equal(buggy_decoder_mask(right, 0), reference.decoder_mask(right, 0) & words)
    left = right[:, ::-1]
    assert (buggy_decoder_mask(left, 0) & ~reference.decoder_mask(left, 0)).any()


def test_messages_about_the_meter_show_no_address():
    for wrong in (lambda f, x, other: 1 / 0, lambda f, x, other: np.zeros((2, 2)), lambda f, x, other: f(x)):
        message = diagnose("influence", wrong).message
        assert "0x" not in message
        assert message.endswith("?")


# --- the lesson itself, run without torch ------------------------------------------------------------------------

_WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, NoTorch())

from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()  # tables are then printed as text
"""
_TOLD = """
import json
told = {
    "sides": {
        name: {
            side: [found.future, found.pads, int(found.blind.sum()), float(found.sums.min()), float(found.sums.max())]
            for side, found in sides.items()
        }
        for name, sides in measured.items()
    },
    "torch": "torch" in sys.modules,
}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the solved lesson prints when torch cannot be imported, and the numbers that its text speaks of."""
    pytest.importorskip("jupytext", reason="reading a lesson's text needs the extra 'author'")
    from course.authoring.source import read_lesson

    cells = [cell.source for cell in read_lesson(SOURCE).cells if cell.cell_type == "code"]
    script = tmp_path_factory.mktemp("lesson") / "lesson.py"
    script.write_text("\n\n".join([_WITHOUT_TORCH, *cells, _TOLD]), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    return "\n".join(lines), json.loads(last)


def text():
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n# ", " ").split())


def test_the_lesson_runs_with_torch_blocked_and_every_solution_passes(told):
    printed, numbers = told
    assert not numbers["torch"]
    for exercise in EXERCISES:
        assert f"{exercise.id}: passed" in printed


def test_sums_of_rows_accuse_two_of_eleven(told):
    sides = told[1]["sides"]
    assert len(sides) == 1 + len(experiments.MISTAKES) == 12
    accused = {name for name, each in sides.items() for found in each.values() if not np.allclose(found[3:], 1)}
    assert accused == {"one step too few", "mask after the softmax"}
    assert "**Sums of rows accuse two of eleven** on these sentences. Nine mistakes make proper weights" in text()


def test_without_pads_sums_of_rows_accuse_a_third():
    given, tokens = made_readers(), experiments.padded(7, 0, "left", pad=0)
    sums = {name: make(tokens, 0)(given["x"])[1].sum(axis=-1) for name, make in given["made"].items()}
    accused = {name for name, each in sums.items() if not np.allclose(each, 1)}
    assert accused == {"one step too few", "mask after the softmax", "True and False exchanged"}
    assert np.flatnonzero(sums["True and False exchanged"] == 0).tolist() == [6]


def test_the_right_mask_has_empty_rows_of_pads_on_the_left_and_the_readings_leave_them_out(told):
    given, tokens = made_readers(), experiments.padded(5, 2, "left", pad=0)
    assert given["made"][experiments.RIGHT](tokens, 0)(given["x"])[1].sum(axis=-1).round(9).tolist() == [0, 0, *[1] * 5]
    assert told[1]["sides"][experiments.RIGHT]["left"][3:] == pytest.approx([1, 1])


def test_a_reading_says_what_was_found_and_wants_one_id_for_each_vector(told):
    said = "from the future 0.00, from pads 0.00, not seen 0, row sums of words 1.00 to 1.00"
    assert told[0].count(said) == 2  # her two sentences
    given = made_readers()
    found = {"x": given["x"], "other": given["other"], "influence": reference.influence}
    for tokens in (np.array([4, 5, 6]), np.array([[4, 5, 6, 7, 8, 9, 10]])):
        with pytest.raises(CourseError, match=r"an id for each of its 7 vectors.*\(7,\)"):
            experiments.read(given["made"][experiments.RIGHT], tokens, 0, **found)


def test_two_mistakes_show_only_with_pads_on_the_left(told):
    sides = told[1]["sides"]
    silent = {name for name, each in sides.items() if max(each["right"][:2]) < 1e-9 and each["right"][2] == 0}
    assert silent == {experiments.RIGHT, "pads not hidden", "pads hidden as queries"}
    for name in silent - {experiments.RIGHT}:
        assert f"{sides[name]['left'][1]:.2f}" == "1.17"
    assert "the same code leaks by 1.17" in text()


def test_one_mistake_leaks_nothing_and_is_blind(told):
    sides = told[1]["sides"]
    leaks = {name: max(number for side in each.values() for number in side[:2]) for name, each in sides.items()}
    assert {name for name, leak in leaks.items() if leak < 1e-9} == {experiments.RIGHT, "one step too few"}
    assert sides["one step too few"]["right"][2] == sides["one step too few"]["left"][2] == 2
    assert sides[experiments.RIGHT]["left"][2] == 0


def test_the_numbers_computed_by_hand():
    powers, values, may = np.array([1, 1, 4, 2, 8]), np.array([0, 8, 2, 4, 16.0]), np.arange(5) < 4
    assert powers @ values / 16 == 9.5
    assert softmax(np.log(powers), may) @ values == pytest.approx(3)
    assert (powers * may / 16) @ values == 1.5
    said = text()
    for claim in ("= 9.5$", "(8 + 8 + 8) = 3$", "the output is $1.5$", "*eine* says", "1.5 becomes 2.4", "$8/16$"):
        assert claim in said
    changed = np.array([1, 1, 4, 2, 2])
    assert (changed * may / 10) @ values == pytest.approx(2.4)


def test_zeroed_weights_divided_by_their_sum_are_those_of_minus_infinity():
    scores, mask = np.random.default_rng(3).standard_normal((6, 6)), reference.causal_mask(6)
    zeroed = softmax(scores) * mask
    np.testing.assert_allclose(zeroed / zeroed.sum(axis=-1, keepdims=True), softmax(scores, mask))


def test_a_row_that_may_see_nothing():
    scores, nothing = np.log([1.0, 1, 4, 2, 8]), np.zeros(5, dtype=bool)
    put, added = experiments.HABITS["-1e9 put in place"], experiments.HABITS["-1e9 added"]
    for kind in (np.float64, np.float32):
        np.testing.assert_allclose(put(scores.astype(kind), nothing), 0.2, rtol=1e-6)
    np.testing.assert_allclose(added(scores, nothing), softmax(scores), atol=1e-6)
    np.testing.assert_allclose(added(scores.astype(np.float32), nothing), 0.2, rtol=1e-6)
    assert np.spacing(np.float32(1e9)) == 64
    assert np.isnan(experiments.HABITS["minus infinity, and no rule"](scores, nothing)).all()
    rows = experiments.show_empty_row(scores, softmax=softmax).alt.splitlines()[2:]
    assert rows[0].split()[-5:] == ["0.0000"] * 5
    (as_without,) = [row for row in rows if row.startswith("-1e9 added") and "float64" in row]
    assert as_without.split()[-5:] == rows[-1].split()[-5:] == ["0.0625", "0.0625", "0.2500", "0.1250", "0.5000"]


def test_nan_needs_two_layers(told):
    lines = [line.split() for line in told[0].splitlines()]
    assert ["naive", "2", "7"] in lines
    assert ["yours", "0", "0"] in lines


def test_garbage_behind_a_mask(told):
    assert "NaN in a hidden key  : 0 of 7" in told[0]
    assert "NaN in a hidden value: 7 of 7" in told[0]
    assert "values behind the mask set to 0: 0 of 7" in told[0]


def test_padding_as_keys_alone_makes_company_unnoticeable(told):
    rows = {
        line.split("  ")[0]: line.split()[-3:]
        for line in told[0].splitlines()
        if line.startswith(("none", "rows of", "columns of"))
    }
    none, as_queries, as_keys = rows.values()
    assert none[:2] == as_queries[:2]
    assert float(none[0]) > 0.1
    assert (as_queries[2], as_keys) == ("0", ["0.000", "0.00", "1"])


def test_ten_readers_of_twelve_pass_a_test_of_sums():
    """As the quiz says."""
    from course.lessons.lesson_05.quiz import QUIZ

    assert any("ten of the twelve readers" in why for question in QUIZ for why in question.why.values())


# --- the meter and its readings ----------------------------------------------------------------------------------


def made_readers():
    rng = np.random.default_rng(8)
    made = experiments.readers(
        attention=attention, decoder_mask=reference.decoder_mask, projections=rng.standard_normal((3, 4, 4))
    )
    x, other = rng.standard_normal((2, 7, 4))
    return {"made": made, "x": x, "other": other}


def test_readings_of_any_numbers_find_each_mistake():
    """Not only with the lesson's seed: a leak, a blind spot or a wrong sum for each mistake, and none for none."""
    given = made_readers()
    measured = experiments.measure_mistakes(
        given["made"], pad=0, x=given["x"], other=given["other"], influence=reference.influence
    )
    for name, sides in measured.items():
        wrong = any(found.leaks.any() or found.blind.any() for found in sides.values())
        assert wrong == (name != experiments.RIGHT), name
    assert measured["no mask at all"]["left"].leaks.sum() == 20
    assert measured["one step too far"]["left"].leaks.sum() == 4


def test_two_readers_are_the_same_for_words_and_differ_for_pads():
    """As the end of the task for four says."""
    given = made_readers()
    tokens = experiments.padded(5, 2, "left", pad=0)
    one, other = (
        given["made"][name](tokens, 0)(given["x"])[0] for name in ("pads not hidden", "pads hidden as queries")
    )
    np.testing.assert_array_equal(one[2:], other[2:])
    assert np.abs(one[:2] - other[:2]).max() > 0.1


def test_the_meter_is_the_one_that_is_handed_over():
    given = made_readers()
    tokens = experiments.padded(5, 2, "left", pad=0)
    still, words = given["made"]["no mask at all"], {"x": given["x"], "other": given["other"]}
    found = experiments.read(still, tokens, 0, influence=lambda *_: np.zeros((7, 7)), **words)
    assert (found.future, found.pads, int(found.blind.sum())) == (0.0, 0.0, 15)


def test_pads_stand_where_they_are_told_to():
    assert experiments.padded(2, 3, "left", pad=9).tolist() == [9, 9, 9, 4, 5]
    assert experiments.padded(2, 1, "right", pad=9).tolist() == [4, 5, 9]


# --- figures -----------------------------------------------------------------------------------------------------


def summary_values():
    causal, padding = reference.causal_mask(5), np.arange(5) > 0
    weights = softmax(np.zeros((5, 5)), causal & padding)
    words = ["<pad>", "<bos>", "Die", "Nadel", "hat"]
    return {"words": words, "causal": causal, "padding": padding, "weights": weights}


def test_the_summary_can_be_read():
    figure, alt = drawn(figures.draw_summary, summary_values())
    assert collisions(figure) == []
    assert "the rows of weights sum to 0, 1, 1, 1, 1." in alt
    assert "<pad> to nothing; <bos> to <bos>; Die to <bos>, Die" in alt


def test_the_small_maps_can_be_read():
    given = made_readers()
    measured = experiments.measure_mistakes(
        given["made"], pad=0, x=given["x"], other=given["other"], influence=reference.influence
    )
    for side in ("left", "right"):
        figure, alt = drawn(figures.draw_measured_masks, {"measured": {name: s[side] for name, s in measured.items()}})
        assert collisions(figure) == []
        assert "as it should be: 0 leaks, 0 blind spots" in alt
        assert "one step too far: 4 leaks, 0 blind spots" in alt
    assert figure.get_size_inches()[0] <= 12


def test_masks_as_tables_say_who_may_see_whom():
    made = figures.draw_masks(masks=[("for <all>", np.array([[True, False], [True, True]]))], words=[["a", "<b>"]])
    assert made.alt == "For <all>. May attend: a to a; <b> to a, <b>."
    assert made.html.count("✓") == 3
    assert "&lt;b&gt;" in made.html
    one_row = figures.draw_masks(masks=[("padding", np.array([False, True]))], words=[["<pad>", "a"]])
    assert one_row.alt == "Padding. May attend: everybody to a."


def test_every_stop_of_the_leak_meter_draws():
    given = made_readers()
    seen = set()
    for reader in given["made"]:
        for pads in slider(0, 3, start=2).stops:
            for side in ("left", "right"):
                made = figures.draw_leak_meter(
                    influence=reference.influence, reader=reader, pads=pads, side=side, **given
                )
                seen.add(made.alt)
                assert ("Every pair is as the rule wants it." in made.alt) == ("2px solid" not in made.html)
                assert reader in made.html
    assert len(seen) == 12 * (1 + 2 * 3)  # without pads the side makes no difference


def test_the_leak_meter_runs_on_the_learners_function():
    given = made_readers()

    def influence(f, x, other):
        return np.full((len(x), len(x)), 0.5)

    panel = explore(figures.draw_leak_meter, influence=influence, reader=list(given["made"]), side=["left", "right"],
                    pads=slider(0, 3, start=2), **given)  # fmt: skip
    assert not panel.error
    assert panel.runs_on == "your influence"
    assert "from the future 0.50, from pads 0.50" in panel.alt


# --- the mask builder --------------------------------------------------------------------------------------------


def every_setting():
    for lengths in ((7, 5), (3, 7), (1, 1)):
        for side in ("right", "left"):
            for causal, shift in ((True, 0), (True, 1), (True, -1), (False, 0)):
                for pads in ("keys", "queries", "nowhere"):
                    for joined in ("and", "or"):
                        for may in (True, False):
                            yield Settings(lengths, side, causal, shift, pads, joined, may)


def test_what_the_builder_builds_agrees_with_references_wherever_they_speak():
    """Right settings are the reference mask; weights and leaks are attention's and the meter's, for every setting."""
    for settings in every_setting():
        T = max(settings.lengths)
        for i, built in enumerate(built_masks(GERMAN, settings)):
            tokens = np.where(built.real, 5, 0)[None]
            right = reference.decoder_mask(tokens, 0)[0, 0]
            np.testing.assert_array_equal(built.rule, right)
            if (settings.causal, settings.shift, settings.pads, settings.joined) == (True, 0, "keys", "and"):
                np.testing.assert_array_equal(built.mask, right)
                np.testing.assert_array_equal(built.allowed, right if settings.true_means_may else ~right)
            known = vectors(i)
            x = np.repeat(known[8][None], T, axis=0)
            x[built.real] = known[: settings.lengths[i]]
            np.testing.assert_allclose(built.weights, attention(x, x, x, built.allowed)[1])
            stranger = np.repeat(known[9][None], T, axis=0)
            moved = reference.influence(lambda v, m=built.allowed: attention(v, v, v, m)[0], x, stranger)
            later = ~reference.causal_mask(T) & built.real & built.real[:, None]
            np.testing.assert_allclose(built.future, np.where(later, moved, 0).max(axis=1))
            np.testing.assert_allclose(built.pads, np.where(built.real[:, None] & ~built.real, moved, 0).max(axis=1))


def test_the_answers_below_the_builder():
    shifted = [built_masks(GERMAN, Settings(shift=shift)) for shift in (1, -1)]
    assert all((each.future[: each.real.sum() - 1] > 0.005).all() for each in shifted[0])
    assert all(each.future.max() == 0 and each.weights[0].sum() == 0 for each in shifted[1])
    left = Settings((7, 3), "left")
    assert np.flatnonzero(built_masks(GERMAN, left)[1].weights.sum(axis=1) == 0).tolist() == [0, 1, 2, 3]
    joined = built_masks(GERMAN, dataclasses.replace(left, joined="or"))
    spared = [
        each.words[i]
        for each in joined
        for i in np.flatnonzero(each.real)
        if (each.allowed[i] == each.rule[i]).all() and max(each.future[i], each.pads[i]) < 1e-9
    ]
    assert spared == ["Spitze"]
    blocked = built_masks(GERMAN, Settings(true_means_may=False))
    empty = [each.words[i] for each in blocked for i in np.flatnonzero(each.weights.sum(axis=1) == 0) if each.real[i]]
    assert empty == ["Spitze"]


def test_the_builder_says_what_it_shows():
    builder = MaskBuilder(GERMAN, lengths=(7, 5), side="left", pads="queries")
    assert "pads on the left" in repr(builder)
    assert "leak from the future 0.00, from pads 0.56; 10 cells of words against the rule" in repr(builder)
    builder.shift = 1
    assert "shifted by 1" in builder.still_text()
    data, _ = builder._repr_mimebundle_()
    assert set(data) >= {"text/plain", "text/html"}
    json.dumps({name: value for name, value in builder.get_state().items() if not isinstance(value, bytes)})


@pytest.mark.parametrize("settings", [Settings(), Settings((7, 3), "left", shift=1, pads="queries"), Settings((1, 1))])
def test_the_still_builder_can_be_read(settings):
    figure, alt = drawn(draw_mask_builder, {"sentences": GERMAN, "settings": settings})
    assert collisions(figure) == []
    assert alt.startswith("A mask builder")


@pytest.mark.parametrize(
    "change",
    [
        {"lengths": (8, 1)},
        {"lengths": (0, 1)},
        {"lengths": (3,)},
        {"side": "above"},
        {"pads": "values"},
        {"joined": "xor"},
        {"shift": 2},
        {"polarity": True},
    ],
)
def test_a_setting_that_there_is_not_is_refused_with_a_sentence(change):
    with pytest.raises(CourseError, match=r"\.$"):
        MaskBuilder(GERMAN, **change)


def test_other_sentences_than_two_short_ones_are_refused():
    for sentences in (GERMAN[:1], [["a"] * 9, ["b"]], [[], ["b"]]):
        with pytest.raises(CourseError, match="two sentences"):
            MaskBuilder(sentences)


def test_nothing_is_fetched_from_elsewhere():
    builder = MaskBuilder(GERMAN)
    both = builder._esm + builder._css
    assert "import " not in both
    assert "http" not in both
    assert "innerHTML" not in both
    assert "prefers-color-scheme" not in both
    assert not re.search(r"--(jp|vscode)-[\w-]*(color|ground)", both)


# --- what PyTorch does -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def ways(torch):
    """The rows of the lesson's table: (q, k, v, mask) -> output."""
    fused = torch.nn.functional.scaled_dot_product_attention

    def filled(fill):
        def attend(q, k, v, mask):
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            return scores.masked_fill(~mask, fill).softmax(-1) @ v

        return attend

    return {
        "fused": lambda q, k, v, mask: fused(q, k, v, attn_mask=mask),
        "minus infinity": filled(-torch.inf),
        "minus a billion": filled(-1e9),
    }


EMPTY = {"fused": "zeros", "minus infinity": "NaN", "minus a billion": "equal"}
HIDDEN_KEY = {"fused": "NaN everywhere", "minus infinity": "harmless", "minus a billion": "harmless"}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_row_and_garbage_in_torch_are_as_the_table_says(torch, name):
    torch.manual_seed(1)
    attend = ways(torch)[name]
    q, k, v = torch.randn(3, 1, 2, 5, 4, dtype=torch.float64)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    mask[0] = False
    row = attend(q, k, v, mask)[0, :, 0]
    said = "zeros" if not row.any() else "NaN" if row.isnan().all() else "equal"
    assert said == EMPTY[name]
    if said == "equal":
        torch.testing.assert_close(row, v.mean(dim=-2)[0])
    hidden = torch.ones(5, 5, dtype=torch.bool)
    hidden[:, 2] = False
    for place, expected in ((k, HIDDEN_KEY[name]), (v, "NaN everywhere")):
        garbage = place.clone()
        garbage[..., 2, :] = torch.nan
        found = attend(q, garbage if place is k else k, garbage if place is v else v, hidden)
        assert found.isnan().any(-1).all() == (expected == "NaN everywhere")
        assert found.isnan().any() == (expected == "NaN everywhere")


def left_padded(torch):
    torch.manual_seed(1)
    x = torch.randn(2, 5, 8)
    pads = torch.zeros(2, 5, dtype=torch.bool)
    pads[0, :2] = True
    return x, {"later": ~torch.ones(5, 5, dtype=torch.bool).tril(), "pads": pads}


def nan_rows(found):
    return found.isnan().any(-1).sum(-1).tolist()


def test_multihead_attention_answers_an_empty_row_in_more_than_one_way(torch):
    x, masks = left_padded(torch)
    module = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def rows(training, gradients, **options):
        module.train(training)
        with torch.set_grad_enabled(gradients), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nan_rows(module(x, x, x, key_padding_mask=masks["pads"], attn_mask=masks["later"], **options)[0])

    both = (True, False)
    assert {tuple(rows(t, g)) for t in both for g in both} == {(2, 0)}
    quiet = {(t, g): rows(t, g, need_weights=False) for t in both for g in both}
    assert quiet == {(True, True): [0, 0], (True, False): [0, 0], (False, True): [0, 0], (False, False): [2, 0]}


def test_a_left_padded_target_is_finite_in_training_and_nan_in_use(torch):
    x, masks = left_padded(torch)
    model = torch.nn.Transformer(8, 2, 2, 2, 16, batch_first=True)

    def rows(training, gradients):
        model.train(training)
        with torch.set_grad_enabled(gradients), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nan_rows(model(x[:, :4], x, tgt_mask=masks["later"], tgt_key_padding_mask=masks["pads"]))

    assert rows(True, True) == [0, 0]
    assert rows(False, False) == [5, 0]


def test_torch_has_both_polarities(torch):
    x, masks = left_padded(torch)
    module = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    only_first = torch.zeros(5, 5, dtype=torch.bool)
    only_first[:, 0] = True
    weights = module(x, x, x, attn_mask=~only_first)[1]
    assert (weights[..., 0] == 1).all()
    fused = torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=only_first)
    torch.testing.assert_close(fused, x[:, :1].expand(2, 5, 8))
    assert "torch==2.13.0" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # the version that the text names
    assert "Measured with PyTorch 2.13.0" in text()


def test_every_drawing_says_something_of_what_it_is_given():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure(dpi=72)
        assert figures.draw_summary(figure, **summary_values()).endswith(".")
