"""Chance that falls the same way on every machine.

PCG64's raw output is fixed by its authors, while NumPy may change how its distributions are
drawn. So only raw 64-bit words are used, and integer arithmetic makes choices of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_BUFFER: Final = 4096


class Dice:
    """A seeded source of choices.

    Parameters
    ----------
    seed : int
        Not negative.
    part : int
        Which of the independent streams of this seed.

    Examples
    --------
    >>> one, same = Dice(7, 0), Dice(7, 0)
    >>> [one.below(6) for _ in range(5)] == [same.below(6) for _ in range(5)]
    True
    """

    def __init__(self, seed: int, part: int) -> None:
        self._generator = np.random.PCG64([seed, part])
        self._words: list[int] = []

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit` - 1."""
        if not self._words:
            self._words = (self.words(_BUFFER) >> 1).tolist()
        return self._words.pop() % limit

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def percent(self, chance: int) -> bool:
        """Be true `chance` times in a hundred."""
        return self.below(100) < chance

    def pick(self, items: Sequence[T]) -> T:
        """Return one of `items`."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return `items` in another order (Fisher and Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def words(self, count: int) -> NDArray[np.int64]:
        """Return `count` raw words without their two lowest bits: int64, not negative."""
        raw = self._generator.random_raw(count)
        return (raw >> np.uint64(2)).astype(np.int64)
