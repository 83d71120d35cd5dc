"""Lesson 08: answers as learners write them, right ones and wrong ones. They share nothing with the bank."""

import math

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from course.lab.exercises import diagnose, get  # noqa: E402
from course.lessons.lesson_06.reference import positional_encoding  # noqa: E402
from course.lessons.lesson_07.reference import FeedForward, MultiHeadAttention, residual_block  # noqa: E402
from course.lessons.lesson_08 import answers  # noqa: E402
from course.lessons.lesson_08.exercises import EXERCISES  # noqa: E402
from course.lessons.lesson_08.reference import DecoderLayer, EncoderLayer, embed  # noqa: E402
from course.lessons.lesson_08.testing import moved, other_words  # noqa: E402

# --- embed --------------------------------------------------------------------------------------------------------


def embed_by_function(tokens, table, positions):
    return F.embedding(tokens, table) * table.size(-1) ** 0.5 + positions[None, : tokens.size(1), :]


def embed_by_one_hot(tokens, table, positions):
    chosen = F.one_hot(tokens, len(table)).to(table.dtype)
    return torch.einsum("btv,vd->btd", chosen, table * math.sqrt(table.shape[1])) + positions[: tokens.shape[-1]]


def embed_by_loops(tokens, table, positions):
    rows = [
        torch.stack([table[i] * len(table[0]) ** 0.5 + positions[t] for t, i in enumerate(sentence.tolist())])
        for sentence in tokens
    ]
    return torch.stack(rows)


def embed_by_index_select(tokens, table, positions):
    B, T = tokens.shape
    words = table.index_select(0, tokens.reshape(-1)).view(B, T, -1)
    return torch.add(words.mul(math.sqrt(words.shape[-1])), positions.narrow(0, 0, T))


def embed_by_arange(tokens, table, positions):
    places = torch.arange(tokens.shape[1]).expand_as(tokens)
    return table[tokens] * torch.tensor(table.shape[1], dtype=table.dtype).sqrt() + positions[places]


RIGHT_EMBEDDINGS = [
    embed_by_function,
    embed_by_one_hot,
    embed_by_loops,
    embed_by_index_select,
    embed_by_arange,
]

# --- layers -------------------------------------------------------------------------------------------------------


class Fused(nn.Module):
    """Attention with one matrix for queries, keys and values, and torch's own kernel."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.in_proj = nn.Linear(d_model, 3 * d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        self.h = n_heads

    def forward(self, x_q, x_kv, mask=None):
        x, y, d = x_q, x_kv, x_q.shape[-1]
        W, b = self.in_proj.weight, self.in_proj.bias
        q = F.linear(x, W[:d], b[:d])
        k, v = F.linear(y, W[d:], b[d:]).chunk(2, dim=-1)
        q, k, v = (z.view(*z.shape[:2], self.h, -1).transpose(1, 2) for z in (q, k, v))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out_proj(o.transpose(1, 2).reshape(x.shape))


class OutputFirst(nn.Module):
    """Attention that makes its output map first."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.out = nn.Linear(d_model, d_model)
        self.value, self.key, self.query = (nn.Linear(d_model, d_model) for _ in range(3))
        self.h = n_heads

    def forward(self, x_q, x_kv, mask=None):
        def heads(z):
            return z.unflatten(-1, (self.h, -1)).transpose(1, 2)

        q, k, v = heads(self.query(x_q)), heads(self.key(x_kv)), heads(self.value(x_kv))
        s = q @ k.mT / math.sqrt(q.shape[-1])
        w = s.softmax(-1)
        if mask is not None:
            w = s.masked_fill(~mask, -1e30).softmax(-1) * mask
        return self.out((w @ v).transpose(1, 2).flatten(2))


class OwnNorm(nn.Module):
    """A norm with names of its own."""

    def __init__(self, d):
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(d))
        self.gamma = nn.Parameter(torch.ones(d))

    def forward(self, x):
        y = x - x.mean(-1, keepdim=True)
        return y / (y.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * self.gamma + self.beta


def encoder_plain():
    class EncoderLayer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.norm1 = nn.LayerNorm(d_model)
            self.attn = MultiHeadAttention(d_model, n_heads)
            self.drop1 = nn.Dropout(dropout)
            self.norm2 = nn.LayerNorm(d_model)
            self.ff = FeedForward(d_model, d_ff)
            self.drop2 = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            y = self.norm1(x)
            x = x + self.drop1(self.attn(y, y, mask))
            return x + self.drop2(self.ff(self.norm2(x)))

    return EncoderLayer


def encoder_with(attention, norm):
    class EncoderLayer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.norms = nn.ModuleList([norm(d_model) for _ in range(2)])
            self.ff = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model), nn.Dropout(dropout))
            self.attention = attention(d_model, n_heads)
            self.p = dropout

        def forward(self, x, mask=None):
            y = self.norms[0](x)
            x = x + F.dropout(self.attention(y, y, mask), self.p, self.training)
            return x + self.ff(self.norms[1](x))

    return EncoderLayer


def encoder_with_norms_turned():
    class EncoderLayer(nn.Module):
        """The second norm of a list stands before attention."""

        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.attention = MultiHeadAttention(d_model, n_heads)
            self.ff = FeedForward(d_model, d_ff)
            self.norms = nn.ModuleList([nn.LayerNorm(d_model), nn.LayerNorm(d_model)])
            self.drop = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            x = residual_block(x, self.norms[1], lambda y: self.attention(y, y, mask), self.drop)
            return residual_block(x, self.norms[0], self.ff, self.drop)

    return EncoderLayer


def encoder_ff_norm_first():
    class EncoderLayer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.before_ff = nn.LayerNorm(d_model)
            self.before_attention = nn.LayerNorm(d_model)
            self.net = FeedForward(d_model, d_ff, dropout)
            self.look = MultiHeadAttention(d_model, n_heads)
            self.thin = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            def look(y):
                return self.look(y, y, mask)

            return residual_block(
                residual_block(x, self.before_attention, look, self.thin), self.before_ff, self.net, self.thin
            )

    return EncoderLayer


def encoder_bare_maps():
    class EncoderLayer(nn.Module):
        """Everything by hand, six maps in the layer itself."""

        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.h = n_heads
            self.wq, self.wk, self.wv, self.wo = (nn.Linear(d_model, d_model) for _ in range(4))
            self.w1, self.w2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
            self.n1, self.n2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
            self.drop = nn.Dropout(dropout)

        def forward(self, x, mask=None):
            y = self.n1(x)
            q, k, v = (w(y).view(*y.shape[:2], self.h, -1).permute(0, 2, 1, 3) for w in (self.wq, self.wk, self.wv))
            s = torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
            if mask is not None:
                s = torch.where(mask, s, -math.inf)
            o = torch.einsum("bhqk,bhkd->bqhd", s.softmax(-1), v).flatten(2)
            x = x + self.drop(self.wo(o))
            return x + self.drop(self.w2(torch.relu(self.w1(self.n2(x)))))

    return EncoderLayer


RIGHT_ENCODER_LAYERS = {
    "plain": encoder_plain(),
    "a list of norms, turned": encoder_with_norms_turned(),
    "fused, own norm": encoder_with(Fused, OwnNorm),
    "output first": encoder_with(OutputFirst, nn.LayerNorm),
    "norms in another order": encoder_ff_norm_first(),
    "maps in the layer": encoder_bare_maps(),
}


def decoder_with(attention, norm, order):
    class DecoderLayer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            made = {
                "self_attn": lambda: attention(d_model, n_heads),
                "cross_attn": lambda: attention(d_model, n_heads),
                "ff": lambda: FeedForward(d_model, d_ff),
                "n1": lambda: norm(d_model),
                "n2": lambda: norm(d_model),
                "n3": lambda: norm(d_model),
            }
            for name in order:
                setattr(self, name, made[name]())
            self.drop = nn.Dropout(dropout)

        def forward(self, x, memory, mask=None, memory_mask=None):
            y = self.n1(x)
            x = x + self.drop(self.self_attn(y, y, mask))
            x = x + self.drop(self.cross_attn(self.n2(x), memory, memory_mask))
            return x + self.drop(self.ff(self.n3(x)))

    return DecoderLayer


def decoder_of_steps():
    class DecoderLayer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.attentions = nn.ModuleDict({k: MultiHeadAttention(d_model, n_heads) for k in ("own", "cross")})
            self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(3))
            self.ff = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
            self.drops = nn.ModuleList(nn.Dropout(dropout) for _ in range(3))

        def forward(self, x, memory, mask=None, memory_mask=None):
            steps = (
                lambda y: self.attentions["own"](y, y, mask),
                lambda y: self.attentions["cross"](y, memory, memory_mask),
                self.ff,
            )
            for norm, f, drop in zip(self.norms, steps, self.drops, strict=True):
                x = residual_block(x, norm, f, drop)
            return x

    return DecoderLayer


_NATURAL = ("self_attn", "cross_attn", "ff", "n1", "n2", "n3")
RIGHT_DECODER_LAYERS = {
    "natural": decoder_with(MultiHeadAttention, nn.LayerNorm, _NATURAL),
    "cross first": decoder_with(MultiHeadAttention, nn.LayerNorm, ("cross_attn", "self_attn", "ff", "n1", "n2", "n3")),
    "norms last to first": decoder_with(
        MultiHeadAttention, OwnNorm, ("ff", "n3", "n2", "n1", "self_attn", "cross_attn")
    ),
    "fused": decoder_with(Fused, nn.LayerNorm, ("n1", "self_attn", "n3", "n2", "cross_attn", "ff")),
    "output first": decoder_with(OutputFirst, nn.LayerNorm, _NATURAL),
    "steps in a loop": decoder_of_steps(),
}

# --- the whole ----------------------------------------------------------------------------------------------------


def causal(T):
    return torch.triu(torch.ones(T, T), 1) == 0


class WithEmbedding(nn.Module):
    """nn.Embedding, an nn.Linear that shares its weight, the natural order."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__()
        self.d = d_model
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("pe", torch.from_numpy(positional_encoding(max_len, d_model)), persistent=False)
        self.drop = nn.Dropout(dropout)
        self.enc = nn.ModuleList([EncoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)])
        self.dec = nn.ModuleList([DecoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)])
        self.enc_norm, self.dec_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.out = nn.Linear(d_model, vocab_size, bias=False)
        self.out.weight = self.embedding.weight

    def embed(self, ids):
        x = self.embedding(ids) * math.sqrt(self.d) + self.pe[: ids.shape[1]].to(self.embedding.weight.dtype)
        return self.drop(x)

    def encode(self, src, src_mask=None):
        x = self.embed(src)
        for layer in self.enc:
            x = layer(x, mask=src_mask)
        return self.enc_norm(x)

    def decode(self, tgt, memory, tgt_mask=None, src_mask=None):
        x = self.embed(tgt)
        mask = causal(tgt.shape[1]) if tgt_mask is None else tgt_mask & causal(tgt.shape[1])
        for layer in self.dec:
            x = layer(x, memory, mask=mask, memory_mask=src_mask)
        return self.out(self.dec_norm(x))

    def forward(self, src, tgt, src_mask=None, tgt_mask=None):
        return self.decode(tgt, self.encode(src, src_mask), tgt_mask=tgt_mask, src_mask=src_mask)


class Stack(nn.Module):
    """Layers and a norm."""

    def __init__(self, layers, d_model):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.layers = nn.ModuleList(layers)

    def forward(self, x, *more):
        for layer in self.layers:
            x = layer(x, *more)
        return self.norm(x)


class WithStacks(nn.Module):
    """Two stacks with a norm each, the decoder made first; own layers inside."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__()
        sizes = d_model, n_heads, d_ff, dropout
        decoder, encoder = RIGHT_DECODER_LAYERS["cross first"], RIGHT_ENCODER_LAYERS["fused, own norm"]
        self.decoder = Stack([decoder(*sizes) for _ in range(n_layers)], d_model)
        self.encoder = Stack([encoder(*sizes) for _ in range(n_layers)], d_model)
        self.words = nn.Parameter(torch.randn(vocab_size, d_model) / math.sqrt(d_model))
        self.thin = nn.Dropout(dropout)
        self.max_len = max_len

    def placed(self, ids):
        table = torch.from_numpy(positional_encoding(self.max_len, self.words.shape[1])).to(self.words)
        return self.thin(embed(ids, self.words, table))

    def encode(self, src, src_mask=None):
        return self.encoder(self.placed(src), src_mask)

    def decode(self, tgt, memory, tgt_mask=None, src_mask=None):
        if tgt_mask is None:
            tgt_mask = torch.arange(tgt.shape[1])[:, None] >= torch.arange(tgt.shape[1])
        return F.linear(self.decoder(self.placed(tgt), memory, tgt_mask, src_mask), self.words)

    def forward(self, src, tgt, src_mask=None, tgt_mask=None):
        memory = self.encode(src, src_mask)
        return self.decode(tgt, memory, tgt_mask, src_mask)


class OutputFirstModel(WithEmbedding):
    """The output layer is made first, and the embedding takes its weight."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        nn.Module.__init__(self)
        self.d = d_model
        self.out = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.out.weight, std=d_model**-0.5)
        self.enc_norm, self.dec_norm = OwnNorm(d_model), OwnNorm(d_model)
        self.dec = nn.ModuleList([DecoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)])
        self.enc = nn.ModuleList([EncoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)])
        self.drop = nn.Dropout(dropout)
        self.pe = torch.from_numpy(positional_encoding(max_len, d_model))

    def embed(self, ids):
        return self.drop(embed(ids, self.out.weight, self.pe.to(self.out.weight)))


class WithPadding(WithEmbedding):
    """nn.Embedding that knows its pad, which never learns."""

    def __init__(self, *sizes, **more):
        super().__init__(*sizes, **more)
        weight = self.embedding.weight
        self.embedding = nn.Embedding(*weight.shape, padding_idx=0)
        self.embedding.weight = weight


class Inline(WithEmbedding):
    """All of it in forward; encode and decode are there as well."""

    def forward(self, src, tgt, src_mask=None, tgt_mask=None):
        x, y = self.embed(src), self.embed(tgt)
        for layer in self.enc:
            x = layer(x, src_mask)
        x = self.enc_norm(x)
        tgt_mask = causal(tgt.size(1)) if tgt_mask is None else tgt_mask
        for layer in self.dec:
            y = layer(y, x, tgt_mask, src_mask)
        return self.dec_norm(y) @ self.embedding.weight.mT


RIGHT_TRANSFORMERS = [WithEmbedding, WithStacks, OutputFirstModel, WithPadding, Inline]


def signed(cls):
    """Give a class that passes its arguments on the constructor's names."""
    if cls is WithPadding:

        class WithPad(WithPadding):
            def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
                super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)

        return WithPad
    return cls


# --- properties ---------------------------------------------------------------------------------------------------


def judge_by_prefixes(model):
    model.eval()
    src, tgt = torch.randint(4, 20, (3, 5)), torch.randint(4, 20, (3, 8))
    bad = set()
    with torch.no_grad():
        whole = model(src, tgt)
        if not all(torch.allclose(model(src, tgt[:, :t]), whole[:, :t], atol=1e-9) for t in range(1, 8)):
            bad.add("causality")
        mask = torch.ones(3, 1, 1, 7, dtype=torch.bool)
        mask[..., 5:] = False
        with_pads = model(torch.cat((src, torch.zeros(3, 2, dtype=torch.long)), -1), tgt, mask)
        if not torch.allclose(with_pads, whole, atol=1e-9):
            bad.add("padding")
        if torch.allclose(model(torch.flip(src, (1,)), tgt), whole, atol=1e-9):
            bad.add("memory")
        alone = torch.cat([model(s[None], t[None]) for s, t in zip(src, tgt, strict=True)])
        if not torch.allclose(alone, whole, atol=1e-9):
            bad.add("batch")
    return bad


def judge_by_gradients(model):
    """Memory by what is behind a closed mask, batch by another neighbor; causality by every pair of places."""
    model = model.eval()
    generator = torch.Generator().manual_seed(1)
    src, tgt = (torch.randint(4, 20, (2, n), generator=generator) for n in (6, 9))
    found = []
    with torch.inference_mode():
        first = model(src, tgt)
        for t in range(tgt.shape[1]):
            other = tgt.clone()
            other[0, t] = 4 + (other[0, t] - 3) % 16
            if t and (model(src, other)[0, :t] - first[0, :t]).abs().max() > 1e-7:
                found.append("causality")
        mask = torch.tensor([True] * 4 + [False] * 2)[None, None, None].expand(2, 1, 1, 6)
        hidden = src.clone()
        hidden[:, 4:] = 0
        if (model(src, tgt, mask) - model(hidden, tgt, mask)).abs().max() > 1e-7:
            found.append("padding")
        if (model((src - 3) % 16 + 4, tgt) - first).abs().max() < 1e-7:
            found.append("memory")
        for b in (0, 1):
            neighbor = src.clone()
            neighbor[1 - b] = (neighbor[1 - b] - 2) % 16 + 4
            alone = model(src[b][None], tgt[b][None])[0]
            if max((model(neighbor, tgt)[b] - first[b]).abs().max(), (alone - first[b]).abs().max()) > 1e-7:
                found.append("batch")
    return set(found)


def judge_by_parts(model):
    """Through encode and decode."""
    model.train(False)
    with torch.no_grad():
        src, tgt = torch.tensor([[4, 9, 5, 17], [8, 8, 19, 6]]), torch.tensor([[7, 5, 16, 11, 4], [9, 14, 4, 10, 12]])

        def run(s, t, m=None):
            return model.decode(t, model.encode(s, m), src_mask=m)

        base = run(src, tgt)
        checks = {
            "causality": any(
                moved(run(src, torch.cat([tgt[:, :i], other_words(tgt)[:, i:]], 1))[:, :i], base[:, :i])
                for i in range(1, 5)
            ),
            "padding": moved(
                run(F.pad(src, (0, 4)), tgt, F.pad(torch.ones_like(src), (0, 4))[:, None, None].bool()), base
            ),
            "memory": not moved(run(other_words(src), tgt), base),
            "batch": any(moved(run(src[[b]], tgt[[b]]), base[[b]]) for b in range(2)),
        }
    return {name for name, violated in checks.items() if violated}


def judge_of_four(model):
    tests = []
    model.eval()
    src, tgt = torch.arange(4, 14)[None].repeat(2, 1), torch.arange(5, 17)[None].repeat(2, 1)
    src[1], tgt[1] = src[1].flip(0), tgt[1].flip(0)
    before = model(src, tgt).detach()

    def same(a, b):
        return bool(torch.isclose(a, b, rtol=0, atol=1e-8).all())

    changed = [tgt.scatter(1, torch.full((2, 1), t), 18) for t in range(1, 12)]
    tests.append(("causality", all(same(model(src, c)[:, :t], before[:, :t]) for t, c in enumerate(changed, 1))))
    long = torch.cat([src, src.new_zeros(2, 1)], 1)
    tests.append(("padding", same(model(long, tgt, src_mask=(long > 0).view(2, 1, 1, -1)), before)))
    tests.append(("memory", not same(model(src.clone().fill_(7), tgt), before)))
    tests.append(("batch", same(torch.cat([model(src[:1], tgt[:1]), model(src[1:], tgt[1:])]), before)))
    return {name for name, fine in tests if not fine}


def judge_with_names(model):
    names = set()
    model.eval()
    g = torch.Generator().manual_seed(3)
    for _ in range(2):
        src = torch.randint(4, 20, (4, 5), generator=g)
        tgt = torch.randint(4, 20, (4, 6), generator=g)
        y = model(src, tgt)
        for j in range(1, 6):
            z = tgt.clone()
            z[:, j:] = torch.randint(4, 20, (4, 6 - j), generator=g)
            if not torch.allclose(model(src, z)[:, :j], y[:, :j], atol=1e-8):
                names |= {"causality"}
        s = torch.cat([src, torch.zeros(4, 3).long()], 1)
        if not torch.allclose(model(s, tgt, (s != 0)[:, None, None]), y, atol=1e-8):
            names |= {"padding"}
        if torch.allclose(model(torch.randint(4, 20, (4, 5), generator=g), tgt), y, atol=1e-8):
            names |= {"memory"}
        for i in range(4):
            if not torch.allclose(model(src[i : i + 1], tgt[i : i + 1])[0], y[i], atol=1e-8):
                names |= {"batch"}
    return names


RIGHT_JUDGES = [judge_by_prefixes, judge_by_gradients, judge_by_parts, judge_of_four, judge_with_names]

# --- count_parameters ---------------------------------------------------------------------------------------------


def count_in_one_line(vocab_size, d_model, n_heads, d_ff, n_layers):
    d, f = d_model, d_ff
    return vocab_size * d + 4 * d + n_layers * (12 * d * d + 4 * d * f + 2 * f + 24 * d)


def count_by_parts(vocab_size, d_model, n_heads, d_ff, n_layers):
    def linear(a, b):
        return (a + 1) * b

    attention = 4 * linear(d_model, d_model)
    net = linear(d_model, d_ff) + linear(d_ff, d_model)
    total = vocab_size * d_model
    for _ in range(n_layers):
        total += attention + net + 2 * (2 * d_model)
        total += attention + attention + net + 3 * (2 * d_model)
    return total + 2 * (2 * d_model)


def count_by_heads(vocab_size, d_model, n_heads, d_ff, n_layers):
    d_head = d_model // n_heads
    attention = n_heads * 3 * (d_model * d_head + d_head) + d_model * d_model + d_model
    layers = 3 * attention + 2 * (2 * d_model * d_ff + d_ff + d_model) + 5 * 2 * d_model
    return n_layers * layers + vocab_size * d_model + 4 * d_model


def count_by_lists(vocab_size, d_model, n_heads, d_ff, n_layers):
    linear = [(d_model, d_model)] * 12 + [(d_model, d_ff), (d_ff, d_model)] * 2
    return sum(a * b + b for a, b in linear * n_layers) + (5 * n_layers + 2) * 2 * d_model + vocab_size * d_model


def count_as_float(vocab_size, d_model, n_heads, d_ff, n_layers):
    return float(count_by_parts(vocab_size, d_model, n_heads, d_ff, n_layers))


RIGHT_COUNTS = [count_in_one_line, count_by_parts, count_by_heads, count_by_lists, count_as_float]


SHOWN = [answers.EncoderLayer, answers.DecoderLayer, answers.Transformer, answers.properties]

RIGHT = [
    *((each.__name__, each) for each in SHOWN),
    *(("embed", each) for each in RIGHT_EMBEDDINGS),
    *(("EncoderLayer", each) for each in RIGHT_ENCODER_LAYERS.values()),
    *(("DecoderLayer", each) for each in RIGHT_DECODER_LAYERS.values()),
    *(("Transformer", signed(each)) for each in RIGHT_TRANSFORMERS),
    *(("properties", each) for each in RIGHT_JUDGES),
    *(("count_parameters", each) for each in RIGHT_COUNTS),
]


@pytest.fixture(scope="module", autouse=True)
def _attention_was_checked_in_lesson_07():
    """So that the lab knows in which order the learner's attention makes its maps."""
    for attention in (Fused, OutputFirst):
        found = diagnose("MultiHeadAttention", attention)
        assert found.status == "passed", found.message
    for layer in RIGHT_ENCODER_LAYERS.values():
        assert diagnose("EncoderLayer", layer).status == "passed"
    for layer in RIGHT_DECODER_LAYERS.values():
        assert diagnose("DecoderLayer", layer).status == "passed"


@pytest.mark.parametrize(("id", "right"), RIGHT, ids=[f"{id}-{i}" for i, (id, _) in enumerate(RIGHT)])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


def test_every_exercise_has_at_least_five_other_right_answers():
    for exercise in EXERCISES:
        assert sum(id == exercise.id for id, _ in RIGHT) >= 5, exercise.id


# --- wrong answers ------------------------------------------------------------------------------------------------


def wrong_layer(forward, decoder=False, parts=lambda self: None):
    """A layer with the usual parts and a forward that a learner might write."""

    class Layer(nn.Module):
        def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
            super().__init__()
            self.attention = MultiHeadAttention(d_model, n_heads)
            if decoder:
                self.source_attention = MultiHeadAttention(d_model, n_heads)
            self.ff = FeedForward(d_model, d_ff)
            self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
            if decoder:
                self.norm3 = nn.LayerNorm(d_model)
            self.dropout = nn.Dropout(dropout)
            parts(self)

    if decoder:
        Layer.forward = lambda self, x, memory, mask=None, memory_mask=None: forward(self, x, memory, mask, memory_mask)
    else:
        Layer.forward = lambda self, x, mask=None: forward(self, x, mask)
    return Layer


def enc(step):
    return wrong_layer(step)


def dec(step, **more):
    return wrong_layer(step, decoder=True, **more)


def e_post(s, x, mask):
    x = s.norm1(x + s.dropout(s.attention(x, x, mask)))
    return s.norm2(x + s.dropout(s.ff(x)))


def e_kept_normed(s, x, mask):
    x = s.norm1(x)
    x = x + s.dropout(s.attention(x, x, mask))
    x = s.norm2(x)
    return x + s.dropout(s.ff(x))


def e_no_mask(s, x, mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y))
    return x + s.dropout(s.ff(s.norm2(x)))


def e_no_dropout(s, x, mask):
    y = s.norm1(x)
    x = x + s.attention(y, y, mask)
    return x + s.ff(s.norm2(x))


def e_stale(s, x, mask):
    y = s.norm1(x)
    z = x + s.dropout(s.attention(y, y, mask))
    return x + s.dropout(s.ff(s.norm2(z)))


def e_half_normed(s, x, mask):
    x = x + s.dropout(s.attention(s.norm1(x), x, mask))
    return x + s.dropout(s.ff(s.norm2(x)))


def d_own_twice(s, x, memory, mask, memory_mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y, mask))
    y = s.norm2(x)
    x = x + s.dropout(s.source_attention(y, y, mask))
    return x + s.dropout(s.ff(s.norm3(x)))


def d_turned(s, x, memory, mask, memory_mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y, mask))
    x = x + s.dropout(s.source_attention(memory, s.norm2(x), memory_mask))
    return x + s.dropout(s.ff(s.norm3(x)))


def d_masks(first, second):
    def forward(s, x, memory, mask, memory_mask):
        given = {"mask": mask, "memory_mask": memory_mask, "none": None}
        y = s.norm1(x)
        x = x + s.dropout(s.attention(y, y, given[first]))
        x = x + s.dropout(s.source_attention(s.norm2(x), memory, given[second]))
        return x + s.dropout(s.ff(s.norm3(x)))

    return dec(forward)


def d_normed_memory(s, x, memory, mask, memory_mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y, mask))
    x = x + s.dropout(s.source_attention(s.norm2(x), s.norm2(memory), memory_mask))
    return x + s.dropout(s.ff(s.norm3(x)))


def d_one_attention(s, x, memory, mask, memory_mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y, mask))
    x = x + s.dropout(s.attention(s.norm2(x), memory, memory_mask))
    return x + s.dropout(s.ff(s.norm3(x)))


def d_skips(s, x, memory, mask, memory_mask):
    y = s.norm1(x)
    x = x + s.dropout(s.attention(y, y, mask))
    return x + s.dropout(s.ff(s.norm3(x)))


def t(**changed):
    """A Transformer like WithEmbedding with some methods replaced."""
    return type("Transformer", (WithEmbedding,), changed)


def t_encode_unnormed(self, src, src_mask=None):
    x = self.embed(src)
    for layer in self.enc:
        x = layer(x, src_mask)
    return x


def t_encode_no_mask(self, src, src_mask=None):
    return WithEmbedding.encode(self, src)


def t_embed_unscaled(self, ids):
    return self.drop(self.embedding(ids) + self.pe[: ids.shape[1]])


def t_decode_eval(self, tgt, memory, tgt_mask=None, src_mask=None):
    if tgt_mask is None:
        T = tgt.shape[1]
        tgt_mask = causal(T) if self.training else torch.ones(T, T, dtype=torch.bool)
    return WithEmbedding_decode(self, tgt, memory, tgt_mask, src_mask)


def WithEmbedding_decode(self, tgt, memory, tgt_mask, src_mask):  # noqa: N802
    x = self.embed(tgt)
    for layer in self.dec:
        x = layer(x, memory, tgt_mask, src_mask)
    return self.out(self.dec_norm(x))


def t_decode_no_source_mask(self, tgt, memory, tgt_mask=None, src_mask=None):
    return WithEmbedding_decode(self, tgt, memory, causal(tgt.shape[1]) if tgt_mask is None else tgt_mask, None)


def t_softmax(self, tgt, memory, tgt_mask=None, src_mask=None):
    return WithEmbedding.decode(self, tgt, memory, tgt_mask, src_mask).softmax(-1)


def t_detached(self, src, tgt, src_mask=None, tgt_mask=None):
    return self.decode(tgt, self.encode(src, src_mask).detach(), tgt_mask, src_mask)


def t_raw(self, src, src_mask=None):
    return self.embed(src)


class Shared(WithEmbedding):
    """One layer n times."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        self.enc = nn.ModuleList([self.enc[0]] * n_layers)
        self.dec = nn.ModuleList([self.dec[0]] * n_layers)


class TrainedPlaces(WithEmbedding):
    """The table of positions as a parameter."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        del self.pe
        self.pe = nn.Parameter(torch.from_numpy(positional_encoding(max_len, d_model)))


class Copied(WithEmbedding):
    """Tied by copying."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        self.out = nn.Linear(d_model, vocab_size, bias=False)
        self.out.weight.data.copy_(self.embedding.weight.data)


class Untied(WithEmbedding):
    """An output layer of its own."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        self.out = nn.Linear(d_model, vocab_size, bias=False)


class LargeTable(WithEmbedding):
    """nn.Embedding as it begins by itself."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        nn.init.normal_(self.embedding.weight)


class TwoLanguages(WithEmbedding):
    """An embedding for the source besides."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        self.source = nn.Embedding(vocab_size, d_model)

    def encode(self, src, src_mask=None):
        x = self.drop(embed(src, self.source.weight, self.pe))
        for layer in self.enc:
            x = layer(x, src_mask)
        return self.enc_norm(x)


def judge(change=None, compare=None, mode=False, pads=True, source=True, alone=True):
    """A judge of a learner, with one thing done in another way."""

    def properties(model):
        if mode is not None:
            model.train(mode)
        src, tgt = torch.randint(4, 20, (3, 5)), torch.randint(4, 20, (3, 6))
        found = set()
        with torch.no_grad():
            y = model(src, tgt)
            for i in range(1, 6):
                z = tgt.clone()
                (change or (lambda z, i: z.__setitem__((slice(None), i), 4 + (z[:, i] - 3) % 16)))(z, i)
                a, b = (
                    (compare or (lambda x, i: x[:, :i]))(model(src, z), i),
                    (compare or (lambda x, i: x[:, :i]))(y, i),
                )
                if a.shape != b.shape or (a - b).abs().max() > 1e-8:
                    found.add("causality")
            p = F.pad(src, (0, 2))
            if (model(p, tgt, (p != 0)[:, None, None] if pads else None) - y).abs().max() > 1e-8:
                found.add("padding")
            other = model((src - 3) % 16 + 4 if source else src, tgt if source else (tgt - 3) % 16 + 4)
            if (other - y).abs().max() < 1e-8:
                found.add("memory")
            rows = range(3) if alone else range(1)
            if any((model(src[b : b + 1], tgt[b : b + 1]) - y[b]).abs().max() > 1e-8 for b in rows):
                found.add("batch")
        return found

    return properties


def judge_at(places, tail=False, make=torch.Tensor.clone, mask=lambda longer: (longer != 0)[:, None, None, :]):
    """A judge that changes the target at some of seven places, or from there on."""

    def properties(model):
        model.eval()
        src, tgt = torch.randint(4, 20, (2, 5)), torch.randint(4, 20, (2, 7))
        found = set()
        with torch.no_grad():
            y = model(src, tgt)
            for i in places:
                z = make(tgt)
                end = None if tail else i + 1
                z[:, i:end] = other_words(z)[:, i:end]
                if moved(model(src, z)[:, :i], y[:, :i]):
                    found.add("causality")
            longer = torch.cat([src, torch.zeros(2, 2, dtype=torch.long)], 1)
            if moved(model(longer, tgt, src_mask=mask(longer)), y):
                found.add("padding")
            if not moved(model(other_words(src), tgt), y):
                found.add("memory")
            if any(moved(model(src[b : b + 1], tgt[b : b + 1]), y[b : b + 1]) for b in range(2)):
                found.add("batch")
        return found

    return properties


def judge_on_one_copy(model):
    copies = []

    def once(tgt):
        copies.append(copies[0] if copies else tgt.clone())
        return copies[-1]

    return judge_at(range(1, 7), make=once)(model)


def e_thinks_first(s, x, mask):
    x = residual_block(x, s.norm1, s.ff, s.dropout)
    return residual_block(x, s.norm2, lambda y: s.attention(y, y, mask), s.dropout)


def e_adds_again(s, x, mask):
    x = x + residual_block(x, s.norm1, lambda y: s.attention(y, y, mask), s.dropout)
    return x + residual_block(x, s.norm2, s.ff, s.dropout)


def e_unused(s, x, mask):
    y = s.norm1(x)
    s.dropout(s.attention(y, y, mask))
    return x + s.dropout(s.ff(s.norm2(x)))


def d_thinks_second(s, x, memory, mask, memory_mask):
    x = residual_block(x, s.norm1, lambda y: s.attention(y, y, mask), s.dropout)
    x = residual_block(x, s.norm2, s.ff, s.dropout)
    return residual_block(x, s.norm3, lambda y: s.source_attention(y, memory, memory_mask), s.dropout)


def d_adds_again(s, x, memory, mask, memory_mask):
    x = x + residual_block(x, s.norm1, lambda y: s.attention(y, y, mask), s.dropout)
    x = x + residual_block(x, s.norm2, lambda y: s.source_attention(y, memory, memory_mask), s.dropout)
    return x + residual_block(x, s.norm3, s.ff, s.dropout)


def own_mask(make):
    def decode(self, tgt, memory, tgt_mask=None, src_mask=None):
        return WithEmbedding_decode(self, tgt, memory, make(tgt.shape[1]) if tgt_mask is None else tgt_mask, src_mask)

    return decode


def with_places(make, buffer=True):
    """A Transformer whose table of positions is make(vocab_size, d_model, max_len)."""

    class Model(WithEmbedding):
        def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
            super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
            del self.pe
            table = make(vocab_size, d_model, max_len)
            if buffer:
                self.register_buffer("pe", table, persistent=False)
            else:
                self.pe = table

        def embed(self, ids):
            return self.drop(embed(ids, self.embedding.weight, self.pe))

    return Model


class PlainList(WithEmbedding):
    """Layers in a plain list."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__(vocab_size, d_model, n_heads, d_ff, n_layers, dropout, max_len)
        del self.enc, self.dec
        self.enc = [EncoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)]
        self.dec = [DecoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)]


def places(n, d):
    return torch.as_tensor(positional_encoding(n, d))


WRONG = [
    ("embed", lambda tokens, table, positions: table[tokens] + positions[: tokens.size(1)], "embed_not_scaled"),
    (
        "embed",
        lambda tokens, table, positions: (
            F.embedding(tokens, table) * table.size(0) ** 0.5 + positions[: tokens.size(1)]
        ),
        "embed_root_of_words",
    ),
    (
        "embed",
        lambda tokens, table, positions: (table[tokens] + positions[: tokens.shape[1]]) * table.shape[-1] ** 0.5,
        "embed_scales_positions_too",
    ),
    (
        "embed",
        lambda tokens, table, positions: (
            table[tokens] * table.shape[-1] ** 0.5 + positions[: tokens.shape[0]].unsqueeze(1)
        ),
        "embed_positions_of_sentences",
    ),
    ("EncoderLayer", enc(e_post), "post_norm"),
    ("EncoderLayer", enc(e_kept_normed), "F01"),
    ("EncoderLayer", enc(e_no_mask), "mask_not_handed_on"),
    ("EncoderLayer", enc(e_no_dropout), "F09"),
    ("EncoderLayer", enc(e_stale), "residual_starts_over"),
    ("EncoderLayer", enc(e_half_normed), "keys_not_normed"),
    ("DecoderLayer", dec(d_own_twice), "cross_asks_the_decoder"),
    ("DecoderLayer", dec(d_turned), "memory_asks"),
    ("DecoderLayer", d_masks("mask", "mask"), "target_mask_across"),
    ("DecoderLayer", d_masks("memory_mask", "mask"), "masks_exchanged"),
    ("DecoderLayer", d_masks("mask", "none"), "memory_mask_not_handed_on"),
    ("DecoderLayer", dec(d_normed_memory), "memory_normed_again"),
    ("DecoderLayer", dec(d_one_attention), "one_attention"),
    ("DecoderLayer", dec(d_skips), "cross_never_used"),
    ("Transformer", t(encode=t_encode_unnormed), "memory_not_normed"),
    ("Transformer", t(encode=t_encode_no_mask), "source_mask_not_in_encoder"),
    ("Transformer", t(embed=t_embed_unscaled), "not_scaled"),
    ("Transformer", t(decode=t_decode_eval), "causal_only_in_training"),
    ("Transformer", t(decode=t_decode_no_source_mask), "source_mask_not_in_decoder"),
    ("Transformer", t(decode=t_softmax), "softmax_in_the_model"),
    ("Transformer", t(forward=t_detached), "no_gradient"),
    ("Transformer", t(encode=t_raw), "raw_memory"),
    ("Transformer", Shared, "one_layer_object"),
    ("Transformer", TrainedPlaces, "positions_trained"),
    ("Transformer", Copied, "tied_by_copying"),
    ("Transformer", Untied, "output_not_tied"),
    ("Transformer", LargeTable, "table_begins_large"),
    ("Transformer", TwoLanguages, "two_tables"),
    ("properties", judge(mode=None), "dropout_left_on"),
    ("properties", judge(change=lambda z, i: None), "causality_never_changes"),
    ("properties", judge(compare=lambda x, i: x), "causality_looks_too_far"),
    ("properties", judge(pads=False), "pads_without_mask"),
    ("properties", judge(source=False), "memory_other_target"),
    ("properties", judge(alone=False), "first_sentence"),
    ("properties", lambda model: set(), "never_calls"),
    ("properties", judge_at(range(1, 7), make=lambda tgt: tgt), "writes_into_the_target"),
    ("properties", judge_on_one_copy, "causality_looks_too_far"),
    *(("properties", judge_at([i]), "causality_at_some_places") for i in (1, 2, 3, 5, 6)),
    ("properties", judge_at([3], tail=True), "causality_at_some_places"),
    ("properties", judge_at([1, 2, 4, 5, 6]), "causality_at_some_places"),
    ("properties", judge_at(range(1, 7), mask=lambda longer: longer != 0), "mask_of_two_axes"),
    (
        "properties",
        judge_at(range(1, 7), mask=lambda longer: (longer != 0).float()[:, None, None]),
        "mask_of_floats",
    ),
    ("EncoderLayer", enc(e_thinks_first), "feed_forward_first"),
    ("EncoderLayer", enc(e_adds_again), "residual_twice"),
    ("EncoderLayer", enc(e_unused), "no_attention"),
    ("DecoderLayer", dec(d_thinks_second), "feed_forward_too_early"),
    ("DecoderLayer", dec(d_adds_again), "residual_twice"),
    ("Transformer", PlainList, "plain_list"),
    ("Transformer", with_places(lambda V, d, n: places(n, d)), "positions_in_64_bits"),
    ("Transformer", with_places(lambda V, d, n: places(V, d).float()), "places_not_max_len"),
    ("Transformer", with_places(lambda V, d, n: places(256, d).float()), "places_not_max_len"),
    ("Transformer", with_places(lambda V, d, n: places(n, d).float(), buffer=False), "positions_left_behind"),
    ("Transformer", t(decode=own_mask(lambda n: torch.ones(n, n, dtype=torch.bool).triu())), "causal_inverted"),
    ("Transformer", t(decode=own_mask(lambda n: torch.ones(n, n).tril())), "mask_of_floats"),
    (
        "count_parameters",
        lambda vocab_size, d_model, n_heads, d_ff, n_layers: (
            3 * vocab_size * d_model + count_in_one_line(0, d_model, n_heads, d_ff, n_layers)
        ),
        "three_tables",
    ),
    (
        "count_parameters",
        lambda vocab_size, d_model, n_heads, d_ff, n_layers: (
            count_in_one_line(vocab_size, d_model, n_heads, d_ff, n_layers) - 4 * d_model
        ),
        "no_last_norms",
    ),
]


@pytest.mark.parametrize(
    ("id", "wrong", "name"), WRONG, ids=[f"{id}-{name}-{i}" for i, (id, _, name) in enumerate(WRONG)]
)
def test_wrong_answers_get_their_question(id, wrong, name):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", name), found.message


def test_the_bank_has_more_than_forty_mistakes_of_modules():
    of_modules = [get(id).mistakes for id in ("EncoderLayer", "DecoderLayer", "Transformer")]
    assert sum(map(len, of_modules)) >= 100
    assert all(len(exercise.mistakes) >= 12 for exercise in map(get, (each.id for each in EXERCISES)))
