"""NumPy arrays as Arrow arrays and back, without a Python object for each value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clewline.errors import DataError
from clewline.interop.schemas import Field, TableSchema
from clewline.interop.script_text import bytes_of, hex_of


def type_of(field: Field) -> Any:
    """Return the Arrow type of a column."""
    if field.type == "rows":
        return pa.list_(pa.struct([pa.field(one.name, type_of(one)) for one in field.fields]))
    return {
        "int64": pa.int64(),
        "int32": pa.int32(),
        "uint32": pa.uint32(),
        "uint8": pa.uint8(),
        "hash": pa.binary(32),
        "bytes": pa.binary(),
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "flag": pa.bool_(),
    }[field.type]


def schema_of(table: TableSchema) -> Any:
    """Return the Arrow schema of a table."""
    return pa.schema([pa.field(field.name, type_of(field)) for field in table.fields])


def numbers(array: NDArray[Any]) -> Any:
    """Return a number column over the memory of an array.

    Examples
    --------
    >>> numbers(np.arange(3)).to_pylist()
    [0, 1, 2]
    """
    array = np.ascontiguousarray(array)
    kind = pa.from_numpy_dtype(array.dtype)
    return pa.Array.from_buffers(kind, array.size, [None, pa.py_buffer(array)])


def hashes(rows: NDArray[np.uint8]) -> Any:
    """Return a column of 32 bytes each over the memory of an array of shape (n, 32)."""
    rows = np.ascontiguousarray(rows)
    return pa.Array.from_buffers(pa.binary(32), rows.shape[0], [None, pa.py_buffer(rows)])


def texts(data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> Any:
    """Return a text column from ASCII end to end and the bounds of each text.

    Examples
    --------
    >>> texts(np.frombuffer(b"abc", np.uint8), np.array([0, 1, 3])).to_pylist()
    ['a', 'bc']
    """
    return _slices(pa.string(), data, bounds)


def byte_strings(data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> Any:
    """Return a column of byte strings from bytes end to end and the bounds of each."""
    return _slices(pa.binary(), data, bounds)


def _slices(kind: Any, data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> Any:
    """Return a column of variable length; its batch holds fewer than 2^31 bytes."""
    offsets = pa.py_buffer(bounds.astype(np.int32))
    return pa.Array.from_buffers(
        kind, bounds.size - 1, [None, offsets, pa.py_buffer(np.ascontiguousarray(data))]
    )


def shown_hashes(rows: NDArray[np.uint8]) -> Any:
    """Return hashes of shape (n, 32) as people see them: reversed, in hex.

    Examples
    --------
    >>> shown_hashes(np.arange(32, dtype=np.uint8).reshape(1, 32))[0].as_py()[:8]
    '1f1e1d1c'
    """
    text = hex_of(np.ascontiguousarray(rows[:, ::-1]))
    return texts(text, np.arange(rows.shape[0] + 1, dtype=np.int64) * 64)


def nulls(count: int, kind: Any) -> Any:
    """Return a column of nothing."""
    return pa.nulls(count, kind)


def lists(bounds: NDArray[np.int64], values: Any) -> Any:
    """Return a column of lists from all values and the bounds of each list."""
    return pa.ListArray.from_arrays(pa.array(bounds.astype(np.int32)), values)


def array_of(column: Any) -> Any:
    """Return a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def integers(rows: Any, name: str, kind: type[np.integer]) -> NDArray[Any]:
    """Return a column of whole numbers in the wanted width; times as UTC seconds.

    Parameters
    ----------
    rows : pyarrow.Table or pyarrow.StructArray
        Holds the column.
    name : str
        Of the column, which holds no null.
    kind : type
        NumPy type of the answer.

    Returns
    -------
    ndarray
        May be read-only.

    Raises
    ------
    DataError
        If a value does not fit.

    Examples
    --------
    >>> integers(pa.table({"a": [1, 2]}), "a", np.uint32).dtype
    dtype('uint32')
    """
    column = array_of(rows[name] if isinstance(rows, pa.Table) else rows.field(name))
    try:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("s", column.type.tz)).cast(pa.int64())
        return np.asarray(column.cast(pa.from_numpy_dtype(np.dtype(kind))).to_numpy())
    except pa.ArrowInvalid as error:
        raise DataError(f"column {name}: {error}") from error


def hash_rows(column: Any) -> NDArray[np.uint8]:
    """Return a column of 32 bytes each as an array of shape (n, 32)."""
    column = array_of(column)
    buffer = column.buffers()[1]
    if not len(column):
        return np.empty((0, 32), np.uint8)
    data = np.frombuffer(buffer, np.uint8)
    return data[32 * column.offset : 32 * (column.offset + len(column))].reshape(-1, 32)


def slices_of(column: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of a column of texts or byte strings end to end, and their bounds."""
    column = array_of(column)
    kind = np.int64 if column.type in (pa.large_string(), pa.large_binary()) else np.int32
    _valid, offsets, data = column.buffers()
    if not len(column):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(offsets, kind)[column.offset : column.offset + len(column) + 1]
    held = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    wide = bounds.astype(np.int64)
    return held[wide[0] : wide[-1]], wide - wide[0]


def read_hashes(column: Any) -> NDArray[np.uint8] | None:
    """Return hashes as people see them as bytes in internal order, None where one is no hash."""
    text, bounds = slices_of(column)
    if (np.diff(bounds) != 64).any():
        return None
    raw = bytes_of(text)
    return None if raw is None else np.ascontiguousarray(raw.reshape(-1, 32)[:, ::-1])
