"""What Esplora servers answered, kept beside a partial store: nothing is asked twice.

One SQLite file, only ever appended to: a row for each run (who was asked, under which marking,
about what, as of which block), and a row for each answer that stood its check. It is the log of
what left this machine, too.

An answer *lasts* if no later block can change it: the bytes of a transaction, a header by its
hash, what lies deep below the tip. Others count for the tip that they were asked for, and are one
server's word.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from clewline.errors import StorageError, StoreDamagedError

NAME: Final = "answers.sqlite"
"""The file, in the directory of the store."""
# A write-ahead log: what was kept outlives the process; the power may take the last answers.
_SCHEMA: Final = """
PRAGMA journal_mode = wal;
PRAGMA synchronous = normal;
CREATE TABLE IF NOT EXISTS run (
    number INTEGER PRIMARY KEY, time INTEGER NOT NULL, server TEXT NOT NULL,
    marking TEXT NOT NULL, addresses TEXT NOT NULL, height INTEGER NOT NULL, tip TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS published (run INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS answer (
    number INTEGER PRIMARY KEY, run INTEGER NOT NULL, time INTEGER NOT NULL,
    path TEXT NOT NULL, tip TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_path ON answer (path, tip);
"""
_LASTING: Final = ""


@dataclass(frozen=True)
class Run:
    """One run of a fetch.

    Attributes
    ----------
    number : int
        From 1.
    time : int
        When it began, UTC seconds.
    server : str
        URL without name and password.
    marking : str
        What allowed to ask.
    addresses : tuple of str
        What was asked about.
    height, tip : int, str
        The block that its answers are as of; `tip` is the hash as shown.
    """

    number: int
    time: int
    server: str
    marking: str
    addresses: tuple[str, ...]
    height: int
    tip: str


class Answers:
    """The file of answers of one store.

    Parameters
    ----------
    path : Path
        Made if there is none.

    Raises
    ------
    StoreDamagedError
        If it is no such file.
    StorageError
        If the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run: Run | None = None
        try:
            self._file = sqlite3.connect(path)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            self._file.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._file.close()
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        """Return the answers themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def last_run(self) -> Run | None:
        """Return the last run, None before the first."""
        return self._last("SELECT * FROM run ORDER BY number DESC LIMIT 1")

    def last_published(self) -> Run | None:
        """Return the last run whose answers the store shows, None if it shows none."""
        return self._last(
            "SELECT run.* FROM run JOIN published ON run = run.number ORDER BY number DESC LIMIT 1"
        )

    def begin(
        self, server: str, marking: str, addresses: Sequence[str], height: int, tip: str
    ) -> Run:
        """Write down a run, whose answers follow; see `Run`."""
        values = (int(time.time()), server, marking, json.dumps(list(addresses)), height, tip)
        number = self._write(
            "INSERT INTO run (time, server, marking, addresses, height, tip) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            *values,
        )
        self._run = Run(number, values[0], server, marking, tuple(addresses), height, tip)
        return self._run

    def first_asked(self) -> int:
        """Return when the first run began that asked this server as of this tip, UTC seconds."""
        assert self._run is not None, "no run has begun"
        query = "SELECT min(time) FROM run WHERE tip = ? AND server = ?"
        return int(self._rows(query, self._run.tip, self._run.server)[0][0])

    def publish(self) -> None:
        """Write down that the store shows what the run fetched."""
        assert self._run is not None, "no run has begun"
        self._write("INSERT INTO published VALUES (?, ?)", self._run.number, int(time.time()))

    def find(self, path: str) -> bytes | None:
        """Return the answer that lasts, or that this server gave for the tip of the run."""
        assert self._run is not None, "no run has begun"
        rows = self._rows(
            "SELECT body FROM answer WHERE path = ? AND (tip = ? OR tip = ? AND run IN "
            "(SELECT number FROM run WHERE server = ?)) ORDER BY number DESC LIMIT 1",
            path,
            _LASTING,
            self._run.tip,
            self._run.server,
        )
        return rows[0][0] if rows else None

    def keep(self, path: str, body: bytes, *, lasting: bool) -> None:
        """Keep an answer that stood its check."""
        assert self._run is not None, "no run has begun"
        self._write(
            "INSERT INTO answer (run, time, path, tip, body) VALUES (?, ?, ?, ?, ?)",
            self._run.number,
            int(time.time()),
            path,
            _LASTING if lasting else self._run.tip,
            body,
        )

    def count(self) -> int:
        """Return how many answers are kept."""
        return int(self._rows("SELECT count(*) FROM answer")[0][0])

    def _last(self, query: str) -> Run | None:
        """Return the run that a query finds."""
        for number, begun, server, marking, addresses, height, tip in self._rows(query):
            return Run(number, begun, server, marking, tuple(json.loads(addresses)), height, tip)
        return None

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read."""
        try:
            return self._file.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _write(self, statement: str, *values: Any) -> int:
        """Append a row; return its number."""
        try:
            with self._file:
                return int(self._file.execute(statement, values).lastrowid or 0)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> StoreDamagedError | StorageError:
        """Return what an error of SQLite means: a file that is none, or a disk that refuses."""
        place = str(self._path)
        if isinstance(error, sqlite3.OperationalError):
            return StorageError(f"cannot be read or written: {error}", where=place)
        return StoreDamagedError(f"is no file of answers: {error}", where=place)
