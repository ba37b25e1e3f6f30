"""CashAddr: addresses of Bitcoin Cash as text and back.

An address is a prefix that names the network, the separator ``:``, and groups of five bits: a
version byte, a hash, and eight groups of a checksum over prefix and data (specification "Address
format for Bitcoin Cash"). The prefix may be left out. The version byte holds the type (0 key hash,
1 script hash; 2 and 3 the same for wallets that know tokens, CHIP-2022-02) and the length of the
hash.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.bech32 import BAD_CHARACTER, BAD_PADDING, CHARSET, MIXED_CASE, TOO_SHORT
from clewline.jit import kernel

VALID: Final = 0
"""What is left of the checksum of a good text."""

CHECKSUM_LENGTH: Final = 8
HASH_SIZE: Final = 20
ADDRESS_LENGTH: Final = 42
"""Characters after the separator, for a hash of 20 bytes."""

_SEPARATOR: Final = ord(":")
_DIGITS: Final = np.frombuffer(CHARSET.encode(), np.uint8)
_VALUES: Final = np.full(256, BAD_CHARACTER, np.int64)
_VALUES[_DIGITS] = np.arange(32)
_VALUES[np.frombuffer(CHARSET.upper().encode(), np.uint8)] = np.arange(32)

_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
# What leaves at the top feeds back as a sum of generators: one look-up for the five of the
# specification.
_FEEDBACK: Final = np.zeros(32, np.int64)
for _bit, _word in enumerate(_GENERATOR):
    _FEEDBACK[(np.arange(32) >> _bit & 1) == 1] ^= _word


@kernel
def _step(checksum: int, value: int) -> int:
    """Add one group of five bits to a checksum."""
    return int((checksum & 0x07FFFFFFFF) << 5 ^ value ^ _FEEDBACK[checksum >> 35])


@kernel
def _prefix_checksum(prefix: NDArray[np.uint8]) -> int:
    """Return the checksum over a prefix and the separator."""
    checksum = 1
    for character in prefix:
        checksum = _step(checksum, int(character) & 31)
    return _step(checksum, 0)


@kernel
def cashaddr_encode_into(
    prefix: NDArray[np.uint8],
    version: int,
    data: NDArray[np.uint8],
    start: int,
    out: NDArray[np.uint8],
    out_start: int,
) -> int:
    """Write a hash of 20 bytes as an address, in lower case, with its prefix.

    Parameters
    ----------
    prefix : ndarray of uint8
        Lower-case ASCII, without separator.
    version : int
        Version byte: 0 for a key hash, 8 for a script hash.
    data : ndarray of uint8
        Bytes; may be read-only.
    start : int
        Where the hash is; must lie inside `data` (not checked).
    out : ndarray of uint8
        Receives ASCII; needs room for ``prefix.size + 1 + ADDRESS_LENGTH`` characters.
    out_start : int
        Where the text goes.

    Returns
    -------
    int
        Number of characters.

    Examples
    --------
    >>> prefix, out = np.frombuffer(b"bitcoincash", np.uint8), np.empty(60, np.uint8)
    >>> size = cashaddr_encode_into(prefix, 0, np.zeros(20, np.uint8), 0, out, 0)
    >>> out[:size].tobytes()
    b'bitcoincash:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqfnhks603'
    """
    at = out_start
    for i in range(prefix.size):
        out[at + i] = prefix[i]
    at += prefix.size
    out[at] = _SEPARATOR
    at += 1
    checksum = _prefix_checksum(prefix)
    waiting, bits = version, 8
    for i in range(-1, HASH_SIZE):
        if i >= 0:
            waiting = (waiting << 8 | int(data[start + i])) & 0xFFF
            bits += 8
        while bits >= 5:
            bits -= 5
            value = waiting >> bits & 31
            checksum = _step(checksum, value)
            out[at] = _DIGITS[value]
            at += 1
    # 168 bits: three are left.
    value = waiting << (5 - bits) & 31
    checksum = _step(checksum, value)
    out[at] = _DIGITS[value]
    at += 1
    for _ in range(CHECKSUM_LENGTH):
        checksum = _step(checksum, 0)
    checksum ^= 1
    for i in range(CHECKSUM_LENGTH):
        out[at + i] = _DIGITS[checksum >> (5 * (CHECKSUM_LENGTH - 1 - i)) & 31]
    return at + CHECKSUM_LENGTH - out_start


@kernel
def cashaddr_decode_into(
    text: NDArray[np.uint8],
    start: int,
    length: int,
    skipped: int,
    prefix: NDArray[np.uint8],
    out: NDArray[np.uint8],
    out_start: int,
) -> tuple[int, int, int]:
    """Read a CashAddr text; whether its parts fit is for the caller.

    Parameters
    ----------
    text : ndarray of uint8
        ASCII; may be read-only. Upper case is read like lower case, a mixture is refused.
    start, length : int
        Where the text is; must lie inside `text` (not checked).
    skipped : int
        Characters of prefix and separator, less than `length`; 0 where the text has none.
    prefix : ndarray of uint8
        Lower-case ASCII, whether or not the text has it.
    out : ndarray of uint8
        Receives the hash; needs room for ``length * 5 // 8`` bytes.
    out_start : int
        Where it goes.

    Returns
    -------
    checksum : int
        `VALID`, or another number, which makes the text a wrong one. Instead of it (negative)
        `BAD_CHARACTER`, `MIXED_CASE`, or `TOO_SHORT` for version byte and checksum.
    version : int
        The version byte.
    size : int
        Bytes of the hash, or `BAD_PADDING` where the last group holds a whole byte's rest or bits
        that are not zero.

    Examples
    --------
    >>> text = np.frombuffer(b"QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQFNHKS603", np.uint8)
    >>> prefix, out = np.frombuffer(b"bitcoincash", np.uint8), np.empty(60, np.uint8)
    >>> cashaddr_decode_into(text, 0, 42, 0, prefix, out, 0)
    (0, 0, 20)
    """
    end = start + length
    lower = upper = False
    for i in range(start, end):
        lower |= ord("a") <= text[i] <= ord("z")
        upper |= ord("A") <= text[i] <= ord("Z")
    if lower and upper:
        return MIXED_CASE, 0, 0
    first, last = start + skipped, end - CHECKSUM_LENGTH
    for i in range(first, end):
        if _VALUES[text[i]] < 0:
            return BAD_CHARACTER, 0, 0
    if last - first < 2:
        return TOO_SHORT, 0, 0
    checksum = _prefix_checksum(prefix)
    for i in range(first, end):
        checksum = _step(checksum, _VALUES[text[i]])
    waiting, bits, version, size = 0, 0, -1, 0
    for i in range(first, last):
        waiting = (waiting << 5 | _VALUES[text[i]]) & 0xFFF
        bits += 5
        if bits >= 8:
            bits -= 8
            byte = waiting >> bits & 0xFF
            if version < 0:
                version = byte
            else:
                out[out_start + size] = byte
                size += 1
    if bits >= 5 or waiting & ((1 << bits) - 1):
        size = BAD_PADDING
    return int(checksum) ^ 1, version, size
