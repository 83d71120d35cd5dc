"""Random choices that come out the same on every platform and Python version."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A seeded stream. Only `Random.random` is used: its sequence is guaranteed to stay the same for a given seed."""

    def __init__(self, seed: str):
        self._random = Random(seed).random  # a string seed is hashed with SHA-512, the same everywhere

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability

    def one(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(self._random() * len(items))]

    def weighted(self, items: Sequence[tuple[float, Item]]) -> Item:
        """One item of (weight, item)."""
        left = self._random() * sum([weight for weight, _ in items])
        for weight, item in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][1]
