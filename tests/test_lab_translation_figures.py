"""The drawings about translation: texts that state the numbers, no text upon text, for short and long sentences."""

import html
import re

import numpy as np
import pytest

from course.alignment import WordAttention
from course.errors import CourseError
from course.lab import explore
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


@pytest.mark.parametrize("name", PAIRS)
def test_maps_hold_every_word_and_number_whatever_the_length(name):
    shown, alt = drawn(drawings.draw_word_attention, {"attention": PAIRS[name]})
    tables = tables_in(shown)
    assert len(tables) == len(PAIRS[name])
    for (rows, columns, cells), found in zip(tables, PAIRS[name].values(), strict=True):
        assert rows == list(found.target)[:30]
        assert columns == [*found.source, drawings.END][: len(columns)]
        assert len(columns) == len(found.source) + 1 or len(columns) == 30
        weights = found.weights[-1].mean(0)[:30, : len(columns)]
        assert cells == [[f"{x:.2f}" if x >= 0.095 else "" for x in row] for row in weights]
    assert alt.endswith(".")


def tables_in(shown):
    """(row words, column words, rows of digits) of every table in a piece of HTML."""
    found = []
    for table in re.findall("<table.*?</table>", shown):
        head, body = table.split("<tbody>")
        columns = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', head)
        rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', body)
        cells = [
            [re.sub("<.*?>", "", cell) for cell in re.findall("<td[^>]*>(.*?)</td>", row)]
            for row in re.findall("<tr.*?</tr>", body)
        ]
        found.append(([html.unescape(w) for w in rows], [html.unescape(w) for w in columns], cells))
    return found


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
    shown, _ = drawn(drawings.draw_word_attention, {"attention": {"German": found}, "layer": 0, "head": 2})
    rows = re.findall("<tr.*?</tr>", shown.split("<tbody>")[1])
    framed = [["border: 2px solid" in cell for cell in re.findall("<td[^>]*>", row)] for row in rows]
    assert [row.count(True) for row in framed] == [1] * len(GERMAN)
    assert [row.index(True) for row in framed] == list(found.weights[0, 2].argmax(-1))


def test_words_of_a_sentence_never_become_markup():
    strange = words(["<script>alert(1)</script>", "&amp;", '"'], ["<b>"])
    shown, _ = drawn(drawings.draw_word_attention, {"attention": {"<i>": strange}})
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert tables_in(shown)[0][:2] == (["<b>"], ["<script>alert(1)</script>", "&amp;", '"', drawings.END])


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
                seen.add(panel.markup)
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
