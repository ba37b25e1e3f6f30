"""Transactions that wait for a block: a ledger beside the chain, never a part of it.

One SQLite file in the directory of a store. No column, index, cluster, sum or digest of the chain
knows of it; deleting it loses nothing but what was seen of the mempool.

``seen`` has a row for each transaction that was ever read: when it was first and last in the
mempool, and what became of it. Its bytes (``body``) and what they say (``spends``, ``pays``) are
*held* while it waits and for some time after. ``listing`` is the last look at the mempool: who
waits was last seen then, so a look without news writes one row.

Ids and hashes are in internal byte order.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from clewline.codec.block import ParsedBlocks
from clewline.errors import (
    ClewlineError,
    StorageError,
    StoreDamagedError,
    StoreLockedError,
    StoreVersionError,
)

NAME: Final = "unconfirmed.sqlite"
FORMAT_VERSION: Final = 1
"""``PRAGMA user_version`` of the file."""
_BUSY_SECONDS: Final = 5.0
_AT_ONCE: Final = 500
"""Values in one statement; older SQLite takes 999."""
_OUTPOINT_BYTES: Final = 36
_LONGEST_SCRIPT: Final = 42
"""No address has a longer one: version and length of a witness program, and 40 bytes (BIP-141)."""

_SCHEMA: Final = (
    """CREATE TABLE listing (
        as_of INTEGER NOT NULL, unread INTEGER NOT NULL, tip TEXT NOT NULL,
        height INTEGER NOT NULL)""",
    """CREATE TABLE seen (
        id INTEGER PRIMARY KEY, txid BLOB NOT NULL UNIQUE, first_seen INTEGER NOT NULL,
        last_seen INTEGER, state TEXT NOT NULL, height INTEGER, replaced_by BLOB,
        held INTEGER NOT NULL)""",
    "CREATE INDEX seen_held ON seen (state) WHERE held = 1",
    "CREATE INDEX seen_ended ON seen (last_seen) WHERE held = 1",
    "CREATE TABLE body (tx INTEGER PRIMARY KEY, raw BLOB NOT NULL)",
    """CREATE TABLE spends (prevout BLOB NOT NULL, tx INTEGER NOT NULL,
        PRIMARY KEY (prevout, tx)) WITHOUT ROWID""",
    "CREATE INDEX spends_tx ON spends (tx)",
    """CREATE TABLE pays (script BLOB NOT NULL, tx INTEGER NOT NULL, vout INTEGER NOT NULL,
        value INTEGER NOT NULL, PRIMARY KEY (script, tx, vout)) WITHOUT ROWID""",
    "CREATE INDEX pays_tx ON pays (tx)",
)


class State(StrEnum):
    """What became of a transaction, up to the last look.

    Gone is what is neither in the mempool nor on the chain: replaced, thrown out, or in a block
    that the store does not hold yet. It may come back, or be confirmed after all.
    """

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    GONE = "gone"


@dataclass(frozen=True)
class Listing:
    """The last look at a mempool.

    Attributes
    ----------
    as_of : int
        UTC seconds.
    unread : int
        Transactions that the node named and whose bytes were not read yet.
    tip, height : str, int
        Of the store at that time; the hash as shown.
    """

    as_of: int
    unread: int
    tip: str
    height: int


@dataclass(frozen=True)
class Seen:
    """One transaction that was read from a mempool.

    Attributes
    ----------
    txid : bytes
    first_seen, last_seen : int
        Looks at the mempool, UTC seconds.
    state : State
    height : int or None
        Where it was confirmed.
    replaced_by : bytes or None
        A transaction that spends an output which this one spends, if it is gone.
    raw : bytes or None
        None once dropped.
    """

    txid: bytes
    first_seen: int
    last_seen: int
    state: State
    height: int | None
    replaced_by: bytes | None
    raw: bytes | None


class UnconfirmedLedger:
    """The ledger of a store; use as a context manager.

    Parameters
    ----------
    store : Path
        Directory of the store.
    database : sqlite3.Connection
        From `open_ledger`.
    """

    def __init__(self, store: Path, database: sqlite3.Connection) -> None:
        self._path = store / NAME
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._database.close()

    # What it says

    def listing(self) -> Listing | None:
        """Return the last look; None before the first."""
        rows = self._rows("SELECT as_of, unread, tip, height FROM listing")
        return Listing(*rows[0]) if rows else None

    def count_waiting(self) -> int:
        """Return how many transactions wait, as far as they were read."""
        query = "SELECT count(*) FROM seen WHERE held = 1 AND state = 'waiting'"
        return int(self._rows(query)[0][0])

    def seen(self, txid: bytes) -> Seen | None:
        """Return what is known of a transaction, if it was ever read."""
        rows = self._rows(
            "SELECT txid, first_seen, coalesce(last_seen, as_of), state, seen.height, replaced_by,"
            " raw FROM seen JOIN listing LEFT JOIN body ON tx = id WHERE txid = ?",
            (txid,),
        )
        for one, first, last, state, height, replaced_by, raw in rows:
            return Seen(one, first, last, State(state), height, replaced_by, raw)
        return None

    def spenders(self, outpoints: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return which waiting transactions spend given outpoints.

        Parameters
        ----------
        outpoints : iterable of bytes
            36 bytes each: id, and position in little-endian order.

        Returns
        -------
        dict of bytes to bytes
            Outpoint to id, for those that are spent.
        """
        return dict(
            self._rows_in(
                "SELECT prevout, txid FROM spends JOIN seen ON id = tx"
                " WHERE state = 'waiting' AND prevout IN",
                outpoints,
            )
        )

    def payments(self, script: bytes) -> list[tuple[bytes, int, int]]:
        """Return id, position and value of the outputs of waiting transactions to a script."""
        return self._rows(
            "SELECT txid, vout, value FROM pays JOIN seen ON id = tx"
            " WHERE state = 'waiting' AND script = ? ORDER BY txid, vout",
            (script,),
        )

    def held(self, state: State) -> dict[bytes, int]:
        """Return id → row of the transactions in a state whose bytes are held."""
        return dict(
            self._rows("SELECT txid, id FROM seen WHERE held = 1 AND state = ?", (state.value,))
        )

    def held_of(self, txids: Iterable[bytes]) -> dict[bytes, int]:
        """Return id → row of those of some transactions whose bytes are held."""
        return dict(self._rows_in("SELECT txid, id FROM seen WHERE held = 1 AND txid IN", txids))

    def spent_by(self, rows: Iterable[int]) -> list[tuple[int, bytes]]:
        """Return (row, outpoint) for each input of some transactions."""
        return self._rows_in("SELECT tx, prevout FROM spends WHERE tx IN", rows)

    # What is written to it, within `writing`

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Write all of what follows, or nothing of it.

        Raises
        ------
        StoreLockedError, StorageError, StoreDamagedError
        """
        with _errors(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                if self._database.execute("PRAGMA user_version").fetchone() == (0,):
                    for statement in _SCHEMA:
                        self._database.execute(statement)
                    self._database.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    def set_listing(self, listing: Listing) -> None:
        """Note a look at the mempool."""
        self._database.execute("DELETE FROM listing")
        self._database.execute(
            "INSERT INTO listing VALUES (?, ?, ?, ?)",
            (listing.as_of, listing.unread, listing.tip, listing.height),
        )

    def take_in(self, transactions: ParsedBlocks, now: int) -> None:
        """Add transactions that wait.

        Parameters
        ----------
        transactions : ParsedBlocks
            Each a block of its own, as `NodeChain.transactions` yields them.
        now : int
            UTC seconds.
        """
        txids = [txid.tobytes() for txid in transactions.txid]
        known = dict(self._rows_in("SELECT txid, id FROM seen WHERE txid IN", txids))
        fresh = self._rows("SELECT coalesce(max(id), 0) FROM seen")[0][0] + 1
        rows = []
        for txid in txids:
            row = known.get(txid, fresh)
            fresh += row == fresh
            rows.append(row)
        data = transactions.data
        self._database.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, NULL, 'waiting', NULL, NULL, 1)"
            " ON CONFLICT (txid) DO UPDATE SET state = 'waiting', held = 1, last_seen = NULL,"
            " height = NULL, replaced_by = NULL",
            zip(rows, txids, [now] * len(txids), strict=True),
        )
        spans = zip(transactions.block_start.tolist(), transactions.block_end.tolist(), strict=True)
        self._database.executemany(
            "INSERT OR REPLACE INTO body VALUES (?, ?)",
            [
                (row, data[start:end].tobytes())
                for row, (start, end) in zip(rows, spans, strict=True)
            ],
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO spends VALUES (?, ?)",
            zip(
                prevouts_of(transactions),
                np.repeat(rows, np.diff(transactions.tx_input)).tolist(),
                strict=True,
            ),
        )
        self._database.executemany(
            "INSERT OR REPLACE INTO pays VALUES (?, ?, ?, ?)",
            _payments(transactions, rows),
        )
        self._name_replacements(rows)

    def mark_waiting(self, rows: Iterable[int]) -> None:
        """Note that transactions which had left are in the mempool again."""
        back = list(rows)
        self._database.executemany(
            "UPDATE seen SET state = 'waiting', last_seen = NULL, height = NULL,"
            " replaced_by = NULL WHERE id = ?",
            [(row,) for row in back],
        )
        self._name_replacements(back)

    def mark_confirmed(self, heights: Iterable[tuple[int, int]], last_seen: int) -> None:
        """Note (row, height) of transactions that are on the chain."""
        self._database.executemany(
            "UPDATE seen SET state = 'confirmed', last_seen = coalesce(last_seen, ?), height = ?,"
            " replaced_by = NULL WHERE id = ?",
            [(last_seen, height, row) for row, height in heights],
        )

    def mark_gone(self, replaced: Sequence[tuple[int, bytes | None]], last_seen: int) -> None:
        """Note (row, id on the chain that spends the same) of transactions that are nowhere."""
        self._database.executemany(
            "UPDATE seen SET state = 'gone', last_seen = coalesce(last_seen, ?), height = NULL,"
            " replaced_by = coalesce(replaced_by, ?) WHERE id = ?"
            # Most of what is looked at again is gone already: that writes nothing.
            " AND (state != 'gone' OR replaced_by IS NULL AND ? IS NOT NULL)",
            [(last_seen, txid, row, txid) for row, txid in replaced],
        )
        gone = [row for row, txid in replaced if txid is None]
        waiting = self._rows_in(
            "SELECT DISTINCT b.tx FROM spends AS a JOIN spends AS b USING (prevout)"
            " JOIN seen ON id = b.tx WHERE state = 'waiting' AND a.tx IN",
            gone,
        )
        self._name_replacements([row for (row,) in waiting])

    def drop_bodies(self, before: int) -> None:
        """Drop the bytes of what stopped waiting before a time; the row in ``seen`` stays."""
        rows = self._rows(
            "SELECT id FROM seen WHERE held = 1 AND state != 'waiting' AND last_seen < ?",
            (before,),
        )
        for statement in (
            "DELETE FROM body WHERE tx = ?",
            "DELETE FROM spends WHERE tx = ?",
            "DELETE FROM pays WHERE tx = ?",
            "UPDATE seen SET held = 0 WHERE id = ?",
        ):
            self._database.executemany(statement, rows)

    def _name_replacements(self, rows: Iterable[int]) -> None:
        """Note with transactions that are gone which of some waiting ones spend the same."""
        found = self._rows_in(
            "SELECT new.txid, old.id FROM spends AS a JOIN spends AS b USING (prevout)"
            " JOIN seen AS new ON new.id = a.tx JOIN seen AS old ON old.id = b.tx"
            " WHERE old.state = 'gone' AND old.replaced_by IS NULL AND a.tx IN",
            rows,
        )
        self._database.executemany(
            "UPDATE seen SET replaced_by = ? WHERE id = ? AND replaced_by IS NULL", sorted(found)
        )

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        with _errors(self._path):
            return self._database.execute(query, values).fetchall()

    def _rows_in(self, query: str, values: Iterable[Any]) -> list[Any]:
        """Return the rows of a query that ends in ``IN``, for any number of values."""
        wanted = list(values)
        found: list[Any] = []
        for first in range(0, len(wanted), _AT_ONCE):
            some = wanted[first : first + _AT_ONCE]
            found += self._rows(f"{query} ({','.join('?' * len(some))})", some)
        return found


def open_ledger(store: Path) -> UnconfirmedLedger | None:
    """Open the ledger of a store for reading: one answer sees one state of it.

    Returns
    -------
    UnconfirmedLedger or None
        None where nothing was ever followed.

    Raises
    ------
    StoreDamagedError, StoreVersionError, StorageError
    """
    path = store / NAME
    if not path.is_file():
        return None
    # Not mode=ro: after a crash the first reader must be able to undo what was half written.
    database = _connect(path, "rw")
    # The snapshot begins with the first reading.
    database.execute("BEGIN")
    if _version(database, path):
        return UnconfirmedLedger(store, database)
    # Somebody is making it.
    database.close()
    return None


def make_ledger(store: Path) -> UnconfirmedLedger:
    """Open the ledger of a store for writing; make it if there is none.

    Raises
    ------
    StoreDamagedError, StoreVersionError, StorageError
    """
    path = store / NAME
    database = _connect(path, "rwc")
    _version(database, path)
    return UnconfirmedLedger(store, database)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file."""
    with _errors(path):
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def _version(database: sqlite3.Connection, path: Path) -> int:
    """Return the format of the file, 0 while it is made; close and refuse what is none of ours."""
    try:
        with _errors(path):
            version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version not in {0, FORMAT_VERSION}:
            raise StoreVersionError(
                f"unconfirmed transactions of format {version}; this version reads "
                f"{FORMAT_VERSION}",
                where=str(path),
            )
    except BaseException:
        database.close()
        raise
    return version


def prevouts_of(transactions: ParsedBlocks) -> list[bytes]:
    """Return the 36 bytes of each input's outpoint."""
    at = transactions.prevout_at[:, None] + np.arange(_OUTPOINT_BYTES)
    joined = transactions.data[at].tobytes()
    return [joined[i : i + _OUTPOINT_BYTES] for i in range(0, len(joined), _OUTPOINT_BYTES)]


def _payments(
    transactions: ParsedBlocks, rows: Sequence[int]
) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield script, row, position and value of each output whose script may have an address."""
    counts = np.diff(transactions.tx_output)
    vouts = np.arange(transactions.value.size) - np.repeat(transactions.tx_output[:-1], counts)
    short = np.flatnonzero(transactions.script_length <= _LONGEST_SCRIPT)
    for at, length, row, vout, value in zip(
        transactions.script_at[short].tolist(),
        transactions.script_length[short].tolist(),
        np.repeat(rows, counts)[short].tolist(),
        vouts[short].tolist(),
        transactions.value[short].tolist(),
        strict=True,
    ):
        yield transactions.data[at : at + length].tobytes(), row, vout, value


@contextlib.contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into ours, by their result codes."""
    try:
        yield
    except sqlite3.Error as error:
        raise _as_ours(error, path) from error


def _as_ours(error: sqlite3.Error, path: Path) -> ClewlineError:
    """Return what an error of SQLite means."""
    code = getattr(error, "sqlite_errorname", "")
    where = str(path)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreLockedError(
            "another process writes to the unconfirmed transactions", where=where
        )
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")):
        return StoreDamagedError(
            f"no record of unconfirmed transactions, or damaged: {error}",
            where=where,
            hint="delete it: the chain does not need it, and following makes it anew",
        )
    return StorageError(f"unconfirmed transactions cannot be read or written: {error}", where=where)
