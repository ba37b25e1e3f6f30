"""The truth file against the blocks, with rules written here a second time."""

from __future__ import annotations

import csv
import itertools
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.play.conftest import Case

from clewline.vocab import category

Part = tuple[str, int]
"""An origin and some satoshi."""


def exchange_addresses(case: Case) -> dict[str, str]:
    return {
        address: entity["id"]
        for entity in case.truth["entities"]
        if entity["kind"] == "exchange"
        for address in entity["hot"] + entity["cold"] + entity["deposit"]
    }


def mixes(case: Case) -> set[str]:
    return {mix["txid"] for mix in case.truth["coinjoins"] if mix["family"] != "whirlpool_tx0"}


def merged(parts: list[Part]) -> list[Part]:
    result: list[Part] = []
    for origin, value in parts:
        if result and result[-1][0] == origin:
            result[-1] = (origin, result[-1][1] + value)
        else:
            result.append((origin, value))
    return result


@pytest.fixture(scope="module")
def origins(case: Case) -> dict[str, list[Part]]:
    """FIFO from the genesis block on: what each output is made of, exchanges and mixes anew."""
    exchanges, mixed = exchange_addresses(case), mixes(case)
    parts: dict[str, list[Part]] = {}
    address: dict[str, str | None] = {}
    for tx in case.txs:
        spent = [f"{txid}:{vout}" for txid, vout in tx.inputs]
        fresh = (
            tx.is_coinbase
            or tx.txid in mixed
            or any(address[output] in exchanges for output in spent)
        )
        queue = [] if fresh else [part for output in spent for part in parts[output]]
        for vout, (value, script) in enumerate(tx.outputs):
            output = f"{tx.txid}:{vout}"
            address[output] = case.address(script)
            taken: list[Part] = [(output, value)] if fresh else []
            missing = 0 if fresh else value
            while missing > 0:
                origin, size = queue.pop(0)
                piece = min(size, missing)
                if size > piece:
                    queue.insert(0, (origin, size - piece))
                taken.append((origin, piece))
                missing -= piece
            parts[output] = merged(taken)
    return parts


def outputs(case: Case) -> dict[str, tuple[int, str | None]]:
    return {
        f"{tx.txid}:{vout}": (value, case.address(script))
        for tx in case.txs
        for vout, (value, script) in enumerate(tx.outputs)
    }


def paid(record: dict[str, Any]) -> tuple[str, tuple[int, str]]:
    return f"{record['txid']}:{record['vout']}", (record["value"], record["address"])


def test_it_says_that_it_is_made_up(case: Case) -> None:
    assert "made up" in case.truth["made_up"]
    assert case.truth["tip"] == case.summary.tip
    assert case.truth["transactions"] == case.summary.transactions
    assert case.truth["height"] == case.summary.height


def test_sources_are_what_fifo_finds(case: Case, origins: dict[str, list[Part]]) -> None:
    payments = case.truth["purchases"] + case.truth["payments"]
    for payment in payments:
        sources = [(source["output"], source["value"]) for source in payment["sources"]]
        assert sum(value for _, value in sources) == payment["value"]
        assert merged(sources) == origins[f"{payment['txid']}:{payment['vout']}"]


def test_sources_name_the_withdrawal(case: Case) -> None:
    withdrawals = {record["output"]: record for record in case.truth["withdrawals"]}
    mixed = mixes(case)
    spender = {f"{t}:{v}": tx for tx in case.txs for t, v in tx.inputs}
    place = outputs(case)
    exchanges = exchange_addresses(case)
    made = {tx.txid: tx for tx in case.txs}
    for payment in case.truth["purchases"]:
        for source in payment["sources"]:
            if source["origin"] == "coinjoin":
                assert source["output"].split(":")[0] in mixed
                assert source["exchange"] is None
                continue
            record = withdrawals[source["output"]]
            assert (record["exchange"], record["customer"]) == (
                source["exchange"],
                source["customer"],
            )
            assert record["value"] == place[source["output"]][0]
            tx = made[source["output"].split(":")[0]]
            funders = {exchanges[str(place[f"{t}:{v}"][1])] for t, v in tx.inputs}
            assert funders == {source["exchange"]}
            assert (source["hops"] == 0) == (payment["kind"] == "direct")
            assert source["hops"] == 0 or source["output"] in spender


def test_payments_cash_outs_refunds_and_dust_are_on_the_chain(case: Case) -> None:
    place = outputs(case)
    records = [
        record
        for key in ("purchases", "payments", "cashouts", "refunds", "dust")
        for record in case.truth[key]
    ]
    for record in records:
        output, what = paid(record)
        assert place[output] == what
    times = [block.time for block in case.blocks]
    height = {tx.txid: tx.height for tx in case.txs}
    for payment in case.truth["purchases"]:
        assert payment["height"] == height[payment["txid"]]
        assert payment["time"] == times[payment["height"]]


def test_purchases_are_all_that_the_site_was_paid_by_others(case: Case) -> None:
    site = next(entity for entity in case.truth["entities"] if entity["kind"] == "site")
    own = {address for address, who in case.truth["owner"].items() if who == site["id"]}
    dust = {paid(record)[0] for record in case.truth["dust"]}
    found = {
        output for output, (_, address) in outputs(case).items() if address in site["addresses"]
    }
    purchases = {paid(record)[0] for record in case.truth["purchases"]}
    assert found - dust == purchases
    assert set(site["addresses"]) < own


def test_every_kind_of_purchase_occurs(case: Case) -> None:
    purchases = case.truth["purchases"]
    kinds = Counter(payment["kind"] for payment in purchases)
    assert min(kinds[kind] for kind in ("direct", "one_hop", "more")) >= 10
    two_exchanges = [
        payment
        for payment in purchases
        if len({source["exchange"] for source in payment["sources"]}) > 1
    ]
    assert two_exchanges
    customers = {
        (record["exchange"], record["customer"]): record["person"]
        for record in case.truth["customers"]
    }
    shared = [
        payment
        for payment in purchases
        if len({customers.get((s["exchange"], s["customer"])) for s in payment["sources"]}) > 1
    ]
    assert shared
    through_mix = {source["origin"] for payment in purchases for source in payment["sources"]}
    assert through_mix == {"exchange", "coinjoin"}


def test_cash_outs_reach_three_exchanges_along_peel_chains(case: Case) -> None:
    site = [record for record in case.truth["cashouts"] if record["service"] == "site_1"]
    assert len({record["exchange"] for record in site}) == 3
    deposit = {
        (record["exchange"], record["customer"]): record["deposit_address"]
        for record in case.truth["customers"]
    }
    for record in case.truth["cashouts"]:
        assert deposit[record["exchange"], record["customer"]] == record["address"]
    made = {tx.txid: tx for tx in case.txs}
    assert case.truth["peel_chains"]
    for chain in case.truth["peel_chains"]:
        for step, following in itertools.pairwise(chain):
            txid, vout = step["rest"].split(":")
            assert made[following["txid"]].inputs == [(txid, int(vout))]


def cluster(case: Case, *, through_mixes: bool) -> dict[str, str]:
    """Multi-input clusters: address → representative."""
    parent: dict[str, str] = {}

    def find(address: str) -> str:
        while parent.setdefault(address, address) != address:
            address = parent[address]
        return address

    place, mixed = outputs(case), mixes(case)
    for tx in case.txs:
        if tx.is_coinbase or (tx.txid in mixed and not through_mixes):
            continue
        first, *others = (str(place[f"{t}:{v}"][1]) for t, v in tx.inputs)
        for other in others:
            parent[find(other)] = find(first)
    return {address: find(address) for address in parent}


def test_clusters_have_one_owner_but_for_mixes(case: Case) -> None:
    owner = case.truth["owner"]

    def owners(clusters: dict[str, str]) -> int:
        members = defaultdict(set)
        for address, representative in clusters.items():
            if address in owner:
                members[representative].add(owner[address])
        return max(len(who) for who in members.values())

    assert owners(cluster(case, through_mixes=False)) == 1
    assert owners(cluster(case, through_mixes=True)) >= 20


def test_labels_reach_deposit_addresses_and_a_site_is_one_cluster(case: Case) -> None:
    clusters = cluster(case, through_mixes=False)
    dusted_only = {record["address"] for record in case.truth["dust"]}
    for entity in case.truth["entities"]:
        if entity["kind"] == "exchange":
            labelled = {clusters[address] for address in entity["hot"] if address in clusters}
            assert {clusters[address] for address in entity["deposit"]} <= labelled
        else:
            addresses = {entity["main"], *entity["addresses"]} - dusted_only
            assert len({clusters[address] for address in addresses}) == 1, entity["name"]


def test_one_coinjoin_of_each_shape(case: Case) -> None:
    families = Counter(mix["family"] for mix in case.truth["coinjoins"])
    assert families == {
        "whirlpool_tx0": 5,
        "whirlpool": 2,
        "wasabi1": 1,
        "wasabi2": 1,
        "joinmarket": 1,
        "generic": 1,
    }
    made = {tx.txid: tx for tx in case.txs}
    place = outputs(case)
    for mix in case.truth["coinjoins"]:
        tx = made[mix["txid"]]
        spent = {str(place[f"{t}:{v}"][1]) for t, v in tx.inputs}
        assert {a for one in mix["participants"] for a in one["addresses"]} == spent
        assert len({one["who"] for one in mix["participants"]}) == len(mix["participants"])
        amounts = Counter(value for value, _ in tx.outputs)
        most = amounts.most_common(1)[0]
        if mix["family"] == "whirlpool":
            assert amounts == {5_000_000: 5}
            assert len(tx.inputs) == 5
        elif mix["family"] == "wasabi1":
            assert most[1] >= 10
            assert 9_000_000 < most[0] < 11_000_000
        elif mix["family"] == "wasabi2":
            assert len(tx.inputs) >= 50
            assert most[1] >= 3
        elif mix["family"] in ("joinmarket", "generic"):
            assert most[1] == len(mix["participants"])
            assert len(amounts) == most[1] + 1


def test_labels_name_what_outsiders_know(case: Case) -> None:
    with case.summary.labels.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    owner = case.truth["owner"]
    names = {entity["id"]: entity["name"] for entity in case.truth["entities"]}
    for row in rows:
        assert row["entity"] == names[owner[row["address"]]]
        assert row["entity"].endswith("(made up)")
        assert category(row["category"])
    mentions = [row for row in rows if row["type"] == "mention"]
    site = next(entity for entity in case.truth["entities"] if entity["kind"] == "site")
    assert len(mentions) == -(-len(site["addresses"]) // 10)
    assert {row["category"] for row in mentions} == {"child_sexual_abuse"}
    named = {row["entity"] for row in rows if row["type"] == "control"}
    assert len(named) == 14


def test_every_look_alike_is_paid(case: Case) -> None:
    """METHODS §5 names them; shops are the only ones beside."""
    look_alikes = {e["id"] for e in case.truth["entities"] if e["kind"] == "look_alike"}
    assert look_alikes == {
        *("gambling_1", "vpn_1", "shop_1", "donations_1"),
        *("tips_1", "file_host_1", "vouchers_1", "faucet_1"),
    }
    assert {payment["service"] for payment in case.truth["payments"]} == look_alikes


def test_prices_are_what_the_rates_of_the_day_say(case: Case) -> None:
    with case.summary.rates.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["source"] for row in rows} == {"made-up rates"}
    assert {row["pair"] for row in rows} == {case.truth["rates"]["pair"]}
    rates = {row["date"]: Decimal(row["rate"]) for row in rows}
    assert list(rates) == sorted(rates)
    for payment in case.truth["purchases"] + case.truth["payments"]:
        day = datetime.fromtimestamp(payment["time"], UTC).strftime("%Y-%m-%d")
        paid_usd = payment["value"] * rates[day] / 100_000_000
        # Wallets convert roughly, and a payment arrives up to a few blocks after it was priced.
        assert abs(paid_usd / payment["usd"] - 1) < Decimal("0.15")


def test_the_site_is_paid_over_33_months(case: Case) -> None:
    times = [purchase["time"] for purchase in case.truth["purchases"]]
    months = (max(times) - min(times)) / (365.25 / 12 * 86_400)
    assert 15 < months < 33  # a small case has few blocks, and nobody buys in the last of them
