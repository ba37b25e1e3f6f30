"""The indexes of a store while it is written: opened at a tip, appended to, changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StoreDamagedError
from clewline.jit import leaf
from clewline.store.files import ColumnFile, map_column
from clewline.store.in_place import (
    SUM_BYTES,
    InPlaceColumn,
    chunk_count,
    clear_numbers,
    make_zeros,
    sums_of,
)
from clewline.store.link import UNSPENT
from clewline.store.manifest import Manifest
from clewline.store.schema import INDEXES, Column, columns

_SCHEMA: Final[dict[str, tuple[str, Column]]] = {
    name: (rows, column) for name, rows, column in columns(INDEXES)
}
_LOW: Final = np.uint64(0xFFFFFFFF)
"""Where a slot holds its number; see `hash_index`."""
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


class IndexFiles:
    """The files of the index tables, open for writing.

    Parameters
    ----------
    path : Path
        Directory of the store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directories: dict[str, str] = {}
        self.in_place: dict[str, InPlaceColumn] = {}
        self.appended: dict[str, ColumnFile] = {}

    def open(self, manifest: Manifest, checksums: Mapping[str, bytes]) -> None:
        """Open all tables of a tip; what lies beyond it is cut off.

        Raises
        ------
        StoreDamagedError
            If a file is shorter, or the last chunk of one that is only appended to is not what it
            was.
        StorageError
            If the disk refuses.
        """
        self.directories = dict(manifest.index_dirs)
        for name, (rows, column) in _SCHEMA.items():
            path = self.file_of(name)
            if column.in_place:
                self.in_place[name] = InPlaceColumn(
                    path, column.dtype, manifest.rows(rows), checksums[name]
                )
            else:
                size = manifest.rows(rows) * column.row_bytes
                self.appended[name] = ColumnFile(path, size, checksums[name])

    def make(self, table: str, directory: str) -> None:
        """Begin a table anew, without a row, in a directory that exists."""
        self.directories[table] = directory
        for name, (_rows, column) in _SCHEMA.items():
            if name.startswith(f"{table}."):
                self._close(name)
                path = self.file_of(name)
                if column.in_place:
                    self.in_place[name] = InPlaceColumn(path, column.dtype, 0, b"")
                else:
                    self.appended[name] = ColumnFile(path, 0, b"")

    def empty_table(self, name: str, slots: int, directory: str) -> InPlaceColumn:
        """Begin a hash table anew, with so many empty slots, in a directory that exists.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        make_zeros(self.path / directory / name, 8 * slots)
        sums = bytes(SUM_BYTES * chunk_count(slots))
        self.directories[name.split(".", maxsplit=1)[0]] = directory
        self._close(name)
        column = InPlaceColumn(self.file_of(name), _SCHEMA[name][1].dtype, slots, sums)
        self.in_place[name] = column
        return column

    def file_of(self, name: str) -> Path:
        """Return the file of a column."""
        return self.path / self.directories[name.split(".", maxsplit=1)[0]] / name

    def entries(self) -> dict[str, NDArray[Any]]:
        """Return the columns that change in place, as they are now."""
        return {name: column.entries for name, column in self.in_place.items()}

    def checksums(self) -> bytes:
        """Return the checksums of all columns, in schema order."""
        return b"".join(
            self.in_place[name].sums.tobytes()
            if column.in_place
            else self.appended[name].checksums()
            for name, (_rows, column) in _SCHEMA.items()
        )

    def sync(self) -> None:
        """Wait until everything is on disk."""
        files: list[InPlaceColumn | ColumnFile] = [
            *self.in_place.values(),
            *self.appended.values(),
        ]
        for file in files:
            file.sync()

    def close(self) -> None:
        """Close all files."""
        for name in (*self.in_place, *self.appended):
            self._close(name)

    def _close(self, name: str) -> None:
        """Close the file of a column, if it is open."""
        file = self.in_place.pop(name, None) or self.appended.pop(name, None)
        if file is not None:
            file.close()


@leaf
def _shorten_lists(
    first: NDArray[np.int64],
    following: NDArray[np.int64],
    last: NDArray[np.int64],
    outputs: int,
) -> None:
    """Bring ``receiving.last`` back to the last of the outputs that there are."""
    for script in range(last.size):
        if last[script] >= outputs:
            output = first[script]
            while following[output] >= 0:
                output = following[output]
            last[script] = output


def take_back(path: Path, manifest: Manifest, checksums: Mapping[str, bytes]) -> None:
    """Bring the indexes back to a tip after an import that was cut off in the middle.

    An import only makes entries name what it appended, so they are told by their numbers.

    Parameters
    ----------
    path : Path
        Directory of the store.
    manifest : Manifest
        The tip.
    checksums : mapping of str to bytes
        Of that tip.

    Raises
    ------
    StoreDamagedError
        If an index is not what it was then.
    StorageError
        If the disk refuses.

    Notes
    -----
    Cost: a pass over the indexes that change in place.
    """
    files = IndexFiles(path)
    try:
        files.open(manifest, checksums)
        first = map_column(
            files.file_of("receiving.first"), np.dtype(np.int64), (manifest.counts["script"],)
        )
        clear(files.entries(), first, manifest.counts)
        for name, column in files.in_place.items():
            if sums_of(column.entries) != checksums[name]:
                raise StoreDamagedError(
                    "does not match its checksums after an import that was cut off",
                    where=str(column.path),
                    hint="import the chain into a new store",
                )
        files.sync()
    finally:
        files.close()


def clear(
    entries: Mapping[str, NDArray[Any]], first: NDArray[np.int64], counts: Mapping[str, int]
) -> None:
    """Make the entries of index columns that name what is not there say *none*.

    Parameters
    ----------
    entries : mapping of str to ndarray
        All columns that change in place; changed.
    first : ndarray of int64
        ``receiving.first``.
    counts : mapping of str to int
        What there is.
    """
    for name, count in (("txid.slots", counts["tx"]), ("scripthash.slots", counts["script"])):
        # The number in a slot is one more than the id.
        clear_numbers(entries[name], _LOW, count + 1, np.uint64(0))
    following = entries["receiving.next"]
    clear_numbers(entries["spending.spender"], _LOW, counts["tx"], np.uint32(UNSPENT))
    clear_numbers(following, _ALL, counts["output"], np.int64(-1))
    _shorten_lists(first, following, entries["receiving.last"], counts["output"])
