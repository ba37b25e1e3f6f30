"""What a draft is made of: one JSON file with what was seen, how, and by whom it was reviewed.

The file is read strictly: an unknown key is an error, so that nothing is left out of a report
without anybody noticing. docs/FILING.md lists the keys.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from clewline.errors import DataError, UsageError

_LARGEST: Final = 16 << 20
_LONGEST: Final = 4_000
_EXACT: Final = Context(prec=60)
"""Sums of amounts are exact."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_AMOUNT: Final = re.compile(r"\d{1,20}(\.\d{1,18})?")
_TXID: Final = re.compile(r"[0-9a-f]{64}|0x[0-9a-f]{64}")

ROLES: Final = {
    "paid": "sent money to a listed address",
    "was_paid": "received money from a listed address",
    "cash_out": "received money of a listed operator",
    "merchant": "accepts payments for a listed operator",
}
"""Role of a customer → in words."""
DIRECTIONS: Final = ("from_customer", "to_customer")
LINKS: Final = ("direct", "indirect")
STANDINGS: Final = ("control", "mention")


@dataclass(frozen=True)
class Transfer:
    """One transfer of the customer.

    Attributes
    ----------
    reference : str
        The exchange's own number of it.
    time : str
        ISO 8601, UTC.
    asset, amount : str
        Ticker, decimal number.
    direction : str
        One of `DIRECTIONS`.
    address : str
        The other side.
    link : str
        One of `LINKS`: whether that address is itself listed.
    standing : str
        One of `STANDINGS`: what the list says of the listed address.
    txid, output : str, int or None
        Where on the chain; empty for a transfer that has not settled.
    hops : int
        Transactions to the listed address; 1 is direct.
    fiat_amount, fiat_currency, rate_source : str
        What it was worth, in what, by whose rate; empty where not known.
    """

    reference: str
    time: str
    asset: str
    amount: str
    direction: str
    address: str
    link: str
    standing: str
    txid: str = ""
    output: int | None = None
    hops: int = 1
    fiat_amount: str = ""
    fiat_currency: str = ""
    rate_source: str = ""

    def check(self, where: str) -> None:
        """Refuse what is no transfer; names the field."""
        _one_of(self.direction, DIRECTIONS, f"{where}, direction")
        _one_of(self.link, LINKS, f"{where}, link")
        _one_of(self.standing, STANDINGS, f"{where}, standing")
        _time(self.time, f"{where}, time")
        for name in ("amount", "fiat_amount"):
            text = getattr(self, name)
            if not _AMOUNT.fullmatch(text) and not (name == "fiat_amount" and not text):
                raise DataError(f"{text!r} is no decimal number", where=f"{where}, {name}")
        if self.txid and not _TXID.fullmatch(self.txid):
            raise DataError("is no transaction id in lower case", where=f"{where}, txid")
        if self.fiat_amount and not (self.fiat_currency and self.rate_source):
            raise DataError("needs fiat_currency and rate_source", where=f"{where}, fiat_amount")
        if self.hops < 1 or (self.link == "direct") != (self.hops == 1):
            raise DataError("is 1 where the link is direct, more where not", where=f"{where}, hops")


@dataclass(frozen=True)
class Facts:
    """All that a draft says.

    Attributes
    ----------
    alert, customer : str
        References of the exchange's own.
    role : str
        A key of `ROLES`.
    institution : dict
        ``name`` and what else the report asks for.
    transfers : tuple of Transfer
        At least one.
    list_version, list_issuer, list_as_of : str
        Which list the customer was screened against, whose, as of which day.
    method, tip : str
        How it was screened; height and hash of the chain's tip, empty where none was used.
    reviewed_by : tuple of str
        Two people or more.
    review_reason : str
        Why they think that it is to be reported.
    known : tuple of str
        Further facts, a sentence each.
    not_known : tuple of str
        What was looked for and not found, or not looked for.
    actions : tuple of str
        What was done with the account.
    indicators : tuple of str
        Indicators of the regime, such as code words of an FIU.
    customer_details : dict
        Fields of a goAML person or account, as the FIU's schema names them; never in a narrative.
    """

    alert: str
    customer: str
    role: str
    institution: dict[str, Any]
    transfers: tuple[Transfer, ...]
    list_version: str
    list_issuer: str
    list_as_of: str
    method: str
    reviewed_by: tuple[str, ...]
    review_reason: str
    tip: str = ""
    known: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    customer_details: dict[str, Any] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Refuse what cannot be reported; names the field."""
        _one_of(self.role, tuple(ROLES), f"{where}, role")
        if not self.transfers:
            raise DataError("has at least one", where=f"{where}, transfers")
        if len({one.strip().casefold() for one in self.reviewed_by} - {""}) < 2:
            raise DataError("names two different people", where=f"{where}, reviewed_by")
        if not str(self.institution.get("name", "")).strip():
            raise DataError("has a name", where=f"{where}, institution")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", self.list_as_of):
            raise DataError("is a day, YYYY-MM-DD", where=f"{where}, list_as_of")
        seen: set[str] = set()
        for number, transfer in enumerate(self.transfers, 1):
            transfer.check(f"{where}, transfer {number}")
            if transfer.reference in seen:
                raise DataError("stands there twice", where=f"{where}, {transfer.reference}")
            seen.add(transfer.reference)

    def total(self, direction: str) -> dict[str, Decimal]:
        """Return the sum of one direction by asset, and by fiat currency where it is known."""
        sums: dict[str, Decimal] = {}
        for one in self.transfers:
            if one.direction == direction:
                amounts = [(one.asset, one.amount)]
                amounts += [(one.fiat_currency, one.fiat_amount)] if one.fiat_amount else []
                for name, amount in amounts:
                    sums[name] = _EXACT.add(sums.get(name, Decimal(0)), Decimal(amount))
        return sums


T = TypeVar("T", Facts, Transfer)


def read_facts(file: Path) -> Facts:
    """Read the facts of a draft.

    Raises
    ------
    UsageError
        If the file cannot be read.
    DataError
        If it is no such JSON, has a key that is not known, or a value that cannot be; says where.
    """
    where = str(file)
    try:
        if file.stat().st_size > _LARGEST:
            raise DataError(f"longer than {_LARGEST} bytes", where=where)
        value = json.loads(file.read_bytes(), object_pairs_hook=_once, parse_float=_no_float)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=where) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}", where=where) from None
    if not isinstance(value, dict):
        raise DataError("is no object", where=where)
    rows = value.get("transfers")
    if not isinstance(rows, list):
        raise DataError("is no list", where=f"{where}, transfers")
    transfers = tuple(
        _made(Transfer, row, f"{where}, transfer {number}") for number, row in enumerate(rows, 1)
    )
    facts = _made(Facts, {**value, "transfers": transfers}, where)
    facts.check(where)
    return facts


def _made(kind: type[T], value: Any, where: str) -> T:
    """Make a record of a JSON object, its keys and types as the record has them."""
    if not isinstance(value, dict):
        raise DataError("is no object", where=where)
    table = {one.name: one for one in fields(kind)}
    for key in value:
        if key not in table:
            raise DataError(f"no key {key!r}; there are: {', '.join(table)}", where=where)
    found: dict[str, Any] = {}
    for name, one in table.items():
        if name not in value:
            if one.default is MISSING and one.default_factory is MISSING:
                raise DataError("is missing", where=f"{where}, {name}")
            continue
        found[name] = _typed(value[name], str(one.type), f"{where}, {name}")
    return kind(**found)


def _typed(value: Any, kind: str, where: str) -> Any:
    """Return a value that has the type of its field."""
    if kind == "str" and isinstance(value, str) and len(value) <= _LONGEST:
        return _printed(value, where)
    if kind.startswith("int") and type(value) is int and 0 <= value < 1 << 53:
        return value
    if kind == "tuple[str, ...]" and isinstance(value, list):
        return tuple(_typed(one, "str", where) for one in value)
    if kind == "tuple[Transfer, ...]" or (kind.startswith("dict") and isinstance(value, dict)):
        return _printed(value, where)
    raise DataError(f"is no {kind.partition('[')[0]} of bounded length", where=where)


def _printed(value: Any, where: str) -> Any:
    """Return a value whose texts all print, at every depth."""
    if isinstance(value, str):
        if any(not letter.isprintable() and letter != "\n" for letter in value):
            raise DataError("holds characters that do not print", where=where)
    elif isinstance(value, dict | list):
        for one in [*value, *(value.values() if isinstance(value, dict) else ())]:
            _printed(one, where)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys each stand there once."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands there twice")
    return made


def _no_float(text: str) -> Any:
    """Refuse amounts that a computer would round."""
    raise ValueError(f"{text} is written as text, in quotes")


def _one_of(value: str, allowed: tuple[str, ...], where: str) -> None:
    """Refuse a word that is not in the list."""
    if value not in allowed:
        raise DataError(f"{value!r} is none of {', '.join(allowed)}", where=where)


def _time(text: str, where: str) -> None:
    """Refuse what is no time in UTC, written in one way so that texts sort as times."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{text!r} is no time such as 2026-02-01T10:00:00Z", where=where) from None
    if moment.utcoffset() != timedelta(0):
        raise DataError(f"{text!r} is not in UTC", where=where)
