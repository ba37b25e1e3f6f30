"""What the eleven hashes share: one block of words, and turning them.

Each hash takes a `Room` whose `block` begins with a message of at most 80 bytes (64 but for the
first hash), little-endian, zeros behind it. It puts its digest of 64 bytes in place of the message,
zeros behind it again, so that one hash follows the other without copying.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined, leaf

DIGEST_WORDS: Final = 8
BLOCK_WORDS: Final = 16
_MARK: Final = np.uint64(0x80)
_BYTE: Final = np.uint64(8)
_HALF: Final = np.uint64(32)
_WORD: Final = np.uint64(64)
_LOW: Final = np.uint64(0xFFFFFFFF)


class Room(NamedTuple):
    """Memory of the hashes of one thread; make one with `new_room` and keep it for a loop.

    Attributes
    ----------
    block : ndarray of uint64, shape (16,)
        The message, then its digest.
    wide : ndarray of uint64, shape (64,)
    half : ndarray of uint32, shape (480,)
    points : ndarray of int32, shape (256,)
        For whatever a hash keeps while it works.
    """

    block: NDArray[np.uint64]
    wide: NDArray[np.uint64]
    half: NDArray[np.uint32]
    points: NDArray[np.int32]


def new_room() -> Room:
    """Return fresh memory for `Room`.

    Examples
    --------
    >>> new_room().block.size
    16
    """
    return Room(
        np.zeros(BLOCK_WORDS, np.uint64),
        np.empty(64, np.uint64),
        np.empty(480, np.uint32),
        np.empty(256, np.int32),
    )


def table(text: str, kind: str) -> NDArray[np.generic]:
    """Read words written in hex, most significant digit first, as an array of native order.

    Examples
    --------
    >>> table("00000001 000000ff", ">u4").tolist()
    [1, 255]
    """
    words = np.frombuffer(bytes.fromhex(text), kind)
    return words.astype(words.dtype.newbyteorder("="))


@inlined
def turned(word: np.uint64, by: np.uint64) -> np.uint64:
    """Turn 64 bits to the left, by 1 to 63."""
    return word << by | word >> (_WORD - by)


@inlined
def turned_half(word: np.uint32, by: int) -> np.uint32:
    """Turn 32 bits to the left, by 1 to 31."""
    return np.uint32(np.uint32(word << np.uint32(by)) | (word >> np.uint32(32 - by)))


@inlined
def swapped(word: np.uint64) -> np.uint64:
    """Reverse the order of eight bytes."""
    word = (word & np.uint64(0x00FF00FF00FF00FF)) << _BYTE | (
        word >> _BYTE & np.uint64(0x00FF00FF00FF00FF)
    )
    word = (word & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16) | (
        word >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
    )
    return word << _HALF | word >> _HALF


@inlined
def half_of(block: NDArray[np.uint64], index: int) -> np.uint32:
    """Return the 32-bit word `index` of a block of 64-bit words."""
    word = block[index >> 1]
    return np.uint32(word >> _HALF if index & 1 else word & _LOW)


@leaf
def end_message(block: NDArray[np.uint64], size: int) -> None:
    """Put the bit of padding behind a message, the highest of its byte."""
    block[size >> 3] |= _MARK << (np.uint64(size & 7) * _BYTE)


@leaf
def give_digest(block: NDArray[np.uint64], words: NDArray[np.uint64], first: int) -> None:
    """Put eight words where the message was, and zeros behind them."""
    for i in range(DIGEST_WORDS):
        block[i] = words[first + i]
        block[DIGEST_WORDS + i] = np.uint64(0)


@leaf
def give_halves(block: NDArray[np.uint64], halves: NDArray[np.uint32], first: int) -> None:
    """Put sixteen 32-bit words where the message was, and zeros behind them."""
    for i in range(DIGEST_WORDS):
        low, high = halves[first + 2 * i], halves[first + 2 * i + 1]
        block[i] = np.uint64(low) | np.uint64(high) << _HALF
        block[DIGEST_WORDS + i] = np.uint64(0)
