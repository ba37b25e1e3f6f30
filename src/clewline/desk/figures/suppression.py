"""What of a count may leave the house: no number so small that it points at one person.

A cell below the threshold is withheld. Where its line has a total, other cells of the line are
withheld with it, smallest first, until those withheld cannot be told apart from outside; where that
cannot be, the total goes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT: Final = 5
"""Counts below this are withheld, unless the setting says another number."""


def withheld(cells: Mapping[str, int], threshold: int, total: str | None = None) -> set[str]:
    """Return the cells of a line that do not leave the house.

    Zero is told: that nobody was counted points at nobody.

    Parameters
    ----------
    cells : mapping of str to int
        Name → count.
    threshold : int
        Counts from 1 to below it are withheld.
    total : str, optional
        The cell that is the sum of the others, or bounds them.

    Returns
    -------
    set of str
        Names. Of cells beside a total that is told, those withheld are two or more and together at
        least twice the threshold, or none.

    Examples
    --------
    >>> sorted(withheld({"all": 40, "card": 30, "crypto": 8, "voucher": 2}, 5, "all"))
    ['crypto', 'voucher']
    >>> sorted(withheld({"all": 3, "crypto": 3, "card": 0}, 5, "all"))
    ['all', 'crypto']
    """
    small = {name for name, count in cells.items() if 0 < count < threshold}
    if total is None or total not in cells:
        return small
    if total in small:
        return {name for name, count in cells.items() if count}
    if not small:
        return set()
    rest = sorted(
        (name for name in cells if name != total and name not in small and cells[name]),
        key=lambda name: (cells[name], name),
    )
    while len(small) < 2 or sum(cells[name] for name in small) < 2 * threshold:
        if not rest:
            return small | {total}
        small.add(rest.pop(0))
    return small
