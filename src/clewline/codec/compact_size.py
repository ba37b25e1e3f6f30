"""Numbers as blocks hold them: 32 bits little-endian, and CompactSize; for other kernels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.jit import inlined

CUT: Final = -1
"""What `compact_size` answers instead of a value where the data ends."""

NOT_SHORTEST: Final = -2
"""What it answers where the form is not the shortest, or the value above 32 bits."""


@inlined
def read_u32(data: NDArray[np.uint8], at: int) -> Any:
    """Return the little-endian 32 bits at ``data[at:at + 4]`` as int64, for other kernels.

    Examples
    --------
    >>> read_u32(np.array([1, 0, 0, 128], np.uint8), 0)
    2147483649
    """
    return (
        np.int64(data[at])
        | np.int64(data[at + 1]) << 8
        | np.int64(data[at + 2]) << 16
        | np.int64(data[at + 3]) << 24
    )


@inlined
def compact_size(data: NDArray[np.uint8], at: int, end: int) -> tuple[Any, Any]:
    """Read a CompactSize (``ReadCompactSize``).

    A form that is not the shortest is refused, as Core does: the same block must have one form.

    Parameters
    ----------
    data : ndarray of uint8
        Holds it.
    at, end : int
        Where it begins, and what it must not pass.

    Returns
    -------
    value : int64
        `CUT` or `NOT_SHORTEST` where there is none.
    position : int64
        After it; `at` where there is none.

    Examples
    --------
    >>> compact_size(np.array([253, 0, 1], np.uint8), 0, 3)
    (256, 3)
    """
    if at >= end:
        return np.int64(CUT), at
    first = np.int64(data[at])
    if first < 253:
        return first, at + 1
    if first == 253:
        if at + 3 > end:
            return np.int64(CUT), at
        value = np.int64(data[at + 1]) | np.int64(data[at + 2]) << 8
        return (value, at + 3) if value >= 253 else (np.int64(NOT_SHORTEST), at)
    if first == 254:
        if at + 5 > end:
            return np.int64(CUT), at
        value = read_u32(data, at + 1)
        return (value, at + 5) if value >= 0x10000 else (np.int64(NOT_SHORTEST), at)
    # 2^32 and more: no block is that large.
    return np.int64(NOT_SHORTEST), at
