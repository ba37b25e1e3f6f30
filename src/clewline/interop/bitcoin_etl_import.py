"""A store from the tables of bitcoin-etl, where they hold enough.

Sizes without witness data are no column of the transactions there. They follow from the length of
the unlocking scripts; where those are null, from the virtual size, which leaves one answer or two.
Where a transaction leaves two, the import stops and says which column is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from clewline.codec.header import HEADER_BYTES, header_hashes
from clewline.codec.networks import Form, Network
from clewline.errors import DataError
from clewline.interop.arrow import array_of, integers, read_hashes, slices_of
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
from clewline.interop.schemas import BITCOIN_ETL
from clewline.interop.script_text import bytes_of
from clewline.store.writer import StoreWriter

Int64 = NDArray[np.int64]
_RANGE_TX: Final = 1 << 15
# Version, lock time.
_FRAME_BYTES: Final = 8
_OUTPOINT_AND_SEQUENCE: Final = 40
_VALUE_BYTES: Final = 8
# BIP-141: marker, flag, and one stack of one item of 32 bytes.
_COINBASE_WITNESS: Final = 36
_WITNESS_PREFIX: Final = "witness_"


class BitcoinEtlTables:
    """The tables of bitcoin-etl in a directory.

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
        self._blocks, self._txs = (
            TableReader(directory, table, faults) for table in BITCOIN_ETL.tables.values()
        )
        if faults:
            raise DataError(
                f"a store cannot be built from these bitcoin-etl tables: {'; '.join(faults)}",
                where=str(directory),
            )
        self.about = self._blocks.metadata
        self.place = str(directory)

    def read_headers(self, network: Network | None) -> NDArray[np.uint8]:
        """Read the table of blocks; return their headers, shape (n, 80).

        Raises
        ------
        DataError
            If rows are out of order, or a hash is not that of its header.
        """
        rows = self._blocks.take(self._blocks.rows)
        where = f"{self._blocks.place}"
        number = integers(rows, "number", np.int64)
        wrong = np.flatnonzero(number != np.arange(number.size))
        if wrong.size:
            row = int(wrong[0])
            raise DataError(
                f"number is {number[row]}, not {row}; blocks must stand by height, from 0",
                where=f"{where}, row {row}",
            )
        hashes = _hashes(rows["hash"], "hash", where)
        previous = np.zeros_like(hashes)
        previous[1:] = hashes[:-1]
        version = integers(rows, "version", np.int64)
        header = make_headers(
            {
                "version": _signed(version, "version", where),
                "previous": previous,
                "merkle_root": _hashes(rows["merkle_root"], "merkle_root", where),
                "time": integers(rows, "timestamp", np.uint32),
                "bits": _hex_numbers(rows["bits"], "bits", where),
                "nonce": _hex_numbers(rows["nonce"], "nonce", where),
            }
        )
        first = hashes[0].tobytes() if hashes.shape[0] else b""
        header = named_headers(header, first, network)
        differ = np.flatnonzero((header_hashes(header) != hashes).any(axis=1))
        if differ.size:
            raise DataError(
                "hash is not that of the header that the other columns and the block before make",
                where=f"{where}, row {int(differ[0])}",
            )
        self._header, self._hash = header[:, :HEADER_BYTES], hashes
        self._tx_count = integers(rows, "transaction_count", np.int64)
        if (self._tx_count < 1).any():
            raise DataError("a block without transactions", where=where)
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
            rows = self._read(first, last, writer.network.coin.form)
            check_rows(rows, first, self.place, writer.network.coin)
            append_rows(writer, rows, first, self.place)
            told(last, total)
        self._txs.finish()

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Cut the blocks into ranges of about `_RANGE_TX` transactions."""
        ends = np.cumsum(self._tx_count)
        first = 0
        while first < ends.size:
            begin = ends[first] - self._tx_count[first]
            last = max(first + 1, int(np.searchsorted(ends, begin + _RANGE_TX, side="right")))
            yield first, last
            first = last

    def _read(self, first: int, last: int, form: Form) -> BlockRows:
        """Read the rows of a range of blocks."""
        block_tx = offsets(self._tx_count[first:last])
        count = int(block_tx[-1])
        where = self._txs.where(0, count)
        tx = self._txs.take(count)
        self._check_order(tx, first, last, block_tx, where)
        txid = _hashes(tx["hash"], "hash", where)
        input_start, inputs = _rows_inside(tx, "inputs", where)
        output_start, outputs = _rows_inside(tx, "outputs", where)
        spent = _hashes(
            inputs.field("spent_transaction_hash"), "inputs[].spent_transaction_hash", where
        )
        outpoint = np.empty((spent.shape[0], OUTPOINT_BYTES), np.uint8)
        outpoint[:, :32] = spent
        index = np.ascontiguousarray(integers(inputs, "spent_output_index", np.uint32), "<u4")
        outpoint[:, 32:] = index.view(np.uint8).reshape(-1, 4)
        scripts, bounds = _scripts(outputs.field("script_hex"), "outputs[].script_hex", where)
        size = integers(tx, "size", np.int64)
        fixed = _fixed_size(input_start, output_start, np.diff(bounds))
        base = self._base_sizes(tx, inputs, txid, block_tx, input_start, fixed, size, form, where)
        return BlockRows(
            header=self._header[first:last],
            block_tx=block_tx,
            txid=txid,
            tx_input=input_start,
            tx_output=output_start,
            version=_signed(integers(tx, "version", np.int64), "version", where),
            locktime=integers(tx, "lock_time", np.uint32),
            base_size=base.clip(0, 0xFFFFFFFF).astype(np.uint32),
            total_size=size.clip(0, 0xFFFFFFFF).astype(np.uint32),
            outpoint=outpoint,
            sequence=integers(inputs, "sequence", np.uint32),
            value=integers(outputs, "value", np.int64),
            scripts=scripts,
            script_at=bounds[:-1],
            script_length=np.diff(bounds),
        )

    def _check_order(self, tx: Any, first: int, last: int, block_tx: Int64, where: str) -> None:
        """Check that transactions stand in the order of the chain."""
        block = np.repeat(np.arange(first, last), np.diff(block_tx))
        if (integers(tx, "block_number", np.int64) != block).any():
            raise DataError("block_number is not that of the blocks in order", where=where)
        if "index" in tx.column_names and not tx["index"].null_count:
            position = np.arange(block.size) - block_tx[block - first]
            if (integers(tx, "index", np.int64) != position).any():
                raise DataError("index does not count up within each block", where=where)
        if "block_hash" in tx.column_names and not tx["block_hash"].null_count:
            given = _hashes(tx["block_hash"], "block_hash", where)
            if (given != self._hash[block]).any():
                raise DataError("block_hash is not that of the block", where=where)

    def _base_sizes(
        self,
        tx: Any,
        inputs: Any,
        txid: NDArray[np.uint8],
        block_tx: Int64,
        input_start: Int64,
        fixed: Int64,
        total: Int64,
        form: Form,
        where: str,
    ) -> Int64:
        """Return the size of each transaction without witness data."""
        virtual = integers(tx, "virtual_size", np.int64)
        coinbase = np.zeros(total.size, np.bool_)
        coinbase[block_tx[:-1]] = True
        # Any witness takes three bytes or more, which makes the virtual size the smaller.
        plain = virtual == total
        by_scripts, known, measured = _unlocking_sizes(inputs, input_start, where)
        low = (4 * virtual - 3 - total + 2) // 3
        high = (4 * virtual - total) // 3
        base = np.select(
            [plain, coinbase, known], [total, total - _COINBASE_WITNESS, fixed + by_scripts], low
        )
        # A payload is part of the size, and of no column.
        differ = fixed + by_scripts > total if form.special else fixed + by_scripts != total
        longer = plain & ~coinbase & measured & differ
        wrong = np.flatnonzero((base < low) | (base > high) | longer)
        if wrong.size:
            raise DataError(
                "size, virtual_size and the lengths of the scripts do not fit together: "
                f"transaction {_name(txid, wrong[0])}",
                where=where,
            )
        open_ = np.flatnonzero(~plain & ~coinbase & ~known & (low != high))
        if open_.size:
            _refuse_sizes(open_.size, _name(txid, open_[0]), where)
        return base


def _refuse_sizes(count: int, name: str, where: str) -> NoReturn:
    """Say which column the sizes need."""
    raise DataError(
        "a store cannot be built from these bitcoin-etl tables: "
        "transactions.inputs[].script_hex is null, and the virtual size alone leaves two answers "
        f"for the size without witness data of {count:,} transactions, the first {name}",
        where=where,
        hint="export with unlocking scripts, or use the flat schema",
    )


def _name(txid: NDArray[np.uint8], tx: Any) -> str:
    """Return the id of a transaction as shown."""
    return bytes(txid[int(tx)][::-1]).hex()


def _compact_size_bytes(count: Int64) -> Int64:
    """Return the bytes that a number takes as a CompactSize."""
    return np.select([count < 253, count < 0x10000], [1, 3], 5).astype(np.int64)


def _sums(values: Int64, bounds: Int64) -> Int64:
    """Return the sum of the values between each two bounds."""
    running = offsets(values)
    sums: Int64 = running[bounds[1:]] - running[bounds[:-1]]
    return sums


def _fixed_size(input_start: Int64, output_start: Int64, script_length: Int64) -> Int64:
    """Return the size of each transaction without witness data and unlocking scripts."""
    n_input, n_output = np.diff(input_start), np.diff(output_start)
    paid = _VALUE_BYTES + _compact_size_bytes(script_length) + script_length
    size: Int64 = (
        _FRAME_BYTES
        + _compact_size_bytes(n_input)
        + _OUTPOINT_AND_SEQUENCE * n_input
        + _compact_size_bytes(n_output)
        + _sums(paid, output_start)
    )
    return size


def _unlocking_sizes(
    inputs: Any, input_start: Int64, where: str
) -> tuple[Int64, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what unlocking scripts and their lengths take; where it is known, and where measured.

    With witness data an input that spends a witness program has an empty script (BIP-141), so that
    its type says enough; in a transaction without, of before that rule, it may have any.
    """
    names = {inputs.type.field(i).name for i in range(inputs.type.num_fields)}
    length = np.full(len(inputs), -1, np.int64)
    given = np.zeros(len(inputs), np.bool_)
    if "type" in names:
        native = pc.starts_with(inputs.field("type").fill_null(""), _WITNESS_PREFIX)
        length[np.asarray(native.to_numpy(zero_copy_only=False), np.bool_)] = 0
    if "script_hex" in names:
        column = inputs.field("script_hex")
        given = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        digits = np.asarray(
            pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False), np.int64
        )
        if (digits % 2).any():
            raise DataError("inputs[].script_hex is not hex", where=where)
        length[given] = digits[given] // 2
    known, measured = (
        _sums(missing.astype(np.int64), input_start) == 0 for missing in (length < 0, ~given)
    )
    length = length.clip(0)
    return _sums(_compact_size_bytes(length) + length, input_start), known, measured


def _rows_inside(tx: Any, name: str, where: str) -> tuple[Int64, Any]:
    """Return where the rows of a nested column begin for each transaction, and the rows."""
    column = array_of(tx[name])
    lengths = np.asarray(
        pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False), np.int64
    )
    rows = column.flatten()
    bounds = offsets(lengths)
    if rows.null_count or len(rows) != bounds[-1]:
        raise DataError(f"{name} holds nulls", where=where)
    field = next(one for one in BITCOIN_ETL.tables["transactions"].fields if one.name == name)
    for one in field.fields:
        if one.needed and rows.field(one.name).null_count:
            raise DataError(f"{name}[].{one.name} holds nulls", where=where)
    position = np.arange(len(rows)) - np.repeat(bounds[:-1], lengths)
    if (integers(rows, "index", np.int64) != position).any():
        raise DataError(f"{name}[].index does not count up from 0", where=where)
    return bounds, rows


def _hashes(column: Any, name: str, where: str) -> NDArray[np.uint8]:
    """Return hashes in internal byte order."""
    rows = read_hashes(column)
    if rows is None:
        raise DataError(f"{name} is not 64 hex digits", where=where)
    return rows


def _scripts(column: Any, name: str, where: str) -> tuple[NDArray[np.uint8], Int64]:
    """Return scripts end to end, and their bounds."""
    text, bounds = slices_of(column)
    raw = None if (np.diff(bounds) % 2).any() else bytes_of(text)
    if raw is None:
        raise DataError(f"{name} is not hex", where=where)
    return raw, bounds // 2


def _hex_numbers(column: Any, name: str, where: str) -> NDArray[np.uint32]:
    """Return numbers of a block's header from their hex."""
    try:
        return np.array([int(text, 16) for text in column.to_pylist()], np.int64).astype(
            np.uint32, casting="unsafe"
        )
    except (ValueError, OverflowError):
        raise DataError(f"{name} is not a number in hex", where=where) from None


def _signed(values: Int64, name: str, where: str) -> NDArray[np.int32]:
    """Return versions as 32 bits; nodes since version 28 show those of transactions unsigned."""
    if ((values < -(2**31)) | (values >= 2**32)).any():
        raise DataError(f"{name} does not fit 32 bits", where=where)
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
