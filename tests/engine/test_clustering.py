from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import Tx, build, prefix, transactions

from clewline.engine import clustering
from clewline.engine.chain import Chain
from clewline.engine.clustering import Link
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.engine.heuristics.multi_input import links
from clewline.errors import UsageError


def input_scripts(chain: Chain, tx: int) -> set[int]:
    spent = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]
    return {int(s) for s in chain.script[spent]}


def simple_clusters(chain: Chain, coinjoin: np.ndarray) -> list[int]:
    """Cluster by merging sets until nothing changes: slow, obvious, independent."""
    parts = [{s} for s in range(chain.n_script)]
    for tx in np.flatnonzero(links(chain, coinjoin)):
        touched = input_scripts(chain, int(tx))
        joined = set().union(*(part for part in parts if part & touched))
        parts = [part for part in parts if not part & touched] + [joined]
    smallest = {s: min(part) for part in parts for s in part}
    return [smallest[s] for s in range(len(smallest))]


def shortest(chain: Chain, coinjoin: np.ndarray, a: int, b: int) -> list[tuple[int, int]]:
    """Find the smallest of the shortest paths from a to b as (tx, script), by plain search."""
    linking = [(int(tx), sorted(input_scripts(chain, int(tx)))) for tx in
               np.flatnonzero(links(chain, coinjoin))]  # fmt: skip
    paths: dict[int, list[tuple[int, int]]] = {a: []}
    queue = deque([a])
    while queue:
        here = queue.popleft()
        for tx, scripts in linking:
            for script in scripts if here in scripts else []:
                if script not in paths:
                    paths[script] = [*paths[here], (tx, script)]
                    queue.append(script)
    return paths.get(b, [])


@st.composite
def chains(draw: st.DrawFn) -> tuple[Chain, np.ndarray]:
    """Draw a chain and a verdict for each of its transactions."""
    made = draw(transactions())
    families = st.sampled_from([0, 0, 0, CoinJoin.whirlpool_tx0, CoinJoin.wasabi2])
    verdicts = draw(st.lists(families, min_size=len(made), max_size=len(made)))
    return build(made), np.array(verdicts, np.uint8)


@given(chains())
def test_cluster_equals_merging_sets(case: tuple[Chain, np.ndarray]) -> None:
    chain, coinjoin = case
    clusters = clustering.cluster(chain, coinjoin)
    assert clusters.dtype == np.uint32
    assert clusters.tolist() == simple_clusters(chain, coinjoin)


@given(chains(), st.data())
def test_extend_equals_rebuild(case: tuple[Chain, np.ndarray], data: st.DataObject) -> None:
    chain, coinjoin = case
    n_tx = len(coinjoin)
    cut = data.draw(st.integers(0, n_tx))
    before = prefix(chain, cut)
    old = clustering.cluster(before, coinjoin[:cut])
    kept = old.copy()
    grown = clustering.extend_clusters(old, chain, coinjoin, cut)
    assert grown.tolist() == clustering.cluster(chain, coinjoin).tolist()
    assert old.tolist() == kept.tolist()


@given(chains(), st.data())
def test_joins_since_a_clustering_was_written_out(
    case: tuple[Chain, np.ndarray], data: st.DataObject
) -> None:
    """Writing out once and joining since, in any steps, gives the clusters of the whole."""
    chain, coinjoin = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(coinjoin)), min_size=1, max_size=3)))
    ids = clustering.cluster(prefix(chain, cuts[0]), coinjoin[: cuts[0]])
    order = clustering.cluster_order(ids)
    written = np.arange(chain.n_script, dtype=np.uint32)
    written[: len(ids)] = ids
    joined: list[int] = []
    for first, end in zip(cuts, [*cuts[1:], len(coinjoin)], strict=True):
        grown = prefix(chain, end)
        froms, tos = clustering.joins_of(grown, coinjoin[first:end], ids, first)
        assert (tos < froms).all()
        ids = np.concatenate((ids, np.arange(len(ids), grown.n_script, dtype=np.uint32)))
        for source, target in zip(froms.tolist(), tos.tolist(), strict=True):
            assert (ids[source], ids[target]) == (source, target), "both are clusters still"
            ids[ids == source] = target
        joined += froms.tolist()
    assert ids.tolist() == clustering.cluster(chain, coinjoin).tolist()
    assert len(set(joined)) == len(joined)
    clusters = clustering.Clusters(ids, written, order, np.array(joined, np.uint32))
    for script in range(len(ids)):
        expected = np.flatnonzero(ids == ids[script]).tolist()
        assert clusters.members(script).tolist() == expected
        assert clusters.size(script) == len(expected)
    with pytest.raises(UsageError, match="each needs one"):
        clustering.joins_of(chain, coinjoin[:0], ids, -1)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), max_size=15), st.data())
def test_cluster_does_not_depend_on_order(spends: list[list[int]], data: st.DataObject) -> None:
    def clusters_of(order: list[list[int]]) -> list[int]:
        funding = Tx(
            [], [(1, f"s{s}") for s in range(10)] + [(1, f"s{s}") for tx in order for s in tx]
        )
        position = iter(range(10, 10_000))
        rest = [Tx([(0, next(position)) for _ in tx], [(1, "s0")]) for tx in order]
        chain = build([funding, *rest])
        return clustering.cluster(chain, np.zeros(1 + len(order), np.uint8)).tolist()

    shuffled = data.draw(st.permutations(spends))
    assert clusters_of(spends) == clusters_of(shuffled)


@given(chains())
def test_explain_is_the_smallest_shortest_path(case: tuple[Chain, np.ndarray]) -> None:
    chain, coinjoin = case
    clusters = clustering.cluster(chain, coinjoin)
    order = clustering.cluster_order(clusters)
    linking = links(chain, coinjoin)
    for a in range(len(clusters)):
        for b in range(len(clusters)):
            found = clustering.explain(chain, coinjoin, clusters, a, b)
            assert found == clustering.explain(
                chain, coinjoin, clusters, a, b, scripts=clustering.members(clusters, order, a)
            )
            assert [(link.tx, link.to_script) for link in found] == (
                [] if a == b else shortest(chain, coinjoin, a, b)
            )
            assert bool(found) == (a != b and clusters[a] == clusters[b])
            for link in found:
                assert linking[link.tx]
                assert {link.from_script, link.to_script} <= input_scripts(chain, link.tx)
                assert link.rule == "multi-input"
            for one, next_one in pairwise(found):
                assert one.to_script == next_one.from_script
            if found:
                assert (found[0].from_script, found[-1].to_script) == (a, b)


@given(chains(), st.integers(0, 6))
def test_order_members_and_largest(case: tuple[Chain, np.ndarray], n: int) -> None:
    clusters = clustering.cluster(*case)
    order = clustering.cluster_order(clusters)
    assert order.dtype == np.uint32
    assert order.tolist() == np.lexsort((np.arange(len(clusters)), clusters)).tolist()
    for script, name in enumerate(clusters):
        expected = np.flatnonzero(clusters == name).tolist()
        assert clustering.members(clusters, order, script).tolist() == expected
    ids, sizes = clustering.largest(clusters, n)
    by_size = sorted(
        ((int(c), int((clusters == c).sum())) for c in set(clusters.tolist())),
        key=lambda pair: (-pair[1], pair[0]),
    )
    assert list(zip(ids.tolist(), sizes.tolist(), strict=True)) == by_size[:n]


@given(chains())
def test_growth_is_what_each_transaction_adds(case: tuple[Chain, np.ndarray]) -> None:
    chain, coinjoin = case
    growth = clustering.growth_by_transaction(chain, coinjoin)
    parts = [{s} for s in range(chain.n_script)]
    linking = links(chain, coinjoin)
    for tx in range(len(coinjoin)):
        touched = input_scripts(chain, tx) if linking[tx] else set()
        met = [part for part in parts if part & touched]
        sizes = [len(part) for part in met]
        assert growth[tx] == (sum(sizes) - max(sizes) if met else 0)
        parts = [part for part in parts if not part & touched] + [set().union(*met)]


def test_growth_shows_the_link_that_joined_two_big_parts() -> None:
    names = [f"left {i}" for i in range(5)] + [f"right {i}" for i in range(4)]
    funding = Tx([], [(10, name) for name in names] + [(10, "left 0"), (10, "right 0")])
    chain = build(
        [
            funding,
            Tx([(0, i) for i in range(5)], [(1, "x")]),
            Tx([(0, i) for i in range(5, 9)], [(1, "y")]),
            Tx([(0, 9), (0, 10)], [(1, "z")]),
        ]
    )
    coinjoin = np.zeros(4, np.uint8)
    assert clustering.growth_by_transaction(chain, coinjoin).tolist() == [0, 4, 3, 4]
    assert clustering.explain(chain, coinjoin, clustering.cluster(chain, coinjoin), 3, 7) == [
        Link(3, 0, 1, "multi-input"),
        Link(0, 5, 3, "multi-input"),
        Link(5, 7, 2, "multi-input"),
    ]


def test_coinjoin_joins_nobody() -> None:
    made = [Tx([], [(10, "a"), (10, "b")]), Tx([(0, 0), (0, 1)], [(9, "c"), (9, "d")])]
    chain = build(made)
    for family in CoinJoin:
        clusters = clustering.cluster(chain, np.array([0, family], np.uint8))
        joined = [0, 0, 2, 3] if not family.parts_inputs else [0, 1, 2, 3]
        assert clusters.tolist() == joined


def test_explain_in_a_wide_transaction_stays_short() -> None:
    n = 20_000
    funding = Tx([], [(10, f"s{i}") for i in range(n)])
    chain = build([funding, Tx([(0, i) for i in range(n)], [(1, "s0")])])
    coinjoin = np.zeros(2, np.uint8)
    clusters = clustering.cluster(chain, coinjoin)
    assert clustering.explain(chain, coinjoin, clusters, n - 1, 17) == [
        Link(n - 1, 17, 1, "multi-input")
    ]


def test_empty_chain() -> None:
    chain = build([])
    none = np.empty(0, np.uint8)
    clusters = clustering.cluster(chain, none)
    assert clusters.tolist() == clustering.cluster_order(clusters).tolist() == []
    assert clustering.largest(clusters, 3)[0].tolist() == []
    assert clustering.growth_by_transaction(chain, none).tolist() == []


def test_refusals() -> None:
    chain = build([Tx([], [(10, "a"), (10, "b")]), Tx([(0, 0), (0, 1)], [(9, "c")])])
    coinjoin = np.zeros(2, np.uint8)
    clusters = clustering.cluster(chain, coinjoin)
    order = clustering.cluster_order(clusters)
    for a, b in ((3, 0), (0, 3), (-1, 0)):
        with pytest.raises(UsageError, match="allowed is 0 to 2"):
            clustering.explain(chain, coinjoin, clusters, a, b)
    with pytest.raises(UsageError, match="script 3"):
        clustering.member_range(clusters, order, 3)
    with pytest.raises(UsageError, match="first_tx"):
        clustering.extend_clusters(clusters, chain, coinjoin, 3)
    with pytest.raises(UsageError, match="reorganisation"):
        clustering.extend_clusters(np.arange(4, dtype=np.uint32), chain, coinjoin, 0)
    with pytest.raises(UsageError, match="other verdicts"):
        clustering.explain(chain, np.array([0, CoinJoin.generic], np.uint8), clusters, 0, 1)


def test_cluster_agrees_with_graphsense_clustering() -> None:
    """Beside the peer's package, where it is installed, on the same random spends."""
    peer = pytest.importorskip("gs_clustering", reason="the bench extra is not installed")
    rng = np.random.default_rng(2)
    n = 2_000
    names = rng.integers(0, n, 3 * n)
    funding = Tx([], [(1, f"s{i}") for i in range(n)] + [(1, f"s{i}") for i in names])
    cuts = np.sort(rng.choice(3 * n, n, replace=False))
    groups = [group for group in np.split(np.arange(n, 4 * n), cuts) if len(group)]
    chain = build([funding, *(Tx([(0, int(i)) for i in group], [(1, "s0")]) for group in groups)])
    clusters = clustering.cluster(chain, np.zeros(1 + len(groups), np.uint8))
    theirs = peer.Clustering(max_address_id=n)
    theirs.process_transactions([[int(names[i - n]) for i in group] for group in groups])
    smallest: dict[int, int] = {}
    for address, name in zip(*(column.to_pylist() for column in theirs.get_mapping()), strict=True):
        if address < n:
            smallest[name] = min(address, smallest.get(name, address))
            assert clusters[address] == smallest[name]
