"""Writing a store: one writer appends blocks, builds the indexes of the new tip, publishes it.

Nothing that readers or a later run rely on is touched before the manifest is replaced: appended
rows lie beyond the counts of the old manifest, indexes and (for a reorganisation) columns go to
new directories. Giving up at any point leaves the old tip.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import HEADER_BYTES, ParsedBlocks
from clewline.codec.networks import Network
from clewline.codec.script import script_kinds
from clewline.errors import ClewlineError, StoreMissingError, UsageError
from clewline.store.column_files import ColumnFiles, parsed_columns
from clewline.store.directory import (
    clear_leftovers,
    make_directory,
    next_name,
    take_lock,
    unmake,
)
from clewline.store.files import copy_column, storage_error, sync_directory, write_array
from clewline.store.link import Place, gather_bytes, receiving_index
from clewline.store.manifest import (
    CHECKSUMS,
    COUNTS,
    Manifest,
    column_bytes,
    digest_of,
    index_digest_of,
    read_checksums,
    read_manifest,
    write_manifest,
)
from clewline.store.memory import MAX_BATCH
from clewline.store.reader import ChainStore
from clewline.store.schema import INDEXES, columns
from clewline.store.tables import LinkTables


class StoreWriter:
    """The one writer of a store.

    Use as a context manager: leaving it without `publish` gives up and restores the old tip.

    Parameters
    ----------
    path : Path
        Directory of the store; made if there is none.
    network : Network
        What the blocks are of.

    Attributes
    ----------
    base : Manifest
        The published tip; its `tip` is empty where there is none yet.
    batch_bytes : int
        Bytes of blocks that `append` should be given at once.

    Raises
    ------
    StoreLockedError
        If another process writes to the store.
    UsageError
        If the directory holds something else, or a chain of another network.
    StorageError
        If the directory cannot be made or locked.
    StoreVersionError, StoreDamagedError
        If the store cannot be read by this version.
    """

    batch_bytes = MAX_BATCH

    def __init__(self, path: Path, network: Network) -> None:
        self.path = path
        self.network = network
        self._columns: ColumnFiles | None = None
        self._tables: LinkTables | None = None
        self._new_directories: list[Path] = []
        self._pool = ThreadPoolExecutor()
        self._index_sums: dict[str, Future[bytes]] = {}
        self._made = make_directory(path)
        try:
            self._lock = take_lock(path)
        except BaseException:
            if self._made:
                with contextlib.suppress(OSError):
                    path.rmdir()  # not if another writer is in it
            raise
        self._never_published = False
        self.base = _nothing(network)
        try:
            try:
                self.base = read_manifest(path)
            except StoreMissingError:
                self._never_published = True
            if self.base.network != network.name:
                raise UsageError(
                    f"the store holds network {self.base.network}, the blocks are of "
                    f"{network.name}",
                    where=str(path),
                    hint="one store holds one network",
                )
            clear_leftovers(path, self._kept())
        except BaseException:
            self._give_up()
            raise

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up what is not published, and release the store."""
        self._give_up()

    def headers(self) -> NDArray[np.uint8]:
        """Return the headers of the published tip, shape (n_block, 80)."""
        if not self.base.tip:
            return np.empty((0, HEADER_BYTES), np.uint8)
        header = ChainStore(self.path, self.base).column("block.header")
        return header.view(np.uint8).reshape(-1, HEADER_BYTES)

    def written(self, name: str) -> NDArray[Any]:
        """Return what has been written so far of a canonical column, by its full name.

        Parameters
        ----------
        name : str
            As ``input.prevout``.

        Returns
        -------
        ndarray
            Read-only; valid until the next `append` or `cut`.
        """
        return self._open()[0].view(name)

    def cut(self, height: int) -> None:
        """Drop the blocks from `height` on, for a reorganisation; only before the first `append`.

        The columns are copied up to there, so that readers of the old tip, and the old tip itself
        until the new one is published, stay whole.

        Parameters
        ----------
        height : int
            First block to drop, at least 1.

        Raises
        ------
        StoreDamagedError
            If the columns do not match their checksums.
        StorageError
            If the disk refuses.
        """
        checksums = self._checksums()
        old = ColumnFiles(self.path / self.base.columns_dir, self.base.counts, checksums)
        counts = old.counts_below(height)
        old.close()
        new = self.path / next_name(self.base.columns_dir)
        self._new_directories.append(new)
        try:
            new.mkdir()
        except OSError as error:
            raise storage_error(new, error) from error
        held = column_bytes(self.base.counts)
        copied = {
            name: copy_column(old.directory / name, held[name], checksums[name], new / name, size)
            for name, size in column_bytes(counts).items()
        }
        self._columns = ColumnFiles(new, counts, copied)
        self._tables = LinkTables(self.base.script_key, self._columns.view)
        self._tables.rebuild()

    def expect(self, block_bytes: int) -> None:
        """Make ready for about so many bytes of blocks."""

    def prepare(self, parsed: ParsedBlocks) -> Any:
        """Make of verified blocks what `append` takes, in any thread and order."""
        return parsed

    def append(
        self,
        parsed: Any,
        place: Place = "block {} of the batch".format,
        batches_to_come: float = 0.0,
    ) -> None:
        """Append verified blocks, linking inputs and scripts.

        Parameters
        ----------
        parsed : ParsedBlocks
            Blocks in height order, the first on top of what was appended before; verified, then
            prepared by `prepare`.
        place : callable
            Tells where a block of the batch comes from, for errors.
        batches_to_come : float
            How many of this size are expected after it: tables that must grow make room for them.

        Raises
        ------
        ChainError
            If an input spends what is not there; names place, transaction and input.
        StorageError
            If the disk refuses.
        """
        columns_, tables = self._open()
        tables.make_room(parsed.txid.shape[0], parsed.value.size, batches_to_come)
        interning = self._pool.submit(tables.intern, parsed)
        prevout = tables.link(parsed, place)
        scripts = interning.result()
        base = columns_.counts
        fresh = scripts.new_at.size
        starts = np.zeros(fresh + 1, np.int64)
        np.cumsum(scripts.new_length, out=starts[1:])
        blob = np.empty(int(starts[-1]), np.uint8)
        gather_bytes(parsed.data, scripts.new_at, scripts.new_length, fresh, blob)
        columns_.append(
            {
                **parsed_columns(parsed, base),
                "block.script_start": scripts.block_script,
                "input.prevout": prevout,
                "output.script": scripts.script,
                "script.start": starts[1:] + base["script_byte"],
                "script.kind": script_kinds(blob, starts),
                "script.bytes": blob,
            },
            {
                "block": base["block"] + parsed.block_start.size,
                "tx": base["tx"] + parsed.txid.shape[0],
                "input": base["input"] + prevout.size,
                "output": base["output"] + parsed.value.size,
                "script": base["script"] + fresh,
                "script_byte": base["script_byte"] + blob.size,
            },
        )

    def settle(self) -> None:
        """Raise the first fault that the blocks appended so far have: `append` has raised it."""

    def seal(self) -> ChainStore:
        """Begin to write the indexes that follow from the columns; return the tip, unpublished.

        All but the ``structure`` index is readable in it: that is the engine's to compute, while
        the others are written.

        Returns
        -------
        ChainStore
            For `publish`.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        columns_, tables = self._open()
        directory = self.new_index()
        counts = columns_.counts
        first = np.empty(counts["script"], np.int64)
        following = np.empty(counts["output"], np.int64)
        last = np.full(counts["script"], -1, np.int64)
        receiving_index(columns_.view("output.script"), first, following, last)
        indexes: dict[str, NDArray[Any]] = {
            "txid.slots": tables.txid_slots,
            "txid.overwritten": tables.overwritten(),
            "scripthash.slots": tables.script_slots,
            "spending.spender": tables.spender(),
            "receiving.first": first,
            "receiving.next": following,
            "receiving.last": last,
        }
        self._write_indexes(directory, indexes)
        self._synced = self._pool.submit(columns_.sync)
        tip = columns_.view("block.hash")[-1]
        manifest = replace(
            self.base,
            tip=tip[::-1].tobytes().hex(),
            counts=counts,
            digest=digest_of(self.network.name, counts, columns_.checksums()),
            columns_dir=columns_.directory.name,
            index_dir=directory.name,
            index_counts={
                "txid_slot": tables.txid_slots.size,
                "overwritten": indexes["txid.overwritten"].size,
                "script_slot": tables.script_slots.size,
            },
        )
        return ChainStore(self.path, manifest, indexes)

    def publish(self, sealed: ChainStore, structure: Mapping[str, NDArray[Any]]) -> Manifest:
        """Publish a sealed tip.

        Parameters
        ----------
        sealed : ChainStore
            What `seal` returned.
        structure : mapping of str to ndarray
            The engine's ``structure`` columns, all of them.

        Returns
        -------
        Manifest
            The tip that is published now.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        index_names = [name for name, _rows, _column in columns(INDEXES)]
        wanted = {name for name in index_names if name.startswith("structure.")}
        assert structure.keys() == wanted, f"structure columns: {sorted(structure)}"
        columns_, _tables = self._open()
        directory = self.path / sealed.manifest.index_dir
        self._write_indexes(directory, structure)
        index_sums = b"".join(self._index_sums[name].result() for name in index_names)
        self._synced.result()
        sums = np.frombuffer(columns_.checksums() + index_sums, np.uint8)
        write_array(directory / CHECKSUMS, sums)
        for written in (directory, columns_.directory, self.path):
            sync_directory(written)
        manifest = replace(
            sealed.manifest,
            index_digest=index_digest_of(
                sealed.manifest.index_counts, sealed.manifest.script_key, index_sums
            ),
        )
        try:
            write_manifest(self.path, manifest)
        finally:
            # An error after the rename does not take it back: the new tip needs its files, and the
            # old ones stay in case that the machine stops before the rename is on disk.
            if self._may_be_published(manifest):
                self._new_directories = []
                self._never_published = False
                self.base = manifest
        clear_leftovers(self.path, self._kept())
        return manifest

    def new_index(self) -> Path:
        """Make the directory of the new tip's indexes; giving up removes it.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        directory = self.path / next_name(self.base.index_dir)
        self._new_directories.append(directory)
        try:
            directory.mkdir()
        except OSError as error:
            raise storage_error(directory, error) from error
        return directory

    def _open(self) -> tuple[ColumnFiles, LinkTables]:
        """Open columns and tables at the published tip, at the first change."""
        if self._columns is None or self._tables is None:
            self._columns = ColumnFiles(
                self.path / self.base.columns_dir, self.base.counts, self._checksums()
            )
            self._tables = LinkTables(self.base.script_key, self._columns.view)
            if self.base.tip:
                self._tables.load(ChainStore(self.path, self.base).column)
        return self._columns, self._tables

    def _checksums(self) -> dict[str, bytes]:
        """Return the checksums of the published tip."""
        return read_checksums(self.path, self.base) if self.base.tip else {}

    def _kept(self) -> set[str]:
        """Return the directories that the published tip needs."""
        return {self.base.columns_dir, self.base.index_dir} if self.base.tip else set()

    def _write_indexes(self, directory: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Begin to write index columns, side by side; their checksums are to come."""
        for name, array in arrays.items():
            self._index_sums[name] = self._pool.submit(write_array, directory / name, array)

    def _may_be_published(self, manifest: Manifest) -> bool:
        """Tell whether readers see this tip, or nobody can say what they see."""
        try:
            return read_manifest(self.path) == manifest
        except StoreMissingError:
            return False
        except ClewlineError:
            return True

    def _give_up(self) -> None:
        """Return to the published tip as far as the disk allows, and release the lock."""
        self._pool.shutdown(cancel_futures=True)
        if self._columns is not None:
            if self._columns.directory not in self._new_directories:
                self._columns.cut_back(self.base.counts)
            self._columns.close()
            self._columns = None
        for directory in self._new_directories:
            shutil.rmtree(directory, ignore_errors=True)
        if self._never_published:
            unmake(self.path, made=self._made)
        self._lock.close()


def _nothing(network: Network) -> Manifest:
    """Return the manifest of a store that was never published."""
    return Manifest(
        network=network.name,
        tip="",
        counts=dict.fromkeys(COUNTS, 0),
        digest="",
        columns_dir="columns.0",
        index_dir="index.0",
        index_counts={},
        script_key=secrets.randbits(64),
    )
