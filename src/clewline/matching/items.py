"""What is compared: an address with its chain and network, as one text.

Rows come from CSV with a header, or JSON lines: columns ``chain`` (optional where only one chain
has such an address), ``address``, and on the exchange's side ``customer``. A row that cannot be
read is reported with its line; the others go on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from clewline.errors import DataError, UsageError
from clewline.intake import read_address

_LONGEST_LINE: Final = 1 << 16
_LONGEST_ADDRESS: Final = 4_000
_GONE: Final = frozenset({"withdrawn", "retracted", "revoked", "removed", "inactive"})
"""What a list says of an address that is no longer on it; docs/SCREENING.md has the same words."""


class Row(NamedTuple):
    """A row that was read, or why it could not be.

    `withdrawn` is for lists: of an exchange's file a column ``status`` may mean anything.
    """

    line: int
    item: str
    customer: str
    address: str
    fault: str = ""
    withdrawn: bool = False


def item_of(address: str, chain: str = "") -> str:
    """Return the text that is compared.

    Parameters
    ----------
    address : str
        In any form that its chain knows.
    chain : str
        Ticker as in docs/ADDRESSES.md; may be left out where the address says it.

    Raises
    ------
    DataError
        If it is no address, not one of that chain, or one of several chains.

    Examples
    --------
    >>> item_of("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")
    'BTC/main/bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
    """
    if len(address) > _LONGEST_ADDRESS:
        raise DataError(f"an address has at most {_LONGEST_ADDRESS} characters")
    readings = [
        reading
        for reading in read_address(address.strip())
        if not chain or reading.chain.casefold() == chain.strip().casefold()
    ]
    if not readings:
        raise DataError(f"is no address of {chain}" if chain else "is no address that is known")
    chains = sorted({reading.chain for reading in readings})
    if len(chains) > 1:
        raise DataError(f"is an address of {', '.join(chains)}: name the chain")
    first = readings[0]
    return f"{first.chain}/{first.network}/{first.canonical}"


def rows_of(file: Path) -> Iterator[Row]:
    """Read rows, each with its line.

    Raises
    ------
    UsageError
        If the file cannot be read or has no column ``address``.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            if file.suffix in {".jsonl", ".ndjson"}:
                yield from (_row(number, _json(line)) for number, line in enumerate(stream, 1))
                return
            reader = csv.reader(stream)
            header = [name.strip().casefold() for name in next(reader, [])]
            if "address" not in header:
                raise UsageError(
                    "the first line names no column address; allowed are address, chain, customer",
                    where=str(file),
                )
            while True:
                # A broken quote ends a row, not the file.
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(reader.line_num, "", "", "", str(error))
                    continue
                if cells:
                    yield _row(reader.line_num, dict(zip(header, cells, strict=False)))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from None


def _json(line: str) -> dict[str, Any]:
    """Return the object on a line; nothing where there is none."""
    try:
        # A customer may be a number; it keeps its digits.
        value = (
            json.loads(line, parse_int=str, parse_float=str) if len(line) <= _LONGEST_LINE else None
        )
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _row(number: int, cells: dict[str, Any]) -> Row:
    """Read one row."""
    address, chain, customer, status = (
        value if isinstance(value := cells.get(name, ""), str) else ""
        for name in ("address", "chain", "customer", "status" if "status" in cells else "state")
    )
    gone = status.strip().casefold() in _GONE
    try:
        return Row(number, item_of(address, chain), customer, address, withdrawn=gone)
    except DataError as fault:
        return Row(number, "", customer, address, fault.message)
