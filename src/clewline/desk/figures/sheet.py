"""The CSV file of figures: each number with its unit and definition, none so small that it harms.

Told are the year by group and each month as one number, and never a month by group: a table with
sums at two sides would tell what was withheld in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from clewline.desk.figures.measures import STATISTICS, TOTAL
from clewline.desk.figures.suppression import withheld
from clewline.reports.sheet import harmless, visible

COLUMNS: Final = (
    *("measure", "title", "period", "group", "value", "unit", "definition", "method_version"),
    *("denominator", "withheld_below", "counted_at"),
)
WITHHELD: Final = "withheld"
# Lines whose groups follow from one another: all of them are told, or none.
_WHOLE: Final = frozenset({"removal", "service_times"})
# Line → the cell of another line that is its total.
_TOTAL_OF: Final = {"options_by_asset": ("options_by_rail", "Cryptocurrency")}


def rows(figures: list[dict[str, Any]], year: int, threshold: int, at: str) -> Iterator[list[str]]:
    """Yield the rows of the file.

    Parameters
    ----------
    figures : list of dict
        As `services.Year` has them.
    year : int
        Which year they are of.
    threshold : int
        Counts below it are withheld.
    at : str
        When they were counted.
    """
    gone: dict[str, set[str]] = {}
    for one in figures:
        values, shown = one["values"], str(year)
        groups = values.get(shown, {})
        hidden = _hidden(one["id"], groups, threshold, gone)
        gone[one["id"]] = hidden
        months = {period: cells[TOTAL] for period, cells in values.items() if period != shown}
        low = withheld({shown: groups.get(TOTAL, 0), **months}, threshold, shown)
        if TOTAL in hidden:
            low |= {period for period, count in months.items() if count}
        cells = [(shown, group, value, group in hidden) for group, value in groups.items()]
        cells += [(period, TOTAL, count, period in low) for period, count in months.items()]
        for period, group, value, hide in cells:
            told = WITHHELD if hide else str(value)
            words = (one["unit"], f"{one['definition']} {one['common']}", str(one["version"]))
            row = (one["id"], one["title"], period, group or "all", told, *words)
            yield [harmless(visible(c)) for c in (*row, one["denominator"], str(threshold), at)]


def _hidden(
    name: str, groups: dict[str, Any], threshold: int, gone: dict[str, set[str]]
) -> set[str]:
    """Return the groups of a year that are withheld."""
    counts = {group: count for group, count in groups.items() if group not in STATISTICS}
    hidden = withheld(counts, threshold, TOTAL)
    above = _TOTAL_OF.get(name)
    if above is not None and above[1] in gone.get(above[0], ()):
        hidden |= {group for group, count in counts.items() if count}
    if hidden and name in _WHOLE:
        hidden |= {group for group, count in counts.items() if count and group != TOTAL}
    if hidden:
        # Quartiles of a few are those few.
        hidden |= STATISTICS & groups.keys()
    return hidden


def as_csv(figures: list[dict[str, Any]], year: int, threshold: int, at: str) -> bytes:
    """Write figures as CSV (RFC 4180) in which no cell is taken for a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(rows(figures, year, threshold, at))
    return out.getvalue().encode()
