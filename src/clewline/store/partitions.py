"""Rows on their way from one pass of a bulk import to the next: in memory, on disk beyond a limit.

A row is some ``uint64`` words. A pass hands over rows by the partition that they belong to; the
next pass reads partition by partition, each small enough to be worked on in memory. What does not
fit lies in a file in the directory of the new tip, without a name, so that it is gone with the
process.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StorageError
from clewline.store.files import storage_error

_WRITE_BYTES: Final = 4 << 20

Words = NDArray[np.uint64]
Offsets = NDArray[np.int64]


class SpillFile:
    """A file for what memory has no room for; the system frees it when it is closed.

    Parameters
    ----------
    path : Path
        Where to make it, for errors too; its name is taken away at once.

    Attributes
    ----------
    size : int
        Bytes written.

    Raises
    ------
    StorageError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = 0
        try:
            self._file = path.open("x+b", buffering=0)
            path.unlink()
        except OSError as error:
            raise storage_error(path, error) from error

    def append(self, array: NDArray[Any]) -> None:
        """Write at the end.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        view = array.data.cast("B") if array.size else memoryview(b"")
        try:
            while view:
                # One system call, which may take less than it is given.
                written = self._file.write(view[:_WRITE_BYTES])
                self.size += written
                view = view[written:]
        except OSError as error:
            raise storage_error(self._path, error) from error

    def read(self, position: int, array: NDArray[Any]) -> None:
        """Fill an array with what was written from a byte on; any thread may.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        view = array.data.cast("B") if array.size else memoryview(b"")
        try:
            while view:
                got = os.preadv(self._file.fileno(), [view], position)
                if not got:
                    raise StorageError("is shorter than what was written", where=str(self._path))
                position += got
                view = view[got:]
        except OSError as error:
            raise StorageError(
                f"cannot be read: {error.strerror}; the store keeps its last tip",
                where=str(self._path),
            ) from error

    def close(self) -> None:
        """Free it."""
        self._file.close()


class Partitions:
    """Rows by partition.

    Parameters
    ----------
    path : Path
        Where a file would be made.
    parts : int
        Number of partitions.
    words : int
        Words of a row.
    room : int
        Bytes that may be held in memory.
    """

    def __init__(self, path: Path, parts: int, words: int, room: int) -> None:
        self._path = path
        self._parts = parts
        self._words = words
        self._room = room
        # One a chunk: the first word of each partition; of those held, the rows too.
        self._bounds: list[NDArray[np.uint32]] = []
        self._held: list[Words] = []
        self._held_bytes = 0
        self._file: SpillFile | None = None
        # Position in the file, and the first word of each partition behind it.
        self._segments: list[tuple[int, Offsets]] = []

    def append(self, rows: Words, starts: Offsets) -> None:
        """Take a chunk of rows.

        Parameters
        ----------
        rows : ndarray of uint64
            Rows end to end, grouped by partition.
        starts : ndarray of int64, shape (parts + 1,)
            First row of each partition, and the number of rows.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        self._held.append(rows)
        self._bounds.append((starts * self._words).astype(np.uint32))
        self._held_bytes += rows.nbytes
        if self._held_bytes > self._room:
            self._spill()

    def read(self, part: int) -> tuple[Words, Offsets]:
        """Return the rows of a partition; any thread may, once all are there.

        Parameters
        ----------
        part : int
            Which.

        Returns
        -------
        rows : ndarray of uint64
            A copy: in the order of the chunks, and within them as they came.
        starts : ndarray of int64, shape (chunks + 1,)
            First row of each chunk.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        bounds = [chunk[part : part + 2].tolist() for chunk in self._bounds]
        chunks = np.zeros(len(bounds) + 1, np.int64)
        np.cumsum([(end - first) // self._words for first, end in bounds], out=chunks[1:])
        rows = np.empty(int(chunks[-1]) * self._words, np.uint64)
        at = 0
        for position, segment in self._segments:
            assert self._file is not None, "a segment lies in the file"
            first, end = segment[part : part + 2].tolist()
            self._file.read(position + 8 * first, rows[at : at + end - first])
            at += end - first
        if self._held:
            held = zip(self._held, bounds[len(bounds) - len(self._held) :], strict=True)
            np.concatenate([chunk[first:end] for chunk, (first, end) in held], out=rows[at:])
        return rows, chunks

    def close(self) -> None:
        """Free memory and file."""
        self._held = []
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        """Write what is held as one segment, partition by partition, so that each is one read."""
        if self._file is None:
            self._file = SpillFile(self._path)
        position = self._file.size
        bounds = [chunk.tolist() for chunk in self._bounds[len(self._bounds) - len(self._held) :]]
        segment = np.zeros(self._parts + 1, np.int64)
        for part in range(self._parts):
            held = zip(self._held, bounds, strict=True)
            rows = np.concatenate([chunk[at[part] : at[part + 1]] for chunk, at in held])
            self._file.append(rows)
            segment[part + 1] = segment[part] + rows.size
        self._segments.append((position, segment))
        self._held = []
        self._held_bytes = 0


class Queue:
    """Elements that are read once, in the order in which they came.

    Parameters
    ----------
    path : Path
        Where a file would be made.
    dtype : numpy.dtype
        Of the elements.
    room : int
        Bytes that may be held in memory.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], room: int) -> None:
        self._path = path
        self._dtype = dtype
        self._room = room
        self._held: deque[NDArray[Any]] = deque()
        self._held_bytes = 0
        self._file: SpillFile | None = None
        self._taken_bytes = 0

    def append(self, elements: NDArray[Any]) -> None:
        """Add at the end.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        self._held.append(elements)
        self._held_bytes += elements.nbytes
        if self._held_bytes > self._room:
            if self._file is None:
                self._file = SpillFile(self._path)
            while self._held:
                self._file.append(self._held.popleft())
            self._held_bytes = 0

    def take(self, count: int) -> NDArray[Any]:
        """Return the next `count` elements, which are there; afterwards nothing may be added.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        taken = np.empty(count, self._dtype)
        at = 0
        if self._file is not None:
            at = min(count, (self._file.size - self._taken_bytes) // self._dtype.itemsize)
            self._file.read(self._taken_bytes, taken[:at])
            self._taken_bytes += at * self._dtype.itemsize
        while at < count:
            first = self._held.popleft()
            piece = first[: count - at]
            taken[at : at + piece.size] = piece
            at += piece.size
            if piece.size < first.size:
                self._held.appendleft(first[piece.size :])
        return taken

    def close(self) -> None:
        """Free memory and file."""
        self._held.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
