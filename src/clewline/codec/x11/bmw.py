"""Blue Midnight Wish 512, second of the eleven (Gligoroski et al., SHA-3 proposal, round 2)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, end_message, give_digest, turned
from clewline.jit import inlined, leaf

_INITIAL: Final = np.frombuffer(bytes(range(0x80, 0x100)), ">u8").astype(np.uint64)
# What the last compression takes for its chaining value.
_LAST: Final = np.array([0xAAAAAAAAAAAAAAA0 + i for i in range(16)], np.uint64)
_STEP: Final = np.uint64(0x0555555555555555)
# Words that make W(i), and their signs (table 4.1); a factor of 2^64 - 1 subtracts.
_TERMS: Final = np.array(
    [
        [5, -7, 10, 13, 14],
        [6, -8, 11, 14, -15],
        [16, 7, 9, -12, 15],
        [16, -1, 8, -10, 13],
        [1, 2, 9, -11, -14],
        [3, -2, 10, -12, 15],
        [4, -16, -3, -11, 13],
        [1, -4, -5, -12, -14],
        [2, -5, -6, 13, -15],
        [16, -3, 6, -7, 14],
        [8, -1, -4, -7, 15],
        [8, -16, -2, -5, 9],
        [1, 3, -6, -9, 10],
        [2, 4, 7, 10, 11],
        [3, -5, 8, -11, -12],
        [12, -4, -6, -9, 13],
    ]
)
# A word 0 cannot have a sign: it is called 16.
_TERM: Final = np.abs(_TERMS) % 16
_SIGN: Final = np.where(_TERMS < 0, 2**64 - 1, 1).astype(np.uint64)
# s0 to s3: a shift to the right, one to the left, two turns.
_SPREAD: Final = np.array(
    [[1, 3, 4, 37], [1, 2, 13, 43], [2, 1, 19, 53], [2, 2, 28, 59]], np.uint64
)
_TURNS: Final = np.array([5, 11, 27, 32, 37, 43, 53], np.uint64)
# Of the folding: shifts of XH and Q for the first eight words, of XL for the others; to the left.
_HIGH_SHIFT: Final = np.array([5, -7, -5, -1, -3, 6, -4, -11])
_WORD_SHIFT: Final = np.array([-5, 8, 5, 5, 0, -6, 6, 2])
_LOW_SHIFT: Final = np.array([8, -6, 6, 4, -3, -4, -7, -2])


@inlined
def _spread(word: np.uint64, which: int) -> Any:
    """Apply s0 to s5 of the proposal."""
    if which >= 4:
        return word >> np.uint64(which - 3) ^ word
    shifted = word >> _SPREAD[which, 0] ^ word << _SPREAD[which, 1]
    return shifted ^ turned(word, _SPREAD[which, 2]) ^ turned(word, _SPREAD[which, 3])


@inlined
def _shifted(word: np.uint64, by: int) -> np.uint64:
    """Shift to the left, or to the right by a negative number."""
    return word << np.uint64(by) if by >= 0 else word >> np.uint64(-by)


@leaf
def _compress(
    message: NDArray[np.uint64], chain: NDArray[np.uint64], quad: NDArray[np.uint64]
) -> None:
    """Compress a block of 16 words; `quad` has room for 48, and the result in its last 16."""
    for i in range(16):
        word = np.uint64(0)
        for j in range(5):
            at = _TERM[i, j]
            word += (message[at] ^ chain[at]) * _SIGN[i, j]
        quad[i] = _spread(word, i % 5) + chain[(i + 1) & 15]
    for i in range(16):
        j3, j10 = (i + 3) & 15, (i + 10) & 15
        word = (
            turned(message[i], np.uint64(i + 1))
            + turned(message[j3], np.uint64(j3 + 1))
            - turned(message[j10], np.uint64(j10 + 1))
            + np.uint64(16 + i) * _STEP
        ) ^ chain[(i + 7) & 15]
        if i < 2:
            for j in range(16):
                word += _spread(quad[i + j], (j + 1) & 3)
        else:
            for j in range(7):
                word += quad[i + 2 * j] + turned(quad[i + 2 * j + 1], _TURNS[j])
            word += _spread(quad[i + 14], 4) + _spread(quad[i + 15], 5)
        quad[16 + i] = word
    low = np.uint64(0)
    for i in range(16, 24):
        low ^= quad[i]
    high = low
    for i in range(24, 32):
        high ^= quad[i]
    out = quad[32:]
    for i in range(8):
        out[i] = (
            _shifted(high, _HIGH_SHIFT[i]) ^ _shifted(quad[16 + i], _WORD_SHIFT[i]) ^ message[i]
        ) + (low ^ quad[24 + i] ^ quad[i])
    for i in range(8):
        out[8 + i] = (
            turned(out[(i + 4) & 7], np.uint64(i + 9))
            + (high ^ quad[24 + i] ^ message[8 + i])
            + (_shifted(low, _LOW_SHIFT[i]) ^ quad[16 + ((i + 7) & 7)] ^ quad[8 + i])
        )


@leaf
def bmw512(room: Room, size: int) -> None:
    """Replace a message of at most 119 bytes by its hash."""
    block, quad = room.block, room.wide
    end_message(block, size)
    block[15] = np.uint64(8 * size)
    _compress(block, _INITIAL, quad)
    for i in range(16):
        block[i] = quad[32 + i]
    _compress(block, _LAST, quad)
    give_digest(block, quad, 40)
