"""Writing a store: one writer appends blocks, builds the indexes of the new tip, publishes it.

Nothing that readers or a later run rely on is touched before the manifest is replaced: appended
rows lie beyond the counts of the old manifest, indexes and (for a reorganisation) columns go to
new directories. Giving up at any point leaves the old tip.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import HEADER_BYTES, ParsedBlocks
from clewline.codec.networks import Network
from clewline.codec.script import script_kinds
from clewline.errors import ChainError, StoreDamagedError, StoreLockedError, UsageError
from clewline.sources.active_chain import header_hashes
from clewline.store.files import (
    CHUNK_BYTES,
    ColumnFile,
    chunk_checksums,
    map_column,
    replace_file,
    storage_error,
    sync_directory,
    write_array,
)
from clewline.store.hash_index import capacity_for, empty_slots, insert_scripts, insert_txids
from clewline.store.link import (
    LINK_FAULT_TEXT,
    UNSPENT,
    LinkFault,
    fill_spenders,
    gather_bytes,
    intern_scripts,
    link_inputs,
    receiving_index,
)
from clewline.store.manifest import (
    NAME,
    Manifest,
    column_bytes,
    digest_of,
    read_manifest,
    write_manifest,
)
from clewline.store.reader import ChainStore
from clewline.store.schema import INDEXES, columns

CHECKSUMS: Final = "checksums"
_SHOWN: Final = slice(None, None, -1)
MAX_IDS: Final = 0xFFFFFFFE
"""Transaction and script ids are 32 bits; the last value means *unspent*."""


@dataclass
class _Tables:
    """What linking keeps in memory: hash tables, spenders, repeated ids."""

    txid_slots: NDArray[np.uint64]
    script_slots: NDArray[np.uint64]
    spender: NDArray[np.uint32]
    overwritten: list[int]


class StoreWriter:
    """The one writer of a store.

    Use as a context manager: leaving it without `publish` gives up and restores the old tip.

    Parameters
    ----------
    path : Path
        Directory of the store; made if there is none.
    network : Network

    Raises
    ------
    StoreLockedError
        If another process writes to the store.
    UsageError
        If the directory holds something else, or a chain of another network.
    StoreVersionError, StoreDamagedError
        If the store cannot be read by this version.
    """

    def __init__(self, path: Path, network: Network) -> None:
        self.path = path
        self.network = network
        self._made = _make_directory(path)
        self._lock = _lock(path)
        self._files: dict[str, ColumnFile] = {}
        self._published = False
        self._partial_index: Path | None = None
        self._new_columns: Path | None = None
        try:
            self.base = read_manifest(path) if (path / NAME).exists() else self._empty()
            if self.base.network != network.name:
                raise UsageError(
                    f"the store holds network {self.base.network}, the blocks are of "
                    f"{network.name}",
                    where=str(path),
                    hint="one store holds one network",
                )
            self._clear_leftovers()
            self._counts = dict(self.base.counts)
            self._columns_dir = self.base.columns_dir
            self._open_columns(self._checksums_by_column(self.base))
            self._tables = self._load_tables()
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
        """Give up unless published, and release the store."""
        self._give_up()

    def headers(self) -> NDArray[np.uint8]:
        """Return the headers held so far, shape (n_block, 80)."""
        header = self._column("block.header")
        return header.view(np.uint8).reshape(-1, HEADER_BYTES)

    def cut(self, height: int) -> None:
        """Drop the blocks from `height` on, for a reorganisation.

        The columns are copied up to there, so that readers of the old tip, and the old tip itself
        until the new one is published, stay whole.
        """
        old = self.path / self._columns_dir
        tx = int(self._column("block.tx_start")[height])
        script = int(self._column("block.script_start")[height])
        counts = {
            "block": height,
            "tx": tx,
            "input": int(self._column("tx.input_start")[tx]),
            "output": int(self._column("tx.output_start")[tx]),
            "script": script,
            "script_byte": int(self._column("script.start")[script]),
        }
        new = self.path / _next_name(self._columns_dir)
        for file in self._files.values():
            file.close()
        self._new_columns = new
        checksums: dict[str, bytes] = {}
        try:
            new.mkdir()
            for name, size in column_bytes(counts).items():
                _copy_head(old / name, new / name, size)
                checksums[name] = chunk_checksums(
                    map_column(new / name, np.dtype(np.uint8), (size,))
                )
        except OSError as error:
            raise storage_error(new, error) from error
        self._columns_dir = new.name
        self._counts = counts
        self._open_columns(checksums)
        self._tables = self._rebuild_tables()

    def append(self, parsed: ParsedBlocks) -> None:
        """Append verified blocks, linking inputs and scripts.

        Raises
        ------
        ChainError
            If an input spends what is not there; names block, transaction and input.
        StorageError
            If the disk refuses.
        """
        count_tx, count_output = parsed.txid.shape[0], parsed.value.size
        self._make_room(count_tx, count_output)
        prevout = self._link(parsed)
        script, block_script, new_at, new_length = self._intern(parsed)
        fresh = new_at.size
        base = self._counts
        blob = np.empty(int(new_length.sum()), np.uint8)
        gather_bytes(parsed.data, new_at, new_length, fresh, blob)
        starts = np.zeros(fresh + 1, np.int64)
        np.cumsum(new_length, out=starts[1:])
        span = parsed.tx_span
        total_size = span[:, 3] - span[:, 0]
        header = np.stack(
            [parsed.data[at : at + HEADER_BYTES] for at in parsed.block_start.tolist()]
        )
        rows: dict[str, NDArray[Any]] = {
            "block.hash": header_hashes(header),
            "block.header": header,
            "block.tx_start": parsed.block_tx[1:] + base["tx"],
            "block.script_start": block_script,
            "tx.txid": parsed.txid,
            "tx.input_start": parsed.tx_input[1:] + base["input"],
            "tx.output_start": parsed.tx_output[1:] + base["output"],
            "tx.version": parsed.version,
            "tx.locktime": parsed.locktime,
            "tx.base_size": (8 + span[:, 2] - span[:, 1]).astype(np.uint32),
            "tx.total_size": total_size.astype(np.uint32),
            "input.prevout": prevout,
            "input.sequence": parsed.sequence,
            "output.value": parsed.value,
            "output.script": script,
            "script.start": starts[1:] + base["script_byte"],
            "script.kind": script_kinds(blob, starts),
            "script.bytes": blob,
        }
        for name, array in rows.items():
            self._files[name].append(array)
        self._counts = {
            "block": base["block"] + header.shape[0],
            "tx": base["tx"] + count_tx,
            "input": base["input"] + prevout.size,
            "output": base["output"] + count_output,
            "script": base["script"] + fresh,
            "script_byte": base["script_byte"] + blob.size,
        }

    def seal(self) -> ChainStore:
        """Write the indexes that follow from the columns and return the tip, not yet published.

        All but the ``structure`` index is readable in it: that is the engine's to compute.
        """
        name = _next_name(self.base.index_dir)
        partial = self.path / name
        self._partial_index = partial
        try:
            partial.mkdir()
        except OSError as error:
            raise storage_error(partial, error) from error
        counts, tables = self._counts, self._tables
        start = np.zeros(counts["script"] + 1, np.int64)
        output = np.empty(counts["output"], np.int64)
        receiving_index(self._column("output.script"), start, output)
        overwritten = np.array(sorted(tables.overwritten), np.uint32)
        for column, array in {
            "txid.slots": tables.txid_slots,
            "txid.overwritten": overwritten,
            "scripthash.slots": tables.script_slots,
            "spending.spender": tables.spender[: counts["output"]],
            "receiving.start": start,
            "receiving.output": output,
        }.items():
            write_array(partial / column, array)
        for file in self._files.values():
            file.sync()
        checksums = b"".join(self._files[column].checksums() for column, _rows, _c in columns())
        replace_file(partial / CHECKSUMS, checksums)
        tip = self._column("block.hash")[-1]
        manifest = replace(
            self.base,
            tip=tip[_SHOWN].tobytes().hex(),
            counts=counts,
            digest=digest_of(self.network.name, counts, checksums),
            columns_dir=self._columns_dir,
            index_dir=name,
            index_counts={
                "txid_slot": tables.txid_slots.size,
                "overwritten": overwritten.size,
                "script_slot": tables.script_slots.size,
            },
        )
        return ChainStore(self.path, manifest)

    def publish(self, sealed: ChainStore, structure: Mapping[str, NDArray[Any]]) -> None:
        """Publish a sealed tip with the engine's ``structure`` columns."""
        wanted = {
            name for name, _rows, _column in columns(INDEXES) if name.startswith("structure.")
        }
        if structure.keys() != wanted:
            raise AssertionError(f"structure columns: {sorted(structure)}, not {sorted(wanted)}")
        directory = self.path / sealed.manifest.index_dir
        for name, array in structure.items():
            write_array(directory / name, array)
        sync_directory(directory)
        sync_directory(self.path / sealed.manifest.columns_dir)
        write_manifest(self.path, sealed.manifest)
        self._published = True
        self.base = sealed.manifest
        self._clear_leftovers()

    def _column(self, name: str) -> NDArray[Any]:
        """Map what has been written of a canonical column."""
        for full, rows, column in columns():
            if full == name:
                shape = (self._counts[rows] + column.offsets, *column.shape)
                return map_column(self.path / self._columns_dir / name, column.dtype, shape)
        raise AssertionError(f"no column {name}")

    def _empty(self) -> Manifest:
        """Return the manifest of nothing, never published."""
        return Manifest(
            network=self.network.name,
            tip="",
            counts=dict.fromkeys(("block", "tx", "input", "output", "script", "script_byte"), 0),
            digest="",
            columns_dir="columns.0",
            index_dir="index.0",
            index_counts={},
            script_key=secrets.randbits(64),
        )

    def _checksums_by_column(self, manifest: Manifest) -> dict[str, bytes]:
        """Split the checksums file of a tip into columns."""
        sizes = column_bytes(manifest.counts)
        if not manifest.tip:
            return dict.fromkeys(sizes, b"")
        return read_checksums(self.path, manifest)

    def _open_columns(self, checksums: Mapping[str, bytes]) -> None:
        """Open all column files for appending at the current counts."""
        directory = self.path / self._columns_dir
        fresh = self._counts["block"] == 0
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise storage_error(directory, error) from error
        sizes = column_bytes(self._counts)
        for name, _rows, column in columns():
            size = 0 if fresh else sizes[name]
            path = directory / name
            if size and (not path.exists() or path.stat().st_size < size):
                raise StoreDamagedError(f"is shorter than {size:,} bytes", where=str(path))
            self._files[name] = ColumnFile(path, size, b"" if fresh else checksums[name])
            if fresh and column.offsets:
                self._files[name].append(np.zeros(1, column.dtype))

    def _load_tables(self) -> _Tables:
        """Load the hash tables and spenders of the base tip."""
        if not self.base.tip:
            return _Tables(empty_slots(0), empty_slots(0), np.empty(0, np.uint32), [])
        store = ChainStore(self.path, self.base)
        return _Tables(
            store.column("txid.slots").copy(),
            store.column("scripthash.slots").copy(),
            store.column("spending.spender").copy(),
            store.column("txid.overwritten").tolist(),
        )

    def _rebuild_tables(self) -> _Tables:
        """Build hash tables and spenders from the columns."""
        counts = self._counts
        tables = _Tables(
            empty_slots(counts["tx"]),
            empty_slots(counts["script"]),
            np.full(counts["output"], UNSPENT, np.uint32),
            [],
        )
        repeated = np.empty(1024, np.uint32)
        ids = self._column("tx.txid").reshape(-1)
        tables.overwritten = repeated[: insert_txids(tables.txid_slots, ids, repeated)].tolist()
        self._insert_scripts(tables.script_slots)
        fill_spenders(self._column("tx.input_start"), self._column("input.prevout"), tables.spender)
        return tables

    def _insert_scripts(self, slots: NDArray[np.uint64]) -> None:
        """Insert all written scripts into an empty table."""
        insert_scripts(
            slots,
            np.uint64(self.base.script_key),
            self._column("script.start"),
            self._column("script.bytes"),
        )

    def _make_room(self, transactions: int, outputs: int) -> None:
        """Grow the tables so that a batch fits (each of its outputs may bring a new script)."""
        tables, counts = self._tables, self._counts
        if counts["tx"] + transactions > MAX_IDS or counts["script"] + outputs > MAX_IDS:
            raise ChainError("more transactions or scripts than 32-bit ids can number")
        if tables.txid_slots.size < capacity_for(counts["tx"] + transactions):
            tables.txid_slots = empty_slots(2 * (counts["tx"] + transactions))
            insert_txids(
                tables.txid_slots, self._column("tx.txid").reshape(-1), np.empty(0, np.uint32)
            )
        if tables.script_slots.size < capacity_for(counts["script"] + outputs):
            tables.script_slots = empty_slots(2 * (counts["script"] + outputs))
            self._insert_scripts(tables.script_slots)
        needed = counts["output"] + outputs
        if tables.spender.size < needed:
            grown = np.full(max(needed, 2 * tables.spender.size), UNSPENT, np.uint32)
            grown[: counts["output"]] = tables.spender[: counts["output"]]
            tables.spender = grown

    def _link(self, parsed: ParsedBlocks) -> NDArray[np.int64]:
        """Resolve the inputs of a batch to outputs."""
        prevout = np.empty(parsed.prevout_at.size, np.int64)
        repeated = np.empty(parsed.txid.shape[0], np.uint32)
        fault, tx, row, repeats = link_inputs(
            self._tables.txid_slots,
            parsed.data,
            parsed.prevout_at,
            parsed.tx_input,
            parsed.tx_output,
            parsed.txid.reshape(-1),
            parsed.value,
            self._column("tx.txid").reshape(-1),
            self._column("tx.output_start"),
            self._column("output.value"),
            self._tables.spender,
            prevout,
            repeated,
        )
        if fault:
            block = int(np.searchsorted(parsed.block_tx, tx, side="right")) - 1
            raise ChainError(
                f"input {row - parsed.tx_input[tx]} {LINK_FAULT_TEXT[LinkFault(fault)]}",
                where=f"block {self._counts['block'] + block}, transaction "
                f"{parsed.txid[tx][_SHOWN].tobytes().hex()}",
            )
        self._tables.overwritten.extend(repeated[:repeats].tolist())
        return prevout

    def _intern(
        self, parsed: ParsedBlocks
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Number the scripts of a batch: (id by output, scripts by block, place, length of new)."""
        outputs = parsed.value.size
        script = np.empty(outputs, np.uint32)
        new_at, new_length = np.empty(outputs, np.int64), np.empty(outputs, np.int64)
        block_script = np.empty(parsed.block_start.size, np.int64)
        fresh = intern_scripts(
            self._tables.script_slots,
            np.uint64(self.base.script_key),
            parsed.data,
            parsed.script_at,
            parsed.script_length,
            parsed.tx_output[parsed.block_tx],
            self._column("script.start"),
            self._column("script.bytes"),
            script,
            new_at,
            new_length,
            block_script,
        )
        return script, block_script, new_at[:fresh], new_length[:fresh]

    def _clear_leftovers(self) -> None:
        """Remove directories that the manifest does not name."""
        keep = {self.base.columns_dir, self.base.index_dir} if self.base.tip else set()
        for pattern in ("columns.*", "index.*"):
            for directory in self.path.glob(pattern):
                if directory.name not in keep:
                    shutil.rmtree(directory, ignore_errors=True)

    def _give_up(self) -> None:
        """Return to the base tip as far as the disk allows, and release the lock."""
        base_sizes = column_bytes(self.base.counts) if hasattr(self, "base") else {}
        for name, file in self._files.items():
            if not self._published and self._new_columns is None and file.size > base_sizes[name]:
                file.cut(base_sizes[name])
            file.close()
        self._files = {}
        if not self._published:
            for directory in (self._partial_index, self._new_columns):
                if directory is not None:
                    shutil.rmtree(directory, ignore_errors=True)
            if self._made:
                shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def read_checksums(store: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the chunk checksums of each canonical column of a tip.

    Raises
    ------
    StoreDamagedError
        If the file is not the one that the digest was made of.
    """
    path = store / manifest.index_dir / CHECKSUMS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreDamagedError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if digest_of(manifest.network, manifest.counts, content) != manifest.digest:
        raise StoreDamagedError("does not match the digest in the manifest", where=str(path))
    result, position = {}, 0
    for name, size in column_bytes(manifest.counts).items():
        length = 32 * (-(-size // CHUNK_BYTES))
        result[name] = content[position : position + length]
        position += length
    return result


def _make_directory(path: Path) -> bool:
    """Make the directory of a store; tell whether it is new. Refuse one that holds other things."""
    try:
        if not path.exists():
            path.mkdir(parents=True)
            return True
        if not path.is_dir() or not (path / NAME).exists():
            known = ("lock", "columns.", "index.", "labels")
            others = (
                [entry.name for entry in path.iterdir() if not entry.name.startswith(known)]
                if path.is_dir()
                else [path.name]
            )
            if others:
                raise UsageError(
                    f"is not a chain store and not empty (it holds {sorted(others)[0]!r})",
                    where=str(path),
                )
    except OSError as error:
        raise storage_error(path, error) from error
    return False


def _lock(path: Path) -> Any:
    """Take the writer's lock of a store."""
    try:
        file = (path / "lock").open("w")
    except OSError as error:
        raise storage_error(path / "lock", error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreLockedError(
            "another process writes to this store",
            where=str(path),
            hint="wait until it is done; reading is possible meanwhile",
        ) from None
    return file


def _next_name(name: str) -> str:
    """Return the directory name after ``stem.<n>``.

    Examples
    --------
    >>> _next_name("index.9")
    'index.10'
    """
    stem, _, number = name.rpartition(".")
    return f"{stem}.{int(number) + 1}"


def _copy_head(source: Path, target: Path, size: int) -> None:
    """Copy the first `size` bytes of a file."""
    with source.open("rb") as read, target.open("wb") as write:
        while size:
            block = read.read(min(size, CHUNK_BYTES))
            write.write(block)
            size -= len(block)
