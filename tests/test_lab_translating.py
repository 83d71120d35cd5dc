"""The translate panel without a browser: what is done to a typed sentence, what is said, and what stands where."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.data import Tokenizer
from course.data.grammar.tokens import detokenized
from course.errors import CourseError
from course.lab.widgets.still import WIDGET_VIEW
from course.lessons.lesson_00 import translating
from course.lessons.lesson_00.translating import (
    EXAMPLES,
    MOST_WORDS,
    TranslatePanel,
    about_unknown,
    answer,
    as_tokens,
    attention_of,
    prepare,
    translate,
)
from course.model import Transformer, TransformerConfig
from course.pretrained import unknown_words
from course.translator import Translation, Translator

NEEDLE = "The needle has a sharp point."


def toy(seed, n_decoder_layers=2):
    texts = [*EXAMPLES, "Die Nadel hat eine scharfe Spitze.", "L'aiguille a une pointe acérée."] * 3
    tokenizer = Tokenizer.train(texts, vocab_size=300)
    torch.manual_seed(seed)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size, "max_len": 80}
    layers = {"n_encoder_layers": 1, "n_decoder_layers": n_decoder_layers}
    return Translator(Transformer(TransformerConfig(**sizes, d_model=16, n_heads=2, d_ff=16, **layers)), tokenizer)


class Parrot(Translator):
    """Answers every sentence with the same text, whatever the model would say."""

    said, ends = "Die Nadel hat eine scharfe Spitze.", True

    def translate(self, texts, **_):
        return [Translation(self.said, 0.0, self.ends, ((self.said, 0.0),)) for _ in texts]


def parrot(said, ends=True):
    made = toy(1)
    bird = Parrot(made.model, made.tokenizer)
    bird.said, bird.ends = said, ends
    return bird


@pytest.fixture(scope="module")
def translators():
    return {"German": parrot("Die Nadel hat eine scharfe Spitze."), "French": parrot("L'aiguille a une pointe acérée.")}


@pytest.fixture
def panel(translators):
    return TranslatePanel(NEEDLE, translators)


# ---- What is typed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (NEEDLE, NEEDLE),
        ("the needle has a sharp point", NEEDLE),
        ("  The needle\thas a sharp   point . ", "The needle has a sharp point ."),
        ("Do you see the dog", "Do you see the dog?"),
        ("do not see the dog", "Do not see the dog."),
        ("Go, ", "Go."),
        ("Do you see the dog?!", "Do you see the dog?!"),
        ("“The dog sleeps.”", "“The dog sleeps.”"),
        ("I", "I."),
        ("cafe\u0301", "Café."),
    ],
)
def test_a_sentence_is_brought_into_form(typed, read):
    assert prepare(typed).text == read
    assert prepare(typed).problem == ""


def test_what_was_added_is_said_and_nothing_else():
    assert prepare(NEEDLE).notes == ()
    (loud,) = prepare("THE NEEDLE is sharp.").notes
    assert loud.startswith("“THE” is written in capitals")
    (both,) = prepare("the needle has a sharp point").notes
    assert "a capital letter at the start and a period at the end" in both
    assert "question mark" in prepare("Do you see the dog").notes[0]
    assert "capital" not in prepare("The dog sleeps").notes[0]


@pytest.mark.parametrize("typed", ["", "   ", "\n", "...", "?!", "👋"])
def test_nothing_to_translate_is_said_kindly(typed):
    assert "Type an English sentence" in prepare(typed).problem


def test_a_sentence_that_is_too_long_is_refused_with_its_length():
    assert prepare("dog " * MOST_WORDS).problem == ""
    assert f"{MOST_WORDS + 1} words" in prepare("dog " * (MOST_WORDS + 1)).problem
    assert "500 characters" in prepare("a" * 500).problem


def test_a_long_sentence_and_two_sentences_are_warned_about():
    assert any("15 words" in note for note in prepare("The dog " + "sleeps " * 13 + ".").notes)
    assert not prepare("The " + "dog " * 13 + ".").notes
    assert any("two sentences" in note for note in prepare("The dog sleeps. The cat eats.").notes)


@given(st.text(max_size=60))
def test_any_text_is_prepared_and_preparing_twice_changes_nothing(typed):
    once = prepare(typed)
    assert bool(once.problem) or once.text[-1] != " "
    assert prepare(once.text).text == once.text
    once.text.encode("utf-8")


def test_what_nobody_sees_is_left_out_and_said_and_alone_is_no_sentence():
    prepared = prepare("\ufeffThe nee\u00addle has\u200b a sharp point.")
    assert prepared.text == NEEDLE
    assert prepared.notes == ("Left out 2 characters that nobody sees.",)
    assert prepared.unknown == ()
    for nothing in ("\u200b", "\u00ad \ufeff", "\x1a"):
        assert prepare(nothing).problem == prepare("").problem


def test_half_a_surrogate_pair_is_no_trouble():
    assert prepare("The \ud800 dog.").text == "The ? dog."


def test_unknown_words_are_named_with_near_ones():
    prepared = prepare("The elefant has a nedle.")
    assert [item.word for item in prepared.unknown] == ["elefant", "nedle"]
    assert "needle" in prepared.unknown[1].near
    assert "“elefant”, “nedle” are not among" in about_unknown(prepared.unknown)
    assert "“elefant” is not among" in about_unknown(prepared.unknown[:1])
    assert about_unknown(()) == ""


def test_the_examples_are_made_of_known_words():
    assert [unknown_words(example) for example in EXAMPLES] == [[]] * len(EXAMPLES)


# ---- Words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NEEDLE, ["The", "needle", "has", "a", "sharp", "point", "."]),
        ("L'aiguille n'a pas de pointe.", ["L'", "aiguille", "n'", "a", "pas", "de", "pointe", "."]),
        ("Est-ce qu'il dort ?", ["Est-ce", "qu'", "il", "dort", "?"]),
        ("Anna's dog can't sleep!", ["Anna's", "dog", "can't", "sleep", "!"]),
        ("Das weiß ich, (glaube) ich.", ["Das", "weiß", "ich", ",", "(", "glaube", ")", "ich", "."]),
    ],
)
def test_words_as_a_reader_would_cut_them(text, words):
    assert [token.text for token in as_tokens(text)] == words


@given(st.text(max_size=60), st.sampled_from("a.é👋"))
def test_words_put_together_are_the_text(text, last):
    plain = re.sub(" +", " ", f"{text}{last}".strip())
    assert detokenized(as_tokens(text + last)) == plain


def test_attention_between_the_words_of_the_models_own_translation():
    translator = toy(3)
    found = attention_of(translator, NEEDLE)
    assert found.source == ("The", "needle", "has", "a", "sharp", "point", ".")
    assert "".join(found.target) == translator.translate([NEEDLE])[0].text.replace(" ", "")
    assert found.weights.shape == (2, 2, len(found.target), 8)
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=1e-5)


def test_attention_follows_a_given_translation():
    found = attention_of(toy(3), NEEDLE, "L'aiguille a une pointe acérée.")
    assert found.target == ("L'", "aiguille", "a", "une", "pointe", "acérée", ".")
    with pytest.raises(CourseError, match="no word"):
        attention_of(toy(3), NEEDLE, "  ")


# ---- The panel --------------------------------------------------------------------------------------------------


def test_the_first_answer_stands_in_the_panel(panel):
    assert panel.languages == [
        ["German", "de", "Die Nadel hat eine scharfe Spitze."],
        ["French", "fr", "L'aiguille a une pointe acérée."],
    ]
    assert panel.error == ""
    assert panel.notes == []
    assert panel.markup.count("<table") == 2
    assert "Spitze → " in panel.alt
    assert "acérée → " in panel.alt


def test_an_answer_carries_the_number_of_its_question(panel):
    before = panel.markup
    panel.ask("It is not polite to point at people")
    assert panel.answered == panel.asked["number"] == 1
    assert panel.markup != before
    assert panel.text == "It is not polite to point at people."
    assert any("period" in note for note in panel.notes)
    panel.ask("It is not polite to point at people")
    assert panel.answered == 2


def test_a_problem_takes_the_place_of_the_answer_and_leaves_again(panel):
    panel.ask("")
    assert "Type an English sentence" in panel.error
    assert panel.languages == []
    assert panel.markup == ""
    assert panel.still_text() == panel.error
    panel.ask(NEEDLE)
    assert panel.error == ""
    assert panel.markup


def test_unknown_words_are_offered_near_ones(panel):
    panel.ask("The nedle has a qqqqq point.")
    assert [word for word, _ in panel.strange] == ["nedle"]  # nothing is near qqqqq
    assert "qqqqq" in panel.notes[0]
    assert panel.languages  # it answers all the same


def test_an_error_of_the_model_is_shown_in_place(translators):
    class Broken(Parrot):
        def translate(self, texts, **_):
            raise RuntimeError("out of order")

    made = toy(1)
    panel = TranslatePanel(NEEDLE, {"German": Broken(made.model, made.tokenizer)})
    assert panel.error.startswith("RuntimeError: out of order")
    assert panel.markup == ""


def test_a_translation_without_an_end_or_without_words_is_told():
    found = answer(NEEDLE, {"German": parrot("Die Nadel", ends=False), "French": parrot("")})
    assert any("German translator was stopped" in note for note in found.notes)
    assert list(found.attention) == ["German"]
    panel = TranslatePanel(NEEDLE, {"French": parrot("")})
    assert panel.error == ""
    assert panel.markup == ""


def test_the_page_may_send_anything(panel):
    for asked in ({"text": None, "number": 5}, {"number": 6}, {"text": ["a"], "number": 7}, {"text": 3, "number": 8}):
        panel.asked = asked
        assert panel.answered == asked["number"]


def test_the_state_can_be_sent_and_the_still_is_the_same_on_every_run(panel, translators):
    json.dumps({name: value for name, value in panel.get_state().items() if not isinstance(value, bytes)})
    (data, _), (other, _) = panel._repr_mimebundle_(), TranslatePanel(NEEDLE, translators)._repr_mimebundle_()
    assert WIDGET_VIEW in data
    del data[WIDGET_VIEW], other[WIDGET_VIEW]
    assert data == other
    assert set(data) == {"text/plain", "text/html"}
    for words in (NEEDLE, "Die Nadel hat eine scharfe Spitze.", "L&#x27;aiguille a une pointe acérée."):
        assert f">{words}</span>" in data["text/html"]
    assert panel.markup in data["text/html"]
    assert data["text/plain"].startswith(f"English: {NEEDLE}\nGerman: Die Nadel")


def test_nothing_is_fetched_and_text_never_becomes_markup(panel):
    text = panel._esm + panel._css
    assert "import " not in text
    assert "http" not in text
    assert "innerHTML" not in text


def test_translate_says_what_it_needs(monkeypatch, translators):
    monkeypatch.setattr(translating, "_translators", lambda: translators)
    assert translate().text == EXAMPLES[0]
    with pytest.raises(CourseError, match="one English sentence"):
        translate(["a"])
    with pytest.raises(CourseError, match="no decoder layer 2"):
        translate(NEEDLE, layer=2)


def test_asking_for_translate_loads_no_torch():
    code = "import sys, course.lessons.lesson_00.translating; print('torch' in sys.modules, 'sacrebleu' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_shipped_translators_tell_the_two_points_apart(capsys):
    panel = translate()
    assert "Loading" in capsys.readouterr().out or translating._translators.cache_info().hits
    texts = {name: text for name, _, text in panel.languages}
    assert "Spitze" in texts["German"]
    assert "pointe" in texts["French"]
    panel.ask("it is not polite to point at people")
    texts = {name: text for name, _, text in panel.languages}
    assert "zeigen" in texts["German"]
    assert "montrer" in texts["French"]
