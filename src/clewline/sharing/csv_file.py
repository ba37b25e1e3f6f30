"""CSV (RFC 4180), for those who open it in a spreadsheet.

The first row says what the list is (`row` = list), each other one is an item. No cell is taken for
a formula (CWE-1236): what would be is written behind an apostrophe, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from clewline.errors import SharedFileError
from clewline.sharing.item import (
    FIELDS,
    LIST_FIELDS,
    MOST_ITEMS,
    Kind,
    SharedField,
    SharedItem,
    SharedList,
    item_from_plain,
    plain,
)
from clewline.sharing.json_file import MOST_BYTES, list_from_plain, list_plain

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001
COLUMNS: Final = ("row", *(f"list_{name}" for name in LIST_FIELDS), *FIELDS)


def harmless(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet could take for a formula.

    Examples
    --------
    >>> harmless("=1+1"), harmless("0.10"), original(harmless("'=1"))
    ("'=1+1", '0.10', "'=1")
    """
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


def original(cell: str) -> str:
    """Return the cell that `harmless` was given."""
    return cell.removeprefix("'")


def write(shared: SharedList) -> bytes:
    """Return a list as CSV in UTF-8, lines ending in CR LF."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    about = {f"list_{name}": value for name, value in list_plain(shared).items()}
    for row in ({"row": "list", **about}, *({"row": "item", **plain(one)} for one in shared.items)):
        writer.writerow({name: harmless(str(value)) for name, value in row.items()})
    return out.getvalue().encode()


def read(data: bytes) -> SharedList:
    """Read what `write` wrote.

    Raises
    ------
    SharedFileError, UsageError
        If it is not; names the line.
    """
    if len(data) > MOST_BYTES:
        raise SharedFileError(f"has more than {MOST_BYTES >> 20} MiB", where="file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SharedFileError(f"is not UTF-8 at byte {error.start}", where="file") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    about: dict[str, Any] | None = None
    items: list[SharedItem] = []
    try:
        if tuple(next(reader, ())) != COLUMNS:
            raise SharedFileError("the columns are not those of a list", where="line 1")
        for cells in reader:
            where = f"line {reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise SharedFileError(
                    f"has {len(cells)} cells instead of {len(COLUMNS)}", where=where
                )
            row = {name: original(cell) for name, cell in zip(COLUMNS, cells, strict=True) if cell}
            kind = row.pop("row", "")
            if kind == "list" and about is None:
                about = {
                    name.removeprefix("list_"): _value(LIST_FIELDS, name, cell, where)
                    for name, cell in row.items()
                }
            elif kind == "item" and about is not None and len(items) < MOST_ITEMS:
                values = {name: _value(FIELDS, name, cell, where) for name, cell in row.items()}
                items.append(item_from_plain(values, where))
            else:
                raise SharedFileError(
                    f"one row of the list, then at most {MOST_ITEMS} items", where=where
                )
    except csv.Error as error:
        raise SharedFileError(f"is no CSV: {error}", where=f"line {reader.line_num}") from None
    if about is None:
        raise SharedFileError("has no row of the list", where="file")
    return list_from_plain(about, tuple(items), "line 2")


def _value(fields: Any, column: str, cell: str, where: str) -> str | int:
    """Return a cell as the field takes it."""
    one: SharedField | None = fields.get(column.removeprefix("list_"))
    if one is None:
        raise SharedFileError(f"{column} has no place in this row", where=where)
    if one.kind is not Kind.COUNT:
        return cell
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 10):
        raise SharedFileError(f"{column} is no count", where=where)
    return int(cell)
