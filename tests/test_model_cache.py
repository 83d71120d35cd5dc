"""Decoding with a cache against decoding whole prefixes: every variant, beams, reordering, dropped rows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.errors import CourseError
from course.model import DecoderCache, Transformer, TransformerConfig, padding_mask
from course.model.transformer import LayerCache
from course.special import PAD

VOCAB, MAX_LEN = 13, 40
EXACT = 1e-11  # float64: only the order of summation may differ

VARIANTS = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["pre", "post"]),
        "final_norm": st.sampled_from([None, True, False]),
        "activation": st.sampled_from(["relu", "gelu", "silu"]),
        "positions": st.sampled_from(["sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"]),
        "tie": st.sampled_from(["none", "decoder", "all"]),
        "bias": st.booleans(),
        "output_bias": st.booleans(),
        "scale_embeddings": st.booleans(),
        "n_heads": st.sampled_from([1, 2, 4]),
        "n_decoder_layers": st.sampled_from([1, 2]),
    }
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(before)


def make_model(seed=0, **options):
    """A small model in float64 with nothing left at 0 or 1, no dropout."""
    sizes = {"d_model": 8, "n_heads": 2, "d_ff": 12, "n_encoder_layers": 1, "n_decoder_layers": 2}
    config = TransformerConfig(VOCAB, VOCAB, dropout=0.0, max_len=MAX_LEN, **sizes | options)
    model = Transformer(config).double().eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = "norm" in name and name.endswith("weight")
            scale = 1.0 if p.dim() == 1 or "embedding" in name or "positions" in name else p.shape[-1] ** 0.5
            noise = torch.randn(p.shape, generator=g, dtype=torch.float64)
            p.copy_(1 + 0.3 * noise if gain else noise / scale)
    return model


def make_memory(model, g, batch):
    """Memory (B, S, d) and its mask; the last sentence is the shortest, the first the longest."""
    src = torch.randint(4, VOCAB, (batch, 5), generator=g)
    lengths = torch.randint(3, 6, (batch, 1), generator=g)
    lengths[-1], lengths[0] = 2, 5
    src = src.masked_fill(torch.arange(5) >= lengths, PAD)
    mask = padding_mask(src, pad=PAD)
    return model.encode(src, src_mask=mask), mask


class Both:
    """The same decoding twice: with a cache, and with nothing but each row's sentence and its tokens."""

    def __init__(self, model, seed, batch, beam_size, masked=True):
        self.model, self.g = model, torch.Generator().manual_seed(seed)
        self.memory, self.mask = make_memory(model, self.g, batch)
        self.mask = self.mask if masked else None
        self.cache = model.start_cache(self.memory, src_mask=self.mask, beam_size=beam_size)
        self.beam_size = beam_size
        self.sentences = torch.arange(batch).repeat_interleave(beam_size)
        self.tokens = torch.empty(batch * beam_size, 0, dtype=torch.int64)

    def step(self):
        new = torch.randint(1, VOCAB, (len(self.sentences),), generator=self.g)
        logits = self.model.step(new, self.cache)
        self.tokens = torch.cat([self.tokens, new[:, None]], 1)
        mask = None if self.mask is None else self.mask[self.sentences]
        expected = self.model.decode(self.tokens, self.memory[self.sentences], src_mask=mask)[:, -1]
        assert logits.shape == expected.shape
        worst = (logits - expected).abs().max().item()
        assert worst <= EXACT, f"step {self.cache.length} differs by {worst:.1e}"
        assert self.cache.length == self.tokens.shape[1]

    def select(self, keep_groups):
        """Choose groups (they may come twice or not at all), and in each group beams at random."""
        k = self.beam_size
        beams = torch.randint(0, k, (len(keep_groups), k), generator=self.g)
        rows = (torch.tensor(keep_groups)[:, None] * k + beams).flatten()
        self.cache = self.cache.select(rows)
        self.sentences, self.tokens = self.sentences[rows], self.tokens[rows]

    def select_at_random(self, kind):
        n = len(self.sentences) // self.beam_size
        groups = {
            "reorder beams": list(range(n)),
            "reverse sentences": list(range(n))[::-1],
            "drop one": [i for i in range(n) if i != n // 2] or [0],
            "repeat one": [*range(n), 0],
            "keep the last": [n - 1],
        }[kind]
        self.select(groups)


SELECTIONS = ["reorder beams", "reverse sentences", "drop one", "repeat one", "keep the last"]


def check_steps(model, *, seed=0, batch=2, beam_size=1, n=3, masked=True):
    run = Both(model, seed, batch, beam_size, masked)
    for _ in range(n):
        run.step()


def check_selections(model, kinds, *, seed=0, batch=3, beam_size=1):
    run = Both(model, seed, batch, beam_size)
    run.step()
    for kind in kinds:
        run.select_at_random(kind)
        run.step()


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    options=VARIANTS,
    seed=st.integers(0, 10_000),
    batch=st.integers(1, 3),
    beam_size=st.integers(1, 3),
    masked=st.booleans(),
)
def test_steps_equal_whole_prefixes(options, seed, batch, beam_size, masked):
    check_steps(make_model(seed, **options), seed=seed, batch=batch, beam_size=beam_size, masked=masked)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    options=VARIANTS,
    seed=st.integers(0, 10_000),
    beam_size=st.integers(1, 3),
    kinds=st.lists(st.sampled_from(SELECTIONS), min_size=1, max_size=5),
)
def test_steps_after_selecting_rows_equal_whole_prefixes(options, seed, beam_size, kinds):
    check_selections(make_model(seed, **options), kinds, seed=seed, beam_size=beam_size)


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "rotary", "none"])
@pytest.mark.parametrize("beam_size", [1, 3])
def test_the_cache_grows_beyond_its_first_room_up_to_the_last_position(beam_size, positions):
    run = Both(make_model(positions=positions), 1, 2, beam_size)
    for i in range(MAX_LEN):
        if i in (7, 15, 16, 17, 31, 32, 33):  # on both sides of the sizes 16 and 32 of the buffers
            run.select_at_random("reorder beams" if i % 2 else "reverse sentences")
        run.step()
    assert run.cache.length == MAX_LEN
    with pytest.raises(CourseError, match=f"{MAX_LEN + 1} tokens.*{MAX_LEN}"):
        run.model.step(torch.full((2 * beam_size,), 5), run.cache)


def test_beams_spread_by_selecting_rows_equal_beams_from_the_start():
    model = make_model()
    memory, mask = make_memory(model, torch.Generator().manual_seed(0), 2)
    grouped = model.start_cache(memory, src_mask=mask, beam_size=3)
    spread = model.start_cache(memory, src_mask=mask).select(torch.arange(2).repeat_interleave(3))
    for tokens in torch.randint(1, VOCAB, (4, 6), generator=torch.Generator().manual_seed(1)):
        a, b = model.step(tokens, grouped), model.step(tokens, spread)
        torch.testing.assert_close(a, b, atol=EXACT, rtol=0)


def test_selecting_leaves_the_old_cache_usable():
    run = Both(make_model(), 2, 3, 2)
    for _ in range(3):
        run.step()
    before = run.cache
    continued = Both.__new__(Both)
    continued.__dict__ |= run.__dict__
    continued.select([2, 0])
    for _ in range(15):  # past the growth of one of the two
        continued.step()
    assert (before.length, continued.cache.length) == (3, 18)
    for _ in range(15):
        run.step()


def test_select_takes_memory_only_where_sentences_change():
    model = make_model()
    memory, mask = make_memory(model, torch.Generator().manual_seed(0), 2)
    cache = model.start_cache(memory, src_mask=mask, beam_size=2)
    same = cache.select(torch.tensor([1, 1, 3, 2]))
    assert same.layers[0].cross_k.data_ptr() == cache.layers[0].cross_k.data_ptr()
    fewer = cache.select(torch.tensor([3, 2]))
    assert torch.equal(fewer.layers[0].cross_k, cache.layers[0].cross_k[1:])
    assert torch.equal(fewer.src_mask, mask[1:])


def test_a_decoder_without_layers_still_steps():
    run = Both(make_model(n_decoder_layers=0), 0, 2, 2)
    run.step()
    run.select([1, 0])
    run.step()
    run.select([0])
    run.step()


def test_float32_steps_equal_whole_prefixes_closely():
    model = make_model().float()
    memory, mask = make_memory(model, torch.Generator().manual_seed(0), 2)
    cache = model.start_cache(memory, src_mask=mask)
    tokens = torch.randint(1, VOCAB, (2, 20), generator=torch.Generator().manual_seed(1))
    steps = torch.stack([model.step(column, cache) for column in tokens.T], 1)
    torch.testing.assert_close(steps, model.decode(tokens, memory, src_mask=mask), atol=2e-5, rtol=1e-5)


# --- planted faults -------------------------------------------------------------------------------------


def position_always_zero(monkeypatch):
    embed = Transformer.embedded
    monkeypatch.setattr(
        Transformer, "embedded", lambda self, tokens, table, side, start=0: embed(self, tokens, table, side)
    )


def rotation_always_zero(monkeypatch):
    rotation = Transformer.rotation
    monkeypatch.setattr(
        Transformer, "rotation", lambda self, start, length: rotation(self, 0, length)
    )  # fmt: skip


def rows_not_reordered(monkeypatch):
    def select(self, rows):
        return self

    monkeypatch.setattr(DecoderCache, "select", select)


def memory_not_reordered(monkeypatch):
    true_select = DecoderCache.select

    def select(self, rows):
        new = true_select(self, rows)
        for old, layer in zip(self.layers, new.layers, strict=True):
            layer.cross_k, layer.cross_v = old.cross_k, old.cross_v
        new.src_mask = self.src_mask
        return new

    monkeypatch.setattr(DecoderCache, "select", select)


def mask_not_reordered(monkeypatch):
    true_select = DecoderCache.select

    def select(self, rows):
        new = true_select(self, rows)
        new.src_mask = self.src_mask
        return new

    monkeypatch.setattr(DecoderCache, "select", select)


def values_not_reordered(monkeypatch):
    true_select = DecoderCache.select

    def select(self, rows):
        new = true_select(self, rows)
        for old, layer in zip(self.layers, new.layers, strict=True):
            layer.own_v = old.own_v.clone()
        return new

    monkeypatch.setattr(DecoderCache, "select", select)


def old_positions_lost_on_growth(monkeypatch):
    def make_room(self):
        if self.length == self.room:
            self.layers = [
                LayerCache(
                    torch.cat([x.own_k.roll(1, 2), x.own_k], 2),
                    torch.cat([x.own_v, x.own_v], 2),
                    x.cross_k,
                    x.cross_v,
                )
                for x in self.layers
            ]
            self.room *= 2

    monkeypatch.setattr(DecoderCache, "make_room", make_room)


def source_mask_forgotten(monkeypatch):
    start = Transformer.start_cache
    monkeypatch.setattr(
        Transformer, "start_cache", lambda self, memory, src_mask=None, beam_size=1: start(
            self, memory, beam_size=beam_size
        )
    )  # fmt: skip


def beams_read_another_sentence(monkeypatch):
    start = Transformer.start_cache

    def flipped(self, memory, *, src_mask=None, beam_size=1):
        return start(self, memory.flip(0), src_mask=src_mask.flip(0), beam_size=beam_size)

    monkeypatch.setattr(Transformer, "start_cache", flipped)


STEPS = {"n": 3, "batch": 2, "beam_size": 2}
FAULTS = [
    (position_always_zero, {}, lambda model: check_steps(model, **STEPS)),
    (rotation_always_zero, {"positions": "rotary"}, lambda model: check_steps(model, **STEPS)),
    (source_mask_forgotten, {}, lambda model: check_steps(model, seed=3, **STEPS)),
    (beams_read_another_sentence, {}, lambda model: check_steps(model, **STEPS)),
    (old_positions_lost_on_growth, {}, lambda model: check_steps(model, n=18)),
    (rows_not_reordered, {}, lambda model: check_selections(model, ["reverse sentences"])),
    (memory_not_reordered, {}, lambda model: check_selections(model, ["reverse sentences"])),
    (mask_not_reordered, {}, lambda model: check_selections(model, ["reverse sentences"], seed=3)),
    (values_not_reordered, {}, lambda model: check_selections(model, ["reorder beams"] * 2, beam_size=3)),
]


@pytest.mark.parametrize(("plant", "options", "check"), FAULTS, ids=[f[0].__name__ for f in FAULTS])
def test_planted_faults_are_caught(plant, options, check, monkeypatch):
    model = make_model(**options)
    check(model)
    plant(monkeypatch)
    with pytest.raises(AssertionError, match="differs by"):
        check(model)
