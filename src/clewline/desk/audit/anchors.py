"""Signed anchors: what the head of the log was at a time, kept where no administrator can reach.

An anchor is canonical JSON of the log's name, the number and hash of its last event, and the time,
with an Ed25519 signature. The key is the auditor's; the desk knows its public half alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from clewline.errors import DataError, SealError

_FORMAT: Final = "clewline-anchor-1"


@dataclass(frozen=True)
class Anchor:
    """What somebody signed of a log.

    Attributes
    ----------
    desk : str
        Hash of the log's first event: its name.
    seq : int
        Last event.
    hash : str
        Its hash, which covers all before it.
    at : str
        When it was signed, ISO 8601, UTC, by the clock of who signed.
    key : str
        Public key, hex.
    signature : str
        Ed25519 signature of the canonical JSON of all the above, hex.
    """

    desk: str
    seq: int
    hash: str
    at: str
    key: str
    signature: str = ""

    @property
    def file_name(self) -> str:
        """Name of the file it is dropped as."""
        return f"anchor-{self.seq:012d}-{self.hash[:8]}.json"

    def to_bytes(self, *, signed: bool = True) -> bytes:
        """Return the canonical JSON, with the signature or as it is signed."""
        fields = {"format": _FORMAT, **asdict(self)}
        if not signed:
            del fields["signature"]
        return rfc8785.dumps(fields)

    def is_genuine(self) -> bool:
        """Tell whether the key that it names signed it."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.signature), self.to_bytes(signed=False))
        except (ValueError, InvalidSignature):
            return False
        return True


def sign(private: Ed25519PrivateKey, desk: str, seq: int, head: str) -> Anchor:
    """Sign the head of a log."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    anchor = Anchor(desk, seq, head, at, public_hex(private.public_key()))
    return Anchor(
        **{**asdict(anchor), "signature": private.sign(anchor.to_bytes(signed=False)).hex()}
    )


def read(text: bytes, where: str) -> Anchor:
    """Read an anchor; its signature is not looked at.

    Raises
    ------
    DataError
        If it is none.
    """
    try:
        fields = json.loads(text)
        if fields.pop("format") != _FORMAT or type(fields["seq"]) is not int:
            raise ValueError
        anchor = Anchor(**fields)
        texts = (anchor.desk, anchor.hash, anchor.at, anchor.key, anchor.signature)
        if not all(type(value) is str for value in texts):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DataError("is no anchor of an audit log", where=where) from None
    return anchor


def read_directory(directory: Path) -> list[Anchor]:
    """Read every anchor that was dropped into a directory, by event.

    Raises
    ------
    DataError
        If there is none, or a file is none: a directory that was emptied must not pass as whole.
    """
    found = [read(file.read_bytes(), str(file)) for file in sorted(directory.glob("anchor-*.json"))]
    if not found:
        raise DataError("no anchor-*.json here", where=str(directory))
    return sorted(found, key=lambda anchor: anchor.seq)


def make_key(passphrase: str) -> tuple[bytes, bytes]:
    """Make a key pair for signing; the private half is encrypted.

    Returns
    -------
    tuple of bytes and bytes
        Private half (PKCS 8) and public half, each as PEM.
    """
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret, public


def private_key(pem: bytes, passphrase: str, where: str) -> Ed25519PrivateKey:
    """Open the private half of a key pair.

    Raises
    ------
    SealError
        If the passphrase is another, or it is no such key.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError("cannot be opened: another passphrase, or no Ed25519 key", where=where)
    return key


def public_key(pem: bytes, where: str) -> str:
    """Return the public half in a PEM file, as the hex of its 32 bytes.

    Raises
    ------
    DataError
        If it is no such key.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise DataError("is no Ed25519 public key (PEM)", where=where)
    return public_hex(key)


def public_hex(key: Ed25519PublicKey) -> str:
    """Return the 32 bytes of a public key as hex."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
