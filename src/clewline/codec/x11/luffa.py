"""Luffa-512, seventh of the eleven (De Cannière, Sato, Watanabe, specification 2.0.1)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, end_message, give_halves, half_of, table, turned_half
from clewline.jit import inlined, leaf

_LANES: Final = 5
_STEPS: Final = 8
# Appendix: the starting state of each lane, and the constants that each step adds to two words.
_INITIAL: Final = table(
    "6d251e69 44b051e0 4eaa6fb4 dbf78465 6e292011 90152df4 ee058139 def610bb"
    "c3b44b95 d9d2f256 70eee9a0 de099fa3 5d9b0557 8fc944b3 cf1ccf0e 746cd581"
    "f7efc89d 5dba5781 04016ce5 ad659c05 0306194f 666d1836 24aa230a 8b264ae7"
    "858075d5 36d79cce e571f7d7 204b1f67 35870c6a 57e9e923 14bcb808 7cde72ce"
    "6c68e9be 5ec41e22 c825b7c7 affb4363 f5df3999 0fc688f1 b07224cc 03e86cea",
    ">u4",
)
_CONSTANTS: Final = table(
    "303994a6 c0e65299 6cc33a12 dc56983e 1e00108f 7800423d 8f5b7882 96e1db12"
    "e0337818 441ba90d 7f34d442 9389217f e5a8bce6 5274baf4 26889ba7 9a226e9d"
    "b6de10ed 70f47aae 0707a3d4 1c1e8f51 707a3d45 aeb28562 baca1589 40a46f3e"
    "01685f3d 05a17cf4 bd09caca f4272b28 144ae5cc faa7ae2b 2e48f1c1 b923c704"
    "fc20d9d2 34552e25 7ad8818f 8438764a bb6de032 edb780c8 d9847356 a2c78434"
    "e25e72c1 e623bb72 5c58a4a4 1e38e2e7 78e38b9d 27586719 36eda57f 703aace7"
    "b213afa5 c84ebe95 4e608a22 56d858fe 343b138f d0ec4e3d 2ceb4882 b3ad2208"
    "e028c9bf 44756f91 7e8fce32 956548be fe191be2 3cb226e5 5944a28e a1c4c355"
    "f0d2e9e3 ac11d7fa 1bcb66f2 6f2d9bc9 78602649 8edae952 3b6ba548 edae9520"
    "5090d577 2d1925ab b46496ac d1925ab0 29131ab6 0fc053c3 3f014f0c fc053c31",
    ">u4",
).reshape(_LANES, 2, _STEPS)


@inlined
def _double(lane: NDArray[np.uint32], at: int) -> None:
    """Multiply eight words by x modulo x^8 + x^4 + x^3 + x + 1, bit by bit."""
    last = lane[at + 7]
    for i in range(7, 0, -1):
        lane[at + i] = lane[at + i - 1]
    lane[at] = last
    lane[at + 1] ^= last
    lane[at + 3] ^= last
    lane[at + 4] ^= last


@leaf
def _inject(state: NDArray[np.uint32], message: NDArray[np.uint32]) -> None:
    """Mix the lanes, then add the message to each (section 3.2.3); both are changed."""
    total = state[48:]
    for i in range(8):
        total[i] = np.uint32(0)
        for lane in range(_LANES):
            total[i] ^= state[8 * lane + i]
    _double(total, 0)
    for i in range(8 * _LANES):
        state[i] ^= total[i & 7]
    for turn in range(2):
        # Twice each lane and its neighbour: the next one, then the one before.
        first = 0 if turn == 0 else 4
        for i in range(8):
            total[i] = state[8 * first + i]
        for count in range(_LANES):
            lane = count if turn == 0 else 4 - count
            other = lane + 1 if turn == 0 else lane - 1
            _double(state, 8 * lane)
            for i in range(8):
                last = count == _LANES - 1
                state[8 * lane + i] ^= total[i] if last else state[8 * other + i]
    for lane in range(_LANES):
        for i in range(8):
            state[8 * lane + i] ^= message[i]
        _double(message, 0)


@inlined
def _sub_crumb(state: NDArray[np.uint32], at: int, b: int, c: int, d: int) -> None:
    """Apply the S-box to 32 crumbs of four bits, lowest bits first (section 3.3.1, in slices)."""
    a0, a1, a2, a3 = state[at], state[b], state[c], state[d]
    kept = a0
    a0 |= a1
    a2 ^= a3
    a1 = ~a1
    a0 ^= a3
    a3 &= kept
    a1 ^= a3
    a3 ^= a2
    a2 &= a0
    a0 = ~a0
    a2 ^= a1
    a1 |= a3
    kept ^= a1
    a3 ^= a2
    a2 &= a1
    a1 ^= a0
    state[at], state[b], state[c], state[d] = kept, a1, a2, a3


@leaf
def _permute(state: NDArray[np.uint32]) -> None:
    """Apply the five permutations Q, each to its lane (section 3.3)."""
    for lane in range(_LANES):
        at = 8 * lane
        if lane > 0:
            for i in range(at + 4, at + 8):
                state[i] = turned_half(state[i], lane)
        for step in range(_STEPS):
            _sub_crumb(state, at, at + 1, at + 2, at + 3)
            _sub_crumb(state, at + 5, at + 6, at + 7, at + 4)
            for i in range(at, at + 4):
                left = state[i]
                right = state[i + 4] ^ left
                left = turned_half(left, 2) ^ right
                right = turned_half(right, 14) ^ left
                state[i] = turned_half(left, 10) ^ right
                state[i + 4] = turned_half(right, 1)
            state[at] ^= _CONSTANTS[lane, 0, step]
            state[at + 4] ^= _CONSTANTS[lane, 1, step]


@leaf
def luffa512(room: Room, size: int) -> None:
    """Replace a message of at most 64 bytes by its hash."""
    block, state, message, digest = room.block, room.half, room.half[64:], room.half[80:]
    end_message(block, size)
    for i in range(8 * _LANES):
        state[i] = _INITIAL[i]
    full = size // 32 + 1
    # The last two rounds are blank; each gives half of the digest.
    for number in range(full + 2):
        for i in range(8):
            word = half_of(block, 8 * number + i) if number < full else np.uint32(0)
            message[i] = _swapped_half(word)
        _inject(state, message)
        _permute(state)
        for i in range(8):
            if number >= full:
                word = np.uint32(0)
                for lane in range(_LANES):
                    word ^= state[8 * lane + i]
                digest[8 * (number - full) + i] = _swapped_half(word)
    give_halves(block, digest, 0)


@inlined
def _swapped_half(word: np.uint32) -> np.uint32:
    """Reverse the order of four bytes."""
    odd, even = word & np.uint32(0x00FF00FF), word >> np.uint32(8) & np.uint32(0x00FF00FF)
    return turned_half(np.uint32(odd << np.uint32(8)) | np.uint32(even), 16)
