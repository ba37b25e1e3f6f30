"""Keccak-512, sixth of the eleven: the padding of the submission, not of FIPS 202."""

from __future__ import annotations

from typing import Final

import numpy as np

from clewline.codec.keccak import permute
from clewline.codec.x11.words import Room, give_digest
from clewline.jit import leaf

_LANES: Final = 25
_RATE: Final = 9  # lanes that take input


@leaf
def keccak512(room: Room, size: int) -> None:
    """Replace a message of at most 71 bytes by its hash."""
    block, state = room.block, room.wide
    block[size >> 3] |= np.uint64(1) << np.uint64(8 * (size & 7))
    block[_RATE - 1] |= np.uint64(1 << 63)
    for i in range(_LANES):
        state[i] = block[i] if i < _RATE else np.uint64(0)
    permute(state, room.wide[32:])
    give_digest(block, state, 0)
