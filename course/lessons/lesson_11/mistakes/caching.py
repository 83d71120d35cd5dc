"""Known wrong versions of incremental and repair_beam, and the question that leads out of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later
from course.special import BOS, EOS

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Tensor = Any  # torch is not imported here
Placed = Callable[[Tensor, Tensor, int], Tensor]  # x, table, t -> (B, 1, d)
Kept = Callable[[Tensor, Tensor], Tensor]  # cache, new -> cache


def _placed(x: Tensor, table: Tensor, t: int) -> Tensor:
    return x[:, t : t + 1] + table[t]


def _behind(cache: Tensor, new: Tensor) -> Tensor:
    return torch.cat([cache, new], dim=1)


def _incremental(
    placed: Placed = _placed,
    *,
    key_of: Placed | None = None,
    value_of: Placed | None = None,
    query_of: Placed | None = None,
    kept: Kept = _behind,
    values_kept: Kept | None = None,
    scale: Callable[[int, int], float] = lambda d, t: math.sqrt(d),
    weights_of: Callable[[Tensor], Tensor] = lambda scores: scores.softmax(dim=-1),
    names: str = "qkv",
    seen: Callable[[Tensor], Tensor] = lambda cache: cache,
    returned: Callable[[list[Tensor]], Tensor] = lambda outputs: torch.cat(outputs, dim=1),
) -> Function:
    """Return attention with a cache and a step of another kind."""

    def incremental(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
        B, T, d = x.shape
        keys, values, outputs = x.new_zeros(B, 0, d), x.new_zeros(B, 0, d), []
        for t in range(T):
            k = (key_of or placed)(x, table, t) @ W[names[1]]
            v = (value_of or placed)(x, table, t) @ W[names[2]]
            q = (query_of or placed)(x, table, t) @ W[names[0]]
            keys, values = kept(keys, k), (values_kept or kept)(values, v)
            scores = q @ seen(keys).transpose(1, 2) / scale(d, t)
            outputs.append(weights_of(scores) @ seen(values))
        return returned(outputs)

    return incremental


def _without(x: Tensor, table: Tensor, t: int) -> Tensor:
    return x[:, t : t + 1]


def _all_at_once(x: Tensor, W: dict[str, Tensor], table: Tensor, *, causal: bool = False) -> Tensor:
    words = x + table[: x.shape[1]]
    q, k, v = (words @ W[name] for name in "qkv")
    scores = q @ k.transpose(1, 2) / math.sqrt(x.shape[-1])
    if causal:
        blocked = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(blocked, -torch.inf)
    return scores.softmax(dim=-1) @ v


def _old_only(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
    """Attend to the cache before the new word is put into it; the first word finds nothing."""
    B, T, d = x.shape
    keys, values, outputs = x.new_zeros(B, 0, d), x.new_zeros(B, 0, d), []
    for t in range(T):
        new = x[:, t : t + 1] + table[t]
        weights = (new @ W["q"] @ keys.transpose(1, 2) / math.sqrt(d)).softmax(dim=-1)
        outputs.append(weights @ values)
        keys, values = torch.cat([keys, new @ W["k"]], dim=1), torch.cat([values, new @ W["v"]], dim=1)
    return torch.cat(outputs, dim=1)


def _again(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
    """Compute all keys and values again for every new word."""
    return torch.cat([_all_at_once(x[:, : t + 1], W, table)[:, -1:] for t in range(x.shape[1])], dim=1)


def _keeps_states(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
    """Keep the words and compute keys and values of all of them in every round."""
    B, T, d = x.shape
    words, outputs = x.new_zeros(B, 0, d), []
    for t in range(T):
        words = torch.cat([words, x[:, t : t + 1] + table[t]], dim=1)
        weights = (words[:, -1:] @ W["q"] @ (words @ W["k"]).transpose(1, 2) / math.sqrt(d)).softmax(dim=-1)
        outputs.append(weights @ (words @ W["v"]))
    return torch.cat(outputs, dim=1)


def _relative(x: Tensor, W: dict[str, Tensor], table: Tensor) -> Tensor:
    """Add position 0 to every new word, and what has been cached stays: the place is that within the call."""
    return _incremental(lambda x, table, t: x[:, t : t + 1] + table[:1])(x, W, table)


def _work(function: Function) -> tuple[int, int]:
    from course.lessons.lesson_11.work import projected

    return projected(function)


def _computes_again(function: Function) -> bool:
    from course.lessons.lesson_11.work import SIZE, is_right

    B, T, _ = SIZE
    return is_right(function) and _work(function)[0] > 3 * B * T and _work(function)[1] > B


def _at_once(function: Function) -> bool:
    from course.lessons.lesson_11.work import SIZE, is_right

    B, T, _ = SIZE
    return is_right(function) and _work(function)[0] <= 3 * B * T and _work(function)[1] > B


INCREMENTAL = (
    Mistake(
        "V01",
        "every word at position 0",
        "Every new word gets the same row of the table. It comes alone, and it is still the first, the second or the "
        "seventh: how does it know which?",
        (_relative,),
    ),
    Mistake(
        "position-off-by-one",
        "the position is off by one",
        "Your positions are one too late or too early. Which row belongs to the first word, which is word 0?",
        (
            _incremental(lambda x, table, t: x[:, t : t + 1] + table[min(t + 1, len(table) - 1)]),
            _incremental(lambda x, table, t: x[:, t : t + 1] + table[max(t - 1, 0)]),
            _incremental(lambda x, table, t: x[:, t : t + 1] + table[t - 1]),
        ),
    ),
    Mistake(
        "positions-backwards",
        "positions from the end",
        "Your first word has the last position. From which end are places counted?",
        (
            _incremental(lambda x, table, t: x[:, t : t + 1] + table[x.shape[1] - 1 - t]),
            _incremental(lambda x, table, t: x[:, t : t + 1] + table[-1 - t]),
        ),
    ),
    Mistake(
        "no-positions",
        "no positions",
        "The table changes nothing in your results. What has to be added to a word before it is multiplied?",
        (_incremental(_without),),
    ),
    Mistake(
        "V05",
        "the cache is overwritten",
        "Your cache never holds more than one word. What becomes of the old keys when a new one comes?",
        (_incremental(kept=lambda cache, new: new),),
    ),
    Mistake(
        "first-word-stays",
        "only the first word is cached",
        "Your cache still holds the first word alone at the end. Is what you put together kept for the next round?",
        (_incremental(kept=lambda cache, new: cache if cache.shape[1] else new),),
    ),
    Mistake(
        "V07",
        "keys without their position",
        "Your keys are made of words without their places. From what are queries, keys and values made alike?",
        (_incremental(key_of=_without),),
    ),
    Mistake(
        "values-without-position",
        "values without their position",
        "Your values are made of words without their places. From what are queries, keys and values made alike here?",
        (_incremental(value_of=_without),),
    ),
    Mistake(
        "query-without-position",
        "the query without its position",
        "Your query does not know where it stands. From what are queries, keys and values made alike?",
        (_incremental(query_of=_without),),
    ),
    Mistake(
        "not-itself",
        "the new word does not see itself",
        "Your new word looks at the words before it and not at itself; the first one finds nothing at all. In which "
        "order do you attend and put it into the cache?",
        (_old_only,),
    ),
    Mistake(
        "kept-apart",
        "keys and values in another order",
        "One of your caches grows at the front and the other at the back. Which value belongs to which key?",
        (_incremental(values_kept=lambda cache, new: torch.cat([new, cache], dim=1)),),
    ),
    Mistake(
        "no-scale",
        "no scale",
        "Your weights are sharper than they should be. By what does a score have to be divided (lesson 03)?",
        (_incremental(scale=lambda d, t: 1.0),),
    ),
    Mistake(
        "another-scale",
        "another scale",
        "You divide the scores by another number. It is the root of how many numbers that are multiplied and added up?",
        (
            _incremental(scale=lambda d, t: float(d)),
            _incremental(scale=lambda d, t: math.sqrt(t + 1)),
            _incremental(scale=lambda d, t: float(t + 1)),
            lambda x, W, table: _incremental(scale=lambda d, t: math.sqrt(x.shape[1]))(x, W, table),
        ),
    ),
    Mistake(
        "divided-after-softmax",
        "the weights are divided, not the scores",
        "You divide behind the softmax. Do your weights add up to 1?",
        (
            lambda x, W, table: _incremental(
                scale=lambda d, t: 1.0, weights_of=lambda scores: scores.softmax(dim=-1) / math.sqrt(x.shape[2])
            )(x, W, table),
        ),
    ),
    Mistake(
        "softmax-over-one",
        "softmax along the axis of the query",
        "Each of your weights is 1, since softmax runs along an axis of length 1. Along which axis do the words stand "
        "that share one query's attention?",
        (_incremental(weights_of=lambda scores: scores.softmax(dim=1)),),
    ),
    Mistake(
        "softmax-over-batch",
        "softmax over the sentences",
        "Your sentences share one attention. Along which axis do the words stand that share one query's attention?",
        (_incremental(weights_of=lambda scores: scores.softmax(dim=0)),),
    ),
    Mistake(
        "no-softmax",
        "no softmax",
        "Your scores are used as they are. What turns a row of scores into weights that add up to 1?",
        (_incremental(weights_of=lambda scores: scores),),
    ),
    Mistake(
        "keys-as-values",
        "keys and values exchanged",
        "The parts of your three matrices are exchanged. With which one does a query match, and which one is mixed?",
        (_incremental(names="qvk"), _incremental(names="kqv"), _incremental(names="qkk"), _incremental(names="qqv")),
    ),
    Mistake(
        "sees-the-future",
        "every word sees all words",
        "Word 0 attends to words that come after it. Which words exist when it is written?",
        (_all_at_once,),
    ),
    Mistake(
        "a-window",
        "the cache forgets",
        "Your cache has forgotten its oldest words. How long must it be at step t?",
        (
            _incremental(kept=lambda cache, new: torch.cat([cache, new], dim=1)[:, -2:]),
            _incremental(kept=lambda cache, new: torch.cat([cache, new], dim=1)[:, -3:]),
        ),
    ),
    Mistake(
        "last-only",
        "returns the last output alone",
        "One word's output comes back. What became of the outputs of the rounds before?",
        (
            _incremental(returned=lambda outputs: outputs[-1]),
            _incremental(returned=lambda outputs: outputs[-1][:, 0]),
        ),
    ),
    Mistake(
        "stacked",
        "outputs stacked on a new axis",
        "Your outputs have an axis too many, or the words stand first. What is the shape of one round's output, and "
        "along which axis do the rounds belong together?",
        (
            _incremental(returned=lambda outputs: torch.stack(outputs)),
            _incremental(returned=lambda outputs: torch.stack(outputs, dim=1)),
            _incremental(returned=lambda outputs: torch.cat(outputs, dim=0)),
            _incremental(returned=lambda outputs: torch.stack([o[:, 0] for o in outputs])),
        ),
    ),
    Mistake(
        "computes-again",
        "keys and values are computed again",
        "The numbers are right, and the work is that of no cache at all: in every round you multiply the old words "
        "with "
        "W once more. What did the last round know already?",
        (_again, _keeps_states),
        recognize=_computes_again,
    ),
    Mistake(
        "all-at-once",
        "all words at once, with a mask",
        "The numbers are right, but you multiply all words at once. A decoder that writes knows word t only when it "
        "has "
        "chosen it. Which words of x can you use at step t?",
        (lambda x, W, table: _all_at_once(x, W, table, causal=True),),
        recognize=_at_once,
    ),
)


# --- repair_beam ------------------------------------------------------------------------------------------------


Found = tuple[float, Tensor]


def _log_p(pair: Found) -> float:
    return pair[0]


def _cached_beam(
    rows: Callable[[Tensor, Tensor], Tensor] | None = lambda row, over: row[~over],
    *,
    newest: Callable[[Tensor], Tensor] = lambda ids: ids[:, -1],
    own: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda ids, row, over: ids[row],
    said: Callable[[Tensor], Tensor] = lambda logits: logits.log_softmax(dim=-1),
    rounds: int = 0,
    room: Callable[[int, int], int] = lambda k, ended: k - ended,
    chosen: Callable[[list[Found], list[Found]], Found] = lambda ended, alive: max([*ended, *alive], key=_log_p),
) -> Function:
    """Return repair_beam whose cache continues other rows. rows: (row, over) -> what select is asked for."""

    def repair_beam(step: Function, cache: Any, k: int, max_len: int) -> tuple[float, Tensor]:  # noqa: ANN401
        ids = torch.full((k, 1), BOS)
        ended: list[tuple[float, Tensor]] = []
        total = torch.tensor([0.0] + [-torch.inf] * (k - 1), dtype=torch.float64)
        for _ in range(max_len + rounds):
            sums = total[:, None] + said(step(newest(ids), cache))
            best = sums.flatten().topk(room(k, len(ended)))
            row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
            over = token == EOS
            ids, total = torch.cat([own(ids, row, over), token[:, None]], dim=1), best.values
            ended += zip(total[over].tolist(), ids[over], strict=True)
            ids, total = ids[~over], total[~over]
            if len(ids) == 0:
                break
            if rows is not None:
                cache = cache.select(rows(row, over))
        return chosen(ended, list(zip(total.tolist(), ids, strict=True)))

    return repair_beam


def _kept_places(row: Tensor, over: Tensor) -> Tensor:
    """The places of those that go on, in the new order."""
    return (~over).nonzero()[:, 0]


def _one_beam(step: Function, cache: Any, k: int, max_len: int) -> tuple[float, Tensor]:  # noqa: ANN401
    return _cached_beam()(step, cache.select(torch.zeros(1, dtype=torch.long)), 1, max_len)


def buggy_beam(step: Function, cache: Any, k: int, max_len: int) -> tuple[float, Tensor]:  # noqa: ANN401
    """Search with a cache that forgets ended hypotheses and is not put into the order of the others."""
    found: tuple[float, Tensor] = _cached_beam(_kept_places)(step, cache, k, max_len)
    return found


REPAIR_BEAM = (
    Mistake(
        "only-when-one-ends",
        "repaired for rounds in which one ends",
        "Your rows are in order in rounds in which a hypothesis ends, and stay as they were in the others. Do "
        "hypotheses change places in rounds in which nobody ends?",
        (_cached_beam(lambda row, over: row[~over] if over.any() else _kept_places(row, over)),),
    ),
    Mistake(
        "gives-places-back",
        "an ended hypothesis gives its place back",
        "A hypothesis ends, and the others still fill all k places. How many are left to them?",
        (_cached_beam(room=lambda k, ended: k),),
    ),
    Mistake(
        "not-selected",
        "the cache is never put into order",
        "The cache stays as it was while hypotheses change places, split in two and end. What has to be done to its "
        "rows in every round?",
        (_cached_beam(None),),
    ),
    Mistake(
        "sorted-rows",
        "rows in rising order",
        "You select the right rows in rising order. Must row i of the cache belong to hypothesis i?",
        (
            _cached_beam(lambda row, over: row[~over].sort().values),
            _cached_beam(lambda row, over: row[~over].flip(0)),
        ),
    ),
    Mistake(
        "words-not-moved",
        "the words stay where they were",
        "The cache is in the order of the new hypotheses, and the words are not. Which row did each new word come "
        "from?",
        (
            _cached_beam(own=lambda ids, row, over: ids[: len(row)]),
            _cached_beam(_kept_places, own=lambda ids, row, over: ids[: len(row)]),
        ),
    ),
    Mistake(
        "best-row-only",
        "all continue the best one's memory",
        "All rows of your cache are the same one. Which old hypothesis does each new one continue?",
        (
            _cached_beam(lambda row, over: row[~over][:1].expand(int((~over).sum()))),
            _cached_beam(lambda row, over: torch.zeros(int((~over).sum()), dtype=torch.long)),
        ),
    ),
    Mistake(
        "one-place",
        "one place whatever k is",
        "Your search never has more than one hypothesis, and of course its cache is in order then. What about k?",
        (_one_beam,),
    ),
    Mistake(
        "begin-token-fed",
        "feeds the first words again",
        "You hand the first word of each hypothesis to step, round after round. Which word is new?",
        (_cached_beam(newest=lambda ids: ids[:, 0]),),
    ),
    Mistake(
        "adds-probabilities",
        "adds probabilities",
        "You add probabilities now, so that every word makes a sentence likelier. Which sum belongs to a product?",
        (_cached_beam(said=lambda logits: logits.softmax(dim=-1)),),
    ),
    Mistake(
        "adds-logits",
        "adds logits",
        "You add logits as they are. What has to be taken off them before they are logarithms of probabilities?",
        (_cached_beam(said=lambda logits: logits),),
    ),
    Mistake(
        "over-all-hypotheses",
        "softmax over the hypotheses",
        "Your probabilities add up to 1 over the hypotheses. Over which axis of (n, V) do the words of one hypothesis "
        "add up to 1?",
        (_cached_beam(said=lambda logits: logits.log_softmax(dim=0)),),
    ),
    Mistake(
        "worst",
        "returns the least likely",
        "You return the hypothesis with the lowest log-probability. All of them are negative: which one is the best?",
        (_cached_beam(chosen=lambda ended, alive: min([*ended, *alive], key=_log_p)),),
    ),
    Mistake(
        "ended-are-lost",
        "hypotheses that have ended are lost",
        "Only hypotheses that are still growing can win with yours. Where are those that have ended?",
        (_cached_beam(chosen=lambda ended, alive: max(alive or ended, key=_log_p)),),
    ),
    Mistake(
        "cut-off-are-lost",
        "hypotheses that are cut off are lost",
        "At max_len some hypotheses have not ended, and yours are forgotten. Could one of them be the best?",
        (_cached_beam(chosen=lambda ended, alive: max(ended or alive, key=_log_p)),),
    ),
    Mistake(
        "limit-off-by-one",
        "max_len is off by one",
        "A hypothesis that is cut off has one word too many or too few. How often does your loop run?",
        (_cached_beam(rounds=1), _cached_beam(rounds=-1)),
    ),
)
