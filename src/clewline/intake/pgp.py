"""The fingerprint of an armoured OpenPGP public key.

Only the first packet is decoded, which is the key itself: what follows (names, signatures, and at
times a photograph) is not looked at.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Final

BEGIN: Final = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
END: Final = "-----END PGP PUBLIC KEY BLOCK-----"

_MOST: Final = 12_000  # bytes; a key of RSA with 16,384 bits has some 2,100
LOOKED_AT: Final = 4 * _MOST
"""So many characters of a block are looked at."""
_TAG: Final = re.compile(r"<[^<>]{0,200}>")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,30}:")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*+")
_PUBLIC_KEY, _MARKER = 6, 10
_LONGEST_HEADER: Final = 6
_V4_SHORTEST, _V6_SHORTEST = 8, 12


def _text(block: str) -> str:
    """Return the base64 that an armoured block begins with."""
    text = html.unescape(_TAG.sub("\n", block[:LOOKED_AT])).replace("\\n", "\n")
    text = text.removeprefix(BEGIN).split("-----", 1)[0]
    lines = [line.strip("> \t\\") for line in text.splitlines()]  # quoted, or in a string
    body = "".join(line for line in lines if not _HEADER.match(line))
    usable = _BASE64.match(body)
    assert usable is not None  # matches nothing, at least
    return usable[0]


def _bytes(text: str, start: int, end: int) -> bytes:
    """Decode some bytes of base64 and none beyond; fewer where it is cut off."""
    some = text[start // 3 * 4 : -(-end // 3) * 4]
    if len(some) % 4 == 1:
        some = some[:-1]
    return base64.b64decode(some + "=" * (-len(some) % 4))[start % 3 :][: end - start]


def _header(data: bytes) -> tuple[int, int, int] | None:
    """Return tag, length of the header and of the body of a packet (RFC 9580, section 4.2)."""
    if len(data) < _LONGEST_HEADER or not data[0] & 0x80:
        return None
    if data[0] & 0x40:
        tag, first = data[0] & 0x3F, data[1]
        if first < 192:
            return tag, 2, first
        if first < 224:
            return tag, 3, ((first - 192) << 8) + data[2] + 192
        # Partial lengths are for data, never for keys.
        return (tag, 6, int.from_bytes(data[2:6], "big")) if first == 255 else None
    kind = data[0] & 3
    if kind == 3:
        return None
    return data[0] >> 2 & 0x0F, 1 + (1 << kind), int.from_bytes(data[1 : 1 + (1 << kind)], "big")


def _public_key(text: str) -> bytes | None:
    """Return the body of the public key that some base64 begins with, after a marker at most."""
    start = 0
    for _ in range(2):
        header = _header(_bytes(text, start, start + _LONGEST_HEADER))
        if header is None:
            return None
        tag, begins, length = header
        start += begins
        if tag == _PUBLIC_KEY and length <= _MOST:
            body = _bytes(text, start, start + length)
            return body if len(body) == length else None
        if tag != _MARKER:
            return None
        start += length
    return None


def fingerprint(block: str) -> str | None:
    """Return the fingerprint of the key in an armoured block.

    Source: RFC 9580, section 5.5.4 (version 4: SHA-1; version 6: SHA-256) and LibrePGP, section
    5.5.4 (version 5: SHA-256).

    Parameters
    ----------
    block : str
        From `BEGIN` on; tags and entities of HTML between the lines do no harm.

    Returns
    -------
    str or None
        40 or 64 digits in upper case; None where the block does not begin with a whole public
        key of these versions. Cost: bounded, whatever the length of the block.

    Examples
    --------
    >>> print(fingerprint(BEGIN + '''
    ...
    ... xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJku
    ... Q+47JAY=
    ... ''' + END))
    C959BDBAFA32A2F89A153B678CFDE12197965A9A
    """
    body = _public_key(_text(block)) or b""
    version = body[0] if body else 0
    if version == 4 and len(body) >= _V4_SHORTEST:
        prefix = b"\x99" + len(body).to_bytes(2, "big")
        return hashlib.sha1(prefix + body, usedforsecurity=False).hexdigest().upper()
    if version in (5, 6) and len(body) >= _V6_SHORTEST:
        if int.from_bytes(body[6:10], "big") != len(body) - 10:
            return None
        prefix = (b"\x9a" if version == 5 else b"\x9b") + len(body).to_bytes(4, "big")
        return hashlib.sha256(prefix + body).hexdigest().upper()
    return None
