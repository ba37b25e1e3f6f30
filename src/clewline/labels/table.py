"""Labels as a plain table: CSV with a header, one label a row, all rows or none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from clewline.codec.networks import network_by_name
from clewline.errors import LabelFileError, UsageError
from clewline.labels.addresses import address_faults, as_shown
from clewline.labels.label import Claim, Label, Refusal, Rows, make_claim, validity

REQUIRED_COLUMNS: Final = ("address", "entity", "category", "source", "confidence")
OPTIONAL_COLUMNS: Final = ("type", "cluster", "network", "valid_from", "valid_until")

_YES: Final = frozenset({"yes", "true", "1"})
_NO: Final = frozenset({"no", "false", "0", ""})


def read_table(data: bytes, file: str, network: str) -> Rows:
    """Read a CSV of labels for addresses of one network.

    Parameters
    ----------
    data : bytes
        The file: UTF-8, with or without byte order mark; comma, double quotes, any line ends. The
        header names the columns, in any order: `REQUIRED_COLUMNS` and any of `OPTIONAL_COLUMNS`.
        Cells are text whatever they look like; an empty category is one that is not known.
    file : str
        Its name, for labels and errors.
    network : str
        Network of the store. A row that names another in ``network`` is refused.

    Returns
    -------
    Rows
        Labels in file order; refusals; notes. A caller takes a table only if nothing was refused.

    Raises
    ------
    LabelFileError
        If the file as a whole is no such table: not UTF-8, columns missing or unknown, bad quotes.

    Examples
    --------
    >>> table = b'''address,entity,category,source,confidence,cluster
    ... 1BoatSLRHtKNngkdXEeobR76b53LETtpyT,Exchange 1 (made up),exchange,made up,90,yes
    ... '''
    >>> claim = read_table(table, "labels.csv", "main").labels[0].claim
    >>> claim.category, claim.level, claim.type, claim.inherits
    ('exchange', 90, 'control', True)
    """
    rows = Rows()
    claims: dict[tuple[str, ...], Claim] = {}
    mentions = 0
    asset = network_by_name(network).coin.asset
    columns, lines = _open(data, file)
    for position, (line, cells) in enumerate(lines, start=1):
        row = dict(zip(columns, cells, strict=False))
        subject = row.get("address", "").strip()
        try:
            _check_width(cells, columns)
            _check_network(row.get("network", "").strip(), network)
            if not subject:
                raise UsageError("no address")
            key = tuple(text for name, text in row.items() if name not in ("address", "network"))
            if key not in claims:
                claims[key] = _make_claim(row)
        except UsageError as error:
            rows.refusals.append(Refusal(file, position, line, subject, error.message, error.hint))
            continue
        claim = claims[key]
        mentions += claim.type == "mention" and _is_yes(row.get("cluster", ""))
        rows.labels.append(
            Label(
                asset=asset,
                network=network,
                subject=subject,
                is_transaction=False,
                claim=claim,
                file=file,
                position=position,
                line=line,
            )
        )
    if mentions:
        rows.notes.append(
            f"{file}: {mentions} labels ask for a cluster; they are mentions and reach none"
        )
    _check_addresses(rows, network)
    return rows


def _open(data: bytes, file: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the column names and an iterator over the rows."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelFileError("not UTF-8", where=f"{file}:{line}", hint="save as UTF-8") from None
    rows = _rows(text, file)
    _, header = next(rows, (1, []))
    return _columns(header, file), rows


def _rows(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield first line and cells of each row that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise LabelFileError(f"not CSV: {error}", where=f"{file}:{line}") from None


def _columns(header: list[str], file: str) -> list[str]:
    """Check the header and return its column names."""
    columns = [name.strip().lower() for name in header]
    allowed = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    unknown = [name for name in columns if name not in allowed]
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    problem = None
    if unknown:
        problem = f"unknown column: {', '.join(map(repr, unknown))}"
    elif missing:
        problem = f"missing column: {', '.join(missing)}"
    elif len(set(columns)) != len(columns):
        problem = "a column is there twice"
    if problem:
        raise LabelFileError(
            problem,
            where=f"{file}:1",
            hint=f"needed: {', '.join(REQUIRED_COLUMNS)}; optional: {', '.join(OPTIONAL_COLUMNS)}",
        )
    return columns


def _check_width(cells: list[str], columns: list[str]) -> None:
    """Refuse a row with too few or too many cells."""
    if len(cells) != len(columns):
        raise UsageError(
            f"{len(cells)} cells where the header has {len(columns)}",
            hint="a cell that holds a comma stands in double quotes",
        )


def _check_network(given: str, network: str) -> None:
    """Refuse a row of another network than the store's."""
    if given and given != network:
        raise UsageError(f"the row is for network {given!r}, the store is for {network!r}")


def _is_yes(cell: str) -> bool:
    """Read a yes or no, no where it is empty."""
    word = cell.strip().lower()
    if word not in _YES | _NO:
        raise UsageError(f"cluster is yes or no, not {cell!r}")
    return word in _YES


def _make_claim(row: dict[str, str]) -> Claim:
    """Check the cells of a row that make its claim."""
    if not row["confidence"].strip():
        raise UsageError("no confidence", hint="a TagPack confidence id or a number from 0 to 100")
    return make_claim(
        entity=row["entity"],
        categories=[row["category"].strip()],
        source=row["source"],
        confidence_given=row["confidence"],
        type_given=row.get("type", "").strip(),
        cluster=_is_yes(row.get("cluster", "")),
        valid=validity(row.get("valid_from", ""), row.get("valid_until", "")),
    )


def _check_addresses(rows: Rows, network: str) -> None:
    """Add a refusal for each label whose subject is no address of `network`, in file order."""
    faults = address_faults([label.subject for label in rows.labels], network)
    for index, fault in faults.items():
        label = rows.labels[index]
        rows.refusals.append(
            Refusal(label.file, label.position, label.line, label.subject, fault.reason, fault.hint)
        )
    rows.labels = [
        replace(label, subject=as_shown(label.subject, network))
        for index, label in enumerate(rows.labels)
        if index not in faults
    ]
    rows.refusals.sort(key=lambda refusal: refusal.position)
