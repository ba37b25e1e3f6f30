"""A store from flat tables: every column that follows from others is held against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clewline.codec.header import HEADER_BYTES, header_hashes
from clewline.codec.networks import Network
from clewline.codec.script import script_kinds
from clewline.errors import DataError
from clewline.interop.arrow import hash_rows, integers, slices_of
from clewline.interop.parquet import TableReader
from clewline.interop.rows import (
    OUTPOINT_BYTES,
    BlockRows,
    append_rows,
    check_rows,
    make_headers,
    named_headers,
    offsets,
)
from clewline.interop.schemas import FLAT
from clewline.jit import kernel
from clewline.store.link import gather_bytes
from clewline.store.writer import StoreWriter

Int64 = NDArray[np.int64]
_RANGE_TX = 1 << 16


class FlatTables:
    """The flat tables of a directory.

    Parameters
    ----------
    directory : Path
        Holds the tables.

    Raises
    ------
    DataError
        If tables or columns are missing, or of another type: all of it in one message.
    """

    def __init__(self, directory: Path) -> None:
        faults: list[str] = []
        self._tables = {
            name: TableReader(directory, table, faults) for name, table in FLAT.tables.items()
        }
        if faults:
            raise DataError(
                f"a store cannot be built from these flat tables: {'; '.join(faults)}",
                where=str(directory),
            )
        self.about = self._tables["blocks"].metadata
        self.place = str(directory)

    def read_headers(self, network: Network | None) -> NDArray[np.uint8]:
        """Read the table of blocks; return their headers, shape (n, 80).

        Raises
        ------
        DataError
            If rows are out of order, or a hash is not that of its header.
        """
        reader = self._tables["blocks"]
        rows = reader.take(reader.rows)
        self._ids(rows, "height", 0, reader)
        header = make_headers(
            {
                "version": integers(rows, "version", np.int32),
                "previous": hash_rows(rows["previous"]),
                "merkle_root": hash_rows(rows["merkle_root"]),
                "time": integers(rows, "time", np.uint32),
                "bits": integers(rows, "bits", np.uint32),
                "nonce": integers(rows, "nonce", np.uint32),
            }
        )
        hashes = hash_rows(rows["hash"])
        header = named_headers(header, hashes[0].tobytes() if len(hashes) else b"", network)
        self._same(header_hashes(header), hashes, "hash", 0, reader)
        self._header = header[:, :HEADER_BYTES]
        self._tx_count = integers(rows, "tx_count", np.uint32).astype(np.int64)
        self._script_count = integers(rows, "script_count", np.uint32).astype(np.int64)
        return header

    def append_to(self, writer: StoreWriter, told: Callable[[int, int], None]) -> None:
        """Append all blocks to an empty store.

        Parameters
        ----------
        writer : StoreWriter
            Of an empty store.
        told : callable
            Given blocks done and all.

        Raises
        ------
        DataError, ChainError, StorageError
        """
        total = self._header.shape[0]
        for first, last in self._ranges():
            rows, prevout, script = self._read(writer, first, last)
            check_rows(rows, first, self.place, writer.network.coin)
            linked = writer.written("input.prevout").size, writer.written("output.script").size
            append_rows(writer, rows, first, self.place)
            for name, given, begin in (
                ("input.prevout", prevout, linked[0]),
                ("output.script", script, linked[1]),
            ):
                made = writer.written(name)[begin:].astype(np.int64)
                table, column = f"{name.split('.')[0]}s", name.split(".")[1]
                self._same(made, given, column, begin, self._tables[table])
            scripts = writer.written("block.script_start")[first : last + 1]
            self._same(
                np.diff(scripts),
                self._script_count[first:last],
                "script_count",
                first,
                self._tables["blocks"],
            )
            told(last, total)
        for reader in self._tables.values():
            reader.finish()

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Cut the blocks into ranges of about `_RANGE_TX` transactions."""
        ends = np.cumsum(self._tx_count)
        first = 0
        while first < ends.size:
            begin = ends[first] - self._tx_count[first]
            last = max(first + 1, int(np.searchsorted(ends, begin + _RANGE_TX, side="right")))
            yield first, last
            first = last

    def _read(self, writer: StoreWriter, first: int, last: int) -> tuple[BlockRows, Int64, Int64]:
        """Read some blocks: their rows, the outputs that inputs spend, the scripts of outputs."""
        txid_before = writer.written("tx.txid")
        output_before = writer.written("tx.output_start")
        script_before = writer.written("script.start")
        base_tx, base_output = output_before.size - 1, int(output_before[-1])
        base_input = int(writer.written("tx.input_start")[-1])
        counts = self._tx_count[first:last]
        block_tx = offsets(counts)
        tx = self._take("transactions", "tx", int(block_tx[-1]), base_tx)
        self._owner(tx, "block", np.arange(first, last), counts, base_tx, "transactions")
        tx_input = offsets(integers(tx, "input_count", np.uint32))
        tx_output = offsets(integers(tx, "output_count", np.uint32))
        owners = np.arange(base_tx, base_tx + int(block_tx[-1]))
        inputs = self._take("inputs", "input", int(tx_input[-1]), base_input)
        self._owner(inputs, "tx", owners, np.diff(tx_input), base_input, "inputs")
        outputs = self._take("outputs", "output", int(tx_output[-1]), base_output)
        self._owner(outputs, "tx", owners, np.diff(tx_output), base_output, "outputs")
        known = script_before.size - 1
        scripts = self._take("scripts", "script", int(self._script_count[first:last].sum()), known)
        blob, starts = slices_of(scripts["bytes"])
        self._same(
            script_kinds(blob, starts, writer.network.coin.form.mweb),
            integers(scripts, "kind", np.uint8),
            "kind",
            known,
            self._tables["scripts"],
        )
        txid = hash_rows(tx["txid"])
        prevout = integers(inputs, "prevout", np.int64)
        self._within(prevout, base_output + int(tx_output[-1]), "prevout", base_input, "inputs")
        outpoint = np.empty((prevout.size, OUTPOINT_BYTES), np.uint8)
        _outpoints(prevout, txid_before, output_before, txid, tx_output + base_output, outpoint)
        script = integers(outputs, "script", np.uint32).astype(np.int64)
        self._within(script, known + starts.size - 1, "script", base_output, "outputs")
        pool, at, length = _pool(writer, script, blob, starts, known)
        rows = BlockRows(
            header=self._header[first:last],
            block_tx=block_tx,
            txid=txid,
            tx_input=tx_input,
            tx_output=tx_output,
            version=integers(tx, "version", np.int32),
            locktime=integers(tx, "locktime", np.uint32),
            base_size=integers(tx, "base_size", np.uint32),
            total_size=integers(tx, "total_size", np.uint32),
            outpoint=outpoint,
            sequence=integers(inputs, "sequence", np.uint32),
            value=integers(outputs, "value", np.int64),
            scripts=pool,
            script_at=at,
            script_length=length,
        )
        return rows, prevout, script

    def _take(self, table: str, number: str, count: int, first: int) -> Any:
        """Take the next rows of a table, which must be numbered from `first` on."""
        reader = self._tables[table]
        rows = reader.take(count)
        self._ids(rows, number, first, reader)
        return rows

    def _ids(self, rows: Any, name: str, first: int, reader: TableReader) -> None:
        """Check that rows are numbered in order."""
        ids = integers(rows, name, np.int64)
        self._same(np.arange(first, first + ids.size), ids, name, first, reader)

    def _owner(
        self, rows: Any, name: str, owners: Int64, counts: Int64, first: int, table: str
    ) -> None:
        """Check that rows name the rows that own them."""
        given = integers(rows, name, np.int64)
        self._same(np.repeat(owners, counts), given, name, first, self._tables[table])

    def _same(
        self,
        wanted: NDArray[Any],
        given: NDArray[Any],
        column: str,
        first: int,
        reader: TableReader,
    ) -> None:
        """Refuse a column that is not what follows from the rest."""
        differ = wanted != given
        found = np.flatnonzero(differ.any(axis=1) if differ.ndim == 2 else differ)
        if found.size:
            row = int(found[0])
            detail = "" if differ.ndim == 2 else f": it is {given[row]}, not {wanted[row]}"
            raise DataError(
                f"column {column} is not what the order of the rows and the other columns "
                f"give{detail}",
                where=f"{reader.place}, row {first + row}",
            )

    def _within(self, ids: Int64, end: int, column: str, first: int, table: str) -> None:
        """Refuse ids of rows that are not there."""
        found = np.flatnonzero((ids < 0) | (ids >= end))
        if found.size:
            row = int(found[0])
            raise DataError(
                f"column {column} is {ids[row]}; there are {end:,} up to this block",
                where=f"{self._tables[table].place}, row {first + row}",
            )


@kernel
def _outpoints(
    prevout: Int64,
    old_txid: NDArray[np.uint8],
    old_output: Int64,
    new_txid: NDArray[np.uint8],
    new_output: Int64,
    outpoint: NDArray[np.uint8],
) -> None:
    """Write the outpoint of each output: its transaction's id and its index."""
    base_tx = old_output.size - 1
    for i in range(prevout.size):
        output = prevout[i]
        old = output < old_output[base_tx]
        starts = old_output if old else new_output
        # The last transaction that begins at or before the output; none is without outputs
        # in the store, and what the batch brings is checked when it is linked.
        low, high = 0, starts.size - 1
        while high - low > 1:
            middle = (low + high) // 2
            if starts[middle] <= output:
                low = middle
            else:
                high = middle
        index = output - starts[low]
        for byte in range(32):
            outpoint[i, byte] = old_txid[low, byte] if old else new_txid[low, byte]
        for byte in range(4):
            outpoint[i, 32 + byte] = (index >> (8 * byte)) & 0xFF


def _pool(
    writer: StoreWriter, script: Int64, blob: NDArray[np.uint8], starts: Int64, known: int
) -> tuple[NDArray[np.uint8], Int64, Int64]:
    """Return the bytes of the scripts that outputs have, and where each output's is."""
    used, inverse = np.unique(script, return_inverse=True)
    old = used[used < known]
    before = writer.written("script.start")
    begins = np.ascontiguousarray(before[old])
    lengths = before[old + 1] - begins
    kept = np.empty(int(lengths.sum()), np.uint8)
    gather_bytes(writer.written("script.bytes"), begins, lengths, old.size, kept)
    fresh = used[used >= known] - known
    at = np.concatenate((offsets(lengths)[:-1], kept.size + starts[fresh]))
    length = np.concatenate((lengths, starts[fresh + 1] - starts[fresh]))
    return np.concatenate((kept, blob)), at[inverse], length[inverse]
