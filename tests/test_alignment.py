"""From pieces to words: by hand on texts that can be counted, and as properties of a random model."""

import numpy as np
import pytest
import torch
from nltk.translate import metrics as nltk

from course.alignment import WordAttention, owners, word_attention
from course.data import Tokenizer
from course.data.grammar.tokens import detokenized, mark, token
from course.errors import CourseError
from course.model import Transformer, TransformerConfig
from course.scoring import alignment_error_rate
from course.translator import Translator

ENGLISH = [token("The", 1), token("needle", 2), token("falls", 3), mark(".")]
FRENCH = [token("L'", 1, right=True), token("aiguille", 2), token("tombe", 3), mark(".")]


def test_every_piece_belongs_to_the_word_that_it_ends_in():
    # "L'" "aiguille" " tombe" "." cut as  L | ' | aig | uille | ▁tom | be | . | <eos>
    assert owners([1, 1, 3, 5, 4, 2, 1, 0], FRENCH) == [0, 0, 1, 1, 2, 2, 3, 4]


def test_bytes_count_not_letters():
    words = [token("œuf"), token("là")]
    assert owners([2, 2, 4, 0], words) == [0, 0, 1, 2]


def test_pieces_of_another_text_are_refused():
    with pytest.raises(CourseError, match="8 bytes, but the words 17"):
        owners([3, 5, 0], FRENCH)


@pytest.fixture(scope="module")
def translator():
    texts = [detokenized(side) for side in (ENGLISH, FRENCH)] * 3
    tokenizer = Tokenizer.train(texts, vocab_size=275)
    torch.manual_seed(0)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size}
    config = TransformerConfig(**sizes, d_model=16, n_heads=2, d_ff=16, n_encoder_layers=1, n_decoder_layers=2)
    return Translator(Transformer(config), tokenizer)


def test_words_share_out_all_the_attention(translator):
    found = word_attention(translator, ENGLISH, FRENCH)
    assert found.weights.shape == (2, 2, 4, 5)
    assert found.source == ("The", "needle", "falls", ".")
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=1e-6)


def test_a_word_of_one_piece_keeps_its_own_row(translator):
    raw = translator.attention(detokenized(ENGLISH), detokenized(FRENCH))
    found = word_attention(translator, ENGLISH, FRENCH)
    period = raw.target_tokens.index(".")
    np.testing.assert_allclose(found.weights[:, :, 3, 4], raw.weights[:, :, period, -1], atol=1e-6)  # the end token


def test_links_follow_the_largest_weight_and_the_end_token_means_none():
    weights = np.array([[[[0.1, 0.7, 0.2], [0.2, 0.1, 0.7]]]])
    attention = WordAttention(("a", "b"), ("x", "y"), weights)
    assert attention.links() == {(1, 0)}
    assert attention.links(0, head=0) == {(1, 0)}


def test_error_rate_equals_nltk():
    rng = np.random.default_rng(3)
    for _ in range(20):
        guess, gold = ({(int(i), int(j)) for i, j in rng.integers(0, 6, (rng.integers(1, 9), 2))} for _ in range(2))
        assert alignment_error_rate([guess], [gold]) == pytest.approx(nltk.alignment_error_rate(gold, guess))


def test_error_rate_by_hand_over_two_sentences():
    # 2 of 3 guesses are right; 4 gold links: 1 - 2 * 2 / (3 + 4)
    assert alignment_error_rate([{(0, 0), (1, 1)}, {(0, 1)}], [{(0, 0), (1, 1)}, {(1, 0), (1, 1)}]) == pytest.approx(
        3 / 7
    )


def test_error_rate_refuses_what_cannot_be_scored():
    with pytest.raises(CourseError, match="1 guessed alignments .* 2 gold"):
        alignment_error_rate([set()], [set(), set()])
    with pytest.raises(CourseError, match="no link"):
        alignment_error_rate([set()], [set()])


def test_a_word_that_looked_nowhere_is_linked_to_nothing():
    """A window may lie behind the sentence's end: a row of zeros, whose largest entry is no more than the first."""
    weights = np.array([[[[0.2, 0.7, 0.1], [0.0, 0.0, 0.0], [0.1, 0.1, 0.8]]]])
    assert WordAttention(("a", "b"), ("x", "y", "z"), weights).links() == {(1, 0)}
