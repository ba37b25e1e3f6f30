"""Clustering, beside graphsense-clustering on the inputs of the same transactions.

Ours goes from the store's columns to a cluster id for each script, opening and mapping included.
The peer wants a list of address ids for each transaction: making that from our columns is timed
apart, and it gets the linking transactions alone, so that it need not skip the others.
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
from clewline.engine.chain import UInt32
from clewline.engine.clustering import cluster
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.store.reader import ChainStore
from clewline.workspace.importing import chain_of

_RUNS = 7
_PEER = "graphsense-clustering"


def measure(case: Case) -> None:
    """Measure both, alternating, and check that they find the same clusters."""
    case.workspace()
    ours, prepared, theirs = [], [], []
    for run in range(_RUNS):
        note(f"clustering: run {run + 1} of {_RUNS}")
        begin = time.perf_counter()
        store = ChainStore.open(case.store)
        clusters = cluster(chain_of(store), store.column("structure.coinjoin"))
        ours.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        inputs, largest_id = _peer_input(ChainStore.open(case.store))
        prepared.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        mapping = _peer_clusters(inputs, largest_id)
        theirs.append(time.perf_counter() - begin)
    if not np.array_equal(_smallest_member(mapping), clusters):
        raise SystemExit("bench: the two clusterings differ")
    seconds, peer, preparing = median(ours), median(theirs), median(prepared)
    figures = {
        "transactions": case.transactions,
        "scripts": clusters.size,
        "linking_transactions": len(inputs),
        "linked_inputs": len(inputs.values),
        "clusters": int(np.count_nonzero(clusters == np.arange(clusters.size))),
        "same_clusters": True,
        "seconds": seconds,
        "runs": ours,
        "peer": f"{_PEER} {version()}",
        "peer_seconds": peer,
        "peer_runs": theirs,
        "peer_input_seconds": preparing,
        "ratio": peer / seconds,
        "ratio_with_peer_input": (peer + preparing) / seconds,
    }
    emit("clustering", figures, goal=Goal("ratio", ">=", 1))


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
