"""The drawings about translation: texts that state the numbers, no text upon text, for short and long sentences."""

import itertools

import numpy as np
import pytest

from course.alignment import WordAttention
from course.errors import CourseError
from course.lab import explore
from course.lab.drawing.canvas import Words
from course.lessons.lesson_00 import figures as drawings
from tests.test_lab_figures import collisions, drawn

SHORT = "The needle has a sharp point .".split()  # noqa: SIM905
NINE = "It is not polite to point at people .".split()  # noqa: SIM905
GERMAN = "Es ist nicht höflich , auf Schauspielerinnen zu zeigen .".split()  # noqa: SIM905
LONG = "You hope that the actress in the museum writes the interesting newspaper that we do not understand .".split()  # noqa: SIM905


def words(source, target, n_layers=2, n_heads=4, seed=0):
    raw = np.random.default_rng(seed).exponential(size=(n_layers, n_heads, len(target), len(source) + 1)) ** 2
    return WordAttention(tuple(source), tuple(target), raw / raw.sum(-1, keepdims=True))


PAIRS = {
    "one map": {"German": words(SHORT, GERMAN)},
    "side by side": {"German": words(SHORT, GERMAN), "French": words(SHORT, SHORT)},
    "nine words": {"German": words(NINE, GERMAN), "French": words(NINE, LONG)},
    "one below the other": {"German": words(LONG, LONG), "French": words(LONG, GERMAN)},
    "one word": {"German": words(["I"], ["Ich"]), "French": words(["I"], ["Je"])},
    "forty words": {"German": words(LONG * 2 + NINE, LONG * 3), "French": words(LONG * 2 + NINE, SHORT)},
}


def in_the_way(figure):
    """Pairs of texts upon each other, and texts that leave the picture.

    The boxes of slanted words always meet; they are readable where their lines are a letter's height apart.
    """
    turned = [words for words in figure.findobj(Words) if any(text.get_rotation() for text in words.texts())]
    slanted = [text for words in turned for text in words.texts()]
    outside = [found for found in collisions(figure) if isinstance(found, str)]
    places = sorted((round(y), x) for x, y in (text.get_transform().transform(text.get_position()) for text in slanted))
    apart = [b[0] - a[0] or (b[1] - a[1]) * np.sin(np.deg2rad(55)) for a, b in itertools.pairwise(places)]
    pairs = [f"{distance:.0f} pixels" for distance in apart if distance < 14]
    for words in turned:
        words.set_visible(False)
    return pairs + collisions(figure), outside


@pytest.mark.parametrize("name", PAIRS)
def test_maps_are_readable_whatever_the_length(name):
    figure, alt = drawn(drawings.draw_word_attention, {"attention": PAIRS[name]})
    pairs, outside = in_the_way(figure)
    assert pairs == []
    assert outside == []
    assert figure.get_size_inches()[0] <= 12
    assert alt.endswith(".")


def test_short_maps_stand_side_by_side_and_long_ones_do_not():
    def corners(name):
        figure, _ = drawn(drawings.draw_word_attention, {"attention": PAIRS[name]})
        return [ax.get_position() for ax in figure.axes]

    left, right = corners("side by side")
    assert left.x1 < right.x0
    assert left.y1 == pytest.approx(right.y1)
    upper, lower = corners("one below the other")
    assert upper.y0 > lower.y1


def test_the_text_names_the_largest_weight_of_the_mean_of_the_heads():
    weights = np.zeros((2, 2, 1, 3))
    weights[0] = [[[0.1, 0.2, 0.7]], [[0.1, 0.2, 0.7]]]
    weights[1] = [[[0.9, 0.1, 0.0]], [[0.0, 0.7, 0.3]]]
    attention = {"German": WordAttention(("a", "b"), ("x",), weights)}

    def alt(**chosen):
        return drawn(drawings.draw_word_attention, {"attention": attention, **chosen})[1]

    assert "layer 2 of 2, mean of 2 heads" in alt()
    assert "x → a 0.45" in alt()
    assert "x → b 0.70" in alt(head=1)
    assert "x → (end) 0.70" in alt(layer=0)


def test_the_frame_stands_on_the_largest_weight():
    found = words(SHORT, GERMAN, seed=4)
    figure, _ = drawn(drawings.draw_word_attention, {"attention": {"German": found}, "layer": 0, "head": 2})
    frames = [line.get_xydata().mean(axis=0) for line in figure.axes[0].lines]
    middles = [(np.mean([x.min(), x.max()]), np.mean([y.min(), y.max()])) for x, y in
               ((line.get_xdata(), line.get_ydata()) for line in figure.axes[0].lines)]  # fmt: skip
    assert len(frames) == len(GERMAN)
    assert middles == [(j, i) for i, j in enumerate(found.weights[0, 2].argmax(-1))]


def test_what_is_left_out_of_a_long_map_is_told():
    _, alt = drawn(drawings.draw_word_attention, {"attention": {"German": words(LONG * 2, LONG * 3)}})
    hidden = len(LONG) * 3 - 30 + len(LONG) * 2 + 1 - 30
    assert f"{hidden} more rows and columns are not drawn" in alt
    assert "not drawn" not in drawn(drawings.draw_word_attention, {"attention": PAIRS["one map"]})[1]


@pytest.mark.parametrize("chosen", [{"layer": 2}, {"layer": -3}, {"head": 4}, {"head": -1}])
def test_a_layer_or_head_that_is_not_there_is_refused(chosen):
    with pytest.raises(CourseError, match="There is no"):
        drawn(drawings.draw_word_attention, {"attention": PAIRS["one map"], **chosen})


def test_every_stop_of_the_head_slider_draws_another_picture():
    sentences = {"short": words(SHORT, GERMAN), "nine": words(NINE, GERMAN)}
    heads = [drawings.MEAN, "1", "2", "3", "4"]
    panel = explore(
        drawings.draw_layer_and_head, sentences=sentences, sentence=list(sentences), layer=(1, 2), head=heads
    )
    seen = set()
    for sentence in sentences:
        for layer in (1, 2):
            for head in heads:
                panel.set(sentence=sentence, layer=layer, head=head)
                assert panel.error == ""
                assert f"layer {layer} of 2" in panel.alt
                seen.add(panel.frame)
    assert len(seen) == 20


def test_the_axes_of_weights_are_named_and_padding_is_hatched():
    weights = np.stack([words(NINE, [*NINE, "<eos>"], n_layers=1, seed=s).weights[0] for s in (1, 2)])
    figure, alt = drawn(
        drawings.draw_axes_of_weights, {"weights": weights, "words": [[*SHORT, "<eos>"], [*NINE, "<eos>"]]}
    )
    assert collisions(figure) == []
    assert "B = 2 sentences down, H = 4 heads across" in alt
    assert "Tq = 10 rows" in alt
    assert "sentence 0: 2 columns of padding" in alt
    assert [bool(ax.patches) for ax in figure.axes] == [True] * 4 + [False] * 4


def test_the_journey_says_every_shape():
    steps = [("ids", "(B, T)", "(2, 13)"), ("queries", "(B, H, T, d_head)", "(2, 4, 13, 32)")] * 2
    figure, alt = drawn(drawings.draw_journey, {"steps": [*steps, ("next piece", "(B, Tq, V)", "(2, 16, 1200)")]})
    assert collisions(figure) == []
    assert "queries (B, H, T, d_head) = (2, 4, 13, 32)" in alt
