"""Bitcoin Core's regtest chain: every answer about it equals what Core says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.acceptance.core import CoreChain, satoshi
from tests.cli.command import answer, clewline

from clewline.workspace import Workspace

CLUSTER_KEYS = {"cluster", "cluster_size", "labels", "conflicts", "tip", "height", "label_sets"}


@pytest.fixture(scope="module")
def export(regtest_store: Path) -> str:
    return answer(
        *("chain", "export", "--store", regtest_store),
        *("--table", "transactions", "--format", "jsonl"),
    )


def test_every_transaction_is_what_core_shows(export: str, core: CoreChain) -> None:
    rows = [json.loads(line) for line in export.splitlines()]
    families = {row["txid"]: row.pop("coinjoin") for row in rows}
    assert rows == list(core.transactions.values())
    zoo = core.truth["zoo"]["coinjoin"]
    assert families.pop(zoo) is not None
    assert set(families.values()) == {None}


def test_tx_show_prints_the_exported_lines(
    export: str, core: CoreChain, regtest_store: Path
) -> None:
    show = ("--store", regtest_store, "--format", "jsonl")
    assert answer("tx", "show", "-", *show, stdin="\n".join(core.transactions)) == export
    first, second, *_ = lines = export.splitlines()
    backwards = [json.loads(line)["txid"] for line in (second, first)]
    assert answer("tx", "show", *backwards, *show).splitlines() == [second, first]
    assert answer("tx", "show", core.blocks[-1]["tx"][0]["txid"].upper(), *show) in export
    assert len(lines) == sum(block["nTx"] for block in core.blocks)


def test_info_equals_gettxoutsetinfo(regtest_store: Path, core: CoreChain) -> None:
    info = json.loads(answer("chain", "info", "--store", regtest_store, "--format", "json"))
    rows = list(core.transactions.values())
    assert re.fullmatch("[0-9a-f]{64}", info.pop("digest"))
    assert info == {
        "network": core.truth["network"],
        "height": core.truth["utxo"]["height"],
        "tip": core.truth["utxo"]["bestblock"],
        "blocks": len(core.blocks),
        "transactions": len(rows),
        "inputs": sum(len(row["inputs"]) for row in rows),
        "outputs": sum(len(row["outputs"]) for row in rows),
        "addresses": len(core.summaries),
        "unspent_outputs": core.truth["utxo"]["txouts"],
        "unspent_value": satoshi(core.truth["utxo"]["total_amount"]),
    }


def test_stale_blocks_are_not_in_the_chain(regtest: Workspace, core: CoreChain) -> None:
    held = [row[::-1].tobytes().hex() for row in regtest.store.column("block.hash")]
    assert held == [block["hash"] for block in core.blocks]
    assert len(core.truth["stale"]) == 2
    assert not set(core.truth["stale"]) & set(held)


def test_every_address_of_the_story(regtest: Workspace, core: CoreChain) -> None:
    unpaid = 0
    for address in core.truth["owner"]:
        shown = regtest.address(address)
        extra = {key: shown.pop(key) for key in CLUSTER_KEYS}
        if address in core.summaries:
            assert shown == core.summaries[address]
            assert extra["cluster_size"] == len(core.clusters[address])
        else:
            unpaid += 1
            assert (shown["received"], shown["transactions"], extra["cluster"]) == (0, 0, None)
        assert (extra["tip"], extra["labels"]) == (core.truth["tip"], [])
    assert unpaid == len(core.truth["owner"].keys() - core.summaries.keys())


def test_address_show_prints_the_same(
    regtest_store: Path, regtest: Workspace, core: CoreChain
) -> None:
    for address in core.truth["hot"].values():
        command = ("address", "show", address, "--store", regtest_store, "--format", "json")
        assert json.loads(answer(*command)) == regtest.address(address)


def test_clusters_are_those_of_the_multi_input_rule(regtest: Workspace, core: CoreChain) -> None:
    by_cluster: dict[int, frozenset[str]] = {}
    for address, members in core.clusters.items():
        number = regtest.address(address)["cluster"]
        assert by_cluster.setdefault(number, members) == members
    assert len(by_cluster) == len(set(core.clusters.values()))


def test_cluster_show(regtest_store: Path, core: CoreChain) -> None:
    largest = sorted(set(core.clusters.values()), key=lambda found: (-len(found), min(found)))
    for members in largest[:3]:
        command = ("cluster", "show", min(members), "--store", regtest_store, "--format", "json")
        shown = json.loads(answer(*command))
        assert set(shown["addresses"]) == members
        assert shown["size"] == len(shown["addresses"]) == len(members)
        assert shown["scripts"] == []


def test_participants_of_the_coinjoin_stay_apart(regtest_store: Path, core: CoreChain) -> None:
    inputs = core.transactions[core.truth["zoo"]["coinjoin"]]["inputs"]
    addresses = [row["address"] for row in inputs]
    assert len(addresses) == len({core.truth["owner"][address] for address in addresses}) == 5
    as_json = ("--store", regtest_store, "--format", "json")
    clusters = {
        json.loads(answer("cluster", "show", address, *as_json))["cluster"] for address in addresses
    }
    assert len(clusters) == 5
    for other in addresses[1:]:
        told = json.loads(answer("cluster", "explain", addresses[0], other, *as_json))
        assert (told["same_cluster"], told["links"]) == (False, [])


def test_no_cluster_has_two_owners(core: CoreChain) -> None:
    """The story itself gives every cluster one owner, so the tests above prove no false merge."""
    owners = [
        {core.truth["owner"].get(address) for address in members}
        for members in set(core.clusters.values())
    ]
    assert Counter(map(len, owners)).keys() == {1}


def test_every_link_of_an_explanation_is_a_transaction_of_both(
    regtest_store: Path, regtest: Workspace, core: CoreChain
) -> None:
    explained = 0
    for members in sorted(set(core.clusters.values()), key=min):
        first, *others = sorted(members)
        for other in others:
            links = regtest.explain(first, other)["links"]
            assert (links[0]["from"], links[-1]["to"]) == (first, other)
            for link, after in zip(links, [*links[1:], {"from": other}], strict=True):
                spenders = {row["address"] for row in core.transactions[link["txid"]]["inputs"]}
                assert {link["from"], link["to"]} <= spenders
                assert (link["to"], link["rule"]) == (after["from"], "multi-input")
            explained += 1
    assert explained > 200
    as_json = ("--store", regtest_store, "--format", "json")
    printed = answer("cluster", "explain", links[0]["from"], links[-1]["to"], *as_json)
    assert json.loads(printed)["links"] == links


def test_check_finds_nothing_wrong(regtest_store: Path, core_regtest: Path) -> None:
    ran = clewline(
        "chain", "check", "--store", regtest_store, "--core-blocks", core_regtest / "blocks"
    )
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "undo data of 313 blocks" in ran.err
