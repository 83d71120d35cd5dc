"""The translator assembled from numpy pieces: the same logits and words, and a wrong piece shows."""

import numpy as np
import pytest
import torch

from course.data import Tokenizer
from course.data.batches import make_batch
from course.lab import exercises
from course.lab.exercises import workbook
from course.lessons.lesson_03 import reference
from course.lessons.lesson_04 import reference as heads
from course.lessons.lesson_05 import reference as masks
from course.lessons.lesson_06 import reference as positions
from course.lessons.lesson_12 import assembly
from course.lessons.lesson_12.assembly import (
    IN_THE_MODEL,
    PIECES,
    assembled,
    from_numpy,
    logits_apart,
    own_pieces,
)
from course.lessons.lesson_12.tables import pieces_table
from course.model import Transformer, TransformerConfig, padding_mask
from course.model.attention import attention
from course.special import PAD
from course.training import train
from course.translator import Translator
from tests.training_toys import SMALL, backward_corpus, short_training

PAIRS = {"one two six": "sechs zwei eins", "five": "fünf", "three three": "drei drei"}
TEXTS = ["one two", "six five four", "two", "three one three", "four four"]
REFERENCE = {name: exercises.reference(name) for name in IN_THE_MODEL}


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    """A translator that has learned enough to say different things to different sentences."""
    run = tmp_path_factory.mktemp("run") / "toy"
    training = short_training(max_steps=150, validations=1, log_every=150, checkpoint_every=150)
    train(run, *backward_corpus(), model_options=SMALL, training=training, vocab_size=280)
    return Translator.load(run)


@pytest.fixture
def untrained(request):
    """Two layers with every weight at random, far from anything that could hide a difference."""
    torch.manual_seed(0)
    train_text, _ = backward_corpus()
    tokenizer = Tokenizer.train([*train_text.source, *train_text.target], vocab_size=280)
    sizes = {"src_vocab_size": tokenizer.vocab_size, "tgt_vocab_size": tokenizer.vocab_size}
    deeper = {"n_encoder_layers": 2, "n_decoder_layers": 2}
    options = {**SMALL, **deeper, **sizes, **getattr(request, "param", {})}
    return Translator(Transformer(TransformerConfig.from_dict(options)), tokenizer)


# As the course's own presets are: no biases, and positions that are turned or added.
ROTARY, SINUSOIDS = ({"bias": False, "positions": positions} for positions in ("rotary", "sinusoidal"))
EACH_KIND = pytest.mark.parametrize(
    "untrained", [{}, ROTARY, SINUSOIDS], indirect=True, ids=["biases", "rotary", "sum"]
)


def said(translator, beam):
    return [t.text for t in translator.translate(TEXTS, beam=beam)]


def test_the_same_translations(translator):
    other = assembled(translator, REFERENCE)
    assert len(set(said(translator, 1))) > 3
    for beam in (1, 3):
        assert said(other, beam) == said(translator, beam)


@EACH_KIND
def test_the_same_logits_all_at_once_and_word_by_word(translator, untrained):
    for one in (translator, untrained):
        other = assembled(one, REFERENCE)
        assert logits_apart(one, other, PAIRS) < 1e-5
        for beam in (1, 3):
            texts = (t.translate(TEXTS, beam=beam, max_len=6, n_best=beam) for t in (one, other))
            for ours, right in zip(*texts, strict=True):
                assert ours.text == right.text
                assert ours.score == pytest.approx(right.score, abs=1e-4)


@EACH_KIND
def test_the_same_attention(translator, untrained):
    for each in (translator, untrained):
        one, other = (t.attention("one two six", "eins zwei") for t in (each, assembled(each, REFERENCE)))
        assert one.target_tokens == other.target_tokens
        assert torch.allclose(one.weights, other.weights, atol=1e-6)


def test_the_given_translator_stays_as_it_is(translator):
    before = {name: p.clone() for name, p in translator.model.named_parameters()}
    assembled(translator, REFERENCE).translate(TEXTS, beam=1)
    assert all(layer.self_attention.function is None for layer in translator.model.decoder)
    assert all(torch.equal(before[name], p) for name, p in translator.model.named_parameters())


# How often a model of two and two layers calls each piece for a batch, and how often more for one word of a sentence.
BATCH, WORD = {"padding_mask": 1, "decoder_mask": 1}, {"padding_mask": 2, "causal_mask": 2}
CALLS = [
    ({}, BATCH | {"attention": 6, "add_positions": 2}, WORD | {"attention": 6, "add_positions": 2}),
    (ROTARY, BATCH | {"attention": 4, "multi_head_attention": 2, "rotary": 8},
     WORD | {"attention": 4, "multi_head_attention": 2, "rotary": 8}),
    (SINUSOIDS, BATCH | {"attention": 4, "multi_head_attention": 2, "add_positions": 2},
     WORD | {"attention": 4, "multi_head_attention": 2, "add_positions": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("untrained", "batch", "word"), CALLS, indirect=["untrained"], ids=["biases", "rotary", "sum"])
def test_every_piece_works_as_often_as_the_model_has_places_for_it(untrained, batch, word):
    calls = dict.fromkeys(IN_THE_MODEL, 0)

    def counted(name):
        def piece(*arguments, **options):
            calls[name] += 1
            return REFERENCE[name](*arguments, **options)

        return piece

    other = assembled(untrained, {name: counted(name) for name in IN_THE_MODEL})
    assert calls.pop("positional_encoding") == (untrained.model.config.positions == "sinusoidal")
    logits_apart(untrained, other, PAIRS)
    assert {name: n for name, n in calls.items() if n} == batch
    calls |= dict.fromkeys(calls, 0)
    other.translate(["one two"], beam=1, max_len=1)
    assert {name: n for name, n in calls.items() if n} == word


def not_scaled(q, k, v, mask=None):
    weights = reference.softmax(q @ np.swapaxes(k, -1, -2), mask)
    return weights @ v, weights


WRONG = {
    "attention": not_scaled,
    "decoder_mask": lambda tokens, pad: masks.decoder_mask(tokens, pad) & (np.eye(tokens.shape[1]) == 0),
    "padding_mask": lambda tokens, pad: np.ones_like(masks.padding_mask(tokens, pad)),
}


WRONG_PLACES = {
    "rotary": lambda x, start=0: positions.rotary(x[..., ::-1], start)[..., ::-1],
    "multi_head_attention": lambda q, kv, W, h, mask=None: heads.multi_head_attention(q, kv, W, 1, mask),
}
WRONG_SUMS = {
    "positional_encoding": lambda T, d: positions.positional_encoding(T, d)[:, ::-1],
    "add_positions": lambda x, table: x + table[::-1],
}
WRONG_AMONG = [(kind, name, piece) for kind, pieces in ((ROTARY, WRONG | WRONG_PLACES), (SINUSOIDS, WRONG | WRONG_SUMS))
               for name, piece in pieces.items()]  # fmt: skip


@pytest.mark.parametrize(("untrained", "name", "piece"), WRONG_AMONG, indirect=["untrained"])
def test_a_wrong_piece_shows_in_the_logits(untrained, name, piece):
    assert logits_apart(untrained, assembled(untrained, REFERENCE | {name: piece}), PAIRS) > 1e-3


def test_a_wrong_causal_mask_shows_where_the_model_writes_several_words_at_once(untrained):
    blind = assembled(untrained, REFERENCE | {"causal_mask": lambda n: np.eye(n, dtype=bool)})
    peeking = assembled(untrained, REFERENCE | {"causal_mask": lambda n: np.ones((n, n), dtype=bool)})
    tokens = torch.tensor([[1, 10, 11, 12]])
    with torch.inference_mode():
        memory = untrained.model.encode(tokens)
        whole = untrained.model.decode(tokens, memory)
        for wrong in (blind, peeking):
            assert (wrong.model.decode(tokens, memory) - whole).abs().max() > 1e-3
        right = assembled(untrained, REFERENCE).model.decode(tokens, memory)
    assert torch.allclose(right, whole, atol=1e-5)


def test_logits_apart_looks_at_real_positions_only(untrained):
    """The padded positions of the shorter sentences differ between the two models, and do not matter."""
    batch = make_batch([(untrained.tokenizer.encode(a), untrained.tokenizer.encode(b)) for a, b in PAIRS.items()])
    src_mask = padding_mask(batch.src, pad=PAD)
    with torch.inference_mode():
        one = untrained.model(batch.src, batch.tgt_in, src_mask=src_mask)
        other = assembled(untrained, REFERENCE).model(batch.src, batch.tgt_in, src_mask=src_mask)
    assert torch.allclose(one[batch.labels != PAD], other[batch.labels != PAD], atol=1e-5)


def test_numpy_attention_keeps_the_precision_of_its_input():
    q, k, v = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 5), torch.randn(2, 3, 6, 7)
    mask = torch.rand(2, 1, 4, 6) > 0.3
    for kind in (torch.float32, torch.float64):
        got = from_numpy(reference.attention)(q.to(kind), k.to(kind), v.to(kind), mask=mask)
        expected = attention(q.to(kind), k.to(kind), v.to(kind), mask=mask)
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == kind
            assert torch.allclose(a, b, atol=1e-6)


# Whose part is whose


def test_an_empty_workbook_gives_the_reference_for_all():
    pieces = own_pieces()
    known = {exercise.id for exercise in exercises.all_exercises()}
    assert set(pieces.functions) == {piece.exercise for piece in PIECES if piece.exercise in known}
    for name, function in pieces.functions.items():
        assert function is exercises.reference(name)
    lines = pieces_table(pieces).alt.splitlines()
    assert len(lines) == len(PIECES) + 1
    assert "yours" not in "".join(lines[1:]).replace("none of yours", "")


def test_pieces_of_lessons_to_come_name_their_lesson():
    line = next(line for line in pieces_table(own_pieces()).alt.splitlines() if "multi_head_attention" in line)
    if "multi_head_attention" not in own_pieces().functions:
        assert line.endswith("the reference (lesson 04 will write it)")


def own_causal_mask(T):
    return np.arange(T)[:, None] >= np.arange(T)


def test_a_kept_piece_is_used_and_named(untrained):
    assert workbook.keep("causal_mask", own_causal_mask)
    pieces = own_pieces()
    assert pieces.owners["causal_mask"] == "yours"
    assert pieces["causal_mask"] is not exercises.reference("causal_mask")
    line = next(line for line in pieces_table(pieces).alt.splitlines() if "causal_mask" in line)
    assert line.endswith("yours")
    assert said(assembled(untrained, pieces), 1) == said(untrained, 1)


def test_a_kept_piece_that_fails_its_check_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path))
    (tmp_path / "causal_mask.py").write_text(
        "import numpy as np\ndef piece(T):\n    return np.tril(np.ones((T, T), dtype=bool), k=1)\n", encoding="utf-8"
    )
    pieces = own_pieces()
    assert pieces["causal_mask"] is exercises.reference("causal_mask")
    assert "does not pass" in pieces.owners["causal_mask"]


def test_every_exercise_that_exists_is_named_right():
    """A piece names the lesson that its exercise belongs to, and no two pieces name the same one."""
    lessons = {exercise.id: exercise.lesson for exercise in exercises.all_exercises()}
    for piece in PIECES:
        assert lessons.get(piece.exercise, piece.lesson) == piece.lesson
    assert len({piece.exercise for piece in PIECES}) == len(PIECES)
    assert set(IN_THE_MODEL) <= lessons.keys()
    assert assembly.PIECES[0].lesson == 9
