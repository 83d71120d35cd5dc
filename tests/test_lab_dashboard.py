"""The dashboard of a logged run: what it reads from the records, draws, says and stores."""

import html
import io
import json

import numpy as np
import pytest
from PIL import Image

from course.errors import CourseError
from course.lab.drawing.picture import as_png, new_figure
from course.lab.widgets.dashboard import (
    Dashboard,
    as_it_went,
    changed_words,
    clock,
    dashboard,
    draw_training,
    resumed_at,
    sentences,
    series,
    smoothed,
    where_it_stands,
)
from course.lab.widgets.still import WIDGET_VIEW


def update(step, loss, *, progress=0.5, lr=1e-3):
    return {"step": step, "loss": loss, "lr": lr, "progress": progress, "seconds": step / 2, "tokens_per_second": 900.5}


def validation(step, loss, *said):
    samples = [[f"source {i}", f"reference {i}", text] for i, text in enumerate(said)]
    return {"step": step, "val_loss": loss, "bleu": 10.0 + step, "chrf": 5.0, "samples": samples}


def whole_run(n=400):
    """A log as a run writes it: hundreds of updates, eight validations, an end."""
    rows = []
    for step in range(1, n + 1):
        rows.append(update(step, 1 + 6 * 0.99**step, progress=step / n))
        if step % (n // 8) == 0:
            rows.append(validation(step, 0.8 + 5 * 0.99**step, f"reference 0 at {step}", "reference 1"))
    return [*rows, {"step": n, "finished": True, "seconds": 185.2, "tokens_per_second": 901.0}]


LOGS = {
    "empty": [],
    "one update": [update(5, 6.9)],
    "one validation": [validation(5, 6.9, "a", "b")],
    "short": [update(step, 7 - step / 10) for step in range(1, 9)],
    "hundreds": whole_run(),
    "stopped": [*whole_run()[:100], {"step": 98, "stopped": True, "seconds": 4.0}],
    "resumed": [*whole_run()[:100], {"step": 98, "stopped": True, "seconds": 4.0}, *whole_run()[100:]],
    "went on after its end": [*whole_run(40), *(update(step, 1.0) for step in range(41, 60))],
    "exploding": [update(step, 7 * 1.5**step) for step in range(1, 30)],
    "not a number": [*(update(step, 7.0) for step in range(1, 5)), update(5, float("nan")), update(6, float("inf"))],
    "negative and zero": [update(1, 0.0, lr=0.0), update(2, -1.0, lr=0.0)],
    "only the end": [{"step": 0, "finished": True, "seconds": 0.0}],
    "of another kind": [{"note": "hello"}, 12, None, {"step": "three", "loss": 2}, {"step": 4, "loss": "high"}],
    "dollars": [validation(3, 1.0, "it costs $5 and $x_1^{", "100 % \\frac")],
    "very long": [validation(3, 1.0, "word " * 200, "")],
}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)


@pytest.mark.parametrize("name", LOGS)
def test_every_kind_of_log_is_drawn_and_told(name):
    figure = new_figure()
    for samples in (False, True):
        figure.clear()
        alt = draw_training(figure, records=LOGS[name], title=f"{name}. " * 12, samples=samples)
        assert alt.startswith("Training curves: ")
        assert pixels(as_png(figure)).std() > 1
    widget = Dashboard(name, LOGS[name])
    assert widget.error == ""
    assert widget.frame
    assert 0 <= widget.progress <= 1
    json.dumps(widget.samples)


def texts_on(figure):
    """Every text that is drawn, with its box in pixels."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            lo, hi = sorted(limits)
            found += [tick.label1 for tick in axis.get_major_ticks() if lo <= tick.get_loc() <= hi]
    drawn = [text for text in found if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(figure.canvas.get_renderer())) for text in drawn]


@pytest.mark.parametrize("name", LOGS)
def test_no_text_leaves_the_picture_or_lies_on_other_text(name):
    figure = new_figure()
    draw_training(figure, records=LOGS[name], title=f"{name}. " * 12, samples=True)
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    texts = texts_on(figure)
    for i, (words, box) in enumerate(texts):
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, words
        for other, other_box in texts[i + 1 :]:
            assert not box.padded(-1).overlaps(other_box.padded(-1)), (words, other)


def test_the_text_names_starts_ends_and_the_step_at_which_the_loss_broke():
    alt = draw_training(new_figure(), records=LOGS["not a number"])
    assert "loss of updates 7.000 at step 1" in alt
    assert "not finite from step 5" in alt
    told = draw_training(new_figure(), records=LOGS["resumed"])
    assert "resumed at step 98" in told
    assert "validation loss" in told
    assert "nothing has been logged yet" in draw_training(new_figure(), records=[])


def test_curves_hold_what_was_logged():
    figure = new_figure()
    draw_training(figure, records=whole_run())
    losses, rates = figure.axes
    raw, smooth, checks = (line.get_xydata() for line in losses.lines[:3])
    np.testing.assert_allclose(raw[:, 0], np.arange(1, 401))
    np.testing.assert_allclose(raw[10], [11, 1 + 6 * 0.99**11])
    np.testing.assert_allclose(checks[-1], [400, 0.8 + 5 * 0.99**400])
    assert abs(smooth[200, 1] - raw[200, 1]) < 0.05
    np.testing.assert_allclose(rates.lines[0].get_ydata(), 1e-3)


def test_an_exploding_loss_is_drawn_on_a_scale_that_shows_its_start():
    figure = new_figure()
    draw_training(figure, records=LOGS["exploding"])
    assert figure.axes[0].get_yscale() == "log"
    figure.clear()
    draw_training(figure, records=whole_run())
    assert figure.axes[0].get_yscale() == "linear"


def test_smoothing_keeps_lines_and_lengths_and_calms_noise():
    line = np.linspace(3, 1, 200)
    np.testing.assert_allclose(smoothed(line), line)  # no lag
    noise = np.random.default_rng(0).normal(size=300)
    assert smoothed(noise).shape == (300,)
    assert smoothed(noise)[50:-50].std() < 0.4 * noise.std()
    for n in range(4):
        np.testing.assert_allclose(smoothed(np.arange(n, dtype=float)), np.arange(n))


def test_steps_that_a_resumed_run_did_again_count_once():
    rows = [update(step, 5.0) for step in range(1, 8)] + [update(step, 4.0) for step in range(5, 10)]
    curve = series(rows, "loss")
    np.testing.assert_array_equal(curve.steps, [1, 2, 3, 4, 5, 5, 6, 7, 8, 9])
    np.testing.assert_array_equal(curve.values[-4:], 4.0)
    assert [row["step"] for row in as_it_went(LOGS["of another kind"])] == [4]


def test_where_a_run_was_resumed():
    assert resumed_at(LOGS["resumed"]) == [98]
    assert resumed_at(LOGS["went on after its end"]) == [40]
    assert resumed_at(LOGS["stopped"]) == []
    assert resumed_at(whole_run()) == []


def test_sentences_show_the_last_validations_and_what_changed():
    rows = [
        validation(step, 1.0, text, "same") for step, text in ((1, "ein Hund"), (2, "der Hund"), (3, "reference 0"))
    ]
    first, second = sentences(rows, last=2)
    assert first["source"] == "source 0"
    assert [line["step"] for line in first["said"]] == [2, 3]
    assert first["said"][0]["words"] == [("der", True), ("Hund", False)]
    assert [line["right"] for line in first["said"]] == [False, True]
    assert second["said"][-1]["words"] == [("same", False)]
    assert sentences([]) == []


def test_pieces_of_a_translation_make_up_the_whole():
    for old, new in ((None, "a b"), ("a b c", "a c"), ("", "x y"), ("x y", ""), ("a a a", "a b a")):
        assert " ".join(text for text, _ in changed_words(old, new)) == new
    assert changed_words("a b c", "a x c") == [("a", False), ("x", True), ("c", False)]


def test_states():
    assert where_it_stands([])[0] == "open"
    state, done, told = where_it_stands(whole_run())
    assert (state, done) == ("finished", 1.0)
    assert told.startswith("Finished: 400 steps in 3:05 min, 901 target tokens/s. Best validation loss")
    assert told.endswith("(step 400).")
    state, done, told = where_it_stands(LOGS["stopped"])
    assert state == "stopped"
    assert 0.2 < done < 0.3
    assert "step 98" in told
    assert where_it_stands(LOGS["went on after its end"])[0] == "open"


def test_times_as_people_say_them():
    assert [clock(seconds) for seconds in (0.2, 42, 59.6, 60, 185)] == [
        "0 s",
        "42 s",
        "1:00 min",
        "1:00 min",
        "3:05 min",
    ]


def write_log(path, rows, ending=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + ending, encoding="utf-8")
    return path


def test_a_finished_run_is_read_from_its_folder_or_its_file(tmp_path):
    log = write_log(tmp_path / "my-run" / "log.jsonl", whole_run())
    by_folder, by_file = dashboard(log.parent), dashboard(str(log))
    assert by_folder.title == by_file.title == "my-run"
    assert by_folder.state == "finished"
    assert by_folder.frame == by_file.frame
    assert not by_folder.live
    copy = write_log(tmp_path / "no_positions.jsonl", whole_run())
    assert dashboard(copy).title == "no_positions"


def test_a_log_that_was_cut_off_in_the_middle_of_a_line(tmp_path):
    log = write_log(tmp_path / "cut" / "log.jsonl", whole_run()[:60], ending='{"step": 60, "lo')
    shown = dashboard(log)
    assert shown.state == "open"
    assert "the log holds no end" in shown.told
    assert shown.records == whole_run()[:60]


def test_a_log_that_is_not_there_or_empty_gets_a_sentence(tmp_path):
    with pytest.raises(CourseError, match="no training log"):
        dashboard(tmp_path)
    write_log(tmp_path / "log.jsonl", [])
    with pytest.raises(CourseError, match="holds no record"):
        dashboard(tmp_path)


def test_the_still_shows_curves_and_sentences_and_is_the_same_each_time():
    widget, twin = Dashboard("a", whole_run()), Dashboard("a", whole_run())
    (data, _), (other, _) = widget._repr_mimebundle_(), twin._repr_mimebundle_()
    assert WIDGET_VIEW in data
    del data[WIDGET_VIEW], other[WIDGET_VIEW]
    assert data == other
    assert set(data) == {"text/plain", "text/html"}
    assert f'<img alt="{html.escape(" ".join(data["text/plain"].split()))}"' in data["text/html"]
    assert "model: reference 1  (the reference says the same)" in data["text/plain"]
    assert pixels(widget.still_png()).shape[0] > 2 * pixels(widget.frame).shape[0]
    assert Dashboard("a").still_png() == b""


def test_the_whole_state_can_be_sent_and_nothing_is_fetched_from_elsewhere():
    widget = Dashboard("a", whole_run())
    json.dumps({name: value for name, value in widget.get_state().items() if not isinstance(value, bytes)})
    text = widget._esm + widget._css
    assert "import " not in text
    assert "http" not in text
    assert "innerHTML" not in text


def test_it_is_offered_by_the_lab():
    from course import lab

    assert lab.dashboard is dashboard
