"""From block records to a sealed tip: read, parse and hash in threads, link in order.

Threads suffice: the kernels release the interpreter lock. A batch is read and verified by one of
the workers while the main thread links an earlier one; at most `_AHEAD` batches are in memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import FAULT_TEXT, BlockFault, ParsedBlocks, parse_blocks, verify_blocks
from clewline.codec.networks import Coin
from clewline.codec.spending_order import in_spending_order
from clewline.errors import BlockFileError
from clewline.sources.active_chain import ActiveChain
from clewline.sources.block_files import BlockRecords
from clewline.sources.block_source import BlockSource
from clewline.sources.proof_of_work import check_work
from clewline.store.memory import MAX_BATCH
from clewline.store.reader import ChainStore, block_sizes
from clewline.store.writer import StoreWriter

Progress = Callable[[str, int, int], None]
"""Called with a stage, what is done, and what there is to do."""

_AHEAD: Final = 4
_BLOCK_BYTES: Final = 1 << 20
"""Of a block whose length is not known beforehand, about."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def append_blocks(
    writer: StoreWriter,
    source: BlockSource,
    order: NDArray[np.int64],
    progress: Progress,
) -> None:
    """Append blocks of a source in the given order to a store.

    Parameters
    ----------
    writer : StoreWriter
        Holds the chain up to the parent of the first record.
    source : BlockSource
        Files or a node.
    order : ndarray of int64
        Its records of the active chain to append, by height.
    progress : callable
        Told bytes read of bytes to read, or blocks where their length is not known beforehand.

    Raises
    ------
    BlockFileError
        With its place and byte: a block that cannot be parsed or does not match its hashes.
    ChainError
        An input that spends what is not there.
    StorageError
        If the disk refuses.
    """
    total, done = int(source.weight(order).sum()), 0
    writer.expect(max(total, order.size * _BLOCK_BYTES if total == order.size else 0))
    with closing(_prepared_batches(writer, source, order)) as batches:
        try:
            for part, prepared in batches:

                def place(block: int, part: NDArray[np.int64] = part) -> str:
                    return source.place(int(part[block]))

                weight = int(source.weight(part).sum())
                done += weight
                writer.append(prepared, place, (total - done) / weight)
                progress("Importing blocks", done, total)
        except BlockFileError:
            # A block before it may spend what is not there.
            writer.settle()
            raise


def check_left_out(records: BlockRecords, active: ActiveChain, writer: StoreWriter) -> None:
    """Check the records that an import leaves out: a wrong length could hide the tip behind them.

    Those that are stored already must be as long as they were; stale and repeated ones must parse.

    Parameters
    ----------
    records : BlockRecords
        All that there are.
    active : ActiveChain
        Which of them are the chain.
    writer : StoreWriter
        Holds the stored chain.

    Raises
    ------
    BlockFileError
        With file and byte.
    """
    coin, unknown = writer.network.coin, active.others
    if active.held.size:
        sizes = block_sizes(ChainStore(writer.path, writer.base))[active.held_height]
        found = records.end[active.held] - records.start[active.held]
        odd = np.flatnonzero(sizes != found)
        if coin.form.auxpow or coin.form.mweb:
            # What is not stored of a block does not tell how long it is; only reading it does.
            unknown = np.concatenate((unknown, active.held[odd[sizes[odd] < found[odd]]]))
            odd = odd[sizes[odd] > found[odd]]
        for i in odd[:1].tolist():
            raise BlockFileError(
                f"a record of {found[i]:,} bytes; its block, which is stored, has {sizes[i]:,}",
                where=records.place(int(active.held[i])),
            )
    for part in records.parts(unknown, MAX_BATCH):
        _parse(records, part, coin)


def _prepared_batches(
    writer: StoreWriter, source: BlockSource, order: NDArray[np.int64]
) -> Generator[tuple[NDArray[np.int64], Any]]:
    """Yield verified batches in order, prepared ahead by worker threads."""
    waiting: deque[tuple[NDArray[np.int64], Future[Any]]] = deque()
    with (
        closing(source.parts(order, writer.batch_bytes)) as parts,
        ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool,
    ):
        try:
            for part in parts:
                waiting.append((part, pool.submit(_prepare, writer, source, part)))
                if len(waiting) == _AHEAD:
                    ready, future = waiting.popleft()
                    yield ready, future.result()
            while waiting:
                ready, future = waiting.popleft()
                yield ready, future.result()
        finally:
            for _part, future in waiting:
                future.cancel()


def _prepare(writer: StoreWriter, source: BlockSource, part: NDArray[np.int64]) -> Any:
    """Read, parse and verify one batch, and prepare it for its writer."""
    coin = writer.network.coin
    parsed = _parse(source, part, coin)
    fault = verify_blocks(parsed) or check_work(parsed, coin)
    if fault is not None:
        raise _fault_error(source, part, parsed.block_start, fault)
    return writer.prepare(in_spending_order(parsed) if coin.sorted_by_id else parsed)


def _parse(source: BlockSource, part: NDArray[np.int64], coin: Coin) -> ParsedBlocks:
    """Read and parse one batch."""
    data, start, end = source.read(part)
    parsed = parse_blocks(data, start, end, coin.form)
    if isinstance(parsed, BlockFault):
        raise _fault_error(source, part, start, parsed)
    return parsed


def _fault_error(
    source: BlockSource, part: NDArray[np.int64], start: NDArray[np.int64], fault: BlockFault
) -> BlockFileError:
    """Return the error for a fault in a batch, with its place in the source."""
    offset = fault.position - int(start[fault.block])
    detail = f": {fault.detail}" if fault.detail else ""
    return BlockFileError(
        FAULT_TEXT[fault.fault] + detail, where=source.place(int(part[fault.block]), offset)
    )
