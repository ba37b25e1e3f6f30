"""From block records to a sealed tip: read, parse and hash in threads, link in order.

Threads suffice: the kernels release the interpreter lock. A batch is read and verified by one of
the workers while the main thread links an earlier one; at most `_AHEAD` batches are in memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import FAULT_TEXT, BlockFault, ParsedBlocks, parse_blocks, verify_blocks
from clewline.errors import BlockFileError
from clewline.sources.block_files import BlockRecords, deobfuscate, map_file
from clewline.store.writer import StoreWriter

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done, and what there is to do."""

_BATCH_BYTES: Final = 16 << 20
_AHEAD: Final = 4


def append_records(
    writer: StoreWriter,
    records: BlockRecords,
    order: NDArray[np.int64],
    progress: Progress,
) -> None:
    """Append the blocks of `records` in the given order to a store.

    Parameters
    ----------
    writer : StoreWriter
        Holds the chain up to the parent of the first record.
    records : BlockRecords
    order : ndarray of int64
        Records of the active chain by height.
    progress : callable
        Told bytes read of bytes to read.

    Raises
    ------
    BlockFileError
        With file and byte: a block that cannot be parsed or does not match its hashes.
    ChainError
        An input that spends what is not there.
    StorageError
        If the disk refuses.
    """
    sizes = records.end[order] - records.start[order]
    total, done = int(sizes.sum()), 0
    for parsed in _parsed_batches(records, order, sizes):
        writer.append(parsed)
        done += parsed.data.size
        progress("Importing blocks", done, total)


def _parsed_batches(
    records: BlockRecords, order: NDArray[np.int64], sizes: NDArray[np.int64]
) -> Iterator[ParsedBlocks]:
    """Yield verified batches in order, prepared ahead by worker threads."""
    files: dict[int, NDArray[np.uint8]] = {}
    waiting: deque[Future[ParsedBlocks]] = deque()
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            for first, last in _batches(sizes):
                part = order[first:last]
                for file in np.unique(records.file[part]).tolist():
                    if file not in files:
                        files[file] = map_file(records.files[file])
                waiting.append(pool.submit(_prepare, records, part, files))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _batches(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut a run of blocks into ranges of about `_BATCH_BYTES`."""
    ends = np.cumsum(sizes)
    first = 0
    while first < sizes.size:
        begin = ends[first] - sizes[first]
        last = max(first + 1, int(np.searchsorted(ends, begin + _BATCH_BYTES, side="right")))
        yield first, last
        first = last


def _prepare(
    records: BlockRecords, part: NDArray[np.int64], files: dict[int, NDArray[np.uint8]]
) -> ParsedBlocks:
    """Read, parse and verify one batch."""
    sizes = records.end[part] - records.start[part]
    block_end = np.cumsum(sizes)
    block_start = block_end - sizes
    data = np.empty(int(block_end[-1]), np.uint8)
    for record, start, end in zip(
        part.tolist(), block_start.tolist(), block_end.tolist(), strict=True
    ):
        source = files[int(records.file[record])]
        at = int(records.start[record])
        deobfuscate(source[at : at + end - start], records.key, at, data[start:end])
    parsed = parse_blocks(data, block_start, block_end)
    fault = parsed if isinstance(parsed, BlockFault) else verify_blocks(parsed)
    if isinstance(fault, BlockFault):
        record = int(part[fault.block])
        position = int(records.start[record]) + fault.position - int(block_start[fault.block])
        raise BlockFileError(
            FAULT_TEXT[fault.fault],
            where=f"{records.files[int(records.file[record])]}, byte {position}",
        )
    assert isinstance(parsed, ParsedBlocks)
    return parsed
