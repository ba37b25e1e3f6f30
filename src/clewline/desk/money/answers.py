"""A filled sheet that came back: each row is matched with the row that was asked.

Problems name line and column, never what stands there: it may name a person.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clewline.desk.records.plain_text import require_text
from clewline.errors import DataError, UsageError
from clewline.reports.sheet import COLUMNS

if TYPE_CHECKING:
    from clewline.desk.money.models import RequestRow

LARGEST: Final = 5_000_000
MOST_LINES: Final = 100_000
LONGEST_CELL: Final = 1_000
FIELDS: Final = tuple(one.name.removeprefix("answer_") for one in COLUMNS if one.answer)
"""What an exchange may say of a row, without the beginning of the column's name."""
_WORDS: Final = {
    "found": "named",
    "account named": "named",
    "named": "named",
    "yes": "named",
    "not ours": "not_theirs",
    "not theirs": "not_theirs",
    "no": "not_theirs",
    "declined": "declined",
    "refused": "declined",
    "see remarks": "remarks",
}
"""What stands in the column of the status → what it means."""
_COUNTRY: Final = re.compile("[A-Z]{2}")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line, without what stands there."""

    line: int
    words: str


@dataclass(frozen=True)
class Parsed:
    """What an exchange said of one row that it was asked."""

    row: RequestRow
    status: str
    country: str
    said: dict[str, str]

    def as_text(self) -> str:
        """Return what is sealed: everything but status and country, as JSON."""
        return json.dumps(self.said, sort_keys=True, ensure_ascii=False)


def read_answers(text: str, asked: Sequence[RequestRow]) -> tuple[list[Parsed], list[Problem]]:
    """Read a filled sheet.

    Parameters
    ----------
    text : str
        CSV, parted by commas, semicolons or tabs, with the header of the sheet. Columns may be in
        another order, and those that nobody needs may be missing.
    asked : sequence of RequestRow
        The rows of the request.

    Returns
    -------
    tuple
        Answers in the order of the sheet, rows without any left out; and what is wrong by line.

    Raises
    ------
    UsageError
        If it has no header that names rows and answers, or is too large.
    """
    lines = table_of(text)
    header = [cell.strip().lower() for cell in next(lines, (0, []))[1]]
    if not {"outpoint", "reference"} & set(header) and not {"txid", "vout"} <= set(header):
        raise UsageError(
            "the first line names no column outpoint or reference",
            where="sheet",
            hint="paste the whole sheet with its header",
        )
    if not any(name.startswith("answer_") for name in header):
        raise UsageError("the first line names no answer_ column", where="sheet")
    by_name: dict[tuple[str, str], list[RequestRow]] = {}
    for row in asked:
        by_name.setdefault(("reference", row.reference), []).append(row)
        by_name.setdefault(("outpoint", row.outpoint), []).append(row)
        by_name.setdefault((row.direction, row.outpoint), []).append(row)
    found, problems, seen = [], [], set()
    for line, cells in lines:
        given = {name: plain(cell) for name, cell in zip(header, cells, strict=False)}
        if not any(given.values()):
            continue
        try:
            # The whole line: what is no text may stand across cells.
            require_text(",".join(cells), "line")
            parsed = _read(given, by_name)
        except (UsageError, DataError) as error:
            problems.append(Problem(line, f"{error.where}: {error.message}"))
            continue
        if parsed is None:
            continue
        if parsed.row.pk in seen:
            problems.append(Problem(line, "the same row a second time"))
            continue
        seen.add(parsed.row.pk)
        found.append(parsed)
    return found, problems


def table_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a pasted table with their numbers; the header first.

    Raises
    ------
    UsageError
        If it is too large or no CSV.
    """
    if len(text) > LARGEST:
        raise UsageError(f"more than {LARGEST:,} characters", where="sheet")
    text = text.lstrip("\ufeff")
    first = text.lstrip().partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if reader.line_num > MOST_LINES:
                raise UsageError(f"more than {MOST_LINES:,} lines", where="sheet")
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UsageError(f"no CSV: {error}", where=f"line {reader.line_num}") from None


def plain(cell: str) -> str:
    """Take blanks off a cell, and the apostrophe that keeps a spreadsheet from reckoning.

    Examples
    --------
    >>> plain(" '=1+1 "), plain("O'Brien")
    ('=1+1', "O'Brien")
    """
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and not cell[1:2].isalnum() else cell


def _read(given: dict[str, str], asked: dict[tuple[str, str], list[RequestRow]]) -> Parsed | None:
    """Read one line; None where it has no answer."""
    row = _row(given, asked)
    said = {name: given.get(f"answer_{name}", "") for name in FIELDS}
    for name, text in said.items():
        if len(text) > LONGEST_CELL:
            raise UsageError(f"more than {LONGEST_CELL} characters", where=f"answer_{name}")
    if not any(said.values()):
        return None
    word = " ".join(said.pop("status").lower().replace("_", " ").split())
    status = _WORDS.get(word)
    if status is None and not word:
        status = "named" if said["account_reference"] else "remarks"
    if status is None:
        raise UsageError(
            "is none of: found, not ours, declined, see remarks", where="answer_status"
        )
    if status == "named" and not said["account_reference"]:
        raise UsageError("found, but no account", where="answer_account_reference")
    country = said.pop("account_country").upper()
    if country and not _COUNTRY.fullmatch(country):
        raise UsageError("two letters, ISO 3166-1", where="answer_account_country")
    return Parsed(row, status, country, {name: text for name, text in said.items() if text})


def _row(given: dict[str, str], asked: dict[tuple[str, str], list[RequestRow]]) -> RequestRow:
    """Return the row that a line is about."""
    outpoint = given.get("outpoint") or ":".join((given.get("txid", ""), given.get("vout", "")))
    outpoint, direction = outpoint.lower(), given.get("direction", "").lower()
    reference = given.get("reference", "").upper()
    if reference:
        rows = asked.get(("reference", reference), [])
        if rows and outpoint not in (":", rows[0].outpoint):
            raise UsageError("is of another output than the reference", where="outpoint")
    else:
        rows = asked.get((direction or "outpoint", outpoint), [])
    if not rows:
        raise UsageError("was not asked in this request", where="outpoint")
    if len(rows) > 1:
        raise UsageError("asked in both directions: name the reference", where="outpoint")
    return rows[0]
