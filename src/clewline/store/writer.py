"""Writing a store: one writer appends blocks, brings the indexes up to date, publishes the tip.

Nothing that readers or a later run rely on is lost before the manifest is replaced: appended rows
lie beyond the counts of the old manifest, index entries only come to name such rows (see `schema`),
and what a reorganisation cuts is copied into new directories first. Giving up at any point leaves
the old tip; a file says that index entries may have to be taken back, and the next writer does.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.codec.header import HEADER_BYTES, row_bytes
from clewline.codec.networks import Network
from clewline.codec.script import script_kinds
from clewline.errors import ClewlineError, StoreMissingError, UsageError
from clewline.store.column_files import ColumnFiles, parsed_columns, parsed_counts
from clewline.store.directory import (
    APPENDING,
    clear_leftovers,
    make_directory,
    next_name,
    take_lock,
    unmake,
)
from clewline.store.files import (
    copy_column,
    replace_file,
    storage_error,
    sync_directory,
    write_array,
)
from clewline.store.index_files import IndexFiles, take_back
from clewline.store.link import Place, gather_bytes
from clewline.store.manifest import (
    Manifest,
    column_bytes,
    counts_of,
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
    partial : bool
        Whether the blocks are a part of the chain (`coverage`); a store is one or the other.

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
        If the directory holds something else, a chain of another network, or a part of a chain
        where the whole is meant.
    StorageError
        If the directory cannot be made or locked.
    StoreVersionError, StoreDamagedError
        If the store cannot be read by this version.
    """

    batch_bytes = MAX_BATCH

    def __init__(self, path: Path, network: Network, *, partial: bool = False) -> None:
        self.path = path
        self.network = network
        self._columns: ColumnFiles | None = None
        self._tables: LinkTables | None = None
        self._indexes = IndexFiles(path)
        self._new_directories: list[Path] = []
        self._pool = ThreadPoolExecutor()
        self._changed = False
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
            if self.base.tip and bool(self.base.coverage) != partial:
                raise UsageError(
                    "holds a part of a chain, which chain fetch made"
                    if self.base.coverage
                    else "holds a whole chain",
                    where=str(path),
                    hint="use another directory: a store holds the whole chain or a part of it",
                )
            clear_leftovers(path, self._kept())
            self._settle()
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
        """Return the headers of the published tip, as `header_rows` gives them."""
        width = row_bytes(self.network.coin.form)
        if not self.base.tip:
            return np.empty((0, width), np.uint8)
        store = ChainStore(self.path, self.base)
        header = store.column("block.header").view(np.uint8).reshape(-1, HEADER_BYTES)
        if width == HEADER_BYTES:
            return header
        return np.concatenate((header, store.column("block.hash")), axis=1)

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
        self._tables = self._tables_over(self._columns)
        self._tables.build()

    def restart(self) -> None:
        """Drop all blocks, for a part of a chain that is put together anew; before any `append`.

        The old tip stays whole until the new one is published.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        new = self.path / next_name(self.base.columns_dir)
        self._new_directories.append(new)
        self._columns = ColumnFiles(new, dict.fromkeys(self.base.counts, 0), {})
        self._tables = self._tables_over(self._columns)
        self._tables.build()

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
        self._mark()
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
                **parsed_columns(parsed, base, self.network.coin.form),
                "block.script_start": scripts.block_script,
                "input.prevout": prevout,
                "output.script": scripts.script,
                "script.start": starts[1:] + base["script_byte"],
                "script.kind": script_kinds(blob, starts, self.network.coin.form.mweb),
                "script.bytes": blob,
            },
            {
                **parsed_counts(parsed, base, self.network.coin.form),
                "script": base["script"] + fresh,
                "script_byte": base["script_byte"] + blob.size,
            },
        )

    def settle(self) -> None:
        """Raise the first fault that the blocks appended so far have: `append` has raised it."""

    def seal(self, coverage: str = "", tip_height: int = -1) -> ChainStore:
        """Return the tip that was appended, unpublished; all but its ``structure`` is readable.

        That is the engine's to compute, while the disk takes what was written.

        Parameters
        ----------
        coverage : str
            Of a partial store: what `write_coverage` returned.
        tip_height : int
            Of a partial store: height of the last block.

        Returns
        -------
        ChainStore
            For `publish`; valid until the next `append`.
        """
        columns_, tables = self._open()
        self._synced = self._pool.submit(columns_.sync)
        entries = self._indexes.entries()
        tip = columns_.view("block.hash")[-1]
        manifest = replace(
            self.base,
            tip=tip[::-1].tobytes().hex(),
            counts=columns_.counts,
            digest=digest_of(self.network.name, columns_.counts, columns_.checksums()),
            columns_dir=columns_.directory.name,
            coverage=coverage,
            tip_height=tip_height,
            index_counts={
                **self.base.index_counts,
                "txid_slot": entries["txid.slots"].size,
                "script_slot": entries["scripthash.slots"].size,
            },
            index_dirs=dict(self._indexes.directories),
            overwritten=tables.overwritten(),
            checksums=next_name(self.base.checksums),
        )
        return ChainStore(self.path, manifest, entries)

    def publish(
        self, sealed: ChainStore, structure: Mapping[str, NDArray[Any]], *, anew: bool
    ) -> Manifest:
        """Publish a sealed tip.

        Parameters
        ----------
        sealed : ChainStore
            What `seal` returned.
        structure : mapping of str to ndarray
            Rows of the engine's ``structure`` columns, all of them.
        anew : bool
            Whether they are whole columns, or follow those of the tip published before.

        Returns
        -------
        Manifest
            The tip that is published now.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        columns_, _tables = self._open()
        indexes = self._indexes
        if anew:
            indexes.make("structure", self._unpublished_directory())
        for written in [
            self._pool.submit(indexes.appended[name].append, rows)
            for name, rows in structure.items()
        ]:
            written.result()
        indexes.sync()
        self._synced.result()
        index_counts = dict(sealed.manifest.index_counts)
        for count, name in (("clustered", "structure.by_cluster"), ("join", "structure.join_to")):
            index_counts[count] = structure[name].size + (0 if anew else index_counts[count])
        directories = {**sealed.manifest.index_dirs, "structure": indexes.directories["structure"]}
        index_sums = indexes.checksums()
        sums = np.frombuffer(columns_.checksums() + index_sums, np.uint8)
        write_array(self.path / sealed.manifest.checksums, sums)
        for name in {columns_.directory.name, *directories.values()}:
            sync_directory(self.path / name)
        sync_directory(self.path)
        manifest = replace(
            sealed.manifest,
            index_counts=index_counts,
            index_dirs=directories,
            index_digest=index_digest_of(index_counts, sealed.manifest.script_key, index_sums),
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
                self._changed = False
        clear_leftovers(self.path, self._kept())
        return manifest

    def _open(self) -> tuple[ColumnFiles, LinkTables]:
        """Open columns and tables at the published tip, at the first change."""
        if self._columns is None or self._tables is None:
            checksums = self._checksums()
            self._columns = ColumnFiles(
                self.path / self.base.columns_dir, self.base.counts, checksums
            )
            self._tables = self._tables_over(self._columns)
            if self.base.tip:
                self._indexes.open(self.base, checksums)
            else:
                self._tables.build()
        return self._columns, self._tables

    def _tables_over(self, columns_: ColumnFiles) -> LinkTables:
        """Return the tables over some columns."""
        return LinkTables(
            self._indexes,
            self.base.script_key,
            self.network.coin.form.max_money,
            list(self.base.overwritten),
            columns_.view,
            self._new_directory,
        )

    def _new_directory(self) -> str:
        """Make a directory for indexes, and return its name."""
        used = {*self._indexes.directories.values(), *self.base.index_dirs.values()}
        last = max(used, key=lambda name: int(name.rpartition(".")[2]), default="index.0")
        path = self.path / next_name(last)
        while path in self._new_directories:
            path = self.path / next_name(path.name)
        self._new_directories.append(path)
        try:
            path.mkdir()
        except OSError as error:
            raise storage_error(path, error) from error
        return path.name

    def _unpublished_directory(self) -> str:
        """Return a directory for indexes that no tip has yet."""
        made = [path.name for path in self._new_directories if path.name.startswith("index.")]
        return made[-1] if made else self._new_directory()

    def _mark(self) -> None:
        """Leave word, before the first change to an index, that there are changes."""
        if not self._changed:
            self._changed = True
            if self.base.tip:
                replace_file(self.path / APPENDING, b"")

    def _settle(self) -> None:
        """Take back what an import that was cut off changed in the indexes."""
        marker = self.path / APPENDING
        if marker.exists():
            if self.base.tip:
                take_back(self.path, self.base, self._checksums())
            self._unmark()

    def _unmark(self) -> None:
        """Remove the mark; an old one costs no more than a look at the indexes."""
        with contextlib.suppress(OSError):
            (self.path / APPENDING).unlink()

    def _checksums(self) -> dict[str, bytes]:
        """Return the checksums of the published tip."""
        return read_checksums(self.path, self.base) if self.base.tip else {}

    def _kept(self) -> set[str]:
        """Return the files that the published tip needs."""
        if not self.base.tip:
            return set()
        names = {
            f"{self.base.index_dirs[name.split('.')[0]]}/{name}"
            for name, _rows, _column in columns(INDEXES)
        }
        return {f"{self.base.columns_dir}/", self.base.checksums} | names

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
        self._indexes.close()
        for directory in self._new_directories:
            shutil.rmtree(directory, ignore_errors=True)
        if self._never_published:
            unmake(self.path, made=self._made)
        elif self._changed:
            # Where the disk refuses this, too, it is left to the next writer.
            with contextlib.suppress(ClewlineError):
                clear_leftovers(self.path, self._kept())
                self._settle()
        else:
            self._unmark()
        self._lock.close()


def _nothing(network: Network) -> Manifest:
    """Return the manifest of a store that was never published."""
    return Manifest(
        network=network.name,
        tip="",
        counts=dict.fromkeys(counts_of(network), 0),
        digest="",
        columns_dir="columns.0",
        index_dirs={},
        checksums="checksums.0",
        index_counts={"clustered": 0, "join": 0},
        overwritten=[],
        script_key=secrets.randbits(64),
    )
