"""Import, beside hashing: no import can be faster than computing the transaction ids.

The floor is a plain Python loop that double-hashes the bytes of each transaction with hashlib;
reading and cutting the blocks is not counted in it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from bench.case import Case, ImportRun, clear_store, import_as_process
from bench.line import Goal, emit, note
from clewline.codec.block import ParsedBlocks, parse_blocks
from clewline.sources.block_files import deobfuscate, map_file, network_of, scan_directory
from clewline.store.manifest import read_manifest
from clewline.workspace import import_blocks

_RUNS = 3
_GOAL = Goal("ratio", "<=", 8)
_NEXT_GOAL = Goal("ratio", "<=", 3)
_FLOOR = "double-SHA-256 of each transaction's bytes, hashlib in a Python loop"
_BATCH_BYTES = 16 << 20


def measure(case: Case) -> None:
    """Measure the import as a process and as a call, and its memory; alternating with the floor."""
    floors: list[float] = []
    processes: list[ImportRun] = []
    calls: list[float] = []
    for run in range(_RUNS):
        note(f"import: run {run + 1} of {_RUNS}")
        seconds, transactions, hashed = hashing_floor(case.blocks)
        floors.append(seconds)
        calls.append(_call(case))
        processes.append(import_as_process(case))
    counts = read_manifest(case.store).counts
    if counts["tx"] != transactions:
        raise SystemExit(f"bench: {counts['tx']} transactions imported, {transactions} hashed")
    floor = median(floors)
    size = {"transactions": transactions, "bytes": hashed}
    emit("import.floor", {"what": _FLOOR, **size, "seconds": floor, "runs": floors})
    for name, runs in (
        ("import.process", [run.seconds for run in processes]),
        ("import.call", calls),
    ):
        seconds = median(runs)
        figures = {
            **size,
            "seconds": seconds,
            "runs": runs,
            "transactions_per_second": transactions / seconds,
            "megabytes_per_second": hashed / 1e6 / seconds,
            "floor": _FLOOR,
            "floor_seconds": floor,
            "ratio": seconds / floor,
            "best_ratio": min(runs) / min(floors),
        }
        emit(name, figures, goal=_GOAL, next_goal=_NEXT_GOAL)
    resources = {
        "cpu_seconds": median(run.cpu_seconds for run in processes),
        "peak_memory_bytes": max(run.peak_bytes for run in processes),
        "store_bytes": sum(file.stat().st_size for file in case.store.rglob("*") if file.is_file()),
    }
    emit("import.resources", {**size, **resources})


def hashing_floor(blocks: Path) -> tuple[float, int, int]:
    """Return seconds of hashing alone, transactions hashed, and their bytes."""
    seconds, transactions, hashed = 0.0, 0, 0
    for data, spans in _batches(blocks):
        pieces = [data[start:end] for start, end in spans]
        sha256 = hashlib.sha256
        begin = time.perf_counter()
        for piece in pieces:
            sha256(sha256(piece).digest()).digest()
        seconds += time.perf_counter() - begin
        transactions += len(pieces)
        hashed += sum(map(len, pieces))
    return seconds, transactions, hashed


def _batches(blocks: Path) -> Iterator[tuple[bytes, list[list[int]]]]:
    """Yield plain bytes of some blocks and where their transactions are."""
    records = scan_directory(blocks, network_of(blocks))
    files = [map_file(path) for path in records.files]
    sizes = records.end - records.start
    batch = np.cumsum(sizes) // _BATCH_BYTES
    for number in np.unique(batch).tolist():
        part = np.flatnonzero(batch == number)
        ends = np.cumsum(sizes[part])
        starts = ends - sizes[part]
        data = np.empty(int(ends[-1]), np.uint8)
        for record, start, end in zip(part.tolist(), starts.tolist(), ends.tolist(), strict=True):
            at = int(records.start[record])
            source = files[int(records.file[record])][at : at + end - start]
            deobfuscate(source, records.key, at, data[start:end])
        parsed = parse_blocks(data, starts, ends)
        if not isinstance(parsed, ParsedBlocks):
            raise SystemExit(f"bench: {parsed}")
        yield data.tobytes(), parsed.tx_span[:, [0, 3]].tolist()


def _call(case: Case) -> float:
    """Import into a new store in this process; return seconds."""
    clear_store(case)
    begin = time.perf_counter()
    import_blocks(case.store, case.blocks)
    return time.perf_counter() - begin
