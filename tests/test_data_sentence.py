import unicodedata

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from course.data import ParallelText, load_corpus
from course.data.sentence import as_sentence
from course.errors import CourseError


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A dog.", "A dog."),
        ("  A dog.\t\r\n", "A dog."),
        ("\u00a0A dog.\u3000", "A dog."),
        ("\u2028A dog.\x85\x1c", "A dog."),
        ("\ufeff \ufeffA dog. \ufeff", "A dog."),
        ("a\u0308", "ä"),
        ("A  dog\tand\x0ca nee\u00addle\u200b.", "A  dog\tand\x0ca nee\u00addle\u200b."),  # inside, nothing changes
        ("नहीं\u200d", "नहीं\u200d"),  # a joiner belongs to its letter
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),  # parts of one emoji
        ("-", "-"),
        ("\ue000", "\ue000"),  # a private sign
        ("\U0003fffd", "\U0003fffd"),  # one of a Unicode to come
        ("\ufffd", "\ufffd"),  # a lost character is there to be seen
    ],
)
def test_a_line_becomes_a_sentence(text, sentence):
    assert as_sentence(text) == sentence


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t", "\u00a0", "\u3000", "\u200b", "\u200c\u200d", "\u00ad", "\ufeff", "\u200e\u202a\u202c", "\u2060",
     "\x00", "\x1a", "\x7f", "\u0301", " \u0301", "\u115f\u1160", "\u3164", "\uffa0", "\u2800", "\ufe0f", "\ud800",
     " \u200b \u00ad\u2028"],
)  # fmt: skip
def test_what_nobody_sees_is_no_sentence(text):
    assert as_sentence(text) == ""


@given(st.text())
def test_a_sentence_is_its_own_sentence_and_holds_all_that_stands_between_the_blanks(text):
    sentence = as_sentence(text)
    assert as_sentence(sentence) == sentence
    assert sentence in unicodedata.normalize("NFC", text)
    assert as_sentence(f" {text}\u00a0") == sentence


@pytest.mark.parametrize("thing", [None, float("nan"), 3, b"a dog", ["a dog"]])
def test_what_is_no_text_is_no_sentence(thing):
    with pytest.raises(CourseError, match=f"one is .* \\({type(thing).__name__}\\): give a str"):
        ParallelText(("a", thing), ("b", "c"))


def test_one_string_is_no_list_of_sentences():
    with pytest.raises(CourseError, match="one side is a single string"):
        ParallelText("a dog", ["a", "d", "o", "g", "s"])


def test_parallel_text_holds_sentences_however_it_was_made():
    text = ParallelText((" a\u0308", "\u200b", "c"), ("x\u00a0", "y", "\u00ad"))
    assert (text.source, text.target) == (("ä", "", "c"), ("x", "y", ""))
    assert text.without_empty().source == ("ä",)
    assert text.reversed().target == text.source


def test_a_score_stays_what_others_get_on_the_same_files(multi30k_folder, monkeypatch):
    """The lines of the files as they are, blanks at their ends and all, against the references that are used here."""
    import gzip

    monkeypatch.setenv("COURSE_MULTI30K", str(multi30k_folder))
    raw = gzip.decompress((multi30k_folder / "val.fr.gz").read_bytes()).decode("utf-8").removesuffix("\n").split("\n")
    references = load_corpus("multi30k-en-fr", "val").target
    assert sum(r != line for r, line in zip(references, raw, strict=True)) == 10
    hypotheses = [" ".join(line.split()[1:]) for line in raw]
    for metric in (sacrebleu.BLEU(), sacrebleu.CHRF()):
        there, here = (metric.corpus_score(hypotheses, [list(side)]).score for side in (raw, references))
        assert 10 < here < 99
        assert there == here
