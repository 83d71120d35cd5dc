"""Lesson 10: what its text says of numbers, its figures, its kept measurements, and the package beside the learner."""

import dataclasses
import itertools
import json
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from course.errors import CourseError  # noqa: E402
from course.lab import explore  # noqa: E402
from course.lab.drawing.picture import new_figure, render  # noqa: E402
from course.lessons.lesson_10 import experiments, exposure, figures, observe, reference, small  # noqa: E402
from course.lessons.lesson_10.quiz import QUIZ  # noqa: E402
from course.lessons.lesson_10.settings import RATES, SETTINGS, STEPS, Setting  # noqa: E402
from course.special import BOS, EOS, PAD  # noqa: E402
from course.training.loss import summed_loss  # noqa: E402
from course.training.muon import orthogonalized  # noqa: E402
from course.training.schedule import warmup_inverse_sqrt  # noqa: E402
from tests.test_lab_figures import collisions, drawn  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "10_training.py"


def text():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


@pytest.fixture(scope="module")
def runs():
    return experiments.read_runs()


@pytest.fixture(scope="module")
def found():
    return experiments.read_exposure()


# --- numbers on paper ---------------------------------------------------------------------------------------------


def test_the_loss_by_hand():
    shares = (5 / 8, 2 / 8)
    assert [f"{-math.log(p):.3f}" for p in shares] == ["0.470", "1.386"]
    assert f"{-sum(map(math.log, shares)) / 2:.3f}" == "0.928"
    assert "their mean is 0.928" in text()
    assert f"{math.log(2):.2f}" == "0.69"
    assert f"{math.log(2000):.2f}" == "7.60"
    assert "For 2,000 words that is 7.60." in text()


def test_after_two_softmaxes_one_nat_is_left():
    z = torch.zeros(1, 1, 2000)
    z[0, 0, 7] = 100.0
    twice = reference.loss(z.softmax(-1), torch.tensor([[7]]), PAD).item()
    assert f"{twice:.2f}" == "6.60"
    assert "7.60 against 6.60" in text()


def test_logarithms_of_shares_are_logits_as_good_as_any():
    z, labels = torch.randn(2, 3, 5), torch.randint(1, 5, (2, 3))
    torch.testing.assert_close(reference.loss(z.log_softmax(-1), labels, PAD), reference.loss(z, labels, PAD))


def floor(V, eps):
    return -(1 - eps) * math.log(1 - eps) - eps * math.log(eps / (V - 2))


def test_the_floors_that_the_text_names():
    assert f"{floor(37000, 0.1):.2f}" == "1.38"
    assert f"{floor(10000, 0.1):.2f}" == "1.25"
    assert "1.38. The lowest loss is the entropy" in text()
    assert "That the floor is 1.25" in text()
    table = reference.smooth_labels(torch.tensor([3]), 10000, PAD, 0.1)[0].numpy()
    assert figures.entropy(table) == pytest.approx(floor(10000, 0.1), abs=1e-4)
    assert any("1.25 nats" in why for question in QUIZ for why in question.why.values())
    assert f"{math.exp(-1.26):.2f}" == "0.28"


def test_the_schedule_by_hand():
    rates = {n: reference.noam(n, 4, 4) for n in (1, 4, 16)}
    assert rates == {1: 0.0625, 4: 0.25, 16: 0.125}
    for rate in rates.values():
        assert f"makes {rate:g}" in text()
    paper = reference.noam(4000, 512, 4000)
    assert f"{paper:.4f}" == "0.0007"
    assert f"{512**-0.5:.4f}" == "0.0442"
    assert round(512**-0.5 / paper) == 63
    assert reference.noam(300, 2048, 4000) == pytest.approx(reference.noam(300, 512, 4000) / 2)


def test_clipping_by_hand():
    whole = np.array([3, 4, 12]) / 13
    assert [f"{x:.2f}" for x in whole] == ["0.23", "0.31", "0.92"]
    assert "$(0.23, 0.31)$ and $(0.92)$" in text()


def test_a_word_of_the_small_batch_counts_four_times_as_much():
    assert (1 / 2 / 6) / (1 / 2 / 26) > 4
    assert "(their end signs count, so 26 and 6 words)" in text()


# --- claims of cells ----------------------------------------------------------------------------------------------


def test_padding_moves_where_tables_are_tied_and_only_there():
    torch.manual_seed(0)
    for tied in (True, False):
        table, output = nn.Embedding(20, 8, padding_idx=PAD), nn.Linear(8, 20, bias=False)
        nn.init.normal_(output.weight)
        weight = table.weight if tied else output.weight
        logits = F.linear(table(torch.tensor([[BOS, 5, 6]])), weight)
        reference.loss(logits, torch.tensor([[5, 6, EOS]]), PAD).backward()
        assert (table.weight.grad[PAD].norm() > 0) == tied


@pytest.mark.parametrize("eps", [0.02, 0.1, 0.4])
def test_the_packages_smoothing_is_the_learners_with_one_word_more(eps):
    torch.manual_seed(0)
    output, states = nn.Linear(8, 12, bias=False), torch.randn(7, 8)
    labels = torch.randint(0, 12, (7,))
    table = reference.smooth_labels(labels, 13, 12, eps * 11 / 12)[:, :12]
    yours = -(table * output(states).log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(yours, summed_loss(output, states, labels, label_smoothing=eps) / 7)


def test_the_packages_schedule_is_noam_with_a_peak_of_one():
    for step in (0, 1, 99, 100, 5000):
        ratio = reference.noam(step + 1, 64, 100) / reference.noam(100, 64, 100)
        assert ratio == pytest.approx(warmup_inverse_sqrt(step, warmup_steps=100))


def test_the_first_step_of_adamw_is_nothing_but_signs():
    weight = nn.Parameter(torch.zeros(3, 4))
    weight.grad = torch.randn(3, 4)
    torch.optim.AdamW([weight], lr=0.1).step()
    torch.testing.assert_close(weight.detach(), -0.1 * weight.grad.sign())


def singular_values_of_updates():
    torch.manual_seed(3)
    U, W = (torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0] for _ in range(2))
    G = U @ torch.diag(torch.tensor([10.0, 1.0, 0.1, 0.01], dtype=torch.float64)) @ W.T
    return {name: torch.linalg.svdvals(M) for name, M in (("sgd", G), ("muon", orthogonalized(G[None])[0]))}


def test_muon_brings_a_thousand_to_one_down():
    values = singular_values_of_updates()
    assert values["sgd"][0] / values["sgd"][-1] == pytest.approx(1000)
    ratio = float(values["muon"].max() / values["muon"].min())
    assert f"down to {ratio:.0f} : 1" in text()


def five_tests():
    """The function of that name in the lesson, taken from its source."""
    source = SOURCE.read_text(encoding="utf-8")
    cell = re.search(r"^def five_tests.*?(?=^# %%)", source, re.MULTILINE | re.DOTALL)[0]
    space = {"sentences": observe.sentences, "watch": observe.watch, "np": np}
    exec(cell, space)
    return space["five_tests"]


def test_the_five_tests_pass_the_repaired_loop_and_each_finds_its_own_mistake():
    from course.lessons.lesson_10.mistakes.loops import TRAIN, planted

    def failing(train):
        return [i for i, (_, wanted, seen) in enumerate(five_tests()(train)) if not experiments.same(wanted, seen)]

    assert failing(reference.train) == []
    for i, name in enumerate(("time", "mode", "clear", "means")):
        assert i in failing(planted(name)), name
        assert failing(planted(name))[0] == i
    assert failing(reference.colleagues_train)[0] == 0
    for mistake in TRAIN:
        if mistake.id in ("summed", "clips_the_sum", "H11", "clips_each", "cleared_at_each_batch", "cleared_too_late"):
            assert all(map(failing, mistake.versions)), mistake.id
        if mistake.id == "clips_each_batch":
            assert failing(mistake.versions[0])


def test_tests_are_given_one_at_a_time():
    def stub(model, batches, lr, clip, accum):
        raise NotImplementedError("your code here")

    def raises(model, batches, lr, clip, accum):
        raise ValueError("planted")

    told = {
        train: experiments.one_at_a_time(five_tests(), train, handed_out=reference.colleagues_train).alt
        for train in (stub, raises, reference.train)
    }
    assert "since yours is still empty" in told[stub]
    assert told[stub].count("✗") == 1
    assert "✓" not in told[stub]
    assert "ValueError: planted" in told[raises]
    assert told[reference.train].count("✓") == 5


def test_watching_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    observe.watch(reference.train, [observe.sentences((3, 2))], dropout=0.5)
    assert torch.equal(torch.rand(1), before)


# --- figures -------------------------------------------------------------------------------------------------------

SMOOTH, NOAM = {"smooth_labels": reference.smooth_labels}, {"noam": reference.noam}


def test_every_stop_of_the_targets_draws():
    figure, seen = new_figure(), set()
    for epsilon in figures.EPSILONS.stops:
        for words in figures.VOCABULARIES.stops:
            made = render(figure, figures.draw_targets, {**SMOOTH, "epsilon": epsilon, "words": words})
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == len(figures.EPSILONS.stops) * len(figures.VOCABULARIES.stops)


@pytest.mark.parametrize("values", [(0.1, 8), (0.0, 5), (0.5, 37000), (0.7, 5), (0.02, 12)])
def test_the_targets_can_be_read_and_name_the_floor(values):
    epsilon, words = values
    figure, alt = drawn(figures.draw_targets, {**SMOOTH, "epsilon": epsilon, "words": words})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    wanted = floor(words, epsilon) if epsilon else 0.0
    assert f"lowest, {wanted:.2f} nats" in alt


def test_the_lowest_loss_is_where_the_picture_says():
    shares = reference.smooth_labels(torch.tensor([figures.RIGHT]), 8, PAD, 0.2)[0].numpy()
    p = np.linspace(0.01, 0.99, 99)
    losses = figures.smoothed_loss(shares, figures.RIGHT, p)
    assert p[losses.argmin()] == pytest.approx(0.8)
    assert losses.min() == pytest.approx(figures.entropy(shares), abs=1e-6)


def test_the_targets_are_those_of_the_function_under_study():
    panel = explore(
        figures.draw_targets,
        smooth_labels=lambda target, V, pad, eps: torch.full((1, V), 1 / V),
        epsilon=figures.EPSILONS,
        words=figures.VOCABULARIES,
    )
    assert not panel.error
    assert panel.runs_on == "your smooth_labels"
    assert "the right word 0.125" in panel.alt


def test_every_stop_of_the_schedule_draws():
    figure, seen, steps = new_figure(), set(), itertools.cycle(figures.UPDATES.stops)
    for width in figures.WIDTHS.stops:
        for warmup in figures.WARMUPS.stops:
            values = {"width": width, "warmup": warmup, "step": next(steps)}
            made = render(figure, figures.draw_schedule, {**NOAM, **values})
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == len(figures.WIDTHS.stops) * len(figures.WARMUPS.stops)


@pytest.mark.parametrize("values", [(512, 4000, 1000), (64, 1, 1), (2048, 16000, 40000), (128, 100, 100)])
def test_the_schedule_can_be_read(values):
    width, warmup, step = values
    figure, alt = drawn(figures.draw_schedule, {**NOAM, "width": width, "warmup": warmup, "step": step})
    assert collisions(figure) == []
    assert f"is {reference.noam(step, width, warmup):.2e}" in alt
    low, high = figure.axes[1].get_ylim()
    assert low < np.log10(reference.noam(1, width, warmup)) < high


def test_behind_the_peak_the_warm_up_changes_nothing():
    late = {reference.noam(20000, 512, warmup) for warmup in figures.WARMUPS.stops}
    assert max(late) == pytest.approx(min(late))


@pytest.mark.parametrize("draw", [figures.draw_race, figures.draw_warmups, figures.draw_reliability])
def test_pictures_of_runs_can_be_read(draw, runs):
    figure, alt = drawn(draw, {"runs": runs})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert len(alt) > 60


def test_the_other_pictures_can_be_read(found):
    for draw, values in ((figures.draw_exposure, {"found": found}), (figures.draw_summary, {})):
        figure, alt = drawn(draw, values)
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12
        assert len(alt) > 60


def test_pictures_come_within_a_tenth_of_a_second():
    figure = new_figure()
    for draw, values, name, stops in (
        (figures.draw_targets, {**SMOOTH, "words": 8}, "epsilon", figures.EPSILONS.stops),
        (figures.draw_schedule, {**NOAM, "width": 512, "step": 1000}, "warmup", figures.WARMUPS.stops),
    ):
        times = []
        for stop in (*stops, *stops):
            begun = time.process_time()
            render(figure, draw, {**values, name: stop})
            times.append(time.process_time() - begun)
        assert np.median(times) < 0.15, draw.__name__


# --- what was kept -------------------------------------------------------------------------------------------------


def test_every_setting_was_run_once(runs):
    assert list(runs) == list(SETTINGS)
    for name, run in runs.items():
        assert run.steps == STEPS
        assert run.setting == dataclasses.asdict(SETTINGS[name])
        assert run.curve[-1][0] == STEPS


def test_calibration_error_by_hand():
    sure, right = np.array([0.95, 0.95, 0.65, 0.62]), np.array([True, False, True, True])
    bins = experiments.binned(sure, right)
    assert bins[9] == [2, 0.95, 0.5]
    assert bins[6] == [2, 0.635, 1.0]
    run = experiments.Run("x", {}, 1, [[1, 1.0]], 1.0, 1.0, 75.0, bins)
    assert run.calibration_error == pytest.approx(100 * (2 * 0.45 + 2 * 0.365) / 4)
    assert run.overconfidence == pytest.approx(100 * (2 * 0.45 - 2 * 0.365) / 4)


def test_a_missing_log_is_said_with_its_command(tmp_path):
    for read in (experiments.read_runs, experiments.read_exposure):
        with pytest.raises(CourseError, match="lesson_10.experiments"):
            read(tmp_path / "none")


def test_runs_are_kept_in_order_and_replaced(tmp_path, runs):
    path = tmp_path / "runs.jsonl"
    for name in reversed(list(runs)[:3]):
        experiments.keep(runs[name], path)
    experiments.keep(dataclasses.replace(runs["sgd-1"], accuracy=1.0), path)
    kept = experiments.read_runs(path)
    assert list(kept) == list(runs)[:3]
    assert kept["sgd-1"].accuracy == 1.0


def test_the_first_mistake_stands_at_the_same_place_led_or_not(found):
    for who in found.values():
        assert who["exactly right when led"] == who["exactly right alone"]


def test_what_becomes_of_words_behind_a_mistake_by_hand():
    one = exposure.Answers(labels=(5, 6, 7, 8, EOS), led=(5, 9, 7, 8, EOS), own=(5, 9, 6, 7, 8, EOS))
    assert one.first_error == 1
    told = exposure.after_an_error([one])
    assert told["words"] == 3
    assert told["led"][0] == 100.0
    assert told["own"][0] == 0.0
    assert told["own, in order"][0] == 100.0
    assert exposure.by_position([one], 2) == [(1, 1, 1), (1, 0, 0)]
    assert exposure.in_order((1, 2, 3), (3, 2, 1)) == 1


# --- the small translator ------------------------------------------------------------------------------------------


def tiny():
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(4, 40, n).tolist(), rng.integers(4, 40, n + 1).tolist()) for n in (3, 5, 2, 7) * 40]

    class Words:
        vocab_size = 40

    return small.Corpus(Words(), pairs, pairs[:20], pairs[:20])


@pytest.mark.parametrize("name", ["sgd-1", "adamw-0.004", "muon-0.012", "padding-counted"])
def test_the_small_translator_learns_in_every_way(name, monkeypatch):
    monkeypatch.setattr(small, "EVERY", 10)
    corpus = tiny()
    trained = small.train_small(SETTINGS[name], corpus, steps=20)
    assert [step for step, _ in trained.validations] == [10, 20]
    assert trained.validations[-1][1] < math.log(40) + 0.5
    run = experiments.run_of(SETTINGS[name], trained, corpus)
    assert sum(n for n, *_ in run.bins) == sum(len(target) + 1 for _, target in corpus.test)
    json.dumps(dataclasses.asdict(run))


def test_two_trainings_from_one_seed_are_one():
    corpus = tiny()
    first, second = (small.train_small(Setting("x"), corpus, steps=3).reported for _ in range(2))
    assert first == pytest.approx(second, rel=1e-4)


def test_rates_and_settings_agree():
    assert {f"{optimizer}-{rate:g}" for optimizer, rates in RATES.items() for rate in rates} <= set(SETTINGS)
    assert set(experiments.CALIBRATED.values()) <= set(SETTINGS)


# --- what the text says of what was kept ----------------------------------------------------------------------------


def says(*parts):
    said = text()
    for part in parts:
        assert part in said, part


def test_the_text_says_what_padding_did(runs):
    counted, left_out = runs["padding-counted"], runs["padding-left-out"]
    says(f"{left_out.reported:.2f} in training, with dropout, against {counted.reported:.2f}", "41 % of their label")
    assert f"{counted.accuracy:.0f} {left_out.accuracy:.0f}" == "86 86"
    says(f"Of new words they are {left_out.test_loss:.2f} and {counted.test_loss:.2f}")


@pytest.mark.slow
def test_how_much_padding_there_was_and_how_often_a_sentence_was_seen():
    corpus = small.read_corpus()
    assert len(corpus.train) == 24000
    assert f"{100 * small.padding_share(corpus.train):.0f}" == "41"
    for n, times in ((None, 2.3), (1500, 35.3)):
        batches = small.length_bucketed_batches(corpus.train[:n], max_tokens=small.BATCH_TOKENS, seed=1, epoch=0)
        assert STEPS / len(batches) == pytest.approx(times, abs=0.05)


def test_the_text_says_what_smoothing_did(runs):
    many, many_smoothed, few, few_smoothed = (runs[name] for name in experiments.CALIBRATED.values())
    says(
        f"guesses for *new* sentences are {few.overconfidence:.1f} points surer than they are right",
        f"With smoothing they are {-few_smoothed.overconfidence:.1f} points not sure enough",
        f"falls from {few.calibration_error:.1f} to {few_smoothed.calibration_error:.1f}",
        f"by {-many.overconfidence:.1f} points, and smoothing makes {-many_smoothed.overconfidence:.1f} of it",
        f"{many.accuracy:.1f} and {many_smoothed.accuracy:.1f} % on many sentences, {few.accuracy:.1f} and "
        f"{few_smoothed.accuracy:.1f} % on few",
    )


def test_the_text_says_how_the_race_ended(runs):
    muon, adamw, sgd = (experiments.best_of(runs, name) for name in ("muon", "adamw", "sgd"))
    ends = [run.curve[-1][1] for run in (muon, adamw, sgd)]
    says(
        "Muon ends at {:.2f}, AdamW at {:.2f} and SGD at {:.2f}".format(*ends),
        f"with {muon.accuracy:.0f}, {adamw.accuracy:.0f} and {sgd.accuracy:.0f} % of new words right",
        f"Its best rate is {sgd.setting['lr']:g}",
    )
    assert muon.loss_after(350) < ends[1] < muon.loss_after(300)
    assert 150 < sgd.setting["lr"] / adamw.setting["lr"] < 250
    assert runs["adamw-0.064"].accuracy < 40
    says(f"ends at {runs['adamw-0.064'].curve[-1][1]:.2f}, no better than SGD with a bad rate")
    assert runs["adamw-0.064"].curve[-1][1] > runs["sgd-1"].curve[-1][1]
    for best in (muon, adamw, sgd):  # no best rate stands at an end of its range
        assert best.setting["lr"] not in (RATES[best.setting["optimizer"]][0], RATES[best.setting["optimizer"]][-1])


def test_the_text_says_what_a_warm_up_did(runs):
    warm, cold, fast, fast_cold = (runs[n] for n in ("adamw-0.004", "cold-0.004", "adamw-0.016", "cold-0.016"))
    ends = {name: f"{run.curve[-1][1]:.2f}" for name, run in zip("abcd", (warm, cold, fast, fast_cold), strict=True)}
    says(
        f"{ends['a']} with it, {ends['b']} without",
        f"the difference between {ends['c']} and {ends['d']}, or between {fast.accuracy:.1f} % and "
        f"{fast_cold.accuracy:.1f} % of new words right",
    )


def test_the_text_says_what_hearing_its_own_words_did(found):
    little, ships = (found[who]["after an error"] for who in ("small", "shipped"))
    led, own, ordered = (little[name] for name in ("led", "own", "own, in order"))
    says(
        f"says {led[0]:.1f} % of the words behind its first mistake rightly",
        f"(95 % interval {led[1]:.1f} to {led[2]:.1f})",
        f"{own[0]:.1f} % of them right ({own[1]:.1f} to {own[2]:.1f})",
        f"{ships['led'][0]:.1f} % against {ships['own'][0]:.1f} %",
        f"{ordered[0]:.1f} % ({ordered[1]:.1f} to {ordered[2]:.1f})",
        "{:.1f} % ({:.1f} to {:.1f})".format(*ships["own, in order"]),
        f"{led[0] - ordered[0]:.0f} points in one case and {ships['led'][0] - ships['own, in order'][0]:.0f}",
    )
    from course.pretrained import run_folder

    scores = (run_folder("en-de") / "scores.txt").read_text(encoding="utf-8")
    assert re.search(r"test_iid +1,000 +98\.6%", scores)
    says("makes none in 98.6 of 100")


def test_adamw_hardly_sees_a_constant_factor_and_clipping_does():
    gradient, ends = torch.randn(5), []
    for factor in (1.0, 7.0):
        weight = nn.Parameter(torch.zeros(5))
        optimizer = torch.optim.AdamW([weight], lr=0.1)
        for _ in range(4):
            weight.grad = factor * gradient
            optimizer.step()
        ends.append(weight.detach())
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-6)
