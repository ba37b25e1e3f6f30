"""A bar a month, drawn by classes of the style sheet; its table says the same in numbers."""

from __future__ import annotations

from typing import Any, Final

from clewline.desk.figures.measures import TOTAL

STEPS: Final = 20
"""Heights that a bar may have besides none: the classes ``tall-1`` to ``tall-20``."""


def bars(values: dict[str, dict[str, Any]], year: int, group: str = TOTAL) -> list[int]:
    """Return the height of each month's bar in steps; nothing where all months are zero.

    Examples
    --------
    >>> bars({"2026": {"": 9}, "2026-01": {"": 8}, "2026-02": {"": 0}, "2026-03": {"": 1}}, 2026)
    [20, 0, 3]
    """
    periods = (cells for period, cells in sorted(values.items()) if period != str(year))
    months = [cells.get(group, 0) for cells in periods]
    most = max(months, default=0)
    # Rounded up, so that a month with few is seen, too.
    return [int(-(-STEPS * value // most)) for value in months] if most else []
