"""Bech32 (BIP-173) and bech32m (BIP-350): segwit addresses as text and back.

An address is a prefix that names the network, the separator ``1``, and groups of five bits: the
witness version, the witness program, and six groups of a checksum over prefix and data. The
checksum of version 0 ends in another constant than that of all later versions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel

CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32: Final = 1
"""Checksum constant of BIP-173, for witness version 0."""

BECH32M: Final = 0x2BC830A3
"""Checksum constant of BIP-350, for witness versions 1 to 16."""

CHECKSUM_LENGTH: Final = 6
MAX_LENGTH: Final = 90
"""No bech32 text is longer (BIP-173)."""

# What `segwit_decode_into` returns instead of a checksum constant (never negative) or a size.
BAD_CHARACTER: Final = -1
MIXED_CASE: Final = -2
TOO_SHORT: Final = -3
BAD_PADDING: Final = -1

_SEPARATOR: Final = ord("1")
_LOWER: Final = 0x20
_DIGITS: Final = np.frombuffer(CHARSET.encode(), np.uint8)
_VALUES: Final = np.full(256, BAD_CHARACTER, np.int64)
_VALUES[_DIGITS] = np.arange(32)
_VALUES[np.frombuffer(CHARSET.upper().encode(), np.uint8)] = np.arange(32)

_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# What leaves at the top feeds back as a sum of generators: one look-up for the five of BIP-173.
_FEEDBACK: Final = np.zeros(32, np.int64)
for _bit, _word in enumerate(_GENERATOR):
    _FEEDBACK[(np.arange(32) >> _bit & 1) == 1] ^= _word


@kernel
def _step(checksum: int, value: int) -> int:
    """Add one group of five bits to a checksum."""
    return int((checksum & 0x1FFFFFF) << 5 ^ value ^ _FEEDBACK[checksum >> 25])


@kernel
def _prefix_checksum(prefix: NDArray[np.uint8], start: int, length: int) -> int:
    """Return the checksum over the expanded prefix, read as lower case."""
    checksum = 1
    for i in range(start, start + length):
        character = int(prefix[i])
        if ord("A") <= character <= ord("Z"):
            character |= _LOWER
        checksum = _step(checksum, character >> 5)
    checksum = _step(checksum, 0)
    for i in range(start, start + length):
        checksum = _step(checksum, int(prefix[i]) & 31)
    return checksum


@kernel
def segwit_encode_into(
    prefix: NDArray[np.uint8],
    version: int,
    program: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
) -> int:
    """Write a witness program as an address, in lower case.

    Parameters
    ----------
    prefix : ndarray of uint8
        Human-readable part, lower-case ASCII.
    version : int
        Witness version, 0 to 16.
    program : ndarray of uint8
        Bytes; may be read-only.
    start, length : int
        Where the witness program is; must lie inside `program` (not checked).
    out : ndarray of uint8
        Receives ASCII; needs room for ``prefix.size + 8 + ceil(8 * length / 5)`` characters.
    out_start : int
        Where the text goes.

    Returns
    -------
    int
        Number of characters.

    Examples
    --------
    >>> program, out = np.frombuffer(bytes.fromhex("4e73"), np.uint8), np.empty(20, np.uint8)
    >>> size = segwit_encode_into(np.frombuffer(b"bc", np.uint8), 1, program, 0, 2, out, 0)
    >>> out[:size].tobytes()
    b'bc1pfeessrawgf'
    """
    at = out_start
    for i in range(prefix.size):
        out[at + i] = prefix[i]
    at += prefix.size
    out[at] = _SEPARATOR
    out[at + 1] = _DIGITS[version]
    at += 2
    checksum = _step(_prefix_checksum(prefix, 0, prefix.size), version)
    waiting, bits = 0, 0
    for i in range(start, start + length):
        waiting = (waiting << 8 | int(program[i])) & 0xFFF
        bits += 8
        while bits >= 5:
            bits -= 5
            value = waiting >> bits & 31
            checksum = _step(checksum, value)
            out[at] = _DIGITS[value]
            at += 1
    if bits > 0:
        value = waiting << (5 - bits) & 31
        checksum = _step(checksum, value)
        out[at] = _DIGITS[value]
        at += 1
    for _ in range(CHECKSUM_LENGTH):
        checksum = _step(checksum, 0)
    checksum ^= BECH32 if version == 0 else BECH32M
    for i in range(CHECKSUM_LENGTH):
        out[at + i] = _DIGITS[checksum >> (5 * (CHECKSUM_LENGTH - 1 - i)) & 31]
    return at + CHECKSUM_LENGTH - out_start


@kernel
def segwit_decode_into(
    text: NDArray[np.uint8],
    start: int,
    length: int,
    prefix_length: int,
    out: NDArray[np.uint8],
    out_start: int,
) -> tuple[int, int, int]:
    """Read a bech32 or bech32m text; which of them, and whether its parts fit, is for the caller.

    Parameters
    ----------
    text : ndarray of uint8
        ASCII; may be read-only. Upper case is read like lower case, a mixture is refused.
    start, length : int
        Where the text is; must lie inside `text` (not checked).
    prefix_length : int
        Characters before the separator, less than `length`.
    out : ndarray of uint8
        Receives the witness program; needs room for ``length * 5 // 8`` bytes.
    out_start : int
        Where it goes.

    Returns
    -------
    checksum : int
        `BECH32`, `BECH32M` or another number, which makes the text a wrong one. Instead of it
        `BAD_CHARACTER`, `MIXED_CASE`, or `TOO_SHORT` for version and checksum.
    version : int
        The first group: 0 to 31.
    size : int
        Bytes of the witness program, or `BAD_PADDING` where the last group holds a whole byte's
        rest or bits that are not zero.

    Examples
    --------
    >>> text, out = np.frombuffer(b"BC1PFEESSRAWGF", np.uint8), np.empty(20, np.uint8)
    >>> checksum, version, size = segwit_decode_into(text, 0, 14, 2, out, 0)
    >>> checksum == BECH32M, version, out[:size].tobytes().hex()
    (True, 1, '4e73')
    """
    end = start + length
    lower = upper = False
    for i in range(start, end):
        lower |= ord("a") <= text[i] <= ord("z")
        upper |= ord("A") <= text[i] <= ord("Z")
    if lower and upper:
        return MIXED_CASE, 0, 0
    data = start + prefix_length + 1
    last = end - CHECKSUM_LENGTH
    for i in range(data, end):
        if _VALUES[text[i]] < 0:
            return BAD_CHARACTER, 0, 0
    if last <= data:
        return TOO_SHORT, 0, 0
    checksum = _prefix_checksum(text, start, prefix_length)
    for i in range(data, end):
        checksum = _step(checksum, _VALUES[text[i]])
    waiting, bits, size = 0, 0, 0
    for i in range(data + 1, last):
        waiting = (waiting << 5 | _VALUES[text[i]]) & 0xFFF
        bits += 5
        if bits >= 8:
            bits -= 8
            out[out_start + size] = waiting >> bits & 0xFF
            size += 1
    if bits >= 5 or waiting & ((1 << bits) - 1):
        size = BAD_PADDING
    return checksum, int(_VALUES[text[data]]), size


@kernel
def _text_checksum(text: NDArray[np.uint8], prefix_length: int) -> int:
    """Return the checksum constant of a lower-case text; `BAD_CHARACTER` where one has no value."""
    checksum = _prefix_checksum(text, 0, prefix_length)
    for i in range(prefix_length + 1, text.size):
        value = _VALUES[text[i]]
        if value < 0:
            return BAD_CHARACTER
        checksum = _step(checksum, value)
    return checksum


def bech32_decode(text: str) -> tuple[str, bytes, int] | None:
    """Read any bech32 or bech32m text: what it means, and how long it may be, is for the caller.

    BIP-173 finds errors surely in up to 90 characters; invoices of Lightning and unified addresses
    of Zcash are longer.

    Returns
    -------
    prefix : str
        In lower case.
    data : bytes
        The whole bytes that the groups of five bits between separator and checksum make; up to
        seven bits that are left over are dropped.
    constant : int
        `BECH32` or `BECH32M`.
        All of them None where the checksum fails, the case is mixed, or something is missing.

    Examples
    --------
    >>> bech32_decode("A12UEL5L"), bech32_decode("a12uel5m")
    (('a', b'', 1), None)
    """
    lower = text.lower()
    prefix, separator, groups = lower.rpartition("1")
    if text not in (lower, text.upper()) or not prefix or not separator or not lower.isascii():
        return None
    if len(groups) < CHECKSUM_LENGTH:
        return None
    constant = _text_checksum(np.frombuffer(lower.encode(), np.uint8), len(prefix))
    if constant not in (BECH32, BECH32M):
        return None
    number = 0
    values = groups[:-CHECKSUM_LENGTH]
    for character in values:
        number = number << 5 | CHARSET.index(character)
    bits = 5 * len(values)
    return prefix, (number >> bits % 8).to_bytes(bits // 8, "big"), int(constant)
