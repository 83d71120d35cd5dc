"""Lesson 13, the way of a sentence as a picture: what travels to the page, and what it says without one."""

import numpy as np
import pytest

from course.errors import CourseError
from course.lessons.lesson_13.journey import record
from course.lessons.lesson_13.journey_view import JourneyView
from course.pretrained import pretrained_translator

SENTENCE = "The needle has a sharp point."


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


@pytest.fixture(scope="module")
def journey(translator):
    return record(translator, SENTENCE)


@pytest.fixture
def view(journey, translator):
    return JourneyView(journey, SENTENCE, translator.tokenizer.tokens, languages=("en", "de"))


def sent(view, name):
    offset, shape = view.index[name]
    return np.frombuffer(view.numbers, dtype="<f4")[offset : offset + np.prod(shape)].reshape(shape)


def test_the_page_gets_the_numbers_of_every_station(view, journey):
    np.testing.assert_array_equal(sent(view, "source"), journey.source_stream.numpy())
    for i, (own, cross, fed) in enumerate(journey.decoder):
        np.testing.assert_array_equal(sent(view, f"decoder.{i}.cross.weights"), cross.weights.numpy())
        np.testing.assert_array_equal(sent(view, f"decoder.{i}.own.q"), own.q.numpy())
        np.testing.assert_array_equal(sent(view, f"decoder.{i}.fed.hidden"), fed.hidden.numpy())
    scores = sent(view, "decoder.0.own.scores")
    assert np.isfinite(scores).all()  # the hidden future is sent as the lowest number
    assert scores[0, 0, 1] < -1e30
    assert len(view.numbers) < 400_000


def test_every_station_has_its_numbers(view):
    kinds = [each["kind"] for each in view.stations]
    assert kinds == ["embed", *["attend", "feed"] * 2, "embed", *["attend", "attend", "feed"] * 2, "words"]
    for each in view.stations:
        if each["kind"] == "attend":
            assert f"{each['name']}.weights" in view.index
        elif each["kind"] == "feed":
            assert f"{each['name']}.hidden" in view.index


def test_it_says_the_way_and_the_next_piece(view, journey, translator):
    view.target = 1
    said = repr(view)
    assert "“The needle has a sharp point.” to “Die Nadel hat eine scharfe Spitze.”, in 13 stations" in said
    share = float(journey.probabilities[1].max())
    assert f"Piece 2 to write: ▁Nadel {share:.2f}" in said
    assert "▁Nadel" in view.still_html()


@pytest.mark.parametrize(
    ("name", "value", "most"), [("station", 13, 12), ("source", 8, 7), ("target", -1, 8), ("head", 4, 3)]
)
def test_what_is_not_there_is_refused(view, name, value, most):
    with pytest.raises(CourseError, match=f"{name} is {value}; take one from 0 to {most}"):
        setattr(view, name, value)
