"""A run's tokenizer learns from what the run trains on, and from nothing else."""

import time

import pytest

from course.data import ParallelText, Tokenizer, encode_pairs
from course.errors import CourseError
from course.training.vocabulary import fits, learn_tokenizer

PAIRS = (*[("the dog runs", "der Hund rennt"), ("a dog sees the sea", "ein Hund sieht das Meer")] * 3,)


def text(*pairs):
    source, target = zip(*pairs, strict=True)
    return ParallelText(source, target)


def learned(*pairs, max_len=40, vocab_size=320):
    return learn_tokenizer(text(*pairs), vocab_size=vocab_size, max_len=max_len).merges


def test_lines_that_training_leaves_out_teach_nothing():
    alone = learned(*PAIRS)
    long = "zebra quagga " * 30
    for odd in (
        (long, "Hund"),
        ("dog", long),
        ("zebra zebra zebra", ""),
        ("\u200b", "Zebra Zebra Zebra"),
        ("z" * 9999, "x"),
    ):
        assert learned(*PAIRS, odd) == alone
    assert learned(*PAIRS, ("zebra zebra", "Zebra Zebra")) != alone


def test_all_that_was_learned_from_fits():
    # Words that only the longer pairs hold are one piece each while those teach, and many once they are left out.
    pairs = [*PAIRS, *((" ".join(f"quagga{i}" * 2 for i in range(n)), "Hund") for n in range(1, 12))]
    kept = learn_tokenizer(text(*pairs), vocab_size=400, max_len=12)
    fitting = [p for p, ids in zip(pairs, encode_pairs(text(*pairs), kept), strict=True) if fits(ids, 12)]
    assert 0 < len(fitting) < len(pairs)
    assert Tokenizer.train([line for pair in fitting for line in pair], vocab_size=400).merges == kept.merges


def test_a_corpus_without_a_fitting_pair_is_refused():
    with pytest.raises(CourseError, match="no sentence pair fits into max_len 2"):
        learned(*PAIRS, max_len=2)


def test_a_word_of_a_megabyte_takes_no_time():
    word = "".join(chr(97 + i * i * 7 % 26) + chr(97 + i // 26 % 26) for i in range(500_000))
    started = time.process_time()
    learned(*PAIRS, (word, "Wort"))
    assert time.process_time() - started < 5
