"""Lesson 04: its figures draw and say what they show, its measurements are sound, and what its text says is so."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from course.lab import explore
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_04 import experiments, figures, reference
from course.lessons.lesson_04.mistakes.wirings import merge_by_reshape, split_by_reshape, split_interleaved
from course.lessons.lesson_04.quiz import QUIZ
from course.lessons.lesson_12.ablations import read_scores
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "04_multi_head_attention.py"


def lesson():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


# --- the figures -------------------------------------------------------------------------------------------------

WORDS = ("Anna", "sees", "Ben")
OF_THE_LESSON = {"split_heads": reference.split_heads, "merge_heads": reference.merge_heads, "words": WORDS, "d": 4}


def way(**chosen):
    return figures.draw_way(
        **{**OF_THE_LESSON, "step": 5, "heads": 2, "swap": "nowhere", "word": "Ben", "column": 2, **chosen}
    )


def test_every_stop_of_the_way_draws_another_picture():
    seen = set()
    for swap in figures.SWAPS:
        for heads in (1, 2, 4):
            for step in range(6):
                for word in WORDS:
                    for column in range(4):
                        made = way(swap=swap, heads=heads, step=step, word=word, column=column)
                        assert made.alt.endswith(".")
                        seen.add((swap, heads, made.html))
    assert len(seen) == 4 * 3 * 6 * 3 * 4


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_with_both_swaps_every_number_arrives(heads):
    for word in WORDS:
        for column in range(4):
            made = way(swap="in the split and in the merge", heads=heads, word=word, column=column)
            fetched_by = WORDS[WORDS.index(word) - 1]
            assert made.alt.endswith(f"column {column}, where it should be: {fetched_by} has fetched it.")


def test_the_answers_about_the_way_are_so():
    """What stands folded below the demo."""
    assert "3 attend (2, 3, 2): head 1, row 1, column 0" in way(swap="in the split and in the merge").alt
    apart = figures.stages(WORDS, 4, 2, (False, False), split_heads=None, merge_heads=None)
    held = [{WORDS[int(n) // 4] for n in groups[0].ravel()} for _, _, groups in apart[2].blocks]
    assert held == [{"Anna", "sees"}, {"sees", "Ben"}]
    assert "is in the row of Ben, column 0. It should be in the row of sees, column 2" in way(swap="nowhere").alt
    assert way(swap="in the merge alone").alt.endswith("where it should be: sees has fetched it.")
    assert "Number 2 of Anna is in the row of Anna" in way(swap="in the merge alone", word="Anna").alt


def test_the_way_runs_on_the_functions_under_study():
    made = way(swap="in the split and in the merge", split_heads=split_interleaved)
    assert "It should be" in made.alt


def svg_of(made):
    return base64.b64decode(re.search(r'svg\+xml;base64,([^"]+)"', made.html)[1]).decode()


def test_the_picture_of_the_way_marks_one_number_at_each_step_and_fits_the_page():
    for step in range(6):
        picture = svg_of(way(step=step))
        assert picture.count(figures.MARK) == (step + 1) + step  # cells, and the lines between them
        assert picture.count(">B2</text>") == step + 1
    width = int(re.search(r'width="(\d+)"', svg_of(way(heads=4, swap="in the split and in the merge")))[1])
    assert width <= 864


TABLE = {
    "sharp": [0, 0, 2, 0],
    "needle": [1, 0, 1, 0],
    "point": [1, 1, 0, 0],
    "people": [1, 0, 0, 2],
    "has": [0, 1, 0, 0],
}
TABLE |= {"It": [1, 0, 0, 0], "is": [0, 1, 0, 0], "polite": [0, 0, 0, 1]}
W_Q = np.array([[0, 0, 2, 0], [0, 0, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]])


def examples():
    found = {}
    for name, text in re.findall(r'"(about [a-z ]+)": "([^"]+)"', SOURCE.read_text(encoding="utf-8")):
        x = np.array([TABLE.get(word, [0] * 4) for word in text.split()], dtype=float)
        found[name] = (text.split(), x @ W_Q, x, x)
    return found


def heads_of_point(sentence, heads):
    return figures.draw_heads(
        attention=attention,
        split_heads=reference.split_heads,
        examples=examples(),
        axes=("thing", "action", "sharp", "person"),
        sentence=sentence,
        heads=heads,
    ).alt


def test_the_answers_about_the_heads_of_point_are_so():
    assert len(examples()) == 3
    assert "head 0 asks (0, 0, 2, 2): sharp 0.49" in heads_of_point("about a needle", 1)  # lesson 03's number
    two = heads_of_point("about a needle", 2)
    assert "head 0 asks (0, 0): all equal 0.14" in two
    assert "head 1 asks (2, 2): sharp 0.65" in two
    assert "sharp 0.31" in heads_of_point("about both", 1)
    weights = {}
    for h in (1, 2, 4):
        words, *qkv = examples()["about both"]
        q, k, v = (reference.split_heads(x[None], h) for x in qkv)
        weights[h] = attention(q, k, v)[1][0, :, words.index("point")]
        best = [dict(zip(words, row, strict=True)) for row in weights[h]]
        mixes = [row["sharp"] > 0.2 and row["people"] > 0.2 for row in best]
        assert any(mixes) == (h < 4)
    assert all(row.max() > 0.75 for row in weights[4][2:])
    assert "thing 0.29, action 0.29" in two


def test_sliders_show_pictures_and_not_errors():
    panel = explore(
        figures.draw_way, **OF_THE_LESSON, step=(0, 5), heads=figures.HEADS_OF_TWO, swap=list(figures.SWAPS),
        word=list(WORDS), column=(0, 3),
    )  # fmt: skip
    assert not panel.error
    assert panel.values["heads"] == 2
    panel = explore(
        figures.draw_heads, attention=attention, split_heads=reference.split_heads, examples=examples(),
        axes=("thing", "action", "sharp", "person"), sentence=list(examples()), heads=figures.HEADS_OF_ONE,
    )  # fmt: skip
    assert not panel.error
    texts = set()
    for sentence in examples():
        for heads in (1, 2, 4):
            panel.set(sentence=sentence, heads=heads)
            assert not panel.error
            texts.add(panel.alt)
    assert len(texts) == 9


HANDS = {
    "q": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [4, 0, 0, 4]],
    "k": [[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]],
    "v": [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]],
    "o": [[0, 1, 0, 0], [0, 0, 0, 0.5], [0, 0, 1, 0], [0, 0, 0, 0.5]],
}
ANNA = np.array([[1.0, 1, 0, 0], [0, 0, 0, 1], [-1, 0, 1, 0]])


def test_the_summary_is_readable_and_states_the_numbers():
    W = {name: np.array(matrix, dtype=float) for name, matrix in HANDS.items()}
    values = {"x": ANNA, "W": W, "h": 2, "split_heads": reference.split_heads, "attention": attention}
    figure, alt = drawn(figures.draw_summary, values)
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "the largest 0.89" in alt
    assert isinstance(figures.draw_summary(Figure(), **values), str)


# --- what the text says --------------------------------------------------------------------------------------------


def test_the_numbers_on_paper_are_right():
    W = {name: np.array(matrix, dtype=float) for name, matrix in HANDS.items()}
    output = reference.multi_head_attention(ANNA[None], ANNA[None], W, 2)[0, 1]
    np.testing.assert_allclose(output, [0, 0.841, -0.841, 0.053], atol=5e-4)
    powers = np.exp(np.array([2, 0, 2]))
    assert (powers[0].round(3), powers.sum().round(3)) == (7.389, 15.778)
    np.testing.assert_allclose(powers / powers.sum(), [0.468, 0.063, 0.468], atol=5e-4)
    power = np.exp(4 / np.sqrt(2))
    assert (round(4 / np.sqrt(2), 3), power.round(3)) == (2.828, 16.919)
    np.testing.assert_allclose([power / (power + 2), 1 / (power + 2)], [0.894, 0.053], atol=5e-4)
    text = lesson()
    for said in ("7.389", "15.778", "0.468", "0.063", "2.828", "16.919", "0.894", "0.053", "0.841"):
        assert said in text


def test_what_is_said_of_the_courses_translator_is_in_its_logs():
    lines = (ROOT / "course/lessons/lesson_12/logs/scores.jsonl").read_text(encoding="utf-8").splitlines()
    scores = {score["name"]: score["splits"]["test_iid"] for score in map(json.loads, lines)}
    four, one = scores["baseline"], scores["one_head"]
    said = f"four heads translate {four['exact_match']:.1f} % of 300 new sentences exactly and one head "
    said += f"{one['exact_match']:.1f} %."
    assert said in lesson()
    ranges = "here {:.1f} to {:.1f} and {:.1f} to {:.1f}. The two overlap.".format(
        *four["interval_95"], *one["interval_95"]
    )
    assert ranges in lesson()
    assert one["interval_95"][1] > four["interval_95"][0]


def test_the_figures_of_vaswani_are_those_of_lesson_12():
    """The same row of the paper's table stands in both lessons."""
    row = "| BLEU | 24.9 | 25.5 | 25.8 | 25.8 | 25.4 |"
    assert row in lesson()
    assert row in (ROOT / "solutions" / "12_the_translator.py").read_text(encoding="utf-8")


def test_weights_that_torch_returns_in_training_are_those_after_dropout():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.MultiheadAttention(16, 4, dropout=0.1, batch_first=True)
    x = torch.randn(16, 4, 16)
    with torch.no_grad():
        sums = layer(x, x, x, average_attn_weights=False)[1].sum(-1)
        assert 0.1 < float(sums.min()) < 0.5  # 0.21 where the text was written
        assert float(sums.max()) == pytest.approx(1 / 0.9, abs=1e-5)
        assert layer(x, x, x)[1].shape == (16, 4, 4)  # averaged over the heads, (B, Tq, Tk)
        assert layer.in_proj_weight.shape == (48, 16)
        settled = layer.eval()(x, x, x, average_attn_weights=False)[1].sum(-1)
    np.testing.assert_allclose(settled.numpy(), 1, atol=1e-5)
    assert "from 0.21 to 1.11 (torch 2.13)" in lesson()


def test_torch_agrees_with_copied_weights():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    W = {name: rng.standard_normal((12, 12)) for name in "qkvo"}
    layer = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.from_numpy(np.concatenate([W[name].T for name in "qkv"])))
        layer.out_proj.weight.copy_(torch.from_numpy(W["o"].T.copy()))
        x_q, x_kv = rng.standard_normal((2, 4, 12)), rng.standard_normal((2, 6, 12))
        theirs = layer(torch.from_numpy(x_q), torch.from_numpy(x_kv), torch.from_numpy(x_kv))[0].numpy()
    np.testing.assert_allclose(reference.multi_head_attention(x_q, x_kv, W, 3), theirs, atol=1e-10)


@pytest.mark.slow
def test_the_whole_lesson_runs_with_torch_blocked():
    """Its source is plain Python: every cell from top to bottom, its checks, demos, measurements and pictures."""
    code = f"import sys; sys.modules['torch'] = None; exec(open({str(SOURCE)!r}, encoding='utf-8').read())"
    code += "; assert sys.modules['torch'] is None"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed. It agrees with the reference") == 5
    assert "Not in this run" not in done.stdout


# --- the measurements ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [0, 6])
@pytest.mark.parametrize(
    ("split", "merge"), [(reference.split_heads, reference.merge_heads), (split_by_reshape, merge_by_reshape)]
)
def test_the_gradient_by_hand_is_that_of_finite_differences(hidden, split, merge):
    rng = np.random.default_rng(3)
    p = {name: x.astype(float) for name, x in experiments.start(2, rng, hidden=hidden, runs=2).items()}
    wiring, task = experiments.Wiring(4, split, merge), experiments.neighbors(-1, 2)
    ids = rng.integers(0, experiments.WORDS, (2, 3, experiments.LENGTH))

    def loss(p):
        return experiments.loss_gradient(experiments.forward(p, wiring, ids)[0], task(ids))[0]

    scores, tape = experiments.forward(p, wiring, ids)
    slopes = experiments.backward(p, wiring, ids, tape, experiments.loss_gradient(scores, task(ids))[1])
    assert set(slopes) == set(p)
    for name, slope in slopes.items():
        step = rng.standard_normal(p[name].shape)
        up, down = ({**p, name: p[name] + sign * 1e-6 * step} for sign in (1, -1))
        assert (loss(up) - loss(down)) / 2e-6 == pytest.approx((slope * step).sum(), rel=1e-4, abs=1e-7), name


def test_the_layer_is_multi_head_attention():
    """Its forward way agrees with the reference, for two wirings of the heads."""
    rng = np.random.default_rng(5)
    p = {name: x.astype(float) for name, x in experiments.start(1, rng, runs=1).items()}
    ids = rng.integers(0, experiments.WORDS, (1, 3, experiments.LENGTH))
    x = p["words"][0][ids[0]] + p["positions"][0]
    W = {name: p[name][0] for name in "qkvo"}
    for split, merge in ((reference.split_heads, reference.merge_heads), (split_by_reshape, merge_by_reshape)):
        output, _ = attention(*(split(x @ W[name], 4) for name in "qkv"))
        expected = merge(output) @ W["o"] @ p["scores"][0]
        scores, _ = experiments.forward(p, experiments.Wiring(4, split, merge), ids)
        np.testing.assert_allclose(scores[0], expected.reshape(scores[0].shape), atol=1e-6)


def test_pads_change_nothing_in_a_right_wiring_and_something_in_others():
    rng = np.random.default_rng(6)
    p = {name: x.astype(float) for name, x in experiments.start(1, rng, runs=2).items()}
    ids = rng.integers(0, experiments.WORDS, (2, 3, experiments.LENGTH))
    for split, merge, same in (
        (reference.split_heads, reference.merge_heads, True),
        (split_by_reshape, merge_by_reshape, False),
    ):
        wiring = experiments.Wiring(2, split, merge)
        plain, padded = (experiments.forward(p, wiring, ids, pads)[0] for pads in (0, 2))
        assert np.allclose(plain, padded, atol=1e-9) == same


def test_tasks_by_hand():
    ids = np.arange(5).reshape(1, 1, 5)
    np.testing.assert_array_equal(experiments.neighbors(-1, 1)(ids)[0, 0], [[4, 1], [0, 2], [1, 3], [2, 4], [3, 0]])
    np.testing.assert_array_equal(experiments.reversing(ids)[0, 0, :, 0], [4, 3, 2, 1, 0])
    np.testing.assert_array_equal(experiments.copying(ids)[0, 0, :, 0], ids[0, 0])


def test_the_tables_say_what_was_measured():
    m = experiments.Measured(np.array([[1.0, 0.13], [0.12, 1.0]]), np.ones((2, 2)), np.full((2, 1, 2), 0.5))
    said = experiments.heads_table({"1 of width 16": m}, ("before", "behind")).alt
    assert re.search(r"1 of width 16 +100, 12 +13, 100 +100, 100", said)
    assert re.search(r"1 of width 16 +0 +0.50 +0.50", experiments.looks_table({"1 of width 16": m}, ("a", "b")).alt)
    rows = {"nowhere": (np.ones(2), np.full(2, 0.13), np.full(2, 0.12))}
    assert re.search(r"nowhere +100, 100 +13, 13 +12, 12", experiments.wirings_table(rows).alt)


@pytest.mark.slow
def test_what_the_lesson_found_holds_for_other_random_starts():
    """One head is half on either neighbor, a feed-forward layer unmixes, and no swap at all cannot reverse."""
    rng = np.random.default_rng(77)
    both = experiments.neighbors(-1, 1)
    heads = {h: experiments.Wiring(h, reference.split_heads, reference.merge_heads) for h in (1, 2)}
    first, two = experiments.choices(
        experiments.train(experiments.start(2, rng), heads[1], both, rng), heads[1], both, rng
    )
    assert first.max(axis=1).min() > 0.95
    assert first.min(axis=1).max() < 0.25
    assert two.min() > 0.95
    for wiring, hidden in ((heads[2], 0), (heads[1], experiments.HIDDEN)):
        p = experiments.train(experiments.start(2, rng, hidden=hidden), wiring, both, rng)
        assert experiments.choices(p, wiring, both, rng)[0].min() > 0.95
    scrambled = experiments.Wiring(2, split_by_reshape, merge_by_reshape)
    for task, reached in ((experiments.copying, True), (experiments.reversing, False)):
        p = experiments.train(experiments.start(1, rng), scrambled, task, rng)
        share = experiments.choices(p, scrambled, task, rng)[0]
        assert share.min() > 0.95 if reached else share.max() < 0.25


@pytest.mark.slow
def test_sixteen_heads_of_width_one_take_longer_and_arrive():
    wiring = experiments.Wiring(16, reference.split_heads, reference.merge_heads)
    both = experiments.neighbors(-1, 1)
    reached = []
    for times in (1, 10):
        rng = np.random.default_rng(4)
        p = experiments.start(2, rng, runs=1)
        p = experiments.train(p, wiring, both, rng, times * experiments.UPDATES)
        reached.append(experiments.choices(p, wiring, both, rng)[0].mean())
    assert 0.7 < reached[0] < 0.95
    assert reached[1] > 0.95
    assert f"updates, {10 * experiments.UPDATES:,}, brought them above 95 %" in lesson()


@pytest.mark.parametrize(
    ("split", "merge"), [(reference.split_heads, merge_by_reshape), (split_by_reshape, reference.merge_heads)]
)
def test_with_one_swap_and_two_pads_half_of_the_numbers_and_of_the_answers_stay(split, merge):
    """Four words of eight go on answering right, and the others guess."""
    wiring, places = experiments.Wiring(2, split, merge), []
    for T in (8, 10):
        into, back = wiring.orders(T)
        held = into.reshape(2, T, 8)[:, :8]  # which number stands where in a head, in its first eight rows
        fetched = np.stack(np.unravel_index(back, (2, T, 8)), axis=-1).reshape(T, 16, 3)[:8]
        places.append((held, fetched))
    (held, fetched), (later_held, later_fetched) = places
    same = [(held == later_held).mean(), (fetched == later_fetched).all(axis=-1).mean()]
    assert sorted(same) == [0.5, 1.0]
    rng = np.random.default_rng(4)
    p = experiments.train(experiments.start(1, rng), wiring, experiments.reversing, rng)
    ids = rng.integers(0, experiments.WORDS, (3, 500, experiments.LENGTH))
    answers = experiments.reversing(ids)
    scores = experiments.forward(p, wiring, ids, 2)[0].reshape(*answers.shape, experiments.WORDS)
    right = (scores.argmax(axis=-1) == answers).mean(axis=(0, 1, 3))
    assert (right > 0.98).sum() == 4
    assert (right < 0.3).sum() == 4
    assert f"about {100 * right.mean():.0f} %" in lesson()


def test_there_are_three_questions():
    assert len(QUIZ) == 3


def test_what_the_text_says_of_the_translator_is_what_was_measured():
    text, scores = lesson(), read_scores()
    for split in ("test_iid", "longer"):
        four, one = (scores[name]["splits"][split] for name in ("baseline", "one_head"))
        for each in (four, one):
            low, high = each["interval_95"]
            assert f"{each['exact_match']:.1f} %" in text
            assert f"{low:.1f} to {high:.1f}" in text
