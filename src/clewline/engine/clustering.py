"""Clusters: which scripts the multi-input heuristic gives to one owner, and why.

A clustering is one ``uint32`` a script: the smallest script id of its cluster. It depends neither
on the order in which transactions are read nor on threads, a script alone is its own cluster, and
``cluster[cluster[s]] == cluster[s] <= s`` always holds. It is *computed*; who owns a cluster is
for labels to say. PayJoin cannot be told apart and merges two owners (see `multi_input`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Chain, Int64, UInt8, UInt32, list_outputs
from clewline.engine.forest import find, in_parts, leave_roots, look_ahead, plant, unite
from clewline.engine.heuristics.multi_input import RULE, check_coinjoin, may_link
from clewline.errors import UsageError
from clewline.jit import kernel, leaf

_NONE: Final = 0xFFFFFFFF
_NEAR, _FAR = 16, 48
"""Inputs: how long before it is needed a parent, and a script to find it by, is fetched."""


@dataclass(frozen=True)
class Link:
    """One step of an explanation: `tx` spends both scripts, so `rule` gives them one owner."""

    from_script: int
    to_script: int
    tx: int
    rule: str


@leaf
def _join(
    parent: UInt32,
    tx_input: Int64,
    prevout: Int64,
    script: UInt32,
    coinjoin: UInt8,
    first_tx: int,
    end_tx: int,
) -> None:
    """Join the inputs of each linking transaction of a range; several threads may at once."""
    last = len(prevout) - 1
    for tx in range(first_tx, end_tx):
        linking = may_link(tx, tx_input, coinjoin)
        root = np.int64(-1)
        for i in range(tx_input[tx], tx_input[tx + 1]):
            look_ahead(script, prevout[min(i + _FAR, last)])
            look_ahead(parent, np.int64(script[prevout[min(i + _NEAR, last)]]))
            if linking:
                other = find(parent, np.int64(script[prevout[i]]))
                if root < 0:
                    root = other
                elif other != root:
                    root = unite(parent, root, other)


@leaf
def _join_groups(parent: UInt32, starts: Any, members: UInt32, first: int, end: int) -> None:
    """Join the members of each group of a range; several threads may at once."""
    last = len(members) - 1
    for group in range(first, end):
        root = np.int64(-1)
        for i in range(np.int64(starts[group]), np.int64(starts[group + 1])):
            look_ahead(parent, np.int64(members[min(i + _NEAR, last)]))
            if np.int64(parent[members[i]]) == root:
                continue
            other = find(parent, np.int64(members[i]))
            root = other if root < 0 else unite(parent, root, other)


def cluster(chain: Chain, coinjoin: UInt8, threads: int = 1) -> UInt32:
    """Cluster the scripts of a chain by the multi-input heuristic, CoinJoins left out.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `heuristics.coinjoin.classify(chain)`; families that mix owners join nothing.
    threads : int
        How many join at once; the result does not depend on it.

    Returns
    -------
    ndarray of uint32, shape (n_script,)
        Cluster id of each script: the smallest script id in its cluster.

    Raises
    ------
    UsageError
        `coinjoin` does not fit the chain.

    Notes
    -----
    Union-find with path halving, union by smaller id (`forest`). Cost: one pass over the inputs,
    near constant time each; the result (4 bytes a script) is the only memory.

    Limits: two scripts of one owner that were never spent together stay apart; owners who signed
    together without a recognised shape come together.
    """
    return extend_clusters(np.empty(0, np.uint32), chain, coinjoin, 0, threads)


def cluster_groups(
    starts: NDArray[Any], members: UInt32, n_script: int, threads: int = 1
) -> UInt32:
    """Cluster scripts that come in groups of one owner each, not as a chain.

    Parameters
    ----------
    starts : ndarray of int32 or int64, shape (n_group + 1,)
        First member of each group, as the offsets of an Arrow list.
    members : ndarray of uint32
        Scripts, group by group; one may come in several groups, or twice in one.
    n_script : int
        How many scripts there are.
    threads : int
        How many join at once; the result does not depend on it.

    Returns
    -------
    ndarray of uint32, shape (n_script,)
        Cluster id of each script: the smallest script id in its cluster.

    Raises
    ------
    UsageError
        A member is no script, or `starts` does not ascend within the members.

    Notes
    -----
    Cost: as `cluster`.

    Examples
    --------
    >>> groups = np.array([0, 2, 4]), np.array([3, 1, 4, 3], np.uint32)
    >>> cluster_groups(*groups, n_script=6)
    array([0, 1, 2, 1, 1, 5], dtype=uint32)
    """
    if members.dtype != np.uint32 or (len(members) and int(members.max()) >= n_script):
        raise UsageError(
            f"allowed are uint32 numbers below {n_script}, the number of scripts", where="members"
        )
    if (
        len(starts) == 0
        or starts[0] < 0
        or starts[-1] > len(members)
        or (starts[1:] < starts[:-1]).any()
    ):
        raise UsageError(
            f"must ascend from 0 or more to at most {len(members)}, the number of members",
            where="starts",
        )
    parent = _planted(n_script, threads)
    in_parts(
        lambda first, end: _join_groups(parent, starts, members, first, end),
        threads,
        len(starts) - 1,
        starts,
    )
    in_parts(lambda first, end: leave_roots(parent, first, end), threads, n_script)
    return parent


def _planted(n_script: int, threads: int) -> UInt32:
    """Return a forest of roots."""
    parent = np.empty(n_script, np.uint32)
    in_parts(lambda first, end: plant(parent, first, end), threads, n_script)
    return parent


def extend_clusters(
    cluster: UInt32, chain: Chain, coinjoin: UInt8, first_tx: int, threads: int = 1
) -> UInt32:
    """Bring a clustering up to date with a chain that has grown.

    Parameters
    ----------
    cluster : ndarray of uint32
        The clustering of the chain up to, but not including, `first_tx`. Not changed.
    chain : Chain
        The grown chain. Ids are in chain order, so old ids have not moved.
    coinjoin : ndarray of uint8, shape (n_tx,)
        Verdicts for the whole grown chain.
    first_tx : int
        First transaction that `cluster` does not know.
    threads : int
        How many join at once; the result does not depend on it.

    Returns
    -------
    ndarray of uint32, shape (n_script,)
        Equal to `cluster` of the whole chain.

    Raises
    ------
    UsageError
        `coinjoin` does not fit the chain, `cluster` has more scripts than it, or there is no
        transaction `first_tx`.

    Notes
    -----
    Cost: one pass over the new inputs and one over the scripts. After a reorganisation cluster
    anew: joins cannot be taken back.
    """
    check_coinjoin(chain, coinjoin)
    n_tx = len(chain.tx_input) - 1
    n_script = chain.n_script
    if not 0 <= first_tx <= n_tx:
        raise UsageError(f"first_tx is {first_tx}; allowed is 0 to {n_tx}", where="first_tx")
    if len(cluster) > n_script:
        raise UsageError(
            f"the clustering has {len(cluster)} scripts, the chain {n_script}",
            where="cluster",
            hint="after a reorganisation cluster the chain anew",
        )
    parent = _planted(n_script, threads)
    parent[: len(cluster)] = cluster

    def join(first: int, end: int) -> None:
        _join(
            parent,
            chain.tx_input,
            chain.prevout,
            chain.script,
            coinjoin,
            first_tx + first,
            first_tx + end,
        )

    in_parts(join, threads, n_tx - first_tx, chain.tx_input[first_tx:])
    in_parts(lambda first, end: leave_roots(parent, first, end), threads, n_script)
    return parent


@kernel
def order_into(cluster: UInt32, order: UInt32, places: UInt32) -> None:
    """Sort the scripts as `cluster_order` does, in memory that is given.

    Parameters
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        A clustering.
    order : ndarray of uint32, shape (n_script,)
        Filled.
    places : ndarray of uint32, shape (n_script + 1,)
        Work memory: zeros.
    """
    for s in range(len(cluster)):
        places[np.int64(cluster[s]) + 1] += np.uint32(1)
    for c in range(len(cluster)):
        places[c + 1] += places[c]
    for s in range(len(cluster)):
        order[places[cluster[s]]] = s
        places[cluster[s]] += np.uint32(1)


def cluster_order(cluster: UInt32) -> UInt32:
    """Sort the scripts by (cluster id, script id), so that each cluster is one run.

    Parameters
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        A clustering.

    Returns
    -------
    ndarray of uint32, shape (n_script,)
        A permutation of the script ids.

    Notes
    -----
    A counting sort: two passes over the scripts, 4 bytes a script besides the result.

    Examples
    --------
    >>> cluster_order(np.array([0, 1, 0, 1], dtype=np.uint32))
    array([0, 2, 1, 3], dtype=uint32)
    """
    order = np.empty(len(cluster), dtype=np.uint32)
    order_into(cluster, order, np.zeros(len(cluster) + 1, np.uint32))
    return order


@kernel
def _run(cluster: UInt32, order: UInt32, wanted: int) -> tuple[int, int]:
    """Return the first place in `order` of a cluster, and the one behind it."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        if np.int64(cluster[order[middle]]) < wanted:
            low = middle + 1
        else:
            high = middle
    # Most clusters are small: double the step until it is beyond, then go back by halves.
    step = 1
    while low + step <= len(order) and np.int64(cluster[order[low + step - 1]]) == wanted:
        step *= 2
    first, high = low + step // 2, min(low + step, len(order))
    while first < high:
        middle = (first + high) // 2
        if np.int64(cluster[order[middle]]) == wanted:
            first = middle + 1
        else:
            high = middle
    return low, first


def member_range(cluster: UInt32, order: UInt32, script: int) -> tuple[int, int]:
    """Find the run of a script's cluster in `order`.

    Parameters
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        A clustering.
    order : ndarray of uint32, shape (n_script,)
        `cluster_order(cluster)`.
    script : int
        Any script of the wanted cluster.

    Returns
    -------
    tuple of int
        (lo, hi): ``order[lo:hi]`` are the cluster's scripts, ascending; hi - lo is its size.

    Raises
    ------
    UsageError
        No such script.

    Examples
    --------
    >>> clusters = np.array([0, 1, 0, 1], dtype=np.uint32)
    >>> member_range(clusters, cluster_order(clusters), 3)
    (2, 4)
    """
    _check_script(script, len(cluster), "script")
    return _run(cluster, order, int(cluster[script]))


def members(cluster: UInt32, order: UInt32, script: int) -> UInt32:
    """List the scripts of a script's cluster, ascending; parameters as for `member_range`.

    Parameters
    ----------
    cluster, order : ndarray of uint32, shape (n_script,)
        A clustering and its `cluster_order`.
    script : int
        Any script of the wanted cluster.

    Returns
    -------
    ndarray of uint32
        A view of `order`.

    Examples
    --------
    >>> clusters = np.array([0, 1, 0, 1], dtype=np.uint32)
    >>> members(clusters, cluster_order(clusters), 2)
    array([0, 2], dtype=uint32)
    """
    low, high = member_range(cluster, order, script)
    return order[low:high]


@dataclass(frozen=True)
class Clusters:
    """A clustering that was written out once, and what joined since.

    Attributes
    ----------
    ids : ndarray of uint32, shape (n_script,)
        Cluster of each script, now.
    written : ndarray of uint32, shape (n_script,)
        Cluster of each script when it was written out; scripts that came later stand alone.
    order : ndarray of uint32, shape (n_written,)
        `cluster_order` of the scripts of that time.
    join_from : ndarray of uint32, shape (n_join,)
        Clusters that became part of another since, each once.
    """

    ids: UInt32
    written: UInt32
    order: UInt32
    join_from: UInt32

    def members(self, script: int) -> UInt32:
        """Return the scripts of a script's cluster, ascending.

        Raises
        ------
        UsageError
            No such script.
        """
        parts = [self._part(part) for part in self._parts(script)]
        return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))

    def size(self, script: int) -> int:
        """Return how many scripts the cluster of a script has.

        Raises
        ------
        UsageError
            No such script.
        """
        return sum(len(self._part(part)) for part in self._parts(script))

    def _parts(self, script: int) -> list[int]:
        """Return the clusters as written of which the cluster of a script is made."""
        _check_script(script, len(self.ids), "script")
        now = int(self.ids[script])
        if not len(self.join_from):
            return [now]
        joined = self.join_from[self.ids[self.join_from] == now]
        return [now, *joined.tolist()]

    def _part(self, part: int) -> UInt32:
        """Return the scripts of a cluster as written."""
        if part >= len(self.order):
            return np.array([part], np.uint32)
        return members(self.written, self.order, part)


@kernel
def _join_new(
    tx_input: Int64,
    prevout: Int64,
    script: UInt32,
    ids: UInt32,
    coinjoin: UInt8,
    first_tx: int,
    root: UInt32,
    parent: UInt32,
    join_from: UInt32,
    join_to: UInt32,
) -> int:
    """Join the clusters `root` (ascending) that the new transactions spend; list what joined."""
    count = 0
    for tx in range(first_tx, len(tx_input) - 1):
        if not may_link(tx - first_tx, tx_input[first_tx:], coinjoin):
            continue
        lowest = np.int64(-1)
        for i in range(tx_input[tx], tx_input[tx + 1]):
            spent = np.int64(script[prevout[i]])
            cluster = ids[spent] if spent < len(ids) else np.uint32(spent)
            at = np.int64(find(parent, np.searchsorted(root, cluster)))
            if lowest < 0:
                lowest = at
            elif at != lowest:
                high = max(at, lowest)
                lowest = min(at, lowest)
                parent[high] = lowest
                join_from[count] = root[high]
                join_to[count] = root[lowest]
                count += 1
    return count


def joins_of(chain: Chain, coinjoin: UInt8, ids: UInt32, first_tx: int) -> tuple[UInt32, UInt32]:
    """Return which clusters new transactions make one.

    Parameters
    ----------
    chain : Chain
        The grown chain.
    coinjoin : ndarray of uint8, shape (n_tx - first_tx,)
        Verdicts for the new transactions.
    ids : ndarray of uint32
        The clustering of the chain up to, but not including, `first_tx`.
    first_tx : int
        First transaction that `ids` does not know.

    Returns
    -------
    join_from, join_to : ndarray of uint32
        In chain order: the cluster `join_from[i]` becomes part of `join_to[i]`, whose id is
        smaller. No cluster becomes part of another twice, nor takes part after it did.

    Raises
    ------
    UsageError
        `coinjoin` does not fit.

    Notes
    -----
    Cost: n log n in the new inputs; the chain before them is not read, but for the clusters of
    what they spend.
    """
    if coinjoin.dtype != np.uint8 or len(coinjoin) != chain.n_tx - first_tx:
        raise UsageError(
            f"{len(coinjoin)} verdicts of {coinjoin.dtype} for {chain.n_tx - first_tx} "
            "transactions; each needs one of uint8",
            where="coinjoin",
        )
    spent = chain.script[chain.prevout[chain.tx_input[first_tx] :]]
    known = spent < len(ids)
    clusters = spent.copy()
    clusters[known] = ids[spent[known]]
    root = np.unique(clusters)
    join_from, join_to = np.empty(len(root), np.uint32), np.empty(len(root), np.uint32)
    count = _join_new(
        chain.tx_input,
        chain.prevout,
        chain.script,
        ids,
        coinjoin,
        first_tx,
        root,
        np.arange(len(root), dtype=np.uint32),
        join_from,
        join_to,
    )
    return join_from[:count], join_to[:count]


def largest(cluster: UInt32, n: int) -> tuple[UInt32, Int64]:
    """List the largest clusters: the first sign of a collapse.

    Parameters
    ----------
    cluster : ndarray of uint32, shape (n_script,)
        A clustering.
    n : int
        How many at most.

    Returns
    -------
    ids : ndarray of uint32
        Cluster ids, largest cluster first, equal sizes by lower id.
    sizes : ndarray of int64
        Scripts in each.

    Examples
    --------
    >>> ids, sizes = largest(np.array([0, 1, 1, 1, 4, 4], dtype=np.uint32), 2)
    >>> ids.tolist(), sizes.tolist()
    ([1, 4], [3, 2])
    """
    sizes = np.bincount(cluster, minlength=1)
    n = min(max(n, 0), int(np.count_nonzero(sizes)))
    if n == 0:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    # All that are as large as the n-th go into the sort, so that ties are settled by id.
    threshold = np.partition(sizes, len(sizes) - n)[len(sizes) - n]
    candidates = np.flatnonzero(sizes >= threshold)
    first = candidates[np.lexsort((candidates, -sizes[candidates]))][:n]
    return first.astype(np.uint32), sizes[first].astype(np.int64)


@kernel
def _growth(
    tx_input: Int64,
    prevout: Int64,
    script: UInt32,
    coinjoin: UInt8,
    parent: UInt32,
    size: UInt32,
    growth: UInt32,
) -> None:
    """Cluster anew with sizes and note what each transaction adds to its largest part."""
    for tx in range(len(tx_input) - 1):
        if not may_link(tx, tx_input, coinjoin):
            continue
        root = find(parent, np.int64(script[prevout[tx_input[tx]]]))
        biggest = size[root]
        for i in range(tx_input[tx] + 1, tx_input[tx + 1]):
            other = find(parent, np.int64(script[prevout[i]]))
            if other == root:
                continue
            biggest = max(biggest, size[other])
            low, high = min(root, other), max(root, other)
            parent[high] = low
            size[low] += size[high]
            root = low
        growth[tx] = size[root] - biggest


def growth_by_transaction(chain: Chain, coinjoin: UInt8) -> UInt32:
    """Count the scripts that each transaction added to the largest part that it joined.

    A cluster that collapses many owners into one shows as a transaction with a large count:
    the single link that joined two big parts.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        `heuristics.coinjoin.classify(chain)`.

    Returns
    -------
    ndarray of uint32, shape (n_tx,)
        Size of the cluster after the transaction, less the largest part that it joined; 0 where
        it joined nothing new.

    Raises
    ------
    UsageError
        `coinjoin` does not fit the chain.

    Notes
    -----
    Cost: as `cluster`, with 8 bytes a script and 4 a transaction.
    """
    check_coinjoin(chain, coinjoin)
    n_script = chain.n_script
    parent = np.arange(n_script, dtype=np.uint32)
    size = np.ones(n_script, dtype=np.uint32)
    growth = np.zeros(len(chain.tx_input) - 1, dtype=np.uint32)
    _growth(chain.tx_input, chain.prevout, chain.script, coinjoin, parent, size, growth)
    return growth


@kernel
def _search(
    tx_input: Int64,
    prevout: Int64,
    script: UInt32,
    spender: UInt32,
    first_output: Int64,
    next_output: Int64,
    coinjoin: UInt8,
    scripts: UInt32,
    start: int,
    goal: int,
    came_from: UInt32,
    came_by: UInt32,
) -> bool:
    """Search breadth first from `start` to `goal`; note whence and by which transaction.

    Neighbours are taken in order of (transaction, script), so the first path found to a script
    is the smallest of the shortest in that order. `scripts` are the cluster's, ascending;
    `came_from` and `came_by` run beside it.
    """
    queue = np.empty(len(scripts), np.uint32)
    queue[0] = start
    came_from[np.searchsorted(scripts, np.uint32(start))] = start
    head, tail = 0, 1
    crossed = {np.int64(-1)}
    nowhere = np.empty(0, np.int64)
    n_tx = len(tx_input) - 1
    while head < tail:
        here = queue[head]
        head += 1
        received = list_outputs(first_output[here], next_output, nowhere)
        outputs = np.empty(received, np.int64)
        list_outputs(first_output[here], next_output, outputs)
        spenders = np.empty(received, np.int64)
        count = 0
        for output in outputs:
            tx = np.int64(spender[output])
            if tx < n_tx and tx not in crossed and may_link(tx, tx_input, coinjoin):
                spenders[count] = tx
                count += 1
        for tx in np.sort(spenders[:count]):
            if tx in crossed:
                continue
            crossed.add(tx)
            first, last = tx_input[tx], tx_input[tx + 1]
            others = np.empty(last - first, np.uint32)
            for i in range(first, last):
                others[i - first] = script[prevout[i]]
            for other in np.sort(others):
                at = np.searchsorted(scripts, other)
                if came_from[at] != _NONE:
                    continue
                came_from[at] = here
                came_by[at] = tx
                if other == goal:
                    return True
                queue[tail] = other
                tail += 1
    return False


def explain(
    chain: Chain,
    coinjoin: UInt8,
    cluster: UInt32,
    a: int,
    b: int,
    *,
    scripts: UInt32 | None = None,
) -> list[Link]:
    """Give the shortest chain of transactions that puts two scripts into one cluster.

    Parameters
    ----------
    chain : Chain
        The chain.
    coinjoin : ndarray of uint8, shape (n_tx,)
        The verdicts with which `cluster` was made.
    cluster : ndarray of uint32, shape (n_script,)
        `cluster(chain, coinjoin)`.
    a, b : int
        Two scripts.
    scripts : ndarray of uint32, optional
        All scripts of the cluster of `a`, ascending, where at hand: else one pass over all.

    Returns
    -------
    list of Link
        From `a` to `b`; each transaction spends both scripts of its link. Of equally short
        chains the one whose (transaction, script) ids, read from `a`, are smallest. Empty if the
        two are in different clusters, or are the same.

    Raises
    ------
    UsageError
        No such script, or `coinjoin` or `cluster` does not fit the chain.

    Notes
    -----
    Breadth-first search over scripts and transactions of the one cluster. Cost: at most one look
    at each input and output of the cluster; 16 bytes a member, and a set of the transactions
    crossed.
    """
    check_coinjoin(chain, coinjoin)
    n_script = chain.n_script
    if len(cluster) != n_script:
        raise UsageError(
            f"the clustering has {len(cluster)} scripts, the chain {n_script}", where="cluster"
        )
    _check_script(a, n_script, "a")
    _check_script(b, n_script, "b")
    if a == b or cluster[a] != cluster[b]:
        return []
    if scripts is None:
        scripts = np.flatnonzero(cluster == cluster[a]).astype(np.uint32)
    came_from = np.full(len(scripts), _NONE, dtype=np.uint32)
    came_by = np.full(len(scripts), _NONE, dtype=np.uint32)
    found = _search(
        chain.tx_input,
        chain.prevout,
        chain.script,
        chain.spender,
        chain.first_output,
        chain.next_output,
        coinjoin,
        scripts,
        a,
        b,
        came_from,
        came_by,
    )
    if not found:
        raise UsageError(
            f"no transactions join scripts {a} and {b}, which share cluster {cluster[a]}: "
            "the clustering was made from another chain or other verdicts",
            where="cluster",
        )
    links: list[Link] = []
    to = b
    while to != a:
        at = int(np.searchsorted(scripts, to))
        links.append(Link(int(came_from[at]), to, int(came_by[at]), RULE))
        to = int(came_from[at])
    return links[::-1]


def _check_script(script: int, n_script: int, where: str) -> None:
    """Refuse a script id that is not of the chain."""
    if not 0 <= script < n_script:
        raise UsageError(f"script {script}; allowed is 0 to {n_script - 1}", where=where)
