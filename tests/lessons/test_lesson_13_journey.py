"""Lesson 13, the way of a sentence: what is recorded is what the model does."""

import pytest
import torch

from course.data import Tokenizer, sample
from course.errors import CourseError
from course.lessons.lesson_13.journey import record
from course.model import RecurrentConfig, RecurrentModel, Transformer, TransformerConfig, padding_mask
from course.pretrained import pretrained_translator
from course.special import BOS, EOS, PAD
from course.translator import Translator

SENTENCE = "The needle has a sharp point."
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


def small(**options):
    """An untrained translator whose options differ from those of the shipped one."""
    pairs = sample(20, split="train", length=(4, 8))
    tokenizer = Tokenizer.train([text for pair in pairs for text in (pair.source, pair.target)], vocab_size=300)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size}
    torch.manual_seed(3)
    model = Transformer(TransformerConfig(**sizes, d_model=16, n_heads=2, d_ff=24, dropout=0.0, **options))
    return Translator(model, tokenizer)


@pytest.mark.parametrize(
    "options",
    [
        None,
        {"n_encoder_layers": 1, "n_decoder_layers": 3, "norm": "post", "positions": "sinusoidal"},
        {"n_encoder_layers": 2, "n_decoder_layers": 1, "norm": "pre", "positions": "learned", "activation": "gelu"},
    ],
)
def test_the_record_is_what_the_model_computes(translator, options):
    chosen = translator if options is None else small(**options)
    found = record(chosen, SENTENCE)
    src = torch.tensor([[*chosen.tokenizer.encode(SENTENCE), EOS]])
    tgt = torch.tensor([[BOS, *chosen.tokenizer.encode(found.text)]])
    with torch.inference_mode():
        logits, weights = chosen.model(src, tgt, src_mask=padding_mask(src, pad=PAD), return_weights=True)
        memory = chosen.model.encode(src)
    torch.testing.assert_close(found.memory, memory[0], **CLOSE)
    torch.testing.assert_close(found.probabilities, logits[0].softmax(-1), **CLOSE)
    kept = {
        "encoder": [own for own, _ in found.encoder],
        "decoder": [own for own, _, _ in found.decoder],
        "cross": [cross for _, cross, _ in found.decoder],
    }
    for kind, layers in kept.items():
        for one, other in zip(layers, getattr(weights, kind), strict=True):
            torch.testing.assert_close(one.weights, other[0], **CLOSE)


def test_every_step_follows_from_the_one_before(translator):
    found = record(translator, SENTENCE)
    stream = found.source_stream
    for own, fed in found.encoder:
        torch.testing.assert_close(own.before, stream)
        torch.testing.assert_close(own.weights, own.scores.softmax(-1))
        torch.testing.assert_close(own.mixed, own.weights @ own.v)
        torch.testing.assert_close(fed.before, own.after)
        assert fed.hidden.min() >= 0  # a ReLU
        stream = fed.after
    stream = found.target_stream
    for own, cross, fed in found.decoder:
        for before, after in ((stream, own.before), (own.after, cross.before), (cross.after, fed.before)):
            torch.testing.assert_close(before, after)
        assert own.weights.triu(1).max() == 0
        assert cross.k.shape[1] == len(found.source)
        stream = fed.after


def test_it_writes_what_the_translator_writes(translator):
    found = record(translator, SENTENCE)
    assert found.text == "Die Nadel hat eine scharfe Spitze."
    assert found.given[0] == "<bos>"
    assert found.given[1:] == found.written[:-1]
    best = found.probabilities.argmax(-1).tolist()
    assert translator.tokenizer.tokens(best) == list(found.written)


def test_a_recurrent_model_is_refused():
    tokenizer = Tokenizer.train([SENTENCE], vocab_size=262)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size, "d_model": 8}
    model = RecurrentModel(RecurrentConfig(architecture="gru", attention="dot", **sizes))
    with pytest.raises(CourseError, match="recurrent model"):
        record(Translator(model, tokenizer), SENTENCE)
