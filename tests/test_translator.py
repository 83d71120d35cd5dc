"""Text in, text out: order, batches, attention and errors; with a model that copies and one that is random."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course.data import ParallelText, Tokenizer, encode_pairs
from course.errors import CourseError
from course.model import Transformer, TransformerConfig
from course.special import EOS
from course.translator import AlignedAttention, Translator, moved, render_attention

LINES = [
    "A man is riding a bicycle down the street.",
    "Two dogs run.",
    "Eine Frau liest ein Buch über Möwen.",
    "The president of that country pointed at the sharp point of the needle.",
    "Zwei Männer, ein Hund und 3 Räder!",
    "ok",
    "Two men stand by the water.",
]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(LINES * 3, vocab_size=300)


class CopyCache(SimpleNamespace):
    def select(self, rows):
        sentences = rows[:: self.beam_size] // self.beam_size
        return CopyCache(memory=self.memory[sentences], t=self.t, beam_size=self.beam_size)


class CopyModel(nn.Module):
    """Translates every sentence into itself; the second-best hypotheses leave out the end."""

    def __init__(self, vocabulary, max_len=200):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace(max_len=max_len)
        self.vocabulary, self.batches = vocabulary, []

    def encode(self, src, *, src_mask=None):
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.batches.append(src.shape)
        return src

    def start_cache(self, memory, *, src_mask=None, beam_size=1):
        return CopyCache(memory=memory, t=0, beam_size=beam_size)

    def step(self, tokens, cache):
        due = cache.memory[:, min(cache.t, cache.memory.shape[1] - 1)].repeat_interleave(cache.beam_size)
        cache.t += 1
        logits = torch.zeros(len(due), self.vocabulary)
        logits[torch.arange(len(due)), due] = 20.0
        return logits


@pytest.fixture
def copier(tokenizer):
    return Translator(CopyModel(tokenizer.vocab_size), tokenizer)


@pytest.fixture(scope="module")
def random_translator(tokenizer):
    torch.manual_seed(0)
    n = tokenizer.vocab_size
    config = TransformerConfig(n, n, d_model=16, n_heads=2, d_ff=16, n_encoder_layers=1, n_decoder_layers=3, max_len=60)
    return Translator(Transformer(config).train(), tokenizer, {"corpus": "none"})


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_order_is_kept(copier, beam, batch_size):
    seen = []
    found = copier.translate(LINES, beam=beam, batch_size=batch_size, progress=seen.append)
    assert [t.text for t in found] == LINES
    assert all(t.finished for t in found)
    assert sum(seen) == len(LINES)
    assert max(seen) <= batch_size


def test_similar_lengths_share_a_batch(copier):
    copier.translate(LINES, batch_size=3)
    widths = [width for _, width in copier.model.batches]
    assert widths == sorted(widths)
    assert len(set(widths)) > 1


def test_n_best(copier):
    (best,) = copier.translate(["Two dogs run."], beam=4, n_best=4)
    assert best.n_best[0] == (best.text, best.score)
    assert len(best.n_best) == 4
    assert [score for _, score in best.n_best] == sorted((score for _, score in best.n_best), reverse=True)


def test_blanks_and_composed_characters(copier):
    (found,) = copier.translate(["  Mo\u0308wen \n"])
    assert found.text == "M\u00f6wen"


@pytest.mark.parametrize("beam", [1, 3])
def test_an_empty_line_has_an_empty_translation_where_that_is_wanted(copier, beam):
    lines = ["", "ok", " \u200b\u00ad", "Zwei Männer", "\ufeff"]
    seen = []
    found = copier.translate(lines, beam=beam, n_best=beam, keep_empty=True, progress=seen.append)
    assert [t.text for t in found] == ["", "ok", "", "Zwei Männer", ""]
    assert found[0].n_best == (("", 0.0),) * beam
    assert sum(seen) == len(lines)
    assert [t.text for t in copier.translate(["", "\u00a0"], keep_empty=True)] == ["", ""]
    with pytest.raises(CourseError, match=r"Line 3 is empty, or nothing in it can be seen"):
        copier.translate(["a", "ok", "\u200b"])
    with pytest.raises(CourseError, match=r"Line 3 has \d+ tokens"):  # numbers count the empty lines, too
        copier.translate(["", "ok", "x y " * 200], keep_empty=True)


def test_a_sentence_has_the_same_ids_wherever_it_comes_from(copier, tokenizer):
    for line in (" Mo\u0308wen\u3000", "\ufeffMöwen", "Möwen\r\n"):
        text = ParallelText((line,), (line,))
        (source, target), ids = encode_pairs(text, tokenizer)[0], tokenizer.encode("Möwen")
        assert (source, target) == (ids, ids)
        assert copier.source_ids([line]) == [[*ids, EOS]]


def test_a_line_of_a_megabyte_is_refused_before_it_is_cut_into_pieces(copier, monkeypatch):
    monkeypatch.setattr(Tokenizer, "encode_all", None)
    with pytest.raises(CourseError, match=r"Line 2 has 1,000,000 characters, but this model has positions for 200"):
        copier.translate(["ok", "x" * 1_000_000])
    with pytest.raises(CourseError, match=r"The translation has 1,000,000 characters"):
        monkeypatch.undo() or copier.attention("ok", "x" * 1_000_000)


def test_max_len_cuts_and_says_so(copier, tokenizer):
    (cut,) = copier.translate([LINES[0]], max_len=3, beam=1)
    assert not cut.finished
    assert cut.text == tokenizer.decode(tokenizer.encode(LINES[0])[:3])


def test_default_max_len_grows_with_the_source(random_translator, tokenizer):
    """A random model hardly ever ends a sentence: the bound is what ends it."""
    for text in (LINES[1], LINES[3]):
        source = len(tokenizer.encode(text)) + 1
        (found,) = random_translator._decode([[*tokenizer.encode(text), EOS]], 1, 0.6, 1, None)[0]
        assert len(found.ids) <= min(60, source * 1.5 + 10)
        assert found.finished or len(found.ids) == min(60, source * 3 // 2 + 10)


def test_nothing_to_translate(copier):
    assert copier.translate([]) == []


# --- attention ------------------------------------------------------------------------------------------


def test_attention_is_aligned(random_translator, tokenizer):
    aligned = random_translator.attention("Two dogs run.", "Zwei Männer.")
    assert aligned.source_tokens == [*tokenizer.tokens(tokenizer.encode("Two dogs run.")), "<eos>"]
    assert aligned.target_tokens == [*tokenizer.tokens(tokenizer.encode("Zwei Männer.")), "<eos>"]
    assert aligned.weights.shape == (3, 2, len(aligned.target_tokens), len(aligned.source_tokens))
    torch.testing.assert_close(aligned.weights.sum(-1), torch.ones(aligned.weights.shape[:-1]))
    assert aligned.translation == "Zwei Männer."
    assert not random_translator.model.training


def test_a_row_belongs_to_the_token_that_it_chooses(random_translator):
    """Changing the last word leaves its own row as it is (the row chose it unseen) and moves only later ones."""
    one = random_translator.attention("Two dogs run.", "ok A")
    two = random_translator.attention("Two dogs run.", "ok 3")
    different = [i for i, (a, b) in enumerate(zip(one.target_tokens, two.target_tokens, strict=False)) if a != b]
    first = different[0]
    torch.testing.assert_close(one.weights[:, :, : first + 1], two.weights[:, :, : first + 1])
    assert (one.weights[:, :, first + 1] - two.weights[:, :, first + 1]).abs().max() > 1e-4


def test_attention_of_its_own_translation(random_translator):
    aligned = random_translator.attention("Two dogs run.")
    (expected,) = random_translator.translate(["Two dogs run."])
    assert aligned.translation == expected.text
    assert aligned.weights.shape[2] == len(aligned.target_tokens)


def test_render_attention_by_hand():
    weights = torch.zeros(2, 2, 3, 4)
    weights[1, 0] = torch.tensor([[0.9, 0.1, 0, 0], [0.0, 0.5, 0.3, 0.2], [0, 0, 0.25, 0.75]])
    weights[1, 1] = torch.tensor([[0.7, 0.1, 0.2, 0], [0.0, 0.5, 0.5, 0.0], [0, 0, 0.25, 0.75]])
    weights[0, :, :, 3] = 1.0
    aligned = AlignedAttention(["Two", "▁dogs", "▁", "<eos>"], ["Zwei", "▁Hunde", "<eos>"], weights)
    assert render_attention(aligned).splitlines() == [
        "Attention to the source, decoder layer 2 of 2, mean of 2 heads:",
        "Zwei:   Two 80 %, dogs 10 %",
        "Hunde:  dogs 50 %, space 40 %",
        "<eos>:  <eos> 75 %, space 25 %",
    ]
    assert render_attention(aligned, layer=0, top=1).splitlines()[1:] == [
        "Zwei:   <eos> 100 %",
        "Hunde:  <eos> 100 %",
        "<eos>:  <eos> 100 %",
    ]
    with pytest.raises(CourseError, match="no layer 2"):
        render_attention(aligned, layer=2)


# --- loading and bad input -----------------------------------------------------------------------------------


def test_load(random_translator, tokenizer, tmp_path):
    from course.training.checkpoint import weights_of, write_tensors

    model = random_translator.model
    info = {"model": model.config.to_dict(), "training": {"max_steps": 1}, "corpus": {"name": "x"}}
    (tmp_path / "run.json").write_text(json.dumps(info), encoding="utf-8")
    tokenizer.save(tmp_path / "tokenizer.json")
    write_tensors(tmp_path / "best.safetensors", weights_of(model), {"step": 1})
    loaded = Translator.load(tmp_path)
    assert loaded.info["corpus"] == {"name": "x"}
    assert loaded.translate(LINES) == random_translator.translate(LINES)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: t.translate([""]), "^The sentence is empty"),
        (lambda t: t.translate(["a", " \t\u3000", "b"]), "^Line 2 is empty"),
        (lambda t: t.translate("a man"), "one string"),
        (lambda t: t.translate(["a"], batch_size=0), "is 0"),
        (lambda t: t.translate(["a"], beam=0), "beam size must be 1 or more, but is 0"),
        (lambda t: t.translate(["a"], beam=2, n_best=3), "beam size 2, but is 3"),
        (lambda t: t.translate(["a"], max_len=0), "but is 0"),
        (lambda t: t.translate(["a", "q" * 80]), "^Line 2 has 81 tokens.* positions for 60"),
        (lambda t: t.attention("q" * 80), "^The sentence has 81 tokens.* positions for 60"),
        (lambda t: t.attention("a", "q" * 80), "^The translation has 81 tokens.* positions for 60"),
        (lambda t: t.attention("a", " "), "translation to follow is empty"),
        (lambda t: t.attention(" "), "^The sentence is empty"),
    ],
)
def test_bad_input_gets_a_sentence(random_translator, call, text):
    with pytest.raises(CourseError, match=text):
        call(random_translator)


def test_the_longest_sentence_that_fits_is_translated(random_translator):
    (found,) = random_translator.translate(["q" * 59])
    assert isinstance(found.text, str)


def test_load_of_nothing(tmp_path):
    with pytest.raises(CourseError, match="nowhere"):
        Translator.load(tmp_path / "nowhere")


def test_a_tokenizer_of_another_model_is_refused(random_translator):
    for other in (Tokenizer.train(["x"]), Tokenizer(())):
        with pytest.raises(CourseError, match="has 260 pieces, but the model was made for .* that it was trained with"):
            Translator(random_translator.model, other)


def test_a_device_that_is_not_here_is_named(random_translator):
    with pytest.raises(CourseError, match=r"cannot be moved to the device gpu \(.*leave it out for the CPU"):
        moved(random_translator.model, "gpu")


def test_no_piece_to_name_is_refused(random_translator):
    with pytest.raises(CourseError, match="top must be 1 or more, but is 0"):
        render_attention(random_translator.attention("a b"), top=0)
