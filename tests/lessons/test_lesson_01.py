"""Lesson 01, before attention: what its text says of numbers, gradients, telephone numbers, figures, logs."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course.errors import CourseError
from course.lab import explore, slider
from course.lab.exercises import get
from course.lessons.lesson_01 import experiments, figures, gradients, reference, telephone
from course.lessons.lesson_01.exercises import EXERCISES
from course.lessons.lesson_01.quiz import QUIZ
from course.special import BOS, EOS, PAD
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "solutions" / "01_before_attention.py"
OWN = {"gru_step": reference.gru_step, "encode": reference.encode, "decode": reference.decode}
KEPT = [name for name in experiments.EXPERIMENTS if (experiments.LOGS / f"{name}.json").is_file()]


def text():
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n# ", " ").split())


# --- the lesson itself, run without torch -------------------------------------------------------------------------

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
print(json.dumps({
    "reach": {name: [float(each.share[k]) for k in (1, 10, 30, 99)] for name, each in reaches.items()},
    "runs": {name: [float(each.runs.min()), float(each.runs.max())] for name, each in reaches.items()},
    "digits": by_digits,
    "torch": "torch" in sys.modules,
}))
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
    printed, numbers = told
    assert not numbers["torch"]
    for exercise in EXERCISES:
        assert f"{exercise.id}: passed" in printed
    assert "Not in this run" not in printed


def test_what_is_left_of_one_word(told):
    h = [0.0]
    for x in (1, 0, 0, 0, 0):
        h.append(math.tanh(x + 0.8 * h[-1]))
    said = text()
    assert "after France     0.762" in told[0]
    assert "after .          0.248" in told[0]
    assert f"{h[1]:.3f} {0.8 * h[1]:.3f} {h[2]:.3f} {h[4]:.3f} {h[5]:.3f}" == "0.762 0.609 0.544 0.316 0.248"
    assert "$\\tanh(1 \\cdot 1 + 0.8 \\cdot 0) = \\tanh(1) = 0.762$" in said
    assert "\\tanh(0.609) = 0.544$" in said


def test_the_gradient_by_hand(told):
    x = np.array([[[1.0], [0.0], [0.0], [0.0], [0.0]]])
    one = np.ones((1, 1))
    slopes = []
    for t in range(5, 0, -1):  # the slope at the state after word t, from the words behind it
        h = np.zeros((1, 1))
        for word in x.swapaxes(0, 1)[:t]:
            h = reference.rnn_step(word, h, one, 0.8 * one, np.zeros(1))
        slopes.append(reference.bptt(x[:, t:], h, one, 0.8 * one, np.zeros(1), one)[3].item())
    said = text()
    assert ", ".join(f"{each:.3f}" for each in slopes) == "1.000, 0.751, 0.541, 0.360, 0.203"
    assert "1, 0.751, 0.541, 0.360, 0.203" in said
    dW, dU, _, _ = (each.item() for each in reference.bptt(x, 0 * one, one, 0.8 * one, np.zeros(1), one))
    assert (f"{dW:.3f}", f"{dU:.3f}", round(dU / dW)) == ("0.085", "1.011", 12)
    assert "gets 0.085; $U$ gets 1.011, twelve times as much" in said
    assert "$(1 - 0.248^2) \\cdot 0.8 = 0.751$" in said
    assert f"{(1 - 0.316**2) * 0.8:.3f}" == "0.720"
    assert re.search(r"slope of W: by hand 0\.0852\d\d, by finite differences 0\.0852", told[0])


def test_powers_in_the_text():
    said = text()
    assert ("$0.75^{30}$ is 0.0002" in said, f"{0.75**30:.4f}") == (True, "0.0002")
    assert ("$1.3^{30}$ is 2,600" in said, round(1.3**30, -2)) == (True, 2600)
    assert ("$0.98^{31} = 0.53$" in said, f"{0.98**31:.2f}") == (True, "0.53")
    assert ("a bias of 3.9" in said, f"{math.log(0.98 / 0.02):.1f}") == (True, "3.9")
    assert f"{0.5**10:.5f}" == "0.00098"
    assert any("0.00098" in why for question in QUIZ for why in question.why.values())


def orders(x):
    return math.log10(x)


def test_the_table_of_starts_is_as_the_text_says(told):
    """The orders of magnitude that were measured with torch's own cells: 3e-34, 2e-22 and 2e-21."""
    far = {name: shares[-1] for name, shares in told[1]["reach"].items()}
    for cell, known in (("RNN", 3e-34), ("LSTM", 2e-22), ("GRU", 2e-21)):
        assert abs(orders(far[f"{cell}, as PyTorch begins"]) - orders(known)) < 1.0
    said = text()
    shown = {name: gradients.power(share) for name, share in far.items()}
    assert shown["RNN, as PyTorch begins"] == "2e-34"
    assert "`2e-34` is 0.000...2 with 33 zeros" in said
    assert (shown["LSTM, as PyTorch begins"], shown["LSTM, forget bias + 1"]) == ("4e-22", "1e-9")
    assert "4e-22 becomes 1e-9; add 4, and nothing is lost" in said
    assert far["LSTM, forget bias + 4"] > 1
    for cell in ("LSTM", "GRU"):
        gained = orders(far[f"{cell}, as PyTorch begins"]) - orders(far["RNN, as PyTorch begins"])
        assert 11.5 < gained < 13
    assert "better than the plain network by twelve powers of ten" in said
    assert "21 zeros and 20" in said
    assert far["RNN, U times 1.7"] < 1e-12
    assert (f"{far['RNN, U times 3']:.2f}", "the median is 1.83" in said) == ("1.83", True)
    least, most = told[1]["runs"]["RNN, U times 3"]
    assert (f"{least:.2f}", gradients.power(most)) == ("0.01", "2e+2")
    assert "it goes from 0.01 to 200" in said


def test_a_norm_of_32_bits_is_zero_and_the_largest_entry_is_not(told):
    (row,) = [line.split() for line in told[0].splitlines() if re.match(r" +80 ", line)]
    back, exact, norm, largest = row
    assert (back, norm) == ("80", "0")
    assert float(exact) > 0
    assert float(largest) > 0
    tiny = np.full(32, 1e-24, dtype=np.float32)
    assert np.linalg.norm(tiny) == 0 < tiny.max()
    torch = pytest.importorskip("torch")
    there = torch.from_numpy(tiny)
    assert there.norm().item() == 0 < there.max().item()


def test_answers_below_the_first_demo():
    def followed(cell, between, keep):
        forward = figures.forward_of(cell, keep, rnn_step=reference.rnn_step, gru_step=reference.gru_step)
        x = np.array([1.0] + [0.0] * (between + 1))
        states, slopes = figures.remember(forward, x, 2 if cell == "LSTM" else 1)
        return states[-1], slopes[0]

    def first_below(cell):
        return next(n for n in range(1, 41) if followed(cell, n, 0.9)[0] < 0.1)

    said = text()
    assert (first_below("RNN"), first_below("GRU")) == (15, 21)
    assert "falls below 0.1 with 15 words in the RNN and with 21 in the GRU" in said
    assert [f"{followed(cell, 15, 0.9)[1]:.2f}" for cell in ("RNN", "GRU")] == ["0.03", "0.19"]
    state, slope = followed("RNN", 30, 1.2)
    assert (f"{state:.2f}", f"{slope:.6f}") == ("0.66", "0.000002")
    assert "the state settles at 0.66 and stays there for ever. But of the gradient 0.000002 arrives" in said
    for cell in ("GRU", "LSTM"):
        assert followed(cell, 30, 0.97)[1] < 0.5 < followed(cell, 30, 0.98)[1]


def test_answers_below_the_second_demo():
    for d in (8, 64):
        far = [gradients.measure_reach(cell, d=d).share[-1] for cell in ("RNN", "LSTM", "GRU")]
        assert far == sorted(far)
        assert far[0] < 1e-30 < far[1] < far[2] < 1e-20
    assert 0.2 < gradients.measure_reach("LSTM", bias=3.0).share[-1] < 0.5
    assert gradients.measure_reach("LSTM", bias=4.0).share[-1] > 1
    assert (
        gradients.measure_reach("RNN", scale=2.75).share[-1] < 0.1 < gradients.measure_reach("RNN", scale=3).share[-1]
    )


def test_pads_that_are_read_move_the_state(told):
    rows = {
        line[:24].strip(): line.split()[-1] for line in told[0].splitlines() if line.startswith(("read on", "stop at"))
    }
    assert float(rows["read on"]) > 0.1
    assert float(rows["read on, pads are zeros"]) > 0.1
    assert rows["stop at the end"] == "0.000"


def test_the_colleagues_decoder_is_right_alone_and_wrong_in_a_batch(told):
    lines = told[0].splitlines()
    assert "[[5, 6, 2]]" in lines
    assert "[[8, 5, 7, 6, 5, 2]]" in lines
    (both,) = [json.loads(line) for line in lines if line.startswith("[[5, 6, 2, 0")]
    assert len(both[0]) == 12
    assert both[0][4] not in (PAD, EOS)


def test_telephone_numbers_break_with_their_length(told):
    digits = {int(n): share for n, share in told[1]["digits"].items()}
    assert digits[1] > 0.95 < digits[2]
    assert digits[8] < 0.5 < digits[4]


def test_multiplications_are_equal_at_three_widths():
    T = 3 * experiments.WIDTH
    assert T == 192
    assert len(set(experiments.operations(T, experiments.WIDTH))) == 1
    assert "$T = 3 d$, which is 192 words" in text()


def test_six_words_lie_between():
    words = "I love France, and the president of that country lives in Paris.".replace(",", "").split()
    assert words.index("country") - words.index("France") == 6
    assert "six words after *France*" in text()


# --- gradients, against torch ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def gates_of(torch, p, run):
    return {name: torch.tensor(each[run]) for name, each in p.items()}


def last_state(torch, cell, q, x):
    h = c = torch.zeros(1, x.shape[1], dtype=torch.float64)

    def total(gate, word, state):
        return word @ q[f"W_{gate}"] + state @ q[f"U_{gate}"] + q[f"b_{gate}"]

    for word in x[:, None]:
        if cell == "RNN":
            h = torch.tanh(total("n", word, h))
        elif cell == "GRU":
            z, r = (torch.sigmoid(total(gate, word, h)) for gate in "zr")
            h = z * h + (1 - z) * torch.tanh(total("n", word, r * h))
        else:
            i, f, o = (torch.sigmoid(total(gate, word, h)) for gate in "ifo")
            c = f * c + i * torch.tanh(total("g", word, h))
            h = o * torch.tanh(c)
    return h


@pytest.mark.parametrize("cell", gradients.GATES)
def test_gradients_of_words_are_those_of_autograd(torch, cell):
    rng = np.random.default_rng(3)
    p = gradients.start(cell, 5, rng, bias=0.7, scale=2.0)
    x, g = rng.standard_normal((gradients.RUNS, 7, 5)), rng.standard_normal((gradients.RUNS, 1, 5))
    found = gradients.word_gradients(cell, p, x, g)
    for run in (0, 4, 8):
        words = torch.tensor(x[run], requires_grad=True)
        (last_state(torch, cell, gates_of(torch, p, run), words) * torch.tensor(g[run])).sum().backward()
        np.testing.assert_allclose(found[run], words.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("cell", "known"), [("RNN", 3e-34), ("LSTM", 2e-22), ("GRU", 2e-21)])
def test_torchs_own_cells_start_as_the_text_says(torch, cell, known):
    shares = []
    for seed in range(9):
        torch.manual_seed(seed)
        network = getattr(torch.nn, cell)(32, 32, batch_first=True).double()
        x = torch.randn(1, 100, 32, dtype=torch.float64, requires_grad=True)
        network(x)[0][:, -1].sum().backward()
        shares.append((x.grad[0, 0].norm() / x.grad[0, -1].norm()).item())
    assert abs(orders(np.median(shares)) - orders(known)) < 1.0


def as_dicts(network, names):
    """W, U and both biases of a torch cell, by gate, as the lesson writes them."""
    parts = [network.weight_ih_l0.T, network.weight_hh_l0.T, network.bias_ih_l0, network.bias_hh_l0]
    split = (np.split(each.detach().numpy(), len(names), axis=-1) for each in parts)
    return [dict(zip(names, each, strict=True)) for each in split]


def test_torchs_gru_resets_after_the_product_and_its_bias(torch):
    torch.manual_seed(1)
    network = torch.nn.GRU(3, 4, batch_first=True).double()
    W, U, b_x, b_h = as_dicts(network, "rzn")
    x, h = torch.randn(2, 1, 3, dtype=torch.float64), torch.randn(1, 2, 4, dtype=torch.float64)
    theirs = network(x, h)[1][0].detach().numpy()
    x, h = x[:, 0].numpy(), h[0].numpy()
    b = {gate: b_x[gate] + b_h[gate] for gate in "rzn"}
    z, r = (reference.sigmoid(x @ W[gate] + h @ U[gate] + b[gate]) for gate in "zr")
    n = np.tanh(x @ W["n"] + b_x["n"] + r * (h @ U["n"] + b_h["n"]))
    np.testing.assert_allclose(theirs, z * h + (1 - z) * n, rtol=1e-9)
    assert np.abs(theirs - reference.gru_step(x, h, W, U, b)).max() > 1e-3


def test_torchs_lstm_has_the_lessons_step_and_order_and_no_raised_bias(torch):
    torch.manual_seed(1)
    network = torch.nn.LSTM(3, 4, batch_first=True).double()
    W, U, b_x, b_h = as_dicts(network, "ifgo")
    x = torch.randn(2, 1, 3, dtype=torch.float64)
    h, c = torch.randn(2, 1, 2, 4, dtype=torch.float64)
    theirs = network(x, (h, c))[1]
    b = {gate: b_x[gate] + b_h[gate] for gate in "ifgo"}
    ours = reference.lstm_step(x[:, 0].numpy(), h[0].numpy(), c[0].numpy(), W, U, b)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other[0].detach().numpy(), rtol=1e-9)
    assert np.abs(b_x["f"]).max() <= 0.5 >= np.abs(b_h["f"]).max()
    assert "in the order *i, f, g, o*" in text()


def test_torchs_plain_network_is_the_lessons(torch):
    torch.manual_seed(1)
    network = torch.nn.RNN(3, 4, batch_first=True).double()
    W, U, b_x, b_h = (each[""] for each in as_dicts(network, [""]))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    _, last = reference.encode(
        lambda word, h: reference.rnn_step(word, h, W, U, b_x + b_h), x.numpy(), np.ones((2, 5), bool), np.zeros((2, 4))
    )
    np.testing.assert_allclose(last, network(x)[1][0].detach().numpy(), rtol=1e-9)


def test_an_unknown_cell_is_refused():
    with pytest.raises(CourseError, match="no cell 'QRNN'; there are RNN, LSTM, GRU"):
        gradients.start("QRNN", 4, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("x", "said"), [(2.3e-21, "2e-21"), (1.9e-9, "2e-9"), (0.4, "0.40"), (246.0, "2e+2"), (99.0, "99.00")]
)
def test_numbers_in_powers_of_ten(x, said):
    assert gradients.power(x) == said


# --- telephone numbers -------------------------------------------------------------------------------------------


def test_the_gradient_of_the_encoder_decoder_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    p = {name: 2 * each.astype(float) for name, each in telephone.start(4, rng).items()}
    ids = telephone.draw(5, [1, 3, 4], rng)
    _, slopes = telephone.loss_and_gradient(p, ids)
    assert set(slopes) == set(p)
    for name, each in p.items():
        for _ in range(10):
            place = tuple(rng.integers(0, size) for size in each.shape)
            losses = []
            for step in (1e-5, -1e-5):
                moved = {**p, name: each.copy()}
                moved[name][place] += step
                losses.append(telephone.loss_and_gradient(moved, ids)[0])
            assert slopes[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-8)


def test_the_learners_functions_compute_what_was_trained():
    """What was trained and what the exercises do are one: the loss of the right numbers is the same both ways."""
    rng = np.random.default_rng(1)
    trained = telephone.train(8, 3)
    ids = telephone.draw(7, [2, 5], rng)
    labels = telephone.with_end(ids)
    _, h = reference.encode(
        telephone.reader(trained, reference.gru_step), telephone.vectors(ids), ids != PAD, np.zeros((7, 8))
    )
    write, tokens, cost = telephone.writer(trained, reference.gru_step), np.full(7, BOS), []
    for t in range(labels.shape[1]):
        scores, h = write(tokens, h)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        cost.append(-logs[np.arange(7), labels[:, t]])
        tokens = labels[:, t]
    expected = np.stack(cost, axis=1)[labels != PAD].mean()
    packed = {"to_scores": trained.to_scores, "score_bias": trained.score_bias}
    for side in ("encoder", "decoder"):
        for name in "WUb":
            packed[f"{side}_{name}"] = np.concatenate(list(getattr(getattr(trained, side), name).values()), axis=-1)
    assert telephone.loss_and_gradient(packed, ids)[0] == pytest.approx(expected)


def test_telephone_numbers_and_their_ends():
    ids = telephone.draw(50, [1, 3], np.random.default_rng(2))
    assert ids.shape == (50, 3)
    assert set((ids != PAD).sum(axis=1)) == {1, 3}
    assert ids[ids != PAD].min() >= telephone.FIRST
    assert telephone.with_end(np.array([[5, 0], [6, 7]])).tolist() == [[5, EOS, 0], [6, 7, EOS]]
    assert telephone.as_text(np.array([4, 13, EOS, 7])) == "09"
    assert telephone.as_text(np.array([BOS, 5])) == "?1"


def test_right_by_length_counts_what_is_exactly_right():
    trained = telephone.train(4, 1)

    def knows_all(step, h, bos, eos, pad, max_len):
        return np.concatenate([known, np.full((len(known), 2), pad)], axis=1)

    known = telephone.with_end(telephone.draw(20, [3], np.random.default_rng(2)))
    known[:5, 1] = telephone.FIRST + (known[:5, 1] - telephone.FIRST + 1) % 10  # a quarter is wrong
    shares = telephone.right_by_length(trained, [3], n=20, **{**OWN, "decode": knows_all})
    assert shares == {3: 0.75}


def test_wrong_numbers_are_told_apart():
    heard = telephone.draw(400, [3], np.random.default_rng(2))

    def exchanges(step, h, bos, eos, pad, max_len):
        said = telephone.with_end(heard)
        said[:100, :2] = said[:100, 1::-1]
        said[100:150, 2] = eos
        return said

    found = telephone.how_wrong(telephone.train(4, 1), 3, **{**OWN, "decode": exchanges})
    different = (heard[:100, 0] != heard[:100, 1]).sum()
    assert found["digits"] == pytest.approx(different / (different + 50))
    assert found["length"] == found["digits"]


def test_training_makes_the_loss_fall_and_is_the_same_twice():
    one, other = (telephone.train(16, 30) for _ in range(2))
    assert np.mean(one.loss[-5:]) < 0.97 * one.loss[0]
    assert one.loss == other.loss


# --- figures -----------------------------------------------------------------------------------------------------

STEPS = {"rnn_step": reference.rnn_step, "gru_step": reference.gru_step}


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
def test_every_corner_of_the_memory_draws_and_can_be_read(cell):
    for between in (1, 6, 12, 13, 40):
        for keep in (0.5, 0.9, 1.0, 1.2):
            figure, alt = drawn(figures.draw_memory, {**STEPS, "cell": cell, "between": between, "keep": keep})
            assert f"after {between} words in a cell of one number: {cell}, keep {keep:g}." in alt
            if between <= 12:
                assert collisions(figure) == []


def test_the_slopes_of_the_memory_are_those_of_bptt():
    forward = figures.forward_of("RNN", 0.9, **STEPS)
    x = np.array([1.0, 0.0, 0.0, 0.0])
    states, slopes = figures.remember(forward, x)
    one = np.ones((1, 1))
    given = (figures.LOUD * one, 0.9 * one, np.zeros(1), one)
    exact = reference.bptt(x[None, 1:, None], states[:1, None], *given)[3].item()
    assert slopes[0] == pytest.approx(exact, rel=1e-6)
    assert slopes[-1] == pytest.approx(1)


def test_the_memory_runs_on_the_learners_functions():
    def rnn_step(x, h, W, U, b):
        return np.full_like(h, 0.5)

    panel = explore(
        figures.draw_memory, rnn_step=rnn_step, gru_step=reference.gru_step, cell=["RNN", "GRU"],
        between=slider(1, 40, start=6), keep=slider(0.5, 1.2, start=0.9, step=0.01),
    )  # fmt: skip
    assert not panel.error
    assert "your rnn_step" in panel.runs_on
    assert "0.50 after France, 0.50 at the end" in panel.alt


@pytest.mark.parametrize("cell", gradients.GATES)
def test_every_corner_of_the_reach_draws_and_can_be_read(cell):
    for d, words, bias, scale in ((8, 10, 0.0, 0.5), (8, 100, 6.0, 4.0), (64, 100, 0.0, 0.5), (16, 50, 2.5, 1.0)):
        values = {"cell": cell, "d": d, "words": words, "bias": bias, "scale": scale}
        figure, alt = drawn(figures.draw_reach, values)
        assert collisions(figure) == []
        assert alt.startswith(f"{cell} of width {d}")
        assert f"the first of {words} words" in alt


def test_the_other_figures_can_be_read():
    rows = [("1-4", [99.0, 98.0, 97.5]), ("5-6", [80.0, 71.0, 75.0]), ("20-30", [0.0, 0.3, 0.0])]
    given = (
        (figures.draw_lengths, {"rows": rows, "what": "a fixed vector", "unit": "words"}, "5-6: 75"),
        (figures.draw_lengths, {"rows": [("1", [100.0])], "what": "numbers", "unit": "digits"}, "1: 100"),
        (figures.draw_clock, {"found": {16: (1.0, 0.1), 64: (4.0, 0.2), 256: (16.0, 20.0)}}, "256 words: 16 and 20"),
        (
            figures.draw_summary,
            {"source": ["I", "love", "France", "."], "target": ["Ich", "liebe", "Frankreich", "."]},
            "writes Ich liebe Frankreich . <eos>",
        ),
    )
    for draw, values, words in given:
        figure, alt = drawn(draw, values)
        assert collisions(figure) == []
        assert words in alt
        assert figure.get_size_inches()[0] <= 12


# --- experiments and their logs ----------------------------------------------------------------------------------


def test_the_clock_times_both_ways_and_runs_on_what_it_is_given():
    called = []

    def gru_step(x, h, W, U, b):
        called.append(x.shape)
        return reference.gru_step(x, h, W, U, b)

    found = experiments.clock(gru_step, (4, 9), repeats=2)
    assert list(found) == [4, 9]
    assert all(time > 0 for times in found.values() for time in times)
    assert called == [(1, experiments.WIDTH)] * (2 * 4 + 2 * 9)
    rows = [line.split() for line in experiments.clock_table(found).alt.splitlines()[1:]]
    assert [row[:5] for row in rows] == [
        ["4", "4", "1", "98,304", "2,048"],
        ["9", "9", "1", "221,184", "10,368"],
    ]


def test_looking_at_all_at_once_is_attention():
    from course.lessons.lesson_03.reference import attention

    x = np.random.default_rng(1).standard_normal((5, 4))
    np.testing.assert_allclose(experiments.look_at_all(x), attention(x, x, x)[0])


def test_reading_word_by_word_is_encoding():
    rng = np.random.default_rng(1)
    p = telephone.Numbers(*({gate: rng.standard_normal(shape) for gate in "zrn"} for shape in ((3, 3), (3, 3), (3,))))
    x = rng.standard_normal((1, 6, 3))
    _, last = reference.encode(
        lambda word, h: reference.gru_step(word, h, p.W, p.U, p.b), x, np.ones((1, 6), bool), np.zeros((1, 3))
    )
    np.testing.assert_allclose(experiments.read_word_by_word(reference.gru_step, x, p), last)


def test_logs_are_kept_and_read(tmp_path):
    experiments.keep("telephone", {"lengths": [1], "runs": []}, folder=tmp_path)
    assert experiments.read("telephone", folder=tmp_path) == {"lengths": [1], "runs": []}
    with pytest.raises(CourseError, match=r"by_length.json is not among the kept logs; run `python -m course"):
        experiments.read("by_length", folder=tmp_path)
    with pytest.raises(CourseError, match="no experiment 'time'"):
        experiments.read("time", folder=tmp_path)


def test_one_experiment_can_be_made_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(experiments, "LOGS", tmp_path)
    monkeypatch.setattr(experiments.keep, "__kwdefaults__", {"folder": tmp_path})
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"telephone": lambda: {"runs": []}, "by_length": lambda: 1 / 0})
    experiments.main(["--only", "telephone"])
    assert capsys.readouterr().out.startswith("telephone: 0.0 minutes")
    assert [path.name for path in tmp_path.iterdir()] == ["telephone.json"]


def test_remembering_asks_for_the_first_word(torch, monkeypatch):
    generator = torch.Generator().manual_seed(1)
    words, country = experiments._sentences(20, 5, generator)
    assert words.shape == (20, 6, experiments.COUNTRIES + experiments.FILLERS)
    assert (words[:, 0].argmax(-1) == country).all()
    assert (words[:, 1:].argmax(-1) >= experiments.COUNTRIES).all()
    monkeypatch.setattr(experiments, "REMEMBER_UPDATES", 60)
    near = experiments._remember("GRU", 2, 1)
    assert near["right"] > 0.5
    assert 0 < near["before"] < near["after"]
    monkeypatch.setattr(experiments, "REMEMBER_UPDATES", 0)
    raised = experiments._remember("LSTM, forget bias + 1", 40, 1)["before"]
    assert raised > 1e3 * experiments._remember("LSTM", 40, 1)["before"]


def test_the_fixed_vector_is_scored_by_length(monkeypatch):
    from course.pretrained import run_folder
    from course.translator import Translator

    monkeypatch.setattr(experiments, "SPLITS", {"test_iid": 12, "longer": 3, "anaphora": 2})
    found = experiments._scored(Translator.load(run_folder("en-de")))
    assert sum(n for _, n in found["right"]) == 15
    assert found["splits"]["anaphora"][1] == 2
    assert all(hits <= n for hits, n in found["right"])
    assert any("the president of that country" in row["source"] for row in found["country"])
    log = {"by_length": [{"words": "1-4", "n": 10, "right": [9, 10]}], "country": found["country"]}
    assert experiments.share_by_length(log) == [("1-4", [90.0, 100.0])]
    table = experiments.country_table(log)
    assert len(table.alt.splitlines()) == 1 + len(found["country"]) > 4


@pytest.mark.skipif("remembering" not in KEPT, reason="no kept log")
def test_the_kept_log_of_remembering_is_complete():
    log = experiments.read("remembering")
    seen = [(run["cell"], run["distance"], run["seed"]) for run in log["runs"]]
    assert len(set(seen)) == len(seen) == len(experiments.CELLS) * len(experiments.DISTANCES) * 3
    table = experiments.remembering_table(log)
    assert len(table.alt.splitlines()) == 2 + len(experiments.CELLS)


@pytest.mark.skipif("telephone" not in KEPT, reason="no kept log")
def test_the_kept_log_of_telephone_numbers_is_complete():
    log = experiments.read("telephone")
    seen = [(run["d"], run["updates"]) for run in log["runs"]]
    assert seen == [(d, updates) for d in experiments.WIDTHS for updates in experiments.TELEPHONE_UPDATES]
    assert all(len(run["right"]) == len(log["lengths"]) == telephone.LONGEST for run in log["runs"])


@pytest.mark.skipif("by_length" not in KEPT, reason="no kept log")
def test_the_kept_log_of_the_fixed_vector_is_complete():
    log = experiments.read("by_length")
    assert log["model"]["attention"] == "none"
    assert [row["words"] for row in log["by_length"]] == [f"{low}-{high}" for low, high in experiments.BINS]
    assert all(len(row["right"]) == len(log["seeds"]) for row in log["by_length"])
    assert log["seeds"] == list(experiments.SEEDS)
    assert log["model"]["steps"] == experiments.STEPS
    assert set(log["splits"]) == set(experiments.SPLITS)


def test_what_the_text_says_of_remembering():
    log = experiments.read("remembering")
    right = {
        (cell, n): sorted(run["right"] for run in log["runs"] if (run["cell"], run["distance"]) == (cell, n))
        for cell in experiments.CELLS
        for n in experiments.DISTANCES
    }
    found = [gradients.power(experiments.median_gradient(log, "GRU", 20, when)) for when in ("before", "after")]
    assert found == ["9e-5", "0.62"]
    assert "0.00009 of the gradient arrives at the country, after 500 updates 0.62" in text()
    assert log["settings"]["updates"] == 500
    for cell in ("RNN", "LSTM", "GRU"):
        assert experiments.median_gradient(log, cell, 40, "before") < 2e-8
        assert right[cell, 40][1] < 0.3
    assert [round(share, 1) for share in right["LSTM, forget bias + 1", 40]] == [0.2, 0.5, 0.5]
    far = [run for run in log["runs"] if run["distance"] == 40 and run["cell"] in ("RNN", "LSTM", "GRU")]
    assert max(run[when] for run in far for when in ("before", "after")) < 1e-7
    assert right["RNN", 40][1] < 0.3 < 0.5 < right["RNN", 40][2]
    assert max(right["LSTM", 40][2], right["GRU", 40][2]) < 0.3
    raised = [experiments.median_gradient(log, "LSTM, forget bias + 1", 20, when) for when in ("before", "after")]
    assert raised[1] < raised[0]
    assert min(right["RNN", 20]) > 0.95 > 0.6 > max(right["LSTM", 20])
    less, more = (experiments.median_gradient(log, cell, 20, "before") for cell in ("RNN", "LSTM"))
    assert less < more
    assert right["RNN", 10][0] < 0.6 < 0.95 < right["RNN", 10][2]


def test_what_the_text_says_of_width_and_training():
    right = {(run["d"], run["updates"]): run["right"] for run in experiments.read("telephone")["runs"]}
    assert [round(100 * right[d, 500][3]) for d in (8, 64)] == [0, 84]
    assert all(more >= less for more, less in zip(right[16, 8000], right[64, 500], strict=True))
    assert min(right[32, 8000]) > 0.995
    assert round(8 * math.log2(10)) == 27
    assert (len(experiments.WIDTHS), experiments.TELEPHONE_UPDATES) == (4, (500, 2000, 8000))
    for claim in (
        "four widths, each with 500, 2,000 and 8,000 updates",
        "8 numbers get none right and 64 get 84 %",
        "16 numbers after 8,000 updates do better",
        "are 27 bits",
    ):
        assert claim in text()


def test_what_the_text_says_of_sentences_of_each_length():
    log = experiments.read("by_length")
    means = {words: np.mean(shares) for words, shares in experiments.share_by_length(log)}
    assert (round(means["1-4"]), round(means["15-18"]), round(means["20-30"])) == (96, 3, 0)
    assert abs(means["13-14"] - 100 / 3) < 2
    assert list(means.values()) == sorted(means.values(), reverse=True)
    said = text()
    assert "up to four words 96 % are exactly right, of those with 13 or 14 words one third" in said
    assert "at 15 to 18 words, it is 3 %, and above that none" in said
    assert "twice from different starts: 1,200 updates" in said
    assert (len(log["seeds"]), log["model"]["steps"]) == (2, 1200)
    story = {row["source"]: row for row in log["country"]}
    first = story["I love France, and the president of that country lives in Paris."]
    assert first["said"] == first["wanted"]
    (clara,) = [row for source, row in story.items() if source.startswith("Clara loves France")]
    assert "president" in clara["source"]
    assert "König" in clara["said"]
    assert "weil" in clara["wanted"]
    assert "weil" not in clara["said"]


def test_the_lessons_exercises_are_those_of_its_table():
    said = text()
    for exercise in EXERCISES:
        row = re.search(rf"\| `{exercise.id}` \| [^|]+ \| (●*)○* \| (●*)○* \| (\d+) \|", said)
        assert row, exercise.id
        assert (len(row[1]), len(row[2]), int(row[3])) == (exercise.difficulty, exercise.importance, exercise.minutes)
        assert get(exercise.id).lesson == 1
