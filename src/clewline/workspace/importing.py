"""Importing: from a blocks directory to a published tip, with the engine's structure columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import network_by_name
from clewline.engine.chain import Chain
from clewline.engine.clustering import cluster, cluster_order, extend_clusters
from clewline.engine.heuristics.coinjoin import classify
from clewline.errors import BlockFileError
from clewline.sources.active_chain import choose_active_chain
from clewline.sources.block_files import network_of, scan_directory
from clewline.store.importer import Progress, append_records, check_left_out
from clewline.store.manifest import Manifest
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    Attributes
    ----------
    manifest : Manifest
        The tip that is published now.
    appended, removed : int
        Blocks.
    stale : int
        Blocks in the files that are not on the active chain.
    cut : tuple of str
        Files that end inside their last record.
    """

    manifest: Manifest
    appended: int
    removed: int
    stale: int
    cut: tuple[str, ...]


def _no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def chain_of(store: ChainStore) -> Chain:
    """Return the arrays of a tip in the form that the engine reads."""
    return Chain(
        block_tx=store.column("block.tx_start"),
        block_time=store.block_time,
        tx_input=store.column("tx.input_start"),
        tx_output=store.column("tx.output_start"),
        prevout=store.column("input.prevout"),
        value=store.column("output.value"),
        script=store.column("output.script"),
        spender=store.column("spending.spender"),
        script_kind=store.column("script.kind"),
        script_output=store.column("receiving.start"),
        output_by_script=store.column("receiving.output"),
    )


def import_blocks(
    store: Path,
    core_blocks: Path,
    network: str | None = None,
    progress: Progress = _no_progress,
) -> ImportResult:
    """Bring a store to the tip of the active chain in a Bitcoin Core blocks directory.

    Parameters
    ----------
    store : Path
        Made if there is none; appended to, or rolled back and appended to, if there is.
    core_blocks : Path
        Holds ``blk*.dat``.
    network : str, optional
        Refuse files of any other; told from the files if not given.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    ImportResult
        What was done.

    Raises
    ------
    BlockFileError, ChainError
        With file and byte; the store is as it was.
    UsageError
        Another network than the store's, or a directory that is no store.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        The store is as it was.
    """
    kind = network_by_name(network) if network else network_of(core_blocks)
    records = scan_directory(core_blocks, kind)
    if not records.file.size and not records.cut:
        raise BlockFileError("its block files are empty", where=str(core_blocks))
    with StoreWriter(store, kind) as writer:
        active = choose_active_chain(kind, writer.headers(), records.header, records.place)
        held = writer.base.counts["block"]
        result = ImportResult(
            manifest=writer.base,
            appended=active.records.size,
            removed=held - active.fork_height,
            stale=active.stale,
            cut=tuple(f"{path}, byte {position}" for path, position in records.cut),
        )
        check_left_out(records, active, writer)
        if not result.appended:
            return result
        old = ChainStore.open(store) if held and not result.removed else None
        if result.removed:
            writer.cut(active.fork_height)
        append_records(writer, records, active.records, progress)
        progress("Building indexes", 0, 2)
        sealed = writer.seal()
        progress("Clustering addresses", 1, 2)
        manifest = writer.publish(sealed, structure_of(sealed, old))
        progress("Clustering addresses", 2, 2)
        return replace(result, manifest=manifest)


def structure_of(sealed: ChainStore, old: ChainStore | None) -> dict[str, NDArray[Any]]:
    """Compute the structure columns of a tip, growing those of an earlier one if given."""
    chain = chain_of(sealed)
    if old is None:
        coinjoin = classify(chain)
        clusters = cluster(chain, coinjoin)
    else:
        known = old.column("structure.coinjoin")
        coinjoin = np.concatenate((known, classify(chain, known.size)))
        clusters = extend_clusters(old.column("structure.cluster"), chain, coinjoin, known.size)
    return {
        "structure.coinjoin": coinjoin,
        "structure.cluster": clusters,
        "structure.by_cluster": cluster_order(clusters),
    }
