"""The widgets without a browser: numbers, stills, and what they store in a notebook."""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from course.errors import CourseError
from course.lab import explore
from course.lab.widgets.questions import Question, quiz
from course.lab.widgets.still import WIDGET_VIEW
from course.lessons.lesson_03.dragged_query import DraggedQuery, dragged_query_state

KEYS = [[1.2, 0.3], [0.2, 1.3], [-1.2, 0.4]]
VALUES = [[1.0, 1.0], [-1.0, 1.0], [0.2, -1.0]]
LABELS = ["money", "river", "bank"]

points = arrays(np.float64, (4, 2), elements=st.floats(-3, 3))


def draw_level(fig, *, level):
    fig.add_subplot().bar([0], [level])
    return f"A bar of height {level}"


def all_widgets():
    question = Question("Which?", ["a", "b"], "a", {"b": "because"})
    return [explore(draw_level, level=(1, 3)), DraggedQuery(KEYS, VALUES, LABELS), quiz(question)]


def test_the_state_by_hand():
    """Two keys whose scaled scores differ by log 3 share the weight 3 to 1."""
    half = np.sqrt(2) * np.log(3)
    state = dragged_query_state([half, 0], [[1, 0], [0, 1]], [[4, 0], [0, 8]])
    np.testing.assert_allclose(state.scores, [half, 0])
    np.testing.assert_allclose(state.weights, [0.75, 0.25])
    np.testing.assert_allclose(state.output, [3, 2])


@given(query=arrays(np.float64, 2, elements=st.floats(-3, 3)), keys=points, values=points)
def test_the_state_agrees_with_the_reference_attention(query, keys, values):
    from course.lab.exercises import reference

    output, weights = reference("attention")(query[None], keys, values)
    state = dragged_query_state(query, keys, values)
    np.testing.assert_allclose(state.weights, np.asarray(weights)[0], atol=1e-12)
    np.testing.assert_allclose(state.output, np.asarray(output)[0], atol=1e-12)


def test_temperature_sharpens_and_flattens():
    cold, hot = (dragged_query_state([1, 0.5], KEYS, VALUES, t).weights for t in (0.1, 10))
    assert cold.max() > 0.95
    np.testing.assert_allclose(hot, 1 / 3, atol=0.06)


@pytest.mark.parametrize("kind", range(3), ids=["explore", "dragged query", "quiz"])
def test_the_stored_output_is_the_same_on_every_run(kind):
    widget, twin = all_widgets()[kind], all_widgets()[kind]
    (data, _), (other, _) = widget._repr_mimebundle_(), twin._repr_mimebundle_()
    assert WIDGET_VIEW in data
    del data[WIDGET_VIEW], other[WIDGET_VIEW]
    assert data == other
    assert data["text/plain"] == repr(widget)
    assert "object at 0x" not in data["text/plain"]
    assert set(data) <= {"text/plain", "text/html"}
    if image := re.search('<img alt="([^"]+)".* src="data:image/png;base64,([^"]+)"', data.get("text/html", "")):
        assert html.unescape(image.group(1)) == " ".join(data["text/plain"].split())
        Image.open(io.BytesIO(base64.b64decode(image.group(2)))).verify()
    assert "text/html" in data
    assert all(isinstance(value, str) for value in data.values())  # never raw bytes: some front ends take text only


def test_the_still_of_the_query_follows_the_query():
    first, second = DraggedQuery(KEYS, VALUES, LABELS), DraggedQuery(KEYS, VALUES, LABELS, query=(-1, 1))
    assert first.still_png() != second.still_png()
    assert "Weights: money 0.53, river 0.37, bank 0.10" in first.still_text()


def test_no_negative_zero_in_words():
    widget = DraggedQuery([[1, 0], [1, 0]], [[-0.001, 0], [0, -0.001]], ["a", "b"], query=(-0.001, 0))
    assert "-0.00" not in widget.still_text()


def test_the_whole_state_of_a_widget_can_be_sent():
    for widget in all_widgets():
        state = {name: value for name, value in widget.get_state().items() if not isinstance(value, bytes)}
        json.dumps(state)


def test_state_follows_the_traits():
    widget = DraggedQuery(KEYS, VALUES, LABELS)
    widget.query = [0, 1]
    widget.temperature = 0.5
    np.testing.assert_allclose(widget.state.logits, np.array([0.3, 1.3, 0.4]) / np.sqrt(2) / 0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["money"]},
        {"values": VALUES[:2]},
        {"keys": [[1, 2, 3]] * 3},
        {"keys": [[1, float("nan")]] * 3},
        {"keys": "abc"},
        {"query": (1, 2, 3)},
        {"query": 1.0},
        {"temperature": 0.0},
        {"temperature": 11},
        {"keys": KEYS[:1], "values": VALUES[:1], "labels": LABELS[:1]},
    ],
)
def test_bad_input_gets_a_sentence(change):
    with pytest.raises(CourseError):
        DraggedQuery(**{"keys": KEYS, "values": VALUES, "labels": LABELS, **change})


def test_a_bad_query_later_is_refused_too():
    widget = DraggedQuery(KEYS, VALUES, LABELS)
    with pytest.raises(CourseError):
        widget.query = [1, float("inf")]
    assert widget.query == [1.0, 0.5]


def test_every_vector_lies_inside_the_plane():
    assert DraggedQuery([[4, 0], [0, 1]], [[0, -5], [1, 1]], ["a", "b"]).reach >= 5


def test_nothing_is_fetched_from_elsewhere():
    for widget in all_widgets():
        text = widget._esm + widget._css
        assert "import " not in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "prefers-color-scheme" not in text  # the theme of a notebook may be another than the system's
        assert not re.search(r"--(jp|vscode)-[\w-]*(color|ground)", text)
        assert "innerHTML" not in text  # text from Python never becomes markup
