"""The recurrent encoder-decoder, with a fixed context vector or with attention: what came before the Transformer.

    encoder   reads the source word by word, from both ends: one state for each word, the memory (B, S, d)
    start     the decoder's first state, tanh(W x), from the encoder's last states
    decoder   one step for each target word: its cell reads the word before, and a context joins in
    output    tanh(W [state; context; word]), then logits; the word is the one that the cell has just read

What the context is, and when it joins in, is the difference between the papers:

    none      Cho et al. 2014: the encoder's last states, the same at every step, read by the cell
    additive  Bahdanau et al. 2015: the state *before* the step asks, and the cell reads the context with the word
    others    Luong et al. 2015: the state *after* the step asks; the context goes to the output alone

Cells are torch's own. The methods are those of `course.model.Transformer`, so that training, search, evaluation and
alignment know no difference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course.errors import CourseError
from course.model.dropout import Dropout
from course.model.footprint import require_room
from course.model.ids import require_ids
from course.model.masks import require_mask
from course.model.recurrent_config import RecurrentConfig
from course.model.source_attention import Source, SourceAttention
from course.model.transformer import AttentionWeights

State = tuple[Tensor, ...]  # what a cell hands on, each (n_layers, B, d): the state, and an LSTM's cell state
CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@dataclass
class RecurrentCache:
    """What a recurrent decoder carries from word to word: its state, of one size however long the sentence is.

    `beam_size` hypotheses share one sentence's source; row = sentence * beam_size + place.
    """

    source: Source
    fixed: Tensor  # (B, d): the encoder's last states
    state: State
    beam_size: int = 1
    length: int = 0  # words read so far

    def select(self, rows: Tensor) -> "RecurrentCache":
        """A new cache whose row i continues old row rows[i]. rows: (M,) ids; whole groups of `beam_size`."""
        sentences = rows[:: self.beam_size] // self.beam_size
        state = tuple(s.index_select(1, rows) for s in self.state)
        return replace(self, source=self.source.rows(sentences), fixed=self.fixed[sentences], state=state)


class RecurrentModel(nn.Module):
    """The recurrent encoder-decoder in all the variants of `RecurrentConfig`."""

    def __init__(self, config: RecurrentConfig):
        require_room(config)
        super().__init__()
        self.config = config
        d, n_layers = config.d_model, config.n_layers
        cell, between = CELLS[config.architecture], config.dropout if n_layers > 1 else 0.0
        self.tgt_embedding = nn.Embedding(config.tgt_vocab_size, d)
        self.src_embedding = self.tgt_embedding if config.tie == "all" else nn.Embedding(config.src_vocab_size, d)
        self.encoder = cell(
            d, d // 2 if config.bidirectional else d, n_layers,
            batch_first=True, dropout=between, bidirectional=config.bidirectional,
        )  # fmt: skip
        self.start = nn.Linear(d, n_layers * d)
        self.decoder = cell(2 * d if config.context_first else d, d, n_layers, batch_first=True, dropout=between)
        self.attention = None if config.attention == "none" else SourceAttention(config)
        self.readout = nn.Linear(3 * d, d)
        self.output = nn.Linear(d, config.tgt_vocab_size, bias=config.output_bias)
        self.dropout = Dropout(config.dropout)
        for table in (self.src_embedding, self.tgt_embedding, self.output):
            nn.init.normal_(table.weight, std=d**-0.5)
        if config.tie != "none":
            self.output.weight = self.tgt_embedding.weight

    # --- the whole sentence at once -------------------------------------------------------------------

    def forward(
        self, src: Tensor, tgt: Tensor, *, src_mask: Tensor | None = None, return_weights: bool = False
    ) -> Tensor | tuple[Tensor, AttentionWeights]:
        """Logits of the next token at each target position, with teacher forcing.

        src (B, S) and tgt (B, T): ids. src_mask: (B, 1, 1, S), True = real token; padding stands at the end. Returns
        (B, T, V), and if asked the weights: one layer of one head, (B, 1, T, S), or none for a fixed vector.
        """
        states, weights = self._decode(tgt, self.encode(src, src_mask=src_mask), src_mask)
        logits = self.output(states)
        cross = [] if weights is None else [weights[:, None]]
        return (logits, AttentionWeights([], [], cross)) if return_weights else logits

    def encode(self, src: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """src (B, S) ids -> memory (B, S, d): for each word what the cells knew when they had read it; 0 at padding."""
        require_ids(src)
        words = self._embed(src, self.src_embedding)  # of the weights' own type: autocast leaves a lookup alone
        if not src.numel():  # torch packs no batch of nothing
            return words
        lengths = _real(src_mask, src).sum(-1).clamp(min=1).cpu()  # torch reads no sentence of nothing
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        with _full_precision(words):
            states, _ = self.encoder(packed)
        memory, _ = pad_packed_sequence(states, batch_first=True, total_length=src.shape[1])
        return memory

    def decoder_states(self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """What the output layer reads: tgt (B, T) ids and memory (B, S, d) -> (B, T, d)."""
        return self._decode(tgt, memory, src_mask)[0]

    def decode(self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """tgt (B, T) ids and memory (B, S, d) -> logits (B, T, V)."""
        return self.output(self.decoder_states(tgt, memory, src_mask=src_mask))

    def _decode(self, tgt: Tensor, memory: Tensor, src_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        require_ids(tgt)
        cache = self.start_cache(memory, src_mask=src_mask)
        return self._read(self._embed(tgt, self.tgt_embedding), cache)

    def _embed(self, tokens: Tensor, table: nn.Embedding) -> Tensor:
        """ids (B, T) -> (B, T, d), with entries of about 1, as the Transformer's."""
        return self.dropout(table(tokens) * self.config.d_model**0.5)

    # --- one token at a time ----------------------------------------------------------------------------

    def start_cache(self, memory: Tensor, *, src_mask: Tensor | None = None, beam_size: int = 1) -> RecurrentCache:
        """The decoder before its first word, beam_size rows for each sentence of memory (B, S, d)."""
        mask = _real(src_mask, memory)
        fixed = self._last_states(memory, mask)
        first = torch.tanh(self.start(fixed)).to(memory.dtype).unflatten(-1, (self.config.n_layers, -1))
        first = first.transpose(0, 1).repeat_interleave(beam_size, 1).contiguous()
        state = (first, torch.zeros_like(first)) if self.config.architecture == "lstm" else (first,)
        source = Source(memory, memory, mask) if self.attention is None else self.attention.look_at(memory, mask)
        return RecurrentCache(source, fixed, state, beam_size)

    def step(self, tokens: Tensor, cache: RecurrentCache) -> Tensor:
        """The next token's logits (N, V) after one more token a row; tokens (N,) ids, N = B * beam_size.

        Moves the cache on by one word, in place. Equal to the last row of `decode` on the whole prefix.
        """
        states, _ = self._read(self._embed(tokens[:, None], self.tgt_embedding), cache)
        return self.output(states)[:, 0]

    def _last_states(self, memory: Tensor, mask: Tensor) -> Tensor:
        """What each direction knew when it had read all: memory (B, S, d), mask (B, S) -> (B, d)."""
        last = memory[torch.arange(len(memory), device=memory.device), (mask.sum(-1) - 1).clamp(min=0)]
        if not self.config.bidirectional:
            return last
        half = self.config.d_model // 2  # the second half reads from the end: it has read all at the first word
        return torch.cat([last[:, :half], memory[:, 0, half:]], -1)

    def _read(self, words: Tensor, cache: RecurrentCache) -> tuple[Tensor, Tensor | None]:
        """Let the decoder read embedded words (N, T, d) from where the cache stands, and move that on.

        Returns what the output layer reads, (N, T, d), and the weights (N, T, S) or None.
        """
        weights = None
        if self.attention is None:
            fixed = cache.fixed.repeat_interleave(cache.beam_size, 0)[:, None].expand_as(words)
            states, context = self._run(torch.cat([words, fixed], -1), cache), fixed
        elif self.config.context_first:
            states, context, weights = self._ask_and_read(words, cache)
        else:
            states = self._run(words, cache)
            context, weights = self._look(states, cache)
        cache.length += words.shape[1]
        return self.dropout(torch.tanh(self.readout(torch.cat([states, context, words], -1)))), weights

    def _ask_and_read(self, words: Tensor, cache: RecurrentCache) -> tuple[Tensor, Tensor, Tensor]:
        """Bahdanau's order: the last state asks, then the cell reads word and context; so one word after the other."""
        steps = []
        for word in words.split(1, dim=1):
            context, weights = self._look(cache.state[0][-1][:, None], cache)
            steps.append((self._run(torch.cat([word, context], -1), cache), context, weights))
        states, contexts, kept = (torch.cat(parts, 1) for parts in zip(*steps, strict=True))
        return states, contexts, kept

    def _run(self, inputs: Tensor, cache: RecurrentCache) -> Tensor:
        """Inputs (N, T, ...) through the cell, from the cache's state on -> states (N, T, d)."""
        inputs, (first, *rest) = inputs.to(self.readout.weight.dtype), cache.state
        with _full_precision(inputs):
            states, state = self.decoder(inputs, (first, *rest) if rest else first)
        cache.state = state if isinstance(state, tuple) else (state,)
        return states

    def _look(self, queries: Tensor, cache: RecurrentCache) -> tuple[Tensor, Tensor]:
        """Contexts (N, T, d) and weights (N, T, S) of queries (N, T, d), the first at the cache's position.

        The hypotheses of a sentence ask the same source: they stand as beam_size queries beside one another.
        """
        assert self.attention is not None
        places = torch.arange(cache.length, cache.length + queries.shape[1], device=queries.device)
        if cache.beam_size == 1:
            return self.attention(queries, cache.source, places)
        grouped = queries.unflatten(0, (-1, cache.beam_size)).squeeze(2)
        context, weights = self.attention(grouped, cache.source, places)
        return context.flatten(0, 1)[:, None], weights.flatten(0, 1)[:, None]


def _full_precision(like: Tensor) -> torch.autocast:
    """No bfloat16 inside: a state passes through its cell once a word, and torch's LSTM cannot do it on every CPU."""
    return torch.autocast(like.device.type, enabled=False)


def _real(src_mask: Tensor | None, like: Tensor) -> Tensor:
    """(B, S) bool from (B, 1, 1, S); all True where there is no mask.

    Raises `CourseError` for padding elsewhere, and for a mask that is not boolean or does not fit.
    """
    if src_mask is None:
        return torch.ones(like.shape[:2], dtype=torch.bool, device=like.device)
    B, S = like.shape[:2]
    require_mask(src_mask, like, (B, 1, 1, S))
    mask = src_mask.expand(B, 1, 1, S)[:, 0, 0]
    if (mask[:, 1:] & ~mask[:, :-1]).any():
        raise CourseError("a recurrent encoder reads to each sentence's end: padding must stand behind the sentence.")
    return mask
