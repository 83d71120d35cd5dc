"""Lesson 11: what its text says of numbers, its figures, its kept measurements, the toys, and the package beside it."""

import itertools
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from course import decoding, scoring
from course.errors import CourseError
from course.lab import explore, slider
from course.lab.drawing.picture import new_figure, render
from course.lessons.lesson_11 import experiments, figures, reference, toys, work
from course.lessons.lesson_11.experiments import BEAMS, LENGTHS, PENALTIES, SPLITS, read_costs, read_widths
from course.lessons.lesson_11.figures import Candidate
from course.lessons.lesson_11.quiz import QUIZ
from course.lessons.lesson_11.toys import NEEDLE, RandomToy, WordChain
from course.special import BOS, EOS, PAD
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "11_decoding_and_scoring.py"


def text():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


# --- the lesson itself -----------------------------------------------------------------------------------------------

_BEFORE = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()  # tables are then printed as text
"""
_TOLD = """
import json

kept = ((1, 0.7), (1, 0.8), (1, 0.9), (2, 0.9))
print(json.dumps({
    "hits": hits,
    "honest": [list(row) for row in rescored],
    "right": sum(row[2] == "right" for row in rows),
    "bleu": ten_bleu,
    "sure": sure,
    "candidates": [[c.text, c.log_p, c.length] for c in candidates],
    "lots": [int((sample(logits, t, None, p) > 0).sum()) for t, p in kept],
    "shares": [sample(logits, t, None, None).max().item() for t in (1.0, 2.0)],
    "crumbs": sample(logits, 1.0, None, 0.9).sort().values[:-2].sum().item(),
    "ties": tied.float().mean().item(),
    "other": (top != first).float().mean().item(),
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the solved lesson prints, and the numbers that its text speaks of."""
    pytest.importorskip("jupytext", reason="reading a lesson's text needs the extra 'author'")
    from course.authoring.source import read_lesson

    cells = [cell.source for cell in read_lesson(SOURCE).cells if cell.cell_type == "code"]
    root = tmp_path_factory.mktemp("lesson")
    script = root / "lesson.py"
    script.write_text("\n\n".join([_BEFORE, *cells, _TOLD]), encoding="utf-8")
    environment = {**os.environ, "COURSE_WORKBOOK": str(root / "workbook"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    return "\n".join(lines), json.loads(last)


def test_every_solution_passes_and_every_claim_holds(told):
    assert told[0].count("passed. It agrees with the reference") == 6
    assert "Not in this run" not in told[0]


def test_few_places_find_most_and_everybody_finds_all(told):
    hits = {int(k): n for k, n in told[1]["hits"].items()}
    assert hits == {1: 23, 2: 30, 3: 38, 5: 41, 10: 47, 4000: 50}
    assert "best of 111,111: Eine Nadel ist spitz, -0.749" in told[0]


def test_the_bug_hides_where_the_model_is_sure(told):
    assert [row[2] for row in told[1]["honest"]] == [12] * 4
    assert told[1]["honest"][0][1] == 12
    assert told[1]["honest"][2][1] <= 10
    assert told[1]["honest"][3][1] <= 9


def test_ties_are_as_often_as_the_text_says(told):
    assert told[1]["ties"] == pytest.approx(0.03, abs=0.006)
    assert told[1]["other"] == pytest.approx(0.015, abs=0.006)


def test_what_is_said_of_clara(told):
    by_sum = sorted(told[1]["candidates"], key=lambda each: -each[1])
    half, hotels = by_sum[:2]
    assert half[0] == "Clara weiß, dass der Präsident, der drei Hunde haben will."
    assert hotels[0].endswith("neben dem Hotels.")
    assert (f"{half[1]:.2f}", f"{hotels[1]:.2f}") == ("-1.51", "-1.53")
    assert (half[2], hotels[2]) == (15, 20)  # "five tokens less"
    right = [each[0] for each in by_sum].index(
        "Clara weiß, dass der Präsident, der drei Hunde haben will, neben dem Hotel wohnt."
    )
    assert right == 9  # "Nine other hypotheses have a higher sum"
    assert f"{by_sum[right][1]:.2f}" == "-5.67"
    assert by_sum[right][2] == hotels[2]
    for rule in figures.RULES[:2]:
        for alpha in figures.ALPHAS.stops:
            best = max(by_sum, key=lambda each: each[1] / figures.divisor(rule, each[2], alpha))
            assert best == (half if alpha == 0 else hotels)


def test_what_is_said_of_the_lots(told):
    two, eight, many, hot = told[1]["lots"]
    assert (two, eight) == (2, 8)
    assert many == pytest.approx(121, abs=3)
    assert hot == pytest.approx(1448, abs=10)
    assert told[1]["shares"] == pytest.approx([0.59, 0.05], abs=0.006)
    assert told[1]["crumbs"] == pytest.approx(1 / 6, abs=0.01)  # "one draw in six"


def test_the_ten_sentences(told):
    assert told[1]["right"] == 8
    assert len(told[1]["sure"]) == 2
    assert all(right < found - 0.5 for _, found, right in told[1]["sure"])


# --- numbers on paper ------------------------------------------------------------------------------------------------


def test_numbers_of_the_toy():
    said = text()
    p = dict(zip(NEEDLE.words, range(len(NEEDLE.words)), strict=True))

    def chance(sentence):
        ids = [p[word] for word in sentence.split()]
        return math.prod(NEEDLE.table[a, b] for a, b in itertools.pairwise([BOS, *ids]))

    assert chance("Die Spitze ist spitz <eos>") == pytest.approx(0.47 * 0.40 * 0.64 * 0.60 * 0.90)
    assert f"{chance('Die Spitze ist spitz <eos>'):.3f}" == "0.065"
    assert f"{chance('Die Spitze'):.3f}" == "0.188"
    assert f"{chance('Eine Nadel'):.3f}" == "0.324"
    assert f"{chance('Spitz <eos>'):.3f}" == "0.152"
    assert f"{chance('Eine Nadel ist spitz <eos>'):.3f}" == "0.140"
    assert f"{math.log(0.36) + math.log(0.90):.3f}" == "-1.127"
    for number in ("0.065", "0.188", "0.324", "0.152", "0.140", "-1.127", "111,111"):
        assert number in said
    np.testing.assert_allclose(NEEDLE.table[4:].sum(axis=1), 1)
    assert (NEEDLE.table[:, [PAD, BOS]] == 0).all()


def test_bleu_by_hand():
    said = text()
    hyp, ref = ["die", "Nadel", "hat", "eine", "Spritze", "."], ["die", "Nadel", "hat", "eine", "Spitze", "."]
    assert pytest.approx(1 / 12) == 5 / 6 * 3 / 5 * 2 / 4 * 1 / 3
    assert reference.bleu([hyp], [ref]) == pytest.approx((1 / 12) ** 0.25)
    assert f"{(1 / 12) ** 0.25:.3f}" == "0.537"
    assert f"{reference.bleu([ref[:-1]], [ref]):.3f}" == "0.819"
    assert r"\sqrt[4]{1/12} = 0.537" in said
    assert "e^{1 - 6/5} = 0.819" in said


def test_sampling_by_hand():
    p = reference.sample(torch.tensor([0.4, 0.3, 0.2, 0.1]).log().double(), 1.0, 3, 0.75)
    torch.testing.assert_close(p, torch.tensor([4 / 7, 3 / 7, 0, 0]).double(), atol=1e-6, rtol=0)


def test_the_penalties_of_the_table():
    lengths = torch.tensor([10])
    assert decoding.LengthPenalty("power", 1.0)(lengths).item() == 10
    assert decoding.LengthPenalty("gnmt", 1.0)(lengths).item() == 2.5
    assert decoding.LengthPenalty() == decoding.LengthPenalty("gnmt", 1.0)  # "this course's package, with 1"
    for rule, name in zip(figures.RULES, ("power", "gnmt", "none"), strict=True):
        for length in (1, 4, 11):
            ours = figures.divisor(rule, length, 0.7)
            assert ours == pytest.approx(decoding.LengthPenalty(name, 0.7)(torch.tensor(length)).item())


# --- facts about libraries -------------------------------------------------------------------------------------------


def test_short_lines_and_forms_of_references_in_sacrebleu():
    from sacrebleu.metrics import BLEU

    three = ["sie ist spitz", "er zeigt darauf"]
    assert BLEU().corpus_score(three, [three]).score == 0
    assert BLEU(effective_order=True).sentence_score(three[0], three[:1]).score == pytest.approx(100)
    lines = ["die Nadel hat eine Spitze", "sie ist nicht lang", "er zeigt auf den Baum"]
    rows = BLEU().corpus_score([lines[0], "ja ja ja ja", "nein nein nein nein"], [[line] for line in lines])
    assert rows.score == pytest.approx(100)
    assert rows.sys_len == 5  # the first line's words alone
    many = [*["ja ja"] * 50, "die Nadel hat eine lange und dünne Spitze"]
    assert BLEU().corpus_score(many, [many]).score == pytest.approx(100)


def test_short_lines_in_nltk():
    bleu_score = pytest.importorskip("nltk.translate.bleu_score", reason="nltk is no dependency of learners")
    words = [line.split() for line in [*["ja ja"] * 50, "die Nadel hat eine lange und dünne Spitze"]]
    assert round(100 * bleu_score.corpus_bleu([[each] for each in words], words)) == 31


def test_ties_in_torch():
    assert torch.tensor([1.0, 3.0, 3.0, 2.0]).argmax() == 1
    assert torch.zeros(50).argmax() == 0
    # topk and sort promise nothing of the kind; where they happen to agree, no text of ours is wrong
    rows = torch.randn(2000, 6000, generator=torch.Generator().manual_seed(1)).bfloat16()
    tied = (rows == rows.amax(-1, keepdim=True)).sum(-1) > 1
    assert 0.02 < tied.float().mean() < 0.04


# --- the package beside the lesson's own functions -------------------------------------------------------------------


class Toy2Model:
    """A toy as `course.decoding` wants a model: no source, a cache."""

    def __init__(self, toy):
        self.toy = toy

    def encode(self, src, *, src_mask=None):
        return torch.zeros(len(src), 1, 1)

    def decode(self, tgt, memory, *, src_mask=None):
        return self.toy(tgt)

    def start_cache(self, memory, *, src_mask=None, beam_size=1):
        return self.toy.start(len(memory) * beam_size)

    def step(self, tokens, cache):
        return self.toy.next(tokens, cache)


def without_two(toy):
    """A step function like the package's: padding and begin token are impossible."""

    def step(ids):
        logits = toy(ids)
        logits[..., [PAD, BOS]] = -torch.inf
        return logits

    return step


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("k", "alpha"), [(1, 1.0), (2, 0.6), (4, 0.0), (5, 1.3)])
def test_the_beam_of_the_lesson_is_that_of_the_package(seed, k, alpha):
    toy = RandomToy(9, seed, ending=0.1, sharp=0.7)
    score, ids = reference.beam(without_two(toy), k, 8, alpha)
    rule = decoding.LengthPenalty("power", alpha)
    ((best,),) = decoding.beam_search(Toy2Model(toy), torch.tensor([[4]]), beam_size=k, max_len=8, length_penalty=rule)
    assert [i for i in ids.tolist() if i not in (BOS, EOS)] == best.ids
    assert score == pytest.approx(best.score)


@pytest.mark.parametrize("seed", range(12))
def test_greedy_and_the_repaired_beam_are_those_of_the_package(seed):
    toy = RandomToy(9, seed, ending=0.1, sharp=0.7)
    (theirs,) = decoding.greedy(Toy2Model(toy), torch.tensor([[4]]), max_len=8)
    ours = reference.greedy(without_two(toy), torch.tensor([[BOS]]), 8)[0].tolist()
    assert [i for i in ours if i not in (BOS, EOS)] == theirs.ids
    log_p, ids = reference.repair_beam(toy.next, toy.start(4), 4, 8)
    score, same = reference.beam(toy, 4, 8, 0.0)
    assert log_p == pytest.approx(score)
    assert ids.tolist() == same.tolist()


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(1.0, None, None), (0.3, 4, None), (2.0, None, 0.7),
                                                             (1.4, 9, 0.8), (1.0, 99, 1.0)])  # fmt: skip
def test_the_probabilities_of_a_draw_are_those_of_the_package(temperature, top_k, top_p):
    logits = torch.randn(40, generator=torch.Generator().manual_seed(5)).double()
    theirs = decoding.sampling_probabilities(logits[None], temperature=temperature, top_k=top_k, top_p=top_p)[0]
    torch.testing.assert_close(reference.sample(logits, temperature, top_k, top_p), theirs)


def test_bleu_is_that_of_the_package():
    lines = ["Die Nadel hat eine Spitze .", "Sie ist nicht sehr lang .", "Er zeigt auf den alten Baum ."]
    said = ["Die Nadel hat eine Spitze .", "Sie ist nicht lang .", "Er zeigt auf einen alten Baum ."]
    ours = reference.bleu([s.split() for s in said], [line.split() for line in lines])
    assert 100 * ours == pytest.approx(scoring.score(said, lines).bleu)


# --- the toys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_toy_says_the_same_with_a_cache_and_without(seed):
    toy = RandomToy(8, seed)
    ids = torch.randint(3, 8, (3, 5), generator=torch.Generator().manual_seed(seed))
    ids[:, 0] = BOS
    cache = toy.start(3)
    stepwise = torch.stack([toy.next(ids[:, t], cache) for t in range(5)], dim=1)
    torch.testing.assert_close(stepwise, toy(ids))
    moved = cache.select(torch.tensor([2, 2, 0]))
    torch.testing.assert_close(toy.next(torch.tensor([4, 5, 4]), moved),
                               toy(torch.cat([ids[[2, 2, 0]], torch.tensor([[4], [5], [4]])], 1))[:, -1])  # fmt: skip


def test_a_toy_says_what_is_wrong_with_what_it_was_given():
    toy = RandomToy(8, 0)
    with pytest.raises(ValueError, match=r"ids \(B, T\), whole numbers"):
        toy(torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="tensor"):
        toy([[1, 2]])
    with pytest.raises(ValueError, match="one word for each"):
        toy.next(torch.tensor([4, 4]), toy.start(3))
    with pytest.raises(IndexError, match="row 3"):
        toy.start(3).select(torch.tensor([0, 3]))
    with pytest.raises(CourseError, match="adds up to 1"):
        WordChain({"<bos>": {"ja": 0.5, "nein": 0.5}})


def test_everything_is_everything():
    probability, n = 0.0, 0
    for total, ids in toys.everything(NEEDLE, 3):
        probability += total.exp().sum().item()
        n += len(ids)
    assert probability == pytest.approx(1)
    assert n == 1 + 10 * (1 + 10 * 11)


def test_search_is_beam():
    for k in range(1, 9):
        made = figures.search(NEEDLE, k)
        score, ids = reference.beam(NEEDLE, k, figures.ROUNDS, 0.6)
        ended = [node for nodes in made.rounds for node in nodes if node.ended or nodes is made.rounds[-1]]
        best = max(ended, key=lambda node: node.log_p / (len(node.ids) - 1) ** 0.6)
        assert list(best.ids) == ids.tolist()
        assert best.log_p / (len(best.ids) - 1) ** 0.6 == pytest.approx(score)
        for nodes in made.rounds:
            assert len({node.place for node in nodes}) == len(nodes) <= k


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 10, 40])
def test_multiplications_are_those_of_the_formula(T):
    d = 16
    x, table = torch.randn(1, T, d), torch.randn(T, d)
    W = {name: torch.randn(d, d) for name in "qkv"}
    counted = work.multiplications(reference.incremental, x, W, table)
    assert counted == 3 * T * d * d + 2 * d * T * (T + 1) // 2


def test_numbers_of_the_multiplications(told):
    rows = re.findall(r"^ *(1|10|100) +([\d,]+) +([\d,]+) +([\d.]+)$", told[0], re.MULTILINE)
    assert [row[3] for row in rows] == ["1.0", "5.6", "56.2"]


# --- what was measured -----------------------------------------------------------------------------------------------


def width(split, penalty, beam):
    (row,) = (r for r in read_widths() if (r.split, r.penalty, r.beam) == (split, penalty, beam))
    return row


def test_the_kept_widths_are_whole():
    rows = read_widths()
    asked = [(split, penalty, beam) for split in SPLITS for penalty in PENALTIES for beam in BEAMS]
    assert [(row.split, row.penalty, row.beam) for row in rows] == asked
    assert {row.sentences for row in rows} == {experiments.SENTENCES}


def test_what_is_said_of_the_widths():
    long = {k: width("much_longer", "none", k) for k in BEAMS}
    assert (f"{long[1].bleu:.1f}", f"{long[32].bleu:.1f}") == ("33.6", "26.5")
    assert (f"{long[1].score:.2f}", f"{long[32].score:.2f}") == ("-3.54", "-2.54")
    assert (f"{long[1].words:.2f}", f"{long[32].words:.2f}") == ("0.75", "0.56")
    assert [row.score for row in long.values()] == sorted(row.score for row in long.values())
    assert [row.bleu for row in long.values()] == sorted((row.bleu for row in long.values()), reverse=True)
    kept = [width("much_longer", "gnmt", k) for k in BEAMS]
    assert all(33 < row.bleu < 34 for row in kept)
    assert f"{kept[-1].words:.2f}" == "0.70"
    for penalty, change in (("none", -1.0), ("gnmt", 0.3)):
        change_of = width("longer", penalty, 32).bleu - width("longer", penalty, 1).bleu
        assert change_of == pytest.approx(change, abs=0.05)
    assert [f"{width('longer', 'none', k).words:.2f}" for k in (1, 32)] == ["0.92", "0.90"]
    for penalty in PENALTIES:
        assert [width("test_iid", penalty, k).exact_match for k in BEAMS] == [96, 97, 97, 97, 97, 97]


def test_the_kept_costs_are_whole_and_what_they_say():
    rows = read_costs()
    assert [(row.length, row.cached) for row in rows] == [(n, c) for n in LENGTHS for c in (False, True)]
    by = {(row.length, row.cached): row for row in rows}
    ratios = [by[n, False].multiplications / by[n, True].multiplications for n in LENGTHS]
    assert ratios == sorted(ratios)
    kept = [by[n, True].kept for n in LENGTHS]
    assert kept == sorted(kept)
    assert by[250, False].kept == 8 * 251
    assert by[250, True].kept - by[128, True].kept == 2048 * (250 - 128)  # "2 kB a word"
    times = {n: by[n, False].seconds / by[n, True].seconds for n in LENGTHS}
    assert times[8] < 1.1
    assert times[32] == pytest.approx(2, abs=0.2)
    assert times[250] == pytest.approx(9, abs=0.2)
    assert (round(ratios[0]), round(ratios[-1])) == (5, 126)


def test_a_missing_log_says_how_to_make_it(tmp_path):
    with pytest.raises(CourseError, match="experiments"):
        read_widths(tmp_path / "widths.jsonl")
    with pytest.raises(CourseError, match="experiments"):
        read_costs(tmp_path / "costs.jsonl")


def test_the_measurements_can_be_made_again():
    from course.pretrained import pretrained_translator

    translator = pretrained_translator("en-de")
    row = experiments.measure_width(translator, "longer", "none", 2, sentences=4)
    assert (row.split, row.beam, row.sentences) == ("longer", 2, 4)
    assert 0 < row.words < 2
    src = torch.tensor([[*translator.tokenizer.encode("The needle is sharp."), EOS]])
    again, cached = (experiments.measure_cost(translator, src, 6, cached=c, repeats=1) for c in (False, True))
    assert again.multiplications > cached.multiplications
    layers, heads_times_width = 2, 128
    assert cached.kept == 2 * layers * heads_times_width * (6 + src.shape[1]) * 4


def test_the_translator_of_one_minute_is_small_and_useful():
    from course.evaluation import score_split

    files = list(experiments.MINUTE.iterdir())
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    scores = score_split(experiments.minute_translator(), experiments.CORPUS, "test_iid", limit=60)
    assert scores.exact_match > 50


# --- figures ---------------------------------------------------------------------------------------------------------

SEARCH = {"beam": reference.beam, "greedy": reference.greedy}


def test_every_stop_of_the_search_draws():
    figure, seen = new_figure(), set()
    for places in range(*figures.PLACES):
        for alpha in slider(0.0, 1.0, step=0.2).stops:
            made = render(figure, figures.draw_search, {**SEARCH, "places": places, "alpha": alpha})
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == 7 * 6


@pytest.mark.parametrize("places", [1, 2, 4, 8])
def test_the_search_can_be_read(places):
    figure, alt = drawn(figures.draw_search, {**SEARCH, "places": places, "alpha": 0.6})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert f"Beam search with {places} place" in alt


def test_the_answers_below_the_search():
    def alt(places, alpha):
        return drawn(figures.draw_search, {**SEARCH, "places": places, "alpha": alpha})[1]

    assert "Beam: Die Spitze ist spitz" in alt(1, 0.6)
    assert "Greedy: Die Spitze ist spitz" in alt(2, 0.6)
    assert "Beam: Eine Nadel ist spitz" in alt(2, 0.6)
    fourth = alt(2, 0.6).split(";")[3]
    assert "dropped: Die Spitze ist spitz" in fourth  # "Blue is dropped in round 4"
    assert "Beam: Eine Nadel ist spitz" in alt(3, 0.0)
    assert "Beam: Spitz," in alt(4, 0.0)
    assert all("Beam: Eine Nadel ist spitz" in alt(k, 0.2) for k in (2, 3, 4, 8))
    first = alt(8, 0.6).split(";")[0]
    assert len([p for p in re.findall(r"0\.\d{3}", first) if float(p) < 0.003]) == 5  # "from the fourth on"


def test_the_search_is_that_of_the_functions_under_study():
    def other(step, k, max_len, alpha=0.6):
        return reference.beam(step, 1, max_len, alpha)

    panel = explore(
        figures.draw_search, beam=other, greedy=reference.greedy, places=slider(1, 8, start=5),
        alpha=slider(0.0, 1.0, start=0.6, step=0.2),
    )  # fmt: skip
    assert not panel.error
    assert panel.runs_on == "your beam and the reference greedy"
    assert "Beam: Die Spitze ist spitz" in panel.alt


CANDIDATES = [Candidate("Kurz.", -1.5, 3), Candidate("Ein Satz, der lang genug ist.", -1.52, 9),
              Candidate("Etwas ganz anderes und noch viel länger als das.", -9.0, 14)]  # fmt: skip


def test_every_stop_of_the_candidates_draws():
    figure = new_figure()
    for rule in figures.RULES:
        for alpha in figures.ALPHAS.stops:
            made = render(figure, figures.draw_candidates, {"candidates": CANDIDATES, "rule": rule, "alpha": alpha})
            assert not made.error, made.error
            assert ("Best: Kurz." in made.alt) == (rule == figures.RULES[2] or alpha == 0)


def test_the_candidates_can_be_read():
    figure, _ = drawn(figures.draw_candidates, {"candidates": CANDIDATES, "rule": figures.RULES[0], "alpha": 0.6})
    assert collisions(figure) == []


LOTS = {
    "sample": reference.sample,
    "logits": torch.randn(60, generator=torch.Generator().manual_seed(2)).double() * 2,
    "words": tuple(f"▁Wort{i}" for i in range(60)),
}


def test_every_stop_of_the_lots_draws():
    figure, seen = new_figure(), set()
    for temperature in figures.TEMPERATURES.stops:
        for top_k, top_p in itertools.product((1, 5, 14), figures.TOP_P.stops):
            values = {**LOTS, "temperature": temperature, "top_k": top_k, "top_p": top_p}
            made = render(figure, figures.draw_lots, values)
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == 11 * 3 * 9


def test_the_panel_of_the_lots_has_three_sliders_and_no_choice_of_words():
    panel = explore(
        figures.draw_lots, **LOTS, temperature=figures.TEMPERATURES, top_k=figures.TOP_K, top_p=figures.TOP_P
    )
    assert not panel.error
    assert [control["name"] for control in panel.controls] == ["temperature", "top_k", "top_p"]
    assert panel.runs_on == "the reference sample"


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(1.0, 14, 1.0), (0.1, 3, 0.5), (5.0, 14, 1.0)])
def test_the_lots_can_be_read(temperature, top_k, top_p):
    values = {**LOTS, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    figure, alt = drawn(figures.draw_lots, values)
    assert collisions(figure) == []
    assert re.search(r"\d+ words? can be drawn", alt)


def test_figures_of_the_measurements_can_be_read():
    for draw, rows in ((figures.draw_widths, read_widths()), (figures.draw_costs, read_costs())):
        figure, alt = drawn(draw, {"rows": rows})
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12
        assert "BLEU by number of places" in alt or "Time, multiplications and memory" in alt


def test_the_summary_can_be_read():
    figure, alt = drawn(figures.draw_summary, {"found": {"1 place": 23, "2 places": 30, "3 places": 38}, "of_all": 50})
    assert collisions(figure) == []
    assert "1 place 23" in alt


def test_pictures_come_within_a_tenth_of_a_second():
    figure = new_figure()
    moved = (
        (figures.draw_search, {**SEARCH, "alpha": 0.6}, "places", [2, 3, 4, 5, 6, 7, 8] * 2),
        (figures.draw_candidates, {"candidates": CANDIDATES * 8, "rule": figures.RULES[0]}, "alpha", [0.1, 0.4] * 6),
        (figures.draw_lots, {**LOTS, "top_k": 14, "top_p": 1.0}, "temperature", [0.3, 1.0, 2.0] * 4),
    )
    for draw, values, name, stops in moved:
        times = []
        for stop in stops:
            begun = time.process_time()
            assert not render(figure, draw, {**values, name: stop}).error
            times.append(time.process_time() - begun)
        assert np.median(times) < 0.1, draw.__name__


def test_the_quiz_has_three_questions_with_a_word_for_every_choice():
    assert len(QUIZ) == 3
    for question in QUIZ:
        assert set(question.why) == set(question.choices)
        assert question.answer in question.choices
