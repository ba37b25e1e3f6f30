"""Clusters of a made-up chain, worked out again from its transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clewline.errors import UnknownAddressError
from clewline.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(plain_store: Path) -> Workspace:
    return Workspace.open(plain_store)


@pytest.fixture(scope="module")
def rows(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {row["txid"]: row for row in workspace.all_transactions()}


@pytest.fixture(scope="module")
def clusters(rows: dict[str, dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Members of the cluster of each address: inputs of one transaction that is no mix."""
    members: dict[str, frozenset[str]] = {}
    for row in rows.values():
        for output in row["outputs"]:
            if output["address"]:
                members.setdefault(output["address"], frozenset((output["address"],)))
        # A tx0 prepares one owner's coins for a Whirlpool mix; it mixes nobody.
        if row["coinjoin"] in (None, "whirlpool_tx0"):
            inputs = (members[spent["address"]] for spent in row["inputs"] if spent["address"])
            union = frozenset().union(*inputs)
            members.update(dict.fromkeys(union, union))
    return members


def test_clusters(workspace: Workspace, clusters: dict[str, frozenset[str]]) -> None:
    numbers: dict[int, frozenset[str]] = {}
    for address, members in clusters.items():
        shown = workspace.cluster(address)
        assert frozenset(shown["addresses"]) == members
        assert shown["size"] == len(members) + len(shown["scripts"])
        assert numbers.setdefault(shown["cluster"], members) == members
    assert len(numbers) == len(set(clusters.values()))
    largest = workspace.largest_clusters(10)
    sizes = sorted((len(members) for members in numbers.values()), reverse=True)
    assert [row["size"] for row in largest] == sizes[:10]


def test_explanations_are_chains_of_transactions(
    workspace: Workspace, rows: dict[str, dict[str, Any]], clusters: dict[str, frozenset[str]]
) -> None:
    longest = 0
    for members in sorted(set(clusters.values()), key=min):
        first, *others = sorted(members)
        assert workspace.explain(first, first)["links"] == []
        for other in others:
            told = workspace.explain(first, other)
            assert told["same_cluster"]
            at = first
            for link in told["links"]:
                assert link["from"] == at
                spenders = {spent["address"] for spent in rows[link["txid"]]["inputs"]}
                assert {link["from"], link["to"]} <= spenders
                at = link["to"]
            assert at == other
            longest = max(longest, len(told["links"]))
    assert longest > 1


def test_strangers_have_no_explanation(
    workspace: Workspace, clusters: dict[str, frozenset[str]]
) -> None:
    first, second = sorted(set(clusters.values()), key=min)[:2]
    told = workspace.explain(min(first), min(second))
    assert (told["same_cluster"], told["links"]) == (False, [])


def test_clusters_of_addresses_that_are_not_there(workspace: Workspace) -> None:
    nobody = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
    with pytest.raises(UnknownAddressError):
        workspace.cluster(nobody)
    with pytest.raises(UnknownAddressError):
        workspace.with_clusters([nobody])


def test_with_clusters_keeps_order_and_outpoints(
    workspace: Workspace, clusters: dict[str, frozenset[str]]
) -> None:
    big, small = sorted(set(clusters.values()), key=lambda found: (-len(found), min(found)))[:2]
    outpoint = "00" * 32 + ":0"
    seeds = [min(small), outpoint, min(big), max(small)]
    chosen = workspace.with_clusters(seeds)
    assert len(chosen) == len(set(chosen)) == len(small) + 1 + len(big)
    assert set(chosen) == {*small, outpoint, *big}
    assert chosen[0] == min(small)
    assert chosen.index(outpoint) < chosen.index(min(big))
