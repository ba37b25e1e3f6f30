"""The story of the regtest chain, followed to the satoshi: payments back, the sweep forward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.core import CoreChain, satoshi
from tests.cli.command import answer

from clewline.workspace import Limits, Workspace

METHODS = ("fifo", "lifo", "haircut")
RESTS = ("unspent", "mined", "coinjoin", "capped", "fees")


def assert_conserved(trace: dict[str, Any]) -> None:
    """Every satoshi is in one part of the answer, and every service in its outputs."""
    reached = sum(service["value"] for service in trace["services"])
    assert reached + sum(trace[rest] for rest in RESTS) == trace["total"]
    assert sum(trace["limits"]["capped_by"].values()) == trace["capped"]
    for service in trace["services"]:
        assert sum(output["value"] for output in service["outputs"]) == service["value"] > 0


def payer(core: CoreChain, purchase: dict[str, Any]) -> set[str]:
    """Return the exchanges whose withdrawals paid for a purchase, directly or through a wallet."""
    paid_out = {
        core.outpoint(event["txid"], event["address"]): event["exchange"]
        for event in core.story("withdrawal")
        if event["customer"] == purchase["buyer"]
    }
    outpoint = core.outpoint(purchase["txid"], purchase["address"])
    if outpoint in paid_out:
        return {paid_out[outpoint]}
    inputs = core.transactions[purchase["txid"]]["inputs"]
    return {paid_out[f"{row['txid']}:{row['vout']}"] for row in inputs}


@pytest.mark.parametrize("method", METHODS)
def test_every_purchase_leads_back_whole_to_the_exchange_that_paid_it(
    labelled: Workspace, core: CoreChain, method: str
) -> None:
    purchases = list(core.story("purchase"))
    through_wallet = 0
    for purchase in purchases:
        seed = core.outpoint(purchase["txid"], purchase["address"])
        trace = labelled.trace("backward", [seed], method)
        assert_conserved(trace)
        assert trace["total"] == satoshi(purchase["value"]) == core.value(seed)
        assert [trace[rest] for rest in RESTS] == [0] * 5
        assert {service["entity"] for service in trace["services"]} == payer(core, purchase)
        assert {service["category"] for service in trace["services"]} == {"exchange"}
        hops = {service["hops"] for service in trace["services"]}
        through_wallet += hops == {2}
        assert hops in ({1}, {2})
        assert (hops == {1}) == (purchase["txid"] in withdrawals(core))
    assert len(purchases) == 46
    assert through_wallet == 24


def withdrawals(core: CoreChain) -> set[str]:
    return {event["txid"] for event in core.story("withdrawal")}


@pytest.mark.parametrize("method", METHODS)
def test_the_sweep_reaches_the_nine_cash_outs_exactly(
    labelled: Workspace, core: CoreChain, method: str
) -> None:
    (sweep,) = core.story("sweep")
    seed = core.outpoint(sweep["txid"], sweep["address"])
    trace = labelled.trace("forward", [seed], method)
    assert_conserved(trace)
    assert trace["total"] == satoshi(sweep["value"]) - core.transactions[sweep["txid"]]["fee"]
    reached = {
        (service["entity"], service["address"], f"{output['txid']}:{output['vout']}"):
        (output["value"], output["output_value"])
        for service in trace["services"]
        for output in service["outputs"]
    }  # fmt: skip
    wanted = {}
    for event in core.story("cashout"):
        outpoint = core.outpoint(event["txid"], event["address"])
        value = core.value(outpoint)
        wanted[event["exchange"], event["address"], outpoint] = (value, value)
    assert len(wanted) == 9
    assert reached == wanted
    assert (trace["mined"], trace["coinjoin"], trace["capped"]) == (0, 0, 0)


@pytest.mark.parametrize("method", METHODS)
def test_trace_prints_the_same(labelled_store: Path, labelled: Workspace, method: str) -> None:
    address = next(iter(labelled.trace("forward", [SITE])["services"]))["address"]
    for direction in ("forward", "backward"):
        command = ("trace", direction, address, "--method", method)
        printed = answer(*command, "--store", labelled_store, "--format", "json")
        assert json.loads(printed) == labelled.trace(direction, [address], method)


SITE = "n1Ws1Fkt7Do94fndW34ziQMtxv9hkKhZfQ"
"""Deposit address of buyer_00 at the site of the made-up case."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_traces_from_everywhere_conserve(
    labelled: Workspace, core: CoreChain, direction: str, method: str
) -> None:
    """Single outputs of all kinds, whole addresses, and all deposit addresses at once."""
    outpoints = [
        f"{txid}:{row['vout']}"
        for txid, tx in core.transactions.items()
        for row in tx["outputs"]
        if row["value"]
    ]
    for seed in outpoints[::23]:
        trace = labelled.trace(direction, [seed], method)
        assert_conserved(trace)
        assert trace["total"] == core.value(seed)
    deposits = list(core.truth["site_deposit_address"].values())
    trace = labelled.trace(direction, deposits, method)
    assert_conserved(trace)
    assert trace["total"] == sum(core.summaries[address]["received"] for address in deposits)
    for limits in (Limits(max_hops=1), Limits(min_value=5_000_000), Limits(max_transactions=2)):
        capped = labelled.trace(direction, [*deposits, outpoints[-1]], method, limits)
        assert_conserved(capped)


@pytest.mark.parametrize("method", METHODS)
def test_caps_are_reported_in_numbers(labelled: Workspace, core: CoreChain, method: str) -> None:
    (sweep,) = core.story("sweep")
    seed = core.outpoint(sweep["txid"], sweep["address"])
    value = core.value(seed)
    stopped = labelled.trace("forward", [seed], method, Limits(max_hops=0))
    assert (stopped["capped"], stopped["limits"]["capped_by"]["max_hops"]) == (value, value)
    assert stopped["services"] == []
    before = labelled.trace("forward", [seed], method, Limits(until=1))
    assert (before["capped"], before["limits"]["until"]) == (value, "1970-01-01T00:00:01Z")


def test_another_entity_is_reached_from_a_labelled_seed(
    labelled: Workspace, core: CoreChain
) -> None:
    """An exchange's own money walks on through the exchange: its label stops others' money."""
    for owner, hot in core.truth["hot"].items():
        trace = labelled.trace("forward", [hot])
        assert_conserved(trace)
        assert owner not in {service["entity"] for service in trace["services"]}
