"""RIPEMD-160 of short messages inside kernels, for the hash behind the address of a public key.

Not every OpenSSL offers it to `hashlib`, and addresses of keys are wanted by the million.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import DIGEST_SIZE, Scratch, sha256_into
from clewline.jit import leaf

HASH160_SIZE: Final = 20

# RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996), appendix A: for each of 80 steps of the left
# and of the right line, the word of the message and the rotation; for each of 5 rounds, a constant.
_WORD: Final = np.array(
    [
        *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        *(7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8),
        *(3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12),
        *(1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2),
        *(4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13),
        *(5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12),
        *(6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2),
        *(15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13),
        *(8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14),
        *(12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11),
    ],
    np.int64,
)
_ROTATION: Final = np.array(
    [
        *(11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
        *(7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12),
        *(11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5),
        *(11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12),
        *(9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6),
        *(8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6),
        *(9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11),
        *(9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5),
        *(15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8),
        *(8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11),
    ],
    np.uint32,
)
_CONSTANT: Final = np.array(
    [
        *(0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E),
        *(0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000),
    ],
    np.uint32,
)
_INITIAL: Final = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], np.uint32)
_LINE_STEPS: Final = 80


@leaf
def _mix(round_: int, x: np.uint32, y: np.uint32, z: np.uint32) -> np.uint32:
    """Return the bitwise function of a round, 0 to 4."""
    if round_ == 0:
        return np.uint32(x ^ y ^ z)
    if round_ == 1:
        return np.uint32((x & y) | (~x & z))
    if round_ == 2:
        return np.uint32((x | ~y) ^ z)
    if round_ == 3:
        return np.uint32((x & z) | (y & ~z))
    return np.uint32(x ^ (y | ~z))


@leaf
def _rotate(x: np.uint32, bits: np.uint32) -> np.uint32:
    """Rotate left."""
    return np.uint32((x << bits) | (x >> (np.uint32(32) - bits)))


@leaf
def hash160_into(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    scratch: Scratch,
) -> None:
    """Write RIPEMD-160 of SHA-256 of a byte range (Bitcoin Core ``CHash160``).

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Bytes; may be read-only.
    start, length : int
        The range; must lie inside `data` (not checked).
    out : ndarray of uint8, C-contiguous
        Receives 20 bytes from `out_start` on; needs room for 32.
    out_start : int
        Where the hash goes.
    scratch : Scratch
        From `new_scratch`; overwritten.

    Examples
    --------
    >>> from clewline.codec.sha256 import new_scratch
    >>> out = np.empty(32, np.uint8)
    >>> hash160_into(np.frombuffer(b"abc", np.uint8), 0, 3, out, 0, new_scratch())
    >>> out[:20].tobytes().hex()
    'bb1be98c142444d7a56aa3981c3942a978e4dc33'
    """
    sha256_into(data, start, length, out, out_start, scratch)
    # One block: the 32 bytes of the digest, a one bit, zeros, and 256 as the length in bits.
    words = scratch.words[8:]
    for word in range(8):
        at = out_start + 4 * word
        words[word] = (
            np.uint32(out[at])
            | np.uint32(out[at + 1]) << np.uint32(8)
            | np.uint32(out[at + 2]) << np.uint32(16)
            | np.uint32(out[at + 3]) << np.uint32(24)
        )
    for word in range(8, 16):
        words[word] = np.uint32(0)
    words[8] = np.uint32(0x80)
    words[14] = np.uint32(8 * DIGEST_SIZE)
    a, b, c, d, e = _INITIAL[0], _INITIAL[1], _INITIAL[2], _INITIAL[3], _INITIAL[4]
    left_a, left_b, left_c, left_d, left_e = a, b, c, d, e
    for step in range(2 * _LINE_STEPS):
        if step == _LINE_STEPS:
            left_a, left_b, left_c, left_d, left_e = a, b, c, d, e
            a, b, c, d, e = _INITIAL[0], _INITIAL[1], _INITIAL[2], _INITIAL[3], _INITIAL[4]
        round_ = step // 16
        mixed = _mix(round_ if round_ < 5 else 9 - round_, b, c, d)
        turned = _rotate(
            np.uint32(a + mixed + words[_WORD[step]] + _CONSTANT[round_]), _ROTATION[step]
        )
        a, e, d, c, b = e, d, _rotate(c, np.uint32(10)), b, np.uint32(turned + e)
    state = (
        np.uint32(_INITIAL[1] + left_c + d),
        np.uint32(_INITIAL[2] + left_d + e),
        np.uint32(_INITIAL[3] + left_e + a),
        np.uint32(_INITIAL[4] + left_a + b),
        np.uint32(_INITIAL[0] + left_b + c),
    )
    at = out_start
    for sum_ in state:
        for byte in range(4):
            out[at] = (sum_ >> np.uint32(8 * byte)) & np.uint32(0xFF)
            at += 1
