"""ECHO-512, last of the eleven (Benadjila et al., SHA-3 proposal ECHO, 2.0)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.aes import aes_round
from clewline.codec.x11.words import Room, end_message, give_digest
from clewline.jit import inlined, leaf

_ROUNDS: Final = 10
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE: Final = np.uint64(1)


@inlined
def _doubled(word: np.uint64) -> np.uint64:
    """Multiply each of eight bytes by 2 in the field of AES."""
    high = word & _HIGH_BITS
    return (word ^ high) << _ONE ^ (high >> np.uint64(7)) * np.uint64(27)


@leaf
def _substitute(state: NDArray[np.uint64], count: np.uint32) -> None:
    """Apply two rounds of AES to each of 16 big words; the key of the first counts on."""
    for at in range(0, 32, 2):
        low, high = state[at], state[at + 1]
        a, b, c, d = aes_round(
            np.uint32(low & _LOW),
            np.uint32(low >> _HALF),
            np.uint32(high & _LOW),
            np.uint32(high >> _HALF),
        )
        key = np.uint32(count + np.uint32(at // 2))
        a, b, c, d = aes_round(np.uint32(a ^ key), b, c, d)
        state[at] = np.uint64(a) | np.uint64(b) << _HALF
        state[at + 1] = np.uint64(c) | np.uint64(d) << _HALF


@leaf
def _shift_and_mix(state: NDArray[np.uint64], other: NDArray[np.uint64]) -> None:
    """Apply BigShiftRows and BigMixColumns: what AES does to bytes, to big words."""
    for i in range(32):
        other[i] = state[i]
    for column in range(4):
        for half in range(2):
            a = other[8 * column + half]
            b = other[8 * ((column + 1) & 3) + 2 + half]
            c = other[8 * ((column + 2) & 3) + 4 + half]
            d = other[8 * ((column + 3) & 3) + 6 + half]
            total = a ^ b ^ c ^ d
            at = 8 * column + half
            state[at] = a ^ total ^ _doubled(a ^ b)
            state[at + 2] = b ^ total ^ _doubled(b ^ c)
            state[at + 4] = c ^ total ^ _doubled(c ^ d)
            state[at + 6] = d ^ total ^ _doubled(d ^ a)


@leaf
def echo512(room: Room, size: int) -> None:
    """Replace a message of at most 109 bytes by its hash."""
    block, state, other = room.block, room.wide, room.wide[32:]
    end_message(block, size)
    # The length of the digest in two bytes, then the bits of the message in sixteen.
    block[13] |= np.uint64(512 << 48)
    block[14] = np.uint64(8 * size)
    for i in range(0, 16, 2):
        state[i] = np.uint64(512)
        state[i + 1] = np.uint64(0)
    for i in range(16):
        state[16 + i] = block[i]
    count = np.uint32(8 * size)
    for number in range(_ROUNDS):
        _substitute(state, np.uint32(count + np.uint32(16 * number)))
        _shift_and_mix(state, other)
    for i in range(16):
        state[i] ^= state[16 + i] ^ block[i]
    for i in range(0, 8, 2):
        state[i] ^= np.uint64(512)
    give_digest(block, state, 0)
