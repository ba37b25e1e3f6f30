"""Roll-up by customer: which role each plays towards a listed entity, with the reasons.

METHODS §5 rules here. Only a direct payment to an address whose control is established counts as a
purchase; to a mention it is a lead. Money that came or went over others is a lead as well. There
is no threshold: typical payments are small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from clewline.screening.lines import Screened
from clewline.screening.rows import NO_TIME, Fault, Rows, times_of
from clewline.screening.running import Screener, direction_of
from clewline.screening.watchlist import Entry

SHOWN: Final = 10
"""Transfers of a role that an answer names; it counts them all."""

_MOST_DIGITS: Final = 100
_EXACT: Final = Context(prec=3 * _MOST_DIGITS)
"""Sums of amounts are exact; what has more digits is no amount."""


class Role(StrEnum):
    """What a customer is towards a listed entity."""

    PAID = "paid"
    WAS_PAID = "was paid"
    CASH_OUT = "cash-out"
    MERCHANT = "merchant"
    EXPOSED = "exposed"

    @property
    def meaning(self) -> str:
        """Return what the word stands for.

        Examples
        --------
        >>> Role.PAID.meaning
        'transfers went from the customer to a listed address'
        """
        return _MEANINGS[self]


_MEANINGS: Final = {
    Role.PAID: "transfers went from the customer to a listed address",
    Role.WAS_PAID: "a listed address paid the customer, no more than the customer had paid it: a "
    "refund looks like this",
    Role.CASH_OUT: "a listed address, or one of its cluster, paid the customer more than the "
    "customer paid it, or money of it came over others (a lead): an operator who cashes out looks "
    "like this",
    Role.MERCHANT: "an address that the exchange gave the customer is listed: the customer accepts "
    "payments for the entity, or the address was another's before",
    Role.EXPOSED: "the other side of a transfer has had money of a listed entity, or paid it",
}
ALTERNATIVES: Final = {
    Role.PAID: "the address may have been another's then; the account may be a mule's or stolen",
    Role.WAS_PAID: "a refund; dusting, which anybody can send to anybody",
    Role.CASH_OUT: "a refund of a payment from elsewhere; dusting; a service of its own",
    Role.MERCHANT: "a deposit address assigned anew; a page may print anybody's address",
    Role.EXPOSED: "whoever stands between decided; haircut mixes the money of strangers",
}
"""What else each role may be: said with it (METHODS §5)."""


@dataclass
class _Tally:
    """Transfers between one customer and one entity, of one kind."""

    entries: dict[tuple[str, ...], Entry] = field(default_factory=dict)
    transfers: int = 0
    purchases: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    unread: int = 0
    first: int | None = None
    last: int | None = None
    ids: list[str] = field(default_factory=list)

    def add(self, asset: str, value: str, time: int, id_: str) -> None:
        """Count one transfer."""
        self.transfers += 1
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and abs(amount.adjusted()) < _MOST_DIGITS:
            self.sums[asset] = _EXACT.add(self.sums.get(asset, Decimal(0)), amount)
        else:
            self.unread += 1
        if time != NO_TIME:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)
        if len(self.ids) < SHOWN:
            self.ids.append(id_)


@dataclass(frozen=True)
class Finding:
    """One role of one customer: what a reviewer decides about.

    Attributes
    ----------
    item : str
        Names it: customer, role, entity, and the labels as they are now. Other labels, other item.
    customer : str
        As the rows name it.
    role : Role
        What it is.
    level : {"hit", "lead"}
        A lead rests on a mention, or on money that went over others.
    entity, category, label_set, type : str
        Of the labels.
    transfers, purchases : int
        A purchase is a transfer to an address whose control is established.
    sums : dict of str to str
        By asset as the rows name it, else by what they name as chain, else by chain: amounts of a
        token and of its chain's coin are never added.
    unread : int
        Transfers whose amount is no number.
    first, last : int or None
        UTC seconds.
    ids : tuple of str
        The first transfers.
    reason : str
        A sentence.
    """

    item: str
    customer: str
    role: Role
    level: str
    entity: str
    category: str
    label_set: str
    type: str
    transfers: int
    purchases: int
    sums: dict[str, str]
    unread: int
    first: int | None
    last: int | None
    ids: tuple[str, ...]
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, in the order in which it is shown."""
        return {
            "item": self.item,
            "customer": self.customer,
            "role": self.role.value,
            "level": self.level,
            "entity": self.entity,
            "category": self.category,
            "set": self.label_set,
            "type": self.type,
            "transfers": self.transfers,
            "purchases": self.purchases,
            "sums": self.sums,
            "unread": self.unread,
            "first": self.first,
            "last": self.last,
            "ids": list(self.ids),
            "reason": self.reason,
            "alternatives": ALTERNATIVES[self.role],
        }


_Key = tuple[str, str, str, str, str]  # customer, entity, category, set, type


class RollUp:
    """Gathers hits by customer; memory grows with hits, not with rows.

    Parameters
    ----------
    screener : Screener
        What is looked for.
    """

    def __init__(self, screener: Screener) -> None:
        self._screener = screener
        self._tallies: dict[tuple[_Key, str], _Tally] = {}

    def add(self, rows: Rows) -> tuple[Screened, list[Fault]]:
        """Screen a batch of transfers and gather what it hits.

        Parameters
        ----------
        rows : Rows
            With ``customer``; with ``own``, the customer's own addresses are looked up as well.

        Returns
        -------
        screened : Screened
            The counterparties.
        faults : list of Fault
            What is to be reported of lines.
        """
        screened, faults = self._screener.screen(rows)
        self._gather(screened, "other")
        if "own" in rows.cells:
            own = Rows(rows.line, {**rows.cells, "address": rows.cells["own"]}, [], rows.end)
            empty = own.cells["address"].begins == own.cells["address"].ends
            mine, _said = self._screener.direct_only(own.without(empty))
            self._gather(mine, "own")
        return screened, faults

    def _gather(self, screened: Screened, side: str) -> None:
        """Count the hits of a batch."""
        if not screened.hits:
            return
        rows = screened.rows
        wanted = sorted(screened.hits)
        times = times_of(rows.cells["time"])[0] if "time" in rows.cells else None
        for row in wanted:
            customer = rows.cells["customer"].text(row) if "customer" in rows.cells else ""
            value = rows.cells["value"].text(row) if "value" in rows.cells else ""
            asset = _asset(rows, row) or screened.chains[screened.kind[row]]
            time = NO_TIME if times is None else int(times[row])
            for hit in screened.hits[row]:
                entries = hit.get("entries", ())
                moved = direction_of(rows, row)
                # Money that a deposit brought from there over others, and all else that is tied.
                over = "brought" if moved == "from" == hit["direction"] else "exposed"
                where = moved if entries else over
                kind = side if side == "own" else where
                key = (customer, hit["entity"], str(hit["category"]), hit["set"], hit["type"])
                tally = self._tallies.setdefault((key, kind), _Tally())
                tally.entries |= {entry.key: entry for entry in entries}
                tally.add(asset, value, time, screened.id_of(row))
                tally.purchases += kind == "to" and hit["type"] == "control"

    def findings(self) -> Iterator[Finding]:
        """Yield each role of each customer, by customer, hits before leads."""
        found = [self._finding(key, kind, tally) for (key, kind), tally in self._tallies.items()]
        yield from sorted(
            found,
            key=lambda one: (one.customer, one.level != "hit", one.entity, one.role, one.item),
        )

    def _finding(self, key: _Key, kind: str, tally: _Tally) -> Finding:
        """Return what one tally means."""
        customer, entity, category, label_set, type_ = key
        role = self._role(key, kind, tally)
        over = kind in ("exposed", "brought")
        control = type_ == "control" and not over
        labels = hashlib.sha256()
        for entry in sorted(tally.entries):
            labels.update("\t".join(entry).encode() + b"\n")
        about = "\n".join((customer, role.value, entity, category, label_set, labels.hexdigest()))
        shown = (
            "an address that it is said to control" if control else "an address that a page shows"
        )
        count = f"{tally.transfers} transfer{'s' if tally.transfers != 1 else ''}"
        reasons = {
            Role.PAID: f"{count} to {entity}: {shown}",
            Role.WAS_PAID: f"{count} from {entity}, no more than was paid to it: {shown}",
            Role.CASH_OUT: f"{count} that brought money of {entity} over others"
            if over
            else f"{count} from {entity}, more than was paid to it: {shown}",
            Role.MERCHANT: f"{count} at an own address that is listed for {entity}: {shown}",
            Role.EXPOSED: f"{count} tied to {entity} over others",
        }
        return Finding(
            item=hashlib.sha256(about.encode()).hexdigest()[:20],
            customer=customer,
            role=role,
            level="hit" if control else "lead",
            entity=entity,
            category=category,
            label_set=label_set,
            type=type_,
            transfers=tally.transfers,
            purchases=tally.purchases,
            sums={asset: format(amount, "f") for asset, amount in sorted(tally.sums.items())},
            unread=tally.unread,
            first=tally.first,
            last=tally.last,
            ids=tuple(tally.ids),
            reason=reasons[role],
        )

    def _role(self, key: _Key, kind: str, tally: _Tally) -> Role:
        """Return the role that transfers of a kind make."""
        if kind == "own":
            return Role.MERCHANT
        if kind == "exposed":
            return Role.EXPOSED
        if kind == "brought":
            return Role.CASH_OUT
        if kind != "from":
            return Role.PAID
        paid = self._tallies.get((key, "to"), _Tally())
        more = any(
            amount > paid.sums.get(asset, Decimal(0)) for asset, amount in tally.sums.items()
        )
        return Role.CASH_OUT if more or (tally.unread and not paid.transfers) else Role.WAS_PAID


def _asset(rows: Rows, row: int) -> str:
    """Return what a row says that its amount is of; empty where it says nothing."""
    said = (rows.cells[role].text(row) for role in ("asset", "chain") if role in rows.cells)
    return next((word.upper() for word in said if word), "")


def customers_in(findings: Iterable[Finding], role: Role, level: str = "hit") -> set[str]:
    """Return the customers who have a role at a level.

    Examples
    --------
    >>> customers_in([], Role.PAID)
    set()
    """
    return {one.customer for one in findings if one.role is role and one.level == level}
