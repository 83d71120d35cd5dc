"""Small language models that searches can be tried on: one with words to read, and others with random numbers.

Each is a step function: ids (B, T) -> logits (B, T, V). Torch is imported when one is called.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError
from course.lab.exercises.later import Later
from course.special import BOS, EOS, PAD, SPECIAL_TOKENS

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    torch = Later("torch")

NEVER = -30.0  # the logit of padding and begin token in random toys: low, and still a number


class WordChain:
    """A model that looks at the last word alone, and whose probabilities can be read in a table.

    Words that a row does not list share what the listed ones leave, the later ones a little more, so that no two words
    are equally likely. Padding and begin token never follow.

    Attributes:
        words: what the ids stand for, the special tokens first.
        table: (V, V) the probability of each word (column) behind each word (row).
    """

    def __init__(self, follows: dict[str, dict[str, float]]) -> None:
        """follows: by word, the words that may follow and their probabilities, which add up to less than 1.

        Raises:
            CourseError: where they do not.
        """
        named = dict.fromkeys([*follows, *(word for row in follows.values() for word in row)])
        self.words = [*SPECIAL_TOKENS, *(word for word in named if word not in SPECIAL_TOKENS)]
        self.table = np.zeros((len(self.words), len(self.words)))
        for i, word in enumerate(self.words):
            listed = follows.get(word, {SPECIAL_TOKENS[EOS]: 0.99})
            if not sum(listed.values()) < 1:
                raise CourseError(
                    f"What follows {word!r} must leave a little for other words; it adds up to 1 or more."
                )
            self.table[i] = self._row(listed)

    def _row(self, listed: dict[str, float]) -> Array:
        row = np.arange(len(self.words), dtype=float)
        row[[PAD, BOS, *(self.words.index(word) for word in listed)]] = 0
        row *= (1 - sum(listed.values())) / row.sum()
        for word, p in listed.items():
            row[self.words.index(word)] = p
        return row

    def __call__(self, ids: Tensor) -> Tensor:
        """Return the logarithms of the probabilities: (B, T) -> (B, T, V)."""
        with np.errstate(divide="ignore"):
            logs = torch.from_numpy(np.log(self.table))
        return logs[ids]

    def spell(self, ids: Tensor | Sequence[int], *, ends: bool = False) -> str:
        """Return the words of a sentence of ids, with `ends` the end token too; begin token and padding never."""
        left_out = {PAD, BOS} if ends else {PAD, BOS, EOS}
        return " ".join(self.words[int(i)] for i in ids if int(i) not in left_out)

    def __repr__(self) -> str:
        return f"a toy translator of {len(self.words)} words"


NEEDLE = WordChain(
    {
        "<bos>": {"Die": 0.47, "Eine": 0.36, "Spitz": 0.16},
        "Die": {"Spitze": 0.40, "Nadel": 0.34, "Spritze": 0.25},
        "Eine": {"Nadel": 0.90, "Spitze": 0.09},
        "Nadel": {"ist": 0.80, "<eos>": 0.19},
        "Spitze": {"ist": 0.64, "<eos>": 0.35},
        "Spritze": {"ist": 0.80, "<eos>": 0.19},
        "ist": {"spitz": 0.60, "lang": 0.39},
        "spitz": {"<eos>": 0.90, "lang": 0.09},
        "lang": {"<eos>": 0.90, "spitz": 0.09},
        "Spitz": {"<eos>": 0.95, "ist": 0.04},
    }
)
"""What follows what when *The needle is sharp.* is translated by somebody who looks back at one word only."""


class RandomToy:
    """A model of V words with random numbers, whose logits depend on every word so far and on the place.

    The begin token and padding are as good as impossible; the end token becomes likelier with every word.
    """

    def __init__(self, V: int, seed: int, *, ending: float = 0.6, sharp: float = 1.2, width: int = 6) -> None:
        """ending: how much likelier the end gets with every word. sharp: how sure the model is of its words."""
        rng = np.random.default_rng(seed)
        self.V, self._ending = V, ending
        self._embedding = rng.standard_normal((V, width)) * 1.5
        self._output = rng.standard_normal((width, V)) * sharp

    def __call__(self, ids: Tensor) -> Tensor:
        """Return (B, T, V) logits, float64, for (B, T) whole numbers."""
        words = self._checked(ids)
        state, logits = np.zeros((len(words), self._embedding.shape[1])), []
        for t in range(words.shape[1]):
            state = np.tanh(0.6 * state + self._embedding[words[:, t]])
            logits.append(state @ self._output)
        return torch.from_numpy(self._with_ends(np.stack(logits, axis=1), np.arange(1, words.shape[1] + 1)))

    def _with_ends(self, logits: Array, places: Array) -> Array:
        logits[..., [PAD, BOS]] = NEVER
        logits[..., EOS] += self._ending * places - 1.5
        return logits

    def _checked(self, ids: Any) -> Array:  # noqa: ANN401
        if type(ids).__name__ not in ("Tensor", "Parameter") or ids.dim() != 2 or ids.is_floating_point():
            got = f"a tensor {tuple(ids.shape)} of {ids.dtype}" if hasattr(ids, "dtype") else f"a {type(ids).__name__}"
            raise ValueError(f"step takes ids (B, T), whole numbers in a tensor of two axes, and was given {got}")
        return ids.detach().cpu().numpy()

    def start(self, k: int) -> RandomCache:
        """Return a cache of k rows that nothing has been fed to."""
        return RandomCache(np.zeros((k, self._embedding.shape[1])))

    def next(self, tokens: Tensor, cache: RandomCache) -> Tensor:
        """Feed one more word to each row of a cache: (n,) -> logits (n, V), the last ones that the whole would get."""
        words = self._checked(tokens[:, None] if getattr(tokens, "ndim", 0) == 1 else tokens)
        if words.shape != (len(cache.state), 1):
            raise ValueError(f"step takes one word for each of the cache's {len(cache.state)} rows, (n,), and was "
                             f"given {tuple(tokens.shape)}")  # fmt: skip
        cache.state = np.tanh(0.6 * cache.state + self._embedding[words[:, 0]])
        cache.length += 1
        return torch.from_numpy(self._with_ends(cache.state @ self._output, np.array(cache.length)))

    def __repr__(self) -> str:
        return f"a toy model of {self.V} words"


class RandomCache:
    """What a `RandomToy` remembers of each row: all that it was fed. `select` as in `course.model`."""

    def __init__(self, state: Array, length: int = 0) -> None:
        self.state, self.length = state, length

    def __len__(self) -> int:
        return len(self.state)

    def select(self, rows: Tensor) -> RandomCache:
        """Return the cache whose row i continues row rows[i] of this one."""
        chosen = np.asarray(rows)
        if chosen.dtype.kind != "i" or chosen.ndim != 1:
            raise ValueError(f"select takes row numbers (n,), whole, and was given {chosen.dtype} {chosen.shape}")
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(self.state):
            raise IndexError(f"select was asked for row {chosen.max()}, and the cache has {len(self.state)} rows")
        return RandomCache(copy.deepcopy(self.state[chosen]), self.length)

    def __repr__(self) -> str:
        return f"a cache of {len(self.state)} rows at the same beginning"


class Scripted:
    """A model that says what it is told to: row b's sentence is script[b], whatever has come before.

    For tests of where a search starts and stops. Rows are told apart by their second word.
    """

    def __init__(self, V: int, script: Mapping[int, Sequence[int]]) -> None:
        """script: by the second word of a beginning, the words that follow."""
        self.V, self._script = V, script

    def __call__(self, ids: Tensor) -> Tensor:
        """Return (B, T, V) logits: 5 for the word of the script, 0 and less for the others."""
        logits = np.tile(-0.01 * np.arange(self.V, dtype=float), (*ids.shape, 1))
        for b, row in enumerate(ids.tolist()):
            told = list(self._script.get(row[1] if len(row) > 1 else -1, ()))
            for t in range(1, len(row)):
                logits[b, t, told[t - 1] if t <= len(told) else self.V - 1] = 5.0
        return torch.from_numpy(logits)

    def __repr__(self) -> str:
        return f"a toy model of {self.V} words that says what it is told to"


def everything(step: Any, max_len: int) -> Iterator[tuple[Tensor, Tensor]]:  # noqa: ANN401
    """Yield every possible sentence, those of one length together: log-probabilities (n,) and ids (n, 1 + length).

    Sentences have ended, or are cut off at max_len. There are about V ** max_len of them: for toys only.
    step: from ids (n, t) to logits (n, t, V).
    """
    ids, total = torch.tensor([[BOS]]), torch.zeros(1, dtype=torch.float64)
    for length in range(1, max_len + 1):
        log_p = step(ids)[:, -1].log_softmax(dim=-1)
        row, token = (log_p > NEVER / 2).nonzero(as_tuple=True)
        total = total[row] + log_p[row, token]
        ids = torch.cat([ids[row], token[:, None]], dim=1)
        over = (token == EOS) if length < max_len else torch.ones_like(token, dtype=torch.bool)
        yield total[over], ids[over]
        ids, total = ids[~over], total[~over]


def exhaustive(step: Any, max_len: int, alpha: float = 0.6) -> tuple[float, Tensor, int]:  # noqa: ANN401
    """Return (score, ids, n): the best of all n possible sentences, scored as `beam` scores."""
    best, n = (-np.inf, torch.tensor([BOS])), 0
    for total, ids in everything(step, max_len):
        score = float(total.max()) / (ids.shape[1] - 1) ** alpha
        n += len(ids)
        if score > best[0]:
            best = score, ids[total.argmax()]
    return *best, n
