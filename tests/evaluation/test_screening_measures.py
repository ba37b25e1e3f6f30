"""What screening says of the customers of a case is counted, and a wrong answer shows."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from clewline.evaluation.screening_measures import screening
from clewline.evaluation.shares import pooled
from clewline.evaluation.truth_sets import MadeUp, made_up


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    return made_up(tmp_path_factory.mktemp("cases"), "a test", 7, 1_000)


def counted(case: MadeUp) -> dict[str, tuple[int, int]]:
    return {one.measure: (one.count, one.of) for one in pooled(screening(case))}


def test_payers_and_cash_out_accounts_of_every_exchange_are_counted(case: MadeUp) -> None:
    found = counted(case)
    sources = [
        (source["exchange"], source["customer"])
        for purchase in case.truth["purchases"]
        for source in purchase["sources"]
        if purchase["kind"] == "direct"
    ]
    payers = len(set(sources))
    assert found["all listed: customers who paid the site, found"] == (payers, payers)
    assert found["all listed: customers called payers who are"] == (payers, payers)
    found_sold, sold = found["all listed: cash-out accounts found"]
    assert found_sold == sold > 0
    some, of = found["one in ten seen: customers who paid the site, found"]
    assert 0 < some < of == payers
    hits, everybody = found["one in ten seen: customers who are more than a lead"]
    assert hits == 0 < everybody


def test_a_wrong_answer_is_counted_so(case: MadeUp) -> None:
    """A payer whom the truth calls a customer of a look-alike was called one wrongly."""
    truth = copy.deepcopy(case.truth)
    taken = next(one for one in truth["purchases"] if one["kind"] == "direct")
    (source,) = taken["sources"]
    same = [
        one
        for one in truth["purchases"]
        if any(
            (part["exchange"], part["customer"]) == (source["exchange"], source["customer"])
            for part in one["sources"]
        )
    ]
    truth["purchases"] = [one for one in truth["purchases"] if one not in same]
    truth["payments"] += same
    found = counted(replace(case, truth=truth))
    right, said = found["all listed: customers called payers who are"]
    assert right == said - 1
    assert found["all listed: customers of look-alikes who are more than a lead"][0] == 1
