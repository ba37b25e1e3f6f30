"""Importing: from blocks to a published tip, with the engine's structure columns."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import network_by_name
from clewline.engine.chain import Chain
from clewline.engine.clustering import cluster, cluster_order, extend_clusters
from clewline.engine.heuristics.coinjoin import classify
from clewline.errors import BlockFileError, TooLargeError, UsageError
from clewline.sources.active_chain import ActiveChain, choose_active_chain
from clewline.sources.block_files import network_of, scan_directory
from clewline.sources.block_source import BlockSource
from clewline.sources.node import Report
from clewline.sources.node_blocks import blocks_of_node
from clewline.sources.node_chain import NodeChain
from clewline.store.bulk import BulkWriter
from clewline.store.importer import Progress, append_blocks, check_left_out, no_progress
from clewline.store.manifest import Manifest
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter

_TABLE_BYTES_PER_BLOCK_BYTE: Final = 0.25
"""Memory that the tables of an import take: some 110 bytes a transaction of 500 bytes (hash tables
of transactions and scripts, spenders, room to grow)."""


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
        Blocks at hand that are not on the active chain.
    cut : tuple of str
        Files that end inside their last record.
    """

    manifest: Manifest
    appended: int
    removed: int
    stale: int
    cut: tuple[str, ...]


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
        first_output=store.column("receiving.first"),
        next_output=store.column("receiving.next"),
    )


def import_blocks(
    store: Path,
    core_blocks: Path,
    network: str | None = None,
    progress: Progress = no_progress,
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
    TooLargeError
        More blocks than the tables of the import fit into the memory of this machine.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        The store is as it was.
    """
    kind = network_by_name(network) if network else network_of(core_blocks)
    records = scan_directory(core_blocks, kind)
    if not records.file.size and not records.cut:
        raise BlockFileError("its block files are empty", where=str(core_blocks))
    with BulkWriter(store, kind) as writer:
        active = choose_active_chain(kind, writer.headers(), records.header, records.place)
        check_left_out(records, active, writer)
        _check_memory(int(records.weight(active.records).sum()))
        cut = tuple(f"{path}, byte {position}" for path, position in records.cut)
        return replace(_import(writer, records, active, progress), cut=cut)


def import_from_node(
    store: Path,
    chain: NodeChain,
    network: str | None = None,
    progress: Progress = no_progress,
    report: Report = lambda _line: None,
) -> ImportResult:
    """Bring a store to the tip of a Bitcoin Core node.

    The result is that of `import_blocks` with the node's files, but for a tie: of two tips with
    equal work a node has one, and its files both.

    Parameters
    ----------
    store : Path
        Made if there is none; appended to, or rolled back and appended to, if there is.
    chain : NodeChain
        From `connect_node`.
    network : str, optional
        Refuse a node of any other.
    progress : callable
        Told stage, done and total.
    report : callable
        Told a line at a time what an operator should know.

    Returns
    -------
    ImportResult
        Where the stored chain has more work than that of the node, it stays.

    Raises
    ------
    NodeError
        The node cannot be reached, stays busy, or deleted blocks that are needed.
    NodeAnswerError, BlockFileError, ChainError
        What it sends is not what was asked for, or breaks a rule.
    UsageError, NodeAccessError
        A wrong password, another network than the store's, or a directory that is no store.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        The store is as it was, in these cases and those above.
    """
    tip = chain.tip()
    if network and network_by_name(network) != tip.network:
        raise UsageError(f"the node is on network {tip.network.name}", where="--network")
    if tip.headers > tip.height:
        report(
            f"{chain.shown}: the node is still loading blocks; it is at height {tip.height:,} of "
            f"{tip.headers:,}"
        )
    with BulkWriter(store, tip.network) as writer:
        stored = writer.headers()
        blocks = blocks_of_node(chain, tip, stored, progress)
        active = choose_active_chain(tip.network, stored, blocks.header, blocks.place)
        blocks.require(active.records)
        return _import(writer, blocks, active, progress)


def _import(
    writer: StoreWriter, source: BlockSource, active: ActiveChain, progress: Progress
) -> ImportResult:
    """Take the chosen blocks into the store and publish, if there are any."""
    held = writer.base.counts["block"]
    result = ImportResult(
        manifest=writer.base,
        appended=active.records.size,
        removed=held - active.fork_height,
        stale=active.stale,
        cut=(),
    )
    if not result.appended:
        return result
    old = ChainStore.open(writer.path) if held and not result.removed else None
    if result.removed:
        writer.cut(active.fork_height)
    append_blocks(writer, source, active.records, progress)
    progress("Building indexes", 0, 2)
    sealed = writer.seal()
    progress("Clustering addresses", 1, 2)
    manifest = writer.publish(sealed, structure_of(sealed, old))
    progress("Clustering addresses", 2, 2)
    return replace(result, manifest=manifest)


def _check_memory(block_bytes: int) -> None:
    """Refuse, before hours are spent, an import whose tables cannot fit into memory."""
    needed = int(block_bytes * _TABLE_BYTES_PER_BLOCK_BYTE)
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise TooLargeError(
            f"importing {block_bytes / 1e9:,.1f} GB of blocks needs about {needed / 1e9:,.1f} GB "
            f"of memory; this machine has {there / 1e9:,.1f} GB",
            where="--core-blocks",
            hint="import on a larger machine; the store can then be read on this one",
        )


def structure_of(sealed: ChainStore, old: ChainStore | None) -> dict[str, NDArray[Any]]:
    """Compute the structure columns of a tip, growing those of an earlier one if given."""
    chain = chain_of(sealed)
    if old is None:
        coinjoin = _classified(chain, 0)
        clusters = cluster(chain, coinjoin)
    else:
        known = old.column("structure.coinjoin")
        coinjoin = np.concatenate((known, _classified(chain, known.size)))
        clusters = extend_clusters(old.column("structure.cluster"), chain, coinjoin, known.size)
    return {
        "structure.coinjoin": coinjoin,
        "structure.cluster": clusters,
        "structure.by_cluster": cluster_order(clusters),
    }


def _classified(chain: Chain, first_tx: int) -> NDArray[np.uint8]:
    """Name the CoinJoin families from `first_tx` on, in as many threads as there are cores."""
    cores = os.cpu_count() or 1
    edges = np.linspace(first_tx, chain.tx_input.size - 1, cores + 1).astype(int).tolist()
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(partial(classify, chain), edges[:-1], edges[1:])))
