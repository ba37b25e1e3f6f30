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
_PUBLIC_KEY, _MARKER = 6, 10
_V4_SHORTEST, _V6_SHORTEST = 8, 12


def _first_bytes(block: str) -> bytes:
    """Return the beginning of what an armoured block holds; as far as its base64 is right."""
    text = html.unescape(_TAG.sub("\n", block[:LOOKED_AT]))
    text = text.removeprefix(BEGIN).split("-----", 1)[0]
    lines = [line.strip() for line in text.splitlines()]
    body = ""
    for line in lines:
        if line.startswith("="):
            break
        if not _HEADER.match(line):
            body += line
    usable = re.match(r"[A-Za-z0-9+/]*+", body)
    assert usable is not None  # matches nothing, at least
    body = usable[0][: _MOST // 3 * 4]
    if len(body) % 4 == 1:
        body = body[:-1]
    return base64.b64decode(body + "=" * (-len(body) % 4))


def _packet(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return tag, body and rest of the first packet (RFC 9580, section 4.2); None if cut off."""
    if len(data) < 2 or not data[0] & 0x80:
        return None
    if data[0] & 0x40:
        tag, first, at = data[0] & 0x3F, data[1], 2
        if first < 192:
            length = first
        elif first < 224 and len(data) > 2:
            length, at = ((first - 192) << 8) + data[2] + 192, 3
        elif first == 255:
            length, at = int.from_bytes(data[2:6], "big"), 6
        else:  # partial lengths are for data, never for keys
            return None
    else:
        tag, kind = data[0] >> 2 & 0x0F, data[0] & 3
        if kind == 3:
            return None
        at = 1 + (1 << kind)
        length = int.from_bytes(data[1:at], "big")
    if len(data) < at + length:
        return None
    return tag, data[at : at + length], data[at + length :]


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
    packet = _packet(_first_bytes(block))
    while packet is not None and packet[0] == _MARKER and packet[1] == b"PGP":
        packet = _packet(packet[2])
    if packet is None or packet[0] != _PUBLIC_KEY:
        return None
    body = packet[1]
    version = body[0] if body else 0
    if version == 4 and _V4_SHORTEST <= len(body) < 1 << 16:
        prefix = b"\x99" + len(body).to_bytes(2, "big")
        return hashlib.sha1(prefix + body, usedforsecurity=False).hexdigest().upper()
    if version in (5, 6) and len(body) >= _V6_SHORTEST:
        if int.from_bytes(body[6:10], "big") != len(body) - 10:
            return None
        prefix = (b"\x9a" if version == 5 else b"\x9b") + len(body).to_bytes(4, "big")
        return hashlib.sha256(prefix + body).hexdigest().upper()
    return None
