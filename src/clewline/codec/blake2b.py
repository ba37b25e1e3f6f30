"""BLAKE2b-256 with a personalisation (RFC 7693 and the BLAKE2 paper), for other kernels.

A message is absorbed in pieces: `begin`, `absorb` as often as needed, `finish`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.sha256 import DIGEST_SIZE
from clewline.jit import inlined, leaf

_BLOCK: Final = 128
_ROUNDS: Final = 12
_INITIAL: Final = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ORDER: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.uint8,
)
_LAST: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Set for the last block of a message."""
# Length of the digest, no key, fanout and depth 1.
_PARAMETERS: Final = np.uint64(0x01010000 | DIGEST_SIZE)


class Blake(NamedTuple):
    """A hash at work: from `new_blake`.

    Attributes
    ----------
    state : ndarray of uint64, shape (8,)
    work : ndarray of uint64, shape (32,)
        The vector of a compression, and the words of its block.
    waiting : ndarray of uint8, shape (128,)
        Bytes that are not compressed yet.
    counts : ndarray of int64, shape (2,)
        How many wait, and how many were compressed.
    """

    state: NDArray[np.uint64]
    work: NDArray[np.uint64]
    waiting: NDArray[np.uint8]
    counts: NDArray[np.int64]


def new_blake() -> Blake:
    """Return room for a hash; begin before use."""
    return Blake(
        np.empty(8, np.uint64),
        np.empty(32, np.uint64),
        np.empty(_BLOCK, np.uint8),
        np.empty(2, np.int64),
    )


@inlined
def _mix(v: NDArray[np.uint64], a: int, b: int, c: int, d: int, x: Any, y: Any) -> None:
    """Mix two words into four of the vector (RFC 7693, 3.1)."""
    v[a] += v[b] + x
    word = v[d] ^ v[a]
    v[d] = word >> np.uint64(32) | word << np.uint64(32)
    v[c] += v[d]
    word = v[b] ^ v[c]
    v[b] = word >> np.uint64(24) | word << np.uint64(40)
    v[a] += v[b] + y
    word = v[d] ^ v[a]
    v[d] = word >> np.uint64(16) | word << np.uint64(48)
    v[c] += v[d]
    word = v[b] ^ v[c]
    v[b] = word >> np.uint64(63) | word << np.uint64(1)


@leaf
def _compress(blake: Blake, data: NDArray[np.uint8], total: int, flag: Any) -> None:
    """Compress one block (RFC 7693, 3.2); `total` bytes of the message end with it."""
    v = blake.work
    for i in range(8):
        v[i] = blake.state[i]
        v[8 + i] = _INITIAL[i]
    v[12] ^= np.uint64(total)
    v[14] ^= flag
    for i in range(16):
        word = np.uint64(0)
        for byte in range(8):
            word |= np.uint64(data[8 * i + byte]) << np.uint64(8 * byte)
        v[16 + i] = word
    for turn in range(_ROUNDS):
        order = _ORDER[turn % 10]
        for i in range(4):
            x, y = v[16 + order[2 * i]], v[16 + order[2 * i + 1]]
            _mix(v, i, 4 + i, 8 + i, 12 + i, x, y)
        for i in range(4):
            x, y = v[16 + order[8 + 2 * i]], v[16 + order[9 + 2 * i]]
            _mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, x, y)
    for i in range(8):
        blake.state[i] ^= v[i] ^ v[8 + i]


@leaf
def begin(blake: Blake, personal: NDArray[np.uint8]) -> None:
    """Begin a message.

    Parameters
    ----------
    blake : Blake
        From `new_blake`.
    personal : ndarray of uint8, shape (16,)
        Personalisation.
    """
    for i in range(8):
        blake.state[i] = _INITIAL[i]
    blake.state[0] ^= _PARAMETERS
    for i in range(16):
        blake.state[6 + i // 8] ^= np.uint64(personal[i]) << np.uint64(8 * (i % 8))
    blake.counts[0] = 0
    blake.counts[1] = 0


@leaf
def absorb(blake: Blake, data: NDArray[np.uint8], start: int, length: int) -> None:
    """Take the next piece of the message.

    Parameters
    ----------
    blake : Blake
        After `begin`.
    data : ndarray of uint8
        Holds the piece.
    start, length : int
        Where; inside `data` (not checked).
    """
    waiting, done = blake.counts[0], blake.counts[1]
    for i in range(length):
        # A full block waits until more comes: the last one is compressed otherwise.
        if waiting == _BLOCK:
            done += _BLOCK
            _compress(blake, blake.waiting, done, np.uint64(0))
            waiting = 0
        blake.waiting[waiting] = data[start + i]
        waiting += 1
    blake.counts[0], blake.counts[1] = waiting, done


@leaf
def finish(blake: Blake, out: NDArray[np.uint8], start: int) -> None:
    """Write the digest.

    Parameters
    ----------
    blake : Blake
        After the last `absorb`.
    out : ndarray of uint8
        Receives 32 bytes.
    start : int
        From where on.

    Examples
    --------
    >>> blake, out = new_blake(), np.empty(32, np.uint8)
    >>> begin(blake, np.frombuffer(b"ZTxIdHeadersHash", np.uint8))
    >>> absorb(blake, np.frombuffer(b"abc", np.uint8), 0, 3)
    >>> finish(blake, out, 0)
    >>> from hashlib import blake2b
    >>> blake2b(b"abc", digest_size=32, person=b"ZTxIdHeadersHash").digest() == out.tobytes()
    True
    """
    waiting = blake.counts[0]
    for i in range(waiting, _BLOCK):
        blake.waiting[i] = 0
    _compress(blake, blake.waiting, blake.counts[1] + waiting, _LAST)
    for i in range(DIGEST_SIZE):
        out[start + i] = (blake.state[i // 8] >> np.uint64(8 * (i % 8))) & np.uint64(0xFF)
