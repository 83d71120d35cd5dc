"""Known wrong versions of greedy, and the question that leads out of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later
from course.special import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Tensor = Any  # torch is not imported here


def _last(logits: Tensor) -> Tensor:
    return logits[:, -1].argmax(dim=-1)


def _greedy(
    choose: Callable[[Tensor], Tensor] = _last,
    *,
    start: Callable[[Tensor], Tensor] = lambda prompts: prompts,
    fed: Callable[[Tensor], Tensor] = lambda ids: ids,
    fill: int | None = PAD,
    end: int = EOS,
    remembers: bool = True,
    early: bool = False,
    enough: Literal["all", "any", "first", "never"] = "all",
    rounds: Callable[[int, int], int] = lambda max_len, P: max_len,
    front: bool = False,
    returned: Callable[[Tensor, int], Tensor] = lambda ids, P: ids,
) -> Function:
    """Return greedy with a step of another kind."""

    def greedy(step: Function, prompts: Tensor, max_len: int) -> Tensor:
        ids, P = start(prompts), prompts.shape[1]
        done = torch.zeros(len(ids), dtype=torch.bool)
        for _ in range(rounds(max_len, P)):
            token = choose(step(fed(ids)))
            if early:
                done = done | (token == end)
            if fill is not None:
                token = token.masked_fill(done, fill)
            ids = torch.cat([token[:, None], ids] if front else [ids, token[:, None]], dim=1)
            done = (done if remembers else False) | (token == end)
            stop = {"all": done.all(), "any": done.any(), "first": done[0], "never": False}[enough]
            if stop:
                break
        return returned(ids, P)

    return greedy


def _only_begin(prompts: Tensor) -> Tensor:
    return torch.full((len(prompts), 1), BOS)


def _all_done_at_once(step: Function, prompts: Tensor, max_len: int) -> Tensor:
    """Let one call fill all places: the words after each prefix, without going on from them."""
    ids = prompts
    return torch.cat([ids, step(ids).argmax(dim=-1)[:, -max_len:]], dim=1)


def _one_row(step: Function, prompts: Tensor, max_len: int) -> Tensor:
    return _greedy()(step, prompts[:1], max_len)


GREEDY = (
    Mistake(
        "J01",
        "goes on behind the end token",
        "A sentence of yours goes on behind its end token while others are still being written. What should stand in "
        "its row from then on?",
        (_greedy(fill=None),),
    ),
    Mistake(
        "J01b",
        "never stops early",
        "All sentences have ended, and your loop goes on to max_len. Which question should it ask at the end of each "
        "round, and does it compare with EOS?",
        (
            _greedy(enough="never"),
            _greedy(fill=None, enough="never"),
            _greedy(end=PAD),
            _greedy(end=BOS),
        ),
    ),
    Mistake(
        "J03",
        "argmax over the batch",
        "For every word of the vocabulary you find a sentence. Which axis of (B, V) do you choose along, and along "
        "which one should it be?",
        (_greedy(lambda logits: logits[:, -1].argmax(dim=0)[: len(logits)]),),
    ),
    Mistake(
        "J05",
        "stops when the first sentence is done",
        "One sentence has ended, and the others are cut off with it. For which of them has the loop to wait?",
        (_greedy(enough="any"),),
    ),
    Mistake(
        "first-row-decides",
        "stops when sentence 0 is done",
        "Your loop looks at the first sentence only. What happens to a longer one below it?",
        (_greedy(enough="first"),),
    ),
    Mistake(
        "J07",
        "starts from the begin token alone: every sentence begins alike",
        "All your sentences begin alike, whatever was handed in. What do you begin with, and what are the prompts for?",
        (_greedy(start=_only_begin),),
    ),
    Mistake(
        "from-padding",
        "starts from padding",
        "Your sentences begin with padding. Which token did training put first, and who has put it there already?",
        (_greedy(start=lambda p: torch.full((len(p), 1), PAD)), _greedy(start=lambda p: torch.zeros_like(p))),
    ),
    Mistake(
        "begin-token-twice",
        "puts a begin token before the prompts",
        "Your sentences have one word more at their front than they should. What do the prompts begin with already?",
        (_greedy(start=lambda p: torch.cat([_only_begin(p), p], dim=1)),),
    ),
    Mistake(
        "J09",
        "appends to the front",
        "The new word stands before the old ones. In which order do you hand the two to cat?",
        (_greedy(front=True),),
    ),
    Mistake(
        "first-place",
        "reads the logits behind the first word",
        "You always read what follows the *first* word. At which place of (B, T, V) stands what follows the last one?",
        (_greedy(lambda logits: logits[:, 0].argmax(dim=-1)),),
    ),
    Mistake(
        "last-but-one",
        "reads the logits one place too early",
        "You read what follows the last word but one, which is there already. At which place stands what comes next?",
        (_greedy(lambda logits: logits[:, max(-2, -logits.shape[1])].argmax(dim=-1)),),
    ),
    Mistake(
        "mean-of-places",
        "adds up the logits of all places",
        "You choose by the logits of all places together. Which of them speaks of the word that comes next?",
        (
            _greedy(lambda logits: logits.mean(dim=1).argmax(dim=-1)),
            _greedy(lambda logits: logits.softmax(dim=-1).mean(dim=1).argmax(dim=-1)),
        ),
    ),
    Mistake(
        "argmin",
        "takes the least likely word",
        "You take the word with the smallest logit. Which one is the likeliest?",
        (
            _greedy(lambda logits: logits[:, -1].argmin(dim=-1)),
            _greedy(lambda logits: (-logits[:, -1]).softmax(dim=-1).argmax(dim=-1)),
        ),
    ),
    Mistake(
        "softmax-over-batch",
        "softmax over the sentences before argmax",
        "You divide by a sum over the sentences of the batch, so that they compete with each other. Over which axis "
        "do the probabilities of one sentence add up to 1?",
        (_greedy(lambda logits: logits[:, -1].softmax(dim=0).argmax(dim=-1)),),
    ),
    Mistake(
        "newest-only",
        "hands only the newest word to step",
        "step is asked about the newest word alone, as if nothing stood before it. What does it need to see as long as "
        "there is no cache?",
        (_greedy(fed=lambda ids: ids[:, -1:]),),
    ),
    Mistake(
        "not-fed-back",
        "asks about the prompts again and again",
        "Your step sees the prompts in every round, so it says the same word again. What has to be handed to it from "
        "the second round on?",
        (lambda step, prompts, max_len: _greedy(fed=lambda ids: ids[:, : prompts.shape[1]])(step, prompts, max_len),),
    ),
    Mistake(
        "end-as-filler",
        "fills with the end token",
        "Behind the end of a sentence you repeat the end token. Which id is there to fill up?",
        (_greedy(fill=EOS),),
    ),
    Mistake(
        "end-filled-over",
        "fills before the end token is kept",
        "The end token itself is missing: padding stands in its place. In which order do you fill and note who is "
        "done?",
        (_greedy(early=True), _greedy(early=True, enough="never")),
    ),
    Mistake(
        "forgets-who-is-done",
        "asks only whether the newest word is the end",
        "A sentence that has ended starts to speak again two words later. Does your note of who is done keep what it "
        "knew a round ago?",
        (_greedy(remembers=False),),
    ),
    Mistake(
        "another-end",
        "waits for another token",
        "Your sentences do not stop at the end token. Which id do you compare with, and which one is EOS?",
        (_greedy(end=UNK),),
    ),
    Mistake(
        "limit-with-prompts",
        "max_len counts the prompts too",
        "You stop too early by the length of the prompts. What does max_len count?",
        (
            _greedy(rounds=lambda max_len, P: max(max_len - P, 0)),
            _greedy(rounds=lambda max_len, P: max(max_len - P + 1, 0)),
        ),
    ),
    Mistake(
        "one-too-few",
        "one word too few",
        "A sentence that is cut off has one word less than max_len. How often does your loop run?",
        (_greedy(rounds=lambda max_len, P: max_len - 1),),
    ),
    Mistake(
        "one-too-many",
        "one word too many",
        "A sentence that is cut off has one word more than max_len. How often does your loop run?",
        (_greedy(rounds=lambda max_len, P: max_len + 1),),
    ),
    Mistake(
        "without-prompts",
        "returns the new words alone",
        "What comes back lacks the prompts. With which words should every row begin?",
        (_greedy(returned=lambda ids, P: ids[:, P:]), _greedy(returned=lambda ids, P: ids[:, 1:])),
    ),
    Mistake(
        "last-words-only",
        "returns the last word of each sentence",
        "One word for each sentence comes back. What has your loop put together, and where is it?",
        (_greedy(returned=lambda ids, P: ids[:, -1]), _greedy(returned=lambda ids, P: ids[:, -1:])),
    ),
    Mistake(
        "one-call",
        "one call for all words",
        "You ask once and take the words behind all places. Were they chosen in the knowledge of each other?",
        (_all_done_at_once,),
    ),
    Mistake(
        "first-sentence-only",
        "only the first sentence",
        "One row comes back and several were handed in. What becomes of the other sentences?",
        (_one_row,),
    ),
)
