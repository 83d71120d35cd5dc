"""The recurrent models: against torch's cells one step at a time, against scores by hand, and what must always hold."""

import itertools
import math

import pytest
import torch
from torch import nn

from course.decoding import beam_search, greedy
from course.errors import CourseError
from course.model import (
    ARCHITECTURES,
    RecurrentConfig,
    RecurrentModel,
    SourceAttention,
    Transformer,
    TransformerConfig,
    config_from_dict,
    make_model,
    padding_mask,
    recurrent_parameter_count,
)
from course.model.source_attention import Source
from course.special import BOS, PAD

CELLS = ("rnn", "lstm", "gru")
KINDS = ("none", "additive", "dot", "general", "concat", "local-m", "local-p")
EVERY = list(itertools.product(CELLS, KINDS))
EXACT = 1e-12
VOCAB, D = 13, 6


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config_of(**options):
    return RecurrentConfig(VOCAB, VOCAB, **{"d_model": D, "dropout": 0.0, "window": 2} | options)


def model_of(seed=0, **options):
    """A small model in float64, with weights large enough to matter."""
    model = RecurrentModel(config_of(**options)).double().eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.6 * torch.randn(p.shape, generator=g, dtype=torch.float64))
    return model


def sentences(seed=0, lengths=(5, 2, 4), width=5):
    """Ids (B, width), padded at the end, and their mask (B, 1, 1, width)."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, VOCAB, (len(lengths), width), generator=g)
    for row, length in enumerate(lengths):
        ids[row, length:] = PAD
    return ids, padding_mask(ids, pad=PAD)


def differ(a, b):
    return (a - b).abs().max().item()


# --- against torch's own cells, one word at a time -------------------------------------------------------------------

SINGLE = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


def cell_like(layers, index, suffix=""):
    """torch's cell of one step with the weights of one layer and direction."""
    kind = {nn.RNN: "rnn", nn.LSTM: "lstm", nn.GRU: "gru"}[type(layers)]
    names = [f"{name}_l{index}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    weights = [getattr(layers, name) for name in names]
    cell = SINGLE[kind](weights[0].shape[1], weights[1].shape[1]).double()
    for name, weight in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True):
        getattr(cell, name).data.copy_(weight)
    return cell


def walk(cell, words, state=None):
    """One sentence (T, d) through a cell, word by word -> states (T, h)."""
    states = []
    for word in words:
        state = cell(word[None], state)
        states.append(state[0][0] if isinstance(state, tuple) else state[0])
    return torch.stack(states)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_encoder_is_torchs_cell_word_by_word_from_both_ends(cell, bidirectional):
    model = model_of(architecture=cell, attention="dot", bidirectional=bidirectional)
    src, mask = sentences()
    memory = model.encode(src, src_mask=mask)
    for row, length in enumerate((5, 2, 4)):
        words = model.src_embedding(src[row, :length]) * math.sqrt(D)
        expected = walk(cell_like(model.encoder, 0), words)
        if bidirectional:
            back = walk(cell_like(model.encoder, 0, "_reverse"), words.flip(0)).flip(0)
            expected = torch.cat([expected, back], -1)
        assert differ(memory[row, :length], expected) < EXACT
        assert not memory[row, length:].any()


@pytest.mark.parametrize("cell", CELLS)
def test_the_decoder_with_a_fixed_vector_is_chos(cell):
    """Cho et al. 2014, section 2.2: every step reads the word before, the state before, and the same context."""
    model = model_of(architecture=cell, attention="none")
    src, mask = sentences()
    tgt, _ = sentences(1, (4, 4, 4), 4)
    memory, single = model.encode(src, src_mask=mask), cell_like(model.decoder, 0)
    states = model.decoder_states(tgt, memory, src_mask=mask)
    for row, length in enumerate((5, 2, 4)):
        fixed = torch.cat([memory[row, length - 1, : D // 2], memory[row, 0, D // 2 :]])
        state = torch.tanh(model.start(fixed))[None]
        words = model.tgt_embedding(tgt[row]) * math.sqrt(D)
        walked = walk(
            single,
            torch.cat([words, fixed.expand(4, D)], -1),
            (state, torch.zeros_like(state)) if cell == "lstm" else state,
        )
        expected = torch.tanh(model.readout(torch.cat([walked, fixed.expand(4, D), words], -1)))
        assert differ(states[row], expected) < EXACT


@torch.no_grad()
def by_hand(model, kind, query, memory, place):
    """Weights over one sentence's states (S, d) for one query (d,), with loops and plain numbers."""
    a, length, query, memory = model.attention, len(memory), query.detach(), memory.detach()
    scores = []
    for h in memory:
        if kind in ("additive", "concat"):
            scores.append(float(a.score.weight[0] @ torch.tanh(a.query.weight @ query + a.key.weight @ h)))
        else:
            scores.append(float(query @ (h if kind == "dot" else a.key.weight @ h)))
    seen, bell = range(length), [1.0] * length
    if kind.startswith("local"):
        center = float(place)
        if kind == "local-p":
            center = (length - 1) / (1 + math.exp(-float(a.place_score.weight[0] @ torch.tanh(a.place.weight @ query))))
            bell = [math.exp(-((s - center) ** 2) / (2 * (2 / 2) ** 2)) for s in range(length)]
        seen = [s for s in range(length) if abs(s - center) <= 2]
    total = sum(math.exp(scores[s]) for s in seen)
    return [math.exp(scores[s]) / total * bell[s] if s in seen else 0.0 for s in range(length)]


@pytest.mark.parametrize(("cell", "kind"), [(c, k) for c, k in EVERY if k != "none"])
def test_every_kind_of_attention_is_the_papers_word_by_word(cell, kind):
    """Bahdanau asks with the state before the step, Luong with the one after; scores and windows by hand."""
    model = model_of(architecture=cell, attention=kind)
    src, mask = sentences(lengths=(5, 2, 4))
    tgt, _ = sentences(1, (4, 4, 4), 4)
    memory, single = model.encode(src, src_mask=mask), cell_like(model.decoder, 0)
    logits, found = model(src, tgt, src_mask=mask, return_weights=True)
    (weights,) = found.cross
    assert weights.shape == (3, 1, 4, 5)
    for row, length in enumerate((5, 2, 4)):
        own = memory[row, :length]
        fixed = torch.cat([own[-1, : D // 2], own[0, D // 2 :]])
        h = torch.tanh(model.start(fixed))
        state = (h[None], torch.zeros(1, D).double()) if cell == "lstm" else h[None]
        for t in range(4):
            read = word = model.tgt_embedding(tgt[row, t]) * math.sqrt(D)
            if kind == "additive":
                expected = by_hand(model, kind, h, own, t)
                context = torch.tensor(expected, dtype=torch.float64) @ own
                word = torch.cat([word, context])
            state = single(word[None], state)
            h = (state[0] if cell == "lstm" else state)[0]
            if kind != "additive":
                expected = by_hand(model, kind, h, own, t)
                context = torch.tensor(expected, dtype=torch.float64) @ own
            assert differ(weights[row, 0, t, :length], torch.tensor(expected, dtype=torch.float64)) < EXACT
            assert not weights[row, 0, t, length:].any()
            said = model.output(torch.tanh(model.readout(torch.cat([h, context, read]))))
            assert differ(logits[row, t], said) < EXACT


# --- what must always hold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "kind"), EVERY)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_one_word_at_a_time_is_all_at_once(cell, kind, n_layers):
    model = model_of(architecture=cell, attention=kind, n_layers=n_layers)
    src, mask = sentences()
    tgt, _ = sentences(1, (6, 6, 6), 6)
    whole = model(src, tgt, src_mask=mask)
    cache = model.start_cache(model.encode(src, src_mask=mask), src_mask=mask)
    steps = torch.stack([model.step(tgt[:, t], cache) for t in range(6)], 1)
    assert differ(whole, steps) < EXACT


@pytest.mark.parametrize(("cell", "kind"), EVERY)
def test_beams_share_their_sentence_and_find_the_same_with_a_cache_and_without(cell, kind):
    model = model_of(architecture=cell, attention=kind)
    src, _ = sentences(lengths=(5, 1, 3, 4))
    cached = beam_search(model, src, beam_size=3, max_len=7, n_best=3)
    whole = beam_search(model, src, beam_size=3, max_len=7, n_best=3, use_cache=False)
    for ours, others in zip(cached, whole, strict=True):
        assert [h.ids for h in ours] == [h.ids for h in others]
        assert [h.score for h in ours] == pytest.approx([h.score for h in others], abs=1e-9)
    assert [h.ids for h in greedy(model, src, max_len=7)] == [
        h[0].ids for h in beam_search(model, src, beam_size=1, max_len=7)
    ]


@pytest.mark.parametrize(("cell", "kind"), EVERY)
def test_padding_neighbors_and_later_words_change_nothing(cell, kind):
    model = model_of(architecture=cell, attention=kind)
    src, mask = sentences()
    tgt, _ = sentences(1, (4, 4, 4), 4)
    whole = model(src, tgt, src_mask=mask)
    alone = model(src[1:2, :2], tgt[1:2])
    assert differ(whole[1:2], alone) < EXACT
    changed = tgt.clone()
    changed[:, 2] = (changed[:, 2] - 3) % 9 + 4
    after = model(src, changed, src_mask=mask)
    assert differ(after[:, :2], whole[:, :2]) == 0
    assert differ(after[:, 2:], whole[:, 2:]) > 1e-6


@pytest.mark.parametrize(("cell", "kind"), EVERY)
def test_every_weight_learns_and_every_source_word_counts(cell, kind):
    model = model_of(architecture=cell, attention=kind, n_layers=2, window=4).train()
    src, mask = sentences()
    tgt, _ = sentences(1, (4, 4, 4), 4)
    model(src, tgt, src_mask=mask).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())
    before = model(src, tgt, src_mask=mask)
    for place in range(5):
        other = src.clone()
        other[0, place] = (other[0, place] - 3) % 9 + 4
        assert differ(model(other, tgt, src_mask=mask)[0], before[0]) > 1e-9


@pytest.mark.parametrize("kind", KINDS[1:])
def test_weights_sum_to_one_but_under_the_gaussian_and_where_the_window_is_past_the_end(kind):
    model = model_of(attention=kind)
    src, mask = sentences(lengths=(5, 1, 3))
    tgt, _ = sentences(1, (8, 8, 8), 8)
    sums = model(src, tgt, src_mask=mask, return_weights=True)[1].cross[0].sum(-1)
    if kind == "local-p":
        assert (sums[0] < 0.9).all()
        assert (sums > 0).all()
        assert (sums < 1 + EXACT).all()
    elif kind == "local-m":
        assert (sums[1, 0, :3] - 1).abs().max() < EXACT
        assert not sums[1, 0, 3:].any()  # the only word is more than two places behind
    else:
        assert (sums - 1).abs().max() < EXACT


def test_a_source_of_padding_alone_gives_numbers():
    model = model_of(attention="general")
    src = torch.full((2, 3), PAD)
    logits = model(src, torch.full((2, 2), BOS), src_mask=padding_mask(src, pad=PAD))
    assert logits.isfinite().all()


def test_padding_in_front_is_refused():
    src, mask = sentences()
    with pytest.raises(CourseError, match="padding must stand behind"):
        model_of().encode(src.flip(1), src_mask=mask.flip(-1))


@pytest.mark.parametrize(("cell", "kind"), EVERY)
def test_it_trains_in_bfloat16_on_every_processor(cell, kind):
    model = RecurrentModel(config_of(architecture=cell, attention=kind))
    src, mask = sentences()
    tgt, _ = sentences(1, (4, 4, 4), 4)
    exact = model(src, tgt, src_mask=mask)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(src, tgt, src_mask=mask)
    rough.float().square().sum().backward()
    assert differ(exact, rough.float()) < 0.05
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# --- sizes and choices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "kind"), EVERY)
@pytest.mark.parametrize("others", [{}, {"n_layers": 2, "bidirectional": False, "tie": "all", "output_bias": True}])
def test_parameters_by_formula_are_those_that_are_there(cell, kind, others):
    config = config_of(architecture=cell, attention=kind, **others)
    assert recurrent_parameter_count(config) == sum(p.numel() for p in RecurrentModel(config).parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"architecture": "cnn"}, "architecture is 'cnn'"),
        ({"attention": "bahdanau"}, "attention is 'bahdanau'"),
        ({"d_model": 7}, "d_model 7 cannot be shared by two directions"),
        ({"window": 0}, "window is 0"),
        ({"n_layers": 1.5}, "n_layers is 1.5"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"tie": "some"}, "tie is 'some'"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(options, words):
    with pytest.raises(CourseError, match=words):
        config_of(**options)


def test_vocabularies_that_cannot_be_tied():
    with pytest.raises(CourseError, match="hold 5 and 6 tokens"):
        RecurrentConfig(5, 6, tie="all")


def test_one_direction_may_have_an_odd_width():
    assert config_of(d_model=7, bidirectional=False).d_model == 7


def test_values_name_their_architecture_and_without_a_name_it_is_the_transformer():
    sizes = {"src_vocab_size": 9, "tgt_vocab_size": 9}
    assert isinstance(make_model(config_from_dict(sizes)), Transformer)
    assert config_from_dict(sizes | {"architecture": "transformer"}) == TransformerConfig(9, 9)
    for name in CELLS:
        config = RecurrentConfig(9, 9, architecture=name, attention="dot")
        assert config_from_dict(config.to_dict()) == config
        assert isinstance(make_model(config), RecurrentModel)
    assert ("transformer", *CELLS) == ARCHITECTURES


def test_an_unknown_architecture_gets_its_nearest():
    with pytest.raises(CourseError, match='Did you mean "lstm"'):
        config_from_dict({"src_vocab_size": 9, "tgt_vocab_size": 9, "architecture": "lstn"})


def test_an_option_of_the_other_architecture_is_unknown():
    with pytest.raises(CourseError, match="no option 'n_heads'"):
        config_from_dict({"src_vocab_size": 9, "tgt_vocab_size": 9, "architecture": "gru", "n_heads": 2})


def test_attention_of_a_kind_has_only_what_it_needs():
    names = {kind: {n for n, _ in SourceAttention(config_of(attention=kind)).named_parameters()} for kind in KINDS[1:]}
    assert names["dot"] == set()
    assert names["general"] == names["local-m"] == {"key.weight"}
    assert names["additive"] == names["concat"] == {"key.weight", "query.weight", "score.weight"}
    assert names["local-p"] == {"key.weight", "place.weight", "place_score.weight"}


def test_the_center_of_a_predicted_window_lies_in_the_sentence():
    attention = SourceAttention(config_of(attention="local-p")).double()
    g = torch.Generator().manual_seed(0)
    memory, query = (torch.randn(4, n, D, generator=g, dtype=torch.float64) for n in (6, 50))
    mask = torch.arange(6) < torch.tensor([6, 1, 2, 4])[:, None]
    with torch.no_grad():
        attention.place_score.weight.mul_(9)
    source = attention.look_at(memory, mask)
    assert isinstance(source, Source)
    centers = attention.centers(30 * query, source, torch.zeros(1))
    assert (centers >= 0).all()
    assert (centers <= torch.tensor([5.0, 0.0, 1.0, 3.0])[:, None]).all()
    assert centers[0].min() < 1
    assert centers[0].max() > 4
