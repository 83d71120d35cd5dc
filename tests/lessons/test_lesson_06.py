"""Lesson 06: what its text says of numbers, its figures, its kept measurement, and torch beside numpy."""

import dataclasses
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from course.errors import CourseError
from course.lab import explore, slider
from course.lab.drawing.picture import new_figure, render
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_05.reference import causal_mask
from course.lessons.lesson_06 import experiments, figures
from course.lessons.lesson_06.experiments import KINDS, SPLITS, Run, read_runs
from course.lessons.lesson_06.quiz import QUIZ
from course.lessons.lesson_06.reference import add_positions, positional_encoding, rotary, shift_rotation, speeds
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "06_positional_encoding.py"


def text():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


# --- the lesson itself, run without torch ------------------------------------------------------------------------

_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None

from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()  # tables are then printed as text
"""
_TOLD = """
import json
assert sys.modules["torch"] is None
print(json.dumps({"moves": moves, "off": off, "tests": {k: [float(x) for x in v] for k, v in tests.items()},
                  "one_back": weights.argmax(axis=1).tolist(), "dots": from_20.tolist()}, default=float))
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


def test_the_lesson_runs_with_torch_blocked_and_every_solution_passes(told):
    assert told[0].count("passed. It agrees with the reference") == 5
    assert "Not in this run" not in told[0]


def test_a_bag_prints_the_same_numbers_twice_and_places_part_them(told):
    rows = re.findall(r"^(?:the needle has a point|a point has the needle): +has (.*)$", told[0], re.MULTILINE)
    assert len(rows) == 4
    assert rows[0] == rows[1]
    assert rows[2] != rows[3]


def test_what_a_causal_mask_tells(told):
    order, fewer = told[1]["moves"].values()
    assert order[0] < 1e-14
    assert order[1] > 0.1
    assert fewer[0] > 0.1
    assert "seen by all alike: [1.    0.5   0.333 0.25  0.2   0.167]" in told[0]


@pytest.mark.parametrize("seed", range(5))
def test_one_causal_layer_cannot_tell_an_order_and_two_can_whatever_the_numbers(seed):
    rng = np.random.default_rng(seed)
    layers, x = rng.standard_normal((2, 3, 12, 12)) / np.sqrt(12), rng.standard_normal((7, 12))
    order = np.append(rng.permutation(6), 6)
    outputs = []
    for words in (x, x[order]):
        states = [words]
        for w_q, w_k, w_v in layers:
            now = states[-1]
            states.append(now + attention(now @ w_q, now @ w_k, now @ w_v, causal_mask(7))[0])
        outputs.append([state[-1] for state in states[1:]])
    first, second = (np.abs(a - b).max() for a, b in zip(*outputs, strict=True))
    assert first < 1e-12
    assert second > 0.05


def test_a_head_that_looks_one_word_back_does_so_everywhere(told):
    assert told[1]["one_back"] == [0, 0, 1, 2, 3, 4]


def test_numbers_on_paper():
    said = text()
    powers, values = np.array([1, 4, 1, 1, 3]), np.array([0, 10, 0, 0, 20])
    assert powers @ values / powers.sum() == 10
    assert "The output is 10 again" in said
    table = positional_encoding(4, 4)
    for p, row in enumerate(table):
        digits = " | ".join(("0" if number == 0 else "1") if p == 0 else f"{number:.3f}" for number in row)
        assert f"| {digits.replace('-', '−')} |" in said
    for number, digits in ((3, "0.141"), (19, "0.150"), (4, "-0.757"), (20, "0.913")):
        assert f"{np.sin(number):.3f}" == digits
        assert rf"\sin {number} = {digits}" in said
    for number, digits in ((3, "-0.990"), (19, "0.989")):
        assert f"{np.cos(number):.3f}" == digits
        assert rf"\cos {number} = {digits}" in said
    assert (f"{np.cos(11):.2f}", f"{np.cos(12):.2f}", f"{np.cos(2):.3f}") == ("0.00", "0.84", "-0.416")
    for claim in (r"$\cos 11 = 0.00$", r"$\cos 12 = 0.84$", r"$\cos 2 = -0.416$"):
        assert claim in said
    q = np.array([[1.0, 0.0]])
    for p, m in ((3, 5), (103, 105)):
        assert (rotary(q, p) @ rotary(q, m).T).item() == pytest.approx(np.cos(2))


def test_how_many_words_the_slowest_hand_needs():
    words = {d: 2 * np.pi / speeds(d)[-1] for d in (4, 512)}
    assert round(words[4]) == 628
    assert 0.95 < words[512] / (2 * np.pi * 10000) < 1
    assert "When $d$ is 4, as in the table below, it needs 628." in text()
    assert 6.2 < 60 * speeds(128, 10)[-1] < 2 * np.pi  # "has all but gone around"


def test_the_dot_product_falls_up_to_eleven_and_rises_at_twelve(told):
    table = positional_encoding(300, 128)
    for p in (0, 20, 100):
        dots = table[p : p + 40] @ table[p]
        assert figures.first_rise(dots) == 12
        assert (f"{dots[11]:.2f}", f"{dots[12]:.2f}") == ("42.34", "42.38")
    assert dots[0] == pytest.approx(64)
    np.testing.assert_allclose(told[1]["dots"][:20], dots[:20])
    assert "42.38 against 42.34" in text()


def test_what_is_said_of_lengths():
    np.testing.assert_allclose(np.linalg.norm(positional_encoding(200, 128), axis=1), 8)
    rows = np.random.default_rng(0).standard_normal((2000, 128)) / np.sqrt(128)
    assert np.linalg.norm(rows, axis=1).mean() == pytest.approx(1, abs=0.01)
    torch = pytest.importorskip("torch")
    from course.model import Transformer, TransformerConfig

    torch.manual_seed(0)
    model = Transformer(TransformerConfig(500, 500, d_model=128, tie="all", n_encoder_layers=1, n_decoder_layers=1))
    assert model.src_embedding.weight.norm(dim=1).mean().item() == pytest.approx(1, abs=0.05)


# --- numpy beside torch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("T", "d"), [(1, 1), (5, 7), (9, 4), (40, 33), (300, 128)])
def test_sinusoids_are_those_of_the_courses_model(T, d):
    pytest.importorskip("torch")
    from course.model import sinusoidal_positions

    table = positional_encoding(T, d)
    np.testing.assert_allclose(table, sinusoidal_positions(T, d).numpy(), atol=1e-12)
    order = [*range(0, d, 2), *range(1, d, 2)]
    np.testing.assert_allclose(table[:, order], sinusoidal_positions(T, d, layout="halves").numpy(), atol=1e-12)


def test_rotary_is_that_of_the_courses_model():
    torch = pytest.importorskip("torch")
    from course.model import apply_rotary, rotary_angles

    x = np.random.default_rng(2).standard_normal((2, 3, 5, 8))
    angles = rotary_angles(12, 8)[7:12]
    turned = apply_rotary(torch.from_numpy(x), angles.cos(), angles.sin())
    np.testing.assert_allclose(rotary(x, 7), turned.numpy(), atol=1e-12)


def test_the_model_adds_what_the_lesson_adds():
    torch = pytest.importorskip("torch")
    from course.model import Transformer, TransformerConfig

    config = TransformerConfig(30, 30, d_model=16, d_ff=16, n_encoder_layers=0, n_decoder_layers=0, norm="post",
                               dropout=0.0)  # fmt: skip
    model = Transformer(config).eval()
    ids = torch.tensor([[5, 6, 7], [8, 5, 5]])
    with torch.inference_mode():
        states = model.encode(ids).numpy()
        words = model.src_embedding(ids).numpy() * 4
    np.testing.assert_allclose(states, add_positions(words, positional_encoding(50, 16)), atol=1e-5)


@pytest.mark.parametrize("k", [-4, 0, 1, 13])
def test_a_shift_is_a_rotation_and_rotary_the_same_one_turned_around(k):
    M = shift_rotation(k, 10)
    np.testing.assert_allclose(M @ M.T, np.eye(10), atol=1e-12)
    assert np.linalg.det(M) == pytest.approx(1)
    x = np.random.default_rng(3).standard_normal((1, 10))
    np.testing.assert_allclose(rotary(x, k), x @ M.T, atol=1e-12)


def test_a_row_of_a_learned_table_beyond_the_trained_length_gets_no_gradient():
    torch = pytest.importorskip("torch")
    from course.model import Transformer, TransformerConfig

    torch.manual_seed(1)
    config = TransformerConfig(20, 20, d_model=8, d_ff=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=1,
                               positions="learned", max_len=30)  # fmt: skip
    model = Transformer(config)
    model(torch.randint(4, 20, (2, 6)), torch.randint(4, 20, (2, 5))).sum().backward()
    touched = model.src_positions.grad.abs().sum(dim=1) > 0
    assert touched.tolist() == [True] * 6 + [False] * 24


# --- figures -------------------------------------------------------------------------------------------------------

HANDS = {"positional_encoding": positional_encoding}


def test_every_stop_of_the_hands_draws():
    figure, seen = new_figure(), set()
    for width in figures.HANDS.stops:
        for position in (0, 3, 31, 60):
            for offset in (0, 1, 6, 60):
                made = render(
                    figure, figures.draw_hands, {**HANDS, "position": position, "offset": offset, "width": width}
                )
                assert not made.error, made.error
                seen.add(made.alt)
    assert len(seen) == 4 * 16


@pytest.mark.parametrize("values", [(3, 5, 8), (60, 60, 8), (0, 0, 2), (17, 44, 6)])
def test_the_hands_can_be_read(values):
    position, offset, width = values
    figure, alt = drawn(figures.draw_hands, {**HANDS, "position": position, "offset": offset, "width": width})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert f"position {position} and {offset} farther on" in alt


def test_the_hands_are_those_of_the_function_under_study():
    def still(T, d):
        return np.tile([0.0, 1.0], (T, d // 2))

    panel = explore(
        figures.draw_hands, positional_encoding=still, position=slider(0, 60, start=3), offset=slider(0, 60, start=5),
        width=figures.HANDS,
    )  # fmt: skip
    assert not panel.error
    assert panel.runs_on == "your positional_encoding"
    assert "columns 0 and 1 from (0.00, 1.00) to (0.00, 1.00)" in panel.alt


def table_alt(**values):
    return drawn(figures.draw_table, {"position": 10, "offset": 11, "width": 128, "base": 10000, **values})[1]


def test_every_stop_of_the_table_draws():
    figure, seen = new_figure(), set()
    places = itertools.cycle(((0, 0), (40, 60), (10, 11), (0, 60), (40, 0)))
    for width in figures.WIDTHS.stops:
        for base in figures.BASES.stops:
            position, offset = next(places)
            values = {"position": position, "offset": offset, "width": width, "base": base}
            made = render(figure, figures.draw_table, values)
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == 8 * 9


@pytest.mark.parametrize(
    "values",
    [{}, {"width": 2}, {"width": 8, "base": 10}, {"position": 40, "offset": 60}, {"width": 256, "base": 100000}],
)
def test_the_table_can_be_read(values):
    figure, _ = drawn(figures.draw_table, {"position": 10, "offset": 11, "width": 128, "base": 10000, **values})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12


def test_the_axis_of_the_dot_products_holds_every_curve():
    for width in figures.WIDTHS.stops:
        for base in (10, 30, 100, 10000):
            values = {"position": 3, "offset": 5, "width": width, "base": base}
            low, high = drawn(figures.draw_table, values)[0].axes[1].get_ylim()
            dots = figures.sinusoids(figures.PLACES, width, base) @ figures.sinusoids(1, width, base)[0]
            assert low < dots.min() <= dots.max() < high


def test_the_answers_below_the_table():
    assert "PE(10) with itself is 64.00, and with PE(21) 42.34; along k it falls up to k = 11, and rises at 12" in (
        table_alt()
    )
    assert "42.38" in table_alt(offset=12)
    for position in (0, 25):
        assert "with itself is 64.00" in table_alt(position=position)
        assert "42.34" in table_alt(position=position)
    rises, heights = [], []
    for width in (8, 16, 32, 64, 128):
        table = figures.sinusoids(64, width, 10000)
        dots = table @ table[0]
        rises.append(figures.first_rise(dots))
        heights.append(dots[rises[-1] :].max() / dots[0])
    assert rises == sorted(rises)
    assert rises[-1] == 12
    assert heights == sorted(heights, reverse=True)
    assert "rises at 4" in table_alt(width=2)
    assert "rises at 4" in table_alt(width=8)
    fast, slow = (figures.sinusoids(64, 128, base) @ figures.sinusoids(1, 128, base)[0] for base in (10, 100000))
    assert fast[:8].min() < 0
    assert slow.min() > 32
    assert 59 < 2 * np.pi / speeds(128, 10)[-1] < 61


def test_the_courses_table_is_the_one_of_the_lesson():
    for T, d in ((5, 2), (30, 16)):
        np.testing.assert_allclose(figures.sinusoids(T, d, 10000), positional_encoding(T, d))


def test_the_answers_below_the_hands():
    turn = speeds(8) * 6
    assert abs(turn[0] - 2 * np.pi) < 0.3
    assert turn[1] == pytest.approx(0.6)
    assert 60 * speeds(8)[-1] == pytest.approx(0.06)
    assert "turned by 5;" in drawn(figures.draw_hands, {**HANDS, "position": 40, "offset": 5, "width": 8})[1]


def maps():
    word = np.random.default_rng(0).standard_normal(32)
    return figures.score_maps(table=positional_encoding(16, 32), word=word, places=16)


def test_the_summary_can_be_read_and_tells_the_kinds_apart():
    figure, alt = drawn(figures.draw_summary, {"maps": maps()})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert re.findall(r"at all places are ([a-z ]+) \(", alt) == [
        "all equal",
        "uneven",
        "uneven",
        "the same along diagonals",
    ]
    assert list(maps()) == list(KINDS)


def test_pictures_come_within_a_tenth_of_a_second():
    import time

    figure = new_figure()
    for draw, values in (
        (figures.draw_hands, {**HANDS, "position": 3, "width": 8}),
        (figures.draw_table, {"position": 10, "width": 128, "base": 10000}),
    ):
        times = []
        for offset in range(12):
            begun = time.process_time()
            assert not render(figure, draw, {**values, "offset": offset}).error
            times.append(time.process_time() - begun)
        assert sorted(times)[6] < 0.2  # 0.1 on a quiet core


# --- the kept measurement ------------------------------------------------------------------------------------------


def run(kind="rotary", seed=1, share=0.5):
    percent = 100 * share
    figures_of = {
        "sentences": 300,
        "exact_match": percent,
        "interval_95": [0.9 * percent, percent],
        "bleu": percent / 2,
    }
    return Run(kind, seed, 900, 0.1, 90, dict.fromkeys(SPLITS, figures_of))


def fake_runs():
    shares = dict(zip(KINDS, (0.25, 0.5, 0.75, 1.0), strict=True))
    return [run(kind, seed, share) for kind, share in shares.items() for seed in (1, 2)]


def test_runs_are_kept_read_and_replaced(tmp_path):
    path = tmp_path / "logs" / "positions.jsonl"
    for each in reversed(fake_runs()):
        experiments.keep(each, path)
    assert read_runs(path) == fake_runs()
    experiments.keep(run("none", 2, 0.0), path)
    assert [each.percent("longer") for each in experiments.of_kind(read_runs(path), "none")] == [25, 0]
    with pytest.raises(CourseError, match=r"run `python -m course.lessons.lesson_06.experiments`"):
        read_runs(tmp_path / "nothing.jsonl")


def test_the_table_of_kinds_says_what_was_kept():
    lines = experiments.kinds_table(fake_runs()).alt.splitlines()
    assert lines[0] == "% of 300 sentences exactly right after 900 updates, and the 95 % interval"
    assert re.fullmatch(r"learned +50.0  \(45.0 to 50.0\) +.* 25.0", lines[4])
    assert lines[5].startswith("  ")


def test_the_kinds_can_be_read():
    for runs in (fake_runs()[::2], read_runs()):
        figure, alt = drawn(figures.draw_kinds, {"runs": runs})
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12
        assert alt.count("BLEU") == 5
    assert "rotary 100.0, 100.0, 100.0, BLEU 50.0" in drawn(figures.draw_kinds, {"runs": fake_runs()})[1]


def test_only_the_positions_differ_between_two_kinds():
    pytest.importorskip("torch")
    (one, training), (other, same) = (experiments.settings(kind, 3) for kind in ("none", "learned"))
    assert training == same
    assert {name for name in one.model if one.model[name] != other.model[name]} == {"positions"}
    assert (training.seed, training.max_steps, training.minutes) == (3, experiments.STEPS, None)
    with pytest.raises(CourseError, match="no positions called 'alibi'"):
        experiments.settings("alibi", 1)


@pytest.mark.slow
def test_the_command_trains_scores_and_keeps(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    from course.training import PRESETS, Preset
    from tests.training_toys import SMALL, backward_corpus, short_training

    monkeypatch.setitem(
        PRESETS, "3min", Preset("toy", short_training(max_steps=None, minutes=1), SMALL, vocab_size=280)
    )
    texts = dict(zip(("train", "dev"), backward_corpus(), strict=True))
    both = zip(texts["dev"].source[:30], texts["dev"].target[:30], strict=True)
    pairs = [SimpleNamespace(source=source, target=target, meaning=None) for source, target in both]
    monkeypatch.setattr("course.data.load_corpus", lambda name, split: texts[split])
    monkeypatch.setattr("course.evaluation.embedded_pairs", lambda name, split: pairs)
    path = tmp_path / "kept.jsonl"
    experiments.main(
        ["--only", "rotary", "none", "--seeds", "1", "--steps", "20", "--sentences", "9", "--to", str(path)]
    )
    kept = read_runs(path)
    assert [(each.kind, each.seed, each.steps) for each in kept] == [("none", 1, 20), ("rotary", 1, 20)]
    assert all(each.splits[split]["sentences"] == 9 for each in kept for split in SPLITS)
    assert "rotary, seed 1: test_iid" in capsys.readouterr().out


def test_the_kept_runs_are_complete():
    runs = read_runs()
    assert [(each.kind, each.seed) for each in runs] == [(kind, seed) for kind in KINDS for seed in experiments.SEEDS]
    for each in runs:
        assert each.steps == experiments.STEPS
        assert [each.splits[split]["sentences"] for split in SPLITS] == [experiments.SENTENCES] * 3
        for split in SPLITS:
            low, high = each.interval(split)
            assert low <= each.percent(split) <= high


def test_what_the_text_says_of_the_kinds_is_what_was_kept():
    said, kept = text(), {each.kind: each for each in read_runs()}
    for kind, split in (("none", "test_iid"), ("sinusoidal", "longer"), ("rotary", "longer"), ("learned", "longer")):
        low, high = kept[kind].interval(split)
        percent = f"{kept[kind].percent(split):.1f} %"
        assert re.search(rf"{percent} \((95 % interval )?{low:.1f} to {high:.1f}\)", said), (kind, percent)
    assert f"sinusoids {kept['sinusoidal'].bleu('much_longer'):.1f}" in said
    assert f"rotary {kept['rotary'].bleu('much_longer'):.1f}" in said
    assert f"learned {kept['learned'].bleu('much_longer'):.1f}" in said
    short = [kept[kind].percent("test_iid") for kind in KINDS[1:]]
    times = [(100 - kept["none"].percent("test_iid")) / (100 - percent) for percent in short]
    assert (round(min(times), 1), round(max(times), 1)) == (4.0, 8.0)
    assert "though four to eight times as many sentences are wrong" in said
    assert round(times[KINDS[1:].index("rotary")]) == 8
    assert "gets eight times as many sentences wrong as other people's" in said
    order = [sorted(KINDS[1:], key=place, reverse=True).index("rotary") for place in (
        lambda kind: kept[kind].percent("longer"), lambda kind: kept[kind].bleu("much_longer"))]  # fmt: skip
    assert order == [0, 2]
    assert "rotary falls from the first place to the third" in said
    assert f"{min(short):.1f} to {max(short):.1f} %, and this test cannot tell them apart" in said
    assert max(kept[kind].interval("test_iid")[0] for kind in KINDS[1:]) < min(
        kept[kind].interval("test_iid")[1] for kind in KINDS[1:]
    )
    assert f"the {kept['none'].percent('longer'):.1f} % of no positions" in said
    assert max(each.percent("longer") for each in kept.values()) < 50


def test_three_of_the_kept_runs_are_those_of_lesson_12():
    """The same trainings, so that two lessons do not contradict each other."""
    from course.lessons.lesson_12.ablations import read_scores

    ours, theirs = {each.kind: each for each in read_runs()}, read_scores()
    for kind, name in (("none", "no_positions"), ("sinusoidal", "sinusoidal"), ("rotary", "baseline")):
        for split in SPLITS:
            assert ours[kind].percent(split) == theirs[name]["splits"][split]["exact_match"]
            assert ours[kind].bleu(split) == theirs[name]["splits"][split]["bleu"]


def test_a_run_is_set_up_as_in_lesson_12():
    pytest.importorskip("torch")
    from course.lessons.lesson_12 import ablations

    for kind, name in (("none", "no_positions"), ("sinusoidal", "sinusoidal")):
        (ours, training), (theirs, other) = experiments.settings(kind, 1), ablations.settings(name)
        assert ours.model == theirs.model
        assert dataclasses.replace(training, log_every=other.log_every) == other


def test_there_are_three_questions():
    assert len(QUIZ) == 3


def test_a_run_is_plain_json():
    assert Run(**json.loads(json.dumps(dataclasses.asdict(run())))) == run()
