"""Known wrong versions of greedy decoding with a fixed vector, and the question that leads out of each.

Most of them are the right one with a step replaced: `_decode` takes the steps.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_01.reference import WriteStep, decode

Array = NDArray[Any]


def _decode(
    start: Callable[[int, int, int], int] = lambda bos, eos, pad: bos,
    choose: Callable[[Array], Array] = lambda scores: scores.argmax(axis=-1),
    fed: Callable[[Array, int], Array] = lambda tokens, bos: tokens,
    state: Callable[[Array, Array], Array] = lambda new, old: new,
    fill: Callable[[int, int], int] = lambda eos, pad: pad,
    end: Callable[[int], int] = lambda eos: eos,
    stop: Callable[[Array], bool] = lambda done: bool(done.all()),
    most: Callable[[int], int] = lambda max_len: max_len,
    fills: bool = True,
) -> Function:
    """Return `decode` with a step of another kind.

    Args:
        start: bos, eos, pad -> the token that is fed first.
        choose: scores (B, V) -> the next tokens.
        fed: the last tokens, bos -> what is fed.
        state: the new state, the old one -> the state for the next step.
        fill: eos, pad -> what stands behind an end.
        end: eos -> which token ends a sentence.
        stop: who has ended -> whether the loop is over.
        most: max_len -> the steps of the loop.
        fills: whether anything is put behind an end.
    """

    def run(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
        tokens, done = np.full(len(h), start(bos, eos, pad)), np.zeros(len(h), dtype=bool)
        written = []
        for _ in range(most(max_len)):
            scores, new = step(fed(tokens, bos), h)
            h = state(new, h)
            tokens = np.where(done, fill(eos, pad), choose(scores)) if fills else choose(scores)
            written.append(tokens)
            done = done | (tokens == end(eos))
            if stop(done):
                break
        return np.stack(written, axis=1)

    return run


def _after(change: Callable[[Array, int, int, int], Any]) -> Function:
    """Return a version that changes what was written; it also gets bos, eos and pad."""
    return lambda step, h, bos, eos, pad, max_len: change(decode(step, h, bos, eos, pad, max_len), bos, eos, pad)


def _without_ends(ids: Array, bos: int, eos: int, pad: int) -> Array:
    return np.where(ids == eos, pad, ids)


def _without_last_column(ids: Array, bos: int, eos: int, pad: int) -> Array:
    return _without_ends(ids, bos, eos, pad)[:, :-1]


def _with_start(ids: Array, bos: int, eos: int, pad: int) -> Array:
    return np.concatenate([np.full((len(ids), 1), bos), ids], axis=1)


def _wide(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Fill up to max_len columns."""
    ids = decode(step, h, bos, eos, pad, max_len)
    return np.concatenate([ids, np.full((len(ids), max_len - ids.shape[1]), pad)], axis=1)


def _in_the_loop(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    return decode(step, h, bos, eos, pad, 1)


def _first_sentence_for_all(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    return decode(step, np.repeat(h[:1], len(h), axis=0), bos, eos, pad, max_len)


def _as_many_tokens_as_words(function: Function) -> bool:
    """Whether one sentence is continued with a token for each of the V words."""
    fed = []

    def step(tokens: Array, h: Array) -> tuple[Array, Array]:
        fed.append(np.shape(tokens))
        return np.linspace(0.0, 1.0, 7)[None], h

    with contextlib.suppress(Exception):  # it may raise further on
        function(step, np.zeros((1, 3)), 1, 2, 0, 2)
    return fed[1:2] == [(7,)]


def _done_one_step_late(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Set done from the tokens that were fed: when all have ended, the loop goes round once more."""
    tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool)
    written = []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        done = done | (tokens == eos)
        tokens = np.where(done, pad, scores.argmax(axis=-1))
        written.append(tokens)
        if done.all():
            break
    return np.stack(written, axis=1)


def _ends_before_it_is_written(step: WriteStep, h: Array, bos: int, eos: int, pad: int, max_len: int) -> Array:
    """Look for the end before the token is written: the last column is missing."""
    ids = decode(step, h, bos, eos, pad, max_len)
    ended = (ids == eos).any(axis=1).all()
    return ids[:, :-1] if ended else ids


REPAIR_DECODE = (
    Mistake(
        "decode_never_stops",
        "nobody ever ends",
        "You always write max_len tokens, whatever they are. Who tells the loop that all sentences have ended?",
        (_decode(stop=lambda done: False), _wide),
    ),
    Mistake(
        "decode_never_done",
        "done never becomes True",
        "Nobody is ever done in yours: words stand behind the end, and the loop runs to max_len. If done begins as "
        "False, what does your line make of it?",
        (_decode(stop=lambda done: False, fills=False),),
    ),
    Mistake(
        "decode_done_one_step_late",
        "done looks at the previous tokens",
        "You look at the previous tokens when you set done. Which tokens say who ends now?",
        (_done_one_step_late,),
    ),
    Mistake(
        "decode_goes_on_behind_the_end",
        "words behind the end",
        "Behind the end of a short sentence yours goes on with words, until the longest is done. What should stand "
        "there?",
        (_decode(fills=False),),
    ),
    Mistake(
        "decode_first_end_ends_all",
        "the first end ends all sentences",
        "As soon as one sentence ends, all others are cut off. Is it any or all of them that must have ended?",
        (
            _decode(stop=lambda done: bool(done.any())),
            _decode(stop=lambda done: bool(done[0])),
        ),
    ),
    Mistake(
        "decode_last_sentence_decides",
        "the last sentence decides for all",
        "Everybody stops when the last sentence of the batch does. Whose end do you look at?",
        (_decode(stop=lambda done: bool(done[-1])),),
    ),
    Mistake(
        "decode_starts_with_the_end",
        "begins with the end token",
        "You feed the end token first. Which token stands before every sentence?",
        (_decode(start=lambda bos, eos, pad: eos),),
    ),
    Mistake(
        "decode_starts_with_pad",
        "begins with padding",
        "You feed padding first. Which token stands before every sentence?",
        (_decode(start=lambda bos, eos, pad: pad), _decode(start=lambda bos, eos, pad: 0)),
    ),
    Mistake(
        "decode_ids_of_its_own",
        "ids that are written into the code",
        "You use ids of your own for start, end or padding. Which three arguments name them?",
        (
            _decode(start=lambda bos, eos, pad: 1),
            _decode(end=lambda eos: 2),
            _decode(fill=lambda eos, pad: 0),
            _decode(end=lambda eos: 2, fill=lambda eos, pad: 0),
            _decode(start=lambda bos, eos, pad: 1, end=lambda eos: 2),
            _decode(start=lambda bos, eos, pad: 1, fill=lambda eos, pad: 0),
            _decode(start=lambda bos, eos, pad: 1, end=lambda eos: 2, fill=lambda eos, pad: 0),
        ),
    ),
    Mistake(
        "decode_start_fed_again",
        "the start token at every step",
        "You feed the start token at every step. What has been written in the meantime, and who tells the decoder?",
        (_decode(fed=lambda tokens, bos: np.full(len(tokens), bos)),),
    ),
    Mistake(
        "decode_state_not_carried",
        "the state is not carried on",
        "Every step of yours starts from the encoder's vector. What remembers what has been written?",
        (_decode(state=lambda new, old: old),),
    ),
    Mistake(
        "decode_states_added",
        "states added or averaged",
        "You add the new state to the old one. Which of the two does the next step start from?",
        (_decode(state=lambda new, old: new + old), _decode(state=lambda new, old: (new + old) / 2)),
    ),
    Mistake(
        "decode_end_behind_the_end",
        "filled up with the end token",
        "Behind the end you write more ends. With which token is a short sentence filled up?",
        (_decode(fill=lambda eos, pad: eos),),
    ),
    Mistake(
        "decode_filled_with_the_start",
        "filled up with another token",
        "Behind the end you write a token that is not padding. Which argument names the one that is?",
        (
            lambda step, h, bos, eos, pad, max_len: _decode(fill=lambda _, __: bos)(step, h, bos, eos, pad, max_len),
            _decode(fill=lambda eos, pad: -1),
        ),
    ),
    Mistake(
        "decode_end_left_out",
        "the end token is not returned",
        "Your ids have padding where the end should stand. Is the end a token that the decoder writes?",
        (_after(_without_ends), _after(_without_last_column), _ends_before_it_is_written),
    ),
    Mistake(
        "decode_start_returned",
        "the start token is returned",
        "Your ids begin with the start token. Was it written, or only fed?",
        (_after(_with_start), _after(lambda ids, bos, eos, pad: _with_start(ids, bos, eos, pad)[:, :-1])),
    ),
    Mistake(
        "decode_one_too_few",
        "one token too few",
        "Your longest sentence is one token short of max_len. How often does range(max_len - 1) go round?",
        (_decode(most=lambda max_len: max_len - 1),),
    ),
    Mistake(
        "decode_one_too_many",
        "one token too many",
        "Your longest sentence is one token longer than max_len. How often does range(max_len + 1) go round?",
        (_decode(most=lambda max_len: max_len + 1),),
    ),
    Mistake(
        "decode_fixed_length",
        "a length of its own",
        "Your limit is not max_len. Which argument says how long a sentence may get?",
        (_decode(most=lambda max_len: 5), _decode(most=lambda max_len: 10), _decode(most=lambda max_len: 100)),
    ),
    Mistake(
        "decode_as_many_as_sentences",
        "as many steps as sentences",
        "You go round as often as there are sentences. Does a batch of two write two words?",
        (lambda step, h, bos, eos, pad, max_len: decode(step, h, bos, eos, pad, len(h)),),
    ),
    Mistake(
        "decode_worst",
        "the smallest score",
        "You write the token with the smallest score. Which end of the scores is the best?",
        (_decode(choose=lambda scores: scores.argmin(axis=-1)),),
    ),
    Mistake(
        "decode_second_best",
        "not the best score",
        "You sort the scores and take the wrong end, or the second. Which place has the best?",
        (
            _decode(choose=lambda scores: scores.argsort(axis=-1)[:, -2]),
            _decode(choose=lambda scores: scores.argsort(axis=-1)[:, 1]),
        ),
    ),
    Mistake(
        "decode_largest_of_all",
        "one best token for the whole batch",
        "All sentences get the same token. Along which axis of (B, V) do you look for the best?",
        (
            _decode(choose=lambda scores: np.full(len(scores), scores.argmax() % scores.shape[1])),
            _decode(choose=lambda scores: np.full(len(scores), scores[0].argmax())),
            _decode(choose=lambda scores: np.full(len(scores), scores.sum(axis=0).argmax())),
            _decode(choose=lambda scores: np.full(len(scores), scores.mean(axis=0).argmax())),
            _first_sentence_for_all,
        ),
    ),
    Mistake(
        "decode_best_sentence",
        "the best sentence instead of the best token",
        "Your argmax runs along the sentences. Which axis of (B, V) are the tokens?",
        (_decode(choose=lambda scores: scores.argmax(axis=0)),),
        recognize=_as_many_tokens_as_words,
    ),
    Mistake(
        "decode_scores_for_tokens",
        "the best score instead of its place",
        "You write how large the best score is. What is the difference between max and argmax?",
        (
            _decode(choose=lambda scores: scores.max(axis=-1)),
            _decode(choose=lambda scores: scores.max(axis=-1).astype(int)),
        ),
    ),
    Mistake(
        "decode_return_in_the_loop",
        "returns after the first token",
        "You return after the first token. How far in does the line with return stand?",
        (_in_the_loop, lambda *given: _in_the_loop(*given)[:, 0]),
    ),
    Mistake(
        "decode_last_token_only",
        "only the last tokens are left",
        "Only the last token of each sentence comes back. Which line writes over what was there?",
        (_after(lambda ids, *_: ids[:, -1]), _after(lambda ids, *_: ids[:, -1:])),
    ),
    Mistake(
        "decode_time_first",
        "(L, B) instead of (B, L)",
        "Your rows are steps and your columns sentences. Along which axis are the tokens to be stacked?",
        (_after(lambda ids, *_: ids.T),),
    ),
    Mistake(
        "decode_one_row",
        "all tokens in one row",
        "All sentences stand in one long row. Which function makes a new axis: stack or concatenate?",
        (_after(lambda ids, *_: ids.T.ravel()), _after(lambda ids, *_: ids.ravel())),
    ),
    Mistake(
        "decode_lists_without_pads",
        "lists of different lengths",
        "You return a list of sentences of different lengths. With which token does a short one become as long as the "
        "others?",
        (
            _after(lambda ids, bos, eos, pad: [[int(i) for i in row if i != pad] for row in ids]),
            _after(lambda ids, bos, eos, pad: [row[row != pad] for row in ids]),
        ),
    ),
)
