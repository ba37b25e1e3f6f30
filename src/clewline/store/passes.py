"""What the passes of a bulk import share: bases of batches, ranges of ids, threads, files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from clewline.store.column_files import ColumnFiles
from clewline.store.in_place import sums_of
from clewline.store.index_files import IndexFiles
from clewline.store.memory import Memory
from clewline.store.partitions import Offsets, Partitions, Queue, Words

MAX_RANGE_LOG2: Final = 24
"""A row keeps its place in a range in 24 bits, beside 40 bits of an output id."""

_MIN_RANGE_LOG2: Final = 14
_MOST_RANGE_LOG2: Final = 22
_RANGES: Final = 256
_WORKERS: Final = os.cpu_count() or 1

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - no error: nobody but the passes sees it
    """The other chain of passes has failed."""


class Bases(NamedTuple):
    """What the numbers in the rows of each batch count from, shape (n_batch,)."""

    tx: Offsets
    input: Offsets
    output: Offsets


@dataclass(frozen=True)
class Ranges:
    """Ids cut into ranges of a power of two, so that those of one fit into the cache.

    Attributes
    ----------
    rows : int
        How many ids there are.
    log2 : int
        Ids of a range.
    """

    rows: int
    log2: int

    @property
    def count(self) -> int:
        """Number of ranges."""
        return (self.rows >> self.log2) + bool(self.rows & ((1 << self.log2) - 1))

    def first(self, number: int) -> int:
        """Return the first id of a range."""
        return number << self.log2

    def size(self, number: int) -> int:
        """Return the ids of a range."""
        return min(1 << self.log2, self.rows - self.first(number))


def cut_ranges(rows: int) -> Ranges:
    """Cut ids into ranges.

    Examples
    --------
    >>> cut_ranges(100_000).count, cut_ranges(0).count
    (7, 0)
    """
    log2 = (rows // _RANGES).bit_length()
    return Ranges(rows, min(max(log2, _MIN_RANGE_LOG2), _MOST_RANGE_LOG2))


class Workplace:
    """Where passes work: columns, indexes, threads, memory.

    Parameters
    ----------
    columns_ : ColumnFiles
        Canonical columns.
    indexes : IndexFiles
        Index tables, all of them without rows.
    memory : Memory
        What may be held.
    parts : int
        Number of partitions, a power of two.
    """

    def __init__(
        self, columns_: ColumnFiles, indexes: IndexFiles, memory: Memory, parts: int
    ) -> None:
        self.columns = columns_
        self.indexes = indexes
        self.directory = indexes.file_of("txid.slots").parent
        self.parts = parts
        self.memory = memory
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._stopped = False
        self._open: list[Partitions | Queue] = []

    def partitions(self, name: str, parts: int, words: int, share: float) -> Partitions:
        """Return partitions without rows, with a share of the memory."""
        path = self.directory / f"{name}.spilled"
        rows = Partitions(path, parts, words, self.memory.share(share))
        self._open.append(rows)
        return rows

    def queue(self, name: str, dtype: type[np.generic], share: float) -> Queue:
        """Return an empty queue with a share of the memory."""
        path = self.directory / f"{name}.spilled"
        elements = Queue(path, np.dtype(dtype), self.memory.share(share))
        self._open.append(elements)
        return elements

    def in_order(self, work: Callable[..., T], *given: Iterable[Any]) -> Iterator[T]:
        """Do work in threads, and yield what it gives in order: as ``map``, a few steps ahead.

        Raises
        ------
        Stopped
            After `stop`.
        """
        waiting: deque[Future[T]] = deque()
        try:
            for arguments in zip(*given, strict=True):
                waiting.append(self._pool.submit(work, *arguments))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
                if self._stopped:
                    raise Stopped
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def fill_table(
        self, name: str, size: int, fill: Callable[..., tuple[Words, T]], *given: Iterable[Any]
    ) -> Iterator[T]:
        """Fill a hash table part by part.

        Parameters
        ----------
        name : str
            Full name of the column.
        size : int
            Its slots.
        fill : callable
            Told partition, slots of a partition, and what is given; returns its slots, with those
            that run over its end behind them, and anything else.
        *given : iterable
            Something a partition.

        Yields
        ------
        object
            What else it returned, in order.
        """
        table = self.indexes.empty_table(name, size, self.directory.name)
        region = size // self.parts

        def filled(part: int, *arguments: Any) -> tuple[Words, T]:
            slots, more = fill(part, region, *arguments)
            table.entries[region * part : region * (part + 1)] = slots[:region]
            over = slots[region:]
            return over[over != 0], more

        late: list[tuple[int, Words]] = []
        for part, (over, more) in enumerate(self.in_order(filled, range(self.parts), *given)):
            late.append((region * (part + 1), over))
            yield more
        put_late(table.entries, late)
        table.sums[:] = np.frombuffer(sums_of(table.entries), np.uint64)

    def stop(self) -> None:
        """Let whatever is under way end soon, with `Stopped`."""
        self._stopped = True

    def close(self) -> None:
        """Wait for what is under way, and free all rows."""
        self._stopped = True
        self._pool.shutdown(cancel_futures=True)
        for one in self._open:
            one.close()


def put_late(slots: Words, late: list[tuple[int, Words]]) -> None:
    """Put entries that ran over the end of their part of a table into the next free slots.

    Parameters
    ----------
    slots : ndarray of uint64
        The table, all parts filled; changed.
    late : list of (int, ndarray of uint64)
        The slot behind a part, and its entries: every slot of the part from theirs on is taken.

    Examples
    --------
    >>> slots = np.array([0, 5, 6, 7], np.uint64)
    >>> put_late(slots, [(4, np.array([8], np.uint64))])
    >>> slots.tolist()
    [8, 5, 6, 7]
    """
    for behind, entries in late:
        for entry in entries:
            slot = behind % slots.size
            while slots[slot]:
                slot = (slot + 1) % slots.size
            slots[slot] = entry
