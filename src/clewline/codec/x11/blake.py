"""BLAKE-512, first of the eleven (Aumasson et al., SHA-3 proposal BLAKE, 1.3: 16 rounds)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, end_message, give_digest, swapped, table, turned
from clewline.jit import inlined, leaf

_ROUNDS: Final = 16
# That of SHA-512.
_INITIAL: Final = table(
    "6a09e667f3bcc908 bb67ae8584caa73b 3c6ef372fe94f82b a54ff53a5f1d36f1"
    "510e527fade682d1 9b05688c2b3e6c1f 1f83d9abfb41bd6b 5be0cd19137e2179",
    ">u8",
)
# The first digits of pi behind the point.
_PI: Final = table(
    "243f6a8885a308d3 13198a2e03707344 a4093822299f31d0 082efa98ec4e6c89"
    "452821e638d01377 be5466cf34e90c6c c0ac29b7c97c50dd 3f84d5b5b5470917"
    "9216d5d98979fb1b d1310ba698dfb5ac 2ffd72dbd01adfb7 b8e1afed6a267e96"
    "ba7c9045f12c7f99 24a19947b3916cf7 0801f2e2858efc16 636920d871574e69",
    ">u8",
)
_ORDER: Final = np.array(
    [
        [int(digit, 16) for digit in row]
        for row in (
            "0123456789abcdef",
            "ea489fd61c02b753",
            "b8c052fdae367194",
            "7931dcbe265a40f8",
            "905724afe1bc683d",
            "2c6a0b834d75fe19",
            "c51fed4a0763928b",
            "db7ec13950f4862a",
            "6fe9b308c2d714a5",
            "a2847615fb9e3cd0",
        )
    ]
)
# Which four words of the state each of a round's eight steps mixes: columns, then diagonals.
_QUARTERS: Final = np.array(
    [[i, 4 + i, 8 + i, 12 + i] for i in range(4)]
    + [[i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4] for i in range(4)]
)


@inlined
def _mix(state: NDArray[np.uint64], step: int, one: np.uint64, other: np.uint64) -> None:
    """Mix two words of message into four of the state (G of the proposal)."""
    a, b, c, d = _QUARTERS[step, 0], _QUARTERS[step, 1], _QUARTERS[step, 2], _QUARTERS[step, 3]
    state[a] += state[b] + one
    state[d] = turned(state[d] ^ state[a], np.uint64(32))
    state[c] += state[d]
    state[b] = turned(state[b] ^ state[c], np.uint64(39))
    state[a] += state[b] + other
    state[d] = turned(state[d] ^ state[a], np.uint64(48))
    state[c] += state[d]
    state[b] = turned(state[b] ^ state[c], np.uint64(53))


@leaf
def blake512(room: Room, size: int) -> None:
    """Replace a message of at most 110 bytes by its hash."""
    block, state = room.block, room.wide
    end_message(block, size)
    for i in range(16):
        block[i] = swapped(block[i])
    bits = np.uint64(8 * size)
    block[13] |= np.uint64(1)
    block[15] = bits
    for i in range(8):
        state[i] = _INITIAL[i]
        state[8 + i] = _PI[i]
    # Counts message bits; a block without any counts zero.
    state[12] ^= bits
    state[13] ^= bits
    for number in range(_ROUNDS):
        row = number % 10
        for step in range(8):
            j, k = _ORDER[row, 2 * step], _ORDER[row, 2 * step + 1]
            _mix(state, step, block[j] ^ _PI[k], block[k] ^ _PI[j])
    for i in range(8):
        state[i] = swapped(_INITIAL[i] ^ state[i] ^ state[8 + i])
    give_digest(block, state, 0)
