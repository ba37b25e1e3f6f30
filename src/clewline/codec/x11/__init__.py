"""X11, the name and the proof of work of Dash's blocks: eleven hashes in a row.

All were candidates of the SHA-3 competition, each with 512 bits: `blake`, `bmw`, `groestl`,
`skein`, `jh`, `keccak`, `luffa`, `cubehash`, `shavite`, `simd`, `echo`. The first takes the header,
each other one the digest before it; the first half of the last digest is the result. Written from
the submissions for messages that fit the first block, which is all that X11 asks for.

Nothing of Clewline imports this before it meets a chain that needs it: its tables and machine code
cost other chains nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.x11.blake import blake512
from clewline.codec.x11.bmw import bmw512
from clewline.codec.x11.cubehash import cubehash512
from clewline.codec.x11.echo import echo512
from clewline.codec.x11.groestl import groestl512
from clewline.codec.x11.jh import jh512
from clewline.codec.x11.keccak import keccak512
from clewline.codec.x11.luffa import luffa512
from clewline.codec.x11.shavite import shavite512
from clewline.codec.x11.simd import simd512
from clewline.codec.x11.skein import skein512
from clewline.codec.x11.words import Room, new_room
from clewline.jit import leaf

_HEADER_WORDS: Final = 10
_HEADER_BYTES: Final = 80
_DIGEST_BYTES: Final = 64
_NAME_WORDS: Final = 4


@leaf
def _hash_headers(words: NDArray[np.uint64], names: NDArray[np.uint64], room: Room) -> None:
    """Fill a row of `names` for each row of `words`."""
    for row in range(words.shape[0]):
        for i in range(_HEADER_WORDS):
            room.block[i] = words[row, i]
        for i in range(_HEADER_WORDS, room.block.size):
            room.block[i] = np.uint64(0)
        blake512(room, _HEADER_BYTES)
        bmw512(room, _DIGEST_BYTES)
        groestl512(room, _DIGEST_BYTES)
        skein512(room, _DIGEST_BYTES)
        jh512(room, _DIGEST_BYTES)
        keccak512(room, _DIGEST_BYTES)
        luffa512(room, _DIGEST_BYTES)
        cubehash512(room, _DIGEST_BYTES)
        shavite512(room, _DIGEST_BYTES)
        simd512(room, _DIGEST_BYTES)
        echo512(room, _DIGEST_BYTES)
        for i in range(_NAME_WORDS):
            names[row, i] = room.block[i]


def x11_many(header: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the X11 hash of each header.

    Parameters
    ----------
    header : ndarray of uint8, shape (n, 80)
        One a row, as serialised.

    Returns
    -------
    ndarray of uint8, shape (n, 32)
        Internal byte order.

    Notes
    -----
    Source: Dash Core, ``hash.h`` (``HashX11``). Cost: 24 µs a header on one core, without the
    interpreter lock; some ten seconds to compile, once.

    Examples
    --------
    >>> x11_many(np.zeros((1, 80), np.uint8)).shape
    (1, 32)
    """
    words = np.ascontiguousarray(header).view("<u8").astype(np.uint64)
    names = np.empty((header.shape[0], _NAME_WORDS), np.uint64)
    _hash_headers(words, names, new_room())
    return names.astype("<u8").view(np.uint8)
