"""Files of a store: every write is complete and checked, every failure names its file."""

from __future__ import annotations

import contextlib
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
CHECKSUM_BYTES: Final = 32
"""A checksum is a SHA-256."""


def storage_error(path: Path, error: OSError) -> StorageError:
    """Turn the operating system's refusal of a write into an error of ours."""
    hint = "free some room and run the command again" if error.errno == errno.ENOSPC else None
    return StorageError(
        f"cannot be written: {error.strerror}; the store keeps its last tip",
        where=str(path),
        hint=hint,
    )


def map_column(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], *, private: bool = False
) -> NDArray[Any]:
    """Return the first rows of a column file as a read-only mapping.

    Parameters
    ----------
    path : Path
        The column file.
    dtype : numpy.dtype
        Type of its elements.
    shape : tuple of int
        Rows first; bytes of the file beyond them are not looked at.
    private : bool
        Writable instead: what is written is seen by nobody else and costs a page of memory.

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
            access = mmap.ACCESS_COPY if private else mmap.ACCESS_READ
            view = mmap.mmap(file.fileno(), size, access=access)
    except OSError as error:
        raise unreadable(path, error) from error
    return np.frombuffer(view, dtype, count).reshape(shape)


def unreadable(path: Path, error: OSError) -> StoreDamagedError:
    """Return the error for a file of the store that the operating system does not let us read."""
    return StoreDamagedError(f"cannot be read: {error.strerror}", where=str(path))


def write_array(path: Path, array: NDArray[Any]) -> bytes:
    """Write a whole column file, wait until it is on disk, and return its checksums.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with contextlib.closing(ColumnFile(path, 0, b"")) as file:
        file.append(array)
        file.sync()
        return file.checksums()


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on disk.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise storage_error(path, error) from error


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old content or the new, never a part.

    Raises
    ------
    StorageError
        If the disk refuses. Where only the last step failed, the new content is in place already.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise storage_error(path, error) from error
    sync_directory(path.parent)


class ColumnFile:
    """One column that is being appended to, with a checksum for each `CHUNK_BYTES` of it.

    Opening cuts the file back to `size`: whatever an interrupted import left behind is gone.

    Parameters
    ----------
    path : Path
        The file; made anew where `size` is 0.
    size : int
        Bytes that the manifest vouches for.
    checksums : bytes
        Checksums of the chunks of those bytes, end to end.

    Raises
    ------
    StoreDamagedError
        If the file is shorter, or its last chunk (the one that will grow) is not what it was.
    StorageError
        If it cannot be opened for writing.
    """

    def __init__(self, path: Path, size: int, checksums: bytes) -> None:
        self.path = path
        self.size = size
        whole = size // CHUNK_BYTES
        self._sums = [checksums[: whole * CHECKSUM_BYTES]]
        self._open = hashlib.sha256()
        if size and (not path.exists() or path.stat().st_size < size):
            raise StoreDamagedError(f"is shorter than {size:,} bytes", where=str(path))
        try:
            self._file = path.open("r+b" if size else "w+b", buffering=0)
            if os.fstat(self._file.fileno()).st_size > size:
                self._file.truncate(size)
            self._file.seek(whole * CHUNK_BYTES)
            self._open.update(self._file.read(size - whole * CHUNK_BYTES))
            self._file.seek(size)
        except OSError as error:
            raise storage_error(path, error) from error
        if self.checksums() != checksums:
            self.close()
            raise StoreDamagedError(
                f"bytes {whole * CHUNK_BYTES} to {size - 1}: do not match their checksum",
                where=str(path),
            )

    def append(self, array: NDArray[Any]) -> None:
        """Write rows at the end."""
        view = np.ascontiguousarray(array).data.cast("B") if array.size else memoryview(b"")
        while view:
            room = CHUNK_BYTES - self.size % CHUNK_BYTES
            try:
                # One system call, which may take less than it is given.
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
        """Return the checksum of each chunk, the last of which may be shorter, end to end."""
        tail = self._open.digest() if self.size % CHUNK_BYTES else b""
        return b"".join(self._sums) + tail

    def sync(self) -> None:
        """Wait until everything appended is on disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def cut(self, size: int) -> None:
        """Shorten the file again as far as the disk allows; only for giving up on an import.

        Rows beyond the manifest's count mean nothing, so failing here loses nothing.
        """
        if self.size > size:
            with contextlib.suppress(OSError):
                self._file.truncate(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def chunk_checksums(data: NDArray[np.uint8]) -> bytes:
    """Return the checksum of each `CHUNK_BYTES` of a column, end to end.

    Examples
    --------
    >>> len(chunk_checksums(np.zeros(CHUNK_BYTES + 1, np.uint8)))
    64
    """
    return b"".join(
        hashlib.sha256(data[at : at + CHUNK_BYTES].data).digest()
        for at in range(0, data.size, CHUNK_BYTES)
    )


def copy_column(source: Path, size: int, checksums: bytes, target: Path, wanted: int) -> bytes:
    """Copy the head of a column file, and check what is copied.

    Parameters
    ----------
    source : Path
        A column file.
    size : int
        Bytes that the manifest vouches for.
    checksums : bytes
        Checksums of the chunks of those bytes, end to end.
    target : Path
        File to write.
    wanted : int
        Bytes to copy, at most `size`.

    Returns
    -------
    bytes
        Checksums of the copy.

    Raises
    ------
    StoreDamagedError
        If the source does not match its checksums.
    StorageError
        If the disk refuses.
    """
    data = map_column(source, np.dtype(np.uint8), (size,))
    with contextlib.closing(ColumnFile(target, 0, b"")) as file:
        for number, at in enumerate(range(0, wanted, CHUNK_BYTES)):
            chunk = data[at : at + CHUNK_BYTES]
            expected = checksums[CHECKSUM_BYTES * number : CHECKSUM_BYTES * (number + 1)]
            if hashlib.sha256(chunk.data).digest() != expected:
                raise StoreDamagedError(
                    f"bytes {at} to {at + chunk.size - 1}: do not match their checksum",
                    where=str(source),
                )
            file.append(chunk[: wanted - at])
        return file.checksums()
