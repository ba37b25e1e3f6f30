"""The schema of bitcoin-etl and of the public data sets made with it, from a store.

Every column that follows from a store is filled as bitcoin-etl fills it from a node of the years
of those tables. What a store does not hold is null: unlocking scripts and the coinbase's script.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from clewline.codec.address import encode_addresses
from clewline.codec.networks import Network
from clewline.codec.script import ScriptKind, script_kinds
from clewline.interop.arrow import lists, nulls, numbers, schema_of, shown_hashes, texts
from clewline.interop.schemas import BITCOIN_ETL
from clewline.interop.script_text import (
    PSEUDO_ADDRESS,
    assembly,
    hex_of,
    listed_addresses,
    script_digests,
)
from clewline.store.link import gather_bytes
from clewline.store.reader import ChainStore, header_bytes

_KIND_NAMES = [kind.core_name for kind in ScriptKind]
# Half of a SHA-256 and a bit more: what the pseudo-address shows.
_PSEUDO_BYTES = 20


def record_batch(store: ChainStore, table: str, first: int, last: int) -> Any:
    """Return the rows of one table that belong to the blocks ``first … last - 1``.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    table : {"blocks", "transactions"}
    first, last : int
        Heights.

    Returns
    -------
    pyarrow.RecordBatch
        Its columns are those of the schema.
    """
    columns = (_blocks if table == "blocks" else _transactions)(store, first, last)
    return pa.RecordBatch.from_arrays(columns, schema=schema_of(BITCOIN_ETL.tables[table]))


def _compact_size_bytes(count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bytes that a number takes as a CompactSize."""
    return np.select([count < 253, count < 0x10000], [1, 3], 5).astype(np.int64)


def _stripped_hex(values: NDArray[np.uint32]) -> Any:
    """Return numbers in hex without leading zeros."""
    return pa.array([f"{value:x}" for value in values.tolist()], pa.string())


def _blocks(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``blocks``."""
    header = store.column("block.header")[first:last]
    starts = store.column("block.tx_start")[first : last + 1]
    low, high = int(starts[0]), int(starts[-1])
    count = np.diff(starts)
    frame = header_bytes(store.network) + _compact_size_bytes(count)
    base, total = (
        frame
        + np.add.reduceat(store.column(f"tx.{name}")[low:high].astype(np.int64), starts[:-1] - low)
        for name in ("base_size", "total_size")
    )
    return [
        shown_hashes(store.column("block.hash")[first:last]),
        numbers(total),
        numbers(base),
        numbers(3 * base + total),
        numbers(np.arange(first, last)),
        numbers(header["version"].astype(np.int64)),
        shown_hashes(header["merkle_root"]),
        numbers(header["time"].astype(np.int64)),
        _stripped_hex(header["nonce"]),
        pa.array([f"{bits:08x}" for bits in header["bits"].tolist()], pa.string()),
        nulls(last - first, pa.string()),
        numbers(count),
    ]


def _transactions(store: ChainStore, first: int, last: int) -> list[Any]:
    """Return the columns of ``transactions``."""
    starts = store.column("block.tx_start")[first : last + 1]
    low, high = int(starts[0]), int(starts[-1])
    block = np.repeat(np.arange(first, last), np.diff(starts))
    index = np.arange(low, high) - starts[block - first]
    base, total = (
        store.column(f"tx.{name}")[low:high].astype(np.int64)
        for name in ("base_size", "total_size")
    )
    tx_input = store.column("tx.input_start")[low : high + 1]
    tx_output = store.column("tx.output_start")[low : high + 1]
    prevout = store.column("input.prevout")[int(tx_input[0]) : int(tx_input[-1])]
    outputs = np.arange(int(tx_output[0]), int(tx_output[-1]))
    value, script = store.column("output.value"), store.column("output.script")
    scripts = _Scripts(store, script[np.concatenate((prevout, outputs))])
    spent, paid = value[prevout], value[outputs]
    bounds_in, bounds_out = tx_input - tx_input[0], tx_output - tx_output[0]
    paid_in, paid_out = _sums(spent, bounds_in), _sums(paid, bounds_out)
    into_pools = store.into_pools(low, high).sum(axis=1)
    hashes = store.column("block.hash")[first:last]
    return [
        shown_hashes(store.column("tx.txid")[low:high]),
        numbers(total),
        numbers((3 * base + total + 3) // 4),
        numbers(store.column("tx.version")[low:high].astype(np.int64)),
        numbers(store.column("tx.locktime")[low:high].astype(np.int64)),
        numbers(block),
        shown_hashes(hashes).take(pa.array(block - first)),
        numbers(store.block_time[block]),
        pa.array(index == 0),
        numbers(index),
        lists(bounds_in, _inputs(store, tx_input, prevout, spent, scripts)),
        lists(bounds_out, _outputs(tx_output, paid, scripts, prevout.size)),
        numbers(np.diff(tx_input)),
        numbers(np.diff(tx_output)),
        numbers(paid_in),
        numbers(paid_out),
        numbers(np.where(index == 0, 0, paid_in - paid_out - into_pools)),
    ]


def _sums(values: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of the values between each two bounds."""
    running = np.zeros(values.size + 1, np.int64)
    np.cumsum(values, out=running[1:])
    return running[bounds[1:]] - running[bounds[:-1]]


def _positions(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each row within its transaction."""
    rows = np.arange(int(starts[0]), int(starts[-1]))
    return rows - np.repeat(starts[:-1], np.diff(starts))


def _inputs(
    store: ChainStore,
    tx_input: NDArray[np.int64],
    prevout: NDArray[np.int64],
    spent: NDArray[np.int64],
    scripts: _Scripts,
) -> Any:
    """Return the rows inside ``inputs``."""
    tx_output = store.column("tx.output_start")
    source = np.searchsorted(tx_output, prevout, side="right") - 1
    sequence = store.column("input.sequence")[int(tx_input[0]) : int(tx_input[-1])]
    rows = slice(0, prevout.size)
    return _struct(
        "inputs",
        [
            numbers(_positions(tx_input)),
            shown_hashes(store.column("tx.txid")[source]),
            numbers(prevout - tx_output[source]),
            nulls(prevout.size, pa.string()),
            nulls(prevout.size, pa.string()),
            numbers(sequence.astype(np.int64)),
            scripts.required(rows),
            scripts.kinds(rows),
            scripts.addresses(rows),
            numbers(spent),
        ],
    )


def _outputs(
    tx_output: NDArray[np.int64], paid: NDArray[np.int64], scripts: _Scripts, before: int
) -> Any:
    """Return the rows inside ``outputs``; `before` scripts are those of inputs."""
    rows = slice(before, before + paid.size)
    return _struct(
        "outputs",
        [
            numbers(_positions(tx_output)),
            scripts.assembly(rows),
            scripts.hexes(rows),
            scripts.required(rows),
            scripts.kinds(rows),
            scripts.addresses(rows),
            numbers(paid),
        ],
    )


def _struct(name: str, columns: list[Any]) -> Any:
    """Return the rows of a nested column of ``transactions``."""
    (field,) = (one for one in BITCOIN_ETL.tables["transactions"].fields if one.name == name)
    return pa.StructArray.from_arrays(columns, [one.name for one in field.fields])


class _Scripts:
    """The distinct scripts of a batch as bitcoin-etl shows them, and which of them each row has."""

    def __init__(self, store: ChainStore, scripts: NDArray[np.uint32]) -> None:
        ids, inverse = np.unique(scripts.astype(np.int64), return_inverse=True)
        self._inverse = inverse
        starts, blob = store.column("script.start"), store.column("script.bytes")
        begins = np.ascontiguousarray(starts[ids])
        lengths = starts[ids + 1] - begins
        self._starts = np.zeros(ids.size + 1, np.int64)
        np.cumsum(lengths, out=self._starts[1:])
        self._blob = np.empty(int(self._starts[-1]), np.uint8)
        gather_bytes(blob, begins, lengths, ids.size, self._blob)
        kinds = store.column("script.kind")[ids]
        entries, behind, bounds, required = listed_addresses(self._blob, self._starts, kinds)
        self._required = pa.array(required, mask=required < 0)
        shown = np.where(required < 0, ScriptKind.NONSTANDARD.value, kinds)
        self._kinds = pa.array(_KIND_NAMES, pa.string()).take(pa.array(shown))
        self._addresses = lists(
            entries, self._listed(store.network, entries, behind, bounds, required < 0)
        )

    def _listed(
        self,
        network: Network,
        entries: NDArray[np.int64],
        behind: NDArray[np.uint8],
        bounds: NDArray[np.int64],
        nameless: NDArray[np.bool_],
    ) -> Any:
        """Return the text of each address to list."""
        kinds = script_kinds(behind, bounds)
        shown = pa.array(encode_addresses(behind, bounds, kinds, network), pa.string())
        wanted = np.flatnonzero(nameless)
        digests = script_digests(self._blob, self._starts, wanted)[:, :_PSEUDO_BYTES]
        name = np.frombuffer(PSEUDO_ADDRESS.encode(), np.uint8)
        width = name.size + 2 * _PSEUDO_BYTES
        pseudo = np.empty((wanted.size, width), np.uint8)
        pseudo[:, : name.size] = name
        pseudo[:, name.size :] = hex_of(np.ascontiguousarray(digests)).reshape(
            wanted.size, 2 * _PSEUDO_BYTES
        )
        mask = np.zeros(len(shown), np.bool_)
        mask[entries[wanted]] = True
        return pc.replace_with_mask(
            shown,
            pa.array(mask),
            texts(pseudo.reshape(-1), np.arange(wanted.size + 1, dtype=np.int64) * width),
        )

    def _each(self, column: Any, rows: slice) -> Any:
        """Return a column of the distinct scripts for some rows."""
        return column.take(pa.array(self._inverse[rows]))

    def required(self, rows: slice) -> Any:
        """Return how many signatures each needs."""
        return self._each(self._required, rows)

    def kinds(self, rows: slice) -> Any:
        """Return the name of the type of each."""
        return self._each(self._kinds, rows)

    def addresses(self, rows: slice) -> Any:
        """Return the addresses of each."""
        return self._each(self._addresses, rows)

    def hexes(self, rows: slice) -> Any:
        """Return each in hex."""
        return self._each(texts(hex_of(self._blob), 2 * self._starts), rows)

    def assembly(self, rows: slice) -> Any:
        """Return each as Core's assembly."""
        return self._each(texts(*assembly(self._blob, self._starts)), rows)
