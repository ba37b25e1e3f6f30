"""The field and the S-box of AES (FIPS 197), which three of the eleven hashes borrow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined

Column = tuple[np.uint32, np.uint32, np.uint32, np.uint32]
_BYTE: Final = np.uint32(0xFF)


def times(left: int, right: int) -> int:
    """Multiply two bytes modulo x^8 + x^4 + x^3 + x + 1.

    Examples
    --------
    >>> hex(times(0x57, 0x83))
    '0xc1'
    """
    product = 0
    while right:
        product ^= left * (right & 1)
        left = left << 1 ^ (0x11B if left & 0x80 else 0)
        right >>= 1
    return product


def _s_box() -> list[int]:
    """Return the S-box: the inverse, and an affine map (FIPS 197, 5.1.1)."""
    # 3 generates the field; its powers, listed forward and backward, are each other's inverses.
    powers = [1]
    for _ in range(254):
        powers.append(times(powers[-1], 3))
    inverse = [0] * 256
    for power in range(255):
        inverse[powers[power]] = powers[-power % 255]
    box = []
    for byte in inverse:
        turned = byte | byte << 8
        box.append((turned ^ turned >> 4 ^ turned >> 5 ^ turned >> 6 ^ turned >> 7) & 0xFF ^ 0x63)
    return box


S_BOX: Final = tuple(_s_box())
# The S-box and MixColumns in one: what a byte of each row adds to a column, row 0 lowest.
_TABLES: Final = np.array(
    [
        [
            sum(times(S_BOX[byte], (2, 1, 1, 3)[(row - at) % 4]) << 8 * row for row in range(4))
            for byte in range(256)
        ]
        for at in range(4)
    ],
    np.uint32,
)
_TABLE0, _TABLE1, _TABLE2, _TABLE3 = _TABLES


@inlined
def _column(a: np.uint32, b: np.uint32, c: np.uint32, d: np.uint32) -> np.uint32:
    """Return the column that takes row 0 of `a`, row 1 of `b` and so on."""
    return np.uint32(
        _TABLE0[a & _BYTE]
        ^ _TABLE1[b >> np.uint32(8) & _BYTE]
        ^ _TABLE2[c >> np.uint32(16) & _BYTE]
        ^ _TABLE3[d >> np.uint32(24)]
    )


@inlined
def aes_round(a: np.uint32, b: np.uint32, c: np.uint32, d: np.uint32) -> Column:
    """Return four columns after SubBytes, ShiftRows and MixColumns; no key is added."""
    return _column(a, b, c, d), _column(b, c, d, a), _column(c, d, a, b), _column(d, a, b, c)


def combined(row: NDArray[np.int64], at: int) -> NDArray[np.uint64]:
    """Return what each byte in row `at` adds to a column of eight under a circulant matrix.

    Parameters
    ----------
    row : ndarray of int64, shape (8,)
        First row of the matrix.
    at : int
        Row of the byte, 0 to 7.

    Returns
    -------
    ndarray of uint64, shape (256,)
        Row 0 of the column in the lowest byte; the S-box is applied first.

    Examples
    --------
    >>> hex(combined(np.array([2, 2, 3, 4, 5, 3, 5, 7]), 0)[0])
    '0xc6a597f4a5f432c6'
    """
    return np.array(
        [
            sum(times(S_BOX[byte], int(row[(at - to) % 8])) << 8 * to for to in range(8))
            for byte in range(256)
        ],
        np.uint64,
    )
