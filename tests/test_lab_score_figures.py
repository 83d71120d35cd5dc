"""The drawings of scores: readable at every stop, and texts that state what the pictures show."""

import base64
import html
import itertools
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from course.alignment import WordAttention
from course.data.grammar.constructions import CONSTRUCTIONS
from course.errors import CourseError
from course.lab import explore, slider
from course.lab.drawing.picture import DPI, wants_figure
from course.lab.drawing.svg import svg_image, words_at
from course.lessons.lesson_12 import figures as score_figures
from course.scoring import proportion_interval
from tests.test_lab_figures import collisions, drawn

SOURCE = "The old doctor who sees the small bird does not come back now .".split()  # noqa: SIM905
TARGET = "Der alte Arzt , der den kleinen Vogel sieht , kommt jetzt nicht zurück .".split()  # noqa: SIM905
GOLD = [(0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 5), (6, 6), (7, 7), (8, 10), (9, 12), (10, 10), (10, 13), (13, 14)]
LINKS = [(0, 0), (1, 1), (2, 2), (7, 6), (10, 10), (9, 12)]
LONG = [f"unbelievable{i}" for i in range(24)]


def split(name, hits, n):
    interval = proportion_interval(hits, n)
    return SimpleNamespace(split=name, sentences=n, exact_match=100 * hits / n, interval=interval)


SCORES = [split("test_iid", 292, 300), split("much_longer", 0, 600), split("all", 7, 7), split("one", 1, 1)]
RNG = np.random.default_rng(0)
COUNTS = np.array([0, 1, 2, *RNG.integers(3, 900, len(CONSTRUCTIONS) - 3)])
ACCURACY = np.where(COUNTS > 0, np.round(RNG.random(len(COUNTS)) * COUNTS) / np.maximum(COUNTS, 1), np.nan)
LABELS = ["2+2, pre-norm, rotary", "no positions", "6+6 post-norm, no warm-up", "a colleague's decoder"]


def bars(hits):
    return [(100 * h / 300, proportion_interval(h, 300)) for h in hits]


RUNS = {
    label: [{"step": s, "loss": 1 + 6 * 0.99 ** (s / (1 + i))} for s in range(10, 1500, 37)]
    for i, label in enumerate(LABELS)
}
SCORED = dict(zip(LABELS, (97.0, 37.3, 0.0, 100.0), strict=True))


def example(source, target, n_layers=2, n_heads=4):
    weights = np.random.default_rng(1).random((n_layers, n_heads, len(target), len(source) + 1))
    return WordAttention(tuple(source), tuple(target), weights)


EXAMPLES = {"doctor": (example(SOURCE, TARGET), GOLD), "short": (example(["Go", "!"], ["Geh", "!"]), [(0, 0), (1, 1)])}
STAGES = [("text", "The doctor costs $5 and $6.", "the grammar"), ("encoder", "5 vectors", "yours"), ("score", "", "")]

STILL = {
    "splits": (score_figures.draw_accuracy_by_split, {"scores": SCORES}),
    "phenomena": (
        score_figures.draw_errors_by_phenomenon,
        {"names": CONSTRUCTIONS, "accuracy": ACCURACY, "counts": COUNTS},
    ),
    "gold": (score_figures.draw_alignment, {"source": SOURCE, "target": TARGET, "gold": GOLD}),
    "links": (
        score_figures.draw_alignment,
        {"source": SOURCE, "target": TARGET, "gold": GOLD, "links": LINKS, "title": "layer 2, mean of the heads"},
    ),
    "long": (score_figures.draw_alignment, {"source": LONG, "target": LONG[::-1], "gold": [(0, 23)], "links": []}),
    "one word": (score_figures.draw_alignment, {"source": ["Go"], "target": ["Geh"], "gold": [], "links": [(0, 0)]}),
    "ablations": (
        score_figures.draw_ablations,
        {"labels": LABELS, "scores": {s: bars([291, 110, 0, 300]) for s in ("test_iid", "combo", "longer", "deeper")}},
    ),
    "way": (score_figures.draw_the_way_of_a_sentence, {"stages": STAGES}),
}
MOVED = [
    *({"draw": score_figures.draw_ablation_race, "runs": RUNS, "scored": SCORED, "part": part, "show": show}
      for part in (2, 50, 98, 100) for show in ("all", LABELS[2])),
    *({"draw": score_figures.draw_links_of_a_head, "examples": EXAMPLES, "sentence": name, "layer": layer, "head": head}
      for name in EXAMPLES for layer in (1, 2) for head in ("mean", "1", "4")),
]  # fmt: skip


SVG = {"s": "http://www.w3.org/2000/svg"}


def svg_in(shown):
    data = re.search('src="data:image/svg[+]xml;base64,([^"]+)"', shown).group(1)
    return ElementTree.fromstring(base64.b64decode(data))


def words_in_the_way(shown):
    """Pairs of words upon each other, and words that leave the drawing, as DejaVu Sans (a wide font) sets them."""
    drawing, boxes, found = svg_in(shown), [], []
    for text in drawing.findall("s:text", SVG):
        size = float(text.get("font-size"))
        font = FontProperties(family="DejaVu Sans", weight=text.get("font-weight", "normal"))
        wide = TextPath((0, 0), text.text, size=size, prop=font).get_extents().width if text.text else 0.0
        left = float(text.get("x")) - wide * {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")]
        y = float(text.get("y"))
        boxes.append((text.text, left, left + wide, y - size, y + 0.25 * size))
        if left < 0 or left + wide > float(drawing.get("width")) or y + 0.25 * size > float(drawing.get("height")):
            found.append(text.text)
    pairs = [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if min(a[2], b[2]) > max(a[1], b[1]) and min(a[4], b[4]) > max(a[3], b[3])
    ]
    return pairs + found


@pytest.mark.parametrize("name", STILL)
def test_still_pictures_are_readable(name):
    draw, values = STILL[name]
    figure, alt = drawn(draw, values)
    assert alt.endswith(".")
    if wants_figure(draw):
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] * DPI <= 864.5
    else:
        assert words_in_the_way(figure) == []


@pytest.mark.parametrize("number", range(len(MOVED)))
def test_moving_pictures_are_readable(number):
    values = dict(MOVED[number])
    figure, alt = drawn(values.pop("draw"), values)
    assert (words_in_the_way(figure) if isinstance(figure, str) else collisions(figure)) == []
    assert alt


def test_sliders_show_pictures_and_not_errors():
    panels = [
        explore(
            score_figures.draw_ablation_race,
            runs=RUNS,
            scored=SCORED,
            part=slider(2, 100, step=2),
            show=["all", *LABELS],
        ),
        explore(
            score_figures.draw_links_of_a_head,
            examples=EXAMPLES,
            sentence=list(EXAMPLES),
            layer=slider(1, 2),
            head=["mean", "1"],
        ),
    ]
    for panel in panels:
        assert not panel.error


def test_scores_are_told_with_their_intervals():
    _, alt = drawn(score_figures.draw_accuracy_by_split, {"scores": SCORES[:1]})
    assert "test_iid 97.3 % (94.8 to 98.6, 300 sentences)" in alt


def test_the_worst_construction_comes_first_and_an_absent_one_not_at_all():
    values = {"names": ["a_b", "c", "d"], "accuracy": np.array([0.9, np.nan, 0.5]), "counts": np.array([10, 0, 4])}
    _, alt = drawn(score_figures.draw_errors_by_phenomenon, values)
    assert alt.endswith("the worst first: d 50.0 % of 4; a b 90.0 % of 10.")


def test_an_alignment_names_wrong_and_missing_links():
    values = {
        "source": ["I", "do", "go"],
        "target": ["Ich", "gehe"],
        "gold": [(0, 0), (2, 1)],
        "links": [(0, 0), (1, 1)],
    }
    shown, alt = drawn(score_figures.draw_alignment, values)
    assert "1 of 2 of the model's links are gold; wrong: do – gehe; gold links that it lacks: go – gehe." in alt
    lines = svg_in(shown).findall("s:line", SVG)
    # Apart from color: a right link is a full line, a wrong one is dashed and crossed, gold is thin.
    full = [line for line in lines if line.get("stroke-width") == "5" and line.get("stroke-dasharray") is None]
    dashed = [line for line in lines if line.get("stroke-width") == "5" and line.get("stroke-dasharray")]
    crosses = [line for line in lines if line.get("stroke-width") == "3"]
    gold = [line for line in lines if line.get("stroke-width") == "1.3"]
    assert (len(full), len(dashed), len(crosses), len(gold)) == (2, 2, 4, 3)  # one of each kind in the legend


def test_an_alignment_tells_its_words_inside_and_outside_and_is_the_same_each_time():
    values = {"source": ["<I>", "&"], "target": ["Ich", '"'], "gold": [(0, 0)], "title": "1 < 2"}
    shown, alt = drawn(score_figures.draw_alignment, values)
    drawing = svg_in(shown)
    assert drawing.find("s:title", SVG).text == "1 < 2"
    assert drawing.find("s:desc", SVG).text == alt
    assert [text.text for text in drawing.findall("s:text", SVG)] == ["1 < 2", "<I>", "&", "Ich", '"']
    assert f'<img alt="{html.escape(alt)}"' in shown
    assert drawn(score_figures.draw_alignment, values) == (shown, alt)
    assert len(shown) < 5_000


def test_the_error_in_the_title_is_that_of_och_and_ney():
    weights = np.zeros((1, 1, 2, 4))
    weights[0, 0, 0, 0] = weights[0, 0, 1, 1] = 1  # the second link is not gold
    attention = WordAttention(("I", "do", "go"), ("Ich", "gehe"), weights)
    values = {"examples": {"x": (attention, [(0, 0), (2, 1)])}, "sentence": "x", "layer": 1, "head": "mean"}
    _, alt = drawn(score_figures.draw_links_of_a_head, values)
    assert "alignment error 0.50" in alt


def test_a_race_shows_scores_only_at_its_end():
    values = {"runs": RUNS, "scored": SCORED}
    _, before = drawn(score_figures.draw_ablation_race, values | {"part": 98})
    _, after = drawn(score_figures.draw_ablation_race, values | {"part": 100})
    assert "exactly right" not in before
    assert re.search(r"no positions 1\.\d\d, 37\.3 % exactly right", after)


def test_every_run_of_a_race_has_a_line_of_its_own():
    runs = {str(i): RUNS[LABELS[0]] for i in range(16)}
    figure, _ = drawn(score_figures.draw_ablation_race, {"runs": runs, "scored": dict.fromkeys(runs, 1.0), "part": 100})
    curves = figure.axes[0].get_lines()
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in curves}) == len(runs)


def test_wide_words_keep_apart():
    words = ["mitgenommen", "haben", "wmwm", "Mammut", "ill"]
    shown, _ = drawn(score_figures.draw_alignment, {"source": words, "target": words, "gold": []})
    assert words_in_the_way(shown) == []


def test_the_search_for_words_in_the_way_can_fail():
    close = words_at("letters", 50, 20, 15) + words_at("words", 90, 20, 15) + words_at("outside", 190, 60, 15)
    assert words_in_the_way(svg_image(200, 80, close, title="", alt="")) == [("letters", "words"), "outside"]


@pytest.mark.parametrize(
    ("draw", "values"),
    [
        (score_figures.draw_accuracy_by_split, {"scores": []}),
        (score_figures.draw_errors_by_phenomenon, {"names": ["a"], "accuracy": np.ones(2), "counts": np.ones(1, int)}),
        (score_figures.draw_errors_by_phenomenon, {"names": ["a"], "accuracy": np.ones(1), "counts": np.zeros(1, int)}),
        (score_figures.draw_alignment, {"source": ["a"], "target": ["b"], "gold": [(0, 1)]}),
        (score_figures.draw_alignment, {"source": ["a"], "target": ["b"], "gold": [], "links": [(-1, 0)]}),
        (
            score_figures.draw_links_of_a_head,
            {"examples": EXAMPLES, "sentence": "short", "layer": 3, "head": "mean"},
        ),
        (score_figures.draw_links_of_a_head, {"examples": EXAMPLES, "sentence": "short", "layer": 1, "head": "5"}),
        (score_figures.draw_ablations, {"labels": LABELS, "scores": {"test_iid": bars([1])}}),
        (score_figures.draw_ablation_race, {"runs": {"a": [{"step": 1}]}, "scored": {"a": 1.0}, "part": 50}),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, values):
    with pytest.raises(CourseError):
        drawn(draw, values)
