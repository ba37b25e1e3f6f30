"""Paths, common counterparties, peel chains and deposit addresses of a made-up case."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import answer, clewline
from tests.cli.conftest import MadeUp

RESTS = ("services", "unspent", "mined", "coinjoin", "capped", "fees")


def ask(case: MadeUp, *arguments: object) -> dict[str, Any]:
    text = answer("trace", *arguments, "--store", case.store, "--format", "json")
    answered: dict[str, Any] = json.loads(text)
    return answered


def entity(case: MadeUp, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in case.truth["entities"] if e["id"] == name)
    return found


@pytest.fixture(scope="module")
def deposit_addresses(case: MadeUp) -> dict[str, str]:
    """Address → name of the exchange whose deposit address it is."""
    return {
        address: str(one["name"])
        for one in case.truth["entities"]
        if one["kind"] == "exchange"
        for address in one["deposit"]
    }


@pytest.fixture(scope="module")
def wallets_only(case: MadeUp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose labels name the exchanges' own wallets alone, and pass nothing on."""
    directory = tmp_path_factory.mktemp("wallets")
    store = Path(shutil.copytree(case.store, directory / "store"))
    rows = ["address,entity,category,source,confidence,cluster"]
    rows += [
        f"{address},{one['name']},exchange,made up,90,no"
        for one in case.truth["entities"]
        if one["kind"] == "exchange"
        for address in one["hot"] + one["cold"]
    ]
    table = directory / "wallets.csv"
    table.write_text("\n".join(rows) + "\n")
    answer("label", "import", table, "--store", store, "--set", "wallets")
    return store


# Paths


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_a_direct_purchase_is_a_path_of_one_hop(case: MadeUp, method: str) -> None:
    bought = [
        (purchase, source)
        for purchase in case.truth["purchases"]
        if purchase["kind"] == "direct"
        for source in purchase["sources"]
        if source["origin"] == "exchange"
    ]
    assert bought
    for purchase, source in bought[:5]:
        payer = f"entity:{entity(case, source['exchange'])['name']}"
        outpoint = f"{purchase['txid']}:{purchase['vout']}"
        found = ask(case, "path", payer, outpoint, "--method", method)
        # Backward, a path begins at each coin that the exchange spent.
        assert sum(path["value"] for path in found["paths"]) == purchase["value"]
        for path in found["paths"]:
            assert path["hops"] == 1
            last = path["steps"][-1]
            assert (last["txid"], last["vout"]) == (purchase["txid"], purchase["vout"])
            assert last["address"] == purchase["address"]


def test_a_path_says_how_much_by_which_steps_and_what_was_searched(case: MadeUp) -> None:
    cashout = case.truth["cashouts"][0]
    site = entity(case, cashout["service"])
    found = ask(case, "path", f"cluster:{site['addresses'][0]}", cashout["address"])
    assert found["from"]["kind"] == "cluster"
    assert found["from"]["scripts"] > 1
    assert found["to"] == {
        "given": cashout["address"],
        "kind": "address",
        "scripts": 1,
        "outputs": found["to"]["outputs"],
    }
    assert found["value"] > 0
    assert found["value"] + sum(found[rest] for rest in RESTS) == found["total"]
    assert found["paths_found"] == len(found["paths"])
    values = [path["value"] for path in found["paths"]]
    assert values == sorted(values, reverse=True)
    for path in found["paths"]:
        times = [step["time"] for step in path["steps"]]
        assert times == sorted(times)
        assert (path["first_time"], path["last_time"]) == (times[0], times[-1])
        assert path["bottleneck"] == min(step["carried"] for step in path["steps"])
        assert all(0 < step["carried"] <= step["value"] for step in path["steps"])
        assert path["steps"][-1]["address"] == cashout["address"]
    assert f"{found['value']:,} satoshi" in found["reason"]
    assert "all of it was followed to its end" in found["reason"]
    assert found["label_sets"][0]["name"] == "public"
    assert found == ask(case, "path", f"cluster:{site['addresses'][0]}", cashout["address"])


def test_a_search_that_is_cut_off_says_so(case: MadeUp) -> None:
    cashout = case.truth["cashouts"][0]
    site = entity(case, cashout["service"])["addresses"][0]
    found = ask(case, "path", f"cluster:{site}", cashout["address"], "--max-hops", "0")
    assert (found["value"], found["paths"]) == (0, [])
    assert found["capped"] == found["limits"]["capped_by"]["max_hops"] > 0
    assert "so there may be more" in found["reason"]
    found = ask(case, "path", f"cluster:{site}", cashout["address"], "--max-nodes", "0")
    assert found["limits"]["capped_by"]["max_nodes"] > 0


def test_paths_as_table_and_csv(case: MadeUp) -> None:
    cashout = case.truth["cashouts"][0]
    site = entity(case, cashout["service"])["addresses"][0]
    asked = ("trace", "path", f"cluster:{site}", cashout["address"], "--store", case.store)
    assert "bottleneck" in answer(*asked)
    head, *rows = answer(*asked, "--format", "csv").splitlines()
    assert head == "value,hops,bottleneck,first_time,last_time,steps"
    assert rows


@pytest.mark.parametrize(
    ("payer", "words"),
    [
        ("entity:Nobody", ("entity:Nobody: no service of this name", "Exchange A")),
        ("cluster:nonsense", ("nonsense", "bad-address")),
        ("00" * 32, ("TXID:VOUT",)),
        ("00" * 32 + ":0", ("unknown-transaction",)),
    ],
)
def test_parties_that_are_none(case: MadeUp, payer: str, words: tuple[str, ...]) -> None:
    address = case.truth["purchases"][0]["address"]
    ran = clewline("trace", "path", payer, address, "--store", case.store)
    assert (ran.code, ran.out) == (2, "")
    assert all(word in ran.err for word in words), ran.err


def test_paths_that_cannot_be(case: MadeUp) -> None:
    address = case.truth["purchases"][0]["address"]
    ran = clewline("trace", "path", address, f"cluster:{address}", "--store", case.store)
    assert (ran.code, ran.out) == (2, "")
    assert "share an output" in ran.err
    ran = clewline("trace", "path", address, address, "--method", "poison", "--store", case.store)
    assert ran.code == 2


# Common counterparties


def test_buyers_of_one_exchange_have_it_in_common(case: MadeUp) -> None:
    by_exchange: dict[str, list[str]] = {}
    for purchase in case.truth["purchases"] + case.truth["payments"]:
        if purchase["kind"] == "direct" and purchase["sources"][0]["origin"] == "exchange":
            by_exchange.setdefault(purchase["sources"][0]["exchange"], []).append(
                purchase["address"]
            )
    name, bought = next((k, sorted(set(v))) for k, v in by_exchange.items() if len(set(v)) > 1)
    found = ask(case, "common", *bought)
    by_name = {one["entity"]: one for one in found["counterparties"]}
    exchange = by_name[entity(case, name)["name"]]
    assert exchange["kind"] == "entity"
    assert exchange["category"] == "exchange"
    assert exchange["shared_by"] == len(bought)
    paid = [one for one in exchange["dealings"] if one["direction"] == "paid it"]
    assert {one["address"] for one in paid} == set(bought)
    for one in paid:
        assert one["hops"] == 1
        assert one["first_time"] <= one["last_time"]
        assert one["value"] > 0
    assert found["found"] == len(found["counterparties"])
    assert found["limits"]["not_followed"] == 0
    far = ask(case, "common", *bought, "--hops", "3")
    assert far["found"] >= found["found"]
    short = ask(case, "common", *bought, "--max-nodes", "0")
    assert short["limits"]["not_followed"] > 0
    assert (short["found"], short["counterparties"]) == (0, [])
    assert len(ask(case, "common", *bought, "--most", "1")["counterparties"]) == 1


def test_one_address_has_nothing_in_common(case: MadeUp) -> None:
    address = case.truth["purchases"][0]["address"]
    ran = clewline("trace", "common", address, address, "--store", case.store)
    assert (ran.code, ran.out) == (2, "")
    assert "two addresses or more" in ran.err
    assert clewline("trace", "common", address, "--hops", "0", "--store", case.store).code == 2


# Peel chains


def test_peel_chains_of_the_truth_are_followed(case: MadeUp) -> None:
    assert case.truth["peel_chains"]
    deposits = {account["address"]: account["exchange"] for account in case.truth["cashouts"]}
    for run in case.truth["peel_chains"]:
        found = ask(case, "peel", run[0]["rest"])
        rests = [step["rest"] for step in run[1:] if step.get("rest")]
        kept = [f"{step['txid']}:{step['kept_vout']}" for step in found["steps"]]
        assert kept
        assert kept == rests[: len(kept)]
        assert len(kept) >= len(rests) - 1
        for step in found["steps"]:
            assert step["entity"] == entity(case, deposits[step["to"]])["name"]
            assert step["confidence"] in ("one sign", "two signs or more")
        assert found["paid"] == sum(step["paid"] for step in found["steps"])
        assert found["ends_at"] == kept[-1]
        assert found["reason"]
        assert "assumption" in found["heuristic"]
        short = ask(case, "peel", run[0]["rest"], "--max-steps", "1")
        assert (len(short["steps"]), short["stop"]) == (1, "max_steps")


def test_a_peel_chain_begins_with_an_output(case: MadeUp) -> None:
    address = case.truth["purchases"][0]["address"]
    ran = clewline("trace", "peel", address, "--store", case.store)
    assert (ran.code, ran.out) == (2, "")
    assert "TXID:VOUT" in ran.err


# Deposit addresses


def test_deposit_addresses_are_inferred_and_marked(
    case: MadeUp, wallets_only: Path, deposit_addresses: dict[str, str]
) -> None:
    def deposit_of(address: str) -> dict[str, Any] | None:
        shown = json.loads(
            answer("address", "show", address, "--store", wallets_only, "--set", "wallets",
                   "--format", "json")
        )  # fmt: skip
        assert shown["labels"] == []
        found: dict[str, Any] | None = shown.get("deposit_of")
        return found

    spent_with: dict[str, set[str]] = {}
    for line in answer("chain", "export", "--table", "transactions", "--store", wallets_only,
                       "--format", "jsonl").splitlines():  # fmt: skip
        payers = {one["address"] for one in json.loads(line)["inputs"]}
        for address in payers:
            spent_with.setdefault(address, set()).update(payers)
    used = {cashout["address"] for cashout in case.truth["cashouts"]}
    swept = {address for address in used if len(spent_with[address]) > 1}
    assert swept
    for address in sorted(used - swept):
        assert deposit_of(address) is None  # swept alone: nothing tells it from a customer's own
    for address in sorted(swept):
        found = deposit_of(address)
        assert found is not None
        assert found["entity"] == deposit_addresses[address]
        assert found["category"] == "exchange"
        assert found["basis"] == "inferred"
        assert found["sweep_count"] >= len(found["sweeps"]) > 0
        assert any(sweep["inputs"] > 1 for sweep in found["sweeps"])
    # The site sweeps its customers' payments, too, but into no service's wallet.
    for purchase in case.truth["purchases"][:10]:
        assert deposit_of(purchase["address"]) is None
    shown = json.loads(answer("label", "list", sorted(used)[0], "--store", wallets_only,
                              "--set", "wallets", "--format", "json"))  # fmt: skip
    assert shown["labels"] == []


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut", "poison"])
def test_a_trace_can_stop_at_inferred_deposit_addresses(
    case: MadeUp, wallets_only: Path, deposit_addresses: dict[str, str], method: str
) -> None:
    def trace(*options: str) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(
            answer("trace", "forward", case.truth["purchases"][0]["address"], "--method", method,
                   "--store", wallets_only, "--set", "wallets", "--format", "json", *options)
        )  # fmt: skip
        return given

    plain, stopped = trace(), trace("--stop-at-deposits")
    assert "deposits" not in plain
    assert not plain["limits"]["stop_at_deposits"]
    assert stopped["limits"]["stop_at_deposits"]
    assert stopped["deposits"]
    for row in stopped["deposits"]:
        assert row["entity"] == deposit_addresses[row["address"]]
        assert (row["basis"], row["value"] > 0) == ("inferred", True)
    if method != "poison":
        parts = [row["value"] for key in ("services", "deposits") for row in stopped[key]]
        assert sum(parts) + sum(stopped[rest] for rest in RESTS[1:]) == stopped["total"]
        assert stopped["law"].startswith("services + deposits + ")
    hops = {row["entity"]: row["hops"] for row in plain["services"]}
    for row in stopped["deposits"]:
        assert row["hops"] >= hops.get(row["entity"], 1) - 1


def test_what_is_left_out_of_a_long_answer_is_told(
    case: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clewline.workspace import Workspace, tracing

    workspace = Workspace.open(case.store)
    seeds = [purchase["address"] for purchase in case.truth["purchases"]]
    whole = workspace.trace("backward", seeds)
    assert whole["not_listed"] == {"rows": 0, "outputs": 0, "value": 0}
    outputs = sum(len(row["outputs"]) for row in whole["services"])
    monkeypatch.setattr(tracing, "LISTED_OUTPUTS", 3)
    short = workspace.trace("backward", seeds)
    assert sum(len(row["outputs"]) for row in short["services"]) == 3
    assert short["not_listed"]["outputs"] == outputs - 3
    assert short["not_listed"]["rows"] == len(whole["services"]) - len(short["services"])
    listed = sum(row["value"] for row in short["services"])
    assert listed + short["not_listed"]["value"] == sum(row["value"] for row in whole["services"])
