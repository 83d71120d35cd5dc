"""Lesson 07: what its text says of numbers, its figures, its kept measurement, and torch beside numpy."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from course.errors import CourseError  # noqa: E402
from course.lab import explore, slider  # noqa: E402
from course.lab.drawing.picture import new_figure, render  # noqa: E402
from course.lessons.lesson_03.reference import attention  # noqa: E402
from course.lessons.lesson_04.reference import multi_head_attention  # noqa: E402
from course.lessons.lesson_07 import experiments, figures, reference  # noqa: E402
from course.lessons.lesson_07.experiments import LABELS, LAYERS, LOOKED_AT, Run, read_runs, short  # noqa: E402
from course.lessons.lesson_07.gradients import gradients  # noqa: E402
from course.lessons.lesson_07.quiz import QUIZ  # noqa: E402
from tests.test_lab_figures import collisions, drawn  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "07_the_encoder.py"
LONGER = ROOT / "course" / "lessons" / "lesson_12" / "logs" / "scores.jsonl"


def text():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


# --- the lesson itself ---------------------------------------------------------------------------------------------

_AS_TEXT = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()  # tables are then printed as text
"""
_TOLD = """
import json
print(json.dumps({"arrived": arrived, "counts": counts, "sizes": owned}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the solved lesson prints, and the numbers that its text speaks of."""
    pytest.importorskip("jupytext", reason="reading a lesson's text needs the extra 'author'")
    from course.authoring.source import read_lesson

    cells = [cell.source for cell in read_lesson(SOURCE).cells if cell.cell_type == "code"]
    script = tmp_path_factory.mktemp("lesson") / "lesson.py"
    script.write_text("\n\n".join([_AS_TEXT, *cells, _TOLD]), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    *lines, last = done.stdout.splitlines()
    return "\n".join(lines), json.loads(last)


def test_every_solution_passes_and_every_claim_holds(told):
    assert told[0].count("passed. It agrees with the reference") == 6
    assert "Not in this run" not in told[0]


def test_the_table_of_slips_says_what_the_text_says(told):
    rows = {
        line.split("  ")[0].strip(): line.split() for line in told[0].splitlines() if "237" in line or "nan" in line
    }
    assert rows["layer_norm"][-4:] == ["1.342", "0.302", "237", "237"]
    assert rows["divided by d - 1"][-4:-2] == ["1.162", "0.297"]
    assert rows["eps outside"][-4:-2] == ["1.342", "0.500"]
    assert rows["eps outside"][-1] == "nan"
    outside = float(rows["eps outside"][-2].replace(",", ""))
    assert 0.74e5 < outside < 0.75e5  # "nearly 75,000"
    assert round(0.75 / np.sqrt(1e-5)) == 237


def test_two_thirds_of_a_layer_are_in_the_feed_forward_network(told):
    sizes = told[1]["sizes"]
    assert sizes["feed-forward"] / sum(sizes.values()) == pytest.approx(2 / 3, abs=0.001)
    assert "two thirds are in the feed-forward network" in text()


def test_a_cell_that_asks_for_a_prediction_does_not_say_the_answer():
    cells = SOURCE.read_text(encoding="utf-8").split("# %%")
    asking = {name: cell for cell in cells for name in ("one-object", "what-arrives") if f'name="{name}"' in cell}
    assert len(asking) == 2
    for cell in asking.values():
        assert "holds(*experiments.about_" in cell


def test_claims_of_one_object_compare_all_pairs():
    of_each = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])]
    claims = experiments.about_one_object(
        torch.ones(1), torch.ones(1), {"his": 1, "repaired": 3}, torch.tensor([1.0, 2.0]), of_each
    )
    assert [true for _, true in claims] == [True, True, True, False]


def test_numpy_and_torch_refuse_what_the_text_says_they_refuse():
    with pytest.raises(RuntimeError):
        torch.ones(2, 2) @ torch.ones(2, 2).double()
    with pytest.raises(RuntimeError, match="detach"):
        torch.ones(2, requires_grad=True).numpy()
    assert torch.finfo(torch.float16).min == -65504


def test_one_layer_six_times_has_the_parameters_of_one(told):
    assert told[1]["counts"]["repaired"] == 6 * told[1]["counts"]["his"]


def test_what_arrives_is_what_the_text_says(told):
    arrived = told[1]["arrived"]
    assert 1e-26 < arrived["nothing"][0] < 1e-23
    assert "$10^{-25}$ without it, about 1 with it" in text()
    for placement in ("path alone", "post-norm", "pre-norm", "normed path"):
        assert 0.5 < arrived[placement][0] < 3
    ratio = {name: sizes[0] / sizes[-1] for name, sizes in arrived.items()}
    assert 0.25 < ratio["post-norm"] < 1 < ratio["pre-norm"]
    assert ratio["normed path"] == pytest.approx(ratio["post-norm"], rel=0.2)


# --- numbers on paper ----------------------------------------------------------------------------------------------


def test_numbers_on_paper():
    said = text()
    x = np.array([2.0, 4, 6, 8])
    normed = (x - 5) / np.sqrt(5)
    assert ", ".join(f"{n:.3f}" for n in normed) == "-1.342, -0.447, 0.447, 1.342"
    assert "(-1.342, -0.447, 0.447, 1.342)" in said
    assert f"{np.sqrt(5):.3f}" == "2.236"
    w = torch.tensor(2.0, requires_grad=True)
    ((3 * w - 5) ** 2).backward()
    assert w.grad.item() == 6
    assert (f"{1.1**12:.1f}", f"{0.9**12:.2f}") == ("3.1", "0.28")
    assert "twelve of them make 3.1; with $f' = -0.1$ they make 0.28" in said
    assert round(1 / np.sqrt(1e-5)) == 316
    assert "316" in said
    for number in (3.0, -3.0):
        wide = np.maximum(0, number * np.array([1.0, -1.0]))
        assert wide.sum() == abs(number)


def test_a_repair_of_nan_helps_where_masked_fill_has_put_the_infinity_and_not_where_it_was_added():
    """torch 2.13: the way back through masked_fill writes zeros over what arrives at the blocked places."""
    finite = {}
    for way in ("masked_fill", "added"):
        q = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
        k, mask = torch.randn(5, 4, dtype=torch.float64), torch.ones(3, 5, dtype=torch.bool)
        mask[1] = False
        scores = q @ k.T
        if way == "masked_fill":
            scores = scores.masked_fill(~mask, -torch.inf)
        else:
            scores = scores + torch.zeros(3, 5, dtype=torch.float64).masked_fill(~mask, -torch.inf)
        scores.softmax(-1).nan_to_num(0.0).square().sum().backward()
        finite[way] = bool(q.grad.isfinite().all())
    assert finite == {"masked_fill": True, "added": False}


# --- numpy beside torch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_port_is_that_of_numpy_with_empty_rows(seed):
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((2, 3, T, w)) for T, w in ((4, 8), (5, 8), (5, 6)))
    mask = rng.random((2, 1, 4, 5)) < 0.4
    mask[1, 0, 2] = False
    right = attention(q, k, v, mask)
    got = reference.torch_attention(*map(torch.from_numpy, (q, k, v, mask)))
    for a, b in zip(right, got, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=1e-12)


def test_heads_are_those_of_numpy_whatever_the_layout():
    class Others(nn.Module):
        def __init__(self, d_model, n_heads):
            super().__init__()
            self.h, self.qkv, self.out = n_heads, nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)

        def forward(self, x_q, x_kv, mask=None):
            (wq, wk, wv), (bq, bk, bv) = self.qkv.weight.chunk(3), self.qkv.bias.chunk(3)
            q, k, v = F.linear(x_q, wq, bq), F.linear(x_kv, wk, bk), F.linear(x_kv, wv, bv)
            q, k, v = (x.unflatten(-1, (self.h, -1)).transpose(1, 2) for x in (q, k, v))
            return self.out(reference.torch_attention(q, k, v, mask)[0].transpose(1, 2).flatten(2))

    rng = np.random.default_rng(5)
    W = {name: rng.standard_normal((12, 12)) for name in "qkvo"}
    x_q, x_kv = rng.standard_normal((2, 3, 12)), rng.standard_normal((2, 4, 12))
    right = multi_head_attention(x_q, x_kv, W, 3)
    for cls in (reference.MultiHeadAttention, Others):
        heads = experiments.with_weights(cls(12, 3), W)
        got = heads(torch.from_numpy(x_q), torch.from_numpy(x_kv)).detach().numpy()
        np.testing.assert_allclose(right, got, atol=1e-12)


def test_the_pieces_are_those_of_torch():
    torch.manual_seed(0)
    x = torch.randn(2, 5, 12).double()
    gain, bias = torch.randn(12).double(), torch.randn(12).double()
    torch.testing.assert_close(reference.layer_norm(x, gain, bias), F.layer_norm(x, (12,), gain, bias))
    mine, theirs = reference.MultiHeadAttention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([mine.q.weight, mine.k.weight, mine.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([mine.q.bias, mine.k.bias, mine.v.bias]))
        theirs.out_proj.load_state_dict(mine.o.state_dict())
    torch.testing.assert_close(mine(x, x), theirs(x, x, x)[0])


def test_who_keeps_the_normed_stream_has_built_post_norm():
    """norm(x) + f(norm(x)), n times and a norm at the end, is a norm first and then norm(x + f(x)), n times."""
    torch.manual_seed(1)
    maps = [nn.Linear(6, 6).double() for _ in range(4)]
    x = torch.randn(3, 6).double()

    def norm(x):
        return F.layer_norm(x, (6,))

    kept, post = x, norm(x)
    for f in maps:
        kept = norm(kept) + f(norm(kept))
        post = norm(post + f(post))
    torch.testing.assert_close(norm(kept), post, rtol=0, atol=1e-12)


def test_what_torchs_own_encoder_does_with_pads():
    found = experiments.torchs_encoder()
    assert found["pads, training"] > 0.1
    assert found["pads, evaluation"] == 0
    assert found["words"] < 1e-5
    assert found["only pads, training"] == "finite numbers"
    assert found["only pads, evaluation"] == "RuntimeError"


def test_sizes_are_written_short():
    assert [short(size) for size in (1.234, 23.456, 4493.2, 7e-26, 2e7, 0.0)] == [
        "1.23", "23.46", "4,493", "10⁻²⁵", "10⁷", "0"
    ]  # fmt: skip


# --- figures -------------------------------------------------------------------------------------------------------

NORM = {"layer_norm": reference.layer_norm, "size": 1.0, "level": 1.0, "eps": 1e-5, "gain": 1.0}


class Layer(nn.Module):
    """The layer of the lesson, with the reference's pieces."""

    AROUND = {
        "nothing": lambda x, norm, f: f(x),
        "path alone": lambda x, norm, f: x + f(x),
        "post-norm": lambda x, norm, f: norm(x + f(x)),
        "pre-norm": lambda x, norm, f: x + f(norm(x)),
    }

    def __init__(self, placement):
        super().__init__()
        self.around = Layer.AROUND[placement]
        self.attend, self.feed = reference.MultiHeadAttention(32, 4), reference.FeedForward(32, 128)
        self.norms = nn.ModuleList([nn.LayerNorm(32), nn.LayerNorm(32)])

    def forward(self, x):
        x = self.around(x, self.norms[0], lambda y: self.attend(y, y))
        return self.around(x, self.norms[1], self.feed)


DEPTH = {"stack": reference.stack, "make": Layer, "width": 32, "placement": "post-norm", "depth": 12,
         "size_of_weights": 1.0}  # fmt: skip


def test_every_stop_of_layer_norm_draws():
    figure, seen = new_figure(), set()
    for size in figures.SIZES.stops:
        for i, eps in enumerate(figures.EPSILONS.stops):
            values = {"size": size, "eps": eps, "level": (-5.0, 0.0, 5.0)[i % 3], "gain": (0.0, 1.0, 2.0)[i % 3]}
            made = render(figure, figures.draw_layer_norm, {**NORM, **values})
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == len(figures.SIZES.stops) * len(figures.EPSILONS.stops)


@pytest.mark.parametrize(
    "values", [{}, {"size": 100.0, "level": -5.0}, {"size": 1e-4, "eps": 1.0, "gain": 0.0}, {"gain": 2.0, "level": 0.0}]
)
def test_layer_norm_can_be_read(values):
    figure, _ = drawn(figures.draw_layer_norm, {**NORM, **values})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12


def norm_alt(**values):
    return drawn(figures.draw_layer_norm, {**NORM, **values})[1]


def test_the_answers_below_layer_norm():
    spreads = {alt.split("its spread ")[1][:4] for level in (-5.0, 0.0, 5.0) for alt in [norm_alt(level=level)]}
    assert spreads == {"1.00"}
    assert "its spread 0.95" in norm_alt(size=0.01)
    assert "its spread 0.71" in norm_alt(size=0.00316)
    assert "its spread 0.71" in norm_alt(eps=1.0)
    assert "its spread 0.95" in norm_alt(eps=1.0, size=10**0.5)
    assert "its spread 2.00" in norm_alt(gain=2.0)
    assert "its spread 2.00" in norm_alt(gain=2.0, size=100.0)


def test_layer_norm_is_drawn_by_the_function_under_study():
    panel = explore(
        figures.draw_layer_norm, layer_norm=lambda x, gain, bias, eps: 0 * x, size=figures.SIZES,
        level=slider(-5.0, 5.0, start=1.0, step=0.5), eps=figures.EPSILONS, gain=slider(0.0, 2.0, start=1.0, step=0.1),
    )  # fmt: skip
    assert not panel.error
    assert "its spread 0.00" in panel.alt


@pytest.mark.slow
def test_every_stop_of_the_depth_draws():
    figure, seen = new_figure(), set()
    for placement in Layer.AROUND:
        for depth in (1, 2, 7, 12, 24):
            for weights in (0.5, 1.0, 1.5, 2.0):
                values = {"placement": placement, "depth": depth, "size_of_weights": weights}
                made = render(figure, figures.draw_depth, {**DEPTH, **values})
                assert not made.error, made.error
                seen.add(made.alt)
    assert len(seen) == 4 * 5 * 4


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"placement": "nothing", "depth": 24},
        {"placement": "path alone", "depth": 24, "size_of_weights": 1.5},
        {"depth": 1},
    ],
)
def test_the_depth_can_be_read(values):
    figure, _ = drawn(figures.draw_depth, {**DEPTH, **values})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12


def sizes_of(placement, depth, weights=1.0):
    return gradients(reference.stack, lambda: Layer(placement), 32, depth=depth, weights=weights)


def test_the_answers_below_the_depth():
    share = {n: sizes_of("nothing", n)[0] / sizes_of("nothing", n)[-1] for n in (5, 6, 7, 8)}
    first = min(n for n, found in share.items() if found < 1e-6)
    assert f"With {('five', 'six', 'seven', 'eight')[first - 5]}." in text()
    assert "a factor of ten or more" in text()
    deep = sizes_of("nothing", 24)
    assert (deep[-1] / deep[0]) ** (1 / 23) > 10
    slopes = {(p, w): (s := sizes_of(p, 24, w))[0] / s[-1] for p in ("post-norm", "pre-norm") for w in (1.0, 1.5)}
    assert slopes["post-norm", 1.5] < slopes["post-norm", 1.0] < 1 < slopes["pre-norm", 1.0] < slopes["pre-norm", 1.5]
    alone = [sizes_of("path alone", n, 1.5)[0] for n in (6, 24)]
    assert alone[1] > 100 * alone[0] / 10 > 1
    assert alone[1] > 1000


def test_gradients_leave_the_random_numbers_of_the_reader_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    sizes_of("pre-norm", 2)
    experiments.torchs_encoder()
    assert torch.equal(before, torch.random.get_rng_state())


def test_pictures_come_within_a_tenth_of_a_second():
    import time

    figure = new_figure()
    for draw, values, name, stops in (
        (figures.draw_layer_norm, NORM, "size", figures.SIZES.stops[:12]),
        (figures.draw_depth, DEPTH, "depth", range(6, 18)),
    ):
        times = []
        for stop in stops:
            begun = time.process_time()
            assert not render(figure, draw, {**values, name: stop}).error
            times.append(time.process_time() - begun)
        assert sorted(times)[6] < 0.3  # about 0.1 on a quiet core


def test_the_summary_can_be_read():
    found = {placement: sizes_of(placement, 12) for placement in Layer.AROUND}
    figure, alt = drawn(figures.draw_summary, {"gradients": found})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "nothing 10⁻¹¹ at the bottom" in alt


# --- the kept measurement ------------------------------------------------------------------------------------------


def run(name="pre_cold", seed=1, share=0.5):
    percent = 100 * share
    sizes = {str(update): [1.0 / update] * (2 * LAYERS) for update in LOOKED_AT}
    losses = [[step, 7 - 5 * share * step / 800] for step in (1, 400, 800)]
    return Run(name, seed, 800, 120, 2.0, 300, percent, [0.9 * percent, percent], percent / 2, losses, sizes)


def fake_runs():
    shares = dict(zip(LABELS, (0.8, 0.0, 0.9), strict=True))
    return [run(name, 1, share) for name, share in shares.items()]


def test_runs_are_kept_read_and_replaced(tmp_path):
    path = tmp_path / "logs" / "norms.jsonl"
    for each in reversed(fake_runs()):
        experiments.keep(each, path)
    assert read_runs(path) == fake_runs()
    experiments.keep(run("post_cold", 1, 0.3), path)
    assert [each.exact_match for each in experiments.named(read_runs(path), "post_cold")] == [30]
    with pytest.raises(CourseError, match=r"run `python -m course.lessons.lesson_07.experiments`"):
        read_runs(tmp_path / "nothing.jsonl")


def test_the_table_of_runs_says_what_was_kept():
    lines = experiments.runs_table(fake_runs()).alt.splitlines()
    assert lines[0] == "300 new sentences after 800 updates"
    assert re.search(r"pre-norm, no warm-up +90.0  \(81.0 to 90.0\) +45.0 +2.00", lines[-1])


@pytest.mark.parametrize("draw", [figures.draw_losses, figures.draw_first_updates])
def test_the_runs_can_be_read(draw):
    for runs in (fake_runs(), read_runs()):
        figure, alt = drawn(draw, {"runs": runs})
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12
        assert all(label in alt for label in LABELS.values())


def test_only_norm_and_warm_up_differ_between_the_runs():
    (warm, a), (cold, b), (pre, c) = (experiments.settings(name, 3) for name in LABELS)
    assert dataclasses.replace(a, warmup_steps=0) == b == c
    assert warm.model == cold.model
    assert {name for name in warm.model if warm.model[name] != pre.model[name]} == {"norm"}
    assert warm.model["n_encoder_layers"] == warm.model["n_decoder_layers"] == LAYERS == 6
    assert a.warmup_steps == experiments.WARMUP == 200
    with pytest.raises(CourseError, match="no run called 'x'"):
        experiments.settings("x", 1)


def test_the_text_says_what_was_kept():
    said = text()
    kept = {each.name: each for each in read_runs()}
    assert set(kept) == set(LABELS)
    for each in kept.values():
        low, high = each.interval_95
        assert f"{each.exact_match:.1f} % ({low:.1f} to {high:.1f})" in said or each.exact_match == 0
        assert each.steps == 800
    assert kept["post_cold"].exact_match == 0
    assert kept["pre_cold"].val_loss < kept["post_warm"].val_loss < kept["post_cold"].val_loss - 2


def test_the_text_says_what_lesson_12_has_kept_of_longer_runs():
    rows = {row["name"]: row["splits"]["test_iid"] for row in map(json.loads, LONGER.read_text("utf-8").splitlines())}
    for name in ("deep_post", "deep_post_cold", "deep_pre_cold", "deep_post_cold_muon"):
        low, high = rows[name]["interval_95"]
        assert f"{rows[name]['exact_match']:.1f} % ({low:.1f} to {high:.1f})" in text()


def test_the_gradients_of_the_kept_runs_are_what_the_text_says():
    kept = {each.name: {int(u): sizes for u, sizes in each.gradients.items()} for each in read_runs()}
    lowest, highest = ({name: {u: sizes[at] for u, sizes in found.items()} for name, found in kept.items()}
                       for at in (LAYERS, -1))  # fmt: skip
    assert min(min(found[1]) for found in kept.values()) > 0.2
    for name in ("post_warm", "post_cold"):
        assert (f"{lowest[name][1]:.1f}", f"{highest[name][1]:.1f}") == ("0.2", "1.7")
    at = (lowest["post_cold"][10], lowest["post_cold"][50], lowest["post_warm"][10])
    assert tuple(map(figures.two_digits, at)) == ("0.00065", "0.000012", "0.23")
    assert "gets 0.00065; at update 50 it gets 0.000012" in text()
    assert "still 0.23 at update 10" in text()
    alt = drawn(figures.draw_first_updates, {"runs": read_runs()})[1]
    for said in (
        "decoder 0.21 and 1.7",
        "decoder 0.00065 and 0.65",
        "decoder 0.000012 and 0.18",
        "decoder 0.23 and 1.8",
    ):
        assert said in alt
    pre = {update: np.array(sizes) for update, sizes in kept["pre_cold"].items()}
    smaller = pre[1] / pre[10]
    assert 5 < smaller.min() < smaller.max() < 45
    assert "by a factor between 5 and 45" in text()
    assert all(sizes.min() > sizes.max() / 10 for sizes in pre.values())
    assert (pre[200] > pre[10]).all()
    assert (pre[200] > pre[50]).all()
    for update in LOOKED_AT[1:]:  # pre-norm: no layer of a side has ten times as much as another one
        for side in (kept["pre_cold"][update][:LAYERS], kept["pre_cold"][update][LAYERS:]):
            assert max(side) < 4 * min(side)
    assert sum(range(1, 11)) / experiments.WARMUP == pytest.approx(0.275)  # "a quarter as long as one of these"


def test_each_question_has_an_answer_and_a_reason_for_every_choice():
    for question in QUIZ:
        assert question.answer in question.choices
        assert set(question.why) == set(question.choices)
