"""The tables and measurements that notebooks show, by hand: a wrong column does not need a lesson to be found."""

from types import SimpleNamespace

import IPython.display
import numpy as np
import pytest

from course.alignment import WordAttention
from course.lab.drawing import holds
from course.lessons.lesson_00.figures import exactly_right, looks_table
from course.lessons.lesson_03.experiments import measure_scale
from course.lessons.lesson_03.reference import score_statistics, softmax
from course.lessons.lesson_12.tables import least_sure, matched_table
from course.pretrained import run_folder
from course.translator import Translation


def cells(made):
    """The rows of a table's text, without its head, cut where two blanks stand."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in made.alt.splitlines()[1:]]


@pytest.mark.parametrize(("true", "said"), [(True, "✓ It is so."), (np.False_, "✗ Not in this run: It is so.")])
def test_a_claim_says_whether_it_holds(monkeypatch, true, said):
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **_: shown.append(data))
    holds(("It is so.", true), ("a < b", True))
    assert shown[0]["text/plain"].splitlines() == [said, "✓ a < b"]
    assert said in shown[0]["text/html"]
    assert "a &lt; b" in shown[0]["text/html"]


def test_a_construction_is_matched_with_sentences_of_its_own_lengths():
    """30 sentences of 5 words with it, 20 right; 10 without, 9 right; short ones without it do not count."""
    contains = np.array([[True]] * 30 + [[False]] * 20)
    is_right = np.array([True] * 20 + [False] * 10 + [True] * 9 + [False] * 11)
    lengths = np.array([5] * 40 + [2] * 10)
    made = matched_table(["that_clause"], contains, is_right, lengths, accuracy=np.array([2 / 3]))
    assert cells(made) == [["that clause", "66.7 %", "90.0 %"]]
    rare = matched_table(["rare", "often"], np.repeat([[True, True], [False, True]], [5, 45], axis=0), is_right,
                         lengths, accuracy=np.array([0.0, 0.5]), worst=1)  # fmt: skip
    assert cells(rare)[0][0] == "often"


def test_the_least_sure_come_first_with_what_gold_lacks_in_brackets():
    pairs = [SimpleNamespace(source=f"s{i}", target="eins zwei drei") for i in range(10)]
    texts = ["eins zwei vier", *["eins zwei drei"] * 9]
    found = [Translation(text, -0.1 * (10 - i), True, ()) for i, text in enumerate(texts)]
    made = least_sure(found, pairs, shown=2)
    assert made.alt.startswith("Wrong in the least sure tenth: 100 %. In the rest: 0.0 %.")
    assert "s0" in made.alt.splitlines()[2]
    assert "eins zwei [vier]" in made.alt.splitlines()[2]
    assert made.alt.splitlines()[3].endswith("the same")


def test_where_a_word_looked_is_the_mean_of_its_heads_and_the_head_is_named():
    weights = np.zeros((1, 2, 2, 3))  # one layer, two heads, two written words, two read words and the end
    weights[0, 0, 1], weights[0, 1, 1] = [0.2, 0.8, 0.0], [0.6, 0.2, 0.2]
    maps = {"sentence": WordAttention(("a", "point"), ("eine", "Spitze"), weights)}
    (row,) = cells(looks_table(maps, {"sentence": "Spitze"}, at="point"))
    assert row == ["Spitze", "1", "point 0.50, a 0.40, (end) 0.10", "head 1, with 0.80"]


def test_what_ships_is_said_as_its_scores_say():
    assert (run_folder("en-de") / "scores.json").is_file()
    ((about, german, french),) = cells(exactly_right({"test_iid": "as in training"}))
    assert about == "as in training"
    assert all(float(figure.partition(" ")[0]) > 97 for figure in (german, french))


def test_scaling_divides_the_variance_by_the_width():
    def summary(weights):
        return weights.max(axis=1).mean(), np.zeros(len(weights))

    raw, scaled = measure_scale([4, 64], softmax=softmax, statistics=score_statistics, summary=summary)
    np.testing.assert_allclose(np.divide(raw["variance"], scaled["variance"]), [4, 64])
    np.testing.assert_allclose(scaled["variance"], 1, rtol=0.1)
    assert raw["entropy"][1] > 1.5 * scaled["entropy"][1]
