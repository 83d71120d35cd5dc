"""The attention explorer: what it is given, what it says, and what it sends to the page."""

import numpy as np
import pytest

from course.alignment import every_word_attention, word_attention
from course.data import sample
from course.errors import CourseError
from course.lab.widgets.attention_explorer import FULL, AttentionExplorer, Explored, View
from course.lab.widgets.explored import explore_attention, explored

SOURCE, TARGET = ("The", "dog", "sleeps", "<eos>"), ("Der", "Hund", "schläft", "<eos>")


def weights(*shape):
    numbers = np.random.default_rng(4).random(shape)
    return numbers / numbers.sum(-1, keepdims=True)


@pytest.fixture
def explorer():
    cross = View("cross-attention", TARGET, SOURCE, weights(2, 3, 4, 4), gold=((0, 0), (1, 1)))
    own = View("decoder self-attention", TARGET, ("<bos>", *TARGET[:-1]), weights(1, 2, 4, 4))
    first = Explored("The dog sleeps.", "Der Hund schläft.", (cross, own), ("en", "de"))
    return AttentionExplorer([first, Explored("A dog.", "Ein Hund.", (own,))])


@pytest.fixture(scope="module")
def translator():
    from course.pretrained import pretrained_translator

    return pretrained_translator("en-de")


@pytest.fixture(scope="module")
def pairs():
    return sample(3, split="test_iid", length=(5, 9))


def sent(explorer, place, view):
    """The weights of a view as the page reads them."""
    about = explorer.sentences[place]["views"][view]
    shape = (about["layers"], about["heads"], len(about["asking"]), len(about["asked"]))
    numbers = np.frombuffer(explorer.weights, dtype="<u2")
    return numbers[about["offset"] : about["offset"] + np.prod(shape)].reshape(shape) / FULL


def test_the_page_gets_every_weight(explorer):
    for place, each in enumerate(explorer._sentences):
        for at, view in enumerate(each.views):
            np.testing.assert_allclose(sent(explorer, place, at), view.weights, atol=0.5 / FULL)
    assert len(explorer.weights) == 2 * sum(v.weights.size for each in explorer._sentences for v in each.views)


def test_it_says_where_each_word_looks_most(explorer):
    cross = explorer._sentences[0].views[0]
    mean = cross.weights[1].mean(0)
    said = repr(explorer)
    assert "1 of 2 sentences" in said
    assert "cross-attention, layer 2 of 2, mean of 3 heads" in said
    assert f"Hund at {SOURCE[mean[1].argmax()]} ({mean[1].max():.2f})" in said
    explorer.head = 2
    one = cross.weights[1, 2]
    assert f"Hund at {SOURCE[one[1].argmax()]} ({one[1].max():.2f})" in repr(explorer)
    assert "head 3 of 3" in explorer.still_html()


def test_a_view_with_fewer_layers_and_heads_shows_its_last_layer_and_the_mean(explorer):
    explorer.head, explorer.view = 2, 1
    assert "decoder self-attention, layer 1 of 1, mean of 2 heads" in repr(explorer)
    explorer.place = 1  # a sentence that has one view only
    assert "“A dog.” → “Ein Hund.”. decoder self-attention" in repr(explorer)


@pytest.mark.parametrize(("name", "value", "most"), [("place", 2, 1), ("layer", 2, 1), ("head", 3, 2), ("view", -1, 1)])
def test_what_is_not_there_is_refused_with_what_there_is(explorer, name, value, most):
    with pytest.raises(CourseError, match=f"{name} is {value}; take one from -?[01] to {most}"):
        setattr(explorer, name, value)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(CourseError, match=r"shape \(2, 3, 4, 3\); they need \(layers, heads, 4, 4\)"):
        View("cross-attention", TARGET, SOURCE, weights(2, 3, 4, 3))
    with pytest.raises(CourseError, match="weights are 0 to 1"):
        View("cross-attention", TARGET, SOURCE, 2 * np.ones((1, 1, 4, 4)))
    with pytest.raises(CourseError, match="weights are 0 to 1"):
        View("cross-attention", TARGET, SOURCE, np.full((1, 1, 4, 4), np.nan))
    with pytest.raises(CourseError, match="at least one sentence"):
        AttentionExplorer([])
    view = View("cross-attention", TARGET, SOURCE, weights(2, 3, 4, 4))
    with pytest.raises(CourseError, match="no layer 2"):
        AttentionExplorer([Explored("a", "b", (view,))], layer=2)


def test_every_attention_between_words_is_a_distribution(translator, pairs):
    for pair in pairs:
        every = every_word_attention(translator, pair.source_tokens, pair.target_tokens)
        for part in (every.encoder, every.decoder, every.cross):
            np.testing.assert_allclose(part.sum(-1), 1, atol=1e-5)
        S, T = len(pair.source_tokens) + 1, len(pair.target_tokens) + 1
        assert every.encoder.shape[2:] == (S, S)
        assert every.decoder.shape[2:] == (T, T)
        assert every.cross.shape[2:] == (T, S)


def test_the_decoder_never_looks_at_a_word_that_is_not_yet_begun(translator, pairs):
    every = every_word_attention(translator, pairs[0].source_tokens, pairs[0].target_tokens)
    # Column 0 is the begin token and column j the word j - 1, of which row j - 1 may see the pieces it has written.
    later = np.triu(np.ones(every.decoder.shape[2:], dtype=bool), k=2)
    assert every.decoder[..., later].max() == 0
    assert every.decoder[..., 0, 0].min() > 0  # the first word sees the begin token


def test_the_cross_attention_is_that_of_the_maps(translator, pairs):
    for pair in pairs:
        both = pair.source_tokens, pair.target_tokens
        maps, every = word_attention(translator, *both), every_word_attention(translator, *both)
        np.testing.assert_array_equal(maps.weights, every.cross[:, :, :-1])


def test_gold_links_are_rows_and_columns_of_the_cross_attention(translator):
    (pair,) = sample(1, split="test_iid", length=(8, 12))
    view = explored(translator, pair).views[0]
    assert view.gold
    for row, column in view.gold:
        assert 0 <= row < len(pair.target_tokens)
        assert 0 <= column < len(pair.source_tokens)
    # A trained translator looks where the gold links are: in its last layer most words do.
    best = view.weights[-1].mean(0).argmax(-1)
    assert sum((row, int(best[row])) in view.gold for row in {row for row, _ in view.gold}) >= 3


def test_a_recurrent_model_without_self_attention_has_one_view():
    import torch

    from course.data import Tokenizer
    from course.model import RecurrentConfig, RecurrentModel
    from course.translator import Translator

    pairs = sample(1, split="test_iid", length=(4, 6))
    tokenizer = Tokenizer.train([pairs[0].source, pairs[0].target], vocab_size=270)
    torch.manual_seed(1)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size, "d_model": 8}
    model = RecurrentModel(RecurrentConfig(architecture="gru", attention="dot", **sizes))
    (view,) = explored(Translator(model, tokenizer), pairs[0]).views
    assert view.name == "cross-attention"
    assert "layer 1 of 1, its only head" in repr(explore_attention(Translator(model, tokenizer), pairs))
