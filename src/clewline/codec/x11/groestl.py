"""Grøstl-512, third of the eleven (Gauravaram et al., SHA-3 candidate, March 2011)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.aes import combined
from clewline.codec.x11.words import Room, end_message, give_digest
from clewline.jit import inlined, leaf

_ROUNDS: Final = 14
_COLUMNS: Final = 16
_MIX: Final = np.array([2, 2, 3, 4, 5, 3, 5, 7])
_TABLES: Final = np.array([combined(_MIX, at) for at in range(8)])
# How far ShiftBytesWide moves each row.
_SHIFT_P: Final = np.array([0, 1, 2, 3, 4, 5, 6, 11])
_SHIFT_Q: Final = np.array([1, 3, 5, 11, 0, 2, 4, 6])
_BYTE: Final = np.uint64(0xFF)
# 512 in the last bytes of the initial state, as a number.
_INITIAL_LAST: Final = np.uint64(0x02 << 48)


@inlined
def _rounds(state: NDArray[np.uint64], other: NDArray[np.uint64], is_q: bool) -> None:  # noqa: FBT001
    """Apply the permutation P or Q to 16 columns, row 0 lowest; `other` is as large."""
    for number in range(_ROUNDS):
        for column in range(_COLUMNS):
            constant = np.uint64(column << 4 ^ number)
            if is_q:
                state[column] ^= ~(constant << np.uint64(56))
            else:
                state[column] ^= constant
        for column in range(_COLUMNS):
            word = np.uint64(0)
            for row in range(8):
                by = _SHIFT_Q[row] if is_q else _SHIFT_P[row]
                taken = state[(column + by) & 15] >> np.uint64(8 * row) & _BYTE
                word ^= _TABLES[row, taken]
            other[column] = word
        for column in range(_COLUMNS):
            state[column] = other[column]


@leaf
def _p(state: NDArray[np.uint64], other: NDArray[np.uint64]) -> None:
    """Apply the permutation P."""
    _rounds(state, other, False)  # noqa: FBT003


@leaf
def _q(state: NDArray[np.uint64], other: NDArray[np.uint64]) -> None:
    """Apply the permutation Q."""
    _rounds(state, other, True)  # noqa: FBT003


@leaf
def groestl512(room: Room, size: int) -> None:
    """Replace a message of at most 119 bytes by its hash."""
    block, state, other = room.block, room.wide, room.wide[16:]
    end_message(block, size)
    # The number of blocks, as a number of eight bytes.
    block[15] = np.uint64(1 << 56)
    for column in range(_COLUMNS):
        state[column] = block[column]
    state[15] ^= _INITIAL_LAST
    _p(state, other)
    _q(block, other)
    for column in range(_COLUMNS):
        state[column] ^= block[column]
    state[15] ^= _INITIAL_LAST
    for column in range(_COLUMNS):
        block[column] = state[column]
    _p(state, other)
    for column in range(_COLUMNS):
        state[column] ^= block[column]
    give_digest(block, state, 8)
