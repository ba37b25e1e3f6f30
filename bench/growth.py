"""Exponents of growth, and the plan for the whole of Bitcoin that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import Any, Final

WHOLE_CHAIN: Final = {
    "transactions": 1_300_000_000,
    "inputs": 3_500_000_000,
    "outputs": 3_500_000_000,
    "scripts": 1_500_000_000,
    "block_bytes": 800_000_000_000,
}
"""Bitcoin in 2026, rounded."""
DISK_BYTES_PER_SECOND: Final = 500e6
"""What a modest solid-state disk reads or writes."""

Row = dict[str, Any]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return b of the best fit cost = a size^b, by least squares over the logarithms.

    Examples
    --------
    >>> round(exponent([1, 2, 4], [3, 6, 12]), 6)
    1.0
    """
    xs, ys = [log(size) for size in sizes], [log(cost) for cost in costs]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((one - x) ** 2 for one in xs)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread


def grown(row: Row, cost: float, size: float, power: float) -> float:
    """Return what a cost becomes at another number of transactions.

    Examples
    --------
    >>> grown({"transactions": 10}, 5.0, 20, 1.0)
    10.0
    """
    return cost * exp(power * log(size / row["transactions"]))


def exponents(rows: Sequence[Row], costs: dict[str, Callable[[Row], float]]) -> dict[str, float]:
    """Return the exponent of each cost over the measured sizes."""
    sizes = [row["transactions"] for row in rows]
    return {name: exponent(sizes, [cost(row) for row in rows]) for name, cost in costs.items()}


def limited(row: Row, limit: int | None) -> Row:
    """Return the run of a size under a limit on memory."""
    run: Row = next(run for run in row["runs"] if run["limit"] == limit)
    return run
