"""Clusters with change links: opt-in, kept apart from the default ones, with a collapse guard.

A change link says that the script of a likely change output belongs to whoever spent the inputs.
One wrong link between two large clusters makes one of them, and there are millions of links: with
such links unguarded, a published clustering grew one cluster of 256 million addresses (Kalodner
et al., BlockSci, USENIX Security 2020). So a link that would join two clusters of more than some
scripts each is refused, and every refusal is reported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from clewline.engine.chain import Chain, Int64, UInt8, UInt32
from clewline.engine.clustering import Link
from clewline.engine.clustering import explain as explain_multi_input
from clewline.engine.forest import find, leave_roots
from clewline.engine.heuristics.change import (
    RULE,
    Habits,
    Weights,
    likely_change,
    probabilities,
    signs,
)
from clewline.errors import UsageError
from clewline.jit import kernel

LEAST_PROBABILITY: Final = 0.95
"""An output that is change with less than this probability makes no link by default."""
LARGEST_JOIN: Final = 1_000
"""By default, no link joins two clusters of more scripts than this each."""
_AT_ONCE: Final = 1 << 18


@dataclass(frozen=True)
class ChangeClusters:
    """A clustering with change links.

    Attributes
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        Smallest script id of each script's cluster.
    change : ndarray of uint32, shape (n_tx,)
        Position of the output in its transaction that a change link was made of, plus 1; 0 where
        the transaction makes none.
    refused : ndarray of int64
        Transactions, ascending, whose link the guard refused.
    """

    cluster: UInt32
    change: UInt32
    refused: Int64


@kernel
def _join(
    first_tx: int,
    tx_input: Int64,
    tx_output: Int64,
    prevout: Int64,
    script: UInt32,
    best: Int64,
    largest_join: int,
    parent: UInt32,
    size: Int64,
    change: UInt32,
    refused: Int64,
) -> int:
    """Join by the links of a range; return how many were refused. The smaller root wins."""
    n_refused = 0
    base = tx_output[first_tx]
    for at in range(len(best)):
        tx = first_tx + at
        if best[at] < 0:
            continue
        output = base + best[at]
        a = find(parent, np.int64(script[prevout[tx_input[tx]]]))
        b = find(parent, np.int64(script[output]))
        if a != b:
            if min(size[a], size[b]) > largest_join:
                refused[n_refused] = tx
                n_refused += 1
                continue
            low, high = min(a, b), max(a, b)
            parent[high] = low
            size[low] += size[high]
        change[tx] = output - tx_output[tx] + 1
    return n_refused


def _likely(
    chain: Chain, habits: Habits, coinjoin: UInt8, weights: Weights, least_probability: float
) -> Iterator[tuple[int, Int64]]:
    """Yield the likely change outputs of one range of transactions after the other."""
    known_scripts = 0
    for first in range(0, chain.n_tx, _AT_ONCE):
        end = min(first + _AT_ONCE, chain.n_tx)
        asked, said = signs(chain, habits, coinjoin, first, end, known_scripts)
        starts = chain.tx_output[first : end + 1] - chain.tx_output[first]
        probability = probabilities(starts, asked, said, weights)
        yield first, likely_change(starts, probability, least_probability)
        paid = chain.script[chain.tx_output[first] : chain.tx_output[end]]
        known_scripts = max(known_scripts, int(paid.max()) + 1)


def cluster_with_change(
    chain: Chain,
    habits: Habits,
    coinjoin: UInt8,
    cluster: UInt32,
    weights: Weights,
    least_probability: float = LEAST_PROBABILITY,
    largest_join: int = LARGEST_JOIN,
) -> ChangeClusters:
    """Join the clusters of a chain by likely change outputs as well.

    Parameters
    ----------
    chain : Chain
        The chain.
    habits : Habits
        More columns of it.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `coinjoin.classify(chain)`.
    cluster : ndarray of uint32, shape (n_script,)
        `clustering.cluster(chain, coinjoin)`. Not changed.
    weights : Weights
        Of the signs of change.
    least_probability : float
        Outputs that are change with less make no link; more than 0, at most 1.
    largest_join : int
        The guard: a link between two clusters of more scripts each is refused.

    Returns
    -------
    ChangeClusters
        Each default cluster lies whole in one of these.

    Raises
    ------
    UsageError
        `coinjoin` or `cluster` does not fit the chain, or a limit is out of range.

    Notes
    -----
    Links are made in chain order, so the same chain gives the same clusters. Cost: one pass of
    `signs` in ranges; 12 bytes a script and 4 a transaction. Later spends change what the signs
    say: after new blocks cluster anew.
    """
    if len(cluster) != chain.n_script:
        raise UsageError(
            f"the clustering has {len(cluster)} scripts, the chain {chain.n_script}",
            where="cluster",
        )
    if largest_join < 1:
        raise UsageError(f"{largest_join}; at least 1", where="largest_join")
    parent = np.array(cluster, dtype=np.uint32)
    size = np.bincount(parent, minlength=chain.n_script).astype(np.int64)
    change = np.zeros(chain.n_tx, np.uint32)
    refusals = []
    for first, best in _likely(chain, habits, coinjoin, weights, least_probability):
        refused = np.empty(len(best), np.int64)
        count = _join(
            first,
            chain.tx_input,
            chain.tx_output,
            chain.prevout,
            chain.script,
            best,
            largest_join,
            parent,
            size,
            change,
            refused,
        )
        refusals.append(refused[:count])
    leave_roots(parent, 0, len(parent))
    return ChangeClusters(
        parent, change, np.concatenate(refusals) if refusals else np.empty(0, np.int64)
    )


def explain_with_change(
    chain: Chain, coinjoin: UInt8, cluster: UInt32, with_change: ChangeClusters, a: int, b: int
) -> list[Link]:
    """Give a chain of transactions that puts two scripts into one cluster with change links.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `coinjoin.classify(chain)`.
    cluster : ndarray of uint32, shape (n_script,)
        The default clustering.
    with_change : ChangeClusters
        `cluster_with_change` of the same chain.
    a, b : int
        Two scripts.

    Returns
    -------
    list of Link
        From `a` to `b`, each with its rule; of all chains one with the fewest change links.
        Empty if the two are in different clusters, or are the same.

    Raises
    ------
    UsageError
        No such script, or the clusterings do not fit the chain.

    Notes
    -----
    Breadth-first search over the default clusters of the one cluster, in order of transactions.
    Cost: one pass over `change`, and memory for the links of that cluster.
    """
    joined = with_change.cluster
    for script, where in ((a, "a"), (b, "b")):
        if not 0 <= script < chain.n_script:
            raise UsageError(f"script {script}; allowed is 0 to {chain.n_script - 1}", where=where)
    if cluster[a] == cluster[b]:
        return explain_multi_input(chain, coinjoin, cluster, a, b)
    if joined[a] != joined[b]:
        return []
    txs = np.flatnonzero(with_change.change)
    spent = chain.script[chain.prevout[chain.tx_input[txs]]]
    inside = joined[spent] == joined[a]
    txs, spent = txs[inside], spent[inside]
    changes = chain.script[chain.tx_output[txs] + with_change.change[txs] - 1]
    steps: dict[int, list[tuple[int, int, int]]] = {}
    for tx, one, other in zip(txs.tolist(), spent.tolist(), changes.tolist(), strict=True):
        steps.setdefault(int(cluster[one]), []).append((one, other, tx))
        steps.setdefault(int(cluster[other]), []).append((other, one, tx))
    goal = int(cluster[b])
    came: dict[int, tuple[int, int, int]] = {int(cluster[a]): (a, a, -1)}
    queue = deque(came)
    while goal not in came:
        for here, there, tx in steps.get(queue.popleft(), []):
            if int(cluster[there]) not in came:
                came[int(cluster[there])] = (here, there, tx)
                queue.append(int(cluster[there]))
    path: list[tuple[int, int, int]] = []
    at = goal
    while came[at][2] >= 0:
        path.append(came[at])
        at = int(cluster[came[at][0]])
    links: list[Link] = []
    stands = a
    for here, there, tx in reversed(path):
        links += explain_multi_input(chain, coinjoin, cluster, stands, here)
        links.append(Link(here, there, tx, RULE))
        stands = there
    return links + explain_multi_input(chain, coinjoin, cluster, stands, b)
