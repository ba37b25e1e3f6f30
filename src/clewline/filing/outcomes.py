"""What was done with an account after a reviewed hit: a ledger, and what it warns of.

An outcome is appended, never changed. Two orders of events are warned of, because they undo an
investigation: an account that is closed before the report, and one that is closed while an
authority asked to keep it open. A warning does not stop anybody; it is written down with the
outcome.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from clewline.errors import DataError, UsageError
from clewline.journal import Journal
from clewline.reports.sheet import harmless

_LONGEST: Final = 2_000
_LONGEST_NAME: Final = 120


@dataclass(frozen=True)
class Outcome:
    """A kind of outcome.

    Attributes
    ----------
    name : str
        As it stands in the ledger.
    help : str
        What it says.
    ends : bool
        Whether the customer loses the account.
    closes_alert : bool
        Whether nothing more is to be done with the alert.
    """

    name: str
    help: str
    ends: bool = False
    closes_alert: bool = False


OUTCOMES: Final = {
    one.name: one
    for one in (
        Outcome("reported", "A report was filed with the authority; `reference` is its number."),
        Outcome(
            "keep_open",
            "An authority asked to keep the account open; `reference` is its letter.",
        ),
        Outcome("restricted", "The account can no longer do some things."),
        Outcome("closed", "The account was closed.", ends=True, closes_alert=True),
        Outcome(
            "merchant_ended",
            "The business relation with a merchant was ended.",
            ends=True,
            closes_alert=True,
        ),
        Outcome("no_action", "Reviewed, nothing done; `reason` says why.", closes_alert=True),
    )
}
"""Every outcome by name."""

SAFEGUARDING: Final = (
    "Before the customer is told: people who learn of such a suspicion are at a raised risk of "
    "suicide, from the first hours on. Do not give the reason for the exit. Have a trained person "
    "make the contact, give the number of a crisis line of the customer's country, and call the "
    "emergency services where somebody says that they will harm themselves. Where a child may be "
    "at risk, tell the authority first."
)
"""Shown wherever an account ends."""


@dataclass(frozen=True)
class Entry:
    """One row of the ledger.

    Attributes
    ----------
    alert, customer : str
        References of the exchange's own; no names.
    outcome : str
        A key of `OUTCOMES`.
    at : str
        ISO 8601, UTC.
    by : str
        Who decided.
    reason : str
        Why, in words for an examiner.
    reference : str
        Number of a report or letter; empty where there is none.
    until : str
        Day until which an account is to be kept open, YYYY-MM-DD; empty: until told otherwise.
    warnings : tuple of str
        What was warned of when it was entered.
    """

    alert: str
    customer: str
    outcome: str
    at: str
    by: str
    reason: str
    reference: str = ""
    until: str = ""
    warnings: tuple[str, ...] = ()


class OutcomeLedger:
    """The outcomes of one exchange.

    Parameters
    ----------
    file : Path
        A journal; made with the first entry.
    """

    def __init__(self, file: Path) -> None:
        self._journal = Journal(file)

    def record(self, entry: Entry) -> Entry:
        """Append an outcome.

        Returns
        -------
        Entry
            As it was written, with what it was warned of.

        Raises
        ------
        UsageError
            If a field is missing, too long or none that is allowed.
        DataError
            If the ledger was changed.
        """
        _check(entry)
        told = tuple(self.warnings(entry))
        self._journal.write(
            entry.at,
            entry.outcome,
            alert=entry.alert,
            customer=entry.customer,
            by=entry.by,
            reason=entry.reason,
            reference=entry.reference,
            until=entry.until,
            warnings="\n".join(told),
        )
        return Entry(**{**vars(entry), "warnings": told})

    def read(self) -> Iterator[Entry]:
        """Yield every entry, oldest first.

        Raises
        ------
        DataError
            At the first line that was changed.
        """
        for event in self._journal.read():
            try:
                yield Entry(
                    alert=event["alert"],
                    customer=event["customer"],
                    outcome=event["event"],
                    at=event["at"],
                    by=event["by"],
                    reason=event["reason"],
                    reference=event["reference"],
                    until=event["until"],
                    warnings=tuple(filter(None, event["warnings"].split("\n"))),
                )
            except KeyError as missing:
                raise DataError(f"has no {missing}", where=str(self._journal.file)) from None

    def warnings(self, entry: Entry) -> Iterator[str]:
        """Yield what speaks against entering this outcome now, in words."""
        if not OUTCOMES[entry.outcome].ends:
            return
        earlier = [one for one in self.read() if one.customer == entry.customer]
        if not any(one.outcome == "reported" for one in earlier):
            yield (
                "the account ends before any report on this customer: the authority learns of it "
                "when the money is gone and the customer is warned"
            )
        # Of one letter the last entry counts; two authorities may have asked.
        asked = {one.reference: one for one in earlier if one.outcome == "keep_open"}
        for one in asked.values():
            if not one.until or entry.at[:10] <= one.until:
                until = one.until or "it says otherwise"
                yield f"an authority asked to keep the account open until {until}: {one.reference}"

    def closed_alerts(self) -> list[dict[str, str]]:
        """Return what an examiner asks for: alerts that are closed, with every step and reason.

        Returns
        -------
        list of dict
            A row an outcome of such an alert, in the order of alerts and time.
        """
        entries = list(self.read())
        closed = {one.alert for one in entries if OUTCOMES[one.outcome].closes_alert}
        rows = [_row(one) for one in entries if one.alert in closed]
        return sorted(rows, key=lambda row: (row["alert"], row["at"]))


def as_csv(rows: Iterable[dict[str, str]]) -> str:
    """Return rows as CSV in which no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*_COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


_COLUMNS: Final = (
    *("alert", "customer", "at", "outcome", "reason", "by", "reference", "until", "warnings"),
)


def _row(entry: Entry) -> dict[str, str]:
    """Return an entry as a row."""
    values: dict[str, Any] = vars(entry) | {"warnings": "; ".join(entry.warnings)}
    return {name: values[name] for name in _COLUMNS}


def _check(entry: Entry) -> None:
    """Refuse an entry that says too little, or what nobody understands."""
    if entry.outcome not in OUTCOMES:
        raise UsageError(f"no outcome {entry.outcome!r}; there are: {', '.join(OUTCOMES)}")
    for name in ("alert", "customer", "by", "reason"):
        most = _LONGEST if name == "reason" else _LONGEST_NAME
        if not 0 < len(getattr(entry, name).strip()) <= most:
            raise UsageError(f"has 1 to {most} characters", where=name)
    if len(entry.reference) > _LONGEST_NAME:
        raise UsageError(f"has at most {_LONGEST_NAME} characters", where="reference")
    if entry.outcome in {"reported", "keep_open"} and not entry.reference.strip():
        raise UsageError("names the report or the letter", where="reference")
    try:
        moment = datetime.fromisoformat(entry.at)
        if entry.until:
            datetime.strptime(entry.until, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("is no time in ISO 8601", where="at, until") from None
    if moment.utcoffset() is None:
        raise UsageError("says its offset from UTC", where="at")
