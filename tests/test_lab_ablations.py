"""The ablations of lesson 12: each changes one thing, a tiny one runs, its log and scores are kept and read."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course.errors import CourseError
from course.lessons.lesson_05.reference import causal_mask
from course.lessons.lesson_12 import ablations
from course.lessons.lesson_12.ablations import ABLATIONS, judged, loss_at, peek, read_records, read_scores, settings
from course.model import Transformer, TransformerConfig
from course.training import PRESETS, Preset
from tests.training_toys import SMALL, backward_corpus, short_training

KNOWN = {"minutes", "max_steps", "log_every"}  # how long a run takes and how often it speaks


def changed(one, other):
    """The settings in which two runs differ, of model and training together."""
    sides = [
        {**asdict(training), **{f"model.{k}": v for k, v in preset.model.items()}} for preset, training in (one, other)
    ]
    return {key for key in sides[0].keys() | sides[1].keys() if sides[0].get(key) != sides[1].get(key)}


@pytest.mark.parametrize(
    "name", [name for name in ablations.names() if name not in ("baseline", "deep_pre", "colleague")]
)
def test_one_thing_at_a_time(name):
    assert len(changed(settings(name), settings(ABLATIONS[name].against))) == 1


def test_depth_changes_only_what_depth_needs():
    expected = {"model.n_encoder_layers", "model.n_decoder_layers", *ablations.DEEP_TRAINING, "log_every"}
    assert changed(settings("deep_pre"), settings("baseline")) <= expected


def test_the_baseline_is_the_preset_of_the_lesson():
    preset, training = settings("baseline")
    assert preset == PRESETS["3min"]
    assert changed((preset, training), (preset, PRESETS["3min"].training)) <= KNOWN
    assert training.minutes is None


def test_the_lesson_trains_as_long_as_the_kept_runs():
    lesson = Path(__file__).parents[1] / "solutions" / "12_the_translator.py"
    steps = re.search(r"^STEPS = (\d+)", lesson.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert int(steps.group(1)) == ablations.STEPS


def test_the_kind_of_positions_that_the_preset_has_is_left_out(monkeypatch):
    for kind in ("sinusoidal", "rotary"):
        monkeypatch.setitem(PRESETS, "3min", Preset("", short_training(), SMALL | {"positions": kind}))
        assert set(ABLATIONS) - set(ablations.names()) == {kind}


def test_labels_are_all_different_and_comparisons_exist():
    assert len({a.label for a in ABLATIONS.values()}) == len(ABLATIONS)
    assert {a.against for a in ABLATIONS.values()} <= ABLATIONS.keys()


@pytest.fixture
def toy(monkeypatch):
    """The same ablations of a model and a corpus that are learned in seconds."""
    preset = Preset("toy", short_training(max_steps=None, minutes=1), SMALL, vocab_size=280)
    monkeypatch.setitem(PRESETS, "3min", preset)
    return backward_corpus()


def quiet():
    return SimpleNamespace(said=lambda line: None, recorded=lambda record: None, updated=lambda **values: None)


def test_the_first_updates_are_those_of_the_whole_run(toy, tmp_path):
    """Same batches and same learning rates: update for update the same losses."""
    part = ablations.first_updates("baseline", tmp_path / "a", *toy, updates=30, max_steps=60)
    ablations.train_ablation("baseline", tmp_path / "b", *toy, max_steps=60, log_every=10, watcher=quiet())
    from course.training.log import read_log

    whole = {r["step"]: r for r in read_log(tmp_path / "b") if "loss" in r}
    losses = [r for r in part if "loss" in r]
    assert [r["step"] for r in losses] == [10, 20, 30]
    for record in losses:
        assert record["loss"] == pytest.approx(whole[record["step"]]["loss"], rel=1e-4)
        assert record["lr"] == whole[record["step"]]["lr"]


def test_a_decoder_that_peeks_has_a_low_loss_and_no_translation(toy, tmp_path):
    """A superb validation loss; by itself it does no better than one that never learned anything."""
    from course.translator import Translator

    honest = ablations.train_ablation("baseline", tmp_path / "honest", *toy, max_steps=150, watcher=quiet())
    leak = ablations.train_ablation("colleague", tmp_path / "colleague", *toy, max_steps=150, watcher=quiet())
    assert leak.loss < 0.6 * honest.loss
    right = []
    for run in ("honest", "colleague"):
        said = Translator.load(tmp_path / run).translate(list(toy[0].source[:40]), beam=1)
        right.append(sum(t.text == target for t, target in zip(said, toy[0].target[:40], strict=True)))
    assert right[1] < 0.5 * right[0]


def test_peeking_lets_exactly_the_next_word_through():
    torch.manual_seed(1)
    model = Transformer(TransformerConfig(20, 20, **SMALL)).eval()
    src, tgt = torch.arange(4, 9)[None], torch.arange(4, 14)[None]
    for mask, seen in ((ablations.peeking_mask, 1), (causal_mask, 0)):
        peek(model, mask)
        with torch.inference_mode():
            before = model(src, tgt)[0, 3]
            for ahead in (1, 2):
                other = tgt.clone()
                other[:, 3 + ahead] = 19
                moved = float((model(src, other)[0, 3] - before).abs().max())
                assert (moved > 1e-3) == (ahead <= seen)


# What is kept


def score(percent, **more):
    splits = {
        split: {
            "exact_match": percent,
            "interval_95": [percent - 3, percent + 3],
            "alignment_error_by_layer": [0.3, 0.1],
        }
        for split in ablations.SPLITS
    }
    return {"splits": splits, **more}


def test_scores_and_logs_are_kept_and_read(tmp_path):
    records = [
        {"step": 5, "loss": 1.23456, "lr": 0.1, "seconds": 3.21, "tokens_per_second": 99},
        {"step": 6, "val_loss": 0.98765, "bleu": 12.3456, "samples": [["a", "b", "c"]]},
        {"step": 6, "finished": True, "seconds": 4.0},
    ]
    ablations.keep("one_head", score(50.0, name="one_head"), records, folder=tmp_path)
    ablations.keep("baseline", score(90.0, name="baseline"), records, folder=tmp_path)
    assert list(read_scores(tmp_path)) == ["baseline", "one_head"]  # in the order of ABLATIONS
    ablations.keep("one_head", score(60.0, name="one_head"), records, folder=tmp_path)
    assert ablations.exact(read_scores(tmp_path)["one_head"], "combo") == 60.0
    assert read_records("one_head", tmp_path) == [
        {"step": 5, "loss": 1.235, "lr": 0.1},
        {"step": 6, "val_loss": 0.9877, "bleu": 12.35},
        {"step": 6, "finished": True},
    ]


def test_what_is_not_there_gets_a_sentence(tmp_path):
    for ask in (
        lambda: read_scores(tmp_path),
        lambda: read_records("colleague", tmp_path),
        lambda: read_records("lesk", tmp_path),
        lambda: settings("nothing"),
        lambda: loss_at([{"step": 10, "loss": 1.0}], 100),
    ):
        with pytest.raises(CourseError):
            ask()


def test_the_loss_at_an_update_is_the_mean_of_those_before_it():
    records = [{"step": s, "loss": float(s)} for s in range(10, 110, 10)] + [{"step": 60, "val_loss": 5.0}]
    assert loss_at(records, 60, around=30) == np.mean([40, 50, 60])


def test_predictions_are_judged_and_results_stay_hidden_without_one():
    scores = {"no_positions": score(37.0), "one_head": score(96.0), "no_smoothing": score(95.0), "rotary": score(97.0)}
    said = judged({"no_positions": 80, "one_head": None, "no_smoothing": 93.5, "rotary": 90}, scores).splitlines()
    assert "43 points lower than you thought" in said[1]
    assert "96" not in said[2]
    assert said[2].endswith("predict it first")
    assert said[3].endswith("you saw it coming")
    assert said[4].endswith("close")


@pytest.mark.parametrize("nonsense", [101, -1, "high", True, False, np.nan, np.array([90]), 90j])
def test_a_prediction_that_is_no_percentage_is_refused(nonsense):
    with pytest.raises(CourseError, match="a number from 0 to 100"):
        judged({"rotary": nonsense}, {"rotary": score(97.0)})


@pytest.mark.parametrize("number", [95, 95.0, np.int64(95), np.float32(95), np.float64(95)])
def test_any_kind_of_number_is_a_prediction(number):
    assert judged({"rotary": number}, {"rotary": score(97.0)}).endswith("you saw it coming")


def test_predictions_without_names_are_refused():
    with pytest.raises(CourseError, match="are a list; a dictionary is wanted"):
        ablations.judged([80, 90], {})


@pytest.mark.parametrize("written", ["60%", "60 %", " 60 percent", "60", "60.0 %", "60,0%"])
def test_a_percentage_in_words_is_understood(written):
    assert judged({"rotary": written}, {"rotary": score(97.0)}) == judged({"rotary": 60}, {"rotary": score(97.0)})


@pytest.mark.parametrize("written", ["most", "%", "60 of 100", "-5%", "101%", ""])
def test_words_that_are_no_percentage_are_refused(written):
    with pytest.raises(CourseError, match="a number from 0 to 100"):
        judged({"rotary": written}, {"rotary": score(97.0)})


def test_a_share_is_asked_whether_it_is_in_percent():
    with pytest.raises(CourseError, match=r"is 0\.95\. Is that in percent\? As a share it would be 95"):
        judged({"rotary": 0.95}, {"rotary": score(97.0)})
    for number in (0, 1, 1.0):
        assert "higher than you thought" in judged({"rotary": number}, {"rotary": score(97.0)})


def test_a_prediction_for_an_ablation_without_scores_gets_a_sentence():
    for predicted in (90, None):
        with pytest.raises(CourseError, match="no scores of rotary .* there are those of one_head"):
            judged({"rotary": predicted}, {"one_head": score(96.0)})


def test_the_command_keeps_what_it_trains(toy, tmp_path, monkeypatch, capsys):
    texts = dict(zip(("train", "dev"), toy, strict=True))
    monkeypatch.setattr("course.data.load_corpus", lambda name, split: texts[split])
    monkeypatch.setattr(ablations, "score_run", lambda name, run, limit: score(12.0, name=name, parameters=1))
    ablations.main(["--only", "rotary", "colleague", "--steps", "10", "--to", str(tmp_path)])
    kept = read_scores(tmp_path)
    assert list(kept) == ["rotary", "colleague"]
    assert kept["rotary"]["steps"] == 10
    assert kept["rotary"]["val_loss"] > 0
    assert any("loss" in record for record in read_records("colleague", tmp_path))
    assert "rotary positions" in capsys.readouterr().out


def test_the_kept_runs_are_complete_and_say_what_the_lesson_says():
    """The logs in the package: one for each ablation, and the findings that the lesson's text relies on."""
    scores = read_scores()
    assert tuple(scores) == ablations.names()
    for name in scores:
        assert sum("loss" in record for record in read_records(name)) >= 20
        assert json.dumps(scores[name])
    right = {name: ablations.exact(found, "test_iid") for name, found in scores.items()}
    assert right["baseline"] >= 90
    assert right["no_positions"] < right["baseline"] - 10
    assert abs(right["one_head"] - right["baseline"]) < 5
    longer = {name: ablations.exact(found, "longer") for name, found in scores.items()}
    assert longer["no_positions"] < 15 < longer["sinusoidal"] < longer["baseline"] - 10
    deeper = {name: ablations.exact(found, "deeper") for name, found in scores.items()}
    assert deeper["baseline"] + 3 < min(deeper["sinusoidal"], deeper["deep_pre"], deeper["deep_pre_cold"])
    assert max(deeper.values()) < 50
    assert right["deep_pre"] < right["baseline"] + 2
    assert right["deep_post_cold"] < 10 < 80 < min(right["deep_post"], right["deep_post_cold_muon"])
    assert right["deep_pre_cold"] > 60
    # What the race's questions ask about: a fifth and a tenth of each run.
    race = {name: [(r["step"], r["loss"]) for r in read_records(name) if "loss" in r] for name in scores}
    part = {name: [(step / row[-1][0], loss) for step, loss in row] for name, row in race.items()}
    at = {name: [loss for done, loss in row if 0.16 <= done <= 0.2] for name, row in part.items()}
    assert min(at["deep_post_cold"]) > 4 > max(max(row) for name, row in at.items() if name != "deep_post_cold")
    assert max(at["colleague"]) < 0.01 < min(min(row) for name, row in at.items() if name != "colleague")
    at = {name: [loss for done, loss in row if 0.09 <= done <= 0.11] for name, row in part.items()}
    assert max(at["deep_pre_cold"]) < 3 < 5 < min(at["deep_post_cold"])
    rates = {name: max(r["lr"] for r in read_records(name) if "lr" in r) for name in scores}
    assert [float(f"{rates[name]:.2g}") for name in ("baseline", "deep_pre", "deep_post")] == [0.011, 0.0016, 0.0016]
    assert right["colleague"] < 2
    assert scores["colleague"]["val_loss"] < 0.5 * min(
        found["val_loss"] for name, found in scores.items() if name != "colleague"
    )
