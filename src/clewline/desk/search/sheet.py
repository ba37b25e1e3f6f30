"""The answers to a list as a table: the same rows on a page and in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from clewline.desk.search.queries import Answer
from clewline.reports.sheet import harmless, visible

COLUMNS: Final = (
    *("asked", "kind", "known", "found", "sightings", "first_utc", "last_utc"),
    *("brands", "labels", "status", "cases", "chain"),
)
"""Columns, in order."""
_BETWEEN: Final = "; "


def cells(answer: Answer) -> dict[str, str]:
    """Return one answer by column; several things found stand in one cell, in their order."""
    hits = answer.hits
    first = [hit.tally.first for hit in hits if hit.tally.first is not None]
    last = [hit.tally.last for hit in hits if hit.tally.last is not None]
    found = [" ".join(filter(None, (hit.kind, hit.name))) for hit in hits]
    return {
        "asked": answer.question.shown,
        "kind": answer.question.kind,
        "known": "yes" if answer.known else "no",
        "found": _BETWEEN.join(found),
        "sightings": str(sum(hit.tally.count for hit in hits if hit.kind != "host")),
        "first_utc": min(first).strftime("%Y-%m-%dT%H:%MZ") if first else "",
        "last_utc": max(last).strftime("%Y-%m-%dT%H:%MZ") if last else "",
        "brands": _joined(name for hit in hits for name in hit.brands),
        "labels": _joined(name for hit in hits for name in hit.labels),
        "status": _joined(hit.status for hit in hits),
        "cases": _joined(name for hit in hits for name in hit.cases),
        "chain": _joined(hit.chain.words for hit in hits if hit.chain.state != "none"),
    }


def as_csv(answers: Sequence[Answer]) -> bytes:
    """Write answers (RFC 4180, UTF-8): a header, then a row each, in the order asked.

    A cell that a spreadsheet could take for a formula begins with an apostrophe.
    """
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for answer in answers:
        row = cells(answer)
        writer.writerow({name: harmless(visible(row[name])) for name in COLUMNS})
    return out.getvalue().encode()


def _joined(names: Iterable[str]) -> str:
    """Return distinct names in their order."""
    return _BETWEEN.join(dict.fromkeys(name for name in names if name))
