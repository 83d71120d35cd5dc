"""Lesson 08: what its text says of numbers, its figures, its kept measurement, and a library in empty rows."""

import dataclasses
import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from course.errors import CourseError  # noqa: E402
from course.lab import explore, slider  # noqa: E402
from course.lab.drawing.picture import new_figure, render  # noqa: E402
from course.lab.exercises import diagnose, get  # noqa: E402
from course.lessons.lesson_05.reference import decoder_mask, padding_mask  # noqa: E402
from course.lessons.lesson_06.reference import positional_encoding  # noqa: E402
from course.lessons.lesson_07.reference import MultiHeadAttention  # noqa: E402
from course.lessons.lesson_08 import (  # noqa: E402
    broken,
    costs,
    experiments,
    figures,
    parity,
    reference,
    reversal,
    testing,
)
from course.lessons.lesson_08.quiz import QUIZ  # noqa: E402
from course.special import BOS, EOS, PAD  # noqa: E402
from tests.test_lab_figures import collisions, drawn  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "08_the_transformer.py"


def text():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


# --- numbers of the text ------------------------------------------------------------------------------------------


def test_cross_attention_by_hand():
    powers, values = np.array([1, 2, 5, 1, 1]), np.array([0, 10, 4, 0, 20])
    assert powers.sum() == 10
    assert powers @ values / 10 == 6
    assert r"$0.2 \cdot 10 + 0.5 \cdot 4 + 0.1 \cdot 20 = 6$" in text()


def test_the_next_word_by_hand():
    table = np.array([[1, 0], [0, 1], [0, 0], [-1, 1]])
    logits = table @ [2, 1]
    powers = np.exp(logits)
    for word, logit, power, share in zip(
        ("hat", "Nadel", "ist", "die"), logits, powers, powers / powers.sum(), strict=True
    ):
        row = f"| {logit} | {power:.2f} | {share:.3f} |".replace("| -1", "| −1")
        assert re.search(rf"\| {word} \| \([^)]*\) {re.escape(row)}", text()), row


@pytest.mark.parametrize("seed", range(3))
def test_large_rows_begin_too_sure_and_small_ones_undecided(seed):
    torch.manual_seed(seed)
    d, n = 128, 1000
    state = torch.nn.functional.layer_norm(torch.randn(2000, d), (d,))
    right = torch.randint(n, (2000,))
    loss = [
        torch.nn.functional.cross_entropy(state @ (torch.randn(n, d) * size).T, right).item() for size in (1, d**-0.5)
    ]
    assert abs(loss[1] - math.log(n)) < 1
    assert loss[0] > 4 * math.log(n)
    assert np.linalg.norm(positional_encoding(50, d), axis=1) == pytest.approx(8)


def test_the_paper_s_base_model():
    assert f"{costs.count_parameters(37000, 512, 8, 2048, 6) / 1e6:.1f}" == "63.1"
    assert "The formula says 63.1 for exactly 37,000" in text()


# --- what it costs ------------------------------------------------------------------------------------------------

SIZES = [(50, 16, 4, 24, 3), (13, 8, 2, 12, 1), (200, 32, 8, 48, 2), (37, 10, 5, 7, 4)]


@pytest.mark.parametrize("sizes", SIZES)
def test_formulas_agree_with_counts_and_with_the_courses_own(sizes):
    from course.model import TransformerConfig, parameter_count

    V, d, h, d_ff, n = sizes
    model = reference.Transformer(*sizes)
    config = TransformerConfig(V, V, d_model=d, n_heads=h, d_ff=d_ff, n_encoder_layers=n, n_decoder_layers=n, tie="all")
    by_count = sum(p.numel() for p in model.parameters())
    assert costs.count_parameters(*sizes) == by_count == parameter_count(config)
    assert sum(costs.parameters_by_part(*sizes).values()) == by_count
    for S, T in ((7, 5), (1, 1), (3, 11)):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.randint(V, (1, S)), torch.randint(V, (1, T)))
        assert counter.get_total_flops() == sum(costs.flops_by_part(*sizes, S, T).values())


def bill(**changed):
    values = {"layers": 6, "d_model": 512, "d_ff": 2048, "words": 37000, "length": 20, **changed}
    return {"count_parameters": costs.count_parameters, **values}


def test_every_stop_of_the_bill_draws():
    figure = new_figure()
    sliders = {
        "layers": (1, 6, 12),
        "d_model": figures.WIDTHS.stops,
        "d_ff": (64, 4096),
        "words": (1000, 64000),
        "length": (5, 5000),
    }
    for values in itertools.product(*sliders.values()):
        made = render(figure, figures.draw_bill, bill(**dict(zip(sliders, values, strict=True))))
        assert not made.error, made.error
    for name, stops in (("d_ff", figures.INNER), ("words", figures.VOCABULARIES), ("length", figures.LENGTHS)):
        for stop in stops.stops:
            assert not render(figure, figures.draw_bill, bill(**{name: stop})).error


@pytest.mark.parametrize("changed", [{}, {"layers": 1}, {"length": 5000}, {"d_model": 32, "d_ff": 4096}])
def test_the_bill_can_be_read(changed):
    figure, alt = drawn(figures.draw_bill, bill(**changed))
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "numbers to train" in alt


def test_the_bill_is_that_of_the_function_under_study():
    panel = explore(figures.draw_bill, **{**bill(), "count_parameters": lambda *sizes: 5, "layers": slider(1, 12)})
    assert "5 numbers to train" in panel.alt


def test_the_answers_below_the_bill():
    of = costs.parameters_by_part
    base = (37000, 512, 8, 2048, 6)
    shares = {name: cost / costs.count_parameters(*base) for name, cost in of(*base).items()}
    assert max(shares, key=shares.get) == "feed-forward"
    assert round(100 * shares["feed-forward"]) == 40
    for others in ((37000, 512, 8, 2048, 4), (64000, 512, 8, 2048, 6), (37000, 512, 8, 1024, 6)):
        assert max(of(*others), key=of(*others).get) == "table of words", others
    two = of(37000, 512, 8, 2048, 2)
    assert two["table of words"] > sum(two.values()) / 2
    for length, largest in ((500, False), (1000, False), (2000, True), (5000, True)):
        flops = costs.flops_by_part(*base, length, length)
        assert (max(flops, key=flops.get) == "scores and mixing") == largest, length
    assert round(costs.count_parameters(37000, 1024, 8, 2048, 6) / 1e6) == 164
    assert round(costs.count_parameters(37000, 512, 8, 2048, 12) / 1e6) == 107
    assert "164 million against 107 million" in text()


# --- what a step may see ------------------------------------------------------------------------------------------

MASKS = {"decoder_mask": decoder_mask, "padding_mask": padding_mask, "pad": PAD}


def step(step=3, source_pads=0, target_pads=0):
    return figures.draw_step(**MASKS, step=step, source_pads=source_pads, target_pads=target_pads)


def test_every_stop_of_the_steps_draws_and_says_what_is_seen():
    seen = {step(*values).alt for values in itertools.product(range(7), range(4), range(3))}
    assert len(seen) == 7 * 4 * 3


def test_the_answers_below_the_steps():
    assert "Step 3. Written so far: <bos> Die Nadel hat. Read of the source: The needle has a sharp point." in (
        step().alt
    )
    assert "Asked for now: eine." in step().alt
    for i in range(7):
        assert len(re.search(r"Written so far: (.*?)\. Read", step(i).alt)[1].split()) == i + 1
        assert "Read of the source: The needle has a sharp point." in step(i, 3, 2).alt
    assert "Self-attention 9 by 9" in step(0, 0, 2).alt
    assert "cross-attention 9 by 9, 54 open" in step(0, 3, 2).alt


def test_a_mask_of_the_source_fits_self_attention_only_where_lengths_agree():
    layer = reference.DecoderLayer(8, 2, 12)
    mask = torch.ones(1, 1, 1, 5, dtype=torch.bool)
    layer(torch.zeros(1, 5, 8), torch.zeros(1, 5, 8), mask, mask)
    with pytest.raises(RuntimeError):
        layer(torch.zeros(1, 4, 8), torch.zeros(1, 5, 8), mask, mask)


# --- the same function --------------------------------------------------------------------------------------------


def test_the_reference_is_the_courses_model_in_outputs_and_gradients():
    sizes = (40, 32, 4, 48, 2)
    theirs = parity.courses_model(*sizes)
    mine = parity.loaded(reference.Transformer, theirs, *sizes)
    assert max(parity.gaps(theirs, mine, torch.float32)) < 1e-5
    assert max(parity.gaps(theirs, mine, torch.float64)) < 1e-10
    with torch.no_grad():
        mine.norm_memory.bias[0] += 0.1
    # Weights are copied anew at each comparison, so that a change of weights is none of the function.
    assert max(parity.gaps(theirs, mine, torch.float64)) < 1e-10


def test_another_function_is_told():
    sizes = (40, 32, 4, 48, 2)
    for name in ("cross-attention sees pads", "norm over words", "cross-attention never used"):
        theirs = parity.courses_model(*sizes)
        mine = parity.loaded(broken.BROKEN[name].kind, theirs, *sizes)
        assert parity.gaps(theirs, mine, torch.float64)[0] > 1e-3, name


def test_the_map_of_the_text_names_weights_that_exist():
    theirs, mine = parity.courses_model(20, 8, 2, 12, 1), reference.Transformer(20, 8, 2, 12, 1)
    ours = {re.sub(r"\.\d+\.", ".i.", name) for name, _ in mine.named_parameters()}
    others = {re.sub(r"\.\d+\.", ".i.", name) for name, _ in theirs.named_parameters()}
    for left, right in parity.WHERE:
        for names, known in ((left, ours), (right, others)):
            first = re.split(r",| which", names)[0].strip()
            assert any(name == first or name.startswith(f"{first}.") for name in known), first
    said = text()
    for name in ("norm_memory", "norm_output", "encoder.norm", "around_feed_forward.norm", "around_cross.norm"):
        assert f"`{name}`" in said


def test_torch_s_own_modules_agree():
    far = parity.torchs_gaps(MultiHeadAttention, reference.EncoderLayer, reference.DecoderLayer)
    assert len(far) == 3
    assert max(far.values()) < 1e-5


def test_what_the_text_says_of_empty_rows():
    """Measured with torch 2.13. If another version does otherwise, the table of the lesson has to say so."""
    rows = parity.empty_rows(reference.DecoderLayer)
    assert rows[0] == ("nn.Transformer", "0", "5")
    assert rows[1] == ("nn.TransformerDecoderLayer", "0", "2")
    assert rows[2] == ("nn.MultiheadAttention", "0", "2")
    assert rows[3][1:] == ("2", "2")
    assert rows[4][1:] == rows[5][1:] == ("0", "0")
    assert torch.__version__.startswith("2.13")


# --- properties ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sound", *broken.BROKEN])
@pytest.mark.parametrize("seed", [0, 5])
def test_the_four_tests_find_what_is_broken_and_nothing_else(name, seed):
    wanted = broken.SOUND if name == "sound" else broken.BROKEN[name]
    found = testing.properties(testing.suspect(name, seed))
    assert set(wanted.violates) <= found <= set(wanted.violates) | set(wanted.may)


def test_broken_models_raise_nothing_and_train():
    words = reversal.draw(8, torch.Generator().manual_seed(0))
    for name in broken.BROKEN:
        model = broken.make(name, *reversal.SIZES, dropout=0.1)
        loss = reversal.loss_of(model, words)
        loss.backward()
        assert math.isfinite(loss.item()), name


def test_every_broken_model_is_a_case_of_the_check():
    assert {case.make()[0].name for case in get("properties").cases} == {"sound", *broken.BROKEN}
    assert "The check hands it 18 models" in text()
    assert len(get("properties").cases) == 18


def test_the_table_of_catches():
    caught = {"sound": set(), "no mask": {"causality"}}
    markup = figures.draw_catches(found=caught, names=broken.PROPERTIES, trained={"no mask": "0 %"})
    assert markup.alt == "sound: nothing\nno mask: causality"
    assert markup.html.count("✗") == 1


# --- the reversal -------------------------------------------------------------------------------------------------


def test_words_are_drawn_and_turned_around():
    words = reversal.draw(200, torch.Generator().manual_seed(3))
    for src, tgt, labels in zip(words.src.tolist(), words.tgt.tolist(), words.labels.tolist(), strict=True):
        n = src.index(EOS)
        letters = src[:n]
        assert reversal.SHORTEST <= n <= reversal.LONGEST
        assert all(reversal.FIRST <= letter < reversal.LAST for letter in letters)
        assert src[n + 1 :] == [PAD] * (len(src) - n - 1)
        assert labels[: n + 1] == [*letters[::-1], EOS]
        assert tgt[: n + 1] == [BOS, *letters[::-1]]
        assert set(labels[n + 1 :]) <= {PAD}
        assert set(tgt[n + 1 :]) <= {PAD}
    assert reversal.spell("bighead").labels.tolist() == [[*(4 + "abcdefghij".index(x) for x in "daehgib"), EOS]]


class Perfect(torch.nn.Module):
    """Writes words backward without having learned it."""

    def encode(self, src, src_mask=None):
        return src

    def decode(self, tgt, memory, tgt_mask=None, src_mask=None):
        logits = torch.zeros(*tgt.shape, reversal.VOCAB)
        for b, src in enumerate(memory.tolist()):
            n = src.index(EOS)
            wanted = [*src[:n][::-1], *[EOS] * len(src)]
            for t in range(tgt.shape[1]):
                logits[b, t, wanted[t]] = 1
        return logits


def test_what_a_model_writes_is_scored():
    words = reversal.new_words(50)
    assert reversal.percent_right(Perfect(), words) == 100
    torch.manual_seed(0)
    assert reversal.percent_right(reference.Transformer(*reversal.SIZES), words) < 5


def _with_torchs_own(attention):
    def forward(x_q, x_kv, mask=None):
        q, k, v = (attention.split(f(x)) for f, x in ((attention.q, x_q), (attention.k, x_kv), (attention.v, x_kv)))
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return attention.o(o.transpose(1, 2).flatten(2))

    return forward


def test_weights_are_seen_where_torch_s_own_function_makes_them():
    torch.manual_seed(1)
    model = reference.Transformer(20, 16, 4, 24, 2)
    words = reversal.spell("bighead")
    wanted = reversal.cross_attention(model, words)
    for layer in model.decoder:
        layer.cross_attention.forward = _with_torchs_own(layer.cross_attention)
    torch.testing.assert_close(reversal.cross_attention(model, words), wanted)


def test_a_model_that_cannot_be_watched_is_told():
    with pytest.raises(CourseError, match="No weights of your cross-attention passed by"):
        reversal.cross_attention(Perfect(), reversal.spell("bighead"))


def test_gaps_are_rounded_up_to_what_no_machine_changes():
    far = {torch.float32: (2e-7, 8e-7), torch.float64: (3e-16, 2e-9)}
    assert parity.rounded(far) == [("32 bits", "1e-5", "1e-5"), ("64 bits", "1e-14", "1e-8")]


@pytest.mark.parametrize("fused", [False, True])
def test_weights_are_seen_as_they_pass(fused):
    torch.manual_seed(1)
    model = reference.Transformer(20, 16, 4, 24, 2)
    if fused:  # another way to compute the product
        for layer in model.decoder:
            attention = layer.cross_attention
            attention.forward = _with_einsum(attention)
    maps = reversal.cross_attention(model, reversal.spell("bighead"))
    assert maps.shape == (2, 4, 7, 8)
    torch.testing.assert_close(maps.sum(dim=-1), torch.ones(2, 4, 7))


def _with_einsum(attention):
    def forward(x_q, x_kv, mask=None):
        q, k, v = (attention.split(f(x)) for f, x in ((attention.q, x_q), (attention.k, x_kv), (attention.v, x_kv)))
        weights = (torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5).softmax(-1)
        return attention.o(torch.einsum("bhqk,bhkd->bqhd", weights, v).flatten(2))

    return forward


def test_the_reversal_can_be_read():
    maps = np.eye(7, 8)[::-1][None, :, :].repeat(2, axis=0)
    figure, alt = drawn(figures.draw_reversal, {"maps": maps, "source": [*"bighead", "<eos>"], "asked": [*"daehgib"]})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert alt.endswith("d a e h g i b; d a e h g i b.")


@pytest.mark.slow
def test_the_milestone_is_reached_whatever_the_seed():
    for seed in (11, 12):
        torch.manual_seed(seed)
        model = reference.Transformer(*reversal.SIZES)
        losses = reversal.train(model, 800, seed=seed)
        assert sum(losses[-50:]) / 50 < 0.1
        assert reversal.percent_right(model, reversal.new_words()) > 95
        assert reversal.percent_on_the_anti_diagonal(model, words=30) > 95


def test_an_untrained_model_does_not_look_along_the_anti_diagonal():
    torch.manual_seed(0)
    assert reversal.percent_on_the_anti_diagonal(reference.Transformer(*reversal.SIZES), words=20) < 50


# --- the kept measurement -----------------------------------------------------------------------------------------


def run(model="sound", seed=1, **more):
    return experiments.Run(
        model, seed, **{"steps": 8, "loss": 0.5, "letters": 50.0, "words": 7.0, "seconds": 1.0, **more}
    )


def test_runs_are_kept_read_and_replaced(tmp_path):
    path = tmp_path / "logs" / "broken.jsonl"
    for each in (run("no mask"), run(), run("no mask", 2)):
        experiments.keep(each, path)
    experiments.keep(run("no mask", 2, words=9.0), path)
    kept = experiments.read_runs(path)
    assert [(each.model, each.seed) for each in kept] == [("sound", 1), ("no mask", 1), ("no mask", 2)]
    assert kept[-1].words == 9
    with pytest.raises(CourseError, match=r"run `python -m course.lessons.lesson_08.experiments`"):
        experiments.read_runs(tmp_path / "nothing.jsonl")
    assert experiments.Run(**json.loads(json.dumps(dataclasses.asdict(run())))) == run()


def test_the_command_trains_and_keeps(tmp_path, capsys):
    path = tmp_path / "kept.jsonl"
    experiments.main(["--only", "no mask", "sound", "--seeds", "1", "--steps", "5", "--to", str(path)])
    assert [each.model for each in experiments.read_runs(path)] == ["sound", "no mask"]
    assert "no mask, seed 1: loss" in capsys.readouterr().out
    with pytest.raises(CourseError, match="no model called 'perfect'"):
        experiments.main(["--only", "perfect", "--to", str(path)])


def kept():
    runs = experiments.read_runs()
    return {name: experiments.of_model(runs, name) for name in experiments.names()}


def test_the_kept_runs_are_complete():
    wanted = [(name, seed) for name in experiments.names() for seed in experiments.SEEDS]
    assert [(each.model, each.seed) for each in experiments.read_runs()] == wanted
    assert {each.steps for each in experiments.read_runs()} == {experiments.STEPS}
    assert f"with {experiments.STEPS} updates" in text()


def test_what_the_text_says_of_the_kept_runs():
    runs, said = kept(), text()
    sound = runs["sound"]
    for name in ("no mask", "mask off by one"):
        assert all(mine.loss < right.loss and mine.words == 0 for mine, right in zip(runs[name], sound, strict=True))
    assert "not one word in 500 comes out" in said
    assert {f"{each.loss:.1f}" for each in runs["cross-attention asks the decoder"]} == {"2.2"}
    assert "The loss of 2.2 says so" in said
    letters = " and ".join(f"{each.letters:.0f}" for each in runs["mask in training only"])
    assert f"gets {letters} of 100 letters right in the two trainings" in said
    assert min(each.words for each in runs["mask in training only"]) > 99
    small = [name for name in broken.BROKEN if max(each.loss for each in runs[name]) < 0.02]
    assert len(small) == 11
    assert sum(max(each.words for each in runs[name]) == 0 for name in small) == 4
    as_well = [name for name in small if min(each.words for each in runs[name]) > 99]
    assert len(as_well) == 6
    between = "One, with the mean over the batch, writes 80 and 98 % of them."
    assert [f"{each.words:.0f}" for each in runs["mean over the batch"]] == ["80", "98"]
    assert {f"{each.letters:.0f}" for each in runs["cross-attention asks the decoder"]} == {"20"}
    assert (
        "Eleven of the 16 have a loss as small as the sound one's. Four of these cannot write a single word. "
        f"{between} Six" in said
    )
    others = [each.loss for name in broken.BROKEN if name not in small for each in runs[name]]
    assert min(others) > 10 * max(each.loss for each in sound)


def test_the_tables_of_runs_show_both_seeds():
    runs = [run(), run(seed=2, loss=0.25), run("no mask", words=0.0)]
    assert "sound        0.500, 0.250" in experiments.trained_table(runs, ["sound", "no mask"]).alt
    assert experiments.words_right(runs)["sound"] == "loss 0.500, 0.250; 7, 7 % of words"


# --- the rest -----------------------------------------------------------------------------------------------------


def test_the_summary_can_be_read():
    figure, alt = drawn(figures.draw_summary, {})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "cross-attention whose keys and values come from the memory" in alt


def test_pictures_come_within_a_tenth_of_a_second():
    import time

    figure = new_figure()
    times = []
    for i in range(12):
        begun = time.process_time()
        assert not render(figure, figures.draw_bill, bill(layers=1 + i)).error
        times.append(time.process_time() - begun)
    assert sorted(times)[6] < 0.2  # 0.1 on a quiet core
    begun = time.process_time()
    for i in range(7):
        step(i, 2, 1)
    assert (time.process_time() - begun) / 7 < 0.05


def test_listing_the_exercises_imports_no_torch():
    code = (
        "import sys; from course.lab.exercises import all_exercises; "
        "print([e.id for e in all_exercises() if e.lesson == 8], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("'properties', 'count_parameters'] False")


@pytest.mark.parametrize("id", ["embed", "EncoderLayer", "DecoderLayer", "Transformer", "properties"])
def test_what_stands_in_the_list_is_what_the_exercise_says(id):
    from course.lessons.lesson_08.exercises import EXERCISES

    listed = next(each for each in EXERCISES if each.id == id)
    loaded = get(id)
    for name in ("lesson", "title", "signature", "difficulty", "importance", "minutes"):
        assert getattr(loaded, name) == getattr(listed, name)


def test_an_instance_instead_of_a_class_is_told():
    found = diagnose("Transformer", reference.Transformer(20, 8, 2, 12, 1))
    assert found.status == "failed"
    assert "the class itself" in found.message


def test_there_are_three_questions():
    assert len(QUIZ) == 3
