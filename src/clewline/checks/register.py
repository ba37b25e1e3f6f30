"""What was registered, and the alerts on it: one SQLite file.

A registration is on disk before it is answered, and waits there until it is screened, so a service
that was killed goes on with it. The same reference of the same user is one registration, however
often it is sent.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS registered (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  user TEXT NOT NULL,
  reference TEXT NOT NULL,
  network TEXT NOT NULL,
  asset TEXT NOT NULL,
  address TEXT NOT NULL,
  direction TEXT NOT NULL,
  amount TEXT NOT NULL,
  happened_at TEXT NOT NULL,
  registered_at TEXT NOT NULL,
  result TEXT NOT NULL DEFAULT '',
  list_version TEXT NOT NULL DEFAULT '',
  tip TEXT NOT NULL DEFAULT '',
  screened_at TEXT NOT NULL DEFAULT '',
  UNIQUE (kind, user, reference)
) STRICT;
CREATE INDEX IF NOT EXISTS registered_waiting ON registered (id) WHERE result = '';
CREATE INDEX IF NOT EXISTS registered_address ON registered (address);
CREATE TABLE IF NOT EXISTS alert (
  id TEXT PRIMARY KEY,
  registered TEXT NOT NULL REFERENCES registered (id),
  level TEXT NOT NULL,
  category TEXT NOT NULL,
  service TEXT NOT NULL,
  exposure TEXT NOT NULL,
  direction TEXT NOT NULL,
  amount TEXT NOT NULL,
  share TEXT NOT NULL,
  hops INTEGER NOT NULL,
  label_set TEXT NOT NULL,
  reason TEXT NOT NULL,
  list_version TEXT NOT NULL,
  raised_at TEXT NOT NULL,
  withdrawn_at TEXT NOT NULL DEFAULT '',
  UNIQUE (registered, service, category, exposure, direction, label_set)
) STRICT;
"""
_RAISE: Final = """
INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')
ON CONFLICT (id) DO UPDATE SET
  level = excluded.level, amount = excluded.amount, share = excluded.share, hops = excluded.hops,
  reason = excluded.reason, list_version = excluded.list_version, withdrawn_at = '',
  raised_at = iif(withdrawn_at <> '' OR level <> excluded.level, excluded.raised_at, raised_at)
WHERE withdrawn_at <> '' OR (level, amount, share, hops, reason) IS NOT
  (excluded.level, excluded.amount, excluded.share, excluded.hops, excluded.reason)
"""
GRAVEST_FIRST: Final = ("SEVERE", "HIGH", "MEDIUM", "LOW")
"""Levels of alerts, gravest first."""
_SPACE: Final = uuid.UUID("b3f5a0de-6a53-5c0e-9d0a-1f7e6a2c9d41")
"""Namespace of the names from which ids follow (RFC 9562, section 5.5)."""


@dataclass(frozen=True)
class Registration:
    """What is registered.

    Attributes
    ----------
    kind : str
        ``transfer``, ``withdrawal`` or ``address``.
    user : str
        The exchange's reference of its customer; no name. Empty for an address.
    reference : str
        The exchange's reference of what it registers.
    network, asset : str
        As given; the address decides where both leave it open.
    address : str
        The other side.
    direction : str
        ``sent``, ``received``, or empty for an address.
    amount : str
        Decimal number, or empty.
    happened_at : str
        ISO 8601, UTC, or empty.
    """

    kind: str
    user: str
    reference: str
    network: str
    asset: str
    address: str
    direction: str = ""
    amount: str = ""
    happened_at: str = ""

    @property
    def id(self) -> str:
        """The id that answers name, the same for the same reference of the same user."""
        name = "\x00".join((self.kind, self.user, self.reference))
        return str(uuid.uuid5(_SPACE, name))


@dataclass(frozen=True)
class Alert:
    """What screening found on a registration.

    Attributes
    ----------
    registered : str
        Id of the registration.
    level : str
        See `clewline.checks.judging.LEVELS`.
    category, service, label_set : str
        Of the label.
    exposure : str
        ``DIRECT`` or ``INDIRECT``.
    direction : str
        ``SENT`` or ``RECEIVED``; of an address the way that money went.
    amount, share : str
        What of it.
    hops : int
        Transactions in between; 0 for the listed address itself.
    reason : str
        Why, in words.
    """

    registered: str
    level: str
    category: str
    service: str
    label_set: str
    exposure: str
    direction: str
    amount: str
    share: str
    hops: int
    reason: str

    @property
    def id(self) -> str:
        """The id of the alert, the same however often it is found."""
        parts = (self.service, self.category, self.exposure, self.direction, self.label_set)
        return str(uuid.uuid5(uuid.UUID(self.registered), "\x00".join(parts)))


class Register:
    """The file of registrations; one connection, for one thread at a time.

    Parameters
    ----------
    file : Path
        Made if it is missing.
    """

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        # Write-ahead, and each commit synced: what was answered is on disk.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def add(self, rows: Sequence[Registration], at: str) -> list[bool]:
        """Write registrations; return which of them are the first of their reference.

        A second one of a reference changes nothing, whatever it says.
        """
        fresh = []
        for row in rows:
            cursor = self._database.execute(
                "INSERT INTO registered (id, kind, user, reference, network, asset, address, "
                "direction, amount, happened_at, registered_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(row.id, row.kind, row.user, row.reference, row.network, row.asset),
                    *(row.address, row.direction, row.amount, row.happened_at, at),
                ),
            )
            fresh.append(cursor.rowcount == 1)
        return fresh

    def judged(
        self, results: dict[str, str], alerts: Sequence[Alert], version: str, tip: str, at: str
    ) -> tuple[int, int]:
        """Write what screening said of registrations: results by id, and all alerts on them.

        An alert that is no longer found is withdrawn, one that is found again raised again. One
        that stands says what is found now, and is raised anew where its level is another.

        Returns
        -------
        tuple of int
            How many alerts were raised, and how many withdrawn.
        """
        found: dict[str, set[str]] = {one: set() for one in results}
        for alert in alerts:
            found[alert.registered].add(alert.id)
        raised = withdrawn = 0
        for registered, now in found.items():
            rows = self._database.execute(
                "SELECT id FROM alert WHERE registered = ? AND withdrawn_at = ''", (registered,)
            )
            standing = {row["id"] for row in rows}
            raised += len(now - standing)
            withdrawn += len(standing - now)
            self._database.executemany(
                "UPDATE alert SET withdrawn_at = ? WHERE id = ?",
                ((at, one) for one in sorted(standing - now)),
            )
        self._database.executemany(
            _RAISE,
            (
                (
                    *(alert.id, alert.registered, alert.level, alert.category, alert.service),
                    *(alert.exposure, alert.direction, alert.amount, alert.share, alert.hops),
                    *(alert.label_set, alert.reason, version, at),
                )
                for alert in alerts
            ),
        )
        self._database.executemany(
            "UPDATE registered SET result = ?, list_version = ?, tip = ?, screened_at = ? "
            "WHERE id = ?",
            ((result, version, tip, at, one) for one, result in results.items()),
        )
        return raised, withdrawn

    def waiting(self, most: int) -> list[Registration]:
        """Return registrations that were not screened yet."""
        rows = self._database.execute(
            "SELECT * FROM registered WHERE result = '' ORDER BY id LIMIT ?", (most,)
        )
        return [_registration(row) for row in rows]

    def outdated(self, version: str, tip: str, after: str, most: int) -> list[Registration]:
        """Return registrations that were screened against another list or tip, by id."""
        rows = self._database.execute(
            "SELECT * FROM registered WHERE id > ? AND result <> '' "
            "AND (list_version <> ? OR tip <> ?) ORDER BY id LIMIT ?",
            (after, version, tip, most),
        )
        return [_registration(row) for row in rows]

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return a registration with its result, or None."""
        row = self._database.execute(
            "SELECT * FROM registered WHERE id = ? AND kind = ?", (name, kind)
        ).fetchone()
        return None if row is None else dict(row)

    def alerts(self, registered: str) -> list[dict[str, Any]]:
        """Return the alerts on a registration that stand, gravest first."""
        rows = self._database.execute(
            "SELECT * FROM alert WHERE registered = ? AND withdrawn_at = '' "
            "ORDER BY hops, service, id",
            (registered,),
        )
        return sorted(map(dict, rows), key=lambda row: GRAVEST_FIRST.index(row["level"]))


def _registration(row: sqlite3.Row) -> Registration:
    """Return a row as what was registered."""
    names = Registration.__dataclass_fields__
    return Registration(**{name: row[name] for name in names})
