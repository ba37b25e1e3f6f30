"""SIMD-512, tenth of the eleven (Leurent, Bouillaguet, Fouque, SIMD is a Message Digest, 1.1)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, give_halves, half_of, table, turned_half
from clewline.jit import inlined, leaf

_PRIME: Final = 257
_POINTS: Final = 256
_ROOT: Final = 41
_INITIAL: Final = table(
    "0ba16b95 72f999ad 9fecc2ae ba3264fc 5e894929 8e9f30e5 2f1daa37 f0f2c558"
    "ac506643 a90635a5 e25b878b aab7878f 88817f7a 0a02892b 559a7550 598f657e"
    "7eef60a1 6b70e3e8 9c1714d1 b958e2a8 ab02675e ed1c014f cd8d65bb fdb7a257"
    "09254899 d699c7bc 9019b6dc 2b9022e4 8fa14956 21bf9bd3 b94d0943 6ffddc22",
    ">u4",
)
_POWERS: Final = np.array([pow(_ROOT, i, _PRIME) for i in range(_POINTS)], np.int32)
_REVERSED: Final = np.array([int(f"{i:08b}"[::-1], 2) for i in range(_POINTS)])
# What is added to the transform: of a block of message, and of the last.
_ADDED: Final = np.array(
    [
        [pow(_ROOT, 255 * i, _PRIME) for i in range(_POINTS)],
        [(pow(_ROOT, 255 * i, _PRIME) + pow(_ROOT, 253 * i, _PRIME)) for i in range(_POINTS)],
    ],
    np.int32,
)
# Which eight words of the expanded message each of the 32 steps takes (table 1).
_STEP_WORDS: Final = np.array(
    [
        *(4, 6, 0, 2, 7, 5, 3, 1, 15, 11, 12, 8, 9, 13, 10, 14),
        *(17, 18, 23, 20, 22, 21, 16, 19, 30, 24, 25, 31, 27, 29, 28, 26),
    ]
)
_TURNS: Final = np.array([[3, 23, 17, 27], [28, 19, 22, 7], [29, 9, 15, 5], [4, 13, 10, 25]])
# A step adds to each of eight columns one of another: that whose number differs in these bits.
_PARTNER: Final = np.array([1, 6, 2, 3, 5, 7, 4])


@inlined
def _reduced(number: np.int32) -> np.int32:
    """Return a small number of the same rest modulo 257, as 256 is -1."""
    return np.int32((number & np.int32(255)) - (number >> np.int32(8)))


@leaf
def _transform(block: NDArray[np.uint64], points: NDArray[np.int32], last: int) -> None:
    """Fill `points` with the number-theoretic transform of 128 bytes, from -128 to 128."""
    for i in range(_POINTS):
        points[_REVERSED[i]] = (
            np.int32(block[i >> 3] >> np.uint64(8 * (i & 7)) & np.uint64(255))
            if i < 128
            else np.int32(0)
        )
    half = 1
    while half < _POINTS:
        stride = _POINTS // (2 * half)
        for start in range(0, _POINTS, 2 * half):
            for i in range(half):
                a = points[start + i]
                b = _reduced(np.int32(points[start + half + i] * _POWERS[i * stride]))
                points[start + i] = _reduced(np.int32(a + b))
                points[start + half + i] = _reduced(np.int32(a - b))
        half *= 2
    for i in range(_POINTS):
        rest = (points[i] + _ADDED[last, i]) % _PRIME
        points[i] = np.int32(rest if rest <= 128 else rest - _PRIME)


@inlined
def _word(points: NDArray[np.int32], step: int, column: int) -> np.uint32:
    """Return a word of the expanded message: two points, times a constant."""
    row = _STEP_WORDS[step]
    first, apart, factor = 16 * row + 2 * column, 1, 185
    if row >= 24:
        first, apart, factor = first - 383, 128, 233
    elif row >= 16:
        first, apart, factor = first - 256, 128, 233
    low, high = points[first] * factor, points[first + apart] * factor
    return np.uint32(np.uint32(low & 0xFFFF) | np.uint32((high & 0xFFFF) << 16))


@leaf
def _compress(
    block: NDArray[np.uint64], points: NDArray[np.int32], chain: NDArray[np.uint32], last: int
) -> None:
    """Compress a block into the 32 words of `chain`; room for 40 more is behind them."""
    _transform(block, points, last)
    state, turned = chain[32:], chain[64:]
    for i in range(32):
        state[i] = chain[i] ^ half_of(block, i)
    for step in range(36):
        turns = _TURNS[min(step // 8, 3)]
        first, second = turns[step & 3], turns[(step + 1) & 3]
        for i in range(8):
            turned[i] = turned_half(state[i], first)
        partner = _PARTNER[step % 7]
        for i in range(8):
            a, b, c = state[i], state[8 + i], state[16 + i]
            # In the second half of a round the majority of three bits, else a choice between two.
            by_majority = step & 4 and step < 32
            mixed = (a & b) | ((a | b) & c) if by_majority else ((b ^ c) & a) ^ c
            word = _word(points, step, i) if step < 32 else chain[8 * (step - 32) + i]
            total = np.uint32(state[24 + i] + word + mixed)
            state[i] = np.uint32(turned_half(total, second) + turned[i ^ partner])
            state[24 + i] = c
            state[16 + i] = b
            state[8 + i] = turned[i]
    for i in range(32):
        chain[i] = state[i]


@leaf
def simd512(room: Room, size: int) -> None:
    """Replace a message of at most 128 bytes by its hash."""
    block, points, chain = room.block, room.points, room.half
    for i in range(32):
        chain[i] = _INITIAL[i]
    # Zeros fill a block; the length is in one of its own.
    if size > 0:
        _compress(block, points, chain, 0)
    for i in range(16):
        block[i] = np.uint64(0)
    block[0] = np.uint64(8 * size)
    _compress(block, points, chain, 1)
    give_halves(block, chain, 0)
