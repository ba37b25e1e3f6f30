"""The vault: one key a record, so that a record can be erased wherever its bytes were copied.

A record's sensitive fields are sealed with a key of its own (AES-256-GCM). The keys lie in a file
of their own, each wrapped with a leaf of the tree of keys (`key_tree.py`), and in no dump of the
database. To erase a record its leaf is cut out of the tree: then no copy of the database or of the
vault, however old, opens it. The tree is in no backup; its one copy, the escrow, is cut as well.

What must be found again without being readable is indexed by HMAC-SHA256 under the desk's index
key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from clewline.desk.key_file import KeyFile
from clewline.desk.key_tree import Erased, KeyTree
from clewline.errors import DeskMissingError, ErasedError, SealError

if TYPE_CHECKING:
    from clewline.desk.home import DeskHome

_NONCE: Final = 12
_INDEX_BYTES: Final = 16
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS record_key (
  id TEXT PRIMARY KEY,
  wrapped BLOB,
  destroyed_at TEXT,
  number INTEGER,
  CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
) STRICT
"""
_NUMBERED: Final = "CREATE UNIQUE INDEX IF NOT EXISTS record_key_number ON record_key (number)"
_NEXT: Final = "SELECT COALESCE(MAX(number), -1) + 1 FROM record_key"


def seal(key: bytes, text: str, context: str) -> bytes:
    """Encrypt `text` so that only `key` and the same `context` open it.

    Parameters
    ----------
    key : bytes
        32 bytes.
    text : str
        What to seal.
    context : str
        What it is, such as ``S-7K3M2-92QDX/wording``; a sealed text cannot be moved elsewhere.

    Returns
    -------
    bytes
        12 bytes of nonce, the ciphertext, 16 bytes of tag.

    Examples
    --------
    >>> key = bytes(32)
    >>> unseal(key, seal(key, "made up", "a/b"), "a/b")
    'made up'
    """
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> str:
    """Decrypt what `seal` made.

    Raises
    ------
    SealError
        If key or context are others, or a byte was changed.
    """
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
    except InvalidTag:
        raise SealError("cannot be opened: another key, or changed bytes", where=context) from None
    return plain.decode()


def keyed_index(key: bytes, kind: str, value: str) -> bytes:
    """Return 16 bytes by which a value is found again, and from which nobody reads it.

    Parameters
    ----------
    key : bytes
        The desk's index key.
    kind : str
        What the value is; equal values of different kinds have different indexes.
    value : str
        The value in its canonical form.

    Examples
    --------
    >>> keyed_index(bytes(32), "url", "a") == keyed_index(bytes(32), "email", "a")
    False
    """
    return hmac.digest(key, f"{kind}\x00{value}".encode(), hashlib.sha256)[:_INDEX_BYTES]


class Wrapped(NamedTuple):
    """A record's key as the vault keeps it; without bytes once it is destroyed.

    `number` is its leaf of the tree; none in backups of format 1, where the root key wraps it.
    """

    id: str
    wrapped: bytes | None
    destroyed_at: str | None
    number: int | None = None


class Vault(KeyFile):
    """The keys of all records of one desk.

    Parameters
    ----------
    path : Path
        SQLite file; made if it is missing.
    root : bytes
        32 bytes; wrapped every key before there was a tree.
    tree, escrow : KeyTree
        What gives the keys that wrap, and its one copy elsewhere. Either is made from the other
        where it is missing; both, where there are no keys yet.

    Raises
    ------
    DeskMissingError
        If there are keys but neither tree nor escrow.
    SealError
        If the escrow is another desk's.
    """

    PRAGMAS: ClassVar = ("journal_mode = WAL", "synchronous = FULL")

    def __init__(self, path: Path, root: bytes, tree: KeyTree, escrow: KeyTree) -> None:
        super().__init__(path)
        self._root = root
        self._tree, self._escrow = tree, escrow
        if not tree.exists():
            self._find_tree()
        with self._writing() as connection:
            connection.execute(_TABLE)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(record_key)")}
            if "number" not in columns:
                connection.execute("ALTER TABLE record_key ADD COLUMN number INTEGER")
            connection.execute(_NUMBERED)
            before_trees = self._take_into_tree(connection)
        if before_trees:
            self._empty_log()
        self.settle()

    def new_key(self) -> str:
        """Make a key, keep it, return its id. It is on disk when this returns."""
        return self.new_keys(1)[0]

    def new_keys(self, count: int) -> list[str]:
        """Make some keys, keep them, return their ids. They are on disk when this returns."""
        ids = [secrets.token_hex(16) for _ in range(count)]
        with self._writing() as connection:
            for one in ids:
                self._add(connection, one, secrets.token_bytes(32))
        return ids

    def seal(self, key_id: str, text: str, context: str) -> bytes:
        """Seal `text` with the key `key_id`; see `seal`."""
        return seal(self._key(key_id), text, context)

    def unseal(self, key_id: str, sealed: bytes, context: str) -> str:
        """Open what was sealed with the key `key_id`.

        Raises
        ------
        ErasedError
            If the key was destroyed.
        SealError
            If the bytes or the context are others, or the vault does not know the key.
        """
        return unseal(self._key(key_id), sealed, context)

    def seal_row(self, key_id: str, data: bytes, context: str) -> bytes:
        """Seal what a backup says of a record, so that equal rows look equal (AES-SIV).

        Raises
        ------
        ErasedError
            If the key was destroyed.
        """
        return self._of_rows(key_id).encrypt(data, [context.encode()])

    def unseal_row(self, key_id: str, sealed: bytes, context: str) -> bytes:
        """Open what `seal_row` made.

        Raises
        ------
        ErasedError
            If the key was destroyed.
        SealError
            If it was changed.
        """
        try:
            return self._of_rows(key_id).decrypt(sealed, [context.encode()])
        except InvalidTag:
            raise SealError("cannot be opened: another key, or changed", where=context) from None

    def destroy(self, notes: Mapping[str, dict[str, Any]]) -> int:
        """Destroy keys for good, here and in the escrow; return how many were there.

        Ids and notes stay in the tree, for restoring an older backup. Whatever is interrupted is
        finished by the next call or the next start: nothing comes back.

        Parameters
        ----------
        notes : mapping of str to dict
            Id of each key, and what its tombstone says.

        Raises
        ------
        SealError
            If the vault does not know one of them; nothing is destroyed then.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        erased = [Erased(self._number(key_id), key_id, now, note) for key_id, note in notes.items()]
        count = self._tree.cut_out(erased)
        self._copy_cuts(self._tree, self._escrow)
        self._forget(erased)
        return count

    def settle(self) -> None:
        """Finish what was interrupted: what is erased in one place is erased in all."""
        self._copy_cuts(self._escrow, self._tree)
        self._copy_cuts(self._tree, self._escrow)
        rows = self._connection().execute(
            "SELECT number FROM record_key WHERE wrapped IS NULL AND number IS NOT NULL"
        )
        known = {row[0] for row in rows}
        if self._tree.numbers_erased() - known:
            self._forget(one for one in self._tree.erased() if one.number not in known)

    @property
    def escrow_is_behind(self) -> bool:
        """Whether the escrow could not be reached when something was erased."""
        return not self._reached or bool(
            self._tree.numbers_erased() - self._escrow.numbers_erased()
        )

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether a key was destroyed."""
        row = self._row(key_id)
        return row is not None and row[0] is None

    def erased(self) -> list[Erased]:
        """Return what was erased, with what its tombstone says."""
        return self._tree.erased()

    def rows(self) -> Iterator[Wrapped]:
        """Yield every key as it is kept, for a backup."""
        found = self._connection().execute(
            "SELECT id, wrapped, destroyed_at, number FROM record_key ORDER BY id"
        )
        return (Wrapped(*row) for row in found)

    def merge(self, rows: Iterable[Wrapped]) -> None:
        """Take in keys of a backup; what was destroyed here or there is destroyed afterwards.

        Raises
        ------
        SealError
            If the tree does not open one of them; nothing is taken in then.
        """
        gone = {one.number: one.at for one in self._tree.erased()}
        news: list[Erased] = []
        with self._writing() as connection:
            for row in rows:
                kept = row
                if row.wrapped is not None and row.number is not None and row.number in gone:
                    kept = row._replace(wrapped=None, destroyed_at=gone[row.number])
                elif row.wrapped is not None and row.number is not None:
                    self._unwrap(row.wrapped, row.id, self._tree.leaf(row.number))
                elif row.wrapped is not None:
                    self._unwrap(row.wrapped, row.id, self._root)
                if row.wrapped is None and row.number is not None:
                    news.append(Erased(row.number, row.id, str(row.destroyed_at), {}))
                try:
                    connection.execute(
                        "INSERT INTO record_key (id, wrapped, destroyed_at, number) "
                        "VALUES (?, ?, ?, ?) "
                        "ON CONFLICT (id) DO UPDATE SET wrapped = NULL, "
                        "destroyed_at = excluded.destroyed_at "
                        "WHERE excluded.wrapped IS NULL AND record_key.wrapped IS NOT NULL",
                        kept,
                    )
                except sqlite3.IntegrityError:
                    raise SealError(
                        "is another record's place in this vault", where=row.id
                    ) from None
            self._take_into_tree(connection)
        self._tree.cut_out(news)
        self.settle()
        self._empty_log()

    def _find_tree(self) -> None:
        """Get the tree from the escrow; plant one where there was never any key."""
        if self._escrow.exists():
            self._escrow.copy_to(self._tree)
            return
        if self.path.exists():
            with suppress(sqlite3.OperationalError):  # no table, or none with numbers
                query = "SELECT 1 FROM record_key WHERE number IS NOT NULL"
                if self._connection().execute(query).fetchone():
                    raise DeskMissingError(
                        "the tree of keys is missing",
                        where=str(self._tree.path),
                        hint="CLEWLINE_DESK_ESCROW says where its copy lies",
                    )
        self._tree.plant()

    def _take_into_tree(self, connection: sqlite3.Connection) -> int:
        """Wrap keys from before there was a tree anew, each with a leaf of its own; count them."""
        query = "SELECT id, wrapped FROM record_key WHERE number IS NULL AND wrapped IS NOT NULL"
        found = connection.execute(query).fetchall()
        for key_id, wrapped in found:
            key = self._unwrap(wrapped, key_id, self._root)
            connection.execute("DELETE FROM record_key WHERE id = ?", (key_id,))
            self._add(connection, key_id, key)
        return len(found)

    def _add(self, connection: sqlite3.Connection, key_id: str, key: bytes) -> None:
        """Keep a key under the next leaf."""
        (number,) = connection.execute(_NEXT).fetchone()
        wrapped = self._wrap(key, key_id, self._tree.leaf(number))
        connection.execute(
            "INSERT INTO record_key (id, wrapped, number) VALUES (?, ?, ?)",
            (key_id, wrapped, number),
        )

    def _copy_cuts(self, source: KeyTree, target: KeyTree) -> None:
        """Cut out of one tree what is cut out of the other; an escrow out of reach waits."""
        try:
            if not self._escrow.exists():
                self._tree.copy_to(self._escrow)
            source.require_same(target)
            if source.numbers_erased() - target.numbers_erased():
                target.cut_out(source.erased())
            self._reached = True
        except (OSError, sqlite3.OperationalError):
            self._reached = False

    def _forget(self, erased: Iterable[Erased]) -> None:
        """Take the wrapped keys of what was erased away; the ids stay."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO record_key (id, wrapped, destroyed_at, number) "
                "VALUES (?, NULL, ?, ?) ON CONFLICT (id) DO UPDATE SET wrapped = NULL, "
                "destroyed_at = excluded.destroyed_at WHERE record_key.wrapped IS NOT NULL",
                ((one.key_id, one.at, one.number) for one in erased),
            )
        self._empty_log()

    def _empty_log(self) -> None:
        """Empty the write-ahead log, older pages of which still hold keys."""
        self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _row(self, key_id: str) -> tuple[bytes | None, str | None, int] | None:
        """Return what the vault keeps of a key."""
        query = "SELECT wrapped, destroyed_at, number FROM record_key WHERE id = ?"
        found: tuple[bytes | None, str | None, int] | None
        found = self._connection().execute(query, (key_id,)).fetchone()
        return found

    def _number(self, key_id: str) -> int:
        """Return the leaf of a key."""
        if (row := self._row(key_id)) is None:
            raise SealError("the vault has no such key", where=key_id)
        return row[2]

    def _key(self, key_id: str) -> bytes:
        """Return a record's key."""
        row = self._row(key_id)
        if row is None:
            raise SealError("the vault has no such key", where=key_id)
        if row[0] is None:
            raise ErasedError(f"erased on {row[1]}", where=key_id)
        return self._unwrap(row[0], key_id, self._tree.leaf(row[2]))

    def _of_rows(self, key_id: str) -> AESSIV:
        """Return what seals a record's rows in backups."""
        return AESSIV(hmac.digest(self._key(key_id), b"rows in backups", hashlib.sha512))

    @staticmethod
    def _unwrap(wrapped: bytes, key_id: str, leaf: bytes) -> bytes:
        """Decrypt a record's key."""
        try:
            return AESGCM(leaf).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key_id.encode())
        except InvalidTag:
            raise SealError("these keys do not open this vault", where=key_id) from None

    @staticmethod
    def _wrap(key: bytes, key_id: str, leaf: bytes) -> bytes:
        """Encrypt a record's key."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(leaf).encrypt(nonce, key, key_id.encode())


def open_vault(home: DeskHome) -> Vault:
    """Return the vault of a desk."""
    root = home.key("root")
    return Vault(home.vault, root, KeyTree(home.tree, root), KeyTree(home.escrow, root))
