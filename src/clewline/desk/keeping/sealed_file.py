"""A file that only the desk's root key opens, sealed in pieces: no byte can change or go missing.

After a mark and a salt come pieces of 1 MiB, each AES-256-GCM. A piece's nonce holds its number
and whether it is the last, so pieces cannot be swapped, left out or cut off (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
"""

from __future__ import annotations

import io
import secrets
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clewline.errors import BackupError

_MARK: Final = b"CLEWLINE-DESK-BACKUP-1\n"
_SALT: Final = 16
_PIECE: Final = 1 << 20
_TAG: Final = 16


class SealedWriter(io.RawIOBase):
    """Seals what is written into it; `finish` writes the last piece.

    Parameters
    ----------
    stream : binary file
        Gets the sealed bytes.
    root : bytes
        The desk's root key.
    """

    def __init__(self, stream: BinaryIO, root: bytes) -> None:
        salt = secrets.token_bytes(_SALT)
        self._stream, self._cipher = stream, _cipher(root, salt)
        self._waiting, self._number = bytearray(), 0
        stream.write(_MARK + salt)

    def writable(self) -> bool:
        """Say that it is for writing."""
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Take bytes; whole pieces go out."""
        self._waiting += data
        while len(self._waiting) > _PIECE:  # the last piece is never empty-handed
            self._send(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(data)

    def finish(self) -> None:
        """Write the last piece. Without it, nothing opens."""
        self._send(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _send(self, piece: bytes, *, last: bool) -> None:
        """Write one sealed piece."""
        self._stream.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, _MARK))
        self._number += 1


def unseal_file(sealed: BinaryIO, plain: BinaryIO, root: bytes, where: str) -> None:
    """Open what `SealedWriter` wrote; what was written into `plain` counts only once this returns.

    Raises
    ------
    BackupError
        If the key is another, or a byte was changed, added or cut off.
    """
    header = sealed.read(len(_MARK) + _SALT)
    if not header.startswith(_MARK) or len(header) != len(_MARK) + _SALT:
        raise BackupError("is no backup of a desk", where=where)
    cipher, number = _cipher(root, header[len(_MARK) :]), 0
    piece = sealed.read(_PIECE + _TAG)
    while True:
        following = sealed.read(_PIECE + _TAG)
        try:
            plain.write(cipher.decrypt(_nonce(number, last=not following), piece, _MARK))
        except InvalidTag:
            raise BackupError(
                "cannot be opened: keys of another desk, or bytes that were changed or are missing",
                where=where,
            ) from None
        if not following:
            return
        piece, number = following, number + 1


def _cipher(root: bytes, salt: bytes) -> AESGCM:
    """Return the cipher of one file."""
    return AESGCM(HKDF(SHA256(), 32, salt, b"clewline desk backup").derive(root))


def _nonce(number: int, *, last: bool) -> bytes:
    """Return the nonce of a piece."""
    return number.to_bytes(11, "big") + bytes([last])
