"""Joining from several threads gives the bytes of joining from one, whatever the interleaving."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import Tx, build

from clewline.engine import clustering, forest
from clewline.engine.chain import Chain
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.errors import UsageError

Groups = list[list[int]]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hand out parts of single rows, so that small cases go to threads as well."""
    monkeypatch.setattr(forest, "_LEAST_PART", 1)
    yield


def simple(groups: Groups, n: int) -> list[int]:
    """Give every member of joined groups the smallest number, again and again."""
    smallest = list(range(n))
    while True:
        before = list(smallest)
        for group in groups:
            least = min((smallest[member] for member in group), default=0)
            for member in group:
                smallest[member] = least
        if smallest == before:
            return smallest


def as_lists(groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *map(len, groups)])
    return starts, np.array([member for group in groups for member in group], np.uint32)


def as_chain(groups: Groups, n: int) -> Chain:
    """Make a chain whose transactions spend the scripts of the groups together."""
    paid = [*range(n), *(member for group in groups for member in group)]
    funding = Tx([], [(1, f"s{member}") for member in paid])
    outputs = iter(range(n, len(paid)))
    spending = [
        Tx([(0, next(outputs)) for _member in group], [(1, "s0")]) for group in groups if group
    ]
    return build([funding, *spending])


@given(
    st.lists(st.lists(st.integers(0, 19), max_size=5), max_size=30),
    st.integers(1, 4),
)
def test_groups_equal_the_simple_way(groups: Groups, threads: int) -> None:
    starts, members = as_lists(groups)
    for offsets in (starts.astype(np.int32), starts.astype(np.int64)):
        found = clustering.cluster_groups(offsets, members, 20, threads)
        assert found.dtype == np.uint32
        assert found.tolist() == simple(groups, 20)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), max_size=15), st.data())
def test_a_chain_gives_the_same_in_threads(groups: Groups, data: st.DataObject) -> None:
    chain = as_chain(groups, 10)
    verdict = st.sampled_from([0, 0, CoinJoin.wasabi2])
    size = chain.n_tx
    coinjoin = np.array(data.draw(st.lists(verdict, min_size=size, max_size=size)), np.uint8)
    alone = clustering.cluster(chain, coinjoin)
    assert clustering.cluster(chain, coinjoin, 3).tobytes() == alone.tobytes()
    cut = data.draw(st.integers(0, size))
    first = clustering.cluster(chain, coinjoin) if cut == size else np.empty(0, np.uint32)
    grown = clustering.extend_clusters(first, chain, coinjoin, cut if cut == size else 0, 3)
    assert grown.tobytes() == alone.tobytes()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", ["local", "anywhere", "one chain", "one star"])
def test_large_graphs_in_threads(seed: int, shape: str) -> None:
    """Graphs in which threads meet all the time: the bytes of one thread, each time."""
    chance = np.random.default_rng(seed)
    n, groups = 30_000, 20_000
    sizes = chance.integers(0, 6, groups)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    count = int(starts[-1])
    members = {
        "local": np.arange(count) * n // count // 2 + chance.integers(0, 50, count),
        "anywhere": chance.integers(0, n, count),
        "one chain": np.minimum(np.arange(count), n - 1),
        "one star": np.where(chance.random(count) < 0.3, n - 1, chance.integers(0, n, count)),
    }[shape].astype(np.uint32)
    alone = clustering.cluster_groups(starts, members, n)
    assert (alone <= np.arange(n)).all()
    assert (alone[alone] == alone).all()
    for threads in (2, 5, 8):
        shared = clustering.cluster_groups(starts, members, n, threads)
        assert shared.tobytes() == alone.tobytes()


def test_a_swap_that_comes_too_late_looks_again() -> None:
    """What were roots a moment ago are joined by their roots of now."""
    parent = np.array([0, 0, 2, 2], np.uint32)
    assert forest.unite(parent, 1, 3) == 0
    assert parent.tolist() == [0, 0, 0, 2]
    forest.leave_roots(parent, 0, 4)
    assert parent.tolist() == [0, 0, 0, 0]


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 5))
def test_parts_are_all_rows_once(sizes: list[int], threads: int) -> None:
    bounds = np.cumsum([3, *sizes])
    for given_bounds in (None, bounds):
        seen: list[int] = []
        forest.in_parts(
            lambda first, end, seen=seen: seen.extend(range(first, end)),
            threads,
            len(sizes),
            given_bounds,
        )
        assert sorted(seen) == list(range(len(sizes)))


def test_what_a_part_raises_is_raised() -> None:
    def work(first: int, _end: int) -> None:
        if first:
            raise ValueError("a part")

    with pytest.raises(ValueError, match="a part"):
        forest.in_parts(work, 2, 100)


@pytest.mark.parametrize(
    ("starts", "members", "where"),
    [
        ([0, 1], [4], "members"),
        ([], [], "starts"),
        ([0, 2], [1], "starts"),
        ([0, 2, 1], [1, 2], "starts"),
        ([-1, 1], [1, 2], "starts"),
    ],
)
def test_groups_that_cannot_be_are_refused(
    starts: list[int], members: list[int], where: str
) -> None:
    with pytest.raises(UsageError) as refused:
        clustering.cluster_groups(np.array(starts, np.int64), np.array(members, np.uint32), 4)
    assert refused.value.where == where
    with pytest.raises(UsageError, match="uint32"):
        clustering.cluster_groups(np.array([0, 1]), np.array([1], np.int64), 4)
