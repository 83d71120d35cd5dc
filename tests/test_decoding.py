"""Decoding: against exhaustive enumeration, against slow plain-Python searches, cached against uncached.

Two models: a toy whose next-token probabilities depend on the whole prefix and the whole source through fixed random
numbers, and the course's own Transformer, small, random, float64.
"""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course import decoding
from course.decoding import (
    Hypothesis,
    LengthPenalty,
    SpecialIds,
    beam_search,
    greedy,
    sample,
    sampling_probabilities,
)
from course.errors import CourseError
from course.model import DecoderCache, RecurrentConfig, Transformer, TransformerConfig, make_model
from course.special import BOS, EOS, PAD

V = 6  # pad, bos, eos, unk and two words: four that can be generated


# --- two models and three oracles ----------------------------------------------------------------------


@dataclass
class ToyCache:
    memory: torch.Tensor
    prefix: torch.Tensor
    beam_size: int

    def select(self, rows):
        return ToyCache(self.memory[rows[:: self.beam_size] // self.beam_size], self.prefix[rows], self.beam_size)


class ToyModel:
    """The logits of a step: a fixed random function of source and whole prefix. No two prefixes share them."""

    def __init__(self, seed=0, vocabulary=V, sharpness=2.0, eos_bonus=0.0):
        g = torch.Generator().manual_seed(seed)
        self.table = torch.randn(vocabulary, 8, generator=g, dtype=torch.float64)
        self.turn = torch.linalg.qr(torch.randn(8, 8, generator=g, dtype=torch.float64))[0]
        self.out = torch.randn(8, vocabulary, generator=g, dtype=torch.float64) * sharpness
        self.eos_bonus = eos_bonus

    def _fold(self, tokens, keep):
        state = torch.zeros(len(tokens), 8, dtype=torch.float64)
        for t in range(tokens.shape[1]):
            state = torch.where(keep[:, t, None], torch.tanh(1.5 * state @ self.turn + self.table[tokens[:, t]]), state)
        return state

    def encode(self, src, *, src_mask=None):
        return self._fold(src, src_mask[:, 0, 0])

    def decode(self, tgt, memory, *, src_mask=None):
        keep = torch.ones_like(tgt, dtype=torch.bool)
        states = [self._fold(tgt[:, : t + 1], keep) for t in range(tgt.shape[1])]
        logits = torch.tanh(torch.stack(states, 1) + memory[:, None]) @ self.out
        logits[..., EOS] += self.eos_bonus
        return logits

    def start_cache(self, memory, *, src_mask=None, beam_size=1):
        return ToyCache(memory, torch.zeros(len(memory) * beam_size, 0, dtype=torch.long), beam_size)

    def step(self, tokens, cache):
        cache.prefix = torch.cat([cache.prefix, tokens[:, None]], 1)
        return self.decode(cache.prefix, cache.memory.repeat_interleave(cache.beam_size, 0))[:, -1]


def transformer(seed=0, vocabulary=9, **options):
    torch.manual_seed(seed)
    config = TransformerConfig(
        vocabulary,
        vocabulary,
        d_model=16,
        n_heads=2,
        d_ff=24,
        n_encoder_layers=1,
        n_decoder_layers=2,
        max_len=40,
        **options,
    )
    model = Transformer(config).double().eval()
    with torch.no_grad():
        model.output.weight.mul_(3)  # sharper than random weights are: hypotheses of different lengths win
    return model


def padded(sentences):
    src = torch.full((len(sentences), max(map(len, sentences))), PAD)
    for row, ids in enumerate(sentences):
        src[row, : len(ids)] = torch.tensor(ids)
    return src


def probabilities(model, source, prefix, special=SpecialIds()):  # noqa: B008
    """Log-probabilities of the next token, a dict, by plain Python from one unpadded, uncached call."""
    src = torch.tensor([source])
    mask = torch.ones(1, 1, 1, len(source), dtype=torch.bool)
    with torch.no_grad():
        memory = model.encode(src, src_mask=mask)
        logits = model.decode(torch.tensor([[special.bos, *prefix]]), memory, src_mask=mask)[0, -1].tolist()
    allowed = {i: x for i, x in enumerate(logits) if i not in (special.pad, special.bos)}
    norm = math.log(sum(math.exp(x) for x in allowed.values()))
    return {i: x - norm for i, x in allowed.items()}


def divisor(name, alpha, n):
    return {"gnmt": ((5 + n) / 6) ** alpha, "power": n**alpha, "none": 1.0}[name]


def hypothesis(ids, log_prob, finished, penalty):
    return Hypothesis(ids, log_prob / divisor(penalty.name, penalty.alpha, len(ids) + finished), log_prob, finished)


def exhaustive(model, source, max_len, penalty, special=SpecialIds()):  # noqa: B008
    """Every sequence there is, best first."""
    found, open_ = [], [([], 0.0)]
    for _ in range(max_len):
        grown = []
        for ids, log_prob in open_:
            for token, p in probabilities(model, source, ids, special).items():
                if token == special.eos:
                    found.append(hypothesis(ids, log_prob + p, True, penalty))
                else:
                    grown.append(([*ids, token], log_prob + p))
        open_ = grown
    found += [hypothesis(ids, log_prob, False, penalty) for ids, log_prob in open_]
    return sorted(found, key=lambda h: -h.score)


def slow_beam(model, source, k, max_len, penalty):
    """The documented search with lists, and without ending early."""
    found, open_ = [], [([], 0.0)]
    for _ in range(max_len):
        grown = [
            ([*ids, token], log_prob + p)
            for ids, log_prob in open_
            for token, p in probabilities(model, source, ids).items()
        ]
        best = sorted(grown, key=lambda c: -c[1])[: k - len(found)]
        found += [hypothesis(ids[:-1], log_prob, True, penalty) for ids, log_prob in best if ids[-1] == EOS]
        open_ = [candidate for candidate in best if candidate[0][-1] != EOS]
    found += [hypothesis(ids, log_prob, False, penalty) for ids, log_prob in open_]
    return sorted(found, key=lambda h: -h.score)


def same(ours, theirs, tolerance=1e-12):
    assert [(h.ids, h.finished) for h in ours] == [(h.ids, h.finished) for h in theirs]
    assert [h.log_prob for h in ours] == pytest.approx([h.log_prob for h in theirs], abs=tolerance, rel=0)
    assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=tolerance, rel=0)


# The same examples every time: a run that fails by chance would teach nobody anything.
repeatable = settings(max_examples=50, deadline=None, derandomize=True)
words = st.integers(3, V - 1)
sources = st.lists(st.lists(words, min_size=1, max_size=6).map(lambda ids: [*ids, EOS]), min_size=1, max_size=5)
toys = st.builds(ToyModel, seed=st.integers(0, 10_000), eos_bonus=st.sampled_from([-1.0, 0.0, 1.5]))
penalties = st.builds(LengthPenalty, st.sampled_from(["gnmt", "power", "none"]), st.sampled_from([0.0, 0.6, 1.0, 2.0]))
MODELS = {
    "toy": ToyModel(1, 9),
    "pre-norm": transformer(1),
    "post-norm, tied": transformer(2, norm="post", tie="all"),
    "rotary": transformer(3, positions="rotary"),
}
BATCH = padded([[4, 5, 6, 7, 8, 4, EOS], [5, EOS], [8, 7, 4, EOS], [3, 3, 6, 5, EOS], [7, EOS]])
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


# --- beam search --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [LengthPenalty(), LengthPenalty("power", 1.0), LengthPenalty("none")], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_wide_beam_is_exhaustive_search(seed, penalty):
    model, batch, limits = ToyModel(seed), [[4, 5, EOS], [3, EOS], [5, 5, 4, 3, EOS]], [4, 3, 1]
    everything = [exhaustive(model, source, n, penalty) for source, n in zip(batch, limits, strict=True)]
    assert [len(all_) for all_ in everything] == [121, 40, 4]  # 1 + 3 + 9 + 27 finished and 81 cut off, ...
    ours = beam_search(model, padded(batch), beam_size=121, max_len=limits, length_penalty=penalty, n_best=121)
    for got, expected in zip(ours, everything, strict=True):
        same(got, expected)
    best = beam_search(model, padded(batch), beam_size=121, max_len=limits, length_penalty=penalty)
    for got, expected in zip(best, everything, strict=True):
        same(got, expected[:1])


def test_wide_beam_is_exhaustive_search_with_other_ids():
    special, model = SpecialIds(pad=5, bos=5, eos=0), ToyModel(3)
    ours = beam_search(model, torch.tensor([[4, 2, 1, 0]]), beam_size=400, n_best=400, max_len=4, special=special)
    same(ours[0], exhaustive(model, [4, 2, 1, 0], 4, LengthPenalty(), special))


@repeatable
@given(toys, sources, st.integers(1, 6), penalties, st.data())
def test_beam_is_the_documented_search(model, batch, k, penalty, data):
    """So ending early loses nothing, whatever the penalty, and no sentence disturbs another."""
    limits = data.draw(st.lists(st.integers(1, 6), min_size=len(batch), max_size=len(batch)))
    n_best = data.draw(st.integers(1, k))
    ours = beam_search(model, padded(batch), beam_size=k, max_len=limits, length_penalty=penalty, n_best=n_best)
    for got, source, limit in zip(ours, batch, limits, strict=True):
        same(got, slow_beam(model, source, k, limit, penalty)[:n_best])


@repeatable
@given(toys, sources, penalties)
def test_beam_of_one_is_greedy(model, batch, penalty):
    src = padded(batch)
    one = beam_search(model, src, beam_size=1, max_len=7, length_penalty=penalty)
    same([best for (best,) in one], greedy(model, src, max_len=7, length_penalty=penalty))


@repeatable
@given(toys, sources, st.integers(1, 5))
def test_n_best_is_sorted_and_distinct(model, batch, k):
    for found in beam_search(model, padded(batch), beam_size=k, max_len=6, n_best=k):
        assert 1 <= len(found) <= k
        assert all(a.score >= b.score for a, b in itertools.pairwise(found))
        assert len({(tuple(h.ids), h.finished) for h in found}) == len(found)
        assert not {PAD, BOS, EOS} & {token for h in found for token in h.ids}


@each_model
@pytest.mark.parametrize("k", [1, 2, 5])
def test_cached_equals_uncached(model, k):
    cached = beam_search(model, BATCH, beam_size=k, max_len=[12, 3, 9, 1, 20], n_best=k)
    uncached = beam_search(model, BATCH, beam_size=k, max_len=[12, 3, 9, 1, 20], n_best=k, use_cache=False)
    for ours, theirs in zip(cached, uncached, strict=True):
        same(ours, theirs)
    same(greedy(model, BATCH, max_len=20), greedy(model, BATCH, max_len=20, use_cache=False))


@each_model
def test_a_sentence_alone_and_in_a_batch(model):
    together = beam_search(model, BATCH, beam_size=4, max_len=15, n_best=4)
    for source, found, first in zip(BATCH, together, greedy(model, BATCH, max_len=15), strict=True):
        alone = source[source != PAD][None]
        same(beam_search(model, alone, beam_size=4, max_len=15, n_best=4)[0], found)
        same(greedy(model, alone, max_len=15), [first])


@each_model
def test_log_prob_is_that_of_teacher_forcing(model):
    """One uncached call on the finished sentence gives every hypothesis' log-probability again."""
    for source, found in zip(BATCH, beam_search(model, BATCH, beam_size=4, max_len=10, n_best=4), strict=True):
        source = source[source != PAD][None]
        mask = torch.ones(1, 1, 1, source.shape[1], dtype=torch.bool)
        memory = model.encode(source, src_mask=mask)
        for h in found:
            labels = [*h.ids, EOS] if h.finished else h.ids
            logits = model.decode(torch.tensor([[BOS, *labels[:-1]]]), memory, src_mask=mask)[0].detach().clone()
            logits[:, [PAD, BOS]] = -torch.inf
            rescored = -torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="sum").item()
            assert h.log_prob == pytest.approx(rescored, abs=1e-12, rel=0)
            assert h.score == pytest.approx(rescored / ((5 + len(labels)) / 6), abs=1e-12, rel=0)


def test_batches_compared_hold_what_makes_them_hard():
    """Finished, cut off and empty hypotheses; beams that change places; sentences over at different steps."""
    found = [h for model in MODELS.values() for best in beam_search(model, BATCH, max_len=12, n_best=5) for h in best]
    assert {h.finished for h in found} == {True, False}
    assert len({len(h.ids) for h in found if h.finished}) >= 5


FAULTS = {
    "places are not followed": lambda real: lambda cache, rows: real(cache, rows // cache.beam_size * cache.beam_size),
    "places are followed in the wrong order": lambda real: (
        lambda cache, rows: real(cache, rows.unflatten(0, (-1, cache.beam_size)).flip(1).flatten())
    ),
    "memory stays with the old sentences": lambda real: lambda cache, rows: _keep_memory(cache, real(cache, rows)),
    "a position is forgotten": lambda real: (
        lambda cache, rows: replace(real(cache, rows), length=max(cache.length - 1, 1))
    ),
}


def _keep_memory(cache, selected):
    n = selected.layers[0].cross_k.shape[0]
    for old, new in zip(cache.layers, selected.layers, strict=True):
        new.cross_k, new.cross_v = old.cross_k[:n], old.cross_v[:n]
    return selected


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_cache_is_noticed(fault, monkeypatch):
    model = MODELS["pre-norm"]
    monkeypatch.setattr(DecoderCache, "select", FAULTS[fault](DecoderCache.select))
    with pytest.raises(AssertionError):
        test_cached_equals_uncached(model, 5)


def test_a_search_that_ends_too_early_is_noticed(monkeypatch):
    """Ending at the first finished hypothesis, the classic fault, fails against exhaustive search."""
    monkeypatch.setattr(
        decoding, "is_over", lambda beams, limit, *_: beams.finished.any(1) | (limit <= beams.ids.shape[2])
    )
    with pytest.raises(AssertionError):
        test_wide_beam_is_exhaustive_search(0, LengthPenalty("power", 1.0))


def test_hypotheses_that_are_over_cost_nothing():
    """A finished sentence leaves the batch: the rows fed to the model shrink."""
    fed = []

    class Counting(ToyModel):
        def step(self, tokens, cache):
            fed.append(len(tokens))
            return super().step(tokens, cache)

    beam_search(Counting(0), BATCH.clamp(max=V - 1), beam_size=3, max_len=[1, 2, 3, 4, 5])
    assert fed[0] == 15
    assert fed == sorted(fed, reverse=True)
    assert fed[-1] <= 3


def test_length_penalty_by_hand():
    n = torch.tensor([1, 7, 13])
    assert LengthPenalty()(n).tolist() == pytest.approx([1, 2, 3])
    assert LengthPenalty("gnmt", 0.6)(n).tolist() == pytest.approx([1, 2**0.6, 3**0.6])
    assert LengthPenalty("power", 2)(n).tolist() == [1, 49, 169]
    assert LengthPenalty("none", 2)(n).tolist() == [1, 1, 1]
    assert beam_search(ToyModel(), BATCH.clamp(max=5), max_len=5, length_penalty=1.0) == beam_search(
        ToyModel(), BATCH.clamp(max=5), max_len=5
    )


def test_dropout_is_off_and_the_mode_restored():
    model = transformer(1, dropout=0.5)
    expected = greedy(model, BATCH, max_len=10)
    model.train()
    assert greedy(model, BATCH, max_len=10) == expected
    assert model.training
    assert model.decoder.training


def test_no_sentences():
    empty = torch.zeros(0, 4, dtype=torch.long)
    assert beam_search(ToyModel(), empty, max_len=5) == []
    assert greedy(ToyModel(), empty, max_len=5) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_run(dtype):
    model = transformer(1).to(dtype)
    found = beam_search(model, BATCH, max_len=10)
    assert all(math.isfinite(best[0].score) for best in found)


# --- sampling -----------------------------------------------------------------------------------------------


def test_sampling_of_the_most_probable_is_greedy():
    for model in MODELS.values():
        expected = greedy(model, BATCH, max_len=12)
        assert sample(model, BATCH, max_len=12, top_k=1) == expected
        assert sample(model, BATCH, max_len=12, top_p=1e-9) == expected
        assert [h.ids for h in sample(model, BATCH, max_len=12, temperature=1e-4)] == [h.ids for h in expected]


def test_sampling_probabilities_by_hand():
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]], dtype=torch.float64).log()
    for options, expected in [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.39}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.75}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1.0}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 3, "top_p": 0.7}, [0, 4 / 7, 0, 3 / 7]),  # of the three: 4/9, 3/9, 2/9
        ({"temperature": 0.5, "top_p": 0.6}, [0, 16 / 25, 0, 9 / 25]),
    ]:
        assert sampling_probabilities(logits, **options)[0].tolist() == pytest.approx(expected, abs=1e-12), options


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.7}, {"temperature": 1.8}, {"top_k": 3}, {"top_p": 0.8}], ids=str
)
def test_samples_are_distributed_as_they_should(options):
    """Pairs of first and second token, 8 000 draws, against the exact joint distribution: a chi-square test."""
    model, source, n = ToyModel(2, sharpness=1.0), [4, 5, EOS], 8_000
    expected = {}
    for first, p in _filtered(probabilities(model, source, []), **options).items():
        if first == EOS:
            expected[()] = p
            continue
        for second, q in _filtered(probabilities(model, source, [first]), **options).items():
            expected[(first,) if second == EOS else (first, second)] = p * q
    src = torch.tensor([source]).expand(n, -1)
    drawn = sample(model, src, max_len=2, generator=torch.Generator().manual_seed(7), **options)
    counts = {}
    for h in drawn:
        key = tuple(h.ids)
        counts[key] = counts.get(key, 0) + 1
    assert set(counts) <= {key for key, p in expected.items() if p > 0}
    statistic = sum((counts.get(key, 0) - n * p) ** 2 / (n * p) for key, p in expected.items() if p > 0)
    freedom = sum(p > 0 for p in expected.values()) - 1
    assert statistic < freedom + 4 * math.sqrt(2 * freedom) + 4
    assert sum(expected.values()) == pytest.approx(1)


def _filtered(log_probs, temperature=1.0, top_k=None, top_p=None):
    """The filters once more, one token after the other."""
    weights = {token: math.exp(p / temperature) for token, p in log_probs.items()}
    total, kept, mass = sum(weights.values()), {}, 0.0
    for token, weight in sorted(weights.items(), key=lambda item: -item[1]):
        if (top_k is not None and len(kept) >= top_k) or (top_p is not None and mass >= top_p):
            break
        kept[token], mass = weight, mass + weight / total
    return {token: weight / sum(kept.values()) for token, weight in kept.items()}


def test_sample_scores_are_the_models_own():
    model = ToyModel(4)
    drawn = sample(
        model, BATCH.clamp(max=V - 1), max_len=6, temperature=3.0, generator=torch.Generator().manual_seed(0)
    )
    for source, h in zip(BATCH.clamp(max=V - 1), drawn, strict=True):
        source = source[source != PAD].tolist()
        labels = [*h.ids, EOS] if h.finished else h.ids
        expected = sum(probabilities(model, source, labels[:t])[token] for t, token in enumerate(labels))
        assert h.log_prob == pytest.approx(expected, abs=1e-12)


def test_generator_decides_and_global_state_is_left_alone():
    def draw(seed):
        return sample(MODELS["pre-norm"], BATCH, max_len=12, generator=torch.Generator().manual_seed(seed))

    before = torch.random.get_rng_state()
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert torch.equal(before, torch.random.get_rng_state())


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m, s: beam_search(m, s, beam_size=0, max_len=5), "is 0"),
        (lambda m, s: beam_search(m, s, beam_size=3, n_best=4, max_len=5), "beam size 3, but is 4"),
        (lambda m, s: beam_search(m, s, max_len=5, length_penalty=-1.0), "-1.0"),
        (lambda m, s: beam_search(m, s, max_len=5, length_penalty=LengthPenalty("google")), "'google'"),
        (lambda m, s: greedy(m, s, max_len=0), "max_len must be 1 or more, but is 0"),
        (lambda m, s: greedy(m, s, max_len=[3, 3]), "5, one for each"),
        (lambda m, s: greedy(m, s[0], max_len=3), r"\(7,\)"),
        (lambda m, s: greedy(m, s.float(), max_len=3), "float32"),
        (lambda m, s: sample(m, s, max_len=3, temperature=0.0), "use greedy"),
        (lambda m, s: sample(m, s, max_len=3, top_k=0), "top_k"),
        (lambda m, s: sample(m, s, max_len=3, top_p=1.5), "1.5"),
        (lambda m, s: SpecialIds(pad=2, bos=1, eos=2), "differ"),
    ],
)
def test_bad_input_gets_a_sentence(call, text):
    with pytest.raises(CourseError, match=text):
        call(MODELS["toy"], BATCH)


def test_a_model_that_gives_nan_is_refused():
    model = ToyModel()
    model.out[:] = torch.nan
    with pytest.raises(CourseError, match="diverged"):
        beam_search(model, torch.tensor([[4, EOS]]), max_len=3)


def test_half_a_token_is_no_limit_and_a_list_no_batch():
    model = make_model(RecurrentConfig(20, 20, d_model=8)).eval()
    src = torch.tensor([[5, 6, 2]])
    for max_len in (2.5, [2.0], True):
        with pytest.raises(CourseError, match="max_len must be a whole number"):
            greedy(model, src, max_len=max_len)
    with pytest.raises(CourseError, match=r"src must be .* is a list: write `torch.as_tensor\(src\)`"):
        greedy(model, [[5, 6, 2]], max_len=3)
    assert greedy(model, src[:0], max_len=3) == beam_search(model, src[:0], max_len=[]) == []
