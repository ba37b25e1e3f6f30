"""The flat schema: the store's own columns as tables, a row for each thing that has an id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clewline.interop.arrow import byte_strings, hashes, numbers, schema_of
from clewline.interop.schemas import FLAT
from clewline.store.reader import ChainStore


def record_batch(store: ChainStore, table: str, first: int, last: int) -> Any:
    """Return the rows of one flat table that belong to the blocks ``first … last - 1``.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    table : str
        A table of `FLAT`.
    first, last : int
        Heights.

    Returns
    -------
    pyarrow.RecordBatch
        Its columns are those of the schema.
    """
    columns = {
        "blocks": _blocks,
        "transactions": _transactions,
        "inputs": _inputs,
        "outputs": _outputs,
        "scripts": _scripts,
    }[table](store, first, last)
    return pa.RecordBatch.from_arrays(columns, schema=schema_of(FLAT.tables[table]))


def _span(store: ChainStore, name: str, first: int, last: int) -> tuple[int, int]:
    """Return the rows that an offset column gives to a range."""
    starts = store.column(name)
    return int(starts[first]), int(starts[last])


def _txs(store: ChainStore, first: int, last: int) -> tuple[int, int]:
    """Return the transactions of a range of blocks."""
    return _span(store, "block.tx_start", first, last)


def _counts(store: ChainStore, name: str, first: int, last: int) -> NDArray[np.uint32]:
    """Return how many rows of another table each row owns."""
    return np.diff(store.column(name)[first : last + 1]).astype(np.uint32)


def _owners(
    store: ChainStore, name: str, first: int, last: int, kind: type[np.integer]
) -> NDArray[Any]:
    """Return the row that owns each of the rows that an offset column gives to a range."""
    return np.repeat(np.arange(first, last, dtype=kind), _counts(store, name, first, last))


def _blocks(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``blocks``."""
    header = store.column("block.header")[first:last]
    return [
        numbers(np.arange(first, last)),
        hashes(store.column("block.hash")[first:last]),
        numbers(header["version"]),
        hashes(header["previous"]),
        hashes(header["merkle_root"]),
        numbers(header["time"]),
        numbers(header["bits"]),
        numbers(header["nonce"]),
        numbers(_counts(store, "block.tx_start", first, last)),
        numbers(_counts(store, "block.script_start", first, last)),
    ]


def _transactions(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``transactions``."""
    low, high = _txs(store, first, last)
    return [
        numbers(np.arange(low, high, dtype=np.uint32)),
        numbers(_owners(store, "block.tx_start", first, last, np.int64)),
        hashes(store.column("tx.txid")[low:high]),
        numbers(_counts(store, "tx.input_start", low, high)),
        numbers(_counts(store, "tx.output_start", low, high)),
        *(
            numbers(store.column(f"tx.{name}")[low:high])
            for name in ("version", "locktime", "base_size", "total_size")
        ),
    ]


def _inputs(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``inputs``."""
    low, high = _txs(store, first, last)
    begin, end = _span(store, "tx.input_start", low, high)
    return [
        numbers(np.arange(begin, end)),
        numbers(_owners(store, "tx.input_start", low, high, np.uint32)),
        numbers(store.column("input.prevout")[begin:end]),
        numbers(store.column("input.sequence")[begin:end]),
    ]


def _outputs(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``outputs``."""
    low, high = _txs(store, first, last)
    begin, end = _span(store, "tx.output_start", low, high)
    return [
        numbers(np.arange(begin, end)),
        numbers(_owners(store, "tx.output_start", low, high, np.uint32)),
        numbers(store.column("output.value")[begin:end]),
        numbers(store.column("output.script")[begin:end]),
    ]


def _scripts(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``scripts``."""
    begin, end = _span(store, "block.script_start", first, last)
    starts = store.column("script.start")[begin : end + 1]
    return [
        numbers(np.arange(begin, end, dtype=np.uint32)),
        numbers(store.column("script.kind")[begin:end]),
        byte_strings(
            store.column("script.bytes")[int(starts[0]) : int(starts[-1])], starts - starts[0]
        ),
    ]
