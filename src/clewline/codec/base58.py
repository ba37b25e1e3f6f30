"""Base58, the number system of Bitcoin's first addresses, and its four checksum bytes.

A byte string is read as one big-endian number and written with 58 digits; each leading zero byte
becomes a leading ``1`` (Bitcoin Core, base58.cpp). Numbers are held in limbs of 32 bits and
divided by 58⁵, five digits at a time, so that all arithmetic fits int64.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import Scratch, new_scratch, sha256d_into
from clewline.jit import kernel

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CHECKSUM_SIZE: Final = 4
BAD_CHARACTER: Final = -1
"""What `base58_decode_into` returns for a text with a character outside the alphabet."""

_ONE: Final = ord("1")
_BASE: Final = 58
_CHUNK: Final = 5
_CHUNK_BASE: Final = _BASE**_CHUNK
_DIGITS: Final = np.frombuffer(ALPHABET.encode(), np.uint8)
_VALUES: Final = np.full(256, BAD_CHARACTER, np.int64)
_VALUES[_DIGITS] = np.arange(_BASE)


@kernel
def base58_limbs(length: int) -> NDArray[np.int64]:
    """Return work memory for numbers of up to `length` bytes or base58 digits.

    Examples
    --------
    >>> base58_limbs(36).size
    10
    """
    return np.empty(length // 4 + 1, np.int64)


@kernel
def base58_encode_into(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    limbs: NDArray[np.int64],
) -> int:
    """Write bytes as base58 text.

    Parameters
    ----------
    data : ndarray of uint8
        Bytes; may be read-only.
    start, length : int
        The range to write; must lie inside `data` (not checked).
    out : ndarray of uint8
        Receives ASCII; needs room for ``2 * length + 5`` characters.
    out_start : int
        Where the text goes.
    limbs : ndarray of int64
        From `base58_limbs` of `length` or more; overwritten.

    Returns
    -------
    int
        Number of characters.

    Examples
    --------
    >>> out = np.empty(20, np.uint8)
    >>> size = base58_encode_into(np.frombuffer(b"bbb", np.uint8), 0, 3, out, 0, base58_limbs(3))
    >>> out[:size].tobytes()
    b'a3gV'
    """
    end = start + length
    at = out_start
    while start < end and data[start] == 0:
        out[at] = _ONE
        at += 1
        start += 1
    count = (end - start + 3) // 4
    for i in range(count):
        limb = 0
        low = end - 4 * (count - i)
        for byte in range(max(low, start), low + 4):
            limb = limb << 8 | int(data[byte])
        limbs[i] = limb
    first_digit = at
    top = 0
    while top < count:
        remainder = 0
        for i in range(top, count):
            number = remainder << 32 | limbs[i]
            quotient = number // _CHUNK_BASE
            limbs[i] = quotient
            remainder = number - quotient * _CHUNK_BASE
        while top < count and limbs[top] == 0:
            top += 1
        for _ in range(_CHUNK):
            quotient = remainder // _BASE
            out[at] = _DIGITS[remainder - quotient * _BASE]
            remainder = quotient
            at += 1
    # The last chunk, most significant, may end in zeros; they are not part of the number.
    while at > first_digit and out[at - 1] == _ONE:
        at -= 1
    low, high = first_digit, at - 1
    while low < high:
        out[low], out[high] = out[high], out[low]
        low += 1
        high -= 1
    return at - out_start


@kernel
def base58_decode_into(
    text: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    limbs: NDArray[np.int64],
) -> int:
    """Write the bytes that a base58 text stands for.

    Parameters
    ----------
    text : ndarray of uint8
        ASCII; may be read-only.
    start, length : int
        The range to read; must lie inside `text` (not checked).
    out : ndarray of uint8
        Receives the bytes; needs room for `length`.
    out_start : int
        Where they go.
    limbs : ndarray of int64
        From `base58_limbs` of `length` or more; overwritten.

    Returns
    -------
    int
        Number of bytes, or `BAD_CHARACTER`.

    Examples
    --------
    >>> out = np.empty(20, np.uint8)
    >>> size = base58_decode_into(np.frombuffer(b"a3gV", np.uint8), 0, 4, out, 0, base58_limbs(4))
    >>> out[:size].tobytes()
    b'bbb'
    """
    end = start + length
    at = out_start
    while start < end and text[start] == _ONE:
        out[at] = 0
        at += 1
        start += 1
    count = 0  # limbs in use, least significant first
    while start < end:
        chunk, factor = 0, 1
        for i in range(start, min(start + _CHUNK, end)):
            digit = _VALUES[text[i]]
            if digit < 0:
                return BAD_CHARACTER
            chunk = chunk * _BASE + digit
            factor *= _BASE
        start += _CHUNK
        for i in range(count):
            number = limbs[i] * factor + chunk
            limbs[i] = number & 0xFFFFFFFF
            chunk = number >> 32
        if chunk > 0:
            limbs[count] = chunk
            count += 1
    significant = False
    for i in range(count - 1, -1, -1):
        for shift in range(24, -8, -8):
            byte = (limbs[i] >> shift) & 0xFF
            significant = significant or byte != 0
            if significant:
                out[at] = byte
                at += 1
    return at - out_start


@kernel
def base58check_encode_into(
    payload: NDArray[np.uint8],
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    limbs: NDArray[np.int64],
    scratch: Scratch,
) -> int:
    """Write bytes with their checksum as base58 text (``EncodeBase58Check``).

    Parameters
    ----------
    payload : ndarray of uint8, shape (length + 32 or more,)
        The bytes; what follows them is overwritten with their hash.
    length : int
        How many bytes the payload has.
    out : ndarray of uint8
        Receives ASCII; needs room for ``2 * length + 13`` characters.
    out_start : int
        Where the text goes.
    limbs : ndarray of int64
        From `base58_limbs` of ``length + 4`` or more; overwritten.
    scratch : Scratch
        From `clewline.codec.sha256.new_scratch`; overwritten.

    Returns
    -------
    int
        Number of characters.

    Examples
    --------
    >>> from clewline.codec.sha256 import new_scratch
    >>> payload, out = np.zeros(53, np.uint8), np.empty(60, np.uint8)
    >>> size = base58check_encode_into(payload, 21, out, 0, base58_limbs(25), new_scratch())
    >>> out[:size].tobytes()
    b'1111111111111111111114oLvT2'
    """
    sha256d_into(payload, 0, length, payload, length, scratch)
    return base58_encode_into(payload, 0, length + CHECKSUM_SIZE, out, out_start, limbs)


@kernel
def base58check_is_valid(
    decoded: NDArray[np.uint8], length: int, digest: NDArray[np.uint8], scratch: Scratch
) -> bool:
    """Tell whether the last four of the decoded bytes are the checksum of those before.

    Parameters
    ----------
    decoded : ndarray of uint8
        From `base58_decode_into`.
    length : int
        Number of bytes, checksum included.
    digest : ndarray of uint8, shape (32,)
        Overwritten.
    scratch : Scratch
        From `clewline.codec.sha256.new_scratch`; overwritten.

    Examples
    --------
    >>> from clewline.codec.sha256 import new_scratch
    >>> base58check_is_valid(np.zeros(25, np.uint8), 25, np.empty(32, np.uint8), new_scratch())
    False
    """
    size = length - CHECKSUM_SIZE
    if size < 0:
        return False
    sha256d_into(decoded, 0, size, digest, 0, scratch)
    matches = True
    for i in range(CHECKSUM_SIZE):
        matches &= decoded[size + i] == digest[i]
    return matches


def base58_decode(text: str) -> bytes | None:
    """Return the bytes that a base58 text stands for; None where a character is none of its digits.

    For one text; loops use `base58_decode_into`.

    Examples
    --------
    >>> base58_decode("a3gV"), base58_decode("0")
    (b'bbb', None)
    """
    data = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    out = np.empty(data.size + 1, np.uint8)
    size = base58_decode_into(data, 0, data.size, out, 0, base58_limbs(data.size))
    return None if size == BAD_CHARACTER else out[:size].tobytes()


def base58check_decode(text: str) -> bytes | None:
    """Return the bytes of a base58 text without their checksum, None where it does not match.

    Examples
    --------
    >>> base58check_decode("1111111111111111111114oLvT2") == bytes(21)
    True
    >>> base58check_decode("1111111111111111111114oLvT3")
    """
    data = base58_decode(text)
    if data is None or len(data) < CHECKSUM_SIZE:
        return None
    payload, checksum = data[:-CHECKSUM_SIZE], data[-CHECKSUM_SIZE:]
    digest = hashlib.sha256(hashlib.sha256(payload).digest()).digest()
    return payload if digest.startswith(checksum) else None


_BLOCK_DIGITS: Final = 11
_BLOCK_SIZES: Final = {0: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}


def base58_blocks_decode(text: str) -> bytes | None:
    r"""Return the bytes of Monero's base58: each 8 bytes are 11 digits of their own (CryptoNote).

    Returns
    -------
    bytes or None
        None where a character, a length or a number has no meaning.

    Examples
    --------
    >>> base58_blocks_decode("11111111112" + "5Q")
    b'\x00\x00\x00\x00\x00\x00\x00\x01\xff'
    >>> base58_blocks_decode("5R")
    """
    parts = []
    for start in range(0, len(text), _BLOCK_DIGITS):
        block = text[start : start + _BLOCK_DIGITS]
        size = _BLOCK_SIZES.get(len(block))
        number = 0
        for character in block:
            digit = ALPHABET.find(character)
            if digit < 0:
                return None
            number = number * _BASE + digit
        if size is None or number >> 8 * size:
            return None
        parts.append(number.to_bytes(size, "big"))
    return b"".join(parts)


def base58_blocks_encode(data: bytes) -> str:
    r"""Write bytes in Monero's base58.

    Examples
    --------
    >>> base58_blocks_encode(b"\xff")
    '5Q'
    """
    digits_of = {size: digits for digits, size in _BLOCK_SIZES.items()}
    text = ""
    for start in range(0, len(data), _BLOCK_SIZES[_BLOCK_DIGITS]):
        block = data[start : start + _BLOCK_SIZES[_BLOCK_DIGITS]]
        number, shown = int.from_bytes(block, "big"), ""
        for _ in range(digits_of[len(block)]):
            number, digit = divmod(number, _BASE)
            shown = ALPHABET[digit] + shown
        text += shown
    return text


def base58check_encode(payload: bytes) -> str:
    """Write bytes with their checksum as base58 text.

    Examples
    --------
    >>> base58check_encode(bytes(21))
    '1111111111111111111114oLvT2'
    """
    size = len(payload)
    data = np.frombuffer(payload + bytes(32), np.uint8).copy()
    out = np.empty(2 * size + 13, np.uint8)
    limbs = base58_limbs(size + CHECKSUM_SIZE)
    length = base58check_encode_into(data, size, out, 0, limbs, new_scratch())
    return out[:length].tobytes().decode("ascii")
