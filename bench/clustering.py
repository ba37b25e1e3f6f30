"""Clustering, beside graphsense-clustering on the inputs of the same transactions.

The peer wants a list of address ids for each transaction; it gets those of the linking
transactions alone, so that it need not skip the others. From the store's columns to a cluster of
each script both have something to prepare: ours opens the store and maps its columns, the peer's
list is made from them. Both ways are measured, with and without what is prepared.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from gs_clustering import Clustering, version  # type: ignore[import-untyped]

from bench.case import Case
from bench.line import Goal, emit, note
from clewline.engine.chain import Chain, UInt8, UInt32
from clewline.engine.clustering import cluster
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.store.reader import ChainStore
from clewline.workspace.importing import chain_of

_RUNS = 7
_PEER = "graphsense-clustering"


def measure(case: Case) -> None:
    """Measure both, alternating, and check that they find the same clusters."""
    case.workspace()
    ours_prepared, ours, peer_prepared, peer = [], [], [], []
    for run in range(_RUNS):
        note(f"clustering: run {run + 1} of {_RUNS}")
        start = time.perf_counter()
        chain, coinjoin = _our_input(case)
        prepared = time.perf_counter()
        clusters = cluster(chain, coinjoin)
        done = time.perf_counter()
        ours_prepared.append(prepared - start)
        ours.append(done - prepared)
        start = time.perf_counter()
        inputs, largest_id = _peer_input(ChainStore.open(case.store))
        prepared = time.perf_counter()
        mapping = _peer_clusters(inputs, largest_id)
        done = time.perf_counter()
        peer_prepared.append(prepared - start)
        peer.append(done - prepared)
    if not np.array_equal(_smallest_member(mapping), clusters):
        raise SystemExit("bench: the two clusterings differ")
    size = {
        "transactions": case.transactions,
        "scripts": clusters.size,
        "linking_transactions": len(inputs),
        "linked_inputs": len(inputs.values),
        "clusters": int(np.count_nonzero(clusters == np.arange(clusters.size))),
    }
    _emit("clustering.from_store", size, _sums(ours_prepared, ours), _sums(peer_prepared, peer))
    _emit("clustering.prepared", size, ours, peer)


def _emit(name: str, size: dict[str, int], ours: list[float], peer: list[float]) -> None:
    """Print one way of measuring."""
    figures = {
        **size,
        "seconds": median(ours),
        "runs": ours,
        "peer": f"{_PEER} {version()}",
        "peer_seconds": median(peer),
        "peer_runs": peer,
        "ratio": median(peer) / median(ours),
    }
    emit(name, figures, goal=Goal("ratio", ">=", 1))


def _sums(first: list[float], second: list[float]) -> list[float]:
    """Add up two steps of each run."""
    return [a + b for a, b in zip(first, second, strict=True)]


def _our_input(case: Case) -> tuple[Chain, UInt8]:
    """Open the store and map the columns."""
    store = ChainStore.open(case.store)
    return chain_of(store), store.column("structure.coinjoin")


def _peer_input(store: ChainStore) -> tuple[Any, int]:
    """Return the scripts that each linking transaction spends, as Arrow lists, and the largest."""
    tx_input = store.column("tx.input_start")
    counts = np.diff(tx_input)
    linking = (counts > 1) & ~mixes_owners(store.column("structure.coinjoin"))
    prevout = store.column("input.prevout")[np.repeat(linking, counts)]
    scripts = store.column("output.script")[prevout]
    offsets = np.concatenate(([0], np.cumsum(counts[linking]))).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(scripts))
    return lists, store.manifest.counts["script"] - 1


def _peer_clusters(inputs: Any, largest_id: int) -> UInt32:
    """Return the peer's cluster of each id."""
    clustering = Clustering(max_address_id=largest_id)
    clustering.process_transactions_arrow(inputs)
    ids: UInt32 = clustering.get_mapping().column("cluster_id").to_numpy()
    return ids


def _smallest_member(clusters: UInt32) -> UInt32:
    """Name each cluster by its smallest member, as ours are named."""
    _ids, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
    return first[inverse].astype(np.uint32)
