"""Lists of other tools: columns are named by a person, rows are read one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils.translation import gettext_lazy as _

from clewline.desk.money.answers import Problem, plain, table_of
from clewline.desk.records.plain_text import require_text
from clewline.errors import DataError, UsageError

FIELDS: Final = {
    "outpoint": _("Output (txid:index)"),
    "txid": _("Transaction"),
    "vout": _("Index of the output"),
    "address": _("Address"),
    "time": _("Time (UTC)"),
    "amount_btc": _("Amount in BTC"),
    "amount_sat": _("Amount in satoshi"),
    "counterparty": _("Counterparty, as the tool names it"),
    "category": _("Category, as the tool names it"),
    "remark": _("Remark"),
}
"""What a column of a list may be → for people."""
_LONGEST: Final = {"address": 200, "counterparty": 200, "category": 80, "remark": 400}
_TXID: Final = re.compile("[0-9a-f]{64}")
_OUTPOINT: Final = re.compile("[0-9a-f]{64}:[0-9]{1,7}")
_TIMES: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d.%m.%Y %H:%M", "%d.%m.%Y")
_MOST: Final = 21_000_000 * 10**8


@dataclass(frozen=True)
class ListRow:
    """A row of another tool's list."""

    line: int
    outpoint: str
    txid: str
    address: str
    moved_at: datetime | None
    amount: int | None
    counterparty: str
    category: str
    remark: str


def header_of(text: str) -> list[str]:
    """Return the columns of a pasted list.

    Raises
    ------
    UsageError
        If there is none, two have one name, or it is no CSV.
    """
    header = [cell.strip() for cell in next(table_of(text), (0, []))[1]]
    if len(header) < 2 or len(set(header)) < len(header) or len(header) > 200:
        raise UsageError("the first line names the columns, each once", where="list")
    for name in header:
        require_text(name, "list")
    return header


def first_row(text: str) -> list[str]:
    """Return the first row under the header, to be shown beside it."""
    rows = table_of(text)
    next(rows, None)
    return next(rows, (0, []))[1]


def guess(header: list[str]) -> dict[str, str]:
    """Propose which column is what, by its name.

    Examples
    --------
    >>> guess(["Tx hash", "Address", "Date", "BTC", "Exchange name"])["counterparty"]
    'Exchange name'
    """
    found: dict[str, str] = {}
    for column in header:
        words = re.sub("[^a-z0-9]+", " ", column.lower())
        for field, hints in _HINTS:
            if field not in found and any(hint in words for hint in hints):
                found[field] = column
                break
    return found


_HINTS: Final = (
    ("outpoint", ("outpoint", "utxo")),
    ("vout", ("vout", "output index", "index")),
    ("txid", ("txid", "tx hash", "transaction", "hash")),
    ("address", ("address",)),
    ("time", ("time", "date")),
    ("amount_sat", ("satoshi", "sats")),
    ("amount_btc", ("btc", "amount", "value")),
    ("category", ("category", "type")),
    ("counterparty", ("exchange", "counterparty", "entity", "service", "name")),
    ("remark", ("remark", "note", "comment")),
)


def read_list(text: str, columns: dict[str, str]) -> tuple[list[ListRow], list[Problem]]:
    """Read a list; a row that is wrong stops no other.

    Parameters
    ----------
    text : str
        CSV with a header.
    columns : dict of str to str
        Field of `FIELDS` → column.

    Raises
    ------
    UsageError
        If the columns are not the list's, or name neither output, transaction nor address.
    """
    lines = table_of(text)
    header = [cell.strip() for cell in next(lines, (0, []))[1]]
    if unknown := (set(columns) - set(FIELDS)) | (set(columns.values()) - set(header)):
        raise UsageError("no such column", where="columns", hint=f"{len(unknown)} are unknown")
    if not {"outpoint", "txid", "address"} & set(columns):
        raise UsageError("name the column of output, transaction or address", where="columns")
    found, problems = [], []
    for line, cells in lines:
        given = {name: plain(cell) for name, cell in zip(header, cells, strict=False)}
        try:
            require_text(",".join(cells), "line")
            found.append(_read(line, {f: given.get(c, "") for f, c in columns.items()}))
        except (UsageError, DataError) as error:
            problems.append(Problem(line, f"{error.where}: {error.message}"))
    return found, problems


def _read(line: int, cells: dict[str, str]) -> ListRow:
    """Read one row."""
    for field, most in _LONGEST.items():
        if len(cells.get(field, "")) > most:
            raise UsageError(f"more than {most} characters", where=field)
    txid, outpoint = cells.get("txid", "").lower(), cells.get("outpoint", "").lower()
    if txid and not _TXID.fullmatch(txid):
        raise UsageError("64 hex digits", where="txid")
    if not outpoint and txid and cells.get("vout"):
        outpoint = f"{txid}:{cells['vout']}"
    if outpoint and not _OUTPOINT.fullmatch(outpoint):
        raise UsageError("64 hex digits, a colon, an index", where="outpoint")
    if not (outpoint or txid or cells.get("address")):
        raise UsageError("neither output, transaction nor address", where="row")
    return ListRow(
        line=line,
        outpoint=outpoint,
        txid=txid or outpoint.partition(":")[0],
        address=cells.get("address", ""),
        moved_at=_time(cells.get("time", "")),
        amount=_amount(cells),
        counterparty=cells.get("counterparty", ""),
        category=cells.get("category", ""),
        remark=cells.get("remark", ""),
    )


def _time(cell: str) -> datetime | None:
    """Return a time in UTC."""
    if not cell:
        return None
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        for form in _TIMES:
            try:
                moment = datetime.strptime(cell, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            break
        else:
            raise UsageError("no time such as 2026-01-31 12:00", where="time") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UsageError("no time such as 2026-01-31 12:00", where="time") from None


def _amount(cells: dict[str, str]) -> int | None:
    """Return satoshi, exactly."""
    for field, factor in (("amount_sat", 1), ("amount_btc", 10**8)):
        if cell := cells.get(field, ""):
            try:
                exact = Decimal(cell.replace(" ", "").replace("BTC", "")) * factor
            except InvalidOperation:
                exact = Decimal(-1)
            if not exact.is_finite() or exact != int(exact) or not 0 <= exact <= _MOST:
                raise UsageError("no amount of bitcoin, such as 0.00150000", where=field)
            return int(exact)
    return None
