"""What the benchmark compares with is the same model: CTranslate2 gives our log-probabilities and our translations."""

import pytest
import torch

from course.data import load_corpus
from course.decoding import LengthPenalty, beam_search
from course.model import Transformer, TransformerConfig
from course.pretrained import pretrained_translator
from course.special import BOS, EOS, PAD
from tests.benchmarks.ctranslate2_peer import Peer

pytest.importorskip("ctranslate2", reason="the extra `bench` is not installed; `make bench` does it")

VOCABULARY = 11
SOURCE, TARGET = [4, 5, 9, 6, 10, 4, EOS], [7, 8, 4, 4, 10]
NO_PENALTY = LengthPenalty("none")


def random_model(**options):
    """Nothing at 0 or 1, so that nothing can be forgotten; the rows of padding and begin token large as any."""
    config = TransformerConfig(VOCABULARY, VOCABULARY, d_model=16, n_heads=2, d_ff=24, max_len=32, **options)
    model, g = Transformer(config).eval(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=g), alpha=0.3)
    return model


def our_log_probs(model, source, target):
    src, labels = torch.tensor([source]), torch.tensor([*target, EOS])
    with torch.no_grad():
        logits = model(src, torch.tensor([[BOS, *target]]))[0]
    logits[:, [PAD, BOS]] = -torch.inf
    return logits.log_softmax(-1)[range(len(labels)), labels].tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"tie": "all", "bias": False},
        {"tie": "all", "positions": "rotary", "activation": "silu"},
        {"tie": "decoder", "positions": "sinusoidal_halves", "norm": "post", "output_bias": True},
        {"positions": "learned", "activation": "gelu", "scale_embeddings": False},
        {"positions": "none", "final_norm": False, "norm_eps": 0.1},
    ],
    ids=str,
)
def test_log_probabilities_are_ours(options, tmp_path):
    model = random_model(**options)
    found = Peer(model, tmp_path, threads=1).log_probs(SOURCE, TARGET)
    assert found == pytest.approx(our_log_probs(model, SOURCE, TARGET), rel=1e-5, abs=1e-4)


def test_a_variant_that_it_lacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="post-norm"):
        Peer(random_model(norm="post", final_norm=True), tmp_path, threads=1)


def test_a_translation_may_be_empty(tmp_path):
    model = random_model(output_bias=True)
    with torch.no_grad():
        model.output.bias[EOS] = 100.0
    ((ids, score),) = Peer(model, tmp_path, threads=1).beam_search([SOURCE], max_len=5, alpha=0.0)
    assert (ids, score) == ([], pytest.approx(0.0, abs=1e-4))


@pytest.mark.parametrize("beam_size", [1, 5])
def test_translations_are_ours(beam_size, tmp_path):
    """Without a length penalty, since the two count lengths differently."""
    translator = pretrained_translator("en-de")
    texts = load_corpus("embedded-en-de", "test_iid").source[:60]
    sources = [[*ids, EOS] for ids in translator.tokenizer.encode_all(texts)]
    peer = Peer(translator.model, tmp_path, threads=1)
    found = peer.beam_search(sources, beam_size=beam_size, max_len=60, alpha=0.0)
    src = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in sources], batch_first=True, padding_value=PAD)
    ours = beam_search(translator.model, src, beam_size=beam_size, max_len=60, length_penalty=NO_PENALTY)
    equal = [(best, score) for (best,), (ids, score) in zip(ours, found, strict=True) if best.ids == ids]
    assert len(equal) >= 58
    assert [score for _, score in equal] == pytest.approx([best.log_prob for best, _ in equal], abs=1e-4)
