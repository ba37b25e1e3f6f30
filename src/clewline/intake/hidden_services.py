"""Names of hidden services: Tor's onion names and I2P's, with their checksums."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Final

_ONION_V3: Final = 56
_ONION_V2: Final = 16
_B32: Final = 52
_B33_SHORTEST: Final = 56
_SIGNATURES: Final = (7, 11)  # of blinded destinations: Ed25519, RedDSA


def _base32(text: str) -> bytes | None:
    """Return what unpadded base32 of either case stands for; None where it is none."""
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None


def onion_version(name: str) -> int:
    """Return which version of onion name a label is, 0 where it is none.

    Source: rend-spec-v3, section 6: base32 of key, checksum and version, the checksum being two
    bytes of SHA3-256 over ``.onion checksum``, key and version. Names of version 2 are 16
    characters of base32 without a checksum; Tor has not served them since October 2021.

    Parameters
    ----------
    name : str
        Without ``.onion`` and what stands before.

    Returns
    -------
    int
        3 or 2; 0 for anything else, a wrong checksum included.

    Examples
    --------
    >>> onion_version("duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad")
    3
    >>> onion_version("duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczae")
    0
    """
    data = _base32(name)
    if data is None:
        return 0
    if len(name) == _ONION_V2:
        return 2
    if len(name) != _ONION_V3 or data[34] != 3:
        return 0
    digest = hashlib.sha3_256(b".onion checksum" + data[:32] + data[34:]).digest()
    return 3 if digest[:2] == data[32:34] else 0


def is_i2p_hash(name: str) -> bool:
    """Tell whether a label is an I2P address in base32.

    52 characters are a SHA-256 hash, which nothing checks. Longer ones ("b33") name encrypted
    lease sets: their first three bytes are mixed with a CRC-32 of the rest. Source: I2P's "B32
    for Encrypted Leasesets".

    Parameters
    ----------
    name : str
        What stands before ``.b32.i2p``.

    Returns
    -------
    bool
        Whether it has the form, and the checksum where there is one.

    Examples
    --------
    >>> is_i2p_hash("a" * 52), is_i2p_hash("a" * 56)
    (True, False)
    """
    data = _base32(name)
    if data is None:
        return False
    if len(name) == _B32:
        return True
    if len(name) < _B33_SHORTEST:
        return False
    flag, *signatures = (
        byte ^ mask
        for byte, mask in zip(data[:3], zlib.crc32(data[3:]).to_bytes(4, "little"), strict=False)
    )
    return flag < 8 and flag & 1 == 0 and all(one in _SIGNATURES for one in signatures)
