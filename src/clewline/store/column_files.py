"""The canonical columns of a store while it is written: appended together, read back meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.codec.header import HEADER_BYTES, header_hashes, header_rows
from clewline.codec.networks import Form
from clewline.store.files import ColumnFile, map_column, storage_error
from clewline.store.manifest import column_bytes
from clewline.store.schema import Column, columns, tables_of


class ColumnFiles:
    """All canonical columns, open for appending.

    Parameters
    ----------
    directory : Path
        Holds the files; made if there is none.
    counts : mapping of str to int
        Rows that the manifest vouches for; what lies beyond them is cut off.
    checksums : mapping of str to bytes
        Checksums of those rows by column; none for new columns.

    Raises
    ------
    StoreDamagedError
        If a file is shorter or its last chunk is not what it was.
    StorageError
        If the disk refuses.
    """

    def __init__(
        self, directory: Path, counts: Mapping[str, int], checksums: Mapping[str, bytes]
    ) -> None:
        self.directory = directory
        self.counts = dict(counts)
        self._schema: dict[str, tuple[str, Column]] = {
            name: (rows, column) for name, rows, column in columns(tables_of(counts))
        }
        self._files: dict[str, ColumnFile] = {}
        fresh = not any(counts.values())
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise storage_error(directory, error) from error
        try:
            for name, size in column_bytes(counts).items():
                self._files[name] = ColumnFile(
                    directory / name, 0 if fresh else size, checksums.get(name, b"")
                )
            if fresh:
                for name, (_rows, column) in self._schema.items():
                    if column.offsets:
                        self._files[name].append(np.zeros(1, column.dtype))
        except BaseException:
            self.close()
            raise

    def append(self, rows: Mapping[str, NDArray[Any]], counts: Mapping[str, int]) -> None:
        """Append rows of some columns; `counts` is what the tables that are whole have then."""
        for name, array in rows.items():
            self._files[name].append(array)
        self.counts |= counts

    def view(self, name: str) -> NDArray[Any]:
        """Map what has been written of a column."""
        rows, column = self._schema[name]
        shape = (self.counts[rows] + column.offsets, *column.shape)
        return map_column(self.directory / name, column.dtype, shape)

    def counts_below(self, height: int) -> dict[str, int]:
        """Return the counts of the chain of the blocks below `height`."""
        tx = int(self.view("block.tx_start")[height])
        script = int(self.view("block.script_start")[height])
        counts = {
            "block": height,
            "tx": tx,
            "input": int(self.view("tx.input_start")[tx]),
            "output": int(self.view("tx.output_start")[tx]),
            "script": script,
            "script_byte": int(self.view("script.start")[script]),
        }
        if "shielded" in self.counts:
            counts["shielded"] = int(np.searchsorted(self.view("shielded.tx"), tx))
        return counts

    def checksums(self) -> bytes:
        """Return the checksums of all columns, in schema order."""
        return b"".join(self._files[name].checksums() for name in self._schema)

    def sync(self) -> None:
        """Wait until everything appended is on disk."""
        for file in self._files.values():
            file.sync()

    def cut_back(self, counts: Mapping[str, int]) -> None:
        """Shorten the files to earlier counts, as far as the disk allows."""
        for name, size in column_bytes(counts).items():
            self._files[name].cut(size)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def parsed_columns(
    parsed: ParsedBlocks, base: Mapping[str, int], form: Form
) -> dict[str, NDArray[Any]]:
    """Return the rows of a batch for the columns that neither inputs' sources nor scripts decide.

    Parameters
    ----------
    parsed : ParsedBlocks
        Verified.
    base : mapping of str to int
        Rows of each table before the batch.
    form : Form
        Of the chain.

    Returns
    -------
    dict of str to ndarray
        By full name of the column.
    """
    header = header_rows(parsed.data, parsed.block_start, parsed.block_end, form)
    span = parsed.tx_span
    rows: dict[str, NDArray[Any]] = {
        "block.hash": header_hashes(header),
        "block.header": np.ascontiguousarray(header[:, :HEADER_BYTES]),
        "block.tx_start": parsed.block_tx[1:] + base["tx"],
        "tx.txid": parsed.txid,
        "tx.input_start": parsed.tx_input[1:] + base["input"],
        "tx.output_start": parsed.tx_output[1:] + base["output"],
        "tx.version": parsed.version,
        "tx.locktime": parsed.locktime,
        # Version and lock time, and what lies between marker and witness.
        "tx.base_size": (8 + span[:, 2] - span[:, 1]).astype(np.uint32),
        "tx.total_size": (span[:, 3] - span[:, 0]).astype(np.uint32),
        "input.sequence": parsed.sequence,
        "output.value": parsed.value,
    }
    if form.shielded:
        shielded = np.flatnonzero(parsed.shielded[:, 0])
        rows["shielded.tx"] = (shielded + base["tx"]).astype(np.uint32)
        rows["shielded.value"] = parsed.shielded[shielded, 1:]
    return rows


def parsed_counts(parsed: ParsedBlocks, base: Mapping[str, int], form: Form) -> dict[str, int]:
    """Return how many rows the tables of `parsed_columns` have after a batch.

    Parameters
    ----------
    parsed : ParsedBlocks
        Verified.
    base : mapping of str to int
        Rows of each table before the batch.
    form : Form
        Of the chain.

    Returns
    -------
    dict of str to int
        By name of the count.
    """
    counts = {
        "block": base["block"] + parsed.block_start.size,
        "tx": base["tx"] + parsed.txid.shape[0],
        "input": base["input"] + parsed.prevout_at.size,
        "output": base["output"] + parsed.value.size,
    }
    if form.shielded:
        counts["shielded"] = base["shielded"] + int(np.count_nonzero(parsed.shielded[:, 0]))
    return counts
