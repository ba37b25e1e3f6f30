"""The desk's directory: what lies where, and who may read it.

================= ==============================================================
`desk.sqlite3`    the database, unless PostgreSQL is set
`vault.sqlite3`   the key of each record, wrapped (`vault.py`)
`keys/`           what unlocks the vault and the index; never part of a backup. In it
                  `tree.sqlite3`, from which erasure cuts (`key_tree.py`)
`play`            says that every record here is made up
================= ==============================================================

Beside it, or where the setting says, lies the escrow: the one copy of the tree of keys.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clewline.errors import DeskMissingError
from clewline.settings import value_of

KEYS: Final = ("root", "index", "session")
"""Names of the desk's own keys."""
_KEY_BYTES: Final = 32


@dataclass(frozen=True)
class DeskHome:
    """A desk's directory.

    Attributes
    ----------
    path : Path
        Directory; readable by its owner alone.
    """

    path: Path

    @classmethod
    def default(cls) -> DeskHome:
        """Return the desk that the setting names, that a demo made here, or that is this user's."""
        if named := value_of("desk_home"):
            return cls(Path(named))
        own = cls(Path.home() / ".local" / "share" / "clewline" / "desk")
        demo = cls(Path("demo") / "desk")
        return demo if demo.exists() and not own.exists() else own

    def exists(self) -> bool:
        """Tell whether this desk was made."""
        return self._key_file("root").is_file()

    def make(self, *, play: bool = False, keys: Mapping[str, bytes] | None = None) -> DeskHome:
        """Make directory and keys where they are missing; keys that are there stay.

        Parameters
        ----------
        play : bool
            Whether everything that will be recorded here is made up. Cannot be taken back.
        keys : mapping of str to bytes, optional
            Keys by name where they are not to be new ones: those of a desk that is restored.
        """
        for directory in (self.path, self.path / "keys"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # `exists` asks for the root key, so that one comes last.
        for name in reversed(KEYS):
            file = self._key_file(name)
            if not file.exists():
                self._write_key(file, (keys or {}).get(name) or secrets.token_bytes(_KEY_BYTES))
        if play:
            (self.path / "play").write_text("Every record of this desk is made up.\n")
        return self

    @property
    def is_play(self) -> bool:
        """Whether every record here is made up."""
        return (self.path / "play").exists()

    @property
    def database(self) -> Path:
        """SQLite file of the records."""
        return self.path / "desk.sqlite3"

    @property
    def vault(self) -> Path:
        """SQLite file of the wrapped keys of records."""
        return self.path / "vault.sqlite3"

    @property
    def tree(self) -> Path:
        """The tree of keys, with which the vault is opened."""
        return self.path / "keys" / "tree.sqlite3"

    @property
    def escrow(self) -> Path:
        """The one copy of the tree, elsewhere; replaced in place by each erasure."""
        named = value_of("desk_escrow")
        directory = Path(named) if named else self.path.with_name(self.path.name + "-escrow")
        return directory / "tree.sqlite3"

    def key(self, name: str) -> bytes:
        """Return one of the desk's own keys: root, index or session.

        Raises
        ------
        DeskMissingError
            If it is not there.
        """
        try:
            return self._key_file(name).read_bytes()
        except FileNotFoundError:
            raise DeskMissingError(
                f"key {name} is missing",
                where=str(self.path),
                hint="`clewline desk serve` makes a new desk, `clewline desk restore` an old one",
            ) from None

    def setup_code(self) -> str:
        """Return the code in the link of the first visit, which only the terminal shows."""
        return hmac.digest(self.key("session"), b"first visit", hashlib.sha256).hex()[:20]

    def _key_file(self, name: str) -> Path:
        """Return the file of a key."""
        return self.path / "keys" / f"{name}.key"

    @staticmethod
    def _write_key(file: Path, key: bytes) -> None:
        """Write a key that its owner alone can read."""
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
