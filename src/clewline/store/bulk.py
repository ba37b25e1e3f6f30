"""A chain into an empty store, in passes over partitions, so that memory has a bound.

An import that appends looks each input and each script up in tables over the whole chain. Here
nothing is looked up until all blocks are read. While they arrive, what would be looked up goes to
partitions by its key (`bulk_rows`), and columns that are known at once go to their files. Then each
partition is joined on its own, within the processor's cache, whatever the length of the chain.
Two chains of passes run side by side, over inputs (`link_passes`) and over scripts
(`script_passes`): each through the partitions, then through ranges of ids in chain order.

Rows lie in memory as far as `Memory` allows, and in files beyond that (`partitions`).
"""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from clewline.codec.block import ParsedBlocks
from clewline.codec.networks import Form, Network
from clewline.store.bulk_link import NO_FAULT
from clewline.store.bulk_rows import BatchRows, group_batch
from clewline.store.column_files import ColumnFiles, parsed_columns, parsed_counts
from clewline.store.hash_index import MIN_SLOTS
from clewline.store.index_files import IndexFiles
from clewline.store.link import Place
from clewline.store.link_passes import LinkPasses
from clewline.store.memory import Memory
from clewline.store.passes import Bases, Stopped, Workplace
from clewline.store.reader import ChainStore
from clewline.store.script_passes import ScriptPasses
from clewline.store.tables import check_ids
from clewline.store.writer import StoreWriter

_PARTS: Final = 256
"""A chunk of a batch of 8 MB still has some hundred rows for each."""
_MAX_PARTS: Final = MIN_SLOTS
"""Each needs a slot of its own."""
_PART_BYTES: Final = 1 << 21
"""Blocks whose rows fit into the processor's cache."""


class Prepared(NamedTuple):
    """A batch of blocks, and its rows."""

    parsed: ParsedBlocks
    rows: BatchRows


class BulkWriter(StoreWriter):
    """The writer of a store that takes a chain in passes where there is none yet.

    Where there is one already, it appends as any `StoreWriter` does. The bytes that it publishes
    are the same either way, but for the order of slots in hash tables.

    Parameters
    ----------
    path : Path
        Directory of the store; made if there is none.
    network : Network
        What the blocks are of.
    memory : Memory
        What the import may hold.
    """

    def __init__(self, path: Path, network: Network, memory: Memory) -> None:
        self._memory = memory
        self._passes: _Passes | None = None
        super().__init__(path, network)

    def expect(self, block_bytes: int) -> None:
        """Make ready for about so many bytes of blocks."""
        if not self.base.tip:
            self._memory.expect(block_bytes)
            self.batch_bytes = self._memory.batch_bytes
            columns_, _tables = self._open()
            self._passes = _Passes(
                columns_,
                self._indexes,
                self._memory,
                self.network.coin.form,
                self.base.script_key,
                block_bytes,
            )

    def prepare(self, parsed: ParsedBlocks) -> Any:
        """Make of verified blocks what `append` takes, in any thread and order."""
        return self._passes.prepare(parsed) if self._passes else parsed

    def append(
        self,
        parsed: Any,
        place: Place = "block {} of the batch".format,
        batches_to_come: float = 0.0,
    ) -> None:
        """Append what `prepare` returned; as `StoreWriter.append`, but faults of links may wait.

        They show in `settle` and `seal`.
        """
        if self._passes:
            self._passes.append(parsed, place)
        else:
            super().append(parsed, place, batches_to_come)

    def settle(self) -> None:
        """Raise the first fault that the blocks appended so far have, if they have one.

        Nothing can be appended afterwards.

        Raises
        ------
        ChainError
            If an input spends what is not there.
        StorageError
            If the disk refuses.
        """
        if self._passes:
            self._passes.link()

    def seal(self, coverage: str = "", tip_height: int = -1) -> ChainStore:
        """Link and number; then as `StoreWriter.seal`.

        Parameters
        ----------
        coverage, tip_height : str, int
            As there.

        Returns
        -------
        ChainStore
            For `publish`.

        Raises
        ------
        ChainError
            If an input spends what is not there; names place, transaction and input.
        StorageError
            If the disk refuses.
        """
        if self._passes:
            overwritten = self._passes.run()
            self._open()[1].repeat(overwritten)
            self._passes.at.close()
            self._passes = None
        return super().seal(coverage, tip_height)

    def _give_up(self) -> None:
        """Return to the published tip as far as the disk allows, and release the lock."""
        if self._passes:
            self._passes.at.close()
        super()._give_up()


class _Passes:
    """The passes over a chain, and what they need to know of its batches."""

    def __init__(
        self,
        columns_: ColumnFiles,
        indexes: IndexFiles,
        memory: Memory,
        form: Form,
        script_key: int,
        block_bytes: int,
    ) -> None:
        parts = min(_PARTS, 1 << (block_bytes // _PART_BYTES).bit_length())
        while parts < _MAX_PARTS and block_bytes // parts > memory.part_bytes:
            parts *= 2
        self.at = Workplace(columns_, indexes, memory, parts)
        self._script_key = script_key
        self._form = form
        self._links = LinkPasses(self.at, form.max_money)
        self._scripts = ScriptPasses(self.at, mweb=form.mweb)
        self._bases: list[tuple[int, int, int]] = []
        self._places: list[tuple[int, Place]] = []

    def prepare(self, parsed: ParsedBlocks) -> Prepared:
        """Make the rows of a batch."""
        return Prepared(parsed, group_batch(parsed, self._script_key, self.at.parts))

    def append(self, prepared: Prepared, place: Place) -> None:
        """Take a batch."""
        parsed, rows = prepared
        base = self.at.columns.counts
        counts = parsed_counts(parsed, base, self._form)
        check_ids(counts["tx"])
        self._bases.append((base["tx"], base["input"], base["output"]))
        self._places.append((base["block"], place))
        self._links.append(rows)
        self._scripts.append(rows)
        self.at.columns.append(parsed_columns(parsed, base, self._form), counts)

    def link(self) -> list[int]:
        """Run the passes over inputs; return the transactions whose ids were repeated."""
        overwritten, fault = self._links.run(self._batch_bases())
        if fault != NO_FAULT:
            raise self._links.describe(fault, self._place)
        return overwritten

    def run(self) -> list[int]:
        """Run all passes; return the transactions whose ids were repeated."""
        with ThreadPoolExecutor(1) as beside:
            numbered = beside.submit(self._number)
            try:
                overwritten = self.link()
            except Stopped:
                numbered.result()
                raise
            except BaseException:
                self.at.stop()
                raise
            numbered.result()
        return overwritten

    def _number(self) -> None:
        """Run the passes over scripts; where they fail, stop the others."""
        try:
            self._scripts.run(self._batch_bases())
        except BaseException:
            self.at.stop()
            raise

    def _batch_bases(self) -> Bases:
        """Return where the batches begin."""
        columns_ = np.array(self._bases, np.int64).reshape(-1, len(Bases._fields)).T
        return Bases(*map(np.ascontiguousarray, columns_))

    def _place(self, height: int) -> str:
        """Tell where a block comes from."""
        first, place = self._places[bisect_right(self._places, height, key=lambda one: one[0]) - 1]
        return place(height - first)
