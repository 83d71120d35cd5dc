"""Lesson 02: its figures draw and say what they show, its measurements are sound, and what its text says is so."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from course.lab import explore, slider
from course.lessons.lesson_02 import experiments, figures, reference, toy
from course.lessons.lesson_02.quiz import QUIZ
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "02_attention_in_a_recurrent_decoder.py"
WORDS = ("The", "needle", "is", "new", "but", "it", "breaks")
H = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]], dtype=float)
WQ, WK, V = np.array([[4.0, 0], [0, 4], [-4, -4]]), np.array([[2.0, 0], [0, 2], [0, 0]]), np.array([3.0, 3])


def lesson():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


def look(*state, bend=np.tanh):
    """Scores, weights and context of section 2 in another state."""
    scores = bend(np.array(state) @ WQ + H @ WK) @ V
    weights = np.exp(scores) / np.exp(scores).sum()
    return scores, weights, weights @ H


# --- the figures -------------------------------------------------------------------------------------------------


def steps(**chosen):
    given = {"sentence": "needle", "step": 6, "v": 3.0, **chosen}
    return figures.draw_steps(additive_attention=reference.additive_attention, examples=toy.two_sentences(), **given)


def test_every_stop_of_the_decoder_draws_another_picture():
    seen = set()
    for sentence in ("needle", "knife"):
        for step in range(1, 8):
            for v in slider(0.0, 6.0, start=3.0, step=0.5).stops:
                made = steps(sentence=sentence, step=step, v=v)
                assert made.alt.endswith(".")
                seen.add(made.html)
    assert len(seen) == 2 * 7 * 13


def test_the_answers_about_the_steps_are_so():
    """What stands folded below the demo."""
    best = [re.search(r"largest weight: (\S+) ", steps(step=step).alt)[1] for step in range(1, 8)]
    assert best == ["needle", "needle", "is", "new,", "but", "needle", "breaks"]
    assert "gender 0.74" in steps().alt
    assert "gender -0.74" in steps(sentence="knife").alt
    nouns = r"knife|Das|Messer|es\b|needle|Die|Nadel|sie\b"
    maps = [steps(sentence=name).html.split("context")[0] for name in ("needle", "knife")]
    weights = [re.sub(nouns, "", each) for each in maps]
    assert weights[0] == weights[1]
    numbers = [re.search(r"Context: (.*)\.$", steps(sentence=name).alt)[1].split(", ") for name in ("needle", "knife")]
    assert [a.split()[0] for a, b in zip(*numbers, strict=True) if a != b] == ["gender"]
    assert all("all equal 0.14" in steps(v=0.0, step=step).alt for step in range(1, 8))
    contexts = {steps(v=0.0, step=step).alt.split("Context")[1] for step in range(1, 8)}
    assert len(contexts) == 1  # a fixed vector
    assert re.search(r"needle 0\.9[89]", steps(v=6.0).alt)


def window(center, D, gaussian=False):
    given = {"words": WORDS, "scores": look(1, 0, 1)[0], "center": center, "D": D, "gaussian": gaussian}
    return drawn(figures.draw_window, {"local_weights": reference.local_weights, **given})[1]


def test_the_answers_about_the_window_are_so():
    assert "but 0.32, it 0.32, breaks 0.36; sum 1.00" in window(5.0, 1)
    assert [("needle" in window(5.0, D).split("sum")[0]) for D in range(1, 7)] == [False] * 3 + [True] * 3
    stops = [stop for stop in slider(0.0, 6.0, start=5.0, step=0.25).stops if 1 <= stop <= 5]
    sighted = [stop for stop in stops if "needle" in window(stop, 2).split("sum")[0]]
    assert max(sighted) == 3.0
    seen = [window(stop, 2).split("Seen")[1] for stop in stops]
    moves = [stop for stop, a, b in zip(stops[1:], seen, seen[1:], strict=False) if a != b]
    assert len(moves) < len(stops) / 2  # most stops change nothing
    bells = [window(stop, 2, True).split("Seen")[1] for stop in stops]
    assert all(a != b for a, b in zip(bells, bells[1:], strict=False))
    assert "The 0.03, needle 0.85, is 0.03, new 0.01; sum 0.92" in window(1.0, 2, True)
    assert "sum 0.60" in window(3.25, 2, True)  # one jump remains
    assert "needle 0.11" in window(3.0, 2, True)
    assert "sum 0.22" in window(3.0, 2, True)


def test_a_window_that_holds_nothing_is_drawn_as_well():
    assert "Seen: nothing; sum 0.00" in drawn(
        figures.draw_window,
        {"local_weights": reference.local_weights, "words": WORDS, "scores": look(1, 0, 1)[0], "center": 9.5, "D": 1,
         "gaussian": True},
    )[1]  # fmt: skip


def test_sliders_show_pictures_and_not_errors():
    panel = explore(
        figures.draw_steps, additive_attention=reference.additive_attention, examples=toy.two_sentences(),
        sentence=["needle", "knife"], step=slider(1, 7, start=6), v=slider(0.0, 6.0, start=3.0, step=0.5),
    )  # fmt: skip
    assert not panel.error
    panel.set(step=7, sentence="knife")
    assert not panel.error
    panel = explore(
        figures.draw_window, local_weights=reference.local_weights, words=WORDS, scores=look(1, 0, 1)[0],
        center=slider(0.0, 6.0, start=5.0, step=0.25), D=slider(1, 6, start=1), gaussian=False,
    )  # fmt: skip
    assert not panel.error
    texts = set()
    for center in (0.0, 2.75, 6.0):
        for D in (1, 6):
            for gaussian in (False, True):
                panel.set(center=center, D=D, gaussian=gaussian)
                assert not panel.error
                texts.add(panel.alt)
    assert len(texts) == 12


CURVES = {
    kind: (np.array([4.0, 7, 13, 22]), np.array([99.0, 97 - i, 90 - 10 * i, 30 - 9 * i]))
    for i, kind in enumerate(("none", "additive", "general", "transformer"))
}


@pytest.mark.parametrize("curves", [CURVES, {}])
def test_the_curves_are_readable_and_state_the_numbers(curves):
    figure, alt = drawn(figures.draw_lengths, {"curves": curves, "names": experiments.KINDS, "trained": 14})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert ("fixed vector: 4 words 99 %, 7 words 97 %" in alt) == bool(curves)


def test_the_bend_is_readable_and_states_the_numbers():
    figure, alt = drawn(figures.draw_bend, {"question": [0, -4], "push": 2, "names": ["noun unit", "verb unit"]})
    assert collisions(figure) == []
    assert "to which the state sends 0, rises from 0.000 to 0.964" in alt
    assert "to which the state sends -4, rises from -0.999 to -0.964" in alt


def test_the_summary_is_readable_and_states_the_numbers():
    scores, weights, context = look(1, 0, 1)
    figure, alt = drawn(
        figures.draw_summary,
        {"words": WORDS, "states": H, "asks": "a noun", "scores": scores, "weights": weights, "context": context},
    )
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "needle 0.74" in alt
    assert "(0.74, 0.09, 0.74)" in alt


KEPT = {
    "a b .": {
        "dot": {"source": ["a", "b", "."], "target": ["A", "B", "."], "gold": [[0, 0], [1, 1]], "said": "A B.",
                "weights": np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.1, 0.6], [0.1, 0.1, 0.7, 0.1]])}
    }
}  # fmt: skip


def test_a_kept_map_is_drawn_and_a_missing_one_said():
    made = figures.draw_kept(maps=KEPT, sentence="a b .", kind="dot")
    assert made.alt == "Where dot looks in “a b .”: A → a 0.70, B → end 0.60, . → . 0.70. By itself it says: A B."
    assert made.html.count("2px solid") == 2
    for sentence, kind in (("a b .", "additive"), ("nothing", "dot")):
        assert figures.draw_kept(maps=KEPT, sentence=sentence, kind=kind).alt == "Of this model no map is kept."


# --- what the text says --------------------------------------------------------------------------------------------


def test_the_numbers_on_paper_are_right():
    scores, weights, context = look(1, 0, 1)
    np.testing.assert_allclose(np.tanh([2, -4, -2]), [0.964, -0.999, -0.964], atol=5e-4)
    np.testing.assert_allclose(scores, [-2.998, -0.106, -2.892, -2.998, -2.998, -2.998, -2.892], atol=5e-4)
    np.testing.assert_allclose(np.exp(scores)[:3], [0.050, 0.900, 0.055], atol=1e-3)
    np.testing.assert_allclose(np.exp(scores).sum(), 1.210, atol=5e-4)
    np.testing.assert_allclose(weights[:3], [0.041, 0.743, 0.046], atol=5e-4)
    np.testing.assert_allclose(context, [0.743, 0.092, 0.743], atol=5e-4)
    text = lesson()
    for said in ("−0.106", "−2.892", "−2.998", "0.900 / 1.210 = 0.743", "0.046", "0.041", "0.092"):
        assert said in text
    _, weights, context = look(0, 1, 1)
    assert np.flatnonzero(weights > 0.4).tolist() == [2, 6]
    assert weights[2] == weights[6]
    assert abs(context[2]) < 0.05  # it says next to nothing about gender


def test_without_the_bend_the_state_has_no_say():
    straight = [look(*state, bend=lambda x: x)[1] for state in ((1, 0, 1), (0, 1, 1), (0.3, -2, 5))]
    np.testing.assert_allclose(straight[0], straight[1])
    np.testing.assert_allclose(straight[0], straight[2])
    assert np.abs(look(1, 0, 1)[1] - look(0, 1, 1)[1]).max() > 0.5


def test_a_decoder_that_makes_no_mistake_has_an_alignment_error():
    needle = toy.two_sentences()["needle"]
    n = len(needle.target)
    _, weights = reference.additive_attention(
        needle.s, np.broadcast_to(needle.h, (n, *needle.h.shape)), np.ones((n, n), dtype=bool), needle.Wq, needle.Wk,
        np.full(6, 3.0),
    )  # fmt: skip
    looks = np.concatenate([weights, np.zeros((n, 1))], axis=1)
    assert round(reference.alignment_error(looks, np.eye(n, dtype=bool)), 3) == 0.286
    off = [needle.target[j] for j in range(n) if weights[j].argmax() != j]
    assert off == ["Die", "sie"]
    assert "0.286: two of seven links" in lesson()


def test_the_alignment_error_is_that_of_the_package():
    from course.scoring import alignment_error_rate

    rng = np.random.default_rng(5)
    for T, S in ((3, 5), (6, 2), (7, 7)):
        weights, gold = rng.random((T, S + 1)), rng.random((T, S)) < 0.4
        links = {(int(i), j) for j, i in enumerate(weights.argmax(axis=1)) if i < S}
        sure = {(int(i), int(j)) for j, i in np.argwhere(gold)}
        assert reference.alignment_error(weights, gold) == pytest.approx(alignment_error_rate([links], [sure]))


def test_no_training_sentence_is_longer_than_the_text_says():
    from course.data import embedded_pairs

    lengths = {split: [p.length for p in embedded_pairs(experiments.CORPUS, split)]
               for split in ("train", "longer", "much_longer")}  # fmt: skip
    assert max(lengths["train"]) == experiments.TRAINED_LENGTH == 14
    assert (min(lengths["longer"]), max(lengths["longer"]), min(lengths["much_longer"])) == (15, 18, 20)
    text = lesson()
    assert "has more than 14 words" in text
    assert "those called *longer* have 15 to 18 words, and those called *much longer* 20 and more" in text


def test_the_published_numbers_stand_in_the_text():
    text = lesson()
    for row in (
        "| trained on up to 30 words | 13.93 | 21.50 |",
        "| trained on up to 50 words | 17.82 | 26.75 |",
        "| fixed vector | 11.3 |",
        "| + the English read backward | 12.6 |",
        "| + dropout | 14.0 |",
        "| + global attention | 16.8 |",
        "| + input feeding | 18.1 |",
        "| local-p with *general* instead of global | 19.0 |",
        "| + unknown words replaced by what was looked at | 20.9 |",
        "global 0.39, local-m 0.34, local-p 0.36",
    ):
        assert row in text
    assert "worth 1.3 points of BLEU" in text  # 18.1 - 16.8


def test_the_bell_at_the_edge_is_what_the_text_says():
    weights = reference.local_weights(np.zeros((1, 3)), np.ones((1, 3), dtype=bool), np.array([0.0]), 2, True)
    assert weights[0, 2] / weights[0, 0] == pytest.approx(np.exp(-2))
    assert round(np.exp(-2), 3) == 0.135


def test_there_are_three_questions():
    assert len(QUIZ) == 3


@pytest.mark.slow
def test_the_whole_lesson_runs_with_torch_blocked():
    """Its source is plain Python: every cell from top to bottom, its checks, demos and pictures."""
    code = f"import sys; sys.modules['torch'] = None; exec(open({str(SOURCE)!r}, encoding='utf-8').read())"
    code += "; assert sys.modules['torch'] is None"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed. It agrees with the reference") == 5
    assert "Not in this run" not in done.stdout


# --- the reference against others ----------------------------------------------------------------------------------


def test_the_references_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(8)
    s, h = rng.standard_normal((3, 4)), rng.standard_normal((3, 6, 5))
    mask = np.arange(6) < np.array([[4], [6], [1]])
    Wq, Wk, v = rng.standard_normal((4, 7)), rng.standard_normal((5, 7)), rng.standard_normal(7)
    ts, th, tq, tk, tv = (torch.from_numpy(x) for x in (s, h, Wq, Wk, v))
    weights = (
        (torch.tanh((ts @ tq)[:, None] + th @ tk) @ tv).masked_fill(~torch.from_numpy(mask), -torch.inf).softmax(-1)
    )
    context, ours = reference.additive_attention(s, h, mask, Wq, Wk, v)
    np.testing.assert_allclose(ours, weights.numpy(), atol=1e-12)
    np.testing.assert_allclose(context, torch.einsum("bt,btd->bd", weights, th).numpy(), atol=1e-12)
    W = rng.standard_normal((4, 5))
    general = torch.nn.functional.bilinear(
        ts[:, None].expand(-1, 6, -1).contiguous(), th, torch.from_numpy(W)[None]
    )  # fmt: skip
    np.testing.assert_allclose(reference.luong_scores(s, h, "general", W), general[..., 0].numpy(), atol=1e-12)


# --- the measurement -----------------------------------------------------------------------------------------------


def row(kind, seed=1, exact=90.0, aligned=0.2, hits=(9, 8, 7), far=90.0, farthest=1.0):
    splits = {split: {"sentences": 10, "exact": exact, "interval_95": [80.0, 95.0], "alignment_error": aligned}
              for split in experiments.SPLITS}  # fmt: skip
    splits["longer"]["exact"], splits["much_longer"]["exact"] = far, farthest
    counts = [[2, 5, hits[0], 10], [12, 14, hits[1], 10], [20, 21, hits[2], 10], [24, 30, 0, 0]]
    about = {"kind": kind, "seed": seed, "parameters": 1_000_000, "width": 184, "updates": 5, "seconds": 7}
    return {**about, "val_loss": 0.1, "splits": splits, "by_length": counts}


def test_rows_are_kept_in_order_and_replace_those_of_their_kind_and_seed(tmp_path):
    experiments.keep([row("dot"), row("dot", 2)], experiments.SCORES_FILE, folder=tmp_path)
    experiments.keep([row("none", exact=10.0)], experiments.SCORES_FILE, folder=tmp_path)
    experiments.keep([row("dot", 2, exact=50.0)], experiments.SCORES_FILE, folder=tmp_path)
    found = experiments.read_scores(tmp_path)
    assert [(r["kind"], r["seed"], r["splits"]["combo"]["exact"]) for r in found] == [
        ("none", 1, 10.0), ("dot", 1, 90.0), ("dot", 2, 50.0)
    ]  # fmt: skip
    assert experiments.read_scores(tmp_path / "empty") == []
    assert experiments.read_maps(tmp_path) == {}


def test_curves_add_up_the_seeds_and_leave_out_what_is_empty():
    lengths, percent, sentences = experiments.curve([row("dot"), row("dot", 2, hits=(5, 4, 1))])
    np.testing.assert_allclose(lengths, [3.5, 13, 20.5])
    np.testing.assert_allclose(percent, [70, 60, 40])
    assert sentences.tolist() == [20, 20, 20]
    assert experiments.within([row("dot")]) == 85
    assert experiments.within([row("dot")], 12) == 80


def test_the_claims_can_fail():
    rows = [row("none", hits=(10, 5, 0), far=1), row("additive", hits=(10, 10, 8), far=50), row("transformer", far=30)]
    assert [true for _, true in experiments.claims_about_length(rows)] == [True] * 6
    rows[1] = row("additive", hits=(10, 5, 1), far=20, farthest=6)
    assert [true for _, true in experiments.claims_about_length(rows)] == [False] * 6
    assert experiments.claims_about_length(rows[:2]) == []


def test_the_claims_about_alignment_can_fail():
    errors = {"additive": 0.2, "dot": 0.18, "general": 0.16, "concat": 0.2, "local-m": 0.4, "local-p": 0.3}
    right = {"general": 80.0}

    def judged(pace=1.0, **changed):
        found = errors | changed
        far, farthest = {"local-p": 30.0}, {"local-m": 8.0}
        rows = [
            row(kind, aligned=found[kind], exact=right.get(kind, 90.0), far=far.get(kind, 90.0),
                farthest=farthest.get(kind, pace))
            for kind in errors
        ]  # fmt: skip
        return [true for _, true in experiments.claims_about_alignment(rows)]

    assert judged() == [True] * 5
    assert judged(concat=0.1) == [False, True, True, True, True]
    assert judged(general=0.5) == [False, True, False, True, True]
    assert judged(pace=3.0) == [True, True, True, False, True]
    right["general"] = 88.0
    assert judged() == [True, False, True, True, True]
    assert experiments.claims_about_alignment([row("additive"), row("local-m")]) == []


def test_the_claims_about_the_maps_can_fail():
    sharp, soft = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.4], [0.3, 0.7]])
    kept = {kind: {"weights": sharp if kind in ("dot", "general") else soft} for kind in experiments.LOOKING}
    assert [true for _, true in experiments.claims_about_maps({"a": kept})] == [True, True]
    kept["dot"], kept["concat"] = kept["concat"], kept["dot"]
    assert [true for _, true in experiments.claims_about_maps({"a": kept})] == [False, False]
    assert experiments.claims_about_maps({}) == []
    assert experiments.claims_about_maps({"a": {"dot": kept["dot"]}}) == []


def test_the_tables_say_what_was_measured():
    said = experiments.scores_table([row("none"), row("dot"), row("dot", 2, exact=50.0)]).alt
    assert re.search(r"fixed vector +184 +1,000,000 +90.0 +90.0 +1.0", said)
    assert "seconds" not in said
    assert re.search(r"dot +184 +1,000,000 +90.0, 50.0 +90.0, 90.0 +1.0, 1.0", said)
    none = row("none", aligned=None)
    said = experiments.alignment_table([none, row("dot", aligned=0.3), row("concat", aligned=0.1, exact=80.0)]).alt
    assert re.search(r"concat +0.100 +80.0\ndot +0.300 +90.0", said)
    assert "fixed" not in said


def test_sentences_are_sorted_by_their_length():
    from course.data import embedded_pairs

    pairs = embedded_pairs(experiments.CORPUS, "test_iid")[:50]
    said = [(pair, pair.target if pair.length < 9 else "falsch") for pair in pairs]
    counts = experiments.by_length(said)
    assert sum(n for *_, n in counts) == 50
    assert all(hits == (n if most < 9 else 0) for least, most, hits, n in counts)


def test_the_sentences_of_the_maps_are_in_the_corpus():
    pairs = experiments.mapped_pairs()
    assert [pair.source for pair in pairs] == list(experiments.MAPPED)
    assert "dieses Landes" in pairs[0].target
    assert pairs[1].target == "Der Löwe, dem ich gefolgt bin, ist jung, aber er ist stark."


def test_what_the_text_says_of_the_trained_models_is_in_the_logs():
    scores, maps, text = dict(experiments.means(experiments.read_scores())), experiments.read_maps(), lesson()
    if not maps:
        pytest.skip("nothing is kept yet (python -m course.lessons.lesson_02.experiments)")
    far = [experiments.exact(scores[kind], "longer") for kind in ("transformer", "additive")]
    said = f"with 15 to 18 words it gets {far[0]:.0f} % exactly right, where the GRU with additive attention gets "
    said += f"{far[1]:.0f} %"
    assert said in text
    assert experiments.within(scores["transformer"]) >= experiments.within(scores["additive"])  # "at least as good"
    assert 60 < 100 - experiments.within(scores["none"], 12) < 72  # "it has lost two of three"
    country, lion, song, _ = experiments.MAPPED

    def looks(sentence, kind, word):
        kept = maps[sentence][kind]
        weights = kept["weights"][kept["target"].index(word)]
        named = {}
        for source, weight in zip([*kept["source"], "end"], weights, strict=True):
            named[source] = max(weight, named.get(source, 0))
        return named

    dieses, landes = (looks(country, "additive", word) for word in ("dieses", "Landes"))
    assert f"*of* ({dieses['of']:.2f}), *Landes* from *country* ({landes['country']:.2f})" in text
    assert max(dieses["France,"], landes["France,"]) < 0.02
    er = looks(lion, "additive", "er")
    assert f"to *The lion* ({er['The']:.2f} and {er['lion']:.2f})" in text
    assert maps[lion]["additive"]["source"].index("it") - maps[lion]["additive"]["source"].index("lion") == 8
    assert f"The Transformer looks at *it* ({looks(lion, 'transformer', 'er')['it']:.2f})" in text
    assert all("aber er ist stark" in maps[lion][kind]["said"] for kind in ("additive", "transformer"))
    assert f"*Additive* looks at *it* there, with {looks(song, 'additive', 'ihm')['it']:.2f}" in text
    assert "hören wir ihr in" in maps[song]["additive"]["said"]
    general, concat = (experiments.exact(scores[kind], "test_iid") for kind in ("general", "concat"))
    assert f"translates {concat - general:.0f} points worse than *concat*" in text
    links = {kind: scores[kind][0]["splits"]["test_iid"]["alignment_error"] for kind in experiments.LOOKING}
    assert f"{links['general']:.3f} and {links['concat']:.3f} lie close together" in text
    transformer = scores["transformer"][0]["splits"]["test_iid"]
    assert transformer["alignment_error"] < min(links.values())  # "in the first row, has the best of both"
    assert all(transformer["exact"] > experiments.exact(scores[kind], "test_iid") for kind in experiments.LOOKING)
    beyond = {kind: experiments.exact(rows, "longer") for kind, rows in scores.items()}
    assert f"(*Concat* gets {beyond['concat']:.0f} %; all the other GRUs get less than the Transformer" in text
    assert {kind for kind in beyond if beyond[kind] > beyond["transformer"]} == {"additive", "concat"}
    assert f"the fixed vector is recurrent too, and gets {beyond['none']:.0f} %" in text
    lost = {kind: experiments.exact(scores[kind], "test_iid") - beyond[kind] for kind in beyond if kind != "none"}
    assert max(lost, key=lambda kind: lost[kind]) == "local-p"  # "of all kinds of attention it loses most"
    for kind in ("dot", "general"):
        assert looks(lion, kind, "er")["it"] > 0.995  # "with 1.00 on *it*"
        assert "aber er ist stark" in maps[lion][kind]["said"]
    assert f"sentence with the song ({looks(song, 'transformer', 'ihm')['it']:.2f}) and says *ihm*" in text
    assert "hören wir ihm in" in maps[song]["transformer"]["said"]
    pace, share = (scores[kind] for kind in ("local-m", "local-p"))
    assert f"{experiments.exact(pace, 'much_longer'):.1f} % exactly right" in text
    assert f"{experiments.exact(share, 'longer'):.1f} % of 15 to 18 words" in text
    assert "costs it 4 points" in text
    assert round(general - experiments.exact(pace, "test_iid")) == 4
    others = [experiments.exact(rows, "much_longer") for kind, rows in scores.items() if kind != "local-m"]
    assert max(others) < 1  # "no other model here gets one sentence in a hundred"
    for kind in ("dot", "general"):  # "1.00, nearly all of them"
        largest = np.concatenate([maps[sentence][kind]["weights"].max(axis=1) for sentence in experiments.MAPPED])
        assert (largest > 0.99).mean() > 0.7


def test_the_text_says_how_long_an_update_takes():
    times, text = experiments.read_times(), lesson()
    assert list(times) == list(experiments.KINDS)
    least, most = min(times, key=lambda kind: times[kind]), max(times, key=lambda kind: times[kind])
    assert f"between {times[least]:.2f} times (*{least}*) and {times[most]:.2f} times (*{most}*)" in text
    assert times["transformer"] == 1


def test_kept_logs_are_complete():
    """Where logs are kept: every kind is there, has what the lesson reads, and the claims of the text hold."""
    scores = experiments.read_scores()
    if not scores:
        pytest.skip("nothing is kept yet (python -m course.lessons.lesson_02.experiments)")
    assert [kind for kind, _ in experiments.means(scores)] == list(experiments.KINDS)
    wanted = [r["parameters"] for r in scores]
    assert max(wanted) < 1.03 * min(wanted)
    assert len({r["updates"] for r in scores}) == 1
    maps = experiments.read_maps()
    claims = [*experiments.claims_about_length(scores), *experiments.claims_about_alignment(scores)]
    claims += experiments.claims_about_maps(maps)
    assert len(claims) == 13
    assert [sentence for sentence, true in claims if not true] == []
    assert list(maps) == list(experiments.MAPPED)
    for kept in maps.values():
        assert set(kept) == set(experiments.KINDS) - {"none"}
        for each in kept.values():
            assert each["weights"].shape == (len(each["target"]), len(each["source"]) + 1)
    assert (experiments.LOGS / experiments.MAPS_FILE).stat().st_size < 100_000


def test_all_models_have_nearly_as_many_parameters():
    pytest.importorskip("torch")
    found = {kind: experiments.parameters(kind) for kind in experiments.KINDS}
    assert max(found.values()) < 1.02 * min(found.values())
    assert experiments.options("local-p")["attention"] == "local-p"
    assert experiments.options("transformer")["positions"] == "sinusoidal"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "local-p"])
def test_a_run_is_measured_from_training_to_log(kind, tmp_path, monkeypatch):
    """Two updates on a few sentences: not to learn, but to pass all the way."""
    pytest.importorskip("torch")
    from course.data import load_corpus

    monkeypatch.setattr(experiments, "SPLITS", ("test_iid", "longer"))
    texts = tuple(
        replace(text, source=text.source[:300], target=text.target[:300])
        for text in (load_corpus(experiments.CORPUS, split) for split in ("train", "dev"))
    )
    score, maps = experiments.measure(kind, tmp_path / "run", texts, seed=3, steps=2, limit=2)
    assert (score["kind"], score["seed"], score["updates"]) == (kind, 3, 2)
    assert sum(n for *_, n in score["by_length"]) == 4
    assert (score["splits"]["test_iid"]["alignment_error"] is None) == (kind == "none")
    assert len(maps) == (0 if kind == "none" else len(experiments.MAPPED))
    experiments.keep([score], experiments.SCORES_FILE, folder=tmp_path)
    experiments.keep(maps, experiments.MAPS_FILE, folder=tmp_path)
    assert experiments.read_scores(tmp_path) == [score]
    for text, kept in experiments.read_maps(tmp_path).items():
        weights = kept[kind]["weights"]
        assert weights.shape == (len(kept[kind]["target"]), len(kept[kind]["source"]) + 1)
        assert (weights.sum(axis=1) < 1.01).all()
        figures.draw_kept(maps={text: kept}, sentence=text, kind=kind)


@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
def test_no_picture_of_the_built_lesson_is_an_error(folder):
    built = ROOT / folder / "02_attention_in_a_recurrent_decoder.ipynb"
    cells = json.loads(built.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(out.get("data", {}).get("text/plain", "")) for cell in cells for out in cell.get("outputs", ())]
    assert [text for text in texts if "No picture" in text] == []
    assert any("A window of D = 1 around place 5" in text for text in texts)
