"""The tables of a case on a small made-up chain, with labels of every strength."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clewline.errors import UnknownAddressError, UsageError
from clewline.play import PlaySummary, make_play
from clewline.vocab import categories
from clewline.workspace import Limits, Rates, Workspace, import_blocks, import_labels
from clewline.workspace.cases import CASHOUT_COLUMNS, NO_GUILT, PAYER_COLUMNS

NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"


@pytest.fixture(scope="module")
def made_case(tmp_path_factory: pytest.TempPathFactory) -> PlaySummary:
    return make_play(tmp_path_factory.mktemp("site") / "case", 900, seed=3)


@pytest.fixture(scope="module")
def truth(made_case: PlaySummary) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(made_case.truth.read_text("utf-8"))
    return record


@pytest.fixture(scope="module")
def bare(made_case: PlaySummary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("bare") / "store"
    import_blocks(store, made_case.blocks)
    return store


def labelled(bare: Path, directory: Path, *files: Path, **more: str) -> Workspace:
    """A copy of the store with label files, and further rows: address, entity and so on."""
    store = Path(shutil.copytree(bare, directory / "store"))
    for name, text in more.items():
        (directory / f"{name}.csv").write_text(
            "address,entity,category,source,confidence,type,cluster\n" + text
        )
    import_labels(store, [*files, *(directory / f"{name}.csv" for name in more)], recorded=0)
    return Workspace.open(store)


@pytest.fixture(scope="module")
def workspace(
    bare: Path, made_case: PlaySummary, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    return labelled(bare, tmp_path_factory.mktemp("labelled"), made_case.labels)


@pytest.fixture(scope="module")
def site(truth: dict[str, Any]) -> list[str]:
    return list(next(e for e in truth["entities"] if e["kind"] == "site")["addresses"])


def parts(answer: dict[str, Any]) -> int:
    """Add up what the law of an answer names on its left."""
    return sum(answer[name] for name in answer["law"].partition(" = ")[0].split(" + "))


@pytest.mark.parametrize("cluster", [False, True])
@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_payers_hold_everything_that_was_received(
    workspace: Workspace, site: list[str], method: str, cluster: bool
) -> None:
    answer = workspace.payers(site, method, cluster=cluster)
    rows = answer["payments"]
    assert parts(answer) == answer["received"] > 0
    by_service = sum(row["amount"] for row in rows if row["entity"])
    assert by_service == answer["services"] == sum(row["amount"] for row in answer["payers"])
    for payment in {row["payment"] for row in rows}:
        its = [row for row in rows if row["payment"] == payment]
        assert sum(row["amount"] for row in its) == its[0]["payment_value"]
    assert answer["own_moves"] > 0 if cluster else answer["own"] == 0
    assert answer == workspace.payers(site, method, cluster=cluster)


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_cashouts_hold_everything_that_was_received(
    workspace: Workspace, site: list[str], method: str
) -> None:
    answer = workspace.cashouts(site, method, cluster=True)
    assert parts(answer) == answer["received"] > 0
    assert sum(row["amount"] for row in answer["cashouts"]) == answer["services"]
    assert all(row["amount"] <= row["deposit_value"] for row in answer["cashouts"])
    assert {row["counts_as"] for row in answer["cashouts"]} == {"lead"}


def test_rows_have_the_columns_that_are_documented(workspace: Workspace, site: list[str]) -> None:
    for row in workspace.payers(site)["payments"]:
        assert list(row) == list(PAYER_COLUMNS)
    for row in workspace.cashouts(site)["cashouts"]:
        assert list(row) == list(CASHOUT_COLUMNS)


def test_the_tables_are_those_of_the_request_packs(
    workspace: Workspace, site: list[str], tmp_path: Path
) -> None:
    """One product, one answer: the same payouts and deposits as in the packs."""
    workspace.report(site, tmp_path / "packs")
    movements: Counter[tuple[str, str, str]] = Counter()
    for pack in sorted((tmp_path / "packs").glob("*/request.json")):
        record = json.loads(pack.read_text())
        for one in record["movements"]:
            movements[one["direction"], record["exchange"]["name"], one["outpoint"]] += one[
                "traced"
            ]
    tables: Counter[tuple[str, str, str]] = Counter()
    for row in workspace.payers(site)["payments"]:
        if row["category"] == "exchange":
            tables["withdrawal", row["entity"], row["payout"]] += row["amount"]
    for row in workspace.cashouts(site)["cashouts"]:
        if row["category"] == "exchange":
            tables["deposit", row["entity"], row["deposit"]] += row["amount"]
    assert tables == movements


def test_only_a_direct_payment_to_a_controlled_address_counts_as_a_purchase(
    bare: Path, made_case: PlaySummary, truth: dict[str, Any], tmp_path: Path
) -> None:
    """METHODS §5, rule 2."""
    direct = list(dict.fromkeys(p["address"] for p in truth["purchases"] if p["kind"] == "direct"))
    one_hop = next(p["address"] for p in truth["purchases"] if p["kind"] == "one_hop")
    controlled, mentioned, unknown = direct[:3]
    tail = "Site 1 (made up),csam,made-up hotline,60"
    workspace = labelled(
        bare,
        tmp_path,
        made_case.labels,
        more=f"{controlled},{tail},control,no\n{one_hop},{tail},control,no\n"
        f"{mentioned},{tail},mention,no\n",
    )
    rows = workspace.payers([controlled, mentioned, unknown, one_hop])["payments"]
    found = {(row["address"], row["link"]): row for row in rows}
    assert found[controlled, "direct"]["counts_as"] == "purchase"
    assert found[controlled, "direct"]["address_standing"] == "control"
    assert found[one_hop, "one_hop"]["counts_as"] == "lead"
    assert found[mentioned, "direct"]["counts_as"] == "lead"
    assert "does not say who controls it" in found[mentioned, "direct"]["reason"]
    assert found[unknown, "direct"]["counts_as"] == "lead"
    assert {"refund", "dusting", "holder"} <= set(found[controlled, "direct"]["alternatives"])


def test_control_of_another_address_of_the_cluster_makes_no_purchase(
    bare: Path, made_case: PlaySummary, truth: dict[str, Any], tmp_path: Path
) -> None:
    first, second = list(
        dict.fromkeys(p["address"] for p in truth["purchases"] if p["kind"] == "direct")
    )[:2]
    workspace = labelled(
        bare,
        tmp_path,
        made_case.labels,
        more=f"{first},Site 1 (made up),csam,made-up hotline,60,control,yes\n",
    )
    rows = workspace.payers([second])["payments"]
    assert {row["address_standing"] for row in rows} == {"control_of_cluster"}
    assert {row["counts_as"] for row in rows} == {"lead"}


def test_an_exchanges_deposit_address_flags_no_other_customer(
    workspace: Workspace, truth: dict[str, Any]
) -> None:
    """METHODS §3: the site is paid at an exchange; its cluster is everybody's."""
    account = next(c for c in truth["cashouts"] if c["service"] == "site_1")
    address = account["address"]
    answer = workspace.payers([address], cluster=True)
    assert (answer["addresses"], answer["addresses_held_by_services"]) == (1, 1)
    assert {row["address"] for row in answer["payments"]} == {address}
    for row in answer["payments"]:
        assert "a service holds for a customer" in row["reason"]
        assert "reassigned" in row["alternatives"]
    cashed = workspace.cashouts([address], cluster=True)
    assert cashed["services"] == cashed["received"] == parts(cashed)
    assert {row["hops"] for row in cashed["cashouts"]} == {0}
    assert {row["address"] for row in cashed["cashouts"]} == {address}


def test_fiat_figures_are_what_was_asked_for(
    workspace: Workspace, made_case: PlaySummary, truth: dict[str, Any], site: list[str]
) -> None:
    rates = Rates.read(made_case.rates)
    usd = {f"{p['txid']}:{p['vout']}": p["usd"] for p in truth["purchases"]}
    rows = workspace.payers(site, rates=rates)["payments"]
    whole = [row for row in rows if row["amount"] == row["payment_value"] and row["payment"] in usd]
    assert whole
    for row in whole:
        assert float(row["fiat"]) == pytest.approx(usd[row["payment"]], rel=0.15)
        assert (row["currency"], row["rate_time"][:10]) == ("USD", row["time"][:10])
    without = workspace.payers(site)["payments"]
    assert {row["fiat"] for row in without} == {None}
    assert {row["no_fiat"] for row in without} == {"no file of rates was given"}


def test_a_time_range_chooses_payments_and_not_what_paid_them(
    workspace: Workspace, truth: dict[str, Any], site: list[str]
) -> None:
    times = sorted(p["time"] for p in truth["purchases"])
    since, until = times[len(times) // 3], times[2 * len(times) // 3]
    inside = {f"{p['txid']}:{p['vout']}" for p in truth["purchases"] if since <= p["time"] <= until}
    answer = workspace.payers(site, limits=Limits(since=since, until=until))
    assert {row["payment"] for row in answer["payments"]} == inside
    assert answer["capped"] == 0
    assert parts(answer) == answer["received"]


def test_caps_are_numbers_in_the_answer(workspace: Workspace, site: list[str]) -> None:
    for limits in (Limits(max_hops=0), Limits(max_hops=1), Limits(max_transactions=3)):
        answer = workspace.payers(site, limits=limits)
        assert answer["capped"] > 0
        assert parts(answer) == answer["received"]
    assert {
        row["link"] for row in workspace.payers(site, limits=Limits(max_hops=1))["payments"]
    } == {
        "direct",
        "none",
    }


def test_answers_name_where_their_accuracy_stands(workspace: Workspace, site: list[str]) -> None:
    assert workspace.payers(site)["accuracy"] == "docs/ACCURACY.md#payers"
    assert workspace.cashouts(site)["accuracy"] == "docs/ACCURACY.md#cash-outs"


def test_leads_of_a_case_are_leads(
    workspace: Workspace, made_case: PlaySummary, site: list[str]
) -> None:
    answer = workspace.leads(site, cluster=True, rates=Rates.read(made_case.rates))
    assert answer["leads"][0]["receiver"] == "the addresses given"
    assert NO_GUILT in answer["not_shown"]
    assert "never a category" in answer["not_shown"]
    assert answer["accuracy"] == "docs/ACCURACY.md#leads"
    for row in answer["leads"]:
        assert row["counts_as"] == "lead"
        assert len(row["reasons"]) == len(row["signs"]) >= 3
        assert not set(row) & {"category", "entity"}
        assert not set(row["signs"]) & set(categories())
    assert answer["looked_at"] > 1


def test_questions_that_cannot_be_answered(workspace: Workspace, site: list[str]) -> None:
    with pytest.raises(UnknownAddressError):
        workspace.payers([site[0], NOBODY])
    with pytest.raises(UsageError, match="no address is given"):
        workspace.cashouts([])
    with pytest.raises(UsageError, match="one output"):
        workspace.payers(["0" * 64 + ":0"])
    with pytest.raises(UsageError, match=r"no block: the chain has blocks from 20\d\d-"):
        workspace.cashouts(site, limits=Limits(until=1_000_000_000))
    with pytest.raises(UsageError, match="allowed: fifo, lifo"):
        workspace.payers(site, "haircut")
    with pytest.raises(UsageError, match="allowed: fifo, lifo, haircut"):
        workspace.cashouts(site, "poison")
    with pytest.raises(UsageError, match="is none of: fifo"):
        workspace.payers(site, "first come")
