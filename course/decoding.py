"""From source ids to target ids: greedy search, beam search and sampling, batched and with key/value caches.

Read `greedy` first: the loop that all three share in spirit (feed the last token, look at the next token's
probabilities, choose, drop the sentences that are done). Then `beam_search`, which is four steps over and
over: `extend` (the best continuations), `advance` (put them in their places), `is_over` (can anything still
win?) and `ranked` (what is handed back).

Words used throughout. B sentences, k places (the beam size) for hypotheses of each, V tokens in the
vocabulary, t tokens generated so far. `max_len` counts generated tokens, the end token included: a hypothesis
cut off there is returned with `finished=False`. The padding and the begin token are never generated: they are
taken out before the softmax, so that the probabilities of all that can be generated sum to one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from course.decoding_limits import MaxLen, check_beam, check_room, check_sampling, limits_of
from course.errors import CourseError
from course.model.config import is_number
from course.model.masks import padding_mask
from course.special import BOS, EOS, PAD


class Decodable(Protocol):
    """What decoding asks of a model; `course.model.Transformer` has it. A cache has `select(rows) -> cache`."""

    def encode(self, src: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """Return the memory (B, S, d) of src (B, S)."""
        ...

    def decode(self, tgt: Tensor, memory: Tensor, *, src_mask: Tensor | None = None) -> Tensor:
        """Return logits (B, T, V) for prefixes (B, T)."""
        ...

    def start_cache(self, memory: Tensor, *, src_mask: Tensor | None = None, beam_size: int = 1) -> Any:  # noqa: ANN401
        """Return an empty cache of B * beam_size rows, row = sentence * beam_size + place."""
        ...

    def step(self, tokens: Tensor, cache: Any) -> Tensor:  # noqa: ANN401
        """Append one token (N,) to each row of the cache; return logits (N, V)."""
        ...


@dataclass(frozen=True)
class SpecialIds:
    """Which ids pad, begin and end a sentence; the course's own by default."""

    pad: int = PAD
    bos: int = BOS
    eos: int = EOS

    def __post_init__(self) -> None:
        if self.eos in (self.pad, self.bos):
            raise CourseError(f"The end token must differ from padding and begin token, but all are {self.eos}.")


LARGEST_ALPHA = 10  # with more, no float can hold what a long hypothesis is divided by


@dataclass(frozen=True)
class LengthPenalty:
    """What a log-probability is divided by, so that long hypotheses are not worse merely for being long.

    Three names are in use, and results are comparable only under the same one. len counts the end token:

    - "gnmt": ((5 + len) / 6) ** alpha (Wu et al. 2016, equation 14; also Joey NMT). The default, with alpha
      1: better than the 0.6 of that paper on the validation sentences of Multi30k English-German.
    - "power": len ** alpha (the `length_penalty` of transformers, the `lenpen` of fairseq); alpha 1 is the
      mean.
    - "none": no penalty, the plain log-probability.

    Raises CourseError for another name, for a negative alpha (short hypotheses would be preferred twice over) and for
    one above 10 (every score would come to nearly 0).
    """

    name: Literal["gnmt", "power", "none"] = "gnmt"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in ("gnmt", "power", "none"):
            raise CourseError(f"Unknown length penalty {self.name!r}; use 'gnmt', 'power' or 'none'.")
        if not is_number(self.alpha) or not 0 <= self.alpha <= LARGEST_ALPHA:
            most = f"a number from 0 to {LARGEST_ALPHA}"
            raise CourseError(f"The length penalty's alpha must be {most}, but is {self.alpha!r}; 1 is usual.")

    def __call__(self, length: Tensor) -> Tensor:
        """Divisors for lengths of any shape, float64; never smaller for a longer hypothesis."""
        lengths = length.to(_precise(length.device))
        if self.name == "none":
            return torch.ones_like(lengths)
        return ((5 + lengths) / 6 if self.name == "gnmt" else lengths) ** self.alpha


COURSE_IDS, GNMT = SpecialIds(), LengthPenalty()
COLDEST, HOTTEST = 1e-30, 1e30  # temperatures that float32 can divide by; beyond, nothing would change any more


@dataclass(frozen=True)
class Hypothesis:
    """One decoded sentence: `score` is `log_prob` (natural logarithm) divided by the length penalty.

    `ids` holds neither begin nor end token; `log_prob` includes the end token's where `finished` is true.
    """

    ids: list[int]
    score: float
    log_prob: float
    finished: bool


def greedy(
    model: Decodable,
    src: Tensor,
    *,
    max_len: MaxLen,
    length_penalty: LengthPenalty | float = GNMT,
    use_cache: bool = True,
    special: SpecialIds = COURSE_IDS,
) -> list[Hypothesis]:
    """Take the most probable token at every step: beam search with one place, and faster.

    src: (B, S) ids, padded. max_len: int, or one for each of the B sentences. The length penalty decides
    nothing here; it only makes the score comparable with a beam's. Returns B hypotheses. `use_cache=False`
    computes every prefix again at each step: the same result, for comparison. Raises CourseError for a wrong
    shape or size.
    """
    with _inference(model):
        limit = limits_of(max_len, src)
        check_room(model, src, 1, limit)
        feed = _feed(model, src, 1, use_cache, special)
        return _one_by_one(feed, limit, lambda p: p.argmax(-1), _penalty(length_penalty), special)


def sample(
    model: Decodable,
    src: Tensor,
    *,
    max_len: MaxLen,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    length_penalty: LengthPenalty | float = GNMT,
    use_cache: bool = True,
    special: SpecialIds = COURSE_IDS,
) -> list[Hypothesis]:
    """Draw every token at random, from `sampling_probabilities` of what the model says.

    Shapes as in `greedy`. `log_prob` is the model's own, without temperature or filters. The same generator
    state gives the same samples for the same batch. Raises CourseError for a value out of range.
    """
    check_sampling(temperature, top_k, top_p)

    def draw(log_probs: Tensor) -> Tensor:
        probabilities = sampling_probabilities(log_probs, temperature=temperature, top_k=top_k, top_p=top_p)
        return probabilities.multinomial(1, generator=generator)[:, 0]

    with _inference(model):
        limit = limits_of(max_len, src)
        check_room(model, src, 1, limit)
        feed = _feed(model, src, 1, use_cache, special)
        return _one_by_one(feed, limit, draw, _penalty(length_penalty), special)


def sampling_probabilities(
    log_probs: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The distribution that `sample` draws from. log_probs: (N, V), logits do as well; returns (N, V), rows sum to 1.

    In this order: divide by the temperature; keep the `top_k` most probable (Fan et al. 2018); of these keep
    the smallest set that holds at least `top_p` of the probability (nucleus, Holtzman et al. 2020);
    renormalize.
    """
    centered = log_probs - log_probs.amax(-1, keepdim=True)  # so that a temperature near 0 leaves 0 and -inf
    ordered, index = (centered / min(max(temperature, COLDEST), HOTTEST)).sort(stable=True, dim=-1, descending=True)
    if top_k is not None:
        ordered[:, top_k:] = -torch.inf
    probabilities = ordered.softmax(-1)
    if top_p is not None:
        before = probabilities.cumsum(-1) - probabilities  # what the more probable tokens hold together
        before[:, 0] = -1.0  # the best token stays, however little float32 can hold of top_p
        probabilities = probabilities.masked_fill(before >= top_p, 0.0)
        probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    return torch.zeros_like(probabilities).scatter(-1, index, probabilities)


def beam_search(
    model: Decodable,
    src: Tensor,
    *,
    beam_size: int = 5,
    max_len: MaxLen,
    length_penalty: LengthPenalty | float = GNMT,
    n_best: int = 1,
    use_cache: bool = True,
    special: SpecialIds = COURSE_IDS,
) -> list[list[Hypothesis]]:
    """Keep the `beam_size` best hypotheses of each sentence side by side (Graves 2012; Sutskever et al. 2014).

    A sentence has `beam_size` places. At each step its unfinished hypotheses are extended by every token, and
    the most probable extensions fill the places; one that ends keeps its place for good, so the beam of the
    others narrows. A sentence is over when all its places are taken, when no unfinished hypothesis could
    still reach the score of its `n_best`-th finished one, or at its max_len.

    src: (B, S) ids, padded; max_len: int, or one for each sentence; `length_penalty`: a number is GNMT's
    alpha. Returns for each of the B sentences up to `n_best` different hypotheses, best score first.
    Sentences do not influence one another. Raises CourseError for a wrong shape or size.
    """
    penalty = _penalty(length_penalty)
    check_beam(beam_size, n_best)
    with _inference(model):
        limit = limits_of(max_len, src)
        check_room(model, src, beam_size, limit)
        results: list[list[Hypothesis]] = [[] for _ in range(len(src))]
        feed = _feed(model, src, beam_size, use_cache, special)
        beams, active = _first_beams(len(src), beam_size, src.device), torch.arange(len(src), device=src.device)
        tokens = beams.length.new_full((len(src) * beam_size,), special.bos)
        while len(active):
            log_probs = _next_log_probs(feed.logits(tokens), special).unflatten(0, (-1, beam_size))
            beams, origin = advance(beams, *extend(beams, log_probs), special)
            rows = torch.arange(len(active), device=src.device)[:, None] * beam_size + origin
            over = is_over(beams, limit[active], penalty, n_best)
            if over.any():
                best = ranked(beams.rows(over), penalty, n_best)
                for sentence, hypotheses in zip(active[over].tolist(), best, strict=True):
                    results[sentence] = hypotheses
                beams, active, rows = beams.rows(~over), active[~over], rows[~over]
            feed.select(rows.flatten())
            tokens = beams.ids[:, :, -1].flatten()
    return results


# --- beam search in four steps: pure functions over the places of the sentences still being decoded ----


@dataclass(frozen=True)
class Beams:
    """The k places of each of A sentences after t tokens.

    A place is free until a hypothesis ends in it; at the start only the first place of each sentence holds
    one.
    """

    ids: Tensor  # (A, k, t) generated ids; the padding id after the end token
    log_prob: Tensor  # (A, k) float; -inf: nothing here yet
    length: Tensor  # (A, k) tokens generated, the end token included
    finished: Tensor  # (A, k) bool

    def rows(self, which: Tensor) -> Beams:
        """Only some of the sentences; which: (A,) bool."""
        return replace(self, **{f.name: getattr(self, f.name)[which] for f in fields(self)})

    @property
    def unfinished(self) -> Tensor:
        """(A, k) bool: places with a hypothesis that can grow."""
        return ~self.finished & (self.log_prob > -torch.inf)


def extend(beams: Beams, log_probs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the k most probable one-token extensions of each sentence's unfinished hypotheses.

    log_probs: (A, k, V) of the next token. Returns three of (A, k), most probable first: the log-probability
    of the whole (-inf where there are fewer than k), the place extended, and the token.
    """
    k, vocabulary = log_probs.shape[1:]
    # The k best of a sentence are among the k best of each of its places.
    best, token = log_probs.topk(min(k, vocabulary), dim=-1)  # (A, k, c)
    total = beams.log_prob[:, :, None] + best
    total = total.masked_fill(~beams.unfinished[:, :, None], -torch.inf)
    total, flat = total.flatten(1).topk(k)  # (A, k)
    return total, flat // best.shape[-1], token.flatten(1).gather(1, flat)


def advance(beams: Beams, total: Tensor, origin: Tensor, token: Tensor, special: SpecialIds) -> tuple[Beams, Tensor]:
    """Let the extensions take the free places, the r-th best one the r-th free place; finished ones stay.

    Returns the beams after one more token, and (A, k) the place that each place now continues.
    """
    n_sentences, k, t = beams.ids.shape
    free = ~beams.finished
    rank = (free.cumsum(1) - 1).clamp(min=0)
    own = torch.arange(k, device=free.device).expand(n_sentences, k)
    origin = torch.where(free, origin.gather(1, rank), own)
    log_prob = torch.where(free, total.gather(1, rank), beams.log_prob)
    token = torch.where(free, token.gather(1, rank), special.pad)
    ids = beams.ids.gather(1, origin[:, :, None].expand(-1, -1, t))
    after = Beams(
        ids=torch.cat([ids, token[:, :, None]], dim=2),
        log_prob=log_prob,
        length=torch.where(free, t + 1, beams.length),
        finished=beams.finished | (free & (token == special.eos) & (log_prob > -torch.inf)),
    )
    return after, origin


def is_over(beams: Beams, limit: Tensor, penalty: LengthPenalty, n_best: int) -> Tensor:
    """(A,) bool: nothing that is unfinished can still come among the sentence's `n_best`; limit: (A,) max_len.

    More tokens only lower a log-probability, and no divisor is larger than that of max_len tokens: their
    quotient is the best score that an unfinished hypothesis can hope for.
    """
    scores = (beams.log_prob / penalty(beams.length)).masked_fill(~beams.finished, -torch.inf)
    to_beat = scores.topk(n_best).values[:, -1]  # -inf while fewer than n_best have finished
    hope = (beams.log_prob / penalty(limit)[:, None]).masked_fill(~beams.unfinished, -torch.inf)
    return (hope.amax(1) <= to_beat) | (limit <= beams.ids.shape[2])


def ranked(beams: Beams, penalty: LengthPenalty, n_best: int) -> list[list[Hypothesis]]:
    """The `n_best` hypotheses of each sentence, best score first; of equal ones the finished first."""
    scores = beams.log_prob / penalty(beams.length)
    columns = (beams.ids, scores, beams.log_prob, beams.length, beams.finished)
    results = []
    for places in zip(*(column.tolist() for column in columns), strict=True):
        found = [
            Hypothesis(ids[: length - finished], score, log_prob, finished)
            for ids, score, log_prob, length, finished in zip(*places, strict=True)
            if log_prob > -torch.inf
        ]
        found.sort(key=lambda h: (-h.score, not h.finished))
        results.append(found[:n_best])
    return results


def _first_beams(n_sentences: int, k: int, device: torch.device) -> Beams:
    log_prob = torch.full((n_sentences, k), -torch.inf, dtype=_precise(device), device=device)
    log_prob[:, 0] = 0.0
    length = torch.zeros(n_sentences, k, dtype=torch.long, device=device)
    return Beams(length.new_zeros(n_sentences, k, 0), log_prob, length, length.bool())


# --- what greedy search and sampling share -------------------------------------------------------------


def _one_by_one(
    feed: _Feed,
    limit: Tensor,
    choose: Callable[[Tensor], Tensor],
    penalty: LengthPenalty,
    special: SpecialIds,
) -> list[Hypothesis]:
    """One hypothesis a sentence; choose: log-probabilities (N, V) -> tokens (N,). limit: (B,)."""
    active = torch.arange(len(limit), device=limit.device)  # the sentence that each row belongs to
    tokens = torch.full_like(limit, special.bos)
    ids = limit.new_full((len(limit), int(limit.max()) if len(limit) else 0), special.pad)
    length, finished = torch.zeros_like(limit), torch.zeros_like(limit, dtype=torch.bool)
    log_prob = torch.zeros_like(limit, dtype=_precise(limit.device))
    for t in range(ids.shape[1]):
        log_probs = _next_log_probs(feed.logits(tokens), special)
        tokens = choose(log_probs)
        ids[active, t] = tokens
        log_prob[active] += log_probs.gather(1, tokens[:, None])[:, 0]
        length[active], finished[active] = t + 1, tokens == special.eos
        going = (tokens != special.eos) & (limit[active] > t + 1)
        if not going.all():
            kept = going.nonzero()[:, 0]
            active, tokens = active[kept], tokens[kept]
            if not len(active):
                break
            feed.select(kept)
    beams = Beams(ids[:, None], log_prob[:, None], length[:, None], finished[:, None])
    return [best for (best,) in ranked(beams, penalty, 1)]


def _next_log_probs(logits: Tensor, special: SpecialIds) -> Tensor:
    """Logits (N, V), overwritten -> log-probabilities (N, V): padding and begin token get -inf.

    At least float32. Raises CourseError where the model gives no numbers (a training that diverged).
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    logits[:, special.pad] = logits[:, special.bos] = -torch.inf
    log_probs = logits.log_softmax(-1)
    if log_probs[:, special.eos].isnan().any():
        raise CourseError("The model's output is not a number (NaN): its training diverged, or it is damaged.")
    return log_probs


# --- feeding the model: with a cache, or the whole prefix again ----------------------------------------


class _CachedFeed:
    """Rows are sentence * beam_size + place."""

    def __init__(self, model: Decodable, memory: Tensor, src_mask: Tensor, beam_size: int):
        self.model = model
        self.cache = model.start_cache(memory, src_mask=src_mask, beam_size=beam_size)

    def logits(self, tokens: Tensor) -> Tensor:
        """One more token a row, (N,) -> logits of the next one, (N, V)."""
        return self.model.step(tokens, self.cache)

    def select(self, rows: Tensor) -> None:
        """Let row i continue old row rows[i]; rows come in whole groups of beam_size."""
        self.cache = self.cache.select(rows)


class _WholePrefixFeed:
    """The same without a cache: slow, and what the cache is tested against."""

    def __init__(self, model: Decodable, memory: Tensor, src_mask: Tensor, beam_size: int):
        self.model = model
        self.memory = memory.repeat_interleave(beam_size, 0)
        self.src_mask = src_mask.repeat_interleave(beam_size, 0)
        self.prefix = torch.zeros(len(self.memory), 0, dtype=torch.long, device=memory.device)

    def logits(self, tokens: Tensor) -> Tensor:
        """One more token a row, (N,) -> logits of the next one, (N, V)."""
        self.prefix = torch.cat([self.prefix, tokens[:, None]], dim=1)
        return self.model.decode(self.prefix, self.memory, src_mask=self.src_mask)[:, -1]

    def select(self, rows: Tensor) -> None:
        """Let row i continue old row rows[i]."""
        self.prefix, self.memory, self.src_mask = self.prefix[rows], self.memory[rows], self.src_mask[rows]


_Feed = _CachedFeed | _WholePrefixFeed


def _feed(model: Decodable, src: Tensor, beam_size: int, use_cache: bool, special: SpecialIds) -> _Feed:
    src_mask = padding_mask(src, pad=special.pad)
    memory = model.encode(src, src_mask=src_mask)
    return (_CachedFeed if use_cache else _WholePrefixFeed)(model, memory, src_mask, beam_size)


@contextmanager
def _inference(model: Decodable) -> Iterator[None]:
    """No gradients and no dropout inside; the model's mode is put back after."""
    training = isinstance(model, nn.Module) and model.training
    try:
        if isinstance(model, nn.Module):
            model.eval()
        with torch.inference_mode():
            yield
    finally:
        if isinstance(model, nn.Module):
            model.train(training)


# --- checks --------------------------------------------------------------------------------------------


def _precise(device: torch.device) -> torch.dtype:
    """What sums of log-probabilities are kept in, whatever the model computes in; Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def _penalty(value: LengthPenalty | float) -> LengthPenalty:
    return value if isinstance(value, LengthPenalty) else LengthPenalty("gnmt", value)
