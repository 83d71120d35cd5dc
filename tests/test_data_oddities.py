"""What is said about a corpus before it is trained on, and which pairs are held out of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.data import ParallelText
from course.data.held_out import LARGEST_HELD_OUT, hold_out
from course.data.inspection import language_of, look_swapped, oddities, refuse_copies, repetitions, seen_in_training
from course.errors import CourseError


def text(*pairs):
    source, target = zip(*pairs, strict=True)
    return ParallelText(source, target)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=80).filter(lambda sources: len(set(sources)) > 1))
def test_no_source_is_on_both_sides_and_no_pair_is_lost(sources):
    pairs = text(*((f"s{s}", f"t{i}") for i, s in enumerate(sources)))
    train, val = hold_out(pairs)
    assert len(train)
    assert len(val)
    assert not set(train.source) & set(val.source)
    assert sorted((*train.target, *val.target)) == sorted(pairs.target)
    assert [t for t in pairs.target if t in val.target] == list(val.target)  # the order of the file


def test_without_repetitions_one_in_twenty_is_held_evenly():
    pairs = text(*((f"s{i}", f"t{i}") for i in range(60)))
    assert hold_out(pairs)[1].source == ("s0", "s20", "s40")
    many = text(*((f"s{i}", f"t{i}") for i in range(30 * LARGEST_HELD_OUT)))
    assert len(hold_out(many)[1]) == LARGEST_HELD_OUT


def test_what_stands_once_is_held_out_first_and_a_large_group_never():
    pairs = text(*(("again", f"t{i}") for i in range(90)), *((f"s{i}", f"u{i}") for i in range(10)))
    _, val = hold_out(pairs)
    assert val.source == ("s0", "s2", "s4", "s6", "s8")
    doubled = text(*[(f"s{i}", f"t{i}") for i in range(40)] * 2)
    train, val = hold_out(doubled)
    assert (len(train), len(val)) == (76, 4)
    assert len(set(val.source)) == 2
    assert len(hold_out(text(*[("again", "t")] * 99, ("s", "t")))[1]) == 1


def test_one_source_cannot_be_on_both_sides():
    with pytest.raises(CourseError, match="one sentence pair cannot"):
        hold_out(text(("a", "b")))
    with pytest.raises(CourseError, match="3 pairs with one and the same source cannot"):
        hold_out(text(("a", "b"), ("a", "c"), ("a", "d")))


def test_a_text_that_is_its_own_translation_is_refused():
    with pytest.raises(CourseError, match="all 2 sentences are their own translation"):
        refuse_copies(text(("a", "a"), ("b ", "b"), ("", "")))
    refuse_copies(text(("a", "a"), ("b", "c")))


def test_oddities_are_counted():
    odd = text(
        ("a", "b"), ("a", "b"), ("a", "c"), ("Taxi", "Taxi"), ("nee\u00addle", "x"), ("y\ufffd", "z"), ("u", "Ã¤h"),
        ("", ""), ("", ""),
    )  # fmt: skip
    found = [*repetitions(odd), *oddities(odd)]
    starts = ("repeating an", "with another target", "with the source as", "with characters", "with U+FFFD")
    for start in (*starts, "with letters such as"):
        assert len([line for line in found if line.startswith(f"1 {start}")]) == 1, start
    assert len(found) == 6
    plain = text(("ça", "Ähre"), ("नहीं\u200d", "a\tb"))
    assert (repetitions(plain), oddities(plain)) == ([], [])


def test_sentences_that_are_trained_on_are_counted():
    train = text(("a", "x"), ("b", "y"))
    assert seen_in_training(("b", "b", "c", ""), train) == 2


def test_files_named_the_other_way_round():
    assert language_of(Path("test.de.gz")) == "de"
    assert language_of(Path("test")) == ""
    assert look_swapped(Path("t.de"), Path("t.en.gz"), languages=("en", "de"))
    assert not look_swapped(Path("t.en"), Path("t.de"), languages=("en", "de"))
    assert not look_swapped(Path("t.txt"), Path("u.txt"), languages=("txt", "txt"))
