"""Copies of the desk's own keys, under a passphrase. They are in no backup and belong elsewhere."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from clewline.desk.home import KEYS, DeskHome
from clewline.desk.key_tree import KeyTree
from clewline.errors import DataError, SealError, UsageError

_FORMAT: Final = "clewline-desk-keys-1"
_COST: Final = 1 << 17  # 128 MB and about half a second
_BLOCK: Final = 8
_KEY_BYTES: Final = 32


def export_keys(home: DeskHome, passphrase: str) -> bytes:
    """Return the keys of a desk, sealed with a passphrase (scrypt, AES-256-GCM).

    Raises
    ------
    DeskMissingError
        If there is no desk.
    """
    keys = {name: home.key(name).hex() for name in KEYS}
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    cipher = AESGCM(_derive(passphrase, salt, _COST))
    sealed = cipher.encrypt(nonce, json.dumps(keys).encode(), _FORMAT.encode())
    text = {
        "format": _FORMAT,
        "cost": _COST,
        "salt": base64.b64encode(salt).decode(),
        "nonce": base64.b64encode(nonce).decode(),
        "keys": base64.b64encode(sealed).decode(),
    }
    return (json.dumps(text, indent=1) + "\n").encode()


def open_keys(text: bytes, passphrase: str, where: str) -> dict[str, bytes]:
    """Return the keys in an export, by name.

    Raises
    ------
    DataError
        If it is no such export.
    SealError
        If the passphrase is another, or a byte was changed.
    """
    try:
        fields = json.loads(text)
        cost = fields["cost"]
        if fields["format"] != _FORMAT or type(cost) is not int or not 2 <= cost <= 1 << 20:
            raise ValueError
        salt, nonce, sealed = (
            base64.b64decode(fields[name], validate=True) for name in ("salt", "nonce", "keys")
        )
        key = _derive(passphrase, salt, cost)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DataError("is no export of a desk's keys", where=where) from None
    try:
        plain = AESGCM(key).decrypt(nonce, sealed, _FORMAT.encode())
    except (InvalidTag, ValueError):
        raise SealError("another passphrase, or changed bytes", where=where) from None
    return {name: bytes.fromhex(value) for name, value in json.loads(plain).items()}


def place_keys(home: DeskHome, keys: dict[str, bytes]) -> None:
    """Put keys into a desk's directory.

    Raises
    ------
    UsageError
        If it has keys already, other ones.
    """
    if home.exists():
        if any(home.key(name) != key for name, key in keys.items()):
            raise UsageError("this desk has other keys; they stay", where=str(home.path))
        return
    home.make(keys=keys)


def place_tree(home: DeskHome, escrow: Path) -> None:
    """Copy the tree of keys from an escrow into a desk's directory, or take up what it has cut.

    Raises
    ------
    UsageError
        If there is none.
    SealError
        If it is another desk's.
    """
    root = home.key("root")
    source, own = KeyTree(escrow / home.escrow.name, root), KeyTree(home.tree, root)
    if not source.exists():
        raise UsageError("no tree of keys lies here", where=str(escrow))
    if own.exists():
        own.require_same(source)
        own.cut_out(source.erased())
    else:
        source.require_same(source)
        source.copy_to(own)


def _derive(passphrase: str, salt: bytes, cost: int) -> bytes:
    """Return the key that a passphrase gives."""
    return Scrypt(salt, _KEY_BYTES, cost, _BLOCK, 1).derive(passphrase.encode())
