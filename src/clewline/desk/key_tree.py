"""The tree of keys: all keys of records follow from one secret, and each can be cut out for good.

Each node gives the keys of its two children by HMAC-SHA256, none of which gives the other or the
node above (Goldreich, Goldwasser and Micali, 1986). At first the top is kept, from which every leaf
follows. To erase leaf n, each node above it is replaced by those of its children that are not above
it: every other leaf still follows, n does not, and no key has to be made or wrapped anew (a
puncturable pseudorandom function: Boneh and Waters, 2013). Leaves are numbered in order, so what
expires together leaves few nodes.

The file holds the nodes and the list of what was erased. It is the one thing that must never be in
a backup: a backup of yesterday is opened with the tree of today.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clewline.desk.key_file import KeyFile
from clewline.errors import ErasedError, SealError

DEPTH: Final = 32
"""Levels; there are 2^32 leaves."""
LEAVES: Final = 1 << DEPTH
_TOP: Final = 1  # node p has the children 2p and 2p + 1; leaf n is node 2^32 + n
_NONCE: Final = 12
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS node (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS erased (
  number INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL,
  at TEXT NOT NULL,
  note BLOB NOT NULL
) STRICT;
"""


class Erased(NamedTuple):
    """A leaf that was cut out: whose key it was, when, and what the tombstone of it says."""

    number: int
    key_id: str
    at: str
    note: dict[str, Any]


def child(key: bytes, side: int) -> bytes:
    """Return the key of a node's left (0) or right (1) child.

    Examples
    --------
    >>> child(bytes(32), 0) == child(bytes(32), 1)
    False
    """
    return hmac.digest(key, bytes([side]), hashlib.sha256)


def cut(node: int, level: int, key: bytes, leaves: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the nodes that give every leaf below `node` but some.

    Parameters
    ----------
    node, level : int
        The node, and how many levels lie below it.
    key : bytes
        Its key.
    leaves : sequence of int
        Which leaves to leave out, as nodes, ascending.

    Returns
    -------
    iterator of tuple of int and bytes
        At most `level` nodes a leaf; far fewer where leaves lie together.

    Examples
    --------
    >>> [node for node, _ in cut(1, 2, bytes(32), [4])]
    [5, 3]
    >>> [node for node, _ in cut(1, 2, bytes(32), [4, 5])]
    [3]
    """
    if not leaves:
        yield node, key
    elif level:
        right = bisect_left(leaves, (2 * node + 1) << (level - 1))
        yield from cut(2 * node, level - 1, child(key, 0), leaves[:right])
        yield from cut(2 * node + 1, level - 1, child(key, 1), leaves[right:])


class KeyTree(KeyFile):
    """The tree of one desk in a file of its own.

    Parameters
    ----------
    path : Path
        SQLite file.
    root : bytes
        The desk's root key; seals what is in the file.
    """

    # No log of pages beside the file: it would hold the nodes that were cut out.
    PRAGMAS: ClassVar = ("journal_mode = DELETE", "synchronous = EXTRA")

    def __init__(self, path: Path, root: bytes) -> None:
        super().__init__(path)
        self._cipher = AESGCM(root)

    def exists(self) -> bool:
        """Tell whether there is a tree here."""
        if not self.path.is_file():
            return False
        self._make_tables()
        return self._one("SELECT 1 FROM node UNION ALL SELECT 1 FROM erased") is not None

    def plant(self) -> None:
        """Make a new tree, unless there is one."""
        self._make_tables()
        with self._writing() as connection:
            if connection.execute("SELECT 1 FROM node").fetchone() is None:
                self._insert(connection, [(_TOP, secrets.token_bytes(32))])

    def copy_to(self, other: KeyTree) -> None:
        """Copy the tree as it is into a file that holds none."""
        other.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        other._make_tables()
        nodes = self._all("SELECT id, sealed FROM node")
        erased = self._all("SELECT number, key_id, at, note FROM erased")
        with other._writing() as connection:
            if connection.execute("SELECT 1 FROM node").fetchone() is None:
                connection.executemany("INSERT INTO node VALUES (?, ?)", nodes)
                connection.executemany("INSERT INTO erased VALUES (?, ?, ?, ?)", erased)

    def leaf(self, number: int) -> bytes:
        """Return the key of a leaf.

        Raises
        ------
        ErasedError
            If it was cut out.
        SealError
            If the tree is another desk's.
        """
        bottom = LEAVES + number
        above = [bottom >> up for up in range(DEPTH + 1)]
        marks = ",".join("?" * len(above))
        found = self._one(f"SELECT id, sealed FROM node WHERE id IN ({marks})", above)  # noqa: S608
        if found is None:
            row = self._one("SELECT at FROM erased WHERE number = ?", (number,))
            if row is None:
                raise SealError("the tree of keys has no such leaf", where=str(self.path))
            raise ErasedError(f"erased on {row[0]}", where=f"leaf {number}")
        node, key = found[0], self._open(*found)
        for down in range(bottom.bit_length() - node.bit_length() - 1, -1, -1):
            key = child(key, (bottom >> down) & 1)
        return key

    def cut_out(self, erased: Iterable[Erased]) -> int:
        """Cut leaves out for good, all or none; return how many were there. Nothing undoes it.

        Cost: one transaction; 32 HMACs and at most 32 rows for a leaf by itself, next to nothing
        for a leaf beside others that are cut out.
        """
        with self._writing() as connection:
            there = {row[0] for row in connection.execute("SELECT number FROM erased")}
            fresh = {one.number: one for one in erased if one.number not in there}
            below: dict[int, list[int]] = {}
            for number in sorted(fresh):
                bottom = LEAVES + number
                above = [bottom >> up for up in range(DEPTH + 1)]
                marks = ",".join("?" * len(above))
                query = f"SELECT id FROM node WHERE id IN ({marks})"  # noqa: S608
                if (found := connection.execute(query, above).fetchone()) is not None:
                    below.setdefault(found[0], []).append(bottom)
            for node, leaves in below.items():
                (sealed,) = connection.execute(
                    "SELECT sealed FROM node WHERE id = ?", (node,)
                ).fetchone()
                connection.execute("DELETE FROM node WHERE id = ?", (node,))
                level = DEPTH + 1 - node.bit_length()
                self._insert(connection, cut(node, level, self._open(node, sealed), leaves))
            connection.executemany(
                "INSERT INTO erased VALUES (?, ?, ?, ?)",
                (
                    (one.number, one.key_id, one.at, self._seal(one.number, _bytes(one.note)))
                    for one in fresh.values()
                ),
            )
        return len(fresh)

    def erased(self) -> list[Erased]:
        """Return what was cut out, by number."""
        rows = self._all("SELECT number, key_id, at, note FROM erased ORDER BY number")
        return [
            Erased(number, key_id, at, json.loads(self._open(number, note)))
            for number, key_id, at, note in rows
        ]

    def require_same(self, other: KeyTree) -> None:
        """Refuse a tree that grew from another secret.

        Raises
        ------
        SealError
            If it did, or another root key sealed it.
        """
        number = max(self.numbers_erased() | other.numbers_erased(), default=-1) + 1
        if self.leaf(number) != other.leaf(number):
            raise SealError("is the tree of another desk", where=str(other.path))

    def numbers_erased(self) -> set[int]:
        """Return the numbers of what was cut out."""
        return {row[0] for row in self._all("SELECT number FROM erased")}

    def _seal(self, row: int, data: bytes) -> bytes:
        """Seal what a row holds, bound to the row."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, b"key tree %d" % row)

    def _open(self, row: int, sealed: bytes) -> bytes:
        """Open what a row holds."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], b"key tree %d" % row)
        except InvalidTag:
            raise SealError("the root key does not open this tree", where=str(self.path)) from None

    def _insert(self, connection: sqlite3.Connection, nodes: Iterable[tuple[int, bytes]]) -> None:
        """Keep nodes."""
        connection.executemany(
            "INSERT INTO node VALUES (?, ?)", ((node, self._seal(node, key)) for node, key in nodes)
        )

    def _make_tables(self) -> None:
        """Make the file and its tables where they are missing; its owner alone reads it."""
        if not self.path.exists():
            self.path.touch(mode=0o600)
        self._connection().executescript(_TABLES)

    def _one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row."""
        return self._connection().execute(query, values).fetchone()

    def _all(self, query: str) -> list[Any]:
        """Return all rows."""
        return self._connection().execute(query).fetchall()


def _bytes(note: dict[str, Any]) -> bytes:
    """Return a note as it is kept."""
    return json.dumps(note, sort_keys=True, ensure_ascii=False).encode()
