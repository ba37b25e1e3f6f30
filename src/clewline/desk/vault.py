"""The vault: one key a record, so that a record can be erased wherever its bytes were copied.

A record's sensitive fields are sealed with a key of its own (AES-256-GCM). The keys lie in a file
of their own, wrapped with the desk's root key, and in no dump of the database. To destroy a
record's key is to erase the record in the database and in every dump of it; an older backup of the
vault itself still holds the wrapped key (docs/SECURITY.md).

What must be found again without being readable is indexed by HMAC-SHA256 under the desk's index
key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clewline.errors import ErasedError, SealError

_NONCE: Final = 12
_INDEX_BYTES: Final = 16
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS record_key (
  id TEXT PRIMARY KEY,
  wrapped BLOB,
  destroyed_at TEXT,
  CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
) STRICT
"""


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
    """A record's key as the vault keeps it; without bytes once it is destroyed."""

    id: str
    wrapped: bytes | None
    destroyed_at: str | None


class Vault:
    """The keys of all records of one desk.

    Parameters
    ----------
    path : Path
        SQLite file; made if it is missing.
    root : bytes
        32 bytes that wrap every key.
    """

    def __init__(self, path: Path, root: bytes) -> None:
        self._path = path
        self._root = root
        self._local = threading.local()
        with self._connection() as connection:
            connection.execute(_TABLE)

    def new_key(self) -> str:
        """Make a key, keep it, return its id. It is on disk when this returns."""
        return self.new_keys(1)[0]

    def new_keys(self, count: int) -> list[str]:
        """Make some keys, keep them, return their ids. They are on disk when this returns."""
        ids = [secrets.token_hex(16) for _ in range(count)]
        with self._connection() as connection:
            connection.executemany(
                "INSERT INTO record_key (id, wrapped) VALUES (?, ?)",
                [(one, self._wrap(secrets.token_bytes(32), one)) for one in ids],
            )
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

    def destroy(self, key_id: str) -> bool:
        """Destroy a key for good; tell whether it was there. The id stays, as a tombstone."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._connection() as connection:
            changed = connection.execute(
                "UPDATE record_key SET wrapped = NULL, destroyed_at = ? "
                "WHERE id = ? AND wrapped IS NOT NULL",
                (now, key_id),
            ).rowcount
            # Older pages in the log still hold the key.
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed == 1

    def rows(self) -> Iterator[Wrapped]:
        """Yield every key as it is kept, for a backup."""
        found = self._connection().execute(
            "SELECT id, wrapped, destroyed_at FROM record_key ORDER BY id"
        )
        return (Wrapped(*row) for row in found)

    def merge(self, rows: Iterable[Wrapped]) -> None:
        """Take in keys of a backup; what was destroyed here or there is destroyed afterwards.

        Raises
        ------
        SealError
            If the root key does not open one of them; nothing is taken in then.
        """
        with self._connection() as connection:
            for row in rows:
                if row.wrapped is not None:
                    self._unwrap(row.wrapped, row.id)
                connection.execute(
                    "INSERT INTO record_key (id, wrapped, destroyed_at) VALUES (?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET wrapped = NULL, "
                    "destroyed_at = excluded.destroyed_at "
                    "WHERE excluded.wrapped IS NULL AND record_key.wrapped IS NOT NULL",
                    row,
                )
        self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _key(self, key_id: str) -> bytes:
        """Return a record's key."""
        row = (
            self._connection()
            .execute("SELECT wrapped, destroyed_at FROM record_key WHERE id = ?", (key_id,))
            .fetchone()
        )
        if row is None:
            raise SealError("the vault has no such key", where=key_id)
        if row[0] is None:
            raise ErasedError(f"erased on {row[1]}", where=key_id)
        return self._unwrap(row[0], key_id)

    def _unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """Decrypt a record's key with the root key."""
        try:
            return AESGCM(self._root).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key_id.encode())
        except InvalidTag:
            raise SealError("the root key does not open this vault", where=key_id) from None

    def _wrap(self, key: bytes, key_id: str) -> bytes:
        """Encrypt a record's key with the root key."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self._root).encrypt(nonce, key, key_id.encode())

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self._path, timeout=30)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten, so that a destroyed key is not left in a free page.
            connection.execute("PRAGMA secure_delete = ON")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found
