"""Linking inputs to outputs, beside joins of DuckDB over the same rows.

The job is what an import does once the blocks are parsed: the output that each input spends, the
transaction that spends each output, and what each transaction brings. Ours takes the rows by
partition, as the threads that parse leave them; sorting them there is measured too, on one core,
with the scripts that ours sorts along. DuckDB takes Arrow tables, transaction ids as four words,
which joins faster than blobs. Ours also holds the sums against what is paid, writes the columns to
files with their checksums, and leaves the index of transaction ids.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from bench.case import Case
from bench.line import Goal, emit, note
from clewline.codec.block import ParsedBlocks
from clewline.sources.active_chain import choose_active_chain
from clewline.sources.block_files import network_of, scan_directory
from clewline.store.bulk import BulkWriter
from clewline.store.importer import append_blocks, no_progress
from clewline.store.memory import Memory
from clewline.store.reader import ChainStore

_RUNS = 3
_GOAL = Goal("ratio", ">=", 1)
_KEY = "k0, k1, k2, k3"

Columns = tuple[NDArray[Any], NDArray[Any]]


class _TimedWriter(BulkWriter):
    """A writer that notes how long it sorts rows into partitions, over all threads."""

    sorting = 0.0

    def prepare(self, parsed: ParsedBlocks) -> Any:
        begin = time.thread_time()
        prepared = super().prepare(parsed)
        self.sorting += time.thread_time() - begin
        return prepared


def measure(case: Case) -> None:
    """Measure both, alternating, and check that they find the same."""
    store = case.workspace().store
    expected = store.column("input.prevout"), store.column("spending.spender")
    tables = _tables(store)
    ours, sorting, peer = [], [], []
    for run in range(_RUNS):
        note(f"linking: run {run + 1} of {_RUNS}")
        seconds, sorted_in, found = _ours(case)
        ours.append(seconds)
        sorting.append(sorted_in)
        _require_same(found, expected)
        begin = time.perf_counter()
        found = _joined(tables)
        peer.append(time.perf_counter() - begin)
        _require_same(found, expected)
    counts = store.manifest.counts
    figures = {
        "transactions": counts["tx"],
        "inputs": counts["input"],
        "outputs": counts["output"],
        "seconds": median(ours),
        "runs": ours,
        "sorting_cpu_seconds": median(sorting),
        "peer": f"DuckDB {duckdb.__version__}",
        "peer_seconds": median(peer),
        "peer_runs": peer,
        "ratio": min(peer) / min(ours),
        "ratio_with_sorting": min(peer) / (min(ours) + min(sorting)),
    }
    emit("linking", figures, goal=_GOAL)


def _require_same(found: Columns, expected: Columns) -> None:
    """End the run where an input is linked to another output."""
    for got, wanted in zip(found, expected, strict=True):
        if not np.array_equal(got, wanted):
            raise SystemExit("bench: inputs are linked to other outputs")


def _ours(case: Case) -> tuple[float, float, Columns]:
    """Link as an import does; return the seconds of that, those of sorting, and the columns."""
    network = network_of(case.blocks)
    records = scan_directory(case.blocks, network)
    with TemporaryDirectory(dir=case.path, prefix="linking-") as directory:
        path = Path(directory) / "store"
        with _TimedWriter(path, network, Memory()) as writer:
            active = choose_active_chain(network, writer.headers(), records.header, records.place)
            append_blocks(writer, records, active.records, no_progress)
            begin = time.perf_counter()
            writer.settle()
            seconds = time.perf_counter() - begin
            prevout = np.array(writer.written("input.prevout"))
            spender = np.fromfile(next(path.glob("*/spending.spender")), np.uint32)
        shutil.rmtree(path, ignore_errors=True)
    return seconds, writer.sorting, (prevout, spender)


def _tables(store: ChainStore) -> dict[str, Any]:
    """Return transactions, inputs and outputs as Arrow tables, as blocks have them."""
    txid, prevout = store.column("tx.txid"), store.column("input.prevout")
    tx_input, tx_output = store.column("tx.input_start"), store.column("tx.output_start")
    value = store.column("output.value")
    source = np.searchsorted(tx_output, prevout, side="right") - 1
    return {
        "transactions": pa.table({**_words(txid), "first_output": tx_output[:-1]}),
        "inputs": pa.table(
            {
                **_words(txid[source]),
                "vout": prevout - tx_output[source],
                "input": np.arange(prevout.size),
                "tx": np.repeat(np.arange(tx_input.size - 1), np.diff(tx_input)),
            }
        ),
        "outputs": pa.table({"output": np.arange(value.size), "value": value}),
    }


def _words(ids: NDArray[np.uint8]) -> dict[str, NDArray[np.uint64]]:
    """Return ids as four columns of numbers."""
    words = np.ascontiguousarray(ids).view(np.uint64).reshape(-1, 4)
    return {f"k{i}": np.ascontiguousarray(words[:, i]) for i in range(4)}


def _joined(tables: dict[str, Any]) -> Columns:
    """Have DuckDB link; return who is spent, who spends."""
    with duckdb.connect() as peer:
        for name, table in tables.items():
            peer.register(name, table)
        peer.sql(
            "create temp table linked as select input, tx, first_output + vout as output "
            f"from inputs join transactions using ({_KEY})"
        )
        ask = peer.sql
        prevout = ask("select output from linked order by input").to_arrow_table()
        spender = ask(
            "select coalesce(tx, 4294967295)::uinteger as tx from outputs "
            "left join linked using (output) order by output"
        ).to_arrow_table()
        ask(
            "select tx, sum(value) from linked join outputs using (output) group by tx order by tx"
        ).to_arrow_table()
        return prevout.column("output").to_numpy(), spender.column("tx").to_numpy()
