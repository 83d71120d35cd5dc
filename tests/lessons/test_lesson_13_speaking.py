"""Lesson 13, a bug that speaks: a wrong piece inside a translator, and the button that asks for it."""

import subprocess
import sys

import pytest

from course.lab.exercises import get
from course.lessons.lesson_13.speaking import listen
from course.lessons.lesson_13.speech import first_difference, speak
from course.lessons.lesson_13.spoken_pieces import ON_NUMPY, ON_TORCH, SENTENCES

# A mistake of each piece that changes what is said.
HEARD = {
    "attention": "scale_by_d_k", "multi_head_attention": "C03", "causal_mask": "M01", "rotary": "rotary_backward",
    "positional_encoding": "D01", "layer_norm": "E01", "residual_block": "F03",
    "embed": "embed_not_scaled", "stack": "F10", "decoder_mask": "M01", "greedy": "J03", "beam": "J12",
}  # fmt: skip


def wrong(id, mistake):
    found = {each.id: each for each in get(id).mistakes}
    return found[mistake].versions[0]


@pytest.mark.parametrize("id", [*ON_NUMPY, *ON_TORCH])
def test_with_the_right_piece_it_says_what_the_translator_says(id):
    for each in speak(id, get(id).reference):
        assert each.broken == each.right
        assert each.differs is None
        assert each.problem == ""


@pytest.mark.parametrize(("id", "mistake"), HEARD.items())
def test_a_wrong_piece_is_heard(id, mistake):
    said = speak(id, wrong(id, mistake))
    assert [each.english for each in said] == list(SENTENCES)
    assert any(each.differs is not None for each in said)
    for each in said:
        if each.differs is not None:
            assert each.right.split()[: each.differs] == each.broken.split()[: each.differs]


def test_a_piece_that_raises_says_what_it_raised():
    def attention(q, k, v, mask=None):
        raise ValueError("shapes (8, 4) and (8, 4) do not fit")

    for each in speak("attention", attention):
        assert each.broken == ""
        assert "ValueError: shapes (8, 4) and (8, 4) do not fit" in each.problem


@pytest.mark.parametrize(
    ("right", "broken", "place"),
    [("a b c", "a b c", None), ("a b c", "a x c", 1), ("a b", "a b c", 2), ("a b c", "a", 1), ("a", "", 0)],
)
def test_the_first_word_that_differs(right, broken, place):
    assert first_difference(right, broken) == place


def test_the_button_answers_once_it_is_pressed():
    panel = listen("attention", wrong("attention", "scale_by_d_k"))
    assert repr(panel) == "A button lets the translator run on your attention."
    panel.asked = 1
    assert panel.answered == 1
    assert any(differs >= 0 for *_, differs, _ in panel.said)
    assert "translator: Es ist nicht höflich, auf Leute zu zeigen." in repr(panel)
    assert listen("softmax", lambda x: x) is None  # no part of a translator


def test_the_button_waits_with_torch_until_it_is_pressed():
    code = (
        "import sys; from course.lessons.lesson_13.speaking import listen; listen('attention', len);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
