"""Block headers: what of them is kept, and the hash that names a block.

Of most chains a header is 80 bytes and its double SHA-256 is the block's hash. Zcash's is longer
(``CBlockHeader``, protocol specification 7.6): behind the Merkle root stands a commitment to the
history of the chain, the nonce has 32 bytes, and an Equihash solution follows, all of it hashed.
Its rows hold the 80 bytes that Bitcoin's have (of the nonce the first four), then the hash, which
cannot be computed from these. Dash names a block by X11, which takes a hundred times as long as
double SHA-256; so rows of its headers have the hash behind, too, and it is computed once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.compact_size import compact_size
from clewline.codec.networks import Form
from clewline.codec.sha256 import DIGEST_SIZE, new_scratch, sha256d_into, sha256d_many
from clewline.jit import kernel, leaf

HEADER_BYTES: Final = 80
NAMED_BYTES: Final = HEADER_BYTES + DIGEST_SIZE
"""Of a row that holds a header and the hash of its block."""
_BEFORE_SOLUTION: Final = 140
_TIME: Final = 100
# Equihash with n 200 and k 9, and with n 48 and k 5 (regtest).
_SOLUTIONS: Final = (1344, 36)
LONGEST_HEADER: Final = _BEFORE_SOLUTION + 3 + _SOLUTIONS[0]
"""Bytes of a header with an Equihash solution."""
REGTEST_HEADER: Final = _BEFORE_SOLUTION + 1 + _SOLUTIONS[1]
"""Bytes of one on regtest."""


@leaf
def after_solution(data: NDArray[np.uint8], start: int, end: int) -> tuple[Any, Any]:
    """Find the end of a header with an Equihash solution.

    Parameters
    ----------
    data : ndarray of uint8
        Holds it.
    start, end : int
        Where it begins, and what it must not pass.

    Returns
    -------
    size : int64
        Of the solution; 0 where it has no size that Zcash uses, negative where there is none
        (`compact_size`).
    position : int64
        After it, or of what is wrong.
    """
    size, at = compact_size(data, min(start + _BEFORE_SOLUTION, end), end)
    if size < 0:
        return size, at
    if size != _SOLUTIONS[0] and size != _SOLUTIONS[1]:
        return np.int64(0), at
    if size > end - at:
        return np.int64(-1), at
    return size, at + size


@kernel
def _named_rows(
    data: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return rows of headers with Equihash solutions; nonsense hashes where there is none."""
    rows = np.zeros((start.size, NAMED_BYTES), np.uint8)
    digest = np.empty(DIGEST_SIZE, np.uint8)
    scratch = new_scratch()
    for i in range(start.size):
        at = start[i]
        size, after = after_solution(data, at, end[i])
        last = after if size > 0 else min(end[i], at + _BEFORE_SOLUTION)
        sha256d_into(data, at, last - at, digest, 0, scratch)
        for byte in range(min(68, last - at)):
            rows[i, byte] = data[at + byte]
        for byte in range(12):
            if at + _TIME + byte < last:
                rows[i, 68 + byte] = data[at + _TIME + byte]
        for byte in range(DIGEST_SIZE):
            rows[i, HEADER_BYTES + byte] = digest[byte]
    return rows


def row_bytes(form: Form) -> int:
    """Return the bytes of a row that holds a header, as `header_rows` gives it.

    Parameters
    ----------
    form : Form
        Of the chain.

    Returns
    -------
    int
        80, or 112 where the hash stands behind.

    Examples
    --------
    >>> row_bytes(Form()), row_bytes(Form(x11=True))
    (80, 112)
    """
    return NAMED_BYTES if form.shielded or form.x11 else HEADER_BYTES


def header_rows(
    data: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64], form: Form
) -> NDArray[np.uint8]:
    """Return the headers of blocks as rows.

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Holds the blocks.
    start, end : ndarray of int64, shape (n,)
        Where each begins and ends, at least 80 bytes apart.
    form : Form
        Of the chain.

    Returns
    -------
    ndarray of uint8, shape (n, 80) or (n, 112)
        With the hash behind, internal byte order, where the 80 bytes do not give it, or not
        quickly: see `row_bytes`.

    Notes
    -----
    Cost: of Zcash, 1.5 kB through double SHA-256 a header; of Dash, that of
    `clewline.codec.x11.x11_many`.

    Examples
    --------
    >>> one, end = np.array([0]), np.array([200])
    >>> header_rows(np.zeros(200, np.uint8), one, end, Form()).shape
    (1, 80)
    >>> header_rows(np.zeros(200, np.uint8), one, end, Form(shielded=True)).shape
    (1, 112)
    """
    if form.shielded:
        return np.asarray(_named_rows(data, start, end))
    rows: NDArray[np.uint8] = data[start[:, None] + np.arange(HEADER_BYTES)]
    if form.x11:
        from clewline.codec.x11 import x11_many

        return np.concatenate((rows, x11_many(rows)), axis=1)
    return rows


def header_hashes(header: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the block hash of each header.

    Parameters
    ----------
    header : ndarray of uint8, shape (n, 80) or (n, 112)
        One a row, as `header_rows` gives them.

    Returns
    -------
    ndarray of uint8, shape (n, 32)
        Internal byte order.
    """
    count, width = header.shape
    if width == NAMED_BYTES:
        hashes: NDArray[np.uint8] = header[:, HEADER_BYTES:]
        return hashes
    starts = np.arange(count, dtype=np.int64) * width
    lengths = np.full(count, width, np.int64)
    return np.asarray(sha256d_many(np.ascontiguousarray(header).reshape(-1), starts, lengths))
