"""Files of a store: every write is complete and checked, every failure names its file."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StorageError, StoreDamagedError

CHUNK_BYTES: Final = 4 << 20
"""Bytes that one checksum covers: small enough to say where, large enough to cost nothing."""


def storage_error(path: Path, error: OSError) -> StorageError:
    """Turn the operating system's refusal of a write into an error of ours."""
    hint = "free some room and run the command again" if error.errno == errno.ENOSPC else None
    return StorageError(
        f"cannot be written: {error.strerror}; the store keeps its last tip",
        where=str(path),
        hint=hint,
    )


def map_column(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the first rows of a column file as a read-only mapping.

    Parameters
    ----------
    path : Path
    dtype : numpy.dtype
    shape : tuple of int
        Rows first; bytes of the file beyond them are not looked at.

    Raises
    ------
    StoreDamagedError
        If the file is missing or shorter.
    """
    count = int(np.prod(shape, dtype=np.int64))
    size = count * dtype.itemsize
    if not size:
        empty = np.empty(shape, dtype)
        empty.flags.writeable = False
        return empty
    try:
        with path.open("rb") as file:
            actual = os.fstat(file.fileno()).st_size
            if actual < size:
                raise StoreDamagedError(
                    f"is {actual:,} bytes long; the manifest asks for {size:,}", where=str(path)
                )
            view = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        raise StoreDamagedError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return np.frombuffer(view, dtype, count).reshape(shape)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a whole column file and wait until it is on disk."""
    try:
        with path.open("wb") as file:
            file.write(np.ascontiguousarray(array).data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(path, error) from error


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old content or the new, never a part."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error


class ColumnFile:
    """One column that is being appended to, with a checksum for each `CHUNK_BYTES` of it.

    Opening cuts the file back to `size`: whatever an interrupted import left behind is gone.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that the manifest vouches for.
    checksums : bytes
        Concatenated SHA-256 of the chunks of those bytes.
    """

    def __init__(self, path: Path, size: int, checksums: bytes) -> None:
        self.path = path
        self.size = size
        whole = size // CHUNK_BYTES
        self._sums = [checksums[32 * i : 32 * i + 32] for i in range(whole)]
        self._open = hashlib.sha256()
        try:
            self._file = path.open("r+b" if size else "w+b", buffering=0)
            self._file.truncate(size)
            self._file.seek(whole * CHUNK_BYTES)
            self._open.update(self._file.read(size - whole * CHUNK_BYTES))
            self._file.seek(size)
        except OSError as error:
            raise storage_error(path, error) from error

    def append(self, array: NDArray[Any]) -> None:
        """Write rows at the end."""
        view = memoryview(np.ascontiguousarray(array)).cast("B") if array.size else memoryview(b"")
        while view:
            room = CHUNK_BYTES - self.size % CHUNK_BYTES
            try:
                written = self._file.write(view[:room])
            except OSError as error:
                raise storage_error(self.path, error) from error
            self._open.update(view[:written])
            self.size += written
            view = view[written:]
            if self.size % CHUNK_BYTES == 0:
                self._sums.append(self._open.digest())
                self._open = hashlib.sha256()

    def checksums(self) -> bytes:
        """Return the SHA-256 of each chunk, the last of which may be shorter."""
        tail = self._open.digest() if self.size % CHUNK_BYTES else b""
        return b"".join(self._sums) + tail

    def sync(self) -> None:
        """Wait until everything appended is on disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def cut(self, size: int) -> None:
        """Shorten the file again; only for giving up on an import."""
        self._file.truncate(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def chunk_checksums(data: NDArray[np.uint8]) -> bytes:
    """Return the concatenated SHA-256 of each `CHUNK_BYTES` of a column.

    Examples
    --------
    >>> len(chunk_checksums(np.zeros(CHUNK_BYTES + 1, np.uint8)))
    64
    """
    return b"".join(
        hashlib.sha256(data[at : at + CHUNK_BYTES]).digest()
        for at in range(0, data.size, CHUNK_BYTES)
    )
