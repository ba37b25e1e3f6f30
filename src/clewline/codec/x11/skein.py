"""Skein-512-512, fourth of the eleven (Ferguson et al., The Skein Hash Function Family, 1.3)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, give_digest, table, turned
from clewline.jit import leaf

_ROUNDS: Final = 72
# Appendix B.
_INITIAL: Final = table(
    "4903adff749c51ce 0d95de399746df03 8fd1934127c79bce 9a255629ff352cb1"
    "5db62599df6ca7b0 eabe394ca9d5c3f4 991112c71a75b523 ae18a40b660fcc33",
    ">u8",
)
_PARITY: Final = np.uint64(0x1BD11BDAA9FC1A22)
# Tweaks: the type of a block, and that it is the first and the last of its type.
_MESSAGE: Final = np.uint64(0xF0 << 56)
_OUTPUT: Final = np.uint64(0xFF << 56)
# Table 4, and which words each of four rounds mixes: the permutation, followed instead of done.
_TURNS: Final = np.array(
    [
        [46, 36, 19, 37],
        [33, 27, 14, 42],
        [17, 49, 36, 39],
        [44, 9, 54, 56],
        [39, 30, 34, 24],
        [13, 50, 10, 17],
        [25, 29, 39, 43],
        [8, 35, 56, 22],
    ],
    np.uint64,
)
_PAIRS: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [2, 1, 4, 7, 6, 5, 0, 3],
        [4, 1, 6, 3, 0, 5, 2, 7],
        [6, 1, 0, 7, 2, 5, 4, 3],
    ]
)


@leaf
def _encrypt(
    state: NDArray[np.uint64], key: NDArray[np.uint64], low: np.uint64, high: np.uint64
) -> None:
    """Apply Threefish-512 to eight words; `key` holds eight and has room for a ninth."""
    key[8] = _PARITY
    for i in range(8):
        key[8] ^= key[i]
    for number in range(_ROUNDS + 1):
        if number % 4 == 0:
            step = number // 4
            for i in range(8):
                state[i] += key[(step + i) % 9]
            for i in range(2):
                which = (step + i) % 3
                state[5 + i] += low if which == 0 else (high if which == 1 else low ^ high)
            state[7] += np.uint64(step)
        if number == _ROUNDS:
            return
        pairs = _PAIRS[number % 4]
        for i in range(4):
            a, b = pairs[2 * i], pairs[2 * i + 1]
            state[a] += state[b]
            state[b] = turned(state[b], _TURNS[number % 8, i]) ^ state[a]


@leaf
def skein512(room: Room, size: int) -> None:
    """Replace a message of at most 64 bytes by its hash."""
    block, state, key = room.block, room.wide, room.wide[8:]
    for i in range(8):
        state[i] = block[i]
        key[i] = _INITIAL[i]
    _encrypt(state, key, np.uint64(size), _MESSAGE)
    for i in range(8):
        key[i] = state[i] ^ block[i]
        # The output block counts from zero.
        state[i] = np.uint64(0)
    _encrypt(state, key, np.uint64(8), _OUTPUT)
    give_digest(block, state, 0)
