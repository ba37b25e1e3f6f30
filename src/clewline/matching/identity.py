"""Who a side is: an Ed25519 key that signs, and a secret from which the curve's keys follow.

Both lie in the home directory of a side (`clewline match init`), readable by its owner alone. The
public key, 64 hex digits, is what partners exchange by another way than the messages.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clewline.errors import DataError, UsageError

_FILE: Final = "identity.key"
_KEY_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, repr=False)
class Identity:
    """The two secrets of a side.

    Attributes
    ----------
    signing : bytes
        32 bytes of an Ed25519 key.
    secret : bytes
        32 bytes; see `psi.key_from`.
    """

    signing: bytes
    secret: bytes

    @property
    def public(self) -> str:
        """Return the public key, 64 hex digits."""
        key = Ed25519PrivateKey.from_private_bytes(self.signing).public_key()
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, data: bytes) -> bytes:
        """Return an Ed25519 signature (RFC 8032), 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.signing).sign(data)


def make_identity(home: Path) -> Identity:
    """Make the secrets of a side.

    Raises
    ------
    UsageError
        If there are some already: a new identity would be a stranger to every partner.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = home / _FILE
    made = Identity(secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES))
    try:
        # Made for its owner alone from the first moment.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise UsageError("has an identity already", where=str(home)) from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{made.signing.hex()}\n{made.secret.hex()}\n")
        stream.flush()
        os.fsync(stream.fileno())
    return made


def read_identity(home: Path) -> Identity:
    """Read the secrets of a side.

    Raises
    ------
    UsageError
        If there are none.
    DataError
        If the file is damaged, or others may read it.
    """
    file = home / _FILE
    try:
        lines = file.read_text("ascii").split()
        mode = file.stat().st_mode & 0o777
    except FileNotFoundError:
        raise UsageError(
            "has no identity", where=str(home), hint=f"clewline match init {home}"
        ) from None
    except (OSError, ValueError):
        raise DataError("cannot be read", where=str(file)) from None
    if mode & 0o077:
        raise DataError(f"others may read it: chmod 600 {file}", where=str(file))
    try:
        signing, secret = (bytes.fromhex(line) for line in lines)
    except ValueError:
        raise DataError("holds two lines of 64 hex digits", where=str(file)) from None
    if len(signing) != _KEY_BYTES or len(secret) != _KEY_BYTES:
        raise DataError("holds two lines of 64 hex digits", where=str(file))
    return Identity(signing, secret)


def is_public_key(text: str) -> bool:
    """Tell whether a text is a public key in form."""
    return len(text) == 2 * _KEY_BYTES and not set(text) - set("0123456789abcdef")


def is_signed_by(public: str, data: bytes, signature: bytes) -> bool:
    """Tell whether a signature is right."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
