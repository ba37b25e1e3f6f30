"""Shares with their intervals: what was right, of how many, and how sure that makes us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

_Z: Final = 1.959963984540054
"""Quantile of the normal distribution that leaves 2.5 % on either side."""


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Parameters
    ----------
    count : int
        How many had the property, 0 to `of`.
    of : int
        How many were looked at.

    Returns
    -------
    low, high : float
        0 to 1; (0, 1) where nothing was looked at.

    Notes
    -----
    Wilson, Probable inference, the law of succession, and statistical inference (JASA 1927). It
    holds for few cases and for shares near 0 and 1, where the textbook interval does not.

    Examples
    --------
    >>> low, high = wilson(498, 500)
    >>> round(low, 4), round(high, 4)
    (0.9855, 0.9989)
    """
    if of == 0:
        return 0.0, 1.0
    share = count / of
    scale = 1 + _Z * _Z / of
    middle = (share + _Z * _Z / (2 * of)) / scale
    half = _Z * sqrt(share * (1 - share) / of + _Z * _Z / (4 * of * of)) / scale
    return (0.0 if count == 0 else max(0.0, middle - half)), (
        1.0 if count == of else min(1.0, middle + half)
    )


@dataclass(frozen=True)
class Share:
    """One line of the accuracy page.

    Attributes
    ----------
    heuristic : str
        Anchor of its section, such as ``multi-input``.
    measure : str
        What is counted, in words.
    data : str
        Name of the truth set.
    count, of : int
        How many, of how many.
    goal : str
        What was set out to reach, such as ``>= 0.99``; empty where nothing was.
    per : int
        Of how many a share is shown: 100 for percent, 100,000 for what is rare.
    """

    heuristic: str
    measure: str
    data: str
    count: int
    of: int
    goal: str = ""
    per: int = 100

    def record(self) -> dict[str, str | int | float | None]:
        """Return the line as plain data, with share and interval."""
        low, high = wilson(self.count, self.of)
        return {
            "heuristic": self.heuristic,
            "measure": self.measure,
            "data": self.data,
            "count": self.count,
            "of": self.of,
            "share": round(self.count / self.of, 6) if self.of else None,
            "low": round(low, 6),
            "high": round(high, 6),
            "goal": self.goal,
            "per": self.per,
        }


def pooled(shares: Iterable[Share]) -> list[Share]:
    """Count lines together that count the same in several cases.

    Parameters
    ----------
    shares : iterable of Share
        Lines of the cases, one after the other.

    Returns
    -------
    list of Share
        One line for each heuristic, measure, set and goal, in the order of their first. The
        interval of such a line takes what was counted as drawn anew each time; what comes of one
        case is more alike than that.

    Examples
    --------
    >>> [one.of for one in pooled([Share("leads", "x", "sites", 1, 2)] * 3)]
    [6]
    """
    counts: dict[Share, tuple[int, int]] = {}
    for one in shares:
        kind = replace(one, count=0, of=0)
        count, of = counts.get(kind, (0, 0))
        counts[kind] = count + one.count, of + one.of
    return [replace(kind, count=count, of=of) for kind, (count, of) in counts.items()]
