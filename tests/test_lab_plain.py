"""Plain Python values as results: what counts as a difference, and in which words it is said."""

import dataclasses

import numpy as np
import pytest

import course.lab
from course.lab.exercises.example import counter_examples, say_example
from course.lab.exercises.exercise import Case, Exercise, Mistake
from course.lab.exercises.ladder import climb
from course.lab.exercises.plain import LONG, Plain, difference, written


@pytest.mark.parametrize(
    ("right", "yours"),
    [
        ([1, 2], [np.int64(1), 2]),
        ({"a": 1}, {"a": 1}),
        ([("a", "b")], [("a", "b")]),
        (0.5, 0.5 + 1e-12),
        (2.0, 2),
        ([[]], [[]]),
        (True, True),
    ],
)
def test_equal_values_have_no_difference(right, yours):
    assert difference("x", right, yours) is None


@pytest.mark.parametrize(
    ("right", "yours", "said"),
    [
        ([1, 2], (1, 2), "x should be a list, and yours is of type tuple."),
        ([1, 2], None, "x should be a list, and yours is of type NoneType."),
        ([1, 2], print, "x is a function, print, not its result."),
        ("ab", b"ab", "x should be a string, and yours is of type bytes."),
        (1, True, "x should be a whole number, and yours is of type bool."),
        (True, 1, "x should be True or False, and yours is of type int."),
        (1, 1.0, "x should be a whole number, and yours is of type float."),
        (0.5, "a", "x should be a number, and yours is of type str."),
        (0.5, 0.6, "x should be 0.5, and yours is 0.6."),
        ([1, 2, 3], [1, 2], "x should have 3 entries, and yours has 2."),
        ([1], [1, 2], "x should have 1 entry, and yours has 2."),
        ([("a", "b")], [("a", "c")], "x[0] should be ('a', 'b'), and yours is ('a', 'c')."),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "x['b'] should be 2, and yours is 3."),
        ({"a": 1, "b": 2}, {"a": 1}, "x should have 2 entries, and yours has 1."),
        ([[list(range(40)), 1]], [[list(range(40)), 2]], "x[0][1] should be 1, and yours is 2."),
    ],
)
def test_the_first_difference_is_said(right, yours, said):
    assert difference("x", right, yours) == said


def test_long_values_are_cut_off():
    assert len(written(list(range(500)))) == LONG
    assert written(Plain([1])) == "[1]"


def ordered(words):
    return sorted(words)


def exercise(*mistakes):
    return Exercise(
        id="ordered", lesson=0, title="Put in order", signature="(words) -> words", reference=ordered,
        cases=(
            Case("two words", lambda: (["b", "a"],), "Which comes first?", by_hand=True),
            Case("three words of several lengths", lambda: (["bb", "a", "c"],), "And of three?", tier=2),
        ),
        mistakes=tuple(mistakes), hints=("a?", "b", "c"), argument_names=("words",), result_names=("words",),
        result_kind="plain", difficulty=1, importance=1, minutes=1,
    )  # fmt: skip


def test_a_plain_answer_is_compared_as_a_whole():
    assert climb(exercise(), ordered).status == "passed"
    assert climb(exercise(), lambda words: sorted(words, reverse=True)).message == (
        "On two words: words[0] should be 'a', and yours is 'b'.\n"
        "  words = ['b', 'a']\n"
        "  must give words = ['a', 'b'].\n"
        "  Which comes first?"
    )


def test_a_plain_answer_that_is_empty_or_nothing():
    assert "words should have 2 entries" in climb(exercise(), lambda words: []).message
    assert "hands nothing back" in climb(exercise(), lambda words: words.sort()).message


def test_a_list_that_was_changed_is_seen():
    def wrong(words):
        words.sort()
        return list(words)

    assert "changed its own argument words: the caller's list is different" in climb(exercise(), wrong).message


def test_a_known_mistake_is_named():
    mistake = Mistake("backward", "backward", "Which way?", (lambda words: sorted(words)[::-1],))
    assert climb(exercise(mistake), lambda words: sorted(words, reverse=True)).mistake == "backward"
    assert climb(exercise(mistake), lambda words: words[:1]).mistake is None


def test_a_version_that_is_right_where_the_answer_is_wrong_explains_nothing():
    """Only the type is wrong: no version that happens to agree there is blamed."""
    mistake = Mistake("by_length", "by length", "By what?", (lambda words: sorted(words, key=len) if len(words) > 2
                                                            else sorted(words),))  # fmt: skip
    found = climb(exercise(mistake), lambda words: tuple(sorted(words)))
    assert (found.status, found.mistake) == ("failed", None)


def test_a_counter_example_is_said_with_values():
    def wrong(words):
        return sorted(words, key=len)

    example = counter_examples(exercise(), wrong)[0]
    assert say_example(exercise(), example).endswith("it must give words = ['a', 'b'], and yours gives ['b', 'a'].")


def test_arrays_of_the_references_own_type():
    both = dataclasses.replace(
        exercise(), reference=lambda words: np.arange(len(words)), result_kind="array", result_names=("places",)
    )
    assert climb(both, lambda words: np.arange(len(words))).status == "passed"
    said = climb(both, lambda words: np.arange(len(words), dtype=float)).message
    assert "places should be int64, and yours is float64." in said


def test_a_wrong_answer_that_returns_nothing_at_times_can_be_handed_in_twice(capsys):
    """The second time the smallest counter-example is said, and there is nothing in it to compare."""

    def merges_once(word, merges):
        pieces = [*word, "</w>"]
        return pieces if merges and merges[0] in zip(pieces, pieces[1:], strict=False) else None

    for _ in range(2):
        course.lab.check("bpe_encode", merges_once)
    assert "yours gives None" in capsys.readouterr().out
