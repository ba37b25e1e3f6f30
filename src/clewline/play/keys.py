"""Scripts, keys and signatures of the made-up chain: pseudo-random bytes of the right length.

Nobody holds a key to them and no signature verifies; Clewline checks none. Everything follows
from the seed and a number, so nothing has to be stored: script 17 of seed 3 is always the same.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel

UInt8 = NDArray[np.uint8]
Int64 = NDArray[np.int64]


class Kind(IntEnum):
    """The script types that the made-up case pays to."""

    P2PKH = 0
    P2SH_P2WPKH = 1
    P2WPKH = 2
    P2WSH = 3
    P2TR = 4
    NULL_DATA = 5


INPUT_VBYTES: Final = np.array([148, 91, 68, 104, 58, 0], np.int64)
OUTPUT_VBYTES: Final = np.array([34, 32, 31, 43, 43, 75], np.int64)
"""Virtual bytes of an input and of an output by `Kind`, for fees."""

SCRIPT_STREAM: Final = 1
PUBLIC_KEY_STREAM: Final = 2
SIGNATURE_STREAM: Final = 3
STYLE_STREAM: Final = 4
OBFUSCATION_STREAM: Final = 5
"""What a pseudo-random stream is for; streams of one seed do not overlap."""

# SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX2: Final = np.uint64(0x94D049BB133111EB)
_30: Final = np.uint64(30)
_27: Final = np.uint64(27)
_31: Final = np.uint64(31)
_8: Final = np.uint64(8)
_255: Final = np.uint64(255)


@kernel
def _mix(z: np.uint64) -> np.uint64:
    """Scramble 64 bits."""
    z = (z ^ (z >> _30)) * _MIX1
    z = (z ^ (z >> _27)) * _MIX2
    return z ^ (z >> _31)


@kernel
def stream(seed: np.uint64, purpose: int, number: int) -> np.uint64:
    """Return the start state (uint64) of the stream of `number` for a purpose."""
    state = _mix(np.uint64(seed) + _GAMMA * np.uint64(purpose))
    return _mix(state + _GAMMA * np.uint64(number))


@kernel
def fill(buffer: UInt8, at: int, count: int, state: np.uint64) -> int:
    """Write `count` bytes of a stream at `at`; return the position behind them."""
    done = 0
    while done < count:
        state = state + _GAMMA
        word = _mix(state)
        for _ in range(min(8, count - done)):
            buffer[at + done] = np.uint8(word & _255)
            word = word >> _8
            done += 1
    return at + count


@kernel
def write_script(buffer: UInt8, at: int, kind: int, script: int, seed: np.uint64) -> int:
    """Write the output script number `script`; return the position behind it."""
    state = stream(seed, SCRIPT_STREAM, script)
    if kind == 0:  # OP_DUP OP_HASH160 <20 bytes> OP_EQUALVERIFY OP_CHECKSIG
        buffer[at], buffer[at + 1], buffer[at + 2] = 0x76, 0xA9, 20
        at = fill(buffer, at + 3, 20, state)
        buffer[at], buffer[at + 1] = 0x88, 0xAC
        return at + 2
    if kind == 1:  # OP_HASH160 <20 bytes> OP_EQUAL
        buffer[at], buffer[at + 1] = 0xA9, 20
        at = fill(buffer, at + 2, 20, state)
        buffer[at] = 0x87
        return at + 1
    if kind == 5:  # OP_RETURN <64 bytes>
        buffer[at], buffer[at + 1] = 0x6A, 64
        return fill(buffer, at + 2, 64, state)
    length = 20 if kind == 2 else 32  # BIP-141 witness programs; P2TR is version 1 (BIP-341)
    buffer[at], buffer[at + 1] = 0x51 if kind == 4 else 0, length
    return fill(buffer, at + 2, length, state)


@kernel
def _write_scripts(
    blob: UInt8, starts: Int64, numbers: Int64, kinds: UInt8, seed: np.uint64
) -> None:
    """Write scripts one behind the other."""
    at = 0
    for i in range(numbers.size):
        starts[i] = at
        at = write_script(blob, at, kinds[i], numbers[i], seed)
    starts[numbers.size] = at


def script_bytes(numbers: Int64, kinds: UInt8, seed: int) -> tuple[UInt8, Int64]:
    """Return the output scripts of these numbers.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Script numbers.
    kinds : ndarray of uint8, shape (n,)
        `Kind` of each.
    seed : int
        Seed of the case.

    Returns
    -------
    blob : ndarray of uint8
        Scripts one behind the other.
    starts : ndarray of int64, shape (n + 1,)
        Where each begins; the last entry is the length of `blob`.

    Examples
    --------
    >>> blob, starts = script_bytes(np.array([0]), np.array([Kind.P2WPKH], np.uint8), 1)
    >>> blob[:2].tolist(), starts.tolist()
    ([0, 20], [0, 22])
    """
    blob = np.empty(66 * numbers.size, np.uint8)
    starts = np.empty(numbers.size + 1, np.int64)
    _write_scripts(blob, starts, numbers, kinds, np.uint64(seed))
    return blob[: starts[-1]].copy(), starts


def obfuscation_key(seed: int) -> bytes:
    """Return the eight bytes of ``xor.dat``, none of them zero.

    Examples
    --------
    >>> len(obfuscation_key(1)), 0 in obfuscation_key(1)
    (8, False)
    """
    buffer = np.empty(8, np.uint8)
    # Outside kernels a word comes back as an int, which Numba would take for a signed one.
    fill(buffer, 0, 8, np.uint64(stream(np.uint64(seed), OBFUSCATION_STREAM, 0)))
    return bytes(1 + byte % 255 for byte in buffer.tolist())
