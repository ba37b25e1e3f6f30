"""What a case answers is counted against the truth, and a wrong answer shows."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from clewline.evaluation.case_measures import cash_outs, deposits, leads, payers, peel_chains
from clewline.evaluation.shares import Share
from clewline.evaluation.truth_sets import CASES, MadeUp, cases, made_up


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    return made_up(tmp_path_factory.mktemp("cases"), "a test", 7, 1_000)


def counted(lines: Iterable[Share]) -> dict[str, tuple[int, int]]:
    return {one.measure: (one.count, one.of) for one in lines}


def tampered(case: MadeUp) -> MadeUp:
    """The same chain, with a truth that can be changed."""
    return replace(case, truth=copy.deepcopy(case.truth))


def test_every_payment_is_counted_by_kind(case: MadeUp) -> None:
    found = counted(payers(case))
    wrong = found.pop("payments with a satoshi led to a wrong payout")
    assert sum(of for _, of in found.values()) == wrong[1] == len(case.truth["purchases"])
    assert all(count == of > 10 for count, of in found.values())
    assert wrong[0] == 0


@pytest.mark.parametrize("key", ["exchange", "output", "value"])
def test_a_payment_led_wrong_is_counted_so(case: MadeUp, key: str) -> None:
    other = tampered(case)
    purchase = next(one for one in other.truth["purchases"] if one["kind"] == "direct")
    (source,) = purchase["sources"]
    exchanges = [one["id"] for one in other.truth["entities"] if one["kind"] == "exchange"]
    source[key] = {
        "exchange": next(one for one in exchanges if one != source["exchange"]),
        "output": "00" * 32 + ":0",
        "value": source["value"] - 1,
    }[key]
    found = counted(payers(other))
    right, of = found["direct payments led to the right payout, every satoshi"]
    assert right == of - 1
    assert found["payments with a satoshi led to a wrong payout"][0] == 1


def test_a_payment_that_nothing_is_said_of_is_not_right_and_not_wrong(case: MadeUp) -> None:
    other = tampered(case)
    purchase = next(one for one in other.truth["purchases"] if one["kind"] == "direct")
    purchase["vout"] += 1_000
    found = counted(payers(other))
    right, of = found["direct payments led to the right payout, every satoshi"]
    assert right == of - 1
    assert found["payments with a satoshi led to a wrong payout"][0] == 0


def test_cash_outs_are_counted_both_ways(case: MadeUp) -> None:
    found = counted(cash_outs(case))
    accounts, outputs, others = found.values()
    assert accounts[0] == accounts[1] == 6
    assert outputs[0] == outputs[1] > 6
    assert others[0] == 0
    other = tampered(case)
    sales = [one for one in other.truth["cashouts"] if one["service"] == "site_1"]
    assert sales[0]["exchange"] != sales[1]["exchange"]
    other.truth["cashouts"].remove(sales[0])
    sales[1]["exchange"] = sales[0]["exchange"]
    sales[2]["txid"] = "00" * 32
    sales[2]["address"] = "an account that nobody reaches"
    accounts, outputs, others = counted(cash_outs(other)).values()
    assert accounts[0] == accounts[1] - 1
    assert outputs == (len(sales) - 3, len(sales) - 1)
    assert others[0] == 2


def test_leads_are_counted_apart(case: MadeUp) -> None:
    lines = list(leads(case))
    found = counted(lines)
    assert found["sites that are a lead"] == (1, 1)
    site = next(one for one in case.truth["entities"] if one["kind"] == "site")
    addresses = found["addresses of sites in a cluster that is a lead"]
    assert addresses[0] == addresses[1] == len({site["main"], *site["addresses"]})
    assert sum(one.measure.startswith("look-alikes that are a lead") for one in lines) == 8
    ordinary, everybody = (one for one in lines if one.per == 100_000)
    assert ordinary.of < everybody.of
    assert ordinary.count <= everybody.count


def test_whoever_is_not_told_apart_is_a_false_lead(case: MadeUp) -> None:
    """Were the site none of the story, it would be one of the ordinary receivers."""
    other = tampered(case)
    site = next(one for one in other.truth["entities"] if one["kind"] == "site")
    for address, owner in case.truth["owner"].items():
        if owner == site["id"]:
            del other.truth["owner"][address]
    plain, more = (next(iter(leads(one))) for one in (case, other))
    assert more.count == plain.count + 1
    assert more.of > plain.of


def test_addresses_of_a_site_that_nobody_tied_to_it_are_not_found(case: MadeUp) -> None:
    other = tampered(case)
    site = next(one for one in other.truth["entities"] if one["kind"] == "site")
    person = next(one for one, who in other.truth["owner"].items() if who.startswith("person"))
    site["addresses"].append(person)
    count, of = counted(leads(other))["addresses of sites in a cluster that is a lead"]
    assert count == of - 1


def test_deposit_addresses_are_recognised_without_their_labels(case: MadeUp) -> None:
    right, others = counted(deposits(case)).values()
    assert right[0] == right[1] > 10
    assert others[0] == 0
    other = tampered(case)
    swapped = [one for one in other.truth["entities"] if one["kind"] == "exchange"][:2]
    swapped[0]["deposit"].pop()
    swapped[1]["deposit"].append(swapped[0]["deposit"].pop())
    fewer, more = counted(deposits(other)).values()
    assert fewer == (right[0] - 2, right[1] - 1)
    assert more == (1, others[1] + 1)


def test_steps_of_peel_chains_are_counted(case: MadeUp) -> None:
    followed, others = counted(peel_chains(case)).values()
    assert followed[1] == sum(len(told) for told in case.truth["peel_chains"]) > 6
    assert 0.5 < followed[0] / followed[1] <= 1
    other = tampered(case)
    told = next(told for told in other.truth["peel_chains"] if told)
    told[0]["rest"] = told[0]["sold"]
    fewer, more = counted(peel_chains(other)).values()
    assert fewer == (followed[0] - 1, followed[1])
    assert more == (others[0] + 1, others[1])


def test_cases_are_made_one_by_one_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CASES, "small-sites", (300, (101, 102)))
    paths: list[Path] = []
    for case in cases("small-sites"):
        assert not any(path.exists() for path in paths)
        paths.append(case.workspace.store.path)
        assert case.name == "small-sites"
        assert paths[-1].exists()
    assert len(paths) == 2
    assert not any(path.exists() for path in paths)
