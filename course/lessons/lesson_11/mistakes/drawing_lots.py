"""Known wrong versions of sample, and the question that leads out of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Tensor = Any  # torch is not imported here
Heated = Callable[[Tensor, float], Tensor]


def _kept_k(logits: Tensor, top_k: int | None) -> Tensor:
    """Return logits of which all but the top_k are minus infinity."""
    if top_k is None:
        return logits
    index = logits.sort(descending=True).indices[:top_k]
    kept = torch.full_like(logits, -torch.inf)
    kept[index] = logits[index]
    return kept


def _kept_p(
    p: Tensor,
    top_p: float | None,
    *,
    enough: Callable[[Tensor, Tensor, float], Tensor] = lambda cumulative, ordered, top_p: cumulative - ordered < top_p,
    renormalized: bool = True,
    ascending: bool = False,
) -> Tensor:
    """Return probabilities of which only the nucleus is left. enough: which of the ordered ones are kept."""
    if top_p is None:
        return p
    ordered, index = p.sort(descending=not ascending)
    ordered = ordered.masked_fill(~enough(ordered.cumsum(dim=-1), ordered, top_p), 0.0)
    kept = torch.zeros_like(p).scatter(0, index, ordered)
    return kept / kept.sum() if renormalized else kept


def _sample(
    heated: Heated = lambda logits, temperature: logits / temperature,
    k: Callable[[Tensor, int | None], Tensor] = _kept_k,
    p: Callable[[Tensor, float | None], Tensor] = _kept_p,
    last: Callable[[Tensor], Tensor] = lambda probabilities: probabilities,
) -> Function:
    """Return sample with a step of another kind."""

    def sample(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
        return last(p(k(heated(logits, temperature), top_k).softmax(dim=-1), top_p))

    return sample


def _p_first(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    p = _kept_p((logits / temperature).softmax(dim=-1), top_p)
    return _kept_k(p.log(), top_k).softmax(dim=-1)


def _whole_mass(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    """Let top_p count the probability that the words had before top_k."""
    p = (logits / temperature).softmax(dim=-1)
    kept = _kept_k(p.log(), top_k).exp()
    nucleus = _kept_p(kept, top_p, renormalized=False)
    return nucleus / nucleus.sum()


def _cold_last(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    p = _sample()(logits, 1.0, top_k, top_p)
    return (p.log() / temperature).softmax(dim=-1)


def _in_order(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    return _sample()(logits, temperature, top_k, top_p).sort(descending=True).values


def _unfilled(logits: Tensor, top_k: int | None) -> Tensor:
    return logits if top_k is None else torch.where(_kept_k(logits, top_k) == -torch.inf, 0.0, logits)


def _least_likely(logits: Tensor, top_k: int | None) -> Tensor:
    if top_k is None:
        return logits
    return torch.where(_kept_k(-logits, top_k) == -torch.inf, -torch.inf, logits)


def _k_of_p(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    p = (logits / temperature).softmax(dim=-1)
    if top_k is not None:
        p = torch.where(_kept_k(logits, top_k) == -torch.inf, 0.0, p)
    return _kept_p(p, top_p, renormalized=False)


def _one_hot(p: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(p.argmax(dim=-1), len(p)).to(p.dtype)


SAMPLE = (
    Mistake(
        "times-temperature",
        "multiplies by the temperature",
        "A high temperature makes your choice surer. Should it not make everything likelier that was unlikely?",
        (
            _sample(lambda logits, temperature: logits * temperature),
            lambda logits, temperature, top_k, top_p: _sample()(logits, 1.0 / temperature, top_k, top_p),
        ),
    ),
    Mistake(
        "no-temperature",
        "ignores the temperature",
        "Your probabilities are the same at every temperature. What is it to be used for, and where?",
        (_sample(lambda logits, temperature: logits),),
    ),
    Mistake(
        "probabilities-divided",
        "divides the probabilities by the temperature",
        "You divide probabilities, so that a sum of 1 comes out as another number or nothing changes at all. What is "
        "the temperature to be applied to?",
        (
            lambda logits, temperature, top_k, top_p: _sample()(logits, 1.0, top_k, top_p) / temperature,
            _sample(lambda logits, temperature: logits.softmax(dim=-1) / temperature),
        ),
    ),
    Mistake(
        "temperature-twice",
        "divides by the temperature twice",
        "You divide by the temperature twice. In how many of your lines does it stand?",
        (_sample(lambda logits, temperature: logits / temperature**2),),
    ),
    Mistake(
        "temperature-last",
        "temperature after the filters",
        "You decide who is kept before the temperature is applied. What does a temperature change about who belongs to "
        "the first top_p?",
        (_cold_last,),
    ),
    Mistake(
        "no-top-k",
        "ignores top_k",
        "More than top_k words are left in your result. What should happen to the others?",
        (_sample(k=lambda logits, top_k: logits),),
    ),
    Mistake(
        "k-off-by-one",
        "one word too many or too few for top_k",
        "You keep one word too many or too few. How many does top_k = 1 leave?",
        (
            _sample(k=lambda logits, top_k: _kept_k(logits, None if top_k is None else top_k + 1)),
            _sample(k=lambda logits, top_k: _kept_k(logits, None if top_k is None else max(top_k - 1, 1))),
        ),
    ),
    Mistake(
        "least-likely-k",
        "keeps the least likely words",
        "The words that you keep are the unlikely ones. In which order did you sort?",
        (
            _sample(k=_least_likely),
            _sample(p=lambda p, top_p: _kept_p(p, top_p, ascending=True)),
        ),
    ),
    Mistake(
        "zeros-for-k",
        "a logit of 0 for what was not kept",
        "What you drop gets a logit of 0, and e to the power of 0 is 1. Which logit has the probability 0?",
        (_sample(k=_unfilled),),
    ),
    Mistake(
        "not-renormalized",
        "does not add up to 1",
        "Your probabilities add up to less than 1. What has to be done after words are taken out?",
        (_sample(p=lambda p, top_p: _kept_p(p, top_p, renormalized=False)), _k_of_p),
    ),
    Mistake(
        "no-top-p",
        "ignores top_p",
        "top_p changes nothing in your result. Which words does it keep?",
        (_sample(p=lambda p, top_p: p),),
    ),
    Mistake(
        "nucleus-too-small",
        "the word that crosses top_p is left out",
        "The words that you keep hold less than top_p together. Should the one that reaches it be in or out?",
        (
            _sample(
                p=lambda p, top_p: _kept_p(
                    p, top_p, enough=lambda total, each, share: (total <= share) | (total - each <= 0)
                )
            ),
            _sample(p=lambda p, top_p: _kept_p(p, top_p, enough=lambda total, each, share: total <= share)),
        ),
    ),  # fmt: skip
    Mistake(
        "one-minus-top-p",
        "1 - top_p as the threshold",
        "You keep words until they hold 1 - top_p. How much should those that are kept hold together?",
        (_sample(p=lambda p, top_p: _kept_p(p, top_p, enough=lambda total, each, share: total - each < 1 - share)),),
    ),
    Mistake(
        "no-softmax",
        "logits are divided by their sum",
        "You divide logits by their sum, and logits may be negative. What makes probabilities of logits?",
        (lambda logits, temperature, top_k, top_p: _normal(logits / temperature),),
    ),
    Mistake(
        "nucleus-too-large",
        "one word too many for top_p",
        "The words that you keep hold top_p together without the last one of them. Is that one needed?",
        (
            _sample(
                p=lambda p, top_p: _kept_p(
                    p,
                    top_p,
                    enough=lambda total, each, share: torch.arange(len(total)) <= (total < share).sum() + 1,
                )
            ),
        ),
    ),
    Mistake(
        "share-of-each",
        "keeps words that are likelier than top_p each",
        "You compare each word's own probability with top_p. What has to reach it: each word, or all that are kept?",
        (
            _sample(p=lambda p, top_p: p if top_p is None else _normal(torch.where(p >= top_p, p, 0.0))),
            _sample(p=lambda p, top_p: p if top_p is None else _normal(torch.where(p >= 1 - top_p, p, 0.0))),
        ),
    ),
    Mistake(
        "share-of-the-best",
        "keeps words that come near the likeliest",
        "You keep what is at least a share of the likeliest word (which is called min-p). What does top_p count?",
        (
            _sample(p=lambda p, top_p: p if top_p is None else _normal(torch.where(p >= top_p * p.max(), p, 0.0))),
            _sample(
                p=lambda p, top_p: p if top_p is None else _normal(torch.where(p >= (1 - top_p) * p.max(), p, 0.0))
            ),
        ),
    ),
    Mistake(
        "p-before-k",
        "top_p of all words, not of those that top_k has left",
        "Your shares are those of all words, as if top_k had dropped none. In which order do the two filters work, and "
        "when do the probabilities of those that are left add up to 1?",
        (_p_first, _whole_mass),
    ),
    Mistake(
        "sorted",
        "comes back sorted",
        "Your probabilities are right, and they stand in rising or falling order. Which word does each of them belong "
        "to?",
        (_in_order, lambda logits, t, k, p: _sample()(logits, t, k, p).sort().values),
    ),
    Mistake(
        "argmax",
        "all for the likeliest",
        "One word gets everything. What remains of chance then?",
        (_sample(last=_one_hot),),
    ),
    Mistake(
        "logarithms",
        "returns logarithms",
        "Logarithms come back, or logits. What makes probabilities of them?",
        (
            _sample(last=lambda p: p.log()),
            lambda logits, temperature, top_k, top_p: logits / temperature,
            lambda logits, temperature, top_k, top_p: _kept_k(logits / temperature, top_k),
        ),
    ),
)


def _normal(p: Tensor) -> Tensor:
    return p / p.sum()
