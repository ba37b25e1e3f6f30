"""Keccak-256 as Ethereum and Monero use it: the padding of the submission, not of FIPS 202.

SHA3-256 differs in one bit of the padding, which is why hashlib has no name for this one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel, leaf

DIGEST_SIZE: Final = 32
_RATE: Final = 136  # bytes of the state that take input
_LANES: Final = 25
_ROUNDS: Final = 24


def _round_constants() -> NDArray[np.uint64]:
    """Return the constants of ι from their shift register (Keccak reference, section 1.2)."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return np.array(constants, np.uint64)


def _lane_order() -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return where π moves lanes, one after the other, and by how much ρ turns each."""
    lanes, turns, x, y = [], [], 1, 0
    for step in range(_LANES - 1):
        x, y = y, (2 * x + 3 * y) % 5
        lanes.append(x + 5 * y)
        turns.append((step + 1) * (step + 2) // 2 % 64)
    return np.array(lanes), np.array(turns, np.uint64)


_CONSTANTS: Final = _round_constants()
_NEXT, _TURNS = _lane_order()
_WORD: Final = np.uint64(64)
_BYTE: Final = np.uint64(8)
_ONE: Final = np.uint64(1)


@leaf
def _turned(lane: np.uint64, by: np.uint64) -> np.uint64:
    """Turn 64 bits to the left, by 1 to 63."""
    return lane << by | lane >> (_WORD - by)


@leaf
def permute(state: NDArray[np.uint64], sums: NDArray[np.uint64]) -> None:
    """Apply Keccak-f[1600] to 25 lanes; `sums` has room for five."""
    for number in range(_ROUNDS):
        for x in range(5):
            sums[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
        for x in range(5):
            change = sums[(x + 4) % 5] ^ _turned(sums[(x + 1) % 5], _ONE)
            for y in range(0, _LANES, 5):
                state[x + y] ^= change
        # The walk over all lanes but the first begins and ends at lane 1.
        moved = state[1]
        for step in range(_LANES - 1):
            lane = _NEXT[step]
            kept = state[lane]
            state[lane] = _turned(moved, _TURNS[step])
            moved = kept
        for y in range(0, _LANES, 5):
            for x in range(5):
                sums[x] = state[x + y]
            for x in range(5):
                state[x + y] = sums[x] ^ (~sums[(x + 1) % 5] & sums[(x + 2) % 5])
        state[0] ^= _CONSTANTS[number]


@kernel
def _digest(padded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the hash of whole blocks."""
    state, sums = np.zeros(_LANES, np.uint64), np.empty(5, np.uint64)
    for start in range(0, padded.size, _RATE):
        for lane in range(_RATE // 8):
            word = np.uint64(0)
            for i in range(7, -1, -1):
                word = word << _BYTE | np.uint64(padded[start + 8 * lane + i])
            state[lane] ^= word
        permute(state, sums)
    return state[: DIGEST_SIZE // 8].copy().view(np.uint8)


def keccak256(data: bytes) -> bytes:
    """Return the Keccak-256 hash of some bytes (Keccak submission, version 3).

    Examples
    --------
    >>> keccak256(b"").hex()
    'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
    """
    room = _RATE - len(data) % _RATE
    padding = bytearray(room)
    padding[0] = 0x01
    padding[-1] |= 0x80
    return _digest(np.frombuffer(data + padding, np.uint8)).tobytes()
