"""Coins of the story, and where each of their satoshi came from.

A coin carries its *parts*: runs of satoshi, first in the queue first, each with the origin that it
left (an exchange's withdrawal, a CoinJoin) and the transactions it crossed since. Spending moves
them by the FIFO rule: inputs in order fill outputs in order, the fee takes what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clewline.play.keys import Kind


class Part(NamedTuple):
    """A run of satoshi of one origin."""

    origin: int
    hops: int
    value: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the trail of a satoshi begins.

    Attributes
    ----------
    output : int
        The output that an exchange paid out, or that a CoinJoin made.
    exchange, customer : str or None
        Whose account at which exchange; None for a CoinJoin.
    """

    output: int
    exchange: str | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output of somebody in the story.

    Attributes
    ----------
    output : int
        Its number in the ledger.
    value : int
        Satoshi.
    kind : Kind
        Its script type.
    parts : tuple of Part
        Its satoshi in queue order; empty where nobody asks for their origin.
    """

    output: int
    value: int
    kind: Kind
    parts: tuple[Part, ...] = ()


def fifo(coins: Sequence[Coin], values: Sequence[int]) -> list[tuple[Part, ...]]:
    """Return the parts of a transaction's outputs under FIFO.

    Parameters
    ----------
    coins : sequence of Coin
        Inputs in order.
    values : sequence of int
        Satoshi of the outputs in order; not more than the inputs hold.

    Returns
    -------
    list of tuple of Part
        For each output parts that sum to its value, one hop further; empty for all outputs if an
        input has none.

    Examples
    --------
    >>> coin = Coin(0, 5, Kind.P2TR, (Part(0, 0, 2), Part(1, 0, 3)))
    >>> fifo([coin], [3, 1])
    [(Part(origin=0, hops=1, value=2), Part(origin=1, hops=1, value=1)), \
(Part(origin=1, hops=1, value=1),)]
    """
    if not all(coin.parts for coin in coins):
        return [() for _ in values]
    queue = [part for coin in coins for part in coin.parts]
    at, taken = 0, 0
    result = []
    for value in values:
        parts: list[Part] = []
        missing = value
        while missing > 0:
            origin, hops, size = queue[at]
            piece = min(missing, size - taken)
            missing -= piece
            taken += piece
            if taken == size:
                at, taken = at + 1, 0
            if parts and parts[-1][:2] == (origin, hops + 1):
                piece += parts.pop().value
            parts.append(Part(origin, hops + 1, piece))
        result.append(tuple(parts))
    return result
