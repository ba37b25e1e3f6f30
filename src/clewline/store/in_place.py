"""Index columns whose earlier rows change: mapped, and summed up so that a change costs no re-read.

A chunk's sum adds up, modulo 2^64, one number for each of its entries: a mixture of the entry and
its place. For a place the mixture is a bijection of the entry, so a single wrong entry always
changes the sum; several cancel out once in 2^64. Setting an entry takes the old number away and
adds the new one. Entries that say *none* (0, or 0xFFFFFFFF) count nothing, so that rows may be made
before they say anything.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StoreDamagedError
from clewline.jit import inlined, leaf
from clewline.store.files import storage_error, unreadable

SUM_BYTES: Final = 8
"""A sum is a uint64."""
_ENTRIES_LOG2: Final = 19
"""A sum covers 2^19 entries: 2 or 4 MiB."""
ENTRIES: Final = 1 << _ENTRIES_LOG2
_NONE: Final = 0xFFFFFFFF

Int = int | np.int64


@inlined
def _number(position: Int, entry: np.uint64) -> Any:
    """Mix an entry with its place (the finaliser of SplitMix64, a bijection)."""
    if entry == np.uint64(0) or entry == np.uint64(_NONE):
        return np.uint64(0)
    mixed = entry ^ (np.uint64(position) * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@inlined
def put(entries: NDArray[Any], sums: NDArray[np.uint64], position: Int, entry: Any) -> None:
    """Set an entry and bring its chunk's sum up to date."""
    before = np.uint64(entries[position])
    sums[position >> _ENTRIES_LOG2] += _number(position, np.uint64(entry)) - _number(
        position, before
    )
    entries[position] = entry


@leaf
def add_up(entries: NDArray[Any], first: int, base: int, sums: NDArray[np.uint64]) -> None:
    """Add the entries from `first` on, whose places begin at `base`, to the sums of their chunks.

    Parameters
    ----------
    entries : ndarray of uint32, uint64 or int64
        Entries of a column.
    first : int
        First to add.
    base : int
        Place in the column of ``entries[0]``.
    sums : ndarray of uint64
        One a chunk; changed.
    """
    for i in range(first, entries.size):
        sums[(base + i) >> _ENTRIES_LOG2] += _number(base + i, np.uint64(entries[i]))


def chunk_count(rows: int) -> int:
    """Return how many sums a column of so many rows has.

    Examples
    --------
    >>> chunk_count(0), chunk_count(1), chunk_count(ENTRIES + 1)
    (0, 1, 2)
    """
    return -(-rows // ENTRIES)


def sums_of(entries: NDArray[Any]) -> bytes:
    """Return the sums of a whole column, end to end.

    Examples
    --------
    >>> sums_of(np.zeros(3, np.uint64)).hex()
    '0000000000000000'
    """
    sums = np.zeros(chunk_count(entries.size), np.uint64)
    add_up(entries, 0, 0, sums)
    return sums.tobytes()


@leaf
def clear_numbers(entries: NDArray[Any], mask: np.uint64, limit: int, none: Any) -> None:
    """Take back what an import that was cut off had set: entries that name what is not there.

    Parameters
    ----------
    entries : ndarray of uint32, uint64 or int64
        A column; changed.
    mask : uint64
        Bits of an entry that hold its number.
    limit : int
        Numbers from here on, but for that of *none*, belong to nothing.
    none : same type as the entries
        What is put in their place.
    """
    for i in range(entries.size):
        if np.uint64(entries[i]) & mask >= np.uint64(limit):
            entries[i] = none


def make_zeros(path: Path, size: int) -> None:
    """Make a file of zeros whose room on disk is taken, so that a mapping of it cannot fail later.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise storage_error(path, error) from error


def scratch_array(path: Path, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Return zeros that lie in a file without a name: work memory that the system may take back.

    Parameters
    ----------
    path : Path
        Where to make it; its name is taken away at once.
    dtype : numpy.dtype
        Type of the elements.
    count : int
        How many.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    size = count * dtype.itemsize
    if not size:
        return np.empty(0, dtype)
    make_zeros(path, size)
    try:
        with path.open("r+b") as file:
            path.unlink()
            return np.frombuffer(mmap.mmap(file.fileno(), size), dtype)
    except OSError as error:
        raise storage_error(path, error) from error


class InPlaceColumn:
    """An index column, open for appending and for changing earlier rows.

    Parameters
    ----------
    path : Path
        The file; made anew where `rows` is 0.
    dtype : numpy.dtype
        ``uint32``, ``uint64`` or ``int64``.
    rows : int
        Entries that the manifest vouches for; what lies beyond is cut off.
    sums : bytes
        Of the chunks of those entries.

    Attributes
    ----------
    entries : ndarray
        All of them, writable: change them by `put` with `sums` only. Valid until the next `append`.
    sums : ndarray of uint64
        One a chunk.

    Raises
    ------
    StoreDamagedError
        If the file is shorter.
    StorageError
        If it cannot be opened for writing.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], rows: int, sums: bytes) -> None:
        self.path = path
        self._dtype = dtype
        self._rows = rows
        self.sums = np.frombuffer(sums, np.uint64).copy()
        size = rows * dtype.itemsize
        if size and (not path.exists() or path.stat().st_size < size):
            raise StoreDamagedError(f"is shorter than {size:,} bytes", where=str(path))
        try:
            self._file = path.open("r+b" if size else "w+b", buffering=0)
            if os.fstat(self._file.fileno()).st_size > size:
                self._file.truncate(size)
        except OSError as error:
            raise storage_error(path, error) from error
        self.entries: NDArray[Any] = self._mapped()

    def append(self, entries: NDArray[Any]) -> None:
        """Write rows at the end; `entries` and `sums` are others afterwards."""
        view = np.ascontiguousarray(entries, self._dtype)
        more = chunk_count(self._rows + view.size) - self.sums.size
        self.sums = np.concatenate((self.sums, np.zeros(more, np.uint64)))
        add_up(view, 0, self._rows, self.sums)
        left = view.data.cast("B") if view.size else memoryview(b"")
        at = self._rows * self._dtype.itemsize
        try:
            while left:
                # One system call, which may take less than it is given.
                written = os.pwrite(self._file.fileno(), left, at)
                left, at = left[written:], at + written
        except OSError as error:
            raise storage_error(self.path, error) from error
        self._rows += view.size
        self.entries = self._mapped()

    def sync(self) -> None:
        """Wait until everything is on disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def close(self) -> None:
        """Close the file; `entries` must not be used any more."""
        self._file.close()

    def _mapped(self) -> NDArray[Any]:
        """Map all rows for reading and writing."""
        if not self._rows:
            return np.empty(0, self._dtype)
        try:
            view = mmap.mmap(self._file.fileno(), self._rows * self._dtype.itemsize)
        except OSError as error:
            raise unreadable(self.path, error) from error
        return np.frombuffer(view, self._dtype)
