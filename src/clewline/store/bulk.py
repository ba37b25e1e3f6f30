"""A chain into an empty store, in passes over partitions, so that memory has a bound.

An import that appends looks each input and script up in tables over the whole chain. Here nothing
is looked up until all blocks are read: rows go to partitions by what they would be looked up by,
and each partition is joined on its own, in the processor's cache, whatever the length of the chain.

- While blocks arrive: rows of `bulk_rows` to partitions; columns that are known at once to files.
- Then two chains of passes side by side: inputs (`bulk_link`) and scripts (`bulk_scripts`). Each
  goes through partitions, then through ranges of ids in chain order, and ends in columns.

Partitions lie in memory as far as `Memory` allows, in files beyond (`partitions`).
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.codec.networks import Network
from clewline.codec.script import script_kinds
from clewline.errors import ChainError
from clewline.store.bulk_link import (
    MAX_RANGE_LOG2,
    NO_FAULT,
    SPEND_WORDS,
    FAULTS_LOG2,
    check_sums,
    fault_of,
    group_spends,
    place_inputs,
    resolve_inputs,
    spend_outputs,
)
from clewline.store.bulk_rows import ROW_WORDS, BatchRows, group_batch
from clewline.store.bulk_scripts import (
    OUTPUT_WORDS,
    Firsts,
    group_matches,
    match_scripts,
    number_scripts,
    place_outputs,
    place_scripts,
    rank_many,
)
from clewline.store.column_files import ColumnFiles, parsed_columns
from clewline.store.directory import next_name
from clewline.store.files import ColumnFile, FilledFile, storage_error
from clewline.store.hash_index import capacity_for
from clewline.store.link import LINK_FAULT_TEXT, UNSPENT, LinkFault
from clewline.store.manifest import digest_of
from clewline.store.partitions import Partitions, Queue
from clewline.store.reader import ChainStore
from clewline.store.schema import INDEXES, columns
from clewline.store.tables import MAX_IDS
from clewline.store.writer import StoreWriter

_PARTS: Final = 256
_PART_BYTES: Final = 1 << 21
"""Blocks of so many bytes make partitions that fit into the processor's cache."""
_RANGES: Final = 256
_MIN_RANGE_LOG2: Final = 14

T = TypeVar("T")
Int64 = NDArray[np.int64]


class BulkWriter(StoreWriter):
    """The writer of a store that, where there is no chain yet, takes one in passes.

    Parameters
    ----------
    path, network
        As for `StoreWriter`.
    memory : int, optional
        Bytes that the import may hold.
    """

    def __init__(self, path: Path, network: Network, memory: int | None = None) -> None:
        super().__init__(path, network)
        self._memory = memory
        self._passes: _Passes | None = None

    def expect(self, block_bytes: int) -> None:
        """Make ready for about so many bytes of blocks; before the first `append`."""
        if not self.base.tip:
            directory = self.path / next_name(self.base.index_dir)
            self._new_directories.append(directory)
            try:
                directory.mkdir()
            except OSError as error:
                raise storage_error(directory, error) from error
            columns_, _tables = self._open()
            self._passes = _Passes(columns_, directory, self._pool, self.base.script_key, block_bytes)

    def prepare(self, parsed: ParsedBlocks) -> Any:
        """Make of verified blocks what `append` takes, in any thread and order."""
        return self._passes.prepare(parsed) if self._passes else parsed

    def append(
        self,
        parsed: Any,
        place: Callable[[int], str] = "block {} of the batch".format,
        batches_to_come: float = 0.0,
    ) -> None:
        """Append what `prepare` returned; see `StoreWriter.append`.

        In an empty store, faults of links show in `settle` and `seal` only.
        """
        if self._passes:
            self._passes.append(parsed, place)
        else:
            super().append(parsed, place, batches_to_come)

    def seal(self) -> ChainStore:
        if not self._passes:
            return super().seal()
        passes = self._passes
        index_counts = passes.run()
        columns_, _tables = self._open()
        self._index_sums = passes.index_sums
        self._synced = self._pool.submit(columns_.sync)
        counts = columns_.counts
        tip = columns_.view("block.hash")[-1]
        manifest = replace(
            self.base,
            tip=tip[::-1].tobytes().hex(),
            counts=counts,
            digest=digest_of(self.network.name, counts, columns_.checksums()),
            columns_dir=columns_.directory.name,
            index_dir=passes.directory.name,
            index_counts=index_counts,
        )
        return ChainStore(self.path, manifest)


class _Passes:
    """The passes."""

    def __init__(
        self,
        columns_: ColumnFiles,
        directory: Path,
        pool: ThreadPoolExecutor,
        script_key: int,
        block_bytes: int,
    ) -> None:
        self.directory = directory
        self.index_sums: dict[str, Future[bytes]] = {}
        self._columns = columns_
        self._pool = pool
        self._seed = script_key
        self.parts = min(_PARTS, 1 << (block_bytes // _PART_BYTES).bit_length())
        room = 1 << 40
        self._transactions = Partitions(directory / "t", self.parts, ROW_WORDS, room)
        self._inputs = Partitions(directory / "i", self.parts, ROW_WORDS, room)
        self._outputs = Partitions(directory / "o", self.parts, ROW_WORDS, room)
        self._script_bytes = Queue(directory / "b", np.dtype(np.uint8), room)
        self._script_length = Queue(directory / "l", np.dtype(np.uint32), room)
        self._bases: list[tuple[int, int, int]] = []
        self._places: list[tuple[int, Callable[[int], str]]] = []

    def prepare(self, parsed: ParsedBlocks) -> tuple[ParsedBlocks, BatchRows]:
        return parsed, group_batch(parsed, self._seed, self.parts)

    def append(
        self, prepared: tuple[ParsedBlocks, BatchRows], place: Callable[[int], str]
    ) -> None:
        parsed, rows = prepared
        base = self._columns.counts
        self._bases.append((base["tx"], base["input"], base["output"]))
        self._places.append((base["block"], place))
        self._transactions.append(*rows.transactions)
        self._inputs.append(*rows.inputs)
        self._outputs.append(*rows.outputs)
        self._script_bytes.append(rows.script_bytes)
        self._script_length.append(rows.script_length)
        self._columns.append(
            parsed_columns(parsed, base),
            {
                "block": base["block"] + parsed.block_start.size,
                "tx": base["tx"] + parsed.txid.shape[0],
                "input": base["input"] + parsed.prevout_at.size,
                "output": base["output"] + parsed.value.size,
            },
        )

    def run(self) -> dict[str, int]:
        """Run"""
        self._base_tx, self._base_input, self._base_output = (
            np.array(self._bases, np.int64).reshape(-1, 3).T.copy()
        )
        counts = self._columns.counts
        self._output_log2 = _range_log2(counts["output"])
        self._input_log2 = _range_log2(counts["input"])
        with ThreadPoolExecutor(1) as other:
            scripts = other.submit(self._number)
            overwritten = self._link()
            script_slots = scripts.result()
        self._file("txid.overwritten", np.array(sorted(overwritten), np.uint32))
        return {
            "txid_slot": capacity_for(counts["tx"]),
            "overwritten": len(overwritten),
            "script_slot": script_slots,
        }

    def _in_order(self, function: Callable[[int], T], count: int) -> Iterator[T]:
        waiting: deque[Future[T]] = deque()
        try:
            for i in range(count):
                waiting.append(self._pool.submit(function, i))
                if len(waiting) > 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _index(self, name: str) -> ColumnFile:
        return ColumnFile(self.directory / name, 0, b"")

    def _finish(self, file: ColumnFile) -> bytes:
        with closing(file):
            file.sync()
            return file.checksums()

    def _file(self, name, array):
        file = self._index(name)
        file.append(array)
        self.index_sums[name] = self._pool.submit(self._finish, file)

    def _link(self) -> list[int]:
        T0=time.perf_counter()
        counts = self._columns.counts
        size = capacity_for(counts["tx"])
        table = FilledFile(self.directory / "txid.slots", np.dtype(np.uint64), size)
        region = size // self.parts
        ranges = _ranges(counts["output"], self._output_log2)
        spends = Partitions(self.directory / "s", ranges, SPEND_WORDS, 1 << 40)

        def resolve(part: int) -> Any:
            tx_rows, tx_chunk = self._transactions.read(part)
            input_rows, input_chunk = self._inputs.read(part)
            n_tx = tx_rows.size // ROW_WORDS
            slots = np.zeros(region + n_tx + 1, np.uint64)
            repeated = np.empty(n_tx, np.uint32)
            repeats, fault = resolve_inputs(
                slots, region * part, size, tx_rows, tx_chunk, input_rows, input_chunk,
                self._base_tx, self._base_input, self._base_output, repeated,
            )
            starts = np.zeros(ranges + 1, np.int64)
            rows = np.empty(SPEND_WORDS * (input_rows.size // ROW_WORDS), np.uint64)
            group_spends(input_rows, self._output_log2, starts, rows)
            table.rows[region * part : region * (part + 1)] = slots[:region]
            over = slots[region:]
            return repeated[:repeats].tolist(), fault, rows[: SPEND_WORDS * starts[-1]], starts, over[over != 0]

        fault = NO_FAULT
        overwritten: list[int] = []
        spilled = []
        for part, (repeated, first, rows, starts, over) in enumerate(self._in_order(resolve, self.parts)):
            overwritten += repeated
            fault = min(fault, first)
            spends.append(rows, starts)
            spilled.append(over)
        _put_over(table.rows, region, spilled)
        self.index_sums["txid.slots"] = self._pool.submit(table.finish)
        self._transactions.close()
        self._inputs.close()
        T1=time.perf_counter()

        value = self._columns.view("output.value")
        input_ranges = _ranges(counts["input"], self._input_log2)
        paid_rows = Partitions(self.directory / "p", input_ranges, SPEND_WORDS, 1 << 40)

        def spend(number: int) -> Any:
            first = number << self._output_log2
            own = value[first : first + (1 << self._output_log2)]
            rows, _chunks = spends.read(number)
            spender = np.full(own.size, UNSPENT, np.uint32)
            starts = np.zeros(input_ranges + 1, np.int64)
            paid = np.empty_like(rows)
            found = spend_outputs(
                rows, first, own, spender, np.full(own.size, NO_FAULT, np.int64),
                self._input_log2, starts, paid,
            )
            return found, spender, paid, starts

        file = self._index("spending.spender")
        for found, spender, paid, starts in self._in_order(spend, ranges):
            fault = min(fault, found)
            file.append(spender)
            paid_rows.append(paid, starts)
        self.index_sums["spending.spender"] = self._pool.submit(self._finish, file)
        spends.close()
        T2=time.perf_counter()

        def place(number: int) -> Any:
            first = number << self._input_log2
            rows, _chunks = paid_rows.read(number)
            count = min(counts["input"] - first, 1 << self._input_log2)
            prevout, paid = np.empty(count, np.int64), np.empty(count, np.int64)
            place_inputs(rows, prevout, paid)
            return prevout, paid

        limit = fault >> FAULTS_LOG2
        tx_input, tx_output = self._columns.view("tx.input_start"), self._columns.view("tx.output_start")
        carried = np.zeros(2, np.int64)
        for number, (prevout, paid) in enumerate(self._in_order(place, input_ranges)):
            self._columns.append({"input.prevout": prevout}, {})
            found = check_sums(
                paid, number << self._input_log2, limit, tx_input, tx_output, value, carried
            )
            if found != NO_FAULT:
                fault = min(fault, found)
                break
        paid_rows.close()
        if fault != NO_FAULT:
            raise self._fault(fault)
        print("link", T1-T0, T2-T1, time.perf_counter()-T2)
        return overwritten

    def _fault(self, fault: int) -> ChainError:
        row, kind = fault_of(fault)
        tx_input = self._columns.view("tx.input_start")
        tx = int(np.searchsorted(tx_input, row, side="right")) - 1
        shown = 0 if kind == LinkFault.VALUE else row - tx_input[tx]
        block = int(np.searchsorted(self._columns.view("block.tx_start"), tx, side="right")) - 1
        first, place = self._places[bisect_right(self._places, block, key=lambda one: one[0]) - 1]
        txid = self._columns.view("tx.txid")[tx][::-1].tobytes().hex()
        return ChainError(
            f"input {shown} of transaction {txid} {LINK_FAULT_TEXT[kind]}",
            where=place(block - first),
        )

    def _number(self) -> int:
        T0=time.perf_counter()
        counts = dict(self._columns.counts)
        ranges = _ranges(counts["output"], self._output_log2)
        matches = Partitions(self.directory / "m", ranges, OUTPUT_WORDS, 1 << 40)
        scripts_of: list[tuple[NDArray[np.uint64], Int64]] = []

        def match(part: int) -> Any:
            rows, chunk = self._outputs.read(part)
            n = rows.size // ROW_WORDS
            table = np.zeros(1 << (2 * n).bit_length(), np.uint64)
            output, following, last, first = np.empty((4, n), np.int64)
            scripts = match_scripts(table, rows, chunk, self._base_output, output, following, last, first)
            starts = np.zeros(ranges + 1, np.int64)
            found = np.empty(OUTPUT_WORDS * n, np.uint64)
            keys, first_output = np.empty(scripts, np.uint64), np.empty(scripts, np.int64)
            group_matches(rows, output, following, last, first, self._output_log2, starts, found, keys, first_output)
            return found, starts, keys, first_output

        for found, starts, keys, first_output in self._in_order(match, self.parts):
            matches.append(found, starts)
            scripts_of.append((keys, first_output))
        self._outputs.close()
        T1=time.perf_counter()
        words = -(-counts["output"] // 64)
        firsts = Firsts(np.zeros(words, np.uint64), np.empty(words, np.uint32))

        def place(number: int) -> Any:
            count = min(counts["output"] - (number << self._output_log2), 1 << self._output_log2)
            rows, _chunks = matches.read(number)
            following, other = np.empty(count, np.int64), np.empty(count, np.uint64)
            place_outputs(rows, following, other)
            return following, other

        known = known_bytes = 0
        files = {name: self._index(f"receiving.{name}") for name in ("first", "next", "last")}
        for number, (following, other) in enumerate(self._in_order(place, ranges)):
            count = other.size
            length = self._script_length.take(count)
            data = self._script_bytes.take(int(length.sum(dtype=np.int64)))
            script = np.empty(count, np.uint32)
            first, last, start = np.empty((3, count), np.int64)
            new_bytes = np.empty(data.size, np.uint8)
            fresh, size = number_scripts(
                number << self._output_log2, other, length, data, known, known_bytes, firsts,
                script, first, last, start, new_bytes,
            )
            starts = np.concatenate((np.zeros(1, np.int64), start[:fresh] - known_bytes))
            known += fresh
            known_bytes += size
            self._columns.append(
                {
                    "output.script": script,
                    "script.start": start[:fresh],
                    "script.kind": script_kinds(new_bytes, starts),
                    "script.bytes": new_bytes[:size],
                },
                {"script": known, "script_byte": known_bytes},
            )
            files["first"].append(first[:fresh])
            files["last"].append(last[:fresh])
            files["next"].append(following)
        matches.close()
        for name, file in files.items():
            self.index_sums[f"receiving.{name}"] = self._pool.submit(self._finish, file)
        T2=time.perf_counter()
        ends = self._columns.view("tx.output_start")[self._columns.view("block.tx_start")[1:]]
        block_script = np.empty(ends.size, np.int64)
        rank_many(firsts, ends[:-1], block_script[:-1])
        block_script[-1] = known
        self._columns.append({"block.script_start": block_script}, {})
        slots = capacity_for(known)
        table = FilledFile(self.directory / "scripthash.slots", np.dtype(np.uint64), slots)
        region = slots // self.parts

        def fill(part: int) -> Any:
            keys, first_output = scripts_of[part]
            own = np.zeros(region + keys.size + 1, np.uint64)
            place_scripts(own, region * part, slots, keys, first_output, firsts)
            table.rows[region * part : region * (part + 1)] = own[:region]
            over = own[region:]
            return over[over != 0]

        _put_over(table.rows, region, list(self._in_order(fill, self.parts)))
        self.index_sums["scripthash.slots"] = self._pool.submit(table.finish)
        print("scripts", T1-T0, T2-T1, time.perf_counter()-T2)
        return slots


def _put_over(slots, region, over) -> None:
    """Put what ran over the end of each part of a table into the next free slots."""
    for part, entries in enumerate(over):
        for entry in entries:
            slot = region * (part + 1) % slots.size
            while slots[slot]:
                slot = (slot + 1) % slots.size
            slots[slot] = entry


def _ranges(rows: int, log2: int) -> int:
    return -(-rows >> log2) if False else (rows + (1 << log2) - 1) >> log2


def _range_log2(rows: int) -> int:
    """Return the power of two of rows"""
    return min(max((rows // _RANGES).bit_length(), _MIN_RANGE_LOG2), MAX_RANGE_LOG2)
