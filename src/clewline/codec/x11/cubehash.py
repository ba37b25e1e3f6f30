"""CubeHash16/32-512, eighth of the eleven (Bernstein, CubeHash specification 2.B.1)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, end_message, give_halves, half_of, table, turned_half
from clewline.jit import leaf

_ROUNDS: Final = 16
_LAST_ROUNDS: Final = 160
# What 160 rounds make of 64, 32, 16 and zeros: digest bytes, block bytes, rounds.
_INITIAL: Final = table(
    "2aea2a61 50f494d4 2d538b8b 4167d83e 3fee2313 c701cf8c cc39968e 50ac5695"
    "4d42c787 a647a8b3 97cf0bef 825b4537 eef864d2 f22090c4 d0e5cd33 a23911ae"
    "fcd398d9 148fe485 1b017bef b6444532 6a536159 2ff5781c 91fa7934 0dbadea9"
    "d65c8a2b a5a70e75 b1c62456 bc796576 1921c8f7 e7989af1 7795d246 d43e3b44",
    ">u4",
)


@leaf
def _transform(state: NDArray[np.uint32], rounds: int) -> None:
    """Apply some rounds to 32 words; words from 32 to 63 are for keeping."""
    a, b, c, d = state, state[16:], state[32:], state[48:]
    for _ in range(rounds):
        for i in range(16):
            b[i] += a[i]
        for i in range(16):
            c[i] = turned_half(a[i ^ 8], 7) ^ b[i]
        for i in range(16):
            d[i] = b[i ^ 2] + c[i]
        for i in range(16):
            a[i] = turned_half(c[i ^ 4], 11) ^ d[i]
        for i in range(16):
            b[i] = d[i ^ 1]


@leaf
def cubehash512(room: Room, size: int) -> None:
    """Replace a message of at most 127 bytes by its hash."""
    block, state = room.block, room.half
    end_message(block, size)
    for i in range(32):
        state[i] = _INITIAL[i]
    for number in range(size // 32 + 1):
        for i in range(8):
            state[i] ^= half_of(block, 8 * number + i)
        _transform(state, _ROUNDS)
    state[31] ^= np.uint32(1)
    _transform(state, _LAST_ROUNDS)
    give_halves(block, state, 0)
