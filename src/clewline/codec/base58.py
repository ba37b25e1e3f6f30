"""Base58, the number system of Bitcoin's first addresses, and its four checksum bytes.

A byte string is read as one big-endian number and written with 58 digits; each leading zero byte
becomes a leading ``1`` (Bitcoin Core, base58.cpp). Numbers are held in limbs of 32 bits and
divided by 58⁵, five digits at a time, so that all arithmetic fits int64.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import Scratch, sha256d_into
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
