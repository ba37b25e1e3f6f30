"""JH-512, fifth of the eleven (Wu, The Hash Function JH, January 2011), in bit slices.

The definition permutes 256 elements of four bits in each of 42 rounds. Here the four bits of all
elements stand in planes, elements of even and of odd index apart, and instead of the permutation
neighbours in the odd planes change places, at distance 1, 2, 4, …, 64. So elements stand elsewhere
than the definition has them; `_round_bits` follows them to find the constant that each one meets.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.words import Room, end_message, give_digest, swapped, table
from clewline.jit import inlined, leaf

_ROUNDS: Final = 42
_S_BOX: Final = (9, 0, 4, 11, 13, 12, 3, 15, 1, 10, 2, 6, 7, 5, 8, 14)
# The fractional part of the square root of 2: constant of round 0.
_FIRST: Final = "6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322a"
_INITIAL: Final = table(
    "6fd14b963e00aa17 636a2e057a15d543 8a225e8d0c97ef0b e9341259f2b3c361"
    "891da0c1536f801e 2aa9056bea2b6d80 588eccdb2075baa6 a90f3a76baf83bf7"
    "0169e60541e34a69 46b58a8e2e6fe65a 1047a7d0c1843c24 3b6e71b12d5ac199"
    "cf57f6ec9db1f856 a706887c5716b156 e3c2fcdfe68517fb 545a4678cc8cdd4b",
    "<u8",
)
_MASKS: Final = np.array(
    [
        0x5555555555555555,
        0x3333333333333333,
        0x0F0F0F0F0F0F0F0F,
        0x00FF00FF00FF00FF,
        0x0000FFFF0000FFFF,
        0x00000000FFFFFFFF,
    ],
    np.uint64,
)


def _doubled(element: int) -> int:
    """Multiply by 2 modulo x^4 + x + 1."""
    return (element << 1 ^ (0x13 if element & 8 else 0)) & 0xF


def _sources(count: int) -> list[int]:
    """Return where each of `count` elements comes from in the permutation P."""
    # Each second pair changes places; then even before odd; then pairs of the second half.
    swapped_pairs = [i ^ 1 if i & 2 else i for i in range(count)]
    parted = swapped_pairs[::2] + swapped_pairs[1::2]
    return [parted[i ^ 1 if i >= count // 2 else i] for i in range(count)]


def _constants() -> list[list[int]]:
    """Return the 256 bits of each round's constant: round after round of R6 (section 3.2)."""
    elements = [int(digit, 16) for digit in _FIRST]
    order, constants = _sources(64), []
    for _ in range(_ROUNDS):
        constants.append([element >> bit & 1 for element in elements for bit in (3, 2, 1, 0)])
        mixed = [_S_BOX[element] for element in elements]
        for i in range(0, 64, 2):
            mixed[i + 1] ^= _doubled(mixed[i])
            mixed[i] ^= _doubled(mixed[i + 1])
        elements = [mixed[source] for source in order]
    return constants


def _round_bits() -> NDArray[np.uint64]:
    """Return the constants as the slices meet them, shape (42, 4): even elements, then odd."""
    goes_to = [0] * 256
    for to, source in enumerate(_sources(256)):
        goes_to[source] = to
    # Which element of the definition stands at each place: even ones, then odd ones.
    even, odd = list(range(0, 256, 2)), list(range(1, 256, 2))
    rows = []
    for number, constant in enumerate(_constants()):
        bits = [constant[element] for element in even + odd]
        rows.append(np.packbits(np.array(bits, np.uint8)).view(np.uint64))
        distance = 1 << number % 7
        even = [goes_to[element] for element in even]
        odd = [goes_to[odd[i ^ distance]] for i in range(128)]
    return np.array(rows)


_CONSTANTS: Final = _round_bits()


@inlined
def _substitute(state: NDArray[np.uint64], at: int, constant: np.uint64) -> None:
    """Apply the S-boxes to 64 elements: planes `at`, `at` + 4, … (section 6.1.2)."""
    a, b, c, d = state[at], state[at + 4], state[at + 8], ~state[at + 12]
    a ^= constant & ~c
    kept = constant ^ a & b
    a ^= c & d
    d ^= ~b & c
    b ^= a & c
    c ^= a & ~d
    a ^= b | d
    d ^= b & c
    b ^= kept & a
    c ^= kept
    state[at], state[at + 4], state[at + 8], state[at + 12] = a, b, c, d


@inlined
def _mix(state: NDArray[np.uint64], at: int) -> None:
    """Apply the code L to 64 pairs, even elements at `at`, odd ones two words on."""
    odd = at + 2
    state[odd] ^= state[at + 4]
    state[odd + 4] ^= state[at + 8]
    state[odd + 8] ^= state[at + 12] ^ state[at]
    state[odd + 12] ^= state[at]
    state[at] ^= state[odd + 4]
    state[at + 4] ^= state[odd + 8]
    state[at + 8] ^= state[odd + 12] ^ state[odd]
    state[at + 12] ^= state[odd]


@leaf
def _permute(state: NDArray[np.uint64]) -> None:
    """Apply E8 to sixteen words: four planes of two words of even, two of odd elements."""
    for number in range(_ROUNDS):
        for at in range(4):
            _substitute(state, at, _CONSTANTS[number, at])
        for at in range(2):
            _mix(state, at)
        step = number % 7
        for plane in range(4):
            at = 4 * plane + 2
            if step == 6:
                state[at], state[at + 1] = state[at + 1], state[at]
                continue
            mask, by = _MASKS[step], np.uint64(1 << step)
            for i in range(at, at + 2):
                state[i] = state[i] >> by & mask | (state[i] & mask) << by


@leaf
def _absorb(state: NDArray[np.uint64], block: NDArray[np.uint64], first: int) -> None:
    """Compress eight words of a message (F8)."""
    for i in range(8):
        state[i] ^= block[first + i]
    _permute(state)
    for i in range(8):
        state[8 + i] ^= block[first + i]


@leaf
def jh512(room: Room, size: int) -> None:
    """Replace a message of at most 64 bytes by its hash."""
    block, state = room.block, room.wide
    end_message(block, size)
    for i in range(16):
        state[i] = _INITIAL[i]
    # Padding is at least a block: a message that ends within one has its length in the next.
    length = 15 if size > 0 else 7
    block[length] = swapped(np.uint64(8 * size))
    _absorb(state, block, 0)
    if size > 0:
        _absorb(state, block, 8)
    give_digest(block, state, 8)
