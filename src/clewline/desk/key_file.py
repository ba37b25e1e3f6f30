"""A file of keys: SQLite that writes through to the disk and leaves nothing of what is deleted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class KeyFile:
    """A file of keys; each thread has a connection of its own.

    Parameters
    ----------
    path : Path
        SQLite file; made if it is missing.
    """

    PRAGMAS: ClassVar[tuple[str, ...]] = ()
    """How its log is kept and how far it is written through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the one transaction that writes."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            # What is deleted is overwritten, so that no destroyed key is left in a free page.
            for pragma in (*self.PRAGMAS, "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found
