"""SHAvite-3-512, ninth of the eleven (Biham and Dunkelman, SHA-3 proposal, tweaked version).

The rounds of AES are those of the specification, not of the first reference code, which took bytes
in another order.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.aes import aes_round
from clewline.codec.x11.words import Room, end_message, give_halves, half_of, table
from clewline.jit import leaf

_ROUNDS: Final = 14
_KEY_WORDS: Final = 448
_INITIAL: Final = table(
    "72fccdd8 79ca4727 128a077b 40d55aec d1901a06 430ae307 b29f5cd1 df07fbfc"
    "8e45d73d 681ab538 bde86578 dd577e47 e275eade 502d9fcd b9357178 022a4b9a",
    ">u4",
)
# Where the bit counter enters the expanded message, and at which word of four it goes in first;
# here it is below 2^32, so that its other words are zeros, of which the last is negated.
_COUNTER_AT: Final = np.array([32, 164, 316, 440])
_COUNTER_WORD: Final = np.array([0, 3, 2, 1])


@leaf
def _expand(key: NDArray[np.uint32], count: np.uint32) -> None:
    """Fill 448 words from the first 32, which hold the block (section 3.2.2)."""
    met = 0
    for at in range(32, _KEY_WORDS, 4):
        if (at // 32) & 1 == 0:
            for i in range(4):
                key[at + i] = key[at + i - 32] ^ key[at + i - 7]
            continue
        a, b, c, d = aes_round(key[at - 31], key[at - 30], key[at - 29], key[at - 32])
        key[at] = a ^ key[at - 4]
        key[at + 1] = b ^ key[at - 3]
        key[at + 2] = c ^ key[at - 2]
        key[at + 3] = d ^ key[at - 1]
        if met < 4 and at == _COUNTER_AT[met]:
            word = _COUNTER_WORD[met]
            key[at + word] ^= count
            key[at + 3] ^= np.uint32(0xFFFFFFFF)
            met += 1


@leaf
def shavite512(room: Room, size: int) -> None:
    """Replace a message of at most 109 bytes by its hash."""
    block, key, state = room.block, room.half, room.half[_KEY_WORDS:]
    end_message(block, size)
    for i in range(32):
        key[i] = half_of(block, i)
    count = np.uint32(8 * size)
    # Bits of the message, 16 bytes that end before the length of the digest, two bytes.
    key[27] |= np.uint32(count << np.uint32(16))
    key[31] = np.uint32(512 << 16)
    _expand(key, count)
    for i in range(16):
        state[i] = _INITIAL[i]
    # The four columns of the state do not move; which is first does.
    for number in range(_ROUNDS):
        for half in range(2):
            left = 4 * ((2 * half - number) & 3)
            right = 4 * ((2 * half + 1 - number) & 3)
            a, b, c, d = state[right], state[right + 1], state[right + 2], state[right + 3]
            at = 32 * number + 16 * half
            for step in range(at, at + 16, 4):
                a, b, c, d = aes_round(
                    a ^ key[step], b ^ key[step + 1], c ^ key[step + 2], d ^ key[step + 3]
                )
            state[left] ^= a
            state[left + 1] ^= b
            state[left + 2] ^= c
            state[left + 3] ^= d
    # After 14 rounds the first column stands third.
    for i in range(16):
        key[i] = _INITIAL[i] ^ state[i ^ 8]
    give_halves(block, key, 0)
