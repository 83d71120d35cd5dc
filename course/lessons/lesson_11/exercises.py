"""The exercises of lesson 11: greedy, beam, incremental, repair_beam, sample, bleu.

The searches work on a step function, so their cases hold toy models; :mod:`course.lessons.lesson_11.observe` watches
what is made of them, and is imported, and torch with it, when a search is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lab.exercises.later import Later
from course.lessons.lesson_11 import mistakes as bank
from course.lessons.lesson_11 import reference, toys
from course.lessons.lesson_11.toys import NEEDLE, RandomToy, Scripted
from course.special import BOS, EOS

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Array = NDArray[Any]


def _normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _prompts(*rows: list[int]) -> Array:
    return np.array([[BOS, *row] for row in rows])


# --- greedy -----------------------------------------------------------------------------------------------------


def _watched(name: str) -> Callable[..., dict[str, Any] | None]:
    """Return a function of observe.py, which is imported when it is called."""

    def observe(function: Function, *arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401
        from course.lessons.lesson_11 import observe as room

        found: dict[str, Any] | None = getattr(room, name)(function, *arguments)
        return found

    return observe


_TOLD = {4: (6, EOS), 5: (7, 4, 6, 8, EOS), 6: (5, 5, EOS)}  # by the second word of a beginning, what follows


def _others_matter(function: Function) -> str | None:
    toy = RandomToy(9, seed=3)
    prompts = torch.from_numpy(_prompts([4, 5], [8, 6], [7, 7]))
    together = function(toy, prompts, 8)
    for b in range(3):
        alone = function(toy, prompts[b : b + 1], 8)[0]
        n = min(len(alone), together.shape[1])
        if not torch.equal(together[b, :n], alone[:n]):
            return (
                f"Sentence {b} comes out in one way alone and in another way in a batch. What should it know of the "
                "others?"
            )
    return None


GREEDY = Exercise(
    id="greedy",
    lesson=11,
    title="Greedy search",
    signature="(step, prompts, max_len) -> ids",
    reference=reference.greedy,
    observe=_watched("observe_greedy"),
    cases=(
        Case(
            "one sentence of the toy translator",
            lambda: (NEEDLE, _prompts([]), 8),
            "Behind the begin token *Die* (4) is the likeliest word, and behind *Die* it is *Spitze* (7). What does "
            "yours do?",
            tier=1,
            about_axes=True,
        ),
        Case(
            "two beginnings, *Die* and *Eine*",
            lambda: (NEEDLE, _prompts([4], [5]), 8),
            "Both sentences have begun already. Which word follows each of the two beginnings?",
            tier=1,
            about_axes=True,
        ),
        Case(
            "three sentences that end after 2, 5 and 3 words",
            lambda: (Scripted(9, _TOLD), _prompts([4], [5], [6]), 9),
            "Sentence 1 is the longest. What stands in the other rows meanwhile, and when is the whole thing over?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "two sentences of which the first is the shorter one",
            lambda: (Scripted(9, _TOLD), _prompts([6, 4], [5, 4]), 9),
            "Sentence 0 has ended, and sentence 1 has not. Which of them says when the loop may stop?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "a sentence that is cut off after three words",
            lambda: (Scripted(9, _TOLD), _prompts([5], [5]), 3),
            "Nothing has ended, and three words are allowed. How many were appended?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "a model that looks at every word so far",
            lambda: (RandomToy(9, seed=3), _prompts([4, 5], [8, 6], [7, 7], [6, 4]), 8),
            "Every word so far counts here. What does step get to see in the third round?",
            tier=3,
        ),
        Case(
            "six sentences and a vocabulary of six",
            lambda: (RandomToy(6, seed=1), _prompts([4], [5], [4], [3], [5], [3]), 6),
            "B and V are equal, so that a wrong axis raises no error. Along which axis do you choose?",
            tier=3,
        ),
        Case(
            "one single word",
            lambda: (RandomToy(7, seed=5), _prompts([4, 6, 5], [5, 4, 4]), 1),
            "One word may be appended. How often is step asked?",
            tier=3,
            about_axes=True,
        ),
    ),
    properties=(Property("a sentence does not know the others of its batch", _others_matter),),
    mistakes=bank.GREEDY,
    hints=(
        "One round appends one word to every row. Which part of the logits (B, T, V) speaks of the word that comes "
        "next? And what has a sentence to say that has ended already?",
        "step(ids)[:, -1] is (B, V), what follows the last words; .argmax(dim=-1) chooses. Keep booleans `done` (B,): "
        "token.masked_fill(done, PAD) silences those that have ended, and torch.cat([ids, token[:, None]], dim=1) "
        "appends. Note new ends after that.",
        "    ids, done = prompts, torch.zeros(len(prompts), dtype=torch.bool)\n    for _ in range(max_len):\n"
        "        token = step(ids)[...].argmax(dim=...).masked_fill(done, ...)\n"
        "        ids = torch.cat([ids, ...], dim=1)\n        done = done | ...\n        if ...:\n            break\n"
        "    return ids",
    ),
    argument_names=("step", "prompts", "max_len"),
    argument_dims={"prompts": "B P"},
    result_names=("ids",),
    result_dims={"ids": "B T"},
    difficulty=2,
    importance=5,
    minutes=15,
)


# --- beam -------------------------------------------------------------------------------------------------------


def _one_place_is_not_greedy(function: Function) -> str | None:
    for seed in (2, 6):
        toy = RandomToy(8, seed)
        ids = [int(i) for i in function(toy, 1, 7)[1]]
        if ids != reference.greedy(toy, torch.tensor([[BOS]]), 7)[0].tolist():
            return (
                "With one place your search finds another sentence than greedy search. What do the two do differently?"
            )
    return None


def _misses_the_best(function: Function) -> str | None:
    for seed in (0, 4):
        toy = RandomToy(7, seed, ending=0.3, sharp=0.6)
        score, ids, n = toys.exhaustive(toy, 4, 1.0)
        found = function(toy, 2 * n, 4, 1.0)
        if [int(i) for i in found[1]] != ids.tolist() or abs(float(found[0]) - score) > 1e-6:
            return (
                f"There are {n} possible sentences, and with {2 * n} places yours still misses the best one "
                f"({score:.4f}). Which of them can get lost on the way?"
            )
    return None


def _not_the_models_own(function: Function) -> str | None:
    toy = RandomToy(9, seed=12, ending=0.3)
    score, ids = function(toy, 3, 7, 0.0)
    words = torch.tensor([[int(i) for i in ids]])
    log_p = toy(words[:, :-1]).log_softmax(dim=-1).gather(2, words[:, 1:, None]).sum()
    if abs(float(score) - float(log_p)) < 1e-6:
        return None
    return (
        f"With alpha 0 your score is {float(score):.4f}, and the model itself gives that sentence {float(log_p):.4f}. "
        "Which of your sums belongs to which hypothesis?"
    )


BEAM = Exercise(
    id="beam",
    lesson=11,
    title="Beam search",
    signature="(step, k, max_len, alpha=0.6) -> (score, ids)",
    reference=reference.beam,
    observe=_watched("observe_beam"),
    cases=(
        Case(
            "the toy translator with one place, alpha 0",
            lambda: (NEEDLE, 1, 8, 0.0),
            "One place is greedy search: *Die Spitze ist spitz*. Its score is a sum of five logarithms: of which?",
            tier=1,
            tolerance=1e-6,
        ),
        Case(
            "the toy translator with two places, alpha 0",
            lambda: (NEEDLE, 2, 8, 0.0),
            "After two words, *Eine Nadel* (0.324) and *Die Spitze* (0.188) are kept. Which two come next?",
            tier=1,
            tolerance=1e-6,
        ),
        Case(
            "the toy translator with four places, alpha 0",
            lambda: (NEEDLE, 4, 8, 0.0),
            "*Spitz* ends after one word (0.152) and keeps its place. Does anything come out better in the end?",
            tier=2,
            tolerance=1e-6,
        ),
        Case(
            "the toy translator with four places and the alpha that you gave it",
            lambda: (NEEDLE, 4, 8),
            "The sums are divided by length ** alpha here. Which words count in the length?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "the toy translator with four places, alpha 1",
            lambda: (NEEDLE, 4, 8, 1.0),
            "Every sum is divided by its own length. Which words count in it?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "a model that looks at every word so far, three places",
            lambda: (RandomToy(9, seed=12, ending=0.3), 3, 7),
            "Every word so far counts here. Does each sum belong to the words beside it?",
            tier=4,
            tolerance=1e-6,
        ),
        Case(
            "hypotheses that end early, two places",
            lambda: (RandomToy(8, seed=7, ending=0.4, sharp=0.5), 2, 6, 1.0),
            "One of two has ended. How many places are left to the other?",
            tier=4,
            tolerance=1e-6,
        ),
        Case(
            "hypotheses that end one after the other, two places",
            lambda: (RandomToy(8, seed=10, ending=0.4, sharp=0.5), 2, 6, 1.0),
            "One of two has ended. How many places are free when one has ended?",
            tier=4,
            tolerance=1e-6,
        ),
        Case(
            "hypotheses that end early, three places",
            lambda: (RandomToy(8, seed=8, ending=0.5, sharp=0.5), 3, 6, 0.8),
            "Those that have ended keep their places. Among how many extensions do the others choose?",
            tier=4,
            tolerance=1e-6,
        ),
        Case(
            "hypotheses that are cut off after three words",
            lambda: (RandomToy(9, seed=5, ending=-0.4), 4, 3),
            "Nothing has ended at max_len. Which hypotheses are there to choose from, and how long are they?",
            tier=4,
            tolerance=1e-6,
        ),
        Case(
            "more places than there are words",
            lambda: (RandomToy(6, seed=9), 11, 5, 0.7),
            "There are six words and eleven places. How many hypotheses can there be after the first round?",
            tier=5,
            tolerance=1e-6,
        ),
    ),
    properties=(
        Property("one place is greedy search", _one_place_is_not_greedy),
        Property("a beam as wide as everything finds the best of all sentences", _misses_the_best),
        Property("the score is the model's own", _not_the_models_own),
    ),
    mistakes=bank.BEAM,
    hints=(
        "Each round, every hypothesis that is growing can be continued by every word: n times V sums in one list. How "
        "many of these may stay if e of k places are taken by hypotheses that have ended?",
        "Keep ids (n, t) and their sums total (n,), beginning with one row of BOS and the sum 0. sums = total[:, None] "
        "+ step(ids)[:, -1].log_softmax(dim=-1); sums.flatten().topk(...) gives values and indices; an index // V is "
        "the row, % V the word. Move what has ended to a list, with its sum. At the end divide each sum by its length "
        "** alpha; topk must not ask for more than there is.",
        "    for _ in range(max_len):\n        sums = total[:, None] + ...                      # (n, V)\n"
        "        best = sums.flatten().topk(min(k - len(ended), sums.numel()))\n"
        "        row, token = best.indices // ..., best.indices % ...\n"
        "        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values\n        over = token == EOS\n"
        "        ended += zip(total[over].tolist(), ids[over])\n        ids, total = ids[~over], ...\n"
        "        if len(ids) == 0:\n            break",
    ),
    argument_names=("step", "k", "max_len", "alpha"),
    result_names=("score", "ids"),
    result_dims={"ids": "length"},
    difficulty=4,
    importance=5,
    minutes=30,
)


# --- incremental ------------------------------------------------------------------------------------------------


class Matrices(dict[str, Array]):
    """Matrices by name, with a `repr` for people."""

    def __repr__(self) -> str:
        shape = next(iter(self.values())).shape
        return f"a dict of {', '.join(self)}, each {shape}"


def _attending(B: int, T: int, d: int, seed: int, *, more: int = 3) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    x, table = rng.standard_normal((B, T, d)), rng.standard_normal((T + more, d))
    return x, Matrices({name: rng.standard_normal((d, d)) for name in "qkv"}), table


def _by_hand() -> tuple[Any, ...]:
    one = np.eye(2)
    return np.array([[[1.0, 0.0], [0.0, 1.0]]]), Matrices(q=one, k=one, v=10 * one), np.array([[0.0, 0.0], [1.0, 0.0]])


def _future_matters(function: Function) -> str | None:
    x, W, table = (_as_tensors(each) for each in _attending(2, 5, 4, seed=41))
    changed = x.clone()
    changed[:, 3:] += 1
    if torch.allclose(function(x, W, table)[:, :3], function(changed, W, table)[:, :3]):
        return None
    return "Words 3 and 4 are changed, and the outputs of the words before move. What do these know of the future?"


def _as_tensors(value: Any) -> Any:  # noqa: ANN401
    return (
        {key: torch.from_numpy(v) for key, v in value.items()} if isinstance(value, dict) else torch.from_numpy(value)
    )


def _works_too_much(function: Function) -> str | None:
    from course.lessons.lesson_11.work import SIZE, projected

    B, T, _ = SIZE
    in_all, at_once = projected(function)
    if in_all > 3 * B * T:
        return (
            f"With {B} sentences of {T} words, {in_all} rows are multiplied with the matrices W, and {3 * B * T} are "
            "needed: one query, key and value for each word. Which of yours are computed a second time?"
        )
    if at_once > B:
        return (
            "Several words of a sentence are multiplied at once. Word t of a translation is known only when word t - 1 "
            "has been chosen: which words can you use in round t?"
        )
    return None


INCREMENTAL = Exercise(
    id="incremental",
    lesson=11,
    title="Attention with a cache",
    signature="(x, W, table) -> (B, T, d)",
    reference=reference.incremental,
    tensors=True,
    cases=(
        Case(
            "two words of two numbers",
            _by_hand,
            "The first word sees itself alone, so its own value comes out. Between which two does the second one "
            "share?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "a single word",
            lambda: _attending(3, 1, 4, seed=42),
            "There is one word, and it sees itself. Which row of the table does it get?",
            about_axes=True,
        ),
        Case(
            "two sentences of five words",
            lambda: _attending(2, 5, 4, seed=43),
            "Take word 2. Which keys are in the cache when it asks, and with which places were they made?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "words that are zeros, so that only places speak",
            lambda: (np.zeros((2, 4, 3)), *_attending(2, 4, 3, seed=44)[1:]),
            "All that differs here is the place. Which row does each word get?",
            tier=2,
        ),
        Case(
            "a table with exactly as many rows as words",
            lambda: _attending(3, 4, 6, seed=45, more=0),
            "The table ends where the sentence ends. Which row belongs to the last word?",
            tier=2,
            about_axes=True,
        ),
        Case(
            "B, T and d all 4",
            lambda: _attending(4, 4, 4, seed=46),
            "All sizes are equal, so that wrong axes raise no error. Which of your axes is the wrong one?",
            tier=3,
        ),
    ),
    properties=(
        Property("no word knows those that follow", _future_matters),
        Property("nothing is computed twice", _works_too_much),
    ),
    mistakes=bank.INCREMENTAL,
    hints=(
        "In round t one word is new. Its query is needed once, now. Which of its three products will later words need, "
        "and where do they stay until then?",
        "Begin with empty caches, x.new_zeros(B, 0, d). x[:, t : t + 1] keeps three axes, (B, 1, d), and table[t] is "
        "its place. torch.cat([keys, k], dim=1) is the cache with one more. Then the steps of lesson 03 with one "
        "query; "
        "keys.transpose(1, 2) is (B, d, t + 1).",
        "    for t in range(T):\n        new = x[:, t : t + 1] + table[...]\n"
        '        q, k, v = new @ W["q"], ...\n        keys, values = torch.cat([keys, k], dim=...), ...\n'
        "        weights = (q @ ... / math.sqrt(d)).softmax(dim=-1)\n        outputs.append(weights @ ...)\n"
        "    return torch.cat(outputs, dim=...)",
    ),
    argument_names=("x", "W", "table"),
    argument_dims={"x": "B T d", "table": "longest d"},
    result_names=("outputs",),
    result_dims={"outputs": "B T d"},
    difficulty=3,
    importance=5,
    minutes=20,
)


# --- repair_beam ------------------------------------------------------------------------------------------------


def _cached(V: int, seed: int, k: int, max_len: int, *, ending: float = 0.6, sharp: float = 1.2) -> tuple[Any, ...]:
    toy = RandomToy(V, seed, ending=ending, sharp=sharp)
    return toy, toy.start(k), k, max_len


def _remembers_another(function: Function) -> str | None:
    for seed in (3, 8):
        toy = RandomToy(9, seed, ending=0.2, sharp=0.7)
        score, ids = function(toy.next, toy.start(4), 4, 7)
        words = torch.tensor([[int(i) for i in ids]])
        own = float(toy(words[:, :-1]).log_softmax(dim=-1).gather(2, words[:, 1:, None]).sum())
        if abs(float(score) - own) > 1e-6:
            return (
                f"It reports {float(score):.4f} for its sentence, and the model itself, asked anew, gives that "
                f"sentence "
                f"{own:.4f}. Whose memory has it been continued with?"
            )
    return None


class _Fed:
    """A cache that notes what each of its rows has been fed, and what was asked for."""

    def __init__(self, inner: Any, rows: list[tuple[int, ...]]) -> None:  # noqa: ANN401
        self.inner, self.rows = inner, rows

    def select(self, rows: Any) -> _Fed:  # noqa: ANN401
        """Select, and let what was fed go along."""
        return _Fed(self.inner.select(rows), [self.rows[int(i)] for i in rows])


def _fed(function: Function, toy: RandomToy, k: int, max_len: int) -> list[set[tuple[int, ...]]]:
    """Return which beginnings the model was asked about, round by round."""
    asked: list[set[tuple[int, ...]]] = []

    def step(tokens: Any, cache: _Fed) -> Any:  # noqa: ANN401
        logits = toy.next(tokens, cache.inner)
        cache.rows = [(*row, int(token)) for row, token in zip(cache.rows, tokens, strict=True)]
        asked.append(set(cache.rows))
        return logits

    function(step, _Fed(toy.start(k), [()] * k), k, max_len)
    return asked


def _asks_about_others(function: Function) -> str | None:
    for seed in range(6):
        toy = RandomToy(9, seed, ending=0.3, sharp=0.4)
        for t, (right, yours) in enumerate(
            zip(_fed(reference.repair_beam, toy, 5, 6), _fed(function, toy, 5, 6), strict=False)
        ):
            if not right <= yours:
                lost = min(right - yours)
                return (
                    f"In round {t + 1} the hypothesis {list(lost)} should be continued, and no row of the cache has "
                    "been fed these words. Which rows did you select in the round before, and had one of them ended?"
                )
    return None


REPAIR_BEAM = Exercise(
    id="repair_beam",
    lesson=11,
    title="Find the bug",
    signature="(step, cache, k, max_len) -> (log_prob, ids)",
    reference=reference.repair_beam,
    observe=_watched("observe_cached"),
    handed_out=bank.buggy_beam,
    cases=(
        Case(
            "one place",
            lambda: _cached(8, 2, 1, 6),
            "With one place there is nothing to put into order, and it was right as it was handed out. What has "
            "changed?",
            tier=1,
            tolerance=1e-6,
        ),
        Case(
            "three places, and nothing ends",
            lambda: _cached(9, 59, 3, 5, ending=-2.0, sharp=0.6),
            "Nobody has ended here. Which old hypothesis does each new one continue, and is its row of the cache the "
            "same?",
            tier=2,
            tolerance=1e-6,
        ),
        Case(
            "four places, and the best one is cut off",
            lambda: _cached(9, 19, 4, 4, ending=-0.2, sharp=1.0),
            "The best hypothesis has not ended after four words. What becomes of it in your function?",
            tier=2,
            tolerance=1e-6,
        ),
        Case(
            "four places, and some end early",
            lambda: _cached(9, 15, 4, 7, ending=-0.1, sharp=0.7),
            "Some have ended. Do the rows of the cache still belong to the hypotheses that go on?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "five places, and one ends in the middle",
            lambda: _cached(9, 169, 5, 6, ending=0.3, sharp=0.4),
            "In some rounds nobody ends, in others somebody does. Which rows are to be kept in either?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "four places that become fewer",
            lambda: _cached(9, 78, 4, 7, ending=0.2, sharp=0.6),
            "Those that have ended keep their places. How many are left to the others?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "two places",
            lambda: _cached(7, 23, 2, 7, ending=-0.1, sharp=0.6),
            "Follow the second hypothesis for three rounds: which rows has it come from?",
            tier=3,
            tolerance=1e-6,
        ),
        Case(
            "five places",
            lambda: _cached(10, 24, 5, 8, ending=-0.1, sharp=0.6),
            "Follow one hypothesis for three rounds: which rows has it come from?",
            tier=3,
            tolerance=1e-6,
        ),
    ),
    properties=(
        Property("what is reported is the model's own log-probability", _remembers_another),
        Property("each row of the cache remembers the words of its hypothesis", _asks_about_others),
    ),
    mistakes=bank.REPAIR_BEAM,
    hints=(
        "Hypotheses change places in every round: two may continue the same old one, and others are dropped. Which "
        "variable says where each of the new ones has come from?",
        "cache.select(rows) makes a cache whose row i continues row rows[i] of the old one. `row` holds, for each of "
        "the best extensions, the old hypothesis that it continues, and `over` says which of them have ended.",
        "        cache = cache.select(row[...])",
    ),
    argument_names=("step", "cache", "k", "max_len"),
    result_names=("log_prob", "ids"),
    result_dims={"ids": "length"},
    difficulty=3,
    importance=5,
    minutes=15,
)


# --- sample -----------------------------------------------------------------------------------------------------

_LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3]))


def _logits(V: int, seed: int) -> Array:
    return 1.5 * _normal(V, seed=seed)


def _asks_for_nothing_and_changes(function: Function) -> str | None:
    logits = torch.from_numpy(_logits(12, seed=51))
    if torch.allclose(function(logits.clone(), 1.0, None, None), logits.softmax(dim=-1)):
        return None
    return "At temperature 1 and without any filter, it is no longer the model's own softmax. What else do you do?"


def _shifts_matter(function: Function) -> str | None:
    logits = torch.from_numpy(_logits(10, seed=52))
    if torch.allclose(function(logits + 7, 0.7, 6, 0.8), function(logits.clone(), 0.7, 6, 0.8)):
        return None
    return "7 is added to all logits, and your probabilities change. Does softmax mind a constant?"


SAMPLE = Exercise(
    id="sample",
    lesson=11,
    title="Who may be drawn",
    signature="(logits, temperature, top_k, top_p) -> probabilities",
    reference=reference.sample,
    tensors=True,
    cases=(
        Case(
            "four words of 0.1, 0.4, 0.2 and 0.3, and nothing asked for",
            lambda: (_LOGITS.copy(), 1.0, None, None),
            "Temperature 1 and no filter: the model's own probabilities. What else do you do to them?",
            by_hand=True,
            about_axes=True,
        ),
        Case(
            "the same four at temperature 0.5",
            lambda: (_LOGITS.copy(), 0.5, None, None),
            "Dividing logits by 0.5 squares the powers: 1, 16, 4 and 9 of 30. Which number is divided by which?",
            by_hand=True,
        ),
        Case(
            "the same four at temperature 2",
            lambda: (_LOGITS.copy(), 2.0, None, None),
            "A high temperature makes them more alike. Which number is divided by which?",
            by_hand=True,
        ),
        Case(
            "the same four with top_k 2",
            lambda: (_LOGITS.copy(), 1.0, 2, None),
            "0.4 and 0.3 are left, and they have to add up to 1. What becomes of each, and where do they stand?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "the same four with top_p 0.65",
            lambda: (_LOGITS.copy(), 1.0, None, 0.65),
            "0.4 is less than 0.65, and 0.4 and 0.3 are 0.7. Which words are needed to reach it?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "the same four with top_k 3 and top_p 0.75",
            lambda: (_LOGITS.copy(), 1.0, 3, 0.75),
            "top_k leaves 4/9, 3/9 and 2/9. Do the first two of these hold 0.75 together?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "twelve words at temperature 1.7 with top_k 7 and top_p 0.8",
            lambda: (_logits(12, seed=53), 1.7, 7, 0.8),
            "First the temperature, then top_k, then top_p of what is left. Which of your steps stands elsewhere?",
            tier=5,
        ),
        Case(
            "twelve words at temperature 0.4 with top_p 0.9",
            lambda: (_logits(12, seed=54), 0.4, None, 0.9),
            "First the temperature, then top_p. Whose probabilities does it add up?",
            tier=5,
        ),
        Case(
            "a top_p that the first word reaches alone",
            lambda: (_logits(9, seed=55), 1.0, None, 0.05),
            "The likeliest word holds more than 0.05 by itself. How many words are left?",
            tier=5,
        ),
        Case(
            "top_k larger than the vocabulary and top_p 1",
            lambda: (_logits(5, seed=56), 1.0, 50, 1.0),
            "Nothing is to be dropped here. What does top_k = 50 mean for five words?",
            tier=6,
        ),
    ),
    properties=(
        Property("without wishes it is softmax", _asks_for_nothing_and_changes),
        Property("a constant on all logits changes nothing", _shifts_matter),
    ),
    mistakes=bank.SAMPLE,
    hints=(
        "Three steps in this order: temperature, top_k, top_p. After each of the two filters, what do the words that "
        "are "
        "left add up to? And which word does each number belong to at the end?",
        "ordered, index = (logits / temperature).sort(descending=True) puts the likeliest first; ordered[top_k:] are "
        "those to be dropped, with -torch.inf. After softmax, p.cumsum(dim=-1) - p is what the likelier ones hold "
        "together: a word stays while that is below top_p. torch.zeros_like(p).scatter(0, index, p) puts every number "
        "back where its word stood.",
        "    ordered, index = (logits / temperature).sort(descending=True)\n    if top_k is not None:\n"
        "        ordered[...] = -torch.inf\n    p = ordered.softmax(dim=-1)\n    if top_p is not None:\n"
        "        p = p.masked_fill(p.cumsum(dim=-1) - p >= ..., 0.0)\n        p = p / ...\n"
        "    return torch.zeros_like(p).scatter(0, index, p)",
    ),
    argument_names=("logits", "temperature", "top_k", "top_p"),
    argument_dims={"logits": "V"},
    result_names=("probabilities",),
    result_dims={"probabilities": "V"},
    difficulty=3,
    importance=3,
    minutes=15,
)


# --- bleu -------------------------------------------------------------------------------------------------------

Corpus = tuple[list[list[str]], list[list[str]]]


def _corpus(*pairs: tuple[str, str]) -> Corpus:
    return [hyp.split() for hyp, _ in pairs], [ref.split() for _, ref in pairs]


def _random_corpus(sentences: int, seed: int) -> Corpus:
    """References of random words, and translations that are copies with some words lost, changed or said twice."""
    rng = np.random.default_rng(seed)
    words = ["die", "Nadel", "hat", "eine", *["Spitze"] * 2, "und", "sie", "ist", "spitz", "nicht", "lang", ".", ","]
    hyps, refs = [], []
    for _ in range(sentences):
        ref = [words[i] for i in rng.integers(0, len(words), rng.integers(5, 12))]
        hyp = [word if rng.random() < 0.85 else words[rng.integers(0, len(words))] for word in ref]
        lost = rng.integers(0, 3)
        hyps.append([*hyp[lost:], *hyp[-1:]] if rng.random() < 0.3 else hyp[lost:])
        refs.append(ref)
    return hyps, refs


_ONE = ("die Nadel hat eine Spitze", "die Nadel hat eine Spitze .")


def _differs_from_the_library(function: Function) -> str | None:
    from sacrebleu.metrics import BLEU

    hyps, refs = _random_corpus(30, seed=61)
    plain = [[" ".join(words) for words in side] for side in (hyps, refs)]
    wanted = BLEU(tokenize="none", smooth_method="none").corpus_score(plain[0], [plain[1]]).score / 100
    if abs(function(hyps, refs) - wanted) < 1e-9:
        return None
    return f"On thirty sentences sacreBLEU says {wanted:.6f}, and yours says {function(hyps, refs):.6f}. Which is it?"


BLEU = Exercise(
    id="bleu",
    lesson=11,
    title="BLEU",
    signature="(hyps, refs, N=4) -> a number from 0 to 1",
    reference=reference.bleu,
    cases=(
        Case(
            "two words of three, N = 1",
            lambda: (*_corpus(("die Nadel ist", "die Nadel hat")), 1),
            "Two of three words are in the reference. What is a precision of single words?",
            by_hand=True,
        ),
        Case(
            "the same word five times, N = 1",
            lambda: (*_corpus(("die die die die die", "die Nadel und die Spitze")), 1),
            "The reference has *die* twice. How many of the five may count?",
            by_hand=True,
        ),
        Case(
            "six words that are right, N = 2",
            lambda: (*_corpus(("die Nadel hat eine Spitze .", "die Nadel hat eine Spitze .")), 2),
            "Everything is right. What is not 1?",
            by_hand=True,
        ),
        Case(
            "one word wrong, N = 2",
            lambda: (*_corpus(("die Nadel hat eine Spritze .", "die Nadel hat eine Spitze .")), 2),
            "5 of 6 words and 3 of 5 pairs. Which mean of the two is it?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a sentence that lacks its full stop",
            lambda: _corpus(_ONE),
            "Every n-gram is right, and a word is missing. What does the brevity penalty say of 5 words instead of 6?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "a sentence that has a word too many",
            lambda: _corpus(("die Nadel hat eine Spitze . .", _ONE[1])),
            "7 words instead of 6. Is there a penalty for that, apart from the n-grams that do not match?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "two sentences, a long one and a short one",
            lambda: _corpus(("sie ist spitz .", "sie ist lang ."), _ONE),
            "What is added up over both sentences before anything is divided?",
            tier=4,
        ),
        Case(
            "one sentence too short and one too long",
            lambda: _corpus(
                ("die Nadel hat eine Spitze", "die Nadel hat eine Spitze , und sie ist lang ."),
                ("sie ist nicht lang , und sie ist spitz .", "sie ist nicht lang ."),
            ),
            "Over both together, are there fewer words than wanted?",
            tier=4,
        ),
        Case(
            "twenty sentences",
            lambda: _random_corpus(20, seed=62),
            "Everything together now. Which of your counts is another one?",
            tier=5,
        ),
        Case(
            "twenty sentences, N = 2",
            lambda: (*_random_corpus(20, seed=63), 2),
            "N is 2 here. Which lengths of n-grams count?",
            tier=5,
        ),
        Case(
            "three sentences, with capitals and words that exchange places",
            lambda: _corpus(
                ("die Nadel hat eine Spitze und ist spitz .", "Die Nadel hat eine spitze und ist spitz ."),
                ("sie ist nicht lang und spitz", "sie ist lang und nicht spitz"),
                ("die Spitze ist nicht spitz und nicht lang .", "die Spitze ist nicht spitz und nicht lang !"),
            ),
            "*Die* and *die* are two words here, and order counts. What do your n-grams forget?",
            tier=6,
        ),
        Case(
            "a corpus of sentences of three words, all right",
            lambda: _corpus(("sie ist spitz", "sie ist spitz"), ("er zeigt darauf", "er zeigt darauf")),
            "There is not a single n-gram of four words. What does that make of the product?",
            tier=7,
            by_hand=True,
        ),
        Case(
            "nothing right at all",
            lambda: _corpus(("sie ist spitz und lang", "die Nadel hat keine Spitze")),
            "No word matches. What is the logarithm of 0, and what should the score be?",
            tier=7,
            by_hand=True,
        ),
        Case(
            "an empty translation among others",
            lambda: _corpus(("", "sie ist spitz ."), ("die Nadel hat eine lange Spitze .",) * 2),
            "A translation of no words has no n-grams, and its reference's length counts. What do yours do?",
            tier=7,
        ),
    ),
    properties=(Property("sacreBLEU says the same", _differs_from_the_library),),
    mistakes=bank.BLEU,
    hints=(
        "Four precisions: of n-grams with n = 1 to 4. For one sentence and one n, which count stands above the line "
        "and "
        "which below, and what is done with them when the next sentence comes?",
        "collections.Counter counts tuples: Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)). Above "
        "the line, for each n-gram of the translation, the smaller one of its two counts. Add both up over all "
        "sentences. If any sum above the line is 0, the score is 0. Then the mean of the logarithms, math.exp, and the "
        "brevity penalty with the lengths of the whole corpus.",
        "    for hyp, ref in zip(hyps, refs):\n        for n in range(1, N + 1):\n"
        "            ours, theirs = Counter(...), Counter(...)\n"
        "            matched[n - 1] += sum(min(count, theirs[gram]) for gram, count in ours.items())\n"
        "            total[n - 1] += ...\n    ...\n"
        "    return math.exp(min(0, 1 - .../...) + sum(math.log(m / t) for m, t in zip(matched, total)) / N)",
    ),
    argument_names=("hyps", "refs", "N"),
    result_names=("score",),
    result_kind="number",
    difficulty=3,
    importance=5,
    minutes=25,
)

EXERCISES = (GREEDY, BEAM, INCREMENTAL, REPAIR_BEAM, SAMPLE, BLEU)
