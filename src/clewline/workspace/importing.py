"""Importing: from blocks to a published tip, with the engine's structure columns."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import BITCOIN, Coin, Network, network_by_name
from clewline.codec.special import ASSET_LOCK_SCRIPT
from clewline.engine.chain import Chain
from clewline.engine.clustering import (
    Clusters,
    cluster,
    cluster_order,
    extend_clusters,
    joins_of,
    order_into,
)
from clewline.engine.heuristics.coinjoin import classify
from clewline.errors import (
    BlockFileError,
    StoreDamagedError,
    StoreMissingError,
    StoreVersionError,
    UsageError,
)
from clewline.sources.active_chain import ActiveChain, choose_active_chain
from clewline.sources.block_files import network_of, scan_directory
from clewline.sources.block_source import BlockSource
from clewline.sources.node_blocks import blocks_of_node
from clewline.sources.node_chain import NodeChain
from clewline.sources.server import Report
from clewline.store.bulk import BulkWriter
from clewline.store.importer import Progress, append_blocks, check_left_out, no_progress
from clewline.store.in_place import scratch_array
from clewline.store.manifest import Manifest, read_manifest
from clewline.store.memory import Memory
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter

_CORES: Final = os.cpu_count() or 1
_MOST_JOINS: Final = 1 << 18
"""Joins that a reader applies when it asks for clusters: some ten milliseconds."""
_MOST_GROWTH: Final = 2
"""Scripts, as a multiple of those of when clusters were last written out."""
_FOREST_BYTES: Final = 4
"""Memory that clustering takes a script; what it sorts by lies in mapped files."""
_FEWEST_SCRIPTS: Final = 1e-3
"""A byte of blocks: half of what Bitcoin's blocks have."""


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
    chain = Chain(
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
        shielded_tx=store.shielded_tx,
    )
    if store.network.coin.form.special:
        script = np.frombuffer(ASSET_LOCK_SCRIPT, np.uint8)
        (pool,) = store.find_scripts(script, np.array([0, script.size])).tolist()
        chain = replace(chain, version=store.column("tx.version"), pool=pool)
    part = store.coverage
    if part is None:
        return chain
    return replace(chain, outputs_only=part.outputs_only, settled=part.settled)


def import_blocks(
    store: Path,
    core_blocks: Path,
    network: str | None = None,
    progress: Progress = no_progress,
    memory: int | None = None,
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
    memory : int, optional
        Bytes that the process may hold (see `Memory`); half of what is free if not given.

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
        Clustering needs more memory than the limit leaves.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        The store is as it was.
    """
    kind = network_by_name(network) if network else _network_told(store, core_blocks)
    records = scan_directory(core_blocks, kind)
    if not records.file.size and not records.cut:
        raise BlockFileError("its block files are empty", where=str(core_blocks))
    limit = Memory(memory)
    with BulkWriter(store, kind, limit) as writer:
        active = choose_active_chain(kind, writer.headers(), records.header, records.place)
        check_left_out(records, active, writer)
        if not writer.base.tip:
            # Before hours are spent; what it really takes is known when the scripts are numbered.
            block_bytes = int(records.weight(active.records).sum())
            least = clustering_bytes(int(block_bytes * _FEWEST_SCRIPTS), 0)
            limit.require(least, "clustering the addresses of these blocks")
        cut = tuple(f"{path}, byte {position}" for path, position in records.cut)
        return replace(_import(writer, records, active, limit, progress), cut=cut)


def import_from_node(
    store: Path,
    chain: NodeChain,
    network: str | None = None,
    progress: Progress = no_progress,
    report: Report = lambda _line: None,
    memory: int | None = None,
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
    memory : int, optional
        Bytes that the process may hold (see `Memory`); half of what is free if not given.

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
    TooLargeError
        Clustering needs more memory than the limit leaves.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        The store is as it was, in these cases and those above.
    """
    chain.coin = coin_of(store, network)
    tip = chain.tip()
    if network and network_by_name(network) != tip.network:
        raise UsageError(f"the node is on network {tip.network.name}", where="--network")
    if tip.headers > tip.height:
        report(
            f"{chain.shown}: the node is still loading blocks; it is at height {tip.height:,} of "
            f"{tip.headers:,}"
        )
    limit = Memory(memory)
    with BulkWriter(store, tip.network, limit) as writer:
        stored = writer.headers()
        blocks = blocks_of_node(chain, tip, stored, progress)
        active = choose_active_chain(tip.network, stored, blocks.header, blocks.place)
        blocks.require(active.records)
        return _import(writer, blocks, active, limit, progress)


def coin_of(store: Path, network: str | None) -> Coin:
    """Return the chain that a node is expected to be of: as named, as stored, or Bitcoin."""
    if network:
        return network_by_name(network).coin
    held = _network_held(store)
    return held.coin if held else BITCOIN


def _network_held(store: Path) -> Network | None:
    """Return the network of a store; None where there is none, or none that can be read.

    What is wrong with a store is the writer's to say.
    """
    try:
        return network_by_name(read_manifest(store).network)
    except (StoreMissingError, StoreDamagedError, StoreVersionError):
        return None


def _network_told(store: Path, core_blocks: Path) -> Network:
    """Tell the network of block files: of two whose files look the same, the one that is stored."""
    kind, held = network_of(core_blocks), _network_held(store)
    same = held and (held.magic, held.genesis) == (kind.magic, kind.genesis)
    return held if held and same else kind


def _import(
    writer: StoreWriter,
    source: BlockSource,
    active: ActiveChain,
    memory: Memory,
    progress: Progress,
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
    return replace(result, manifest=publish_with_structure(writer, old, memory, progress))


def clusters_of(store: ChainStore) -> Clusters:
    """Return the clusters of a tip."""
    return Clusters(
        ids=store.column("structure.cluster"),
        written=store.written("structure.cluster"),
        order=store.column("structure.by_cluster"),
        join_from=store.column("structure.join_from"),
    )


def publish_with_structure(
    writer: StoreWriter, old: ChainStore | None, memory: Memory, progress: Progress
) -> Manifest:
    """Publish what was appended to a tip, with the engine's structure columns.

    Parameters
    ----------
    writer : StoreWriter
        After its last `append`.
    old : ChainStore, optional
        The published tip, if the chain has only grown since: then what is new joins its clusters.
        They are written out anew when there is much of it.
    memory : Memory
        What clustering of a whole chain must fit into.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    Manifest
        The tip that is published now.

    Raises
    ------
    TooLargeError
        The scripts of a first import are more than clustering can hold within the limit.
    """
    progress("Building indexes", 0, 2)
    sealed = writer.seal()
    chain = chain_of(sealed)
    mweb = sealed.network.coin.form.mweb
    needed = clustering_bytes(chain.n_script, chain.n_tx)
    stage = f"Clustering {chain.n_script:,} scripts in {needed / 1e6:,.0f} MB"
    progress(stage, 1, 2)
    if not writer.base.tip:
        memory.require(needed, "clustering")

    def scratch(name: str, count: int) -> NDArray[np.uint32]:
        directory = sealed.file_of("txid.slots").parent
        return scratch_array(directory / f"{name}.scratch", np.dtype(np.uint32), count)

    rows = whole_structure(chain, scratch, mweb=mweb) if old is None else _grown(chain, old)
    anew = rows is None or old is None
    if rows is None:
        assert old is not None
        rows = _written_out(chain, old)
    manifest = writer.publish(sealed, rows, anew=anew)
    progress(stage, 2, 2)
    return manifest


def clustering_bytes(scripts: int, transactions: int) -> int:
    """Return the memory that clustering takes: a forest of scripts, CoinJoin families twice.

    Examples
    --------
    >>> clustering_bytes(1000, 100)
    4200
    """
    return _FOREST_BYTES * scripts + 2 * transactions


def _in_memory(_name: str, count: int) -> NDArray[np.uint32]:
    """Return zeros."""
    return np.zeros(count, np.uint32)


def whole_structure(
    chain: Chain, zeros: Callable[[str, int], NDArray[np.uint32]] = _in_memory, *, mweb: bool
) -> dict[str, NDArray[Any]]:
    """Compute the structure columns of a chain, with an extension block (Litecoin) or without.

    `zeros` makes what the order of clusters is sorted in, given a name and a size.
    """
    coinjoin = _classified(chain, 0, mweb=mweb)
    clusters = cluster(chain, coinjoin, _CORES)
    order = zeros("order", clusters.size)
    order_into(clusters, order, zeros("places", clusters.size + 1))
    return _whole(coinjoin, clusters, order)


def _written_out(chain: Chain, old: ChainStore) -> dict[str, NDArray[Any]]:
    """Compute the structure columns of a chain that has grown, as if it had come at once."""
    known = old.column("structure.coinjoin")
    coinjoin = np.concatenate(
        (known, _classified(chain, known.size, mweb=old.network.coin.form.mweb))
    )
    ids = old.column("structure.cluster")
    clusters = extend_clusters(ids, chain, coinjoin, known.size, _CORES)
    return _whole(coinjoin, clusters, cluster_order(clusters))


def _whole(
    coinjoin: NDArray[np.uint8], clusters: NDArray[np.uint32], order: NDArray[np.uint32]
) -> dict[str, NDArray[Any]]:
    """Return whole structure columns, to which nothing has joined."""
    return {
        "structure.coinjoin": coinjoin,
        "structure.cluster": clusters,
        "structure.by_cluster": order,
        "structure.join_from": np.empty(0, np.uint32),
        "structure.join_to": np.empty(0, np.uint32),
    }


def _grown(chain: Chain, old: ChainStore) -> dict[str, NDArray[Any]] | None:
    """Compute what follows the structure columns of a tip; None where that would be too much."""
    ids = old.column("structure.cluster")
    first_tx = old.manifest.counts["tx"]
    if chain.n_script > _MOST_GROWTH * old.manifest.index_counts["clustered"]:
        return None
    coinjoin = _classified(chain, first_tx, mweb=old.network.coin.form.mweb)
    join_from, join_to = joins_of(chain, coinjoin, ids, first_tx)
    if old.manifest.index_counts["join"] + join_from.size > _MOST_JOINS:
        return None
    return {
        "structure.coinjoin": coinjoin,
        "structure.cluster": np.arange(ids.size, chain.n_script, dtype=np.uint32),
        "structure.by_cluster": np.empty(0, np.uint32),
        "structure.join_from": join_from,
        "structure.join_to": join_to,
    }


def _classified(chain: Chain, first_tx: int, *, mweb: bool) -> NDArray[np.uint8]:
    """Name the CoinJoin families from `first_tx` on, in as many threads as there are cores."""
    edges = np.linspace(first_tx, chain.tx_input.size - 1, _CORES + 1).astype(int).tolist()
    with ThreadPoolExecutor(_CORES) as pool:
        return np.concatenate(
            list(pool.map(partial(classify, chain, mweb=mweb), edges[:-1], edges[1:]))
        )
