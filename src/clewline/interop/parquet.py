"""Parquet files of a set of tables: written whole or not at all, read in order and row by row.

A table is ``<table>.parquet``, or a directory ``<table>`` of parts that are read by name. Clewline
writes the first form, one row group for each range of blocks.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clewline.errors import DataError, StorageError, UsageError
from clewline.interop.arrow import schema_of, type_of
from clewline.interop.schemas import Field, Schema, TableSchema
from clewline.store.files import sync_directory
from clewline.store.importer import Progress
from clewline.store.reader import ChainStore, block_sizes

METADATA: Final = b"clewline"
_RANGE_BYTES: Final = 16 << 20
# A row group is decoded whole; a few bytes can claim to be billions of values.
_MAX_GROUP_BYTES: Final = 4 << 30
_MAX_GROUP_VALUES: Final = 1 << 27
_READ_ROWS: Final = 1 << 16

RecordBatches = Callable[[ChainStore, str, int, int], Any]


def block_ranges(store: ChainStore) -> Iterator[tuple[int, int]]:
    """Cut the blocks of a store into ranges of about 16 MB of chain."""
    ends = np.cumsum(block_sizes(store))
    first = 0
    while first < ends.size:
        begin = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, begin + _RANGE_BYTES, side="right")))
        yield first, last
        first = last


def write_tables(
    store: ChainStore,
    schema: Schema,
    tables: Sequence[str],
    build: RecordBatches,
    to: Path,
    progress: Progress,
) -> dict[str, int]:
    """Write some tables of a store into a directory.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    schema : Schema
        Whose tables.
    tables : sequence of str
        Tables of the schema.
    build : callable
        Gives the record batch of a store, a table, and a range of blocks.
    to : Path
        Directory; must not exist, or be empty.
    progress : callable
        Told blocks written of all.

    Returns
    -------
    dict of str to int
        Rows of each table.

    Raises
    ------
    UsageError
        If the directory holds anything, or is none.
    StorageError
        If the disk refuses; nothing is left behind.

    Notes
    -----
    The same store, tables and version of pyarrow give the same bytes.

    Cost: memory for one range of blocks, about 16 MB of chain, in Arrow's form.
    """
    manifest = store.manifest
    about = {
        "schema": schema.name,
        "network": manifest.network,
        "tip": manifest.tip,
        "digest": manifest.digest,
        "counts": manifest.counts,
    }
    metadata = {METADATA: json.dumps(about, sort_keys=True).encode()}
    rows = dict.fromkeys(tables, 0)
    with _new_directory(to) as partial:
        writers: dict[str, Any] = {}
        try:
            for table in tables:
                writers[table] = pq.ParquetWriter(
                    partial / f"{table}.parquet",
                    schema_of(schema.tables[table]).with_metadata(metadata),
                    compression="zstd",
                )
            for first, last in block_ranges(store):
                for table, writer in writers.items():
                    batch = build(store, table, first, last)
                    rows[table] += batch.num_rows
                    if batch.num_rows:
                        writer.write_table(
                            pa.Table.from_batches([batch]).replace_schema_metadata(metadata),
                            row_group_size=batch.num_rows,
                        )
                progress("Writing tables", last, manifest.counts["block"])
        finally:
            for writer in writers.values():
                writer.close()
    return rows


@contextmanager
def _new_directory(to: Path) -> Iterator[Path]:
    """Give a directory to write into that becomes `to` when all is done, and else disappears."""
    partial: Path | None = None
    try:
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise UsageError(
                "is not an empty directory", where=str(to), hint="name one that is not there yet"
            )
        to.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".partial", dir=to.parent))
        yield partial
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        partial.chmod(0o755)
        partial.replace(to)
        sync_directory(to.parent)
    except OSError as error:
        raise StorageError(
            f"cannot be written: {error.strerror or error}", where=str(error.filename or to)
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


class TableReader:
    """One table of a directory, read in order.

    Parameters
    ----------
    directory : Path
        Holds the tables.
    table : TableSchema
        What to read: columns that are neither needed nor there are left out.
    faults : list of str
        Told everything that makes the table unusable; nothing may be read then.
    """

    def __init__(self, directory: Path, table: TableSchema, faults: list[str]) -> None:
        self.name = table.name
        self.rows = 0
        self._table = table
        self._files: list[Any] = []
        self._columns: list[str] = []
        self._taken = 0
        self._waiting: Any = None
        paths = _parts(directory, table.name)
        self.place = str(paths[0] if len(paths) == 1 else directory / table.name)
        if not paths:
            faults.append(
                f"table {table.name}: neither {table.name}.parquet nor {table.name}/*.parquet"
            )
            return
        for path in paths:
            self._open(path, faults)
        self._batches = self._read()

    def _open(self, path: Path, faults: list[str]) -> None:
        """Open one file and hold it against the schema."""
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError, ValueError) as error:
            faults.append(f"{path.name}: is no Parquet file that can be read: {_line(error)}")
            return
        there = {field.name: field.type for field in file.schema_arrow}
        for field in self._table.fields:
            faults += field_faults(field, there.get(field.name), f"{self.name}.{field.name}")
        for group in range(file.num_row_groups):
            held = file.metadata.row_group(group)
            values = max((held.column(i).num_values for i in range(held.num_columns)), default=0)
            if not 0 <= held.total_byte_size <= _MAX_GROUP_BYTES or values > _MAX_GROUP_VALUES:
                faults.append(
                    f"{path.name}: row group {group} says that it is {held.total_byte_size:,} "
                    f"bytes long and has columns of {values:,} values; up to "
                    f"{_MAX_GROUP_BYTES:,} and {_MAX_GROUP_VALUES:,} are read"
                )
        self._columns = [field.name for field in self._table.fields if field.name in there]
        self.rows += file.metadata.num_rows
        self._files.append(file)

    @property
    def metadata(self) -> dict[str, Any]:
        """What Clewline wrote about the table, nothing if another program wrote it."""
        held = (self._files[0].schema_arrow.metadata or {}).get(METADATA)
        try:
            about = json.loads(held) if held else {}
        except ValueError:
            return {}
        return about if isinstance(about, dict) else {}

    def _read(self) -> Iterator[Any]:
        """Yield all rows in batches."""
        for file in self._files:
            yield from file.iter_batches(_READ_ROWS, columns=self._columns, use_threads=False)

    def take(self, count: int) -> Any:
        """Return the next rows as a table without missing values in needed columns.

        Raises
        ------
        DataError
            If there are fewer, one is null, or the file is broken.
        """
        if count > self.rows - self._taken:
            raise DataError(
                f"ends after {self.rows:,} rows; the other tables ask for "
                f"{self._taken + count:,} or more",
                where=self.place,
            )
        parts: list[Any] = []
        missing = count
        while missing:
            if self._waiting is None:
                self._waiting = self._next()
            part = self._waiting.slice(0, missing)
            rest = self._waiting.slice(part.num_rows)
            self._waiting = rest if rest.num_rows else None
            missing -= part.num_rows
            parts.append(part)
        schema = pa.schema(
            [
                (f.name, self._type(f.name))
                for f in self._files[0].schema_arrow
                if f.name in self._columns
            ]
        )
        taken = pa.Table.from_batches(parts, schema)
        for field in self._table.fields:
            if field.needed and field.type != "rows" and taken[field.name].null_count:
                raise DataError(f"column {field.name} holds nulls", where=self.where(0, count))
        self._taken += count
        return taken.combine_chunks()

    def _type(self, name: str) -> Any:
        """Return the type of a column as the first file has it."""
        return self._files[0].schema_arrow.field(name).type

    def _next(self) -> Any:
        """Return the next batch."""
        try:
            return next(self._batches)
        except StopIteration:
            raise DataError("holds fewer rows than it says", where=self.place) from None
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"is broken: {_line(error)}", where=self.place) from error

    def where(self, first: int, count: int) -> str:
        """Return where rows are, counted from those not yet taken."""
        begin = self._taken + first
        return f"{self.place}, rows {begin} to {begin + count - 1}"

    def finish(self) -> None:
        """Refuse rows that no block asked for.

        Raises
        ------
        DataError
            If there are any.
        """
        if self._taken != self.rows:
            raise DataError(
                f"holds {self.rows:,} rows; the other tables ask for {self._taken:,}",
                where=self.place,
            )


def field_faults(field: Field, there: Any, name: str) -> list[str]:
    """Say what is wrong with a column of a file: it is missing, or its type cannot be read.

    Parameters
    ----------
    field : Field
        What it should be.
    there : pyarrow.DataType or None
        What it is.
    name : str
        How to call it.

    Returns
    -------
    list of str
        Nothing, if it can be read.
    """
    if there is None:
        return [f"{name} is missing"] if field.needed else []
    if field.type == "rows":
        if not _is_list(there) or not pa.types.is_struct(there.value_type):
            return [f"{name} is {there}, not a list of rows"]
        inside = {one.name: one.type for one in there.value_type}
        return [
            fault
            for one in field.fields
            for fault in field_faults(one, inside.get(one.name), f"{name}[].{one.name}")
        ]
    allowed = {
        "text": _is_text,
        "texts": lambda kind: _is_list(kind) and _is_text(kind.value_type),
        "flag": pa.types.is_boolean,
        "bytes": lambda kind: kind in (pa.binary(), pa.large_binary()),
        "hash": lambda kind: kind == pa.binary(32),
    }.get(field.type, _is_whole)
    return [] if allowed(there) else [f"{name} is {there}, not {type_of(field)}"]


def _is_whole(kind: Any) -> bool:
    """Tell whether a type can hold whole numbers or times; values are checked when read."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_decimal(kind) or types.is_timestamp(kind))


def _is_text(kind: Any) -> bool:
    """Tell whether a type is text."""
    return kind in (pa.string(), pa.large_string())


def _is_list(kind: Any) -> bool:
    """Tell whether a type is a list."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _parts(directory: Path, table: str) -> list[Path]:
    """Return the files of a table, in order."""
    single = directory / f"{table}.parquet"
    if single.is_file():
        return [single]
    return sorted((directory / table).glob("*.parquet"))


def _line(error: Exception) -> str:
    """Return the first line of another library's error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
