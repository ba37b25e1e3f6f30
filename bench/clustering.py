"""Clustering, beside graphsense-clustering on the inputs of the same transactions.

The peer wants a list of address ids for each transaction; it gets those of the linking
transactions alone, so that it need not skip the others. Two ways are measured: both from the
store's columns, where the peer's list has to be made first, and both from that list. The chain is
that of the case, or made-up inputs alone, as many as asked for.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from gs_clustering import Clustering, version  # type: ignore[import-untyped]

from bench.case import Case
from bench.line import Goal, emit, note
from clewline.engine.chain import Chain, UInt8, UInt32
from clewline.engine.clustering import cluster, cluster_groups
from clewline.engine.heuristics.coinjoin import mixes_owners
from clewline.store.reader import ChainStore
from clewline.workspace.importing import chain_of

_RUNS = 7
_PEER = "graphsense-clustering"
_GOAL = Goal("ratio", ">=", 1.5)
_MEMORY_GOAL = Goal("bytes_a_script", "<=", 5)
_CORES = os.cpu_count() or 1
# Shape of made-up inputs.
_ALONE = 0.55
"""Share of the transactions that have one input; the others have one more than a geometric."""
_MORE_INPUTS = 0.4
_RECENT = 2_000_000
"""An input spends one of the so many outputs from its own number on."""
_FRESH = 0.4
"""Share of the outputs to a new script; the others go back, mostly a little, by a Pareto."""
_BACK, _SHAPE = 50, 0.7

Opened = tuple[Chain, UInt8]


def measure(case: Case) -> None:
    """Measure on the case's store, and on made-up inputs if they are asked for."""
    case.workspace()

    def opened() -> Opened:
        store = ChainStore.open(case.store)
        return chain_of(store), store.column("structure.coinjoin")

    _beside_peer("clustering", opened)
    if case.inputs:
        note(f"clustering: making {case.inputs:,} inputs up")
        with TemporaryDirectory(dir=case.path, prefix="inputs-") as directory:
            _make_inputs(Path(directory), case.inputs, case.seed)
            _beside_peer("clustering.made_up", lambda: _opened_inputs(Path(directory)))


def _beside_peer(name: str, opened: Callable[[], Opened]) -> None:
    """Measure both, alternating, and check that they find the same clusters."""
    chain, coinjoin = opened()
    lists = _lists(chain, coinjoin)
    size = chain.n_script

    def from_lists() -> UInt32:
        starts, members = lists.offsets.to_numpy(), lists.values.to_numpy()
        return cluster_groups(starts, members, size, _CORES)

    def from_store() -> UInt32:
        return cluster(*opened(), _CORES)

    ways: dict[str, tuple[Callable[[], UInt32], Callable[[], UInt32]]] = {
        "from_store": (from_store, lambda: _peer_clusters(_lists(*opened()), size)),
        "from_lists": (from_lists, lambda: _peer_clusters(lists, size)),
    }
    for way, (ours, peer) in ways.items():
        ours_runs, peer_runs = [], []
        for run in range(_RUNS):
            note(f"{name}.{way}: run {run + 1} of {_RUNS}")
            clusters, *cost = _timed(ours)
            ours_runs.append(cost)
            theirs, *cost = _timed(peer)
            peer_runs.append(cost)
        if not np.array_equal(_smallest_member(theirs), clusters):
            raise SystemExit("bench: the two clusterings differ")
        sizes = {
            "transactions": chain.n_tx,
            "inputs": chain.prevout.size,
            "scripts": size,
            "linking_transactions": len(lists),
            "linked_inputs": len(lists.values),
            "clusters": int(np.count_nonzero(clusters == np.arange(size))),
        }
        _emit(f"{name}.{way}", sizes, ours_runs, peer_runs)
    emit(
        f"{name}.memory",
        {"scripts": size, "bytes_a_script": _peak(from_store) / max(size, 1)},
        goal=_MEMORY_GOAL,
    )


def _timed(work: Callable[[], UInt32]) -> tuple[UInt32, float, float]:
    """Return what work gives, the seconds that it took, and those of processors."""
    begin, processors = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - begin, time.process_time() - processors


def _peak(work: Callable[[], UInt32]) -> int:
    """Return the most bytes of arrays that work holds, its result among them; mapped ones not."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _emit(
    name: str, size: dict[str, int], ours: list[list[float]], peer: list[list[float]]
) -> None:
    """Print one way of measuring."""
    seconds, processors = ([run[i] for run in ours] for i in (0, 1))
    peer_seconds, peer_processors = ([run[i] for run in peer] for i in (0, 1))
    figures = {
        **size,
        "threads": _CORES,
        "seconds": median(seconds),
        "runs": seconds,
        "cpu_seconds": median(processors),
        "peer": f"{_PEER} {version()}",
        "peer_seconds": median(peer_seconds),
        "peer_runs": peer_seconds,
        "peer_cpu_seconds": median(peer_processors),
        "ratio": min(peer_seconds) / min(seconds),
        "cpu_ratio": min(peer_processors) / min(processors),
    }
    emit(name, figures, goal=_GOAL)


def _lists(chain: Chain, coinjoin: UInt8) -> Any:
    """Return the scripts that each linking transaction spends, as Arrow lists."""
    counts = np.diff(chain.tx_input)
    linking = (counts > 1) & ~mixes_owners(coinjoin)
    scripts = chain.script[chain.prevout[np.repeat(linking, counts)]]
    offsets = np.concatenate(([0], np.cumsum(counts[linking]))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(scripts))


def _peer_clusters(inputs: Any, scripts: int) -> UInt32:
    """Return the peer's cluster of each id."""
    clustering = Clustering(max_address_id=scripts - 1)
    clustering.process_transactions_arrow(inputs)
    ids: UInt32 = clustering.get_mapping().column("cluster_id").to_numpy()
    return ids


def _smallest_member(clusters: UInt32) -> UInt32:
    """Name each cluster by its smallest member, as ours are named."""
    smallest = np.full(int(clusters.max()) + 1, clusters.size, np.uint32)
    np.minimum.at(smallest, clusters, np.arange(clusters.size, dtype=np.uint32))
    return smallest[clusters]


def _make_inputs(directory: Path, wanted: int, seed: int) -> None:
    """Write the columns that clustering reads, of about so many inputs, as files to be mapped."""
    chance = np.random.default_rng(seed)
    transactions = int(wanted / (_ALONE + (1 - _ALONE) * (1 + 1 / _MORE_INPUTS)))
    counts = 1 + np.where(
        chance.random(transactions) < _ALONE, 0, chance.geometric(_MORE_INPUTS, transactions)
    )
    tx_input = np.concatenate(([0], np.cumsum(counts)))
    inputs = int(tx_input[-1])
    # As many outputs as inputs: most are spent soon, and those of an age lie together.
    prevout = np.arange(inputs) + chance.integers(0, _RECENT, inputs)
    new = np.cumsum(chance.random(inputs) < _FRESH) - 1
    back = (chance.pareto(_SHAPE, inputs) * _BACK).astype(np.int64)
    is_new = np.diff(new, prepend=-1) > 0
    script = np.maximum(np.where(is_new, new, new - back), 0).astype(np.uint32)
    np.save(directory / "tx_input.npy", tx_input)
    np.save(directory / "prevout.npy", np.minimum(prevout, inputs - 1))
    np.save(directory / "script.npy", script)
    np.save(directory / "scripts.npy", new[-1:] + 1)


def _opened_inputs(directory: Path) -> Opened:
    """Map made-up inputs: a chain with the columns that clustering reads."""
    tx_input, prevout, script = (
        np.load(directory / f"{name}.npy", mmap_mode="r").view(np.ndarray)
        for name in ("tx_input", "prevout", "script")
    )
    none = np.empty(0, np.int64)
    # Of scripts, only how many there are is asked for.
    scripts = (int(np.load(directory / "scripts.npy")[0]),)
    chain = Chain(
        block_tx=none,
        block_time=none,
        tx_input=tx_input,
        tx_output=none,
        prevout=prevout,
        value=none,
        script=script,
        spender=np.empty(0, np.uint32),
        script_kind=np.broadcast_to(np.uint8(0), scripts),
        first_output=np.broadcast_to(np.int64(0), scripts),
        next_output=none,
    )
    return chain, np.broadcast_to(np.uint8(0), tx_input.size - 1)
